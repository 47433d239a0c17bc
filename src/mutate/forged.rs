//! What a row makes of a request, or why it makes nothing.

use bytes::Bytes;

use crate::http::Request;

/// What a row made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forged {
    /// The request with its defect.
    pub request: Request,
    /// The head as it has to leave, byte for byte, up to and with the empty line, where an HTTP library would refuse it.
    pub head: Option<Bytes>,
    /// What is sent before it and has to be allowed, where the defect is to come again.
    pub first: Option<Request>,
    /// Whether its token is correctly signed, with the key that the server trusts.
    pub is_signed: bool,
    /// What was changed, a lower-case fragment without any secret: `the bit 512 of the signature flipped`.
    pub change: String,
}

/// Why a row cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// It has no sense for this kind of credential or request; a fragment that says why.
    NotApplicable(String),
    /// It has sense, and what it takes is not at hand.
    Unavailable {
        /// Why: a fragment.
        why: String,
        /// What to add, each a line or sentence.
        add: Vec<String>,
    },
    /// Nothing has to be sent: the credential itself withstands; a fragment that says what was tried.
    Held(String),
    /// Nothing has to be sent: the credential itself is broken; a fragment that says how.
    Broken(String),
}

impl Unfit {
    /// It has no sense here.
    pub fn not_here(why: impl Into<String>) -> Self {
        Self::NotApplicable(why.into())
    }
}

impl Forged {
    /// A request with what was changed.
    pub fn new(request: Request, change: impl Into<String>) -> Self {
        Self { request, head: None, first: None, is_signed: false, change: change.into() }
    }
}
