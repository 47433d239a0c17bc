//! Cookies: why the session did not come back to the server.

use super::{Family, Found, Link, Rule, rfc};
use crate::event::Certainty::{Certain, Likely};
use crate::evidence::{Facts, Kept, Sender, Withheld};
use crate::http::jar::WithholdReason;

pub(super) const FAMILY: Family = Family {
    title: "Cookies",
    rules: &[
        Rule {
            code: "cookie-secure-over-http",
            about: "a cookie is `Secure`, and the request goes over plain http",
            explain: "A `Secure` cookie is taken and sent over https only, and here the target is `http://`. Use the https address; for a local server without TLS let it leave `Secure` away in that environment. Browsers make an exception for loopback hosts, this client does not: a test that passes by it proves little.",
            link: rfc("RFC 6265, section 4.1.2.5", "https://www.rfc-editor.org/rfc/rfc6265#section-4.1.2.5"),
            certainty: Certain,
            find: secure,
        },
        Rule {
            code: "cookie-other-host",
            about: "a cookie belongs to another host",
            explain: "A cookie without `Domain` goes back to exactly the host that set it; one with `Domain` to that domain and below. The login was answered by one host and the request goes to another: `localhost` and `127.0.0.1` are two, `www.` and `api.` as well. Use one host, or let the server set a `Domain` that covers both.",
            link: rfc("RFC 6265, section 5.1.3", "https://www.rfc-editor.org/rfc/rfc6265#section-5.1.3"),
            certainty: Certain,
            find: other_host,
        },
        Rule {
            code: "cookie-other-path",
            about: "a cookie is for another path",
            explain: "A cookie goes only to paths below its `Path`; without one that is the folder of the address that set it. Let the server set `Path=/`.",
            link: rfc("RFC 6265, section 5.1.4", "https://www.rfc-editor.org/rfc/rfc6265#section-5.1.4"),
            certainty: Certain,
            find: other_path,
        },
        Rule {
            code: "cookie-expired",
            about: "a cookie's time ran out before the request",
            explain: "`Max-Age` or `Expires` of the cookie passed. Log in again before, or let the server prolong the session as it is used.",
            link: rfc("RFC 6265, section 4.1.2.2", "https://www.rfc-editor.org/rfc/rfc6265#section-4.1.2.2"),
            certainty: Certain,
            find: expired,
        },
        Rule {
            code: "cookie-refused",
            about: "a cookie that the login set was not taken, because it breaks a rule",
            explain: "The server set a cookie that no browser would keep: `SameSite=None` without `Secure`, a `__Host-` name with a `Domain` or another path, a `Domain` that does not cover the host, or one that is too long. The attributes must be mended on the server.",
            link: BIS,
            certainty: Likely,
            find: refused,
        },
        Rule {
            code: "cookie-twice",
            about: "two cookies of one name were sent",
            explain: "They were set for different paths or domains, often one before the login and one by it. Which of them a server reads is not defined, and the old one may win. Let the server set the cookie with one `Path` and `Domain` throughout.",
            link: rfc("RFC 6265, section 5.4", "https://www.rfc-editor.org/rfc/rfc6265#section-5.4"),
            certainty: Likely,
            find: twice,
        },
        Rule {
            code: "cookie-deleted",
            about: "the server answered by deleting the session's cookie",
            explain: "A server that deletes the cookie it was sent does not know the session any more: it ran out, was ended by a logout or a new login, or the store of sessions was emptied. Log in again; if a case of this run ends the session, give that case `session: fresh`.",
            link: rfc("RFC 6265, section 3.1", "https://www.rfc-editor.org/rfc/rfc6265#section-3.1"),
            certainty: Likely,
            find: deleted,
        },
    ],
};

const BIS: Link = Link {
    title: "Cookies: HTTP State Management Mechanism (draft), storing a cookie",
    url: "https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis",
};

/// Tells whether the answer is one that a missing session gets, and nothing that could be one was sent.
fn without_session(facts: &Facts) -> bool {
    let away = facts.surprise().is_some_and(|a| matches!(a.status, 400..=403 | 419 | 422) || a.to_login);
    let looks = |name: &String| {
        let name = name.to_ascii_lowercase();
        ["sess", "sid", "auth", "token", "jwt"].iter().any(|w| name.contains(w))
    };
    away && facts.keys().next().is_none() && !facts.cookies.sent.iter().any(looks)
}

