//! From paths to suites: finds the files, their project files, and reads them all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::model::{Named, Project, Shared, Suite, Suites};
use super::reader::{Key, Reader, key};
use super::shared::{SHARED_KEYS, shared};
use super::yaml::{self, Data, Node};
use super::{case, diags, step};
use crate::diag::Diagnostics;
use crate::source::{FileId, SourceMap, Span};

/// The name of a project file.
pub const PROJECT_FILE: &str = "authspec.yaml";

/// The keys that a suite has beside the shared ones.
pub const SUITE_KEYS: &[Key] = &[
    key("name", "for people; the file's name by default"),
    key("description", "a sentence or two"),
    key("tags", "words that all its cases can be selected by"),
    key("serial", "`true` runs the cases one after another, in file order"),
    key("setup", "steps before the first case; only their captures reach the cases"),
    key("cases", "the cases"),
    key("teardown", "steps that always run at the end, also after a failure or an interrupt"),
];

/// The keys that a project file has beside the shared ones.
pub const PROJECT_KEYS: &[Key] = &[
    key("environments", "overrides by name, picked with `--env`"),
    key("exclude", "globs of YAML files that are no suites, from the project file's folder"),
];

/// Where to read from, as the command line said it.
#[derive(Debug, Clone)]
pub struct Input {
    /// Files, folders, or `-`.
    pub paths: Vec<PathBuf>,
    /// The text of standard input, read by the caller when a path is `-`.
    pub stdin: Option<String>,
    /// The folder that relative paths start from.
    pub folder: PathBuf,
}

/// One file on its way.
struct Found {
    path: PathBuf,
    shown: String,
    /// Named on the command line itself, so `exclude:` does not apply.
    named: bool,
    root: PathBuf,
}

/// Reads all suites below the paths. Everything that is wrong goes to `diags`.
pub fn load(input: &Input, sources: &mut SourceMap, diags: &mut Diagnostics) -> Suites {
    let mut suites = Suites::default();
    let found = discover(input, diags);
    let mut projects = Projects::default();
    let mut wanted: Vec<(Found, Option<usize>)> = Vec::new();
    for file in found {
        let project = projects.of(&file.path, &input.folder, sources, diags);
        let excluded = project.is_some_and(|p| projects.excludes(p, &file.path));
        if excluded && !file.named {
            suites.excluded += 1;
            continue;
        }
        wanted.push((file, project));
    }
    let texts: Vec<Option<String>> = wanted.iter().map(|(f, _)| text_of(f, input, diags)).collect();
    let mut ready: Vec<(Found, Option<usize>, FileId)> = Vec::new();
    for ((file, project), text) in wanted.into_iter().zip(texts) {
        if let Some(text) = text {
            let id = sources.add(&file.shown, text);
            ready.push((file, project, id));
        }
    }
    let folders: Vec<PathBuf> = projects.all.iter().map(|p| p.folder.clone()).collect();
    suites.suites = read_all(&ready, &folders, sources, diags);
    suites.projects = projects.all;
    tell_apart(&mut suites);
    suites
}

/// A file with its project and its text.
type Ready = (Found, Option<usize>, FileId);

/// Parses and reads files on all processors; suites and faults keep the order of the files. A
/// file's tree is dropped as soon as its suite is read.
fn read_all(files: &[Ready], folders: &[PathBuf], sources: &SourceMap, diags: &mut Diagnostics) -> Vec<Suite> {
    let read = |chunk: &[Ready]| {
        let mut faults = Diagnostics::default();
        let mut suites = Vec::new();
        for (file, project, id) in chunk {
            let Some(node) = yaml::parse(*id, sources.text(*id), &mut faults) else { continue };
            let base = project.map(|p| folders[p].as_path());
            let suite = read_suite(file, *id, &node, base, sources, &mut faults);
            suites.extend(suite.map(|s| Suite { project: *project, ..s }));
        }
        (suites, faults)
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(files.len().div_ceil(16)).max(1);
    let size = files.len().div_ceil(workers).max(1);
    let parts: Vec<_> = if workers == 1 {
        vec![read(files)]
    } else {
        std::thread::scope(|scope| {
            let handles: Vec<_> = files.chunks(size).map(|chunk| scope.spawn(|| read(chunk))).collect();
            handles.into_iter().filter_map(|h| h.join().ok()).collect()
        })
    };
    let mut suites = Vec::with_capacity(files.len());
    for (part, faults) in parts {
        suites.extend(part);
        diags.extend(faults);
    }
    suites
}

fn text_of(file: &Found, input: &Input, diags: &mut Diagnostics) -> Option<String> {
    if file.path.as_os_str() == "-" {
        return Some(input.stdin.clone().unwrap_or_default());
    }
    read_text(&file.path, &file.shown, diags)
}

fn read_text(path: &Path, shown: &str, diags: &mut Diagnostics) -> Option<String> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            diags.push(diags::unreadable(Span::NONE, shown, &reason(&error)));
            return None;
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => Some(text.strip_prefix('\u{feff}').map(ToOwned::to_owned).unwrap_or(text)),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..valid].iter().filter(|b| **b == b'\n').count() + 1;
            diags.push(diags::unreadable(Span::NONE, shown, &format!("it is not UTF-8 text (line {line})")));
            None
        }
    }
}

