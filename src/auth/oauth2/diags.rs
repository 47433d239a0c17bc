//! The wording of what can be wrong with an `oauth2` scheme.

use super::metadata::Endpoint;
use crate::auth::diags::SCHEME;
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::term::list;

/// The grant needs endpoints that nothing names.
pub(super) fn no_endpoint(grant: Span, word: &str, missing: &[Endpoint]) -> Diagnostic {
    let titles: Vec<String> = missing.iter().map(|endpoint| endpoint.title().to_owned()).collect();
    let keys: Vec<String> = missing.iter().map(|endpoint| format!("`{}`", endpoint.key())).collect();
    let (place, these) =
        if missing.len() == 1 { ("that is", "this one by itself") } else { ("they are", "these by themselves") };
    let titles = list(&titles, "and");
    Diagnostic::error(&SCHEME, grant, format!("the grant `{word}` needs {titles}, and nothing says where {place}"))
        .label(format!("needs `issuer`, or {}", list(&keys, "and")))
        .help(format!("add `issuer`, whose metadata name all endpoints; or name {these}"))
}

/// The request is to be pushed, to an endpoint that nothing names.
pub(super) fn nowhere_to_push(span: Span, key: &str, title: &str) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, format!("`par: true` needs {title}, and nothing says where that is"))
        .label(format!("needs `{key}` or `issuer`"))
        .help(format!("add `{key}`, or `issuer`, whose metadata name it; or leave `par` out"))
}

/// A certificate is to be shown where no connection shows one.
pub(super) fn shown_to_nobody(span: Span, client: Span, what: &str, address: &str) -> Diagnostic {
    let message = format!("`auth: tls` shows a certificate, and nobody sees one at {what} {address}");
    Diagnostic::error(&SCHEME, span, message)
        .label("not https")
        .also(client, "the client")
        .help(format!("name {what} by its https address"))
}

/// The same of an issuer that is asked in the clear: whoever listens could name the endpoints.
pub(super) fn shown_to_no_issuer(span: Span, client: Span, address: &str) -> Diagnostic {
    let message = format!("`auth: tls` shows a certificate, and the issuer {address} is asked without TLS");
    Diagnostic::error(&SCHEME, span, message)
        .label("not https")
        .also(client, "the client")
        .help("write the issuer's https address, or name the endpoint that sees certificates: `token_url: https://…`")
}

/// A key that the grant has no use for.
pub(super) fn useless(key: Span, name: &str, word: &str, grant: Span) -> Diagnostic {
    Diagnostic::error(&SCHEME, key, format!("`{name}` says nothing for the grant `{word}`"))
        .label("of no use")
        .also(grant, "the grant")
}

/// The client lacks what it proves itself with.
pub(super) fn no_proof(client: Span, word: &str, needs: &str) -> Diagnostic {
    Diagnostic::error(&SCHEME, client, format!("`auth: {word}` needs `{needs}`")).label(format!("`{needs}` is missing"))
}

/// The grant sends an assertion, and the client has nothing to sign it with.
pub(super) fn nothing_signs(client: Span) -> Diagnostic {
    Diagnostic::error(
        &SCHEME,
        client,
        "the grant `jwt_bearer` sends an assertion, and the client has no key that signs it",
    )
    .label("`key` is missing")
    .help("add `key: { file: key.pem }`; or `secret`, where the server wants it signed with that")
}

/// The path of a file in the place of a key.
pub(super) fn key_is_path(span: Span, whose: &str, path: &str) -> Diagnostic {
    let whole = format!("{{ file: {path} }}");
    Diagnostic::error(&SCHEME, span, format!("{whose} is the path of a file, and no key")).label("a path").fix(
        span,
        whole.clone(),
        format!("did you mean the key in that file, `{whole}`?"),
    )
}

/// An id that ends where its first colon is, once Basic joins it with the secret.
pub(super) fn raw_colon(span: Span) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, "with `basic-raw` the id of a client has no colon in it (RFC 7617, section 2)")
        .label("a colon")
        .help("the server takes what stands before it for the id; `auth: basic` encodes it (RFC 6749, section 2.3.1)")
}

/// The client has something that it does not prove itself with.
pub(super) fn idle_proof(key: Span, name: &str, word: &str) -> Diagnostic {
    Diagnostic::error(&SCHEME, key, format!("`{name}` is never sent or used with `auth: {word}`")).label("of no use")
}

/// A client with a certificate, and an identity with another one.
pub(super) fn two_certificates(key: Span, client: Span) -> Diagnostic {
    Diagnostic::error(&SCHEME, key, "connections show one certificate, and `client` names one already")
        .label("another one")
        .also(client, "the client")
}

