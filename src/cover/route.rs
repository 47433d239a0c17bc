//! Which operation a request belongs to: path templates, the most specific first.
//!
//! A path is compared segment by segment, percent-decoded, and never normalised: `//notes` and `/notes/` are other
//! paths than `/notes`, as they are to most servers.

use std::collections::HashMap;

use super::document::Operation;
use crate::http::percent_decoded;

/// A path with parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    segments: Vec<Segment>,
}

/// One segment as literals and parameters in turn; a plain segment is one literal.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Parameter,
}

impl Template {
    /// Reads a path; the error is a fragment that says what is wrong with it.
    pub fn parse(path: &str) -> Result<Self, &'static str> {
        let rest = path.strip_prefix('/').ok_or("it does not begin with `/`")?;
        let segments = rest.split('/').map(Segment::parse).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { segments })
    }

    /// Tells whether a path is one of this form.
    pub fn matches(&self, path: &str) -> bool {
        let Some(rest) = path.strip_prefix('/') else { return false };
        rest.split('/').count() == self.segments.len()
            && rest
                .split('/')
                .zip(&self.segments)
                .all(|(part, segment)| segment.matches(&percent_decoded(part.as_bytes())))
    }

    /// How free each segment is, from the left: the smaller is tried first.
    fn freedom(&self) -> Vec<u8> {
        self.segments.iter().map(Segment::freedom).collect()
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(open) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(open);
            let name = from.strip_prefix('{').ok_or("a brace is closed that was not opened")?;
            let (name, after) = name.split_once('}').ok_or("a brace is not closed in its segment")?;
            if name.is_empty() || name.contains('{') {
                return Err("a parameter has no name");
            }
            if !before.is_empty() {
                pieces.push(Piece::Literal(percent_decoded(before.as_bytes())));
            } else if matches!(pieces.last(), Some(Piece::Parameter)) {
                return Err("two parameters stand side by side");
            }
            pieces.push(Piece::Parameter);
            rest = after;
        }
        if !rest.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Literal(percent_decoded(rest.as_bytes())));
        }
        Ok(Self(pieces))
    }

    fn matches(&self, text: &str) -> bool {
        matches_pieces(&self.0, text)
    }

    fn freedom(&self) -> u8 {
        match &self.0[..] {
            [Piece::Literal(_)] => 0,
            [Piece::Parameter] => 2,
            _ => 1,
        }
    }
}

/// A parameter takes at least one character, and as few as will do; the pieces of one segment are few.
fn matches_pieces(pieces: &[Piece], text: &str) -> bool {
    match pieces {
        [] => text.is_empty(),
        [Piece::Literal(literal), rest @ ..] => text.strip_prefix(&**literal).is_some_and(|t| matches_pieces(rest, t)),
        [Piece::Parameter] => !text.is_empty(),
        [Piece::Parameter, rest @ ..] => text.char_indices().skip(1).any(|(i, _)| matches_pieces(rest, &text[i..])),
    }
}

/// All operations, ready to be found.
#[derive(Debug, Default)]
pub struct Router {
    /// By method and number of segments, prefix included.
    routes: HashMap<(String, usize), Vec<Route>>,
}

/// The prefix is a part of the template: it may hold a parameter, where a variable of the server has no value.
#[derive(Debug)]
struct Route {
    prefix: usize,
    template: Template,
    operation: usize,
}

impl Router {
    /// Makes ready; operations whose path cannot be read are left out, for they are faults already.
    pub fn new(operations: &[Operation]) -> Self {
        let mut routes: HashMap<(String, usize), Vec<Route>> = HashMap::new();
        for (operation, op) in operations.iter().enumerate() {
            for prefix in &op.prefixes {
                let Ok(template) = Template::parse(&format!("{prefix}{}", op.path)) else { continue };
                let route = Route { prefix: prefix.matches('/').count(), template, operation };
                routes.entry((op.method.clone(), route.template.segments.len())).or_default().push(route);
            }
        }
        for group in routes.values_mut() {
            group.sort_by_key(|r| (std::cmp::Reverse(r.prefix), r.template.freedom()));
        }
        Self { routes }
    }

    /// Finds the operation of a request; a query is left aside. What travels has no fragment: a `#` stands in the mask of a
    /// value that is secret.
    pub fn find(&self, method: &str, target: &str) -> Option<usize> {
        let path = target.split('?').next().unwrap_or_default();
        let group = self.routes.get(&(method.to_owned(), path.matches('/').count()))?;
        group.iter().find(|r| r.template.matches(path)).map(|r| r.operation)
    }
}

#[cfg(test)]
mod tests;
