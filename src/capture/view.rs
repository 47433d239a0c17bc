//! The answer as templates see it: `response.status`, `response.json.id`, `response.headers.etag`.

use std::sync::{Arc, OnceLock};

use super::source::body_json;
use crate::http::jar::StoreOutcome;
use crate::http::{Headers, Response, Trail};
use crate::template::{Lookup, Scope, Value, from_json};

/// The members of `response` with what they hold.
pub const RESPONSE_MEMBERS: &[(&str, &str)] = &[
    ("status", "the status code"),
    ("headers", "the header fields; names without regard to case, the first of equal ones"),
    ("body", "the body as text"),
    ("json", "the body as JSON; undefined when it is none"),
    ("cookies", "the cookies that the answers of this step set, decoded"),
    ("location", "where `Location` points, absolute; undefined without one"),
    ("url", "the address of the last request"),
];

/// Gives an answer as the value of the name `response`; its parts are made when they are used.
pub fn response_value(trail: &Trail, response: &Response) -> Value {
    object(View {
        response: response.clone(),
        location: location(trail, response),
        url: final_url(trail),
        cookies: Value::from_pairs(cookies(trail).into_iter().filter(|c| !c.deleted).map(|c| (c.name, c.value))),
        json: OnceLock::new(),
    })
}

struct View {
    response: Response,
    location: Option<String>,
    url: Option<String>,
    cookies: Value,
    json: OnceLock<Option<Value>>,
}

impl Lookup for View {
    fn get(&self, name: &str) -> Option<Value> {
        match name {
            "status" => Some(Value::from(self.response.status)),
            "headers" => Some(object(Fields(self.response.headers.clone()))),
            "body" => Some(Value::from(&*self.response.text())),
            "json" => self.json.get_or_init(|| Some(from_json(&body_json(&self.response).ok()?))).clone(),
            "cookies" => Some(self.cookies.clone()),
            "location" => self.location.clone().map(Value::from),
            "url" => self.url.clone().map(Value::from),
            _ => None,
        }
    }
}

struct Fields(Headers);

impl Lookup for Fields {
    fn get(&self, name: &str) -> Option<Value> {
        self.0.text(name).map(Value::from)
    }
}

fn object(lookup: impl Lookup + 'static) -> Value {
    let mut scope = Scope::default();
    scope.set_lookup("it", Arc::new(lookup));
    scope.get("it").cloned().unwrap_or_default()
}

/// A cookie as an answer set it.
pub(super) struct SetCookie {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) deleted: bool,
}

/// What the answers of a step set, in order; also what the jar refused, since it was sent.
pub(super) fn cookies(trail: &Trail) -> Vec<SetCookie> {
    let set = trail.jar.stored().map(|stored| SetCookie {
        name: stored.name().to_string(),
        value: decoded(stored.value().as_bytes()),
        deleted: matches!(stored.outcome, StoreOutcome::Deleted(_)),
    });
    set.collect()
}

/// Where `Location` points; an absolute one stays as it is written.
pub(super) fn location(trail: &Trail, response: &Response) -> Option<String> {
    let field = response.headers.text("location")?;
    if url::Url::parse(&field).is_ok() {
        return Some(field);
    }
    let from = &trail.hops.last()?.request.address;
    match from.join(&field) {
        Ok(address) => {
            // An address has no fragment, and a callback may carry its code in one.
            let fragment = field.split_once('#').map_or(String::new(), |(_, f)| format!("#{f}"));
            Some(format!("{address}{fragment}"))
        }
        Err(_) => from.url().join(&field).ok().map(String::from),
    }
}

pub(super) fn final_url(trail: &Trail) -> Option<String> {
    Some(trail.hops.last()?.request.address.to_string())
}

/// Undoes percent-encoding; bytes that come out as no UTF-8 leave the text as it was.
fn decoded(raw: &[u8]) -> String {
    let hex = |at: usize| raw.get(at).and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        match (raw[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high * 16 + low);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| String::from_utf8_lossy(raw).into_owned())
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn cookies_are_percent_decoded_and_nothing_else() {
        assert_eq!(decoded(b"a%20b+c%3d\"x\""), "a b+c=\"x\"");
        assert_eq!(decoded(b"%"), "%");
        assert_eq!(decoded(b"%4"), "%4");
        assert_eq!(decoded(b"%zz%c3%a9"), "%zz\u{e9}");
        assert_eq!(decoded(b"%ff"), "%ff");
    }
}
