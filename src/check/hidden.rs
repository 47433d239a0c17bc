//! `hidden`: the answer for something that exists must be the answer for something that does not.
//!
//! Answers often name what was asked for, so the parts in which the two targets differ are taken for one another.

use serde_json::Value;

use super::same::{difference, without};
use super::words::put_for;
use super::{Check, Checked, Placed, Seen, diags, same, spelling};
use crate::http::{Headers, Response, Trail};
use crate::jsonpath::Path;
use crate::source::Span;
use crate::spec::{Node, Reader};

/// The name of the step that asks for what is missing.
pub const MISSING: &str = "what is missing";

/// That an answer is the one that was given for something missing.
#[derive(Debug)]
struct AsMissing {
    ignore: Vec<Path>,
}

/// The check of it, at its place.
pub(super) fn placed(span: Span) -> Placed {
    Placed { check: Box::new(AsMissing { ignore: Vec::new() }), span, subject: "hidden".to_owned() }
}

/// Reads the `JSONPath`s that may differ.
pub fn read_ignored(nodes: &[Node], reader: &mut Reader<'_>) -> Vec<Path> {
    let mut paths = Vec::new();
    for node in nodes {
        let Some(text) = reader.word(node) else { continue };
        match Path::parse(&text.value) {
            Ok(_) if super::ignored::is_everything(&text.value) => {
                let message = format!("`{}` leaves nothing of the body to compare", text.value);
                reader.fault(diags::no_checks(node.span, message));
            }
            Ok(path) => paths.push(path),
            Err(fault) => {
                let written = reader.sources.slice(node.span);
                reader.fault(diags::bad_path(node.span, &text.value, written, &fault));
            }
        }
    }
    paths
}

impl Check for AsMissing {
    fn judge(&self, seen: &Seen<'_>) -> Checked {
        let Some(earlier) = same::earlier(seen.scope, MISSING) else {
            return Checked::Unjudgeable { why: "there is no answer for something missing to compare with".to_owned() };
        };
        let Some(there) = earlier.response() else {
            return Checked::Unjudgeable { why: "what is missing got no answer to compare with".to_owned() };
        };
        let here = seen.response;
        if there.status != here.status {
            return told(format!("status {} for what is missing, {} here", there.status, here.status));
        }
        let differs = bodies((there, &target(&earlier)), (here, &target(seen.trail)), &self.ignore);
        differs.or_else(|| fields(&there.headers, &here.headers)).map_or(Checked::Held, told)
    }

    fn help(&self, seen: &Seen<'_>) -> Option<String> {
        let earlier = same::earlier(seen.scope, MISSING)?;
        let there = earlier.response().filter(|there| there.status == seen.response.status)?;
        let targets = (target(&earlier), target(seen.trail));
        let [a, b] = parsed((there, &targets.0), (seen.response, &targets.1)).ok()?;
        let (a, b) = (without(&a, &self.ignore), without(&b, &self.ignore));
        let new = new_each_time("$", &a, &b).filter(|paths| !paths.is_empty())?;
        let line = earlier.request().map(|request| format!("{} {}", request.method, targets.0))?;
        Some(format!(
            "what is new in every answer may differ: `missing: {{ request: {line}, ignore: [{}] }}`",
            new.join(", ")
        ))
    }

    fn looks_at(&self, step: &str) -> bool {
        step == MISSING
    }

    fn ignore(&mut self, paths: &[Path]) {
        self.ignore = paths.to_vec();
    }
}

fn told(differs: String) -> Checked {
    Checked::Broken { expected: "the answer that something missing gets".to_owned(), actual: differs }
}

fn target(trail: &Trail) -> String {
    trail.request().map(|r| r.address.target().to_owned()).unwrap_or_default()
}

fn bodies(there: (&Response, &str), here: (&Response, &str), ignore: &[Path]) -> Option<String> {
    if there.0.body == here.0.body {
        return None;
    }
    match parsed(there, here) {
        Ok([read_there, read_here]) => difference("$", &without(&read_there, ignore), &without(&read_here, ignore))
            .map(|d| d.replacen(" there", " for what is missing", 1))
            .or_else(|| spelling(there, here, ignore)),
        Err([there, here]) => (there != here).then(|| {
            format!(
                "the body: {} for what is missing, {} here",
                super::value::describe_text(&there),
                super::value::describe_text(&here)
            )
        }),
    }
}

/// How two bodies that say the same are written otherwise.
fn spelling(there: (&Response, &str), here: (&Response, &str), ignore: &[Path]) -> Option<String> {
    let names = [parts(there.1, here.1), parts(here.1, there.1)];
    let name = |side: usize, name: &str| alike(name, &names[side]);
    let is_alike = spelling::is_alike(&there.0.text(), &here.0.text(), ignore, name);
    (!is_alike).then(|| {
        let bytes = |response: &Response| response.body.len();
        format!(
            "how the body is written (blanks, the order of members, escapes), with the same in it: {} bytes for what is missing, {} here",
            bytes(there.0),
            bytes(here.0)
        )
    })
}

