//! The sources: where in an answer a value is.

use std::fmt;
use std::sync::Arc;

use scraper::{ElementRef, Selector};
use serde_json::Value as Json;

use super::path::{describe, instead, last_name, names};
use super::wire::{cookies, final_url, location};
use super::{Answer, Source, diags};
use crate::answer::response_value;
use crate::http::challenge::{Challenge, parse_challenges};
use crate::http::{Response, is_token};
use crate::jsonpath::Path;
use crate::source::Span;
use crate::spec::{Node, Reader};
use crate::template::{Template, Value, from_json};

#[derive(Debug)]
struct JsonPath {
    text: Arc<str>,
    path: Path,
}

pub(super) fn json(node: &Node, reader: &mut Reader<'_>) -> Option<Arc<dyn Source>> {
    let text = reader.word(node)?.value;
    match Path::parse(&text) {
        Ok(path) => Some(Arc::new(JsonPath { text, path })),
        Err(fault) => {
            reader.fault(diags::bad_path(place(node, &text, fault.column, reader), &fault.message));
            None
        }
    }
}

/// The character at a column (from 1) of a scalar's text; the whole scalar where escapes or
/// folding make that impossible.
fn place(node: &Node, text: &str, column: usize, reader: &Reader<'_>) -> Span {
    let raw = reader.sources.slice(node.span);
    let Some(shift) = [0, 1].into_iter().find(|shift| raw.get(*shift..*shift + text.len()) == Some(text)) else {
        return node.span;
    };
    let at = text.char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
    let width = text[at..].chars().next().map_or(1, char::len_utf8);
    node.span.slice(shift + at..shift + at + width)
}

impl Source for JsonPath {
    fn find(&self, answer: &Answer<'_>) -> Result<Value, String> {
        let json = body_json(answer.response).map_err(|why| format!("`{}` finds nothing; {why}", self.text))?;
        let found = self.path.find(&json);
        match (&found[..], self.path.is_singular()) {
            ([], _) => {
                let told = instead(&self.text, &json, |prefix, json| match &Path::parse(prefix).ok()?.find(json)[..] {
                    [node] => Some(describe(node)),
                    _ => None,
                });
                Err(format!("`{}` finds nothing; {told}", self.text))
            }
            ([node, ..], true) => Ok(from_json(node)),
            (nodes, false) => Ok(nodes.iter().map(|n| from_json(n)).collect()),
        }
    }

    fn subject(&self) -> String {
        format!("json {}", self.text)
    }

    fn key(&self) -> Option<&str> {
        Some(last_name(&self.text))
    }
}

fn body_json(response: &Response) -> Result<Json, String> {
    if response.body.is_empty() {
        return Err("the body is empty".to_owned());
    }
    serde_json::from_slice(&response.body)
        .map_err(|e| format!("the body is not JSON (line {}, column {})", e.line(), e.column()))
}

#[derive(Debug)]
struct Header(Arc<str>);

pub(super) fn header(node: &Node, reader: &mut Reader<'_>) -> Option<Arc<dyn Source>> {
    let name = reader.word(node)?.value;
    if !is_token(&name) {
        reader.fault(diags::bad_part(node.span, "this is not the name of a header field"));
        return None;
    }
    Some(Arc::new(Header(name)))
}

impl Source for Header {
    fn find(&self, answer: &Answer<'_>) -> Result<Value, String> {
        let fields = &answer.response.headers;
        fields.text(&self.0).map(Value::from).ok_or_else(|| {
            let mut there: Vec<&str> = Vec::new();
            for (name, _) in fields.iter() {
                if !there.iter().any(|n| n.eq_ignore_ascii_case(name)) {
                    there.push(name);
                }
            }
            let what = if there.is_empty() { "no header field".to_owned() } else { names(there.into_iter()) };
            format!("the answer has no header field `{}`; it has {what}", self.0)
        })
    }

