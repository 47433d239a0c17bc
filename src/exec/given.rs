//! What a session is made of beside its credential: when its cookies end, and connections of its own.

use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use url::Origin;

use super::Shared;
use super::world::WorldRun;
use crate::auth::CERTIFICATE;
use crate::http::jar::{Cookie, Jar};
use crate::http::{Address, Transport};
use crate::step::IdentityId;
use crate::template::Scope;

/// The connections that show an identity's client certificate: one pool for all its sessions, and nobody else's. The
/// error is one sentence.
pub(super) fn certified(
    shared: &Shared,
    id: IdentityId,
    world: &WorldRun,
    scope: &Scope,
) -> Result<Option<Arc<Transport>>, String> {
    let mut pools = shared.certified.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pool) = pools.get(&id) {
        return Ok(Some(Arc::clone(pool)));
    }
    let identity = &shared.plan.identities[id.0 as usize];
    let Some(certificate) = identity.login.scheme.certificate(scope) else { return Ok(None) };
    let places = std::iter::once(&world.base).chain(&world.targets).cloned();
    let mut places = places.chain(world.origins.iter().map(Origin::ascii_serialization));
    if identity.login.kind.name == CERTIFICATE && !places.any(|place| is_tls(&place)) {
        let (name, base) = (&identity.name, &world.base);
        return Err(format!("`{name}` is known by a client certificate, and nobody sees one without TLS: {base}"));
    }
    let checked = certificate.and_then(|certificate| certificate.check().map(|()| certificate).map_err(|(_, why)| why));
    let certificate =
        checked.map_err(|why| format!("the client certificate of `{}` cannot be used: {why}", identity.name))?;
    let mut settings = world.transport.settings().clone();
    settings.tls.cert = Some(certificate.cert);
    settings.tls.key = Some(certificate.key);
    let pool = Arc::new(Transport::new(settings));
    pools.insert(id, Arc::clone(&pool));
    Ok(Some(pool))
}

/// Tells whether what goes to an address or an origin goes over TLS.
fn is_tls(place: &str) -> bool {
    place.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"))
}

/// When a session of cookies ends: with the first of its cookies that does.
///
/// Which cookies these are is nowhere said. They go to the target, and scripts are kept from them (RFC 6265, section
/// 8.2): what else is there, such as a language or a token against forgery, says nothing about the session.
pub(super) fn session_end(jar: &Jar, target: &str, now: Timestamp) -> Option<Timestamp> {
    let target = Address::parse(target).ok();
    let at_target = |c: &Cookie| target.as_ref().is_some_and(|t| c.goes_to(t.url()));
    let mut cookies: Vec<&Cookie> = jar.iter(now).collect();
    for narrower in [&at_target as &dyn Fn(&Cookie) -> bool, &|c| c.http_only] {
        if cookies.iter().any(|c| narrower(c)) {
            cookies.retain(|c| narrower(c));
        }
    }
    cookies.into_iter().filter_map(|c| c.expiry).min()
}
