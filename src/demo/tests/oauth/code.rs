//! Redeeming a code: once, by its client, with its redirect URI and its verifier.

use super::{Api, Browser, CHALLENGE, SPA, changed, redeem, spa_query, web_query};

async fn code(api: &Api) -> String {
    Browser::new(api).allow(&web_query()).await.back("code")
}

#[tokio::test]
async fn a_replayed_code_ends_what_it_was_traded_for() {
    let api = Api::shared();
    let code = code(&api).await;
    let got = api.token_as("web", &redeem(&code)).await.is(200);
    let (access, refresh) = (got.text("/access_token"), got.text("/refresh_token"));
    api.with(&access, "GET /oauth/api/orders").await.is(200);
    api.token_as("web", &redeem(&code)).await.fault(400, "invalid_grant");
    let dead = api.with(&access, "GET /oauth/api/orders").await.fault(401, "invalid_token");
    assert!(dead.challenge().contains("its code was used twice"), "{dead:?}");
    let next = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    api.token_as("web", &next).await.fault(400, "invalid_grant");
}

#[tokio::test]
async fn of_two_redemptions_at_once_one_wins() {
    let api = Api::shared();
    let code = code(&api).await;
    let fields = redeem(&code);
    let (a, b) = tokio::join!(api.token_as("web", &fields), api.token_as("web", &fields));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test]
async fn a_code_belongs_to_its_request() {
    let api = Api::shared();
    let code = code(&api).await;
    let short = "x".repeat(42);
    let wrong = "x".repeat(43);
    let illegal = "é".repeat(43);
    for (name, value, error) in [
        ("code", "unknown", "invalid_grant"),
        ("code", "", "invalid_request"),
        ("redirect_uri", "https://web.example.com/callback/", "invalid_grant"),
        ("redirect_uri", "", "invalid_request"),
        ("code_verifier", "", "invalid_grant"),
        ("code_verifier", CHALLENGE, "invalid_grant"),
        ("code_verifier", short.as_str(), "invalid_grant"),
        ("code_verifier", wrong.as_str(), "invalid_grant"),
        ("code_verifier", illegal.as_str(), "invalid_grant"),
        ("resource", "https://elsewhere.example", "invalid_target"),
    ] {
        let got = api.token_as("web", &changed(&redeem(&code), &[(name, value)])).await;
        assert_eq!((got.status.as_u16(), got.text("/error").as_str()), (400, error), "{name}={value}");
    }
    api.token_as("web-short", &redeem(&code)).await.fault(400, "invalid_grant");
    let as_spa = changed(&redeem(&code), &[("client_id", "spa")]);
    api.token_of(&as_spa).await.fault(400, "invalid_grant");
    let billing = format!("{}/oauth/billing", api.base);
    let other = changed(&redeem(&code), &[("resource", &billing)]);
    api.token_as("web", &other).await.fault(400, "invalid_target");
    api.token_as("web", &redeem(&code)).await.is(200);
}

#[tokio::test]
async fn a_verifier_without_a_challenge_is_a_downgrade() {
    let api = Api::shared();
    let query = changed(&web_query(), &[("code_challenge", ""), ("code_challenge_method", "")]);
    let code = Browser::new(&api).allow(&query).await.back("code");
    api.token_as("web", &redeem(&code)).await.fault(400, "invalid_grant");
    api.token_as("web", &changed(&redeem(&code), &[("code_verifier", "")])).await.is(200);
}

#[tokio::test]
async fn a_disabled_person_gets_nothing_more() {
    let demo = crate::demo::Demo::start(crate::demo::DemoOptions::default()).unwrap();
    let api = Api::of(&demo);
    let got = api.web_tokens().await;
    let code = Browser::new(&api).allow(&spa_query()).await.back("code");
    let root = api.token("root").await;
    api.with(&root, "POST /admin/users/alice/disable").await;
    let dead = api.with(&got.text("/access_token"), "GET /oauth/api/orders").await.fault(401, "invalid_token");
    assert!(dead.challenge().contains("disabled"), "{dead:?}");
    let refresh = got.text("/refresh_token");
    let next = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    api.token_as("web", &next).await.fault(400, "invalid_grant");
    let fields = changed(&redeem(&code), &[("client_id", "spa"), ("redirect_uri", SPA)]);
    api.token_of(&fields).await.fault(400, "invalid_grant");
    // What died stays dead.
    api.with(&root, "POST /admin/users/alice/enable").await;
    api.with(&got.text("/access_token"), "GET /oauth/api/orders").await.fault(401, "invalid_token");
    api.token_as("web", &next).await.fault(400, "invalid_grant");
}
