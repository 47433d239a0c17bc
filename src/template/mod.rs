//! One strict template environment: compile, render, keep types, and map errors to their place.
//!
//! A text that is exactly one `{{ expression }}` keeps the expression's type; everything else
//! renders to text, printed the JSON way. Expressions are compiled when the plan is made; only a
//! text with `{% statements %}` is compiled again when rendered, so that nothing must live for ever.
//! The engine's own error texts print values, so they never leave this module: messages are made
//! from an error's kind and range.
//!
//! To add a function: one row in [`functions::FUNCTIONS`]; its test and the docs read the table.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use minijinja::{Environment, ErrorKind, Expression, UndefinedBehavior};

use crate::diag::{Diagnostic, Diagnostics};
use crate::source::Span;

use names::Unknown;

pub mod diags;
mod functions;
mod names;
mod scope;
mod text;

pub use functions::{FUNCTIONS, Function};
pub use names::{Members, Names};
pub use scope::{Lookup, Scope, Value, from_json, to_json};
pub use text::print;

/// Where a template's text stands, so that a range in it can be found in the file.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The whole scalar, quotes included.
    pub span: Span,
    /// The file's text below the span.
    pub raw: &'a str,
}

impl Origin<'_> {
    /// Stands for text that no file holds.
    pub const NONE: Self = Self { span: Span::NONE, raw: "" };

    /// Finds a range of the decoded text in the file; the whole scalar where escapes or folding
    /// make that impossible.
    fn find(self, text: &str, range: Range<usize>) -> Span {
        let piece = text.get(range.clone()).unwrap_or("");
        if self.raw.get(..text.len()) == Some(text) {
            return self.span.slice(range);
        }
        if self.raw.get(1..=text.len()) == Some(text) {
            return self.span.slice(range.start + 1..range.end + 1);
        }
        // Blocks, folded and escaped texts: the same piece, counted from the start.
        let nth = text[..range.start.min(text.len())].matches(piece).count();
        match self.raw.match_indices(piece).nth(nth) {
            Some((at, _)) if !piece.trim().is_empty() => self.span.slice(at..at + piece.len()),
            _ => self.span,
        }
    }
}

/// Why a template could not be rendered; holds no value.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// One sentence, a lower-case fragment.
    pub message: String,
    /// Where.
    pub span: Span,
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

#[derive(Clone)]
struct Part {
    compiled: Arc<Compiled>,
    span: Span,
}

/// An expression, shared by all places that write the same.
struct Compiled {
    expression: Expression<'static, 'static>,
    source: Box<str>,
    /// The names it uses, with their attributes.
    uses: HashSet<String>,
}

/// Compiles an expression once for all places: suites repeat `token` and `identity.username` a lot.
fn compile(source: &str) -> Result<Arc<Compiled>, minijinja::Error> {
    static KNOWN: LazyLock<Mutex<HashMap<Box<str>, Arc<Compiled>>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(compiled) = known.get(source) {
        return Ok(Arc::clone(compiled));
    }
    let expression = ENGINE.compile_expression_owned(source.to_owned())?;
    let uses = expression.undeclared_variables(true);
    let compiled = Arc::new(Compiled { expression, source: source.into(), uses });
    known.insert(source.into(), Arc::clone(&compiled));
    Ok(compiled)
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{{{{{}}}}}", self.compiled.source)
    }
}

/// Steps a single rendering may take; stops endless loops in templates.
const FUEL: u64 = 50_000;

