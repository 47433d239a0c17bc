//! Logins with something changed: what else than the change may have refused them.

use std::sync::Mutex;
use std::time::Duration;

use crate::runs::{Project, Run};
use crate::server::{Reply, Request, Server, html, json, status};

const SCHEME: &str = "
auth:
  app: { scheme: oauth2, token_url: /token, grant: client_credentials, client: { id: job, secret: right-secret-1 } }
  old: { like: app, grant: password }
identities:
  job: { auth: app }
  ann: { auth: old, username: ann, password: right-ann }
  bob: { auth: old, username: bob, password: right-bob }
";

/// What has come to the token endpoint: whether id and secret are right, and whose password.
#[derive(Debug, Clone)]
struct Asked {
    right: bool,
    person: String,
    /// Those that were refused before.
    refused: usize,
    /// How many came before.
    before: usize,
}

/// A token endpoint that is right but for what a rule says first.
fn server(rule: impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static) -> Server {
    let seen: Mutex<(usize, usize)> = Mutex::default();
    Server::start(move |r: &Request| {
        if r.path != "/token" {
            return status(if r.bearer().starts_with("token-") { 200 } else { 401 });
        }
        let form: Vec<(String, String)> = url::form_urlencoded::parse(r.body.as_bytes()).into_owned().collect();
        let get = |name: &str| form.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str()).to_owned();
        // `job:right-secret-1`.
        let client = r.header("authorization") == "Basic am9iOnJpZ2h0LXNlY3JldC0x";
        let person = get("username");
        let right = client && (person.is_empty() || get("password") == format!("right-{person}"));
        let mut seen = seen.lock().unwrap();
        let asked = Asked { right, person, refused: seen.1, before: seen.0 };
        seen.0 += 1;
        let reply = rule(&asked).unwrap_or_else(|| {
            if right {
                json(200, &format!(r#"{{"access_token":"token-{}","token_type":"Bearer"}}"#, seen.0))
            } else {
                json(401, r#"{"error":"invalid_client"}"#)
            }
        });
        seen.1 += usize::from(reply.status >= 400);
        reply
    })
}

fn run(server: &Server, cases: &str, arguments: &str) -> Run {
    Project::new(&server.url, SCHEME, &format!("cases:\n{cases}")).run(arguments)
}

const WRONG: &str =
    "  - { name: wrong, as: job, request: login, vary: { token.client_secret: wrong-secret }, expect: 401 }\n";

#[test]
fn a_login_straight_afterwards_proves_what_was_changed() {
    let server = server(|_| None);
    let more = "  - { name: none, as: job, request: login, vary: { token.client_secret: null }, expect: 401 }
  - { name: nobody, as: job, request: login, vary: { token.client_id: nobody }, expect: 401 }
  - { name: hers, as: ann, request: login, vary: { token.password: wrong }, expect: 401 }\n";
    let run = run(&server, &format!("{WRONG}{more}"), "--require-proof");
    run.must(0, &[("wrong", "proven"), ("none", "proven"), ("nobody", "proven"), ("hers", "proven")]);
    // Each logs in before as always, and once more after each case; cases that end together share that.
    let logins = server.count("POST /token") - 4 - 2;
    assert!((2..=4).contains(&logins), "{logins}: {}", run.said);
}

/// The first wrong secret locks the client: what comes after it is refused whatever it is.
#[test]
fn a_client_that_is_locked_by_the_first_change_proves_nothing() {
    let server = server(|asked| (asked.refused > 0).then(|| json(401, r#"{"error":"invalid_client"}"#)));
    let run = run(&server, WRONG, "");
    run.must(3, &[("wrong", "inconclusive: control-after")]);
    assert!(
        run.report.to_string().contains("afterwards it did not work with nothing changed either"),
        "{}",
        run.report
    );
}

/// Every login of one person is refused after the first: another one's that works shows nothing about it.
#[test]
fn somebody_else_who_gets_in_shows_nothing() {
    let server =
        server(|asked| (asked.person == "ann" && asked.before > 0).then(|| json(401, r#"{"error":"invalid_grant"}"#)));
    let cases = "  - { name: hers, as: ann, request: login, vary: { token.password: wrong }, expect: 401 }
  - { name: his, as: bob, request: login, vary: { token.password: wrong }, expect: 401 }\n";
    run(&server, cases, "-j 1").must(3, &[("hers", "inconclusive: control-after"), ("his", "proven")]);
}

/// The user's own case logs in afterwards: that is seen, and nothing is asked once more.
#[test]
fn a_login_of_the_case_itself_is_control_enough() {
    let server = server(|_| None);
    let steps = "  - name: both
    as: job
    steps:
      - { request: login, vary: { token.client_secret: wrong-secret }, expect: 401 }
      - { request: login, expect: 200 }\n";
    run(&server, steps, "").must(0, &[("both", "proven")]);
    assert_eq!(server.count("POST /token"), 3);
}

#[test]
fn a_server_that_is_asked_too_often_refuses_nothing() {
    for (after, asked) in [(Some("3600"), 2), (None, 2), (Some("1"), 5)] {
        let server = server(move |asked| {
            let busy = json(429, r#"{"error":"slow_down"}"#);
            let busy = after.map_or(busy.clone(), |after| busy.clone().header("retry-after", after));
            // The last wait is over in the third case alone.
            (asked.before > 0 && asked.before < 4).then_some(busy)
        });
        let run = run(&server, WRONG, "");
        let verdict = if after == Some("1") { "proven" } else { "inconclusive: asked-too-often" };
        run.must(if after == Some("1") { 0 } else { 3 }, &[("wrong", verdict)]);
        assert!(server.count("POST /token") >= asked, "{after:?}");
        assert!(run.took < Duration::from_secs(20), "{:?}", run.took);
    }
    // Whoever expects it gets it at once.
    let server = server(|asked| (asked.before > 0).then(|| status(429).header("retry-after", "1")));
    run(&server, &WRONG.replace("expect: 401", "expect: 429"), "").must(0, &[("wrong", "passed")]);
    assert_eq!(server.count("POST /token"), 2);
}

/// The same for steps of one's own, as which no flow waits by itself.
#[test]
fn a_login_of_steps_is_patient_too() {
    let asked: Mutex<usize> = Mutex::default();
    let server = Server::start(move |r| {
        if r.path != "/login" {
            return status(200);
        }
        let mut asked = asked.lock().unwrap();
        *asked += 1;
        match (*asked, r.field("password").as_str()) {
            (2, _) => status(429).header("retry-after", "1"),
            (_, "right-alice") => json(200, r#"{"access_token":"t-1"}"#),
            _ => status(401),
        }
    });
    let cases =
        "cases:\n  - { name: wrong, as: alice, request: login, vary: { login.password: wrong }, expect: 401 }\n";
    let project = format!("{}{}", crate::runs::BLIND, crate::runs::PEOPLE);
    Project::new(&server.url, &project, cases).run("").must(0, &[("wrong", "proven")]);
}

#[test]
fn the_time_limit_of_a_talk_is_that_of_its_exchanges() {
    let server = server(|asked| (asked.before == 1).then(|| json(200, "{}").after(4_000)));
    let cases = "  - { name: slow, as: job, request: login, timeout: 500ms, expect: 200 }\n";
    // The shared login comes first, as the case is about another one.
    let cases = format!("  - {{ name: first, as: job, request: GET /me }}\n{cases}");
    let run = run(&server, &cases, "-j 1");
    assert_eq!((run.verdict("slow"), run.reason("slow")), ("errored".to_owned(), "timeout"), "{}", run.said);
    assert!(run.took < Duration::from_secs(3), "{:?}", run.took);
}

const WEB: &str = "
auth:
  web: { scheme: oauth2, authorize_url: /authorize, token_url: /token, grant: authorization_code, client: { id: web }, scope: openid }
identities:
  ann: { auth: web, username: ann, password: right-ann }
";

/// A provider whose token answers have no ID token, with what else they have.
fn provider(more: &'static str) -> Server {
    Server::start(move |r| match r.path.split('?').next().unwrap_or_default() {
        "/authorize" => {
            let state = r.path.split(['?', '&']).find_map(|part| part.strip_prefix("state=")).unwrap_or_default();
            let back = format!("http://127.0.0.1:9/cb?code=a-code-1&state={state}");
            html(303, "").header("location", back)
        }
        "/token" => json(200, &format!(r#"{{"access_token":"token-1","token_type":"Bearer"{more}}}"#)),
        _ => status(200),
    })
}

#[test]
fn a_login_by_openid_without_an_id_token_is_none() {
    let cases = "cases:\n  - { name: in, as: ann, request: GET /me }\n";
    let run = Project::new(&provider("").url, WEB, cases).run("");
    run.must(3, &[("in", "blocked: login-failed")]);
    assert!(run.report.to_string().contains("no `id_token`"), "{}", run.report);
    // A server that says it gave another scope has not promised one.
    Project::new(&provider(r#","scope":"profile""#).url, WEB, cases).run("").must(0, &[("in", "passed")]);
    Project::new(&provider("").url, &WEB.replace("openid", "profile"), cases).run("").must(0, &[("in", "passed")]);
}
