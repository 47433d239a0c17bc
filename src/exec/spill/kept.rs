//! What is kept of the answers of a run, to know what a refusal hands over: what those got who are allowed, what each knows
//! by that, and what is told where nobody is let in.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde_json::Value;

use super::{Told, content, leaves, texts};
use crate::check::has_word;
use crate::exec::leak;
use crate::exec::ledger::Sender;
use crate::exec::observed::digest;
use crate::http::Response;
use crate::step::IdentityId;

/// Answers to one request that are kept.
const KEPT: usize = 4;

/// What one sender is known to have been given.
const OWN: usize = 1 << 14;

/// What those got who are allowed.
#[derive(Debug, Default)]
pub(in crate::exec) struct Spills(Mutex<Inner>);

#[derive(Debug, Default)]
pub(super) struct Inner {
    /// By method and target, by what the cells of a row ask for, by what a target names, and by the cell.
    pub(super) given: HashMap<u64, Vec<Bytes>>,
    /// The texts and numbers that each identity was given, and anybody.
    own: HashMap<Option<IdentityId>, HashSet<u64>>,
    /// Fields of the answers to whoever is allowed, which stand around all of them.
    fields: HashSet<u64>,
    /// What was told where nobody was let in.
    closed: Vec<Closed>,
    hasher: RandomState,
}

/// An answer that let nobody in.
#[derive(Debug)]
struct Closed {
    /// Where that was, and what tells its body apart.
    at: [Option<u64>; 3],
    body: u64,
    text: String,
}

impl Spills {
    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what somebody got who was allowed it.
    pub(in crate::exec) fn given(
        &self,
        keys: impl IntoIterator<Item = u64>,
        sender: Sender,
        response: Option<&Response>,
    ) {
        let Some((response, body)) = response.and_then(|r| Some((r, content(r)?))) else { return };
        let mut inner = self.lock();
        let Inner { given, own, hasher, fields, .. } = &mut *inner;
        if fields.len() < OWN {
            fields.extend(texts::fields(&response.headers).lines().map(|field| hasher.hash_one(field)));
        }
        let Some(value) = leak::json(body.trim_ascii()) else { return };
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
        keep(own.entry(whose).or_default(), &value, hasher);
    }

    /// Notes what somebody was told who came in: it is about them.
    pub(super) fn entered(&self, id: IdentityId, response: &Response) {
        let Some(value) = content(response).and_then(|body| leak::json(body.trim_ascii())) else { return };
        let mut inner = self.lock();
        let Inner { own, hasher, .. } = &mut *inner;
        keep(own.entry(Some(id)).or_default(), &value, hasher);
    }

    /// Notes what was told where nobody was let in.
    pub(super) fn closed(&self, at: [Option<u64>; 3], response: &Response) {
        const SHORT: usize = 4 << 10;
        const MANY: usize = 256;
        let mut inner = self.lock();
        let body = digest(&response.body);
        let is_known = |closed: &Closed| closed.at[0] == at[0] && closed.body == body;
        let here = inner.closed.iter().filter(|closed| closed.at[0] == at[0]).count();
        if response.body.len() > SHORT
            || inner.closed.len() >= MANY
            || here >= KEPT
            || inner.closed.iter().any(is_known)
        {
            return;
        }
        let text = Told::of(&texts::body(response), &texts::fields(&response.headers)).text().to_owned();
        inner.closed.push(Closed { at, body, text });
    }
}

fn keep(own: &mut HashSet<u64>, value: &Value, hasher: &RandomState) {
    let room = OWN.saturating_sub(own.len());
    own.extend(leaves(value).iter().take(room).map(|leaf| hasher.hash_one(leaf)));
}

impl Inner {
    /// Whether a text is told where it is guarded by nothing: at another place, whose own data has none of it.
    pub(super) fn is_told_elsewhere(&self, leaf: &str, than: [Option<u64>; 3]) -> bool {
        let is_other = |closed: &&Closed| !closed.at.iter().flatten().any(|at| than.contains(&Some(*at)));
        let is_guarded = |closed: &&Closed| {
            let bodies = closed.at.iter().flatten().filter_map(|at| self.given.get(at)).flatten();
            bodies
                .filter_map(|body| leak::json(body.trim_ascii()))
                .any(|good| leaves(&good).iter().any(|own| own == leaf))
        };
        let mut others = self.closed.iter().filter(is_other);
        others.any(|closed| has_word(&closed.text, leaf) && !is_guarded(&closed))
    }

    /// Whether somebody was given a text or number, or anybody.
    pub(super) fn has(&self, whose: Option<IdentityId>, leaf: &str) -> bool {
        self.own.get(&whose).is_some_and(|own| own.contains(&self.hasher.hash_one(leaf)))
    }

    /// The fields of a head that stand around no answer to whoever is allowed.
    pub(super) fn only(&self, fields: &str) -> String {
        let own = fields.lines().filter(|field| !self.fields.contains(&self.hasher.hash_one(field)));
        own.fold(String::new(), |all, field| all + field + "\n")
    }
}
