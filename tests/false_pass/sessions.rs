//! One login for all, one refresh for all, sessions that are a case's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::api::{Api, unauthorized};
use crate::runs::{BLIND, PEOPLE, Project, REFRESHING, SCHEME};
use crate::server::{Server, json, status};

/// Many cases of one kind.
fn many(count: usize, case: &str) -> String {
    let cases: String = (0..count).map(|i| format!("  - {{ name: c{i}, {case} }}\n")).collect();
    format!("cases:\n{cases}")
}

#[track_caller]
fn all(run: &crate::runs::Run, verdict: &str) {
    assert!(run.cases().iter().all(|c| c["verdict"] == verdict), "all {verdict}:\n{}", run.said);
}

#[test]
fn five_hundred_cases_share_one_login() {
    let api = Api::default();
    let server = Server::start(move |r| {
        let reply = api.answer(r);
        if r.path == "/login" { reply.after(100) } else { reply }
    });
    let project =
        Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &many(500, "as: [alice, bob], request: GET /me"));
    let run = project.run("--jobs 500");
    assert_eq!((run.code, run.cases().len()), (0, 1000));
    assert_eq!(server.count("POST /login"), 2, "one for each identity");
    assert_eq!(server.count("GET /me"), 1002, "and one `whoami` each");
    assert_eq!(run.report["summary"]["logins"], 2);
    assert_eq!(run.report["summary"]["requests"], 1004);
}

#[test]
fn waiting_cases_share_one_failure() {
    let server = Server::start(|_| status(503).after(50));
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &many(50, "as: alice, request: GET /me"))
        .run("--jobs 50");
    assert_eq!(run.code, 3);
    all(&run, "blocked");
    assert_eq!(server.seen().len(), 1, "one login, nothing in her name");
    assert_eq!(run.said.matches("could not log in: the server").count(), 1, "told once: {}", run.said);
}

/// Fifty cases meet a token that expired under them, all at once.
#[test]
fn one_refresh_for_fifty_cases() {
    let server = Server::start({
        let api = Api::default();
        move |r| match &*r.path {
            "/me" if r.bearer().ends_with("-1") => unauthorized("the token expired").after(50),
            "/refresh" => api.answer(r).after(100),
            _ => api.answer(r),
        }
    });
    let run = Project::new(
        &server.url,
        &format!("{REFRESHING}{PEOPLE}"),
        &many(50, "as: alice, request: GET /me, expect: 200"),
    )
    .run("--jobs 50");
    assert_eq!(run.code, 0, "{}", run.said);
    all(&run, "passed");
    assert_eq!((server.count("POST /login"), server.count("POST /refresh")), (1, 1));
    assert_eq!(server.count("GET /me"), 100);
    assert_eq!(run.cases()[0]["requests"], 2);
    assert_eq!(run.report["summary"]["logins"], 1, "a refresh is no login");
}

/// What a case does by hand counts like what the run does by itself.
#[test]
fn a_refresh_by_hand_is_no_login_and_a_login_by_hand_is_one() {
    let api = Api::default();
    let server = Server::start(move |r| api.answer(r));
    let suite = "cases:\n  - name: c\n    as: alice\n    session: fresh\n    steps:\n      - { request: refresh, expect: 200 }\n      - { request: login, expect: 200 }\n";
    let run = Project::new(&server.url, &format!("{REFRESHING}{PEOPLE}"), suite).run("");
    run.must(0, &[("c", "passed")]);
    assert_eq!((server.count("POST /login"), server.count("POST /refresh")), (2, 1));
    assert_eq!(run.report["summary"]["logins"], 2);
    assert_eq!(run.report["summary"]["requests"], server.seen().len());
}

