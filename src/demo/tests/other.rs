//! Basic credentials, API keys, redirects, and routes that go slow or wrong.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{Api, Demo, DemoOptions, password};

const BASIC: &str = "Basic realm=\"authspec demo\", charset=\"UTF-8\"";

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

#[tokio::test]
async fn basic_credentials_are_checked_and_remembered() {
    let api = Api::shared();
    let good = basic("alice", password("alice"));
    let got = api.ask("GET /basic/report", &[("authorization", &good)]).await.is(200);
    assert_eq!((got.text("/username"), got.header("cache-control")), ("alice".into(), "no-store".into()));
    let lower = good.replacen("Basic", "basic", 1);
    api.ask("GET /basic/report", &[("authorization", &lower)]).await.is(200);
    api.ask("GET /basic/admin", &[("authorization", &good)]).await.refused(403, "forbidden");
    let root = basic("root", password("root"));
    api.ask("GET /basic/admin", &[("authorization", &root)]).await.is(200);

    let none = api.ask("GET /basic/report", &[]).await.refused(401, "unauthorized");
    assert_eq!(none.challenge(), BASIC);
    for bad in [
        basic("alice", "wrong"),
        basic("alice", ""),
        basic("nobody", "wrong"),
        basic("carol", password("carol")),
        basic("Alice", password("alice")),
        format!("Basic {}", STANDARD.encode("alice")),
        basic("bob", password("bob")).trim_end_matches('=').to_owned(),
        "Basic !!!".to_owned(),
        "Basic".to_owned(),
    ] {
        let got = api.ask("GET /basic/report", &[("authorization", &bad)]).await.refused(401, "invalid_credentials");
        assert_eq!(got.challenge(), BASIC, "{bad}");
    }
    let two = [("authorization", good.as_str()), ("authorization", root.as_str())];
    api.ask("GET /basic/report", &two).await.refused(400, "invalid_request");
    let token = api.token("alice").await;
    assert_eq!(api.with(&token, "GET /basic/report").await.refused(401, "unauthorized").challenge(), BASIC);
}

#[tokio::test]
async fn what_basic_remembers_dies_with_the_password() {
    let demo = Demo::start(DemoOptions::default()).unwrap();
    let api = Api::of(&demo);
    let (old, new) = (basic("bob", password("bob")), basic("bob", "a: better one"));
    api.ask("GET /basic/report", &[("authorization", &old)]).await.is(200);
    let token = api.token("bob").await;
    let change = json!({ "old": password("bob"), "new": "a: better one" });
    api.json("PUT /me/password", &token, change).await.is(204);
    api.ask("GET /basic/report", &[("authorization", &old)]).await.is(401);
    api.ask("GET /basic/report", &[("authorization", &new)]).await.is(200);
    let root = api.token("root").await;
    api.with(&root, "POST /admin/users/bob/disable").await.is(200);
    api.ask("GET /basic/report", &[("authorization", &new)]).await.is(401);
}

#[tokio::test]
async fn api_keys_read_write_or_are_refused() {
    let api = Api::shared();
    let (reader, writer) = ("demo-key-reader-1a2b3c4d", "demo-key-writer-5e6f7a8b");
    let with = async |request: &str, key: &str| api.ask(request, &[("x-api-key", key)]).await;
    assert_eq!(with("GET /keys/report", reader).await.is(200).text("/key"), "reader");
    with("GET /keys/report", writer).await.is(200);
    with("POST /keys/report", reader).await.refused(403, "forbidden");
    with("POST /keys/report", writer).await.is(201);
    for (key, why) in [
        ("demo-key-revoked-9c0d1e2f", "the API key was revoked"),
        ("demo-key-reader-1a2b3c4", "the API key is unknown"),
        ("DEMO-KEY-READER-1A2B3C4D", "the API key is unknown"),
    ] {
        let got = with("GET /keys/report", key).await.refused(401, "invalid_key");
        let challenge = format!("ApiKey realm=\"authspec demo\", error=\"invalid_key\", error_description=\"{why}\"");
        assert_eq!(got.challenge(), challenge);
    }
    for none in [api.ask("GET /keys/report", &[]).await, with("GET /keys/report", "").await] {
        assert_eq!(none.refused(401, "unauthorized").challenge(), "ApiKey realm=\"authspec demo\"");
    }
    api.ask(&format!("GET /keys/report?api_key={reader}"), &[]).await.is(401);
    let two = [("x-api-key", reader), ("x-api-key", writer)];
    api.ask("GET /keys/report", &two).await.refused(400, "invalid_request");

    api.ask(&format!("GET /keys/query?api_key={reader}"), &[]).await.is(200);
    with("GET /keys/query", reader).await.refused(401, "unauthorized");
    with(&format!("GET /keys/query?api_key={reader}"), reader).await.refused(400, "invalid_request");
    api.ask(&format!("GET /keys/query?api_key={reader}&api_key={writer}"), &[]).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn redirects_lead_where_they_say() {
    let api = Api::shared();
    for (request, status, to) in [
        ("GET /old/me", 301, "/me"),
        ("GET /hop/2", 302, "/hop/1"),
        ("GET /hop/0", 302, "/me"),
        ("POST /submit-307", 307, "/notes"),
    ] {
        let got = api.ask(request, &[]).await.is(status);
        assert_eq!(got.header("location"), to, "{request}");
    }
    api.ask("GET /hop/51", &[]).await.refused(400, "invalid_request");
    api.ask("GET /hop/-1", &[]).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn some_routes_are_slow_or_fail_at_first() {
    let api = Api::shared();
    let began = Instant::now();
    api.ask("GET /slow?ms=80", &[]).await.is(200);
    assert!(began.elapsed() >= Duration::from_millis(80));
    api.ask("GET /slow?ms=5001", &[]).await.refused(400, "invalid_request");
    for expected in [503, 503, 200, 200] {
        api.ask("GET /flaky?key=one&fail=2", &[]).await.is(expected);
    }
    let failing = api.ask("GET /flaky?key=two&fail=1", &[]).await.refused(503, "unavailable");
    assert_eq!(failing.header("retry-after"), "0");
    for expected in ["pending", "pending", "done", "done"] {
        assert_eq!(api.ask("GET /jobs/7", &[]).await.is(200).text("/state"), expected);
    }
}
