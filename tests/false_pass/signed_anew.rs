//! Tokens that a signing key makes: servers that refuse whatever they did not give out themselves, whatever is wrong with it.

use std::sync::Mutex;

use authspec::jose::{Algorithm, Jwks, Key, Token, sign};
use serde_json::{Map, Value, json};

use crate::api::unauthorized;
use crate::expiry::now;
use crate::runs::{Project, Run};
use crate::server::{Reply, Request, Server, claims, json, status};

const SECRET: &str = "a secret of the server that nobody would find in a list";

fn key() -> Key {
    Key::secret(SECRET.as_bytes()).unwrap()
}

fn given(number: usize) -> String {
    let claims = json!({ "sub": "alice", "aud": "api", "jti": format!("id-{number}"), "exp": now() + 600 });
    sign(Algorithm::Hs256, Map::new(), claims.to_string().as_bytes(), &key()).unwrap()
}

fn is_signed(token: &str) -> bool {
    Token::parse(token).is_ok_and(|token| Jwks::of(key()).verify(&token).is_ok())
}

/// What a careful server demands of the claims.
fn is_right(claims: &Value) -> bool {
    let audience = claims["aud"] == "api" || claims["aud"].as_array().is_some_and(|all| all.contains(&"api".into()));
    audience && claims["exp"].as_i64().is_some_and(|end| now() < end)
}

/// A server whose tokens are correctly signed; a closure says which of them are taken, by all that were given.
fn server(
    at: fn(&Request) -> String,
    takes: impl Fn(&[String], &str, &Value) -> bool + Send + Sync + 'static,
) -> Server {
    let books: Mutex<Vec<String>> = Mutex::default();
    Server::start(move |r| {
        let mut books = books.lock().unwrap();
        if r.is("POST /login") {
            let next = given(books.len());
            books.push(next);
            let token = books.last().unwrap();
            let cookie = format!("sid={token}; Path=/; HttpOnly");
            return json(200, &json!({ "access_token": token }).to_string()).header("set-cookie", cookie);
        }
        let token = at(r);
        let known = is_signed(&token) && claims(&token).is_some_and(|claims| takes(&books, &token, &claims));
        answer(r, known)
    })
}

fn answer(r: &Request, known: bool) -> Reply {
    match (known, &*r.path) {
        (false, _) => unauthorized(""),
        (true, "/notes") => status(201),
        (true, _) => json(200, r#"{"username":"alice"}"#),
    }
}

fn in_field(r: &Request) -> String {
    r.bearer().to_owned()
}

fn in_cookie(r: &Request) -> String {
    r.header("cookie").strip_prefix("sid=").unwrap_or_default().to_owned()
}

const BEARER: &str = "\n      capture: { access_token: $.access_token }\n    send: { bearer: access_token }";
const WHOAMI: &str = "\n    whoami: { request: GET /me, expect: { json: { $.username: alice } } }";

fn run(server: &Server, scheme: &str, case: &str) -> Run {
    let people = format!(
        "auth:
  api:
    scheme: login
    signing_key: \"{SECRET}\"
    login:
      request: POST /login
      json: {{ username: alice, password: right-alice }}{scheme}
identities:
  alice: {{ auth: api }}
"
    );
    Project::new(&server.url, &people, &format!("cases:\n  - {{ name: c, as: alice, {case} }}\n")).run("-j 1")
}

/// Runs one defect after the other, each in a run of its own, and all must end alike.
fn each(rows: &[&str], server: &Server, scheme: &str, rest: &str, code: i32, verdict: &str) {
    for row in rows {
        run(server, scheme, &format!("with: {row}, {rest}")).must(code, &[("c", verdict)]);
    }
}

const UNSURE: &str = "inconclusive: control-signed";

#[test]
fn a_list_of_what_was_given_out_says_nothing_of_claims() {
    let list = |at| server(at, |given, token, _| given.iter().any(|known| known == token));
    let rows = ["token-expired", "claim-exp-missing", "token-wrong-audience", "jwt-crit-unknown"];
    each(&rows, &list(in_field), BEARER, "request: GET /me", 3, UNSURE);
    // What has to be taken is refused for no fault of its own.
    each(&["claim-aud-array-with"], &list(in_field), BEARER, "request: GET /me", 3, UNSURE);
    each(&["token-expired"], &list(in_cookie), "", "request: GET /me", 3, UNSURE);
}

/// The list is of ids, which a token that is made anew keeps; and the claims are looked at.
#[test]
fn a_list_of_ids_takes_what_is_signed_anew() {
    let ids = server(in_field, |given, _, claims| {
        let known = given.iter().any(|token| crate::server::claims(token).unwrap()["jti"] == claims["jti"]);
        known && is_right(claims)
    });
    each(&["token-expired", "token-wrong-audience"], &ids, BEARER, "request: GET /me", 0, "proven");
    each(&["claim-aud-array-with"], &ids, BEARER, "request: GET /me", 0, "passed");
}

/// The request changes something, so that another one stands in for it, with the token that is signed anew.
#[test]
fn another_request_may_carry_the_token_that_is_signed_anew() {
    let list = |at| server(at, |given, token, _| given.iter().any(|known| known == token));
    for (at, scheme) in [(in_field as fn(&Request) -> String, BEARER), (in_cookie, "")] {
        let rest = "request: POST /notes";
        each(&["token-expired"], &list(at), &format!("{scheme}{WHOAMI}"), rest, 3, UNSURE);
        let control = "request: POST /notes, control: { request: GET /me }";
        each(&["token-expired"], &list(at), scheme, control, 3, UNSURE);
        let right = server(at, |_, _, claims| is_right(claims));
        each(&["token-expired"], &right, &format!("{scheme}{WHOAMI}"), rest, 0, "unproven");
    }
}

/// One for all defects of a request, and none where no token is made.
#[test]
fn the_control_is_asked_once() {
    let right = server(in_field, |_, _, claims| is_right(claims));
    let suite = "with: [token-expired, token-wrong-audience, claim-exp-missing, claim-aud-empty], request: GET /me";
    let run = run(&right, BEARER, suite);
    assert_eq!((run.code, run.cases().len()), (0, 4), "{}", run.said);
    // Four defects; the good token before and after, none, and the one that is signed anew.
    assert_eq!(right.count("GET /me"), 8);
    let other = server(in_field, |_, _, claims| is_right(claims));
    assert_eq!(self::run(&other, BEARER, "with: [jwt-sig-bitflip, hdr-empty], request: GET /me").code, 0);
    assert_eq!(other.count("GET /me"), 5);
}
