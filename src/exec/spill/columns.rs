//! What a refusal hands over of a list, or of one thing, that is no whole record: some values of a column, a record in
//! another notation, an address that belongs to somebody else.

use std::collections::HashSet;

use serde_json::Value;

use super::LEAVES;
use super::telling::{Kind, is_mailbox, is_vocabulary, kind, local_part, names_who};
use super::texts::Told;
use crate::check::has_word;

/// What stands between the digits of a long number.
const BETWEEN: &[char] = &[',', '.', '\'', '’', ' ', '_', '\u{a0}', '\u{202f}'];

/// How many values of a column are found that tell, by what they are like: so many, of so much of the column.
const SOME: usize = 3;
const MORE: usize = 5;
const MANY: usize = 8;

/// Where a record is told in another notation, its values stand near each other.
const NEAR: usize = 160;

/// What is known of whoever was refused.
#[derive(Debug, Clone, Default)]
pub(in crate::exec) struct Names(Vec<String>);

/// The values of one member, in all records of a list.
#[derive(Debug, Default)]
struct Column {
    /// The names that lead to it.
    path: Vec<String>,
    /// Of records of a list, or a list of them.
    in_list: bool,
    of_records: bool,
    values: Vec<String>,
    count: usize,
}

impl Names {
    /// Those of somebody, in whatever case they are written.
    pub(in crate::exec) fn new(all: impl IntoIterator<Item = String>) -> Self {
        const SHORTEST: usize = 3;
        let all = all.into_iter().map(|name| name.trim().to_lowercase());
        Self(all.filter(|name| name.chars().count() >= SHORTEST).collect())
    }

    /// Whether an e-mail address begins as whoever is refused is called.
    fn are_in(&self, leaf: &str) -> bool {
        let Some(local) = local_part(leaf).map(str::to_lowercase) else { return false };
        let is_one = |name: &String| {
            let name = name.split('@').next().unwrap_or_default();
            name == local || local.split(|c: char| !c.is_alphanumeric()).any(|part| part == name)
        };
        self.0.iter().any(is_one)
    }

    /// What stands in records of whoever is refused.
    fn records(&self, value: &Value) -> HashSet<String> {
        let (mut own, mut open) = (HashSet::new(), vec![value]);
        while let Some(value) = open.pop() {
            match value {
                Value::Object(members) => {
                    let mut named = members.values().filter_map(Value::as_str);
                    if named.any(|text| self.0.contains(&text.trim().to_lowercase())) {
                        own.extend(members.values().filter_map(word));
                    }
                    open.extend(members.values());
                }
                Value::Array(items) => open.extend(items),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        own
    }
}

/// What counts of a good answer, and what it is looked for in.
pub(super) struct Search<'a> {
    pub(super) good: &'a Value,
    pub(super) told: &'a Told,
    pub(super) names: &'a Names,
    /// Whether a value is known to whoever was refused, or guarded by nothing.
    pub(super) knows: &'a dyn Fn(&str) -> bool,
    /// Whether a value that tells by itself is told elsewhere as well; nothing where nobody can say.
    pub(super) elsewhere: Option<&'a dyn Fn(&str) -> bool>,
}

impl Search<'_> {
    /// Some of what was found.
    pub(super) fn found(&self) -> Option<Vec<String>> {
        if self.told.text().trim().is_empty() {
            return None;
        }
        let columns = columns(self.good);
        let own = self.names.records(self.good);
        let marks = between(self.told.text());
        let counts = |leaf: &String| !own.contains(leaf) && !(self.knows)(leaf) && !self.names.are_in(leaf);
        let stands = |leaf: &String| counts(leaf) && is_in(self.told.text(), leaf, &marks);
        let some = |found: &[&String]| found.iter().take(3).map(|leaf| (*leaf).clone()).collect();
        for column in columns.iter().filter(|column| column.in_list && !column.is_vocabulary()) {
            for kind in [Kind::Own, Kind::Code, Kind::Short, Kind::Word] {
                let found = column.found(kind, &stands);
                if !found.is_empty() {
                    return Some(some(&found));
                }
            }
        }
        let telling = self.telling(&columns, &stands);
        if !telling.is_empty() {
            return Some(some(&telling.iter().collect::<Vec<_>>()));
        }
        self.record(&counts)
    }

    /// Values that tell by themselves.
    fn telling(&self, columns: &[Column], stands: &dyn Fn(&String) -> bool) -> Vec<String> {
        let Some(elsewhere) = self.elsewhere else { return Vec::new() };
        let all = columns.iter().flat_map(|column| column.values.iter().map(|leaf| (leaf, column.name())));
        let own = all.filter(|(leaf, name)| kind(leaf, name) == Some(Kind::Own) && stands(leaf));
        let mut found: Vec<String> = own.map(|(leaf, _)| leaf.clone()).filter(|leaf| !elsewhere(leaf)).collect();
        let mut seen = HashSet::new();
        found.retain(|leaf| seen.insert(leaf.clone()));
        if let [one] = &found[..]
            && (is_mailbox(one) || self.told.values().iter().any(|value| is_who(value, one)))
        {
            return Vec::new();
        }
        found
    }

