//! From a request to the fields that travel, and the record of it.
//!
//! Every field that the wire would add is added here, so that the record needs no guessing; only
//! `host` is left to the connection, since HTTP/2 has none. A test compares records with sockets.

use bytes::Bytes;
use http_body_util::Full;

use super::error::HttpError;
use super::message::{Headers, Request};

/// Fields that belong to one HTTP/1.1 connection; HTTP/2 has no place for them (RFC 9113, 8.2.2).
const HOP_BY_HOP: &[&str] = &["connection", "keep-alive", "proxy-connection", "upgrade"];

/// Gives the request's fields in the order of the wire: names in lower case, equal ones together
/// at the place of the first, then those that are added.
pub(super) fn fields(request: &Request) -> Result<Headers, HttpError> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in request.headers.iter() {
        let name = name.to_ascii_lowercase();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut fields = Headers::default();
    for name in names {
        for value in request.headers.all(&name) {
            fields.add(name.clone(), value.clone());
        }
    }
    check_framing(request, &fields)?;
    let expected = matches!(request.method.as_str(), "POST" | "PUT" | "PATCH");
    if !fields.has("content-length") && (expected || !request.body.is_empty()) {
        fields.add("content-length", request.body.len().to_string());
    }
    Ok(fields)
}

/// Where a body ends is the connection's own business: a false number would desynchronise it.
fn check_framing(request: &Request, fields: &Headers) -> Result<(), HttpError> {
    let refuse = |why: &str| Err(HttpError::BadRequest { why: why.to_owned() });
    if fields.has("transfer-encoding") {
        return refuse("`Transfer-Encoding` is set by the connection");
    }
    let length = request.body.len().to_string();
    if fields.all("content-length").any(|v| *v != length.as_bytes()) {
        return refuse("`Content-Length` is not the length of the body");
    }
    if fields.all("host").count() > 1 {
        return refuse("there is more than one `Host`");
    }
    Ok(())
}

/// Gives the method, which is a token and opens no tunnel.
pub(super) fn method(request: &Request) -> Result<http::Method, HttpError> {
    match http::Method::from_bytes(request.method.as_bytes()) {
        Ok(http::Method::CONNECT) => {
            Err(HttpError::BadRequest { why: "`CONNECT` opens a tunnel and is for proxies".to_owned() })
        }
        Ok(method) => Ok(method),
        Err(_) => Err(HttpError::BadRequest { why: format!("`{}` is no method", request.method) }),
    }
}

/// Gives the fields as the HTTP libraries take them.
pub(super) fn header_map(fields: &Headers) -> Result<http::HeaderMap, HttpError> {
    let mut map = http::HeaderMap::with_capacity(fields.len() + 1);
    for (name, value) in fields.iter() {
        let bad = |what: &str| HttpError::BadField { field: name.to_owned(), what: what.to_owned() };
        let header = http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("the name"))?;
        let value = http::HeaderValue::from_maybe_shared(value.clone()).map_err(|_| bad(&unsendable(value)))?;
        map.append(header, value);
    }
    Ok(map)
}

/// Says which byte of a value no header field may hold (RFC 9110, section 5.5), and where it stands.
fn unsendable(value: &[u8]) -> String {
    let at = value.iter().position(|b| (*b < b' ' && *b != b'\t') || *b == 0x7f).unwrap_or(0);
    let what = match value.get(at) {
        Some(b'\n' | b'\r') => "a line break",
        Some(_) | None => "a control character",
    };
    format!("{what} after {} of the value", crate::term::plural(at, "byte"))
}

/// Gives the request as hyper takes it; the fields must be complete.
pub(super) fn message(request: &Request) -> Result<http::Request<Full<Bytes>>, HttpError> {
    let refuse = |why: &str| HttpError::BadRequest { why: why.to_owned() };
    let mut headers = header_map(&request.headers)?;
    if !headers.contains_key(http::header::HOST) {
        let host = request.address.host();
        headers.insert(http::header::HOST, host.parse().map_err(|_| refuse("the host cannot travel"))?);
    }
    let mut out = http::Request::new(Full::new(request.body.clone()));
    *out.method_mut() = method(request)?;
    let uri: Result<http::Uri, _> = request.address.target().parse();
    *out.uri_mut() = uri.map_err(|_| refuse("a character in the target cannot travel; write it percent-encoded"))?;
    *out.headers_mut() = headers;
    Ok(out)
}

/// Makes the record complete: the fields that the wire added, without those that it dropped.
pub(super) fn complete(request: &mut Request, version: &str) {
    if version == "HTTP/2" {
        request.headers.retain(|name| !HOP_BY_HOP.contains(&name));
    } else if !request.headers.has("host") {
        let host = request.address.host();
        request.headers.add("host", host);
    }
}
