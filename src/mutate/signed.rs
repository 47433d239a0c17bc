//! Tokens that are correctly signed, and say too little, too much, or something else: each row needs the key that the
//! server trusts, or the refusal proves nothing.

use serde_json::{Map, Value, json};

use super::forged::{Forged, Unfit};
use super::presented::Presented;
use super::{Challenge, Expect, Family, Kit, Mutation, Severity};
use crate::jose;

/// Mutations of tokens under a signature that is good.
pub(super) const FAMILY: Family = Family { name: "signed", title: "Correctly signed, and wrong", rows: ROWS };

const AUDIENCE: &str = "Tokens are taken that were made for others, so that whoever runs another API gets in here. Compare `aud` as a whole with your own name, and refuse a token that names nobody.";
const LACKING: &str =
    "A claim that decides is not demanded, so that a token without it slips through. Demand it before it is compared.";

const ROWS: &[Mutation] = &[
    Mutation {
        id: "claim-exp-missing",
        about: "a token without an end",
        explain: "A token without `exp` works for ever once it is stolen. Demand the claim.",
        refs: &["RFC 9068 section 2.2", "ASVS 9.2.1", "CWE-613"],
        apply: |p, kit| without(p, kit, "exp"),
        ..super::BASE
    },
    Mutation {
        id: "claim-exp-text",
        about: "a token whose `exp` is a text",
        explain: "Times are numbers. What is converted or compared as a text may come out as an end that is far away.",
        refs: &["RFC 7519 section 2", "CWE-1287"],
        severity: Severity::Low,
        apply: |p, kit| {
            edited(p, kit, "`exp` is a text", |claims| {
                let exp = claims.get("exp").and_then(Value::as_i64)?;
                claims.insert("exp".to_owned(), exp.to_string().into())
            })
        },
        ..super::BASE
    },
    Mutation {
        id: "claim-iss-slash",
        about: "the issuer with a slash at its end, or without the one it has",
        explain: "Issuers are compared character by character: one that differs in a slash may be somebody else's.",
        refs: &["RFC 9068 section 4", "CWE-345"],
        severity: Severity::Low,
        apply: |p, kit| {
            edited(p, kit, "`iss` differs in the slash at its end", |claims| {
                let iss = claims.get("iss")?.as_str()?;
                let other = iss.strip_suffix('/').map_or_else(|| format!("{iss}/"), ToOwned::to_owned);
                claims.insert("iss".to_owned(), other.into())
            })
        },
        ..super::BASE
    },
    Mutation {
        id: "claim-aud-missing",
        about: "a token that is for nobody",
        explain: AUDIENCE,
        refs: &["RFC 9068 section 2.2", "ASVS 9.2.3", "CWE-345"],
        apply: |p, kit| without(p, kit, "aud"),
        ..super::BASE
    },
    Mutation {
        id: "claim-aud-empty",
        about: "a token whose list of audiences is empty",
        explain: AUDIENCE,
        refs: &["RFC 7519 section 4.1.3", "ASVS 9.2.3", "CWE-345"],
        apply: |p, kit| audience(p, kit, "the list of audiences is empty", |_| json!([])),
        ..super::BASE
    },
    Mutation {
        id: "claim-aud-null",
        about: "a token whose audience is `null`",
        explain: AUDIENCE,
        refs: &["RFC 7519 section 4.1.3", "ASVS 9.2.3", "CWE-345"],
        apply: |p, kit| audience(p, kit, "the audience is `null`", |_| Value::Null),
        ..super::BASE
    },
    Mutation {
        id: "claim-aud-object",
        about: "a token whose audience is an object, which is neither text nor a list",
        explain: AUDIENCE,
        refs: &["RFC 7519 section 4.1.3", "ASVS 9.2.3", "CWE-345"],
        apply: |p, kit| audience(p, kit, "the audience is an empty object", |_| json!({})),
        ..super::BASE
    },
    Mutation {
        id: "claim-aud-array-without",
        about: "a token for two other audiences",
        explain: AUDIENCE,
        refs: &["RFC 7519 section 4.1.3", "ASVS 9.2.3", "CWE-345"],
        apply: |p, kit| {
            audience(p, kit, "`aud` lists others", |_| json!(["https://other.example", "https://another.example"]))
        },
        ..super::BASE
    },
    Mutation {
        id: "claim-aud-array-with",
        about: "a token for this audience and another one: it has to be taken",
        explain: "`aud` may be a list, of which one member has to be your own name. A server that refuses this refuses tokens that are good.",
        refs: &["RFC 7519 section 4.1.3"],
        severity: Severity::Low,
        expect: Expect::Taken,
        apply: |p, kit| audience(p, kit, "`aud` lists another one, too", |own| json!(["https://other.example", own])),
        ..super::BASE
    },
    Mutation {
        id: "claim-aud-prefix",
        about: "a token for an audience that begins like this one",
        explain: AUDIENCE,
        refs: &["ASVS 9.2.3", "CWE-345", "CWE-187"],
        apply: |p, kit| {
            audience(p, kit, "`aud` only begins like the right one", |own| json!(format!("{own}.evil.example")))
        },
        ..super::BASE
    },
    Mutation {
        id: "claim-sub-missing",
        about: "a token that is about nobody",
        explain: LACKING,
        refs: &["RFC 9068 section 2.2", "ASVS 10.3.3"],
        severity: Severity::Medium,
        expect: Expect::Refused(&[401, 403], Challenge::Any),
        apply: |p, kit| without(p, kit, "sub"),
        ..super::BASE
    },
    Mutation {
        id: "claim-typ-wrong",
        about: "another kind of token: `typ` is `JWT` where it was `at+jwt`",
        explain: "Any JWT of the issuer is taken for an access token: ID tokens, logout tokens, links in mails. Compare `typ`.",
        refs: &["RFC 8725 section 3.11", "RFC 9068 section 4", "ASVS 9.2.2"],
        severity: Severity::Medium,
        apply: |p, kit| {
            let (_, token) = p.jwt()?;
            let own = token.header().get("typ").and_then(Value::as_str).unwrap_or_default();
            if !own.to_ascii_lowercase().ends_with("at+jwt") {
                return Err(Unfit::not_here("the token does not say that it is an access token (`typ: at+jwt`)"));
            }
            headed(p, kit, "`typ` is `JWT`", |header| drop(header.insert("typ".to_owned(), "JWT".into())))
        },
        ..super::BASE
    },
    Mutation {
        id: "jwt-crit-unknown",
        about: "a token with an extension that it calls critical and nobody knows",
        explain: "What a token calls critical has to be understood, or the token refused: the extension may narrow what it is good for.",
        refs: &["RFC 7515 section 4.1.11"],
        severity: Severity::Medium,
        apply: |p, kit| {
            headed(p, kit, "`crit` names an extension that nobody knows", |header| {
                header.insert("crit".to_owned(), json!(["authspec-unknown"]));
                header.insert("authspec-unknown".to_owned(), true.into());
            })
        },
        ..super::BASE
    },
    Mutation {
        id: "jwt-b64-false",
        about: "a token that says that its claims are not encoded (`b64: false`)",
        explain: "A JWT must not use this extension, and whoever passes over `crit` reads other claims than were signed.",
        refs: &["RFC 7797 section 7", "RFC 7515 section 4.1.11"],
        severity: Severity::Medium,
        apply: |p, kit| {
            headed(p, kit, "`crit` names `b64`, which is false", |header| {
                header.insert("crit".to_owned(), json!(["b64"]));
                header.insert("b64".to_owned(), false.into());
            })
        },
        ..super::BASE
    },
];

