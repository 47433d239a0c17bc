//! `authspec cover`: which promises of an API document no case has checked.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::args::{Bound, CoverArgs};
use super::context::{Context, Stream};
use super::load::complain;
use super::outputs::overwrites;
use crate::cover::terminal::{Look, Rows, draw};
use crate::cover::{
    Baseline, Counted, Document, FILL_IN, Failure, Grid, METRICS, Report, Results, Share, base_path, lint, markdown,
    metric, missing, parse_results, read, too_large,
};
use crate::diag::Diagnostics;
use crate::report::file::{ReportFile, Shape};
use crate::report::json::SCHEMA as RESULTS;
use crate::secret::SecretSet;
use crate::source::SourceMap;
use crate::spec::MAX_FILE;
use crate::term::{plural, system};
use crate::verdict;

pub(super) fn run(args: &CoverArgs, context: &mut Context) -> u8 {
    work(args, context).unwrap_or_else(|stop| stop.told(context))
}

/// Why nothing can be counted.
pub(super) enum Stop {
    /// It was told already.
    Said,
    /// A sentence.
    Because(String),
}

impl Stop {
    /// Tells it, where it was not told yet; gives the exit code.
    pub(super) fn told(self, context: &mut Context) -> u8 {
        match self {
            Self::Said => {}
            Self::Because(message) => context.complain(&format!("error: {message}\n")),
        }
        verdict::USAGE
    }
}

impl From<String> for Stop {
    fn from(message: String) -> Self {
        Self::Because(message)
    }
}

fn work(args: &CoverArgs, context: &mut Context) -> Result<u8, Stop> {
    let outputs = [("--json", &args.json), ("--summary", &args.summary), ("--write-missing", &args.write_missing)];
    let read = args.results.iter().chain([&args.openapi]).chain(&args.baseline);
    // An earlier report is there to be compared with, and may be replaced by the new one.
    let read: Vec<&Path> = read.filter(|path| Some(*path) != args.baseline.as_ref()).map(PathBuf::as_path).collect();
    if let Some(why) = overwrites(&outputs, &read, &context.folder) {
        return Err(Stop::Because(why));
    }
    let mut sources = SourceMap::default();
    let document = document(&args.openapi, &args.roles_key, &mut sources, context)?;
    let mut results: Vec<Results> = Vec::new();
    for path in &args.results {
        results.push(parse_results(&path.to_string_lossy(), &bytes(path, context)?, RESULTS)?);
    }
    let baseline = args.baseline.as_ref().map(|path| baseline(path, args, context)).transpose()?;
    if let Some(path) = args.write_missing.as_ref().filter(|p| context.folder.join(p).exists()) {
        return Err(Stop::Because(format!(
            "{} is there already and was left alone; name another file",
            path.display()
        )));
    }
    let grid = Grid::of(&document, &results);
    let counted = Counted {
        results: results.len(),
        cases: results.iter().map(|r| r.cases.len()).sum(),
        requests: grid.requests,
        unmatched: grid.elsewhere.values().map(|e| e.times).sum(),
    };
    let mut report = Report::of(&document, &grid, &lint(&document, &grid, &sources), counted, &sources);
    report.failures = below(&args.fail_under, |name| metric(name).map(|m| m.count(&document, &grid)));
    report.failures.extend(baseline.iter().flat_map(|b| b.compare(&document, &grid, &sources)));
    report.exit = if report.failures.is_empty() { verdict::ALL_PASSED } else { verdict::FAILED };
    let (mut wrote, mut faults) = (Vec::new(), Vec::new());
    if let Some(path) = &args.write_missing {
        let bases: Vec<String> = results.iter().flat_map(|r| &r.targets).map(|url| base_path(url)).collect();
        match write_missing(path, missing::write(&document, &grid, &sources, &bases), context) {
            Ok(line) => wrote.push(line),
            Err(message) => faults.push(message),
        }
    }
    write_reports(args, &report, (&mut wrote, &mut faults));
    if !faults.is_empty() && report.exit == verdict::ALL_PASSED {
        report.exit = verdict::REPORT;
    }
    tell(args, &report, &wrote, context);
    faults.iter().for_each(|fault| context.complain(&format!("error: {fault}\n")));
    Ok(report.exit)
}

/// Reads an API document; what is wrong with it is shown, each fault at its place.
pub(super) fn document(
    path: &Path,
    roles_key: &str,
    sources: &mut SourceMap,
    context: &mut Context,
) -> Result<Document, Stop> {
    let full = context.folder.join(path);
    let name = path.to_string_lossy().replace('\\', "/");
    let text = String::from_utf8(bytes(path, context)?).map_err(|_| format!("{name} is no UTF-8 text"))?;
    if text.len() > MAX_FILE {
        return Err(Stop::Because(format!("{name} cannot be read: {}", too_large(text.len()))));
    }
    let mut diags = Diagnostics::default();
    let folder = full.parent().unwrap_or(&context.folder).to_owned();
    let document = read((&name, &text, &folder), roles_key, sources, &mut diags);
    complain(&diags, sources, &SecretSet::new(), context, "");
    match document.filter(|_| diags.errors() == 0) {
        Some(document) if document.operations.is_empty() => {
            Err(Stop::Because(format!("{name} has no operation, so there is nothing to cover")))
        }
        Some(document) => Ok(document),
        None => Err(Stop::Said),
    }
}

