//! How a caller stands before an operation, and what one answer says about that.

use std::borrow::Cow;

use super::document::{Document, KeyPlace, Operation, SchemeKind, Security};
use super::results::StepResult;
use crate::event::{Carried, RefusalProof, Verdict};
use crate::mutate::{Aim, mutation};

/// How a caller stands before an operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stance {
    /// Without any credential.
    Anonymous,
    /// With one that nobody issued, or that was tampered with.
    Invalid,
    /// With one that was good once.
    Expired,
    /// With the credential of somebody of this role.
    Role(String),
    /// With the credential of somebody of the owner's role who is not the owner.
    Peer,
}

impl Stance {
    /// The name of reports. A role that is called like another stance is told as a role.
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Anonymous => "anonymous".into(),
            Self::Invalid => "invalid".into(),
            Self::Expired => "expired".into(),
            Self::Role(role) if matches!(&**role, "anonymous" | "invalid" | "expired" | "peer") => {
                format!("role {role}").into()
            }
            Self::Role(role) => role.into(),
            Self::Peer => "peer".into(),
        }
    }
}

/// What is known of a cell; the later, the more it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It makes no sense for the operation.
    NotApplicable,
    /// No case sent such a request.
    Untested,
    /// It was refused, but nothing shows that access was at stake.
    Vacuous,
    /// As it should be, in another way than it should be: 403 for a stranger, 401 for somebody who is known.
    Loose,
    /// As it should be.
    Exact,
    /// Somebody got in who must not, or a check did not hold.
    Failed,
}

impl State {
    /// The word of reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotApplicable => "not-applicable",
            Self::Untested => "untested",
            Self::Vacuous => "vacuous",
            Self::Loose => "passed-loose",
            Self::Exact => "passed-exact",
            Self::Failed => "failed",
        }
    }

    /// Tells whether a case has shown the cell to be as it should.
    pub const fn is_covered(self) -> bool {
        match self {
            Self::Loose | Self::Exact => true,
            Self::NotApplicable | Self::Untested | Self::Vacuous | Self::Failed => false,
        }
    }
}

/// What an answer says about access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It was granted.
    Allowed,
    /// It was refused.
    Refused,
    /// It was not there: a refusal only where it is there for somebody.
    Hidden,
    /// Nothing.
    Nothing,
}

/// Reads the first answer of a step.
pub(super) fn said(step: &StepResult) -> Said {
    let Some(status) = step.first_status() else { return Said::Nothing };
    match status {
        401 | 403 => Said::Refused,
        _ if step.refusal.is_some() => Said::Refused,
        200..=299 => Said::Allowed,
        // The way on, unless it is the way to the login, which the runner knows as a refusal.
        300..=399 if step.is_own() => Said::Allowed,
        404 => Said::Hidden,
        _ => Said::Nothing,
    }
}

/// Mutations of a credential that was good once.
const EXPIRED: &[&str] = &["token-expired"];

/// Mutations that take the credential away.
const MISSING: &[&str] = &["hdr-missing", "sess-none", "resp-401-challenge"];

/// What a project calls the groups that people belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Groups {
    /// Roles; who has none belongs to no group.
    Roles,
    /// Nobody has a role, so everybody stands for themselves.
    Names,
}

impl Groups {
    /// The group of whoever sent a step.
    pub fn of(self, step: &StepResult) -> Option<&str> {
        match self {
            Self::Roles => step.role.as_deref(),
            Self::Names => step.caller.as_deref(),
        }
    }
}

/// The stance of a request before an operation; nothing where it cannot be told who asked. `good_before` says that the
/// same credential was allowed it earlier in its case.
pub(super) fn stance(
    document: &Document,
    op: &Operation,
    (step, good_before): (&StepResult, bool),
    groups: Groups,
) -> Option<Stance> {
    if let Some(with) = step.with.as_deref().filter(|w| *w != "none") {
        return match with {
            id if EXPIRED.contains(&id) => Some(Stance::Expired),
            id if MISSING.contains(&id) => Some(Stance::Anonymous),
            // Others go past the credential, say where a page comes from, or have to be taken.
            id => mutation(id)
                .filter(|row| row.aim == Aim::Credential && row.expect.is_refusal())
                .map(|_| Stance::Invalid),
        };
    }
    let sent = step.sent.as_ref()?;
    let over = good_before && matches!(step.first_status(), Some(401 | 403 | 300..=399));
    match sent.credential {
        Carried::Own | Carried::Other if over && said(step) == Said::Refused => Some(Stance::Expired),
        Carried::Own => groups.of(step).map(|group| Stance::Role(group.to_owned())),
        Carried::None => Some(Stance::Anonymous),
        Carried::Other if !may_be_for(document, op, step) => Some(Stance::Anonymous),
        // What was written by hand and is refused as no credential is none; what is allowed is somebody's.
        Carried::Other => (step.first_status() == Some(401)).then_some(Stance::Invalid),
    }
}

/// Tells whether a request carries something where one of the operation's schemes has its credential.
fn may_be_for(document: &Document, op: &Operation, step: &StepResult) -> bool {
    let all = op.security.alternatives();
    if all.is_empty() {
        return step.sent.as_ref().is_some_and(|s| !s.carries.is_empty());
    }
    let schemes = all.iter().flat_map(|r| &r.schemes);
    schemes.filter_map(|(name, _)| document.scheme(name)).any(|s| carries(&s.kind, step) != Some(false))
}

