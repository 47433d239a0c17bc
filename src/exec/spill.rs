//! Refusals that hand over what they guard in another form: a part of it, beside something, in a page, or in the text of an
//! error. What counts are the texts and numbers that whoever is allowed got, and whoever was refused could not know.
//!
//! An honest refusal names what was asked for, and who asks. So nothing counts that stands in the request, among the fields
//! of its sender, or in what that sender was given otherwise; and one value alone counts only where it is a whole sentence.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde_json::Value;

use super::actor::Actor;
use super::exchange::StepRun;
use super::ledger::{Access, Refusal, RequestKey, Sender};
use super::{Shared, leak};
use crate::check::has_word;
use crate::http::{Response, Trail, percent_decoded};
use crate::step::IdentityId;
use crate::template::to_json;

/// Bytes of a body that is looked at.
const READ: usize = 256 << 10;
/// Texts and numbers of a body that are looked at.
const LEAVES: usize = 1024;
/// Answers to one request that are kept.
const KEPT: usize = 4;
/// What one sender is known to have been given.
const OWN: usize = 1 << 14;
/// How long a text is that counts alone, and of how many words.
const SENTENCE: (usize, usize) = (24, 4);

/// Of how many values a member is that may stand around the data of an answer.
const SMALL: usize = 4;

/// Members by which a refusal says why.
const SAYS: &[&str] =
    &["message", "detail", "details", "description", "error", "error_description", "reason", "title", "hint"];

/// Members around the data of an answer that are the same in many.
const FRAME: &[&str] = &[
    "meta",
    "_meta",
    "metadata",
    "links",
    "_links",
    "link",
    "self",
    "href",
    "url",
    "$schema",
    "pagination",
    "@context",
];

/// What a refusal said, and what its sender knew without it.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    body: Bytes,
    /// The request and the fields of its sender.
    known: String,
}

/// What those got who are allowed.
#[derive(Debug, Default)]
pub(super) struct Spills(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// By method and target, or by what the cells of a row ask for.
    given: HashMap<u64, Vec<Bytes>>,
    /// The texts and numbers that each identity was given, and anybody.
    own: HashMap<Option<IdentityId>, HashSet<u64>>,
    hasher: RandomState,
}

impl Spills {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what somebody got who was allowed it.
    pub(super) fn given(&self, keys: impl IntoIterator<Item = u64>, sender: Sender, response: Option<&Response>) {
        let Some(body) = response.and_then(content) else { return };
        let Some(value) = leak::json(body.trim_ascii()) else { return };
        let mut inner = self.lock();
        let Inner { given, own, hasher } = &mut *inner;
        for key in keys {
            let bodies = given.entry(key).or_default();
            if bodies.len() < KEPT && !bodies.contains(&body) {
                bodies.push(body.clone());
            }
        }
        let whose = match sender {
            Sender::Identity { id, .. } => Some(id),
            Sender::Anonymous => None,
            Sender::Somebody => return,
        };
        let own = own.entry(whose).or_default();
        let room = OWN.saturating_sub(own.len());
        own.extend(leaves(&value).iter().take(room).map(|leaf| hasher.hash_one(leaf)));
    }
}

/// A body that may be looked at.
pub(super) fn content(response: &Response) -> Option<Bytes> {
    const SHORTEST: usize = 8;
    (SHORTEST..=READ).contains(&response.body.len()).then(|| response.body.clone())
}

impl StepRun<'_> {
    /// What a refusal said.
    pub(super) fn reply(&self, actor: &Actor, trail: &Trail) -> Option<Reply> {
        let body = content(trail.response()?)?;
        let mut known = asked(trail);
        if let Some(identity) = self.scope_of(actor).get("identity").and_then(|fields| to_json(fields).ok()) {
            known.push_str(&leaves(&identity).join("\n").to_lowercase());
        }
        Some(Reply { body, known })
    }
}

