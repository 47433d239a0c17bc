//! What an answer says, in whatever way that is written: escaped, in Base64 or hexadecimal, in another charset, as names
//! of members, in fields of its head.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use regex::Regex;
use serde_json::Value;

use super::READ;
use crate::exec::leak;
use crate::http::{Headers, Response};
use crate::page::decode;
use crate::secret::unescaped;

/// Layers of encodings inside encodings that are read.
const DEPTH: u8 = 3;

/// How many encoded pieces of an answer are read.
const PIECES: usize = 256;

/// What looks encoded: long, and of the characters of Base64 and hexadecimal alone.
static PIECE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9+/_-]{22,}={0,2}").expect("a constant pattern"));

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Fields of an answer's head that say nothing of what was asked for.
const OF_TRANSPORT: &[&str] = &[
    "accept-ranges",
    "age",
    "allow",
    "alt-svc",
    "cache-control",
    "connection",
    "date",
    "etag",
    "expires",
    "keep-alive",
    "last-modified",
    "nel",
    "pragma",
    "referrer-policy",
    "report-to",
    "retry-after",
    "server",
    "server-timing",
    "strict-transport-security",
    "transfer-encoding",
    "vary",
    "via",
    "www-authenticate",
];

/// What an answer says.
#[derive(Debug, Default)]
pub(in crate::exec) struct Told {
    /// All its texts, one in each line, as they stand and without what they are encoded in.
    text: String,
    /// The JSON in it.
    values: Vec<Value>,
    pieces: usize,
}

impl Told {
    /// Reads a body, and fields of a head, each in a line.
    pub(in crate::exec) fn of(body: &[u8], fields: &str) -> Self {
        let mut told = Self::default();
        match leak::json(body.trim_ascii()) {
            Some(value) => told.read_value(value, DEPTH),
            None => told.read_text(&String::from_utf8_lossy(&body[..body.len().min(READ)]), DEPTH),
        }
        fields.lines().for_each(|field| told.read_text(field, DEPTH));
        told
    }

    pub(in crate::exec) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }

    fn read_value(&mut self, value: Value, depth: u8) {
        let mut lines = Vec::new();
        read(&value, &mut lines);
        self.values.push(value);
        self.read_text(&lines.join("\n"), depth);
    }

    fn read_text(&mut self, text: &str, depth: u8) {
        if self.text.len() > 4 * READ {
            return;
        }
        self.text.push_str(text);
        self.text.push('\n');
        let Some(below) = depth.checked_sub(1) else { return };
        let plain = unescaped(text);
        if plain != text {
            self.inner(&plain, below);
        }
        for piece in PIECE.find_iter(text) {
            let decoded = if self.pieces < PIECES { decoded(piece.as_str()) } else { None };
            if let Some(decoded) = decoded {
                self.pieces += 1;
                self.inner(&decoded, below);
            }
        }
    }

    fn inner(&mut self, text: &str, depth: u8) {
        match leak::json(text.trim_ascii().as_bytes()) {
            Some(value) => self.read_value(value, depth),
            None => self.read_text(text, depth),
        }
    }
}

/// The texts and numbers of a value, and the names in it that are no member of an error.
fn read(value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            if !leak::ERROR.contains(&name.as_str()) {
                lines.push(name.clone());
            }
            read(value, lines);
        }),
        Value::Array(items) => items.iter().for_each(|item| read(item, lines)),
        Value::String(text) => lines.push(text.clone()),
        Value::Number(number) => lines.push(number.to_string()),
        Value::Null | Value::Bool(_) => {}
    }
}

/// What is encoded in a piece of a text, where that is text again.
fn decoded(piece: &str) -> Option<String> {
    let is_text = |bytes: &Vec<u8>| {
        bytes.len() >= 8 && std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(is_no_text))
    };
    let standard = piece.replace('-', "+").replace('_', "/");
    let whole = standard.trim_end_matches('=');
    let whole = &whole[..whole.len() - usize::from(whole.len() % 4 == 1)];
    let all = [hex::decode(piece).ok(), LENIENT.decode(whole).ok()];
    all.into_iter().flatten().find(is_text).and_then(|bytes| String::from_utf8(bytes).ok())
}

fn is_no_text(c: char) -> bool {
    c.is_control() && !c.is_whitespace()
}

/// A body as UTF-8, where it is in a charset of two bytes.
pub(super) fn body(response: &Response) -> Bytes {
    let kind = response.headers.text("content-type").unwrap_or_default();
    let is_marked = response.body.starts_with(&[0xff, 0xfe]) || response.body.starts_with(&[0xfe, 0xff]);
    if !is_marked && !kind.to_ascii_lowercase().contains("utf-16") {
        return response.body.clone();
    }
    Bytes::from(decode(&response.body, &kind).0)
}

/// The fields of a head that may say something, each in a line with its name.
pub(super) fn fields(headers: &Headers) -> String {
    let is_read = |name: &str| {
        let name = name.to_ascii_lowercase();
        let is_policy = ["content-", "access-control-", "cross-origin-", "x-ratelimit", "ratelimit", "sec-"];
        !OF_TRANSPORT.contains(&&*name) && !is_policy.iter().any(|start| name.starts_with(start))
    };
    let all = headers.iter().filter(|(name, _)| is_read(name));
    all.map(|(name, value)| format!("{}: {}\n", name.to_ascii_lowercase(), String::from_utf8_lossy(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::Told;

    #[test]
    fn what_is_encoded_is_read() {
        let record = r#"{"name":"alice","city":"Köln","mail":"alice@example.com"}"#;
        let percent: String = record.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let references: String = record.chars().map(|c| format!("&#{};", u32::from(c))).collect();
        let encode = |text: &str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
        for came in [
            record.to_owned(),
            format!(r#"{{"error":"no","x":"{percent}"}}"#),
            format!(r#"{{"error":"no","x":"{}"}}"#, encode(record)),
            format!(r#"{{"error":"no","x":"{}"}}"#, encode(&percent).replace('+', "-").replace('/', "_")),
            format!(r#"{{"error":"no","x":"{}"}}"#, hex::encode(record)),
            format!("<p>{references}</p>"),
            r#"{"by":{"alice":1,"alice@example.com":2,"Köln":3}}"#.to_owned(),
        ] {
            let told = Told::of(came.as_bytes(), "");
            assert!(told.text.contains("alice@example.com") && told.text.contains("Köln"), "{came}: {}", told.text);
        }
        let told = Told::of(b"", &format!("x-debug: {record}\nset-cookie: st={percent}\n"));
        assert!(told.text.contains("alice@example.com"), "{}", told.text);
    }
}
