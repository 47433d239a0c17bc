//! https for the demo: a certificate authority of its own, certificates of clients, and connections that shake hands side by side.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::aws_lc_rs::digest::{SHA256, digest};
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::http::Extensions;
use axum::serve::{IncomingStream, Listener};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

/// How long a client may take to shake hands.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the demo's clients show, as files: the gates, PEM and PKCS#12 with the password `demo-gate-7`, and a client whose
/// certificate the demo's authority did not sign.
pub const CLIENT_FILES: &[(&str, &[u8])] = &[
    ("gate-7.pem", include_bytes!("../../specs/data/mtls/gate-7.pem")),
    ("gate-7.key", include_bytes!("../../specs/data/mtls/gate-7.key")),
    ("gate-7.p12", include_bytes!("../../specs/data/mtls/gate-7.p12")),
    ("gate-8.pem", include_bytes!("../../specs/data/mtls/gate-8.pem")),
    ("gate-8.key", include_bytes!("../../specs/data/mtls/gate-8.key")),
    ("stranger.pem", include_bytes!("../../specs/data/mtls/stranger.pem")),
    ("stranger.key", include_bytes!("../../specs/data/mtls/stranger.key")),
];

/// A certificate for `127.0.0.1` and `localhost`, and the authority that signed it.
pub(crate) struct Identity {
    /// The authority's certificate in PEM, which a client must trust.
    pub(crate) ca_pem: String,
    config: Arc<ServerConfig>,
}

impl Identity {
    /// Makes a fresh authority and leaf; takes about a millisecond.
    pub(crate) fn generate() -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let ca_key = KeyPair::generate()?;
        let mut ca = CertificateParams::new(Vec::new())?;
        ca.distinguished_name.push(DnType::CommonName, "authspec demo CA");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_pem = ca.self_signed(&ca_key)?.pem();
        let issuer = rcgen::Issuer::new(ca, ca_key);

        let key = KeyPair::generate()?;
        let mut leaf = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        leaf.distinguished_name.push(DnType::CommonName, "authspec demo");
        leaf.use_authority_key_identifier_extension = true;
        let certificate = leaf.signed_by(&key, &issuer)?.der().clone();

        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(clients()?)
            .with_single_cert(vec![certificate], private)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { ca_pem, config: Arc::new(config) })
    }

    /// Wraps a listener. Must be called inside the server's runtime.
    pub(crate) fn listen(&self, listener: TcpListener) -> TlsListener {
        let (sender, ready) = mpsc::channel(64);
        let address = listener.local_addr();
        tokio::spawn(accept(listener, TlsAcceptor::from(Arc::clone(&self.config)), sender));
        TlsListener { ready, address }
    }
}

/// Asks every client for a certificate and takes it when there is none; one that is not signed by the demo's
/// authority for clients ends the handshake.
fn clients() -> Result<Arc<dyn ClientCertVerifier>, Box<dyn std::error::Error + Send + Sync>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(include_bytes!("data/client-ca.pem")) {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    Ok(builder.allow_unauthenticated().build()?)
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer(Option<CertificateDer<'static>>);

impl Peer {
    /// The common name in the certificate that was shown.
    fn common_name(&self) -> Option<String> {
        let (_, certificate) = x509_parser::parse_x509_certificate(self.0.as_ref()?).ok()?;
        let name = certificate.subject().iter_common_name().next()?.as_str().ok()?;
        Some(name.to_owned())
    }
}

/// The certificate that a client showed.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) name: String,
    /// `x5t#S256` (RFC 8705 §3.1).
    pub(crate) thumbprint: String,
}

impl Shown {
    /// The certificate of the connection that a request came by, if it showed one.
    pub(crate) fn of(extensions: &Extensions) -> Option<Self> {
        let ConnectInfo(peer) = extensions.get::<ConnectInfo<Peer>>()?;
        let hash = digest(&SHA256, peer.0.as_ref()?);
        Some(Self { name: peer.common_name()?, thumbprint: URL_SAFE_NO_PAD.encode(hash) })
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        let (_, connection) = stream.io().get_ref();
        Self(connection.peer_certificates().and_then(|chain| chain.first()).cloned())
    }
}

/// Accepts connections and hands on those whose handshake is done, so that a slow one holds up nobody.
async fn accept(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    ready: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    while !ready.is_closed() {
        let (stream, address) = Listener::accept(&mut listener).await;
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            if let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
                let _ = ready.send((stream, address)).await;
            }
        });
    }
}

/// The connections whose handshake is done.
pub(crate) struct TlsListener {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: std::io::Result<SocketAddr>,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.address.as_ref().copied().map_err(|e| e.kind().into())
    }
}
