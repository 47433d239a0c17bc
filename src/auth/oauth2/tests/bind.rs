//! Tokens bound to a key over hand-made answers: which requests are proven, and what the answers have to be.

use super::*;
use crate::auth::Opening;
use crate::auth::oauth2::bind::Dpop;
use crate::jose::{self, Jwks, Token};

fn proving(grant: Grant) -> Config {
    Config { dpop: Some(Dpop { algorithm: None, key: None }), ..config(grant) }
}

/// The thumbprint and the claims of a request's proof.
fn proof(exchange: &Exchange) -> (String, serde_json::Value) {
    let text = exchange.request.headers.text("dpop").unwrap();
    let token = Token::parse(&text).unwrap();
    let header: serde_json::Value =
        serde_json::from_slice(&jose::decode(text.split('.').next().unwrap()).unwrap()).unwrap();
    Jwks::from_json(&header["jwk"]).unwrap().verify(&token).unwrap();
    (jose::thumbprint(&header["jwk"]).unwrap(), token.claims().unwrap())
}

fn bound_token() -> serde_json::Value {
    json!({"access_token": "at-1", "token_type": "DPoP", "refresh_token": "rt-1"})
}

fn asking(nonce: &str) -> Heard {
    heard(400, &[("DPoP-Nonce", nonce)], &json!({"error": "use_dpop_nonce"}))
}

#[test]
fn a_server_that_asks_for_its_nonce_gets_it_once() {
    let mut flow = begin(proving(Grant::ClientCredentials));
    let first = sent(next(flow.as_mut(), Heard::Start));
    let (key, claims) = proof(&first);
    assert_eq!((&claims["htm"], &claims["htu"]), (&json!("POST"), &json!("http://id.test/base/token")));
    assert!(claims.get("nonce").is_none() && claims.get("ath").is_none());
    let second = sent(next(flow.as_mut(), asking("n1")));
    let (same, again) = proof(&second);
    assert_eq!((same, &again["nonce"]), (key.clone(), &json!("n1")));
    assert_ne!(claims["jti"], again["jti"]);
    let credential = ready(next(flow.as_mut(), answer(200, &bound_token())));
    assert_eq!(credential.bound.as_ref().unwrap().thumbprint(), key);
    assert_eq!(part(&credential, "dpop_jkt"), Some(key.as_str()));
    assert_eq!(part(&credential, "dpop_proof"), second.request.headers.text("dpop").as_deref());

    let mut flow = begin(proving(Grant::ClientCredentials));
    next(flow.as_mut(), Heard::Start);
    next(flow.as_mut(), asking("n1"));
    let refusal = refused(next(flow.as_mut(), asking("n2")));
    assert!(refusal.message.contains("use_dpop_nonce") && refusal.help.is_empty(), "{refusal:?}");
    let mut flow = begin(proving(Grant::ClientCredentials));
    next(flow.as_mut(), Heard::Start);
    refused(next(flow.as_mut(), answer(400, &json!({"error": "use_dpop_nonce"}))));
}

#[test]
fn a_question_that_is_to_be_judged_is_left_open() {
    let mut flow = begin(proving(Grant::ClientCredentials));
    next(flow.as_mut(), Heard::Start);
    let scope = Scope::default();
    let answers = crate::spec::Handshake::Off;
    let cx =
        Ctx { now: Timestamp::UNIX_EPOCH, scope: &scope, base: "http://id.test", answers, waits: true, newest: None };
    refused(flow.next(asking("n1"), &cx));
}

