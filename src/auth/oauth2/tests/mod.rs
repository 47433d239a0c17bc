//! The flow over hand-made answers: what is asked for in which order, and what each answer leads to.

mod bind;
mod code;
mod exchange;
mod leave;
mod proofs;
mod tls;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::client::Proof;
use super::*;
use crate::auth::{Ctx, Exchange, Heard, Move, Refused};
use crate::http::{Headers, Response};
use crate::source::Span;
use crate::step::Submit;
use crate::template::{Scope, Value};

pub(super) fn text(text: &str) -> Template {
    Template::literal(text, Span::NONE)
}

/// A scheme with a client `job` and a token endpoint below the target.
pub(super) fn config(grant: Grant) -> Config {
    Config {
        grant,
        issuer: None,
        given: vec![(Endpoint::Token, text("/token"))],
        client: Client {
            id: text("job"),
            secret: Some(text("secret-1")),
            proof: Proof::Post,
            proof_at: Span::NONE,
            key: None,
            algorithm: None,
            key_id: None,
            audience: None,
            certificate: None,
        },
        scope: vec![text("read"), text("write")],
        audience: Vec::new(),
        resource: vec![text("urn:a")],
        refresh_token: None,
        subject: None,
        trade: None,
        redirect: None,
        pages: Pages { pages: None, fill: Submit::untold(Span::NONE), named: false },
        approved: false,
        par: false,
        dpop: None,
        leaving: Leaving::default(),
        extra: Vec::new(),
    }
}

pub(super) fn answer(status: u16, body: &serde_json::Value) -> Heard {
    heard(status, &[], body)
}

pub(super) fn heard(status: u16, fields: &[(&str, &str)], body: &serde_json::Value) -> Heard {
    let mut headers = Headers::default();
    fields.iter().for_each(|(n, v)| headers.add(*n, v.to_string()));
    headers.add("content-type", "application/json");
    Heard::Answer(Box::new(Response { status, version: "HTTP/1.1", headers, body: body.to_string().into() }))
}

pub(super) fn next(flow: &mut dyn Flow, heard: Heard) -> Move {
    let mut scope = Scope::default();
    scope.set_fields("identity", [("username", Value::from("ann")), ("password", Value::from("pw-1"))]);
    let now = Timestamp::from_second(1_000_000).unwrap();
    flow.next(
        heard,
        &Ctx {
            now,
            scope: &scope,
            base: "http://id.test/base/",
            answers: crate::spec::Handshake::On,
            waits: true,
            newest: None,
        },
    )
}

pub(super) fn sent(step: Move) -> Exchange {
    match step {
        Move::Send(exchange) => *exchange,
        other => panic!("{other:?}"),
    }
}

/// The parameters of a request, as `name=value`.
pub(super) fn form(exchange: &Exchange) -> Vec<String> {
    url::form_urlencoded::parse(&exchange.request.body).map(|(n, v)| format!("{n}={v}")).collect()
}

pub(super) fn refused(step: Move) -> Refused {
    match step {
        Move::Refused(refused) | Move::Distrusted(refused, _) => refused,
        other => panic!("{other:?}"),
    }
}

pub(super) fn ready(step: Move) -> Credential {
    match step {
        Move::Ready(credential) => credential,
        other => panic!("{other:?}"),
    }
}

fn begin(config: Config) -> Box<dyn Flow> {
    OAuth { config: Arc::new(config) }.begin()
}

fn token() -> serde_json::Value {
    json!({"access_token": "at-1", "token_type": "Bearer", "expires_in": "60", "refresh_token": "rt-1"})
}

#[test]
fn a_client_asks_with_what_the_scheme_says() {
    let mut flow = begin(config(Grant::ClientCredentials));
    let exchange = sent(next(flow.as_mut(), Heard::Start));
    assert_eq!((exchange.label, exchange.request.address.to_string()), ("token", "http://id.test/base/token".into()));
    assert_eq!(
        form(&exchange),
        [
            "grant_type=client_credentials",
            "scope=read write",
            "resource=urn:a",
            "client_id=job",
            "client_secret=secret-1"
        ]
    );
    let credential = ready(next(flow.as_mut(), answer(200, &token())));
    assert_eq!(part(&credential, "access_token"), Some("at-1"));
    assert_eq!(credential.expires.unwrap().as_second(), 1_000_060, "a number may stand in quotes");
}

