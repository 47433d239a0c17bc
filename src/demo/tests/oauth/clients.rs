//! Client authentication, and the token endpoint before any grant.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::{ASSERTION, Api, CC, FORM, Fields, Got, assertion, basic, basic_with, changed, find, form, now, signed};

#[tokio::test]
async fn every_client_gets_in_by_its_own_way() {
    let api = Api::shared();
    for id in ["service", "service:odd/1", "service-short", "service-reader"] {
        let got = api.token_as(id, &[CC]).await.is(200);
        assert_eq!((got.text("/token_type").as_str(), got.text("/scope").as_str()), ("Bearer", "orders.read"), "{id}");
        assert_eq!((got.header("cache-control").as_str(), got.header("pragma").as_str()), ("no-store", "no-cache"));
        assert!(got.json().get("refresh_token").is_none() && got.json().get("id_token").is_none());
    }
    let secret = find("service-post").unwrap().secret;
    api.token_of(&[CC, ("client_id", "service-post"), ("client_secret", secret)]).await.is(200);
    let jwt = signed(&assertion(&api, "service-key"));
    with_assertion(&api, &jwt, &[]).await.is(200);
    let key = EncodingKey::from_rsa_pem(crate::demo::oauth::clients::CLIENT_KEY_RSA.as_bytes()).unwrap();
    let jwt = encode(&Header::new(Algorithm::RS256), &assertion(&api, "service-key-rsa"), &key).unwrap();
    with_assertion(&api, &jwt, &[("client_id", "service-key-rsa")]).await.is(200);
    with_assertion(&api, &hmac(&assertion(&api, "service-hmac"), "service-hmac"), &[]).await.is(200);
    for file in ["client-key.pem", "client-key-rsa.pem"] {
        let got = api.ask(&format!("GET /oauth/demo/{file}"), &[]).await.is(200);
        assert!(got.body.starts_with("-----BEGIN PRIVATE KEY"), "{got:?}");
    }
}

