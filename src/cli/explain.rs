//! `authspec explain CODE`: what a code means and what to do.

use super::args::ExplainArgs;
use super::codes;
use super::context::Context;
use super::list::marks;
use crate::mutate::{Attacks, Class, Mutation, PACKS, Pack, mutation};
use crate::spec::READY_FLOWS;
use crate::term::{did_you_mean, hang, plural};
use crate::verdict;

/// What to do about each exit code.
const EXITS: &[(u8, &str)] = &[
    (
        verdict::ALL_PASSED,
        "Skipped cases and those that are known to fail (`xfail`) are among them; flaky ones too, unless `--fail-on flaky`. So are defects that `--fail-on SEVERITY` spares, and beside passed cases what `--tolerate inconclusive` lets pass.",
    ),
    (
        verdict::FAILED,
        "The server did something that the suite says it must not do. The report shows each cause once, with the line of the expectation.",
    ),
    (
        verdict::USAGE,
        "Nothing was sent. Each fault is told with its place; `authspec check` finds the faults of files without a server.",
    ),
    (
        verdict::NOT_JUDGED,
        "Nothing wrong was seen, but something was not seen at all: a login that failed, a target that does not answer, a refusal that proves nothing. The report shows each cause once; `--tolerate inconclusive` lets the last kind pass.",
    ),
    (
        verdict::NOTHING,
        "A run in which nothing ran is never green. Look at the filters (`-k`, `--id`, `--tag`, `--as`) with `authspec list cases`, and at `skip`.",
    ),
    (
        verdict::REPORT,
        "Everything passed, but a report file is missing: its folder cannot be written, or the disk is full.",
    ),
    (
        verdict::INTERRUPTED,
        "What was decided up to then stands in the reports, which are whole. A second interrupt leaves without teardowns.",
    ),
];

/// Explains an exit code.
fn exit(code: u8, width: usize) -> Option<String> {
    let (_, about) = verdict::EXIT_CODES.iter().find(|(c, _)| *c == code)?;
    let (_, explain) = EXITS.iter().find(|(c, _)| *c == code)?;
    Some(format!("{code} (exit code)\n{}\n{}", wrap(about, width), wrap(explain, width)))
}

/// Explains a pack: what is in it, and how bad each is when it is let in.
fn pack(name: &str, width: usize) -> Option<String> {
    let pack = Pack::named(name)?;
    let rows = pack.rows();
    let mut text = format!("pack.{} ({})\n{}", pack.name, plural(rows.len(), "mutation"), wrap(pack.about, width));
    let longest = rows.iter().map(|row| row.id.len()).max().unwrap_or(0);
    text.push('\n');
    for row in rows {
        text.push_str(&format!("  {:longest$}  {}{}\n", row.id, row.severity.word(), marks(row)));
    }
    text.push_str(&format!("\n{}", wrap("Each is explained by its own name: `authspec explain hdr-missing`.", width)));
    Some(text)
}

/// Explains a ready flow: what it does, step by step, in the language itself.
fn ready_flow(name: &str, width: usize) -> Option<String> {
    let row = READY_FLOWS.iter().find(|row| row.name == name)?;
    let means = if row.means.is_empty() { String::new() } else { wrap(row.means, width) + "\n" };
    Some(format!("{} (ready flow)\n{}\n{means}\n{}", row.name, wrap(row.about, width).trim_end(), row.text))
}

pub(super) fn run(args: &ExplainArgs, context: &mut Context) -> u8 {
    let width = context.out.width.clamp(40, 100);
    if let Some(text) = args.code.parse().ok().and_then(|code| exit(code, width)) {
        context.say(&text);
        return verdict::ALL_PASSED;
    }
    if let Some(text) = ready_flow(&args.code, width) {
        context.say(&text);
        return verdict::ALL_PASSED;
    }
    if let Some(text) = pack(&args.code, width) {
        context.say(&text);
        return verdict::ALL_PASSED;
    }
    let mut all = codes::all();
    all.extend(codes::defects());
    let wanted = args.code.trim_start_matches("error[").trim_end_matches(']');
    let found: Vec<_> = all.iter().filter(|e| e.name.replace(' ', "-") == wanted.replace(' ', "-")).collect();
    if found.is_empty() {
        let mut text = format!("error: there is no code `{}`\n", args.code);
        let packs: Vec<String> = PACKS.iter().map(|pack| format!("pack.{}", pack.name)).collect();
        let flows = READY_FLOWS.iter().map(|row| row.name);
        let names = all.iter().map(|e| e.name).chain(packs.iter().map(String::as_str)).chain(flows);
        if let Some(near) = did_you_mean(wanted, names) {
            text.push_str(&format!("help: did you mean `{near}`?\n"));
        }
        text.push_str("help: `authspec list codes` and `authspec list mutations` show all\n");
        context.complain(&text);
        return verdict::USAGE;
    }
    let mut text = String::new();
    for (i, code) in found.iter().enumerate() {
        if i > 0 {
            text.push('\n');
        }
        text.push_str(&format!("{} ({})\n", code.name, code.kind));
        text.push_str(&wrap(code.about, width));
        text.push('\n');
        text.push_str(&wrap(code.explain, width));
        for note in mutation(code.name).into_iter().flat_map(leave) {
            text.push_str(&format!("\n{}", wrap(note, width)));
        }
        if let Some(link) = code.link {
            text.push_str(&format!("\n  {}\n  {}\n", link.title, link.url));
        }
        if !code.refs.is_empty() {
            text.push_str(&format!("\n{}", wrap(&code.refs.join(", "), width)));
        }
    }
    context.say(&text);
    verdict::ALL_PASSED
}

/// What a mutation needs leave or time for.
fn leave(row: &Mutation) -> impl Iterator<Item = &'static str> {
    let attacks = (row.attacks == Attacks::Yes)
        .then_some("It attacks: it is sent to this machine, and to hosts under `allow_attacks_on`.");
    let class = match row.class {
        Class::Harmless => None,
        Class::Waits => Some("It waits: where no bad token is at hand, one has to end first, within `--max-wait`."),
        Class::Destructive => Some(
            "It is destructive: a server that takes it writes or deletes. It is sent to the embedded demo; elsewhere with `allow_destructive: true`, or where the request only reads.",
        ),
    };
    attacks.into_iter().chain(class)
}

/// Breaks a text at blanks, two blanks in.
fn wrap(text: &str, width: usize) -> String {
    hang("  ", text, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_is_explained() {
        for (code, _) in verdict::EXIT_CODES {
            assert!(exit(*code, 80).is_some(), "{code}");
        }
    }
}
