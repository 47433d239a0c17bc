//! What was sent: causes that the request itself shows.

use super::{Family, Found, Rule, rfc};
use crate::event::Certainty::{Certain, Likely};
use crate::evidence::{Answer, Facts, Fault, Page, Place, Sender, Sent, Word, Word68};

pub(super) const FAMILY: Family = Family {
    title: "What was sent",
    rules: &[
        Rule {
            code: "no-identity",
            about: "the step was sent as nobody, and nobody is let in",
            explain: "No identity was named, so no credential was sent. A step runs as whoever its own `as`, the case's, or `defaults: { as: … }` names; without any of them it runs as nobody, with only what the case itself received. If a refusal is what is meant, say `expect: 401`.",
            link: rfc("RFC 9110, section 15.5.2", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2"),
            certainty: Certain,
            find: no_identity,
        },
        Rule {
            code: "credential-not-sent",
            about: "the identity's credential did not leave with the request",
            explain: "The scheme adds a credential to every request of its identity, and this one left without it: the step takes the field away (`Authorization: null`), or the login's cookies do not fit the address. What was sent stands in the report; compare it with what the API documents.",
            link: rfc("RFC 9110, section 11.6.2", "https://www.rfc-editor.org/rfc/rfc9110#section-11.6.2"),
            certainty: Certain,
            find: not_sent,
        },
        Rule {
            code: "placeholder-credential",
            about: "a stand-in was sent in place of a credential",
            explain: "The text `undefined`, `null` or a template that was not filled in travelled where the token should be. A capture found nothing that can be used, or a variable of the shell or the pipeline was never set. Make the step that should produce the value fail when it does not: expect its status and the type of the captured field.",
            link: rfc("RFC 6750, section 2.1", "https://www.rfc-editor.org/rfc/rfc6750#section-2.1"),
            certainty: Certain,
            find: placeholder,
        },
        Rule {
            code: "double-scheme",
            about: "the scheme word stands twice before the credential",
            explain: "`Authorization: Bearer Bearer …` has one word too many: the captured or configured value holds it already and the scheme adds it again. Keep the bare token.",
            link: rfc("RFC 6750, section 2.1", "https://www.rfc-editor.org/rfc/rfc6750#section-2.1"),
            certainty: Certain,
            find: double_scheme,
        },
        Rule {
            code: "json-credential",
            about: "a whole JSON text was sent where the token alone belongs",
            explain: "The whole answer of the login was kept in place of one field of it. Capture the field, such as `$.access_token`, or cut the value out where it comes from (`jq -r .access_token`).",
            link: rfc("RFC 6749, section 5.1", "https://www.rfc-editor.org/rfc/rfc6749#section-5.1"),
            certainty: Certain,
            find: json,
        },
        Rule {
            code: "quoted-credential",
            about: "the credential was sent in quotes",
            explain: "The quotes of a JSON string or of a shell became part of the value. Take them away where the value comes from: `jq -r` in place of `jq`, no quotes in an env file.",
            link: rfc("RFC 6750, section 2.1", "https://www.rfc-editor.org/rfc/rfc6750#section-2.1"),
            certainty: Certain,
            find: quoted,
        },
        Rule {
            code: "blank-in-credential",
            about: "the credential holds a blank or a character that cannot be seen",
            explain: "Tokens and keys hold neither blanks nor line breaks, byte order marks or zero-width characters; such characters come along when a value is copied from a page or a chat, or when two values stand in one file. Take the value from its source again.",
            link: rfc("RFC 6750, section 2.1", "https://www.rfc-editor.org/rfc/rfc6750#section-2.1"),
            certainty: Certain,
            find: blank,
        },
        Rule {
            code: "odd-secret",
            about: "a secret holds characters that often come along by mistake",
            explain: "A password, key or token begins with a byte order mark, ends with a blank or a line break, holds a tab, or a character that only looks like one of ASCII. Servers compare secrets byte by byte. Such characters come along when a file is saved by an editor of another system, when a value is made with `echo`, or copied from a page, a chat or a document. The secret may be meant so: then something else is wrong.",
            link: rfc("RFC 8265, section 4", "https://www.rfc-editor.org/rfc/rfc8265#section-4"),
            certainty: Likely,
            find: odd,
        },
        Rule {
            code: "scheme-missing",
            about: "the credential stands in `Authorization` without a scheme word",
            explain: "`Authorization` is a scheme word, a blank and the credential: `Bearer eyJ…`. Many servers treat a value without the word as no credential at all. Let the scheme send it (`send: { bearer: … }`), or write the word before the value.",
            link: rfc("RFC 9110, section 11.4", "https://www.rfc-editor.org/rfc/rfc9110#section-11.4"),
            certainty: Certain,
            find: scheme_missing,
        },
        Rule {
            code: "scheme-mismatch",
            about: "the server asks for another scheme than was sent",
            explain: "`WWW-Authenticate` names the schemes that open this route, and the word that was sent is none of them. Either the identity uses the wrong scheme (`authspec list identities`), or the route is guarded by another part of the server than you think.",
            link: rfc("RFC 9110, section 11.6.1", "https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1"),
            certainty: Certain,
            find: scheme_mismatch,
        },
        Rule {
            code: "several-credentials",
            about: "more than one credential was sent, and the server takes one",
            explain: "A client must not use more than one way to send a token in a request. The field stands twice, or the token is in the address or body as well as in the header. Send it once.",
            link: rfc("RFC 6750, section 2", "https://www.rfc-editor.org/rfc/rfc6750#section-2"),
            certainty: Certain,
            find: several,
        },
        Rule {
            code: "credential-elsewhere",
            about: "the server looks for the credential in another place than it was sent in",
            explain: "A credential was sent, and the server says that none arrived or names another field. Let `send:` of the scheme (or `header`, `query`, `cookie` of an API key) put it where the API reads it; names of header fields are compared without case, but `-` and `_` are two characters.",
            link: rfc("RFC 6750, section 2", "https://www.rfc-editor.org/rfc/rfc6750#section-2"),
            certainty: Likely,
            find: elsewhere,
        },
        Rule {
            code: "percent-encoded-credential",
            about: "the credential was sent percent-encoded",
            explain: "`%2B`, `%2F` and `%3D` belong into addresses and forms. In a header field they are sent as they stand, and the server sees another value. Decode the value once where it comes from.",
            link: rfc("RFC 3986, section 2.1", "https://www.rfc-editor.org/rfc/rfc3986#section-2.1"),
            certainty: Likely,
            find: percent,
        },
    ],
};

fn no_identity(facts: &Facts) -> Option<Found> {
    let answer = facts.denied()?;
    let nobody = matches!(facts.sender, Sender::Nobody | Sender::Anonymous);
    // A login that a case sends itself has its credential in the body.
    let enters = facts.secret_in_body || facts.leg().is_some_and(|l| l.enters || l.method == "OPTIONS");
    if !nobody || !facts.sent.is_empty() || enters || facts.crossed() {
        return None;
    }
    let who = if facts.sender == Sender::Anonymous { "as `anonymous`" } else { "as nobody" };
    let found = Found::new(format!("the step was sent {who}, without any credential"));
    let found = found.seen(format!("no credential in the request, {} in the answer", answer.status));
    let found = found.seen_if(answer.quoted());
    if facts.wanted.refusal {
        // That nobody is let in is what is asked; it is refused in another way.
        let other = format!(
            "if that is how nobody is to be refused here, say `expect: {}`, or so under `outcomes:`",
            answer.status
        );
        return Some(found.next(other));
    }
    Some(
        match facts.memory.others.first() {
            Some(other) => found
                .seen(format!("`{other}` was allowed the same request"))
                .next(format!("say who sends it, such as `as: {other}`")),
            None => found.next("name an identity with `as:` on the step, the case or in `defaults:`"),
        }
        .next("or, if nobody should get in, say `expect: 401`"),
    )
}

fn not_sent(facts: &Facts) -> Option<Found> {
    let answer = facts.denied()?;
    let Sender::Identity { name, scheme, fields, refused, .. } = &facts.sender else { return None };
    if *scheme == "mtls" {
        // The connection is the credential.
        return None;
    }
    // What a redirect left behind, and cookies with a reason of their own, have rules of their own.
    let lost = facts.crossed() || !facts.cookies.withheld.is_empty() || !refused.is_empty();
    // A question that was not answered, too.
    let asked = fields.iter().any(|field| field == "authorization") && super::signed::unanswered(facts).is_some();
    if !facts.sent.is_empty() || lost || asked || facts.secret_in_body {
        return None;
    }
    let found = Found::new(format!("the credential of `{name}` was not sent with this request"));
    let found =
        found.seen(format!("no credential in the request, {} in the answer", answer.status)).seen_if(answer.quoted());
    Some(match fields.first() {
        Some(field) => found.next(format!("see whether the step takes `{field}` away, or give its scheme a place to `send:` it")),
        None => found.next("see whether the login sets a cookie for this host and path, or say in the scheme how the credential travels: `send:`"),
    })
}

fn placeholder(facts: &Facts) -> Option<Found> {
    facts.surprise().filter(|a| a.status >= 400)?;
    let (sent, what) = facts.sent.iter().find_map(|s| {
        s.faults.iter().find_map(|f| match f {
            Fault::Nothing(text) => Some((s, format!("the text `{text}`"))),
            Fault::Template => Some((s, "a template that was not filled in".to_owned())),
            Fault::Empty => Some((s, "nothing".to_owned())),
            _ => None,
        })
    })?;
    let place = sent.place.words();
    Some(
        Found::new(format!("{what} was sent in {place} in place of a credential"))
            .seen(format!("{place} holds {}", crate::term::plural(sent.length, "byte")))
            .next("look where the value comes from: a capture that found nothing useful, or a variable that is not set")
            .next("let the step that produces it fail instead: expect its status, and the type of the captured field"),
    )
}

fn faulty(facts: &Facts, fault: Fault) -> Option<&Sent> {
    facts.surprise().filter(|a| a.status >= 400)?;
    facts.keys().find(|s| s.has(fault))
}

fn double_scheme(facts: &Facts) -> Option<Found> {
    let sent = faulty(facts, Fault::DoubleWord)?;
    Some(
        Found::new(format!("{} holds two scheme words before the credential", sent.place.words()))
            .seen("`Bearer Bearer …` is one word and a token with a blank in it")
            .next("capture or configure the bare token; the scheme adds the word"),
    )
}

fn json(facts: &Facts) -> Option<Found> {
    let sent = faulty(facts, Fault::Json)?;
    let place = sent.place.words();
    Some(
        Found::new(format!("a whole JSON text was sent in {place}, not the token in it"))
            .seen(format!("the credential begins with a bracket and has {}", crate::term::plural(sent.length, "byte")))
            .next("capture the one field, such as `token: $.access_token`, or cut it out with `jq -r .access_token`"),
    )
}

fn quoted(facts: &Facts) -> Option<Found> {
    let sent = faulty(facts, Fault::Quoted)?;
    Some(
        Found::new(format!("the credential in {} is wrapped in quotes", sent.place.words()))
            .seen("the quotes are part of what was sent")
            .next("take the quotes away where the value comes from: `jq -r` in place of `jq`, none in the env file"),
    )
}

fn blank(facts: &Facts) -> Option<Found> {
    let seen = |fault, what: &'static str| faulty(facts, fault).map(|s| (s, what));
    let (sent, what) = seen(Fault::Invisible, "a character that cannot be seen")
        .or_else(|| seen(Fault::Blank, "a blank or a control character"))?;
    if sent.has(Fault::DoubleWord) {
        return None;
    }
    Some(
        Found::new(format!("the credential in {} holds {what}", sent.place.words()))
            .seen("it was sent as a part of the credential")
            .next("take the value from its source again; a copy from a page or a chat often brings such characters"),
    )
}

fn odd(facts: &Facts) -> Option<Found> {
    let refused = |status| matches!(status, 400 | 401 | 403 | 422);
    let shown_again = |a: &Answer| a.status < 400 && (a.page == Page::Login || a.to_login);
    facts.answer.as_ref().filter(|a| shown_again(a) || facts.surprise().is_some_and(|a| refused(a.status)))?;
    let (name, odd) = facts.odd.first()?;
    // What is seen in the credential itself has a rule of its own, which is surer.
    if facts.keys().any(|k| k.has(Fault::Blank) || k.has(Fault::Invisible) || k.basic.is_some_and(|b| b.newline)) {
        return None;
    }
    Some(
        Found::new(format!("{name} {}", odd.words()))
            .seen("the server compares it like any other character")
            .next(odd.remedy()),
    )
}

fn scheme_missing(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|a| a.status >= 400)?;
    let sent = facts.keys().find(|s| s.in_authorization() && s.word == Word68::Missing && s.length > 0)?;
    let said = matches!(sent.faults.first(), Some(Fault::Nothing(_) | Fault::Template | Fault::Json));
    let wanted = answer.schemes();
    // An API may take a bare key here; only a token or the server's word makes it sure.
    let sure = sent.token.is_some() || !wanted.is_empty() || answer.says(Word::Missing) || answer.says(Word::Malformed);
    if said || !sure {
        return None;
    }
    let word = wanted.first().copied().unwrap_or("Bearer");
    let what = if sent.token.is_some() { "a JSON Web Token" } else { "a value" };
    Some(
        Found::new(format!("`authorization` holds {what} without a scheme word before it"))
            .seen(format!("the server wants `{word} …`"))
            .seen_if(answer.quoted())
            .next(format!("send `Authorization: {word} <token>`, or let the scheme do it: `send: {{ bearer: … }}`")),
    )
}

