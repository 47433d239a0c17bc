//! A part of a body as `multipart/form-data` (RFC 7578), as the steps of a login write one.

use serde_json::Value;

use super::{Varied, became, texts};
use crate::http::Request;

/// Replaces the parts of a name, at the place of the first; all others stay byte for byte.
pub(super) fn in_multipart(request: &mut Request, name: &str, value: &Value) -> Option<Varied> {
    let media = request.headers.text("content-type")?;
    let rest = media.strip_prefix("multipart/form-data")?;
    let boundary = rest.split_once("boundary=")?.1.split(';').next()?.trim_matches('"').to_owned();
    let mark = format!("--{boundary}").into_bytes();
    let parts = split(&request.body, &mark);
    // As browsers quote it (HTML, "multipart/form-data encoding algorithm").
    let quoted = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    let wanted = format!("; name=\"{quoted}\"").into_bytes();
    let is_it = |part: &[u8]| head(part).is_some_and(|head| finds(head, &wanted).is_some());
    let first = parts.iter().position(|part| is_it(part))?;
    let mut body = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        if at == first {
            for text in texts(value) {
                body.extend_from_slice(&mark);
                body.extend_from_slice(head(part)?);
                body.extend_from_slice(format!("\r\n\r\n{text}\r\n").as_bytes());
            }
        }
        if is_it(part) {
            continue;
        }
        if at > 0 {
            body.extend_from_slice(&mark);
        }
        body.extend_from_slice(part);
    }
    request.body = body.into();
    Some(became(value))
}

/// What stands before the content of a part.
fn head(part: &[u8]) -> Option<&[u8]> {
    finds(part, b"\r\n\r\n").map(|end| &part[..end])
}

fn finds(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|part| part == wanted)
}

fn split<'a>(mut text: &'a [u8], mark: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    while let Some(at) = finds(text, mark) {
        parts.push(&text[..at]);
        text = &text[at + mark.len()..];
    }
    parts.push(text);
    parts
}
