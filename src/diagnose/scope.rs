//! What a token is good for: scopes that it lacks, and whether the login asked for them.

use super::Found;
use crate::evidence::Facts;
use crate::term::list;

pub(super) fn missing(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|a| a.has_code("insufficient_scope"))?;
    let wanted: Vec<&str> =
        answer.challenges.iter().filter_map(|c| c.param("scope")).flat_map(str::split_whitespace).collect();
    let held = facts.token().and_then(|(_, t)| t.scopes.clone());
    let lacking: Vec<String> = wanted
        .iter()
        .filter(|w| held.as_ref().is_none_or(|h| h.iter().all(|s| s != *w)))
        .map(|w| format!("`{w}`"))
        .collect();
    let vain: Vec<String> = facts.ungiven.iter().map(|scope| format!("`{scope}`")).collect();
    let cause = if lacking.is_empty() {
        "the token is good, and its scope does not suffice".to_owned()
    } else {
        format!("the token is good, and lacks {}", list(&lacking, "and"))
    };
    let about: Vec<String> = vain.into_iter().filter(|s| lacking.is_empty() || lacking.contains(s)).collect();
    let who = facts.name().map_or("the identity".to_owned(), |n| format!("`{n}`"));
    let found = Found::new(cause).seen("`WWW-Authenticate` says `insufficient_scope`").seen_if(answer.quoted());
    let found = found.seen_if((!about.is_empty()).then(|| in_vain(&about)));
    let found = if facts.memory.others.is_empty() {
        found
    } else {
        let names: Vec<String> = facts.memory.others.iter().take(3).map(|n| format!("`{n}`")).collect();
        found.seen(format!("{} was allowed the same request", list(&names, "and")))
    };
    let found = if about.is_empty() { found } else { found.next(ALLOW) };
    Some(found.next(format!("let {who} have the scope or role, or, if the refusal is right, say `expect: 403`")))
}

/// What to do where a server gave less than was asked for.
const ALLOW: &str = "allow the scope to the client, or to the account, at the authorization server; what it gave stands in `authspec login IDENTITY -v`";

fn in_vain(scopes: &[String]) -> String {
    format!("the login asked for {}, and the server gave a token without", list(scopes, "and"))
}

pub(super) fn not_given(facts: &Facts) -> Option<Found> {
    let answer = facts.denied().filter(|a| a.status == 403 && !a.has_code("insufficient_scope"))?;
    let scopes: Vec<String> = facts.ungiven.iter().map(|scope| format!("`{scope}`")).collect();
    if scopes.is_empty() {
        return None;
    }
    let cause = format!("the login asked for {} in vain, and this may need it", list(&scopes, "and"));
    Some(Found::new(cause).seen(in_vain(&scopes)).seen_if(answer.quoted()).next(ALLOW))
}
