//! The fields in which an answer tells browsers what pages may do.

use crate::http::{Headers, Response};

/// What an answer tells browsers.
pub(super) struct Told<'a>(pub(super) &'a Headers);

pub(super) const ORIGIN: &str = "access-control-allow-origin";
pub(super) const CREDENTIALS: &str = "access-control-allow-credentials";
pub(super) const HEADERS: &str = "access-control-allow-headers";
pub(super) const METHODS: &str = "access-control-allow-methods";
pub(super) const EXPOSED: &str = "access-control-expose-headers";

impl Told<'_> {
    /// The lines of a field.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        self.0.all(name).map(|line| String::from_utf8_lossy(line).trim().to_owned()).collect()
    }

    /// The origin that is allowed: browsers read no second line.
    pub(super) fn origin(&self) -> Option<String> {
        let mut lines = self.lines(ORIGIN);
        if lines.len() == 1 { lines.pop() } else { None }
    }

    /// Tells whether pages of an origin may read the answer, by name or as everybody.
    pub(super) fn allows(&self, origin: &str) -> bool {
        self.origin().is_some_and(|allowed| allowed == origin || allowed == "*")
    }

    /// Tells whether credentials are allowed as browsers read it.
    pub(super) fn credentials(&self) -> bool {
        self.lines(CREDENTIALS) == ["true"]
    }

    /// Tells whether a list in a field has an item; `*` stands for all where no credentials are allowed.
    pub(super) fn lists(&self, name: &str, item: &str, star: bool) -> bool {
        let lines = self.lines(name);
        let mut items = lines.iter().flat_map(|line| line.split(',')).map(str::trim);
        items.any(|own| own.eq_ignore_ascii_case(item) || (own == "*" && star && !self.credentials()))
    }

    /// A field in words.
    pub(super) fn field(&self, name: &str) -> String {
        match &self.lines(name)[..] {
            [] => format!("no `{name}`"),
            [one] => format!("`{name}: {one}`"),
            more => format!("`{name}` in {} lines, which no browser takes", more.len()),
        }
    }
}

/// Tells whether pages of an origin may read an answer, by name or as everybody.
pub fn shares(headers: &Headers, origin: &str) -> bool {
    Told(headers).allows(origin)
}

/// An answer with one of its fields, in words.
pub(super) fn told(response: &Response, name: &str) -> String {
    format!("{} with {}", response.status, Told(&response.headers).field(name))
}
