//! Reads one piece of a text in every way somebody may have escaped it.
//!
//! Instead of listing the spellings of a value (there is no end to them: each encoder escapes a different set of
//! characters, and they nest) the matcher asks here what the text at a place may stand for. Known escapes: percent
//! (RFC 3986) and form `+`; backslash escapes of JSON, YAML, Rust, C and the shell; HTML and XML references; the
//! shell's `'\''`; CR LF for LF. Each may be written inside another, up to [`DEPTH`] layers.
//!
//! To add an escape: name its first character in [`starts_escape`] and add an arm in [`read`].

/// Layers of escapes inside escapes that are understood: JSON in JSON in a URL.
const DEPTH: u8 = 3;

/// The longest piece of text that one [`Unit`] is looked for in: a surrogate pair escaped three times.
pub(super) const LONGEST: usize = 32;

/// More readings of one place than this do not occur outside of attacks, and are not followed.
const READINGS: usize = 12;

/// A run of this many backslashes is no escape but an attempt to make us count.
const ENDLESS: [u8; 48] = [b'\\'; 48];

/// Readings a text may cost, and per byte. An honest text needs a few per byte at most.
const COST: usize = 1_000_000;
const COST_PER_BYTE: usize = 24;

/// Reads a text as long as it does not cost too much; what is made to be ambiguous all over is then read as it stands,
/// so that it cannot hang us.
pub(super) struct Reader<'a> {
    text: &'a [u8],
    budget: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, budget: COST + text.len() * COST_PER_BYTE }
    }

    /// Gives the text with all its escapes.
    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Lists what the text at `at` may stand for; nothing at its end.
    pub(super) fn read(&mut self, at: usize) -> Units {
        let units = read(self.text, at, if self.budget == 0 { 0 } else { DEPTH });
        self.budget = self.budget.saturating_sub(units.as_slice().len());
        units
    }
}

/// What a piece of text stands for, and where the text goes on after it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Unit {
    bytes: [u8; 4],
    len: u8,
    pub(super) next: usize,
}

impl Unit {
    fn byte(byte: u8, next: usize) -> Self {
        Self { bytes: [byte, 0, 0, 0], len: 1, next }
    }

