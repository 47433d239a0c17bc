//! Registering, logging in, lockout.

use serde_json::json;

use super::{Api, Demo, DemoOptions, password};

const BEARER: &str = "Bearer realm=\"authspec demo\"";

#[tokio::test]
async fn a_login_gives_tokens_that_no_cache_keeps() {
    let api = Api::shared();
    let got = api.login("alice", password("alice")).await.is(200);
    let body = got.json();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!((&body["expires_in"], &body["refresh_expires_in"]), (&json!(900), &json!(1_209_600)));
    assert_eq!((got.header("cache-control"), got.header("pragma")), ("no-store".into(), "no-cache".into()));
    assert!(!got.header("date").is_empty() && got.header("x-request-id").starts_with("req-"));

    let me = api.with(&got.text("/access_token"), "GET /me").await.is(200).json();
    assert_eq!((&me["id"], &me["username"], &me["roles"]), (&json!("u-alice"), &json!("alice"), &json!(["user"])));
    assert!(me["session"]["expires_in"].as_u64().unwrap() > 890);
}

#[tokio::test]
async fn every_wrong_login_gets_the_same_answer() {
    let api = Api::shared();
    let wrong = api.login("alice", "wrong").await.refused(401, "invalid_credentials");
    assert_eq!(wrong.challenge(), BEARER);
    for (name, password) in [("nobody", "wrong"), ("carol", password("carol")), ("carol", "wrong"), ("Alice", "x")] {
        let other = api.login(name, password).await;
        assert_eq!((other.status, &other.body), (wrong.status, &wrong.body), "{name}");
        assert_eq!(other.challenge(), BEARER);
    }
    api.token("alice").await;
}

#[tokio::test]
async fn what_is_no_login_is_told_what_one_looks_like() {
    let api = Api::shared();
    for body in [
        json!({ "username": "alice" }),
        json!({ "username": "alice", "password": null }),
        json!({ "username": "alice", "password": { "$ne": null } }),
        json!(["alice", "wonderland-7"]),
    ] {
        let got = api.json("POST /login", "", body).await.refused(400, "invalid_request");
        assert!(got.text("/message").contains("\"username\": text"));
    }
    for (field, value) in [("lifetime", 0), ("lifetime", 901), ("refresh_lifetime", 0)] {
        let body = json!({ "username": "alice", "password": "wonderland-7", field: value });
        let got = api.json("POST /login", "", body).await.refused(400, "invalid_request");
        assert!(got.text("/message").starts_with(field));
    }
    let secret = json!({ "username": "alice", "password": 12_345 });
    assert!(!api.json("POST /login", "", secret).await.is(400).body.contains("12345"));
}

#[tokio::test]
async fn five_wrong_passwords_lock_the_name_for_everybody() {
    let api = Api::shared();
    for _ in 0..5 {
        api.login("lara", "wrong").await.refused(401, "invalid_credentials");
    }
    let locked = api.login("lara", password("lara")).await.refused(429, "locked");
    assert!(["4", "5"].contains(&locked.header("retry-after").as_str()), "{locked:?}");
    api.token("bob").await;

    let root = api.token("root").await;
    assert_eq!(api.with(&root, "GET /admin/users/lara").await.is(200).json()["locked"], true);
    let user = api.with(&root, "POST /admin/users/lara/unlock").await.is(200).json();
    assert_eq!(user["locked"], false);
    api.token("lara").await;

    for _ in 0..4 {
        api.login("lara", "wrong").await.is(401);
    }
    api.token("lara").await;
    api.login("lara", "wrong").await.is(401);
    api.token("lara").await;
}

#[tokio::test]
async fn guesses_sent_at_once_do_not_slip_past_the_lock() {
    let api = Api::shared();
    let guesses = (0..12).map(|_| api.login("ghost", "wrong"));
    let got = futures_util::future::join_all(guesses).await;
    let refused = |status: u16| got.iter().filter(|g| g.status.as_u16() == status).count();
    assert_eq!((refused(401), refused(429)), (5, 7));
}

#[tokio::test]
async fn whoever_registers_is_an_ordinary_user() {
    let api = Api::shared();
    let wanted = json!({ "username": "new.one", "password": "long enough", "roles": ["admin"], "role": "admin" });
    let created = api.json("POST /register", "", wanted.clone()).await.is(201).json();
    assert_eq!(created, json!({ "id": "u-new.one", "username": "new.one", "roles": ["user"] }));
    api.json("POST /register", "", wanted).await.refused(409, "username_taken");
    let token = api.login("new.one", "long enough").await.is(200).text("/access_token");
    assert_eq!(api.with(&token, "GET /accounts").await.json()[0]["id"], "acc-new.one-1");
    api.with(&token, "GET /admin/users").await.is(403);

    for (name, password) in [("", "long enough"), ("Mallory", "long enough"), ("a b", "long enough"), ("eve", "short")]
    {
        let body = json!({ "username": name, "password": password });
        api.json("POST /register", "", body).await.refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn every_demo_has_its_own_state() {
    let (one, other) = (Demo::start(DemoOptions::default()).unwrap(), Api::shared());
    let token = other.token("alice").await;
    let got = Api::of(&one).with(&token, "GET /me").await.refused(401, "invalid_token");
    assert!(got.challenge().contains("error_description=\"the token names a key that is not known here\""));
    let url = one.url().to_owned();
    drop(one);
    assert!(reqwest::Client::new().get(url).send().await.unwrap_err().is_connect());
}
