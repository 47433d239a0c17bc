//! The wording of what can be wrong with a step beyond its form.

use std::sync::Arc;

use crate::diag::{Code, Diagnostic};
use crate::http::is_token;
use crate::source::Span;
use crate::spec::{Named, Node};
use crate::term::{did_you_mean, list, plural};

/// The kinds of faults a step can have.
pub const CODES: &[&Code] = &[
    &HEADER_NAME,
    &FILE,
    &NO_RACE,
    &BAD_UNTIL,
    &UNKNOWN_TARGET,
    &UNKNOWN_FLOW,
    &FLOW_ARGS,
    &FLOW_RETURNS,
    &FLOW_CYCLE,
    &FLOW_SIZE,
    &FLOW_ANSWER,
    &WITH,
    &CREDENTIAL,
    &PREMISE,
    &ALONE,
];

static ALONE: Code = Code {
    name: "alone",
    about: "`alone` says nothing that could be sent",
    explain: "`alone: true` sends a step once with each thing that its caller's session consists of, and `alone: NAME` with those that were let in at the step of that name, which stands before it in the same list. Its caller is an identity, and it asks for something itself or uses a flow.",
};

static PREMISE: Code = Code {
    name: "bad-premise",
    about: "`premise` is neither `true`, nor `answered`, nor an expression",
    explain: "`premise: true` says that the case proves nothing where the step does not hold. `premise: answered` says it of an answer that the server itself did not give (429, 502 to 504), or that refuses a credential which had ended by itself. An expression such as `response.status != 429` says it of an answer, whatever else the step expects.",
};

static CREDENTIAL: Code = Code {
    name: "credential",
    about: "`credential` says nothing that could be sent",
    explain: "`credential: NAME` sends a step with the credential and the cookies that its caller had when an earlier step of the case was over, and `credential: { part: value }` with other values for parts of it, by the names of `session.*`. Its caller is an identity.",
};

static WITH: Code = Code {
    name: "with",
    about: "`with` stands where no defect can be sent",
    explain: "A defect is sent with one step of a case. Setups, teardowns, flows and the steps of schemes are what the case stands on, and are sent as they are.",
};

static HEADER_NAME: Code = Code {
    name: "header-name",
    about: "a header field's name cannot be sent",
    explain: "Names are tokens (RFC 9110, section 5.1): letters, digits and `-`; no blanks, no colon.",
};
static FILE: Code = Code {
    name: "file",
    about: "a file that a suite names cannot be used",
    explain: "Paths start from the folder of the file that names them and stay below the project's folder. Only secrets and certificates may lie elsewhere, and then the path must be absolute, so that everybody sees where it leads.",
};

static NO_RACE: Code = Code {
    name: "no-race",
    about: "`winners` stands in a step that is sent once, or holds always or never",
    explain: "`together: 10` sends a step ten times at once, and `winners` says how many of the answers may meet its other expectations.",
};
static BAD_UNTIL: Code = Code {
    name: "bad-until",
    about: "the address that redirects should lead to cannot be read",
    explain: "`until` is an absolute URL, or a path of the target. Scheme, host and port are compared exactly, the path segment by segment; a query is not looked at.",
};
static UNKNOWN_TARGET: Code = Code {
    name: "unknown-target",
    about: "an address begins with the name of a target that is not declared",
    explain: "`GET idp:/me` asks the entry `idp` of `targets:`, in the suite, the project file or the environment. A whole address has two slashes: `https://…`.",
};

static UNKNOWN_FLOW: Code = Code {
    name: "unknown-flow",
    about: "`use` names a flow that is not declared",
    explain: "Flows stand under `flows:` of the suite or of `authspec.yaml`; some are there for everybody, and `authspec list flows` shows them all. Cases, setups, teardowns and other flows use them; the steps of a scheme and `ready` do not.",
};
static FLOW_ARGS: Code = Code {
    name: "flow-args",
    about: "what a flow is given is not what it takes",
    explain: "A flow declares its arguments under `args`, each with its default. One without a value has to be given by every `use`; one that is not declared cannot be given.",
};
static FLOW_RETURNS: Code = Code {
    name: "flow-returns",
    about: "`returns` names what no step of the flow captures",
    explain: "A flow keeps its captures to itself; only those that `returns` names are known to the steps after the one that uses it.",
};
static FLOW_CYCLE: Code = Code {
    name: "flow-cycle",
    about: "a flow uses itself",
    explain: "A flow may use others, but not itself, also not by a detour: it would never end.",
};
static FLOW_SIZE: Code = Code {
    name: "flow-size",
    about: "a flow stands for too many steps",
    explain: "A flow is written out for every step that uses it. Flows that use flows several times each grow fast; `repeat` and `each` do the same again without that.",
};
static FLOW_ANSWER: Code = Code {
    name: "flow-answer",
    about: "a flow may have no last answer to look at",
    explain: "`expect` and `capture` of a step with `use` look at the last answer of the flow. Where its last step may be left out, or where no answer is what it waits for, they would look at nothing.",
};

