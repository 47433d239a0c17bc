//! `vary` reaches every parameter of every exchange that a scheme of the demo has, and the suites hold each to the server.
//!
//! What there is to vary is read off the wire: the identities of one suite log in, refresh and log out, and what they sent
//! is taken apart. So a parameter that a flow learns to send is missed here until it can be varied and is.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first thing that is not there")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::support::{Session, told};

/// Whose talks are looked at.
const SUITE: &str = "login-parameters.yaml";

/// Exchange and parameter.
type Parameter = (&'static str, String);

/// The identities of the suite: whether they can be refreshed, and logged out.
const PEOPLE: &[(&str, bool, bool)] = &[
    ("alice_app", true, true),
    ("alice-page", true, true),
    ("alice-pushed", true, true),
    ("alice-leaving", false, true),
    ("alice-old", true, true),
    ("alice-tv", true, true),
    ("worker", false, false),
    ("worker-post", false, false),
    ("worker-key", false, false),
    ("worker-hmac", false, false),
    ("robot", false, false),
    ("passed", false, false),
];

fn specs() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/specs"))
}

/// The suite with other cases.
fn suite_with(cases: &str) -> String {
    let text = std::fs::read_to_string(specs().join(SUITE)).unwrap();
    let (declared, _) = text.split_once("\ncases:\n").unwrap();
    format!("target: demo\n{declared}\ncases:\n{cases}")
}

/// Runs cases in the place of the suite's, and gives the JSON and HAR reports.
fn run(cases: &str) -> (Value, Value) {
    let key = std::fs::read(specs().join("data/client-key.pem")).unwrap();
    let session = Session::new().file("suite.yaml", suite_with(cases)).file("data/client-key.pem", key);
    let output = session.run(&["run", "suite.yaml", "--json", "results.json", "--har", "run.har", "-q"]);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", told(&output));
    let read = |name: &str| serde_json::from_str(&session.read(name)).unwrap();
    (read("results.json"), read("run.har"))
}

fn names(pairs: &str) -> Vec<String> {
    pairs.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split('=').next().unwrap().to_owned()).collect()
}

/// The exchange that a request belongs to, by the demo's paths, and its parameters.
fn exchange(request: &Value) -> Option<(&'static str, Vec<String>)> {
    let method = request["method"].as_str()?;
    let url = request["url"].as_str()?;
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let path = address.splitn(4, '/').nth(3)?;
    let mut body = names(request["postData"]["text"].as_str().unwrap_or_default());
    let is_basic =
        |h: &Value| h["name"] == "authorization" && h["value"].as_str().is_some_and(|v| v.starts_with("Basic"));
    if request["headers"].as_array()?.iter().any(is_basic) {
        body.extend(["client_id", "client_secret"].map(str::to_owned));
    }
    let refreshes = body.iter().any(|name| name == "refresh_token");
    let (label, parameters) = match (method, path) {
        ("POST", "oauth/token") => (if refreshes { "refresh" } else { "token" }, body),
        ("POST", "oauth/par") => ("par", body),
        ("POST", "oauth/device_authorization") => ("device", body),
        ("POST", "oauth/revoke") => ("revoke", body),
        ("GET", "oauth/authorize") => ("authorize", names(query)),
        ("GET", "oauth/logout") => ("end_session", names(query)),
        ("GET", "oauth/device") => ("page", names(query)),
        ("POST", "oauth/device") => ("consent", body),
        ("POST", _) if path.ends_with("/login") => ("form", body),
        ("POST", _) if path.ends_with("/consent") => ("consent", body),
        _ => return None,
    };
    Some((label, parameters))
}

/// The value of a parameter as the report has it: a secret is masked there.
fn value_of(request: &Value, name: &str) -> Option<String> {
    let (_, query) = request["url"].as_str()?.split_once('?').unwrap_or_default();
    let body = request["postData"]["text"].as_str().unwrap_or_default();
    let mut pairs = query.split('&').chain(body.split('&')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(own, _)| *own == name).map(|(_, value)| value.to_owned())
}

