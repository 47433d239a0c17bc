//! The authorization endpoint, its pages, and pushed requests.

use super::{Api, Browser, CHALLENGE, Got, SPA, basic, changed, form, spa_query, web_query};
use crate::demo::tests::password;

async fn ask(api: &Api, changes: &[(&str, &str)]) -> Got {
    Browser::new(api).authorize(&changed(&web_query(), changes)).await
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let api = Api::shared();
    for uri in [
        "",
        "https://evil.example/callback",
        "https://web.example.com/callback/",
        "https://web.example.com/callback?x=1",
        "https://web.example.com/callback#x",
        "https://web.example.com/Callback",
        "https://web.example.com/callback/../callback",
        "https://web.example.com/%63allback",
        "https://web.example.com:443/callback",
        "https://WEB.example.com/callback",
        "https://web.example.com@evil.example/callback",
        "https://web.example.com.evil.example/callback",
        "http://web.example.com/callback",
        "https://spa.example.com/callback",
        "http://127.0.0.1:4711/callback",
        "javascript:alert(1)",
    ] {
        ask(&api, &[("redirect_uri", uri)]).await.on_a_page();
    }
    ask(&api, &[("client_id", "")]).await.on_a_page();
    ask(&api, &[("client_id", "nobody")]).await.on_a_page();
    let own = format!("{}/oauth/demo/callback", api.base);
    ask(&api, &[("redirect_uri", &own)]).await.is(303);
    for twice in ["client_id=web", "redirect_uri=https%3A%2F%2Fevil.example"] {
        let got = api.ask(&format!("GET /oauth/authorize?{}&{twice}", form(&web_query())), &[]).await;
        got.on_a_page();
    }
}

#[tokio::test]
async fn other_faults_are_told_to_the_client() {
    let api = Api::shared();
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "code id_token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
        ("response_mode", "fragment", "invalid_request"),
        ("scope", "orders.read nonsense", "invalid_scope"),
        ("scope", "billing.read", "invalid_scope"),
        ("resource", "https://elsewhere.example", "invalid_target"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge", "tooshort", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("max_age", "soon", "invalid_request"),
        ("prompt", "dance", "invalid_request"),
        ("prompt", "none login", "invalid_request"),
        ("prompt", "none", "login_required"),
        ("request", "e30.e30.", "request_not_supported"),
        ("request_uri", "https://web.example.com/request", "request_uri_not_supported"),
    ] {
        let got = ask(&api, &[(name, value)]).await;
        assert_eq!(got.status.as_u16(), 303, "{name}={value}: {got:?}");
        assert_eq!(got.back("error"), error, "{name}={value}");
        got.redirected(error);
    }
    let twice = format!("GET /oauth/authorize?{}&scope=openid", form(&web_query()));
    api.ask(&twice, &[]).await.redirected("invalid_request");
    let post = api.form("POST /oauth/authorize", &[], &changed(&web_query(), &[("response_type", "token")])).await;
    post.redirected("unsupported_response_type");
}

#[tokio::test]
async fn a_public_client_must_send_a_challenge() {
    let api = Api::shared();
    let bare = changed(&spa_query(), &[("code_challenge", ""), ("code_challenge_method", "")]);
    Browser::new(&api).authorize(&bare).await.redirected("invalid_request");
    let plain = changed(&spa_query(), &[("code_challenge_method", "plain")]);
    Browser::new(&api).authorize(&plain).await.redirected("invalid_request");
    assert_eq!(CHALLENGE.len(), 43);
}

#[tokio::test]
async fn a_person_may_say_no() {
    let api = Api::shared();
    let mut browser = Browser::new(&api);
    let first = browser.authorize(&web_query()).await;
    let consent = browser.login(first).await;
    assert!(consent.body.contains("<li>orders.write</li>"), "{consent:?}");
    // Browsers hold the policy also against where the answer to the form leads.
    let policy = consent.header("content-security-policy");
    assert!(policy.contains("form-action 'self' https://web.example.com;"), "{policy}");
    browser.submit(&consent, &[("decision", "perhaps")]).await.on_a_page();
    browser.submit(&consent, &[("decision", "deny")]).await.redirected("access_denied");
    // The answer is given once.
    browser.submit(&consent, &[("decision", "allow")]).await.on_a_page();
}

#[tokio::test]
async fn a_login_can_fail_and_be_tried_again() {
    let api = Api::shared();
    let mut browser = Browser::new(&api);
    let first = browser.authorize(&changed(&web_query(), &[("login_hint", "al\"ice")])).await.is(303);
    let page = browser.follow(&first).await.is(200);
    assert!(page.body.contains("value=\"al&quot;ice\""), "{page:?}");
    let again = browser.submit(&page, &[("username", "bob"), ("password", "wrong")]).await.is(200);
    assert!(again.body.contains("role=\"alert\""), "{again:?}");
    let before = browser.cookie.clone();
    let next = browser.submit(&again, &[("username", "bob"), ("password", password("bob"))]).await.is(303);
    assert_ne!(browser.cookie, before, "a login makes the session anew");
    assert!(browser.follow(&next).await.body.contains("<strong id=\"username\">bob</strong>"));
}

