//! The token that was sent: what it says of itself, and what the server says about it.

use super::{Family, Found, Rule, rfc, scope};
use crate::event::Certainty::{Certain, Likely, Possible};
use crate::evidence::{Answer, Facts, Fault, Word};
use crate::term::duration;

pub(super) const FAMILY: Family = Family {
    title: "The token",
    rules: &[
        Rule {
            code: "token-expired",
            about: "the token had expired when it was sent",
            explain: "The `exp` of the token lies before the moment of the request by the server's own clock, or the server says so. A token from a file or a variable is old by design: let a scheme log in. With a login, capture `expires_in` so that the session is refreshed in time, or give the scheme a `refresh`.",
            link: rfc("RFC 7519, section 4.1.4", "https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4"),
            certainty: Certain,
            find: expired,
        },
        Rule {
            code: "clocks-differ",
            about: "the clocks of this machine and of the server differ by more than a token can bear",
            explain: "Times in tokens are compared with the server's clock. When it is ahead, tokens end early; when it is behind, they are not valid yet. Mend the clocks (NTP), or give the server some leeway.",
            link: rfc("RFC 7519, section 4.1.5", "https://www.rfc-editor.org/rfc/rfc7519#section-4.1.5"),
            certainty: Certain,
            find: clocks,
        },
        Rule {
            code: "token-not-yet-valid",
            about: "the token is not valid yet",
            explain: "Its `nbf` or `iat` lies in the future by the server's clock: the machine that issued it and the one that reads it disagree about the time. Typical are refusals in the first seconds of a token's life. Mend the clocks, or allow some leeway.",
            link: rfc("RFC 7519, section 4.1.5", "https://www.rfc-editor.org/rfc/rfc7519#section-4.1.5"),
            certainty: Certain,
            find: not_yet,
        },
        Rule {
            code: "token-truncated",
            about: "the token is cut off or damaged",
            explain: "It begins like a JSON Web Token and has not the three parts of one, or its parts cannot be read. Long values are cut by limits of variables, databases and copying.",
            link: rfc("RFC 7519, section 3", "https://www.rfc-editor.org/rfc/rfc7519#section-3"),
            certainty: Certain,
            find: truncated,
        },
        Rule {
            code: "wrong-token-kind",
            about: "another kind of token was sent than opens an API",
            explain: "A login often gives several tokens. APIs are opened with the access token; the refresh token belongs to the token endpoint, and the ID token to the client that logged somebody in.",
            link: rfc("RFC 9068, section 2.1", "https://www.rfc-editor.org/rfc/rfc9068#section-2.1"),
            certainty: Certain,
            find: wrong_kind,
        },
        Rule {
            code: "token-unsigned",
            about: "the token has no signature",
            explain: "Its algorithm is `none` or its last part is empty. A server must not accept such a token unless it was told to.",
            link: rfc("RFC 8725, section 3.2", "https://www.rfc-editor.org/rfc/rfc8725#section-3.2"),
            certainty: Certain,
            find: unsigned,
        },
        Rule {
            code: "token-revoked",
            about: "the server says that the token or its session was revoked",
            explain: "The token was good and was ended before its time: by a logout, a password change, a rotation or an administrator. If a case of this suite does so, give it `session: fresh`.",
            link: rfc("RFC 7009, section 2", "https://www.rfc-editor.org/rfc/rfc7009#section-2"),
            certainty: Certain,
            find: revoked,
        },
        Rule {
            code: "wrong-audience",
            about: "the server says that the token is meant for another audience",
            explain: "`aud` of the token does not name this API. Ask for the token with the `audience`, `resource` or scope that the API documents.",
            link: rfc("RFC 7519, section 4.1.3", "https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3"),
            certainty: Certain,
            find: audience,
        },
        Rule {
            code: "wrong-issuer",
            about: "the server says that it does not know the token's issuer",
            explain: "`iss` of the token is not the one the API is set up with, byte for byte: `http` and `https`, a slash at the end, an internal host name and another realm all differ. Log in at the address that the API knows.",
            link: rfc("RFC 7519, section 4.1.1", "https://www.rfc-editor.org/rfc/rfc7519#section-4.1.1"),
            certainty: Certain,
            find: issuer,
        },
        Rule {
            code: "signature-refused",
            about: "the server says that the token's signature or key is not good",
            explain: "Either the token comes from another environment, or its key was rotated and the API still holds the old set, or the token was changed on its way. Get a fresh token from the issuer that this API trusts.",
            link: rfc("RFC 7515, section 5.2", "https://www.rfc-editor.org/rfc/rfc7515#section-5.2"),
            certainty: Certain,
            find: signature,
        },
        Rule {
            code: "scope-missing",
            about: "the token is good and lacks a scope",
            explain: "`insufficient_scope` means that the server knows who asks and that the token holds too little. Ask for the scope when logging in; if it is asked for and not given, the account or the client may not have it.",
            link: rfc("RFC 6750, section 3.1", "https://www.rfc-editor.org/rfc/rfc6750#section-3.1"),
            certainty: Certain,
            find: scope::missing,
        },
        Rule {
            code: "scope-not-given",
            about: "the login asked for a scope that it was not given, and the request is refused with 403",
            explain: "An authorization server may give less than was asked for, and says so only by `scope` in its answer. The token is good, and what it lacks is missed later, at the API. Allow the scope to the client or the account, or ask for less.",
            link: rfc("RFC 6749, section 3.3", "https://www.rfc-editor.org/rfc/rfc6749#section-3.3"),
            certainty: Likely,
            find: scope::not_given,
        },
        Rule {
            code: "step-up-wanted",
            about: "the server wants a stronger or more recent login",
            explain: "`insufficient_user_authentication` asks for another way of logging in (`acr_values`) or a login that is not older than `max_age`. Log in again with these parameters.",
            link: rfc("RFC 9470, section 3", "https://www.rfc-editor.org/rfc/rfc9470#section-3"),
            certainty: Certain,
            find: step_up,
        },
        Rule {
            code: "token-refused",
            about: "the server read the token and refuses it without saying why",
            explain: "`invalid_token` means that a token arrived and is expired, revoked, malformed or meant for somebody else. The server's log says which; in a test environment let it send `error_description`.",
            link: rfc("RFC 6750, section 3.1", "https://www.rfc-editor.org/rfc/rfc6750#section-3.1"),
            certainty: Likely,
            find: refused,
        },
        Rule {
            code: "token-encrypted",
            about: "an encrypted token was sent to a server that may expect a signed one",
            explain: "The token has the five parts of an encrypted token (JWE). Few APIs can open one; usually the issuer was not told which API the token is for.",
            link: rfc("RFC 7516, section 3.1", "https://www.rfc-editor.org/rfc/rfc7516#section-3.1"),
            certainty: Possible,
            find: encrypted,
        },
        Rule {
            code: "other-environment",
            about: "the token was issued on another host than the one it was sent to",
            explain: "That is normal where a separate server logs people in, and a mistake where a token of one environment (staging) is sent to another (production). Compare the `iss` of the token with what this API is set up with.",
            link: rfc("RFC 7519, section 4.1.1", "https://www.rfc-editor.org/rfc/rfc7519#section-4.1.1"),
            certainty: Possible,
            find: other_host,
        },
    ],
};

