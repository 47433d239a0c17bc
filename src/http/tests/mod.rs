//! The wire against real sockets: every server here is a few lines of hand-written bytes.

mod bad;
mod odd;
mod proxy;
mod record;
mod redirects;
mod reuse;
mod tls;
mod together;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;

use super::{Address, Exchange, Headers, HttpError, Request, Settings, Transport};

/// A server that lives until the tests end.
struct Server {
    port: u16,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Default)]
struct Heard {
    /// The requests in the order they came, as bytes.
    requests: Vec<Vec<u8>>,
    connections: usize,
}

impl Server {
    /// Runs `talk` for every connection, with its number from 0, on a thread of its own.
    fn new(talk: impl Fn(&mut Talk, usize) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let talk = Arc::new(talk);
        let record = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                let number = record.lock().unwrap().connections;
                record.lock().unwrap().connections += 1;
                let (talk, heard) = (Arc::clone(&talk), Arc::clone(&record));
                std::thread::spawn(move || talk(&mut Talk { stream, heard }, number));
            }
        });
        Self { port, heard }
    }

    /// Answers the nth request with the nth text, the last one again and again.
    fn script(answers: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        let answers: Vec<Vec<u8>> = answers.into_iter().map(Into::into).collect();
        Self::new(move |talk, _| {
            while let Some(number) = talk.hear() {
                talk.say(&answers[number.min(answers.len() - 1)]);
            }
        })
    }

    fn url(&self, target: &str) -> String {
        format!("http://127.0.0.1:{}{target}", self.port)
    }

    fn requests(&self) -> Vec<String> {
        self.heard.lock().unwrap().requests.iter().map(|r| String::from_utf8_lossy(r).into_owned()).collect()
    }

    fn connections(&self) -> usize {
        self.heard.lock().unwrap().connections
    }
}

/// One connection, seen from the server.
struct Talk {
    stream: TcpStream,
    heard: Arc<Mutex<Heard>>,
}

impl Talk {
    /// Reads one request and notes it; gives its number among all, `None` when the client is gone.
    fn hear(&mut self) -> Option<usize> {
        let request = read_request(&mut self.stream)?;
        let mut heard = self.heard.lock().unwrap();
        heard.requests.push(request);
        Some(heard.requests.len() - 1)
    }

    /// Writes; a client that is gone does not matter.
    fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    fn half_close(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

fn read_request(from: &mut impl Read) -> Option<Vec<u8>> {
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while !bytes.ends_with(b"\r\n\r\n") {
        if from.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).to_lowercase();
    if head.contains("\r\ntransfer-encoding: chunked") {
        while !bytes.ends_with(b"0\r\n\r\n") {
            from.read_exact(&mut byte).ok()?;
            bytes.push(byte[0]);
        }
        return Some(bytes);
    }
    let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    bytes.extend(body);
    Some(bytes)
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn settings() -> Settings {
    Settings { max_body: 1_000_000, ..Settings::default() }
}

fn transport() -> Transport {
    Transport::new(settings())
}

fn request(method: &str, url: &str) -> Request {
    let mut headers = Headers::default();
    headers.add("Accept", "*/*");
    Request { method: method.to_owned(), address: Address::parse(url).unwrap(), headers, body: Bytes::new() }
}

fn with(mut request: Request, fields: &[(&str, &str)], body: &str) -> Request {
    if fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
        request.headers.remove("accept");
    }
    for (name, value) in fields {
        request.headers.add(*name, (*value).to_owned());
    }
    request.body = body.to_owned().into();
    request
}

/// Ample time, for exchanges that end by themselves.
const SOON: Duration = Duration::from_secs(20);

async fn send(request: Request) -> Exchange {
    transport().send(request, SOON).await
}

async fn get(url: &str) -> Result<super::Response, HttpError> {
    send(request("GET", url)).await.response
}
