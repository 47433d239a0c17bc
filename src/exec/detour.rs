//! Where a way around a refusal led: to the guarded thing, or to what is there for everybody.
//!
//! A 2xx alone says little. A single-page application answers any path with its index page, and a gateway may answer
//! all that it lets in with the same words. So the answer is held against what somebody gets who is allowed, and then
//! against what the caller gets at paths that do not exist, without the detour.

use std::collections::BTreeSet;

use bytes::Bytes;
use jiff::Timestamp;

use super::access::{Said, said};
use super::actor::{Actor, Ownership};
use super::control::{Probe, What};
use super::exchange::{StepRun, count};
use super::kit::Holder;
use super::mutant::{Controlled, Trial};
use super::observed::{Observed, digest};
use crate::http::jar::{Jar, Selection, SendContext};
use crate::http::{Address, Headers, Request, Response, Trail, Transport, is_redirect, is_safe};
use crate::mutate::Aim;
use crate::plan::Mutant;
use crate::step::Prepared;

/// The last part of a path that is not there.
pub(super) const NO_SUCH_PATH: &str = "authspec-no-such-path";

/// Where a detour led.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// To what is guarded, as far as can be told.
    Guarded,
    /// By a redirect to a page that refuses, with this status.
    Refused(u16),
    /// To what is there anyway.
    Elsewhere,
    /// To the refusal of the plain request, by the fields of an answer without a body.
    AsRefused,
    /// It cannot be told.
    Unclear,
    /// It cannot be told without a body.
    Unseen,
}

/// The requests that a detour is judged by.
pub(super) struct Detour<'a> {
    /// What the step asks for, before the credential is on it.
    pub(super) prepared: &'a Prepared,
    /// The same as it would have left, without the detour.
    pub(super) dressed: &'a Request,
    /// What was sent, and what came back.
    pub(super) trail: &'a Trail,
    /// The head of what was sent, where that left byte for byte.
    pub(super) head: Option<Bytes>,
    /// How the caller was refused what was sent without the detour.
    pub(super) refused: Option<u16>,
    /// The connections of the sender.
    pub(super) transport: &'a Transport,
    /// Who sends it.
    pub(super) sender: Holder<'a>,
}

