//! Shows what a refused login is worth that was made with something changed: afterwards its identity has to get in as it
//! is. One login for each identity serves all that were refused before it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Shared;
use super::ledger::Refusal;
use super::login::{self, Sharing};
use crate::step::IdentityId;

/// Logs in as they are those whose changed logins were refused and who were not seen getting in since.
pub(super) async fn ask(shared: &Arc<Shared>, refusals: &[Refusal], whose: impl Fn(IdentityId) -> bool) {
    let wanting = refusals.iter().filter_map(|refusal| shared.ledger.wants_login(refusal));
    let wanting: BTreeSet<IdentityId> = wanting.filter(|id| whose(*id)).collect();
    for id in wanting {
        // What came of it is noted on the way.
        drop(login::make(shared, id, None, Sharing::Fresh).await);
    }
}

/// Says why a changed login that was refused proves nothing.
pub(super) fn told(shared: &Shared, refusal: &Refusal) -> String {
    let Some(id) = refusal.login else { return String::new() };
    let why = shared.ledger.why_locked_out(id).unwrap_or_default();
    format!("the login was refused, and afterwards it did not work with nothing changed either: {why}")
}
