//! Sessions that end under the cases, accounts that are locked, limits that strike.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::api::{Api, unauthorized};
use crate::runs::{BLIND, PEOPLE, Project, REFRESHING, SCHEME};
use crate::server::{Request, Server, json, status};

/// Bob is seen working, then refused; in file order.
const SERIAL: &str = r"
serial: true
cases:
  - { name: root sees it, as: root, request: GET /admin, expect: 200 }
  - { name: bob works, as: bob, request: GET /me, expect: 200 }
  - { name: bob is refused, as: bob, request: GET /admin, expect: deny }
";

/// The session of bob ends after some requests with a good token; unknown tokens get a status.
fn mortal(limit: usize, dead: u16) -> Server {
    let api = Api::default();
    let used = AtomicUsize::new(0);
    Server::start(move |r| {
        if api.user(r).is_ok_and(|u| u == "bob") && used.fetch_add(1, Ordering::SeqCst) >= limit {
            return status(dead);
        }
        api.answer(r)
    })
}

#[test]
fn a_session_that_dies_before_the_refusal() {
    let verdicts = |bob| [("root sees it", "passed"), ("bob works", "passed"), ("bob is refused", bob)];
    // Without a `whoami` a 401 is what a dead session gets, so it shows nothing; with one, bob lives until asked.
    let run = Project::new(&mortal(1, 401).url, &format!("{BLIND}{PEOPLE}"), SERIAL).run("");
    run.must(3, &verdicts("inconclusive: not-alive"));
    let run = Project::new(&mortal(2, 401).url, &format!("{SCHEME}{PEOPLE}"), SERIAL).run("");
    run.must(3, &verdicts("inconclusive: not-alive"));
    // A server that says 403 to everybody it does not know: only asking bob again tells.
    let run = Project::new(&mortal(2, 403).url, &format!("{SCHEME}{PEOPLE}"), SERIAL).run("");
    run.must(3, &verdicts("inconclusive: not-alive"));
    // Without a `whoami` what he was allowed is asked for again: dead on the same server, alive on another.
    let run = Project::new(&mortal(1, 403).url, &format!("{BLIND}{PEOPLE}"), SERIAL).run("");
    run.must(3, &verdicts("inconclusive: not-alive"));
    let run = Project::new(&mortal(99, 403).url, &format!("{BLIND}{PEOPLE}"), SERIAL).run("");
    run.must(0, &verdicts("proven"));
    // Bob lives long enough to be refused as himself; his session dies afterwards.
    let run = Project::new(&mortal(3, 401).url, &format!("{SCHEME}{PEOPLE}"), SERIAL).run("");
    run.must(0, &verdicts("proven"));
    let run = Project::new(&mortal(99, 401).url, &format!("{SCHEME}{PEOPLE}"), SERIAL).run("");
    run.must(0, &verdicts("proven"));
}

