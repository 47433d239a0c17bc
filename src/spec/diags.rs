//! The wording of everything that can be wrong with a file's form, and the table of its codes.
//!
//! To add a fault: a `Code`, its row in [`CODES`], a function here, and `tests/golden/invalid/<code>.yaml`.

use crate::demo::WEAKNESSES;
use crate::diag::{Code, Diagnostic};
use crate::source::{FileId, Span};
use crate::term::{did_you_mean, grouped, list};

use super::elsewhere::{Elsewhere, meant};
use super::yaml::Node;

/// The kinds of faults a file's form can have.
pub const CODES: &[&Code] = &[
    &YAML,
    &FILE_TOO_LARGE,
    &DUPLICATE_KEY,
    &YAML_SLIP,
    &UNKNOWN_KEY,
    &MISSING_KEY,
    &WRONG_TYPE,
    &BAD_VALUE,
    &BAD_REQUEST,
    &ONE_ASK,
    &ONE_BODY,
    &AT_ODDS,
    &NOT_A_SUITE,
    &UNREADABLE,
    &NO_SUITES,
    &RESERVED_NAME,
    &EACH,
    &EXTENDS,
];

static EXTENDS: Code = Code {
    name: "extends",
    about: "the base of a project file cannot be used",
    explain: "`extends: ../base.yaml` takes in another file with the keys of a project file: maps are joined by name, anything else is replaced. The base lies in the repository (outside of one, at most one folder up), and may extend another in turn.",
};

static YAML: Code = Code {
    name: "yaml",
    about: "the file is not YAML that can be read",
    explain: "The place is where reading stopped; the slip is often on the line before. Tags, several documents in one file and keys that are not text are not part of the language.",
};
static FILE_TOO_LARGE: Code = Code {
    name: "file-too-large",
    about: "the file is larger than a suite can be",
    explain: "Data files belong under `exclude:` in `authspec.yaml`, or outside the folder.",
};
static DUPLICATE_KEY: Code = Code {
    name: "duplicate-key",
    about: "a key stands twice in the same map",
    explain: "YAML would silently keep one of the two. Remove or rename one.",
};
static YAML_SLIP: Code = Code {
    name: "yaml-slip",
    about: "the text means something else in YAML than it looks like",
    explain: "Quote values that begin with `{{`, keys with brackets inside `{ }`, `*/*`, and targets with `#`; use single quotes for text with backslashes.",
};
static UNKNOWN_KEY: Code = Code {
    name: "unknown-key",
    about: "the language has no such key at this place",
    explain: "Nothing in a file is ignored, so a misspelt key is a fault. `docs/language.md` lists the keys of every place.",
};
static MISSING_KEY: Code = Code {
    name: "missing-key",
    about: "a key that is needed is not there",
    explain: "Add the key that the message names.",
};
static WRONG_TYPE: Code = Code {
    name: "wrong-type",
    about: "a value has another type than is needed here",
    explain: "YAML decides the type by the spelling: `true` and `3` are not text unless quoted, `- x` makes a list, `k: v` a map.",
};
static BAD_VALUE: Code = Code {
    name: "bad-value",
    about: "a value is not one of those possible here",
    explain: "The message says which values are possible.",
};
static BAD_REQUEST: Code = Code {
    name: "bad-request",
    about: "a request line cannot be read",
    explain: "A request is `METHOD target`, such as `GET /me`: the method in capitals, one blank, then a path that begins with `/` or an absolute URL. The path is sent byte for byte, so blanks in it are written `%20`.",
};
static ONE_ASK: Code = Code {
    name: "one-ask",
    about: "a step asks for more than one thing",
    explain: "A step does one thing: it sends what `request` says or the form that `submit` fills, or it runs the flow that `use` names. Make two steps of it.",
};
static ONE_BODY: Code = Code {
    name: "one-body",
    about: "a request can have one body only",
    explain: "Use one of `json`, `form` and `body`.",
};
static AT_ODDS: Code = Code {
    name: "at-odds",
    about: "two keys of a step do not go together",
    explain: "Each key says something that the other one leaves no room for; the message says what. Leave one of them out, or make two steps of it.",
};
static NOT_A_SUITE: Code = Code {
    name: "not-a-suite",
    about: "a YAML file below the given paths is no suite",
    explain: "Every YAML file is read, so that nothing is skipped in silence. A suite has `cases:`. List data files and API documents under `exclude:` in `authspec.yaml`.",
};
static UNREADABLE: Code = Code {
    name: "unreadable",
    about: "a file or folder cannot be read",
    explain: "Check the path, the permissions, and that the file is UTF-8 text.",
};
static NO_SUITES: Code = Code {
    name: "no-suites",
    about: "a folder on the command line holds no suite",
    explain: "A run must not pass because what it was given was empty. Check the path, or leave it out.",
};
static RESERVED_NAME: Code = Code {
    name: "reserved-name",
    about: "a name is taken by the language",
    explain: "`anonymous` always exists and is always empty. Identities may not be called like a key of a step, and names hold letters, digits, `_` and `-`.",
};

