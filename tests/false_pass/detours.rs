//! Ways around a refusal: servers that answer every path, and controls that show nothing.

use crate::runs::Project;
use crate::server::{Reply, Request, Server, html, json, status};

const ALICE: &str = "identities: { alice: { auth: { scheme: bearer }, token: right-alice } }\n";

fn alice(request: &Request) -> bool {
    request.bearer() == "right-alice"
}

/// A suite of one case named `c`.
fn case(rest: &str) -> String {
    format!("cases:\n  - {{ name: c, {rest} }}\n")
}

/// All that is let in gets the same words, at any path, and a field of the caller's own lets in.
fn gateway() -> Server {
    Server::start(|r| {
        let lets_in = alice(r) || r.header("x-forwarded-for") == "127.0.0.1";
        if lets_in { json(200, r#"{"ok":true}"#) } else { status(401) }
    })
}

#[test]
fn one_body_for_every_path_hides_no_way_in() {
    let server = gateway();
    for named in ["", ", control: alice"] {
        let suite = case(&format!("as: anonymous, with: az-x-forwarded{named}, request: GET /secret"));
        Project::new(&server.url, ALICE, &suite).run("").must(1, &[("c", "failed: mutant-accepted")]);
    }
}

/// A single-page application beside an interface whose HEAD nobody guards: both answers are empty.
#[test]
fn two_empty_bodies_are_not_alike() {
    let server = Server::start(|r| match &*r.path {
        "/api/secret" if alice(r) || r.method == "HEAD" => json(200, r#"{"secret":1}"#),
        "/api/secret" => status(401),
        _ => html(200, "<!doctype html>"),
    });
    let suite = case("as: anonymous, with: az-verb-head, control: alice, request: GET /api/secret");
    Project::new(&server.url, ALICE, &suite).run("").must(3, &[("c", "inconclusive: unclear-answer")]);
}

/// The application lives in a folder, so that a made-up path at the root is not answered.
fn application() -> Server {
    Server::start(|r| match &*r.path {
        "/app/secret" if alice(r) => json(200, r#"{"secret":1}"#),
        "/app/secret" => status(401),
        path if path.starts_with("/app/") => html(200, "<!doctype html>"),
        _ => status(404),
    })
}

#[test]
fn an_index_page_is_no_way_in() {
    let server = application();
    let suite = case("as: anonymous, with: az-path-suffix, control: alice, request: GET /app/secret");
    Project::new(&server.url, ALICE, &suite).run("").must(0, &[("c", "proven")]);
}

/// A guarded page at `/secret`; what lies behind a slash is the server's.
fn behind_a_slash(slashed: fn() -> Reply) -> Server {
    Server::start(move |r| match &*r.path {
        "/secret" if alice(r) => json(200, r#"{"secret":1}"#),
        "/secret" => status(403),
        "/secret/" => slashed(),
        "/unguarded" => json(200, r#"{"secret":1}"#),
        "/" => html(200, "<h1>Welcome</h1>"),
        _ => status(404),
    })
}

fn to(code: u16, location: &str) -> Reply {
    status(code).header("location", location)
}

/// Routers send the slash away; that lets nobody in.
#[test]
fn a_redirect_to_what_is_refused_is_no_way_in() {
    for named in ["", ", control: alice"] {
        let server = behind_a_slash(|| to(307, "/secret"));
        let suite = case(&format!("as: anonymous, with: az-path-slash{named}, request: GET /secret"));
        let proof = if named.is_empty() { "unproven" } else { "proven" };
        Project::new(&server.url, ALICE, &suite).run("").must(0, &[("c", proof)]);
    }
}

#[test]
fn a_redirect_on_to_what_is_guarded_is_a_way_in() {
    let suite = case("as: anonymous, with: az-path-slash, control: alice, request: GET /secret");
    for slashed in [|| to(302, "/unguarded"), || to(302, "/").body(r#"{"secret":1}"#)] {
        let server = behind_a_slash(slashed);
        Project::new(&server.url, ALICE, &suite).run("").must(1, &[("c", "failed: mutant-accepted")]);
    }
}

/// Behind the slash a session is begun, and the redirect leads to the same page again, which knows it.
#[test]
fn a_redirect_that_begins_a_session_is_a_way_in() {
    let server = Server::start(|r| match &*r.path {
        "/secret" if alice(r) || r.header("cookie").contains("sid=guest-session-1") => json(200, r#"{"secret":1}"#),
        "/secret" => status(403),
        "/secret/" => to(302, "/begin"),
        "/begin" => to(302, "/secret").header("set-cookie", "sid=guest-session-1; Path=/; HttpOnly"),
        _ => status(404),
    });
    let suite = case("as: anonymous, with: az-path-slash, control: alice, request: GET /secret");
    Project::new(&server.url, ALICE, &suite).run("").must(1, &[("c", "failed: mutant-accepted")]);
}

/// The page that it leads to may be the guarded one in other words, or the front page.
#[test]
fn a_redirect_to_some_page_is_unclear() {
    let suite = case("as: anonymous, with: az-path-slash, control: alice, request: GET /secret");
    for slashed in [|| to(302, "/"), || to(302, "http://127.0.0.2:9/"), || to(302, "/secret/")] {
        let server = behind_a_slash(slashed);
        Project::new(&server.url, ALICE, &suite).run("").must(3, &[("c", "inconclusive: unclear-answer")]);
    }
}

/// A page that is there for everybody proves no refusal; who writes down that it is open has nothing to prove.
#[test]
fn what_is_open_may_be_written_down() {
    let server = Server::start(|_| json(200, r#"{"open":true}"#));
    let suite = case("as: alice, with: tok-garbage, request: GET /open");
    Project::new(&server.url, ALICE, &suite).run("").must(3, &[("c", "inconclusive: public")]);
    let suite = case("as: alice, with: tok-garbage, request: GET /open, expect: 200");
    Project::new(&server.url, ALICE, &suite).run("").must(0, &[("c", "passed")]);
    let suite = case("as: alice, with: tok-garbage, request: GET /open, expect: 401");
    Project::new(&server.url, ALICE, &suite).run("").must(3, &[("c", "inconclusive: public")]);
}

/// Whether the index page is what is guarded, nobody can tell who does not know what that looks like.
#[test]
fn an_index_page_with_nobody_to_compare_with() {
    let server = application();
    let suite = case("as: anonymous, with: az-path-suffix, request: GET /app/secret");
    Project::new(&server.url, ALICE, &suite).run("").must(3, &[("c", "inconclusive: unclear-answer")]);
}

/// Pages with a clock in them are like nothing, and so are no index page either.
#[test]
fn pages_that_change_are_unclear() {
    let ticks = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |r| match &*r.path {
        "/app/secret" if alice(r) => json(200, r#"{"secret":1}"#),
        "/app/secret" => status(401),
        _ => html(200, &format!("<p>{}", ticks.fetch_add(1, std::sync::atomic::Ordering::SeqCst))),
    });
    let suite = case("as: anonymous, with: az-path-suffix, control: alice, request: GET /app/secret");
    Project::new(&server.url, ALICE, &suite).run("").must(3, &[("c", "inconclusive: unclear-answer")]);
}

/// POST makes something for anybody, whatever a field says: that it is answered overrides nothing.
#[test]
fn a_method_that_is_allowed_anyway_is_no_other_one() {
    let server = Server::start(|r| match (&*r.method, &*r.path) {
        ("POST", "/things/1") => json(201, r#"{"made":1}"#),
        ("DELETE", "/things/1") if alice(r) => json(200, r#"{"deleted":1}"#),
        ("DELETE", "/things/1") => status(403),
        _ => status(404),
    });
    let suite = case("as: anonymous, with: az-method-override, control: alice, request: DELETE /things/1");
    Project::new(&server.url, ALICE, &format!("allow_destructive: true\n{suite}"))
        .run("")
        .must(3, &[("c", "inconclusive: unclear-answer")]);
}

/// One that listens to the field, with a POST of its own for anybody or none: what was done is told by another status.
#[test]
fn a_method_that_a_field_overrides_is_a_way_in() {
    for posts in [false, true] {
        let server = Server::start(move |r| {
            let method = Some(r.header("x-http-method-override")).filter(|m| !m.is_empty()).unwrap_or(&r.method);
            match (&*r.method, method, &*r.path) {
                ("DELETE", _, "/things/1") if !alice(r) => status(403),
                (_, "DELETE", "/things/1") => status(204),
                (_, "POST", "/things/1") if posts => json(200, r#"{"made":1}"#),
                _ => status(404),
            }
        });
        let suite = case("as: anonymous, with: az-method-override, control: alice, request: DELETE /things/1");
        Project::new(&server.url, ALICE, &format!("allow_destructive: true\n{suite}"))
            .run("")
            .must(1, &[("c", "failed: mutant-accepted")]);
    }
}

/// The site of the machine itself has a welcome page at every path; the guarded one is not there.
#[test]
fn another_site_is_no_way_in() {
    let server = Server::start(|r| match &*r.path {
        _ if r.header("host") == "localhost" || r.header("x-forwarded-host") == "localhost" => html(200, "welcome"),
        "/secret" if alice(r) => json(200, r#"{"secret":1}"#),
        _ => status(401),
    });
    for row in ["az-host-override", "az-x-forwarded-host"] {
        let suite = |named: &str| case(&format!("as: anonymous, with: {row}{named}, request: GET /secret"));
        Project::new(&server.url, ALICE, &suite(", control: alice")).run("").must(0, &[("c", "proven")]);
        Project::new(&server.url, ALICE, &suite("")).run("").must(3, &[("c", "inconclusive: unclear-answer")]);
    }
}

/// Each answer repeats its own request, so that no two are alike, and that is the fault.
#[test]
fn a_trace_that_is_answered_is_found() {
    let server = Server::start(|r| match &*r.method {
        "TRACE" => status(200).header("content-type", "message/http").body(&format!("TRACE {}", r.path)),
        _ if alice(r) => json(200, "{}"),
        _ => status(401),
    });
    let suite = case("as: anonymous, with: az-verb-trace, control: alice, request: GET /secret");
    Project::new(&server.url, ALICE, &suite).run("").must(1, &[("c", "failed: mutant-accepted")]);
}

/// The name of somebody who is allowed opens the door, and everybody gets the same words.
#[test]
fn a_name_in_a_field_is_the_name_that_the_server_knows() {
    let server = Server::start(|r| match r.header("x-remote-user") {
        "alice@example.org" => json(200, r#"{"ok":true}"#),
        _ if alice(r) => json(200, r#"{"ok":true}"#),
        _ => status(401),
    });
    let people = "identities: { alice: { auth: { scheme: bearer }, token: right-alice, email: alice@example.org } }\n";
    let suite = case("as: anonymous, with: az-x-remote-user, control: alice, request: GET /secret");
    Project::new(&server.url, people, &suite).run("").must(1, &[("c", "failed: mutant-accepted")]);
}

/// What signs, and what a server that looks at no signature makes of it: an hour is too much for it, and a nonce is
/// good for ever.
const SIGNER: &str = r#"
auth:
  signed:
    scheme: hmac
    string: "{{ request.method }} {{ request.target }} {{ timestamp }} {{ nonce }}"
    send: { header: { X-Time: "{{ timestamp }}", X-Nonce: "{{ nonce }}", X-Signature: "{{ hex(signature) }}" } }
identities: { alice: { auth: signed, key: right-alice } }
"#;

fn signs(request: &Request) -> bool {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let near = request.header("x-time").parse::<u64>().is_ok_and(|time| time.abs_diff(now) < 300);
    near && request.header("x-signature").len() == 64
}

#[test]
fn a_server_that_looks_at_no_signature_is_found() {
    let server = Server::start(|r| if signs(r) { json(200, "{}") } else { status(401) });
    for row in ["hmac-bad", "hmac-other-key", "hmac-path", "hmac-query", "hmac-method", "hmac-replay"] {
        let suite = case(&format!("as: alice, with: {row}, request: GET /things"));
        Project::new(&server.url, SIGNER, &suite).run("").must(1, &[("c", "failed: mutant-accepted")]);
    }
    // What the string says nothing of is no defect of the signature.
    let suite = case("as: alice, with: hmac-body, request: GET /things");
    Project::new(&server.url, SIGNER, &suite).run("").must(3, &[("c", "inconclusive: not-applicable")]);
}

/// Whoever sends the row allowed that something is changed twice.
#[test]
fn a_change_that_is_taken_twice_is_found() {
    for remembers in [false, true] {
        let seen = std::sync::Mutex::new(std::collections::HashSet::new());
        let server = Server::start(move |r| {
            let is_new = signs(r) && (seen.lock().unwrap().insert(r.header("x-nonce").to_owned()) || !remembers);
            if is_new { json(201, "{}") } else { status(401) }
        });
        let suite = case("as: alice, with: hmac-replay, request: POST /things, control: { request: GET /things }");
        let (code, said) = if remembers { (0, "proven") } else { (1, "failed: mutant-accepted") };
        let project = format!("allow_destructive: true\n{SIGNER}");
        Project::new(&server.url, &project, &suite).run("").must(code, &[("c", said)]);
    }
}

/// The first of two equal requests is refused already, so that the second says nothing of replays.
#[test]
fn a_replay_of_what_was_refused_shows_nothing() {
    let seen = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |r| {
        let third = signs(r) && seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0;
        if signs(r) && !third { json(200, "{}") } else { status(401) }
    });
    let suite = case("as: alice, with: hmac-replay, request: GET /things");
    Project::new(&server.url, SIGNER, &suite).run("").must(3, &[("c", "inconclusive: control-refused")]);
}

/// A number of the request's own in a field that nobody signs is no defect of the signature, and neither is its place.
#[test]
fn what_is_new_in_each_request_is_not_taken_for_a_defect() {
    let server = Server::start(|r| if signs(r) { json(200, "{}") } else { status(401) });
    let project = SIGNER.replace("header: {", "header: { X-Request-Id: '{{ uuid() }}',");
    for row in ["hmac-body", "hmac-header-swap", "hmac-replay"] {
        let suite = case(&format!("as: alice, with: {row}, request: GET /things"));
        Project::new(&server.url, &project, &suite).run("").must(3, &[("c", "inconclusive: not-applicable")]);
    }
}

/// The server knows one sender and does not look at the key id: without all fields of the signature the request is
/// anonymous, and without the first of them it is not.
#[test]
fn half_a_signature_is_not_anonymous() {
    let server = Server::start(|r| if signs(r) { json(200, "{}") } else { status(401) });
    let project = SIGNER.replace("header: {", "header: { X-Key-Id: '{{ identity.name }}',");
    let missing = case("as: alice, with: hdr-missing, request: GET /things");
    Project::new(&server.url, &project, &missing).run("").must(0, &[("c", "proven")]);
    let unknown = case("as: alice, with: hmac-unknown-key, request: GET /things");
    Project::new(&server.url, &project, &unknown).run("").must(1, &[("c", "failed: mutant-accepted")]);
}

/// The request of the case has a slip in its path, and the one that controls it has not.
#[test]
fn a_control_by_another_request_shows_nothing_of_this_one() {
    let server = Server::start(|r| match (&*r.method, &*r.path) {
        _ if !alice(r) => status(401).header("www-authenticate", "Bearer error=\"invalid_token\""),
        ("GET", "/me") | ("POST", "/orders") => json(200, r#"{"username":"alice"}"#),
        _ => status(404),
    });
    let suite = |path: &str| {
        let asks = format!("as: alice, with: tok-garbage, control: {{ request: GET /me }}, request: POST {path}");
        format!(
            "cases:\n  - {{ name: orders, as: alice, request: POST /orders, expect: 200 }}\n  - {{ name: c, {asks} }}\n"
        )
    };
    let run = |path: &str, arguments: &str| Project::new(&server.url, ALICE, &suite(path)).run(arguments);
    run("/orders", "").must(0, &[("orders", "passed"), ("c", "proven")]);
    run("/ordres", "").must(0, &[("orders", "passed"), ("c", "unproven: unproven")]);
    run("/ordres", "--require-proof").must(3, &[("orders", "passed"), ("c", "inconclusive: unproven")]);
}

/// A page that is there for everybody and greets whom it knows; of what makes a good token it knows nothing, or all.
fn open_page(knows: fn(&str) -> bool) -> Server {
    Server::start(move |r| match &*r.path {
        "/page" if !knows(r.bearer()) => json(200, r#"{"user":null}"#),
        _ => json(200, r#"{"user":"alice"}"#),
    })
}

#[test]
fn whoever_is_nobody_to_an_open_page_was_not_let_in() {
    let run = |knows: fn(&str) -> bool, with: &str| {
        let suite = case(&format!("as: alice, with: {with}, request: GET /page"));
        Project::new(&open_page(knows).url, ALICE, &suite).run("")
    };
    run(|token| token == "right-alice", "tok-garbage").must(0, &[("c", "proven")]);
    run(|token| !token.is_empty(), "tok-garbage").must(1, &[("c", "failed: mutant-accepted")]);
    // Nothing is told apart, so nothing is known of the credential.
    run(|_| true, "tok-garbage").must(3, &[("c", "inconclusive: public")]);
    run(|token| token == "right-alice", "hdr-missing").must(1, &[("c", "failed: mutant-accepted")]);
}

/// `whoami` greets everybody, so that it says nothing of the credential.
#[test]
fn a_public_whoami_controls_nothing() {
    let server = Server::start(|r| match &*r.path {
        "/me" => json(200, r#"{"hello":"you"}"#),
        _ => status(401),
    });
    let people = r"
identities:
  alice: { auth: { scheme: bearer, whoami: { request: GET /me, expect: 200 } }, token: right-alice }
";
    let suite = case("as: alice, with: tok-garbage, request: POST /orders");
    Project::new(&server.url, people, &suite).run("").must(3, &[("c", "inconclusive: public")]);
}

/// A field of its own name holds the key, and pieces of it leave in what is sent.
#[test]
fn no_piece_of_a_key_is_shown() {
    const KEY: &str = "q7Vd2mXe9RtB4zKp8WnY3cLs";
    let server = Server::start(|r| if r.header("x-odd") == KEY { json(200, "{}") } else { status(401) });
    let people = format!("identities: {{ svc: {{ auth: {{ scheme: api-key, header: X-Odd }}, key: {KEY} }} }}\n");
    for row in ["tok-truncated", "hdr-nul-ctl", "hdr-trailing-ws"] {
        let suite = case(&format!("as: svc, with: {{ these: {row}, expect: {{ {row}: 204 }} }}, request: GET /things"));
        let run = Project::new(&server.url, &people, &suite).run("-v");
        run.must(1, &[("c", "failed: check-failed")]);
        let shown = format!("{}{}", run.said, run.report);
        for piece in [&KEY[..12], &KEY[12..], &KEY[..KEY.len() - 1]] {
            assert!(!shown.contains(piece), "{row}: {piece}\n{shown}");
        }
    }
}
