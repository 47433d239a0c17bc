//! Draws diagnostics as `rustc` does.

use std::borrow::Cow;
use std::collections::HashMap;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Patch, Renderer, Snippet, renderer::DecorStyle};

use super::window::{Masks, Window};
use super::written::declare_written;
use super::{Diagnostic, Diagnostics, Severity};
use crate::secret::SecretSet;
use crate::source::{FileId, SourceMap, Span};
use crate::term::{columns, lines, page, unstyled};

/// How diagnostics are drawn.
#[derive(Debug, Clone, Copy)]
pub struct Drawing {
    /// With ANSI colours.
    pub colour: bool,
    /// Columns to use.
    pub width: usize,
}

/// The files as they may be shown, and how.
struct Sheet<'a> {
    sources: &'a SourceMap,
    masks: Masks<'a>,
    renderer: Renderer,
    width: usize,
}

/// A label of a diagnostic: that of the place itself, or of a further one.
enum Label {
    Own,
    Of(usize),
}

/// Draws all diagnostics as `rustc` does, with a blank line between them. Secrets are masked before lines are cut to the
/// width: a piece of one would not be known again. What the files write out as credentials counts as well, known or
/// not, where it stands and wherever it is repeated.
pub fn render(diagnostics: &Diagnostics, sources: &SourceMap, secrets: &SecretSet, drawing: Drawing) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let renderer = if drawing.colour { Renderer::styled() } else { Renderer::plain() };
    let width = drawing.width.max(40);
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(width);
    let secrets = secrets.apart();
    sources.texts().for_each(|text| declare_written(&secrets, text));
    let mut sheet = Sheet { sources, masks: Masks { secrets: &secrets, places: HashMap::new() }, renderer, width };
    let mut out = String::new();
    for diagnostic in diagnostics.sorted() {
        sheet.masks.look_at(diagnostic, sources);
        out.push_str(&sheet.draw(diagnostic));
        out.push_str("\n\n");
    }
    secrets.mask(&out).into_owned()
}

