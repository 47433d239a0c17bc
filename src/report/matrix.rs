//! The access matrix as a table: a row for each request, a column for each person, the status in each cell.
//!
//! It collects the cells of all outcomes, little of each, and draws them when the run is over. A cell that is not as
//! expected bears a mark, `!` where it failed and `?` where it could not be judged, and is told below its row in words,
//! so that the table can be read without colour.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::event::{AccessCell, Likeness, Outcome, Verdict};
use crate::report::summary;
use crate::report::terminal::line::{Line, Page, Role, width};
use crate::term::{markdown, markdown_code, plural, shorten};

/// More columns than these are folded to roles.
const COLUMNS: usize = 8;
/// The narrowest and the widest that a column is.
const CELL: (usize, usize) = (5, 12);
/// How many cells of a row are told in words.
const TOLD: usize = 4;
/// How many rows of a matrix are drawn unless all are asked for.
const ROWS: usize = 40;
/// How many rows of a matrix a Markdown table has.
const MARKDOWN_ROWS: usize = 200;

/// Which rows are drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rows {
    /// Those in which something is not as expected.
    #[default]
    Deviating,
    /// All.
    All,
}

/// The matrices of a run, by the number of their suite.
#[derive(Debug, Default)]
pub struct Matrices(BTreeMap<usize, Matrix>);

#[derive(Debug, Default)]
struct Matrix {
    suite: String,
    columns: BTreeMap<u32, (String, Option<String>)>,
    rows: BTreeMap<u32, (String, BTreeMap<u32, Mark>)>,
}

/// What a table shows of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    text: String,
    role: Role,
    /// In words, where it is not as expected.
    told: Option<String>,
}

/// Columns of a table, each standing for one column of the matrix or for all of a role.
type Folded = Vec<(String, Vec<u32>)>;

impl Matrices {
    /// Takes in an outcome.
    pub fn add(&mut self, outcome: &Outcome) {
        let Some(cell) = &outcome.access else { return };
        let matrix = self.0.entry(outcome.suite).or_default();
        if matrix.suite.is_empty() {
            // The id of a case begins with that of its suite, and ends with the row and the column.
            outcome.id.rsplit_once('/').map_or("", |(suite, _)| suite).clone_into(&mut matrix.suite);
        }
        matrix.columns.entry(cell.column_number).or_insert_with(|| (cell.column.clone(), cell.role.clone()));
        let row = matrix.rows.entry(cell.row_number).or_insert_with(|| (cell.row.clone(), BTreeMap::new()));
        row.1.insert(cell.column_number, Mark::of(cell, outcome.verdict));
    }

    /// Writes each matrix as a Markdown table: the rows in which something is not as expected first, then the others.
    pub(crate) fn markdown(&self, to: &mut dyn Write) -> io::Result<()> {
        for matrix in self.0.values() {
            let columns = matrix.folded();
            let odd = |marks: &BTreeMap<u32, Mark>| marks.values().any(|m| m.told.is_some());
            let deviating = matrix.rows.values().filter(|(_, marks)| odd(marks)).count();
            let (rows, suite) = (plural(matrix.rows.len(), "row"), markdown(&matrix.suite));
            writeln!(to, "\n### Access: {suite}, {deviating} of {rows} not as expected\n")?;
            let names = columns.iter().map(|(name, people)| markdown(name) + &tail(people));
            summary::row(to, std::iter::once("request".to_owned()).chain(names))?;
            writeln!(to, "|---|{}", ":-:|".repeat(columns.len()))?;
            let mut all: Vec<&(String, BTreeMap<u32, Mark>)> = matrix.rows.values().collect();
            all.sort_by_key(|(_, marks)| !odd(marks));
            for (name, marks) in all.iter().take(MARKDOWN_ROWS) {
                let cells = columns.iter().map(|(_, people)| {
                    let mark = together(people.iter().filter_map(|p| marks.get(p)));
                    if mark.told.is_some() { format!("**{}**", markdown(&mark.text)) } else { mark.text }
                });
                summary::row(to, std::iter::once(markdown_code(name)).chain(cells))?;
            }
            if all.len() > MARKDOWN_ROWS {
                writeln!(to, "\nand {}", plural(all.len() - MARKDOWN_ROWS, "more row"))?;
            }
            let told: Vec<&str> =
                matrix.rows.values().flat_map(|(_, m)| m.values()).filter_map(|m| m.told.as_deref()).collect();
            if told.iter().any(|t| t.contains("of the other kind")) {
                writeln!(to, "\n`*` a refusal of the other kind: 403 for a stranger, 401 for somebody who is known")?;
            }
        }
        Ok(())
    }

