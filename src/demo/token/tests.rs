//! Tokens judged one defect at a time, most of them signed with the right key.

use std::sync::LazyLock;

use jsonwebtoken::{Header, encode};
use serde_json::Value;

use super::*;
use crate::demo::sessions::Lives;
use crate::demo::users::{Role, User};

const ISSUER: &str = "http://127.0.0.1:1";
const NOW: u64 = 1_800_000_000_250;
static PAIR: LazyLock<KeyPair> =
    LazyLock::new(|| KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap());
static KEYS: LazyLock<Keys> =
    LazyLock::new(|| Keys::of(Rsa::of_pem(&PAIR.serialize_pem()).unwrap(), Algorithm::RS256).unwrap());

fn minted(access: u64) -> String {
    let user = User::new("alice", "", Role::User);
    let lives = Lives { access, refresh: 10 };
    let opened = Opened { sid: "s".into(), user: "alice".into(), lives, refresh_token: String::new() };
    KEYS.mint(ISSUER, &user, &opened, NOW).unwrap()
}

/// A token signed with the right key, with other claims and header members.
fn forged(claims: Value, header: Value) -> String {
    let mut all = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "u-alice", "username": "alice", "roles": ["user"],
        "iat": NOW / 1000, "nbf": NOW / 1000, "exp": NOW / 1000 + 60, "jti": "j", "sid": "s",
    });
    let mut head = json!({ "alg": "RS256", "typ": "at+jwt", "kid": KEYS.kid });
    for (whole, part) in [(&mut all, claims), (&mut head, header)] {
        for (name, value) in part.as_object().unwrap() {
            whole[name] = value.clone();
        }
        whole.as_object_mut().unwrap().retain(|_, v| !v.is_null());
    }
    let head: Header = serde_json::from_value(head).unwrap();
    let key = EncodingKey::from_rsa_pem(PAIR.serialize_pem().as_bytes()).unwrap();
    encode(&head, &all, &key).unwrap()
}

fn refusal(token: &str) -> String {
    KEYS.verify(&Weak::default(), ISSUER, token, NOW).unwrap_err()
}

#[test]
fn a_token_lives_at_least_as_long_as_asked_and_not_a_second_more() {
    let token = minted(2);
    let claims = KEYS.verify(&Weak::default(), ISSUER, &token, NOW).unwrap();
    assert_eq!((claims.iat, claims.exp), (1_800_000_000, 1_800_000_003));
    assert!(KEYS.verify(&Weak::default(), ISSUER, &token, 1_800_000_002_999).is_ok());
    let late = KEYS.verify(&Weak::default(), ISSUER, &token, 1_800_000_003_000).unwrap_err();
    assert_eq!(late, "the token expired at 2027-01-15T08:00:03Z");
    assert_eq!(KEYS.verify(&Weak::default(), ISSUER, &minted(900), NOW).unwrap().exp, 1_800_000_900);
}

#[test]
fn every_claim_is_judged() {
    let none = || json!({});
    assert!(KEYS.verify(&Weak::default(), ISSUER, &forged(none(), none()), NOW).is_ok());
    assert!(KEYS.verify(&Weak::default(), ISSUER, &forged(json!({ "aud": ["other", AUDIENCE] }), none()), NOW).is_ok());
    for (claims, why) in [
        (json!({ "exp": NOW / 1000 }), "the token expired at 2027-01-15T08:00:00Z"),
        (json!({ "nbf": NOW / 1000 + 1 }), "the token is not valid before 2027-01-15T08:00:01Z"),
        (json!({ "iat": NOW / 1000 + 5 }), "the token is not valid before 2027-01-15T08:00:05Z"),
        (json!({ "iss": "http://127.0.0.1:1/" }), "the token was issued by somebody else"),
        (json!({ "iss": ["http://127.0.0.1:1"] }), "the token is malformed"),
        (json!({ "aud": "authspec-demo-2" }), "the token is meant for another audience"),
        (json!({ "aud": ["a", "b"] }), "the token is meant for another audience"),
        (json!({ "aud": [] }), "the token is meant for another audience"),
        (json!({ "exp": "1900000000" }), "the token lacks the claim exp"),
        (json!({ "roles": "admin" }), "the token is malformed"),
    ] {
        assert_eq!(refusal(&forged(claims.clone(), none())), why, "{claims}");
    }
    for claim in ["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "sid"] {
        let why = refusal(&forged(json!({ claim: null }), none()));
        assert!(why.starts_with("the token "), "{claim}: {why}");
    }
}

#[test]
fn the_header_is_judged() {
    for (header, why) in [
        (json!({ "typ": "JWT" }), "the type of the token is not at+jwt"),
        (json!({ "typ": null }), "the type of the token is not at+jwt"),
        (json!({ "kid": "other" }), "the token names a key that is not known here"),
        (json!({ "kid": null }), "the token names a key that is not known here"),
        (json!({ "alg": "PS256" }), "the token is not signed with RS256"),
        (json!({ "crit": ["exp"] }), "the token demands extensions that are not understood here"),
    ] {
        assert_eq!(refusal(&forged(json!({}), header.clone())), why, "{header}");
    }
    assert!(
        KEYS.verify(&Weak::default(), ISSUER, &forged(json!({}), json!({ "typ": "application/AT+JWT" })), NOW).is_ok()
    );
}

#[test]
fn the_signature_is_judged() {
    let good = minted(60);
    let parts: Vec<&str> = good.split('.').collect();
    let mut signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
    signature[100] ^= 1;
    let flipped = format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode(signature));
    assert_eq!(refusal(&flipped), "the signature does not verify");
    let swapped = format!("{}.{}.{}", parts[0], parts[1], minted(61).split('.').next_back().unwrap());
    assert_eq!(refusal(&swapped), "the signature does not verify");

    let none = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "at+jwt", "kid": KEYS.kid }).to_string());
    assert_eq!(refusal(&format!("{none}.{}.", parts[1])), "the token is malformed");
    let head = Header { typ: Some(TYPE.into()), kid: Some(KEYS.kid.clone()), ..Header::new(Algorithm::HS256) };
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let confused = encode(&head, &claims, &EncodingKey::from_secret(&KEYS.jwks)).unwrap();
    assert_eq!(refusal(&confused), "the token is not signed with RS256");
    for broken in [
        "",
        "abc",
        "..",
        "a.b",
        &format!("{good}."),
        &format!(".{good}"),
        &format!("{good}="),
        &format!("{}.{}", parts[0], parts[1]),
        &format!("{}.{}.", parts[0], parts[1]),
        &format!("{good}.{good}"),
    ] {
        assert!(KEYS.verify(&Weak::default(), ISSUER, broken, NOW).is_err(), "{broken}");
    }
}

#[test]
fn the_key_set_tells_nothing_private() {
    let set: Value = serde_json::from_slice(&KEYS.jwks).unwrap();
    let key = set["keys"][0].as_object().unwrap();
    let mut members: Vec<&str> = key.keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!((&key["alg"], &key["use"], &key["kty"]), (&json!("RS256"), &json!("sig"), &json!("RSA")));
}
