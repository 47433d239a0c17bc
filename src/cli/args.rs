//! The arguments, as clap reads them. Help is made from these comments and the table of exit codes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::mutate::Severity;
use crate::spec::parse_duration;
use crate::verdict::EXIT_CODES;

mod cover;
mod demo;
mod single;

use cover::COVER_CODES;
pub use cover::{Bound, CoverArgs};
pub use demo::DemoArgs;
use single::LOGIN_CODES;
pub use single::{LoginArgs, PlaceArgs, TokenArgs, TryArgs, WhoArgs};

/// Proves who gets in and who does not.
///
/// Reads login flows, token life cycles and access rules from YAML, runs them against a server, and
/// says what holds and why not.
#[derive(Debug, Parser)]
#[command(name = "authspec", version, max_term_width = 100, after_help = exit_codes(), subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Colours: `auto` asks the terminal and `NO_COLOR`.
    #[arg(long, global = true, value_enum, default_value_t = ColourChoice::Auto, value_name = "WHEN")]
    pub color: ColourChoice,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run suites and say what holds.
    #[command(after_help = exit_codes())]
    Run(Box<RunArgs>),
    /// Read suites and make the plan: no network, no command, no secret needed.
    Check(CheckArgs),
    /// List cases, identities, or a table of the language.
    List(ListArgs),
    /// Explain a code of an error, a reason or a verdict.
    Explain(ExplainArgs),
    /// Write a project to start from.
    Init(InitArgs),
    /// Send one request, show the whole exchange, and give the case to paste.
    #[command(
        after_help = "Exit codes:\n    0  an answer came\n    2  the command line or a file is faulty\n    3  no answer came, or the login failed\n  130  interrupted"
    )]
    Try(TryArgs),
    /// Log one identity in and show each exchange of it.
    #[command(after_help = LOGIN_CODES)]
    Login(LoginArgs),
    /// Log one identity in and print its credential, for scripts: nothing else is on standard output.
    #[command(after_help = LOGIN_CODES)]
    Token(TokenArgs),
    /// Count which operations of an API document no case has checked, and for whom.
    #[command(after_help = COVER_CODES)]
    Cover(CoverArgs),
    /// Start the embedded demo API and keep it running.
    Demo(DemoArgs),
    /// Print the JSON Schema of suites or project files, for editors.
    Schema(SchemaArgs),
    /// Print what makes a shell complete the commands and options.
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for every command.
    Man(ManArgs),
}

/// When to write colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColourChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which files and cases.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Files {
    /// Files or folders with suites; `-` is standard input. Without one: `specs`, or this folder if it holds `authspec.yaml`.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Cases whose id or name has this text in it, in any case.
    #[arg(short = 'k', long = "keyword", value_name = "TEXT", help_heading = "Selection")]
    pub keywords: Vec<String>,

    /// Cases with this tag; `!TAG` leaves them out.
    #[arg(long = "tag", value_name = "TAG", help_heading = "Selection")]
    pub tags: Vec<String>,

    /// The case with this id; `*` stands for any text.
    #[arg(long = "id", value_name = "ID", help_heading = "Selection")]
    pub ids: Vec<String>,

    /// Cases in which this identity, or `anonymous`, sends a step.
    #[arg(long = "as", value_name = "IDENTITY", help_heading = "Selection")]
    pub callers: Vec<String>,

    /// The environment of the project file to use.
    #[arg(long = "env", value_name = "NAME", help_heading = "Values")]
    pub environment: Option<String>,

    /// Where requests go, whatever the files say: a URL, or `demo`.
    #[arg(long, value_name = "URL", help_heading = "Values")]
    pub target: Option<String>,

    /// A variable, over all that the files say; JSON keeps its type.
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = pair, help_heading = "Values")]
    pub vars: Vec<(String, String)>,
}

/// Arguments of `run`.
#[derive(Debug, ClapArgs)]
pub struct RunArgs {
    /// Which files and cases.
    #[command(flatten)]
    pub files: Files,

    /// Requests in flight at the most.
    #[arg(short, long, value_name = "N", default_value_t = 64, value_parser = count(), help_heading = "Running")]
    pub jobs: u32,

