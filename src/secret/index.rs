//! Finds the forms of many values in one pass.
//!
//! Each form is known by six of its bytes, its anchor. A text is searched by looking up the six bytes at each place;
//! where an anchor fits, the form is followed from there to both ends. Adding a form is one insertion, so captured
//! tokens cost nothing while the run goes on; an automaton would have to be built again for each. Only anchors are
//! stored: the other spellings of a value are made when one is met. Tokens of one issuer begin alike, so the anchor is
//! taken where few others have the same one.

use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::RandomState;

use super::Secret;
use super::folded::unfold;
use super::follow::{Alphabet, backward, forward, standard};
use super::forms::{Form, SHORTEST, forms_of};
use super::unescape::{Reader, Unit, starts_escape};

/// Bytes of an anchor.
const ANCHOR: usize = SHORTEST;

/// Forms that may share an anchor before another place is preferred.
const CROWDED: u32 = 8;

/// Readings that are followed at one place of a text; more are only reached by texts made to be ambiguous.
const TRIES: usize = 256;

/// The end of a chain of entries.
const NONE: u32 = u32::MAX;

/// A form whose anchor stands at `offset` of its text.
#[derive(Clone, Copy)]
struct Entry {
    value: u32,
    form: Form,
    offset: u32,
    next: u32,
}

#[derive(Clone, Copy)]
struct Chain {
    first: u32,
    len: u32,
}

/// A place in a text where a form of a value was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) at: Range<usize>,
    pub(super) value: u32,
    /// How the value was encoded before what encoded it there, where that cannot be told from the place.
    pub(super) encoded: Option<&'static str>,
}

/// The first bytes of an anchor, read in one of the ways a text can be read.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Reading {
    key: u64,
    len: usize,
    next: usize,
}

/// A place that can be read in more than one way, and whether an anchor may stand across it.
struct Escape {
    at: usize,
    crossable: bool,
}

/// The anchors of all forms of all values.
#[derive(Clone)]
pub(super) struct Index {
    chains: HashMap<u64, Chain, RandomState>,
    entries: Vec<Entry>,
    /// A bit per hashed anchor: most places of a text are dismissed by it.
    filter: Vec<u64>,
    /// The bytes that occur in anchors.
    bytes: [bool; 256],
    /// A bit per first two bytes of an anchor: escaped text is dismissed by it before all its readings are made.
    pairs: Vec<u64>,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            chains: HashMap::default(),
            entries: Vec::new(),
            filter: vec![0; 64],
            bytes: [false; 256],
            pairs: vec![0; 1024],
        }
    }
}

impl Index {
    /// Makes the forms of a value findable; `number` is what matches call it.
    pub(super) fn insert(&mut self, number: u32, value: &str) {
        for form in forms_of(value) {
            let text = form.text(value);
            let offset = self.best_offset(&text);
            let anchor = &text[offset..offset + ANCHOR];
            let offset = u32::try_from(offset).unwrap_or(u32::MAX);
            self.link(anchor, Entry { value: number, form, offset, next: NONE });
            if let Some(other) = other_writing(anchor, form.alphabet()) {
                self.link(&other, Entry { value: number, form, offset, next: NONE });
            }
        }
    }

    /// Chooses the place of an anchor: letters and digits, which are hardly ever escaped, that few others have. An anchor
    /// that repeats itself fits at every place of a stretch of its like, from each of which the whole form is followed.
    fn best_offset(&self, text: &[u8]) -> usize {
        let last = text.len() - ANCHOR;
        let places = [last, last / 2, 0, last / 4, last / 4 * 3, last / 16, last / 64, last / 64 * 63];
        let boundary = |mut place: usize| {
            while place > 0 && text[place] & 0xc0 == 0x80 {
                place -= 1;
            }
            place
        };
        let cost = |place: &usize| {
            let anchor = &text[*place..*place + ANCHOR];
            let plain = anchor.iter().all(u8::is_ascii_alphanumeric);
            let shared = self.chains.get(&key(anchor)).map_or(0, |chain| chain.len / CROWDED);
            (repeats(anchor), shared, !plain)
        };
        places.into_iter().map(boundary).min_by_key(cost).unwrap_or(0)
    }

    fn link(&mut self, anchor: &[u8], mut entry: Entry) {
        let place = u32::try_from(self.entries.len()).unwrap_or(NONE);
        let chain = self.chains.entry(key(anchor)).or_insert(Chain { first: NONE, len: 0 });
        entry.next = chain.first;
        *chain = Chain { first: place, len: chain.len + 1 };
        self.entries.push(entry);
        for byte in anchor {
            self.bytes[usize::from(*byte)] = true;
        }
        let (word, bit) = pair(key(anchor));
        self.pairs[word] |= bit;
        if self.chains.len() * 16 > self.filter.len() * 64 {
            self.filter = vec![0; self.filter.len() * 2];
            let keys: Vec<u64> = self.chains.keys().copied().collect();
            for key in keys {
                self.mark(key);
            }
        } else {
            self.mark(key(anchor));
        }
    }

    fn mark(&mut self, key: u64) {
        let (word, bit) = self.bit(key);
        self.filter[word] |= bit;
    }

    fn bit(&self, key: u64) -> (usize, u64) {
        let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let word = usize::try_from(hash >> 32).unwrap_or(0) & (self.filter.len() - 1);
        (word, 1 << (hash >> 26 & 63))
    }

    fn may_have(&self, key: u64) -> bool {
        let (word, bit) = self.bit(key);
        self.filter[word] & bit != 0
    }

    fn may_begin(&self, key: u64) -> bool {
        let (word, bit) = pair(key);
        self.pairs[word] & bit != 0
    }

