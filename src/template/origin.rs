//! Where a template's text stands.

use std::ops::Range;

use crate::source::Span;

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
    pub(super) fn find(self, text: &str, range: Range<usize>) -> Span {
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
