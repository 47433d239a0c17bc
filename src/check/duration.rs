//! `duration`: the time for all hops of the step, as the client measured it.

use std::time::Duration;

use crate::spec::{Key, Node, Reader, Shape, key};
use crate::term;

use super::operand::{Operand, as_duration, duration};
use super::{Check, Checked, Placed, Seen};

/// The operators of `duration`.
pub(super) const KEYS: &[Key] = &[
    key("below", "less than this").is(Shape::TIME),
    key("above", "more than this").is(Shape::TIME),
    key("at_most", "not more than this").is(Shape::TIME),
    key("at_least", "not less than this").is(Shape::TIME),
];

#[derive(Debug)]
struct Took {
    words: String,
    holds: fn(&Duration, &Duration) -> bool,
    limit: Operand<Duration>,
}

/// Reads the row `duration`.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    let Some(fields) = reader.fields(node, KEYS, "`duration`") else { return };
    for entry in fields.iter() {
        let holds: fn(&Duration, &Duration) -> bool = match &*entry.key {
            "below" => Duration::lt,
            "above" => Duration::gt,
            "at_most" => Duration::le,
            "at_least" => Duration::ge,
            _ => continue,
        };
        let Some(limit) = duration(&entry.value, reader) else { continue };
        let check = Box::new(Took { words: entry.key.replace('_', " "), holds, limit });
        out.push(Placed { check, span: entry.value.span, subject: "duration".to_owned() });
    }
}

impl Check for Took {
    fn judge(&self, seen: &Seen<'_>) -> Checked {
        let limit = match self.limit.get(seen.moment(), as_duration) {
            Ok(limit) => limit,
            Err(why) => return Checked::Unjudgeable { why },
        };
        let took = seen.trail.elapsed();
        if (self.holds)(&took, &limit) {
            return Checked::Held;
        }
        Checked::Broken { expected: format!("{} {}", self.words, term::duration(*limit)), actual: term::duration(took) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Answer, faults};

    #[test]
    fn the_whole_step_is_measured() {
        // Every hop of the made-up answer takes 40 ms.
        let one = Answer::ok();
        assert!(one.holds("duration: { below: 41ms, at_most: 40ms, at_least: 40ms, above: 39ms }"));
        let two = Answer::redirected("http://api.test:8080/b", 200);
        assert_eq!(two.broken("duration: { below: 80ms }"), [("below 80ms".to_owned(), "80ms".to_owned())]);
        assert_eq!(one.unjudgeable("duration: { below: \"{{ who }}\" }").len(), 1);
    }

    #[test]
    fn faults_are_told() {
        for (written, words) in [
            ("duration: 500ms", "a map"),
            ("duration: { below: 500 }", "needs a unit"),
            ("duration: { equals: 1s }", "no key called `equals`"),
            ("duration: {}", "could not fail"),
        ] {
            let found = faults(written);
            assert!(found.len() == 1 && found[0].contains(words), "{written}: {found:?}");
        }
    }
}
