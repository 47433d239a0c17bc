//! The corner of the devices, which log in by Digest: one path for each thing a server may ask.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::get;
use serde_json::json;

use super::json;
use crate::demo::digest::{Asked, CORNERS, Corner, Proven, Refused, challenges, check};
use crate::demo::error::{Answer, ApiError};
use crate::demo::state::App;

const INFO: HeaderName = HeaderName::from_static("authentication-info");

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/digest/{corner}/report", get(report).post(report))
        .route("/digest/{corner}/settings", get(settings))
}

async fn report(
    State(app): State<App>,
    Path(corner): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let corner = corner_of(&corner)?;
    let proven = enter(&app, corner, &method, &uri, &headers, &body)?;
    answer(&app, corner, &proven)
}

async fn settings(
    State(app): State<App>,
    Path(corner): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    let corner = corner_of(&corner)?;
    let proven = enter(&app, corner, &method, &uri, &headers, b"")?;
    if !proven.manages {
        return Err(ApiError::forbidden("only the gate manages the devices; log in as the gate"));
    }
    answer(&app, corner, &proven)
}

fn corner_of(name: &str) -> Result<&'static Corner, ApiError> {
    CORNERS.iter().find(|c| c.name == name).ok_or_else(|| ApiError::not_found("there is no such corner of /digest"))
}

fn enter(
    app: &App,
    corner: &'static Corner,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Proven, ApiError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let authorization = values.next().map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
    if values.next().is_some() {
        return Err(ApiError::bad_request("the request carries more than one credential; send exactly one"));
    }
    let asked = Asked {
        method: method.as_str(),
        uri: uri.path_and_query().map_or("/", |p| p.as_str()),
        body,
        authorization: authorization.as_deref(),
    };
    let mut store = app.store();
    let refused = match check(&app.weak, &mut store.nonces, corner, asked) {
        Ok(proven) => return Ok(proven),
        Err(refused) => refused,
    };
    let (code, message) = match &refused {
        Refused::Malformed(why) => return Err(ApiError::bad_request(format!("{why}; answer the challenge anew"))),
        Refused::Missing => ("unauthorized", "this needs a name and password by Digest"),
        Refused::Wrong => ("invalid_credentials", "the name or the password is wrong"),
        Refused::Stale => ("stale_nonce", "the nonce is not good any more; take the new one"),
    };
    let error = ApiError::new(StatusCode::UNAUTHORIZED, code, message);
    let all = challenges(&mut store.nonces, corner, refused == Refused::Stale);
    Err(all.iter().fold(error, |error, challenge| error.challenge(challenge)))
}

fn answer(app: &App, corner: &'static Corner, proven: &Proven) -> Answer {
    let body =
        json!({ "report": "all is well", "device": proven.name, "algorithm": proven.algorithm, "qop": proven.qop });
    let next = corner.next.then(|| app.store().nonces.fresh(corner.name));
    let info = proven.info(&app.weak, body.to_string().as_bytes(), next.as_deref());
    let mut response: Response = json(StatusCode::OK, &body);
    if let Ok(value) = HeaderValue::from_str(&info) {
        response.headers_mut().insert(INFO, value);
    }
    Ok(response)
}
