//! The record of what was sent is what was sent.

use super::*;

/// Spells the record as it must have stood on the socket.
fn spelled(request: &Request) -> String {
    let mut out = format!("{} {} HTTP/1.1\r\n", request.method, request.address.target());
    for (name, value) in request.headers.iter() {
        out.push_str(&format!("{name}: {}\r\n", String::from_utf8_lossy(value)));
    }
    out.push_str("\r\n");
    out.push_str(&String::from_utf8_lossy(&request.body));
    out
}

/// Sends and compares the record with the socket; gives what was heard.
async fn compare(request: Request) -> String {
    let exchange = send(request.clone()).await;
    let what = format!("{} {}", request.method, request.address);
    if let Err(error) = &exchange.response {
        panic!("{what}: {error}");
    }
    spelled(&exchange.request)
}

#[tokio::test]
async fn the_record_is_what_the_socket_saw() {
    let server = Server::script([ok("")]);
    let at = |target: &str| server.url(target);
    let fields =
        [("X-One", "1"), ("Accept", "text/html"), ("x-two", "2"), ("X-ONE", "3"), ("Authorization", "Bearer t")];
    let own_host = [("A", "1"), ("Host", "evil.example"), ("B", "2")];
    let length = [("Content-Length", "4"), ("X", "1")];
    let typed = [("Content-Type", "text/plain"), ("X", "\u{e9}"), ("Empty", "")];
    let requests = [
        request("GET", &at("/")),
        request("GET", &at("/a?b=c&d")),
        request("HEAD", &at("/a")),
        request("OPTIONS", &at("/a")),
        request("TRACE", &at("/a")),
        request("POST", &at("/empty")),
        request("PUT", &at("/empty")),
        request("PATCH", &at("/empty")),
        request("DELETE", &at("/empty")),
        request("PURGE", &at("/custom")),
        request("get", &at("/lower")),
        with(request("GET", &at("/body")), &[], "body"),
        with(request("HEAD", &at("/body")), &[], "body"),
        with(request("DELETE", &at("/body")), &[], "body"),
        with(request("PURGE", &at("/body")), &[], "body"),
        with(request("POST", &at("/body")), &typed, "{\"a\": \"é\"}"),
        with(request("POST", &at("/length")), &length, "four"),
        with(request("GET", &at("/fields")), &fields, ""),
        with(request("POST", &at("/host")), &own_host, "x"),
        with(request("GET", &at("/te")), &[("Connection", "close"), ("TE", "trailers")], ""),
        with(request("GET", &at("/cookie")), &[("Cookie", "a=b"), ("cookie", "c=d")], ""),
        with(request("POST", &at("/expect")), &[("Expect", "100-continue")], "x"),
        Request { headers: Headers::default(), ..request("GET", &at("/nothing")) },
        Request { headers: Headers::default(), ..request("POST", &at("/nothing")) },
    ];
    let mut records = Vec::new();
    for request in requests {
        records.push(compare(request.clone()).await);
        // The same through the other door, which takes targets as they are.
        let odd = Address::parse(&at(&format!("/./{}", &request.address.target()[1..]))).unwrap();
        records.push(compare(Request { address: odd, ..request }).await);
    }
    let heard = server.requests();
    assert_eq!(heard.len(), records.len());
    for (heard, record) in heard.iter().zip(&records) {
        assert_eq!(heard, record);
    }
    let port = server.port;
    let bare = format!("GET /nothing HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n");
    assert_eq!(heard[heard.len() - 4], bare, "nothing is added that was not asked for");
    for pair in heard.chunks(2) {
        assert_eq!(pair[0], pair[1].replacen("/./", "/", 1), "both doors send the same");
    }
}

#[tokio::test]
async fn targets_travel_byte_for_byte() {
    let server = Server::script([ok("")]);
    let targets = [
        "/a/../b",
        "/a/./b",
        "//admin",
        "///",
        "/%2e%2e/x",
        "/..%2f",
        "/x?a=b|c",
        "/ä",
        "/?",
        "/x?",
        "/x?a=é",
        "/;a=b",
        "/a\\b",
        "/%zz",
        "/x?q=[1]{2}",
        "/a|b^c",
        "/x?a'b",
        "/@:x",
    ];
    for target in targets {
        let record = compare(request("GET", &server.url(target))).await;
        let heard = server.requests().pop().unwrap();
        assert_eq!(heard, record);
        assert!(heard.starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{heard}");
    }
    compare(request("GET", &server.url(""))).await;
    compare(request("GET", &server.url("?a"))).await;
    compare(request("GET", &server.url("/p#fragment"))).await;
    let last: Vec<String> =
        server.requests().iter().rev().take(3).map(|r| r.lines().next().unwrap().to_owned()).collect();
    assert_eq!(last, ["GET /p HTTP/1.1", "GET /?a HTTP/1.1", "GET / HTTP/1.1"]);
}

#[tokio::test]
async fn no_character_is_changed_on_the_way() {
    let server = Server::script([ok("")]);
    for byte in 0x21..0x7f_u8 {
        let c = char::from(byte);
        for target in [format!("/a{c}b"), format!("/q?a{c}b")] {
            let Ok(address) = Address::parse(&server.url(&target)) else { panic!("{target}") };
            let exchange = send(Request { address, ..request("GET", &server.url("/")) }).await;
            match exchange.response {
                Ok(_) if c == '#' => {}
                Ok(_) => {
                    let heard = server.requests().pop().unwrap();
                    assert!(heard.starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{heard}");
                }
                Err(HttpError::BadRequest { why }) => assert!(why.contains("percent-encoded"), "{target}: {why}"),
                Err(error) => panic!("{target}: {error}"),
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_travel_is_refused_without_its_value() {
    let server = Server::script([ok("")]);
    let refused = [
        with(request("GET", &server.url("/")), &[("X", "s3cret\r\nY: 1")], ""),
        with(request("GET", &server.url("/")), &[("X", "s3cret\0")], ""),
        with(request("GET", &server.url("/")), &[("a b", "s3cret")], ""),
        with(request("GET", &server.url("/")), &[("", "s3cret")], ""),
        with(request("GET", &server.url("/")), &[("é", "s3cret")], ""),
        with(request("POST", &server.url("/")), &[("Content-Length", "3")], "s3cret"),
        with(request("POST", &server.url("/")), &[("Content-Length", "s3cret")], "s3cret"),
        request("G T", &server.url("/")),
        request("", &server.url("/")),
        request("CONNECT", &server.url("/")),
    ];
    for request in refused {
        let odd = Address::parse(&server.url("/./")).unwrap();
        for request in [request.clone(), Request { address: odd, ..request }] {
            let what = format!("{request:?}");
            let Err(error) = send(request).await.response else { panic!("{what}") };
            assert_eq!(error.code(), "unsendable", "{what}: {error:?}");
            assert!(!format!("{error:?} {error}").contains("s3cret"), "{error:?}");
        }
    }
    assert_eq!(server.requests(), [""; 0]);
}
