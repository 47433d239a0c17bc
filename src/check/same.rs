//! `same_as` and `differs_from`: an answer beside that of an earlier step of the same case.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Value as Any};
use serde_json::Value;

use crate::http::{Response, Trail};
use crate::jsonpath::Path;
use crate::spec::{Data, Key, Node, Reader, Shape, key};
use crate::template::{Scope, Template};
use crate::term::list;

use super::html::shown;
use super::ignored::Ignored;
use super::leads::leads;
use super::value::{describe, describe_text, same};
use super::{Check, Checked, Placed, Seen, diags, fields, steady};

/// The keys of both.
pub(super) const KEYS: &[Key] = &[
    key("step", "the name of an earlier step of the case").is(Shape::Text),
    key("in", "what is compared: `status`, `body`, `headers`; `location`: where a redirect leads, but for values that were sent or look made anew; `shown`: of pages their elements and texts, of other bodies all; or `outline`: the body but for words with digits or of 16 letters and more, as are times and ids. The first two when nothing is said")
        .is(Shape::OneOrMore(&Shape::Words(&["status", "body", "headers", "location", "shown", "outline"]))),
    key("again", "the name of a step that was answered to the same as `step`: what differs between these two may differ here as well. Of `headers` cookies are then compared by their names, and the length of a body that differs; of the `body` all else byte for byte")
        .is(Shape::Text),
    key("ignore", "JSONPaths of the body and names of header fields that may differ, or a template that gives a list of them").is(Shape::TEXTS),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Status,
    Body,
    Headers,
    Location,
    Shown,
    Outline,
}

const PARTS: &[(&str, Part)] = &[
    ("status", Part::Status),
    ("body", Part::Body),
    ("headers", Part::Headers),
    ("location", Part::Location),
    ("shown", Part::Shown),
    ("outline", Part::Outline),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Same,
    Different,
}

#[derive(Debug)]
struct Beside {
    wish: Wish,
    step: Arc<str>,
    again: Option<Arc<str>>,
    parts: Vec<Part>,
    ignored: Ignored,
    /// What a template gives of that.
    late: Option<Template>,
}

/// Reads the row `same_as`.
pub(super) fn same_as(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    out.extend(read(node, Wish::Same, reader));
}

/// Reads the row `differs_from`.
pub(super) fn differs_from(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    out.extend(read(node, Wish::Different, reader));
}

fn read(node: &Node, wish: Wish, reader: &mut Reader<'_>) -> Option<Placed> {
    let word = if wish == Wish::Same { "same_as" } else { "differs_from" };
    let place = format!("`{word}`");
    // A name alone will do.
    let (named, fields) = if let Data::Text(_) = &node.data {
        (node, None)
    } else {
        let fields = reader.fields(node, KEYS, &place)?;
        (reader.need(fields, node, "step", &place)?, Some(fields))
    };
    let step = earlier_step(named, reader)?;
    let parts = vec![Part::Status, Part::Body];
    let mut beside = Beside { wish, step, again: None, parts, ignored: Ignored::default(), late: None };
    if let Some(node) = fields.and_then(|f| f.get("in")) {
        let items = reader.one_or_more(node);
        if items.is_empty() {
            reader.fault(diags::no_checks(node.span, "nothing is compared, so it could not fail"));
        }
        let parts: Vec<_> = items.iter().map(|item| reader.one_of(item, "a part of an answer", PARTS)).collect();
        beside.parts = parts.into_iter().collect::<Option<_>>()?;
        if beside.parts.is_empty() {
            return None;
        }
    }
    if let Some(node) = fields.and_then(|f| f.get("again")) {
        if !beside.parts.iter().any(|part| matches!(part, Part::Headers | Part::Body)) {
            reader.fault(diags::no_checks(
                node.span,
                "neither header fields nor a body are compared, so `again` says nothing",
            ));
        }
        beside.again = Some(earlier_step(node, reader)?);
    }
    match fields.and_then(|f| f.get("ignore")) {
        Some(node) if matches!(&node.data, Data::Text(text) if text.contains("{{")) => {
            beside.late = Some(reader.template(node)?);
        }
        Some(node) => beside.ignored = Ignored::read(node, reader)?,
        None => {}
    }
    Some(Placed { subject: format!("{word} `{}`", beside.step), check: Box::new(beside), span: node.span })
}

