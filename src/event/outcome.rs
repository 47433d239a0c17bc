//! How a case ended, and why.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::access::AccessCell;
use super::explanation::Explanation;
use super::mutant::{ControlRecord, MutantRecord};
use super::reasons::reason_code;
use super::record::{Phase, StepRecord};
use super::serial::{millis, shared};
use crate::mutate::Grade;
use crate::source::Place;

/// What a finished outcome is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// A case of the plan.
    Case,
    /// The teardown of a suite, told only when it did not work.
    Teardown,
}

/// How one case ended, with all a reader needs to understand it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// Its number in the plan; reports sort by it. A teardown bears a number past all cases.
    pub index: u32,
    /// A case, or a suite's teardown.
    pub kind: OutcomeKind,
    /// Index into [`RunInfo::suites`](super::RunInfo::suites).
    pub suite: usize,
    /// The stable id.
    #[serde(with = "shared")]
    pub id: Arc<str>,
    /// The name for people, expansion included: `an order is private [as=bob]`.
    pub name: String,
    /// Tags of the case and of its suite.
    pub tags: Vec<String>,
    /// Where the case is written.
    pub place: Place,
    /// How it ended.
    pub verdict: Verdict,
    /// Whether it failed and does not fail the run: its defect is milder than `--fail-on`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spared: bool,
    /// Why, most important first; empty when it passed plainly.
    pub reasons: Vec<Reason>,
    /// What its refusals prove.
    pub proof: Proof,
    /// Its place in an access matrix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessCell>,
    /// The deliberate defect that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<Box<MutantRecord>>,
    /// The requests that show what its refusals are worth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<ControlRecord>,
    /// What explains it, the most certain first; empty when it passed or nothing is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Explanation>,
    /// What the command of its target printed last, where that may explain how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerOutput>,
    /// The steps that ran, in order.
    pub steps: Vec<StepRecord>,
    /// How many steps the case itself has; more than ran when it ended early.
    pub case_steps: usize,
    /// How often the case was run; above 1 only with `--retry`.
    pub attempts: u32,
    /// From start to end.
    #[serde(rename = "ms", with = "millis")]
    pub elapsed: Duration,
    /// The part of it spent waiting on purpose.
    #[serde(rename = "waited_ms", with = "millis")]
    pub waited: Duration,
    /// Requests sent, hops and shared logins included where this case made them.
    pub requests: u32,
}

impl Outcome {
    /// Tells whether it passed with a finding: refused, and otherwise than is due, or told less than it has to be.
    pub fn has_finding(&self) -> bool {
        let grade = self.with.as_ref().and_then(|with| with.grade);
        let is_inexact = matches!(grade, Some(Grade::DeniedOther | Grade::Amiss));
        matches!(self.verdict, Verdict::Passed | Verdict::Flaky)
            && (is_inexact || self.proof.odd + self.proof.hollow > 0)
    }

    /// Tells whether its defect was not sent, for it may cost data and came in with a pack.
    pub fn is_withheld(&self) -> bool {
        self.verdict == Verdict::Skipped && self.reasons.first().is_some_and(|r| r.code == "destructive-not-allowed")
    }

    /// Counts the steps that were left out although the case passed: it proves less than its text says. A ready flow says
    /// itself what a session without a refresh, say, has to show.
    pub fn skipped_steps(&self) -> usize {
        let left_out = |step: &&StepRecord| step.skipped && step.phase == Phase::Case && !step.place.is_own();
        match self.verdict {
            Verdict::Passed | Verdict::Flaky => self.steps.iter().filter(left_out).count(),
            Verdict::Failed
            | Verdict::Blocked
            | Verdict::Inconclusive
            | Verdict::Errored
            | Verdict::Skipped
            | Verdict::NotRun => 0,
        }
    }
}

/// What the command that serves a target said last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerOutput {
    /// Its program, or how it ended when it did: a fragment.
    pub about: String,
    /// The last lines it printed, on either stream.
    pub lines: Vec<String>,
}

/// What the refusals and the tokens in a case prove.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Refusals for which somebody was allowed the same request, and the caller was allowed something.
    pub proven: u32,
    /// Refusals for which that could not be shown.
    pub unproven: u32,
    /// Those among them of which it was not to be shown: `control: off`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub uncontrolled: u32,
    /// Steps that read claims of a token without verifying its signature.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unverified: u32,
    /// Refusals with the status that is meant for the other kind of caller.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub odd: u32,
    /// Proven refusals of something that changes, after which nobody looked whether it was done all the same.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unlooked: u32,
    /// Whether somebody was let in by an answer that looks like an error, as a number.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hollow: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The name of a row of [`REASONS`](super::REASONS); an alias, because serde would borrow a bare `&str` from its input.
pub type CodeName = &'static str;

/// One reason why a case did not simply pass.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reason {
    /// A row of [`REASONS`](super::REASONS).
    #[serde(deserialize_with = "known_code")]
    pub code: CodeName,
    /// One sentence, a lower-case fragment without a full stop.
    pub message: String,
    /// The user's own line that this is about.
    pub place: Place,
    /// What was asked for, with its type.
    pub expected: Option<String>,
    /// What was there, with its type.
    pub actual: Option<String>,
    /// Index into [`Outcome::steps`] of the step it is about.
    pub step: Option<usize>,
    /// What to do next, each one sentence.
    pub help: Vec<String>,
    /// Outcomes with the same key are told once, with the number of cases it concerns.
    #[serde(skip)]
    pub shared_cause: Option<Arc<str>>,
}

/// Finds a code that was read back in the table; one that a newer version wrote has no row here.
fn known_code<'de, D: serde::Deserializer<'de>>(from: D) -> Result<&'static str, D::Error> {
    let name = std::borrow::Cow::<'de, str>::deserialize(from)?;
    Ok(reason_code(&name).map_or("internal", |row| row.name))
}
