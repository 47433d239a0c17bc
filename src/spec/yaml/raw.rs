//! From the events of the parser to nodes: places kept, aliases expanded, `<<` merged.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, StructureStyle};

use super::resolve::{Resolver, Words, merge};
use super::{Data, Entry, Node, Style};
use crate::diag::{Diagnostic, Diagnostics};
use crate::source::{FileId, Span};
use crate::spec::diags;

/// How deep collections may nest.
const MAX_DEPTH: usize = 64;

/// The most nodes a document may have once its aliases are expanded.
const MAX_NODES: usize = 1_000_000;

/// Why reading stopped.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) offset: usize,
    pub(super) message: String,
}

impl Fault {
    fn from_scan(text: &str, error: &ScanError) -> Self {
        let marker = error.marker();
        let offset = marker
            .byte_offset()
            .unwrap_or_else(|| text.char_indices().nth(marker.index()).map_or(text.len(), |(i, _)| i));
        Self { offset: offset.min(text.len()), message: error.info() }
    }
}

enum Open {
    List { items: Vec<Node>, start: Start },
    Map { entries: Vec<Entry>, key: Option<Key>, start: Start, flow: bool, merges: bool, slipped: bool },
}

/// A key that waits for its value.
enum Key {
    Good(Arc<str>, Span),
    /// It was a fault; its value is read for the faults in it and dropped.
    Bad,
}

/// Where a collection began.
#[derive(Clone, Copy)]
struct Start {
    span: Span,
    anchor: usize,
    /// The nodes of the document before it.
    nodes: usize,
}

/// What an alias stands for. A scalar is not resolved yet: its alias may be a key.
struct Anchored {
    node: Node,
    nodes: usize,
}

struct Builder<'a> {
    file: FileId,
    text: &'a str,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
    /// The aliases repeat too much: nothing is made of the document any more.
    bomb: bool,
    /// What was meant by scalars that a comment cut, by where they begin: read on with it, so that two requests that
    /// were cut down to the same are not two of the same name.
    meant: HashMap<u32, Arc<str>>,
    resolver: Resolver,
    words: &'a mut Words,
    diags: &'a mut Diagnostics,
}

/// Reads a document; `Ok(None)` after a fault that was reported at its place and left nothing to go on with. After
/// other faults reading goes on, so that one hides no other.
pub(super) fn read(
    file: FileId,
    text: &str,
    words: &mut Words,
    diags: &mut Diagnostics,
) -> Result<Option<Node>, Fault> {
    let mut builder = Builder {
        file,
        text,
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        nodes: 0,
        documents: 0,
        bomb: false,
        meant: HashMap::new(),
        resolver: Resolver::default(),
        words,
        diags,
    };
    for next in Parser::new_from_str(text) {
        let (event, span) = next.map_err(|e| Fault::from_scan(text, &e))?;
        let range = span.byte_range().unwrap_or(0..0);
        if !builder.take(event, Span::new(file, range.start, range.end)) {
            let Builder { root, meant, .. } = builder;
            return Ok(root.map(|root| mended(root, &meant)));
        }
    }
    let empty = Node { data: Data::Null, span: Span::new(file, 0, 0), style: Style::Plain };
    let Builder { root, meant, bomb, .. } = builder;
    Ok((!bomb).then(|| mended(root.unwrap_or(empty), &meant)))
}

/// Puts what was meant in place of scalars that a comment cut.
fn mended(mut node: Node, meant: &HashMap<u32, Arc<str>>) -> Node {
    if meant.is_empty() {
        return node;
    }
    match &node.data {
        Data::List(items) => node.data = Data::List(items.iter().map(|n| mended(n.clone(), meant)).collect()),
        Data::Map(entries) => {
            let mend = |e: &Entry| Entry { value: mended(e.value.clone(), meant), ..e.clone() };
            node.data = Data::Map(entries.iter().map(mend).collect());
        }
        Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) => {
            let meant = meant.get(&node.span.start).filter(|_| node.style == Style::Plain);
            node.data = meant.map_or(node.data, |text| Data::Text(Arc::clone(text)));
        }
    }
    node
}

