//! From suites to a plan: names resolved, cases expanded and numbered, everything compiled that can
//! be. Nothing is sent, no command runs and no secret is needed for it.
//!
//! [`Plan::from_suites`] is the only constructor; whatever is wrong goes to the diagnostics, all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::auth::Login;
use crate::demo::Weakness;
use crate::diag::{Diagnostics, Severity};
use crate::http::TlsSettings;
use crate::source::{SourceMap, Span};
use crate::spec::{SecretSpec, Session, Suites, Xfail};
use crate::step::{Caller, IdentityId, Step, Tree};
use crate::template::Template;

mod access;
mod build;
mod case;
mod columns;
pub mod diags;
mod dotenv;
mod flow;
mod identity;
mod like;
mod losses;
mod offer;
mod select;
mod talk;
mod target;
mod unseen;
mod with;
mod world;

pub use access::{AccessPlan, AccessRow, Cell, Reach};
pub(crate) use case::slug;
pub use columns::Column;
pub use dotenv::read_dotenv;
pub use losses::Losses;
pub use select::Selection;
pub use with::{Asked, Mutant, Wanted};

/// What the command line adds to the files.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// `--env`.
    pub environment: Option<String>,
    /// `--target`.
    pub target: Option<String>,
    /// `--var name=value`.
    pub vars: Vec<(String, String)>,
    /// The process environment.
    pub variables: BTreeMap<String, String>,
    /// What an unset environment variable is: a warning for `check`, an error for `run`.
    pub unset: Severity,
    /// Whether commands of the files may run.
    pub commands: Commands,
    /// Which cases are wanted.
    pub selection: Selection,
    /// The time: a certificate has one.
    pub now: Timestamp,
}

/// Whether the commands that files name may run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Commands {
    /// They run when the run needs them.
    #[default]
    Run,
    /// `--no-exec`: each is a fault.
    Refuse,
}

/// Everything that will run.
#[derive(Debug, Default)]
pub struct Plan {
    /// The suites that have a selected case.
    pub suites: Vec<SuitePlan>,
    /// The selected cases, by suite and place.
    pub cases: Vec<Case>,
    /// The identities that anything uses.
    pub identities: Vec<Identity>,
    /// The flows that suites may use, whether one does or not.
    pub flows: Vec<FlowPlan>,
    /// The flows that are there for everybody.
    pub ready_flows: Vec<FlowPlan>,
    /// Steps of schemes, by [`StepsId`](crate::step::StepsId).
    pub steps: Vec<Vec<Step>>,
    /// What suites and identities run in.
    pub worlds: Vec<World>,
    /// How many cases the selection left out.
    pub filtered_out: usize,
    /// How many files `exclude:` left out.
    pub excluded_files: usize,
    /// How many groups of cases share controls.
    pub groups: usize,
    /// Ids that were asked for and belong to no case.
    pub gone: BTreeSet<String>,
    /// Of a plan without cases: what about the filters fits no case, each a sentence.
    pub missed: Vec<String>,
}

/// A suite of the plan.
#[derive(Debug)]
pub struct SuitePlan {
    /// What its case ids begin with.
    pub id: String,
    /// For people.
    pub name: String,
    /// The shown path of its file.
    pub file: Arc<str>,
    /// Where it begins.
    pub span: Span,
    /// Index of its world.
    pub world: usize,
    /// Whether its cases run one after another.
    pub serial: bool,
    /// Who sends the steps of setup and teardown that name nobody.
    pub caller: Caller,
    /// Before the first case.
    pub setup: Vec<Step>,
    /// After the last case.
    pub teardown: Vec<Step>,
    /// The identities that setup and teardown need.
    pub identities: Vec<IdentityId>,
    /// Its cases; those of the matrix stand behind the others.
    pub cases: std::ops::Range<usize>,
    /// Its matrix.
    pub access: Option<AccessPlan>,
    /// Whether deliberate defects may cost data.
    pub losses: Losses,
}

