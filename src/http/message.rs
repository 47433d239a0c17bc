//! A request before it leaves, an answer after it came, and what one step really did.

use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::address::Address;
use super::error::HttpError;
use super::jar::JarTrail;
use super::landing::Stray;
use crate::source::Span;

/// Header fields in order; duplicates are kept, names are compared without case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Bytes)>);

impl Headers {
    /// Adds a field behind the others.
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<Bytes>) {
        self.0.push((name.into(), value.into()));
    }

    /// Puts one field in place of all of that name.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Bytes>) {
        let name = name.into();
        self.remove(&name);
        self.add(name, value);
    }

    /// Drops all fields of a name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// Tells whether a field of the name is there.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// Gives the values of a name in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Bytes> {
        self.0.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    }

    /// Gives the first value of a name as text; bytes that are no UTF-8 become `�`.
    pub fn text(&self, name: &str) -> Option<String> {
        self.all(name).next().map(|v| String::from_utf8_lossy(v).into_owned())
    }

    /// The media type of the body in lower case, without parameters.
    pub fn media_type(&self) -> String {
        let field = self.text("content-type").unwrap_or_default();
        field.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
    }

    /// Gives all fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v))
    }

    /// Keeps the fields for which the test holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|(n, _)| keep(n));
    }

    /// Puts a cookie in place of those of its name, or drops them; the others keep their order.
    pub fn put_cookie(&mut self, name: &str, value: Option<&str>) {
        let before = self.text("cookie").unwrap_or_default();
        let mut new = value.map(|value| format!("{name}={value}"));
        let mut all: Vec<String> = Vec::new();
        for pair in before.split("; ").filter(|p| !p.is_empty()) {
            if pair.split('=').next() == Some(name) {
                all.extend(new.take());
            } else {
                all.push(pair.to_owned());
            }
        }
        all.extend(new);
        if all.is_empty() { self.remove("cookie") } else { self.set("cookie", all.join("; ")) }
    }

    /// Counts the fields.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Tells whether a method is one that only looks (RFC 9110, section 9.2.1).
pub fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}

/// A request: final bytes, nothing left to render.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method, a token.
    pub method: String,
    /// Where it goes.
    pub address: Address,
    /// Its fields, without those that the wire adds (`host`, `content-length`).
    pub headers: Headers,
    /// Its body.
    pub body: Bytes,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// `HTTP/1.1` or `HTTP/2`.
    pub version: &'static str,
    /// Its fields, in order, as they came.
    pub headers: Headers,
    /// Its body, decoded.
    pub body: Bytes,
}

/// One request and what came back.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The request as it left, all fields included.
    pub request: Request,
    /// The answer, or why none came.
    pub response: Result<Response, HttpError>,
    /// When it was sent.
    pub started: Timestamp,
    /// From sending to the last byte.
    pub elapsed: Duration,
}

/// What one step really did. Raw: it holds secrets and never leaves the layer that runs steps.
#[derive(Debug, Default)]
pub struct Trail {
    /// Every hop.
    pub hops: Vec<Exchange>,
    /// How it ended when no answer can be judged.
    pub error: Option<HttpError>,
    /// What cookies did.
    pub jar: JarTrail,
    /// The address that redirects should lead to.
    pub until: Option<Awaited>,
    /// What a server on the way says that it has proven, and has not: one sentence.
    pub unproven: Option<String>,
    /// Where the last redirect would lead, and is not followed to.
    pub stray: Option<Stray>,
    /// What happened on the way that a reader may need, without values.
    pub notes: Vec<String>,
    /// Where it is written what could not be put on a request, if that is known.
    pub fault: Option<Span>,
}

/// An address that redirects should lead to; it is not asked for.
#[derive(Debug, Clone)]
pub struct Awaited {
    /// The address.
    pub address: String,
    /// Whether one led there.
    pub reached: bool,
}

impl Trail {
    /// The last answer: the one that is judged.
    pub fn response(&self) -> Option<&Response> {
        self.hops.last().and_then(|h| h.response.as_ref().ok())
    }

    /// The first request: the one that the user's line asked for.
    pub fn request(&self) -> Option<&Request> {
        self.hops.first().map(|h| &h.request)
    }

    /// From the first byte sent to the last received.
    pub fn elapsed(&self) -> Duration {
        self.hops.iter().map(|h| h.elapsed).sum()
    }
}

/// The media type of forms (WHATWG URL, section 5).
pub const FORM: &str = "application/x-www-form-urlencoded";

impl Request {
    /// Tells whether its body is a form.
    pub fn is_form(&self) -> bool {
        self.headers.media_type() == FORM
    }
}

impl Response {
    /// When the server says that it sent this (RFC 9110, section 6.6.1), unless a cache gave the answer.
    pub fn date(&self) -> Option<Timestamp> {
        if self.headers.text("age").is_some_and(|age| age.trim() != "0") {
            return None;
        }
        super::jar::parse_cookie_date(self.headers.text("date")?.as_bytes())
    }

    /// How far the server's clock is ahead, by the time that it says it sent this; to the second, so less than two is
    /// nothing.
    pub fn ahead(&self, now: Timestamp) -> Option<SignedDuration> {
        let ahead = self.date()?.duration_since(now);
        Some(if ahead.abs() < SignedDuration::from_secs(2) { SignedDuration::ZERO } else { ahead })
    }

    /// The body as text; bytes that are no UTF-8 become `�`.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The media type in lower case, without parameters.
    pub fn media_type(&self) -> String {
        self.headers.media_type()
    }
}
