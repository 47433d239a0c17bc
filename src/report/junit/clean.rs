//! Makes any text fit for XML 1.0 and for those who read it.
//!
//! XML allows few control characters and escapes none of them; they are shown by their pictures or
//! numbers. So are characters that turn the direction of writing, with which a server could make a
//! report read as something else.

use std::borrow::Cow;

use super::cut::boundary;

/// The longest name of a case, in bytes; readers keep names in columns of 255.
const NAME: usize = 240;

/// The longest attribute that holds a sentence, in bytes.
const SENTENCE: usize = 1000;

/// What GitLab and Jenkins read, after a second bracket, as "attach this file of the runner".
const ATTACHMENT: &str = "[ATTACHMENT|";

/// Cleans a text that goes into CDATA.
pub(super) fn content(text: &str) -> Cow<'_, str> {
    let mut clean = shown(text, |c| matches!(c, '\n' | '\t'));
    if clean.contains("]]>") {
        clean = Cow::Owned(clean.replace("]]>", "]]]]><![CDATA[>"));
    }
    clean
}

/// Cleans a text that goes into an attribute, where a line break would be read as a space.
pub(super) fn attribute(text: &str) -> Cow<'_, str> {
    bounded(shown(text, |_| false), SENTENCE)
}

/// Cleans a text that must stay on its line, of any length.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    shown(text, |_| false)
}

/// Cleans a name, which is an attribute of limited length.
pub(super) fn name(text: &str) -> String {
    bounded(shown(text, |_| false), NAME).into_owned()
}

/// Cuts a text to a number of bytes, with `…` for the rest.
fn bounded(text: Cow<'_, str>, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return text;
    }
    let mut text = text.into_owned();
    text.truncate(boundary(&text, max - '…'.len_utf8()));
    text.push('…');
    Cow::Owned(text)
}

fn shown(text: &str, kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let mut clean = Cow::Borrowed(text);
    if text.contains('\r') {
        clean = Cow::Owned(text.replace("\r\n", "\n"));
    }
    if clean.chars().any(|c| !kept(c) && hidden(c)) {
        let mut out = String::with_capacity(clean.len() + 16);
        for c in clean.chars() {
            if kept(c) { out.push(c) } else { show(c, &mut out) }
        }
        clean = Cow::Owned(out);
    }
    if clean.contains("[[") {
        clean = apart(clean);
    }
    clean
}

/// Puts a space into every mark of an attachment.
fn apart(text: Cow<'_, str>) -> Cow<'_, str> {
    let upper = text.to_ascii_uppercase();
    let marks: Vec<usize> = upper.match_indices(ATTACHMENT).map(|(at, _)| at + 1).collect();
    if marks.is_empty() {
        return text;
    }
    let mut out = text.into_owned();
    for at in marks.into_iter().rev() {
        out.insert(at, ' ');
    }
    Cow::Owned(out)
}

/// Tells whether XML forbids a character or a reader would not see it.
fn hidden(c: char) -> bool {
    matches!(c, '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn show(c: char, out: &mut String) {
    match c {
        '\0'..='\x1f' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
        '\x7f' => out.push('\u{2421}'),
        _ if hidden(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        _ => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_forbids_is_shown() {
        assert_eq!(content("a\0b\x1b[31m\x7f\u{9b}\u{ffff}\r\nc\rd"), "a␀b␛[31m␡\\u{9b}\\u{ffff}\nc␍d");
        assert_eq!(content("plain\ttext\n"), "plain\ttext\n");
        assert_eq!(attribute("two\nlines\tand a tab"), "two␊lines␉and a tab");
        assert_eq!(attribute("a\u{202e}b"), "a\\u{202e}b");
    }

    #[test]
    fn the_end_of_cdata_is_split_however_often_it_comes() {
        assert_eq!(content("]]>]]]>"), "]]]]><![CDATA[>]]]]]><![CDATA[>");
    }

    #[test]
    fn nothing_is_attached_on_a_servers_word() {
        for text in ["[[ATTACHMENT|/etc/passwd]]", "x [[attachment|a]]", "[[[ATTACHMENT|a]]]"] {
            assert!(!content(text).to_ascii_uppercase().contains(ATTACHMENT), "{text}");
            assert!(!name(text).to_ascii_uppercase().contains(ATTACHMENT), "{text}");
        }
        assert_eq!(content("[[1,2],[3]] ]] [[Attachment|é"), "[[1,2],[3]] ]] [[ Attachment|é");
    }

    #[test]
    fn names_have_a_bound() {
        assert_eq!(name(&"x".repeat(1000)).len(), NAME);
        let masked = format!("{}‹alice.token#1›", "x".repeat(NAME - 8));
        assert_eq!(name(&masked), format!("{}…", "x".repeat(NAME - 8)));
    }
}
