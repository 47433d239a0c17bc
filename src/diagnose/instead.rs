//! What came in the place of a refusal, without anybody being let in.

use super::let_in::came;
use super::{Family, Found, Rule, rfc};
use crate::event::Certainty::Likely;
use crate::evidence::{Answer, Facts, Purpose, Word};

pub(super) const FAMILY: Family = Family {
    title: "What came in the place of a refusal",
    rules: &[
        Rule {
            code: "nothing-to-refuse",
            about: "access was to be refused, and the server knows no such address or method",
            explain: "A 404 or 405 comes of the routes and not of the check of credentials: nothing shows that this is guarded. Compare method, path and prefix with a request that is allowed. Servers also say 404 to whoever may not even know that something is there; if that is as it should be, expect 404, or `hidden` in the access matrix, which proves it.",
            link: rfc("RFC 9110, section 15.5.5", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.5"),
            certainty: Likely,
            find: nothing,
        },
        Rule {
            code: "checked-before-asked",
            about: "access was to be refused, and the server found fault with the request itself",
            explain: "A 400, 415 or 422 says that the request was read and judged before anybody asked who sends it, or that it is wrong for everybody. Send one that is accepted with a good credential, so that nothing but the credential can be refused. A server that validates first tells strangers what it takes: let the check of credentials come before.",
            link: rfc("RFC 9110, section 15.5.1", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.1"),
            certainty: Likely,
            find: checked,
        },
    ],
};

/// The answer where a refusal was asked for.
fn instead(facts: &Facts) -> Option<&Answer> {
    facts.answer.as_ref().filter(|_| facts.purpose == Purpose::Case && facts.wanted.refusal && !facts.wanted.met)
}

fn nothing(facts: &Facts) -> Option<Found> {
    let answer = instead(facts).filter(|a| matches!(a.status, 404 | 405 | 410 | 501))?;
    let others = &facts.memory.others;
    if others.is_empty() {
        let what = if matches!(answer.status, 405 | 501) { "method" } else { "address" };
        return Some(
            Found::new(format!("the server knows no such {what}, so there was nothing to refuse"))
                .seen(came(facts, answer))
                .seen_if(answer.allow.as_ref().map(|allow| format!("it allows {allow}")))
                .next("compare method and path with a request that is allowed, and add a case in which somebody is"),
        );
    }
    // What an identity is told, another rule says.
    facts.name().is_none().then(|| {
        Found::new("the server hides this from whoever is not logged in")
            .seen(came(facts, answer))
            .seen(format!("let in: {}", super::run::names(others)))
            .next("if hiding is right, say `expect: 404`")
    })
}

fn checked(facts: &Facts) -> Option<Found> {
    let of_request = |a: &&Answer| matches!(a.status, 400 | 411 | 413 | 415 | 422) && !a.says(Word::Forgery);
    let answer = instead(facts).filter(of_request)?;
    Some(
        Found::new("the server found fault with the request before it refused whoever sent it")
            .seen(came(facts, answer))
            .seen_if(answer.quoted())
            .next("send a request that is accepted with a good credential")
            .next("let the server check who asks before it looks at what is asked"),
    )
}