    /// Requests in flight to one host at the most.
    #[arg(long, value_name = "N", value_parser = count(), help_heading = "Running")]
    pub jobs_per_host: Option<u32>,

    /// Start nothing more after the first case that did not pass.
    #[arg(long, help_heading = "Running")]
    pub fail_fast: bool,

    /// Run a failed case again, up to N times; never one that expects a refusal.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Running")]
    pub retry: u32,

    /// Start suites and cases in another order, the same for the same number: whatever depends on the order shows.
    #[arg(long, value_name = "SEED", help_heading = "Running")]
    pub shuffle: Option<u64>,

    /// The time of an exchange whose step says none.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time, help_heading = "Running")]
    pub timeout: Duration,

    /// The time of the whole run.
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Running")]
    pub deadline: Option<Duration>,

    /// How long a deliberate defect may wait for a token to expire where none that is over can be had; other cases go on.
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Running")]
    pub max_wait: Option<Duration>,

    /// The most MiB of a body that are read.
    #[arg(long, value_name = "MIB", default_value_t = 10, value_parser = count(), help_heading = "Running")]
    pub max_body: u32,

    /// Run no command that a file names: `command:` of targets and secrets is a fault.
    #[arg(long, help_heading = "Running")]
    pub no_exec: bool,

    /// Run again whenever a file of the suites changes, until Ctrl-C; then with the code of the last run.
    #[arg(long, conflicts_with = "dry_run", help_heading = "Running")]
    pub watch: bool,

    /// Only the cases that did not pass in an earlier result of `--json`.
    #[arg(long, value_name = "FILE", help_heading = "Selection")]
    pub failed_from: Option<PathBuf>,

    /// Show what would run, and send nothing.
    #[arg(long, help_heading = "Running")]
    pub dry_run: bool,

    /// Refusals that nobody was seen being allowed are inconclusive.
    #[arg(long, help_heading = "Verdict")]
    pub require_proof: bool,

    /// Let a verdict pass that would otherwise end the run with exit code 3.
    #[arg(long, value_enum, value_name = "VERDICT", help_heading = "Verdict")]
    pub tolerate: Vec<Tolerated>,

    /// `flaky`: let cases that passed only after `--retry` fail the run. A severity: of deliberate defects that were not
    /// refused as they have to be, only those at least that severe do; what is milder is shown all the same.
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Verdict")]
    pub fail_on: Vec<FailOn>,

    /// Write JUnit XML; `-` is standard output.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub junit: Option<PathBuf>,

    /// Write results as one JSON document; `-` is standard output.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub json: Option<PathBuf>,

    /// Write every event as a line of JSON; `-` is standard output.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub events: Option<PathBuf>,

    /// Write a summary as Markdown; `-` is standard output. Within GitHub Actions the job's own is found by itself.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub summary: Option<PathBuf>,

    /// Write every exchange, logins too, as an HTTP archive (HAR 1.2); `-` is standard output.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub har: Option<PathBuf>,

    /// Draw whole access matrices, not only the rows in which something is not as expected.
    #[arg(long, value_enum, value_name = "ROWS", help_heading = "Reports")]
    pub matrix: Option<Drawn>,

    /// Say more: a line for each case; twice: every exchange, masked.
    #[arg(short, long, action = ArgAction::Count, help_heading = "Reports")]
    pub verbose: u8,

    /// Say only what did not pass, and the result.
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Reports")]
    pub quiet: bool,
}

/// Which rows of access matrices are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Drawn {
    /// All.
    Full,
}

/// Verdicts that may be tolerated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tolerated {
    /// Cases that ran and would prove nothing.
    Inconclusive,
}

/// What may fail the run, or does so from a severity on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Cases that passed only after `--retry`.
    Flaky,
    /// Every deliberate defect, as without the option.
    Info,
    /// Deliberate defects from this severity on.
    Low,
    /// Deliberate defects from this severity on.
    Medium,
    /// Deliberate defects from this severity on.
    High,
    /// The worst deliberate defects alone.
    Critical,
}