/// Tells whether a request carries something where a scheme has its credential; a client certificate cannot be seen.
pub(super) fn carries(kind: &SchemeKind, step: &StepResult) -> Option<bool> {
    let all = step.sent.as_ref().map_or(&[][..], |s| &s.carries);
    let has = |name: &str| Some(all.iter().any(|c| c.eq_ignore_ascii_case(name)));
    let authorization = || Some(all.iter().any(|c| c.starts_with("authorization")));
    match kind {
        SchemeKind::Http(_) | SchemeKind::OAuth2(_) | SchemeKind::OpenId(_) => authorization(),
        SchemeKind::ApiKey(KeyPlace::Header, name) if name.eq_ignore_ascii_case("authorization") => authorization(),
        SchemeKind::ApiKey(KeyPlace::Header, name) => has(name),
        SchemeKind::ApiKey(KeyPlace::Cookie, name) => has(&format!("cookie {name}")),
        SchemeKind::ApiKey(KeyPlace::Query, name) => Some(step.has_query(name)),
        SchemeKind::MutualTls => None,
    }
}

/// What a cell should say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Nothing: the stance makes no sense there.
    Nothing,
    /// To be let in.
    Allowed,
    /// To be refused.
    Denied,
    /// Either: nobody has said.
    Open,
}

/// What an operation wants of a stance.
pub(super) fn want(op: &Operation, stance: &Stance) -> Want {
    match (stance, &op.security) {
        _ if op.is_preflight() => Want::Nothing,
        (Stance::Anonymous, Security::Public | Security::Optional(_)) => Want::Allowed,
        (Stance::Anonymous, Security::Required(_) | Security::Undeclared) => Want::Denied,
        (_, Security::Public) => Want::Nothing,
        (Stance::Invalid | Stance::Expired, Security::Optional(_)) => Want::Denied,
        (Stance::Invalid | Stance::Expired, Security::Required(_) | Security::Undeclared) => Want::Denied,
        (Stance::Peer, _) if op.objects.is_empty() => Want::Nothing,
        (Stance::Peer, Security::Optional(_)) => Want::Nothing,
        (Stance::Peer, Security::Required(_) | Security::Undeclared) => Want::Denied,
        (Stance::Role(_), Security::Optional(_)) => Want::Allowed,
        (Stance::Role(role), Security::Required(_) | Security::Undeclared) => match &op.roles {
            None => Want::Open,
            Some(roles) if roles.contains(role) => Want::Allowed,
            Some(_) => Want::Denied,
        },
    }
}

/// What one answer makes of a cell of an operation. `at_stake` says that somebody was allowed the operation.
pub(super) fn state(
    op: &Operation,
    (step, verdict, waived): (&StepResult, Verdict, bool),
    (stance, want): (&Stance, Want),
    at_stake: bool,
) -> Option<State> {
    let has_object = !op.objects.is_empty();
    let said = said(step);
    if want == Want::Nothing || (said == Said::Nothing && step.broken == 0) {
        return None;
    }
    let failed = match verdict {
        Verdict::Failed | Verdict::Blocked | Verdict::Inconclusive | Verdict::Errored | Verdict::NotRun => true,
        Verdict::Passed | Verdict::Flaky | Verdict::Skipped => false,
    };
    if step.broken > 0 && !failed {
        // A round that was repeated, or a failure that is expected.
        return None;
    }
    if step.broken > 0 || step.grade.as_deref().is_some_and(|g| matches!(g, "accepted" | "crashed")) {
        return Some(State::Failed);
    }
    Some(match (want, said) {
        (Want::Nothing, _) | (_, Said::Nothing) => return None,
        (Want::Allowed | Want::Open, Said::Allowed) => State::Exact,
        // Some defects are to be overlooked, and the case says so.
        (Want::Denied, Said::Allowed) if step.with.is_some() => return None,
        (Want::Denied, Said::Allowed) => State::Failed,
        // An object of somebody else, which is another cell.
        (Want::Allowed, Said::Refused | Said::Hidden) if has_object || said == Said::Hidden => return None,
        // A login that refuses a wrong password is open to everybody.
        (Want::Allowed, Said::Refused) if *stance == Stance::Anonymous => return None,
        (Want::Allowed, Said::Refused | Said::Hidden) => State::Failed,
        (Want::Denied | Want::Open, Said::Refused | Said::Hidden) => {
            let nothing = step.refusal == Some(RefusalProof::Nothing) || verdict == Verdict::Inconclusive;
            let proven = at_stake || step.refusal == Some(RefusalProof::Proven) || (step.with.is_some() && !waived);
            if nothing || !proven {
                State::Vacuous
            } else if is_exact(step, stance) {
                State::Exact
            } else {
                State::Loose
            }
        }
    })
}

/// A stranger is asked who they are; somebody who is known is told that they may not, or that nothing is there.
fn is_exact(step: &StepResult, stance: &Stance) -> bool {
    let status = step.first_status();
    match (stance, step.grade.as_deref()) {
        (_, Some(grade)) => grade == "denied-exact",
        (Stance::Anonymous | Stance::Invalid | Stance::Expired, None) => status == Some(401),
        (Stance::Role(_) | Stance::Peer, None) => matches!(status, Some(403 | 404)),
    }
}
