//! The form of a document with all places, before scalars are resolved.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, StructureStyle};

use super::Style;
use crate::diag::Diagnostics;
use crate::source::{FileId, Span};
use crate::spec::diags;

/// How deep collections may nest.
const MAX_DEPTH: usize = 64;

/// A node of the document's form.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) form: Form,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) enum Form {
    Scalar {
        text: Arc<str>,
        style: Style,
    },
    List(Vec<Rc<Raw>>),
    /// Pairs in file order; keys are unique scalars.
    Map(Vec<(Rc<Raw>, Rc<Raw>)>),
}

/// A whole document.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) root: Rc<Raw>,
    /// What was meant by scalars that a comment cut, by where they begin: read on with it, so that two requests that
    /// were cut down to the same are not two of the same name.
    pub(super) meant: HashMap<u32, Arc<str>>,
}

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
    List { items: Vec<Rc<Raw>>, span: Span, anchor: usize },
    Map { pairs: Vec<(Rc<Raw>, Rc<Raw>)>, key: Option<Key>, span: Span, anchor: usize, flow: bool, slipped: bool },
}

/// A key that waits for its value.
enum Key {
    Good(Rc<Raw>),
    /// It was a fault; its value is read for the faults in it and dropped.
    Bad,
}

struct Builder<'a> {
    file: FileId,
    text: &'a str,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Raw>>,
    root: Option<Rc<Raw>>,
    documents: usize,
    meant: HashMap<u32, Arc<str>>,
    diags: &'a mut Diagnostics,
}

/// Reads the form of a document; `Ok(None)` after a fault that was reported at its place and left nothing to go on
/// with. After other faults reading goes on, so that one hides no other.
pub(super) fn read(file: FileId, text: &str, diags: &mut Diagnostics) -> Result<Option<Document>, Fault> {
    let mut builder = Builder {
        file,
        text,
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        documents: 0,
        meant: HashMap::new(),
        diags,
    };
    for next in Parser::new_from_str(text) {
        let (event, span) = next.map_err(|e| Fault::from_scan(text, &e))?;
        let range = span.byte_range().unwrap_or(0..0);
        if !builder.take(event, Span::new(file, range.start, range.end)) {
            let Builder { root, meant, .. } = builder;
            return Ok(root.map(|root| Document { root, meant }));
        }
    }
    let empty =
        || Rc::new(Raw { form: Form::Scalar { text: "".into(), style: Style::Plain }, span: Span::new(file, 0, 0) });
    Ok(Some(Document { root: builder.root.unwrap_or_else(empty), meant: builder.meant }))
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
                let form = Form::Scalar { text: text.as_ref().into(), style };
                self.close(Rc::new(Raw { form, span }), anchor);
            }
            Event::Alias(id) => {
                let Some(target) = self.anchors.get(&id).cloned() else {
                    // An alias inside its own anchor: the document would contain itself.
                    self.fault(diags::yaml(span, "an alias may not stand inside what it refers to"));
                    return false;
                };
                self.close(target, 0);
            }
            Event::SequenceStart(_, anchor, tag) => {
                if tag.is_some() {
                    self.fault(diags::yaml_tag(span));
                }
                return self.push(Open::List { items: Vec::new(), span, anchor });
            }
            Event::MappingStart(style, anchor, tag) => {
                if tag.is_some() {
                    self.fault(diags::yaml_tag(span));
                }
                let flow = style == StructureStyle::Flow;
                return self.push(Open::Map { pairs: Vec::new(), key: None, span, anchor, flow, slipped: false });
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            // The event type may grow; what it says beyond these carries no data.
            _ => {}
        }
        true
    }

    fn push(&mut self, open: Open) -> bool {
        self.open.push(open);
        if self.open.len() > MAX_DEPTH {
            let Some(Open::List { span, .. } | Open::Map { span, .. }) = self.open.last() else { return false };
            let span = *span;
            self.fault(diags::yaml(span, &format!("values nest deeper than {MAX_DEPTH} levels")));
            return false;
        }
        true
    }

    fn end(&mut self, end: Span) {
        match self.open.pop() {
            Some(Open::List { items, span, anchor }) => {
                let span = Span { end: end.end.max(span.end), ..span };
                self.close(Rc::new(Raw { form: Form::List(items), span }), anchor);
            }
            Some(Open::Map { pairs, span, anchor, slipped, .. }) => {
                let span = Span { end: end.end.max(span.end), ..span };
                // `{{ x }}` was meant as text, and is read as such for the faults that it may have then.
                let meant = self.text.get(span.start as usize..span.end as usize).filter(|_| slipped);
                let form = match meant {
                    Some(text) => Form::Scalar { text: text.into(), style: Style::Quoted },
                    None => Form::Map(pairs),
                };
                self.close(Rc::new(Raw { form, span }), anchor);
            }
            None => {}
        }
    }

    /// Puts a finished node where it belongs: a list, a key, a value, or the root.
    fn close(&mut self, node: Rc<Raw>, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { pairs, key, flow, slipped, .. }) => {
                match key.take() {
                    Some(Key::Good(key)) => return pairs.push((key, node)),
                    Some(Key::Bad) => return,
                    None => {}
                }
                let fault = match &node.form {
                    Form::Scalar { text, .. } => pairs
                        .iter()
                        .find(|(k, _)| matches!(&k.form, Form::Scalar { text: t, .. } if t == text))
                        .map(|(first, _)| diags::duplicate_key(node.span, first.span, text)),
                    Form::Map(_) | Form::List(_) => {
                        *slipped = *flow;
                        Some(super::slips::collection_as_key(self.file, self.text, node.span, *flow))
                    }
                };
                *key = Some(if fault.is_some() { Key::Bad } else { Key::Good(node) });
                if let Some(fault) = fault {
                    self.fault(fault);
                }
            }
        }
    }

    fn fault(&mut self, diagnostic: crate::diag::Diagnostic) {
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
