//! The wording of everything that can be wrong with an API document, and the table of its codes.
//!
//! To add a fault: a `Code`, its row in [`CODES`], a function here, and `tests/golden/invalid/<code>.yaml`.

use crate::diag::{Code, Diagnostic};
use crate::source::Span;
use crate::spec::Node;
use crate::term::did_you_mean;

/// The kinds of faults an API document can have.
pub const CODES: &[&Code] = &[&OPENAPI, &OPENAPI_REF, &OPENAPI_SECURITY, &OPENAPI_PATH];

static OPENAPI: Code = Code {
    name: "openapi",
    about: "the file is not an OpenAPI document that can be read",
    explain: "OpenAPI 3.0 and 3.1 are read, as YAML or JSON. A document of Swagger 2.0 has to be converted first. Only what coverage needs is looked at: servers, paths, operations, their parameters, responses and security.",
};
static OPENAPI_REF: Code = Code {
    name: "openapi-ref",
    about: "a `$ref` of an API document leads nowhere",
    explain: "References are followed inside the document (`#/components/…`) and into files beside or below it, never over the network. Download what a URL refers to, or bundle the document.",
};
static OPENAPI_SECURITY: Code = Code {
    name: "openapi-security",
    about: "the security of an operation cannot be understood",
    explain: "Each name under `security` is one of `components.securitySchemes`, and each scheme has a type that OpenAPI knows. Otherwise nobody can say what the operation asks of a caller.",
};
static OPENAPI_PATH: Code = Code {
    name: "openapi-path",
    about: "a path of an API document can match no request, or the same as another one",
    explain: "A path begins with `/`; its parameters stand in braces, which are closed within their segment. Two paths that differ in the names of their parameters alone are the same path to a server (OpenAPI 3.1, section 4.8.8.2), so no method may stand under both.",
};

pub(super) fn not_openapi(span: Span, why: &str) -> Diagnostic {
    Diagnostic::error(&OPENAPI, span, format!("this is no OpenAPI document: {why}"))
        .label("here")
        .help("OpenAPI 3.0 and 3.1 are read, as YAML or JSON")
}

pub(super) fn version(span: Span, version: &str) -> Diagnostic {
    Diagnostic::error(&OPENAPI, span, format!("OpenAPI {version} is not read"))
        .label("3.0 or 3.1 is needed")
        .help("convert the document to OpenAPI 3.0 or 3.1")
}

pub(super) fn wrong_type(node: &Node, what: &str) -> Diagnostic {
    Diagnostic::error(&OPENAPI, node.span, format!("{what} is needed here, and this is {}", node.type_name()))
        .label("this one")
}

pub(super) fn no_paths(span: Span, webhooks: bool) -> Diagnostic {
    let fault = Diagnostic::error(&OPENAPI, span, "`paths` is missing").label("here");
    if webhooks {
        fault.help("webhooks are what the API sends to others, so there is nothing to be refused in them")
    } else {
        fault.help("name the document that has the operations")
    }
}

pub(super) fn no_such_ref(span: Span, to: &str) -> Diagnostic {
    Diagnostic::error(&OPENAPI_REF, span, format!("`{to}` leads nowhere")).label("nothing is there")
}

pub(super) fn remote_ref(span: Span, to: &str) -> Diagnostic {
    Diagnostic::error(&OPENAPI_REF, span, format!("`{to}` is on the network, and nothing is fetched"))
        .label("not followed")
        .help("download the file and refer to it by a relative path, or bundle the document")
}

pub(super) fn unreadable_ref(span: Span, to: &str, why: &str) -> Diagnostic {
    Diagnostic::error(&OPENAPI_REF, span, format!("`{to}` cannot be read: {why}")).label("this file")
}

pub(super) fn circular_ref(span: Span, to: &str) -> Diagnostic {
    Diagnostic::error(&OPENAPI_REF, span, format!("`{to}` leads back to itself")).label("in a circle")
}

pub(super) fn unknown_scheme(span: Span, name: &str, known: &[&str]) -> Diagnostic {
    let fault = Diagnostic::error(&OPENAPI_SECURITY, span, format!("there is no security scheme called `{name}`"))
        .label("not in `components.securitySchemes`");
    match did_you_mean(name, known.iter().copied()) {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => fault.help("declare it under `components.securitySchemes`"),
    }
}

pub(super) fn not_a_requirement(node: &Node) -> Diagnostic {
    let message = format!("each item of `security` is a map of schemes, and this is {}", node.type_name());
    let fault = Diagnostic::error(&OPENAPI_SECURITY, node.span, message).label("this one");
    match node.scalar() {
        Some(name) => fault.help(format!("`{name}: []` asks for the scheme; `{{}}` asks for nothing")),
        None => fault.help("`NAME: []` asks for a scheme; `{}` asks for nothing"),
    }
}

pub(super) fn unknown_type(span: Span, word: &str) -> Diagnostic {
    Diagnostic::error(&OPENAPI_SECURITY, span, format!("`{word}` is no type of a security scheme"))
        .label("apiKey, http, oauth2, openIdConnect or mutualTLS")
}

pub(super) fn bad_path(span: Span, path: &str, why: &str) -> Diagnostic {
    Diagnostic::error(&OPENAPI_PATH, span, format!("`{path}` is no path: {why}")).label("this one")
}

pub(super) fn same_path(span: Span, path: &str, first: Span, other: &str) -> Diagnostic {
    Diagnostic::error(&OPENAPI_PATH, span, format!("`{path}` and `{other}` match the same requests"))
        .label("here again")
        .also(first, "first here")
}
