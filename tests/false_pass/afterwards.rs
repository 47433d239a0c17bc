//! What changes while defects are sent: a limiter that wakes up, a session that ends.

use std::sync::Mutex;

use crate::api::{Api, unauthorized};
use crate::runs::{BLIND, PEOPLE, Project, Run, SCHEME};
use crate::server::{Reply, Request, Server, json, status};

fn run(server: &Server, scheme: &str, cases: &str) -> Run {
    Project::new(&server.url, &format!("{scheme}{PEOPLE}"), &format!("cases:\n{cases}")).run("-j 1")
}

/// An API that lets in whoever writes a token twice, behind a firewall: after so many bad tokens it blocks each bad one,
/// in its own way, and lets the good ones through.
fn walled(patience: usize, block: fn() -> Reply) -> Server {
    let (api, bad) = (Api::default(), Mutex::new(0));
    Server::start(move |r| {
        // What bears no token is passed over, and refused by the API itself.
        if r.is("POST /login") || api.user(r).is_ok() || !r.header("authorization").starts_with("Bearer ") {
            return api.answer(r);
        }
        let mut bad = bad.lock().unwrap();
        *bad += 1;
        if *bad > patience {
            block()
        } else if r.header("authorization").contains('"') {
            json(200, r#"{"username":"alice"}"#)
        } else {
            api.answer(r)
        }
    })
}

fn forbidden() -> Reply {
    json(403, r#"{"error":"blocked"}"#)
}

const ROWS: &str = "[hdr-missing, tok-garbage, tok-placeholder, hdr-empty, hdr-wrong-scheme, hdr-no-scheme, tok-placeholder-null, hdr-quoted]";

fn verdicts<'r>(run: &'r Run) -> Vec<(&'r str, String)> {
    let row = |case: &'r serde_json::Value| case["with"]["id"].as_str().unwrap_or_default();
    let told = |case: &serde_json::Value| match case["verdict"].as_str().unwrap() {
        "inconclusive" => case["reasons"][0]["code"].as_str().unwrap_or_default().to_owned(),
        verdict => verdict.to_owned(),
    };
    run.cases().iter().map(|case| (row(case), told(case))).collect()
}

#[test]
fn a_firewall_that_wakes_up_proves_nothing() {
    let case = format!("  - {{ name: c, as: alice, with: {ROWS}, request: GET /me }}\n");
    let pages = || status(401).header("content-type", "text/html").body("<h1>blocked</h1>");
    for block in [forbidden, || status(404), || status(400), pages] {
        let run = run(&walled(2, block), SCHEME, &case);
        assert_eq!(run.code, 3, "{}", run.said);
        for (row, told) in verdicts(&run) {
            let late = ["tok-placeholder-null", "hdr-quoted"].contains(&row);
            assert_eq!(told, if late { "refused-otherwise" } else { "passed" }, "{row}\n{}", run.said);
        }
    }
    // Asleep, it hides nothing.
    run(&walled(100, forbidden), SCHEME, "  - { name: c, as: alice, with: hdr-quoted, request: GET /me }\n")
        .must(1, &[("c", "failed: mutant-accepted")]);
}

/// Each defect is refused in its own way, today and tomorrow: one more request for each way shows it.
#[test]
fn a_server_that_refuses_in_several_ways_is_asked_little() {
    let api = Api::default();
    let server = Server::start(move |r| match r.header("authorization") {
        _ if r.is("POST /login") => api.answer(r),
        "" => status(403),
        field if !field.starts_with("Bearer ") => status(400),
        _ => api.answer(r),
    });
    let case = format!("  - {{ name: c, as: alice, with: {ROWS}, request: GET /me }}\n");
    let run = run(&server, BLIND, &case);
    assert_eq!((run.code, run.cases().len()), (0, 8), "{}", run.said);
    // Eight defects; the good token before and after, none once, and three that are sent again at the most.
    assert!(server.count("GET /me") <= 14, "{}", server.count("GET /me"));
}

/// Where all are refused in one way nothing is sent again.
#[test]
fn one_way_needs_no_second_look() {
    let api = Api::default();
    let server = Server::start(move |r| api.answer(r));
    let run = run(&server, BLIND, &format!("  - {{ name: c, as: alice, with: {ROWS}, request: GET /me }}\n"));
    assert_eq!((run.code, server.count("GET /me")), (0, 11), "{}", run.said);
}

const AROUND: &str = "  - { name: c, as: bob, with: [az-path-slash, az-path-suffix, az-param-role, az-path-matrix], request: GET /admin, control: root }\n";

/// After some odd requests nobody gets in any more, root neither: what is refused then is no detour's refusal.
#[test]
fn whoever_is_allowed_has_to_be_allowed_after_all_ways_around() {
    let server = |patience: usize| {
        let (api, odd) = (Api::default(), Mutex::new(0));
        Server::start(move |r: &Request| {
            let mut odd = odd.lock().unwrap();
            *odd += usize::from(r.path.starts_with("/admin") && !r.is("GET /admin"));
            if *odd > patience { forbidden() } else { api.answer(r) }
        })
    };
    let allowed = "  - { name: root may, as: root, request: GET /admin, expect: 200 }\n";
    let suite = format!("{allowed}{AROUND}");
    let awake = run(&server(1), SCHEME, &suite);
    assert_eq!(awake.code, 3, "{}", awake.said);
    let told = verdicts(&awake);
    assert!(told[1..].iter().all(|(_, told)| told == "control-after" || told == "refused-otherwise"), "{told:?}");
    assert_eq!(run(&server(100), SCHEME, &suite).code, 0);
}

/// Whoever asks for ways around what is allowed is told so; in a pack about many things these rows are left out.
#[test]
fn what_is_allowed_has_nothing_to_get_around() {
    let api = Api::default();
    let server = Server::start(move |r| api.answer(r));
    for (with, code, verdict) in
        [("pack.bypass", 3, "control-allowed"), ("[az-path-slash]", 3, "control-allowed"), ("pack.asvs", 0, "skipped")]
    {
        let case = format!("  - {{ name: c, as: root, with: {with}, request: GET /admin }}\n");
        let run = run(&server, SCHEME, &case);
        let told = verdicts(&run);
        let around: Vec<_> = told.iter().filter(|(row, _)| row.starts_with("az-")).collect();
        assert!(!around.is_empty() && around.iter().all(|(_, told)| told == verdict), "{with}: {around:?}");
        assert_eq!(run.code, code, "{with}\n{}", run.said);
    }
}

/// It is no fault of the server's that a session is over when something is sent that has to be taken.
#[test]
fn what_has_to_be_taken_is_sent_with_a_living_session() {
    for (dies, code, verdict) in [(true, 3, "inconclusive: control-after"), (false, 1, "failed: mutant-refused")] {
        let api = Api::default();
        let server = Server::start(move |r| {
            if r.header("authorization").starts_with("bearer ") {
                if dies {
                    api.forget();
                }
                return unauthorized("invalid token");
            }
            api.answer(r)
        });
        let case = "  - { name: c, as: alice, with: hdr-lowercase-scheme, request: GET /me }\n";
        run(&server, SCHEME, case).must(code, &[("c", verdict)]);
    }
}
