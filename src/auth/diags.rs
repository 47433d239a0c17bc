//! The wording of what can be wrong with schemes and identities.

use std::sync::Arc;

use crate::auth::SchemeKind;
use crate::auth::fields::{FieldFault, field_fault};
use crate::diag::{Code, Diagnostic};
use crate::source::Span;
use crate::spec::Node;
use crate::term::{did_you_mean, list};

/// The kinds of faults schemes can have.
pub const CODES: &[&Code] = &[&UNKNOWN_SCHEME, &MISSING_FIELD, &SCHEME];

static UNKNOWN_SCHEME: Code = Code {
    name: "unknown-scheme",
    about: "there is no scheme of this kind",
    explain: "`authspec list schemes` shows the kinds. A login of your own is `scheme: login` with steps.",
};
static MISSING_FIELD: Code = Code {
    name: "missing-field",
    about: "an identity lacks a field that its scheme needs",
    explain: "For example `username` and `password` for `basic`, `token` for `bearer`, `key` for `api-key`.",
};
pub(super) static SCHEME: Code = Code {
    name: "scheme",
    about: "a scheme cannot work as it is written",
    explain: "What `send` and `refresh` name must be captured by `login`, and a credential travels in one way.",
};

/// Something that is no address.
pub(super) fn no_address(span: Span, key: &str, why: &str) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, format!("`{key}` is no address: {why}")).label("not an address")
}

pub(super) fn unknown_scheme(span: Span, name: &str, known: &[&str]) -> Diagnostic {
    let diagnostic =
        Diagnostic::error(&UNKNOWN_SCHEME, span, format!("there is no scheme `{name}`")).label("not a scheme");
    if let Some(near) = did_you_mean(name, known.iter().copied()) {
        diagnostic.fix(span, near, format!("did you mean `{near}`?"))
    } else {
        let names: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
        diagnostic.help(format!("schemes are {}", list(&names, "and")))
    }
}

/// A value with a line break in it, which nothing of its kind has.
pub(super) fn line_break(value: Span, field: &str) -> Diagnostic {
    Diagnostic::error(&SCHEME, value, format!("`{field}` has a line break in it"))
        .label("a line break")
        .help("a block (`|`) ends with one; write the value in quotes, or take it from `secrets:`, which trims it")
}

/// A field of an identity that is empty, where nothing can be signed without it.
fn empty(value: Span, field: &str) -> Diagnostic {
    Diagnostic::error(&SCHEME, value, format!("`{field}` is empty, and nothing can be signed without it"))
        .label("empty")
        .help("to see that unsigned requests are refused, send them `as: anonymous`; `with: pack.signing` signs with another key")
}

/// What has one line is taken from what has several.
pub(super) fn lined(span: Span, what: &str, (from, place): (&str, Option<Span>)) -> Diagnostic {
    let message = format!("{what} is one line, and {from} has several lines");
    let fault = Diagnostic::error(&SCHEME, span, message).label("a line break");
    let fault = match place {
        Some(place) => fault.also(place, "from here"),
        None => fault,
    };
    fault
        .help("let it hold this one value in one line: of a secret one newline at its end is trimmed, and nothing else")
}

/// A field of one line that ends with a line break.
fn line_end(value: Span, field: &str) -> Diagnostic {
    Diagnostic::warning(&SCHEME, value, format!("`{field}` ends with a line break, and is sent with it"))
        .label("a line break at its end")
        .help("a block (`|`) ends with one, `|-` does not")
}

/// The key of an HMAC that is not spelt as the scheme says.
fn misspelt(value: Span, why: &str) -> Diagnostic {
    Diagnostic::error(&SCHEME, value, why.to_owned())
        .label("spelt otherwise")
        .help("`key_encoding` says how the key is spelt: `text`, `hex` or `base64`; a preset knows it by itself")
}

