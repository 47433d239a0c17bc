//! `winners`: how many of the answers to one step, sent several times at once, met all else.

use jiff::Timestamp;
use serde_json::Value;

use crate::spec::{Data, Node, Reader};
use crate::template::Scope;

use super::operand::Moment;
use super::operator::Expectation;
use super::value::{Actual, Kind};
use super::{Check, Checked, Placed, Seen, diags};

#[derive(Debug)]
struct Winners(Expectation);

/// Reads the row `winners`.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    let scalar = matches!(&node.data, Data::Number(..) | Data::Map(_))
        || matches!(&node.data, Data::Text(text) if text.contains("{{"));
    if !scalar {
        return reader.fault(diags::needs(node, "a number"));
    }
    if let Some(expectation) = Expectation::read(node, Kind::Json, reader) {
        expectation.place("winners", out, |expectation| Box::new(Winners(expectation)));
    }
}

impl Check for Winners {
    fn judge(&self, seen: &Seen<'_>) -> Checked {
        let Some(winners) = seen.winners else {
            return Checked::Unjudgeable { why: "the step was not sent `together`".to_owned() };
        };
        self.0.judge(Actual::Json(&Value::from(winners)), seen.moment())
    }

    fn counts_winners(&self) -> bool {
        true
    }

    fn holds_for(&self, winners: u32) -> Option<bool> {
        let at = Moment { scope: &Scope::default(), now: Timestamp::UNIX_EPOCH };
        match self.0.judge(Actual::Json(&Value::from(winners)), at) {
            Checked::Held => Some(true),
            Checked::Broken { .. } => Some(false),
            Checked::Unjudgeable { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Answer, faults};

    #[test]
    fn winners_are_counted() {
        let one = Answer::ok().winners(1);
        assert!(one.holds("winners: 1") && one.holds("winners: { at_most: 1 }"));
        let broken = Answer::ok().winners(3).broken("winners: 1");
        assert_eq!(broken, [("number 1".to_owned(), "number 3".to_owned())]);
        assert_eq!(Answer::ok().unjudgeable("winners: 1").len(), 1);
    }

    #[test]
    fn faults_are_told() {
        for (written, words) in
            [("winners: { above: one }", "number"), ("winners: { least: 1 }", "operator"), ("winners: one", "a number")]
        {
            let found = faults(written);
            assert!(found.len() == 1 && found[0].contains(words), "{written}: {found:?}");
        }
    }
}
