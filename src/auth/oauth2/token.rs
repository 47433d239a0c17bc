//! The answer of the token endpoint (RFC 6749, section 5.1).

use std::sync::Arc;

use serde_json::Value;

use super::Config;
use super::flow::get;
use super::metadata::Endpoint;
use super::post::render;
use super::unspoken;
use crate::auth::{Ctx, Refused};
use crate::http::Response;

/// The members of a token answer that become parts of a session.
const MEMBERS: &[&str] =
    &["access_token", "token_type", "refresh_token", "id_token", "scope", "expires_in", "issued_token_type"];

/// Parts of a credential by name.
pub(super) type Parts = Vec<(Arc<str>, Value)>;

/// Reads a token answer, which has to be one; `bound` when the token was to be bound to a key.
pub(super) fn read(response: &Response, bound: bool) -> Result<Parts, Refused> {
    let wrong = |message: String, help: &str| {
        let help = if help.is_empty() { Vec::new() } else { vec![help.to_owned()] };
        Refused { message: format!("the answer of the token endpoint {message}"), help }
    };
    let Ok(Value::Object(answer)) = serde_json::from_slice::<Value>(&response.body) else {
        let what = unspoken::what(response);
        return Err(wrong(
            format!("is no JSON object: it is {}", what.trim_end_matches(',')),
            &unspoken::no_endpoint(Endpoint::Token),
        ));
    };
    match answer.get("access_token").and_then(Value::as_str) {
        Some("") => return Err(wrong("has an empty `access_token`".to_owned(), "")),
        Some(token) if token.contains(char::is_control) => {
            return Err(wrong(
                "has an `access_token` that no request can carry: there is a line break or another control character in it".to_owned(),
                "a token is made of visible ASCII letters and blanks (RFC 6749, appendix A.12)",
            ));
        }
        Some(_) => {}
        None => {
            let help = match answer.get("error").and_then(Value::as_str) {
                Some(_) => {
                    "it has an `error` under a status that says success; the server breaks RFC 6749, section 5.2"
                }
                None => "",
            };
            return Err(wrong("has no `access_token`".to_owned(), help));
        }
    }
    match answer.get("token_type").and_then(Value::as_str) {
        Some(kind) if bound && kind.eq_ignore_ascii_case("dpop") => {}
        Some(kind) if bound => {
            return Err(wrong(
                format!("gives a token of the type `{kind}`, and `dpop` asked for one that is bound to a key"),
                "the server did not look at the proof: is DPoP enabled there, and for this client? whoever finds such a token can use it",
            ));
        }
        Some(kind) if kind.eq_ignore_ascii_case("bearer") => {}
        Some(kind) if kind.eq_ignore_ascii_case("dpop") => {
            return Err(wrong(
                "gives a token of the type `DPoP`, which is bound to a key".to_owned(),
                "add `dpop: true` to the scheme",
            ));
        }
        Some(kind) => {
            return Err(wrong(
                format!("gives a token of the type `{kind}`, which is not sent as Bearer"),
                "log in with `scheme: login` and steps of your own, where `send` says how it travels",
            ));
        }
        None => {
            return Err(wrong(
                "has no `token_type`, which RFC 6749, section 5.1, demands".to_owned(),
                "where the server cannot be mended, log in with `scheme: login` and steps of your own",
            ));
        }
    }
    let member = |name: &&str| Some((Arc::from(*name), answer.get(*name)?.clone()));
    Ok(MEMBERS.iter().filter_map(member).filter(|(_, v)| !v.is_null()).collect())
}

/// The scopes that were asked for and not given. A server that says nothing of the scope gave what was asked for (RFC
/// 6749, section 5.1).
pub(super) fn ungiven(config: &Config, parts: &Parts, cx: &Ctx<'_>) -> Vec<String> {
    // What is asked for in another way is the user's own affair.
    if config.extra.iter().any(|extra| &*extra.name == "scope") {
        return Vec::new();
    }
    let Some(given) = get(parts, "scope") else { return Vec::new() };
    let asked = config.scope.iter().filter_map(|scope| render(scope, cx).ok()).collect::<Vec<_>>().join(" ");
    let is_given = |scope: &str| given.split_whitespace().any(|one| one == scope);
    asked.split_whitespace().filter(|scope| !is_given(scope)).map(ToOwned::to_owned).collect()
}

/// Puts new parts over old ones: what a refresh does not give stays as it was (RFC 6749, section 6).
pub(super) fn renewed(new: Parts, old: Parts) -> Parts {
    let kept = old.into_iter().filter(|(n, _)| {
        let of_the_token = matches!(&**n, "expires_in" | "expires_at" | "token_type" | "issued_token_type");
        !of_the_token && new.iter().all(|(newer, _)| newer != n)
    });
    let kept: Vec<_> = kept.collect();
    new.into_iter().chain(kept).collect()
}
