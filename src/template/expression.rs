//! The engine, and the expressions it compiles: each once, with its place.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use minijinja::{Environment, ErrorKind, Expression, UndefinedBehavior};

use super::functions::new_filters;
use super::names::{Names, Unknown};
use super::{Origin, Scope, TemplateError, Value, diags, functions, text};
use crate::diag::{Diagnostic, Diagnostics};
use crate::source::Span;

#[derive(Clone)]
pub(super) struct Part {
    pub(super) compiled: Arc<Compiled>,
    span: Span,
}

/// An expression, shared by all places that write the same.
pub(super) struct Compiled {
    expression: Expression<'static, 'static>,
    pub(super) source: Box<str>,
    /// The names it uses, with their attributes.
    pub(super) uses: HashSet<String>,
}

/// Compiles an expression once for all places: suites repeat `token` and `identity.username` a lot.
fn compile(source: &str) -> Result<Arc<Compiled>, minijinja::Error> {
    static KNOWN: LazyLock<Mutex<HashMap<Box<str>, Arc<Compiled>>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(compiled) = known.get(source) {
        return Ok(Arc::clone(compiled));
    }
    let expression = ENGINE.compile_expression_owned(source.to_owned())?;
    let mut uses = expression.undeclared_variables(true);
    uses.extend(new_filters(source).map(ToOwned::to_owned));
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

pub(super) static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
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

impl Part {
    pub(super) fn eval(&self, scope: &Scope) -> Result<Value, TemplateError> {
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
            TemplateError::of(&e, span)
        })?;
        if value.is_undefined() {
            return Err(self.error(format!("`{}` is undefined here", self.compiled.source.trim())));
        }
        Ok(value)
    }

    pub(super) fn error(&self, message: impl Into<String>) -> TemplateError {
        TemplateError::new(message, self.span)
    }
}

pub(super) fn is_global(name: &str) -> bool {
    static GLOBALS: LazyLock<HashSet<String>> = LazyLock::new(|| ENGINE.globals().map(|(n, _)| n.to_owned()).collect());
    name == "loop" || GLOBALS.contains(name)
}

pub(super) fn compile_expression(
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
    let place = |path: &str| {
        let at = word(source, path);
        origin.find(text, range.start + at.start..range.start + at.end)
    };
    let unknown = names.unknown(&compiled.uses, source, is_global, place);
    unknown.iter().for_each(|name| diags.push(diags::unknown_name(place(&name.path), name)));
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

pub(super) fn fault(error: &minijinja::Error, text: &str, shift: usize, origin: Origin<'_>) -> Diagnostic {
    let span = error.range().map_or(origin.span, |r| origin.find(text, shift + r.start..shift + r.end));
    diags::syntax(span, error)
}

/// The ranges between `{{` and `}}`; `None` when one is not closed. Quotes inside are respected.
pub(super) fn expressions(text: &str) -> Option<Vec<Range<usize>>> {
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

pub(super) fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let piece = &text[range.clone()];
    // `{{-` and `-}}` ask to cut blanks; kept for people who come from other engines.
    let lead = piece.len() - piece.trim_start_matches(['-', ' ', '\t', '\n']).len();
    let piece = piece.trim_start_matches(['-', ' ', '\t', '\n']);
    let tail = piece.len() - piece.trim_end().len();
    range.start + lead..range.end - tail
}

/// Finds a dotted name in an expression; its root where attributes are reached another way.
pub(super) fn word(source: &str, path: &str) -> Range<usize> {
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
