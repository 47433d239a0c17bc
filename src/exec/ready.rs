//! Waits until targets are ready: all at the same time, and each once, however many worlds ask the same of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::world::{NotReady, WorldRun};
use crate::http::{Journey, Request, Undressed, jar::Jar};
use crate::plan::{Plan, TargetPlan};
use crate::step::Step;

/// Between two questions.
const EVERY: Duration = Duration::from_millis(100);

/// The longest that a single question may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A target that is waited for.
struct Wait<'a> {
    step: &'a Step,
    within: Duration,
    run: &'a WorldRun,
    /// What it is asked, as rendered when the waiting begins.
    request: Request,
    /// The worlds that wait for it.
    worlds: Vec<usize>,
}

impl Wait<'_> {
    fn is_for(&self, target: &TargetPlan, run: &WorldRun, request: &Request) -> bool {
        self.within == target.within && Arc::ptr_eq(&self.run.transport, &run.transport) && self.request == *request
    }
}

/// Waits for the targets of all worlds and notes those that did not get ready.
pub(super) async fn await_all(plan: &Plan, worlds: &mut [Option<WorldRun>]) {
    let mut waits: Vec<Wait<'_>> = Vec::new();
    let mut found: Vec<(usize, NotReady)> = Vec::new();
    for (index, run) in worlds.iter().enumerate() {
        let (Some(run), Some(target)) = (run, &plan.worlds[index].target) else { continue };
        let Some(step) = &target.ready else { continue };
        let request = match step.prepare(&run.scope, &run.base, None) {
            Ok(prepared) => prepared.request,
            Err(error) => {
                found.push((index, cannot_ask(step, &error.message)));
                continue;
            }
        };
        match waits.iter_mut().find(|w| w.is_for(target, run, &request)) {
            Some(wait) => wait.worlds.push(index),
            None => waits.push(Wait { step, within: target.within, run, request, worlds: vec![index] }),
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

/// Asks until the target answers below 400 or the time is over.
async fn until_ready(wait: &Wait<'_>) -> Option<NotReady> {
    let clock = Instant::now();
    loop {
        // Rendered anew each time: it may hold the time, or a number used once.
        let prepared = match wait.step.prepare(&wait.run.scope, &wait.run.base, None) {
            Ok(prepared) => prepared,
            Err(error) => return Some(cannot_ask(wait.step, &error.message)),
        };
        let mut jar = Jar::default();
        let left = wait.within.saturating_sub(clock.elapsed()).min(PATIENCE);
        let journey = Journey {
            transport: &wait.run.transport,
            jar: &mut jar,
            cookies: Vec::new(),
            follow: prepared.follow,
            timeout: left.max(EVERY),
            gate: None,
        };
        let trail = journey.go(prepared.request, &mut Undressed).await;
        let last = match (trail.response(), &trail.error) {
            (Some(response), None) if response.status < 400 => return None,
            (Some(response), None) => format!("it answered {}", response.status),
            (_, Some(error)) => error.to_string(),
            (None, None) => "no answer".to_owned(),
        };
        if clock.elapsed() + EVERY >= wait.within {
            let within = crate::term::duration(wait.within);
            let message = format!("{} was not ready within {within}: {last}", wait.run.base);
            return Some(NotReady { message, span: wait.step.span });
        }
        tokio::time::sleep(EVERY).await;
    }
}
