//! The cells: which operation was asked by whom, and what came of it.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Document, Operation};
use super::owners::{Owners, RowKey, row_of};
use super::results::{CaseResult, Results, StepResult};
use super::route::Router;
use super::schemes::Doors;
use super::stance::{Groups, Said, Stance, State, Want, said, stance, state, want};
use crate::event::{Carried, Verdict};
use crate::mutate::{MUTATIONS, mutation};

/// What the names of the library's life-cycle flows begin with.
pub(super) const LIFE: &str = "lifecycle.";

/// What was found out about all operations.
#[derive(Debug)]
pub struct Grid {
    /// The stances, in the order of reports.
    pub stances: Vec<Stance>,
    /// A row for each operation, in the order of the document.
    pub rows: Vec<Row>,
    /// Requests that belong to no operation: origin, method and path, how often, and whether a stranger was let in.
    pub elsewhere: BTreeMap<(String, String, String), Elsewhere>,
    /// The origins that operations were asked at.
    pub origins: BTreeSet<String>,
    /// How many requests were looked at.
    pub requests: usize,
    /// For each family of defects how often one was sent, and how often it was refused exactly as it should be.
    pub mutations: BTreeMap<String, (usize, usize)>,
    /// The requirements that a defect showed to be met; nothing where no defect was sent.
    pub met: Option<BTreeSet<&'static str>>,
    /// The life-cycle flows that were used, and whether a case that uses one passed.
    pub lives: BTreeMap<String, bool>,
    /// For each role those who were seen with it, and how often.
    pub people: BTreeMap<String, BTreeMap<String, usize>>,
    /// What the groups of people are.
    pub groups: Groups,
}

/// The cells of an operation.
#[derive(Debug, Clone)]
pub struct Row {
    /// A state for each stance.
    pub cells: Vec<State>,
    /// What each stance should get, as the document or, where it is silent, the cases say.
    pub wants: Vec<Want>,
    /// Statuses that say something about access, as they were seen.
    pub statuses: BTreeSet<u16>,
    /// What was seen of its schemes.
    pub doors: Doors,
    /// Whether anybody was seen being let in with a credential.
    pub allowed: bool,
    /// Whether a stranger was let in.
    pub open: bool,
    /// Whether two people of one role were let in to the same object.
    pub shared: bool,
    /// The scopes without which somebody who is known was refused.
    pub withheld: BTreeSet<String>,
}

/// A request that belongs to no operation.
#[derive(Debug, Default, Clone, Copy)]
pub struct Elsewhere {
    /// How often it was sent.
    pub times: usize,
    /// How often a stranger was let in.
    pub open: usize,
}

/// One request of an operation.
pub(super) struct Asked<'r> {
    op: usize,
    pub(super) step: &'r StepResult,
    /// The steps of its case before it.
    pub(super) before: &'r [StepResult],
    /// The row of an access matrix that it is of.
    pub(super) row: Option<RowKey<'r>>,
    verdict: Verdict,
    good_before: bool,
    /// Whether the case waives what would prove its refusals.
    waived: bool,
}

impl Grid {
    /// Counts what results show.
    pub fn of(document: &Document, results: &[Results]) -> Self {
        let router = Router::new(&document.operations);
        let mut grid = Self {
            stances: Vec::new(),
            rows: Vec::new(),
            elsewhere: BTreeMap::new(),
            origins: BTreeSet::new(),
            requests: 0,
            mutations: BTreeMap::new(),
            met: None,
            lives: lives(results),
            people: BTreeMap::new(),
            groups: Groups::Roles,
        };
        let steps = || results.iter().flat_map(|r| &r.cases).flat_map(|c| &c.steps);
        let roles = document.operations.iter().any(|o| o.roles.is_some()) || steps().any(|s| s.role.is_some());
        grid.groups = if roles { Groups::Roles } else { Groups::Names };
        let asked = grid.asked(&router, results);
        grid.stances = stances(document, &grid.people);
        let blank = |op: &Operation| Row::blank(document, op, &grid.stances);
        grid.rows = document.operations.iter().map(blank).collect();
        for one in asked.iter().filter(|a| said(a.step) == Said::Allowed && may_show(a.step)) {
            grid.rows[one.op].allowed = true;
        }
        grid.origins = asked.iter().map(|a| origin(a.step).to_owned()).collect();
        let owners = Owners::of(&asked);
        for one in &asked {
            grid.mark(document, one, &owners);
        }
        grid
    }