impl StepRun<'_> {
    /// Tells where a detour led that was answered 2xx, or with a redirect that lets nobody in by itself.
    pub(super) async fn reached(&self, trial: &Trial<'_>, detour: &Detour<'_>) -> Reached {
        let (Some(sent), Some(response)) = (detour.trail.request(), detour.trail.response()) else {
            return Reached::Elsewhere;
        };
        if let Some(status) = self.sent_back(trial, detour).await {
            return Reached::Refused(status);
        }
        let onward = onward(sent, response).filter(|_| said(trial.step, detour.trail) != Said::SentAway);
        if onward.is_none() && response.status / 100 != 2 {
            return Reached::Elsewhere;
        }
        let body = Some(&response.body).filter(|body| !body.is_empty()).map(|body| digest(body));
        if is_echo(sent, response) {
            return Reached::Guarded;
        }
        let allowed = self.allowed(trial, detour.prepared).await;
        if let Some(onward) = onward.filter(|_| !body.is_some_and(|body| allowed.contains(&body))) {
            return self.onward(trial, detour, onward, &allowed).await;
        }
        let (mut others, mut statuses) = (Vec::new(), Vec::new());
        for target in made_up(sent, detour.dressed) {
            // Another site is asked at that site.
            let like = if site(sent) == site(detour.dressed) { detour.dressed } else { sent };
            let trail = self.plainly(trial, detour, (like, &sent.method), target).await;
            others.extend(trail.response().filter(|r| r.status / 100 == 2).map(|r| digest(&r.body)));
            statuses.extend(trail.response().map(|r| r.status));
        }
        // Something else was done than is done anyway, as 204 of DELETE beside 200 of POST.
        if !is_safe(&detour.dressed.method) && !statuses.contains(&response.status) {
            return Reached::Guarded;
        }
        judge(body, &allowed, &others)
    }

    /// Goes on where a redirect leads, as the caller and without the detour: that shows what it is worth.
    async fn onward(&self, trial: &Trial<'_>, detour: &Detour<'_>, first: Address, allowed: &[u64]) -> Reached {
        const LONGEST: usize = 5;
        let method = detour.trail.request().map_or("GET", |sent| &sent.method);
        let mut address = first;
        // Who is let in by a redirect holds what it set.
        let mut jar = Jar::new();
        keep_cookies(&mut jar, detour.trail);
        for _ in 0..LONGEST {
            if address.origin() != detour.dressed.address.origin() {
                return Reached::Unclear;
            }
            let mut like = detour.dressed.clone();
            add_cookies(&mut jar, &mut like.headers, &address);
            let trail = self.plainly(trial, detour, (&like, method), address).await;
            let (Some(sent), Some(response)) = (trail.request(), trail.response()) else { return Reached::Unclear };
            keep_cookies(&mut jar, &trail);
            match (onward(sent, response), response.status / 100) {
                (Some(next), _) => address = next,
                _ if said(trial.step, &trail) == Said::SentAway => return Reached::Refused(response.status),
                (None, 4) => return Reached::Refused(response.status),
                (None, 2) if !response.body.is_empty() => {
                    let guarded = allowed.contains(&digest(&response.body));
                    return if guarded { Reached::Guarded } else { Reached::Unclear };
                }
                (None, _) => return Reached::Unclear,
            }
        }
        Reached::Unclear
    }

    /// Tells whether a bad credential got the redirect that nobody gets as well, wherever that leads to log in, and going
    /// on from there does not end at what is guarded.
    pub(super) async fn sent_as_nobody(&self, trial: &Trial<'_>, detour: &Detour<'_>, controlled: &Controlled) -> bool {
        let (Some(sent), Some(response)) = (detour.trail.request(), detour.trail.response()) else { return false };
        let nobody = controlled.without.as_ref().filter(|without| !without.granted);
        let good = controlled.good_body();
        let (true, Some(good)) = (nobody.is_some_and(|nobody| is_same_redirect(response, nobody)), good) else {
            return false;
        };
        let Some(first) = onward(sent, response).filter(|_| said(trial.step, detour.trail) != Said::SentAway) else {
            return false;
        };
        let as_sent = Detour { dressed: sent, head: None, ..*detour };
        self.onward(trial, &as_sent, first, &[good]).await != Reached::Guarded
    }

    /// Tells whether the way to the login that a bad credential got is a way in: it brings a session by which the guarded
    /// thing is given, and not to somebody who comes without any credential and goes the same way.
    pub(super) async fn leads_in(&self, trial: &Trial<'_>, detour: &Detour<'_>, controlled: &Controlled) -> bool {
        let (Some(sent), Some(response)) = (detour.trail.request(), detour.trail.response()) else { return false };
        let refused = controlled.without.as_ref().is_some_and(|without| !without.granted);
        if !refused || !is_redirect(response.status) || !is_safe(&detour.dressed.method) {
            return false;
        }
        let mut nobody = detour.dressed.clone();
        ["cookie", "authorization"].iter().for_each(|name| nobody.headers.remove(name));
        self.gets_in(trial, detour, (sent, response)).await && {
            let trail = self.plainly(trial, detour, (&nobody, &nobody.method), nobody.address.clone()).await;
            match (trail.request(), trail.response()) {
                (Some(sent), Some(response)) => !self.gets_in(trial, detour, (sent, response)).await,
                _ => false,
            }
        }
    }

    /// Goes where a redirect leads, and asks for what is guarded with no more than what was set on the way.
    async fn gets_in(&self, trial: &Trial<'_>, detour: &Detour<'_>, (sent, response): (&Request, &Response)) -> bool {
        const LONGEST: usize = 5;
        let mut jar = Jar::new();
        let keep = |jar: &mut Jar, from: &Request, fields: &Headers| {
            fields.all("set-cookie").for_each(|field| drop(jar.store(field, from.address.url(), Timestamp::now())));
        };
        keep(&mut jar, sent, &response.headers);
        let mut next = onward(sent, response);
        for _ in 0..LONGEST {
            let Some(address) = next.filter(|to| to.origin() == detour.dressed.address.origin()) else { break };
            let mut like = sent.clone();
            add_cookies(&mut jar, &mut like.headers, &address);
            let trail = self.plainly(trial, detour, (&like, "GET"), address).await;
            let (Some(sent), Some(response)) = (trail.request(), trail.response()) else { break };
            keep(&mut jar, sent, &response.headers);
            next = onward(sent, response);
        }
        if jar.is_empty(Timestamp::now()) {
            return false;
        }
        let mut like = sent.clone();
        add_cookies(&mut jar, &mut like.headers, &detour.dressed.address);
        let guarded = detour.dressed.address.clone();
        let trail = self.plainly(trial, detour, (&like, &detour.dressed.method), guarded).await;
        trail.response().is_some_and(|r| r.status / 100 == 2) && said(trial.step, &trail) == Said::Allowed
    }

    /// Asks for another address as the caller, without the detour.
    async fn plainly(
        &self,
        trial: &Trial<'_>,
        detour: &Detour<'_>,
        (like, method): (&Request, &str),
        address: Address,
    ) -> Trail {
        let mut request = Request { method: method.to_owned(), address, ..like.clone() };
        detour.sender.renew_proof_here(&mut request);
        let trail = self.post(request, None, trial.step, detour.transport).await;
        self.shared.limits.count(count(&trail));
        trail
    }

    /// Tells whether a path with a session id in it was answered 2xx for that id: the same path with a made-up one says so.
    pub(super) async fn by_id(&self, trial: &Trial<'_>, detour: &Detour<'_>, id: &str, good: Option<u64>) -> Reached {
        let (Some(sent), Some(response)) = (detour.trail.request(), detour.trail.response()) else {
            return Reached::Elsewhere;
        };
        let (base, target) = (sent.address.base(), sent.address.target());
        // An id that had to be escaped is cut off with all that follows.
        let cut = || format!("{}=authspec-no-such-id", target.rsplit_once('=').map_or(target, |(before, _)| before));
        let other = if target.contains(id) { target.replace(id, "authspec-no-such-id") } else { cut() };
        let Some(address) = Address::parse(&format!("{base}{other}")).ok().filter(|_| response.status / 100 == 2)
        else {
            return Reached::Elsewhere;
        };
        let mut request = Request { address, ..sent.clone() };
        detour.sender.renew_proof_here(&mut request);
        let trail = self.post(request, None, trial.step, detour.transport).await;
        self.shared.limits.count(count(&trail));
        let other = trail.response().filter(|r| r.status / 100 == 2).map(|r| digest(&r.body));
        let body = Some(&response.body).filter(|body| !body.is_empty()).map(|body| digest(body));
        judge(body, good.as_slice(), other.as_slice())
    }

    /// What those get who are allowed, where the case names them; nothing of an empty body.
    async fn allowed(&self, trial: &Trial<'_>, prepared: &Prepared) -> Vec<u64> {
        let mut bodies = Vec::new();
        if !is_safe(&prepared.request.method) {
            // What changes something is not done once more to see what comes of it.
            return bodies;
        }
        for id in &trial.mutant.allowed {
            let Ok(session) = self.shared.sessions.get(self.shared, *id).await else { continue };
            let actor = Actor::of(*id, &session, Ownership::Still);
            let what = self.same(trial, &actor, prepared);
            let Observed { granted, body, .. } = self.probe(trial, &actor, what).observe(self.shared).await;
            bodies.extend(body.filter(|_| granted));
        }
        bodies
    }

    /// Asks for what is guarded as somebody who is allowed, where the case names one and is
    /// about ways around a refusal.
    pub(super) async fn probe_allowed(&self, trial: &Trial<'_>, prepared: &Prepared) -> Option<Probe> {
        // What was made for this cell alone may be gone when all are tried: a cell that was let in shows the same.
        let fresh =
            self.cell().and_then(|(case, ..)| self.shared.plan.row_of(case)).is_some_and(|r| !r.given.is_empty());
        let around = trial.mutant.row.aim == Aim::Bypass && is_safe(&prepared.request.method) && !fresh;
        let id = *trial.mutant.allowed.first().filter(|_| around)?;
        let session = self.shared.sessions.get(self.shared, id).await.ok()?;
        let actor = Actor::of(id, &session, Ownership::Still);
        Some(self.probe(trial, &actor, self.same(trial, &actor, prepared)))
    }

    /// The name by which the server knows somebody who is allowed.
    pub(super) async fn name_of_allowed(&self, mutant: &Mutant) -> Option<String> {
        let id = *mutant.allowed.first()?;
        let session = self.shared.sessions.get(self.shared, id).await.ok()?;
        let field = |name: &str| session.fields.iter().find(|(n, _)| &**n == name).map(|(_, value)| value.clone());
        let known = ["username", "user", "login", "email", "id"].into_iter().find_map(field);
        Some(known.unwrap_or_else(|| self.shared.plan.identities[id.0 as usize].name.to_string()))
    }

    /// A control of a case, sent as somebody.
    pub(super) fn probe(&self, trial: &Trial<'_>, actor: &Actor, what: What) -> Probe {
        Probe::new((trial.case, trial.mutant.step), actor, self.scope, what, self.owner(actor))
    }
}

