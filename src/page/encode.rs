//! The three encodings of a form (HTML, sections 4.10.21.5 to 4.10.21.8; URL, section 5).

use encoding_rs::Encoding;

use super::fill::Entry;

/// How the body of a form is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Enctype {
    Urlencoded,
    Multipart,
    Plain,
}

impl Enctype {
    /// Reads the attribute; what is unknown is the default (section 4.10.18.6).
    pub(super) fn read(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "multipart/form-data" => Self::Multipart,
            "text/plain" => Self::Plain,
            _ => Self::Urlencoded,
        }
    }
}

/// Every end of a line becomes CRLF (section 4.10.21.4, "constructing entry list", and 4.10.21.5).
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
}

/// Text in an encoding; what it does not know becomes a character reference.
fn bytes(text: &str, encoding: &'static Encoding) -> Vec<u8> {
    encoding.encode(text).0.into_owned()
}

/// `application/x-www-form-urlencoded`.
pub(super) fn urlencoded(entries: &[Entry], encoding: &'static Encoding) -> String {
    let part = |text: &str| -> String {
        let bytes = bytes(&lines(text), encoding);
        url::form_urlencoded::byte_serialize(&bytes).collect()
    };
    entries.iter().map(|e| format!("{}={}", part(&e.name), part(&e.value))).collect::<Vec<_>>().join("&")
}

/// `text/plain`.
pub(super) fn plain(entries: &[Entry], encoding: &'static Encoding) -> Vec<u8> {
    let text: String = entries.iter().map(|e| format!("{}={}\r\n", lines(&e.name), lines(&e.value))).collect();
    bytes(&text, encoding)
}

/// `multipart/form-data` (RFC 7578), and its boundary.
pub(super) fn multipart(entries: &[Entry], encoding: &'static Encoding) -> (Vec<u8>, String) {
    let boundary = boundary(entries);
    let quoted = |text: &str| lines(text).replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22");
    let mut out = Vec::new();
    for entry in entries {
        let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(&entry.name));
        if entry.file {
            head.push_str(&format!(
                "; filename=\"{}\"\r\nContent-Type: application/octet-stream\r\n\r\n",
                quoted(&entry.value)
            ));
            out.extend(bytes(&head, encoding));
        } else {
            head.push_str("\r\n\r\n");
            out.extend(bytes(&head, encoding));
            out.extend(bytes(&lines(&entry.value), encoding));
        }
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (out, boundary)
}

/// A line that stands in none of the entries. The same entries always give the same one.
fn boundary(entries: &[Entry]) -> String {
    let taken = |text: &String| entries.iter().any(|e| e.value.contains(text) || e.name.contains(text));
    let numbered = (0_u64..).map(|n| format!("----AuthspecFormBoundary{n:016}"));
    numbered.into_iter().find(|b| !taken(b)).unwrap_or_default()
}
