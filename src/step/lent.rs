//! `credential`: which one a step is sent with, where that is not its caller's own of now.

use std::sync::Arc;

use super::{Caller, Compile, Tree, diags};
use crate::check::diags::unknown_step;
use crate::source::Span;
use crate::spec::{Data, Entry, Node};

/// The credential that a step is sent with in place of its caller's own of now.
#[derive(Debug)]
pub struct Lent {
    /// Which.
    pub which: Which,
    /// Where it is written.
    pub span: Span,
}

/// Which credential a step is sent with.
#[derive(Debug)]
pub enum Which {
    /// That of its caller right after an earlier step, with the cookies of then.
    After(Arc<str>),
    /// The caller's own with other values for some of its parts.
    Parts(Vec<(Arc<str>, Tree)>),
}

impl Compile<'_, '_> {
    /// Compiles `credential`.
    pub(super) fn lent(&mut self, node: &Node, caller: Caller) -> Option<Lent> {
        if matches!(caller, Caller::Nobody | Caller::Anonymous) {
            self.reader.fault(diags::no_credential(node.span));
            return None;
        }
        let which = if let Data::Map(entries) = &node.data {
            self.other_parts(node, entries).map(Which::Parts)?
        } else {
            let step = self.reader.word(node)?;
            if !self.reader.names.has_step(&step.value) {
                let known: Vec<String> = self.reader.names.steps().map(ToOwned::to_owned).collect();
                self.reader.fault(unknown_step(step.span, &step.value, &known));
                return None;
            }
            Which::After(step.value)
        };
        Some(Lent { which, span: node.span })
    }

    fn other_parts(&mut self, node: &Node, entries: &[Entry]) -> Option<Vec<(Arc<str>, Tree)>> {
        let known = self.reader.names.members("session").cloned();
        let mut parts = Vec::new();
        for entry in entries {
            if let Some(known) = known.as_ref().filter(|known| !known.contains(&*entry.key)) {
                self.reader.fault(diags::no_part(entry.key_span, &entry.key, known));
                return None;
            }
            parts.push((Arc::clone(&entry.key), Tree::compile(&entry.value, self.reader)?));
        }
        if parts.is_empty() {
            self.reader.fault(diags::no_parts(node.span));
            return None;
        }
        Some(parts)
    }
}
