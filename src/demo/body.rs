//! Reading what a request brings: at most 64 KiB, of the right type, with messages that never repeat a value.

use std::collections::BTreeMap;

use axum::body::{Bytes, HttpBody as _, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use super::state::App;

/// The largest body the demo accepts, in bytes.
const LARGEST: usize = 64 * 1024;
/// How much of a body that is too large is still read, so that the client gets to see the answer.
const DRAINED: usize = 4 * 1024 * 1024;

/// A JSON body and how to describe it to somebody who sent something else.
pub(crate) trait Shape: DeserializeOwned {
    /// The body as an example in words: `{"username": text, "password": text}`.
    const SHAPE: &'static str;
}

/// A JSON body that was read.
pub(crate) struct Input<T>(pub(crate) T);

/// The fields of a form (`application/x-www-form-urlencoded`); empty when the request brings no body.
pub(crate) struct Form(pub(crate) BTreeMap<String, String>);

impl<T: Shape> FromRequest<App> for Input<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &App) -> Result<Self, ApiError> {
        if media_type(request.headers()).as_deref() != Some("application/json") {
            return Err(unsupported("application/json"));
        }
        let bytes = read(request).await?;
        match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Self(value)),
            Err(e) if e.is_data() => Err(ApiError::bad_request(format!("the body must look like {}", T::SHAPE))),
            Err(e) => Err(ApiError::bad_request(format!(
                "the body is not valid JSON (line {}, column {})",
                e.line(),
                e.column()
            ))),
        }
    }
}

impl FromRequest<App> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &App) -> Result<Self, ApiError> {
        let media = media_type(request.headers());
        let bytes = read(request).await?;
        if bytes.is_empty() {
            return Ok(Self(BTreeMap::new()));
        }
        if media.as_deref() != Some("application/x-www-form-urlencoded") {
            return Err(unsupported("application/x-www-form-urlencoded"));
        }
        let mut fields = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(&bytes) {
            if fields.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(ApiError::bad_request("a form field is there twice; send each once"));
            }
        }
        Ok(Self(fields))
    }
}

impl Form {
    /// A field, or the empty text.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// The media type of the body without its parameters, in lower case.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    value.split(';').next().map(|media| media.trim().to_ascii_lowercase())
}

fn unsupported(wanted: &str) -> ApiError {
    let message = format!("send the body as `Content-Type: {wanted}`");
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message).with(header::ACCEPT, wanted)
}

/// Stands in for a body that was too large to keep.
#[derive(Clone, Copy)]
struct TooLarge;

/// Reads the body before any route looks at the request, so that a refusal never leaves half a
/// request in the connection. What is wrong with the body is told by the route that wants it.
pub(crate) async fn buffer(request: Request) -> Result<Request, ApiError> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    let (mut parts, body) = request.into_parts();
    let mut stream = body.into_data_stream();
    let (mut kept, mut seen) = (Vec::new(), 0_usize);
    while let Some(chunk) = stream.next().await {
        let ended = |_| ApiError::bad_request("the body ended early; send it whole");
        let chunk = chunk.map_err(ended)?;
        seen = seen.saturating_add(chunk.len());
        if seen > DRAINED {
            break;
        }
        if seen <= LARGEST {
            kept.extend_from_slice(&chunk);
        }
    }
    if seen > LARGEST {
        kept.clear();
        parts.extensions.insert(TooLarge);
    }
    Ok(Request::from_parts(parts, kept.into()))
}

/// The bytes of a buffered body.
async fn read(request: Request) -> Result<Bytes, ApiError> {
    if request.extensions().get::<TooLarge>().is_some() {
        let message = format!("the body is larger than {LARGEST} bytes; send less");
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        return Err(ApiError::new(status, "payload_too_large", message));
    }
    let bytes = to_bytes(request.into_body(), LARGEST).await;
    bytes.map_err(|_| ApiError::internal())
}