fn scheme_mismatch(facts: &Facts) -> Option<Found> {
    let answer = facts.denied()?;
    let wanted = answer.schemes();
    let sent = facts.keys().find(|s| s.in_authorization())?;
    let Word68::Known(word) = &sent.word else { return None };
    // A server may challenge with `Bearer` for a DPoP-bound token, and browsers' APIs invent their own.
    let fits = wanted.iter().any(|w| w.eq_ignore_ascii_case(word));
    let bound = word.eq_ignore_ascii_case("dpop")
        || word.eq_ignore_ascii_case("bearer") && wanted.iter().any(|w| w.eq_ignore_ascii_case("dpop"));
    if wanted.is_empty() || fits || bound || answer.challenge_error() == Some("invalid_token") {
        return None;
    }
    let list = wanted.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>();
    Some(
        Found::new(format!("the server asks for {}, and `{word}` was sent", crate::term::list(&list, "or")))
            .seen(format!("`WWW-Authenticate` names {}", crate::term::list(&list, "and")))
            .next("give the identity a scheme that the server names, or ask the route that takes this one"),
    )
}

fn several(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|a| matches!(a.status, 400 | 401 | 403))?;
    let keys: Vec<&Sent> = facts.keys().collect();
    let twice = keys.iter().enumerate().find(|(i, k)| keys[..*i].iter().any(|other| other.place == k.place));
    let in_query = keys.iter().find(|k| matches!(k.place, Place::Query(_)));
    let in_header = keys.iter().find(|k| matches!(k.place, Place::Header(_)));
    let what = match (twice, in_query, in_header) {
        (Some((_, key)), ..) => format!("{} was sent twice", key.place.words()),
        (None, Some(query), Some(header)) if answer.status == 400 || answer.has_code("invalid_request") => {
            format!("a credential was sent in {} and another in {}", header.place.words(), query.place.words())
        }
        _ => return None,
    };
    Some(
        Found::new(what)
            .seen(format!("{} credentials in one request, {} in the answer", keys.len(), answer.status))
            .seen_if(answer.quoted())
            .next("send the credential once; see whether the step writes a field that the scheme adds as well"),
    )
}

