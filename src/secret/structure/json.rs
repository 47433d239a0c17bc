//! JSON, as a tree and as text.
//!
//! The text form changes nothing but the values it masks, and works on broken and cut JSON, and on JSON inside a JSON string:
//! it looks for `"name":` and never needs the whole to parse.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::keys::{Kind, is_inner, kind_of};
use super::plain::mask_credentials;
use super::{header, mask_header, mask_jwts, mask_url, replace_all, stand_in};

/// Bytes of a credential-like object in which members called `id` or `value` are masked.
const LONGEST_OBJECT: usize = 1024;

/// A name with its colon; the quotes are escaped where the JSON stands inside a string.
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(\\*)"((?:[^"\\\r\n]|\\+u[0-9a-fA-F]{4}){1,80})\\*"\s*:\s*"#).expect("a constant pattern")
});

/// Masks the values of credential-like names in a tree, in place.
pub fn mask_json(value: &mut Value) {
    walk(value, "", None);
}

fn walk(value: &mut Value, name: &str, kind: Option<Kind>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                let inherited = kind.filter(|_| is_inner(name));
                walk(member, name, kind_of(name).or(inherited));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, name, kind)),
        Value::String(text) => {
            if let Some(shown) = mask_member(name, text, kind) {
                *text = shown;
            }
        }
        Value::Number(_) if kind == Some(Kind::Password) => *value = Value::from("‹masked›"),
        Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

/// Masks one string; `kind` is what its name says it is.
fn mask_member(name: &str, text: &str, kind: Option<Kind>) -> Option<String> {
    let masked = match kind {
        Some(_) if is_header(name) => mask_header(name, text).into_owned(),
        Some(kind) => return stand_in(text, kind),
        None => {
            let address = mask_address(text);
            let inner = address.as_deref().unwrap_or(text);
            let inner = if inner.contains('{') { mask_json_text(inner) } else { Cow::Borrowed(inner) };
            mask_jwts(&mask_credentials(&inner)).into_owned()
        }
    };
    (masked != text).then_some(masked)
}

/// Tells whether a member is an echoed header with a form of its own.
fn is_header(name: &str) -> bool {
    use header::Carrier::{Address, Authorization, Cookie, Parameters, SetCookie, Whole};
    match header::carrier(name) {
        Some(Authorization | Cookie | SetCookie | Parameters) => true,
        Some(Whole(_) | Address) | None => false,
    }
}

fn mask_address(text: &str) -> Option<String> {
    if !text.contains(['?', '#', '@']) || !text.contains('/') {
        return None;
    }
    let plain = text.replace("\\/", "/").replace("\\u0026", "&").replace("\\u003d", "=");
    match mask_url(&plain) {
        Cow::Borrowed(_) => None,
        Cow::Owned(masked) => Some(masked),
    }
}

/// Masks the values of credential-like names in the text of JSON that may be broken or cut.
pub fn mask_json_text(text: &str) -> Cow<'_, str> {
    let mut changes = Vec::new();
    let mut at = 0;
    // Objects whose own name is credential-like, by where they end.
    let mut around: Vec<(usize, Kind)> = Vec::new();
    while let Some(found) = NAME.captures_at(text, at) {
        let (whole, name) = (found.get_match(), readable(&found[2]));
        let value = whole.end();
        around.retain(|(end, _)| *end > value);
        let inherited = around.last().map(|(_, kind)| *kind).filter(|_| is_inner(&name));
        let kind = kind_of(&name).or(inherited);
        at = match (kind, text.as_bytes().get(value)) {
            (Some(kind), Some(b'{')) => {
                around.push((closing_brace(text, value), kind));
                value + 1
            }
            (Some(kind), Some(b'[')) => change_items(text, value + 1, &name, kind, &mut changes),
            (Some(Kind::Password), Some(b'-' | b'0'..=b'9')) => {
                let len = text[value..].find(|c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9'));
                let end = len.map_or(text.len(), |len| value + len);
                let quote = format!("{}\"", &found[1]);
                changes.push((value..end, format!("{quote}‹masked›{quote}")));
                end
            }
            _ => change_string(text, value, &name, kind, &mut changes).unwrap_or(value),
        };
    }
    replace_all(text, changes)
}

/// Undoes the escapes of a name: `pass\u0077ord`.
fn readable(name: &str) -> Cow<'_, str> {
    if !name.contains('\\') {
        return Cow::Borrowed(name);
    }
    let mut out = String::new();
    let mut pieces = name.split('\\');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        let digits = piece.get(1..5).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        out.extend(digits.and_then(char::from_u32));
        out.push_str(piece.get(5..).unwrap_or_default());
    }
    Cow::Owned(out)
}

/// Masks the strings of an array; gives the place of the first thing that is none.
fn change_items(text: &str, mut at: usize, name: &str, kind: Kind, changes: &mut Vec<(Range<usize>, String)>) -> usize {
    loop {
        at = text.len() - text[at..].trim_start_matches([' ', '\t', '\r', '\n', ',']).len();
        match change_string(text, at, name, Some(kind), changes) {
            Some(end) => at = end,
            None => return at,
        }
    }
}