static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_debug(true);
    engine.set_fuel(Some(FUEL));
    engine.set_recursion_limit(64);
    engine.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    engine.set_formatter(text::format);
    functions::register(&mut engine);
    engine
});

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
        let unknown = names.unknown(&compiled.undeclared_variables(true), text, is_global);
        let clean = unknown.iter().all(Unknown::is_warning);
        for name in unknown {
            let span = origin.find(text, word(text, &name.path));
            diags.push(diags::unknown_name(span, &name));
        }
        clean.then(|| Self { kind: Kind::Block(Arc::clone(text)), span: origin.span })
    }

    /// Tells whether an expression in it uses a name: a bare one, or one with its member, `session.token`.
    pub fn uses(&self, name: &str) -> bool {
        let is = |used: &String| used == name || used.split('.').next() == Some(name);
        let in_part = |part: &Part| part.compiled.uses.iter().any(is);
        match &self.kind {
            Kind::Literal(_) => false,
            Kind::Single(part) => in_part(part),
            Kind::Mixed(pieces) => pieces.iter().any(|p| match p {
                Piece::Text(_) => false,
                Piece::Expression(part) => in_part(part),
            }),
            Kind::Block(text) => {
                ENGINE.template_from_str(text).is_ok_and(|t| t.undeclared_variables(false).contains(name))
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
            Kind::Block(text) => ENGINE
                .render_str(text, scope.value())
                .map_err(|e| TemplateError { message: diags::sentence(&e), span: self.span }),
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

impl Part {
    fn eval(&self, scope: &Scope) -> Result<Value, TemplateError> {
        let value = self.compiled.expression.eval(scope.value()).map_err(|e| {
            let span =
                e.range().filter(|r| r.end <= self.compiled.source.len() && !r.is_empty()).map_or(self.span, |r| {
                    // Only a span that is as long as the source maps byte for byte.
                    if (self.span.end - self.span.start) as usize == self.compiled.source.len() {
                        self.span.slice(r)
                    } else {
                        self.span
                    }
                });
            TemplateError { message: diags::sentence(&e), span }
        })?;
        if value.is_undefined() {
            return Err(self.error(format!("`{}` is undefined here", self.compiled.source.trim())));
        }
        Ok(value)
    }

    fn error(&self, message: impl Into<String>) -> TemplateError {
        TemplateError { message: message.into(), span: self.span }
    }
}

fn is_global(name: &str) -> bool {
    static GLOBALS: LazyLock<HashSet<String>> = LazyLock::new(|| ENGINE.globals().map(|(n, _)| n.to_owned()).collect());
    name == "loop" || GLOBALS.contains(name)
}

fn compile_expression(
    text: &str,
    range: Range<usize>,
    origin: Origin<'_>,
    names: &Names,
    diags: &mut Diagnostics,
) -> Option<Part> {
    let source = &text[range.clone()];
    if source.trim().is_empty() {
        diags.push(diags::empty_expression(origin.find(text, range)));
        return None;
    }
    let compiled = match compile(source) {
        Ok(compiled) => compiled,
        Err(error) => {
            diags.push(fault(&error, text, range.start, origin));
            return None;
        }
    };
    let unknown = names.unknown(&compiled.uses, source, is_global);
    for name in &unknown {
        let at = word(source, &name.path);
        diags.push(diags::unknown_name(origin.find(text, range.start + at.start..range.start + at.end), name));
    }
    let filters = if source.contains('|') { unknown_filters(source) } else { Vec::new() };
    for (at, name) in &filters {
        let span = origin.find(text, range.start + at.start..range.start + at.end);
        diags.push(diags::unknown_filter(span, name));
    }
    if !unknown.iter().all(Unknown::is_warning) || !filters.is_empty() {
        return None;
    }
    let span = origin.find(text, range);
    Some(Part { compiled, span })
}

/// Filters that the engine does not have; it would only notice when rendering.
fn unknown_filters(source: &str) -> Vec<(Range<usize>, String)> {
    static FILTER: LazyLock<regex::Regex> =
        LazyLock::new(|| regex::Regex::new(r#""[^"]*"|'[^']*'|\|\s*([A-Za-z_]\w*)"#).expect("a constant pattern"));
    FILTER
        .captures_iter(source)
        .filter_map(|c| c.get(1))
        .filter(|name| {
            let probe = format!("1|{}", name.as_str());
            ENGINE
                .compile_expression(&probe)
                .and_then(|e| e.eval(()))
                .is_err_and(|e| e.kind() == ErrorKind::UnknownFilter)
        })
        .map(|name| (name.range(), name.as_str().to_owned()))
        .collect()
}

fn fault(error: &minijinja::Error, text: &str, shift: usize, origin: Origin<'_>) -> Diagnostic {
    let span = error.range().map_or(origin.span, |r| origin.find(text, shift + r.start..shift + r.end));
    diags::syntax(span, error)
}

/// The ranges between `{{` and `}}`; `None` when one is not closed. Quotes inside are respected.
fn expressions(text: &str) -> Option<Vec<Range<usize>>> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find("{{").map(|i| at + i + 2) {
        let mut quote = None;
        let close = text[open..].char_indices().find_map(|(i, c)| {
            match (quote, c) {
                (None, '"' | '\'') => quote = Some(c),
                (Some(q), c) if q == c => quote = None,
                (None, '}') if text[open + i..].starts_with("}}") && !text[open + i..].starts_with("}}}") => {
                    return Some(open + i);
                }
                _ => {}
            }
            None
        })?;
        out.push(open..close);
        at = close + 2;
    }
    Some(out)
}

fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let piece = &text[range.clone()];
    // `{{-` and `-}}` ask to cut blanks; kept for people who come from other engines.
    let lead = piece.len() - piece.trim_start_matches(['-', ' ', '\t', '\n']).len();
    let piece = piece.trim_start_matches(['-', ' ', '\t', '\n']);
    let tail = piece.len() - piece.trim_end().len();
    range.start + lead..range.end - tail
}

/// Finds a dotted name in an expression; its root where attributes are reached another way.
fn word(source: &str, path: &str) -> Range<usize> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let find = |name: &str| {
        source.match_indices(name).find(|(i, _)| {
            !source[..*i].ends_with(|c: char| is_name(c) || c == '.') && !source[i + name.len()..].starts_with(is_name)
        })
    };
    let root = path.split('.').next().unwrap_or(path);
    match find(path).or_else(|| find(root)) {
        Some((at, found)) => at..at + found.len(),
        None => 0..source.len(),
    }
}

#[cfg(test)]
mod tests;
