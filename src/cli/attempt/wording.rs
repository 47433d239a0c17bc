//! A request and its answer as a case in YAML. What is asked of the answer is what will be so the next time too: the
//! status, the kind of content, a few fields that look like facts and not like times, ids or secrets.

use serde_json::{Map, Value};

use crate::cli::args::TryArgs;
use crate::event::{BodyKind, HopRecord, StepRecord};

/// How many fields of an answer a case asks for.
const FIELDS: usize = 4;

/// The longest text that is asked for.
const LONG: usize = 60;

/// Words in the names of fields that differ from answer to answer, hold a secret, or are prose.
const UNSTABLE: &[&str] = &[
    "exp",
    "iat",
    "nbf",
    "time",
    "date",
    "created",
    "updated",
    "changed",
    "last",
    "nonce",
    "state",
    "code",
    "csrf",
    "token",
    "session",
    "secret",
    "password",
    "key",
    "trace",
    "request",
    "message",
    "detail",
    "description",
    "version",
    "count",
    "uptime",
    "since",
    "hash",
    "signature",
];

/// What was asked for on the command line.
pub(super) struct Asked {
    head: Vec<String>,
}

impl Asked {
    /// Puts the arguments into the lines of a case.
    pub(super) fn of(args: &TryArgs) -> Self {
        let who = args.caller.as_ref().map_or_else(String::new, |who| format!(" as {who}"));
        let name = args.name.clone().unwrap_or_else(|| format!("{}{who}", args.request));
        let mut head = vec![format!("name: {}", scalar(&name))];
        head.extend(args.caller.as_ref().map(|who| format!("as: {}", scalar(who))));
        head.push(format!("request: {}", scalar(&args.request)));
        if !args.headers.is_empty() {
            head.push("headers:".to_owned());
            let mut names: Vec<&str> = args.headers.iter().map(|(name, _)| name.as_str()).collect();
            names.dedup();
            for name in names {
                let values: Vec<String> =
                    args.headers.iter().filter(|(n, _)| n == name).map(|(_, value)| scalar(value)).collect();
                let value = if let [one] = &values[..] { one.clone() } else { format!("[{}]", values.join(", ")) };
                head.push(format!("  {}: {value}", scalar(name)));
            }
        }
        head.extend(args.json.as_ref().map(|json| format!("json: {json}")));
        Self { head }
    }

    /// The case without expectations, two blanks in.
    pub(super) fn text(&self) -> String {
        lines(&self.head)
    }

    /// The case with what its answer gave.
    pub(super) fn with_answer(&self, step: &StepRecord) -> String {
        let mut all = self.head.clone();
        let status = step.status.unwrap_or_default();
        let more = step.hops.last().map(expectations).unwrap_or_default();
        if more.is_empty() {
            all.push(format!("expect: {status}"));
        } else {
            all.push("expect:".to_owned());
            all.push(format!("  status: {status}"));
            all.extend(more.iter().map(|line| format!("  {line}")));
        }
        lines(&all)
    }
}

/// The lines of an item of a list.
fn lines(lines: &[String]) -> String {
    lines.iter().enumerate().map(|(i, line)| format!("{}{line}\n", if i == 0 { "  - " } else { "    " })).collect()
}

/// What to say below a case in which a secret was masked.
pub(super) fn remark(case: &str) -> &'static str {
    if case.contains('‹') {
        "\nwhat stands in ‹ › is a secret: put `{{ secrets.NAME }}` in its place\n"
    } else {
        ""
    }
}

