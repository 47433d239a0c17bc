//! What becomes of the question what a token is worth (RFC 7662), and of the wish to end it (RFC 7009).

use super::{Family, Found, Rule, rfc};
use crate::event::Certainty::Likely;
use crate::evidence::{Answer, Facts, Leg};

pub(super) const FAMILY: Family = Family {
    title: "What a token is worth",
    rules: &[
        Rule {
            code: "token-inactive",
            about: "the server calls a token inactive",
            explain: "`active: false` says that a token is over, was revoked, ended with its session, was never one of this server's, or is none of the business of whoever asks; a server need not say which (RFC 7662, section 2.2). Ask in the case in which the token was got, before a logout or a refresh that ends it, by a client or an API that may know of it.",
            link: rfc("RFC 7662, section 2.2", "https://www.rfc-editor.org/rfc/rfc7662#section-2.2"),
            certainty: Likely,
            find: inactive,
        },
        Rule {
            code: "asker-refused",
            about: "the server does not take a question about a token from whoever asks",
            explain: "Whoever asks what a token is worth, or has one revoked, proves itself as a client of the server or as an API. In the flows `oauth2.introspect` and `oauth2.revoke` that is whom `as` names, by a scheme such as `basic` or `mtls`, or what `client` of `args` says; `url` is the endpoint.",
            link: rfc("RFC 7662, section 2.1", "https://www.rfc-editor.org/rfc/rfc7662#section-2.1"),
            certainty: Likely,
            find: asker,
        },
    ],
};

/// The question, where one was sent.
fn question(facts: &Facts) -> Option<&Leg> {
    facts.leg().filter(|leg| leg.asks)
}

fn inactive(facts: &Facts) -> Option<Found> {
    let leg = question(facts)?;
    facts.answer.as_ref().filter(|answer| answer.status == 200 && answer.is_inactive)?;
    let over = leg.asked_end.map(|end| facts.at - end).filter(|seconds| *seconds >= 0);
    let cause = match over {
        Some(_) => "the token was over by itself",
        None => {
            "the server calls the token inactive: it was revoked or its session is over, it is not one of this server's, or whoever asks may not know of it"
        }
    };
    let found = Found::new(cause)
        .seen("the answer says `active: false`")
        .seen_if(over.map(|seconds| format!("its `exp` was {seconds} s ago")))
        .seen_if(facts.memory.left.as_ref().map(|left| format!("an earlier step sent `{left}`")));
    Some(match over {
        Some(_) => found.next("ask while it lives: get it in the same case, or let the server give it a longer life"),
        None => found
            .next("ask in the case in which the token was got, before a logout or refresh that ends it")
            .next(ASKER)
            .next("where it has to be over, say `active: false` in `args`"),
    })
}

fn asker(facts: &Facts) -> Option<Found> {
    let leg = question(facts)?;
    let answer = facts.surprise().filter(|answer| !answer.has_code("invalid_client"))?;
    let seen = |found: Found| found.seen(format!("{} at `{}`", answer.status, leg.path)).seen_if(answer.quoted());
    match answer.status {
        401 | 403 if !is_of_token(answer) => {
            Some(seen(Found::new("the server does not accept whoever asks about the token")).next(ASKER))
        }
        404 | 405 | 501 => {
            let what = if leg.path.contains("revo") { "revocation_endpoint" } else { "introspection_endpoint" };
            let next = format!("compare `url` of `args` with `{what}` of the metadata, which `oauth2.metadata` gives");
            Some(seen(Found::new("there is no endpoint that takes a question about a token")).next(next))
        }
        _ => None,
    }
}

/// Tells whether it is the bearer token of whoever asks that is no good, which other rules look at.
fn is_of_token(answer: &Answer) -> bool {
    answer.challenge_error().is_some()
}

/// Who may ask.
pub(super) const ASKER: &str = "see who asks: `as` names an identity that is a client or an API of the server (`basic`, `mtls`), or `client` of `args` has its fields, such as `client_id` and `client_secret`";
