//! Sessions that a server renews with its answers: each gives another cookie in place of the one that was sent, and that one
//! is no good any more. Cases go on with what they get; whoever has a copy of the session as it was meets a dead one.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::ledger::{Access, Asked, Ledger, RequestKey};
use super::{Shared, record};
use crate::event::{Outcome, Verdict};
use crate::evidence::{Facts, Renewal};
use crate::http::jar::ParsedSetCookie;
use crate::http::{Exchange, Request, Response, Trail};
use crate::mutate::is_csrf;
use crate::secret::{SecretSet, TextKind};
use crate::source::Span;

/// Which cookies were given anew, and by which answer; no value is kept.
#[derive(Debug, Default)]
pub(super) struct Renewed {
    hasher: RandomState,
    cookies: Mutex<HashMap<u64, Replaced>>,
}

/// A cookie that an answer gave anew.
#[derive(Debug)]
struct Replaced {
    renewal: Renewal,
    /// What was asked: a page for everybody may give whoever is not known a session of nobody.
    key: RequestKey,
    /// When the answer was there.
    at: Timestamp,
    /// Whether it was let in and renewed once more by what was sent afterwards.
    lives: bool,
}

impl Renewed {
    /// Takes down what the answers of a case gave anew.
    pub(super) fn note(&self, secrets: &SecretSet, case: &str, trail: &Trail) {
        for hop in &trail.hops {
            let Ok(response) = &hop.response else { continue };
            // Whoever is refused a right is known; others may get a session of nobody.
            let is_known = response.status / 100 == 2 || response.status == 403;
            if is_known && response.headers.has("set-cookie") {
                let path = secrets.mask_text(TextKind::Url, hop.request.address.path());
                self.note_hop((case, &format!("{} {path}", hop.request.method)), hop, response);
            }
        }
    }

    fn note_hop(&self, (case, line): (&str, &str), hop: &Exchange, response: &Response) {
        let set: Vec<ParsedSetCookie> =
            response.headers.all("set-cookie").map(|field| ParsedSetCookie::parse(field)).collect();
        for (name, value) in cookies(&hop.request).into_iter().filter(|(name, _)| !is_csrf(name)) {
            let is_new = |set: &ParsedSetCookie| {
                let is_kept = set.max_age().is_none_or(|age| age > 0);
                set.name == *name && !set.value.is_empty() && set.value.as_bytes() != value.as_bytes() && is_kept
            };
            if !set.iter().any(is_new) {
                continue;
            }
            let mut all = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
            let renewal = Renewal { cookie: name.clone(), case: case.to_owned(), line: line.to_owned() };
            let at = hop.started.saturating_add(hop.elapsed).unwrap_or(hop.started);
            let address = hop.request.address.to_string();
            let asked = RequestKey::of(&hop.request.method, &address, Asked::Plainly);
            let key = self.hasher.hash_one((name, value));
            let known = all.entry(key).or_insert(Replaced { renewal, key: asked, at, lives: false });
            known.lives |= hop.started > known.at;
        }
    }

    /// Names the cookies that a request carries.
    pub(super) fn names(&self, trail: &Trail) -> Vec<u64> {
        let sent = trail.hops.last().map(|hop| cookies(&hop.request)).unwrap_or_default();
        sent.into_iter().map(|pair| self.hasher.hash_one(pair)).collect()
    }

    /// The first of some cookies that was given anew, where none of its name was seen working afterwards.
    pub(super) fn find(&self, ledger: &Ledger, names: &[u64]) -> Option<Renewal> {
        let all = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        // A server that took an old one once is taken to take them all.
        let keeps = |name: &str| all.values().any(|known| known.lives && known.renewal.cookie == name);
        let is_over = |known: &&Replaced| ledger.access(known.key) != Access::Public && !keeps(&known.renewal.cookie);
        names.iter().find_map(|name| all.get(name).filter(is_over).map(|known| known.renewal.clone()))
    }
}

