//! Token exchange: what is sent, and which answers are none.

use serde_json::json;

use super::*;
use crate::auth::oauth2::exchange::Trade;

const URN: &str = "urn:ietf:params:oauth:token-type:";

fn trade(requested: Option<&str>) -> Config {
    let mut config = config(Grant::TokenExchange);
    config.trade = Some(Trade::of(("st-1", None), Some(("act-1", Some("jwt"))), requested));
    config
}

fn issued(token: &str, kind: &str) -> Heard {
    let body = json!({"access_token": token, "token_type": "Bearer", "issued_token_type": format!("{URN}{kind}")});
    answer(200, &body)
}

#[test]
fn an_exchange_sends_both_tokens_with_their_types() {
    let mut flow = begin(trade(Some("access_token")));
    let exchange = sent(next(flow.as_mut(), Heard::Start));
    assert_eq!(
        form(&exchange)[..8],
        [
            "grant_type=urn:ietf:params:oauth:grant-type:token-exchange".to_owned(),
            "subject_token=st-1".to_owned(),
            format!("subject_token_type={URN}access_token"),
            "actor_token=act-1".to_owned(),
            format!("actor_token_type={URN}jwt"),
            format!("requested_token_type={URN}access_token"),
            "scope=read write".to_owned(),
            "resource=urn:a".to_owned(),
        ]
    );
    let credential = ready(next(flow.as_mut(), issued("at-1", "jwt")));
    assert_eq!(part(&credential, "issued_token_type"), Some(format!("{URN}jwt").as_str()));
}

#[test]
fn an_answer_that_is_no_exchange_gives_no_credential() {
    let refusal = |requested: Option<&str>, heard: Heard| {
        let mut flow = begin(trade(requested));
        sent(next(flow.as_mut(), Heard::Start));
        refused(next(flow.as_mut(), heard)).message
    };
    assert!(refusal(None, answer(200, &token())).contains("no `issued_token_type`"));
    assert!(refusal(None, issued("st-1", "access_token")).contains("nothing was exchanged"));
    assert!(refusal(None, issued("at-1", "id_token")).contains("opens no API"));
    assert!(refusal(Some("id_token"), issued("at-1", "access_token")).contains("was requested"));
    let foreign =
        answer(200, &json!({"access_token": "x", "token_type": "N_A", "issued_token_type": format!("{URN}jwt")}));
    assert!(refusal(None, foreign).contains("`N_A`"));
}
