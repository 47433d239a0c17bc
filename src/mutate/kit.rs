//! What a mutation may need beside the request; the runner fills it.

use jiff::Timestamp;

use serde_json::Value;

use super::Unfit;
use crate::jose::{Algorithm, Key};

/// What a row may use.
pub struct Kit<'a> {
    /// The time.
    pub now: Timestamp,
    /// A part of the sender's session by name: `id_token`, `refresh_token`.
    pub part: &'a dyn Fn(&str) -> Option<String>,
    /// The name of somebody who is allowed what is asked for, where the case says who.
    pub allowed: Option<String>,
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

/// Gives a key that signs, or says what is lacking.
pub type Signer<'a> = &'a dyn Fn() -> Result<(Key, Algorithm), Unfit>;

impl std::fmt::Debug for Kit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kit").field("now", &self.now).finish_non_exhaustive()
    }
}