fn bytes(path: &Path, context: &Context) -> Result<Vec<u8>, String> {
    fs::read(context.folder.join(path))
        .map_err(|error| format!("{} cannot be read: {}", path.display(), system(&error)))
}

/// An earlier report, or an earlier state of the document.
fn baseline(path: &Path, args: &CoverArgs, context: &mut Context) -> Result<Baseline, Stop> {
    let text = bytes(path, context)?;
    if let Some(report) = Baseline::of_report(&text) {
        return Ok(report);
    }
    if text.starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(&text).is_err_and(|e| e.is_eof()) {
        return Err(Stop::Because(format!("{} ends in the middle: it is no whole document", path.display())));
    }
    // A result or the like is no document either, and the document's faults say so at their place.
    let before = document(path, &args.roles_key, &mut SourceMap::default(), context)?;
    Ok(Baseline::of_document(&before))
}

/// What is below its bound. A metric with nothing to measure is below any bound: it shows nothing.
fn below(bounds: &[Bound], share: impl Fn(&str) -> Option<Share>) -> Vec<Failure> {
    let mut out = Vec::new();
    let mut fail = |message: String| out.push(Failure { code: "below-bound".to_owned(), message, place: None });
    for bound in bounds {
        let gates = || METRICS.iter().filter(|m| m.gate).map(|m| m.name).collect::<Vec<_>>();
        let names = bound.metric.map_or_else(gates, |name| vec![name]);
        let measured: Vec<(&str, Share, f64)> = names
            .iter()
            .filter_map(|name| {
                let share = share(name)?;
                Some((*name, share, share.percent()?))
            })
            .collect();
        if measured.is_empty() {
            let what = bound.metric.unwrap_or("authentication, role-denial or object");
            fail(format!("the document has nothing that {what} could measure"));
        }
        for (name, Share { covered, of }, percent) in measured {
            if percent < bound.percent {
                fail(format!("{name} is {percent}% ({covered} of {of}), below {}%", bound.percent));
            }
        }
    }
    out
}

/// Writes the missing cases into a file that is not there yet; gives the line that tells it.
fn write_missing(path: &Path, missing: Option<missing::Missing>, context: &Context) -> Result<String, String> {
    let Some(missing) = missing else { return Ok(format!("{} not written: no case is missing", path.display())) };
    let full = context.folder.join(path);
    let write = || -> io::Result<()> {
        if let Some(folder) = full.parent() {
            fs::create_dir_all(folder)?;
        }
        OpenOptions::new().write(true).create_new(true).open(&full)?.write_all(missing.text.as_bytes())
    };
    write().map_err(|error| format!("{} cannot be written: {}", path.display(), system(&error)))?;
    let comments = match missing.comments {
        0 => String::new(),
        1 => ", 1 as a comment".to_owned(),
        all => format!(", {all} as comments"),
    };
    let (file, cases) = (path.display(), plural(missing.cases, "case"));
    Ok(format!("{file}   {cases}{comments}; fill in {FILL_IN}, then `authspec check`"))
}

fn write_reports(args: &CoverArgs, report: &Report, (wrote, faults): (&mut Vec<String>, &mut Vec<String>)) {
    let json = || serde_json::to_string_pretty(report).map(|text| text + "\n").unwrap_or_default();
    // What is read was masked when it was written, so there is no secret to be searched for, in no shape.
    let shape = Shape::Json;
    let outputs: [(&Option<PathBuf>, &dyn Fn() -> String); 2] =
        [(&args.json, &json), (&args.summary, &|| markdown::write(report))];
    for (path, text) in outputs {
        let Some(path) = path else { continue };
        let file = if is_stdout(path) {
            ReportFile::to_stream(Box::new(io::stdout()), shape)
        } else {
            ReportFile::create(path, shape)
        };
        let done = file.and_then(|file| file.write(&SecretSet::new(), |to| to.write_all(text().as_bytes())));
        match done {
            Ok(_) if is_stdout(path) => {}
            Ok(_) => wrote.push(path.display().to_string()),
            Err(error) => faults.push(error.to_string()),
        }
    }
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// For people: on standard output, unless a report is there.
fn tell(args: &CoverArgs, report: &Report, wrote: &[String], context: &mut Context) {
    let taken = [&args.json, &args.summary].into_iter().flatten().any(|path| is_stdout(path));
    let stream: Stream = if taken { context.err } else { context.out };
    let rows = if args.full { Rows::All } else { Rows::Gaps };
    let (colour, glyphs) = (stream.colour(), stream.glyphs());
    let mut text = draw(report, Look { colour, glyphs, width: stream.width, rows, top: args.top });
    for (i, line) in wrote.iter().enumerate() {
        text.push_str(&format!("{}{line}\n", if i == 0 { "wrote     " } else { "          " }));
    }
    if taken { context.show(&text) } else { context.say(&text) }
}
