//! The operators of expectations, and expectations as sets of them.
//!
//! To add an operator: a type with [`Operator`] and its `read` in one of the files here, one row in
//! [`OPERATORS`], and tests beside it: held, broken, wrong type, under `not`.
//!
//! An operator answers with one of three: it fits, it does not, or the source is unfit for it (a
//! missing node, text where a number is compared). Unfit never holds, also under `not`: a negation
//! must not become true because nothing could be compared.

use std::fmt::Debug;

use super::diags;
use super::operand::{Moment, Why};
use super::value::{Actual, Kind, Missing, NO_NODES};
use super::{Checked, Placed};
use crate::source::Span;
use crate::spec::{Data, Def, Node, Reader, Shape};

mod equality;
mod logic;
mod order;
mod shape;
mod text;
mod time;

/// A kind of comparison: one key of an operator map.
#[derive(Debug)]
pub struct OperatorKind {
    /// Its key.
    pub name: &'static str,
    /// What it asks, one sentence.
    pub about: &'static str,
    /// The value of its key in an example that a test reads.
    pub example: &'static str,
    /// The form of the value of its key, for editors.
    pub takes: Shape,
    /// Reads the value of its key; faults go to the reader.
    pub(super) read: fn(&Node, Kind, &mut Reader<'_>) -> Option<Box<dyn Operator>>,
}

/// All operators.
pub const OPERATORS: &[OperatorKind] = &[
    OperatorKind {
        name: "equals",
        about: "the same value with the same type; where the source is text, the same spelling",
        example: "{ id: 1 }",
        takes: Shape::Any,
        read: equality::equals,
    },
    OperatorKind {
        name: "not",
        about: "a value it must not equal, or operators that must not all hold; a missing source fails",
        example: "alice",
        takes: Shape::The(Def::Value),
        read: logic::not,
    },
    OperatorKind {
        name: "contains",
        about: "text with this part, a list with this element, or an object with this key",
        example: "user",
        takes: Shape::Any,
        read: text::contains,
    },
    OperatorKind {
        name: "starts_with",
        about: "text that begins so",
        example: "Bearer",
        takes: Shape::Quoted,
        read: text::starts_with,
    },
    OperatorKind {
        name: "ends_with",
        about: "text that ends so",
        example: ".example",
        takes: Shape::Quoted,
        read: text::ends_with,
    },
    OperatorKind {
        name: "matches",
        about: "text in which the regular expression is found; anchor it with `^` and `$`",
        example: "'^[0-9]+$'",
        takes: Shape::Quoted,
        read: text::matches,
    },
    OperatorKind {
        name: "one_of",
        about: "a value that equals one of a list",
        example: "[user, admin]",
        takes: Shape::Either(&[Shape::Filled(&Shape::List(&Shape::Any)), Shape::TEMPLATE]),
        read: equality::one_of,
    },
    OperatorKind {
        name: "exists",
        about: "whether it is there at all; `null` is there",
        example: "false",
        takes: Shape::Flag,
        read: shape::exists,
    },
    OperatorKind {
        name: "type",
        about: "`null`, `boolean`, `number`, `integer`, `text`, `list` or `object`",
        example: "integer",
        takes: Shape::Either(&[Shape::Words(shape::TYPE_WORDS), Shape::Null]),
        read: shape::type_of,
    },
    OperatorKind {
        name: "length",
        about: "a number or operators for the characters of a text, elements of a list or keys of an object",
        example: "{ at_least: 1 }",
        takes: Shape::Either(&[Shape::NUMBER, Shape::The(Def::Operators)]),
        read: shape::length,
    },
    OperatorKind {
        name: "above",
        about: "a number greater than this",
        example: "0",
        takes: Shape::NUMBER,
        read: order::above,
    },
    OperatorKind {
        name: "below",
        about: "a number less than this",
        example: "100",
        takes: Shape::NUMBER,
        read: order::below,
    },
    OperatorKind {
        name: "at_least",
        about: "a number not less than this",
        example: "1",
        takes: Shape::NUMBER,
        read: order::at_least,
    },
    OperatorKind {
        name: "at_most",
        about: "a number not greater than this",
        example: "3600",
        takes: Shape::NUMBER,
        read: order::at_most,
    },
    OperatorKind {
        name: "within",
        about: "a time from now on, at most this far ahead (5 s of tolerance): seconds since 1970, RFC 3339 or an HTTP date",
        example: "15m",
        takes: Shape::TIME,
        read: time::within,
    },
    OperatorKind {
        name: "all",
        about: "a value or operators that hold for every element; an empty list fails",
        example: "{ starts_with: a }",
        takes: Shape::The(Def::Value),
        read: logic::all,
    },
    OperatorKind {
        name: "any",
        about: "a value or operators that hold for at least one element",
        example: "{ equals: admin }",
        takes: Shape::The(Def::Value),
        read: logic::any,
    },
    OperatorKind {
        name: "schema",
        about: "JSON that a JSON Schema describes, inline or the path of a file",
        example: "{ type: array, minItems: 1 }",
        takes: Shape::Either(&[Shape::Text, Shape::Filled(&Shape::Map(&Shape::Any))]),
        read: super::schema::operator,
    },
];

/// How an operator took to a source, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// It cannot be asked of this source; broken, also under `not`.
    Unfit,
}

