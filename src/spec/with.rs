//! Reads `with` (deliberate defects) and `control` (what proves that a refusal says something).

use std::sync::Arc;

use super::diags;
use super::model::{Named, StepSpec};
use super::reader::{Fields, Key, Reader, key};
use super::shape::{Def, Shape};
use super::step::{STEP_KEYS, step};
use super::yaml::{Data, Node};
use crate::source::{Span, Spanned};

/// Defects that a step is sent with, as written.
#[derive(Debug, Clone)]
pub struct WithSpec {
    /// Where it stands.
    pub span: Span,
    /// Ids and packs.
    pub these: Vec<Spanned<Arc<str>>>,
    /// What is left out of packs.
    pub except: Vec<Spanned<Arc<str>>>,
    /// Other expectations than the table's, by id.
    pub expect: Vec<Named<Node>>,
    /// Whether a refusal of another kind than the one that is due fails.
    pub strict: bool,
    /// Identities whose tokens are for somebody else.
    pub donors: Vec<Spanned<Arc<str>>>,
}

/// What proves that a refusal says something, as written.
#[derive(Debug, Clone)]
pub enum ControlSpec {
    /// Nothing: the refusal stands for itself, and every report says so.
    Off(Span),
    /// These have to be allowed the same.
    Names(Vec<Spanned<Arc<str>>>),
    /// This request has to be allowed before and after.
    Step(Box<StepSpec>),
}

/// The keys of `with` in its long form.
pub const WITH_KEYS: &[Key] = &[
    key("these", "ids and packs, as in the short form").is(Shape::TEXTS).needed(),
    key("except", "ids that are left out of the packs").is(Shape::TEXTS),
    key("expect", "by id: what must come back in place of what the table says")
        .is(Shape::Filled(&Shape::Map(&Shape::The(Def::Expect)))),
    key("strict", "`true`: a refusal of another kind than the one that is due fails too").is(Shape::Flag),
    key(
        "donor",
        "identities of another client or issuer, whose tokens stand in for those that a `signing_key` would make",
    )
    .is(Shape::TEXTS),
];

/// What `with` takes.
pub const WITH: Shape = Shape::Either(&[Shape::TEXTS, Shape::Keys(WITH_KEYS)]);

/// What `control` takes.
pub const CONTROL: Shape = Shape::Either(&[Shape::TEXTS, Shape::The(Def::Step)]);

/// The keys of a step that do not go with a defect, and why.
const ALONE: &[(&str, &str)] = &[
    ("submit", "a form is sent once, and its control would use it up"),
    ("together", "a race and a defect are two tests"),
    ("repeat", "one defect is sent once"),
    ("retry", "a refusal that only comes at the second try is none"),
    ("capture", "a refusal brings nothing to keep"),
    ("handshake", "the control needs the answer to the server's question"),
];

/// Reads what a step is sent with.
pub(super) fn with(fields: Fields<'_>, reader: &mut Reader<'_>) -> Option<WithSpec> {
    let entry = fields.entry("with")?;
    for (other, why) in ALONE {
        if let Some(other) = fields.entry(other) {
            reader.fault(diags::at_odds(("with", entry.key_span), (&other.key, other.key_span), why));
        }
    }
    let node = &entry.value;
    let words = |node: &Node, reader: &mut Reader<'_>| -> Vec<Spanned<Arc<str>>> {
        reader.one_or_more(node).iter().filter_map(|n| reader.word(n)).collect()
    };
    if !matches!(node.data, Data::Map(_)) {
        let these = words(node, reader);
        if these.is_empty() {
            reader.fault(diags::bad_value(node.span, "`with` names no mutation").label("empty"));
        }
        let (except, expect, donors) = (Vec::new(), Vec::new(), Vec::new());
        return Some(WithSpec { span: entry.key_span, these, except, expect, strict: false, donors });
    }
    let own = reader.fields(node, WITH_KEYS, "`with`")?;
    let these = reader.need(own, node, "these", "`with`")?;
    Some(WithSpec {
        span: entry.key_span,
        these: words(these, reader),
        except: own.get("except").map_or_else(Vec::new, |n| words(n, reader)),
        expect: super::shared::named(own, "expect", reader, |_, n| Some(n.clone())),
        strict: own.get("strict").and_then(|n| reader.flag(n)).unwrap_or(false),
        donors: own.get("donor").map_or_else(Vec::new, |n| words(n, reader)),
    })
}

/// Reads what proves a case.
pub(super) fn control(node: &Node, reader: &mut Reader<'_>) -> Option<ControlSpec> {
    if let Data::Map(_) = node.data {
        let fields = reader.fields(node, STEP_KEYS, "`control`")?;
        if let Some(with) = fields.entry("with") {
            let message = "a control is sent as it is";
            reader.fault(diags::bad_value(with.key_span, message).label("not here"));
        }
        if let Some(by) = fields.entry("as") {
            let message = "a control is asked as whoever sends the step: that credential has to be shown good";
            let fault = diags::bad_value(by.key_span, message).label("not here");
            reader.fault(fault.help("`control: NAME` says who else has to be allowed the step's own request"));
        }
        return step(node, fields, reader).map(|spec| ControlSpec::Step(Box::new(spec)));
    }
    let names: Vec<Spanned<Arc<str>>> = reader.one_or_more(node).iter().filter_map(|n| reader.word(n)).collect();
    match &names[..] {
        [] => None,
        [off] if &*off.value == "off" => Some(ControlSpec::Off(off.span)),
        _ => {
            let (nobody, somebody): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| &*name.value == "anonymous");
            for name in nobody {
                let message = "what is allowed without a credential shows nothing about a refusal";
                let fault = diags::bad_value(name.span, message).label("not here");
                reader.fault(fault.help("name somebody who has to be allowed the same"));
            }
            (!somebody.is_empty()).then_some(ControlSpec::Names(somebody))
        }
    }
}
