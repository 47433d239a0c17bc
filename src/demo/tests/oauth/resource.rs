//! What the protected API asks of a token.

use serde_json::json;

use super::{Api, CC, claims};

const REALM: &str = "realm=\"authspec demo oauth\"";

#[tokio::test]
async fn without_a_credential_there_is_a_challenge_and_no_error() {
    let api = Api::shared();
    let metadata = format!("{}/.well-known/oauth-protected-resource/oauth/api", api.base);
    let expected = format!("Bearer {REALM}, resource_metadata=\"{metadata}\", DPoP {REALM}, algs=\"ES256 RS256\"");
    let token = api.service_token("orders.read").await;
    let query = format!("GET /oauth/api/orders?access_token={token}");
    for (request, header) in [
        ("GET /oauth/api/orders", None),
        ("GET /oauth/userinfo", None),
        ("POST /oauth/api/orders", None),
        ("GET /oauth/api/orders", Some("Bearer")),
        ("GET /oauth/api/orders", Some("Basic abc")),
        (query.as_str(), None),
    ] {
        let headers: Vec<(&str, &str)> = header.iter().map(|h| ("authorization", *h)).collect();
        let got = api.ask(request, &headers).await.fault(401, "unauthorized");
        assert_eq!(got.challenge(), expected, "{request}");
    }
    let document = api.ask("GET /.well-known/oauth-protected-resource/oauth/api", &[]).await.is(200);
    assert_eq!(document.json()["authorization_servers"], json!([format!("{}/oauth", api.base)]));
}

#[tokio::test]
async fn only_good_tokens_for_this_api_are_taken() {
    let api = Api::shared();
    let good = api.service_token("orders.read").await;
    api.with(&good, "GET /oauth/api/orders").await.is(200);
    api.ask("GET /oauth/api/orders", &[("authorization", &format!("bearer {good}"))]).await.is(200);
    let billing = format!("{}/oauth/billing", api.base);
    let fields = [CC, ("resource", billing.as_str()), ("scope", "orders.read billing.read")];
    let elsewhere = api.token_as("service", &fields).await.is(200).text("/access_token");
    api.with(&elsewhere, "GET /oauth/billing").await.is(200);
    let tokens = api.web_tokens().await;
    let demo = api.token("alice").await;
    let mut parts: Vec<&str> = good.split('.').collect();
    let changed = claims(&good).to_string().replace("orders.read", "orders.write");
    let payload = base64::Engine::encode(&super::URL_SAFE_NO_PAD, changed);
    parts[1] = &payload;
    let tampered = parts.join(".");
    let unsigned = format!("{}.{}.", base64::Engine::encode(&super::URL_SAFE_NO_PAD, "{\"alg\":\"none\"}"), parts[1]);
    for (token, why) in [
        ("garbage", "the token is malformed"),
        (unsigned.as_str(), "the token is malformed"),
        (&tampered, "the signature does not verify"),
        (&elsewhere, "the token is meant for another audience"),
        (&tokens.text("/id_token"), "the type of the token is not at+jwt"),
        (&tokens.text("/refresh_token"), "the token is malformed"),
        (&demo, "the token names a key that is not known here"),
    ] {
        let got = api.with(token, "GET /oauth/api/orders").await.fault(401, "invalid_token");
        let expected = format!("Bearer {REALM}, error=\"invalid_token\", error_description=\"{why}\"");
        assert_eq!(got.challenge(), expected);
    }
    api.with(&good, "GET /me").await.refused(401, "invalid_token");
}

#[tokio::test]
async fn the_scope_must_suffice() {
    let api = Api::shared();
    let token = api.service_token("orders.read").await;
    let got = api.json("POST /oauth/api/orders", &token, json!({ "item": "tea" })).await;
    let expected = format!(
        "Bearer {REALM}, error=\"insufficient_scope\", error_description=\"this needs the scope orders.write\", \
         scope=\"orders.write\""
    );
    assert_eq!(got.fault(403, "insufficient_scope").challenge(), expected);
    let writer = api.service_token("orders.write").await;
    api.with(&writer, "GET /oauth/api/orders").await.fault(403, "insufficient_scope");
    api.json("POST /oauth/api/orders", &writer, json!({ "item": "tea" })).await.is(201);
    api.json("POST /oauth/api/orders", &writer, json!({})).await.fault(400, "invalid_request");
    api.with(&writer, "GET /oauth/userinfo").await.fault(401, "invalid_token");
}

#[tokio::test]
async fn two_credentials_are_a_bad_request() {
    let api = Api::shared();
    let token = api.service_token("orders.read").await;
    let bearer = format!("Bearer {token}");
    let twice = [("authorization", bearer.as_str()), ("authorization", bearer.as_str())];
    let got = api.ask("GET /oauth/api/orders", &twice).await.fault(400, "invalid_request");
    assert!(got.challenge().contains("error=\"invalid_request\""));
    let query = format!("GET /oauth/api/orders?access_token={token}");
    api.with(&token, &query).await.fault(400, "invalid_request");
}
