//! The signature and what the header says of it: none at all, another algorithm, a key of the sender's own.

use aws_lc_rs::hmac;
use serde_json::{Map, Value, json};

use super::forged::{Forged, Unfit};
use super::presented::Presented;
use super::token::{BASE, segments, tampered, with_header};
use super::{Attacks, Challenge, Expect, Family, Mutation, Severity};
use crate::jose::{Algorithm, Key, Token, encode, sign_bytes};

/// Mutations of the signature.
pub(super) const FAMILY: Family = Family { name: "signature", title: "Signature and algorithm", rows: ROWS };

const UNVERIFIED: &str = "The signature is not verified, so that anybody writes the token they like. Verify it before anything in it is believed, with a library and a fixed algorithm.";
const HEADER_RULES: &str = "The token's own header decides how it is verified. Fix the algorithm and the key for each issuer, and compare the header with them.";
const OWN_KEY: &str =
    "A key that the token brings along is trusted, so that anybody signs. Take keys from your own configuration alone.";
const KID: &str =
    "`kid` is used as a path, a query or a command. Look it up in a list of known keys, and refuse what is not there.";

const ROWS: &[Mutation] = &[
    Mutation {
        id: "jwt-sig-bitflip",
        about: "one bit in the middle of the signature flipped",
        explain: UNVERIFIED,
        refs: &["RFC 7515 section 5.2", "API2:2023", "CWE-347"],
        apply: |p, _| {
            let (_, read) = p.jwt()?;
            let mut signature = read.signature().to_vec();
            let middle = signature.len() / 2;
            let byte = signature.get_mut(middle).ok_or_else(|| Unfit::not_here("the token has no signature"))?;
            *byte ^= 0x10;
            signed(
                p,
                |[header, payload, _]| format!("{header}.{payload}.{}", encode(&signature)),
                "one bit in the middle of the signature is flipped",
            )
        },
        ..BASE
    },
    Mutation {
        id: "jwt-sig-truncated",
        about: "the signature without its last four characters",
        explain: UNVERIFIED,
        refs: &["RFC 7515 section 5.2", "CWE-347"],
        apply: |p, _| {
            signed(
                p,
                |[h, c, s]| format!("{h}.{c}.{}", &s[..s.len().saturating_sub(4)]),
                "the signature lacks its last four characters",
            )
        },
        ..BASE
    },
    Mutation {
        id: "jwt-sig-stripped",
        about: "the token without its signature, the dot kept",
        explain: UNVERIFIED,
        refs: &["RFC 7515 section 5.2", "API2:2023", "CWE-347"],
        apply: |p, _| signed(p, |[h, c, _]| format!("{h}.{c}."), "the signature is gone"),
        ..BASE
    },
    Mutation {
        id: "jwt-sig-removed-nodot",
        about: "the token without its signature and its dot",
        explain: UNVERIFIED,
        refs: &["RFC 7515 section 7.1", "CWE-347"],
        apply: |p, _| signed(p, |[h, c, _]| format!("{h}.{c}"), "the signature and its dot are gone"),
        ..BASE
    },
    Mutation {
        id: "jwt-sig-zero",
        about: "zeros of the right length in place of the signature",
        explain: "Zeros are taken for a signature. Update the library that verifies ECDSA (CVE-2022-21449 and its kin).",
        refs: &["RFC 7515 section 5.2", "CWE-347"],
        apply: |p, _| {
            let zeros = encode(vec![0; p.jwt()?.1.signature().len()]);
            signed(p, |[h, c, _]| format!("{h}.{c}.{zeros}"), "the signature is all zeros")
        },
        ..BASE
    },
    Mutation {
        id: "jwt-es-psychic",
        about: "other claims under an ECDSA signature of zeros",
        explain: "Zeros are taken for an ECDSA signature, so that anybody writes the token they like. Update the library that verifies (CVE-2022-21449).",
        refs: &["WSTG-SESS-10", "CWE-347"],
        attacks: Attacks::Yes,
        apply: |p, _| {
            let (_, read) = p.jwt()?;
            if !read.header().get("alg").and_then(Value::as_str).is_some_and(|alg| alg.starts_with("ES")) {
                return Err(Unfit::not_here("the token is not signed with ECDSA"));
            }
            let (payload, zeros) = (tampered(&read)?, encode(vec![0; read.signature().len()]));
            signed(
                p,
                |[h, _, _]| format!("{h}.{payload}.{zeros}"),
                "the claims are others, and the signature is all zeros",
            )
        },
        ..BASE
    },
    Mutation {
        id: "jwt-es-psychic-der",
        about: "other claims under an ECDSA signature of two zeros in DER",
        explain: "Zeros are taken for an ECDSA signature, so that anybody writes the token they like. Update the library that verifies (CVE-2022-21449).",
        refs: &["WSTG-SESS-10", "CWE-347"],
        attacks: Attacks::Yes,
        apply: |p, _| {
            let (_, read) = p.jwt()?;
            if !read.header().get("alg").and_then(Value::as_str).is_some_and(|alg| alg.starts_with("ES")) {
                return Err(Unfit::not_here("the token is not signed with ECDSA"));
            }
            let (payload, zeros) = (tampered(&read)?, encode([0x30, 6, 2, 1, 0, 2, 1, 0]));
            signed(
                p,
                |[h, _, _]| format!("{h}.{payload}.{zeros}"),
                "the claims are others, and the signature is two zeros in DER",
            )
        },
        ..BASE
    },
    Mutation {
        id: "jwt-alg-none",
        about: "`alg: none` without a signature",
        explain: HEADER_RULES,
        refs: &["RFC 8725 section 3.1", "ASVS 9.1.2", "API2:2023", "WSTG-SESS-10", "CWE-347"],
        attacks: Attacks::Yes,
        apply: |p, _| unsigned(p, "none", false),
        ..BASE
    },
    Mutation {
        id: "jwt-alg-none-case",
        about: "`alg: nOnE` without a signature",
        explain: "`none` is refused in one spelling only. Allow the algorithms that are used, do not list those that are not.",
        refs: &["RFC 8725 section 3.1", "ASVS 9.1.2", "API2:2023", "CWE-347"],
        attacks: Attacks::Yes,
        apply: |p, _| unsigned(p, "nOnE", false),
        ..BASE
    },
    Mutation {
        id: "jwt-alg-none-title",
        about: "`alg: None` without a signature",
        explain: "`none` is refused in one spelling only. Allow the algorithms that are used, do not list those that are not.",
        refs: &["RFC 8725 section 3.1", "ASVS 9.1.2", "CWE-347"],
        attacks: Attacks::Yes,
        apply: |p, _| unsigned(p, "None", false),
        ..BASE
    },
    Mutation {
        id: "jwt-alg-none-upper",
        about: "`alg: NONE` without a signature",
        explain: "`none` is refused in one spelling only. Allow the algorithms that are used, do not list those that are not.",
        refs: &["RFC 8725 section 3.1", "ASVS 9.1.2", "CWE-347"],
        attacks: Attacks::Yes,
        apply: |p, _| unsigned(p, "NONE", false),
        ..BASE
    },
    Mutation {
        id: "jwt-alg-none-keepsig",
        about: "`alg: none` with the old signature kept",
        explain: HEADER_RULES,
        refs: &["RFC 8725 section 3.1", "ASVS 9.1.2", "CWE-347"],
        attacks: Attacks::Yes,
        apply: |p, _| unsigned(p, "none", true),
        ..BASE
    },
    Mutation {
        id: "jwt-alg-missing",
        about: "the header without `alg`",
        explain: HEADER_RULES,
        refs: &["RFC 7515 section 4.1.1", "CWE-347"],
        apply: |p, _| header(p, "`alg` is gone", |h| drop(h.remove("alg"))),
        ..BASE
    },
    Mutation {
        id: "jwt-alg-unknown",
        about: "an algorithm that nobody knows",
        explain: HEADER_RULES,
        refs: &["RFC 8725 section 3.1", "CWE-347"],
        apply: |p, _| header(p, "`alg` is `HS999`", |h| drop(h.insert("alg".to_owned(), "HS999".into()))),
        ..BASE
    },
    Mutation {
        id: "jwt-alg-type",
        about: "`alg` as a number",
        explain: "Input of a stranger reaches code that expects a text. Check the header's types before anything else.",
        refs: &["RFC 7515 section 4.1.1", "CWE-755"],
        severity: Severity::Medium,
        apply: |p, _| header(p, "`alg` is a number", |h| drop(h.insert("alg".to_owned(), 7.into()))),
        ..BASE
    },
    Mutation {
        id: "jwt-alg-null",
        about: "`alg` as nothing",
        explain: "Input of a stranger reaches code that expects a text. Check the header's types before anything else.",
        refs: &["RFC 7515 section 4.1.1", "CWE-755"],
        severity: Severity::Medium,
        apply: |p, _| header(p, "`alg` is null", |h| drop(h.insert("alg".to_owned(), Value::Null))),
        ..BASE
    },
    Mutation {
        id: "jwt-alg-empty",
        about: "`alg` as an empty text",
        explain: "Input of a stranger reaches code that expects a text. Check the header's types before anything else.",
        refs: &["RFC 7515 section 4.1.1", "CWE-755"],
        severity: Severity::Medium,
        apply: |p, _| header(p, "`alg` is empty", |h| drop(h.insert("alg".to_owned(), "".into()))),
        ..BASE
    },
    Mutation {
        id: "jwt-alg-array",
        about: "`alg` as a list",
        explain: "Input of a stranger reaches code that expects a text. Check the header's types before anything else.",
        refs: &["RFC 7515 section 4.1.1", "CWE-755"],
        severity: Severity::Medium,
        apply: |p, _| header(p, "`alg` is a list", |h| drop(h.insert("alg".to_owned(), json!(["none"])))),
        ..BASE
    },
    Mutation {
        id: "jwt-alg-swap-family",
        about: "another algorithm of the same kind of key, under the old signature",
        explain: UNVERIFIED,
        refs: &["RFC 8725 section 3.1", "CWE-347"],
        apply: |p, _| {
            let (_, read) = p.jwt()?;
            let own = read.header().get("alg").and_then(Value::as_str).unwrap_or_default();
            let other = match own {
                "RS256" => "PS256",
                "PS256" => "RS256",
                "RS384" => "PS384",
                "RS512" => "PS512",
                "ES256" => "ES384",
                "ES384" | "ES512" => "ES256",
                "HS256" => "HS512",
                "HS384" | "HS512" => "HS256",
                _ => return Err(Unfit::not_here("the token's algorithm has no sibling")),
            };
            header(p, &format!("`alg` is `{other}`, and the signature that of `{own}`"), |h| {
                drop(h.insert("alg".to_owned(), other.into()));
            })
        },
        ..BASE
    },
    Mutation {
        id: "jwt-hs-empty-key",
        about: "HS256 with an empty secret",
        explain: "An empty secret verifies: a missing setting became a key that everybody has. Refuse to start without a key.",
        refs: &["ASVS 9.1.2", "WSTG-SESS-10", "CWE-347"],
        attacks: Attacks::Yes,
        apply: |p, _| hs256(p, b"", None, "signed with HS256 and an empty secret"),
        ..BASE
    },
    Mutation {
        id: "jwt-embedded-jwk",
        about: "a key of the sender's own in the header (`jwk`), which signs the token",
        explain: OWN_KEY,
        refs: &["ASVS 9.1.3", "API2:2023", "CWE-347"],
        attacks: Attacks::Yes,
        apply: |p, _| {
            let (_, read) = p.jwt()?;
            let algorithm =
                if read.header().get("alg") == Some(&json!("RS256")) { Algorithm::Rs256 } else { Algorithm::Es256 };
            let unmade = |fault: crate::jose::JoseFault| Unfit::not_here(fault.to_string());
            let key = Key::generate(algorithm).map_err(unmade)?;
            let jwk = key.public_jwk().map_err(unmade)?;
            let head = with_header(&read, |h| {
                h.remove("kid");
                h.insert("alg".to_owned(), algorithm.name().into());
                h.insert("jwk".to_owned(), jwk);
            });
            let [_, payload, _] = segments(p.token()?)?;
            let text = format!("{head}.{payload}");
            let signature = sign_bytes(algorithm, text.as_bytes(), &key).map_err(unmade)?;
            Ok(Forged::new(
                p.with_token(&format!("{text}.{}", encode(signature)))?,
                "the header brings the key along that signs the token",
            ))
        },
        ..BASE
    },
    Mutation {
        id: "jwt-kid-unknown",
        about: "a `kid` that nobody knows, under the old signature",
        explain: HEADER_RULES,
        refs: &["RFC 7515 section 4.1.4", "RFC 8725 section 3.10", "ASVS 9.1.3", "API2:2023"],
        severity: Severity::Medium,
        apply: |p, _| {
            header(p, "`kid` is one that nobody knows", |h| drop(h.insert("kid".to_owned(), "no-such-key".into())))
        },
        ..BASE
    },
    Mutation {
        id: "jwt-kid-path",
        about: "a `kid` that is a path to an empty file, signed with an empty secret",
        explain: KID,
        refs: &["WSTG-SESS-10", "CWE-22"],
        attacks: Attacks::Yes,
        apply: |p, _| {
            hs256(
                p,
                b"",
                Some("../../../../dev/null".into()),
                "`kid` is a path to an empty file, and the secret is empty",
            )
        },
        ..BASE
    },
    Mutation {
        id: "jwt-kid-path-root",
        about: "a `kid` that is the path of an empty file from the root, signed with an empty secret",
        explain: KID,
        refs: &["WSTG-SESS-10", "CWE-22"],
        attacks: Attacks::Yes,
        // HMAC fills a secret up with zeros, so that an empty one and one of NUL bytes are the same.
        apply: |p, _| {
            hs256(p, b"", Some("/dev/null".into()), "`kid` is the path of an empty file, and the secret is empty")
        },
        ..BASE
    },
    Mutation {
        id: "jwt-kid-sqli",
        about: "a `kid` that is SQL and selects the secret which signs the token",
        explain: KID,
        refs: &["WSTG-SESS-10", "CWE-89"],
        attacks: Attacks::Yes,
        apply: |p, _| {
            hs256(p, b"known", Some("x' UNION SELECT 'known'--".into()), "`kid` is SQL that selects the secret")
        },
        ..BASE
    },
    Mutation {
        id: "jwt-kid-type",
        about: "`kid` as a number",
        explain: "Input of a stranger reaches code that expects a text. Check the header's types before anything else.",
        refs: &["RFC 7515 section 4.1.4", "CWE-755"],
        severity: Severity::Medium,
        apply: |p, _| header(p, "`kid` is a number", |h| drop(h.insert("kid".to_owned(), 7.into()))),
        ..BASE
    },
    Mutation {
        id: "jwt-kid-array",
        about: "`kid` as a list",
        explain: "Input of a stranger reaches code that expects a short text. Check the header before anything else.",
        refs: &["RFC 7515 section 4.1.4", "CWE-755"],
        severity: Severity::Medium,
        apply: |p, _| header(p, "`kid` is a list", |h| drop(h.insert("kid".to_owned(), json!(["a"])))),
        ..BASE
    },
    Mutation {
        id: "jwt-kid-object",
        about: "`kid` as an object",
        explain: "Input of a stranger reaches code that expects a short text. Check the header before anything else.",
        refs: &["RFC 7515 section 4.1.4", "CWE-755"],
        severity: Severity::Medium,
        apply: |p, _| header(p, "`kid` is an object", |h| drop(h.insert("kid".to_owned(), json!({ "a": 1 })))),
        ..BASE
    },
    Mutation {
        id: "jwt-kid-long",
        about: "a `kid` of 4 KB",
        explain: "Input of a stranger reaches code that expects a short text. Check the header before anything else.",
        refs: &["RFC 7515 section 4.1.4", "CWE-755"],
        severity: Severity::Medium,
        expect: Expect::Refused(&[401, 400, 431], Challenge::Any),
        apply: |p, _| header(p, "`kid` has 4 KB", |h| drop(h.insert("kid".to_owned(), "k".repeat(4_000).into()))),
        ..BASE
    },
];

