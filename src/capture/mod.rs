//! Takes values out of an answer: one source and, if needed, one cut. Pure: nothing is sent.
//!
//! To add a source or a cut: 1. a struct with its `read` and its `find` or `cut` in `source.rs` or
//! `cut.rs`, and a unit test beside it. 2. One row in [`SOURCES`] or [`CUTS`]. The reader refuses
//! unknown names from the tables, the docs are generated from them, and tests walk over every row.
//! A fault tells names and types of what was there, never a value: captured values are secrets.

use std::fmt::Debug;
use std::sync::Arc;

use crate::answer;
use crate::http::{Response, Trail};
use crate::source::Span;
use crate::spec::{Data, Entry, Node, Reader, Shape};
use crate::template::{Names, Scope, Template, Value, print};

mod cut;
pub mod diags;
mod path;
mod source;
mod wire;

pub use crate::answer::response_value;

/// Where a value came from; decides with [`Taken::key`] whether it is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// A node of a JSON body.
    Json,
    /// A header field.
    Header,
    /// A `Set-Cookie` of any hop.
    Cookie,
    /// An element of a page.
    Html,
    /// A challenge in `WWW-Authenticate`.
    Challenge,
    /// An address.
    Url,
    /// The whole body.
    Body,
    /// The status code.
    Status,
    /// An expression over the answer.
    Template,
}

