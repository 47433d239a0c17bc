//! Thumbprints of keys (RFC 7638): the SHA-256 of the members that make the key, in order.

use aws_lc_rs::digest;
use serde_json::Value;

use super::{JoseFault, encode};

/// Gives the thumbprint of a JWK; the private part, when it is there, plays no role.
pub fn thumbprint(jwk: &Value) -> Result<String, JoseFault> {
    let members: &[&str] = match jwk.get("kty").and_then(Value::as_str) {
        Some("RSA") => &["e", "kty", "n"],
        Some("EC") => &["crv", "kty", "x", "y"],
        Some("OKP") => &["crv", "kty", "x"],
        Some("oct") => &["k", "kty"],
        _ => return Err(JoseFault::new("a thumbprint needs a JWK with a known `kty`")),
    };
    let mut canonical = serde_json::Map::new();
    for name in members {
        match jwk.get(*name) {
            Some(Value::String(text)) => canonical.insert((*name).to_owned(), text.as_str().into()),
            _ => return Err(JoseFault::new(format!("the key has no `{name}`"))),
        };
    }
    // The map keeps this order, which is the lexicographic one of the RFC.
    let text = Value::Object(canonical).to_string();
    Ok(encode(digest::digest(&digest::SHA256, text.as_bytes())))
}
