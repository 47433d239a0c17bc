//! What let somebody in who was to be refused: the other half of the question who gets in.

use std::time::Duration;

use jiff::Timestamp;

use super::{Family, Found, Link, Rule, rfc};
use crate::event::Certainty::{Certain, Likely, Possible};
use crate::evidence::{Answer, Facts, Page, Place, Purpose, Sender, Token};

pub(super) const FAMILY: Family = Family {
    title: "What let somebody in",
    rules: &[
        Rule {
            code: "let-in-expired-token",
            about: "access was to be refused, and a token was taken that is over",
            explain: "The token names the time of its end (`exp`), that time has passed by the server's own clock, and the request was allowed. The server does not look at `exp`, or allows for more than clocks differ. Let the library that verifies tokens check it, with a leeway of a minute at most; `with: token-expired` holds it for every route.",
            link: rfc("RFC 7519, section 4.1.4", "https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4"),
            certainty: Certain,
            find: expired,
        },
        Rule {
            code: "let-in-unsigned-token",
            about: "access was to be refused, and a token without a signature was taken",
            explain: "Anybody can write such a token. Fix the algorithm and the key for each issuer in the server, and refuse every other one, `none` first of all; `with: pack.jwt` tries the rest.",
            link: rfc("RFC 8725, section 3.1", "https://www.rfc-editor.org/rfc/rfc8725#section-3.1"),
            certainty: Certain,
            find: unsigned,
        },
        Rule {
            code: "let-in-after-logout",
            about: "access was to be refused, and the credential still works after a logout or a revocation",
            explain: "An earlier step of the case ended the session, and what belongs to it opens the door all the same: whoever copied it stays logged in. End the session on the server, and look it up with each request; a token that cannot be looked up needs a short life.",
            link: rfc("RFC 7009, section 2", "https://www.rfc-editor.org/rfc/rfc7009#section-2"),
            certainty: Likely,
            find: after_logout,
        },
        Rule {
            code: "let-in-without-credential",
            about: "access was to be refused, and the request is allowed to anybody",
            explain: "Somebody without a credential was allowed the same request in this run: the route is public, or the check of credentials is off in this environment.",
            link: Link {
                title: "OWASP API Security, Broken Authentication",
                url: "https://owasp.org/API-Security/editions/2023/en/0xa2-broken-authentication/",
            },
            certainty: Certain,
            find: open,
        },
        Rule {
            code: "let-in-by-cache",
            about: "access was to be refused, and the answer comes out of a cache",
            explain: "`Age` or the cache's own field says that the answer is older than the request: it was made for somebody who may see it, and the cache gives it to everybody. Let answers behind a login carry `Cache-Control: private` or `no-store`, or let the cache tell callers apart by `Vary`.",
            link: rfc("RFC 9111, section 3.5", "https://www.rfc-editor.org/rfc/rfc9111#section-3.5"),
            certainty: Likely,
            find: by_cache,
        },
        Rule {
            code: "let-in-by-cookie",
            about: "access was to be refused, and a cookie was sent beside the credential under test",
            explain: "The step changes or removes `Authorization`, and the jar's cookies travelled all the same; the server may have let the caller in by them. Take them away with `Cookie: null` under `headers`, or send the step as `anonymous`.",
            link: rfc("RFC 6265, section 5.4", "https://www.rfc-editor.org/rfc/rfc6265#section-5.4"),
            certainty: Possible,
            find: by_cookie,
        },
        Rule {
            code: "let-in-as-sent",
            about: "access was to be refused, and the server took the credential as it was sent",
            explain: "401 was expected, which is about the credential and not about rights. What is wrong with it made no difference to the server: it does not verify that part, reads it more leniently than it should, or lets the caller in by something else that the request carries.",
            link: rfc("RFC 9110, section 11.6.2", "https://www.rfc-editor.org/rfc/rfc9110#section-11.6.2"),
            certainty: Possible,
            find: as_sent,
        },
        Rule {
            code: "let-in-without-right",
            about: "access was to be refused, and the identity was let in with its own credential",
            explain: "The server knows who asks and does not ask whether they may, at least not for this method and address. Let the route check role, scope or ownership where the object is read, not only where menus are drawn; a row of the access matrix (`access:`) holds it for everybody. If this identity may, expect that.",
            link: Link {
                title: "OWASP API Security, Broken Function Level Authorization",
                url: "https://owasp.org/API-Security/editions/2023/en/0xa5-broken-function-level-authorization/",
            },
            certainty: Likely,
            find: without_right,
        },
    ],
};

