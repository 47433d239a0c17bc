//! Following: methods, bodies, what stays behind, cookies of every hop, dead ends.

use super::super::jar::Jar;
use super::super::{Dress, Follow, Journey, MAX_HOPS, Trail, Undressed};
use super::*;

fn to(status: u16, location: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

async fn follow(request: Request) -> Trail {
    follow_with(request, &mut Jar::new(), &mut Undressed).await
}

async fn follow_with(request: Request, jar: &mut Jar, dress: &mut dyn Dress) -> Trail {
    let transport = transport();
    let journey = Journey {
        transport: &transport,
        elsewhere: None,
        jar,
        cookies: Vec::new(),
        follow: Follow::Yes,
        timeout: SOON,
        gate: None,
    };
    journey.go(request, dress).await
}

fn fault(trail: &Trail) -> String {
    trail.error.as_ref().map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn methods_and_bodies_follow_the_rfc_and_browsers() {
    // What the second request begins with, and whether the body goes along.
    let rules = [
        (301, "GET", "GET", true),
        (301, "POST", "GET", false),
        (302, "POST", "GET", false),
        (302, "PUT", "PUT", true),
        (302, "DELETE", "DELETE", true),
        (303, "POST", "GET", false),
        (303, "PUT", "GET", false),
        (303, "DELETE", "GET", false),
        (303, "HEAD", "HEAD", false),
        (303, "GET", "GET", false),
        (307, "POST", "POST", true),
        (307, "PURGE", "PURGE", true),
        (308, "POST", "POST", true),
        (308, "GET", "GET", true),
    ];
    for (status, method, then, body) in rules {
        let server = Server::script([to(status, "/next?x"), ok("")]);
        let fields = [("Content-Type", "text/plain"), ("X-Mine", "1"), ("Authorization", "Bearer t")];
        let sent = with(request(method, &server.url("/a")), &fields, if method == "HEAD" { "" } else { "body" });
        let trail = follow(sent).await;
        let what = format!("{status} {method}");
        assert_eq!(trail.error, None, "{what}");
        assert_eq!((trail.hops.len(), trail.response().unwrap().status), (2, 200), "{what}");
        let second = server.requests().pop().unwrap();
        assert!(second.starts_with(&format!("{then} /next?x HTTP/1.1\r\n")), "{what}: {second}");
        assert_eq!(second.ends_with("\r\n\r\nbody"), body, "{what}: {second}");
        assert_eq!(second.contains("content-type: text/plain"), body || method == "HEAD", "{what}: {second}");
        assert_eq!(second.contains("content-length"), body, "{what}: {second}");
        assert!(second.contains("x-mine: 1") && second.contains("authorization: Bearer t"), "{what}: {second}");
    }
}

#[tokio::test]
async fn other_statuses_and_a_missing_location_are_the_answer() {
    let none: &[u8] = b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n";
    for answer in [to(304, "/b"), to(300, "/b"), to(305, "/b"), to(201, "/b"), to(302, ""), none.to_vec()] {
        let server = Server::script([answer.clone(), ok("")]);
        let trail = follow(request("GET", &server.url("/a"))).await;
        assert_eq!((trail.hops.len(), trail.error), (1, None), "{}", String::from_utf8_lossy(&answer));
    }
    let server = Server::script([to(302, "/b"), ok("")]);
    let (transport, mut jar) = (transport(), Jar::new());
    let journey = Journey {
        transport: &transport,
        elsewhere: None,
        jar: &mut jar,
        cookies: Vec::new(),
        follow: Follow::No,
        timeout: SOON,
        gate: None,
    };
    let trail = journey.go(request("GET", &server.url("/a")), &mut Undressed).await;
    assert_eq!(trail.response().unwrap().status, 302);
}

#[tokio::test]
async fn locations_of_every_form_are_followed() {
    let other = Server::script([ok("other")]);
    let there = format!("//127.0.0.1:{}/p", other.port);
    let forms = [
        ("/abs?q=1", "GET /abs?q=1 "),
        ("rel", "GET /dir/rel "),
        ("../up", "GET /up "),
        ("?only=query", "GET /dir/page?only=query "),
        ("/frag#part", "GET /frag "),
        ("/a/../kept", "GET /a/../kept "),
        ("/a b", "GET /a%20b "),
        ("/\u{e4}", "GET /%C3%A4 "),
        ("  /trimmed  ", "GET /trimmed "),
    ];
    for (location, line) in forms {
        let server = Server::script([to(302, location), ok("")]);
        let trail = follow(request("GET", &server.url("/dir/page?old=1"))).await;
        assert_eq!(trail.error, None, "{location}");
        assert!(server.requests()[1].starts_with(line), "{location}: {}", server.requests()[1]);
    }
    for location in [there.clone(), format!("HTTP:{there}")] {
        let server = Server::script([to(302, &location)]);
        let trail = follow(request("GET", &server.url("/"))).await;
        assert_eq!(trail.response().map(|r| r.text().into_owned()), Some("other".to_owned()), "{location}");
    }
}

#[tokio::test]
async fn garbage_locations_are_faults_that_do_not_repeat_them() {
    let locations: [&[u8]; 8] = [
        b"ftp://s3cret/",
        b"myapp:/cb?code=s3cret",
        b"javascript:s3cret",
        b"http://",
        b"http://a:s3cret@127.0.0.1/",
        b"http://[s3cret",
        b"http://127.0.0.1:99999/s3cret",
        b"http://\xff\xfe/s3cret",
    ];
    for location in locations {
        let answer = [b"HTTP/1.1 302 X\r\ncontent-length: 0\r\nlocation: ", location, b"\r\n\r\n"].concat();
        let server = Server::script([answer]);
        let trail = follow(request("GET", &server.url("/"))).await;
        let (what, why) = (String::from_utf8_lossy(location), fault(&trail));
        assert!(matches!(trail.error, Some(HttpError::Redirects { .. })), "{what}: {:?}", trail.error);
        assert!(why.starts_with("the redirect cannot be followed: ") && !why.contains("s3cret"), "{what}: {why}");
        assert_eq!(trail.response().unwrap().status, 302, "the redirect itself can still be looked at");
    }
}

#[tokio::test]
async fn loops_end() {
    let server = Server::script([to(302, "/again")]);
    let trail = follow(request("GET", &server.url("/"))).await;
    assert_eq!(trail.hops.len(), MAX_HOPS + 1);
    assert_eq!(server.requests().len(), MAX_HOPS + 1);
    assert!(fault(&trail).contains("do not end within 20 hops"), "{}", fault(&trail));
}

#[tokio::test]
async fn another_origin_gets_nothing_but_harmless_fields() {
    let other = Server::script([ok("")]);
    let server = Server::script([to(302, &other.url("/there")), to(302, &other.url("/there"))]);
    let fields = [
        ("Authorization", "Bearer s3cret"),
        ("Cookie", "sid=s3cret"),
        ("X-Api-Key", "s3cret"),
        ("Referer", "http://h/?s3cret"),
        ("Host", "s3cret.example"),
        ("Accept", "text/html"),
        ("Accept-Language", "de"),
        ("User-Agent", "me"),
    ];
    for sent in [
        with(request("GET", &server.url("/?token=s3cret")), &fields, ""),
        with(request("POST", &server.url("/")), &fields, "s3cret"),
    ] {
        let trail = follow(sent).await;
        assert_eq!(trail.error, None);
        let heard = other.requests().pop().unwrap();
        let port = other.port;
        let expected = format!(
            "GET /there HTTP/1.1\r\naccept: text/html\r\naccept-language: de\r\nuser-agent: me\r\nhost: 127.0.0.1:{port}\r\n\r\n"
        );
        assert_eq!(heard, expected);
        let note = trail.notes.join(" ");
        for name in ["Authorization", "Cookie", "X-Api-Key", "Referer", "Host"] {
            assert!(note.contains(name), "{note}");
        }
        assert!(!note.contains("s3cret"), "{note}");
    }
}

#[tokio::test]
async fn a_body_is_not_sent_to_another_origin() {
    let other = Server::script([ok("")]);
    let server = Server::script([to(307, &other.url("/"))]);
    let trail = follow(with(request("POST", &server.url("/")), &[], "password=s3cret")).await;
    assert!(fault(&trail).contains("is not sent to another origin"), "{}", fault(&trail));
    assert!(!fault(&trail).contains("s3cret"));
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn cookies_of_every_hop_are_kept_and_sent_where_they_belong() {
    let other = Server::script([ok("")]);
    let hop = |cookies: &str, location: &str| {
        format!("HTTP/1.1 302 X\r\n{cookies}location: {location}\r\ncontent-length: 0\r\n\r\n")
    };
    let elsewhere = format!("http://localhost:{}/end", other.port);
    let server = Server::script([
        hop("set-cookie: a=1\r\nset-cookie: b=1; Path=/deep\r\n", "/deep/x"),
        hop("set-cookie: a=2; Path=/\r\nset-cookie: gone=; Path=/; Max-Age=0\r\n", "/end"),
        hop("set-cookie: c=3; Domain=evil.example\r\n", &elsewhere),
    ]);
    let mut jar = Jar::new();
    let url = Address::parse(&server.url("/")).unwrap();
    jar.store(b"gone=1", url.url(), jiff::Timestamp::now());
    let trail = follow_with(request("GET", &server.url("/start")), &mut jar, &mut Undressed).await;
    assert_eq!(trail.error, None);
    let cookie = |heard: &str| heard.lines().find_map(|l| l.strip_prefix("cookie: ")).unwrap_or_default().to_owned();
    let heard: Vec<String> = server.requests().iter().map(|r| cookie(r)).collect();
    assert_eq!(heard, ["gone=1", "b=1; gone=1; a=1", "a=2"]);
    assert_eq!(cookie(&other.requests()[0]), "", "no cookie goes to another host");
    assert_eq!(trail.jar.stored().count(), 5);
    let kept: Vec<String> = jar.iter(jiff::Timestamp::now()).map(|c| c.name.to_string()).collect();
    assert_eq!(kept, ["a", "b"]);
}

#[tokio::test]
async fn hand_written_cookies_travel_once_and_a_cookie_field_stands_alone() {
    let server = Server::script([to(302, "/b"), ok("")]);
    let (transport, mut jar) = (transport(), Jar::new());
    let url = Address::parse(&server.url("/")).unwrap();
    jar.store(b"sid=jar", url.url(), jiff::Timestamp::now());
    let cookies = vec![("sid".to_owned(), "hand".to_owned())];
    let journey = Journey {
        transport: &transport,
        elsewhere: None,
        jar: &mut jar,
        cookies,
        follow: Follow::Yes,
        timeout: SOON,
        gate: None,
    };
    journey.go(request("GET", &server.url("/a")), &mut Undressed).await;
    let heard = server.requests();
    assert!(heard[0].contains("cookie: sid=hand\r\n"), "{}", heard[0]);
    assert!(heard[1].contains("cookie: sid=jar\r\n"), "{}", heard[1]);
    let own = with(request("GET", &server.url("/c")), &[("Cookie", "x=y")], "");
    follow_with(own, &mut jar, &mut Undressed).await;
    assert!(server.requests()[2].contains("cookie: x=y\r\n"));
}

struct Counting(Vec<(String, usize)>);

impl Dress for Counting {
    fn dress(&mut self, request: &mut Request, hop: usize) -> Result<Option<String>, String> {
        self.0.push((request.address.base().to_owned(), hop));
        if hop == 2 {
            return Ok(Some("nothing for this origin".to_owned()));
        }
        request.headers.set("authorization", format!("hop {hop}"));
        request.address.add_query("key", "k");
        Ok(None)
    }
}

#[tokio::test]
async fn credentials_are_put_on_hop_by_hop() {
    let other = Server::script([ok("")]);
    let server = Server::script([to(307, "/b"), to(302, &other.url("/c"))]);
    let mut dress = Counting(Vec::new());
    let trail = follow_with(request("GET", &server.url("/a")), &mut Jar::new(), &mut dress).await;
    let (here, there) = (server.url(""), other.url(""));
    assert_eq!(dress.0, [(here.clone(), 0), (here, 1), (there, 2)]);
    assert!(server.requests()[0].starts_with("GET /a?key=k HTTP/1.1\r\naccept: */*\r\nauthorization: hop 0\r\n"));
    assert!(server.requests()[1].starts_with("GET /b?key=k HTTP/1.1\r\naccept: */*\r\nauthorization: hop 1\r\n"));
    assert!(!other.requests()[0].contains("authorization"));
    assert_eq!(trail.notes, ["nothing for this origin"], "what was put on is not what stays behind");
    assert_eq!(trail.hops[0].request.headers.text("authorization").as_deref(), Some("hop 0"));
}

#[tokio::test]
async fn one_timeout_covers_all_hops() {
    let server = Server::new(|talk, _| {
        while talk.hear().is_some() {
            std::thread::sleep(Duration::from_millis(120));
            talk.say(to(302, "/again"));
        }
    });
    let (transport, mut jar) = (transport(), Jar::new());
    let timeout = Duration::from_millis(300);
    let journey = Journey {
        transport: &transport,
        elsewhere: None,
        jar: &mut jar,
        cookies: Vec::new(),
        follow: Follow::Yes,
        timeout,
        gate: None,
    };
    let clock = std::time::Instant::now();
    let trail = journey.go(request("GET", &server.url("/")), &mut Undressed).await;
    assert!(clock.elapsed() < Duration::from_secs(2), "{:?}", clock.elapsed());
    assert_eq!(trail.error, Some(HttpError::Timeout(timeout)), "the user's own number");
    assert_eq!(trail.hops.len(), 3);
}

/// Cannot sign.
struct Unable;

impl Dress for Unable {
    fn dress(&mut self, _: &mut Request, _: usize) -> Result<Option<String>, String> {
        Err("there is no key".to_owned())
    }
}

#[tokio::test]
async fn what_cannot_be_signed_is_not_sent() {
    let server = Server::script([ok("")]);
    let trail = follow_with(request("POST", &server.url("/a")), &mut Jar::new(), &mut Unable).await;
    assert_eq!(trail.error, Some(HttpError::BadRequest { why: "there is no key".to_owned() }));
    assert!(server.requests().is_empty() && trail.hops.is_empty());
}

/// At home only where it was sent first.
struct FirstHop(bool);

impl Dress for FirstHop {
    fn dress(&mut self, _: &mut Request, hop: usize) -> Result<Option<String>, String> {
        self.0 = hop == 0;
        Ok(None)
    }

    fn is_at_home(&self, _: &Request) -> bool {
        self.0
    }
}

#[tokio::test]
async fn connections_that_show_a_certificate_lead_nowhere_else() {
    let (own, other) = (Server::script([to(302, "http://elsewhere.test/x")]), Server::script([ok("")]));
    // The name leads to the other server for nobody's connections, and to nowhere for the sender's own.
    let pinned = |address: std::net::SocketAddr| {
        let resolve = vec![("elsewhere.test".to_owned(), address)];
        Transport::new(Settings { resolve, ..Settings::default() })
    };
    let address = other.url("").trim_start_matches("http://").parse().unwrap();
    let (nobodys, senders) = (pinned(address), pinned("127.0.0.1:1".parse().unwrap()));
    let (mut jar, gate) = (Jar::new(), None);
    let journey = Journey {
        transport: &senders,
        elsewhere: Some(&nobodys),
        jar: &mut jar,
        cookies: Vec::new(),
        follow: Follow::Yes,
        timeout: SOON,
        gate,
    };
    let trail = journey.go(request("GET", &own.url("/")), &mut FirstHop(true)).await;
    assert_eq!((trail.error, other.requests().len()), (None, 1));
}
