//! Logins that failed: what the server said to the password, the form or the token request.

use super::changed::{change_taken, changed};
use super::{Family, Found, Link, Rule, introspect, rfc};
use crate::event::Certainty::{Certain, Likely};
use crate::evidence::{Answer, Facts, InForm, Page, Purpose, Word};

pub(super) const FAMILY: Family = Family {
    title: "The login",
    rules: &[
        Rule {
            code: "account-locked",
            about: "the server says that the account is locked, or that there were too many tries",
            explain: "After some wrong passwords a server locks the name for a while. Cases that send wrong passwords for an account lock it for all others: give them a name of their own, and let them run last. Wait, or unlock the account.",
            link: OWASP_LOGIN,
            certainty: Certain,
            find: locked,
        },
        Rule {
            code: "account-state",
            about: "the server says that the account is disabled or not set up",
            explain: "The account exists and may not log in: it is disabled, its address is not verified, terms are not accepted, or the password must be changed first. Mend the account, or use another one.",
            link: OWASP_LOGIN,
            certainty: Certain,
            find: account,
        },
        Rule {
            code: "second-factor-wanted",
            about: "the server wants a second factor",
            explain: "The password was right or is not asked alone. Add the step with the one-time code to the login, or use a test account without a second factor.",
            link: Link {
                title: "OWASP, Multifactor Authentication",
                url: "https://cheatsheetseries.owasp.org/cheatsheets/Multifactor_Authentication_Cheat_Sheet.html",
            },
            certainty: Certain,
            find: factor,
        },
        Rule {
            code: "wrong-password",
            about: "the server says that the user name or the password is wrong",
            explain: "Compare the fields of the identity with the account as the server has it; the `curl` line of the report sends the same with the values from variables. Look for another environment, a renamed user, and a password that was changed by a case.",
            link: OWASP_LOGIN,
            certainty: Certain,
            find: password,
        },
        Rule {
            code: "login-fields",
            about: "the login is sent in another form than the server reads",
            explain: "The server complains about missing fields or the media type. Logins differ: JSON or a form (`form:` in a step), `username` or `email`. Send what the API documents.",
            link: rfc("RFC 9110, section 15.5.16", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.16"),
            certainty: Likely,
            find: fields,
        },
        Rule {
            code: "login-not-there",
            about: "there is no login at this address",
            explain: "The login's own address answers 404 or 405. Check the path, the base path of the target and the method.",
            link: rfc("RFC 9110, section 15.5.5", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.5"),
            certainty: Certain,
            find: not_there,
        },
        Rule {
            code: "login-form-again",
            about: "the login page was shown again",
            explain: "Servers of web applications answer a refused login with the form once more and status 200, or with the way back to it. The page usually says why; look for a CSRF token that must be sent along, and at the names of the fields.",
            link: OWASP_LOGIN,
            certainty: Certain,
            find: form_again,
        },
        Rule {
            code: "changed-refused",
            about: "what `vary` changed is refused, otherwise than the step expects",
            explain: "The step changed a parameter of a login, refresh or logout, and the server did not take it. Nothing of the identity need be wrong, for the same has to work with nothing changed. Either this is the refusal that is meant, and the step expects another one; or the change touches more than it is to.",
            link: rfc("RFC 6749, section 5.2", "https://www.rfc-editor.org/rfc/rfc6749#section-5.2"),
            certainty: Likely,
            find: changed,
        },
        Rule {
            code: "changed-accepted",
            about: "what `vary` changed made no difference to the server",
            explain: "The step changed a parameter of a login, refresh or logout and expects that the server refuses it, and the server went on as if nothing were changed. It does not look at that parameter, or takes more values for it than it should. If the value that was sent is one that it may take, vary it otherwise, or expect what came.",
            link: rfc("RFC 9700, section 2", "https://www.rfc-editor.org/rfc/rfc9700#section-2"),
            certainty: Likely,
            find: change_taken,
        },
        Rule {
            code: "client-refused",
            about: "the token endpoint does not accept the client",
            explain: "`invalid_client`: the client is unknown, its secret is wrong or has expired, its key is not registered, its assertion is for somebody else (`aud`), or it must prove itself in another way (header or body). Compare with what the server lists under `token_endpoint_auth_methods_supported`.",
            link: rfc("RFC 6749, section 5.2", "https://www.rfc-editor.org/rfc/rfc6749#section-5.2"),
            certainty: Certain,
            find: client,
        },
        Rule {
            code: "grant-refused",
            about: "the token endpoint does not accept the grant",
            explain: "`invalid_grant`: the password, code or refresh token is wrong, was used before, is expired or revoked, or belongs to another client or redirect address. A refresh token that rotates may be used once.",
            link: rfc("RFC 6749, section 5.2", "https://www.rfc-editor.org/rfc/rfc6749#section-5.2"),
            certainty: Certain,
            find: grant,
        },
        Rule {
            code: "grant-not-enabled",
            about: "the client may not use this grant",
            explain: "`unauthorized_client` or `unsupported_grant_type`: the grant must be enabled for the client, or the server does not have it. Enable it, or log in another way.",
            link: rfc("RFC 6749, section 5.2", "https://www.rfc-editor.org/rfc/rfc6749#section-5.2"),
            certainty: Certain,
            find: not_enabled,
        },
        Rule {
            code: "scope-refused",
            about: "the token endpoint does not know a scope or resource, or does not give it",
            explain: "`invalid_scope` or `invalid_target`: the name is misspelled, or the client may not ask for it.",
            link: rfc("RFC 6749, section 5.2", "https://www.rfc-editor.org/rfc/rfc6749#section-5.2"),
            certainty: Certain,
            find: scope,
        },
        Rule {
            code: "whoami-differs",
            about: "the login worked, and `whoami` names somebody else or has another form",
            explain: "The request of `whoami` was allowed and its expectation did not hold. Either the login answered for another account, or the expectation does not fit the answer: compare the two in the report.",
            link: rfc("RFC 9110, section 15.3.1", "https://www.rfc-editor.org/rfc/rfc9110#section-15.3.1"),
            certainty: Likely,
            find: whoami,
        },
    ],
};

const OWASP_LOGIN: Link = Link {
    title: "OWASP, Authentication",
    url: "https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html",
};

fn entering(facts: &Facts) -> bool {
    matches!(facts.purpose, Purpose::Login | Purpose::Refresh)
}

/// A refusal of a login, of whatever status; also one that a case sends itself.
fn said(facts: &Facts, word: Word) -> Option<&Answer> {
    let answer = facts.surprise().filter(|a| a.status >= 400 || a.page == Page::JsonError)?;
    (answer.says(word) && !answer.says(Word::Forgery)).then_some(answer)
}

fn locked(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|a| a.status == 423 || a.status >= 400 && a.says(Word::Locked))?;
    let found = Found::new("the server says that the account is locked after too many tries")
        .seen(format!("{} in the answer", answer.status))
        .seen_if(answer.quoted())
        .seen_if(answer.retry_after.as_ref().map(|t| format!("`Retry-After` is {t}")));
    let found = match facts.memory.refusals {
        0 | 1 => found,
        n => found.seen(format!("the same request was refused {} in this run", times(n))),
    };
    Some(
        found
            .next("wait until the lock ends, or unlock the account")
            .next("send wrong passwords in the name of an account that nothing else uses"),
    )
}

fn times(n: usize) -> String {
    crate::term::plural(n, "time")
}

fn account(facts: &Facts) -> Option<Found> {
    let answer = said(facts, Word::Account)?;
    Some(
        Found::new("the server says that the account may not be used as it is")
            .seen_if(answer.quoted().or_else(|| Some("its text is about the state of the account".to_owned())))
            .next("mend the account: enable it, verify its address, accept the terms, set its password; or use another one"),
    )
}

fn factor(facts: &Facts) -> Option<Found> {
    let answer = said(facts, Word::Factor)?;
    Some(
        Found::new("the server wants a second factor")
            .seen_if(answer.quoted().or_else(|| Some("its text is about a second factor".to_owned())))
            .next("add the step with the one-time code to the login, or use an account without a second factor"),
    )
}

fn password(facts: &Facts) -> Option<Found> {
    let answer = said(facts, Word::Password).filter(|a| !a.says(Word::Locked))?;
    let basic = facts.keys().any(|k| k.basic.is_some());
    if !(entering(facts) || basic || facts.sent.is_empty()) || facts.keys().any(|k| !k.faults.is_empty()) {
        return None;
    }
    if facts.keys().any(|k| k.basic.is_some_and(|b| b.newline || !b.colon)) {
        return None;
    }
    Some(
        Found::new("the server says that the user name or the password is wrong")
            .seen(format!("{} in the answer", answer.status))
            .seen_if(answer.quoted())
            .next("compare user name and password of the identity with the account in this environment")
            .next("a password with `$`, `#` or a blank must be quoted in YAML, shells and env files"),
    )
}

fn fields(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|a| matches!(a.status, 400 | 415 | 422))?;
    let leg = facts.leg()?;
    let media = leg.media.as_deref().unwrap_or_default();
    let wrong_media = answer.status == 415;
    if !entering(facts) || !wrong_media && answer.said.fields.is_empty() {
        return None;
    }
    let (sent, other) = if media.contains("json") { ("JSON", "`form:`") } else { ("a form", "`json:`") };
    let found = if wrong_media {
        Found::new(format!("the server does not take the login as {sent}"))
    } else {
        let names: Vec<String> = answer.said.fields.iter().map(|f| format!("`{f}`")).collect();
        Found::new(format!(
            "the server misses {} in the login, which was sent as {sent}",
            crate::term::list(&names, "and")
        ))
    };
    Some(
        found
            .seen(format!("{} in the answer", answer.status))
            .seen_if(answer.quoted())
            .next(format!("send the login with {other}, and with the names of fields that the API documents")),
    )
}

