//! The corner of signed requests: partners with keys, and webhooks.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::routing::{get, post};
use serde_json::json;

use super::json;
use crate::demo::error::{Answer, ApiError, REALM};
use crate::demo::hmac::{Asked, Refused, hook, partner};
use crate::demo::state::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/hmac/report", get(report).post(report)).route("/hooks/{sender}", post(receive))
}

async fn report(State(app): State<App>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Answer {
    let target = uri.path_and_query().map_or("/", |p| p.as_str());
    let asked = Asked { method: method.as_str(), target, field: &|name| one(&headers, name), body: &body };
    let used = |nonce: &str| app.store().count(format!("nonce {nonce}")) > 1;
    let partner = partner(&app.weak, &asked, used).map_err(refused)?;
    if method == Method::POST && !partner.may_write {
        return Err(ApiError::forbidden("only the writer may change the report"));
    }
    Ok(json(StatusCode::OK, &json!({ "report": "all is well", "partner": partner.name })))
}

async fn receive(Path(sender): Path<String>, headers: HeaderMap, uri: Uri, body: Bytes) -> Answer {
    if !["github", "slack", "standard"].contains(&sender.as_str()) {
        return Err(ApiError::not_found("there is no such sender of webhooks"));
    }
    let asked = Asked { method: "POST", target: uri.path(), field: &|name| one(&headers, name), body: &body };
    hook(&sender, &asked).map_err(refused)?;
    Ok(json(StatusCode::OK, &json!({ "received": sender })))
}

/// A field that came exactly once.
fn one(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut all = headers.get_all(name).iter();
    let value = all.next().filter(|_| all.next().is_none())?;
    value.to_str().ok().map(ToOwned::to_owned)
}

fn refused(refused: Refused) -> ApiError {
    let Refused(code, message) = refused;
    ApiError::new(StatusCode::UNAUTHORIZED, code, message).challenge(&format!("HMAC realm=\"{REALM}\""))
}
