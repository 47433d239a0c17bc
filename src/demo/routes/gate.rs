//! The gates: who they are is said by a client certificate, which the demo asks for when it serves https.

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::json;

use super::json;
use crate::demo::error::{Answer, ApiError};
use crate::demo::state::App;
use crate::demo::tls::Shown;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/gate", get(me)).route("/gate/{name}/open", post(open))
}

/// A gate that showed its certificate.
struct Gate(String);

impl FromRequestParts<App> for Gate {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let refuse = |message: &str| ApiError::new(StatusCode::FORBIDDEN, "certificate_required", message);
        if !app.is_https() {
            return Err(refuse("certificates are shown to a demo that serves https; start it with --tls"));
        }
        // Its signature, its dates and its purpose were verified in the handshake.
        let shown = Shown::of(&parts.extensions);
        shown
            .map(|shown| Self(shown.name))
            .ok_or_else(|| refuse("this needs a client certificate, and the connection showed none"))
    }
}

async fn me(Gate(name): Gate) -> Response {
    json(StatusCode::OK, &json!({ "gate": name }))
}

async fn open(Gate(name): Gate, Path(which): Path<String>) -> Answer {
    if which != name {
        return Err(ApiError::forbidden("a gate opens itself and no other"));
    }
    Ok(json(StatusCode::OK, &json!({ "gate": name, "open": true })))
}
