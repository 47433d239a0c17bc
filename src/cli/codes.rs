//! Everything that has a code and an explanation, gathered from the tables.

use crate::diag::Code;
use crate::diagnose::{self, Link};
use crate::event::{Certainty, REASONS, Verdict};
use crate::mutate::{self, Severity};
use crate::{auth, capture, check, cover, exec, plan, spec, step, template};

/// A code with its texts.
pub(super) struct Explained {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) about: &'static str,
    pub(super) explain: &'static str,
    /// Where it is written, for what stands on a document.
    pub(super) link: Option<Link>,
    /// Documents without an address.
    pub(super) refs: &'static [&'static str],
}

const VERDICTS: &[(Verdict, &str, &str)] = &[
    (
        Verdict::Passed,
        "every check held, controls included",
        "A refusal among the checks is counted as unproven when nobody was seen being allowed the same request. Exit code 0.",
    ),
    (
        Verdict::Flaky,
        "passed only after `--retry`",
        "The first attempt's reason is kept. Exit code 0, or 1 with `--fail-on flaky`.",
    ),
    (
        Verdict::Failed,
        "a check did not hold",
        "JUnit says `failure`. Exit code 1, unless `--fail-on SEVERITY` spares it: a deliberate defect that is milder is shown, and does not fail the run.",
    ),
    (
        Verdict::Blocked,
        "a login, setup or target failed first",
        "One cause, told once, with the number of cases it blocks. JUnit says `error`. Exit code 3.",
    ),
    (
        Verdict::Inconclusive,
        "it ran, but its result would prove nothing",
        "For example a refusal of somebody who was never allowed anything. JUnit says `error`. Exit code 3; `--tolerate inconclusive` lets it pass, and every report says so.",
    ),
    (
        Verdict::Errored,
        "there was no answer to judge",
        "Connection, timeout, TLS, a capture that found nothing, a teardown. JUnit says `error`. Exit code 3.",
    ),
    (
        Verdict::Skipped,
        "asked for by `skip`",
        "JUnit says `skipped`. A run in which everything is skipped ends with exit code 4.",
    ),
    (
        Verdict::NotRun,
        "never started, after `--fail-fast`, an interrupt or a deadline",
        "JUnit says `skipped`, with the reason.",
    ),
];

const fn kind(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Certain => "cause, certain where it is found",
        Certainty::Likely => "cause, likely where it is found",
        Certainty::Possible => "cause, possible where it is found",
    }
}

/// All codes: faults of files, reasons of cases, verdicts, causes.
pub(super) fn all() -> Vec<Explained> {
    let faults: [&[&'static Code]; 9] = [
        spec::diags::CODES,
        template::diags::CODES,
        check::diags::CODES,
        capture::diags::CODES,
        step::diags::CODES,
        auth::diags::CODES,
        plan::diags::CODES,
        exec::CODES,
        cover::diags::CODES,
    ];
    let faults = faults.into_iter().flatten().map(|c| Explained {
        name: c.name,
        kind: "fault of a file",
        about: c.about,
        explain: c.explain,
        link: None,
        refs: &[],
    });
    let reasons = REASONS.iter().map(|r| Explained {
        name: r.name,
        kind: "reason of a case",
        about: r.about,
        explain: r.explain,
        link: None,
        refs: &[],
    });
    let verdicts = VERDICTS.iter().map(|(v, about, explain)| Explained {
        name: v.word(),
        kind: "verdict",
        about,
        explain,
        link: None,
        refs: &[],
    });
    let rules = diagnose::rules().map(|r| Explained {
        name: r.code,
        kind: kind(r.certainty),
        about: r.about,
        explain: r.explain,
        link: Some(r.link),
        refs: &[],
    });
    faults.chain(reasons).chain(verdicts).chain(rules).collect()
}

/// The deliberate defects, for `explain`; they have a list of their own.
pub(super) fn defects() -> impl Iterator<Item = Explained> {
    mutate::mutations().map(|m| Explained {
        name: m.id,
        kind: match m.severity {
            Severity::Info => "deliberate defect, to be known when it is taken",
            Severity::Low => "deliberate defect, low when it is taken",
            Severity::Medium => "deliberate defect, medium when it is taken",
            Severity::High => "deliberate defect, high when it is taken",
            Severity::Critical => "deliberate defect, critical when it is taken",
        },
        about: m.about,
        explain: m.explain,
        link: None,
        refs: m.refs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_is_explained() {
        for verdict in Verdict::ALL {
            assert!(all().iter().any(|e| e.kind == "verdict" && e.name == verdict.word()), "{verdict:?}");
        }
    }

    #[test]
    fn faults_have_unique_names_and_texts() {
        let all = all();
        for (i, one) in all.iter().enumerate() {
            assert!(!one.about.is_empty() && !one.explain.is_empty(), "{}", one.name);
            assert!(all[i + 1..].iter().all(|o| o.kind != one.kind || o.name != one.name), "{} twice", one.name);
        }
    }
}
