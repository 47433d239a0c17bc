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
    /// How long a server that was asked too often (429; RFC 6585, section 4) or cannot answer for now (503; RFC 9110,
    /// section 15.6.4) wants to be left alone: `Retry-After`, which is a number of seconds or a date (section 10.2.3), or
    /// the field in which a limit says when it begins anew. At once is never.
    pub fn asks_to_wait(&self, now: Timestamp) -> Option<Duration> {
        Some(self.wish(now)?.1.max(Duration::from_millis(200)))
    }

    /// The field that says so.
    pub fn limit_field(&self) -> Option<&'static str> {
        Some(self.wish(Timestamp::UNIX_EPOCH)?.0)
    }

    fn wish(&self, now: Timestamp) -> Option<(&'static str, Duration)> {
        let field = |name: &'static str| Some((name, self.headers.text(name)?));
        let until = |time: Timestamp| Duration::try_from(time.duration_since(now)).unwrap_or(Duration::ZERO);
        if !matches!(self.status, 429 | 503) {
            return None;
        }
        if let Some((_, text)) = field("Retry-After") {
            let date = || Some(until(super::jar::parse_cookie_date(text.trim().as_bytes())?));
            let time = text.trim().parse().map(Duration::from_secs).ok().or_else(date)?;
            return Some(("Retry-After", time));
        }
        if self.status != 429 {
            return None;
        }
        // Of the draft's own field, in both of its forms (draft-ietf-httpapi-ratelimit-headers), and of those before it.
        if let Some((name, text)) = field("RateLimit") {
            let parts = text.split([';', ',']).filter_map(|part| part.split_once('='));
            let reset = parts.filter(|(key, _)| matches!(key.trim(), "t" | "reset"));
            return Some((
                name,
                reset.filter_map(|(_, time)| time.trim().parse().ok()).map(Duration::from_secs).max()?,
            ));
        }
        let (name, text) = field("RateLimit-Reset").or_else(|| field("X-RateLimit-Reset"))?;
        let number: u64 = text.trim().parse().ok()?;
        // What is no number of seconds is a time.
        let is_time = number > 1_000_000_000;
        let time = || Timestamp::from_second(i64::try_from(number).ok()?).ok();
        Some((name, if is_time { until(time()?) } else { Duration::from_secs(number) }))
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_429_or_503_that_says_when_asks_to_wait() {
        let now: Timestamp = "2015-10-21T07:27:50Z".parse().unwrap();
        let wait = |status, text: Option<&str>| {
            let mut headers = Headers::default();
            text.into_iter().for_each(|text| headers.add("Retry-After", text.to_owned()));
            Response { status, version: "HTTP/1.1", headers, body: Bytes::new() }.asks_to_wait(now)
        };
        assert_eq!(wait(429, Some(" 7 ")), Some(Duration::from_secs(7)));
        assert_eq!(wait(429, Some("Wed, 21 Oct 2015 07:28:00 GMT")), Some(Duration::from_secs(10)));
        assert_eq!(wait(429, Some("Wed, 21 Oct 2015 07:00:00 GMT")), Some(Duration::from_millis(200)));
        assert_eq!(wait(429, Some("0")), Some(Duration::from_millis(200)));
        assert_eq!(wait(503, Some("7")), Some(Duration::from_secs(7)));
        assert_eq!((wait(429, None), wait(429, Some("soon")), wait(500, Some("7"))), (None, None, None));
    }

    #[test]
    fn a_limit_says_when_it_begins_anew() {
        let now: Timestamp = "2015-10-21T07:27:50Z".parse().unwrap();
        let wait = |status, name: &'static str, text: String| {
            let mut headers = Headers::default();
            headers.add(name, text);
            let response = Response { status, version: "HTTP/1.1", headers, body: Bytes::new() };
            response.asks_to_wait(now).map(|time| (response.limit_field().unwrap(), time.as_secs()))
        };
        assert_eq!(wait(429, "ratelimit", "\"default\";r=0;t=12".into()), Some(("RateLimit", 12)));
        assert_eq!(wait(429, "RateLimit", "limit=10, remaining=0, reset=3".into()), Some(("RateLimit", 3)));
        assert_eq!(wait(429, "RateLimit-Reset", "4".into()), Some(("RateLimit-Reset", 4)));
        let then = (now.as_second() + 9).to_string();
        assert_eq!(wait(429, "x-ratelimit-reset", then), Some(("X-RateLimit-Reset", 9)));
        assert_eq!(wait(429, "RateLimit", "\"default\";r=0".into()), None);
        assert_eq!(wait(503, "RateLimit-Reset", "4".into()), None);
    }
}
