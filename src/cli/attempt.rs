//! `authspec try`: one request as somebody, the whole exchange, and the case that asks for what came.
//!
//! It is run as a suite of one case that expects any status at all, so everything is as in a run: the login, `whoami`,
//! the masks.

use super::args::TryArgs;
use super::context::Context;
use super::load::{Loaded, load_text};
use super::single::{self, start};
use crate::event::{Event, Outcome, Phase, StepRecord};
use crate::report::terminal::exchanges;
use crate::secret::{SecretSet, TextKind};
use crate::verdict;

mod append;
mod wording;

use wording::Asked;

pub(super) fn run(args: &TryArgs, context: &mut Context) -> u8 {
    let text = format!("cases:\n{}    expect: [{}]\n", Asked::of(args).text(), any_status());
    let loaded = match load_text(text, &args.place, context) {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    let secrets = loaded.secrets.clone();
    match single::run(context, async |context| send(loaded, context).await) {
        Ok(outcome) => tell(args, &outcome, &secrets, context),
        Err(code) => code,
    }
}

/// Whatever status comes is an answer.
fn any_status() -> String {
    let refusals: Vec<String> = (400..500).map(|code: u16| code.to_string()).collect();
    format!("2xx, 3xx, 5xx, {}", refusals.join(", "))
}

async fn send(loaded: Loaded, context: &mut Context) -> Result<Box<Outcome>, u8> {
    let (runner, mut heard) = start(loaded, context).await?;
    let running = tokio::spawn(runner.run());
    let mut outcome = None;
    while let Some(event) = heard.recv().await {
        if let Event::CaseFinished(finished) = event {
            outcome.get_or_insert(finished);
        }
    }
    match running.await {
        Ok(summary) if summary.exit == verdict::INTERRUPTED => Err(verdict::INTERRUPTED),
        Ok(_) => outcome.ok_or(verdict::NOT_JUDGED),
        Err(_) => Err(verdict::NOT_JUDGED),
    }
}

/// Shows what was exchanged, and the case of it.
fn tell(args: &TryArgs, outcome: &Outcome, secrets: &SecretSet, context: &mut Context) -> u8 {
    let answered = outcome.steps.iter().rfind(|s| s.phase == Phase::Case && s.status.is_some());
    let out = context.out;
    let shown: Vec<&StepRecord> = outcome.steps.iter().collect();
    context.say(&secrets.mask(&exchanges(&shown, out.colour(), out.glyphs(), out.width)));
    let Some(step) = answered else {
        for reason in &outcome.reasons {
            let help: String = reason.help.iter().map(|h| format!("help: {h}\n")).collect();
            context.complain(&secrets.mask(&format!("error: {}\n{help}", reason.message)));
        }
        return verdict::NOT_JUDGED;
    };
    let case = secrets.mask_text(TextKind::Plain, &Asked::of(args).with_answer(step));
    let Some(path) = &args.append else {
        context.say(&format!("\nto paste, below `cases:` of a suite:\n\n{case}{}", wording::remark(&case)));
        return verdict::ALL_PASSED;
    };
    if case.contains('‹') {
        // A mask in a suite would be sent as it stands.
        context.say(&format!("\nto paste, below `cases:` of a suite:\n\n{case}{}", wording::remark(&case)));
        context.complain(&format!(
            "error: {} is left as it was: the case holds a mask in place of a secret\n",
            path.display()
        ));
        return verdict::USAGE;
    }
    match append::append(&context.folder.join(path), &case) {
        Ok(done) => {
            let shown = path.display();
            context.say(&format!("\n{done} {shown}:\n\n{case}"));
            verdict::ALL_PASSED
        }
        Err(why) => {
            context.say(&format!("\nto paste, below `cases:` of a suite:\n\n{case}"));
            context.complain(&format!("error: {} is left as it was: {why}\n", path.display()));
            verdict::USAGE
        }
    }
}
