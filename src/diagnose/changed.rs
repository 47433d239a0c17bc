//! Logins, refreshes and logouts of which a case changed a parameter: what the server made of the change.

use super::Found;
use crate::evidence::{Answer, Facts, Page};
use crate::term::list;

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    list(&names, "and")
}

fn all(facts: &Facts) -> Vec<&str> {
    facts.changed.iter().map(String::as_str).collect()
}

/// The change was refused, otherwise than the step expects.
pub(super) fn changed(facts: &Facts) -> Option<Found> {
    if facts.changed.is_empty() {
        return None;
    }
    let names = quoted(&all(facts));
    let is_again = |a: &&Answer| a.status < 400 && (a.page == Page::Login || a.to_login);
    if let Some(answer) = facts.answer.as_ref().filter(is_again) {
        let cause = format!("`vary` changed {names}, and the server shows its login page");
        let found = Found::new(cause).seen(format!("{} in the answer", answer.status));
        return Some(found.next("look at the page for its own words: with nothing changed the same has to work"));
    }
    let refused = Found::new(format!("`vary` changed {names}, and the server refuses that"));
    if let Some((answer, code)) = facts.surprise().and_then(|answer| Some((answer, answer.sent_back()?))) {
        let status = answer.status;
        let expected = format!("{{ status: {status}, headers: {{ location: {{ contains: error={code} }} }} }}");
        return Some(
            refused
                .seen(format!("{status} in the answer, which sends the browser back with `error={code}`"))
                .next(format!("where this is the refusal that is meant, expect it: `expect: {expected}`"))
                .next(TOUCHES),
        );
    }
    let answer = facts.surprise().filter(|a| (400..500).contains(&a.status) && a.status != 429)?;
    Some(
        refused
            .seen(format!("{} in the answer", answer.status))
            .seen_if(answer.quoted())
            .next(format!("where this is the refusal that is meant, expect it: `expect: {}`", answer.status))
            .next(TOUCHES),
    )
}

const TOUCHES: &str = "where it is not, see what else the change touches: with nothing changed the same has to work";

/// The server went on as if nothing were changed.
pub(super) fn change_taken(facts: &Facts) -> Option<Found> {
    let is_asked = facts.wanted.refusal || facts.wanted.words.starts_with('4');
    let answer = facts.answer.as_ref().filter(|a| a.status < 400 && a.page != Page::Login && !a.to_login)?;
    if facts.changed.is_empty() || facts.wanted.met || !is_asked || answer.sent_back().is_some() {
        return None;
    }
    let seen = format!("{} in the answer, where the step expects {}", answer.status, facts.wanted.words);
    let read: Vec<&str> = all(facts).into_iter().filter(|name| unread(facts, name).is_none()).collect();
    if read.is_empty() {
        let first = facts.changed.first()?;
        let (why, next) = unread(facts, first)?;
        let names = quoted(&all(facts));
        return Some(
            Found::new(format!("`vary` changed {names}, which no server has to look at: {why}")).seen(seen).next(next),
        );
    }
    let names = quoted(&read);
    Some(
        Found::new(format!("`vary` changed {names}, and the server took it all the same"))
            .seen(seen)
            .next(format!("let the server look at {names}: whoever sends another value is to be refused"))
            .next("if it may take this value, send one that it must not take, or expect what came"),
    )
}

/// Why a server does well not to look at a parameter, and what to do instead.
fn unread(facts: &Facts, name: &str) -> Option<(&'static str, &'static str)> {
    const OWN: &str = "expect what came: that the client refuses what comes back is said beside it";
    let (exchange, parameter) = name.split_once('.')?;
    match (exchange, parameter) {
        ("authorize", "request_uri" | "client_id") => None,
        ("authorize", _) if facts.pushed => Some((
            "the request was pushed before, and what stands beside `request_uri` is ignored (RFC 9126, section 4)",
            "change it where it is pushed, as a parameter of `par`",
        )),
        ("authorize" | "par", "state") => {
            Some(("it is the client's own, and the client compares what comes back (RFC 6749, section 4.1.1)", OWN))
        }
        ("authorize" | "par", "nonce") => Some((
            "it is the client's own, and the client finds it in the ID token (OpenID Connect Core, section 3.1.2.1)",
            OWN,
        )),
        _ => None,
    }
}
