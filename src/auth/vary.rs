//! Changes one parameter of a request that a scheme made, wherever it stands: in a form of either kind, a JSON body,
//! the query, a header field, or the Basic credential of a client. Everything else stays byte for byte what it was, or is
//! spelled anew by the same rules.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::http::Request;

mod multipart;

use multipart::in_multipart;

/// What became of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Varied {
    /// It has another value.
    Changed,
    /// It is gone.
    Removed,
    /// It was not there, and now is.
    Added,
    /// It is not there, or is as it was: nothing was changed.
    Missing,
}

/// Whether a parameter that is not there is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// It is.
    Add,
    /// It is not.
    Leave,
}

/// Changes a parameter. `null` removes it; a list stands there several times.
pub fn vary(request: &mut Request, parameter: &str, value: &Value, absent: Absent) -> Varied {
    let before = request.clone();
    let places = [in_form, in_json, in_multipart, in_query, in_basic, in_header];
    if let Some(varied) = places.iter().find_map(|place| place(request, parameter, value)) {
        return if *request == before { Varied::Missing } else { varied };
    }
    if absent == Absent::Leave || value.is_null() {
        return Varied::Missing;
    }
    add(request, parameter, value);
    Varied::Added
}

fn became(value: &Value) -> Varied {
    if value.is_null() { Varied::Removed } else { Varied::Changed }
}

/// The spellings of a value where there is only text.
pub fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        other => vec![other.to_string()],
    }
}

fn is_form(request: &Request) -> bool {
    request.headers.text("content-type").is_some_and(|t| t.starts_with("application/x-www-form-urlencoded"))
}

