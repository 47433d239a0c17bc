//! Text of any kind: logs, messages, headers as they were sent.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;

use super::header::{Carrier, carrier};
use super::keys::{Kind, kind_of};
use super::{SCHEMES, mask_header, mask_json_text, mask_url, replace_all, stand_in};

/// What `session:` says in a suite; nobody has one of these words for a credential.
const SESSION_WORDS: &[&str] = &["shared", "fresh", "exclusive"];

/// A header's name and colon, as in a trace or after `-H '`.
static HEADER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?m)(?:^|[\s'"<>])([A-Za-z][A-Za-z0-9_-]{1,60}):[ \t]*"#).expect("a constant pattern")
});

/// `name=value`, `name = "value"`, `name: 'value'`.
static ASSIGNMENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"([A-Za-z_][A-Za-z0-9_.\[\]-]{0,60})(?:\s*[:=]\s*(?:"([^"\r\n]*)|'([^'\r\n]*))|=([^\s=&"'<>;,()}]+))"#)
        .expect("a constant pattern")
});

static ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>\\`|^]+"#).expect("a constant pattern"));

/// A scheme and what follows it.
static CREDENTIAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(bearer|basic|dpop|negotiate)[ \t]+([A-Za-z0-9._~+/:-]{6,}=*)").expect("a constant pattern")
});

/// Masks credentials in any text: headers, JSON, `name=value`, addresses, a scheme with its credential.
pub fn mask_plain(text: &str) -> Cow<'_, str> {
    let masked = mask_headers(text);
    let masked = mask_json_text(&masked);
    let masked = mask_addresses(&masked);
    let masked = mask_credentials(&mask_assignments(&masked)).into_owned();
    if masked == text { Cow::Borrowed(text) } else { Cow::Owned(masked) }
}

/// Masks credentials that follow the name of their scheme.
pub(super) fn mask_credentials(text: &str) -> Cow<'_, str> {
    let mut changes = Vec::new();
    for found in CREDENTIAL.captures_iter(text) {
        let Some(credential) = found.get(2) else { continue };
        let kind = if found[1].eq_ignore_ascii_case("basic") { Kind::Password } else { Kind::Token };
        let parameter = credential.as_str().ends_with('=') && text[credential.end()..].starts_with(['"', '\\']);
        if !parameter && is_credential(credential.as_str(), kind) {
            changes.extend(stand_in(credential.as_str(), kind).map(|shown| (credential.range(), shown)));
        }
    }
    replace_all(text, changes)
}

/// Tells a credential from the next word of a sentence: "Basic authentication".
fn is_credential(text: &str, kind: Kind) -> bool {
    let pair = kind == Kind::Password && STANDARD.decode(text).is_ok_and(|bytes| bytes.contains(&b':'));
    pair || text.len() >= 20 || text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Masks values that are assigned to a credential-like name.
pub(super) fn mask_assignments(text: &str) -> Cow<'_, str> {
    let mut changes = Vec::new();
    for found in ASSIGNMENT.captures_iter(text) {
        let value = found.get(2).or_else(|| found.get(3)).or_else(|| found.get(4));
        if let (Some(value), Some(kind)) = (value, kind_of(&found[1])) {
            changes.extend(stand_in(value.as_str(), kind).map(|shown| (value.range(), shown)));
        }
    }
    replace_all(text, changes)
}

fn mask_addresses(text: &str) -> Cow<'_, str> {
    ADDRESS.replace_all(text, |found: &regex::Captures<'_>| mask_url(&found[0]).into_owned())
}

fn mask_headers(text: &str) -> Cow<'_, str> {
    let mut changes = Vec::new();
    let mut at = 0;
    while let Some(found) = HEADER.captures_at(text, at) {
        let (whole, Some(name)) = (found.get_match(), found.get(1)) else { break };
        at = whole.end();
        let Some(carrier) = carrier(name.as_str()) else { continue };
        let (value, end) = header_value(text, name.start(), whole.end(), carrier);
        at = end;
        let Some(value) = value else { continue };
        let shape = text[value.clone()].trim_start_matches(['"', '\'']);
        let is_cookie = matches!(carrier, Carrier::Cookie | Carrier::SetCookie);
        if shape.starts_with(['{', '[', '$']) || (is_cookie && !shape.contains('=')) {
            continue; // a map, a list, a template or a path in somebody's file; a cookie has a name and a value
        }
        if name.as_str() == "session" && SESSION_WORDS.contains(&&text[value.clone()]) {
            continue; // the user's own line
        }
        if name.as_str() == "auth" && is_in_map(text, name.start()) && is_word(&text[value.clone()]) {
            continue; // the name of a scheme in the user's own line
        }
        if let Cow::Owned(shown) = mask_header(name.as_str(), &text[value.clone()]) {
            changes.push((value, shown));
        }
    }
    replace_all(text, changes)
}

/// Finds a header's value, up to the end of its line, to the quote that stands before its name or, in a map of
/// somebody's file (`{ Cookie: a=b, Accept: x }`), to where the map goes on; and where to go on.
///
/// Several words after a name like `token:` are a sentence about one, unless the first is a scheme.
fn header_value(text: &str, name: usize, start: usize, carrier: Carrier) -> (Option<Range<usize>>, usize) {
    let quote = text[..name].chars().next_back().filter(|c| matches!(c, '\'' | '"'));
    let in_map = is_in_map(text, name) && !text[start..].starts_with(['"', '\'']);
    let ends = |c: char| matches!(c, '\r' | '\n') || Some(c) == quote || (in_map && matches!(c, ',' | '}'));
    let find = |end: &dyn Fn(char) -> bool| text[start..].find(end).map_or(text.len(), |len| start + len);
    if matches!(carrier, Carrier::Whole(_)) {
        let word = find(&|c| ends(c) || c.is_whitespace());
        let scheme = SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(&text[start..word]));
        let after = text[word..].trim_start_matches([' ', '\t']).chars().next();
        if !scheme {
            let alone = after.is_none_or(ends);
            return ((alone && word > start).then_some(start..word), word);
        }
    }
    let end = start + text[start..find(&ends)].trim_end().len();
    ((end > start).then_some(start..end), end)
}

/// Tells whether a name stands in a map in braces, on one line.
fn is_in_map(text: &str, name: usize) -> bool {
    let begin = text[..name].rfind(['\r', '\n']).map_or(0, |i| i + 1);
    let before = text[begin..name].trim_end();
    before.contains('{') && before.ends_with(['{', ','])
}

/// Tells whether a text is a name as files give it to schemes, such as `api` or `oauth2`, and not a token.
fn is_word(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    is_plain && text.len() <= 24 && digits <= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_a_text_are_masked() {
        for (text, masked) in [
            (
                "> GET /me HTTP/1.1\r\n> Authorization: Bearer abc\r\n> Cookie: sid=1; b=\r\n> Accept: */*\r\n",
                "> GET /me HTTP/1.1\r\n> Authorization: Bearer ‹masked›\r\n> Cookie: sid=‹masked›; b=\r\n> Accept: */*\r\n",
            ),
            (
                "curl -H 'Authorization: Bearer abc' -H 'X-Api-Key: k' /x",
                "curl -H 'Authorization: Bearer ‹masked›' -H 'X-Api-Key: ‹masked›' /x",
            ),
            ("X-Auth-Token: Token abc\nsecret: x y\n", "X-Auth-Token: Token ‹masked›\nsecret: x y\n"),
            ("sent password=hunter2, code=401", "sent password=‹masked›, code=401"),
            ("see https://u:pw@h/?token=t1.", "see https://u:‹masked›@h/?token=‹masked›"),
            ("got {\"access_token\":\"abc\"}", "got {\"access_token\":\"‹masked›\"}"),
            ("the header was bearer tok:3f9a", "the header was bearer ‹masked›"),
            ("Basic YWxpY2U6cHc= was sent", "Basic ‹masked› was sent"),
        ] {
            assert_eq!(mask_plain(text), masked);
            assert_eq!(mask_plain(masked), masked);
        }
    }

    #[test]
    fn lines_of_a_file_stay_readable() {
        for (text, masked) in [
            (
                "headers: { Authorization: Bearer abc123def, Accept: x }, expect: 200 }",
                "headers: { Authorization: Bearer ‹masked›, Accept: x }, expect: 200 }",
            ),
            ("headers: { Accept: x, Cookie: sid=abc } }", "headers: { Accept: x, Cookie: sid=‹masked› } }"),
            (
                "sent: { headers: { Authorization: { exists: false } } }",
                "sent: { headers: { Authorization: { exists: false } } }",
            ),
            ("capture: { token: $.access_token, x: y }", "capture: { token: $.access_token, x: y }"),
            ("    session: exclusive\n", "    session: exclusive\n"),
            ("  - { as: bob, session: fresh, request: GET /a }", "  - { as: bob, session: fresh, request: GET /a }"),
            ("session: fresher\nsession: a1b2c3", "session: ‹masked›\nsession: ‹masked›"),
            (
                "identities: { e2: { auth: ext2 }, x9: { role: r, auth: x9 } }",
                "identities: { e2: { auth: ext2 }, x9: { role: r, auth: x9 } }",
            ),
            ("auth: ext2", "auth: ‹masked›"),
            ("capture: { sid: { cookie: session } }", "capture: { sid: { cookie: session } }"),
            ("headers: { X: \"Bearer {{ token }}\" }", "headers: { X: \"Bearer {{ token }}\" }"),
            ("request: GET /a?token={{ token }}&x=1", "request: GET /a?token={{ token }}&x=1"),
            (
                "headers: { Authorization: \"Bearer {{ token }}\" }",
                "headers: { Authorization: \"Bearer {{ token }}\" }",
            ),
            ("headers: { Authorization: \"{{ secrets.a }}\" }", "headers: { Authorization: \"{{ secrets.a }}\" }"),
        ] {
            assert_eq!(mask_plain(text), masked);
        }
    }

    #[test]
    fn sentences_about_credentials_stay() {
        for text in [
            "Basic authentication is not allowed",
            "Bearer realm=\"api\", error=\"invalid_token\"",
            "token: must not be empty",
            "a bearer token expired",
            "expected 401, got 200",
            "error: code=invalid_grant",
            "‹alice.access_token#1› was refused",
        ] {
            assert_eq!(mask_plain(text), text);
        }
    }
}
