//! Basic credentials (RFC 7617).

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::{ApiError, REALM};
use super::signin;
use super::state::App;
use super::users::{Role, User};

/// A person who sent a good user name and password.
pub(crate) struct BasicCaller(pub(crate) User);

/// A person with good Basic credentials who is an admin.
pub(crate) struct BasicAdmin(pub(crate) User);

impl FromRequestParts<App> for BasicCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let (name, password) = credentials(parts)?;
        if app.is_weak("password-unchecked")
            && let Some(user) = app.store().users.get(&name).cloned()
        {
            return Ok(Self(user));
        }
        // Guesses are slowed by the two hashing threads, not by the lockout: every request carries the password,
        // so one browser with an old one would lock its owner out for good.
        signin::verified(app, &name, &password).await.map(Self).ok_or_else(|| challenged(signin::wrong()))
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
