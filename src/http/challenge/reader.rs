//! The reading of one field line, byte by byte.

use super::{Challenge, is_tchar};

/// Says what may follow at this point.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// The line begins; a parameter would continue the challenge of the line before.
    AfterLine,
    /// The last challenge has its scheme and a space; a parameter or bare token comes.
    AfterScheme,
    /// A parameter or bare token ended; a comma should come first.
    AfterPart,
    /// A comma was read in a challenge that takes parameters.
    AfterComma,
    /// The scheme ended without a space; only a new challenge may come.
    Closed,
}

/// Reads one field line and adds to the challenges of the lines before it.
pub(super) struct LineReader<'a> {
    bytes: Vec<u8>,
    pos: usize,
    found: &'a mut Vec<Challenge>,
    open: Open,
}

impl<'a> LineReader<'a> {
    pub(super) fn new(line: &[u8], found: &'a mut Vec<Challenge>) -> Self {
        Self { bytes: line.to_vec(), pos: 0, found, open: Open::AfterLine }
    }

    pub(super) fn read(mut self) {
        let first = self.found.len();
        let folds = self.bytes.iter_mut().filter(|b| matches!(b, b'\r' | b'\n'));
        let folded = folds.map(|b| *b = b' ').count() > 0;
        self.parts();
        if folded {
            let at = first.min(self.found.len().saturating_sub(1));
            if let Some(challenge) = self.found.get_mut(at) {
                challenge.problem("the field is folded over several lines, which is obsolete");
            }
        }
    }

    fn parts(&mut self) {
        loop {
            let comma = self.skip(|b| is_blank(b) || b == b',').contains(&b',');
            if comma && matches!(self.open, Open::AfterPart | Open::AfterScheme) {
                self.open = Open::AfterComma;
            }
            if self.pos == self.bytes.len() {
                return;
            }
            if self.open == Open::AfterScheme && self.token68() {
                continue;
            }
            self.part();
        }
    }

    /// Reads a scheme, a parameter, or what is neither.
    fn part(&mut self) {
        let start = self.pos;
        let name = text(self.skip(is_tchar)).0;
        let after_name = self.pos;
        self.skip(is_blank);
        if name.is_empty() {
            self.pos = start;
            self.stray();
        } else if self.peek() == Some(b'=') {
            self.pos += 1;
            self.param(start, name);
        } else {
            self.pos = after_name;
            self.scheme(name);
        }
    }

    fn scheme(&mut self, name: String) {
        let missing = self.open == Open::AfterPart;
        self.found.push(Challenge { scheme: name, ..Challenge::default() });
        if missing {
            self.problem("there is no comma before it");
        }
        self.open = match self.peek() {
            None | Some(b',') => Open::Closed,
            Some(_) => Open::AfterScheme,
        };
    }

    /// Takes a bare token if that is all there is up to the next comma.
    fn token68(&mut self) -> bool {
        let start = self.pos;
        let body = self.skip(is_token68).len();
        let padding = self.skip(|b| b == b'=').len();
        let end = self.pos;
        self.skip(is_blank);
        let alone = matches!(self.peek(), None | Some(b','));
        // `realm=` has the form of a bare token too, but padded Base64 comes in groups of four.
        let cut_param = padding == 1 && !(end - start).is_multiple_of(4);
        if body == 0 || !alone || cut_param {
            self.pos = start;
            return false;
        }
        let token = text(&self.bytes[start..end]).0;
        self.last().token68 = Some(token);
        self.open = Open::AfterPart;
        true
    }

