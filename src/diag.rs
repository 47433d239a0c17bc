//! What is wrong with the user's input, as data, and how it is drawn.
//!
//! A [`Diagnostic`] has a code, one sentence, labelled places and help. The wording of each lives
//! in one file per layer (`spec/diags.rs`, `plan/diags.rs`, `template/diags.rs`), beside its row
//! of a `CODES` table that `authspec explain` reads. All faults are reported, never only the first.

mod draw;
mod near;
mod window;
mod written;

use std::collections::HashSet;

use crate::source::Span;

pub use draw::{Drawing, render};
pub use written::declare_varied;

/// A kind of fault, stable across versions.
#[derive(Debug)]
pub struct Code {
    /// The stable, kebab-case name.
    pub name: &'static str,
    /// One sentence: what it means.
    pub about: &'static str,
    /// A few sentences: why it is a fault and how to mend it.
    pub explain: &'static str,
}

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The run is refused.
    Error,
    /// The run goes on.
    Warning,
}

/// A text to put in place of a span.
#[derive(Debug, Clone)]
pub struct Fix {
    /// What is replaced.
    pub span: Span,
    /// What it should read.
    pub text: String,
    /// What the change means, `did you mean this?`.
    pub title: String,
}

/// One thing that is wrong, with its places.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// The kind.
    pub code: &'static Code,
    /// Error or warning.
    pub severity: Severity,
    /// One sentence: a lower-case fragment, names in backticks, no full stop.
    pub message: String,
    /// The place it is about.
    pub span: Span,
    /// What the caret line says.
    pub label: String,
    /// Further places with a remark each.
    pub also: Vec<(Span, String)>,
    /// What to do, each one sentence.
    pub help: Vec<String>,
    /// The corrected text.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// Starts an error.
    pub fn error(code: &'static Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            span,
            label: String::new(),
            also: Vec::new(),
            help: Vec::new(),
            fix: None,
        }
    }

    /// Starts a warning.
    pub fn warning(code: &'static Code, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// Says something beside the caret.
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.label = text.into();
        self
    }

    /// Points to a second place.
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.also.push((span, text.into()));
        self
    }

    /// Adds a sentence of help.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Adds the corrected text.
    pub fn fix(mut self, span: Span, text: impl Into<String>, title: impl Into<String>) -> Self {
        self.fix = Some(Fix { span, text: text.into(), title: title.into() });
        self
    }
}

/// All faults found so far.
#[derive(Debug, Default, Clone)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Takes in one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.items.push(diagnostic);
    }

    /// Counts all, as often as each was found.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Changes those that were found since there were so many.
    pub fn change_from(&mut self, first: usize, change: impl Fn(Diagnostic) -> Diagnostic) {
        let later = self.items.split_off(first.min(self.items.len()));
        self.items.extend(later.into_iter().map(change));
    }

    /// Takes in all of another collection.
    pub fn extend(&mut self, other: Self) {
        self.items.extend(other.items);
    }

    /// Counts the errors, as often as each was found.
    pub fn errors(&self) -> usize {
        self.items.iter().filter(|d| d.severity == Severity::Error).count()
    }

    /// Counts what is drawn of a severity: a fault that was found twice counts once.
    pub fn drawn(&self, severity: Severity) -> usize {
        self.sorted().into_iter().filter(|d| d.severity == severity).count()
    }

    /// Tells whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Gives all, in the order of files and places, each once.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut all: Vec<&Diagnostic> = self.items.iter().collect();
        all.sort_by_key(|d| (d.span.file, d.span.start, d.severity == Severity::Warning));
        // What is read twice finds several faults at one place, one after the other, twice.
        let mut told = HashSet::new();
        all.retain(|d| told.insert((d.span.file, d.span.start, d.span.end, &d.message, d.code.name)));
        all
    }

    /// Gives an iterator in the order of finding.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items.iter()
    }
}
