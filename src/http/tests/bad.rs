//! Bad servers: each is a typed error, soon, without a panic, and tells nothing of what was sent.

use std::time::Instant;

use super::*;

const PIECE: &[u8] = &[b'x'; 8192];

/// Sends to a server that talks like this, through both doors; both must end alike.
pub(super) async fn both(
    talk: impl Fn(&mut Talk) + Send + Sync + 'static,
) -> Result<super::super::Response, HttpError> {
    let server = Server::new(move |t, _| {
        t.hear();
        talk(t);
    });
    let clock = Instant::now();
    let secret = [("Authorization", "Bearer s3cret")];
    let (plain, odd) = (server.url("/?t=s3cret"), server.url("/./?t=s3cret"));
    let first = send(with(request("GET", &plain), &secret, "")).await.response;
    let second = send(with(request("GET", &odd), &secret, "")).await.response;
    assert!(clock.elapsed() < SOON / 2, "{:?}", clock.elapsed());
    match (&first, &second) {
        (Ok(a), Ok(b)) => assert_eq!((a.status, &a.body), (b.status, &b.body)),
        (Err(a), Err(b)) => assert_eq!(a, b),
        (a, b) => panic!("{a:?} is not {b:?}"),
    }
    if let Err(error) = &first {
        let told = format!("{error} {error:?} {:?}", error.help());
        assert!(!told.contains("s3cret"), "{told}");
    }
    first
}

pub(super) async fn says(bytes: impl Into<Vec<u8>>) -> Result<super::super::Response, HttpError> {
    let bytes = bytes.into();
    both(move |t| {
        t.say(&bytes);
    })
    .await
}

#[tokio::test]
async fn nobody_listens() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    for target in ["/", "/./"] {
        let error = get(&format!("http://127.0.0.1:{port}{target}")).await.unwrap_err();
        assert_eq!(error, HttpError::Refused { host: format!("127.0.0.1:{port}") });
        assert_eq!(error.to_string(), format!("the connection to `127.0.0.1:{port}` was refused"));
    }
}

#[tokio::test]
async fn unknown_hosts_are_named() {
    for target in ["/", "/./"] {
        let error = get(&format!("http://nobody.invalid:81{target}?t=s3cret")).await.unwrap_err();
        assert_eq!(error.to_string(), "the host `nobody.invalid` is not known");
    }
}

#[tokio::test]
async fn connections_that_break_early() {
    assert_eq!(both(|_| ()).await.unwrap_err(), HttpError::Closed);
    for start in
        ["H", "HTTP/1.1", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nset-cookie: s3cret", "HTTP/1.1 100 C\r\n\r\n"]
    {
        assert_eq!(says(start).await.unwrap_err(), HttpError::Closed, "{start:?}");
    }
    let unread = Server::new(|_, _| ());
    assert_eq!(get(&unread.url("/")).await.unwrap_err(), HttpError::Closed);
    assert_eq!(get(&unread.url("/./")).await.unwrap_err(), HttpError::Closed);
    assert_eq!(unread.connections(), 2, "a new connection that breaks is not tried again");
}

#[tokio::test]
async fn bodies_that_break_early() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ns3cret",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\ns3cret\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\ns3cret",
    ] {
        assert_eq!(says(answer).await.unwrap_err(), HttpError::Closed, "{answer:?}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_a_bad_answer() {
    for answer in [
        "s3cret\r\n\r\n",
        "SSH-2.0-OpenSSH_9.6\r\n",
        "\0\0\0\0\0\0\0\0",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 99 s3cret\r\n\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ns3cret\r\n\r\n",
        "HTTP/1.1 200 OK\r\na b: s3cret\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\0s3cret\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: s3cret\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\ns3cret\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
    ] {
        let error = says(answer).await.unwrap_err();
        assert!(matches!(error, HttpError::BadAnswer { .. }), "{answer:?}: {error:?}");
        assert!(error.to_string().starts_with("the answer cannot be read: "), "{error}");
    }
}

#[tokio::test]
async fn servers_that_speak_first_are_no_http_servers() {
    let server = Server::new(|t, _| {
        t.say("SSH-2.0-OpenSSH_9.6\r\n");
        std::thread::sleep(Duration::from_secs(1));
    });
    for _ in 0..10 {
        for target in ["/", "/./"] {
            let error = get(&server.url(target)).await.unwrap_err();
            assert!(matches!(error, HttpError::BadAnswer { .. }), "{error:?}");
        }
    }
}

#[tokio::test]
async fn endless_and_large_bodies_are_cut_off() {
    let limit = HttpError::TooLarge(1_000_000);
    let endless = |head: &'static str, piece: Vec<u8>| {
        both(move |t| {
            t.say(head);
            while t.say(&piece) {}
        })
    };
    assert_eq!(endless("HTTP/1.1 200 OK\r\n\r\n", PIECE.to_vec()).await.unwrap_err(), limit);
    assert_eq!(
        endless("HTTP/1.1 200 OK\r\ncontent-length: 9000000000\r\n\r\n", PIECE.to_vec()).await.unwrap_err(),
        limit
    );
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(endless(chunked, [b"64\r\n", &PIECE[..100], b"\r\n"].concat().repeat(100)).await.unwrap_err(), limit);
    let exact = |n: usize| {
        says([format!("HTTP/1.1 200 OK\r\ncontent-length: {n}\r\n\r\n").into_bytes(), vec![b'x'; n]].concat())
    };
    assert_eq!(exact(1_000_000).await.unwrap().body.len(), 1_000_000);
    assert_eq!(exact(1_000_001).await.unwrap_err(), limit);
}

