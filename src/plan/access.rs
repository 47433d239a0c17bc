//! Expands the access matrix: one case for each cell, of which all in a row that expect the same share their shape.
//!
//! The defects of a row (`with`) are its cells once more, each with one of them (`mutated`).

mod mutated;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::build::{compile_steps, sessions};
use super::case::{Ground, find_disturbance};
use super::columns::{Column, People, columns, is_faulty, people};
use super::identity::SuiteCallers;
use super::talk::{self, Senders, Whose};
use super::with;
use super::{Case, Plan, Shape, diags};
use crate::check::{MISSING, Side, Stance, read_ignored, side};
use crate::source::Span;
use crate::spec::{AccessSpec, Data, EVERYONE, Named, Node, OTHERS, Reader, RowSpec, Session, StepSpec, Style};
use crate::step::{Caller, IdentityId, Step};
use crate::template::Names;

/// What to do about a name that `anonymous` has no value for.
const NOBODY_OF_A_COLUMN: &str =
    "the column `anonymous` sends it too, and has none: leave it out of `columns`, or make it a case of its own";

/// The matrix of a suite.
#[derive(Debug)]
pub struct AccessPlan {
    /// Who, in order.
    pub columns: Vec<Column>,
    /// What they ask for, in order.
    pub rows: Vec<AccessRow>,
}

/// A row: a request.
#[derive(Debug)]
pub struct AccessRow {
    /// Its name.
    pub name: Arc<str>,
    /// Where it stands.
    pub span: Span,
    /// Whether nobody may, by declaration.
    pub closed: bool,
    /// Whether a refusal of the other kind is a failure.
    pub strict: bool,
    /// Whether its request only looks.
    pub safe: bool,
    /// Whether it is looked at after a refusal whether all is as it was.
    pub looks_after: bool,
    /// The names that `given` captures: each cell has values of its own.
    pub given: Vec<Arc<str>>,
    /// Who may, among the cells that run.
    pub reach: Reach,
}

impl AccessRow {
    /// Takes down what the step that it is about may change.
    fn look_at(&mut self, step: &Step) {
        self.safe = step.is_safe();
        self.looks_after |= step.only_looks();
    }
}

/// Who is expected to be let in by a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nobody.
    Nobody,
    /// Somebody whose cell is not among those that were selected.
    LeftOut,
    /// Somebody whose cell runs.
    Planned,
}

/// The place of a case in a matrix.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    /// Index of its row.
    pub row: u32,
    /// Index of its column.
    pub column: u32,
    /// Where its expectation is written; its row where it is not named.
    pub span: Span,
    /// What it is about, without a defect.
    pub side: Side,
    /// How many steps of its shape are `given`.
    pub given: usize,
    /// Index of the step that it is about, in its shape.
    pub target: usize,
}

impl AccessPlan {
    /// Notes which rows have somebody among the selected cases who is let in.
    pub(super) fn seen_in(mut self, cases: &[Case]) -> Self {
        let plain = cases.iter().filter(|case| case.with.is_none()).filter_map(|case| case.cell);
        for cell in plain.filter(|cell| cell.side == Side::Allowed) {
            self.rows[cell.row as usize].reach = Reach::Planned;
        }
        self
    }
}

/// Compiles a matrix.
pub(super) fn compile(
    spec: &AccessSpec,
    ground: &Ground<'_>,
    callers: &mut SuiteCallers<'_, '_>,
    reader: &mut Reader<'_>,
    ids: &mut HashMap<String, Span>,
) -> (AccessPlan, Vec<Case>) {
    let people = people(callers, reader);
    let columns = columns(spec, &people, callers, reader);
    let mut plan = AccessPlan { columns, rows: Vec::new() };
    let mut cases = Vec::new();
    let names = Arc::clone(&reader.names);
    for row in &spec.rows {
        reader.names = Arc::clone(&names);
        let compiled = Row { row, spec, ground, columns: &plan.columns, number: plan.rows.len() };
        let (row, cells) = compiled.compile(&people, callers, reader, ids);
        plan.rows.push(row);
        cases.extend(cells);
    }
    (plan, cases)
}

/// A row on its way into the plan.
struct Row<'a> {
    row: &'a RowSpec,
    spec: &'a AccessSpec,
    ground: &'a Ground<'a>,
    columns: &'a [Column],
    number: usize,
}

/// Cells of a row that share their shape.
struct Group {
    expect: Node,
    side: Side,
    columns: Vec<usize>,
}

/// Who is let in, before it is known which cells run.
fn reach(groups: &[Group]) -> Reach {
    let is_open = groups.iter().any(|g| g.side == Side::Allowed && !g.columns.is_empty());
    if is_open { Reach::LeftOut } else { Reach::Nobody }
}

