//! What else than its change may have refused a changed login, refresh or logout.

use std::time::Duration;

use super::drive::Driven;
use super::exchange::StepRun;
use super::scheme::leaves_open;
use super::variation::Talking;
use crate::auth::wants_nonce;
use crate::event::Reason;
use crate::http::Trail;
use crate::spec::{Handshake, Talk};
use crate::step::{Ask, Step};

/// How often a talk is made again alone whose nonce others used up.
const TURNS: u32 = 4;

/// What is waited for before that.
pub(super) const NONCE: &str = "the others who are asked for a nonce";

/// How often a talk was made again for a nonce.
#[derive(Debug, Default)]
pub(super) struct Turns(u32);

impl Turns {
    /// How long to wait for the others before a talk is made once more; nothing where it was not asked for a nonce again,
    /// or that is what it is about. Logins that go on at once may use up the nonces of one another, where a server has
    /// one for all.
    pub(super) fn with(&mut self, talking: &Talking<'_>, driven: &Driven) -> Option<Duration> {
        let asks = driven.done.last.as_ref().is_some_and(|trail| asks_for_nonce(trail));
        let takes_part =
            talking.answers == Handshake::On && talking.variations.iter().all(|v| !is_nonce(v.parameter()));
        let begins_anew = match talking.talk {
            Talk::Login => true,
            // Whoever asks for a nonce has taken nothing.
            Talk::Refresh => !leaves_open(&driven.done),
            Talk::Logout => false,
        };
        if driven.credential.is_some() || !asks || !takes_part || !begins_anew || self.0 == TURNS {
            return None;
        }
        self.0 += 1;
        Some(Duration::from_millis(25 << (2 * (self.0 - 1))))
    }
}

/// Tells whether a parameter is the nonce of a proof, or the proof as a whole.
fn is_nonce(parameter: &str) -> bool {
    ["dpop", "dpop.nonce"].iter().any(|own| parameter.eq_ignore_ascii_case(own))
}

fn asks_for_nonce(trail: &Trail) -> bool {
    trail.response().is_some_and(wants_nonce)
}

impl StepRun<'_> {
    /// Why nothing was learnt of a server that asked for a nonce to the last, where that was not what the step is about.
    pub(super) fn unheard(&self, step: &Step, trail: &Trail) -> Option<Reason> {
        let Ask::Talk(_, vary) = &step.ask else { return None };
        if step.handshake == Handshake::Off || !asks_for_nonce(trail) || vary.iter().any(|v| is_nonce(&v.parameter)) {
            return None;
        }
        let message = "the server asks for another nonce in the proof (`use_dpop_nonce`) also of whoever sends the one that it gave, which refuses nothing else";
        let help = "with `-j 1` nobody uses up the nonce of another one; `handshake: off` expects the question itself";
        Some(self.reason("other-cause", message, step.span, vec![help.to_owned()]))
    }
}
