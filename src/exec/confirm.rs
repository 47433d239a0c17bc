//! Confirms that two answers differ that should be the same, before it is told: where few values come by turns, such as the
//! names of servers, two answers to the same may agree by chance, and the next one not.

use super::cast::Cast;
use super::done::{Done, Ended};
use super::exchange::StepRun;
use super::record;
use crate::event::{Phase, Reason};
use crate::step::Step;

/// How often both are asked once more.
const ROUNDS: u32 = 2;

const UNSTEADY: &str =
    "the difference does not come each time, or comes between two answers to the same as well: nothing can be told";
const HELP: &str = "`ignore` says what changes by itself and tells nothing";

impl StepRun<'_> {
    /// Asks both sides of a difference once more, where `again` tells what is asked on the other one: it has to be there
    /// each time, while the other side stays as it was. A lock or a limit, which guesses may meet, confirms nothing, and
    /// takes nothing back.
    pub(super) async fn confirm_difference(&self, step: &Step, before: &[Step], cast: &mut Cast, done: &mut Done) {
        let Some((again, placed)) = step.again().filter(|_| done.ended == Ended::Failed) else { return };
        let place = record::place(self.shared, placed);
        let named = |other: &&Step| other.name.as_ref().is_some_and(|name| **name == *again);
        let other = before.iter().rev().find(named).filter(|_| self.phase == Phase::Case);
        let Some(other) = other.filter(|_| done.reasons.iter().all(|reason| reason.place == place)) else { return };
        for _ in 0..ROUNDS {
            let there = Box::pin(self.run(other, cast)).await;
            let here = Box::pin(self.run(step, cast)).await;
            done.requests += there.requests + here.requests;
            done.waited += there.waited + here.waited;
            if is_shut(&there) || is_shut(&here) {
                return;
            }
            if !there.held() || here.ended != Ended::Failed {
                let reason = self.reason("premise", UNSTEADY, placed, vec![HELP.to_owned()]);
                done.ended = Ended::Inconclusive;
                done.reasons = vec![Reason { step: done.records.len().checked_sub(1), ..reason }];
                return;
            }
        }
    }
}

/// Tells whether somebody is locked out or asked too often by now.
fn is_shut(done: &Done) -> bool {
    let status = done.last.as_ref().and_then(|trail| trail.response()).map(|response| response.status);
    matches!(status, None | Some(423 | 429))
}
