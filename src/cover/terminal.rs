//! Coverage for people: a map of operations and stances, the numbers, and what to do next.

use super::metrics::METRICS;
use super::report::{OperationReport, Report, Untested};
use crate::report::terminal::{Colour, Glyphs, Line, Page, Role, width};
use crate::term::plural;

/// How the page is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Whether with colours.
    pub colour: Colour,
    /// Which characters.
    pub glyphs: Glyphs,
    /// Columns of the terminal.
    pub width: usize,
    /// Whether rows without a gap are drawn too, and all of them.
    pub rows: Rows,
    /// How many untested cells are named.
    pub top: usize,
}

/// Which rows of the map are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Those with a gap, as many as a reader can take in.
    Gaps,
    /// All.
    All,
}

/// How many rows a map has unless all are asked for.
const MOST_ROWS: usize = 40;
/// The narrowest and the widest page.
const PAGE: (usize, usize) = (60, 120);
/// The narrowest column of operations.
const NAMES: usize = 26;
/// The widest name of a stance.
const STANCE: usize = 12;
/// How many subjects a finding names.
const SUBJECTS: usize = 3;

/// Draws the whole.
pub fn draw(report: &Report, look: Look) -> String {
    let page = Page { width: look.width.clamp(PAGE.0, PAGE.1), glyphs: look.glyphs };
    let blocks = [
        head(report, page),
        map(report, page, look),
        numbers(report, page),
        findings(report, page),
        untested(report, page, look),
        failures(report, page),
        vec![last(report, page)],
    ];
    let mut out = String::new();
    for (i, block) in blocks.iter().filter(|b| !b.is_empty()).enumerate() {
        if i > 0 {
            out.push('\n');
        }
        block.iter().for_each(|line| out.push_str(&format!("{}\n", line.render(look.colour))));
    }
    out
}

fn head(report: &Report, page: Page) -> Vec<Line> {
    let about = &report.document;
    let counted = report.counted;
    let title = format!("{} {}", about.title, about.version);
    let results = format!("{} in {}", plural(counted.cases, "case"), plural(counted.results, "result"));
    let elsewhere =
        if counted.unmatched > 0 { format!("{} to no operation", counted.unmatched) } else { String::new() };
    let items = [
        (Role::Plain, about.file.as_str()),
        (Role::Plain, &plural(report.operations.len(), "operation")),
        (Role::Plain, &results),
        (Role::Plain, &plural(counted.requests, "request")),
        (Role::Dim, &elsewhere),
    ];
    let mut lines = page.line().push(Role::Strong, title.trim()).flow(&items, page.width, 2);
    lines.extend(report.notes.iter().flat_map(|note| page.line().push(Role::Doubt, note).wrap(page.width, 2)));
    lines
}

/// A column of the map: one stance, or all roles when they are too many.
enum Column<'r> {
    Stance(&'r str),
    Roles(Vec<&'r str>),
}

impl Column<'_> {
    fn title(&self) -> String {
        match self {
            Self::Stance("anonymous") => "anon".to_owned(),
            Self::Stance(name) => crate::term::shorten(name, STANCE),
            Self::Roles(_) => "roles".to_owned(),
        }
    }

    fn width(&self) -> usize {
        width(&self.title()).max(3) + 2
    }

    /// The mark of a cell, and what it means.
    fn mark(&self, op: &OperationReport) -> (Role, String) {
        let state = |name: &str| op.cells.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        match self {
            Self::Stance(name) => mark(&state(name)),
            Self::Roles(all) => {
                let states: Vec<String> = all.iter().map(|r| state(r)).filter(|s| !s.is_empty()).collect();
                if states.iter().any(|s| s == "failed") {
                    return mark("failed");
                }
                let covered = states.iter().filter(|s| s.starts_with("passed")).count();
                let role = if covered == states.len() { Role::Good } else { Role::Doubt };
                (role, if states.is_empty() { String::new() } else { format!("{covered}/{}", states.len()) })
            }
        }
    }
}

