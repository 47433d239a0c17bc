//! Basic credentials (RFC 7617). What verified once is remembered, for a password hash per request would be slow.

use aws_lc_rs::hmac;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::{ApiError, REALM};
use super::signin;
use super::state::App;
use super::users::{Role, Standing, User};

/// How many verified credentials are remembered.
const MOST_REMEMBERED: usize = 1_000;

/// A person who sent a good user name and password.
pub(crate) struct BasicCaller(pub(crate) User);

/// A person with good Basic credentials who is an admin.
pub(crate) struct BasicAdmin(pub(crate) User);

impl FromRequestParts<App> for BasicCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let (name, password) = credentials(parts)?;
        if let Some(user) = remembered(app, &name, &password) {
            return Ok(Self(user));
        }
        if app.is_weak("password-unchecked")
            && let Some(user) = app.store().users.get(&name).cloned()
        {
            return Ok(Self(user));
        }
        // Guesses are slowed by the two hashing threads, not by the lockout: every request carries the password,
        // so one browser with an old one would lock its owner out for good.
        let user = signin::verified(app, &name, &password).await.ok_or_else(|| challenged(signin::wrong()))?;
        remember(app, &user, &password);
        Ok(Self(user))
    }
}

impl FromRequestParts<App> for BasicAdmin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let BasicCaller(user) = BasicCaller::from_request_parts(parts, app).await?;
        if user.roles.contains(&Role::Admin) {
            return Ok(Self(user));
        }
        Err(ApiError::forbidden("this needs the role admin; log in as an admin"))
    }
}

/// The name and password of the request, or the 401 or 400 that says what is wrong with them.
fn credentials(parts: &Parts) -> Result<(String, String), ApiError> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(ApiError::bad_request("the request carries more than one credential; send exactly one"));
    }
    let value = first.and_then(|v| v.to_str().ok()).map(str::trim).unwrap_or_default();
    let (scheme, encoded) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        let message = "this needs a user name and a password: send `Authorization: Basic <base64 of name:password>`";
        return Err(challenged(ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message)));
    }
    let decoded = STANDARD.decode(encoded.trim_start_matches(' ')).ok();
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    // The first colon splits: a user name has none, a password may (RFC 7617 §2).
    let pair = text.as_deref().and_then(|t| t.split_once(':'));
    pair.map(|(name, password)| (name.to_owned(), password.to_owned())).ok_or_else(|| {
        let message = "the Basic credentials must be the base64 of `name:password` in UTF-8";
        challenged(ApiError::new(StatusCode::UNAUTHORIZED, "invalid_credentials", message))
    })
}

fn challenged(error: ApiError) -> ApiError {
    error.challenge(&format!("Basic realm=\"{REALM}\", charset=\"UTF-8\""))
}

/// What is remembered of a verified credential. The stored hash is part of it, so a new password forgets the old.
fn mark(app: &App, user: &User, password: &str) -> Vec<u8> {
    let mut context = hmac::Context::with_key(app.basic_key());
    for part in [user.name.as_str(), user.phc.as_str(), password] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    context.sign().as_ref().to_vec()
}

fn remembered(app: &App, name: &str, password: &str) -> Option<User> {
    let user = app.store().users.get(name).filter(|u| u.standing == Standing::Enabled).cloned()?;
    let mark = mark(app, &user, password);
    app.store().basic.contains(&mark).then_some(user)
}

fn remember(app: &App, user: &User, password: &str) {
    let mark = mark(app, user, password);
    let mut store = app.store();
    if store.basic.len() >= MOST_REMEMBERED {
        store.basic.clear();
    }
    store.basic.insert(mark);
}
