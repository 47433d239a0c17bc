//! Tokens bound to a key: the checks of RFC 9449 §4.3, one refusal each.

use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::{Api, Browser, CC, Got, SPA, basic, changed, claims, now, redeem, s256, spa_query};
use crate::demo::random;

/// A key of a client, with its public half.
struct Key {
    encoding: EncodingKey,
    jwk: Jwk,
}

impl Key {
    fn new() -> Self {
        let pem = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let encoding = EncodingKey::from_ec_pem(pem.as_bytes()).unwrap();
        let jwk = Jwk::from_encoding_key(&encoding, Algorithm::ES256).unwrap();
        Self { encoding, jwk }
    }

    fn header(&self) -> Header {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some("dpop+jwt".to_owned());
        header.jwk = Some(self.jwk.clone());
        header
    }

    fn prove(&self, claims: &Value) -> String {
        encode(&self.header(), claims, &self.encoding).unwrap()
    }
}

/// The claims of a good proof for the token endpoint.
fn proof(api: &Api, nonce: &str) -> Value {
    json!({ "htm": "POST", "htu": format!("{}/oauth/token", api.base), "iat": now(), "jti": random::secret(),
        "nonce": nonce })
}

/// The claims of a good proof for the API.
fn api_proof(api: &Api, nonce: &str, token: &str) -> Value {
    json!({ "htm": "GET", "htu": format!("{}/oauth/api/orders", api.base), "iat": now(), "jti": random::secret(),
        "nonce": nonce, "ath": s256(token) })
}

async fn ask(api: &Api, proofs: &[&str]) -> Got {
    let auth = basic("service-dpop");
    let mut headers = vec![("authorization", auth.as_str())];
    headers.extend(proofs.iter().map(|p| ("dpop", *p)));
    api.form("POST /oauth/token", &headers, &[CC]).await
}

async fn nonce(api: &Api) -> String {
    let got = ask(api, &[&Key::new().prove(&proof(api, ""))]).await.fault(400, "use_dpop_nonce");
    got.header("dpop-nonce")
}

async fn orders(api: &Api, scheme: &str, token: &str, proofs: &[&str]) -> Got {
    let auth = format!("{scheme} {token}");
    let mut headers = vec![("authorization", auth.as_str())];
    headers.extend(proofs.iter().map(|p| ("dpop", *p)));
    api.ask("GET /oauth/api/orders?page=1", &headers).await
}

#[tokio::test]
async fn a_token_is_bound_to_its_key() {
    let api = Api::shared();
    let key = Key::new();
    let got = ask(&api, &[&key.prove(&proof(&api, &nonce(&api).await))]).await.is(200);
    assert_eq!(got.text("/token_type"), "DPoP");
    assert!(!got.header("dpop-nonce").is_empty());
    let token = got.text("/access_token");
    assert_eq!(claims(&token)["cnf"]["jkt"], key.jwk.thumbprint(ThumbprintHash::SHA256).unwrap());

    let first = orders(&api, "DPoP", &token, &[&key.prove(&api_proof(&api, "", &token))]).await;
    let first = first.fault(401, "use_dpop_nonce");
    assert!(first.challenge().starts_with("DPoP realm="), "{first:?}");
    let nonce = first.header("dpop-nonce");
    let good = key.prove(&api_proof(&api, &nonce, &token));
    orders(&api, "DPoP", &token, &[&good]).await.is(200);
    orders(&api, "DPoP", &token, &[&good]).await.fault(401, "invalid_dpop_proof");
    orders(&api, "DPoP", &token, &[]).await.fault(401, "invalid_dpop_proof");
    orders(&api, "Bearer", &token, &[]).await.fault(401, "invalid_token");
    let fresh = key.prove(&api_proof(&api, &nonce, &token));
    orders(&api, "Bearer", &token, &[&fresh]).await.fault(401, "invalid_token");
    let other = Key::new().prove(&api_proof(&api, &nonce, &token));
    orders(&api, "DPoP", &token, &[&other]).await.fault(401, "invalid_token");
    let plain = api.service_token("orders.read").await;
    let proof = key.prove(&api_proof(&api, &nonce, &plain));
    orders(&api, "DPoP", &plain, &[&proof]).await.fault(401, "invalid_token");
    let told = api.form("POST /oauth/introspect", &[("authorization", &basic("gateway"))], &[("token", &token)]).await;
    assert_eq!(told.text("/token_type"), "DPoP");
}

