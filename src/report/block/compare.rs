//! What was asked for beside what was there: aligned when short, as a difference when long.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

use super::excerpt::{first_lines, laid_out};
use super::{COLUMN, INDENT};
use crate::report::terminal::line::{Line, Page, Role, clean, width};
use crate::term::plural;

/// A difference that is not found within this time is shown more coarsely.
const PATIENCE: Duration = Duration::from_millis(200);
/// What stands in brackets at the end is no type when it is longer than this.
const LONGEST_TYPE: usize = 16;
/// Types stand in one column unless the values differ in length by more than this.
const ALIGNED: usize = 12;
/// How many lines a difference may take.
const DIFF_LINES: usize = 16;

/// Draws the two sides of a broken expectation, or the one there is.
pub(crate) fn compare(page: Page, expected: Option<&str>, actual: Option<&str>) -> Vec<Line> {
    let room = page.width - COLUMN;
    if let (Some(expected), Some(actual)) = (expected, actual) {
        let (want, is) = (Sided::new(expected, room), Sided::new(actual, room));
        if want.lines.len() > 1 && is.lines.len() > 1 {
            return difference(page, &want, &is);
        }
        if want.lines.len() == 1 && is.lines.len() == 1 {
            return beside(page, &want, &is);
        }
    }
    let one = |label, text: Option<&str>| text.map(|t| whole(page, label, &Sided::new(t, room))).unwrap_or_default();
    [one("expected", expected), one("actual", actual)].concat()
}

/// One side: its lines and the type that stands behind the value.
struct Sided<'a> {
    lines: Vec<String>,
    kind: &'a str,
}

impl<'a> Sided<'a> {
    fn new(text: &'a str, room: usize) -> Self {
        let (value, kind) = split_type(text);
        let lines = if value.starts_with(['{', '[']) {
            laid_out(value, room.saturating_sub(width(kind) + 2))
        } else {
            value.lines().map(|l| clean(l).into_owned()).collect()
        };
        Self { lines: if lines.is_empty() { vec![String::new()] } else { lines }, kind }
    }
}

/// Parts `404 (integer)` into the value and its type.
fn split_type(text: &str) -> (&str, &str) {
    let Some((value, kind)) = text.rsplit_once(" (") else { return (text, "") };
    let is_word = kind
        .strip_suffix(')')
        .is_some_and(|k| k.len() <= LONGEST_TYPE && k.chars().all(|c| c.is_ascii_alphabetic() || c == ' '));
    if is_word && !value.is_empty() { (value, &text[value.len() + 1..]) } else { (text, "") }
}

/// Draws two one-line values below one another, with their types in a column.
fn beside(page: Page, want: &Sided<'_>, is: &Sided<'_>) -> Vec<Line> {
    let room = page.width - COLUMN;
    let (a, b) = (&want.lines[0], &is.lines[0]);
    let widest = width(a).max(width(b));
    if widest > 3 * room {
        return around(page, want, is);
    }
    let types = want.kind.len().max(is.kind.len());
    let near = !want.kind.is_empty() && !is.kind.is_empty() && width(a).abs_diff(width(b)) <= ALIGNED;
    let column = if near && widest + 1 + types <= room { COLUMN + widest + 1 } else { 0 };
    let row = |label, role, value: &str, kind: &str| {
        let line = page.labelled(INDENT, label, COLUMN).push(role, value);
        let line = if kind.is_empty() { line } else { line.text(" ").pad_to(column).push(Role::Dim, kind) };
        line.wrap(page.width, COLUMN)
    };
    [row("expected", Role::Good, a, want.kind), row("actual", Role::Bad, b, is.kind)].concat()
}

/// Draws two very long one-line values from a little before where they part.
fn around(page: Page, want: &Sided<'_>, is: &Sided<'_>) -> Vec<Line> {
    let (a, b) = (&want.lines[0], &is.lines[0]);
    let same = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
    let from = same.saturating_sub(20);
    let lead = if from > 0 { "…" } else { "" };
    let row = |label, role, text: &str, kind| {
        let part: String = text.chars().skip(from).collect();
        let line = page.labelled(INDENT, label, COLUMN).push(Role::Dim, lead);
        let tail = format!(" {kind}");
        line.push(role, &part).cut(page.width - tail.len()).push(Role::Dim, &tail)
    };
    let rows = vec![row("expected", Role::Good, a, want.kind), row("actual", Role::Bad, b, is.kind)];
    // Nothing in common, as with `contains text …`: then no place is worth a caret.
    if same == 0 {
        return rows;
    }
    let before: String = a.chars().skip(from).take(same - from).collect();
    let caret = page.line().push(Role::Dim, lead).text(&before);
    let caret = page.line().pad_to(COLUMN + caret.width()).push(Role::Bad, "^");
    let note = format!("differs from character {} on", same + 1);
    let caret =
        if caret.width() + 1 + note.len() <= page.width { caret.text(" ").push(Role::Dim, &note) } else { caret };
    [rows, vec![caret]].concat()
}

