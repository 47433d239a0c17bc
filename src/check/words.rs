//! Words in texts where they stand by themselves, with no letter or digit joined to them.

/// The places where a word stands by itself.
fn places<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    let is_joined = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let all = text.match_indices(word).map(|(at, _)| at);
    all.filter(move |at| {
        !is_joined(text[..*at].chars().next_back()) && !is_joined(text[at + word.len()..].chars().next())
    })
}

/// Tells whether a text has a word, or several in a row, in it.
pub fn has_word(text: &str, word: &str) -> bool {
    places(text, word).next().is_some()
}

/// Puts a sign in place of a word that is not empty.
pub(super) fn put_for(text: &str, word: &str, sign: &str) -> String {
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for at in places(text, word) {
        out.push_str(&text[from..at]);
        out.push_str(sign);
        from = at + word.len();
    }
    out.push_str(&text[from..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_by_itself() {
        assert!(has_word("no access to alice's note", "alice") && has_word("root", "root"));
        assert!(!has_word("malice and uprooting", "alice") && !has_word("uprooting", "root"));
        assert_eq!(put_for("17 of 170, 17-17", "17", "‹n›"), "‹n› of 170, ‹n›-‹n›");
        assert_eq!(put_for("1717", "17", "‹n›"), "1717");
    }
}
