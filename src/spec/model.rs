//! What the user wrote, with all places; nothing is resolved yet.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::access::AccessSpec;
use super::ask::AskSpec;
use super::outcomes::OutcomeSpec;
use super::rows::Each;
use super::with::{ControlSpec, WithSpec};
use super::yaml::Node;
use crate::demo::Weakness;
use crate::source::{FileId, Span, Spanned};

/// A thing with a name.
#[derive(Debug, Clone)]
pub struct Named<T> {
    /// The name.
    pub name: Arc<str>,
    /// Where the name stands.
    pub span: Span,
    /// The thing.
    pub value: T,
}

/// Finds a thing by name.
pub fn find<'a, T>(items: &'a [Named<T>], name: &str) -> Option<&'a Named<T>> {
    items.iter().find(|i| &*i.name == name)
}

/// One suite file.
#[derive(Debug)]
pub struct Suite {
    /// The file.
    pub file: FileId,
    /// What case ids begin with: the file's path below its project, without ending.
    pub id: String,
    /// The folder that `{ file: … }` paths start from.
    pub folder: PathBuf,
    /// Index of its project file in [`Suites::projects`].
    pub project: Option<usize>,
    /// The name for people.
    pub name: String,
    /// Where the suite begins.
    pub span: Span,
    /// Tags that all its cases have.
    pub tags: Vec<Arc<str>>,
    /// Whether cases run one after another.
    pub serial: bool,
    /// What it adds to or overrides in its project.
    pub shared: Shared,
    /// Steps before the first case.
    pub setup: Vec<StepSpec>,
    /// The cases.
    pub cases: Vec<CaseSpec>,
    /// The matrix.
    pub access: Option<AccessSpec>,
    /// Steps after the last case.
    pub teardown: Vec<StepSpec>,
}

/// One project file.
#[derive(Debug)]
pub struct Project {
    /// The file.
    pub file: FileId,
    /// The folder it stands in.
    pub folder: PathBuf,
    /// What its suites inherit.
    pub shared: Shared,
    /// Overrides picked by `--env`.
    pub environments: Vec<Named<Shared>>,
}

/// Everything that was read.
#[derive(Debug, Default)]
pub struct Suites {
    /// The suites, in the order of their paths.
    pub suites: Vec<Suite>,
    /// The project files they belong to.
    pub projects: Vec<Project>,
    /// The flows that are there for everybody.
    pub ready: Vec<Named<Arc<FlowSpec>>>,
    /// How many files `exclude:` left out.
    pub excluded: usize,
}

/// What a project, an environment and a suite can all say.
#[derive(Debug, Default, Clone)]
pub struct Shared {
    /// Where requests go.
    pub target: Option<TargetSpec>,
    /// Other places that requests go to, by name.
    pub targets: Vec<Named<TargetSpec>>,
    /// Names of targets whose declaration has a fault.
    pub faulty_targets: Vec<Arc<str>>,
    /// Variables.
    pub vars: Vec<Named<Node>>,
    /// Secrets.
    pub secrets: Vec<Named<SecretSpec>>,
    /// Schemes.
    pub auth: Vec<Named<SchemeSpec>>,
    /// Identities.
    pub identities: Vec<Named<IdentitySpec>>,
    /// Flows.
    pub flows: Vec<Named<Arc<FlowSpec>>>,
    /// Names of flows whose declaration has a fault.
    pub faulty_flows: Vec<Arc<str>>,
    /// Names of schemes whose declaration has a fault.
    pub faulty_auth: Vec<Arc<str>>,
    /// Names of identities whose declaration has a fault.
    pub faulty_identities: Vec<Arc<str>>,
    /// Defaults of steps.
    pub defaults: Defaults,
    /// TLS settings.
    pub tls: Option<TlsSpec>,
    /// `env`, or a proxy URL.
    pub proxy: Option<Node>,
    /// Hosts pinned to addresses.
    pub resolve: Vec<Named<Node>>,
    /// Further origins that credentials may go to.
    pub origins: Vec<Node>,
    /// What the words for outcomes mean.
    pub outcomes: Vec<OutcomeSpec>,
    /// Hosts that attacking mutations may be sent to, as globs.
    pub attacks: Vec<Spanned<Arc<str>>>,
    /// Whether mutations that may write or delete data may be sent.
    pub destructive: Option<Spanned<bool>>,
}

