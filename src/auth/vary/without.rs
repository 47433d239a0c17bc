//! Leaves out of a request whatever carries a part of a credential that is not to be sent at all.

use serde_json::Value;

use super::is_json;
use crate::http::Request;

/// Stands in a credential for a part that is left out, until the request is made.
pub const LEFT_OUT: &str = "left-out-of-what-is-sent";

/// Removes each member of a JSON body, field of a form or of the query, and header field that would carry such a part;
/// tells whether there was any.
pub fn without(request: &mut Request) -> bool {
    let before = request.clone();
    if request.is_form()
        && let Ok(body) = std::str::from_utf8(&request.body)
    {
        request.body = others(body).into();
    } else if is_json(request)
        && let Ok(mut body) = serde_json::from_slice::<Value>(&request.body)
        && strip(&mut body)
    {
        request.body = body.to_string().into();
    }
    let whole = request.address.to_string();
    if let Some((path, query)) = whole.split_once('?').filter(|(_, query)| query.contains(LEFT_OUT)) {
        let query = others(query);
        let whole = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        request.address = crate::http::Address::parse(&whole).unwrap_or_else(|_| request.address.clone());
    }
    let carries = |value: &[u8]| value.windows(LEFT_OUT.len()).any(|part| part == LEFT_OUT.as_bytes());
    let fields = request.headers.iter().filter(|(_, value)| carries(value));
    let names: Vec<String> = fields.map(|(name, _)| name.to_owned()).collect();
    names.iter().for_each(|name| request.headers.remove(name));
    *request != before
}

fn others(pairs: &str) -> String {
    let kept: Vec<&str> = pairs.split('&').filter(|pair| !pair.contains(LEFT_OUT)).collect();
    kept.join("&")
}

/// Takes such members out, and tells whether there were any.
fn strip(value: &mut Value) -> bool {
    let carries = |value: &Value| value.as_str().is_some_and(|text| text.contains(LEFT_OUT));
    match value {
        Value::Object(map) => {
            let before = map.len();
            map.retain(|_, member| !carries(member));
            let inside = map.values_mut().fold(false, |any, member| strip(member) | any);
            inside || map.len() < before
        }
        Value::Array(items) => {
            let before = items.len();
            items.retain(|item| !carries(item));
            let inside = items.iter_mut().fold(false, |any, item| strip(item) | any);
            inside || items.len() < before
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Address, Headers};

    fn request(query: &str, fields: &[(&str, &str)], body: &str) -> Request {
        let mut headers = Headers::default();
        fields.iter().for_each(|(name, value)| headers.add((*name).to_owned(), (*value).to_owned()));
        let address = Address::parse(&format!("http://a.example/refresh{query}")).unwrap();
        Request { method: "POST".into(), address, headers, body: body.to_owned().into() }
    }

    #[test]
    fn whatever_carries_the_part_is_gone_and_all_else_stays() {
        let json = [("content-type", "application/json")];
        let mut it =
            request("?t=left-out-of-what-is-sent&a=1", &json, r#"{"a":{"t":"left-out-of-what-is-sent"},"b":2}"#);
        assert!(without(&mut it));
        assert_eq!((&*it.body, it.address.query()), (&br#"{"a":{},"b":2}"#[..], "a=1"));
        let form = [("content-type", "application/x-www-form-urlencoded"), ("x-token", LEFT_OUT)];
        let mut it = request("", &form, "grant_type=refresh_token&refresh_token=left-out-of-what-is-sent");
        assert!(without(&mut it) && !it.headers.has("x-token"));
        assert_eq!(&*it.body, b"grant_type=refresh_token");
        assert!(!without(&mut request("?a=1", &json, r#"{"b": 2}"#)));
    }
}
