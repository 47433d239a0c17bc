//! The event stream: one JSON object a line, in the order of completion.
//!
//! Each line is an [`Event`] with its number `seq`, from 1, and `at_ms`, the milliseconds since
//! the writer was made. It is masked with the secrets known when it is written; in a file, which is
//! published at the end, what became known later is masked then.

use std::io::{self, Write};
use std::time::Instant;

use crate::event::Event;
use crate::report::Reporter;
use crate::report::file::scrub::{self, Found};
use crate::secret::SecretSet;

/// When lines leave for their reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Each at once: somebody reads along.
    Live,
    /// When the buffers are full, and at the end.
    AtEnd,
}

/// Writes events as lines.
pub struct EventsWriter<W: Write> {
    to: W,
    secrets: SecretSet,
    pace: Pace,
    began: Instant,
    seq: u64,
    line: Vec<u8>,
}

impl<W: Write> std::fmt::Debug for EventsWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventsWriter").field("seq", &self.seq).finish_non_exhaustive()
    }
}

impl<W: Write> EventsWriter<W> {
    /// Starts a stream; its clock begins now.
    pub fn new(to: W, secrets: SecretSet, pace: Pace) -> Self {
        Self { to, secrets, pace, began: Instant::now(), seq: 0, line: Vec::new() }
    }

    /// Gives back what was written to, such as a report file to be finished.
    pub fn into_inner(self) -> W {
        self.to
    }
}

impl<W: Write> Reporter for EventsWriter<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        // The outcomes hold what was exchanged; the archive is for whoever wants the rest.
        if matches!(event, Event::Exchanged(_)) {
            return Ok(());
        }
        self.seq += 1;
        let micros = self.began.elapsed().as_micros();
        self.line.clear();
        // The first brace of the event's own object gives way to the two fields before it.
        write!(self.line, "{{\"seq\":{},\"at_ms\":{}.{:03},", self.seq, micros / 1000, micros % 1000)?;
        let start = self.line.len();
        serde_json::to_writer(&mut self.line, event)?;
        self.line.remove(start);
        self.line.push(b'\n');
        let text = std::str::from_utf8(&self.line).map_err(io::Error::other)?;
        self.to.write_all(scrub::json(text, &self.secrets, &mut Found::default()).as_bytes())?;
        match (self.pace, event) {
            (Pace::Live, _) | (Pace::AtEnd, Event::RunFinished(_)) => self.to.flush(),
            (
                Pace::AtEnd,
                Event::RunStarted(_)
                | Event::Login(_)
                | Event::Waiting(_)
                | Event::CaseStarted(_)
                | Event::Exchanged(_)
                | Event::CaseFinished(_)
                | Event::Warning(_),
            ) => Ok(()),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
