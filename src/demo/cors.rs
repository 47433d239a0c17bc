//! Which web pages of other origins may read answers (the CORS protocol of the Fetch standard).

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::error::no_token;
use super::state::App;

/// The origins whose pages may call the demo, with credentials.
const ORIGINS: &[&str] = &["https://app.example.com", "http://localhost:5173"];

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type, x-csrf-token, x-api-key");
/// What a weak demo allows in their place.
const FEW: HeaderValue = HeaderValue::from_static("GET, POST");
const ANY: HeaderValue = HeaderValue::from_static("*");
const EXPOSED: HeaderValue = HeaderValue::from_static("WWW-Authenticate, Retry-After, Location, X-Request-Id");
const VARY_PREFLIGHT: HeaderValue =
    HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers");

/// Whether pages of that origin may call; compared byte for byte.
pub(crate) fn allows(origin: &HeaderValue) -> bool {
    ORIGINS.iter().any(|o| o.as_bytes() == origin.as_bytes())
}

/// Whether a weak demo lets pages of that origin call, too.
fn lets(app: &App, origin: &HeaderValue) -> bool {
    let text = origin.to_str().unwrap_or_default();
    app.is_weak("cors-reflects-origin")
        || (text == "null" && app.is_weak("cors-null-origin"))
        || (text.starts_with("http://localhost") && app.is_weak("cors-localhost"))
        || (text.starts_with(ORIGINS[0]) && app.is_weak("cors-origin-prefix"))
        || (text.ends_with("example.com") && app.is_weak("cors-origin-suffix"))
        || (text.strip_prefix("http").is_some_and(|rest| ORIGINS[0] == format!("https{rest}"))
            && app.is_weak("cors-any-scheme"))
        || (text.strip_prefix(ORIGINS[0]).is_some_and(|port| port.starts_with(':')) && app.is_weak("cors-any-port"))
        || (is_pattern(ORIGINS[0], text) && app.is_weak("cors-dots-unescaped"))
}

/// Whether a text matches a pattern whose dots stand for any letter.
fn is_pattern(pattern: &str, text: &str) -> bool {
    let mut pairs = pattern.bytes().zip(text.bytes());
    pattern.len() == text.len() && pairs.all(|(p, t)| p == b'.' || p == t)
}

/// The one allowed origin a request names.
pub(crate) fn allowed_origin(app: &App, headers: &HeaderMap) -> Option<HeaderValue> {
    let mut values = headers.get_all(header::ORIGIN).iter();
    let origin = values.next().filter(|o| allows(o) || lets(app, o))?;
    values.next().is_none().then(|| origin.clone())
}

/// Whether a request is a browser's question for permission; it never carries credentials.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight; a foreign origin gets no permission.
pub(crate) fn preflight(app: &App, request: &HeaderMap, origin: Option<HeaderValue>) -> Response {
    if app.is_weak("cors-preflight-guarded") {
        return no_token().into_response();
    }
    let for_all = app.is_weak("cors-preflight-for-all");
    let origin = origin.or_else(|| request.get(header::ORIGIN).filter(|_| for_all).cloned());
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::VARY, VARY_PREFLIGHT);
    if let Some(origin) = origin {
        let star = app.is_weak("cors-headers-star");
        let few = app.is_weak("cors-methods-missing");
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, if few { FEW } else { METHODS });
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, if star { ANY } else { HEADERS });
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

/// Adds to any answer, a refusal too, what a page of an allowed origin needs to read it.
pub(crate) fn share(app: &App, status: StatusCode, response: &mut HeaderMap, origin: Option<HeaderValue>) {
    if (!status.is_success() && app.is_weak("cors-not-on-errors")) || app.is_weak("cors-only-preflights") {
        return;
    }
    if !app.is_weak("cors-without-vary") {
        response.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    if let Some(origin) = origin {
        let yes = if app.is_weak("cors-credentials-case") { "True" } else { "true" };
        response.insert(
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            if app.is_weak("cors-star-credentials") { ANY } else { origin },
        );
        response.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static(yes));
        if !app.is_weak("cors-hides-fields") {
            response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
}
