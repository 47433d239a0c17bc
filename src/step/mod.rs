//! A compiled step: a request with its checks and captures, the unit that cases, setups and logins
//! are made of. Everything that can be compiled is; running one renders and sends.
//!
//! To add a key of a step: its row in `spec::STEP_KEYS`, a field here, a line in [`compile`](Compile::step).

use std::sync::Arc;
use std::time::Duration;

use crate::capture::Capture;
use crate::check::{Expectations, Outcomes, Stance, StatusSet, Times, Word};
use crate::http::{Address, Request, is_safe};
use crate::source::Span;
use crate::spec::{Handshake, Repeat, Retry, Talk, target_name};
use crate::template::{Scope, Template};

mod alone;
mod compile;
pub mod diags;
mod flow;
mod given;
mod lent;
mod multipart;
mod request;
mod submit;
mod tree;

pub use crate::files::{OUTSIDE, leaves, read_file, read_file_or_absolute};
pub use alone::Alone;
pub use compile::{Callers, Compile};
pub use flow::{Arg, Flow, Found, Giver};
pub use given::{Given, Ground};
pub use lent::{Lent, Which};
use request::Parts;
pub use request::{Prepared, whole};
pub use submit::{Button, Input, LastPage, Submit, Unready};
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
    /// Whether whoever is anonymous begins with it in a browser that is empty.
    pub is_anew: bool,
    /// What it asks for.
    pub ask: Ask,
    parts: Parts,
    /// What must come back; never empty.
    pub expect: Expectations,
    /// What the words for outcomes mean here, where they mean something of their own.
    pub outcomes: Option<Arc<Outcomes>>,
    /// What is kept.
    pub captures: Vec<Capture>,
    /// What redirects do.
    pub redirects: Redirects,
    /// The time the exchange may take; the run's own when none is given.
    pub timeout: Option<Duration>,
    /// A wait before it.
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
    pub condition: Option<Template>,
    /// Which credential it is sent with, if it is not its caller's own of now.
    pub lent: Option<Lent>,
    /// Whether it is sent with one thing of its caller's session at a time.
    pub alone: Option<Alone>,
    /// What has to hold for the case to prove anything.
    pub premise: Option<Premise>,
}

/// What a step asks for.
#[derive(Debug)]
pub enum Ask {
    /// A request in the user's own words.
    Request(Line),
    /// A form of the caller's last page.
    Submit(Submit),
    /// The steps of a flow.
    Use(Flow),
    /// What the caller's scheme does with a session, and what is changed in one exchange of it.
    Talk(Talk, Vec<Vary>),
}

/// One parameter of one exchange that is changed.
#[derive(Debug)]
pub struct Vary {
    /// The exchange, by its label.
    pub exchange: Arc<str>,
    /// The parameter.
    pub parameter: Arc<str>,
    /// What it becomes; `null` removes it.
    pub value: Tree,
    /// Where it is written.
    pub span: Span,
}

/// `METHOD target`.
#[derive(Debug)]
pub struct Line {
    /// The method.
    pub method: Arc<str>,
    /// The path below the target, or an absolute URL.
    pub target: Template,
}

/// What a step does with redirects.
#[derive(Debug)]
pub enum Redirects {
    /// The redirect is the answer.
    Stay,
    /// Follow them.
    Follow,
    /// Follow them up to this address.
    Until(Template),
}

/// What has to hold for a case to prove anything.
#[derive(Debug)]
pub enum Premise {
    /// The step itself.
    Step,
    /// That the server itself answers, and refuses nothing that was over by itself.
    Answered,
    /// An expression over its answer.
    That(Template),
}

/// A wait before a step.
#[derive(Debug)]
pub enum Pause {
    /// For some time.
    For(Duration),
    /// Until a time: seconds since 1970 or RFC 3339.
    Until(Template),
}

