//! What else than its change may have refused a changed login, refresh or logout, or than its defect a request.

use std::time::Duration;

use jiff::Timestamp;

use super::control::Probe;
use super::done::{Done, Ended};
use super::drive::Driven;
use super::exchange::StepRun;
use super::ledger::Sender;
use super::scheme::leaves_open;
use super::talked::Gave;
use super::tried::Tried;
use super::variation::{Talking, Variation};
use crate::auth::wants_nonce;
use crate::event::Reason;
use crate::http::{Request, Trail, is_safe};
use crate::jose::unverified_claims;
use crate::mutate::{Expect, Mutation};
use crate::spec::{Handshake, Talk};
use crate::step::{Ask, Step};

/// How often a talk is made again alone whose nonce others used up.
const TURNS: u32 = 4;

/// What is waited for before that.
pub(super) const NONCE: &str = "the others who are asked for a nonce";

/// How often a talk was made again for a nonce.
#[derive(Debug, Default)]
pub(super) struct Turns(u32);

impl Turns {
    /// How long to wait for the others before a talk is made once more; nothing where it was not asked for a nonce again,
    /// or that is what it is about. Logins that go on at once may use up the nonces of one another, where a server has
    /// one for all.
    pub(super) fn with(&mut self, talking: &Talking<'_>, driven: &Driven) -> Option<Duration> {
        let takes_part =
            talking.answers == Handshake::On && talking.variations.iter().all(|v| !is_nonce(v.parameter()));
        let begins_anew = match talking.talk {
            Talk::Login => true,
            // Whoever asks for a nonce has taken nothing.
            Talk::Refresh => !leaves_open(&driven.done),
            Talk::Logout => false,
        };
        if takes_part && begins_anew { self.again(driven) } else { None }
    }

    /// The same of a login that changes nothing.
    pub(super) fn again(&mut self, driven: &Driven) -> Option<Duration> {
        let asks = driven.done.last.as_ref().is_some_and(|trail| lost_nonce(trail));
        if driven.credential.is_some() || !asks || self.0 == TURNS {
            return None;
        }
        self.0 += 1;
        Some(Duration::from_millis(25 << (2 * (self.0 - 1))))
    }
}

/// Tells whether a parameter is the nonce of a proof, or the proof as a whole.
fn is_nonce(parameter: &str) -> bool {
    ["dpop", "dpop.nonce"].iter().any(|own| parameter.eq_ignore_ascii_case(own))
}

/// Tells whether what was asked to the last was another nonce, of a request that had a proof.
pub(super) fn proves_in_vain(trail: &Trail) -> bool {
    asks_for_nonce(trail) && trail.request().is_some_and(|request| request.headers.has("dpop"))
}

/// Tells whether the nonce of a proof was no good any more, as where others used it up: who is asked for the very nonce
/// that was sent gains nothing by sending it once more (RFC 9449, section 8).
pub(super) fn lost_nonce(trail: &Trail) -> bool {
    let sent = trail.hops.last().and_then(|hop| unverified_claims(&hop.request.headers.text("dpop")?));
    let sent = sent.as_ref().and_then(|claims| claims["nonce"].as_str());
    let wanted = trail.response().and_then(|response| response.headers.text("dpop-nonce"));
    proves_in_vain(trail) && (wanted.is_none() || wanted.as_deref() != sent)
}

/// What is known of a server that asks for another nonce to the last.
pub(super) const UNHEARD: &str = "the server asks for another nonce in the proof (`use_dpop_nonce`) also of whoever sends the one that it gave, which refuses nothing else";

const IN_TURN: &str =
    "with `-j 1` nobody uses up the nonce of another one; `handshake: off` expects the question itself";

fn asks_for_nonce(trail: &Trail) -> bool {
    trail.response().is_some_and(wants_nonce)
}

/// What is said where the credential under test is one of two.
pub(super) const BY_COOKIE: &str = "the session's cookie, which travels beside the credential, is let in by itself, so it cannot be told what the defect did";
/// The same of a cookie with the defect beside another one.
pub(super) const BY_OTHER: &str = "another cookie of the session, such as one that remembers people, is let in by itself, so it cannot be told what the defect did";

/// What is said of an answer to HEAD where a refusal is told by a body.
pub(super) const UNSEEN: &str = "an answer to HEAD has no body, and by that alone a refusal is told here; its length and tag do not say which answer it stands for";

/// What is said of a login page that comes in place of what is guarded, where nobody declared what that means.
pub(super) const LOGIN_PAGE: &str =
    "a login page came, as if nobody were logged in, and nothing says that this is how the application refuses";

/// The lines that say it.
pub(super) const AS_PAGE: [&str; 2] = [
    "if so, declare it under `outcomes.deny`: `anonymous: [ 401, { status: 200, html: { \"input[type=password]\": { exists: true } } } ]`",
    "and `identity: [ 403, { status: 200, html: { \"input[type=password]\": { exists: true } } } ]`, as a session that has ended is nobody's",
];

/// What is known of a refusal that says that nothing is there any more.
pub(super) const GONE: &str = "the refusal may have another cause: another defect of this group may be let in, and then what this one asks for is gone";

