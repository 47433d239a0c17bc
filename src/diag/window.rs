//! The lines around a fault as they may be shown: masked, then cut.

use std::collections::HashMap;
use std::ops::Range;

use super::Diagnostic;
use super::written::written_places;
use crate::secret::SecretSet;
use crate::source::{FileId, SourceMap, Span};

/// Characters that stay on each side of what is left out of a line.
const AROUND: usize = 12;

/// Characters that stay before the first thing that is marked in a line that is too long.
const BEFORE: usize = 20;

/// Characters that the drawing keeps free on each side of what is marked.
const PAD: usize = 6;

/// What stands in place of a part that is left out.
const DOTS: &str = "...";

/// What must not be shown of files: by value, and by its place.
pub(super) struct Masks<'a> {
    pub(super) secrets: &'a SecretSet,
    /// Where files write credentials out, of those that were looked at.
    pub(super) places: HashMap<FileId, Vec<(Range<usize>, String)>>,
}

impl Masks<'_> {
    /// Looks for credentials in the files of a diagnostic.
    pub(super) fn look_at(&mut self, diagnostic: &Diagnostic, sources: &SourceMap) {
        let fix = diagnostic.fix.iter().map(|fix| fix.span);
        let spans = std::iter::once(diagnostic.span).chain(diagnostic.also.iter().map(|(span, _)| *span)).chain(fix);
        for file in spans.map(|span| span.file) {
            self.places.entry(file).or_insert_with(|| written_places(sources.text(file)));
        }
    }

    /// Lists what is masked of the lines of a file that begin at an offset.
    fn spots(&self, file: FileId, lines: &str, offset: usize) -> Vec<(Range<usize>, String)> {
        let mut spots = self.secrets.spots(lines.as_bytes());
        let end = offset + lines.len();
        for (at, shown) in
            self.places.get(&file).into_iter().flatten().filter(|(at, _)| at.start < end && offset < at.end)
        {
            let mut at = at.start.max(offset) - offset..at.end.min(end) - offset;
            let overlaps = |spot: &Range<usize>| spot.start < at.end && at.start < spot.end;
            let (over, apart): (Vec<_>, Vec<_>) = spots.into_iter().partition(|(spot, _)| overlaps(spot));
            spots = apart;
            let shown = over.first().map_or(shown, |(_, name)| name).clone();
            for (spot, _) in &over {
                at = at.start.min(spot.start)..at.end.max(spot.end);
            }
            spots.push((at, shown));
        }
        spots.sort_by_key(|(at, _)| at.start);
        spots
    }
}

/// The lines of a text around some spans, so that drawing never scans a whole large file.
pub(super) struct Window {
    /// The lines as they are shown.
    pub(super) text: String,
    pub(super) first_line: usize,
    /// What was replaced, round by round: where it stood before the round, and the length of what stands there now.
    replaced: Vec<Vec<(Range<usize>, usize)>>,
    /// The masks of the first round.
    masks: Vec<(Range<usize>, String)>,
    offset: usize,
}

impl Window {
    pub(super) fn around(text: &str, spans: &[Span], file: FileId, masks: &Masks<'_>) -> Self {
        let low = spans.iter().map(|s| s.start as usize).min().unwrap_or(0).min(text.len());
        let high = spans.iter().map(|s| s.end as usize).max().unwrap_or(0).min(text.len());
        let bytes = text.as_bytes();
        let from = bytes[..low].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        let to = bytes[high..].iter().position(|b| *b == b'\n').map_or(text.len(), |i| high + i);
        let first_line = bytes[..from].iter().filter(|b| **b == b'\n').count() + 1;
        let lines = text.get(from..to).unwrap_or(text);
        let masks = masks.spots(file, lines, from);
        let text = lines.to_owned();
        let mut window = Self { text, first_line, replaced: Vec::new(), masks: masks.clone(), offset: from };
        window.replace(masks);
        window
    }

    /// Replaces parts of the lines as they are now, which are in order and apart.
    fn replace(&mut self, parts: Vec<(Range<usize>, String)>) {
        let mut out = String::with_capacity(self.text.len());
        let mut done = 0;
        for (at, shown) in &parts {
            out.push_str(&self.text[done..at.start]);
            out.push_str(shown);
            done = at.end;
        }
        out.push_str(&self.text[done..]);
        self.text = out;
        self.replaced.push(parts.into_iter().map(|(at, shown)| (at, shown.len())).collect());
    }

    /// The mask that stands in place of a span, or of what it is a part of.
    pub(super) fn mask_of(&self, span: Span) -> Option<String> {
        let inside = |n: u32| (n as usize).saturating_sub(self.offset);
        let (start, end) = (inside(span.start), inside(span.end));
        // Quotes around it belong to its place, and are no part of it.
        let covers = |at: &Range<usize>| start < at.end && at.start < end && at.start <= start + 1 && end <= at.end + 1;
        self.masks.iter().find(|(at, _)| covers(at)).map(|(_, name)| name.clone())
    }

    /// The span inside the window: a long value is marked on its first line only. A parser of templates may point
    /// into the middle of a character; then the whole of it is meant.
    pub(super) fn range(&self, span: Span) -> Range<usize> {
        let inside = |n: u32| (n as usize).saturating_sub(self.offset);
        let start = self.text.floor_char_boundary(self.moved(inside(span.start), false).min(self.text.len()));
        let mut end = self.text.ceil_char_boundary(self.moved(inside(span.end), true).min(self.text.len()));
        if let Some(line_end) = self.text.get(start..end).and_then(|s| s.find(['\n', '\r'])) {
            end = start + line_end;
        }
        start..end.max(start)
    }

