//! What is wrong with the user's input, as data, and how it is drawn.
//!
//! A [`Diagnostic`] has a code, one sentence, labelled places and help. The wording of each lives
//! in one file per layer (`spec/diags.rs`, `plan/diags.rs`, `template/diags.rs`), beside its row
//! of a `CODES` table that `authspec explain` reads. All faults are reported, never only the first.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Patch, Renderer, Snippet, renderer::DecorStyle};

use crate::secret::SecretSet;
use crate::source::{FileId, SourceMap, Span};

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
        all.dedup_by(|a, b| a.span == b.span && a.message == b.message && a.code.name == b.code.name);
        all
    }

    /// Gives an iterator in the order of finding.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items.iter()
    }
}

/// How diagnostics are drawn.
#[derive(Debug, Clone, Copy)]
pub struct Drawing {
    /// With ANSI colours.
    pub colour: bool,
    /// Columns to use.
    pub width: usize,
}

/// Draws all diagnostics as `rustc` does, with a blank line between them. Secrets are masked in the lines before these
/// are cut to the width: a piece of one would not be known again.
pub fn render(diagnostics: &Diagnostics, sources: &SourceMap, secrets: &SecretSet, drawing: Drawing) -> String {
    let renderer = if drawing.colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(drawing.width.max(40));
    let mut out = String::new();
    for diagnostic in diagnostics.sorted() {
        out.push_str(&draw(diagnostic, (sources, secrets), &renderer));
        out.push_str("\n\n");
    }
    out
}

fn draw(diagnostic: &Diagnostic, (sources, secrets): (&SourceMap, &SecretSet), renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(&*diagnostic.message).id(diagnostic.code.name));
    let mut files: Vec<FileId> = Vec::new();
    let all = std::iter::once(diagnostic.span).chain(diagnostic.also.iter().map(|(s, _)| *s));
    for span in all.filter(|s| s.is_some()) {
        if !files.contains(&span.file) {
            files.push(span.file);
        }
    }
    let mut places = Vec::new();
    for file in &files {
        let (snippet, moved) = excerpt(diagnostic, (sources, secrets), *file);
        group = group.element(snippet);
        places.extend(moved);
    }
    // Without a place there is no margin that help could hang on.
    let placeless = files.is_empty();
    let mut text = String::new();
    for help in &diagnostic.help {
        if placeless {
            let help = Group::with_title(Level::HELP.secondary_title(help));
            text.push_str(&format!("\n{}", renderer.render(&[help])));
            continue;
        }
        group = group.element(Level::HELP.message(help));
    }
    let mut report = vec![group];
    if let Some(fix) = &diagnostic.fix {
        let window = Window::around(sources.text(fix.span.file), &[fix.span], secrets);
        let range = window.range(fix.span);
        let source = Snippet::source(window.text).line_start(window.first_line).patch(Patch::new(range, &*fix.text));
        report.push(Group::with_title(Level::HELP.secondary_title(&*fix.title)).element(source));
    }
    places.iter().fold(renderer.render(&report), |drawn, (moved, place)| drawn.replacen(moved, place, 1)) + &text
}

/// The lines of one file. A mask moves what is behind it, so the place as it will be drawn, and as it is in the file.
fn excerpt<'a>(
    diagnostic: &'a Diagnostic,
    (sources, secrets): (&SourceMap, &SecretSet),
    file: FileId,
) -> (Snippet<'a, Annotation<'a>>, Option<(String, String)>) {
    let mut marks: Vec<(Span, &str, AnnotationKind)> = Vec::new();
    if diagnostic.span.file == file {
        marks.push((diagnostic.span, &diagnostic.label, AnnotationKind::Primary));
    }
    for (span, text) in diagnostic.also.iter().filter(|(s, _)| s.file == file) {
        marks.push((*span, text, AnnotationKind::Context));
    }
    let spans: Vec<Span> = marks.iter().map(|(s, ..)| *s).collect();
    let place = sources.place(spans.first().copied().unwrap_or(diagnostic.span));
    let named = |column: usize| format!("{}:{}:{column}", place.file, place.line);
    let window = Window::around(sources.text(file), &spans, secrets);
    let moved = spans.first().map(|span| window.column(*span)).filter(|column| *column != place.column);
    let marks = marks.into_iter().map(|(span, text, kind)| {
        let annotation = kind.span(window.range(span));
        if text.is_empty() { annotation } else { annotation.label(text) }
    });
    let marks: Vec<Annotation<'a>> = marks.collect();
    let snippet = Snippet::source(window.text).line_start(window.first_line).path(place.file.to_string());
    (snippet.fold(true).annotations(marks), moved.map(|column| (named(column), named(place.column))))
}

/// The lines of a text around some spans, so that drawing never scans a whole large file.
struct Window {
    /// The lines, masked.
    text: String,
    /// What was masked: where it stood in the lines, and the length of what stands there now.
    masked: Vec<(Range<usize>, usize)>,
    offset: usize,
    first_line: usize,
}