    /// A record in another notation: all its values stand near each other.
    fn record(&self, counts: &dyn Fn(&String) -> bool) -> Option<Vec<String>> {
        let text = self.told.text();
        for record in records(self.good) {
            let values: Vec<String> = super::leaves(record).into_iter().filter(|leaf| leaf.len() > 1).collect();
            let telling: Vec<&String> = values.iter().filter(|leaf| super::is_distinct(leaf) && counts(leaf)).collect();
            let (Some(first), true) = (telling.first(), values.len() >= SOME && telling.len() > 1) else { continue };
            let near = NEAR + 2 * values.iter().map(String::len).sum::<usize>();
            let is_here = |at: usize| {
                let (start, end) = (at.saturating_sub(near), (at + near).min(text.len()));
                let bounds = (text.floor_char_boundary(start), text.floor_char_boundary(end));
                values.iter().all(|leaf| has_word(&text[bounds.0..bounds.1], leaf))
            };
            if text.match_indices(first.as_str()).take(MANY).any(|(at, _)| is_here(at)) {
                return Some(telling.into_iter().take(3).cloned().collect());
            }
        }
        None
    }
}

impl Column {
    fn name(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    fn is_vocabulary(&self) -> bool {
        self.path.iter().any(|name| is_vocabulary(name))
    }

    /// Those of its values that are of a kind and stand in the refusal, where they are enough of them.
    fn found(&self, of: Kind, stands: &dyn Fn(&String) -> bool) -> Vec<&String> {
        let name = self.name();
        let all = || self.values.iter().filter(|leaf| kind(leaf, name) == Some(of));
        let (least, many, unlike) = match of {
            Kind::Own | Kind::Code => (SOME, 0, 50),
            Kind::Short => (MORE, 80, 80),
            Kind::Word => (MANY, 80, 80),
        };
        let count = all().count();
        let is_open = of != Kind::Word || self.of_records;
        // A few words that come again and again are no column of names.
        if count < least || self.values.len() * 100 < self.count * unlike || !is_open {
            return Vec::new();
        }
        let found: Vec<&String> = all().filter(|leaf| stands(leaf)).collect();
        if found.len() >= least && found.len() * 100 >= count * many { found } else { Vec::new() }
    }
}

/// The columns of a value: what stands at the same place of all records.
fn columns(value: &Value) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    let mut open = vec![(value, Vec::new(), false, false)];
    let mut left = LEAVES;
    while let Some((value, path, in_list, of_records)) = open.pop().filter(|_| left > 0) {
        match value {
            Value::Object(members) => {
                let data = members.iter().rev().filter(|(name, _)| !super::FRAME.contains(&name.as_str()));
                open.extend(data.map(|(name, value)| {
                    let path = path.iter().chain([name]).cloned().collect();
                    (value, path, in_list, in_list)
                }));
            }
            Value::Array(items) => {
                open.extend(items.iter().rev().map(|item| (item, path.clone(), true, false)));
            }
            Value::String(_) | Value::Number(_) => {
                let Some(leaf) = word(value) else { continue };
                left -= 1;
                let at = columns.iter().position(|column| column.path == path && column.in_list == in_list);
                let at = at.unwrap_or_else(|| {
                    columns.push(Column { path, in_list, of_records, ..Column::default() });
                    columns.len() - 1
                });
                let column = &mut columns[at];
                column.count += 1;
                if !column.values.contains(&leaf) {
                    column.values.push(leaf);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
    columns
}

/// The objects in lists.
fn records(value: &Value) -> Vec<&Value> {
    let (mut found, mut open) = (Vec::new(), vec![value]);
    while let Some(value) = open.pop().filter(|_| found.len() < LEAVES) {
        match value {
            Value::Object(members) => open.extend(members.values()),
            Value::Array(items) => {
                found.extend(items.iter().filter(|item| item.is_object()));
                open.extend(items);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found
}

fn word(value: &Value) -> Option<String> {
    let leaf = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    (!leaf.is_empty()).then_some(leaf)
}

/// What stands between groups of three digits in a text.
fn between(text: &str) -> Vec<char> {
    let is_between = |mark: &char| {
        text.match_indices(*mark).any(|(at, _)| {
            let rest = text.as_bytes().get(at + mark.len_utf8()..).unwrap_or_default();
            at > 0
                && text.as_bytes()[at - 1].is_ascii_digit()
                && rest.len() >= 3
                && rest[..3].iter().all(u8::is_ascii_digit)
        })
    };
    BETWEEN.iter().copied().filter(is_between).collect()
}

/// Whether a text has a value in it, a number also in groups of digits.
fn is_in(text: &str, leaf: &str, marks: &[char]) -> bool {
    let is_number = leaf.len() > 3 && leaf.bytes().all(|byte| byte.is_ascii_digit());
    has_word(text, leaf) || is_number && marks.iter().any(|mark| has_word(text, &grouped(leaf, *mark)))
}

fn grouped(digits: &str, mark: char) -> String {
    let mut out = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(mark);
        }
        out.push(digit);
    }
    out
}

/// Whether a refusal says of a value that it is whoever asks, or whom to ask.
fn is_who(value: &Value, leaf: &str) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(name, value)| {
            let is_it = value.as_str().is_some_and(|text| has_word(text, leaf));
            let within = |value: &Value| match value {
                Value::Object(inner) => inner.values().any(|v| v.as_str().is_some_and(|text| has_word(text, leaf))),
                _ => false,
            };
            (names_who(name) && (is_it || within(value))) || is_who(value, leaf)
        }),
        Value::Array(items) => items.iter().any(|item| is_who(item, leaf)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