/// Draws one side with its first lines.
fn whole(page: Page, label: &str, side: &Sided<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    let shown = first_lines(side.lines.clone());
    let last = shown.len() - 1;
    for (i, text) in shown.iter().enumerate() {
        let line = page.labelled(INDENT, if i == 0 { label } else { "" }, COLUMN).text(text);
        let line = if i == last && !side.kind.is_empty() { line.text(" ").push(Role::Dim, side.kind) } else { line };
        lines.extend(if side.lines.len() == 1 { line.wrap(page.width, COLUMN) } else { vec![line.cut(page.width)] });
    }
    lines
}

/// Draws two texts of many lines as a difference, a little of what is equal around it.
fn difference(page: Page, want: &Sided<'_>, is: &Sided<'_>) -> Vec<Line> {
    let (old, new) = (want.lines.join("\n"), is.lines.join("\n"));
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(old.as_str(), new.as_str());
    let head = page
        .labelled(INDENT, "differs", COLUMN)
        .push(Role::Good, "- expected")
        .push(Role::Dim, &format!(" {}", want.kind))
        .push(Role::Bad, "   + actual")
        .push(Role::Dim, &format!(" {}", is.kind));
    let mut rows = Vec::new();
    for (i, group) in diff.grouped_ops(2).iter().enumerate() {
        if i > 0 {
            rows.push(page.line().pad_to(COLUMN).push(Role::Dim, "…"));
        }
        for change in group.iter().flat_map(|op| diff.iter_inline_changes(op)) {
            let (sign, role) = match change.tag() {
                ChangeTag::Equal => ("  ", Role::Dim),
                ChangeTag::Delete => ("- ", Role::Good),
                ChangeTag::Insert => ("+ ", Role::Bad),
            };
            let line = page.line().pad_to(COLUMN).push(role, sign);
            let line = change.values().iter().fold(line, |line, (changed, part)| {
                let role = if *changed { Role::Strong } else { role };
                line.push(role, part.trim_end_matches('\n'))
            });
            rows.push(line.cut(page.width));
        }
    }
    let more = rows.len().saturating_sub(DIFF_LINES);
    if more > 1 {
        rows.truncate(DIFF_LINES);
        rows.push(page.line().pad_to(COLUMN).push(Role::Dim, &format!("… {}", plural(more, "more line"))));
    }
    let mut lines = head.wrap(page.width, COLUMN);
    lines.extend(rows);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::line::{Colour, Glyphs};

    fn draw(expected: &str, actual: &str) -> Vec<String> {
        let page = Page { width: 60, glyphs: Glyphs::Unicode };
        compare(page, Some(expected), Some(actual)).iter().map(|l| l.render(Colour::Off)).collect()
    }

    #[test]
    fn types_stand_in_a_column() {
        assert_eq!(
            draw("\"alice\" (string)", "null (null)"),
            ["    expected  \"alice\" (string)", "    actual    null    (null)"]
        );
        assert_eq!(draw("one of 401, 403", "200"), ["    expected  one of 401, 403", "    actual    200"]);
    }

    #[test]
    fn long_objects_are_told_by_their_difference() {
        let side = |name: &str| {
            format!(r#"{{"id":1,"name":"{name}","roles":["user","reader"],"mail":"a@example.com"}} (object)"#)
        };
        assert_eq!(
            draw(&side("alice"), &side("bob")),
            [
                "    differs   - expected (object)   + actual (object)",
                "                {",
                "                  \"id\": 1,",
                "              -   \"name\": \"alice\",",
                "              +   \"name\": \"bob\",",
                "                  \"roles\": [",
                "                    \"user\",",
            ]
        );
    }

    #[test]
    fn only_a_type_is_taken_for_one() {
        assert_eq!(split_type("404 (integer)"), ("404", "(integer)"));
        assert_eq!(split_type("a b (no type at all, this)"), ("a b (no type at all, this)", ""));
        let long = format!("x ({})", "y".repeat(300));
        assert_eq!(split_type(&long), (long.as_str(), ""));
        draw(&long, &long);
    }

    #[test]
    fn very_long_texts_show_where_they_part() {
        let a = format!("{}x{}", "a".repeat(300), "b".repeat(300));
        let b = format!("{}y{}", "a".repeat(300), "b".repeat(300));
        let lines = draw(&format!("{a} (string)"), &format!("{b} (string)"));
        assert_eq!(lines[1], "    actual    …aaaaaaaaaaaaaaaaaaaaybbbbbbbbbbbbbb… (string)");
        assert_eq!(lines[2], "                                   ^");
    }
}
