//! How a matrix is laid out on a page: names to the left, columns side by side as far as there is room, then in bands.

use std::ops::Range;

use super::spot::{in_words, together};
use super::{Folded, Marks};
use crate::report::terminal::line::{Line, Page, Role, width};
use crate::term::shorten;

/// The narrowest and the widest that a column is.
const CELL: (usize, usize) = (5, 12);

/// How a table is laid out.
pub(super) struct Table {
    /// The room for the names of rows; none when they stand on lines of their own.
    names: Option<usize>,
    widths: Vec<usize>,
    /// Columns that stand side by side.
    pub(super) bands: Vec<Range<usize>>,
}

impl Table {
    pub(super) fn new(page: Page, columns: &Folded, names: usize) -> Self {
        let title = |(name, people): &(String, Vec<u32>)| width(&page.fold(name)) + tail(people).len();
        let widths: Vec<usize> = columns.iter().map(|c| title(c).clamp(CELL.0, CELL.1) + 2).collect();
        let room = page.width.saturating_sub(4 + widths.iter().sum::<usize>());
        let names = if room >= names { Some(names) } else { Some(room).filter(|room| *room >= 24) };
        let room = page.width.saturating_sub(4 + names.unwrap_or(0)).max(CELL.1 + 2);
        let (mut bands, mut start, mut used) = (Vec::new(), 0, 0);
        for (i, width) in widths.iter().enumerate() {
            if used + width > room {
                bands.push(start..i);
                (start, used) = (i, 0);
            }
            used += width;
        }
        bands.push(start..widths.len());
        Self { names, widths, bands }
    }

    fn start(&self) -> usize {
        2 + self.names.unwrap_or(2)
    }

    pub(super) fn header(&self, page: Page, columns: &[(String, Vec<u32>)]) -> Line {
        let mut line = page.line().pad_to(self.start());
        for (number, (name, people)) in columns.iter().enumerate() {
            let end = line.width() + self.widths[number];
            let title = shorten(name, CELL.1 - tail(people).len()) + &tail(people);
            let room = self.widths[number].saturating_sub(width(&page.fold(&title)));
            line = line.text(&" ".repeat(room)).push(Role::Dim, &title).pad_to(end);
        }
        line.cut(page.width)
    }

    pub(super) fn row(&self, page: Page, name: &str, columns: &[(String, Vec<u32>)], marks: &Marks) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut line = page.line().text("  ");
        match self.names {
            Some(room) => line = line.text(&shorten(name, room)),
            None => lines.push(std::mem::replace(&mut line, page.line()).text(name).cut(page.width)),
        }
        line = line.pad_to(self.start());
        for (number, (_, people)) in columns.iter().enumerate() {
            let (text, state) = together(people.iter().filter_map(|p| marks.get(p)));
            let room = self.widths[number].saturating_sub(width(&page.fold(&text)));
            line = line.text(&" ".repeat(room)).push(state.role(), &text);
        }
        lines.push(line.cut(page.width));
        let here = columns.iter().flat_map(|(_, people)| people);
        let words = in_words(here.filter_map(|p| marks.get(p)));
        if !words.is_empty() {
            lines.extend(page.line().text("    ").push(Role::Dim, &words).wrap(page.width, 4));
        }
        lines
    }
}

/// How many a column stands for.
pub(super) fn tail(people: &[u32]) -> String {
    if people.len() > 1 { format!(" x{}", people.len()) } else { String::new() }
}
