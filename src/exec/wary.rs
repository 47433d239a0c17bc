//! A server that begins to refuse whatever looks bad, as a limiter or a firewall before it does: what it refuses from then on
//! says nothing of a defect, however good the good credential is.
//!
//! That shows where a defect that was refused in one way is refused in another when all are done: then all that were
//! refused in that other way are in doubt, whatever came first, since what is sent side by side has no order. What was
//! refused in one way all along, at a whole server, cannot be told from it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Shared;
use super::case::CaseDone;
use super::control::Probe;
use super::observed::Observed;
use super::settle::push;
use crate::event::{Verdict, When};
use crate::http::{Headers, Request};

/// How many ways of refusing are looked into.
const WAYS: usize = 4;

/// How many defects are sent again for each.
const CANDIDATES: usize = 2;

/// A defect that was refused.
#[derive(Debug)]
pub(super) struct Refused {
    /// The row.
    pub(super) id: &'static str,
    /// Sends it again, where it may be sent again.
    pub(super) probe: Option<Probe>,
    pub(super) shape: Shape,
    pub(super) way: Way,
}

/// In which way somebody was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    status: Option<u16>,
    /// Whether a challenge came with it.
    is_challenge: bool,
    /// The media type of its body.
    media: Option<String>,
}

impl Way {
    /// Reads it from an answer.
    pub(super) fn of(observed: &Observed) -> Self {
        let headers = observed.headers.as_ref();
        let is_challenge = headers.is_some_and(|headers| headers.has("www-authenticate"));
        Self { status: observed.status, is_challenge, media: headers.map(Headers::media_type) }
    }

    fn told(&self) -> String {
        self.status.map_or_else(|| "a closed connection".to_owned(), |status| status.to_string())
    }
}

/// What a request looks like to whoever only glances at it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    origin: String,
    /// The method and path.
    line: String,
    /// The names of its fields, and the word of its scheme.
    fields: String,
}

impl Shape {
    /// Reads it from a request.
    pub(super) fn of(request: &Request) -> Self {
        // A field without a credential, or with the word of another scheme, is passed over by whoever looks for bad tokens.
        let word = |value: &[u8]| {
            let text = String::from_utf8_lossy(value).to_ascii_lowercase();
            text.trim().split_once(' ').map(|(word, _)| word.to_owned()).unwrap_or_default()
        };
        let mut names: Vec<String> = request
            .headers
            .iter()
            .map(|(name, value)| match name.to_ascii_lowercase() {
                name if name == "authorization" => format!("{name} {} {}", word(value), value.is_empty()),
                name => name,
            })
            .collect();
        names.sort_unstable();
        Self {
            origin: request.address.origin().ascii_serialization(),
            line: format!("{} {}", request.method, request.address.path()),
            fields: names.join(" "),
        }
    }

    /// How much another one looks like it.
    fn likeness(&self, other: &Self) -> u8 {
        u8::from(self.fields == other.fields) * 2 + u8::from(self.line == other.line)
    }
}

/// What was refused first in each way at each origin, by bad credentials: what a limiter that wakes up later refuses, and
/// all of another request's defects with it, is held against these.
#[derive(Debug, Default)]
pub(super) struct First(Mutex<HashMap<String, Vec<Arc<Refused>>>>);

impl First {
    /// Keeps a defect of a credential that was refused.
    pub(super) fn keep(&self, refused: &Arc<Refused>) {
        // Other answers are about what is there, which changes; and what carried no credential looks like nothing bad.
        if !matches!(refused.way.status, Some(401 | 403)) || refused.probe.is_none() || refused.id.ends_with("-missing")
        {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(refused.shape.origin.clone()).or_default();
        if known.len() < WAYS && known.iter().all(|own| own.way != refused.way) {
            known.push(Arc::clone(refused));
        }
    }

    fn at(&self, origin: &str) -> Vec<Arc<Refused>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(origin).cloned().unwrap_or_default()
    }
}

