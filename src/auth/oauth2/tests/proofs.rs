//! Assertions of clients, devices and revocation over hand-made answers.

use super::*;
use crate::auth::Opening;
use crate::auth::oauth2::client::KeySource;
use crate::jose::{Algorithm, Jwks, Key, Token};

/// The key of RFC 7517, appendix A.2.
fn key() -> Key {
    Key::from_jwk(&json!({"kty": "EC", "crv": "P-256", "kid": "1",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}))
    .unwrap()
}

fn asserting(proof: Proof) -> Config {
    let mut own = config(Grant::ClientCredentials);
    own.client.proof = proof;
    own.client.key = Some(KeySource::Read(key()));
    own
}

fn assertion(exchange: &Exchange) -> (Token, serde_json::Value) {
    let form = form(exchange);
    let text = form.iter().find_map(|p| p.strip_prefix("client_assertion=")).unwrap();
    assert!(form.contains(&"client_id=job".to_owned()) && !form.iter().any(|p| p.starts_with("client_secret")));
    assert!(form.contains(&"client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned()));
    let token = Token::parse(text).unwrap();
    let claims = token.claims().unwrap();
    (token, claims)
}

#[test]
fn a_client_signs_who_it_is_anew_for_each_request() {
    let mut flow = begin(asserting(Proof::PrivateKey));
    let first = sent(next(flow.as_mut(), Heard::Start));
    let (token, claims) = assertion(&first);
    Jwks::of(key()).verify(&token).unwrap();
    assert_eq!((token.key_id(), token.algorithm().unwrap()), (Some("1"), Algorithm::Es256));
    assert_eq!(claims["iss"], "job");
    assert_eq!(claims["sub"], "job");
    assert_eq!(claims["aud"], "http://id.test/base/token", "no issuer is known");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
    next(flow.as_mut(), heard(429, &[("Retry-After", "1")], &json!({})));
    let (_, again) = assertion(&sent(next(flow.as_mut(), Heard::Waited)));
    assert_ne!(claims["jti"], again["jti"], "an assertion is used once, also when the request is sent again");
    let credential = ready(next(flow.as_mut(), answer(200, &self::token())));
    let spent = Token::parse(part(&credential, "client_assertion").unwrap()).unwrap();
    assert_eq!(spent.claims().unwrap()["jti"], again["jti"]);
    let ends: Vec<(&str, i64)> = credential.ends.iter().map(|(name, end)| (&**name, end.as_second())).collect();
    assert_eq!(ends, [("client_assertion", again["exp"].as_i64().unwrap())]);
}

#[test]
fn an_assertion_is_for_the_issuer_or_for_whom_the_scheme_says() {
    let audience = |own: Config| assertion(&sent(next(begin(own).as_mut(), Heard::Start))).1["aud"].clone();
    let issuer = || Config { issuer: Some(text("https://id.test")), ..asserting(Proof::PrivateKey) };
    assert_eq!(audience(issuer()), "https://id.test");
    let mut own = issuer();
    own.client.audience = Some(text("urn:x"));
    assert_eq!(audience(own), "urn:x");
}

#[test]
fn a_client_may_sign_with_its_secret() {
    let exchange = sent(next(begin(asserting(Proof::SecretKey)).as_mut(), Heard::Start));
    let (token, _) = assertion(&exchange);
    assert_eq!(token.algorithm().unwrap(), Algorithm::Hs256);
    Jwks::of(Key::secret(b"secret-1").unwrap()).verify(&token).unwrap();
}

fn device() -> Box<dyn Flow> {
    let mut own = config(Grant::DeviceCode);
    own.given.push((Endpoint::Device, text("/device")));
    let mut flow = begin(own);
    let asked = sent(next(flow.as_mut(), Heard::Start));
    assert_eq!((asked.label, asked.request.address.path()), ("device", "/base/device"));
    flow
}

#[test]
fn a_device_waits_until_somebody_agreed() {
    let mut flow = device();
    let code = json!({"device_code": "dc-1", "user_code": "AB-CD", "verification_uri": "http://id.test/d",
        "verification_uri_complete": "http://id.test/d?c=AB-CD", "expires_in": 60});
    let Move::Pages(script) = next(flow.as_mut(), answer(200, &code)) else { panic!() };
    let Opening::Request(exchange) = &script.open else { panic!() };
    assert!(script.agree == crate::auth::Agree::ToConsent && script.until.is_none());
    assert_eq!(exchange.request.address.to_string(), "http://id.test/d?c=AB-CD");
    let poll = sent(next(flow.as_mut(), Heard::Steps(Vec::new())));
    let grant = "grant_type=urn:ietf:params:oauth:grant-type:device_code";
    assert_eq!(form(&poll)[..2], [grant, "device_code=dc-1"]);
    let wait = |step: Move| match step {
        Move::Wait(time, _) => time.as_secs(),
        other => panic!("{other:?}"),
    };
    let say = |error: &str| answer(400, &json!({ "error": error }));
    assert_eq!(
        wait(next(flow.as_mut(), say("authorization_pending"))),
        5,
        "what the RFC says when the server does not"
    );
    sent(next(flow.as_mut(), Heard::Waited));
    assert_eq!(wait(next(flow.as_mut(), say("slow_down"))), 10);
    sent(next(flow.as_mut(), Heard::Waited));
    let credential = ready(next(flow.as_mut(), answer(200, &token())));
    assert_eq!(part(&credential, "device_code"), Some("dc-1"));
}

#[test]
fn another_one_approves_in_a_browser_of_their_own() {
    use crate::auth::Browser;
    let code = json!({"device_code": "dc-1", "user_code": "AB-CD", "verification_uri": "http://id.test/d"});
    let browser = |approved: bool| {
        let mut own = Config { approved, ..config(Grant::DeviceCode) };
        own.given.push((Endpoint::Device, text("/device")));
        let mut flow = begin(own);
        next(flow.as_mut(), Heard::Start);
        let Move::Pages(script) = next(flow.as_mut(), answer(200, &code)) else { panic!() };
        assert_eq!(script.user_code.as_deref(), Some("AB-CD"), "for a page that asks for it");
        script.browser
    };
    assert_eq!((browser(true), browser(false)), (Browser::Approver, Browser::Own));
}

#[test]
fn a_device_that_is_denied_or_late_is_refused() {
    let why = |error: &str| {
        let mut flow = device();
        let code = json!({"device_code": "dc-1", "user_code": "AB-CD", "verification_uri": "http://id.test/d",
            "expires_in": 0, "interval": 1});
        let Move::Pages(script) = next(flow.as_mut(), answer(200, &code)) else { panic!() };
        let Opening::Request(exchange) = &script.open else { panic!() };
        assert_eq!(exchange.request.address.to_string(), "http://id.test/d?user_code=AB-CD");
        next(flow.as_mut(), Heard::Steps(Vec::new()));
        refused(next(flow.as_mut(), answer(400, &json!({ "error": error })))).message
    };
    for error in ["access_denied", "expired_token", "authorization_pending"] {
        assert_eq!(why(error), format!("the token endpoint says `{error}`"), "the code has ended");
    }
    let mut flow = device();
    assert!(refused(next(flow.as_mut(), answer(200, &json!({"device_code": "x"})))).message.contains("`user_code`"));
}

#[test]
fn a_logout_revokes_the_refresh_token_or_else_the_access_token() {
    let mut own = config(Grant::ClientCredentials);
    own.given.push((Endpoint::Revoke, text("/revoke")));
    own.leaving.revoke = true;
    let scheme = OAuth { config: Arc::new(own) };
    let mut credential = Credential::default();
    assert!(scheme.leave(&credential).is_none(), "there is nothing to revoke");
    for (name, value) in [("access_token", "at-1"), ("refresh_token", "rt-1")] {
        credential.parts.push((name.into(), value.into()));
        let mut flow = scheme.leave(&credential).unwrap();
        let exchange = sent(next(flow.as_mut(), Heard::Start));
        assert_eq!((exchange.label, exchange.request.address.path()), ("revoke", "/base/revoke"));
        assert_eq!(form(&exchange)[..2], [format!("token={value}"), format!("token_type_hint={name}")]);
        ready(next(flow.as_mut(), answer(200, &json!(""))));
    }
    let plain = OAuth { config: Arc::new(config(Grant::ClientCredentials)) };
    assert!(plain.leave(&credential).is_none() && plain.exchanges(Talk::Logout).is_empty());
    assert_eq!(scheme.exchanges(Talk::Logout).labels, ["revoke"]);
    let mut flow = scheme.leave(&credential).unwrap();
    next(flow.as_mut(), Heard::Start);
    let refusal = refused(next(flow.as_mut(), answer(400, &json!({"error": "unsupported_token_type"}))));
    assert_eq!(refusal.message, "the revocation endpoint says `unsupported_token_type`");
}

#[test]
fn the_assertion_of_a_grant_names_its_subject_and_proves_the_client() {
    let mut own = config(Grant::JwtBearer);
    own.client.proof = Proof::Nothing;
    own.client.key = Some(KeySource::Read(key()));
    own.subject = Some(text("u-ann"));
    let mut flow = begin(own);
    let exchange = sent(next(flow.as_mut(), Heard::Start));
    let form = form(&exchange);
    assert!(form.contains(&"grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned()), "{form:?}");
    assert!(!form.iter().any(|p| p.starts_with("client_")), "who signed it is named in it: {form:?}");
    let token = Token::parse(form.iter().find_map(|p| p.strip_prefix("assertion=")).unwrap()).unwrap();
    Jwks::of(key()).verify(&token).unwrap();
    let claims = token.claims().unwrap();
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("job"), &json!("u-ann")));
    assert_eq!(claims["aud"], "http://id.test/base/token");
    let credential = ready(next(flow.as_mut(), answer(200, &json!({"access_token": "t", "token_type": "Bearer"}))));
    assert!(credential.parts.iter().any(|(name, _)| &**name == "assertion"), "kept, so that it can be sent again");
}

/// What an assertion says is told, that first of which the server speaks.
#[test]
fn a_refused_assertion_is_told_with_what_it_says() {
    let help = |grant: Grant, error: &str, said: &str| {
        let mut own = config(grant);
        own.client = Client {
            secret: None,
            proof: if grant == Grant::JwtBearer { Proof::Nothing } else { Proof::PrivateKey },
            key: Some(KeySource::Read(Key::generate(Algorithm::Es256).unwrap())),
            key_id: Some(text("key-7")),
            audience: Some(text("https://elsewhere.test")),
            ..own.client
        };
        own.subject = Some(text("ann"));
        let mut flow = OAuth { config: Arc::new(own) }.begin();
        sent(next(flow.as_mut(), Heard::Start));
        let said = json!({"error": error, "error_description": said});
        refused(next(flow.as_mut(), answer(401, &said))).help
    };
    let cc = |said: &str| help(Grant::ClientCredentials, "invalid_client", said);
    let audience = "the assertion is for `aud: https://elsewhere.test`";
    let key = "it was signed with `ES256` under `kid: key-7`";
    let all = cc("client authentication failed");
    assert!(all.len() == 3 && all[0].starts_with(audience) && all[1].starts_with(key), "{all:?}");
    let one = |said: &str, begins: &str| {
        let told = cc(said);
        assert!(told.len() == 1 && told[0].starts_with(begins), "{said}: {told:?}");
    };
    one("aud must be this server", audience);
    one("no key with this kid", key);
    one("the assertion expired", "it is good for a minute");
    let robot = help(Grant::JwtBearer, "invalid_grant", "unknown subject");
    assert!(
        robot.len() == 1 && robot[0].starts_with("it speaks for `sub: ann`, in the name of `iss: job`"),
        "{robot:?}"
    );
}