    /// Sorts all requests to their operations.
    fn asked<'r>(&mut self, router: &Router, results: &'r [Results]) -> Vec<Asked<'r>> {
        let mut out = Vec::new();
        let cases = results.iter().enumerate().flat_map(|(n, r)| r.cases.iter().map(move |case| (n, case)));
        for (result, case) in cases {
            for (i, step) in case.steps.iter().enumerate().filter(|(_, s)| s.sent.is_some()) {
                self.requests += 1;
                if let (Some(caller), Some(group), true) = (&step.caller, self.groups.of(step), step.is_own()) {
                    *self.people.entry(group.to_owned()).or_default().entry(caller.clone()).or_default() += 1;
                }
                let (method, _) = step.line();
                match router.find(method, step.line().1) {
                    Some(op) => {
                        let good_before = good_before(case, i);
                        let waived = case.proof.uncontrolled > 0;
                        let (before, row) = (&case.steps[..i], row_of(result, case, step));
                        out.push(Asked { op, step, before, row, verdict: case.verdict, good_before, waived });
                    }
                    // What every route answers, and what stands for a GET that is there (RFC 9110, section 9.3.2).
                    None if method == "OPTIONS" => {}
                    None if method == "HEAD" && router.find("GET", step.line().1).is_some() => {}
                    None => {
                        let key = (origin(step).to_owned(), method.to_owned(), step.path().to_owned());
                        let found = self.elsewhere.entry(key).or_default();
                        found.times += 1;
                        let stranger = step.sent.as_ref().is_some_and(|s| s.credential == Carried::None);
                        found.open += usize::from(stranger && matches!(step.first_status(), Some(200..=299)));
                    }
                }
            }
        }
        out
    }

    fn mark<'r>(&mut self, document: &Document, one: &Asked<'r>, owners: &Owners<'r>) {
        let (op, step) = (&document.operations[one.op], one.step);
        let row = &mut self.rows[one.op];
        let speaks = said(step);
        if let Some(status) = step.first_status().filter(|s| matches!(s, 200..=299 | 401 | 403)) {
            row.statuses.insert(status);
        }
        if speaks == Said::Allowed && may_show(step) {
            row.doors.allow(document, op, step);
        } else if matches!(step.first_status(), Some(401 | 403)) && row.allowed && step.broken == 0 {
            row.doors.refuse(document, op, step);
        }
        if let Some(id) = step.with.as_deref().filter(|w| *w != "none") {
            let counts = !one.waived || self.rows[one.op].allowed;
            self.defect(id, step, counts);
        }
        if speaks == Said::Hidden && !owners.is_there(one) {
            // Nothing was there for anybody.
            return;
        }
        if speaks == Said::Allowed && step.broken == 0 && may_show(step) && owners.has_peer(one) {
            self.rows[one.op].shared |= want(op, &Stance::Peer) == Want::Denied;
        }
        if matches!(speaks, Said::Refused | Said::Hidden) && owners.has_peer(one) {
            self.put(op, one, &Stance::Peer);
        }
        if let Some(stance) = stance(document, op, (step, one.good_before), self.groups) {
            self.put(op, one, &stance);
        }
        self.withhold(document, one);
    }

    /// Notes how a defect was answered, and which requirements that shows to be met.
    fn defect(&mut self, id: &str, step: &StepResult, counts: bool) {
        let family = MUTATIONS.iter().find(|f| f.rows.iter().any(|row| row.id == id)).map_or("other", |f| f.name);
        let (sent, good) = self.mutations.entry(family.to_owned()).or_default();
        *sent += 1;
        let exact = step.grade.as_deref().map_or(step.first_status() == Some(401), |g| g == "denied-exact");
        let exact = exact && step.broken == 0 && counts;
        *good += usize::from(exact);
        let met = self.met.get_or_insert_default();
        if exact || (step.grade.as_deref() == Some("as-due") && step.broken == 0) {
            let refs = mutation(id).into_iter().flat_map(|row| row.refs.iter().copied());
            met.extend(refs.filter(|r| is_requirement(r)));
        }
    }

    /// Notes the scope that somebody lacked, where it is the only one that it can have been.
    fn withhold(&mut self, document: &Document, one: &Asked<'_>) {
        let (op, step) = (&document.operations[one.op], one.step);
        let passed = matches!(one.verdict, Verdict::Passed | Verdict::Flaky) && step.broken == 0;
        let Some(named) = step.lacking().filter(|_| passed && step.is_own() && step.first_status() == Some(403)) else {
            return;
        };
        let row = &mut self.rows[one.op];
        if !row.allowed {
            // Nobody was seen having it.
            return;
        }
        let declared = document.scopes(op);
        let lacked: Vec<&String> = declared.iter().filter(|scope| named.is_empty() || named.contains(scope)).collect();
        if let [scope] = lacked[..] {
            row.withheld.insert(scope.clone());
        }
    }

    /// Puts what a request shows into its cell.
    fn put(&mut self, op: &Operation, one: &Asked<'_>, stance: &Stance) {
        let Some(at) = self.stances.iter().position(|s| s == stance) else { return };
        let row = &mut self.rows[one.op];
        row.open |= *stance == Stance::Anonymous && said(one.step) == Said::Allowed;
        let wanted = want(op, stance);
        let Some(state) = state(op, (one.step, one.verdict, one.waived), (stance, wanted), row.allowed) else { return };
        // The more telling of two states stays.
        row.cells[at] = row.cells[at].max(state);
        if wanted == Want::Open && state != State::Failed {
            // Whoever was let in once may; what was refused beside it is somebody else's.
            match (said(one.step), row.wants[at]) {
                (Said::Allowed, _) => row.wants[at] = Want::Allowed,
                (Said::Refused | Said::Hidden, Want::Open) => row.wants[at] = Want::Denied,
                (Said::Refused | Said::Hidden | Said::Nothing, _) => {}
            }
        }
    }
}

