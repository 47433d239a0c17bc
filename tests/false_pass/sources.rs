//! Where a token comes from that is correctly signed and wrong: the first of the sources that has one, and what the
//! report says of it. The server looks at the signature, so that nothing is faked unseen.

use std::sync::Mutex;

use authspec::jose::{Algorithm, Jwks, Key, Token, sign};
use serde_json::{Map, json};

use crate::api::unauthorized;
use crate::expiry::{end_of, now};
use crate::runs::{BLIND, Project, Run};
use crate::server::{Server, claims, json};

const SECRET: &str = "a secret of the server that nobody would find in a list";
const KEEP: &[(&str, &str)] = &[("AUTHSPEC_KEEP_KEY", "a key of forty characters, or nearly so..")];
const EXPIRED: &str = "cases:\n  - { name: c, as: alice, with: token-expired, request: GET /me }\n";

fn signed(claims: &serde_json::Value) -> String {
    let key = Key::secret(SECRET.as_bytes()).unwrap();
    sign(Algorithm::Hs256, Map::new(), claims.to_string().as_bytes(), &key).unwrap()
}

/// Tells whether a token is one that the server's own key signed, whoever made it.
fn is_signed(token: &str) -> bool {
    let key = Key::secret(SECRET.as_bytes()).unwrap();
    Token::parse(token).is_ok_and(|token| Jwks::of(key).verify(&token).is_ok())
}

fn claims_of(token: &str) -> serde_json::Value {
    claims(token).unwrap_or_default()
}

