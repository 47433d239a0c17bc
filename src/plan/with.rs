//! Deliberate defects in the plan: a case whose step is sent with several becomes one case for each.

use std::sync::Arc;

use super::build::compile_steps;
use super::case::Ground;
use super::diags;
use super::identity::SuiteCallers;
use super::{Control, Plan};
use crate::check::{Expectations, Side, Stance, read_expect, side};
use crate::mutate::{Aim, Mutation, PACKS, Pack, mutation, mutations};
use crate::source::Span;
use crate::spec::{CaseSpec, ControlSpec, Data, Node, Reader, StepSpec, WithSpec};
use crate::step::{Caller, Callers as _, IdentityId, Step, diags as step_diags};

/// One defect of one case.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// The row.
    pub row: &'static Mutation,
    /// Index of the step that it is sent with.
    pub step: usize,
    /// Where it is asked for.
    pub span: Span,
    /// How it came in.
    pub asked: Asked,
    /// What must come back.
    pub wanted: Wanted,
    /// Whether a refusal of another kind than the one that is due fails.
    pub strict: bool,
    /// Who is allowed the plain request, where that is known: a way around a refusal is held against what they get.
    pub allowed: Vec<IdentityId>,
    /// Whose tokens are for somebody else.
    pub donors: Vec<IdentityId>,
}

impl Mutant {
    /// What the step that is sent with it, or `with` itself, wants in place of the table.
    pub fn own<'a>(&'a self, step: &'a Step) -> Option<&'a Expectations> {
        match &self.wanted {
            Wanted::Row => None,
            Wanted::Step => Some(&step.expect),
            Wanted::Own(own) => Some(own),
        }
    }

    /// Tells whether it is what was asked for: by its own id, or by a pack in which all rows start from the same. In any
    /// other pack it is one of many, most of which have no sense for one request.
    pub fn is_meant(&self) -> bool {
        match self.asked {
            Asked::ByName => true,
            Asked::ByPack(name) => {
                let pack = PACKS.iter().find(|pack| pack.name == name);
                pack.is_some_and(|pack| pack.rows().iter().all(|row| row.aim == self.row.aim))
            }
        }
    }
}

/// How a mutation came into a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// By its own id: it has to be applicable.
    ByName,
    /// By a pack: where it does not apply it is skipped.
    ByPack(&'static str),
}

/// What must come back of a request with a defect.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// What the table says.
    Row,
    /// What the step says.
    Step,
    /// What `with` says for this row.
    Own(Arc<Expectations>),
}

/// What a step of a case is sent with: one for each case, `None` for the request as it is.
pub(super) type Mutants = Vec<Option<Arc<Mutant>>>;

/// Refuses defects where no case is.
pub(super) fn refuse(specs: &[StepSpec], reader: &mut Reader<'_>) {
    for with in specs.iter().filter_map(|spec| spec.with.as_ref()) {
        reader.fault(step_diags::misplaced_with(with.span));
    }
}

/// Finds what a case is sent with.
pub(super) fn mutants(
    spec: &CaseSpec,
    control: Option<&Control>,
    callers: &mut SuiteCallers<'_, '_>,
    reader: &mut Reader<'_>,
) -> Mutants {
    let mut found = spec.steps.iter().enumerate().filter_map(|(i, step)| Some((i, step, step.with.as_ref()?)));
    let Some((index, step, with)) = found.next() else { return vec![None] };
    if let Some((_, _, second)) = found.next() {
        reader.fault(diags::two_withs(second.span, with.span));
    }
    let allowed = match control {
        Some(Control::Who(who)) => &who[..],
        Some(Control::Off(_) | Control::Step(_)) | None => &[],
    };
    of_step(step, with, (index, allowed), callers, reader)
}

/// Finds what a step is sent with: `index` is its place in its case, `allowed` who is allowed the plain request.
pub(super) fn of_step(
    step: &StepSpec,
    with: &WithSpec,
    (index, allowed): (usize, &[IdentityId]),
    callers: &mut SuiteCallers<'_, '_>,
    reader: &mut Reader<'_>,
) -> Mutants {
    let rows = rows(with, reader);
    let donors = donors(with, &rows, callers, reader);
    let mut own: Vec<(&str, Arc<Expectations>)> = Vec::new();
    for named in &with.expect {
        if rows.iter().all(|(row, ..)| row.is_none_or(|r| r.id != &*named.name)) {
            let sent: Vec<&str> = rows.iter().filter_map(|(row, ..)| Some((*row)?.id)).collect();
            reader.fault(diags::expects_of_nothing(named.span, &named.name, &sent));
        }
        own.extend(read_expect(&named.value, reader).map(|e| (&*named.name, Arc::new(e))));
    }
    let is_refused = |(row, ..): &(Option<&'static Mutation>, Span, Asked)| row.is_some_and(|r| r.expect.is_refusal());
    // Without a status it leaves that to the defect.
    let says = |n: &&Node| !matches!(n.data, Data::Map(_)) || n.get("status").is_some();
    if let Some(expect) = step.expect.as_ref().filter(says).filter(|_| rows.iter().any(is_refused))
        && side(expect, Stance::Identity, reader.sources) == Side::Allowed
    {
        reader.fault(diags::with_of_allowed(expect.span, with.span));
    }
    let make = |(row, span, asked): (Option<&'static Mutation>, Span, Asked)| {
        let row = row?;
        let own = own.iter().find(|(id, _)| *id == row.id).map(|(_, e)| Wanted::Own(Arc::clone(e)));
        let of_step = step.expect.is_some() && row.expect.is_refusal();
        let wanted = own.unwrap_or(if of_step { Wanted::Step } else { Wanted::Row });
        let (strict, allowed, donors) = (with.strict, allowed.to_vec(), donors.clone());
        Some(Arc::new(Mutant { row, step: index, span, asked, wanted, strict, allowed, donors }))
    };
    rows.into_iter().map(make).collect()
}

/// Refuses rows about origins on a step that names none: where a pack is about more than that, they do not apply.
pub(super) fn need_origin<'s>(mutants: &Mutants, step: impl Fn(usize) -> Option<&'s Step>, reader: &mut Reader<'_>) {
    let mut told = None;
    for mutant in mutants.iter().flatten().filter(|m| m.row.aim == Aim::Origin && m.is_meant()) {
        let names = step(mutant.step).is_none_or(|step| step.writes("origin"));
        if !names && told.replace(mutant.span) != Some(mutant.span) {
            reader.fault(diags::no_origin(mutant.span));
        }
    }
}