    /// Reads a parameter's value, the `=` being read, and files both.
    fn param(&mut self, start: usize, name: String) {
        self.skip(is_blank);
        let value = if self.peek() == Some(b'"') { self.quoted(&name) } else { self.unquoted(&name) };
        let raw = text(&self.bytes[start..self.pos]).0;
        let before = std::mem::replace(&mut self.open, Open::AfterPart);
        if before == Open::Closed || self.found.is_empty() {
            self.open = before;
            return self.problem(format!("`{raw}` stands where a scheme must stand"));
        }
        match before {
            Open::AfterLine => self.problem(format!("`{name}` stands on a field line of its own")),
            Open::AfterPart => self.problem(format!("there is no comma before `{name}`")),
            Open::AfterScheme | Open::AfterComma | Open::Closed => {}
        }
        match value {
            Err(fault) => self.problem(format!("`{raw}` cannot be read: {fault}")),
            Ok(_) if self.last().param(&name).is_some() => {
                self.problem(format!("`{raw}` repeats a parameter, the first one counts"));
            }
            Ok(read) => {
                let faults = read.faults.into_iter().map(|fault| format!("`{name}` {fault}"));
                self.last().problems.extend(faults);
                self.last().params.push((name, read.value));
            }
        }
    }

    fn quoted(&mut self, name: &str) -> Result<Read, &'static str> {
        self.pos += 1;
        let mut value = Vec::new();
        loop {
            let byte = self.next().ok_or("the closing quote is missing")?;
            match byte {
                b'"' => break,
                b'\\' => value.push(self.next().ok_or("the closing quote is missing")?),
                _ => value.push(byte),
            }
        }
        let mut read = Read::new(&value);
        if name.eq_ignore_ascii_case("realm") && value.is_empty() {
            read.faults.push("is empty");
        }
        Ok(read)
    }

    fn unquoted(&mut self, name: &str) -> Result<Read, &'static str> {
        let value = self.skip(|b| !is_blank(b) && b != b',');
        if value.iter().any(|b| matches!(b, b'"' | b'\\')) {
            return Err("quotes and backslashes belong inside quotes");
        }
        let mut read = Read::new(value);
        if value.is_empty() {
            read.faults.push("has no value");
        } else if !value.iter().copied().all(is_tchar) {
            read.faults.push("needs quotes around its value");
        } else if value.len() > 1 && value.starts_with(b"'") && value.ends_with(b"'") {
            read.faults.push("is in single quotes, which are part of the value");
        } else if name.eq_ignore_ascii_case("realm") {
            read.faults.push("must be in quotes");
        }
        Ok(read)
    }

    /// Passes over text that can be no part of a challenge.
    fn stray(&mut self) {
        let start = self.pos;
        while let Some(byte) = self.peek().filter(|b| !is_blank(*b) && *b != b',') {
            self.pos += 1;
            if byte == b'"' {
                self.skip(|b| b != b'"');
                self.pos = self.bytes.len().min(self.pos + 1);
            }
        }
        let raw = text(&self.bytes[start..self.pos]).0;
        self.problem(format!("`{raw}` is neither a scheme nor a parameter"));
    }

    /// Returns the challenge being read; text before any scheme gets one without.
    fn last(&mut self) -> &mut Challenge {
        if self.found.is_empty() {
            self.found.push(Challenge::default());
        }
        self.found.last_mut().expect("one was just made sure of")
    }

    fn problem(&mut self, problem: impl Into<String>) {
        self.last().problem(problem);
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.pos += 1;
        Some(byte)
    }

    fn skip(&mut self, wanted: impl Fn(u8) -> bool) -> &[u8] {
        let start = self.pos;
        while self.peek().is_some_and(&wanted) {
            self.pos += 1;
        }
        &self.bytes[start..self.pos]
    }
}

/// Holds a value as read, with what is wrong about it.
struct Read {
    value: String,
    faults: Vec<&'static str>,
}

impl Read {
    fn new(bytes: &[u8]) -> Self {
        let (value, latin) = text(bytes);
        let mut faults = Vec::new();
        if latin {
            faults.push("is not UTF-8 and was read as ISO-8859-1");
        }
        if bytes.iter().any(|b| b.is_ascii_control() && *b != b'\t') {
            faults.push("holds a control character");
        }
        Self { value, faults }
    }
}

/// Reads bytes as UTF-8, else as ISO-8859-1, which loses none; says whether it was the latter.
fn text(bytes: &[u8]) -> (String, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (bytes.iter().copied().map(char::from).collect(), true),
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte)
}
