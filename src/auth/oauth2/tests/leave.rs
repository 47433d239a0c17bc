//! A logout at the server's page: what the browser is sent with, and what it has to come back with.

use super::*;
use crate::auth::{Agree, Opening, PageScript};
use crate::http::Address;

fn scheme(redirect: bool) -> OAuth {
    let mut own = config(Grant::AuthorizationCode);
    own.given.extend([(Endpoint::Revoke, text("/revoke")), (Endpoint::EndSession, text("/end"))]);
    own.leaving = Leaving { revoke: true, end: true, redirect: redirect.then(|| text("https://app.test/bye")) };
    OAuth { config: Arc::new(own) }
}

fn credential() -> Credential {
    let parts = [("access_token", "at-1"), ("id_token", "it-1")].map(|(n, v)| (n.into(), v.into()));
    Credential { parts: parts.to_vec(), ..Credential::default() }
}

fn pages(step: Move) -> Arc<PageScript> {
    match step {
        Move::Pages(script) => script,
        other => panic!("{other:?}"),
    }
}

fn opened(script: &PageScript) -> Address {
    let Opening::Request(exchange) = &script.open else { panic!("{:?}", script.open) };
    assert_eq!(exchange.label, "end_session");
    exchange.request.address.clone()
}

#[test]
fn the_tokens_are_revoked_and_then_the_browser_leaves() {
    let scheme = scheme(true);
    assert_eq!(scheme.exchanges(Talk::Logout).labels, ["revoke", "end_session", "confirm"]);
    let mut flow = scheme.leave(&credential()).unwrap();
    assert_eq!(sent(next(flow.as_mut(), Heard::Start)).label, "revoke");
    let script = pages(next(flow.as_mut(), answer(200, &json!(""))));
    let address = opened(&script).to_string();
    let query =
        "/base/end?id_token_hint=it-1&client_id=job&post_logout_redirect_uri=https%3A%2F%2Fapp.test%2Fbye&state=";
    assert!(address.contains(query) && script.agree == Agree::ToLeave, "{address}");
    assert_eq!(script.until.as_ref().unwrap().to_string(), "https://app.test/bye");
    let state = address.rsplit('=').next().unwrap();
    let back = |query: &str| Heard::Landed(Address::parse(&format!("https://app.test/bye{query}")).unwrap());
    ready(next(flow.as_mut(), back(&format!("?state={state}"))));
}

#[test]
fn whoever_comes_back_without_the_state_has_not_been_there() {
    for query in ["", "?state=other", "?state="] {
        let mut flow = scheme(true).leave(&credential()).unwrap();
        next(flow.as_mut(), Heard::Start);
        pages(next(flow.as_mut(), answer(200, &json!(""))));
        let back = Heard::Landed(Address::parse(&format!("https://app.test/bye{query}")).unwrap());
        assert!(refused(next(flow.as_mut(), back)).message.contains("without the `state`"), "{query}");
    }
}

#[test]
fn without_a_way_back_the_pages_end_where_nothing_is_asked() {
    let mut flow = scheme(false).leave(&credential()).unwrap();
    next(flow.as_mut(), Heard::Start);
    let script = pages(next(flow.as_mut(), answer(200, &json!(""))));
    assert!(script.until.is_none() && !opened(&script).to_string().contains("state="));
    ready(next(flow.as_mut(), Heard::Steps(Vec::new())));
}
