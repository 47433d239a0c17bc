//! Where connections go: proxies, the environment, pinned hosts.

use std::process::Command;

use super::super::Proxy;
use super::*;

fn through(proxy: impl Into<String>) -> Transport {
    Transport::new(Settings { proxy: Proxy::Url(proxy.into()), ..settings() })
}

#[tokio::test]
async fn a_proxy_is_asked_in_absolute_form() {
    let proxy = Server::script([ok("from the proxy")]);
    let transport = through(proxy.url(""));
    let sent = request("POST", "http://api.example.test:81/a?b=c|d");
    let bare = Request { headers: Headers::default(), ..sent };
    // Without `Accept` the library adds one, and the record says so.
    let exchange = transport.send(with(bare, &[("X-Mine", "1")], "x"), SOON).await;
    assert_eq!(exchange.response.unwrap().text(), "from the proxy");
    let record = &exchange.request.headers;
    let fields: Vec<String> = record.iter().map(|(n, v)| format!("{n}: {}\r\n", String::from_utf8_lossy(v))).collect();
    let fields = fields.concat();
    assert_eq!(proxy.requests(), [format!("POST http://api.example.test:81/a?b=c|d HTTP/1.1\r\n{fields}\r\nx")]);
    assert_eq!(record.text("host").as_deref(), Some("api.example.test:81"));
    assert!(!transport.has_loaded_tls(), "a plain proxy needs no authorities");
}

#[tokio::test]
async fn https_goes_through_a_tunnel() {
    let proxy = Server::script(["HTTP/1.1 403 s3cret\r\n\r\n", "HTTP/1.1 407 s3cret\r\n\r\n"]);
    let transport = through(format!("http://me:pa55word@127.0.0.1:{}", proxy.port));
    let mut told = String::new();
    for _ in 0..2 {
        let sent = with(request("GET", "https://api.example.test/s3cret"), &[("Authorization", "s3cret")], "");
        let error = transport.send(sent, SOON).await.response.unwrap_err();
        told.push_str(&format!("{error}; {error:?} "));
    }
    assert!(told.contains("the proxy opened no tunnel") && told.contains("the proxy asks for a user"), "{told}");
    assert!(!told.contains("s3cret") && !told.contains("pa55word"), "{told}");
    let heard = &proxy.requests()[0];
    assert!(heard.starts_with("CONNECT api.example.test:443 HTTP/1.1\r\n"), "{heard}");
    assert!(heard.to_lowercase().contains("proxy-authorization: basic "), "{heard}");
    assert!(!heard.contains("s3cret"), "{heard}");
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_the_one_that_is_named() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for scheme in ["http", "https"] {
        let transport = through(format!("http://me:pa55word@127.0.0.1:{port}/"));
        let sent = request("GET", &format!("{scheme}://api.example.test/"));
        let error = transport.send(sent, SOON).await.response.unwrap_err();
        assert_eq!(error, HttpError::Refused { host: format!("127.0.0.1:{port}") }, "{scheme}");
    }
    let error = through("::pa55word").check().unwrap_err();
    assert_eq!(error, "the proxy's URL cannot be read");
    let sent = through("::pa55word").send(request("GET", "http://api.example.test/"), SOON).await;
    assert_eq!(sent.response.unwrap_err().to_string(), "the connection failed: the proxy's URL cannot be read");
}

#[tokio::test]
async fn targets_that_a_proxy_would_change_are_refused() {
    let proxy = Server::script([ok("")]);
    let sent = request("GET", "http://api.example.test/a/../b");
    let error = through(proxy.url("")).send(sent, SOON).await.response.unwrap_err();
    assert!(matches!(error, HttpError::BadRequest { .. }), "{error:?}");
    assert_eq!(proxy.connections(), 0);
}

#[tokio::test]
async fn hosts_can_be_pinned() {
    let server = Server::script([ok("pinned")]);
    let here = |port: u16| std::net::SocketAddr::from(([127, 0, 0, 1], port));
    for (pin, port) in [(here(0), server.port), (here(server.port), 80), (here(1), server.port)] {
        let transport = Transport::new(Settings { resolve: vec![("api.example.test".to_owned(), pin)], ..settings() });
        for target in ["/", "/./"] {
            let sent = request("GET", &format!("http://API.example.test:{port}{target}"));
            let exchange = transport.send(sent, SOON).await;
            assert_eq!(exchange.response.unwrap().text(), "pinned", "{pin} {port}");
            let host = if port == 80 { "api.example.test".to_owned() } else { format!("api.example.test:{port}") };
            assert_eq!(exchange.request.headers.text("host"), Some(host));
        }
    }
}

/// The environment belongs to a process, so each setting is tried in one of its own.
#[test]
fn the_environment_counts_only_where_it_is_asked() {
    let proxy = Server::script([ok("from the proxy")]);
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "http::tests::proxy::within_an_environment", "--nocapture"])
        .env("HTTP_PROXY", proxy.url(""))
        .env("http_proxy", proxy.url(""))
        .env("ALL_PROXY", proxy.url(""))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(proxy.requests().len(), 1);
    assert!(proxy.requests()[0].starts_with("GET http://api.example.test/env HTTP/1.1\r\n"));
}

#[tokio::test]
#[ignore = "runs in a process of its own, started by the test above"]
async fn within_an_environment() {
    let server = Server::script([ok("direct")]);
    for target in ["/", "/./"] {
        assert_eq!(get(&server.url(target)).await.unwrap().text(), "direct");
    }
    let asked = Transport::new(Settings { proxy: Proxy::Env, ..settings() });
    let response = asked.send(request("GET", "http://api.example.test/env"), SOON).await.response.unwrap();
    assert_eq!(response.text(), "from the proxy");
}
