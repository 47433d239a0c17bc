//! Why no answer came, sorted into the few kinds a user can do something about.

use std::error::Error as StdError;
use std::time::Duration;

use crate::term::{duration, grouped};

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
            Self::BadRequest { .. } => "template",
        }
    }

    /// What a user can try.
    pub fn help(&self) -> Vec<String> {
        let text = match self {
            Self::Dns { .. } => "check the spelling of the host, or pin it with `resolve:`",
            Self::Refused { .. } => "check that the server runs and listens on that port",
            Self::Closed => "look at the server's log; it may have crashed on this request",
            Self::Tls { .. } => "for a private authority name its certificate: `tls: { ca: path }`",
            Self::Timeout(_) => "give the step more time with `timeout:`, or look why the server is slow",
            Self::TooLarge(_) => "is this the answer that was meant?",
            Self::BadAnswer { .. } | Self::Redirects { .. } | Self::BadRequest { .. } | Self::Other { .. } => {
                return Vec::new();
            }
        };
        vec![text.to_owned()]
    }

    /// Sorts an error of a library by what is in its chain of causes.
    pub(super) fn classify(error: &(dyn StdError + 'static), host: &str) -> Self {
        let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
        let mut last = error.to_string();
        while let Some(error) = cause {
            if let Some(tls) = error.downcast_ref::<rustls::Error>() {
                return Self::Tls { why: tls.to_string() };
            }
            if let Some(hyper) = error.downcast_ref::<hyper::Error>() {
                if hyper.is_incomplete_message() || hyper.is_canceled() {
                    return Self::Closed;
                }
                if hyper.is_parse_too_large() {
                    return Self::BadAnswer { why: "its head is too large".to_owned() };
                }
                if hyper.is_parse() {
                    return Self::BadAnswer { why: hyper.to_string().trim_end_matches(" parsed").to_owned() };
                }
            }
            if let Some(io) = error.downcast_ref::<std::io::Error>()
                && let Some(known) = Self::from_io(io, host)
            {
                return known;
            }
            last = error.to_string();
            if last.contains("dns error") || last.contains("failed to lookup") {
                let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
                return Self::Dns { host: name.to_owned() };
            }
            cause = error.source();
        }
        Self::Other { why: last }
    }

    fn from_io(io: &std::io::Error, host: &str) -> Option<Self> {
        use std::io::ErrorKind;
        if let Some(inner) = io.get_ref() {
            let inner: &(dyn StdError + 'static) = inner;
            if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
                return Some(Self::Tls { why: tls.to_string() });
            }
        }
        match io.kind() {
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
}