#[tokio::test]
async fn a_proof_must_be_right_in_everything() {
    let api = Api::shared();
    let key = Key::new();
    let nonce = nonce(&api).await;
    for (name, value) in [
        ("htm", json!("GET")),
        ("htm", json!(null)),
        ("htu", json!(format!("{}/oauth/par", api.base))),
        ("htu", json!("https://elsewhere.example/oauth/token")),
        ("iat", json!(now() - 120)),
        ("iat", json!(now() + 60)),
        ("iat", json!(null)),
        ("jti", json!("")),
    ] {
        let mut claims = proof(&api, &nonce);
        claims[name] = value;
        let got = ask(&api, &[&key.prove(&claims)]).await;
        assert_eq!((got.status.as_u16(), got.text("/error").as_str()), (400, "invalid_dpop_proof"), "{claims}");
        assert!(!got.header("dpop-nonce").is_empty());
    }
    ask(&api, &[&key.prove(&proof(&api, "old"))]).await.fault(400, "use_dpop_nonce");
    let mut query = proof(&api, &nonce);
    query["htu"] = json!(format!("{}/oauth/token?x=1#y", api.base));
    ask(&api, &[&key.prove(&query)]).await.is(200);
    ask(&api, &[]).await.fault(400, "invalid_dpop_proof");
    ask(&api, &["garbage"]).await.fault(400, "invalid_dpop_proof");
    let (one, two) = (key.prove(&proof(&api, &nonce)), key.prove(&proof(&api, &nonce)));
    ask(&api, &[&one, &two]).await.fault(400, "invalid_dpop_proof");
    ask(&api, &[&one]).await.is(200);
    ask(&api, &[&one]).await.fault(400, "invalid_dpop_proof");
}

#[tokio::test]
async fn the_header_of_a_proof_must_be_right_too() {
    let api = Api::shared();
    let key = Key::new();
    let nonce = nonce(&api).await;
    let signed = |header: &Header, key: &EncodingKey| encode(header, &proof(&api, &nonce), key).unwrap();
    let mut typ = key.header();
    typ.typ = Some("JWT".to_owned());
    let mut none = key.header();
    none.jwk = None;
    let mut foreign = key.header();
    foreign.jwk = Some(Key::new().jwk);
    let mut symmetric = key.header();
    symmetric.alg = Algorithm::HS256;
    let mut crit = key.header();
    crit.crit = Some(vec!["exp".to_owned()]);
    let secret = EncodingKey::from_secret(b"x");
    for jwt in [
        signed(&typ, &key.encoding),
        signed(&none, &key.encoding),
        signed(&foreign, &key.encoding),
        signed(&symmetric, &secret),
        signed(&crit, &key.encoding),
        with_private_key(&signed(&key.header(), &key.encoding)),
    ] {
        ask(&api, &[&jwt]).await.fault(400, "invalid_dpop_proof");
    }
    ask(&api, &[&signed(&key.header(), &key.encoding)]).await.is(200);
}

/// A proof whose key has a private member; its signature is old, but the member is looked for first.
fn with_private_key(proof: &str) -> String {
    let (header, rest) = proof.split_once('.').unwrap();
    let header = base64::Engine::decode(&super::URL_SAFE_NO_PAD, header).unwrap();
    let mut header: Value = serde_json::from_slice(&header).unwrap();
    header["jwk"]["d"] = "AAAA".into();
    format!("{}.{rest}", base64::Engine::encode(&super::URL_SAFE_NO_PAD, header.to_string()))
}

