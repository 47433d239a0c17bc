//! The wording of what can be wrong with a step beyond its form.

use crate::diag::{Code, Diagnostic};
use crate::source::Span;

/// The kinds of faults a step can have.
pub const CODES: &[&Code] = &[&HEADER_NAME, &FILE, &NO_RACE, &BAD_UNTIL];

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
    about: "`winners` stands in a step that is sent once",
    explain: "`together: 10` sends a step ten times at once, and `winners` says how many of the answers may meet its other expectations.",
};
static BAD_UNTIL: Code = Code {
    name: "bad-until",
    about: "the address that redirects should lead to cannot be read",
    explain: "`until` is an absolute URL, or a path of the target. Scheme, host and port are compared exactly, the path segment by segment; a query is not looked at.",
};

pub(super) fn no_race(span: Span) -> Diagnostic {
    Diagnostic::error(&NO_RACE, span, "`winners` counts the answers of a step that is sent `together`")
        .label("this step is sent once")
        .help("add `together: 10` to the step, or leave `winners` out")
}

pub(super) fn bad_until(span: Span, why: &str) -> Diagnostic {
    Diagnostic::error(&BAD_UNTIL, span, format!("this is no address to stop at: {why}"))
        .label("an absolute URL, or a path of the target")
}

pub(super) fn header_name(span: Span, name: &str) -> Diagnostic {
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
