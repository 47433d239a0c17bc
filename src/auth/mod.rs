//! How an identity becomes a credential, and how that credential travels. No I/O: a [`Flow`] says
//! what to do next, and whoever runs the plan does it, so every exchange of a login is a labelled,
//! visible, testable step.
//!
//! To add a scheme: 1. `src/auth/<name>.rs` with a `read` function that gives a [`Scheme`], its flow
//! and signer, with unit tests over hand-made answers. 2. One row in [`SCHEMES`]. 3. An area of the
//! demo that asks for it and a suite in `specs/`. Tests over the table hold names, examples and
//! suites together.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use crate::diag::Diagnostic;
use crate::http::{ClientCertificate, Request, Response};
use crate::jose::{Key as SignKey, sign_bytes};
use crate::mutate::{Bend, Unfit};
use crate::secret::Secret;
use crate::source::{Span, Spanned};
use crate::spec::{AskSpec, Data, Fields, Key, Node, Redirects, SchemeSpec, Shape, StepSpec, Talk, key};
use crate::step::{Compile, Step, StepsId};
use crate::template::{Members, Names, Scope, Template, TemplateError};

mod api_key;
mod aws;
mod basic;
mod bearer;
mod command;
mod credential;
pub mod diags;
mod digest;
mod dpop;
mod fields;
mod form;
mod hmac;
mod login;
mod moves;
mod mtls;
mod oauth2;
mod send;
mod troubles;
mod vary;

pub use credential::Credential;
pub use dpop::{Bound, is_part_of_proof};
pub use fields::field_fault;
use fields::lined;
pub use moves::{Agree, Browser, Ctx, Exchange, Flow, Heard, Move, Opening, PageScript, Program, Refused};
pub use oauth2::{approver, metadata_places};
pub use troubles::Trouble;
pub use vary::{Absent, Varied, texts, vary};

/// A kind of scheme: one word behind `scheme:`.
#[derive(Debug)]
pub struct SchemeKind {
    /// The word.
    pub name: &'static str,
    /// What it is, one sentence.
    pub about: &'static str,
    /// Its own keys; [`COMMON_KEYS`] come on top.
    pub keys: &'static [Key],
    /// The fields an identity must have for it.
    pub needs: &'static [&'static str],
    /// A suite that a test runs: somebody logs in by it and is let in, and nobody else is.
    pub example: &'static str,
    /// What goes wrong with it in practice.
    pub troubles: &'static [Trouble],
    /// Reads its keys; faults go to the reader.
    pub read: fn(Fields<'_>, &Node, &mut ReadScheme<'_, '_, '_>) -> Option<Box<dyn Scheme>>,
}

/// All schemes.
pub const SCHEMES: &[SchemeKind] = &[
    api_key::KIND,
    aws::KIND,
    basic::KIND,
    bearer::KIND,
    command::KIND,
    digest::KIND,
    form::KIND,
    hmac::KIND,
    login::KIND,
    mtls::KIND,
    oauth2::KIND,
];

/// The keys that every scheme has.
pub const COMMON_KEYS: &[Key] = &[
    key("scheme", "the kind of scheme").is(Shape::Text).needed(),
    key("like", "another scheme: its keys, with these over them, one by one; `null` removes one").is(Shape::Text),
    key("signing_key", "the key that the server signs tokens with, `{ file: dev.pem }` or a template; PEM, a JWK or a bare secret. With it tokens are made that are wrong in one claim alone")
        .is(Shape::Either(&[Shape::Text, Shape::Keys(SIGNING_KEYS)])),
    key("whoami", "a step that runs after every login and proves that it worked and is the right person")
        .is(Shape::STEPS),
];

/// The keys of `signing_key` in its long form.
const SIGNING_KEYS: &[Key] = &[key("file", "a path from the file that names it").is(Shape::Text).needed()];

/// The key that a server signs with, for tokens that are wrong in one claim alone.
#[derive(Debug)]
pub enum SigningKey {
    /// Rendered with the identity's session.
    Text(Template),
    /// Read from a file.
    File(Secret),
}