#[test]
fn a_refresh_keeps_the_key_and_the_newest_nonce() {
    let scheme = OAuth { config: Arc::new(proving(Grant::ClientCredentials)) };
    let mut flow = scheme.begin();
    let (key, _) = proof(&sent(next(flow.as_mut(), Heard::Start)));
    let credential = ready(next(flow.as_mut(), heard(200, &[("DPoP-Nonce", "n7")], &bound_token())));
    let mut flow = scheme.refresh(&credential).unwrap();
    let (same, claims) = proof(&sent(next(flow.as_mut(), Heard::Start)));
    assert_eq!((same, &claims["nonce"]), (key, &json!("n7")));
    let renewed = ready(next(flow.as_mut(), answer(200, &bound_token())));
    assert!(Arc::ptr_eq(renewed.bound.as_ref().unwrap(), credential.bound.as_ref().unwrap()));
    let (other, _) = proof(&sent(next(scheme.begin().as_mut(), Heard::Start)));
    assert_ne!(Some(other.as_str()), part(&credential, "dpop_jkt"), "every session has its own");
}

#[test]
fn a_code_is_bound_from_the_start() {
    let mut own = proving(Grant::AuthorizationCode);
    own.given.extend([(Endpoint::Authorize, text("/authorize")), (Endpoint::Par, text("/par"))]);
    let mut flow = begin(own);
    let Move::Pages(script) = next(flow.as_mut(), Heard::Start) else { panic!() };
    let Opening::Request(asked) = &script.open else { panic!() };
    assert!(asked.request.address.query().contains("dpop_jkt="), "{}", asked.request.address);
    assert!(!asked.request.headers.has("dpop"), "a browser proves nothing");

    let mut own = proving(Grant::AuthorizationCode);
    own.par = true;
    own.given.extend([(Endpoint::Authorize, text("/authorize")), (Endpoint::Par, text("/par"))]);
    let pushed = sent(next(begin(own).as_mut(), Heard::Start));
    let (key, claims) = proof(&pushed);
    assert_eq!(claims["htu"], "http://id.test/base/par");
    assert!(form(&pushed).contains(&format!("dpop_jkt={key}")));
}

#[test]
fn what_asks_for_no_proof_gets_none() {
    let mut own = proving(Grant::DeviceCode);
    own.given.push((Endpoint::Device, text("/device")));
    assert!(!sent(next(begin(own).as_mut(), Heard::Start)).request.headers.has("dpop"));
    assert!(!sent(next(begin(config(Grant::ClientCredentials)).as_mut(), Heard::Start)).request.headers.has("dpop"));
}

#[test]
fn a_token_that_is_bound_to_nothing_is_refused() {
    let refusal = |own: Config, kind: &str| {
        let mut flow = begin(own);
        next(flow.as_mut(), Heard::Start);
        refused(next(flow.as_mut(), answer(200, &json!({"access_token": "a", "token_type": kind}))))
    };
    let refusal_of_bearer = refusal(proving(Grant::ClientCredentials), "Bearer");
    assert!(refusal_of_bearer.message.contains("the type `Bearer`, and `dpop` asked"), "{refusal_of_bearer:?}");
    let unasked = refusal(config(Grant::ClientCredentials), "DPoP");
    assert_eq!(unasked.help, ["add `dpop: true` to the scheme"]);
}

#[test]
fn a_refused_proof_names_what_the_server_takes() {
    let document = |algorithms: serde_json::Value| json!({"issuer": "https://id.test/t1", "token_endpoint": "https://id.test/tk", "dpop_signing_alg_values_supported": algorithms});
    let help = |algorithms: serde_json::Value| {
        let own =
            Config { issuer: Some(text("https://id.test/t1")), given: Vec::new(), ..proving(Grant::ClientCredentials) };
        let mut flow = begin(own);
        next(flow.as_mut(), Heard::Start);
        next(flow.as_mut(), answer(200, &document(algorithms)));
        refused(next(flow.as_mut(), answer(400, &json!({"error": "invalid_dpop_proof"})))).help.join("; ")
    };
    assert!(help(json!(["RS256"])).contains("signed with `ES256`, and the server takes `RS256`"));
    assert!(help(json!(["ES256"])).contains("the clocks agree"));
    let mut flow = begin(config(Grant::ClientCredentials));
    next(flow.as_mut(), Heard::Start);
    let refusal = refused(next(flow.as_mut(), answer(400, &json!({"error": "invalid_dpop_proof"}))));
    assert!(refusal.help[0].contains("add `dpop: true`"));
}
