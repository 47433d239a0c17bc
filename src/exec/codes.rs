//! What logins of the run redeemed and proved, each with what it belongs to: a code or a proof that is sent once more is to be
//! refused for that alone, and not for a verifier or a key that it never belonged to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::auth::{Absent, Bound, Credential, Spelled, Varied, vary};
use crate::http::Request;

/// What belongs to a code.
#[derive(Debug, Clone)]
struct Redeemed {
    /// The verifier of its challenge (RFC 7636, section 4.1).
    verifier: Value,
    /// The key that it is bound to (RFC 9449, section 10), if it is.
    bound: Option<Arc<Bound>>,
}

/// The authorization codes of a run, and the proofs that its logins sent.
#[derive(Debug, Default)]
pub(super) struct Codes {
    codes: Mutex<HashMap<String, Redeemed>>,
    /// The keys that proofs are by.
    proofs: Mutex<HashMap<String, Arc<Bound>>>,
}

impl Codes {
    /// Keeps the code that a login redeemed, if it was one by a code, and its last proof, if it had some.
    pub(super) fn keep(&self, credential: &Credential) {
        let part = |name: &str| credential.parts.iter().find(|(n, _)| &**n == name).map(|(_, value)| value);
        if let (Some(Value::String(code)), Some(verifier)) = (part("code"), part("code_verifier")) {
            let redeemed = Redeemed { verifier: verifier.clone(), bound: credential.bound.clone() };
            self.codes.lock().unwrap_or_else(PoisonError::into_inner).insert(code.clone(), redeemed);
        }
        if let (Some(Value::String(proof)), Some(bound)) = (part("dpop_proof"), &credential.bound) {
            let mut proofs = self.proofs.lock().unwrap_or_else(PoisonError::into_inner);
            proofs.insert(proof.clone(), Arc::clone(bound));
        }
    }

    /// Gives a request what belongs to the code that was put into it, but for what was changed as well; and notes of it.
    pub(super) fn complete(
        &self,
        code: &Value,
        request: &mut Request,
        is_changed: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let all = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(redeemed) = code.as_str().and_then(|code| all.get(code)) else { return Vec::new() };
        belong(request, ("code_verifier", &redeemed.verifier), redeemed.bound.as_deref(), "that code", is_changed)
    }

    /// Makes a request one by the key of a proof that another request of its talk sends once more, but for what was changed
    /// as well; gives notes of it. Otherwise the code would be bound to another key than the proof is by (RFC 9449,
    /// section 10), and that would be refused.
    pub(super) fn follow(
        &self,
        proof: &Value,
        request: &mut Request,
        is_changed: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let all = self.proofs.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(bound) = proof.as_str().and_then(|proof| all.get(proof)) else { return Vec::new() };
        let key = bound.thumbprint().into();
        belong(request, ("dpop_jkt", &key), Some(bound), "the proof that is sent once more", is_changed)
    }
}

/// Gives a request the parameter and the proof that go with something, but for what was changed as well; and notes of it.
fn belong(
    request: &mut Request,
    (name, value): (&str, &Value),
    bound: Option<&Bound>,
    of: &str,
    is_changed: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut notes = Vec::new();
    if !is_changed(name) && vary(request, name, value, Absent::Leave, Spelled::Encoded) == Varied::Changed {
        notes.push(format!("`{name}` is the one of {of}"));
    }
    if let Some(bound) = bound.filter(|_| !is_changed("dpop"))
        && bound.adopt(request)
    {
        notes.push(format!("the proof is by the key of {of}"));
    }
    notes
}
