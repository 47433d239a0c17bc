//! Cuts a long text where a reader can still trust what is left of it.

use crate::term::grouped;

/// The most bytes a name of a masked value has, with its brackets.
const MASK: usize = 512;

/// Keeps at most `max` bytes of an already masked text and says how much was cut.
///
/// A cut never falls into a character or into the name of a masked value.
pub fn cut(mut text: String, max: usize) -> String {
    let (kept, whole) = (boundary(&text, max), text.len());
    if kept < whole {
        text.truncate(kept);
        text.push_str(&format!("\n[cut: {} of {} bytes shown]", grouped(kept as u64), grouped(whole as u64)));
    }
    text
}

/// Finds where to cut a text so that at most `max` bytes stay.
pub(super) fn boundary(text: &str, max: usize) -> usize {
    let end = text.floor_char_boundary(max);
    let open = text[..end].rfind('‹').filter(|open| end < text.len() && end - open <= MASK);
    open.filter(|open| !text[*open..end].contains('›')).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_stays() {
        assert_eq!(cut("abc".into(), 3), "abc");
    }

    #[test]
    fn the_mark_says_how_much_is_missing() {
        assert_eq!(cut("x".repeat(2000), 1500), format!("{}\n[cut: 1,500 of 2,000 bytes shown]", "x".repeat(1500)));
    }

    #[test]
    fn characters_and_masks_stay_whole() {
        assert_eq!(cut("aéé".into(), 2), "a\n[cut: 1 of 5 bytes shown]");
        let masked = "token=‹alice.access_token#1› and more";
        for max in 0..masked.len() {
            let cut = cut(masked.into(), max);
            let kept = cut.split("\n[cut").next().unwrap_or_default();
            assert!(masked.starts_with(kept) && kept.len() <= max);
            assert_eq!(kept.contains('‹'), kept.contains('›'), "{kept}");
        }
    }
}
