//! `within`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Fit, Operator};
use crate::check::operand::{Moment, Operand, Why, as_duration, duration};
use crate::check::value::{Actual, Kind, number_of};
use crate::http::jar::parse_cookie_date;
use crate::spec::{Node, Reader};
use crate::term;

/// Clocks of two machines differ, and whole seconds are rounded.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(5);

#[derive(Debug)]
struct Within {
    span: Operand<Duration>,
}

/// Reads how far ahead a time may be.
pub(super) fn within(node: &Node, _: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    let span = duration(node, reader)?;
    Some(Box::new(Within { span }))
}

/// Reads a time: seconds since 1970, RFC 3339, or in headers and cookies an HTTP date.
fn time_in(actual: &Actual<'_>) -> Option<Timestamp> {
    match actual {
        Actual::Json(Value::Number(n)) => seconds(n.as_f64()?),
        Actual::Json(Value::String(text)) => text.parse().ok(),
        Actual::Text(text) => text
            .parse()
            .ok()
            .or_else(|| seconds(number_of(text)?.as_f64()?))
            .or_else(|| parse_cookie_date(text.as_bytes())),
        Actual::Json(_) | Actual::Lines(_) | Actual::NoNodes(_) | Actual::Missing(_) => None,
    }
}

fn seconds(since_1970: f64) -> Option<Timestamp> {
    let since = SignedDuration::try_from_secs_f64(since_1970).ok()?;
    Timestamp::from_duration(since).ok()
}

impl Operator for Within {
    fn fit(&self, actual: Actual<'_>, at: Moment<'_>) -> Result<Fit, Why> {
        let span = self.span.get(at, as_duration)?;
        let Some(time) = time_in(&actual) else { return Ok(Fit::Unfit) };
        let ahead = time.duration_since(at.now);
        // Durations are bounded to a year when they are read.
        let most = SignedDuration::try_from(*span).unwrap_or(SignedDuration::MAX).saturating_add(TOLERANCE);
        Ok(Fit::from(ahead >= -TOLERANCE && ahead <= most))
    }

    fn expected(&self, at: Moment<'_>) -> String {
        let span = self.span.get(at, as_duration).map_or_else(|_| "its template".to_owned(), |d| term::duration(*d));
        format!("a time within {span} from now ({})", whole_seconds(at.now))
    }

    fn actual(&self, actual: Actual<'_>) -> String {
        match time_in(&actual) {
            Some(time) => format!("{} ({})", actual.describe(), whole_seconds(time)),
            None if matches!(actual, Actual::Missing(_)) => actual.describe(),
            None => format!("{} (no time in seconds, RFC 3339 or as an HTTP date)", actual.describe()),
        }
    }
}

fn whole_seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}
