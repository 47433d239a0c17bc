//! Proofs against the examples of RFC 9449, nonces over hand-made answers, and proofs that are wrong in one thing.

use std::sync::Arc;

use super::*;
use crate::auth::{Memory, Varied};
use crate::http::{Address, Headers};
use crate::jose::{Jwks, Token};
use crate::template::{Scope, Value as Rendered};

/// The token and the hash of RFC 9449, section 7.1.
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const HASH: &str = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo";

/// The proofs of figures 2 and 13: for a token request, and for an API with that token.
const AT_TOKEN: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
const AT_API: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";

fn request(method: &str, url: &str) -> Request {
    let address = Address::parse(url).unwrap();
    Request { method: method.into(), address, headers: Headers::default(), body: bytes::Bytes::new() }
}

fn response(status: u16, fields: &[(&str, &str)], body: &str) -> Response {
    let mut headers = Headers::default();
    fields.iter().for_each(|(n, v)| headers.add(*n, v.to_string()));
    Response { status, version: "HTTP/1.1", headers, body: body.to_owned().into() }
}

fn bound() -> Bound {
    Bound::new(Key::generate(Algorithm::Es256).unwrap(), Algorithm::Es256).unwrap()
}

/// The header and the claims of a proof whose signature holds.
fn read(proof: &str) -> (Value, Value) {
    let token = Token::parse(proof).unwrap();
    let header = serde_json::from_slice::<Value>(&jose::decode(proof.split('.').next().unwrap()).unwrap()).unwrap();
    Jwks::from_json(&header["jwk"]).unwrap().verify(&token).unwrap();
    (header, token.claims().unwrap())
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

#[test]
fn the_examples_of_the_rfc_say_what_ours_would() {
    let (header, claims) = read(AT_TOKEN);
    assert_eq!(jose::thumbprint(&header["jwk"]).unwrap(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    let ours = |proof: &str, request: &Request, token: Option<&str>| {
        let (published, claims) = read(proof);
        let own = bound().prove(request, token, None, at(claims["iat"].as_i64().unwrap())).unwrap();
        let (mut own_header, mut own) = read(&own);
        own["jti"] = claims["jti"].clone();
        assert_eq!(own, claims);
        own_header["jwk"] = published["jwk"].clone();
        assert_eq!(own_header, published);
    };
    ours(AT_TOKEN, &request("POST", "https://server.example.com/token"), None);
    ours(AT_API, &request("GET", "https://resource.example.org/protectedresource"), Some(TOKEN));
    assert_eq!(claims["htm"], "POST");
    assert_eq!(token_hash(TOKEN), HASH);
}

#[test]
fn a_proof_is_of_one_try_and_names_no_query() {
    let bound = bound();
    let request = request("PUT", "http://h:8080/a//b%2Fc?x=1");
    let prove = || read(&bound.prove(&request, None, Some("n1"), at(7)).unwrap()).1;
    let (one, two) = (prove(), prove());
    assert_eq!(one["htu"], "http://h:8080/a//b%2Fc");
    assert_eq!((&one["nonce"], &one["iat"]), (&json!("n1"), &json!(7)));
    assert_ne!(one["jti"], two["jti"]);
    let header = read(&bound.prove(&request, None, None, at(7)).unwrap()).0;
    assert!(header.get("kid").is_none() && header["jwk"].get("d").is_none());
}

#[test]
fn nonces_are_kept_apart_and_only_the_newest() {
    let bound = bound();
    let learn = |side, base: &str, status, nonce: &str| {
        bound.learn(side, base, &response(status, &[("DPoP-Nonce", nonce)], ""));
    };
    learn(Side::Server, "http://a", 400, "s1");
    learn(Side::Resource, "http://a", 401, "r1");
    learn(Side::Resource, "http://b", 200, "b1");
    learn(Side::Resource, "http://a", 204, "r2");
    bound.learn(Side::Resource, "http://a", &response(200, &[], ""));
    bound.learn(Side::Resource, "http://a", &response(200, &[("DPoP-Nonce", "x"), ("DPoP-Nonce", "y")], ""));
    let nonce = |side, base| bound.nonce(side, base);
    assert_eq!(nonce(Side::Server, "http://a").as_deref(), Some("s1"));
    assert_eq!(nonce(Side::Resource, "http://a").as_deref(), Some("r2"));
    assert_eq!(nonce(Side::Resource, "http://b").as_deref(), Some("b1"));
    assert_eq!(nonce(Side::Server, "http://b"), None);
}

#[test]
fn a_nonce_is_asked_for_by_challenge_or_body_and_by_no_other_status() {
    let challenge = ("WWW-Authenticate", "DPoP algs=\"ES256\", error=\"use_dpop_nonce\"");
    let body = "{\"error\":\"use_dpop_nonce\"}";
    assert!(wants_nonce(&response(401, &[challenge], "")));
    assert!(wants_nonce(&response(400, &[], body)));
    assert!(!wants_nonce(&response(200, &[challenge], body)));
    assert!(!wants_nonce(&response(403, &[challenge], body)));
    assert!(!wants_nonce(&response(401, &[("WWW-Authenticate", "Bearer error=\"use_dpop_nonce\"")], "")));
    assert!(!wants_nonce(&response(401, &[("WWW-Authenticate", "DPoP error=\"invalid_token\"")], "{}")));
}

#[test]
fn an_api_s_question_is_answered_once() {
    let memory = Memory { bound: Some(Arc::new(bound())), ..Memory::default() };
    let mut scope = Scope::default();
    scope.set_fields("session", [("access_token", Rendered::from(TOKEN))]);
    let seal = Seal { scope: &scope, identity: &[], memory: &memory, now: at(7) };
    let ask = |nonce: &str| {
        let challenge = ("WWW-Authenticate", "DPoP error=\"use_dpop_nonce\"");
        response(401, &[challenge, ("DPoP-Nonce", nonce)], "")
    };
    let mut talk = Talk::default();
    let sent = |talk: &mut Talk| {
        let mut request = request("GET", "http://h/a?b");
        talk.sign(&seal, &mut request).unwrap();
        assert_eq!(request.headers.text("authorization"), Some(format!("DPoP {TOKEN}")));
        let (_, claims) = read(&request.headers.text(PROOF).unwrap());
        assert_eq!(claims["ath"], HASH);
        claims
    };
    let it = request("GET", "http://h/a?b");
    let first = sent(&mut talk);
    assert!(first.get("nonce").is_none());
    assert!(matches!(talk.after(&seal, &it, &ask("n1")), After::Again(_)));
    let mut other = Talk::default();
    other.after(&seal, &it, &response(200, &[("DPoP-Nonce", "n2")], ""));
    let second = sent(&mut talk);
    assert_eq!(second["nonce"], "n1", "the answer's own, whatever others heard meanwhile");
    assert_ne!(first["jti"], second["jti"]);
    assert_eq!(talk.after(&seal, &it, &ask("n3")), After::Done(None), "once");
    assert_eq!(sent(&mut Talk::default())["nonce"], "n3", "the newest is kept for the next");
    let unhelpful = response(401, &[("WWW-Authenticate", "DPoP error=\"use_dpop_nonce\"")], "");
    assert_eq!(Talk::default().after(&seal, &it, &unhelpful), After::Done(None), "there is no nonce to send");
}

#[test]
fn one_thing_of_a_proof_is_changed_and_the_rest_is_right() {
    let bound = bound();
    let proven = || {
        let mut request = request("POST", "http://h/token");
        let proof = bound.prove(&request, None, Some("n1"), at(7)).unwrap();
        request.headers.set(PROOF, proof);
        request
    };
    let vary = |name: &str, value: Value| {
        let mut request = proven();
        let varied = bound.vary(&mut request, name, &value);
        (varied, request.headers.text(PROOF).unwrap())
    };
    let (varied, proof) = vary("dpop.htu", json!("http://other/token"));
    let (_, claims) = read(&proof);
    assert_eq!(
        (varied, &claims["htu"], &claims["htm"]),
        (Some(Varied::Changed), &json!("http://other/token"), &json!("POST"))
    );
    let (varied, proof) = vary("dpop.nonce", Value::Null);
    assert_eq!((varied, read(&proof).1.get("nonce")), (Some(Varied::Removed), None));
    let (varied, proof) = vary("dpop.ath", json!("x"));
    assert_eq!((varied, &read(&proof).1["ath"]), (Some(Varied::Added), &json!("x")));
    let (varied, proof) = vary("dpop.typ", json!("JWT"));
    assert_eq!((varied, &read(&proof).0["typ"]), (Some(Varied::Changed), &json!("JWT")));
    let (_, proof) = vary("dpop.alg", json!("none"));
    assert!(proof.ends_with('.'), "what is not signed has no signature");
    let (_, proof) = vary("dpop.jwk.x", json!("AAAA"));
    let header = proof.split('.').next().unwrap();
    assert!(String::from_utf8(jose::decode(header).unwrap()).unwrap().contains("\"x\":\"AAAA\""));
    let (varied, proof) = vary("dpop.key", json!("other"));
    assert_eq!(varied, Some(Varied::Changed));
    assert_ne!(read(&proof).0["jwk"], bound.jwk, "another key, and a proof that holds");
    let (_, proof) = vary("dpop.signature", json!("AAAA"));
    assert!(proof.ends_with(".AAAA"));
    assert_eq!(vary("dpop.htm", json!("POST")).0, Some(Varied::Same), "the value that it has");
    assert_eq!(vary("dpop.htm.x", json!("POST")).0, Some(Varied::Missing), "nothing of the form is called so either");
    assert_eq!(vary("htm", json!("GET")).0, None, "a parameter of the form");
    let mut unproven = request("POST", "http://h/token");
    assert_eq!(bound.vary(&mut unproven, "dpop.htm", &json!("GET")), Some(Varied::Missing), "without a proof");
}

#[test]
fn what_was_changed_after_it_was_proven_is_proven_anew() {
    let bound = bound();
    let made = || {
        let mut request = request("GET", "http://h/a");
        let proof = bound.prove(&request, Some(TOKEN), None, at(7)).unwrap();
        request.headers.set("authorization", format!("DPoP {TOKEN}"));
        request.headers.set(PROOF, proof);
        request
    };
    let anew = |field: &str, change: fn(&mut Request)| {
        let mut changed = made();
        changed.headers.set("authorization", field.to_owned());
        change(&mut changed);
        let (before, after) = bound.prove_again(&mut changed, TOKEN, at(8)).unwrap();
        assert_eq!(changed.headers.text(PROOF), Some(after.clone()));
        let (old, new) = (read(&before).1, read(&after).1);
        assert_ne!(old["jti"], new["jti"], "a proof is good once");
        new
    };
    let good = format!("DPoP {TOKEN}");
    for (field, token) in [
        (good.clone(), TOKEN.to_owned()),
        ("DPoP made.up".to_owned(), "made.up".to_owned()),
        (format!("{good}."), format!("{TOKEN}.")),
        (format!("DPoP \"{TOKEN}\""), TOKEN.to_owned()),
        ("DPoP".to_owned(), TOKEN.to_owned()),
    ] {
        assert_eq!(anew(&field, |_| ())["ath"], super::token_hash(&token), "{field}");
    }
    let elsewhere = anew(&good, |request| {
        request.method = "POST".to_owned();
        request.address = Address::parse("http://h/b?c").unwrap();
    });
    assert_eq!((&elsewhere["htm"], &elsewhere["htu"]), (&json!("POST"), &json!("http://h/b")));
    bound.learn(Side::Resource, made().address.base(), &response(401, &[("DPoP-Nonce", "n1")], ""));
    assert_eq!(anew(&good, |_| ())["nonce"], "n1");
    let own = bound.prove(&made(), None, None, at(7)).unwrap();
    let mut written = made();
    written.headers.set(PROOF, own.clone());
    assert_eq!(bound.prove_again(&mut written, TOKEN, at(8)), None, "somebody else's stays");
    written.headers.remove(PROOF);
    assert_eq!(bound.prove_again(&mut written, TOKEN, at(8)), None, "there is none");
}

#[test]
fn a_key_that_cannot_prove_is_refused() {
    assert!(Bound::new(Key::secret(b"secret").unwrap(), Algorithm::Hs256).is_err());
    let public = Key::generate(Algorithm::Es256).unwrap().public_jwk().unwrap();
    assert!(Bound::new(Key::from_jwk(&public).unwrap(), Algorithm::Es256).is_err());
    assert!(Bound::new(Key::generate(Algorithm::Es256).unwrap(), Algorithm::Es384).is_err());
}
