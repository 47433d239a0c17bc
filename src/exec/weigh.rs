//! Weighs the refusals of a case: what each proves, and what is lacking where it proves nothing.

use super::ledger::{Refusal, Sender, Shown, Waited};
use super::{Shared, matrix, record, relogin};
use crate::event::{Outcome, Reason, RefusalProof, Verdict};
use crate::source::Span;

/// Counts what one refusal proves; one that proves nothing makes its case inconclusive.
pub(super) fn judge(shared: &Shared, outcome: &mut Outcome, refusal: &Refusal) {
    let identity = match refusal.sender {
        Sender::Identity { id, .. } => Some(id),
        Sender::Anonymous | Sender::Somebody => None,
    };
    let unreached = shared.plan.cases.get(outcome.index as usize).and_then(|case| matrix::unreached(shared, case));
    let name = identity.map_or("", |id| &shared.plan.identities[id.0 as usize].name);
    let shown = shared.ledger.shown(refusal);
    if let Some(step) = outcome.steps.get_mut(refusal.step) {
        step.refusal = match shown {
            Shown::Proven => Some(RefusalProof::Proven),
            Shown::Unproven | Shown::Tokenless | Shown::Unseen => Some(RefusalProof::Unproven),
            Shown::Never | Shown::Died | Shown::Unaccepted | Shown::LockedOut | Shown::Unsent => {
                Some(RefusalProof::Nothing)
            }
            Shown::Fine => None,
        };
    }
    let (code, message) = match (shown, &unreached) {
        (Shown::Proven, _) => {
            outcome.proof.proven += 1;
            return;
        }
        (Shown::Fine, _) => return,
        (Shown::Unproven, Some((why, _))) => ("row-unreached", why.clone()),
        _ => lacking(shared, refusal, shown, name),
    };
    outcome.proof.unproven += u32::from(code == "unproven");
    let otherwise = shown == Shown::Unproven && shared.ledger.is_allowed_otherwise(refusal);
    let own_help = if otherwise { OTHERWISE } else { help(code) };
    let of_talk = relogin::help(shared, refusal).filter(|_| matches!(code, "unproven" | "control-after"));
    let own_help = match shown {
        Shown::Unseen => UNSEEN,
        Shown::Tokenless => TOKENLESS,
        _ => of_talk.unwrap_or(own_help),
    };
    let help = unreached.filter(|_| code == "row-unreached").map_or(own_help, |(_, help)| help);
    push(shared, outcome, (code, &message, help), refusal.step);
    if code == "unproven" {
        return;
    }
    outcome.verdict = Verdict::Inconclusive;
    if let Some((id, ender)) = identity.and_then(|id| Some((id, shared.ledger.ender(id)?))) {
        let named = record::disturbed(shared, id, &ender, Span::NONE);
        let place = outcome.steps.get(refusal.step).map_or_else(|| named.place.clone(), |s| s.place.clone());
        outcome.reasons.push(Reason { place, step: Some(refusal.step), ..named });
    }
}

/// What a refusal lacks that proves nothing: the code of the reason, and its sentence.
fn lacking(shared: &Shared, refusal: &Refusal, shown: Shown, name: &str) -> (&'static str, String) {
    match shown {
        Shown::Proven | Shown::Fine | Shown::Unproven => {
            let nobody = "nobody was allowed the same request in this run, so the refusal may have another cause";
            ("unproven", relogin::untold(refusal).unwrap_or_else(|| nobody.to_owned()))
        }
        Shown::Tokenless => {
            let first = "the server looked for a token against request forgery (CSRF) first, and none was sent: whoever has one may get in without a login";
            ("unproven", first.to_owned())
        }
        Shown::Unseen => {
            let unseen = "this credential was not seen being allowed anything in this case before, so it may never have been good";
            ("unproven", unseen.to_owned())
        }
        Shown::Unaccepted => ("control-change", UNACCEPTED.to_owned()),
        Shown::LockedOut => ("control-after", relogin::told(shared, refusal)),
        Shown::Unsent => {
            ("not-sent", format!("the credential of `{name}` was not sent with the request, so nobody's was refused"))
        }
        Shown::Never => (
            "never-allowed",
            format!(
                "`{name}` was never allowed anything in this run that anonymous is not, so its refusals prove nothing"
            ),
        ),
        Shown::Died if refusal.waited == Waited::Disturbed => (
            "session-disturbed",
            format!(
                "while this case waited the session of `{name}` was renewed or ended by others, which may be what ended the credential that was refused"
            ),
        ),
        Shown::Died => (
            "not-alive",
            format!(
                "`{name}` was not seen being allowed anything with this credential around the refusal, so it may have been dead"
            ),
        ),
    }
}

/// What is said of a request that may be refused whoever sends it.
pub(super) const UNACCEPTED: &str =
    "the request was not accepted as it is in this run, so its refusal may have another cause";

/// What to do where another request to the same address was allowed.
const OTHERWISE: &str = "somebody was allowed this method and target with another body or other fields: add a case that allows these, or name \
     what is allowed as the case's `control`";

/// What to do where a token against request forgery is missed first.
const TOKENLESS: &str = "add a case as anonymous that fetches a page first, captures its token and sends it with this method and target: if that is refused as well, it is who asks that decides";

/// What to do where a credential by hand was not seen good before its end.
const UNSEEN: &str =
    "add a step before the pause in which the same credential is allowed something that anonymous is not";

/// What to do about a refusal that proves nothing.
pub(super) fn help(code: &str) -> &'static str {
    match code {
        "unproven" => "add a case in which somebody is allowed this method and target",
        "control-change" => "add `none` to its `with`: the request as it is is sent as well, and has to be accepted",
        "not-sent" => "ask for an address that the credential is for; `-vv` shows what was sent and what was kept back",
        "session-disturbed" => "say `session: fresh` on this case: it then waits with a login of its own",
        "not-alive" => {
            "add a `whoami` to its scheme, or a step to this case in which the identity is allowed something"
        }
        _ => {
            "add a case in which this identity is allowed something that anonymous is not, or a `whoami` to its scheme"
        }
    }
}

fn push(shared: &Shared, outcome: &mut Outcome, (code, message, help): (&'static str, &str, &str), step: usize) {
    let place = outcome.steps.get(step).map_or_else(|| outcome.place.clone(), |s| s.place.clone());
    let mut reason: Reason = record::reason(shared, code, message, Span::NONE, vec![help.to_owned()]);
    reason.place = place;
    reason.step = Some(step);
    // Several cases of one identity have one cause; every unproven refusal stands for itself.
    if matches!(code, "never-allowed" | "not-alive" | "row-unreached") {
        reason.shared_cause = Some(format!("{code}:{message}").into());
    }
    outcome.reasons.push(reason);
}
