//! What a run computes once, whichever worlds ask for it: secrets and variables (docs/language.md, "Secrets").
//!
//! A suite with settings of its own has a world of its own, but the project's `{{ uuid() }}` is one value in all
//! of them, and a command that gives a secret runs once. A variable is the same in two worlds when it is declared
//! at the same place and everything it uses is the same there as well; a suite that overrides what a project's
//! variable uses gets a value of its own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::plan::{SecretPlan, Var};
use crate::secret::Secret;
use crate::source::Span;
use crate::template::Value;

/// Which computation of a variable, counted through the run.
type Number = usize;

/// What tells the values of variables apart.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    name: Arc<str>,
    declared: Span,
    /// The folder of the project: two of them may stand on one file, each with an environment of its own.
    folder: PathBuf,
    /// The variables and secrets it uses.
    vars: Vec<Number>,
    secrets: Vec<Span>,
}

/// The secrets and variables that are known so far; `None` for what could not be had, which was said once.
#[derive(Debug, Default)]
pub(super) struct Once {
    secrets: HashMap<(Span, PathBuf), Option<Secret>>,
    vars: HashMap<Key, (Number, Option<Value>)>,
}

/// The variables and secrets of one world, for finding what a variable uses.
#[derive(Debug, Default)]
pub(super) struct Seen {
    folder: PathBuf,
    vars: Vec<(Arc<str>, Number)>,
    secrets: Vec<(Arc<str>, Span)>,
}

impl Once {
    /// Gives a secret by its place and project, reading it when nobody did before.
    pub(super) fn secret(
        &mut self,
        place: Span,
        folder: &Path,
        read: impl FnOnce() -> Option<Secret>,
    ) -> Option<&Secret> {
        self.secrets.entry((place, folder.to_owned())).or_insert_with(read).as_ref()
    }

    /// Gives a variable, computing it when nobody did before.
    pub(super) fn var(&mut self, var: &Var, seen: &mut Seen, compute: impl FnOnce() -> Option<Value>) -> Option<Value> {
        let next = self.vars.len();
        let (number, value) = self.vars.entry(seen.key(var)).or_insert_with(|| (next, compute()));
        seen.vars.push((Arc::clone(&var.name), *number));
        value.clone()
    }
}

impl Seen {
    pub(super) fn of(secrets: &[SecretPlan], folder: &Path) -> Self {
        let folder = folder.to_owned();
        Self { folder, vars: Vec::new(), secrets: secrets.iter().map(|s| (Arc::clone(&s.name), s.span)).collect() }
    }

    fn key(&self, var: &Var) -> Key {
        let vars = self.vars.iter().filter(|(name, _)| var.value.uses(name)).map(|(_, number)| *number).collect();
        let used = |name: &str| var.value.uses(&format!("secrets.{name}"));
        let mut secrets: Vec<Span> = Vec::new();
        if var.value.uses("secrets") {
            secrets.extend(self.secrets.iter().filter(|(name, _)| used(name)).map(|(_, place)| *place));
            if secrets.is_empty() {
                // Reached by another way than by name.
                secrets.extend(self.secrets.iter().map(|(_, place)| *place));
            }
        }
        Key { name: Arc::clone(&var.name), declared: var.span, folder: self.folder.clone(), vars, secrets }
    }
}
