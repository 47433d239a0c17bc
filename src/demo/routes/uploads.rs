//! Uploads: tells the parts of a `multipart/form-data` body (RFC 7578), and keeps nothing.

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use serde_json::{Value, json};

use super::json;
use crate::demo::error::{Answer, ApiError};
use crate::demo::state::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/uploads", post(upload))
}

async fn upload(headers: HeaderMap, body: Bytes) -> Answer {
    let media = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let boundary = media.strip_prefix("multipart/form-data; boundary=").filter(|b| !b.is_empty());
    let Some(boundary) = boundary else {
        let message = "send the body as `Content-Type: multipart/form-data`";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
    };
    let parts = parts(&body, boundary).ok_or_else(|| ApiError::bad_request("the parts of the body cannot be read"))?;
    Ok(json(StatusCode::CREATED, &json!({ "parts": parts })))
}

/// What the parts say of themselves; nothing when the body does not end as it should.
fn parts(body: &[u8], boundary: &str) -> Option<Vec<Value>> {
    let mut rest = body.strip_prefix(format!("--{boundary}").as_bytes())?;
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        let content = rest.strip_prefix(b"\r\n")?;
        let end = find(content, format!("\r\n--{boundary}").as_bytes())?;
        parts.push(part(&content[..end])?);
        rest = &content[end + boundary.len() + 4..];
    }
    Some(parts)
}

fn part(bytes: &[u8]) -> Option<Value> {
    let split = find(bytes, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..split]).ok()?;
    let content = &bytes[split + 4..];
    let parameter = |name: &str| {
        let (_, value) = head.split_once(&format!("{name}=\""))?;
        value.split_once('"').map(|(value, _)| value.to_owned())
    };
    let media = head.lines().find_map(|line| line.strip_prefix("Content-Type: "));
    Some(json!({
        "name": parameter("; name")?,
        "file": parameter("; filename"),
        "type": media,
        "text": std::str::from_utf8(content).ok(),
        "bytes": content.len(),
    }))
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.csv\"\r\nContent-Type: text/csv\r\n\r\nq\r\n\r\n--b--\r\n";
        let told = parts(body, "b").unwrap();
        assert_eq!(told[0], json!({"name": "a", "file": null, "type": null, "text": "1", "bytes": 1}));
        assert_eq!(told[1], json!({"name": "f", "file": "x.csv", "type": "text/csv", "text": "q\r\n", "bytes": 3}));
        assert!(parts(b"--b\r\nbroken", "b").is_none());
    }
}
