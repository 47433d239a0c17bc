//! From paths to suites: finds the files, their project files, and reads them all.

use std::path::{Path, PathBuf};

use super::access::{self, ACCESS_KEYS};
use super::model::{Suite, Suites};
use super::reader::{Key, Reader, key};
use super::shape::{Def, Shape};
use super::shared::{SHARED_KEYS, shared};
use super::yaml::{self, Data, Node};
use super::{case, diags, files, ready, rows, step};
use crate::diag::Diagnostics;
use crate::source::{FileId, SourceMap, Span};

mod bases;
mod discover;
mod ids;
mod projects;

pub use discover::STDIN;
pub use projects::{PROJECT_FILE, PROJECT_KEYS};

use discover::{Found, discover};
use projects::{Home, Projects};

/// The keys that a suite has beside the shared ones.
pub const SUITE_KEYS: &[Key] = &[
    key("name", "for people; the file's name by default").is(Shape::Text),
    key("description", "a sentence or two").is(Shape::Text),
    key("tags", "words that all its cases can be selected by").is(Shape::TEXTS),
    key("serial", "`true` runs the cases one after another, in file order").is(Shape::Flag),
    key("setup", "steps before the first case; only their captures reach the cases")
        .is(Shape::List(&Shape::The(Def::Step))),
    key("cases", "the cases; a suite has these, `access` or both")
        .is(Shape::Filled(&Shape::List(&Shape::The(Def::Case)))),
    key("access", "the matrix: who may send which request, one case for each cell").is(Shape::Keys(ACCESS_KEYS)),
    key("teardown", "steps that always run at the end, also after a failure or an interrupt")
        .is(Shape::List(&Shape::The(Def::Step))),
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
    /// The folder that standard input stands in, where that is another one.
    pub at: Option<PathBuf>,
}

impl Input {
    /// The path that a file is found by; standard input has none of its own.
    fn path_of(&self, file: &Found) -> PathBuf {
        match &self.at {
            Some(folder) if file.path.as_os_str() == "-" => folder.join("-"),
            _ => file.path.clone(),
        }
    }
}

/// Reads all suites below the paths. Everything that is wrong goes to `diags`.
pub fn load(input: &Input, sources: &mut SourceMap, diags: &mut Diagnostics) -> Suites {
    let mut suites = Suites { ready: ready::flows(sources, diags), ..Suites::default() };
    let found = discover(input, diags);
    let mut projects = Projects::default();
    let mut wanted: Vec<(Found, Home)> = Vec::new();
    for file in found {
        let home = projects.of(&input.path_of(&file), &input.folder, sources, diags);
        let excluded = home.project.is_some_and(|p| projects.excludes(p, &file.path));
        if excluded && !file.named {
            suites.excluded += 1;
            continue;
        }
        wanted.push((file, home));
    }
    // Known only now: a base may stand before the project files that stand on it.
    wanted.retain(|(file, _)| file.named || !projects.is_base(&file.path));
    let texts: Vec<Option<String>> = wanted.iter().map(|(f, _)| text_of(f, input, diags)).collect();
    let mut whole: Vec<Ready> = Vec::new();
    for ((file, home), text) in wanted.into_iter().zip(texts) {
        if let Some(text) = text {
            let id = sources.add(&file.shown, text);
            whole.push((file, home, id));
        }
    }
    suites.suites = read_all(&whole, input.at.as_ref().unwrap_or(&input.folder), sources, diags);
    suites.projects = projects.all;
    ids::tell_apart(&mut suites.suites);
    rows::fill(&mut suites, sources, diags);
    suites
}

/// A file with its project and its text.
type Ready = (Found, Home, FileId);

/// Parses and reads files on all processors; suites and faults keep the order of the files. A
/// file's tree is dropped as soon as its suite is read.
fn read_all(files: &[Ready], cwd: &Path, sources: &SourceMap, diags: &mut Diagnostics) -> Vec<Suite> {
    let read = |chunk: &[Ready]| {
        let mut faults = Diagnostics::default();
        let (mut suites, mut words) = (Vec::with_capacity(chunk.len()), yaml::Words::default());
        for (file, home, id) in chunk {
            let Some(node) = yaml::parse(*id, sources.text(*id), &mut words, &mut faults) else { continue };
            let suite = read_suite(file, *id, &node, home, sources, &mut faults);
            // Standard input stands where authspec was started.
            let folder = file.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(cwd).to_owned();
            suites.extend(suite.map(|s| Suite { project: home.project, folder, ..s }));
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
    files::text(path).inspect_err(|why| diags.push(diags::unreadable(Span::NONE, shown, why))).ok()
}

fn read_suite(
    file: &Found,
    id: FileId,
    node: &Node,
    home: &Home,
    sources: &SourceMap,
    diags: &mut Diagnostics,
) -> Option<Suite> {
    let mut reader = Reader::new(sources, diags);
    let is_suite = ["cases", "access", "setup", "teardown", "identities"].iter().any(|k| node.get(k).is_some());
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
    let own_id = ids::suite_id(&file.path, home);
    let name = fields.get("name").and_then(|n| reader.word(n)).map(|t| t.value.to_string());
    if let Some(node) = fields.get("description") {
        reader.text(node);
    }
    let access = fields.entry("access").and_then(|entry| access::access(entry, &mut reader));
    let cases = match fields.entry("access") {
        None => reader.need(fields, node, "cases", "a suite"),
        Some(_) => fields.get("cases"),
    };
    let cases = cases.and_then(|n| {
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
        folder: PathBuf::new(),
        project: None,
        span: fields.iter().next().map_or(node.span, |e| e.key_span),
        tags: fields.get("tags").map_or_else(Vec::new, |n| case::tags(n, &mut reader)),
        serial: fields.get("serial").and_then(|n| reader.flag(n)).unwrap_or(false),
        shared: shared(fields, &mut reader),
        setup: fields.get("setup").map_or_else(Vec::new, |n| step::steps(n, &mut reader)),
        cases: cases.unwrap_or_default().iter().filter_map(|n| case::case(n, &mut reader)).collect(),
        access,
        teardown: fields.get("teardown").map_or_else(Vec::new, |n| step::steps(n, &mut reader)),
    };
    Some(suite)
}

#[cfg(test)]
mod tests;
