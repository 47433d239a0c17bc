//! The user's own line, with carets under exactly what is meant.

use crate::report::terminal::line::{Line, Page, Role, char_width, clean, is_hostile};
use crate::source::Place;

/// A character of the line as it is shown.
struct Cell {
    shown: String,
    width: usize,
    meant: bool,
}

/// Draws a place's line and its carets; empty for a place that no file holds.
pub(crate) fn snippet(page: Page, place: &Place) -> Vec<Line> {
    if place.line == 0 || place.text.trim().is_empty() {
        return Vec::new();
    }
    let number = format!("{:>6}", place.line);
    let bar = page.fold(" │ ");
    let room = page.width.saturating_sub(number.len() + bar.chars().count()).max(10);
    let cells = cells(page, place);
    let mark = page.fold("…");
    let (from, to) = window(&cells, room, 2 * mark.chars().count());
    let left = if from > 0 { mark.as_str() } else { "" };
    let right = if to < cells.len() { mark.as_str() } else { "" };
    let code: String = cells[from..to].iter().map(|c| c.shown.as_str()).collect();
    let mut below = " ".repeat(left.chars().count());
    for cell in &cells[from..to] {
        below.push_str(&if cell.meant { "^" } else { " " }.repeat(cell.width));
    }
    let source = page.line().push(Role::Dim, &format!("{number}{bar}{left}")).text(&code).push(Role::Dim, right);
    let blank = " ".repeat(number.len());
    let carets = page.line().push(Role::Dim, &format!("{blank}{bar}")).push(Role::Bad, below.trim_end());
    vec![source, carets]
}

fn cells(page: Page, place: &Place) -> Vec<Cell> {
    let meant = place.start..place.start.saturating_add(place.width.max(1));
    let mut cells: Vec<Cell> = Vec::new();
    let mut column = 0;
    for (i, c) in place.text.chars().enumerate() {
        let shown = match c {
            // As an editor shows it: up to the next multiple of four.
            '\t' => " ".repeat(4 - column % 4),
            c if is_hostile(c) => clean(&c.to_string()).into_owned(),
            c => page.fold(&c.to_string()),
        };
        let width = shown.chars().map(char_width).sum();
        column += width;
        cells.push(Cell { shown, width, meant: meant.contains(&i) });
    }
    if !cells.iter().any(|c| c.meant) {
        // Something missing is meant, such as a value after the line's end.
        cells.push(Cell { shown: " ".to_owned(), width: 1, meant: true });
    }
    cells
}

/// Chooses the part of a long line that shows what is meant and something before it.
fn window(cells: &[Cell], room: usize, marks: usize) -> (usize, usize) {
    let total: usize = cells.iter().map(|c| c.width).sum();
    if total <= room {
        return (0, cells.len());
    }
    let room = room.saturating_sub(marks);
    let first = cells.iter().position(|c| c.meant).unwrap_or(0);
    let meant: usize = cells.iter().filter(|c| c.meant).map(|c| c.width).sum();
    // What is meant comes first; what is left of the room goes before and after it.
    let before = room.saturating_sub(meant).div_ceil(2).max(room / 4);
    let mut from = first;
    let mut used = 0;
    while from > 0 && used + cells[from - 1].width <= before {
        from -= 1;
        used += cells[from].width;
    }
    let mut to = from;
    let mut used = 0;
    while to < cells.len() && used + cells[to].width <= room {
        used += cells[to].width;
        to += 1;
    }
    // Nothing left behind: show more of the beginning instead.
    while from > 0 && used + cells[from - 1].width <= room {
        from -= 1;
        used += cells[from].width;
    }
    (from, to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::line::{Colour, Glyphs};

    fn draw(text: &str, column: usize, width: usize, columns: usize) -> Vec<String> {
        let place = Place { file: "a.yaml".into(), line: 31, column, text: text.to_owned(), start: column - 1, width };
        let page = Page { width: columns, glyphs: Glyphs::Unicode };
        snippet(page, &place).iter().map(|l| l.render(Colour::Off)).collect()
    }

    #[test]
    fn carets_stand_below_what_is_meant() {
        assert_eq!(draw("  expect: 404", 11, 3, 80), ["    31 │   expect: 404", "       │           ^^^"]);
        assert_eq!(draw("\tx: 1", 5, 1, 80), ["    31 │     x: 1", "       │        ^"]);
        assert_eq!(draw("名前: é", 5, 1, 80), ["    31 │ 名前: é", "       │       ^"]);
        assert_eq!(draw("a:", 4, 1, 80), ["    31 │ a:", "       │   ^"]);
    }

    #[test]
    fn long_lines_are_cut_around_the_carets() {
        let text = format!("{}: want {}", "k".repeat(60), "v".repeat(60));
        assert_eq!(draw(&text, 63, 4, 40), ["    31 │ …kkkkkkkkkkk: want vvvvvvvvvvv…", "       │               ^^^^"]);
        let all = draw(&text, 1, 500, 40);
        assert!(all.iter().all(|l| l.chars().count() <= 40), "{all:#?}");
    }

    #[test]
    fn a_place_without_a_file_has_no_snippet() {
        let place = Place { file: "".into(), line: 0, column: 0, text: String::new(), start: 0, width: 1 };
        assert!(snippet(Page { width: 80, glyphs: Glyphs::Ascii }, &place).is_empty());
    }
}
