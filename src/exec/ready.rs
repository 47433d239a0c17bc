//! Waits until targets are ready: all at the same time, and each once, however many worlds ask the same of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::serve::{self, Serving};
use super::world::{NotReady, WorldRun};
use crate::http::{Journey, Request, Undressed, jar::Jar};
use crate::plan::{Plan, TargetPlan};
use crate::source::Span;
use crate::step::Step;

/// Between two questions.
const EVERY: Duration = Duration::from_millis(100);

/// The longest that a single question may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A target that is waited for.
struct Wait<'a> {
    /// What is asked; without it a connection is enough.
    step: Option<&'a Step>,
    span: Span,
    serving: &'a Serving,
    within: Duration,
    run: &'a WorldRun,
    /// What it is asked, as rendered when the waiting begins.
    request: Option<Request>,
    /// The worlds that wait for it.
    worlds: Vec<usize>,
}

impl Wait<'_> {
    fn is_for(&self, target: &TargetPlan, run: &WorldRun, request: Option<&Request>) -> bool {
        self.within == target.within
            && Arc::ptr_eq(&self.run.transport, &run.transport)
            && self.request.as_ref() == request
            && self.run.served == run.served
            && (request.is_some() || self.run.base == run.base)
    }
}

/// Waits for the targets of all worlds and notes those that did not get ready.
pub(super) async fn await_all(plan: &Plan, worlds: &mut [Option<WorldRun>], serving: &Serving) {
    let mut waits: Vec<Wait<'_>> = Vec::new();
    let mut found: Vec<(usize, NotReady)> = Vec::new();
    for (index, run) in worlds.iter().enumerate() {
        let (Some(run), Some(target)) = (run, &plan.worlds[index].target) else { continue };
        if run.not_ready.is_some() || (target.ready.is_none() && run.served.is_none()) {
            continue;
        }
        let step = target.ready.as_ref();
        let request = match step.map(|s| (s, s.prepare(&run.scope, &run.base, None))) {
            None => None,
            Some((_, Ok(prepared))) => Some(prepared.request),
            Some((step, Err(error))) => {
                found.push((index, cannot_ask(step, &error.message)));
                continue;
            }
        };
        let span = step.map_or_else(|| target.command.as_ref().map_or(target.span, |c| c.span), |s| s.span);
        match waits.iter_mut().find(|w| w.is_for(target, run, request.as_ref())) {
            Some(wait) => wait.worlds.push(index),
            None => waits.push(Wait { step, span, serving, within: target.within, run, request, worlds: vec![index] }),
        }
    }
    for (wait, end) in waits.iter().zip(join_all(waits.iter().map(until_ready)).await) {
        found.extend(end.into_iter().flat_map(|why| wait.worlds.iter().map(move |index| (*index, why.clone()))));
    }
    for (index, why) in found {
        if let Some(run) = &mut worlds[index] {
            run.not_ready = Some(why);
        }
    }
}

fn cannot_ask(step: &Step, why: &str) -> NotReady {
    NotReady { message: format!("the `ready` request cannot be made: {why}"), span: step.span }
}

/// Asks until the target answers below 400 (or takes a connection), its command ends, or the time is over.
async fn until_ready(wait: &Wait<'_>) -> Option<NotReady> {
    let clock = Instant::now();
    loop {
        let asked = match wait.step {
            Some(step) => ask(wait, step, wait.within.saturating_sub(clock.elapsed())).await,
            None if serve::answers(&wait.run.base).await => Ok(None),
            None => Ok(Some("nothing accepts connections there".to_owned())),
        };
        // First: what answers after the command's end is another server.
        if let Some(how) = wait.run.served.and_then(|at| wait.serving.ended(at)) {
            return Some(NotReady { message: format!("{how} before {} was ready", wait.run.base), span: wait.span });
        }
        let last = match asked {
            Ok(None) => return None,
            Ok(Some(last)) => last,
            Err(why) => return Some(why),
        };
        if clock.elapsed() + EVERY >= wait.within {
            let within = crate::term::duration(wait.within);
            let message = format!("{} was not ready within {within}: {last}", wait.run.base);
            return Some(NotReady { message, span: wait.span });
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Asks once; gives what was wrong with the answer, or why it cannot be asked at all.
async fn ask(wait: &Wait<'_>, step: &Step, left: Duration) -> Result<Option<String>, NotReady> {
    // Rendered anew each time: it may hold the time, or a number used once.
    let prepared =
        step.prepare(&wait.run.scope, &wait.run.base, None).map_err(|error| cannot_ask(step, &error.message))?;
    let mut jar = Jar::default();
    let journey = Journey {
        transport: &wait.run.transport,
        jar: &mut jar,
        cookies: Vec::new(),
        follow: prepared.follow,
        timeout: left.min(PATIENCE).max(EVERY),
        gate: None,
    };
    let trail = journey.go(prepared.request, &mut Undressed).await;
    Ok(match (trail.response(), &trail.error) {
        (Some(response), None) if response.status < 400 => None,
        (Some(response), None) => Some(format!("it answered {}", response.status)),
        (_, Some(error)) => Some(error.to_string()),
        (None, None) => Some("no answer".to_owned()),
    })
}
