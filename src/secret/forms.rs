//! The texts that stand for a value: the value itself, its telling parts, its Base64 and hexadecimal forms.
//!
//! Escapes are not listed here: `unescape` reads every form in any of them. To add a form: a variant of [`Form`], its
//! text in [`Form::text`], and where it applies in [`forms_of`].

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::follow::Alphabet;

/// Values shorter than this many bytes are not looked for: too much that is not secret would match.
pub(super) const SHORTEST: usize = 6;

/// Lines of a value and segments of a token shorter than this many bytes are not looked for by themselves.
const SHORTEST_PART: usize = 16;

/// Tokens come up all the time while a run goes on, so digits are not made by the formatting machinery.
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A text that gives a value away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Bytes `start..end` of the value.
    Part { start: u32, end: u32 },
    /// The same of a token, of which each segment is Base64 and may be written in the other alphabet.
    Segment { start: u32, end: u32 },
    /// Base64 of the value as it stands inside a longer text, after `shift` (modulo 3) other bytes: the characters
    /// that depend on nothing but the value.
    Base64 { inner: Inner, shift: u8 },
    /// Two hexadecimal digits per byte.
    Hex { inner: Inner },
    /// A byte per character, as header fields and old forms have it (ISO 8859-1; RFC 9110, section 5.5).
    Latin,
    /// What is left of that where it was read as UTF-8.
    Lossy,
}

/// How a value is written before it is Base64-encoded or written in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inner {
    Raw,
    /// `application/x-www-form-urlencoded`, as client credentials are (RFC 6749 section 2.3.1).
    FormUrl,
    /// Percent-encoded, everything but the unreserved characters of RFC 3986.
    Percent,
    /// Inside a JSON string, as in the payload of a token.
    Json,
}

impl Form {
    /// Gives the text this form of `value` has.
    pub(super) fn text(self, value: &str) -> Cow<'_, [u8]> {
        match self {
            Self::Part { start, end } | Self::Segment { start, end } => {
                Cow::Borrowed(&value.as_bytes()[start as usize..end as usize])
            }
            Self::Base64 { inner, shift } => {
                let encoded = match inner {
                    Inner::Raw => encode(value.as_bytes(), shift),
                    Inner::FormUrl | Inner::Percent | Inner::Json => encode(inner.text(value).as_bytes(), shift),
                };
                Cow::Owned(encoded)
            }
            Self::Hex { inner } => {
                let value = inner.text(value);
                let digit = |half: u8| DIGITS[usize::from(half)];
                let mut digits = Vec::with_capacity(value.len() * 2);
                value.bytes().for_each(|b| digits.extend([digit(b >> 4), digit(b & 15)]));
                Cow::Owned(digits)
            }
            Self::Latin => Cow::Owned(value.chars().filter_map(|c| u8::try_from(u32::from(c)).ok()).collect()),
            Self::Lossy => Cow::Owned(value.replace(|c: char| !c.is_ascii(), "\u{fffd}").into_bytes()),
        }
    }

    /// Says how the value was written before it was put into Base64, where that made another text of it.
    pub(super) fn encoded(self) -> Option<&'static str> {
        match self {
            Self::Base64 { inner: Inner::FormUrl, .. } | Self::Hex { inner: Inner::FormUrl } => Some("form-encoded"),
            Self::Base64 { inner: Inner::Percent, .. } | Self::Hex { inner: Inner::Percent } => Some("percent-encoded"),
            Self::Base64 { inner: Inner::Raw | Inner::Json, .. }
            | Self::Hex { inner: Inner::Raw | Inner::Json }
            | Self::Part { .. }
            | Self::Segment { .. }
            | Self::Latin
            | Self::Lossy => None,
        }
    }

    pub(super) fn alphabet(self) -> Alphabet {
        match self {
            Self::Part { .. } | Self::Latin | Self::Lossy => Alphabet::Exact,
            Self::Segment { .. } | Self::Base64 { .. } => Alphabet::Base64,
            Self::Hex { .. } => Alphabet::Hex,
        }
    }

    /// Extends a match over the characters at its edges that hold a few bits of the value, and over the padding.
    pub(super) fn whole(self, text: &[u8], found: Range<usize>) -> Range<usize> {
        let Self::Base64 { shift, .. } = self else { return found };
        let mut whole = found;
        if shift > 0 && whole.start > 0 && is_base64(text[whole.start - 1]) {
            whole.start -= 1;
        }
        if text.get(whole.end).is_some_and(|byte| is_base64(*byte)) {
            whole.end += 1;
        }
        let padding = text[whole.end..].iter().take(2).take_while(|byte| **byte == b'=').count();
        whole.end += padding;
        whole
    }
}

/// Writes text in Base64 as it stands after `shift` other bytes: the characters that hold nothing but its bits.
fn encode(text: &[u8], shift: u8) -> Vec<u8> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::from(shift) + text.len()));
    bytes.resize(usize::from(shift), 0);
    bytes.extend_from_slice(text);
    let mut encoded = STANDARD_NO_PAD.encode(&*bytes).into_bytes();
    let own = own_characters(shift, bytes.len());
    encoded.truncate(own.end);
    encoded.drain(..own.start);
    encoded
}

