//! Where the browser of a login must not be sent: what its ends are, and what it means when it is.

use std::sync::PoisonError;

use url::Origin;

use super::actor::Actor;
use super::done::Done;
use super::exchange::StepRun;
use crate::auth::{Opening, PageScript};
use crate::http::{Address, Carried, Ends, Place, Stray};
use crate::page::Fault;
use crate::step::{Ask, Prepared, Step};

/// The ends of the pages of a login or a logout that may go to these origins and to those of its suite.
pub(super) fn ends(run: &StepRun<'_>, script: &PageScript, home: &[Origin]) -> Ends {
    let first = match &script.open {
        Opening::Request(exchange) => Some(&exchange.request.address),
        Opening::Step(_) => None,
    };
    let asked = run.talking.zip(first).and_then(|(talking, first)| talking.asked_back(first));
    let told_before = run.talking.zip(first).is_some_and(|(talking, first)| talking.is_told_before(first));
    // Where a device sends people is what an answer says, and no endpoint.
    let endpoint = first.map(Address::origin).filter(|_| script.user_code.is_none());
    let own: Vec<Origin> = run.world.origins.iter().chain(home).cloned().chain(endpoint).collect();
    let home = own.iter().cloned().chain(first.map(Address::origin)).collect();
    Ends { until: script.until.clone(), asked, told_before, home, guards: script.until.is_some(), own }
}

/// Why nothing is typed into a form that goes to an address.
pub(super) fn foreign(to: &Address) -> Fault {
    let base = to.base();
    Fault {
        message: format!(
            "the form goes to {base}, where nobody logs in as far as the suite says: nothing was filled in"
        ),
        help: vec![format!(
            "if that is where people log in, say so: `origins: [\"{base}\"]`; otherwise the server leads browsers away with what they know"
        )],
    }
}

impl StepRun<'_> {
    /// A form of a login that would tell somebody else who logs in is never sent. Where a step of the login names an
    /// address itself, people log in there.
    pub(super) fn typed_elsewhere(&self, step: &Step, actor: &Actor, prepared: &Prepared) -> Option<Done> {
        let to = &prepared.request.address;
        let mut home = self.within.home.map(|home| home.lock().unwrap_or_else(PoisonError::into_inner));
        if !matches!(step.ask, Ask::Submit(_)) {
            home.iter_mut().for_each(|home| home.push(to.origin()));
            return None;
        }
        let own = self.within.landing.map(|ends| &ends.own).or(home.as_deref())?;
        if own.contains(&to.origin()) {
            return None;
        }
        let Fault { message, help } = foreign(to);
        Some(self.without_answer(step, actor, self.reason("other-origin", &message, step.span, help)))
    }
}

/// Says what is wrong with where a server sent a browser.
pub(super) fn fault(stray: &Stray, is_logout: bool) -> Fault {
    let Stray { address, carried, place } = stray;
    let with = match carried {
        Carried::Code => " with a code",
        Carried::Token => " with a token",
        Carried::Error => " with an error",
        Carried::Nothing => "",
    };
    let name = if is_logout { "post-logout redirect URI" } else { "redirect URI" };
    let message = match place {
        Place::Registered => {
            format!("the server sends the browser on to {address}{with}, although another {name} was asked for")
        }
        Place::Asked => {
            format!("the server sends the browser to {address}{with}, which is not the {name} of this client")
        }
        Place::Elsewhere => {
            format!(
                "the server sends the browser to {address}{with}, and that is neither the {name} nor a place of this login"
            )
        }
    };
    let rule = match (place, carried, is_logout) {
        (Place::Elsewhere, ..) => {
            "nothing was asked there; if the login goes through it, add its origin under `origins:`"
        }
        (_, _, true) => {
            "nothing was asked there; an address that is not registered is not redirected to (OpenID Connect RP-Initiated Logout 1.0, section 3)"
        }
        (_, Carried::Error, false) => {
            "nothing was asked there; not even an error goes to an address that is not registered (RFC 6749, section 4.1.2.1), or the server sends people anywhere"
        }
        (_, Carried::Code | Carried::Token | Carried::Nothing, false) => {
            "nothing was asked there; a redirect URI is one of the registered to the last character (RFC 9700, section 2.1), and without one the browser is sent nowhere (RFC 6749, section 4.1.2.1)"
        }
    };
    let meant =
        (*place != Place::Elsewhere).then(|| "if it is registered as well, expect `redirect: { to: … }`".to_owned());
    Fault { message, help: [Some(rule.to_owned()), meant].into_iter().flatten().collect() }
}
