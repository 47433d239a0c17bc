//! Reads when a step is sent and how often: `pause`, `retry`, `repeat`, `together`.

use super::diags;
use super::model::{Pause, Repeat, Retry};
use super::reader::{Fields, Key, Reader, key};
use super::shape::Shape;
use super::yaml::{Data, Node};

/// The keys of `pause` in its long form.
pub(super) const PAUSE_KEYS: &[Key] =
    &[key("until", "seconds since 1970 or an RFC 3339 time").is(Shape::Text).needed()];

pub(super) fn pause(node: &Node, reader: &mut Reader<'_>) -> Option<Pause> {
    if matches!(node.data, Data::Map(_)) {
        let fields = reader.fields(node, PAUSE_KEYS, "`pause`")?;
        let until = reader.need(fields, node, "until", "`pause`")?;
        return Some(Pause::Until(until.clone()));
    }
    reader.duration(node).map(Pause::For)
}

/// The keys of `retry`.
pub(super) const RETRY_KEYS: &[Key] = &[
    key("attempts", "how often at the most, the first try included").is(Shape::Count(2, 1000)).needed(),
    key("every", "the time between tries").is(Shape::Duration).needed(),
];

pub(super) fn retry(node: &Node, reader: &mut Reader<'_>) -> Option<Retry> {
    let fields = reader.fields(node, RETRY_KEYS, "`retry`")?;
    let attempts = reader.need(fields, node, "attempts", "`retry`").and_then(|n| reader.count(n, 2..=1000))?;
    let every = reader.need(fields, node, "every", "`retry`").and_then(|n| reader.duration(n))?;
    Some(Retry { attempts: u32::try_from(attempts).unwrap_or(1000), every })
}

/// The keys of `repeat`.
pub(super) const REPEAT_KEYS: &[Key] = &[
    key("times", "how many rounds").is(Shape::Count(2, 1000)).needed(),
    key("every", "the time between rounds; none by default").is(Shape::Duration),
];

pub(super) fn repeat(node: &Node, reader: &mut Reader<'_>) -> Option<Repeat> {
    let fields = reader.fields(node, REPEAT_KEYS, "`repeat`")?;
    let times = reader.need(fields, node, "times", "`repeat`").and_then(|n| reader.count(n, 2..=1000))?;
    let every = fields.get("every").map(|n| reader.duration(n));
    let every = if let Some(every) = every { every? } else { std::time::Duration::ZERO };
    Some(Repeat { times: u32::try_from(times).unwrap_or(1000), every })
}

pub(super) fn together(node: &Node, reader: &mut Reader<'_>) -> Option<u32> {
    let number = reader.count(node, 2..=100)?;
    u32::try_from(number).ok()
}

/// Finds keys that say the opposite of each other.
pub(super) fn conflicts(fields: Fields<'_>, reader: &mut Reader<'_>) {
    if let Some(alone) = fields.entry("alone") {
        let why = "it is sent once with each thing of a session";
        let others = ["retry", "repeat", "together", "capture", "with"].into_iter();
        for (other, entry) in others.filter_map(|other| Some((other, fields.entry(other)?))) {
            reader.fault(diags::at_odds(("alone", alone.key_span), (other, entry.key_span), why));
        }
    }
    let Some(retry) = fields.entry("retry") else { return };
    for (other, why) in [
        ("repeat", "`retry` asks until it holds once, `repeat` that it holds every time"),
        ("together", "a race that is run again until it comes out right proves nothing"),
    ] {
        if let Some(entry) = fields.entry(other) {
            reader.fault(diags::at_odds(("retry", retry.key_span), (other, entry.key_span), why));
        }
    }
}
