//! The report files of a run: opened before it starts, written when it is over.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::args::RunArgs;
use crate::event::{Event, RunInfo, Summary};
use crate::report::events::{EventsWriter, Pace};
use crate::report::file::{FileError, ReportFile, Shape, Written};
use crate::report::har::HarWriter;
use crate::report::json::write_json;
use crate::report::junit::write_junit;
use crate::report::spool::Spool;
use crate::report::summary::write_summary;
use crate::report::{Again, Reporter as _};
use crate::secret::SecretSet;
use crate::term::system;

/// The report files of a run, opened before it starts.
pub(super) struct Reports {
    junit: Option<ReportFile>,
    json: Option<ReportFile>,
    summary: Option<ReportFile>,
    /// The summary of the job that the run is a part of, to which is added.
    job: Option<PathBuf>,
    pub(super) events: Option<Lines>,
    pub(super) har: Option<Box<HarWriter<ReportFile>>>,
}

/// Where event lines go.
pub(super) enum Lines {
    File(Box<EventsWriter<ReportFile>>),
    Stream(EventsWriter<io::Stdout>),
}

impl Lines {
    pub(super) fn event(&mut self, event: &Event) -> io::Result<()> {
        match self {
            Self::File(file) => file.event(event),
            Self::Stream(stream) => stream.event(event),
        }
    }
}

impl Reports {
    pub(super) fn create(args: &RunArgs, job: Option<&String>, secrets: &SecretSet) -> Result<Self, FileError> {
        let open = |path: &Option<PathBuf>, shape: Shape| match path {
            None => Ok(None),
            Some(path) if path.as_os_str() == "-" => ReportFile::to_stream(Box::new(io::stdout()), shape).map(Some),
            Some(path) => ReportFile::create(path, shape).map(Some),
        };
        Ok(Self {
            junit: open(&args.junit, Shape::Xml)?,
            json: open(&args.json, Shape::Json)?,
            summary: open(&args.summary, Shape::Text)?,
            job: job.filter(|_| args.summary.is_none()).map(PathBuf::from),
            events: match &args.events {
                // Somebody reads along: each line leaves at once, masked as it is.
                Some(path) if path.as_os_str() == "-" => {
                    Some(Lines::Stream(EventsWriter::new(io::stdout(), secrets.clone(), Pace::Live)))
                }
                path => open(path, Shape::Json)?
                    .map(|f| Lines::File(Box::new(EventsWriter::new(f, secrets.clone(), Pace::AtEnd)))),
            },
            har: open(&args.har, Shape::Json)?
                .map(|f| HarWriter::new(f, secrets.clone()).map(Box::new))
                .transpose()
                .map_err(|why| FileError::Write { path: args.har.clone().unwrap_or_default(), why })?,
        })
    }

    /// Writes the reports that are made when all is over.
    pub(super) fn whole(
        &mut self,
        (info, summary, again): (&RunInfo, &Summary, &Again),
        spool: &mut Spool,
        secrets: &SecretSet,
        (written, faults): (&mut Vec<Written>, &mut Vec<String>),
    ) {
        let files =
            [(self.junit.take(), Kind::Junit), (self.json.take(), Kind::Json), (self.summary.take(), Kind::Summary)];
        for (file, kind) in files {
            let Some(file) = file else { continue };
            let done = file.write(secrets, |to| match kind {
                Kind::Junit => write_junit(info, summary, spool, again, to),
                Kind::Json => write_json(info, summary, spool, to),
                Kind::Summary => write_summary(info, summary, spool, to),
            });
            match done {
                Ok(done) => written.push(done),
                Err(error) => faults.push(error.to_string()),
            }
        }
        let added = self.job.take().map(|path| add_summary(&path, (info, summary, spool), secrets));
        if let Some(Err(why)) = added {
            faults.push(format!("the summary of the job cannot be written: {}", system(&why)));
        }
    }
}

/// What a report file holds.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Junit,
    Json,
    Summary,
}

/// Adds the summary to what other steps of the job wrote.
fn add_summary(
    path: &Path,
    (info, summary, spool): (&RunInfo, &Summary, &mut Spool),
    secrets: &SecretSet,
) -> io::Result<()> {
    let mut text = Vec::new();
    write_summary(info, summary, spool, &mut text)?;
    let text = secrets.mask(&String::from_utf8_lossy(&text)).into_owned();
    std::fs::OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes())
}