impl Window {
    fn around(text: &str, spans: &[Span], secrets: &SecretSet) -> Self {
        let low = spans.iter().map(|s| s.start as usize).min().unwrap_or(0).min(text.len());
        let high = spans.iter().map(|s| s.end as usize).max().unwrap_or(0).min(text.len());
        let bytes = text.as_bytes();
        let from = bytes[..low].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        let to = bytes[high..].iter().position(|b| *b == b'\n').map_or(text.len(), |i| high + i);
        let first_line = bytes[..from].iter().filter(|b| **b == b'\n').count() + 1;
        let lines = text.get(from..to).unwrap_or(text);
        let masked = secrets.spots(lines.as_bytes()).into_iter().map(|(at, name)| (at, name.len())).collect();
        Self { text: secrets.mask(lines).into_owned(), masked, offset: from, first_line }
    }

    /// The span inside the window: a long value is marked on its first line only. A parser of templates may point
    /// into the middle of a character; then the whole of it is meant.
    fn range(&self, span: Span) -> Range<usize> {
        let inside = |n: u32| (n as usize).saturating_sub(self.offset);
        let start = self.text.floor_char_boundary(self.moved(inside(span.start), false).min(self.text.len()));
        let mut end = self.text.ceil_char_boundary(self.moved(inside(span.end), true).min(self.text.len()));
        if let Some(line_end) = self.text.get(start..end).and_then(|s| s.find(['\n', '\r'])) {
            end = start + line_end;
        }
        start..end
    }

    /// The column of a span in its line as it is drawn, from 1.
    fn column(&self, span: Span) -> usize {
        let before = &self.text[..self.range(span).start];
        before.rsplit('\n').next().unwrap_or_default().chars().count() + 1
    }

    /// Where an offset in the lines is once they are masked; inside of a mask, at its start or its end.
    fn moved(&self, at: usize, end: bool) -> usize {
        let (mut before, mut now) = (0, 0);
        for (place, length) in self.masked.iter().take_while(|(place, _)| place.start < at) {
            now += place.start - before;
            if at < place.end {
                return if end { now + length } else { now };
            }
            (before, now) = (place.end, now + length);
        }
        now + at - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static CODE: Code = Code { name: "unknown-key", about: "", explain: "" };

    #[test]
    fn a_fault_in_a_long_file_is_drawn_with_its_line_number() {
        let mut sources = SourceMap::default();
        let text = format!("{}expect:\n  statsu: 401\n", "# filler\n".repeat(5000));
        let at = text.find("statsu").unwrap();
        let file = sources.add("specs/login.yaml", text);
        let mut all = Diagnostics::default();
        let span = Span::new(file, at, at + 6);
        all.push(Diagnostic::error(&CODE, span, "`expect` has no check called `statsu`").label("not a check").fix(
            span,
            "status",
            "did you mean `status`?",
        ));
        let drawn = render(&all, &sources, &SecretSet::new(), Drawing { colour: false, width: 100 });
        assert!(drawn.contains("error[unknown-key]: `expect` has no check called `statsu`"), "{drawn}");
        assert!(drawn.contains("specs/login.yaml:5002:3"), "{drawn}");
        assert!(drawn.contains("^^^^^^ not a check"), "{drawn}");
        assert!(drawn.contains("status: 401"), "{drawn}");
    }

    #[test]
    fn a_secret_that_a_line_is_cut_in_is_masked_all_the_same() {
        let mut sources = SourceMap::default();
        let text =
            "people: { alice: { password: before-the-fault-7, statsu: 1, token: it-ends-after-the-cut-of-a-line } }";
        let file = sources.add("a.yaml", text);
        let secrets = SecretSet::new();
        secrets.declare("p", "before-the-fault-7");
        secrets.declare("t", "it-ends-after-the-cut-of-a-line");
        let mut all = Diagnostics::default();
        for (word, fix) in [("statsu", "status"), ("before-the", "b"), ("fault-7", "f")] {
            let at = text.find(word).unwrap();
            let span = Span::new(file, at, at + word.len());
            all.push(Diagnostic::error(&CODE, span, word.len().to_string()).label("here").fix(span, fix, "so?"));
        }
        for width in 40..140 {
            let drawn = render(&all, &sources, &secrets, Drawing { colour: false, width });
            assert!(!drawn.contains("before") && !drawn.contains("it-e"), "{drawn}");
            assert!(drawn.contains("a.yaml:1:50"), "the place is that in the file: {drawn}");
        }
        let drawn = render(&all, &sources, &secrets, Drawing { colour: false, width: 140 });
        let line = drawn.lines().find(|l| l.contains("statsu: 1")).unwrap();
        let marks = drawn.lines().find(|l| l.contains("^^^^^^ here")).unwrap();
        let column = |text: &str, word: &str| text[..text.find(word).unwrap()].chars().count();
        assert_eq!(column(line, "statsu"), column(marks, "^"), "{drawn}");
    }

    #[test]
    fn drawing_survives_odd_spans() {
        let mut sources = SourceMap::default();
        let file = sources.add("a", "é");
        let mut all = Diagnostics::default();
        for (a, b) in [(0, 0), (2, 2), (0, 99), (50, 60), (0, 1), (1, 1), (1, 2)] {
            all.push(Diagnostic::error(&CODE, Span::new(file, a, b), format!("m{a}")));
        }
        all.push(Diagnostic::error(&CODE, Span::NONE, "nowhere"));
        assert!(render(&all, &sources, &SecretSet::new(), Drawing { colour: false, width: 80 }).contains("nowhere"));
    }
}
