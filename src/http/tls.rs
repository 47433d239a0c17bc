//! TLS settings as one rustls configuration, made only when an `https` address is met.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

use super::error::{HttpError, TlsEnd};

/// Whether certificates are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Verify {
    /// Against the system's authorities and `ca`.
    #[default]
    On,
    /// Not at all; every report says so.
    Off,
}

/// What connections need beside the address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TlsSettings {
    /// Whether certificates are verified.
    pub verify: Verify,
    /// Certificates of further authorities, PEM.
    pub ca: Option<Vec<u8>>,
    /// The client's certificate chain, PEM.
    pub cert: Option<Vec<u8>>,
    /// The client's private key, PEM.
    pub key: Option<Vec<u8>>,
}

/// A client's certificate with its private key, PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, those that signed it behind it.
    pub cert: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

/// What of a client certificate is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// The certificate.
    Cert,
    /// The key, or that it is not the certificate's.
    Key,
}

/// Why settings cannot be used: what of the client's certificate is wrong, if that is it, and one sentence.
#[derive(Debug)]
pub(super) struct Unusable {
    half: Half,
    pub(super) why: String,
}

impl ClientCertificate {
    /// Checks that both can be read and belong together; the error is which is wrong, and one sentence.
    pub fn check(&self) -> Result<(), (Half, String)> {
        let settings = TlsSettings {
            // Nothing of the server's is looked at here.
            verify: Verify::Off,
            cert: Some(self.cert.clone()),
            key: Some(self.key.clone()),
            ca: None,
        };
        client_config(&settings).map(|_| ()).map_err(|unusable| (unusable.half, unusable.why))
    }
}

/// Tells why a certificate is not valid at a time (RFC 5280, section 4.1.2.5): the end of a sentence about it. Those that
/// signed it are not looked at.
pub fn out_of_time(pem: &[u8], now: Timestamp) -> Option<String> {
    let first = CertificateDer::pem_slice_iter(pem).next()?.ok()?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&first).ok()?;
    let (from, until) = (certificate.validity().not_before.timestamp(), certificate.validity().not_after.timestamp());
    let day = |second: i64| Timestamp::from_second(second).map(|t| t.strftime("%Y-%m-%d %H:%M UTC").to_string()).ok();
    match now.as_second() {
        second if second > until => Some(format!("expired on {}", day(until)?)),
        second if second < from => Some(format!("is not valid before {}", day(from)?)),
        _ => None,
    }
}

impl std::fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientCertificate")
    }
}

impl TlsSettings {
    /// Checks the files as far as that needs no network; the error is one sentence.
    pub fn check(&self) -> Result<(), String> {
        client_config(self).map(|_| ()).map_err(|unusable| unusable.why)
    }
}

/// Builds the configuration.
pub(super) fn client_config(settings: &TlsSettings) -> Result<ClientConfig, Unusable> {
    let cert = |why: String| Unusable { half: Half::Cert, why };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| cert(e.to_string()))?;
    let verifier: Arc<dyn ServerCertVerifier> = match settings.verify {
        Verify::Off => Arc::new(NoVerification(provider)),
        Verify::On => {
            let extra = settings.ca.as_deref().map_or(Ok(Vec::new()), |pem| certificates(pem, "`ca`")).map_err(cert)?;
            let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider);
            Arc::new(verifier.map_err(|e| cert(format!("the trusted authorities cannot be loaded: {e}")))?)
        }
    };
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    match (&settings.cert, &settings.key) {
        (Some(chain), Some(own)) => {
            let certificates = certificates(chain, "`cert`").map_err(cert)?;
            let pair = PrivateKeyDer::from_pem_slice(own).map_err(|_| no_private_key(own, chain))?;
            builder.with_client_auth_cert(certificates, pair).map_err(|e| unusable(&e))
        }
        _ => Ok(builder.with_no_client_auth()),
    }
}

/// Why no private key was found.
fn no_private_key(key: &[u8], cert: &[u8]) -> Unusable {
    let is_encrypted = key.windows(11).any(|part| part == b"ENCRYPTED P" || part == b"4,ENCRYPTED");
    let (half, why) = match (is_encrypted, key == cert) {
        (true, _) => (Half::Key, "the private key is encrypted; it is needed in the clear"),
        (false, true) => (Half::Cert, "`cert` holds no private key, and no other file is named as `key`"),
        (false, false) => (Half::Key, "`key` holds no private key in PEM form"),
    };
    Unusable { half, why: why.to_owned() }
}

/// Why certificate and key were not taken.
fn unusable(error: &rustls::Error) -> Unusable {
    let (half, why) = match error {
        rustls::Error::InconsistentKeys(_) => {
            (Half::Key, "`key` is not the key of the certificate in `cert`".to_owned())
        }
        rustls::Error::General(_) => {
            (Half::Key, "`key` holds no private key of a kind that can be used: RSA, ECDSA or Ed25519".to_owned())
        }
        rustls::Error::InvalidCertificate(why) if format!("{why:?}").contains("UnsupportedCertVersion") => {
            (Half::Cert, "the certificate in `cert` is of an old version; TLS wants X.509 version 3".to_owned())
        }
        rustls::Error::InvalidCertificate(_) => {
            (Half::Cert, format!("the certificate in `cert` cannot be used: {error}"))
        }
        other => (Half::Key, format!("`cert` and `key` cannot be used: {other}")),
    };
    Unusable { half, why }
}

/// The same configuration, which remembers whether a server asked for the client certificate: one that nobody asked for was
/// never shown.
pub(super) fn watched(mut config: ClientConfig, asked: &Arc<AtomicBool>) -> ClientConfig {
    let own = Arc::clone(&config.client_auth_cert_resolver);
    config.client_auth_cert_resolver = Arc::new(Watched { own, asked: Arc::clone(asked) });
    config
}

#[derive(Debug)]
struct Watched {
    own: Arc<dyn ResolvesClientCert>,
    asked: Arc<AtomicBool>,
}

impl ResolvesClientCert for Watched {
    fn resolve(&self, authorities: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.own.resolve(authorities, schemes)
    }

    fn only_raw_public_keys(&self) -> bool {
        self.own.only_raw_public_keys()
    }

    fn has_certs(&self) -> bool {
        self.own.has_certs()
    }
}

/// The same configuration, offering HTTP/2 and HTTP/1.1.
pub(super) fn with_alpn(config: &ClientConfig) -> ClientConfig {
    let mut config = config.clone();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        _ => Err(format!("{what} holds no certificate in PEM form")),
    }
}

/// A configuration for connections that never speak TLS; costs nothing to make.
pub(super) fn no_tls() -> Result<ClientConfig, HttpError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let fault = |e: rustls::Error| HttpError::Tls { why: e.to_string(), by: TlsEnd::Own };
    let builder = builder.with_safe_default_protocol_versions().map_err(fault)?;
    Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

#[derive(Debug)]
struct NoVerification(Arc<CryptoProvider>);

impl ServerCertVerifier for NoVerification {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
