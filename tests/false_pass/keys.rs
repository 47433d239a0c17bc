//! Where the public key of a server is that its own tokens say nothing of: a scheme of any kind names the place.

use std::sync::Mutex;

use authspec::jose::{Algorithm, Key, sign};
use serde_json::{Map, json};

use crate::api::unauthorized;
use crate::runs::{BLIND, Project, Run};
use crate::server::{Server, json};

const CASE: &str = "cases:\n  - { name: c, as: alice, with: jwt-alg-confusion, request: GET /me }\n";

/// A server with its keys at a place of its own; one that is lax takes whatever says HS256.
fn server(is_lax: bool) -> Server {
    let key = Key::generate(Algorithm::Es256).unwrap();
    let keys = json!({ "keys": [key.public_jwk().unwrap()] }).to_string();
    let good: Mutex<Vec<String>> = Mutex::default();
    Server::start(move |r| {
        let mut good = good.lock().unwrap();
        match format!("{} {}", r.method, r.path).as_str() {
            "POST /login" => {
                let claims = json!({ "sub": "alice", "jti": good.len() }).to_string();
                let token = sign(Algorithm::Es256, Map::new(), claims.as_bytes(), &key).unwrap();
                good.push(token.clone());
                json(200, &json!({ "access_token": token }).to_string())
            }
            "GET /keys/mine" => json(200, &keys),
            "GET /me" if good.contains(&r.bearer().to_owned()) => json(200, r#"{"username":"alice"}"#),
            "GET /me" if is_lax && is_hmac(r.bearer()) => json(200, r#"{"username":"alice"}"#),
            "GET /me" => unauthorized("invalid signature"),
            _ => crate::server::status(404),
        }
    })
}

/// Tells whether a token says that it is signed with a secret.
fn is_hmac(token: &str) -> bool {
    authspec::jose::Token::parse(token).is_ok_and(|token| token.header()["alg"] == "HS256")
}

fn run(server: &Server, jwks: &str) -> Run {
    let scheme = BLIND.replace("    send:", &format!("{jwks}    send:"));
    let people = "identities:\n  alice: { auth: api, username: alice, password: right-alice }\n";
    Project::new(&server.url, &format!("{scheme}{people}"), CASE).run("")
}

#[test]
fn the_place_of_the_keys_can_be_said_of_every_scheme() {
    const MINE: &str = "    jwks_url: /keys/mine\n";
    let strict = server(false);
    let told = run(&strict, MINE);
    told.must(0, &[("c", "proven")]);
    assert_eq!(told.report["summary"]["requests"], strict.seen().len(), "that for the keys among them");
    // Asked for once, without any credential.
    assert_eq!(strict.count("GET /keys/mine"), 1);
    assert!(strict.seen().iter().filter(|r| r.is("GET /keys/mine")).all(|r| r.bearer().is_empty()));
    run(&server(true), MINE).must(1, &[("c", "failed: mutant-accepted")]);
    let whole = format!("    jwks_url: {}/keys/mine\n", strict.url);
    run(&strict, &whole).must(0, &[("c", "proven")]);
}

#[test]
fn where_no_key_is_nothing_is_faked() {
    let strict = server(false);
    let silent = run(&strict, "");
    silent.must(3, &[("c", "inconclusive: no-bad-token")]);
    assert!(silent.said.contains("jwks_url"), "{}", silent.said);
    // Another place is not looked at for it.
    let wrong = run(&strict, "    jwks_url: /keys/none\n");
    wrong.must(3, &[("c", "inconclusive: no-bad-token")]);
    assert!(wrong.said.contains("/keys/none") && strict.count("GET /.well-known/jwks.json") == 1, "{}", wrong.said);
    // Nor is the key of another server.
    let other = server(false);
    run(&strict, &format!("    jwks_url: {}/keys/mine\n", other.url)).must(3, &[("c", "inconclusive: no-bad-token")]);
}

/// Nobody has looked at the signature of a token that says who made it.
#[test]
fn a_stranger_whom_a_token_names_is_not_asked() {
    let stranger = Server::start(|_| crate::server::status(404));
    let token = {
        let key = Key::generate(Algorithm::Es256).unwrap();
        let claims = json!({ "iss": stranger.url, "sub": "alice" }).to_string();
        sign(Algorithm::Es256, Map::new(), claims.as_bytes(), &key).unwrap()
    };
    let good = token.clone();
    let server = Server::start(move |r| match &*r.path {
        "/me" if r.bearer() == good => json(200, r#"{"username":"alice"}"#),
        "/me" => unauthorized("invalid signature"),
        _ => crate::server::status(404),
    });
    let people = format!("identities:\n  alice: {{ auth: {{ scheme: bearer }}, token: {token} }}\n");
    let run = Project::new(&server.url, &people, CASE).run("");
    run.must(3, &[("c", "inconclusive: no-bad-token")]);
    assert!(stranger.seen().is_empty(), "{:?}", stranger.seen());
    let help = run.case("c")["reasons"][0]["help"].to_string();
    assert!(help.contains(&format!("`origins: [{}]`", stranger.url)), "{help}");
    let people = format!("{people}origins: [{}]\n", stranger.url);
    let named = Project::new(&server.url, &people, CASE).run("");
    assert!(!stranger.seen().is_empty(), "{}", named.said);
}

/// Whatever left stands in the archive, whoever it was for.
#[test]
fn what_is_asked_for_keys_stands_in_the_archive() {
    let server = server(false);
    let people = "identities:\n  alice: { auth: api, username: alice, password: right-alice }\n";
    let suite = "cases:\n  - { name: c, as: alice, request: GET /me, expect: { status: 200, jwt: { from: \"{{ session.access_token }}\", verify: { jwks: /keys/mine } } } }\n";
    let archived = |people: &str, suite: &str| {
        let before = server.seen().len();
        let project = Project::new(&server.url, people, suite);
        let file = std::env::temp_dir().join(format!("keys-{}-{before}.har", std::process::id()));
        let run = project.run(&format!("--har {}", file.display()));
        let har: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        std::fs::remove_file(&file).unwrap();
        let entries = har["log"]["entries"].as_array().unwrap().clone();
        assert_eq!(entries.len(), server.seen().len() - before, "{}", run.said);
        entries.iter().filter(|e| e["request"]["url"].as_str().unwrap().ends_with("/keys/mine")).count()
    };
    assert_eq!(archived(&format!("{BLIND}{people}"), suite), 1);
    let scheme = BLIND.replace("    send:", "    jwks_url: /keys/mine\n    send:");
    assert_eq!(archived(&format!("{scheme}{people}"), CASE), 1);
}

/// A check that verifies asks for keys as well, each time that it judges.
#[test]
fn what_a_check_fetches_is_counted() {
    let server = server(false);
    let people = "identities:\n  alice: { auth: api, username: alice, password: right-alice }\n";
    let suite = "cases:\n  - { name: c, as: alice, request: GET /me, expect: { status: 200, jwt: { from: \"{{ session.access_token }}\", verify: { jwks: /keys/mine } } } }\n";
    let run = Project::new(&server.url, &format!("{BLIND}{people}"), suite).run("");
    run.must(0, &[("c", "passed")]);
    assert_eq!((server.count("GET /keys/mine"), server.seen().len()), (1, 3));
    assert_eq!(run.report["summary"]["requests"], 3);
}
