//! Refreshing, expiry, logout, revocation: the life of tokens.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Api, Got, password};

async fn tokens(api: &Api, more: Value) -> (String, String) {
    let mut body = json!({ "username": "bob", "password": password("bob") });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let got = api.json("POST /login", "", body).await.is(200);
    (got.text("/access_token"), got.text("/refresh_token"))
}

async fn refresh(api: &Api, token: &str) -> Got {
    api.json("POST /refresh", "", json!({ "refresh_token": token })).await
}

fn invalid_token(why: &str) -> String {
    format!("Bearer realm=\"authspec demo\", error=\"invalid_token\", error_description=\"{why}\"")
}

#[tokio::test]
async fn refreshing_rotates_and_reuse_ends_the_session() {
    let api = Api::shared();
    let (first_access, first) = tokens(&api, json!({ "lifetime": 300 })).await;
    let second = refresh(&api, &first).await.is(200);
    assert_eq!(second.json()["expires_in"], 300);
    assert_ne!(second.text("/refresh_token"), first);
    let access = second.text("/access_token");
    api.with(&first_access, "GET /me").await.is(200);
    api.with(&access, "GET /me").await.is(200);

    let reused = refresh(&api, &first).await.refused(401, "invalid_grant");
    assert!(reused.text("/message").contains("used before"));
    let dead = refresh(&api, &second.text("/refresh_token")).await.refused(401, "invalid_grant");
    assert!(dead.text("/message").contains("used twice"));
    for token in [first_access, access] {
        let got = api.with(&token, "GET /me").await.refused(401, "invalid_token");
        let why = "the token was revoked: a refresh token of its session was used twice";
        assert_eq!(got.challenge(), invalid_token(why));
    }
}

#[tokio::test]
async fn of_two_refreshes_at_once_one_wins() {
    let api = Api::shared();
    let (_, token) = tokens(&api, json!({})).await;
    let (a, b) = tokio::join!(refresh(&api, &token), refresh(&api, &token));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}

#[tokio::test]
async fn tokens_expire_for_real() {
    let api = Api::shared();
    let (access, refreshing) = tokens(&api, json!({ "lifetime": 1, "refresh_lifetime": 1 })).await;
    api.with(&access, "GET /me").await.is(200);
    tokio::time::sleep(Duration::from_millis(2_050)).await;
    let got = api.with(&access, "GET /me").await.refused(401, "invalid_token");
    assert!(got.challenge().contains("error_description=\"the token expired at 20"), "{got:?}");
    let late = refresh(&api, &refreshing).await.refused(401, "invalid_grant");
    assert!(late.text("/message").contains("has expired"));
}

#[tokio::test]
async fn tokens_do_not_stand_in_for_each_other() {
    let api = Api::shared();
    let (access, refreshing) = tokens(&api, json!({})).await;
    refresh(&api, &access).await.refused(401, "invalid_grant");
    let got = api.with(&refreshing, "GET /me").await.refused(401, "invalid_token");
    assert_eq!(got.challenge(), invalid_token("the token is malformed"));
    refresh(&api, "").await.refused(401, "invalid_grant");
    api.json("POST /refresh", "", json!({})).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn logout_ends_the_session_and_only_that() {
    let api = Api::shared();
    let (access, refreshing) = tokens(&api, json!({})).await;
    let (other, _) = tokens(&api, json!({})).await;
    api.ask("POST /logout", &[]).await.refused(401, "unauthorized");
    let got = api.with(&access, "POST /logout").await.is(204);
    assert_eq!((got.body.as_str(), got.header("cache-control").as_str()), ("", "no-store"));
    let dead = api.with(&access, "GET /me").await.refused(401, "invalid_token");
    assert_eq!(dead.challenge(), invalid_token("the token was revoked: its session was logged out"));
    refresh(&api, &refreshing).await.refused(401, "invalid_grant");
    api.with(&other, "GET /me").await.is(200);
}

#[tokio::test]
async fn revocation_is_always_granted() {
    let api = Api::shared();
    let (access, refreshing) = tokens(&api, json!({})).await;
    let revoke = async |token: &str| api.json("POST /revoke", "", json!({ "token": token })).await.is(200);
    revoke("garbage").await;
    revoke(&access).await;
    let dead = api.with(&access, "GET /me").await.refused(401, "invalid_token");
    assert_eq!(dead.challenge(), invalid_token("the token was revoked"));
    let next = refresh(&api, &refreshing).await.is(200);
    revoke(&next.text("/refresh_token")).await;
    let dead = api.with(&next.text("/access_token"), "GET /me").await.refused(401, "invalid_token");
    assert_eq!(dead.challenge(), invalid_token("the token was revoked: its session was revoked"));
}

#[tokio::test]
async fn the_key_set_may_be_kept_and_verifies_tokens() {
    let api = Api::shared();
    let got = api.ask("GET /.well-known/jwks.json", &[]).await.is(200);
    assert_eq!(got.header("cache-control"), "public, max-age=300");
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&got.body).unwrap();
    let token = api.token("alice").await;
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let key = jsonwebtoken::DecodingKey::from_jwk(set.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    rules.set_audience(&["authspec-demo"]);
    rules.set_issuer(&[&api.base]);
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &rules).unwrap().claims;
    assert_eq!((&claims["sub"], &claims["roles"]), (&json!("u-alice"), &json!(["user"])));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 900);
}