    fn subject(&self) -> String {
        format!("header {}", self.0)
    }

    fn key(&self) -> Option<&str> {
        Some(&self.0)
    }
}

#[derive(Debug)]
struct Cookie(Arc<str>);

pub(super) fn cookie(node: &Node, reader: &mut Reader<'_>) -> Option<Arc<dyn Source>> {
    Some(Arc::new(Cookie(reader.word(node)?.value)))
}

impl Source for Cookie {
    fn find(&self, answer: &Answer<'_>) -> Result<Value, String> {
        let set = cookies(answer.trail);
        let last = set.iter().rfind(|c| c.name == *self.0);
        match last {
            Some(cookie) if cookie.deleted => Err(format!("this step deleted the cookie `{}`", self.0)),
            Some(cookie) => Ok(Value::from(&*cookie.value)),
            None if set.is_empty() => Err(format!("no answer of this step set the cookie `{}`, or any other", self.0)),
            None => {
                let there = names(set.iter().map(|c| &*c.name));
                Err(format!("no answer of this step set the cookie `{}`; set were {there}", self.0))
            }
        }
    }

    fn subject(&self) -> String {
        format!("cookie {}", self.0)
    }

    fn key(&self) -> Option<&str> {
        Some(&self.0)
    }
}

struct Html {
    written: Arc<str>,
    selector: Selector,
}

impl fmt::Debug for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "html {}", self.written)
    }
}

pub(super) fn html(node: &Node, reader: &mut Reader<'_>) -> Option<Arc<dyn Source>> {
    let written = reader.word(node)?.value;
    let Ok(selector) = Selector::parse(&written) else {
        reader.fault(diags::bad_selector(node.span));
        return None;
    };
    Some(Arc::new(Html { written, selector }))
}

impl Html {
    fn first<T>(&self, answer: &Answer<'_>, read: impl FnOnce(ElementRef<'_>) -> T) -> Result<T, String> {
        let page = scraper::Html::parse_document(&answer.response.text());
        page.select(&self.selector).next().map(read).ok_or_else(|| {
            let kind = answer.response.media_type();
            let kind = if kind.is_empty() { "has no content type".to_owned() } else { format!("is {kind}") };
            format!("no element is `{}`; the answer {kind}", self.written)
        })
    }
}

impl Source for Html {
    fn find(&self, answer: &Answer<'_>) -> Result<Value, String> {
        self.first(answer, |element| Value::from(text_of(element)))
    }

    fn part(&self, answer: &Answer<'_>, name: &str) -> Result<String, String> {
        self.first(answer, |element| {
            element.attr(name).map(ToOwned::to_owned).ok_or_else(|| {
                let there = names(element.value().attrs().map(|(name, _)| name));
                let there = if there.is_empty() { "none".to_owned() } else { there };
                format!("the element `{}` has no attribute `{name}`; it has {there}", self.written)
            })
        })?
    }

    fn subject(&self) -> String {
        format!("html {}", self.written)
    }

    fn key(&self) -> Option<&str> {
        // What the selector names, such as `csrf`, says what the value is.
        Some(&self.written)
    }
}

