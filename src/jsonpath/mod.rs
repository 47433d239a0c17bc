//! Paths into JSON (RFC 9535): reads a path when the plan is made, finds nodes when an answer is judged.
//!
//! A thin layer over the crate `jsonpath-rust`. What the crate would take although the RFC calls it
//! ill-typed, and what it would answer wrongly without saying so, is refused while reading (`typed`)
//! or rewritten into what it answers rightly (`mend`).
//! A known difference remains: numbers in filters are compared as 64-bit floats.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonpath_rust::parser::errors::JsonPathError;
use jsonpath_rust::parser::model::{JpQuery, Segment, Selector};
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde_json::Value;

mod mend;
mod typed;

#[cfg(test)]
mod tests;

/// A path that was read and can be searched for; cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Path(Arc<Read>);

#[derive(Debug, PartialEq)]
struct Read {
    text: Arc<str>,
    query: JpQuery,
    /// The path without its last segment; `None` for `$`.
    parent: Option<JpQuery>,
    /// The leading segments that can name one node only.
    stem: JpQuery,
}

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PathFault {
    /// One sentence, a lower-case fragment.
    pub message: String,
    /// Where in the text, in characters from 1; 1 also when the place is not known.
    pub column: usize,
}

impl PathFault {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), column: 1 }
    }
}

impl Path {
    /// Reads a path, once for all places that write the same: suites repeat `$.access_token` a lot.
    pub fn parse(text: &str) -> Result<Self, PathFault> {
        static KNOWN: LazyLock<Mutex<HashMap<Arc<str>, Path>>> = LazyLock::new(Mutex::default);
        let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = known().get(text) {
            return Ok(path.clone());
        }
        let path = Self(Arc::new(Read::parse(text)?));
        known().insert(Arc::clone(&path.0.text), path.clone());
        Ok(path)
    }

    /// Gives the path as it was written.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Tells whether the path can name one node only (RFC 9535, section 2.3.5.1).
    pub fn is_singular(&self) -> bool {
        self.0.stem.segments.len() == self.0.query.segments.len()
    }

    /// Finds the nodes, in the order of the document.
    pub fn find<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        search(&self.0.query, value)
    }

    /// Tells whether the path without its last segment finds a node; always so for `$`.
    pub fn parent_exists(&self, value: &Value) -> bool {
        self.0.parent.as_ref().is_none_or(|parent| !search(parent, value).is_empty())
    }

    /// Tells whether the part before the first wildcard, slice, filter or `..` finds its node.
    pub fn stem_exists(&self, value: &Value) -> bool {
        walk(&self.0.stem.segments, value).is_some()
    }
}

impl Read {
    fn parse(text: &str) -> Result<Self, PathFault> {
        if !text.starts_with('$') {
            return Err(PathFault::new("a JSONPath begins with `$`"));
        }
        if let Some(at) = stray_blank(text) {
            return Err(PathFault { message: "a blank does not fit here in a path".to_owned(), column: at });
        }
        let mut query = parse_json_path(text).map_err(|e| fault(text, &e))?;
        typed::check(&query)?;
        mend::mend(&mut query);
        let segments = &query.segments;
        let parent = segments.split_last().map(|(_, before)| JpQuery::new(before.to_vec()));
        let singular = segments.iter().take_while(|s| is_singular(s)).count();
        let stem = JpQuery::new(segments[..singular].to_vec());
        Ok(Self { text: text.into(), query, parent, stem })
    }
}

fn search<'v>(query: &JpQuery, value: &'v Value) -> Vec<&'v Value> {
    if query.segments.iter().all(is_singular) {
        return walk(&query.segments, value).into_iter().collect();
    }
    // An error is possible only for functions outside a filter, which the grammar does not have.
    js_path_process(query, value).map_or_else(|_| Vec::new(), |nodes| nodes.into_iter().map(|n| n.val).collect())
}

fn is_singular(segment: &Segment) -> bool {
    matches!(segment, Segment::Selector(Selector::Name(_) | Selector::Index(_)))
}

/// Follows names and indexes; paths like `$.a.b` are most of what people write.
fn walk<'v>(segments: &[Segment], value: &'v Value) -> Option<&'v Value> {
    segments.iter().try_fold(value, |node, segment| match (segment, node) {
        (Segment::Selector(Selector::Name(name)), Value::Object(map)) => map.get(name),
        (Segment::Selector(Selector::Index(index)), Value::Array(items)) => {
            let from_end = usize::try_from(index.unsigned_abs()).ok()?;
            let at = if *index < 0 { items.len().checked_sub(from_end)? } else { from_end };
            items.get(at)
        }
        _ => None,
    })
}

/// Finds a blank inside a name or number or behind a dot, as a column; the crate would read
/// `$.a b` as the name `a b`.
fn stray_blank(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    // The last character that is no blank, and the column of the first blank behind it.
    let mut last: Option<char> = None;
    let mut blank = None;
    for (index, c) in text.chars().enumerate() {
        if let Some(open) = quote {
            quote = (c != open || escaped).then_some(open);
            escaped = c == '\\' && !escaped;
        } else if c.is_whitespace() {
            blank = blank.or(Some(index + 1));
            continue;
        } else if let (Some(at), Some(before)) = (blank, last)
            && (before == '.' || is_name(before) && is_name(c))
        {
            return Some(at);
        } else if matches!(c, '"' | '\'') {
            quote = Some(c);
        }
        (last, blank) = (Some(c), None);
    }
    None
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Rewords the crate's errors, which name rules of its grammar.
fn fault(text: &str, error: &JsonPathError) -> PathFault {
    let JsonPathError::PestError(grammar) = error else {
        return PathFault::new(match error {
            JsonPathError::MaxNestingDepthExceeded(_) => "the path is nested too deeply",
            JsonPathError::InvalidNumber(_) => "a number in the path is too large",
            _ => "the path cannot be read; a name, an escape or a function call in it is not well-formed",
        });
    };
    // The position's type belongs to the parser generator, which is no dependency of ours.
    let digits: String = format!("{:?}", grammar.location)
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    let at = digits.parse().unwrap_or(0usize).min(text.len());
    let before = text.get(..at).unwrap_or("");
    let message = match text.get(at..).and_then(|rest| rest.chars().next()) {
        None => "the path ends too early".to_owned(),
        Some(blank) if blank.is_whitespace() => "a blank does not fit here in a path".to_owned(),
        Some(found) => format!("`{found}` does not fit here in a path"),
    };
    PathFault { message, column: before.chars().count() + 1 }
}