/// Reads the name of an earlier step.
fn earlier_step(node: &Node, reader: &mut Reader<'_>) -> Option<Arc<str>> {
    let step = reader.word(node)?;
    if reader.names.has_step(&step.value) {
        return Some(step.value);
    }
    let known: Vec<String> = reader.names.steps().map(ToOwned::to_owned).collect();
    reader.fault(diags::unknown_step(step.span, &step.value, &known));
    None
}

/// The answer of an earlier step, kept in the scope of the later ones.
struct Earlier(Arc<Trail>);

impl fmt::Debug for Earlier {
    /// Shows no content: it may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an earlier answer")
    }
}

impl Object for Earlier {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// Under what name a scope keeps the answer of a step; no template can write it.
fn slot(step: &str) -> String {
    format!("answer of {step}")
}

/// Keeps the answer of a named step for the checks of later ones.
pub fn remember(scope: &mut Scope, step: &str, trail: Arc<Trail>) {
    scope.set(slot(step), Any::from_object(Earlier(trail)));
}

/// Finds the answer of an earlier step.
pub(super) fn earlier(scope: &Scope, step: &str) -> Option<Arc<Trail>> {
    let kept = scope.get(&slot(step)).and_then(Any::downcast_object::<Earlier>)?;
    Some(Arc::clone(&kept.0))
}

impl Beside {
    /// How two answers differ, part by part.
    fn differences(&self, (earlier, there): (&Trail, &Response), seen: &Seen<'_>) -> Result<Vec<String>, String> {
        let here = seen.response;
        let late = self.late.as_ref().map(|template| Ignored::late(template, seen.scope)).transpose()?;
        let ignored = late.as_ref().unwrap_or(&self.ignored);
        let mut out = Vec::new();
        for part in &self.parts {
            out.extend(match part {
                Part::Status => (there.status != here.status)
                    .then(|| format!("the status: {} there, {} here", there.status, here.status)),
                Part::Body => match self.once_more(seen)? {
                    Some(again) => steady::difference([earlier, &again], seen.trail, &ignored.paths)?,
                    None => body(there, here, &ignored.paths)?,
                },
                Part::Headers => self.headers(earlier, seen, ignored)?,
                Part::Outline => steady::unlike(earlier, seen.trail, &ignored.paths)?,
                Part::Location => apart(leads(earlier), leads(seen.trail)),
                Part::Shown => match (shown(there), shown(here)) {
                    (Some(there), Some(here)) => unlike(&there, &here),
                    _ => body(there, here, &ignored.paths)?,
                },
            });
        }
        Ok(out)
    }

    fn headers(&self, there: &Trail, seen: &Seen<'_>, ignored: &Ignored) -> Result<Option<String>, String> {
        Ok(match self.once_more(seen)? {
            None => fields::difference(there, seen.trail, &ignored.fields),
            Some(again) => fields::steady_difference([there, &again], seen.trail, &ignored.fields),
        })
    }

    /// The answer of the step that was answered to the same as the other one.
    fn once_more(&self, seen: &Seen<'_>) -> Result<Option<Arc<Trail>>, String> {
        let Some(name) = &self.again else { return Ok(None) };
        let again = earlier(seen.scope, name).filter(|trail| trail.response().is_some());
        again.map(Some).ok_or_else(|| format!("the step `{name}` left no answer to compare with"))
    }
}

fn body(there: &Response, here: &Response, paths: &[Path]) -> Result<Option<String>, String> {
    let parse = |response: &Response| serde_json::from_slice::<Value>(&response.body).ok();
    match (parse(there), parse(here)) {
        (Some(there), Some(here)) => Ok(difference("$", &without(&there, paths), &without(&here, paths))),
        _ if !paths.is_empty() => Err("a body is not JSON, so nothing in it can be left out with `ignore`".to_owned()),
        _ if there.body == here.body => Ok(None),
        _ => {
            Ok(Some(format!("the body: {} there, {} here", describe_text(&there.text()), describe_text(&here.text()))))
        }
    }
}

/// How two redirects lead to different places.
fn apart(there: Option<String>, here: Option<String>) -> Option<String> {
    let place = |place: Option<String>| place.map_or_else(|| "nowhere".to_owned(), |text| describe_text(&text));
    (there != here).then(|| format!("where it leads: {} there, {} here", place(there), place(here)))
}

/// The first words that two pages do not share.
fn unlike(there: &str, here: &str) -> Option<String> {
    let same = there.split(' ').zip(here.split(' ')).take_while(|(a, b)| a == b).count();
    let rest = |text: &str| text.split(' ').skip(same).take(8).collect::<Vec<_>>().join(" ");
    let differs = there != here;
    differs.then(|| {
        format!("what the page shows: {} there, {} here", describe_text(&rest(there)), describe_text(&rest(here)))
    })
}

/// A copy of a body without what may differ.
pub(super) fn without(body: &Value, paths: &[Path]) -> Value {
    let ignored: Vec<*const Value> = paths.iter().flat_map(|path| path.find(body)).map(std::ptr::from_ref).collect();
    prune(body, &ignored).unwrap_or(Value::Null)
}

/// A copy without some nodes, told by their place in memory.
fn prune(value: &Value, ignored: &[*const Value]) -> Option<Value> {
    if ignored.contains(&std::ptr::from_ref(value)) {
        return None;
    }
    Some(match value {
        Value::Array(items) => items.iter().filter_map(|item| prune(item, ignored)).collect(),
        Value::Object(map) => map
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), prune(value, ignored)?)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    })
}

