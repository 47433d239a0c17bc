//! Requests over TLS that a client library would change, by their target (`/a/../b`, `//admin`) or
//! because they have no `Accept`, and all that leave together: sent on a connection of their own
//! through hyper, which adds nothing.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio_rustls::client::TlsStream;

use super::error::{HttpError, TlsEnd};
use super::head::Replaced;
use super::message::{Headers, Request, Response};
use super::transport::{Settings, incoming, version_name};
use super::{Address, body, outgoing};

/// Sends one request on a new connection and reads the whole answer. At a gate it waits with its
/// connection open, so that those that leave together do leave together.
pub(super) async fn exchange(
    request: &Request,
    tls: Option<Arc<rustls::ClientConfig>>,
    settings: &Settings,
    gate: Option<&Barrier>,
) -> Result<Response, HttpError> {
    let connection = connect(request, tls, settings).await;
    // Also one that could not connect comes to the gate, or the others would wait for it.
    if let Some(gate) = gate {
        gate.wait().await;
    }
    let authority = request.address.url().authority();
    match connection? {
        Connection::Plain(stream) => talk(stream, request, settings, authority).await,
        Connection::Secure(stream) => talk(*stream, request, settings, authority).await,
    }
}

/// Sends a request whose head is to leave byte for byte, whatever a library thinks of it.
pub(super) async fn verbatim(
    request: &Request,
    head: Bytes,
    tls: Option<Arc<rustls::ClientConfig>>,
    settings: &Settings,
) -> Result<Response, HttpError> {
    let authority = request.address.url().authority();
    // What the library knows of it: enough to read the answer, and the body.
    let address = Address::parse(&format!("{}/", request.address.base()))
        .map_err(|why| HttpError::BadRequest { why: why.to_string() })?;
    let stand_in =
        Request { method: request.method.clone(), address, headers: Headers::default(), body: request.body.clone() };
    match connect(request, tls, settings).await? {
        Connection::Plain(stream) => talk(Replaced::new(stream, head), &stand_in, settings, authority).await,
        Connection::Secure(stream) => talk(Replaced::new(*stream, head), &stand_in, settings, authority).await,
    }
}

enum Connection {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

async fn connect(
    request: &Request,
    tls: Option<Arc<rustls::ClientConfig>>,
    settings: &Settings,
) -> Result<Connection, HttpError> {
    let url = request.address.url();
    let host = url.host_str().unwrap_or_default().to_owned();
    let port = url.port_or_known_default().unwrap_or(80);
    let authority = url.authority().to_owned();
    let connected = match settings.pinned(url) {
        Some(address) => TcpStream::connect(address).await,
        None => TcpStream::connect((host.trim_matches(['[', ']']), port)).await,
    };
    let stream = connected.map_err(|e| HttpError::classify(&e, &authority))?;
    // Best effort: without it a small request may wait for the peer's acknowledgement.
    let _ = stream.set_nodelay(true);
    let Some(config) = tls else { return Ok(Connection::Plain(stream)) };
    let name = rustls::pki_types::ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
        .map_err(|_| HttpError::Tls { why: format!("`{host}` is no name a certificate can have"), by: TlsEnd::Own })?;
    let stream = tokio_rustls::TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(|e| HttpError::classify(&e, &authority))?;
    Ok(Connection::Secure(Box::new(stream)))
}

async fn talk<S>(stream: S, request: &Request, settings: &Settings, authority: &str) -> Result<Response, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let out = outgoing::message(request)?;
    let failed = |e: hyper::Error| HttpError::classify(&e, authority);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    // Dropped with this future, so that a timeout closes the connection.
    let mut driver = tokio::task::JoinSet::new();
    driver.spawn(connection);
    let answer = sender.send_request(out).await.map_err(failed)?;
    let (head, mut incoming_body) = answer.into_parts();
    let mut whole = body::Pieces::new(settings.max_body);
    while let Some(frame) = incoming_body.frame().await {
        // Trailers are not data.
        if let Ok(data) = frame.map_err(failed)?.into_data() {
            whole.add(data)?;
        }
    }
    let headers = incoming(&head.headers);
    let body = body::decode(&headers, whole.join(), settings.max_body)?;
    Ok(Response { status: head.status.as_u16(), version: version_name(head.version), headers, body })
}
