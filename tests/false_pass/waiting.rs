//! What a request carries that had to wait for its turn, and what a client sends that had a browser before.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::runs::Project;
use crate::server::{Reply, Request, Server, html, json, status};

/// A server whose tokens live for a second and a half, and whose answers are slow.
fn short_lived(slow: u64) -> Server {
    let issued: Mutex<HashMap<String, Instant>> = Mutex::default();
    Server::start(move |r| {
        let mut issued = issued.lock().unwrap();
        if r.path == "/token" {
            let token = format!("token-number-{}", issued.len());
            issued.insert(token.clone(), Instant::now());
            return json(200, &format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":2}}"#));
        }
        let life = Duration::from_secs(2);
        let is_alive = issued.get(r.bearer()).is_some_and(|since| since.elapsed() < life);
        // The refusal does not say why, so that nothing is sent again.
        status(if is_alive { 200 } else { 401 }).after(slow)
    })
}

const SCHEME: &str = "
auth:
  app: { scheme: oauth2, token_url: /token, grant: client_credentials, client: { id: job, secret: secret-of-the-job } }
identities: { job: { auth: app }, twin: { auth: app } }
";

/// Many requests wait for few turns, for longer than a token lives: each leaves with one that is alive.
#[test]
fn a_token_does_not_end_while_its_request_waits_for_a_turn() {
    std::thread::scope(|scope| {
        // With one job a refresh has to have its turn while everybody else waits.
        for (jobs, slow, count) in [(1, 150, 20), (2, 300, 24), (4, 450, 40)] {
            scope.spawn(move || {
                let server = short_lived(slow);
                let cases: String = (0..count)
                    .map(|i| format!("  - {{ name: c{i}, as: [job, twin], request: GET /orders?{i}, expect: 200 }}\n"))
                    .collect();
                let run = Project::new(&server.url, SCHEME, &format!("cases:\n{cases}")).run(&format!("--jobs {jobs}"));
                assert_eq!(run.code, 0, "{jobs} jobs: {}", run.said);
                assert!(server.count("POST /token") > 2, "tokens were renewed");
            });
        }
    });
}

/// What is the same for all logins is asked for again, once for all of them, when the server wants to be asked: metadata
/// that are not there yet are not looked for elsewhere.
#[test]
fn whoever_is_asked_too_often_for_what_is_the_same_for_all_is_waited_for() {
    let first: Mutex<HashMap<String, Instant>> = Mutex::default();
    let server = Server::start(move |r| {
        let known = r.path.starts_with("/.well-known/openid") || r.path == "/keys";
        let since = *first.lock().unwrap().entry(r.path.clone()).or_insert_with(Instant::now);
        if known && since.elapsed() < Duration::from_millis(900) {
            return status(429).header("retry-after", "1");
        }
        let base = format!("http://{}", r.header("host"));
        match &*r.path {
            "/.well-known/openid-configuration" => {
                json(200, &format!(r#"{{"issuer":"{base}","token_endpoint":"{base}/token","jwks_uri":"{base}/keys"}}"#))
            }
            "/token" => json(200, r#"{"access_token":"token-of-the-job-1","token_type":"Bearer"}"#),
            _ if r.bearer().is_empty() => status(404),
            _ => status(200),
        }
    });
    let people = SCHEME.replace("token_url: /token", &format!("issuer: {}", server.url));
    let suite = "cases: [ { name: c, as: [job, twin], request: GET /orders, expect: 200 } ]\n";
    let run = Project::new(&server.url, &people, suite).run("");
    assert_eq!(run.code, 0, "{}", run.said);
    let asked = |path: &str| server.seen().iter().filter(|r| r.path == path).count();
    assert_eq!((asked("/.well-known/openid-configuration"), asked("/.well-known/oauth-authorization-server")), (2, 0));
}

/// The same where it wants to be left alone for longer than a login waits: nobody is told that there are no metadata.
#[test]
fn metadata_that_are_asked_for_too_often_are_not_said_to_be_missing() {
    let server = Server::start(|r| match &*r.path {
        "/.well-known/openid-configuration" => status(429).header("retry-after", "600"),
        _ => status(404),
    });
    let people = SCHEME.replace("token_url: /token", &format!("issuer: {}", server.url));
    let suite = "cases: [ { name: c, as: job, request: GET /orders, expect: 200 } ]\n";
    let run = Project::new(&server.url, &people, suite).run("");
    run.must(3, &[("c", "blocked")]);
    assert!(run.report.to_string().contains("are asked for too often"), "{}", run.said);
    assert_eq!(server.seen().iter().filter(|r| r.path.contains("oauth-authorization-server")).count(), 0);
}

/// An authorization server with a session in the browser, which its other endpoints have no business to see.
fn with_pages(r: &Request) -> Reply {
    match r.path.split('?').next().unwrap_or_default() {
        "/authorize" if r.header("cookie").contains("browser=") => {
            let query = r.path.split(['?', '&']).find_map(|part| part.strip_prefix("state=")).unwrap_or_default();
            status(303).header("location", format!("http://app.example/back?code=a-code-of-its-own&state={query}"))
        }
        "/authorize" => {
            let form = format!(
                "<form method=post action='{}'><input name=user><input type=password name=pw></form>",
                "/login"
            );
            html(200, &form).header("set-cookie", format!("target={}; Path=/", hex(&r.path)))
        }
        "/login" => {
            let to = r.header("cookie").split("target=").nth(1).unwrap_or_default();
            let to = to.split(';').next().unwrap_or_default();
            status(303).header("location", unhex(to)).header("set-cookie", "browser=in; Path=/; HttpOnly")
        }
        "/token" => {
            let body = r#"{"access_token":"a-token-of-its-own","refresh_token":"a-refresh-token-7","token_type":"Bearer","expires_in":2}"#;
            // What a balancer sets is not the browser's either.
            json(200, body).header("set-cookie", "balancer=one; Path=/")
        }
        _ => status(if r.bearer() == "a-token-of-its-own" { 200 } else { 401 }),
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> String {
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2).unwrap_or("20"), 16).unwrap_or(b' ');
    (0..text.len() / 2).map(|i| char::from(byte(i * 2))).collect()
}

/// The browser of a login has cookies of the server; the client that asks it for tokens has none of them.
#[test]
fn a_client_sends_none_of_the_cookies_of_the_browser() {
    let server = Server::start(with_pages);
    let project = "
auth:
  app:
    scheme: oauth2
    authorize_url: /authorize
    token_url: /token
    grant: authorization_code
    client: { id: web, secret: secret-of-the-web }
    redirect_uri: http://app.example/back
    scope: orders
identities: { alice: { auth: app, username: alice, password: right-alice } }
";
    let suite = "
cases:
  - name: a refresh as well
    as: alice
    session: fresh
    steps:
      - { request: GET /orders, expect: 200 }
      - { request: refresh }
      - { request: GET /orders, expect: 200 }
";
    let run = Project::new(&server.url, project, suite).run("");
    assert_eq!(run.code, 0, "{}", run.said);
    let seen = server.seen();
    assert!(seen.iter().any(|r| r.is("POST /login")), "the browser logged in");
    let asked: Vec<_> =
        seen.iter().filter(|r| !["/authorize", "/login"].iter().any(|p| r.path.starts_with(p))).collect();
    assert!(asked.iter().filter(|r| r.is("POST /token")).count() >= 2, "a code and a refresh: {seen:?}");
    for request in asked {
        assert_eq!(request.header("cookie"), "", "{} {}", request.method, request.path);
    }
}

/// A client certificate is for TLS: at a target without it nobody is asked, and nobody is said to have seen one.
#[test]
fn a_client_certificate_needs_tls() {
    let server = Server::start(|_| status(200));
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/specs/data/mtls");
    let project = |before: &str| {
        format!(
            "{before}auth:\n  gate: {{ scheme: mtls, cert: {folder}/gate-7.pem, key: {folder}/gate-7.key }}\nidentities: {{ seven: {{ auth: gate }} }}\n"
        )
    };
    let suite = "cases:\n  - { name: seven, as: seven, request: GET /gate, expect: 200 }\n";
    let written = Project::new(&server.url, &project(""), suite).run("");
    assert_eq!(written.code, 2, "{}", written.said);
    assert!(written.said.contains("nobody sees one without TLS"), "{}", written.said);
    let given = Project::new(&server.url, &project(""), &format!("target: \"{{{{ env.PLACE }}}}\"\n{suite}"));
    given.file(".env", &format!("PLACE={}\n", server.url));
    let given = given.run("");
    given.must(3, &[("seven", "blocked: login-failed")]);
    assert!(given.said.contains("nobody sees one without TLS"), "{}", given.said);
    assert!(!given.said.contains("shows the client certificate"), "{}", given.said);
    assert!(server.seen().is_empty());
}