fn not_there(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|a| matches!(a.status, 404 | 405 | 501))?;
    let leg = facts.leg().filter(|_| entering(facts))?;
    let allow = answer.allow.as_ref().map(|a| format!("`Allow` names {a}"));
    let what = if answer.status == 404 {
        "the server has no login at".to_owned()
    } else {
        format!("the server does not take {} at", leg.method)
    };
    // Some servers answer 404 for a user that does not exist.
    if answer.says(Word::Password) {
        return None;
    }
    let found = Found::new(format!("{what} `{}`", leg.path))
        .seen(format!("{} {}{} answered {}", leg.method, leg.base, leg.path, answer.status))
        .seen_if(allow);
    // A scheme that knows its endpoint names the key that it stands at; there is no login step to look at.
    Some(if facts.made {
        found
    } else {
        found.next("check the path, the base path of `target:` and the method of the login step")
    })
}

fn form_again(facts: &Facts) -> Option<Found> {
    let answer = facts.answer.as_ref().filter(|a| a.status < 400)?;
    let posted = facts.legs.first().is_some_and(|l| l.method == "POST" && !l.grants);
    if !entering(facts) || !posted || !(answer.page == Page::Login || answer.to_login) {
        return None;
    }
    let shown = if answer.page == Page::Login {
        "with a page that asks for a password"
    } else {
        "with the way back to the login page"
    };
    Some(
        Found::new("the login was not accepted: the server shows the login page again")
            .seen(format!("POST {} was answered {} {shown}", facts.legs[0].path, facts.legs[0].status.unwrap_or(answer.status)))
            .next("look at the page for its own words; compare names of fields and hidden inputs (CSRF) with what was sent")
            .next("compare user name and password of the identity with the account"),
    )
}

