//! `run --watch`: runs again whenever a file changes.
//!
//! Files are looked at twice a second, and seldom enough that looking takes a tenth of the time at the most. That
//! works on every file system, network folders and containers too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::args::RunArgs;
use super::context::Context;
use super::run::once;
use super::signals;
use crate::exec::Stopper;
use crate::spec::PROJECT_FILE;
use crate::term::plural;
use crate::verdict;

/// The time between two looks at the files.
const EVERY: Duration = Duration::from_millis(500);

/// What tells that a file is another one than before.
type Stamp = (Option<SystemTime>, u64);

/// Runs, waits for a change, and runs again, until an interrupt. Between two runs that ends with the code of the
/// last one; during a run it is an interrupt like any other.
pub(super) fn run(args: &RunArgs, context: &mut Context) -> u8 {
    if args.files.paths.iter().any(|p| p.as_os_str() == "-") {
        context.complain("error: standard input cannot be watched; name files or folders\n");
        return verdict::USAGE;
    }
    loop {
        let before = stamps(args, context);
        let code = once(args, context);
        if code == verdict::INTERRUPTED {
            return code;
        }
        context.complain(&format!("\nwatching {}; Ctrl-C ends\n", plural(before.len(), "file")));
        match wait(&before, args, context) {
            Some(changed) if context.err.terminal => {
                context.show(&format!("\u{1b}[2J\u{1b}[H{changed} changed\n\n"));
            }
            Some(changed) => context.complain(&format!("{changed} changed\n\n")),
            None => return code,
        }
    }
}

/// Waits until a file differs and names it; `None` after an interrupt.
fn wait(before: &BTreeMap<PathBuf, Stamp>, args: &RunArgs, context: &Context) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    runtime.block_on(async {
        let stopper = Stopper::default();
        tokio::spawn(signals::listen(stopper.clone(), None));
        let mut pause = EVERY;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stopper.hurried() => return None,
            }
            let clock = Instant::now();
            let now = stamps(args, context);
            if let Some(path) = difference(before, &now) {
                let shown = path.strip_prefix(&context.folder).unwrap_or(&path);
                return Some(shown.display().to_string());
            }
            pause = EVERY.max(clock.elapsed() * 10);
        }
    })
}

fn difference(before: &BTreeMap<PathBuf, Stamp>, now: &BTreeMap<PathBuf, Stamp>) -> Option<PathBuf> {
    let changed = now.iter().find(|(path, stamp)| before.get(*path) != Some(*stamp)).map(|(path, _)| path);
    changed.or_else(|| before.keys().find(|path| !now.contains_key(*path))).cloned()
}

/// The files below the folders of the suites and of their projects, without hidden ones and without the run's reports.
fn stamps(args: &RunArgs, context: &Context) -> BTreeMap<PathBuf, Stamp> {
    let reports = [&args.junit, &args.json, &args.events, &args.har].into_iter().flatten();
    let reports: Vec<PathBuf> = reports.map(|p| context.folder.join(p)).collect();
    let mut found = BTreeMap::new();
    let default = [PathBuf::from("specs")];
    let paths = if args.files.paths.is_empty() { &default[..] } else { &args.files.paths };
    for path in paths {
        let full = context.folder.join(path);
        // A suite's data files stand beside it.
        let below = if full.is_dir() { full.as_path() } else { full.parent().unwrap_or(&full) };
        let depth = if full.is_dir() { None } else { Some(1) };
        for entry in ignore::WalkBuilder::new(below).max_depth(depth).follow_links(true).build().flatten() {
            let is_report = reports.iter().any(|r| r == entry.path());
            if entry.file_type().is_some_and(|t| t.is_file()) && !is_report && !is_scratch(entry.path()) {
                add(entry.path(), &mut found);
            }
        }
        let project = below.ancestors().map(|folder| folder.join(PROJECT_FILE)).find(|p| p.is_file());
        for path in project.iter().flat_map(|p| [p.clone(), p.with_file_name(".env")]) {
            add(&path, &mut found);
        }
    }
    found
}

fn add(path: &Path, to: &mut BTreeMap<PathBuf, Stamp>) {
    if let Ok(known) = std::fs::metadata(path) {
        to.insert(path.to_owned(), (known.modified().ok(), known.len()));
    }
}

/// What editors write beside the file they save.
fn is_scratch(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    name.ends_with('~') || name.ends_with(".swp") || name.ends_with(".tmp") || name == "4913"
}