pub(super) fn no_race(span: Span) -> Diagnostic {
    Diagnostic::error(&NO_RACE, span, "`winners` counts the answers of a step that is sent `together`")
        .label("this step is sent once")
        .help("add `together: 10` to the step, or leave `winners` out")
}

/// `winners` that say nothing about so many answers.
pub(super) fn settled_race(span: Span, most: u32, holds: bool) -> Diagnostic {
    let (message, label) = if holds {
        (format!("of {most} answers any number would do, so it could not fail"), "could not fail")
    } else {
        (format!("of {most} answers no number would do, so it never holds"), "never holds")
    };
    Diagnostic::error(&NO_RACE, span, message).label(label).help(format!("winners are counted from 0 to {most}"))
}

pub(super) fn bad_until(span: Span, why: &str) -> Diagnostic {
    Diagnostic::error(&BAD_UNTIL, span, format!("this is no address to stop at: {why}"))
        .label("an absolute URL, or a path of the target")
}

pub(super) fn unknown_target(span: Span, name: &str, known: &[&str]) -> Diagnostic {
    let diagnostic =
        Diagnostic::error(&UNKNOWN_TARGET, span, format!("there is no target `{name}`")).label("not under `targets:`");
    if let Some(near) = did_you_mean(name, known.iter().copied()) {
        return diagnostic.fix(span, near, format!("did you mean `{near}`?"));
    }
    if matches!(name, "http" | "https") {
        return diagnostic.help(format!("an address begins with `{name}://`"));
    }
    if known.is_empty() {
        return diagnostic.help(format!("declare it: `targets: {{ {name}: https://… }}`"));
    }
    let names: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
    diagnostic.help(format!("declared targets: {}", list(&names, "and")))
}

/// A name that no header field can have: it is no token (RFC 9110, section 5.1).
pub fn field_name_fault(span: Span, name: &str) -> Option<Diagnostic> {
    (!is_token(name)).then(|| header_name(span, name))
}

fn header_name(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error(&HEADER_NAME, span, format!("`{name}` cannot be the name of a header field")).label("not a token")
}

/// A file that cannot be used.
pub fn file(span: Span, path: &str, why: &str) -> Diagnostic {
    Diagnostic::error(&FILE, span, format!("the file `{path}` cannot be used: {why}")).label("this path")
}

/// A relative path that leads out of the project, where an absolute one may.
pub fn file_outside(span: Span, path: &str) -> Diagnostic {
    file(span, path, super::OUTSIDE)
        .help("write the absolute path to read a file from elsewhere, such as a mounted secret")
}

/// A flow that nobody declared.
pub fn unknown_flow(span: Span, name: &str, known: &[&str], ready: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::error(&UNKNOWN_FLOW, span, format!("there is no flow called `{name}` under `flows:`"))
        .label("not declared");
    let family = name.split_once('.').map_or("", |(family, _)| family);
    let kin: Vec<&str> = ready.iter().copied().filter(|r| r.split('.').next() == Some(family)).collect();
    match did_you_mean(name, known.iter().chain(ready).copied()) {
        Some(near) => diagnostic.fix(span, near, format!("did you mean `{near}`?")),
        None if name.contains("{{") => diagnostic.help("the name of a flow is written out; `if` chooses between two"),
        None if !kin.is_empty() => diagnostic.help(format!("ready flows: {}", quoted(&kin))),
        None if known.is_empty() => diagnostic.help("no flows are declared here"),
        None => diagnostic.help(format!("declared flows: {}", quoted(known))),
    }
}

/// A flow where steps stand for themselves.
pub fn no_flow_here(span: Span) -> Diagnostic {
    Diagnostic::error(&UNKNOWN_FLOW, span, "the steps of a scheme use no flows")
        .label("write its steps here")
        .help("cases, setups, teardowns and other flows use flows")
}

/// An argument that a flow does not take, of those that it takes and those that are not given yet.
pub(super) fn unknown_arg(span: Span, arg: &str, flow: (&str, Span), (known, free): (&[&str], &[&str])) -> Diagnostic {
    let (name, declared) = flow;
    let diagnostic = Diagnostic::error(&FLOW_ARGS, span, format!("the flow `{name}` takes no `{arg}`"))
        .label("not an argument of it")
        .also(declared, "the flow");
    match did_you_mean(arg, free.iter().copied()) {
        Some(near) => diagnostic.fix(span, near, format!("did you mean `{near}`?")),
        None if known.is_empty() => diagnostic.help("it takes no arguments"),
        None => diagnostic.help(format!("it takes {}", quoted(known))),
    }
}

pub(super) fn missing_arg(span: Span, flow: &str, arg: &Named<Node>) -> Diagnostic {
    let name = &arg.name;
    Diagnostic::error(&FLOW_ARGS, span, format!("the flow `{flow}` needs `{name}`"))
        .label(format!("`{name}` is not given"))
        .also(arg.span, "has no default")
        .help(format!("add `args: {{ {name}: … }}`"))
}

