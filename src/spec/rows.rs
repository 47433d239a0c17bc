//! Reads `each`: the rows that a case is run with, written in place or in a file beside the suite.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::model::{Named, Suites};
use super::reader::{Key, Reader, key};
use super::shape::Shape;
use super::yaml::{Data, MAX_FILE, Node};
use super::{diags, files};
use crate::diag::Diagnostics;
use crate::source::{FileId, SourceMap, Span, Spanned};

mod csv;

/// The keys of `each` when its rows stand in a file.
pub const EACH_KEYS: &[Key] = &[
    key("csv", "a file of comma-separated values; its first line names the columns").is(Shape::Text),
    key("json", "a file with a list of objects").is(Shape::Text),
    key("types", "the columns of a CSV file that are not text: `number`, `integer` or `boolean`")
        .is(Shape::Map(&Shape::Words(&["text", "number", "integer", "boolean"]))),
];

/// The rows that a case is run with.
#[derive(Debug, Clone)]
pub struct Each {
    /// The rows; empty only where they have a fault.
    pub rows: Vec<Row>,
    /// The file that they come from.
    file: Option<RowFile>,
}

/// A row, one case.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its `id`, unique among the rows.
    pub id: Spanned<Arc<str>>,
    /// Its values.
    pub value: RowValue,
}

/// The values of a row.
#[derive(Debug, Clone)]
pub enum RowValue {
    /// Written in the suite; templates in it are rendered.
    Written(Node),
    /// Read from a file, taken as it is.
    Read(Value),
}

impl Row {
    /// The names that it has.
    pub fn names(&self) -> Vec<&str> {
        match &self.value {
            RowValue::Written(node) => match &node.data {
                Data::Map(entries) => entries.iter().map(|e| &*e.key).collect(),
                _ => Vec::new(),
            },
            RowValue::Read(value) => {
                value.as_object().map_or_else(Vec::new, |o| o.keys().map(String::as_str).collect())
            }
        }
    }
}

#[derive(Debug, Clone)]
struct RowFile {
    form: Form,
    path: Spanned<Arc<str>>,
    types: Vec<Named<ColumnType>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Csv,
    Json,
}

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ColumnType {
    Text,
    Number,
    Integer,
    Boolean,
}

const TYPES: &[(&str, ColumnType)] = &[
    ("text", ColumnType::Text),
    ("number", ColumnType::Number),
    ("integer", ColumnType::Integer),
    ("boolean", ColumnType::Boolean),
];

/// Reads `each`; rows of a file are read later, by [`fill`].
pub(super) fn each(node: &Node, reader: &mut Reader<'_>) -> Each {
    let (file, rows) = match &node.data {
        Data::Map(_) => (row_file(node, reader), Vec::new()),
        Data::List(items) => (None, written(items, node.span, reader)),
        Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) => {
            reader.fault(diags::wrong_type(node, "a list of rows, `{ csv: file }` or `{ json: file }`"));
            (None, Vec::new())
        }
    };
    Each { rows, file }
}

fn written(items: &[Node], span: Span, reader: &mut Reader<'_>) -> Vec<Row> {
    if items.is_empty() {
        reader.fault(diags::no_rows(span));
    }
    let mut seen = Seen::default();
    let mut rows = Vec::new();
    for item in items {
        let Some(map) = reader.map(item) else { continue };
        let span = map.iter().next().map_or(item.span, |e| e.key_span);
        let Some(node) = map.get("id") else {
            reader.fault(diags::row(span, "a row needs an `id`", "`id` is missing"));
            continue;
        };
        let Some(id) = reader.word(node) else { continue };
        if seen.admit(&id, reader.diags) {
            rows.push(Row { id, value: RowValue::Written(item.clone()) });
        }
    }
    rows
}

fn row_file(node: &Node, reader: &mut Reader<'_>) -> Option<RowFile> {
    let fields = reader.fields(node, EACH_KEYS, "`each`")?;
    let path = |name: &str, reader: &mut Reader<'_>| fields.get(name).and_then(|n| reader.word(n));
    let found = match (path("csv", reader), path("json", reader)) {
        (Some(path), None) => Some((Form::Csv, path)),
        (None, Some(path)) => Some((Form::Json, path)),
        (None, None) | (Some(_), Some(_)) => None,
    };
    let Some((form, path)) = found else {
        let fault = diags::row(node.span, "`each` takes its rows from one file", "one of `csv` and `json`");
        reader.fault(fault);
        return None;
    };
    let mut types = Vec::new();
    if let Some(entry) = fields.entry("types") {
        if form == Form::Json {
            let why = "JSON says itself what is a number";
            reader.fault(diags::row(entry.key_span, "`types` is for columns of a CSV file", why));
        }
        for column in reader.map(&entry.value)?.iter() {
            let value = reader.one_of(&column.value, "a type of columns", TYPES)?;
            types.push(Named { name: Arc::clone(&column.key), span: column.key_span, value });
        }
    }
    Some(RowFile { form, path, types })
}

