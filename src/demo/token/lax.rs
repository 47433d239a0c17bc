//! Signatures that a weak verifier takes for good, one function for each mistake that was made somewhere.

use std::io::Read as _;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jsonwebtoken::crypto;
use jsonwebtoken::jwk::Jwk;
use serde_json::Value;

use super::{Algorithm, DecodingKey, Keys, URL_SAFE_NO_PAD};
use crate::demo::weakness::Weak;

/// Seconds as a number, and for the demo that takes it as a text as well; for the others `jsonwebtoken` demands a number.
pub(super) fn seconds<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<u64, D::Error> {
    let value = <Value as serde::Deserialize>::deserialize(reader)?;
    let text = value.as_str().and_then(|text| text.parse().ok());
    value.as_u64().or(text).ok_or_else(|| serde::de::Error::custom("no time"))
}

/// A token in its parts, whose signature nobody has looked at yet.
struct Unverified<'a> {
    keys: &'a Keys,
    header: Value,
    /// What is signed.
    input: &'a str,
    payload: Vec<u8>,
    signature: &'a str,
}

/// What makes a verifier take a signature for good.
type Mistake = fn(&Unverified<'_>) -> bool;

/// The mistakes, by the weakness that makes them.
const MISTAKES: &[(&str, Mistake)] = &[
    ("no-signature-check", |_| true),
    ("alg-none", |token| token.alg() == "none"),
    ("alg-none-any-case", |token| token.alg() != "none" && token.alg().eq_ignore_ascii_case("none")),
    ("key-confusion", |token| token.keys.public_forms.iter().any(|form| token.has_mac(form))),
    ("empty-hmac-secret", |token| token.has_mac(b"")),
    ("kid-path", kid_path),
    ("kid-sqli", kid_sqli),
    ("embedded-jwk", embedded_jwk),
    ("embedded-x5c", embedded_x5c),
];

/// The token that a strict verifier would have seen, when a mistake of this demo takes the signature for good.
pub(super) fn trusted(keys: &Keys, weak: &Weak, token: &str) -> Option<String> {
    if weak.is("lenient-base64") {
        return canonical(token);
    }
    if !MISTAKES.iter().any(|(id, _)| weak.is(id)) {
        return None;
    }
    let token = Unverified::of(keys, token)?;
    MISTAKES.iter().any(|(id, holds)| weak.is(id) && holds(&token)).then(|| keys.seal(&token.payload)).flatten()
}

impl<'a> Unverified<'a> {
    fn of(keys: &'a Keys, token: &'a str) -> Option<Self> {
        let mut parts = token.splitn(3, '.');
        let (header, payload) = (parts.next()?, parts.next()?);
        let input = token.get(..=header.len() + payload.len())?;
        Some(Self {
            keys,
            // Who does not look at the signature need not look at the header.
            header: serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).unwrap_or_default(),
            input,
            payload: URL_SAFE_NO_PAD.decode(payload).ok()?,
            signature: parts.next().unwrap_or_default(),
        })
    }

    fn alg(&self) -> &str {
        self.member("alg")
    }

    fn member(&self, name: &str) -> &str {
        self.header[name].as_str().unwrap_or_default()
    }

    /// Whether the signature is an HS256 with that secret.
    fn has_mac(&self, secret: &[u8]) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let signature = URL_SAFE_NO_PAD.decode(self.signature).unwrap_or_default();
        self.alg() == "HS256" && hmac::verify(&key, self.input.as_bytes(), &signature).is_ok()
    }

    /// Whether the signature is one by that key, with the algorithm that the token names.
    fn signed_by(&self, key: &DecodingKey) -> bool {
        let alg: Option<Algorithm> = self.alg().parse().ok();
        alg.is_some_and(|alg| crypto::verify(self.signature, self.input.as_bytes(), key, alg).unwrap_or(false))
    }
}

/// The key is the content of the file that `kid` names; one that cannot be read counts as empty.
fn kid_path(token: &Unverified<'_>) -> bool {
    let kid = token.member("kid");
    let mut key = Vec::new();
    if let Ok(file) = std::fs::File::open(std::path::Path::new("/").join(kid)) {
        let _ = file.take(64 * 1024).read_to_end(&mut key);
    }
    kid.contains('/') && token.has_mac(&key)
}

/// The key is looked up with `kid` pasted into the query, so a `UNION SELECT` says what is found.
fn kid_sqli(token: &Unverified<'_>) -> bool {
    let (_, injected) = token.member("kid").split_once('\'').unwrap_or_default();
    let selected = injected.to_ascii_uppercase().find("SELECT '").and_then(|at| injected.get(at + 8..));
    selected.and_then(|rest| rest.split('\'').next()).is_some_and(|found| token.has_mac(found.as_bytes()))
}

/// The key is the one that the token brings along (RFC 7515 §4.1.3).
fn embedded_jwk(token: &Unverified<'_>) -> bool {
    let jwk: Option<Jwk> = serde_json::from_value(token.header["jwk"].clone()).ok();
    jwk.and_then(|jwk| DecodingKey::from_jwk(&jwk).ok()).is_some_and(|key| token.signed_by(&key))
}

/// The key is that of the certificate that the token brings along, whoever issued it (RFC 7515 §4.1.6).
fn embedded_x5c(token: &Unverified<'_>) -> bool {
    let first = token.header["x5c"][0].as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    let Ok((_, certificate)) = x509_parser::parse_x509_certificate(&first) else { return false };
    let key = &certificate.public_key().subject_public_key.data;
    let elliptic = token.alg().starts_with("ES");
    token.signed_by(&if elliptic { DecodingKey::from_ec_der(key) } else { DecodingKey::from_rsa_der(key) })
}

/// The token as a decoder takes it that knows both alphabets, padding, white space and unused bits.
fn canonical(token: &str) -> Option<String> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let lenient = GeneralPurpose::new(&URL_SAFE, config);
    let part = |text: &str| {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let bytes = lenient.decode(text.replace('+', "-").replace('/', "_")).ok()?;
        Some(URL_SAFE_NO_PAD.encode(bytes))
    };
    Some(token.split('.').map(part).collect::<Option<Vec<_>>>()?.join("."))
}