/// Masks the string at a place, if there is one; gives its end, which is the end of the text if it was cut.
fn change_string(
    text: &str,
    at: usize,
    name: &str,
    kind: Option<Kind>,
    changes: &mut Vec<(Range<usize>, String)>,
) -> Option<usize> {
    let escapes = text[at..].bytes().take_while(|byte| *byte == b'\\').count();
    let start = at + escapes + 1;
    if text.as_bytes().get(start - 1) != Some(&b'"') {
        return None;
    }
    let (content, end) = string_end(text, start, escapes);
    // A string that is not masked as a whole is only looked into: names in it may be found on their own.
    match kind {
        Some(_) => {
            changes.extend(mask_member(name, &text[start..content], kind).map(|shown| (start..content, shown)));
            Some(end)
        }
        None => match mask_address(&text[start..content]) {
            Some(shown) => {
                changes.push((start..content, shown));
                Some(end)
            }
            None => Some(start),
        },
    }
}

/// Finds where the content of a string ends and where the text goes on; its quotes are escaped `escapes` times.
fn string_end(text: &str, start: usize, escapes: usize) -> (usize, usize) {
    let mut run = 0;
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            b'\\' => run += 1,
            b'"' if run == escapes || run % (2 * (escapes + 1)) == escapes => return (at - escapes, at + 1),
            _ => run = 0,
        }
    }
    (text.len(), text.len())
}

/// Finds the end of an object, roughly: braces in strings count too, and a long one is taken to end early.
fn closing_brace(text: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate().skip(start).take(LONGEST_OBJECT) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    text.len().min(start + LONGEST_OBJECT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(text: &str) -> String {
        let mut tree: Value = serde_json::from_str(text).unwrap();
        mask_json(&mut tree);
        let masked = mask_json_text(text).into_owned();
        let again: Value = serde_json::from_str(&masked).unwrap();
        assert_eq!(again, tree, "tree and text differ");
        assert_eq!(mask_json_text(&masked), masked);
        masked
    }

    #[test]
    fn credentials_are_masked_and_the_rest_stays() {
        assert_eq!(
            both(
                r#"{ "access_token" : "t\"1", "token_type":"Bearer","expires_in":900, "code":"invalid_grant", "b":1.50 }"#
            ),
            r#"{ "access_token" : "‹masked›", "token_type":"Bearer","expires_in":900, "code":"invalid_grant", "b":1.50 }"#
        );
        assert_eq!(
            both(r#"{"code":401,"password_min_length":8,"otp":123456}"#),
            r#"{"code":401,"password_min_length":8,"otp":"‹masked›"}"#
        );
        assert_eq!(both(r#"{"tokens":["a","b"],"x":["c"]}"#), r#"{"tokens":["‹masked›","‹masked›"],"x":["c"]}"#);
        assert_eq!(
            both(r#"{"session":{"id":"abc","user":"alice"},"id":7}"#),
            r#"{"session":{"id":"‹masked›","user":"alice"},"id":7}"#
        );
        assert_eq!(
            both(r#"{"password":null,"token":"","secret":true}"#),
            r#"{"password":null,"token":"","secret":true}"#
        );
        assert_eq!(both(r#"{"pass\u0077ord":"x"}"#), r#"{"pass\u0077ord":"‹masked›"}"#);
        assert_eq!(both(r#"{"token":"‹alice.access_token#1›"}"#), r#"{"token":"‹alice.access_token#1›"}"#);
    }

    #[test]
    fn echoed_headers_and_addresses_keep_their_form() {
        assert_eq!(
            both(r#"{"Authorization":"Bearer abc","Cookie":"sid=1; a="}"#),
            r#"{"Authorization":"Bearer ‹masked›","Cookie":"sid=‹masked›; a="}"#
        );
        assert_eq!(
            both(r#"{"next":"https://u:p@h/cb?code=a1b2&x=1"}"#),
            r#"{"next":"https://u:‹masked›@h/cb?code=‹masked›&x=1"}"#
        );
    }

    #[test]
    fn json_in_a_string_is_json() {
        assert_eq!(
            both(r#"{"body":"{\"password\":\"a\\\"b\",\"x\":\"y\"}"}"#),
            r#"{"body":"{\"password\":\"‹masked›\",\"x\":\"y\"}"}"#
        );
        assert_eq!(both(r#"{"body":"{\"otp\":1234}"}"#), r#"{"body":"{\"otp\":\"‹masked›\"}"}"#);
    }

    #[test]
    fn broken_and_cut_json_is_masked() {
        for (text, masked) in [
            (r#"{"a":"b","password":"hunt"#, r#"{"a":"b","password":"‹masked›"#),
            (r#"..."x"}, "token": "abc", oops"#, r#"..."x"}, "token": "‹masked›", oops"#),
            (r#"{"tokens":["a","b"#, r#"{"tokens":["‹masked›","‹masked›"#),
            (r#"{"session":{"id":"a"#, r#"{"session":{"id":"‹masked›"#),
            (r#"body was {"pwd":"x\"#, r#"body was {"pwd":"‹masked›"#),
        ] {
            assert_eq!(mask_json_text(text), masked);
        }
    }
}