/// Where requests go.
#[derive(Debug, Clone)]
pub struct TargetSpec {
    /// The URL's text or `demo`.
    pub url: Node,
    /// The embedded demo, with settings of its own.
    pub demo: Option<DemoSpec>,
    /// The request that tells when it is ready.
    pub ready: Option<Node>,
    /// How long to wait for it.
    pub within: Option<Duration>,
    /// The command that serves it, started by the run: a list of words.
    pub command: Option<Node>,
}

/// How the embedded demo is started.
#[derive(Debug, Clone)]
pub struct DemoSpec {
    /// Whether it serves https, and asks for client certificates.
    pub tls: bool,
    /// The file with the key that signs its tokens.
    pub signing_key: Option<Spanned<Arc<str>>>,
    /// Its deliberate defects.
    pub weak: Vec<&'static Weakness>,
}

/// Where a secret comes from.
#[derive(Debug, Clone)]
pub struct SecretSpec {
    /// The source.
    pub source: SecretSource,
    /// A `JSONPath` that picks the secret out of a JSON text.
    pub json: Option<Node>,
    /// A date after which the secret is of no use.
    pub expires: Option<Spanned<Arc<str>>>,
    /// Where it is declared.
    pub span: Span,
}

/// The kinds of sources of a secret.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// An environment variable.
    Env(Spanned<Arc<str>>),
    /// A file, from the declaring file's folder.
    File(Spanned<Arc<str>>),
    /// The output of a command.
    Command(Vec<Arc<str>>, Span),
}

/// A scheme as written; its row of the scheme table reads the rest.
#[derive(Debug, Clone)]
pub struct SchemeSpec {
    /// The kind of scheme; that of the scheme it is like when it says none.
    pub kind: Option<Spanned<Arc<str>>>,
    /// The scheme whose keys these stand over.
    pub like: Option<Spanned<Arc<str>>>,
    /// The whole map; its place tells schemes apart.
    pub node: Node,
}

/// An identity as written.
#[derive(Debug, Clone)]
pub struct IdentitySpec {
    /// The identity whose fields these stand over.
    pub like: Option<Spanned<Arc<str>>>,
    /// How it logs in; as the identity it is like when it says nothing.
    pub auth: Option<AuthSpec>,
    /// Its role, if it has one.
    pub role: Option<Spanned<Arc<str>>>,
    /// Its other fields; the scheme says which are secret. `null` removes one of the identity it is like.
    pub fields: Vec<Named<Node>>,
}

/// The scheme of an identity.
#[derive(Debug, Clone)]
pub enum AuthSpec {
    /// A scheme of `auth:`.
    Name(Spanned<Arc<str>>),
    /// A scheme written in place.
    Inline(SchemeSpec),
}

/// A flow as written.
#[derive(Debug)]
pub struct FlowSpec {
    /// What may be given to it, each with its default; nothing where it has to be given.
    pub args: Vec<Named<Node>>,
    /// Steps that may be given to it, each with its default; nothing where it has to be given.
    pub takes: Vec<Named<Node>>,
    /// Its steps, at least one.
    pub steps: Vec<StepSpec>,
    /// The names that come out of it.
    pub returns: Vec<Spanned<Arc<str>>>,
}

/// TLS settings as written.
#[derive(Debug, Clone, Default)]
pub struct TlsSpec {
    /// Whether certificates are verified.
    pub verify: Option<Spanned<bool>>,
    /// A file with certificates of authorities, PEM.
    pub ca: Option<Spanned<Arc<str>>>,
    /// A file with a client certificate chain, PEM.
    pub cert: Option<Spanned<Arc<str>>>,
    /// A file with its private key, PEM.
    pub key: Option<Spanned<Arc<str>>>,
}

/// Defaults of a project or suite for all steps.
#[derive(Debug, Default, Clone)]
pub struct Defaults {
    /// The caller.
    pub caller: Option<Spanned<Arc<str>>>,
    /// Headers, a map.
    pub headers: Option<Node>,
    /// What redirects do.
    pub redirects: Option<Redirects>,
    /// The time a step may take.
    pub timeout: Option<Duration>,
}

/// What a step does with a redirect.
#[derive(Debug, Clone)]
pub enum Redirects {
    /// The redirect is the answer.
    None,
    /// Follow it, up to 20 hops.
    Follow,
    /// Follow it up to this address, which is not asked for.
    Until(Node),
}

