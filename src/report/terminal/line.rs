//! Lines of styled text: the only way to the screen.
//!
//! Whatever is pushed into a [`Line`] is made harmless on the way in: control characters, escape
//! sequences and characters that reorder text are written out visibly, so that nothing a server
//! sends can move the cursor, forge a line or hide one. A line that a CI runner would take for one of
//! its commands has a mark put into it. Colours are added at the very end and only
//! repeat what the words say.

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthChar;

/// Whether styles are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// ANSI styles.
    On,
    /// Plain text.
    Off,
}

/// Which characters the reports' own marks are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyphs {
    /// `…`, `‹›`, `│` as they are.
    Unicode,
    /// Their nearest ASCII spelling.
    Ascii,
}

/// What a piece of text means; the colour follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Plain,
    Strong,
    Dim,
    Good,
    Bad,
    Doubt,
    Place,
}

impl Role {
    fn style(self) -> Style {
        let colour = |c: AnsiColor| Style::new().fg_color(Some(c.into()));
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().bold(),
            Self::Dim => Style::new().dimmed(),
            Self::Good => colour(AnsiColor::Green),
            Self::Bad => colour(AnsiColor::Red).bold(),
            Self::Doubt => colour(AnsiColor::Yellow).bold(),
            Self::Place => colour(AnsiColor::Cyan),
        }
    }
}

/// The room there is to write in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    /// Columns.
    pub width: usize,
    /// Characters for our own marks.
    pub glyphs: Glyphs,
}

impl Page {
    /// Starts an empty line.
    pub(crate) fn line(self) -> Line {
        Line { glyphs: self.glyphs, pieces: Vec::new() }
    }

    /// Starts a line with a label in a column of its own.
    pub(crate) fn labelled(self, indent: usize, label: &str, column: usize) -> Line {
        self.line().push(Role::Plain, &" ".repeat(indent)).push(Role::Dim, label).pad_to(column)
    }

    /// Writes text as it will stand on the page: harmless, and in the page's characters.
    pub(crate) fn fold(self, text: &str) -> String {
        fold(&clean(text), self.glyphs).into_owned()
    }
}

/// One line to be written, made of pieces with a meaning each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    glyphs: Glyphs,
    pieces: Vec<(Role, String)>,
}

impl Line {
    /// Adds text, made harmless.
    pub(crate) fn push(mut self, role: Role, text: &str) -> Self {
        if !text.is_empty() {
            self.pieces.push((role, fold(&clean(text), self.glyphs).into_owned()));
        }
        self
    }

    /// Adds text, made harmless, that keeps every other letter: a command to be copied.
    pub(crate) fn exact(mut self, role: Role, text: &str) -> Self {
        self.pieces.push((role, clean(text).into_owned()));
        self
    }

    /// Adds text without a style.
    pub(crate) fn text(self, text: &str) -> Self {
        self.push(Role::Plain, text)
    }

    /// Adds a gap and then text, unless the text is empty.
    pub(crate) fn then(self, role: Role, text: &str) -> Self {
        if text.is_empty() { self } else { self.text("   ").push(role, text) }
    }

