//! The session that a step was sent with: whether it is one to the server, what of its login stayed behind, and who
//! logged in since.

use super::{Family, Found, Rule, rfc};
use crate::event::Certainty::{Certain, Likely};
use crate::evidence::{Answer, Facts, Purpose, Sender};
use crate::term::plural;

pub(super) const FAMILY: Family = Family {
    title: "The session",
    rules: &[
        Rule {
            code: "refused-as-nobody",
            about: "the identity is refused as `outcomes` says it of anonymous, and nothing is said of identities",
            explain: "A session that has ended is nobody's: many sites answer it as anybody who is not logged in, such as by the way to the login page. That is a refusal, and `outcomes` declares it for `anonymous` alone. Declare it for `identity` as well; what an identity may not do is answered in its own way beside it.",
            link: rfc("RFC 9110, section 15.5.2", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2"),
            certainty: Certain,
            find: as_nobody,
        },
        Rule {
            code: "session-renewed",
            about: "an earlier answer gave another cookie in place of the one that was sent, which was not seen working since",
            explain: "Some servers give a session another id with each answer, and take the one before no more. Cases go on with what they are answered, but each begins with a copy of the session as its login left it: the first one that sends it makes it old for all others. With `session: fresh` a case, or a row of a matrix, has a login of its own.",
            link: rfc("RFC 6265, section 5.3", "https://www.rfc-editor.org/rfc/rfc6265#section-5.3"),
            certainty: Likely,
            find: renewed,
        },
        Rule {
            code: "logged-in-again",
            about: "the run logged the identity in again meanwhile, and the server may end its earlier sessions by that",
            explain: "Where a user has one session at a time, each login ends the one before. Life cycles, `session: fresh` and steps with `request: login` log in by themselves while other cases use the shared session. With `session: exclusive` nobody else uses the identity meanwhile, and a new session is made afterwards; an identity of its own does as well.",
            link: rfc("RFC 9110, section 15.5.2", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2"),
            certainty: Likely,
            find: logged_in_again,
        },
        Rule {
            code: "logged-out-meanwhile",
            about: "the run logged the identity out of another session meanwhile, and the server may end all of them by that",
            explain: "Some servers end every session of whoever logs out. Life cycles and cases with `session: fresh` log out of sessions of their own while other cases use the shared one. With `session: exclusive` nobody else uses the identity meanwhile, and a new session is made afterwards; an identity of its own does as well.",
            link: rfc("RFC 9110, section 15.5.2", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2"),
            certainty: Likely,
            find: logged_out,
        },
        Rule {
            code: "login-cookies-left",
            about: "the login set cookies that stayed behind, and the credential without them is accepted nowhere",
            explain: "A scheme that sends a token leaves the cookies of its login behind, since most APIs go by the token alone. One that looks for both needs `cookies: keep` in the scheme.",
            link: rfc("RFC 6265, section 4.2", "https://www.rfc-editor.org/rfc/rfc6265#section-4.2"),
            certainty: Likely,
            find: cookies_left,
        },
    ],
};

fn as_nobody(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|_| facts.wanted.refusal && facts.session.as_nobody)?;
    let name = facts.name()?;
    let place = answer.location.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
    Some(
        Found::new(format!("`{name}` is refused here as anonymous is, and `outcomes` says that of anonymous alone"))
            .seen(format!("{}{place} is what `outcomes.deny.anonymous` declares", answer.status))
            .next("add the same under `outcomes.deny.identity`: a session that has ended is nobody's"),
    )
}

fn renewed(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|a| a.status == 401 || a.to_login)?;
    let (name, renewal) = (facts.name()?, facts.session.renewed.as_ref()?);
    let ended = facts.memory.ender.is_some() || facts.memory.left.is_some();
    (!ended).then(|| {
        let cookie = &renewal.cookie;
        Found::new(format!(
            "the server renews the session of `{name}` with its answers, and the `{cookie}` that was sent here is an old one"
        ))
        .seen(format!("`{}` was answered to `{}` with another `{cookie}` in place of it", renewal.case, renewal.line))
        .seen_if(answer.quoted())
        .next("say `session: fresh`, on rows of a matrix as well: each case then has a login of its own, and goes on with what it is answered")
        .next("or let the server take the old value for some seconds more in the test environment")
    })
}

/// Whose session may have been ended by what the run did meanwhile, and what shows that its credential was good: it was
/// answered as whoever has none, and nothing else is known to have ended it.
fn outlived(facts: &Facts) -> Option<(&str, &'static str)> {
    facts.surprise().filter(|a| a.status == 401 || a.to_login)?;
    let over = facts.token().and_then(|(_, token)| token.exp).is_some_and(|exp| exp <= facts.server_time());
    let ended = facts.memory.ender.is_some() || facts.memory.left.is_some() || facts.session.renewed.is_some();
    let (name, shown) = match (&facts.sender, facts.purpose) {
        (Sender::Entering { name }, Purpose::Login | Purpose::Case) if facts.legs.len() > 1 => {
            (name, "the login itself was taken")
        }
        (Sender::Identity { name, .. }, _) if facts.memory.itself => (name, "was allowed the same at another time"),
        (Sender::Identity { name, .. }, Purpose::Whoami) if facts.session.works => {
            (name, "was let in by another login of this run")
        }
        _ => return None,
    };
    (!over && !ended).then_some((name, shown))
}

fn logged_in_again(facts: &Facts) -> Option<Found> {
    let (name, shown) = outlived(facts)?;
    let times = facts.session.newer_logins;
    if times == 0 {
        return None;
    }
    let times = plural(usize::try_from(times).unwrap_or(usize::MAX), "time");
    Some(
        Found::new(format!(
            "the run logged `{name}` in again meanwhile, and this server may end the earlier sessions of a user by that"
        ))
        .seen(format!("`{name}` was logged in {times} since that session was last known to be alive; {shown}"))
        .seen_if(facts.answer.as_ref().and_then(Answer::quoted))
        .next("say `session: exclusive` on cases that log in by themselves, such as life cycles, or give them an identity of their own"),
    )
}

fn logged_out(facts: &Facts) -> Option<Found> {
    let (name, shown) = outlived(facts)?;
    let cases = &facts.session.logouts;
    (!cases.is_empty()).then(|| {
        Found::new(format!(
            "the run logged `{name}` out of another session meanwhile, and this server may end all sessions of a user by that"
        ))
        .seen(format!("{} logged out since that session was last known to be alive; {shown}", super::run::names(cases)))
        .seen_if(facts.answer.as_ref().and_then(Answer::quoted))
        .next("say `session: exclusive` on cases that log out, such as life cycles, or give them an identity of their own")
    })
}

fn cookies_left(facts: &Facts) -> Option<Found> {
    let answer = facts.denied()?;
    let Sender::Identity { name, scheme: "login", .. } = &facts.sender else { return None };
    let left = &facts.session.apart;
    let is_accepted = facts.memory.itself || facts.memory.elsewhere > 0 || facts.session.newer_logins > 0;
    if left.is_empty() || is_accepted || !matches!(facts.purpose, Purpose::Case | Purpose::Whoami) {
        return None;
    }
    let over = facts.token().and_then(|(_, token)| token.exp).is_some_and(|exp| exp <= facts.server_time());
    let names = super::run::names(left);
    (!over).then(|| {
        Found::new(format!("the login of `{name}` set {names}, which stayed behind and may be needed beside the token"))
            .seen(format!("the answer is {}, and the credential was accepted nowhere in this run", answer.status))
            .next("write `cookies: keep` in the scheme: the cookies of the login are then sent with the token")
    })
}