/// The first token was over three minutes ago when it came, as one of yesterday's is; all others live for four seconds.
fn server() -> Server {
    let given: Mutex<Vec<String>> = Mutex::default();
    Server::start(move |r| {
        let mut given = given.lock().unwrap();
        if r.is("POST /login") {
            let life = if given.is_empty() { -180 } else { 4 };
            let token = signed(&json!({ "sub": "alice", "jti": given.len(), "exp": now() + life }));
            given.push(token.clone());
            return json(200, &json!({ "access_token": token }).to_string());
        }
        let is_first = given.len() == 1 && given[0] == r.bearer();
        match end_of(r) {
            Some(_) if !is_signed(r.bearer()) => unauthorized("invalid signature"),
            Some(end) if now() < end || is_first => json(200, r#"{"username":"alice"}"#),
            Some(_) => unauthorized("the token expired"),
            None => unauthorized(""),
        }
    })
}

fn people(key: &str) -> String {
    format!("{BLIND}identities:\n  alice: {{ auth: api, username: alice, password: right-alice{key} }}\n")
}

/// What the report says of the defect of the only case.
fn change(run: &Run) -> &str {
    run.case("c")["with"]["change"].as_str().unwrap_or_default()
}

/// What it says to do.
fn help(run: &Run) -> Vec<&str> {
    let help = run.case("c")["reasons"][0]["help"].as_array().unwrap();
    help.iter().filter_map(serde_json::Value::as_str).collect()
}

#[test]
fn an_expired_token_comes_from_the_first_source_that_has_one() {
    let server = server();
    let project = Project::new(&server.url, &people(""), EXPIRED);
    let key = format!(", signing_key: \"{SECRET}\"");
    let with_key = |has: bool| {
        let people = people(if has { &key } else { "" });
        project.file("authspec.yaml", &format!("target: {}\n{people}", server.url));
    };

    // Nothing is at hand yet: the lines to add are there, and the token is kept.
    let first = project.run_with(KEEP, "");
    first.must(3, &[("c", "inconclusive: no-bad-token")]);
    assert!(help(&first)[0].contains("signing_key") && help(&first)[1].contains("--max-wait"), "{}", first.said);

    // All of them: the key that signs stands before what was kept, and nobody waits.
    with_key(true);
    let made = project.run_with(KEEP, "--max-wait 20s");
    made.must(0, &[("c", "proven")]);
    assert!(
        change(&made).contains("signed with the signing key") && made.took.as_secs() < 4,
        "{} {:?}",
        change(&made),
        made.took
    );

    // Without the key that signs: the token of an earlier run, and nobody waits.
    with_key(false);
    let kept = project.run_with(KEEP, "--max-wait 20s");
    kept.must(0, &[("c", "proven")]);
    assert!(change(&kept).contains("an earlier run") && kept.took.as_secs() < 4, "{} {:?}", change(&kept), kept.took);

    // Without the key that seals: the token at hand is waited for.
    let waited = project.run("--max-wait 20s");
    waited.must(0, &[("c", "proven")]);
    assert!(change(&waited).contains("kept until") && waited.took.as_secs() >= 3, "{}", change(&waited));

    // With nothing: inconclusive, and each way is named.
    let nothing = project.run("");
    nothing.must(3, &[("c", "inconclusive: no-bad-token")]);
    for way in ["signing_key", "--max-wait", "AUTHSPEC_KEEP_KEY"] {
        assert!(help(&nothing).iter().any(|line| line.contains(way)), "{way}: {}", nothing.said);
    }
    // Whatever was sent bears the signature of the server's own key.
    let all = server.seen();
    assert!(all.iter().filter(|r| r.is("GET /me")).all(|r| r.bearer().is_empty() || is_signed(r.bearer())));
}

/// Nobody else's token is over: a donor lends only what is for somebody else, and stands behind the key that signs.
#[test]
fn a_donor_lends_what_is_for_somebody_else() {
    let two = Server::start(|r| {
        if r.is("POST /login") {
            let for_whom = if r.body.contains("bills") { "bills" } else { "orders" };
            let claims = json!({ "sub": "shop", "aud": for_whom, "exp": now() + 600 });
            return json(200, &json!({ "access_token": signed(&claims) }).to_string());
        }
        let token = r.bearer();
        let of = |audience: &str| claims_of(token)["aud"] == audience;
        match &*r.path {
            _ if token.is_empty() => unauthorized(""),
            _ if !is_signed(token) => unauthorized("invalid signature"),
            "/orders" if of("orders") => json(200, "[]"),
            "/bills" if of("bills") => json(200, "[]"),
            _ => unauthorized("the audience is another one"),
        }
    });
    let people = |key: &str| {
        format!(
            "{BLIND}identities:\n  orders: {{ auth: api, username: orders, password: right-orders{key} }}\n  bills: {{ auth: api, username: bills, password: right-bills }}\n"
        )
    };
    let suite = |with: &str| {
        format!(
            "cases:\n  - {{ name: c, as: orders, with: {with}, request: GET /orders }}\n  - {{ name: bills live, as: bills, request: GET /bills }}\n"
        )
    };
    let lent = "{ these: token-wrong-audience, donor: bills }";
    let key = format!(", signing_key: \"{SECRET}\"");
    let run = |key: &str, with: &str| Project::new(&two.url, &people(key), &suite(with)).run("");

    let made = run(&key, lent);
    made.must(0, &[("c", "proven"), ("bills live", "passed")]);
    assert!(change(&made).contains("`aud`") && !change(&made).contains("`bills`"), "{}", change(&made));
    let donated = run("", lent);
    donated.must(0, &[("c", "proven"), ("bills live", "passed")]);
    assert!(change(&donated).contains("the token of `bills`"), "{}", change(&donated));
    let nothing = run("", "token-wrong-audience");
    nothing.must(3, &[("c", "inconclusive: no-bad-token"), ("bills live", "passed")]);
    assert!(help(&nothing)[0].contains("signing_key") && help(&nothing)[1].contains("donor: NAME"), "{}", nothing.said);
    let misplaced = run("", "{ these: token-expired, donor: bills }");
    assert!(misplaced.code == 2 && misplaced.said.contains("a donor serves none"), "{}", misplaced.said);
}