pub(super) fn span(seconds: i64) -> String {
    let whole = seconds.unsigned_abs();
    match whole {
        0..60 => crate::term::plural(usize::try_from(whole).unwrap_or(0), "second"),
        60..7200 => duration(std::time::Duration::from_secs(whole)),
        7200..172_800 => crate::term::plural(usize::try_from(whole / 3600).unwrap_or(0), "hour"),
        _ => crate::term::plural(usize::try_from(whole / 86_400).unwrap_or(0), "day"),
    }
}

pub(super) fn moment(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |t| t.to_string())
}

fn clock(facts: &Facts) -> &'static str {
    if facts.skew.is_some() { "by the server's clock" } else { "by this machine's clock" }
}

const WRITTEN_DOWN: &str =
    "use a fresh token; one that is written down gets old, so let a scheme log in (`scheme: login`)";

fn expired(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|a| matches!(a.status, 400..=403 | 422))?;
    let now = facts.server_time();
    let over = facts.token().and_then(|(sent, token)| Some((sent, token.exp.filter(|exp| *exp <= now)?, token.iat)));
    // By this machine's clock it is still good: then the clocks are the cause.
    let ahead = facts.token().and_then(|(_, t)| t.exp).is_some_and(|exp| exp > facts.at)
        && facts.skew.is_some_and(|s| s.abs() >= 5);
    let found = match over {
        Some(_) if ahead => return None,
        Some((sent, exp, _)) => Found::new(format!("the token had expired {} before it was sent", span(now - exp)))
            .seen(format!(
                "`exp` of the token in {} is {}, the request left at {} {}",
                sent.place.words(),
                moment(exp),
                moment(now),
                clock(facts)
            )),
        None if answer.says(Word::Expired) && !facts.sent.is_empty() => {
            Found::new("the server says that the credential has expired")
        }
        None => return None,
    };
    let found = found.seen_if(answer.quoted().filter(|_| answer.says(Word::Expired)));
    let crate::evidence::Sender::Identity { scheme, refreshes, .. } = &facts.sender else {
        return Some(found.next(WRITTEN_DOWN));
    };
    Some(found.next(match (*scheme, refreshes) {
        ("login", true) => "capture `expires_in` in the login and in its `refresh`, so that the session is renewed in time",
        ("login", false) => {
            "the scheme has no `refresh`: give it one (`refresh: { request: …, capture: … }`), and capture `expires_in` in the login, so that the session is renewed in time"
        }
        ("oauth2", false) => {
            "there is no refresh token to renew the session with: ask for one, often with the scope `offline_access`"
        }
        ("oauth2", true) => {
            "a session is renewed by itself before its end where the token answer says when that is (`expires_in`), and never in a case that pauses or has a session of its own"
        }
        _ => WRITTEN_DOWN,
    }))
}

