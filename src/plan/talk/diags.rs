//! What can be wrong with a step that asks for what a scheme does.

use super::super::diags::TALK;
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::term::{did_you_mean, list};

/// Nobody logs in; `is_cell` where it is a column that sends the step.
pub(super) fn talk_of_nobody(span: Span, word: &str, is_cell: bool) -> Diagnostic {
    Diagnostic::error(&TALK, span, format!("there is no {word} for nobody")).label("whose?").help(if is_cell {
        "the column `anonymous` sends it too: leave it out of `columns`, or make it a case of its own"
    } else {
        "add `as:` with an identity to the step or its case"
    })
}

pub(super) fn no_talk(span: Span, identity: &str, scheme: &str, word: &str) -> Diagnostic {
    let message = format!("`{identity}` has no {word}: its scheme `{scheme}` sends nothing for it");
    let help = match (scheme, word) {
        ("login" | "form", "refresh" | "logout") => format!("add `{word}:` to the scheme"),
        ("oauth2", "logout") => {
            "say where tokens are revoked: `issuer`, whose metadata name it, or `revoke_url`".to_owned()
        }
        _ => "its credential is made of its own fields, and travels with every request".to_owned(),
    };
    Diagnostic::error(&TALK, span, message).label("nothing to send").help(help)
}

pub(super) fn unknown_exchange(span: Span, name: &str, identity: &str, word: &str, known: &[&str]) -> Diagnostic {
    let message = format!("the {word} of `{identity}` has no exchange `{name}`");
    let diagnostic = Diagnostic::error(&TALK, span, message).label("not an exchange");
    let names: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
    let help = format!("there {} {}", if known.len() == 1 { "is" } else { "are" }, list(&names, "and"));
    match did_you_mean(name, known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help(help),
    }
}

/// A parameter is to become what it is anyway.
pub(super) fn as_it_was(span: Span, exchange: &str, parameter: &str, identity: &str) -> Diagnostic {
    let message = format!("`{exchange}.{parameter}` of `{identity}` has this value without `vary`, too");
    Diagnostic::error(&TALK, span, message)
        .label("changes nothing")
        .help("give it another value; what is sent anyway needs no `vary`")
}

/// A part of a proof is to be changed where none is made.
pub(super) fn no_proof(span: Span, exchange: &str, parameter: &str, identity: &str) -> Diagnostic {
    let message = format!("`{exchange}` of `{identity}` carries no proof, so there is no `{parameter}` in it");
    Diagnostic::error(&TALK, span, message)
        .label("no proof")
        .help("proofs stand in `token`, `refresh` and `par` of an `oauth2` scheme with `dpop: true`")
}

/// `handshake: off` beside a talk in which nothing is asked back.
pub(super) fn no_handshake(span: Span, identity: &str, word: &str) -> Diagnostic {
    let message = format!("`handshake: off` says nothing here: no server asks back in the {word} of `{identity}`");
    Diagnostic::error(&TALK, span, message)
        .label("of no use")
        .help("it leaves open what an authorization server asks of a proof (`dpop: true`); steps of a scheme say it themselves")
}

pub(super) fn several_exchanges(span: Span, name: &str, identity: Span) -> Diagnostic {
    Diagnostic::error(&TALK, span, format!("several steps are called `{name}`"))
        .label("which?")
        .also(identity, "in the scheme of this identity")
        .help("give the step a `name` in the scheme, and use it here")
}

/// A part of an assertion that the scheme does not sign itself, so that it could not sign it anew.
pub(super) fn inside_assertion(span: Span, parameter: &str, exchange: &str, whole: &str, name: &str) -> Diagnostic {
    Diagnostic::error(
        &TALK,
        span,
        format!("`{exchange}` of `{name}` has no `{whole}` that its scheme signs, so there is no `{parameter}` in it"),
    )
    .label("not signed here")
    .help(format!("give one as a whole: `{exchange}.{whole}: \"{{{{ jwt({{…}}, key) }}}}\"`; a client signs itself with `client.auth: private_key_jwt` or `client_secret_jwt`, and grants with `jwt_bearer`"))
}

/// A parameter that is nearly one of OAuth's.
pub(super) fn nearly_parameter(span: Span, parameter: &str, near: &str) -> Diagnostic {
    Diagnostic::warning(
        &TALK,
        span,
        format!("`{parameter}` is no parameter of OAuth, and is added to the request as it is"),
    )
    .label("not known")
    .help(format!("did you mean `{near}`?"))
}
