//! A compiled step: a request with its checks and captures, the unit that cases, setups and logins
//! are made of. Everything that can be compiled is; running one renders and sends.
//!
//! To add a key of a step: its row in `spec::STEP_KEYS`, a field here, a line in [`compile`](Compile::step).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::capture::{Capture, read_captures};
use crate::check::{Expectations, StatusSet, read_expect};
use crate::http::{Address, AddressError, Follow, Headers, Request};
use crate::source::{Span, Spanned};
use crate::spec::{self, Data, Defaults, Node, Payload, PayloadKind, Reader, Redirects, Retry, StepSpec};
use crate::template::{Members, Names, Scope, Template, TemplateError};

pub mod diags;
mod tree;

pub use tree::Tree;

/// Numbers the identities of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdentityId(pub u32);

/// Numbers the step lists of a plan, so that schemes can name steps without running them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StepsId(pub u32);

/// Who sends a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// Whoever the case is run as.
    Case,
    /// Nobody: only what the case received or wrote itself travels.
    Nobody,
    /// Nobody, with an empty jar for this step.
    Anonymous,
    /// An identity of the plan.
    Identity(IdentityId),
}

/// A compiled step.
#[derive(Debug)]
pub struct Step {
    /// Where it is written.
    pub span: Span,
    /// Its name.
    pub name: Option<Arc<str>>,
    /// Who sends it.
    pub caller: Caller,
    /// The method.
    pub method: Arc<str>,
    /// The path below the target, or an absolute URL.
    pub target: Template,
    headers: Vec<(Arc<str>, Field)>,
    query: Vec<(Arc<str>, Field)>,
    body: Body,
    cookies: Vec<(Arc<str>, Template)>,
    /// What must come back; never empty.
    pub expect: Expectations,
    /// What is kept.
    pub captures: Vec<Capture>,
    /// What redirects do.
    pub follow: Follow,
    /// The time the exchange may take; the run's own when none is given.
    pub timeout: Option<Duration>,
    /// A wait before it.
    pub pause: Option<Pause>,
    /// Repetition until it holds.
    pub retry: Option<Retry>,
}

/// A wait before a step.
#[derive(Debug)]
pub enum Pause {
    /// For some time.
    For(Duration),
    /// Until a time: seconds since 1970 or RFC 3339.
    Until(Template),
}

#[derive(Debug)]
enum Field {
    /// The values, in order.
    Values(Vec<Template>),
    /// `null`: none, whatever else would add one.
    Removed,
}

#[derive(Debug)]
enum Body {
    None,
    Json(Tree),
    Form(Vec<(Arc<str>, Field)>),
    Text(Template),
    File(Bytes),
}

/// A request ready to be dressed and sent.
#[derive(Debug)]
pub struct Prepared {
    /// The request, without credential and jar.
    pub request: Request,
    /// Cookies for this request only.
    pub cookies: Vec<(String, String)>,
    /// Header fields that the step says must not be there, also not from the scheme.
    pub removed: Vec<Arc<str>>,
}

/// What compiling steps needs beside the reader.
pub struct Compile<'a, 'r> {
    /// Reads nodes.
    pub reader: &'a mut Reader<'r>,
    /// Defaults of the suite and its project.
    pub defaults: &'a Defaults,
    /// Where `{ file: … }` starts from, and the folder it may not leave.
    pub folder: &'a Path,
    /// The folder that files must lie in.
    pub root: &'a Path,
    /// Knows the identities.
    pub callers: &'a mut dyn Callers<'r>,
}

/// Knows the identities that steps may name.
pub trait Callers<'r> {
    /// Finds an identity by name; reports the fault itself when there is none.
    fn find(&mut self, reader: &mut Reader<'r>, name: &Spanned<Arc<str>>) -> Option<IdentityId>;

    /// Adds what a caller brings into scope: `identity.*`, `session.*`, `jar.*`.
    fn names(&self, base: &Arc<Names>, caller: Caller) -> Arc<Names>;
}

impl Compile<'_, '_> {
    /// Compiles a list of steps; what one captures is known to the next.
    pub fn steps(&mut self, specs: &[StepSpec]) -> Vec<Step> {
        specs.iter().filter_map(|spec| self.step(spec)).collect()
    }

