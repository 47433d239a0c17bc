//! JSON Web Tokens, signatures and keys: reads, signs and verifies. Pure; it fetches nothing.
//!
//! Verifying is strict, for it judges others: Base64url without padding and without unused bits, one
//! spelling per token, `none` never, no extension it does not know (`crit`), and the algorithm has to
//! be one of the key's own kind, so that a public RSA key is never taken for an HMAC secret.
//! The signatures come from aws-lc-rs; the demo signs with another crate, so that no fault hides in both.
//!
//! To add an algorithm: its row in [`ALGORITHMS`] and its arms in `sign` and `verify`.

use serde_json::Value;

mod algorithm;
mod base64url;
mod export;
mod generate;
mod jwk;
mod jwks;
mod jws;
mod pem;
mod sign;
mod thumbprint;

#[cfg(test)]
mod tests;

pub use algorithm::{ALGORITHMS, Algorithm, Family};
pub use base64url::{decode, encode};
pub use export::Form;
pub use jwk::{Key, Use};
pub use jwks::Jwks;
pub use jws::Token;
pub use sign::{sign, sign_bytes};
pub use thumbprint::thumbprint;

/// Why a token or key cannot be used: one sentence, a lower-case fragment, without any secret in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JoseFault(pub String);

impl JoseFault {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Gives a token's claims without looking at its signature; `None` when it is no JWT (RFC 7519).
pub fn unverified_claims(token: &str) -> Option<Value> {
    Token::parse(token).ok()?.claims().ok()
}

/// Gives the second after which a token says it is expired (`exp`, RFC 7519, section 4.1.4).
pub fn expiry(token: &str) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "a time with a fraction is cut to its second")]
    let whole = |n: f64| n as i64;
    let exp = unverified_claims(token)?.get("exp").cloned()?;
    exp.as_i64().or_else(|| exp.as_f64().map(whole))
}