pub(super) fn bad_arg(span: Span, name: &str, why: &str) -> Diagnostic {
    Diagnostic::error(&FLOW_ARGS, span, format!("`{name}` cannot be the name of an argument: {why}")).label("this name")
}

pub(super) fn unknown_return(span: Span, name: &str, known: &[Arc<str>]) -> Diagnostic {
    let diagnostic =
        Diagnostic::error(&FLOW_RETURNS, span, format!("no step of this flow captures `{name}`")).label("not captured");
    let known: Vec<&str> = known.iter().map(|k| &**k).collect();
    match did_you_mean(name, known.iter().copied()) {
        Some(near) => diagnostic.fix(span, near, format!("did you mean `{near}`?")),
        None if known.is_empty() => diagnostic.help("its steps capture nothing"),
        None => diagnostic.help(format!("its steps capture {}", quoted(&known))),
    }
}

/// Flows that use each other, each with its name, from the first back to itself.
pub fn flow_cycle(span: Span, names: &[&str]) -> Diagnostic {
    let message = if let [one] = names {
        format!("the flow `{one}` uses itself")
    } else {
        let round: Vec<String> = names.iter().chain(names.first()).map(|n| format!("`{n}`")).collect();
        format!("flows use each other: {}", round.join(" → "))
    };
    Diagnostic::error(&FLOW_CYCLE, span, message).label("closes the circle")
}

pub(super) fn flow_size(span: Span, name: &str, size: usize, most: usize) -> Diagnostic {
    let message = format!("the flow `{name}` stands for {}, with those of the flows it uses", plural(size, "step"));
    Diagnostic::error(&FLOW_SIZE, span, message).label(format!("at most {most}"))
}

pub(super) fn no_last_answer(span: Span, because: Span, flow: &str, why: &str) -> Diagnostic {
    Diagnostic::error(&FLOW_ANSWER, span, format!("the flow `{flow}` may have no last answer: its last step {why}"))
        .label("would look at nothing")
        .also(because, "here")
        .help("move it into the flow, beside the step whose answer is meant")
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    list(&names, "and")
}

/// A defect outside a case's own steps.
pub fn misplaced_with(span: Span) -> Diagnostic {
    Diagnostic::error(&WITH, span, "`with` stands in no step of a case")
        .label("not here")
        .help("send the defect with a step of a case; what a case stands on is sent as it is")
}

/// `credential` of somebody who has none.
pub(super) fn no_credential(span: Span) -> Diagnostic {
    Diagnostic::error(&CREDENTIAL, span, "nobody has a credential that could be another one")
        .label("the step is sent as nobody")
        .help("say `as` whom the step is sent")
}

/// A part that the caller's credential does not have.
pub(super) fn no_part(span: Span, name: &str, known: &std::collections::BTreeSet<String>) -> Diagnostic {
    let fault = Diagnostic::error(&CREDENTIAL, span, format!("the caller's credential has no part `{name}`"))
        .label("no such part");
    if let Some(near) = did_you_mean(name, known.iter().map(String::as_str)) {
        return fault.fix(span, near, format!("did you mean `{near}`?"));
    }
    let names: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
    fault.help(format!("its parts are {}", list(&names, "and")))
}

/// An empty map of parts.
pub(super) fn no_parts(span: Span) -> Diagnostic {
    Diagnostic::error(&CREDENTIAL, span, "no part of the credential is another one").label("empty")
}

/// Arguments for steps that were given.
pub(super) fn given_takes_nothing(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error(&FLOW_ARGS, span, format!("`{name}` are steps that this flow is given; they take nothing"))
        .label("given to them")
        .help("they see what is seen where they are written")
}

/// A premise that says nothing.
pub(super) fn bad_premise(span: Span) -> Diagnostic {
    Diagnostic::error(&PREMISE, span, "a premise is `true`, `answered`, or an expression over the `response`")
        .label("neither")
        .help("leave it out where the step is what the case is about")
}

/// `alone` where nothing could be sent so.
pub(super) fn nothing_alone(span: Span, why: &str) -> Diagnostic {
    Diagnostic::error(&ALONE, span, format!("`alone` says nothing here: {why}"))
        .label("of what?")
        .help("write `alone: true`, or the name of an earlier step that has it, in a request or `use` of an identity's")
}

/// `alone` with the name of no step that found out what is let in.
pub(super) fn never_alone(span: Span, name: &str, known: &[&str]) -> Diagnostic {
    let diagnostic =
        Diagnostic::error(&ALONE, span, format!("no step `{name}` with `alone: true` stands before this one"))
            .label("nothing was let in there");
    match did_you_mean(name, known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help("a step of that name with `alone: true` finds out what of the session is let in alone"),
    }
}