impl Builder<'_> {
    /// Takes one event in; false when reading must stop.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        match event {
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentEnd
            | Event::Anchor(..)
            | Event::UnresolvedAlias(_) => {}
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.fault(diags::several_documents(span));
                    return false;
                }
            }
            Event::Comment(comment, _) => self.comment(&comment, span),
            Event::Scalar(text, style, anchor, tag) => {
                if tag.is_some() {
                    self.fault(diags::yaml_tag(span));
                }
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                let node = Node { data: Data::Text(self.words.get(&text)), span, style };
                self.remember(anchor, &node, 1);
                self.scalar(node);
            }
            Event::Alias(id) => return self.alias(id, span),
            Event::SequenceStart(_, anchor, tag) => {
                if tag.is_some() {
                    self.fault(diags::yaml_tag(span));
                }
                let start = self.start(span, anchor);
                return self.push(Open::List { items: Vec::new(), start });
            }
            Event::MappingStart(style, anchor, tag) => {
                if tag.is_some() {
                    self.fault(diags::yaml_tag(span));
                }
                let flow = style == StructureStyle::Flow;
                let start = self.start(span, anchor);
                return self.push(Open::Map {
                    entries: Vec::new(),
                    key: None,
                    start,
                    flow,
                    merges: false,
                    slipped: false,
                });
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            // The event type may grow; what it says beyond these carries no data.
            _ => {}
        }
        true
    }

    fn start(&mut self, span: Span, anchor: usize) -> Start {
        let start = Start { span, anchor, nodes: self.nodes };
        self.count(1, span);
        start
    }

    fn push(&mut self, open: Open) -> bool {
        self.open.push(open);
        if self.open.len() > MAX_DEPTH {
            let Some(Open::List { start, .. } | Open::Map { start, .. }) = self.open.last() else { return false };
            let span = start.span;
            self.fault(diags::yaml(span, &format!("values nest deeper than {MAX_DEPTH} levels")));
            return false;
        }
        true
    }

    fn end(&mut self, end: Span) {
        let (data, style, start) = match self.open.pop() {
            Some(Open::List { items, start }) => (Data::List(items.into()), Style::Collection, start),
            Some(Open::Map { entries, start, merges, slipped, .. }) => {
                // `{{ x }}` was meant as text, and is read as such for the faults that it may have then.
                let meant = self.text.get(start.span.start as usize..end.end.max(start.span.end) as usize);
                if let Some(text) = meant.filter(|_| slipped) {
                    (Data::Text(text.into()), Style::Quoted, start)
                } else {
                    let entries = if merges { merge(entries, self.diags) } else { entries };
                    (Data::Map(entries.into()), Style::Collection, start)
                }
            }
            None => return,
        };
        let span = Span { end: end.end.max(start.span.end), ..start.span };
        let node = Node { data, span, style };
        self.remember(start.anchor, &node, self.nodes - start.nodes);
        self.place(node);
    }

    fn remember(&mut self, anchor: usize, node: &Node, nodes: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes });
        }
    }

    fn alias(&mut self, id: usize, span: Span) -> bool {
        let Some(Anchored { node, nodes }) = self.anchors.get(&id) else {
            // An alias inside its own anchor: the document would contain itself.
            self.fault(diags::yaml(span, "an alias may not stand inside what it refers to"));
            return false;
        };
        let (nodes, target) = (*nodes, node.span);
        if !matches!(node.data, Data::List(_) | Data::Map(_)) {
            let node = node.clone();
            self.scalar(node);
            return true;
        }
        self.count(nodes, target);
        let Some(Anchored { node, .. }) = self.anchors.get(&id).filter(|_| !self.bomb) else {
            // Nothing is made of the document any more, so nothing is copied.
            self.place(Node { data: Data::List(Arc::default()), span: target, style: Style::Collection });
            return true;
        };
        let node = node.clone();
        self.place(node);
        true
    }

    fn count(&mut self, nodes: usize, span: Span) {
        self.nodes += nodes;
        if self.nodes > MAX_NODES && !self.bomb {
            self.bomb = true;
            self.diags.push(diags::yaml(span, "its aliases repeat too much"));
        }
    }

    /// Puts a scalar where it belongs; only one that is no key is resolved.
    fn scalar(&mut self, mut node: Node) {
        let is_key = matches!(self.open.last(), Some(Open::Map { key: None, .. }));
        if !is_key {
            self.count(1, node.span);
            if let Data::Text(text) = &node.data
                && let Some(mask) = super::slips::mask(text)
            {
                self.diags.push(diags::mask(node.span, mask));
            }
            if let (Style::Plain, Data::Text(text)) = (node.style, &node.data) {
                node.data = self.resolver.plain(text, node.span, self.diags);
            }
        }
        self.place(node);
    }

    /// Puts a finished node where it belongs: a list, a key, a value, or the root.
    fn place(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, flow, merges, slipped, .. }) => {
                match key.take() {
                    Some(Key::Good(key, key_span)) => return entries.push(Entry { key, key_span, value: node }),
                    Some(Key::Bad) => return,
                    None => {}
                }
                let fault = if let Data::Text(text) = node.data {
                    let first = entries.iter().find(|e| e.key == text).map(|e| e.key_span);
                    let fault = first.map(|first| diags::duplicate_key(node.span, first, &text));
                    *merges |= fault.is_none() && &*text == "<<" && node.style == Style::Plain;
                    *key = Some(if fault.is_some() { Key::Bad } else { Key::Good(text, node.span) });
                    fault
                } else {
                    *slipped = *flow;
                    *key = Some(Key::Bad);
                    Some(super::slips::collection_as_key(self.file, self.text, node.span, *flow))
                };
                if let Some(fault) = fault {
                    self.fault(fault);
                }
            }
        }
    }

    fn fault(&mut self, diagnostic: Diagnostic) {
        self.diags.push(diagnostic);
    }

    /// `#` with no blank behind it, on a line whose value is a request: part of the target was meant.
    fn comment(&mut self, comment: &str, span: Span) {
        if let Some(cut) = super::slips::cut_request(self.file, self.text, comment, span) {
            self.meant.insert(cut.at, cut.meant.into());
            self.fault(cut.fault);
        }
    }
}
