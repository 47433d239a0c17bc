//! Makes the plan: suite by suite, case by case.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::identity::{Register, SuiteCallers};
use super::select::Shown;
use super::world::{self, Layers};
use super::{Case, Plan, PlanOptions, Shape, SuitePlan, diags};
use crate::diag::Diagnostics;
use crate::source::{SourceMap, Span};
use crate::spec::{CaseSpec, Defaults, Reader, StepSpec, Suite, Suites};
use crate::step::{Caller, Callers as _, Compile, IdentityId, Step};
use crate::template::{Members, Names};

/// Worlds and their names, shared by equal keys.
#[derive(Default)]
struct Worlds {
    by_key: HashMap<String, (usize, Arc<Names>)>,
}

pub(super) fn build(suites: &Suites, options: &PlanOptions, sources: &SourceMap, diags: &mut Diagnostics) -> Plan {
    let mut plan = Plan { excluded_files: suites.excluded, ..Plan::default() };
    check_environment(suites, options, diags);
    let mut worlds = Worlds::default();
    let mut register = Register::default();
    let mut ids: HashMap<String, Span> = HashMap::new();
    for suite in &suites.suites {
        let layers = Layers::of(suite, suites, options.environment.as_deref());
        let own = worlds.enter(&mut plan, &layers, options, sources, diags);
        let base_layers = with_target_of(&layers);
        let base = worlds.enter(&mut plan, &base_layers, options, sources, diags);
        if plan.worlds[own.0].target.is_none() && layers.target().is_none() && options.target.is_none() {
            diags.push(diags::no_target(suite.span));
        }
        let mut callers = SuiteCallers {
            plan: &mut plan,
            register: &mut register,
            layers: &layers,
            own,
            base,
            options,
            sources,
            case_callers: Vec::new(),
            met: BTreeSet::new(),
        };
        compile_suite(suite, &mut callers, &mut ids, diags);
    }
    plan
}

/// The project's layers under the suite's target: where the project's identities log in.
fn with_target_of<'a>(layers: &Layers<'a>) -> Layers<'a> {
    let base = layers.without_suite();
    match layers.suite.and_then(|s| s.target.as_ref()) {
        // A suite that names another target needs logins there; it brings its whole target along.
        Some(_) => Layers { target_of_suite: layers.suite.map(|s| (s, layers.folder.clone())), ..base },
        None => base,
    }
}

fn check_environment(suites: &Suites, options: &PlanOptions, diags: &mut Diagnostics) {
    let Some(name) = &options.environment else { return };
    let known: BTreeSet<&str> = suites.projects.iter().flat_map(|p| &p.environments).map(|e| &*e.name).collect();
    if !known.contains(name.as_str()) {
        let known: Vec<&str> = known.into_iter().collect();
        diags.push(diags::unknown_environment(name, &known));
    }
}

impl Worlds {
    fn enter(
        &mut self,
        plan: &mut Plan,
        layers: &Layers<'_>,
        options: &PlanOptions,
        sources: &SourceMap,
        diags: &mut Diagnostics,
    ) -> (usize, Arc<Names>) {
        let key = layers.key(options);
        if let Some(known) = key.as_ref().and_then(|k| self.by_key.get(k)) {
            return known.clone();
        }
        let variables = world::variables(&layers.root, options);
        let names = Arc::new(world::names(layers, &variables, options));
        let world = world::build(layers, &variables, &names, options, sources, diags);
        plan.worlds.push(world);
        let entered = (plan.worlds.len() - 1, names);
        if let Some(key) = key {
            self.by_key.insert(key, entered.clone());
        }
        entered
    }
}

fn compile_suite(
    suite: &Suite,
    callers: &mut SuiteCallers<'_, '_>,
    ids: &mut HashMap<String, Span>,
    diags: &mut Diagnostics,
) {
    let sources = callers.sources;
    let defaults = callers.layers.defaults();
    let mut names = (*callers.own.1).clone();
    names.watch_sessions();
    names.object("sessions", Members::Any);
    let mut reader = Reader { sources, diags, names: Arc::new(names) };
    let default_caller = default_caller(&defaults, callers, &mut reader);
    callers.case_callers = vec![default_caller];
    let setup = compile_steps(&suite.setup, &defaults, callers, &mut reader);
    let after_setup = Arc::clone(&reader.names);
    let teardown = compile_steps(&suite.teardown, &defaults, callers, &mut reader);
    let asked = sessions(&after_setup, suite.span, callers, &mut reader);
    let mut identities: BTreeSet<IdentityId> = std::mem::take(&mut callers.met);
    identities.extend(asked);
    if let (Caller::Identity(id), false) = (default_caller, setup.is_empty() && teardown.is_empty()) {
        identities.insert(id);
    }
    let first = callers.plan.cases.len();
    let index = callers.plan.suites.len();
    for spec in &suite.cases {
        reader.names = Arc::clone(&after_setup);
        let cases = compile_case(spec, suite, default_caller, &defaults, callers, &mut reader, ids);
        let (wanted, others): (Vec<Case>, Vec<Case>) =
            cases.into_iter().map(|c| Case { suite: index, ..c }).partition(|case| is_wanted(case, suite, callers));
        callers.plan.filtered_out += others.len();
        callers.plan.cases.extend(wanted);
    }
    // Identities that nobody uses are compiled all the same, for their faults.
    for named in callers.layers.named(|l| &l.identities) {
        callers.instance(&mut reader, named);
    }
    for named in callers.layers.named(|l| &l.auth) {
        callers.check_scheme(&mut reader, &named.value);
    }
    let cases = first..callers.plan.cases.len();
    if cases.is_empty() {
        return;
    }
    callers.plan.suites.push(SuitePlan {
        id: suite.id.clone(),
        name: suite.name.clone(),
        file: sources.name(suite.file),
        span: suite.span,
        world: callers.own.0,
        serial: suite.serial,
        caller: default_caller,
        setup,
        teardown,
        identities: identities.into_iter().collect(),
        cases,
    });
}