/// One expanded case: a shape and who runs it.
#[derive(Debug)]
pub struct Case {
    /// The stable id.
    pub id: Arc<str>,
    /// For people.
    pub name: String,
    /// Index of its suite.
    pub suite: usize,
    /// What all expansions of the case share.
    pub shape: Arc<Shape>,
    /// Who runs it.
    pub caller: Caller,
    /// The row it is run with.
    pub row: Option<Arc<RowPlan>>,
    /// Its place in the matrix of its suite.
    pub cell: Option<Cell>,
    /// The defect that one of its steps is sent with.
    pub with: Option<Arc<Mutant>>,
    /// The number of those that share its controls: the defects of one case, caller and row.
    pub group: usize,
    /// How many these are, whichever are run; none in a matrix, where each column has its own.
    pub siblings: usize,
}

impl Case {
    /// Where it is written: its cell, where that is written out.
    pub fn span(&self) -> Span {
        self.cell.as_ref().map_or(self.shape.span, |cell| cell.span)
    }
}

/// What proves the refusals of a case, where it says so itself.
#[derive(Debug)]
pub enum Control {
    /// Nothing.
    Off(Span),
    /// These have to be allowed the same.
    Who(Vec<IdentityId>),
    /// This step has to be allowed before and after.
    Step(Box<Step>),
}

/// A row of a case.
#[derive(Debug)]
pub struct RowPlan {
    /// Its id.
    pub id: Arc<str>,
    /// Its values, `row.*`.
    pub value: Tree,
}

/// What all expansions of a written case share.
#[derive(Debug)]
pub struct Shape {
    /// Where it is written.
    pub span: Span,
    /// Its tags and its suite's.
    pub tags: Vec<Arc<str>>,
    /// Why it is skipped.
    pub skip: Option<Arc<str>>,
    /// That it is expected to fail.
    pub xfail: Option<Xfail>,
    /// Which session it uses.
    pub session: Session,
    /// Variables of its own, each after those it uses.
    pub vars: Vec<Var>,
    /// What it does; never empty.
    pub steps: Vec<Step>,
    /// What is done after it, however it ended.
    pub teardown: Vec<Step>,
    /// The identities it needs beside its caller.
    pub identities: Vec<IdentityId>,
    /// What proves its refusals.
    pub control: Option<Control>,
}

impl Shape {
    /// Tells whether a step waits, or is sent more than once.
    pub fn pauses(&self) -> bool {
        self.steps.iter().any(Step::takes_time)
    }

    /// How long its steps wait at the least, by what is written.
    pub fn waits(&self) -> Duration {
        self.steps.iter().map(Step::waits).sum()
    }
}

/// Somebody who can log in.
#[derive(Debug)]
pub struct Identity {
    /// The name.
    pub name: Arc<str>,
    /// The role, if there is one.
    pub role: Option<Arc<str>>,
    /// Where it is declared.
    pub span: Span,
    /// The world it logs in to.
    pub world: usize,
    /// Its fields.
    pub fields: Vec<IdentityField>,
    /// Those whose sessions its login uses.
    pub needs: Vec<IdentityId>,
    /// The one of these who approves its login on the server's pages.
    pub approver: Option<IdentityId>,
    /// How it logs in.
    pub login: Login,
}

/// A field of an identity.
#[derive(Debug)]
pub struct IdentityField {
    /// Its name.
    pub name: Arc<str>,
    /// Its value.
    pub value: Template,
    /// Whether the value is masked everywhere.
    pub secret: bool,
}

/// A flow as those see it who use it.
#[derive(Debug)]
pub struct FlowPlan {
    /// Its name.
    pub name: Arc<str>,
    /// Where it is declared.
    pub span: Span,
    /// What has to be given.
    pub needs: Vec<Arc<str>>,
    /// What may be given.
    pub takes: Vec<Arc<str>>,
    /// The names that come out of it.
    pub returns: Vec<Arc<str>>,
}

