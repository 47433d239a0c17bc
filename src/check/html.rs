//! `html`: what a page shows, by CSS selector: the texts of the elements, or their attributes.

use std::fmt;

use scraper::{ElementRef, Html, Selector};

use crate::http::Response;
use crate::spec::{Data, Entry, Fields, Node, Reader};

use super::operator::Expectation;
use super::value::{Actual, Kind, Missing};
use super::{Check, Checked, Placed, Seen, diags};

struct Element {
    written: String,
    selector: Selector,
    /// The attribute that is compared, not the text.
    attribute: Option<String>,
    expectation: Expectation,
}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?}", self.written, self.attribute, self.expectation)
    }
}

/// Reads the row `html`.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    let Some(entries) = reader.map(node) else { return };
    for entry in entries.iter() {
        let Ok(selector) = Selector::parse(&entry.key) else {
            reader.fault(diags::bad_selector(entry.key_span, &entry.key));
            continue;
        };
        let (texts, attributes) = split(&entry.value);
        if let Some(node) = texts {
            place(&node, entry, &selector, None, reader, out);
        }
        for attribute in attributes.and_then(|node| reader.map(node)).iter().flat_map(Fields::iter) {
            place(&attribute.value, entry, &selector, Some(&attribute.key), reader, out);
        }
    }
}

/// What is said of the texts, and of the attributes under `attr`.
fn split(node: &Node) -> (Option<Node>, Option<&Node>) {
    let Data::Map(entries) = &node.data else { return (Some(node.clone()), None) };
    let attributes = entries.iter().find(|e| &*e.key == "attr").map(|e| &e.value);
    let rest: Vec<Entry> = entries.iter().filter(|e| &*e.key != "attr").cloned().collect();
    let texts = !rest.is_empty() || attributes.is_none();
    (texts.then(|| Node { data: Data::Map(rest.into()), ..node.clone() }), attributes)
}

fn place(
    node: &Node,
    entry: &Entry,
    selector: &Selector,
    attribute: Option<&str>,
    reader: &mut Reader<'_>,
    out: &mut Vec<Placed>,
) {
    let Some(expectation) = Expectation::read(node, Kind::Lines, reader) else { return };
    let subject = match attribute {
        None => format!("html {}", entry.key),
        Some(name) => format!("html {} attr {name}", entry.key),
    };
    expectation.place(&subject, out, |expectation| {
        Box::new(Element {
            written: entry.key.to_string(),
            selector: selector.clone(),
            attribute: attribute.map(ToOwned::to_owned),
            expectation,
        })
    });
}

impl Check for Element {
    fn judge(&self, seen: &Seen<'_>) -> Checked {
        let at = seen.moment();
        if let Some(why) = no_page(seen.response) {
            return self.expectation.judge(Actual::Missing(Missing::Unplaced(&why)), at);
        }
        let page = Html::parse_document(&seen.response.text());
        let elements: Vec<ElementRef<'_>> = page.select(&self.selector).collect();
        let found: Vec<String> = match &self.attribute {
            None => elements.iter().map(|e| text_of(*e)).collect(),
            Some(name) => elements.iter().filter_map(|e| e.attr(name)).map(ToOwned::to_owned).collect(),
        };
        let missing = match &self.attribute {
            Some(_) if elements.is_empty() => Missing::Unplaced("no such element"),
            Some(_) => Missing::Absent("no such attribute"),
            None => Missing::Absent("no such element"),
        };
        let actual = if found.is_empty() { Actual::Missing(missing) } else { Actual::Lines(&found) };
        self.expectation.judge(actual, at)
    }
}

/// Why the body is no page; anything parses as HTML, and of what is none nothing is shown by an element missing.
fn no_page(response: &Response) -> Option<String> {
    let kind = response.media_type();
    if response.body.is_empty() {
        return Some("the body is empty, not a page".to_owned());
    }
    let is_page = matches!(kind.as_str(), "text/html" | "application/xhtml+xml")
        || (kind.is_empty() && response.text().trim_start().starts_with('<'));
    (!is_page).then(|| format!("the answer is {}, not a page", if kind.is_empty() { "of no type" } else { &kind }))
}

/// What a page shows: its elements and their texts, without attributes, scripts and styles, in which it keeps tokens of
/// its own. Nothing of what is no page.
pub(super) fn shown(response: &Response) -> Option<String> {
    if no_page(response).is_some() {
        return None;
    }
    let page = Html::parse_document(&response.text());
    let mut words = Vec::new();
    let mut nodes = vec![*page.root_element()];
    while let Some(node) = nodes.pop() {
        let name = node.value().as_element().map(scraper::node::Element::name);
        words.extend(name.map(|name| format!("<{name}>")));
        words.extend(node.value().as_text().into_iter().flat_map(|t| t.split_whitespace()).map(ToOwned::to_owned));
        if !matches!(name, Some("script" | "style")) {
            nodes.extend(node.children().rev());
        }
    }
    Some(words.join(" "))
}

/// The text of an element as a reader sees it: blanks and line breaks are one blank.
fn text_of(element: ElementRef<'_>) -> String {
    let whole: String = element.text().collect();
    whole.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Answer, faults};

    fn page() -> Answer {
        Answer::ok().header("Content-Type", "text/html; charset=utf-8").body(
            "<h1>Log\n  in</h1><form id=login action=/in><input name=csrf type=hidden value=abc>\
             <input name=user></form><p class=error>wrong &amp; bad</p><p class=error>again</p>",
        )
    }

    #[test]
    fn texts_and_attributes_are_compared() {
        let holds = |wanted: &str| page().holds(&format!("html: {{ {wanted} }}"));
        assert!(holds("h1: Log in, \"form input[name=csrf]\": { exists: true }, .nope: { exists: false }"));
        assert!(holds(".error: { contains: bad }") && !holds(".error: { not: { contains: again } }"));
        assert!(holds(".error: { all: { length: { above: 3 } } }") && holds(".error: [wrong & bad, again]"));
        assert!(holds("form: { attr: { action: /in, method: { exists: false } } }"));
        assert!(holds("\"input[name=csrf]\": { exists: true, attr: { value: { length: 3 }, type: hidden } }"));
        assert!(!holds("form: { attr: { action: /out } }") && !holds(".nope: { attr: { id: { exists: false } } }"));
        let broken = page().broken("html: { h1: Welcome }");
        assert_eq!(broken, [("text \"Welcome\"".to_owned(), "text \"Log in\"".to_owned())]);
    }

    #[test]
    fn what_is_no_page_shows_nothing() {
        for (kind, body) in [("application/json", "{}"), ("text/html", ""), ("text/plain", "<h1>")] {
            let answer = Answer::ok().header("Content-Type", kind).body(body);
            for wanted in ["h1: { exists: false }", "h1: x", "h1: { not: x }"] {
                assert!(!answer.holds(&format!("html: {{ {wanted} }}")), "{kind}: {wanted}");
            }
        }
        assert!(Answer::ok().body(" <h1>x</h1>").holds("html: { h1: x }"));
    }

    #[test]
    fn faults_are_told() {
        for (written, words) in [
            ("html: { \"input[\": x }", "bad-selector"),
            ("html: { h1: {} }", "could not fail"),
            ("html: { h1: { containz: x } }", "no operator"),
            ("html: { h1: { attr: {} } }", "could not fail"),
            ("html: h1", "a map"),
        ] {
            let found = faults(written);
            assert!(found.len() == 1 && found[0].contains(words), "{written}: {found:?}");
        }
    }
}
