//! Session cookies: applications for browsers, which refuse by redirects, and servers whose refusals say nothing.

use crate::runs::Project;
use crate::server::{Reply, Request, Server, html, json, status};

/// A form that gives the cookies `csrftoken` and `sid`, in that order.
const FORM: &str = r"
auth:
  web:
    scheme: form
    page: /login
    whoami: { request: GET /whoami, expect: { json: { $.user: alice } } }
identities:
  alice: { auth: web, username: alice, password: right-alice }
";

/// Nothing of anybody's is lost at a server of this folder.
const LOSABLE: &str = "allow_destructive: true\n";

const ID: &str = "a1b2c3d4e5f6a1b2c3d4e5f6";

fn cookie<'a>(request: &'a Request, name: &str) -> &'a str {
    let pairs = request.header("cookie").split("; ");
    pairs.filter_map(|pair| pair.split_once('=')).find(|(n, _)| *n == name).map_or("", |(_, value)| value)
}

/// The login itself, and the session of whoever is known by `alive`.
fn login(request: &Request) -> Option<Reply> {
    match (&*request.method, &*request.path) {
        ("GET", "/login") => Some(html(
            200,
            r#"<form method="post" action="/login"><input name="username"><input type="password" name="password"><button>In</button></form>"#,
        )),
        ("POST", "/login") => Some(
            status(303)
                .header("set-cookie", "csrftoken=c0ffee00c0ffee00; Path=/")
                .header("set-cookie", format!("sid={ID}; Path=/; HttpOnly"))
                .header("location", "/home"),
        ),
        _ => None,
    }
}

