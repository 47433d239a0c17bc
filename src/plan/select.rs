//! Which cases are wanted: by words of the name, by tag, by id, by identity.

use std::collections::BTreeSet;

/// The filters of the command line. Of one kind any may match, of several kinds all must.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// `-k`: parts of the id or name, in any case.
    pub words: Vec<String>,
    /// `--tag`; `!tag` leaves out.
    pub tags: Vec<String>,
    /// `--id`: whole ids, or with `*`.
    pub ids: Vec<String>,
    /// `--as`: identities that send a step, or `anonymous`.
    pub callers: Vec<String>,
    /// `--failed-from`: exactly these ids.
    pub only: Option<BTreeSet<String>>,
}

/// What a case shows to the filters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) suite: &'a str,
    pub(super) tags: &'a [std::sync::Arc<str>],
    pub(super) callers: &'a [String],
}

impl Shown<'_> {
    /// What words are looked for in.
    pub(super) fn text(self) -> String {
        format!("{} {} {}", self.id, self.suite, self.name).to_lowercase()
    }
}

impl Selection {
    /// Tells whether nothing is filtered.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
            && self.tags.is_empty()
            && self.ids.is_empty()
            && self.callers.is_empty()
            && self.only.is_none()
    }

    /// Tells whether a case is wanted.
    pub(super) fn wants(&self, case: Shown<'_>) -> bool {
        let text = case.text();
        let any = |list: &[String], test: &dyn Fn(&str) -> bool| list.is_empty() || list.iter().any(|s| test(s));
        let (without, with): (Vec<String>, Vec<String>) = self.tags.iter().cloned().partition(|t| t.starts_with('!'));
        let has = |tag: &str| case.tags.iter().any(|t| &**t == tag);
        any(&self.words, &|w| text.contains(&w.to_lowercase()))
            && any(&with, &has)
            && !without.iter().any(|t| has(&t[1..]))
            && any(&self.ids, &|id| matches(id, case.id))
            && self.only.as_ref().is_none_or(|only| only.contains(case.id))
            && any(&self.callers, &|c| case.callers.iter().any(|n| n == c))
    }
}

/// Compares with `*` for any text; everything else stands for itself, brackets too.
pub(super) fn matches(pattern: &str, id: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = id.strip_prefix(parts.next().unwrap_or("")) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_match_whole_or_with_stars() {
        assert!(matches("a/b[as=bob]", "a/b[as=bob]"));
        assert!(!matches("a/b", "a/b[as=bob]"));
        assert!(matches("a/*", "a/b[as=bob]"));
        assert!(matches("*[as=bob]", "a/b[as=bob]"));
        assert!(matches("a*b*]", "a/b[as=bob]"));
        assert!(!matches("a*c", "a/b"));
    }

    #[test]
    fn kinds_combine() {
        let tags = ["smoke".into(), "slow".into()];
        let case = Shown { id: "s/a-b", name: "A b", suite: "Suite", tags: &tags, callers: &["bob".into()] };
        let of = |tags: &[&str], words: &[&str], callers: &[&str]| Selection {
            tags: tags.iter().map(ToString::to_string).collect(),
            words: words.iter().map(ToString::to_string).collect(),
            callers: callers.iter().map(ToString::to_string).collect(),
            ids: Vec::new(),
            only: None,
        };
        assert!(of(&["smoke"], &["a B"], &["bob"]).wants(case));
        assert!(!of(&["smoke", "!slow"], &[], &[]).wants(case));
        assert!(!of(&["smoke"], &["x"], &[]).wants(case));
        assert!(of(&["x", "slow"], &["x", "suite"], &["eve", "bob"]).wants(case));
        assert!(!of(&[], &[], &["eve"]).wants(case));
    }
}
