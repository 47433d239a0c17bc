//! Refusals that hand over what they guard in another form: a part of it, beside something, encoded, in a page, or in the
//! text of an error. What counts are the texts and numbers that whoever is allowed got, and whoever was refused could not
//! know.
//!
//! An honest refusal names what was asked for, and who asks. So nothing counts that stands in the request, among the fields
//! of its sender, or in what that sender was given otherwise. One value alone counts only where it tells by itself, as a
//! whole sentence or the address of somebody else does, and is told nowhere else; see `telling` and `columns`.

use std::collections::HashSet;
use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::Value;

pub(super) use self::columns::Names;
use self::columns::Search;
pub(super) use self::kept::Spills;
pub(super) use self::texts::Told;
use super::access::Said;
use super::actor::{Actor, Who};
use super::exchange::StepRun;
use super::ledger::{Access, Asked, Refusal, RequestKey, Sender};
use super::observed::Observed;
use super::{Shared, leak};
use crate::check::has_word;
use crate::http::{Request, Response, Trail, percent_decoded};
use crate::template::to_json;

mod columns;
mod kept;
mod telling;
mod texts;

/// Bytes of a body that is looked at.
const READ: usize = 256 << 10;
/// Texts and numbers of a body that are looked at.
const LEAVES: usize = 1024;
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
    /// Fields of its head.
    fields: String,
    /// The requests that it answers, the fields of their sender, and both as text once that is wanted.
    asked: Vec<Request>,
    sender: Option<Value>,
    known: OnceLock<String>,
    names: Names,
    /// What the cell is that it came in, as a number.
    cell: Option<u64>,
}

/// When a refusal is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// While others are still answered, who may tell the same.
    Running,
    /// When all is known.
    Over,
}

/// A body that may be looked at.
pub(super) fn content(response: &Response) -> Option<Bytes> {
    const SHORTEST: usize = 8;
    (SHORTEST..=READ).contains(&response.body.len()).then(|| texts::body(response))
}

impl Reply {
    /// What its sender knew without it.
    fn known(&self) -> &str {
        self.known.get_or_init(|| {
            let mut known = told_by(self.asked.iter());
            if let Some(sender) = &self.sender {
                known.push_str(&leaves(sender).join("\n").to_lowercase());
            }
            known
        })
    }
}

impl StepRun<'_> {
    /// What a refusal said.
    pub(super) fn reply(&self, actor: &Actor, trail: &Trail) -> Option<Reply> {
        let response = trail.response()?;
        let (body, fields) = (content(response).unwrap_or_default(), texts::fields(&response.headers));
        if body.is_empty() && fields.is_empty() {
            return None;
        }
        let sender = self.scope_of(actor).get("identity").and_then(|fields| to_json(fields).ok());
        let asked = trail.hops.iter().map(|hop| hop.request.clone()).collect();
        let (names, cell) = (self.names(actor), self.cell_number());
        Some(Reply { body, fields, asked, sender, known: OnceLock::new(), names, cell })
    }

    /// What somebody is called, by the fields of its identity.
    pub(super) fn names(&self, actor: &Actor) -> Names {
        const NAMING: &[&str] = &["username", "user", "email", "mail", "login", "name", "sub", "user_id"];
        let (Who::Identity(id, ..) | Who::Entering(id, _)) = &actor.who else { return Names::default() };
        let fields = self.scope_of(actor).get("identity").and_then(|fields| to_json(fields).ok());
        let value = |name: &&str| Some(fields.as_ref()?.get(*name)?.as_str()?.to_owned());
        let name = self.shared.plan.identities[id.0 as usize].name.to_string();
        Names::new(NAMING.iter().filter_map(value).chain([name]))
    }

    /// Notes what an answer gives, and what is told where none is given.
    pub(super) fn tell_apart(
        &self,
        key: RequestKey,
        (sender, alike): (Sender, Option<u64>),
        actor: &Actor,
        trail: &Trail,
        said: Said,
    ) {
        let Some(response) = trail.response() else { return };
        let spills = &self.shared.spills;
        match said {
            Said::Allowed if response.status / 100 == 2 => {
                spills.given(keys(key, alike).chain(self.cell_number()), sender, Some(response));
                if let Who::Entering(id, _) = actor.who {
                    spills.entered(id, response);
                }
            }
            Said::Allowed => {}
            Said::Refused | Said::SentAway | Said::Hidden | Said::Nothing => {
                spills.closed([Some(key.request()), alike, Some(key.place())], response);
            }
        }
    }

    /// The cell that a step belongs to, as a number.
    fn cell_number(&self) -> Option<u64> {
        self.cell()?;
        Some(RequestKey::of("cell", &self.case?.to_string(), Asked::Plainly).request())
    }
}

/// What a request says of itself: its target, its fields and its body.
pub(super) fn asked(trail: &Trail) -> String {
    told_by(trail.hops.iter().map(|hop| &hop.request))
}

