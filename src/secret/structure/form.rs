//! Form bodies, query strings and addresses.

use std::borrow::Cow;
use std::ops::Range;

use super::keys::kind_of;
use super::{replace_all, stand_in};

/// How often an address may be a parameter of another.
const NESTED: u8 = 3;

/// Masks the values of credential-like names in `a=1&b=2`; everything else stays byte for byte.
pub fn mask_form(text: &str) -> Cow<'_, str> {
    replace_all(text, changes_in_form(text, 0, NESTED))
}

/// Masks credentials in one address: password, query, fragment, `;name=value`; absolute or relative.
pub fn mask_url(text: &str) -> Cow<'_, str> {
    replace_all(text, changes_in_url(text, NESTED))
}

fn changes_in_url(text: &str, depth: u8) -> Vec<(Range<usize>, String)> {
    let mut changes: Vec<_> = change_in_userinfo(text).into_iter().collect();
    let pairs = text.find(['?', '#', ';']).unwrap_or(text.len());
    changes.extend(changes_in_form(&text[pairs..], pairs, depth));
    changes.retain(|(at, _)| !at.is_empty());
    changes.sort_by_key(|(at, _)| at.start);
    changes.dedup_by(|later, earlier| later.0.start < earlier.0.end);
    changes
}

/// Finds the password of `https://user:password@host`, and a long user without password: some put a token there.
fn change_in_userinfo(text: &str) -> Option<(Range<usize>, String)> {
    let start = text.find("//")? + 2;
    let authority = &text[start..];
    let authority = &authority[..authority.find(['/', '?', '#']).unwrap_or(authority.len())];
    let userinfo = &authority[..authority.rfind('@')?];
    let (at, kind) = match outside_names(userinfo, ':') {
        Some(colon) => (start + colon + 1..start + userinfo.len(), super::Kind::Password),
        None if userinfo.len() >= super::FINGERPRINTED => (start..start + userinfo.len(), super::Kind::Token),
        None => return None,
    };
    let shown = stand_in(&text[at.clone()], kind)?;
    Some((at, shown))
}

/// Finds a character that is not part of the name of a secret.
fn outside_names(text: &str, wanted: char) -> Option<usize> {
    let mut named = false;
    text.find(|c: char| {
        named = (named || c == '‹') && c != '›';
        !named && c == wanted
    })
}

/// Finds `name=value` pairs between any of `&`, `;`, `?` and `#`; `offset` is where `text` stands.
fn changes_in_form(text: &str, offset: usize, depth: u8) -> Vec<(Range<usize>, String)> {
    let mut changes = Vec::new();
    let mut start = offset;
    for pair in pairs(text) {
        let at = start;
        start += pair.len() + 1;
        let Some((name, value)) = pair.split_once('=') else { continue };
        let at = at + name.len() + 1..at + pair.len();
        let name = decode(name);
        let name = name.trim_start_matches("amp;");
        let shown = match kind_of(name) {
            Some(kind) => stand_in(&decode(value), kind),
            None if depth > 0 => nested(value, depth - 1),
            None => None,
        };
        changes.extend(shown.map(|shown| (at, shown)));
    }
    changes
}

/// Splits at separators, but not at the `#` in the name of a secret.
fn pairs(text: &str) -> impl Iterator<Item = &str> {
    let mut named = false;
    text.split(move |c: char| {
        named = match c {
            '‹' => true,
            '›' | '&' | ';' | '?' => false,
            _ => named,
        };
        matches!(c, '&' | ';' | '?') || (c == '#' && !named)
    })
}

/// Masks an address that is itself the value of a parameter.
fn nested(value: &str, depth: u8) -> Option<String> {
    let address = decode(value);
    if !address.contains("://") && !address.starts_with('/') {
        return None;
    }
    let changes = changes_in_url(&address, depth);
    if changes.is_empty() { None } else { Some(encode(&replace_all(&address, changes))) }
}

/// Encodes what would end the parameter; the rest is left readable.
fn encode(text: &str) -> String {
    let text = text.replace('%', "%25").replace('&', "%26").replace('#', "%23");
    text.replace(';', "%3B").replace('+', "%2B").replace(' ', "+").replace('?', "%3F")
}

/// Decodes `+` and percent escapes; what is not UTF-8 becomes a replacement character.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).filter(|pair| pair.iter().all(u8::is_ascii_hexdigit));
        let hex = hex.and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = hex.filter(|_| first == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok());
        out.push(byte.unwrap_or(if first == b'+' { b' ' } else { first }));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_a_form_are_masked_and_the_rest_stays() {
        assert_eq!(
            mask_form("grant_type=password&username=al%20ice&password=hunter2&scope=a+b&user%5Bpw%5D=x"),
            "grant_type=password&username=al%20ice&password=‹masked›&scope=a+b&user%5Bpw%5D=‹masked›"
        );
        assert_eq!(mask_form("code=4%2FP7q7W91a-oMsCeLvIaQm6bTrgtp7"), "code=‹masked:df16ec80›");
        assert_eq!(
            mask_form("code=invalid_grant&token_type=Bearer&password="),
            "code=invalid_grant&token_type=Bearer&password="
        );
    }

    #[test]
    fn credentials_in_an_address_are_masked() {
        for (url, masked) in [
            ("https://u:p@h:8/x?y=1", "https://u:‹masked›@h:8/x?y=1"),
            ("//u:p@h", "//u:‹masked›@h"),
            (
                "/cb?code=abc123&state=s#access_token=t1&token_type=Bearer",
                "/cb?code=‹masked›&state=s#access_token=‹masked›&token_type=Bearer",
            ),
            ("/x;jsessionid=ABC?q=1", "/x;jsessionid=‹masked›?q=1"),
            ("/x?a=1&amp;token=t", "/x?a=1&amp;token=‹masked›"),
            ("/login?next=%2Fcb%3Fcode%3Dabc123%26x%3D1", "/login?next=/cb%3Fcode=‹masked›%26x=1"),
            ("https://h/a@b?x=1", "https://h/a@b?x=1"),
            ("?token=‹alice.access_token#1›", "?token=‹alice.access_token#1›"),
        ] {
            assert_eq!(mask_url(url), masked);
            assert_eq!(mask_url(masked), masked);
        }
    }
}