static EACH: Code = Code {
    name: "each",
    about: "the rows of a case cannot be used",
    explain: "`each` is a list of maps, `{ csv: file }` or `{ json: file }`, with at least one row. Every row has an `id`, unique among them, since it becomes a part of the case's id.",
};

pub(super) fn yaml(span: Span, reason: &str) -> Diagnostic {
    Diagnostic::error(&YAML, span, format!("this YAML cannot be read: {reason}")).label("here")
}

pub(super) fn tab(span: Span) -> Diagnostic {
    Diagnostic::error(&YAML, span, "a line is indented with a tab, and YAML only takes blanks there")
        .label("a tab")
        .help("indent with spaces; most editors can show tabs and replace them")
}

pub(super) fn several_documents(span: Span) -> Diagnostic {
    Diagnostic::error(&YAML, span, "a file holds one YAML document")
        .label("a second one starts here")
        .help("put each suite into a file of its own")
}

pub(super) fn yaml_tag(span: Span) -> Diagnostic {
    Diagnostic::error(&YAML, span, "YAML tags such as `!env` are not part of the language")
        .label("has a tag")
        .help("environment variables are written \"{{ env.NAME }}\"")
}

pub(super) fn merge_needs_map(span: Span) -> Diagnostic {
    Diagnostic::error(&YAML, span, "`<<` merges a map or a list of maps").label("not a map")
}

pub(super) fn file_too_large(file: FileId, bytes: usize) -> Diagnostic {
    let message = format!("the file has {} bytes, more than can be a suite", grouped(bytes as u64));
    Diagnostic::error(&FILE_TOO_LARGE, Span::new(file, 0, 0), message)
        .help("data files are listed under `exclude:` in `authspec.yaml`")
}

pub(super) fn duplicate_key(second: Span, first: Span, key: &str) -> Diagnostic {
    Diagnostic::error(&DUPLICATE_KEY, second, format!("duplicate key `{key}`"))
        .label("second definition here")
        .also(first, "first definition here")
}

pub(super) fn slip_template(span: Span, fixed: &str) -> Diagnostic {
    Diagnostic::error(
        &YAML_SLIP,
        span,
        "a template at the start of a value needs quotes; YAML reads `{` as the start of a map",
    )
    .label("unquoted template")
    .fix(span, fixed, "put the whole value in quotes")
}

pub(super) fn slip_key(span: Span, fixed: &str) -> Diagnostic {
    Diagnostic::error(
        &YAML_SLIP,
        span,
        "inside `{ }` a key with brackets needs quotes; YAML reads `[` as the start of a list",
    )
    .label("unquoted key")
    .fix(span, fixed, "put the key in quotes")
}

/// A mask that was copied from a report.
pub(super) fn mask(span: Span, mask: &str) -> Diagnostic {
    let sentence = format!("`{mask}` is what reports write in place of a secret, and no value");
    Diagnostic::error(&BAD_VALUE, span, sentence)
        .label("masked")
        .help("write `{{ secrets.NAME }}`, or `{{ identity.password }}` of the caller")
}

pub(super) fn slip_star(span: Span) -> Diagnostic {
    Diagnostic::error(&YAML_SLIP, span, "`*/*` needs quotes; YAML reads `*` as a reference to an anchor")
        .label("unquoted")
        .fix(span, "\"*/*\"", "put it in quotes")
}

