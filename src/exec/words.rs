//! What a request asks for in the words that were written for it: what is somebody's own, or another one each time,
//! stands as it is written, by whatever name it comes to its step.

use std::collections::HashSet;
use std::sync::Arc;

use super::exchange::StepRun;
use super::uses::Used;
use crate::step::{Flow, Giver, Ground, Step, Tree};
use crate::template::{FUNCTIONS, Scope, Value};

/// Names that are somebody's own.
const OWN: &[&str] = &["identity", "jar", "response", "session", "sessions"];

/// The names of a place, as far as they are not the same for all.
#[derive(Debug, Clone)]
pub(super) struct Words<'a> {
    /// Those that stand as they are.
    other: HashSet<&'a str>,
    /// Those that were given, in the words that stand for them.
    given: Vec<(&'a Arc<str>, String)>,
}

impl<'a> Words<'a> {
    /// Whoever sees nothing of a case.
    fn bare() -> Self {
        let new = FUNCTIONS.iter().filter(|function| function.is_new).map(|function| function.name);
        Self { other: OWN.iter().copied().chain(new).collect(), given: Vec::new() }
    }

    /// Adds what steps capture.
    fn capture(&mut self, steps: &'a [Step]) {
        let names: Vec<&str> = steps.iter().flat_map(Step::gives).collect();
        self.given.retain(|(given, _)| !names.contains(&&***given));
        self.other.extend(names);
    }

    /// Adds a name whose value is the same as that of a tree in a scope.
    fn give(&mut self, name: &'a Arc<str>, tree: &Tree, (names, scope): (&Self, &Scope)) {
        let of = |name: &str| tree.uses(name);
        let is_same = !names.other.iter().any(|name| of(name)) && !names.given.iter().any(|(name, _)| of(name));
        let words = (!is_same).then(|| {
            let mut words = String::new();
            tree.outline(&names.above(scope.clone()), &|name| names.is_other(name), &mut words);
            words
        });
        self.other.remove(&**name);
        self.given.retain(|(given, _)| *given != name);
        self.given.extend(words.map(|words| (name, words)));
    }

    /// Tells whether a name stands as it is.
    pub(super) fn is_other(&self, name: &str) -> bool {
        self.other.contains(name)
    }

    /// Puts the words over a scope.
    pub(super) fn above(&self, mut scope: Scope) -> Scope {
        for (name, words) in &self.given {
            scope.set(Arc::clone(name), Value::from(words.as_str()));
        }
        scope
    }
}

impl StepRun<'_> {
    /// The names that the step sees.
    pub(super) fn words(&self) -> Words<'_> {
        self.words_of(self.within.used)
    }

    fn words_of<'s>(&'s self, used: &'s [Used<'s>]) -> Words<'s> {
        match used.split_last() {
            None => self.words_of_case(),
            Some((last, before)) => self.words_of_flow(last, before),
        }
    }

    fn words_of_case(&self) -> Words<'_> {
        let mut words = Words::bare();
        let Some(case) = self.case.map(|index| &*self.shared.plan.cases[index].shape) else { return words };
        for var in &case.vars {
            let below = words.clone();
            words.give(&var.name, &var.value, (&below, self.scope));
        }
        words.capture(&case.steps);
        words
    }

    /// Steps of a flow see what they are given; those that were given see what whoever gave them sees.
    fn words_of_flow<'s>(&'s self, used: &'s Used<'s>, before: &'s [Used<'s>]) -> Words<'s> {
        let flow: &Flow = used.flow;
        let outer = self.words_of(before);
        let mut words = match flow.ground {
            Ground::Step(level) if level < before.len() => self.words_of(&before[..level]),
            Ground::Step(_) => outer.clone(),
            Ground::World => Words::bare(),
        };
        let ground = words.clone();
        for arg in &flow.args {
            let names = match arg.from {
                Giver::Use => &outer,
                Giver::Flow => &ground,
            };
            words.give(&arg.name, &arg.value, (names, used.scope));
        }
        words.capture(&flow.steps);
        words
    }
}
