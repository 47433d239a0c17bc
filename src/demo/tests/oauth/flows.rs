//! The ways that succeed, from the metadata to the protected API, with what the tokens say.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use super::{Api, Browser, CC, SPA, VERIFIER, changed, redeem, s256, spa_query, web_query};

/// Verifies a token with the published keys.
async fn verified(api: &Api, token: &str, typ: &str, aud: &str, alg: Algorithm) -> Value {
    let set: JwkSet = serde_json::from_str(&api.ask("GET /oauth/jwks", &[]).await.is(200).body).unwrap();
    let header = decode_header(token).unwrap();
    assert_eq!((header.typ.as_deref(), header.alg), (Some(typ), alg));
    let key = DecodingKey::from_jwk(set.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut rules = Validation::new(alg);
    rules.set_audience(&[aud]);
    rules.set_issuer(&[format!("{}/oauth", api.base)]);
    decode::<Value>(token, &key, &rules).unwrap().claims
}

#[tokio::test]
async fn the_metadata_stands_where_both_documents_look() {
    let api = Api::shared();
    let got = api.ask("GET /oauth/.well-known/openid-configuration", &[]).await.is(200);
    let twin = api.ask("GET /.well-known/oauth-authorization-server/oauth", &[]).await.is(200);
    assert_eq!((got.body.as_str(), got.header("content-type").as_str()), (twin.body.as_str(), "application/json"));
    let issuer = format!("{}/oauth", api.base);
    assert_eq!(got.text("/issuer"), issuer);
    let document = got.json();
    let endpoints = document.as_object().unwrap().iter().filter(|(n, _)| n.ends_with("_endpoint") || *n == "jwks_uri");
    for (name, url) in endpoints {
        let path = url.as_str().unwrap().strip_prefix(api.base.as_str()).unwrap();
        let got = api.ask(&format!("OPTIONS {path}"), &[]).await;
        assert_eq!(got.status.as_u16(), 405, "{name} is not there");
    }
    assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
    let set = api.ask("GET /oauth/jwks", &[]).await.is(200);
    assert_eq!(set.header("content-type"), "application/jwk-set+json");
    let keys = set.json()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.iter().map(|k| k["alg"].as_str().unwrap()).collect::<Vec<_>>(), ["RS256", "ES256"]);
    for key in keys {
        assert!(key["kid"].is_string() && key["use"] == "sig" && key.get("d").is_none(), "{key}");
    }
}

#[tokio::test]
async fn a_code_becomes_tokens_that_say_the_truth() {
    let api = Api::shared();
    let back = Browser::new(&api).allow(&web_query()).await;
    assert!(back.header("location").starts_with("https://web.example.com/callback?code="), "{back:?}");
    assert_eq!((back.back("state"), back.back("iss")), ("s t&1".to_owned(), format!("{}/oauth", api.base)));
    let got = api.token_as("web", &redeem(&back.back("code"))).await.is(200);
    assert_eq!((got.header("cache-control").as_str(), got.text("/token_type").as_str()), ("no-store", "Bearer"));
    assert_eq!(got.json()["expires_in"], 300);
    let access = got.text("/access_token");
    let audience = format!("{}/oauth/api", api.base);
    let claims = verified(&api, &access, "at+jwt", &audience, Algorithm::RS256).await;
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("u-alice"), &json!("web")));
    assert_eq!(claims["scope"], "openid profile email orders.read orders.write");
    assert!(claims["jti"].is_string() && claims["exp"].as_u64() > claims["iat"].as_u64());
    let id = verified(&api, &got.text("/id_token"), "JWT", "web", Algorithm::RS256).await;
    assert_eq!((&id["sub"], &id["azp"], &id["nonce"]), (&json!("u-alice"), &json!("web"), &json!("n-1")));
    let half = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, access.as_bytes());
    let half = base64::Engine::encode(&super::URL_SAFE_NO_PAD, &half.as_ref()[..16]);
    assert_eq!(id["at_hash"], half, "{}", s256(&access));
    assert!(id["auth_time"].as_u64().unwrap() <= super::now());
    let person = api.with(&access, "GET /oauth/userinfo").await.is(200);
    let expected = json!({ "sub": "u-alice", "name": "alice", "preferred_username": "alice",
        "email": "alice@example.com", "email_verified": true });
    assert_eq!(person.json(), expected);
    let order = api.json("POST /oauth/api/orders", &access, json!({ "item": "tea" })).await.is(201);
    let orders = api.with(&access, "GET /oauth/api/orders").await.is(200);
    assert!(orders.body.contains(&order.text("/id")), "{orders:?}");
}

