//! `authspec run`: plan, run, tell, write, judge.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;

use super::args::{Drawn, FailOn, RunArgs, Tolerated};
use super::context::{Context, Stream};
use super::load::{Loaded, complain, load, nothing};
use super::reports::Reports;
use super::telling::Telling;
use super::{failed, list, signals, watch};
use crate::diag::{Diagnostics, Severity};
use crate::exec::{Keep, OnFailure, Order, RequireProof, RunOptions, Runner, Stopper, Wire, prepare};
use crate::plan::{Commands, Plan, TargetPlan, TargetUrl};
use crate::report::curl::quote;
use crate::report::matrix::Rows;
use crate::report::terminal::{Live, Verbosity};
use crate::report::{Again, Terminal, TerminalOptions};
use crate::secret::{Secret, SecretSet, TextKind};
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
    let secrets_of_run = secrets.clone();
    let mut telling = Telling::new(terminal, reports, secrets, again);
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
