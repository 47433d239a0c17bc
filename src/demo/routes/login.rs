//! Registering, logging in and refreshing: how a person comes by tokens.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;
use serde_json::json;

use super::json;
use crate::demo::body::{Input, Shape};
use crate::demo::clock;
use crate::demo::error::{Answer, ApiError, bearer_challenge};
use crate::demo::password;
use crate::demo::sessions::{LONGEST_ACCESS, LONGEST_REFRESH, Lives, NotRefreshed, Opened};
use crate::demo::signin;
use crate::demo::state::App;
use crate::demo::store::Account;
use crate::demo::token::Keys;
use crate::demo::users::{NotAdded, Role, Standing, User};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/register", post(register)).route("/login", post(login)).route("/refresh", post(refresh))
}

#[derive(Deserialize)]
struct Registration {
    username: String,
    password: String,
    /// No part of the shape: only a weak demo looks at it.
    role: Option<Role>,
}

impl Shape for Registration {
    const SHAPE: &'static str = "{\"username\": text, \"password\": text}";
}

/// Other members of the body are ignored: nobody registers themselves as an admin.
async fn register(State(app): State<App>, Input(wanted): Input<Registration>) -> Answer {
    let name = wanted.username;
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    if name.is_empty() || name.len() > 40 || !name.bytes().all(legal) {
        return Err(ApiError::bad_request("a user name has 1 to 40 of the characters a-z 0-9 - _ ."));
    }
    check_new_password(&wanted.password)?;
    let role = wanted.role.filter(|_| app.is_weak("mass-assignment")).unwrap_or(Role::User);
    let user = User::new(&name, &password::hash(wanted.password).await?, role);
    let body = json!({ "id": user.id, "username": user.name, "roles": user.roles });
    let mut store = app.store();
    store.users.add(user).map_err(|why| match why {
        NotAdded::Taken => ApiError::conflict("username_taken", "this user name is taken; choose another"),
        NotAdded::Full => ApiError::conflict("full", "the demo keeps no more users; start a fresh one"),
    })?;
    store.accounts.push(Account::first_of(&name, 100));
    Ok(json(StatusCode::CREATED, &body))
}

/// Refuses a password that is too short to be chosen.
pub(super) fn check_new_password(new: &str) -> Result<(), ApiError> {
    if new.chars().count() < password::SHORTEST {
        let message = format!("a password has at least {} characters", password::SHORTEST);
        return Err(ApiError::bad_request(message));
    }
    Ok(())
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: Secret,
    lifetime: Option<u64>,
    refresh_lifetime: Option<u64>,
}

impl Shape for Login {
    const SHAPE: &'static str =
        "{\"username\": text, \"password\": text}, and may have \"lifetime\" and \"refresh_lifetime\" in seconds";
}

/// A password, or what is meant for the query language of a database.
#[derive(Deserialize)]
#[serde(untagged)]
enum Secret {
    Text(String),
    Query(BTreeMap<String, serde_json::Value>),
}

/// What it takes to note a wrong guess where that is done before the answer.
const SLOW_REFUSAL: Duration = Duration::from_millis(300);

/// The person of a name and a password.
async fn proven(app: &App, name: &str, secret: &Secret) -> Result<User, ApiError> {
    let password = match secret {
        Secret::Text(password) => password,
        // "A password that is not empty" is true of everybody's.
        Secret::Query(query) if query.contains_key("$ne") && app.is_weak("password-operators") => {
            return app.store().users.get(name).cloned().ok_or_else(signin::wrong);
        }
        Secret::Query(_) => return Err(ApiError::bad_request(format!("the body must look like {}", Login::SHAPE))),
    };
    let known = app.store().users.get(name).is_some();
    if !known && app.is_weak("tells-users-by-time") {
        return Err(signin::wrong().challenge(&bearer_challenge()));
    }
    let checked = signin::check(app, name, password).await;
    if checked.is_err() && app.is_weak("tells-users-by-time") {
        tokio::time::sleep(SLOW_REFUSAL).await;
    }
    checked.map_err(|refused| {
        if !known && app.is_weak("tells-users-by-status") {
            return ApiError::not_found("there is no such user");
        }
        if !known && app.is_weak("tells-users-by-body") {
            return ApiError::new(StatusCode::UNAUTHORIZED, "invalid_credentials", "there is no such user")
                .challenge(&bearer_challenge());
        }
        let error = refused.into_error();
        if known && app.is_weak("tells-users-by-headers") {
            return error.with(HeaderName::from_static("x-guesses-left"), "4");
        }
        error
    })
}

