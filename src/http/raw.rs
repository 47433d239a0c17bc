//! Requests whose target a URL library would change (`/a/../b`, `//admin`): sent on a connection of
//! their own through hyper, which takes the request-target as it is.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::body;
use super::error::HttpError;
use super::message::{Request, Response};
use super::transport::{Settings, header_map, incoming, version_name};

/// Sends one request on a new connection and reads the whole answer.
pub(super) async fn exchange(
    request: &Request,
    tls: Option<Arc<rustls::ClientConfig>>,
    settings: &Settings,
) -> Result<Response, HttpError> {
    let url = request.address.url();
    let host = url.host_str().unwrap_or_default().to_owned();
    let port = url.port_or_known_default().unwrap_or(80);
    let authority = url.authority().to_owned();
    let pinned: Option<SocketAddr> = settings
        .resolve
        .iter()
        .find(|(h, _)| *h == host)
        .map(|(_, a)| SocketAddr::new(a.ip(), if a.port() == 0 { port } else { a.port() }));
    let connected = match pinned {
        Some(address) => TcpStream::connect(address).await,
        None => TcpStream::connect((host.trim_matches(['[', ']']), port)).await,
    };
    let stream = connected.map_err(|e| HttpError::classify(&e, &authority))?;
    // Best effort: without it a small request may wait for the peer's acknowledgement.
    let _ = stream.set_nodelay(true);
    let Some(config) = tls else {
        return talk(stream, request, settings, &authority).await;
    };
    let name = rustls::pki_types::ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
        .map_err(|_| HttpError::Tls { why: format!("`{host}` is no name a certificate can have") })?;
    let stream = tokio_rustls::TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(|e| HttpError::classify(&e, &authority))?;
    talk(stream, request, settings, &authority).await
}

async fn talk<S>(stream: S, request: &Request, settings: &Settings, authority: &str) -> Result<Response, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |e: hyper::Error| HttpError::classify(&e, authority);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let driver = tokio::spawn(connection);
    let mut headers = header_map(request)?;
    if !headers.contains_key(http::header::HOST) {
        let value = http::HeaderValue::from_str(authority)
            .map_err(|_| HttpError::BadRequest { why: "the host cannot travel".to_owned() })?;
        headers.insert(http::header::HOST, value);
    }
    let uri: http::Uri = request.address.target().parse().map_err(|_| HttpError::BadRequest {
        why: "a character in the target cannot travel; write it percent-encoded".to_owned(),
    })?;
    let mut out = http::Request::new(Full::new(request.body.clone()));
    *out.method_mut() = http::Method::from_bytes(request.method.as_bytes())
        .map_err(|_| HttpError::BadRequest { why: format!("`{}` is no method", request.method) })?;
    *out.uri_mut() = uri;
    *out.headers_mut() = headers;
    let answer = sender.send_request(out).await.map_err(failed)?;
    let (head, mut incoming_body) = answer.into_parts();
    let mut whole = BytesMut::new();
    while let Some(frame) = incoming_body.frame().await {
        if let Some(data) = frame.map_err(failed)?.data_ref() {
            if whole.len() + data.len() > settings.max_body {
                return Err(HttpError::TooLarge(settings.max_body));
            }
            whole.extend_from_slice(data);
        }
    }
    driver.abort();
    let headers = incoming(&head.headers);
    let bytes: Bytes = whole.freeze();
    let body = body::decode(&headers, bytes, settings.max_body)?;
    Ok(Response { status: head.status.as_u16(), version: version_name(head.version), headers, body })
}
