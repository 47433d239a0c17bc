//! What is special about the cells of an access matrix (docs/language.md, "The access matrix"): the order they run in, what proves a refusal
//! where every cell has something of its own, and what somebody got who should not have got in.
//!
//! A refusal is proven by a cell of its row that was let in: to the same target, or to one that differs only by what
//! `given` made for each of them by the same steps.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::access::{Said, said};
use super::actor::{Actor, Who};
use super::done::Done;
use super::exchange::StepRun;
use super::leak::{Handed, telling};
use super::order::Order;
use super::stop::Stop;
use super::{Shared, hollow, later, record};
use crate::capture::response_value;
use crate::check::{Expectations, Fetched, Seen, Side, Stance, StatusSet, Word, alike};
use crate::event::{AccessCell, Likeness, Loot, Outcome, Reason, Verdict};
use crate::http::{Response, Trail};
use crate::plan::{AccessRow, Case, Cell, Reach, Wanted};
use crate::source::Span;
use crate::spec::Talk;
use crate::step::{Ask, Premise, Step};
use crate::template::Value;

/// The part that a step plays in its cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// It asks for what is missing.
    Missing,
    /// The cell is about it.
    Target,
    /// It is a step of the flow that the cell is about, before the one whose answer counts.
    Way,
    /// It goes before or comes after.
    Around,
}

/// What the step that a cell is about was answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Got {
    status: u16,
    /// Whether that is a way in.
    is_in: bool,
    /// What stands there in place of data.
    end: Option<hollow::End>,
}

impl Got {
    /// What is told of several answers to one step: a way in before all else, else the first.
    pub(super) fn of_both(first: Option<Self>, next: Option<Self>) -> Option<Self> {
        match (first, next) {
            (Some(first), Some(next)) if next.is_in && !first.is_in => Some(next),
            (first, next) => first.or(next),
        }
    }

    /// What answered, if something did; 2xx is a way in, unless it is declared as a refusal.
    pub(super) fn of(trail: &Trail, denial: Option<Word>) -> Option<Self> {
        let of = |response: &Response| {
            let (status, is_in) = (response.status, response.status / 100 == 2 && denial.is_none());
            Self { status, is_in, end: hollow::end(trail).filter(|_| is_in) }
        };
        trail.response().map(of)
    }
}

/// A body, but for what is each cell's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Body {
    hash: u64,
    bytes: usize,
}

/// What the cells of a run were answered, as far as others are judged by it.
#[derive(Debug, Default)]
pub(super) struct Matrix(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// By suite and row: the columns that were let in, with what they got.
    owners: HashMap<(usize, u32), Vec<(u32, Body)>>,
    /// What somebody got who should not have, by the number of the case.
    intruders: HashMap<usize, Body>,
}

impl Matrix {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds a body of those who may: the same one where there is one, else the first.
    fn owner(&self, row: (usize, u32), body: Body) -> Option<(u32, bool)> {
        let inner = self.lock();
        let owners = inner.owners.get(&row)?;
        // The first column of them, whoever was answered first.
        let same = owners.iter().filter(|(_, own)| *own == body).map(|(column, _)| *column).min();
        let first = || owners.iter().map(|(column, _)| *column).min();
        same.map(|column| (column, true)).or_else(|| Some((first()?, false)))
    }
}

/// Who asks, for expectations that differ by it.
pub(super) const fn stance(actor: &Actor) -> Stance {
    match actor.who {
        Who::Nobody | Who::Anonymous => Stance::Anonymous,
        Who::Entering(..) | Who::Identity(..) => Stance::Identity,
    }
}