/// Where an answer sends on without having done anything: a redirect of a request that only reads, or one that asks for
/// the same request elsewhere (RFC 9110, sections 15.4.8 and 15.4.9).
fn onward(sent: &Request, response: &Response) -> Option<Address> {
    let undone = is_safe(&sent.method) || matches!(response.status, 307 | 308);
    let location = response.headers.text("location").filter(|_| is_redirect(response.status) && undone)?;
    sent.address.join(&location).ok()
}

/// Tells whether an answer is the redirect that somebody else got, and sets no more than that did.
fn is_same_redirect(response: &Response, other: &Observed) -> bool {
    let Some(headers) = other.headers.as_ref().filter(|_| other.status == Some(response.status)) else { return false };
    let to = response.headers.text("location").filter(|_| is_redirect(response.status));
    to.is_some() && to == headers.text("location") && set(&response.headers).is_subset(&set(headers))
}

/// The names of the cookies that an answer sets to something.
fn set(headers: &Headers) -> BTreeSet<Vec<u8>> {
    let split = |field: &[u8]| {
        let pair = field.split(|byte| *byte == b';').next().unwrap_or_default();
        let at = pair.iter().position(|byte| *byte == b'=')?;
        (!pair[at + 1..].trim_ascii().is_empty()).then(|| pair[..at].trim_ascii().to_vec())
    };
    headers.all("set-cookie").filter_map(|field| split(field)).collect()
}

