//! One strict template environment: compile, render, keep types, and map errors to their place.
//!
//! A text that is exactly one `{{ expression }}` keeps the expression's type; everything else
//! renders to text, printed the JSON way. Expressions are compiled when the plan is made; only a
//! text with `{% statements %}` is compiled again when rendered, so that nothing must live for ever.
//! The engine's own error texts print values, so they never leave this module: messages are made
//! from an error's kind and range.
//!
//! To add a function: one row in [`functions::FUNCTIONS`]; its test and the docs read the table.

use std::sync::Arc;

use jiff::Timestamp;

use crate::diag::Diagnostics;
use crate::source::Span;

use expression::{ENGINE, Part, compile_expression, expressions, fault, is_global, trim, word};
use names::Unknown;

pub mod diags;
mod expression;
mod functions;
mod names;
mod origin;
mod scope;
mod text;
mod tokens;
mod totp;

use functions::new_filters;
pub use functions::{FUNCTIONS, Function};
pub use names::{Asked, Lined, Members, Names};
pub use origin::Origin;
pub use scope::{Lookup, Scope, Value, from_json, to_json};
pub use text::print;

/// Why a template could not be rendered; holds no value.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// One sentence, a lower-case fragment.
    pub message: String,
    /// Where.
    pub span: Span,
    /// When it is worth trying again, if that helps: a one-time password is not ready yet.
    pub ready_at: Option<Timestamp>,
}

impl TemplateError {
    /// Says what is wrong, and where.
    pub fn new(message: impl Into<String>, span: Span) -> Self {
        Self { message: message.into(), span, ready_at: None }
    }

    fn of(error: &minijinja::Error, span: Span) -> Self {
        let until = error.detail().and_then(|d| d.strip_prefix(tokens::WAIT)?.parse().ok());
        let ready_at = until.and_then(|second| Timestamp::from_second(second).ok());
        Self { message: diags::sentence(error), span, ready_at }
    }
}

/// A compiled text.
#[derive(Debug, Clone)]
pub struct Template {
    kind: Kind,
    span: Span,
}

#[derive(Debug, Clone)]
enum Kind {
    Literal(Arc<str>),
    Single(Part),
    Mixed(Arc<[Piece]>),
    Block(Arc<str>),
}

#[derive(Debug, Clone)]
enum Piece {
    Text(Box<str>),
    Expression(Part),
}

impl Template {
    /// Makes a template of plain text that is not searched for expressions.
    pub fn literal(text: impl Into<Arc<str>>, span: Span) -> Self {
        Self { kind: Kind::Literal(text.into()), span }
    }

    /// Compiles a text. Faults, among them names that no scope can supply, go to `diags`.
    pub fn compile(text: &Arc<str>, origin: Origin<'_>, names: &Names, diags: &mut Diagnostics) -> Option<Self> {
        let span = origin.span;
        if !text.contains("{{") && !text.contains("{%") && !text.contains("{#") {
            return Some(Self { kind: Kind::Literal(Arc::clone(text)), span });
        }
        if text.contains("{%") || text.contains("{#") {
            return Self::compile_block(text, origin, names, diags);
        }
        let Some(ranges) = expressions(text) else {
            diags.push(diags::unclosed(span));
            return None;
        };
        let mut pieces = Vec::new();
        let mut at = 0;
        let mut ok = true;
        for range in ranges {
            if range.start - 2 > at {
                pieces.push(Piece::Text(text[at..range.start - 2].into()));
            }
            at = range.end + 2;
            match compile_expression(text, trim(text, range), origin, names, diags) {
                Some(part) => pieces.push(Piece::Expression(part)),
                None => ok = false,
            }
        }
        if at < text.len() {
            pieces.push(Piece::Text(text[at..].into()));
        }
        if !ok {
            return None;
        }
        let kind = match &pieces[..] {
            [Piece::Expression(part)] => Kind::Single(part.clone()),
            _ => Kind::Mixed(pieces.into()),
        };
        Some(Self { kind, span })
    }

    /// Compiles a bare expression, as `that` and `if` take it: without braces.
    pub fn expression(text: &Arc<str>, origin: Origin<'_>, names: &Names, diags: &mut Diagnostics) -> Option<Self> {
        let part = compile_expression(text, trim(text, 0..text.len()), origin, names, diags)?;
        Some(Self { kind: Kind::Single(part), span: origin.span })
    }

    fn compile_block(text: &Arc<str>, origin: Origin<'_>, names: &Names, diags: &mut Diagnostics) -> Option<Self> {
        let compiled = match ENGINE.template_from_str(text) {
            Ok(compiled) => compiled,
            Err(error) => {
                diags.push(fault(&error, text, 0, origin));
                return None;
            }
        };
        let unknown = names
            .unknown(&compiled.undeclared_variables(true), text, is_global, |path| origin.find(text, word(text, path)));
        let clean = unknown.iter().all(Unknown::is_warning);
        for name in unknown {
            let span = origin.find(text, word(text, &name.path));
            diags.push(diags::unknown_name(span, &name));
        }
        clean.then(|| Self { kind: Kind::Block(Arc::clone(text)), span: origin.span })
    }

