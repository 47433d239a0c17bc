//! Refusals after a wait: a case that pauses is about the end of a credential, which counts only where that was seen good in the
//! case before, and where nothing else of the run is known to have ended it.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::access::{is_asked, may_prove};
use super::actor::{Actor, Ownership, Who};
use super::exchange::StepRun;
use super::learn::fields_of;
use super::ledger::{RequestKey, Sender, Waited};
use super::renew::calls_it_expired;
use crate::event::Phase;
use crate::http::{Request, Trail};
use crate::secret::structure::is_credential_name;

/// What is known in the cases that wait; no value is kept.
#[derive(Debug, Default)]
pub(super) struct Worked {
    hasher: RandomState,
    cases: Mutex<HashMap<Arc<str>, Own>>,
}

/// What is known in one of them, of what stands for a credential.
#[derive(Debug, Default)]
struct Own {
    /// What each was allowed.
    good: Vec<(u64, RequestKey)>,
    /// Those that an answer gave.
    given: HashSet<u64>,
}

impl Worked {
    /// What stands for a value.
    fn name(&self, value: &[u8]) -> u64 {
        self.hasher.hash_one(value)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Own>> {
        self.cases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what a case was allowed, and what it was given by that.
    fn note(&self, case: &Arc<str>, (request, key): (&Request, RequestKey), answer: &Value) {
        let mut cases = self.lock();
        let own = cases.entry(Arc::clone(case)).or_default();
        let sent = Credentials::of(request);
        own.good.extend(sent.all().map(|value| (self.name(value), key)));
        let mut open = vec![answer];
        while let Some(value) = open.pop() {
            match value {
                Value::String(text) => {
                    own.given.insert(self.name(text.as_bytes()));
                }
                Value::Array(items) => open.extend(items),
                Value::Object(members) => open.extend(members.values()),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
    }

    /// What a case was allowed with some credentials; nothing where they need not have been good before: a password does not
    /// end by waiting, and what is sent in a body alone, where a token may be good once, was given by an answer of the case.
    fn earlier(&self, case: &Arc<str>, sent: &Credentials) -> Option<Vec<RequestKey>> {
        let cases = self.lock();
        let own = cases.get(case);
        let is_given = |value: &Vec<u8>| own.is_some_and(|own| own.given.contains(&self.name(value)));
        if sent.in_fields.iter().all(|value| is_password(value)) && sent.in_body.iter().all(is_given) {
            return None;
        }
        let names: Vec<u64> = sent.all().map(|value| self.name(value)).collect();
        let good = own.into_iter().flat_map(|own| &own.good);
        Some(good.filter(|(name, _)| names.contains(name)).map(|(_, key)| *key).collect())
    }
}

fn is_password(value: &[u8]) -> bool {
    value.get(..6).is_some_and(|word| word.eq_ignore_ascii_case(b"basic "))
}

/// What a request may prove somebody with.
#[derive(Debug, Default)]
struct Credentials {
    /// In its head: its `Authorization` where it has one, which is all then, else what stands where credentials do.
    in_fields: Vec<Vec<u8>>,
    in_body: Vec<Vec<u8>>,
}

impl Credentials {
    fn of(request: &Request) -> Self {
        if request.headers.has("authorization") {
            let in_fields = request.headers.all("authorization").map(|value| value.to_vec()).collect();
            return Self { in_fields, in_body: Vec::new() };
        }
        let mut in_fields: Vec<Vec<u8>> = Vec::new();
        for (name, value) in request.headers.iter() {
            if name.eq_ignore_ascii_case("cookie") {
                in_fields.extend(value.split(|b| *b == b';').map(|pair| pair.trim_ascii().to_vec()));
            } else if !is_asked(name) && may_prove(name) {
                in_fields.push(value.to_vec());
            }
        }
        let query = request.address.url().query().unwrap_or_default().as_bytes();
        let query = url::form_urlencoded::parse(query).filter(|(name, _)| is_credential_name(name));
        in_fields.extend(query.map(|(_, value)| value.as_bytes().to_vec()));
        let body = fields_of(request).into_iter().filter(|(name, _)| is_credential_name(name));
        Self { in_fields, in_body: body.map(|(_, value)| value.into_bytes()).collect() }
    }

    fn all(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.in_fields.iter().chain(&self.in_body)
    }
}

impl StepRun<'_> {
    /// Tells whether the case has waited by now, as a step of it says.
    fn has_waited(&self) -> bool {
        let Some(case) = self.case.filter(|_| self.phase == Phase::Case) else { return false };
        let steps = &self.shared.plan.cases[case].shape.steps;
        let so_far = steps.get(..=self.within.place()).unwrap_or(steps);
        so_far.iter().flat_map(|step| [vec![step], step.sending()].concat()).any(|step| step.pause.is_some())
    }

    /// Notes that a credential is good, in a case that waits: it may be written by hand later.
    pub(super) fn note_worked(&self, trail: &Trail, key: RequestKey) {
        let waits = |case: usize| self.shared.plan.cases[case].shape.pauses();
        if let (Some(request), true) = (trail.request(), self.case.is_some_and(waits)) {
            let body = trail.response().map(|response| &response.body[..]).unwrap_or_default();
            let answer = serde_json::from_slice(body).unwrap_or_default();
            self.shared.worked.note(self.label, (request, key), &answer);
        }
    }

    /// What is known of the credential of a refused request when its case had waited before, with what it was allowed earlier.
    pub(super) fn waited(&self, actor: &Actor, sender: Sender, trail: &Trail) -> (Waited, Vec<RequestKey>) {
        if !self.has_waited() {
            return (Waited::No, actor.allowed.clone());
        }
        if matches!(sender, Sender::Identity { .. }) {
            let waited = if self.is_disturbed(actor, trail) { Waited::Disturbed } else { Waited::No };
            return (waited, actor.allowed.clone());
        }
        let sent = trail.request().map(Credentials::of).unwrap_or_default();
        match self.shared.worked.earlier(self.label, &sent) {
            Some(earlier) => (Waited::ByHand, earlier),
            None => (Waited::No, actor.allowed.clone()),
        }
    }

    /// Tells whether the session of a case that waits may have been ended by what the run did with it meanwhile: another case
    /// ended it, or a newer one was made of it, after which it was not seen alive. That it was over by itself by then has to be
    /// what the server says, too.
    fn is_disturbed(&self, actor: &Actor, trail: &Trail) -> bool {
        let Who::Identity(id, session, Ownership::Still) = &actor.who else { return false };
        let ender = self.shared.ledger.ender(*id);
        if ender.is_some_and(|ender| ender.session == session.number && ender.case != *self.label) {
            return true;
        }
        if !self.shared.sessions.newer(*id, session.generation) {
            return false;
        }
        let outlived = self
            .shared
            .sessions
            .made(*id)
            .is_some_and(|newer| self.shared.ledger.was_good_after(session.number, newer.began));
        let is_over = session.credential.expires.is_some_and(|end| end <= jiff::Timestamp::now());
        let has_ended = is_over && calls_it_expired(trail);
        !outlived && !has_ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Address, Headers};

    fn values(fields: &[(&str, &str)], path: &str, body: &str) -> Vec<String> {
        let mut headers = Headers::default();
        fields.iter().for_each(|(name, value)| headers.add((*name).to_owned(), (*value).to_owned()));
        let address = Address::parse(&format!("http://a{path}")).unwrap();
        let request = Request { method: "POST".into(), address, headers, body: bytes::Bytes::from(body.to_owned()) };
        Credentials::of(&request).all().map(|value| String::from_utf8(value.clone()).unwrap()).collect()
    }

    #[test]
    fn a_credential_is_found_where_it_is_written() {
        assert_eq!(values(&[("Authorization", "Bearer a"), ("Cookie", "b=c")], "/?token=d", ""), ["Bearer a"]);
        assert_eq!(values(&[("Accept", "*/*"), ("X-Api-Key", "k"), ("X-Tenant", "t")], "/", ""), ["k"]);
        assert_eq!(values(&[("Cookie", "a=b; sid=1")], "/?page=2&access_token=d", ""), ["a=b", "sid=1", "d"]);
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        assert_eq!(values(&[form], "/", "id=1&token=x"), ["x"]);
        let json = [("Content-Type", "application/json"), ("Content-Length", "22")];
        assert_eq!(values(&json, "/", r#"{"id":"1","token":"y"}"#), ["y"]);
    }
}
