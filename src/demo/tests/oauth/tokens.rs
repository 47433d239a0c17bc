//! The life of tokens after the first: refresh, revocation, introspection, exchange, assertions.

use serde_json::{Value, json};

use super::{Api, Got, JWT_BEARER, assertion, basic, changed, claims, signed};

async fn refresh(api: &Api, client: &'static str, token: &str, scope: &str) -> Got {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)];
    api.token_as(client, &changed(&fields, &[("scope", scope)])).await
}

#[tokio::test]
async fn refreshing_rotates_and_reuse_ends_the_grant() {
    let api = Api::shared();
    let first = api.web_tokens().await;
    let second = refresh(&api, "web", &first.text("/refresh_token"), "").await.is(200);
    assert_eq!(claims(&second.text("/id_token"))["auth_time"], claims(&first.text("/id_token"))["auth_time"]);
    refresh(&api, "web", &first.text("/refresh_token"), "").await.fault(400, "invalid_grant");
    refresh(&api, "web", &second.text("/refresh_token"), "").await.fault(400, "invalid_grant");
    for got in [first, second] {
        let dead = api.with(&got.text("/access_token"), "GET /oauth/api/orders").await.fault(401, "invalid_token");
        assert!(dead.challenge().contains("a refresh token was used twice"), "{dead:?}");
    }
}

#[tokio::test]
async fn a_refresh_token_is_its_clients_and_gives_no_more() {
    let api = Api::shared();
    let got = api.web_tokens().await;
    let token = got.text("/refresh_token");
    refresh(&api, "legacy", &token, "").await.fault(400, "invalid_grant");
    let bare = [("grant_type", "refresh_token"), ("client_id", "web"), ("refresh_token", token.as_str())];
    api.token_of(&bare).await.fault(401, "invalid_client");
    refresh(&api, "web", &token, "orders.read billing.read").await.fault(400, "invalid_scope");
    refresh(&api, "web", &got.text("/access_token"), "").await.fault(400, "invalid_grant");
    refresh(&api, "web", "garbage", "").await.fault(400, "invalid_grant");
    refresh(&api, "web", "", "").await.fault(400, "invalid_request");
    let billing = format!("{}/oauth/billing", api.base);
    let other = [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("resource", billing.as_str())];
    api.token_as("web", &other).await.fault(400, "invalid_target");

    let narrow = refresh(&api, "web", &token, "orders.read").await.is(200);
    assert_eq!((narrow.text("/scope").as_str(), narrow.json().get("id_token")), ("orders.read", None));
    let write = api.json("POST /oauth/api/orders", &narrow.text("/access_token"), json!({ "item": "x" })).await;
    write.fault(403, "insufficient_scope");
    let full = refresh(&api, "web", &narrow.text("/refresh_token"), "").await.is(200);
    assert_eq!(full.text("/scope"), "openid profile email orders.read orders.write");
}

#[tokio::test]
async fn of_two_refreshes_at_once_one_wins() {
    let api = Api::shared();
    let token = api.web_tokens().await.text("/refresh_token");
    let (a, b) = tokio::join!(refresh(&api, "web", &token, ""), refresh(&api, "web", &token, ""));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test]
async fn a_refresh_token_ends_however_often_it_is_used() {
    let api = Api::shared();
    let mut browser = super::Browser::new(&api);
    let query = changed(&super::web_query(), &[("client_id", "web-brief")]);
    let code = browser.allow(&query).await.back("code");
    let mut got = api.token_as("web-brief", &super::redeem(&code)).await.is(200);
    let started = std::time::Instant::now();
    loop {
        let next = refresh(&api, "web-brief", &got.text("/refresh_token"), "").await;
        if next.status.as_u16() == 400 {
            assert!(next.fault(400, "invalid_grant").body.contains("has expired"));
            break;
        }
        got = next.is(200);
        assert!(started.elapsed().as_secs() < 6, "it never ends");
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    }
}

