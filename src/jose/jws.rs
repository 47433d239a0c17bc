//! Tokens in compact form (RFC 7515, section 7.1): three parts, and nothing trusted before it is verified.

use serde_json::{Map, Value};

use super::{Algorithm, JoseFault, decode};

/// A token that was taken apart; its signature is not verified by that.
#[derive(Debug, Clone)]
pub struct Token {
    header: Map<String, Value>,
    payload: Vec<u8>,
    signature: Vec<u8>,
    signed: String,
}

impl Token {
    /// Takes a token apart.
    pub fn parse(text: &str) -> Result<Self, JoseFault> {
        let parts: Vec<&str> = text.split('.').collect();
        let [header, payload, signature] = parts[..] else {
            let told = match parts.len() {
                1 => "it has no dots, and a signed token has two".to_owned(),
                5 => "it has five parts: an encrypted token (JWE), not a signed one".to_owned(),
                n => format!("it has {n} parts between dots, and a signed token has three"),
            };
            return Err(JoseFault::new(told));
        };
        let part = |name: &str, text: &str| {
            decode(text).map_err(|fault| JoseFault::new(format!("its {name} is not Base64url: {fault}")))
        };
        let (header_bytes, payload_bytes) = (part("header", header)?, part("payload", payload)?);
        let signature = part("signature", signature)?;
        let Ok(Value::Object(read)) = serde_json::from_slice(&header_bytes) else {
            return Err(JoseFault::new("its header is not a JSON object"));
        };
        Ok(Self { header: read, payload: payload_bytes, signature, signed: format!("{header}.{payload}") })
    }

    /// Gives the header.
    pub const fn header(&self) -> &Map<String, Value> {
        &self.header
    }

    /// Gives the payload as bytes.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Gives the payload as claims (RFC 7519, section 4).
    pub fn claims(&self) -> Result<Value, JoseFault> {
        let read: Value =
            serde_json::from_slice(&self.payload).map_err(|_| JoseFault::new("its payload is not JSON"))?;
        if read.is_object() { Ok(read) } else { Err(JoseFault::new("its payload is not a JSON object")) }
    }

    /// Gives the signature.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Gives the bytes that are signed: header and payload as they were received.
    pub fn signed(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    /// Gives the id of the key it names.
    pub fn key_id(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// Gives the algorithm it names; a header that asks for something unknown is refused
    /// (RFC 7515, section 4.1.11).
    pub fn algorithm(&self) -> Result<Algorithm, JoseFault> {
        if self.header.contains_key("crit") {
            return Err(JoseFault::new("its header demands an extension (`crit`) that is not known here"));
        }
        match self.header.get("alg") {
            Some(Value::String(name)) if name.eq_ignore_ascii_case("none") => {
                Err(JoseFault::new("it says `alg: none`: it is not signed at all"))
            }
            Some(Value::String(name)) => {
                Algorithm::named(name).ok_or_else(|| JoseFault::new(format!("its algorithm `{name}` is not known")))
            }
            Some(_) => Err(JoseFault::new("its `alg` is no text")),
            None => Err(JoseFault::new("its header names no algorithm")),
        }
    }
}
