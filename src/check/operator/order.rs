//! `above`, `below`, `at_least` and `at_most`.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::{Fit, Operator};
use crate::check::operand::{Moment, Operand, Why, as_number, number};
use crate::check::value::{Actual, Kind, compare, number_of};
use crate::spec::{Node, Reader};

#[derive(Debug)]
struct Bound {
    words: &'static str,
    /// Orderings of source and limit that hold.
    holds: &'static [Ordering],
    limit: Operand<Number>,
}

fn bound(
    words: &'static str,
    holds: &'static [Ordering],
    node: &Node,
    reader: &mut Reader<'_>,
) -> Option<Box<dyn Operator>> {
    let limit = number(node, reader)?;
    Some(Box::new(Bound { words, holds, limit }))
}

pub(super) fn above(node: &Node, _: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    bound("above", &[Ordering::Greater], node, reader)
}

pub(super) fn below(node: &Node, _: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    bound("below", &[Ordering::Less], node, reader)
}

pub(super) fn at_least(node: &Node, _: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    bound("at least", &[Ordering::Greater, Ordering::Equal], node, reader)
}

pub(super) fn at_most(node: &Node, _: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    bound("at most", &[Ordering::Less, Ordering::Equal], node, reader)
}

impl Operator for Bound {
    fn fit(&self, actual: Actual<'_>, at: Moment<'_>) -> Result<Fit, Why> {
        let limit = self.limit.get(at, as_number)?;
        let source = match actual {
            Actual::Json(Value::Number(n)) => Some(n.clone()),
            // Text that spells a number, as in `Content-Length`.
            Actual::Text(text) => number_of(text),
            Actual::Json(_) | Actual::Lines(_) | Actual::NoNodes(_) | Actual::Missing(_) => None,
        };
        let ordering = source.and_then(|n| compare(&n, &limit));
        Ok(ordering.map_or(Fit::Unfit, |o| Fit::from(self.holds.contains(&o))))
    }

    fn expected(&self, at: Moment<'_>) -> String {
        match self.limit.get(at, as_number) {
            Ok(limit) => format!("a number {} {limit}", self.words),
            Err(_) => format!("a number {} what its template gives", self.words),
        }
    }
}
