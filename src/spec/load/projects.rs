//! Project files: found upwards from suites, each read once.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::bases::{Bases, Desk};
use crate::diag::Diagnostics;
use crate::source::{FileId, SourceMap};
use crate::spec::diags;
use crate::spec::model::{Named, Project, Shared};
use crate::spec::reader::{Key, Reader, key};
use crate::spec::shape::{Def, Shape};
use crate::spec::shared::{SHARED_KEYS, shared};
use crate::spec::yaml::Node;

/// The name of a project file.
pub const PROJECT_FILE: &str = "authspec.yaml";

/// The keys that a project file has beside the shared ones.
pub const PROJECT_KEYS: &[Key] = &[
    key("environments", "overrides by name, picked with `--env`").is(Shape::Map(&Shape::The(Def::Environment))),
    key("extends", "another project file, `../base.yaml`, that this one stands on").is(Shape::Text),
    key(
        "allow_attacks_on",
        "globs of hosts that attacking mutations may be sent to beside this machine; never a bare `*`",
    )
    .is(Shape::TEXTS),
    key("exclude", "globs of YAML files that are no suites, from the project file's folder").is(Shape::TEXTS),
];

/// What a suite belongs to.
#[derive(Clone, Default)]
pub(super) struct Home {
    /// Its project.
    pub(super) project: Option<usize>,
    /// The folder that its id starts from: that of the project, else the root of the repository. Never what happened
    /// to be named on the command line, or a case would have another id whenever it is run another way.
    pub(super) base: Option<PathBuf>,
}

/// The project files met so far.
#[derive(Default)]
pub(super) struct Projects {
    pub(super) all: Vec<Project>,
    globs: Vec<GlobSet>,
    by_folder: BTreeMap<PathBuf, Home>,
    bases: Bases,
}

impl Projects {
    /// Finds the project file of a suite: the nearest one upwards, at most to the repository's root.
    pub(super) fn of(&mut self, suite: &Path, cwd: &Path, sources: &mut SourceMap, diags: &mut Diagnostics) -> Home {
        let start = if suite.as_os_str() == "-" { cwd } else { suite.parent().unwrap_or(cwd) };
        let start = std::fs::canonicalize(start).unwrap_or_else(|_| start.to_owned());
        if let Some(known) = self.by_folder.get(&start) {
            return known.clone();
        }
        let mut found = Home::default();
        for folder in start.ancestors() {
            let path = folder.join(PROJECT_FILE);
            if path.is_file() {
                found.project = self.read(&path, folder, cwd, sources, diags);
                found.base = Some(folder.to_owned());
                break;
            }
            if folder.join(".git").exists() {
                found.base = Some(folder.to_owned());
                break;
            }
        }
        self.by_folder.insert(start, found.clone());
        found
    }

    fn read(
        &mut self,
        path: &Path,
        folder: &Path,
        cwd: &Path,
        sources: &mut SourceMap,
        diags: &mut Diagnostics,
    ) -> Option<usize> {
        if let Some(index) = self.all.iter().position(|p| p.folder == folder) {
            return Some(index);
        }
        let node = self.bases.whole(path, &mut Desk { cwd, sources: &mut *sources, diags: &mut *diags });
        let file = node.as_ref().map(|n| n.span.file);
        let mut reader = Reader::new(sources, diags);
        let (shared, environments, globs) = node
            .and_then(|n| read_project(&n, &mut reader))
            .unwrap_or_else(|| (Shared::default(), Vec::new(), GlobSet::empty()));
        let file = file.unwrap_or(FileId::NONE);
        self.all.push(Project { file, folder: folder.to_owned(), shared, environments });
        self.globs.push(globs);
        Some(self.all.len() - 1)
    }

    /// Tells whether a file is the base of a project file, and so no suite.
    pub(super) fn is_base(&self, path: &Path) -> bool {
        std::fs::canonicalize(path).is_ok_and(|full| self.bases.paths.contains(&full))
    }

    pub(super) fn excludes(&self, project: usize, path: &Path) -> bool {
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        path.strip_prefix(&self.all[project].folder).is_ok_and(|below| self.globs[project].is_match(below))
    }
}

/// A path from a folder, with `..` where it lies outside.
pub(super) fn relative(path: &Path, from: &Path) -> PathBuf {
    let (a, b): (Vec<Component<'_>>, Vec<Component<'_>>) = (path.components().collect(), from.components().collect());
    let common = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let mut out: PathBuf = std::iter::repeat_n("..", b.len() - common).collect();
    out.extend(&a[common..]);
    out
}

fn read_project(node: &Node, reader: &mut Reader<'_>) -> Option<(Shared, Vec<Named<Shared>>, GlobSet)> {
    let keys: Vec<Key> = SHARED_KEYS.iter().chain(PROJECT_KEYS).copied().collect();
    if let Some(cases) = ["cases", "access"].iter().find_map(|key| node.get(key)) {
        let hint =
            format!("`authspec.yaml` holds what suites share; move the {} into a file of another name", cases.key);
        let message = format!("a project file has no {}", cases.key);
        reader.fault(diags::bad_value(cases.key_span, message).label("here").help(hint));
        return None;
    }
    let fields = reader.fields(node, &keys, "a project file")?;
    let mut environments = Vec::new();
    if let Some(map) = fields.get("environments").and_then(|n| reader.map(n)) {
        for entry in map.iter() {
            if let Some(fields) = reader.fields(&entry.value, SHARED_KEYS, "an environment") {
                let value = shared(fields, reader);
                environments.push(Named { name: Arc::clone(&entry.key), span: entry.key_span, value });
            }
        }
    }
    let mut globs = GlobSetBuilder::new();
    for node in fields.get("exclude").map_or(&[][..], |n| reader.one_or_more(n)) {
        let Some(text) = reader.word(node) else { continue };
        match Glob::new(&text.value) {
            Ok(glob) => _ = globs.add(glob),
            Err(error) => {
                reader.fault(diags::bad_value(text.span, format!("this is no glob: {}", error.kind())).label("here"));
            }
        }
    }
    Some((shared(fields, reader), environments, globs.build().unwrap_or_default()))
}
