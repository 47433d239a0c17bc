//! Resolves flows: which declaration a name means in a suite, and whether it is sound by itself.
//!
//! Every flow is compiled once as if anybody used it, for its own faults; those without one are compiled
//! again for each step that uses them, with whoever sends it.

use std::collections::HashMap;
use std::sync::Arc;

use super::FlowPlan;
use super::build::sessions;
use super::identity::SuiteCallers;
use crate::source::{Span, Spanned};
use crate::spec::{Data, FlowSpec, Named, Node, Reader};
use crate::step::diags::{flow_cycle, unknown_flow};
use crate::step::{Caller, Compile, Found};
use crate::template::{Members, Names};

/// The flows met so far, shared by all suites.
#[derive(Debug, Default)]
pub(super) struct Flows {
    /// Whether each is sound, by its declaration.
    known: HashMap<Span, Soundness>,
    /// Those that are being compiled, each used by the one before.
    path: Vec<(Arc<str>, Span)>,
}

/// Whether a flow has faults of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Soundness {
    Sound,
    Faulty,
}

/// What whoever uses a flow has to know of it.
pub(super) fn seen(named: &Named<Arc<FlowSpec>>) -> FlowPlan {
    let (needs, takes): (Vec<_>, Vec<_>) =
        named.value.args.iter().chain(&named.value.takes).partition(|arg| matches!(arg.value.data, Data::Null));
    let names = |args: Vec<&Named<Node>>| args.iter().map(|arg| Arc::clone(&arg.name)).collect();
    FlowPlan {
        name: Arc::clone(&named.name),
        span: named.span,
        needs: names(needs),
        takes: names(takes),
        returns: named.value.returns.iter().map(|name| Arc::clone(&name.value)).collect(),
    }
}

impl SuiteCallers<'_, '_> {
    /// Finds a flow by name, with what its steps see in this suite.
    pub(super) fn find_flow(&mut self, reader: &mut Reader<'_>, name: &Spanned<Arc<str>>) -> Option<Found> {
        let all = self.layers.named(|l| &l.flows);
        let ready = self.layers.ready;
        let Some(named) = all.iter().copied().chain(ready).find(|flow| flow.name == name.value) else {
            // What is wrong with its declaration was told there.
            if !self.layers.down().any(|l| l.faulty_flows.contains(&name.value)) {
                let known: Vec<&str> = all.iter().map(|flow| &*flow.name).collect();
                let ready: Vec<&str> = ready.iter().map(|flow| &*flow.name).collect();
                reader.fault(unknown_flow(name.span, &name.value, &known, &ready));
            }
            return None;
        };
        let path = &self.register.flows.path;
        let is_sound = if let Some(first) = path.iter().position(|(_, span)| *span == named.span) {
            let circle: Vec<&str> = path[first..].iter().map(|(name, _)| &**name).collect();
            reader.fault(flow_cycle(name.span, &circle));
            false
        } else {
            self.check_flow(reader, named)
        };
        Some(Found { is_sound, ..self.found(named) })
    }

    /// Compiles a flow for its faults, once, whoever uses it or nobody; tells whether it has none.
    pub(super) fn check_flow(&mut self, reader: &mut Reader<'_>, named: &Named<Arc<FlowSpec>>) -> bool {
        if let Some(known) = self.register.flows.known.get(&named.span) {
            return *known == Soundness::Sound;
        }
        let before = reader.diags.errors();
        self.register.flows.path.push((Arc::clone(&named.name), named.span));
        let size = if self.is_own_flow(named) {
            let met = std::mem::take(&mut self.met);
            let callers = std::mem::take(&mut self.case_callers);
            let size = self.compile_flow(reader, named);
            (self.met, self.case_callers) = (met, callers);
            size
        } else {
            // A flow of the project stands on what the project declares, whichever suite uses it.
            self.as_project(|project| project.compile_flow(reader, named))
        };
        self.register.flows.path.pop();
        let sound = size > 0 && reader.diags.errors() == before;
        if self.layers.ready.iter().all(|ready| ready.span != named.span) {
            self.plan.flows.push(seen(named));
        }
        let known = if sound { Soundness::Sound } else { Soundness::Faulty };
        self.register.flows.known.insert(named.span, known);
        sound
    }

    fn compile_flow(&mut self, reader: &mut Reader<'_>, named: &Named<Arc<FlowSpec>>) -> usize {
        super::with::refuse(&named.value.steps, reader);
        let found = self.found(named);
        let mut watched = Names::default();
        watched.watch_sessions();
        let watched = Arc::new(watched);
        let before = std::mem::replace(&mut reader.names, Arc::clone(&watched));
        let (defaults, root) = (self.layers.defaults(), self.layers.root.clone());
        let folder = found.folder.clone();
        let stand_in = Caller::Case;
        let mut compile = Compile {
            reader,
            defaults: &defaults,
            folder: &folder,
            root: &root,
            callers: self,
            stand_in,
            given: Arc::default(),
        };
        let size = compile.check_flow(&found, &named.name);
        sessions(&watched, self, reader);
        reader.names = before;
        size
    }

    /// What a flow's steps stand on: the suite's values, and nothing of the case that uses it.
    fn found(&self, named: &Named<Arc<FlowSpec>>) -> Found {
        let mut names = (*self.own.1).clone();
        names.object("sessions", Members::Any);
        names.set_hint("a flow sees nothing of the case that uses it: what it needs is given to it under `args`");
        if !self.register.flows.path.is_empty() {
            // While a flow is compiled by itself, anybody may be who uses it.
            ["identity", "session", "jar"].iter().for_each(|name| names.object(name, Members::Any));
        }
        let layers = &self.layers;
        let folder = if self.is_own_flow(named) { layers.folder.clone() } else { layers.root.clone() };
        Found { flow: Arc::clone(&named.value), span: named.span, names: Arc::new(names), folder, is_sound: true }
    }

    fn is_own_flow(&self, named: &Named<Arc<FlowSpec>>) -> bool {
        self.layers.suite.is_some_and(|suite| suite.flows.iter().any(|own| own.span == named.span))
    }
}
