//! What there was to select from, for telling why filters select nothing.

use std::collections::BTreeSet;

use super::select::{Selection, Shown, matches};
use crate::term::{did_you_mean, list, shorten};

/// How many names are listed when none is near.
const NAMED: usize = 8;

/// The names that the cases which filters left out can be selected by.
#[derive(Debug, Default)]
pub(super) struct Offer {
    ids: BTreeSet<String>,
    tags: BTreeSet<String>,
    callers: BTreeSet<String>,
    /// What words are looked for in.
    texts: Vec<String>,
}

impl Offer {
    pub(super) fn add(&mut self, case: Shown<'_>) {
        self.ids.insert(case.id.to_owned());
        self.tags.extend(case.tags.iter().map(ToString::to_string));
        self.callers.extend(case.callers.iter().cloned());
        self.texts.push(case.text());
    }

    /// Says of each filter that fits no case at all what is near to it; or that they fit none together.
    pub(super) fn missed(&self, selection: &Selection) -> Vec<String> {
        if self.ids.is_empty() {
            return Vec::new();
        }
        let mut said: Vec<String> = Vec::new();
        for id in selection.ids.iter().filter(|id| !self.ids.iter().any(|known| matches(id, known))) {
            said.push(format!("no case has the id `{id}`; {}", self.near_id(id)));
        }
        for tag in selection.tags.iter().filter(|t| !t.starts_with('!') && !self.tags.contains(*t)) {
            said.push(format!("no case has the tag `{tag}`; {}", near(tag, &self.tags, "there is no tag at all")));
        }
        for caller in selection.callers.iter().filter(|c| !self.callers.contains(*c)) {
            let near = near(caller, &self.callers, "no case is sent as anybody");
            said.push(format!("no case sends anything as `{caller}`; {near}"));
        }
        for word in &selection.words {
            if !self.texts.iter().any(|text| text.contains(&word.to_lowercase())) {
                said.push(format!("no id, suite or name has `{word}` in it"));
            }
        }
        if said.is_empty() && selection.only.is_none() {
            said.push("each filter fits a case, but no case fits all of them".to_owned());
        }
        said
    }

    fn near_id(&self, id: &str) -> String {
        let expanded = format!("{id}[");
        if self.ids.iter().any(|known| known.starts_with(&expanded)) {
            return format!("did you mean `{id}[*]`, all that it is expanded to?");
        }
        let behind = format!("/{id}");
        let inner = self.ids.iter().find(|known| known.ends_with(&behind)).map(String::as_str);
        match inner.or_else(|| did_you_mean(id, self.ids.iter().map(String::as_str))) {
            Some(known) => format!("did you mean `{known}`?"),
            None => "`authspec list cases` shows all ids".to_owned(),
        }
    }
}

/// The name that may be meant, or the names there are.
fn near(written: &str, known: &BTreeSet<String>, none: &str) -> String {
    if let Some(near) = did_you_mean(written, known.iter().map(String::as_str)) {
        return format!("did you mean `{near}`?");
    }
    let names: Vec<String> = known.iter().take(NAMED).map(|n| format!("`{}`", shorten(n, 60))).collect();
    match (names.len(), known.len() - names.len()) {
        (0, _) => none.to_owned(),
        (1, _) => format!("there is only {}", names[0]),
        (_, 0) => format!("there are {}", list(&names, "and")),
        (_, more) => format!("there are {} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer() -> Offer {
        let mut offer = Offer::default();
        let tags = ["smoke".into(), "slow".into()];
        let callers = ["alice".to_owned(), "bob".to_owned()];
        offer.add(Shown { id: "notes/read[as=bob]", name: "read", suite: "Notes", tags: &tags, callers: &callers });
        offer.add(Shown { id: "notes/write", name: "write", suite: "Notes", tags: &[], callers: &callers });
        offer
    }

    #[test]
    fn each_filter_that_fits_nothing_is_told_with_what_is_near() {
        let selection = Selection {
            ids: vec!["notes/wirte".into(), "notes/read".into(), "write".into(), "notes/*".into()],
            tags: vec!["smok".into(), "!other".into(), "slow".into()],
            callers: vec!["eve".into()],
            words: vec!["xyzzy".into(), "NOTES".into()],
            only: None,
        };
        assert_eq!(
            offer().missed(&selection),
            [
                "no case has the id `notes/wirte`; did you mean `notes/write`?",
                "no case has the id `notes/read`; did you mean `notes/read[*]`, all that it is expanded to?",
                "no case has the id `write`; did you mean `notes/write`?",
                "no case has the tag `smok`; did you mean `smoke`?",
                "no case sends anything as `eve`; there are `alice` and `bob`",
                "no id, suite or name has `xyzzy` in it",
            ]
        );
    }

    #[test]
    fn filters_that_fit_each_for_itself_are_told_as_such() {
        let selection =
            Selection { ids: vec!["notes/write".into()], tags: vec!["smoke".into()], ..Selection::default() };
        assert_eq!(offer().missed(&selection), ["each filter fits a case, but no case fits all of them"]);
        assert!(Offer::default().missed(&selection).is_empty());
    }
}
