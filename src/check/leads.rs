//! Where a redirect leads, without what differs from answer to answer by its nature.

use std::collections::HashSet;

use serde_json::Value;
use url::Position;
use url::form_urlencoded::parse;

use crate::http::{Exchange, Request, Trail, is_redirect, percent_decoded};

/// Where the last answer redirects to: the address, the names of its parameters, and their values but for those that
/// were sent, or look as if they were made anew each time. `None` of an answer that leads nowhere.
pub(super) fn leads(trail: &Trail) -> Option<String> {
    let Exchange { request, response, .. } = trail.hops.last()?;
    let response = response.as_ref().ok().filter(|response| is_redirect(response.status))?;
    let written = response.headers.text("location")?;
    let Ok(url) = request.address.url().join(&written) else { return Some(written) };
    let sent = sent(request);
    let value = |value: &str| match value {
        _ if sent.contains(value) => "‹sent›".to_owned(),
        _ if is_made(value) => "‹made›".to_owned(),
        _ => value.to_owned(),
    };
    let pieces: Vec<String> = url.path().split('/').map(|piece| value(&percent_decoded(piece.as_bytes()))).collect();
    let mut out = format!("{}{}", &url[..Position::BeforePath], pieces.join("/"));
    for (text, mark) in [(url.query(), '?'), (url.fragment(), '#')] {
        let Some(text) = text else { continue };
        let pairs: Vec<String> = parse(text.as_bytes()).map(|(name, own)| format!("{name}={}", value(&own))).collect();
        out.push(mark);
        out.push_str(&pairs.join("&"));
    }
    Some(out)
}

/// The values that a form or JSON was sent with.
pub(super) fn sent(request: &Request) -> HashSet<String> {
    match serde_json::from_slice::<Value>(&request.body) {
        Ok(body) => {
            let mut all = HashSet::new();
            gather(&body, &mut all);
            all
        }
        Err(_) => parse(&request.body).map(|(_, value)| value.into_owned()).filter(|v| !v.is_empty()).collect(),
    }
}

fn gather(value: &Value, all: &mut HashSet<String>) {
    match value {
        Value::String(text) if !text.is_empty() => drop(all.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| gather(item, all)),
        Value::Object(map) => map.values().for_each(|value| gather(value, all)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether a value looks like one that is another each time: a time, or long and with letters and digits mixed in one of
/// its words. The code of an error has words and numbers.
fn is_made(value: &str) -> bool {
    let mixed = |word: &str| {
        word.len() >= 8
            && word.bytes().any(|byte| byte.is_ascii_digit())
            && word.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    let is_time = value.len() >= 10 && value.bytes().all(|byte| byte.is_ascii_digit());
    is_time || (value.len() >= 16 && value.split(['_', '-', '.']).any(mixed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_errors_are_told_apart_and_made_values_are_not() {
        for made in ["1700000000", "0189f1f0-7f3e-7cc0-b2b1-9d1c8b6a5e11", "x7Fq2mVb9sKd1LwZ"] {
            assert!(is_made(made), "{made}");
        }
        for code in [
            "AADSTS50034",
            "AUTH-1001",
            "no-such-user",
            "wrongPasswordForThisUser",
            "AUTH_USER_NOT_FOUND_404",
            "error-code-1001-no-such-user",
            "1",
            "",
        ] {
            assert!(!is_made(code), "{code}");
        }
    }
}
