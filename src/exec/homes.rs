//! Where the credentials of sessions are at home: whoever writes one of them into a request, it goes nowhere else.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use url::Origin;

use super::actor::Actor;
use super::done::Done;
use super::exchange::StepRun;
use super::learn::looks_secret;
use super::session::Session;
use crate::auth::texts;
use crate::event::Phase;
use crate::http::Request;
use crate::secret::SecretSet;
use crate::step::{Prepared, Step};

/// What is shorter may stand anywhere by chance.
const SHORTEST: usize = 8;

/// The credentials of all sessions of a run, to be found in a request in every spelling.
#[derive(Debug, Default)]
pub(super) struct Homes {
    values: SecretSet,
    known: Mutex<HashMap<String, Home>>,
}

/// Where one of them may go.
#[derive(Debug, Clone, Default)]
struct Home {
    /// Whose it is, and what it is called in templates.
    name: String,
    origins: Vec<Origin>,
}

impl Homes {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Home>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what proves a session: those of its parts that are secret, and its cookies. Where several sessions have the same,
    /// it is at home with all of them.
    pub(super) fn keep(&self, identity: &str, session: &Session, world: &[Origin], is_secret: impl Fn(&str) -> bool) {
        let origins: Vec<Origin> = session.origins.iter().chain(world).cloned().collect();
        for (name, value) in &session.credential.parts {
            for text in texts(value) {
                if is_secret(name) || looks_secret(name) || crate::jose::unverified_claims(&text).is_some() {
                    self.add(&format!("`{name}` of `{identity}`"), &text, &origins);
                }
            }
        }
        for cookie in session.jar.iter(Timestamp::now()) {
            let name = String::from_utf8_lossy(cookie.name.as_bytes());
            if cookie.http_only || looks_secret(&name) {
                self.add(&format!("the cookie `{name}` of `{identity}`"), &cookie.value.text(), &origins);
            }
        }
    }

    fn add(&self, name: &str, value: &str, origins: &[Origin]) {
        if value.len() < SHORTEST {
            return;
        }
        let mut known = self.lock();
        let home = known.entry(self.values.add("home", value).as_str().to_owned()).or_default();
        home.origins.extend(origins.iter().cloned());
        if home.name.is_empty() {
            name.clone_into(&mut home.name);
        }
    }

    /// Names the first credential in what is sent that is not at home where it goes.
    fn astray(&self, request: &Request, cookies: &[(String, String)], trusted: &[Origin]) -> Option<String> {
        let to = request.address.origin();
        if self.values.is_empty() || trusted.contains(&to) {
            return None;
        }
        let fields = request.headers.iter().map(|(_, value)| &value[..]);
        let cookies = cookies.iter().map(|(_, value)| value.as_bytes());
        let texts = fields.chain(cookies).chain([request.address.target().as_bytes(), &request.body[..]]);
        let found = texts.flat_map(|text| self.values.search(text));
        let known = self.lock();
        let mut homes = found.filter_map(|found| known.get(&found.label));
        homes.find(|home| !home.origins.contains(&to)).map(|home| home.name.clone())
    }
}

impl StepRun<'_> {
    /// A step with a session's credential written into it, for an origin that this is not bound to, is never sent, whoever
    /// sends it. Where a login, a refresh or a logout takes it is what its scheme says.
    pub(super) fn written_elsewhere(&self, step: &Step, actor: &Actor, prepared: &Prepared) -> Option<Done> {
        if self.talking.is_some() || matches!(self.phase, Phase::Login | Phase::Refresh) {
            return None;
        }
        let what = self.shared.homes.astray(&prepared.request, &prepared.cookies, &self.world.origins)?;
        let base = prepared.request.address.base();
        let message = format!("{what} stands in the request and is not bound to {base}, so nothing was sent");
        let help = format!("if {base} may see it, {}; otherwise leave it out", to_add(step));
        Some(self.without_answer(step, actor, self.reason("other-origin", &message, step.span, vec![help])))
    }
}

/// What to add where a credential may go to where a step goes.
pub(super) fn to_add(step: &Step) -> String {
    match step.target_name() {
        Some(name) => format!("add `origins: [\"{{{{ targets.{name} }}}}\"]`"),
        None => "add it under `origins:`".to_owned(),
    }
}
