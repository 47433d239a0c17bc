//! `challenge`: what `WWW-Authenticate` asks for. One of the challenges has to match as a whole.

use crate::http::challenge::{Challenge, parse_challenges};
use crate::spec::{Data, Node, Reader};
use crate::template::Template;

use super::operand::{Moment, Why, describe_operand, text_of};
use super::operator::{Expectation, Fit, best, worst};
use super::value::{Actual, Kind, Missing};
use super::{Check, Checked, Placed, Seen, diags};

#[derive(Debug)]
enum Asked {
    /// No challenge at all.
    Nothing,
    /// At least one.
    Something,
    /// One of them looks like this.
    Like(Vec<Feature>),
}

#[derive(Debug)]
enum Feature {
    /// The scheme, in any case (RFC 9110, section 11.1).
    Scheme(Template),
    /// The scheme, by operators.
    SchemeAs(Expectation),
    /// A parameter.
    Param(String, Expectation),
}

/// Reads the row `challenge`.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    let Some(fields) = reader.map(node) else { return };
    let mut features = Vec::new();
    let mut presence = None;
    for entry in fields.iter() {
        if &*entry.key == "exists" {
            presence = reader.flag(&entry.value).map(|there| (there, entry.key_span));
        } else {
            features.extend(feature(&entry.key, &entry.value, reader));
        }
    }
    let asked = match (presence, features.is_empty()) {
        (Some((false, span)), false) => {
            let message = "a challenge that must not be there has no scheme and no parameters";
            reader.fault(diags::misplaced_operator(span, message));
            return;
        }
        (Some((false, _)), true) => Asked::Nothing,
        (Some((true, _)), true) => Asked::Something,
        (None, true) => return,
        (Some((true, _)) | None, false) => Asked::Like(features),
    };
    let mut entries = fields.iter();
    let span = match (entries.next(), entries.next()) {
        (Some(only), None) => only.value.span,
        _ => node.span,
    };
    out.push(Placed { check: Box::new(asked), span, subject: "challenge".to_owned() });
}

fn feature(name: &str, node: &Node, reader: &mut Reader<'_>) -> Option<Feature> {
    if name == "scheme" {
        let by_operators = matches!(node.data, Data::Map(_));
        return if by_operators {
            Expectation::read(node, Kind::Text, reader).map(Feature::SchemeAs)
        } else {
            reader.word(node)?;
            reader.template(node).map(Feature::Scheme)
        };
    }
    Expectation::read(node, Kind::MaybeText, reader).map(|e| Feature::Param(name.to_owned(), e))
}

impl Feature {
    fn fit(&self, challenge: &Challenge, at: Moment<'_>) -> Result<Fit, Why> {
        match self {
            Self::Scheme(wanted) => Ok(Fit::from(challenge.is(&text_of(wanted, at)?))),
            Self::SchemeAs(expectation) => expectation.fit(Actual::Text(&challenge.scheme), at),
            Self::Param(name, expectation) => {
                let missing = Actual::Missing(Missing::Absent("no such parameter"));
                expectation.fit(challenge.param(name).map_or(missing, Actual::Text), at)
            }
        }
    }

    fn expected(&self, at: Moment<'_>) -> String {
        match self {
            Self::Scheme(wanted) => format!("scheme {}", describe_operand(wanted, at)),
            Self::SchemeAs(expectation) => format!("scheme {}", expectation.expected(at)),
            Self::Param(name, expectation) => format!("{name} {}", expectation.expected(at)),
        }
    }
}

impl Check for Asked {
    fn judge(&self, seen: &Seen<'_>) -> Checked {
        let at = seen.moment();
        let lines = seen.response.headers.all("www-authenticate").map(|value| &value[..]);
        // Text without a scheme belongs to no challenge.
        let found: Vec<Challenge> = parse_challenges(lines).into_iter().filter(|c| !c.scheme.is_empty()).collect();
        let (fit, expected) = match self {
            Self::Nothing => (Ok(Fit::from(found.is_empty())), "no challenge".to_owned()),
            Self::Something => (Ok(Fit::from(!found.is_empty())), "a challenge".to_owned()),
            Self::Like(features) => {
                let of = |challenge: &Challenge| worst(features.iter().map(|f| f.fit(challenge, at)));
                let told: Vec<String> = features.iter().map(|f| f.expected(at)).collect();
                (best(found.iter().map(of)), format!("a challenge with {}", told.join(", ")))
            }
        };
        match fit {
            Ok(Fit::Yes) => Checked::Held,
            Ok(Fit::No | Fit::Unfit) => Checked::Broken { expected, actual: told(&found) },
            Err(why) => Checked::Unjudgeable { why },
        }
    }
}

fn told(found: &[Challenge]) -> String {
    if found.is_empty() {
        return "nothing (no challenge in `WWW-Authenticate`)".to_owned();
    }
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Answer, faults};

    fn answer() -> Answer {
        Answer::status(401)
            .header("WWW-Authenticate", "Basic realm=\"old\"")
            .header("WWW-Authenticate", "Bearer realm=\"api\", error=\"invalid_token\", scope=\"read write\"")
    }

    #[test]
    fn one_challenge_has_to_match_as_a_whole() {
        let holds = |wanted: &str| answer().holds(&format!("challenge: {wanted}"));
        assert!(holds("{ scheme: bearer, error: invalid_token }") && holds("{ scope: { contains: read } }"));
        assert!(
            holds("{ exists: true }")
                && holds("{ scheme: Basic, realm: old }")
                && holds("{ scheme: { ends_with: er } }")
        );
        assert!(!holds("{ scheme: Basic, error: invalid_token }") && !holds("{ exists: false }"));
        assert!(
            holds("{ scheme: Basic, error: { exists: false } }")
                && !holds("{ scheme: Bearer, error: { exists: false } }")
        );
        assert!(!holds("{ scheme: Basic, error: { not: invalid_token } }"), "a missing parameter fails `not` too");
        assert!(!holds("{ scheme: Bearer, error: { not: invalid_token } }"));
        let broken = answer().broken("challenge: { scheme: DPoP, error: { not: x } }");
        assert_eq!(broken[0].0, "a challenge with scheme text \"DPoP\", error not text \"x\"");
        assert!(broken[0].1.starts_with("Basic realm=\"old\" and Bearer "), "{broken:?}");
    }

    #[test]
    fn without_challenges_only_their_absence_holds() {
        for answer in [Answer::status(401), Answer::status(401).header("WWW-Authenticate", "")] {
            assert!(answer.holds("challenge: { exists: false }") && !answer.holds("challenge: { exists: true }"));
            assert!(!answer.holds("challenge: { error: { exists: false } }"));
            assert_eq!(
                answer.broken("challenge: { scheme: Bearer }")[0].1,
                "nothing (no challenge in `WWW-Authenticate`)"
            );
        }
        assert_eq!(answer().unjudgeable("challenge: { scheme: \"{{ nothing }}\" }").len(), 1);
    }

    #[test]
    fn faults_are_told() {
        for (written, words) in [
            ("challenge: Bearer", "a map"),
            ("challenge: {}", "could not fail"),
            ("challenge: { exists: false, scheme: Bearer }", "must not be there"),
            ("challenge: { scheme: { exists: true } }", "always there"),
            ("challenge: { realm: null }", "never null"),
            ("challenge: { exists: perhaps }", "`true` or `false`"),
        ] {
            let found = faults(written);
            assert!(found.len() == 1 && found[0].contains(words), "{written}: {found:?}");
        }
    }
}