#[tokio::test]
async fn at_the_api_a_proof_carries_the_hash_of_its_token() {
    let api = Api::shared();
    let key = Key::new();
    let got = ask(&api, &[&key.prove(&proof(&api, &nonce(&api).await))]).await.is(200);
    let token = got.text("/access_token");
    let at_token = got.header("dpop-nonce");
    let first = orders(&api, "DPoP", &token, &[&key.prove(&api_proof(&api, &at_token, &token))]).await;
    let nonce = first.fault(401, "use_dpop_nonce").header("dpop-nonce");
    for (name, value) in [
        ("ath", json!(null)),
        ("ath", json!(s256("another"))),
        ("htm", json!("POST")),
        ("htu", json!(format!("{}/oauth/userinfo", api.base))),
    ] {
        let mut claims = api_proof(&api, &nonce, &token);
        claims[name] = value;
        let got = orders(&api, "DPoP", &token, &[&key.prove(&claims)]).await.fault(401, "invalid_dpop_proof");
        assert!(got.challenge().contains("error=\"invalid_dpop_proof\""), "{got:?}");
    }
}

#[tokio::test]
async fn the_refresh_token_of_a_public_client_is_bound_too() {
    let api = Api::shared();
    let (key, nonce) = (Key::new(), nonce(&api).await);
    let jkt = key.jwk.thumbprint(ThumbprintHash::SHA256).unwrap();
    let query = changed(&spa_query(), &[("client_id", "spa-dpop"), ("dpop_jkt", &jkt)]);
    let code = Browser::new(&api).allow(&query).await.back("code");
    let fields = changed(&redeem(&code), &[("client_id", "spa-dpop"), ("redirect_uri", SPA)]);
    let send = async |key: &Key, fields: super::Fields<'_>| {
        api.form("POST /oauth/token", &[("dpop", &key.prove(&proof(&api, &nonce)))], fields).await
    };
    api.token_of(&fields).await.fault(400, "invalid_dpop_proof");
    send(&Key::new(), &fields).await.fault(400, "invalid_grant");
    let token = send(&key, &fields).await.is(200).text("/refresh_token");
    let next = [("grant_type", "refresh_token"), ("client_id", "spa-dpop"), ("refresh_token", token.as_str())];
    send(&Key::new(), &next).await.fault(400, "invalid_grant");
    assert_eq!(send(&key, &next).await.is(200).text("/token_type"), "DPoP");
}

#[tokio::test]
async fn a_pushed_request_binds_its_code_to_the_key_of_its_proof() {
    let api = Api::shared();
    let (key, nonce) = (Key::new(), nonce(&api).await);
    let push = async |key: &Key, path: &str, nonce: &str, more: &[(&str, &str)]| {
        let mut claims = proof(&api, nonce);
        claims["htu"] = json!(format!("{}/oauth/{path}", api.base));
        let fields = changed(&spa_query(), more);
        let fields = changed(&fields, &[("client_id", "spa-dpop")]);
        api.form("POST /oauth/par", &[("dpop", &key.prove(&claims))], &fields).await
    };
    push(&key, "par", "", &[]).await.fault(400, "use_dpop_nonce");
    push(&key, "token", &nonce, &[]).await.fault(400, "invalid_dpop_proof");
    push(&key, "par", &nonce, &[("dpop_jkt", "another")]).await.fault(400, "invalid_dpop_proof");
    let got = push(&key, "par", &nonce, &[]).await.is(201);
    assert!(!got.header("dpop-nonce").is_empty());
    let uri = got.text("/request_uri");
    let code = Browser::new(&api).allow(&[("client_id", "spa-dpop"), ("request_uri", &uri)]).await.back("code");
    let fields = changed(&redeem(&code), &[("client_id", "spa-dpop"), ("redirect_uri", SPA)]);
    let send =
        async |key: &Key| api.form("POST /oauth/token", &[("dpop", &key.prove(&proof(&api, &nonce)))], &fields).await;
    send(&Key::new()).await.fault(400, "invalid_grant");
    send(&key).await.is(200);
}