/// A case as written.
#[derive(Debug, Clone)]
pub struct CaseSpec {
    /// Where it stands.
    pub span: Span,
    /// Its name; from its request when none is given.
    pub name: Spanned<String>,
    /// The callers it expands into; empty when it says none.
    pub callers: Vec<Spanned<Arc<str>>>,
    /// Its own tags.
    pub tags: Vec<Arc<str>>,
    /// Why it is skipped.
    pub skip: Option<Arc<str>>,
    /// That it is expected to fail.
    pub xfail: Option<Xfail>,
    /// Which session it uses.
    pub session: Session,
    /// Variables of its own.
    pub vars: Vec<Named<Node>>,
    /// The rows it is run with, one case each.
    pub each: Option<Each>,
    /// Its steps, at least one.
    pub steps: Vec<StepSpec>,
    /// Steps that run after it, however it ended.
    pub teardown: Vec<StepSpec>,
    /// What proves its refusals, where it says so itself.
    pub control: Option<ControlSpec>,
}

/// That a case is expected to fail.
#[derive(Debug, Clone)]
pub struct Xfail {
    /// Why.
    pub reason: Arc<str>,
    /// The last day on which it may.
    pub until: Option<jiff::civil::Date>,
    /// Where it is said.
    pub span: Span,
}

/// Which session a case uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Session {
    /// A copy of the one session all cases of the identity share.
    #[default]
    Shared,
    /// A login of its own.
    Fresh,
    /// A login of its own, while nobody else uses the identity; its shared session is made anew afterwards.
    Exclusive,
}

/// A step as written.
#[derive(Debug, Clone)]
pub struct StepSpec {
    /// Where it stands.
    pub span: Span,
    /// Its name.
    pub name: Option<Arc<str>>,
    /// Who sends it.
    pub caller: Option<Spanned<Arc<str>>>,
    /// What it asks for.
    pub ask: AskSpec,
    /// Header fields, a map.
    pub headers: Option<Node>,
    /// Query parameters, a map.
    pub query: Option<Node>,
    /// The body.
    pub payload: Option<Payload>,
    /// Cookies for this request only, a map or a template that gives one.
    pub cookies: Option<Node>,
    /// What must come back.
    pub expect: Option<Node>,
    /// What to keep, a map.
    pub capture: Option<Node>,
    /// What redirects do.
    pub redirects: Option<Redirects>,
    /// The time the exchange may take.
    pub timeout: Option<Duration>,
    /// A wait before the step.
    pub pause: Option<Pause>,
    /// Repetition until it holds.
    pub retry: Option<Retry>,
    /// Whether a question of the server is answered.
    pub handshake: Handshake,
    /// Repetition of which every round must hold.
    pub repeat: Option<Repeat>,
    /// How many are sent at once.
    pub together: Option<u32>,
    /// The expression on which it depends.
    pub condition: Option<Node>,
    /// Which credential it is sent with, if it is not the caller's own of now.
    pub credential: Option<Node>,
    /// Whether it is sent with one thing of its caller's session at a time.
    pub alone: Option<Node>,
    /// What has to hold for the case to prove anything: the step itself, or an expression over its answer.
    pub premise: Option<Node>,
    /// The defects it is sent with.
    pub with: Option<WithSpec>,
}

/// A body as written.
#[derive(Debug, Clone)]
pub struct Payload {
    /// How it is spelt.
    pub kind: PayloadKind,
    /// Its value.
    pub node: Node,
}

/// How a body is spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadKind {
    /// JSON.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`.
    Multipart,
    /// Text, or a file's bytes.
    Body,
}

/// A wait before a step.
#[derive(Debug, Clone)]
pub enum Pause {
    /// For some time.
    For(Duration),
    /// Until a time: seconds since 1970 or RFC 3339, after rendering.
    Until(Node),
}

/// Whether a question of the server, such as a Digest challenge, is answered with another request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Handshake {
    /// It is, and only what comes of it is judged.
    #[default]
    On,
    /// The question itself is judged.
    Off,
}

/// Repetition of a step until its expectations hold.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// How often at the most, the first try included.
    pub attempts: u32,
    /// The time between tries.
    pub every: Duration,
}

/// Repetition of a step of which every round must hold.
#[derive(Debug, Clone, Copy)]
pub struct Repeat {
    /// How many rounds.
    pub times: u32,
    /// The time between rounds.
    pub every: Duration,
}
