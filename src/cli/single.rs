//! What commands for one request or one login share: how they are run.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::context::Context;
use super::load::{Loaded, complain};
use super::signals;
use crate::diag::Diagnostics;
use crate::event::Event;
use crate::exec::{RunOptions, Runner, Stopper, prepare};
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
