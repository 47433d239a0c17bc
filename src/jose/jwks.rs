//! Sets of keys (RFC 7517, section 5), and verifying a token with them.

use serde_json::Value;

use super::sign::verify_bytes;
use super::{Family, JoseFault, Key, Token};

/// Keys that a token may be signed with.
#[derive(Debug, Clone)]
pub struct Jwks {
    keys: Vec<Key>,
    /// Ids that several keys of one kind have, readable or not.
    ambiguous: Vec<String>,
}

impl Jwks {
    /// Makes a set of one key.
    pub fn of(key: Key) -> Self {
        Self { keys: vec![key], ambiguous: Vec::new() }
    }

    /// Reads a set, or a single JWK. Keys that cannot be read are left out, for a set may hold keys
    /// for other things; a set without any that can is refused.
    pub fn parse(text: &str) -> Result<Self, JoseFault> {
        let json: Value = serde_json::from_str(text).map_err(|_| JoseFault::new("it is not JSON"))?;
        Self::from_json(&json)
    }

    /// Reads a set from JSON.
    pub fn from_json(json: &Value) -> Result<Self, JoseFault> {
        let Some(listed) = json.get("keys") else { return Key::from_jwk(json).map(Self::of) };
        let Some(listed) = listed.as_array() else { return Err(JoseFault::new("its `keys` are no list")) };
        let mut last = JoseFault::new("it holds no key");
        let mut keys: Vec<Key> = Vec::new();
        for jwk in listed {
            match Key::from_jwk(jwk) {
                Ok(key) => keys.push(key),
                Err(fault) => last = JoseFault::new(format!("it holds no key that can be used: {fault}")),
            }
        }
        if keys.is_empty() {
            return Err(last);
        }
        let secret = keys.iter().filter(|k| k.family() == Family::Secret).count();
        if secret != 0 && secret != keys.len() {
            return Err(JoseFault::new("it mixes secrets with public keys, so one may be taken for the other"));
        }
        Ok(Self { keys, ambiguous: ambiguous(listed) })
    }

    /// Verifies a token's signature; the error says why it does not hold.
    pub fn verify(&self, token: &Token) -> Result<(), JoseFault> {
        let algorithm = token.algorithm()?;
        let candidates = self.candidates(token)?;
        let mut why = None;
        for key in candidates {
            match verify_bytes(algorithm, token.signed(), token.signature(), key) {
                Ok(()) => return Ok(()),
                Err(fault) => why = Some(fault),
            }
        }
        Err(why.unwrap_or_else(|| JoseFault::new("there is no key")))
    }

    /// Tells whether a key that the token may mean is among them; one that names none may mean any.
    pub fn knows(&self, token: &Token) -> bool {
        let known = |id: &str| self.keys.iter().any(|k| k.id.as_deref().is_none_or(|own| own == id));
        token.key_id().is_none_or(known)
    }

    /// The keys a token may mean: those of its `kid` where both say one, else all.
    fn candidates(&self, token: &Token) -> Result<Vec<&Key>, JoseFault> {
        let Some(id) = token.key_id() else { return Ok(self.keys.iter().collect()) };
        if self.ambiguous.iter().any(|ambiguous| ambiguous == id) {
            return Err(JoseFault::new(format!("it names the key `{id}`, and several keys have that id")));
        }
        let of = |wanted: Option<&str>| self.keys.iter().filter(|k| k.id.as_deref() == wanted).collect::<Vec<_>>();
        let named = of(Some(id));
        let candidates = if named.is_empty() { of(None) } else { named };
        if candidates.is_empty() {
            return Err(JoseFault::new(format!("it names the key `{id}`, which is not among the keys")));
        }
        Ok(candidates)
    }
}

/// The ids that stand twice. Keys of different kinds may share one (RFC 7517, section 4.5).
fn ambiguous(listed: &[Value]) -> Vec<String> {
    let names = |jwk: &Value| Some((jwk.get("kid")?.as_str()?.to_owned(), jwk.get("kty")?.as_str()?.to_owned()));
    let mut seen = Vec::new();
    let mut twice = Vec::new();
    for name in listed.iter().filter_map(names) {
        if seen.contains(&name) {
            twice.push(name.0);
        } else {
            seen.push(name);
        }
    }
    twice
}
