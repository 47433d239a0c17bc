//! `not`, `all` and `any`.

use serde_json::Value;

use super::{Expectation, Fit, Looks, Operator, best, worst};
use crate::check::diags;
use crate::check::operand::{Moment, Why};
use crate::check::value::{Actual, Kind};
use crate::spec::{Data, Node, Reader};

#[derive(Debug)]
struct Not(Expectation);

/// Reads a scalar or operators that must not hold.
pub(super) fn not(node: &Node, kind: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    if matches!(node.data, Data::List(_)) {
        reader.fault(diags::needs(node, "a scalar or a map of operators").help("write `not: { one_of: [..] }`"));
        return None;
    }
    Some(Box::new(Not(Expectation::read(node, kind, reader)?)))
}

impl Operator for Not {
    fn fit(&self, actual: Actual<'_>, at: Moment<'_>) -> Result<Fit, Why> {
        self.0.fit(actual, at).map(Fit::negated)
    }

    fn expected(&self, at: Moment<'_>) -> String {
        format!("not {}", self.0.expected(at))
    }

    fn looks(&self) -> Looks {
        // Otherwise one harmless line would excuse another.
        Looks::Together
    }
}

#[derive(Debug)]
struct Elements {
    how_many: HowMany,
    inner: Expectation,
}

#[derive(Debug, Clone, Copy)]
enum HowMany {
    All,
    Any,
}

/// Reads what every element must be.
pub(super) fn all(node: &Node, kind: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    elements(HowMany::All, node, kind, reader)
}

/// Reads what at least one element must be.
pub(super) fn any(node: &Node, kind: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    elements(HowMany::Any, node, kind, reader)
}

fn elements(how_many: HowMany, node: &Node, kind: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    let element = match kind {
        Kind::Json => Kind::Json,
        Kind::Lines => Kind::Text,
        Kind::Text | Kind::MaybeText => {
            reader.fault(diags::misplaced_operator(node.span, "this source is one text, which has no elements"));
            return None;
        }
    };
    let inner = Expectation::read(node, element, reader)?;
    Some(Box::new(Elements { how_many, inner }))
}

impl Operator for Elements {
    fn fit(&self, actual: Actual<'_>, at: Moment<'_>) -> Result<Fit, Why> {
        let fits: Vec<Result<Fit, Why>> = match actual {
            Actual::Json(Value::Array(items)) => items.iter().map(|i| self.inner.fit(Actual::Json(i), at)).collect(),
            Actual::Lines(lines) => lines.iter().map(|l| self.inner.fit(Actual::Text(l), at)).collect(),
            Actual::NoNodes(_) => Vec::new(),
            Actual::Json(_) | Actual::Text(_) | Actual::Missing(_) => return Ok(Fit::Unfit),
        };
        match self.how_many {
            // Nothing was shown of anything, so neither this nor its opposite holds.
            HowMany::All if fits.is_empty() => Ok(Fit::Unfit),
            HowMany::All => worst(fits.into_iter()),
            HowMany::Any => best(fits.into_iter()),
        }
    }

    fn expected(&self, at: Moment<'_>) -> String {
        let words = match self.how_many {
            HowMany::All => "a list in which every element is",
            HowMany::Any => "a list in which an element is",
        };
        format!("{words} {}", self.inner.expected(at))
    }

    fn looks(&self) -> Looks {
        Looks::Together
    }
}
