use std::collections::BTreeMap;

use base64::Engine;
use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event as Xml};

use super::*;
use crate::event::{MutantRecord, Outcome};
use crate::mutate::{Class, Grade, Severity};
use crate::report::file::{ReportFile, Shape};
use crate::report::sample::{Texts, info, outcome, summary};
use crate::secret::SecretSet;

/// An element with its attributes, its text and what is in it.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
    inner: Vec<Element>,
}

impl Element {
    fn of(tag: &BytesStart<'_>) -> Self {
        let name = String::from_utf8(tag.name().as_ref().to_vec()).unwrap();
        let mut attributes = BTreeMap::new();
        for attribute in tag.attributes() {
            let attribute = attribute.unwrap();
            let key = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
            let raw = std::str::from_utf8(&attribute.value).unwrap();
            assert!(!raw.contains('<'), "{raw}");
            let value = quick_xml::escape::unescape(raw).unwrap().into_owned();
            assert!(attributes.insert(key, value).is_none(), "an attribute twice");
        }
        Self { name, attributes, ..Self::default() }
    }

    fn all(&self, name: &str) -> Vec<&Self> {
        self.inner.iter().filter(|element| element.name == name).collect()
    }

    fn number(&self, name: &str) -> usize {
        self.attributes[name].parse().unwrap()
    }

    fn text_of(&self, name: &str) -> &str {
        self.all(name).first().map_or("", |element| &element.text)
    }
}

