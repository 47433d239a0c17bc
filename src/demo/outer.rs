//! What every answer has, whichever route gave it: a request id, CORS, caching rules, and errors in JSON.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::error::{ApiError, bearer_challenge};
use super::state::App;
use super::{body, cors};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps the routes.
pub(crate) async fn wrap(State(app): State<App>, request: Request, next: Next) -> Response {
    let origin = cors::allowed_origin(&app, request.headers());
    let mut response = if cors::is_preflight(request.method(), request.headers()) {
        cors::preflight(&app, request.headers(), origin)
    } else {
        let mut response = match body::buffer(request).await {
            Ok(request) => in_json(next.run(request).await),
            Err(error) => error.into_response(),
        };
        cors::share(&app, response.status(), response.headers_mut(), origin);
        if response.status() == StatusCode::UNAUTHORIZED {
            dull(&app, response.headers_mut());
        }
        response
    };
    hygiene(response.headers_mut(), &app);
    response
}

/// Gives the bare refusals of the router (405, a path that is not UTF-8) the demo's own body.
fn in_json(response: Response) -> Response {
    let status = response.status();
    let typed = response.headers().get(header::CONTENT_TYPE).and_then(|t| t.to_str().ok()).unwrap_or_default();
    let ours = typed.starts_with("application/json") || typed.starts_with("text/html");
    if !(status.is_client_error() || status.is_server_error()) || ours {
        return response;
    }
    let error = match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            let message = "this route does not know the method; the Allow header names those it knows";
            ApiError::new(status, "method_not_allowed", message)
        }
        _ => ApiError::new(status, "invalid_request", "the demo cannot read this request; check the path and query"),
    };
    let mut replaced = error.into_response();
    if let Some(allow) = response.headers().get(header::ALLOW) {
        replaced.headers_mut().insert(header::ALLOW, allow.clone());
    }
    replaced
}

/// Takes away what a refusal must say, in a demo that does not say it (RFC 9110 §15.5.2, RFC 6750 §3.1).
fn dull(app: &App, headers: &mut HeaderMap) {
    if app.is_weak("no-challenge") {
        headers.remove(header::WWW_AUTHENTICATE);
    }
    let told = headers.get(header::WWW_AUTHENTICATE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if told.starts_with("Bearer ")
        && app.is_weak("challenge-without-error")
        && let Ok(bare) = HeaderValue::try_from(bearer_challenge())
    {
        headers.insert(header::WWW_AUTHENTICATE, bare);
    }
}

/// Nothing is stored by caches unless a route says otherwise (RFC 9111 §5.2.2.5), and nothing is sniffed.
fn hygiene(headers: &mut HeaderMap, app: &App) {
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A page says otherwise: under `no-referrer` browsers send its own forms with `Origin: null`.
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    if app.is_https() {
        let a_year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, a_year);
    }
    if let Ok(id) = HeaderValue::try_from(app.request_id()) {
        headers.insert(REQUEST_ID, id);
    }
}
