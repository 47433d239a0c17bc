//! `allow`, `deny` and `hidden`: what they mean, and for whom.

use std::sync::Arc;

use super::{Checked, Placed, Seen, StatusSet, diags, read_expect};
use crate::spec::{OutcomeSpec, Reader};

/// A word for what becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Let in.
    Allow,
    /// Refused.
    Deny,
    /// Answered as if there were nothing.
    Hidden,
}

impl Word {
    const ALL: [Self; 3] = [Self::Allow, Self::Deny, Self::Hidden];

    /// How it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Hidden => "hidden",
        }
    }

    /// What it means unless `outcomes:` says otherwise.
    pub const fn usual(self) -> &'static str {
        match self {
            Self::Allow => "2xx",
            Self::Deny => "401 or 403",
            Self::Hidden => "404",
        }
    }
}

/// Who asks, as far as outcomes differ by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// Somebody without a credential.
    Anonymous,
    /// Somebody who is known.
    Identity,
    /// Somebody with a credential that is nobody's any more, or never was: a server may take the sender for either, or say
    /// that the credential is none (401: RFC 6750, section 3.1; RFC 9110, section 15.5.2).
    Former,
}

impl Stance {
    /// Those that `outcomes` names.
    const NAMED: [Self; 2] = [Self::Anonymous, Self::Identity];

    const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Identity | Self::Former => "identity",
        }
    }

    /// For whom a word may be meant that is said of somebody.
    const fn named(self, word: Word) -> &'static [Self] {
        match (self, word) {
            (Self::Anonymous, _) => &[Self::Anonymous],
            // Only what refuses may take somebody for nobody.
            (Self::Former, Word::Deny) => &[Self::Identity, Self::Anonymous],
            (Self::Identity | Self::Former, _) => &[Self::Identity],
        }
    }
}

/// The status of an answer to a credential that is nobody's.
const UNAUTHORIZED: u16 = 401;

/// What `outcomes:` says, compiled.
#[derive(Debug, Default)]
pub struct Outcomes(Vec<Meaning>);

#[derive(Debug)]
struct Meaning {
    word: Word,
    stance: Stance,
    /// Of these one has to hold, and of that all.
    any: Vec<Vec<Placed>>,
}

impl Outcomes {
    /// Compiles what is said. An outcome that is explained by an outcome would go round in a circle.
    pub fn read(specs: &[&OutcomeSpec], reader: &mut Reader<'_>) -> Arc<Self> {
        let mut all = Vec::new();
        for spec in specs {
            let word = Word::ALL.into_iter().find(|w| w.name() == spec.word);
            let stance = Stance::NAMED.into_iter().find(|s| s.name() == spec.stance);
            let (Some(word), Some(stance)) = (word, stance) else { continue };
            let mut any = Vec::new();
            for node in &spec.any {
                let Some(mut read) = read_expect(node, reader) else { continue };
                if word != Word::Allow {
                    // A login page is told what was asked for, or what went wrong: it is the same page.
                    read.checks.iter_mut().for_each(|placed| placed.check.leave_query_open());
                }
                if let Some(status) = read.status.as_ref().filter(|s| s.has_word()) {
                    let fault = diags::bad_status(node.span, "an outcome is explained without the words for outcomes");
                    reader.fault(fault.label(status.describe()).help("write statuses and other checks"));
                    continue;
                }
                any.push(read.checks);
            }
            all.push(Meaning { word, stance, any });
        }
        Arc::new(Self(all))
    }

    /// Tells whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of(&self, word: Word, stance: Stance) -> impl Iterator<Item = &Meaning> {
        let named = stance.named(word);
        named.iter().filter_map(move |stance| self.0.iter().find(|m| m.word == word && m.stance == *stance))
    }

    /// Tells whether a word has a meaning of its own for somebody.
    pub fn redefines(&self, word: Word, stance: Stance) -> bool {
        self.of(word, stance).next().is_some()
    }

    /// Tells whether a status alone is what a word means for somebody.
    pub(super) fn names(&self, word: Word, stance: Stance, status: u16) -> bool {
        let is_it = |way: &Vec<Placed>| match &way[..] {
            [placed] => placed.check.status().is_some_and(|set| set.matches(status)),
            _ => false,
        };
        self.usual(word, stance).is_some_and(|usual| usual.matches(status))
            || self.of(word, stance).any(|meaning| meaning.any.iter().any(is_it))
    }

    /// What a word means for somebody beside what is said of it: for whom nothing is said, what it always does.
    fn usual(&self, word: Word, stance: Stance) -> Option<StatusSet> {
        if self.of(word, stance).count() < stance.named(word).len() {
            return Some(StatusSet::word_for(word));
        }
        (word == Word::Deny && stance == Stance::Former).then(|| StatusSet::one(UNAUTHORIZED))
    }

    /// Tells whether an answer is what is declared as a refusal for whoever asked, and by which word.
    pub fn refusal(&self, seen: &Seen<'_>) -> Option<Word> {
        [Word::Deny, Word::Hidden].into_iter().find(|word| self.judge(*word, seen) == Some(Checked::Held))
    }

    /// Judges an answer by what a word means for whoever asked; nothing where it means what it always does.
    pub(super) fn judge(&self, word: Word, seen: &Seen<'_>) -> Option<Checked> {
        if !self.redefines(word, seen.stance) {
            return None;
        }
        let usual = self.usual(word, seen.stance);
        if usual.as_ref().is_some_and(|usual| usual.matches(seen.response.status)) {
            return Some(Checked::Held);
        }
        let mut broken: Vec<String> = Vec::new();
        for way in self.of(word, seen.stance).flat_map(|meaning| &meaning.any) {
            match unmet(way, seen) {
                None => return Some(Checked::Held),
                Some(wanted) if broken.contains(&wanted) => {}
                Some(wanted) => broken.push(wanted),
            }
        }
        let usual = usual.map(|usual| format!("status {}", usual.plainly())).filter(|usual| !broken.contains(usual));
        broken.extend(usual);
        let expected = format!("{} ({})", word.name(), crate::term::list(&broken, "or"));
        Some(Checked::Broken { expected, actual: format!("status {}", seen.response.status) })
    }
}

/// What of a way to mean something does not hold, the first of it.
fn unmet(way: &[Placed], seen: &Seen<'_>) -> Option<String> {
    way.iter().find_map(|placed| match placed.check.judge(seen) {
        Checked::Held => None,
        // Some say themselves what they are about.
        Checked::Broken { expected, .. } if expected.starts_with(&*placed.subject) => Some(expected),
        Checked::Broken { expected, .. } => Some(format!("{} {expected}", placed.subject)),
        Checked::Unjudgeable { why } => Some(format!("{}: {why}", placed.subject)),
    })
}
