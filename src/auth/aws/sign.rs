//! The signature itself: canonical request, string to sign, derived key. Pure.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// The word that begins `Authorization` and the string to sign.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What is encoded: all but the unreserved characters (RFC 3986, section 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same in a path, whose slashes stay.
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// How the path stands in the canonical request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathStyle {
    /// Dots and empty segments are resolved, and what is encoded is encoded once more: every service but S3.
    Normal,
    /// As it is: to S3 `a//b` and `a/../b` are names of objects.
    Exact,
}

/// The request that is signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    /// The fields that are signed, in the order of the wire.
    pub(super) fields: &'a [(String, Vec<u8>)],
    /// The hash of the body, or the word that stands in its place.
    pub(super) payload: &'a str,
}

/// When, where and for what a signature is good.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    /// `YYYYMMDDTHHMMSSZ`.
    pub(super) date: &'a str,
    /// The day that the key is derived for: that of the date.
    pub(super) day: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

impl Terms<'_> {
    /// The credential scope, which begins with the day.
    pub(super) fn scope(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.day, self.region, self.service)
    }
}

/// The canonical request, and the names of the fields it covers.
pub(super) fn canonical(asked: Asked<'_>, style: PathStyle) -> (Vec<u8>, String) {
    let mut names: Vec<String> = asked.fields.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    let mut out = format!("{}\n{}\n{}\n", asked.method, path(asked.path, style), query(asked.query)).into_bytes();
    for name in &names {
        let values = asked.fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let values: Vec<Vec<u8>> = values.map(|(_, value)| trimmed(value)).collect();
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        out.extend_from_slice(&values.join(&b','));
        out.push(b'\n');
    }
    let names = names.join(";");
    out.extend_from_slice(format!("\n{names}\n{}", asked.payload).as_bytes());
    (out, names)
}

/// What the derived key signs.
pub(super) fn string_to_sign(terms: Terms<'_>, canonical: &[u8]) -> String {
    format!("{ALGORITHM}\n{}\n{}\n{}", terms.date, terms.scope(), sha256(canonical))
}

/// The signature, by the key that is derived of the secret for day, region and service.
pub(super) fn signature(secret: &str, terms: Terms<'_>, string: &str) -> Vec<u8> {
    let first = format!("AWS4{secret}").into_bytes();
    let parts = [terms.day, terms.region, terms.service, "aws4_request", string];
    let mac = |key: Vec<u8>, part: &&str| hmac::sign(&hmac::Key::new(HMAC_SHA256, &key), part.as_bytes());
    parts.iter().fold(first, |key, part| mac(key, part).as_ref().to_vec())
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

fn path(path: &str, style: PathStyle) -> String {
    match style {
        PathStyle::Exact => kept(path),
        PathStyle::Normal => encoded(normalised(path).as_bytes(), PATH),
    }
}

/// What is encoded stays, `%2F` above all; what is not and must be, is.
fn kept(path: &str) -> String {
    let is_code = |part: &str| part.get(..2).is_some_and(|code| code.bytes().all(|b| b.is_ascii_hexdigit()));
    let mut parts = path.split('%');
    let first = encoded(parts.next().unwrap_or_default().as_bytes(), PATH);
    parts.fold(first, |out, part| {
        let percent = if is_code(part) { "%" } else { "%25" };
        out + percent + &encoded(part.as_bytes(), PATH)
    })
}

/// Resolves `.` and `..` (RFC 3986, section 5.2.4), and drops empty segments.
fn normalised(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            name => kept.push(name),
        }
    }
    let is_folder = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    let end = if is_folder && !kept.is_empty() { "/" } else { "" };
    format!("/{}{end}", kept.join("/"))
}

/// Pairs encoded by one rule and sorted by what comes of it.
fn query(query: &str) -> String {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // A literal `+` is the space that it is in forms: so read it the services, and AWS's signers for Go and Rust.
            let spelt = |text: &str| {
                let plain: Vec<u8> = percent_decode_str(&text.replace('+', " ")).collect();
                encoded(&plain, UNRESERVED)
            };
            (spelt(name), spelt(value))
        })
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// A value without outer blanks, with one space for each run of inner ones.
fn trimmed(value: &[u8]) -> Vec<u8> {
    let words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&b' ')
}

fn encoded(bytes: &[u8], what: &'static AsciiSet) -> String {
    percent_encode(bytes, what).to_string()
}
