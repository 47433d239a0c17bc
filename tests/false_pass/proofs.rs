//! Servers that look at the proof of a key before all else: a token that is wrong has to come with a proof of its own, or it
//! is refused for that alone.

use std::sync::Mutex;

use authspec::jose::{Algorithm, Jwks, Key, Token, encode, sign};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use crate::api::unauthorized;
use crate::expiry::now;
use crate::runs::Project;
use crate::server::{Request, Server, claims, json, status};

const SECRET: &str = "a secret of the server that nobody would find in a list";

fn key() -> Key {
    Key::secret(SECRET.as_bytes()).unwrap()
}

fn given() -> String {
    let claims = json!({ "sub": "job", "aud": "api", "exp": now() + 600 });
    sign(Algorithm::Hs256, Map::new(), claims.to_string().as_bytes(), &key()).unwrap()
}

fn is_signed(token: &str) -> bool {
    Token::parse(token).is_ok_and(|token| Jwks::of(key()).verify(&token).is_ok())
}

fn is_over(token: &str) -> bool {
    claims(token).is_none_or(|claims| claims["exp"].as_i64().is_none_or(|end| end <= now()))
}

/// An API that wants a proof for each request, each of its own; a rule says which tokens it takes with one.
fn server(takes: fn(&str) -> bool) -> Server {
    let used: Mutex<Vec<Value>> = Mutex::default();
    Server::start(move |r: &Request| {
        if r.is("POST /token") {
            return json(200, &json!({ "access_token": given(), "token_type": "DPoP" }).to_string());
        }
        let field = r.header("authorization");
        let token = field.strip_prefix("DPoP ").unwrap_or_default();
        let proof = claims(r.header("dpop")).unwrap_or_default();
        let mut used = used.lock().unwrap();
        let fits = proof["ath"] == encode(digest(&SHA256, token.as_bytes())) && !used.contains(&proof["jti"]);
        used.push(proof["jti"].clone());
        if fits && takes(token) { json(200, r#"{"name":"job"}"#) } else { unauthorized("") }
    })
}

/// One case with a row, or several.
fn project(server: &Server, row: &str) -> Project {
    let people = format!(
        "
auth:
  base: {{ scheme: oauth2, token_url: /token, grant: client_credentials, client: {{ id: job, secret: right-secret-1 }}, dpop: true, signing_key: \"{SECRET}\" }}
identities:
  job: {{ auth: base }}
"
    );
    let suite = format!("cases:\n  - {{ name: c, as: job, with: {row}, request: GET /me }}\n");
    Project::new(&server.url, &people, &suite)
}

fn each(rows: &[&str], takes: fn(&str) -> bool, code: i32, verdict: &str) {
    let server = server(takes);
    for row in rows {
        project(&server, row).run("-j 1").must(code, &[("c", verdict)]);
    }
}

const ACCEPTED: &str = "failed: mutant-accepted";

#[test]
fn a_forged_token_comes_with_a_proof_of_its_own() {
    each(&["jwt-sig-bitflip", "jwt-alg-none", "tok-garbage"], |_| true, 1, ACCEPTED);
    each(&["token-expired", "claim-exp-missing"], is_signed, 1, ACCEPTED);
}

#[test]
fn the_right_server_is_proven() {
    let right = |token: &str| is_signed(token) && !is_over(token);
    each(&["jwt-sig-bitflip", "jwt-alg-none", "token-expired", "claim-exp-missing"], right, 0, "proven");
}

/// An API that takes a token from anywhere in the request, with a proof that is its own.
fn anywhere(r: &Request) -> String {
    let cookies = r.header("cookie").split("; ").filter_map(|pair| pair.strip_prefix("access_token="));
    let query = r.path.split_once("access_token=").map(|(_, token)| token.split('&').next().unwrap_or_default());
    let field = r.header("authorization").strip_prefix("DPoP ");
    field.or(query).or(cookies.last()).unwrap_or_default().to_owned()
}

#[test]
fn a_token_in_another_place_comes_with_its_proof() {
    for row in ["loc-query", "loc-cookie"] {
        let used: Mutex<Vec<Value>> = Mutex::default();
        let server = Server::start(move |r: &Request| {
            if r.is("POST /token") {
                return json(200, &json!({ "access_token": given(), "token_type": "DPoP" }).to_string());
            }
            let (token, proof) = (anywhere(r), claims(r.header("dpop")).unwrap_or_default());
            let mut used = used.lock().unwrap();
            let fits = proof["ath"] == encode(digest(&SHA256, token.as_bytes())) && !used.contains(&proof["jti"]);
            used.push(proof["jti"].clone());
            if fits && is_signed(&token) { json(200, r#"{"name":"job"}"#) } else { unauthorized("") }
        });
        project(&server, row).run("-j 1").must(1, &[("c", ACCEPTED)]);
    }
}

/// What was refused once is sent again to see whether by now all is refused: a proof that came before says nothing of that.
#[test]
fn what_is_sent_again_has_a_proof_of_its_own() {
    let used: Mutex<Vec<Value>> = Mutex::default();
    let server = Server::start(move |r: &Request| {
        if r.is("POST /token") {
            return json(200, &json!({ "access_token": given(), "token_type": "DPoP" }).to_string());
        }
        let token = r.header("authorization").strip_prefix("DPoP ").unwrap_or_default().to_owned();
        let proof = claims(r.header("dpop")).unwrap_or_default();
        let mut used = used.lock().unwrap();
        let is_new = !used.contains(&proof["jti"]);
        used.push(proof["jti"].clone());
        match token.split('.').count() {
            _ if !is_new => unauthorized("used before"),
            3 if is_signed(&token) => json(200, r#"{"name":"job"}"#),
            3 => unauthorized("not signed"),
            _ => status(403),
        }
    });
    let run = project(&server, "[tok-garbage, jwt-sig-bitflip]").run("-j 1");
    assert_eq!(run.code, 0, "{}", run.said);
    assert!(run.cases().iter().all(|case| case["verdict"] == "passed"), "{}", run.said);
}

/// A gateway that shows its index page at every address, to whoever comes with a token and a proof for that address.
fn gateway() -> Server {
    let used: Mutex<Vec<Value>> = Mutex::default();
    let token = |name: &str| {
        let claims = json!({ "sub": name, "exp": now() + 600 });
        sign(Algorithm::Hs256, Map::new(), claims.to_string().as_bytes(), &key()).unwrap()
    };
    Server::start(move |r: &Request| {
        if let Some(name) = r.path.strip_prefix("/token/") {
            return json(200, &json!({ "access_token": token(name), "token_type": "DPoP" }).to_string());
        }
        let token = r.header("authorization").strip_prefix("DPoP ").unwrap_or_default();
        let proof = claims(r.header("dpop")).unwrap_or_default();
        let mut used = used.lock().unwrap();
        let is_here = proof["htm"] == *r.method && proof["htu"].as_str().is_some_and(|htu| htu.ends_with(&r.path));
        let fits = is_here && is_signed(token) && !used.contains(&proof["jti"]);
        used.push(proof["jti"].clone());
        match &*r.path {
            _ if !fits => unauthorized(""),
            "/admin" if claims(token).unwrap()["sub"] == "root" => json(200, r#"{"users":["alice","bob"]}"#),
            "/admin" => json(403, "{}"),
            _ => status(200).header("content-type", "text/html").body("<h1>Welcome to all of you</h1>"),
        }
    })
}

/// What is there for everybody is found out at another address, which takes a proof for that one.
#[test]
fn what_is_asked_beside_a_way_around_has_a_proof_for_its_own_address() {
    let people = "
auth:
  base: { scheme: oauth2, token_url: /token/job, grant: client_credentials, client: { id: job, secret: right-secret-1 }, dpop: true }
identities:
  job: { auth: base }
  root: { auth: { like: base, token_url: /token/root } }
";
    let suite = "
cases:
  - { name: c, as: job, with: az-path-slash, control: root, request: GET /admin }
  - { name: own page, as: job, request: GET /pages }
";
    Project::new(&gateway().url, people, suite).run("-j 1").must(0, &[("c", "proven"), ("own page", "passed")]);
}