impl Row<'_> {
    fn compile(
        &self,
        people: &People,
        callers: &mut SuiteCallers<'_, '_>,
        reader: &mut Reader<'_>,
        ids: &mut HashMap<String, Span>,
    ) -> (AccessRow, Vec<Case>) {
        let row = self.row;
        for steps in [&row.given, &row.unchanged, &row.teardown] {
            with::refuse(steps, reader);
        }
        let groups = self.groups(people, callers, reader);
        let mut planned = AccessRow {
            name: Arc::clone(&row.name.value),
            span: row.name.span,
            closed: row.closed.is_some(),
            looks_after: !row.unchanged.is_empty(),
            strict: row.strict.unwrap_or(self.spec.strict),
            safe: true,
            given: Vec::new(),
            reach: reach(&groups),
        };
        if let Some(missing) = row.missing.as_ref().filter(|_| !groups.iter().any(|g| mentions_hidden(&g.expect))) {
            reader.fault(diags::missing_for_nothing(missing.span));
        }
        let stem = format!("{}/{}", self.ground.suite.id, slug(&row.name.value));
        if let Some(first) = ids.insert(stem.clone(), row.name.span) {
            reader.fault(diags::duplicate_case(row.name.span, first, &stem));
            return (planned, Vec::new());
        }
        let names = Arc::clone(&reader.names);
        let mut cells: BTreeMap<usize, Case> = BTreeMap::new();
        for group in &groups {
            reader.names = Arc::clone(&names);
            let before = reader.diags.errors();
            let unchanged = if group.side == Side::Refused { &row.unchanged[..] } else { &[] };
            let Some((shape, cell)) = self.shape(group, unchanged, callers, reader) else {
                // What is wrong with the row is told once, not for each kind of cell.
                if reader.diags.errors() > before && group.expect.span == row.name.span {
                    break;
                }
                continue;
            };
            planned.look_at(&shape.steps[cell.target]);
            let given = shape.steps[..cell.given].iter().flat_map(Step::gives);
            planned.given = given.map(Arc::from).collect();
            for column in &group.columns {
                let Column { name, caller, .. } = &self.columns[*column];
                let (id, title) = (format!("{stem}[as={name}]"), format!("{} [as={name}]", row.name.value));
                let cell = Cell { column: u32::try_from(*column).unwrap_or(u32::MAX), ..cell };
                let case = Case {
                    id: id.into(),
                    name: title,
                    suite: 0,
                    shape: Arc::clone(&shape),
                    caller: *caller,
                    row: None,
                    cell: Some(cell),
                    with: None,
                    group: 0,
                    siblings: 0,
                };
                cells.insert(*column, case);
            }
        }
        reader.names = names;
        let mutated = self.mutated(&cells, &groups, callers, reader);
        (planned, cells.into_values().chain(mutated).collect())
    }

    /// Which columns expect what. Who is named stands before a role, and that before the others.
    fn groups(&self, people: &People, callers: &SuiteCallers<'_, '_>, reader: &mut Reader<'_>) -> Vec<Group> {
        let row = self.row;
        for cell in &row.cells {
            self.check_name(cell, people, callers, reader);
        }
        let deny = Node { data: Data::Text("deny".into()), span: row.name.span, style: Style::Plain };
        let mut groups: Vec<Group> = Vec::new();
        for (number, column) in self.columns.iter().enumerate() {
            let named = |name: &str| row.cells.iter().find(|c| &*c.name == name);
            let own = named(&column.name).or_else(|| column.role.as_deref().and_then(named));
            let cell = own.or_else(|| named(OTHERS)).or_else(|| named(EVERYONE));
            let expect = cell.map_or(&deny, |cell| &cell.value);
            let stance = if column.caller == Caller::Anonymous { Stance::Anonymous } else { Stance::Identity };
            let side = side(expect, stance, reader.sources);
            match groups.iter_mut().find(|g| g.expect.span == expect.span && g.side == side) {
                Some(group) => group.columns.push(number),
                None => groups.push(Group { expect: expect.clone(), side, columns: vec![number] }),
            }
        }
        for group in &groups {
            match (group.side, row.closed) {
                (Side::Both, _) => reader.fault(diags::both_sides(group.expect.span)),
                (Side::Allowed, Some(closed)) => reader.fault(diags::not_closed(group.expect.span, closed)),
                (Side::Allowed | Side::Refused | Side::Neither, _) => {}
            }
        }
        groups
    }

    fn check_name(&self, cell: &Named<Node>, people: &People, callers: &SuiteCallers<'_, '_>, reader: &mut Reader<'_>) {
        let name = &*cell.name;
        let is_column = |c: &Column| &*c.name == name || c.role.as_deref() == Some(name);
        if [EVERYONE, OTHERS].contains(&name)
            || self.columns.iter().any(is_column)
            || is_faulty_only(name, callers, people)
        {
            return;
        }
        let is_known = people.iter().any(|p| &*p.0 == name || p.1.as_deref() == Some(name)) || name == "anonymous";
        let mut columns: Vec<&str> = Vec::new();
        for word in self.columns.iter().flat_map(|c| [Some(&*c.name), c.role.as_deref()]).flatten() {
            if !columns.contains(&word) {
                columns.push(word);
            }
        }
        let place = self.spec.columns.as_ref().and_then(|all| all.first()).map(|c| c.span);
        reader.fault(diags::unknown_cell(cell.span, name, is_known, &columns, place));
    }

    fn shape(
        &self,
        group: &Group,
        unchanged: &[StepSpec],
        callers: &mut SuiteCallers<'_, '_>,
        reader: &mut Reader<'_>,
    ) -> Option<(Arc<Shape>, Cell)> {
        let (row, suite) = (self.row, self.ground.suite);
        let who: Vec<Caller> = group.columns.iter().map(|c| self.columns[*c].caller).collect();
        callers.met.clear();
        callers.case_callers.clone_from(&who);
        let mut names: Names = (*reader.names).clone();
        names.watch_sessions();
        names.forget_steps();
        if who.contains(&Caller::Anonymous) {
            names.set_nobody(NOBODY_OF_A_COLUMN);
        }
        reader.names = Arc::new(names);
        let watched = Arc::clone(&reader.names);
        let missing = if mentions_hidden(&group.expect) { row.missing_step(MISSING) } else { None };
        let has_missing = missing.is_some();
        let target = StepSpec { expect: Some(group.expect.clone()), ..row.step.clone() };
        let specs: Vec<StepSpec> =
            row.given.iter().cloned().chain(missing).chain([target]).chain(unchanged.iter().cloned()).collect();
        let mut steps = compile_steps(&specs, self.ground.defaults, callers, reader);
        let teardown = compile_steps(&row.teardown, self.ground.defaults, callers, reader);
        let asked = sessions(&watched, callers, reader);
        callers.met.extend(asked);
        let identities: Vec<IdentityId> = std::mem::take(&mut callers.met).into_iter().collect();
        let ignore = row.missing.as_ref().map_or_else(Vec::new, |m| read_ignored(&m.ignore, reader));
        if steps.len() != specs.len() || teardown.len() != row.teardown.len() {
            return None;
        }
        let given = row.given.len();
        let target = given + usize::from(has_missing);
        if has_missing {
            // Whatever it is answered, that is what hiding looks like.
            steps[given].expect.checks.clear();
            steps[target].expect.checks.iter_mut().for_each(|placed| placed.check.ignore(&ignore));
        }
        if row.session == Session::Shared {
            find_disturbance(&steps, &teardown, &who, callers.plan, reader);
        }
        talk::check(
            steps.iter().chain(&teardown),
            Senders::Columns(&who),
            Whose::of(row.session),
            callers.plan,
            reader,
        );
        let shape = Shape {
            span: row.name.span,
            tags: suite.tags.iter().chain(&row.tags).cloned().collect(),
            skip: row.skip.clone(),
            xfail: None,
            session: row.session,
            vars: Vec::new(),
            steps,
            teardown,
            identities,
            control: None,
        };
        let number = u32::try_from(self.number).unwrap_or(u32::MAX);
        let cell = Cell { row: number, column: 0, span: group.expect.span, side: group.side, given, target };
        Some((Arc::new(shape), cell))
    }
}