fn coded<'a>(facts: &'a Facts, codes: &[&str]) -> Option<&'a Answer> {
    facts.surprise().filter(|a| a.status >= 400 && codes.iter().any(|c| a.has_code(c)))
}

fn code_of(answer: &Answer) -> String {
    let code = answer.said.code.as_deref().or(answer.challenge_error()).unwrap_or_default();
    format!("the answer says `{code}`")
}

fn client(facts: &Facts) -> Option<Found> {
    let answer = coded(facts, &["invalid_client"])?;
    let basic = facts.keys().any(|k| k.basic.is_some());
    let asks = facts.leg().is_some_and(|leg| leg.asks);
    let (how, next) = match facts.leg().map_or(InForm::NoProof, |leg| leg.client) {
        _ if basic => ("was named in `authorization`", &[SECRETS, "the server may want the client in the body"][..]),
        InForm::Assertion | InForm::Grant => ("signed an assertion", &[ASSERTED][..]),
        InForm::Secret => {
            ("was named in the body", &[SECRETS, "the server may want the client in `authorization` (Basic)"][..])
        }
        InForm::NoProof if facts.certified => (
            "sent its id, and its certificate was shown",
            &["the server has to know that certificate, or its issuer and subject, as those of this client"][..],
        ),
        InForm::NoProof => (
            if asks { "sent nothing that proves who it is" } else { "sent its id and no secret" },
            &["a client that is not public has to prove itself: by a secret, a key or a certificate"][..],
        ),
    };
    let whose = if asks { "the server does not accept the client that asks about a token" } else { TOKEN_CLIENT };
    let found = Found::new(whose).seen(code_of(answer)).seen_if(answer.quoted()).seen(format!("the client {how}"));
    let found = next.iter().fold(found, |found, next| found.next(*next));
    Some(if asks { found.next(introspect::ASKER) } else { found })
}

