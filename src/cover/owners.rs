//! Who was let in to what: to an address, or to what a row of an access matrix makes anew for each of its cells.

use std::collections::{HashMap, HashSet};

use super::grid::{Asked, may_show};
use super::results::{At, CaseResult, StepResult};
use super::stance::{Said, said};

/// A request of a row of an access matrix: the result it is in, the suite, the row and the place. What `missing` asks for
/// stands at another place than what the row is about.
pub(super) type RowKey<'r> = (usize, usize, u32, &'r At);

/// Somebody, with their role.
type Person<'r> = (&'r str, Option<&'r str>);

/// Who was let in to what.
pub(super) struct Owners<'r> {
    by_path: HashMap<&'r str, HashSet<Person<'r>>>,
    /// Where each cell of a row gets an object of its own (`given`), no two of them ask at one address. These are the people
    /// who were let in to what they had made themselves.
    by_row: HashMap<RowKey<'r>, HashSet<Person<'r>>>,
    /// Addresses that were there for anybody with a credential.
    there: HashSet<&'r str>,
}

impl<'r> Owners<'r> {
    pub(super) fn of(asked: &[Asked<'r>]) -> Self {
        let mut owners = Self { by_path: HashMap::new(), by_row: HashMap::new(), there: HashSet::new() };
        for one in asked.iter().filter(|a| said(a.step) == Said::Allowed && a.step.broken == 0 && may_show(a.step)) {
            let step = one.step;
            owners.there.insert(step.path());
            let (Some(caller), true) = (step.caller.as_deref(), step.is_own()) else { continue };
            let person = (caller, step.role.as_deref());
            owners.by_path.entry(step.path()).or_default().insert(person);
            if let Some(row) = one.row.filter(|_| has_made(one.before, caller)) {
                owners.by_row.entry(row).or_default().insert(person);
            }
        }
        owners
    }

    /// Tells whether what a request asks for was there for somebody.
    pub(super) fn is_there(&self, one: &Asked<'r>) -> bool {
        self.there.contains(one.step.path()) || self.makers(one).next().is_some()
    }

    /// Tells whether somebody else of the same role was let in to the same.
    pub(super) fn has_peer(&self, one: &Asked<'r>) -> bool {
        let step = one.step;
        if !step.is_own() || step.with.as_deref().is_some_and(|w| w != "none") {
            return false;
        }
        let at_path = self.by_path.get(step.path()).into_iter().flatten();
        let mut others = at_path.chain(self.makers(one)).filter(|(caller, _)| Some(*caller) != step.caller.as_deref());
        others.any(|(_, role)| role.is_none() || step.role.is_none() || *role == step.role.as_deref())
    }

    /// Those who made what this request of a row is about, and were let in to it in their own cell.
    fn makers<'s>(&'s self, one: &'s Asked<'r>) -> impl Iterator<Item = &'s Person<'r>> {
        let all = one.row.and_then(|row| self.by_row.get(&row)).into_iter().flatten();
        all.filter(|(caller, _)| has_made(one.before, caller))
    }
}

/// Tells whether somebody did something in a case before, which is what `given` is for.
fn has_made(before: &[StepResult], caller: &str) -> bool {
    before.iter().any(|s| s.caller.as_deref() == Some(caller) && s.is_own() && said(s) == Said::Allowed)
}

/// The row of a step, where its case is a cell of one.
pub(super) fn row_of<'r>(result: usize, case: &'r CaseResult, step: &'r StepResult) -> Option<RowKey<'r>> {
    Some((result, case.suite, case.access.as_ref()?.row_number, step.place.as_ref()?))
}