fn mark(state: &str) -> (Role, String) {
    let (role, mark) = match state {
        "passed-exact" => (Role::Good, "ok"),
        "passed-loose" => (Role::Doubt, "~"),
        "vacuous" => (Role::Doubt, "?"),
        "failed" => (Role::Bad, "!!"),
        "untested" => (Role::Doubt, "."),
        _ => (Role::Plain, ""),
    };
    (role, mark.to_owned())
}

fn single(names: &[String]) -> Vec<Column<'_>> {
    names.iter().map(|name| Column::Stance(name)).collect()
}

/// One column for each stance; where there is no room, one for all roles.
fn columns(report: &Report, page: Page) -> Vec<Column<'_>> {
    let all = single(&report.stances);
    let room = page.width.saturating_sub(NAMES);
    let wide: usize = all.iter().map(Column::width).sum();
    // Anonymous, invalid and expired stand before the roles, the peer behind them.
    let [anonymous, invalid, expired, roles @ .., peer] = &report.stances[..] else { return all };
    if wide <= room || roles.is_empty() {
        return all;
    }
    let fixed = [anonymous, invalid, expired].map(|name| Column::Stance(name));
    let roles = Column::Roles(roles.iter().map(String::as_str).collect());
    fixed.into_iter().chain([roles, Column::Stance(peer)]).collect()
}

/// Tells whether a row has something to look at: what is public need not be tested to be open.
pub(super) fn has_gap(op: &OperationReport) -> bool {
    op.cells.values().any(|state| state != "passed-exact" && (state != "untested" || op.security != "public"))
}

fn map(report: &Report, page: Page, look: Look) -> Vec<Line> {
    let columns = columns(report, page);
    let wide: usize = columns.iter().map(Column::width).sum();
    let shown = |op: &&OperationReport| look.rows == Rows::All || has_gap(op);
    let most = if look.rows == Rows::All { usize::MAX } else { MOST_ROWS };
    let rows: Vec<&OperationReport> = report.operations.iter().filter(shown).collect();
    if rows.is_empty() {
        return vec![page.line().push(Role::Good, "every cell is as it should be")];
    }
    let longest = rows.iter().take(most).map(|op| width(&op.path) + 8).max().unwrap_or(0);
    let names = longest.clamp(NAMES.min(page.width - wide), page.width.saturating_sub(wide));
    let mut header = page.line().pad_to(names);
    let mut at = names;
    for column in &columns {
        at += column.width();
        let title = column.title();
        header = header.pad_to(at - width(&title)).push(Role::Dim, &title);
    }
    let mut lines = vec![header];
    for op in rows.iter().take(most) {
        let mut line = name(page, &op.method, &op.path, names).pad_to(names);
        let mut at = names;
        for column in &columns {
            at += column.width();
            let (role, text) = column.mark(op);
            line = line.pad_to(at - width(&text)).push(role, &text);
        }
        lines.push(line);
    }
    let left = rows.len().saturating_sub(most);
    let whole = report.operations.len() - rows.len();
    let mut notes = Vec::new();
    if left > 0 {
        notes.push(format!("and {left} more: --full"));
    }
    if whole > 0 {
        notes.push(format!("{} without a gap not shown", plural(whole, "operation")));
    }
    lines.extend(notes.iter().map(|n| page.line().push(Role::Dim, n)));
    let legend = [
        (Role::Dim, "ok as it should be"),
        (Role::Dim, "~ refused with another status"),
        (Role::Dim, "? proves nothing"),
        (Role::Dim, "!! failed"),
        (Role::Dim, ". untested"),
    ];
    lines.extend(page.line().flow(&legend, page.width, 0));
    lines
}

/// Method and path in so many columns. Both ends of a path say which it is, so what is too long is left out between.
fn name(page: Page, method: &str, path: &str, max: usize) -> Line {
    let line = page.line().text(&format!("{method:<7} "));
    let room = max.saturating_sub(width(method).max(7) + 1);
    let (all, mark) = (path.chars().count(), if page.glyphs == Glyphs::Ascii { "..." } else { "…" });
    if width(path) <= room {
        return line.text(path);
    }
    let kept = room.saturating_sub(width(mark));
    let head: String = path.chars().take(kept / 3).collect();
    let tail: String = path.chars().skip(all - (kept - kept / 3).min(all)).collect();
    line.text(&head).push(Role::Dim, mark).text(&tail).cut(max)
}

