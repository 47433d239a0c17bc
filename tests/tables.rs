//! Rules over whole tables: names, words, examples, and a golden transcript for every row.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use authspec::diag::{Code, Diagnostics, Drawing, Severity, render};
use authspec::event::REASONS;
use authspec::plan::{Plan, PlanOptions, Selection};
use authspec::source::SourceMap;
use authspec::spec::{self, Input, Key};
use authspec::{auth, capture, check, cover, demo, diagnose, exec, mutate, plan, report, step, template, verdict};
use support::transcript::{Case, root, suites};

/// Reasons that no suite can bring about, with why.
const UNTRIGGERED: &[(&str, &str)] =
    &[("internal", "only a bug does"), ("interrupted", "tests/integration/interrupts.rs does")];

fn codes() -> impl Iterator<Item = &'static &'static Code> {
    let tables: [&[&Code]; 9] = [
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
    tables.into_iter().flatten()
}

/// Every table of the language: its name, and its rows with their words.
fn tables() -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
    let keys = |keys: &[Key]| keys.iter().map(|k| (k.name, k.about)).collect();
    vec![
        ("codes", codes().map(|c| (c.name, c.about)).collect()),
        ("reasons", REASONS.iter().map(|r| (r.name, r.about)).collect()),
        ("checks", check::CHECKS.iter().map(|c| (c.name, c.about)).collect()),
        ("operators", check::OPERATORS.iter().map(|o| (o.name, o.about)).collect()),
        ("sources", capture::SOURCES.iter().map(|s| (s.name, s.about)).collect()),
        ("cuts", capture::CUTS.iter().map(|c| (c.name, c.about)).collect()),
        ("schemes", auth::SCHEMES.iter().map(|s| (s.name, s.about)).collect()),
        ("functions", template::FUNCTIONS.iter().map(|f| (f.name, f.about)).collect()),
        ("formats", report::FORMATS.iter().map(|f| (f.name, f.about)).collect()),
        ("weaknesses", demo::WEAKNESSES.iter().map(|w| (w.id, w.about)).collect()),
        ("mutations", mutate::mutations().map(|m| (m.id, m.about)).collect()),
        ("packs", mutate::PACKS.iter().map(|p| (p.name, p.about)).collect()),
        ("with keys", keys(spec::WITH_KEYS)),
        ("rules", diagnose::rules().map(|r| (r.code, r.about)).collect()),
        ("metrics", cover::METRICS.iter().map(|m| (m.name, m.about)).collect()),
        ("coverage findings", cover::FINDINGS.iter().map(|f| (f.name, f.about)).collect()),
        ("step keys", keys(spec::STEP_KEYS)),
        ("case keys", keys(spec::CASE_KEYS)),
        ("each keys", keys(spec::EACH_KEYS)),
        ("xfail keys", keys(spec::XFAIL_KEYS)),
        ("suite keys", keys(spec::SUITE_KEYS)),
        ("shared keys", keys(spec::SHARED_KEYS)),
        ("project keys", keys(spec::PROJECT_KEYS)),
        ("access keys", keys(spec::ACCESS_KEYS)),
        ("row keys", keys(spec::ROW_KEYS)),
        ("missing keys", keys(spec::MISSING_KEYS)),
        ("outcome keys", keys(spec::OUTCOME_KEYS)),
        ("stance keys", keys(spec::STANCE_KEYS)),
        ("flow keys", keys(spec::FLOW_KEYS)),
        ("default keys", keys(spec::DEFAULT_KEYS)),
        ("target keys", keys(spec::TARGET_KEYS)),
        ("named target keys", keys(spec::NAMED_TARGET_KEYS)),
        ("tls keys", keys(spec::TLS_KEYS)),
        ("demo keys", keys(spec::DEMO_KEYS)),
        ("identity keys", keys(spec::IDENTITY_KEYS)),
        ("secret keys", keys(spec::SECRET_KEYS)),
    ]
}

#[test]
fn names_are_unique_and_written_one_way_in_each_table() {
    for (table, rows) in tables() {
        let names: BTreeSet<&str> = rows.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), rows.len(), "{table}: a name stands twice");
        for name in &names {
            let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
            assert!(plain, "{table}: `{name}`");
        }
        let kebab = names.iter().any(|n| n.contains('-'));
        let snake = names.iter().any(|n| n.contains('_'));
        assert!(!(kebab && snake), "{table} mixes `-` and `_`: {names:?}");
    }
}

