//! An answer to HEAD where a refusal is told by the body alone: of that it has no more than the fields.
//!
//! They are those of the answer to GET (RFC 9110, section 9.3.2), so that the length and the tag say which of two answers it
//! stands for, where these differ in them.

use bytes::Bytes;

use super::actor::{Actor, Ownership};
use super::detour::{Detour, Reached};
use super::exchange::StepRun;
use super::mutant::{Controlled, Trial};
use crate::check::Stance;
use crate::http::{Exchange, Headers, Response, Trail};

/// Fields that stand for the body of an answer.
const TELLING: [&str; 2] = ["content-length", "etag"];

impl StepRun<'_> {
    /// Tells what an answer to HEAD stands for that is neither a refusal nor anything else by its status and fields; nothing
    /// of one that can be judged like any other.
    pub(super) async fn bodiless(
        &self,
        trial: &Trial<'_>,
        actor: &Actor,
        detour: &Detour<'_>,
        controlled: &Controlled,
    ) -> Option<Reached> {
        let (sent, response) = (detour.trail.request()?, detour.trail.response()?);
        let (_, before) = controlled.before.as_ref()?;
        let is_head = sent.method == "HEAD" && response.status / 100 == 2;
        let refused = before.headers.as_ref().filter(|_| is_head && before.denied && before.is_2xx())?;
        let status = before.status.filter(|status| !self.is_denied_by(trial, actor, detour, (*status, refused)))?;
        if status != response.status {
            return Some(Reached::Unseen);
        }
        let mut allowed = Vec::new();
        for id in &trial.mutant.allowed {
            let Ok(session) = self.shared.sessions.get(self.shared, *id).await else { continue };
            let somebody = Actor::of(*id, &session, Ownership::Still);
            let what = self.same(trial, &somebody, detour.prepared);
            let observed = self.probe(trial, &somebody, what).observe(self.shared).await;
            allowed.extend(observed.headers.filter(|_| observed.granted));
        }
        Some(likened(&response.headers, refused, &allowed))
    }

    /// Tells whether `outcomes` calls an answer a refusal by its status and fields alone.
    fn is_denied_by(
        &self,
        trial: &Trial<'_>,
        actor: &Actor,
        detour: &Detour<'_>,
        (status, headers): (u16, &Headers),
    ) -> bool {
        let Some(last) = detour.trail.hops.last() else { return false };
        let response = Response { status, version: "HTTP/1.1", headers: headers.clone(), body: Bytes::new() };
        let trail = Trail { hops: vec![Exchange { response: Ok(response), ..last.clone() }], ..Trail::default() };
        self.denial_of(trial.step, actor, &trail, &[Stance::Identity, Stance::Anonymous]).is_some()
    }
}

/// Which of two answers one without a body stands for, by the fields in which these differ.
fn likened(head: &Headers, refused: &Headers, allowed: &[Headers]) -> Reached {
    if allowed.is_empty() {
        return Reached::Unseen;
    }
    let of = |name: &&str| {
        let own = head.text(name)?;
        let is_it = |other: &Headers| other.text(name).is_some_and(|other| other == own);
        match (is_it(refused), allowed.iter().any(is_it)) {
            (true, false) => Some(Reached::AsRefused),
            (false, true) => Some(Reached::Guarded),
            _ => None,
        }
    };
    let told: Vec<Reached> = TELLING.iter().filter_map(of).collect();
    match told.first() {
        Some(first) if told.iter().all(|other| other == first) => *first,
        _ => Reached::Unseen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_a_body_is_told_by_what_stands_for_it() {
        let fields = |length: Option<&str>, tag: Option<&str>| {
            let mut headers = Headers::default();
            length.iter().for_each(|length| headers.add("Content-Length", (*length).to_owned()));
            tag.iter().for_each(|tag| headers.add("ETag", (*tag).to_owned()));
            headers
        };
        let (no, yes) = (fields(Some("18"), Some("n")), fields(Some("32"), Some("y")));
        let of = |head: &Headers| likened(head, &no, std::slice::from_ref(&yes));
        assert_eq!((of(&no), of(&yes)), (Reached::AsRefused, Reached::Guarded));
        assert_eq!(of(&fields(Some("32"), None)), Reached::Guarded);
        for neither in [fields(None, None), fields(Some("0"), None), fields(Some("18"), Some("y"))] {
            assert_eq!(of(&neither), Reached::Unseen, "{neither:?}");
        }
        assert_eq!(likened(&no, &no, std::slice::from_ref(&no)), Reached::Unseen, "both are as long");
        assert_eq!(likened(&no, &no, &[]), Reached::Unseen, "nobody is known who is allowed");
    }
}