    /// Compiles one step. Its captures are added to the reader's names.
    pub fn step(&mut self, spec: &StepSpec) -> Option<Step> {
        let caller = spec.caller.as_ref().map_or(Some(Caller::Case), |name| self.caller(name));
        let base = Arc::clone(&self.reader.names);
        self.reader.names = self.callers.names(&base, caller.unwrap_or(Caller::Nobody));
        let line = &spec.request;
        let target = self.reader.compile_part(&line.target, &line.node, line.target_at);
        let headers = self.headers(spec);
        let query = spec.query.as_ref().map_or_else(Vec::new, |n| self.fields(n));
        let body = spec.payload.as_ref().map_or(Some(Body::None), |p| self.body(p));
        let cookies = spec.cookies.as_ref().map_or_else(Vec::new, |n| self.cookies(n));
        let captures =
            self.with_response(|cx| spec.capture.as_ref().map_or_else(Vec::new, |n| read_captures(n, cx.reader)));
        let with_captures = |names: &Arc<Names>| match spec.capture.as_ref().map(|n| &n.data) {
            // A capture with a fault still has its name, so that later steps do not fail for it too.
            Some(Data::Map(entries)) if !entries.is_empty() => {
                let mut names = (**names).clone();
                entries.iter().for_each(|e| names.add(&e.key));
                Arc::new(names)
            }
            _ => Arc::clone(names),
        };
        self.reader.names = with_captures(&self.reader.names);
        let expect = match &spec.expect {
            Some(node) => self.with_response(|cx| read_expect(node, cx.reader)),
            None => Some(Expectations { checks: Vec::new(), status: None }),
        };
        let pause = match &spec.pause {
            None => None,
            Some(spec::Pause::For(time)) => Some(Pause::For(*time)),
            Some(spec::Pause::Until(node)) => self.reader.template(node).map(Pause::Until),
        };
        self.reader.names = with_captures(&base);
        let follow = match spec.redirects.or(self.defaults.redirects) {
            Some(Redirects::Follow) => Follow::Yes,
            Some(Redirects::None) | None => Follow::No,
        };
        let mut expect = expect?;
        if expect.status.is_none() {
            let below = StatusSet::below_400();
            expect.checks.insert(0, below.placed(line.node.span));
        }
        Some(Step {
            span: line.node.span,
            name: spec.name.clone(),
            caller: caller?,
            method: Arc::clone(&line.method),
            target: target?,
            headers,
            query,
            body: body?,
            cookies,
            expect,
            captures,
            follow,
            timeout: spec.timeout.or(self.defaults.timeout),
            pause,
            retry: spec.retry,
        })
    }

    /// Resolves who sends a step.
    pub fn caller(&mut self, name: &Spanned<Arc<str>>) -> Option<Caller> {
        match &*name.value {
            "anonymous" => Some(Caller::Anonymous),
            _ => self.callers.find(self.reader, name).map(Caller::Identity),
        }
    }

    /// Runs something with `response` in scope.
    fn with_response<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let before = Arc::clone(&self.reader.names);
        let mut names: Names = (*before).clone();
        names.object("response", Members::Any);
        self.reader.names = Arc::new(names);
        let out = run(self);
        self.reader.names = before;
        out
    }

    fn headers(&mut self, spec: &StepSpec) -> Vec<(Arc<str>, Field)> {
        let own = spec.headers.as_ref().map_or_else(Vec::new, |n| self.fields(n));
        let mut all = self.defaults.headers.as_ref().map_or_else(Vec::new, |n| self.fields(n));
        all.retain(|(name, _)| own.iter().all(|(n, _)| !n.eq_ignore_ascii_case(name)));
        all.extend(own);
        let spans: Vec<&Node> = [self.defaults.headers.as_ref(), spec.headers.as_ref()].into_iter().flatten().collect();
        for entry in spans.iter().filter_map(|n| match &n.data {
            Data::Map(entries) => Some(entries),
            _ => None,
        }) {
            for entry in entry {
                let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
                if entry.key.is_empty() || !entry.key.bytes().all(token) {
                    self.reader.fault(diags::header_name(entry.key_span, &entry.key));
                }
            }
        }
        all
    }

    /// A map whose values are scalars, lists of scalars, or null.
    fn fields(&mut self, node: &Node) -> Vec<(Arc<str>, Field)> {
        let Some(map) = self.reader.map(node) else { return Vec::new() };
        map.iter()
            .filter_map(|entry| {
                let field = match &entry.value.data {
                    Data::Null => Field::Removed,
                    Data::List(items) => Field::Values(items.iter().filter_map(|n| self.reader.template(n)).collect()),
                    _ => Field::Values(vec![self.reader.template(&entry.value)?]),
                };
                Some((Arc::clone(&entry.key), field))
            })
            .collect()
    }

    fn cookies(&mut self, node: &Node) -> Vec<(Arc<str>, Template)> {
        let Some(map) = self.reader.map(node) else { return Vec::new() };
        map.iter().filter_map(|e| Some((Arc::clone(&e.key), self.reader.template(&e.value)?))).collect()
    }

    fn body(&mut self, payload: &Payload) -> Option<Body> {
        match payload.kind {
            PayloadKind::Json => Tree::compile(&payload.node, self.reader).map(Body::Json),
            PayloadKind::Form => Some(Body::Form(self.fields(&payload.node))),
            PayloadKind::Body => match &payload.node.data {
                Data::Map(_) => self.file_body(&payload.node),
                _ => self.reader.template(&payload.node).map(Body::Text),
            },
        }
    }

    fn file_body(&mut self, node: &Node) -> Option<Body> {
        let keys = [spec::key("file", "a path from the suite's folder")];
        let fields = self.reader.fields(node, &keys, "`body`")?;
        let path = self.reader.need(fields, node, "file", "`body`").and_then(|n| self.reader.word(n))?;
        match read_file(self.folder, self.root, &path.value) {
            Ok(bytes) => Some(Body::File(bytes)),
            Err(why) => {
                self.reader.fault(diags::file(path.span, &path.value, &why));
                None
            }
        }
    }
}

