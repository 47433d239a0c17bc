//! Why no answer came, sorted into the few kinds a user can do something about.

use std::error::Error as StdError;
use std::time::Duration;

use crate::term::{duration, grouped};

/// The end of a connection that does not go on with a TLS handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsEnd {
    /// This one: it does not trust the server, or cannot talk to it.
    Own,
    /// The server, by an alert.
    Server,
}

/// Why an exchange has no answer to judge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The host name has no address.
    #[error("the host `{host}` is not known")]
    Dns {
        /// The host.
        host: String,
    },
    /// Nothing listens there.
    #[error("the connection to `{host}` was refused")]
    Refused {
        /// Host and port.
        host: String,
    },
    /// The connection broke before the answer was whole.
    #[error("the server closed the connection before its answer was whole")]
    Closed,
    /// TLS failed.
    #[error("TLS failed: {why}")]
    Tls {
        /// The library's reason.
        why: String,
        /// Who ended it.
        by: TlsEnd,
    },
    /// The answer took too long.
    #[error("no answer within {}", duration(*.0))]
    Timeout(Duration),
    /// The body is larger than is read.
    #[error("the body is larger than {} bytes", grouped(*.0 as u64))]
    TooLarge(usize),
    /// The answer is not readable.
    #[error("the answer cannot be read: {why}")]
    BadAnswer {
        /// What is wrong with it.
        why: String,
    },
    /// A redirect cannot be followed.
    #[error("{why}")]
    Redirects {
        /// What is wrong with it.
        why: String,
    },
    /// The request cannot be sent like this.
    #[error("the request cannot be sent: {why}")]
    BadRequest {
        /// What is wrong with it.
        why: String,
    },
    /// A header field cannot be sent like this.
    #[error("the request cannot be sent: {what} of the header field `{field}` cannot travel")]
    BadField {
        /// Its name.
        field: String,
        /// What of it.
        what: String,
    },
    /// Anything else on the way.
    #[error("the connection failed: {why}")]
    Other {
        /// The library's reason.
        why: String,
    },
}

