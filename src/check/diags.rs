//! The wording of everything that can be wrong with an expectation, and the table of its codes.
//!
//! To add a fault: a `Code`, its row in [`CODES`], a function here, and `tests/golden/invalid/<code>.yaml`.

use crate::diag::{Code, Diagnostic};
use crate::jsonpath::PathFault;
use crate::source::Span;
use crate::spec::Node;
use crate::term::{did_you_mean, list};

/// The kinds of faults an expectation can have.
pub const CODES: &[&Code] = &[
    &UNKNOWN_CHECK,
    &NO_CHECKS,
    &UNKNOWN_OPERATOR,
    &BAD_OPERAND,
    &BAD_STATUS,
    &BAD_JSON_PATH,
    &BAD_PATTERN,
    &BAD_SELECTOR,
    &BAD_SCHEMA,
    &UNKNOWN_STEP,
    &ERROR_NOT_ALONE,
];

static UNKNOWN_CHECK: Code = Code {
    name: "unknown-check",
    about: "`expect` has no such check",
    explain: "Every key of `expect` is a check; `authspec list checks` shows them. Values of the body stand under `json`, header fields under `headers`.",
};
static NO_CHECKS: Code = Code {
    name: "no-checks",
    about: "an expectation could not fail",
    explain: "A case that cannot fail is refused: it would be green whatever the server does. Say what must come back, or leave `expect` out, which means a status below 400.",
};
static UNKNOWN_OPERATOR: Code = Code {
    name: "unknown-operator",
    about: "a map in an expectation has a key that is no operator",
    explain: "A scalar or list is compared by equality; a map always holds operators, all of which must hold. To compare with a literal object, write `equals:`.",
};
static BAD_OPERAND: Code = Code {
    name: "bad-operand",
    about: "an operator is given something it cannot compare with",
    explain: "The message says what the operator takes. Where the source is text (headers, cookies, the body, URLs) operands are compared by their spelling.",
};
static BAD_STATUS: Code = Code {
    name: "bad-status",
    about: "a status expectation cannot be read, or would prove nothing",
    explain: "A status is a number, a class such as `2xx`, `allow` (2xx), `deny` (401 or 403), or a list of these. `4xx` is refused: a 404, 405 or 429 does not show that somebody was kept out.",
};
static BAD_JSON_PATH: Code = Code {
    name: "bad-json-path",
    about: "a JSONPath cannot be read",
    explain: "Paths are written as in RFC 9535: `$.a.b`, `$.items[0]`, `$.items[*].id`, `$['odd name']`, `$.items[?@.id == 1]`, `$..name`.",
};
static BAD_PATTERN: Code = Code {
    name: "bad-pattern",
    about: "a regular expression cannot be read",
    explain: "Patterns are those of the Rust crate `regex`, which takes time in proportion to the text; it has no look-around and no back-references. A pattern is found anywhere in the text unless anchored with `^` and `$`.",
};
static BAD_SELECTOR: Code = Code {
    name: "bad-selector",
    about: "a CSS selector cannot be read",
    explain: "Selectors are those of CSS: `form#login`, `input[name=csrf]`, `.error > p`. A selector with brackets or colons needs quotes in YAML.",
};
static BAD_SCHEMA: Code = Code {
    name: "bad-schema",
    about: "a JSON Schema cannot be used",
    explain: "A schema is a map, or the path of a JSON file below the project's folder. It stands for itself: nothing that it refers to is fetched.",
};
static UNKNOWN_STEP: Code = Code {
    name: "unknown-step",
    about: "an expectation names a step that the case does not have before this one",
    explain: "Answers are compared within a case: the step stands earlier in the same `steps` and has a `name`.",
};
static ERROR_NOT_ALONE: Code = Code {
    name: "error-not-alone",
    about: "something is expected of an answer where none is expected",
    explain: "`error` means that no answer comes. A status, a header or a body cannot be looked at then.",
};

/// A selector that cannot be read.
pub(super) fn bad_selector(span: Span, text: &str) -> Diagnostic {
    Diagnostic::error(&BAD_SELECTOR, span, format!("`{text}` is no CSS selector")).label("here")
}

/// A schema that cannot be used.
pub(super) fn bad_schema(span: Span, why: &str) -> Diagnostic {
    Diagnostic::error(&BAD_SCHEMA, span, why).label("this schema")
}