/// Keeps what an answer sets.
fn keep_cookies(jar: &mut Jar, trail: &Trail) {
    let (Some(sent), Some(response)) = (trail.request(), trail.response()) else { return };
    response.headers.all("set-cookie").for_each(|field| drop(jar.store(field, sent.address.url(), Timestamp::now())));
}

/// Adds what was set on the way to what the caller sends anyway.
fn add_cookies(jar: &mut Jar, headers: &mut Headers, to: &Address) {
    let mut selection = Selection::default();
    let own = headers.text("cookie").unwrap_or_default();
    own.split("; ").filter_map(|pair| pair.split_once('=')).for_each(|(n, v)| selection.put(n, v.as_bytes()));
    let set = jar.cookies_for(to.url(), Timestamp::now(), SendContext::default());
    set.sent.iter().for_each(|cookie| selection.put(&cookie.name.to_string(), cookie.value.as_bytes()));
    if let Some(header) = selection.header() {
        headers.set("cookie", header);
    }
}

/// Tells whether an answer repeats the request (RFC 9110, section 9.3.8): that it does is what is asked.
fn is_echo(sent: &Request, response: &Response) -> bool {
    sent.method == "TRACE" && response.headers.text("content-type").is_some_and(|t| t.starts_with("message/http"))
}