    /// Draws a table for each matrix that has something to show.
    pub(crate) fn draw(&self, page: Page, rows: Rows) -> Vec<Vec<Line>> {
        self.0.values().map(|matrix| matrix.draw(page, rows)).filter(|lines| !lines.is_empty()).collect()
    }
}

impl Mark {
    fn of(cell: &AccessCell, verdict: Verdict) -> Self {
        let status = cell.got.map_or_else(|| "none".to_owned(), |status| status.to_string());
        let body = cell.body.as_ref().map(|loot| match (loot.is, &loot.beside) {
            (Likeness::Same, Some(name)) => format!(", the body of {name}"),
            (Likeness::Differs, Some(name)) => format!(", another body than {name}"),
            (Likeness::Empty, _) => ", no body".to_owned(),
            (Likeness::Same | Likeness::Differs | Likeness::Alone, _) => String::new(),
        });
        let other = || format!("{} got {status}, of the other kind", cell.column);
        let words = || format!("{} got {status}, want {}{}", cell.column, cell.want, body.unwrap_or_default());
        let (mark, role, told) = match verdict {
            Verdict::Failed if cell.odd => ("!", Role::Bad, Some(other())),
            Verdict::Failed => ("!", Role::Bad, Some(words())),
            Verdict::Blocked | Verdict::Inconclusive | Verdict::Errored => {
                ("?", Role::Doubt, Some(format!("{} got {status}, {}", cell.column, verdict.word())))
            }
            Verdict::Passed | Verdict::Flaky if cell.odd => ("*", Role::Doubt, Some(other())),
            Verdict::Passed | Verdict::Flaky => ("", Role::Plain, None),
            Verdict::Skipped | Verdict::NotRun => {
                return Self { text: "-".to_owned(), role: Role::Dim, told: None };
            }
        };
        let status = if cell.got.is_none() { "-".to_owned() } else { status };
        Self { text: format!("{status}{mark}"), role, told }
    }
}

impl Matrix {
    fn draw(&self, page: Page, which: Rows) -> Vec<Line> {
        let deviates = |marks: &BTreeMap<u32, Mark>| marks.values().any(|m| m.told.is_some());
        let odd = self.rows.values().filter(|(_, marks)| deviates(marks)).count();
        let wanted: Vec<&(String, BTreeMap<u32, Mark>)> =
            self.rows.values().filter(|(_, marks)| which == Rows::All || deviates(marks)).collect();
        if wanted.is_empty() {
            return Vec::new();
        }
        let columns = self.folded();
        let most = if which == Rows::All { wanted.len() } else { ROWS };
        let names = wanted.iter().take(most).map(|(name, _)| width(&page.fold(name))).max().unwrap_or(0);
        let table = Table::new(page, &columns, names);
        let head = format!("{odd} of {} of {} not as expected", plural(self.rows.len(), "row"), self.suite);
        let mut lines = vec![page.labelled(0, "access", 10).push(Role::Strong, &head).cut(page.width)];
        for band in &table.bands {
            lines.push(table.header(page, &columns[band.clone()]));
            for (name, marks) in wanted.iter().take(most) {
                lines.extend(table.row(page, name, &columns[band.clone()], marks));
            }
        }
        if wanted.len() > most {
            let text = format!("and {}; --matrix full draws all", plural(wanted.len() - most, "more row"));
            lines.push(page.line().text("  ").push(Role::Dim, &text).cut(page.width));
        }
        lines
    }

    /// The columns as they are drawn: people, or, of too many, their roles.
    fn folded(&self) -> Folded {
        let mut all: Folded = Vec::new();
        for (number, (name, role)) in &self.columns {
            let title = match role {
                Some(role) if self.columns.len() > COLUMNS => role,
                Some(_) | None => name,
            };
            match all.iter_mut().find(|(known, _)| known == title) {
                Some((_, numbers)) => numbers.push(*number),
                None => all.push((title.clone(), vec![*number])),
            }
        }
        all
    }
}

/// How a table is laid out.
struct Table {
    /// The room for the names of rows; none when they stand on lines of their own.
    names: Option<usize>,
    widths: Vec<usize>,
    /// Columns that stand side by side.
    bands: Vec<std::ops::Range<usize>>,
}