    /// The column of a span in its line as it is drawn, from 1.
    pub(super) fn column(&self, span: Span) -> usize {
        self.column_of(self.range(span).start) + 1
    }

    /// Leaves out what stands between marks that are too far apart to be shown together.
    pub(super) fn gather(&mut self, spans: &[Span], width: usize) {
        let mut marks: Vec<Range<usize>> = spans.iter().map(|span| self.range(*span)).collect();
        let first = marks.iter().map(|at| self.column_of(at.start)).min().unwrap_or_default();
        let last = marks.iter().map(|at| self.column_of(at.end)).max().unwrap_or_default();
        let room = self.room(width);
        let is_whole = self.text.lines().all(|line| line.chars().count() <= room);
        if is_whole || last.saturating_sub(first) + PAD.min(first) + PAD < room {
            return;
        }
        marks.sort_by_key(|at| (at.start, at.end));
        let mut parts: Vec<Range<usize>> = Vec::new();
        let mut done = 0;
        for at in marks.clone() {
            let line = self.line_of(at.start).start;
            if done <= line {
                parts.push(line..self.back(at.start, BEFORE));
            } else {
                parts.push(self.on(done, AROUND)..self.back(at.start, AROUND));
            }
            // A long one is shown by its beginning and its end.
            let is_alone = marks.iter().all(|other| *other == at || other.end <= at.start || at.end <= other.start);
            if is_alone {
                parts.push(self.on(at.start.max(done), BEFORE)..self.back(at.end, AROUND));
            }
            done = done.max(at.end);
        }
        self.leave_out(parts);
    }

    /// Cuts the line of a span that a longer or shorter text will stand in.
    pub(super) fn fit(&mut self, span: Span, text: usize, width: usize) {
        let at = self.range(span);
        let line = self.line_of(at.start);
        let taken = |part: &str| part.chars().count();
        let whole = taken(&self.text[line.clone()]) + text.saturating_sub(taken(&self.text[at.clone()]));
        let room = self.room(width);
        if whole <= room {
            return;
        }
        // Half of what is left for what stands around it goes to each side, unless one needs less.
        let left = room.saturating_sub(text.max(taken(&self.text[at.clone()])) + 2 * DOTS.len());
        let (before, after) = (self.column_of(at.start), taken(&self.text[at.end..line.end]));
        let half = left / 2;
        let keep_after = after.min(half.max(left.saturating_sub(before)));
        let keep_before = before.min(left - keep_after.min(left));
        let left = line.start..if keep_before < before { self.back(at.start, keep_before) } else { line.start };
        let right = if keep_after < after { self.on(at.end, keep_after) } else { line.end }..line.end;
        self.leave_out(vec![left, right]);
    }

    /// The columns that are left for text beside the numbers of lines.
    fn room(&self, width: usize) -> usize {
        let last = self.first_line + self.text.matches('\n').count();
        width.saturating_sub(last.to_string().len() + 3)
    }

    /// Leaves out parts, in order, where that makes the text shorter; a mask is not cut.
    fn leave_out(&mut self, parts: Vec<Range<usize>>) {
        let longer = |at: &Range<usize>| at.start + DOTS.len() < at.end && self.text.get(at.clone()).is_some();
        let parts = parts.into_iter().filter(longer).map(|at| (at, DOTS.to_owned())).collect();
        self.replace(parts);
    }

    fn line_of(&self, at: usize) -> Range<usize> {
        let start = self.text[..at].rfind('\n').map_or(0, |i| i + 1);
        let end = self.text[at..].find('\n').map_or(self.text.len(), |i| at + i);
        start..end
    }

    fn column_of(&self, at: usize) -> usize {
        self.text[self.line_of(at).start..at].chars().count()
    }

    /// So many characters on, or at the end of the text.
    fn on(&self, at: usize, by: usize) -> usize {
        let behind = self.text[at..].char_indices().nth(by).map_or(self.text.len(), |(i, _)| at + i);
        // A mask stays whole.
        match self.text[at..behind].rfind('‹') {
            Some(open) if !self.text[at + open..behind].contains('›') => {
                let close = self.text[behind..].find('›').map_or(behind, |i| behind + i + '›'.len_utf8());
                close.min(self.line_of(behind).end.max(behind))
            }
            Some(_) | None => behind,
        }
    }

    /// So many characters back, or at the start of the text.
    fn back(&self, at: usize, by: usize) -> usize {
        let before = self.text[..at].char_indices().rev().nth(by.saturating_sub(1)).map_or(0, |(i, _)| i);
        match self.text[before..at].find('›') {
            Some(close) if !self.text[before..before + close].contains('‹') => {
                self.text[..before].rfind('‹').unwrap_or(before)
            }
            Some(_) | None => before,
        }
    }

    /// Where an offset in the lines is now; inside of what was replaced, at its start or its end.
    fn moved(&self, at: usize, end: bool) -> usize {
        self.replaced.iter().fold(at, |at, round| {
            let (mut before, mut now) = (0, 0);
            for (place, length) in round.iter().take_while(|(place, _)| place.start < at) {
                now += place.start - before;
                if at < place.end {
                    return if end { now + length } else { now };
                }
                (before, now) = (place.end, now + length);
            }
            now + at - before
        })
    }
}
