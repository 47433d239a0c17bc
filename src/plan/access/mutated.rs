//! The defects of a row: its cells once more, each with one of them.
//!
//! What breaks a credential is sent where that is let in, what goes around a refusal where that is refused. Each is at
//! the place of its cell, so that the matrix shows what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::identity::SuiteCallers;
use super::super::with::{self, Mutant};
use super::super::{Case, Shape, diags};
use super::{Cell, Group, Row};
use crate::check::Side;
use crate::mutate::Aim;
use crate::spec::Reader;
use crate::step::{Caller, Step};

/// The shape of cells that are let in, for defects of what lets them in: all has to be `unchanged` after those.
type Refused = BTreeMap<usize, (Arc<Shape>, Cell)>;

impl Row<'_> {
    pub(super) fn mutated(
        &self,
        cells: &BTreeMap<usize, Case>,
        groups: &[Group],
        callers: &mut SuiteCallers<'_, '_>,
        reader: &mut Reader<'_>,
    ) -> Vec<Case> {
        let Some(with) = &self.row.step.with else { return Vec::new() };
        let allowed = |case: &&Case| case.cell.is_some_and(|cell| cell.side == Side::Allowed);
        // What `given` makes for a cell is there for whoever is allowed: its own request is all that they are asked to send.
        let looks = |case: &Case| {
            let target = case.cell.and_then(|cell| case.shape.steps.get(cell.target));
            target.is_some_and(Step::is_safe)
        };
        let somebody = cells.values().filter(allowed).find_map(|case| match case.caller {
            Caller::Identity(id) if looks(case) => Some(id),
            Caller::Identity(_) | Caller::Case | Caller::Nobody | Caller::Anonymous => None,
        });
        let mutants = with::of_step(&self.row.step, with, (0, somebody.as_slice()), callers, reader);
        if let Some(case) = cells.values().next()
            && let Some(cell) = case.cell
        {
            with::need_origin(&mutants, |_| case.shape.steps.get(cell.target), reader);
        }
        let refused = self.refused(groups, callers, reader);
        let mut cases = Vec::new();
        for (column, case) in cells {
            let Some(cell) = case.cell else { continue };
            let group = callers.plan.groups;
            callers.plan.groups += 1;
            for mutant in mutants.iter().flatten().filter(|mutant| fits(case, cell, mutant)) {
                let (shape, cell) = match refused.get(column).filter(|_| mutant.row.expect.is_refusal()) {
                    Some((shape, of)) => (shape, Cell { column: cell.column, ..*of }),
                    None => (&case.shape, cell),
                };
                let mark = |text: &str| format!("{},with={}]", text.trim_end_matches(']'), mutant.row.id);
                cases.push(Case {
                    id: mark(&case.id).into(),
                    name: mark(&case.name),
                    suite: 0,
                    shape: Arc::clone(shape),
                    caller: case.caller,
                    row: None,
                    cell: Some(cell),
                    with: Some(Arc::new(Mutant {
                        step: cell.target,
                        strict: mutant.strict || self.row.strict.unwrap_or(self.spec.strict),
                        ..Mutant::clone(mutant)
                    })),
                    group,
                    siblings: 0,
                });
            }
        }
        if cases.is_empty() && mutants.iter().any(Option::is_some) {
            reader.fault(diags::with_of_no_cell(with.span));
        }
        cases
    }

    /// By column, where the row says what has to be unchanged after a refusal.
    fn refused(&self, groups: &[Group], callers: &mut SuiteCallers<'_, '_>, reader: &mut Reader<'_>) -> Refused {
        let names = Arc::clone(&reader.names);
        let mut all = Refused::new();
        for group in groups.iter().filter(|g| g.side == Side::Allowed && !self.row.unchanged.is_empty()) {
            reader.names = Arc::clone(&names);
            if let Some((shape, cell)) = self.shape(group, &self.row.unchanged, callers, reader) {
                all.extend(group.columns.iter().map(|column| (*column, (Arc::clone(&shape), cell))));
            }
        }
        all
    }
}

fn fits(case: &Case, cell: Cell, mutant: &Mutant) -> bool {
    match (cell.side, mutant.row.aim) {
        (Side::Allowed, Aim::Credential | Aim::Change) => matches!(case.caller, Caller::Identity(_)),
        (Side::Refused, Aim::Bypass) | (Side::Allowed, Aim::Origin) => true,
        (Side::Allowed | Side::Refused | Side::Neither | Side::Both, _) => false,
    }
}
