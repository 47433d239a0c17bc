//! `extends`: a project file that stands on another one. The base is joined into it as it is read, so that everything
//! keeps the place it was written at, and no one after this knows of two files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::discover::shown;
use super::projects::relative;
use crate::diag::Diagnostics;
use crate::source::{SourceMap, Spanned};
use crate::spec::reader::Reader;
use crate::spec::yaml::{self, Data, Entry, Node};
use crate::spec::{diags, files};

/// How many files may stand on one another.
const MOST: usize = 8;

/// Keys whose maps are one thing, replaced as a whole.
const WHOLE: &[&str] = &["target", "tls"];

/// The files that were read as project files or their bases, each once.
#[derive(Default)]
pub(super) struct Bases {
    read: BTreeMap<PathBuf, Option<Node>>,
    /// Those that another file stands on.
    pub(super) paths: Vec<PathBuf>,
}

/// What reading files needs.
pub(super) struct Desk<'a> {
    pub(super) cwd: &'a Path,
    pub(super) sources: &'a mut SourceMap,
    pub(super) diags: &'a mut Diagnostics,
}

impl Bases {
    /// Gives what a project file and all that it stands on say together.
    pub(super) fn whole(&mut self, path: &Path, desk: &mut Desk<'_>) -> Option<Node> {
        let full = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        self.joined(&full, &mut Vec::new(), desk)
    }

    fn joined(&mut self, path: &Path, above: &mut Vec<PathBuf>, desk: &mut Desk<'_>) -> Option<Node> {
        let node = self.file(path, desk)?;
        let Some(entry) = node.get("extends") else { return Some(node) };
        let word = Reader::new(desk.sources, desk.diags).word(&entry.value);
        above.push(path.to_owned());
        let base = match word.map(|word| (find(path, &word, above), word)) {
            None => None,
            Some((Ok(base), word)) => {
                if !self.paths.contains(&base) {
                    self.paths.push(base.clone());
                }
                if above.len() < MOST {
                    self.joined(&base, above, desk)
                } else {
                    let why = format!("more than {MOST} files stand on one another");
                    desk.diags.push(diags::extends(word.span, &word.value, &why));
                    None
                }
            }
            Some((Err(why), word)) => {
                desk.diags.push(diags::extends(word.span, &word.value, &why));
                None
            }
        };
        Some(base.map_or_else(|| node.clone(), |base| join(&base, &node, None)))
    }

    fn file(&mut self, path: &Path, desk: &mut Desk<'_>) -> Option<Node> {
        if let Some(known) = self.read.get(path) {
            return known.clone();
        }
        let cwd = std::fs::canonicalize(desk.cwd).unwrap_or_else(|_| desk.cwd.to_owned());
        let name = shown(&relative(path, &cwd));
        let node = super::read_text(path, &name, desk.diags).and_then(|text| {
            let file = desk.sources.add(&name, text);
            desk.sources.set_home(file, path.parent().unwrap_or(path));
            yaml::parse(file, desk.sources.text(file), &mut yaml::Words::default(), desk.diags)
        });
        self.read.insert(path.to_owned(), node.clone());
        node
    }
}

/// Finds the file that `extends` names.
fn find(path: &Path, word: &Spanned<Arc<str>>, above: &[PathBuf]) -> Result<PathBuf, String> {
    let folder = path.parent().unwrap_or(path);
    let repository = folder.ancestors().find(|f| f.join(".git").exists());
    let root = repository.or(folder.parent()).unwrap_or(folder);
    let base = files::below(folder, root, &word.value).map_err(|why| match repository {
        _ if why != files::OUTSIDE => why,
        Some(_) => "it lies outside the repository".to_owned(),
        None => "it lies further away than one folder up".to_owned(),
    })?;
    if above.contains(&base) {
        return Err("it stands on this file itself".to_owned());
    }
    Ok(base)
}

/// Puts a file over its base: maps are joined by name, `origins` follow one another, anything else is replaced. What
/// is `like` its own name is like the base's. `of` is the key that a map below the first level stands under.
fn join(base: &Node, own: &Node, of: Option<&str>) -> Node {
    let (Data::Map(below), Data::Map(entries)) = (&base.data, &own.data) else { return own.clone() };
    let mut all: Vec<Entry> = below.iter().filter(|e| &*e.key != "extends" && &*e.key != "exclude").cloned().collect();
    for entry in entries.iter() {
        match all.iter_mut().find(|e| e.key == entry.key) {
            Some(slot) => slot.value = over(&slot.value, entry, of),
            None => all.push(entry.clone()),
        }
        if let Some(slot) = all.iter_mut().find(|e| e.key == entry.key) {
            slot.key_span = entry.key_span;
        }
    }
    Node { data: Data::Map(all.into()), ..own.clone() }
}

/// What stands under a key of both.
fn over(base: &Node, own: &Entry, of: Option<&str>) -> Node {
    let is_like_itself = own.value.get("like").and_then(|e| e.value.scalar()).is_some_and(|name| name == own.key);
    match (of, &*own.key) {
        (None, "origins") => listed(base, &own.value),
        (None, "environments") => environments(base, &own.value),
        (None, key) if !WHOLE.contains(&key) => join(base, &own.value, Some(key)),
        (Some("outcomes"), word) => join(base, &own.value, Some(word)),
        (Some("auth" | "identities"), _) if is_like_itself => alike(base, &own.value),
        _ => own.value.clone(),
    }
}

/// Each environment is joined as a file is.
fn environments(base: &Node, own: &Node) -> Node {
    let (Data::Map(below), Data::Map(entries)) = (&base.data, &own.data) else { return own.clone() };
    let mut all = below.to_vec();
    for entry in entries.iter() {
        match all.iter_mut().find(|e| e.key == entry.key) {
            Some(slot) => *slot = Entry { value: join(&slot.value, &entry.value, None), ..entry.clone() },
            None => all.push(entry.clone()),
        }
    }
    Node { data: Data::Map(all.into()), ..own.clone() }
}

/// An identity or scheme over the one of the same name in the base.
fn alike(base: &Node, own: &Node) -> Node {
    let (Data::Map(_), Data::Map(entries)) = (&base.data, &own.data) else { return own.clone() };
    Node { data: base.with(entries.iter().filter(|e| &*e.key != "like")).data, ..own.clone() }
}

fn listed(base: &Node, own: &Node) -> Node {
    let items = |node: &Node| match &node.data {
        Data::List(items) => items.to_vec(),
        Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::Map(_) => vec![node.clone()],
    };
    Node { data: Data::List(items(base).into_iter().chain(items(own)).collect()), ..own.clone() }
}