/// The ids met so far in one `each`.
#[derive(Default)]
struct Seen(HashMap<Arc<str>, Span>);

impl Seen {
    /// Takes an id in, unless it cannot be one.
    fn admit(&mut self, id: &Spanned<Arc<str>>, diags: &mut Diagnostics) -> bool {
        let bad = |c: char| c.is_control() || "[],*".contains(c);
        if id.value.contains(bad) || id.value.trim() != &*id.value || id.value.is_empty() {
            let message = format!("`{}` cannot be the `id` of a row", id.value.escape_debug());
            diags.push(
                diags::row(id.span, message, "it becomes a part of the case's id")
                    .help("it is not empty, has no blanks around it, and none of `[`, `]`, `,` and `*` in it"),
            );
            return false;
        }
        if let Some(first) = self.0.insert(Arc::clone(&id.value), id.span) {
            diags.push(
                diags::row(id.span, format!("two rows have the id `{}`", id.value), "the second one")
                    .also(first, "the first one"),
            );
            return false;
        }
        true
    }
}

/// Reads the files that rows come from, each once. A file that cannot be read is a fault at its place.
pub(super) fn fill(suites: &mut Suites, sources: &mut SourceMap, diags: &mut Diagnostics) {
    let mut read: BTreeMap<std::path::PathBuf, Option<FileId>> = BTreeMap::new();
    let roots: Vec<_> = suites.projects.iter().map(|p| p.folder.clone()).collect();
    for suite in &mut suites.suites {
        let root = suite.project.map_or(&*suite.folder, |p| &*roots[p]).to_owned();
        let shown = sources.name(suite.file);
        for each in suite.cases.iter_mut().filter_map(|c| c.each.as_mut()) {
            let Some(file) = each.file.clone() else { continue };
            let full = match files::below(&suite.folder, &root, &file.path.value) {
                Ok(full) => full,
                Err(why) => {
                    diags.push(diags::rows_file(file.path.span, &file.path.value, &why));
                    continue;
                }
            };
            let name = beside(&shown, &file.path.value);
            let id = *read.entry(full.clone()).or_insert_with(|| match files::bounded(&full, MAX_FILE) {
                Ok(text) => Some(sources.add(&name, text)),
                Err(why) => {
                    diags.push(diags::rows_file(file.path.span, &file.path.value, &why));
                    None
                }
            });
            let Some(id) = id else { continue };
            let before = diags.errors();
            each.rows = match file.form {
                Form::Csv => csv_rows(id, sources.text(id), &file, diags),
                Form::Json => json_rows(id, sources.text(id), diags),
            };
            if each.rows.is_empty() && diags.errors() == before {
                diags.push(diags::no_rows(file.path.span));
            }
        }
    }
}

/// The name of a data file as people know it: as its suite's, with the path from there.
fn beside(suite: &str, path: &str) -> String {
    match suite.rsplit_once('/') {
        Some((folder, _)) if !Path::new(path).is_absolute() => format!("{folder}/{path}"),
        Some(_) | None => path.to_owned(),
    }
}

fn csv_rows(id: FileId, text: &str, file: &RowFile, diags: &mut Diagnostics) -> Vec<Row> {
    let span = |range: &Range<usize>| Span::new(id, range.start, range.end);
    let table = match csv::read(text) {
        Ok(table) => table,
        Err(fault) => {
            diags.push(diags::row(span(&fault.at), fault.message, fault.label));
            return Vec::new();
        }
    };
    for column in file.types.iter().filter(|t| table.columns.iter().all(|c| *c.text != *t.name)) {
        diags.push(diags::row(
            column.span,
            format!("`{}` has no column `{}`", file.path.value, column.name),
            "no such column",
        ));
    }
    let types: Vec<ColumnType> = table
        .columns
        .iter()
        .map(|c| file.types.iter().find(|t| *t.name == *c.text).map_or(ColumnType::Text, |t| t.value))
        .collect();
    let Some(of_id) = table.columns.iter().position(|c| c.text == "id") else {
        let start = table.columns.first().map_or(0..0, |c| c.at.clone());
        diags.push(diags::row(span(&start), "the rows need an `id`", "no column is called `id`"));
        return Vec::new();
    };
    let mut seen = Seen::default();
    let mut rows = Vec::new();
    for record in table.records {
        let mut object = serde_json::Map::new();
        let mut good = true;
        for ((column, cell), kind) in table.columns.iter().zip(&record).zip(&types) {
            if let Some(value) = typed(&cell.text, *kind) {
                object.insert(column.text.clone(), value);
                continue;
            }
            let kind = TYPES.iter().find(|(_, t)| t == kind).map_or("", |(name, _)| name);
            let message = format!("`{}` in the column `{}` is no {kind}", cell.text, column.text);
            diags.push(diags::row(span(&cell.at), message, format!("`types` says `{kind}`")));
            good = false;
        }
        let id = Spanned::new(Arc::from(&*record[of_id].text), span(&record[of_id].at));
        if seen.admit(&id, diags) && good {
            rows.push(Row { id, value: RowValue::Read(Value::Object(object)) });
        }
    }
    rows
}