/// What a request says of itself: its target and its body.
pub(super) fn asked(trail: &Trail) -> String {
    let mut text = String::new();
    for hop in &trail.hops {
        let target = hop.request.address.to_string();
        text.push_str(&percent_decoded(target.as_bytes()));
        text.push('\n');
        text.push_str(&plain(&hop.request.body));
        text.push('\n');
    }
    text.to_lowercase()
}

/// What a refusal hands over of what somebody got who is allowed, and anonymous does not: a few of the values.
pub(super) fn found(shared: &Shared, refusal: &Refusal) -> Option<Vec<String>> {
    let reply = refusal.reply.as_ref()?;
    if shared.ledger.access(refusal.key) == Access::Public {
        return None;
    }
    let inner = shared.spills.lock();
    let whose = match refusal.sender {
        Sender::Identity { id, .. } => Some(id),
        Sender::Anonymous | Sender::Somebody => None,
    };
    let has = |whose: Option<IdentityId>, leaf: &str| {
        inner.own.get(&whose).is_some_and(|own| own.contains(&inner.hasher.hash_one(leaf)))
    };
    let knows = |leaf: &str| {
        let lower = leaf.to_lowercase();
        reply.known.contains(&lower) || is_role(shared, &lower) || has(None, leaf) || has(whose, leaf)
    };
    let keys = [Some(refusal.key.request()), refusal.alike];
    let mut given = keys.into_iter().flatten().filter_map(|key| inner.given.get(&key)).flatten();
    given.find_map(|good| spilt(good, &reply.body, &knows))
}

/// Roles are named by refusals: the one that somebody has, and the one that is wanted.
pub(super) fn is_role(shared: &Shared, text: &str) -> bool {
    let mut roles = shared.plan.identities.iter().filter_map(|identity| identity.role.as_deref());
    roles.any(|role| role.eq_ignore_ascii_case(text))
}

/// Finds what of a good answer stands in a refusal, but for what its sender knew.
pub(super) fn spilt(good: &[u8], came: &[u8], knows: &dyn Fn(&str) -> bool) -> Option<Vec<String>> {
    let good = leak::json(good.trim_ascii())?;
    let json = leak::json(came.trim_ascii());
    let (around, said) = json.as_ref().map_or_else(Default::default, |came| (around(&good, came), said(came)));
    let is_guarded = |leaf: &String| is_distinct(leaf) && !knows(leaf) && !around.contains(leaf);
    let leaves: Vec<String> = leaves(&good).into_iter().filter(is_guarded).collect();
    if leaves.is_empty() {
        return None;
    }
    let text = plain(came);
    let found: Vec<&String> = leaves.iter().filter(|leaf| has_word(&text, leaf)).collect();
    // What a refusal says, whole, may be said of the same where it is allowed.
    let is_sentence = |leaf: &&&String| {
        leaf.len() >= SENTENCE.0 && leaf.split_whitespace().count() >= SENTENCE.1 && !said.contains(leaf.as_str())
    };
    let told = |found: &[&String]| found.iter().take(3).map(|leaf| (*leaf).clone()).collect();
    if let Some(sentence) = found.iter().find(is_sentence) {
        return Some(vec![(**sentence).clone()]);
    }
    // Most of what there is to know, and more than a name.
    if found.len() > 1 && found.len() * 2 >= leaves.len() {
        return Some(told(&found));
    }
    let records = leak::records(&good, FRAME);
    let came = json?;
    let shared = leak::members(&came, FRAME).into_iter().filter(|(hash, _)| records.contains(hash));
    shared.map(|(_, record)| self::leaves(record)).find_map(|own| {
        let own: Vec<&String> = leaves.iter().filter(|leaf| own.contains(leaf)).collect();
        (!own.is_empty()).then(|| told(&own))
    })
}

