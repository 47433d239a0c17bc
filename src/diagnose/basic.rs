//! Basic credentials: user, colon, password, base64.

use super::{Family, Found, Rule, rfc};
use crate::event::Certainty::{Certain, Possible};
use crate::evidence::{Basic, Facts, Fault, Sent};

pub(super) const FAMILY: Family = Family {
    title: "Basic credentials",
    rules: &[
        Rule {
            code: "basic-not-base64",
            about: "what stands behind `Basic` is not base64",
            explain: "Basic credentials are `user:password` in base64 with the alphabet that has `+` and `/`. Use the scheme `basic`, which encodes them, or encode the value where it is made.",
            link: rfc("RFC 7617, section 2", "https://www.rfc-editor.org/rfc/rfc7617#section-2"),
            certainty: Certain,
            find: not_base64,
        },
        Rule {
            code: "basic-without-colon",
            about: "the Basic credentials hold no colon",
            explain: "What was encoded must be the user name, a colon and the password, also where one of them is empty.",
            link: rfc("RFC 7617, section 2", "https://www.rfc-editor.org/rfc/rfc7617#section-2"),
            certainty: Certain,
            find: without_colon,
        },
        Rule {
            code: "basic-line-break",
            about: "a line break was encoded at the end of the Basic password",
            explain: "`echo user:password | base64` encodes the line break of `echo` as a part of the password. Use `printf`, or the scheme `basic`.",
            link: rfc("RFC 7617, section 2", "https://www.rfc-editor.org/rfc/rfc7617#section-2"),
            certainty: Certain,
            find: line_break,
        },
        Rule {
            code: "basic-empty",
            about: "the user name or the password of the Basic credentials is empty",
            explain: "The header was made of an empty value, often a variable that was not set. Where a server takes a key as the user name with an empty password this is right.",
            link: rfc("RFC 7617, section 2", "https://www.rfc-editor.org/rfc/rfc7617#section-2"),
            certainty: Possible,
            find: empty,
        },
        Rule {
            code: "basic-charset",
            about: "user name or password hold characters beyond ASCII, and the server does not say how it reads them",
            explain: "The encoding of Basic credentials is UTF-8 only where the challenge says `charset=\"UTF-8\"`; older servers read Latin-1. Try an account with plain letters, or let the server say how it reads.",
            link: rfc("RFC 7617, section 2.1", "https://www.rfc-editor.org/rfc/rfc7617#section-2.1"),
            certainty: Possible,
            find: charset,
        },
    ],
};

fn basic(facts: &Facts, fits: impl Fn(&Basic) -> bool) -> Option<&Sent> {
    facts.surprise().filter(|a| matches!(a.status, 400 | 401 | 403))?;
    facts.keys().find(|s| s.basic.as_ref().is_some_and(&fits))
}

fn not_base64(facts: &Facts) -> Option<Found> {
    facts.surprise().filter(|a| a.status >= 400)?;
    let sent = facts.keys().find(|s| s.has(Fault::NotBase64) || s.has(Fault::UrlAlphabet))?;
    let why = if sent.has(Fault::UrlAlphabet) {
        "it has the alphabet of addresses, with `-` and `_` in place of `+` and `/`"
    } else {
        "it cannot be decoded"
    };
    Some(
        Found::new(format!("what stands behind `Basic` in {} is not base64: {why}", sent.place.words()))
            .seen(format!("{} behind the word", crate::term::plural(sent.length, "byte")))
            .next("use `scheme: basic` with `username` and `password`, which encodes them"),
    )
}

fn without_colon(facts: &Facts) -> Option<Found> {
    let sent = basic(facts, |b| !b.colon)?;
    Some(
        Found::new(format!("the Basic credentials in {} hold no colon between user and password", sent.place.words()))
            .seen(format!("{} of base64, decoded without a `:`", crate::term::plural(sent.length, "byte")))
            .next("encode `user:password`, or use `scheme: basic`"),
    )
}

fn line_break(facts: &Facts) -> Option<Found> {
    basic(facts, |b| b.newline)?;
    Some(
        Found::new("a line break was encoded at the end of the password")
            .seen("the decoded Basic credentials end in one")
            .next("make the value with `printf`, not `echo`, or use `scheme: basic`"),
    )
}

fn empty(facts: &Facts) -> Option<Found> {
    let sent = basic(facts, |b| b.no_user || b.no_password)?;
    let part = if sent.basic.is_some_and(|b| b.no_user) { "user name" } else { "password" };
    Some(
        Found::new(format!("the {part} of the Basic credentials is empty"))
            .seen(format!("nothing stands {} the colon", if part == "password" { "behind" } else { "before" }))
            .next("see whether the variable it comes from is set"),
    )
}

fn charset(facts: &Facts) -> Option<Found> {
    basic(facts, |b| b.beyond_ascii)?;
    let answer = facts.denied()?;
    let said = answer.challenges.iter().filter_map(|c| c.param("charset")).any(|c| c.eq_ignore_ascii_case("utf-8"));
    (!said).then(|| {
        Found::new(
            "user name or password hold characters beyond ASCII, and the server may read them in another encoding",
        )
        .seen("they were sent as UTF-8, and the challenge says no `charset`")
        .next("try an account with plain letters; let the server say `charset=\"UTF-8\"` in its challenge")
    })
}