/// What is hidden from whoever is not known is hidden from a dead session too, and anybody who is alive may see it.
#[test]
fn a_session_that_dies_before_something_is_hidden() {
    let start = |limit: usize, dead: u16| {
        let (api, used) = (Api::default(), AtomicUsize::new(0));
        Server::start(move |r| {
            let user = api.user(r).ok();
            let is_dead = user.as_deref() == Some("bob") && used.fetch_add(1, Ordering::SeqCst) >= limit;
            match (r.path.as_str(), user) {
                ("/notes/7", Some(who)) if !is_dead && (who != "bob" || limit == 1) => json(200, r#"{"id":7}"#),
                ("/notes/7" | "/notes/9", _) => json(404, r#"{"error":"not found"}"#),
                ("/me", _) if is_dead => status(dead),
                _ => api.answer(r),
            }
        })
    };
    let row = "
access:
  columns: [alice, bob]
  rows:
    a note: { request: GET /notes/7, missing: GET /notes/9, expect: { alice: 200, bob: hidden } }
";
    let plain = |expect: &str| {
        format!(
            "serial: true
cases:
  - {{ name: alice, as: alice, request: GET /notes/7, expect: 200 }}
  - {{ name: bob, as: bob, request: GET /notes/7, expect: {expect} }}
"
        )
    };
    for text in [row.to_owned(), plain("404"), plain("[403, 404]")] {
        for dead in [401, 403] {
            for (limit, code) in [(1, 3), (99, 0)] {
                let run = Project::new(&start(limit, dead).url, &format!("{SCHEME}{PEOPLE}"), &text).run("");
                assert_eq!(run.code, code, "{limit} {dead} {text}: {}", run.said);
                let reasons: Vec<_> = run.cases().iter().flat_map(|c| c["reasons"].as_array().unwrap()).collect();
                assert_eq!(reasons.iter().any(|r| r["code"] == "not-alive"), limit == 1, "{}", run.said);
            }
        }
    }
}

/// Pages send whoever is not known to the login page, and the `whoami` of the same session says 401.
#[test]
fn a_session_that_dies_before_it_is_sent_to_the_login_page() {
    for (limit, code) in [(1, 3), (99, 0)] {
        let (api, used) = (Api::default(), AtomicUsize::new(0));
        let server = Server::start(move |r| {
            let user = api.user(r).ok();
            let is_dead = user.as_deref() == Some("bob") && used.fetch_add(1, Ordering::SeqCst) >= limit;
            match (r.path.as_str(), user) {
                ("/office", Some(who)) if !is_dead && (who != "bob" || limit == 1) => json(200, "{}"),
                ("/office", _) => status(302).header("location", "/login"),
                ("/me", _) if is_dead => status(401),
                _ => api.answer(r),
            }
        });
        let suite = "serial: true
cases:
  - { name: alice, as: alice, request: GET /office, expect: 200 }
  - { name: bob, as: bob, request: GET /office, expect: { status: 302, redirect: { to: /login } } }
";
        let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("");
        let bob = if code == 0 { "proven" } else { "inconclusive: not-alive" };
        run.must(code, &[("alice", "passed"), ("bob", bob)]);
    }
}

/// The page that a dead session still gets is one that everybody gets, and nobody asked for it as nobody.
#[test]
fn a_dead_session_that_is_shown_public_pages() {
    // Bob is seen working at `/me`, and `/me` is known to be guarded: only his life is in question.
    let suite = |first: &str, last: &str| {
        format!(
            "serial: true
cases:
  - {{ name: nobody, as: anonymous, request: GET /me, expect: 401 }}
{first}  - {{ name: bob works, as: bob, request: GET /me, expect: 200 }}
  - {{ name: root sees it, as: root, request: GET /admin, expect: 200 }}
  - {{ name: bob is refused, as: bob, request: GET /admin, expect: 403 }}
{last}"
        )
    };
    let healthy = "  - { name: bob is healthy, as: bob, request: GET /health, expect: 200 }\n";
    let posted = "  - { name: bob is healthy, as: bob, request: POST /health, json: {}, expect: 200 }\n";
    // Whoever shows a token that is not good is told 403, as some frameworks do it; nobody is told 401.
    let start = |limit: usize| {
        let (api, used) = (Api::default(), AtomicUsize::new(0));
        Server::start(move |r| {
            if r.path == "/health" {
                return json(200, "{}");
            }
            let dead = api.user(r).is_ok_and(|u| u == "bob") && used.fetch_add(1, Ordering::SeqCst) >= limit;
            if dead { status(403) } else { api.answer(r) }
        })
    };
    let public = "    whoami: { request: GET /health, expect: 200 }\n";
    for scheme in [BLIND.to_owned(), format!("{BLIND}{public}")] {
        for text in [suite(healthy, ""), suite("", healthy), suite("", posted)] {
            for (limit, code, bob) in [(1, 3, "inconclusive: not-alive"), (99, 0, "proven")] {
                let run = Project::new(&start(limit).url, &format!("{scheme}{PEOPLE}"), &text).run("");
                run.must(
                    code,
                    &[
                        ("nobody", "proven"),
                        ("bob is healthy", "passed"),
                        ("bob works", "passed"),
                        ("root sees it", "passed"),
                        ("bob is refused", bob),
                    ],
                );
            }
        }
    }
}

#[test]
fn a_session_that_dies_before_a_page_of_its_own() {
    let run = Project::new(
        &mortal(1, 401).url,
        &format!("{BLIND}{PEOPLE}"),
        "serial: true\ncases:\n  - { name: first, as: bob, request: GET /me }\n  - { name: second, as: bob, request: GET /me }\n",
    )
    .run("");
    run.must(1, &[("first", "passed"), ("second", "failed: check-failed")]);
}

/// The wrong password locks the account, and the lock answers 401 as well.
#[test]
fn a_server_that_locks_the_account() {
    let start = |limit: usize| {
        let (api, wrong) = (Api::default(), AtomicUsize::new(0));
        Server::start(move |r| {
            let attempt = r.is("POST /login") && r.field("username") == "alice";
            let good = r.field("password") == "right-alice";
            let failures =
                if attempt && !good { wrong.fetch_add(1, Ordering::SeqCst) + 1 } else { wrong.load(Ordering::SeqCst) };
            if attempt && failures >= limit { unauthorized("the account is locked") } else { api.answer(r) }
        })
    };
    let suite = r"
serial: true
cases:
  - { name: a wrong password, request: POST /login, json: { username: alice, password: wrong }, expect: 401 }
  - { name: alice sees herself, as: alice, request: GET /me, expect: 200 }
";
    let run = Project::new(&start(1).url, &format!("{SCHEME}{PEOPLE}"), suite).run("");
    run.must(3, &[("a wrong password", "unproven: unproven"), ("alice sees herself", "blocked: login-failed")]);
    let run = Project::new(&start(2).url, &format!("{SCHEME}{PEOPLE}"), suite).run("");
    run.must(0, &[("a wrong password", "proven"), ("alice sees herself", "passed")]);
}

#[test]
fn a_login_that_is_rate_limited() {
    let server = Server::start({
        let (api, logins) = (Api::default(), AtomicUsize::new(0));
        move |r| {
            if r.is("POST /login") && logins.fetch_add(1, Ordering::SeqCst) > 0 {
                status(429).header("retry-after", "60")
            } else {
                api.answer(r)
            }
        }
    });
    let suite = r"
serial: true
cases:
  - { name: alice sees herself, as: alice, request: GET /me, expect: 200 }
  - { name: a wrong password, request: POST /login, json: { username: alice, password: wrong }, expect: [401, 403] }
  - { name: bob is refused, as: bob, request: GET /admin, expect: 403 }
";
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("--retry 2");
    run.must(
        3,
        &[
            ("alice sees herself", "passed"),
            ("a wrong password", "inconclusive: asked-too-often"),
            ("bob is refused", "blocked: login-failed"),
        ],
    );
    assert!(run.said.contains("429"), "the cause is told: {}", run.said);
    assert_eq!(server.count("POST /login"), 3, "a blocked login and a refusal are never tried again");
}

const EXPIRY: &str = "cases:\n  - { name: alice sees herself, as: alice, request: GET /me, expect: 200 }\n";

/// Whatever the refresh does, the cases that need it have one clear cause.
#[test]
fn refreshes_that_do_not_help() {
    let run = |answer: fn(&Request, &Api) -> crate::server::Reply, scheme: &str| {
        let api = Arc::new(Api::default());
        let server = Server::start({
            let api = Arc::clone(&api);
            move |r| match &*r.path {
                "/refresh" => answer(r, &api),
                "/login" => json(200, r#"{"access_token":"stale","refresh_token":"spare"}"#),
                "/me" => match r.bearer() {
                    "stale" => unauthorized("the token expired"),
                    _ => api.answer(r),
                },
                _ => api.answer(r),
            }
        });
        let run = Project::new(&server.url, &format!("{scheme}{PEOPLE}"), EXPIRY).run("");
        assert!(server.count("POST /refresh") <= 1, "a refresh is never repeated blindly");
        run
    };
    // The same token again.
    run(|_, _| json(200, r#"{"access_token":"stale","refresh_token":"spare"}"#), REFRESHING)
        .must(1, &[("alice sees herself", "failed: check-failed")]);
    // An error with status 200.
    run(|_, _| json(200, r#"{"error":"invalid_grant"}"#), REFRESHING)
        .must(3, &[("alice sees herself", "blocked: login-failed")]);
    // An error: the login that takes its place gives what is over, too.
    run(|_, _| status(500), REFRESHING).must(1, &[("alice sees herself", "failed: check-failed")]);
    // Nothing.
    run(|_, _| status(204), REFRESHING).must(3, &[("alice sees herself", "blocked: login-failed")]);
    // Somebody else's token, where a `whoami` looks.
    let looking =
        format!("{REFRESHING}    whoami: {{ request: GET /who, expect: {{ json: {{ $.username: alice }} }} }}\n");
    let server = Server::start({
        let api = Api::default();
        move |r| match (&*r.path, r.bearer()) {
            ("/refresh", _) => api.issue("bob"),
            ("/login", _) => json(200, r#"{"access_token":"stale","refresh_token":"spare"}"#),
            ("/who", "stale") => json(200, r#"{"username":"alice"}"#),
            ("/who", _) => api.known(r, |user| json(200, &format!(r#"{{"username":"{user}"}}"#))),
            ("/me", "stale") => unauthorized("the token expired"),
            _ => api.answer(r),
        }
    });
    Project::new(&server.url, &format!("{looking}{PEOPLE}"), EXPIRY)
        .run("")
        .must(3, &[("alice sees herself", "blocked: wrong-person")]);
}

/// A defect that is to be let in is refused by a dead session whatever the server makes of it: no failure, and no pass.
#[test]
fn a_defect_that_is_to_be_let_in_by_a_dead_session() {
    let suite = "cases:\n  - { name: tab, as: bob, with: { these: hdr-tab-sep, expect: { hdr-tab-sep: 200 } }, request: GET /me }\n  - { name: case, as: bob, with: hdr-lowercase-scheme, request: GET /me }\n";
    for (limit, tab, case) in [
        (1, "inconclusive: control-after", "inconclusive: control-after"),
        (99, "failed: check-failed", "failed: mutant-refused"),
    ] {
        let project =
            Project::new(&mortal(limit, 401).url, &format!("{BLIND}{PEOPLE}"), &format!("serial: true\n{suite}"));
        let run = project.run("");
        run.must(if limit == 1 { 3 } else { 1 }, &[("tab", tab), ("case", case)]);
    }
}

/// Every request says expired, whatever token it has: one refresh shows that it does not help.
#[test]
fn a_server_that_calls_everything_expired() {
    let server = Server::start({
        let api = Api::default();
        move |r| if r.is("GET /me") { unauthorized("invalid or expired token") } else { api.answer(r) }
    });
    let cases: String =
        (0..20).map(|i| format!("  - {{ name: c{i}, as: alice, request: GET /me, expect: 200 }}\n")).collect();
    let run =
        Project::new(&server.url, &format!("{REFRESHING}{PEOPLE}"), &format!("serial: true\ncases:\n{cases}")).run("");
    assert_eq!(run.code, 1);
    assert!(run.cases().iter().all(|c| c["verdict"] == "failed"), "{}", run.said);
    assert_eq!(server.count("POST /refresh"), 1);
}

/// A refresh ends the token that other cases still hold; they go on with the new one.
#[test]
fn a_refresh_that_kills_the_old_token() {
    let server = Server::start({
        let api = Api::living(Duration::from_mins(10));
        let told = AtomicUsize::new(0);
        move |r| match &*r.path {
            "/refresh" => {
                api.forget();
                api.answer(r)
            }
            // The first token is called expired once; everybody else who has it hears only that it is unknown.
            "/me" if r.bearer().ends_with("-1") && told.fetch_add(1, Ordering::SeqCst) == 0 => {
                unauthorized("the token expired")
            }
            "/slow" => api.known(r, |_| status(200)).after(300),
            _ => match api.user(r) {
                Err(_) if r.path == "/me" => status(401),
                _ => api.answer(r),
            },
        }
    });
    let suite = r"
cases:
  - name: a slow one
    as: alice
    steps:
      - { request: GET /slow }
      - { request: GET /me }
  - { name: the one that refreshes, as: alice, request: GET /me }
";
    let run = Project::new(&server.url, &format!("{REFRESHING}{PEOPLE}"), suite).run("");
    run.must(0, &[("a slow one", "passed"), ("the one that refreshes", "passed")]);
    assert_eq!((server.count("POST /login"), server.count("POST /refresh")), (1, 1));
}

/// The shared session is ended by one case; the others must not find proofs in their 401.
#[test]
fn a_session_that_another_case_ends() {
    let start = || {
        let api = Api::default();
        Server::start(move |r| api.answer(r))
    };
    let suite = |session: &str| {
        format!(
            "serial: true
cases:
  - {{ name: bob works, as: bob, request: GET /me }}
  - name: logging out ends it
    as: bob
    {session}
    steps:
      - {{ request: GET /me, expect: 200 }}
      - {{ request: POST /logout, expect: 204 }}
      - {{ request: GET /me, expect: 401 }}
  - {{ name: root sees it, as: root, request: GET /admin }}
  - {{ name: bob is refused, as: bob, request: GET /admin, expect: 403 }}
"
        )
    };
    let verdicts = |out, bob| {
        [("bob works", "passed"), ("logging out ends it", out), ("root sees it", "passed"), ("bob is refused", bob)]
    };
    let project = Project::new(&start().url, &format!("{SCHEME}{PEOPLE}"), &suite("session: fresh"));
    project.run("").must(0, &verdicts("proven", "proven"));
    let project = Project::new(&start().url, &format!("{SCHEME}{PEOPLE}"), &suite("session: shared"));
    project.run("").must(1, &verdicts("inconclusive: not-alive", "failed: check-failed"));
    // The culprit is named in both.
    let run = project.run("");
    for name in ["logging out ends it", "bob is refused"] {
        let reason = &run.case(name)["reasons"][1];
        assert_eq!(reason["code"], "session-disturbed", "{}", run.said);
        assert!(reason["message"].as_str().unwrap().contains("suite/logging-out-ends-it"), "{reason}");
    }
}

/// A token expires while the case waits: the case itself saw it working.
#[test]
fn a_real_expiry() {
    let start = |lifetime| {
        let api = Api::living(Duration::from_millis(lifetime));
        Server::start(move |r| api.answer(r))
    };
    let suite = r"
cases:
  - name: it ends
    as: alice
    steps:
      - { request: GET /me, expect: 200 }
      - { request: GET /me, pause: 700ms, expect: 401 }
";
    for session in ["shared", "fresh"] {
        let suite = format!("{suite}    session: {session}\n");
        let people = format!("{REFRESHING}{PEOPLE}");
        Project::new(&start(600).url, &people, &suite).run("").must(0, &[("it ends", "proven")]);
        Project::new(&start(60_000).url, &people, &suite).run("").must(1, &[("it ends", "failed: check-failed")]);
    }
    // Without having seen it work, a 401 shows nothing.
    let unseen = r"
cases:
  - { name: alice works, as: alice, request: GET /me, session: fresh }
  - { name: it ends, as: alice, request: GET /me, pause: 700ms, expect: 401, session: SESSION }
";
    for session in ["shared", "fresh"] {
        let suite = unseen.replace("SESSION", session);
        Project::new(&start(600).url, &format!("{BLIND}{PEOPLE}"), &suite)
            .run("")
            .must(3, &[("alice works", "passed"), ("it ends", "inconclusive: not-alive")]);
    }
}
