//! Credentials that steps write themselves.

use crate::api::unauthorized;
use crate::runs::Project;
use crate::server::{Server, json, status};

/// A token that says when it ends.
fn ending_at(end: u64) -> String {
    use base64::Engine as _;
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.c2lnbmF0dXJl", part(r#"{"alg":"HS256"}"#), part(&format!(r#"{{"sub":"alice","exp":{end}}}"#)))
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// A server whose logout ends nothing and takes its time, while the token of before ends by itself.
fn slow_logout(life: u64) -> Server {
    Server::start(move |r| match &*r.path {
        "/login" => json(200, &format!(r#"{{"access_token":"{}"}}"#, ending_at(now() + life))),
        "/logout" => status(204).after(3500),
        _ => {
            let end = crate::server::claims(r.bearer()).and_then(|claims| claims["exp"].as_u64()).unwrap_or_default();
            if end > now() { json(200, r#"{"username":"alice"}"#) } else { unauthorized("invalid token") }
        }
    })
}

/// The same steps as those of the ready flow, written by hand.
#[test]
fn what_is_sent_again_by_hand_may_have_had_its_end() {
    let by_hand = r#"headers: { Authorization: "Bearer {{ token }}" }"#;
    let suite = format!(
        "cases:
  - name: c
    steps:
      - {{ request: POST /login, capture: {{ token: $.access_token }} }}
      - {{ request: GET /me, {by_hand}, expect: 200 }}
      - {{ request: POST /logout, {by_hand}, expect: 204 }}
      - {{ request: GET /me, {by_hand}, expect: 401 }}\n"
    );
    let run = |life: u64, suite: &str| Project::new(&slow_logout(life).url, "", suite).run("");
    run(3, &suite).must(3, &[("c", "inconclusive: other-cause")]);
    // One that lives longer shows that the logout ended nothing.
    assert_eq!(run(600, &suite).code, 1);
    // Who waits is about the end, and so is who sends what was over before.
    let waits = suite
        .replace("POST /logout,", "GET /me, ")
        .replace("expect: 204", "expect: 200")
        .replace("expect: 401", "pause: 4s, expect: 401");
    assert_eq!(run(3, &waits).verdict("c"), "proven");
    let over = format!(
        "cases:\n  - {{ name: c, request: GET /me, headers: {{ Authorization: \"Bearer {}\" }}, expect: 401 }}\n",
        ending_at(now() - 60)
    );
    assert_eq!(run(3, &over).verdict("c"), "unproven");
}