const TOKEN_CLIENT: &str = "the token endpoint does not accept the client";
const SECRETS: &str = "compare client id and secret with the server's; a secret may have expired";
const ASSERTED: &str = "the server has to know the key that signed, as a key of this client, and to be the one that the assertion is for (`aud`)";

fn grant(facts: &Facts) -> Option<Found> {
    let answer = coded(facts, &["invalid_grant"])?;
    if answer.says(Word::Password) || answer.says(Word::Account) || answer.says(Word::Locked) {
        return None;
    }
    let what = if facts.purpose == Purpose::Refresh { "refresh token" } else { "grant" };
    let found = Found::new(format!("the token endpoint does not accept the {what}"))
        .seen(code_of(answer))
        .seen_if(answer.quoted());
    let asserted = facts.leg().is_some_and(|leg| leg.client == InForm::Grant);
    Some(if asserted {
        found.next(ASSERTED)
    } else if facts.purpose == Purpose::Refresh {
        found.next("see whether something else used the same refresh token: one that rotates may be used once")
    } else {
        found.next("see whether password or code are right, unused and in time, and belong to this client and redirect address")
    })
}

fn not_enabled(facts: &Facts) -> Option<Found> {
    let answer = coded(facts, &["unauthorized_client", "unsupported_grant_type"])?;
    Some(
        Found::new("this grant is not enabled for the client")
            .seen(code_of(answer))
            .seen_if(answer.quoted())
            .next("enable the grant for the client, or log in another way"),
    )
}

fn scope(facts: &Facts) -> Option<Found> {
    let answer = coded(facts, &["invalid_scope", "invalid_target"])?;
    Some(
        Found::new("the server does not give the scope or resource that was asked for")
            .seen(code_of(answer))
            .seen_if(answer.quoted())
            .next("compare the names with those that the server and the client have"),
    )
}

fn whoami(facts: &Facts) -> Option<Found> {
    let answer = facts.answer.as_ref().filter(|a| a.status < 300 && facts.wanted.met)?;
    if facts.purpose != Purpose::Whoami || answer.page == Page::Login {
        return None;
    }
    let name = facts.name().map(|n| format!(" of `{n}`")).unwrap_or_default();
    Some(
        Found::new(format!("the session{name} is let in, and the answer is not what `whoami` expects"))
            .seen(format!("{} in the answer to `whoami`", answer.status))
            .next("compare the answer with the expectation: either somebody else is logged in, or the expectation does not fit"),
    )
}
