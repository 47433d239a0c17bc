//! Sends two steps in turn, many times, and compares how long their answers take: `same_time_as`.

use std::mem::swap;

use super::cast::Cast;
use super::done::{Done, Ended};
use super::exchange::StepRun;
use super::judge;
use crate::check::{Checked, Rounds, Times};
use crate::event::{Phase, Reason};
use crate::step::Step;

impl StepRun<'_> {
    /// Compares the times of a step that held with those of an earlier one beside it. What the answers say otherwise
    /// was judged before; one that is another now, as under a limit, ends it.
    pub(super) async fn compare_times(&self, step: &Step, before: &[Step], cast: &mut Cast, done: &mut Done) {
        let Some((times, placed)) = step.times() else { return };
        let other = before.iter().rev().find(|s| s.name.as_ref().is_some_and(|name| **name == *times.step));
        let Some(other) = other.filter(|_| self.phase == Phase::Case) else {
            let why =
                format!("`{}` is no earlier step beside this one in a case, so it cannot be sent again", times.step);
            return self.end_with(done, self.reason("check-unjudgeable", &why, placed, Vec::new()));
        };
        let above = match times.above(self.scope) {
            Ok(above) => above,
            Err(why) => return self.end_with(done, self.reason("template", &why, placed, Vec::new())),
        };
        let mut rounds = Rounds::default();
        let checked = loop {
            match self.round(step, other, times, cast, done).await {
                Ok((there, here)) => rounds.add(there, here),
                Err(ended) => {
                    done.append(*ended);
                    return;
                }
            }
            if let Some(checked) = rounds.judge(times, above) {
                break checked;
            }
        };
        if let Some(record) = done.records.last_mut() {
            record.notes.extend(rounds.told());
        }
        let is_clear = !matches!(checked, Checked::Unjudgeable { .. });
        if let Some(reason) = judge::reason(self.shared, placed, "same_time_as", checked) {
            self.end_with(done, reason);
            done.ended = if is_clear { Ended::Failed } else { Ended::Inconclusive };
        }
    }

    fn end_with(&self, done: &mut Done, reason: Reason) {
        done.ended = Ended::Inconclusive;
        done.reasons.push(Reason { step: done.records.len().checked_sub(1), ..reason });
    }

    /// Sends both so many times, first the one and then the other first; the first pair only warms up.
    async fn round(
        &self,
        step: &Step,
        other: &Step,
        times: &Times,
        cast: &mut Cast,
        done: &mut Done,
    ) -> Result<(Vec<f64>, Vec<f64>), Box<Done>> {
        let (mut there, mut here) = (Vec::new(), Vec::new());
        for pair in 0..=times.pairs {
            let mut order = [(other, &mut there), (step, &mut here)];
            if pair % 2 == 1 {
                let [first, second] = &mut order;
                swap(first, second);
            }
            for (step, all) in order {
                let sent = Box::pin(self.run(step, cast)).await;
                done.requests += sent.requests;
                done.waited += sent.waited;
                let Some(trail) = sent.last.as_ref().filter(|_| sent.held()) else {
                    return Err(Box::new(Done { requests: 0, ..sent }));
                };
                if pair > 0 {
                    all.push(trail.elapsed().as_secs_f64() * 1000.0);
                }
            }
        }
        Ok((there, here))
    }
}