/// Asks the filters of the command line.
fn is_wanted(case: &Case, suite: &Suite, callers: &SuiteCallers<'_, '_>) -> bool {
    callers.options.selection.wants(Shown {
        id: &case.id,
        name: &case.name,
        suite: &suite.name,
        tags: &case.shape.tags,
        callers: &callers_of(case, callers.plan),
    })
}

fn default_caller(defaults: &Defaults, callers: &mut SuiteCallers<'_, '_>, reader: &mut Reader<'_>) -> Caller {
    match &defaults.caller {
        None => Caller::Nobody,
        Some(name) if &*name.value == "anonymous" => Caller::Anonymous,
        Some(name) => callers.find(reader, name).map_or(Caller::Nobody, Caller::Identity),
    }
}

fn compile_steps(
    specs: &[StepSpec],
    defaults: &Defaults,
    callers: &mut SuiteCallers<'_, '_>,
    reader: &mut Reader<'_>,
) -> Vec<Step> {
    let (folder, root) = (callers.layers.folder.clone(), callers.layers.root.clone());
    let mut compile = Compile { reader, defaults, folder: &folder, root: &root, callers };
    compile.steps(specs)
}

/// The identities behind `sessions.NAME`.
fn sessions(
    names: &Names,
    place: Span,
    callers: &mut SuiteCallers<'_, '_>,
    reader: &mut Reader<'_>,
) -> Vec<IdentityId> {
    let asked = names.sessions_asked();
    asked
        .into_iter()
        .filter_map(|name| callers.find(reader, &crate::source::Spanned::new(name.into(), place)))
        .collect()
}

fn compile_case(
    spec: &CaseSpec,
    suite: &Suite,
    default_caller: Caller,
    defaults: &Defaults,
    callers: &mut SuiteCallers<'_, '_>,
    reader: &mut Reader<'_>,
    ids: &mut HashMap<String, Span>,
) -> Vec<Case> {
    let mut who = Vec::new();
    for name in &spec.callers {
        match &*name.value {
            "anonymous" => who.push(Caller::Anonymous),
            _ => who.extend(callers.find(reader, name).map(Caller::Identity)),
        }
    }
    if spec.callers.is_empty() {
        who.push(default_caller);
    }
    callers.met.clear();
    callers.case_callers.clone_from(&who);
    let mut names = (*reader.names).clone();
    names.watch_sessions();
    reader.names = Arc::new(names);
    let watched = Arc::clone(&reader.names);
    let steps = compile_steps(&spec.steps, defaults, callers, reader);
    let asked = sessions(&watched, spec.span, callers, reader);
    callers.met.extend(asked);
    let identities: Vec<IdentityId> = std::mem::take(&mut callers.met).into_iter().collect();
    if steps.len() != spec.steps.len() {
        return Vec::new();
    }
    if spec.session == crate::spec::Session::Shared {
        find_disturbance(&steps, &who, callers.plan, reader);
    }
    let tags = suite.tags.iter().chain(&spec.tags).cloned().collect();
    let shape =
        Arc::new(Shape { span: spec.span, tags, skip: spec.skip.clone(), session: spec.session, steps, identities });
    let several = spec.callers.len() > 1;
    who.into_iter()
        .filter_map(|caller| {
            let mark =
                callers.plan.caller_name(caller).filter(|_| several).map(|n| format!("[as={n}]")).unwrap_or_default();
            let id = format!("{}/{}{mark}", suite.id, slug(&spec.name.value));
            if let Some(first) = ids.insert(id.clone(), spec.name.span) {
                reader.fault(diags::duplicate_case(spec.name.span, first, &id));
                return None;
            }
            let name = if mark.is_empty() { spec.name.value.clone() } else { format!("{} {mark}", spec.name.value) };
            Some(Case { id: id.into(), name, suite: 0, shape: Arc::clone(&shape), caller })
        })
        .collect()
}

/// A case that shares its session may not end or rotate it: others use it too (language §6).
fn find_disturbance(steps: &[Step], who: &[Caller], plan: &Plan, reader: &mut Reader<'_>) {
    for step in steps {
        let one = [step.caller];
        let callers = if step.caller == Caller::Case { who } else { &one };
        let ids = callers.iter().filter_map(|c| match c {
            Caller::Identity(id) => Some(id),
            Caller::Case | Caller::Nobody | Caller::Anonymous => None,
        });
        for id in ids {
            let identity = &plan.identities[id.0 as usize];
            let scheme = &identity.login.scheme;
            let like = |steps: Option<crate::step::StepsId>| {
                steps.is_some_and(|s| plan.steps[s.0 as usize].iter().any(|other| step.asks_like(other)))
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
            reader.fault(diags::shared_session(step.span, &identity.name, what));
            break;
        }
    }
}

/// All names that send a step of a case, for `--as`.
fn callers_of(case: &Case, plan: &Plan) -> Vec<String> {
    let steps = case.shape.steps.iter().map(|s| if s.caller == Caller::Case { case.caller } else { s.caller });
    let all = std::iter::once(case.caller).chain(steps);
    all.filter_map(|c| plan.caller_name(c)).map(ToOwned::to_owned).collect()
}

/// A name as part of an id: letters and digits of any language, everything else becomes one `-`.
fn slug(name: &str) -> String {
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