fn clocks(facts: &Facts) -> Option<Found> {
    facts.denied()?;
    let skew = facts.skew.filter(|s| s.abs() >= 5)?;
    let (_, token) = facts.token()?;
    let (here, there) = (facts.at, facts.server_time());
    let ends = token.exp.filter(|exp| *exp > here && *exp <= there).map(|_| "is over there and good here");
    let begins = token
        .nbf
        .or(token.iat)
        .filter(|from| *from <= here && *from > there)
        .map(|_| "is good here and not valid there yet");
    let what = ends.or(begins)?;
    let way = if skew > 0 { "ahead of" } else { "behind" };
    Some(
        Found::new(format!("the server's clock is {} {way} this one, so the token {what}", span(skew)))
            .seen(format!("`Date` of the answer says {}, this machine {}", moment(there), moment(here)))
            .next("set both clocks by NTP; a server should also allow some leeway"),
    )
}

fn not_yet(facts: &Facts) -> Option<Found> {
    let answer = facts.denied()?;
    let now = facts.server_time();
    let from = facts.token().and_then(|(_, t)| t.nbf.or(t.iat)).filter(|from| *from > now);
    // Where the clocks differ, that is the cause.
    if from.is_some_and(|from| from <= facts.at) {
        return None;
    }
    let found = match from {
        Some(from) => Found::new(format!("the token is not valid for another {}", span(from - now))).seen(format!(
            "its `nbf` or `iat` is {}, the request left at {} {}",
            moment(from),
            moment(now),
            clock(facts)
        )),
        None if answer.says(Word::NotYet) => Found::new("the server says that the token is not valid yet"),
        None => return None,
    };
    Some(
        found
            .seen_if(answer.quoted())
            .next("compare the clocks of the server that issues tokens and of the one that reads them"),
    )
}

fn truncated(facts: &Facts) -> Option<Found> {
    facts.surprise().filter(|a| a.status >= 400)?;
    let (sent, parts) = facts.keys().find_map(|s| {
        s.faults.iter().find_map(|f| if let Fault::Broken { parts } = f { Some((s, *parts)) } else { None })
    })?;
    if sent.has(Fault::Blank) || sent.has(Fault::Percent) || sent.has(Fault::DoubleWord) {
        return None;
    }
    let what = if parts == 3 {
        "its parts cannot be read".to_owned()
    } else {
        format!("it has {} in place of 3", crate::term::plural(parts, "part"))
    };
    Some(
        Found::new(format!("the token in {} is cut off or damaged: {what}", sent.place.words()))
            .seen(format!("it begins like a JSON Web Token and has {}", crate::term::plural(sent.length, "byte")))
            .next("take the whole value; look for limits of variables, forms and copying on its way"),
    )
}

fn wrong_kind(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|a| matches!(a.status, 400..=403 | 422))?;
    let (sent, token) = facts.token()?;
    let kind = token.wrong_kind()?;
    Some(
        Found::new(format!("{kind} was sent in {}, where the access token belongs", sent.place.words()))
            .seen(format!(
                "the token says so itself{}",
                if token.kind.is_some() { " in its type" } else { " in its claims" }
            ))
            .seen_if(answer.quoted().filter(|_| answer.says(Word::Kind)))
            .next("capture the access token of the login (`$.access_token`) and send that"),
    )
}

fn unsigned(facts: &Facts) -> Option<Found> {
    facts.denied()?;
    let (sent, token) = facts.token().filter(|(_, t)| t.alg.eq_ignore_ascii_case("none") || t.unsigned)?;
    let why = if token.unsigned { "its last part is empty" } else { "its algorithm is `none`" };
    Some(
        Found::new(format!("the token in {} is not signed: {why}", sent.place.words()))
            .seen(format!("`alg` is `{}`", token.alg))
            .next("send a token that the server's issuer has signed"),
    )
}

/// A certain cause by the server's own words about a credential that was sent.
fn told(facts: &Facts, word: Word) -> Option<&Answer> {
    facts.surprise().filter(|a| matches!(a.status, 400..=403 | 422) && a.says(word) && !facts.sent.is_empty())
}