/// A cookie that would have carried the session, with the reason it stayed.
fn withheld(facts: &Facts, fits: fn(&WithholdReason) -> bool) -> Option<&Withheld> {
    let alone = without_session(facts);
    facts.cookies.withheld.iter().find(|w| alone && fits(&w.reason))
}

/// What a login set and was not taken.
fn not_taken(facts: &Facts, insecure: bool) -> Option<&Kept> {
    let alone = without_session(facts);
    let earlier = match &facts.sender {
        Sender::Identity { refused, .. } => refused.as_slice(),
        Sender::Nobody | Sender::Anonymous | Sender::Entering { .. } => &[],
    };
    earlier.iter().chain(&facts.cookies.refused).find(|k| alone && k.insecure == insecure)
}

fn stayed(cookie: &Withheld) -> Found {
    Found::new(format!("the cookie `{}` was not sent: {}", cookie.name, cookie.reason.why()))
        .seen("it is in the jar and did not fit this request")
}

fn secure(facts: &Facts) -> Option<Found> {
    let fits =
        |why: &WithholdReason| matches!(why, WithholdReason::Secure { .. } | WithholdReason::SecureLoopback { .. });
    let found = if let Some(cookie) = withheld(facts, fits) {
        stayed(cookie)
    } else {
        let kept = not_taken(facts, true)?;
        let cause =
            format!("the cookie `{}` was not taken, because it is `Secure` and came over plain http", kept.name);
        Found::new(cause).seen(kept.why.clone())
    };
    Some(
        found
            .next("use the https address of the server as `target:`")
            .next("or let the server set the cookie without `Secure` where it runs without TLS"),
    )
}

fn other_host(facts: &Facts) -> Option<Found> {
    let fits = |why: &WithholdReason| matches!(why, WithholdReason::HostOnly { .. } | WithholdReason::Domain { .. });
    let cookie = withheld(facts, fits)?;
    Some(
        stayed(cookie)
            .next("log in at the host that the requests go to; `localhost` and `127.0.0.1` are two hosts")
            .next("or let the server set a `Domain` that covers both"),
    )
}

fn other_path(facts: &Facts) -> Option<Found> {
    let cookie = withheld(facts, |why| matches!(why, WithholdReason::Path { .. }))?;
    Some(stayed(cookie).next("let the server set `Path=/` for the session's cookie"))
}

fn expired(facts: &Facts) -> Option<Found> {
    let cookie = withheld(facts, |why| matches!(why, WithholdReason::Expired { .. }))?;
    Some(stayed(cookie).next("log in again before this step, or use the session within its time"))
}

fn refused(facts: &Facts) -> Option<Found> {
    let kept = not_taken(facts, false)?;
    let sent = facts.cookies.sent.contains(&kept.name);
    (!sent).then(|| {
        Found::new(format!("the cookie `{}` that the server set was not taken: {}", kept.name, kept.why))
            .seen("a browser would not keep it either")
            .next("mend the attributes of the cookie on the server")
    })
}

fn twice(facts: &Facts) -> Option<Found> {
    facts.surprise().filter(|a| a.status >= 400 || a.to_login)?;
    let names = &facts.cookies.sent;
    let name = names.iter().enumerate().find(|(i, n)| names[..*i].contains(n)).map(|(_, n)| n)?;
    Some(
        Found::new(format!("two cookies called `{name}` were sent, and the server may read the wrong one"))
            .seen("they were set for different paths or domains")
            .next("let the server set it with one `Path` and one `Domain` throughout"),
    )
}

fn deleted(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|a| matches!(a.status, 401 | 403 | 419 | 440) || a.to_login)?;
    let name = facts.cookies.deleted.iter().find(|n| facts.cookies.sent.contains(n))?;
    let found = Found::new(format!("the server does not know the session of the cookie `{name}` any more"))
        .seen(format!("it answers {} and deletes the cookie", answer.status))
        .seen_if(answer.quoted());
    Some(found.next("log in anew; if a case of this run ends the session, give that case `session: fresh`"))
}
