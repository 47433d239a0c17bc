//! Makes the cases of a plan: one written case is expanded into one for each caller and row.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::build::{compile_steps, sessions};
use super::identity::SuiteCallers;
use super::talk::{self, Senders, Whose};
use super::with::{self, Mutant};
use super::world::ordered;
use super::{Case, Plan, RowPlan, Shape, Var, diags};
use crate::source::Span;
use crate::spec::{CaseSpec, Defaults, Each, Named, Node, Reader, Row, RowValue, Session, Suite};
use crate::step::{Caller, Callers as _, IdentityId, Step, StepsId, Tree};
use crate::template::{Members, Names};

/// What the cases of a suite stand on.
pub(super) struct Ground<'a> {
    pub(super) suite: &'a Suite,
    pub(super) default_caller: Caller,
    pub(super) defaults: &'a Defaults,
}

/// Compiles a case once, and expands it.
pub(super) fn compile_case(
    spec: &CaseSpec,
    ground: &Ground<'_>,
    callers: &mut SuiteCallers<'_, '_>,
    reader: &mut Reader<'_>,
    ids: &mut HashMap<String, Span>,
) -> Vec<Case> {
    let who = who(spec, ground.default_caller, callers, reader);
    let rows = spec.each.as_ref().map(|each| rows(each, reader));
    callers.met.clear();
    callers.case_callers.clone_from(&who);
    let mut names = (*reader.names).clone();
    names.watch_sessions();
    names.forget_steps();
    if let Some(each) = &spec.each {
        names.object("row", columns(each));
    }
    reader.names = Arc::new(names);
    let watched = Arc::clone(&reader.names);
    let vars = vars(spec, callers, reader);
    let steps = compile_steps(&spec.steps, ground.defaults, callers, reader);
    let control = with::control(spec, ground, callers, reader);
    let mutants = with::mutants(spec, control.as_ref(), callers, reader);
    with::need_origin(&mutants, |index| steps.get(index), reader);
    with::refuse(&spec.teardown, reader);
    let teardown = compile_steps(&spec.teardown, ground.defaults, callers, reader);
    let asked = sessions(&watched, callers, reader);
    callers.met.extend(asked);
    let identities: Vec<IdentityId> = std::mem::take(&mut callers.met).into_iter().collect();
    if steps.len() != spec.steps.len() || teardown.len() != spec.teardown.len() {
        return Vec::new();
    }
    match spec.session {
        Session::Shared => find_disturbance(&steps, &teardown, &who, callers.plan, reader),
        Session::Exclusive if identities.is_empty() && !who.iter().any(|c| matches!(c, Caller::Identity(_))) => {
            reader.fault(diags::exclusive_nobody(spec.span));
        }
        Session::Fresh | Session::Exclusive => {}
    }
    talk::check(steps.iter().chain(&teardown), Senders::Case(&who), Whose::of(spec.session), callers.plan, reader);
    let shape = Arc::new(Shape {
        span: spec.span,
        tags: ground.suite.tags.iter().chain(&spec.tags).cloned().collect(),
        skip: spec.skip.clone(),
        xfail: spec.xfail.clone(),
        session: spec.session,
        vars,
        steps,
        teardown,
        identities,
        control,
    });
    let rows: Vec<Option<Arc<RowPlan>>> = rows.map_or_else(|| vec![None], |r| r.into_iter().map(Some).collect());
    let (siblings, several) = (mutants.iter().flatten().count(), mutants.len() > 1);
    let mut cases = Vec::new();
    for caller in who {
        for row in &rows {
            let group = callers.plan.groups;
            callers.plan.groups += usize::from(mutants.iter().any(Option::is_some));
            for with in &mutants {
                let id = Expansion { spec, suite: ground.suite, caller, row: row.as_deref(), with, several };
                let case = id.case(&shape, row.clone(), callers.plan, reader, ids);
                cases.extend(case.map(|case| Case { group, siblings, ..case }));
            }
        }
    }
    cases
}

fn who(spec: &CaseSpec, default: Caller, callers: &mut SuiteCallers<'_, '_>, reader: &mut Reader<'_>) -> Vec<Caller> {
    if spec.callers.is_empty() {
        return vec![default];
    }
    let mut who = Vec::new();
    for name in &spec.callers {
        match &*name.value {
            "anonymous" => who.push(Caller::Anonymous),
            _ => who.extend(callers.find(reader, name).map(Caller::Identity)),
        }
    }
    who
}

/// One case of those that a written one expands into.
struct Expansion<'a> {
    spec: &'a CaseSpec,
    suite: &'a Suite,
    caller: Caller,
    row: Option<&'a RowPlan>,
    with: &'a Option<Arc<Mutant>>,
    /// Whether it is sent with one of several defects.
    several: bool,
}

