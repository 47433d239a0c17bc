//! What a token says, and until when: each row needs a token that is correctly signed, or the refusal proves nothing.

use serde_json::Value;

use super::forged::{Forged, Unfit};
use super::presented::Presented;
use super::signed::edited;
use super::{Bad, Class, Family, Kit, Mutation, Severity};

/// Mutations of claims.
pub(super) const FAMILY: Family = Family { name: "claims", title: "Claims and time", rows: ROWS };

/// How long after its end a token may be taken by a server whose clock is another: a minute, and one to be sure.
pub const LEEWAY: i64 = 120;

const ROWS: &[Mutation] = &[
    Mutation {
        id: "token-expired",
        about: "a token that is over: `exp` lies two minutes back",
        explain: "The server takes a token that was over by two minutes. Either it does not look at `exp`, so that a stolen token works for ever, or its leeway is larger than that (five minutes are the default of ASP.NET). Verify `exp`, with a minute of leeway at the most.",
        refs: &["RFC 7519 section 4.1.4", "ASVS 9.2.1", "API2:2023", "CWE-613"],
        apply: |p, kit| {
            p.jwt()?;
            let past = kit.now.as_second() - LEEWAY;
            edited(p, kit, "the token is over", |claims| {
                for (name, back) in [("exp", 0), ("nbf", 600), ("iat", 600)] {
                    if name == "exp" || claims.contains_key(name) {
                        claims.insert(name.to_owned(), (past - back).into());
                    }
                }
                Some(())
            })
        },
        bad: Some(Bad::Over),
        class: Class::Waits,
        ..super::BASE
    },
    Mutation {
        id: "token-not-yet-valid",
        about: "a token that is not valid yet: `nbf` lies two minutes ahead",
        explain: "The server takes a token two minutes before its time. Either it does not look at `nbf`, so that a token made ahead works at once, or its leeway is larger than that. Verify it, with a minute of leeway at the most.",
        refs: &["RFC 7519 section 4.1.5", "ASVS 9.2.1"],
        severity: Severity::Medium,
        apply: |p, kit| set(p, kit, "nbf", (kit.now.as_second() + LEEWAY).into(), "`nbf` lies ahead"),
        ..super::BASE
    },
    Mutation {
        id: "token-wrong-audience",
        about: "a token for another audience",
        explain: "The server takes tokens that were made for another API, so that whoever runs that one gets in here. Compare `aud` with your own name.",
        refs: &["RFC 7519 section 4.1.3", "RFC 9068 section 4", "ASVS 9.2.3", "API2:2023", "CWE-345"],
        apply: |p, kit| set(p, kit, "aud", "https://other.example".into(), "`aud` is another"),
        bad: Some(Bad::Audience),
        ..super::BASE
    },
    Mutation {
        id: "token-wrong-issuer",
        about: "a token of another issuer",
        explain: "The server takes tokens whatever issuer they name. Compare `iss` with the one that you trust, character by character.",
        refs: &["RFC 8725 section 3.8", "RFC 9068 section 4", "CWE-345"],
        // Where no token names an issuer, there is but one, and nothing to compare.
        apply: |p, kit| {
            edited(p, kit, "`iss` is another", |claims| {
                claims.get("iss")?;
                claims.insert("iss".to_owned(), "https://other.example".into())
            })
        },
        bad: Some(Bad::Issuer),
        ..super::BASE
    },
];

/// A token that is good but for one claim.
fn set(p: &Presented<'_>, kit: &Kit<'_>, name: &str, value: Value, change: &str) -> Result<Forged, Unfit> {
    edited(p, kit, change, |claims| {
        claims.insert(name.to_owned(), value);
        Some(())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{get, kit};
    use super::super::{Kit, Presented, Unfit};
    use super::FAMILY;
    use crate::jose::{Algorithm, Jwks, Key, Token, sign};

    #[test]
    fn a_token_that_is_wrong_in_one_claim_is_signed_by_the_key_that_is_trusted() {
        let key = Key::generate(Algorithm::Es256).unwrap();
        let claims = json!({ "sub": "alice", "aud": "a", "iss": "i", "exp": 1_700_000_300 });
        let token = sign(Algorithm::Es256, serde_json::Map::new(), claims.to_string().as_bytes(), &key).unwrap();
        let request = get("/me", &[("authorization", &format!("Bearer {token}"))]);
        let presented = Presented::new(&request, &[], &[], &[]);
        for row in FAMILY.rows {
            assert!(matches!((row.apply)(&presented, &kit()), Err(Unfit::Unavailable { .. })), "{}", row.id);
            let signer = || Ok((key.clone(), Algorithm::Es256));
            let kit = Kit { signer: &signer, ..kit() };
            let forged = (row.apply)(&presented, &kit).unwrap().request;
            let text = forged.headers.text("authorization").unwrap();
            let read = Token::parse(text.trim_start_matches("Bearer ")).unwrap();
            let jwk = key.public_jwk().unwrap();
            Jwks::of(Key::from_jwk(&jwk).unwrap()).verify(&read).unwrap();
            let (Value::Object(now), Value::Object(before)) = (read.claims().unwrap(), claims.clone()) else {
                panic!()
            };
            let other = now.iter().filter(|(name, value)| before.get(*name) != Some(value)).count();
            assert_eq!(other, 1, "{}", row.id);
        }
    }

    #[test]
    fn where_no_token_names_an_issuer_none_can_be_wrong() {
        let key = Key::generate(Algorithm::Es256).unwrap();
        let token = sign(Algorithm::Es256, serde_json::Map::new(), br#"{"sub":"alice"}"#, &key).unwrap();
        let request = get("/me", &[("authorization", &format!("Bearer {token}"))]);
        let presented = Presented::new(&request, &[], &[], &[]);
        let signer = || Ok((key.clone(), Algorithm::Es256));
        let row = FAMILY.rows.iter().find(|row| row.id == "token-wrong-issuer").unwrap();
        let unfit = (row.apply)(&presented, &Kit { signer: &signer, ..kit() });
        assert!(matches!(unfit, Err(Unfit::NotApplicable(_))));
    }
}
