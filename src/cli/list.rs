//! `authspec list`: cases and identities of the plan, or a table of the language.

use std::ffi::OsString;
use std::path::Path;

use clap::ValueEnum as _;

use super::args::{ListArgs, Listed};
use super::codes;
use super::context::Context;
use super::load::{look, nothing};
use crate::plan::{FlowPlan, Plan};
use crate::source::SourceMap;
use crate::spec::{self, Key};
use crate::{auth, capture, check, demo, diagnose, mutate, report, template, verdict};

pub(super) fn run(args: &ListArgs, context: &mut Context) -> u8 {
    let rows: Vec<(String, String)> = match args.what {
        Listed::Cases | Listed::Identities | Listed::Flows => return of_plan(args, context),
        Listed::Keys => keys(),
        Listed::Schemes => table(auth::SCHEMES.iter().map(|s| (s.name, s.about))),
        Listed::Checks => table(check::CHECKS.iter().map(|c| (c.name, c.about))),
        Listed::Operators => table(check::OPERATORS.iter().map(|o| (o.name, o.about))),
        Listed::Captures => table(
            capture::SOURCES.iter().map(|s| (s.name, s.about)).chain(capture::CUTS.iter().map(|c| (c.name, c.about))),
        ),
        Listed::Functions => table(template::FUNCTIONS.iter().map(|f| (f.name, f.about))),
        Listed::Formats => table(report::FORMATS.iter().map(|f| (f.name, f.about))),
        Listed::Codes => by_name(codes::all().iter().map(|c| (c.name, c.about))),
        Listed::Rules => table(diagnose::rules().map(|r| (r.code, r.about))),
        Listed::Mutations => mutations(),
        Listed::Packs => mutate::PACKS.iter().map(|p| (format!("pack.{}", p.name), told(p))).collect(),
        Listed::Weaknesses => table(demo::WEAKNESSES.iter().map(|w| (w.id, w.about))),
    };
    print(&rows, context);
    verdict::ALL_PASSED
}

/// The mutations with how bad each is when it is taken.
fn mutations() -> Vec<(String, String)> {
    let row = |m: &mutate::Mutation| format!("{:<9} {}{}", m.severity.word(), m.about, marks(m));
    mutate::mutations().map(|m| (m.id.to_owned(), row(m))).collect()
}

/// What is to be known of a mutation before it is sent, in brackets behind what is said of it.
pub(super) fn marks(row: &mutate::Mutation) -> String {
    let marks = row.marks();
    if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) }
}

/// What is in a pack, and how much.
fn told(pack: &mutate::Pack) -> String {
    format!("{}: {}", crate::term::plural(pack.rows().len(), "mutation"), pack.about)
}

/// `list PATH` means `list cases PATH`: puts in the word that is left out before what is plainly a path.
pub(super) fn with_word(mut args: Vec<OsString>) -> Vec<OsString> {
    let mut at = 1;
    while args.get(at).is_some_and(|a| a.to_string_lossy().starts_with('-')) {
        at += if args[at] == "--color" { 2 } else { 1 };
    }
    if args.get(at).is_none_or(|a| a != "list") {
        return args;
    }
    let Some(what) = args.get(at + 1) else { return args };
    let text = what.to_string_lossy();
    let word = text.starts_with('-') && text != "-" || Listed::from_str(&text, true).is_ok();
    let suite = [".yaml", ".yml"].iter().any(|end| text.ends_with(end));
    if !word && (suite || text == "-" || text.contains(['/', '\\']) || Path::new(what).exists()) {
        args.insert(at + 1, "cases".into());
    }
    args
}

/// Every key with the place where it stands.
fn keys() -> Vec<(String, String)> {
    let places: [(&str, &[Key]); 19] = [
        ("suite", spec::SUITE_KEYS),
        ("project", spec::PROJECT_KEYS),
        ("suite, project", spec::SHARED_KEYS),
        ("case, step", spec::STEP_KEYS),
        ("case", spec::CASE_KEYS),
        ("access", spec::ACCESS_KEYS),
        ("row", spec::ROW_KEYS),
        ("missing", spec::MISSING_KEYS),
        ("with", spec::WITH_KEYS),
        ("flow", spec::FLOW_KEYS),
        ("defaults", spec::DEFAULT_KEYS),
        ("target", spec::TARGET_KEYS),
        ("demo", spec::DEMO_KEYS),
        ("targets", spec::NAMED_TARGET_KEYS),
        ("tls", spec::TLS_KEYS),
        ("secret", spec::SECRET_KEYS),
        ("outcomes", spec::OUTCOME_KEYS),
        ("identity", spec::IDENTITY_KEYS),
        ("scheme", auth::COMMON_KEYS),
    ];
    let of_schemes = auth::SCHEMES.iter().map(|s| (s.name, s.keys));
    let all = places.into_iter().chain(of_schemes);
    all.flat_map(|(place, keys)| keys.iter().map(move |k| (format!("{place:<14}  {}", k.name), k.about.to_owned())))
        .collect()
}