/// What reading a scheme needs.
pub struct ReadScheme<'a, 'c, 'r> {
    /// Compiles steps, with the identity's fields in scope.
    pub compile: &'a mut Compile<'c, 'r>,
    /// Takes finished step lists in.
    pub steps: &'a mut Vec<Vec<Step>>,
    /// The identity's fields by name, with their places.
    pub fields: &'a [(Arc<str>, Span)],
    /// Where the identity stands; none when the scheme is read for its own faults alone.
    pub identity: Option<Span>,
    /// The address of the target, where that is written out.
    pub base: Option<Arc<str>>,
    /// The fields of the identity who approves its login, where another one does ([`approver`]).
    pub approver: Option<Members>,
}

impl ReadScheme<'_, '_, '_> {
    /// Compiles a step or a list of steps, and gives the names they capture.
    fn steps(&mut self, node: &Node) -> Option<(StepsId, Vec<Arc<str>>)> {
        let specs = crate::spec::one_or_more_steps(node, self.compile.reader);
        self.compiled(&specs)
    }

    /// Compiles steps that follow redirects unless they say otherwise, as those through pages do.
    fn following(&mut self, node: &Node) -> Option<(StepsId, Vec<Arc<str>>)> {
        let mut specs = crate::spec::one_or_more_steps(node, self.compile.reader);
        for spec in specs.iter_mut().filter(|s| s.redirects.is_none()) {
            spec.redirects = Some(Redirects::Follow);
        }
        self.compiled(&specs)
    }

    fn compiled(&mut self, specs: &[StepSpec]) -> Option<(StepsId, Vec<Arc<str>>)> {
        if specs.is_empty() {
            return None;
        }
        for spec in specs {
            if let Some(with) = &spec.with {
                self.compile.reader.fault(crate::step::diags::misplaced_with(with.span));
                return None;
            }
            if let AskSpec::Talk(talk) = &spec.ask {
                self.compile.reader.fault(diags::talk_in_scheme(talk.node.span, talk.talk.word()));
                return None;
            }
        }
        let before = Arc::clone(&self.compile.reader.names);
        let steps = self.compile.steps(specs);
        self.compile.reader.names = before;
        let names = steps.iter().flat_map(|s| &s.captures).map(|c| Arc::clone(&c.name)).collect();
        self.steps.push(steps);
        Some((StepsId(u32::try_from(self.steps.len() - 1).unwrap_or(u32::MAX)), names))
    }

    /// Puts the fields of whoever approves the login in the place of `identity.*`.
    fn as_approver<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let Some(fields) = self.approver.clone() else { return run(self) };
        let before = Arc::clone(&self.compile.reader.names);
        let mut names = (*before).clone();
        names.object("identity", fields);
        self.compile.reader.names = Arc::new(names);
        let out = run(self);
        self.compile.reader.names = before;
        out
    }

    /// Puts `session.*` into scope with the given members.
    fn with_session<T>(&mut self, parts: &[Arc<str>], run: impl FnOnce(&mut Self) -> T) -> T {
        let before = Arc::clone(&self.compile.reader.names);
        let mut names = (*before).clone();
        names.object("session", Members::These(parts.iter().map(ToString::to_string).collect()));
        self.compile.reader.names = Arc::new(names);
        let out = run(self);
        self.compile.reader.names = before;
        out
    }
}

/// A scheme with the steps of every identity that uses it.
#[derive(Debug)]
pub struct Login {
    /// The row of the table.
    pub kind: &'static SchemeKind,
    /// Flow and signer.
    pub scheme: Box<dyn Scheme>,
    /// Proves after each login that it worked.
    pub whoami: Option<StepsId>,
    /// What tokens are made with that are wrong in one claim alone.
    pub signing_key: Option<SigningKey>,
}

/// The word for the scheme whose identities are known by nothing but their client certificate.
pub const CERTIFICATE: &str = mtls::NAME;

/// How one kind of login works.
pub trait Scheme: Debug + Send + Sync {
    /// Starts a login.
    fn begin(&self) -> Box<dyn Flow>;

    /// Starts a refresh; `None` when this credential cannot be refreshed.
    fn refresh(&self, _: &Credential) -> Option<Box<dyn Flow>> {
        None
    }

    /// The names of the parts a credential has, for `session.*`.
    fn parts(&self) -> Vec<Arc<str>> {
        Vec::new()
    }

    /// Steps that end the session of whoever runs them.
    fn logout(&self) -> Option<StepsId> {
        None
    }

    /// Steps that rotate the session's credential.
    fn refresh_steps(&self) -> Option<StepsId> {
        None
    }

