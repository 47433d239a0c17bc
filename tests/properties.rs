//! What must hold for any input: reading never panics, reports can be read back, no secret gets out in any spelling.

mod support;

use std::fs;
use std::path::PathBuf;

use authspec::diag::{Diagnostics, Drawing, Severity, render};
use authspec::plan::{Plan, PlanOptions, Selection};
use authspec::source::SourceMap;
use authspec::spec::{self, Input};
use proptest::prelude::*;
use proptest::sample::Index;

#[path = "properties/documents.rs"]
mod documents;
#[path = "properties/faults.rs"]
mod faults;
#[path = "properties/secrets.rs"]
mod secrets;

/// Reads a text as a suite, makes the plan and draws what is wrong: everything before the first request.
fn read(paths: Vec<PathBuf>, stdin: Option<String>) -> String {
    read_at(80, paths, stdin)
}

fn read_at(width: usize, paths: Vec<PathBuf>, stdin: Option<String>) -> String {
    let (mut sources, mut diags) = (SourceMap::default(), Diagnostics::default());
    let suites = spec::load(&Input { paths, stdin, folder: ".".into(), at: None }, &mut sources, &mut diags);
    let options = PlanOptions {
        environment: None,
        target: None,
        vars: Vec::new(),
        variables: std::collections::BTreeMap::new(),
        unset: Severity::Warning,
        commands: authspec::plan::Commands::Run,
        selection: Selection::default(),
        now: jiff::Timestamp::UNIX_EPOCH,
    };
    let _ = Plan::from_suites(&suites, &options, &sources, &mut diags);
    render(&diags, &sources, &authspec::secret::SecretSet::new(), Drawing { colour: false, width })
}

/// Pieces that make a text nearly a suite.
fn piece() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "cases:\n",
        "  - ",
        "request: GET /a",
        "expect: ",
        "401",
        "{ ",
        " }",
        "[",
        "]",
        ": ",
        ", ",
        "\n",
        "\n    ",
        "\"",
        "'",
        "{{ ",
        " }}",
        "{% raw %}",
        "&a ",
        "*a",
        "<<: ",
        "|\n      ",
        ">-\n      ",
        "!t ",
        "#",
        "\t",
        "é",
        "\u{feff}",
        "$.a[0]",
        "as: ",
        "json: ",
        "headers: ",
        "capture: ",
        "steps: ",
        "matches: ",
        "(a|",
        "1e999",
        "0x1f",
        "~",
        "env.A",
        "not: ",
        "%",
        "\\",
        "---\n",
        "auth: ",
        "identities: ",
        "scheme: login",
        "vars: ",
        "null",
        "true",
        "within: ",
        "retry: ",
        "timeout: ",
        "-",
        "\r\n",
        "\u{0}",
    ];
    prop_oneof![4 => prop::sample::select(WORDS).prop_map(str::to_owned), 1 => "\\PC{0,6}"]
}

/// A way to damage a text.
#[derive(Debug, Clone)]
enum Damage {
    Insert(Index, String),
    Delete(Index, usize),
    Repeat(Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), piece()).prop_map(|(at, piece)| Damage::Insert(at, piece)),
        (any::<Index>(), 1..30usize).prop_map(|(at, n)| Damage::Delete(at, n)),
        (any::<Index>(), 1..60usize).prop_map(|(at, n)| Damage::Repeat(at, n)),
    ]
}

fn damaged(text: &str, damages: &[Damage]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for damage in damages {
        let (Damage::Insert(at, _) | Damage::Delete(at, _) | Damage::Repeat(at, _)) = damage;
        let at = at.index(chars.len() + 1);
        let until = |n: usize, chars: &[char]| at..(at + n).min(chars.len());
        match damage {
            Damage::Insert(_, piece) => _ = chars.splice(at..at, piece.chars()).count(),
            Damage::Delete(_, n) => _ = chars.drain(until(*n, &chars)).count(),
            Damage::Repeat(_, n) => {
                let part = chars[until(*n, &chars)].to_vec();
                _ = chars.splice(at..at, part).count();
            }
        }
    }
    chars.into_iter().collect()
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn no_text_makes_reading_panic(pieces in prop::collection::vec(piece(), 0..60)) {
        read(vec!["-".into()], Some(pieces.concat()));
    }

    #[test]
    fn no_damage_to_a_suite_makes_reading_panic(which in any::<Index>(), damages in prop::collection::vec(damage(), 1..6)) {
        let suites = support::transcript::suites();
        let text = fs::read_to_string(&suites[which.index(suites.len())]).unwrap_or_default();
        read(vec!["-".into()], Some(damaged(&text, &damages)));
    }
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a.yaml", "authspec.yaml", ".env"] {
            fs::write(folder.path().join(name), &bytes).expect("a file");
        }
        read(vec![folder.path().to_owned()], None);
    }
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn reports_can_be_read_back_whatever_a_server_sends(
        status in 200..600u16,
        reason in "[ -~]{0,12}",
        kind in prop::sample::select(vec!["application/json", "text/html", "text/plain; charset=latin1", "x/y", ""]),
        value in prop::collection::vec(prop_oneof![32..=255u8, Just(9)], 0..40),
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..400),
            "\\PC{0,100}".prop_map(String::into_bytes),
            "(\\]\\]>|<!\\[CDATA\\[|&|<|\u{1b}\\[31m|\u{202e}|\u{ffff}|\r|\n|\"|\\\\|a){0,60}".prop_map(String::into_bytes),
        ],
        name in "\\PC{1,30}",
    ) {
        let head = format!("HTTP/1.1 {status} {reason}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nx-odd: ", body.len());
        let answer = [head.as_bytes(), &value, b"\r\nconnection: close\r\n\r\n", &body].concat();
        let server = support::recorder::Recorder::start(move |_| answer.clone());
        let cases = serde_json::json!([
            { "name": name.clone(), "request": "GET /a", "expect": { "status": 599, "body": "something else", "json": { "$.a": 1 } } },
            { "name": format!("{name} again"), "request": "GET /b", "capture": { "kept": { "header": "X-Odd" } } },
        ]);
        let suite = serde_json::json!({ "target": server.url(), "cases": cases });
        let session = support::Session::new().file("odd.yaml", suite.to_string());
        let args = ["run", "odd.yaml", "-vv", "--junit", "j.xml", "--json", "r.json", "--events", "e.ndjson"];
        let output = session.run(&args);
        let told = support::told(&output);
        if output.status.code() == Some(2) {
            // Such a name is none: nothing but marks, or both names give the same id.
            return Ok(());
        }
        prop_assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{told}");
        let control = |c: char| c.is_control() && c != '\n';
        prop_assert!(!String::from_utf8_lossy(&output.stdout).contains(control), "{told:?}");

        let report: serde_json::Value = serde_json::from_str(&session.read("r.json")).expect("JSON");
        prop_assert_eq!(report["cases"].as_array().map_or(0, Vec::len), 2);
        let elements = support::xml_elements(&session.read("j.xml"));
        prop_assert_eq!(elements.iter().filter(|e| *e == "testcase").count(), 2);
        let events = session.read("e.ndjson");
        for (i, line) in events.lines().enumerate() {
            let event: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
            prop_assert_eq!(&event["seq"], i + 1);
        }
        prop_assert!(events.contains("run-finished"));
    }
}
