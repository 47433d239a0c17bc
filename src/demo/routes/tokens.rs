//! The life of tokens after login: the public key, logout and revocation.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use serde::Deserialize;

use super::empty;
use crate::demo::bearer::Caller;
use crate::demo::body::{Input, Shape};
use crate::demo::clock;
use crate::demo::error::Answer;
use crate::demo::sessions::End;
use crate::demo::state::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/.well-known/jwks.json", get(jwks))
        .route("/logout", post(logout))
        .route("/revoke", post(revoke))
}

/// The key set (RFC 7517 §5); anybody may keep it for five minutes.
async fn jwks(State(app): State<App>) -> Answer {
    let keys = app.keys.get().await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
    ];
    Ok((headers, keys.jwks.clone()).into_response())
}

async fn logout(State(app): State<App>, caller: Caller) -> Answer {
    app.store().sessions.end(&caller.sid, End::LoggedOut);
    Ok(empty())
}

#[derive(Deserialize)]
struct Revocation {
    token: String,
}

impl Shape for Revocation {
    const SHAPE: &'static str = "{\"token\": text}";
}

/// Revokes a refresh token with its session, or one access token. Having a token is the right to end it, and a token
/// that means nothing here is no error (RFC 7009 §2.2).
async fn revoke(State(app): State<App>, Input(asked): Input<Revocation>) -> Answer {
    let keys = app.keys.get().await?;
    let claims = keys.verify(&app.weak, &app.url, &asked.token, clock::now_ms());
    let mut store = app.store();
    match claims {
        Ok(claims) => store.sessions.revoke_jti(&claims.sid, &claims.jti),
        Err(_) => store.sessions.end_by_refresh(&asked.token),
    }
    Ok(StatusCode::OK.into_response())
}
