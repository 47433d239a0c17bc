//! The corner that takes Basic credentials.

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde_json::json;

use super::json;
use crate::demo::basic::{BasicAdmin, BasicCaller};
use crate::demo::state::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/basic/report", get(report)).route("/basic/admin", get(admin))
}

async fn report(BasicCaller(user): BasicCaller) -> Response {
    json(StatusCode::OK, &json!({ "report": "all is well", "username": user.name }))
}

async fn admin(BasicAdmin(user): BasicAdmin) -> Response {
    json(StatusCode::OK, &json!({ "report": "all is well below", "username": user.name }))
}
