//! Client certificates that nobody would see, since TLS shows them, and a target with `http://` has none; and those
//! that nobody shows.

use std::collections::BTreeSet;

use super::{Case, Plan, TargetUrl, World, diags};
use crate::auth::CERTIFICATE;
use crate::diag::Diagnostics;
use crate::http::Address;
use crate::spec::Talk;
use crate::step::{Ask, Caller, IdentityId, Step};

/// Finds the identities of the run that are only known by their certificate, where nothing they send goes over TLS, and
/// those who would show one, where none is named.
pub(super) fn check(plan: &Plan, diags: &mut Diagnostics) {
    let used = |is_meant: fn(&Step) -> bool| {
        let cases = plan.cases.iter().flat_map(|case| callers(case, is_meant));
        let suites = plan.suites.iter().flat_map(|suite| suite.identities.iter().copied());
        plan.with_needs(cases.chain(suites).collect::<BTreeSet<_>>())
    };
    for id in used(|_| true) {
        let identity = &plan.identities[id.0 as usize];
        let shown_to = plan.worlds.get(identity.world).and_then(plain);
        if let Some(target) = shown_to.filter(|_| identity.login.kind.name == CERTIFICATE) {
            diags.push(diags::unseen_certificate(identity.span, &identity.name, target));
        }
    }
    for id in used(|step| !matches!(step.ask, Ask::Talk(Talk::Login, _))) {
        let identity = &plan.identities[id.0 as usize];
        let has_none = plan.worlds.get(identity.world).is_some_and(|world| world.tls.cert.is_none());
        if let Some(place) = identity.login.scheme.uncertified().filter(|_| has_none) {
            diags.push(diags::no_certificate(place, &identity.name, identity.span));
        }
    }
}

/// Those who send steps of a kind in a case, and those who send none and are needed all the same. To log in and see
/// what comes of it needs no good login.
fn callers(case: &Case, is_meant: fn(&Step) -> bool) -> Vec<IdentityId> {
    let caller = |step: &Step| match if step.caller == Caller::Case { case.caller } else { step.caller } {
        Caller::Identity(id) => Some(id),
        Caller::Case | Caller::Nobody | Caller::Anonymous => None,
    };
    let sending: Vec<&Step> = case.shape.steps.iter().flat_map(|step| step.sending()).collect();
    let senders: BTreeSet<IdentityId> = sending.iter().filter_map(|step| caller(step)).collect();
    let needed = case.shape.identities.iter().copied().filter(|id| !senders.contains(id));
    sending.iter().filter(|step| is_meant(step)).filter_map(|step| caller(step)).chain(needed).collect()
}

/// The target of a world, where it and all other places are written out as `http://`.
fn plain(world: &World) -> Option<crate::source::Span> {
    let target = world.target.as_ref()?;
    let is_plain = |url: &TargetUrl| match url {
        TargetUrl::Demo(demo) => !demo.tls,
        TargetUrl::Url(template) => {
            let address = template.as_literal().and_then(|text| Address::parse(text).ok());
            address.is_some_and(|address| address.url().scheme() == "http")
        }
    };
    let all = std::iter::once(&target.url).chain(world.targets.iter().map(|(_, target)| &target.url));
    (world.origins.is_empty() && all.into_iter().all(is_plain)).then_some(target.span)
}
