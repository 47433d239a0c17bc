//! The authorization code over hand-made answers.

use super::*;
use crate::auth::Opening;
use crate::http::Address;
use crate::jose::{self, Algorithm, Key};

fn web() -> Config {
    let given = [Endpoint::Authorize, Endpoint::Token, Endpoint::Par].map(|e| (e, text(&format!("/{}", e.key()))));
    Config {
        issuer: Some(text("https://id.test")),
        given: given.into(),
        scope: vec![text("openid")],
        ..config(Grant::AuthorizationCode)
    }
}

/// The query of the page that the browser begins with.
fn opened(step: Move) -> Vec<(String, String)> {
    let Move::Pages(script) = step else { panic!("{step:?}") };
    assert!(
        script.agree == crate::auth::Agree::ToConsent
            && script.until.as_ref().unwrap().to_string() == "http://127.0.0.1:9/cb"
    );
    let Opening::Request(exchange) = &script.open else { panic!() };
    assert_eq!((exchange.label, exchange.request.address.path()), ("authorize", "/base/authorize_url"));
    let query = exchange.request.address.target().split_once('?').unwrap().1.to_owned();
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn of<'a>(query: &'a [(String, String)], name: &str) -> &'a str {
    query.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
}

fn landed(query: &str) -> Heard {
    Heard::Landed(Address::parse(&format!("http://127.0.0.1:9/cb?{query}")).unwrap())
}

fn back(query: impl Fn(&str) -> String) -> (Box<dyn Flow>, Move, String) {
    let mut flow = begin(web());
    let asked = opened(next(flow.as_mut(), Heard::Start));
    let step = next(flow.as_mut(), landed(&query(of(&asked, "state"))));
    (flow, step, of(&asked, "nonce").to_owned())
}

#[test]
fn a_code_is_asked_for_and_exchanged_with_its_verifier() {
    let mut flow = begin(web());
    let asked = opened(next(flow.as_mut(), Heard::Start));
    let names: Vec<&str> = asked.iter().map(|(n, _)| n.as_str()).collect();
    let expected = [
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "resource",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    ];
    assert_eq!(names, expected);
    let state = of(&asked, "state");
    let exchange = sent(next(flow.as_mut(), landed(&format!("code=c-1&state={state}&iss=https%3A%2F%2Fid.test"))));
    let form = form(&exchange);
    assert_eq!(form[..3], ["grant_type=authorization_code", "code=c-1", "redirect_uri=http://127.0.0.1:9/cb"]);
    let verifier = form[3].strip_prefix("code_verifier=").unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    assert_eq!(jose::encode(digest), of(&asked, "code_challenge"));
    let mut given = token();
    given["scope"] = json!("read write");
    let credential = ready(next(flow.as_mut(), answer(200, &given)));
    assert_eq!(part(&credential, "code"), Some("c-1"), "so that it can be sent once more");
    assert_eq!(part(&credential, "code_verifier"), Some(verifier));
}

#[test]
fn what_the_browser_comes_back_with_has_to_be_of_this_authorization() {
    let why = |query: &str| refused(back(|state| query.replace("STATE", state)).1).message;
    assert!(why("code=c-1&state=other").contains("another `state`"));
    assert!(why("code=c-1").contains("without the `state`"));
    assert!(why("code=c-1&state=STATE&iss=https%3A%2F%2Fevil.test").contains("`https://evil.test`"));
    assert!(why("code=c-1&state=STATE&state=STATE").contains("twice"));
    assert!(why("state=STATE").contains("neither a code nor an error"));
    let told = "the authorization endpoint says `access_denied`: No";
    assert_eq!(why("error=access_denied&error_description=No&state=STATE"), told);
    assert!(why("error=access_denied&state=other").contains("another `state`"), "also an error has to be ours");
}

#[test]
fn an_id_token_has_to_come_with_the_scope_that_asks_for_it() {
    let given = |scope: Option<&str>| {
        let (mut flow, step, _) = back(|state| format!("code=c-1&state={state}"));
        sent(step);
        let mut given = token();
        scope.into_iter().for_each(|scope| given["scope"] = json!(scope));
        next(flow.as_mut(), answer(200, &given))
    };
    for scope in [None, Some("openid profile")] {
        let refusal = refused(given(scope));
        assert!(refusal.message.contains("no `id_token`") && refusal.help[0].contains("drop it"), "{refusal:?}");
    }
    ready(given(Some("profile")));
}

