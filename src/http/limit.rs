//! Limits: when a server that was asked too often wants to be asked again, in the fields by which servers say so.

use std::time::Duration;

use jiff::Timestamp;

use super::jar::parse_cookie_date;
use super::message::{Headers, Response};

/// The shortest time that is waited: at once is never.
const SHORTEST: Duration = Duration::from_millis(200);
/// From which number on a time is no number of seconds, but one of seconds since 1970.
const TIMES: f64 = 1e9;
/// From which number on it is one of milliseconds since then.
const MILLISECONDS: f64 = 1e11;

impl Response {
    /// How long a server that was asked too often (429; RFC 6585, section 4) or cannot answer for now (503; RFC 9110,
    /// section 15.6.4) wants to be left alone: `Retry-After`, which is a number of seconds or a date (section 10.2.3), or
    /// the field in which a limit says when it begins anew.
    pub fn asks_to_wait(&self, now: Timestamp) -> Option<Duration> {
        if self.status == 403 { None } else { self.turns_away(now) }
    }

    /// The same, also of a 403 that is no refusal but a limit, as some APIs have it.
    pub fn turns_away(&self, now: Timestamp) -> Option<Duration> {
        Some(wish(self.status, &self.headers, now)?.1.max(SHORTEST))
    }

    /// The field that says so.
    pub fn limit_field(&self) -> Option<&'static str> {
        Some(wish(self.status, &self.headers, Timestamp::UNIX_EPOCH)?.0)
    }
}

/// Tells whether an answer is about how often somebody asks: 429, or a 403 that says when to come again.
pub fn is_limit(status: u16, headers: &Headers) -> bool {
    status == 429 || (status == 403 && wish(status, headers, Timestamp::UNIX_EPOCH).is_some())
}

fn wish(status: u16, headers: &Headers, now: Timestamp) -> Option<(&'static str, Duration)> {
    if !matches!(status, 403 | 429 | 503) {
        return None;
    }
    if let Some(text) = headers.text("Retry-After") {
        let date = || Some(until(parse_cookie_date(text.trim().as_bytes())?, now));
        return Some(("Retry-After", number(&text).map(seconds).or_else(date)?));
    }
    if status == 503 || (status == 403 && !is_used_up(headers)) {
        return None;
    }
    // Of the draft's own field, in both of its forms (draft-ietf-httpapi-ratelimit-headers), and of those before it.
    if let Some(text) = headers.text("RateLimit") {
        let reset = members(&text).filter(|(key, _)| matches!(*key, "t" | "reset"));
        return Some(("RateLimit", reset.filter_map(|(_, time)| number(time)).map(seconds).max()?));
    }
    let found = |name: &'static str| Some((name, headers.text(name)?));
    let mut fields = ["RateLimit-Reset", "X-RateLimit-Reset-After", "X-RateLimit-Reset"].into_iter();
    let (name, text) = fields.find_map(found)?;
    let date = || Some(until(text.trim().parse().ok()?, now));
    let time = |number: f64| match number {
        at if at > MILLISECONDS => until(since_1970(at / 1000.0), now),
        at if at > TIMES => until(since_1970(at), now),
        left => seconds(left),
    };
    Some((name, number(&text).map(time).or_else(date)?))
}

/// Tells whether nothing is left of a limit. Other refusals may say as well what is.
fn is_used_up(headers: &Headers) -> bool {
    let plain = ["X-RateLimit-Remaining", "RateLimit-Remaining"].into_iter().filter_map(|name| headers.text(name));
    let draft = headers.text("RateLimit").unwrap_or_default();
    let mut left = members(&draft).filter(|(key, _)| matches!(*key, "r" | "remaining"));
    plain.map(|text| text.trim().to_owned()).any(|left| left == "0") || left.any(|(_, left)| left == "0")
}

fn members(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = text.split([';', ',']).filter_map(|part| part.split_once('='));
    parts.map(|(key, value)| (key.trim(), value.trim()))
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX)
}

fn since_1970(number: f64) -> Timestamp {
    let since = jiff::SignedDuration::try_from_secs_f64(number).unwrap_or(jiff::SignedDuration::MAX);
    Timestamp::from_duration(since).unwrap_or(Timestamp::MAX)
}

fn until(time: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(time.duration_since(now)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

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

    #[test]
    fn times_are_read_as_servers_write_them() {
        let now: Timestamp = "2015-10-21T07:27:50Z".parse().unwrap();
        let wait = |name: &'static str, text: String| {
            let mut headers = Headers::default();
            headers.add(name, text);
            let response = Response { status: 429, version: "HTTP/1.1", headers, body: Bytes::new() };
            response.asks_to_wait(now).map(|time| time.as_millis())
        };
        assert_eq!(wait("Retry-After", "0.85".into()), Some(850));
        assert_eq!(wait("Retry-After", "-1".into()), None);
        let then = now.as_millisecond() + 9500;
        assert_eq!(wait("X-RateLimit-Reset", then.to_string()), Some(9500));
        assert_eq!(wait("X-RateLimit-Reset", format!("{}.500", then / 1000)), Some(9500));
        assert_eq!(wait("X-RateLimit-Reset", "2015-10-21T07:27:59.5Z".into()), Some(9500));
        assert_eq!(wait("X-RateLimit-Reset-After", "1.25".into()), Some(1250));
        assert_eq!(wait("X-RateLimit-Reset", "tomorrow".into()), None);
        assert_eq!(wait("X-RateLimit-Reset", "1e300".into()).filter(|time| *time < 1_000_000_000), None);
    }

    /// A refusal may say as well what is left of a limit.
    #[test]
    fn a_403_is_a_limit_only_where_nothing_is_left() {
        let asks = |status, fields: &[(&str, &str)]| {
            let mut headers = Headers::default();
            fields.iter().for_each(|(name, value)| headers.add(*name, (*value).to_owned()));
            let told = is_limit(status, &headers);
            let response = Response { status, version: "HTTP/1.1", headers, body: Bytes::new() };
            let waits = response.turns_away(Timestamp::UNIX_EPOCH).is_some();
            assert!(status != 403 || response.asks_to_wait(Timestamp::UNIX_EPOCH).is_none());
            (told, waits)
        };
        assert_eq!(asks(403, &[("Retry-After", "2")]), (true, true));
        assert_eq!(asks(403, &[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "5")]), (true, true));
        assert_eq!(asks(403, &[("RateLimit", "\"default\";r=0;t=5")]), (true, true));
        assert_eq!(asks(403, &[("X-RateLimit-Remaining", "7"), ("X-RateLimit-Reset", "5")]), (false, false));
        assert_eq!(asks(403, &[("X-RateLimit-Remaining", "0")]), (false, false));
        assert_eq!(asks(403, &[("RateLimit", "\"default\";r=3;t=5")]), (false, false));
        assert_eq!(asks(401, &[("Retry-After", "2")]), (false, false));
        assert_eq!(asks(429, &[]), (true, false));
    }
}