async fn revoke(api: &Api, client: &'static str, token: &str) -> Got {
    api.form("POST /oauth/revoke", &[("authorization", &basic(client))], &[("token", token)]).await
}

#[tokio::test]
async fn revoking_a_refresh_token_takes_its_access_tokens_along() {
    let api = Api::shared();
    let got = api.web_tokens().await;
    let (access, token) = (got.text("/access_token"), got.text("/refresh_token"));
    revoke(&api, "service", &token).await.fault(400, "invalid_grant");
    revoke(&api, "service", &access).await.fault(400, "invalid_grant");
    api.with(&access, "GET /oauth/api/orders").await.is(200);
    revoke(&api, "web", &token).await.is(200);
    api.with(&access, "GET /oauth/api/orders").await.fault(401, "invalid_token");
    refresh(&api, "web", &token, "").await.fault(400, "invalid_grant");
    revoke(&api, "web", &token).await.is(200);
    revoke(&api, "web", "garbage").await.is(200);
    api.form("POST /oauth/revoke", &[], &[("token", "garbage")]).await.fault(401, "invalid_client");
    api.form("POST /oauth/revoke", &[("authorization", &basic("web"))], &[]).await.fault(400, "invalid_request");

    let got = api.web_tokens().await;
    revoke(&api, "web", &got.text("/access_token")).await.is(200);
    api.with(&got.text("/access_token"), "GET /oauth/api/orders").await.fault(401, "invalid_token");
    refresh(&api, "web", &got.text("/refresh_token"), "").await.is(200);
}

#[tokio::test]
async fn introspection_tells_only_whom_it_concerns() {
    let api = Api::shared();
    let got = api.web_tokens().await;
    let (access, token) = (got.text("/access_token"), got.text("/refresh_token"));
    let ask = async |client: &'static str, token: &str| {
        let got = api.form("POST /oauth/introspect", &[("authorization", &basic(client))], &[("token", token)]).await;
        got.is(200).json()
    };
    let told = ask("gateway", &access).await;
    for (name, value) in [
        ("active", json!(true)),
        ("client_id", json!("web")),
        ("sub", json!("u-alice")),
        ("username", json!("alice")),
        ("token_type", json!("Bearer")),
        ("iss", json!(format!("{}/oauth", api.base))),
    ] {
        assert_eq!(told[name], value, "{name}");
    }
    assert_eq!(ask("web", &access).await["active"], true);
    assert_eq!(ask("web", &token).await["active"], true);
    let nothing = json!({ "active": false });
    assert_eq!(ask("service", &access).await, nothing);
    assert_eq!(ask("gateway", &token).await, nothing);
    assert_eq!(ask("gateway", &got.text("/id_token")).await, nothing);
    assert_eq!(ask("gateway", "garbage").await, nothing);
    revoke(&api, "web", &token).await.is(200);
    assert_eq!(ask("gateway", &access).await, nothing);
    assert_eq!(ask("web", &token).await, nothing);
    let fields = [("token", access.as_str())];
    api.form("POST /oauth/introspect", &[], &fields).await.fault(401, "invalid_client");
    let public = [("token", access.as_str()), ("client_id", "spa")];
    api.form("POST /oauth/introspect", &[], &public).await.fault(401, "invalid_client");
}

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

fn exchange(token: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", token),
        ("subject_token_type", ACCESS_TOKEN),
    ]
}