impl FailOn {
    /// The severity that it names.
    pub const fn severity(self) -> Option<Severity> {
        match self {
            Self::Flaky => None,
            Self::Info => Some(Severity::Info),
            Self::Low => Some(Severity::Low),
            Self::Medium => Some(Severity::Medium),
            Self::High => Some(Severity::High),
            Self::Critical => Some(Severity::Critical),
        }
    }
}

/// Arguments of `check`.
#[derive(Debug, ClapArgs)]
pub struct CheckArgs {
    /// Which files and cases.
    #[command(flatten)]
    pub files: Files,
}

/// Arguments of `list`.
#[derive(Debug, ClapArgs)]
pub struct ListArgs {
    /// What to list.
    #[arg(value_enum, default_value_t = Listed::Cases)]
    pub what: Listed,

    /// Which files and cases.
    #[command(flatten)]
    pub files: Files,
}

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Listed {
    /// The cases that would run, by id.
    Cases,
    /// The identities with their schemes.
    Identities,
    /// The flows, with what goes in and what comes out.
    Flows,
    /// The keys of suites and project files, by place.
    Keys,
    /// The kinds of schemes.
    Schemes,
    /// The checks of `expect`.
    Checks,
    /// The operators of checks.
    Operators,
    /// The sources and cuts of `capture`.
    Captures,
    /// The functions of templates.
    Functions,
    /// The report formats.
    Formats,
    /// All codes that `explain` knows.
    Codes,
    /// The rules that say why something failed.
    Rules,
    /// The deliberate defects that `with` takes.
    Mutations,
    /// The packs of mutations.
    Packs,
    /// The weaknesses that the demo can have.
    Weaknesses,
}

/// Arguments of `explain`.
#[derive(Debug, ClapArgs)]
pub struct ExplainArgs {
    /// A code such as `unknown-key`, `unproven` or `blocked`, or an exit code.
    pub code: String,
}

/// Arguments of `init`.
#[derive(Debug, ClapArgs)]
pub struct InitArgs {
    /// The folder to write into, made if it is missing; no file in it is overwritten.
    #[arg(value_name = "DIR", default_value = "specs")]
    pub dir: PathBuf,

    /// Where requests go; without it to the demo API.
    #[arg(long, value_name = "URL", default_value = "demo")]
    pub target: String,

    /// Write an access matrix with a row for each operation of an API document (`OpenAPI` 3.0, 3.1) instead.
    #[arg(long, value_name = "FILE")]
    pub openapi: Option<PathBuf>,

    /// The key of an operation of that document that names the roles that may call it.
    #[arg(long, value_name = "KEY", default_value = crate::cover::ROLES_KEY, requires = "openapi")]
    pub roles_key: String,
}

/// Arguments of `schema`.
#[derive(Debug, ClapArgs)]
pub struct SchemaArgs {
    /// The kind of file.
    #[arg(value_enum, default_value_t = SchemaOf::Suite)]
    pub of: SchemaOf,
}

/// The kinds of files that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// Suites.
    Suite,
    /// `authspec.yaml`.
    Project,
}

/// Arguments of `completions`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  authspec completions bash > ~/.local/share/bash-completion/completions/authspec\n  authspec completions zsh > ~/.zfunc/_authspec\n  authspec completions fish > ~/.config/fish/completions/authspec.fish"
)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, ClapArgs)]
pub struct ManArgs {
    /// Write a page for every command into this folder, made if it is missing.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

fn exit_codes() -> String {
    let mut text = "Exit codes:\n".to_owned();
    for (code, about) in EXIT_CODES {
        text.push_str(&format!("  {code:>3}  {about}\n"));
    }
    text
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    let good = name.chars().enumerate().all(|(i, c)| c == '_' || c.is_alphabetic() || (i > 0 && c.is_alphanumeric()));
    if name.is_empty() || !good {
        return Err(format!("`{name}` is no name; names have letters, digits and `_`"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn time(text: &str) -> Result<Duration, String> {
    parse_duration(text).filter(|d| !d.is_zero()).ok_or_else(|| "write a time with its unit: 500ms, 30s, 2m".to_owned())
}

fn count() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=10_000)
}
