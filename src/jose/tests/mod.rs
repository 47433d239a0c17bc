//! Published examples, and what must not be taken.

use serde_json::json;

use super::*;

mod vectors;

/// RFC 7638, section 3.1.
const RFC_7638_KEY: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

/// RFC 7515, appendix A.1: a secret, and the token that it signs.
const A1_SECRET: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const A1_TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// RFC 7515, appendix A.3: a key pair on P-256, and a token that it signed.
fn a3_key() -> Value {
    json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
    })
}
const A3_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

/// RFC 8037, appendix A: an Ed25519 key pair, and the token that it signs.
fn ed_key() -> Value {
    json!({
        "kty": "OKP", "crv": "Ed25519",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    })
}
const ED_TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

fn a1_key() -> Value {
    json!({ "kty": "oct", "k": A1_SECRET })
}

fn verify(token: &str, keys: &Value) -> Result<(), String> {
    let verified = Token::parse(token).and_then(|token| Jwks::from_json(keys)?.verify(&token));
    verified.map_err(|fault| fault.0)
}

#[test]
fn published_tokens_verify() {
    for (token, key) in [(A1_TOKEN, a1_key()), (A3_TOKEN, a3_key()), (ED_TOKEN, ed_key())] {
        assert_eq!(verify(token, &key), Ok(()));
        assert_eq!(verify(token, &json!({ "keys": [key] })), Ok(()));
        let (head, _) = token.rsplit_once('.').unwrap();
        assert!(verify(&format!("{head}.{}", encode("x")), &key).unwrap_err().contains("does not fit the key"));
    }
    assert_eq!(Token::parse(A1_TOKEN).unwrap().claims().unwrap()["iss"], "joe");
}

#[test]
fn signing_gives_the_published_token_and_what_verifies() {
    let ed = Key::from_jwk(&ed_key()).unwrap();
    let header = serde_json::Map::new();
    assert_eq!(sign(Algorithm::EdDsa, header.clone(), b"Example of Ed25519 signing", &ed).unwrap(), ED_TOKEN);
    for jwk in [a1_key(), a3_key(), ed_key()] {
        let key = Key::from_jwk(&jwk).unwrap();
        let token = sign(key.usual_algorithm(), header.clone(), b"{\"sub\":\"alice\"}", &key).unwrap();
        assert_eq!(verify(&token, &jwk), Ok(()));
        assert_eq!(unverified_claims(&token).unwrap()["sub"], "alice");
    }
    let public = json!({ "kty": "EC", "crv": "P-256", "x": a3_key()["x"], "y": a3_key()["y"] });
    let public = Key::from_jwk(&public).unwrap();
    assert!(!public.can_sign());
    assert!(sign(Algorithm::Es256, header, b"", &public).unwrap_err().0.contains("private"));
}

#[test]
fn the_algorithm_is_pinned_to_the_key() {
    let forged = |alg: &str| format!("{}.{}.", encode(json!({ "alg": alg }).to_string()), encode("{}"));
    for none in ["none", "None", "nOnE"] {
        assert!(verify(&forged(none), &a1_key()).unwrap_err().contains("not signed at all"));
    }
    assert!(verify(&forged("HS1"), &a1_key()).unwrap_err().contains("not known"));
    // The public key as an HMAC secret.
    assert!(verify(&forged("HS256"), &a3_key()).unwrap_err().contains("the key is an elliptic-curve key"));
    assert!(verify(&forged("ES384"), &a3_key()).unwrap_err().contains("on the curve P-256"));
    assert!(verify(&forged("HS512"), &json!({ "kty": "oct", "k": A1_SECRET, "alg": "HS256" })).is_err());
    assert!(verify(A1_TOKEN, &json!({ "kty": "oct", "k": A1_SECRET, "use": "enc" })).is_err());
    assert!(verify(A1_TOKEN, &json!({ "kty": "oct", "k": A1_SECRET, "key_ops": ["encrypt"] })).is_err());
    let critical = json!({ "alg": "HS256", "crit": ["b64"], "b64": false }).to_string();
    let critical = format!("{}.{}.{}", encode(critical), encode("{}"), encode("x"));
    assert!(verify(&critical, &a1_key()).unwrap_err().contains("crit"));
}

#[test]
fn keys_are_found_by_their_id() {
    let keyed = |id: &str, secret: &str| json!({ "kty": "oct", "kid": id, "k": encode(secret) });
    let secret = "0123456789abcdef0123456789abcdef";
    let key = Key::from_jwk(&keyed("b", secret)).unwrap();
    let token = sign(Algorithm::Hs256, serde_json::Map::new(), b"{}", &key).unwrap();
    let other = "another-0123456789-0123456789-0123456789";
    assert_eq!(verify(&token, &json!({ "keys": [keyed("a", other), keyed("b", secret)] })), Ok(()));
    let refused = |keys: Value| verify(&token, &json!({ "keys": keys })).unwrap_err();
    assert!(refused(json!([keyed("a", secret)])).contains("not among the keys"));
    assert!(refused(json!([keyed("b", other), keyed("b", secret)])).contains("several"));
    assert!(refused(json!([keyed("b", secret), a3_key()])).contains("mixes secrets"));
    assert!(refused(json!([])).contains("no key") && refused(json!([{ "kty": "x" }])).contains("`x`"));
}

