//! How JSON is written: two bodies that say the same are told apart by their blanks, by the order of their members, and by
//! their escapes.

use serde_json::Value;

use super::value::same;
use crate::jsonpath::Path;

/// What a text is made of.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    /// Blanks, brackets and the marks between.
    Mark(&'t str),
    /// The name of a member, with its quotes.
    Name(&'t str),
    /// A text, number or word.
    Value(&'t str),
}

/// Tells whether two texts that say the same are written in the same way, but for what is ignored and for values that
/// differ anyway; `name` puts alike what may differ in the names of members.
pub(super) fn is_alike(there: &str, here: &str, ignored: &[Path], name: impl Fn(usize, &str) -> String) -> bool {
    let read = |text| {
        let value: Value = serde_json::from_str(text).ok()?;
        let ignored = ignored.iter().flat_map(|path| path.find(&value)).map(std::ptr::from_ref).collect();
        let mut reader = Reader { rest: text, ignored, pieces: Vec::new() };
        reader.whole(&value).map(|()| reader.pieces)
    };
    let (Some(there), Some(here)) = (read(there), read(here)) else { return true };
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let is_like = |pair: (&Piece<'_>, &Piece<'_>)| match pair {
        (Piece::Mark(a), Piece::Mark(b)) => a == b,
        (Piece::Name(a), Piece::Name(b)) => a == b || name(0, a) == name(1, b),
        (Piece::Value(a), Piece::Value(b)) if a == b => true,
        // Those that differ do so by what was asked for, which needs no escape.
        (Piece::Value(a), Piece::Value(b)) => a.contains('\\') == b.contains('\\') && !same(&parsed(a), &parsed(b)),
        _ => false,
    };
    there.len() == here.len() && there.iter().zip(&here).all(is_like)
}

/// Reads a text beside the value that it stands for.
struct Reader<'t> {
    rest: &'t str,
    ignored: Vec<*const Value>,
    pieces: Vec<Piece<'t>>,
}

impl<'t> Reader<'t> {
    /// A value with the blanks around it.
    fn whole(&mut self, value: &Value) -> Option<()> {
        self.blanks();
        self.value(Some(value))?;
        self.blanks();
        Some(())
    }

    fn value(&mut self, value: Option<&Value>) -> Option<()> {
        match self.rest.bytes().next()? {
            b'{' => self.list(value, '}'),
            b'[' => self.list(value, ']'),
            b'"' => self.text().map(|text| self.pieces.push(Piece::Value(text))),
            _ => {
                let end = self.rest.find(|c: char| ",]}".contains(c) || c.is_ascii_whitespace());
                let word = self.cut(end.unwrap_or(self.rest.len()));
                self.pieces.push(Piece::Value(word));
                Some(())
            }
        }
    }

    /// The members of an object, or the items of a list; of one that is ignored nothing is kept.
    fn list(&mut self, value: Option<&Value>, close: char) -> Option<()> {
        let open = self.cut(1);
        self.pieces.push(Piece::Mark(open));
        for number in 0.. {
            let kept = self.pieces.len();
            self.blanks();
            if self.rest.starts_with(close) {
                break;
            }
            let own = if close == '}' {
                let name = self.text()?;
                self.pieces.push(Piece::Name(name));
                self.blanks();
                self.cut(1);
                self.blanks();
                let name: String = serde_json::from_str(name).ok()?;
                value.and_then(|value| value.get(&name))
            } else {
                value.and_then(|value| value.get(number))
            };
            self.value(own)?;
            if own.is_some_and(|own| self.ignored.contains(&std::ptr::from_ref(own))) {
                self.pieces.truncate(kept);
            }
            let before = self.pieces.len();
            self.blanks();
            if !self.rest.starts_with(',') {
                // The blanks after the last one are those of the whole.
                break;
            }
            if before == kept || self.pieces.last() == Some(&Piece::Mark("")) {
                self.pieces.truncate(before);
            }
            self.cut(1);
        }
        let close = self.cut(1);
        self.pieces.push(Piece::Mark(close));
        Some(())
    }

    /// A text, with its quotes.
    fn text(&mut self) -> Option<&'t str> {
        let mut escaped = false;
        let end = self.rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        Some(self.cut(end + 2))
    }

    fn blanks(&mut self) {
        let end = self.rest.find(|c: char| !c.is_ascii_whitespace()).unwrap_or(self.rest.len());
        let blanks = self.cut(end);
        self.pieces.push(Piece::Mark(blanks));
    }

    fn cut(&mut self, at: usize) -> &'t str {
        let (cut, rest) = self.rest.split_at(at.min(self.rest.len()));
        self.rest = rest;
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(there: &str, here: &str, ignored: &[&str]) -> bool {
        let paths: Vec<Path> = ignored.iter().map(|path| Path::parse(path).unwrap()).collect();
        is_alike(there, here, &paths, |_, name| name.to_owned())
    }

    #[test]
    fn what_is_written_otherwise_is_told_apart() {
        let plain = r#"{"error":"no","of":[1,{}],"a":{"b":null}}"#;
        assert!(alike(plain, plain, &[]));
        for other in [
            r#"{"error": "no","of":[1,{}],"a":{"b":null}}"#,
            r#"{"error":"no","of":[1, {}],"a":{"b":null}}"#,
            r#"{"error":"no","of":[1,{ }],"a":{"b":null}}"#,
            r#"{"of":[1,{}],"error":"no","a":{"b":null}}"#,
            r#"{"error":"n\u006f","of":[1,{}],"a":{"b":null}}"#,
            r#"{"error":"no","of":[1.0,{}],"a":{"b":null}}"#,
            "{\"error\":\"no\",\"of\":[1,{}],\"a\":{\"b\":null}}\n",
        ] {
            assert!(!alike(plain, other, &[]), "{other}");
        }
        assert!(alike(r#"{"of":"a \"17\" \\"}"#, r#"{"of":"\\b"}"#, &[]), "what differs anyway is told elsewhere");
        assert!(!alike(r#"{"of":"no\u0020 17"}"#, r#"{"of":"no 0"}"#, &[]));
    }

    #[test]
    fn what_is_ignored_may_be_written_as_it_likes() {
        let of = |a: &str, b: &str| alike(a, b, &["$.at", "$.all[0]"]);
        assert!(of(r#"{"at":{"n":1},"e":1}"#, r#"{"at":[ 1, 2 ],"e":1}"#));
        assert!(of(r#"{"e":1,"at":2}"#, r#"{"e":1}"#) && of(r#"{"at":2,"e":1}"#, r#"{"e":1}"#));
        assert!(of("{\n  \"e\": 1,\n  \"at\": 2\n}", "{\n  \"e\": 1\n}"));
        assert!(of(r#"{"all":[1,2]}"#, r#"{"all":[{"x":"]"},2]}"#));
        assert!(!of(r#"{"e": 1,"at":2}"#, r#"{"e":1}"#));
    }
}
