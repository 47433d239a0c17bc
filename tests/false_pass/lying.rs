//! Servers that give everybody the same answer, and logins that lie.

use crate::api::Api;
use crate::runs::{BLIND, PEOPLE, Project, SCHEME, TOUR};
use crate::server::{Reply, Request, Server, html, json, status};

/// Runs the tour against a server, with and without `whoami`.
fn tour(answer: impl Fn(&Request) -> Reply + Send + Sync + Clone + 'static) -> [crate::runs::Run; 2] {
    [SCHEME, BLIND].map(|scheme| {
        let server = Server::start(answer.clone());
        Project::new(&server.url, &format!("{scheme}{PEOPLE}"), TOUR).run("")
    })
}

#[test]
fn the_tour_is_green_and_proven_at_a_right_server() {
    for scheme in [SCHEME, BLIND] {
        let api = Api::default();
        let server = Server::start(move |r| api.answer(r));
        let project = Project::new(&server.url, &format!("{scheme}{PEOPLE}"), TOUR);
        let bob =
            if scheme == SCHEME { ("bob does not", "proven") } else { ("bob does not", "inconclusive: never-allowed") };
        let code = if scheme == SCHEME { 0 } else { 3 };
        project.run("").must(
            code,
            &[
                ("alice sees herself", "passed"),
                ("root sees the admin area", "passed"),
                bob,
                ("nobody is refused", "proven"),
            ],
        );
    }
}

#[test]
fn every_request_answered_with_one_status() {
    for code in [200, 302, 401, 403, 404, 429, 500, 503] {
        let runs = tour(move |_| if code == 302 { status(302).header("location", "/login") } else { status(code) });
        for run in runs {
            let anonymous = if code == 401 { "unproven" } else { "failed: check-failed" };
            let exit = if code == 401 { 3 } else { 1 };
            run.must(
                exit,
                &[
                    ("alice sees herself", "blocked: login-failed"),
                    ("root sees the admin area", "blocked: login-failed"),
                    ("bob does not", "blocked: login-failed"),
                    ("nobody is refused", anonymous),
                ],
            );
        }
    }
}

#[test]
fn a_login_page_for_everything() {
    for run in tour(|_| html(200, "<!doctype html><form action=/login><input name=password></form>")) {
        run.must(
            1,
            &[
                ("alice sees herself", "blocked: login-failed"),
                ("root sees the admin area", "blocked: login-failed"),
                ("bob does not", "blocked: login-failed"),
                ("nobody is refused", "failed: check-failed"),
            ],
        );
    }
}

#[test]
fn a_login_that_answers_200_with_an_error() {
    let server = Server::start({
        let api = Api::default();
        move |r| if r.is("POST /login") { json(200, r#"{"error":"wrong password"}"#) } else { api.answer(r) }
    });
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), TOUR).run("");
    run.must(
        3,
        &[
            ("alice sees herself", "blocked: login-failed"),
            ("root sees the admin area", "blocked: login-failed"),
            ("bob does not", "blocked: login-failed"),
            ("nobody is refused", "unproven"),
        ],
    );
    assert_eq!(server.count("GET /admin"), 0, "nothing is sent in the name of somebody who could not log in");
}

#[test]
fn a_login_that_gives_somebody_else() {
    let server = Server::start({
        let api = Api::default();
        move |r| if r.is("POST /login") { api.issue("root") } else { api.answer(r) }
    });
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), TOUR).run("");
    run.must(
        3,
        &[
            ("alice sees herself", "blocked: wrong-person"),
            ("root sees the admin area", "passed"),
            ("bob does not", "blocked: wrong-person"),
            ("nobody is refused", "proven"),
        ],
    );
}

