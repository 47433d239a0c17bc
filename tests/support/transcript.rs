//! A golden suite: what its head tells the runner, and what running it tells.
//!
//! The head is comment lines: `# args: run NAME.yaml -j 1` (several lines: several runs, one after another in the same
//! folder; single quotes hold a word with blanks together), `# env: NAME=value`, `# show: FILE` (printed at the end),
//! `# fill: FILE BYTES` (a file of that size), and `# only: unix` or `# only: linux` where the suite names
//! commands or paths of such a system.
//! `# hide: requests` stands where time decides how many are sent.
//! Without `# args:` it is `check NAME.yaml` in `invalid/`, else `run NAME.yaml -j 1`. The suite is standard input too.
//! A folder `<name>/` beside it holds further files.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use super::Session;

/// The areas, by the fate that is expected; a folder beside them is a mistake.
pub(crate) const AREAS: &[&str] = &["invalid", "failed", "ok"];

/// A suite in a folder of its own, ready to be run.
pub(crate) struct Case {
    session: Session,
    name: String,
    head: String,
    runs: Vec<String>,
}

/// Where the goldens are.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// All suites, in order.
pub(crate) fn suites() -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> = AREAS
        .iter()
        .flat_map(|area| fs::read_dir(root().join(area)).expect("an area").flatten())
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    out.sort();
    out
}

impl Case {
    /// Lays out a suite; `odd` is the URL of the odd server.
    pub(crate) fn new(suite: &Path, odd: &str) -> Self {
        let text = fs::read(suite).expect("the suite");
        let name = suite.file_name().expect("a name").to_string_lossy().into_owned();
        let head = String::from_utf8_lossy(&text).into_owned();
        let port = odd.rsplit(':').next().unwrap_or_default();
        let session = Session::new().env("ODD", odd).env("ODD_PORT", port);
        let mut session = session.env("TLS", &odd.replace("http:", "https:"));
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
        Self { session, name, head, runs }
    }

    /// Sets a further environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.session = self.session.env(name, value);
        self
    }

    /// Tells whether this system has what the suite needs.
    pub(crate) fn fits_here(&self) -> bool {
        directives(&self.head, "only").all(|system| match &*system {
            "unix" => cfg!(unix),
            "linux" => cfg!(target_os = "linux"),
            other => panic!("`# only: {other}`"),
        })
    }

    /// Runs each line of arguments, with some more behind.
    pub(crate) fn outputs(&self, more: &[&str]) -> impl Iterator<Item = (&str, Output)> {
        self.runs.iter().map(move |args| {
            let words = words(args).into_iter().chain(more.iter().map(|w| (*w).to_owned()));
            (args.as_str(), self.session.run_with_input(&words.collect::<Vec<_>>(), &self.name))
        })
    }

    /// Codes, streams and files as one text.
    pub(crate) fn transcript(&self) -> String {
        let mut out = String::new();
        for (args, output) in self.outputs(&[]) {
            let code = output.status.code().map_or("killed".to_owned(), |c| c.to_string());
            let _ = writeln!(out, "{}", format!("exit {code}   authspec {args}").trim_end());
            for (stream, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
                if !bytes.is_empty() {
                    let text = self.session.mask(&visible(bytes));
                    let _ = writeln!(out, "--- {stream}\n{}", text.trim_end_matches('\n'));
                }
            }
        }
        for file in directives(&self.head, "show") {
            let text = self.session.mask(&self.session.read(&file));
            let _ = writeln!(out, "--- {file}\n{}", text.trim_end_matches('\n'));
        }
        if directives(&self.head, "hide").any(|what| what == "requests") { without_requests(&out) } else { out }
    }
}

/// Hides how many requests were sent.
fn without_requests(text: &str) -> String {
    let mut out = String::new();
    for (i, part) in text.split(" request").enumerate() {
        if i > 0 {
            let digits = out.trim_end_matches(|c: char| c.is_ascii_digit()).len();
            if digits < out.len() {
                out.truncate(digits);
                out.push('N');
            }
            out.push_str(" request");
        }
        out.push_str(part);
    }
    out.replace("N request ", "N requests ")
}

/// Splits at blanks outside of single quotes.
fn words(args: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (i, part) in args.split('\'').enumerate() {
        if i % 2 == 1 {
            out.push(part.to_owned());
        } else {
            out.extend(part.split_whitespace().map(ToOwned::to_owned));
        }
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