impl StepRun<'_> {
    /// The cell that is being run, and the part of the step in it.
    pub(super) fn cell(&self) -> Option<(&Case, Cell, Part)> {
        let case = &self.shared.plan.cases[self.case?];
        let cell = case.cell?;
        let number = self.within.place();
        let part = if number == cell.target {
            if self.within.is_outcome() { Part::Target } else { Part::Way }
        } else if (cell.given..cell.target).contains(&number) {
            Part::Missing
        } else {
            Part::Around
        };
        Some((case, cell, part))
    }

    /// Tells whether a step is what a cell is refused: that brings nothing to keep. What it brings all the same goes to
    /// the steps that tidy up.
    pub(super) fn is_refused_cell(&self) -> bool {
        self.cell().is_some_and(|(_, cell, part)| part == Part::Target && cell.side == Side::Refused)
    }

    /// Reads what an answer says about access: by what is expected of it where that says so, else by its looks.
    pub(super) fn said(&self, step: &Step, actor: &Actor, trail: &Trail, held: bool) -> Said {
        let looks = match said(step, trail) {
            Said::Allowed if self.denial(step, actor, trail).is_some() => Said::Refused,
            looks => looks,
        };
        if !held {
            return looks;
        }
        match (step.own_word(self.stance_in(step, actor)), self.cell()) {
            (Some(Word::Allow), _) => Said::Allowed,
            (Some(Word::Deny | Word::Hidden), _) => Said::Refused,
            (None, Some((_, cell, Part::Target))) => match (cell.side, looks) {
                (Side::Refused, _) => Said::Refused,
                (Side::Allowed, Said::Nothing) => Said::Allowed,
                (Side::Allowed | Side::Neither | Side::Both, looks) => looks,
            },
            (None, _) => looks,
        }
    }

    /// Tells whether an answer is what `outcomes` declares as a refusal for whoever asked: that is no way in, whatever
    /// its status.
    pub(super) fn denial(&self, step: &Step, actor: &Actor, trail: &Trail) -> Option<Word> {
        self.denial_of(step, actor, trail, &[self.stance_in(step, actor)])
    }

    /// The same for whomever the server may have taken the sender for.
    pub(super) fn denial_of(&self, step: &Step, actor: &Actor, trail: &Trail, stances: &[Stance]) -> Option<Word> {
        let outcomes = step.outcomes.as_ref()?;
        let response = trail.response()?;
        let mut scope = self.scope_of(actor);
        scope.set("response", response_value(trail, response));
        let fetched = Fetched::new();
        stances.iter().find_map(|stance| {
            let mut seen = Seen::new(trail, response, &scope, &fetched, Timestamp::now());
            seen.stance = *stance;
            outcomes.refusal(&seen)
        })
    }

    /// Who asks in a step: whoever comes with a credential that is not the own one of now, or that was ended before, need not
    /// be anybody to the server any more. What is wanted of the last step of a flow is wanted by whoever uses that.
    fn stance_in(&self, step: &Step, actor: &Actor) -> Stance {
        let is_of_before = |step: &Step| step.lent.is_some() || matches!(step.premise, Some(Premise::Answered));
        let is_used_so = || self.within.asking().any(|used| is_of_before(used.step));
        if is_of_before(step) || is_used_so() { Stance::Former } else { stance(actor) }
    }

    /// Whom an answer was for, as far as outcomes differ by it: whoever is refused a newer session need not be anybody to the
    /// server any more.
    pub(super) fn stance(&self, step: &Step, actor: &Actor, trail: &Trail) -> Stance {
        let own = self.stance_in(step, actor);
        let refused_as = |stance| self.denial_of(step, actor, trail, &[stance]).is_some();
        let is_refresh = matches!(step.ask, Ask::Talk(Talk::Refresh, _));
        if is_refresh && !refused_as(own) && refused_as(Stance::Anonymous) { Stance::Anonymous } else { own }
    }

    /// What a cell asks for, but for what `given` made for it: what proves its refusal was asked for alike.
    pub(super) fn alike(&self, step: &Step, actor: &Actor) -> Option<u64> {
        let (case, cell, Part::Target) = self.cell()? else { return None };
        let row = self.shared.plan.row_of(case).filter(|row| !row.given.is_empty())?;
        let Ask::Request(line) = &step.ask else { return None };
        let mut scope = self.scope_of(actor);
        for name in &row.given {
            scope.set(name.clone(), Value::from(format!("‹{name}›")));
        }
        let target = line.target.render(&scope).ok()?;
        let mut hasher = DefaultHasher::new();
        (case.suite, cell.row, &line.method, target).hash(&mut hasher);
        Some(hasher.finish())
    }

    /// Keeps what the step that a cell is about was answered.
    pub(super) fn keep_cell(&self, step: &Step, actor: &Actor, trail: &Trail, done: &mut Done, said: Said) {
        let (Some(index), Some((case, cell, part @ (Part::Target | Part::Way)))) = (self.case, self.cell()) else {
            return;
        };
        let Some(response) = trail.response() else { return };
        let body = self.body(case, actor, &response.body);
        done.cell = Got::of(trail, self.denial(step, actor, trail));
        let mut inner = self.shared.matrix.lock();
        if said == Said::Allowed && done.held() && part == Part::Target && cell.side == Side::Allowed {
            inner.owners.entry((case.suite, cell.row)).or_default().push((cell.column, body));
        } else if cell.side == Side::Refused && !done.held() && done.cell.is_some_and(|got| got.is_in) {
            inner.intruders.insert(index, body);
        }
    }

    /// What a cell that has something of its own got, as its row knows it.
    pub(super) fn handed_alike(&self, actor: &Actor, row: u64, trail: &Trail) -> Option<Handed> {
        let (case, ..) = self.cell()?;
        let response = trail.response().filter(|response| telling(&response.body).is_some())?;
        Some((row, self.body(case, actor, &response.body).hash))
    }

    /// A body in which what `given` made is put alike.
    fn body(&self, case: &Case, actor: &Actor, bytes: &[u8]) -> Body {
        let mut hasher = DefaultHasher::new();
        let given = self.shared.plan.row_of(case).map_or(&[][..], |row| &row.given);
        if given.is_empty() {
            bytes.hash(&mut hasher);
        } else {
            let scope = self.scope_of(actor);
            let own: Vec<String> = given.iter().filter_map(|name| Some(scope.get(name)?.to_string())).collect();
            let own: Vec<&str> = own.iter().map(String::as_str).collect();
            alike(&String::from_utf8_lossy(bytes), &own).hash(&mut hasher);
        }
        Body { hash: hasher.finish(), bytes: bytes.len() }
    }
}

