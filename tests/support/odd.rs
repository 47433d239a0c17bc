//! A server that answers what no decent server answers; its URL is `ODD` in the environment of golden suites.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

/// Starts it for as long as the test process lives, and gives its URL.
pub(crate) fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    url
}

fn answer(mut stream: TcpStream) {
    // Somebody who speaks TLS to a plain port is told so in HTTP, as servers do.
    if first_byte(&stream) == Some(0x16) {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        return;
    }
    let Some(head) = read_head(&mut stream) else { return };
    let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
    let plain = |status: &str, headers: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
    };
    if goes_on(&path, &mut stream) {
        return;
    }
    let bytes: Vec<u8> = match path.as_str() {
        "/closed" => return,
        "/never" => {
            thread::sleep(Duration::from_secs(20));
            return;
        }
        "/no-http" => b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(),
        "/cut" => b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this".to_vec(),
        "/bad-gzip" => plain("200 OK", "content-encoding: gzip\r\n", "this is not gzip").into_bytes(),
        "/broken-json" => plain("200 OK", "content-type: application/json\r\n", r#"{"user": "ali"#).into_bytes(),
        "/latin" => [plain("200 OK", "content-type: text/plain\r\n", "....").as_bytes(), b""].concat(),
        "/bytes" => {
            let body = [0u8, 159, 146, 150, 27, b'[', b'3', b'1', b'm', 255];
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: 10\r\nconnection: close\r\n\r\n";
            [head.as_bytes(), &body].concat()
        }
        "/big" => plain("200 OK", "content-type: text/plain\r\n", &"x".repeat(2 * 1024 * 1024)).into_bytes(),
        "/html" => plain(
            "500 Internal Server Error",
            "content-type: text/html\r\n",
            "<html><head><style>p { color: red }</style></head><body><h1>Oops</h1><p>It broke &amp; fell.</p></body></html>",
        )
        .into_bytes(),
        "/odd-challenge" => plain("200 OK", "www-authenticate: \"Bearer\", ,=\r\n", "").into_bytes(),
        "/json-as-html" => plain("200 OK", "content-type: text/html\r\n", "<p>user: alice</p>").into_bytes(),
        "/empty-json" => plain("200 OK", "content-type: application/json\r\n", "").into_bytes(),
        "/not-utf8" => {
            let head = plain("200 OK", "content-type: application/json\r\n", &"x".repeat(16));
            [head.trim_end_matches('x').as_bytes(), b"{\"name\":\"Ren\xe9e\"}"].concat()
        }
        "/huge" => plain("200 OK", "content-type: text/plain\r\n", &"x".repeat(20 * 1024 * 1024)).into_bytes(),
        "/bomb" => bomb(),
        "/loop" => plain("302 Found", "location: /loop\r\n", "").into_bytes(),
        // An authorization server that sends its codes to somebody else.
        path if path.starts_with("/astray?") => {
            plain("303 See Other", "location: https://elsewhere.test/callback?code=given-away\r\n", "").into_bytes()
        }
        "/nowhere" => plain("302 Found", "location: http://[/\r\n", "").into_bytes(),
        "/long" => {
            let rows: Vec<String> = (0..40).map(|i| format!(r#"{{"id":{i},"name":"row {i}"}}"#)).collect();
            plain("200 OK", "content-type: application/json\r\n", &format!("[{}]", rows.join(","))).into_bytes()
        }
        "/escape" => plain("200 OK", "content-type: text/plain\r\nx-odd: \u{1b}[31mred\r\n", "\u{1b}[2J]]>\u{7}bell").into_bytes(),
        _ if path.starts_with("/guard/") || path.starts_with("/say/") => by_name(&path, &head).into_bytes(),
        _ => plain("200 OK", "content-type: text/plain\r\n", "fine").into_bytes(),
    };
    give(&mut stream, &bytes);
}

/// Writes an answer, and reads on until the other side closes, so that no reset overtakes it.
fn give(stream: &mut TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
    let _ = stream.flush();
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let mut rest = [0; 1024];
    while stream.read(&mut rest).is_ok_and(|n| n > 0) {}
}

/// Answers that are not over when they are written; tells whether the path is one of these.
fn goes_on(path: &str, stream: &mut TcpStream) -> bool {
    match path {
        "/half-closed" => {
            // The end of the writing half is the end of the body; the connection itself stays.
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nfine");
            let _ = stream.shutdown(std::net::Shutdown::Write);
            thread::sleep(Duration::from_secs(3));
        }
        "/endless" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n");
            while stream.write_all(&[b'x'; 64 * 1024]).is_ok() {}
        }
        "/drip" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
            while stream.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(50));
            }
        }
        _ => return false,
    }
    true
}