#[test]
fn a_person_s_name_and_password_travel_with_the_grant_password() {
    let mut flow = begin(config(Grant::Password));
    let exchange = sent(next(flow.as_mut(), Heard::Start));
    assert_eq!(form(&exchange)[..3], ["grant_type=password", "username=ann", "password=pw-1"]);
    let refusal =
        refused(next(flow.as_mut(), answer(400, &json!({"error": "invalid_grant", "error_description": "No."}))));
    assert_eq!(refusal.message, "the token endpoint says `invalid_grant`: No.");
    assert!(refusal.help[0].contains("`password` of the identity"), "{refusal:?}");
}

#[test]
fn a_refresh_gives_what_is_new_and_keeps_what_is_not() {
    let mut first = config(Grant::RefreshToken);
    first.refresh_token = Some(text("rt-0"));
    let scheme = OAuth { config: Arc::new(first) };
    let mut flow = scheme.begin();
    let exchange = sent(next(flow.as_mut(), Heard::Start));
    assert_eq!(form(&exchange)[..2], ["grant_type=refresh_token", "refresh_token=rt-0"]);
    let credential = ready(next(flow.as_mut(), answer(200, &token())));

    let mut flow = scheme.refresh(&credential).unwrap();
    let exchange = sent(next(flow.as_mut(), Heard::Start));
    assert_eq!(exchange.label, "refresh");
    assert_eq!(form(&exchange)[..2], ["grant_type=refresh_token", "refresh_token=rt-1"], "the one that was given");
    let renewed = ready(next(flow.as_mut(), answer(200, &json!({"access_token": "at-2", "token_type": "bearer"}))));
    assert_eq!(part(&renewed, "access_token"), Some("at-2"));
    assert_eq!(
        part(&renewed, "refresh_token"),
        Some("rt-1"),
        "without a new one the old one stays (RFC 6749, section 6)"
    );
    assert!(renewed.expires.is_none(), "the lifetime of the old token says nothing about the new one");
    assert!(OAuth { config: Arc::new(config(Grant::ClientCredentials)) }.refresh(&Credential::default()).is_none());
}

#[test]
fn an_unusual_request_is_made_by_extra() {
    let mut own = config(Grant::ClientCredentials);
    let extra = |name: &str, values: &[&str]| Extra {
        label: "token",
        name: name.into(),
        values: values.iter().map(|v| text(v)).collect(),
    };
    own.extra = vec![extra("grant_type", &["urn:x"]), extra("scope", &[]), extra("tenant", &["a", "b"])];
    let exchange = sent(next(begin(own).as_mut(), Heard::Start));
    let expected =
        ["grant_type=urn:x", "resource=urn:a", "client_id=job", "client_secret=secret-1", "tenant=a", "tenant=b"];
    assert_eq!(form(&exchange), expected);
}

fn discovering() -> Config {
    Config { issuer: Some(text("https://id.test/t1")), given: Vec::new(), ..config(Grant::ClientCredentials) }
}

#[test]
fn metadata_are_looked_for_where_each_standard_has_them() {
    let mut flow = begin(discovering());
    let first = sent(next(flow.as_mut(), Heard::Start));
    assert!(first.common && first.label == "discovery");
    assert_eq!(first.request.address.to_string(), "https://id.test/t1/.well-known/openid-configuration");
    let second = sent(next(flow.as_mut(), answer(404, &json!({}))));
    assert_eq!(second.request.address.to_string(), "https://id.test/.well-known/oauth-authorization-server/t1");
    let document = json!({"issuer": "https://id.test/t1", "token_endpoint": "https://id.test/t1/tk"});
    let third = sent(next(flow.as_mut(), answer(200, &document)));
    assert_eq!(third.request.address.to_string(), "https://id.test/t1/tk");
    let mut flow = begin(discovering());
    next(flow.as_mut(), Heard::Start);
    next(flow.as_mut(), answer(404, &json!({})));
    assert!(refused(next(flow.as_mut(), answer(404, &json!({})))).message.contains("answered 404"));
}

