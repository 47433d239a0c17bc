//! What a step asks for, as written: exactly one of the keys `request`, `submit` and `use`. In place of a request line
//! may stand `login`, `refresh` or `logout`: what the caller's scheme does.
//!
//! To add a way of asking: a variant of [`AskSpec`] with what is written, an arm in [`ask`], and one
//! in each match over it.

use std::sync::Arc;

use super::diags;
use super::flow::use_of;
use super::reader::{Fields, Key, Reader, key};
use super::shape::Shape;
use super::yaml::{Data, Entry, Node};
use crate::http::is_token;
use crate::source::{Span, Spanned};

/// What a step asks for.
#[derive(Debug, Clone)]
pub enum AskSpec {
    /// A request in the user's own words.
    Request(RequestSpec),
    /// A form of the caller's last page.
    Submit(SubmitSpec),
    /// The steps of a flow.
    Use(UseSpec),
    /// What the caller's scheme does to get, renew or end a session.
    Talk(TalkSpec),
}

/// The keys that say what a step asks for; it has one of them.
pub const ASKS: &[&str] = &["request", "submit", "use"];

/// A flow to run, as written.
#[derive(Debug, Clone)]
pub struct UseSpec {
    /// The flow's name.
    pub name: Spanned<Arc<str>>,
    /// What is given to it.
    pub args: Vec<Entry>,
}

/// `login`, `refresh` or `logout`, as written.
#[derive(Debug, Clone)]
pub struct TalkSpec {
    /// Which.
    pub talk: Talk,
    /// Where it is written.
    pub node: Node,
    /// `exchange.parameter` with its value: what is changed, all of one exchange.
    pub vary: Vec<Entry>,
}

/// What a scheme does with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Talk {
    /// Makes one.
    Login,
    /// Renews its credential.
    Refresh,
    /// Ends it.
    Logout,
}

impl Talk {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Refresh => "refresh",
            Self::Logout => "logout",
        }
    }

    fn of(word: &str) -> Option<Self> {
        [Self::Login, Self::Refresh, Self::Logout].into_iter().find(|t| t.word() == word)
    }
}

/// A form to fill and send, as written.
#[derive(Debug, Clone)]
pub struct SubmitSpec {
    /// The whole value.
    pub node: Node,
    /// A CSS selector of the form.
    pub form: Option<Node>,
    /// What goes into its fields.
    pub fields: Vec<Entry>,
    /// The button that is pressed.
    pub button: Option<Node>,
}

/// The keys of `submit`.
pub const SUBMIT_KEYS: &[Key] = &[
    key("form", "a CSS selector of the form; not needed when the page has only one").is(Shape::Text),
    key("fields", "what is filled in, by the names of the inputs; `null` drops an input, `true` and `false` tick and clear a box, a list gives several values")
        .is(Shape::FIELDS),
    key("button", "the button that is pressed: what it says, `{ name, value }`, or `none`; needed when there are several")
        .is(Shape::Either(&[Shape::Text, Shape::Keys(BUTTON_KEYS)])),
];

/// The keys of a button that is told by what it sends.
pub const BUTTON_KEYS: &[Key] = &[
    key("name", "the button's name").is(Shape::Text).needed(),
    key("value", "its value, if several have the name").is(Shape::Text),
];

/// `METHOD target` as written.
#[derive(Debug, Clone)]
pub struct RequestSpec {
    /// The method, a token.
    pub method: Arc<str>,
    /// The target's text.
    pub target: Arc<str>,
    /// The node that both stand in.
    pub node: Node,
    /// Where the target begins within the node's text.
    pub target_at: usize,
}

impl AskSpec {
    /// Stands in for what could not be read, so that the rest of the step is.
    pub(super) fn placeholder(node: &Node) -> Self {
        Self::Request(RequestSpec { method: "GET".into(), target: "/".into(), node: node.clone(), target_at: 0 })
    }

    /// Where it is written.
    pub const fn span(&self) -> Span {
        match self {
            Self::Request(line) => line.node.span,
            Self::Submit(form) => form.node.span,
            Self::Use(flow) => flow.name.span,
            Self::Talk(talk) => talk.node.span,
        }
    }

    /// What it is called when its step or case has no name.
    pub fn title(&self) -> String {
        match self {
            Self::Request(line) => format!("{} {}", line.method, line.target),
            Self::Submit(form) => form.title(),
            Self::Use(flow) => flow.name.value.to_string(),
            Self::Talk(talk) => match &talk.vary[..] {
                [] => talk.talk.word().to_owned(),
                [entry, ..] => format!("{} with another {}", talk.talk.word(), entry.key),
            },
        }
    }
}

