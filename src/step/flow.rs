//! Compiles `use`: the steps of a flow in names of their own, once for every step that uses it.

use std::path::PathBuf;
use std::sync::Arc;

use super::given::{Given, Ground};
use super::{Ask, Caller, Compile, Step, Tree, diags};
use crate::capture::name_fault;
use crate::check::{Expectations, StatusSet};
use crate::source::Span;
use crate::spec::{Data, FlowSpec, Named, Node, UseSpec};
use crate::template::Names;

/// How many steps one `use` may stand for.
const STEPS: usize = 1000;

/// A flow as one step runs it.
#[derive(Debug)]
pub struct Flow {
    /// Its name.
    pub name: Arc<str>,
    /// What its steps are given.
    pub args: Vec<Arg>,
    /// Its steps; never empty.
    pub steps: Vec<Step>,
    /// The names that come out of it.
    pub returns: Vec<Arc<str>>,
    /// What its steps see beside what they are given.
    pub ground: Ground,
}

/// What a flow is given under a name.
#[derive(Debug)]
pub struct Arg {
    /// The name.
    pub name: Arc<str>,
    /// The value.
    pub value: Tree,
    /// Whose names the value is made of.
    pub from: Giver,
}

/// Who gives an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Giver {
    /// The step that uses the flow, in its own names.
    Use,
    /// The flow by its default, which sees nothing of whoever uses it.
    Flow,
}

/// A flow that was found by its name, with what its steps may see.
#[derive(Debug)]
pub struct Found {
    /// The flow as written.
    pub flow: Arc<FlowSpec>,
    /// Where its name stands.
    pub span: Span,
    /// The names that it sees beside its arguments.
    pub names: Arc<Names>,
    /// The folder that its files start from.
    pub folder: PathBuf,
    /// Whether it is without a fault of its own, which is told there.
    pub is_sound: bool,
}

/// The names that a step brings to those after it, beside its captures.
pub(super) enum Returned {
    /// These.
    Names(Vec<Arc<str>>),
    /// Nobody knows, since the flow was not found.
    Anything,
}

impl Returned {
    /// Makes the names known.
    pub(super) fn add_to(&self, names: &mut Names) {
        match self {
            Self::Names(all) => all.iter().for_each(|name| names.add(name)),
            Self::Anything => names.open(),
        }
    }
}

impl Flow {
    /// The step that answers last: the last one, or that of the flow it uses.
    fn last(&self) -> Option<&Step> {
        let last = self.steps.last()?;
        match &last.ask {
            Ask::Use(flow) => flow.last(),
            Ask::Request(_) | Ask::Submit(_) | Ask::Talk(..) => Some(last),
        }
    }

    fn last_mut(&mut self) -> Option<&mut Step> {
        let last = self.steps.last_mut()?;
        if !matches!(last.ask, Ask::Use(_)) {
            return Some(last);
        }
        match &mut last.ask {
            Ask::Use(flow) => flow.last_mut(),
            Ask::Request(_) | Ask::Submit(_) | Ask::Talk(..) => None,
        }
    }

    /// Whose answer the last one is.
    pub(super) fn last_caller(&self) -> Caller {
        self.last().map_or(Caller::Nobody, |step| step.caller)
    }

    /// The `if` that may keep it from a last answer.
    fn doubt(&self) -> Option<Span> {
        let last = self.steps.last()?;
        let deeper = match &last.ask {
            Ask::Use(flow) => flow.doubt(),
            Ask::Request(_) | Ask::Submit(_) | Ask::Talk(..) => None,
        };
        last.condition.as_ref().map(crate::template::Template::span).or(deeper)
    }

    /// Lets whoever uses the flow say which status its last answer has, where the flow leaves that open.
    pub(super) fn leave_open(&mut self, expect: &mut Expectations) {
        let Some(last) = self.last_mut() else { return };
        let asked = expect.status.is_some() || expect.error.is_some();
        if !asked || last.expect.status.is_some() || last.expect.error.is_some() {
            return;
        }
        let below = StatusSet::below_400();
        last.expect.checks.retain(|placed| placed.check.status() != Some(&below));
        let moved = expect.checks.extract_if(.., |p| p.check.status().is_some() || p.check.error().is_some());
        last.expect.checks.splice(0..0, moved);
        (last.expect.status, last.expect.error) = (expect.status.take(), expect.error.take());
    }
}

impl Compile<'_, '_> {
    /// Compiles the use of a flow, and tells which names come out of it, also of one with a fault.
    pub(super) fn flow(&mut self, using: &UseSpec, caller: Caller) -> (Option<Flow>, Returned) {
        let Some(found) = self.callers.flow(self.reader, &using.name) else { return (None, Returned::Anything) };
        let returns: Vec<Arc<str>> = found.flow.returns.iter().map(|name| Arc::clone(&name.value)).collect();
        let args = self.args(using, &found);
        let given = self.take(using, &found);
        let flow = found.is_sound.then(|| {
            let given = given?;
            let before = self.reader.diags.len();
            let steps = self.flow_steps(&found, caller, given);
            // What is wrong here and not with the flow by itself comes of who uses it.
            self.reader.diags.change_from(before, |fault| fault.also(using.name.span, "used here"));
            let whole = steps.len() == found.flow.steps.len();
            Some(Flow {
                name: Arc::clone(&using.name.value),
                args: args?,
                steps: whole.then_some(steps)?,
                returns: returns.clone(),
                ground: Ground::World,
            })
        });
        (flow.flatten(), Returned::Names(returns))
    }

