//! Clients that are known by a certificate, and tokens that are bound to it (RFC 8705), over https.

use base64::Engine as _;
use reqwest::{Certificate, Client, Identity};
use serde_json::json;

use super::{Api, CC, Fields, Got, basic, claims};
use crate::demo::tests::{Demo, DemoOptions, client};

const GATE_7: &str = concat!(
    include_str!("../../../../specs/data/mtls/gate-7.pem"),
    include_str!("../../../../specs/data/mtls/gate-7.key")
);
const GATE_8: &str = concat!(
    include_str!("../../../../specs/data/mtls/gate-8.pem"),
    include_str!("../../../../specs/data/mtls/gate-8.key")
);

fn https() -> Demo {
    Demo::start(DemoOptions { tls: true, ..DemoOptions::default() }).unwrap()
}

/// Connections that show a certificate, or none.
fn showing(demo: &Demo, pem: Option<&str>) -> Api {
    let authority = Certificate::from_pem(demo.ca_pem().unwrap().as_bytes()).unwrap();
    let builder = client().tls_certs_only([authority]);
    let builder = match pem {
        Some(pem) => builder.identity(Identity::from_pem(pem.as_bytes()).unwrap()),
        None => builder,
    };
    let client: Client = builder.build().unwrap();
    Api { base: demo.url().to_owned(), client }
}

async fn token(api: &Api, at: &str, fields: Fields<'_>) -> Got {
    let all: Vec<(&str, &str)> = [CC].iter().chain(fields).copied().collect();
    api.form(&format!("POST /oauth/{at}"), &[], &all).await
}

const AS_SERVICE: (&str, &str) = ("client_id", "service-tls");

/// The `x5t#S256` of the first certificate in a PEM text.
fn x5t(pem: &str) -> String {
    let body = pem.split("-----").nth(2).unwrap().replace(['\n', '\r'], "");
    let der = super::STANDARD.decode(body).unwrap();
    super::URL_SAFE_NO_PAD.encode(super::digest(&super::SHA256, &der))
}

#[tokio::test]
async fn a_client_is_known_by_its_certificate_alone() {
    let demo = https();
    let (seven, eight, nobody) = (showing(&demo, Some(GATE_7)), showing(&demo, Some(GATE_8)), showing(&demo, None));
    let got = token(&seven, "mtls/token", &[AS_SERVICE]).await.is(200);
    let claims = claims(&got.text("/access_token"));
    assert_eq!(claims["cnf"], json!({ "x5t#S256": x5t(GATE_7) }));
    assert_eq!(got.text("/token_type"), "Bearer");

    token(&eight, "mtls/token", &[AS_SERVICE]).await.fault(401, "invalid_client");
    token(&nobody, "mtls/token", &[AS_SERVICE]).await.fault(401, "invalid_client");
    // The endpoint for everybody else does not look at certificates.
    token(&seven, "token", &[AS_SERVICE]).await.fault(401, "invalid_client");
    token(&seven, "mtls/token", &[("client_id", "web-tls")]).await.fault(401, "invalid_client");
    token(&seven, "mtls/token", &[("client_id", "nobody")]).await.fault(401, "invalid_client");
    let secret = [AS_SERVICE, ("client_secret", "x")];
    token(&seven, "mtls/token", &secret).await.fault(401, "invalid_client");
    // Whoever is registered for another way does not get in by this one, nor is bound by it.
    token(&seven, "mtls/token", &[("client_id", "service")]).await.fault(401, "invalid_client");
    let auth = basic("service");
    let got = seven.form("POST /oauth/mtls/token", &[("authorization", &auth)], &[CC]).await.is(200);
    assert!(super::claims(&got.text("/access_token")).get("cnf").is_none());
}

#[tokio::test]
async fn a_bound_token_comes_by_a_connection_that_shows_the_certificate() {
    let demo = https();
    let (seven, eight, nobody) = (showing(&demo, Some(GATE_7)), showing(&demo, Some(GATE_8)), showing(&demo, None));
    let bound = token(&seven, "mtls/token", &[AS_SERVICE]).await.is(200).text("/access_token");
    seven.with(&bound, "GET /oauth/api/orders").await.is(200);
    for (api, why) in [(&eight, "another certificate"), (&nobody, "showed none")] {
        let got = api.with(&bound, "GET /oauth/api/orders").await.is(401);
        let challenge = got.challenge();
        assert!(challenge.contains("error=\"invalid_token\"") && challenge.contains(why), "{challenge}");
    }
    // A token that is bound to nothing goes by any connection.
    let free = nobody.token_as("service", &[CC]).await.is(200).text("/access_token");
    seven.with(&free, "GET /oauth/api/orders").await.is(200);

    let auth = basic("gateway");
    let seen = nobody.form("POST /oauth/introspect", &[("authorization", &auth)], &[("token", &bound)]).await.is(200);
    assert_eq!(
        (seen.json()["token_type"].clone(), seen.json()["cnf"]["x5t#S256"].clone()),
        (json!("Bearer"), json!(x5t(GATE_7)))
    );

    // Revocation wants the client, too.
    let fields = [("token", bound.as_str()), AS_SERVICE];
    nobody.form("POST /oauth/mtls/revoke", &[], &fields).await.fault(401, "invalid_client");
    seven.with(&bound, "GET /oauth/api/orders").await.is(200);
    seven.form("POST /oauth/mtls/revoke", &[], &fields).await.is(200);
    seven.with(&bound, "GET /oauth/api/orders").await.is(401);
}

#[tokio::test]
async fn metadata_name_the_endpoints_for_certificates_over_https_alone() {
    let api = Api::shared();
    let metadata = api.ask("GET /oauth/.well-known/openid-configuration", &[]).await.is(200).json();
    assert!(metadata.get("mtls_endpoint_aliases").is_none(), "{metadata}");
    token(&api, "mtls/token", &[AS_SERVICE]).await.fault(401, "invalid_client");

    let demo = https();
    let metadata = showing(&demo, None).ask("GET /oauth/.well-known/openid-configuration", &[]).await.is(200).json();
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
    let aliases = metadata["mtls_endpoint_aliases"].as_object().unwrap();
    assert_eq!(aliases.len(), 5, "{aliases:?}");
    let seven = showing(&demo, Some(GATE_7));
    for url in aliases.values() {
        let path = url.as_str().unwrap().strip_prefix(demo.url()).unwrap();
        let got = seven.form(&format!("POST {path}"), &[], &[AS_SERVICE]).await;
        assert_ne!(got.status, 404, "{path}");
    }
    let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(methods.contains(&json!("tls_client_auth")), "{methods:?}");
}
