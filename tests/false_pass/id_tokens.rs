//! ID tokens that are not to be believed: what brought one is what its failure is about, whatever was asked for since.

use authspec::jose::{Algorithm, Key, sign};
use serde_json::{Map, Value, json};

use crate::runs::{Project, Run};
use crate::server::{Server, html, json, status};

const SCHEME: &str = "
auth:
  web: { scheme: oauth2, authorize_url: /authorize, token_url: /token, jwks_url: /jwks, grant: authorization_code, client: { id: web }, scope: openid }
identities:
  ann: { auth: web, username: ann, password: right-ann }
";
const CASES: &str = "cases:\n  - { name: in, as: ann, request: GET /me }\n";

/// A provider whose ID tokens are for a client, and name no nonce.
fn provider(audience: &'static str) -> Server {
    let key = Key::generate(Algorithm::Es256).unwrap();
    Server::start(move |r| match r.path.split('?').next().unwrap_or_default() {
        "/authorize" => {
            let state = r.path.split(['?', '&']).find_map(|part| part.strip_prefix("state=")).unwrap_or_default();
            html(303, "").header("location", format!("http://127.0.0.1:9/cb?code=a-code-1&state={state}"))
        }
        "/token" => {
            let claims = json!({ "iss": "http://idp", "sub": "ann", "aud": audience, "iat": 1_700_000_000, "exp": 4_102_444_800_u64, "password": "never-shown-1" });
            let token = sign(Algorithm::Es256, Map::new(), claims.to_string().as_bytes(), &key).unwrap();
            let answer = json!({ "access_token": "token-of-ann-1", "token_type": "Bearer", "id_token": token });
            json(200, &answer.to_string())
        }
        "/jwks" => json(200, &json!({ "keys": [key.public_jwk().unwrap()] }).to_string()),
        _ => status(200),
    })
}

/// The step that the first reason of a case is about.
fn guilty<'a>(run: &'a Run, name: &str) -> &'a Value {
    let case = run.case(name);
    let at = case["reasons"][0]["step"].as_u64().unwrap_or(99);
    &case["steps"][usize::try_from(at).unwrap()]
}

#[test]
fn what_brought_an_id_token_is_shown_with_what_that_says() {
    let server = provider("other");
    let run = Project::new(&server.url, SCHEME, CASES).run("-j 1");
    let step = guilty(&run, "in");
    assert_eq!((&step["name"], &step["request"]), (&json!("token"), &json!("POST /token")), "{}", run.said);
    let says = &step["hops"][0]["says"];
    let text = says["text"].as_str().unwrap_or_default();
    assert_eq!(says["what"], "ID token", "{}", run.said);
    assert!(text.contains("\naud: other\n") && text.contains("alg: ES256\n\niss: http://idp"), "{text}");
    assert!(run.said.contains("| aud: other") && run.said.contains("could not log in: the ID token"), "{}", run.said);
    let report = run.report.to_string();
    assert!(!report.contains("never-shown-1") && !report.contains("token-of-ann-1"), "{report}");
}

#[test]
fn the_labels_of_a_talk_are_those_of_its_exchanges() {
    let server = provider("web");
    let cases = "cases:\n  - { name: own, as: ann, request: login, expect: 418 }\n";
    let run = Project::new(&server.url, &SCHEME.replace(", scope: openid", ""), cases).run("-j 1");
    let steps = run.case("own")["steps"].as_array().unwrap();
    let told: Vec<_> = steps.iter().map(|s| (s["name"].as_str().unwrap(), s["request"].as_str().unwrap())).collect();
    let count = |label: &str| told.iter().filter(|(name, _)| *name == label).count();
    assert!(told.contains(&("jwks", "GET /jwks")) && told.contains(&("token", "POST /token")), "{told:?}");
    assert_eq!((count("jwks"), count("token")), (1, 1), "{told:?}");
    assert_eq!(guilty(&run, "own")["name"], "token", "{}", run.said);
}