/// A place that values are taken from: one key of a capture.
#[derive(Debug)]
pub struct SourceRow {
    /// Its key.
    pub name: &'static str,
    /// What it gives, one sentence.
    pub about: &'static str,
    /// A whole capture as an example that a test reads.
    pub example: &'static str,
    /// The form of the value of its key, for editors.
    pub takes: Shape,
    /// What kind of source it is.
    pub kind: SourceKind,
    /// Reads the value of its key; faults go to the reader.
    read: fn(&Node, &mut Reader<'_>) -> Option<Arc<dyn Source>>,
}

/// A way to take a part out of a text: the second key of a capture.
#[derive(Debug)]
pub struct CutRow {
    /// Its key.
    pub name: &'static str,
    /// What it leaves, one sentence.
    pub about: &'static str,
    /// A whole capture as an example that a test reads.
    pub example: &'static str,
    /// The form of the value of its key, for editors.
    pub takes: Shape,
    /// The only source it goes with; any that gives text when none is named.
    pub only: Option<&'static str>,
    /// Reads the value of its key; faults go to the reader.
    read: fn(&Node, &mut Reader<'_>) -> Option<Arc<dyn Cut>>,
}

/// All sources.
pub const SOURCES: &[SourceRow] = &[
    SourceRow {
        name: "json",
        about: "a JSONPath on the body: the value where it is singular, else the list of its nodes",
        example: "{ json: $.access_token }",
        takes: Shape::Like(r"^\$"),
        kind: SourceKind::Json,
        read: source::json,
    },
    SourceRow {
        name: "header",
        about: "the first field of that name, without regard to case",
        example: "{ header: ETag }",
        takes: Shape::Text,
        kind: SourceKind::Header,
        read: source::header,
    },
    SourceRow {
        name: "cookie",
        about: "the value that an answer of this step gave a cookie, percent-decoded",
        example: "{ cookie: csrf }",
        takes: Shape::Text,
        kind: SourceKind::Cookie,
        read: source::cookie,
    },
    SourceRow {
        name: "html",
        about: "the text of the first element that a CSS selector finds; with `attr`, one of its attributes",
        example: "{ html: 'input[name=csrf]', attr: value }",
        takes: Shape::Text,
        kind: SourceKind::Html,
        read: source::html,
    },
    SourceRow {
        name: "challenge",
        about: "the first challenge of that scheme in `WWW-Authenticate`; with `param`, one of its parameters",
        example: "{ challenge: Digest, param: nonce }",
        takes: Shape::Text,
        kind: SourceKind::Challenge,
        read: source::challenge,
    },
    SourceRow {
        name: "url",
        about: "`location`: where the answer points, made absolute; `final`: the address of the last request",
        example: "{ url: location, query: code }",
        takes: Shape::Words(&["location", "final"]),
        kind: SourceKind::Url,
        read: source::url,
    },
    SourceRow {
        name: "body",
        about: "the whole body as text, with `true` as its value",
        example: "{ body: true, regex: 'code: (\\d+)' }",
        takes: Shape::Flag,
        kind: SourceKind::Body,
        read: source::body,
    },
    SourceRow {
        name: "status",
        about: "the status code as a number, with `true` as its value",
        example: "{ status: true }",
        takes: Shape::Flag,
        kind: SourceKind::Status,
        read: source::status,
    },
];

/// All cuts.
pub const CUTS: &[CutRow] = &[
    CutRow {
        name: "regex",
        about: "what the first group of a regular expression matches; without a group, the whole match",
        example: "{ header: Link, regex: '<([^>]*)>' }",
        takes: Shape::Text,
        only: None,
        read: cut::regex,
    },
    CutRow {
        name: "query",
        about: "a query parameter of a URL, decoded",
        example: "{ json: $.totpURI, query: secret }",
        takes: Shape::Text,
        only: None,
        read: cut::query,
    },
    CutRow {
        name: "fragment",
        about: "a parameter behind the `#` of a URL, decoded",
        example: "{ url: location, fragment: access_token }",
        takes: Shape::Text,
        only: None,
        read: cut::fragment,
    },
    CutRow {
        name: "attr",
        about: "an attribute of the element",
        example: "{ html: 'form#login', attr: action }",
        takes: Shape::Text,
        only: Some("html"),
        read: cut::attr,
    },
    CutRow {
        name: "param",
        about: "a parameter of the challenge",
        example: "{ challenge: Bearer, param: error }",
        takes: Shape::Text,
        only: Some("challenge"),
        read: cut::param,
    },
    CutRow {
        name: "claim",
        about: "a claim of a JWT, by name or JSONPath, with its type; the signature is not looked at",
        example: "{ json: $.access_token, claim: sub }",
        takes: Shape::Text,
        only: None,
        read: cut::claim,
    },
];

/// Names that templates already know, so that no capture can hide them.
const RESERVED: &[&str] = &["env", "secrets", "identity", "session", "sessions", "jar", "row", "response", "loop"];

/// Words of the template language.
const WORDS: &[&str] = &["true", "false", "none", "and", "or", "not", "in", "is", "if", "else"];

/// Finds a value in an answer; the error is one sentence without any value.
trait Source: Debug + Send + Sync {
    fn find(&self, answer: &Answer<'_>) -> Result<Value, String>;
    /// Finds a named part of what it finds: an attribute of an element, a parameter of a challenge.
    fn part(&self, _answer: &Answer<'_>, name: &str) -> Result<String, String> {
        Err(format!("it has no part `{name}`"))
    }
    /// What is looked for, for messages: `json $.access_token`.
    fn subject(&self) -> String;
    /// The name that the server gives the value, where there is one.
    fn key(&self) -> Option<&str> {
        None
    }
}

/// Takes a part out of a text; the error is one sentence without any value.
trait Cut: Debug + Send + Sync {
    fn cut(&self, text: &str) -> Result<Value, String>;
    /// The part of the source that it asks for by name, where it does not cut text.
    fn part(&self) -> Option<&str> {
        None
    }
    fn subject(&self) -> String;
    /// The name that the server gives the part, where there is one.
    fn key(&self) -> Option<&str> {
        None
    }
}

/// What a source can see.
struct Answer<'a> {
    trail: &'a Trail,
    response: &'a Response,
    scope: &'a Scope,
}

/// A value that a step keeps under a name.
#[derive(Debug, Clone)]
pub struct Capture {
    /// The name.
    pub name: Arc<str>,
    /// The user's line: where it is said what is taken.
    pub span: Span,
    kind: SourceKind,
    source: Arc<dyn Source>,
    cut: Option<Arc<dyn Cut>>,
}

/// A captured value.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The value; JSON keeps its type.
    pub value: Value,
    /// Where it came from.
    pub source_kind: SourceKind,
    /// The name that the server gives it: a JSON member, a header field, a cookie, a parameter;
    /// empty where it has none.
    pub key: Arc<str>,
}

/// Why a value could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct CaptureFault {
    /// One sentence: what was looked for and what is there instead; holds no value.
    pub why: String,
}

impl Capture {
    /// Says what is taken: `json $.totpURI, query secret`.
    pub fn subject(&self) -> String {
        let source = self.source.subject();
        self.cut.as_ref().map_or(source.clone(), |cut| format!("{source}, {}", cut.subject()))
    }

