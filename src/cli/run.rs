//! `authspec run`: plan, run, tell, write, judge.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::args::{Drawn, FailOn, RunArgs, Tolerated};
use super::context::{Context, Stream};
use super::load::{Loaded, complain, load, nothing};
use super::signals;
use super::{failed, list, watch};
use crate::diag::{Diagnostics, Severity};
use crate::diagnose;
use crate::event::{Event, RunInfo, Summary};
use crate::exec::{Keep, OnFailure, Order, RequireProof, RunOptions, Runner, Stopper, Wire, prepare};
use crate::plan::{Commands, Plan, TargetPlan, TargetUrl};
use crate::report::curl::quote;
use crate::report::events::{EventsWriter, Pace};
use crate::report::file::{FileError, ReportFile, Shape, Written};
use crate::report::har::HarWriter;
use crate::report::json::write_json;
use crate::report::junit::write_junit;
use crate::report::matrix::Rows;
use crate::report::spool::Spool;
use crate::report::summary::write_summary;
use crate::report::terminal::{Live, Verbosity};
use crate::report::{Again, Reporter, Terminal, TerminalOptions};
use crate::secret::{Secret, SecretSet, TextKind};
use crate::term::system;
use crate::verdict::{self, OnFlaky, OnInconclusive, Policy};

/// How long the key has to be that seals tokens: whoever gets hold of the files may try keys for ever.
const KEEP_KEY: usize = 32;

pub(super) fn run(args: RunArgs, mut context: Context) -> u8 {
    if args.watch { watch::run(&args, &mut context) } else { once(&args, &mut context) }
}

/// `--no-exec`.
pub(super) const fn commands(no_exec: bool) -> Commands {
    if no_exec { Commands::Refuse } else { Commands::Run }
}

/// One run, from reading the files to the exit code.
pub(super) fn once(args: &RunArgs, context: &mut Context) -> u8 {
    let read = args.failed_from.as_deref().map(|path| failed::read(path, context)).transpose();
    if let (Ok(Some(ids)), Some(path)) = (&read, &args.failed_from)
        && ids.is_empty()
    {
        context
            .complain(&format!("nothing of {} is left to be run: every case passed or was skipped\n", path.display()));
        return verdict::NOTHING;
    }
    let loaded = match read.and_then(|only| load(&args.files, only, Severity::Error, commands(args.no_exec), context)) {
        Ok(loaded) => loaded,
        Err(message) => {
            context.complain(&format!("error: {message}\n"));
            return verdict::USAGE;
        }
    };
    if loaded.diags.errors() > 0 {
        complain(&loaded.diags, &loaded.sources, &loaded.secrets, context, "; nothing was run");
        return verdict::USAGE;
    }
    complain(&loaded.diags, &loaded.sources, &loaded.secrets, context, "");
    if let Some(gone) = args.failed_from.as_deref().and_then(|path| failed::gone(&loaded.plan, path)) {
        context.complain(&format!("warning: {gone}\n"));
    }
    if loaded.plan.cases.is_empty() {
        return nothing(&loaded, context);
    }
    if let Some(why) = super::outputs::clash(args, &loaded.sources, &context.folder) {
        context.complain(&format!("error: {why}\n"));
        return verdict::USAGE;
    }
    if args.dry_run {
        let text = list::aligned(&list::cases(&loaded.plan));
        let text = loaded.secrets.mask(&text);
        context.say(&format!(
            "{text}{} would run; nothing was sent\n",
            crate::term::plural(loaded.plan.cases.len(), "case")
        ));
        return verdict::ALL_PASSED;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        context.complain("error: the system gives no threads to run on\n");
        return verdict::NOT_JUDGED;
    };
    let code = runtime.block_on(execute(args, loaded, context));
    // Whatever still hangs on a socket ends with the process.
    runtime.shutdown_timeout(Duration::from_millis(100));
    code
}