/// The key of a certificate that is not there.
pub(super) fn key_of_nothing(key: Span) -> Diagnostic {
    Diagnostic::error(&SCHEME, key, "`key` is that of a client certificate, and there is none")
        .label("of no use")
        .help("add `cert`; a key that signs belongs under `client:`")
}

/// An id or a secret with a line break in it.
pub(super) fn broken_part(span: Span, what: &str) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, format!("a client's {what} has no line break in it")).label("a line break").help(
        format!("a block (`|`) ends with one; write the {what} in quotes, or take it from `secrets:`, which trims it"),
    )
}

/// An id or a secret of no letters.
pub(super) fn empty_part(span: Span, what: &str) -> Diagnostic {
    let help = match what {
        "id" => "write the `client_id` that the server knows the client by",
        _ => "write the secret, or leave it out: a client without one has `auth: none`",
    };
    Diagnostic::error(&SCHEME, span, format!("the client's {what} is empty")).label("empty").help(help)
}

/// A secret that is shorter than the hash that it signs with.
pub(super) fn short_secret(secret: Span, algorithm: &str, bytes: usize) -> Diagnostic {
    Diagnostic::warning(
        &SCHEME,
        secret,
        format!("`{algorithm}` wants a secret of at least {bytes} bytes (RFC 7518, section 3.2)"),
    )
    .label("shorter")
    .help("many servers refuse it, or cannot even be told of it")
}

/// A request that the grant does not send.
pub(super) fn no_request(span: Span, name: &str, known: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::error(&SCHEME, span, format!("no request of this grant is called `{name}`"))
        .label("not a request of it");
    if let Some(near) = crate::term::did_you_mean(name, known.iter().copied()) {
        diagnostic.fix(span, near, format!("did you mean `{near}`?"))
    } else {
        let known: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
        diagnostic.help(format!("there are {}", crate::term::list(&known, "and")))
    }
}

/// A key and an algorithm that do not go together.
pub(super) fn misfit(span: Span, why: &str) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, format!("key and algorithm do not go together: {why}")).label("does not fit")
}

/// The type of a token that is not there.
pub(super) fn type_of_nothing(key: Span, name: &str, token: &str) -> Diagnostic {
    Diagnostic::error(&SCHEME, key, format!("`{name}` says what `{token}` is, and there is none"))
        .label("of no use")
        .help(format!("add `{token}`, or leave this out"))
}

/// A word that is no type of a token.
pub(super) fn unknown_type(span: Span, word: &str, known: &[&str]) -> Diagnostic {
    let diagnostic =
        Diagnostic::error(&SCHEME, span, format!("there is no type of token called `{word}`")).label("not a type");
    if let Some(near) = crate::term::did_you_mean(word, known.iter().copied()) {
        return diagnostic.fix(span, near, format!("did you mean `{near}`?"));
    }
    let known: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
    diagnostic.help(format!("there are {}, and whatever has a URN or a URL", crate::term::list(&known, "and")))
}

/// A way to end a session at an endpoint that nothing names.
pub(super) fn no_ending(span: Span, word: &str, key: &str, title: &str) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, format!("`logout: {word}` needs {title}, and nothing says where that is"))
        .label(format!("needs `{key}` or `issuer`"))
}

/// A logout in a browser, after a login without one.
pub(super) fn no_browser(span: Span, word: &str) -> Diagnostic {
    Diagnostic::error(
        &SCHEME,
        span,
        format!("the grant `{word}` logs in without a browser of its own, so there is no session to end"),
    )
    .label("of no use")
    .help("`revoke` ends its tokens")
}

/// A key that only a logout at the server's page has a use for.
pub(super) fn no_end_session(key: Span, name: &str) -> Diagnostic {
    Diagnostic::error(&SCHEME, key, format!("`{name}` says nothing without `logout: end_session`"))
        .label("of no use")
        .help("add `logout: end_session`, or `logout: [revoke, end_session]` for both")
}

/// An address has a part that a specification forbids: what the part is, and the character that it begins with.
pub(super) fn forbidden(span: Span, key: &str, (part, mark, by): (&str, char, &str)) -> Diagnostic {
    let parameter = match key {
        "issuer" => "",
        _ => "; to see that a server refuses it, `vary` the parameter in a login",
    };
    Diagnostic::error(&SCHEME, span, format!("`{key}` has {part}, which {by} forbids"))
        .label(part)
        .help(format!("leave out `{mark}` and what follows{parameter}"))
}

/// A grant that gives a token to whoever knows the client's name.
pub(super) fn proves_nothing(client: Span) -> Diagnostic {
    Diagnostic::warning(
        &SCHEME,
        client,
        "the grant `client_credentials` is for clients that prove who they are (RFC 6749, section 4.4), and this one proves nothing",
    )
    .label("neither `secret` nor `key`")
    .help("add the secret or the key; `auth: none` says that nothing is meant")
}
