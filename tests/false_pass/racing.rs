//! What happens at the same time: answers that come late, sessions that end under others, and runs that are cut off in
//! the midst of a login or of a last control.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::api::Api;
use crate::expiry;
use crate::runs::{BLIND, PEOPLE, Project, REFRESHING, SCHEME};
use crate::server::{Server, json, status};

/// Longer than any of these runs may take.
const NEVER: u64 = 60_000;

fn is_prompt(took: Duration) -> bool {
    took < Duration::from_secs(20)
}

/// An answer that was on its way when its session ended shows nothing about the time after it came.
#[test]
fn an_answer_that_comes_late_does_not_show_a_session_alive() {
    let (api, dead) = (Api::default(), AtomicUsize::new(0));
    let server = Server::start(move |r| match r.path.as_str() {
        "/slow" if r.bearer().is_empty() => status(401),
        "/slow" if dead.load(Ordering::SeqCst) == 1 => status(401),
        "/slow" => {
            dead.store(1, Ordering::SeqCst);
            json(200, "{}").after(1500)
        }
        "/admin" if r.bearer().contains("alice") => status(401),
        _ => api.answer(r),
    });
    let suite = r"
cases:
  - { name: root may, as: root, request: GET /admin, expect: 200 }
  - { name: nobody, as: anonymous, request: GET /slow, expect: 401 }
  - { name: late, as: alice, request: GET /slow, expect: 200 }
  - { name: refused, as: alice, steps: [ { request: GET /admin, pause: 500ms, expect: 401 } ] }
";
    let run = Project::new(&server.url, &format!("{BLIND}{PEOPLE}"), suite).run("--jobs 8");
    assert_eq!(run.verdict("refused"), "inconclusive", "{}", run.said);
    assert_eq!((run.reason("refused"), run.code), ("not-alive", 3));
}

/// A case that waits keeps the session that it began with; what a newer one is allowed says nothing about that.
#[test]
fn a_newer_session_does_not_show_the_old_one_alive() {
    let api = Api::living(Duration::from_secs(2));
    let server = Server::start(move |r| match r.path.as_str() {
        "/admin" if r.bearer().contains("root") => json(200, "{}"),
        _ => api.answer(r),
    });
    let suite = r"
serial: true
cases:
  - { name: root may, as: root, request: GET /admin, expect: 200 }
  - { name: nobody, as: anonymous, request: GET /me, expect: 401 }
  - { name: at first, as: bob, request: GET /me, expect: 200 }
  - { name: refused, as: bob, steps: [ { request: GET /admin, pause: 2500ms, expect: 401 } ] }
  - { name: renewed, as: bob, request: GET /me, expect: 200 }
";
    let run = Project::new(&server.url, &format!("{REFRESHING}{PEOPLE}"), suite).run("");
    assert_eq!(run.verdict("renewed"), "passed", "{}", run.said);
    assert_eq!(run.verdict("refused"), "inconclusive", "{}", run.said);
}

/// A login that hangs does not outlive the run that it was for.
#[test]
fn a_login_that_hangs_ends_with_the_run() {
    let api = Api::default();
    let server = Server::start(move |r| {
        let hangs = r.is("POST /login") && r.field("username") == "alice";
        api.answer(r).after(if hangs { NEVER } else { 0 })
    });
    let suite = "cases:\n  - { name: c, as: alice, request: GET /me }\n  - { name: d, as: bob, request: GET /me }\n";
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("--deadline 1s --timeout 2m");
    run.must(3, &[("c", "not-run: deadline"), ("d", "passed")]);
    assert!(is_prompt(run.took), "{:?}", run.took);
}

/// A server that answers the good token so often, and then hangs.
fn hanging(most: usize, life: i64) -> Server {
    let good = AtomicUsize::new(0);
    let strict = move |r: &crate::server::Request| {
        if r.is("POST /login") {
            let body = format!(r#"{{"access_token":"{}"}}"#, expiry::token(1, expiry::now() + life));
            return json(200, &body);
        }
        if expiry::end_of(r).is_none() {
            return status(401);
        }
        let hangs = good.fetch_add(1, Ordering::SeqCst) >= most;
        json(200, r#"{"username":"alice"}"#).after(if hangs { NEVER } else { 0 })
    };
    Server::start(strict)
}

/// The last control comes when its case is done already; a run that is over does not wait for it.
#[test]
fn a_last_control_that_hangs_ends_with_the_run() {
    let suite = "cases:\n  - { name: c, as: alice, with: hdr-missing, request: GET /me }\n";
    let server = hanging(1, 600);
    let run = Project::new(&server.url, &format!("{BLIND}{PEOPLE}"), suite).run("--deadline 2s --timeout 2m");
    assert_eq!(run.verdict("c"), "inconclusive", "{}", run.said);
    assert_eq!(run.reason("c"), "control-after");
    assert!(is_prompt(run.took), "{:?}", run.took);
}

/// A case that waits for its token to end asks the last control of those that do not wait with it; cut off there, it
/// takes none of them with it.
#[test]
fn no_case_is_lost_when_a_control_of_its_group_is_cut_off() {
    let suite = "cases:\n  - { name: c, as: alice, with: [hdr-missing, hdr-empty, token-expired], request: GET /me }\n";
    let server = hanging(1, 8);
    let project = Project::new(&server.url, &format!("{BLIND}{PEOPLE}"), suite);
    let run = project.run("--jobs 1 --deadline 2s --timeout 2m --max-wait 20s");
    let held = "inconclusive: control-after";
    run.must(
        3,
        &[
            ("c [with=hdr-missing]", held),
            ("c [with=hdr-empty]", held),
            ("c [with=token-expired]", "not-run: deadline"),
        ],
    );
    assert!(is_prompt(run.took), "{:?}", run.took);
}

/// A failure that was expected stops nothing, also while it waits for what the rest of the run may say of it.
#[test]
fn fail_fast_and_a_failure_that_is_expected() {
    let api = Api::default();
    let server = Server::start(move |r| api.answer(r));
    let suite = r"
serial: true
cases:
  - { name: root may, as: root, request: GET /admin, expect: 200 }
  - { name: known, as: bob, request: GET /admin, expect: 200, xfail: { reason: not built yet } }
  - { name: later, as: alice, request: GET /me, expect: 200 }
";
    let project = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite);
    project.run("--fail-fast").must(0, &[("root may", "passed"), ("known", "skipped: xfail"), ("later", "passed")]);
}

/// A server that wants to be asked again at the end of time is asked again by nobody.
#[test]
fn a_server_that_asks_for_an_endless_wait() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |r| {
        let first = asked.fetch_add(1, Ordering::SeqCst) == 0;
        let _ = r;
        status(429).header("retry-after", if first { "1".to_owned() } else { u64::MAX.to_string() })
    });
    let suite = "cases:\n  - { name: c, as: alice, request: GET /me }\n";
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("");
    run.must(3, &[("c", "blocked: login-failed")]);
}

