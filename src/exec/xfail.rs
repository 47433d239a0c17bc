//! Cases that are expected to fail (`xfail`): a failure is what was asked for, a pass is not.

use jiff::civil::Date;

use super::frame::TEARDOWN_FAILED;
use super::{Shared, record};
use crate::event::{Outcome, OutcomeKind, Verdict};
use crate::spec::Xfail;

/// What becomes of a case that is expected to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Its verdict stands: it says nothing about what is expected.
    Stands,
    /// It failed as expected.
    Expected,
    /// It passed.
    Passed,
    /// It may not fail any more.
    Over,
    /// It failed as expected, and left something behind.
    LeftBehind,
}

/// Turns the verdict of a case that is expected to fail. Only a failed check is what was expected: what
/// was blocked, errored, inconclusive or not run stays so.
pub(super) fn turn(shared: &Shared, outcome: &mut Outcome) {
    if outcome.kind == OutcomeKind::Teardown {
        return;
    }
    let Some(xfail) = &shared.plan.cases[outcome.index as usize].shape.xfail else { return };
    let today = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date();
    let left = outcome.reasons.iter().any(|r| r.code == TEARDOWN_FAILED);
    let turn = turn_of(outcome.verdict, left, xfail.until, today);
    let (verdict, code, message, help) = match turn {
        Turn::Stands => return,
        Turn::LeftBehind => {
            outcome.verdict = Verdict::Errored;
            // What was left behind comes first now; the failure itself was expected.
            outcome.reasons.sort_by_key(|r| r.code != TEARDOWN_FAILED);
            return;
        }
        Turn::Expected => (Verdict::Skipped, "xfail", format!("failed as expected: {}", xfail.reason), None),
        Turn::Passed => {
            let message = format!("passed, and `xfail` expects it to fail: {}", xfail.reason);
            (Verdict::Failed, "xfail-passed", message, Some("remove `xfail` if what it waits for is mended"))
        }
        Turn::Over => (Verdict::Failed, "xfail-over", over(xfail), Some("mend it, or give `xfail` a later day")),
    };
    outcome.verdict = verdict;
    let help = help.map(ToOwned::to_owned).into_iter().collect();
    outcome.reasons.insert(0, record::reason(shared, code, &message, xfail.span, help));
}

fn over(xfail: &Xfail) -> String {
    let until = xfail.until.map(|d| d.to_string()).unwrap_or_default();
    format!("the day until which `xfail` holds, {until}, is over: {}", xfail.reason)
}

fn turn_of(verdict: Verdict, left: bool, until: Option<Date>, today: Date) -> Turn {
    let over = until.is_some_and(|until| until < today);
    match verdict {
        Verdict::Passed | Verdict::Flaky | Verdict::Failed if over => Turn::Over,
        Verdict::Passed | Verdict::Flaky => Turn::Passed,
        Verdict::Failed if left => Turn::LeftBehind,
        Verdict::Failed => Turn::Expected,
        Verdict::Blocked | Verdict::Inconclusive | Verdict::Errored | Verdict::Skipped | Verdict::NotRun => {
            Turn::Stands
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failed_check_is_what_was_expected() {
        let today = Date::new(2026, 6, 1).unwrap();
        let of = |verdict| turn_of(verdict, false, Some(today), today);
        assert_eq!(of(Verdict::Failed), Turn::Expected);
        assert_eq!([of(Verdict::Passed), of(Verdict::Flaky)], [Turn::Passed; 2]);
        let others = [Verdict::Blocked, Verdict::Inconclusive, Verdict::Errored, Verdict::Skipped, Verdict::NotRun];
        assert_eq!(others.map(of), [Turn::Stands; 5]);
        assert_eq!(turn_of(Verdict::Failed, true, None, today), Turn::LeftBehind);
    }

    #[test]
    fn the_last_day_counts_and_the_next_does_not() {
        let (last, next) = (Date::new(2026, 6, 1).unwrap(), Date::new(2026, 6, 2).unwrap());
        assert_eq!(turn_of(Verdict::Failed, false, Some(last), last), Turn::Expected);
        for verdict in [Verdict::Failed, Verdict::Passed] {
            assert_eq!(turn_of(verdict, false, Some(last), next), Turn::Over);
        }
        assert_eq!(turn_of(Verdict::Blocked, false, Some(last), next), Turn::Stands);
    }
}