/// The system's sentence without its number.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase(),
    }
}

/// Lists the YAML files below the paths in a stable order; each once.
fn discover(input: &Input, diags: &mut Diagnostics) -> Vec<Found> {
    let mut out = Vec::new();
    let mut seen = BTreeSet::new();
    for path in &input.paths {
        if path.as_os_str() == "-" {
            out.push(Found { path: path.clone(), shown: "<stdin>".into(), named: true, root: input.folder.clone() });
            continue;
        }
        let full = input.folder.join(path);
        if full.is_file() {
            let root = full.parent().unwrap_or(&input.folder).to_owned();
            push(&mut out, &mut seen, Found { shown: shown(path), path: full, named: true, root });
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
        let file = Found {
            shown: shown(&path.join(below)),
            path: entry.path().to_owned(),
            named: false,
            root: full.to_owned(),
        };
        push(out, seen, file);
    }
}

fn is_project_file(path: &Path) -> bool {
    path.file_name().is_some_and(|n| n == PROJECT_FILE)
}

/// A path as people read it: with `/`, without `./`.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    text.strip_prefix("./").unwrap_or(&text).to_owned()
}

/// The project files met so far.
#[derive(Default)]
struct Projects {
    all: Vec<Project>,
    globs: Vec<GlobSet>,
    by_folder: BTreeMap<PathBuf, Option<usize>>,
}

impl Projects {
    /// Finds the project file of a suite: the nearest one upwards, at most to the repository's root.
    fn of(&mut self, suite: &Path, cwd: &Path, sources: &mut SourceMap, diags: &mut Diagnostics) -> Option<usize> {
        let start = if suite.as_os_str() == "-" { cwd } else { suite.parent()? };
        let start = std::fs::canonicalize(start).unwrap_or_else(|_| start.to_owned());
        if let Some(known) = self.by_folder.get(&start) {
            return *known;
        }
        let mut found = None;
        for folder in start.ancestors() {
            let path = folder.join(PROJECT_FILE);
            if path.is_file() {
                found = self.read(&path, folder, cwd, sources, diags);
                break;
            }
            if folder.join(".git").exists() {
                break;
            }
        }
        self.by_folder.insert(start, found);
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
        let cwd = std::fs::canonicalize(cwd).unwrap_or_else(|_| cwd.to_owned());
        let name = shown(&relative(path, &cwd));
        let text = read_text(path, &name, diags)?;
        let file = sources.add(&name, text);
        let node = yaml::parse(file, sources.text(file), diags);
        let mut reader = Reader::new(sources, diags);
        let (shared, environments, globs) = node
            .and_then(|n| read_project(&n, &mut reader))
            .unwrap_or_else(|| (Shared::default(), Vec::new(), GlobSet::empty()));
        self.all.push(Project { file, folder: folder.to_owned(), shared, environments });
        self.globs.push(globs);
        Some(self.all.len() - 1)
    }

    fn excludes(&self, project: usize, path: &Path) -> bool {
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        path.strip_prefix(&self.all[project].folder).is_ok_and(|below| self.globs[project].is_match(below))
    }
}

/// A path from a folder, with `..` where it lies outside.
fn relative(path: &Path, from: &Path) -> PathBuf {
    let (a, b): (Vec<Component<'_>>, Vec<Component<'_>>) = (path.components().collect(), from.components().collect());
    let common = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let mut out: PathBuf = std::iter::repeat_n("..", b.len() - common).collect();
    out.extend(&a[common..]);
    out
}