#[test]
fn every_row_says_what_it_is() {
    for (table, rows) in tables() {
        for (name, about) in rows {
            assert!(about.len() > 8, "{table}: `{name}` says nothing");
            assert!(!about.ends_with('.') && !about.contains('\n'), "{table}: `{name}` is one sentence, no full stop");
            let first = about.chars().next().unwrap_or('x');
            // A proper name may begin it: `JUnit XML`, `METHOD target`.
            let word = about.split([' ', ',']).next().unwrap_or_default();
            let name_of_something = word.chars().skip(1).any(char::is_uppercase);
            assert!(!first.is_uppercase() || name_of_something, "{table}: `{name}` begins in lower case: {about}");
        }
    }
    for code in codes() {
        assert!(code.explain.ends_with('.'), "{}: whole sentences", code.name);
    }
    for reason in REASONS {
        assert!(reason.explain.ends_with('.'), "{}: whole sentences", reason.name);
    }
}

#[test]
fn every_fault_of_a_file_has_a_transcript_that_tells_it() {
    for code in codes() {
        let out = root().join("invalid").join(format!("{}.out", code.name));
        let text = fs::read_to_string(&out).unwrap_or_else(|_| panic!("{} is missing", out.display()));
        // What only a run finds may be a warning of the run, which reports tell by its code.
        let of_run = format!("\"code\":\"{}\"", code.name);
        let told = [format!("error[{}]", code.name), format!("warning[{}]", code.name), of_run];
        assert!(told.iter().any(|t| text.contains(t)), "{} does not tell `{}`", out.display(), code.name);
    }
}

#[test]
fn every_reason_has_a_suite_that_brings_it_about() {
    let odd = support::odd::start();
    let mut missing = Vec::new();
    for reason in REASONS.iter().filter(|r| UNTRIGGERED.iter().all(|(name, _)| *name != r.name)) {
        let suite = root().join("failed").join(format!("{}.yaml", reason.name));
        if !suite.is_file() {
            missing.push(format!("failed/{}.yaml", reason.name));
            continue;
        }
        let case = Case::new(&suite, &odd);
        let fired = case.outputs(&["--json", "-"]).any(|(_, output)| fires(&output.stdout, reason.name));
        if !fired {
            missing.push(format!("`{}` in {}", reason.name, suite.display()));
        }
    }
    assert!(missing.is_empty(), "missing: {missing:#?}");
}

/// Whether a case or a teardown of a JSON report gives a reason.
fn fires(json: &[u8], code: &str) -> bool {
    let report: serde_json::Value = serde_json::from_slice(json).unwrap_or_default();
    let all = ["cases", "teardowns"].into_iter().filter_map(|list| report[list].as_array()).flatten();
    let mut reasons = all.filter_map(|case| case["reasons"].as_array()).flatten();
    reasons.any(|reason| reason["code"] == code)
}

#[test]
fn every_check_has_a_transcript_in_which_it_holds_and_one_in_which_it_does_not() {
    for row in check::CHECKS {
        let out = root().join("failed").join(format!("check-{}.out", row.name));
        let text = fs::read_to_string(&out).unwrap_or_else(|_| panic!("{} is missing", out.display()));
        assert!(text.contains(" passed, ") && text.contains(" failed"), "{}", out.display());
    }
}

