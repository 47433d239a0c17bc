//! Which names a template may use at a point of the plan.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::diag::Severity;
use crate::term::did_you_mean;

/// What is known of the members of an object such as `identity` or `secrets`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Members {
    /// They come from outside; any may exist.
    Any,
    /// Exactly these exist.
    These(BTreeSet<String>),
    /// Environment variables: one that is not set is a fault of this severity, unless the
    /// expression has a default for it.
    Env(Arc<BTreeSet<String>>, Severity),
    /// The columns of rows, each with the ids of the rows that lack it. One that is lacking somewhere
    /// is a fault, unless the expression has a default for it.
    Rows(Arc<BTreeMap<String, Vec<String>>>),
}

/// The names in scope at a point of the plan.
#[derive(Debug, Clone, Default)]
pub struct Names {
    bare: BTreeSet<String>,
    objects: BTreeMap<String, Members>,
    /// The identities whose sessions templates ask for, `sessions.NAME`.
    sessions: Arc<Mutex<BTreeSet<String>>>,
}

/// A name that nothing supplies.
#[derive(Debug)]
pub(super) struct Unknown {
    pub(super) path: String,
    pub(super) near: Option<String>,
    pub(super) known: Vec<String>,
    /// Set for an environment variable.
    pub(super) unset: Option<Severity>,
    /// The rows that lack it, when others have it.
    pub(super) lacking: Vec<String>,
}

impl Unknown {
    pub(super) fn is_warning(&self) -> bool {
        self.unset == Some(Severity::Warning)
    }
}

impl Names {
    /// Adds a bare name: a variable or a capture.
    pub fn add(&mut self, name: &str) {
        self.bare.insert(name.to_owned());
    }

    /// Adds an object with its members.
    pub fn object(&mut self, name: &str, members: Members) {
        self.objects.insert(name.to_owned(), members);
    }

    /// Tells whether a bare name is known.
    pub fn has(&self, name: &str) -> bool {
        self.bare.contains(name)
    }

    /// Starts a record of its own of the sessions asked for.
    pub fn watch_sessions(&mut self) {
        self.sessions = Arc::default();
    }

    /// Gives the identities whose sessions were asked for by name since the record started.
    pub fn sessions_asked(&self) -> Vec<String> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Finds the paths that nothing supplies, in a stable order.
    pub(super) fn unknown(
        &self,
        used: &HashSet<String>,
        source: &str,
        is_global: impl Fn(&str) -> bool,
    ) -> Vec<Unknown> {
        let mut used: Vec<&String> = used.iter().collect();
        used.sort();
        used.into_iter().filter_map(|path| self.check(path, source, &is_global)).collect()
    }

    fn check(&self, path: &str, source: &str, is_global: &impl Fn(&str) -> bool) -> Option<Unknown> {
        let mut parts = path.split('.');
        let root = parts.next().unwrap_or_default();
        if self.bare.contains(root) || is_global(root) {
            return None;
        }
        let Some(members) = self.objects.get(root) else {
            let known = self.bare.iter().chain(self.objects.keys());
            let near = did_you_mean(root, known.map(String::as_str)).map(ToOwned::to_owned);
            return Some(Unknown {
                path: root.to_owned(),
                near,
                known: self.bare.iter().cloned().collect(),
                unset: None,
                lacking: Vec::new(),
            });
        };
        let member = parts.next()?;
        if root == "sessions" {
            self.sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(member.to_owned());
        }
        let has_default = source.contains("default(") || source.contains(" defined");
        let path = format!("{root}.{member}");
        let known: Vec<&String> = match members {
            Members::Any => return None,
            Members::These(known) => known.iter().collect(),
            Members::Env(known, severity) => {
                let unknown = !known.contains(member) && !has_default;
                let unset = Some(*severity);
                return unknown.then(|| Unknown { path, near: None, known: Vec::new(), unset, lacking: Vec::new() });
            }
            Members::Rows(columns) => match columns.get(member) {
                Some(lacking) if lacking.is_empty() || has_default => return None,
                Some(lacking) => {
                    let lacking = lacking.clone();
                    return Some(Unknown { path, near: None, known: Vec::new(), unset: None, lacking });
                }
                None => columns.keys().collect(),
            },
        };
        if known.iter().any(|k| *k == member) {
            return None;
        }
        let near = did_you_mean(member, known.iter().map(|k| k.as_str())).map(|m| format!("{root}.{m}"));
        let known = known.iter().map(|m| format!("{root}.{m}")).collect();
        Some(Unknown { path, near, known, unset: None, lacking: Vec::new() })
    }
}