/// A key that cannot be used.
pub(super) fn no_key(span: Span, whose: &str, why: &str) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, format!("{whose} cannot be used: {why}"))
        .label("no key that can sign")
        .help("a private key in PEM (PKCS #8, PKCS #1 or SEC 1), or a JWK with its private part")
}

/// A name that HTTP Basic cannot say.
fn colon(value: Span) -> Diagnostic {
    Diagnostic::error(&SCHEME, value, "a user name of `basic` has no colon in it (RFC 7617, section 2)")
        .label("a colon")
        .help("the server takes what stands before it for the name, and the rest for the password")
}

/// Says what is wrong with a field that is written out.
pub(super) fn field((kind, scheme): (&SchemeKind, &Node), name: &str, text: &str, value: Span) -> Option<Diagnostic> {
    match field_fault(kind, Some(scheme), name, text) {
        Some(FieldFault::LineBreak) => Some(line_break(value, name)),
        Some(FieldFault::Empty) => Some(empty(value, name)),
        Some(FieldFault::Colon) => Some(colon(value)),
        Some(FieldFault::Misspelt(why)) => Some(misspelt(value, why)),
        Some(FieldFault::NoKey(why)) => Some(no_key(value, &format!("`{name}`"), &why)),
        // A key in PEM has lines, and ends with one.
        None => (text.ends_with('\n') && text.trim_end().lines().count() == 1).then(|| line_end(value, name)),
    }
}

/// A needed field is not there; `others` are those that the scheme does not ask for.
pub(super) fn missing_field(
    identity: Span,
    field: &str,
    (scheme, at): (&str, Span),
    others: &[&(Arc<str>, Span)],
) -> Diagnostic {
    let diagnostic =
        Diagnostic::error(&MISSING_FIELD, identity, format!("the scheme `{scheme}` needs the field `{field}`"))
            .label(format!("has no `{field}`"))
            .also(at, "its scheme");
    let near = did_you_mean(field, others.iter().map(|(name, _)| &**name));
    match others.iter().find(|(name, _)| Some(&**name) == near) {
        Some((_, span)) => diagnostic.fix(*span, field, format!("did you mean `{field}`?")),
        None => diagnostic,
    }
}

pub(super) fn one_place(span: Span) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, "a key travels in one place: `header`, `query` or `cookie`").label("several")
}

pub(super) fn unknown_part(span: Span, name: &str, parts: &[Arc<str>]) -> Diagnostic {
    let diagnostic = Diagnostic::error(&SCHEME, span, format!("there is no part `{name}`: nothing captures it"))
        .label("not captured");
    match did_you_mean(name, parts.iter().map(|p| &**p)) {
        Some(near) => diagnostic.fix(span, near, format!("did you mean `{near}`?")),
        None if parts.is_empty() => diagnostic.help("add a `capture:` to the login step"),
        None => {
            let names: Vec<String> = parts.iter().map(|k| format!("`{k}`")).collect();
            diagnostic.help(format!("captured are {}", list(&names, "and")))
        }
    }
}

pub(super) fn certificate(span: Span, why: &str) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, why.to_owned()).label("here")
}

/// A client certificate that is not valid now: a warning, since that may be what is tested.
pub fn out_of_time(span: Span, why: &str) -> Diagnostic {
    Diagnostic::warning(&SCHEME, span, format!("the client certificate {why}, and servers refuse it"))
        .label("not valid now")
        .help("let whoever signed it renew it, unless it is to be refused; see that the clock is right")
}

/// A file that is no PKCS#12 file.
pub(super) fn no_store(span: Span, why: &str, help: &str) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, why.to_owned()).label("this file").help(help)
}

/// The path of a file with a template in it.
pub(super) fn no_template(span: Span) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, "the path holds no template: the file is read when the plan is made")
        .label("a template")
        .help("write the path; an identity may have its own: `cert`, `key` and what else the scheme has beside its fields")
}