#[tokio::test]
async fn a_public_client_proves_itself_with_its_verifier() {
    let api = Api::shared();
    let code = Browser::new(&api).allow(&spa_query()).await.back("code");
    let fields = changed(&redeem(&code), &[("client_id", "spa"), ("redirect_uri", SPA)]);
    let got = api.token_of(&fields).await.is(200);
    let refresh = got.text("/refresh_token");
    let next = [("grant_type", "refresh_token"), ("client_id", "spa"), ("refresh_token", refresh.as_str())];
    assert_ne!(api.token_of(&next).await.is(200).text("/refresh_token"), refresh);
}

#[tokio::test]
async fn a_native_client_takes_any_port_and_es256() {
    let api = Api::shared();
    let here = "http://127.0.0.1:54321/callback";
    let query = changed(&web_query(), &[("client_id", "native"), ("redirect_uri", here)]);
    let code = Browser::new(&api).allow(&query).await.back("code");
    let fields = changed(&redeem(&code), &[("client_id", "native"), ("redirect_uri", here)]);
    let got = api.token_of(&fields).await.is(200);
    verified(&api, &got.text("/id_token"), "JWT", "native", Algorithm::ES256).await;
    api.with(&got.text("/access_token"), "GET /oauth/api/orders").await.is(200);
}

#[tokio::test]
async fn an_answer_can_be_posted() {
    let api = Api::shared();
    let mut browser = Browser::new(&api);
    let first = browser.authorize(&changed(&web_query(), &[("response_mode", "form_post")])).await;
    let consent = browser.login(first).await;
    let page = browser.submit(&consent, &[("decision", "allow")]).await.is(200);
    assert!(page.header("content-security-policy").contains("form-action 'self' https://web.example.com"));
    assert!(page.body.contains("action=\"https://web.example.com/callback\""), "{page:?}");
    let fields = super::hidden(&page.body);
    assert_eq!(fields.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>(), ["code", "state", "iss"]);
    assert_eq!(fields[1].1, "s t&1");
    api.token_as("web", &redeem(&fields[0].1)).await.is(200);
}

#[tokio::test]
async fn the_old_application_logs_in_with_a_password() {
    let api = Api::shared();
    let login = |password: &'static str| {
        [("grant_type", "password"), ("username", "bob"), ("password", password), ("scope", "openid orders.read")]
    };
    let got = api.token_as("legacy", &login("builder-8")).await.is(200);
    assert_eq!(super::claims(&got.text("/id_token"))["sub"], "u-bob");
    api.with(&got.text("/access_token"), "GET /oauth/api/orders").await.is(200);
    api.token_as("legacy", &login("wrong")).await.fault(400, "invalid_grant");
    api.token_as("legacy", &changed(&login("x"), &[("password", "")])).await.fault(400, "invalid_request");
    let carol = changed(&login("caramel-4"), &[("username", "carol")]);
    api.token_as("legacy", &carol).await.fault(400, "invalid_grant");
    let refresh = got.text("/refresh_token");
    let next = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    api.token_as("legacy", &next).await.is(200);
}

#[tokio::test]
async fn short_tokens_live_two_seconds() {
    let api = Api::shared();
    let got = api.token_as("service-short", &[CC]).await.is(200);
    assert_eq!(got.json()["expires_in"], 2);
    let token = got.text("/access_token");
    api.with(&token, "GET /oauth/api/orders").await.is(200);
    tokio::time::sleep(std::time::Duration::from_millis(3_050)).await;
    let late = api.with(&token, "GET /oauth/api/orders").await.fault(401, "invalid_token");
    assert!(late.challenge().contains("error_description=\"the token expired at 20"), "{late:?}");
    assert!(!api.is_active(&token).await);
    assert_eq!(VERIFIER.len(), 43);
}