fn is_json(request: &Request) -> bool {
    let media = request.headers.text("content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    media == "application/json" || media.ends_with("+json")
}

/// Replaces the pairs of a name in a form, at the place of the first; `None` when there is none.
fn replaced(pairs: &str, name: &str, value: &Value) -> Option<String> {
    let is_it = |pair: &str| {
        let key = pair.split('=').next().unwrap_or_default();
        url::form_urlencoded::parse(key.as_bytes()).next().is_some_and(|(k, _)| k == name)
    };
    let at = pairs.split('&').position(is_it)?;
    let new = texts(value).into_iter().map(|text| encoded(name, &text));
    let mut new: Vec<String> = new.collect();
    let mut all: Vec<String> = Vec::new();
    for (i, pair) in pairs.split('&').enumerate() {
        if i == at {
            all.append(&mut new);
        }
        if !is_it(pair) {
            all.push(pair.to_owned());
        }
    }
    Some(all.join("&"))
}

fn encoded(name: &str, text: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair(name, text).finish()
}

fn in_form(request: &mut Request, name: &str, value: &Value) -> Option<Varied> {
    if !is_form(request) {
        return None;
    }
    let body = std::str::from_utf8(&request.body).ok()?;
    request.body = replaced(body, name, value)?.into();
    Some(became(value))
}

fn in_query(request: &mut Request, name: &str, value: &Value) -> Option<Varied> {
    let whole = request.address.to_string();
    let (path, query) = whole.split_once('?')?;
    let query = replaced(query, name, value)?;
    let whole = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    request.address = crate::http::Address::parse(&whole).ok()?;
    Some(became(value))
}

/// A member of a JSON body; dots lead into objects.
fn in_json(request: &mut Request, path: &str, value: &Value) -> Option<Varied> {
    if !is_json(request) {
        return None;
    }
    let mut body: Value = serde_json::from_slice(&request.body).ok()?;
    let (parents, last) = path.rsplit_once('.').map_or((None, path), |(p, l)| (Some(p), l));
    let mut inner = &mut body;
    for name in parents.into_iter().flat_map(|p| p.split('.')) {
        inner = inner.get_mut(name)?;
    }
    let map = inner.as_object_mut()?;
    map.get(last)?;
    if value.is_null() {
        map.shift_remove(last);
    } else {
        map.insert(last.to_owned(), value.clone());
    }
    request.body = body.to_string().into();
    Some(became(value))
}

fn in_header(request: &mut Request, name: &str, value: &Value) -> Option<Varied> {
    if !request.headers.has(name) {
        return None;
    }
    request.headers.remove(name);
    texts(value).into_iter().for_each(|text| request.headers.add(name, text));
    Some(became(value))
}

/// The id or secret of a client in `Authorization: Basic`, form-encoded before Base64 (RFC 6749, section 2.3.1).
fn in_basic(request: &mut Request, name: &str, value: &Value) -> Option<Varied> {
    if !matches!(name, "client_id" | "client_secret") {
        return None;
    }
    let field = request.headers.text("authorization")?;
    let (_, credential) = field.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))?;
    let decoded = String::from_utf8(STANDARD.decode(credential.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let text = texts(value).first().map(|t| encoded(t, "").trim_end_matches('=').to_owned());
    let new = match (name, text) {
        // A client without an id, or one without a secret, does not say who it is.
        (_, None) => {
            request.headers.remove("authorization");
            return Some(Varied::Removed);
        }
        ("client_id", Some(new)) => format!("{new}:{secret}"),
        (_, Some(new)) => format!("{id}:{new}"),
    };
    request.headers.set("authorization", format!("Basic {}", STANDARD.encode(new)));
    Some(Varied::Changed)
}

/// Adds a parameter where others of its kind stand.
fn add(request: &mut Request, name: &str, value: &Value) {
    if is_json(request)
        && let Ok(Value::Object(mut body)) = serde_json::from_slice(&request.body)
    {
        body.insert(name.to_owned(), value.clone());
        request.body = Value::Object(body).to_string().into();
        return;
    }
    let to_body = is_form(request) || (request.body.is_empty() && request.method == "POST");
    for text in texts(value) {
        if to_body {
            let before = String::from_utf8_lossy(&request.body).into_owned();
            let joint = if before.is_empty() { "" } else { "&" };
            request.body = format!("{before}{joint}{}", encoded(name, &text)).into();
            if !request.headers.has("content-type") {
                request.headers.add("content-type", "application/x-www-form-urlencoded");
            }
        } else {
            request.address.add_query(name, &text);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::{Address, Headers};

    fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Request {
        let mut fields = Headers::default();
        headers.iter().for_each(|(n, v)| fields.add(*n, (*v).to_owned()));
        let address = Address::parse(url).unwrap();
        Request { method: method.to_owned(), address, headers: fields, body: body.to_owned().into() }
    }

    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

    #[test]
    fn a_form_keeps_everything_else_byte_for_byte() {
        let form = || request("POST", "http://h/token", &[FORM], "grant_type=code&code=a%20b&x=%7e");
        let varied = |name: &str, value: Value| {
            let mut request = form();
            let became = vary(&mut request, name, &value, Absent::Add);
            (became, String::from_utf8(request.body.to_vec()).unwrap())
        };
        assert_eq!(varied("code", json!("w&")), (Varied::Changed, "grant_type=code&code=w%26&x=%7e".into()));
        assert_eq!(varied("code", json!(null)), (Varied::Removed, "grant_type=code&x=%7e".into()));
        assert_eq!(varied("code", json!(["a", 2])), (Varied::Changed, "grant_type=code&code=a&code=2&x=%7e".into()));
        assert_eq!(varied("new", json!(true)), (Varied::Added, "grant_type=code&code=a%20b&x=%7e&new=true".into()));
        assert_eq!(varied("new", json!(null)).0, Varied::Missing);
        assert_eq!(vary(&mut form(), "new", &json!(1), Absent::Leave), Varied::Missing);
        assert_eq!(varied("grant_type", json!("code")).0, Varied::Missing, "the value it has");
    }

    #[test]
    fn json_members_keep_types_and_order() {
        let body = r#"{"user":{"name":"ann","age":1},"remember":false}"#;
        let mut it = request("POST", "http://h/login", &[("content-type", "application/json")], body);
        assert_eq!(vary(&mut it, "user.name", &json!("eve"), Absent::Add), Varied::Changed);
        assert_eq!(vary(&mut it, "remember", &json!(true), Absent::Add), Varied::Changed);
        assert_eq!(vary(&mut it, "user.age", &json!(null), Absent::Add), Varied::Removed);
        assert_eq!(vary(&mut it, "otp", &json!(7), Absent::Add), Varied::Added);
        assert_eq!(it.body, r#"{"user":{"name":"eve"},"remember":true,"otp":7}"#);
    }

    #[test]
    fn parts_of_a_multipart_body_are_reached() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nann\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"pin\"\r\n\r\n1\r\n--b--\r\n";
        let varied = |name: &str, value: Value| {
            let media = ("content-type", "multipart/form-data; boundary=b");
            let mut it = request("POST", "http://h/login", &[media], body);
            let became = vary(&mut it, name, &value, Absent::Leave);
            (became, String::from_utf8(it.body.to_vec()).unwrap())
        };
        assert_eq!(varied("user", json!("eve")), (Varied::Changed, body.replace("ann", "eve")));
        let (became, without) = varied("pin", json!(null));
        assert_eq!((became, without.matches("--b").count()), (Varied::Removed, 2));
        assert!(without.contains("ann") && !without.contains("pin") && without.ends_with("\r\n--b--\r\n"), "{without}");
        let (_, twice) = varied("pin", json!([1, 2]));
        assert_eq!((twice.matches("name=\"pin\"").count(), twice.matches("--b").count()), (2, 4));
        assert_eq!(varied("none", json!("x")), (Varied::Missing, body.to_owned()));
    }

    #[test]
    fn queries_headers_and_basic_clients_are_reached() {
        let basic = format!("Basic {}", STANDARD.encode("web:s%3A1"));
        let mut it =
            request("GET", "http://h/auth?state=1&scope=a%20b", &[("authorization", &basic), ("x-tenant", "a")], "");
        assert_eq!(vary(&mut it, "state", &json!(null), Absent::Add), Varied::Removed);
        assert_eq!(it.address.target(), "/auth?scope=a%20b");
        assert_eq!(vary(&mut it, "X-Tenant", &json!("b"), Absent::Add), Varied::Changed);
        assert_eq!(it.headers.text("x-tenant").as_deref(), Some("b"));
        assert_eq!(vary(&mut it, "client_secret", &json!("w:x"), Absent::Add), Varied::Changed);
        assert_eq!(it.headers.text("authorization"), Some(format!("Basic {}", STANDARD.encode("web:w%3Ax"))));
        assert_eq!(vary(&mut it, "prompt", &json!("none"), Absent::Add), Varied::Added);
        assert_eq!(it.address.target(), "/auth?scope=a%20b&prompt=none");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(body in "\\PC{0,40}", name in "[a-z.]{1,8}", value in "\\PC{0,8}") {
            for media in ["application/json", FORM.1, "text/plain", "multipart/form-data; boundary=a"] {
                let mut it = request("POST", "http://h/a?b=c", &[("content-type", media)], &body);
                vary(&mut it, &name, &json!(value), Absent::Add);
            }
        }
    }
}
