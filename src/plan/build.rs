//! Makes the plan: suite by suite, case by case.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::access;
use super::case::{Ground, compile_case};
use super::identity::{Register, SuiteCallers};
use super::offer::Offer;
use super::select::Shown;
use super::talk::{self, Senders, Whose};
use super::unseen;
use super::world::{self, Layers};
use super::{Case, Losses, Plan, PlanOptions, SuitePlan, diags, flow};
use crate::check::Outcomes;
use crate::diag::Diagnostics;
use crate::source::{SourceMap, Span, Spanned};
use crate::spec::{Defaults, OutcomeSpec, Reader, StepSpec, Suite, Suites};
use crate::step::{Caller, Callers as _, Compile, IdentityId, Step};
use crate::template::{Members, Names};

/// Worlds and their names, shared by equal keys.
#[derive(Default)]
struct Worlds {
    by_key: HashMap<String, (usize, Arc<Names>)>,
}

pub(super) fn build(suites: &Suites, options: &PlanOptions, sources: &SourceMap, diags: &mut Diagnostics) -> Plan {
    let gone = options.selection.only.clone().unwrap_or_default();
    let ready_flows = suites.ready.iter().map(flow::seen).collect();
    let mut plan = Plan { excluded_files: suites.excluded, gone, ready_flows, ..Plan::default() };
    check_environment(suites, options, diags);
    let mut worlds = Worlds::default();
    let mut register = Register::default();
    let mut ids: HashMap<String, Span> = HashMap::new();
    let mut offer = Offer::default();
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
            offer: &mut offer,
            outcomes: None,
        };
        compile_suite(suite, &mut callers, &mut ids, diags);
    }
    if plan.cases.is_empty() {
        plan.missed = offer.missed(&options.selection);
    }
    unseen::check(&plan, diags);
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
        let names = Arc::new(world::names(layers, &variables, options, sources));
        let world = world::build(layers, &variables, &names, options, sources, diags);
        plan.worlds.push(world);
        let entered = (plan.worlds.len() - 1, world::with_targets(&names, layers));
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
    callers.outcomes = outcomes(callers.layers, &mut reader);
    super::with::refuse(&suite.setup, &mut reader);
    super::with::refuse(&suite.teardown, &mut reader);
    let setup = compile_steps(&suite.setup, &defaults, callers, &mut reader);
    let after_setup = Arc::clone(&reader.names);
    let teardown = compile_steps(&suite.teardown, &defaults, callers, &mut reader);
    let both = setup.iter().chain(&teardown);
    talk::check(both, Senders::Case(&[default_caller]), Whose::Everybodys, callers.plan, &mut reader);
    let asked = sessions(&after_setup, callers, &mut reader);
    let mut identities: BTreeSet<IdentityId> = std::mem::take(&mut callers.met);
    identities.extend(asked);
    if let (Caller::Identity(id), false) = (default_caller, setup.is_empty() && teardown.is_empty()) {
        identities.insert(id);
    }
    let first = callers.plan.cases.len();
    let index = callers.plan.suites.len();
    let ground = Ground { suite, default_caller, defaults: &defaults };
    for spec in &suite.cases {
        reader.names = Arc::clone(&after_setup);
        let cases = compile_case(spec, &ground, callers, &mut reader, ids);
        select(cases, index, suite, callers);
    }
    let mut access = None;
    if let Some(spec) = &suite.access {
        reader.names = Arc::clone(&after_setup);
        let (matrix, cells) = access::compile(spec, &ground, callers, &mut reader, ids);
        let start = callers.plan.cases.len();
        select(cells, index, suite, callers);
        access = Some(matrix.seen_in(&callers.plan.cases[start..]));
    }
    check_unused(callers, &mut reader);
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
        access,
        losses: Losses::of(callers.layers),
    });
}