/// The token without a claim.
fn without(p: &Presented<'_>, kit: &Kit<'_>, name: &str) -> Result<Forged, Unfit> {
    edited(p, kit, &format!("`{name}` is gone"), |claims| claims.remove(name))
}

/// The token with another audience, made of the first of its own.
fn audience(p: &Presented<'_>, kit: &Kit<'_>, change: &str, make: impl FnOnce(&str) -> Value) -> Result<Forged, Unfit> {
    edited(p, kit, change, |claims| {
        let own = claims.get("aud")?;
        let own = own.as_str().or_else(|| own.get(0)?.as_str())?.to_owned();
        claims.insert("aud".to_owned(), make(&own))
    })
}

/// The token with a claim changed; the edit gives nothing where the claim is not there to be changed.
pub(super) fn edited<T>(
    p: &Presented<'_>,
    kit: &Kit<'_>,
    change: &str,
    edit: impl FnOnce(&mut Map<String, Value>) -> Option<T>,
) -> Result<Forged, Unfit> {
    let (_, token) = p.jwt()?;
    let Ok(Value::Object(mut claims)) = token.claims() else {
        return Err(Unfit::not_here("the token has no claims"));
    };
    edit(&mut claims).ok_or_else(|| Unfit::not_here("the token has no such claim"))?;
    signed(p, kit, change, token.header().clone(), Value::Object(claims).to_string().as_bytes())
}

/// The token with something changed in its header.
fn headed(
    p: &Presented<'_>,
    kit: &Kit<'_>,
    change: &str,
    edit: impl FnOnce(&mut Map<String, Value>),
) -> Result<Forged, Unfit> {
    let (_, token) = p.jwt()?;
    let mut header = token.header().clone();
    edit(&mut header);
    signed(p, kit, change, header, token.payload())
}

fn signed(
    p: &Presented<'_>,
    kit: &Kit<'_>,
    change: &str,
    header: Map<String, Value>,
    payload: &[u8],
) -> Result<Forged, Unfit> {
    let made = sign(kit, header, payload)?;
    let forged = Forged::new(p.with_token(&made)?, format!("{change}, and it is signed with the signing key"));
    Ok(Forged { is_signed: true, ..forged })
}