fn entries(har: &Value) -> &Vec<Value> {
    har["log"]["entries"].as_array().unwrap()
}

/// What each identity sends in its own talks, by the HAR of a run in which each case is named for who talks.
fn learn() -> BTreeMap<&'static str, BTreeSet<Parameter>> {
    let mut cases = String::new();
    for (name, refresh, logout) in PEOPLE {
        let more = [(refresh, "refresh"), (logout, "logout")].map(|(has, talk)| {
            if *has { format!(", {{ request: {talk}, expect: {{ status: [200, 303] }} }}") } else { String::new() }
        });
        let _ = writeln!(
            cases,
            "  - {{ name: talk {name}, as: {name}, session: fresh, steps: [{{ request: login, expect: 200 }}{}] }}",
            more.concat()
        );
    }
    let (results, har) = run(&cases);
    assert_eq!(results["exit"], 0, "{results:#}");
    let mut all: BTreeMap<&str, BTreeSet<Parameter>> = BTreeMap::new();
    for entry in entries(&har).iter().filter(|entry| entry["_phase"] == "case") {
        let case = entry["_case"].as_str().unwrap().to_lowercase();
        let person = PEOPLE.iter().find(|(name, ..)| case.ends_with(&format!("talk-{}", name.replace('_', "-"))));
        let Some(((label, parameters), (name, ..))) = exchange(&entry["request"]).zip(person) else { continue };
        all.entry(name).or_default().extend(parameters.into_iter().map(|parameter| (label, parameter)));
    }
    assert_eq!(all.len(), PEOPLE.len(), "{all:?}");
    all
}

fn talk(label: &str) -> &'static str {
    match label {
        "refresh" => "refresh",
        "revoke" | "end_session" => "logout",
        _ => "login",
    }
}

#[test]
fn every_parameter_of_every_exchange_is_reached() {
    let all = learn();
    let mut cases = String::new();
    let mut wanted = Vec::new();
    for (name, parameters) in &all {
        for (label, parameter) in parameters {
            for is_null in [true, false] {
                let at = wanted.len();
                // Each has its own: a text that was a secret once is masked wherever it stands.
                let value = if is_null { "null".to_owned() } else { format!("another-value-{at}") };
                let _ = writeln!(
                    cases,
                    "  - {{ name: case {at} of, as: {name}, session: fresh, request: {}, vary: {{ {label}.{parameter}: {value} }}, expect: {{ status: [200, 302, 303, 400, 401, 403] }} }}",
                    talk(label)
                );
                wanted.push((*name, *label, parameter.clone(), value));
            }
        }
    }
    assert!(wanted.len() > 150, "{}", wanted.len());
    let (results, har) = run(&cases);
    let mut shown = 0;
    for (at, (name, label, parameter, value)) in wanted.iter().enumerate() {
        let id = format!("suite/case-{at}-of");
        let case = results["cases"].as_array().unwrap().iter().find(|case| case["id"] == *id).unwrap();
        let what = format!("{name}: {label}.{parameter}: {value}");
        assert!(case["verdict"] != "errored" && case["verdict"] != "blocked", "{what}\n{case:#}");
        // As it left: without the parameter, or with another value.
        let sent: Vec<&Value> = entries(&har).iter().filter(|e| e["_case"] == *id && e["_phase"] == "case").collect();
        let left = sent.iter().find_map(|entry| {
            let (_, parameters) = exchange(&entry["request"]).filter(|(sent, _)| sent == label)?;
            Some((value_of(&entry["request"], parameter), parameters))
        });
        let is_client = matches!(parameter.as_str(), "client_id" | "client_secret");
        let (sent, parameters) = match left {
            Some(left) => left,
            // A refresh without its token looks like another request for one.
            None if *label == "refresh" => continue,
            None => panic!("{what}: not sent\n{case:#}"),
        };
        let is_there = parameters.contains(parameter);
        assert!(is_there != (value == "null") || is_client, "{what}: sent were {parameters:?}");
        if let Some(sent) = sent.filter(|_| value != "null") {
            let is_masked = sent.contains('‹') || sent.contains("%E2%80%B9");
            assert!(sent == *value || is_masked, "{what}: sent was {sent}");
            shown += usize::from(sent == *value);
        }
    }
    // What is no secret is seen to be another one.
    assert!(shown > 50, "{shown}");
}

