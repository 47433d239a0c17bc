//! Which files below the given paths are read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Input;
use super::projects::PROJECT_FILE;
use crate::diag::Diagnostics;
use crate::source::Span;
use crate::spec::diags;

/// What a suite on standard input is called.
pub const STDIN: &str = "<stdin>";

/// One file on its way.
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) shown: String,
    /// Named on the command line itself, so `exclude:` does not apply.
    pub(super) named: bool,
}

/// Lists the YAML files below the paths in a stable order; each once.
pub(super) fn discover(input: &Input, diags: &mut Diagnostics) -> Vec<Found> {
    let mut out = Vec::new();
    let mut seen = BTreeSet::new();
    for path in &input.paths {
        if path.as_os_str() == "-" {
            out.push(Found { path: path.clone(), shown: STDIN.into(), named: true });
            continue;
        }
        let full = input.folder.join(path);
        if full.is_file() && is_project_file(&full) {
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            diags.push(diags::project_file(&shown(path), &shown(folder)));
        } else if full.is_file() {
            push(&mut out, &mut seen, Found { shown: shown(path), path: full, named: true });
        } else if full.is_dir() {
            walk(path, &full, &mut out, &mut seen, diags);
        } else {
            let why = "there is no such file or folder";
            diags.push(diags::unreadable(Span::NONE, &shown(path), why));
        }
    }
    out
}

fn push(out: &mut Vec<Found>, seen: &mut BTreeSet<PathBuf>, file: Found) {
    let key = std::fs::canonicalize(&file.path).unwrap_or_else(|_| file.path.clone());
    if seen.insert(key) {
        out.push(file);
    }
}

fn walk(path: &Path, full: &Path, out: &mut Vec<Found>, seen: &mut BTreeSet<PathBuf>, diags: &mut Diagnostics) {
    // What git ignores does not matter: the same files everywhere, also in an archive without `.git`.
    let walker = ignore::WalkBuilder::new(full)
        .standard_filters(false)
        .hidden(true)
        .follow_links(true)
        .sort_by_file_path(Path::cmp)
        .build();
    let mut empty = true;
    for entry in walker {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                diags.push(diags::unreadable(Span::NONE, &shown(path), &error.to_string()));
                continue;
            }
        };
        let is_yaml = entry.path().extension().is_some_and(|e| e == "yaml" || e == "yml");
        if !is_yaml || entry.file_type().is_none_or(|t| t.is_dir()) || is_project_file(entry.path()) {
            continue;
        }
        let below = entry.path().strip_prefix(full).unwrap_or(entry.path());
        let file = Found { shown: shown(&path.join(below)), path: entry.path().to_owned(), named: false };
        empty = false;
        push(out, seen, file);
    }
    if empty {
        diags.push(diags::no_suites(&shown(path)));
    }
}

fn is_project_file(path: &Path) -> bool {
    path.file_name().is_some_and(|n| n == PROJECT_FILE)
}

/// A path as people read it: with `/`, without `./`.
pub(super) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    text.strip_prefix("./").unwrap_or(&text).to_owned()
}
