//! Keeps outcomes until the end of a run, in little memory.
//!
//! Outcomes arrive in the order of completion; files list them in the order of the plan. Each is kept
//! as the JSON that the JSON report will show, in memory up to [`IN_MEMORY`] bytes and then in a
//! temporary file; a short [`Entry`] per outcome stays in memory. What comes out is masked with all
//! secrets known by then, also those that came up after the outcome went in.

use std::io::{self, Write};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::event::{Event, MutantRecord, Outcome, OutcomeKind, Reason, Verdict, Warning};
use crate::mutate::Grade;
use crate::report::Reporter;
use crate::report::file::scrub::{self, Found};
use crate::secret::SecretSet;

mod store;

use store::{Slot, Store};

/// How many bytes of outcomes stay in memory before they go to a temporary file.
pub const IN_MEMORY: usize = 1024 * 1024;

/// Warnings beyond this number are counted only.
const WARNINGS_KEPT: usize = 200;

/// What is known of a kept outcome without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The number in the plan.
    pub index: u32,
    /// The suite's number in the run.
    pub suite: u32,
    /// A case, or a suite's teardown.
    pub kind: OutcomeKind,
    /// How it ended.
    pub verdict: Verdict,
    /// Whether it failed and does not fail the run.
    pub spared: bool,
    /// How many refusals of a passed case stayed unproven.
    pub unproven: u32,
    /// From start to end.
    pub elapsed: Duration,
    slot: Slot,
}

/// What a report of a passed case shows; kept beside its JSON so that the rest need not be read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) unproven: u32,
    #[serde(default)]
    pub(crate) uncontrolled: u32,
    pub(crate) skipped_steps: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) defect: Option<Defect>,
}

/// The deliberate defect of a case, in the words of reports.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Defect {
    pub(crate) id: String,
    pub(crate) severity: String,
    pub(crate) grade: String,
}

impl Defect {
    /// What a record says.
    pub(crate) fn of(record: &MutantRecord) -> Self {
        Self {
            id: record.id.clone(),
            severity: record.severity.word().to_owned(),
            grade: record.grade.map_or("not-sent", Grade::word).to_owned(),
        }
    }
}

/// What an outcome that did not pass holds beside its JSON: the user's lines and shared causes, in a fixed order.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Extras {
    lines: Vec<(String, usize, usize)>,
    causes: Vec<Option<String>>,
}

/// The outcomes of a run.
#[derive(Debug)]
pub struct Spool {
    secrets: SecretSet,
    entries: Vec<Entry>,
    store: Store,
    scratch: Vec<u8>,
    warnings: Vec<Warning>,
}

impl Spool {
    /// Starts empty; `secrets` may learn more while the run goes on.
    pub fn new(secrets: SecretSet) -> Self {
        Self::with_memory(secrets, IN_MEMORY)
    }

    /// Starts empty with another bound on the bytes kept in memory.
    pub fn with_memory(secrets: SecretSet, bytes: usize) -> Self {
        let store = Store::new(bytes);
        Self { secrets, entries: Vec::new(), store, scratch: Vec::new(), warnings: Vec::new() }
    }

    /// Keeps an outcome; if no temporary file can be written, in memory. Fails on an outcome beyond 4 GiB.
    pub fn push(&mut self, outcome: &Outcome) -> io::Result<()> {
        self.scratch.clear();
        let passed = outcome.verdict == Verdict::Passed;
        if passed {
            serde_json::to_writer(&mut self.scratch, &Head::of(outcome))?;
        } else {
            serde_json::to_writer(&mut self.scratch, &Extras::of(outcome))?;
        }
        let split = self.scratch.len();
        serde_json::to_writer(&mut self.scratch, outcome)?;
        let slot = self.store.push(&self.scratch, split)?;
        self.entries.push(Entry {
            index: outcome.index,
            suite: u32::try_from(outcome.suite).unwrap_or(u32::MAX),
            kind: outcome.kind,
            verdict: outcome.verdict,
            spared: outcome.spared,
            unproven: if passed { outcome.proof.unproven } else { 0 },
            elapsed: outcome.elapsed,
            slot,
        });
        Ok(())
    }