/// What stands around the data of every answer, whoever gets it: members that are the same in an answer and a refusal,
/// where the refusal lacks the member with the data, or most of them. Of other answers, a sentence.
fn around(good: &Value, came: &Value) -> HashSet<String> {
    let (Value::Object(good), Value::Object(came)) = (good, came) else { return HashSet::new() };
    let is_plain = |value: &Value| !matches!(value, Value::Object(_) | Value::Array(_));
    let is_small = |value: &Value| match value {
        Value::Object(members) => members.len() <= SMALL && members.values().all(is_plain),
        Value::Array(items) => items.len() <= SMALL && items.iter().all(is_plain),
        _ => true,
    };
    let is_same = |(name, value): &(&String, &Value)| came.get(*name) == Some(*value);
    let same = good.iter().filter(is_same).count();
    let lacks_data = same * 2 < good.len() || good.iter().any(|own| !is_plain(own.1) && !is_same(&own));
    let is_around = |value: &Value| match value {
        _ if lacks_data => is_small(value),
        Value::String(text) => text.contains(' '),
        _ => false,
    };
    let around = good.iter().filter(|own| same < good.len() && is_same(own) && is_around(own.1));
    around.flat_map(|own| leaves(own.1)).collect()
}

/// The sentences that a refusal says of itself.
fn said(came: &Value) -> HashSet<&str> {
    let Value::Object(members) = came else { return HashSet::new() };
    let inner = members.values().filter_map(Value::as_object).flatten();
    let all = members.iter().chain(inner).filter(|(name, _)| SAYS.contains(&name.as_str()));
    all.filter_map(|(_, value)| value.as_str()).map(str::trim).collect()
}

/// Whether a text or number tells something: nothing that is short, and no address.
fn is_distinct(leaf: &str) -> bool {
    let is_number = leaf.parse::<f64>().is_ok();
    let is_long = leaf.chars().count() >= if is_number { 5 } else { 4 };
    is_long && !leaf.starts_with('/') && !leaf.contains("://")
}

/// The texts and numbers of a value, each once, but for those around the data.
fn leaves(value: &Value) -> Vec<String> {
    let (mut seen, mut found, mut open) = (HashSet::new(), Vec::new(), vec![value]);
    while let Some(value) = open.pop().filter(|_| found.len() < LEAVES) {
        let leaf = match value {
            Value::Object(members) => {
                let data = members.iter().filter(|(name, _)| !FRAME.contains(&name.as_str()));
                open.extend(data.map(|(_, value)| value));
                continue;
            }
            Value::Array(items) => {
                open.extend(items.iter().rev());
                continue;
            }
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) => continue,
        };
        if !leaf.is_empty() && seen.insert(leaf.clone()) {
            found.push(leaf);
        }
    }
    found
}