/// Two bodies, in which what differs of their targets is put alike: JSON, else the text.
fn parsed(there: (&Response, &str), here: (&Response, &str)) -> Result<[Value; 2], [String; 2]> {
    let names = (parts(there.1, here.1), parts(here.1, there.1));
    let [there, here] = [there.0.text(), here.0.text()];
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    let Some((raw_there, raw_here)) = read(&there).zip(read(&here)) else {
        return Err([alike(&there, &names.0), alike(&here, &names.1)]);
    };
    let (mut there, mut here) = (all_alike(&raw_there, &names.0), all_alike(&raw_here, &names.1));
    keep_equal((&raw_there, &raw_here), (&mut there, &mut here));
    Ok([there, here])
}

/// Puts alike what stands in the texts, numbers and names of a value.
fn all_alike(value: &Value, names: &[&str]) -> Value {
    match value {
        Value::Object(members) => {
            let each = members.iter().map(|(name, value)| (alike(name, names), all_alike(value, names)));
            Value::Object(each.collect())
        }
        Value::Array(items) => items.iter().map(|item| all_alike(item, names)).collect(),
        Value::String(text) => alike(text, names).into(),
        Value::Number(number) => {
            let text = number.to_string();
            let other = alike(&text, names);
            if other == text { value.clone() } else { other.into() }
        }
        Value::Null | Value::Bool(_) => value.clone(),
    }
}

/// Leaves alone what was equal before anything was put alike: an id as short as `1` stands in many words.
fn keep_equal(raw: (&Value, &Value), alike: (&mut Value, &mut Value)) {
    if raw.0 == raw.1 {
        alike.0.clone_from(raw.0);
        alike.1.clone_from(raw.1);
        return;
    }
    match (raw, alike) {
        ((Value::Object(there), Value::Object(here)), (Value::Object(a), Value::Object(b))) => {
            for (name, value) in there {
                if let (Some(other), Some(a), Some(b)) = (here.get(name), a.get_mut(name), b.get_mut(name)) {
                    keep_equal((value, other), (a, b));
                }
            }
        }
        ((Value::Array(there), Value::Array(here)), (Value::Array(a), Value::Array(b)))
            if there.len() == here.len() =>
        {
            let both = a.iter_mut().zip(b);
            there.iter().zip(here).zip(both).for_each(|((there, here), both)| keep_equal((there, here), both));
        }
        _ => {}
    }
}

/// Words in the names of members that are new in every answer.
const NEW: &[&str] =
    &["time", "date", "trace", "span", "request", "correlation", "nonce", "instance", "duration", "took"];

/// The paths at which two bodies differ, where at all of them stands what is new in every answer; else nothing.
fn new_each_time(at: &str, there: &Value, here: &Value) -> Option<Vec<String>> {
    let (Value::Object(there), Value::Object(here)) = (there, here) else { return None };
    if there.len() != here.len() {
        return None;
    }
    let mut paths = Vec::new();
    for (name, value) in there {
        let other = here.get(name)?;
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let path = if plain { format!("{at}.{name}") } else { format!("{at}['{name}']") };
        let lower = name.to_ascii_lowercase();
        match (value, other) {
            _ if value == other => {}
            (Value::Object(_), Value::Object(_)) => paths.extend(new_each_time(&path, value, other)?),
            (Value::String(_), Value::String(_)) | (Value::Number(_), Value::Number(_))
                if NEW.iter().any(|word| lower.contains(word)) =>
            {
                paths.push(path);
            }
            _ => return None,
        }
    }
    Some(paths)
}

/// Header fields that an answer has or lacks for reasons of its own: by its size, by what stands between, or by how
/// often somebody asked.
const BY_CHANCE: &[&str] = &[
    "accept-ranges",
    "age",
    "alt-svc",
    "connection",
    "content-encoding",
    "content-length",
    "date",
    "keep-alive",
    "nel",
    "report-to",
    "retry-after",
    "server-timing",
    "set-cookie",
    "trailer",
    "transfer-encoding",
    "vary",
    "via",
    "warning",
];

/// Tells whether a header field may be there or not by chance.
fn is_by_chance(name: &str) -> bool {
    const FAMILIES: &[&str] = &["x-cache", "x-ratelimit", "ratelimit", "x-served-by", "x-timer", "cf-", "x-amz-cf-"];
    BY_CHANCE.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Names the header fields that only one of two answers has; what is in them may differ.
fn fields(there: &Headers, here: &Headers) -> Option<String> {
    let only = |one: &Headers, other: &Headers| -> Vec<String> {
        let mut names: Vec<String> = one.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.retain(|name| !other.has(name) && !is_by_chance(name));
        names.sort_unstable();
        names.dedup();
        names.iter().map(|name| format!("`{}`", crate::term::shorten(name, 40))).collect()
    };
    let told = |names: &[String], place: &str| {
        let (word, are) = if names.len() == 1 { ("field", "is") } else { ("fields", "are") };
        format!("the header {word} {} {are} only {place}", crate::term::list(names, "and"))
    };
    match (&only(here, there)[..], &only(there, here)[..]) {
        ([], []) => None,
        ([], there) => Some(told(there, "with what is missing")),
        (here, _) => Some(told(here, "here")),
    }
}

/// The parts of a target that are not in another one, the longest first.
fn parts<'t>(target: &'t str, other: &str) -> Vec<&'t str> {
    let split = |t: &'t str| t.split(['/', '?', '&', '=', '#']).filter(|p| !p.is_empty());
    let known: Vec<&str> = other.split(['/', '?', '&', '=', '#']).collect();
    let mut parts: Vec<&str> = split(target).filter(|p| !known.contains(p)).collect();
    parts.sort_by_key(|p| std::cmp::Reverse(p.len()));
    parts
}