#[test]
fn everything_is_public() {
    let server = Server::start(|r| match &*r.path {
        "/login" => json(200, r#"{"access_token":"whatever-it-is"}"#),
        _ => json(200, r#"{"username":"alice"}"#),
    });
    let run = Project::new(&server.url, &format!("{BLIND}{PEOPLE}"), TOUR).run("");
    run.must(
        1,
        &[
            ("alice sees herself", "passed"),
            ("root sees the admin area", "passed"),
            ("bob does not", "failed: check-failed"),
            ("nobody is refused", "failed: check-failed"),
        ],
    );
}

/// The identity's only success is an address that everybody may see, in whatever order it is found out.
#[test]
fn being_allowed_what_is_public_shows_nobody() {
    let suite = |serial: &str| {
        format!(
            "serial: true\ncases:\n{serial}  - {{ name: root sees it, as: root, request: GET /admin, expect: 200 }}
  - {{ name: bob is healthy, as: bob, request: GET /health, expect: 200 }}
  - {{ name: bob is refused, as: bob, request: GET /admin, expect: 403 }}
"
        )
    };
    let anonymous = "  - { name: health is public, as: anonymous, request: GET /health, expect: 200 }\n";
    let late = format!("{}{anonymous}", suite(""));
    for text in [suite(anonymous), late] {
        // The token of bob never works; whoever has no good token gets 403, as some frameworks do it.
        let server = Server::start({
            let api = Api::default();
            move |r| match (api.user(r), &*r.path) {
                (Ok(user), "/admin") if user == "root" => json(200, "{}"),
                (_, "/admin") => status(403),
                _ => api.answer(r),
            }
        });
        let run = Project::new(&server.url, &format!("{BLIND}{PEOPLE}"), &text).run("");
        run.must(
            3,
            &[
                ("health is public", "passed"),
                ("root sees it", "passed"),
                ("bob is healthy", "passed"),
                ("bob is refused", "inconclusive: never-allowed"),
            ],
        );
    }
}

/// A public endpoint that takes a body is public too.
#[test]
fn being_allowed_a_public_form_shows_nobody() {
    let server = Server::start({
        let api = Api::default();
        move |r| match (api.user(r), &*r.path) {
            (Ok(user), "/admin") if user == "root" => json(200, "{}"),
            (_, "/admin") => status(403),
            (_, "/feedback") => status(201),
            _ => api.answer(r),
        }
    });
    let suite = r"
cases:
  - { name: root sees it, as: root, request: GET /admin, expect: 200 }
  - { name: everybody may write, as: anonymous, request: POST /feedback, json: { text: good }, expect: 201 }
  - { name: bob may write, as: bob, request: POST /feedback, json: { text: bad }, expect: 201 }
  - { name: bob is refused, as: bob, request: GET /admin, expect: 403 }
";
    Project::new(&server.url, &format!("{BLIND}{PEOPLE}"), suite).run("").must(
        3,
        &[
            ("root sees it", "passed"),
            ("everybody may write", "passed"),
            ("bob may write", "passed"),
            ("bob is refused", "inconclusive: never-allowed"),
        ],
    );
}

/// The server reads another header than the scheme sends, and answers 403 to whoever it does not know.
#[test]
fn a_token_that_never_arrives() {
    let server = |r: &Request, api: &Api| match (r.path.as_str(), r.header("x-token")) {
        ("/login", _) => api.answer(r),
        ("/admin", "root-key") => json(200, "{}"),
        ("/health", _) => json(200, "{}"),
        _ => status(403),
    };
    let start = move || {
        let api = Api::default();
        Server::start(move |r| server(r, &api))
    };
    let suite = r"
cases:
  - { name: the key opens it, request: GET /admin, headers: { X-Token: root-key }, expect: 200 }
  - { name: bob is refused, as: bob, request: GET /admin, expect: 403 }
  - { name: bob is refused at home, as: bob, request: GET /me, expect: deny }
";
    let opens = ("the key opens it", "passed");
    Project::new(&start().url, &format!("{BLIND}{PEOPLE}"), suite).run("").must(
        3,
        &[
            opens,
            ("bob is refused", "inconclusive: never-allowed"),
            ("bob is refused at home", "inconclusive: never-allowed"),
        ],
    );
    Project::new(&start().url, &format!("{SCHEME}{PEOPLE}"), suite).run("").must(
        3,
        &[opens, ("bob is refused", "blocked: wrong-person"), ("bob is refused at home", "blocked: wrong-person")],
    );
}

/// `whoami` asks for what everybody may see; it holds, and proves nothing about the token.
#[test]
fn a_whoami_that_holds_for_anybody() {
    let scheme = SCHEME.replace(
        r#"{ request: GET /me, expect: { status: 200, json: { $.username: "{{ identity.username }}" } } }"#,
        "{ request: GET /health, expect: 200 }",
    );
    assert_ne!(scheme, SCHEME);
    let server = Server::start(|r| match (r.path.as_str(), r.header("x-token")) {
        ("/login", _) => json(200, r#"{"access_token":"never-looked-at"}"#),
        ("/admin", "root-key") | ("/health", _) => json(200, "{}"),
        _ => status(403),
    });
    let suite = r"
cases:
  - { name: the key opens it, request: GET /admin, headers: { X-Token: root-key }, expect: 200 }
  - { name: bob is refused, as: bob, request: GET /admin, expect: 403 }
";
    Project::new(&server.url, &format!("{scheme}{PEOPLE}"), suite)
        .run("")
        .must(3, &[("the key opens it", "passed"), ("bob is refused", "inconclusive: never-allowed")]);
}

/// A greedy capture takes a word of the error for the token.
#[test]
fn a_capture_that_takes_an_error_for_a_token() {
    let greedy = |scheme: &str| scheme.replace("$.access_token }", r#"{ body: true, regex: '"(\w+)' } }"#);
    let start = || {
        let api = Api::default();
        Server::start(
            move |r| {
                if r.is("POST /login") { json(200, r#"{"error":"wrong password"}"#) } else { api.answer(r) }
            },
        )
    };
    let seen = [SCHEME, BLIND].map(|scheme| {
        let scheme = greedy(scheme);
        Project::new(&start().url, &format!("{scheme}{PEOPLE}"), TOUR).run("")
    });
    seen[0].must(
        3,
        &[
            ("alice sees herself", "blocked: wrong-person"),
            ("root sees the admin area", "blocked: wrong-person"),
            ("bob does not", "blocked: wrong-person"),
            ("nobody is refused", "unproven"),
        ],
    );
    seen[1].must(
        1,
        &[
            ("alice sees herself", "failed: check-failed"),
            ("root sees the admin area", "failed: check-failed"),
            ("bob does not", "failed: check-failed"),
            ("nobody is refused", "unproven"),
        ],
    );
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
