//! What case ids begin with: made of the file alone, never of the way that it was named on the command line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use super::discover::shown;
use super::projects::Home;
use crate::spec::model::Suite;

/// The file's path below its project or repository without ending; outside of both the file's name alone.
pub(super) fn suite_id(path: &Path, home: &Home) -> String {
    if path.as_os_str() == "-" {
        return "stdin".to_owned();
    }
    let full = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let below = home.base.as_ref().and_then(|b| full.strip_prefix(b).ok());
    let name = full.file_name().map_or(&*full, Path::new);
    shown(&below.unwrap_or(name).with_extension(""))
}

/// Suites with the same id, such as those of two projects, are told apart by as many folders above as it takes.
pub(super) fn tell_apart(suites: &mut [Suite]) {
    let mut same: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, suite) in suites.iter().enumerate() {
        same.entry(suite.id.clone()).or_default().push(index);
    }
    for group in same.into_values().filter(|group| group.len() > 1) {
        let above: Vec<Vec<String>> = group.iter().map(|index| folders_above(&suites[*index])).collect();
        let most = above.iter().map(Vec::len).max().unwrap_or(0);
        let differ = |n: &usize| above.iter().map(|f| nearest(f, *n)).collect::<BTreeSet<_>>().len() == above.len();
        // Two files of one name in one folder are not told apart: their cases must be.
        let Some(folders) = (1..=most).find(differ) else { continue };
        for (index, above) in group.into_iter().zip(&above) {
            let suite = &mut suites[index];
            suite.id = format!("{}/{}", nearest(above, folders).join("/"), suite.id);
        }
    }
}

fn nearest(folders: &[String], count: usize) -> &[String] {
    &folders[folders.len().saturating_sub(count)..]
}

/// The folders above those that the id already names.
fn folders_above(suite: &Suite) -> Vec<String> {
    let folder = std::fs::canonicalize(&suite.folder).unwrap_or_else(|_| suite.folder.clone());
    let mut names: Vec<String> = folder
        .components()
        .filter_map(|c| match c {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => None,
        })
        .collect();
    names.truncate(names.len().saturating_sub(suite.id.matches('/').count()));
    names
}