async fn execute(args: &RunArgs, loaded: Loaded, context: &mut Context) -> u8 {
    let Loaded { plan, sources, secrets, .. } = loaded;
    let mut options = options(args);
    options.keep_key = keep_key(context, &secrets);
    let reports = match Reports::create(args, context.variables.get("GITHUB_STEP_SUMMARY"), &secrets) {
        Ok(reports) => reports,
        Err(error) => {
            context.complain(&format!("error: {error}\n"));
            return verdict::REPORT;
        }
    };
    let mut diags = Diagnostics::default();
    let stopper = Stopper::default();
    tokio::spawn(signals::listen(stopper.clone(), Some(context.err)));
    let prepared = tokio::select! {
        prepared = prepare(&plan, &options, &secrets, &mut diags) => prepared,
        _ = stopper.hurried() => {
            context.complain("interrupted before the first case; nothing was run\n");
            return verdict::INTERRUPTED;
        }
    };
    let end = if diags.errors() > 0 { "; nothing was run" } else { "" };
    complain(&diags, &sources, &secrets, context, end);
    if diags.errors() > 0 {
        return verdict::USAGE;
    }
    let (events, heard) = unbounded_channel();
    let again = again(args, &plan, &secrets);
    let runner = Runner::new(plan, prepared, options, Arc::clone(&sources), secrets.clone(), events, stopper);
    let printed = runner.printed();
    let running = tokio::spawn(runner.run());
    let terminal = Terminal::new(human(args), terminal_options(args, again.clone(), context));
    let spool = Spool::new(secrets.clone());
    let secrets_of_run = secrets.clone();
    let mut telling = Telling { terminal, reports, spool, secrets, again, info: None, gone: false, fault: None };
    telling.listen(heard).await;
    let Ok(summary) = running.await else {
        context.complain("error: the run broke off\n");
        return verdict::NOT_JUDGED;
    };
    let code = telling.finish(&summary, &secrets_of_run, context);
    if summary.exit != verdict::ALL_PASSED {
        context.complain(&printed.text(&secrets_of_run));
    }
    code
}

fn options(args: &RunArgs) -> RunOptions {
    RunOptions {
        jobs: args.jobs as usize,
        per_host: args.jobs_per_host.map(|n| n as usize),
        order: args.shuffle.map_or(Order::Written, Order::Shuffled),
        on_failure: if args.fail_fast { OnFailure::Stop } else { OnFailure::GoOn },
        retries: args.retry,
        timeout: args.timeout,
        deadline: args.deadline,
        max_wait: args.max_wait,
        keep_key: None,
        proof: if args.require_proof { RequireProof::Yes } else { RequireProof::No },
        keep: if args.verbose >= 2 || args.events.is_some() { Keep::Exchanges } else { Keep::Lines },
        wire: if args.har.is_some() { Wire::Told } else { Wire::Untold },
        max_body: args.max_body as usize * 1024 * 1024,
        policy: Policy {
            flaky: if args.fail_on.contains(&FailOn::Flaky) { OnFlaky::Fail } else { OnFlaky::Pass },
            inconclusive: if args.tolerate.contains(&Tolerated::Inconclusive) {
                OnInconclusive::Tolerate
            } else {
                OnInconclusive::Stop
            },
            // Whoever names several means the mildest.
            severity: args.fail_on.iter().filter_map(|on| on.severity()).min(),
        },
    }
}

/// What seals the tokens that are kept between runs.
fn keep_key(context: &mut Context, secrets: &SecretSet) -> Option<Secret> {
    let key = context.variables.get("AUTHSPEC_KEEP_KEY").filter(|key| !key.is_empty())?.clone();
    secrets.declare("AUTHSPEC_KEEP_KEY", &key);
    if key.len() < KEEP_KEY {
        let told = format!(
            "warning: `AUTHSPEC_KEEP_KEY` has fewer than {KEEP_KEY} characters, so no token is kept; `openssl rand -base64 32` makes a good one\n"
        );
        context.complain(&told);
        return None;
    }
    Some(Secret::new(key))
}

