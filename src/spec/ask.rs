//! What a step asks for, as written: exactly one of the keys `request`.
//!
//! To add a way of asking: a variant of [`AskSpec`] with what is written, an arm in [`ask`], and one
//! in each match over it.

use std::sync::Arc;

use super::diags;
use super::reader::{Fields, Reader};
use super::yaml::Node;
use crate::source::Span;

/// What a step asks for.
#[derive(Debug, Clone)]
pub enum AskSpec {
    /// A request in the user's own words.
    Request(RequestSpec),
}

/// `METHOD target` as written.
#[derive(Debug, Clone)]
pub struct RequestSpec {
    /// The method, a token.
    pub method: Arc<str>,
    /// The target's text.
    pub target: Arc<str>,
    /// The node that both stand in.
    pub node: Node,
    /// Where the target begins within the node's text.
    pub target_at: usize,
}

impl AskSpec {
    /// Stands in for what could not be read, so that the rest of the step is.
    pub(super) fn placeholder(node: &Node) -> Self {
        Self::Request(RequestSpec { method: "GET".into(), target: "/".into(), node: node.clone(), target_at: 0 })
    }

    /// Where it is written.
    pub const fn span(&self) -> Span {
        match self {
            Self::Request(line) => line.node.span,
        }
    }

    /// What it is called when its step or case has no name.
    pub fn title(&self) -> String {
        match self {
            Self::Request(line) => format!("{} {}", line.method, line.target),
        }
    }
}

/// Reads what a step asks for.
pub(super) fn ask(fields: Fields<'_>, node: &Node, reader: &mut Reader<'_>) -> Option<AskSpec> {
    let node = reader.need(fields, node, "request", "a step")?;
    request(node, reader).map(AskSpec::Request)
}

/// What a request line looks like.
pub(super) const REQUEST: &str = r"^\s*[A-Z0-9!#$%&'*+.^_`|~-]+\s+(/|\{[{%]|\S*://)";

/// Reads `METHOD target`.
pub(super) fn request(node: &Node, reader: &mut Reader<'_>) -> Option<RequestSpec> {
    let text = reader.word(node)?.value;
    let line = text.trim_end();
    let (method, rest) = line.split_once(' ').unwrap_or((line, ""));
    let target = rest.trim_start();
    let is_token =
        |m: &str| !m.is_empty() && m.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    let upper = method.to_ascii_uppercase();
    if target.is_empty() {
        let looks_like_target = method.starts_with('/') || method.contains("://");
        let fault = diags::bad_request(node.span, "a request is `METHOD target`");
        reader.fault(if looks_like_target {
            fault.label("no method").fix(node.span, format!("GET {method}"), "is this meant?")
        } else {
            fault.label("no target").help("write for example `GET /me`")
        });
        return None;
    }
    if !is_token(method) || method != upper {
        let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "QUERY"];
        let fault =
            diags::bad_request(node.span, format!("`{method}` is not a method; methods are written in capitals"));
        let fixed = known.contains(&upper.as_str()).then(|| format!("{upper} {target}"));
        reader.fault(match fixed {
            Some(fixed) => fault.label("here").fix(node.span, fixed, "write"),
            None => fault.label("not a method"),
        });
        return None;
    }
    let target_at = text.len() - text.trim_start().len() + line.trim_start().len() - target.len();
    if let Some(fault) = bad_target(method, target, node.span) {
        reader.fault(fault);
        return None;
    }
    Some(RequestSpec { method: method.into(), target: target.into(), node: node.clone(), target_at })
}

/// Finds what is wrong with a target before its templates are rendered.
fn bad_target(method: &str, target: &str, span: Span) -> Option<crate::diag::Diagnostic> {
    let starts_well = target.starts_with('/') || target.starts_with("{{") || target.contains("://");
    if !starts_well {
        let fault = diags::bad_request(span, "a target begins with `/` or is an absolute URL").label("no `/`");
        return Some(
            fault.fix(span, format!("{method} /{target}"), "is this meant?").help("the path is appended to `target:`"),
        );
    }
    // What follows an unclosed `{{` is left to the template's own fault.
    let mut pieces = target.split("{{");
    let first = pieces.next().unwrap_or_default();
    let outside: String =
        std::iter::once(first).chain(pieces.map(|p| p.split_once("}}").map_or("", |(_, rest)| rest))).collect();
    if outside.contains(char::is_whitespace) && !target.contains("{%") {
        return Some(diags::bad_request(span, "a target has no blanks; write them `%20`").label("has a blank"));
    }
    outside.contains('#').then(|| {
        diags::bad_request(span, "the part behind `#` never leaves a client; write `%23` to send one")
            .label("has a fragment")
    })
}