#[tokio::test]
async fn the_pages_belong_to_the_browser_that_began() {
    let api = Api::shared();
    let mut browser = Browser::new(&api);
    let first = browser.authorize(&web_query()).await;
    let consent = browser.login(first).await;
    let action = super::between(&consent.body, "action=\"", "\"").to_owned();
    let csrf = super::hidden(&consent.body)[0].1.clone();
    let mut other = Browser::new(&api);
    let away = other.authorize(&web_query()).await;
    other.login(away).await;
    other.send(&format!("POST {action}"), &[("decision", "allow"), ("csrf_token", &csrf)]).await.on_a_page();
    for token in ["", "wrong"] {
        let got = browser.send(&format!("POST {action}"), &[("decision", "allow"), ("csrf_token", token)]).await;
        assert_eq!((got.status.as_u16(), got.header("location").as_str()), (403, ""), "{got:?}");
    }
    browser.submit(&consent, &[("decision", "allow")]).await.is(303).back("code");
    // A consent that was never asked for: the login of this request has not happened.
    let mut early = Browser::new(&api);
    let first = early.authorize(&web_query()).await;
    let page = early.follow(&first).await;
    let action = super::between(&page.body, "action=\"", "\"").replace("/login", "/consent");
    let csrf = super::hidden(&page.body)[0].1.clone();
    early.send(&format!("POST {action}"), &[("decision", "allow"), ("csrf_token", &csrf)]).await.on_a_page();
}

#[tokio::test]
async fn a_session_and_a_consent_are_remembered_as_far_as_asked() {
    let api = Api::shared();
    let mut browser = Browser::new(&api);
    let first = browser.allow(&web_query()).await.back("code");
    let second = browser.authorize(&web_query()).await.is(303).back("code");
    assert_ne!(first, second);
    browser.authorize(&changed(&web_query(), &[("prompt", "none")])).await.is(303).back("code");
    browser.authorize(&changed(&web_query(), &[("max_age", "600")])).await.is(303).back("code");
    let spa = changed(&spa_query(), &[("prompt", "none")]);
    browser.authorize(&spa).await.redirected("consent_required");
    for (name, value, shown) in [
        ("prompt", "consent", "Allow web?"),
        ("prompt", "login", "Log in"),
        ("max_age", "0", "Log in"),
        ("scope", "openid offline_access", "Allow web?"),
    ] {
        let got = browser.authorize(&changed(&web_query(), &[(name, value)])).await;
        let page = browser.follow(&got).await.is(200);
        assert!(page.body.contains(shown), "{name}={value}: {page:?}");
    }
    let none = changed(&web_query(), &[("prompt", "none"), ("max_age", "0")]);
    browser.authorize(&none).await.redirected("login_required");
}

fn pushed_query<'a>(client: &'a str, uri: &'a str) -> [(&'a str, &'a str); 2] {
    [("client_id", client), ("request_uri", uri)]
}

async fn push(api: &Api, client: &'static str, changes: &[(&str, &str)]) -> Got {
    let fields = changed(&changed(&web_query(), &[("client_id", client)]), changes);
    api.form("POST /oauth/par", &[("authorization", &basic(client))], &fields).await
}

#[tokio::test]
async fn a_pushed_request_is_good_once_and_for_its_client() {
    let api = Api::shared();
    let got = push(&api, "web-par", &[]).await.is(201);
    assert_eq!((got.json()["expires_in"].as_u64(), got.header("cache-control").as_str()), (Some(60), "no-store"));
    let uri = got.text("/request_uri");
    Browser::new(&api).authorize(&pushed_query("web", &uri)).await.on_a_page();
    Browser::new(&api).authorize(&pushed_query("", &uri)).await.on_a_page();
    let code = Browser::new(&api).allow(&pushed_query("web-par", &uri)).await.back("code");
    api.token_as("web-par", &super::redeem(&code)).await.is(200);
    Browser::new(&api).authorize(&pushed_query("web-par", &uri)).await.on_a_page();
    let unknown = "urn:ietf:params:oauth:request_uri:unknown";
    Browser::new(&api).authorize(&pushed_query("web-par", unknown)).await.on_a_page();
}

#[tokio::test]
async fn a_push_is_judged_like_a_request() {
    let api = Api::shared();
    for (name, value, error) in [
        ("redirect_uri", "https://evil.example/", "invalid_request"),
        ("redirect_uri", "", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("scope", "nonsense", "invalid_scope"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("client_id", "web", "invalid_request"),
        ("request_uri", "urn:ietf:params:oauth:request_uri:x", "invalid_request"),
    ] {
        let got = push(&api, "web-par", &[(name, value)]).await;
        assert_eq!((got.status.as_u16(), got.text("/error").as_str()), (400, error), "{name}={value}");
    }
    api.form("POST /oauth/par", &[], &web_query()).await.fault(401, "invalid_client");
    let plain = changed(&web_query(), &[("client_id", "web-par")]);
    Browser::new(&api).authorize(&plain).await.redirected("invalid_request");
    let spa = changed(&spa_query(), &[("redirect_uri", SPA)]);
    api.form("POST /oauth/par", &[], &spa).await.is(201);
}