/// What is asked of an answer beside its status.
fn expectations(hop: &HopRecord) -> Vec<String> {
    let Some(answer) = &hop.response else { return Vec::new() };
    let field = |name: &str| {
        answer
            .headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
            .filter(|v| !secret(v))
    };
    let mut out = Vec::new();
    if let Some(scheme) = field("www-authenticate").and_then(|v| v.split([' ', ',']).next()) {
        out.push(format!("challenge: {{ scheme: {} }}", scalar(scheme)));
    }
    if let Some(to) = field("location").filter(|_| hop.response.as_ref().is_some_and(|r| r.line.contains(" 3"))) {
        let to = to.split('?').next().unwrap_or_default();
        out.push(format!("redirect: {{ to: {{ contains: {} }} }}", scalar(to)));
    }
    let media = field("content-type").and_then(|v| v.split(';').next()).filter(|m| !m.is_empty());
    out.extend(media.map(|media| format!("headers: {{ Content-Type: {{ starts_with: {} }} }}", scalar(media.trim()))));
    if answer.body.kind == BodyKind::Json {
        match serde_json::from_str::<Value>(&answer.body.text) {
            Ok(Value::Object(fields)) => out.extend(facts(&fields)),
            Ok(Value::Array(_)) => out.push("json: { $: { type: list } }".to_owned()),
            Ok(_) | Err(_) => {}
        }
    }
    out
}

/// The fields that look like facts.
fn facts(fields: &Map<String, Value>) -> Vec<String> {
    let mut out = Vec::new();
    for (name, value) in fields.iter().filter(|(name, _)| is_plain(name) && !is_unstable(name)).take(200) {
        let told = match value {
            Value::Bool(b) => Some(b.to_string()),
            Value::String(text) if is_fact(text) => Some(scalar(text)),
            Value::Array(items) if !items.is_empty() && items.len() <= FIELDS => {
                let words: Option<Vec<String>> =
                    items.iter().map(|i| i.as_str().filter(|t| is_fact(t)).map(scalar)).collect();
                words.map(|w| format!("[{}]", w.join(", ")))
            }
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
        };
        out.extend(told.map(|told| format!("  $.{name}: {told}")));
        if out.len() == FIELDS {
            break;
        }
    }
    if !out.is_empty() {
        out.insert(0, "json:".to_owned());
    }
    out
}

fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_unstable(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    UNSTABLE.iter().any(|word| name.contains(word)) || name.ends_with("_at") || name.ends_with("id")
}

/// Short text without the looks of an id, a time or a masked secret.
fn is_fact(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    !text.is_empty()
        && text.chars().count() <= LONG
        && digits <= 3
        && !secret(text)
        && !text.contains("{{")
        && !text.contains(char::is_control)
}

fn secret(text: &str) -> bool {
    text.contains('‹')
}

/// Text as YAML reads it back: bare where that is safe, else in quotes.
pub(super) fn scalar(text: &str) -> String {
    const WORDS: &[&str] = &["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let plain = text.chars().all(|c| c.is_alphanumeric() || " _-./?=&+;*@".contains(c));
    let word = WORDS.iter().any(|w| text.eq_ignore_ascii_case(w));
    if first && plain && !word && !text.ends_with(' ') {
        return text.to_owned();
    }
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_read_back_as_the_same_text() {
        for text in [
            "GET /me?a=1&b=2",
            "no",
            "12",
            "a: b",
            "a #b",
            "{{ x }}",
            "",
            "-",
            "größe 3",
            "*/*",
            "\"q\" \\d",
            "a\nb",
            "~",
            "1e5",
        ] {
            let yaml = format!("a: {}\nb: [ {} ]\n", scalar(text), scalar(text));
            let read: serde_yaml::Value = serde_yaml::from_str(&yaml).unwrap_or_else(|e| panic!("{yaml}: {e}"));
            assert_eq!((read["a"].as_str(), read["b"][0].as_str()), (Some(text), Some(text)), "{yaml}");
        }
    }

    #[test]
    fn facts_are_neither_times_nor_ids_nor_secrets() {
        let fields = serde_json::json!({
            "username": "alice", "roles": ["user"], "active": true, "id": "u-1", "created_at": "now", "exp": 1,
            "access_token": "abc", "note": "‹masked›", "seen": "2026-01-02T03:04:05Z", "plan": "free", "city": "Ulm"
        });
        let Value::Object(fields) = fields else { unreachable!("it is an object") };
        let told = facts(&fields);
        assert_eq!(told, ["json:", "  $.username: alice", "  $.roles: [user]", "  $.active: true", "  $.plan: free"]);
    }
}
