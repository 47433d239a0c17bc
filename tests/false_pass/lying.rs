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
            let (anonymous, exit) = match code {
                401 => ("unproven", 3),
                429 => ("inconclusive: asked-too-often", 3),
                _ => ("failed: check-failed", 1),
            };
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

/// Whoever is not known gets the login page with status 200, or 403 where only the admin may go. The
/// token of bob never arrives; asking for his page as nobody tells.
#[test]
fn a_page_that_everybody_gets_shows_nobody() {
    let start = |header: &'static str| {
        let api = Api::default();
        Server::start(move |r| match (&*r.path, r.header("x-token"), r.header(header)) {
            ("/login", ..) => api.answer(r),
            ("/admin", "root-key", _) => json(200, "{}"),
            ("/admin", ..) => status(403),
            (_, _, "") => html(200, "<form>Please log in</form>"),
            (_, _, who) => html(200, &format!("Welcome {who}")),
        })
    };
    let suite = |page: &str| {
        format!(
            "cases:
  - {{ name: the key opens it, request: GET /admin, headers: {{ X-Token: root-key }}, expect: 200 }}
  - {{ name: bob at home, as: bob, request: GET /home, expect: {page} }}
  - {{ name: bob is refused, as: bob, request: GET /admin, expect: 403 }}
"
        )
    };
    let verdicts = |bob| [("the key opens it", "passed"), ("bob at home", "passed"), ("bob is refused", bob)];
    let people = format!("{BLIND}{PEOPLE}");
    let lost = start("x-other");
    Project::new(&lost.url, &people, &suite("200")).run("").must(3, &verdicts("inconclusive: never-allowed"));
    // Where the token arrives, the page itself has to tell the difference.
    let good = start("authorization");
    let page = "{ status: 200, body: { contains: Welcome } }";
    Project::new(&good.url, &people, &suite(page)).run("").must(0, &verdicts("proven"));
    let home: Vec<_> = good.seen().into_iter().filter(|r| r.is("GET /home")).collect();
    let as_nobody = home.iter().filter(|r| r.header("authorization").is_empty()).count();
    assert_eq!(as_nobody, 1, "asked once as nobody");
    // As bob in his case, and once more where his refusal came later.
    assert!(matches!(home.len() - as_nobody, 1 | 2), "{home:?}");
}

/// Nothing listens, or the server hangs up: no answer is no refusal.
#[test]
fn a_server_that_does_not_answer() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let people = "identities: { old: { auth: { scheme: basic }, username: old, password: right-old } }\n";
    let suite = "cases:\n  - { name: nobody, request: GET /, expect: 401 }\n  - { name: old, as: old, request: GET /, expect: deny }\n";
    for url in [format!("http://{address}"), "http://127.0.0.1:9".to_owned()] {
        let run = Project::new(&url, people, suite).run("--retry 1");
        run.must(3, &[("nobody", "errored: connection"), ("old", "errored: connection")]);
    }
}
