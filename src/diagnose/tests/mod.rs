//! Every rule with an exchange that fires it and one, nearly the same, that does not.

use std::collections::BTreeSet;

use super::{explain, rules};
use crate::evidence::Facts;
use crate::evidence::testing::Try;

mod answer;
mod basic;
mod between;
mod cookie;
mod instead;
mod introspect;
mod let_in;
mod login;
mod redirect;
mod run;
mod sent;
mod session;
mod signed;
mod token;

/// A rule with what fires it and what only looks like it.
pub(super) struct Example {
    code: &'static str,
    fires: Facts,
    near_miss: Facts,
}

pub(super) fn example(code: &'static str, fires: Try, near_miss: Try) -> Example {
    Example { code, fires: fires.facts(), near_miss: near_miss.facts() }
}

fn examples() -> Vec<Example> {
    let families = [
        sent::examples(),
        token::examples(),
        token::lesser(),
        basic::examples(),
        signed::examples(),
        redirect::examples(),
        cookie::examples(),
        login::examples(),
        answer::examples(),
        between::examples(),
        session::examples(),
        let_in::examples(),
        instead::examples(),
        introspect::examples(),
        run::examples(),
    ];
    families.into_iter().flatten().collect()
}

#[test]
fn every_rule_fires_and_has_a_near_miss() {
    let examples = examples();
    for example in &examples {
        let rule = rules().find(|r| r.code == example.code).unwrap_or_else(|| panic!("no rule `{}`", example.code));
        assert!((rule.find)(&example.fires).is_some(), "{} does not fire: {:#?}", rule.code, example.fires);
        let found = (rule.find)(&example.near_miss);
        assert!(found.is_none(), "{} fires at its near miss: {found:#?}", rule.code);
    }
    let told: BTreeSet<&str> = examples.iter().map(|e| e.code).collect();
    let missing: Vec<&str> = rules().map(|r| r.code).filter(|c| !told.contains(c)).collect();
    assert!(missing.is_empty(), "rules without an example: {missing:?}");
}

#[test]
fn the_true_cause_of_every_example_stands_among_the_first_three() {
    for example in examples() {
        let findings = explain(&example.fires);
        let codes: Vec<&str> = findings.iter().map(|f| &*f.code).collect();
        assert!(codes.iter().take(3).any(|c| *c == example.code), "{}: {codes:?}", example.code);
    }
}

#[test]
fn findings_are_worded_as_reports_need_them() {
    for example in examples() {
        for finding in explain(&example.fires) {
            for text in [&finding.cause].into_iter().chain(&finding.evidence).chain(&finding.next) {
                assert!(
                    !text.ends_with('.') && !text.contains('\n') && !text.contains("  "),
                    "{}: {text}",
                    finding.code
                );
                let first_word = text.split(' ').next().unwrap_or_default();
                let proper = first_word.chars().skip(1).any(char::is_uppercase);
                assert!(!text.starts_with(char::is_uppercase) || proper, "{}: {text}", finding.code);
            }
            assert!(!finding.next.is_empty(), "{} says nothing to do", finding.code);
            assert!(!finding.evidence.is_empty(), "{} has no evidence", finding.code);
        }
    }
}
