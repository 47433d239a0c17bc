//! Codes that are sent once more: a server that looks at the verifier and at the key refuses one for these, and may take
//! it as often as it comes.

use std::collections::HashMap;
use std::sync::Mutex;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::runs::{Project, Run};
use crate::server::{Request, Server, html, json, status};

/// What a code was given for.
#[derive(Debug, Clone, Default)]
struct Code {
    challenge: String,
    /// The key of the proof that it was redeemed with first.
    key: Option<String>,
    used: bool,
}

/// An authorization server with PKCE and bound codes, whose codes are good once or for ever.
fn server(once: bool) -> Server {
    let codes: Mutex<HashMap<String, Code>> = Mutex::default();
    Server::start(move |r: &Request| {
        let (path, query) = r.path.split_once('?').unwrap_or((&r.path, ""));
        let pairs = if r.body.is_empty() { query } else { &r.body };
        let pairs: HashMap<String, String> = url::form_urlencoded::parse(pairs.as_bytes()).into_owned().collect();
        let get = |name: &str| pairs.get(name).cloned().unwrap_or_default();
        let mut codes = codes.lock().unwrap();
        match path {
            "/authorize" => {
                let code = format!("a-code-{}", codes.len() + 1);
                codes.insert(code.clone(), Code { challenge: get("code_challenge"), ..Code::default() });
                html(303, "").header("location", format!("http://127.0.0.1:9/cb?code={code}&state={}", get("state")))
            }
            "/token" => {
                let refused =
                    |why: &str| json(400, &format!(r#"{{"error":"invalid_grant","error_description":"{why}"}}"#));
                let Some(code) = codes.get_mut(&get("code")) else { return refused("no code") };
                let hash = digest::digest(&digest::SHA256, get("code_verifier").as_bytes());
                if URL_SAFE_NO_PAD.encode(hash) != code.challenge {
                    return refused("the verifier");
                }
                let proof = r.header("dpop").split('.').next().unwrap_or_default().to_owned();
                if code.key.as_ref().is_some_and(|key| *key != proof) {
                    return refused("the key");
                }
                if code.used && once {
                    return refused("used before");
                }
                (code.key, code.used) = (Some(proof.clone()), true);
                let kind = if proof.is_empty() { "Bearer" } else { "DPoP" };
                json(200, &format!(r#"{{"access_token":"token-1","token_type":"{kind}"}}"#))
            }
            _ => status(200),
        }
    })
}

fn run(server: &Server, more: &str, vary: &str) -> Run {
    let scheme = format!(
        "
auth:
  web: {{ scheme: oauth2, authorize_url: /authorize, token_url: /token, grant: authorization_code, client: {{ id: web }}{more} }}
identities:
  ann: {{ auth: web, username: ann, password: right-ann }}
"
    );
    let cases = format!(
        "cases:
  - name: replay
    as: ann
    steps:
      - {{ request: login, expect: 200 }}
      - {{ request: login, vary: {{ {vary} }}, expect: 400 }}\n"
    );
    Project::new(&server.url, &scheme, &cases).run("")
}

const OLD: &str = r#"token.code: "{{ session.code }}""#;

#[test]
fn a_code_that_comes_again_comes_with_what_it_was_asked_with() {
    for more in ["", ", dpop: true"] {
        let good = run(&server(true), more, OLD);
        good.must(0, &[("replay", "proven")]);
        let weak = run(&server(false), more, OLD);
        weak.must(1, &[("replay", "failed")]);
        assert!(weak.said.contains("`code_verifier` is the one of that code"), "{}", weak.said);
    }
}

/// What is written is what is sent.
#[test]
fn another_verifier_that_is_written_is_sent() {
    let vary = format!("{OLD}, token.code_verifier: another");
    let weak = run(&server(false), "", &vary);
    weak.must(0, &[("replay", "proven")]);
    run(&server(false), "", "token.code: made-up").must(0, &[("replay", "proven")]);
}
