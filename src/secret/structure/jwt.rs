//! Tokens anywhere in a text, known by their shape (RFC 7519, also JWE).

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use regex::{Captures, Regex};

use super::fingerprint;

/// Two to five segments, the first beginning like the Base64 of `{`.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"e[wy][A-Za-z0-9_-]{6,}={0,2}\.[A-Za-z0-9_-]{4,}={0,2}(?:\.[A-Za-z0-9_-]*={0,2})?(?:\.[A-Za-z0-9_-]+){0,2}",
    )
    .expect("a constant pattern")
});

/// What follows the name of a known payload: a signature that may differ from a real one in a single place.
static REST: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"›\.([A-Za-z0-9_-]{16,})").expect("a constant pattern"));

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Masks everything that is shaped like a token, whole or cut.
pub fn mask_jwts(text: &str) -> Cow<'_, str> {
    if !text.contains('.') {
        return Cow::Borrowed(text);
    }
    let masked = TOKEN.replace_all(text, |found: &Captures<'_>| {
        let token = &found[0];
        if is_header(token) { fingerprint(token) } else { token.to_owned() }
    });
    match REST.replace_all(&masked, |found: &Captures<'_>| format!("›.{}", fingerprint(&found[1]))) {
        Cow::Borrowed(_) => masked,
        Cow::Owned(text) => Cow::Owned(text),
    }
}

/// Tells whether the first segment is the start of a JSON object.
fn is_header(token: &str) -> bool {
    if token.starts_with("eyJ") {
        return true;
    }
    let first = token.split(['.', '=']).next().unwrap_or_default();
    let whole = first.len() - usize::from(first.len() % 4 == 1);
    let Ok(header) = LENIENT.decode(&first[..whole]) else { return false };
    header.strip_prefix(b"{").is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_masked_wherever_they_stand() {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";
        for text in ["at {}, here", "x={}&y", "\"{}\"", "/reset/{}/now", "x{}"] {
            let masked = mask_jwts(&text.replace("{}", token)).into_owned();
            assert_eq!(masked, text.replace("{}", &fingerprint(token)));
            assert_eq!(mask_jwts(&masked), masked);
        }
    }

    #[test]
    fn cut_unsigned_spaced_and_encrypted_tokens_are_masked() {
        for token in [
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGlj",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.",
            "eyAiYWxnIjoibm9uZSJ9.eyAic3ViIjoiYSIgfQ.sig",
            "ewogICJhbGciOiAiSFMyNTYiCn0.ewogICJzdWIiOiAiYSIKfQ.sig",
            "eyJlbmMiOiJBMjU2R0NNIn0.a2V5a2V5.aXZpdg.Y2lwaGVy.dGFn",
        ] {
            assert_eq!(mask_jwts(token), fingerprint(token), "{token}");
        }
    }

    #[test]
    fn the_signature_beside_a_known_payload_is_masked() {
        let masked = mask_jwts("eyJhbGciOiJIUzI1NiJ9.‹alice.access_token#1›.c2lnbmF0dXJlc2ln").into_owned();
        assert_eq!(masked, format!("eyJhbGciOiJIUzI1NiJ9.‹alice.access_token#1›.{}", fingerprint("c2lnbmF0dXJlc2ln")));
    }

    #[test]
    fn file_names_and_hosts_stay() {
        for text in ["eyewitness.example.com", "new.yellowstone.example", "a.b.c", "eyJ", "ewogICJhb"] {
            assert_eq!(mask_jwts(text), text);
        }
    }
}
