//! What every answer has: errors in JSON, CORS, caching, limits.

use super::{Api, Demo, DemoError, DemoOptions};

const APP: (&str, &str) = ("origin", "https://app.example.com");

#[tokio::test]
async fn the_front_page_and_the_health_check_are_public() {
    let api = Api::shared();
    let home = api.ask("GET /", &[]).await.is(200);
    assert!(home.body.contains("GET /me") && home.header("cache-control").contains("max-age"));
    assert_eq!(home.header("x-content-type-options"), "nosniff");
    let health = api.ask("GET /health", &[]).await.is(200);
    assert_eq!(health.body, "{\"status\":\"ok\"}");
    let again = api.ask("GET /health", &[]).await;
    assert_ne!(health.header("x-request-id"), again.header("x-request-id"));
    let head = api.ask("HEAD /health", &[]).await.is(200);
    assert_eq!((head.body.as_str(), head.header("content-length").as_str()), ("", "15"));
    api.ask("HEAD /me", &[]).await.is(401);
}

#[tokio::test]
async fn every_route_on_the_front_page_is_there() {
    let api = Api::shared();
    let home = api.ask("GET /", &[]).await.body;
    let routes: Vec<&str> = home.split("<code>").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
    assert!(routes.len() > 40, "{routes:?}");
    for route in routes {
        let got = api.ask(&route.replace(['{', '}'], ""), &[]).await;
        assert!(!got.body.contains("no such route"), "{route}: {got:?}");
        assert_ne!(got.status, 405, "{route}");
    }
}

#[tokio::test]
async fn a_refusal_leaves_the_connection_usable() {
    use std::io::{Read as _, Write as _};
    let api = Api::shared();
    let address = api.base.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let mut buffer = [0; 8192];
    for _ in 0..3 {
        let head = "POST /notes HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        stream.write_all(b"late").unwrap();
        let length = stream.read(&mut buffer).unwrap();
        let answer = String::from_utf8_lossy(&buffer[..length]);
        assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
    }
    let large = "x".repeat(100_000);
    api.send("POST /notes", &[], large).await.refused(401, "unauthorized");
}

#[tokio::test]
async fn what_the_router_refuses_is_json_too() {
    let api = Api::shared();
    let got = api.ask("DELETE /me", &[]).await.refused(405, "method_not_allowed");
    assert_eq!(got.header("allow"), "GET,HEAD");
    assert_eq!(api.ask("FOO /notes", &[]).await.refused(405, "method_not_allowed").header("allow"), "GET,HEAD,POST");
    for path in ["/nothing", "/ME", "/me/", "//me", "/%6de", "/me;a=b", "/admin/users/../../me2"] {
        let got = api.ask(&format!("GET {path}"), &[]).await;
        assert!([404, 401].contains(&got.status.as_u16()), "{path}: {got:?}");
    }
    api.ask("GET /nothing", &[]).await.refused(404, "not_found");
    api.ask("GET /jobs/%ff", &[]).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn bodies_are_judged_before_they_are_read_into_anything() {
    let api = Api::shared();
    let login = "POST /login";
    let json = ("content-type", "application/json");
    let utf8 = ("content-type", "Application/JSON; charset=utf-8");
    let got = api.send(login, &[json], "{\"username\": ").await.refused(400, "invalid_request");
    assert!(got.text("/message").contains("line 1, column 13"), "{got:?}");
    api.send(login, &[utf8], "{}").await.refused(400, "invalid_request");
    for other in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
        let got = api.send(login, &[("content-type", other)], "{}").await.refused(415, "unsupported_media_type");
        assert_eq!(got.header("accept"), "application/json");
    }
    let deep = "[".repeat(60_000);
    api.send(login, &[json], deep).await.refused(400, "invalid_request");
    for size in [64 * 1024 + 1, 1024 * 1024] {
        api.send(login, &[json], "x".repeat(size)).await.refused(413, "payload_too_large");
    }
    api.send(login, &[json], "\u{feff}{}").await.refused(400, "invalid_request");
}

#[tokio::test]
async fn a_preflight_needs_no_credential_and_permits_only_known_origins() {
    let api = Api::shared();
    let ask = [APP, ("access-control-request-method", "PUT"), ("access-control-request-headers", "authorization")];
    for path in ["/me", "/notes/note-alice-1", "/nothing"] {
        let got = api.ask(&format!("OPTIONS {path}"), &ask).await.is(204);
        assert_eq!(got.header("access-control-allow-origin"), APP.1);
        assert!(got.header("access-control-allow-methods").contains("PUT"));
        assert!(got.header("access-control-allow-headers").starts_with("authorization, content-type, x-csrf-token"));
        assert_eq!(got.header("access-control-allow-credentials"), "true");
        assert_eq!(got.header("access-control-max-age"), "600");
        assert!(got.header("vary").starts_with("Origin"));
    }
    for foreign in [
        "https://evil.example",
        "null",
        "http://app.example.com",
        "https://app.example.com.evil.example",
        "https://xapp.example.com",
        "https://app.example.com:8443",
        "https://APP.example.com",
        "http://localhost:5174",
    ] {
        let got = api.ask("OPTIONS /me", &[("origin", foreign), ask[1]]).await.is(204);
        assert!(got.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{got:?}");
        assert!(got.header("vary").starts_with("Origin"));
    }
    api.ask("OPTIONS /me", &[APP]).await.refused(405, "method_not_allowed");
}

#[tokio::test]
async fn pages_of_known_origins_may_read_refusals_too() {
    let api = Api::shared();
    for (request, status) in [("GET /health", 200), ("GET /me", 401), ("GET /nothing", 404), ("PUT /me", 405)] {
        let got = api.ask(request, &[("origin", "http://localhost:5173")]).await.is(status);
        assert_eq!(got.header("access-control-allow-origin"), "http://localhost:5173", "{request}");
        assert_eq!(got.header("access-control-allow-credentials"), "true");
        assert!(got.header("access-control-expose-headers").starts_with("WWW-Authenticate, Retry-After"));
        assert!(got.header("vary").contains("Origin"));
        for headers in [&[("origin", "https://evil.example")][..], &[], &[APP, APP]] {
            let got = api.ask(request, headers).await;
            assert!(!got.headers.contains_key("access-control-allow-origin"), "{request}");
            assert!(got.header("vary").contains("Origin"));
        }
    }
}

#[test]
fn a_port_that_is_taken_is_said_so() {
    let demo = Demo::start(DemoOptions::default()).unwrap();
    let port = demo.url().rsplit(':').next().unwrap().parse().unwrap();
    let error = Demo::start(DemoOptions { port, ..DemoOptions::default() }).unwrap_err();
    assert!(matches!(error, DemoError::Listen { port: p, .. } if p == port));
    assert!(error.to_string().contains("choose another port"));
    drop(demo);
    Demo::start(DemoOptions { port, ..DemoOptions::default() }).unwrap();
}
