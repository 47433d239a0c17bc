//! The access matrix as a table: a row for each request, a column for each person, the status in each cell.
//!
//! It collects the cells of all outcomes, little of each, and draws them when the run is over. A cell that is not as
//! expected bears a mark, `!` where it failed, `?` where it could not be judged and `*` where it was refused otherwise
//! than is due, and is told below its row in words, so that the table can be read without colour. The defects of a row
//! are part of their cells.

mod spot;
mod table;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};

use self::spot::{Spot, State, in_words, together};
use self::table::{Table, tail};
use crate::event::Outcome;
use crate::report::summary;
use crate::report::terminal::line::{Line, Page, Role, width};
use crate::term::{markdown, markdown_code, plural};

/// More columns than these are folded to roles.
const COLUMNS: usize = 8;
/// How many rows of a matrix are drawn unless all are asked for.
const ROWS: usize = 40;
/// How many rows of a matrix a Markdown table has.
const MARKDOWN_ROWS: usize = 200;
/// How many rows are told in words below it.
const MARKDOWN_TOLD: usize = 40;

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

/// The cells of a row, by the numbers of their columns.
type Marks = BTreeMap<u32, Spot>;

#[derive(Debug, Default)]
struct Matrix {
    suite: String,
    columns: BTreeMap<u32, (String, Option<String>)>,
    rows: BTreeMap<u32, (String, Marks)>,
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
        let row = matrix.rows.entry(cell.row_number).or_insert_with(|| (cell.row.clone(), Marks::new()));
        row.1.entry(cell.column_number).or_default().add(cell, outcome);
    }

    /// Writes each matrix as a Markdown table: the rows to be looked at first, the worst of them before all.
    pub(crate) fn markdown(&self, to: &mut dyn Write) -> io::Result<()> {
        for matrix in self.0.values() {
            matrix.markdown(to)?;
        }
        Ok(())
    }

    /// Draws a table for each matrix that has something to show.
    pub(crate) fn draw(&self, page: Page, rows: Rows) -> Vec<Vec<Line>> {
        self.0.values().map(|matrix| matrix.draw(page, rows)).filter(|lines| !lines.is_empty()).collect()
    }
}

/// How the worst cell of a row ended.
fn worst(marks: &Marks) -> State {
    marks.values().map(Spot::state).max().unwrap_or(State::Skipped)
}

impl Matrix {
    fn draw(&self, page: Page, which: Rows) -> Vec<Line> {
        let mut wanted: Vec<&(String, Marks)> =
            self.rows.values().filter(|(_, marks)| which == Rows::All || worst(marks).is_told()).collect();
        if wanted.is_empty() {
            return Vec::new();
        }
        let columns = self.folded();
        let most = if which == Rows::All { wanted.len() } else { ROWS };
        if wanted.len() > most {
            // What is left out is what matters least.
            wanted.sort_by_key(|(_, marks)| Reverse(worst(marks)));
        }
        let names = wanted.iter().take(most).map(|(name, _)| width(&page.fold(name))).max().unwrap_or(0);
        let table = Table::new(page, &columns, names);
        let head = self.count(&format!(" of {}", self.suite));
        let mut lines = page.labelled(0, "access", 10).push(Role::Strong, &head).wrap(page.width, 10);
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

    /// Says how many rows are to be looked at, and why.
    fn count(&self, of: &str) -> String {
        let rows = |state| self.rows.values().filter(|(_, marks)| worst(marks) == state).count();
        let mut told = format!("{} of {}{of} not as expected", rows(State::Failed), plural(self.rows.len(), "row"));
        if rows(State::Doubt) > 0 {
            told.push_str(&format!(", {} not judged", rows(State::Doubt)));
        }
        if rows(State::Spared) > 0 {
            told.push_str(&format!(", {} spared", rows(State::Spared)));
        }
        match rows(State::Finding) {
            0 => {}
            1 => told.push_str(", 1 with a finding"),
            n => told.push_str(&format!(", {n} with findings")),
        }
        if rows(State::NotRun) > 0 {
            told.push_str(&format!(", {} not run", rows(State::NotRun)));
        }
        told
    }

    fn markdown(&self, to: &mut dyn Write) -> io::Result<()> {
        let columns = self.folded();
        writeln!(to, "\n### Access: {}, {}\n", markdown(&self.suite), self.count(""))?;
        let names = columns.iter().map(|(name, people)| markdown(name) + &tail(people));
        summary::row(to, std::iter::once("request".to_owned()).chain(names))?;
        writeln!(to, "|---|{}", ":-:|".repeat(columns.len()))?;
        let mut all: Vec<&(String, Marks)> = self.rows.values().collect();
        all.sort_by_key(|(_, marks)| Reverse(worst(marks).max(State::NotRun)));
        for (name, marks) in all.iter().take(MARKDOWN_ROWS) {
            let cells = columns.iter().map(|(_, people)| {
                let (text, state) = together(people.iter().filter_map(|p| marks.get(p)));
                if state.is_told() { format!("**{}**", markdown(&text)) } else { text }
            });
            summary::row(to, std::iter::once(markdown_code(name)).chain(cells))?;
        }
        if all.len() > MARKDOWN_ROWS {
            writeln!(to, "\nand {}", plural(all.len() - MARKDOWN_ROWS, "more row"))?;
        }
        self.words(&all, to)
    }

    /// What marks mean, in words, for a table has no room for them.
    fn words(&self, rows: &[&(String, Marks)], to: &mut dyn Write) -> io::Result<()> {
        let told: Vec<String> = rows
            .iter()
            .filter_map(|(name, marks)| {
                let told = in_words(marks.values());
                (!told.is_empty()).then(|| format!("- {}: {}", markdown_code(name), markdown(&told)))
            })
            .collect();
        if !told.is_empty() {
            writeln!(to)?;
        }
        told.iter().take(MARKDOWN_TOLD).try_for_each(|line| writeln!(to, "{line}"))?;
        if told.len() > MARKDOWN_TOLD {
            writeln!(to, "- and {}", plural(told.len() - MARKDOWN_TOLD, "more row"))?;
        }
        Ok(())
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
