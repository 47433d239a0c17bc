//! From arguments to a plan, with everything that is wrong on standard error.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{Files, PlaceArgs};
use super::context::Context;
use super::run::commands;
use crate::diag::{Diagnostics, Severity, render};
use crate::plan::{Commands, Plan, PlanOptions, Selection};
use crate::secret::SecretSet;
use crate::source::SourceMap;
use crate::spec::{self, Input, PROJECT_FILE};
use crate::term::plural;
use crate::verdict;

/// A plan and what it was made of.
pub(super) struct Loaded {
    pub(super) plan: Plan,
    pub(super) sources: Arc<SourceMap>,
    pub(super) secrets: SecretSet,
    pub(super) diags: Diagnostics,
}

/// Reads files and makes the plan; `Err` when a path is missing altogether.
pub(super) fn load(
    files: &Files,
    only: Option<BTreeSet<String>>,
    unset: Severity,
    commands: Commands,
    context: &Context,
) -> Result<Loaded, String> {
    let paths = paths(files, context)?;
    let stdin = if paths.iter().any(|p| p.as_os_str() == "-") { Some(read_stdin()?) } else { None };
    let input = Input { paths, stdin, folder: context.folder.clone(), at: None };
    let values = (files.environment.clone(), files.target.clone(), files.vars.clone());
    let selection = Selection {
        words: files.keywords.clone(),
        tags: files.tags.clone(),
        ids: files.ids.clone(),
        callers: files.callers.clone(),
        only,
    };
    Ok(plan(&input, values, (unset, commands), selection, context))
}

/// Plans one suite that is not in a file, in the project that is near; faults are shown, and end the command with the
/// code given back.
pub(super) fn load_text(text: String, place: &PlaceArgs, context: &mut Context) -> Result<Loaded, u8> {
    let input = Input { paths: vec!["-".into()], stdin: Some(text), folder: context.folder.clone(), at: home(context) };
    let values = (place.environment.clone(), place.target.clone(), Vec::new());
    let loaded = plan(&input, values, (Severity::Error, commands(place.no_exec)), Selection::default(), context);
    shown(loaded, context)
}

/// The same, as if its cases were those of a suite, and it had no others.
pub(super) fn load_into(suite: &Path, text: String, place: &PlaceArgs, context: &mut Context) -> Result<Loaded, u8> {
    let at = context.folder.join(suite);
    let input = Input {
        paths: vec![suite.to_owned(), "-".into()],
        stdin: Some(text),
        folder: context.folder.clone(),
        at: at.parent().map(Path::to_owned),
    };
    let (mut sources, mut diags) = (SourceMap::default(), Diagnostics::default());
    let mut suites = spec::load(&input, &mut sources, &mut diags);
    let is_typed = |suite: &spec::Suite| &*sources.name(suite.file) == spec::STDIN;
    if let Some(typed) = suites.suites.iter().position(is_typed).map(|at| suites.suites.remove(at))
        && let [suite] = &mut suites.suites[..]
    {
        (suite.cases, suite.access) = (typed.cases, None);
    } else if diags.errors() == 0 {
        context.complain(&format!("error: {} is no suite\nhelp: `--suite` takes one file\n", suite.display()));
        return Err(verdict::USAGE);
    }
    let values = (place.environment.clone(), place.target.clone(), Vec::new());
    let about = (Severity::Error, commands(place.no_exec));
    let loaded = planned((sources, diags), &suites, values, about, Selection::default(), context);
    shown(loaded, context)
}

/// Where the project is looked for, unless it is found from here upwards: in `specs`.
fn home(context: &Context) -> Option<PathBuf> {
    let here = &context.folder;
    let found = here.ancestors().any(|folder| folder.join(PROJECT_FILE).is_file());
    let below = here.join("specs");
    (!found && below.join(PROJECT_FILE).is_file()).then_some(below)
}

/// The fields of all identities as they are written, also of those that have a fault.
fn written(suites: &spec::Suites) -> impl Iterator<Item = &[spec::Named<spec::Node>]> {
    let projects = suites.projects.iter().map(|p| &p.shared);
    let environments = suites.projects.iter().flat_map(|p| &p.environments).map(|e| &e.value);
    let own = suites.suites.iter().map(|s| &s.shared);
    projects.chain(environments).chain(own).flat_map(|s| &s.identities).map(|i| &i.value.fields[..])
}

/// `--env`, `--target` and `--var`.
type Values = (Option<String>, Option<String>, Vec<(String, String)>);

fn plan(
    input: &Input,
    values: Values,
    (unset, commands): (Severity, Commands),
    selection: Selection,
    context: &Context,
) -> Loaded {
    let (mut sources, mut diags) = (SourceMap::default(), Diagnostics::default());
    let suites = spec::load(input, &mut sources, &mut diags);
    planned((sources, diags), &suites, values, (unset, commands), selection, context)
}

