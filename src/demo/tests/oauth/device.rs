//! The device flow: codes, the page where a person decides, and what the device is told meanwhile.

use std::time::Duration;

use super::{Api, Browser, Got, claims, form};
use crate::demo::tests::password;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn start(api: &Api, client: &str) -> Got {
    let fields = [("client_id", client), ("scope", "openid orders.read")];
    api.form("POST /oauth/device_authorization", &[], &fields).await.is(200)
}

async fn poll(api: &Api, client: &str, code: &str) -> Got {
    api.token_of(&[("grant_type", GRANT), ("client_id", client), ("device_code", code)]).await
}

async fn wait() {
    tokio::time::sleep(Duration::from_millis(1_050)).await;
}

/// Logs bob in at the page of a code and decides.
async fn decide(api: &Api, user_code: &str, decision: &str) -> Got {
    let mut browser = Browser::new(api);
    let page = browser.send(&format!("GET /oauth/device?{}", form(&[("user_code", user_code)])), &[]).await.is(200);
    let next = browser.submit(&page, &[("username", "bob"), ("password", password("bob"))]).await.is(303);
    let question = browser.follow(&next).await.is(200);
    assert!(question.body.contains("Allow this device?"), "{question:?}");
    browser.submit(&question, &[("decision", decision)]).await
}

#[tokio::test]
async fn a_device_waits_until_its_person_allows_it() {
    let api = Api::shared();
    let got = start(&api, "tv").await;
    assert_eq!((got.json()["interval"].as_u64(), got.json()["expires_in"].as_u64()), (Some(1), Some(300)));
    let (code, user_code) = (got.text("/device_code"), got.text("/user_code"));
    assert_eq!(
        got.text("/verification_uri_complete"),
        format!("{}?user_code={user_code}", got.text("/verification_uri"))
    );
    poll(&api, "tv", &code).await.fault(400, "authorization_pending");
    decide(&api, &user_code.to_lowercase(), "allow").await.is(200);
    wait().await;
    let tokens = poll(&api, "tv", &code).await.is(200);
    assert_eq!(claims(&tokens.text("/id_token"))["sub"], "u-bob");
    api.with(&tokens.text("/access_token"), "GET /oauth/api/orders").await.is(200);
    assert!(!tokens.text("/refresh_token").is_empty());
    poll(&api, "tv", &code).await.fault(400, "invalid_grant");
}

#[tokio::test]
async fn a_person_may_deny_a_device() {
    let api = Api::shared();
    let got = start(&api, "tv").await;
    decide(&api, &got.text("/user_code"), "deny").await.is(200);
    poll(&api, "tv", &got.text("/device_code")).await.fault(400, "access_denied");
    // What was decided stays decided.
    let mut browser = Browser::new(&api);
    let page = browser.send("GET /oauth/device", &[]).await.is(200);
    let next = browser.submit(&page, &[("username", "bob"), ("password", password("bob"))]).await.is(303);
    let field = browser.follow(&next).await.is(200);
    assert!(field.body.contains("name=\"user_code\""), "{field:?}");
    for code in [got.text("/user_code"), "WRNG-CODE".to_owned()] {
        let again = browser.send(&format!("GET /oauth/device?user_code={code}"), &[]).await.is(400);
        assert!(again.body.contains("role=\"alert\""), "{again:?}");
    }
}

#[tokio::test]
async fn who_asks_too_often_must_slow_down_for_good() {
    let api = Api::shared();
    let code = start(&api, "tv").await.text("/device_code");
    poll(&api, "tv", &code).await.fault(400, "authorization_pending");
    poll(&api, "tv", &code).await.fault(400, "slow_down");
    wait().await;
    poll(&api, "tv", &code).await.fault(400, "slow_down");
}

#[tokio::test]
async fn a_device_code_expires_and_is_its_clients() {
    let api = Api::shared();
    let got = start(&api, "tv-short").await;
    assert_eq!(got.json()["expires_in"], 2);
    let code = got.text("/device_code");
    poll(&api, "tv", &code).await.fault(400, "invalid_grant");
    poll(&api, "tv-short", "garbage").await.fault(400, "invalid_grant");
    poll(&api, "tv-short", "").await.fault(400, "invalid_request");
    tokio::time::sleep(Duration::from_millis(2_050)).await;
    poll(&api, "tv-short", &code).await.fault(400, "expired_token");
    let ask = async |fields: super::Fields<'_>| api.form("POST /oauth/device_authorization", &[], fields).await;
    ask(&[("client_id", "spa")]).await.fault(400, "unauthorized_client");
    ask(&[("client_id", "tv"), ("scope", "nonsense")]).await.fault(400, "invalid_scope");
    ask(&[]).await.fault(401, "invalid_client");
}

#[tokio::test]
async fn the_decision_needs_the_persons_own_page() {
    let api = Api::shared();
    let got = start(&api, "tv").await;
    let user_code = got.text("/user_code");
    let fields = [("user_code", user_code.as_str()), ("decision", "allow")];
    Browser::new(&api).send("POST /oauth/device", &fields).await.is(400);
    let mut browser = Browser::new(&api);
    let page = browser.send("GET /oauth/device", &[]).await;
    browser.submit(&page, &[("username", "bob"), ("password", password("bob"))]).await.is(303);
    browser.send("POST /oauth/device", &fields).await.is(403);
    poll(&api, "tv", &got.text("/device_code")).await.fault(400, "authorization_pending");
}
