//! Reads what was broken over several lines as one: Base64 as MIME and PEM write it, a token that was wrapped.

use std::ops::Range;

/// A line shorter than this many characters is not read on in the next one.
const SHORTEST_LINE: usize = 16;

/// A text without its line breaks, as far as they may stand within one word.
pub(super) struct Unfolded {
    pub(super) text: Vec<u8>,
    /// Where a break was taken out of the text, and how many bytes were until then.
    joins: Vec<(usize, usize)>,
}

/// Takes the breaks out; nothing if there are none.
pub(super) fn unfold(text: &[u8]) -> Option<Unfolded> {
    let mut unfolded = Unfolded { text: Vec::new(), joins: Vec::new() };
    let (mut run, mut at, mut copied, mut gone) = (0, 0, 0, 0);
    while let Some(&byte) = text.get(at) {
        if is_part(byte) {
            (run, at) = (run + 1, at + 1);
            continue;
        }
        // Looked for behind a long line only, so that a text of nothing but backslashes is not read again and again.
        let end = if run >= SHORTEST_LINE { break_end(text, at) } else { at };
        if end > at && text.get(end).is_some_and(|byte| is_part(*byte)) {
            unfolded.text.extend_from_slice(&text[copied..at]);
            gone += end - at;
            unfolded.joins.push((unfolded.text.len(), gone));
            copied = end;
        }
        (run, at) = (0, end.max(at + 1));
    }
    if unfolded.joins.is_empty() {
        return None;
    }
    unfolded.text.extend_from_slice(&text[copied..]);
    Some(unfolded)
}

impl Unfolded {
    /// Tells where a stretch stood before; nothing if it never stood across a break.
    pub(super) fn before(&self, at: &Range<usize>) -> Option<Range<usize>> {
        let passed = |upto: usize| upto.checked_sub(1).map_or(0, |last| self.joins[last].1);
        let start = self.joins.partition_point(|(place, _)| *place <= at.start);
        let end = self.joins.partition_point(|(place, _)| *place < at.end);
        (start < end).then(|| at.start + passed(start)..at.end + passed(end))
    }
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_.".contains(&byte)
}

/// Finds the end of line breaks, escaped or not, and of the blanks that the next line begins with; `at` if none is there.
fn break_end(text: &[u8], at: usize) -> usize {
    let mut end = at;
    loop {
        let backslashes = text[end..].iter().take_while(|byte| **byte == b'\\').count();
        end = match (backslashes, text.get(end + backslashes)) {
            (0, Some(b'\r' | b'\n')) => end + 1,
            (1.., Some(b'r' | b'n')) => end + backslashes + 1,
            _ => break,
        };
    }
    let blanks = text[end..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    if end > at { end + blanks } else { at }
}