/// What reports tell of the cell of a case.
pub(super) fn told(shared: &Shared, case: &Case) -> Option<AccessCell> {
    let (cell, row, column) = (case.cell?, shared.plan.row_of(case)?, shared.plan.column_of(case)?);
    let mask = |text: &str| shared.secrets.mask(text).into_owned();
    let expect = &case.shape.steps.get(cell.target)?.expect;
    let want = match case.with.as_deref() {
        None => wanted(expect),
        Some(mutant) => match &mutant.wanted {
            Wanted::Own(own) => wanted(own),
            Wanted::Row | Wanted::Step => mutant.row.expect.describe(),
        },
    };
    Some(AccessCell {
        row: mask(&row.name),
        column: mask(&column.name),
        role: column.role.as_deref().map(mask),
        row_number: cell.row,
        column_number: cell.column,
        with: case.with.as_ref().map(|mutant| mutant.row.id.to_owned()),
        want,
        got: None,
        body: None,
        odd: false,
    })
}

/// An expectation in a few words.
fn wanted(expect: &Expectations) -> String {
    match (&expect.status, &expect.error) {
        (Some(set), _) => set.word().map_or_else(|| set.describe(), |word| word.name().to_owned()),
        (None, Some(_)) => "no answer".to_owned(),
        (None, None) => "below 400".to_owned(),
    }
}

/// The numbers of the cases of a suite in the order they run: those of one wave at once, or one after the other.
pub(super) struct Wave {
    pub(super) cases: Vec<usize>,
    pub(super) at_once: bool,
}

