//! The cuts: which part of a text is wanted.

use std::sync::Arc;

use regex::Regex;

use super::path::names;
use super::{Cut, diags};
use crate::jsonpath::Path;
use crate::spec::{Node, Reader};
use crate::template::{Value, from_json};
use crate::term::{grouped, plural};

#[derive(Debug)]
struct Pattern(Regex);

pub(super) fn regex(node: &Node, reader: &mut Reader<'_>) -> Option<Arc<dyn Cut>> {
    let text = reader.word(node)?.value;
    match Regex::new(&text) {
        Ok(regex) => Some(Arc::new(Pattern(regex))),
        Err(error) => {
            let error = error.to_string();
            let last = error.lines().last().unwrap_or_default();
            reader.fault(diags::bad_regex(node.span, last.trim_start_matches("error: ")));
            None
        }
    }
}

impl Cut for Pattern {
    fn cut(&self, text: &str) -> Result<Value, String> {
        let Some(found) = self.0.captures(text) else {
            let size = match text.chars().count() {
                0 => "empty".to_owned(),
                1..1000 => plural(text.chars().count(), "character"),
                many => format!("{} characters", grouped(many as u64)),
            };
            return Err(format!("`{}` matches nothing; the text is {size}", self.0));
        };
        // With several groups, as in `a=(x)|b=(y)`, the one that took part.
        let part = if self.0.captures_len() > 1 { found.iter().skip(1).flatten().next() } else { found.get(0) };
        part.map(|m| Value::from(m.as_str()))
            .ok_or_else(|| format!("`{}` matches, but none of its groups does", self.0))
    }

    fn subject(&self) -> String {
        format!("regex `{}`", self.0)
    }
}

#[derive(Debug)]
struct Query(Arc<str>);

pub(super) fn query(node: &Node, reader: &mut Reader<'_>) -> Option<Arc<dyn Cut>> {
    Some(Arc::new(Query(reader.word(node)?.value)))
}

impl Cut for Query {
    fn cut(&self, text: &str) -> Result<Value, String> {
        let before = text.split('#').next().unwrap_or("");
        let Some((_, query)) = before.split_once('?') else {
            return Err(format!("there is no parameter `{}`: it has no query", self.0));
        };
        parameter(query, &self.0)
    }

    fn subject(&self) -> String {
        format!("query {}", self.0)
    }

    fn key(&self) -> Option<&str> {
        Some(&self.0)
    }
}

fn parameter(pairs: &str, wanted: &str) -> Result<Value, String> {
    let pairs = url::form_urlencoded::parse(pairs.as_bytes());
    if let Some((_, value)) = pairs.clone().find(|(name, _)| name == wanted) {
        return Ok(Value::from(value.into_owned()));
    }
    let there: Vec<_> = pairs.map(|(name, _)| name).collect();
    let there = if there.is_empty() { "none".to_owned() } else { names(there.iter().map(|n| &**n)) };
    Err(format!("there is no parameter `{wanted}`; there is {there}"))
}

#[derive(Debug)]
struct Fragment(Arc<str>);

pub(super) fn fragment(node: &Node, reader: &mut Reader<'_>) -> Option<Arc<dyn Cut>> {
    Some(Arc::new(Fragment(reader.word(node)?.value)))
}

impl Cut for Fragment {
    fn cut(&self, text: &str) -> Result<Value, String> {
        let Some((_, fragment)) = text.split_once('#') else {
            return Err(format!("there is no parameter `{}`: it has no fragment", self.0));
        };
        parameter(fragment, &self.0)
    }

    fn subject(&self) -> String {
        format!("fragment {}", self.0)
    }

    fn key(&self) -> Option<&str> {
        Some(&self.0)
    }
}

/// A part that the source itself finds by name.
#[derive(Debug)]
struct Part {
    word: &'static str,
    name: Arc<str>,
}

pub(super) fn attr(node: &Node, reader: &mut Reader<'_>) -> Option<Arc<dyn Cut>> {
    Some(Arc::new(Part { word: "attr", name: reader.word(node)?.value }))
}

pub(super) fn param(node: &Node, reader: &mut Reader<'_>) -> Option<Arc<dyn Cut>> {
    Some(Arc::new(Part { word: "param", name: reader.word(node)?.value }))
}

impl Cut for Part {
    fn cut(&self, _: &str) -> Result<Value, String> {
        Err(format!("text has no `{}`", self.name))
    }

    fn part(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn subject(&self) -> String {
        format!("{} {}", self.word, self.name)
    }
}

#[derive(Debug)]
struct Claim {
    written: Arc<str>,
    path: Option<Path>,
}

pub(super) fn claim(node: &Node, reader: &mut Reader<'_>) -> Option<Arc<dyn Cut>> {
    let written = reader.word(node)?.value;
    let path = if written.starts_with('$') {
        match Path::parse(&written) {
            Ok(path) => Some(path),
            Err(fault) => {
                reader.fault(diags::bad_path(node.span, &fault.message));
                return None;
            }
        }
    } else {
        None
    };
    Some(Arc::new(Claim { written, path }))
}

impl Cut for Claim {
    fn cut(&self, text: &str) -> Result<Value, String> {
        // A whole `Authorization` field will do.
        let token = text.rsplit(' ').next().unwrap_or(text);
        let claims = crate::jose::Token::parse(token).and_then(|token| token.claims());
        let claims = claims.map_err(|fault| format!("there is no JWT: {fault}"))?;
        let found = match &self.path {
            Some(path) => path.find(&claims).first().copied(),
            None => claims.get(&*self.written),
        };
        found.map(from_json).ok_or_else(|| {
            let there = claims.as_object().into_iter().flat_map(|map| map.keys());
            let there = names(there.map(String::as_str));
            let there = if there.is_empty() { "none".to_owned() } else { there };
            format!("there is no claim `{}`; there is {there}", self.written)
        })
    }

    fn subject(&self) -> String {
        format!("claim {}", self.written)
    }

    fn key(&self) -> Option<&str> {
        Some(&self.written)
    }
}