/// The answer that let somebody in. A login page, or a body that says that it failed, is a refusal in other words.
fn let_in(facts: &Facts) -> Option<&Answer> {
    // What is not found may be gone; what others find is hidden.
    let hides = facts.wanted.words.starts_with("hidden") || facts.wanted.words.contains("404");
    let hidden = hides && facts.name().is_some() && !facts.memory.others.is_empty();
    let wanted = facts.purpose == Purpose::Case && (facts.wanted.refusal || hidden) && !facts.wanted.met;
    let answer = facts.answer.as_ref().filter(|a| wanted && (200..300).contains(&a.status))?;
    (!matches!(answer.page, Page::Login | Page::JsonError)).then_some(answer)
}

/// The same, where it was not refused before: who was refused is asked who they are, and whether they may.
fn let_in_always(facts: &Facts) -> Option<&Answer> {
    let_in(facts).filter(|_| !facts.wanted.refused_before)
}

/// Its body may prove something, as that of a login or a refresh does: then that is what was under test.
fn proves(facts: &Facts) -> bool {
    facts.secret_in_body || facts.leg().is_some_and(|leg| leg.grants || (leg.enters && leg.media.is_some()))
}

pub(super) fn came(facts: &Facts, answer: &Answer) -> String {
    format!("{} was asked for, and {} came", facts.wanted.words, answer.status)
}

/// The token that was sent, with how a reader finds it.
fn token(facts: &Facts) -> Option<(String, &Token)> {
    let (sent, token) = facts.token()?;
    Some((format!("the token in {}", place(&sent.place)), token))
}

fn place(place: &Place) -> String {
    match place {
        Place::Header(name) => format!("`{name}`"),
        Place::Query(name) => format!("the query parameter `{name}`"),
        Place::Cookie(name) => format!("the cookie `{name}`"),
    }
}

fn expired(facts: &Facts) -> Option<Found> {
    let answer = let_in(facts)?;
    let (place, token) = token(facts)?;
    let over = facts.server_time() - token.exp?;
    if over <= 0 || facts.memory.public {
        return None;
    }
    let end = Timestamp::from_second(token.exp?).ok()?;
    Some(
        Found::new(format!("{place} is over, and the server took it"))
            .seen(format!(
                "its `exp` is {end}, {} before the request",
                crate::term::duration(Duration::from_secs(over.unsigned_abs()))
            ))
            .seen(came(facts, answer))
            .next("let the server compare `exp` with its clock, with a leeway of a minute at most"),
    )
}

fn unsigned(facts: &Facts) -> Option<Found> {
    let answer = let_in(facts)?;
    let (place, token) = token(facts)?;
    if !token.unsigned || facts.memory.public {
        return None;
    }
    Some(
        Found::new(format!("{place} has no signature, and the server took it"))
            .seen(format!("its `alg` is `{}`, and nothing stands behind the last full stop", token.alg))
            .seen(came(facts, answer))
            .next("fix the algorithm for each issuer in the server, and refuse `none`"),
    )
}

fn after_logout(facts: &Facts) -> Option<Found> {
    let answer = let_in(facts)?;
    let left = facts.memory.left.as_ref().filter(|_| !facts.sent.is_empty() && !facts.memory.public)?;
    Some(
        Found::new(format!("the credential still works after `{left}`"))
            .seen(format!("`{left}` was answered as it should be, earlier in this case"))
            .seen(came(facts, answer))
            .next("let the server end the session itself, and not only take back the cookie or forget the token"),
    )
}

