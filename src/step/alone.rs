//! `alone`: a step that is sent once with each thing that its caller's session consists of.

use std::sync::Arc;

use super::{Caller, Compile, Step, diags};
use crate::spec::{AskSpec, Data, Node, StepSpec};

/// With which things of a session a step is sent, one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alone {
    /// With each; which of them are let in is kept.
    Each,
    /// With those that were let in at an earlier step.
    Those(Arc<str>),
}

impl Compile<'_, '_> {
    /// Compiles `alone`.
    pub(super) fn alone(&mut self, node: &Node, spec: &StepSpec, caller: Caller) -> Option<Alone> {
        if matches!(caller, Caller::Nobody | Caller::Anonymous) {
            self.reader.fault(diags::nothing_alone(node.span, "nobody has no session that consists of anything"));
            return None;
        }
        if let AskSpec::Talk(talk) = &spec.ask {
            let why = format!("what a {} is sent with is up to the scheme", talk.talk.word());
            self.reader.fault(diags::nothing_alone(node.span, &why));
            return None;
        }
        match &node.data {
            Data::Bool(true) => Some(Alone::Each),
            Data::Text(_) => self.reader.word(node).map(|step| Alone::Those(step.value)),
            _ => {
                self.reader.fault(diags::nothing_alone(node.span, "it is neither `true` nor the name of a step"));
                None
            }
        }
    }

    /// Makes sure that a step asks with what was let in at one before it.
    pub(super) fn check_alone(&mut self, step: &Step, before: &[Step], node: &Node) {
        let Some(Alone::Those(name)) = &step.alone else { return };
        let each: Vec<&Step> = before.iter().filter(|step| step.alone == Some(Alone::Each)).collect();
        if each.iter().all(|step| step.name.as_ref() != Some(name)) {
            let known: Vec<&str> = each.iter().filter_map(|step| step.name.as_deref()).collect();
            self.reader.fault(diags::never_alone(node.span, name, &known));
        }
    }
}