#[test]
fn a_browser_that_comes_back_without_the_state_is_told_with_what_it_brings() {
    let told = |query: &str| refused(back(|_| query.to_owned()).1);
    let nothing = told("");
    assert!(nothing.message.contains("with nothing") && nothing.help[0].contains("behind a `#`"), "{nothing:?}");
    let code = told("code=c-1&session_state=x");
    assert!(
        code.message.starts_with("the server sent the browser back with `code` and `session_state` alone"),
        "{code:?}"
    );
    assert!(code.help[0].contains("RFC 6749, section 4.1.2"), "{code:?}");
    let error = told("error=invalid_scope&error_description=No");
    assert!(error.message.ends_with("it says `invalid_scope`: No"), "{error:?}");
    assert!(error.help[0].contains("`scope`") && error.help.len() == 2, "{error:?}");
    assert!(told("").message.contains("with nothing"));
}

#[test]
fn a_server_that_takes_pushed_requests_alone_is_answered_by_par() {
    let told =
        |said: &str| refused(back(|state| format!("error=invalid_request&error_description={said}&state={state}")).1);
    for said in ["Pushed+Authorization+Request+must+be+used", "request_uri+is+missing", "use+PAR"] {
        assert!(told(said).help[0].contains("`par: true`"), "{said}");
    }
    assert!(!told("a+parameter+is+missing").help[0].contains("`par: true`"));
    // Whoever did push is told something else.
    let mut flow = begin(Config { par: true, ..web() });
    next(flow.as_mut(), Heard::Start);
    next(flow.as_mut(), answer(201, &json!({"request_uri": "urn:r:1", "expires_in": 60})));
    let state = "x";
    let refusal = refused(next(
        flow.as_mut(),
        landed(&format!("error=invalid_request&error_description=request_uri&state={state}")),
    ));
    assert!(!refusal.help.iter().any(|help| help.contains("`par: true`")), "{refusal:?}");
}

#[test]
fn a_promised_issuer_has_to_be_there() {
    let mut own = web();
    own.given = Vec::new();
    let mut flow = begin(own);
    next(flow.as_mut(), Heard::Start);
    let document = json!({"issuer": "https://id.test", "authorization_endpoint": "http://id.test/base/authorize_url",
        "token_endpoint": "http://id.test/base/token", "authorization_response_iss_parameter_supported": true});
    let asked = opened(next(flow.as_mut(), answer(200, &document)));
    let refusal = refused(next(flow.as_mut(), landed(&format!("code=c&state={}", of(&asked, "state")))));
    assert!(refusal.message.contains("without `iss`"));
}

#[test]
fn a_pushed_request_leaves_only_its_reference_in_the_browser() {
    let mut flow = begin(Config { par: true, ..web() });
    let pushed = sent(next(flow.as_mut(), Heard::Start));
    assert_eq!((pushed.label, pushed.request.address.path()), ("par", "/base/par_url"));
    assert!(form(&pushed).iter().any(|p| p.starts_with("code_challenge=")), "{:?}", form(&pushed));
    let asked = opened(next(flow.as_mut(), answer(201, &json!({"request_uri": "urn:r:1", "expires_in": 60}))));
    assert_eq!(asked, [("client_id".into(), "job".into()), ("request_uri".into(), "urn:r:1".to_owned())]);
    let mut flow = begin(Config { par: true, ..web() });
    next(flow.as_mut(), Heard::Start);
    assert!(refused(next(flow.as_mut(), answer(201, &json!({})))).message.contains("no `request_uri`"));
    let mut flow = begin(Config { par: true, ..web() });
    next(flow.as_mut(), Heard::Start);
    let refusal = refused(next(flow.as_mut(), answer(400, &json!({"error": "invalid_request"}))));
    assert!(refusal.message.contains("pushed authorization requests says `invalid_request`"), "{refusal:?}");
}

