//! Tests over the whole table.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use proptest::prelude::*;
use serde_json::json;

use super::testing::{get, kit};
use super::{
    CATALOGUE, Class, DEFAULT_PACK, Kit, MUTATIONS, PACKS, Pack, Presented, Standing, Unfit, mutation, mutations,
};
use crate::http::is_safe;
use crate::jose::{Algorithm, Jwks, Key};

#[test]
fn ids_are_unique_and_kebab_case() {
    let mut seen = BTreeSet::new();
    for row in mutations() {
        assert!(seen.insert(row.id), "`{}` stands twice", row.id);
        assert!(row.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", row.id);
        assert!(!row.id.starts_with("pack") && row.id != "none");
        assert!(!row.about.is_empty() && !row.about.ends_with('.') && !row.explain.is_empty(), "{}", row.id);
        assert!(!row.refs.is_empty(), "`{}` stands on nothing", row.id);
    }
}

#[test]
fn the_catalogue_and_the_table_agree() {
    let mut built = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for entry in CATALOGUE {
        assert!(seen.insert(entry.id), "`{}` stands twice", entry.id);
        match entry.standing {
            Standing::Built | Standing::Partly(_) => {
                assert!(mutation(entry.id).is_some(), "`{}` is called built, and there is no row", entry.id);
                built.insert(entry.id);
            }
            Standing::As(rows) => {
                for id in rows {
                    assert!(mutation(id).is_some(), "`{}` is called built as `{id}`, and there is no row", entry.id);
                    built.insert(id);
                }
            }
            Standing::NotHere(why) | Standing::LeftOut(why) | Standing::Flow(why) => {
                assert!(mutation(entry.id).is_none() && !why.is_empty(), "{}", entry.id);
            }
        }
    }
    for row in mutations() {
        assert!(built.contains(row.id), "`{}` stands in no block of the catalogue", row.id);
    }
}

#[test]
fn packs_hold_what_they_name() {
    for pack in PACKS {
        assert!(!pack.rows().is_empty(), "`pack.{}` is empty", pack.name);
        if let super::Wants::These(ids) = pack.wants {
            assert_eq!(pack.rows().len(), ids.len(), "`pack.{}` names what is not there", pack.name);
        }
        if let super::Wants::Families(names) = pack.wants {
            assert!(names.iter().all(|n| MUTATIONS.iter().any(|f| f.name == *n)), "{}", pack.name);
        }
    }
    assert!(Pack::named(&format!("pack.{DEFAULT_PACK}")).is_some());
}

#[test]
fn rows_that_may_cost_data_or_time_are_known() {
    let of = |class: Class| mutations().filter(move |m| m.class == class).map(|m| m.id).collect::<Vec<_>>();
    assert_eq!(of(Class::Waits), ["token-expired"]);
    let destructive = [
        "csrf-missing",
        "csrf-empty",
        "csrf-wrong",
        "csrf-origin-foreign",
        "csrf-simple-ct",
        "az-method-override",
        "az-method-override-short",
        "az-method-override-query",
        "hmac-body",
        "hmac-path",
        "hmac-query",
        "hmac-method",
        "hmac-header-swap",
        "hmac-stale",
        "hmac-future",
        "hmac-replay",
    ];
    assert_eq!(of(Class::Destructive), destructive);
    let default = Pack::named(&format!("pack.{DEFAULT_PACK}")).unwrap();
    assert!(default.rows().iter().all(|row| row.class == Class::Harmless));
}

/// So a request that only reads needs no leave, whatever it is sent with.
#[test]
fn no_row_makes_a_request_write_that_reads() {
    let fields = [("authorization", "Bearer a.b.c"), ("cookie", "sid=77"), ("origin", "https://app.example")];
    let request = get("/orders/1", &fields);
    let cookies = ["sid".to_owned()];
    let (mut made, mut written) = (0, 0);
    for row in mutations() {
        let Ok(forged) = (row.apply)(&Presented::new(&request, &[], &[], &cookies), &kit()) else { continue };
        made += 1;
        // Nobody knows that method.
        let reads = is_safe(&forged.request.method) || forged.request.method == "FOO";
        let names = forged.request.headers.iter().map(|(name, _)| name.to_ascii_lowercase());
        let overrides = names.filter(|name| name.contains("method-override")).count();
        written += usize::from(!reads) + overrides + usize::from(forged.request.address.query().contains("_method"));
        assert_eq!(written, 0, "`{}` may write", row.id);
    }
    assert!(made > 60, "{made}");
}

/// What these rows ask is whether the server is such a reader.
const SAME_TO_THE_LENIENT: &[&str] =
    &["jwt-b64-plus-slash", "jwt-b64-std-alphabet", "jwt-b64-unused-bits", "jwt-b64-whitespace"];

/// A token that is good, and what any row of tokens makes of it.
fn forged(row: &super::Mutation, algorithm: Algorithm) -> Option<String> {
    forged_of(row, algorithm, &json!({ "sub": "alice", "exp": 4_000_000_000_i64 }), "k1")
}

/// The same of a token that says something else.
fn forged_of(row: &super::Mutation, algorithm: Algorithm, claims: &serde_json::Value, kid: &str) -> Option<String> {
    let key = match algorithm {
        Algorithm::Hs256 => Key::secret(&[7; 32]).unwrap(),
        _ => Key::generate(algorithm).unwrap(),
    };
    let header = serde_json::Map::from_iter([("typ".to_owned(), json!("at+jwt")), ("kid".to_owned(), json!(kid))]);
    let token = crate::jose::sign(algorithm, header, claims.to_string().as_bytes(), &key).unwrap();
    let request = get("/me", &[("authorization", &format!("Bearer {token}"))]);
    let known = [("access_token".into(), json!(token))];
    let presented = Presented::new(&request, &known, &[], &[]);
    let part = |name: &str| Some(format!("other-{name}"));
    // With a certificate that is none: what matters is that it is a public text.
    let public = || {
        let mut jwk = key.public_jwk().map_err(|fault| Unfit::not_here(fault.to_string()))?;
        jwk["x5c"] = json!(["AAAA"]);
        Ok(super::Published { jwk, key: key.clone() })
    };
    let kit = Kit { part: &part, public: &public, ..kit() };
    let forged = (row.apply)(&presented, &kit).ok()?;
    assert_ne!(forged.request, request, "`{}` changes nothing", row.id);
    let field = forged.request.headers.text("authorization").unwrap();
    let text = field.strip_prefix("Bearer ").unwrap().to_owned();
    let refused = crate::jose::Token::parse(&text).and_then(|read| Jwks::of(key.clone()).verify(&read));
    assert!(refused.is_err(), "`{}` makes a token that is good", row.id);
    if !SAME_TO_THE_LENIENT.contains(&row.id) {
        assert_ne!(lenient(&text), lenient(&token), "a lenient reader sees the same token in `{}`", row.id);
    }
    Some(text)
}

/// The bytes of a token's parts as a reader sees them that takes any alphabet, padding and unused bits.
fn lenient(token: &str) -> Vec<Option<Vec<u8>>> {
    let engine = GeneralPurpose::new(
        &base64::alphabet::URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let plain = |part: &str| part.replace('+', "-").replace('/', "_").replace(['=', ' '], "");
    token.split('.').map(|part| engine.decode(plain(part)).ok()).collect()
}

#[test]
fn a_strict_verifier_refuses_what_every_row_of_tokens_makes() {
    let families = ["token", "signature", "keys", "purpose"];
    let rows = MUTATIONS.iter().filter(|f| families.contains(&f.name)).flat_map(|f| f.rows);
    // One sends nothing, and one is about what is no JWT.
    for row in rows.filter(|row| !["jwt-hs-weak-key", "tok-case"].contains(&row.id)) {
        let made: Vec<_> = [Algorithm::Es256, Algorithm::Rs256, Algorithm::Hs256]
            .map(|a| forged(row, a))
            .into_iter()
            .flatten()
            .collect();
        assert!(!made.is_empty(), "`{}` applies to no token", row.id);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever a token says: no row leaves it good, and none but those that ask for it the same to a lenient reader.
    #[test]
    fn no_row_of_tokens_leaves_any_token_good(
        sub in "\\PC{1,24}",
        kid in "[ -~]{1,24}",
        more in proptest::collection::btree_map("[a-z_]{1,12}", "\\PC{0,40}", 0..5),
        days in 1_i64..40_000,
    ) {
        let mut claims = json!({ "sub": sub, "exp": jiff::Timestamp::now().as_second() + days * 86_400 });
        let members = claims.as_object_mut().unwrap();
        for (name, value) in &more {
            members.entry(name.as_str()).or_insert_with(|| json!(value));
        }
        for family in MUTATIONS.iter().filter(|f| ["token", "signature", "keys", "purpose"].contains(&f.name)) {
            for row in family.rows.iter().filter(|row| row.id != "jwt-hs-weak-key") {
                forged_of(row, Algorithm::Es256, &claims, &kid);
                forged_of(row, Algorithm::Hs256, &claims, &kid);
            }
        }
    }
}

#[test]
fn what_is_no_token_has_no_signature_to_break() {
    let request = get("/me", &[("authorization", "Bearer opaque-token")]);
    let known = [("access_token".into(), json!("opaque-token"))];
    let presented = Presented::new(&request, &known, &[], &[]);
    for row in mutations().filter(|m| m.id.starts_with("jwt-")) {
        assert!(matches!((row.apply)(&presented, &kit()), Err(Unfit::NotApplicable(_))), "{}", row.id);
    }
}

#[test]
fn rows_of_signatures_make_what_they_say() {
    let row = |id: &str| forged(mutation(id).unwrap(), Algorithm::Es256).unwrap();
    let header = |token: &str| -> serde_json::Value {
        let part = crate::jose::decode(token.split('.').next().unwrap()).unwrap();
        serde_json::from_slice(&part).unwrap()
    };
    assert_eq!(header(&row("jwt-alg-none"))["alg"], "none");
    assert!(row("jwt-alg-none").ends_with('.') && !row("jwt-alg-none-keepsig").ends_with('.'));
    assert!(header(&row("jwt-alg-missing")).get("alg").is_none());
    assert_eq!(header(&row("jwt-embedded-jwk"))["jwk"]["kty"], "EC");
    assert_eq!(header(&row("jwt-kid-type"))["kid"], 7);
    assert!(crate::jose::unverified_claims(&row("jwt-payload-tamper")).unwrap()["exp"] == 4_102_444_800_i64);
    // What ends at that very second is given another end.
    let part = |claims: serde_json::Value| crate::jose::encode(claims.to_string());
    let far = format!(
        "{}.{}.c2ln",
        part(json!({ "alg": "ES256" })),
        part(json!({ "sub": "alice", "exp": 4_102_444_800_i64 }))
    );
    let other = super::token::tampered(&crate::jose::Token::parse(&far).unwrap()).unwrap();
    assert!(!far.contains(&other), "{far}");
    // A key of the sender's own really signs.
    let own = row("jwt-embedded-jwk");
    let read = crate::jose::Token::parse(&own).unwrap();
    let key = Key::from_jwk(&read.header()["jwk"]).unwrap();
    Jwks::of(key).verify(&read).unwrap();
}
