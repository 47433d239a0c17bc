//! Fetches what checks need before they can judge: key sets. Nobody's credential travels with it.

use std::sync::Arc;

use bytes::Bytes;

use super::actor::Actor;
use super::exchange::{StepRun, count};
use super::world::WorldRun;
use super::{Shared, Wire, record};
use crate::check::Fetched;
use crate::event::{Event, Exchanged, Phase};
use crate::http::jar::Jar;
use crate::http::{Address, Follow, Headers, Journey, Request, Trail, Undressed};
use crate::step::Step;

impl StepRun<'_> {
    /// Fetches what the checks of a step ask for, each address once.
    pub(super) async fn fetch(&self, step: &Step, actor: &Actor, trail: &Trail) -> Fetched {
        let mut fetched = Fetched::new();
        if trail.error.is_some() {
            return fetched;
        }
        let own = (step, self.scope);
        let outside = self.within.asking().map(|used| (used.step, used.scope));
        for (step, scope) in std::iter::once(own).chain(outside) {
            let run = StepRun { scope, ..*self };
            for address in step.expect.checks.iter().filter_map(|placed| placed.check.needs()) {
                // What cannot be rendered is told by the check itself.
                let Ok(written) = address.render(&run.scope_of(actor)) else { continue };
                if fetched.contains_key(&written) {
                    continue;
                }
                // Few steps ask for anything: boxed, it takes no room in the others.
                let case = record::label(self.shared, self.label);
                let text = Box::pin(get(self.shared, self.world, (case, self.phase), &written)).await;
                fetched.insert(written, text);
            }
        }
        fetched
    }
}

/// Gets what anybody may have, at an address or a path of the target. It is told as a part of what it is needed for.
pub(super) async fn get(
    shared: &Shared,
    world: &WorldRun,
    (case, phase): (Arc<str>, Phase),
    written: &str,
) -> Result<String, String> {
    let base = world.base.trim_end_matches('/');
    let whole = if written.starts_with('/') { format!("{base}{written}") } else { written.to_owned() };
    let address = Address::parse(&whole).map_err(|why| format!("`{written}` is no address: {why}"))?;
    let mut headers = Headers::default();
    headers.add("user-agent", concat!("authspec/", env!("CARGO_PKG_VERSION")));
    headers.add("accept", "application/json");
    let request = Request { method: "GET".to_owned(), address, headers, body: Bytes::new() };
    let _slot = shared.limits.slot(&request).await;
    let journey = Journey {
        transport: &world.transport,
        elsewhere: None,
        jar: &mut Jar::default(),
        cookies: Vec::new(),
        follow: Follow::Yes,
        timeout: shared.options.timeout,
        gate: None,
    };
    let trail = journey.go(request, &mut Undressed).await;
    shared.limits.count(count(&trail));
    if shared.options.wire != Wire::Untold && !trail.hops.is_empty() {
        let (hops, started) = record::exchanged(shared, &trail);
        shared.emit(Event::Exchanged(Box::new(Exchanged { case, phase, caller: None, hops, started })));
    }
    match (trail.response(), &trail.error) {
        (Some(response), None) if response.status == 200 => Ok(response.text().into_owned()),
        (Some(response), None) => Err(format!("asked for {written}, the server answered {}", response.status)),
        (_, Some(error)) => Err(format!("{written} cannot be fetched: {error}")),
        (None, None) => Err(format!("{written} cannot be fetched")),
    }
}