fn numbers(report: &Report, page: Page) -> Vec<Line> {
    let mut lines = Vec::new();
    for metric in METRICS {
        let value = &report.metrics[metric.name];
        let [covered, of] = ["covered", "of"].map(|key| value[key].as_u64().unwrap_or_default());
        if of == 0 {
            continue;
        }
        let percent = value["percent"].as_f64().unwrap_or_default();
        let role = if covered == of { Role::Good } else { Role::Doubt };
        let line = page
            .line()
            .text(&format!("{:<15}", metric.name))
            .push(role, &format!("{:>6}%", percent_text(percent)))
            .text(&format!("  {:>9}  ", format!("{covered}/{of}")))
            .push(Role::Dim, metric.about);
        lines.extend(line.wrap(page.width, 35));
    }
    lines
}

/// `38.7`, and `40` for a whole one.
pub(super) fn percent_text(percent: f64) -> String {
    format!("{percent:.1}").trim_end_matches(".0").to_owned()
}

fn findings(report: &Report, page: Page) -> Vec<Line> {
    let mut lines = Vec::new();
    for kind in super::FINDINGS {
        let all: Vec<_> = report.findings.iter().filter(|f| f.code == kind.name).collect();
        if all.is_empty() {
            continue;
        }
        let line =
            page.line().push(Role::Doubt, kind.name).text(&format!(" ({})  ", all.len())).push(Role::Dim, kind.about);
        lines.extend(line.wrap(page.width, 4));
        for found in all.iter().take(SUBJECTS) {
            let line = page.line().text("    ").text(&found.subject);
            lines.extend(line.then(Role::Place, found.place.as_deref().unwrap_or_default()).wrap(page.width, 8));
        }
        if all.len() > SUBJECTS {
            lines.push(page.line().push(Role::Dim, &format!("    and {} more", all.len() - SUBJECTS)));
        }
    }
    lines
}

fn untested(report: &Report, page: Page, look: Look) -> Vec<Line> {
    if report.untested.is_empty() || look.top == 0 {
        return Vec::new();
    }
    // One line for each operation, with the stances that matter as much.
    let same = |a: &Untested, b: &Untested| (a.risk, &a.method, &a.path) == (b.risk, &b.method, &b.path);
    let groups: Vec<&[Untested]> = report.untested.chunk_by(same).collect();
    let shown = &groups[..look.top.min(groups.len())];
    let longest = shown.iter().map(|g| width(&g[0].path) + 8).max().unwrap_or(0).min(page.width.saturating_sub(30));
    let mut lines = vec![page.line().push(Role::Strong, "to test next").text(", by risk")];
    for group in shown {
        let first = &group[0];
        let name = name(page, &first.method, &first.path, longest);
        let line = page.line().text(&format!("{:>6}  ", first.risk)).and(name).pad_to(longest + 11);
        let words: Vec<&str> = group.iter().map(|u| u.stance.as_str()).collect();
        lines.extend(line.text(&words.join(", ")).wrap(page.width, longest + 11));
    }
    let left: usize = groups[shown.len()..].iter().map(|g| g.len()).sum();
    if left > 0 {
        let more = format!("        and {}; --write-missing FILE writes cases for them", plural(left, "more cell"));
        lines.push(page.line().push(Role::Dim, &more));
    }
    lines
}

fn failures(report: &Report, page: Page) -> Vec<Line> {
    let line = |f: &super::Failure| {
        let line = page.line().push(Role::Bad, "FAIL").text("  ").text(&f.message);
        line.then(Role::Place, f.place.as_deref().unwrap_or_default()).wrap(page.width, 6)
    };
    report.failures.iter().flat_map(line).collect()
}

fn last(report: &Report, page: Page) -> Line {
    let cells = report.operations.iter().flat_map(|o| o.cells.values());
    let (mut all, mut covered) = (0, 0);
    for cell in cells {
        all += 1;
        covered += usize::from(cell.as_str().is_some_and(|c| c.starts_with("passed")));
    }
    let role = if report.exit == 0 { Role::Good } else { Role::Bad };
    page.line()
        .text(&format!("{covered} of {} covered", plural(all, "cell")))
        .then(role, &format!("exit {}", report.exit))
}