/// What may be a credential in the fields of a request: what follows the word of a scheme, cookies, and whole values.
fn written(request: &Request) -> Vec<String> {
    let texts = request.headers.iter().flat_map(|(name, value)| {
        let text = String::from_utf8_lossy(value).into_owned();
        if name.eq_ignore_ascii_case("cookie") {
            return text.split(';').filter_map(|pair| Some(pair.split_once('=')?.1.trim().to_owned())).collect();
        }
        let word = text.split_once(' ').map(|(_, rest)| rest.trim().to_owned());
        word.into_iter().chain([text]).collect::<Vec<_>>()
    });
    texts.collect()
}

impl StepRun<'_> {
    /// Why nothing was learnt of a server that asked for a nonce to the last, where that was not what the step is about.
    pub(super) fn unheard(&self, step: &Step, trail: &Trail) -> Option<Reason> {
        let Ask::Talk(_, vary) = &step.ask else { return None };
        if step.handshake == Handshake::Off || !asks_for_nonce(trail) || vary.iter().any(|v| is_nonce(&v.parameter)) {
            return None;
        }
        Some(self.reason("other-cause", UNHEARD, step.span, vec![IN_TURN.to_owned()]))
    }

    /// Takes back what the refusal of a plain request shows whose server asked for another nonce to the last.
    pub(super) fn doubt_nonce(&self, step: &Step, trail: &Trail, done: &mut Done) {
        if step.handshake == Handshake::Off || !proves_in_vain(trail) || !done.held() {
            return;
        }
        self.take_back(step, UNHEARD, IN_TURN, done);
    }

    /// Takes back what the refusal shows of something that was sent once more and was over by itself by then.
    pub(super) fn doubt_age(&self, step: &Step, variations: &[Variation], gave: Gave, done: &mut Done) {
        let is_over = |v: &&Variation| self.shared.spent.is_over(v.value(), Timestamp::now());
        let Some(variation) = variations.iter().find(is_over).filter(|_| done.held() && !gave.credential) else {
            return;
        };
        let message = format!(
            "`{}` is that of an earlier login, and by now so old that it may be refused for its age: that it is good once is not shown",
            variation.path()
        );
        let help = "send it again at once: after a step `request: login`, or in a case with `session: fresh`";
        self.take_back(step, &message, help, done);
    }

    /// Takes back what the refusal of a changed refresh or logout shows that goes with a session which was ended before.
    pub(super) fn doubt_left(&self, step: &Step, talk: Talk, is_left: bool, done: &mut Done) {
        if !is_left || !done.held() {
            return;
        }
        let message = format!(
            "a logout ended this session before, so the {} may be refused for that, whatever is changed in it",
            talk.word()
        );
        let help = "change it before the logout, or after another `request: login`";
        self.take_back(step, &message, help, done);
    }

    /// Takes back what the refusal of a credential shows that the step wrote itself, where it was good when the run began
    /// and had its own end meanwhile. Who waits in the case, or asks again and again, is about that end.
    pub(super) fn doubt_written(&self, step: &Step, sender: Sender, trail: &Trail, done: &mut Done) {
        let waits = self.case.is_none_or(|case| self.shared.plan.cases[case].shape.pauses()) || step.repeat.is_some();
        if sender != Sender::Somebody || waits || !done.held() || done.refused.is_empty() {
            return;
        }
        let now = Timestamp::now();
        let Some(request) = trail.request() else { return };
        if !written(request).iter().any(|text| self.shared.spent.is_over_since(text, now)) {
            return;
        }
        let message = "what this step is sent with was good when the run began, and had its own end by now: it may be refused for its age, whatever ended it before";
        let help = "let the server give it a longer life; `pause` is for a case that is about its end";
        self.take_back(step, message, help, done);
    }

    fn take_back(&self, step: &Step, message: &str, help: &str, done: &mut Done) {
        let reason = self.reason("other-cause", message, step.span, vec![help.to_owned()]);
        done.ended = Ended::Inconclusive;
        done.refused.clear();
        done.reasons = vec![Reason { step: done.records.len().checked_sub(1), ..reason }];
    }

    /// Tells whether what a request is about may have been taken away by a defect of its group that is to be let in: it
    /// changes something, is not its own control, and its case does not make what it asks for.
    pub(super) fn may_be_gone(&self, tried: &Tried<'_>) -> bool {
        let plan = &self.shared.plan;
        let case = &plan.cases[tried.trial.case];
        let is_own = |probe: &Probe| probe.is_same() || probe.is_replay();
        let is_proven = tried.controlled.before.as_ref().is_some_and(|(probe, _)| is_own(probe));
        let is_taken = |row: &Mutation| matches!(row.expect, Expect::Taken | Expect::Either);
        let of_group = plan.cases.iter().filter(|other| other.group == case.group);
        tried.trial.mutant.row.expect.is_refusal()
            && !is_safe(&tried.prepared.request.method)
            && !is_proven
            && case.shape.steps.first().is_some_and(|first| std::ptr::eq(first, tried.trial.step))
            && of_group.filter_map(|other| other.with.as_ref()).any(|mutant| is_taken(mutant.row))
    }
}
