//! Cookie sessions: the login page, CSRF, rotation, timeouts, logout.

use std::time::Duration;

use serde_json::json;

use super::{Api, Demo, DemoOptions, Got, password};

const CHALLENGE: &str = "Cookie realm=\"authspec demo\", form-action=\"/web/login\", cookie-name=\"demo_session\"";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// The `demo_session=…` pair an answer sets.
fn cookie(got: &Got) -> String {
    got.header("set-cookie").split(';').next().unwrap().to_owned()
}

fn csrf(page: &Got) -> String {
    let (_, rest) = page.body.split_once("name=\"csrf_token\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

async fn post(api: &Api, path: &str, cookie: &str, body: String) -> Got {
    api.send(&format!("POST {path}"), &[FORM, ("cookie", cookie)], body).await
}

/// The cookie and CSRF token of a fresh login page.
async fn login_page(api: &Api) -> (String, String) {
    let page = api.ask("GET /web/login", &[]).await.is(200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
    (cookie(&page), csrf(&page))
}

/// The cookie of a fresh session of bob.
async fn session(api: &Api, more: &str) -> String {
    let (before, token) = login_page(api).await;
    let body = format!("csrf_token={token}&username=bob&password={}{more}", password("bob"));
    cookie(&post(api, "/web/login", &before, body).await.is(303))
}

#[tokio::test]
async fn the_form_logs_in_under_a_new_id() {
    let api = Api::shared();
    let (before, token) = login_page(&api).await;
    let body = format!("csrf_token={token}&username=bob&password={}", password("bob"));
    let got = post(&api, "/web/login", &before, body.clone()).await.is(303);
    assert_eq!(got.header("location"), "/web/account");
    let after = cookie(&got);
    assert_ne!(after, before);
    assert_eq!(got.header("set-cookie"), format!("{after}; Path=/; HttpOnly; SameSite=Lax"));

    let page = api.ask("GET /web/account", &[("cookie", &after)]).await.is(200);
    assert!(page.body.contains("<strong id=\"username\">bob</strong>"));
    assert!(page.body.contains(&format!("<meta name=\"csrf-token\" content=\"{}\">", csrf(&page))));
    assert_ne!(csrf(&page), token);
    post(&api, "/web/login", &before, body).await.refused(403, "csrf");
    api.ask("GET /web/session", &[("cookie", &before)]).await.refused(401, "session_expired");
    let planted = "demo_session=chosen-by-somebody";
    assert_ne!(cookie(&api.ask("GET /web/login", &[("cookie", planted)]).await), planted);
}

#[tokio::test]
async fn a_wrong_password_shows_the_form_again() {
    let api = Api::shared();
    let (before, token) = login_page(&api).await;
    let body = format!("csrf_token={token}&username=%3Cbob%3E&password=wrong&next=%2Fnotes");
    let got = post(&api, "/web/login", &before, body).await.is(401);
    assert_eq!(got.challenge(), CHALLENGE);
    assert!(got.body.contains("<p class=\"error\">the user name or the password is wrong</p>"));
    assert!(got.body.contains("value=\"&lt;bob&gt;\"") && got.body.contains("name=\"next\" value=\"/notes\""));
    assert_eq!((csrf(&got), got.header("set-cookie")), (token, String::new()));
}

#[tokio::test]
async fn login_goes_on_to_pages_of_this_site_only() {
    let api = Api::shared();
    for (next, location) in [
        ("%2Fnotes%3Flimit%3D1", "/notes?limit=1"),
        ("%2F%2Fevil.example", "/web/account"),
        ("https%3A%2F%2Fevil.example", "/web/account"),
        ("%2F%5Cevil.example", "/web/account"),
    ] {
        let (before, token) = login_page(&api).await;
        let body = format!("csrf_token={token}&username=bob&password={}&next={next}", password("bob"));
        assert_eq!(post(&api, "/web/login", &before, body).await.is(303).header("location"), location);
    }
}

#[tokio::test]
async fn changes_need_the_token_of_this_session() {
    let api = Api::shared();
    let (mine, other) = (session(&api, "").await, session(&api, "").await);
    let info = api.ask("GET /web/session", &[("cookie", &mine)]).await.is(200);
    assert_eq!((info.text("/username"), &info.json()["expires_in"]), ("bob".into(), &json!(900)));
    let token = info.text("/csrf_token");
    let foreign = api.ask("GET /web/session", &[("cookie", &other)]).await.text("/csrf_token");
    for bad in ["", "csrf_token=", "csrf_token=wrong", &format!("csrf_token={foreign}")] {
        post(&api, "/web/profile", &mine, bad.to_owned()).await.refused(403, "csrf");
        post(&api, "/web/logout", &mine, bad.to_owned()).await.refused(403, "csrf");
    }
    let by_field = post(&api, "/web/profile", &mine, format!("csrf_token={token}&display_name=Bobby")).await;
    assert_eq!(by_field.is(200).json(), json!({ "username": "bob", "display_name": "Bobby" }));
    let headers = [("cookie", mine.as_str()), ("x-csrf-token", token.as_str())];
    assert_eq!(api.ask("POST /web/profile", &headers).await.is(200).text("/display_name"), "Bobby");
    api.ask("GET /web/logout", &[("cookie", &mine)]).await.refused(405, "method_not_allowed");
}

#[tokio::test]
async fn changes_sent_by_other_sites_are_refused_even_with_the_token() {
    let api = Api::shared();
    let mine = session(&api, "").await;
    let info = api.ask("GET /web/session", &[("cookie", &mine)]).await;
    let token = info.text("/csrf_token");
    let headers = [("cookie", mine.as_str()), ("x-csrf-token", token.as_str())];
    for (name, value) in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let foreign = [headers[0], headers[1], (name, value)];
        api.ask("POST /web/profile", &foreign).await.refused(403, "csrf");
    }
    for origin in [api.base.as_str(), "https://app.example.com"] {
        api.ask("POST /web/profile", &[headers[0], headers[1], ("origin", origin)]).await.is(200);
    }
}

#[tokio::test]
async fn a_change_by_json_is_json_and_from_here() {
    let api = Api::shared();
    let mine = session(&api, "").await;
    let mine = ("cookie", mine.as_str());
    let body = r#"{ "display_name": "Bobby" }"#;
    let kind = ("content-type", "application/json");
    assert_eq!(api.send("POST /web/settings", &[mine, kind], body).await.is(200).text("/display_name"), "Bobby");
    let plain = [mine, ("content-type", "text/plain")];
    api.send("POST /web/settings", &plain, body).await.refused(415, "unsupported_media_type");
    let foreign = [mine, kind, ("origin", "https://evil.example")];
    api.send("POST /web/settings", &foreign, body).await.refused(403, "csrf");
}

#[tokio::test]
async fn logout_kills_the_session_here_and_the_cookie_there() {
    let api = Api::shared();
    let mine = session(&api, "").await;
    let token = api.ask("GET /web/session", &[("cookie", &mine)]).await.text("/csrf_token");
    let got = post(&api, "/web/logout", &mine, format!("csrf_token={token}")).await.is(303);
    assert_eq!(got.header("location"), "/web/login");
    assert_eq!(got.header("set-cookie"), "demo_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    let dead = api.ask("GET /web/session", &[("cookie", &mine)]).await.refused(401, "session_expired");
    assert_eq!(dead.challenge(), CHALLENGE);
}

#[tokio::test]
async fn strangers_are_sent_to_log_in_or_told_to() {
    let api = Api::shared();
    let browser = ("accept", "text/html,application/xhtml+xml;q=0.9");
    let got = api.ask("GET /web/account", &[browser]).await.is(303);
    assert_eq!(got.header("location"), "/web/login?next=%2Fweb%2Faccount");
    assert!(got.header("vary").contains("Accept"));
    let got = api.ask("GET /web/account", &[]).await.refused(401, "no_session");
    assert_eq!(got.challenge(), CHALLENGE);
    let (before, _) = login_page(&api).await;
    api.ask("GET /web/session", &[("cookie", &before)]).await.refused(401, "no_session");
    let two = format!("{before}; demo_session=other");
    api.ask("GET /web/session", &[("cookie", &two)]).await.is(401);
}

#[tokio::test]
async fn an_idle_session_ends_and_a_busy_one_lives() {
    let api = Api::shared();
    let (idle, busy) = tokio::join!(session(&api, "&lifetime=1"), session(&api, "&lifetime=1"));
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(450)).await;
        api.ask("GET /web/session", &[("cookie", &busy)]).await.is(200);
    }
    api.ask("GET /web/session", &[("cookie", &idle)]).await.refused(401, "session_expired");
    let (before, token) = login_page(&api).await;
    let body = format!("csrf_token={token}&username=bob&password=x&lifetime=0");
    post(&api, "/web/login", &before, body).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn a_session_can_begin_with_json() {
    let api = Api::shared();
    let body = json!({ "username": "dora", "password": password("dora") });
    let got = api.json("POST /web/api/login", "", body.clone()).await.is(204);
    let info = api.ask("GET /web/session", &[("cookie", &cookie(&got))]).await.is(200);
    assert_eq!(info.text("/username"), "dora");
    let wrong = json!({ "username": "dora", "password": "wrong" });
    let got = api.json("POST /web/api/login", "", wrong).await.refused(401, "invalid_credentials");
    assert_eq!(got.challenge(), CHALLENGE);
    let plain = api.send("POST /web/api/login", &[("content-type", "text/plain")], body.to_string()).await;
    plain.refused(415, "unsupported_media_type");
}

#[tokio::test]
async fn over_https_the_cookie_is_secure() {
    let demo = Demo::start(DemoOptions { tls: true, ..DemoOptions::default() }).unwrap();
    assert!(demo.url().starts_with("https://127.0.0.1:"));
    let ca = reqwest::Certificate::from_pem(demo.ca_pem().unwrap().as_bytes()).unwrap();
    let client = super::client().tls_certs_only([ca]).build().unwrap();
    let api = Api { base: demo.url().to_owned(), client };
    let page = api.ask("GET /web/login", &[]).await.is(200);
    assert!(page.header("set-cookie").ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"));
    assert!(page.header("strict-transport-security").starts_with("max-age=31536000"));
    let token = api.token("alice").await;
    api.with(&token, "GET /me").await.is(200);
    let untrusting = super::client().build().unwrap();
    assert!(untrusting.get(demo.url()).send().await.is_err());
}