/// A small answer that unpacks to 200 MB.
fn bomb() -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let block = vec![0; 1024 * 1024];
    for _ in 0..200 {
        packed.write_all(&block).expect("memory takes it");
    }
    let body = packed.finish().expect("memory takes it");
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

fn by_name(path: &str, head: &str) -> String {
    if path.starts_with("/say/") { said(path) } else { guarded(path, head) }
}

/// Tokens that begin with `good-` are let in, and each path has a fault of its own.
fn guarded(path: &str, head: &str) -> String {
    static SPOILT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let field = head.lines().filter_map(|l| l.split_once(": ")).find(|(n, _)| n.eq_ignore_ascii_case("authorization"));
    let value = field.map_or("", |(_, value)| value);
    let token: String = value
        .find("good-")
        .map_or(String::new(), |at| value[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect());
    let is_good = !token.is_empty() && value == format!("Bearer {token}");
    let spoilt = format!("{path} {token}");
    let was_spoilt = SPOILT.lock().expect("nobody panics here").contains(&spoilt);
    // What somebody got who may is kept, and given to whoever asks.
    if is_good && path == "/guard/kept" {
        SPOILT.lock().expect("nobody panics here").insert(format!("{path} "));
    }
    if !is_good && !token.is_empty() {
        SPOILT.lock().expect("nobody panics here").insert(spoilt);
    }
    let (status, fields) = match path {
        // Of all tokens that came here only the last in the order of the alphabet is not over yet.
        "/guard/newest" if value.contains(".good-") && is_last(&token) => ("200 OK", ""),
        "/guard/newest" if value.contains(".good-") => (
            "401 Unauthorized",
            "www-authenticate: Bearer error=\"invalid_token\", error_description=\"The token expired\"\r\n",
        ),
        // It goes by a list, on which the token stands that came first.
        "/guard/listed" if is_listed(value) => ("200 OK", ""),
        // After one bad use of a token every other is forbidden, and good ones are let in all the same.
        "/guard/wary" if was_spoilt && !is_good => ("403 Forbidden", ""),
        "/guard/kept" if was_spoilt => ("200 OK", "age: 3\r\n"),
        // What comes with the good token spoils it.
        "/guard/locks" if was_spoilt => ("423 Locked", ""),
        "/guard/dies" if was_spoilt => ("401 Unauthorized", ""),
        // A token anywhere in the field is good.
        "/guard/anywhere" if !token.is_empty() => ("200 OK", ""),
        "/guard/crashes" if !is_good && !value.is_empty() => ("500 Internal Server Error", ""),
        "/guard/forbids" if !is_good => ("403 Forbidden", ""),
        _ if is_good => ("200 OK", ""),
        "/guard/mute" => ("401 Unauthorized", ""),
        _ => ("401 Unauthorized", "www-authenticate: Bearer\r\n"),
    };
    // Whoever is refused is handed it all the same.
    let body = if path == "/guard/leaks" { r#"{"name":"Alice","balance":1234}"# } else { "ok" };
    format!("HTTP/1.1 {status}\r\n{fields}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// Tells whether no other credential came before.
fn is_listed(value: &str) -> bool {
    static FIRST: Mutex<Option<String>> = Mutex::new(None);
    !value.is_empty() && FIRST.lock().expect("nobody panics here").get_or_insert(value.to_owned()) == value
}

/// Takes a token down, and tells whether no later one came before.
fn is_last(token: &str) -> bool {
    static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut seen = SEEN.lock().expect("nobody panics here");
    seen.insert(token.to_owned());
    seen.last().is_some_and(|last| last == token)
}

/// What the query asks for: `/say/401?body=no&retry-after=3` has that status, that body and that field.
fn said(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let status = path.trim_start_matches("/say/").trim_end_matches('/');
    let (mut fields, mut body) = (String::new(), String::new());
    for (name, value) in url::form_urlencoded::parse(query.replace('+', "%2B").as_bytes()) {
        if name == "body" {
            body = value.into_owned();
        } else {
            fields.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    let media = if body.starts_with('{') { "application/json" } else { "text/plain" };
    format!(
        "HTTP/1.1 {status} Said\r\n{fields}content-type: {media}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn first_byte(stream: &TcpStream) -> Option<u8> {
    let mut byte = [0];
    stream.peek(&mut byte).ok().filter(|n| *n == 1).map(|_| byte[0])
}

fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < 65536 {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}
