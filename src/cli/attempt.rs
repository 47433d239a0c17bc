//! `authspec try`: one request as somebody, the whole exchange, and the case that asks for what came.
//!
//! It is run as a suite of one case, so everything is as in a run: the login, `whoami`, the masks. Whatever status comes
//! is an answer.

use super::args::TryArgs;
use super::context::Context;
use super::load::{Loaded, load_into, load_text};
use super::single::{self, start};
use crate::diagnose;
use crate::event::{Event, Login, Outcome, Phase, StepRecord, Verdict};
use crate::report::terminal::exchanges;
use crate::secret::{SecretSet, TextKind};
use crate::term::hang;
use crate::verdict;

mod append;
mod wording;

use wording::Asked;

/// How many causes of a refusal are told.
const CAUSES: usize = 3;

pub(super) fn run(args: &TryArgs, context: &mut Context) -> u8 {
    // Without an expectation a status from 400 on is none that was wanted, so that the rules look for its cause.
    let text = format!("cases:\n{}", Asked::of(args).text());
    let loaded = match &args.suite {
        Some(suite) => load_into(suite, text, &args.place, context),
        None => load_text(text, &args.place, context),
    };
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    let secrets = loaded.secrets.clone();
    match single::run(context, async |context| send(loaded, context).await) {
        Ok((mut outcome, logins)) => {
            diagnose::annotate(&mut outcome, &secrets);
            tell(args, (&outcome, &logins), &secrets, context)
        }
        Err(code) => code,
    }
}

async fn send(loaded: Loaded, context: &mut Context) -> Result<(Box<Outcome>, Vec<Login>), u8> {
    let (runner, mut heard) = start(loaded, context).await?;
    let running = tokio::spawn(runner.run());
    let (mut outcome, mut logins) = (None, Vec::new());
    while let Some(event) = heard.recv().await {
        match event {
            Event::CaseFinished(finished) => {
                outcome.get_or_insert(finished);
            }
            Event::Login(login) => logins.push(login),
            _ => {}
        }
    }
    match running.await {
        Ok(summary) if summary.exit == verdict::INTERRUPTED => Err(verdict::INTERRUPTED),
        Ok(_) => outcome.map(|outcome| (outcome, logins)).ok_or(verdict::NOT_JUDGED),
        Err(_) => Err(verdict::NOT_JUDGED),
    }
}

/// What the rules find in what was refused, the likeliest first.
fn causes(outcome: &Outcome, width: usize) -> String {
    single::causes(outcome.causes.iter().take(CAUSES), |head, what| hang(head, what, width))
}

/// Shows what was exchanged, and the case of it.
fn tell(args: &TryArgs, (outcome, logins): (&Outcome, &[Login]), secrets: &SecretSet, context: &mut Context) -> u8 {
    let answered = outcome.steps.iter().rfind(|s| s.phase == Phase::Case && s.status.is_some());
    let out = context.out;
    // One that failed stands among the steps of the case.
    if args.verbose > 0 && outcome.verdict != Verdict::Blocked {
        let whose = args.caller.as_deref().unwrap_or_default();
        context.say(&secrets.mask(&single::exchanged(logins, whose, true, secrets, out)));
    }
    let shown: Vec<&StepRecord> = outcome.steps.iter().collect();
    context.say(&secrets.mask(&exchanges(&shown, out.colour(), out.glyphs(), out.width)));
    let Some(step) = answered else {
        for reason in &outcome.reasons {
            let help: String = reason.help.iter().map(|h| format!("help: {h}\n")).collect();
            context.complain(&secrets.mask(&format!("error: {}\n{help}", reason.message)));
        }
        if args.verbose > 0 {
            context.complain(&secrets.mask(&causes(outcome, context.err.width)));
        }
        return verdict::NOT_JUDGED;
    };
    if args.verbose > 0 && step.status.is_some_and(|status| status >= 400) && !outcome.causes.is_empty() {
        context.say(&secrets.mask(&format!("\n{}", causes(outcome, out.width))));
    }
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