/// Finds what has to be sent again: for each way of refusing the last that were refused in another way, best such as look
/// like what is in doubt. Where there is none, one of another request's.
fn candidates(all: &[Arc<Refused>], first: &First) -> Vec<Arc<Refused>> {
    let mut ways: Vec<&Way> = Vec::new();
    for refused in all {
        if !ways.contains(&&refused.way) {
            ways.push(&refused.way);
        }
    }
    ways.truncate(WAYS);
    let mut chosen: Vec<Arc<Refused>> = Vec::new();
    for way in ways {
        let doubtful: Vec<&Arc<Refused>> = all.iter().filter(|r| r.way == *way).collect();
        let like = |other: &Refused| doubtful.iter().map(|r| r.shape.likeness(&other.shape)).max().unwrap_or(0);
        let others = all.iter().filter(|r| r.way != *way && r.probe.is_some());
        let mut others: Vec<(u8, &Arc<Refused>)> = others.map(|r| (like(r), r)).collect();
        let best = others.iter().map(|(like, _)| *like).max().unwrap_or(0);
        let is_as_good = |r: &Arc<Refused>| r.way != *way && like(r) >= best;
        let mut found: Vec<Arc<Refused>> = chosen.iter().filter(|r| is_as_good(r)).take(CANDIDATES).cloned().collect();
        while found.len() < CANDIDATES {
            let is_news =
                |r: &Refused| (found.iter().all(|own| own.way != r.way), found.iter().all(|own| own.shape != r.shape));
            let next = (0..others.len()).max_by_key(|i| (others[*i].0, is_news(others[*i].1), *i));
            let Some(next) = next.map(|i| Arc::clone(others.remove(i).1)) else { break };
            if found.iter().all(|own| !Arc::ptr_eq(own, &next)) {
                found.push(next);
            }
        }
        if found.is_empty() {
            let elsewhere = doubtful.last().map(|r| first.at(&r.shape.origin)).unwrap_or_default();
            found.extend(elsewhere.into_iter().filter(|r| r.way != *way).max_by_key(|r| like(r)));
        }
        found.retain(|r| chosen.iter().all(|own| !Arc::ptr_eq(own, r)));
        chosen.extend(found);
    }
    chosen
}

/// Sends again what was refused in one way where others were refused in another, and lays in doubt what may be a
/// limiter's.
pub(super) async fn look(shared: &Arc<Shared>, held: &mut [CaseDone]) {
    let claims = held.iter().flat_map(|done| &done.claims);
    let mut all: Vec<(u64, Arc<Refused>)> = claims.filter_map(|c| Some((c.at, c.refused.clone()?))).collect();
    all.sort_by_key(|(at, _)| *at);
    let all: Vec<Arc<Refused>> = all.into_iter().map(|(_, refused)| refused).collect();
    for first in candidates(&all, &shared.controls.refused) {
        let Some(probe) = &first.probe else { continue };
        let again = tokio::select! {
            biased;
            // What is cut off is undecided anyway.
            _ = shared.stop.cut_off() => return,
            again = Box::pin(probe.again(shared)) => again,
        };
        if Way::of(&again) != first.way {
            doubt(shared, held, &first, &again);
        }
    }
}

/// Lays in doubt whatever was refused as one is by now that was refused in another way before.
fn doubt(shared: &Shared, held: &mut [CaseDone], first: &Refused, again: &Observed) {
    let way = Way::of(again);
    let message = format!(
        "`{}` was refused with {} before, and by now with {} as well: whatever looks bad may be",
        first.id,
        first.way.told(),
        way.told()
    );
    for done in held {
        let is_so = |refused: &Option<Arc<Refused>>| refused.as_ref().is_some_and(|r| r.way == way);
        let Some(step) = done.claims.iter().find(|claim| is_so(&claim.refused)).map(|claim| claim.step) else {
            continue;
        };
        done.claims.clear();
        done.outcome.verdict = Verdict::Inconclusive;
        done.outcome.controls.push(again.record(When::After, first.id, false));
        push(shared, done, "refused-otherwise", &message, step, Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Address;

    #[test]
    fn requests_look_alike_by_their_fields() {
        let request = |path: &str, names: &[&str]| {
            let mut headers = Headers::default();
            names.iter().for_each(|name| headers.add(*name, name.len().to_string()));
            let address = Address::parse(&format!("http://a{path}")).unwrap();
            Shape::of(&Request { method: "GET".to_owned(), address, headers, body: bytes::Bytes::new() })
        };
        assert_eq!(request("/a?b=1", &["Cookie", "accept"]), request("/a", &["Accept", "cookie"]));
        assert_ne!(request("/a", &["accept"]), request("/a", &["accept", "authorization"]));
        assert_ne!(request("/a", &["accept"]), request("/b", &["accept"]));
        let bearing = |value: &str| {
            let mut headers = Headers::default();
            headers.add("Authorization", value.to_owned());
            let address = Address::parse("http://a/").unwrap();
            Shape::of(&Request { method: "GET".to_owned(), address, headers, body: bytes::Bytes::new() })
        };
        assert_eq!(bearing("Bearer a.b.c"), bearing("bearer garbage"));
        assert!(["", "Basic abc", "abc"].iter().all(|other| bearing(other) != bearing("Bearer a.b.c")));
    }
}