fn elsewhere(facts: &Facts) -> Option<Found> {
    let answer = facts.denied()?;
    let first = facts.keys().next().or_else(|| facts.sent.first())?;
    // The server read something if it says what is wrong with it.
    if answer.challenge_error().is_some() || facts.crossed() || !first.faults.is_empty() {
        return None;
    }
    let read = |name: &str| facts.keys().any(|k| matches!(&k.place, Place::Header(n) if n.eq_ignore_ascii_case(name)));
    let named = answer.names.iter().find(|n| !read(n));
    let bearer = answer.challenges.iter().any(|c| c.is("Bearer") || c.is("Basic")) && !read("authorization");
    let wanted = match named {
        Some(name) if answer.says(Word::Missing) => name.clone(),
        _ if bearer => "Authorization".to_owned(),
        _ => return None,
    };
    let list: Vec<String> = facts.sent.iter().map(|s| s.place.words()).take(3).collect();
    Some(
        Found::new(format!(
            "the server looks for a credential in `{wanted}`, and it was sent in {}",
            crate::term::list(&list, "and")
        ))
        .seen_if(answer.quoted().or_else(|| Some(format!("the answer asks for `{}`", answer.schemes().join("`, `")))))
        .next(format!("send it in `{wanted}`: see `send:` of the scheme, or `header:` of an API key")),
    )
}

fn percent(facts: &Facts) -> Option<Found> {
    let sent = faulty(facts, Fault::Percent).filter(|s| matches!(s.place, Place::Header(_)))?;
    Some(
        Found::new(format!("the credential in {} is percent-encoded", sent.place.words()))
            .seen("`%2B`, `%2F`, `%3D` or the like is in it")
            .next("decode the value once where it comes from; header fields are sent as they stand"),
    )
}
