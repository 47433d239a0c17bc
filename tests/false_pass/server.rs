//! A small HTTP server on a real socket whose every answer is a closure's, with a log of what it saw.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Response};

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
    /// When it came, since the server started.
    pub at: Duration,
    /// Requests in flight when it came, itself included.
    pub in_flight: usize,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The token behind `Authorization: Bearer`.
    pub fn bearer(&self) -> &str {
        self.header("authorization").strip_prefix("Bearer ").unwrap_or_default()
    }

    /// A field of a JSON body.
    pub fn field(&self, name: &str) -> String {
        let json: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        json[name].as_str().unwrap_or_default().to_owned()
    }

    pub fn is(&self, line: &str) -> bool {
        line == format!("{} {}", self.method, self.path)
    }
}

/// What the server answers.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    pub delay: Duration,
}

/// What a JSON Web Token says; nobody looks at its signature.
pub fn claims(token: &str) -> Option<serde_json::Value> {
    use base64::Engine as _;
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// An answer without a body.
pub fn status(status: u16) -> Reply {
    Reply { status, headers: Vec::new(), body: String::new(), delay: Duration::ZERO }
}

/// An answer with a JSON body.
pub fn json(code: u16, body: &str) -> Reply {
    status(code).header("content-type", "application/json").body(body)
}

/// An answer with an HTML body.
pub fn html(code: u16, body: &str) -> Reply {
    status(code).header("content-type", "text/html; charset=utf-8").body(body)
}

impl Reply {
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn body(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }

    pub fn after(mut self, milliseconds: u64) -> Self {
        self.delay = Duration::from_millis(milliseconds);
        self
    }
}

type Answer = dyn Fn(&Request) -> Reply + Send + Sync;

/// A running server; it ends with the test's process.
pub struct Server {
    pub url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let answer: Arc<Answer> = Arc::new(answer);
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (log, flying, clock) = (Arc::clone(&seen), Arc::new(AtomicUsize::new(0)), Instant::now());
        let handler = move |request: axum::extract::Request| {
            let (answer, log, flying) = (Arc::clone(&answer), Arc::clone(&log), Arc::clone(&flying));
            async move {
                let in_flight = flying.fetch_add(1, Ordering::SeqCst) + 1;
                let seen = read(request, clock.elapsed(), in_flight).await;
                log.lock().unwrap().push(seen.clone());
                let reply = answer(&seen);
                tokio::time::sleep(reply.delay).await;
                flying.fetch_sub(1, Ordering::SeqCst);
                response(reply)
            }
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, Router::new().fallback(handler)).await.unwrap();
            });
        });
        Self { url, seen }
    }

    /// Everything that came, in order.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests had this method and path.
    pub fn count(&self, line: &str) -> usize {
        self.seen().iter().filter(|r| r.is(line)).count()
    }

    /// How often each method and path came.
    pub fn counts(&self) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for request in self.seen() {
            *counts.entry(format!("{} {}", request.method, request.path)).or_default() += 1;
        }
        counts
    }
}

async fn read(request: axum::extract::Request, at: Duration, in_flight: usize) -> Request {
    let (head, body) = request.into_parts();
    let body: Bytes = to_bytes(body, 1 << 20).await.unwrap_or_default();
    Request {
        method: head.method.to_string(),
        path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        at,
        in_flight,
    }
}

fn response(reply: Reply) -> Response<Body> {
    let mut builder = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        builder = builder.header(name, value);
    }
    builder.body(Body::from(reply.body)).unwrap()
}