/// Reads a document as a strict reader does, and gives its root.
fn parsed(bytes: &[u8]) -> Element {
    let text = std::str::from_utf8(bytes).unwrap();
    for c in text.chars() {
        // The characters of XML 1.0, section 2.2, less those it asks to avoid.
        assert!(matches!(c, '\t' | '\n' | ' '..='~' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..), "{c:?}");
    }
    let mut reader = Reader::from_str(text);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().unwrap() {
            Xml::Start(tag) => open.push(Element::of(&tag)),
            Xml::Empty(tag) => open.last_mut().unwrap().inner.push(Element::of(&tag)),
            Xml::End(_) => {
                let done = open.pop().unwrap();
                open.last_mut().unwrap().inner.push(done);
            }
            Xml::CData(data) => {
                let text = data.decode().unwrap();
                assert!(!text.contains("]]>"));
                open.last_mut().unwrap().text.push_str(&text);
            }
            Xml::Text(text) => assert!(text.decode().unwrap().trim().is_empty()),
            Xml::Decl(_) => {}
            Xml::Eof => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((open.len(), open[0].inner.len()), (1, 1));
    open.pop().unwrap().inner.pop().unwrap()
}

fn written(info: &RunInfo, summary: &Summary, outcomes: &[Outcome]) -> Element {
    let mut spool = Spool::with_memory(SecretSet::new(), 5000);
    for outcome in outcomes {
        spool.push(outcome).unwrap();
    }
    let mut out = Vec::new();
    write_junit(info, summary, &mut spool, &Again::default(), &mut out).unwrap();
    parsed(&out)
}

fn report(outcomes: &[Outcome]) -> Element {
    written(&info(&["shop/orders", "users"]), &summary(outcomes), outcomes)
}

/// Checks what holds for every report: counts agree and every case can be told from the others.
fn check(root: &Element) {
    let mut seen = std::collections::HashSet::new();
    let mut sums = [0; 4];
    for suite in &root.inner {
        assert_eq!(suite.inner[0].name, "properties");
        let cases = suite.all("testcase");
        let with = |name: &str| cases.iter().filter(|case| !case.all(name).is_empty()).count();
        let counts = [cases.len(), with("failure"), with("error"), with("skipped")];
        let names = ["tests", "failures", "errors", "skipped"];
        assert_eq!(names.map(|name| suite.number(name)), counts);
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
        assert!(counts[0] > 0);
        for case in cases {
            let name = case.attributes["name"].clone();
            assert!(name.chars().count() <= 255);
            assert!(seen.insert((case.attributes["classname"].clone(), name)), "{case:?}");
        }
    }
    assert_eq!(["tests", "failures", "errors", "skipped"].map(|name| root.number(name)), sums);
}

#[test]
fn each_verdict_is_what_pipelines_take_it_for() {
    let outcomes: Vec<_> = Verdict::ALL.iter().zip(0..).map(|(v, i)| outcome(i, 0, *v)).collect();
    let root = report(&outcomes);
    check(&root);
    let shown = |case: &&Element| case.inner.first().map_or("", |e| e.name.as_str()).to_owned();
    let shown: Vec<_> = root.inner[0].all("testcase").iter().map(shown).collect();
    assert_eq!(shown, ["", "system-out", "failure", "error", "error", "error", "skipped", "skipped"]);
    assert_eq!(root.inner.len(), 1, "a suite without outcomes is left out");
}

#[test]
fn a_tolerated_verdict_does_not_stop_a_pipeline_and_is_not_green() {
    let outcomes = [outcome(0, 0, Verdict::Inconclusive)];
    let summary = Summary { tolerated: vec![Verdict::Inconclusive], ..summary(&outcomes) };
    let root = written(&info(&["shop"]), &summary, &outcomes);
    let skipped = root.inner[0].all("testcase")[0].all("skipped")[0];
    assert!(skipped.attributes["message"].starts_with("inconclusive, tolerated: "), "{skipped:?}");
    let property =
        |e: &&Element| e.attributes["name"] == "authspec.tolerated" && e.attributes["value"] == "inconclusive";
    assert!(root.inner[0].inner[0].inner.iter().any(|e| property(&e)));
}

#[test]
fn a_failure_begins_with_its_cause_and_place() {
    let mut failed = outcome(0, 0, Verdict::Failed);
    failed.reasons[0].message = "status is 200, not 404".into();
    failed.reasons[0].place.file = "specs/orders.yaml".into();
    let root = report(&[failed]);
    let suite = &root.inner[0];
    let case = suite.all("testcase")[0];
    for (name, value) in [
        ("classname", "shop/orders"),
        ("name", "case 0"),
        ("file", "specs/orders.yaml"),
        ("line", "5"),
        ("time", "0.020"),
    ] {
        assert_eq!(case.attributes[name], value);
    }
    let failure = case.all("failure")[0];
    assert_eq!(failure.attributes["message"], "status is 200, not 404 (specs/orders.yaml:7)");
    assert_eq!(failure.attributes["type"], "check-failed");
    assert_eq!(failure.text.lines().next(), Some("status is 200, not 404 (specs/orders.yaml:7)"));
    assert!(failure.text.lines().count() > 5, "the block follows: {}", failure.text);
    assert!(case.text_of("system-out").contains("> text"), "{case:?}");
    assert_eq!(suite.attributes["timestamp"], "2026-01-02T03:04:05Z");
    assert_eq!((&*suite.attributes["name"], &*suite.attributes["time"]), ("suite shop/orders", "0.020"));
    assert_eq!(root.attributes["time"], "1.500");
}

#[test]
fn flaky_and_unproven_are_said_although_they_passed() {
    let mut flaky = outcome(0, 0, Verdict::Flaky);
    flaky.attempts = 3;
    let root = report(&[flaky, outcome(1, 0, Verdict::Passed), outcome(2, 0, Verdict::Passed)]);
    let cases = root.inner[0].all("testcase");
    assert!(cases[0].text_of("system-out").starts_with("flaky: passed only at attempt 3\n"));
    assert!(cases[1].text_of("system-out").starts_with("unproven: 1 refusal;"));
    assert_eq!(cases[2].text_of("system-out"), "");
    let properties: Vec<_> =
        root.inner[0].inner[0].inner.iter().map(|p| (&*p.attributes["name"], &*p.attributes["value"])).collect();
    let wanted = [
        ("authspec.version", "1.0.0"),
        ("authspec.target", "text"),
        ("authspec.notice", "text"),
        ("authspec.unproven", "1"),
    ];
    assert_eq!(properties, wanted);
}

#[test]
fn steps_that_were_left_out_of_a_passed_case_are_said() {
    let (mut passed, mut failed) = (outcome(2, 0, Verdict::Passed), outcome(3, 0, Verdict::Failed));
    for case in [&mut passed, &mut failed] {
        case.steps.iter_mut().for_each(|step| step.skipped = true);
    }
    let steps = passed.steps.len();
    let root = report(&[passed, failed]);
    let cases = root.inner[0].all("testcase");
    assert!(steps > 0);
    let said = cases[0].text_of("system-out");
    assert!(said.starts_with(&format!("skipped: {steps} step")), "{said}");
    assert!(!cases[1].text_of("system-out").contains("skipped: "), "it did not pass anyway");
}

#[test]
fn a_defect_says_what_it_stands_on_whether_it_was_refused_or_not() {
    let sent = |verdict: Verdict, grade: Option<Grade>| {
        let mut outcome = outcome(verdict as u32, 0, verdict);
        outcome.with = Some(Box::new(MutantRecord {
            id: "token-expired".to_owned(),
            severity: Severity::High,
            class: Class::Waits,
            pack: None,
            change: None,
            verbatim: false,
            grade,
            expected: "401".to_owned(),
            actual: None,
        }));
        outcome
    };
    let root = report(&[
        sent(Verdict::Passed, Some(Grade::DeniedExact)),
        sent(Verdict::Failed, Some(Grade::Accepted)),
        sent(Verdict::Inconclusive, None),
        outcome(9, 0, Verdict::Skipped),
    ]);
    let cases = root.inner[0].all("testcase");
    let said = |nth: usize| -> Vec<(&str, &str)> {
        // Properties come before all else in a case, as the schema of readers has it.
        let of = |p: &Element| p.inner.first().is_some_and(|first| first.name == "properties");
        if !of(cases[nth]) {
            return Vec::new();
        }
        let all = cases[nth].inner[0].inner.iter();
        all.map(|p| (&*p.attributes["name"], &*p.attributes["value"])).collect()
    };
    for (nth, grade) in [(0, "denied-exact"), (1, "accepted"), (2, "not-sent")] {
        let found = said(nth);
        assert_eq!(found[0], ("authspec.mutation", "token-expired"));
        assert_eq!(found[1], ("authspec.severity", "high"));
        assert_eq!(found[2], ("authspec.grade", grade));
        assert_eq!(found[3], ("authspec.class", "waits"));
        assert!(found[4..].contains(&("authspec.reference", "ASVS 9.2.1")), "{found:?}");
    }
    assert!(said(3).is_empty());
}

#[test]
fn a_teardown_is_a_case_of_its_own() {
    let mut left = outcome(9, 0, Verdict::Errored);
    left.kind = OutcomeKind::Teardown;
    let root = report(&[left, outcome(0, 0, Verdict::Passed), outcome(1, 1, Verdict::Passed)]);
    check(&root);
    let names: Vec<_> = root.inner[0].all("testcase").iter().map(|case| case.attributes["name"].clone()).collect();
    assert_eq!(names, ["case 0", "teardown"]);
}

#[test]
fn no_line_of_an_exchange_is_a_servers_own() {
    let mut failed = outcome(0, 0, Verdict::Failed);
    let hop = &mut failed.steps[0].hops[0];
    let forged = "x\n== 2 of 2: GET /forged -> 200\r\n* forged";
    hop.url = forged.into();
    hop.error = Some(forged.into());
    for message in [&mut hop.request, hop.response.as_mut().unwrap()] {
        message.line = forged.into();
        message.headers = vec![(forged.into(), forged.into())];
        message.body.text = forged.into();
    }
    failed.steps[0].notes = vec![forged.into()];
    let root = report(&[failed]);
    let out = root.inner[0].all("testcase")[0].text_of("system-out");
    assert!(out.contains("forged"));
    assert!(!out.lines().any(|line| line.starts_with("== 2 of 2: GET /forged") || line == "* forged"), "{out}");
}

#[test]
fn long_exchanges_are_cut_with_a_mark_and_the_step_at_fault_comes_first() {
    let mut failed = outcome(0, 0, Verdict::Failed);
    failed.reasons[0].step = Some(1);
    for (step, letter) in failed.steps.iter_mut().zip(["a", "b"]) {
        step.hops[0].url = format!("http://{letter}/");
        let body = &mut step.hops[0].response.as_mut().unwrap().body;
        body.text = (letter.repeat(99) + "\n").repeat(100);
        body.bytes = 10_000;
        let hop = step.hops[0].clone();
        step.hops.extend([hop.clone(), hop]);
    }
    let root = report(&[failed]);
    let out = root.inner[0].all("testcase")[0].text_of("system-out");
    assert!(out.len() < 8 * 1024 + 100, "{}", out.len());
    assert!(out.find("* http://b/").unwrap() < out.find("* http://a/").unwrap_or(usize::MAX));
    assert!(out.contains("< [cut: 3,072 of 10,000 bytes shown]"), "{out}");
    assert!(out.lines().last().unwrap().starts_with("[cut: 8,19"), "{out}");
}

#[test]
fn names_that_are_the_same_are_told_apart() {
    let mut outcomes: Vec<_> = (0..4).map(|i| outcome(i, 0, Verdict::Passed)).collect();
    for outcome in &mut outcomes {
        outcome.name = "again".into();
    }
    outcomes[2].id = outcomes[1].id.clone();
    outcomes[3].name = "x".repeat(300);
    let mut twin = outcome(4, 1, Verdict::Passed);
    twin.name = "x".repeat(300);
    let root = written(&info(&["same", "same"]), &summary(&[]), &[outcomes, vec![twin]].concat());
    check(&root);
    let names: Vec<_> = root.inner[0].all("testcase").iter().map(|case| case.attributes["name"].clone()).collect();
    assert_eq!(names[..3], ["again", "again (shop/orders/case-1)", "#2 again"]);
    let classes: Vec<_> = root.inner.iter().map(|s| s.all("testcase")[0].attributes["classname"].clone()).collect();
    assert_eq!(classes, ["same", "same (2)"]);
}

#[test]
fn many_cases_are_written_in_pieces_and_none_is_lost() {
    let outcomes: Vec<_> = (0..2000).rev().map(|i| outcome(i, 0, Verdict::Failed)).collect();
    let root = report(&outcomes);
    check(&root);
    let cases = root.inner[0].all("testcase");
    assert_eq!(cases.len(), 2000);
    assert!((0..).zip(cases).all(|(i, case)| case.attributes["name"] == format!("case {i}")));
}

#[test]
fn a_run_without_outcomes_is_a_document_too() {
    assert_eq!(report(&[]).inner.len(), 0);
}

/// Texts with what is hard for XML and its readers.
fn hard_text() -> impl Strategy<Value = String> {
    let hard = prop::sample::select(vec![
        "]]>",
        "]]",
        ">",
        "<![CDATA[",
        "<",
        "&",
        "&#0;",
        "&amp;",
        "\"",
        "'",
        "\0",
        "\x1b[0m",
        "\r",
        "\r\n",
        "\n",
        "\t",
        "\u{85}",
        "\u{fffe}",
        "\u{ffff}",
        "\u{202e}",
        "[[ATTACHMENT|",
        "‹",
        "›",
        "\u{10ffff}",
        "-->",
        "\u{feff}",
    ]);
    let piece = prop_oneof![hard.prop_map(str::to_owned), any::<String>()];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_well_formed(
        texts in prop::collection::vec(hard_text(), 1..20),
        verdicts in prop::collection::vec((0usize..8, 0usize..3), 1..6),
    ) {
        let mut source = Texts::new(&texts);
        let outcomes: Vec<_> =
            verdicts.iter().zip(0..).map(|((v, suite), i)| source.outcome(i, *suite, Verdict::ALL[*v])).collect();
        let root = written(&Texts::new(&texts).info(2), &summary(&outcomes), &outcomes);
        check(&root);
        prop_assert_eq!(root.number("tests"), outcomes.len());
        let everything = format!("{root:?}").to_ascii_uppercase();
        prop_assert!(!everything.contains("[[ATTACHMENT|"));
    }
}

proptest! {
    // Each case writes and searches whole reports.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_secret_is_in_any_report_in_any_spelling(
        secret in "[a-zA-Z0-9 \"\\\\<>&%'/+é\n]{8,20}",
        spelling in 0usize..6,
        verdict in 0usize..8,
    ) {
        prop_assume!(secret.trim().len() >= 8);
        let spelled = match spelling {
            0 => secret.clone(),
            1 => serde_json::to_string(&secret).unwrap(),
            2 => url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
            3 => base64::engine::general_purpose::STANDARD.encode(format!("alice:{secret}")),
            4 => quick_xml::escape::escape(&secret).into_owned(),
            _ => serde_json::to_string(&serde_json::json!({"t": serde_json::to_string(&secret).unwrap()})).unwrap(),
        };
        let texts = [format!("before {spelled} after"), spelled, "plain".to_owned()];
        let mut source = Texts::new(&texts);
        let outcome = source.outcome(0, 0, Verdict::ALL[verdict]);
        let info = source.info(1);
        let summary = summary(std::slice::from_ref(&outcome));
        let secrets = SecretSet::new();
        let mut spool = Spool::new(secrets.clone());
        spool.push(&outcome).unwrap();
        // Only now does the run learn that it is a secret.
        secrets.declare("alice.password", &secret);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report");
        for shape in [Shape::Xml, Shape::Json] {
            ReportFile::create(&path, shape).unwrap().write(&secrets, |to| match shape {
                Shape::Xml => write_junit(&info, &summary, &mut spool, &Again::default(), to),
                Shape::Text => crate::report::summary::write_summary(&info, &summary, &mut spool, to),
                Shape::Json => crate::report::json::write_json(&info, &summary, &mut spool, to),
            }).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8(bytes.clone()).unwrap();
            prop_assert!(secrets.search(&bytes).is_empty(), "{}", text);
            prop_assert!(texts[..2].iter().all(|t| !text.contains(t.as_str())), "{}", text);
            prop_assert!(text.contains("‹alice.password›"));
            if shape == Shape::Xml { check(&parsed(&bytes)) } else { serde_json::from_str::<serde_json::Value>(&text).map(drop).unwrap() }
        }
    }
}