    /// Tells whether an exchange of its talks carries a proof of a key (RFC 9449), whose parts `vary` reaches.
    fn proves(&self, _exchange: &str) -> bool {
        false
    }

    /// Starts to end a session; `None` when the scheme does not say how.
    fn leave(&self, _: &Credential) -> Option<Box<dyn Flow>> {
        self.logout().map(|steps| Box::new(JustSteps(steps)) as Box<dyn Flow>)
    }

    /// The exchanges that a talk is made of; none when the scheme has no such talk.
    fn exchanges(&self, talk: Talk) -> Exchanges {
        match talk {
            Talk::Login => Exchanges::default(),
            Talk::Refresh => Exchanges::of_steps(self.refresh_steps()),
            Talk::Logout => Exchanges::of_steps(self.logout()),
        }
    }

    /// Whether cookies received at login travel with later requests.
    fn cookies(&self) -> Cookies {
        Cookies::Drop
    }

    /// The CSRF token that unsafe requests of the session carry.
    fn csrf(&self) -> Option<&Csrf> {
        None
    }

    /// Puts the credential on a request.
    fn sign(&self, seal: &Seal<'_>, request: &mut Request) -> Result<(), TemplateError>;

    /// Puts the credential on a request with one thing other than it should be; the nonce is given, where one travels.
    fn bend(&self, _: &Seal<'_>, _: Bend, _nonce: &str, _: &mut Request) -> Result<(), Unfit> {
        Err(Unfit::not_here("the requests of this scheme are not signed"))
    }

    /// Answers what a server asks of whoever sends no credential, with one thing other than it should be; the client's
    /// own nonce is given.
    fn answer(&self, _: &Seal<'_>, _question: &Response, _: Bend, _nonce: &str, _: &mut Request) -> Result<(), Unfit> {
        Err(Unfit::not_here("the server asks nothing before it lets somebody in"))
    }

    /// Starts the talk of one request with a server that asks before it lets anybody in; then it
    /// signs in place of [`Scheme::sign`].
    fn handshake(&self) -> Option<Box<dyn Handshake + '_>> {
        None
    }

    /// The client certificate of the identity's connections; the error is one sentence.
    fn certificate(&self, _: &Scope) -> Option<Result<ClientCertificate, String>> {
        None
    }

    /// Tells whether the credential is made for each request, so that there is none to show on its own.
    fn is_per_request(&self) -> bool {
        self.handshake().is_some()
    }

    /// Tells whether a request of this identity carries the credential only if [`Scheme::sign`] puts
    /// it there. A step that writes such a field itself replaces it.
    fn fields(&self) -> Vec<String>;
}

/// The exchanges of a talk, by which `vary` names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchanges {
    /// Those that the scheme makes.
    pub labels: Vec<&'static str>,
    /// Those of the user's own: each is called by its name, or as the talk is.
    pub steps: Vec<StepsId>,
}

impl Exchanges {
    fn of_steps(steps: Option<StepsId>) -> Self {
        Self { labels: Vec::new(), steps: steps.into_iter().collect() }
    }

    /// Tells whether there is no such talk.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.steps.is_empty()
    }
}

/// A flow that is over when its steps are.
struct JustSteps(StepsId);

impl Flow for JustSteps {
    fn next(&mut self, heard: Heard, _: &Ctx<'_>) -> Move {
        match heard {
            Heard::Start => Move::Steps(self.0),
            Heard::Steps(_) => Move::Ready(Credential::default()),
            Heard::Answer(_) | Heard::Landed(_) | Heard::Waited | Heard::Printed(_) => {
                Move::Refused(Refused::unasked())
            }
        }
    }
}

/// Whether cookies of the login belong to the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookies {
    /// They travel.
    Keep,
    /// Only the credential does.
    Drop,
}

/// What a signer may use.
#[derive(Debug)]
pub struct Seal<'a> {
    /// `identity.*` and `session.*`.
    pub scope: &'a Scope,
    /// The identity's fields, rendered.
    pub identity: &'a [(Arc<str>, String)],
    /// What earlier requests of the session learnt.
    pub memory: &'a Memory,
    /// The time.
    pub now: Timestamp,
}

impl Seal<'_> {
    fn field(&self, name: &str) -> &str {
        self.identity.iter().find(|(n, _)| &**n == name).map_or("", |(_, v)| v)
    }
}

