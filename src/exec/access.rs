//! What one request and its answer say about access: whose credential really travelled, and whether
//! it was allowed. Pure, so that every rule has a test beside it.

use super::ledger::Sender;
use crate::http::{Headers, Trail, is_safe};
use crate::page::{is_way_in, leads_in, parts};
use crate::step::{Prepared, Step};
use crate::term::shorten;

/// What an answer says about access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// It was granted.
    Allowed,
    /// It was refused: 401, 403, or what the step itself calls a refusal.
    Refused,
    /// The sender was sent to log in, as browser applications refuse.
    SentAway,
    /// Not found, which some servers say to whoever may not know.
    Hidden,
    /// Nothing.
    Nothing,
}

/// Reads what the answers of a step say.
pub(super) fn said(step: &Step, trail: &Trail) -> Said {
    let Some(last) = trail.hops.last() else { return Said::Nothing };
    let Ok(response) = &last.response else { return Said::Nothing };
    let status = response.status;
    let granted = (200..300).contains(&status);
    if matches!(status, 401 | 403) || (step.may_refuse() && !granted && status != 429) {
        return Said::Refused;
    }
    let from = trail.request().map_or(&last.request.address, |r| &r.address);
    let to = match response.headers.text("location") {
        Some(location) if (300..400).contains(&status) => last.request.address.join(&location).ok(),
        Some(_) | None if trail.hops.len() > 1 => Some(last.request.address.clone()),
        Some(_) | None => None,
    };
    let to_login = to.as_ref().is_some_and(|to| is_way_in(from, to));
    if to_login && !leads_in(from.path()) && !is_logout(from.path()) {
        return Said::SentAway;
    }
    // A form that was accepted answers with a redirect, one that was not with the way back to it.
    let safe = trail.request().is_some_and(|r| is_safe(&r.method));
    if granted || (!safe && (300..400).contains(&status) && !to_login) {
        return Said::Allowed;
    }
    if status == 404 { Said::Hidden } else { Said::Nothing }
}

/// Tells whose credential a request of an identity carries: the step may replace or remove it.
pub(super) fn sender_of(
    own: Sender,
    fields: &[String],
    prepared: &Prepared,
    has_cookie: impl Fn(&str) -> bool,
) -> Sender {
    let by_hand = |name: &str| {
        prepared.request.headers.has(name) || prepared.removed.iter().any(|r| r.eq_ignore_ascii_case(name))
    };
    let replaced = fields.iter().any(|f| by_hand(f))
        || by_hand("cookie")
        || prepared.cookies.iter().any(|(name, _)| has_cookie(name));
    if replaced { Sender::Somebody } else { own }
}

/// Fields that never hold a credential.
const HARMLESS: &[&str] = &[
    "accept",
    "accept-encoding",
    "accept-language",
    "content-type",
    "origin",
    "referer",
    "user-agent",
    "x-requested-with",
];

/// Fields that a request gets on its way.
const FRAME: &[&str] = &["host", "content-length", "connection", "transfer-encoding"];

/// Tells whether a field that a step writes is a part of what it asks for: it is no credential, nothing that is new each
/// time, and nothing that is for the answer's form alone.
pub(super) fn is_asked(name: &str) -> bool {
    const CREDENTIAL: &[&str] = &["auth", "token", "key", "secret", "signature", "session", "csrf", "xsrf", "dpop"];
    const NEW: &[&str] = &["date", "traceparent", "tracestate", "digest", "content-digest", "nonce"];
    let name = name.to_ascii_lowercase();
    let is = |list: &[&str]| list.contains(&&*name);
    let frame = is(&FRAME[1..]) || is(HARMLESS) || is(NEW) || name == "cookie";
    !frame && !name.ends_with("request-id") && !CREDENTIAL.iter().any(|word| name.contains(word))
}

/// Tells whether fields written by hand may hold a credential.
pub(super) fn may_hold_credential(headers: &Headers) -> bool {
    headers.iter().any(|(name, _)| !is_one_of(HARMLESS, name))
}

/// Tells whether a field of a request as it was sent may hold a credential: it has others by then that nobody wrote.
pub(super) fn may_prove(name: &str) -> bool {
    !is_one_of(HARMLESS, name) && !is_one_of(FRAME, name)
}