#[tokio::test]
async fn twenty_megabytes_arrive_where_they_may() {
    let body = vec![b'x'; 20_000_000];
    let server = Server::script([[b"HTTP/1.1 200 OK\r\ncontent-length: 20000000\r\n\r\n".to_vec(), body].concat()]);
    let transport = Transport::new(Settings { max_body: 20_000_000, ..Settings::default() });
    for target in ["/", "/./"] {
        let response = transport.send(request("GET", &server.url(target)), SOON).await.response.unwrap();
        assert_eq!(response.body.len(), 20_000_000);
    }
    let default = Transport::new(Settings::default());
    let error = default.send(request("GET", &server.url("/")), SOON).await.response.unwrap_err();
    assert_eq!(error, HttpError::TooLarge(10 * 1024 * 1024));
}

#[tokio::test]
async fn endless_heads_are_cut_off() {
    let many = both(|t| {
        t.say("HTTP/1.1 200 OK\r\n");
        while t.say("x-filler: s3cret\r\n") {}
    });
    assert!(matches!(many.await, Err(HttpError::BadAnswer { .. })));
    let long = both(|t| {
        t.say("HTTP/1.1 200 OK\r\nx: ");
        while t.say([b'x'; 8192]) {}
    });
    assert!(matches!(long.await, Err(HttpError::BadAnswer { .. })));
    let large = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "y".repeat(60_000));
    assert_eq!(says(large).await.unwrap().headers.text("x").unwrap().len(), 60_000);
}

#[tokio::test]
async fn the_timeout_covers_the_whole_exchange() {
    let slow: [fn(&mut Talk); 5] = [
        |_| std::thread::sleep(SOON),
        |t| while t.say("HTTP/1.1 103 Early Hints\r\n\r\n") {},
        |t| drip(t, "HTTP/1.1 200 OK\r\nx: 1\r\nx: 1\r\nx: 1\r\nx: 1\r\nx: 1\r\nx: 1\r\nx: 1\r\nx: 1\r\nx: 1\r\n"),
        |t| {
            t.say("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
            drip(t, "slow body that never ends in time, whatever happens to it on its way");
        },
        |t| {
            t.say("HTTP/1.1 100 Continue\r\n\r\n");
            std::thread::sleep(SOON);
        },
    ];
    for (number, talk) in slow.into_iter().enumerate() {
        let server = Server::new(move |t, _| {
            t.hear();
            talk(t);
        });
        for target in ["/", "/./"] {
            let (clock, timeout) = (Instant::now(), Duration::from_millis(200));
            let exchange = transport().send(request("GET", &server.url(target)), timeout).await;
            let error = exchange.response.unwrap_err();
            assert_eq!(error, HttpError::Timeout(timeout), "{number}");
            assert!(clock.elapsed() < Duration::from_secs(2), "{number}: {:?}", clock.elapsed());
            assert!(exchange.elapsed >= timeout);
        }
    }
}

fn drip(talk: &mut Talk, text: &str) {
    for byte in text.bytes() {
        if !talk.say([byte]) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_closes_the_connection() {
    let (tell, told) = std::sync::mpsc::channel();
    let tell = Mutex::new(tell);
    let server = Server::new(move |t, _| {
        t.hear();
        let mut byte = [0];
        tell.lock().unwrap().send(t.stream.read(&mut byte).unwrap_or(0)).unwrap();
    });
    for target in ["/", "/./"] {
        let _ = transport().send(request("GET", &server.url(target)), Duration::from_millis(50)).await;
        let told = &told;
        let read = tokio::task::block_in_place(|| told.recv_timeout(Duration::from_secs(5)));
        assert_eq!(read, Ok(0), "{target}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(40))]

    #[test]
    fn no_answer_panics_or_hangs(
        head in "(HTTP/1\\.[01] [1-5][0-9][0-9]( [a-z]{0,3})?\r\n)?",
        fields in proptest::collection::vec(
            "(location|set-cookie|content-encoding|content-length|transfer-encoding|connection|[a-z]{0,3}):? ?\
             (/|x=y; Path|gzip|br|[0-9]{1,2}|chunked|close|\\PC{0,8})\r?\n", 0..6),
        body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40),
    ) {
        let answer = [head.as_bytes(), fields.concat().as_bytes(), b"\r\n", &body].concat();
        let server = Server::script([answer]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for target in ["/", "/./"] {
                let timeout = Duration::from_millis(50);
                let exchange = transport().send(request("GET", &server.url(target)), timeout).await;
                let _ = exchange.response.map_err(|e| (e.to_string(), e.code(), e.help()));
            }
        });
    }
}
