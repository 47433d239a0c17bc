//! Words for people: plurals, durations, lists, sizes, "did you mean".
//!
//! Pure text; colours are chosen by whoever writes to a terminal. Imports nothing of the crate.

use std::time::Duration;

use unicode_width::UnicodeWidthChar;

/// Writes a count with its noun, `1 case`, `2 cases`; a noun in `-y`, `-s` or `-ch` is bent rightly.
pub fn plural(count: usize, noun: &str) -> String {
    if count == 1 {
        return format!("1 {noun}");
    }
    let ends = |ends: &[&str]| ends.iter().any(|end| noun.ends_with(end));
    if noun.ends_with('y') && !ends(&["ay", "ey", "oy", "uy"]) {
        format!("{count} {}ies", &noun[..noun.len() - 1])
    } else if ends(&["s", "ch", "sh", "x"]) {
        format!("{count} {noun}es")
    } else {
        format!("{count} {noun}s")
    }
}

/// Writes a duration with the precision a reader can use: `0.4ms`, `12ms`, `2.31s`, `1m 05s`.
pub fn duration(d: Duration) -> String {
    let ms = d.as_secs_f64() * 1000.0;
    if ms < 9.95 {
        format!("{ms:.1}ms")
    } else if ms < 999.5 {
        format!("{ms:.0}ms")
    } else if d.as_secs() < 60 {
        format!("{:.2}s", d.as_secs_f64())
    } else {
        format!("{}m {:02}s", d.as_secs() / 60, d.as_secs() % 60)
    }
}

/// Joins words as a sentence does: `a`, `a or b`, `a, b or c`.
pub fn list<S: AsRef<str>>(items: &[S], last: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [head @ .., tail] => {
            let head: Vec<&str> = head.iter().map(AsRef::as_ref).collect();
            format!("{} {last} {}", head.join(", "), tail.as_ref())
        }
    }
}

/// Groups the digits of a count by thousands: `2,214`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Finds the known name nearest to what was written, if any is near enough to be meant.
pub fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let fold = |s: &str| s.to_lowercase().replace(['-', '_', ' '], "");
    let wanted = fold(written);
    let limit = (wanted.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|name| (distance(&wanted, &fold(name)), name))
        .filter(|(d, _)| *d <= limit)
        .min_by_key(|(d, _)| *d)
        .map(|(_, name)| name)
}

/// A sentence behind its head, broken at blanks into lines that begin below each other; what a no-break space joins
/// stays together.
pub fn hang(head: &str, sentence: &str, width: usize) -> String {
    let words: Vec<&str> = sentence.split([' ', '\n']).filter(|word| !word.is_empty()).collect();
    let indent = columns(head);
    let lines = lines(&words.join(" "), width.saturating_sub(indent));
    format!("{head}{}\n", lines.join(&format!("\n{}", " ".repeat(indent))))
}

/// Quotes a word for a POSIX shell.
pub fn quote(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,=".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The columns that sentences are broken to where a window has so many.
pub fn page(columns: usize) -> usize {
    columns.clamp(40, 120)
}

/// Breaks a text at blanks into lines of so many columns where it can be broken.
pub fn lines(text: &str, room: usize) -> Vec<String> {
    let (mut lines, mut line, mut column) = (Vec::new(), String::new(), 0);
    for (i, word) in text.split(' ').enumerate() {
        let length = columns(word);
        if i > 0 && column > 0 && column + 1 + length > room {
            lines.push(std::mem::take(&mut line));
            column = 0;
        } else if i > 0 {
            line.push(' ');
            column += 1;
        }
        line.push_str(word);
        column += length;
    }
    lines.push(line);
    lines.iter().map(|line| line.trim_end().replace('\u{a0}', " ")).collect()
}

/// Breaks what is told to the columns of a page, line by line: what follows `error: `, `help: ` or another first word
/// of that kind begins below it, everything else below the beginning of its line.
pub fn paged(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        if columns(bare) <= width {
            out.push_str(line);
            continue;
        }
        let head = head(bare);
        let told = lines(&bare[head..], width.saturating_sub(columns(&bare[..head])));
        out.push_str(&bare[..head]);
        out.push_str(&told.join(&format!("\n{}", " ".repeat(columns(&bare[..head])))));
        out.push_str(&line[bare.len()..]);
    }
    out
}