impl Fit {
    fn negated(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unfit => Self::Unfit,
        }
    }
}

impl From<bool> for Fit {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// How an operator looks at several texts, such as the lines of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    /// At one after the other; one line has to satisfy all such operators of a map.
    LineByLine,
    /// At all of them together.
    Together,
}

/// Compares a source with what is wanted. Pure and total.
pub(super) trait Operator: Debug + Send + Sync {
    /// Says how the source fits; the error says why that cannot be judged.
    fn fit(&self, actual: Actual<'_>, at: Moment<'_>) -> Result<Fit, Why>;

    /// Tells what is wanted, with its type.
    fn expected(&self, at: Moment<'_>) -> String;

    /// Tells what was there, with its type.
    fn actual(&self, actual: Actual<'_>) -> String {
        actual.describe()
    }

    /// Says how several texts are looked at.
    fn looks(&self) -> Looks {
        Looks::LineByLine
    }
}

/// An operator and the place of what it compares with.
#[derive(Debug)]
struct Part {
    operator: Box<dyn Operator>,
    span: Span,
}

impl Part {
    fn fit(&self, actual: Actual<'_>, at: Moment<'_>) -> Result<Fit, Why> {
        match (actual, self.operator.looks()) {
            (Actual::NoNodes(_), Looks::LineByLine) => self.operator.fit(Actual::Json(&NO_NODES), at),
            _ => self.operator.fit(actual, at),
        }
    }
}

/// Operators that must all hold.
#[derive(Debug)]
pub(super) struct Expectation {
    parts: Vec<Part>,
    kind: Kind,
    span: Span,
}

impl Expectation {
    /// Makes an expectation of one operator.
    pub(super) fn of(operator: Box<dyn Operator>, kind: Kind, span: Span) -> Self {
        Self { parts: vec![Part { operator, span }], kind, span }
    }

    /// Reads a scalar or list (equality) or a map of operators.
    pub(super) fn read(node: &Node, kind: Kind, reader: &mut Reader<'_>) -> Option<Self> {
        let Data::Map(entries) = &node.data else {
            let operator = equality::equals(node, kind, reader)?;
            return Some(Self { parts: vec![Part { operator, span: node.span }], kind, span: node.span });
        };
        if entries.is_empty() {
            reader.fault(diags::no_checks(node.span, "an empty map holds no operator, so it could not fail"));
            return None;
        }
        let names: Vec<&str> = OPERATORS.iter().map(|o| o.name).collect();
        let mut parts = Vec::new();
        for entry in entries.iter() {
            match OPERATORS.iter().find(|o| *o.name == *entry.key) {
                Some(row) => {
                    let operator = (row.read)(&entry.value, kind, reader);
                    parts.extend(operator.map(|operator| Part { operator, span: entry.value.span }));
                }
                None => reader.fault(diags::unknown_operator(entry.key_span, &entry.key, &names)),
            }
        }
        let span = if let [one] = &parts[..] { one.span } else { node.span };
        (parts.len() == entries.len()).then_some(Self { parts, kind, span })
    }