    /// Adds all of another line.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.pieces.extend(other.pieces);
        self
    }

    /// Fills with blanks up to a column.
    pub(crate) fn pad_to(self, column: usize) -> Self {
        let missing = column.saturating_sub(self.width());
        self.text(&" ".repeat(missing))
    }

    /// Counts the columns it takes.
    pub(crate) fn width(&self) -> usize {
        self.pieces.iter().map(|(_, text)| width(text)).sum()
    }

    /// Cuts to a width, with a mark where something is missing.
    pub(crate) fn cut(self, max: usize) -> Self {
        if self.width() <= max {
            return self;
        }
        let mark = if self.glyphs == Glyphs::Ascii { "..." } else { "…" };
        let mut room = max.saturating_sub(width(mark));
        let mut out = Self { glyphs: self.glyphs, pieces: Vec::new() };
        for (role, text) in self.pieces {
            let kept = fitting(&text, room);
            room -= width(kept);
            let all = kept.len() == text.len();
            out = out.push(role, kept);
            if !all {
                break;
            }
        }
        out.push(Role::Dim, mark)
    }

    /// Adds items with a gap between them; one that does not fit begins the next line.
    pub(crate) fn flow(self, items: &[(Role, &str)], max: usize, hang: usize) -> Vec<Self> {
        let mut lines = Vec::new();
        let mut line = self;
        let mut empty = line.pieces.last().is_none_or(|(_, text)| text.ends_with(' '));
        for (role, text) in items.iter().filter(|(_, text)| !text.is_empty()) {
            let next = if empty { line.clone().push(*role, text) } else { line.clone().then(*role, text) };
            // What would not fit on a line of its own either gains nothing by one.
            let too_wide = self::width(text) > max.saturating_sub(hang);
            if next.width() <= max || too_wide || empty {
                line = next;
            } else {
                let start = Self { glyphs: line.glyphs, pieces: Vec::new() }.pad_to(hang);
                lines.push(std::mem::replace(&mut line, start.push(*role, text)));
            }
            empty = false;
        }
        lines.push(line);
        lines.into_iter().flat_map(|line| line.wrap(max, hang)).collect()
    }

    /// Breaks into lines of at most a width, later ones indented by `hang`.
    pub(crate) fn wrap(self, max: usize, hang: usize) -> Vec<Self> {
        self.broken(max, hang, break_at)
    }

    /// The same, but a word that is longer than a line begins where it stands, as a URL or a body behind its mark.
    pub(crate) fn fill(self, max: usize, hang: usize) -> Vec<Self> {
        let whole = max - hang.min(max / 2);
        self.broken(max, hang, |chars, room| {
            let taken = break_at(chars, room);
            let word = chars[taken..].iter().skip_while(|(c, _)| *c == ' ').take_while(|(c, _)| *c != ' ');
            if word.map(|(c, _)| char_width(*c)).sum::<usize>() > whole { fitting_chars(chars, room) } else { taken }
        })
    }

    fn broken(self, max: usize, hang: usize, break_at: impl Fn(&[(char, Role)], usize) -> usize) -> Vec<Self> {
        if self.width() <= max {
            return vec![self];
        }
        let chars: Vec<(char, Role)> =
            self.pieces.iter().flat_map(|(role, text)| text.chars().map(|c| (c, *role))).collect();
        let hang = hang.min(max / 2);
        let mut lines = Vec::new();
        let mut rest = &chars[..];
        while !rest.is_empty() {
            let indent = if lines.is_empty() { 0 } else { hang };
            let taken = break_at(rest, max - indent);
            let mut line = Self { glyphs: self.glyphs, pieces: vec![(Role::Plain, " ".repeat(indent))] };
            line.pieces.extend(regroup(trim_end(&rest[..taken])));
            lines.push(line);
            rest = &rest[taken..];
            rest = &rest[rest.iter().take_while(|(c, _)| *c == ' ').count()..];
        }
        lines
    }

    /// Writes it out, without a line break and without blanks at the end.
    pub(crate) fn render(&self, colour: Colour) -> String {
        let end = self.pieces.iter().rposition(|(_, text)| !text.trim_end_matches(' ').is_empty());
        let marks = commands(&self.pieces.iter().map(|(_, text)| text.as_str()).collect::<String>());
        let (mut out, mut passed) = (String::new(), 0);
        for (i, (role, text)) in self.pieces.iter().enumerate().take(end.map_or(0, |e| e + 1)) {
            let from = passed;
            passed += text.len();
            let text = if Some(i) == end { text.trim_end_matches(' ') } else { text };
            let mut text = Cow::Borrowed(text);
            for mark in marks.iter().rev().filter(|mark| (from..passed).contains(mark)) {
                text.to_mut().insert(mark - from, '|');
            }
            let style = role.style();
            if colour == Colour::Off || style.is_plain() {
                out.push_str(&text);
            } else {
                out.push_str(&format!("{style}{text}{style:#}"));
            }
        }
        out
    }
}

/// Finds where a mark has to stand in a line so that no runner takes a part of it for a command.
///
/// GitHub reads `::command` behind any blanks a line begins with; it reads `##[command]`, Azure Pipelines `##vso[` and
/// `TeamCity` `##teamcity[` wherever they stand.
fn commands(text: &str) -> Vec<usize> {
    let mut marks = Vec::new();
    let start = text.trim_start();
    if start.starts_with("::") {
        marks.push(text.len() - start.len());
    }
    for (at, _) in text.match_indices('#').filter(|(at, _)| text[..*at].ends_with('#')) {
        let rest = text[at + 1..].to_ascii_lowercase();
        if ["[", "vso[", "teamcity["].iter().any(|word| rest.starts_with(word)) {
            marks.push(at);
        }
    }
    marks
}

/// Finds how many characters go on a line: up to the last blank that fits, else as many as fit.
fn break_at(chars: &[(char, Role)], room: usize) -> usize {
    let mut used = 0;
    let mut blank = None;
    let mut word_seen = false;
    for (i, (c, _)) in chars.iter().enumerate() {
        used += char_width(*c);
        if *c == ' ' && word_seen {
            blank = Some(i);
        }
        if used > room {
            return blank.unwrap_or(i).max(1);
        }
        word_seen |= *c != ' ';
    }
    chars.len()
}

/// Finds how many characters fit, wherever words end.
fn fitting_chars(chars: &[(char, Role)], room: usize) -> usize {
    let mut used = 0;
    let fits = chars.iter().take_while(|(c, _)| {
        used += char_width(*c);
        used <= room
    });
    fits.count().max(1)
}

fn trim_end(chars: &[(char, Role)]) -> &[(char, Role)] {
    let kept = chars.iter().rposition(|(c, _)| *c != ' ').map_or(0, |i| i + 1);
    &chars[..kept]
}