/// The cookies of a request by their names.
fn cookies(request: &Request) -> Vec<(String, String)> {
    let text = request.headers.text("cookie").unwrap_or_default();
    let pairs = text.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Takes a refusal for no answer to what a case asks that was sent with a copy of a session which another case made the
/// server renew: who is dead by our sharing was not refused anything.
pub(super) fn excuse(shared: &Shared, outcome: &mut Outcome) {
    if !matches!(outcome.verdict, Verdict::Failed | Verdict::Errored) {
        return;
    }
    let has_facts = |at: &usize| outcome.steps.get(*at).is_some_and(|step| step.facts.is_some());
    let Some(at) = outcome.reasons.iter().filter_map(|reason| reason.step).find(has_facts) else { return };
    let Some(facts) = outcome.steps[at].facts.as_deref().filter(|facts| is_as_dead(facts)) else { return };
    let Some(renewal) =
        shared.renewed.find(&shared.ledger, &facts.session.cookies).filter(|other| *other.case != *outcome.id)
    else {
        return;
    };
    let (name, status) = (facts.name().unwrap_or_default(), outcome.steps[at].status.unwrap_or(0));
    let message = format!(
        "`{name}` was answered {status} with the session as it was before the server renewed it, which it did for `{}`: nothing is known",
        renewal.case
    );
    let mut reason = record::reason(shared, "session-disturbed", &message, Span::NONE, Vec::new());
    reason.place = outcome.steps[at].place.clone();
    reason.step = Some(at);
    outcome.verdict = Verdict::Inconclusive;
    outcome.reasons = vec![reason];
}

/// Tells whether an identity was answered as one whose session has ended.
fn is_as_dead(facts: &Facts) -> bool {
    facts.name().is_some() && facts.surprise().is_some_and(|answer| answer.status == 401 || answer.to_login)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::exec::ledger::Sender;
    use crate::http::{Address, Headers};

    fn hop(sent: &str, second: i64, status: u16, set: &str) -> Trail {
        let mut request = Request {
            method: "GET".into(),
            address: Address::parse("http://a/me").unwrap(),
            headers: Headers::default(),
            body: bytes::Bytes::new(),
        };
        request.headers.add("cookie", sent.to_owned());
        let mut response =
            Response { status, version: "HTTP/1.1", headers: Headers::default(), body: bytes::Bytes::new() };
        response.headers.add("set-cookie", set.to_owned());
        let started = Timestamp::from_second(second).unwrap();
        let hop = Exchange { request, response: Ok(response), started, elapsed: Duration::from_millis(10) };
        Trail { hops: vec![hop], ..Trail::default() }
    }

    #[test]
    fn a_cookie_that_was_given_anew_is_known_until_it_is_seen_working() {
        let (renewed, secrets, ledger) = (Renewed::default(), SecretSet::new(), Ledger::default());
        let found =
            |sent: &str| renewed.find(&ledger, &renewed.names(&hop(sent, 0, 200, ""))).map(|renewal| renewal.line);
        renewed.note(&secrets, "a", &hop("theme=dark; sid=1", 10, 200, "sid=2; Path=/"));
        assert_eq!(found("sid=1").as_deref(), Some("GET /me"));
        assert_eq!(found("sid=2; theme=dark"), None);
        // Two that left at once were both let in: the first answer had not come.
        renewed.note(&secrets, "b", &hop("sid=1", 10, 200, "sid=3; Path=/"));
        assert!(found("sid=1").is_some());
        renewed.note(&secrets, "c", &hop("sid=1", 11, 200, "sid=4; Path=/"));
        assert_eq!(found("sid=1"), None, "it lives on");
        renewed.note(&secrets, "c", &hop("sid=5", 11, 200, "sid=6; Path=/"));
        assert_eq!(found("sid=5"), None, "as others of its name do");
        // What is taken away, refused, the same, or a token of a form, is no session given anew.
        for (status, set) in [(200, "s=; Max-Age=0"), (200, "s=x; Max-Age=0"), (401, "s=n"), (302, "s=n"), (200, "s=1")]
        {
            renewed.note(&secrets, "d", &hop("s=1", 10, status, set));
            assert_eq!(found("s=1"), None, "{set}");
        }
        renewed.note(&secrets, "d", &hop("XSRF-TOKEN=1", 10, 200, "XSRF-TOKEN=2"));
        assert_eq!(found("XSRF-TOKEN=1"), None);
        // Whoever is not known gets a session of nobody from what is there for everybody.
        renewed.note(&secrets, "e", &hop("id=1", 10, 403, "id=2"));
        assert!(found("id=1").is_some());
        ledger.allowed(RequestKey::of("GET", "http://a/me", Asked::Plainly), Sender::Anonymous, 0);
        assert_eq!(found("id=1"), None);
    }
}