/// A parameter that no suite varies is one that nobody has held against a server; and the document names each.
#[test]
fn every_parameter_is_varied_in_a_suite_and_told() {
    let files = std::fs::read_dir(specs()).unwrap().map(|entry| entry.unwrap().path());
    let text: String = files.filter(|path| path.is_file()).map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let all: BTreeSet<Parameter> = learn().into_values().flatten().collect();
    let missing: Vec<String> = all
        .iter()
        .map(|(label, name)| format!("{label}.{name}"))
        .filter(|name| !text.contains(&format!("{name}:")))
        .collect();
    assert!(all.len() > 50 && missing.is_empty(), "{missing:?} of {all:?}");
    let page = std::fs::read_to_string(specs().join("../docs/schemes.md")).unwrap();
    let (_, page) = page.split_once("**What `vary` reaches.**").unwrap();
    let untold: Vec<&Parameter> = all
        .iter()
        .filter(|(label, name)| {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{label}` | "))).unwrap_or_default();
            let clients = ["client_id", "client_secret", "client_assertion", "client_assertion_type"];
            let by_name = row.contains(&format!("`{name}`"));
            let of_client = row.contains("the client's") && clients.contains(&name.as_str());
            let pushed = *label == "par" && name != "request_uri";
            !(by_name || of_client || pushed)
        })
        .collect();
    assert!(untold.is_empty(), "not in docs/schemes.md: {untold:?}");
}

/// Also of pages, whose addresses are new in each login: the login that works is what proves a refusal of a changed one.
#[test]
fn refusals_of_changed_logins_are_proven() {
    let suite = specs().join(SUITE).display().to_string();
    let output = Session::new().run(&["run", &suite, "--require-proof", "--color", "never"]);
    assert!(output.status.success() && told(&output).contains("proved    "), "{}", told(&output));
}

const TAKEN: &str = r"
target: demo
auth:
  web: &web
    scheme: oauth2
    issuer: /oauth
    grant: authorization_code
    client: { id: web, secret: web-secret-3c9e }
    redirect_uri: https://web.example.com/callback
    scope: [openid, orders.read]
  pushed: { <<: *web, client: { id: web-par, secret: web-par-secret-e2d4 }, par: true }
identities:
  alice: { auth: web, username: alice, password: wonderland-7 }
  alice-pushed: { like: alice, auth: pushed }
cases:
  - name: said no
    as: alice
    request: login
    vary: { consent.decision: deny }
    expect: deny
  - name: no nonce
    as: alice
    request: login
    vary: { authorize.nonce: null }
    expect: deny
  - name: beside what was pushed
    as: alice-pushed
    request: login
    vary: { authorize.dpop_jkt: other }
    expect: deny
";

/// What a server did refuse, by way of the browser, and what it does well not to look at is not called taken.
#[test]
fn a_refusal_by_way_of_the_browser_and_what_no_server_looks_at_are_told_as_what_they_are() {
    let output = Session::new().file("suite.yaml", TAKEN).run(&["run", "suite.yaml", "--color", "never"]);
    let text = told(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(1), "{text}");
    for said in [
        "`vary` changed `consent.decision`, and the server refuses that (authspec explain changed-refused)",
        "which sends the browser back with `error=access_denied`",
        "expect: { status: 303, headers: { location: { contains: error=access_denied } } }",
        "`vary` changed `authorize.nonce`, which no server has to look at",
        "what stands beside `request_uri` is ignored (RFC 9126, section 4)",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    assert!(!text.contains("let the server look at"), "{text}");
}