impl HttpError {
    /// The reason's code in the table of reasons.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Dns { .. } | Self::Refused { .. } | Self::Closed | Self::Other { .. } => "connection",
            Self::Tls { .. } => "tls",
            Self::Timeout(_) => "timeout",
            Self::TooLarge(_) => "body-too-large",
            Self::BadAnswer { .. } => "bad-answer",
            Self::Redirects { .. } => "redirects",
            Self::BadRequest { .. } | Self::BadField { .. } => "unsendable",
        }
    }

    /// Whether every request to the host meets the same, whatever it asks.
    pub const fn is_everybodys(&self) -> bool {
        matches!(self, Self::Dns { .. } | Self::Refused { .. })
    }

    /// What a user can try.
    pub fn help(&self) -> Vec<String> {
        let text = match self {
            Self::Dns { .. } => "check the spelling of the host, or pin it with `resolve:`",
            Self::Refused { .. } => "check that the server runs and listens on that port",
            Self::Closed => "look at the server's log; it may have crashed on this request",
            Self::Tls { why, .. } if why.contains("authorit") => {
                "for a private authority name its certificate: `tls: { ca: path }`"
            }
            Self::Tls { why, .. } if why.contains("client certificate") => {
                "name it with `tls: { cert: path, key: path }`"
            }
            Self::Tls { why, by: TlsEnd::Server } if why.contains("CertificateExpired") => {
                "the client certificate is over: let whoever signed it renew it"
            }
            Self::Tls { why, by: TlsEnd::Server } if ["CA)", "Certificate"].iter().any(|word| why.contains(word)) => {
                "the server does not take the client certificate (`cert`): see that an authority signed it that the \
                 server knows, and that those between stand behind it in the file"
            }
            Self::Tls { why, .. } if why.contains("does not speak TLS") => "is `http://` meant?",
            Self::BadField { what, .. } if what.contains("line break") => {
                "a value from a file, a variable or an answer often ends with one: keep it out of there"
            }
            Self::Timeout(_) => "give the step more time with `timeout:`, or look why the server is slow",
            Self::TooLarge(_) => "is this the answer that was meant?",
            Self::Tls { .. }
            | Self::BadAnswer { .. }
            | Self::Redirects { .. }
            | Self::BadRequest { .. }
            | Self::BadField { .. }
            | Self::Other { .. } => {
                return Vec::new();
            }
        };
        vec![text.to_owned()]
    }

    /// Sorts an error of a library by what is in its chain of causes.
    pub(super) fn classify(error: &(dyn StdError + 'static), host: &str) -> Self {
        let causes = causes(error);
        if let Some(known) = causes.iter().find_map(|e| Self::known(*e, host)) {
            return known;
        }
        // A request that was given up because of something unknown further down.
        let canceled = |e: &&(dyn StdError + 'static)| e.downcast_ref().is_some_and(hyper::Error::is_canceled);
        if causes.iter().any(canceled) {
            return Self::Closed;
        }
        Self::Other { why: causes.last().map_or_else(String::new, ToString::to_string) }
    }

    fn known(error: &(dyn StdError + 'static), host: &str) -> Option<Self> {
        use std::io::ErrorKind;
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(Self::tls(tls));
        }
        if let Some(hyper) = error.downcast_ref::<hyper::Error>() {
            return Self::from_hyper(hyper);
        }
        let text = error.to_string();
        if text.contains("dns error") || text.contains("failed to lookup") {
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            return Some(Self::Dns { host: name.to_owned() });
        }
        if text.contains("proxy authorization required") {
            return Some(Self::Other { why: "the proxy asks for a user and password".to_owned() });
        }
        if text.contains("tunnel error") && error.source().is_none() {
            return Some(Self::Other { why: "the proxy opened no tunnel to the server".to_owned() });
        }
        let io = error.downcast_ref::<std::io::Error>()?;
        match io.kind() {
            // What it wraps says more.
            _ if io.get_ref().is_some_and(|e| e.is::<std::io::Error>() || e.is::<rustls::Error>()) => None,
            ErrorKind::ConnectionRefused => Some(Self::Refused { host: host.to_owned() }),
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => Some(Self::Closed),
            // What is left are chunks that are none.
            ErrorKind::InvalidData | ErrorKind::InvalidInput => {
                Some(Self::BadAnswer { why: "its body is not framed as HTTP asks".to_owned() })
            }
            _ => None,
        }
    }

    fn from_hyper(error: &hyper::Error) -> Option<Self> {
        let bad = |why: &str| Some(Self::BadAnswer { why: why.to_owned() });
        let text = error.to_string();
        if error.is_incomplete_message() || error.is_canceled() && error.source().is_none() {
            Some(Self::Closed)
        } else if text.contains("unexpected message") {
            bad("it began before the request; is this an HTTP server?")
        } else if error.is_parse_too_large() {
            bad("its head is too large")
        } else if error.is_parse() {
            bad(text.trim_end_matches(" parsed"))
        } else {
            None
        }
    }

    /// Says what a user can understand of a TLS error.
    fn tls(error: &rustls::Error) -> Self {
        use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};
        let why = match error {
            Error::InvalidCertificate(certificate) => match certificate {
                CertificateError::UnknownIssuer => "no trusted authority has signed the certificate".to_owned(),
                CertificateError::BadSignature => {
                    "the certificate is signed by an authority of a trusted name, but with another key".to_owned()
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    "the certificate has expired".to_owned()
                }
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    "the certificate is not valid yet".to_owned()
                }
                CertificateError::NotValidForName => "the certificate is for another name".to_owned(),
                CertificateError::NotValidForNameContext { expected, .. } => {
                    format!("the certificate is not for `{}`", expected.to_str())
                }
                CertificateError::Revoked => "the certificate was revoked".to_owned(),
                other => format!("the certificate cannot be accepted ({other})"),
            },
            Error::AlertReceived(AlertDescription::CertificateRequired) => {
                "the server asks for a client certificate".to_owned()
            }
            Error::AlertReceived(alert) => format!("the server refuses the handshake ({alert:?})"),
            Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
                "the server does not speak TLS on this port".to_owned()
            }
            Error::PeerIncompatible(_) => "the server offers no version or cipher that is safe".to_owned(),
            other => other.to_string(),
        };
        let by = if matches!(error, Error::AlertReceived(_)) { TlsEnd::Server } else { TlsEnd::Own };
        Self::Tls { why, by }
    }
}

/// The error and all its causes; an I/O error hides the one it wraps from `source`.
fn causes<'e>(error: &'e (dyn StdError + 'static)) -> Vec<&'e (dyn StdError + 'static)> {
    let mut all = vec![error];
    // Longer chains are circles.
    while all.len() < 32 {
        let last = all[all.len() - 1];
        let wrapped = last.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let wrapped = wrapped.map(|e| -> &'e (dyn StdError + 'static) { e });
        match wrapped.or_else(|| last.source()) {
            Some(next) => all.push(next),
            None => break,
        }
    }
    all
}