/// A key of a schema that is near to a keyword.
pub(super) fn unknown_keyword(span: Span, key: &str, near: &str) -> Diagnostic {
    Diagnostic::error(&BAD_SCHEMA, span, format!("JSON Schema has no keyword `{key}`, so it would be passed over"))
        .label("not a keyword")
        .fix(span, near, format!("did you mean `{near}`?"))
}

/// A name that no earlier step has.
pub fn unknown_step(span: Span, name: &str, known: &[String]) -> Diagnostic {
    let fault = Diagnostic::error(&UNKNOWN_STEP, span, format!("no earlier step of this case is called `{name}`"))
        .label("not an earlier step");
    match did_you_mean(name, known.iter().map(String::as_str)) {
        Some(near) => fault.fix(span, near, format!("did you mean `{near}`?")),
        None if known.is_empty() => fault.help("give the step before it a `name:`"),
        None => {
            let names: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
            fault.help(format!("known here: {}", list(&names, "and")))
        }
    }
}

/// Something beside `error`.
pub(super) fn not_alone(span: Span) -> Diagnostic {
    Diagnostic::error(&ERROR_NOT_ALONE, span, "no answer is expected here, so nothing else can be expected of it")
        .label("stands alone")
}

/// A key of `expect` that is no check.
pub(super) fn unknown_check(span: Span, key: &str, known: &[&str]) -> Diagnostic {
    let fault =
        Diagnostic::error(&UNKNOWN_CHECK, span, format!("`expect` has no check called `{key}`")).label("not a check");
    if key.starts_with('$') {
        return fault.help("JSONPaths stand under `json:`");
    }
    if let Some(near) = did_you_mean(key, known.iter().copied()) {
        return fault.fix(span, near, format!("did you mean `{near}`?"));
    }
    let names: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
    fault.help(format!("checks are {}", list(&names, "and")))
}

/// A key of an operator map that is no operator.
pub(super) fn unknown_operator(span: Span, key: &str, known: &[&str]) -> Diagnostic {
    let fault = Diagnostic::error(&UNKNOWN_OPERATOR, span, format!("there is no operator called `{key}`"))
        .label("not an operator");
    match did_you_mean(key, known.iter().copied()) {
        Some(near) => fault.fix(span, near, format!("did you mean `{near}`?")),
        None => fault.help("a map holds operators; to compare with a literal object, write `equals:`"),
    }
}

/// An expectation that could not fail.
pub(super) fn no_checks(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(&NO_CHECKS, span, message).label("could not fail")
}

/// An operand of the wrong type.
pub(super) fn needs(node: &Node, what: &str) -> Diagnostic {
    Diagnostic::error(&BAD_OPERAND, node.span, format!("{what} is needed here, and this is {}", node.type_name()))
        .label(format!("not {what}"))
}

/// A map or list where one text is compared.
pub(super) fn needs_text(node: &Node) -> Diagnostic {
    needs(node, "text").help("to allow several, write `one_of: [..]`")
}

/// `null` where texts are compared.
pub(super) fn null_for_text(span: Span) -> Diagnostic {
    Diagnostic::error(&BAD_OPERAND, span, "text is compared here, and text is never null")
        .label("null")
        .help("to ask that it is not there, write `{ exists: false }`; the text itself is written \"null\"")
}

/// An operator that makes no sense for its source.
pub(super) fn misplaced_operator(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(&BAD_OPERAND, span, message).label("not here")
}

/// A status that cannot be read.
pub(super) fn bad_status(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(&BAD_STATUS, span, message)
}

/// A path that cannot be read; the span is narrowed to the place where the text is written plainly.
pub(super) fn bad_path(span: Span, text: &str, written: &str, fault: &PathFault) -> Diagnostic {
    let at = text.char_indices().nth(fault.column - 1).map_or(text.len(), |(at, _)| at);
    let lead = usize::from(written.starts_with(['"', '\'']));
    let plain = written.get(lead..lead + text.len()) == Some(text);
    let narrow = if plain && fault.column > 1 { span.slice(lead + at..written.len() - lead) } else { span };
    Diagnostic::error(&BAD_JSON_PATH, narrow, fault.message.clone()).label("here")
}

/// A regular expression that cannot be read.
pub(super) fn bad_pattern(span: Span, reason: &str) -> Diagnostic {
    Diagnostic::error(&BAD_PATTERN, span, format!("the pattern cannot be read: {reason}")).label("here")
}