/// The first place where two bodies differ.
pub(super) fn difference(at: &str, there: &Value, here: &Value) -> Option<String> {
    if same(there, here) {
        return None;
    }
    if let (Value::Object(a), Value::Object(b)) = (there, here) {
        let only = |name: &String, place: &str| Some(format!("the body at {at}.{name}: only {place}"));
        if let Some(name) = a.keys().find(|k| !b.contains_key(*k)) {
            return only(name, "there");
        }
        if let Some(name) = b.keys().find(|k| !a.contains_key(*k)) {
            return only(name, "here");
        }
        return a.iter().find_map(|(name, value)| difference(&format!("{at}.{name}"), value, b.get(name)?));
    }
    Some(format!("the body at {at}: {} there, {} here", describe(there), describe(here)))
}

impl Check for Beside {
    fn judge(&self, seen: &Seen<'_>) -> Checked {
        let earlier = earlier(seen.scope, &self.step);
        let Some((earlier, there)) = earlier.as_deref().and_then(|earlier| Some((earlier, earlier.response()?))) else {
            return Checked::Unjudgeable { why: format!("the step `{}` left no answer to compare with", self.step) };
        };
        let differences = match self.differences((earlier, there), seen) {
            Ok(differences) => differences,
            Err(why) => return Checked::Unjudgeable { why },
        };
        let parts: Vec<String> = self
            .parts
            .iter()
            .filter_map(|part| PARTS.iter().find(|(_, p)| p == part))
            .map(|(name, _)| (*name).to_owned())
            .collect();
        let parts = list(&parts, if self.wish == Wish::Same { "and" } else { "or" });
        match (self.wish, differences.is_empty()) {
            (Wish::Same, true) | (Wish::Different, false) => Checked::Held,
            (Wish::Same, false) => Checked::Broken {
                expected: format!("the same {parts} as the answer of `{}`", self.step),
                actual: format!("a difference in {}", list(&differences, "and in")),
            },
            (Wish::Different, true) => Checked::Broken {
                expected: format!("another {parts} than the answer of `{}`", self.step),
                actual: "the same answer".to_owned(),
            },
        }
    }

    fn again(&self) -> Option<&str> {
        self.again.as_deref().filter(|_| self.wish == Wish::Same)
    }

