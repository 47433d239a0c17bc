//! Ways around a refusal: paths, methods and header fields that one layer reads otherwise than the next.

use super::presented::{Forged, retarget};
use super::{Aim, Attacks, Challenge, Class, Expect, Family, Mutation, Severity};

/// Ways around a refusal.
pub(super) const FAMILY: Family = Family { name: "bypass", title: "Ways around a refusal", rows: ROWS };

const BASE: Mutation = Mutation {
    id: "",
    about: "",
    explain: "",
    refs: &[],
    severity: Severity::High,
    class: Class::Harmless,
    aim: Aim::Bypass,
    attacks: Attacks::Yes,
    needs: &[],
    expect: Expect::Refused(&[401, 403, 404, 400, 405], Challenge::Any),
    apply: |p, _| Ok(Forged::new(p.request.clone(), "")),
};

const ROWS: &[Mutation] = &[Mutation {
    id: "az-path-dslash",
    about: "the path with two slashes at its beginning",
    explain: "The gateway that guards the path reads it otherwise than the application behind it. Normalise the path once, in front of every check.",
    refs: &["WSTG-ATHZ-02", "CWE-22"],
    apply: |p, _| {
        let mut request = p.request.clone();
        retarget(&mut request, &format!("/{}", p.request.address.target()))?;
        Ok(Forged::new(request, "a second slash stands in front of the path"))
    },
    ..BASE
}];