/// Within a row refusals run first; what changes something runs last, one cell at a time. Cases that are their own
/// controls are none of these.
pub(super) fn waves(shared: &Shared, suite: usize) -> Vec<Wave> {
    let (mut first, mut second, mut last) = (Vec::new(), Vec::new(), Vec::new());
    let plan = &shared.plan.suites[suite];
    let order = if plan.serial { Order::Written } else { shared.options.order };
    for index in order.of(plan.cases.clone()).into_iter().filter(|index| !shared.plan.replays(*index)) {
        let case = &shared.plan.cases[index];
        // A defect of a credential that is let in is to be refused.
        let is_let_in = case.cell.is_some_and(|cell| cell.side == Side::Allowed) && case.with.is_none();
        match (case.cell, shared.plan.row_of(case)) {
            (Some(cell), Some(row)) if !row.safe => {
                last.push((order.rank(cell.row as usize), is_let_in, order.rank(index), index));
            }
            (Some(_), _) if is_let_in => second.push(index),
            _ => first.push(index),
        }
    }
    last.sort_unstable();
    let one_by_one = last.into_iter().map(|(.., index)| index).collect();
    let at_once = [first, second].map(|cases| Wave { cases, at_once: true });
    at_once.into_iter().chain([Wave { cases: one_by_one, at_once: false }]).collect()
}

/// Says of a cell that did not pass what that means: `given` did not work, somebody got in, or something changed.
pub(super) fn conclude(shared: &Shared, case: &Case, outcome: &mut Outcome, got: Option<Got>) {
    let Some(cell) = case.cell else { return };
    if let Some(told) = &mut outcome.access {
        told.got = got.map(|g| g.status);
    }
    if let Some(end) = got.and_then(|got| got.end) {
        hollow::tell(shared, case, outcome, end);
    }
    let at = outcome.reasons.first().and_then(|r| outcome.steps.get(r.step?));
    let number = at.and_then(|s| s.number.split('.').next()?.parse::<usize>().ok());
    let Some(step) = number.and_then(|n| n.checked_sub(1)) else { return };
    let line = at.map(|s| s.request.clone()).unwrap_or_default();
    let is_in = got.is_some_and(|g| g.is_in);
    let name = shared.plan.column_of(case).map_or("", |c| &c.name);
    let failed = outcome.verdict == Verdict::Failed;
    let Some(first) = outcome.reasons.first_mut() else { return };
    let (code, message) = match outcome.verdict {
        Verdict::Failed | Verdict::Errored if step < cell.given => {
            ("given-failed", format!("`given` did not work at `{line}`: {}", first.message))
        }
        Verdict::Failed if step == cell.target && cell.side == Side::Refused && is_in && case.with.is_none() => {
            ("got-in", format!("`{name}` got in"))
        }
        Verdict::Failed if step > cell.target && (cell.side == Side::Refused || case.with.is_some()) => {
            let status = got.map(|g| g.status.to_string()).unwrap_or_default();
            ("changed", format!("`{name}` was refused with {status}, and yet something changed: {}", first.message))
        }
        _ => return,
    };
    let own = record::reason(shared, code, &message, Span::NONE, Vec::new());
    *first = Reason { code: own.code, message: own.message, ..first.clone() };
    if code == "given-failed" && (failed || outcome.verdict == Verdict::Errored) {
        outcome.verdict = Verdict::Blocked;
        // The same steps are sent for every cell; what goes wrong alike is told once.
        if first.shared_cause.is_none() {
            let (wanted, came) = (first.expected.as_deref(), first.actual.as_deref());
            let alike = format!("{code}:{}:{}:{step}:{}:{wanted:?}:{came:?}", case.suite, cell.row, first.message);
            first.shared_cause = Some(alike.into());
        }
    }
}