fn page(request: &Request, alive: bool, refusal: &str) -> Reply {
    match &*request.path {
        "/whoami" if alive => json(200, r#"{"user":"alice"}"#),
        "/whoami" => status(401),
        _ if alive => html(200, "<h1>Hello alice</h1>"),
        _ => status(302).header("location", refusal),
    }
}

fn suite(rest: &str) -> String {
    format!("cases:\n  - {{ name: c, as: alice, {rest} }}\n")
}

/// The session is the cookie that scripts cannot read, not the first one.
#[test]
fn the_token_of_a_form_is_not_the_session() {
    let server = Server::start(|r| login(r).unwrap_or_else(|| page(r, cookie(r, "sid") == ID, "/login")));
    let run =
        |with: &str| Project::new(&server.url, FORM, &suite(&format!("with: {with}, request: GET /home"))).run("");
    for id in ["sess-none", "sess-garbage", "sess-truncated", "sess-bitflip", "sess-param", "sess-in-url"] {
        run(&format!("{{ these: {id}, strict: true }}")).must(0, &[("c", "proven")]);
    }
}

/// Everybody is sent away, the good session as well: that the broken one is, says nothing.
#[test]
fn a_page_that_sends_everybody_to_the_login() {
    let server =
        Server::start(|r| login(r).unwrap_or_else(|| page(r, cookie(r, "sid") == ID && r.path != "/secret", "/login")));
    let suite = suite("with: sess-garbage, request: GET /secret");
    Project::new(&server.url, FORM, &suite).run("").must(3, &[("c", "inconclusive: control-refused")]);
}

/// A redirect that leads somewhere else than strangers are sent is a way on, unless the suite says that it is the refusal;
/// and then the good session has to live on afterwards, as everywhere.
#[test]
fn a_redirect_to_a_page_of_its_own() {
    let server = Server::start(|r| login(r).unwrap_or_else(|| page(r, cookie(r, "sid") == ID, "/welcome")));
    let run = |rest: &str| {
        let project = format!(
            "{FORM}outcomes: {{ deny: {{ anonymous: [ {{ status: 302, redirect: {{ to: /welcome }} }} ], identity: [ {{ status: 302, redirect: {{ to: /welcome }} }} ] }} }}\n"
        );
        Project::new(&server.url, &project, &suite(rest)).run("")
    };
    run("with: sess-garbage, request: GET /home").must(0, &[("c", "proven")]);
    run("with: sess-garbage, request: GET /home, expect: deny").must(0, &[("c", "proven")]);
    let spelled = "with: sess-garbage, request: GET /home, expect: { status: 302, redirect: { to: /welcome } }";
    run(spelled).must(0, &[("c", "proven")]);
    run("with: sess-garbage, request: GET /home, expect: { status: 302, redirect: { to: /other } }")
        .must(1, &[("c", "failed: check-failed")]);
    // Strangers are sent to log in, and a made-up session is welcome.
    let welcoming = Server::start(|r| {
        let to = if cookie(r, "sid").is_empty() { "/login" } else { "/welcome" };
        login(r).unwrap_or_else(|| page(r, cookie(r, "sid") == ID, to))
    });
    Project::new(&welcoming.url, FORM, &suite("with: sess-garbage, request: GET /home"))
        .run("")
        .must(1, &[("c", "failed: mutant-accepted")]);
}

/// The broken cookie ends the session of the good one, so that whatever came after it proves nothing.
#[test]
fn a_session_that_dies_of_the_defect() {
    for expect in ["", ", expect: { status: 302, redirect: { to: /welcome } }"] {
        let dead = std::sync::atomic::AtomicBool::new(false);
        let server = Server::start(move |r| {
            use std::sync::atomic::Ordering::SeqCst;
            let sent = cookie(r, "sid").to_owned();
            if !sent.is_empty() && sent != ID {
                dead.store(true, SeqCst);
            }
            let to = if r.path == "/home" && sent != ID { "/welcome" } else { "/login" };
            login(r).unwrap_or_else(|| match page(r, sent == ID && !dead.load(SeqCst), to) {
                reply if expect.is_empty() && reply.status == 302 => status(302).header("location", "/login"),
                reply => reply,
            })
        });
        let suite = suite(&format!("with: sess-bitflip, request: GET /home{expect}"));
        Project::new(&server.url, FORM, &suite).run("").must(3, &[("c", "inconclusive: control-after")]);
    }
}

/// A single-page application answers every path with its index page, one with a session id in it as well.
#[test]
fn an_index_page_is_no_session_in_the_path() {
    let server = Server::start(|r| {
        login(r).unwrap_or_else(|| {
            if r.path.contains(';') { html(200, "<div id=app>") } else { page(r, cookie(r, "sid") == ID, "/login") }
        })
    });
    Project::new(&server.url, FORM, &suite("with: sess-in-url, request: GET /home"))
        .run("")
        .must(0, &[("c", "proven")]);
}

/// And one that takes the id in the path is found out although it answers every path.
#[test]
fn a_session_in_the_path_beside_an_index_page() {
    let server = Server::start(|r| {
        login(r).unwrap_or_else(|| {
            let by_path = r.path.contains(&format!(";sid={ID}"));
            let is_app = r.path.contains(';') && !by_path;
            let page = || page(r, by_path || cookie(r, "sid") == ID, "/login");
            if is_app { html(200, "<div id=app>") } else { page() }
        })
    });
    let suite = suite("with: sess-in-url, request: GET /home");
    Project::new(&server.url, FORM, &suite).run("").must(1, &[("c", "failed: mutant-accepted")]);
}

/// The token of the scheme travels with a broken session as well, or the change would be refused for the lack of it.
#[test]
fn a_broken_session_beside_a_good_token() {
    let server = Server::start(|r| {
        login(r).unwrap_or_else(|| match &*r.path {
            "/profile" if r.header("x-csrftoken").is_empty() => status(403),
            "/profile" if cookie(r, "sid").starts_with("a1b2") => status(204),
            "/profile" => status(401),
            _ => page(r, cookie(r, "sid") == ID, "/login"),
        })
    });
    let form = FORM.replace("page: /login", "page: /login\n    csrf: { cookie: csrftoken, header: X-CSRFToken }");
    let form = format!("{form}{LOSABLE}");
    let run =
        |with: &str| Project::new(&server.url, &form, &suite(&format!("with: {with}, request: POST /profile"))).run("");
    run("sess-truncated").must(1, &[("c", "failed: mutant-accepted")]);
    run("[none, csrf-missing]").must(0, &[("c [with=none]", "passed"), ("c [with=csrf-missing]", "proven")]);
}

/// Changes that race carry the token of the scheme like any other.
#[test]
fn a_race_of_changes_carries_the_token() {
    let server = Server::start(|r| {
        login(r).unwrap_or_else(|| match &*r.path {
            "/profile" if r.header("x-csrftoken").is_empty() => status(403),
            "/profile" if cookie(r, "sid") == ID => status(204),
            _ => page(r, cookie(r, "sid") == ID, "/login"),
        })
    });
    let form = FORM.replace("page: /login", "page: /login\n    csrf: { cookie: csrftoken, header: X-CSRFToken }");
    Project::new(&server.url, &form, &suite("together: 2, request: POST /profile, expect: 204"))
        .run("")
        .must(0, &[("c", "passed")]);
}

/// What a change is refused for is its path, or a limit, or nothing at all: its token was never looked at.
#[test]
fn a_forged_change_that_is_refused_for_something_else() {
    let change = |with: &str| {
        suite(&format!(
            "with: {with}, request: POST /profile, headers: {{ X-CSRF-Token: a1b2c3d4 }}, json: {{ name: a }}"
        ))
    };
    let run = |answer: fn(&Request) -> Reply, with: &str| {
        let server = Server::start(move |r| {
            login(r).unwrap_or_else(|| match &*r.path {
                "/profile" if cookie(r, "sid") == ID => answer(r),
                _ => page(r, cookie(r, "sid") == ID, "/login"),
            })
        });
        Project::new(&server.url, &format!("{FORM}{LOSABLE}"), &change(with)).run("")
    };
    let checked = |r: &Request| status(if r.header("x-csrf-token") == "a1b2c3d4" { 204 } else { 403 });
    let named = |id: &str| format!("[none, {id}]");
    for id in ["csrf-missing", "csrf-empty", "csrf-wrong"] {
        let (as_is, forged) = ("c [with=none]", format!("c [with={id}]"));
        run(checked, &named(id)).must(0, &[(as_is, "passed"), (&forged, "proven")]);
        run(checked, id).must(3, &[("c", "inconclusive: control-change")]);
        for refused in [|_: &Request| status(404), |_: &Request| status(403), |_: &Request| status(400)] {
            run(refused, id).must(3, &[("c", "inconclusive: control-change")]);
        }
        run(|_| status(204), id).must(1, &[("c", "failed: mutant-accepted")]);
        run(|_| status(429), id).must(3, &[("c", "inconclusive: asked-too-often")]);
    }
}

/// A gateway says 401 to everything, and the row about its challenge is told what it says only beside a good answer.
#[test]
fn a_401_for_every_reason() {
    let alice = "identities: { alice: { auth: { scheme: bearer }, token: right-alice } }\n";
    let suite = suite("with: resp-401-challenge, request: GET /me");
    let server = Server::start(|_| status(401).header("www-authenticate", "Bearer"));
    Project::new(&server.url, alice, &suite).run("").must(3, &[("c", "inconclusive: control-refused")]);
    let server = Server::start(|r| if r.bearer() == "right-alice" { status(200) } else { status(403) });
    Project::new(&server.url, alice, &suite).run("").must(3, &[("c", "inconclusive: not-applicable")]);
    let server = Server::start(|r| if r.bearer() == "right-alice" { status(200) } else { status(401) });
    Project::new(&server.url, alice, &suite).run("").must(1, &[("c", "failed: mutant-amiss")]);
}