/// Reads a file that a suite names; it must lie below the project's folder.
pub fn read_file(folder: &Path, root: &Path, path: &str) -> Result<Bytes, String> {
    let full: PathBuf = folder.join(path);
    let whole = std::fs::canonicalize(&full).map_err(|_| "there is no such file".to_owned())?;
    let root = std::fs::canonicalize(root).map_err(|e| e.to_string())?;
    if !whole.starts_with(&root) {
        return Err("it lies outside the project's folder".to_owned());
    }
    if whole.is_dir() {
        return Err("it is a folder".to_owned());
    }
    std::fs::read(&whole).map(Bytes::from).map_err(|_| "it cannot be read".to_owned())
}

impl Step {
    /// Renders the request. `base` is the target that paths are appended to, byte for byte.
    pub fn prepare(&self, scope: &Scope, base: &str) -> Result<Prepared, TemplateError> {
        let target = self.target.render(scope)?;
        let text = if target.starts_with('/') { format!("{}{target}", base.trim_end_matches('/')) } else { target };
        let fault = |e: AddressError| TemplateError { message: e.to_string(), span: self.target.span() };
        let mut address = Address::parse(&text).map_err(fault)?;
        for (name, value) in each(&self.query) {
            address.add_query(name, &value.render(scope)?);
        }
        let mut headers = Headers::default();
        for (name, value) in each(&self.headers) {
            headers.add(&**name, value.render(scope)?.into_bytes());
        }
        let removed: Vec<Arc<str>> =
            self.headers.iter().filter(|(_, f)| matches!(f, Field::Removed)).map(|(n, _)| Arc::clone(n)).collect();
        let body = self.render_body(scope, &mut headers, &removed)?;
        for (name, value) in [("user-agent", concat!("authspec/", env!("CARGO_PKG_VERSION"))), ("accept", "*/*")] {
            if !headers.has(name) && removed.iter().all(|r| !r.eq_ignore_ascii_case(name)) {
                headers.add(name, value);
            }
        }
        let cookies = self
            .cookies
            .iter()
            .map(|(name, value)| Ok((name.to_string(), value.render(scope)?)))
            .collect::<Result<_, TemplateError>>()?;
        let request = Request { method: self.method.to_string(), address, headers, body };
        Ok(Prepared { request, cookies, removed })
    }

    fn render_body(&self, scope: &Scope, headers: &mut Headers, removed: &[Arc<str>]) -> Result<Bytes, TemplateError> {
        let (body, kind): (Bytes, Option<&str>) = match &self.body {
            Body::None => return Ok(Bytes::new()),
            Body::Json(tree) => (tree.value(scope)?.to_string().into(), Some("application/json")),
            Body::Form(fields) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                for (name, value) in each(fields) {
                    form.append_pair(name, &value.render(scope)?);
                }
                (form.finish().into(), Some("application/x-www-form-urlencoded"))
            }
            Body::Text(text) => (text.render(scope)?.into(), Some("text/plain; charset=utf-8")),
            Body::File(bytes) => (bytes.clone(), None),
        };
        if let Some(kind) = kind
            && !headers.has("content-type")
            && removed.iter().all(|r| !r.eq_ignore_ascii_case("content-type"))
        {
            headers.add("content-type", kind);
        }
        Ok(body)
    }

    /// Tells whether a refusal is among what the step asks for: 401 or 403, or `deny`.
    pub fn may_refuse(&self) -> bool {
        self.expect.status.as_ref().is_some_and(StatusSet::may_refuse)
    }

    /// Tells whether the step asks for the same as another: the same method and target, as written.
    pub fn asks_like(&self, other: &Self) -> bool {
        self.method == other.method && self.target.source() == other.target.source()
    }

    /// Tells whether an expression in the body begins with a name.
    pub fn body_uses(&self, name: &str) -> bool {
        match &self.body {
            Body::None | Body::File(_) => false,
            Body::Json(tree) => tree.uses(name),
            Body::Form(fields) => each(fields).any(|(_, t)| t.uses(name)),
            Body::Text(text) => text.uses(name),
        }
    }

    /// The step as its user reads it: `GET /me`, templates not rendered.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target.source())
    }
}

fn each(fields: &[(Arc<str>, Field)]) -> impl Iterator<Item = (&Arc<str>, &Template)> {
    fields.iter().flat_map(|(name, field)| {
        let values: &[Template] = match field {
            Field::Values(values) => values,
            Field::Removed => &[],
        };
        values.iter().map(move |v| (name, v))
    })
}
