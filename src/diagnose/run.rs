//! What the rest of the run shows: who else was allowed the same, and what became of the session.

use super::{Family, Found, Rule, rfc};
use crate::event::Certainty::{Certain, Likely, Possible};
use crate::evidence::{Facts, Page, Purpose, Sender, Word};

pub(super) const FAMILY: Family = Family {
    title: "What the rest of the run shows",
    rules: &[
        Rule {
            code: "session-ended-by-case",
            about: "another case of this run ended the session that was used",
            explain: "Cases share one session per identity. One that logs out, refreshes by hand or changes the password takes it from all others. Give that case `session: fresh`, so that it has a login of its own.",
            link: rfc("RFC 7009, section 2", "https://www.rfc-editor.org/rfc/rfc7009#section-2"),
            certainty: Certain,
            find: ended,
        },
        Rule {
            code: "lacks-right",
            about: "the identity is known to the server and may not do this, while others may",
            explain: "The credential works elsewhere in this run, and somebody else was allowed the same request: what is missing is a role, a scope or ownership. If that is as it should be, expect 403.",
            link: rfc("RFC 9110, section 15.5.4", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.4"),
            certainty: Likely,
            find: lacks_right,
        },
        Rule {
            code: "refused-with-401",
            about: "a known identity got 401 where a lack of rights is 403",
            explain: "The same credential was accepted elsewhere in this run, so it is good. Either this route reports a lack of rights as 401, or it is guarded by another part of the server with an audience or a scheme of its own.",
            link: rfc("RFC 9110, section 15.5.2", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2"),
            certainty: Likely,
            find: as_401,
        },
        Rule {
            code: "hidden-by-404",
            about: "the server says 404 to this identity and lets others in",
            explain: "Somebody else was allowed the same request in this run, so it is there. Servers say 404 to whoever may not even know that something exists. If that is as it should be, expect 404.",
            link: rfc("RFC 9110, section 15.5.5", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.5"),
            certainty: Likely,
            find: hidden,
        },
        Rule {
            code: "never-accepted",
            about: "the identity's credential was accepted nowhere in this run",
            explain: "Every request with it that could show something was refused. The login captured the wrong field, the credential is sent where nobody reads it, or it belongs to another environment. Give the scheme a `whoami`, which shows this at once.",
            link: rfc("RFC 9110, section 15.5.2", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2"),
            certainty: Likely,
            find: never,
        },
        Rule {
            code: "missing-credential-403",
            about: "the server answers 403 where no credential was sent and 401 is right",
            explain: "Without a credential the answer is 401 with a challenge. Several frameworks say 403 by default, when the first way of logging in has no challenge. Tell the server, or expect `deny`, which means both.",
            link: rfc("RFC 9110, section 15.5.2", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2"),
            certainty: Certain,
            find: as_403,
        },
        Rule {
            code: "unexplained",
            about: "nothing in the exchange says why it was refused",
            explain: "No rule fits. The credential left as it should and looks right, and the answer gives no reason. Look into the server's log with the time, or the name of the request where it has one; try the same with the `curl` line of the report; give the scheme a `whoami`.",
            link: rfc("RFC 9110, section 11.6.1", "https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1"),
            certainty: Possible,
            find: unexplained,
        },
    ],
};

pub(super) fn names(list: &[String]) -> String {
    let quoted: Vec<String> = list.iter().take(3).map(|n| format!("`{n}`")).collect();
    let more = list.len().saturating_sub(3);
    if more > 0 { format!("{} and {more} more", quoted.join(", ")) } else { crate::term::list(&quoted, "and") }
}

/// The credential itself may be at fault: what is wrong with it, or what the server says of it.
fn blamed(facts: &Facts) -> bool {
    let words = [
        Word::Expired,
        Word::NotYet,
        Word::Signature,
        Word::Unmatched,
        Word::Malformed,
        Word::Audience,
        Word::Issuer,
        Word::Revoked,
        Word::Kind,
        Word::Missing,
        Word::Forgery,
        Word::Rate,
        Word::Locked,
        Word::Firewall,
        Word::Route,
        Word::Origin,
        Word::Account,
    ];
    let said = facts.answer.as_ref().is_some_and(|a| words.iter().any(|w| a.says(*w)) || a.has_code("invalid_token"));
    let over = facts.token().and_then(|(_, t)| t.exp).is_some_and(|exp| exp <= facts.server_time());
    said || over || facts.sent.iter().any(|s| !s.faults.is_empty()) || facts.sent.is_empty() || facts.crossed()
}

fn ended(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|a| a.status == 401 || a.to_login)?;
    let (case, line) = facts.memory.ender.as_ref()?;
    let name = facts.name()?;
    Some(
        Found::new(format!("the session of `{name}` was ended by another case, `{case}`"))
            .seen(format!("that case sent `{line}` with the shared session"))
            .seen_if(answer.quoted())
            .next(format!("give `{case}` a login of its own with `session: fresh`")),
    )
}

fn lacks_right(facts: &Facts) -> Option<Found> {
    let answer = facts.denied().filter(|a| a.status == 403)?;
    let name = facts.name()?;
    if blamed(facts) || facts.memory.elsewhere == 0 || facts.memory.others.is_empty() {
        return None;
    }
    let elsewhere = crate::term::plural(facts.memory.elsewhere, "other request");
    Some(
        Found::new(format!("`{name}` is known to the server and may not do this; {} may", names(&facts.memory.others)))
            .seen(format!("`{name}` was allowed {elsewhere} in this run, and 403 here"))
            .seen_if(answer.quoted())
            .next(format!(
                "give `{name}` the role or ownership that this takes, or, if the refusal is right, say `expect: 403`"
            )),
    )
}

fn as_401(facts: &Facts) -> Option<Found> {
    let answer = facts.denied().filter(|a| a.status == 401)?;
    let name = facts.name()?;
    if blamed(facts) || facts.memory.elsewhere == 0 || facts.memory.ender.is_some() || facts.wanted.doubted {
        return None;
    }
    // A session that the run itself may have ended is refused everywhere.
    let session = &facts.session;
    let may_be_over = facts.memory.itself && (session.newer_logins > 0 || !session.logouts.is_empty());
    if session.renewed.is_some() || may_be_over {
        return None;
    }
    let found = Found::new(format!(
        "`{name}` is known elsewhere, so this 401 is about this route: a right that is missing, or another guard"
    ))
    .seen(format!("`{name}` was allowed {} in this run", crate::term::plural(facts.memory.elsewhere, "other request")))
    .seen_if(answer.quoted());
    let found = if facts.memory.others.is_empty() {
        found
    } else {
        found.seen(format!("{} was allowed this one", names(&facts.memory.others)))
    };
    Some(found.next("compare roles, and the audience or scheme that this route wants, with those of the others"))
}

fn hidden(facts: &Facts) -> Option<Found> {
    facts.surprise().filter(|a| a.status == 404)?;
    let name = facts.name()?;
    if facts.memory.others.is_empty() {
        return None;
    }
    Some(
        Found::new(format!(
            "`{name}` is told 404, and {} may see it: the server hides it",
            names(&facts.memory.others)
        ))
        .seen("the same request was allowed in this run")
        .next(format!("give `{name}` access, or, if hiding is right, say `expect: 404`")),
    )
}

fn never(facts: &Facts) -> Option<Found> {
    let answer = facts.denied().filter(|a| a.status == 401)?;
    let name = facts.name()?;
    let known = facts.memory.elsewhere > 0 || facts.memory.itself || facts.session.works;
    let login = matches!(&facts.sender, Sender::Identity { scheme, .. } if *scheme == "login");
    if known || facts.sent.is_empty() || facts.keys().any(|k| !k.faults.is_empty()) || facts.crossed() {
        return None;
    }
    let found = Found::new(format!("the credential of `{name}` was accepted nowhere in this run"))
        .seen(format!("{} here, and no other request of `{name}` was allowed that not everybody gets", answer.status))
        .seen_if(answer.quoted());
    Some(if login {
        found
            .next("see whether the login captures the right field, and `send:` puts it where the API reads it")
            .next("give the scheme a `whoami`, which shows this at the login")
    } else {
        found.next("see whether the credential belongs to this environment, and is sent where the API reads it")
    })
}

fn as_403(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|a| a.status == 403)?;
    let nobody = matches!(facts.sender, Sender::Nobody | Sender::Anonymous) && facts.sent.is_empty();
    let wanted_401 = facts.wanted.refusal && facts.wanted.words.contains("401");
    if !nobody || !wanted_401 || answer.says(Word::Forgery) || answer.says(Word::Firewall) {
        return None;
    }
    Some(
        Found::new("the server answers 403 to a request without a credential, where 401 is right")
            .seen("no credential was sent, so the server cannot know who asks")
            .seen_if(answer.challenges.is_empty().then(|| "the answer has no challenge".to_owned()))
            .next("let the server answer 401 with `WWW-Authenticate`, or say `expect: deny`, which takes both"),
    )
}

fn unexplained(facts: &Facts) -> Option<Found> {
    let answer = facts.denied()?;
    if blamed(facts) || facts.purpose == Purpose::Login || answer.page == Page::Login {
        return None;
    }
    let known = facts.memory.elsewhere > 0 || !answer.schemes().is_empty() && answer.challenge_error().is_some();
    let trace = answer.trace.as_ref().map(|(name, value)| format!("`{name}` of the answer is {value}"));
    let found =
        Found::new("nothing in the exchange says why; the credential was sent and nothing is wrong with how it looks")
            .seen_if(answer.quoted())
            .seen_if(trace)
            .seen_if(
                answer
                    .challenges
                    .is_empty()
                    .then(|| "the answer has no challenge, though a 401 must have one".to_owned())
                    .filter(|_| answer.status == 401),
            );
    let found = if found.evidence.is_empty() {
        found.seen(format!("{} in the answer, without a reason", answer.status))
    } else {
        found
    };
    (!known).then(|| {
        found
            .next("look into the server's log for this request")
            .next("try the `curl` line with the same credential; give the scheme a `whoami`")
    })
}
