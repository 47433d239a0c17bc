//! What proof costs: controls are shared, so that a pack sends little more than its defects.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::api::unauthorized;
use crate::runs::{BLIND, Project, SCHEME};
use crate::server::{Server, json};

#[test]
fn a_pack_of_tokens_sends_at_most_fifteen_in_a_hundred_more_than_its_defects() {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let claims = part(r#"{"sub":"alice","aud":"api","exp":4102444800}"#);
    let token =
        format!("{}.{claims}.{}", part(r#"{"alg":"RS256","typ":"JWT","kid":"k"}"#), part(&"signature ".repeat(25)));
    let people = "identities: { alice: { auth: api, username: alice, password: right-alice } }\n";
    for scheme in [SCHEME, BLIND] {
        let token = token.clone();
        let server = Server::start(move |r| match &*r.path {
            "/login" => json(200, &format!(r#"{{"access_token":"{token}"}}"#)),
            "/me" | "/orders" if r.bearer() == token => json(200, r#"{"username":"alice"}"#),
            "/me" | "/orders" => unauthorized("no good token"),
            _ => json(404, "{}"),
        });
        let suite = "cases:\n  - { name: it, as: alice, with: pack.jwt, request: GET /orders }\n";
        let run = Project::new(&server.url, &format!("{scheme}{people}"), suite).run("");
        // Its key is published nowhere, so that a few rows cannot be tried.
        assert_eq!(run.report["summary"]["verdicts"]["failed"], 0, "{}", run.said);
        let tried = run.cases().iter().filter(|case| case["verdict"] == "passed").count();
        let (sent, of_all) = (server.count("GET /orders"), server.seen().len());
        assert!(tried >= 40 && sent >= tried, "{tried} defects, {sent} requests");
        // To the endpoint itself, and with all that the login and its `whoami` take.
        assert!(
            sent * 100 <= tried * 115 && of_all * 100 <= tried * 115,
            "{tried} defects, {sent} of {of_all} requests"
        );
    }
}