/// Reads what a step asks for.
pub(super) fn ask(fields: Fields<'_>, node: &Node, reader: &mut Reader<'_>) -> Option<AskSpec> {
    let mut found = ASKS.iter().filter_map(|name| fields.entry(name));
    let Some(first) = found.next() else {
        reader.need(fields, node, "request", "a step")?;
        return None;
    };
    for other in found {
        reader.fault(diags::one_ask((&first.key, first.key_span), (&other.key, other.key_span)));
    }
    let ask = match &*first.key {
        "submit" => submit(&first.value, reader).map(AskSpec::Submit),
        "use" => use_of(fields, &first.value, reader).map(AskSpec::Use),
        _ => {
            if let Some(talk) = talk_of(&first.value) {
                own_talk(fields, &first.value, talk, reader).map(AskSpec::Talk)
            } else {
                request(&first.value, reader).map(AskSpec::Request)
            }
        }
    };
    // A request with a fault of its own may be a talk whose `vary` cannot be read.
    let written_out = ask.as_ref().is_some_and(|ask| !matches!(ask, AskSpec::Talk(_) | AskSpec::Use(_)));
    if let (Some(vary), true) = (fields.entry("vary"), written_out) {
        reader.fault(diags::vary_alone(vary.key_span, first.value.span));
    }
    ask
}

/// What a step that says `login`, `refresh` or `logout` may not say: the scheme says it.
const SAID_BY_SCHEME: &[&str] =
    &["headers", "query", "json", "form", "multipart", "body", "cookies", "redirects", "together"];

/// Reads what stands beside `login`, `refresh` or `logout`: at most one parameter that is changed.
fn own_talk(fields: Fields<'_>, node: &Node, talk: Talk, reader: &mut Reader<'_>) -> Option<TalkSpec> {
    let request = fields.entry("request").map_or(Span::NONE, |e| e.key_span);
    let said = |e: &&Entry| match (&*e.key, talk) {
        // What a browser has when it begins, a token that comes twice at the same moment, and another way to send one are
        // the case's to say.
        ("cookies", Talk::Login) | ("together" | "headers", Talk::Refresh) => false,
        (name, _) => SAID_BY_SCHEME.contains(&name),
    };
    for entry in fields.iter().filter(said) {
        let why = format!("what a {} sends is said by the scheme; `vary` changes one parameter of it", talk.word());
        reader.fault(diags::at_odds(("request", request), (&entry.key, entry.key_span), &why));
    }
    if let (Some(together), Some(vary)) = (fields.entry("together"), fields.entry("vary")) {
        let why = "a race and a parameter that is changed are two tests";
        reader.fault(diags::at_odds(("together", together.key_span), ("vary", vary.key_span), why));
    }
    let spec = TalkSpec { talk, node: node.clone(), vary: Vec::new() };
    let Some(node) = fields.get("vary") else { return Some(spec) };
    let vary: Vec<Entry> = reader.map(node)?.iter().cloned().collect();
    if let Some(entry) = vary.iter().find(|entry| !entry.key.contains('.')) {
        let sentence = format!("`{}` names no parameter of an exchange", entry.key);
        let fault = diags::bad_value(entry.key_span, sentence).label("no `.`");
        let (word, key) = (talk.word(), &entry.key);
        let of_oauth2 = match talk {
            Talk::Login => format!("; with `oauth2` it is `token.{key}`"),
            Talk::Refresh => String::new(),
            Talk::Logout => format!("; with `oauth2` it is `revoke.{key}`"),
        };
        let help = format!("write `{word}.{key}`: the exchange, a dot, the parameter{of_oauth2}");
        reader.fault(fault.help(help));
        return None;
    }
    let exchange = |entry: &Entry| entry.key.split('.').next().map(ToOwned::to_owned);
    if vary.is_empty() || vary.iter().any(|entry| exchange(entry) != exchange(&vary[0])) {
        let sentence = "`vary` changes what belongs together in one exchange: a refusal of changes here and there would say nothing about any of them";
        reader.fault(diags::bad_value(node.span, sentence).label("one exchange").help("write one case for each"));
        return None;
    }
    Some(TalkSpec { vary, ..spec })
}

/// Reads what `request` says: a line, or what the caller's scheme does.
pub(super) fn line(node: &Node, reader: &mut Reader<'_>) -> Option<AskSpec> {
    match talk_of(node) {
        Some(talk) => Some(AskSpec::Talk(TalkSpec { talk, node: node.clone(), vary: Vec::new() })),
        None => request(node, reader).map(AskSpec::Request),
    }
}

fn talk_of(node: &Node) -> Option<Talk> {
    match &node.data {
        Data::Text(text) => Talk::of(text.trim()),
        _ => None,
    }
}

impl SubmitSpec {
    fn title(&self) -> String {
        let word = |node: &Node| match &node.data {
            Data::Text(text) => Some(text.to_string()),
            _ => None,
        };
        let button = self.button.as_ref().and_then(word).filter(|b| b != "none");
        match self.form.as_ref().and_then(word).or(button) {
            Some(what) => format!("submit {what}"),
            None => "submit the form".to_owned(),
        }
    }
}

