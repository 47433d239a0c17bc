//! Tokens that are bound to a key (RFC 9449): every request proves anew that its sender holds the key.
//!
//! A [`Bound`] is the key of a session with what servers said about proofs by it. A login makes one, its refreshes
//! keep it. Authorization servers and the APIs they protect ask for nonces of their own, also where both stand on one
//! origin, so each nonce is kept by its origin and its [`Side`], and only the newest.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{After, Handshake, Seal};
use crate::http::challenge::parse_challenges;
use crate::http::{Request, Response};
use crate::jose::{self, Algorithm, JoseFault, Key};
use crate::template::{TemplateError, print};

mod again;
#[cfg(test)]
mod tests;
mod vary;

pub use vary::is_part_of_proof;

/// The field that a proof travels in.
pub(super) const PROOF: &str = "dpop";
/// The field that a nonce comes in.
const NONCE: &str = "dpop-nonce";
/// The type of a proof (section 4.2).
const TYPE: &str = "dpop+jwt";
/// What a server answers that wants a nonce, or another one (sections 8 and 9).
pub(super) const WANTED: &str = "use_dpop_nonce";

/// The key of a session, and the nonces that servers gave for proofs by it.
#[derive(Debug)]
pub struct Bound {
    key: Key,
    algorithm: Algorithm,
    jwk: Value,
    thumbprint: String,
    nonces: Mutex<HashMap<(Side, String), String>>,
}

/// Who asks for a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Side {
    /// An authorization server.
    Server,
    /// An API that takes its tokens.
    Resource,
}

impl Bound {
    /// Takes a key pair.
    pub(super) fn new(mut key: Key, algorithm: Algorithm) -> Result<Self, JoseFault> {
        // The key itself stands in each proof, so its name says nothing.
        key.id = None;
        jose::sign_bytes(algorithm, b"", &key)?;
        let jwk = key.public_jwk()?;
        let thumbprint = jose::thumbprint(&jwk)?;
        Ok(Self { key, algorithm, jwk, thumbprint, nonces: Mutex::default() })
    }

    /// The thumbprint of the key (RFC 7638), `jkt` in what is bound to it.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Makes a proof for one try of a request (section 4.2); beside an access token it holds the token's hash.
    pub(super) fn prove(
        &self,
        request: &Request,
        token: Option<&str>,
        nonce: Option<&str>,
        now: Timestamp,
    ) -> Result<String, JoseFault> {
        let mut claims = json!({
            "jti": uuid::Uuid::new_v4().to_string(),
            "htm": request.method,
            "htu": target(request),
            "iat": now.as_second(),
        });
        for (name, value) in [("ath", token.map(token_hash)), ("nonce", nonce.map(ToOwned::to_owned))] {
            if let Some(value) = value {
                claims[name] = value.into();
            }
        }
        self.sign(Map::new(), &claims)
    }

    fn sign(&self, mut header: Map<String, Value>, claims: &Value) -> Result<String, JoseFault> {
        header.insert("typ".to_owned(), TYPE.into());
        header.insert("jwk".to_owned(), self.jwk.clone());
        jose::sign(self.algorithm, header, claims.to_string().as_bytes(), &self.key)
    }

    /// The newest nonce that a server gave.
    pub(super) fn nonce(&self, side: Side, base: &str) -> Option<String> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner).get(&(side, base.to_owned())).cloned()
    }

    /// Keeps the nonce of an answer in place of the one before, whatever the status (section 8.2), and gives it.
    pub(super) fn learn(&self, side: Side, base: &str, response: &Response) -> Option<String> {
        let mut all = response.headers.all(NONCE);
        let text = String::from_utf8(all.next()?.to_vec()).ok().filter(|t| !t.is_empty());
        // Two nonces are none: there is no saying which of them is meant.
        let nonce = text.filter(|_| all.next().is_none())?;
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.insert((side, base.to_owned()), nonce.clone());
        Some(nonce)
    }
}

/// Where a request goes, without query and fragment (section 4.2, `htu`).
fn target(request: &Request) -> String {
    format!("{}{}", request.address.base(), request.address.path())
}

/// The hash of a token (section 4.2, `ath`).
fn token_hash(token: &str) -> String {
    jose::encode(digest::digest(&digest::SHA256, token.as_bytes()))
}

/// The nonce in the proof of a request.
fn nonce_of(request: &Request) -> Option<String> {
    let claims = jose::unverified_claims(&request.headers.text(PROOF)?)?;
    Some(claims["nonce"].as_str()?.to_owned())
}

/// Tells whether an answer asks for a proof with the nonce that it gives (sections 8 and 9).
pub fn wants_nonce(response: &Response) -> bool {
    if !matches!(response.status, 400 | 401) {
        return false;
    }
    let challenges = parse_challenges(response.headers.all("www-authenticate").map(|v| &v[..]));
    let challenged = challenges.iter().any(|c| c.is("DPoP") && c.param("error") == Some(WANTED));
    challenged || serde_json::from_slice::<Value>(&response.body).is_ok_and(|body| body["error"] == WANTED)
}

/// One request to an API: proven, and proven once more when the API wants another nonce.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// The nonce of the answer to the first try.
    given: Option<String>,
}

impl Talk {
    /// Puts a token and the proof for it on a request.
    pub(super) fn put(&self, seal: &Seal<'_>, request: &mut Request) -> Result<(), TemplateError> {
        let fault =
            |why: &str| TemplateError::new(format!("the request cannot be proven: {why}"), crate::source::Span::NONE);
        let session = seal.scope.get("session").ok_or_else(|| fault("there is no session"))?;
        let token = session.get_attr("access_token").ok().and_then(|v| print(&v).ok());
        let token = token.ok_or_else(|| fault("the session has no access token"))?;
        let bound = seal.memory.bound.as_ref().ok_or_else(|| fault("the session has no key"))?;
        let kept = || bound.nonce(Side::Resource, request.address.base());
        let nonce = self.given.clone().or_else(kept);
        let proof = bound.prove(request, Some(&token), nonce.as_deref(), seal.now).map_err(|e| fault(&e.0))?;
        request.headers.set("authorization", format!("DPoP {token}"));
        request.headers.set(PROOF, proof);
        Ok(())
    }
}

impl Handshake for Talk {
    fn sign(&mut self, seal: &Seal<'_>, request: &mut Request) -> Result<(), TemplateError> {
        self.put(seal, request)
    }

    fn after(&mut self, seal: &Seal<'_>, request: &Request, response: &Response) -> After {
        let Some(bound) = &seal.memory.bound else { return After::Done(None) };
        let given = bound.learn(Side::Resource, request.address.base(), response);
        // Once is what the RFC prescribes; a server that asks again, or for what it was just sent, gets its answer judged.
        let is_new = given.is_some() && given != nonce_of(request);
        if self.given.is_none() && is_new && wants_nonce(response) {
            self.given = given;
            return After::Again("sent again with a proof that has the server's nonce".to_owned());
        }
        After::Done(None)
    }
}
