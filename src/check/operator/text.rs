//! `contains`, `starts_with`, `ends_with` and `matches`.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::{Fit, Operator};
use crate::check::diags;
use crate::check::operand::{Moment, Operand, Wanted, Why, describe_operand, text_of};
use crate::check::value::{Actual, Kind, describe_text, same};
use crate::spec::{Node, Reader};
use crate::template::Template;

#[derive(Debug)]
struct Contains {
    wanted: Wanted,
    kind: Kind,
}

/// Reads a part of a text, an element of a list or a key of an object.
pub(super) fn contains(node: &Node, kind: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    if kind != Kind::Json {
        reader.refuse_number(node, "contains")?;
    }
    // One part of a text is wanted, whatever the number of texts.
    let part = if kind == Kind::Json { Kind::Json } else { Kind::Text };
    let wanted = Wanted::read(node, part, reader)?;
    if wanted.is_empty_text() {
        reader.fault(empty(node));
        return None;
    }
    Some(Box::new(Contains { wanted, kind }))
}

fn empty(node: &Node) -> crate::diag::Diagnostic {
    diags::no_checks(node.span, "every text contains the empty text, so this could not fail")
}

impl Operator for Contains {
    fn fit(&self, actual: Actual<'_>, at: Moment<'_>) -> Result<Fit, Why> {
        let value = match actual {
            Actual::Text(text) => return Ok(Fit::from(text.contains(&*self.wanted.spelled(at)?))),
            Actual::Json(value) => value,
            Actual::Lines(_) | Actual::NoNodes(_) | Actual::Missing(_) => return Ok(Fit::Unfit),
        };
        let wanted = self.wanted.value(at)?;
        Ok(match (value, &*wanted) {
            (Value::Array(items), wanted) => Fit::from(items.iter().any(|item| same(item, wanted))),
            (Value::String(text), Value::String(part)) => Fit::from(text.contains(part)),
            (Value::Object(map), Value::String(key)) => Fit::from(map.contains_key(key)),
            _ => Fit::Unfit,
        })
    }

    fn expected(&self, at: Moment<'_>) -> String {
        format!("contains {}", self.wanted.describe(self.kind, at))
    }
}

#[derive(Debug)]
struct Edge {
    side: Side,
    wanted: Template,
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Start,
    End,
}

/// Reads the beginning of a text.
pub(super) fn starts_with(node: &Node, _: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    let wanted = plain_text(node, "starts_with", reader)?;
    Some(Box::new(Edge { side: Side::Start, wanted }))
}

/// Reads the end of a text.
pub(super) fn ends_with(node: &Node, _: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    let wanted = plain_text(node, "ends_with", reader)?;
    Some(Box::new(Edge { side: Side::End, wanted }))
}

fn plain_text(node: &Node, key: &str, reader: &mut Reader<'_>) -> Option<Template> {
    reader.refuse_number(node, key)?;
    let template = reader.template(node)?;
    if template.as_literal().is_some_and(|t| t.is_empty()) {
        reader.fault(empty(node));
        return None;
    }
    Some(template)
}

/// The text of a source, when it is one.
fn text_in<'a>(actual: &Actual<'a>) -> Option<&'a str> {
    match actual {
        Actual::Text(text) => Some(text),
        Actual::Json(value) => value.as_str(),
        Actual::Lines(_) | Actual::NoNodes(_) | Actual::Missing(_) => None,
    }
}

impl Operator for Edge {
    fn fit(&self, actual: Actual<'_>, at: Moment<'_>) -> Result<Fit, Why> {
        let wanted = text_of(&self.wanted, at)?;
        let Some(text) = text_in(&actual) else { return Ok(Fit::Unfit) };
        Ok(Fit::from(match self.side {
            Side::Start => text.starts_with(&*wanted),
            Side::End => text.ends_with(&*wanted),
        }))
    }

    fn expected(&self, at: Moment<'_>) -> String {
        let words = match self.side {
            Side::Start => "starts with",
            Side::End => "ends with",
        };
        format!("{words} {}", describe_operand(&self.wanted, at))
    }
}

#[derive(Debug)]
struct Matches {
    pattern: Operand<Regex>,
}

/// The most memory a compiled pattern may take, in bytes.
const PATTERN_LIMIT: usize = 1024 * 1024;

/// Reads a regular expression.
pub(super) fn matches(node: &Node, _: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    let template = plain_text(node, "matches", reader)?;
    let Some(literal) = template.as_literal() else {
        return Some(Box::new(Matches { pattern: Operand::Late(template) }));
    };
    match compile(literal) {
        Ok(_) if matches!(&**literal, ".*" | "^" | "$") => {
            reader.fault(diags::no_checks(node.span, "this pattern is found in every text, so this could not fail"));
            None
        }
        Ok(regex) => Some(Box::new(Matches { pattern: Operand::Const(regex) })),
        Err(reason) => {
            reader.fault(diags::bad_pattern(node.span, &reason));
            None
        }
    }
}

fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).size_limit(PATTERN_LIMIT).nest_limit(100).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        // The last line holds the reason; those before it draw the pattern.
        other => other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    })
}

impl Matches {
    fn pattern(&self, at: Moment<'_>) -> Result<Cow<'_, Regex>, Why> {
        self.pattern.get(at, |value| {
            let text = value.as_str().ok_or("a pattern must be text")?;
            compile(text).map_err(|reason| format!("the pattern it gives cannot be read: {reason}"))
        })
    }
}

impl Operator for Matches {
    fn fit(&self, actual: Actual<'_>, at: Moment<'_>) -> Result<Fit, Why> {
        let pattern = self.pattern(at)?;
        Ok(text_in(&actual).map_or(Fit::Unfit, |text| Fit::from(pattern.is_match(text))))
    }

    fn expected(&self, at: Moment<'_>) -> String {
        match self.pattern(at) {
            Ok(pattern) => format!("matches {}", describe_text(pattern.as_str()).trim_start_matches("text ")),
            Err(_) => "matches the pattern its template gives".to_owned(),
        }
    }
}
