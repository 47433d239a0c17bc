//! From bytes to a tree, as a browser reads a page: its encoding first (HTML, section 13.2.3), then the tree, with
//! the forms that the parser itself ties inputs to (section 13.2.6.1): in `<table><form><tr><td><input>` no other
//! trace of it is left.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::LazyLock;

use ego_tree::NodeId;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use html5ever::driver::{ParseOpts, parse_document};
use html5ever::tendril::{StrTendril, TendrilSink as _};
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::{Attribute, QualName};
use regex::bytes::Regex;
use scraper::{Html, HtmlTreeSink};

/// How far a page is searched for the name of its encoding (HTML, section 13.2.3.2).
const PRESCAN: usize = 1024;

static META_CHARSET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i-u)<meta[^>]{0,200}?charset\s*=\s*["']?\s*([^\s"'/>;]+)"#).expect("a constant pattern")
});

/// Reads the text of a body, and says which encoding it is in.
pub fn decode(body: &[u8], content_type: &str) -> (String, &'static Encoding) {
    let marked = Encoding::for_bom(body).map(|(encoding, _)| encoding);
    let named = || parameter(content_type, "charset").and_then(|label| Encoding::for_label(label.as_bytes()));
    let encoding = marked.or_else(named).or_else(|| declared(body)).unwrap_or_else(|| guess(body));
    let (text, ..) = encoding.decode(body);
    (text.into_owned(), encoding)
}

/// The encoding that a page names itself; one that says UTF-16 in plain letters is not in it.
fn declared(body: &[u8]) -> Option<&'static Encoding> {
    let start = &body[..body.len().min(PRESCAN)];
    let label = META_CHARSET.captures(start)?.get(1)?;
    let encoding = Encoding::for_label(label.as_bytes())?;
    Some(if encoding == UTF_16BE || encoding == UTF_16LE { UTF_8 } else { encoding })
}

fn guess(body: &[u8]) -> &'static Encoding {
    if std::str::from_utf8(body).is_ok() { UTF_8 } else { WINDOWS_1252 }
}

/// A parameter of a media type.
fn parameter(content_type: &str, name: &str) -> Option<String> {
    content_type.split(';').skip(1).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches(['"', '\'']).to_owned())
    })
}

/// A page's tree, and the forms that the parser tied elements to.
pub(super) struct Parsed {
    pub(super) html: Html,
    pub(super) owners: HashMap<NodeId, NodeId>,
}

/// Parses a page; there is no text that is none.
pub(super) fn parse(text: &str) -> Parsed {
    let sink = Sink { inner: HtmlTreeSink::new(Html::new_document()), owners: RefCell::default() };
    parse_document(sink, ParseOpts::default()).one(text)
}

/// Builds the tree and takes down which form an element belongs to.
struct Sink {
    inner: HtmlTreeSink,
    owners: RefCell<HashMap<NodeId, NodeId>>,
}

impl TreeSink for Sink {
    type Handle = NodeId;
    type Output = Parsed;
    type ElemName<'a> = <HtmlTreeSink as TreeSink>::ElemName<'a>;

    fn finish(self) -> Parsed {
        Parsed { html: self.inner.finish(), owners: self.owners.into_inner() }
    }

    fn associate_with_form(&self, target: &NodeId, form: &NodeId, _: (&NodeId, Option<&NodeId>)) {
        self.owners.borrow_mut().insert(*target, *form);
    }

    fn parse_error(&self, message: Cow<'static, str>) {
        self.inner.parse_error(message);
    }

    fn get_document(&self) -> NodeId {
        self.inner.get_document()
    }

    fn elem_name<'a>(&'a self, target: &'a NodeId) -> Self::ElemName<'a> {
        self.inner.elem_name(target)
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, flags: ElementFlags) -> NodeId {
        self.inner.create_element(name, attributes, flags)
    }

    fn create_comment(&self, text: StrTendril) -> NodeId {
        self.inner.create_comment(text)
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> NodeId {
        self.inner.create_pi(target, data)
    }

    fn append(&self, parent: &NodeId, child: NodeOrText<NodeId>) {
        self.inner.append(parent, child);
    }

    fn append_based_on_parent_node(&self, element: &NodeId, previous: &NodeId, child: NodeOrText<NodeId>) {
        self.inner.append_based_on_parent_node(element, previous, child);
    }

    fn append_doctype_to_document(&self, name: StrTendril, public: StrTendril, system: StrTendril) {
        self.inner.append_doctype_to_document(name, public, system);
    }

    fn get_template_contents(&self, target: &NodeId) -> NodeId {
        self.inner.get_template_contents(target)
    }

    fn same_node(&self, one: &NodeId, other: &NodeId) -> bool {
        self.inner.same_node(one, other)
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.inner.set_quirks_mode(mode);
    }

    fn append_before_sibling(&self, sibling: &NodeId, new: NodeOrText<NodeId>) {
        self.inner.append_before_sibling(sibling, new);
    }

    fn add_attrs_if_missing(&self, target: &NodeId, attributes: Vec<Attribute>) {
        self.inner.add_attrs_if_missing(target, attributes);
    }

    fn remove_from_parent(&self, target: &NodeId) {
        self.inner.remove_from_parent(target);
    }

    fn reparent_children(&self, node: &NodeId, parent: &NodeId) {
        self.inner.reparent_children(node, parent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_found_as_a_browser_finds_it() {
        let name = |body: &[u8], kind: &str| decode(body, kind).1.name();
        assert_eq!(name(b"\xef\xbb\xbfa", "text/html; charset=latin1"), "UTF-8", "a mark at the start wins");
        assert_eq!(name(b"<meta charset=utf-8>", "text/html; charset=\"ISO-8859-2\""), "ISO-8859-2");
        assert_eq!(name(b"<meta charset='koi8-r'>", "text/html"), "KOI8-R");
        let old = b"<META http-equiv=content-type content=\"text/html; charset=Shift_JIS\">";
        assert_eq!(name(old, ""), "Shift_JIS");
        assert_eq!(name(b"<meta charset=utf-16>", ""), "UTF-8");
        assert_eq!(name("ä".as_bytes(), ""), "UTF-8");
        assert_eq!(decode(b"\xe4", ""), ("ä".to_owned(), WINDOWS_1252));
    }

    #[test]
    fn the_parser_ties_inputs_to_forms_that_do_not_hold_them() {
        let parsed = parse("<table><form id=f><tr><td><input name=a></td></tr></form></table>");
        assert_eq!(parsed.owners.len(), 1);
    }
}
