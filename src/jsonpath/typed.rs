//! What the crate takes and should not (RFC 9535, section 2.4.3), and what it would answer wrongly.

use jsonpath_rust::parser::model::{
    Comparable, Comparison, Filter, FilterAtom, FnArg, JpQuery, Segment, Selector, SingularQuery, Test, TestFunction,
};

use super::PathFault;

type Checked = Result<(), PathFault>;

/// Refuses a query that is ill-typed or beyond what is answered rightly.
pub(super) fn check(query: &JpQuery) -> Checked {
    segments(&query.segments)
}

fn segments(all: &[Segment]) -> Checked {
    all.iter().try_for_each(|segment| match segment {
        // The crate gives the nodes selector by selector, not node by node (RFC 9535, section 2.5.2.2).
        Segment::Descendant(inner) if matches!(**inner, Segment::Selectors(_)) => {
            Err(PathFault::new("several selectors right behind `..` are not supported; write one path for each"))
        }
        Segment::Descendant(inner) => segments(std::slice::from_ref(inner)),
        Segment::Selector(one) => selector(one),
        Segment::Selectors(several) => several.iter().try_for_each(selector),
    })
}

fn selector(selector: &Selector) -> Checked {
    match selector {
        Selector::Filter(inner) => filter(inner),
        Selector::Name(_) | Selector::Wildcard | Selector::Index(_) | Selector::Slice(..) => Ok(()),
    }
}

fn filter(inner: &Filter) -> Checked {
    match inner {
        Filter::Or(parts) | Filter::And(parts) => parts.iter().try_for_each(filter),
        Filter::Atom(FilterAtom::Filter { expr, .. }) => filter(expr),
        Filter::Atom(FilterAtom::Test { expr, .. }) => condition(expr),
        Filter::Atom(FilterAtom::Comparison(comparison)) => {
            let (left, right) = sides(comparison);
            comparable(left).and_then(|()| comparable(right))
        }
    }
}

fn sides(comparison: &Comparison) -> (&Comparable, &Comparable) {
    comparison.vals()
}

/// A part of a filter that must be true or false by itself.
fn condition(test: &Test) -> Checked {
    if let Test::Function(function) = test
        && let Some(name) = gives_value(function)
    {
        return Err(PathFault::new(format!("`{name}(…)` gives a value, which must be compared with something")));
    }
    query(test)
}

fn query(test: &Test) -> Checked {
    match test {
        Test::RelQuery(path) => {
            // The crate takes `@` followed by a filter for the condition itself and finds nothing.
            if path.first().is_some_and(begins_with_filter) {
                return Err(PathFault::new("a filter right behind `@` is not supported"));
            }
            segments(path)
        }
        Test::AbsQuery(path) => segments(&path.segments),
        Test::Function(called) => function(called),
    }
}

fn begins_with_filter(segment: &Segment) -> bool {
    let is_filter = |s: &Selector| matches!(s, Selector::Filter(_));
    match segment {
        Segment::Descendant(inner) => begins_with_filter(inner),
        Segment::Selector(one) => is_filter(one),
        Segment::Selectors(several) => several.iter().any(is_filter),
    }
}

fn comparable(side: &Comparable) -> Checked {
    match side {
        Comparable::Function(called) => function(called),
        Comparable::Literal(_) | Comparable::SingularQuery(SingularQuery::Current(_) | SingularQuery::Root(_)) => {
            Ok(())
        }
    }
}

fn gives_value(function: &TestFunction) -> Option<&'static str> {
    match function {
        TestFunction::Length(_) => Some("length"),
        TestFunction::Value(_) => Some("value"),
        TestFunction::Count(_) => Some("count"),
        TestFunction::Search(..) | TestFunction::Match(..) | TestFunction::Custom(..) => None,
    }
}

fn function(called: &TestFunction) -> Checked {
    match called {
        TestFunction::Length(arg) => value_argument("length", arg),
        TestFunction::Match(text, pattern) => {
            value_argument("match", text).and_then(|()| value_argument("match", pattern))
        }
        TestFunction::Search(text, pattern) => {
            value_argument("search", text).and_then(|()| value_argument("search", pattern))
        }
        TestFunction::Count(arg) => nodes_argument("count", arg),
        TestFunction::Value(arg) => nodes_argument("value", arg),
        TestFunction::Custom(name, _) => Err(PathFault::new(format!("JSONPath has no function `{name}`"))),
    }
}

/// An argument that must be one value: a literal, a singular query or a function that gives a value.
fn value_argument(name: &str, arg: &FnArg) -> Checked {
    let fault = || Err(PathFault::new(format!("`{name}(…)` takes a value or a path that names one node only")));
    match arg {
        FnArg::Literal(_) => Ok(()),
        FnArg::Filter(_) => fault(),
        FnArg::Test(test) => match &**test {
            Test::RelQuery(path) if path.iter().all(super::is_singular) => Ok(()),
            Test::AbsQuery(path) if path.segments.iter().all(super::is_singular) => Ok(()),
            Test::Function(inner) if gives_value(inner).is_some() => function(inner),
            Test::RelQuery(_) | Test::AbsQuery(_) | Test::Function(_) => fault(),
        },
    }
}

/// An argument that must be a list of nodes: a path.
fn nodes_argument(name: &str, arg: &FnArg) -> Checked {
    match arg {
        FnArg::Test(test) if !matches!(**test, Test::Function(_)) => query(test),
        FnArg::Test(_) | FnArg::Literal(_) | FnArg::Filter(_) => {
            Err(PathFault::new(format!("`{name}(…)` takes a path")))
        }
    }
}
