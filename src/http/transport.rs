//! Sending one request: pooled connections, one client per set of transport settings.
//!
//! Identity is never a transport setting: jars and credentials are applied per request, so all
//! identities share one pool. A client certificate is one, so it cannot leak to others.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use reqwest::Client;

use super::error::HttpError;
use super::message::{Exchange, Headers, Request, Response};
use super::tls::{self, TlsSettings};
use super::{body, raw};

/// How connections are made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Settings {
    /// TLS.
    pub tls: TlsSettings,
    /// Whether and which proxy.
    pub proxy: Proxy,
    /// Hosts pinned to addresses, lower case.
    pub resolve: Vec<(String, SocketAddr)>,
    /// The most bytes of a body that are read, decoded.
    pub max_body: usize,
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

/// Sends requests with one set of settings; cheap to share.
#[derive(Debug)]
pub struct Transport {
    settings: Settings,
    plain: OnceLock<Result<Client, String>>,
    secure: OnceLock<Result<Client, String>>,
    tls: OnceLock<Result<Arc<rustls::ClientConfig>, String>>,
}

impl Transport {
    /// Takes settings; connections and certificates are loaded when first needed.
    pub const fn new(settings: Settings) -> Self {
        Self { settings, plain: OnceLock::new(), secure: OnceLock::new(), tls: OnceLock::new() }
    }

    /// The settings.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Checks the settings as far as that needs no network; the error is one sentence.
    pub fn check(&self) -> Result<(), String> {
        self.client(true).map(|_| ())
    }

    fn tls_config(&self) -> Result<Arc<rustls::ClientConfig>, String> {
        self.tls.get_or_init(|| tls::client_config(&self.settings.tls).map(Arc::new)).clone()
    }

    fn client(&self, secure: bool) -> Result<&Client, String> {
        // Loading the system's authorities takes 10 ms and more: plain http never pays for it.
        let needs_tls = secure || self.settings.proxy != Proxy::Direct;
        let (cell, config): (_, &dyn Fn() -> Result<rustls::ClientConfig, String>) = if needs_tls {
            (&self.secure, &|| {
                let mut config = (*self.tls_config()?).clone();
                config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
                Ok(config)
            })
        } else {
            (&self.plain, &tls::no_tls)
        };
        cell.get_or_init(|| self.build(config()?)).as_ref().map_err(Clone::clone)
    }

    fn build(&self, config: rustls::ClientConfig) -> Result<Client, String> {
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .tcp_nodelay(true)
            .pool_idle_timeout(Duration::from_secs(15))
            .tls_backend_preconfigured(config);
        builder = match &self.settings.proxy {
            Proxy::Direct => builder.no_proxy(),
            Proxy::Env => builder,
            Proxy::Url(url) => builder.proxy(reqwest::Proxy::all(url).map_err(|_| format!("`{url}` is no proxy URL"))?),
        };
        for (host, address) in &self.settings.resolve {
            builder = builder.resolve(host, *address);
        }
        builder.build().map_err(|e| e.to_string())
    }

    /// Sends one request and reads the whole answer. Nothing is followed, nothing is repeated.
    pub async fn send(&self, request: Request, timeout: Duration) -> Exchange {
        let started = Timestamp::now();
        let clock = Instant::now();
        let sent = tokio::time::timeout(timeout, self.exchange(&request)).await;
        let result = sent.unwrap_or(Err(HttpError::Timeout(timeout)));
        let elapsed = clock.elapsed();
        let version = result.as_ref().map_or("HTTP/1.1", |r| r.version);
        let request = as_sent(request, version);
        match result {
            Ok(response) => Exchange { request, response: Ok(response), started, elapsed },
            Err(error) => Exchange { request, response: Err(error), started, elapsed },
        }
    }

    async fn exchange(&self, request: &Request) -> Result<Response, HttpError> {
        let secure = request.address.url().scheme() == "https";
        if !request.address.is_normal() {
            if self.settings.proxy != Proxy::Direct {
                let why = "this target would be changed on its way through a proxy".to_owned();
                return Err(HttpError::BadRequest { why });
            }
            let tls = if secure { Some(self.tls_config().map_err(|why| HttpError::Tls { why })?) } else { None };
            return raw::exchange(request, tls, &self.settings).await;
        }
        let client = self.client(secure).map_err(|why| HttpError::Tls { why })?;
        let host = request.address.url().authority();
        let mut answer = client.execute(outgoing(request)?).await.map_err(|e| HttpError::classify(&e, host))?;
        let status = answer.status().as_u16();
        let version = version_name(answer.version());
        let headers = incoming(answer.headers());
        let limit = self.settings.max_body;
        let mut whole = BytesMut::new();
        let mut first: Option<Bytes> = None;
        // Most bodies come in one piece, which then is the body.
        while let Some(chunk) = answer.chunk().await.map_err(|e| HttpError::classify(&e, host))? {
            if whole.len() + first.as_ref().map_or(0, Bytes::len) + chunk.len() > limit {
                return Err(HttpError::TooLarge(limit));
            }
            match first.take() {
                None if whole.is_empty() => first = Some(chunk),
                None => whole.extend_from_slice(&chunk),
                Some(before) => {
                    whole.extend_from_slice(&before);
                    whole.extend_from_slice(&chunk);
                }
            }
        }
        let bytes = first.unwrap_or_else(|| whole.freeze());
        Ok(Response { status, version, body: body::decode(&headers, bytes, limit)?, headers })
    }
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

pub(super) fn header_map(request: &Request) -> Result<http::HeaderMap, HttpError> {
    let mut map = http::HeaderMap::with_capacity(request.headers.len());
    for (name, value) in request.headers.iter() {
        let bad =
            |what: &str| HttpError::BadRequest { why: format!("{what} of the header field `{name}` cannot travel") };
        let header = http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("the name"))?;
        let value = http::HeaderValue::from_maybe_shared(value.clone()).map_err(|_| bad("a character in the value"))?;
        map.append(header, value);
    }
    Ok(map)
}

fn outgoing(request: &Request) -> Result<reqwest::Request, HttpError> {
    let method = http::Method::from_bytes(request.method.as_bytes())
        .map_err(|_| HttpError::BadRequest { why: format!("`{}` is no method", request.method) })?;
    let mut out = reqwest::Request::new(method, request.address.url().clone());
    *out.headers_mut() = header_map(request)?;
    if !request.body.is_empty() {
        *out.body_mut() = Some(request.body.clone().into());
    }
    Ok(out)
}

/// The request with the fields that the wire adds, in the order of the wire: the record of what was
/// sent is what was sent (a test compares it with a socket).
pub(super) fn as_sent(mut request: Request, version: &str) -> Request {
    let mut fields = Headers::default();
    // Equal names travel together, at the place of the first.
    let mut names: Vec<String> = Vec::new();
    for (name, _) in request.headers.iter() {
        let name = name.to_ascii_lowercase();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for name in names {
        for value in request.headers.all(&name) {
            fields.add(name.clone(), value.clone());
        }
    }
    if !fields.has("host") && version != "HTTP/2" {
        let url = request.address.url();
        let host = url.host_str().unwrap_or_default();
        fields.add("host", url.port().map_or_else(|| host.to_owned(), |p| format!("{host}:{p}")));
    }
    if !request.body.is_empty() && !fields.has("content-length") {
        fields.add("content-length", request.body.len().to_string());
    }
    request.headers = fields;
    request
}
