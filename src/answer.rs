//! `response` as templates see it: in `that`, in captures and in `if`.
//!
//! Members are made when they are asked for; the body is parsed at most once. To add a member: one
//! row in [`MEMBERS`] and its arm in `Answer::get_value`, which a test holds together.

use std::fmt;
use std::sync::{Arc, OnceLock};

use minijinja::value::{Object, ObjectRepr};

use crate::http::jar::StoreOutcome;
use crate::http::{Headers, Response, Trail};
use crate::template::{Members, Names, Value, from_json};

/// The members of `response`, each with what it gives.
pub const MEMBERS: &[(&str, &str)] = &[
    ("status", "the status code"),
    (
        "headers",
        "header fields: `response.headers['content-type']` or `response.headers.content_type`; repeated ones joined by commas",
    ),
    ("json", "the body as JSON; undefined when it is none"),
    ("body", "the body as text"),
    ("url", "the address that answered, without fragment"),
    ("duration_ms", "the time for all hops, in milliseconds"),
    ("cookies", "values of the cookies that the step's answers set, by name"),
    (
        "denied",
        "whether it refuses: what `deny` or `hidden` means for anybody (`outcomes`; else 401 and 403), or a login that gave no credential",
    ),
];

/// Adds `response` to the names that a template may use.
pub fn add_names(names: &mut Names) {
    names.object("response", Members::These(MEMBERS.iter().map(|(name, _)| (*name).to_owned()).collect()));
}

/// Makes the value of `response`: the answer that is judged, and the trail it belongs to.
pub fn response_value(trail: &Trail, response: &Response) -> Value {
    judged_value(trail, response, denies(response))
}

/// Tells whether an answer refuses where nothing else is said.
pub const fn denies(response: &Response) -> bool {
    matches!(response.status, 401 | 403)
}

/// The same of an answer of which it is known whether it refuses.
pub fn judged_value(trail: &Trail, response: &Response, denied: bool) -> Value {
    let mut cookies = serde_json::Map::new();
    for stored in trail.jar.stored() {
        let name = stored.name().to_string();
        if matches!(stored.outcome, StoreOutcome::Deleted(_)) {
            cookies.shift_remove(&name);
        } else {
            cookies.insert(name, stored.value().text().into());
        }
    }
    Value::from_object(Answer {
        status: response.status,
        headers: response.headers.clone(),
        body: response.body.clone(),
        url: trail.hops.last().map(|hop| hop.request.address.to_string()).unwrap_or_default(),
        // Whole milliseconds of a request that ends within centuries.
        duration_ms: u64::try_from(trail.elapsed().as_millis()).unwrap_or(u64::MAX),
        cookies,
        denied,
        json: OnceLock::new(),
    })
}

struct Answer {
    status: u16,
    headers: Headers,
    body: bytes::Bytes,
    url: String,
    duration_ms: u64,
    cookies: serde_json::Map<String, serde_json::Value>,
    denied: bool,
    json: OnceLock<Option<Value>>,
}

impl fmt::Debug for Answer {
    /// Shows no content: it may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("response")
    }
}

impl Object for Answer {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "status" => Some(Value::from(self.status)),
            "headers" => Some(headers_value(&self.headers)),
            "json" => self.json.get_or_init(|| serde_json::from_slice(&self.body).ok().map(|v| from_json(&v))).clone(),
            "body" => Some(Value::from(String::from_utf8_lossy(&self.body).into_owned())),
            "url" => Some(Value::from(self.url.as_str())),
            "duration_ms" => Some(Value::from(self.duration_ms)),
            "cookies" => Some(from_json(&serde_json::Value::Object(self.cookies.clone()))),
            "denied" => Some(Value::from(self.denied)),
            _ => None,
        }
    }
}

/// Makes the value of header fields: found without case and with `_` for `-`, repeated ones joined by commas.
pub fn headers_value(headers: &Headers) -> Value {
    Value::from_object(Fields(headers.clone()))
}

struct Fields(Headers);

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("headers")
    }
}

impl Object for Fields {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let dashed = name.replace('_', "-");
        let name = if self.0.has(name) { name } else { &dashed };
        let lines: Vec<_> = self.0.all(name).map(|v| String::from_utf8_lossy(v)).collect();
        (!lines.is_empty()).then(|| Value::from(lines.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::diag::Diagnostics;
    use crate::http::jar::Jar;
    use crate::http::{Address, Exchange, Request};
    use crate::template::{Origin, Scope, Template};
    use jiff::Timestamp;

    fn trail(body: &'static str) -> Trail {
        let address = Address::parse("http://api.test/a?b=1").unwrap();
        let mut headers = Headers::default();
        headers.add("Content-Type", "application/json");
        headers.add("X-A", "1");
        headers.add("x-a", "2");
        headers.add("x_b", "3");
        let mut trail = Trail::default();
        let mut jar = Jar::default();
        for set in ["sid=old", "gone=1", "sid=new; HttpOnly", "gone=; Max-Age=0"] {
            let stored = jar.store(set.as_bytes(), address.url(), Timestamp::UNIX_EPOCH);
            trail.jar.received(address.url(), stored);
        }
        let response = Response { status: 201, version: "HTTP/1.1", headers, body: body.into() };
        trail.hops.push(Exchange {
            request: Request { method: "GET".into(), address, headers: Headers::default(), body: bytes::Bytes::new() },
            response: Ok(response),
            started: Timestamp::UNIX_EPOCH,
            elapsed: Duration::from_millis(12),
        });
        trail
    }

    fn eval(expression: &str, body: &'static str) -> Result<serde_json::Value, String> {
        let trail = trail(body);
        let mut scope = Scope::default();
        scope.set("response", response_value(&trail, trail.response().unwrap()));
        let (mut names, mut diags) = (Names::default(), Diagnostics::default());
        add_names(&mut names);
        Template::expression(&expression.into(), Origin::NONE, &names, &mut diags)
            .ok_or_else(|| diags.iter().map(|d| d.message.clone()).collect::<String>())?
            .value(&scope)
            .map_err(|e| e.message)
    }

    #[test]
    fn every_member_gives_something() {
        for (name, _) in MEMBERS {
            assert!(eval(&format!("response.{name} is defined"), "{}").unwrap() == true, "{name}");
        }
        for (expression, value) in [
            ("response.status + 1", serde_json::json!(202)),
            ("response.headers['content-type']", serde_json::json!("application/json")),
            ("response.headers.content_type", serde_json::json!("application/json")),
            ("response.headers['X-a']", serde_json::json!("1, 2")),
            ("response.headers.x_b", serde_json::json!("3")),
            ("response.json.items | length", serde_json::json!(2)),
            ("response.json.items[1].id", serde_json::json!(7)),
            ("response.body[:2]", serde_json::json!("{\"")),
            ("response.url", serde_json::json!("http://api.test/a?b=1")),
            ("response.duration_ms", serde_json::json!(12)),
            ("response.cookies", serde_json::json!({"sid": "new"})),
            ("response.headers.nope is defined", serde_json::json!(false)),
        ] {
            assert_eq!(eval(expression, r#"{"items": [1, {"id": 7}]}"#).unwrap(), value, "{expression}");
        }
    }

    #[test]
    fn what_is_not_there_is_an_error_and_never_a_value() {
        assert!(eval("response.json.a == 1", "<html>").unwrap_err().contains("undefined"));
        assert!(eval("response.headers.nope", "").unwrap_err().contains("undefined"));
        assert!(eval("response.staus == 1", "").unwrap_err().contains("`response.staus`"));
    }
}
