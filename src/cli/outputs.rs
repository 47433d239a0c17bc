//! Keeps reports from overwriting what was read, and one another.

use std::path::{Path, PathBuf};

use super::args::RunArgs;
use crate::source::SourceMap;

/// Says which report would overwrite something, before anything runs.
pub(super) fn clash(args: &RunArgs, sources: &SourceMap, folder: &Path) -> Option<String> {
    let reports = [
        ("--junit", &args.junit),
        ("--json", &args.json),
        ("--events", &args.events),
        ("--summary", &args.summary),
        ("--har", &args.har),
    ];
    let read: Vec<&Path> = sources.names().map(Path::new).collect();
    overwrites(&reports, &read, folder)
}

/// Says which of some reports would overwrite a file that is read, or another one.
pub(super) fn overwrites(reports: &[(&str, &Option<PathBuf>)], read: &[&Path], folder: &Path) -> Option<String> {
    let named: Vec<(&str, &PathBuf)> =
        reports.iter().filter_map(|(flag, path)| Some((*flag, path.as_ref()?))).collect();
    let read: Vec<PathBuf> = read.iter().map(|path| place(folder, path)).collect();
    for (i, (flag, path)) in named.iter().enumerate() {
        let own = place(folder, path);
        if let Some((other, _)) = named[..i].iter().find(|(_, p)| place(folder, p) == own) {
            let what =
                if path.as_os_str() == "-" { "standard output".to_owned() } else { format!("`{}`", path.display()) };
            return Some(format!("`{other}` and `{flag}` both go to {what}; give each a file of its own"));
        }
        if path.as_os_str() != "-" && read.contains(&own) {
            return Some(format!("`{flag}` would overwrite `{}`, which this run reads", path.display()));
        }
    }
    None
}

/// One spelling for a file, whether it is there yet or not.
fn place(folder: &Path, path: &Path) -> PathBuf {
    let full = folder.join(path);
    if let Ok(real) = full.canonicalize() {
        return real;
    }
    let above = full.parent().and_then(|p| p.canonicalize().ok());
    match (above, full.file_name()) {
        (Some(above), Some(name)) => above.join(name),
        (Some(_) | None, _) => full,
    }
}