/// What steps run in: target, variables, secrets and connection settings.
#[derive(Debug, Default)]
pub struct World {
    /// Where requests go.
    pub target: Option<TargetPlan>,
    /// Other places that requests go to, by name.
    pub targets: Vec<(Arc<str>, TargetPlan)>,
    /// Variables, each after those it uses.
    pub vars: Vec<Var>,
    /// The folder that `file(…)` reads below.
    pub folder: std::path::PathBuf,
    /// Secrets.
    pub secrets: Vec<SecretPlan>,
    /// The environment that `env.*` reads.
    pub variables: Arc<BTreeMap<String, String>>,
    /// TLS.
    pub tls: TlsSettings,
    /// `env` or a URL.
    pub proxy: Option<Template>,
    /// Hosts pinned to addresses.
    pub resolve: Vec<(Arc<str>, Template)>,
    /// Further origins that credentials may go to.
    pub origins: Vec<Template>,
    /// Hosts that attacking mutations may be sent to, as globs.
    pub attacks: Vec<Arc<str>>,
}

/// A secret, not read yet.
#[derive(Debug)]
pub struct SecretPlan {
    /// Its name.
    pub name: Arc<str>,
    /// Where it is declared.
    pub span: Span,
    /// Where it comes from.
    pub spec: SecretSpec,
    /// The folder that its file starts from and its command runs in.
    pub folder: PathBuf,
    /// The folder of the project, which relative paths do not leave.
    pub root: PathBuf,
}

/// A variable.
#[derive(Debug)]
pub struct Var {
    /// Its name.
    pub name: Arc<str>,
    /// Where it is declared; nowhere, when the command line gives it.
    pub span: Span,
    /// What computes it.
    pub value: Tree,
}

/// Where requests go.
#[derive(Debug)]
pub struct TargetPlan {
    /// The demo, or an address.
    pub url: TargetUrl,
    /// The command that serves it.
    pub command: Option<CommandPlan>,
    /// The step that tells when it is ready.
    pub ready: Option<Step>,
    /// How long to wait for it.
    pub within: Duration,
    /// Where it is declared.
    pub span: Span,
}

/// A command that serves a target.
#[derive(Debug)]
pub struct CommandPlan {
    /// The program and its arguments; never empty.
    pub words: Vec<Template>,
    /// Where it runs.
    pub folder: PathBuf,
    /// Where it is declared.
    pub span: Span,
}

/// How the demo is started; two that are alike are one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DemoPlan {
    /// Whether it serves https, and asks for client certificates.
    pub tls: bool,
    /// The key that signs its tokens, PEM.
    pub signing_key: Option<Arc<str>>,
    /// Its deliberate defects.
    pub weak: Vec<&'static Weakness>,
}

/// The kinds of targets.
#[derive(Debug)]
pub enum TargetUrl {
    /// The embedded demo API, started by the run.
    Demo(DemoPlan),
    /// An address.
    Url(Template),
}

impl Plan {
    /// Makes the plan. It is only worth running when `diags` has no errors.
    pub fn from_suites(suites: &Suites, options: &PlanOptions, sources: &SourceMap, diags: &mut Diagnostics) -> Self {
        build::build(suites, options, sources, diags)
    }

    /// Gives identities with all whose sessions their logins use.
    pub fn with_needs(&self, ids: impl IntoIterator<Item = IdentityId>) -> Vec<IdentityId> {
        let mut all: Vec<IdentityId> = ids.into_iter().collect();
        let mut at = 0;
        while let Some(id) = all.get(at).copied() {
            let needs = self.identities[id.0 as usize].needs.iter().copied();
            let new: Vec<IdentityId> = needs.filter(|need| !all.contains(need)).collect();
            all.extend(new);
            at += 1;
        }
        all
    }

    /// Gives the display name of a caller.
    pub fn caller_name(&self, caller: Caller) -> Option<&str> {
        match caller {
            Caller::Case | Caller::Nobody => None,
            Caller::Anonymous => Some("anonymous"),
            Caller::Identity(id) => self.identities.get(id.0 as usize).map(|i| &*i.name),
        }
    }
}
