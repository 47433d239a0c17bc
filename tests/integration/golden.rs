//! Golden transcripts: `tests/golden/<area>/<name>.yaml` is run, and all that is told must be what `<name>.out` says.
//!
//! `AUTHSPEC_BLESS=1` writes the `.out` files, `AUTHSPEC_GOLDEN=text` takes only the suites with that in their path.
//! What the head of a suite can say stands in `support/transcript.rs`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::odd;
use crate::support::transcript::{AREAS, Case, root, suites};

#[test]
fn every_transcript_is_as_expected() {
    let suites = suites();
    let bless = std::env::var_os("AUTHSPEC_BLESS").is_some();
    let only = std::env::var("AUTHSPEC_GOLDEN").unwrap_or_default();
    let odd = odd::start();
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    let wanted: Vec<&PathBuf> = suites.iter().filter(|p| p.to_string_lossy().contains(&only)).collect();
    // Most of the time is spent waiting: for answers, pauses, time limits.
    let workers = thread::available_parallelism().map_or(2, usize::from) * 2;
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(suite) = wanted.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if let Err(fault) = compare(suite, &odd, bless) {
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
    let suites: BTreeSet<PathBuf> = suites().into_iter().map(|s| s.with_extension("")).collect();
    for area in fs::read_dir(root()).expect("the goldens").flatten() {
        assert!(AREAS.iter().any(|a| area.file_name() == **a), "no area: {}", area.path().display());
        for file in fs::read_dir(area.path()).expect("an area").flatten() {
            let of = file.path().with_extension("");
            assert!(suites.contains(&of), "{} has no suite of its name", file.path().display());
        }
    }
}

fn compare(suite: &Path, odd: &str, bless: bool) -> Result<(), String> {
    let case = Case::new(suite, odd);
    if !case.fits_here() {
        return Ok(());
    }
    let actual = case.transcript();
    let expected = suite.with_extension("out");
    if bless {
        return fs::write(&expected, actual).map_err(|e| format!("{}: {e}", expected.display()));
    }
    let shown = expected.display();
    match fs::read_to_string(&expected) {
        Err(_) => Err(format!("=== {shown} is missing (AUTHSPEC_BLESS=1 writes it)")),
        Ok(text) if text.replace("\r\n", "\n") == actual => Ok(()),
        Ok(text) => Err(format!("=== {shown}\n{}", difference(&text, &actual))),
    }
}

fn difference(expected: &str, actual: &str) -> String {
    let diff = similar::TextDiff::from_lines(expected, actual);
    diff.unified_diff().context_radius(2).header("expected", "actual").to_string()
}
