//! The cuts: which part of a text is wanted.

use std::sync::Arc;

use regex::Regex;

use super::path::names;
use super::{Cut, diags};
use crate::spec::{Node, Reader};
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
    fn cut(&self, text: &str) -> Result<String, String> {
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
        part.map(|m| m.as_str().to_owned()).ok_or_else(|| format!("`{}` matches, but none of its groups does", self.0))
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
    fn cut(&self, text: &str) -> Result<String, String> {
        let before = text.split('#').next().unwrap_or("");
        let Some((_, query)) = before.split_once('?') else {
            return Err(format!("there is no parameter `{}`: it has no query", self.0));
        };
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        if let Some((_, value)) = pairs.clone().find(|(name, _)| *name == *self.0) {
            return Ok(value.into_owned());
        }
        let there: Vec<_> = pairs.map(|(name, _)| name).collect();
        let there = if there.is_empty() { "none".to_owned() } else { names(there.iter().map(|n| &**n)) };
        Err(format!("there is no parameter `{}`; there is {there}", self.0))
    }

    fn subject(&self) -> String {
        format!("query {}", self.0)
    }

    fn key(&self) -> Option<&str> {
        Some(&self.0)
    }
}