impl Step {
    /// Tells whether it asks for a talk in which a parameter is changed that is of this kind.
    pub fn varies(&self, is_it: impl Fn(&str) -> bool) -> bool {
        matches!(&self.ask, Ask::Talk(_, vary) if vary.iter().any(|vary| is_it(&vary.parameter)))
    }

    /// Tells whether a header field of that name is written, by itself or by the defaults.
    pub fn writes(&self, name: &str) -> bool {
        let mut headers = self.parts.headers.iter();
        headers.any(|(own, field)| own.eq_ignore_ascii_case(name) && !matches!(field, request::Field::Removed))
    }

    /// A step that stands for a request which a flow made: it expects nothing by itself.
    pub fn made(span: Span, label: &str, request: &Request) -> Self {
        let target = Template::literal(request.address.to_string(), span);
        Self {
            span,
            name: Some(label.into()),
            caller: Caller::Nobody,
            is_anew: true,
            ask: Ask::Request(Line { method: request.method.as_str().into(), target }),
            parts: Parts::default(),
            expect: Expectations { checks: Vec::new(), status: None, error: None },
            outcomes: None,
            captures: Vec::new(),
            redirects: Redirects::Stay,
            timeout: None,
            pause: None,
            retry: None,
            handshake: Handshake::On,
            repeat: None,
            together: None,
            condition: None,
            lent: None,
            alone: None,
            premise: None,
        }
    }

    /// A step that stands for a page which a flow asks for: it must answer below 400.
    pub fn page(span: Span, label: &str, request: &Request) -> Self {
        let mut step = Self::made(span, label, request);
        step.expect.checks.push(StatusSet::below_400().placed(span));
        step.redirects = Redirects::Follow;
        step
    }

    /// Tells whether it compares its answer with that of a step.
    pub fn compares_with(&self, name: &str) -> bool {
        let own = self.expect.checks.iter().any(|placed| placed.check.looks_at(name));
        own || self.within().iter().any(|step| step.compares_with(name))
    }

    /// How its times are to be compared with those of an earlier step, and where that is written.
    pub fn times(&self) -> Option<(&Times, Span)> {
        self.expect.checks.iter().find_map(|placed| Some((placed.check.times()?, placed.span)))
    }

    /// The step that is asked the same as the one whose answer its own has to be like, and where that is written.
    pub fn again(&self) -> Option<(&str, Span)> {
        self.expect.checks.iter().find_map(|placed| Some((placed.check.again()?, placed.span)))
    }

    /// Tells whether it is sent with the credential of then, when a step was over.
    pub fn goes_back_to(&self, name: &str) -> bool {
        let own = matches!(&self.lent, Some(Lent { which: Which::After(step), .. }) if **step == *name);
        own || self.within().iter().any(|step| step.goes_back_to(name))
    }

    /// The steps that send something: itself, or those of the flow that it uses.
    pub fn sending(&self) -> Vec<&Self> {
        match &self.ask {
            Ask::Use(flow) => flow.steps.iter().flat_map(Self::sending).collect(),
            Ask::Request(_) | Ask::Submit(_) | Ask::Talk(..) => vec![self],
        }
    }

    /// Tells whether a refusal is among what the step asks for: 401 or 403, or `deny`.
    pub fn may_refuse(&self) -> bool {
        self.expect.status.as_ref().is_some_and(StatusSet::may_refuse) || self.within().iter().any(Self::may_refuse)
    }

    /// The names that are known after it.
    pub fn gives(&self) -> Vec<&str> {
        let returned = match &self.ask {
            Ask::Use(flow) => flow.returns.iter().map(|name| &**name).collect(),
            Ask::Request(_) | Ask::Submit(_) | Ask::Talk(..) => Vec::new(),
        };
        self.captures.iter().map(|c| &*c.name).chain(returned).collect()
    }

    /// The word for an outcome that it expects, where that means something of its own for somebody.
    pub fn own_word(&self, stance: Stance) -> Option<Word> {
        self.expect.checks.iter().find_map(|placed| placed.check.own_word(stance))
    }