fn is_one_of(list: &[&str], name: &str) -> bool {
    list.iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// How many names of what a request carries are kept.
const CARRIERS: usize = 16;

/// Names what may hold a credential in a request, without its value: `authorization Bearer`, `cookie session`,
/// `x-api-key`.
pub(super) fn carriers(headers: &Headers) -> Vec<String> {
    let mut out = Vec::new();
    for (name, value) in headers.iter() {
        let (name, value) = (name.to_ascii_lowercase(), String::from_utf8_lossy(value));
        match &*name {
            "authorization" => {
                // The name of a scheme is short, a credential without one is not shown.
                let scheme = value.split_once(' ').map_or("", |(scheme, _)| scheme);
                let known = scheme.len() <= 24 && scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
                out.push(format!("{name} {}", if known { scheme } else { "" }).trim_end().to_owned());
            }
            "cookie" => {
                let names = value.split(';').filter_map(|pair| pair.split_once('='));
                out.extend(names.map(|(name, _)| format!("cookie {}", shorten(name.trim(), 40))));
            }
            other if HARMLESS.iter().chain(FRAME).any(|h| *h == other) => {}
            _ => out.push(name),
        }
    }
    out.truncate(CARRIERS);
    out
}

/// Tells whether a step ends or rotates the session that it was sent with, by what its path says.
pub(super) fn ends_session(trail: &Trail) -> bool {
    let accepted = trail.response().is_some_and(|r| r.status < 400);
    let path = trail.request().map(|r| r.address.path()).unwrap_or_default();
    accepted && (rotates(path) || is_logout(path))
}

/// Tells whether a step is the way out, and was taken.
pub(super) fn leaves(trail: &Trail) -> bool {
    let path = trail.request().map(|r| r.address.path()).unwrap_or_default();
    trail.response().is_some_and(|r| r.status < 400) && is_logout(path)
}

/// Tells whether what was sent may have ended the session that it was sent with: all that changes something, and the way
/// out.
pub(super) fn may_end_session(line: &str) -> bool {
    let (method, target) = line.split_once(' ').unwrap_or((line, ""));
    let path = target.split('?').next().unwrap_or_default();
    !is_safe(method) || is_logout(path) || rotates(path)
}

fn rotates(path: &str) -> bool {
    parts(path).any(|s| s.contains("refresh") || s == "revoke")
}

/// Tells whether a path looks like the way out, which often ends at the login page.
fn is_logout(path: &str) -> bool {
    parts(path).any(|s| ["logout", "signout", "logoff", "signoff"].iter().any(|w| s.contains(w)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_carries_is_named_without_its_value() {
        let mut headers = Headers::default();
        for (name, value) in [
            ("Host", "a"),
            ("Accept", "*/*"),
            ("Authorization", "Bearer abc.def"),
            ("Cookie", "session=s3cret; theme=dark"),
            ("X-Api-Key", "k3y"),
        ] {
            headers.add(name, value);
        }
        assert_eq!(carriers(&headers), ["authorization Bearer", "cookie session", "cookie theme", "x-api-key"]);
        let mut bare = Headers::default();
        bare.add("Authorization", "naked-token");
        assert_eq!(carriers(&bare), ["authorization"]);
    }

    #[test]
    fn a_tenant_is_asked_for_and_a_credential_is_not() {
        for name in ["X-Tenant", "host", "X-HTTP-Method-Override", "If-Match", "Prefer"] {
            assert!(is_asked(name), "{name}");
        }
        for name in
            ["Authorization", "Cookie", "X-Api-Key", "Idempotency-Key", "X-Request-Id", "Accept", "Content-Length"]
        {
            assert!(!is_asked(name), "{name}");
        }
    }

    #[test]
    fn what_may_end_a_session_is_known_by_its_line() {
        assert!(["POST /notes", "GET /users/sign-out?a=b", "GET /token/refresh"].into_iter().all(may_end_session));
        assert!(!may_end_session("GET /orders?next=/logout"));
        assert!(is_logout("/users/sign-out") && is_logout("/api/logout") && !is_logout("/login"));
    }
}