/// The text of an element as a reader sees it: blanks and line breaks are one blank.
fn text_of(element: ElementRef<'_>) -> String {
    let whole: String = element.text().collect();
    whole.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[derive(Debug)]
struct Asked(Arc<str>);

pub(super) fn challenge(node: &Node, reader: &mut Reader<'_>) -> Option<Arc<dyn Source>> {
    Some(Arc::new(Asked(reader.word(node)?.value)))
}

impl Asked {
    fn first(&self, answer: &Answer<'_>) -> Result<Challenge, String> {
        let lines = answer.response.headers.all("www-authenticate").map(|value| &value[..]);
        let found = parse_challenges(lines);
        let there: Vec<String> = found.iter().map(|c| c.scheme.clone()).filter(|s| !s.is_empty()).collect();
        found.into_iter().find(|c| c.is(&self.0)).ok_or_else(|| {
            let told = names(there.iter().map(String::as_str));
            let told = if told.is_empty() { "none".to_owned() } else { told };
            format!("the answer has no challenge `{}`; it has {told}", self.0)
        })
    }
}

impl Source for Asked {
    fn find(&self, answer: &Answer<'_>) -> Result<Value, String> {
        self.first(answer).map(|c| Value::from(c.token68.clone().unwrap_or_else(|| c.to_string())))
    }

    fn part(&self, answer: &Answer<'_>, name: &str) -> Result<String, String> {
        let challenge = self.first(answer)?;
        challenge.param(name).map(ToOwned::to_owned).ok_or_else(|| {
            let there = names(challenge.params.iter().map(|(name, _)| name.as_str()));
            let there = if there.is_empty() { "none".to_owned() } else { there };
            format!("the challenge `{}` has no parameter `{name}`; it has {there}", self.0)
        })
    }

    fn subject(&self) -> String {
        format!("challenge {}", self.0)
    }
}

#[derive(Debug, Clone, Copy)]
enum Url {
    Location,
    Final,
}

pub(super) fn url(node: &Node, reader: &mut Reader<'_>) -> Option<Arc<dyn Source>> {
    let known = [("location", Url::Location), ("final", Url::Final)];
    Some(Arc::new(reader.one_of(node, "an address of an answer", &known)?))
}

impl Source for Url {
    fn find(&self, answer: &Answer<'_>) -> Result<Value, String> {
        match self {
            Self::Location if !answer.response.headers.has("location") => {
                Err(format!("the answer ({}) has no `Location`", answer.response.status))
            }
            Self::Location => location(answer.trail, answer.response)
                .map(Value::from)
                .ok_or_else(|| "the `Location` of the answer is no URL".to_owned()),
            Self::Final => final_url(answer.trail).map(Value::from).ok_or_else(|| "no request was sent".to_owned()),
        }
    }

    fn subject(&self) -> String {
        let part = match self {
            Self::Location => "location",
            Self::Final => "final",
        };
        format!("url {part}")
    }
}

#[derive(Debug, Clone, Copy)]
enum Whole {
    Body,
    Status,
}

pub(super) fn body(node: &Node, reader: &mut Reader<'_>) -> Option<Arc<dyn Source>> {
    whole(node, reader, Whole::Body)
}

pub(super) fn status(node: &Node, reader: &mut Reader<'_>) -> Option<Arc<dyn Source>> {
    whole(node, reader, Whole::Status)
}

fn whole(node: &Node, reader: &mut Reader<'_>, what: Whole) -> Option<Arc<dyn Source>> {
    if reader.flag(node)? {
        return Some(Arc::new(what));
    }
    reader.fault(diags::bad_part(node.span, "`true` is the only value here; leave the capture out instead"));
    None
}

impl Source for Whole {
    fn find(&self, answer: &Answer<'_>) -> Result<Value, String> {
        Ok(match self {
            Self::Body => Value::from(&*answer.response.text()),
            Self::Status => Value::from(answer.response.status),
        })
    }

    fn subject(&self) -> String {
        match self {
            Self::Body => "the body",
            Self::Status => "the status",
        }
        .to_owned()
    }
}

/// A template over the answer.
#[derive(Debug)]
pub(super) struct Expression(pub(super) Template);

impl Source for Expression {
    fn find(&self, answer: &Answer<'_>) -> Result<Value, String> {
        let mut scope = answer.scope.clone();
        // A run knows more of it.
        if scope.get("response").is_none() {
            scope.set("response", response_value(answer.trail, answer.response));
        }
        self.0.raw_value(&scope).map_err(|e| format!("`{}` cannot be computed: {}", self.0.source(), e.message))
    }

    fn subject(&self) -> String {
        format!("`{}`", self.0.source())
    }
}
