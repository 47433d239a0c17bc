//! Client certificates that nobody would see: TLS shows them, and a target with `http://` has none.

use std::collections::BTreeSet;

use super::{Plan, TargetUrl, World, diags};
use crate::auth::CERTIFICATE;
use crate::diag::Diagnostics;
use crate::http::Address;
use crate::step::{Caller, IdentityId};

/// Finds the identities of the run that are only known by their certificate, where nothing they send goes over TLS.
pub(super) fn check(plan: &Plan, diags: &mut Diagnostics) {
    let cases = plan.cases.iter().flat_map(|case| {
        let sending = case.shape.steps.iter().flat_map(|step| step.sending()).map(|step| step.caller);
        let callers = std::iter::once(case.caller).chain(sending).filter_map(|caller| match caller {
            Caller::Identity(id) => Some(id),
            Caller::Case | Caller::Nobody | Caller::Anonymous => None,
        });
        callers.chain(case.shape.identities.iter().copied()).collect::<Vec<_>>()
    });
    let suites = plan.suites.iter().flat_map(|suite| suite.identities.iter().copied());
    let used: BTreeSet<IdentityId> = cases.chain(suites).collect();
    for id in plan.with_needs(used) {
        let identity = &plan.identities[id.0 as usize];
        let shown_to = plan.worlds.get(identity.world).and_then(plain);
        if let Some(target) = shown_to.filter(|_| identity.login.kind.name == CERTIFICATE) {
            diags.push(diags::unseen_certificate(identity.span, &identity.name, target));
        }
    }
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