/// Tells whether only a fault keeps a name from being known.
fn is_faulty_only(name: &str, callers: &SuiteCallers<'_, '_>, people: &People) -> bool {
    is_faulty(name, callers) && people.iter().all(|p| &*p.0 != name)
}

fn mentions_hidden(expect: &Node) -> bool {
    let status = expect.get("status").map_or(expect, |e| &e.value);
    matches!(&status.data, Data::Text(word) if &**word == "hidden")
}

/// A row's name as part of an id: letters and digits as they are written, everything else becomes one `-`.
fn slug(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_alphanumeric() || c == '_' {
            out.push(c);
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    let trimmed = out.trim_end_matches('-');
    if trimmed.is_empty() { "row".to_owned() } else { trimmed.to_owned() }
}

impl Plan {
    /// Finds the row of a cell.
    pub fn row_of(&self, case: &Case) -> Option<&AccessRow> {
        let cell = case.cell.as_ref()?;
        self.suites.get(case.suite)?.access.as_ref()?.rows.get(cell.row as usize)
    }

    /// Finds the column of a cell.
    pub fn column_of(&self, case: &Case) -> Option<&Column> {
        let cell = case.cell.as_ref()?;
        self.suites.get(case.suite)?.access.as_ref()?.columns.get(cell.column as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn rows_keep_their_letters() {
        assert_eq!(slug("GET /notes/{{ alices_note }}"), "GET-notes-alices_note");
        assert_eq!(slug("delete an order"), "delete-an-order");
        assert_eq!(slug("//"), "row");
    }
}