fn open(facts: &Facts) -> Option<Found> {
    let answer = let_in_always(facts)?;
    let nobody = matches!(facts.sender, Sender::Nobody | Sender::Anonymous) && facts.sent.is_empty() && !proves(facts);
    if !nobody && !facts.memory.public {
        return None;
    }
    let found = if nobody {
        Found::new("nobody is asked for a credential here").seen("the request carried none")
    } else {
        Found::new("this request is allowed to anybody, with or without a credential")
            .seen("it was allowed without a credential in this run")
    };
    Some(
        found
            .seen(came(facts, answer))
            .next("if it should be guarded, look for the check of credentials on this route; is it switched off here?"),
    )
}

fn by_cache(facts: &Facts) -> Option<Found> {
    let is_old = |a: &&Answer| a.cached || a.age.is_some_and(|age| age > 0);
    let answer = let_in(facts).filter(|a| facts.wanted.refused_before || is_old(a))?;
    let age = answer.age.filter(|age| *age > 0).map(|age| format!("`Age` is {age} s"));
    let says = age.or_else(|| answer.cached.then(|| "a cache says that it answered".to_owned()));
    let before =
        facts.wanted.refused_before.then(|| "the same was refused before somebody else was allowed it".to_owned());
    Some(
        Found::new("the answer comes out of a cache, and was made for somebody else")
            .seen_if(before)
            .seen_if(says)
            .seen(came(facts, answer))
            .next("let answers behind a login carry `Cache-Control: private` or `no-store`"),
    )
}

fn by_cookie(facts: &Facts) -> Option<Found> {
    let answer = let_in(facts)?;
    let cookie = facts.cookies.sent.first()?;
    let by_hand = facts.keys().any(|k| matches!(k.place, Place::Header(_)));
    if !by_hand || facts.memory.public {
        return None;
    }
    Some(
        Found::new(format!(
            "the cookie `{cookie}` travelled beside the credential under test, and may have opened the door"
        ))
        .seen(came(facts, answer))
        .next("take the cookies away with `headers: { Cookie: null }`, or send the step as `anonymous`"),
    )
}

/// A credential travelled and nothing else explains why it was taken.
fn is_taken(facts: &Facts) -> bool {
    !facts.sent.is_empty() && !facts.memory.public && facts.memory.left.is_none() && !proves(facts)
}

fn as_sent(facts: &Facts) -> Option<Found> {
    let answer = let_in_always(facts)?;
    if !is_taken(facts) || facts.wanted.words != "401" || expired(facts).is_some() || unsigned(facts).is_some() {
        return None;
    }
    let places: Vec<String> = facts.sent.iter().take(3).map(|s| place(&s.place)).collect();
    Some(
        Found::new("the server took the credential as it was sent")
            .seen(format!("sent in {}", crate::term::list(&places, "and")))
            .seen(came(facts, answer))
            .next(
                "see whether the server verifies all of it, and whether another part of the request let the caller in",
            ),
    )
}

fn without_right(facts: &Facts) -> Option<Found> {
    let answer = let_in_always(facts)?;
    let name = facts.name()?;
    if !is_taken(facts) || facts.wanted.words == "401" {
        return None;
    }
    let leg = facts.leg()?;
    let others = &facts.memory.others;
    let beside = (!others.is_empty()).then(|| format!("let in as well: {}", super::run::names(others)));
    Some(
        Found::new(format!("the server does not ask whether `{name}` may do this"))
            .seen(came(facts, answer))
            .seen(format!("{} {} carried the credential of `{name}`", leg.method, leg.path))
            .seen_if(beside)
            .next("let the route check the role, the scope or the owner, for this method as well")
            .next(format!("if `{name}` may, expect that: `expect: allow`")),
    )
}
