//! Proves a request anew that was changed after it was proven. A proof is for one method, one address and one token, so
//! that whatever is wrong with one of these would be refused for its proof alone, and show nothing.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Bound, PROOF, Side, target, token_hash};
use crate::http::Request;
use crate::jose::{Token, unverified_claims};

impl Bound {
    /// Proves a request by this key as it is now, in place of the proof that it was made with; gives both. A proof of
    /// somebody else's making stays: it is what is tried.
    pub(in crate::auth) fn prove_again(
        &self,
        request: &mut Request,
        proven_with: &str,
        now: Timestamp,
    ) -> Option<(String, String)> {
        let before = request.headers.text(PROOF).filter(|_| request.headers.all(PROOF).count() == 1)?;
        if unverified_claims(&before)?["ath"] != token_hash(proven_with) {
            return None;
        }
        let nonce = self.nonce(Side::Resource, request.address.base());
        let after = self.prove(request, Some(&borne(request, proven_with)), nonce.as_deref(), now).ok()?;
        request.headers.set(PROOF, after.clone());
        Some((before, after))
    }
}

impl Bound {
    /// Makes a proof of this key anew for a request that is sent again: each is good once. Gives both.
    pub(in crate::auth) fn renew(&self, request: &mut Request, now: Timestamp) -> Option<(String, String)> {
        self.renewed(request, now, |_, _| {})
    }

    /// The same for one that is sent elsewhere or otherwise: a proof is for one method and one address.
    pub(in crate::auth) fn renew_here(&self, request: &mut Request, now: Timestamp) -> Option<(String, String)> {
        self.renewed(request, now, |claims, request| {
            claims["htm"] = request.method.as_str().into();
            claims["htu"] = target(request).into();
        })
    }

    fn renewed(
        &self,
        request: &mut Request,
        now: Timestamp,
        change: impl FnOnce(&mut Value, &Request),
    ) -> Option<(String, String)> {
        let before = request.headers.text(PROOF).filter(|_| request.headers.all(PROOF).count() == 1)?;
        if Token::parse(&before).ok()?.header().get("jwk") != Some(&self.jwk) {
            return None;
        }
        let mut claims = unverified_claims(&before)?;
        change(&mut claims, request);
        claims["jti"] = uuid::Uuid::new_v4().to_string().into();
        claims["iat"] = now.as_second().into();
        if let Some(nonce) = self.nonce(Side::Resource, request.address.base()) {
            claims["nonce"] = nonce.into();
        }
        let after = self.sign(Map::new(), &claims).ok()?;
        request.headers.set(PROOF, after.clone());
        Some((before, after))
    }
}

/// The token that a request bears as a server would read it: what follows the word, but for what stands around the good
/// one and is no part of any token, such as quotes.
fn borne(request: &Request, good: &str) -> String {
    let mut fields = request.headers.all("authorization");
    let (Some(field), None) = (fields.next(), fields.next()) else { return good.to_owned() };
    let text = String::from_utf8_lossy(field);
    let Some((_, token)) = text.trim().split_once(' ') else { return good.to_owned() };
    let token = token.trim();
    let is_token = token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
    if is_token || !token.contains(good) { token.to_owned() } else { good.to_owned() }
}