    /// The steps of the flow that it uses.
    fn within(&self) -> &[Self] {
        match &self.ask {
            Ask::Use(flow) => &flow.steps,
            Ask::Request(_) | Ask::Submit(_) | Ask::Talk(..) => &[],
        }
    }

    /// Tells whether the step asks for the same as another: the same method and target, as written.
    pub fn asks_like(&self, other: &Self) -> bool {
        match (&self.ask, &other.ask) {
            (Ask::Request(own), Ask::Request(other)) => {
                own.method == other.method && own.target.source() == other.target.source()
            }
            (Ask::Submit(own), Ask::Submit(other)) => own.line() == other.line(),
            (Ask::Request(_) | Ask::Submit(_) | Ask::Talk(..) | Ask::Use(_), _) => false,
        }
    }

    /// The value of a parameter of the body that is written out.
    pub fn constant(&self, name: &str) -> Option<serde_json::Value> {
        self.parts.constant(name)
    }

    /// Tells whether an expression in the body begins with a name.
    pub fn body_uses(&self, name: &str) -> bool {
        let filled = match &self.ask {
            Ask::Request(_) | Ask::Use(_) => false,
            Ask::Submit(form) => form.uses(name),
            Ask::Talk(_, vary) => vary.iter().any(|v| v.value.uses(name)),
        };
        filled || self.parts.body_uses(name)
    }

    /// The address it is sent to, where an absolute one or that of a named target is written out.
    pub fn fixed_address(&self, scope: &Scope) -> Option<Address> {
        match &self.ask {
            Ask::Request(line) => {
                let source = line.target.source();
                let text = line.target.as_literal().map(ToString::to_string);
                let named = || target_name(&source).map(|(name, _)| format!("{name}:/"));
                text.or_else(named).and_then(|t| Address::parse(&whole(t, scope, "")).ok())
            }
            Ask::Submit(_) | Ask::Talk(..) | Ask::Use(_) => None,
        }
    }

    /// The entry of `targets:` that it names.
    pub fn target_name(&self) -> Option<String> {
        match &self.ask {
            Ask::Request(line) => target_name(&line.target.source()).map(|(name, _)| name.to_owned()),
            Ask::Submit(_) | Ask::Use(_) | Ask::Talk(..) => None,
        }
    }

    /// Tells whether its method only looks (RFC 9110, section 9.2.1).
    pub fn is_safe(&self) -> bool {
        match &self.ask {
            Ask::Request(line) => is_safe(&line.method),
            Ask::Submit(_) | Ask::Talk(..) | Ask::Use(_) => false,
        }
    }

    /// Tells whether it can be sent once more without harm or delay.
    pub fn is_repeatable(&self) -> bool {
        let safe = self.is_safe();
        let at_once = self.lent.is_none()
            && self.alone.is_none()
            && self.pause.is_none()
            && self.retry.is_none()
            && self.repeat.is_none();
        safe && at_once && self.together.is_none() && self.condition.is_none()
    }

    /// Tells whether it takes its time: it waits, or is sent more than once. What would renew a session
    /// meanwhile would change what the step is about.
    pub fn takes_time(&self) -> bool {
        let itself = self.pause.is_some() || self.retry.is_some() || self.repeat.is_some() || self.together.is_some();
        itself || self.within().iter().any(Self::takes_time)
    }

    /// How long it waits at the least, by what is written.
    pub fn waits(&self) -> Duration {
        let own = match self.pause {
            Some(Pause::For(time)) => time,
            Some(Pause::Until(_)) | None => Duration::ZERO,
        };
        own + self.within().iter().map(Self::waits).sum::<Duration>()
    }

    /// The step as its user reads it: `GET /me`, templates not rendered.
    pub fn line(&self) -> String {
        match &self.ask {
            Ask::Request(line) => format!("{} {}", line.method, line.target.source()),
            Ask::Submit(form) => form.line(),
            Ask::Use(flow) => format!("use {}", flow.name),
            Ask::Talk(talk, _) => talk.word().to_owned(),
        }
    }
}
