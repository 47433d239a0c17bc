//! Takes the facts of steps that did not go as wished, and adds what the run remembers of them.

use jiff::Timestamp;

use super::Shared;
use super::actor::{Actor, Who};
use super::case::CaseDone;
use super::done::Done;
use super::exchange::StepRun;
use super::ledger::RequestKey;
use super::login::ABOUT_FIELDS;
use super::{record, visits};
use crate::check::Stance;
use crate::event::{CERTIFICATE_SHOWN, Outcome, Phase, Reason, ServerOutput, StepRecord, Verdict};
use crate::evidence::{self as session, Facts, Memory, Observer, Purpose, Sender, observe};
use crate::http::Trail;
use crate::secret::Odd;
use crate::step::{IdentityId, Step};
use crate::template::print;

/// How many failed cases wait for the end of the run, when it is known who else was allowed what.
pub(super) const WAITING: usize = 256;

/// How many cookies that stayed behind are named.
const APART: usize = 8;

impl StepRun<'_> {
    /// Takes the facts of a step that a rule may have to explain: one that did not hold, one that
    /// was refused as it should be and yet may prove nothing, and every step of a login.
    pub(super) fn observe(&self, step: &Step, actor: &Actor, trail: &Trail, done: &mut Done, seen: (RequestKey, u64)) {
        let (key, since) = seen;
        let purpose = match self.phase {
            Phase::Setup | Phase::Case | Phase::Teardown => Purpose::Case,
            Phase::Login => Purpose::Login,
            Phase::Refresh => Purpose::Refresh,
            Phase::Whoami => Purpose::Whoami,
        };
        if done.held() && done.refused.is_empty() && purpose == Purpose::Case {
            return;
        }
        let name = |id: IdentityId| self.shared.plan.identities[id.0 as usize].name.to_string();
        let (sender, identity) = match &actor.who {
            Who::Nobody => (Sender::Nobody, None),
            Who::Anonymous => (Sender::Anonymous, None),
            Who::Entering(id, _) => (Sender::Entering { name: name(*id) }, Some(*id)),
            Who::Identity(id, session, _) => {
                let login = &self.shared.plan.identities[id.0 as usize].login;
                let fields = login.scheme.fields().iter().map(|f| f.to_ascii_lowercase()).collect();
                let refused = session.refused.clone();
                let refreshes = login.scheme.refresh(&session.credential).is_some();
                (Sender::Identity { name: name(*id), scheme: login.kind.name, refreshes, fields, refused }, Some(*id))
            }
        };
        let observer = Observer {
            secrets: &self.shared.secrets,
            purpose,
            sender,
            identity,
            wanted: step.expect.status.as_ref(),
            request: key.request(),
        };
        if let Some(last) = done.records.last_mut() {
            let mut facts = observe(observer, trail);
            facts.certified = trail.notes.iter().any(|note| note == CERTIFICATE_SHOWN);
            // What signs does not travel.
            for odd in self.odd_fields(actor) {
                if !facts.odd.contains(&odd) {
                    facts.odd.push(odd);
                }
            }
            if let Who::Identity(_, session, _) = &actor.who {
                facts.ungiven = session.credential.ungiven.iter().map(|s| record::text(self.shared, s)).collect();
            }
            facts.session = self.session_of(step, actor, trail, since);
            last.facts = Some(Box::new(facts));
        }
    }
}

impl StepRun<'_> {
    /// What is known of the session that a step was sent with.
    fn session_of(&self, step: &Step, actor: &Actor, trail: &Trail, since: u64) -> session::Session {
        let ended = self.shared.ledger.tick();
        let Who::Identity(_, own, _) = &actor.who else {
            let meanwhile = session::Span { began: since, ended };
            return session::Session { meanwhile, ..session::Session::default() };
        };
        let denied = |stance| self.denial_of(step, actor, trail, &[stance]).is_some();
        let now = Timestamp::now();
        let apart = own.browser.iter(now).filter(|_| own.is_apart);
        session::Session {
            as_nobody: denied(Stance::Anonymous) && !denied(Stance::Identity),
            own: own.began,
            meanwhile: session::Span { began: visits::since(self.shared, own), ended },
            apart: apart.map(|c| String::from_utf8_lossy(c.name.as_bytes()).into_owned()).take(APART).collect(),
            cookies: self.shared.renewed.names(trail),
            ..session::Session::default()
        }
    }

    /// The secret fields of the sender that are written oddly, by the names that stand for them.
    fn odd_fields(&self, actor: &Actor) -> Vec<(String, Odd)> {
        let (Who::Entering(id, _) | Who::Identity(id, ..)) = &actor.who else { return Vec::new() };
        let identity = &self.shared.plan.identities[id.0 as usize];
        let secret = identity.fields.iter().filter(|field| field.secret);
        let odd = secret.filter_map(|field| {
            let value = field_of(actor, &field.name)?;
            let masked = self.shared.secrets.mask(&value);
            let is_name = masked.starts_with('‹') && masked.find('›') == Some(masked.len() - '›'.len_utf8());
            let name = if is_name { masked.into_owned() } else { format!("‹{}.{}›", identity.name, field.name) };
            Odd::of(&value).map(|odd| (name, odd))
        });
        odd.collect()
    }
}