pub(super) fn slip_backslash(span: Span, fixed: &str) -> Diagnostic {
    Diagnostic::error(&YAML_SLIP, span, "in double quotes a backslash begins an escape, and this is none")
        .label("unknown escape")
        .fix(span, fixed, "single quotes keep backslashes as they are")
}

pub(super) fn slip_comment(cut: Span, whole: Span, fixed: &str) -> Diagnostic {
    Diagnostic::error(&YAML_SLIP, cut, "YAML drops this part: a `#` behind a blank begins a comment")
        .label("not part of the request")
        .fix(whole, fixed, "a target has `%20` for a blank and `%23` for `#`; a comment has a blank behind `#`")
}

pub(super) fn slip_number(span: Span, key: &str, raw: &str) -> Diagnostic {
    Diagnostic::error(&YAML_SLIP, span, format!("`{key}` compares text, and YAML reads this as a number"))
        .label("a number")
        .fix(span, format!("\"{raw}\""), "put it in quotes to compare the text")
}

/// An unknown key, with the nearest known one.
pub fn unknown_key(span: Span, key: &str, place: &str, known: &[&str]) -> Diagnostic {
    let diagnostic =
        Diagnostic::error(&UNKNOWN_KEY, span, format!("{place} has no key called `{key}`")).label("unknown key");
    match meant(key, known) {
        Some(Elsewhere { say: Some(say), .. }) => return diagnostic.help(*say),
        Some(Elsewhere { ours, .. }) => return diagnostic.fix(span, *ours, format!("here it is called `{ours}`")),
        None => {}
    }
    match did_you_mean(key, known.iter().copied()) {
        Some(near) => diagnostic.fix(span, near, format!("did you mean `{near}`?")),
        None if known.is_empty() => diagnostic,
        None => {
            let names: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
            diagnostic.help(format!("possible here: {}", names.join(", ")))
        }
    }
}

/// A key that must be there and is not.
pub fn missing_key(span: Span, key: &str, place: &str) -> Diagnostic {
    Diagnostic::error(&MISSING_KEY, span, format!("{place} needs `{key}`")).label(format!("`{key}` is missing"))
}

/// An identity without `auth`, which may be meant to change one of the same name, or has what belongs into `auth`.
pub(super) fn needs_auth(span: Span, name: &str, scheme: Option<&str>) -> Diagnostic {
    let fault = missing_key(span, "auth", "an identity");
    if let Some(scheme) = scheme {
        return fault
            .help(format!("how it logs in stands below its `auth`: `{name}: {{ auth: {{ scheme: {scheme} }} }}`"));
    }
    fault.help(format!("to change the `{name}` that another file declares, add `like: {name}`"))
}

/// Several roles of one identity.
pub(super) fn one_role(roles: &Node) -> Diagnostic {
    wrong_type(roles, "text").help("an identity has one `role`, by which a matrix asks for it: `role: admin`")
}

/// A matrix whose rows have no names.
pub(super) fn rows_by_name(rows: &Node) -> Diagnostic {
    wrong_type(rows, "a map").help("a row is called by its request: `GET /path: { alice: allow, others: deny }`")
}

/// A value of another type than is needed.
pub fn wrong_type(node: &Node, wanted: &str) -> Diagnostic {
    Diagnostic::error(&WRONG_TYPE, node.span, format!("{wanted} is needed here, and this is {}", node.type_name()))
        .label(format!("this is {}", node.type_name()))
}

/// A value that is none of the possible ones.
pub fn bad_value(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(&BAD_VALUE, span, message)
}

/// A word that is none of the possible ones, with the nearest.
pub fn unknown_word(span: Span, word: &str, what: &str, known: &[&str]) -> Diagnostic {
    let quoted: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
    let diagnostic = bad_value(span, format!("`{word}` is not {what}")).label(format!("not {what}"));
    match did_you_mean(word, known.iter().copied()) {
        Some(near) => diagnostic.fix(span, near, format!("did you mean `{near}`?")),
        None if known.is_empty() => diagnostic,
        None if known.len() == 1 => diagnostic.help(format!("possible is {}", quoted[0])),
        None => diagnostic.help(format!("possible are {}", list(&quoted, "and"))),
    }
}