/// The token once more with nothing wrong, as those that are: its claims are written anew, with a blank that says
/// nothing, and signed with the key that the server trusts. A server that refuses this one refuses whatever it did not
/// make itself.
pub fn signed_anew(p: &Presented<'_>, kit: &Kit<'_>) -> Result<String, Unfit> {
    let (_, token) = p.jwt()?;
    let Ok(Value::Object(claims)) = token.claims() else {
        return Err(Unfit::not_here("the token has no claims"));
    };
    let written = Value::Object(claims).to_string();
    // As it was written it would be the same token where no signature is another each time.
    let written = if token.payload().starts_with(b"{ ") { written } else { written.replacen('{', "{ ", 1) };
    sign(kit, token.header().clone(), written.as_bytes())
}

fn sign(kit: &Kit<'_>, header: Map<String, Value>, payload: &[u8]) -> Result<String, Unfit> {
    let (key, algorithm) = (kit.signer)()?;
    jose::sign(algorithm, header, payload, &key).map_err(|fault| Unfit::Unavailable {
        why: format!("the signing key does not sign it: {fault}"),
        add: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::super::testing::{get, kit};
    use super::super::{Kit, Presented, Unfit};
    use super::{FAMILY, signed_anew};
    use crate::jose::{Algorithm, Jwks, Key, Token, sign};

    fn members(value: Value) -> Map<String, Value> {
        let Value::Object(members) = value else { panic!("{value}") };
        members
    }

    /// How many members are other than before, came or went.
    fn changed(before: &Map<String, Value>, now: &Map<String, Value>) -> usize {
        let came = now.iter().filter(|(name, value)| before.get(*name) != Some(value)).count();
        came + before.keys().filter(|name| !now.contains_key(*name)).count()
    }

    #[test]
    fn each_is_signed_by_the_key_that_is_trusted_and_differs_in_one_thing() {
        let key = Key::generate(Algorithm::Es256).unwrap();
        let header = members(json!({ "typ": "at+jwt", "kid": "k" }));
        let claims = json!({ "sub": "alice", "aud": "api", "iss": "https://id.test", "exp": 1_700_000_300 });
        let token = sign(Algorithm::Es256, header, claims.to_string().as_bytes(), &key).unwrap();
        let own = Token::parse(&token).unwrap().header().clone();
        let request = get("/me", &[("authorization", &format!("Bearer {token}"))]);
        let presented = Presented::new(&request, &[], &[], &[]);
        for row in FAMILY.rows {
            assert!(matches!((row.apply)(&presented, &kit()), Err(Unfit::Unavailable { .. })), "{}", row.id);
            let signer = || Ok((key.clone(), Algorithm::Es256));
            let forged = (row.apply)(&presented, &Kit { signer: &signer, ..kit() }).unwrap().request;
            let text = forged.headers.text("authorization").unwrap();
            let read = Token::parse(text.trim_start_matches("Bearer ")).unwrap();
            let of_header = changed(&own, read.header());
            let critical = usize::from(read.header().contains_key("crit"));
            if critical == 0 {
                let public = Key::from_jwk(&key.public_jwk().unwrap()).unwrap();
                Jwks::of(public).verify(&read).unwrap();
            }
            let of_claims = changed(&members(claims.clone()), &members(read.claims().unwrap()));
            // An extension takes two members: what it is, and that it is critical.
            assert_eq!(of_header + of_claims - critical, 1, "{}", row.id);
        }
    }

    #[test]
    fn what_is_signed_anew_says_the_same_in_other_bytes() {
        let secret = Key::secret(b"a secret of forty characters, or nearly so").unwrap();
        for claims in [r#"{"sub":"alice","exp":1700000300}"#, r#"{ "sub":"alice","exp":1700000300}"#, "{}"] {
            let header = members(json!({ "typ": "at+jwt", "kid": "k" }));
            let token = sign(Algorithm::Hs256, header, claims.as_bytes(), &secret).unwrap();
            let request = get("/me", &[("authorization", &format!("Bearer {token}"))]);
            let presented = Presented::new(&request, &[], &[], &[]);
            assert!(matches!(signed_anew(&presented, &kit()), Err(Unfit::Unavailable { .. })));
            let signer = || Ok((secret.clone(), Algorithm::Hs256));
            let made = signed_anew(&presented, &Kit { signer: &signer, ..kit() }).unwrap();
            let (old, new) = (Token::parse(&token).unwrap(), Token::parse(&made).unwrap());
            Jwks::of(secret.clone()).verify(&new).unwrap();
            assert_ne!(token, made);
            assert_eq!((old.header(), old.claims().unwrap()), (new.header(), new.claims().unwrap()));
        }
    }

    #[test]
    fn what_is_not_there_cannot_be_changed() {
        let key = Key::generate(Algorithm::Es256).unwrap();
        let token = sign(Algorithm::Es256, Map::new(), br#"{"name":"alice"}"#, &key).unwrap();
        let request = get("/me", &[("authorization", &format!("Bearer {token}"))]);
        let presented = Presented::new(&request, &[], &[], &[]);
        let signer = || Ok((key.clone(), Algorithm::Es256));
        let kit = Kit { signer: &signer, ..kit() };
        for row in FAMILY.rows.iter().filter(|row| row.id.starts_with("claim-")) {
            assert!(matches!((row.apply)(&presented, &kit), Err(Unfit::NotApplicable(_))), "{}", row.id);
        }
    }
}
