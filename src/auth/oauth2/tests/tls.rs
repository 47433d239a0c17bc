//! Clients that are known by a certificate (RFC 8705): where they ask, and what they send.

use super::*;
use crate::auth::mtls::Source;
use crate::http::ClientCertificate;

const ISSUER: &str = "https://id.test";

/// A client that is known by its connections, at a server with metadata.
fn certified(proof: Proof, own: bool) -> Config {
    let mut config = config(Grant::ClientCredentials);
    config.issuer = Some(text(ISSUER));
    config.given.clear();
    config.client.proof = proof;
    config.client.certificate = own.then(|| Source::Pem(ClientCertificate { cert: b"a".to_vec(), key: b"b".to_vec() }));
    config
}

fn metadata() -> serde_json::Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://id.test/authorize",
        "token_endpoint": "https://id.test/token",
        "revocation_endpoint": "https://id.test/revoke",
        "mtls_endpoint_aliases": {
            "token_endpoint": "https://mtls.id.test/token",
            "authorization_endpoint": "https://mtls.id.test/authorize",
        },
    })
}

fn token_request(config: Config) -> Exchange {
    let mut flow = begin(config);
    next(flow.as_mut(), Heard::Start);
    sent(next(flow.as_mut(), answer(200, &metadata())))
}

#[test]
fn whoever_shows_a_certificate_asks_where_it_is_looked_at() {
    let at = |config| token_request(config).request.address.to_string();
    assert_eq!(at(certified(Proof::Tls, false)), "https://mtls.id.test/token");
    assert_eq!(at(certified(Proof::Post, true)), "https://mtls.id.test/token", "tokens are bound to it all the same");
    assert_eq!(at(certified(Proof::Post, false)), "https://id.test/token");
    // What the scheme itself names goes before the metadata.
    let mut named = certified(Proof::Tls, false);
    named.issuer = None;
    named.given = vec![(Endpoint::Token, text("https://id.test/named"))];
    assert_eq!(sent(next(begin(named).as_mut(), Heard::Start)).request.address.to_string(), "https://id.test/named");
}

#[test]
fn an_endpoint_without_an_alias_and_the_browser_s_are_where_they_are() {
    let config = certified(Proof::Tls, true);
    let scope = Scope::default();
    let answers = crate::spec::Handshake::On;
    let cx = Ctx { now: Timestamp::UNIX_EPOCH, scope: &scope, base: ISSUER, answers, waits: true, newest: None };
    let mut known = super::super::metadata::Metadata::configured(&config, &cx).unwrap();
    let response =
        Response { status: 200, version: "HTTP/1.1", headers: Headers::default(), body: metadata().to_string().into() };
    known.learn(&response, &crate::http::Address::parse(ISSUER).unwrap()).unwrap();
    let at = |endpoint| known.endpoint(endpoint, &cx).unwrap().to_string();
    assert_eq!(at(Endpoint::Revoke), "https://id.test/revoke");
    assert_eq!(at(Endpoint::Authorize), "https://id.test/authorize");
}

#[test]
fn the_body_names_the_client_and_proves_nothing() {
    let exchange = token_request(certified(Proof::Tls, false));
    assert!(form(&exchange).contains(&"client_id=job".to_owned()), "{:?}", form(&exchange));
    assert!(form(&exchange).iter().all(|p| !p.starts_with("client_secret") && !p.starts_with("client_assertion")));
    assert!(!exchange.request.headers.has("authorization"));
}

#[test]
fn without_https_nobody_would_see_it() {
    let mut plain = config(Grant::ClientCredentials);
    plain.client.proof = Proof::Tls;
    let refusal = refused(next(begin(plain).as_mut(), Heard::Start));
    assert!(refusal.message.contains("nobody sees one at http://id.test"), "{refusal:?}");
}