pub(super) fn one_certificate(span: Span) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, "a client certificate comes from one place").label("`cert` and `key`, or `pkcs12`")
}

pub(super) fn no_program(span: Span) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, "a command begins with the program to run").label("empty")
}

/// A word of a credential scope has another letter than those that such words have.
pub(super) fn bad_scope(span: Span, name: &str, near: Option<String>) -> Diagnostic {
    let diagnostic =
        Diagnostic::error(&SCHEME, span, format!("a {name} is spelled in lower-case letters, digits and `-`"))
            .label("cannot stand in a credential scope");
    match near {
        Some(near) => diagnostic.fix(span, near.clone(), format!("did you mean `{near}`?")),
        None => diagnostic,
    }
}

pub(super) fn nothing_to_sign(span: Span, presets: &[&str]) -> Diagnostic {
    let presets: Vec<String> = presets.iter().map(|p| format!("`{p}`")).collect();
    Diagnostic::error(&SCHEME, span, "the scheme `hmac` needs `string`: what is signed, as the server puts it together")
        .label("signs nothing")
        .help(format!("or a `preset`: {}", list(&presets, "or")))
}

/// What is signed is the same for every request: whoever saw one signature can send anything with it.
pub(super) fn signs_the_same(span: Span) -> Diagnostic {
    Diagnostic::warning(&SCHEME, span, "what is signed is the same for every request, and so is the signature")
        .label("nothing of the request")
        .help("put into it what the server does: `{{ request.method }}`, `{{ request.path }}`, `{{ request.body }}`, `{{ timestamp }}`")
}

/// A signature in a field as bytes, which no field carries.
pub(super) fn raw_signature(value: Span, name: &str) -> Diagnostic {
    Diagnostic::error(&SCHEME, value, format!("`{name}` has the signature as bytes, and only text can be sent there"))
        .label("bytes")
        .help("spell it as the server does: `{{ hex(signature) }}`, `{{ base64(signature) }}` or `{{ base64url(signature) }}`")
}

/// A list of steps of a scheme that has none.
pub(super) fn no_steps(span: Span) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, "here has to be a step")
        .label("an empty list")
        .help("leave the key out where nothing is to be said")
}

pub(super) fn nothing_signed(span: Span) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, "nothing carries the signature")
        .label("no `signature`")
        .help("for example `send: { header: { X-Signature: \"{{ hex(signature) }}\" } }`")
}

pub(super) fn preset_and(key: Span, name: &str, preset: Span) -> Diagnostic {
    Diagnostic::error(&SCHEME, key, format!("a `preset` says already what `{name}` would"))
        .label("of no use")
        .also(preset, "the preset")
        .help("write down the whole scheme where it differs from the preset")
}

pub(super) fn bad_path(span: Span, why: &str) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, why.to_owned()).label("not a JSONPath")
}

pub(super) fn talk_in_scheme(span: Span, word: &str) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, format!("`request: {word}` asks a scheme what to send, and this is the scheme"))
        .label("no request line")
        .help("write the request: `METHOD target`")
}

pub(super) fn refresh_captures_nothing(span: Span, parts: &[Arc<str>]) -> Diagnostic {
    let names: Vec<String> = parts.iter().map(|k| format!("`{k}`")).collect();
    Diagnostic::error(&SCHEME, span, "`refresh` captures nothing, so the session would keep its old credential")
        .label("no `capture:`")
        .help(format!("capture what is renewed: {}", list(&names, "or")))
}

pub(super) fn pages_and(span: Span, key: &str, pages: Span) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, format!("`{key}` says nothing where `pages` says everything"))
        .label("of no use")
        .also(pages, "the steps through the pages")
        .help(format!("write `{key}` into the `submit` of a step"))
}

pub(super) fn one_token(span: Span) -> Diagnostic {
    Diagnostic::error(&SCHEME, span, "a CSRF token comes from one place").label("`cookie` or `meta: true`")
}
