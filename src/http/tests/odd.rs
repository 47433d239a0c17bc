//! Answers that are odd and still answers.

use std::time::Instant;

use super::bad::{both, says};
use super::*;

fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn encoded(coding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn encoded_bodies_are_decoded() {
    let br = {
        let mut out = Vec::new();
        brotli::CompressorWriter::new(&mut out, 4096, 5, 22).write_all(b"hello").unwrap();
        out
    };
    assert_eq!(says(encoded("gzip", &packed(b"hello"))).await.unwrap().body, "hello");
    assert_eq!(says(encoded("GZIP , identity", &packed(b"hello"))).await.unwrap().body, "hello");
    assert_eq!(says(encoded("br", &br)).await.unwrap().body, "hello");
    assert_eq!(says(encoded("gzip", b"")).await.unwrap().body, "");
    assert_eq!(says(encoded("zstd", b"raw")).await.unwrap().body, "raw", "what is not known is left");
    let header = says(encoded("gzip", &packed(b"x"))).await.unwrap().headers.text("content-encoding");
    assert_eq!(header.as_deref(), Some("gzip"), "the fields stay as they came");
}

#[tokio::test]
async fn false_encodings_are_told() {
    let cut = packed(&[b'x'; 5000]);
    for answer in [
        encoded("gzip", b"s3cret"),
        encoded("br", b"s3cret"),
        encoded("deflate", b"s3cret"),
        encoded("gzip", &cut[..cut.len() - 9]),
        encoded("gzip, gzip, gzip, gzip, gzip", &packed(b"s3cret")),
    ] {
        let error = says(answer).await.unwrap_err();
        assert!(matches!(error, HttpError::BadAnswer { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_bomb_stays_small_and_fast() {
    // 500 MB of zeros.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![0; 1_000_000];
    for _ in 0..500 {
        encoder.write_all(&zeros).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 3_000_000, "{}", bomb.len());
    let twice = packed(&bomb);
    for (coding, body) in [("gzip", bomb), ("gzip, gzip", twice)] {
        let server = Server::script([encoded(coding, &body)]);
        let transport = Transport::new(Settings { max_body: 5_000_000, ..Settings::default() });
        let clock = Instant::now();
        let error = transport.send(request("GET", &server.url("/")), SOON).await.response.unwrap_err();
        assert_eq!(error, HttpError::TooLarge(5_000_000));
        assert!(clock.elapsed() < Duration::from_secs(3), "{:?}", clock.elapsed());
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_kept() {
    let mut answer =
        b"HTTP/1.1 200 \xff\xfe\r\nx-latin: caf\xe9\r\nx-utf: caf\xc3\xa9\r\nx-empty:\r\ncontent-length: 3\r\n\r\n"
            .to_vec();
    answer.extend([0xff, 0x00, 0x41]);
    let response = says(answer).await.unwrap();
    assert_eq!(response.headers.all("x-latin").next().unwrap(), &b"caf\xe9"[..]);
    assert_eq!(response.headers.text("X-Latin").unwrap(), "caf\u{fffd}");
    assert_eq!(response.headers.text("x-utf").unwrap(), "caf\u{e9}");
    assert_eq!(response.headers.text("x-empty").unwrap(), "");
    assert_eq!(response.body, &[0xff, 0x00, 0x41][..]);
    assert_eq!(response.text(), "\u{fffd}\0A");
}

#[tokio::test]
async fn fields_keep_their_order_and_their_equals() {
    let response = says(
        "HTTP/1.1 401 X\r\nWWW-Authenticate: Basic\r\nSet-Cookie: a=1\r\nwww-authenticate: Bearer\r\nset-cookie: b=2\r\ncontent-length: 0\r\n\r\n",
    )
    .await
    .unwrap();
    let all = |name: &str| -> Vec<String> {
        response.headers.all(name).map(|v| String::from_utf8_lossy(v).into_owned()).collect()
    };
    assert_eq!(all("www-authenticate"), ["Basic", "Bearer"]);
    assert_eq!(all("set-cookie"), ["a=1", "b=2"]);
}

#[tokio::test]
async fn interim_answers_are_passed_over() {
    let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok";
    let response = says(answer).await.unwrap();
    assert_eq!((response.status, &response.body[..]), (201, &b"ok"[..]));
    assert!(!response.headers.has("link"));
    let switched = says("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n").await;
    assert!(switched.is_ok_and(|r| r.status == 101));
}

#[tokio::test]
async fn answers_without_a_body_have_none() {
    for head in [
        "204 No Content\r\ncontent-length: 5",
        "204 No Content",
        "304 Not Modified\r\ncontent-length: 5",
        "205 R\r\ncontent-length: 0",
    ] {
        let response = says(format!("HTTP/1.1 {head}\r\n\r\nwhat?")).await.unwrap();
        assert_eq!(response.body, "", "{head}");
    }
    let server = Server::script(["HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-encoding: gzip\r\n\r\n"]);
    for target in ["/", "/./"] {
        let response = send(request("HEAD", &server.url(target))).await.response.unwrap();
        assert_eq!((&response.body[..], response.headers.text("content-length").unwrap().as_str()), (&b""[..], "5"));
    }
}

#[tokio::test]
async fn bytes_behind_an_answer_do_not_reach_the_next() {
    let server = Server::script([
        "HTTP/1.1 204 N\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfalse",
        "HTTP/1.1 204 N\r\n\r\n",
    ]);
    let transport = transport();
    for _ in 0..2 {
        let response = transport.send(request("GET", &server.url("/")), SOON).await.response.unwrap();
        assert_eq!((response.status, &response.body[..]), (204, &b""[..]));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn bodies_may_end_with_the_connection() {
    for head in [
        "HTTP/1.0 200 OK",
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\r\nconnection: close",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip",
    ] {
        let response = says(format!("{head}\r\n\r\nto the end")).await.unwrap();
        assert_eq!(response.body, "to the end", "{head}");
    }
    assert_eq!(says("HTTP/1.0 200 OK\r\n\r\n").await.unwrap().version, "HTTP/1.0");
    let half = both(|t| {
        t.say("HTTP/1.1 200 OK\r\n\r\nhalf");
        t.half_close();
        std::thread::sleep(Duration::from_secs(1));
    });
    assert_eq!(half.await.unwrap().body, "half");
}

#[tokio::test]
async fn chunks_are_joined_and_trailers_are_not_data() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for chunks in [
        "3\r\nabc\r\n3;ext=1\r\ndef\r\n0\r\n\r\n",
        "6\r\nabcdef\r\n0\r\nx-trailer: s3cret\r\nset-cookie: a=b\r\n\r\n",
        "0006\r\nabcdef\r\n000\r\n\r\n",
    ] {
        let response = says(format!("{head}{chunks}")).await.unwrap();
        assert_eq!(response.body, "abcdef", "{chunks:?}");
        assert!(!response.headers.has("x-trailer"), "trailers are not fields of the head");
    }
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_was_read() {
    let early = Server::new(|t, _| {
        t.stream.read_exact(&mut [0; 10]).unwrap();
        t.say("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig");
        t.half_close();
        let mut sink = [0; 8192];
        while t.stream.read(&mut sink).is_ok_and(|n| n > 0) {}
    });
    for target in ["/", "/./"] {
        let upload = with(request("POST", &early.url(target)), &[], &"x".repeat(5_000_000));
        assert_eq!(send(upload).await.response.map(|r| r.status), Ok(413), "{target}");
    }
}