fn typed(text: &str, kind: ColumnType) -> Option<Value> {
    match kind {
        ColumnType::Text => Some(Value::from(text)),
        ColumnType::Number => serde_json::from_str::<serde_json::Number>(text.trim()).ok().map(Value::Number),
        ColumnType::Integer => text.trim().parse::<i64>().ok().map(Value::from),
        ColumnType::Boolean => text.trim().parse::<bool>().ok().map(Value::from),
    }
}

fn json_rows(id: FileId, text: &str, diags: &mut Diagnostics) -> Vec<Row> {
    let items: Vec<Value> = match serde_json::from_str(text) {
        Ok(Value::Array(items)) => items,
        Ok(_) => {
            diags.push(diags::row(Span::new(id, 0, 1), "a JSON file of rows is a list of objects", "not a list"));
            return Vec::new();
        }
        Err(error) => {
            let line = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
            let at = line + error.column().saturating_sub(1);
            diags.push(diags::row(Span::new(id, at, at + 1), "this is no JSON", words(&error)));
            return Vec::new();
        }
    };
    let mut seen = Seen::default();
    let mut rows = Vec::new();
    for (item, range) in items.into_iter().zip(elements(text)) {
        // The first line of a row is enough to find it by.
        let end = text[range.clone()].find('\n').map_or(range.end, |n| range.start + n);
        let span = Span::new(id, range.start, end);
        let Value::Object(object) = &item else {
            diags.push(diags::row(span, "a row is an object", "not an object"));
            continue;
        };
        let word = match object.get("id") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => {
                diags.push(diags::row(span, "the `id` of a row is text or a number", "neither"));
                continue;
            }
            None => {
                diags.push(diags::row(span, "a row needs an `id`", "`id` is missing"));
                continue;
            }
        };
        let id = Spanned::new(Arc::from(word), span);
        if seen.admit(&id, diags) {
            rows.push(Row { id, value: RowValue::Read(item) });
        }
    }
    rows
}

/// The parser's sentence without its position.
fn words(error: &serde_json::Error) -> String {
    error.to_string().split(" at line").next().unwrap_or_default().to_owned()
}

/// Where the elements of a list stand in a JSON text that was found sound.
fn elements(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut start: Option<usize> = None;
    for (i, b) in text.bytes().enumerate() {
        if quoted {
            quoted = escaped || b != b'"';
            escaped = !escaped && b == b'\\';
            continue;
        }
        if depth == 1 && start.is_none() && !b.is_ascii_whitespace() && !b",]".contains(&b) {
            start = Some(i);
        }
        match b {
            b'"' => quoted = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        let ends = (depth == 1 && b == b',') || (depth == 0 && b == b']');
        if let (true, Some(from)) = (ends, start) {
            out.push(from..from + text[from..i].trim_end().len());
            start = None;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_a_json_list_are_found_whatever_is_in_them() {
        let text = r#" [ {"id": "a]", "x": [1, {"y": "\"}"}]},
            {"id": 2} , "t\\", 7 ] "#;
        let found: Vec<&str> = elements(text).into_iter().map(|r| &text[r]).collect();
        assert_eq!(found, [r#"{"id": "a]", "x": [1, {"y": "\"}"}]}"#, r#"{"id": 2}"#, r#""t\\""#, "7"]);
        assert!(elements("[]").is_empty());
    }

    #[test]
    fn cells_are_what_their_column_says() {
        let of = |text, kind| typed(text, kind);
        assert_eq!(of("012", ColumnType::Text), Some(Value::from("012")));
        assert_eq!(of("1.5", ColumnType::Number), Some(serde_json::json!(1.5)));
        assert_eq!(of("12", ColumnType::Integer), Some(Value::from(12)));
        assert_eq!(of("true", ColumnType::Boolean), Some(Value::from(true)));
        for (text, kind) in [("1.5", ColumnType::Integer), ("", ColumnType::Number), ("yes", ColumnType::Boolean)] {
            assert_eq!(of(text, kind), None, "{text}");
        }
    }

    #[test]
    fn a_data_file_is_named_as_its_suite_is() {
        assert_eq!(beside("specs/login.yaml", "data/a.csv"), "specs/data/a.csv");
        assert_eq!(beside("login.yaml", "a.csv"), "a.csv");
    }
}