/// Where what is told begins in a line: behind its blanks, or behind a word of small letters and `: `.
fn head(line: &str) -> usize {
    let plain = unstyled(line);
    let blank = plain.len() - plain.trim_start_matches(' ').len();
    let word = plain[blank..].find(|c: char| !c.is_ascii_lowercase()).map_or(0, |end| blank + end);
    let is_word = word > blank && plain[word..].starts_with(": ");
    if !is_word {
        return line.len() - line.trim_start_matches(' ').len();
    }
    // The blank behind it is the first of what is told, whatever styles stand before.
    line.find(": ")
        .or_else(|| line.find(":\u{1b}"))
        .and_then(|end| line[end..].find(' ').map(|at| end + at + 1))
        .unwrap_or(0)
}

/// Counts the columns that a text takes: wide characters take two, styles none.
pub fn columns(text: &str) -> usize {
    unstyled(text).chars().map(|c| UnicodeWidthChar::width(c).unwrap_or(0)).sum()
}

/// Leaves out the codes of styles.
pub fn unstyled(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// Counts the edits (insert, drop, replace, swap of neighbours) between two words.
pub fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

/// What the system says of a fault, without its number: `no space left on device`.
pub fn system(error: &std::io::Error) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// Cuts a text to a number of characters, with `…` in place of the rest; what stands for a masked value is left out
/// whole, for half of it would be masked again under another name.
pub fn shorten(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(max.saturating_sub(1)).collect();
    if let Some(open) = out.rfind('‹').filter(|open| !out[*open..].contains('›')) {
        out.truncate(open);
    }
    out.push('…');
    out
}

/// Text that Markdown and HTML leave as it is.
pub fn markdown(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' | '*' | '_' | '[' | ']' | '\\' | '#' | '~' => out.extend(['\\', c]),
            // No name is called upon, no issue is linked.
            '@' => out.push_str("&#64;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Text in a code span; longer fences where it holds back quotes itself.
pub fn markdown_code(raw: &str) -> String {
    let raw: String = raw.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let longest = raw.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", raw.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_bend() {
        assert_eq!(plural(1, "case"), "1 case");
        assert_eq!(plural(0, "case"), "0 cases");
        assert_eq!(plural(2, "identity"), "2 identities");
        assert_eq!(plural(2, "key"), "2 keys");
        assert_eq!(plural(3, "pass"), "3 passes");
        assert_eq!(plural(4, "refresh"), "4 refreshes");
    }

    #[test]
    fn durations_read_well() {
        let of = |ms| duration(Duration::from_micros(ms));
        assert_eq!([of(400), of(12_000), of(2_310_000), of(65_000_000)], ["0.4ms", "12ms", "2.31s", "1m 05s"]);
    }

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["status", "headers", "json", "same_as"];
        assert_eq!(did_you_mean("statsu", known), Some("status"));
        assert_eq!(did_you_mean("sameAs", known), Some("same_as"));
        assert_eq!(did_you_mean("colour", known), None);
    }

    #[test]
    fn lines_are_broken_by_the_columns_that_are_seen() {
        assert_eq!(lines("one two three", 7), ["one two", "three"]);
        assert_eq!(lines("日本 日本 x", 9), ["日本 日本", "x"]);
        assert_eq!(lines("\u{1b}[1mone\u{1b}[0m two", 7), ["\u{1b}[1mone\u{1b}[0m two"]);
        assert_eq!(lines("a  b", 9), ["a  b"], "blanks that are quoted stay");
        assert_eq!(lines("unbreakable\u{a0}word it is", 8), ["unbreakable word", "it is"]);
        assert_eq!(hang("help: ", "one two\nthree", 13), "help: one two\n      three\n");
    }

    #[test]
    fn a_page_hangs_what_follows_its_first_word() {
        let told = paged("error: one two three\n\n  short\nhelp: one two\nno head at all here\n", 14);
        assert_eq!(told, "error: one two\n       three\n\n  short\nhelp: one two\nno head at all\nhere\n");
        let styled = "\u{1b}[31merror:\u{1b}[0m";
        assert_eq!(paged(&format!("{styled} one two three\n"), 14), format!("{styled} one two\n       three\n"));
        assert_eq!(paged("a-very-long-word-alone", 10), "a-very-long-word-alone");
    }

    #[test]
    fn lists_and_numbers() {
        assert_eq!(list(&["a", "b", "c"], "or"), "a, b or c");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(shorten("abcdef", 4), "abc…");
    }

    #[test]
    fn what_a_server_says_makes_no_markdown() {
        assert_eq!(markdown("<b>|@all #1 [x](y)"), "&lt;b&gt;\\|&#64;all \\#1 \\[x\\](y)");
        assert_eq!(markdown_code("a|b"), "`a\\|b`");
        assert_eq!(markdown_code("a`b\nc"), "`` a`b c ``");
    }
}
