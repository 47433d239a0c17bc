//! The wording of everything that can be wrong with a template.

use minijinja::ErrorKind;

use super::names::Unknown;
use crate::diag::{Code, Diagnostic};
use crate::source::Span;
use crate::term::list;

/// The kinds of faults a template can have.
pub const CODES: &[&Code] = &[&TEMPLATE_SYNTAX, &UNKNOWN_NAME, &UNKNOWN_FILTER, &UNSET_VARIABLE];

static TEMPLATE_SYNTAX: Code = Code {
    name: "template-syntax",
    about: "a template cannot be read",
    explain: "Templates stand between `{{` and `}}` and hold an expression: a name, `a.b`, `f(x)`, `x | filter`, `a + b`, `a == b`, `x if y else z`. Text inside an expression needs quotes.",
};

static UNKNOWN_NAME: Code = Code {
    name: "unknown-name",
    about: "a template uses a name that nothing supplies at this point",
    explain: "In scope are `vars` and captures by bare name, and `env.*`, `secrets.*`, `identity.*`, `session.*`, `sessions.NAME.*`, `jar.NAME`, `row.*`; `response.*` inside `capture` and `that`. A capture exists only in later steps of the same case, one made in `setup` in all cases of the suite.",
};

static UNKNOWN_FILTER: Code = Code {
    name: "unknown-filter",
    about: "a template uses a filter that does not exist",
    explain: "Filters come behind a bar: `{{ name | upper }}`. They are those of minijinja, and every function with one argument.",
};

static UNSET_VARIABLE: Code = Code {
    name: "unset-variable",
    about: "an environment variable is used and not set",
    explain: "Set it, put it into `.env` beside the project file, or give a default: `{{ env.NAME | default('x') }}`. `authspec check` only warns, so that files can be checked where the secrets are not.",
};

pub(super) fn unclosed(span: Span) -> Diagnostic {
    Diagnostic::error(&TEMPLATE_SYNTAX, span, "a template is opened with `{{` and never closed")
        .label("no `}}` follows")
        .help("write `}}` behind the expression; literal braces are written `{{ \"{{\" }}`")
}

pub(super) fn empty_expression(span: Span) -> Diagnostic {
    Diagnostic::error(&TEMPLATE_SYNTAX, span, "there is nothing between `{{` and `}}`")
        .label("an expression belongs here")
}

pub(super) fn syntax(span: Span, error: &minijinja::Error) -> Diagnostic {
    let detail = error.detail().unwrap_or("it cannot be read").to_owned();
    Diagnostic::error(&TEMPLATE_SYNTAX, span, format!("a template cannot be read: {detail}")).label("here")
}

/// A secret's environment variable is not set where files are only checked.
pub fn unset_secret(span: Span, variable: &str) -> Diagnostic {
    Diagnostic::warning(&UNSET_VARIABLE, span, format!("the environment variable `{variable}` is not set"))
        .label("not set")
        .help("a run needs it: set it, or put it into `.env`")
}

/// What may be the refresh token that is asked for under the name that flows and renewals know it by.
fn other_refresh_token(name: &Unknown) -> Option<&String> {
    let is_it = |path: &str| path.rsplit('.').next().is_some_and(|last| last.to_ascii_lowercase().contains("refresh"));
    name.known.iter().find(|known| name.path.ends_with("refresh_token") && is_it(known))
}

pub(super) fn unknown_name(span: Span, name: &Unknown) -> Diagnostic {
    if let Some(severity) = name.unset {
        let variable = name.path.trim_start_matches("env.");
        let message = format!("the environment variable `{variable}` is not set");
        let diagnostic = Diagnostic::error(&UNSET_VARIABLE, span, message)
            .label("not set")
            .help("set it, put it into `.env`, or write `| default('…')` behind it");
        return Diagnostic { severity, ..diagnostic };
    }
    if !name.lacking.is_empty() {
        let rows: Vec<String> = name.lacking.iter().take(5).map(|id| format!("`{id}`")).collect();
        let more = name.lacking.len().saturating_sub(rows.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let message = format!("`{}` is not in every row: {}{more} lack it", name.path, rows.join(", "));
        return Diagnostic::error(&UNKNOWN_NAME, span, message)
            .label("not defined in some rows")
            .help("give it to all rows, or write `| default(…)` behind it");
    }
    if name.is_called {
        let diagnostic = Diagnostic::error(&UNKNOWN_NAME, span, format!("there is no function `{}`", name.path))
            .label("no function of this name");
        let known: Vec<String> = name.known.iter().map(|known| format!("`{known}`")).collect();
        return match &name.near {
            Some(near) => diagnostic.fix(span, near, format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("functions are {}", list(&known, "and"))),
        };
    }
    let diagnostic = Diagnostic::error(&UNKNOWN_NAME, span, format!("nothing supplies `{}` at this point", name.path))
        .label("not defined at this point");
    match &*name.path {
        "vars" => return diagnostic.help("a variable is used by its bare name, `{{ name }}`"),
        "row" => return diagnostic.help(name.hint.unwrap_or("the case has no rows; they stand under `each`")),
        "identity" | "session" | "jar" => {
            return diagnostic.help(name.nobody.unwrap_or("nobody sends this step; name somebody with `as`"));
        }
        _ => {}
    }
    if let Some(other) = other_refresh_token(name) {
        let help = format!("the login keeps `{other}`: where that is the refresh token, capture it as `refresh_token`");
        return diagnostic.help(help);
    }
    let hinted = |diagnostic: Diagnostic| match name.hint {
        Some(hint) => diagnostic.help(hint),
        None => diagnostic,
    };
    match (&name.near, &name.known[..]) {
        (Some(near), _) => diagnostic.fix(span, near, format!("did you mean `{near}`?")),
        (None, []) => hinted(diagnostic),
        (None, known) => {
            let shown: Vec<String> = known.iter().take(8).map(|k| format!("`{k}`")).collect();
            hinted(diagnostic.help(format!("known here: {}", shown.join(", "))))
        }
    }
}

pub(super) fn unknown_filter(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error(&UNKNOWN_FILTER, span, format!("there is no filter called `{name}`")).label("not a filter")
}

/// Words an engine error from its kind; its own text would print values.
pub(super) fn sentence(error: &minijinja::Error) -> String {
    match error.kind() {
        ErrorKind::UndefinedError => match error.name() {
            Some(name) if !name.starts_with('<') => format!("a value needed by `{name}` is undefined here"),
            _ => "a value it needs is undefined here".to_owned(),
        },
        ErrorKind::OutOfFuel => "the template runs too long; it was stopped".to_owned(),
        ErrorKind::UnknownFunction => "a function it calls does not exist".to_owned(),
        ErrorKind::UnknownFilter => "a filter it uses does not exist".to_owned(),
        ErrorKind::UnknownTest => "a test it uses does not exist".to_owned(),
        ErrorKind::UnknownMethod => "a method it calls does not exist on this value".to_owned(),
        ErrorKind::MissingArgument | ErrorKind::TooManyArguments => {
            "a function is called with the wrong number of arguments".to_owned()
        }
        // Our own functions word their errors without values and mark them so.
        ErrorKind::InvalidOperation => match error.detail().and_then(|d| d.strip_prefix(super::functions::OWN)) {
            Some(own) => own.to_owned(),
            None if error.detail().is_some_and(|d| d.starts_with(super::tokens::WAIT)) => {
                "the next one-time password of this secret is not ready yet; only requests wait for it".to_owned()
            }
            None => "an operation does not fit the type of its value".to_owned(),
        },
        _ => "it could not be rendered".to_owned(),
    }
}