/// A body as the texts in it, one in each line; what is no JSON as it stands.
fn plain(body: &[u8]) -> String {
    let text = match leak::json(body.trim_ascii()) {
        Some(value) => leaves_of_all(&value).join("\n"),
        None => String::from_utf8_lossy(&body[..body.len().min(READ)]).into_owned(),
    };
    let entities = [("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    if !text.contains('&') {
        return text;
    }
    entities.iter().fold(text, |text, (entity, is)| text.replace(entity, is))
}

fn leaves_of_all(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => members.values().flat_map(leaves_of_all).collect(),
        Value::Array(items) => items.iter().flat_map(leaves_of_all).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}

/// Tells by which key an answer was given.
pub(super) fn keys(key: RequestKey, alike: Option<u64>) -> impl Iterator<Item = u64> {
    [Some(key.request()), alike].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::{asked, spilt};
    use crate::http::Trail;

    const USERS: &str =
        r#"{"users":[{"name":"alice","role":"user"},{"name":"bob","role":"user"},{"name":"root","role":"admin"}]}"#;

    /// What is found by bob, who asked for a note.
    fn found(good: &str, came: &str) -> Option<Vec<String>> {
        let known = "http://a/notes/n12345\nbob\nbuilder@example.com";
        spilt(good.as_bytes(), came.as_bytes(), &|leaf| known.contains(leaf) || ["user", "admin"].contains(&leaf))
    }

    #[test]
    fn what_is_guarded_is_found_in_another_form() {
        for came in [
            r#"[{"name":"alice","role":"user"},{"name":"bob","role":"user"},{"name":"root","role":"admin"}]"#,
            &USERS.replace("]}", "],\"count\":3}"),
            r#"{"error":"forbidden","first":{"role":"user","name":"alice"}}"#,
            r#"{"error":"forbidden: {\"users\": [{\"name\": \"alice\"}, {\"name\": \"root\"}]}"}"#,
            "<h1>Forbidden</h1><table><tr><td>alice</td></tr><tr><td>root</td></tr></table>",
            "name,role\nalice,user\nroot,admin\n",
        ] {
            assert!(found(USERS, came).is_some(), "{came}");
        }
        let note = r#"{"id":"n12345","owner":"alice","title":"The merger will be told on Monday"}"#;
        assert!(found(note, r#"{"detail":"no access to \"The merger will be told on Monday\""}"#).is_some());
        assert!(found(note, "<p>not yours: The merger will be told on Monday</p>").is_some());
    }

    #[test]
    fn an_honest_refusal_names_what_was_asked_for_and_who_asks() {
        let note = r#"{"id":"n12345","owner":"alice","title":"The merger will be told on Monday","read_by":["bob"]}"#;
        for came in [
            r#"{"type":"about:blank","title":"Forbidden","status":403,"detail":"bob may not read n12345","instance":"/notes/n12345"}"#,
            r#"{"error":"forbidden","note":"n12345","user":"bob","email":"builder@example.com"}"#,
            r#"{"error":"the note n12345 is alice's"}"#,
        ] {
            assert_eq!(found(note, came), None, "{came}");
        }
        for came in [
            r#"{"error":"forbidden","user":"bob","role":"user","required":"admin"}"#,
            r#"{"error":"forbidden","you":{"name":"bob","role":"user"}}"#,
            r#"{"error":"users are for admin only; ask alice"}"#,
            "<p>malice and uprooting</p>",
        ] {
            assert_eq!(found(USERS, came), None, "{came}");
        }
        let linked =
            r#"{"count":12,"_links":{"docs":"/docs","self":"/notes"},"meta":{"api":"orders","build":"77120"}}"#;
        let refused =
            r#"{"error":"no","_links":{"docs":"/docs","self":"/notes"},"meta":{"api":"orders","build":"77120"}}"#;
        assert_eq!(found(linked, refused), None);
    }

    #[test]
    fn what_stands_around_every_answer_is_guarded_by_none() {
        let around = r#""apiVersion":"2026-11-01","env":"production","tenant":{"id":"t-4711","name":"Acme"},"may":["read","write"]"#;
        let good = format!(r#"{{{around},"data":{{"name":"alice","age":12345}}}}"#);
        assert_eq!(found(&good, &format!(r#"{{{around},"error":"denied"}}"#)), None);
        assert!(
            found(&good, &format!(r#"{{{around},"error":"denied","was":{{"name":"alice","age":12345}}}}"#)).is_some()
        );
        let flat = r#"{"id":"n777","owner":"alice","rights":"(c) 2026 Acme Inc. All rights reserved"}"#;
        assert_eq!(found(flat, r#"{"error":"no","rights":"(c) 2026 Acme Inc. All rights reserved"}"#), None);
        let group = r#"{"group":"staff","description":"Only administrators can manage users of this organisation."}"#;
        let why = r#"{"message":"Only administrators can manage users of this organisation."}"#;
        assert_eq!(found(group, why), None);
        let tenant = r#""tenant":{"id":"t-4711","name":"Acme"}"#;
        let me = format!(r#"{{"name":"alice","email":"alice@example.com",{tenant}}}"#);
        assert_eq!(found(&me, &format!(r#"{{"error":"no",{tenant},"path":"/me"}}"#)), None);
        // What is not all of the refusal, or more than what stands around it.
        let all = USERS.replace("]}", "],\"error\":\"no\"}");
        assert!(found(&USERS.replace("]}", "],\"total\":3}"), &all).is_some());
    }

    #[test]
    fn nothing_is_asked_where_nothing_was_sent() {
        assert_eq!(asked(&Trail::default()), "");
    }
}
