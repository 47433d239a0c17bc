//! Servers that ask by Digest, and what they would hide if the rows of `pack.digest` answered carelessly.

use std::collections::HashSet;
use std::sync::Mutex;

use crate::runs::Project;
use crate::server::{Reply, Request, Server, json, status};

const CAMERA: &str = r"
auth: { device: { scheme: digest } }
identities: { camera: { auth: device, username: camera, password: lens-cap-4 } }
";

/// A suite of one case named `c`.
fn case(rest: &str) -> String {
    format!("cases:\n  - {{ name: c, {rest} }}\n")
}

/// A server whose nonces are good once, and that looks at nothing else of an answer.
fn once() -> impl Fn(&Request) -> Reply + Send + Sync {
    let open: Mutex<HashSet<String>> = Mutex::default();
    let given = std::sync::atomic::AtomicUsize::new(0);
    move |r| {
        let said = r.header("authorization").split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next());
        if said.is_some_and(|nonce| open.lock().unwrap().remove(nonce)) {
            return json(200, r#"{"device":"camera"}"#);
        }
        let nonce = format!("n{:08}n", given.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        open.lock().unwrap().insert(nonce.clone());
        status(401).header(
            "WWW-Authenticate",
            format!("Digest realm=\"r\", qop=\"auth\", algorithm=SHA-256, nonce=\"{nonce}\""),
        )
    }
}

fn run(server: &Server, row: &str, code: i32, verdict: &str) {
    let suite = case(&format!("as: camera, with: {row}, request: GET /things"));
    Project::new(&server.url, CAMERA, &suite).run("").must(code, &[("c", verdict)]);
}

/// With the nonce of the control each of them would be refused for its age, as a server does that is right.
#[test]
fn an_answer_is_not_refused_for_the_age_of_its_nonce() {
    let server = Server::start(once());
    for row in ["digest-uri", "digest-qop-strip", "digest-alg-downgrade", "digest-other-realm"] {
        run(&server, row, 1, "failed: mutant-accepted");
    }
    // These are what the server looks at.
    run(&server, "digest-stale", 0, "proven");
    run(&server, "digest-nc-replay", 0, "proven");
}

/// It asks nobody, so that there is no question that could be answered wrongly.
#[test]
fn an_open_server_refuses_no_answer() {
    let server = Server::start(|_| json(200, "{}"));
    for row in ["digest-stale", "digest-nc-replay"] {
        run(&server, row, 3, "inconclusive: not-applicable");
    }
}

/// It takes the control, and after that is busy: what it says to a replay would not be about that.
#[test]
fn a_replay_of_an_answer_that_was_refused_shows_nothing() {
    let right = once();
    let granted = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |r| {
        let reply = right(r);
        let answers = !r.header("authorization").is_empty();
        let busy = answers && granted.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0;
        if busy { status(403) } else { reply }
    });
    run(&server, "digest-nc-replay", 3, "inconclusive: control-refused");
}