async fn login(State(app): State<App>, Input(login): Input<Login>) -> Answer {
    let lives = Lives {
        access: in_range("lifetime", login.lifetime, LONGEST_ACCESS)?,
        refresh: in_range("refresh_lifetime", login.refresh_lifetime, LONGEST_REFRESH)?,
    };
    let keys = app.keys.get().await?;
    let user = proven(&app, &login.username, &login.password).await?;
    let now = clock::now_ms();
    let opened = app.store().sessions.open(&user.name, lives, now);
    issue(&app, &keys, &user, &opened, now)
}

/// A lifetime in seconds: the longest unless the request asks for a shorter one.
fn in_range(field: &str, asked: Option<u64>, longest: u64) -> Result<u64, ApiError> {
    match asked.unwrap_or(longest) {
        seconds if (1..=longest).contains(&seconds) => Ok(seconds),
        _ => Err(ApiError::bad_request(format!("{field} must be from 1 to {longest} seconds"))),
    }
}

#[derive(Deserialize)]
struct Refresh {
    refresh_token: String,
}

impl Shape for Refresh {
    const SHAPE: &'static str = "{\"refresh_token\": text}";
}

async fn refresh(State(app): State<App>, Input(asked): Input<Refresh>) -> Answer {
    let keys = app.keys.get().await?;
    let now = clock::now_ms();
    let rotated = traded(&app, &keys, &asked.refresh_token, now).await;
    let refused = |message: String| {
        // RFC 6749 §5.2 has 400 here; as this is no OAuth token endpoint, 401 says plainly: log in again.
        let challenge = bearer_challenge();
        ApiError::new(StatusCode::UNAUTHORIZED, "invalid_grant", message).challenge(&challenge)
    };
    let opened = rotated.map_err(|why| refused(why.message()))?;
    let user = app.store().users.get(&opened.user).filter(|u| u.standing == Standing::Enabled).cloned();
    let user = user.ok_or_else(|| refused("the account was disabled; ask an admin".to_owned()))?;
    issue(&app, &keys, &user, &opened, now)
}

/// The next tokens for a refresh token.
async fn traded(app: &App, keys: &Keys, token: &str, now: u64) -> Result<Opened, NotRefreshed> {
    if app.is_weak("access-as-refresh")
        && let Ok(claims) = keys.verify(&app.weak, &app.url, token, now)
    {
        return app.store().sessions.reissue(&claims.sid).ok_or(NotRefreshed::Unknown);
    }
    // Looks first and marks later; what comes in between looks, too.
    if app.is_weak("refresh-race") && app.store().sessions.is_fresh(token) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        app.store().sessions.unspend(token);
    }
    app.store().sessions.rotate(&app.weak, token, now)
}

/// The token answer (the members of RFC 6749 §5.1 and one more).
fn issue(app: &App, keys: &Keys, user: &User, opened: &Opened, now: u64) -> Result<Response, ApiError> {
    let body = json!({
        "token_type": "Bearer",
        "access_token": keys.mint(&app.url, user, opened, now)?,
        "expires_in": opened.lives.access,
        "refresh_token": opened.refresh_token,
        "refresh_expires_in": opened.lives.refresh,
    });
    let mut response = json(StatusCode::OK, &body);
    if app.is_weak("cacheable-tokens") {
        let minutes = HeaderValue::from_static("private, max-age=300");
        response.headers_mut().insert(header::CACHE_CONTROL, minutes);
    }
    Ok(response)
}