/// A race is sent with a session that is good for it.
#[test]
fn a_session_that_ends_is_renewed_before_a_race() {
    let api = Api::living(Duration::from_secs(2));
    let server = Server::start(move |r| {
        let mut reply = api.answer(r);
        reply.body = reply.body.replacen(r#"{"access"#, r#"{"expires_in":2,"access"#, 1);
        reply
    });
    let suite = r"
serial: true
cases:
  - { name: at first, as: alice, request: GET /me, expect: 200 }
  - { name: time passes, as: anonymous, steps: [ { request: GET /health, pause: 2500ms } ] }
  - { name: race, as: alice, request: GET /me, together: 3, expect: 200 }
";
    let scheme = REFRESHING
        .replace("refresh_token: $.refresh_token }", "refresh_token: $.refresh_token, expires_in: $.expires_in }");
    let run = Project::new(&server.url, &format!("{scheme}{PEOPLE}"), suite).run("");
    run.must(0, &[("at first", "passed"), ("time passes", "passed"), ("race", "passed")]);
}

/// A case that ends all sessions of somebody comes between defects of hers: what those before it were refused is shown
/// by the session of then.
#[test]
fn an_exclusive_case_between_defects_of_one_group() {
    let api = Arc::new(Api::default());
    let server = Server::start(move |r| {
        if r.path == "/end-all" {
            api.forget();
            return status(204);
        }
        api.answer(r).after(20)
    });
    let defects = "setup: [ { request: GET /health } ]\ncases:\n  - { name: c, as: alice, with: [hdr-missing, hdr-empty, hdr-scheme-only, hdr-no-scheme, hdr-wrong-scheme, tok-garbage, tok-placeholder, tok-placeholder-null, tok-placeholder-none, tok-placeholder-false, tok-placeholder-object, tok-truncated], request: GET /me }\n";
    let project = Project::new(&server.url, &format!("{BLIND}{PEOPLE}"), defects);
    let ends = "cases:\n  - { name: first, each: [{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }, { id: 5 }, { id: 6 }, { id: 7 }, { id: 8 }, { id: 9 }, { id: 10 }], as: bob, request: GET /me }\n  - { name: ends all, as: alice, session: exclusive, request: POST /end-all }\n";
    project.file("ends.yaml", ends);
    let run = project.run("--jobs 2");
    let wrong: Vec<_> = run.cases().iter().filter(|c| c["verdict"] == "inconclusive").collect();
    assert!(wrong.is_empty(), "{}\n{wrong:?}", run.said);
    assert!(run.cases().len() > 13, "{}", run.said);
    assert_eq!(run.code, 0, "{}", run.said);
}

/// It is refused before its end for idling, which takes the server as long to say as the token had left.
#[test]
fn a_token_that_was_not_allowed_shortly_before_its_end() {
    let asked = Mutex::new(0);
    let slow = Server::start(move |r| {
        if r.is("POST /login") {
            let body = format!(r#"{{"access_token":"{}"}}"#, expiry::token(1, expiry::now() + 5));
            return json(200, &body);
        }
        let mut asked = asked.lock().unwrap();
        if expiry::end_of(r).is_none() {
            return status(401);
        }
        *asked += 1;
        match *asked {
            2 => status(401).after(3000),
            3 => status(401),
            _ => json(200, "{}"),
        }
    });
    let suite = "cases:\n  - { name: c, as: alice, with: token-expired, request: GET /me }\n";
    let run = Project::new(&slow.url, &format!("{BLIND}{PEOPLE}"), suite).run("--max-wait 20s");
    run.must(3, &[("c", "inconclusive: control-refused")]);
}