/// One request's talk with a server that answers a challenge with another request. That request is
/// protocol, not a try: it stands in the trace, and the checks see only what came of it.
pub trait Handshake: Send {
    /// Puts on the request what is known to be wanted.
    fn sign(&mut self, seal: &Seal<'_>, request: &mut Request) -> Result<(), TemplateError>;

    /// Hears the answer to the request as it left.
    fn after(&mut self, seal: &Seal<'_>, request: &Request, response: &Response) -> After;
}

/// What comes after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// The answer stands; a sentence is noted in the trail.
    Done(Option<String>),
    /// The request is to be signed and sent again, for this reason.
    Again(String),
}

/// What a session's requests learn from the server and share: nonces, and the key they are for.
#[derive(Debug, Default)]
pub struct Memory {
    /// Free nonce lanes by origin.
    lanes: Mutex<HashMap<String, Vec<digest::Lane>>>,
    /// The key that the session's token is bound to, with the nonces for its proofs.
    bound: Option<Arc<Bound>>,
}

impl Memory {
    /// Begins with what a login gave.
    pub fn of(credential: &Credential) -> Self {
        Self { bound: credential.bound.clone(), ..Self::default() }
    }
}

/// A CSRF token that travels beside the cookies of a session with requests that change something.
#[derive(Debug)]
pub struct Csrf {
    /// Where it comes from.
    pub source: CsrfSource,
    /// The field it travels in.
    pub header: Arc<str>,
}

/// Where a CSRF token comes from.
#[derive(Debug)]
pub enum CsrfSource {
    /// A cookie, URL-decoded.
    Cookie(Arc<str>),
    /// A part of the session.
    Part(&'static str),
}

/// Why a request cannot be signed with a defect.
fn unsigned(error: TemplateError) -> Unfit {
    Unfit::Unavailable { why: error.message, add: Vec::new() }
}

/// A flow that has its credential at once: it is made of the identity's own fields.
struct AtOnce;

impl Flow for AtOnce {
    fn next(&mut self, _: Heard, _: &Ctx<'_>) -> Move {
        Move::Ready(Credential::default())
    }
}

/// Fields that say who somebody is; every other field of an identity counts as secret.
const NAMES: &[&str] =
    &["username", "user", "email", "login", "name", "tenant", "id", "account", "phone", "role", "key_id"];

/// Tells whether a field says who somebody is.
pub fn is_name(field: &str) -> bool {
    NAMES.contains(&field)
}

/// Finds the row of a scheme.
pub fn kind_of(spec: &SchemeSpec) -> Option<&'static SchemeKind> {
    let word = spec.kind.as_ref()?;
    SCHEMES.iter().find(|s| s.name == &*word.value)
}

/// Tells whether a field of an identity takes the place of a key of its scheme. Text does so only where the key
/// takes text (`login: ann` says who somebody is, also where the scheme has a `login` of steps), and never where the
/// scheme itself asks for the person's field.
pub fn is_key(kind: &SchemeKind, scheme: &Node, name: &str, value: &Node) -> bool {
    let Some(key) = COMMON_KEYS.iter().chain(kind.keys).find(|k| k.name == name && name != "scheme") else {
        return false;
    };
    let persons = is_name(name) || kind.needs.contains(&name) || asks_for(scheme, name);
    match value.data {
        Data::Null | Data::Map(_) | Data::List(_) => true,
        Data::Bool(_) | Data::Number(..) | Data::Text(_) => !persons && key.shape.is_none_or(Shape::takes_scalars),
    }
}

/// Tells whether a template in a scheme uses a field of the identity.
fn asks_for(scheme: &Node, field: &str) -> bool {
    match &scheme.data {
        Data::Map(entries) => entries.iter().any(|e| asks_for(&e.value, field)),
        Data::List(items) => items.iter().any(|item| asks_for(item, field)),
        Data::Text(text) => text.split("identity.").skip(1).any(|after| {
            after.strip_prefix(field).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        }),
        Data::Null | Data::Bool(_) | Data::Number(..) => false,
    }
}

/// Tells what is wrong with a field of an identity whose value is written out.
pub fn check_field(scheme: &SchemeSpec, name: &str, text: &str, value: Span) -> Option<Diagnostic> {
    let kind = kind_of(scheme)?;
    let spelling = || hmac::misspelt(&scheme.node, text).filter(|_| kind.name == hmac::KIND.name && name == "key");
    diags::field(kind, name, text, value).or_else(|| spelling().map(|why| diags::misspelt(value, why)))
}

/// Tells what is wrong with a field that is a secret, whole, as far as that shows before it is read.
pub fn check_secret(scheme: &SchemeSpec, name: &str, value: &Node, names: &Names) -> Option<Diagnostic> {
    kind_of(scheme).filter(|kind| kind.needs.contains(&name))?;
    let (secret, from) = lined(value, names)?;
    Some(diags::lined(value.span, &format!("`{name}`"), (&secret, from)))
}

/// Reads a scheme for one identity.
pub fn read(spec: &SchemeSpec, place: Span, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Login> {
    let word = spec.kind.as_ref()?;
    let known: Vec<&str> = SCHEMES.iter().map(|s| s.name).collect();
    let Some(kind) = kind_of(spec) else {
        cx.compile.reader.fault(diags::unknown_scheme(word.span, &word.value, &known));
        return None;
    };
    let keys: Vec<Key> = COMMON_KEYS.iter().chain(kind.keys).copied().collect();
    let fields = cx.compile.reader.fields(&spec.node, &keys, &format!("the scheme `{}`", kind.name))?;
    for need in kind.needs {
        if cx.fields.iter().all(|(n, _)| &**n != *need) {
            let others: Vec<_> = cx.fields.iter().filter(|(n, _)| !kind.needs.contains(&&**n)).collect();
            cx.compile.reader.fault(diags::missing_field(place, need, (kind.name, word.span), &others));
        }
    }
    let scheme = (kind.read)(fields, &spec.node, cx)?;
    let parts = scheme.parts();
    let whoami = match fields.get("whoami") {
        None => None,
        Some(node) => cx.with_session(&parts, |cx| cx.steps(node)).map(|(id, _)| id),
    };
    let signing_key = fields.get("signing_key").and_then(|node| signing_key(node, cx));
    Some(Login { kind, scheme, whoami, signing_key })
}

/// Reads the key that a server signs with.
fn signing_key(node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<SigningKey> {
    if !matches!(node.data, Data::Map(_)) {
        return cx.compile.reader.template(node).map(SigningKey::Text);
    }
    let fields = cx.compile.reader.fields(node, SIGNING_KEYS, "`signing_key`")?;
    let node = cx.compile.reader.need(fields, node, "file", "`signing_key`")?;
    let path = cx.compile.reader.word(node)?;
    let fault = match crate::step::read_file(cx.compile.folder, cx.compile.root, &path.value) {
        Err(why) => crate::step::diags::file(path.span, &path.value, &why),
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let signs = || SignKey::from_text(&text).and_then(|key| sign_bytes(key.usual_algorithm(), b"", &key));
            match SignKey::is_written(&text).then(signs) {
                // A bare secret shows nothing before it is used.
                None | Some(Ok(_)) => return Some(SigningKey::File(text.into())),
                Some(Err(why)) => crate::step::diags::file(path.span, &path.value, &why.to_string()),
            }
        }
    };
    cx.compile.reader.fault(fault);
    None
}

/// Reads a map of one name to one template, as `send: { header: { X-Auth: … } }` has it.
fn pairs(node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Vec<(Arc<str>, Template)> {
    let Some(map) = cx.compile.reader.map(node) else { return Vec::new() };
    map.iter().filter_map(|e| Some((Arc::clone(&e.key), cx.compile.reader.template(&e.value)?))).collect()
}

/// The same where the names are those of header fields.
fn header_pairs(node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Vec<(Arc<str>, Template)> {
    if let Data::Map(entries) = &node.data {
        entries.iter().for_each(|entry| field_name(entry.key_span, &entry.key, cx));
    }
    pairs(node, cx)
}

/// Refuses a name that no header field can have.
fn field_name(span: Span, name: &str, cx: &mut ReadScheme<'_, '_, '_>) {
    if let Some(fault) = crate::step::diags::field_name_fault(span, name) {
        cx.compile.reader.fault(fault);
    }
}

/// The word of a scalar node, for schemes whose keys are plain names.
fn plain(node: Option<&Node>, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Spanned<Arc<str>>> {
    node.and_then(|n| cx.compile.reader.word(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_unique() {
        assert!(SCHEMES.windows(2).all(|w| w[0].name < w[1].name));
    }
}
