//! Mends `count(…)`: the crate gives nothing instead of 0 for a path without nodes, so that
//! `count(@.a[*]) == 0` would never hold (RFC 9535, section 2.4.5).
//!
//! `count(q) == x` becomes `(q && count(q) == x) || (!q && 0 == x)`, for every comparison.

use jsonpath_rust::parser::model::{
    Comparable, Comparison, Filter, FilterAtom, FnArg, JpQuery, Literal, Segment, Selector, Test, TestFunction,
};

/// Rewrites every comparison with `count(…)` in the filters of a query.
pub(super) fn mend(query: &mut JpQuery) {
    query.segments.iter_mut().for_each(segment);
}

fn segment(part: &mut Segment) {
    match part {
        Segment::Descendant(inner) => segment(inner),
        Segment::Selector(one) => selector(one),
        Segment::Selectors(several) => several.iter_mut().for_each(selector),
    }
}

fn selector(one: &mut Selector) {
    match one {
        Selector::Filter(inner) => filter(inner),
        Selector::Name(_) | Selector::Wildcard | Selector::Index(_) | Selector::Slice(..) => {}
    }
}

fn filter(inner: &mut Filter) {
    match inner {
        Filter::Or(parts) | Filter::And(parts) => parts.iter_mut().for_each(filter),
        Filter::Atom(FilterAtom::Filter { expr, .. }) => filter(expr),
        Filter::Atom(FilterAtom::Test { expr, .. }) => match &mut **expr {
            Test::RelQuery(path) => path.iter_mut().for_each(segment),
            Test::AbsQuery(path) => mend(path),
            Test::Function(_) => {}
        },
        Filter::Atom(FilterAtom::Comparison(comparison)) => *inner = mended((**comparison).clone()),
    }
}

fn mended(comparison: Comparison) -> Filter {
    let (left, right) = comparison.vals();
    let Some((counted, with_zero)) = counted(left)
        .map(|test| (test, with_sides(&comparison, zero(), right.clone())))
        .or_else(|| counted(right).map(|test| (test, with_sides(&comparison, left.clone(), zero()))))
    else {
        return Filter::Atom(FilterAtom::cmp(Box::new(comparison)));
    };
    // The other side may count as well; on the left it was dealt with above.
    let with_zero = mended(with_zero);
    let present = Filter::Atom(FilterAtom::test(counted.clone(), false));
    let absent = Filter::Atom(FilterAtom::test(counted, true));
    let as_written = Filter::Atom(FilterAtom::cmp(Box::new(comparison)));
    let group = |parts| Filter::Atom(FilterAtom::filter(Filter::And(parts), false));
    let either = Filter::Or(vec![group(vec![present, as_written]), group(vec![absent, with_zero])]);
    Filter::Atom(FilterAtom::filter(either, false))
}

fn counted(side: &Comparable) -> Option<Test> {
    match side {
        Comparable::Function(TestFunction::Count(FnArg::Test(test))) => Some((**test).clone()),
        Comparable::Function(_) | Comparable::Literal(_) | Comparable::SingularQuery(_) => None,
    }
}

fn zero() -> Comparable {
    Comparable::Literal(Literal::Int(0))
}

fn with_sides(comparison: &Comparison, left: Comparable, right: Comparable) -> Comparison {
    match comparison {
        Comparison::Eq(..) => Comparison::Eq(left, right),
        Comparison::Ne(..) => Comparison::Ne(left, right),
        Comparison::Gt(..) => Comparison::Gt(left, right),
        Comparison::Gte(..) => Comparison::Gte(left, right),
        Comparison::Lt(..) => Comparison::Lt(left, right),
        Comparison::Lte(..) => Comparison::Lte(left, right),
    }
}