#[tokio::test]
async fn a_token_can_be_exchanged_for_one_elsewhere() {
    let api = Api::shared();
    let all = "orders.read orders.write billing.read";
    let subject = api.service_token(all).await;
    let billing = format!("{}/oauth/billing", api.base);
    api.with(&subject, "GET /oauth/billing").await.fault(401, "invalid_token");
    let fields = changed(&exchange(&subject), &[("audience", &billing), ("scope", "billing.read")]);
    let got = api.token_as("exchanger", &fields).await.is(200);
    assert_eq!((got.text("/issued_token_type").as_str(), got.text("/token_type").as_str()), (ACCESS_TOKEN, "Bearer"));
    assert!(got.json().get("refresh_token").is_none());
    let token = got.text("/access_token");
    let told = api.with(&token, "GET /oauth/billing").await.is(200).json();
    assert_eq!((&told["sub"], &told["act"]), (&json!("service"), &json!({ "sub": "exchanger" })));
    api.with(&token, "GET /oauth/api/orders").await.fault(401, "invalid_token");
    assert!(claims(&token)["exp"].as_u64() <= claims(&subject)["exp"].as_u64());
    let actor = changed(&fields, &[("actor_token", &subject), ("actor_token_type", ACCESS_TOKEN)]);
    let got = api.token_as("exchanger", &actor).await.is(200);
    assert_eq!(claims(&got.text("/access_token"))["act"], json!({ "sub": "service" }));
    revoke(&api, "service", &subject).await.is(200);
    api.token_as("exchanger", &fields).await.fault(400, "invalid_request");
}

#[tokio::test]
async fn an_exchange_gives_no_more_than_was_there() {
    let api = Api::shared();
    let subject = api.service_token("orders.read").await;
    let id_token = api.web_tokens().await.text("/id_token");
    for (name, value, error) in [
        ("subject_token", "", "invalid_request"),
        ("subject_token", "garbage", "invalid_request"),
        ("subject_token", id_token.as_str(), "invalid_request"),
        ("subject_token_type", "", "invalid_request"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:saml2", "invalid_request"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:id_token", "invalid_request"),
        ("actor_token", subject.as_str(), "invalid_request"),
        ("actor_token_type", ACCESS_TOKEN, "invalid_request"),
        ("scope", "orders.write", "invalid_scope"),
        ("audience", "https://elsewhere.example", "invalid_target"),
    ] {
        let got = api.token_as("exchanger", &changed(&exchange(&subject), &[(name, value)])).await;
        assert_eq!((got.status.as_u16(), got.text("/error").as_str()), (400, error), "{name}={value}");
    }
    api.token_as("service", &exchange(&subject)).await.fault(400, "unauthorized_client");
}

#[tokio::test]
async fn a_signed_assertion_is_a_grant() {
    let api = Api::shared();
    let ask = async |changes: Value| {
        let mut claims = assertion(&api, "robot");
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        api.token_of(&[("grant_type", JWT_BEARER), ("assertion", &signed(&claims)), ("scope", "orders.read")]).await
    };
    let own = ask(json!({})).await.is(200);
    assert_eq!(claims(&own.text("/access_token"))["sub"], "robot");
    let person = ask(json!({ "sub": "u-alice" })).await.is(200);
    assert_eq!(claims(&person.text("/access_token"))["sub"], "u-alice");
    api.with(&person.text("/access_token"), "GET /oauth/api/orders").await.is(200);
    assert_eq!(claims(&ask(json!({ "sub": "bob" })).await.is(200).text("/access_token"))["sub"], "u-bob");
    for flaw in [
        json!({ "sub": "u-nobody" }),
        json!({ "sub": "u-carol" }),
        json!({ "sub": null }),
        json!({ "aud": "https://elsewhere.example" }),
        json!({ "exp": super::now() - 1 }),
        json!({ "jti": null }),
    ] {
        let got = ask(flaw.clone()).await;
        assert_eq!((got.status.as_u16(), got.text("/error").as_str()), (400, "invalid_grant"), "{flaw}");
    }
    ask(json!({ "jti": "seen" })).await.is(200);
    ask(json!({ "jti": "seen" })).await.fault(400, "invalid_grant");
    ask(json!({ "iss": "nobody" })).await.fault(401, "invalid_client");
    ask(json!({ "iss": "service-key" })).await.fault(401, "invalid_client");
    api.token_of(&[("grant_type", JWT_BEARER), ("client_id", "robot")]).await.fault(400, "invalid_request");
}
