//! The telling part of a body: JSON laid out, HTML reduced to what a person would read.

use scraper::{Html, Node};

use super::json;
use crate::event::{BODY_KEPT, BodyKind, BodyRecord};
use crate::report::terminal::line::width;
use crate::term::grouped;

/// How many lines of a body a failure block shows.
pub(crate) const LINES: usize = 12;

/// Gives the lines to show of a body, at most [`LINES`] and a mark; `columns` decides what fits on one.
pub(crate) fn excerpt(body: &BodyRecord, columns: usize) -> Vec<String> {
    let all = match body.kind {
        BodyKind::Empty => return vec!["(empty body)".to_owned()],
        BodyKind::Binary => return vec![format!("({} of binary data)", bytes(body.bytes))],
        BodyKind::Json => laid_out(&body.text, columns),
        BodyKind::Html => visible(&body.text),
        BodyKind::Form => body.text.split('&').map(str::to_owned).collect(),
        BodyKind::Text => body.text.lines().map(|l| l.trim_end().to_owned()).collect(),
    };
    let mut lines = first_lines(all);
    if body.text.len() + 8 >= BODY_KEPT && body.bytes > BODY_KEPT as u64 {
        // Only the beginning was kept, so the lines that follow cannot be counted.
        lines.truncate(LINES);
        lines.push(format!("… {} in all", bytes(body.bytes)));
    }
    lines
}

/// Writes a size the way people read it.
pub(crate) fn bytes(count: u64) -> String {
    if count == 1 { "1 byte".to_owned() } else { format!("{} bytes", grouped(count)) }
}

/// Keeps the first lines, and says how many are left out.
pub(crate) fn first_lines(mut lines: Vec<String>) -> Vec<String> {
    // A mark that stands for one line would take the room of that line.
    if lines.len() > LINES + 1 {
        let more = lines.len() - LINES;
        lines.truncate(LINES);
        lines.push(format!("… {} more lines", grouped(more as u64)));
    }
    lines
}

/// Lays JSON out on one line if it fits there, else on many.
pub(crate) fn laid_out(text: &str, columns: usize) -> Vec<String> {
    let single = json::single(text);
    if width(&single) <= columns {
        return vec![single];
    }
    json::pretty(text).lines().map(str::to_owned).collect()
}

/// Reduces a page to its title and its text, a line for every block of it.
fn visible(html: &str) -> Vec<String> {
    let page = Html::parse_document(html);
    let mut lines = vec![String::new()];
    let mut title = String::new();
    // Depth first by hand, as a page may nest deeper than the stack; `None` ends a block's line.
    let mut open = vec![Some(page.tree.root())];
    while let Some(next) = open.pop() {
        let Some(node) = next else {
            lines.push(String::new());
            continue;
        };
        match node.value() {
            Node::Text(text) => {
                let in_title = node.parent().is_some_and(|p| is(p.value(), &["title"]));
                let to = if in_title { &mut title } else { lines.last_mut().expect("never empty") };
                add_words(to, text);
            }
            element @ Node::Element(_) if is(element, HIDDEN) => continue,
            element @ Node::Element(_) if !is(element, INLINE) => {
                lines.push(String::new());
                open.push(None);
            }
            Node::Element(_) | Node::Document | Node::Fragment => {}
            Node::Comment(_) | Node::ProcessingInstruction(_) | Node::Doctype(_) => continue,
        }
        open.extend(node.children().rev().map(Some));
    }
    let mut lines: Vec<String> = lines.iter().map(|l| l.trim().to_owned()).collect();
    let title = title.trim();
    lines.retain(|line| !line.is_empty());
    if !title.is_empty() {
        lines.insert(0, format!("title: {title}"));
    }
    if lines.is_empty() {
        lines.push("(a page without any text)".to_owned());
    }
    lines
}

/// Elements whose text nobody reads.
const HIDDEN: &[&str] = &["script", "style", "template", "noscript", "svg"];

/// Elements that stay on their line.
const INLINE: &[&str] = &[
    "a", "abbr", "b", "code", "em", "i", "kbd", "label", "mark", "q", "s", "small", "span", "strong", "sub", "sup",
    "u", "var",
];

fn is(node: &Node, names: &[&str]) -> bool {
    node.as_element().is_some_and(|e| names.contains(&e.name()))
}

/// Adds text with every run of white space as one blank.
fn add_words(to: &mut String, text: &str) {
    for c in text.chars() {
        if !c.is_whitespace() {
            to.push(c);
        } else if !to.is_empty() && !to.ends_with(' ') {
            to.push(' ');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(kind: BodyKind, text: &str) -> BodyRecord {
        BodyRecord { kind, text: text.to_owned(), bytes: text.len() as u64 }
    }

    #[test]
    fn short_json_stays_on_a_line_and_long_json_is_cut() {
        assert_eq!(excerpt(&body(BodyKind::Json, r#"{"error":"no"}"#), 60), [r#"{"error": "no"}"#]);
        let long = format!("[{}0]", "1234,".repeat(40));
        let lines = excerpt(&body(BodyKind::Json, &long), 60);
        assert_eq!((lines.len(), lines[12].as_str()), (13, "… 31 more lines"));
    }

    #[test]
    fn a_page_is_what_a_person_reads() {
        let html = "<!doctype html><title>Sign in</title><style>p{}</style><body><h1>Wrong  password</h1>\
                    <p>Try <b>again</b> or <a href=x>reset</a>.<script>alert(1)</script><!-- no --><form><input value=x><label>Name</label></form>";
        assert_eq!(
            excerpt(&body(BodyKind::Html, html), 60),
            ["title: Sign in", "Wrong password", "Try again or reset.", "Name"]
        );
        assert_eq!(excerpt(&body(BodyKind::Html, "<br>"), 60), ["(a page without any text)"]);
        excerpt(&body(BodyKind::Html, &"<div>".repeat(10_000)), 60);
    }

    #[test]
    fn what_is_no_text_is_said() {
        assert_eq!(excerpt(&body(BodyKind::Empty, ""), 60), ["(empty body)"]);
        let binary = BodyRecord { kind: BodyKind::Binary, text: String::new(), bytes: 2214 };
        assert_eq!(excerpt(&binary, 60), ["(2,214 bytes of binary data)"]);
        assert_eq!(excerpt(&body(BodyKind::Form, "a=1&b=2"), 60), ["a=1", "b=2"]);
    }
}
