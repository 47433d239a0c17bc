//! From the tally of a run to the exit code: one table, stable across versions.

use crate::event::{Stopped, Summary, Tally, Verdict};
use crate::mutate::Severity;

/// The codes the process can end with, with what they mean; `--help` and the docs print this table.
pub const EXIT_CODES: &[(u8, &str)] = &[
    (ALL_PASSED, "every case passed, or nothing that failed counts"),
    (FAILED, "a case failed"),
    (USAGE, "the command line or a file is faulty"),
    (NOT_JUDGED, "nothing failed, but something could not be judged"),
    (NOTHING, "no case was selected, or every case was skipped"),
    (REPORT, "a report could not be written"),
    (INTERRUPTED, "interrupted"),
];

/// Every case passed.
pub const ALL_PASSED: u8 = 0;
/// A case failed.
pub const FAILED: u8 = 1;
/// The command line or a file is faulty.
pub const USAGE: u8 = 2;
/// Nothing failed, but something could not be judged.
pub const NOT_JUDGED: u8 = 3;
/// No case was selected, or every case was skipped.
pub const NOTHING: u8 = 4;
/// A report could not be written.
pub const REPORT: u8 = 5;
/// Interrupted by a signal.
pub const INTERRUPTED: u8 = 130;

/// What the user lets pass or not beside the verdicts themselves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Policy {
    /// `--fail-on flaky`.
    pub flaky: OnFlaky,
    /// `--tolerate inconclusive`.
    pub inconclusive: OnInconclusive,
    /// `--fail-on SEVERITY`: deliberate defects that are milder do not fail the run.
    pub severity: Option<Severity>,
}

/// What a flaky case does to the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFlaky {
    /// It counts as passed.
    #[default]
    Pass,
    /// It fails the run.
    Fail,
}

/// What an inconclusive case does to the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnInconclusive {
    /// The run could not be judged.
    #[default]
    Stop,
    /// It passes, and every report says so.
    Tolerate,
}

/// Judges a run. A run never ends green because nothing ran.
pub fn exit_code(tally: &Tally, stopped: Option<Stopped>, policy: Policy) -> u8 {
    if stopped == Some(Stopped::Interrupted) {
        return INTERRUPTED;
    }
    if tally.failing() > 0 || (policy.flaky == OnFlaky::Fail && tally.of(Verdict::Flaky) > 0) {
        return FAILED;
    }
    let open = tally.of(Verdict::Blocked)
        + tally.of(Verdict::Errored)
        + tally.of(Verdict::NotRun)
        + tally.teardowns
        + match policy.inconclusive {
            OnInconclusive::Stop => tally.of(Verdict::Inconclusive),
            OnInconclusive::Tolerate => 0,
        };
    if open > 0 {
        return NOT_JUDGED;
    }
    if tally.of(Verdict::Passed) + tally.of(Verdict::Flaky) + tally.spared == 0 {
        // Only tolerated or skipped cases: nothing was shown, so nothing may look green.
        return if tally.of(Verdict::Inconclusive) > 0 { NOT_JUDGED } else { NOTHING };
    }
    ALL_PASSED
}

/// Tells whether nothing but flaky cases fails a run (`--fail-on flaky`).
pub fn fails_by_flaky(summary: &Summary) -> bool {
    summary.exit == FAILED && summary.tally.failing() == 0 && summary.tally.of(Verdict::Flaky) > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(pairs: &[(Verdict, usize)]) -> Tally {
        let mut tally = Tally::default();
        for (verdict, n) in pairs {
            tally.counts[*verdict as usize] = *n;
        }
        tally
    }

    #[test]
    fn a_run_in_which_nothing_passed_is_never_green() {
        for verdict in Verdict::ALL {
            let code = exit_code(&tally(&[(verdict, 3)]), None, Policy::default());
            let green = matches!(verdict, Verdict::Passed | Verdict::Flaky);
            assert_eq!(code == ALL_PASSED, green, "{verdict:?}");
        }
        assert_eq!(exit_code(&tally(&[]), None, Policy::default()), NOTHING);
        let tolerant = Policy { inconclusive: OnInconclusive::Tolerate, ..Policy::default() };
        assert_eq!(exit_code(&tally(&[(Verdict::Inconclusive, 2)]), None, tolerant), NOT_JUDGED);
    }

    #[test]
    fn codes_take_precedence_in_their_order() {
        let all = tally(&[(Verdict::Passed, 5), (Verdict::Failed, 1), (Verdict::Errored, 1)]);
        assert_eq!(exit_code(&all, None, Policy::default()), FAILED);
        assert_eq!(exit_code(&all, Some(Stopped::Interrupted), Policy::default()), INTERRUPTED);
        let flaky = tally(&[(Verdict::Passed, 5), (Verdict::Flaky, 1)]);
        assert_eq!(exit_code(&flaky, None, Policy::default()), ALL_PASSED);
        assert_eq!(exit_code(&flaky, None, Policy { flaky: OnFlaky::Fail, ..Policy::default() }), FAILED);
    }

    #[test]
    fn what_was_spared_fails_no_run_and_hides_nothing_else() {
        let of = |failed, spared, errored| {
            let tally = tally(&[(Verdict::Failed, failed), (Verdict::Errored, errored)]);
            exit_code(&Tally { spared, ..tally }, None, Policy::default())
        };
        assert_eq!(of(2, 2, 0), ALL_PASSED);
        assert_eq!(of(3, 2, 0), FAILED);
        assert_eq!(of(2, 2, 1), NOT_JUDGED);
    }

    #[test]
    fn a_deadline_that_leaves_cases_undone_is_not_green() {
        let part = tally(&[(Verdict::Passed, 5), (Verdict::NotRun, 1)]);
        assert_eq!(exit_code(&part, Some(Stopped::Deadline), Policy::default()), NOT_JUDGED);
    }
}
