//! `redirects: { until: … }`: the way has to lead to the address.

use crate::source::Span;

use super::{Check, Checked, Placed, Seen};

#[derive(Debug)]
struct Until;

/// The check that comes with `redirects: { until: … }`.
pub fn until(span: Span) -> Placed {
    Placed { check: Box::new(Until), span, subject: "the way of the redirects".to_owned() }
}

impl Check for Until {
    fn judge(&self, seen: &Seen<'_>) -> Checked {
        let Some(until) = &seen.trail.until else {
            return Checked::Unjudgeable { why: "redirects were not followed".to_owned() };
        };
        if until.reached {
            return Checked::Held;
        }
        let end = seen.trail.hops.last().map(|hop| hop.request.address.to_string()).unwrap_or_default();
        let actual = format!("status {} at {end}", seen.response.status);
        Checked::Broken { expected: format!("a redirect to {}", until.address), actual }
    }
}