impl Table {
    fn new(page: Page, columns: &Folded, names: usize) -> Self {
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

    fn header(&self, page: Page, columns: &[(String, Vec<u32>)]) -> Line {
        let mut line = page.line().pad_to(self.start());
        for (number, (name, people)) in columns.iter().enumerate() {
            let end = line.width() + self.widths[number];
            let title = shorten(name, CELL.1 - tail(people).len()) + &tail(people);
            let room = self.widths[number].saturating_sub(width(&page.fold(&title)));
            line = line.text(&" ".repeat(room)).push(Role::Dim, &title).pad_to(end);
        }
        line.cut(page.width)
    }

    fn row(&self, page: Page, name: &str, columns: &[(String, Vec<u32>)], marks: &BTreeMap<u32, Mark>) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut line = page.line().text("  ");
        match self.names {
            Some(room) => line = line.text(&shorten(name, room)),
            None => lines.push(std::mem::replace(&mut line, page.line()).text(name).cut(page.width)),
        }
        line = line.pad_to(self.start());
        for (number, (_, people)) in columns.iter().enumerate() {
            let mark = together(people.iter().filter_map(|p| marks.get(p)));
            let room = self.widths[number].saturating_sub(width(&page.fold(&mark.text)));
            line = line.text(&" ".repeat(room)).push(mark.role, &mark.text);
        }
        lines.push(line.cut(page.width));
        let here = columns.iter().flat_map(|(_, people)| people);
        let told: Vec<&str> = here.filter_map(|p| marks.get(p)?.told.as_deref()).collect();
        let mut words = told.iter().take(TOLD).copied().collect::<Vec<_>>().join("; ");
        if told.len() > TOLD {
            words.push_str(&format!("; and {} more", told.len() - TOLD));
        }
        if !words.is_empty() {
            lines.extend(page.line().text("    ").push(Role::Dim, &words).wrap(page.width, 4));
        }
        lines
    }
}

/// How many a column stands for.
fn tail(people: &[u32]) -> String {
    if people.len() > 1 { format!(" x{}", people.len()) } else { String::new() }
}

/// Several cells in one: that which is worst, or what all are.
fn together<'m>(marks: impl Iterator<Item = &'m Mark>) -> Mark {
    let all: Vec<&Mark> = marks.collect();
    let rank = |mark: &Mark| match mark.text.chars().next_back() {
        Some('!') => 0,
        Some('?') => 1,
        Some('*') => 2,
        Some(_) | None => 3,
    };
    let Some(worst) = all.iter().min_by_key(|m| rank(m)) else {
        return Mark { text: String::new(), role: Role::Plain, told: None };
    };
    if worst.told.is_none() && all.iter().any(|m| m.text != worst.text) {
        return Mark { text: "ok".to_owned(), role: Role::Plain, told: None };
    }
    (*worst).clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::{Colour, Glyphs};

    fn cell(row: u32, column: u32, role: &str, got: u16) -> AccessCell {
        AccessCell {
            row: format!("GET /row/{row}"),
            column: format!("person-{column}"),
            role: Some(role.to_owned()),
            row_number: row,
            column_number: column,
            want: "deny".to_owned(),
            got: Some(got),
            body: None,
            odd: false,
        }
    }

    fn drawn(columns: u32, width: usize, rows: Rows) -> Vec<String> {
        let mut matrix = Matrix { suite: "s".to_owned(), ..Matrix::default() };
        for row in 0..3 {
            for column in 0..columns {
                let role = if column % 2 == 0 { "user" } else { "admin" };
                let failed = row == 1 && column == 1;
                let verdict = if failed { Verdict::Failed } else { Verdict::Passed };
                let cell = cell(row, column, role, if failed { 200 } else { 403 });
                matrix.columns.insert(column, (cell.column.clone(), cell.role.clone()));
                let marks = matrix.rows.entry(row).or_insert_with(|| (cell.row.clone(), BTreeMap::new()));
                marks.1.insert(column, Mark::of(&cell, verdict));
            }
        }
        let page = Page { width, glyphs: Glyphs::Ascii };
        matrix.draw(page, rows).iter().map(|line| line.render(Colour::Off)).collect()
    }

    #[test]
    fn only_what_deviates_is_drawn_and_told_in_words() {
        let lines = drawn(3, 80, Rows::Deviating);
        let text = lines.join("\n");
        assert!(text.contains("200!") && text.contains("person-1 got 200, want deny"), "{text}");
        assert!(!text.contains("/row/0") && !text.contains("/row/2"), "{text}");
        let all = drawn(3, 80, Rows::All).join("\n");
        assert!(all.contains("/row/0") && all.contains("/row/2"), "{all}");
    }

    #[test]
    fn no_line_is_wider_than_the_page_and_many_columns_become_roles() {
        for (columns, width) in [(3, 80), (8, 80), (8, 120), (30, 80), (3, 40)] {
            let lines = drawn(columns, width, Rows::All);
            assert!(lines.iter().all(|l| l.chars().count() <= width), "{columns} {width}: {lines:#?}");
        }
        let folded = drawn(30, 80, Rows::Deviating).join("\n");
        assert!(folded.contains("user x15") && folded.contains("admin x15"), "{folded}");
        assert!(folded.contains("200!") && !folded.contains("person-2"), "{folded}");
        assert!(drawn(8, 80, Rows::All).join("\n").contains("person-7"), "bands");
    }
}