#[test]
fn rules_stand_on_a_document_and_many_are_shown_from_end_to_end() {
    let mut told = String::new();
    for suite in suites().iter().filter(|s| s.to_string_lossy().contains("failed")) {
        told.push_str(&fs::read_to_string(suite.with_extension("out")).unwrap_or_default());
    }
    let (mut all, mut shown) = (0, Vec::new());
    for rule in diagnose::rules() {
        all += 1;
        let taken = codes().any(|c| c.name == rule.code) || REASONS.iter().any(|r| r.name == rule.code);
        assert!(!taken, "`{}` is the code of something else", rule.code);
        assert!(rule.code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{}", rule.code);
        assert!(rule.explain.ends_with('.') && rule.explain.len() > 60, "{}: whole sentences", rule.code);
        assert!(rule.link.url.starts_with("https://") && rule.link.title.len() > 6, "{}: a document", rule.code);
        if told.contains(&format!("authspec explain {})", rule.code)) {
            shown.push(rule.code);
        }
    }
    assert!(shown.len() * 3 >= all, "only {} of {all} rules are in a transcript: {shown:?}", shown.len());
}

#[test]
fn every_row_of_the_language_is_used_by_a_suite() {
    let text_of = |suite: &Path| fs::read_to_string(suite).unwrap_or_default();
    let all: String =
        suites().iter().filter(|s| !s.to_string_lossy().contains("invalid")).map(|s| text_of(s)).collect();
    let mut all = all;
    for folder in ["ok/environments", "ok/exclude", "ok/extends", "ok/project"] {
        all.push_str(&text_of(&root().join(folder).join("authspec.yaml")));
    }
    let mut unused = Vec::new();
    for (table, rows) in tables() {
        let used: Box<dyn Fn(&str) -> bool> = match table {
            "codes" | "reasons" | "formats" | "weaknesses" | "rules" | "metrics" | "coverage findings"
            | "mutations" | "packs" => continue,
            "functions" => Box::new(|name| all.contains(&format!("| {name}")) || all.contains(&format!("{name}("))),
            "schemes" => Box::new(|name| all.contains(&format!("scheme: {name}"))),
            _ => Box::new(|name| has_key(&all, name)),
        };
        unused.extend(rows.iter().filter(|(name, _)| !used(name)).map(|(name, _)| format!("{table}: {name}")));
    }
    assert!(unused.is_empty(), "in no golden suite that runs: {unused:#?}");
}

fn has_key(text: &str, key: &str) -> bool {
    text.match_indices(&format!("{key}:")).any(|(at, _)| {
        let before = text[..at].chars().next_back().unwrap_or('\n');
        !before.is_alphanumeric() && before != '_' && before != '-'
    })
}

/// Everything that is wrong with a suite, drawn.
fn faults(suite: &str) -> String {
    let (mut sources, mut diags) = (SourceMap::default(), Diagnostics::default());
    let input = Input { paths: vec!["-".into()], stdin: Some(suite.to_owned()), folder: ".".into(), at: None };
    let suites = spec::load(&input, &mut sources, &mut diags);
    let options = PlanOptions {
        environment: None,
        target: None,
        vars: Vec::new(),
        variables: BTreeMap::new(),
        unset: Severity::Error,
        commands: authspec::plan::Commands::Run,
        selection: Selection::default(),
        now: jiff::Timestamp::UNIX_EPOCH,
    };
    let _ = Plan::from_suites(&suites, &options, &sources, &mut diags);
    render(&diags, &sources, &authspec::secret::SecretSet::new(), Drawing { colour: false, width: 100 })
}

#[test]
fn every_example_is_read_without_a_fault() {
    let expect = |name: &str, example: &str| format!("    expect:\n      {name}: {example}\n");
    let mut examples = Vec::new();
    for row in check::CHECKS {
        // Some look at the answer of an earlier step, and one that counts answers needs several.
        let before = "  - steps:\n    - { name: unknown user, request: GET /a }\n";
        let together = if row.name == "winners" { "      together: 2\n" } else { "" };
        let expected = expect(row.name, row.example).replace('\n', "\n  ");
        examples.push((row.name, format!("{before}    - request: GET /a\n{together}  {}", expected.trim_end())));
    }
    for row in check::OPERATORS {
        let json = format!("{{ $.a: {{ {}: {} }} }}", row.name, row.example);
        examples.push((row.name, format!("  - request: GET /a\n{}", expect("json", &json))));
    }
    let captures = capture::SOURCES.iter().map(|s| (s.name, s.example));
    for (name, example) in captures.chain(capture::CUTS.iter().map(|c| (c.name, c.example))) {
        examples.push((name, format!("  - request: GET /a\n    capture:\n      kept: {example}\n")));
    }
    for row in template::FUNCTIONS {
        let text = format!("{{{{ {} }}}}", row.example).replace('\'', "''");
        examples.push((row.name, format!("  - request: GET /a\n    headers: {{ X-Value: '{text}' }}\n")));
    }
    for (name, cases) in examples {
        let told = faults(&format!("target: demo\ncases:\n{cases}"));
        assert!(told.is_empty(), "`{name}`:\n{told}");
    }
}

#[test]
fn every_exit_code_is_seen_in_a_transcript() {
    let seen: String = suites().iter().filter_map(|s| fs::read_to_string(s.with_extension("out")).ok()).collect();
    for (code, about) in verdict::EXIT_CODES.iter().filter(|(code, _)| *code != verdict::INTERRUPTED) {
        assert!(seen.contains(&format!("exit {code}   authspec")), "{code}: {about}");
    }
}
