//! `authspec check`: everything up to the plan.

use super::args::CheckArgs;
use super::context::Context;
use super::load::{complain, load};
use crate::diag::Severity;
use crate::term::plural;
use crate::verdict;

pub(super) fn run(args: &CheckArgs, context: &mut Context) -> u8 {
    let loaded = match load(&args.files, Severity::Warning, context) {
        Ok(loaded) => loaded,
        Err(message) => {
            context.complain(&format!("error: {message}\n"));
            return verdict::USAGE;
        }
    };
    complain(&loaded.diags, &loaded.sources, &loaded.secrets, context, "");
    if loaded.diags.errors() > 0 {
        return verdict::USAGE;
    }
    let plan = &loaded.plan;
    if plan.cases.is_empty() {
        context.complain("no case was selected\n");
        return verdict::NOTHING;
    }
    let mut line = format!(
        "ok: {}, {}, {}",
        plural(plan.suites.len(), "suite"),
        plural(plan.cases.len(), "case"),
        plural(plan.identities.len(), "identity")
    );
    if plan.excluded_files > 0 {
        line.push_str(&format!(", {} excluded", plural(plan.excluded_files, "file")));
    }
    context.say(&format!("{line}\n"));
    verdict::ALL_PASSED
}
