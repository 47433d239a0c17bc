//! Changes one thing in a proof and signs it anew, so that only that one thing is wrong with it.

use serde_json::{Map, Value};

use super::{Bound, PROOF};
use crate::auth::Varied;
use crate::http::Request;
use crate::jose::{self, Key};

/// What stands in the header of a proof; everything else is a claim.
const HEADER: &[&str] = &["alg", "crit", "jwk", "kid", "typ"];
/// How the parts of a proof are named: `dpop.htu`, `dpop.typ` …
const PREFIX: &str = "dpop.";
/// The value of `dpop.key` that stands for a key that nobody has seen.
const OTHER: &str = "other";

/// Tells whether a parameter is a part of a proof.
pub fn is_part_of_proof(parameter: &str) -> bool {
    parameter.get(..PREFIX.len()).is_some_and(|p| p.eq_ignore_ascii_case(PREFIX))
}

/// A proof taken apart.
struct Parts {
    header: Map<String, Value>,
    claims: Value,
    signature: String,
}

impl Bound {
    /// Changes a part of the proof that a request carries; `None` when the parameter is none.
    pub fn vary(&self, request: &mut Request, parameter: &str, value: &Value) -> Option<Varied> {
        let name = is_part_of_proof(parameter).then(|| &parameter[PREFIX.len()..])?;
        let before = request.headers.text(PROOF)?;
        let parts = Parts::read(&before)?;
        let (after, varied) = match name {
            "key" => (self.by_another_key(parts, value)?, Varied::Changed),
            "signature" => (format!("{}.{}", signed(&before), plain(value)), Varied::Changed),
            _ => self.with(parts, name, value)?,
        };
        request.headers.set(PROOF, after.clone());
        Some(if after == before { Varied::Missing } else { varied })
    }

    /// Proves a request that another key proves by this one, with the same claims; tells whether there was a proof.
    pub fn adopt(&self, request: &mut Request) -> bool {
        let parts = request.headers.text(PROOF).and_then(|proof| Parts::read(&proof));
        let Some(proof) = parts.and_then(|parts| self.sign(Map::new(), &parts.claims).ok()) else { return false };
        request.headers.set(PROOF, proof);
        true
    }

    fn with(&self, mut parts: Parts, name: &str, value: &Value) -> Option<(String, Varied)> {
        let first = name.split('.').next().unwrap_or_default();
        let mut header = Value::Object(std::mem::take(&mut parts.header));
        let whole = if HEADER.contains(&first) { &mut header } else { &mut parts.claims };
        let (outer, last) = name.rsplit_once('.').map_or((None, name), |(outer, last)| (Some(outer), last));
        let mut inner = whole;
        for step in outer.into_iter().flat_map(|o| o.split('.')) {
            inner = inner.get_mut(step)?;
        }
        let members = inner.as_object_mut()?;
        if members.get(last).unwrap_or(&Value::Null) == value {
            return Some((parts.spelled(&header), Varied::Missing));
        }
        let varied = match (value, members.contains_key(last)) {
            (Value::Null, _) => {
                members.shift_remove(last);
                Varied::Removed
            }
            (_, there) => {
                members.insert(last.to_owned(), value.clone());
                if there { Varied::Changed } else { Varied::Added }
            }
        };
        let signature = if header["alg"] == "none" {
            String::new()
        } else {
            // The algorithm is the key's own, also where the header says another.
            let text = format!("{}.{}", spell(&header), spell(&parts.claims));
            jose::encode(jose::sign_bytes(self.algorithm, text.as_bytes(), &self.key).ok()?)
        };
        Some((Parts { signature, ..parts }.spelled(&header), varied))
    }

    /// The same proof by another key: the one of the text, or a new one.
    fn by_another_key(&self, parts: Parts, value: &Value) -> Option<String> {
        let key = match value.as_str() {
            Some(OTHER) => Key::generate(self.algorithm).ok()?,
            Some(text) => Key::from_text(text).ok()?,
            None => return None,
        };
        let algorithm = key.usual_algorithm();
        Self::new(key, algorithm).ok()?.sign(Map::new(), &parts.claims).ok()
    }
}

impl Parts {
    fn read(proof: &str) -> Option<Self> {
        let mut all = proof.split('.');
        let mut json = || serde_json::from_slice::<Value>(&jose::decode(all.next()?).ok()?).ok();
        let (header, claims) = (json()?, json()?);
        let Value::Object(header) = header else { return None };
        Some(Self { header, claims, signature: all.next()?.to_owned() })
    }

    fn spelled(&self, header: &Value) -> String {
        format!("{}.{}.{}", spell(header), spell(&self.claims), self.signature)
    }
}

fn spell(json: &Value) -> String {
    jose::encode(json.to_string())
}

/// A proof without its signature.
fn signed(proof: &str) -> &str {
    proof.rsplit_once('.').map_or(proof, |(signed, _)| signed)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
