//! Servers that want a nonce of theirs in each proof of a key: who is asked for another one has not been refused.

use std::sync::Mutex;

use crate::runs::Project;
use crate::server::{Reply, Request, Server, claims, json, status};

const SCHEME: &str = "
auth:
  base: { scheme: oauth2, token_url: /token, grant: client_credentials, client: { id: job, secret: right-secret-1 }, dpop: true }
identities:
  job: { auth: base }
";

/// A token endpoint that asks for a nonce, and looks at nothing in a proof but what a rule refuses; with what its
/// nonces are.
fn server(nonce: fn(&Proof) -> Nonce, refuses: fn(&Proof) -> bool) -> Server {
    let last: Mutex<(u64, Vec<String>)> = Mutex::default();
    Server::start(move |r: &Request| {
        let claims = claims(r.header("dpop")).unwrap_or_default();
        let (wanted, id) = (claims["nonce"].as_str().unwrap_or_default(), claims["jti"].as_str().unwrap_or_default());
        if r.path != "/token" {
            return status(if r.header("authorization").starts_with("DPoP t-") { 200 } else { 401 });
        }
        let mut last = last.lock().unwrap();
        let proof = Proof { claims: claims.clone(), is_used: last.1.iter().any(|used| used == id) };
        let is_right = wanted == format!("nonce-{}", last.0);
        match nonce(&proof) {
            Nonce::Once => last.0 += 1,
            Nonce::Never => return asks("another"),
            Nonce::Stays => {}
        }
        if !is_right {
            return asks(&format!("nonce-{}", last.0)).after(20);
        }
        last.1.push(id.to_owned());
        if refuses(&proof) {
            return json(400, r#"{"error":"invalid_dpop_proof"}"#);
        }
        json(200, r#"{"access_token":"t-1","token_type":"DPoP"}"#)
    })
}

struct Proof {
    claims: serde_json::Value,
    is_used: bool,
}

impl Proof {
    fn is_elsewhere(&self) -> bool {
        self.claims["htu"].as_str().is_some_and(|to| to.contains("evil"))
    }
}

enum Nonce {
    /// Each is good for one proof, of whomever.
    Once,
    /// None is ever taken.
    Never,
    /// One for all.
    Stays,
}

fn asks(nonce: &str) -> Reply {
    json(400, r#"{"error":"use_dpop_nonce"}"#).header("dpop-nonce", nonce)
}

/// Runs changed logins, each as a case of its name, with its verdict.
fn must(server: &Server, code: i32, cases: &[((&str, &str), &str)]) {
    let case = |((name, vary), _): &((&str, &str), &str)| {
        format!("  - {{ name: {name}, as: job, request: login, vary: {{ {vary} }}, expect: 400 }}\n")
    };
    let suite: String = cases.iter().map(case).collect();
    let verdicts: Vec<(&str, &str)> = cases.iter().map(|((name, _), verdict)| (*name, *verdict)).collect();
    Project::new(&server.url, SCHEME, &format!("cases:\n{suite}")).run("-j 8").must(code, &verdicts);
}

const ADDRESS: (&str, &str) = ("address", "token.dpop.htu: 'http://evil.example/'");
const SIGNATURE: (&str, &str) = ("signature", "token.dpop.signature: AAAA");
const MADE_UP: (&str, &str) = ("made-up", "token.dpop.nonce: made-up");
const NO_NONCE: (&str, &str) = ("none", "token.dpop.nonce: null");
const AGAIN: (&str, &str) = ("again", "token.dpop: '{{ session.dpop_proof }}'");

const FAILED: &str = "failed: check-failed";

/// Logins of other cases use up the nonce that this one was given: it is not refused for what it changed.
#[test]
fn a_nonce_that_others_used_up_refuses_nothing() {
    let server = server(|_| Nonce::Once, |proof| proof.is_used);
    let all = [(ADDRESS, FAILED), (SIGNATURE, FAILED), (MADE_UP, "proven"), (NO_NONCE, "proven"), (AGAIN, "proven")];
    must(&server, 1, &all);
}

/// Whoever does not take a nonce that it just gave says nothing of the rest.
#[test]
fn a_server_that_asks_and_asks_refuses_nothing() {
    let server = server(|proof| if proof.is_elsewhere() { Nonce::Never } else { Nonce::Stays }, Proof::is_elsewhere);
    must(&server, 3, &[(ADDRESS, "inconclusive: other-cause")]);
}

/// A nonce that is changed is refused by asking for another one.
#[test]
fn the_right_server_is_proven() {
    let server = server(|_| Nonce::Stays, |proof| proof.is_elsewhere() || proof.is_used);
    must(&server, 0, &[(ADDRESS, "proven"), (MADE_UP, "proven"), (AGAIN, "proven")]);
}

/// What asks for a nonce at first does not, once the session has learned one: nobody was let in by a cache.
#[test]
fn the_question_of_a_server_is_not_asked_for_once_more() {
    let server = Server::start(|r: &Request| {
        let claims = claims(r.header("dpop")).unwrap_or_default();
        match &*r.path {
            "/token" => json(200, r#"{"access_token":"t-1","token_type":"DPoP"}"#),
            _ if r.header("authorization").is_empty() => status(401),
            _ if claims["nonce"] == "n-1" => json(200, "{}"),
            _ => status(401)
                .header("dpop-nonce", "n-1")
                .header("www-authenticate", r#"DPoP error="use_dpop_nonce", algs="ES256""#),
        }
    });
    let people = format!("{SCHEME}  other: {{ auth: base }}\n");
    let suite = "cases:
  - { name: asked, as: job, request: GET /me, handshake: off, expect: 401 }
  - { name: let in, as: other, request: GET /me, expect: 200 }
  - { name: own, as: job, request: GET /own, expect: 200 }
";
    let run = Project::new(&server.url, &people, suite).run("-j 1");
    run.must(0, &[("asked", "proven"), ("let in", "passed"), ("own", "passed")]);
}

/// An API that takes its newest nonce alone, whoever got it: who has to be let in is, however many ask at once.
#[test]
fn requests_that_use_up_the_nonces_of_one_another_take_turns() {
    let newest: Mutex<u64> = Mutex::default();
    let server = Server::start(move |r| {
        if r.path == "/token" {
            return json(200, r#"{"access_token":"t-1","token_type":"DPoP"}"#);
        }
        let mut newest = newest.lock().unwrap();
        let nonce = claims(r.header("dpop")).unwrap_or_default()["nonce"].as_str().unwrap_or_default().to_owned();
        let is_right = nonce == format!("nonce-{newest}");
        *newest += 1;
        let reply = if is_right {
            status(if r.path == "/admin" { 403 } else { 200 })
        } else {
            status(401).header("www-authenticate", r#"DPoP error="use_dpop_nonce""#)
        };
        reply.header("dpop-nonce", format!("nonce-{newest}")).after(10)
    });
    let more = "  tim: { auth: base }\n";
    let case = |n: usize| {
        let who = if n.is_multiple_of(2) { "job" } else { "tim" };
        format!(
            "  - {{ name: c{n}, as: {who}, request: GET /me, expect: 200 }}\n  - {{ name: d{n}, as: {who}, request: GET /admin, expect: 403 }}\n"
        )
    };
    let suite = format!("cases:\n{}", (0..20).map(case).collect::<String>());
    let run = Project::new(&server.url, &format!("{SCHEME}{more}"), &suite).run("-j 8");
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(server.count("GET /me") + server.count("GET /admin") < 40 * 5, "{}", run.said);
}

/// An API that asks for another nonce to the last: whom it would let in nobody knows.
#[test]
fn who_is_asked_for_a_nonce_to_the_last_is_not_refused() {
    let server = Server::start(|r| {
        let good = r.header("authorization") == "DPoP t-1";
        match &*r.path {
            "/token" => json(200, r#"{"access_token":"t-1","token_type":"DPoP"}"#),
            "/me" if good => json(200, "{}"),
            "/admin" if r.bearer() == "roottoken1" => json(200, "{}"),
            // What is wrong about a token is looked at after the nonce.
            "/me" | "/admin" if !r.header("dpop").is_empty() => {
                status(401).header("www-authenticate", r#"DPoP error="use_dpop_nonce""#).header("dpop-nonce", "another")
            }
            _ => status(401),
        }
    });
    let more = "  root: { auth: { scheme: bearer }, token: roottoken1 }\n";
    let suite = "cases:
  - { name: me, as: job, request: GET /me, expect: 200 }
  - { name: root, as: root, request: GET /admin, expect: 200 }
  - { name: plain, as: job, request: GET /admin, expect: 401 }
  - { name: defect, as: job, with: hdr-quoted, request: GET /me }
";
    let run = Project::new(&server.url, &format!("{SCHEME}{more}"), suite).run("");
    let open = "inconclusive: other-cause";
    run.must(3, &[("me", "passed"), ("root", "passed"), ("plain", open), ("defect", open)]);
}

/// Whoever is asked for the very nonce that was just sent gains nothing by sending it again: one request is at most two.
#[test]
fn the_same_nonce_is_not_sent_again_and_again() {
    let ever = || status(401).header("www-authenticate", r#"DPoP error="use_dpop_nonce""#).header("dpop-nonce", "same");
    let api = Server::start(move |r| match &*r.path {
        "/token" => json(200, r#"{"access_token":"t-1","token_type":"DPoP"}"#),
        _ => ever(),
    });
    let suite = "cases:\n  - { name: me, as: job, request: POST /me, expect: 200 }\n";
    Project::new(&api.url, SCHEME, suite).run("").must(1, &[("me", FAILED)]);
    assert_eq!(api.count("POST /me"), 2);
    let tokens = Server::start(|_| asks("same"));
    Project::new(&tokens.url, SCHEME, suite).run("").must(3, &[("me", "blocked: login-failed")]);
    assert_eq!(tokens.count("POST /token"), 2);
}
