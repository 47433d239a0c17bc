//! What a token says, and until when: each row needs a token that is correctly signed, or the refusal proves nothing.

use super::kit::Honest;
use super::presented::Forged;
use super::{Aim, Attacks, Challenge, Class, Expect, Family, Mutation, Need, Severity};

/// Mutations of claims.
pub(super) const FAMILY: Family = Family { name: "claims", title: "Claims and time", rows: ROWS };

/// How long after its end a token may be taken by a server whose clock is another: a minute, and one to be sure.
const PAST: i64 = 120;

const BASE: Mutation = Mutation {
    id: "",
    about: "",
    explain: "",
    refs: &[],
    severity: Severity::High,
    class: Class::Harmless,
    aim: Aim::Credential,
    attacks: Attacks::No,
    needs: &[Need::Honest(Honest::Made)],
    expect: Expect::Refused(&[401], Challenge::InvalidToken),
    apply: |p, _| Ok(Forged::new(p.without()?, "")),
};

const ROWS: &[Mutation] = &[Mutation {
    id: "token-expired",
    about: "a token that is over: `exp` lies two minutes back",
    explain: "The server does not look at `exp`, so that a stolen token works for ever. Verify it, with a minute of leeway at the most.",
    refs: &["RFC 7519 section 4.1.4", "ASVS 9.2.1", "API2:2023", "CWE-613"],
    needs: &[Need::Honest(Honest::Expired)],
    apply: |p, kit| {
        p.jwt()?;
        let past = kit.now.as_second() - PAST;
        let (token, how) = kit.honest(p, |_, claims| {
            for (name, back) in [("exp", 0), ("nbf", 600), ("iat", 600)] {
                if name == "exp" || claims.contains_key(name) {
                    claims.insert(name.to_owned(), (past - back).into());
                }
            }
        })?;
        Ok(Forged::new(p.with_token(&token)?, format!("the token is over ({how})")))
    },
    ..BASE
}];