#[test]
fn metadata_of_another_issuer_are_refused() {
    let refusal = |document: serde_json::Value| {
        let mut flow = begin(discovering());
        next(flow.as_mut(), Heard::Start);
        refused(next(flow.as_mut(), answer(200, &document)))
    };
    let other = refusal(json!({"issuer": "https://id.test/t1/", "token_endpoint": "https://id.test/t1/tk"}));
    assert!(
        other.help[0].contains("`issuer: https://id.test/t1/`")
            || other.help[0].contains("issuer: https://id.test/t1/")
    );
    assert!(refusal(json!({"issuer": "https://evil.test"})).message.contains("`https://evil.test`"));
    assert!(refusal(json!({"token_endpoint": "https://id.test/tk"})).message.contains("no issuer"));
    assert!(refusal(json!([])).message.contains("no JSON object"));
    assert!(refusal(json!({"issuer": "https://id.test/t1"})).message.contains("`token_endpoint`"));
}

#[test]
fn nobody_logs_in_for_an_endpoint_that_the_metadata_do_not_name() {
    let mut flow = begin(Config { grant: Grant::AuthorizationCode, ..discovering() });
    next(flow.as_mut(), Heard::Start);
    let document = json!({"issuer": "https://id.test/t1", "authorization_endpoint": "https://id.test/t1/auth"});
    let refusal = refused(next(flow.as_mut(), answer(200, &document)));
    assert!(refusal.message.contains("do not name the token endpoint (`token_endpoint`)"), "{refusal:?}");
}

#[test]
fn a_server_that_was_asked_too_often_is_waited_for_and_that_has_an_end() {
    let mut flow = begin(config(Grant::ClientCredentials));
    next(flow.as_mut(), Heard::Start);
    let Move::Wait(time, _) = next(flow.as_mut(), heard(429, &[("Retry-After", "7")], &json!({}))) else { panic!() };
    assert_eq!(time, Duration::from_secs(7));
    assert_eq!(sent(next(flow.as_mut(), Heard::Waited)).label, "token");
    let refusal =
        refused(next(flow.as_mut(), heard(429, &[("Retry-After", "3600")], &json!({"error": "invalid_client"}))));
    assert!(
        refusal.help[0].starts_with("it was waited for 7 seconds, and it wants to be left alone for 60 minutes"),
        "{refusal:?}"
    );
    assert!(refusal.help[1].starts_with("a 429 says nothing about the credential"));
    let mut flow = begin(config(Grant::ClientCredentials));
    next(flow.as_mut(), Heard::Start);
    let refusal = refused(next(flow.as_mut(), heard(429, &[], &json!({}))));
    assert_eq!(refusal.message, "the token endpoint was asked too often");
    assert_eq!(refusal.help[0], "it does not say for how long (no `Retry-After`): run again later");
    let mut flow = begin(config(Grant::ClientCredentials));
    next(flow.as_mut(), Heard::Start);
    let refusal = refused(next(flow.as_mut(), heard(429, &[("retry-after", "soon")], &json!({}))));
    assert!(refusal.help[0].contains("(`Retry-After` is neither a number of seconds nor a date)"), "{refusal:?}");
}

#[test]
fn a_server_that_cannot_answer_for_now_is_waited_for_unless_what_it_was_sent_is_good_once() {
    let soon: &[(&str, &str)] = &[("Retry-After", "2")];
    let mut flow = begin(config(Grant::ClientCredentials));
    next(flow.as_mut(), Heard::Start);
    let Move::Wait(time, _) = next(flow.as_mut(), heard(503, soon, &json!({}))) else { panic!() };
    assert_eq!(time, Duration::from_secs(2));
    assert_eq!(sent(next(flow.as_mut(), Heard::Waited)).label, "token");
    let refusal = refused(next(flow.as_mut(), heard(503, &[("Retry-After", "3600")], &json!({}))));
    assert!(refusal.help[0].contains("left alone for 60 minutes"), "{refusal:?}");
    let mut flow = begin(config(Grant::RefreshToken));
    next(flow.as_mut(), Heard::Start);
    refused(next(flow.as_mut(), heard(503, soon, &json!({}))));
}

