//! What is odd about how a secret is written: characters that come along when it is copied or saved, and that a server
//! compares like any other.

/// What is odd about a secret. It never tells where in the secret or how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Odd {
    /// It begins with a byte order mark.
    ByteOrderMark,
    /// It holds a line break: LF, CR or both.
    LineBreak,
    /// It holds a tab or another control character.
    Control,
    /// It begins or ends with a blank.
    Blank,
    /// It holds a character that cannot be seen.
    Invisible,
    /// It holds a character that looks like one of ASCII: a curly quote, a long dash, a letter of another alphabet.
    LookAlike,
}

impl Odd {
    /// Looks at a secret. Keys in PEM and JSON have lines of their own.
    pub fn of(value: &str) -> Option<Self> {
        if value.trim_start().starts_with(['{', '[']) || value.contains("-----BEGIN ") {
            return None;
        }
        let seen = [
            (Self::ByteOrderMark, value.starts_with('\u{feff}')),
            (Self::LineBreak, value.contains(['\n', '\r'])),
            (Self::Control, value.contains(char::is_control)),
            (Self::Blank, value.starts_with(' ') || value.ends_with(' ')),
            (Self::Invisible, value.contains(is_invisible)),
            (Self::LookAlike, looks_alike(value)),
        ];
        seen.into_iter().find(|(_, is_so)| *is_so).map(|(odd, _)| odd)
    }

    /// Says it of a secret that is named before.
    pub fn words(self) -> &'static str {
        match self {
            Self::ByteOrderMark => "begins with a byte order mark",
            Self::LineBreak => "holds a line break",
            Self::Control => "holds a tab or another control character",
            Self::Blank => "begins or ends with a blank",
            Self::Invisible => "holds a character that cannot be seen",
            Self::LookAlike => {
                "holds a character that only looks like one of ASCII, such as a curly quote or a long dash"
            }
        }
    }

    /// Says what to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::ByteOrderMark => "save the file that it comes from as UTF-8 without a byte order mark",
            Self::LineBreak => {
                "make the value with `printf`, not `echo`; see that its file has Unix line ends and one line: one newline at the end is trimmed, and nothing else"
            }
            Self::Control | Self::Blank => "take it away where the value comes from, unless it belongs to the secret",
            Self::Invisible | Self::LookAlike => {
                "type it anew, or take the value from its source again: a copy from a page, a chat or a document often brings such characters"
            }
        }
    }
}

/// Tells whether a character leaves no mark where it is shown.
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}' | '\u{feff}' | '\u{fffd}')
}

/// Punctuation that programs for writing put in place of that of ASCII, wide forms, and letters of alphabets that share
/// shapes with the Latin one, beside letters of that.
fn looks_alike(value: &str) -> bool {
    let is_typeset = |c: char| matches!(c, '\u{2010}'..='\u{2015}' | '\u{2018}'..='\u{201f}' | '\u{2032}' | '\u{2033}' | '\u{2026}' | '\u{2044}' | '\u{2212}' | '\u{ff01}'..='\u{ff5e}');
    let is_other = |c: char| matches!(c, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{4ff}');
    value.contains(is_typeset) || value.contains(is_other) && value.contains(|c: char| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_along_with_a_copy_is_odd() {
        for (value, odd) in [
            ("\u{feff}hunter2", Odd::ByteOrderMark),
            ("hunter2\r", Odd::LineBreak),
            ("hunter2\n", Odd::LineBreak),
            ("hun\tter2", Odd::Control),
            ("hunter2 ", Odd::Blank),
            (" hunter2", Odd::Blank),
            ("hunter\u{200b}2", Odd::Invisible),
            ("hunter\u{2011}2", Odd::LookAlike),
            ("\u{201c}hunter2\u{201d}", Odd::LookAlike),
            ("hunt\u{435}r2", Odd::LookAlike),
        ] {
            assert_eq!(Odd::of(value), Some(odd), "{value:?}");
        }
        let key = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n";
        for value in ["hunter2", "correct horse", "pässwörd", "пароль", key, "{\n  \"kty\": \"oct\" }", ""] {
            assert_eq!(Odd::of(value), None, "{value:?}");
        }
    }
}