/// Adds the cases of a suite that are wanted to the plan.
fn select(cases: Vec<Case>, index: usize, suite: &Suite, callers: &mut SuiteCallers<'_, '_>) {
    for case in cases {
        callers.plan.gone.remove(&*case.id);
        let case = Case { suite: index, ..case };
        if is_wanted(&case, suite, callers) {
            callers.plan.cases.push(case);
        } else {
            callers.plan.filtered_out += 1;
        }
    }
}

/// What the words for outcomes mean in a suite: of each word for each kind of caller the highest layer says it.
fn outcomes(layers: &Layers<'_>, reader: &mut Reader<'_>) -> Option<Arc<Outcomes>> {
    let mut specs: Vec<&OutcomeSpec> = Vec::new();
    for spec in layers.down().flat_map(|l| &l.outcomes) {
        if specs.iter().all(|s| (s.word, s.stance) != (spec.word, spec.stance)) {
            specs.push(spec);
        }
    }
    if specs.is_empty() {
        return None;
    }
    let before = Arc::clone(&reader.names);
    let mut names = (*before).clone();
    names.object("response", Members::Any);
    reader.names = Arc::new(names);
    let outcomes = Outcomes::read(&specs, reader);
    reader.names = before;
    Some(outcomes)
}

/// What nobody uses is compiled all the same, for its faults.
fn check_unused(callers: &mut SuiteCallers<'_, '_>, reader: &mut Reader<'_>) {
    for named in callers.layers.named(|l| &l.identities) {
        callers.instance(reader, named);
    }
    for named in callers.layers.named(|l| &l.auth) {
        callers.check_scheme(reader, named);
    }
    for named in callers.layers.named(|l| &l.flows) {
        callers.check_flow(reader, named);
    }
}

/// Asks the filters of the command line.
fn is_wanted(case: &Case, suite: &Suite, callers: &mut SuiteCallers<'_, '_>) -> bool {
    let selection = &callers.options.selection;
    let names = callers_of(case, callers.plan);
    let tags = &case.shape.tags;
    let shown = Shown { id: &case.id, name: &case.name, suite: &suite.name, tags, callers: &names };
    let wanted = selection.wants(shown);
    if !wanted {
        callers.offer.add(shown);
    }
    wanted
}

fn default_caller(defaults: &Defaults, callers: &mut SuiteCallers<'_, '_>, reader: &mut Reader<'_>) -> Caller {
    match &defaults.caller {
        None => Caller::Nobody,
        Some(name) if &*name.value == "anonymous" => Caller::Anonymous,
        Some(name) => callers.find(reader, name).map_or(Caller::Nobody, Caller::Identity),
    }
}

pub(super) fn compile_steps(
    specs: &[StepSpec],
    defaults: &Defaults,
    callers: &mut SuiteCallers<'_, '_>,
    reader: &mut Reader<'_>,
) -> Vec<Step> {
    let (folder, root) = (callers.layers.folder.clone(), callers.layers.root.clone());
    let stand_in = Caller::Case;
    let mut compile =
        Compile { reader, defaults, folder: &folder, root: &root, callers, stand_in, given: Arc::default() };
    compile.steps(specs)
}

/// The identities behind `sessions.NAME`.
pub(super) fn sessions(names: &Names, callers: &mut SuiteCallers<'_, '_>, reader: &mut Reader<'_>) -> Vec<IdentityId> {
    let asked = names.sessions_asked();
    let mut all = Vec::new();
    for (name, asked) in asked {
        let Some(id) = callers.find(reader, &Spanned::new(Arc::from(&*name), asked.place)) else { continue };
        callers.parts_exist(reader, id, &name, &asked);
        all.push(id);
    }
    all
}

/// All names that send a step of a case, for `--as`.
fn callers_of(case: &Case, plan: &Plan) -> Vec<String> {
    let sending = case.shape.steps.iter().flat_map(Step::sending);
    let steps = sending.map(|s| if s.caller == Caller::Case { case.caller } else { s.caller });
    let all = std::iter::once(case.caller).chain(steps);
    all.filter_map(|c| plan.caller_name(c)).map(ToOwned::to_owned).collect()
}