/// The site that a request is for, as a proxy may read it.
fn site(request: &Request) -> [Option<String>; 2] {
    let own = request.address.host();
    ["host", "x-forwarded-host"].map(|name| request.headers.text(name).filter(|site| *site != own))
}

/// Paths that are not there: beside what is guarded, and at the root. Where the detour is a field, so that the path is
/// another one already, that path itself; where it is another method, the path under that method alone.
fn made_up(sent: &Request, plain: &Request) -> Vec<Address> {
    let path = plain.address.path().trim_end_matches('/');
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut targets = vec![format!("{folder}/{NO_SUCH_PATH}")];
    if !folder.is_empty() {
        targets.push(format!("/{NO_SUCH_PATH}"));
    }
    if sent.address.path() == "/" {
        targets.push("/".to_owned());
    }
    let base = plain.address.base();
    if sent.method != plain.method && !is_safe(&plain.method) {
        targets.push(plain.address.target().to_owned());
    }
    targets.iter().filter_map(|target| Address::parse(&format!("{base}{target}")).ok()).collect()
}

/// Holds an answer against those of somebody who is allowed, and those of paths that are not there.
fn judge(body: Option<u64>, allowed: &[u64], others: &[u64]) -> Reached {
    match body {
        Some(body) if allowed.contains(&body) => Reached::Guarded,
        _ if others.is_empty() => Reached::Guarded,
        // What is guarded looks otherwise, and this is what there is anyway.
        Some(body) if !allowed.is_empty() && others.contains(&body) => Reached::Elsewhere,
        Some(_) | None => Reached::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_what_it_is_like() {
        assert_eq!(judge(Some(1), &[1], &[]), Reached::Guarded);
        assert_eq!(judge(Some(1), &[1], &[1]), Reached::Guarded, "one body for all is no excuse");
        assert_eq!(judge(Some(2), &[1], &[2, 3]), Reached::Elsewhere);
        assert_eq!(judge(Some(2), &[], &[2]), Reached::Unclear, "nobody is known who is allowed");
        assert_eq!(judge(Some(2), &[1], &[3]), Reached::Unclear, "pages that change");
        assert_eq!(judge(None, &[1], &[4]), Reached::Unclear, "an empty body is like nothing");
        assert_eq!(judge(None, &[1], &[]), Reached::Guarded);
        assert_eq!(judge(Some(2), &[1], &[]), Reached::Guarded);
    }

    #[test]
    fn paths_are_made_up_beside_and_above() {
        let at = |url: &str| Request {
            method: "GET".to_owned(),
            address: Address::parse(url).unwrap(),
            headers: crate::http::Headers::default(),
            body: bytes::Bytes::new(),
        };
        let targets = |sent: &str, plain: &str| -> Vec<String> {
            made_up(&at(sent), &at(plain)).iter().map(|a| a.target().to_owned()).collect()
        };
        let (deep, root) = ("http://a/app/secret?x=1", "http://a/secret/");
        assert_eq!(targets("http://a/app/secret.json", deep), ["/app/authspec-no-such-path", "/authspec-no-such-path"]);
        assert_eq!(targets(root, root), ["/authspec-no-such-path"]);
        assert_eq!(targets("http://a/", root), ["/authspec-no-such-path", "/"]);
        // What POST does without another method in a field, it does also with it.
        let delete = Request { method: "DELETE".to_owned(), ..at("http://a/b/c") };
        let post = Request { method: "POST".to_owned(), ..at("http://a/b/c") };
        assert_eq!(made_up(&post, &delete).last().map(Address::target), Some("/b/c"));
    }
}