fn takes_stdout(args: &RunArgs) -> bool {
    [&args.junit, &args.json, &args.events, &args.summary, &args.har]
        .into_iter()
        .flatten()
        .any(|p| p.as_os_str() == "-")
}

fn human(args: &RunArgs) -> Box<dyn Write + Send> {
    if takes_stdout(args) { Box::new(io::stderr()) } else { Box::new(io::stdout()) }
}

/// The command of this run with what decides where it reads and where it sends.
fn again(args: &RunArgs, plan: &Plan, secrets: &SecretSet) -> Again {
    let mut run = "authspec run".to_owned();
    let mut token = String::new();
    for path in &args.files.paths {
        run.push_str(&format!(" {}", quote(&path.to_string_lossy())));
    }
    let target = args.files.target.as_ref().map(|url| secrets.mask_text(TextKind::Url, url));
    for (flag, value) in [("--env", &args.files.environment), ("--target", &target)] {
        if let Some(value) = value {
            let option = format!(" {flag} {}", quote(value));
            run.push_str(&option);
            token.push_str(&option);
        }
    }
    // Without it the case would pass when run again.
    if args.require_proof {
        run.push_str(" --require-proof");
    }
    // Another demo would know nothing of it.
    let ends = |t: &TargetPlan| matches!(t.url, TargetUrl::Demo(_)) || t.command.is_some();
    let ends = plan.worlds.iter().flat_map(|w| &w.target).any(ends);
    Again { run, token: (!ends).then_some(token) }
}

fn terminal_options(args: &RunArgs, again: Again, context: &Context) -> TerminalOptions {
    let stream: Stream = if takes_stdout(args) { context.err } else { context.out };
    let verbosity = match (args.quiet, args.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        (false, 1) => Verbosity::Verbose,
        (false, _) => Verbosity::VeryVerbose,
    };
    let shown = |p: &Path| p.to_string_lossy().into_owned();
    TerminalOptions {
        colour: stream.colour(),
        glyphs: stream.glyphs(),
        width: stream.width,
        live: if stream.terminal && !args.quiet { Live::Bar } else { Live::Lines },
        verbosity,
        details: args.json.as_deref().filter(|p| p.as_os_str() != "-").map(shown),
        again,
        rows: match args.matrix {
            Some(Drawn::Full) => Rows::All,
            None => Rows::Deviating,
        },
    }
}

/// The report files of a run, opened before it starts.
struct Reports {
    junit: Option<ReportFile>,
    json: Option<ReportFile>,
    summary: Option<ReportFile>,
    /// The summary of the job that the run is a part of, to which is added.
    job: Option<PathBuf>,
    events: Option<Lines>,
    har: Option<Box<HarWriter<ReportFile>>>,
}

/// Where event lines go.
enum Lines {
    File(Box<EventsWriter<ReportFile>>),
    Stream(EventsWriter<io::Stdout>),
}

impl Lines {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match self {
            Self::File(file) => file.event(event),
            Self::Stream(stream) => stream.event(event),
        }
    }
}

impl Reports {
    fn create(args: &RunArgs, job: Option<&String>, secrets: &SecretSet) -> Result<Self, FileError> {
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
}

impl Reports {
    /// Writes the reports that are made when all is over.
    fn whole(
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

/// Hands events to the reporters.
struct Telling {
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
    async fn listen(&mut self, mut heard: UnboundedReceiver<Event>) {
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

    fn finish(mut self, summary: &Summary, secrets: &SecretSet, context: &mut Context) -> u8 {
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
            (false, verdict::ALL_PASSED | verdict::NOTHING) => verdict::REPORT,
            (_, code) => code,
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

/// What is too short to be looked for is masked by its place alone.
fn warn_of_short(secrets: &SecretSet, context: &mut Context) {
    let short: Vec<String> = secrets.too_short().iter().map(|name| format!("`{name}`")).collect();
    if !short.is_empty() {
        let names = crate::term::list(&short, "and");
        context.complain(&format!("warning: under 6 bytes and so masked only where credentials stand: {names}\n"));
    }
}
