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

use crate::source::Place;

mod reasons;
pub use reasons::{REASONS, ReasonCode, reason_code};

/// How a case ended (language §8). Exhaustive on purpose: every reader must say what each means.
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
    /// Index into [`RunInfo::suites`].
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
    /// Why, most important first; empty when it passed plainly.
    pub reasons: Vec<Reason>,
    /// What its refusals prove.
    pub proof: Proof,
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

/// What the refusals in a case prove.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Refusals for which somebody was allowed the same request, and the caller was allowed something.
    pub proven: u32,
    /// Refusals for which that could not be shown.
    pub unproven: u32,
}

/// The name of a row of [`REASONS`]; an alias, because serde would borrow a bare `&str` from its input.
pub type CodeName = &'static str;

/// One reason why a case did not simply pass.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reason {
    /// A row of [`REASONS`].
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

/// Which part of a case a step belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The suite's setup.
    Setup,
    /// The case itself.
    Case,
    /// The suite's teardown.
    Teardown,
    /// An identity's login.
    Login,
    /// An identity's refresh.
    Refresh,
    /// The check after a login that it is the right person.
    Whoami,
}

/// What one step did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StepRecord {
    /// The name the user gave, if any.
    pub name: Option<String>,
    /// The part of the case.
    pub phase: Phase,
    /// The identity, `anonymous`, or nobody.
    pub caller: Option<String>,
    /// Method and target as sent, masked.
    pub request: String,
    /// Final status, when an answer came.
    pub status: Option<u16>,
    /// Where the step is written.
    pub place: Place,
    /// The whole exchange with all hops.
    #[serde(rename = "ms", with = "millis")]
    pub elapsed: Duration,
    /// How many expectations held.
    pub held: usize,
    /// How many did not.
    pub broken: usize,
    /// Every request and answer; kept for what did not pass, for all with `-vv`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<HopRecord>,
    /// Protocol remarks in the order they happened: a cookie refused, a credential left out on a hop.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One request and what came back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HopRecord {
    /// Absolute URL, masked.
    pub url: String,
    /// The request as it left.
    pub request: MessageRecord,
    /// The answer, if one came.
    pub response: Option<MessageRecord>,
    /// Why no answer came.
    pub error: Option<String>,
    /// From sending to the last byte.
    #[serde(rename = "ms", with = "millis")]
    pub elapsed: Duration,
}

/// A request or a response, masked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MessageRecord {
    /// `GET /me HTTP/1.1` or `HTTP/1.1 401 Unauthorized`.
    pub line: String,
    /// Fields in order, duplicates kept.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: BodyRecord,
}

/// A body as reports may show it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BodyRecord {
    /// How to read the text.
    pub kind: BodyKind,
    /// The masked text, at most [`BODY_KEPT`] bytes; empty for binary data.
    pub text: String,
    /// How long the body was, decoded.
    pub bytes: u64,
}

/// How many bytes of a body's text an event keeps.
pub const BODY_KEPT: usize = 64 * 1024;

/// How to read a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyKind {
    /// Nothing was there.
    Empty,
    /// JSON text.
    Json,
    /// HTML text.
    Html,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// Any other text.
    Text,
    /// No text.
    Binary,
}

/// The numbers of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Cases by verdict, in the order of [`Verdict::ALL`].
    pub counts: [usize; 8],
    /// Passed cases of which some refusal stayed unproven.
    pub unproven: usize,
    /// Refusals with all their controls.
    pub proven_refusals: usize,
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
        self.proven_refusals += outcome.proof.proven as usize;
        if outcome.verdict == Verdict::Passed && outcome.proof.unproven > 0 {
            self.unproven += 1;
        }
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

/// Finds a code that was read back in the table; one that a newer version wrote has no row here.
fn known_code<'de, D: serde::Deserializer<'de>>(from: D) -> Result<&'static str, D::Error> {
    let name = std::borrow::Cow::<'de, str>::deserialize(from)?;
    Ok(reason_code(&name).map_or("internal", |row| row.name))
}

/// Durations as milliseconds with microsecond precision.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_precision_loss, reason = "a run's microseconds fit 52 bits")]
        s.serialize_f64(d.as_micros() as f64 / 1000.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        let micros = (f64::deserialize(d)? * 1000.0).round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
        Ok(Duration::from_micros(micros as u64))
    }
}

/// Shared text as text.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(s: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(from).map(Arc::from)
    }
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