/// A name that no weakness of the demo has.
pub(super) fn unknown_weakness(span: Span, name: &str) -> Diagnostic {
    let diagnostic = bad_value(span, format!("`{name}` is not a weakness of the demo")).label("not a weakness");
    match did_you_mean(name, WEAKNESSES.iter().map(|w| w.id)) {
        Some(near) => diagnostic.fix(span, near, format!("did you mean `{near}`?")),
        None => diagnostic.help("`authspec list weaknesses` names them"),
    }
}

/// A request line that cannot be read.
pub fn bad_request(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(&BAD_REQUEST, span, message)
}

pub(super) fn one_ask(first: (&str, Span), second: (&str, Span)) -> Diagnostic {
    Diagnostic::error(&ONE_ASK, second.1, format!("a step asks for one thing: `{}` or `{}`", first.0, second.0))
        .label("a second one")
        .also(first.1, "the first one")
}

/// `vary` beside a request that is written out.
pub(super) fn vary_alone(span: Span, request: Span) -> Diagnostic {
    let why = "this request is written out, so its parameters can be written differently";
    Diagnostic::error(&AT_ODDS, span, format!("`vary` has nothing to change: {why}"))
        .label("of no use")
        .also(request, "the request")
        .help("`vary` belongs to `request: login`, `refresh` or `logout`")
}

pub(super) fn one_body(first: (&str, Span), second: (&str, Span)) -> Diagnostic {
    Diagnostic::error(&ONE_BODY, second.1, format!("a request has one body: `{}` or `{}`", first.0, second.0))
        .label("a second body")
        .also(first.1, "the first one")
}

pub(super) fn at_odds(first: (&str, Span), second: (&str, Span), why: &str) -> Diagnostic {
    Diagnostic::error(&AT_ODDS, second.1, format!("`{}` and `{}` do not go together: {why}", first.0, second.0))
        .label("one of the two")
        .also(first.1, "the other one")
}

pub(super) fn not_a_suite(span: Span, hint: Option<&str>) -> Diagnostic {
    let diagnostic =
        Diagnostic::error(&NOT_A_SUITE, span, "this file is no suite: it has no `cases`").label("no `cases:`");
    match hint {
        Some(hint) => diagnostic.help(hint),
        None => diagnostic.help("if it is data, list it under `exclude:` in `authspec.yaml`"),
    }
}

/// The project file was named in place of suites.
pub(super) fn project_file(path: &str, folder: &str) -> Diagnostic {
    Diagnostic::error(&NOT_A_SUITE, Span::NONE, format!("`{path}` is the project file, not a suite"))
        .help(format!("name its folder, `{folder}`, or suites in it: they find their project file by themselves"))
}

pub(super) fn extends(span: Span, path: &str, why: &str) -> Diagnostic {
    Diagnostic::error(&EXTENDS, span, format!("`{path}` cannot be the base of this file: {why}")).label("named here")
}

pub(super) fn unreadable(span: Span, path: &str, reason: &str) -> Diagnostic {
    Diagnostic::error(&UNREADABLE, span, format!("`{path}` cannot be read: {reason}"))
}

/// A folder on the command line that adds nothing to the run.
pub(super) fn no_suites(path: &str) -> Diagnostic {
    Diagnostic::error(&NO_SUITES, Span::NONE, format!("there is no suite below `{path}`"))
        .help("a suite is a file ending in `.yaml` or `.yml`; hidden folders are left out")
}

pub(super) fn reserved_name(span: Span, name: &str, reason: &str) -> Diagnostic {
    Diagnostic::error(&RESERVED_NAME, span, format!("`{name}` cannot be used as a name here: {reason}"))
        .label("this name")
}

/// A fault in the rows of `each`.
pub(super) fn row(span: Span, message: impl Into<String>, label: impl Into<String>) -> Diagnostic {
    Diagnostic::error(&EACH, span, message).label(label)
}

pub(super) fn no_rows(span: Span) -> Diagnostic {
    row(span, "`each` has no rows, so the case would never run", "nothing to run it with")
}

pub(super) fn rows_file(span: Span, path: &str, why: &str) -> Diagnostic {
    row(span, format!("the rows in `{path}` cannot be read: {why}"), "this file")
        .help("the path starts from the suite's folder")
}