fn table<'a>(rows: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    rows.map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

/// One row for each name; what is named alike stands beside one another.
fn by_name<'a>(rows: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    for (name, about) in rows {
        match out.iter_mut().find(|(known, _)| known == name) {
            Some((_, said)) => said.push_str(&format!("; or: {about}")),
            None => out.push((name.to_owned(), about.to_owned())),
        }
    }
    out
}

fn print(rows: &[(String, String)], context: &mut Context) {
    context.say(&aligned(rows));
}

/// Rows in two columns.
pub(super) fn aligned(rows: &[(String, String)]) -> String {
    let wide = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).min(60);
    rows.iter().map(|(name, about)| format!("{name:<wide$}  {about}").trim_end().to_owned() + "\n").collect()
}

fn of_plan(args: &ListArgs, context: &mut Context) -> u8 {
    let loaded = match look(&args.files, context) {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    let rows = match args.what {
        Listed::Identities => identities(&loaded.plan),
        Listed::Flows => flows(&loaded.plan, &loaded.sources),
        _ => cases(&loaded.plan),
    };
    if rows.is_empty() && !loaded.plan.missed.is_empty() {
        return nothing(&loaded, context);
    }
    if rows.is_empty() {
        context.complain("nothing to list\n");
        return verdict::NOTHING;
    }
    print(&rows, context);
    verdict::ALL_PASSED
}

/// The cases with who runs them; `run --dry-run` prints the same.
pub(super) fn cases(plan: &Plan) -> Vec<(String, String)> {
    plan.cases
        .iter()
        .map(|case| {
            let mut about = Vec::new();
            if let Some(name) = plan.caller_name(case.caller) {
                about.push(format!("as {name}"));
            }
            // A cell is about one step of it alone.
            let first = case.cell.map_or(0, |cell| cell.target);
            about.extend(case.shape.steps.get(first).map(crate::step::Step::line));
            if case.shape.steps.len() > 1 && case.cell.is_none() {
                about.push(format!("and {} more", case.shape.steps.len() - 1));
            }
            if let Some(skip) = &case.shape.skip {
                about.push(format!("(skipped: {skip})"));
            }
            (case.id.to_string(), about.join(" "))
        })
        .collect()
}

/// The flows with their arguments, those with a default in brackets; then those that are there for everybody.
fn flows(plan: &Plan, sources: &SourceMap) -> Vec<(String, String)> {
    let mut all: Vec<&FlowPlan> = plan.flows.iter().collect();
    all.sort_by_key(|flow| (flow.span.file, flow.span.start));
    let own = all.into_iter().map(|flow| flow_row(flow, &sources.place(flow.span).to_string()));
    let about = |name: &str| spec::READY_FLOWS.iter().find(|row| row.name == name).map_or("", |row| row.about);
    own.chain(plan.ready_flows.iter().map(|flow| flow_row(flow, about(&flow.name)))).collect()
}

fn flow_row(flow: &FlowPlan, more: &str) -> (String, String) {
    let may = flow.takes.iter().map(|name| format!("[{name}]"));
    let args: Vec<String> = flow.needs.iter().map(ToString::to_string).chain(may).collect();
    let parts = [("takes", args), ("returns", flow.returns.iter().map(ToString::to_string).collect())];
    let told = parts.iter().filter(|(_, names)| !names.is_empty());
    let told: Vec<String> = told.map(|(word, names)| format!("{word} {}", names.join(", "))).collect();
    (flow.name.to_string(), format!("{}   {more}", told.join("; ")).trim_start().to_owned())
}

fn identities(plan: &Plan) -> Vec<(String, String)> {
    plan.identities
        .iter()
        .map(|identity| {
            let role = identity.role.as_ref().map(|r| format!(", role {r}")).unwrap_or_default();
            let fields: Vec<&str> = identity.fields.iter().map(|f| &*f.name).collect();
            let fields = if fields.is_empty() { String::new() } else { format!(", fields {}", fields.join(" ")) };
            let about = format!("scheme {}{role}{fields}", identity.login.kind.name);
            (identity.name.to_string(), about)
        })
        .collect()
}
