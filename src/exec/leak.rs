//! Refusals that hand over what they guard: by status they refuse, and their body is the one that whoever is allowed gets,
//! or has it in it. JSON is compared as JSON: neither blanks nor the order of members hide anything.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::ledger::{Refusal, RequestKey};
use super::observed::digest;
use super::spill::{Came, Names, Told, When};
use super::tried::Tried;
use super::{Shared, record, spill};
use crate::event::{Outcome, Reason, Verdict};
use crate::http::{Response, Trail};
use crate::mutate::Grade;
use crate::source::Span;
use crate::term::{list, shorten};

/// The code of its reason.
pub(super) const CODE: &str = "refused-with-data";

/// A body, and what it was asked for by: a method and target, or what all cells of a row ask for.
pub(super) type Handed = (u64, u64);

/// Members that an error has beside the data that it hands over.
pub(super) const ERROR: &[&str] = &[
    "error",
    "errors",
    "message",
    "status",
    "statusCode",
    "code",
    "detail",
    "title",
    "type",
    "success",
    "ok",
    "timestamp",
    "path",
    "instance",
    "request_id",
    "requestId",
    "trace_id",
    "traceId",
];

/// Bytes of a body of JSON that is read.
const READ: usize = 1 << 20;

/// Values of a body that are looked at.
const VALUES: usize = 4096;

/// Tells bodies apart that say something; nothing of `{}`, `null`, `ok` and the like, which anybody may get.
pub(super) fn telling(body: &[u8]) -> Option<u64> {
    const SHORTEST: usize = 8;
    let body = body.trim_ascii();
    if body.len() < SHORTEST {
        return None;
    }
    json(body).map_or_else(|| Some(digest(body)), |value| says_something(&value).then(|| alike(&value)))
}

/// The same of a body and of all that is in it: a refusal may have what it guards beside its error.
fn within(body: &[u8]) -> Vec<u64> {
    let Some(value) = json(body.trim_ascii()) else { return telling(body).into_iter().collect() };
    let (mut found, mut open) = (Vec::new(), vec![&value]);
    found.extend(says_something(&value).then(|| alike(&value)));
    while let Some(value) = open.pop().filter(|_| found.len() < VALUES) {
        match value {
            Value::Object(members) => {
                let data: Vec<_> = members.iter().filter(|(name, _)| !ERROR.contains(&name.as_str())).collect();
                if data.len() < members.len() && data.iter().map(|(_, value)| words(value)).sum::<usize>() > 1 {
                    found.push(members_alike(data.into_iter()));
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => continue,
        }
        // One word alone may be what was asked for, as an id that an error names.
        if words(value) > 1 {
            found.push(alike(value));
        }
    }
    found
}

/// Reads an object or a list.
pub(super) fn json(body: &[u8]) -> Option<Value> {
    let looks = matches!(body.first(), Some(b'{' | b'[')) && body.len() <= READ;
    looks.then(|| serde_json::from_slice(body).ok()).flatten()
}

/// The objects in a value that have more than one word, and the lists of words that have more than two, but for members of
/// these names.
pub(super) fn members<'a>(value: &'a Value, without: &[&str]) -> Vec<(u64, &'a Value)> {
    let (mut found, mut open) = (Vec::new(), vec![value]);
    while let Some(value) = open.pop().filter(|_| found.len() < VALUES) {
        let least = match value {
            Value::Object(members) => {
                open.extend(members.iter().filter(|(name, _)| !without.contains(&name.as_str())).map(|(_, v)| v));
                2
            }
            Value::Array(items) => {
                open.extend(items);
                3
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => continue,
        };
        if words(value) >= least {
            found.push((alike(value), value));
        }
    }
    found
}

/// The same, to look one up.
pub(super) fn records(value: &Value, without: &[&str]) -> HashSet<u64> {
    members(value, without).into_iter().map(|(hash, _)| hash).collect()
}

/// Counts the texts and numbers that stand in it.
fn words(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 0,
        Value::Number(_) => 1,
        Value::String(text) => usize::from(!text.is_empty()),
        Value::Array(items) => items.iter().map(words).sum(),
        Value::Object(members) => members.values().map(words).sum(),
    }
}

fn says_something(value: &Value) -> bool {
    words(value) > 0
}

/// The same for values that are the same, in whatever order their members stand.
fn alike(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        Value::Object(members) => return members_alike(members.iter()),
        Value::Array(items) => items.iter().map(alike).collect::<Vec<_>>().hash(&mut hasher),
        Value::String(text) => text.hash(&mut hasher),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string().hash(&mut hasher),
    }
    std::mem::discriminant(value).hash(&mut hasher);
    hasher.finish()
}

fn members_alike<'a>(members: impl Iterator<Item = (&'a String, &'a Value)>) -> u64 {
    let mut all: Vec<(&String, u64)> = members.map(|(name, value)| (name, alike(value))).collect();
    all.sort_unstable();
    let mut hasher = DefaultHasher::new();
    all.hash(&mut hasher);
    hasher.finish()
}

/// Tells what an answer to a request of a method and target handed to somebody who is allowed.
pub(super) fn handed(key: RequestKey, response: Option<&Response>) -> Option<Handed> {
    Some((key.request(), telling(&response?.body)?))
}

