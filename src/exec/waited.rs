//! Refusals after a wait: a case that pauses is about the end of a credential, which counts only where that was seen good in the
//! case before, and where nothing else of the run is known to have ended it.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::access::{is_asked, may_hold_credential};
use super::actor::{Actor, Ownership, Who};
use super::exchange::StepRun;
use super::ledger::{RequestKey, Sender, Waited};
use super::renew::calls_it_expired;
use crate::event::Phase;
use crate::http::{Headers, Request, Trail};
use crate::secret::structure::is_credential_name;

/// What stands for a credential, and what it was allowed.
type Good = (u64, RequestKey);

/// What credentials were allowed in the cases that wait; no value is kept.
#[derive(Debug, Default)]
pub(super) struct Worked {
    hasher: RandomState,
    cases: Mutex<HashMap<Arc<str>, Vec<Good>>>,
    /// What the answers of such cases gave, by what stands for it.
    given: Mutex<HashMap<Arc<str>, HashSet<u64>>>,
}

impl Worked {
    fn note(&self, case: &Arc<str>, request: &Request, key: RequestKey) {
        let mut cases = self.cases.lock().unwrap_or_else(PoisonError::into_inner);
        let own = cases.entry(Arc::clone(case)).or_default();
        own.extend(credentials(request).iter().map(|value| (self.hasher.hash_one(value), key)));
    }

    fn note_given(&self, case: &Arc<str>, answer: &Value) {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let own = given.entry(Arc::clone(case)).or_default();
        let mut open = vec![answer];
        while let Some(value) = open.pop() {
            match value {
                Value::String(text) => drop(own.insert(self.hasher.hash_one(text.as_bytes()))),
                Value::Array(items) => open.extend(items),
                Value::Object(members) => open.extend(members.values()),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
    }

    /// Tells whether an answer of a case gave all of these.
    fn were_given(&self, case: &Arc<str>, values: &[Vec<u8>]) -> bool {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.get(case).is_some_and(|own| values.iter().all(|value| own.contains(&self.hasher.hash_one(&value[..]))))
    }

    /// What a case was allowed with the credential of a request.
    fn earlier(&self, case: &Arc<str>, values: &[Vec<u8>]) -> Vec<RequestKey> {
        let names: Vec<u64> = values.iter().map(|value| self.hasher.hash_one(value)).collect();
        let cases = self.cases.lock().unwrap_or_else(PoisonError::into_inner);
        let own = cases.get(case).into_iter().flatten();
        own.filter(|(name, _)| names.contains(name)).map(|(_, key)| *key).collect()
    }
}

/// What a request may prove somebody with: its `Authorization` where it has one, else what stands where credentials do.
fn credentials(request: &Request) -> Vec<Vec<u8>> {
    if request.headers.has("authorization") {
        return request.headers.all("authorization").map(|value| value.to_vec()).collect();
    }
    let mut all: Vec<Vec<u8>> = Vec::new();
    for (name, value) in request.headers.iter() {
        if name.eq_ignore_ascii_case("cookie") {
            all.extend(value.split(|b| *b == b';').map(|pair| pair.trim_ascii().to_vec()));
        } else if !is_asked(name) && !name.eq_ignore_ascii_case("content-length") && may_hold_credential(&one(name)) {
            all.push(value.to_vec());
        }
    }
    let query = request.address.url().query().unwrap_or_default().as_bytes();
    let form = if request.is_form() { &request.body[..] } else { &[] };
    for (name, value) in url::form_urlencoded::parse(query).chain(url::form_urlencoded::parse(form)) {
        if is_credential_name(&name) {
            all.push(value.as_bytes().to_vec());
        }
    }
    if let Ok(Value::Object(members)) = serde_json::from_slice(&request.body) {
        let own = members.iter().filter(|(name, _)| is_credential_name(name));
        all.extend(own.filter_map(|(_, value)| Some(value.as_str()?.as_bytes().to_vec())));
    }
    all
}

fn one(name: &str) -> Headers {
    let mut headers = Headers::default();
    headers.add(name.to_owned(), Vec::new());
    headers
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
            self.shared.worked.note(self.label, request, key);
            let body = trail.response().map(|response| &response.body[..]).unwrap_or_default();
            if let Ok(answer) = serde_json::from_slice(body) {
                self.shared.worked.note_given(self.label, &answer);
            }
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
        let values = trail.request().map(credentials).unwrap_or_default();
        // A password does not end by waiting, and a refresh token that is taken once cannot be tried before.
        let is_password = |value: &Vec<u8>| value.get(..6).is_some_and(|word| word.eq_ignore_ascii_case(b"basic "));
        let stands_in_body = trail.request().is_some_and(|request| {
            let holds =
                |value: &Vec<u8>| !value.is_empty() && request.body.windows(value.len()).any(|part| part == value);
            values.iter().all(holds)
        });
        let is_given = || stands_in_body && self.shared.worked.were_given(self.label, &values);
        if values.iter().all(is_password) || is_given() {
            return (Waited::No, actor.allowed.clone());
        }
        (Waited::ByHand, self.shared.worked.earlier(self.label, &values))
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
    use crate::http::Address;

    fn values(fields: &[(&str, &str)], path: &str, body: &str) -> Vec<String> {
        let mut headers = Headers::default();
        fields.iter().for_each(|(name, value)| headers.add((*name).to_owned(), (*value).to_owned()));
        let address = Address::parse(&format!("http://a{path}")).unwrap();
        let request = Request { method: "POST".into(), address, headers, body: bytes::Bytes::from(body.to_owned()) };
        credentials(&request).into_iter().map(|value| String::from_utf8(value).unwrap()).collect()
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