/// Finds whose tokens are for somebody else. They log in when a row needs one: no case waits for them.
fn donors(
    with: &WithSpec,
    rows: &[(Option<&'static Mutation>, Span, Asked)],
    callers: &mut SuiteCallers<'_, '_>,
    reader: &mut Reader<'_>,
) -> Vec<IdentityId> {
    let Some(first) = with.donors.first() else { return Vec::new() };
    if rows.iter().all(|(row, ..)| row.is_none_or(|row| row.bad.is_none_or(|bad| !bad.is_elsewhere()))) {
        reader.fault(diags::donor_of_nothing(first.span));
    }
    let met = callers.met.clone();
    let mut found = Vec::new();
    for name in &with.donors {
        match &*name.value {
            "anonymous" => reader.fault(diags::empty_donor(name.span)),
            _ => found.extend(callers.find(reader, name)),
        }
    }
    callers.met = met;
    found
}

/// The rows that are asked for, each once; `none` is the request as it is.
fn rows(with: &WithSpec, reader: &mut Reader<'_>) -> Vec<(Option<&'static Mutation>, Span, Asked)> {
    let mut rows: Vec<(Option<&'static Mutation>, Span, Asked)> = Vec::new();
    let mut add = |row: Option<&'static Mutation>, span, asked| {
        if rows.iter().all(|(known, ..)| known.map(|k| k.id) != row.map(|r| r.id)) {
            rows.push((row, span, asked));
        }
    };
    for word in &with.these {
        if let Some(pack) = Pack::named(&word.value) {
            pack.rows().into_iter().for_each(|row| add(Some(row), word.span, Asked::ByPack(pack.name)));
        } else if &*word.value == "none" {
            add(None, word.span, Asked::ByName);
        } else if let Some(row) = mutation(&word.value) {
            add(Some(row), word.span, Asked::ByName);
        } else {
            reader.fault(diags::unknown_mutation(word.span, &word.value));
        }
    }
    for word in &with.except {
        if Pack::named(&word.value).is_some() {
            reader.fault(diags::excepts_pack(word.span, &word.value));
            continue;
        }
        let known = mutation(&word.value);
        let before = rows.len();
        rows.retain(|(row, ..)| row.map(|r| r.id) != known.map(|k| k.id));
        match known {
            None => reader.fault(diags::unknown_mutation(word.span, &word.value)),
            Some(_) if rows.len() == before => reader.fault(diags::excepts_nothing(word.span, &word.value)),
            Some(_) => {}
        }
    }
    rows
}

/// Compiles what proves a case.
pub(super) fn control(
    spec: &CaseSpec,
    ground: &Ground<'_>,
    callers: &mut SuiteCallers<'_, '_>,
    reader: &mut Reader<'_>,
) -> Option<Control> {
    match spec.control.as_ref()? {
        ControlSpec::Off(span) => Some(Control::Off(*span)),
        ControlSpec::Names(names) => {
            Some(Control::Who(names.iter().filter_map(|name| callers.find(reader, name)).collect()))
        }
        ControlSpec::Step(step) => {
            let mut steps: Vec<Step> = compile_steps(std::slice::from_ref(step), ground.defaults, callers, reader);
            steps.pop().map(|step| Control::Step(Box::new(step)))
        }
    }
}

impl Plan {
    /// Tells whether the control of a case is the case itself, done once more on a setup of its own: it changes
    /// something, and nothing else shows that the good credential would be allowed.
    pub fn replays(&self, index: usize) -> bool {
        let Some(case) = self.cases.get(index) else { return false };
        let Some(mutant) = case.with.as_deref() else { return false };
        let Some(step) = case.shape.steps.get(mutant.step) else { return false };
        let caller = if step.caller == Caller::Case { case.caller } else { step.caller };
        let has_whoami = match caller {
            Caller::Identity(id) => self.identities.get(id.0 as usize).is_some_and(|i| i.login.whoami.is_some()),
            Caller::Case | Caller::Nobody | Caller::Anonymous => false,
        };
        let is_named = matches!(case.shape.control, Some(Control::Off(_) | Control::Step(_)));
        let is_set_up = !self.suites[case.suite].setup.is_empty() || case.cell.is_some_and(|cell| cell.given > 0);
        let is_about_credential = matches!(mutant.row.aim, Aim::Credential | Aim::Change);
        is_about_credential && !step.is_safe() && !has_whoami && !is_named && is_set_up
    }
}

/// All ids, for help.
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    mutations().map(|m| m.id)
}
