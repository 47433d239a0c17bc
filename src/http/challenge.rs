//! `WWW-Authenticate` and `Proxy-Authenticate` as challenges (RFC 9110, section 11.6.1).
//!
//! Reads as a tolerant recipient and says what was wrong: servers get these fields wrong, and a
//! client that gives up on them cannot explain the refusal. Nothing is dropped silently: what
//! fits nowhere is quoted in [`Challenge::problems`], if need be of a challenge without a scheme.
//! A new warning is a problem noted in `reader.rs`, or in `check_scheme` when only one scheme
//! cares, and a row in the table of `tests.rs`.

mod reader;
#[cfg(test)]
mod tests;

use std::fmt;

use self::reader::LineReader;
use crate::term::list;

/// Parameters that RFC 7616 wants without quotes, whatever their value.
const BARE: [&str; 3] = ["algorithm", "stale", "userhash"];

/// Holds one challenge of a server or proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme as spelled; empty for text that belongs to no challenge.
    pub scheme: String,
    /// The bare token after the scheme, as `Negotiate` uses it.
    pub token68: Option<String>,
    /// Names as spelled and values without quotes and escapes, in order; of two with one name
    /// the first.
    pub params: Vec<(String, String)>,
    /// What is wrong with it, one sentence each.
    pub problems: Vec<String>,
}

impl Challenge {
    /// Says whether the scheme is this one, in any case.
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// Finds the value of a parameter, its name in any case.
    pub fn param(&self, name: &str) -> Option<&str> {
        let found = self.params.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Says what a challenge of Digest offers, and what it lacks to be answered (RFC 7616, section 3.3).
    pub fn offer(&self) -> String {
        let algorithm = self.param("algorithm").unwrap_or("MD5");
        let qop = self.param("qop").map(|qop| format!("with `qop={qop}`"));
        let lacks: Vec<String> = self.lacks().map(|name| format!("a `{name}`")).collect();
        let lacks = (!lacks.is_empty()).then(|| format!("without {}", list(&lacks, "and")));
        let both: Vec<String> = qop.into_iter().chain(lacks).collect();
        let space = if both.is_empty() { "" } else { " " };
        format!("`{algorithm}`{space}{}", both.join(" and "))
    }

    /// Tells whether a challenge of Digest lacks what an answer is made of.
    pub fn is_short(&self) -> bool {
        self.lacks().next().is_some()
    }

    fn lacks(&self) -> impl Iterator<Item = &'static str> {
        ["realm", "nonce"].into_iter().filter(|name| self.param(name).is_none())
    }

    fn problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    /// Adds what the scheme's own document asks for (RFC 7617, 7616, 6750, 9449).
    fn check_scheme(&mut self) {
        let scheme = self.scheme.clone();
        let wanted: &[&str] = match scheme.to_ascii_lowercase().as_str() {
            "basic" => &["realm"],
            "digest" => &["realm", "nonce"],
            "bearer" | "dpop" => &[],
            _ => return,
        };
        for name in wanted {
            if self.param(name).is_none() {
                self.problem(format!("{scheme} needs `{name}`, which is missing"));
            }
        }
        if self.token68.is_some() {
            self.problem(format!("{scheme} takes parameters, not a bare token"));
        } else if wanted.is_empty() && self.params.is_empty() {
            self.problem(format!("{scheme} must have at least one parameter"));
        }
    }
}

/// Writes the challenge as a careful server would, problems left out.
impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scheme)?;
        if let Some(token) = &self.token68 {
            write!(f, " {token}")?;
        }
        for (at, (name, value)) in self.params.iter().enumerate() {
            let before = if at == 0 && self.token68.is_none() { " " } else { ", " };
            let bare = BARE.iter().any(|b| name.eq_ignore_ascii_case(b));
            if bare && !value.is_empty() && value.bytes().all(is_tchar) {
                write!(f, "{before}{name}={value}")?;
            } else {
                let value = value.replace('\\', r"\\").replace('"', "\\\"");
                write!(f, "{before}{name}=\"{value}\"")?;
            }
        }
        Ok(())
    }
}

/// Reads all challenges of a response, given the values of its field lines in order.
pub fn parse_challenges<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Vec<Challenge> {
    let mut found = Vec::new();
    for line in lines {
        // An unclosed quote ends with its line, so it cannot swallow the next one.
        LineReader::new(line, &mut found).read();
    }
    found.iter_mut().for_each(Challenge::check_scheme);
    found
}

/// Tells whether a text is a token, as names of header fields and methods are (RFC 9110, section 5.6.2).
pub fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_tchar)
}

fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
