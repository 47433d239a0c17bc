//! A person's own affairs, and the routes a token is welcome on but not needed.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{delete, get, put};
use serde::Deserialize;
use serde_json::json;

use super::login::check_new_password;
use super::{empty, json};
use crate::demo::bearer::{Caller, MaybeCaller};
use crate::demo::body::{Input, Shape};
use crate::demo::clock;
use crate::demo::error::{Answer, ApiError};
use crate::demo::password;
use crate::demo::sessions::End;
use crate::demo::signin::{self, Refused};
use crate::demo::state::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/me", get(me))
        .route("/me/password", put(change_password))
        .route("/me/sessions", delete(end_sessions))
        .route("/greeting", get(greeting))
}

async fn me(State(app): State<App>, caller: Caller) -> Response {
    let left = caller.exp.saturating_sub(clock::now_ms() / 1000);
    let body = json!({
        "id": caller.id,
        "username": caller.name,
        "roles": caller.roles,
        "session": { "id": caller.sid, "expires_at": clock::rfc3339(caller.exp), "expires_in": left },
    });
    let mut response = json(StatusCode::OK, &body);
    if app.is_weak("cacheable-account") {
        let minutes = HeaderValue::from_static("public, max-age=300");
        response.headers_mut().insert(header::CACHE_CONTROL, minutes);
    }
    response
}

#[derive(Deserialize)]
struct PasswordChange {
    old: String,
    new: String,
}

impl Shape for PasswordChange {
    const SHAPE: &'static str = "{\"old\": text, \"new\": text}";
}

/// Changes the password and ends every other session of the person. A wrong old password counts as a guess.
async fn change_password(State(app): State<App>, caller: Caller, Input(asked): Input<PasswordChange>) -> Answer {
    check_new_password(&asked.new)?;
    if !app.is_weak("old-password-unchecked") {
        let checked = signin::check(&app, &caller.name, &asked.old).await;
        checked.map_err(|refused| match refused {
            Refused::Locked(seconds) => ApiError::locked(seconds),
            Refused::Wrong => ApiError::new(StatusCode::FORBIDDEN, "wrong_password", "the old password is wrong"),
        })?;
    }
    let phc = password::hash(asked.new).await?;
    app.oauth.books().end_user(&caller.name, End::PasswordChanged.why());
    let mut store = app.store();
    if let Some(user) = store.users.get_mut(&caller.name) {
        user.phc = phc;
    }
    if app.is_weak("password-change-keeps-sessions") {
        return Ok(empty());
    }
    store.sessions.end_all(&caller.name, Some(&caller.sid), End::PasswordChanged);
    store.web.end_all(&caller.name);
    Ok(empty())
}

async fn end_sessions(State(app): State<App>, caller: Caller) -> Answer {
    app.oauth.books().end_user(&caller.name, End::AllEnded.why());
    let mut store = app.store();
    store.sessions.end_all(&caller.name, None, End::AllEnded);
    store.web.end_all(&caller.name);
    Ok(empty())
}

async fn greeting(MaybeCaller(caller): MaybeCaller) -> Response {
    let name = caller.map_or_else(|| "stranger".to_owned(), |c| c.name);
    json(StatusCode::OK, &json!({ "hello": name }))
}
