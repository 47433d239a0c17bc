//! The corner that takes signed requests as the services of AWS do: `execute-api`, and `s3` with its own rules.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::routing::get;
use serde_json::json;

use super::json;
use crate::demo::aws::{Asked, check};
use crate::demo::error::{Answer, ApiError};
use crate::demo::state::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/aws/{service}/{*path}", get(enter).post(enter).put(enter))
}

async fn enter(
    State(app): State<App>,
    Path((service, _)): Path<(String, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    if !["execute-api", "s3"].contains(&service.as_str()) {
        return Err(ApiError::not_found("there is no such service below /aws"));
    }
    let asked = Asked {
        method: method.as_str(),
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        fields: headers.iter().map(|(n, v)| (n.as_str().to_owned(), v.as_bytes().to_vec())).collect(),
        body: &body,
    };
    let signer = check(&app.weak, &service, &asked).map_err(|refused| {
        let malformed = ["IncompleteSignature", "MissingSecurityHeader", "XAmzContentSHA256Mismatch"];
        let status = if malformed.contains(&refused.0) { StatusCode::BAD_REQUEST } else { StatusCode::FORBIDDEN };
        ApiError::new(status, refused.0, refused.1)
    })?;
    if method != Method::GET && !signer.may_write {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "AccessDenied", "only the writer may change anything"));
    }
    // What was signed is repeated, so that a test can try it on another request.
    let said = |name| asked.field(name).unwrap_or_default();
    let body = json!({
        "signer": signer.name,
        "service": service,
        "authorization": said("authorization"),
        "date": said("x-amz-date"),
        "payload": said("x-amz-content-sha256"),
    });
    Ok(json(StatusCode::OK, &body))
}