/// Tells which Base64 characters hold only bits of the bytes after the first `shift` of `len`.
fn own_characters(shift: u8, len: usize) -> Range<usize> {
    (usize::from(shift) * 8).div_ceil(6)..len * 8 / 6
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

impl Inner {
    fn text(self, value: &str) -> Zeroizing<String> {
        if self == Self::Raw {
            return Zeroizing::new(value.to_owned());
        }
        let mut out = Zeroizing::new(String::with_capacity(value.len() * 3));
        match self {
            Self::Raw => {}
            Self::FormUrl => percent(value, b"*-._", &mut out),
            Self::Percent => percent(value, b"-._~", &mut out),
            Self::Json => {
                let quoted = Zeroizing::new(serde_json::Value::from(value).to_string());
                out.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
        if self == Self::FormUrl {
            let spaced = Zeroizing::new(out.replace("%20", "+"));
            return spaced;
        }
        out
    }
}

fn percent(value: &str, kept: &[u8], out: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            let digit = |half: u8| char::from(DIGITS[usize::from(half)].to_ascii_uppercase());
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

/// Lists the forms of a value of at least [`SHORTEST`] bytes.
pub(super) fn forms_of(value: &str) -> Vec<Form> {
    let mut forms = vec![part(0..value.len())];
    forms.extend(segments(value).into_iter().map(|range| {
        let (start, end) = small(&range);
        Form::Segment { start, end }
    }));
    forms.extend(lines(value).into_iter().map(part));
    for inner in inners(value) {
        forms.extend((0..3).map(|shift| Form::Base64 { inner, shift }));
        forms.push(Form::Hex { inner });
    }
    let is_latin = !value.is_ascii() && value.chars().all(|c| u32::from(c) <= 0xff);
    if is_latin && value.chars().count() >= SHORTEST {
        forms.extend([Form::Latin, Form::Lossy]);
    }
    forms
}

/// Lists in what ways a value is written that make a difference to it.
fn inners(value: &str) -> Vec<Inner> {
    // Most tokens are written the same way everywhere.
    if value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) {
        return vec![Inner::Raw];
    }
    let mut all: Vec<(Inner, Zeroizing<String>)> = Vec::new();
    for inner in [Inner::Raw, Inner::FormUrl, Inner::Percent, Inner::Json] {
        let text = inner.text(value);
        if all.iter().all(|(_, known)| *known != text) {
            all.push((inner, text));
        }
    }
    all.into_iter().map(|(inner, _)| inner).collect()
}

fn part(range: Range<usize>) -> Form {
    let (start, end) = small(&range);
    Form::Part { start, end }
}

fn small(range: &Range<usize>) -> (u32, u32) {
    let small = |place| u32::try_from(place).unwrap_or(u32::MAX);
    (small(range.start), small(range.end))
}

/// Finds payload and signature of a JWS (RFC 7515); the header says nothing and is shared by many tokens.
fn segments(value: &str) -> Vec<Range<usize>> {
    let pieces: Vec<&str> = value.split('.').collect();
    let token = pieces.len() == 3 && value.bytes().all(|b| b == b'.' || (is_base64(b) && b != b'+' && b != b'/'));
    if !token {
        return Vec::new();
    }
    let payload = pieces[0].len() + 1;
    let signature = payload + pieces[1].len() + 1;
    [payload..signature - 1, signature..value.len()].into_iter().filter(|range| range.len() >= SHORTEST_PART).collect()
}

/// Finds the long lines of a value of several lines; the frame of a PEM file is no secret.
fn lines(value: &str) -> Vec<Range<usize>> {
    if !value.trim_end().contains('\n') {
        return Vec::new();
    }
    let mut ranges = Vec::new();
    let mut start = 0;
    for line in value.split_inclusive('\n') {
        let text = line.trim();
        let indent = line.len() - line.trim_start().len();
        if text.len() >= SHORTEST_PART && !text.starts_with("-----") {
            ranges.push(start + indent..start + indent + text.len());
        }
        start += line.len();
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(value: &str) -> Vec<String> {
        forms_of(value).iter().map(|form| String::from_utf8_lossy(&form.text(value)).into_owned()).collect()
    }

    #[test]
    fn base64_inside_a_longer_text_is_there_at_any_alignment() {
        for value in ["hunter", "hunter2", "correct horse", "päßwörter"] {
            for user in ["", "a", "al", "ali", "alice:"] {
                for tail in ["", "x", "xy", "xyz"] {
                    let whole = STANDARD_NO_PAD.encode(format!("{user}{value}{tail}"));
                    let found = texts(value).iter().any(|text| text.len() >= 7 && whole.contains(text.as_str()));
                    assert!(found, "{value} in {user}{value}{tail}");
                }
            }
        }
    }

    #[test]
    fn a_plain_token_has_few_forms_and_a_password_more() {
        assert_eq!(forms_of("abcdefgh").len(), 5);
        assert_eq!(forms_of("a b\"c~d").len(), 17);
    }

    #[test]
    fn payload_and_signature_of_a_token_count_by_themselves() {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlc2lnbmF0dXJl";
        let texts = texts(token);
        assert!(texts.contains(&"eyJzdWIiOiJhbGljZSJ9".to_owned()));
        assert!(texts.contains(&"c2lnbmF0dXJlc2lnbmF0dXJl".to_owned()));
        assert!(!texts.contains(&"eyJhbGciOiJIUzI1NiJ9".to_owned()));
    }

    #[test]
    fn long_lines_of_a_key_count_by_themselves_but_not_its_frame() {
        let pem = "-----BEGIN PRIVATE KEY-----\n  MC4CAQAwBQYDK2VwBCIEIA==  \r\nshort\n-----END PRIVATE KEY-----\n";
        let texts = texts(pem);
        assert!(texts.contains(&"MC4CAQAwBQYDK2VwBCIEIA==".to_owned()));
        assert!(!texts.iter().any(|text| text == "short" || text.starts_with("-----BEGIN PRIVATE KEY-----\u{0}")));
        assert!(!texts.contains(&"-----END PRIVATE KEY-----".to_owned()));
    }
}
