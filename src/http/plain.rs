//! Plain HTTP/1.1 straight to the server, through hyper, which adds nothing to a request.
//!
//! A kept connection has no task of its own: whoever uses it drives it, and what it says is heard
//! by the case that asked, without a way through another task.

use std::collections::{HashMap, VecDeque};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::error::HttpError;
use super::message::{Request, Response};
use super::transport::{Broken, Connection, LONGEST_IDLE, Settings, incoming, version_name};
use super::{body, outgoing};

/// A dead peer is noticed after this time without a word; an answer may take long.
const KEEPALIVE: Duration = Duration::from_secs(15);

type Driver = http1::Connection<TokioIo<TcpStream>, Full<Bytes>>;

/// The connections that were used and may be again, by origin.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<HashMap<String, Kept>>);

/// The connections to one origin.
#[derive(Debug, Default)]
struct Kept {
    /// The one that was used last stands at the end.
    idle: VecDeque<Idle>,
    busy: Arc<AtomicUsize>,
    /// The most that were busy at once: more are never needed, so no more are kept.
    most: usize,
}

#[derive(Debug)]
struct Idle {
    line: Line,
    since: Instant,
}

/// A connection; dropping it closes it.
#[derive(Debug)]
struct Line {
    sender: http1::SendRequest<Full<Bytes>>,
    /// None once it has ended.
    driver: Option<Driver>,
    local: Option<SocketAddr>,
}

/// The head of an answer, and the connection that its body comes over.
pub(super) struct Answer {
    head: http::response::Parts,
    body: Incoming,
    line: Line,
    busy: Busy,
}

/// Stands for a request on its way.
#[derive(Debug)]
struct Busy(Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

type Message = http::Request<Full<Bytes>>;

impl Pool {
    /// Takes the connection that was used last, if it still stands.
    async fn take(&self, origin: &str) -> Option<Line> {
        loop {
            let mut line = self.with(origin, |kept| {
                let last = kept.idle.pop_back()?;
                if last.since.elapsed() > LONGEST_IDLE {
                    // The others are older.
                    kept.idle.clear();
                    return None;
                }
                Some(last.line)
            })?;
            if line.is_free().await {
                return Some(line);
            }
        }
    }

    fn keep(&self, origin: &str, line: Line) {
        self.with(origin, |kept| {
            while kept.idle.front().is_some_and(|old| old.since.elapsed() > LONGEST_IDLE) {
                kept.idle.pop_front();
            }
            if kept.idle.len() + kept.busy.load(Ordering::Relaxed) < kept.most {
                kept.idle.push_back(Idle { line, since: Instant::now() });
            }
        });
    }

    /// Counts a connection as busy until its end.
    fn busy(&self, origin: &str) -> Busy {
        self.with(origin, |kept| {
            let busy = kept.busy.fetch_add(1, Ordering::Relaxed) + 1;
            kept.most = kept.most.max(busy);
            Busy(Arc::clone(&kept.busy))
        })
    }

    fn with<T>(&self, origin: &str, f: impl FnOnce(&mut Kept) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get_mut(origin) {
            return f(known);
        }
        f(all.entry(origin.to_owned()).or_default())
    }

    /// Sends, and waits for the head of the answer.
    pub(super) async fn begin(
        &self,
        request: &Request,
        origin: &str,
        connection: Connection,
        settings: &Settings,
    ) -> Result<Answer, Broken> {
        let mut message = outgoing::message(request)?;
        let busy = self.busy(origin);
        let peer = request.address.url().authority();
        if let Connection::Pooled = connection {
            while let Some(line) = self.take(origin).await {
                match line.ask(message, peer).await {
                    Ok((head, body, line)) => return Ok(Answer { head, body, line, busy }),
                    // It had ended before anything was written.
                    Err((_, Some(unsent))) => message = unsent,
                    Err((broken, None)) => return Err(broken),
                }
            }
        }
        let line = Line::open(request, settings, peer).await?;
        let (head, body, line) = line.ask(message, peer).await.map_err(|(broken, _)| broken)?;
        Ok(Answer { head, body, line, busy })
    }

    /// Reads the rest of an answer and keeps the connection.
    pub(super) async fn finish(
        &self,
        request: &Request,
        origin: &str,
        answer: Answer,
        limit: usize,
    ) -> Result<Response, HttpError> {
        let Answer { head, mut body, mut line, busy } = answer;
        let mut whole = body::Pieces::new(limit);
        while let Some(frame) = line.drive(body.frame()).await {
            let frame = frame.map_err(|e| HttpError::classify(&e, request.address.url().authority()))?;
            // Trailers are not data.
            if let Ok(data) = frame.into_data() {
                whole.add(data)?;
            }
        }
        drop(busy);
        if line.is_free().await {
            self.keep(origin, line);
        }
        let headers = incoming(&head.headers);
        let body = body::decode(&headers, whole.join(), limit)?;
        Ok(Response { status: head.status.as_u16(), version: version_name(head.version), headers, body })
    }
}

impl Answer {
    /// The local end of its connection.
    pub(super) fn local(&self) -> Option<SocketAddr> {
        self.line.local
    }
}

impl Line {
    async fn open(request: &Request, settings: &Settings, peer: &str) -> Result<Self, HttpError> {
        let url = request.address.url();
        let stream = if let Some(address) = settings.pinned(url) {
            TcpStream::connect(address).await.map_err(|e| HttpError::classify(&e, peer))?
        } else {
            let mut connector = HttpConnector::new();
            connector.set_keepalive(Some(KEEPALIVE));
            let uri = request.address.base().parse();
            let uri = uri.map_err(|_| HttpError::BadRequest { why: "the host cannot be read".to_owned() })?;
            connector.call(uri).await.map_err(|e| HttpError::classify(&e, peer))?.into_inner()
        };
        // Best effort: without it a small request may wait for the peer's acknowledgement.
        let _ = stream.set_nodelay(true);
        let local = stream.local_addr().ok();
        let (sender, driver) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|e| HttpError::classify(&e, peer))?;
        Ok(Self { sender, driver: Some(driver), local })
    }

    /// Sends a request; a failure brings it back when nothing of it was written.
    async fn ask(
        mut self,
        message: Message,
        peer: &str,
    ) -> Result<(http::response::Parts, Incoming, Self), (Broken, Option<Message>)> {
        let asked = self.sender.try_send_request(message);
        match self.drive(asked).await {
            Ok(answer) => {
                let (head, body) = answer.into_parts();
                Ok((head, body, self))
            }
            Err(mut failed) => {
                let unsent = failed.take_message();
                let error = HttpError::classify(&failed.into_error(), peer);
                Err((Broken { error, local: self.local }, unsent))
            }
        }
    }

    /// Waits for something while the connection moves on.
    async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(done);
            }
            self.advance(cx);
            work.as_mut().poll(cx)
        })
        .await
    }

    /// Tells whether another request can be sent.
    async fn is_free(&mut self) -> bool {
        poll_fn(|cx| {
            self.advance(cx);
            Poll::Ready(self.driver.is_some() && self.sender.is_ready())
        })
        .await
    }

    fn advance(&mut self, cx: &mut std::task::Context<'_>) {
        // Why it ended is told to whoever waits for it.
        if self.driver.as_mut().is_some_and(|driver| Pin::new(driver).poll(cx).is_ready()) {
            self.driver = None;
        }
    }
}
