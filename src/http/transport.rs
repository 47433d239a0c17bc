//! Sending one request: pooled connections, one client per set of transport settings.
//!
//! Identity is never a transport setting: jars and credentials are applied per request, so all
//! identities share one pool. A client certificate is one, so it cannot leak to others.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper_util::client::legacy::connect::HttpInfo;
use jiff::Timestamp;
use reqwest::Client;
use tokio::sync::Barrier;

use super::error::{HttpError, TlsEnd};
use super::message::{Exchange, Headers, Request, Response};
use super::reuse::{Memory, Repeat};
use super::tls::{self, TlsSettings};
use super::{body, outgoing, plain, raw};

/// How connections are made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Settings {
    /// TLS.
    pub tls: TlsSettings,
    /// Whether and which proxy.
    pub proxy: Proxy,
    /// Hosts pinned to addresses, lower case; the port of an address counts where a URL has none.
    pub resolve: Vec<(String, SocketAddr)>,
    /// The most bytes of a body that are read, decoded.
    pub max_body: usize,
}

impl Default for Settings {
    fn default() -> Self {
        let (tls, proxy) = (TlsSettings::default(), Proxy::default());
        Self { tls, proxy, resolve: Vec::new(), max_body: 10 * 1024 * 1024 }
    }
}

impl Settings {
    /// The address that a URL's host is pinned to.
    pub(super) fn pinned(&self, url: &url::Url) -> Option<SocketAddr> {
        let host = url.host_str()?;
        let (_, address) = self.resolve.iter().find(|(name, _)| name == host)?;
        let own = url.port().is_some() || address.port() == 0;
        let port = if own { url.port_or_known_default()? } else { address.port() };
        Some(SocketAddr::new(address.ip(), port))
    }
}

/// Whether requests go through a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Proxy {
    /// Straight to the server, whatever the environment says.
    #[default]
    Direct,
    /// As `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say.
    Env,
    /// Always through this one.
    Url(String),
}

/// No connection that idled longer is used again: servers close theirs after 2 s at the earliest.
pub(super) const LONGEST_IDLE: Duration = Duration::from_millis(1500);

/// Sends requests with one set of settings; cheap to share.
#[derive(Debug)]
pub struct Transport {
    settings: Settings,
    plain: Clients,
    secure: Clients,
    tls: OnceLock<Result<Arc<rustls::ClientConfig>, HttpError>>,
    memory: Memory,
    direct: plain::Pool,
    certificate_asked: Arc<AtomicBool>,
}

/// The same settings with and without a pool.
#[derive(Debug, Default)]
struct Clients {
    pooled: OnceLock<Result<Client, HttpError>>,
    single: OnceLock<Result<Client, HttpError>>,
}

/// Which connection a request takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Connection {
    /// One from the pool, if there is one.
    Pooled,
    /// A new one that carries nothing else.
    New,
}

/// Why no answer began, and over which connection it was expected.
pub(super) struct Broken {
    pub(super) error: HttpError,
    pub(super) local: Option<SocketAddr>,
}

/// The head of an answer has come.
enum Answer {
    /// Straight from the server.
    Plain(Box<plain::Answer>),
    /// Through a proxy or TLS.
    Library(reqwest::Response),
}

impl From<HttpError> for Broken {
    fn from(error: HttpError) -> Self {
        Self { error, local: None }
    }
}

impl Transport {
    /// Takes settings; connections and certificates are loaded when first needed.
    pub fn new(settings: Settings) -> Self {
        let (plain, secure) = (Clients::default(), Clients::default());
        let (tls, memory, direct) = (OnceLock::new(), Memory::default(), plain::Pool::default());
        Self { settings, plain, secure, tls, memory, direct, certificate_asked: Arc::default() }
    }

    /// Tells whether a server asked for a client certificate in a handshake: one that it did not ask for was not shown.
    pub fn was_asked_for_certificate(&self) -> bool {
        self.certificate_asked.load(Ordering::Relaxed)
    }

    /// The settings.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Checks the settings as far as that needs no network; the error is one sentence.
    pub fn check(&self) -> Result<(), String> {
        match self.client(Scheme::Https, Connection::Pooled) {
            Ok(_) => Ok(()),
            Err(HttpError::Tls { why, .. } | HttpError::Other { why }) => Err(why),
            Err(error) => Err(error.to_string()),
        }
    }

    fn tls_config(&self) -> Result<Arc<rustls::ClientConfig>, HttpError> {
        let load = || {
            tls::client_config(&self.settings.tls)
                .map(|config| Arc::new(tls::watched(config, &self.certificate_asked)))
                .map_err(|unusable| HttpError::Tls { why: unusable.why, by: TlsEnd::Own })
        };
        self.tls.get_or_init(load).clone()
    }