impl Row {
    fn blank(document: &Document, op: &Operation, stances: &[Stance]) -> Self {
        let wants: Vec<Want> = stances.iter().map(|s| want(op, s)).collect();
        let cell = |w: &Want| if *w == Want::Nothing { State::NotApplicable } else { State::Untested };
        Self {
            cells: wants.iter().map(cell).collect(),
            wants,
            statuses: BTreeSet::new(),
            doors: Doors::of(document, op),
            allowed: false,
            open: false,
            shared: false,
            withheld: BTreeSet::new(),
        }
    }
}

/// Tells whether what a row of the catalogue stands on is an item of a list that people go through.
pub(super) fn is_requirement(reference: &str) -> bool {
    ["ASVS ", "WSTG-"].iter().any(|list| reference.starts_with(list))
        || reference.strip_prefix("API").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The life-cycle flows of the library that cases used, and whether one of those cases passed.
fn lives(results: &[Results]) -> BTreeMap<String, bool> {
    let mut lives = BTreeMap::new();
    for case in results.iter().flat_map(|r| &r.cases) {
        let passed = matches!(case.verdict, Verdict::Passed | Verdict::Flaky);
        let used = case.steps.iter().flat_map(|s| &s.flows).filter(|flow| flow.name.starts_with(LIFE));
        used.for_each(|flow| *lives.entry(flow.name.clone()).or_default() |= passed);
    }
    lives
}

/// Where a step was sent.
fn origin(step: &StepResult) -> &str {
    step.sent.as_ref().map_or("", |sent| &sent.origin)
}

/// Tells whether an answer shows that a credential is good for something.
pub(super) fn may_show(step: &StepResult) -> bool {
    let with = step.with.as_deref().is_some_and(|w| w != "none");
    !with && step.sent.as_ref().is_some_and(|s| s.credential != Carried::None)
}

/// Tells whether the same was allowed to the same caller earlier in a case, and the case waited since.
fn good_before(case: &CaseResult, at: usize) -> bool {
    let step = &case.steps[at];
    let same = |s: &StepResult| s.request == step.request && s.caller == step.caller && said(s) == Said::Allowed;
    let Some(good) = case.steps[..at].iter().rposition(same) else { return false };
    let credential = |s: &StepResult| s.sent.as_ref().map(|s| s.credential);
    let waited = case.steps[good + 1..=at].iter().any(|s| s.sent.as_ref().is_some_and(|s| s.paused));
    waited && credential(&case.steps[good]) == credential(step)
}

/// The stances of a document: those of everybody, and one for each role that is declared or was seen.
fn stances<T>(document: &Document, people: &BTreeMap<String, T>) -> Vec<Stance> {
    let declared = document.operations.iter().filter_map(|o| o.roles.as_ref()).flatten();
    let roles: BTreeSet<&String> = declared.chain(people.keys()).collect();
    let fixed = [Stance::Anonymous, Stance::Invalid, Stance::Expired];
    let roles = roles.into_iter().map(|r| Stance::Role(r.clone()));
    fixed.into_iter().chain(roles).chain([Stance::Peer]).collect()
}
