//! What commands for one request or one login share: how they are run, and how they tell what was exchanged and why it
//! failed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::context::{Context, Stream};
use super::load::{Loaded, complain};
use super::signals;
use crate::diag::Diagnostics;
use crate::event::{Event, Explanation, Login, LoginAction, Phase};
use crate::exec::{RunOptions, Runner, Stopper, prepare};
use crate::report::block::exchange::unanswered;
use crate::report::spool::masked;
use crate::report::terminal::exchanges;
use crate::secret::SecretSet;
use crate::term::{duration, shorten};
use crate::verdict;

/// Does a work that waits, to its end.
pub(super) fn run<T>(context: &mut Context, work: impl AsyncFnOnce(&mut Context) -> Result<T, u8>) -> Result<T, u8> {
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().enable_all().build() else {
        context.complain("error: the system gives no threads to run on\n");
        return Err(verdict::NOT_JUDGED);
    };
    let done = runtime.block_on(work(context));
    runtime.shutdown_timeout(Duration::from_millis(100));
    done
}

/// Brings everything to life that a runner needs; faults are shown, and end the command with the code given back.
pub(super) async fn start(loaded: Loaded, context: &mut Context) -> Result<(Runner, UnboundedReceiver<Event>), u8> {
    let Loaded { plan, sources, secrets, .. } = loaded;
    let options = RunOptions::one_by_one();
    let mut diags = Diagnostics::default();
    let stopper = Stopper::default();
    tokio::spawn(signals::listen(stopper.clone(), None));
    let prepared = tokio::select! {
        prepared = prepare(&plan, &options, &secrets, &mut diags) => prepared,
        _ = stopper.hurried() => return Err(verdict::INTERRUPTED),
    };
    complain(&diags, &sources, &secrets, context, "");
    if diags.errors() > 0 {
        return Err(verdict::USAGE);
    }
    let (events, heard) = unbounded_channel();
    Ok((Runner::new(plan, prepared, options, Arc::clone(&sources), secrets, events, stopper), heard))
}

/// Draws the exchanges of logins, whole or a line each; whose they are where others than `whose` had to log in, too.
pub(super) fn exchanged<'a>(
    logins: &'a [Login],
    mut whose: &'a str,
    whole: bool,
    secrets: &SecretSet,
    out: Stream,
) -> String {
    let mut text = String::new();
    let steps = logins.iter().flat_map(|login| login.steps.iter().map(move |step| (login, step)));
    for (i, (login, step)) in steps.enumerate() {
        let identity = &*login.identity;
        if whose != identity {
            text.push_str(&format!("{identity}\n"));
            whose = identity;
        }
        let name = match (&step.name, step.phase, login.action) {
            (Some(name), ..) => name.as_str(),
            (None, Phase::Whoami, _) => "whoami",
            (None, _, LoginAction::Refresh) => "refresh",
            (None, _, LoginAction::Login) => "login",
        };
        let number = i + 1;
        if whole {
            text.push_str(&format!("{number}  {name}   {}\n", duration(step.elapsed)));
            // With what only a later step made known, before lines are broken.
            let Ok(step) = masked(step, secrets) else {
                text.push_str("   not shown, for it could not be masked\n");
                continue;
            };
            text.push_str(&exchanges(&[&step], out.colour(), out.glyphs(), out.width));
            text.push('\n');
            continue;
        }
        let status = step.status.map_or_else(|| unanswered(step).to_owned(), |s| s.to_string());
        let row = format!("{number:>3}  {:<16}  {status}  ", shorten(name, 30));
        // As much as the longest time takes, so that what is cut does not hang on how long it took.
        let room = out.width.saturating_sub(row.chars().count() + 2 + "999.9ms".len()).max(20);
        text.push_str(&format!("{row}{}  {}\n", shorten(&step.request, room), duration(step.elapsed)));
    }
    text
}

/// Tells what the rules found, with all that was seen, by whatever breaks a sentence below its head.
pub(super) fn causes<'a>(found: impl Iterator<Item = &'a Explanation>, tell: impl Fn(&str, &str) -> String) -> String {
    let mut text = String::new();
    for one in found {
        let cause = format!("{} (authspec\u{a0}explain\u{a0}{})", one.cause, one.code);
        text.push_str(&tell(&format!("{}: ", one.certainty.word()), &cause));
        one.evidence.iter().for_each(|seen| text.push_str(&tell("  seen: ", seen)));
        one.next.iter().for_each(|next| text.push_str(&tell("  try: ", next)));
    }
    text
}