impl Expansion<'_> {
    /// What tells it from its siblings: `[as=bob,row=7]`.
    fn mark(&self, plan: &Plan) -> String {
        let caller = plan.caller_name(self.caller).filter(|_| self.spec.callers.len() > 1);
        let with = self.with.as_ref().map_or("none", |mutant| mutant.row.id);
        let with = self.several.then_some(with);
        let marks: Vec<String> = [("as", caller), ("row", self.row.map(|r| &*r.id)), ("with", with)]
            .into_iter()
            .filter_map(|(key, value)| Some(format!("{key}={}", value?)))
            .collect();
        if marks.is_empty() { String::new() } else { format!("[{}]", marks.join(",")) }
    }

    fn case(
        &self,
        shape: &Arc<Shape>,
        row: Option<Arc<RowPlan>>,
        plan: &Plan,
        reader: &mut Reader<'_>,
        ids: &mut HashMap<String, Span>,
    ) -> Option<Case> {
        let name = &self.spec.name;
        let mark = self.mark(plan);
        let id = format!("{}/{}{mark}", self.suite.id, slug(&name.value));
        if let Some(first) = ids.insert(id.clone(), name.span) {
            reader.fault(diags::duplicate_case(name.span, first, &id));
            return None;
        }
        let name = if mark.is_empty() { name.value.clone() } else { format!("{} {mark}", name.value) };
        Some(Case {
            id: id.into(),
            name,
            suite: 0,
            shape: Arc::clone(shape),
            caller: self.caller,
            row,
            cell: None,
            with: self.with.clone(),
            group: 0,
            siblings: 0,
        })
    }
}

fn rows(each: &Each, reader: &mut Reader<'_>) -> Vec<Arc<RowPlan>> {
    let compile = |row: &Row, reader: &mut Reader<'_>| {
        let value = match &row.value {
            RowValue::Written(node) => Tree::compile(node, reader)?,
            RowValue::Read(value) => Tree::Const(value.clone()),
        };
        Some(Arc::new(RowPlan { id: Arc::clone(&row.id.value), value }))
    };
    each.rows.iter().filter_map(|row| compile(row, reader)).collect()
}

/// The columns of rows, each with the rows that lack it.
fn columns(each: &Each) -> Members {
    // Rows with a fault of their own are told about that alone.
    if each.rows.is_empty() {
        return Members::Any;
    }
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let of_rows: Vec<(&str, Vec<&str>)> = each.rows.iter().map(|r| (&*r.id.value, r.names())).collect();
    for name in of_rows.iter().flat_map(|(_, names)| names) {
        columns.entry((*name).to_owned()).or_default();
    }
    for (name, lacking) in &mut columns {
        let without = of_rows.iter().filter(|(_, names)| !names.contains(&name.as_str()));
        lacking.extend(without.map(|(id, _)| (*id).to_owned()));
    }
    Members::Rows(Arc::new(columns))
}

/// Compiles the variables of a case and puts their names into scope; `--var` wins over them.
fn vars(spec: &CaseSpec, callers: &SuiteCallers<'_, '_>, reader: &mut Reader<'_>) -> Vec<Var> {
    if spec.vars.is_empty() {
        return Vec::new();
    }
    let mut names: Names = (*reader.names).clone();
    spec.vars.iter().for_each(|v| names.add(&v.name));
    reader.names = Arc::new(names);
    let all: Vec<&Named<Node>> = spec.vars.iter().collect();
    let mut vars = ordered(&all, reader);
    vars.retain(|var| callers.options.vars.iter().all(|(given, _)| **given != *var.name));
    vars
}

/// A case that shares its session may not end or rotate it: others use it too (docs/language.md, "What a refusal proves").
pub(super) fn find_disturbance(
    steps: &[Step],
    teardown: &[Step],
    who: &[Caller],
    plan: &Plan,
    reader: &mut Reader<'_>,
) {
    let all = steps.iter().chain(teardown).flat_map(|using| using.sending().into_iter().map(move |step| (using, step)));
    for (using, step) in all {
        let one = [step.caller];
        let callers = if step.caller == Caller::Case { who } else { &one };
        let ids = callers.iter().filter_map(|c| match c {
            Caller::Identity(id) => Some(id),
            Caller::Case | Caller::Nobody | Caller::Anonymous => None,
        });
        for id in ids {
            let identity = &plan.identities[id.0 as usize];
            let scheme = &identity.login.scheme;
            let like = |steps: Option<StepsId>| {
                steps.is_some_and(|s| changing(&plan.steps[s.0 as usize]).any(|other| step.asks_like(other)))
            };
            // A refresh with another token is a test of refusals, and leaves the session alone.
            let same_token = scheme.refresh_steps().is_some_and(|s| {
                let uses = |step: &Step, part: &str| step.body_uses(&format!("session.{part}"));
                let refresh = &plan.steps[s.0 as usize];
                scheme.parts().iter().any(|p| uses(step, p) && refresh.iter().any(|other| uses(other, p)))
            });
            let what = if like(scheme.logout()) {
                "ends"
            } else if like(scheme.refresh_steps()) && same_token {
                "rotates"
            } else {
                continue;
            };
            let fault = diags::shared_session(step.span, &identity.name, what);
            reader.fault(if std::ptr::eq(using, step) { fault } else { fault.also(using.span, "used here") });
            break;
        }
    }
}

/// The steps of a logout or a refresh that change something: those that only look, for a CSRF token say, end nothing,
/// unless they are all there is.
fn changing(steps: &[Step]) -> impl Iterator<Item = &Step> {
    let all_look = steps.iter().all(Step::is_safe);
    let counts = move |(i, step): &(usize, &Step)| if all_look { i + 1 == steps.len() } else { !step.is_safe() };
    steps.iter().enumerate().filter(counts).map(|(_, step)| step)
}

/// A name as part of an id: letters and digits of any language, everything else becomes one `-`.
pub(crate) fn slug(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    let trimmed = out.trim_end_matches('-');
    if trimmed.is_empty() { "case".to_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn slugs_are_short_and_never_empty() {
        assert_eq!(slug("An expired token is refused!"), "an-expired-token-is-refused");
        assert_eq!(slug("GET /notes/{{ id }}"), "get-notes-id");
        assert_eq!(slug("Größe – 3"), "größe-3");
        assert_eq!(slug("???"), "case");
    }
}