    /// Lists what is kept in the order of the plan.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = self.entries.clone();
        entries.sort_by_key(|entry| entry.index);
        entries
    }

    /// Counts what is kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Gives the secrets that everything is masked with.
    pub fn secrets(&self) -> &SecretSet {
        &self.secrets
    }

    /// Gives the warnings of the run, as many as are kept.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Writes an outcome as masked JSON on one line, without a line break.
    pub fn write_json(&mut self, entry: &Entry, to: &mut dyn Write) -> io::Result<()> {
        let text = self.store.read(entry.slot.second())?;
        to.write_all(scrub::json(utf8(&text)?, &self.secrets, &mut Found::default()).as_bytes())
    }

    /// Reads what a report of a case shows that passed plainly, masked.
    pub(crate) fn head(&mut self, entry: &Entry) -> io::Result<Head> {
        parse(&self.store.read(entry.slot.first())?, &self.secrets)
    }

    /// Reads a whole outcome back, masked; the user's lines of a case that passed plainly are left out.
    pub fn outcome(&mut self, entry: &Entry) -> io::Result<Outcome> {
        let mut outcome: Outcome = parse(&self.store.read(entry.slot.second())?, &self.secrets)?;
        if entry.verdict != Verdict::Passed {
            parse::<Extras>(&self.store.read(entry.slot.first())?, &self.secrets)?.put_into(&mut outcome);
        }
        Ok(outcome)
    }

    /// Masks a value by way of its JSON.
    pub(crate) fn masked<T: Serialize + DeserializeOwned>(&self, value: &T) -> io::Result<T> {
        masked(value, &self.secrets)
    }

    /// Gives the masked JSON of a value.
    pub(crate) fn json_of(&self, value: &impl Serialize) -> io::Result<String> {
        let text = serde_json::to_string(value)?;
        Ok(scrub::json(&text, &self.secrets, &mut Found::default()).into_owned())
    }
}

/// Masks a value by way of its JSON: before it is laid out in lines, which a secret may go across.
pub fn masked<T: Serialize + DeserializeOwned>(value: &T, secrets: &SecretSet) -> io::Result<T> {
    parse(&serde_json::to_vec(value)?, secrets)
}

impl Reporter for Spool {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::CaseFinished(outcome) => self.push(outcome),
            Event::Warning(warning) => {
                if self.warnings.len() < WARNINGS_KEPT {
                    self.warnings.push(warning.clone());
                }
                Ok(())
            }
            Event::RunStarted(_)
            | Event::Login(_)
            | Event::Waiting(_)
            | Event::CaseStarted(_)
            | Event::Exchanged(_)
            | Event::RunFinished(_) => Ok(()),
        }
    }
}

impl Head {
    fn of(outcome: &Outcome) -> Self {
        Self {
            id: outcome.id.to_string(),
            name: outcome.name.clone(),
            file: outcome.place.file.to_string(),
            line: outcome.place.line,
            unproven: outcome.proof.unproven,
            uncontrolled: outcome.proof.uncontrolled,
            skipped_steps: outcome.skipped_steps(),
            defect: outcome.with.as_deref().map(Defect::of),
        }
    }
}

impl Extras {
    fn of(outcome: &Outcome) -> Self {
        let reasons = outcome.reasons.iter().map(|r| &r.place);
        let places = std::iter::once(&outcome.place).chain(reasons).chain(outcome.steps.iter().map(|s| &s.place));
        let lines = places.map(|place| (place.text.clone(), place.start, place.width)).collect();
        let cause = |reason: &Reason| reason.shared_cause.as_deref().map(str::to_owned);
        Self { lines, causes: outcome.reasons.iter().map(cause).collect() }
    }

    fn put_into(self, outcome: &mut Outcome) {
        let steps = outcome.steps.iter_mut().map(|s| &mut s.place);
        let reasons = outcome.reasons.iter_mut().map(|r| &mut r.place);
        let places = std::iter::once(&mut outcome.place).chain(reasons).chain(steps);
        for (place, (text, start, width)) in places.zip(self.lines) {
            (place.text, place.start, place.width) = (text, start, width);
        }
        for (reason, cause) in outcome.reasons.iter_mut().zip(self.causes) {
            reason.shared_cause = cause.map(Into::into);
        }
    }
}

fn utf8(bytes: &[u8]) -> io::Result<&str> {
    std::str::from_utf8(bytes).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))
}

fn parse<T: DeserializeOwned>(json: &[u8], secrets: &SecretSet) -> io::Result<T> {
    Ok(serde_json::from_str(&scrub::json(utf8(json)?, secrets, &mut Found::default()))?)
}

#[cfg(test)]
mod tests;
