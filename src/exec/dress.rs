//! Puts a session's credential on the hops that may carry it, and on no other.

use std::sync::Arc;

use url::Origin;

use super::Shared;
use super::session::Session;
use crate::auth::Seal;
use crate::http::{Dress, Request};
use crate::step::IdentityId;

/// Puts a credential on the hops that may carry it.
pub(super) struct Credential<'a> {
    pub(super) shared: &'a Shared,
    pub(super) session: Option<(IdentityId, Arc<Session>)>,
    pub(super) origins: Option<Vec<Origin>>,
    pub(super) removed: Vec<Arc<str>>,
    pub(super) fault: Option<String>,
}

impl Dress for Credential<'_> {
    fn dress(&mut self, request: &mut Request, hop: usize) -> Option<String> {
        let (id, session) = self.session.as_ref()?;
        let identity = &self.shared.plan.identities[id.0 as usize];
        if self.origins.as_ref().is_some_and(|o| !o.contains(&request.address.origin())) {
            let base = request.address.base();
            return (hop > 0)
                .then(|| format!("the credential of `{}` stayed behind on the way to {base}", identity.name));
        }
        let scheme = &identity.login.scheme;
        let own = request.headers.clone();
        let seal = Seal { scope: &session.scope, identity: &session.fields };
        if let Err(error) = scheme.sign(&seal, request) {
            self.fault = Some(error.message);
            return None;
        }
        for name in scheme.fields().into_iter().chain(["cookie".to_owned()]) {
            if own.has(&name) {
                // The step's own field replaces the scheme's.
                request.headers.remove(&name);
                for value in own.all(&name) {
                    request.headers.add(name.to_ascii_lowercase(), value.clone());
                }
            } else if self.removed.iter().any(|r| r.eq_ignore_ascii_case(&name)) {
                request.headers.remove(&name);
            }
        }
        None
    }

    fn may_carry_cookies(&self, request: &Request) -> bool {
        let removed = self.removed.iter().any(|r| r.eq_ignore_ascii_case("cookie"));
        !removed && self.origins.as_ref().is_none_or(|o| o.contains(&request.address.origin()))
    }
}