/// Makes the plan of suites that were read.
fn planned(
    (sources, mut diags): (SourceMap, Diagnostics),
    suites: &spec::Suites,
    values: Values,
    (unset, commands): (Severity, Commands),
    selection: Selection,
    context: &Context,
) -> Loaded {
    let (environment, target, vars) = values;
    let (variables, now) = (context.variables.clone(), jiff::Timestamp::now());
    let options = PlanOptions { environment, target, vars, variables, unset, commands, selection, now };
    let plan = Plan::from_suites(suites, &options, &sources, &mut diags);
    let secrets = SecretSet::new();
    // Passwords that a file writes out are known before the first line of it is shown, with their
    // names where the file has no fault.
    for identity in &plan.identities {
        for field in identity.fields.iter().filter(|f| f.secret) {
            if let Some(literal) = field.value.as_literal() {
                secrets.declare(&format!("{}.{}", identity.name, field.name), literal);
            }
        }
    }
    for fields in written(suites) {
        // Paths are no secrets, and beside a certificate `key` is one; a key that is written out is none.
        let has_cert = fields.iter().any(|f| &*f.name == "cert");
        let is_path = |name: &str, text: &str| {
            (matches!(name, "cert" | "pkcs12") || (name == "key" && has_cert)) && !text.contains("-----BEGIN")
        };
        for field in fields.iter().filter(|f| !crate::auth::is_name(&f.name)) {
            if let Some(text) = field.value.scalar().filter(|t| !t.contains("{{") && !is_path(&field.name, t)) {
                secrets.declare(&field.name, &text);
            }
        }
    }
    sources.texts().for_each(|text| crate::diag::declare_varied(&secrets, text));
    Loaded { plan, sources: Arc::new(sources), secrets, diags }
}

/// Loads for commands that only look: faults are shown, and end the command with the code given back.
pub(super) fn look(files: &Files, context: &mut Context) -> Result<Loaded, u8> {
    read(files, Severity::Warning, Commands::Run, context)
}

/// Loads for commands that send something.
pub(super) fn ready(files: &Files, commands: Commands, context: &mut Context) -> Result<Loaded, u8> {
    read(files, Severity::Error, commands, context)
}

fn read(files: &Files, unset: Severity, commands: Commands, context: &mut Context) -> Result<Loaded, u8> {
    let loaded = load(files, None, unset, commands, context).map_err(|message| {
        context.complain(&format!("error: {message}\n"));
        verdict::USAGE
    })?;
    shown(loaded, context)
}

/// Shows the faults; with an error among them the command ends.
fn shown(loaded: Loaded, context: &mut Context) -> Result<Loaded, u8> {
    complain(&loaded.diags, &loaded.sources, &loaded.secrets, context, "");
    if loaded.diags.errors() > 0 { Err(verdict::USAGE) } else { Ok(loaded) }
}

/// Says that no case was selected, and which filter fits none.
pub(super) fn nothing(loaded: &Loaded, context: &mut Context) -> u8 {
    let left_out = loaded.plan.filtered_out;
    let why =
        if left_out > 0 { format!(" ({} left out by the filters)", plural(left_out, "case")) } else { String::new() };
    let mut text = format!("error: no case was selected{why}\n");
    for missed in &loaded.plan.missed {
        text.push_str(&format!("help: {missed}\n"));
    }
    context.complain(&loaded.secrets.mask(&text));
    verdict::NOTHING
}

fn paths(files: &Files, context: &Context) -> Result<Vec<PathBuf>, String> {
    if !files.paths.is_empty() {
        return Ok(files.paths.clone());
    }
    if context.folder.join("specs").is_dir() {
        return Ok(vec![PathBuf::from("specs")]);
    }
    if context.folder.join(PROJECT_FILE).is_file() {
        return Ok(vec![PathBuf::from(".")]);
    }
    Err(format!("name a file or folder with suites (there is neither a folder `specs` nor an `{PROJECT_FILE}` here)"))
}

fn read_stdin() -> Result<String, String> {
    let mut text = String::new();
    let limit = 16 * 1024 * 1024;
    std::io::stdin()
        .lock()
        .take(limit)
        .read_to_string(&mut text)
        .map_err(|_| "standard input cannot be read as UTF-8 text".to_owned())?;
    Ok(text)
}

/// Shows all diagnostics and a last line that counts them.
pub(super) fn complain(
    diags: &Diagnostics,
    sources: &SourceMap,
    secrets: &SecretSet,
    context: &mut Context,
    end: &str,
) {
    if diags.is_empty() {
        return;
    }
    let mut text = render(diags, sources, secrets, context.err.drawing());
    let (errors, warnings) = (diags.drawn(Severity::Error), diags.drawn(Severity::Warning));
    let mut counts = Vec::new();
    if errors > 0 {
        counts.push(plural(errors, "error"));
    }
    if warnings > 0 {
        counts.push(plural(warnings, "warning"));
    }
    text.push_str(&format!("{}{end}\n", counts.join(", ")));
    context.show(&text);
}