/// A scheme without a refresh logs in again, once for all.
#[test]
fn without_a_refresh_one_login_more() {
    let server = Server::start({
        let api = Api::default();
        move |r| if r.is("GET /me") && r.bearer().ends_with("-1") { unauthorized("jwt expired") } else { api.answer(r) }
    });
    let run =
        Project::new(&server.url, &format!("{BLIND}{PEOPLE}"), &many(20, "as: alice, request: GET /me, expect: 200"))
            .run("");
    assert_eq!(run.code, 0, "{}", run.said);
    assert_eq!(server.count("POST /login"), 2);
    assert_eq!(run.report["summary"]["logins"], 2);
}

/// The end is known from `expires_in`: a tenth before it, the session is renewed without a 401.
#[test]
fn a_session_is_renewed_before_it_ends() {
    let scheme = REFRESHING
        .replace("refresh_token: $.refresh_token }", "refresh_token: $.refresh_token, expires_in: $.expires_in }");
    let run = |lifetime: i32, wait: u64| {
        let issued = AtomicUsize::new(0);
        let server = Server::start(move |r| match &*r.path {
            "/login" | "/refresh" => {
                let (n, m) = (issued.fetch_add(1, Ordering::SeqCst), lifetime);
                json(200, &format!(r#"{{"access_token":"token-{n}","refresh_token":"r-{n}","expires_in":{m}}}"#))
            }
            "/wait" => status(200).after(wait),
            _ => json(200, &format!(r#"{{"token":"{}"}}"#, r.bearer())),
        });
        // A case that pauses is never refreshed, so a slow answer takes the time.
        let suite = r"
cases:
  - name: alice
    as: alice
    steps:
      - { request: GET /now, expect: { json: { $.token: token-0 } } }
      - { as: anonymous, request: GET /wait }
      - { request: GET /now, capture: { token: $.token } }
      - { request: GET /now, expect: { json: { $.token: '{{ token }}' } } }
";
        let run = Project::new(&server.url, &format!("{scheme}{PEOPLE}"), suite).run("");
        assert_eq!(run.code, 0, "{}", run.said);
        let last = server.seen().last().unwrap().bearer().to_owned();
        (last, server.count("POST /refresh"))
    };
    std::thread::scope(|scope| {
        // Three seconds of life end 300 ms early.
        let early = scope.spawn(|| run(3, 1200));
        let late = scope.spawn(|| run(3, 2750));
        // Over before it began: the server's clock is wrong, and nothing is refreshed for it.
        let wrong = scope.spawn(|| run(-300, 1));
        assert_eq!(early.join().unwrap(), ("token-0".to_owned(), 0));
        assert_eq!(late.join().unwrap(), ("token-1".to_owned(), 1));
        assert_eq!(wrong.join().unwrap(), ("token-0".to_owned(), 0));
    });
}

/// Where the end is what the case is about, nothing refreshes by itself.
#[test]
fn a_case_that_waits_or_has_its_own_session_is_never_refreshed() {
    for extra in ["session: fresh", "pause: 1ms"] {
        let server = Server::start({
            let api = Api::default();
            move |r| if r.is("GET /me") { unauthorized("the token expired") } else { api.answer(r) }
        });
        let suite = format!("cases:\n  - {{ name: c, as: alice, request: GET /me, expect: 200, {extra} }}\n");
        let run = Project::new(&server.url, &format!("{REFRESHING}{PEOPLE}"), &suite).run("");
        run.must(1, &[("c", "failed: check-failed")]);
        assert_eq!((server.count("POST /refresh"), server.count("GET /me")), (0, 1), "{extra}");
    }
}

/// A credential written by hand that is called expired says nothing about the session.
#[test]
fn an_expired_token_by_hand_refreshes_nothing() {
    let api = Api::default();
    let server =
        Server::start(move |r| if r.bearer() == "old" { unauthorized("the token expired") } else { api.answer(r) });
    let suite = r"
cases:
  - { name: good, as: alice, request: GET /me, expect: 200 }
  - { name: old, as: alice, request: GET /me, headers: { Authorization: Bearer old }, expect: 401 }
  - { name: none, as: alice, request: GET /me, headers: { Authorization: null }, expect: 401 }
";
    let run = Project::new(&server.url, &format!("{REFRESHING}{PEOPLE}"), suite).run("");
    run.must(0, &[("good", "passed"), ("old", "proven"), ("none", "proven")]);
    assert_eq!(server.count("POST /refresh"), 0);
}

#[test]
fn fresh_cases_log_in_for_themselves() {
    let api = Api::default();
    let server = Server::start(move |r| match &*r.path {
        "/token" => json(200, &format!(r#"{{"token":"{}"}}"#, r.bearer())),
        _ => api.answer(r),
    });
    let suite = r#"
cases:
  - { name: shared one, as: alice, request: GET /token, expect: { json: { $.token: "{{ session.access_token }}" } } }
  - { name: shared two, as: alice, request: GET /token }
  - name: its own
    as: alice
    session: fresh
    steps:
      - { request: GET /token, expect: { json: { $.token: "{{ session.access_token }}" } } }
      - { request: POST /logout, expect: 204 }
      - { request: GET /me, expect: 401 }
  - { name: another, as: alice, session: fresh, request: GET /me, expect: 200 }
  - { name: late, as: alice, request: GET /me, expect: 200 }
"#;
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("");
    run.must(
        0,
        &[
            ("shared one", "passed"),
            ("shared two", "passed"),
            ("its own", "proven"),
            ("another", "passed"),
            ("late", "passed"),
        ],
    );
    assert_eq!(server.count("POST /login"), 3);
}

/// A case that is cut off while it waits for the login does not take the login with it.
#[test]
fn a_deadline_does_not_break_what_others_share() {
    let server = Server::start({
        let api = Api::default();
        move |r| if r.path == "/login" { api.answer(r).after(300) } else { api.answer(r) }
    });
    let suite = format!(
        "{}teardown:\n  - {{ as: alice, request: GET /health?torn=down }}\n",
        many(20, "as: alice, request: GET /me, expect: 200")
    );
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite).run("--deadline 100ms");
    assert_eq!(run.code, 3, "{}", run.said);
    all(&run, "not-run");
    assert_eq!(server.count("POST /login"), 1);
    assert_eq!(server.count("GET /health?torn=down"), 1, "the teardown waits for the same login");
}

/// `as: anonymous` on a step is an empty jar and no credential, whatever the case has.
#[test]
fn an_anonymous_step_sends_nothing() {
    let leaked = Arc::new(AtomicBool::new(false));
    let server = Server::start({
        let (api, leaked) = (Api::default(), Arc::clone(&leaked));
        move |r| {
            if r.path == "/bare" {
                let bare = ["authorization", "cookie"].iter().all(|h| r.header(h).is_empty());
                leaked.fetch_or(!bare, Ordering::SeqCst);
                return status(401);
            }
            api.answer(r).header("set-cookie", "seen=1; Path=/")
        }
    });
    let suite = r"
defaults: { as: alice }
cases:
  - name: mixed
    steps:
      - { request: GET /me, expect: 200 }
      - { as: anonymous, request: GET /health, expect: 200 }
      - { as: anonymous, request: GET /bare, expect: 401 }
      - { request: GET /me, expect: 200 }
  - { name: whole, as: anonymous, request: GET /bare, expect: 401 }
";
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("");
    run.must(0, &[("mixed", "unproven"), ("whole", "unproven")]);
    assert!(!leaked.load(Ordering::SeqCst));
    assert_eq!(server.count("GET /bare"), 2);
}

/// Forty people log in at a server that is easily asked too often: they come a few at a time, and wait when told to.
#[test]
fn logins_are_staggered_and_wait_when_they_are_told_to() {
    let refused = AtomicUsize::new(0);
    let server = Server::start(move |r| {
        if r.path != "/login" {
            return json(200, &format!("{{\"username\": \"{}\"}}", r.bearer()));
        }
        if refused.fetch_add(1, Ordering::SeqCst) < 2 {
            return status(429).header("retry-after", "1");
        }
        json(200, &format!("{{\"access_token\": \"{}\"}}", r.field("username"))).after(20)
    });
    let people: String =
        (0..40).map(|i| format!("  p{i}: {{ auth: api, username: p{i}, password: secret-{i} }}\n")).collect();
    let names: Vec<String> = (0..40).map(|i| format!("p{i}")).collect();
    let cases = format!("cases:\n  - {{ name: each, as: [{}], request: GET /me, expect: 200 }}\n", names.join(", "));
    let run = Project::new(&server.url, &format!("{SCHEME}identities:\n{people}"), &cases).run("--jobs 64");
    assert_eq!(run.code, 0, "{}", run.said);
    all(&run, "passed");
    assert_eq!(server.count("POST /login"), 42, "two were asked to come again");
    // Each that is not put off takes 20 ms at least, so those that come within 15 ms are there together.
    let mut came: Vec<_> = server.seen().iter().filter(|r| r.is("POST /login")).map(|r| r.at).collect();
    came.sort_unstable();
    let together = came[2..].windows(9).filter(|w| w[8].saturating_sub(w[0]) < Duration::from_millis(15)).count();
    assert_eq!(together, 0, "more than eight at once: {came:?}");
}

/// Twelve logins wait for a thirteenth, by steps of their own or as the server asks them to: they keep no place from it.
#[test]
fn a_login_that_waits_lets_others_in() {
    let by_steps = r#"
  slow:
    scheme: login
    login:
      - { request: POST /ask, json: { username: "{{ identity.username }}" }, expect: 200 }
      - request: GET /ready
        retry: { attempts: 40, every: 200ms }
        expect: { status: 200 }
        capture: { access_token: $.access_token }
    send: { bearer: access_token }
"#;
    let by_answers = "
  slow: { scheme: oauth2, token_url: /ready, grant: client_credentials, client: { id: \"{{ identity.username }}\", secret: \"{{ identity.password }}\" } }
";
    for slow in [by_steps, by_answers] {
        let opened = AtomicBool::new(false);
        let server = Server::start(move |r| match &*r.path {
            "/login" => {
                opened.store(true, Ordering::SeqCst);
                json(200, r#"{"access_token":"the-last-of-them"}"#)
            }
            "/ready" if opened.load(Ordering::SeqCst) => {
                json(200, r#"{"access_token":"one-of-them","token_type":"Bearer"}"#)
            }
            "/ready" => status(429).header("retry-after", "1"),
            _ => json(200, "{}"),
        });
        let people: String =
            (0..12).map(|i| format!("  p{i:02}: {{ auth: slow, username: p{i}, password: secret-{i} }}\n")).collect();
        let names: Vec<String> = (0..12).map(|i| format!("p{i:02}")).collect();
        let project =
            format!("{BLIND}{slow}identities:\n{people}  z: {{ auth: api, username: z, password: right-z }}\n");
        let cases = format!(
            "cases:\n  - {{ name: each, as: [{}], request: GET /me, expect: 200 }}\n  - {{ name: z, as: z, request: GET /me, expect: 200 }}\n",
            names.join(", ")
        );
        let run = Project::new(&server.url, &project, &cases).run("--jobs 64");
        assert_eq!(run.code, 0, "{}", run.said);
        all(&run, "passed");
        assert!(run.took < Duration::from_secs(6), "{:?}", run.took);
    }
}

/// A server that never wants to be asked blocks, and refuses nobody.
#[test]
fn a_login_that_is_put_off_for_long_is_no_refusal() {
    let server = Server::start(|_| status(429).header("retry-after", "3600"));
    let suite = many(1, "as: alice, request: GET /me, expect: 401");
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite).run("");
    assert_eq!((run.code, server.seen().len()), (3, 1));
    all(&run, "blocked");
}
