//! What a mutation may need beside the request; the runner fills it.

use jiff::Timestamp;

use serde_json::Value;

use super::Unfit;
use crate::http::Request;
use crate::jose::{Algorithm, Key};

/// What a row may use.
pub struct Kit<'a> {
    /// The time.
    pub now: Timestamp,
    /// A part of the sender's session by name: `id_token`, `refresh_token`.
    pub part: &'a dyn Fn(&str) -> Option<String>,
    /// The name of a part of the sender's session in which a word stands.
    pub named: &'a dyn Fn(&str) -> Option<String>,
    /// The name of somebody who is allowed what is asked for, where the case says who.
    pub allowed: Option<String>,
    /// The scheme of the sender, where it signs requests.
    pub resign: Option<&'a Resign<'a>>,
    /// The key that the server trusts, and the algorithm it signs with.
    pub signer: Signer<'a>,
    /// The public key that belongs to the sender's token, or what is lacking.
    pub public: &'a dyn Fn() -> Result<Published, Unfit>,
}

/// A public key as the server publishes it.
#[derive(Debug, Clone)]
pub struct Published {
    /// The JWK, with all that stands in it.
    pub jwk: Value,
    /// The key.
    pub key: Key,
}

/// Signs the request of a step once more. The moment and the nonce stay, so that two signatures can be compared.
pub struct Resign<'a> {
    /// The name of the scheme.
    pub kind: &'static str,
    /// The request before it was signed.
    pub plain: Request,
    /// Signs a request.
    pub sign: &'a dyn Fn(&Request, Bend) -> Result<Request, Unfit>,
}

/// What is other than it should be when a request is signed; all else is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bend {
    /// Nothing.
    Nothing,
    /// One bit of the signature.
    SignatureFlipped,
    /// The second half of the signature is left out.
    SignatureCut,
    /// All of the signature is left out.
    SignatureEmpty,
    /// The key, while its id stays.
    Key,
    /// The id of the key, while the key stays.
    KeyId,
    /// The moment, by so many seconds.
    Time(i64),
    /// The nonce, which is as good as the other.
    Nonce,
    /// The region.
    Region,
    /// The service.
    Service,
    /// The day that the key is derived for.
    Day,
    /// The body is not signed.
    Payload,
    /// The nonce is none that the server gave.
    Unasked,
    /// The target.
    Uri,
    /// The quality of protection, with counter and own nonce, is left out.
    Qop,
    /// The algorithm is weaker than those that are offered.
    Algorithm,
    /// The realm.
    Realm,
}

impl Bend {
    /// The bytes of a signature as they are sent.
    pub fn signature(self, mut bytes: Vec<u8>) -> Vec<u8> {
        let half = bytes.len() / 2;
        match (self, bytes.get_mut(half)) {
            (Self::SignatureFlipped, Some(byte)) => *byte ^= 1,
            (Self::SignatureCut, _) => bytes.truncate(half),
            (Self::SignatureEmpty, _) => bytes.clear(),
            _ => {}
        }
        bytes
    }

    /// The moment of signing.
    pub fn time(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Time(by) => now.checked_add(jiff::SignedDuration::from_secs(by)).unwrap_or(now),
            _ => now,
        }
    }
}

/// Gives a key that signs, or says what is lacking.
pub type Signer<'a> = &'a dyn Fn() -> Result<(Key, Algorithm), Unfit>;

impl std::fmt::Debug for Kit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kit").field("now", &self.now).finish_non_exhaustive()
    }
}
