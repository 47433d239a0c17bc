//! The HTTP archive (HAR 1.2): every exchange of a run, logins and setups included, for browsers and other tools.
//!
//! Entries are written in the order of completion. All texts were masked before they came here, and the file is
//! searched once more when it is finished. What HAR has no field for stands under names that begin with `_`.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::event::{BodyKind, BodyRecord, Event, Exchanged, HopRecord, MessageRecord};
use crate::report::Reporter;
use crate::report::file::scrub::{self, Found};
use crate::secret::SecretSet;

/// Writes exchanges as entries of an archive.
pub struct HarWriter<W: Write> {
    to: W,
    secrets: SecretSet,
    entries: u64,
}

impl<W: Write> std::fmt::Debug for HarWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HarWriter").field("entries", &self.entries).finish_non_exhaustive()
    }
}

impl<W: Write> HarWriter<W> {
    /// Begins an archive.
    pub fn new(mut to: W, secrets: SecretSet) -> io::Result<Self> {
        let creator = json!({ "name": "authspec", "version": env!("CARGO_PKG_VERSION") });
        write!(to, "{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"entries\":[")?;
        Ok(Self { to, secrets, entries: 0 })
    }

    /// Ends the archive, and gives back what was written to.
    pub fn end(mut self) -> io::Result<W> {
        self.to.write_all(b"\n]}}\n")?;
        Ok(self.to)
    }

    fn add(&mut self, exchanged: &Exchanged) -> io::Result<()> {
        for (hop, started) in exchanged.hops.iter().zip(&exchanged.started) {
            let text = entry(exchanged, hop, started).to_string();
            let separator = if self.entries > 0 { ",\n" } else { "\n" };
            self.to.write_all(separator.as_bytes())?;
            self.to.write_all(scrub::json(&text, &self.secrets, &mut Found::default()).as_bytes())?;
            self.entries += 1;
        }
        Ok(())
    }
}

impl<W: Write> Reporter for HarWriter<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Exchanged(exchanged) => self.add(exchanged),
            Event::RunStarted(_)
            | Event::Login(_)
            | Event::Waiting(_)
            | Event::CaseStarted(_)
            | Event::CaseFinished(_)
            | Event::Warning(_)
            | Event::RunFinished(_) => Ok(()),
        }
    }
}

fn entry(exchanged: &Exchanged, hop: &HopRecord, started: &str) -> Value {
    // Microseconds, as in the JSON report.
    let ms = (hop.elapsed.as_secs_f64() * 1_000_000.0).round() / 1000.0;
    let mut entry = json!({
        "startedDateTime": started,
        "time": ms,
        "request": request(hop),
        "response": response(hop),
        "cache": {},
        "timings": { "send": 0, "wait": ms, "receive": 0 },
        "_case": &*exchanged.case,
        "_phase": exchanged.phase,
    });
    if let Some(caller) = &exchanged.caller {
        entry["_as"] = caller.as_str().into();
    }
    if let Some(error) = &hop.error {
        entry["_error"] = error.as_str().into();
    }
    entry
}

fn request(hop: &HopRecord) -> Value {
    let message = &hop.request;
    let method = message.line.split(' ').next().unwrap_or_default();
    let version = message.line.rsplit(' ').next().unwrap_or_default();
    let query = hop.url.split_once('?').map_or("", |(_, query)| query);
    let query: Vec<Value> = url::form_urlencoded::parse(query.as_bytes()).map(|(n, v)| pair(&n, &v)).collect();
    let cookies = fields(message, "cookie").flat_map(|line| line.split("; ")).map(cookie).collect::<Vec<_>>();
    let mut request = json!({
        "method": method,
        "url": hop.url,
        "httpVersion": version,
        "cookies": cookies,
        "headers": headers(message),
        "queryString": query,
        "headersSize": -1,
        "bodySize": message.body.bytes,
    });
    if message.body.kind != BodyKind::Empty {
        request["postData"] = json!({ "mimeType": media(message), "text": message.body.text });
        note(&mut request["postData"], &message.body);
    }
    request
}

/// Without an answer HAR wants a status of 0.
fn response(hop: &HopRecord) -> Value {
    let Some(message) = &hop.response else {
        return json!({
            "status": 0, "statusText": "", "httpVersion": "", "cookies": [], "headers": [],
            "content": { "size": 0, "mimeType": "" }, "redirectURL": "", "headersSize": -1, "bodySize": -1,
        });
    };
    let mut words = message.line.splitn(3, ' ');
    let version = words.next().unwrap_or_default();
    let status: u16 = words.next().and_then(|w| w.parse().ok()).unwrap_or(0);
    let cookies = fields(message, "set-cookie").map(|line| cookie(line.split(';').next().unwrap_or_default()));
    let mut content = json!({ "size": message.body.bytes, "mimeType": media(message) });
    if !message.body.text.is_empty() {
        content["text"] = message.body.text.as_str().into();
    }
    note(&mut content, &message.body);
    json!({
        "status": status,
        "statusText": words.next().unwrap_or_default(),
        "httpVersion": version,
        "cookies": cookies.collect::<Vec<_>>(),
        "headers": headers(message),
        "content": content,
        "redirectURL": fields(message, "location").next().unwrap_or_default(),
        "headersSize": -1,
        "bodySize": -1,
    })
}

/// Says why a text is not the whole body.
fn note(to: &mut Value, body: &BodyRecord) {
    let why = match body.kind {
        BodyKind::Binary => "binary data is left out",
        BodyKind::Json | BodyKind::Html | BodyKind::Form | BodyKind::Text if body.text.ends_with('…') => {
            "the text may be cut; bodies are kept up to 64 KiB"
        }
        BodyKind::Empty | BodyKind::Json | BodyKind::Html | BodyKind::Form | BodyKind::Text => return,
    };
    to["comment"] = why.into();
}

fn pair(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}

fn cookie(text: &str) -> Value {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    pair(name.trim(), value.trim())
}

fn headers(message: &MessageRecord) -> Vec<Value> {
    message.headers.iter().map(|(name, value)| pair(name, value)).collect()
}

fn fields<'m>(message: &'m MessageRecord, name: &'static str) -> impl Iterator<Item = &'m str> {
    message.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn media(message: &MessageRecord) -> &str {
    fields(message, "content-type").next().unwrap_or_default()
}