    /// Takes the value out of the last answer of a step.
    pub fn take(&self, trail: &Trail, response: &Response, scope: &Scope) -> Result<Taken, CaptureFault> {
        let answer = Answer { trail, response, scope };
        let taken =
            |value, key: Option<&str>| Taken { value, source_kind: self.kind, key: key.unwrap_or_default().into() };
        if let Some(cut) = &self.cut
            && let Some(name) = cut.part()
        {
            let part = self.source.part(&answer, name).map_err(|why| CaptureFault { why })?;
            return Ok(taken(Value::from(part), self.source.key().or(Some(name))));
        }
        let found = self.source.find(&answer).map_err(|why| CaptureFault { why })?;
        let Some(cut) = &self.cut else {
            return Ok(taken(found, self.source.key()));
        };
        let within = |why: String| CaptureFault { why: format!("in {}, {why}", self.source.subject()) };
        let text = print(&found).map_err(|why| within(why.to_owned()))?;
        let part = cut.cut(&text).map_err(within)?;
        Ok(taken(part, cut.key().or_else(|| self.source.key())))
    }
}

/// Reads the map of a `capture` key; faults go to the reader.
pub fn read_captures(node: &Node, reader: &mut Reader<'_>) -> Vec<Capture> {
    let Some(fields) = reader.map(node) else { return Vec::new() };
    fields.iter().filter_map(|entry| read_capture(entry, reader)).collect()
}

fn read_capture(entry: &Entry, reader: &mut Reader<'_>) -> Option<Capture> {
    let named = check_name(entry, reader);
    let node = &entry.value;
    let (kind, source, cut) = match &node.data {
        Data::Map(entries) => long_form(node, entries, reader)?,
        Data::Text(text) if text.contains("{{") || text.contains("{%") => {
            (SourceKind::Template, template(node, reader)?, None)
        }
        Data::Text(text) if text.starts_with('$') => (SourceKind::Json, source::json(node, reader)?, None),
        Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::List(_) => {
            reader.fault(diags::takes_nothing(node));
            return None;
        }
    };
    named.then(|| Capture { name: Arc::clone(&entry.key), span: node.span, kind, source, cut })
}

type Parts = (SourceKind, Arc<dyn Source>, Option<Arc<dyn Cut>>);

fn long_form(node: &Node, entries: &[Entry], reader: &mut Reader<'_>) -> Option<Parts> {
    let mut source: Option<(&Entry, &SourceRow)> = None;
    let mut cut: Option<(&Entry, &CutRow)> = None;
    let mut good = true;
    for entry in entries {
        if let Some(row) = SOURCES.iter().find(|s| s.name == &*entry.key) {
            if let Some((first, _)) = source {
                reader.fault(diags::two(entry, first, "source"));
                good = false;
            }
            source = source.or(Some((entry, row)));
        } else if let Some(row) = CUTS.iter().find(|c| c.name == &*entry.key) {
            if let Some((first, _)) = cut {
                reader.fault(diags::two(entry, first, "cut"));
                good = false;
            }
            cut = cut.or(Some((entry, row)));
        } else {
            reader.fault(diags::unknown(entry));
            good = false;
        }
    }
    let read_cut = cut.map(|(entry, row)| (row.read)(&entry.value, reader));
    let Some((entry, row)) = source else {
        if good {
            reader.fault(diags::no_source(node));
        }
        return None;
    };
    if let Some((cut, CutRow { only: Some(only), .. })) = cut
        && *only != row.name
    {
        reader.fault(diags::cut_elsewhere(cut, only));
        good = false;
    }
    let read_source = (row.read)(&entry.value, reader)?;
    let read_cut = match read_cut {
        Some(None) => return None,
        Some(read) => read,
        None => None,
    };
    good.then_some((row.kind, read_source, read_cut))
}

fn template(node: &Node, reader: &mut Reader<'_>) -> Option<Arc<dyn Source>> {
    let mut names = Names::clone(&reader.names);
    answer::add_names(&mut names);
    let before = std::mem::replace(&mut reader.names, Arc::new(names));
    let compiled: Option<Template> = reader.template(node);
    reader.names = before;
    Some(Arc::new(source::Expression(compiled?)))
}

fn check_name(entry: &Entry, reader: &mut Reader<'_>) -> bool {
    let fault = name_fault(&entry.key);
    if let Some(reason) = fault {
        reader.fault(diags::bad_name(entry, reason));
    }
    fault.is_none()
}

/// Says why templates could not use a value under a name.
pub fn name_fault(name: &str) -> Option<&'static str> {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !name.starts_with(letter) || !name.chars().all(|c| letter(c) || c.is_ascii_digit()) {
        Some("a name begins with a letter and holds letters, digits and `_`")
    } else if RESERVED.contains(&name) {
        Some("templates know that name already")
    } else if WORDS.contains(&name) {
        Some("it is a word of templates")
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
