//! Reads `outcomes:`: what `allow`, `deny` and `hidden` mean for an API that answers in its own way.

use super::reader::{Fields, Key, Reader, key};
use super::shape::{Def, Shape};
use super::yaml::{Data, Node};

/// The keys of `outcomes`.
pub const OUTCOME_KEYS: &[Key] = &[
    key("allow", "what counts as let in; 2xx unless it is said").is(Shape::Keys(STANCE_KEYS)),
    key("deny", "what counts as refused; 401 or 403 unless it is said").is(Shape::Keys(STANCE_KEYS)),
    key("hidden", "what counts as not to be found; 404 unless it is said").is(Shape::Keys(STANCE_KEYS)),
];

/// The keys of one of them.
pub const STANCE_KEYS: &[Key] = &[
    key("anonymous", "an expectation or a list of them for somebody without a credential; one has to hold")
        .is(Shape::Filled(&Shape::OneOrMore(&Shape::The(Def::Expect)))),
    key("identity", "the same for somebody who is known")
        .is(Shape::Filled(&Shape::OneOrMore(&Shape::The(Def::Expect)))),
];

/// What one word means for one kind of caller.
#[derive(Debug, Clone)]
pub struct OutcomeSpec {
    /// `allow`, `deny` or `hidden`.
    pub word: &'static str,
    /// `anonymous` or `identity`.
    pub stance: &'static str,
    /// Expectations, of which one has to hold; at least one.
    pub any: Vec<Node>,
}

/// Reads `outcomes`.
pub(super) fn outcomes(fields: Fields<'_>, reader: &mut Reader<'_>) -> Vec<OutcomeSpec> {
    let Some(node) = fields.get("outcomes") else { return Vec::new() };
    let Some(words) = reader.fields(node, OUTCOME_KEYS, "`outcomes`") else { return Vec::new() };
    let mut all = Vec::new();
    for (word, node) in OUTCOME_KEYS.iter().filter_map(|k| Some((k.name, words.get(k.name)?))) {
        let Some(stances) = reader.fields(node, STANCE_KEYS, &format!("`{word}`")) else { continue };
        for (stance, node) in STANCE_KEYS.iter().filter_map(|k| Some((k.name, stances.get(k.name)?))) {
            let any = reader.one_or_more(node).to_vec();
            if any.is_empty() || matches!(node.data, Data::Null) {
                let fault = super::diags::bad_value(node.span, format!("`{word}` would mean nothing here"));
                reader.fault(fault.label("empty"));
                continue;
            }
            all.push(OutcomeSpec { word, stance, any });
        }
    }
    all
}