/// The token with its parts put together otherwise.
fn signed(p: &Presented<'_>, join: impl FnOnce([&str; 3]) -> String, change: &str) -> Result<Forged, Unfit> {
    let (token, _) = p.jwt()?;
    Ok(Forged::new(p.with_token(&join(segments(token)?))?, change))
}

/// The token with another header under the old signature.
fn header(p: &Presented<'_>, change: &str, edit: impl FnOnce(&mut Map<String, Value>)) -> Result<Forged, Unfit> {
    let (_, read) = p.jwt()?;
    let head = with_header(&read, edit);
    signed(p, |[_, payload, signature]| format!("{head}.{payload}.{signature}"), change)
}

/// The token as one that says that it is not signed.
fn unsigned(p: &Presented<'_>, word: &str, keep: bool) -> Result<Forged, Unfit> {
    let (_, read) = p.jwt()?;
    let head = with_header(&read, |h| {
        h.insert("alg".to_owned(), word.into());
        h.remove("kid");
    });
    let change = format!(
        "`alg` is `{word}`, {}",
        if keep { "and the old signature stands" } else { "and there is no signature" }
    );
    signed(p, |[_, c, s]| format!("{head}.{c}.{}", if keep { s } else { "" }), &change)
}

/// The token signed with HS256 and a secret that the server should not have.
pub(super) fn hs256(p: &Presented<'_>, secret: &[u8], kid: Option<String>, change: &str) -> Result<Forged, Unfit> {
    let (_, read): (&str, Token) = p.jwt()?;
    let head = with_header(&read, |h| {
        h.insert("alg".to_owned(), "HS256".into());
        match kid {
            Some(kid) => drop(h.insert("kid".to_owned(), kid.into())),
            None => drop(h.remove("kid")),
        }
    });
    signed(
        p,
        |[_, payload, _]| {
            let text = format!("{head}.{payload}");
            let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
            format!("{text}.{}", encode(signature))
        },
        change,
    )
}
