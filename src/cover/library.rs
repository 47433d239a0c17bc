//! The files of an API document, and what its references lead to.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::diags;
use crate::diag::Diagnostics;
use crate::http::percent_decoded;
use crate::source::{FileId, SourceMap};
use crate::spec::{self, Data, Entry, Node};
use crate::term::{grouped, system};

/// How many references may lead to one another.
const MOST: usize = 16;

/// The files read so far.
pub(super) struct Library<'a> {
    pub(super) sources: &'a mut SourceMap,
    pub(super) diags: &'a mut Diagnostics,
    /// The folder of the document: no file outside of it is read.
    home: PathBuf,
    /// What each file holds, with the folder it stands in.
    files: HashMap<FileId, (Node, PathBuf)>,
    by_path: HashMap<PathBuf, Option<Node>>,
    /// Those that only schemas led to.
    aside: HashMap<PathBuf, Option<Node>>,
}

impl<'a> Library<'a> {
    /// Takes in the text of a document that stands in a folder.
    pub(super) fn open(
        name: &str,
        text: &str,
        folder: &Path,
        sources: &'a mut SourceMap,
        diags: &'a mut Diagnostics,
    ) -> (Self, Option<Node>) {
        let file = sources.add(name, text);
        let root = spec::document(file, text, diags);
        let home = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let files = root.iter().map(|root| (file, (root.clone(), home.clone()))).collect();
        (Self { sources, diags, home, files, by_path: HashMap::new(), aside: HashMap::new() }, root)
    }

    /// Follows references until there is something else. What cannot be followed is a fault.
    pub(super) fn resolve(&mut self, node: &Node) -> Option<Node> {
        let mut at = node.clone();
        for _ in 0..MOST {
            let Some(reference) = at.get("$ref") else { return Some(at) };
            at = self.follow(&reference.value.clone())?;
        }
        self.diags.push(diags::circular_ref(node.span, "$ref"));
        None
    }

    /// A map with what its reference leads to, what stands beside the reference over it (OpenAPI 3.1, section 4.8.9);
    /// lists of parameters are joined.
    pub(super) fn merged(&mut self, node: &Node) -> Option<Node> {
        let mut whole = node.clone();
        for _ in 0..MOST {
            let Some(reference) = whole.get("$ref") else { return Some(whole) };
            let below = self.follow(&reference.value.clone())?;
            whole = over(&whole, &below);
        }
        self.diags.push(diags::circular_ref(node.get("$ref").map_or(node.span, |e| e.value.span), "$ref"));
        None
    }

    /// Begins or ends a look that tells nothing of what is wrong. The files that are read meanwhile are kept apart, so that what is wrong with
    /// one of them is told to whoever needs it.
    pub(super) fn quietly(&mut self) {
        std::mem::swap(&mut self.by_path, &mut self.aside);
    }

    fn follow(&mut self, node: &Node) -> Option<Node> {
        let Data::Text(to) = &node.data else {
            self.diags.push(diags::wrong_type(node, "a reference as text"));
            return None;
        };
        let (file, pointer) = to.split_once('#').unwrap_or((to, ""));
        if file.contains("://") {
            self.diags.push(diags::remote_ref(node.span, to));
            return None;
        }
        let (own, folder) = self.files.get(&node.span.file)?.clone();
        let root =
            if file.is_empty() { own } else { self.file(node, to, &folder.join(percent_decoded(file.as_bytes())))? };
        // Anything else than a pointer is the name of an anchor, which only schemas have.
        let is_pointer = pointer.is_empty() || pointer.starts_with('/');
        let steps = || pointer.split('/').skip(1);
        let found = if is_pointer { steps().try_fold(root, |at, step| child(&at, &unescaped(step))) } else { None };
        if found.is_none() {
            self.diags.push(diags::no_such_ref(node.span, to));
        }
        found
    }

    fn file(&mut self, node: &Node, to: &str, path: &Path) -> Option<Node> {
        let real = match path.canonicalize() {
            Ok(real) if real.starts_with(&self.home) => real,
            Ok(_) => {
                let why = "it is outside of the folder of the document";
                self.diags.push(diags::unreadable_ref(node.span, to, why));
                return None;
            }
            Err(error) => {
                self.diags.push(diags::unreadable_ref(node.span, to, &system(&error)));
                return None;
            }
        };
        if let Some(known) = self.by_path.get(&real) {
            return known.clone();
        }
        let root = match fs::read_to_string(&real) {
            Ok(text) if text.len() > spec::MAX_FILE => {
                self.diags.push(diags::unreadable_ref(node.span, to, &too_large(text.len())));
                None
            }
            Ok(text) => {
                let shown = real.strip_prefix(&self.home).unwrap_or(&real).to_string_lossy().replace('\\', "/");
                let id = self.sources.add(&shown, &*text);
                let root = spec::document(id, &text, self.diags);
                let folder = real.parent().unwrap_or(&self.home).to_owned();
                self.files.extend(root.iter().map(|root| (id, (root.clone(), folder.clone()))));
                root
            }
            Err(error) => {
                self.diags.push(diags::unreadable_ref(node.span, to, &system(&error)));
                None
            }
        };
        self.by_path.insert(real, root.clone());
        root
    }
}

/// Why a file is not read.
pub fn too_large(bytes: usize) -> String {
    let (bytes, most) = (grouped(bytes as u64), grouped(spec::MAX_FILE as u64));
    format!("it has {bytes} bytes, and at most {most} are read")
}

/// The entries of a map without its reference, and those of another one below it.
fn over(node: &Node, below: &Node) -> Node {
    let own = match &node.data {
        Data::Map(entries) => &entries[..],
        Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::List(_) => &[],
    };
    let Data::Map(others) = &below.data else { return below.clone() };
    let mut all: Vec<Entry> = own.iter().filter(|e| &*e.key != "$ref").cloned().collect();
    for other in others.iter() {
        match all.iter_mut().find(|e| e.key == other.key) {
            None => all.push(other.clone()),
            Some(here) if &*here.key == "parameters" => {
                if let (Data::List(own), Data::List(more)) = (&here.value.data, &other.value.data) {
                    here.value.data = Data::List(own.iter().chain(more.iter()).cloned().collect());
                }
            }
            Some(_) => {}
        }
    }
    Node { data: Data::Map(all.into_iter().collect()), ..below.clone() }
}

/// One step of a JSON pointer (RFC 6901, section 4).
fn child(node: &Node, step: &str) -> Option<Node> {
    match &node.data {
        Data::Map(_) => node.get(step).map(|e| e.value.clone()),
        Data::List(items) => items.get(step.parse::<usize>().ok()?).cloned(),
        Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) => None,
    }
}

fn unescaped(step: &str) -> String {
    percent_decoded(step.as_bytes()).replace("~1", "/").replace("~0", "~")
}