    /// Tells whether an expression in it uses a name, as `session.token`: itself, a member of it, or the whole of what it
    /// is a member of.
    pub fn uses(&self, name: &str) -> bool {
        let within = |whole: &str, part: &str| {
            part.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let is = |used: &String| within(name, used) || within(used, name);
        let in_part = |part: &Part| part.compiled.uses.iter().any(is);
        match &self.kind {
            Kind::Literal(_) => false,
            Kind::Single(part) => in_part(part),
            Kind::Mixed(pieces) => pieces.iter().any(|p| match p {
                Piece::Text(_) => false,
                Piece::Expression(part) => in_part(part),
            }),
            Kind::Block(text) => {
                ENGINE.template_from_str(text).is_ok_and(|t| t.undeclared_variables(true).iter().any(is))
            }
        }
    }

    /// Gives the text, when there is nothing to render in it.
    pub fn as_literal(&self) -> Option<&Arc<str>> {
        match &self.kind {
            Kind::Literal(text) => Some(text),
            Kind::Single(_) | Kind::Mixed(_) | Kind::Block(_) => None,
        }
    }

    /// Where the template stands.
    pub const fn span(&self) -> Span {
        self.span
    }

    /// Renders to text.
    pub fn render(&self, scope: &Scope) -> Result<String, TemplateError> {
        match &self.kind {
            Kind::Literal(text) => Ok(text.to_string()),
            Kind::Single(part) => print(&part.eval(scope)?).map_err(|m| part.error(m)),
            Kind::Mixed(pieces) => {
                let mut out = String::new();
                for piece in pieces.iter() {
                    match piece {
                        Piece::Text(text) => out.push_str(text),
                        Piece::Expression(part) => {
                            out.push_str(&print(&part.eval(scope)?).map_err(|m| part.error(m))?);
                        }
                    }
                }
                Ok(out)
            }
            Kind::Block(text) => ENGINE.render_str(text, scope.value()).map_err(|e| TemplateError::of(&e, self.span)),
        }
    }

    /// Renders what is the same whoever sends it and whenever: an expression that uses a name of which `is_new` tells that
    /// it is another each time stays as it is written. So does one that cannot be rendered here.
    pub fn outline(&self, scope: &Scope, is_new: &dyn Fn(&str) -> bool) -> String {
        let base = |name: &str| is_new(name.split('.').next().unwrap_or(name));
        let of = |part: &Part| {
            let same = !part.compiled.uses.iter().any(|name| base(name));
            let text = same.then(|| part.eval(scope).ok().and_then(|value| print(&value).ok())).flatten();
            text.unwrap_or_else(|| format!("{{{{{}}}}}", part.compiled.source))
        };
        match &self.kind {
            Kind::Literal(text) => text.to_string(),
            Kind::Single(part) => of(part),
            Kind::Mixed(pieces) => {
                let piece = |piece: &Piece| match piece {
                    Piece::Text(text) => text.to_string(),
                    Piece::Expression(part) => of(part),
                };
                pieces.iter().map(piece).collect()
            }
            Kind::Block(text) => {
                let names = ENGINE.template_from_str(text).map(|t| t.undeclared_variables(false)).unwrap_or_default();
                let is_same = !names.iter().any(|name| base(name)) && new_filters(text).next().is_none();
                let rendered = is_same.then(|| self.render(scope).ok()).flatten();
                rendered.unwrap_or_else(|| text.to_string())
            }
        }
    }

    /// Evaluates to a value: a single expression keeps its type, everything else is text.
    pub fn value(&self, scope: &Scope) -> Result<serde_json::Value, TemplateError> {
        match &self.kind {
            Kind::Single(part) => to_json(&part.eval(scope)?).map_err(|m| part.error(m)),
            Kind::Literal(_) | Kind::Mixed(_) | Kind::Block(_) => self.render(scope).map(serde_json::Value::String),
        }
    }

    /// Evaluates to the engine's own value, for captures that keep bytes or are used in scopes.
    pub fn raw_value(&self, scope: &Scope) -> Result<Value, TemplateError> {
        match &self.kind {
            Kind::Single(part) => part.eval(scope),
            Kind::Literal(_) | Kind::Mixed(_) | Kind::Block(_) => self.render(scope).map(Value::from),
        }
    }

    /// Gives the source text of the expressions, for messages.
    pub fn source(&self) -> String {
        match &self.kind {
            Kind::Literal(text) | Kind::Block(text) => text.to_string(),
            Kind::Single(part) => part.compiled.source.trim().to_owned(),
            Kind::Mixed(pieces) => pieces
                .iter()
                .map(|p| match p {
                    Piece::Text(text) => text.to_string(),
                    Piece::Expression(part) => format!("{{{{ {} }}}}", part.compiled.source.trim()),
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