    /// Compiles the steps of a flow; nothing of their names is left behind.
    fn flow_steps(&mut self, found: &Found, stand_in: Caller, given: Arc<Given>) -> Vec<Step> {
        let mut names = (*found.names).clone();
        names.report_sessions_to(&self.reader.names);
        found.flow.args.iter().for_each(|arg| names.add(&arg.name));
        let before = std::mem::replace(&mut self.reader.names, Arc::new(names));
        let mut inner = Compile {
            reader: self.reader,
            defaults: self.defaults,
            folder: &found.folder,
            root: self.root,
            callers: self.callers,
            stand_in,
            given,
        };
        let steps = inner.steps(&found.flow.steps);
        self.reader.names = before;
        steps
    }

    /// Compiles what a flow is given, by the step that uses it or by itself.
    fn args(&mut self, using: &UseSpec, found: &Found) -> Option<Vec<Arg>> {
        let known: Vec<&str> = found.flow.args.iter().chain(&found.flow.takes).map(|arg| &*arg.name).collect();
        let mut good = true;
        for given in using.args.iter().filter(|given| !known.contains(&&*given.key)) {
            let is_free = |name: &&str| using.args.iter().all(|given| *given.key != **name);
            let free: Vec<&str> = known.iter().copied().filter(is_free).collect();
            let flow = (&*using.name.value, found.span);
            self.reader.fault(diags::unknown_arg(given.key_span, &given.key, flow, (&known, &free)));
            good = false;
        }
        let mut args = Vec::new();
        for arg in &found.flow.args {
            let given = using.args.iter().find(|given| given.key == arg.name);
            let made = match given {
                Some(given) => Tree::compile(&given.value, self.reader).map(|value| (value, Giver::Use)),
                None if is_needed(arg) => {
                    self.reader.fault(diags::missing_arg(using.name.span, &using.name.value, arg));
                    None
                }
                None => {
                    let before = std::mem::replace(&mut self.reader.names, Arc::clone(&found.names));
                    let value = Tree::compile(&arg.value, self.reader);
                    self.reader.names = before;
                    value.map(|value| (value, Giver::Flow))
                }
            };
            match made {
                Some((value, from)) => args.push(Arg { name: Arc::clone(&arg.name), value, from }),
                None => good = false,
            }
        }
        good.then_some(args)
    }

    /// Finds what is wrong with a flow by itself, whoever uses it; gives how many steps it stands for.
    pub fn check_flow(&mut self, found: &Found, name: &str) -> usize {
        for arg in &found.flow.args {
            if let Some(why) = name_fault(&arg.name) {
                self.reader.fault(diags::bad_arg(arg.span, &arg.name, why));
            }
        }
        for arg in found.flow.args.iter().filter(|arg| !is_needed(arg)) {
            let before = std::mem::replace(&mut self.reader.names, Arc::clone(&found.names));
            Tree::compile(&arg.value, self.reader);
            self.reader.names = before;
        }
        let twice = |take: &&Named<Node>| found.flow.args.iter().any(|arg| arg.name == take.name);
        for take in found.flow.takes.iter().filter(twice) {
            self.reader.fault(diags::bad_arg(take.span, &take.name, "it is given as a value, too"));
        }
        let given = self.take_by_itself(found);
        let steps = self.flow_steps(found, Caller::Case, given);
        if steps.len() != found.flow.steps.len() {
            return 0;
        }
        let own = |step: &Step| -> Vec<Arc<str>> {
            let returned = match &step.ask {
                Ask::Use(flow) => &flow.returns[..],
                Ask::Request(_) | Ask::Submit(_) | Ask::Talk(..) => &[],
            };
            step.captures.iter().map(|c| &c.name).chain(returned).cloned().collect()
        };
        let captured: Vec<Arc<str>> = steps.iter().flat_map(own).collect();
        for name in found.flow.returns.iter().filter(|name| !captured.contains(&name.value)) {
            self.reader.fault(diags::unknown_return(name.span, &name.value, &captured));
        }
        let size = steps.iter().map(|step| step.sending().len()).sum();
        if size > STEPS {
            self.reader.fault(diags::flow_size(found.span, name, size, STEPS));
        }
        size
    }

    /// Makes sure that what a step asks of the last answer of a flow will be judged.
    pub(super) fn check_answer(&mut self, flow: &Flow, expect: Option<&Node>, capture: Option<&Node>) {
        for node in [expect, capture].into_iter().flatten() {
            if let Some(condition) = flow.doubt() {
                self.reader.fault(diags::no_last_answer(node.span, condition, &flow.name, "has an `if`"));
            }
        }
    }

    /// The same where the flow's last step expects that no answer comes.
    pub(super) fn check_silence(&mut self, flow: &Flow, expect: &Expectations, capture: Option<&Node>) {
        let Some(error) = flow.last().and_then(|last| last.expect.error) else { return };
        let asked = expect.checks.first().map(|placed| placed.span).or(capture.map(|node| node.span));
        if let Some(span) = asked.filter(|span| *span != error.span) {
            self.reader.fault(diags::no_last_answer(span, error.span, &flow.name, "expects that no answer comes"));
        }
    }
}

/// Tells whether an argument has no default, so that it has to be given.
pub(super) fn is_needed(arg: &Named<Node>) -> bool {
    matches!(arg.value.data, Data::Null)
}
