//! `allow`, `deny` and `hidden`: what they mean, and for whom.

use std::sync::Arc;

use super::{Checked, Placed, Seen, diags, read_expect};
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
}

impl Stance {
    const ALL: [Self; 2] = [Self::Anonymous, Self::Identity];

    const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Identity => "identity",
        }
    }
}

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
            let stance = Stance::ALL.into_iter().find(|s| s.name() == spec.stance);
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

    fn of(&self, word: Word, stance: Stance) -> Option<&Meaning> {
        self.0.iter().find(|m| m.word == word && m.stance == stance)
    }

    /// Tells whether a word has a meaning of its own for somebody.
    pub fn redefines(&self, word: Word, stance: Stance) -> bool {
        self.of(word, stance).is_some()
    }

    /// Tells whether an answer is what is declared as a refusal for whoever asked, and by which word.
    pub fn refusal(&self, seen: &Seen<'_>) -> Option<Word> {
        [Word::Deny, Word::Hidden].into_iter().find(|word| self.judge(*word, seen) == Some(Checked::Held))
    }

    /// Judges an answer by what a word means for whoever asked; nothing where it means what it always does.
    pub(super) fn judge(&self, word: Word, seen: &Seen<'_>) -> Option<Checked> {
        let meaning = self.of(word, seen.stance)?;
        let mut broken = Vec::new();
        for way in &meaning.any {
            let first = way.iter().find_map(|placed| match placed.check.judge(seen) {
                Checked::Held => None,
                // Some say themselves what they are about.
                Checked::Broken { expected, .. } if expected.starts_with(&*placed.subject) => Some(expected),
                Checked::Broken { expected, .. } => Some(format!("{} {expected}", placed.subject)),
                Checked::Unjudgeable { why } => Some(format!("{}: {why}", placed.subject)),
            });
            match first {
                None => return Some(Checked::Held),
                Some(wanted) => broken.push(wanted),
            }
        }
        let expected = format!("{} ({})", word.name(), crate::term::list(&broken, "or"));
        Some(Checked::Broken { expected, actual: format!("status {}", seen.response.status) })
    }
}
