//! The wording of everything that can be wrong with a capture, and the table of its codes.

use super::{CUTS, SOURCES};
use crate::diag::{Code, Diagnostic};
use crate::source::Span;
use crate::spec::{Entry, Node};
use crate::term::{did_you_mean, list};

/// The kinds of faults a capture can have.
pub const CODES: &[&Code] = &[&CAPTURE_NAME, &CAPTURE_SOURCE, &CAPTURE_PATH, &CAPTURE_REGEX, &CAPTURE_SELECTOR];

static CAPTURE_NAME: Code = Code {
    name: "capture-name",
    about: "a capture has a name that templates cannot use",
    explain: "A capture is used by its bare name, `{{ name }}`. So it begins with a letter, holds letters, digits and `_`, and is not called like something templates know already: `env`, `secrets`, `identity`, `session`, `sessions`, `jar`, `row`, `response`.",
};
static CAPTURE_SOURCE: Code = Code {
    name: "capture-source",
    about: "a capture does not say where its value comes from, or says it twice",
    explain: "A capture has one source and, if needed, one cut: `{ json: $.totpURI, query: secret }`. `$.path` alone is short for `{ json: $.path }`, and a template over `response` stands for itself.",
};
static CAPTURE_PATH: Code = Code {
    name: "capture-path",
    about: "a capture has a JSONPath that cannot be read",
    explain: "JSONPath is that of RFC 9535: `$.name`, `$['odd name']`, `$.list[0]`, `$.list[*].id`, `$.list[?@.id == 7].name`.",
};
static CAPTURE_REGEX: Code = Code {
    name: "capture-regex",
    about: "a capture has a regular expression that cannot be read",
    explain: "The syntax is that of the Rust `regex` crate: no look-around and no back-references, so that matching always ends soon. Single quotes keep backslashes as they are.",
};
static CAPTURE_SELECTOR: Code = Code {
    name: "capture-selector",
    about: "a capture has a CSS selector that cannot be read",
    explain: "Selectors are those of CSS: `form#login input[name=csrf]`, `.error`, `meta[name='csrf-token']`. Brackets and colons need quotes around the selector.",
};

pub(super) fn bad_name(entry: &Entry, reason: &str) -> Diagnostic {
    let message = format!("`{}` cannot be the name of a capture: {reason}", entry.key);
    Diagnostic::error(&CAPTURE_NAME, entry.key_span, message).label("this name")
}

pub(super) fn unknown(entry: &Entry) -> Diagnostic {
    let known: Vec<&str> = SOURCES.iter().map(|s| s.name).chain(CUTS.iter().map(|c| c.name)).collect();
    let message = format!("a capture has no source or cut called `{}`", entry.key);
    let diagnostic = Diagnostic::error(&CAPTURE_SOURCE, entry.key_span, message).label("unknown key");
    match did_you_mean(&entry.key, known) {
        Some(near) => diagnostic.fix(entry.key_span, near, format!("did you mean `{near}`?")),
        None => diagnostic.help(possible()),
    }
}

pub(super) fn two(second: &Entry, first: &Entry, what: &str) -> Diagnostic {
    let message = format!("a capture has one {what}: `{}` or `{}`", first.key, second.key);
    Diagnostic::error(&CAPTURE_SOURCE, second.key_span, message)
        .label(format!("a second {what}"))
        .also(first.key_span, "the first one")
}

pub(super) fn cut_elsewhere(cut: &Entry, only: &str) -> Diagnostic {
    let message = format!("`{}` goes with the source `{only}` only", cut.key);
    Diagnostic::error(&CAPTURE_SOURCE, cut.key_span, message).label("not here")
}

pub(super) fn no_source(node: &Node) -> Diagnostic {
    Diagnostic::error(&CAPTURE_SOURCE, node.span, "a capture needs a source").label("no source").help(possible())
}

/// A fixed text or something else that no answer can change.
pub(super) fn takes_nothing(node: &Node) -> Diagnostic {
    let message = format!("a capture takes something from the answer, and this is {}", node.type_name());
    let diagnostic = Diagnostic::error(&CAPTURE_SOURCE, node.span, message).label("not from the answer");
    let text = node.scalar().unwrap_or_default();
    match &*text {
        "body" | "status" => {
            let fixed = format!("{{ {text}: true }}");
            diagnostic.fix(node.span, fixed, format!("did you mean the {text} of the answer?"))
        }
        _ => diagnostic.help(possible()),
    }
}

pub(super) fn bad_path(span: Span, message: &str) -> Diagnostic {
    Diagnostic::error(&CAPTURE_PATH, span, format!("this JSONPath cannot be read: {message}")).label("here")
}

pub(super) fn bad_regex(span: Span, message: &str) -> Diagnostic {
    Diagnostic::error(&CAPTURE_REGEX, span, format!("this regular expression cannot be read: {message}")).label("here")
}

pub(super) fn bad_selector(span: Span) -> Diagnostic {
    Diagnostic::error(&CAPTURE_SELECTOR, span, "this CSS selector cannot be read").label("here")
}

pub(super) fn bad_part(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(&CAPTURE_SOURCE, span, message).label("here")
}

fn possible() -> String {
    let quoted = |names: Vec<&str>| -> Vec<String> { names.iter().map(|n| format!("`{n}`")).collect() };
    let sources = quoted(SOURCES.iter().map(|s| s.name).collect());
    let cuts = quoted(CUTS.iter().map(|c| c.name).collect());
    format!(
        "write `$.path`, or `{{ SOURCE: … }}` with one of {}, and if needed one cut: {}",
        list(&sources, "and"),
        list(&cuts, "or")
    )
}
