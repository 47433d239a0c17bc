//! `authspec check`: everything up to the plan.

use super::args::CheckArgs;
use super::context::Context;
use super::load::{look, nothing};
use crate::term::{hang, plural};
use crate::verdict;

pub(super) fn run(args: &CheckArgs, context: &mut Context) -> u8 {
    let loaded = match look(&args.files, context) {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    let plan = &loaded.plan;
    if plan.cases.is_empty() {
        return nothing(&loaded, context);
    }
    let mut line = format!(
        "{}, {}, {}",
        plural(plan.suites.len(), "suite"),
        plural(plan.cases.len(), "case"),
        plural(plan.identities.len(), "identity")
    );
    if plan.excluded_files > 0 {
        line.push_str(&format!(", {} excluded", plural(plan.excluded_files, "file")));
    }
    context.say(&hang("ok: ", &line, context.out.page()));
    verdict::ALL_PASSED
}
