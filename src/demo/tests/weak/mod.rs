//! The weak demos: each weakness shown once, beside the strict demo that has none.
//!
//! Tokens are made by hand here, or by `jsonwebtoken`.

use std::collections::BTreeSet;
use std::path::Path;

use super::Api;
use crate::demo::{Demo, DemoError, DemoOptions, WEAKNESSES};

/// A demo with these weaknesses.
fn weak(ids: &[&str]) -> (Demo, Api) {
    let weak = ids.iter().map(|id| WEAKNESSES.iter().find(|w| w.id == *id).unwrap_or_else(|| panic!("{id}")));
    let demo = Demo::start(DemoOptions { weak: weak.collect(), ..DemoOptions::default() }).unwrap();
    let api = Api::of(&demo);
    (demo, api)
}

/// All of the demo's code but this folder's.
fn code(folder: &Path, out: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            code(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("weakness.rs") {
            out.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_row_has_its_place_in_the_code_and_every_place_its_row() {
    let mut text = String::new();
    code(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo"), &mut text);
    let asked = regex::Regex::new("(?:is_weak|weak\\.is)\\(\"([a-z0-9]+-[a-z0-9-]+)\"").unwrap();
    let known: BTreeSet<&str> = WEAKNESSES.iter().map(|w| w.id).collect();
    for found in asked.captures_iter(&text) {
        let id = found.get(1).unwrap().as_str();
        assert!(known.contains(id), "no weakness is called {id}");
    }
    for id in known {
        assert!(text.contains(&format!("\"{id}\"")), "nothing in the demo is weak by {id}");
    }
}

#[tokio::test]
async fn a_demo_is_weak_in_what_was_asked_and_in_nothing_else() {
    let (_demo, api) = weak(&["raw-token"]);
    let token = api.token("alice").await;
    api.ask("GET /me", &[("authorization", &token)]).await.is(200);
    api.ask("GET /me", &[("authorization", &format!("Token {token}"))]).await.refused(401, "unauthorized");
    Api::shared().ask("GET /me", &[("authorization", &token)]).await.is(401);
}

#[tokio::test]
async fn a_demo_signs_with_the_key_that_it_is_given() {
    let pem = include_str!("../../../../tests/weak/keys/dev.pem");
    let options = DemoOptions { signing_key: Some(pem.to_owned()), ..DemoOptions::default() };
    let demo = Demo::start(options).unwrap();
    let api = Api::of(&demo);
    let key = jsonwebtoken::EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    let signed =
        |claims: &serde_json::Value, header: &jsonwebtoken::Header| jsonwebtoken::encode(header, claims, &key).unwrap();
    let token = api.token("alice").await;
    let header = jsonwebtoken::decode_header(&token).unwrap();
    let mut claims: serde_json::Value = jsonwebtoken::dangerous::insecure_decode_claims(&token).unwrap();
    api.with(&signed(&claims, &header), "GET /me").await.is(200);
    claims["exp"] = 1_700_000_000.into();
    let late = api.with(&signed(&claims, &header), "GET /me").await.refused(401, "invalid_token");
    assert!(late.challenge().contains("the token expired at 2023-11-14T22:13:20Z"), "{late:?}");
    let published = api.ask("GET /oauth/jwks", &[]).await.is(200).json();
    assert_eq!(published["keys"][0]["kid"], header.kid.unwrap());

    let not_a_key = DemoOptions { signing_key: Some("no key".to_owned()), ..DemoOptions::default() };
    assert!(matches!(Demo::start(not_a_key), Err(DemoError::SigningKey)));
    assert!(Demo::can_sign_with(pem) && !Demo::can_sign_with(super::super::oauth::clients::CLIENT_KEY));
}
