//! Checks steps that ask for what the caller's scheme does: `request: login | refresh | logout`.

use std::collections::HashSet;

use super::{Identity, Plan};
use crate::auth::{Exchanges, PARAMETERS, is_part_of_proof, part_of_assertion, texts};
use crate::spec::{Handshake, Reader, Session, Talk};
use crate::step::{Ask, Caller, IdentityId, Step, Tree, Vary};
use crate::term::did_you_mean;

mod diags;

/// Whose session the steps use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// One that other cases use too.
    Everybodys,
    /// One of their own.
    Own,
}

/// Who sends the steps that name nobody.
#[derive(Debug, Clone, Copy)]
pub(super) enum Senders<'a> {
    /// The callers of a case.
    Case(&'a [Caller]),
    /// Columns of a matrix.
    Columns(&'a [Caller]),
}

impl Senders<'_> {
    const fn all(&self) -> &[Caller] {
        let (Self::Case(all) | Self::Columns(all)) = self;
        all
    }
}

impl Whose {
    /// Whose session the steps of a case use.
    pub(super) const fn of(session: Session) -> Self {
        match session {
            Session::Shared => Self::Everybodys,
            Session::Fresh | Session::Exclusive => Self::Own,
        }
    }
}

/// Finds what is wrong with such steps; `who` send those that name nobody.
pub(super) fn check<'a>(
    steps: impl Iterator<Item = &'a Step>,
    who: Senders<'_>,
    whose: Whose,
    plan: &Plan,
    reader: &mut Reader<'_>,
) {
    // Whoever logged in within the case has a session of its own from then on.
    let mut own: HashSet<IdentityId> = HashSet::new();
    for step in steps.flat_map(Step::sending) {
        let Ask::Talk(talk, vary) = &step.ask else { continue };
        let one = [step.caller];
        let is_cell = step.caller == Caller::Case && matches!(who, Senders::Columns(_));
        let callers = if step.caller == Caller::Case { who.all() } else { &one };
        for caller in callers {
            let Caller::Identity(id) = caller else {
                reader.fault(diags::talk_of_nobody(step.span, talk.word(), is_cell));
                break;
            };
            let identity = &plan.identities[id.0 as usize];
            let exchanges = identity.login.scheme.exchanges(*talk);
            // A step that is sent only where there is something to refresh with asks nothing of others.
            let asks_first = || step.condition.as_ref().is_some_and(|asked| asked.uses("credential.refreshes"));
            if exchanges.is_empty() && *talk == Talk::Refresh && asks_first() {
                continue;
            }
            if exchanges.is_empty() {
                reader.fault(diags::no_talk(step.span, &identity.name, identity.login.kind.name, talk.word()));
                break;
            }
            let asks_back = exchanges.labels.iter().any(|label| identity.login.scheme.proves(label));
            if step.handshake == Handshake::Off && !asks_back {
                reader.fault(diags::no_handshake(step.span, &identity.name, talk.word()));
            }
            for vary in vary {
                check_vary(vary, *talk, identity, &exchanges, plan, reader);
            }
            let what = match talk {
                Talk::Login => {
                    own.insert(*id);
                    continue;
                }
                Talk::Refresh => "rotates",
                Talk::Logout => "ends",
            };
            if whose == Whose::Everybodys && !own.contains(id) {
                reader.fault(super::diags::shared_session(step.span, &identity.name, what));
                break;
            }
        }
    }
}

fn check_vary(
    vary: &Vary,
    talk: Talk,
    identity: &Identity,
    exchanges: &Exchanges,
    plan: &Plan,
    reader: &mut Reader<'_>,
) {
    if is_part_of_proof(&vary.parameter) && !identity.login.scheme.proves(&vary.exchange) {
        let (exchange, parameter) = (&vary.exchange, &vary.parameter);
        reader.fault(diags::no_proof(vary.span, exchange, parameter, &identity.name));
    }
    if identity.login.kind.name == "oauth2" && exchanges.labels.contains(&&*vary.exchange) {
        check_parameter(vary, identity, reader);
    }
    let of_steps = exchanges.steps.iter().flat_map(|s| &plan.steps[s.0 as usize]);
    let named = of_steps.map(|s| s.name.as_deref().unwrap_or(talk.word()));
    let labels: Vec<&str> = exchanges.labels.iter().copied().chain(named).collect();
    if let Tree::Const(value) = &vary.value
        && is_as_it_was(vary, value, identity, (talk, exchanges), plan)
    {
        reader.fault(diags::as_it_was(vary.span, &vary.exchange, &vary.parameter, &identity.name));
    }
    match labels.iter().filter(|l| **l == &*vary.exchange).count() {
        0 => reader.fault(diags::unknown_exchange(vary.span, &vary.exchange, &identity.name, talk.word(), &labels)),
        1 => {}
        _ if exchanges.labels.contains(&&*vary.exchange) => {}
        _ => reader.fault(diags::several_exchanges(vary.span, &vary.exchange, identity.span)),
    }
}

/// Tells whether a parameter is to become what it is anyway.
fn is_as_it_was(
    vary: &Vary,
    value: &serde_json::Value,
    identity: &Identity,
    (talk, exchanges): (Talk, &Exchanges),
    plan: &Plan,
) -> bool {
    if exchanges.labels.contains(&&*vary.exchange) {
        let own = identity.login.scheme.constant(&vary.exchange, &vary.parameter);
        return own.is_some_and(|own| texts(value) == [own]);
    }
    let steps = exchanges.steps.iter().flat_map(|s| &plan.steps[s.0 as usize]);
    let mut named = steps.filter(|s| s.name.as_deref().unwrap_or(talk.word()) == &*vary.exchange);
    let (Some(step), None) = (named.next(), named.next()) else { return false };
    step.constant(&vary.parameter).is_some_and(|own| own == *value)
}

/// What `vary` names in an exchange of an OAuth client may be any parameter, but is seldom one that is nearly a known one.
fn check_parameter(vary: &Vary, identity: &Identity, reader: &mut Reader<'_>) {
    let parameter = &*vary.parameter;
    if let Some((whole, _)) = part_of_assertion(parameter) {
        if !identity.login.scheme.signs(&vary.exchange, whole) {
            reader.fault(diags::inside_assertion(vary.span, parameter, &vary.exchange, whole, &identity.name));
        }
        return;
    }
    let is_known = PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(parameter)) || is_part_of_proof(parameter);
    if let Some(near) = did_you_mean(parameter, PARAMETERS.iter().copied()).filter(|_| !is_known) {
        reader.fault(diags::nearly_parameter(vary.span, parameter, near));
    }
}
