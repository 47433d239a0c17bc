//! What a suite itself writes for a parameter that it changes (`vary: { token.code: made-up }`): it stands in the user's
//! file, is made up, and is shown as it is written there. What may be a secret of somebody, or is much like one, is not.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::secret::{SecretSet, TextKind, alike};
use crate::source::SourceMap;
use crate::step::Tree;

/// The least that a text shares with another to be like it, in bytes.
const ALIKE: usize = 8;

/// The texts that suites write for parameters, each with whether it may be shown.
#[derive(Debug, Default)]
pub(super) struct Own(Mutex<BTreeMap<String, bool>>);

impl Own {
    /// Looks at what a parameter is changed to, as far as it is written out, before it is sent.
    pub(super) fn add(&self, tree: &Tree, secrets: &SecretSet, sources: &SourceMap) {
        match tree {
            Tree::Const(value) => self.value(value, secrets, sources),
            Tree::List(items) => items.iter().for_each(|item| self.add(item, secrets, sources)),
            Tree::Text(_) | Tree::Map(_) => {}
        }
    }

    fn value(&self, value: &Value, secrets: &SecretSet, sources: &SourceMap) {
        match value {
            Value::String(text) if !text.is_empty() => {
                let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if !all.contains_key(text) {
                    // What was sent as a credential is known to the masks, and no secret if it is made up.
                    let is_made_up = |known: &str| all.get(known) == Some(&true);
                    // What looks like a token by itself may be somebody's, whoever wrote it down.
                    let is_plain = secrets.mask_text(TextKind::Plain, text) == *text;
                    let is_open =
                        is_plain && !secrets.resembles(text, ALIKE, is_made_up) && !stands_elsewhere(text, sources);
                    all.insert(text.clone(), is_open);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.value(item, secrets, sources)),
            _ => {}
        }
    }

    /// Masks a line of the user's file, but not what may be shown of it.
    pub(super) fn mask(&self, secrets: &SecretSet, line: &str) -> String {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open: Vec<&String> = all.iter().filter(|(_, is_open)| **is_open).map(|(text, _)| text).collect();
        open.retain(|text| line.contains(&***text));
        if open.is_empty() {
            return secrets.mask_text(TextKind::Plain, line);
        }
        // The longest first: another may be a part of it. What looks like a template is left as it is by the masks.
        open.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let stand_in = |nth: usize| format!("{{{{own{nth}}}}}");
        let hide = |line: String, (nth, text): (usize, &&String)| hidden(&line, text, &stand_in(nth), secrets);
        let masked = secrets.mask_text(TextKind::Plain, &open.iter().enumerate().fold(line.to_owned(), hide));
        open.iter().enumerate().fold(masked, |line, (nth, text)| line.replace(&stand_in(nth), text))
    }
}

/// Replaces a text where it is a whole value, and no part of a secret that is longer.
fn hidden(line: &str, text: &str, by: &str, secrets: &SecretSet) -> String {
    let is_border = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || "'\"[]{},".contains(c));
    let spots = secrets.spots(line.as_bytes());
    let mut out = String::with_capacity(line.len());
    let mut done = 0;
    for (at, _) in line.match_indices(text) {
        let end = at + text.len();
        let is_alone =
            |(spot, _): &(std::ops::Range<usize>, String)| spot.end <= at || end <= spot.start || *spot == (at..end);
        let is_value = is_border(line[..at].chars().next_back()) && is_border(line[end..].chars().next());
        if is_value && spots.iter().all(is_alone) {
            out += &line[done..at];
            out += by;
            done = end;
        }
    }
    out + &line[done..]
}

/// Tells whether a text is also a value in a file where no parameter is changed, or much like one that looks like a
/// credential: it may be one.
fn stands_elsewhere(text: &str, sources: &SourceMap) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._~+/=-".contains(c);
    let is_credential = |word: &&str| word.len() >= ALIKE && word.contains(|c: char| c.is_ascii_digit());
    sources.texts().flat_map(str::lines).any(|line| {
        let is_value = |at: usize| {
            let (before, after) = (line[..at].trim_end(), line[at + text.len()..].trim_start());
            let ends = after.is_empty() || after.starts_with(['"', '\'', ',', '}', ']', '#']);
            ends && before.ends_with([':', '"', '\'', '[', ',', '-']) && !is_change(before)
        };
        line.match_indices(text).any(|(at, _)| is_value(at))
            || (!is_change(line)
                && line.split(|c| !is_part(c)).filter(is_credential).any(|word| alike(word, text, ALIKE)))
    })
}

/// Tells whether what stands before a value is `vary:` or the name of a parameter.
fn is_change(before: &str) -> bool {
    let key = before.trim_start().trim_start_matches("- ").split(':').next().unwrap_or_default();
    before.contains("vary:") || (key.contains('.') && !key.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    impl Own {
        fn may_show(&self, text: &str) -> bool {
            self.0.lock().unwrap()[text]
        }
    }

    /// What is known after a text was written for a parameter.
    fn after(text: &str, files: &[&str]) -> (Own, SecretSet) {
        let (own, secrets, mut sources) = (Own::default(), SecretSet::new(), SourceMap::default());
        secrets.declare("alice.password", "wonderland-7");
        for (nth, file) in files.iter().enumerate() {
            sources.add(&format!("{nth}.yaml"), *file);
        }
        own.add(&Tree::Const(json!(text)), &secrets, &sources);
        (own, secrets)
    }

    fn shown(text: &str, line: &str) -> String {
        let (own, secrets) = after(text, &[line]);
        // What is sent where a credential is expected is known to the masks.
        secrets.add("alice.code", text);
        own.mask(&secrets, line)
    }

    #[test]
    fn what_is_made_up_is_shown_as_it_is_written() {
        for line in [
            "    vary: { token.code: made-up-1, form.password: \"made-up-1\" }",
            "      token.client_secret: made-up-1",
            "      token.client_assertion.aud: 'made-up-1' # not ours",
        ] {
            assert_eq!(shown("made-up-1", line), line);
        }
        let aud = "vary: { token.client_assertion.aud: \"https://else.example\" }";
        assert_eq!(shown("https://else.example", aud), aud);
    }

    #[test]
    fn what_may_be_a_secret_is_not() {
        let auth = "  client: { id: web, secret: web-secret-3c9e }";
        for text in ["web-secret-3c9e", "web-secret-3c9f", "wonderland-7", "wonderland-8"] {
            let line = format!("vary: {{ token.client_secret: {text} }}");
            assert!(!after(text, &[auth, &line]).0.may_show(text), "{text}");
        }
        let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";
        assert!(!after(token, &[]).0.may_show(token));
        // What is made up does not make another so.
        let (own, secrets) = after("made-up-1", &[]);
        secrets.add("alice.code", "made-up-1");
        own.add(&Tree::Const(json!("made-up-2")), &secrets, &SourceMap::default());
        assert!(own.may_show("made-up-2"));
        // Nor is a part of a longer secret.
        let (own, secrets) = after("nine", &[]);
        secrets.add("bob.password", "cat of nine lives");
        assert_eq!(own.mask(&secrets, "say: cat of nine lives"), "say: ‹bob.password#1›");
        // A part of another value shows nothing of it.
        let line = "vary: { token.client_secret: nine }, json: { password: nine-lives-1 }";
        assert!(shown("nine", line).ends_with("nine }, json: { password: ‹masked› }"));
    }
}
