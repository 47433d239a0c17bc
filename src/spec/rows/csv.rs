//! Comma-separated values (RFC 4180): quotes, line breaks in quotes, either line end; nothing is guessed.

use std::ops::Range;

/// A cell with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) at: Range<usize>,
}

/// A file that was read: every record has a cell for every column.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) columns: Vec<Cell>,
    pub(super) records: Vec<Vec<Cell>>,
}

/// Why a text is no table.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: Range<usize>,
    pub(super) message: String,
    pub(super) label: String,
}

fn fault(at: Range<usize>, message: impl Into<String>, label: &str) -> Fault {
    Fault { at, message: message.into(), label: label.to_owned() }
}

/// Reads a table; empty lines do not count.
pub(super) fn read(text: &str) -> Result<Table, Fault> {
    let mut records = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let (record, next) = record(text, at)?;
        at = next;
        if record.len() > 1 || !record[0].at.is_empty() {
            records.push(record);
        }
    }
    let mut records = records.into_iter();
    let Some(columns) = records.next() else {
        return Err(fault(0..0, "a CSV file begins with a line that names its columns", "nothing is here"));
    };
    check_columns(&columns)?;
    let records: Vec<Vec<Cell>> = records.collect();
    for record in &records {
        if record.len() != columns.len() {
            let whole = record[0].at.start..record[record.len() - 1].at.end;
            let cells = crate::term::plural(record.len(), "cell");
            let message = format!("a row has {cells}, and there are {}", crate::term::plural(columns.len(), "column"));
            return Err(fault(whole, message, "a comma too many or too few; text with commas stands in quotes"));
        }
    }
    Ok(Table { columns, records })
}

fn check_columns(columns: &[Cell]) -> Result<(), Fault> {
    for (i, column) in columns.iter().enumerate() {
        if column.text.trim().is_empty() {
            return Err(fault(column.at.clone(), "a column has no name", "here"));
        }
        if column.text.trim() != column.text {
            return Err(fault(column.at.clone(), "the name of a column has blanks around it", "blanks count in CSV"));
        }
        if columns[..i].iter().any(|c| c.text == column.text) {
            let message = format!("two columns are called `{}`", column.text);
            return Err(fault(column.at.clone(), message, "the second one"));
        }
    }
    Ok(())
}

/// Reads one record, and gives where the next begins.
fn record(text: &str, start: usize) -> Result<(Vec<Cell>, usize), Fault> {
    let mut cells = Vec::new();
    let mut at = start;
    loop {
        let (cell, end) = if text[at..].starts_with('"') { quoted(text, at)? } else { plain(text, at)? };
        cells.push(cell);
        let rest = &text[end..];
        if rest.starts_with(',') {
            at = end + 1;
            continue;
        }
        let line_end = if rest.starts_with("\r\n") { 2 } else { usize::from(!rest.is_empty()) };
        return Ok((cells, end + line_end));
    }
}

fn plain(text: &str, start: usize) -> Result<(Cell, usize), Fault> {
    let rest = &text[start..];
    let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
    let line = line.strip_suffix('\r').unwrap_or(line);
    let cell = &line[..line.find(',').unwrap_or(line.len())];
    if let Some(quote) = cell.find('"') {
        let message = "a quote stands inside a cell that is not in quotes";
        return Err(fault(
            start + quote..start + quote + 1,
            message,
            "put the whole cell in quotes, and write this one twice",
        ));
    }
    let end = start + cell.len();
    Ok((Cell { text: cell.to_owned(), at: start..end }, end))
}

fn quoted(text: &str, start: usize) -> Result<(Cell, usize), Fault> {
    let mut out = String::new();
    let mut at = start + 1;
    loop {
        let Some(quote) = text[at..].find('"').map(|i| at + i) else {
            return Err(fault(start..start + 1, "a quote is opened and never closed", "it begins here"));
        };
        out.push_str(&text[at..quote]);
        at = quote + 1;
        if text[at..].starts_with('"') {
            out.push('"');
            at += 1;
            continue;
        }
        if !(at == text.len() || text[at..].starts_with([',', '\n']) || text[at..].starts_with("\r\n")) {
            let message = "something follows the closing quote of a cell";
            return Err(fault(at..at + 1, message, "a comma or the end of the line belongs here"));
        }
        return Ok((Cell { text: out, at: start..at }, at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<Vec<String>> {
        let table = read(text).unwrap();
        let all = std::iter::once(table.columns).chain(table.records);
        all.map(|r| r.into_iter().map(|c| c.text).collect()).collect()
    }

    #[test]
    fn cells_are_read_as_the_standard_says() {
        assert_eq!(cells("id,n\r\na,1\r\n\r\nb,\r\n"), [["id", "n"], ["a", "1"], ["b", ""]]);
        assert_eq!(cells("id,t\na,\"x, \"\"y\"\"\nz\""), [["id", "t"], ["a", "x, \"y\"\nz"]]);
        assert_eq!(cells("id\né\n"), [["id"], ["é"]]);
    }

    #[test]
    fn what_is_no_table_is_told_at_its_place() {
        let why = |text: &str| {
            let fault = read(text).unwrap_err();
            (fault.at.start, fault.message)
        };
        assert_eq!(why("").1, "a CSV file begins with a line that names its columns");
        assert_eq!(why("id,n\na,1,2\n"), (5, "a row has 3 cells, and there are 2 columns".to_owned()));
        assert_eq!(why("id,\n"), (3, "a column has no name".to_owned()));
        assert_eq!(why("id, n\n").1, "the name of a column has blanks around it");
        assert_eq!(why("id,id\n").1, "two columns are called `id`");
        assert_eq!(why("id\na\"b\n").0, 4);
        assert_eq!(why("id\n\"a\n").1, "a quote is opened and never closed");
        assert_eq!(why("id\n\"a\"b\n").1, "something follows the closing quote of a cell");
    }
}
