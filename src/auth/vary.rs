//! Changes one parameter of a request that a scheme made, wherever it stands: in a form of either kind, a JSON body,
//! the query, a header field, or the Basic credential of a client. Everything else stays byte for byte what it was, or is
//! spelled anew by the same rules.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::http::{FORM, Request};

mod multipart;
mod without;

use multipart::in_multipart;
pub use without::{LEFT_OUT, without};

/// What became of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Varied {
    /// It has another value.
    Changed,
    /// It is gone.
    Removed,
    /// It was not there, and now is.
    Added,
    /// It is as it was: nothing was changed.
    Same,
    /// It is not there: nothing was changed.
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

/// How id and secret of a client stand in its Basic credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelled {
    /// Form-encoded (RFC 6749, section 2.3.1).
    Encoded,
    /// As they are.
    Raw,
}

/// Changes a parameter. `null` removes it; a list stands there several times.
pub fn vary(request: &mut Request, parameter: &str, value: &Value, absent: Absent, spelled: Spelled) -> Varied {
    let before = request.clone();
    // Who a client is may be said in its credential and once more in the form, as in a pushed request.
    let client = in_basic(request, parameter, value, spelled);
    let places = [in_form, in_json, in_multipart, in_query, in_header];
    let is_taken_out = client.is_some() && value.is_null();
    let found = if is_taken_out { None } else { places.iter().find_map(|place| place(request, parameter, value)) };
    if let Some(varied) = client.filter(|varied| *varied != Varied::Same).or(found).or(client) {
        return if *request == before && varied != Varied::Missing { Varied::Same } else { varied };
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

fn is_json(request: &Request) -> bool {
    let media = request.headers.media_type();
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
    if !request.is_form() {
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

/// A member of a JSON body; dots lead into objects, and with numbers into lists. One that is not there is added to the object
/// that the dots lead to; where they lead into something that is there, and no further, nothing is.
fn in_json(request: &mut Request, path: &str, value: &Value) -> Option<Varied> {
    if !is_json(request) {
        return None;
    }
    let mut body: Value = serde_json::from_slice(&request.body).ok()?;
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let is_top = parents.is_empty();
    let pointer = |name: &str| format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    let pointer: String = parents.split('.').filter(|_| !is_top).map(pointer).collect();
    let Some(inner) = body.pointer_mut(&pointer) else {
        let first = parents.split('.').next()?;
        return body.get(first).map(|_| Varied::Missing);
    };
    let at: Option<usize> = last.parse().ok();
    let became = match (inner, at) {
        // Written anew, the same would look like something else.
        (Value::Object(map), _) if map.get(last) == Some(value) => return Some(Varied::Same),
        (Value::Object(map), _) if map.contains_key(last) => {
            if value.is_null() {
                map.shift_remove(last);
            } else {
                map.insert(last.to_owned(), value.clone());
            }
            became(value)
        }
        (Value::Object(map), _) if !is_top && !value.is_null() => {
            map.insert(last.to_owned(), value.clone());
            Varied::Added
        }
        (Value::Array(items), Some(at)) if at < items.len() => {
            if value.is_null() {
                items.remove(at);
            } else {
                items[at] = value.clone();
            }
            became(value)
        }
        // At the top it may be the name of something else: of a header field, or of what is to be added.
        _ => return (!is_top).then_some(Varied::Missing),
    };
    request.body = body.to_string().into();
    Some(became)
}

fn in_header(request: &mut Request, name: &str, value: &Value) -> Option<Varied> {
    if !request.headers.has(name) {
        return None;
    }
    if request.headers.all(name).eq(texts(value).iter().map(String::as_bytes)) {
        return Some(Varied::Same);
    }
    request.headers.remove(name);
    texts(value).into_iter().for_each(|text| request.headers.add(name, text));
    Some(became(value))
}

/// The id or secret of a client in `Authorization: Basic`. Neither stands there without the other: where one is left
/// out, the other one goes on in the form, as that of a client which proves nothing; and several are several
/// credentials.
fn in_basic(request: &mut Request, name: &str, value: &Value, spelled: Spelled) -> Option<Varied> {
    const FIELD: &str = "authorization";
    let other = match name {
        "client_id" => "client_secret",
        "client_secret" => "client_id",
        _ => return None,
    };
    let field = request.headers.text(FIELD)?;
    let (_, credential) = field.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))?;
    let decoded = String::from_utf8(STANDARD.decode(credential.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let kept = if other == "client_id" { id } else { secret };
    if value.is_null() {
        request.headers.remove(FIELD);
        in_form(request, name, value);
        let text = match spelled {
            Spelled::Raw => kept.to_owned(),
            Spelled::Encoded => form_decoded(kept),
        };
        if replaced(&String::from_utf8_lossy(&request.body), other, &Value::Null).is_none() {
            add(request, other, &Value::from(text));
        }
        return Some(Varied::Removed);
    }
    let spell = |text: String| {
        let new = match spelled {
            Spelled::Raw => text,
            Spelled::Encoded => url::form_urlencoded::byte_serialize(text.as_bytes()).collect(),
        };
        if other == "client_id" { format!("{kept}:{new}") } else { format!("{new}:{kept}") }
    };
    let new: Vec<String> = texts(value).into_iter().map(spell).collect();
    if new == [&*decoded] {
        return Some(Varied::Same);
    }
    request.headers.remove(FIELD);
    new.iter().for_each(|pair| request.headers.add(FIELD, format!("Basic {}", STANDARD.encode(pair))));
    Some(Varied::Changed)
}

/// What was form-encoded.
fn form_decoded(text: &str) -> String {
    url::form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
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
    let to_body = request.is_form() || (request.body.is_empty() && request.method == "POST");
    for text in texts(value) {
        if to_body {
            let before = String::from_utf8_lossy(&request.body).into_owned();
            let joint = if before.is_empty() { "" } else { "&" };
            request.body = format!("{before}{joint}{}", encoded(name, &text)).into();
            if !request.headers.has("content-type") {
                request.headers.add("content-type", FORM);
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
            let became = vary(&mut request, name, &value, Absent::Add, Spelled::Encoded);
            (became, String::from_utf8(request.body.to_vec()).unwrap())
        };
        assert_eq!(varied("code", json!("w&")), (Varied::Changed, "grant_type=code&code=w%26&x=%7e".into()));
        assert_eq!(varied("code", json!(null)), (Varied::Removed, "grant_type=code&x=%7e".into()));
        assert_eq!(varied("code", json!(["a", 2])), (Varied::Changed, "grant_type=code&code=a&code=2&x=%7e".into()));
        assert_eq!(varied("new", json!(true)), (Varied::Added, "grant_type=code&code=a%20b&x=%7e&new=true".into()));
        assert_eq!(varied("new", json!(null)).0, Varied::Missing);
        assert_eq!(vary(&mut form(), "new", &json!(1), Absent::Leave, Spelled::Encoded), Varied::Missing);
        assert_eq!(varied("grant_type", json!("code")).0, Varied::Same, "the value it has");
    }

    #[test]
    fn json_members_keep_types_and_order() {
        let body = r#"{"user":{"name":"ann","age":1},"remember":false}"#;
        let mut it = request("POST", "http://h/login", &[("content-type", "application/json")], body);
        assert_eq!(vary(&mut it, "user.name", &json!("eve"), Absent::Add, Spelled::Encoded), Varied::Changed);
        assert_eq!(vary(&mut it, "remember", &json!(true), Absent::Add, Spelled::Encoded), Varied::Changed);
        assert_eq!(vary(&mut it, "user.age", &json!(null), Absent::Add, Spelled::Encoded), Varied::Removed);
        assert_eq!(vary(&mut it, "otp", &json!(7), Absent::Add, Spelled::Encoded), Varied::Added);
        assert_eq!(it.body, r#"{"user":{"name":"eve"},"remember":true,"otp":7}"#);
    }

    #[test]
    fn dots_lead_into_lists_and_never_to_a_member_of_that_name() {
        let body = r#"{"list":[{"k":"v"},{"k":"w"}],"user":{"name":"ann"}}"#;
        let varied = |name: &str, value: Value| {
            let mut it = request("POST", "http://h/login", &[("content-type", "application/json")], body);
            let became = vary(&mut it, name, &value, Absent::Add, Spelled::Encoded);
            (became, String::from_utf8(it.body.to_vec()).unwrap())
        };
        assert_eq!(varied("list.1.k", json!("x")), (Varied::Changed, body.replace("\"w\"", "\"x\"")));
        assert_eq!(varied("list.0", json!(null)), (Varied::Removed, body.replace(r#"{"k":"v"},"#, "")));
        assert_eq!(varied("list.0", json!(7)), (Varied::Changed, body.replace(r#"{"k":"v"}"#, "7")));
        let added = body.replace(r#""ann""#, r#""ann","otp":7"#);
        assert_eq!(varied("user.otp", json!(7)), (Varied::Added, added));
        for nowhere in ["list.2", "list.k", "list.2.k", "user.name.x", "user.address.city", "list.1.k.z"] {
            assert_eq!(varied(nowhere, json!("x")), (Varied::Missing, body.to_owned()), "{nowhere}");
        }
        assert_eq!(varied("new.name", json!(1)).0, Varied::Added, "nothing is called `new`");
    }

    #[test]
    fn a_field_is_left_out_beside_a_body_that_has_no_such_member() {
        let fields = [("content-type", "application/json"), ("x-csrf", "t")];
        let mut it = request("POST", "http://h/login?otp=1", &fields, r#"{"user":"ann"}"#);
        let mut left_out = |name: &str| vary(&mut it, name, &json!(null), Absent::Add, Spelled::Encoded);
        assert_eq!(["X-CSRF", "otp", "pin"].map(&mut left_out), [Varied::Removed, Varied::Removed, Varied::Missing]);
        assert!(!it.headers.has("x-csrf") && it.address.query().is_empty(), "{it:?}");
    }

    #[test]
    fn parts_of_a_multipart_body_are_reached() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nann\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"pin\"\r\n\r\n1\r\n--b--\r\n";
        let varied = |name: &str, value: Value| {
            let media = ("content-type", "multipart/form-data; boundary=b");
            let mut it = request("POST", "http://h/login", &[media], body);
            let became = vary(&mut it, name, &value, Absent::Leave, Spelled::Encoded);
            (became, String::from_utf8(it.body.to_vec()).unwrap())
        };
        assert_eq!(varied("user", json!("eve")), (Varied::Changed, body.replace("ann", "eve")));
        let (became, without) = varied("pin", json!(null));
        assert_eq!((became, without.matches("--b").count()), (Varied::Removed, 2));
        assert!(without.contains("ann") && !without.contains("pin") && without.ends_with("\r\n--b--\r\n"), "{without}");
        let (_, twice) = varied("pin", json!([1, 2]));
        assert_eq!((twice.matches("name=\"pin\"").count(), twice.matches("--b").count()), (2, 4));
        assert_eq!(varied("none", json!("x")), (Varied::Missing, body.to_owned()));
        let odd = body.replace("name=\"user\"", "name=\"a%22b%0D%0Ac\"");
        let mut it = request("POST", "http://h/login", &[("content-type", "multipart/form-data; boundary=b")], &odd);
        assert_eq!(vary(&mut it, "a\"b\r\nc", &json!("eve"), Absent::Leave, Spelled::Encoded), Varied::Changed);
    }

    #[test]
    fn queries_headers_and_basic_clients_are_reached() {
        let basic = format!("Basic {}", STANDARD.encode("web:s%3A1"));
        let mut it =
            request("GET", "http://h/auth?state=1&scope=a%20b", &[("authorization", &basic), ("x-tenant", "a")], "");
        assert_eq!(vary(&mut it, "state", &json!(null), Absent::Add, Spelled::Encoded), Varied::Removed);
        assert_eq!(it.address.target(), "/auth?scope=a%20b");
        assert_eq!(vary(&mut it, "X-Tenant", &json!("b"), Absent::Add, Spelled::Encoded), Varied::Changed);
        assert_eq!(it.headers.text("x-tenant").as_deref(), Some("b"));
        assert_eq!(vary(&mut it, "client_secret", &json!("w:x"), Absent::Add, Spelled::Encoded), Varied::Changed);
        assert_eq!(it.headers.text("authorization"), Some(format!("Basic {}", STANDARD.encode("web:w%3Ax"))));
        assert_eq!(vary(&mut it, "prompt", &json!("none"), Absent::Add, Spelled::Encoded), Varied::Added);
        assert_eq!(it.address.target(), "/auth?scope=a%20b&prompt=none");
    }

    fn of_basic(credential: &str, body: &str) -> Request {
        let basic = format!("Basic {}", STANDARD.encode(credential));
        request("POST", "http://h/token", &[("authorization", &basic), FORM], body)
    }

    /// The credentials that a request has, and its form.
    fn shown(request: &Request) -> (Vec<String>, String) {
        let decoded = |field: &[u8]| {
            let (_, text) = std::str::from_utf8(field).unwrap().split_once(' ').unwrap();
            String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
        };
        let fields = request.headers.all("authorization").map(|field| decoded(&field[..])).collect();
        (fields, String::from_utf8(request.body.to_vec()).unwrap())
    }

    #[test]
    fn a_client_of_basic_is_changed_and_left_out_in_halves() {
        let varied = |credential: &str, name: &str, value: Value, spelled: Spelled| {
            let mut request = of_basic(credential, "grant_type=x");
            let became = vary(&mut request, name, &value, Absent::Add, spelled);
            let (fields, form) = shown(&request);
            (became, fields.join(" "), form)
        };
        let told = |became: Varied, fields: &str, form: &str| (became, fields.to_owned(), form.to_owned());
        let (encoded, raw) = (Spelled::Encoded, Spelled::Raw);
        let form = "grant_type=x";
        for (credential, name, value, spelled, expected) in [
            ("a:b", "client_id", json!("c d:é"), encoded, told(Varied::Changed, "c+d%3A%C3%A9:b", form)),
            ("a:b", "client_secret", json!("p%20 +"), encoded, told(Varied::Changed, "a:p%2520+%2B", form)),
            ("a:b", "client_secret", json!("p%20 +"), raw, told(Varied::Changed, "a:p%20 +", form)),
            ("a:b", "client_secret", json!(""), encoded, told(Varied::Changed, "a:", form)),
            ("a:b", "client_secret", json!(["b", "c"]), encoded, told(Varied::Changed, "a:b a:c", form)),
            ("a:b%2Bc", "client_secret", json!("b+c"), encoded, told(Varied::Same, "a:b%2Bc", form)),
            ("a:b+c", "client_secret", json!("b+c"), raw, told(Varied::Same, "a:b+c", form)),
            // Who the client is stays: what is missing is the proof, and not both.
            (
                "a%3A1:b",
                "client_secret",
                json!(null),
                encoded,
                told(Varied::Removed, "", "grant_type=x&client_id=a%3A1"),
            ),
            ("a%3A1:b", "client_secret", json!(null), raw, told(Varied::Removed, "", "grant_type=x&client_id=a%253A1")),
            ("a:b+c", "client_id", json!(null), encoded, told(Varied::Removed, "", "grant_type=x&client_secret=b+c")),
        ] {
            assert_eq!(varied(credential, name, value.clone(), spelled), expected, "{credential} {name} {value}");
        }
    }

    #[test]
    fn a_client_that_is_named_twice_is_changed_twice() {
        let varied = |name: &str, value: Value| {
            let mut request = of_basic("a:b", "client_id=a&x=1");
            vary(&mut request, name, &value, Absent::Add, Spelled::Encoded);
            shown(&request)
        };
        assert_eq!(varied("client_id", json!("c")), (vec!["c:b".to_owned()], "client_id=c&x=1".to_owned()));
        assert_eq!(varied("client_id", json!(null)), (Vec::new(), "x=1&client_secret=b".to_owned()));
        assert_eq!(varied("client_secret", json!(null)), (Vec::new(), "client_id=a&x=1".to_owned()));
        // Id and secret of somebody else, one after the other.
        let mut request = of_basic("a:b", "x=1");
        vary(&mut request, "client_id", &json!("spa"), Absent::Add, Spelled::Encoded);
        vary(&mut request, "client_secret", &Value::Null, Absent::Add, Spelled::Encoded);
        assert_eq!(shown(&request), (Vec::new(), "x=1&client_id=spa".to_owned()));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(body in "\\PC{0,40}", name in "[a-z.]{1,8}", value in "\\PC{0,8}") {
            for media in ["application/json", FORM.1, "text/plain", "multipart/form-data; boundary=a"] {
                let mut it = request("POST", "http://h/a?b=c", &[("content-type", media)], &body);
                vary(&mut it, &name, &json!(value), Absent::Add, Spelled::Encoded);
            }
        }
    }
}
