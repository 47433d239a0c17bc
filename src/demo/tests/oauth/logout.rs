//! Logging out at the request of a client.

use super::{Api, Browser, Got, form, web_query};

const GOODBYE: &str = "https://web.example.com/goodbye";

async fn logged_in(api: &Api) -> (Browser<'_>, Got) {
    let mut browser = Browser::new(api);
    let code = browser.allow(&web_query()).await.back("code");
    let tokens = api.token_as("web", &super::redeem(&code)).await.is(200);
    (browser, tokens)
}

async fn logout(browser: &mut Browser<'_>, fields: super::Fields<'_>) -> Got {
    browser.send(&format!("GET /oauth/logout?{}", form(fields)), &[]).await
}

/// Whether the browser would get a code without being asked.
async fn is_logged_in(browser: &mut Browser<'_>) -> bool {
    let got = browser.authorize(&super::changed(&web_query(), &[("prompt", "none")])).await.is(303);
    got.header("location").contains("code=")
}

#[tokio::test]
async fn a_logout_ends_the_session_and_what_came_of_it() {
    let api = Api::shared();
    let (mut browser, tokens) = logged_in(&api).await;
    assert!(is_logged_in(&mut browser).await);
    let hint = tokens.text("/id_token");
    let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", GOODBYE), ("state", "bye")];
    let got = logout(&mut browser, &fields).await.is(303);
    assert_eq!(got.header("location"), format!("{GOODBYE}?state=bye"));
    assert!(!is_logged_in(&mut browser).await);
    let dead = api.with(&tokens.text("/access_token"), "GET /oauth/api/orders").await.fault(401, "invalid_token");
    assert!(dead.challenge().contains("its session was logged out"), "{dead:?}");
    let refresh = tokens.text("/refresh_token");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    api.token_as("web", &fields).await.fault(400, "invalid_grant");
}

#[tokio::test]
async fn a_logout_after_a_second_login_ends_the_first_too() {
    let api = Api::shared();
    let (mut browser, tokens) = logged_in(&api).await;
    let first = browser.authorize(&super::changed(&web_query(), &[("prompt", "login")])).await;
    browser.login(first).await;
    api.with(&tokens.text("/access_token"), "GET /oauth/api/orders").await.is(200);
    logout(&mut browser, &[("id_token_hint", &tokens.text("/id_token"))]).await.is(200);
    api.with(&tokens.text("/access_token"), "GET /oauth/api/orders").await.fault(401, "invalid_token");
}

#[tokio::test]
async fn what_ends_a_persons_sessions_ends_their_tokens() {
    let demo = crate::demo::Demo::start(crate::demo::DemoOptions::default()).unwrap();
    let api = Api::of(&demo);
    let alive = async |tokens: &Got| api.is_active(&tokens.text("/access_token")).await;

    let (mut browser, tokens) = logged_in(&api).await;
    let page = browser.send("GET /web/session", &[]).await.is(200).text("/csrf_token");
    assert!(alive(&tokens).await);
    browser.send("POST /web/logout", &[("csrf_token", &page)]).await.is(303);
    assert!(!alive(&tokens).await);

    let (_, tokens) = logged_in(&api).await;
    let token = api.token("alice").await;
    assert!(alive(&tokens).await);
    let change = serde_json::json!({ "old": super::password("alice"), "new": super::password("alice") });
    api.json("PUT /me/password", &token, change).await.is(204);
    assert!(!alive(&tokens).await);

    let (_, tokens) = logged_in(&api).await;
    assert!(alive(&tokens).await);
    api.with(&token, "DELETE /me/sessions").await.is(204);
    assert!(!alive(&tokens).await);
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_after_a_logout() {
    let api = Api::shared();
    let (mut browser, tokens) = logged_in(&api).await;
    let hint = tokens.text("/id_token");
    for uri in ["https://evil.example/", "https://web.example.com/goodbye/", "https://web.example.com/callback"] {
        let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", uri)];
        logout(&mut browser, &fields).await.on_a_page();
    }
    logout(&mut browser, &[("post_logout_redirect_uri", GOODBYE)]).await.on_a_page();
    let others = [("client_id", "spa"), ("post_logout_redirect_uri", GOODBYE)];
    logout(&mut browser, &others).await.on_a_page();
    let access = tokens.text("/access_token");
    logout(&mut browser, &[("id_token_hint", &access)]).await.on_a_page();
    logout(&mut browser, &[("id_token_hint", "garbage")]).await.on_a_page();
    logout(&mut browser, &[("client_id", "nobody")]).await.on_a_page();
    logout(&mut browser, &[("client_id", "spa"), ("id_token_hint", &hint)]).await.on_a_page();
    assert!(is_logged_in(&mut browser).await);
}

#[tokio::test]
async fn without_a_hint_the_person_is_asked() {
    let api = Api::shared();
    let (mut browser, _) = logged_in(&api).await;
    let page = logout(&mut browser, &[("client_id", "web"), ("post_logout_redirect_uri", GOODBYE)]).await.is(200);
    assert!(page.body.contains("Log out?") && is_logged_in(&mut browser).await, "{page:?}");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action 'self' https://web.example.com;"), "{policy}");
    browser.send("POST /oauth/logout/confirm", &[("csrf_token", "wrong")]).await.is(403);
    let csrf = super::hidden(&page.body)[0].1.clone();
    let away = [("csrf_token", csrf.as_str()), ("next", "https://evil.example/")];
    browser.send("POST /oauth/logout/confirm", &away).await.on_a_page();
    let got = browser.submit(&page, &[]).await.is(303);
    assert_eq!(got.header("location"), GOODBYE);
    assert!(!is_logged_in(&mut browser).await);
    // The token of somebody else is no hint for this session.
    let (mut bob, _) = logged_in(&api).await;
    let got = api
        .token_as(
            "legacy",
            &[
                ("grant_type", "password"),
                ("username", "bob"),
                ("password", super::password("bob")),
                ("scope", "openid"),
            ],
        )
        .await
        .is(200);
    let page = logout(&mut bob, &[("id_token_hint", &got.text("/id_token"))]).await.is(200);
    assert!(page.body.contains("Log out?"), "{page:?}");
}