    fn client(&self, scheme: Scheme, connection: Connection) -> Result<&Client, HttpError> {
        // Loading the system's authorities takes 10 ms and more: plain http never pays for it.
        let plain = scheme == Scheme::Http && !self.settings.proxy.may_speak_tls();
        let clients = if plain { &self.plain } else { &self.secure };
        let (cell, idle) = match connection {
            Connection::Pooled => (&clients.pooled, usize::MAX),
            Connection::New => (&clients.single, 0),
        };
        let made = cell.get_or_init(|| {
            let config = if plain { tls::no_tls() } else { self.tls_config().map(|c| tls::with_alpn(&c)) }?;
            self.build(config, idle).map_err(|why| HttpError::Other { why })
        });
        made.as_ref().map_err(Clone::clone)
    }

    fn build(&self, config: rustls::ClientConfig, idle: usize) -> Result<Client, String> {
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .tcp_nodelay(true)
            .pool_max_idle_per_host(idle)
            .pool_idle_timeout(LONGEST_IDLE)
            .tls_backend_preconfigured(config);
        builder = match &self.settings.proxy {
            Proxy::Direct => builder.no_proxy(),
            Proxy::Env => builder,
            // Its text may hold a password.
            Proxy::Url(url) => builder.proxy(reqwest::Proxy::all(url).map_err(|_| "the proxy's URL cannot be read")?),
        };
        for (host, address) in &self.settings.resolve {
            builder = builder.resolve(host, *address);
        }
        builder.build().map_err(|_| "the connection settings cannot be used".to_owned())
    }

    /// Sends one request and reads the whole answer. Nothing is followed; nothing is repeated but
    /// an idempotent request whose kept connection the server had closed.
    pub async fn send(&self, request: Request, timeout: Duration) -> Exchange {
        self.send_at(request, timeout, None).await
    }

    /// Sends one request; with a gate, on a new connection, which waits there for those that leave with it.
    pub async fn send_at(&self, mut request: Request, timeout: Duration, gate: Option<&Barrier>) -> Exchange {
        if self.settings.proxy != Proxy::Direct && !request.headers.has("accept") {
            // The library would add it unseen, and a proxy leaves no other way.
            request.headers.add("accept", "*/*");
        }
        let started = Timestamp::now();
        let clock = Instant::now();
        match outgoing::fields(&request) {
            Ok(fields) => request.headers = fields,
            // A request that could not leave is recorded as it was meant.
            Err(error) => {
                if let Some(gate) = gate {
                    // Another one may have run out of time on its way there.
                    let _ = tokio::time::timeout(timeout, gate.wait()).await;
                }
                return Exchange { request, response: Err(error), started, elapsed: clock.elapsed() };
            }
        }
        let sent = tokio::time::timeout(timeout, self.exchange(&request, gate)).await;
        let response = sent.unwrap_or(Err(HttpError::Timeout(timeout)));
        let elapsed = clock.elapsed();
        outgoing::complete(&mut request, response.as_ref().map_or("HTTP/1.1", |r| r.version));
        Exchange { request, response, started, elapsed }
    }

    async fn exchange(&self, request: &Request, gate: Option<&Barrier>) -> Result<Response, HttpError> {
        // The library adds an `Accept` of its own, so a request without one takes the other way too.
        let bare = !request.headers.has("accept");
        let together = gate.is_some() && self.settings.proxy == Proxy::Direct;
        if together || (!self.is_direct(request) && (!request.address.is_normal() || bare)) {
            return self.raw(request, gate).await;
        }
        if let Some(gate) = gate {
            // A proxy's connections are its own; they can only leave at the same time.
            gate.wait().await;
            let origin = request.address.base();
            let answer = self.begin(request, origin, Connection::New).await.map_err(|b| b.error)?;
            return self.finish(request, origin, answer).await;
        }
        let origin = request.address.base();
        let repeat = Repeat::of(&request.method);
        let connection =
            if repeat == Repeat::Harmless || self.memory.keeps(origin) { Connection::Pooled } else { Connection::New };
        let broken = match self.begin(request, origin, connection).await {
            Ok(answer) => return self.finish(request, origin, answer).await,
            Err(broken) => broken,
        };
        let reused = broken.error == HttpError::Closed && broken.local.is_some_and(|l| self.memory.broke(origin, l));
        if !reused || repeat == Repeat::Never {
            return Err(broken.error);
        }
        let answer = self.begin(request, origin, Connection::New).await.map_err(|b| b.error)?;
        self.finish(request, origin, answer).await
    }

    /// Tells whether requests to a host of this machine stay on it: neither a proxy nor a pinned address leads away.
    pub fn leads_here(&self, host: &str) -> bool {
        let pinned = self.settings.resolve.iter().filter(|(name, _)| name == host);
        self.settings.proxy == Proxy::Direct && pinned.map(|(_, address)| address).all(|a| a.ip().is_loopback())
    }

    /// Tells whether nothing but TCP lies between here and the server.
    fn is_direct(&self, request: &Request) -> bool {
        self.settings.proxy == Proxy::Direct && Scheme::of(request) == Scheme::Http
    }