fn hmac(claims: &Value, client: &str) -> String {
    let key = EncodingKey::from_secret(find(client).unwrap().secret.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

async fn with_assertion(api: &Api, jwt: &str, more: Fields<'_>) -> Got {
    let fields = [CC, ("client_assertion_type", ASSERTION), ("client_assertion", jwt)];
    api.token_of(&changed(&fields, more)).await
}

#[tokio::test]
async fn who_tried_basic_is_challenged() {
    let api = Api::shared();
    let wrong = api.form("POST /oauth/token", &[("authorization", &basic_with("service", "x"))], &[CC]).await;
    let wrong = wrong.fault(401, "invalid_client");
    assert_eq!(wrong.challenge(), "Basic realm=\"authspec demo oauth\", charset=\"UTF-8\"");
    let unknown = api.form("POST /oauth/token", &[("authorization", &basic_with("nobody", "x"))], &[CC]).await;
    assert_eq!(unknown.fault(401, "invalid_client").body, wrong.body, "who exists is not told");
    for raw in ["Basic ???", "Basic", "Bearer abc", "Basic c2VydmljZQ=="] {
        let got = api.form("POST /oauth/token", &[("authorization", raw)], &[CC]).await;
        assert!(!got.fault(401, "invalid_client").challenge().is_empty(), "{raw}");
    }
    // The same secret, not form-encoded before Base64.
    let client = find("service:odd/1").unwrap();
    let raw = base64::Engine::encode(&super::STANDARD, format!("{}:{}", client.id, client.secret));
    let got = api.form("POST /oauth/token", &[("authorization", &format!("Basic {raw}"))], &[CC]).await;
    got.fault(401, "invalid_client");

    let wrong = api.token_of(&[CC, ("client_id", "service-post"), ("client_secret", "x")]).await;
    assert_eq!(wrong.fault(401, "invalid_client").challenge(), "");
    assert_eq!(api.token_of(&[CC]).await.fault(401, "invalid_client").challenge(), "");
}

#[tokio::test]
async fn another_way_than_the_registered_one_is_refused() {
    let api = Api::shared();
    let post = |id: &'static str| [CC, ("client_id", id), ("client_secret", find(id).unwrap().secret)];
    api.token_of(&post("service")).await.fault(401, "invalid_client");
    api.token_as("service-post", &[CC]).await.fault(401, "invalid_client");
    api.token_as("service-hmac", &[CC]).await.fault(401, "invalid_client");
    for id in ["service", "service-key", "web", "legacy"] {
        api.token_of(&[CC, ("client_id", id)]).await.fault(401, "invalid_client");
    }
    with_assertion(&api, &hmac(&assertion(&api, "service"), "service"), &[]).await.fault(401, "invalid_client");
    with_assertion(&api, &signed(&assertion(&api, "service-hmac")), &[]).await.fault(401, "invalid_client");
}

#[tokio::test]
async fn more_than_one_way_is_a_bad_request() {
    let api = Api::shared();
    api.token_as("service", &[CC, ("client_secret", "x")]).await.fault(400, "invalid_request");
    api.token_as("service", &[CC, ("client_id", "web")]).await.fault(400, "invalid_request");
    api.token_as("service", &[CC, ("client_id", "service")]).await.is(200);
    let jwt = signed(&assertion(&api, "service-key"));
    with_assertion(&api, &jwt, &[("client_secret", "x")]).await.fault(400, "invalid_request");
    let (one, two) = (basic("service"), basic("web"));
    let lines = [("authorization", one.as_str()), ("authorization", two.as_str())];
    api.form("POST /oauth/token", &lines, &[CC]).await.fault(400, "invalid_request");
}

#[tokio::test]
async fn an_assertion_must_be_right_in_everything() {
    let api = Api::shared();
    let good = assertion(&api, "service-key");
    with_assertion(&api, &signed(&good), &[]).await.is(200);
    // The same once more.
    with_assertion(&api, &signed(&good), &[]).await.fault(401, "invalid_client");
    let flaws = [
        ("iss", json!("service")),
        ("sub", json!("web")),
        ("aud", json!("https://elsewhere.example")),
        ("aud", json!([format!("{}/oauth", api.base), "https://elsewhere.example"])),
        ("aud", json!(null)),
        ("exp", json!(now() - 1)),
        ("exp", json!(now() + 4000)),
        ("exp", json!(null)),
        ("exp", json!("soon")),
        ("iat", json!(now() + 60)),
        ("nbf", json!(now() + 60)),
        ("jti", json!("")),
        ("jti", json!(null)),
    ];
    for (name, value) in flaws {
        let mut claims = assertion(&api, "service-key");
        claims[name] = value;
        let got = with_assertion(&api, &signed(&claims), &[]).await;
        assert_eq!((got.status.as_u16(), got.text("/error").as_str()), (401, "invalid_client"), "{name} {claims}");
    }
    let mut to_the_endpoint = assertion(&api, "service-key");
    to_the_endpoint["aud"] = json!([format!("{}/oauth/token", api.base)]);
    with_assertion(&api, &signed(&to_the_endpoint), &[]).await.is(200);
    // Another key, another algorithm, another client, no JWT at all.
    let claims = assertion(&api, "service-key");
    let hs = encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(b"x")).unwrap();
    with_assertion(&api, &hs, &[]).await.fault(401, "invalid_client");
    let stranger = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let key = EncodingKey::from_ec_pem(stranger.as_bytes()).unwrap();
    let foreign = encode(&Header::new(Algorithm::ES256), &claims, &key).unwrap();
    with_assertion(&api, &foreign, &[]).await.fault(401, "invalid_client");
    with_assertion(&api, &signed(&claims), &[("client_id", "service")]).await.fault(401, "invalid_client");
    with_assertion(&api, "garbage", &[]).await.fault(401, "invalid_client");
    let other_type = [("client_assertion_type", "urn:example:other")];
    with_assertion(&api, &signed(&claims), &other_type).await.fault(400, "invalid_request");
    with_assertion(&api, &signed(&claims), &[("client_assertion_type", "")]).await.fault(400, "invalid_request");
}

#[tokio::test]
async fn a_token_request_is_a_form_in_the_body() {
    let api = Api::shared();
    let auth = basic("service");
    let auth = ("authorization", auth.as_str());
    let json = api.send("POST /oauth/token", &[("content-type", "application/json"), auth], "{}").await;
    json.fault(400, "invalid_request");
    let got = api.form("POST /oauth/token?grant_type=client_credentials", &[auth], &[]).await;
    got.fault(400, "invalid_request");
    api.ask("GET /oauth/token?grant_type=client_credentials", &[auth]).await.is(405);
    let twice = format!("{}&{}", form(&[CC]), form(&[CC]));
    api.send("POST /oauth/token", &[FORM, auth], twice).await.fault(400, "invalid_request");
    api.form("POST /oauth/token", &[auth], &[]).await.fault(400, "invalid_request");
    api.form("POST /oauth/token", &[auth], &[("grant_type", "")]).await.fault(400, "invalid_request");
    let odd = api.form("POST /oauth/token", &[auth], &[("grant_type", "implicit")]).await;
    odd.fault(400, "unsupported_grant_type");
}

#[tokio::test]
async fn a_client_gets_only_its_grants_scopes_and_targets() {
    let api = Api::shared();
    for grant in ["password", "refresh_token", "authorization_code"] {
        api.token_as("service", &[("grant_type", grant)]).await.fault(400, "unauthorized_client");
    }
    api.token_as("web", &[CC]).await.fault(400, "unauthorized_client");
    api.token_as("gateway", &[CC]).await.fault(400, "unauthorized_client");
    for scope in ["orders.read nonsense", "openid", "orders.read profile"] {
        api.token_as("service", &[CC, ("scope", scope)]).await.fault(400, "invalid_scope");
    }
    api.token_as("service-reader", &[CC, ("scope", "orders.write")]).await.fault(400, "invalid_scope");
    api.token_as("service", &[CC, ("resource", "https://elsewhere.example")]).await.fault(400, "invalid_target");
    let (orders, billing) = (format!("{}/oauth/api", api.base), format!("{}/oauth/billing", api.base));
    let both = [CC, ("resource", orders.as_str()), ("audience", billing.as_str())];
    api.token_as("service", &both).await.fault(400, "invalid_target");
    let got = api.token_as("service", &[CC, ("resource", &billing), ("audience", &billing)]).await.is(200);
    assert_eq!(super::claims(&got.text("/access_token"))["aud"], json!([billing]));
}
