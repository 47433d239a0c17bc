//! Texts of a page, and lists of names for people.

use ego_tree::NodeRef;
use ego_tree::iter::Edge;
use scraper::Node;

use crate::term::list;

/// The text below a node that people see.
pub(super) fn text(node: NodeRef<'_, Node>) -> String {
    let mut out = String::new();
    let mut unseen = 0_usize;
    for edge in node.traverse() {
        let hides = |node: &NodeRef<'_, Node>| {
            let element = node.value().as_element();
            element.is_some_and(|e| matches!(e.name(), "script" | "style" | "template" | "noscript"))
        };
        match edge {
            Edge::Open(inner) if hides(&inner) => unseen += 1,
            Edge::Close(inner) if hides(&inner) => unseen = unseen.saturating_sub(1),
            Edge::Open(inner) => match inner.value() {
                Node::Text(text) if unseen == 0 => out.push_str(text),
                // A box of its own parts words; a bold letter does not.
                Node::Element(e) if matches!(e.name(), "br" | "p" | "div" | "li" | "ul" | "td" | "tr") => out.push(' '),
                _ => {}
            },
            Edge::Close(_) => {}
        }
    }
    out
}

/// All text below a node, as it is.
pub(super) fn raw(node: NodeRef<'_, Node>) -> String {
    node.descendants().filter_map(|n| n.value().as_text().map(|t| &**t)).collect()
}

/// A text on one line, with single blanks.
pub(super) fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Names between backquotes.
pub(super) fn quoted<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(|n| format!("`{}`", n.as_ref())).collect();
    list(&names, "and")
}
