//! Masks what a finished report carries, and leaves the words of its format alone.
//!
//! A password may well be `failed` or `testcase`. Texts are taken out of their escapes, masked and put
//! back, so what was well-formed stays so. To add a format: a variant of [`Shape`] and a function.

use std::borrow::Cow;
use std::io::{self, BufRead, Write};

use quick_xml::events::{BytesCData, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};

use crate::secret::SecretSet;

/// How a report is built, as far as finding its texts goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// JSON whose strings and keys are a report's; one document or one a line.
    Json,
    /// XML as the JUnit report writes it: CDATA, attributes, no entities of its own.
    Xml,
    /// Plain text of which each line stands for itself.
    Text,
}

/// JSON keys whose values, or lists of values, are words of the format and never a user's or a server's text.
const WORD_KEYS: [&str; 10] =
    ["schema", "event", "verdict", "phase", "kind", "code", "action", "stopped", "started", "tolerated"];

/// XML attributes of which the same is true.
const WORD_ATTRIBUTES: [&[u8]; 11] = [
    b"id",
    b"tests",
    b"errors",
    b"failures",
    b"skipped",
    b"time",
    b"timestamp",
    b"hostname",
    b"type",
    b"line",
    b"count",
];

/// What a pass over a report came upon.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// How many texts held a secret.
    pub(crate) masked: usize,
    /// A secret that could be read even after masking.
    pub(crate) left: Option<String>,
}

impl Found {
    /// Masks one text and looks at the result.
    fn mask<'t>(&mut self, text: &'t str, secrets: &SecretSet) -> Cow<'t, str> {
        let masked = secrets.mask(text);
        if let Cow::Owned(clean) = &masked {
            self.masked += 1;
            if let Some(found) = secrets.search(clean.as_bytes()).into_iter().next() {
                self.left = Some(found.label);
            }
        }
        masked
    }

    /// Notes a secret in a place that cannot be masked; the formats' own names are plain lower-case words.
    fn refuse_in_name(&mut self, name: &str, secrets: &SecretSet) {
        if !name.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'-')) {
            self.left = self.left.take().or_else(|| secrets.search(name.as_bytes()).pop().map(|found| found.label));
        }
    }
}

/// Copies a report with its texts masked.
pub(crate) fn copy(shape: Shape, from: impl BufRead, to: &mut dyn Write, secrets: &SecretSet) -> io::Result<Found> {
    match shape {
        Shape::Json => copy_json(from, to, secrets),
        Shape::Xml => copy_xml(from, to, secrets),
        Shape::Text => copy_text(from, to, secrets),
    }
}

fn copy_text(mut from: impl BufRead, to: &mut dyn Write, secrets: &SecretSet) -> io::Result<Found> {
    let mut found = Found::default();
    let mut line = String::new();
    while from.read_line(&mut line)? > 0 {
        to.write_all(found.mask(&line, secrets).as_bytes())?;
        line.clear();
    }
    Ok(found)
}

/// Goes line by line: a JSON string never holds a line break.
fn copy_json(mut from: impl BufRead, to: &mut dyn Write, secrets: &SecretSet) -> io::Result<Found> {
    let mut found = Found::default();
    let mut line = String::new();
    while from.read_line(&mut line)? > 0 {
        to.write_all(json(&line, secrets, &mut found).as_bytes())?;
        line.clear();
    }
    Ok(found)
}

/// Masks the strings of a piece of JSON that are values, not those that are keys or words of the format.
///
/// Each string is taken out of its escapes first, which is both surer and faster than to search them.
pub(crate) fn json<'t>(text: &'t str, secrets: &SecretSet, found: &mut Found) -> Cow<'t, str> {
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let (mut copied, mut at, mut key) = (0, 0, "");
    while let Some(start) = text[at..].find('"').map(|start| at + start) {
        let end = start + string_end(&text[start..]);
        let string = &text[start..end];
        at = end;
        if text[end..].starts_with(':') {
            key = string.trim_matches('"');
            found.refuse_in_name(key, secrets);
        } else if !WORD_KEYS.contains(&key)
            && let Some(masked) = mask_string(string, secrets, found)
        {
            out.push_str(&text[copied..start]);
            out.push_str(&masked);
            copied = end;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Finds one past the closing quote of the string that a text begins with.
fn string_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Masks a string in quotes; nothing if there is nothing to mask.
fn mask_string(string: &str, secrets: &SecretSet, found: &mut Found) -> Option<String> {
    let plain = match string.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if !inner.contains('\\') => Cow::Borrowed(inner),
        Some(_) | None => Cow::Owned(serde_json::from_str::<String>(string).ok()?),
    };
    match found.mask(&plain, secrets) {
        Cow::Borrowed(_) => None,
        Cow::Owned(masked) => Some(serde_json::Value::from(masked).to_string()),
    }
}

fn copy_xml(from: impl BufRead, to: &mut dyn Write, secrets: &SecretSet) -> io::Result<Found> {
    let mut found = Found::default();
    let mut reader = Reader::from_reader(from);
    let mut writer = Writer::new(to);
    let mut buffer = Vec::new();
    loop {
        let event = match reader.read_event_into(&mut buffer).map_err(io::Error::other)? {
            Event::Eof => return Ok(found),
            Event::Start(tag) => Event::Start(attributes(&tag, secrets, &mut found)?),
            Event::Empty(tag) => Event::Empty(attributes(&tag, secrets, &mut found)?),
            Event::CData(data) => {
                let text = data.decode().map_err(io::Error::other)?;
                Event::CData(BytesCData::new(found.mask(&text, secrets).into_owned()))
            }
            Event::Text(text) => {
                let text = text.decode().map_err(io::Error::other)?;
                Event::Text(BytesText::from_escaped(found.mask(&text, secrets).into_owned()))
            }
            other @ (Event::Comment(_) | Event::PI(_) | Event::DocType(_)) => {
                found.refuse_in_name(&String::from_utf8_lossy(&other), secrets);
                other.into_owned()
            }
            other @ (Event::End(_) | Event::Decl(_) | Event::GeneralRef(_)) => other.into_owned(),
        };
        writer.write_event(event)?;
        buffer.clear();
    }
}

fn attributes(tag: &BytesStart<'_>, secrets: &SecretSet, found: &mut Found) -> io::Result<BytesStart<'static>> {
    let mut out = tag.to_owned();
    out.clear_attributes();
    found.refuse_in_name(&String::from_utf8_lossy(tag.name().as_ref()), secrets);
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(io::Error::other)?;
        if WORD_ATTRIBUTES.contains(&attribute.key.as_ref()) {
            out.push_attribute(attribute);
            continue;
        }
        let name = std::str::from_utf8(attribute.key.as_ref()).map_err(io::Error::other)?;
        found.refuse_in_name(name, secrets);
        let raw = std::str::from_utf8(&attribute.value).map_err(io::Error::other)?;
        let plain = quick_xml::escape::unescape(raw).map_err(io::Error::other)?;
        out.push_attribute((name, &*found.mask(&plain, secrets)));
    }
    Ok(out)
}