#[test]
fn what_came_instead_of_an_error_is_told() {
    let refusal = |status: u16, media: &str, body: &'static str| {
        let mut flow = begin(config(Grant::ClientCredentials));
        next(flow.as_mut(), Heard::Start);
        let mut headers = Headers::default();
        headers.add("content-type", media.to_owned());
        let response = Response { status, version: "HTTP/1.1", headers, body: body.into() };
        let Refused { message, help } = refused(next(flow.as_mut(), Heard::Answer(Box::new(response))));
        format!("{message}: {}", help.join("; "))
    };
    let sorry = "<!DOCTYPE html><title>Oops,\n sorry</title>";
    let told = refusal(500, "text/html", sorry);
    assert!(told.starts_with("the token endpoint sent an HTML page, \"Oops, sorry\", and no `error`"), "{told}");
    assert!(told.contains("the server failed"), "{told}");
    assert!(refusal(503, "", "").contains("sent an empty body and no `error` that says why: a proxy"));
    assert!(refusal(404, "text/html", "<html></html>").contains("see `token_url`"));
    assert!(refusal(302, "", "").contains("does not lead elsewhere"));
    for status in [200, 401] {
        let told = refusal(status, "text/html; charset=utf-8", "<title>Sign in</title>");
        assert!(told.contains("\"Sign in\"") && told.contains("this is probably not the token endpoint"), "{told}");
    }
    assert!(refusal(400, "application/json", "{}").ends_with("sent JSON and no `error` that says why: "));
}

#[test]
fn what_is_no_token_answer_is_told() {
    let refusal = |body: serde_json::Value| {
        let mut flow = begin(config(Grant::ClientCredentials));
        next(flow.as_mut(), Heard::Start);
        refused(next(flow.as_mut(), answer(200, &body))).message
    };
    assert!(refusal(json!("x")).contains("no JSON object"));
    assert!(refusal(json!({"token_type": "Bearer"})).contains("has no `access_token`"));
    assert!(refusal(json!({"access_token": "", "token_type": "Bearer"})).contains("empty"));
    assert!(refusal(json!({"access_token": "a"})).contains("no `token_type`"));
    assert!(refusal(json!({"access_token": "a", "token_type": "mac"})).contains("type `mac`"));
}

#[test]
fn a_refusal_names_the_parameter_that_is_the_likely_cause() {
    let help = |own: Config, code: &str| {
        let mut flow = begin(own);
        next(flow.as_mut(), Heard::Start);
        refused(next(flow.as_mut(), answer(400, &json!({ "error": code })))).help.join("; ")
    };
    let own = || config(Grant::ClientCredentials);
    assert!(help(own(), "invalid_client").contains("`client.auth: basic`"));
    assert!(help(own(), "invalid_scope").contains("`read write`"));
    assert!(help(Config { scope: Vec::new(), ..own() }, "invalid_scope").contains("add `scope`"));
    assert!(help(own(), "invalid_target").contains("`resource: urn:a`"));
    assert!(help(own(), "unauthorized_client").contains("`client_credentials`"));
    assert!(help(own(), "invalid_request").contains("`grant_type`, `scope` and `resource`"));
    let methods = json!({"issuer": "https://id.test/t1", "token_endpoint": "https://id.test/tk",
        "token_endpoint_auth_methods_supported": ["client_secret_basic"]});
    let mut flow = begin(discovering());
    next(flow.as_mut(), Heard::Start);
    next(flow.as_mut(), answer(200, &methods));
    let refusal = refused(next(flow.as_mut(), answer(401, &json!({"error": "invalid_client"}))));
    assert_eq!(refusal.help[0], "`client_secret_post` was used, and the server takes `client_secret_basic`");
}

#[test]
fn a_secret_with_a_line_break_is_never_sent() {
    let mut own = config(Grant::ClientCredentials);
    own.client.secret = Some(text("secret-1\n"));
    assert!(refused(next(begin(own).as_mut(), Heard::Start)).message.contains("line break"));
}

#[test]
fn the_words_of_the_grants_are_those_of_the_table() {
    let words: Vec<&str> = read::words().map(|(word, _)| word).collect();
    assert_eq!(words, read::GRANTS);
}