/// Reads `submit`.
pub fn submit(node: &Node, reader: &mut Reader<'_>) -> Option<SubmitSpec> {
    let keys = reader.fields(node, SUBMIT_KEYS, "`submit`")?;
    let form = keys.get("form");
    if let Some(selector) = form.and_then(|n| reader.word(n))
        && let Err(why) = crate::page::read_selector(&selector.value)
        && !selector.value.contains("{{")
    {
        reader.fault(diags::bad_value(selector.span, why).label("not a selector"));
        return None;
    }
    let fields = match keys.get("fields") {
        None => Vec::new(),
        Some(node) => reader.map(node)?.iter().cloned().collect(),
    };
    let button = keys.get("button");
    if let Some(node) = button.filter(|n| matches!(n.data, Data::Map(_))) {
        let own = reader.fields(node, BUTTON_KEYS, "`button`")?;
        reader.need(own, node, "name", "`button`")?;
    }
    Some(SubmitSpec { node: node.clone(), form: form.cloned(), fields, button: button.cloned() })
}

/// What `request` of a step looks like.
pub(super) const ASKED: &str =
    r"^\s*((login|refresh|logout)\s*$|[A-Z0-9!#$%&'*+.^_`|~-]+\s+(/|\{[{%]|[\w.-]+:/|\S*://))";

/// What a request line looks like.
pub(super) const REQUEST: &str = r"^\s*[A-Z0-9!#$%&'*+.^_`|~-]+\s+(/|\{[{%]|[\w.-]+:/|\S*://)";

/// Gives the name in `name:/path`, which is one of `targets:`, and what follows the colon.
pub fn target_name(text: &str) -> Option<(&str, &str)> {
    let (name, path) = text.split_once(':')?;
    let good = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
    (good && path.starts_with('/') && !path.starts_with("//")).then_some((name, path))
}

fn starts_well(target: &str) -> bool {
    let begins = target.starts_with('/') || target.starts_with("{{") || target.contains("://");
    begins || target_name(target).is_some()
}

/// Reads the address of a page that is asked for with GET.
pub(super) fn page(node: &Node, reader: &mut Reader<'_>) -> Option<RequestSpec> {
    let target = reader.word(node)?.value;
    if !starts_well(&target) {
        reader.fault(
            diags::bad_value(node.span, "a page is a path from `/`, `name:/path` or an absolute URL").label("no `/`"),
        );
        return None;
    }
    Some(RequestSpec { method: "GET".into(), target, node: node.clone(), target_at: 0 })
}

/// Reads `METHOD target`.
pub(super) fn request(node: &Node, reader: &mut Reader<'_>) -> Option<RequestSpec> {
    let text = reader.word(node)?.value;
    let line = text.trim_end();
    let (method, rest) = line.split_once(' ').unwrap_or((line, ""));
    let target = rest.trim_start();
    let upper = method.to_ascii_uppercase();
    if target.is_empty() {
        let looks_like_target = method.starts_with('/') || method.contains("://");
        let fault = diags::bad_request(node.span, "a request is `METHOD target`");
        let near = crate::term::did_you_mean(method, ["login", "refresh", "logout"]);
        reader.fault(if let Some(near) = near.filter(|_| !looks_like_target) {
            fault.label("no target").fix(
                node.span,
                near,
                format!("did you mean `{near}`, which the caller's scheme says how to do?"),
            )
        } else if looks_like_target {
            fault.label("no method").fix(node.span, format!("GET {method}"), "is this meant?")
        } else {
            fault.label("no target").help("write for example `GET /me`")
        });
        return None;
    }
    if !is_token(method) || method != upper {
        let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "QUERY"];
        let fault =
            diags::bad_request(node.span, format!("`{method}` is not a method; methods are written in capitals"));
        let fixed = known.contains(&upper.as_str()).then(|| format!("{upper} {target}"));
        reader.fault(match fixed {
            Some(fixed) => fault.label("here").fix(node.span, fixed, "write"),
            None => fault.label("not a method"),
        });
        return None;
    }
    let target_at = text.len() - text.trim_start().len() + line.trim_start().len() - target.len();
    if let Some(fault) = bad_target(method, target, node.span) {
        reader.fault(fault);
        return None;
    }
    Some(RequestSpec { method: method.into(), target: target.into(), node: node.clone(), target_at })
}

/// Finds what is wrong with a target before its templates are rendered.
fn bad_target(method: &str, target: &str, span: Span) -> Option<crate::diag::Diagnostic> {
    if !starts_well(target) {
        let fault = diags::bad_request(span, "a target begins with `/` or is an absolute URL").label("no `/`");
        return Some(
            fault.fix(span, format!("{method} /{target}"), "is this meant?").help("the path is appended to `target:`"),
        );
    }
    // What follows an unclosed `{{` is left to the template's own fault.
    let mut pieces = target.split("{{");
    let first = pieces.next().unwrap_or_default();
    let outside: String =
        std::iter::once(first).chain(pieces.map(|p| p.split_once("}}").map_or("", |(_, rest)| rest))).collect();
    if outside.contains(char::is_whitespace) && !target.contains("{%") {
        return Some(diags::bad_request(span, "a target has no blanks; write them `%20`").label("has a blank"));
    }
    outside.contains('#').then(|| {
        diags::bad_request(span, "the part behind `#` never leaves a client; write `%23` to send one")
            .label("has a fragment")
    })
}
