//! Compiles steps: everything that can be wrong with one before it is sent is found here.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::flow::{Found, Returned};
use super::given::Given;
use super::request::{Body, Cookies, Field, Parts};
use super::{Ask, Caller, IdentityId, Line, Pause, Premise, Redirects, Step, Tree, Vary, diags};
use crate::capture::read_captures;
use crate::check::{Expectations, Outcomes, Placed, StatusSet, read_expect, until};
use crate::diag::Diagnostic;
use crate::files::read_file;
use crate::http::Address;
use crate::source::{Span, Spanned};
use crate::spec::{self, AskSpec, Data, Defaults, Node, Payload, PayloadKind, Reader, StepSpec, TalkSpec, target_name};
use crate::template::{Members, Names, Template};

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
    /// Knows the identities and the flows.
    pub callers: &'a mut dyn Callers<'r>,
    /// Who sends the steps that name nobody.
    pub stand_in: Caller,
    /// The steps that were given to the flow whose steps these are.
    pub given: Arc<Given>,
}

/// Knows the identities and the flows that steps may name.
pub trait Callers<'r> {
    /// Finds an identity by name; reports the fault itself when there is none.
    fn find(&mut self, reader: &mut Reader<'r>, name: &Spanned<Arc<str>>) -> Option<IdentityId>;

    /// Finds a flow by name; reports the fault itself when there is none.
    fn flow(&mut self, reader: &mut Reader<'r>, name: &Spanned<Arc<str>>) -> Option<Found>;

    /// Tells what the words for outcomes mean here, where they mean something of their own.
    fn outcomes(&self) -> Option<Arc<Outcomes>> {
        None
    }

    /// Adds what a caller brings into scope: `identity.*`, `session.*`, `jar.*`.
    fn names(&self, base: &Arc<Names>, caller: Caller) -> Arc<Names>;
}

impl Compile<'_, '_> {
    /// Compiles a list of steps; what one captures is known to the next.
    pub fn steps(&mut self, specs: &[StepSpec]) -> Vec<Step> {
        let mut steps = Vec::with_capacity(specs.len());
        for spec in specs {
            let Some(step) = self.step(spec) else { continue };
            spec.alone.iter().for_each(|node| self.check_alone(&step, &steps, node));
            steps.push(step);
        }
        steps
    }

    /// Compiles one step. What it captures and what a flow gives it are added to the reader's names.
    pub fn step(&mut self, spec: &StepSpec) -> Option<Step> {
        let caller = spec.caller.as_ref().map_or(Some(self.stand_in), |name| self.caller(name));
        let base = Arc::clone(&self.reader.names);
        self.reader.names = self.callers.names(&base, caller.unwrap_or(Caller::Nobody));
        let lent = spec.credential.as_ref().map(|n| self.lent(n, caller.unwrap_or(Caller::Case)).ok_or(())).transpose();
        let condition = self.condition(spec);
        let alone = spec.alone.as_ref().map(|n| self.alone(n, spec, caller.unwrap_or(Caller::Case)).ok_or(()));
        let (mut ask, returned) = self.ask(spec, caller.unwrap_or(Caller::Nobody));
        let redirects = self.redirects(spec);
        let parts = self.parts(spec);
        // What an answer is asked for is seen as whoever got it sees it.
        let whose = match &ask {
            Some(Ask::Use(flow)) => flow.last_caller(),
            Some(Ask::Request(_) | Ask::Submit(_) | Ask::Talk(..)) | None => caller.unwrap_or(Caller::Nobody),
        };
        let mut after = (*base).clone();
        returned.add_to(&mut after);
        self.reader.names = self.callers.names(&Arc::new(after.clone()), whose);
        let captures = self.with_response(spec.span, |cx| {
            spec.capture.as_ref().map_or_else(Vec::new, |n| read_captures(n, cx.reader))
        });
        if let Some(Data::Map(entries)) = spec.capture.as_ref().map(|n| &n.data) {
            // A capture with a fault still has its name, so that later steps do not fail for it too.
            entries.iter().for_each(|e| after.add(&e.key));
        }
        self.reader.names = self.callers.names(&Arc::new(after.clone()), whose);
        let expect = match &spec.expect {
            Some(node) => self.with_response(node.span, |cx| read_expect(node, cx.reader)),
            None => Some(Expectations { checks: Vec::new(), status: None, error: None }),
        };
        let premise = spec.premise.as_ref().map(|node| self.premise(node).ok_or(())).transpose();
        let pause = self.pause(spec, &base, caller);
        spec.name.iter().for_each(|name| after.add_step(name));
        self.reader.names = Arc::new(after);
        let (redirects, mut expect) = (redirects?, expect?);
        let outcomes = self.callers.outcomes();
        outcomes.iter().for_each(|own| expect.checks.iter_mut().for_each(|placed| placed.check.set_outcomes(own)));
        self.add_implied(spec, ask.as_mut(), &redirects, &mut expect);
        Some(Step {
            span: spec.ask.span(),
            name: spec.name.clone(),
            caller: caller?,
            // A flow that is used as anonymous is one visit, unless a step of it says otherwise.
            is_anew: spec.caller.is_some() || !self.given.is_in_flow(),
            ask: ask?,
            parts: parts?,
            expect,
            outcomes,
            captures,
            redirects,
            timeout: spec.timeout.or(self.defaults.timeout),
            pause,
            handshake: spec.handshake,
            retry: spec.retry,
            repeat: spec.repeat,
            together: spec.together,
            condition: condition.ok()?,
            lent: lent.ok()?,
            alone: alone.transpose().ok()?,
            premise: premise.ok()?,
        })
    }

    /// Adds the checks that a step has without saying so.
    fn add_implied(
        &mut self,
        spec: &StepSpec,
        ask: Option<&mut Ask>,
        redirects: &Redirects,
        expect: &mut Expectations,
    ) {
        if let (Some(winners), None) = (expect.checks.iter().find(|c| c.check.counts_winners()), spec.together) {
            self.reader.fault(diags::no_race(winners.span));
        }
        if let Some(fault) = spec.together.and_then(|most| settled_winners(&expect.checks, most)) {
            self.reader.fault(fault);
        }
        if let Some(Ask::Use(flow)) = ask {
            self.check_answer(flow, spec.expect.as_ref(), spec.capture.as_ref());
            flow.leave_open(expect);
            self.check_silence(flow, expect, spec.capture.as_ref());
            return;
        }
        if let Redirects::Until(end) = redirects {
            expect.checks.insert(0, until(end.span()));
        }
        if expect.status.is_none() && expect.error.is_none() {
            let below = StatusSet::below_400();
            expect.checks.insert(0, below.placed(spec.ask.span()));
        }
    }

    fn ask(&mut self, spec: &StepSpec, caller: Caller) -> (Option<Ask>, Returned) {
        let ask = match &spec.ask {
            AskSpec::Request(line) => self
                .reader
                .compile_part(&line.target, &line.node, line.target_at)
                .filter(|target| self.has_target(&line.target, target))
                .map(|target| Ask::Request(Line { method: Arc::clone(&line.method), target })),
            AskSpec::Submit(form) => self.submit(form).map(Ask::Submit),
            AskSpec::Talk(talk) => self.talk(talk),
            AskSpec::Use(using) => {
                if let Some(given) = self.given.get(&using.name.value).cloned() {
                    return (self.given_flow(using, &given, spec, caller).map(Ask::Use), Returned::Names(Vec::new()));
                }
                let (flow, returned) = self.flow(using, caller);
                return (flow.map(Ask::Use), returned);
            }
        };
        (ask, Returned::Names(Vec::new()))
    }

    /// Tells whether the target that an address begins with is declared.
    fn has_target(&mut self, text: &str, target: &Template) -> bool {
        let Some((name, _)) = target_name(text) else { return true };
        let known: Vec<&str> = self.reader.names.members("targets").into_iter().flatten().map(|n| &**n).collect();
        let found = known.contains(&name);
        if !found {
            let at = target.span();
            let written = self.reader.sources.slice(at).find(&format!("{name}:/"));
            let place = written.map_or(at, |i| at.slice(i..i + name.len()));
            self.reader.fault(diags::unknown_target(place, name, &known));
        }
        found
    }

    /// Compiles the wait before a step, which sees nothing of what the step brings.
    fn pause(&mut self, spec: &StepSpec, base: &Arc<Names>, caller: Option<Caller>) -> Option<Pause> {
        match spec.pause.as_ref()? {
            spec::Pause::For(time) => Some(Pause::For(*time)),
            spec::Pause::Until(node) => {
                self.reader.names = self.callers.names(base, caller.unwrap_or(Caller::Nobody));
                self.reader.template(node).map(Pause::Until)
            }
        }
    }

    fn talk(&mut self, spec: &TalkSpec) -> Option<Ask> {
        let mut vary = Vec::new();
        for entry in &spec.vary {
            let (exchange, parameter) = entry.key.split_once('.')?;
            let value = Tree::compile(&entry.value, self.reader)?;
            vary.push(Vary { exchange: exchange.into(), parameter: parameter.into(), value, span: entry.key_span });
        }
        Some(Ask::Talk(spec.talk, vary))
    }

    /// Compiles `if`.
    fn condition(&mut self, spec: &StepSpec) -> Result<Option<Template>, ()> {
        let Some(node) = &spec.condition else { return Ok(None) };
        self.with_response(node.span, |cx| cx.about_credential(node, "refreshes")).map(Some).ok_or(())
    }

    /// Compiles `premise`: `true`, `answered`, or an expression over the answer.
    fn premise(&mut self, node: &Node) -> Option<Premise> {
        match &node.data {
            Data::Bool(true) => Some(Premise::Step),
            Data::Text(text) if text.trim() == "answered" => Some(Premise::Answered),
            Data::Text(_) => self.with_response(node.span, |cx| cx.about_credential(node, "over")).map(Premise::That),
            _ => {
                self.reader.fault(diags::bad_premise(node.span));
                None
            }
        }
    }

    /// Compiles an expression that sees what the step was sent with, too.
    fn about_credential(&mut self, node: &Node, what: &str) -> Option<Template> {
        let mut names = (*self.reader.names).clone();
        names.object("credential", Members::These([what.to_owned()].into()));
        self.reader.names = Arc::new(names);
        self.reader.expression(node)
    }

    fn redirects(&mut self, spec: &StepSpec) -> Option<Redirects> {
        Some(match spec.redirects.as_ref().or(self.defaults.redirects.as_ref()) {
            Some(spec::Redirects::Until(node)) => {
                let end = self.reader.template(node)?;
                if let Some(text) = end.as_literal()
                    && !text.starts_with('/')
                    && target_name(text).is_none()
                    && let Err(why) = Address::parse(text)
                {
                    self.reader.fault(diags::bad_until(node.span, &why.to_string()));
                    return None;
                }
                let text: Arc<str> = end.source().into();
                self.has_target(&text, &end).then_some(Redirects::Until(end))?
            }
            Some(spec::Redirects::Follow) => Redirects::Follow,
            Some(spec::Redirects::None) | None => Redirects::Stay,
        })
    }

    fn parts(&mut self, spec: &StepSpec) -> Option<Parts> {
        let headers = self.headers(spec);
        let query = spec.query.as_ref().map_or_else(Vec::new, |n| self.fields(n));
        let body = spec.payload.as_ref().map_or(Some(Body::None), |p| self.body(p));
        let cookies = spec.cookies.as_ref().map_or_else(|| Some(Cookies::default()), |n| self.cookies(n));
        Some(Parts { headers, query, body: body?, cookies: cookies? })
    }

    /// Resolves who sends a step.
    pub fn caller(&mut self, name: &Spanned<Arc<str>>) -> Option<Caller> {
        match &*name.value {
            "anonymous" => Some(Caller::Anonymous),
            _ => self.callers.find(self.reader, name).map(Caller::Identity),
        }
    }

    /// Runs something with `response` in scope.
    fn with_response<T>(&mut self, place: Span, run: impl FnOnce(&mut Self) -> T) -> T {
        let before = Arc::clone(&self.reader.names);
        let mut names: Names = (*before).clone();
        names.object("response", Members::Any);
        let (folder, root) = self.files_of(place);
        names.set_files(folder, root);
        self.reader.names = Arc::new(names);
        let out = run(self);
        self.reader.names = before;
        out
    }

    fn headers(&mut self, spec: &StepSpec) -> Vec<(Arc<str>, Field)> {
        let own = spec.headers.as_ref().map_or_else(Vec::new, |n| self.fields(n));
        // What a scheme sends has the defaults of its own.
        let of_scheme = matches!(spec.ask, AskSpec::Talk(_));
        let defaults = self.defaults.headers.as_ref().filter(|_| !of_scheme);
        let mut all = defaults.map_or_else(Vec::new, |n| self.fields(n));
        all.retain(|(name, _)| own.iter().all(|(n, _)| !n.eq_ignore_ascii_case(name)));
        all.extend(own);
        let spans: Vec<&Node> = [defaults, spec.headers.as_ref()].into_iter().flatten().collect();
        for entry in spans.iter().filter_map(|n| match &n.data {
            Data::Map(entries) => Some(entries),
            _ => None,
        }) {
            for entry in entry.iter() {
                diags::field_name_fault(entry.key_span, &entry.key).into_iter().for_each(|f| self.reader.fault(f));
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

    fn cookies(&mut self, node: &Node) -> Option<Cookies> {
        if matches!(node.data, Data::Text(_)) {
            return self.reader.template(node).map(Cookies::Whole);
        }
        let map = self.reader.map(node)?;
        let named = map.iter().filter_map(|e| Some((Arc::clone(&e.key), self.reader.template(&e.value)?)));
        Some(Cookies::Named(named.collect()))
    }

    fn body(&mut self, payload: &Payload) -> Option<Body> {
        match payload.kind {
            PayloadKind::Json => Tree::compile(&payload.node, self.reader).map(Body::Json),
            PayloadKind::Form => Some(Body::Form(self.fields(&payload.node))),
            PayloadKind::Multipart => self.multipart(&payload.node).map(Body::Multipart),
            PayloadKind::Body => match &payload.node.data {
                Data::Map(_) => self.file_body(&payload.node),
                _ => self.reader.template(&payload.node).map(Body::Text),
            },
        }
    }

    fn file_body(&mut self, node: &Node) -> Option<Body> {
        let keys = [spec::key("file", "a path from the suite's folder")];
        let fields = self.reader.fields(node, &keys, "`body`")?;
        let path = self.reader.need(fields, node, "file", "`body`")?;
        self.file(path).map(Body::File)
    }

    /// Where paths that stand at a place start from, and the folder they stay in.
    fn files_of(&self, place: Span) -> (&Path, &Path) {
        self.reader.sources.home(place.file).map_or((self.folder, self.root), |home| (home, home))
    }

    /// Reads the file that a node names.
    pub(super) fn file(&mut self, node: &Node) -> Option<Bytes> {
        let path = self.reader.word(node)?;
        let (folder, root) = self.files_of(path.span);
        match read_file(folder, root, &path.value) {
            Ok(bytes) => Some(bytes),
            Err(why) => {
                self.reader.fault(diags::file(path.span, &path.value, &why));
                None
            }
        }
    }
}

/// Finds `winners` that hold whatever comes back, or never do.
fn settled_winners(checks: &[Placed], most: u32) -> Option<Diagnostic> {
    let winners: Vec<&Placed> = checks.iter().filter(|c| c.check.counts_winners()).collect();
    let first = winners.first()?.span;
    let holds = |n: u32| winners.iter().try_fold(true, |all, c| Some(all && c.check.holds_for(n)?));
    let held: Vec<bool> = (0..=most).map(holds).collect::<Option<_>>()?;
    let told = held.iter().all(|h| *h == held[0]);
    told.then(|| diags::settled_race(first, most, held[0]))
}
