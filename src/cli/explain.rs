//! `authspec explain CODE`: what a code means and what to do.

use super::args::ExplainArgs;
use super::codes;
use super::context::Context;
use crate::term::did_you_mean;
use crate::verdict;

pub(super) fn run(args: &ExplainArgs, context: &mut Context) -> u8 {
    let all = codes::all();
    let wanted = args.code.trim_start_matches("error[").trim_end_matches(']');
    let found: Vec<_> = all.iter().filter(|e| e.name.replace(' ', "-") == wanted.replace(' ', "-")).collect();
    if found.is_empty() {
        let mut text = format!("error: there is no code `{}`\n", args.code);
        if let Some(near) = did_you_mean(wanted, all.iter().map(|e| e.name)) {
            text.push_str(&format!("help: did you mean `{near}`?\n"));
        }
        text.push_str("help: `authspec list codes` shows all\n");
        context.complain(&text);
        return verdict::USAGE;
    }
    let width = context.out.width.clamp(40, 100);
    let mut text = String::new();
    for (i, code) in found.iter().enumerate() {
        if i > 0 {
            text.push('\n');
        }
        text.push_str(&format!("{} ({})\n", code.name, code.kind));
        text.push_str(&wrap(code.about, width));
        text.push('\n');
        text.push_str(&wrap(code.explain, width));
        if let Some(link) = code.link {
            text.push_str(&format!("\n  {}\n  {}\n", link.title, link.url));
        }
    }
    context.say(&text);
    verdict::ALL_PASSED
}

/// Breaks a text at blanks, two blanks in.
fn wrap(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + word.chars().count() + 3 > width {
            out.push_str(&format!("  {line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.push_str(&format!("  {line}\n"));
    out
}
