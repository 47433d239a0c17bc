//! Who may use an identity: many cases at once, or one alone (`session: exclusive`).
//!
//! Whatever uses identities holds them for its whole time, teardown included. All are taken in one order,
//! and nobody takes more while holding some, so that nobody waits in a circle. Whoever waits gives its
//! place to others meanwhile: somebody who holds what is waited for may need it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use super::Shared;
use super::runner::Limits;
use crate::plan::{Case, Plan};
use crate::source::Span;
use crate::spec::Session;
use crate::step::{Caller, IdentityId};

/// The identities that some case wants alone, by where they are declared: in two worlds they are one person.
#[derive(Debug, Default)]
pub(super) struct Keepers(HashMap<Span, Arc<RwLock<()>>>);

/// The right to use an identity, until it is dropped.
#[derive(Debug)]
pub(super) enum Held {
    /// Beside others.
    Beside(#[expect(dead_code, reason = "held for its drop")] OwnedRwLockReadGuard<()>),
    /// Alone.
    Alone(#[expect(dead_code, reason = "held for its drop")] OwnedRwLockWriteGuard<()>),
}

/// Whether somebody who waits has a place among the open cases to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is given to others meanwhile.
    Given,
    /// There is none.
    None,
}

/// The identities of a case.
pub(super) fn identities(case: &Case) -> Vec<IdentityId> {
    let own = match case.caller {
        Caller::Identity(id) => Some(id),
        Caller::Case | Caller::Nobody | Caller::Anonymous => None,
    };
    own.into_iter().chain(case.shape.identities.iter().copied()).collect()
}

/// The same people, in all worlds.
pub(super) fn selves(plan: &Plan, ids: &[IdentityId]) -> Vec<IdentityId> {
    let spans: HashSet<Span> = ids.iter().map(|id| plan.identities[id.0 as usize].span).collect();
    let all = plan.identities.iter().zip(0..).filter(|(identity, _)| spans.contains(&identity.span));
    all.map(|(_, number)| IdentityId(number)).collect()
}

impl Keepers {
    /// Finds what some case of the plan wants alone; all else needs no keeping.
    pub(super) fn of(plan: &Plan) -> Self {
        let exclusive = plan.cases.iter().filter(|c| c.shape.session == Session::Exclusive);
        let ids = exclusive.flat_map(identities);
        Self(ids.map(|id| (plan.identities[id.0 as usize].span, Arc::default())).collect())
    }

    /// Takes identities in, each in the same order as everybody.
    async fn take(&self, plan: &Plan, ids: &[IdentityId], alone: bool) -> Vec<Held> {
        let mut locks = BTreeMap::new();
        for id in ids {
            let span = plan.identities[id.0 as usize].span;
            if let Some(lock) = self.0.get(&span) {
                locks.insert((span.file, span.start), Arc::clone(lock));
            }
        }
        let mut held = Vec::new();
        for lock in locks.into_values() {
            held.push(if alone {
                Held::Alone(lock.write_owned().await)
            } else {
                Held::Beside(lock.read_owned().await)
            });
        }
        held
    }
}

/// Holds identities for a case.
pub(super) async fn for_case(shared: &Shared, case: &Case) -> Vec<Held> {
    let alone = case.shape.session == Session::Exclusive;
    // Whose token a defect borrows is used as well.
    let donors = case.with.iter().flat_map(|with| with.donors.iter().copied());
    let ids: Vec<IdentityId> = identities(case).into_iter().chain(donors).collect();
    hold(shared, &ids, alone, Place::Given).await
}

/// Holds identities beside others, for a setup or a teardown.
pub(super) async fn beside(shared: &Shared, ids: &[IdentityId], place: Place) -> Vec<Held> {
    hold(shared, ids, false, place).await
}

async fn hold(shared: &Shared, ids: &[IdentityId], alone: bool, place: Place) -> Vec<Held> {
    // Whose session a login uses, or who approves it, is used as well.
    let ids = shared.plan.with_needs(ids.iter().copied());
    let taking = shared.keepers.take(&shared.plan, &ids, alone);
    let limits: &Limits = &shared.limits;
    match place {
        Place::Given => limits.meanwhile(taking).await,
        Place::None => taking.await,
    }
}
