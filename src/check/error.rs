//! `error`: that no answer comes is what is expected.

use crate::http::{HttpError, TlsEnd};
use crate::source::Span;
use crate::spec::{Node, Reader};

use super::{Check, Checked, Placed, Seen};

/// A way in which no answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// The server ends the TLS handshake: it does not take the client's certificate, or wants one.
    Tls,
    /// This end does: it does not trust the server's certificate, or the server speaks no TLS that is safe.
    Untrusted,
    /// Nothing listens.
    Refused,
    /// The connection is closed before the answer is whole.
    Closed,
    /// The answer takes too long.
    Timeout,
}

const WORDS: &[(&str, NoAnswer)] = &[
    ("tls", NoAnswer::Tls),
    ("untrusted", NoAnswer::Untrusted),
    ("refused", NoAnswer::Refused),
    ("closed", NoAnswer::Closed),
    ("timeout", NoAnswer::Timeout),
];

/// What is expected when no answer is, with its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedError {
    /// The way it fails.
    pub way: NoAnswer,
    /// The user's line.
    pub span: Span,
}

impl ExpectedError {
    /// Tells whether it says nothing of what is expected that no answer came: of the server's own no to a handshake, where
    /// this end never let it come to one.
    pub const fn is_beside(self, error: &HttpError) -> bool {
        matches!((self.way, error), (NoAnswer::Tls, HttpError::Tls { by: TlsEnd::Own, .. }))
    }

    /// Judges why no answer came.
    pub fn judge(self, error: &HttpError) -> Checked {
        let held = match self.way {
            NoAnswer::Tls => matches!(error, HttpError::Tls { by: TlsEnd::Server, .. }),
            NoAnswer::Untrusted => matches!(error, HttpError::Tls { by: TlsEnd::Own, .. }),
            NoAnswer::Refused => matches!(error, HttpError::Refused { .. }),
            NoAnswer::Closed => matches!(error, HttpError::Closed),
            NoAnswer::Timeout => matches!(error, HttpError::Timeout(_)),
        };
        if held { Checked::Held } else { Checked::Broken { expected: self.describe(), actual: error.to_string() } }
    }

    fn describe(self) -> String {
        match self.way {
            NoAnswer::Tls => "no answer: the server ends the TLS handshake",
            NoAnswer::Untrusted => "no answer: the server is not trusted",
            NoAnswer::Refused => "no answer: the connection is refused",
            NoAnswer::Closed => "no answer: the connection is closed",
            NoAnswer::Timeout => "no answer in time",
        }
        .to_owned()
    }
}

/// Reads the row `error`.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    if let Some(way) = reader.one_of(node, "a way to get no answer", WORDS) {
        let expected = ExpectedError { way, span: node.span };
        out.push(Placed { check: Box::new(expected), span: node.span, subject: "error".to_owned() });
    }
}

impl Check for ExpectedError {
    fn judge(&self, seen: &Seen<'_>) -> Checked {
        Checked::Broken { expected: self.describe(), actual: format!("an answer: {}", seen.response.status) }
    }

    fn error(&self) -> Option<Self> {
        Some(*self)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Checked;
    use super::super::testing::{Answer, faults, read};
    use crate::http::{HttpError, TlsEnd};

    #[test]
    fn the_way_has_to_be_the_one() {
        let errors = [
            HttpError::Tls { why: "x".into(), by: TlsEnd::Server },
            HttpError::Tls { why: "x".into(), by: TlsEnd::Own },
            HttpError::Refused { host: "h".into() },
            HttpError::Closed,
            HttpError::Timeout(Duration::from_secs(1)),
            HttpError::Dns { host: "h".into() },
        ];
        for (at, way) in ["tls", "untrusted", "refused", "closed", "timeout"].iter().enumerate() {
            let expected = read(&format!("error: {way}")).unwrap().error.unwrap();
            for (other, error) in errors.iter().enumerate() {
                assert_eq!(expected.judge(error) == Checked::Held, at == other, "{way}: {error}");
            }
        }
    }

    #[test]
    fn an_answer_is_not_what_was_expected() {
        let broken = Answer::ok().broken("error: tls");
        assert_eq!(broken, [("no answer: the server ends the TLS handshake".to_owned(), "an answer: 200".to_owned())]);
    }

    #[test]
    fn faults_are_told() {
        for (written, words) in [
            ("error: broken", "not a way to get no answer"),
            ("{ error: tls, status: 200 }", "nothing else can be expected"),
        ] {
            let found = faults(written);
            assert!(found.len() == 1 && found[0].contains(words), "{written}: {found:?}");
        }
    }
}