    /// Makes one check for every operator where they can be judged apart, so that a broken one
    /// shows its own line; `make` turns an expectation into a check.
    pub(super) fn place(self, subject: &str, out: &mut Vec<Placed>, make: impl Fn(Self) -> Box<dyn super::Check>) {
        let kind = self.kind;
        let apart: Vec<Self> = if kind == Kind::Lines {
            vec![self]
        } else {
            self.parts.into_iter().map(|part| Self { span: part.span, parts: vec![part], kind }).collect()
        };
        for expectation in apart {
            let span = expectation.span;
            out.push(Placed { check: make(expectation), span, subject: subject.to_owned() });
        }
    }

    /// Says how the source fits.
    pub(super) fn fit(&self, actual: Actual<'_>, at: Moment<'_>) -> Result<Fit, Why> {
        if let Actual::Lines(lines) = actual {
            return self.fit_lines(lines, at);
        }
        worst(self.parts.iter().map(|p| p.fit(actual, at)))
    }

    /// One line must satisfy all operators that look line by line; negations hold for all lines.
    fn fit_lines(&self, lines: &[String], at: Moment<'_>) -> Result<Fit, Why> {
        let (each, together): (Vec<&Part>, Vec<&Part>) =
            self.parts.iter().partition(|p| p.operator.looks() == Looks::LineByLine);
        let whole = worst(together.iter().map(|p| p.operator.fit(Actual::Lines(lines), at)))?;
        if each.is_empty() {
            return Ok(whole);
        }
        let of_line = |line: &String| worst(each.iter().map(|p| p.operator.fit(Actual::Text(line), at)));
        Ok(whole.max(best(lines.iter().map(of_line))?))
    }

    /// Judges the source.
    pub(super) fn judge(&self, actual: Actual<'_>, at: Moment<'_>) -> Checked {
        match self.fit(actual, at) {
            Ok(Fit::Yes) => Checked::Held,
            Ok(Fit::No | Fit::Unfit) => {
                let told = match &self.parts[..] {
                    [one] => one.operator.actual(actual),
                    _ => actual.describe(),
                };
                Checked::Broken { expected: self.expected(at), actual: told }
            }
            Err(why) => Checked::Unjudgeable { why },
        }
    }

    /// Tells what is wanted.
    pub(super) fn expected(&self, at: Moment<'_>) -> String {
        self.parts.iter().map(|p| p.operator.expected(at)).collect::<Vec<_>>().join(" and ")
    }
}

/// All must fit: the worst answer counts.
pub(super) fn worst(mut fits: impl Iterator<Item = Result<Fit, Why>>) -> Result<Fit, Why> {
    fits.try_fold(Fit::Yes, |so_far, fit| fit.map(|f| so_far.max(f)))
}

/// One must fit; where none does, the worst answer counts, so that an unfit one is never negated away.
pub(super) fn best(fits: impl Iterator<Item = Result<Fit, Why>>) -> Result<Fit, Why> {
    let all: Vec<Fit> = fits.collect::<Result<_, _>>()?;
    if all.contains(&Fit::Yes) {
        return Ok(Fit::Yes);
    }
    Ok(all.into_iter().max().unwrap_or(Fit::No))
}

/// What every operator but `exists` answers to a missing source.
fn missing(actual: &Actual<'_>) -> Option<Fit> {
    match actual {
        Actual::Missing(Missing::Absent(_) | Missing::Unplaced(_)) => Some(Fit::Unfit),
        Actual::Json(_) | Actual::Text(_) | Actual::Lines(_) | Actual::NoNodes(_) => None,
    }
}

#[cfg(test)]
mod tests;