impl Sheet<'_> {
    /// A label that does not fit beside its mark stands below the lines.
    fn draw(&self, diagnostic: &Diagnostic) -> String {
        let (mut diagnostic, mut notes) = (Cow::Borrowed(diagnostic), Vec::new());
        loop {
            let drawn = self.drawn(&diagnostic, &notes);
            let Some(which) = self.overrunning(&diagnostic, &drawn) else { return drawn };
            let place = self.sources.place(diagnostic.span);
            let told = diagnostic.to_mut();
            notes.push(match which {
                Label::Own => std::mem::take(&mut told.label),
                Label::Of(i) => {
                    let (span, label) = &mut told.also[i];
                    let (there, label) = (self.sources.place(*span), std::mem::take(label));
                    let file = if there.file == place.file { "line " } else { &*format!("{}:", there.file) };
                    format!("{file}{}: {label}", there.line)
                }
            });
        }
    }

    /// The first label that goes over the page.
    fn overrunning(&self, diagnostic: &Diagnostic, drawn: &str) -> Option<Label> {
        let plain = unstyled(drawn);
        let wide: Vec<&str> = plain.lines().filter(|line| columns(line) > self.width).collect();
        let over = |label: &str| {
            let label = self.masks.secrets.mask(label);
            !label.is_empty() && wide.iter().any(|line| line.trim_end().ends_with(&*label))
        };
        if over(&diagnostic.label) {
            return Some(Label::Own);
        }
        diagnostic.also.iter().position(|(_, label)| over(label)).map(Label::Of)
    }

    /// A sentence of a diagnostic, masked and then broken behind what stands before it.
    fn sentence(&self, before: usize, text: &str) -> String {
        let room = page(self.width).saturating_sub(before).max(20);
        let masked = self.masks.secrets.mask(text);
        masked.split('\n').flat_map(|line| lines(line, room)).collect::<Vec<_>>().join("\n")
    }

    fn drawn(&self, diagnostic: &Diagnostic, notes: &[String]) -> String {
        let (level, word) = match diagnostic.severity {
            Severity::Error => (Level::ERROR, "error"),
            Severity::Warning => (Level::WARNING, "warning"),
        };
        let message = self.sentence(word.len() + diagnostic.code.name.len() + "[]: ".len(), &diagnostic.message);
        let mut group = Group::with_title(level.primary_title(message).id(diagnostic.code.name));
        let mut files: Vec<FileId> = Vec::new();
        let all = std::iter::once(diagnostic.span).chain(diagnostic.also.iter().map(|(s, _)| *s));
        for span in all.filter(|s| s.is_some()) {
            if !files.contains(&span.file) {
                files.push(span.file);
            }
        }
        let mut places = Vec::new();
        for file in &files {
            let (snippet, moved) = self.excerpt(diagnostic, *file);
            group = group.element(snippet);
            places.extend(moved);
        }
        // Without a place there is no margin that help could hang on.
        let placeless = files.is_empty();
        let margin = self.margin(diagnostic);
        for note in notes {
            group = group.element(Level::NOTE.message(self.sentence(margin + "= note: ".len(), note)));
        }
        let mut text = String::new();
        for help in &diagnostic.help {
            let help = self.sentence("help: ".len() + if placeless { 0 } else { margin + "= ".len() }, help);
            if placeless {
                let help = Group::with_title(Level::HELP.secondary_title(help));
                text.push_str(&format!("\n{}", self.renderer.render(&[help])));
                continue;
            }
            group = group.element(Level::HELP.message(help));
        }
        let mut report = vec![group];
        if let Some(fix) = &diagnostic.fix {
            let mut window = Window::around(self.sources.text(fix.span.file), &[fix.span], fix.span.file, &self.masks);
            let text = match window.mask_of(fix.span) {
                Some(mask) => mask,
                None => self.masks.secrets.mask(&fix.text).into_owned(),
            };
            window.fit(fix.span, text.chars().count(), self.width);
            let range = window.range(fix.span);
            let source = Snippet::source(window.text).line_start(window.first_line).patch(Patch::new(range, text));
            report.push(
                Group::with_title(Level::HELP.secondary_title(self.sentence("help: ".len(), &fix.title)))
                    .element(source),
            );
        }
        let drawn = self.renderer.render(&report);
        places.iter().fold(drawn, |drawn, (moved, place)| drawn.replacen(moved, place, 1)) + &text
    }

    /// The columns before the `=` of a remark: as many as the highest number of a line takes, and a blank.
    fn margin(&self, diagnostic: &Diagnostic) -> usize {
        let spans = std::iter::once(diagnostic.span).chain(diagnostic.also.iter().map(|(span, _)| *span));
        let fix = diagnostic.fix.iter().map(|fix| fix.span);
        let last = spans.chain(fix).filter(|span| span.is_some()).map(|span| self.sources.place(span).line).max();
        last.unwrap_or_default().to_string().len() + 1
    }

    /// The lines of one file. A mask moves what is behind it, so the place as it will be drawn, and as it is in the file.
    fn excerpt<'a>(
        &self,
        diagnostic: &'a Diagnostic,
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
        let place = self.sources.place(spans.first().copied().unwrap_or(diagnostic.span));
        let named = |column: usize| format!("{}:{}:{column}", place.file, place.line);
        let mut window = Window::around(self.sources.text(file), &spans, file, &self.masks);
        window.gather(&spans, self.width);
        let moved = spans.first().map(|span| window.column(*span)).filter(|column| *column != place.column);
        let marks = marks.into_iter().map(|(span, text, kind)| {
            let annotation = kind.span(window.range(span));
            if text.is_empty() { annotation } else { annotation.label(self.masks.secrets.mask(text)) }
        });
        let marks: Vec<Annotation<'a>> = marks.collect();
        let snippet = Snippet::source(window.text).line_start(window.first_line).path(place.file.to_string());
        (snippet.fold(true).annotations(marks), moved.map(|column| (named(column), named(place.column))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Code;

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
    fn no_line_is_wider_than_the_page() {
        let mut sources = SourceMap::default();
        let file = sources.add("a.yaml", "# the first\ncases: [ { name: a, expect: 200, statsu: 1 } ]\n");
        let at = "# the first\ncases: [ { name: a, expect: 200, ".len();
        let long = "a sentence of many words that needs more than one line of any page, and says so at some length";
        let mut all = Diagnostics::default();
        let span = Span::new(file, at, at + 6);
        let first = Span::new(file, 2, 5);
        let told =
            Diagnostic::error(&CODE, span, long).label(format!("label, {long}")).also(first, format!("also, {long}"));
        all.push(told.help(long).fix(span, "status", long));
        all.push(Diagnostic::warning(&CODE, Span::NONE, long).help(long));
        for (width, colour) in (40..=120).flat_map(|width| [(width, false), (width, true)]) {
            let drawn = render(&all, &sources, &SecretSet::new(), Drawing { colour, width });
            let plain = unstyled(&drawn);
            for line in plain.lines() {
                assert!(columns(line) <= width, "{width}: {line}\n{drawn}");
            }
            let words = plain.split_whitespace().filter(|w| *w != "|").collect::<Vec<_>>().join(" ");
            assert_eq!(words.matches(long).count(), 7, "{width}: {drawn}");
        }
        let drawn = render(&all, &sources, &SecretSet::new(), Drawing { colour: false, width: 80 });
        assert!(drawn.contains("\n  = note: label, a sentence"), "{drawn}");
        assert!(drawn.contains("\n  = note: line 1: also, a sentence"), "{drawn}");
        assert!(drawn.contains("^^^^^^\n"), "the place is marked all the same: {drawn}");
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
