//! A server that begins to refuse whatever looks bad, as a limiter or a firewall before it does: what it refuses from then on
//! says nothing of a defect, however good the good credential is.
//!
//! That shows where a defect that was refused in one way is refused in another when all are done. One that was refused
//! in the same way all along cannot be told from it.

use std::sync::Arc;

use super::Shared;
use super::case::CaseDone;
use super::control::{Claim, Probe};
use super::observed::Observed;
use super::settle::push;
use crate::event::{Verdict, When};
use crate::http::{Headers, Request};

/// How many ways of refusing are looked into.
const WAYS: usize = 4;

/// A defect that was refused, and may be sent again.
#[derive(Debug)]
pub(super) struct Refused {
    /// The row.
    pub(super) id: &'static str,
    /// Sends it again.
    pub(super) probe: Probe,
    /// The method, path and names of the fields that it was sent with, and the word of its scheme.
    pub(super) shape: String,
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
pub(super) fn shape(request: &Request) -> String {
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
    format!("{} {} {}", request.method, request.address.path(), names.join(" "))
}

/// A defect that is to be sent again: what was refused in this way after it is in doubt when it is refused so, too.
struct Question {
    way: Way,
    first: Arc<Refused>,
    at: u64,
}

/// Finds what has to be sent again: for each way of refusing the last defect that was refused in another way before, best
/// one that looks like what is in doubt.
fn questions(held: &[CaseDone]) -> Vec<Question> {
    let claims = held.iter().flat_map(|done| &done.claims);
    let all: Vec<(u64, &Arc<Refused>)> = claims.filter_map(|c| Some((c.at, c.refused.as_ref()?))).collect();
    let mut ways: Vec<&Way> = Vec::new();
    for (_, refused) in &all {
        if !ways.contains(&&refused.way) {
            ways.push(&refused.way);
        }
    }
    let mut found = Vec::new();
    for way in ways {
        let Some((last, like)) = all.iter().filter(|(_, r)| r.way == *way).max_by_key(|(at, _)| *at) else { continue };
        let before = all.iter().filter(|(at, refused)| at < last && refused.way != *way);
        let best = before.max_by_key(|(at, refused)| (refused.shape == like.shape, *at));
        found.extend(best.map(|(at, first)| Question { way: way.clone(), first: Arc::clone(first), at: *at }));
    }
    found.truncate(WAYS);
    found
}

/// Sends again what was refused in one way before others were refused in another, and lays in doubt what may be a
/// limiter's.
pub(super) async fn look(shared: &Arc<Shared>, held: &mut [CaseDone]) {
    for Question { way, first, at } in questions(held) {
        let again = tokio::select! {
            biased;
            // What is cut off is undecided anyway.
            _ = shared.stop.cut_off() => return,
            again = Box::pin(first.probe.again(shared)) => again,
        };
        if Way::of(&again) != way {
            continue;
        }
        let message = format!(
            "`{}` was refused with {} before, and by now with {} as well: whatever looks bad may be",
            first.id,
            first.way.told(),
            way.told()
        );
        for done in &mut *held {
            let in_doubt = |claim: &Claim| claim.at > at && claim.refused.as_ref().is_some_and(|r| r.way == way);
            let Some(step) = done.claims.iter().find(|claim| in_doubt(claim)).map(|claim| claim.step) else { continue };
            done.claims.clear();
            done.outcome.verdict = Verdict::Inconclusive;
            done.outcome.controls.push(again.record(When::After, first.id, false));
            push(shared, done, "refused-otherwise", &message, step, Vec::new());
        }
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
            shape(&Request { method: "GET".to_owned(), address, headers, body: bytes::Bytes::new() })
        };
        assert_eq!(request("/a?b=1", &["Cookie", "accept"]), request("/a", &["Accept", "cookie"]));
        assert_ne!(request("/a", &["accept"]), request("/a", &["accept", "authorization"]));
        assert_ne!(request("/a", &["accept"]), request("/b", &["accept"]));
        let bearing = |value: &str| {
            let mut headers = Headers::default();
            headers.add("Authorization", value.to_owned());
            let address = Address::parse("http://a/").unwrap();
            shape(&Request { method: "GET".to_owned(), address, headers, body: bytes::Bytes::new() })
        };
        assert_eq!(bearing("Bearer a.b.c"), bearing("bearer garbage"));
        assert!(["", "Basic abc", "abc"].iter().all(|other| bearing(other) != bearing("Bearer a.b.c")));
    }
}