#[test]
fn an_id_token_is_verified_before_anything_is_believed() {
    let answered = |secret: &[u8], change: fn(&mut serde_json::Value)| {
        let (mut flow, step, nonce) = back(|state| format!("code=c&state={state}"));
        sent(step);
        let mut claims = json!({"iss": "https://id.test", "aud": "job", "sub": "ann", "nonce": nonce,
            "iat": 1_000_000, "exp": 1_000_060});
        change(&mut claims);
        let key = Key::secret(secret).unwrap();
        let id = jose::sign(Algorithm::Hs256, serde_json::Map::new(), claims.to_string().as_bytes(), &key).unwrap();
        let mut body = token();
        body["id_token"] = id.into();
        next(flow.as_mut(), answer(200, &body))
    };
    assert!(part(&ready(answered(b"secret-1", |_| ())), "id_token").is_some(), "signed with the client's secret");
    assert!(refused(answered(b"secret-2", |_| ())).message.contains("does not fit the key"));
    assert!(refused(answered(b"secret-1", |c| c["nonce"] = "n".into())).message.contains("another `nonce`"));
    assert!(refused(answered(b"secret-1", |c| c["iss"] = "https://evil.test".into())).message.contains("`iss`"));
}

#[test]
fn the_keys_for_an_id_token_are_those_of_the_server() {
    let mut own = web();
    own.given.push((Endpoint::Jwks, text("https://id.test/keys")));
    own.scope = Vec::new();
    let mut flow = begin(own);
    let asked = opened(next(flow.as_mut(), Heard::Start));
    sent(next(flow.as_mut(), landed(&format!("code=c&state={}", of(&asked, "state")))));
    let header = jose::encode("{\"alg\":\"RS256\",\"kid\":\"k1\"}");
    let mut body = token();
    body["id_token"] = format!("{header}.{}.AAAA", jose::encode("{}")).into();
    let keys = sent(next(flow.as_mut(), answer(200, &body)));
    assert!(keys.common && keys.label == "jwks");
    assert_eq!(keys.request.address.to_string(), "https://id.test/keys");
    assert!(refused(next(flow.as_mut(), answer(500, &json!({})))).message.contains("answered 500"));
}

#[test]
fn a_key_that_is_new_to_the_server_is_asked_for_once_more() {
    let key = |id: &str| {
        let mut key = Key::generate(Algorithm::Es256).unwrap();
        key.id = Some(id.to_owned());
        key
    };
    let (old, new) = (key("old"), key("new"));
    let set = |keys: &[&Key]| {
        let jwk = |key: &&Key| {
            let mut jwk = key.public_jwk().unwrap();
            jwk["kid"] = key.id.clone().into();
            jwk
        };
        answer(200, &json!({ "keys": keys.iter().map(jwk).collect::<Vec<_>>() }))
    };
    let asked = |first: &[&Key], second: &[&Key]| {
        let mut own = web();
        own.given.push((Endpoint::Jwks, text("https://id.test/keys")));
        own.scope = Vec::new();
        let mut flow = begin(own);
        let asked = opened(next(flow.as_mut(), Heard::Start));
        sent(next(flow.as_mut(), landed(&format!("code=c&state={}", of(&asked, "state")))));
        let claims = json!({"iss": "https://id.test", "aud": "job", "sub": "ann", "iat": 1_000_000, "exp": 1_000_060});
        let token = jose::sign(Algorithm::Es256, serde_json::Map::new(), claims.to_string().as_bytes(), &new).unwrap();
        let mut body = self::token();
        body["id_token"] = token.into();
        assert!(sent(next(flow.as_mut(), answer(200, &body))).common);
        let Move::Renew(again) = next(flow.as_mut(), set(first)) else { panic!("the key is not among those known") };
        assert_eq!((again.label, again.request.address.path()), ("jwks", "/keys"));
        next(flow.as_mut(), set(second))
    };
    ready(asked(&[&old], &[&old, &new]));
    assert!(refused(asked(&[&old], &[&old])).message.contains("not among the keys"), "once is enough");
}