    fn looks_at(&self, step: &str) -> bool {
        *self.step == *step || self.again.as_deref() == Some(step)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{Answer, faults};

    fn answer(body: &serde_json::Value) -> Answer {
        Answer::status(401).header("Content-Type", "application/json").header("X-Request-Id", "1").json(body)
    }

    #[test]
    fn two_answers_are_the_same_or_not() {
        let there = answer(&json!({"error": "no", "id": 1, "at": {"n": 1}}));
        let here =
            answer(&json!({"error": "no", "id": 2, "at": {"n": 2}})).header("X-Hint", "user").after("earlier", there);
        let holds = |wanted: &str| here.holds(wanted);
        assert!(!holds("same_as: earlier") && holds("differs_from: earlier"));
        assert!(holds("same_as: { step: earlier, ignore: [$.id, $.at.n] }"));
        assert!(!holds("differs_from: { step: earlier, ignore: [$.id, $.at] }"));
        assert!(
            holds("same_as: { step: earlier, in: status }") && holds("differs_from: { step: earlier, in: headers }")
        );
        assert!(holds("same_as: { step: earlier, in: [status, headers], ignore: [X-Hint] }"));
        let broken = here.broken("same_as: { step: earlier, ignore: [$.id] }");
        assert_eq!(broken[0].0, "the same status and body as the answer of `earlier`");
        assert_eq!(broken[0].1, "a difference in the body at $.at.n: number 1 there, number 2 here");
        let broken = here.broken("same_as: { step: earlier, in: headers }");
        assert_eq!(broken[0].1, "a difference in the header field x-hint: text \"user\" only here");
    }

    #[test]
    fn of_pages_what_they_show_is_compared() {
        let page = |text: &str, token: &str| {
            let body =
                format!("<p class={token}>{text}</p><script>t='{token}'</script><input name=csrf value={token}>");
            Answer::status(200).header("Content-Type", "text/html").body(body)
        };
        let beside = |here: Answer, there: Answer| here.after("earlier", there);
        let here = beside(page("No <b>such user", "b"), page("Wrong <b>password", "a"));
        let broken = here.broken("same_as: { step: earlier, in: shown }");
        assert!(broken[0].1.starts_with("a difference in what the page shows: text \"Wrong <b>"), "{broken:?}");
        let same = "same_as: { step: earlier, in: shown }";
        let here = beside(page("Refused", "b"), page("Refused", "a"));
        assert!(here.holds(same) && !here.holds("same_as: { step: earlier, in: body }"));
        assert!(!beside(page("Refused<br>", "b"), page("Refused", "a")).holds(same), "its elements count");
        // What is no page is compared as it is.
        let plain = |body: &'static str| Answer::status(401).body(body);
        assert!(!beside(plain("b"), plain("a")).holds(same) && beside(plain("a"), plain("a")).holds(same));
    }

    #[test]
    fn redirects_are_compared_by_where_they_lead() {
        let to = |place: &str| Answer::status(303).header("Location", place.to_owned());
        let same = "same_as: { step: earlier, in: location }";
        let holds = |here: &str, there: &str| to(here).after("earlier", to(there)).holds(same);
        assert!(
            holds("/login?error", "http://api.test:8080/login?error") && holds("/a?s=0f3c99&n=1", "/a?s=0f3c99&n=1")
        );
        assert!(
            holds("/a?state=0f3c91aa5b7d2e4f", "/a?state=9b1d72c0aa5b7d2e") && holds("/a/1700000000", "/a/1700000009")
        );
        assert!(!holds("/a?error=known", "/a?error=unknown") && !holds("/a#known", "/a#unknown") && !holds("/b", "/a"));
        assert!(!holds("/a?known=1", "/a?unknown=1"), "the names of parameters count");
        let broken = Answer::status(200).after("earlier", to("/login?error")).broken(same);
        let told = "a difference in where it leads: text \"http://api.test:8080/login?error=\" there, nowhere here";
        assert_eq!(broken[0].1, told);
    }

    #[test]
    fn texts_are_compared_byte_for_byte() {
        let here =
            Answer::status(401).body("no such user").after("earlier", Answer::status(404).body("wrong password"));
        let broken = here.broken("same_as: earlier");
        assert!(broken[0].1.contains("401 here") && broken[0].1.contains("\"wrong password\" there"), "{broken:?}");
        assert!(here.unjudgeable("same_as: { step: earlier, ignore: [$.a] }")[0].contains("not JSON"));
        assert_eq!(Answer::ok().unjudgeable("same_as: earlier").len(), 1, "without an answer nothing is the same");
    }

    #[test]
    fn faults_are_told() {
        for (written, words) in [
            ("same_as: later", "unknown-step"),
            ("same_as: { step: erlier }", "is called `erlier`"),
            ("same_as: { in: [status] }", "needs `step`"),
            ("same_as: { step: earlier, in: [] }", "could not fail"),
            ("same_as: { step: earlier, in: [stats] }", "not a part of an answer"),
            ("same_as: { step: earlier, ignore: [\"$.a[\"] }", "too early"),
            ("same_as: { step: earlier, ignore: [$] }", "nothing of the body"),
            ("same_as: { step: earlier, ignore: [$.id, \"$.*\"] }", "nothing of the body"),
            ("differs_from: { step: earlier, ignore: \"$..[*]\" }", "nothing of the body"),
            ("differs_from: { step: earlier, what: x }", "no key called `what`"),
        ] {
            let found = faults(written);
            assert!(found.len() == 1 && found[0].contains(words), "{written}: {found:?}");
        }
    }
}
