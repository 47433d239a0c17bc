//! Says why: rules that read the facts of an exchange and name the cause, its evidence and what to do.
//!
//! Pure: a rule sees [`Facts`] and nothing else, and finds something or nothing. It may say less than
//! is true, never more: a rule that is not sure is `likely` or `possible`, and where none fits, the
//! last one says so.
//!
//! To add a rule: 1. a [`Rule`] in the file of its family, with a function `&Facts -> Option<Found>`,
//! and its row in that file's table. 2. an example in the family's tests that fires it and a near miss
//! that does not; a test over the whole table asks for both. 3. where it can be, a suite
//! `tests/golden/failed/cause-<code>.yaml` that shows it from end to end.

use crate::event::{Certainty, Explanation, Outcome, Verdict};
use crate::evidence::Facts;
use crate::secret::{SecretSet, TextKind};
use crate::spec::life_cycle;

mod answer;
mod basic;
mod between;
mod changed;
mod cookie;
mod instead;
mod introspect;
mod let_in;
mod login;
mod redirect;
mod run;
mod scope;
mod sent;
mod session;
mod signed;
#[cfg(test)]
mod tests;
mod token;

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// The stable, kebab-case name.
    pub code: &'static str,
    /// What it finds, one sentence.
    pub about: &'static str,
    /// What to know and do about it, a few sentences.
    pub explain: &'static str,
    /// Where it is written.
    pub link: Link,
    /// How sure it is when it finds something.
    pub certainty: Certainty,
    /// Looks for it.
    pub find: fn(&Facts) -> Option<Found>,
}

/// A document that a rule stands on.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// What it is: `RFC 6750, section 3.1`.
    pub title: &'static str,
    /// Its address.
    pub url: &'static str,
}

/// Rules that look at the same thing.
#[derive(Debug)]
pub struct Family {
    /// What they look at, as a heading.
    pub title: &'static str,
    /// The rules, the most telling first.
    pub rules: &'static [Rule],
}

/// All rules. Their order decides among explanations of one certainty.
pub const RULES: &[Family] = &[
    sent::FAMILY,
    token::FAMILY,
    basic::FAMILY,
    signed::FAMILY,
    redirect::FAMILY,
    cookie::FAMILY,
    login::FAMILY,
    introspect::FAMILY,
    answer::FAMILY,
    between::FAMILY,
    session::FAMILY,
    let_in::FAMILY,
    instead::FAMILY,
    run::FAMILY,
];

/// Rules that say little more than that something was refused: left out where another one finds a cause.
const LAST: &[&str] = &["never-accepted", "token-refused", "unexplained"];

/// Rules about who may do what: not about a credential that ought to be refused whoever has it.
const OF_RIGHTS: &[&str] = &["let-in-as-sent", "let-in-without-right", "let-in-without-credential"];

/// Whoever changed something deliberately is told of that, and not of what else could be wrong with the identity: only a
/// lock is beside it.
const CHANGED: &[&str] = &["changed-refused", "changed-accepted"];
const BESIDE_CHANGED: &str = "account-locked";

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// One sentence, a lower-case fragment without a full stop.
    pub cause: String,
    /// What shows it.
    pub evidence: Vec<String>,
    /// What to do next.
    pub next: Vec<String>,
}

impl Found {
    /// Begins with the cause.
    fn new(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), evidence: Vec::new(), next: Vec::new() }
    }

    /// Adds a piece of evidence.
    fn seen(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    /// Adds a piece of evidence, if there is one.
    fn seen_if(mut self, evidence: Option<String>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// Adds a step to take.
    fn next(mut self, step: impl Into<String>) -> Self {
        self.next.push(step.into());
        self
    }
}

/// Lists all rules in their order.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().flat_map(|family| family.rules)
}

/// Explains facts: every explanation, the most certain first. What is only possible is left out where a
/// cause is certain.
pub fn explain(facts: &Facts) -> Vec<Explanation> {
    let mut found: Vec<Explanation> = rules()
        .filter_map(|rule| {
            let Found { cause, evidence, next } = (rule.find)(facts)?;
            Some(Explanation { code: rule.code.into(), certainty: rule.certainty, cause, evidence, next, step: None })
        })
        .collect();
    if found.iter().any(|f| CHANGED.contains(&&*f.code)) {
        found.retain(|f| CHANGED.contains(&&*f.code) || f.code == BESIDE_CHANGED);
    }
    found.sort_by_key(|f| f.certainty);
    let is_last = |f: &Explanation| LAST.contains(&&*f.code);
    if found.iter().any(|f| f.certainty != Certainty::Possible && !is_last(f)) {
        found.retain(|f| !is_last(f));
    } else if found.len() > 1 {
        found.retain(|f| f.code != "unexplained");
    }
    if found.first().is_some_and(|f| f.certainty == Certainty::Certain) {
        found.retain(|f| f.certainty != Certainty::Possible);
    }
    found
}

/// Explains facts for people, masked once more: facts were taken before all secrets were known.
pub fn told(facts: &Facts, secrets: &SecretSet) -> Vec<Explanation> {
    let mask = |text: &mut String| *text = secrets.mask_text(TextKind::Plain, text);
    let mut found = explain(facts);
    for one in &mut found {
        mask(&mut one.cause);
        one.evidence.iter_mut().chain(&mut one.next).for_each(mask);
    }
    found
}

/// Adds to an outcome what explains it.
pub fn annotate(outcome: &mut Outcome, secrets: &SecretSet) {
    outcome.causes = explain_outcome(outcome, secrets);
}

/// Explains an outcome that did not pass, by the facts of the step it is about.
fn explain_outcome(outcome: &Outcome, secrets: &SecretSet) -> Vec<Explanation> {
    match outcome.verdict {
        Verdict::Failed | Verdict::Blocked | Verdict::Inconclusive | Verdict::Errored => {}
        Verdict::Passed | Verdict::Flaky | Verdict::Skipped | Verdict::NotRun => return Vec::new(),
    }
    let has_facts = |i: &usize| outcome.steps.get(*i).is_some_and(|s| s.facts.is_some());
    let named = outcome.reasons.iter().filter_map(|r| r.step).find(has_facts);
    let Some(step) = named else { return Vec::new() };
    let Some(facts) = outcome.steps[step].facts.as_deref() else { return Vec::new() };
    let mut found = told(facts, secrets);
    // What a defect was let in for, its own row says; a life cycle its flow.
    let lives = outcome.steps[step].flows.iter().any(|flow| life_cycle(&flow.name).is_some());
    if outcome.with.is_some() || lives {
        found.retain(|f| !OF_RIGHTS.contains(&&*f.code));
    }
    found.iter_mut().for_each(|f| f.step = Some(step));
    found
}

/// A section of an RFC.
const fn rfc(title: &'static str, url: &'static str) -> Link {
    Link { title, url }
}
