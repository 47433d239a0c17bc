//! The routes of the demo, one file per area.

mod accounts;
mod admin;
mod aws;
mod digest;
mod forms;
mod gate;
mod hmac;
mod home;
mod keys;
mod login;
mod me;
mod notes;
mod openapi;
pub(crate) mod pages;
mod report;
mod retries;
mod tokens;
mod uploads;
pub(crate) mod web;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::error::ApiError;
use super::state::App;
use super::{gateway, oauth, outer};

/// All routes with what every answer has.
pub(crate) fn all(app: App) -> Router {
    let routes = Router::new()
        .merge(home::routes())
        .merge(openapi::routes())
        .merge(login::routes())
        .merge(tokens::routes())
        .merge(me::routes())
        .merge(accounts::routes())
        .merge(notes::routes())
        .merge(admin::routes())
        .merge(web::routes())
        .merge(forms::routes())
        .merge(report::routes())
        .merge(keys::routes())
        .merge(gate::routes())
        .merge(digest::routes())
        .merge(aws::routes())
        .merge(hmac::routes())
        .merge(retries::routes())
        .merge(uploads::routes())
        .merge(oauth::routes())
        .fallback(unknown)
        .layer(from_fn_with_state(app.clone(), outer::wrap))
        .with_state(App::clone(&app));
    gateway::before(routes, &app)
}

async fn unknown() -> ApiError {
    ApiError::not_found("there is no such route; GET / names them all")
}

/// A JSON answer.
fn json(status: StatusCode, body: &impl Serialize) -> Response {
    (status, axum::Json(body)).into_response()
}

/// An answer without a body.
fn empty() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
