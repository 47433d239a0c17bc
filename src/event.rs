//! The contract between running and reporting: what happened, as masked data.
//!
//! The runner emits [`Event`]s, reporters write them; neither knows the other. Nothing in here may
//! hold a secret: every text was masked before it was put into an event, and reporters that keep
//! events until the end mask them once more with the final set.
//!
//! To add a reason a case can fail for: one row in [`REASONS`], used by its constant name; a test
//! holds the table against `authspec explain`.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::mutate::Severity;
use crate::source::Place;

mod access;
mod explanation;
mod mutant;
mod outcome;
mod reasons;
mod record;
mod serial;

pub use access::{AccessCell, Likeness, Loot};
pub use explanation::{Certainty, Explanation};
pub use mutant::{ControlRecord, MutantRecord, When};
pub use outcome::{CodeName, Outcome, OutcomeKind, Proof, Reason, ServerOutput};
pub use reasons::{REASONS, ReasonCode, reason_code};
pub use record::{
    BODY_KEPT, BodyKind, BodyRecord, CERTIFICATE_SHOWN, CERTIFICATE_UNASKED, Carried, FlowRecord, HopRecord,
    MessageRecord, OTHER_CREDENTIAL, Phase, RefusalProof, SentRecord, SignedRecord, StepRecord,
};

use serial::{millis, shared};

/// How a case ended. Exhaustive on purpose: every reader must say what each means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every check held, controls included.
    Passed,
    /// Passed, but only after `--retry`.
    Flaky,
    /// A check did not hold.
    Failed,
    /// A login, a setup or a target failed first.
    Blocked,
    /// It ran, but its result would prove nothing.
    Inconclusive,
    /// There was no answer to judge.
    Errored,
    /// The user asked for it not to run.
    Skipped,
    /// Never started, after `--fail-fast` or an interrupt.
    NotRun,
}

impl Verdict {
    /// All verdicts, in the order summaries name them.
    pub const ALL: [Self; 8] = [
        Self::Passed,
        Self::Flaky,
        Self::Failed,
        Self::Blocked,
        Self::Inconclusive,
        Self::Errored,
        Self::Skipped,
        Self::NotRun,
    ];

    /// The word people and reports read.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Flaky => "flaky",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::Inconclusive => "inconclusive",
            Self::Errored => "errored",
            Self::Skipped => "skipped",
            Self::NotRun => "not run",
        }
    }

    /// Tells whether a reader has to look at such a case.
    pub const fn needs_attention(self) -> bool {
        match self {
            Self::Failed | Self::Blocked | Self::Inconclusive | Self::Errored => true,
            Self::Passed | Self::Flaky | Self::Skipped | Self::NotRun => false,
        }
    }
}

/// One thing that happened in a run, in the order of completion.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The plan is made and the targets are ready; cases start now.
    RunStarted(RunInfo),
    /// An identity logged in, refreshed or failed to.
    Login(Login),
    /// A case waits for something other than the server's answer.
    Waiting(Waiting),
    /// A case was started.
    CaseStarted(CaseStarted),
    /// Something was sent for a case or a login; told only to those who ask for everything.
    Exchanged(Box<Exchanged>),
    /// A case is decided.
    CaseFinished(Box<Outcome>),
    /// Something the user should know that is no case's fault.
    Warning(Warning),
    /// The run is over; the last event.
    RunFinished(Box<Summary>),
}

/// What is about to run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunInfo {
    /// The version of authspec.
    pub version: String,
    /// When the run began, RFC 3339, UTC.
    pub started: String,
    /// Where requests go: shown names of all targets, the demo marked as such.
    pub targets: Vec<String>,
    /// The suites that have a selected case, in the order of their files.
    pub suites: Vec<SuiteInfo>,
    /// How many cases were selected.
    pub cases: usize,
    /// How many cases the filters left out.
    pub filtered_out: usize,
    /// How many files `exclude:` left out.
    pub excluded_files: usize,
    /// Things that weaken the run and every report repeats, such as TLS verification being off.
    pub notices: Vec<String>,
}

/// One suite of the run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SuiteInfo {
    /// The id that case ids begin with.
    pub id: String,
    /// The name for people.
    pub name: String,
    /// The file it stands in.
    #[serde(with = "shared")]
    pub file: Arc<str>,
    /// How many of its cases were selected.
    pub cases: usize,
}

/// A login, refresh or logout of a shared session.
#[derive(Debug, Clone, Serialize)]
pub struct Login {
    /// Who.
    pub identity: String,
    /// Login or refresh.
    pub action: LoginAction,
    /// Whether it worked; the sentence says why not.
    pub failure: Option<String>,
    /// How long it took.
    #[serde(rename = "ms", with = "millis")]
    pub elapsed: Duration,
    /// True for a session that a single case has for itself (`session: fresh`).
    pub fresh: bool,
    /// What it exchanged, where exchanges are kept. What failed stands with the cases it blocks, too.
    #[serde(skip)]
    pub steps: Vec<StepRecord>,
}

/// What an identity's session did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoginAction {
    /// The scheme's login steps.
    Login,
    /// The scheme's refresh steps.
    Refresh,
}

