//! Follows an expected text through a text in which any of its characters may be escaped.

use std::collections::BTreeSet;
use std::ops::Range;

use super::unescape::{LONGEST, Reader, Unit, starts_escape};

/// How many places are followed at once; more are only reached by texts made to be ambiguous.
const OPEN: usize = 64;

/// Which characters count as equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    Exact,
    /// `-` is `+` and `_` is `/`: the standard and the URL-safe alphabet of RFC 4648.
    Base64,
    /// Upper and lower case are one.
    Hex,
}

impl Alphabet {
    fn same(self, a: u8, b: u8) -> bool {
        match self {
            Self::Exact => a == b,
            Self::Base64 => standard(a) == standard(b),
            Self::Hex => a.eq_ignore_ascii_case(&b),
        }
    }

    fn all_same(self, a: &[u8], b: &[u8]) -> bool {
        a.iter().zip(b).all(|(a, b)| self.same(*a, *b))
    }
}

/// Writes a character as the standard alphabet does.
pub(super) fn standard(byte: u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    }
}

/// Gives the furthest end of `wanted` when it begins at `at`.
pub(super) fn forward(reader: &mut Reader<'_>, at: usize, wanted: &[u8], alphabet: Alphabet) -> Option<usize> {
    let text = reader.text();
    let mut open = BTreeSet::from([(0, at)]);
    let mut steps = budget(wanted);
    let mut end = None;
    while let Some((mut done, mut at)) = open.pop_first() {
        while let (Some(&want), Some(&have)) = (wanted.get(done), text.get(at)) {
            if starts_escape(have) || !alphabet.same(want, have) {
                break;
            }
            (done, at) = (done + 1, at + 1);
        }
        if done == wanted.len() {
            end = end.max(Some(at));
            continue;
        }
        if !text.get(at).is_some_and(|have| starts_escape(*have)) {
            continue;
        }
        steps = steps.checked_sub(1)?;
        for unit in reader.read(at).as_slice() {
            let rest = &wanted[done..];
            if open.len() < OPEN && unit.bytes().len() <= rest.len() && alphabet.all_same(unit.bytes(), rest) {
                open.insert((done + unit.bytes().len(), unit.next));
            }
        }
    }
    end
}

/// Gives the earliest start of `wanted` when it ends before `at`.
pub(super) fn backward(reader: &mut Reader<'_>, at: usize, wanted: &[u8], alphabet: Alphabet) -> Option<usize> {
    let text = reader.text();
    let mut open = BTreeSet::from([(wanted.len(), at)]);
    let mut steps = budget(wanted);
    let mut start: Option<usize> = None;
    let mut clear = at..at;
    while let Some((mut left, mut at)) = open.pop_last() {
        while left > 0 && at > 0 {
            if follows_escape(text, at, &mut clear) || !alphabet.same(wanted[left - 1], text[at - 1]) {
                break;
            }
            (left, at) = (left - 1, at - 1);
        }
        if left == 0 {
            start = Some(start.map_or(at, |known| known.min(at)));
            continue;
        }
        steps = steps.checked_sub(1)?;
        let rest = &wanted[..left];
        for (place, unit) in units_before(reader, at) {
            let len = unit.bytes().len();
            if open.len() < OPEN && len <= left && alphabet.all_same(unit.bytes(), &rest[left - len..]) {
                open.insert((left - len, place));
            }
        }
    }
    start
}

/// Steps after which a match is given up: many times what an honest text needs, so that a hostile one cannot hang us.
fn budget(wanted: &[u8]) -> usize {
    wanted.len() * 16 + 256
}

/// Tells whether an escape may end at `at`; `clear` remembers a stretch in which none begins.
fn follows_escape(text: &[u8], at: usize, clear: &mut Range<usize>) -> bool {
    let from = at.saturating_sub(LONGEST);
    if clear.start <= from && at <= clear.end {
        return false;
    }
    let looked = at.saturating_sub(LONGEST * 8);
    let last = text[looked..at].iter().rposition(|byte| starts_escape(*byte));
    *clear = last.map_or(looked, |place| looked + place + 1)..at;
    clear.start > from
}

/// Lists the readings of the pieces of text that end right before `at`.
fn units_before(reader: &mut Reader<'_>, at: usize) -> Vec<(usize, Unit)> {
    let text = reader.text();
    let begins = (at.saturating_sub(LONGEST)..at).filter(|place| place + 1 == at || starts_escape(text[*place]));
    let mut found = Vec::new();
    for place in begins {
        let units = reader.read(place);
        found.extend(units.as_slice().iter().filter(|unit| unit.next == at).map(|unit| (place, *unit)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(text: &str, wanted: &str) -> (Option<usize>, Option<usize>) {
        let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
        (
            forward(&mut Reader::new(text), 0, wanted, Alphabet::Exact),
            backward(&mut Reader::new(text), text.len(), wanted, Alphabet::Exact),
        )
    }

    #[test]
    fn mixed_and_nested_escapes_are_followed_both_ways() {
        for (text, wanted) in [
            ("plain", "plain"),
            ("p%40ss%20w", "p@ss w"),
            ("p%40ss+w", "p@ss w"),
            ("a\\\"b\\\\c\\/d", "a\"b\\c/d"),
            ("a\\\\b", "a\\\\b"),
            ("a\\\\\\\\b", "a\\\\b"),
            ("\\u00e9%C3%A9é", "ééé"),
            ("a%2541b", "a%41b"),
            ("a%41b", "a%41b"),
            ("it'\\''s &amp; more", "it's & more"),
        ] {
            assert_eq!(both(text, wanted), (Some(text.len()), Some(0)), "{text} as {wanted}");
        }
    }

    #[test]
    fn another_text_is_not_followed() {
        assert_eq!(both("p%41ss", "p@ss"), (None, None));
        assert_eq!(both("pla", "plain"), (None, None));
        assert_eq!(both("", "x"), (None, None));
    }

    #[test]
    fn ambiguous_texts_end_in_time() {
        let text = "\\".repeat(10_000);
        let wanted = "\\".repeat(3_000);
        let begun = std::time::Instant::now();
        let _ = both(&text, &(wanted + "x"));
        assert!(begun.elapsed().as_secs() < 5);
    }
}
