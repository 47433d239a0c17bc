//! Refusals that come for another reason than the one the case is about.

use crate::api::Api;
use crate::runs::{PEOPLE, Project, SCHEME};
use crate::server::{Server, html, json, status};

/// Behind a wall against request forgery the change needs no login at all, or does: nobody knows who does not get through.
#[test]
fn a_wall_against_request_forgery_guards_nothing() {
    for guards in [true, false] {
        let api = Api::default();
        let server = Server::start(move |r| match (&*r.method, &*r.path) {
            ("POST", _) if r.path != "/login" && r.header("x-csrf-token").is_empty() => {
                json(403, r#"{"error":"invalid csrf token"}"#)
            }
            ("POST", "/others") => json(201, "{}"),
            ("POST", "/things") if guards && api.user(r).is_err() => status(401),
            ("POST", "/things") => json(201, "{}"),
            _ => api.answer(r),
        });
        let suite = r"
cases:
  - { name: alice may this as well, as: alice, request: POST /others, headers: { X-CSRF-Token: t }, expect: 201 }
  - { name: nobody tried with a token, as: anonymous, request: POST /others, expect: 403 }
  - { name: alice may, as: alice, request: POST /things, headers: { X-CSRF-Token: t }, expect: 201 }
  - { name: nobody may, as: anonymous, request: POST /things, expect: 403 }
  - { name: nobody with a token may, as: anonymous, request: POST /things, headers: { X-CSRF-Token: t }, expect: 401 }
  - { name: the wall stands, as: alice, request: POST /things, expect: { status: 403, json: { $.error: { contains: csrf } } } }
access:
  columns: [anonymous, alice]
  rows:
    POST /things: { alice: 403 }
";
        let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("");
        let (code, said, without) =
            if guards { (0, "proven", "proven") } else { (1, "failed: check-failed", "unproven") };
        run.must(
            code,
            &[
                ("alice may", "passed"),
                ("alice may this as well", "passed"),
                ("nobody tried with a token", "unproven"),
                ("nobody may", without),
                ("nobody with a token may", said),
                ("the wall stands", "proven"),
                ("POST /things [as=anonymous]", without),
                ("POST /things [as=alice]", "proven"),
            ],
        );
    }
}

/// A guard in front of the router answers 401 to every address, and the suite's has a slip.
#[test]
fn a_refusal_of_an_address_that_does_not_exist() {
    let start = || {
        let api = Api::default();
        Server::start(move |r| match &*r.path {
            "/login" | "/health" => api.answer(r),
            _ => match api.user(r) {
                Ok(_) if r.method == "DELETE" => status(405),
                Ok(_) => api.answer(r),
                Err(why) => crate::api::unauthorized(why),
            },
        })
    };
    let suite = r"
cases:
  - { name: alice sees herself, as: alice, request: GET /me, expect: 200 }
  - { name: a slip, as: anonymous, request: GET /mee, expect: 401 }
  - { name: a wrong method, as: anonymous, request: DELETE /me, expect: 401 }
  - { name: a right one, as: anonymous, request: GET /me, expect: 401 }
";
    let verdicts = |open| {
        [("alice sees herself", "passed"), ("a slip", open), ("a wrong method", open), ("a right one", "proven")]
    };
    let project = Project::new(&start().url, &format!("{SCHEME}{PEOPLE}"), suite);
    project.run("").must(0, &verdicts("unproven: unproven"));
    project.run("--require-proof").must(3, &verdicts("inconclusive: unproven"));
    project.run("--require-proof --tolerate inconclusive").must(0, &verdicts("inconclusive: unproven"));
}

#[test]
fn a_404_or_405_is_no_refusal() {
    let api = Api::default();
    let server = Server::start(move |r| if r.method == "DELETE" { status(405) } else { api.answer(r) });
    let suite = r"
cases:
  - { name: a slip, as: anonymous, request: GET /mee, expect: deny }
  - { name: a method, as: anonymous, request: DELETE /me, expect: [401, 403] }
";
    Project::new(&server.url, "", suite)
        .run("")
        .must(1, &[("a slip", "failed: check-failed"), ("a method", "failed: check-failed")]);
}

/// Basic has no login to fail: the first request shows it.
#[test]
fn an_identity_whose_password_is_wrong() {
    let people = "identities: { old: { auth: { scheme: basic }, username: old, password: not-the-right-one } }\n";
    for (code, answer) in [(401, 401), (403, 403), (404, 404)] {
        let server = Server::start(move |_| status(code));
        let suite = format!(
            "cases:\n  - {{ name: old is refused, as: old, request: GET /admin, expect: {answer} }}\n  - {{ name: old gets in, as: old, request: GET /me, expect: 200 }}\n"
        );
        let project = Project::new(&server.url, people, &suite);
        let verdicts = [("old is refused", "inconclusive: never-allowed"), ("old gets in", "failed: check-failed")];
        project.run("").must(1, &verdicts);
        let alone = project.run("-k refused");
        alone.must(3, &verdicts[..1]);
        project.run("-k refused --tolerate inconclusive").must(3, &verdicts[..1]);
    }
}

/// A browser app sends everybody to its login page; without an expectation below 400 is enough.
#[test]
fn an_identity_that_is_sent_to_the_login_page() {
    let people = "identities: { old: { auth: { scheme: basic }, username: old, password: not-the-right-one } }\n";
    let server = Server::start(|r| {
        if r.path.starts_with("/login") {
            html(200, "<form>")
        } else {
            status(302).header("location", "/login?next=%2F")
        }
    });
    let suite = r"
cases:
  - { name: no expectation, as: old, request: GET /me }
  - { name: a form, as: old, request: POST /me, form: { a: b } }
  - { name: followed, as: old, request: GET /me, redirects: follow, expect: 200 }
  - { name: nobody is sent away, as: anonymous, request: GET /me, expect: 302 }
";
    Project::new(&server.url, people, suite).run("").must(
        3,
        &[
            ("no expectation", "inconclusive: never-allowed"),
            ("a form", "inconclusive: never-allowed"),
            ("followed", "inconclusive: never-allowed"),
            ("nobody is sent away", "unproven: unproven"),
        ],
    );
}

/// The same app with a good password: the redirects of a browser app are no refusals.
#[test]
fn redirects_of_somebody_who_is_in() {
    let people = "identities: { old: { auth: { scheme: basic }, username: old, password: the-right-one } }\n";
    let server = Server::start(|r| match (r.path.as_str(), r.header("authorization")) {
        (_, "") => status(302).header("location", "/login"),
        ("/", _) => status(302).header("location", "/home"),
        ("/home", _) => html(200, "Welcome"),
        ("/notes", _) => status(303).header("location", "/home"),
        ("/logout", _) => status(302).header("location", "/login"),
        _ => status(404),
    });
    let suite = r"
cases:
  - { name: the front door, as: old, request: GET / }
  - { name: followed, as: old, request: GET /, redirects: follow, expect: { status: 200, body: { contains: Welcome } } }
  - { name: a form, as: old, request: POST /notes, form: { a: b } }
  - { name: out, as: old, request: GET /logout }
  - { name: missing, as: old, request: GET /missing, expect: 404 }
  - { name: nobody is sent away, as: anonymous, request: GET /, expect: { status: 302, redirect: { to: /login } } }
";
    Project::new(&server.url, people, suite).run("").must(
        0,
        &[
            ("the front door", "passed"),
            ("followed", "passed"),
            ("a form", "passed"),
            ("out", "passed"),
            ("missing", "passed"),
            ("nobody is sent away", "proven"),
        ],
    );
}

#[test]
fn an_empty_body_holds_nothing() {
    let server = Server::start(|_| status(200));
    let suite = r"
cases:
  - { name: no password in it, request: GET /me, expect: { json: { $.password: { exists: false } } } }
  - { name: no error in it, request: GET /me, expect: { json: { $.error: { not: { equals: denied } } } } }
  - { name: all are hers, request: GET /orders, expect: { json: { '$[*].owner': { all: { equals: alice } } } } }
";
    Project::new(&server.url, "", suite).run("").must(
        1,
        &[
            ("no password in it", "failed: check-failed"),
            ("no error in it", "failed: check-failed"),
            ("all are hers", "failed: check-failed"),
        ],
    );
    let server = Server::start(|r| json(200, if r.is("GET /list") { "[]" } else { "{}" }));
    let suite = r"
cases:
  - { name: all of none, request: GET /list, expect: { json: { '$[*].owner': { all: { equals: alice } } } } }
  - { name: below a parent that is missing, request: GET /me, expect: { json: { $.user.password: { exists: false } } } }
";
    Project::new(&server.url, "", suite).run("").must(
        1,
        &[("all of none", "failed: check-failed"), ("below a parent that is missing", "failed: check-failed")],
    );
}

/// The server takes any bearer token. What the suite wants beside the refusal does not take the refusal's place.
#[test]
fn what_is_wanted_beside_a_refusal_is_not_wanted_in_its_place() {
    let server = Server::start(|r| match r.bearer() {
        "" => status(401),
        _ => json(200, r#"{"name":"alice"}"#).header("cache-control", "no-store"),
    });
    let alice = "identities: { alice: { auth: { scheme: bearer }, token: right-alice } }\n";
    for expect in ["{ headers: { Cache-Control: no-store } }", "{ json: { $.name: alice } }"] {
        let suite = format!(
            "cases:\n  - {{ name: c, as: alice, with: tok-garbage, request: GET /me, expect: {expect} }}\n\
             \x20 - {{ name: d, as: alice, with: {{ these: tok-garbage, expect: {{ tok-garbage: {expect} }} }}, request: GET /me }}\n"
        );
        let accepted = "failed: mutant-accepted";
        Project::new(&server.url, alice, &suite).run("").must(1, &[("c", accepted), ("d", accepted)]);
    }
}

/// The step with the defect is skipped, and the one before it passes.
#[test]
fn a_defect_that_is_not_sent_passes_nothing() {
    let server = Server::start(|r| if r.bearer().is_empty() { status(401) } else { json(200, "{}") });
    let alice = "identities: { alice: { auth: { scheme: bearer }, token: right-alice } }\n";
    let suite = r"
cases:
  - name: c
    as: alice
    steps:
      - { request: GET /me, expect: 200 }
      - { request: GET /me, with: tok-garbage, if: response.status == 201 }
";
    Project::new(&server.url, alice, suite).run("").must(4, &[("c", "skipped: condition")]);
}

/// A step that says how its own request is refused says nothing of paths and methods that nobody knows.
#[test]
fn what_nobody_knows_is_refused_in_its_own_way() {
    let people = "
identities:
  may: { auth: { scheme: api-key, header: X-Key }, key: key-of-somebody-who-may-123 }
  may-not: { auth: { scheme: api-key, header: X-Key }, key: key-of-somebody-who-may-not-1 }
";
    let server = Server::start(|r| match (r.method.as_str(), r.path.as_str(), r.header("x-key")) {
        (method, ..) if method != "GET" => status(405),
        (_, "/mine", key) if !key.is_empty() => json(200, r#"{"mine":[1]}"#),
        (_, "/admin/users", "key-of-somebody-who-may-123") => json(200, r#"{"users":["a","b"]}"#),
        (_, "/admin/users", "") => json(401, r#"{"error":"who"}"#),
        (_, "/admin/users", _) => json(403, r#"{"error":"no"}"#),
        _ => json(404, r#"{"error":"none"}"#),
    });
    let suite = "
cases:
  - { name: mine, as: may-not, request: GET /mine }
  - name: ways
    as: may-not
    with: [az-path-backslash, az-path-dslash-inner, az-absolute-form, az-verb-arbitrary, az-verb-trace, az-x-user]
    control: may
    request: GET /admin/users
    expect: 403
";
    let run = Project::new(&server.url, people, suite).run("");
    assert_eq!(run.code, 0, "{}", run.said);
}

/// What closes the connection on a request that every server has to read need not have looked at the token.
#[test]
fn a_worker_that_dies_of_a_bad_token_refuses_nobody() {
    let run = |dies: bool| {
        let api = Api::default();
        let server = Server::start(move |r| {
            let is_bad = r.path == "/me" && !r.bearer().is_empty() && api.user(r).is_err();
            assert!(!(dies && is_bad), "a worker dies of it");
            api.answer(r)
        });
        let suite = "cases:\n  - { name: it, as: alice, with: tok-garbage, request: GET /me }\n";
        Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("")
    };
    run(false).must(0, &[("it", "proven")]);
    run(true).must(3, &[("it", "errored: connection")]);
}
