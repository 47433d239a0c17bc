//! A server that keeps the bytes of every request, and answers as the test says.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What a test answers to the bytes of a request: the bytes of the answer.
type Answering = dyn Fn(&str) -> Vec<u8> + Send + Sync;

/// The requests so far.
#[derive(Clone)]
pub(crate) struct Recorder {
    url: String,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Recorder {
    /// Starts a server for as long as the test process lives.
    pub(crate) fn start(answering: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let recorder = Self { url, heard: Arc::default() };
        let (heard, answering) = (Arc::clone(&recorder.heard), Arc::new(answering));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (heard, answering) = (Arc::clone(&heard), Arc::clone(&answering));
                thread::spawn(move || talk(stream, &heard, &*answering));
            }
        });
        recorder
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The bytes of all requests, in the order in which they were heard.
    pub(crate) fn heard(&self) -> Vec<Vec<u8>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a request line with this text was heard.
    pub(crate) fn has_heard(&self, text: &str) -> bool {
        self.heard().iter().any(|raw| first_line(raw).contains(text))
    }

    /// Waits until a request line with this text was heard.
    pub(crate) fn wait_for(&self, text: &str) {
        let start = Instant::now();
        while !self.has_heard(text) {
            assert!(start.elapsed() < Duration::from_secs(20), "`{text}` was never heard");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A whole answer; the connection stays open.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

fn first_line(raw: &[u8]) -> String {
    String::from_utf8_lossy(raw).lines().next().unwrap_or_default().to_owned()
}

fn talk(mut stream: TcpStream, heard: &Mutex<Vec<Vec<u8>>>, answering: &Answering) {
    let _ = stream.set_nodelay(true);
    while let Some(raw) = read(&mut stream) {
        let text = String::from_utf8_lossy(&raw).into_owned();
        heard.lock().unwrap_or_else(PoisonError::into_inner).push(raw);
        if stream.write_all(&answering(&text)).is_err() {
            return;
        }
    }
}

/// Reads one request: the head, and as much body as it says.
fn read(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut raw = Vec::new();
    let mut byte = [0];
    while !raw.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        raw.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&raw).to_ascii_lowercase();
    let length = head.lines().find_map(|l| l.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    raw.extend(body);
    Some(raw)
}
