//! Steps that are given to a flow: they are written by whoever uses it and see what is seen there, and the flow says
//! when they are sent and what must come of it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::flow::{Flow, Found, is_needed};
use super::{Ask, Caller, Compile, Step, diags};
use crate::check::{Expectations, StatusSet};
use crate::spec::{Named, Node, StepSpec, UseSpec, given_steps};
use crate::template::Names;

/// The steps that a flow was given, by the names that it has for them.
#[derive(Debug, Default, Clone)]
pub struct Given {
    by_name: HashMap<Arc<str>, Arc<GivenSteps>>,
    /// How many flows are around the steps that may use these.
    level: usize,
}

/// What the steps of a flow see beside what they are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// What the file declares.
    World,
    /// What is seen where they were given to a flow: by a step with so many flows around it.
    Step(usize),
}

/// Steps under one name, as written.
#[derive(Debug)]
pub(super) struct GivenSteps {
    specs: Vec<StepSpec>,
    names: Arc<Names>,
    folder: PathBuf,
    ground: Ground,
    /// What whoever gave them was given.
    outer: Arc<Given>,
}

impl Given {
    /// Finds steps by the name that a flow has for them.
    pub(super) fn get(&self, name: &str) -> Option<&Arc<GivenSteps>> {
        self.by_name.get(name)
    }

    /// Tells whether there is a flow around the steps that may use these.
    pub(super) fn is_in_flow(&self) -> bool {
        self.level > 0
    }

    /// The same for steps with one more flow around them.
    fn within(&self, level: usize) -> Arc<Self> {
        Arc::new(Self { by_name: self.by_name.clone(), level: level + 1 })
    }
}

impl Compile<'_, '_> {
    /// Reads what a flow is given in place of its steps: by the step that uses it, or by itself. What has a fault is
    /// told once, here.
    pub(super) fn take(&mut self, using: &UseSpec, found: &Found) -> Option<Arc<Given>> {
        let mut good = true;
        let mut all = Given { by_name: HashMap::new(), level: self.given.level + 1 };
        for take in &found.flow.takes {
            let Some(entry) = using.args.iter().find(|given| given.key == take.name) else {
                if is_needed(take) {
                    self.reader.fault(diags::missing_arg(using.name.span, &using.name.value, take));
                    good = false;
                } else if let Some(own) = self.by_default(take, found) {
                    all.by_name.insert(Arc::clone(&take.name), own);
                }
                continue;
            };
            let specs = given_steps(&entry.value, self.reader);
            let steps = GivenSteps {
                names: Arc::clone(&self.reader.names),
                folder: self.folder.to_owned(),
                ground: Ground::Step(self.given.level),
                outer: Arc::clone(&self.given),
                specs,
            };
            let whole = !steps.specs.is_empty() && self.compile_given(&steps, false, self.stand_in).is_some();
            good &= whole;
            all.by_name.insert(Arc::clone(&take.name), Arc::new(steps));
        }
        good.then(|| Arc::new(all))
    }

    /// What a flow is given when it is compiled by itself: its defaults, and something where it has none.
    pub(super) fn take_by_itself(&mut self, found: &Found) -> Arc<Given> {
        let mut all = Given { by_name: HashMap::new(), level: self.given.level + 1 };
        for take in &found.flow.takes {
            let steps = self.by_default(take, found);
            if let Some(steps) = steps {
                if !is_needed(take) {
                    self.compile_given(&steps, false, Caller::Case);
                }
                all.by_name.insert(Arc::clone(&take.name), steps);
            }
        }
        Arc::new(all)
    }

    fn by_default(&mut self, take: &Named<Node>, found: &Found) -> Option<Arc<GivenSteps>> {
        let something = StepSpec::something(&take.value);
        let specs = if is_needed(take) { vec![something] } else { given_steps(&take.value, self.reader) };
        let (names, folder) = (Arc::clone(&found.names), found.folder.clone());
        let steps = GivenSteps { specs, names, folder, ground: Ground::World, outer: Arc::default() };
        (!steps.specs.is_empty()).then(|| Arc::new(steps))
    }

    /// Compiles the use of steps that were given. Where the flow expects something itself, that takes the place of what
    /// they expect.
    pub(super) fn given_flow(
        &mut self,
        using: &UseSpec,
        given: &GivenSteps,
        spec: &StepSpec,
        caller: Caller,
    ) -> Option<Flow> {
        if let Some(arg) = using.args.first() {
            self.reader.fault(diags::given_takes_nothing(arg.key_span, &using.name.value));
        }
        let steps = self.compile_given(given, spec.expect.is_some(), caller)?;
        let name = Arc::clone(&using.name.value);
        Some(Flow { name, args: Vec::new(), steps, returns: Vec::new(), ground: given.ground })
    }

    /// Compiles steps in the names of whoever gave them; `None` where one has a fault.
    fn compile_given(&mut self, given: &GivenSteps, asked_otherwise: bool, stand_in: Caller) -> Option<Vec<Step>> {
        let before = std::mem::replace(&mut self.reader.names, Arc::clone(&given.names));
        let mut inner = Compile {
            reader: self.reader,
            defaults: self.defaults,
            folder: &given.folder,
            root: self.root,
            callers: self.callers,
            stand_in,
            given: given.outer.within(self.given.level),
        };
        let mut steps = inner.steps(&given.specs);
        self.reader.names = before;
        if asked_otherwise {
            leave_answer_open(&mut steps);
        }
        (steps.len() == given.specs.len()).then_some(steps)
    }
}

/// Leaves it to others what the last answer has to be.
fn leave_answer_open(steps: &mut [Step]) {
    let Some(last) = steps.last_mut() else { return };
    let mut open = Expectations { checks: Vec::new(), status: None, error: None };
    match &mut last.ask {
        Ask::Use(flow) => leave_answer_open(&mut flow.steps),
        Ask::Request(_) | Ask::Submit(_) | Ask::Talk(..) => {
            open.checks.push(StatusSet::below_400().placed(last.span));
        }
    }
    last.expect = open;
}
