//! Golden transcripts: `tests/golden/<area>/<name>.yaml` is run, and all that is told must be what `<name>.out` says.
//!
//! A suite may begin with comment lines for the runner: `# args: run NAME.yaml -j 1` (several lines: several runs,
//! one after another in the same folder), `# env: NAME=value`, `# show: FILE` (printed at the end), and
//! `# fill: FILE BYTES` (a file of that size). Without `# args:` it is `check` in `invalid/`, else `run -j 1`. The suite
//! is standard input too. A folder `<name>/` holds further files of the case. `AUTHSPEC_BLESS=1` writes the `.out` files.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::{Session, odd};

/// The areas; a folder beside them is a mistake.
const AREAS: &[&str] = &["invalid", "failed", "ok"];

#[test]
fn every_transcript_is_as_expected() {
    let root = root();
    let suites = suites(&root);
    let bless = std::env::var_os("AUTHSPEC_BLESS").is_some();
    let only = std::env::var("AUTHSPEC_GOLDEN").unwrap_or_default();
    let odd = odd::start();
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    let wanted: Vec<&PathBuf> = suites.iter().filter(|p| p.to_string_lossy().contains(&only)).collect();
    let workers = thread::available_parallelism().map_or(2, usize::from) * 2;
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(suite) = wanted.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if let Err(fault) = compare(&root, suite, &odd, bless) {
                        faults.lock().expect("no thread panicked").push(fault);
                    }
                }
            });
        }
    });
    let mut faults = faults.into_inner().expect("no thread panicked");
    faults.sort();
    let count = faults.len();
    assert!(faults.is_empty(), "{count} of {} transcripts differ:\n\n{}", wanted.len(), faults.join("\n\n"));
}

#[test]
fn every_expected_output_has_its_suite() {
    let root = root();
    let suites: BTreeSet<PathBuf> = suites(&root).into_iter().map(|s| s.with_extension("")).collect();
    for area in fs::read_dir(&root).expect("the goldens").flatten() {
        assert!(AREAS.iter().any(|a| area.file_name() == **a), "no area: {}", area.path().display());
        for file in fs::read_dir(area.path()).expect("an area").flatten() {
            let of = file.path().with_extension("");
            assert!(suites.contains(&of), "{} has no suite of its name", file.path().display());
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn suites(root: &Path) -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> = AREAS
        .iter()
        .flat_map(|area| fs::read_dir(root.join(area)).expect("an area").flatten())
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    out.sort();
    out
}

fn compare(root: &Path, suite: &Path, odd: &str, bless: bool) -> Result<(), String> {
    let actual = transcript(suite, odd);
    let expected = suite.with_extension("out");
    if bless {
        return fs::write(&expected, actual).map_err(|e| format!("{}: {e}", expected.display()));
    }
    let shown = expected.strip_prefix(root).unwrap_or(&expected).display();
    match fs::read_to_string(&expected) {
        Err(_) => Err(format!("=== {shown} is missing (AUTHSPEC_BLESS=1 writes it)")),
        Ok(text) if text == actual => Ok(()),
        Ok(text) => Err(format!("=== {shown}\n{}", difference(&text, &actual))),
    }
}

fn difference(expected: &str, actual: &str) -> String {
    similar::TextDiff::from_lines(expected, actual)
        .unified_diff()
        .context_radius(2)
        .header("expected", "actual")
        .to_string()
}

/// Runs a suite as its head says and gives codes, streams and files as one text.
fn transcript(suite: &Path, odd: &str) -> String {
    let text = fs::read(suite).expect("the suite");
    let name = suite.file_name().expect("a name").to_string_lossy().into_owned();
    let head = String::from_utf8_lossy(&text).into_owned();
    let mut session = Session::new().env("ODD", odd).env("TLS", &odd.replace("http:", "https:"));
    for pair in directives(&head, "env") {
        let (name, value) = pair.split_once('=').expect("# env: NAME=value");
        session = session.env(name, value);
    }
    for fill in directives(&head, "fill") {
        let (file, bytes) = fill.split_once(' ').expect("# fill: FILE BYTES");
        session = session.file(file, "x".repeat(bytes.parse().expect("a number")));
    }
    let extra = suite.with_extension("");
    if extra.is_dir() {
        session.copy(&extra);
    }
    let session = session.file(&name, &text);
    let mut runs: Vec<String> = directives(&head, "args").collect();
    if runs.is_empty() {
        let invalid = suite.parent().is_some_and(|p| p.ends_with("invalid"));
        runs.push(if invalid { format!("check {name}") } else { format!("run {name} -j 1") });
    }
    let mut out = String::new();
    for args in runs {
        let words: Vec<String> = args.split_whitespace().map(|w| w.replace("%20", " ")).collect();
        let output = session.run_with_input(&words, &name);
        let code = output.status.code().map_or("killed".to_owned(), |c| c.to_string());
        let _ = writeln!(out, "exit {code}   authspec {args}");
        for (stream, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            if !bytes.is_empty() {
                let _ = writeln!(out, "--- {stream}\n{}", session.mask(&visible(bytes)).trim_end_matches('\n'));
            }
        }
    }
    for file in directives(&head, "show") {
        let text = session.read(&file);
        let _ = writeln!(out, "--- {file}\n{}", session.mask(&text).trim_end_matches('\n'));
    }
    out
}

/// Escape characters are spelt out, so that a transcript is plain text.
fn visible(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\u{1b}', "␛")
}

fn directives<'a>(head: &'a str, name: &'a str) -> impl Iterator<Item = String> + 'a {
    let lines = head.lines().take_while(|l| l.starts_with('#'));
    lines.filter_map(move |l| Some(l.strip_prefix("# ")?.strip_prefix(name)?.strip_prefix(':')?.trim().to_owned()))
}
