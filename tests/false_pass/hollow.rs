//! A matrix that is green and proves less than it seems to: nobody looked, or there was nothing to see.

use crate::api::Api;
use crate::runs::{PEOPLE, Project, Run, SCHEME};
use crate::server::{Server, json};

fn run(server: &Server, rows: &str) -> Run {
    let suite = format!("access:\n  columns: [anonymous, bob, root]\n  rows:\n{rows}");
    Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite).run("")
}

/// Things can be made by root alone, by what is answered.
fn things() -> Server {
    let api = Api::default();
    Server::start(move |r| match (&*r.method, &*r.path) {
        (_, "/things") => api.known(r, |user| match (user, &*r.method) {
            ("root", "POST") => json(201, r#"{"id":17}"#),
            (_, "GET") => json(200, r#"{"things":[1,2]}"#),
            _ => json(403, r#"{"error":"forbidden"}"#),
        }),
        _ => api.answer(r),
    })
}

#[test]
fn refused_changes_that_nobody_looked_after_are_counted() {
    let server = things();
    let row = "    make: { request: POST /things, expect: { root: 201 } }\n";
    let blind = run(&server, row);
    assert_eq!(blind.code, 0, "{}", blind.said);
    assert_eq!(blind.report["summary"]["unlooked_refusals"], 2, "{}", blind.said);
    assert!(blind.said.contains("nobody looked whether 2 refused changes were made"), "{}", blind.said);
    let looks = "unchanged: { as: root, request: GET /things, expect: { json: { $.things: { length: 2 } } } }";
    for row in [
        format!("    make: {{ request: POST /things, {looks}, expect: {{ root: 201 }} }}\n"),
        "    GET /admin: { root: 200 }\n".to_owned(),
    ] {
        let seen = run(&server, &row);
        assert_eq!(seen.code, 0, "{}", seen.said);
        assert!(seen.report["summary"]["unlooked_refusals"].is_null(), "{}", seen.said);
    }
}

#[test]
fn a_way_in_to_nothing_but_an_error_is_told() {
    let api = Api::default();
    let server = Server::start(move |r| match &*r.path {
        "/broken" => api.known(r, |user| match user {
            "root" => json(200, r#"{"error":"internal","code":500}"#),
            _ => json(403, r#"{"error":"forbidden"}"#),
        }),
        _ => api.answer(r),
    });
    let row = "    GET /broken: { root: 200 }\n";
    let told = run(&server, row);
    assert_eq!(told.code, 0, "{}", told.said);
    assert_eq!(told.report["summary"]["findings"], 1, "{}", told.said);
    assert_eq!(told.reason("GET /broken [as=root]"), "let-in-to-error", "{}", told.said);
    let strict = run(&server, "    no: { request: GET /broken, strict: true, expect: { root: 200 } }\n");
    assert_eq!(strict.verdict("no [as=root]"), "failed", "{}", strict.said);
    // Whoever says what comes has seen it.
    let seen = "    no: { request: GET /broken, expect: { root: { status: 200, json: { $.code: 500 } } } }\n";
    assert_eq!(run(&server, seen).report["summary"]["findings"], 0);
    assert_eq!(run(&server, "    GET /admin: { root: 200 }\n").report["summary"]["findings"], 0);
}

/// Errors that come with 200, and what is like them.
#[test]
fn errors_are_known_in_more_forms() {
    let of = |kind: &'static str, body: &'static str| {
        let api = Api::default();
        let server = Server::start(move |r| match &*r.path {
            "/things" | "/errors" => api.known(r, |user| match user {
                "root" => crate::server::status(200).header("content-type", kind).body(body),
                _ => json(403, r#"{"error":"forbidden"}"#),
            }),
            _ => api.answer(r),
        });
        let told = |path: &str| {
            let told = run(&server, &format!("    GET {path}: {{ root: 200 }}\n"));
            assert_eq!(told.code, 0, "{}", told.said);
            told.report["summary"]["findings"] == 1
        };
        (told("/things"), told("/errors"))
    };
    let login = r#"<h1>Please log in</h1><form action="/login" method="post"><input name="username">
        <input type="password" name="password"></form>"#;
    for (kind, body) in [
        ("application/problem+json", r#"{"type":"about:blank","title":"Forbidden"}"#),
        ("application/json", r#"{"data":{"users":null},"errors":[{"message":"not authorized"}]}"#),
        ("application/json", r#"{"statusCode":403,"message":"Forbidden resource"}"#),
        ("application/json", r#"{"success":false,"message":"no"}"#),
        ("text/html", login),
    ] {
        assert!(of(kind, body).0, "{body}");
    }
    let settings = r#"<form action="/settings/email" method="post"><input name="email">
        <input type="password" name="current"></form>"#;
    for (kind, body) in [
        ("application/json", r#"{"status":"active","errors":[]}"#),
        ("application/json", r#"{"detail":"all is well","items":[1]}"#),
        ("text/html", settings),
    ] {
        assert!(!of(kind, body).0, "{body}");
    }
    assert_eq!(of("application/json", r#"{"errors":[{"at":"12:00","message":"disk"}]}"#), (true, false));
}

/// What tells two hidden answers apart is a time alone, and `try` says what to write.
#[test]
fn what_is_new_in_every_answer_may_be_left_out() {
    let (api, count) = (Api::default(), std::sync::atomic::AtomicUsize::new(0));
    let server = Server::start(move |r| {
        let next = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        match (&*r.path, api.user(r).as_deref()) {
            ("/notes/1", Ok("root")) => json(200, r#"{"note":"mine"}"#),
            (path, Ok(_)) if path.starts_with("/notes/") => {
                json(404, &format!(r#"{{"error":"no","timestamp":{next},"traceId":"t-{next}"}}"#))
            }
            _ => api.answer(r),
        }
    });
    let row = |missing: &str| {
        format!(
            "    it: {{ request: GET /notes/1, missing: {missing}, expect: {{ anonymous: 404, bob: hidden, root: 200 }} }}\n"
        )
    };
    let told = run(&server, &row("GET /notes/0"));
    assert_eq!(told.verdict("it [as=bob]"), "failed", "{}", told.said);
    let help = told.case("it [as=bob]")["reasons"][0]["help"].to_string();
    let advice = "{ request: GET /notes/0, ignore: [$.timestamp, $.traceId] }";
    assert!(help.contains(advice), "{help}");
    assert_eq!(run(&server, &row(advice)).verdict("it [as=bob]"), "proven");
}

#[test]
fn a_query_that_is_posted_changes_nothing() {
    let server = {
        let api = Api::default();
        Server::start(move |r| match &*r.path {
            "/graphql" => api.known(r, |user| match user {
                "root" => json(200, r#"{"data":{"users":["ann"]}}"#),
                _ => json(403, r#"{"error":"forbidden"}"#),
            }),
            _ => api.answer(r),
        })
    };
    let unlooked = |text: &str| {
        let row =
            format!("    it: {{ request: POST /graphql, json: {{ query: \"{text}\" }}, expect: {{ root: 200 }} }}\n");
        let run = run(&server, &row);
        assert_eq!(run.code, 0, "{}", run.said);
        run.report["summary"]["unlooked_refusals"].as_u64()
    };
    assert_eq!(unlooked("{ users }"), None);
    assert_eq!(unlooked("query All { users }"), None);
    assert_eq!(unlooked("mutation { dropUsers }"), Some(2));
}
