//! Registering, logging in and refreshing: how a person comes by tokens.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;
use serde_json::json;

use super::json;
use crate::demo::body::{Input, Shape};
use crate::demo::clock;
use crate::demo::error::{Answer, ApiError};
use crate::demo::password;
use crate::demo::sessions::{LONGEST_ACCESS, LONGEST_REFRESH, Lives, Opened};
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
    let user = User::new(&name, &password::hash(wanted.password).await?, Role::User);
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
    password: String,
    lifetime: Option<u64>,
    refresh_lifetime: Option<u64>,
}

impl Shape for Login {
    const SHAPE: &'static str =
        "{\"username\": text, \"password\": text}, and may have \"lifetime\" and \"refresh_lifetime\" in seconds";
}

async fn login(State(app): State<App>, Input(login): Input<Login>) -> Answer {
    let lives = Lives {
        access: in_range("lifetime", login.lifetime, LONGEST_ACCESS)?,
        refresh: in_range("refresh_lifetime", login.refresh_lifetime, LONGEST_REFRESH)?,
    };
    let keys = app.keys.get().await?;
    let checked = signin::check(&app, &login.username, &login.password).await;
    let user = checked.map_err(signin::Refused::into_error)?;
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
    let rotated = app.store().sessions.rotate(&asked.refresh_token, now);
    let refused = |message: String| {
        // RFC 6749 §5.2 has 400 here; as this is no OAuth token endpoint, 401 says plainly: log in again.
        let challenge = crate::demo::error::bearer_challenge();
        ApiError::new(StatusCode::UNAUTHORIZED, "invalid_grant", message).challenge(&challenge)
    };
    let opened = rotated.map_err(|why| refused(why.message()))?;
    let user = app.store().users.get(&opened.user).filter(|u| u.standing == Standing::Enabled).cloned();
    let user = user.ok_or_else(|| refused("the account was disabled; ask an admin".to_owned()))?;
    issue(&app, &keys, &user, &opened, now)
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
    Ok(json(StatusCode::OK, &body))
}
