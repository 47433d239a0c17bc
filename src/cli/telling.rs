//! Hands the events of a run to the terminal and to the reports.

use std::io;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;

use super::context::Context;
use super::reports::{Lines, Reports};
use crate::diagnose;
use crate::event::{Event, RunInfo, Summary};
use crate::report::file::Written;
use crate::report::spool::Spool;
use crate::report::{Again, Reporter as _, Terminal};
use crate::secret::SecretSet;
use crate::term::system;
use crate::verdict;

/// Hands events to the reporters.
pub(super) struct Telling {
    terminal: Terminal,
    reports: Reports,
    spool: Spool,
    secrets: SecretSet,
    again: Again,
    info: Option<RunInfo>,
    /// The reader of the terminal text went away; reports are written all the same.
    gone: bool,
    fault: Option<io::Error>,
}

impl Telling {
    pub(super) fn new(terminal: Terminal, reports: Reports, secrets: SecretSet, again: Again) -> Self {
        let spool = Spool::new(secrets.clone());
        Self { terminal, reports, spool, secrets, again, info: None, gone: false, fault: None }
    }

    pub(super) async fn listen(&mut self, mut heard: UnboundedReceiver<Event>) {
        let mut clock = tokio::time::interval(Duration::from_millis(200));
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = heard.recv() => match event {
                    Some(mut event) => {
                        if let Event::CaseFinished(outcome) = &mut event {
                            diagnose::annotate(outcome, &self.secrets);
                        }
                        self.hear(&event);
                    }
                    None => return,
                },
                _ = clock.tick() => {
                    let told = self.terminal.tick(Instant::now());
                    self.note(told);
                }
            }
        }
    }

    fn hear(&mut self, event: &Event) {
        if let Event::RunStarted(info) = event {
            self.info = Some(info.clone());
        }
        if let Err(error) = self.spool.event(event) {
            self.fault.get_or_insert(error);
        }
        if !self.gone {
            let told = self.terminal.event(event);
            self.note(told);
        }
        if let Some(events) = &mut self.reports.events
            && let Err(error) = events.event(event)
        {
            self.fault.get_or_insert(error);
        }
        if let Some(har) = &mut self.reports.har
            && let Err(error) = har.event(event)
        {
            self.fault.get_or_insert(error);
        }
    }

    /// A closed pipe is a quiet end of telling, not of the run.
    fn note(&mut self, told: io::Result<()>) {
        if told.is_err() {
            self.gone = true;
        }
    }

    pub(super) fn finish(mut self, summary: &Summary, secrets: &SecretSet, context: &mut Context) -> u8 {
        warn_of_short(secrets, context);
        let mut faults: Vec<String> =
            self.fault.take().map(|e| format!("a report cannot be written: {}", system(&e))).into_iter().collect();
        let mut written: Vec<Written> = Vec::new();
        if let Some(info) = &self.info {
            let (spool, again) = (&mut self.spool, &self.again);
            self.reports.whole((info, summary, again), spool, secrets, (&mut written, &mut faults));
        }
        if let Some(events) = self.reports.events.take() {
            match events {
                Lines::Stream(_) => {}
                Lines::File(file) => match file.into_inner().finish(secrets) {
                    Ok(done) => written.push(done),
                    Err(error) => faults.push(error.to_string()),
                },
            }
        }
        if let Some(har) = self.reports.har.take() {
            match har.end() {
                Ok(file) => match file.finish(secrets) {
                    Ok(done) => written.push(done),
                    Err(error) => faults.push(error.to_string()),
                },
                Err(error) => faults.push(format!("a report cannot be written: {error}")),
            }
        }
        let paths: Vec<String> = written
            .iter()
            .filter(|w| w.path.as_os_str() != "-")
            .map(|w| w.path.to_string_lossy().into_owned())
            .collect();
        if !paths.is_empty() && !self.gone {
            let told = self.terminal.wrote(&paths, secrets.len());
            self.note(told);
        }
        for fault in &faults {
            context.complain(&format!("error: {}\n", secrets.mask(fault)));
        }
        match (faults.is_empty(), summary.exit) {
            (false, verdict::ALL_PASSED | verdict::NOTHING) => {
                // The end of the run was told before it was known.
                context.complain(&format!("exit {}, for a report is missing\n", verdict::REPORT));
                verdict::REPORT
            }
            (_, code) => code,
        }
    }
}

/// What is too short to be looked for is masked by its place alone.
fn warn_of_short(secrets: &SecretSet, context: &mut Context) {
    let short: Vec<String> = secrets.too_short().iter().map(|name| format!("`{name}`")).collect();
    if !short.is_empty() {
        let names = crate::term::list(&short, "and");
        context.complain(&format!("warning: under 6 bytes and so masked only where credentials stand: {names}\n"));
    }
}