    /// Finds every form of every value, in no order; matches may overlap.
    pub(super) fn find(&self, text: &[u8], values: &[Secret]) -> Vec<Match> {
        if self.entries.is_empty() {
            return Vec::new();
        }
        let mut found = self.find_as_it_stands(text, values);
        if let Some(unfolded) = unfold(text) {
            let across = self.find_as_it_stands(&unfolded.text, values).into_iter();
            found.extend(across.filter_map(|found| Some(Match { at: unfolded.before(&found.at)?, ..found })));
        }
        found
    }

    fn find_as_it_stands(&self, text: &[u8], values: &[Secret]) -> Vec<Match> {
        let mut found = Vec::new();
        let mut reader = Reader::new(text);
        let mut escape = self.next_escape(&mut reader, 0);
        let mut at = 0;
        while at < text.len() {
            if escape.at < at {
                escape = self.next_escape(&mut reader, at);
            }
            if escape.at >= at + ANCHOR {
                let Some(window) = text.get(at..at + ANCHOR) else { break };
                let key = key(window);
                if self.may_have(key) {
                    self.confirm(key, &mut reader, at, values, &mut found);
                }
            } else if escape.crossable {
                for key in self.read_anchors(&mut reader, at) {
                    self.confirm(key, &mut reader, at, values, &mut found);
                }
            } else {
                at = escape.at;
            }
            at += 1;
        }
        found
    }

    /// Finds the next place that can be read in more than one way.
    fn next_escape(&self, reader: &mut Reader<'_>, from: usize) -> Escape {
        let text = reader.text();
        let begins = text.iter().enumerate().skip(from).filter(|(_, byte)| starts_escape(**byte));
        for (at, _) in begins {
            let units = reader.read(at);
            if units.as_slice().len() > 1 {
                let known = |unit: &Unit| unit.bytes().first().is_some_and(|byte| self.bytes[usize::from(*byte)]);
                return Escape { at, crossable: units.as_slice().iter().any(known) };
            }
        }
        Escape { at: usize::MAX, crossable: false }
    }

    /// Gives every anchor that the text may stand for at `at`.
    fn read_anchors(&self, reader: &mut Reader<'_>, at: usize) -> Vec<u64> {
        let mut open = vec![Reading { key: 0, len: 0, next: at }];
        let mut keys = Vec::new();
        let mut done = 0;
        while let Some(begun) = open.get(done).copied()
            && done < TRIES
        {
            done += 1;
            let units = reader.read(begun.next);
            for reading in units.as_slice().iter().filter_map(|unit| self.read_on(begun, unit)) {
                if reading.len < ANCHOR {
                    if !open.contains(&reading) {
                        open.push(reading);
                    }
                } else if self.may_have(reading.key) && !keys.contains(&reading.key) {
                    keys.push(reading.key);
                }
            }
        }
        keys
    }

    /// Adds a unit to a reading, unless no anchor begins like that.
    fn read_on(&self, begun: Reading, unit: &Unit) -> Option<Reading> {
        let mut reading = Reading { next: unit.next, ..begun };
        for byte in unit.bytes().iter().take(ANCHOR - begun.len) {
            if !self.bytes[usize::from(*byte)] {
                return None;
            }
            reading.key |= u64::from(*byte) << (8 * reading.len);
            reading.len += 1;
        }
        (reading.len < 2 || self.may_begin(reading.key)).then_some(reading)
    }

    /// Follows every form with this anchor from `at` to both ends.
    fn confirm(&self, key: u64, reader: &mut Reader<'_>, at: usize, values: &[Secret], found: &mut Vec<Match>) {
        let mut place = self.chains.get(&key).map_or(NONE, |chain| chain.first);
        while let Some(entry) = self.entries.get(place as usize) {
            place = entry.next;
            let Some(value) = values.get(entry.value as usize) else { continue };
            let wanted = entry.form.text(value.expose());
            let (before, after) = wanted.split_at(entry.offset as usize);
            let alphabet = entry.form.alphabet();
            let Some(end) = forward(reader, at, after, alphabet) else { continue };
            let Some(start) = backward(reader, at, before, alphabet) else { continue };
            let at = entry.form.whole(reader.text(), start..end);
            found.push(Match { at, value: entry.value, encoded: entry.form.encoded() });
        }
    }
}

fn key(anchor: &[u8]) -> u64 {
    anchor.iter().rev().fold(0, |key, byte| key << 8 | u64::from(*byte))
}

/// Tells whether an anchor is the beginning of itself, up to four bytes further on: so many Base64 makes of three.
fn repeats(anchor: &[u8]) -> bool {
    (1..=4).any(|by| anchor[by..] == anchor[..anchor.len() - by])
}

fn pair(key: u64) -> (usize, u64) {
    let pair = usize::from(u16::try_from(key & 0xffff).unwrap_or(0));
    (pair / 64, 1 << (pair % 64))
}

/// Writes an anchor as the other alphabet does, if that makes a difference.
fn other_writing(anchor: &[u8], alphabet: Alphabet) -> Option<Vec<u8>> {
    let other: Vec<u8> = match alphabet {
        Alphabet::Exact => return None,
        // A segment of a token is written for URLs already.
        Alphabet::Base64 if anchor.iter().any(|b| matches!(b, b'-' | b'_')) => {
            anchor.iter().map(|b| standard(*b)).collect()
        }
        Alphabet::Base64 => anchor.iter().map(|b| url_safe(*b)).collect(),
        Alphabet::Hex => anchor.to_ascii_uppercase(),
    };
    (other != anchor).then_some(other)
}

fn url_safe(byte: u8) -> u8 {
    match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => other,
    }
}
