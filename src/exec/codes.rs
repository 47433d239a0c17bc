//! The authorization codes that logins of the run redeemed, each with what it was asked with: one that is sent once more is
//! to be refused for that alone, and not for a verifier or a key that it never belonged to.

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

/// The codes of a run.
#[derive(Debug, Default)]
pub(super) struct Codes(Mutex<HashMap<String, Redeemed>>);

impl Codes {
    /// Keeps the code that a login redeemed, if it was one by a code.
    pub(super) fn keep(&self, credential: &Credential) {
        let part = |name: &str| credential.parts.iter().find(|(n, _)| &**n == name).map(|(_, value)| value);
        if let (Some(Value::String(code)), Some(verifier)) = (part("code"), part("code_verifier")) {
            let redeemed = Redeemed { verifier: verifier.clone(), bound: credential.bound.clone() };
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(code.clone(), redeemed);
        }
    }

    /// Gives a request what belongs to the code that was put into it, but for what was changed as well; and notes of it.
    pub(super) fn complete(
        &self,
        code: &Value,
        request: &mut Request,
        is_changed: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(redeemed) = code.as_str().and_then(|code| all.get(code)) else { return Vec::new() };
        let mut notes = Vec::new();
        if !is_changed("code_verifier")
            && vary(request, "code_verifier", &redeemed.verifier, Absent::Leave, Spelled::Encoded) == Varied::Changed
        {
            notes.push("`code_verifier` is the one of that code".to_owned());
        }
        if let Some(bound) = redeemed.bound.as_ref().filter(|_| !is_changed("dpop"))
            && bound.adopt(request)
        {
            notes.push("the proof is by the key of that code".to_owned());
        }
        notes
    }
}