    fn char(c: char, next: usize) -> Self {
        let mut bytes = [0; 4];
        c.encode_utf8(&mut bytes);
        Self {
            bytes,
            len: if c < '\u{80}' {
                1
            } else if c < '\u{800}' {
                2
            } else if c < '\u{10000}' {
                3
            } else {
                4
            },
            next,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    fn as_byte(&self) -> Option<u8> {
        (self.len == 1).then_some(self.bytes[0])
    }
}

/// The readings of one place, the plain one first.
#[derive(Default)]
pub(super) struct Units {
    items: [Unit; READINGS],
    len: usize,
}

impl Units {
    fn push(&mut self, unit: Unit) {
        if self.len < READINGS && !self.as_slice().contains(&unit) {
            self.items[self.len] = unit;
            self.len += 1;
        }
    }

    pub(super) fn as_slice(&self) -> &[Unit] {
        &self.items[..self.len]
    }
}

/// Undoes the escapes in a text, each as far as it goes; `+` and quotes stand for themselves.
pub fn unescaped(text: &str) -> String {
    let mut reader = Reader::new(text.as_bytes());
    let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(first) = text.as_bytes().get(at) {
        let units = reader.read(at);
        let all = units.as_slice();
        let unit = if matches!(first, b'%' | b'\\' | b'&') { all.last() } else { all.first() };
        let Some(unit) = unit else { break };
        out.extend_from_slice(unit.bytes());
        at = unit.next;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Tells whether something other than itself may begin with this byte.
pub(super) fn starts_escape(byte: u8) -> bool {
    matches!(byte, b'%' | b'+' | b'\\' | b'&' | b'\'' | b'\r')
}

/// Lists what the text at `at` may stand for with up to `depth` layers of escapes; nothing at the end of the text.
fn read(text: &[u8], at: usize, depth: u8) -> Units {
    let mut out = Units::default();
    let Some(&first) = text.get(at) else { return out };
    out.push(Unit::byte(first, at + 1));
    if depth == 0 || !starts_escape(first) || text[at..].starts_with(&ENDLESS) {
        return out;
    }
    let below = depth - 1;
    for lead in read(text, at, below).as_slice() {
        out.push(*lead);
        let at = lead.next;
        match lead.as_byte() {
            Some(b'%') => push_some(&mut out, hex_byte(text, at)),
            Some(b'+') => out.push(Unit::byte(b' ', at)),
            Some(b'\r') => push_some(&mut out, expect(text, at, below, b'\n').map(|next| Unit::byte(b'\n', next))),
            Some(b'\'') => push_some(&mut out, shell_quote(text, at, below)),
            Some(b'\\') => backslash(text, at, below, &mut out),
            Some(b'&') => push_some(&mut out, reference(text, at, below)),
            _ => {}
        }
    }
    out
}

fn push_some(out: &mut Units, unit: Option<Unit>) {
    if let Some(unit) = unit {
        out.push(unit);
    }
}

/// Steps over `wanted`, itself possibly escaped.
fn expect(text: &[u8], at: usize, depth: u8, wanted: u8) -> Option<usize> {
    expect_all(text, at, depth, &[wanted])
}

/// Steps over all of `wanted`, each byte possibly escaped.
fn expect_all(text: &[u8], at: usize, depth: u8, wanted: &[u8]) -> Option<usize> {
    let Some((first, rest)) = wanted.split_first() else { return Some(at) };
    let units = read(text, at, depth);
    let fitting = units.as_slice().iter().filter(|unit| unit.as_byte() == Some(*first));
    fitting.into_iter().find_map(|unit| expect_all(text, unit.next, depth, rest))
}

/// Reads `digits` digits to the given base.
fn number(text: &[u8], at: usize, digits: usize, base: u32) -> Option<u32> {
    let piece = text.get(at..at + digits)?;
    piece.iter().try_fold(0, |sum: u32, &b| sum.checked_mul(base)?.checked_add(char::from(b).to_digit(base)?))
}

fn hex_byte(text: &[u8], at: usize) -> Option<Unit> {
    let value = number(text, at, 2, 16)?;
    u8::try_from(value).ok().map(|byte| Unit::byte(byte, at + 2))
}

/// Reads the rest of `'\''` or `'"'"'`, the ways to put a quote into a quoted shell word.
fn shell_quote(text: &[u8], at: usize, depth: u8) -> Option<Unit> {
    let next = expect_all(text, at, depth, b"\\''").or_else(|| expect_all(text, at, depth, b"\"'\"'"))?;
    Some(Unit::byte(b'\'', next))
}

/// Reads what follows a backslash.
fn backslash(text: &[u8], at: usize, depth: u8, out: &mut Units) {
    for letter in read(text, at, depth).as_slice() {
        let Some(byte) = letter.as_byte() else { continue };
        let next = letter.next;
        match byte {
            b'u' => {
                push_some(out, utf16(text, next, depth));
                push_some(out, braced(text, next));
            }
            b'U' => push_some(out, code_point(number(text, next, 8, 16), next + 8)),
            b'x' => {
                push_some(out, hex_byte(text, next));
                push_some(out, code_point(number(text, next, 2, 16), next + 2));
            }
            b'0'..=b'7' => {
                let octal = number(text, at, 3, 8).and_then(|value| u8::try_from(value).ok());
                push_some(out, octal.map(|value| Unit::byte(value, at + 3)));
                if byte == b'0' {
                    out.push(Unit::byte(0, next));
                }
            }
            _ => push_some(out, simple(byte).map(|c| Unit::char(c, next))),
        }
    }
}

/// What a single character stands for after a backslash; any punctuation stands for itself.
fn simple(byte: u8) -> Option<char> {
    Some(match byte {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'a' => '\u{7}',
        b'v' => '\u{b}',
        b'e' => '\u{1b}',
        b'N' => '\u{85}',
        b'_' => '\u{a0}',
        b'L' => '\u{2028}',
        b'P' => '\u{2029}',
        _ if byte.is_ascii() && !byte.is_ascii_alphanumeric() => char::from(byte),
        _ => return None,
    })
}

fn code_point(value: Option<u32>, next: usize) -> Option<Unit> {
    value.and_then(char::from_u32).map(|c| Unit::char(c, next))
}

/// Reads the four digits of `\uXXXX`, with the second half if it is a surrogate pair.
fn utf16(text: &[u8], at: usize, depth: u8) -> Option<Unit> {
    let high = number(text, at, 4, 16)?;
    if !(0xd800..0xdc00).contains(&high) {
        return code_point(Some(high), at + 4);
    }
    let digits = expect_all(text, at + 4, depth, b"\\u")?;
    let low = number(text, digits, 4, 16).filter(|low| (0xdc00..0xe000).contains(low))?;
    code_point(Some(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)), digits + 4)
}

/// Reads `{1f600}` of Rust's `\u{1f600}`.
fn braced(text: &[u8], at: usize) -> Option<Unit> {
    let start = expect(text, at, 0, b'{')?;
    let digits = text[start..].iter().take(6).take_while(|b| b.is_ascii_hexdigit()).count();
    let next = expect(text, start + digits, 0, b'}')?;
    code_point(number(text, start, digits, 16), next)
}

/// Reads the rest of an HTML or XML character reference.
fn reference(text: &[u8], at: usize, depth: u8) -> Option<Unit> {
    if let Some(hash) = expect(text, at, depth, b'#') {
        let hex = text.get(hash).is_some_and(|b| matches!(b, b'x' | b'X'));
        let (start, base) = if hex { (hash + 1, 16) } else { (hash, 10) };
        let digits = text[start..].iter().take(7).take_while(|b| char::from(**b).is_digit(base)).count();
        let value = number(text, start, digits, base).filter(|_| digits > 0);
        let next = expect(text, start + digits, depth, b';')?;
        return code_point(value, next);
    }
    let name = text[at.min(text.len())..].iter().take(9).take_while(|b| b.is_ascii_alphabetic()).count();
    let c = named(&text[at..at + name])?;
    expect(text, at + name, depth, b';').map(|next| Unit::char(c, next))
}

/// The named references that stand for ASCII, and the two spaces; others are not written by escapers.
fn named(name: &[u8]) -> Option<char> {
    const NAMES: [(&[u8], char); 37] = [
        (b"amp", '&'),
        (b"lt", '<'),
        (b"gt", '>'),
        (b"quot", '"'),
        (b"apos", '\''),
        (b"nbsp", '\u{a0}'),
        (b"Tab", '\t'),
        (b"NewLine", '\n'),
        (b"excl", '!'),
        (b"num", '#'),
        (b"dollar", '$'),
        (b"percnt", '%'),
        (b"lpar", '('),
        (b"rpar", ')'),
        (b"ast", '*'),
        (b"plus", '+'),
        (b"comma", ','),
        (b"hyphen", '-'),
        (b"period", '.'),
        (b"sol", '/'),
        (b"colon", ':'),
        (b"semi", ';'),
        (b"equals", '='),
        (b"quest", '?'),
        (b"commat", '@'),
        (b"lsqb", '['),
        (b"lbrack", '['),
        (b"bsol", '\\'),
        (b"rsqb", ']'),
        (b"rbrack", ']'),
        (b"Hat", '^'),
        (b"lowbar", '_'),
        (b"grave", '`'),
        (b"lcub", '{'),
        (b"verbar", '|'),
        (b"rcub", '}'),
        (b"tilde", '~'),
    ];
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, c)| *c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads_as(text: &str, wanted: &str) -> bool {
        read(text.as_bytes(), 0, DEPTH)
            .as_slice()
            .iter()
            .any(|unit| unit.bytes() == wanted.as_bytes() && unit.next == text.len())
    }

    #[test]
    fn every_escape_is_understood() {
        for (text, wanted) in [
            ("%40", "@"),
            ("%2f", "/"),
            ("%2540", "@"),
            ("%252540", "@"),
            ("+", " "),
            ("%2B", " "),
            ("\\\"", "\""),
            ("\\\\\\\"", "\""),
            ("\\/", "/"),
            ("\\n", "\n"),
            ("\\\\n", "\n"),
            ("\\\\\\\\n", "\n"),
            ("\\\\", "\\"),
            ("\\\\\\\\", "\\"),
            ("\\u00e9", "é"),
            ("\\u00E9", "é"),
            ("\\\\u00e9", "é"),
            ("\\ud83d\\ude00", "😀"),
            ("\\\\ud83d\\\\ude00", "😀"),
            ("\\u{1f600}", "😀"),
            ("\\U0001F600", "😀"),
            ("\\xe9", "é"),
            ("\\041", "!"),
            ("\\0", "\0"),
            ("&amp;", "&"),
            ("&amp;amp;", "&"),
            ("&#x27;", "'"),
            ("&#39;", "'"),
            ("&#0039;", "'"),
            ("&apos;", "'"),
            ("\\u0026quot;", "\""),
            ("%26quot%3B", "\""),
            ("%5C%22", "\""),
            ("\\&quot;", "\""),
            ("'\\''", "'"),
            ("'\\\\''", "'"),
            ("'\"'\"'", "'"),
            ("\r\n", "\n"),
            ("\\r\\n", "\n"),
        ] {
            assert!(reads_as(text, wanted), "{text} should read as {wanted:?}");
        }
    }

    #[test]
    fn a_text_is_read_without_its_escapes() {
        for (text, wanted) in [
            ("%7B%22a%22%3A1%7D", r#"{"a":1}"#),
            ("%257B%2522", "{\""),
            ("&#97;&#x40;b.de &amp;quot;", "a@b.de \""),
            (r"\u0061\u0040b", "a@b"),
            ("a+b 'c' 100% & more", "a+b 'c' 100% & more"),
            ("caf\u{e9} %C3%A9", "caf\u{e9} \u{e9}"),
        ] {
            assert_eq!(unescaped(text), wanted, "{text}");
        }
    }

    #[test]
    fn half_an_escape_is_only_itself() {
        for text in ["%", "%4", "%zz", "\\", "\\u12", "\\u{", "&", "&#", "&#;", "&nosuch;", "'", "\\ud83d"] {
            let units = read(text.as_bytes(), 0, DEPTH);
            assert!(units.as_slice().iter().all(|unit| unit.next <= text.len()), "{text}");
            assert!(units.as_slice().iter().any(|unit| unit.bytes() == &text.as_bytes()[..1]), "{text}");
        }
    }
}