fn told_by<'a>(requests: impl Iterator<Item = &'a Request>) -> String {
    let mut text = String::new();
    for request in requests {
        let target = request.address.to_string();
        text.push_str(&percent_decoded(target.as_bytes()));
        text.push('\n');
        text.push_str(&plain(&request.body));
        text.push('\n');
        for (_, value) in request.headers.iter() {
            text.push_str(Told::of(b"", &String::from_utf8_lossy(value)).text());
        }
    }
    text.to_lowercase()
}

/// What a refusal hands over of what somebody got who is allowed, and anonymous does not: a few of the values.
pub(super) fn found(shared: &Shared, refusal: &Refusal, when: When) -> Option<Vec<String>> {
    let reply = refusal.reply.as_ref()?;
    if shared.ledger.access(refusal.key) == Access::Public {
        return None;
    }
    let inner = shared.spills.lock();
    let whose = match refusal.sender {
        Sender::Identity { id, .. } => Some(id),
        Sender::Anonymous | Sender::Somebody => None,
    };
    let knows = |leaf: &str| {
        let lower = leaf.to_lowercase();
        reply.known().contains(&lower) || is_role(shared, &lower) || inner.has(None, leaf) || inner.has(whose, leaf)
    };
    let at = [Some(refusal.key.request()), refusal.alike, Some(refusal.key.place())];
    // What is not there for somebody is nobody else's for them, either; otherwise they may read what they may not change.
    let hidden = [at[2], reply.cell].into_iter().filter(|_| refusal.status == 404);
    let keys = [at[0], at[1]].into_iter().chain(hidden).flatten();
    let mut given = keys.filter_map(|key| inner.given.get(&key)).flatten().peekable();
    given.peek()?;
    let elsewhere = |leaf: &str| when == When::Over && inner.is_told_elsewhere(leaf, at);
    let came = Came {
        body: &reply.body,
        told: Told::of(&reply.body, &inner.only(&reply.fields)),
        names: &reply.names,
        elsewhere: Some(&elsewhere),
    };
    given.find_map(|good| spilt(good, &came, &knows))
}

/// An answer that is looked at.
pub(super) struct Came<'a> {
    pub(super) body: &'a [u8],
    pub(super) told: Told,
    pub(super) names: &'a Names,
    /// Whether what tells by itself is told elsewhere; nothing where nobody can say.
    pub(super) elsewhere: Option<&'a dyn Fn(&str) -> bool>,
}

/// The fields of a refusal that the answer to whoever is allowed has none of.
pub(super) fn fields_beside(came: &Response, good: &Observed) -> String {
    let good = good.headers.as_ref().map(texts::fields).unwrap_or_default();
    let own = texts::fields(&came.headers);
    own.lines().filter(|field| !good.lines().any(|same| same == *field)).fold(String::new(), |all, f| all + f + "\n")
}

/// Roles are named by refusals: the one that somebody has, and the one that is wanted.
pub(super) fn is_role(shared: &Shared, text: &str) -> bool {
    let mut roles = shared.plan.identities.iter().filter_map(|identity| identity.role.as_deref());
    roles.any(|role| role.eq_ignore_ascii_case(text))
}

/// Finds what of a good answer stands in a refusal, but for what its sender knew.
pub(super) fn spilt(good: &[u8], came: &Came<'_>, knows: &dyn Fn(&str) -> bool) -> Option<Vec<String>> {
    let good = leak::json(good.trim_ascii())?;
    let json = leak::json(came.body.trim_ascii());
    let (around, said) = json.as_ref().map_or_else(Default::default, |came| (around(&good, came), said(came)));
    let knows = |leaf: &str| knows(leaf) || around.contains(leaf);
    values(&good, came, &knows, &said).or_else(|| {
        let (told, names, elsewhere) = (&came.told, came.names, came.elsewhere);
        Search { good: &good, told, names, knows: &knows, elsewhere }.found()
    })
}

/// The values of a good answer that stand in a refusal, where they are most of them, a sentence or a record.
fn values(good: &Value, came: &Came<'_>, knows: &dyn Fn(&str) -> bool, said: &HashSet<&str>) -> Option<Vec<String>> {
    let is_guarded = |leaf: &String| is_distinct(leaf) && !knows(leaf);
    let leaves: Vec<String> = leaves(good).into_iter().filter(is_guarded).collect();
    if leaves.is_empty() {
        return None;
    }
    let found: Vec<&String> = leaves.iter().filter(|leaf| has_word(came.told.text(), leaf)).collect();
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
    let records = leak::records(good, FRAME);
    let shared = came.told.values().iter().flat_map(|came| leak::members(came, FRAME));
    let shared = shared.filter(|(hash, _)| records.contains(hash));
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
    [Some(key.request()), alike, Some(key.place())].into_iter().flatten()
}

#[cfg(test)]
mod tests;
