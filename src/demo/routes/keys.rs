//! The corner that takes API keys, in a header or, on one route, in the query.

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::json;
use crate::demo::error::{Answer, ApiError, REALM};
use crate::demo::random;
use crate::demo::state::App;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grant {
    Read,
    ReadWrite,
    Revoked,
}

const KEYS: &[(&str, &str, Grant)] = &[
    ("reader", "demo-key-reader-1a2b3c4d", Grant::Read),
    ("writer", "demo-key-writer-5e6f7a8b", Grant::ReadWrite),
    ("revoked", "demo-key-revoked-9c0d1e2f", Grant::Revoked),
];

/// The keys as the front page tells them.
pub(super) fn credentials() -> impl Iterator<Item = String> {
    KEYS.iter().map(|(name, key, _)| format!("key: {key}, the {name}'s"))
}

pub(super) fn routes() -> Router<App> {
    Router::new().route("/keys/report", get(read).post(write)).route("/keys/query", get(query))
}

/// A good key that came in the header.
struct Key {
    name: &'static str,
    grant: Grant,
}

impl FromRequestParts<App> for Key {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let mut sent = in_header(&parts.headers);
        if sent.is_empty() && app.is_weak("key-in-query") {
            let names = ["api_key", "key", "x-api-key"];
            sent = in_query(&parts.uri, &names);
        }
        if sent.is_empty() && app.is_weak("key-in-other-fields") {
            sent = in_other_fields(&parts.headers);
        }
        known(app, &exactly_one(sent, "the header X-Api-Key")?)
    }
}

fn in_header(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all("x-api-key").iter();
    values.map(|v| String::from_utf8_lossy(v.as_bytes()).trim().to_owned()).collect()
}

fn in_other_fields(headers: &HeaderMap) -> Vec<String> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let authorization = text("authorization");
    let user = authorization.strip_prefix("Basic ").and_then(|pair| STANDARD.decode(pair).ok());
    let user = user.and_then(|pair| String::from_utf8(pair).ok()).unwrap_or_default();
    let cookie = text("cookie").split("; ").find_map(|pair| pair.strip_prefix("api_key="));
    let places = [authorization.strip_prefix("Bearer "), user.split(':').next(), cookie];
    places.into_iter().flatten().filter(|key| !key.is_empty()).map(str::to_owned).collect()
}

fn in_query(uri: &Uri, names: &[&str]) -> Vec<String> {
    let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    pairs.filter(|(name, _)| names.contains(&&**name)).map(|(_, value)| value.into_owned()).collect()
}

fn exactly_one(mut sent: Vec<String>, place: &str) -> Result<String, ApiError> {
    if sent.len() > 1 {
        return Err(ApiError::bad_request("the request carries more than one API key; send exactly one"));
    }
    sent.pop().filter(|key| !key.is_empty()).ok_or_else(|| {
        let message = format!("this needs an API key in {place}");
        ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message).challenge(&challenge(""))
    })
}

fn known(app: &App, sent: &str) -> Result<Key, ApiError> {
    // Every key is compared, and in constant time: the answer must not tell how much of a guess was right.
    let mut found = None;
    for (name, key, grant) in KEYS {
        let is_lax = app.is_weak("key-ignores-case") && key.eq_ignore_ascii_case(sent);
        if random::same(key, sent) || is_lax {
            found = Some((*name, *grant));
        }
    }
    if app.is_weak("key-by-form")
        && KEYS.iter().any(|(_, key, _)| key.len() == sent.len())
        && sent.starts_with("demo-key-")
    {
        found = found.or(Some(("reader", Grant::Read)));
    }
    let refusal = |why: &str| {
        let challenge = challenge(&format!(", error=\"invalid_key\", error_description=\"{why}\""));
        let message = format!("{why}; use another");
        ApiError::new(StatusCode::UNAUTHORIZED, "invalid_key", message).challenge(&challenge)
    };
    match found {
        None => Err(refusal("the API key is unknown")),
        Some((_, Grant::Revoked)) if !app.is_weak("revoked-key-lives") => Err(refusal("the API key was revoked")),
        Some((name, grant)) => Ok(Key { name, grant }),
    }
}

fn challenge(error: &str) -> String {
    format!("ApiKey realm=\"{REALM}\"{error}")
}

async fn read(key: Key) -> Response {
    json(StatusCode::OK, &json!({ "report": "all is well", "key": key.name }))
}

async fn write(State(app): State<App>, key: Key) -> Answer {
    if key.grant != Grant::ReadWrite && !app.is_weak("reading-key-writes") {
        return Err(ApiError::forbidden("this API key may only read; use one that may write"));
    }
    Ok(json(StatusCode::CREATED, &json!({ "report": "written", "key": key.name })))
}

async fn query(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Answer {
    let mut sent = in_header(&headers);
    let place = "the query: ?api_key=";
    let in_query = in_query(&uri, &["api_key"]);
    if in_query.is_empty() {
        sent.clear();
    }
    sent.extend(in_query);
    let key = known(&app, &exactly_one(sent, place)?)?;
    Ok(json(StatusCode::OK, &json!({ "report": "all is well", "key": key.name })))
}