/// Adds what is only known when others of the row are: what was got, and whether the refusal was of the right kind.
pub(super) fn finish(shared: &Shared, outcome: &mut Outcome) {
    let Some(case) = shared.plan.cases.get(outcome.index as usize) else { return };
    let (Some(cell), Some(row)) = (case.cell, shared.plan.row_of(case)) else { return };
    if case.with.is_some() {
        return;
    }
    tell_loot(shared, case, cell, outcome);
    let step = &case.shape.steps[cell.target];
    let Some(told) = &mut outcome.access else { return };
    let stance = if told.column == "anonymous" { Stance::Anonymous } else { Stance::Identity };
    let is_plain = step.expect.status.as_ref().and_then(StatusSet::word) == Some(Word::Deny);
    let (message, is_odd) = match (stance, told.got) {
        (Stance::Identity, Some(401)) => {
            (format!("`{}` is known, and was refused with 401 instead of 403", told.column), true)
        }
        (Stance::Anonymous, Some(403)) => ("anonymous was refused with 403 instead of 401".to_owned(), true),
        _ => (String::new(), false),
    };
    if outcome.verdict != Verdict::Passed || !is_plain || !is_odd || step.own_word(stance).is_some() {
        return;
    }
    told.odd = true;
    let at = outcome.steps.iter().position(|s| s.number == (cell.target + 1).to_string());
    let help = vec!["an API that means to answer so says it once under `outcomes:`".to_owned()];
    let mut reason = record::reason(shared, "odd-refusal", &message, cell.span, help);
    reason.step = at;
    outcome.reasons.insert(0, reason);
    if row.strict {
        outcome.verdict = Verdict::Failed;
    } else {
        outcome.proof.odd += 1;
    }
}

fn tell_loot(shared: &Shared, case: &Case, cell: Cell, outcome: &mut Outcome) {
    let index = outcome.index as usize;
    let Some(body) = shared.matrix.lock().intruders.remove(&index) else { return };
    let (Some(told), Some(first)) = (&mut outcome.access, outcome.reasons.first_mut()) else { return };
    if !matches!(first.code, "got-in" | later::CODE) {
        return;
    }
    let columns = shared.plan.suites[case.suite].access.as_ref().map_or(&[][..], |a| &a.columns);
    let owner = shared.matrix.owner((case.suite, cell.row), body);
    let name = |column: u32| columns.get(column as usize).map(|c| c.name.to_string());
    let bytes = crate::term::plural(body.bytes, "byte");
    let (is, beside, words) = match owner.map(|(column, same)| (name(column), same)) {
        _ if body.bytes == 0 => (Likeness::Empty, None, "the body is empty".to_owned()),
        Some((Some(name), true)) => {
            let words = format!("the body is the same as that of `{name}` ({bytes})");
            (Likeness::Same, Some(name), words)
        }
        Some((Some(name), false)) => {
            let words = format!("the body differs from that of `{name}` ({bytes})");
            (Likeness::Differs, Some(name), words)
        }
        _ => (Likeness::Alone, None, format!("nobody who may got a body to compare with ({bytes})")),
    };
    first.message = format!("{}: {}", first.message, record::text(shared, &words));
    told.body = Some(Loot { is, beside, bytes: body.bytes });
}

/// Why the refusals of a row prove nothing when nobody was seen being let in, and what to do; nothing where the
/// cells of those who may were not selected.
pub(super) fn unreached(shared: &Shared, case: &Case) -> Option<(String, &'static str)> {
    let (cell, row): (Cell, &AccessRow) = (case.cell?, shared.plan.row_of(case)?);
    let reached = shared.matrix.lock().owners.contains_key(&(case.suite, cell.row));
    match row.reach {
        Reach::LeftOut => None,
        Reach::Nobody => Some((
            format!("nobody is let in by the row `{}`, so its refusals may have another cause", row.name),
            "say who may (`alice: allow`), or that nobody may: `closed: true`",
        )),
        Reach::Planned if reached => Some((
            format!(
                "whoever is let in by the row `{}` asks for something else, so the refusal may have another cause",
                row.name
            ),
            "ask for the same target as everybody, or let `given` make one for each cell",
        )),
        Reach::Planned => Some((
            format!("nobody was let in by the row `{}` in this run, so its refusals may have another cause", row.name),
            if shared.stop.state() == Stop::No {
                "look at the cells of this row that should be let in"
            } else {
                "the run stopped early: run this row to the end, with the cells that should be let in"
            },
        )),
    }
}
