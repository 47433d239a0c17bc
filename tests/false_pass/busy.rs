//! A server that is asked too often: a 429 lets nobody in and refuses nobody. Honest limits are waited out, and what they
//! do not answer is not judged.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::api::Api;
use crate::runs::{PEOPLE, Project, Run, SCHEME};
use crate::server::{Reply, Request, Server, json};

/// A right API with a limit for all but logins: so many requests in each second.
fn limited(most: usize, says: fn(Reply) -> Reply) -> Server {
    let (api, window) = (Api::default(), Mutex::new((Instant::now(), 0)));
    Server::start(move |r| {
        if r.is("POST /login") {
            return api.answer(r);
        }
        let mut window = window.lock().unwrap();
        if window.0.elapsed() >= Duration::from_secs(1) {
            *window = (Instant::now(), 0);
        }
        window.1 += 1;
        if window.1 > most { says(json(429, r#"{"error":"slow down"}"#)) } else { paged(&api, r) }
    })
}

/// Every page below `/admin` is root's; what is posted there is created.
fn paged(api: &Api, r: &Request) -> Reply {
    if !r.path.starts_with("/admin") {
        return api.answer(r);
    }
    api.known(r, |user| match (user, &*r.method) {
        ("root", "POST") => json(201, "{}"),
        ("root", _) => json(200, r#"{"users":3}"#),
        _ => json(403, r#"{"error":"forbidden"}"#),
    })
}

fn run(server: &Server, suite: &str, arguments: &str) -> Run {
    Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run(arguments)
}

fn matrix() -> String {
    let rows = (1..6).map(|n| format!("    GET /admin/{n}: {{ root: allow }}\n")).collect::<String>();
    let post = "    POST /admin/things: { root: 201 }\n";
    format!("access:\n  columns: [anonymous, alice, bob, root]\n  rows:\n{rows}{post}")
}

#[test]
fn a_limit_that_says_when_to_come_again_is_waited_out() {
    for says in [|reply: Reply| reply.header("retry-after", "1"), |reply: Reply| reply.header("ratelimit-reset", "1")] {
        let server = limited(8, says);
        let suite = format!("cases:\n  - {{ name: bob, as: bob, request: GET /admin/1, expect: 403 }}\n{}", matrix());
        let run = run(&server, &suite, "");
        assert_eq!(run.code, 0, "{}", run.said);
        assert!(run.cases().iter().all(|case| case["proof"]["unproven"] == 0), "{}", run.said);
    }
}

/// Defects leave by a way of their own.
#[test]
fn defects_wait_for_a_limit_as_well() {
    let server = limited(4, |reply| reply.header("retry-after", "1"));
    let suite = "cases:\n  - { name: d, as: alice, with: [tok-garbage, tok-placeholder, tok-placeholder-null, tok-truncated, hdr-missing], request: GET /me }\n";
    let run = run(&server, suite, "");
    assert_eq!(run.code, 0, "{}", run.said);
}

/// All others wait for the answer to the control, which waits for the gateway or the limit.
#[test]
fn a_control_that_waits_keeps_nobody_waiting_for_ever() {
    let lapses: [fn() -> Reply; 2] = [|| json(502, "{}"), || json(429, "{}").header("retry-after", "1")];
    for lapse in lapses {
        let (api, asked) = (Api::default(), AtomicUsize::new(0));
        let server = Server::start(move |r| {
            let is_first = r.is("GET /me") && !r.header("authorization").is_empty();
            // The first is the `whoami` of the login.
            if is_first && asked.fetch_add(1, Ordering::SeqCst) == 1 { lapse() } else { api.answer(r) }
        });
        let suite = "cases:\n  - { name: d, as: alice, with: { these: pack.bearer, except: hdr-lowercase-scheme }, request: GET /me }\n";
        let run = run(&server, suite, "-j 2 --deadline 20s");
        assert_eq!(run.code, 0, "{}", run.said);
        assert!(run.took < Duration::from_secs(15), "{:?}", run.took);
    }
}

/// Whoever comes while the server is left alone waits as well, so that nobody has to be told again.
#[test]
fn one_wait_is_shared() {
    let (api, began) = (Api::default(), Mutex::new(None));
    let refused = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&refused);
    let server = Server::start(move |r| {
        if !r.path.starts_with("/admin") {
            return api.answer(r);
        }
        let mut began = began.lock().unwrap();
        let is_over = began.get_or_insert_with(Instant::now).elapsed() > Duration::from_millis(900);
        if is_over {
            return paged(&api, r);
        }
        counter.fetch_add(1, Ordering::SeqCst);
        json(429, "{}").header("retry-after", "1")
    });
    let run = run(&server, &matrix(), "-j 2");
    assert_eq!(run.code, 0, "{}", run.said);
    let refused = refused.load(Ordering::SeqCst);
    assert!(refused <= 3, "two were on their way, and all others waited: {refused}");
}

#[test]
fn a_limit_that_lasts_leaves_a_refusal_unjudged() {
    for says in [|reply: Reply| reply, |reply: Reply| reply.header("retry-after", "3600")] {
        let server = limited(0, says);
        let scheme = crate::runs::BLIND;
        let cases = "cases:\n  - { name: nobody, as: anonymous, request: GET /admin/1, expect: 401 }\n  - { name: bob, as: bob, request: GET /admin/1, expect: [401, 403] }\n";
        let suite = format!("{cases}{}", matrix());
        let run = Project::new(&server.url, &format!("{scheme}{PEOPLE}"), &suite).run("");
        assert_eq!(run.code, 3, "{}", run.said);
        for case in run.cases() {
            assert_eq!(case["verdict"], "inconclusive", "{}", run.said);
            assert_eq!(case["reasons"][0]["code"], "asked-too-often", "{}", run.said);
        }
        assert!(run.took < Duration::from_secs(5), "{:?}", run.took);
    }
}

#[test]
fn a_limit_that_is_expected_comes_at_once() {
    let server = limited(0, |reply| reply.header("retry-after", "2"));
    let suite = "cases:\n  - { name: limit, as: anonymous, request: GET /admin/1, expect: 429 }\n";
    let run = run(&server, suite, "");
    run.must(0, &[("limit", "passed")]);
    assert_eq!(server.count("GET /admin/1"), 1);
}

/// A server that cannot answer for now may have done what it was asked to.
#[test]
fn a_change_is_not_sent_again_after_a_503() {
    for (method, times) in [("POST", 1), ("GET", 2)] {
        let (api, first) = (Api::default(), Mutex::new(true));
        let server = Server::start(move |r| {
            if r.path != "/admin/1" {
                return api.answer(r);
            }
            let is_first = std::mem::replace(&mut *first.lock().unwrap(), false);
            if is_first { json(503, "{}").header("retry-after", "0") } else { paged(&api, r) }
        });
        let suite = format!("cases:\n  - {{ name: bob, as: bob, request: {method} /admin/1, expect: 403 }}\n");
        let run = run(&server, &suite, "");
        assert_eq!(server.count(&format!("{method} /admin/1")), times, "{}", run.said);
        assert_eq!(run.verdict("bob"), if times == 1 { "inconclusive" } else { "unproven" }, "{}", run.said);
    }
}

/// Some APIs answer 403 to whoever is above a limit. That is no refusal, and looks like one.
#[test]
fn a_limit_of_403_refuses_nobody() {
    let says = |limit: fn(Reply) -> Reply, most: usize| {
        let (api, window) = (Api::default(), Mutex::new((Instant::now(), 0)));
        Server::start(move |r| {
            if !r.path.starts_with("/admin") {
                return api.answer(r);
            }
            let mut window = window.lock().unwrap();
            if window.0.elapsed() >= Duration::from_secs(1) {
                *window = (Instant::now(), 0);
            }
            window.1 += 1;
            if window.1 > most { limit(json(403, r#"{"message":"API rate limit exceeded"}"#)) } else { paged(&api, r) }
        })
    };
    let rows = matrix().replace("    POST /admin/things: { root: 201 }\n", "");
    let suite = format!("cases:\n  - {{ name: bob, as: bob, request: GET /admin/1, expect: 403 }}\n{rows}");
    let soon: [fn(Reply) -> Reply; 2] = [
        |reply| reply.header("retry-after", "1"),
        |reply| reply.header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", "1"),
    ];
    for limit in soon {
        let run = run(&says(limit, 8), &suite, "");
        assert_eq!(run.code, 0, "{}", run.said);
        assert!(run.cases().iter().all(|case| case["proof"]["unproven"] == 0), "{}", run.said);
    }
    // One that lasts proves nothing, and the refusal that it looks like least of all.
    let run = run(&says(|reply| reply.header("retry-after", "3600"), 0), &suite, "");
    assert_eq!(run.code, 3, "{}", run.said);
    for case in run.cases() {
        assert_eq!(case["reasons"][0]["code"], "asked-too-often", "{}", run.said);
    }
    // A refusal may say what is left of a limit.
    let (api, says_left) =
        (Api::default(), |reply: Reply| reply.header("x-ratelimit-remaining", "7").header("x-ratelimit-reset", "60"));
    let server = Server::start(move |r| says_left(paged(&api, r)));
    assert_eq!(self::run(&server, &suite, "").code, 0);
}

/// A server behind a gateway, which answers in its place where `breaks` says so, by how often it was asked.
fn behind(status: u16, breaks: impl Fn(&Request, usize) -> bool + Send + Sync + 'static) -> Server {
    let (api, asked) = (Api::default(), AtomicUsize::new(0));
    Server::start(move |r| {
        let number = asked.fetch_add(1, Ordering::SeqCst);
        if !r.is("POST /login") && breaks(r, number) { json(status, "{}") } else { paged(&api, r) }
    })
}

/// Gateways break now and then by themselves: a defect is sent once more before it is told that the server broke on it.
#[test]
fn a_gateway_is_asked_once_more() {
    let defects = "[tok-garbage, tok-placeholder, tok-placeholder-null, tok-truncated, hdr-missing]";
    let suite = format!("cases:\n  - {{ name: d, as: alice, with: {defects}, request: GET /me }}\n");
    for status in [502, 503, 504] {
        let run = run(&behind(status, |_, number| number % 4 == 3), &suite, "-j 1");
        assert_eq!(run.code, 0, "{status}: {}", run.said);
        // One that breaks on the defects alone is told.
        let good = Mutex::new(String::new());
        let server = behind(status, move |r, _| {
            let mut good = good.lock().unwrap();
            if good.is_empty() {
                r.bearer().clone_into(&mut good);
            }
            r.path == "/me" && r.bearer() != *good
        });
        let run = self::run(&server, &suite, "-j 1");
        assert_eq!(run.code, 1, "{status}: {}", run.said);
        assert!(run.said.contains("the server broke on"), "{}", run.said);
        // And one that is gone for everybody is not.
        let run = self::run(&behind(status, |_, number| number > 3), &suite, "-j 1");
        assert_eq!(run.code, 3, "{status}: {}", run.said);
    }
    // An error of the server itself is not asked for twice.
    let run = run(&behind(500, |_, number| number % 4 == 3), &suite, "-j 1");
    assert_eq!(run.code, 1, "{}", run.said);
}

/// A limit at `whoami` says nothing of whose session it is.
#[test]
fn a_limit_at_whoami_is_nobody_else() {
    let server = behind(429, |r, _| r.path == "/me");
    let run = run(&server, "cases:\n  - { name: it, as: alice, request: GET /me }\n", "");
    run.must(3, &[("it", "blocked: asked-too-often")]);
    assert!(!run.said.contains("somebody else"), "{}", run.said);
}

/// A firewall that answers 403 also where the plain request is to be hidden: nothing is shown of the defect.
#[test]
fn a_defect_that_is_answered_as_the_plain_request_is_not_blamed() {
    let run = |firewall: Option<usize>| {
        let (api, asked) = (Api::default(), AtomicUsize::new(0));
        let server = Server::start(move |r| match &*r.path {
            "/me" | "/login" => api.answer(r),
            _ if firewall.is_some_and(|from| asked.fetch_add(1, Ordering::SeqCst) >= from) => json(403, "{}"),
            _ => api.known(r, |user| {
                if user == "root" && r.path == "/hidden" { json(200, r#"{"secret":1}"#) } else { json(404, "{}") }
            }),
        });
        let suite = "serial: true
cases:
  - { name: root, as: root, request: GET /hidden, expect: [200, 403] }
  - { name: d, as: bob, with: [az-path-dslash, az-path-dot], request: GET /hidden, expect: 404 }
";
        self::run(&server, suite, "-j 1")
    };
    let told = run(Some(0));
    assert_eq!(told.code, 3, "{}", told.said);
    assert!(told.said.contains("to the plain request too, where 404 is wanted"), "{}", told.said);
    // One that begins between the plain request and the defect.
    let told = run(Some(2));
    assert_eq!(told.code, 3, "{}", told.said);
    assert!(told.said.contains("to the plain request by now as well"), "{}", told.said);
    let fine = run(None);
    assert_eq!(fine.code, 0, "{}", fine.said);
}
