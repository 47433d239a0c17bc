//! Waits until targets are ready: all at the same time, and each once, however many worlds ask the same of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::serve::{self, Serving};
use super::world::{NotReady, WorldRun};
use crate::http::{Journey, Request, Undressed, jar::Jar};
use crate::plan::Plan;
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
    /// Its address.
    base: &'a str,
    /// Which command of the run serves it.
    served: Option<usize>,
    /// What it is asked, as rendered when the waiting begins.
    request: Option<Request>,
    /// The worlds that wait for it.
    worlds: Vec<usize>,
}

impl Wait<'_> {
    fn is_as(&self, other: &Self) -> bool {
        self.within == other.within
            && Arc::ptr_eq(&self.run.transport, &other.run.transport)
            && self.request == other.request
            && self.served == other.served
            && (self.request.is_some() || self.base == other.base)
    }
}

/// Waits for the targets of all worlds and notes those that did not get ready. Gives how many requests that took.
pub(super) async fn await_all(plan: &Plan, worlds: &mut [Option<WorldRun>], serving: &Serving) -> u32 {
    let mut waits: Vec<Wait<'_>> = Vec::new();
    let mut found: Vec<(usize, NotReady)> = Vec::new();
    for (index, run) in worlds.iter().enumerate() {
        let Some(run) = run.as_ref().filter(|run| run.not_ready.is_none()) else { continue };
        let world = &plan.worlds[index];
        let own = world.target.iter().map(|target| (target, &*run.base, run.served));
        let named = world.targets.iter().zip(&run.targets).map(|((_, target), base)| (target, &**base, None));
        for (target, base, served) in own.chain(named).filter(|(t, _, served)| t.ready.is_some() || served.is_some()) {
            let step = target.ready.as_ref();
            let request = match step.map(|s| (s, s.prepare(&run.scope, base, None))) {
                None => None,
                Some((_, Ok(prepared))) => Some(prepared.request),
                Some((step, Err(error))) => {
                    found.push((index, cannot_ask(step, &error.message)));
                    continue;
                }
            };
            let span = step.map_or_else(|| target.command.as_ref().map_or(target.span, |c| c.span), |s| s.span);
            let within = target.within;
            let wait = Wait { step, span, serving, within, run, base, served, request, worlds: vec![index] };
            match waits.iter_mut().find(|w| w.is_as(&wait)) {
                Some(known) => known.worlds.push(index),
                None => waits.push(wait),
            }
        }
    }
    let mut requests = 0;
    for (wait, (end, asked)) in waits.iter().zip(join_all(waits.iter().map(until_ready)).await) {
        requests += asked;
        found.extend(end.into_iter().flat_map(|why| wait.worlds.iter().map(move |index| (*index, why.clone()))));
    }
    for (index, why) in found {
        if let Some(run) = &mut worlds[index] {
            run.not_ready = Some(why);
        }
    }
    requests
}

fn cannot_ask(step: &Step, why: &str) -> NotReady {
    NotReady { message: format!("the `ready` request cannot be made: {why}"), span: step.span }
}

/// Asks until the target answers below 400 (or takes a connection), its command ends, or the time is over. Gives how many
/// requests were answered as well.
async fn until_ready(wait: &Wait<'_>) -> (Option<NotReady>, u32) {
    let mut requests = 0;
    let end = poll(wait, &mut requests).await;
    (end, requests)
}

async fn poll(wait: &Wait<'_>, requests: &mut u32) -> Option<NotReady> {
    let clock = Instant::now();
    loop {
        let asked = match wait.step {
            Some(step) => ask(wait, step, wait.within.saturating_sub(clock.elapsed()), requests).await,
            None if serve::answers(wait.base).await => Ok(None),
            None => Ok(Some("nothing accepts connections there".to_owned())),
        };
        // First: what answers after the command's end is another server.
        if let Some(how) = wait.served.and_then(|at| wait.serving.ended(at)) {
            return Some(NotReady { message: format!("{how} before {} was ready", wait.base), span: wait.span });
        }
        let last = match asked {
            Ok(None) => return None,
            Ok(Some(last)) => last,
            Err(why) => return Some(why),
        };
        if clock.elapsed() + EVERY >= wait.within {
            let within = crate::term::duration(wait.within);
            let message = format!("{} was not ready within {within}: {last}", wait.base);
            return Some(NotReady { message, span: wait.span });
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Asks once; gives what was wrong with the answer, or why it cannot be asked at all.
async fn ask(wait: &Wait<'_>, step: &Step, left: Duration, requests: &mut u32) -> Result<Option<String>, NotReady> {
    // Rendered anew each time: it may hold the time, or a number used once.
    let prepared = step.prepare(&wait.run.scope, wait.base, None).map_err(|error| cannot_ask(step, &error.message))?;
    let mut jar = Jar::default();
    let journey = Journey {
        transport: &wait.run.transport,
        elsewhere: None,
        jar: &mut jar,
        cookies: Vec::new(),
        follow: prepared.follow,
        timeout: left.min(PATIENCE).max(EVERY),
        gate: None,
    };
    let trail = journey.go(prepared.request, &mut Undressed).await;
    // One that found nobody there was not sent.
    let answered = trail.hops.iter().filter(|hop| hop.response.is_ok()).count();
    *requests += u32::try_from(answered).unwrap_or(u32::MAX);
    Ok(match (trail.response(), &trail.error) {
        (Some(response), None) if response.status < 400 => None,
        (Some(response), None) => Some(format!("it answered {}", response.status)),
        (_, Some(error)) => Some(error.to_string()),
        (None, None) => Some("no answer".to_owned()),
    })
}