#[test]
fn only_one_spelling_is_taken() {
    assert_eq!(decode("TWE").unwrap(), b"Ma");
    for (bad, words) in [
        ("TWF=", "padding"),
        ("TW+_", "character 3"),
        ("TW E", "character 3"),
        ("TWF", "unused bits"),
        ("TWEaa", "length"),
    ] {
        assert!(decode(bad).unwrap_err().0.contains(words), "{bad}: {}", decode(bad).unwrap_err());
    }
    for (bad, words) in [
        ("", "no dots"),
        ("opaque", "no dots"),
        ("a.b", "2 parts"),
        ("a.b.c.d.e", "encrypted"),
        ("e30.e30", "2 parts"),
        ("W10.e30.x", "its signature"),
        ("W10.e30.", "not a JSON object"),
        ("e30=.e30.", "padding"),
    ] {
        assert!(Token::parse(bad).unwrap_err().0.contains(words), "{bad}: {}", Token::parse(bad).unwrap_err());
    }
}

#[test]
fn thumbprints_are_those_of_the_rfc() {
    let key = json!({ "kty": "RSA", "n": RFC_7638_KEY, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29" });
    assert_eq!(thumbprint(&key).unwrap(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_eq!(thumbprint(&ed_key()).unwrap(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert!(thumbprint(&json!({ "kty": "EC" })).is_err() && thumbprint(&json!("x")).is_err());
}

#[test]
fn keys_are_read_from_pem() {
    for (kind, curve) in [("es256", "P-256"), ("es384", "P-384")] {
        let algorithm = if curve == "P-256" { &rcgen::PKCS_ECDSA_P256_SHA256 } else { &rcgen::PKCS_ECDSA_P384_SHA384 };
        let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let private = Key::from_text(&pair.serialize_pem()).unwrap();
        let public = Key::from_text(&pair.public_key_pem()).unwrap();
        let token = sign(private.usual_algorithm(), serde_json::Map::new(), b"{}", &private).unwrap();
        assert_eq!(Jwks::of(public).verify(&Token::parse(&token).unwrap()), Ok(()), "{kind}");
        let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&pair).unwrap().pem();
        let public = Key::from_text(&certificate).unwrap();
        assert_eq!(Jwks::of(public).verify(&Token::parse(&token).unwrap()), Ok(()), "{kind}");
    }
    let ed = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let private = Key::from_text(&ed.serialize_pem()).unwrap();
    let token = sign(Algorithm::EdDsa, serde_json::Map::new(), b"{}", &private).unwrap();
    let public = Jwks::of(Key::from_text(&ed.public_key_pem()).unwrap());
    assert_eq!(public.verify(&Token::parse(&token).unwrap()), Ok(()));
    for bad in [
        "",
        "x",
        "{",
        "{}",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        "-----BEGIN X-----\n-----END X-----",
    ] {
        assert!(Key::from_text(bad).is_err(), "{bad}");
    }
}

#[test]
fn rsa_keys_are_read_and_sign() {
    let pair = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let private = Key::from_text(&pair.serialize_pem()).unwrap();
    let public = Jwks::of(Key::from_text(&pair.public_key_pem()).unwrap());
    for algorithm in
        [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512, Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512]
    {
        let token = sign(algorithm, serde_json::Map::new(), b"{}", &private).unwrap();
        assert_eq!(public.verify(&Token::parse(&token).unwrap()), Ok(()), "{}", algorithm.name());
    }
}

#[test]
fn expiry_is_read_from_tokens_only() {
    let token = |claims: &str| format!("{}.{}.c2ln", encode("{\"alg\":\"none\"}"), encode(claims));
    assert_eq!(expiry(&token("{\"exp\":1700000000}")), Some(1_700_000_000));
    assert_eq!(expiry(&token("{\"exp\":1700000000.9}")), Some(1_700_000_000));
    assert_eq!(expiry(&token("{}")), None);
    for bad in ["", "a.b.c", "opaque", "e30.e30", "e30.W10.x"] {
        assert_eq!(expiry(bad), None, "{bad}");
    }
}

/// What is wrong with a key that a file or a variable holds is said by what it is.
#[test]
fn a_key_that_cannot_be_read_says_why() {
    let why = |text: &str| Key::from_text(text).unwrap_err().0;
    let locked = include_str!("../../../tests/golden/invalid/signing-keys/locked.pem");
    assert!(why(locked).contains("encrypted"), "{}", why(locked));
    let sound = include_str!("../../../tests/golden/invalid/signing-keys/es.pem");
    assert!(Key::from_text(sound).is_ok());
    assert!(why(&sound.replace('\n', "\\n")).contains("spelt `\\n`"));
    for short in [
        include_str!("../../../tests/golden/invalid/signing-keys/short.pem"),
        include_str!("../../../tests/golden/invalid/signing-keys/short-pkcs8.pem"),
    ] {
        assert_eq!(why(short), "the RSA key is shorter than 2048 bits");
    }
    assert_eq!(why(" \n"), "the key is empty");
}
