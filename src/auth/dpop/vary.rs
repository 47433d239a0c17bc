//! Changes one thing in a proof and signs it anew, so that only that one thing is wrong with it.

use serde_json::{Map, Value};

use super::{Bound, PROOF};
use crate::auth::Varied;
use crate::auth::resign::Signer;
use crate::http::Request;
use crate::jose::unverified_claims;

/// How the parts of a proof are named: `dpop.htu`, `dpop.typ` …
const PREFIX: &str = "dpop.";

/// Tells whether a parameter is a part of a proof.
pub fn is_part_of_proof(parameter: &str) -> bool {
    parameter.get(..PREFIX.len()).is_some_and(|p| p.eq_ignore_ascii_case(PREFIX))
}

impl Bound {
    /// Changes a part of the proof that a request carries; `None` when the parameter is none.
    pub fn vary(&self, request: &mut Request, parameter: &str, value: &Value) -> Option<Varied> {
        let name = is_part_of_proof(parameter).then(|| &parameter[PREFIX.len()..])?;
        let signer = Signer::new(self.key.clone(), self.algorithm);
        let before = request.headers.text(PROOF);
        let after = before.and_then(|before| signer.change(&before, name, value));
        let Some((after, varied)) = after else { return Some(Varied::Missing) };
        if matches!(varied, Varied::Missing | Varied::Same) {
            return Some(varied);
        }
        request.headers.set(PROOF, after);
        Some(varied)
    }

    /// Proves a request that another key proves by this one, with the same claims; tells whether there was a proof.
    pub fn adopt(&self, request: &mut Request) -> bool {
        let claims = request.headers.text(PROOF).and_then(|proof| unverified_claims(&proof));
        let Some(proof) = claims.and_then(|claims| self.sign(Map::new(), &claims).ok()) else { return false };
        request.headers.set(PROOF, proof);
        true
    }
}