/// Puts one sign in place of words, where they stand by themselves.
pub fn alike(text: &str, words: &[&str]) -> String {
    let words = words.iter().filter(|word| !word.is_empty());
    words.fold(text.to_owned(), |text, word| put_for(&text, word, "‹asked›"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Answer;
    use super::*;

    #[test]
    fn what_is_new_in_every_answer_is_told_by_its_path() {
        let of = |there: &str, here: &str| {
            let [there, here] = [there, here].map(|text| serde_json::from_str(text).unwrap());
            super::new_each_time("$", &there, &here)
        };
        let there = r#"{"error":"no","timestamp":17,"meta":{"traceId":"ab","span-id":"x"}}"#;
        let here = r#"{"error":"no","timestamp":18,"meta":{"traceId":"cd","span-id":"y"}}"#;
        assert_eq!(of(there, here).unwrap(), ["$.timestamp", "$.meta.traceId", "$.meta['span-id']"]);
        assert_eq!(of(there, &here.replace("\"no\"", "\"not yours\"")), None, "that tells them apart");
        assert_eq!(of(there, r#"{"error":"no","timestamp":18,"owner":"alice"}"#), None);
        assert_eq!(of(there, there).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn only_words_by_themselves_are_put_alike() {
        assert_eq!(alike("order 17 is not 170", &["17"]), "order ‹asked› is not 170");
        assert_eq!(alike(r#"{"status":404,"path":"/orders/0"}"#, &["0"]), r#"{"status":404,"path":"/orders/‹asked›"}"#);
        assert_eq!(alike("nothing", &[""]), "nothing");
        assert_eq!(alike("ab-cd", &["ab-cd", "ab"]), "‹asked›");
    }

    #[test]
    fn parts_that_differ_are_found() {
        assert_eq!(parts("/orders/17?a=b", "/orders/0?a=c"), ["17", "b"]);
        assert!(parts("/a", "/a").is_empty());
    }

    #[test]
    fn what_is_equal_is_so_whatever_was_asked_for() {
        let body = |body: &str| Response {
            status: 404,
            version: "HTTP/1.1",
            headers: Headers::default(),
            body: body.to_owned().into(),
        };
        let of = |there: &str, here: &str| bodies((&body(there), "/docs/999"), (&body(here), "/docs/1"), &[]);
        for same in [r#"{"error":"no","region":"eu-central-1"}"#, "<h1>no</h1> v1.1"] {
            assert_eq!(of(same, same), None, "{same}");
        }
        let named = |id: &str| format!(r#"{{"error":"no {id}","region":"eu-central-1","all":[{{"of":"{id}"}},1]}}"#);
        assert_eq!(of(&named("999"), &named("1")), None);
        assert!(of(&named("999"), &named("7")).is_some());
    }

    #[test]
    fn an_answer_that_says_more_than_the_one_for_nothing_is_not_hidden() {
        let answer = |status: u16, body: &str| Answer::status(status).body(body.to_owned());
        let holds = |status, body: &str, missing: &str| {
            answer(status, body).after(MISSING, answer(404, missing)).holds("hidden")
        };
        assert!(holds(404, "no such order", "no such order"));
        assert!(!holds(404, "not yours", "no such order"));
        assert!(!holds(403, "no such order", "no such order"));
        let broken =
            answer(404, r#"{"e":"no","hint":1}"#).after(MISSING, answer(404, r#"{"e":"no"}"#)).broken("hidden");
        assert_eq!(broken[0].1, "the body at $.hint: only here");
        let field = |name| answer(404, "no").header(name, "x");
        let broken = |here: Answer, there: Answer| here.after(MISSING, there).broken("hidden");
        assert_eq!(broken(field("X-Owner"), field("X-Request-Id"))[0].1, "the header field `x-owner` is only here");
        let told = broken(answer(404, "no"), field("Etag").header("Last-Modified", "x"));
        assert_eq!(told[0].1, "the header fields `etag` and `last-modified` are only with what is missing");
        assert!(field("Set-Cookie").after(MISSING, answer(404, "no").header("X-Cache-Hits", "1")).holds("hidden"));
        assert_eq!(answer(404, "").unjudgeable("hidden").len(), 1);
    }
}