/// A field of whoever sends a step, as it was rendered.
fn field_of(actor: &Actor, name: &str) -> Option<String> {
    match &actor.who {
        Who::Nobody | Who::Anonymous => None,
        Who::Entering(_, scope) => print(&scope.get("identity")?.get_attr(name).ok()?).ok(),
        Who::Identity(_, session, _) => session.fields.iter().find(|(n, _)| &**n == name).map(|(_, v)| v.clone()),
    }
}

/// Tells whether what the rest of the run shows may explain why a case failed: an identity was
/// refused, or did not find what another one may find; or somebody was let in, as others may be.
pub(super) fn may_be_explained_later(done: &CaseDone) -> bool {
    let told = done.outcome.steps.iter().rev().find_map(|s| s.facts.as_ref());
    let refused = |f: &Facts| f.name().is_some() && f.surprise().is_some_and(|a| matches!(a.status, 401 | 403 | 404));
    // Another login of the run may have ended a session whose own has not come to its end.
    let ended = |f: &Facts| f.identity.is_some() && f.surprise().is_some_and(|a| a.status == 401 || a.to_login);
    let undone = matches!(done.outcome.verdict, Verdict::Blocked | Verdict::Inconclusive);
    // What somebody got who should not have is compared with what those get who may.
    let got_in = done.outcome.reasons.first().is_some_and(|r| r.code == "got-in");
    let let_in = |f: &Facts| f.surprise().is_some_and(|a| a.status < 300);
    undone && told.is_some_and(|f| ended(f))
        || done.outcome.verdict == Verdict::Failed && (got_in || told.is_some_and(|f| refused(f) || let_in(f)))
}

/// Gives what the command of a case's target said last, where the target may be what went wrong: no answer, an
/// error of the server, or a target that never got ready.
pub(super) fn server_output(shared: &Shared, outcome: &Outcome) -> Option<ServerOutput> {
    if !outcome.verdict.needs_attention() {
        return None;
    }
    let unanswered = |r: &Reason| matches!(r.code, "connection" | "timeout" | "bad-answer" | "target-not-ready");
    let broken = outcome.steps.iter().rev().take(1).any(|s| s.status.is_some_and(|status| status >= 500));
    if !broken && !outcome.reasons.iter().any(unanswered) {
        return None;
    }
    let world = shared.worlds[shared.plan.suites[outcome.suite].world].as_ref()?;
    shared.servers.said(world.served?, &shared.secrets)
}

/// Adds what the run knows to the facts of a case that needs to be explained; drops them otherwise.
pub(super) fn recall(shared: &Shared, outcome: &mut Outcome) {
    let wanted = outcome.verdict.needs_attention();
    let case = outcome.id.to_string();
    let doubted = outcome.verdict == Verdict::Inconclusive
        && outcome.reasons.iter().any(|r| matches!(r.code, "never-allowed" | "not-alive"));
    let left: Vec<Option<String>> =
        (0..outcome.steps.len()).map(|at| left(&outcome.steps[..at], &outcome.steps[at])).collect();
    for (step, left) in outcome.steps.iter_mut().zip(left) {
        let Some(facts) = step.facts.as_mut().filter(|_| wanted) else {
            step.facts = None;
            continue;
        };
        facts.wanted.doubted = doubted;
        let (others, memory) = shared.ledger.memory(facts.request, facts.identity);
        facts.memory = Memory { left, ..memory };
        visits::recall(shared, &case, facts);
        facts.session.renewed = shared.renewed.find(&shared.ledger, &facts.session.cookies);
        // Two worlds may have an identity of one name each.
        let mut names: Vec<String> =
            others.iter().map(|id| shared.plan.identities[id.0 as usize].name.to_string()).collect();
        names.retain(|n| facts.name() != Some(n));
        names.sort_unstable();
        names.dedup();
        facts.memory.others = names;
        let session = &facts.session;
        if session.works && (session.newer_logins > 0 || !session.logouts.is_empty()) {
            let help = outcome.reasons.iter_mut().map(|reason| &mut reason.help);
            help.for_each(|help| help.retain(|line| !line.starts_with(ABOUT_FIELDS)));
        }
    }
}

/// Finds the request of an earlier step by which the caller of a step logged out, or had a token revoked.
fn left(earlier: &[StepRecord], step: &StepRecord) -> Option<String> {
    const WORDS: &[&str] = &[
        "logout",
        "log-out",
        "log_out",
        "signout",
        "sign-out",
        "sign_out",
        "revo",
        "end_session",
        "end-session",
        "endsession",
    ];
    let leaves = |path: &str| {
        let path = path.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
        WORDS.iter().any(|word| path.contains(word))
    };
    let mut back =
        earlier.iter().rev().filter(|s| s.caller == step.caller && s.status.is_some_and(|status| status < 400));
    back.find(|s| s.request.split_once(' ').is_some_and(|(_, path)| leaves(path))).map(|s| s.request.clone())
}