/// A case that waits on the clock: `pause`, a poll, a token's expiry.
#[derive(Debug, Clone, Serialize)]
pub struct Waiting {
    /// The case's id.
    #[serde(with = "shared")]
    pub case: Arc<str>,
    /// What for, as a fragment: `a pause the suite asks for`.
    pub what: String,
    /// For how long.
    #[serde(rename = "ms", with = "millis")]
    pub time: Duration,
}

/// A case that was started.
#[derive(Debug, Clone, Serialize)]
pub struct CaseStarted {
    /// Its number in the plan.
    pub index: u32,
    /// Its stable id.
    #[serde(with = "shared")]
    pub id: Arc<str>,
}

/// What one step sent and what came back, logins and setups included.
#[derive(Debug, Clone, Serialize)]
pub struct Exchanged {
    /// The case's id; the identity's name for a login.
    #[serde(with = "shared")]
    pub case: Arc<str>,
    /// The part of the case.
    pub phase: Phase,
    /// The identity, `anonymous`, or nobody.
    pub caller: Option<String>,
    /// Every request and answer, masked.
    pub hops: Vec<HopRecord>,
    /// When each of them was sent, RFC 3339, UTC.
    pub started: Vec<String>,
}

/// Something to know beside the cases.
#[derive(Debug, Clone, Serialize)]
pub struct Warning {
    /// A stable code.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
    /// Where, if it has a place.
    pub place: Option<Place>,
}

/// The numbers of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Cases by verdict, in the order of [`Verdict::ALL`].
    pub counts: [usize; 8],
    /// Failed cases that do not fail the run: their defects are milder than `--fail-on`.
    #[serde(default)]
    pub spared: usize,
    /// Passed cases of which some refusal stayed unproven.
    pub unproven: usize,
    /// Those among them with `control: off`.
    pub uncontrolled: usize,
    /// Steps of passed cases that were left out, for their `if` was false.
    #[serde(default)]
    pub skipped_steps: usize,
    /// Refusals with all their controls.
    pub proven_refusals: usize,
    /// Steps that read claims of a token without verifying its signature.
    #[serde(default)]
    pub unverified_claims: usize,
    /// Refusals with the status that is meant for the other kind of caller.
    #[serde(default)]
    pub odd_refusals: usize,
    /// Refusals of something that changes, after which nobody looked whether it was done all the same.
    #[serde(default)]
    pub unlooked_refusals: usize,
    /// Cases that passed and were answered otherwise than is due.
    #[serde(default)]
    pub findings: usize,
    /// Deliberate defects of packs that were not sent, for they may write or delete data.
    #[serde(default)]
    pub withheld: usize,
    /// Requests sent, logins included.
    pub requests: usize,
    /// Logins made.
    pub logins: usize,
    /// Failed suite teardowns.
    pub teardowns: usize,
}

impl Tally {
    /// Counts one outcome in.
    pub fn add(&mut self, outcome: &Outcome) {
        self.requests += outcome.requests as usize;
        if outcome.kind == OutcomeKind::Teardown {
            self.teardowns += 1;
            return;
        }
        self.counts[outcome.verdict as usize] += 1;
        self.spared += usize::from(outcome.spared);
        self.proven_refusals += outcome.proof.proven as usize;
        self.unverified_claims += outcome.proof.unverified as usize;
        self.odd_refusals += outcome.proof.odd as usize;
        self.unlooked_refusals += outcome.proof.unlooked as usize;
        self.findings += usize::from(outcome.has_finding());
        self.skipped_steps += outcome.skipped_steps();
        self.withheld += usize::from(outcome.is_withheld());
        if outcome.verdict == Verdict::Passed && outcome.proof.unproven > 0 {
            self.unproven += 1;
            self.uncontrolled += usize::from(outcome.proof.uncontrolled > 0);
        }
    }

    /// Gives the number of failed cases that fail the run.
    pub const fn failing(&self) -> usize {
        self.of(Verdict::Failed).saturating_sub(self.spared)
    }

    /// Gives the number of cases with a verdict.
    pub const fn of(&self, verdict: Verdict) -> usize {
        self.counts[verdict as usize]
    }

    /// Gives the number of cases decided.
    pub fn total(&self) -> usize {
        self.counts.iter().sum()
    }
}

/// The end of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Summary {
    /// The numbers.
    pub tally: Tally,
    /// From the first request to the last.
    #[serde(rename = "ms", with = "millis")]
    pub elapsed: Duration,
    /// The code the process will end with, unless a report cannot be written.
    pub exit: u8,
    /// Why the run stopped early, if it did.
    pub stopped: Option<Stopped>,
    /// The verdicts that were tolerated by request, named in every report.
    pub tolerated: Vec<Verdict>,
    /// The severity from which deliberate defects fail the run (`--fail-on`); all of them without one.
    #[serde(default)]
    pub fail_on: Option<Severity>,
}

/// Why a run ended before all cases were decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stopped {
    /// `--fail-fast` and a case that did not pass.
    FailFast,
    /// The user or the system asked to stop.
    Interrupted,
    /// `--deadline` ran out.
    Deadline,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_index_the_tally_in_their_order() {
        for (i, verdict) in Verdict::ALL.into_iter().enumerate() {
            assert_eq!(verdict as usize, i);
        }
    }
}
