//! Packs: mutations that are asked for together, by one name.

use super::{Mutation, mutations};

/// A named set of mutations.
#[derive(Debug)]
pub struct Pack {
    /// Its name behind `pack.`.
    pub name: &'static str,
    /// What is in it, one sentence.
    pub about: &'static str,
    /// Which rows it takes.
    pub wants: Wants,
}

/// Which rows a pack takes.
#[derive(Debug, Clone, Copy)]
pub enum Wants {
    /// These, in this order.
    These(&'static [&'static str]),
    /// Those of families.
    Families(&'static [&'static str]),
    /// Those that stand on a reference that begins so.
    Reference(&'static str),
    /// All.
    All,
}

/// The pack for whoever does not know which one to take.
pub const DEFAULT_PACK: &str = "bearer";

/// All packs.
pub const PACKS: &[Pack] = &[
    Pack {
        name: "bearer",
        about: "those to begin with: no key needed, nothing destroyed",
        wants: Wants::These(&[
            "hdr-missing",
            "hdr-empty",
            "hdr-wrong-scheme",
            "hdr-lowercase-scheme",
            "tok-garbage",
            "jwt-payload-tamper",
            "jwt-sig-bitflip",
            "jwt-sig-stripped",
            "jwt-alg-none",
            "jwt-alg-none-case",
            "jwt-alg-confusion",
            "jwt-embedded-jwk",
            "jwt-kid-unknown",
            "life-id-as-access",
            "life-refresh-as-access",
            "loc-query",
            "resp-401-challenge",
        ]),
    },
    Pack {
        name: "header",
        about: "where the credential stands and how it is written",
        wants: Wants::Families(&["header"]),
    },
    Pack {
        name: "jwt",
        about: "what a token says of itself, under signatures that are not those of its issuer",
        wants: Wants::Families(&["token", "signature", "keys"]),
    },
    Pack {
        name: "expiry",
        about: "tokens that are over, not yet valid, for somebody else, or wrong in another claim, each correctly signed",
        wants: Wants::Families(&["claims", "signed"]),
    },
    Pack {
        name: "session",
        about: "session cookies: what is left of one, and the id in other places; changes without the token of their session",
        wants: Wants::These(&[
            "sess-none",
            "sess-garbage",
            "sess-truncated",
            "sess-bitflip",
            "sess-param",
            "sess-in-url",
            "csrf-missing",
            "csrf-empty",
            "csrf-wrong",
        ]),
    },
    Pack {
        name: "plain",
        about: "passwords of `Basic` and opaque tokens and keys: well-formed ones that are wrong, and keys in other places",
        wants: Wants::Families(&["plain"]),
    },
    Pack {
        name: "cors",
        about: "what browsers are told: run it on a request with the `Origin` of your own pages",
        wants: Wants::Families(&["cors"]),
    },
    Pack {
        name: "bypass",
        about: "ways around a refusal: run it as somebody who may not",
        wants: Wants::Families(&["bypass", "trust"]),
    },
    Pack {
        name: "signing",
        about: "requests signed by `hmac` or `aws-sigv4`: no signature, or a good one for another request, time or place",
        wants: Wants::Families(&["signing"]),
    },
    Pack {
        name: "digest",
        about: "answers to a Digest challenge: to no nonce of the server, for another target or realm, weaker than asked, twice",
        wants: Wants::Families(&["digest"]),
    },
    Pack { name: "asvs", about: "all that stand on a requirement of OWASP ASVS 5.0", wants: Wants::Reference("ASVS ") },
    Pack {
        name: "api2-2023",
        about: "all that stand on OWASP API2:2023, Broken Authentication",
        wants: Wants::Reference("API2:2023"),
    },
    Pack { name: "all", about: "all mutations", wants: Wants::All },
];

impl Pack {
    /// Finds a pack as suites name it, `pack.header`.
    pub fn named(name: &str) -> Option<&'static Self> {
        let name = name.strip_prefix("pack.")?;
        PACKS.iter().find(|p| p.name == name)
    }

    /// The rows in it.
    pub fn rows(&self) -> Vec<&'static Mutation> {
        match self.wants {
            Wants::These(ids) => ids.iter().filter_map(|id| super::mutation(id)).collect(),
            Wants::Families(names) => {
                super::MUTATIONS.iter().filter(|f| names.contains(&f.name)).flat_map(|f| f.rows).collect()
            }
            Wants::Reference(start) => mutations().filter(|m| m.refs.iter().any(|r| r.starts_with(start))).collect(),
            Wants::All => mutations().collect(),
        }
    }
}