    /// Sends, and waits for the head of the answer.
    async fn begin(&self, request: &Request, origin: &str, connection: Connection) -> Result<Answer, Broken> {
        if self.is_direct(request) {
            let answer = self.direct.begin(request, origin, connection, &self.settings).await?;
            if let Some(local) = answer.local() {
                self.memory.answered(origin, local);
            }
            return Ok(Answer::Plain(Box::new(answer)));
        }
        let client = self.client(Scheme::of(request), connection)?;
        let mut out = reqwest::Request::new(outgoing::method(request)?, request.address.url().clone());
        *out.headers_mut() = outgoing::header_map(&request.headers)?;
        if !request.body.is_empty() {
            *out.body_mut() = Some(request.body.clone().into());
        }
        let answer = client.execute(out).await.map_err(|error| {
            let error = error.without_url();
            Broken { error: HttpError::classify(&error, self.peer(request)), local: local_end(&error) }
        })?;
        if let Some(info) = answer.extensions().get::<HttpInfo>() {
            self.memory.answered(origin, info.local_addr());
        }
        Ok(Answer::Library(answer))
    }

    async fn finish(&self, request: &Request, origin: &str, answer: Answer) -> Result<Response, HttpError> {
        let mut answer = match answer {
            Answer::Plain(answer) => {
                return self.direct.finish(request, origin, *answer, self.settings.max_body).await;
            }
            Answer::Library(answer) => answer,
        };
        let status = answer.status().as_u16();
        let version = version_name(answer.version());
        let headers = incoming(answer.headers());
        let limit = self.settings.max_body;
        let mut whole = body::Pieces::new(limit);
        while let Some(chunk) =
            answer.chunk().await.map_err(|e| HttpError::classify(&e.without_url(), self.peer(request)))?
        {
            whole.add(chunk)?;
        }
        Ok(Response { status, version, body: body::decode(&headers, whole.join(), limit)?, headers })
    }

    async fn raw(&self, request: &Request, gate: Option<&Barrier>) -> Result<Response, HttpError> {
        if self.settings.proxy != Proxy::Direct {
            if let Some(gate) = gate {
                gate.wait().await;
            }
            let why = "this target would be changed on its way through a proxy".to_owned();
            return Err(HttpError::BadRequest { why });
        }
        let tls = match Scheme::of(request) {
            Scheme::Http => None,
            Scheme::Https => Some(self.tls_config()?),
        };
        raw::exchange(request, tls, &self.settings, gate).await
    }

    /// Sends one request with a head that leaves byte for byte, on a connection of its own: for what no HTTP library
    /// would send. The request is what the record shows.
    pub async fn send_verbatim(&self, request: Request, head: Bytes, timeout: Duration) -> Exchange {
        let started = Timestamp::now();
        let clock = Instant::now();
        let sending = async {
            if self.settings.proxy != Proxy::Direct {
                let why = "a proxy would change it on its way".to_owned();
                return Err(HttpError::BadRequest { why });
            }
            let tls = match Scheme::of(&request) {
                Scheme::Http => None,
                Scheme::Https => Some(self.tls_config()?),
            };
            raw::verbatim(&request, head, tls, &self.settings).await
        };
        let sent = tokio::time::timeout(timeout, sending).await;
        let response = sent.unwrap_or(Err(HttpError::Timeout(timeout)));
        Exchange { request, response, started, elapsed: clock.elapsed() }
    }

    /// Tells whether the system's authorities were loaded.
    #[cfg(test)]
    pub(super) fn has_loaded_tls(&self) -> bool {
        self.tls.get().is_some()
    }

    /// Who is at the other end of the connection, for messages.
    fn peer<'a>(&'a self, request: &'a Request) -> &'a str {
        match &self.settings.proxy {
            Proxy::Direct | Proxy::Env => request.address.url().authority(),
            // Neither scheme nor password.
            Proxy::Url(url) => url.rsplit(['@', '/']).find(|part| !part.is_empty()).unwrap_or("the proxy"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn of(request: &Request) -> Self {
        if request.address.url().scheme() == "https" { Self::Https } else { Self::Http }
    }
}

impl Proxy {
    fn may_speak_tls(&self) -> bool {
        match self {
            Self::Direct => false,
            Self::Env => true,
            Self::Url(url) => url.starts_with("https:"),
        }
    }
}

/// The local end of the connection that an error broke.
fn local_end(error: &reqwest::Error) -> Option<SocketAddr> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            let mut extras = http::Extensions::new();
            error.connect_info()?.get_extras(&mut extras);
            return extras.get::<HttpInfo>().map(HttpInfo::local_addr);
        }
        cause = error.source();
    }
    None
}

pub(super) fn version_name(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_10 => "HTTP/1.0",
        http::Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

pub(super) fn incoming(map: &http::HeaderMap) -> Headers {
    let mut headers = Headers::default();
    for (name, value) in map {
        headers.add(name.as_str(), Bytes::copy_from_slice(value.as_bytes()));
    }
    headers
}