fn regroup(chars: &[(char, Role)]) -> Vec<(Role, String)> {
    chars.chunk_by(|a, b| a.1 == b.1).map(|run| (run[0].1, run.iter().map(|(c, _)| *c).collect())).collect()
}

/// Counts the columns of a text that was made harmless.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// Counts the columns of a character.
pub(crate) fn char_width(c: char) -> usize {
    UnicodeWidthChar::width(c).unwrap_or(0)
}

/// Gives the longest beginning that fits into a number of columns.
fn fitting(text: &str, room: usize) -> &str {
    let mut used = 0;
    for (i, c) in text.char_indices() {
        used += char_width(c);
        if used > room {
            return &text[..i];
        }
    }
    text
}

/// Tells whether a character could steer a terminal or deceive a reader.
pub(crate) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Writes out what could steer a terminal or deceive a reader; a tab becomes four blanks.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if c == '\t' {
            out.push_str("    ");
        } else if is_hostile(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Spells our own marks in the wanted characters; what users wrote keeps its letters.
fn fold(text: &str, glyphs: Glyphs) -> Cow<'_, str> {
    if glyphs == Glyphs::Unicode || text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '‹' => out.push('<'),
            '›' => out.push('>'),
            '…' => out.push_str("..."),
            '→' => out.push_str("->"),
            '│' => out.push('|'),
            '·' => out.push('.'),
            '–' | '—' | '─' => out.push('-'),
            '‘' | '’' => out.push('\''),
            '“' | '”' => out.push('"'),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Page = Page { width: 20, glyphs: Glyphs::Unicode };

    fn plain(lines: &[Line]) -> Vec<String> {
        lines.iter().map(|l| l.render(Colour::Off)).collect()
    }

    #[test]
    fn nothing_steers_the_terminal() {
        let line = PAGE.line().push(Role::Bad, "a\u{1b}[2Jb\r\nc\u{202e}d\te\u{9b}");
        assert_eq!(line.render(Colour::Off), r"a\u{1b}[2Jb\r\nc\u{202e}d    e\u{9b}");
    }

    #[test]
    fn nothing_commands_a_runner() {
        for (text, shown) in [
            ("::error file=x::hello", "    |::error file=x::hello"),
            ("\u{a0} ::add-mask::a", "    \u{a0} |::add-mask::a"),
            ("a ##[command]b", "    a #|#[command]b"),
            ("###vso[task.setvariable]b ##VSO[c]", "    ##|#vso[task.setvariable]b #|#VSO[c]"),
            ("##teamcity[x]", "    #|#teamcity[x]"),
            ("a ::b ## [c] #[d]", "    a ::b ## [c] #[d]"),
        ] {
            let line = PAGE.line().pad_to(4);
            assert_eq!(line.clone().text(text).render(Colour::Off), shown);
            // The parts of a difference have a role each.
            let parted = text.chars().enumerate().fold(line, |line, (i, c)| {
                line.push(if i % 2 == 0 { Role::Plain } else { Role::Strong }, &c.to_string())
            });
            assert_eq!(parted.render(Colour::Off), shown);
        }
        let wrapped = plain(&PAGE.line().text("aaaaaaaaaaaaaa ::error::bbbb").wrap(16, 4));
        assert_eq!(wrapped, ["aaaaaaaaaaaaaa", "    |::error::bbb", "    b"]);
    }

    #[test]
    fn lines_break_at_blanks_and_hang() {
        let line = PAGE.line().text("label  one two three four fivesixseveneightnine");
        assert_eq!(
            plain(&line.wrap(16, 7)),
            ["label  one two", "       three", "       four", "       fivesixse", "       veneightn", "       ine"]
        );
    }

    #[test]
    fn a_word_that_is_too_long_begins_where_it_stands() {
        let filled = |text: &str| plain(&PAGE.line().text(text).fill(16, 4));
        assert_eq!(filled("> one fivesixseveneightnine"), ["> one fivesixsev", "    eneightnine"]);
        assert_eq!(filled("> one two threefourfi"), ["> one two", "    threefourfi"], "it fits on the next");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let line = PAGE.line().text("日本語日本語");
        assert_eq!(line.width(), 12);
        assert_eq!(line.clone().cut(8).render(Colour::Off), "日本語…");
        assert_eq!(plain(&line.wrap(5, 0)), ["日本", "語日", "本語"]);
    }

    #[test]
    fn colour_repeats_what_is_said_and_leaves_no_trailing_blanks() {
        let line = PAGE.line().push(Role::Good, "ok").text(" x ").push(Role::Dim, "  ");
        assert_eq!(line.render(Colour::Off), "ok x");
        assert_eq!(line.render(Colour::On), "\u{1b}[32mok\u{1b}[0m x");
    }

    #[test]
    fn ascii_pages_hold_no_marks_beyond_ascii() {
        let page = Page { width: 20, glyphs: Glyphs::Ascii };
        assert_eq!(page.line().text("‹alice#1› → …").render(Colour::Off), "<alice#1> -> ...");
    }
}
