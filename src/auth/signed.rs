//! What of a request was signed, for whoever has to find out why a server disagrees: the strings that signatures are of,
//! and what stands in proofs and assertions. Never the signature, nor a key.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use super::dpop::PROOF;
use super::resign::ASSERTIONS;
use crate::http::Request;
use crate::jose::{self, Token};

/// How many strings of a session are kept: more than requests are under way at once.
const KEPT: usize = 128;
/// Bytes of a string that are kept.
const LONGEST: usize = 16 * 1024;

/// Something that was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What it is called.
    pub what: &'static str,
    /// Its text; of a token the members of the header, an empty line, and the claims, a line each.
    pub text: String,
}

impl Signed {
    pub(super) fn new(what: &'static str, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() > LONGEST {
            text.truncate(text.floor_char_boundary(LONGEST));
            text.push('…');
        }
        Self { what, text }
    }
}

/// What the last requests of a session signed, where it cannot be read off them, by what tells the requests apart.
#[derive(Debug, Default)]
pub(super) struct Strings(Mutex<VecDeque<(String, Signed)>>);

impl Strings {
    pub(super) fn keep(&self, request: String, signed: Signed) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.truncate(KEPT - 1);
        all.push_front((request, signed));
    }

    pub(super) fn of(&self, request: &str) -> Option<Signed> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|(kept, _)| kept == request).map(|(_, signed)| signed.clone())
    }
}

/// Reads the proofs and assertions that a request carries.
pub fn tokens(request: &Request) -> Vec<Signed> {
    let proofs = request.headers.all(PROOF).filter_map(|proof| read("DPoP proof", std::str::from_utf8(proof).ok()?));
    let mut all: Vec<Signed> = proofs.collect();
    if request.is_form() {
        for (name, value) in url::form_urlencoded::parse(&request.body).take(64) {
            let assertion = ASSERTIONS.iter().find(|known| **known == name);
            all.extend(assertion.and_then(|what| read(what, &value)));
        }
    }
    all
}

/// The header and the claims of a token; nothing when it is none.
fn read(what: &'static str, token: &str) -> Option<Signed> {
    let token = Token::parse(token).ok()?;
    Some(Signed::new(what, format!("{}\n\n{}", members(token.header()), members(token.claims().ok()?.as_object()?))))
}

/// The members of a token's header or of its claims, a line each.
pub fn members(all: &Map<String, Value>) -> String {
    all.iter().map(|(name, value)| format!("{name}: {}", plain(name, value))).collect::<Vec<_>>().join("\n")
}

/// A member for people; a key by what servers compare it by (RFC 9449, section 6.1).
fn plain(name: &str, value: &Value) -> String {
    let thumbprint = || jose::thumbprint(value).ok().filter(|_| name == "jwk");
    match (value, thumbprint()) {
        (_, Some(thumbprint)) => format!("the public key with the thumbprint {thumbprint}"),
        (Value::String(text), None) => text.clone(),
        (other, None) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Address, FORM, Headers};

    fn request(headers: &[(&str, &str)], body: &str) -> Request {
        let mut all = Headers::default();
        headers.iter().for_each(|(name, value)| all.add(*name, (*value).to_owned()));
        let address = Address::parse("http://h/token").unwrap();
        Request { method: "POST".into(), address, headers: all, body: body.to_owned().into() }
    }

    #[test]
    fn proofs_and_assertions_are_read_without_their_signatures() {
        let token = format!(
            "{}.{}.c2lnbmF0dXJl",
            jose::encode(r#"{"alg":"ES256"}"#),
            jose::encode(r#"{"aud":["http://h"],"iss":"job"}"#)
        );
        let text = "alg: ES256\n\naud: [\"http://h\"]\niss: job";
        let body = format!("grant_type=x&client_assertion={token}&assertion={token}&other={token}");
        let all = tokens(&request(&[("content-type", FORM), ("dpop", &token)], &body));
        let named: Vec<_> = all.iter().map(|signed| signed.what).collect();
        assert_eq!(named, ["DPoP proof", "client_assertion", "assertion"]);
        assert!(all.iter().all(|signed| signed.text == text), "{all:?}");
        assert_eq!(tokens(&request(&[("dpop", "made.up"), ("content-type", "text/plain")], &body)), []);
        assert_eq!(tokens(&request(&[("content-type", FORM)], "assertion=<saml>")), []);
    }

    #[test]
    fn the_newest_strings_are_kept() {
        let strings = Strings::default();
        (0..200).for_each(|n| strings.keep(n.to_string(), Signed::new("string to sign", n.to_string())));
        assert_eq!(strings.of("199").unwrap().text, "199");
        assert_eq!(strings.of("1"), None);
        assert!(Signed::new("x", "é".repeat(LONGEST)).text.len() < LONGEST + 4);
    }
}
