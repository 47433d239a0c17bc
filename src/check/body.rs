//! `body`: the body as text.

use crate::spec::{Node, Reader};

use super::operator::Expectation;
use super::value::{Actual, Kind};
use super::{Check, Checked, Placed, Seen};

#[derive(Debug)]
struct Body(Expectation);

/// Reads the row `body`.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    if let Some(expectation) = Expectation::read(node, Kind::Text, reader) {
        expectation.place("body", out, |expectation| Box::new(Body(expectation)));
    }
}

impl Check for Body {
    fn judge(&self, seen: &Seen<'_>) -> Checked {
        self.0.judge(Actual::Text(&seen.response.text()), seen.moment())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Answer, faults};

    #[test]
    fn the_body_is_text() {
        let answer = Answer::ok().body("Welcome, alice 42");
        assert!(answer.holds("body: { contains: Welcome, not: { contains: bob }, matches: '\\d+$' }"));
        assert!(answer.holds("body: Welcome, alice 42") && !answer.holds("body: welcome, alice 42"));
        assert!(Answer::ok().body("3").holds("body: 3") && Answer::ok().holds("body: { length: 0 }"));
        assert!(Answer::ok().holds("body: \"\""));
        let broken = answer.broken("body: { starts_with: Bye }");
        assert_eq!(broken, [("starts with text \"Bye\"".to_owned(), "text \"Welcome, alice 42\"".to_owned())]);
    }

    #[test]
    fn faults_are_told() {
        for (written, words) in [
            ("body: { exists: true }", "always there"),
            ("body: { contains: \"\" }", "empty text"),
            ("body: { matches: '(' }", "unclosed group"),
            ("body: { matches: '(?=a)' }", "look-around"),
            ("body: { matches: '.*' }", "every text"),
            ("body: { matches: '((a{900}){900}){900}' }", "too large"),
            ("body: { all: x }", "no elements"),
            ("body: [a]", "text is needed"),
            ("body: null", "never null"),
            ("body: { containz: x }", "no operator called `containz`"),
        ] {
            let found = faults(written);
            assert!(found.len() == 1 && found[0].contains(words), "{written}: {found:?}");
        }
    }
}
