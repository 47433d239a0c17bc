//! Refusals for want of a token against request forgery (CSRF): they say nothing of who asks, where the server looks for that
//! first, and whoever has such a token may get in without a login.

use super::access::may_prove;
use super::actor::{Actor, Who};
use super::exchange::StepRun;
use super::ledger::{RequestKey, Sender, Weight};
use crate::evidence::{Word, words_of};
use crate::http::{Request, Trail, is_safe};
use crate::mutate::is_csrf;
use crate::step::Step;

impl StepRun<'_> {
    /// Tells whether a change by anonymous is refused for want of a token, where the step wants a refusal and does not say
    /// which. That nobody with one is refused as well is noted, for it shows who decides.
    pub(super) fn is_tokenless(
        &self,
        step: &Step,
        actor: &Actor,
        trail: &Trail,
        (key, sender, weight): (RequestKey, Sender, Weight),
    ) -> bool {
        let (Some(request), Some(response)) = (trail.request(), trail.response()) else { return false };
        if sends_token(request) {
            if weight == Weight::Claim && is_nobodys(actor, request) {
                self.shared.ledger.barred(key);
            }
            return false;
        }
        let wants_any = step.expect.checks.iter().all(|placed| placed.subject == "status");
        let is_about_it =
            || response.status == 419 || words_of(request, response, &self.shared.secrets).contains(&Word::Forgery);
        sender == Sender::Anonymous && !is_safe(&request.method) && wants_any && is_about_it()
    }
}

fn sends_token(request: &Request) -> bool {
    request.headers.iter().any(|(name, _)| is_csrf(name))
}

/// Tells whether a request has no credential beside its token and the cookies of the page that this is from.
fn is_nobodys(actor: &Actor, request: &Request) -> bool {
    let may_prove = |name: &str| may_prove(name) && !is_csrf(name) && !name.eq_ignore_ascii_case("cookie");
    matches!(actor.who, Who::Nobody | Who::Anonymous) && !request.headers.iter().any(|(name, _)| may_prove(name))
}
