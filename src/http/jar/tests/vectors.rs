//! The vectors of abarth/http-state, read from `$AUTHSPEC_VECTORS/http-state` when it is set.
//! They judge RFC 6265; each exception says where the draft has moved on.

use std::path::PathBuf;

use serde::Deserialize;

use super::super::parse_cookie_date;
use super::*;

/// Cases whose expectation is not the draft's, with the reason.
const EXCEPTIONS: [(&[&str], &str); 4] = [
    (
        &[
            "0004",
            "0021",
            "0023",
            "0024",
            "0025",
            "0026",
            "0027",
            "0028",
            "CHROMIUM0009",
            "CHROMIUM0010",
            "CHROMIUM0012",
            "MOZILLA0012",
            "MOZILLA0014",
            "MOZILLA0015",
            "MOZILLA0016",
            "MOZILLA0017",
            "NAME0017",
            "NAME0023",
            "NAME0025",
            "NAME0028",
            "NAME0031",
            "NAME0032",
            "NAME0033",
        ],
        "a pair without a name is a cookie now and travels as its bare value (5.6 and 5.8.3)",
    ),
    (
        &["DISABLED_CHROMIUM0022", "DISABLED_CHROMIUM0023"],
        "a control character refuses the whole cookie (5.6); its authors had switched this off",
    ),
    (&["DISABLED_PATH0029"], "paths are compared undecoded (5.1.4); its authors had switched this off"),
    (
        &["OPTIONAL_DOMAIN0042"],
        "the last Domain counts even if it is empty, so this is a cookie for the host alone (5.7)",
    ),
];

#[derive(Deserialize)]
struct Case {
    test: String,
    received: Vec<String>,
    sent: Vec<Pair>,
    #[serde(rename = "sent-to")]
    sent_to: Option<String>,
}

#[derive(Deserialize)]
struct Pair {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct DateCase {
    test: String,
    expected: Option<String>,
}

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("AUTHSPEC_VECTORS").map(|root| PathBuf::from(root).join("http-state"));
    if folder.is_none() {
        println!("skipped: AUTHSPEC_VECTORS is not set");
    }
    folder
}

/// Reads a JSON file, past the comment lines that some of them start with.
fn read<T: for<'a> Deserialize<'a>>(folder: &std::path::Path, name: &str) -> Vec<T> {
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let json: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    serde_json::from_str(&json.join("\n")).unwrap()
}

/// Plays one case as its authors do and returns the `Cookie` field.
fn play(case: &Case) -> String {
    let from = format!("http://home.example.org:8888/cookie-parser?{}", case.test.to_ascii_lowercase());
    let from = url(&from);
    let result = url(&format!("http://home.example.org:8888/cookie-parser-result?{}", case.test));
    let to = case.sent_to.as_deref().map_or(result.clone(), |to| result.join(to).unwrap());
    // The vectors are from 2011 and hold dates of 2019 that are meant to lie in the future.
    let now: Timestamp = "2011-04-01T00:00:00Z".parse().unwrap();
    let mut jar = Jar::new();
    for field in &case.received {
        jar.store(field.as_bytes(), &from, now);
    }
    let header = jar.cookies_for(&to, now, SendContext::default()).header();
    String::from_utf8(header.unwrap_or_default()).unwrap()
}

#[test]
fn http_state_parser_cases() {
    let Some(folder) = folder() else { return };
    let cases: Vec<Case> = read(&folder, "parser.json");
    assert!(cases.len() >= 200);
    let mut differing = Vec::new();
    for case in &cases {
        let pairs: Vec<String> = case.sent.iter().map(|p| format!("{}={}", p.name, p.value)).collect();
        let (expected, actual) = (pairs.join("; "), play(case));
        let exception = EXCEPTIONS.iter().find(|(tests, _)| tests.contains(&case.test.as_str()));
        match exception {
            None if actual != expected => {
                differing.push(format!("{}: {actual} instead of {expected}", case.test));
            }
            Some((_, why)) if actual == expected => {
                differing.push(format!("{} is no exception: {why}", case.test));
            }
            None | Some(_) => {}
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn http_state_dates() {
    let Some(folder) = folder() else { return };
    for name in ["examples.json", "bsd-examples.json"] {
        let cases: Vec<DateCase> = read(&folder, name);
        assert!(cases.len() >= 10);
        for DateCase { test, expected } in cases {
            let read = parse_cookie_date(test.as_bytes());
            let expected = expected.map(|text| {
                let moment = parse_cookie_date(text.as_bytes());
                assert!(moment.is_some(), "{text}");
                moment
            });
            assert_eq!(read, expected.flatten(), "{name}: {test}");
        }
    }
}