impl Tried<'_> {
    /// What a defect that was refused by status has of the body that the good credential gets: all of it, or these values.
    pub(super) fn leaks(&self, shared: &Shared, names: &Names) -> Option<Vec<String>> {
        let refused = self.trial.mutant.row.expect.is_refusal();
        let came = self.trail.response().filter(|r| refused && r.status / 100 != 2)?;
        let before = self.controlled.before.as_ref().map(|(_, before)| before);
        let before = before.filter(|b| b.granted && b.is_2xx())?;
        let without = self.controlled.without.as_ref();
        if without.is_some_and(|without| without.granted) {
            return None;
        }
        if before.telling.is_some_and(|good| within(&came.body).contains(&good)) {
            return Some(Vec::new());
        }
        let (good, asked) = (before.content.as_deref()?, spill::asked(self.trail));
        let (came_body, fields) = (&*spill::content(came).unwrap_or_default(), spill::fields_beside(came, before));
        let knows = |leaf: &str| {
            let lower = leaf.to_lowercase();
            asked.contains(&lower) || spill::is_role(shared, &lower)
        };
        // A sentence that whoever sends nothing reads as well may stand in every answer.
        let public = without.and_then(|without| Some(Told::of(without.content.as_deref()?, "").text().to_owned()));
        let is_public = |leaf: &str| public.as_ref().is_some_and(|text| text.contains(leaf));
        let (body, told) = (came_body, Told::of(came_body, &fields));
        let mut came =
            Came { body, told, names, elsewhere: public.as_ref().map(|_| &is_public as &dyn Fn(&str) -> bool) };
        let beside = spill::spilt(good, &came, &|leaf| knows(leaf) || is_public(leaf));
        came.elsewhere = None;
        beside.or_else(|| spill::spilt(good, &came, &knows).filter(|found| found.len() > 1))
    }
}

/// What a refusal has of what somebody got who is allowed: all of it, or these values.
pub(super) fn found(shared: &Shared, refusal: &Refusal, when: When) -> Option<Vec<String>> {
    if shared.ledger.leaks(refusal) { Some(Vec::new()) } else { spill::found(shared, refusal, when) }
}

/// Tells what an answer that let somebody in handed over by its target, and by its row.
pub(super) fn all_handed(key: RequestKey, alike: Option<Handed>, trail: &Trail) -> Vec<Handed> {
    handed(key, trail.response()).into_iter().chain(alike).collect()
}

/// Tells what a refusal may have handed over by its target, and by its row.
pub(super) fn all_within(key: RequestKey, alike: Option<Handed>, trail: &Trail) -> Vec<Handed> {
    let values = trail.response().map(|r| within(&r.body)).unwrap_or_default();
    values.into_iter().map(|value| (key.request(), value)).chain(alike).collect()
}

/// Says what is wrong with such a refusal, and what of the body is in it where that is not all.
pub(super) fn message(status: u16, found: &[String]) -> String {
    let begin = format!("refused by status ({status}), and the answer has what is guarded");
    if found.is_empty() {
        return format!("{begin}: the body of whoever is allowed");
    }
    let found: Vec<String> = found.iter().map(|value| format!("`{}`", shorten(value, 40))).collect();
    format!("{begin}: {} of the body of whoever is allowed", list(&found, "and"))
}

/// Fails a case one of whose refusals hands over what it guards.
pub(super) fn fail(shared: &Shared, outcome: &mut Outcome, refusal: &Refusal, found: &[String]) {
    let message = message(refusal.status, found);
    let mut reason: Reason = record::reason(shared, CODE, &message, Span::NONE, Vec::new());
    reason.place = outcome.steps.get(refusal.step).map_or_else(|| outcome.place.clone(), |s| s.place.clone());
    reason.step = Some(refusal.step);
    outcome.reasons.push(reason);
    outcome.verdict = Verdict::Failed;
    outcome.proof.proven = 0;
    let accepted = |grade: &mut Option<Grade>| {
        if let Some(grade) = grade {
            *grade = Grade::Accepted;
        }
    };
    outcome.with.iter_mut().for_each(|with| accepted(&mut with.grade));
    outcome.steps.get_mut(refusal.step).into_iter().for_each(|step| accepted(&mut step.grade));
}

#[cfg(test)]
mod tests {
    use super::{telling, within};

    #[test]
    fn a_body_that_says_nothing_is_nobodys() {
        for nothing in
            ["", "{}", " null\n", "ok", "[]\r\n", "\"ok\"", "denied", r#"{"data":null,"ok":true}"#, "[ [], {} ]"]
        {
            assert_eq!(telling(nothing.as_bytes()), None, "{nothing}");
        }
        assert_eq!(telling(b"{\"id\":17}"), telling(b"{\"id\":17}"));
        assert_ne!(telling(b"{\"id\":17}"), telling(b"{\"id\":18}"));
        assert!(telling(b"{\"id\":17}").is_some());
    }

    #[test]
    fn what_is_handed_over_beside_an_error_is_found() {
        let good = telling(br#"{"user":"root","roles":["admin"]}"#).unwrap();
        for leaking in [
            "{ \"roles\": [ \"admin\" ],\n  \"user\": \"root\" }",
            r#"{"user":"root","roles":["admin"],"error":"forbidden"}"#,
            r#"{"errors":[{"message":"no"}],"data":{"user":"root","roles":["admin"]}}"#,
        ] {
            assert!(within(leaking.as_bytes()).contains(&good), "{leaking}");
        }
        for other in
            [r#"{"error":"forbidden","user":"root"}"#, r#"{"roles":["admin"]}"#, r#"{"user":"root","roles":[]}"#]
        {
            assert!(!within(other.as_bytes()).contains(&good), "{other}");
        }
        let named = telling(br#"{"id":17,"deleted":true}"#).unwrap();
        assert!(!within(br#"{"error":"forbidden","id":17,"deleted":true}"#).contains(&named), "what was asked for");
        assert_eq!(within(b"Forbidden by policy"), telling(b"Forbidden by policy").into_iter().collect::<Vec<_>>());
    }
}
