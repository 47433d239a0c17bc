//! Which names a template may use at a point of the plan.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::diag::Severity;
use crate::files::read_file;
use crate::source::Span;
use crate::term::did_you_mean;

use super::functions::FUNCTIONS;

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
    /// The steps before this one that have a name.
    steps: BTreeSet<String>,
    /// Whether bare names may exist that nobody knows, after a fault that hides them.
    is_open: bool,
    /// What to say of a name that nothing supplies here.
    hint: Option<&'static str>,
    nobody: Option<&'static str>,
    /// Where files that are named start from, and the folder they must lie in.
    files: Option<(PathBuf, PathBuf)>,
    /// The identities whose sessions templates ask for, `sessions.NAME`.
    sessions: Arc<Mutex<BTreeMap<String, Asked>>>,
    /// The secrets and variables that have several lines, as far as that is known.
    lined: Arc<Lined>,
}

/// What has several lines, and so is no token and no password.
#[derive(Debug, Clone, Default)]
pub struct Lined {
    /// Secrets by name: what of them it is, as `the file`, and the place that names it.
    pub secrets: BTreeMap<String, (String, Span)>,
    /// Variables of the environment.
    pub variables: BTreeSet<String>,
}

/// What templates want of the session of an identity.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The first place that names it.
    pub place: Span,
    /// The parts, each with the first place that names it; those that may be lacking are not among them.
    pub parts: BTreeMap<String, Span>,
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
    /// What to do about it at this place.
    pub(super) hint: Option<&'static str>,
    /// What to do where nobody sends the step.
    pub(super) nobody: Option<&'static str>,
    /// Whether it is called, so that a function is meant.
    pub(super) is_called: bool,
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

    /// Gives the members of an object where all are known.
    pub fn members(&self, object: &str) -> Option<&BTreeSet<String>> {
        match self.objects.get(object) {
            Some(Members::These(names)) => Some(names),
            Some(Members::Any | Members::Env(..) | Members::Rows(_)) | None => None,
        }
    }

    /// Tells whether a bare name is known.
    pub fn has(&self, name: &str) -> bool {
        self.bare.contains(name)
    }

    /// Lets any bare name pass: what would have brought it could not be read, and that is told there.
    pub fn open(&mut self) {
        self.is_open = true;
    }

    /// Says what to do about a name that nothing supplies here.
    pub fn set_hint(&mut self, hint: &'static str) {
        self.hint = Some(hint);
    }

    /// Says what to do about a step that is sent by nobody.
    pub fn set_nobody(&mut self, help: &'static str) {
        self.nobody = Some(help);
    }

    /// Adds a step that later ones may name.
    pub fn add_step(&mut self, name: &str) {
        self.steps.insert(name.to_owned());
    }

    /// Tells whether an earlier step has a name.
    pub fn has_step(&self, name: &str) -> bool {
        self.steps.contains(name)
    }

    /// Gives the names of earlier steps.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(String::as_str)
    }

    /// Forgets the steps: those of another case are not seen.
    pub fn forget_steps(&mut self) {
        self.steps.clear();
    }

    /// Says where files that are named start from, and the folder they must lie in.
    pub fn set_files(&mut self, folder: &Path, root: &Path) {
        self.files = Some((folder.to_owned(), root.to_owned()));
    }

    /// Reads a file that is named at this point of the plan; the error is one sentence.
    pub fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        let (folder, root) = self.files.as_ref().ok_or("no file can be named here")?;
        read_file(folder, root, path).map(|bytes| bytes.to_vec())
    }

    /// Starts a record of its own of the sessions asked for.
    pub fn watch_sessions(&mut self) {
        self.sessions = Arc::default();
    }

    /// Puts the sessions asked for into the record of others.
    pub fn report_sessions_to(&mut self, other: &Self) {
        self.sessions = Arc::clone(&other.sessions);
    }

    /// Gives the identities whose sessions were asked for by name since the record started, and where.
    pub fn sessions_asked(&self) -> Vec<(String, Asked)> {
        let asked = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().map(|(name, asked)| (name.clone(), asked.clone())).collect()
    }

    /// Says which secrets and variables are known to have several lines.
    pub fn set_lined(&mut self, lined: Lined) {
        self.lined = Arc::new(lined);
    }

    /// What is known to have several lines.
    pub fn lined(&self) -> &Lined {
        &self.lined
    }

    /// Finds the paths that nothing supplies, in a stable order; `place` tells where a path stands.
    pub(super) fn unknown(
        &self,
        used: &HashSet<String>,
        source: &str,
        is_global: impl Fn(&str) -> bool,
        place: impl Fn(&str) -> Span,
    ) -> Vec<Unknown> {
        let mut used: Vec<&String> = used.iter().collect();
        used.sort();
        if self.objects.contains_key("sessions") {
            self.note_sessions(&used, source, place);
        }
        used.into_iter().filter_map(|path| self.check(path, source, &is_global)).collect()
    }

    /// Records the sessions asked for: `sessions.NAME`, or `sessions['NAME']` where a name is no word; and what of them.
    fn note_sessions(&self, used: &[&String], source: &str, place: impl Fn(&str) -> Span) {
        let mut all = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        // The place of what stands in `written` from `at` on.
        let found = |written: &str, at: usize, len: usize| {
            let whole = place(written);
            let is_found = (whole.end - whole.start) as usize == written.len();
            if is_found { whole.slice(at..at + len) } else { whole }
        };
        let mut note = |name: &str, part: Option<&str>, written: &str| {
            let named = match part {
                Some(part) => written.strip_suffix(part).and_then(|rest| rest.strip_suffix('.')).unwrap_or(written),
                None => written,
            };
            let at = "sessions.".len() + usize::from(named.contains('['));
            let fresh = || Asked { place: found(named, at, name.len()), parts: BTreeMap::new() };
            let asked = all.entry(name.to_owned()).or_insert_with(fresh);
            if let Some(part) = part.filter(|_| !may_lack(source)) {
                let place = || found(written, named.len() + 1, part.len());
                asked.parts.entry(part.to_owned()).or_insert_with(place);
            }
        };
        for path in used.iter().filter_map(|path| path.strip_prefix("sessions.")) {
            let mut words = path.split('.');
            let (name, part) = (words.next().unwrap_or_default(), words.next());
            let written = part.map_or_else(|| format!("sessions.{name}"), |part| format!("sessions.{name}.{part}"));
            note(name, part, &written);
        }
        if used.iter().any(|path| *path == "sessions") {
            for (at, quote) in ["sessions['", "sessions[\""].into_iter().flat_map(|open| source.match_indices(open)) {
                let rest = &source[at + quote.len()..];
                let name = rest.split(['\'', '"']).next().unwrap_or_default();
                let behind = rest[name.len()..].strip_prefix(['\'', '"']).and_then(|rest| rest.strip_prefix("]."));
                let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let part = behind.map(|rest| rest.split(|c| !is_word(c)).next().unwrap_or_default());
                let part = part.filter(|part| !part.is_empty());
                let end = at + quote.len() + name.len() + 1 + part.map_or(0, |part| "].".len() + part.len());
                note(name, part, &source[at..end.min(source.len())]);
            }
        }
    }

    /// What is said of a name that is not there at all: a function, where it is called.
    fn nothing(&self, root: &str, source: &str) -> Unknown {
        let is_called = is_called(root, source);
        let functions = || FUNCTIONS.iter().map(|function| function.name);
        let names = self.bare.iter().chain(self.objects.keys()).map(String::as_str);
        let near = if is_called { did_you_mean(root, functions()) } else { did_you_mean(root, names) };
        let known =
            if is_called { functions().map(ToOwned::to_owned).collect() } else { self.bare.iter().cloned().collect() };
        Unknown {
            path: root.to_owned(),
            near: near.map(ToOwned::to_owned),
            known,
            unset: None,
            lacking: Vec::new(),
            hint: self.hint,
            nobody: self.nobody,
            is_called,
        }
    }

    fn check(&self, path: &str, source: &str, is_global: &impl Fn(&str) -> bool) -> Option<Unknown> {
        let mut parts = path.split('.');
        let root = parts.next().unwrap_or_default();
        if self.bare.contains(root) || is_global(root) {
            return None;
        }
        let Some(members) = self.objects.get(root) else {
            return (!self.is_open).then(|| self.nothing(root, source));
        };
        let member = parts.next()?;
        let (hint, nobody, is_called) = (None, None, false);
        let has_default = may_lack(source);
        let path = format!("{root}.{member}");
        let known: Vec<&String> = match members {
            Members::Any => return None,
            Members::These(known) => known.iter().collect(),
            Members::Env(known, severity) => {
                let unknown = !known.contains(member) && !has_default;
                let unset = Some(*severity);
                let (known, lacking) = (Vec::new(), Vec::new());
                return unknown.then_some(Unknown { path, near: None, known, unset, lacking, hint, nobody, is_called });
            }
            Members::Rows(columns) => match columns.get(member) {
                Some(lacking) if lacking.is_empty() || has_default => return None,
                Some(lacking) => {
                    let lacking = lacking.clone();
                    return Some(Unknown {
                        path,
                        near: None,
                        known: Vec::new(),
                        unset: None,
                        lacking,
                        hint,
                        nobody,
                        is_called,
                    });
                }
                None => columns.keys().collect(),
            },
        };
        if known.iter().any(|k| *k == member) {
            return None;
        }
        let near = did_you_mean(member, known.iter().map(|k| k.as_str())).map(|m| format!("{root}.{m}"));
        let known = known.iter().map(|m| format!("{root}.{m}")).collect();
        Some(Unknown { path, near, known, unset: None, lacking: Vec::new(), hint, nobody, is_called })
    }
}

/// Tells whether an expression calls a name.
fn is_called(name: &str, source: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    source.match_indices(name).any(|(at, _)| {
        let behind = source[at + name.len()..].trim_start();
        !source[..at].ends_with(is_word) && behind.starts_with('(')
    })
}

/// Tells whether an expression says what holds when a name is not there.
fn may_lack(source: &str) -> bool {
    source.contains("default(") || source.contains(" defined")
}