fn read_project(node: &Node, reader: &mut Reader<'_>) -> Option<(Shared, Vec<Named<Shared>>, GlobSet)> {
    let keys: Vec<Key> = SHARED_KEYS.iter().chain(PROJECT_KEYS).copied().collect();
    if let Some(cases) = node.get("cases") {
        let hint = "`authspec.yaml` holds what suites share; move the cases into a file of another name";
        reader.fault(diags::bad_value(cases.key_span, "a project file has no cases").label("here").help(hint));
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

fn read_suite(
    file: &Found,
    id: FileId,
    node: &Node,
    base: Option<&Path>,
    sources: &SourceMap,
    diags: &mut Diagnostics,
) -> Option<Suite> {
    let mut reader = Reader::new(sources, diags);
    let is_suite = ["cases", "setup", "teardown", "identities"].iter().any(|k| node.get(k).is_some());
    if !is_suite {
        let start = match &node.data {
            Data::Map(entries) => entries.first().map_or(node.span, |e| e.key_span),
            Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::List(_) => Span::new(id, 0, 0),
        };
        let known: Vec<&str> = SUITE_KEYS.iter().map(|k| k.name).collect();
        let near = match &node.data {
            Data::Map(entries) => entries
                .iter()
                .find_map(|e| crate::term::did_you_mean(&e.key, known.iter().copied()).filter(|n| *n != &*e.key)),
            Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::List(_) => None,
        };
        let hint = near.map(|n| format!("did you mean `{n}`?"));
        reader.fault(diags::not_a_suite(start, hint.as_deref()));
        return None;
    }
    let keys: Vec<Key> = SUITE_KEYS.iter().chain(SHARED_KEYS).copied().collect();
    let fields = reader.fields(node, &keys, "a suite")?;
    let own_id = suite_id(file, base);
    let name = fields.get("name").and_then(|n| reader.word(n)).map(|t| t.value.to_string());
    if let Some(node) = fields.get("description") {
        reader.text(node);
    }
    let cases = reader.need(fields, node, "cases", "a suite").and_then(|n| {
        let items = reader.list(n)?;
        if items.is_empty() {
            reader.fault(diags::bad_value(n.span, "a suite without cases proves nothing").label("no cases"));
        }
        Some(items)
    });
    let suite = Suite {
        file: id,
        name: name.unwrap_or_else(|| own_id.clone()),
        id: own_id,
        folder: file.path.parent().map_or_else(|| file.root.clone(), Path::to_owned),
        project: None,
        span: fields.iter().next().map_or(node.span, |e| e.key_span),
        tags: fields.get("tags").map_or_else(Vec::new, |n| case::tags(n, &mut reader)),
        serial: fields.get("serial").and_then(|n| reader.flag(n)).unwrap_or(false),
        shared: shared(fields, &mut reader),
        setup: fields.get("setup").map_or_else(Vec::new, |n| step::steps(n, &mut reader)),
        cases: cases.unwrap_or_default().iter().filter_map(|n| case::case(n, &mut reader)).collect(),
        teardown: fields.get("teardown").map_or_else(Vec::new, |n| step::steps(n, &mut reader)),
    };
    Some(suite)
}

/// The file's path below its project (or below the given folder), without ending.
fn suite_id(file: &Found, base: Option<&Path>) -> String {
    if file.path.as_os_str() == "-" {
        return "stdin".to_owned();
    }
    let full = std::fs::canonicalize(&file.path).unwrap_or_else(|_| file.path.clone());
    let root = std::fs::canonicalize(&file.root).unwrap_or_else(|_| file.root.clone());
    let below = base.and_then(|b| full.strip_prefix(b).ok()).or_else(|| full.strip_prefix(&root).ok()).unwrap_or(&full);
    shown(&below.with_extension(""))
}

/// Suites of several projects may have the same path below them: then the project's folder leads.
fn tell_apart(suites: &mut Suites) {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for suite in &suites.suites {
        *count.entry(suite.id.clone()).or_default() += 1;
    }
    for suite in &mut suites.suites {
        if count[&suite.id] < 2 {
            continue;
        }
        let folder = suite.project.and_then(|p| suites.projects[p].folder.file_name());
        if let Some(folder) = folder {
            suite.id = format!("{}/{}", folder.to_string_lossy(), suite.id);
        }
    }
}

#[cfg(test)]
mod tests;