fn revoked(facts: &Facts) -> Option<Found> {
    let answer = told(facts, Word::Revoked)?;
    // Where the run knows who ended the session, that says more.
    if facts.memory.ender.is_some() && facts.name().is_some() {
        return None;
    }
    Some(
        Found::new("the server says that the credential was revoked")
            .seen(format!("{} in the answer to a request with a credential", answer.status))
            .seen_if(answer.quoted())
            .next("log in anew; if a case of this run ends the session, give that case `session: fresh`"),
    )
}

fn audience(facts: &Facts) -> Option<Found> {
    let answer = told(facts, Word::Audience)?;
    let named = facts.token().map(|(_, t)| format!("the token names {}", crate::term::plural(t.audiences, "audience")));
    Some(
        Found::new("the server says that the token is for another audience")
            .seen_if(answer.quoted().or_else(|| Some("the answer's text is about the audience".to_owned())))
            .seen_if(named)
            .next("ask for the token with the `audience`, `resource` or scope of this API"),
    )
}

fn issuer(facts: &Facts) -> Option<Found> {
    let answer = told(facts, Word::Issuer)?;
    let named = facts.token().and_then(|(_, t)| t.issuer.clone()).map(|host| format!("the token comes from {host}"));
    Some(
        Found::new("the server says that it does not know the issuer of the token")
            .seen_if(answer.quoted().or_else(|| Some("the answer's text is about the issuer".to_owned())))
            .seen_if(named)
            .next("log in at the very address that this API is set up with"),
    )
}

fn signature(facts: &Facts) -> Option<Found> {
    let answer = told(facts, Word::Signature)?;
    let token = facts.token().map(|(_, t)| t);
    if token.is_some_and(|t| t.unsigned) {
        return None;
    }
    Some(
        Found::new("the server says that the signature or the key of the token is not good")
            .seen_if(answer.quoted().or_else(|| Some("the answer's text is about the signature".to_owned())))
            .seen_if(token.map(|t| format!("`alg` of the token is `{}`", t.alg)))
            .next("get a token from the issuer that this API trusts; compare the environments of both")
            .next("after a rotation of keys, let the API fetch its key set anew"),
    )
}

fn step_up(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|a| a.has_code("insufficient_user_authentication"))?;
    let param = |name: &str| answer.challenges.iter().find_map(|c| c.param(name)).map(|v| format!("`{name}` is `{v}`"));
    Some(
        Found::new("the server wants a stronger or more recent login for this")
            .seen("`WWW-Authenticate` says `insufficient_user_authentication`")
            .seen_if(param("acr_values"))
            .seen_if(param("max_age"))
            .next("log in again with the `acr_values` or `max_age` that the challenge names"),
    )
}

fn refused(facts: &Facts) -> Option<Found> {
    let answer = facts.denied().filter(|a| a.has_code("invalid_token"))?;
    let said = [
        Word::Expired,
        Word::NotYet,
        Word::Signature,
        Word::Malformed,
        Word::Audience,
        Word::Issuer,
        Word::Revoked,
        Word::Kind,
    ];
    let known = said.iter().any(|w| answer.says(*w)) || facts.keys().any(|k| !k.faults.is_empty());
    let over = facts.token().and_then(|(_, t)| t.exp).is_some_and(|exp| exp <= facts.server_time());
    if known || over || facts.sent.is_empty() {
        return None;
    }
    let alive = facts.memory.elsewhere > 0;
    let found = Found::new("the server read the credential and refuses it")
        .seen("the answer says `invalid_token`")
        .seen_if(answer.quoted());
    let found = if alive { found.seen("the same identity was allowed other requests in this run") } else { found };
    Some(found.next("look into the server's log for the reason; compare issuer, audience and key of the token with what this API is set up with"))
}

fn encrypted(facts: &Facts) -> Option<Found> {
    facts.denied()?;
    let sent = facts.keys().find(|s| s.has(Fault::Encrypted))?;
    Some(
        Found::new(format!("the token in {} is encrypted, and this API may expect a signed one", sent.place.words()))
            .seen("it has five parts")
            .next("ask the issuer for a token for this API: its `audience`, `resource` or scope"),
    )
}

fn other_host(facts: &Facts) -> Option<Found> {
    facts.denied()?;
    // An environment that took tokens of that issuer is theirs.
    if facts.memory.itself || facts.memory.elsewhere > 0 {
        return None;
    }
    let (_, token) = facts.token()?;
    let (issuer, leg) = (token.issuer.as_ref()?, facts.leg()?);
    if issuer.eq_ignore_ascii_case(&leg.host) {
        return None;
    }
    Some(
        Found::new(format!("the token was issued by {issuer} and sent to {}", leg.host))
            .seen("that is right where another server logs people in, and wrong where two environments are mixed")
            .next("see whether target and login belong to the same environment"),
    )
}
