//! Reads steps.

use super::ask::{ASKED, AskSpec, SUBMIT_KEYS, ask, line, page, request};
use super::diags;
use super::flow;
use super::model::{Handshake, Payload, PayloadKind, Redirects, StepSpec};
use super::reader::{Fields, Key, Reader, key};
use super::shape::{Def, Shape};
use super::timing::{self, PAUSE_KEYS, REPEAT_KEYS, RETRY_KEYS, pause, repeat, retry, together};
use super::with::{WITH, with};
use super::yaml::{Data, Node};

/// The keys of a body that stands in a file.
const BODY_KEYS: &[Key] = &[key("file", "a path from the suite's folder").is(Shape::Text).needed()];

/// The keys of a file in `multipart`.
pub const FILE_KEYS: &[Key] = &[
    key("file", "a path from the suite's folder").is(Shape::Text).needed(),
    key("type", "its media type, `application/octet-stream` by default").is(Shape::Text),
    key("name", "the name it is sent with, that of the file by default").is(Shape::Text),
];

/// The keys of a step.
pub const STEP_KEYS: &[Key] = &[
    key("name", "for people and reports").is(Shape::Text),
    key("as", "the identity that sends it; `anonymous` sends nothing of anybody").is(Shape::Text),
    key("with", "deliberate defects, of a step of a case: an id of `authspec list mutations`, a pack such as `pack.bearer`, or a list; one case for each")
        .is(WITH),
    key("request", "`METHOD target`: a path below the target, or an absolute URL; sent byte for byte. Or `login`, `refresh`, `logout`: what the caller's scheme does, judged like any other request")
        .is(Shape::Like(ASKED)),
    key("vary", "`{ exchange.parameter: value }`: changes a parameter of a `login`, `refresh` or `logout`, or several that belong together in one exchange; `null` removes it, a list repeats it")
        .is(Shape::Filled(&Shape::Map(&Shape::Any))),
    key("submit", "instead of `request`: fills and sends a form of this caller's last page, as a browser does")
        .is(Shape::Keys(SUBMIT_KEYS)),
    key("use", "instead of `request`: runs the steps of a flow of `flows:` by its name; `as` is who sends those that name nobody, `expect` and `capture` look at its last answer")
        .is(Shape::Text),
    key("args", "with `use`: what is given to the flow, by name").is(Shape::Map(&Shape::Any)),
    key("headers", "a map; a list repeats the field, `null` removes one that is inherited or added by the scheme")
        .is(Shape::HEADERS),
    key("query", "a map of query parameters; a list repeats one").is(Shape::FIELDS),
    key("json", "the body as JSON; templates keep their types").is(Shape::Any),
    key("form", "the body as `application/x-www-form-urlencoded`; a list repeats a field").is(Shape::FIELDS),
    key("multipart", "the body as `multipart/form-data`: fields, and files as `{ file: path, type, name }`")
        .is(Shape::Map(&Shape::OneOrMore(&Shape::Either(&[Shape::Text, Shape::Keys(FILE_KEYS)])))),
    key("body", "the body as text, or `{ file: path }`").is(Shape::Either(&[Shape::Text, Shape::Keys(BODY_KEYS)])),
    key("cookies", "cookies for this request only, raw, in place of the jar's of the same name; of a `login`, what the browser has when it begins. A map, or a template that gives one")
        .is(Shape::Either(&[Shape::FIELDS, Shape::Quoted])),
    key("expect", "what must come back; without a status it means below 400").is(Shape::The(Def::Expect)),
    key("capture", "names for values of the answer").is(Shape::Named(r"^[A-Za-z_]\w*$", &Shape::The(Def::Capture))),
    key("redirects", "`none` (default), `follow`, or `{ until: URL }`: stop before asking for it")
        .is(Shape::Either(&[Shape::Words(&["none", "follow"]), Shape::Keys(REDIRECT_KEYS)])),
    key("timeout", "a duration for the whole exchange, 30s by default").is(Shape::Duration),
    key("pause", "a wait before the step: a duration or `{ until: time }`")
        .is(Shape::Either(&[Shape::Duration, Shape::Keys(PAUSE_KEYS)])),
    key("handshake", "`off`: what the server asks back (a Digest challenge, the nonce of a DPoP proof) is not answered, so that it can be judged")
        .is(Shape::Words(&["off"])),
    key("retry", "`{ attempts, every }`: repeats until the expectation holds").is(Shape::Keys(RETRY_KEYS)),
    key("repeat", "`{ times, every }`: every round must hold").is(Shape::Keys(REPEAT_KEYS)),
    key("together", "a number: so many of this request, or of a `refresh`, at once, each on a connection of its own")
        .is(Shape::Count(2, 100)),
    key("if", "an expression; where it is false the step is skipped").is(Shape::Text),
    key("credential", "the name of an earlier step: the caller's credential and cookies are those of then; or a map of its parts that are other ones; of a `refresh`, `null` leaves one out")
        .is(Shape::Either(&[Shape::Quoted, Shape::Filled(&Shape::Map(&Shape::Any))])),
    key("alone", "`true`: sends the step once with each thing that the caller's session consists of, such as a token or a cookie, and keeps which are let in; or the name of such a step before: with each that was let in there")
        .is(Shape::Either(&[Shape::Flag, Shape::Quoted])),
    key("premise", "`true`: where the step does not hold, the case is inconclusive, since it would prove nothing; `answered`: where a limit or a gateway answers (429, 502 to 504), or a credential is refused that has ended by itself; or an expression over the `response`, and over `credential.over`, that has to be true for the step to mean anything")
        .is(Shape::Either(&[Shape::Flag, Shape::Quoted])),
];

/// Reads a list of steps.
pub(super) fn steps(node: &Node, reader: &mut Reader<'_>) -> Vec<StepSpec> {
    let Some(items) = reader.list(node) else { return Vec::new() };
    // Steps are large, and a list that grows as it is read keeps room for twice as many.
    let mut steps = Vec::with_capacity(items.len());
    steps.extend(items.iter().filter_map(|item| {
        let fields = reader.fields(item, STEP_KEYS, "a step")?;
        step(item, fields, reader)
    }));
    steps
}

pub(super) fn step(node: &Node, fields: Fields<'_>, reader: &mut Reader<'_>) -> Option<StepSpec> {
    let span = fields.iter().next().map_or(node.span, |e| e.key_span);
    let ask = ask(fields, node, reader);
    let caller = fields.get("as").and_then(|n| reader.word(n));
    let spec = StepSpec {
        span,
        name: fields.get("name").and_then(|n| reader.word(n)).map(|n| n.value),
        caller,
        ask: ask.clone().unwrap_or_else(|| AskSpec::placeholder(node)),
        headers: map_node(fields, "headers", reader),
        query: map_node(fields, "query", reader),
        payload: payload(fields, reader),
        cookies: match fields.get("cookies") {
            Some(node) if matches!(node.data, Data::Text(_)) => Some(node.clone()),
            _ => map_node(fields, "cookies", reader),
        },
        expect: fields.get("expect").cloned(),
        capture: map_node(fields, "capture", reader),
        redirects: fields.get("redirects").and_then(|n| redirects(n, reader)),
        timeout: fields.get("timeout").and_then(|n| reader.duration(n)),
        pause: fields.get("pause").and_then(|n| pause(n, reader)),
        handshake: fields
            .get("handshake")
            .and_then(|n| reader.one_of(n, "a way to treat handshakes", &[("off", Handshake::Off)]))
            .unwrap_or_default(),
        retry: fields.get("retry").and_then(|n| retry(n, reader)),
        repeat: fields.get("repeat").and_then(|n| repeat(n, reader)),
        together: fields.get("together").and_then(|n| together(n, reader)),
        condition: fields.get("if").cloned(),
        credential: fields.get("credential").cloned(),
        alone: fields.get("alone").cloned(),
        premise: fields.get("premise").cloned(),
        with: with(fields, reader),
    };
    timing::conflicts(fields, reader);
    flow::conflicts(fields, STEP_KEYS, reader);
    // Everything was read for its faults; without a request there is nothing to plan.
    ask.map(|_| spec)
}

/// Keeps a node that must be a map.
pub(super) fn map_node(fields: Fields<'_>, name: &str, reader: &mut Reader<'_>) -> Option<Node> {
    let node = fields.get(name)?;
    reader.map(node)?;
    Some(node.clone())
}

fn payload(fields: Fields<'_>, reader: &mut Reader<'_>) -> Option<Payload> {
    let kinds = [
        ("json", PayloadKind::Json),
        ("form", PayloadKind::Form),
        ("multipart", PayloadKind::Multipart),
        ("body", PayloadKind::Body),
    ];
    let mut found = kinds.iter().filter_map(|(name, kind)| fields.entry(name).map(|e| (*name, *kind, e)));
    let (name, kind, entry) = found.next()?;
    for (other, _, second) in found {
        reader.fault(diags::one_body((name, entry.key_span), (other, second.key_span)));
    }
    if let Some(form) = fields.entry("submit") {
        reader.fault(diags::one_body(("submit", form.key_span), (name, entry.key_span)));
    }
    if matches!(kind, PayloadKind::Form | PayloadKind::Multipart) {
        reader.map(&entry.value)?;
    }
    Some(Payload { kind, node: entry.value.clone() })
}

/// Reads what redirects do, as `defaults` has it.
pub(super) fn redirects_by_word(node: &Node, reader: &mut Reader<'_>) -> Option<Redirects> {
    let none = matches!(node.scalar().as_deref(), Some("none"));
    let word = reader.one_of(node, "a way to treat redirects", &[("none", ()), ("follow", ())]);
    word.map(|()| if none { Redirects::None } else { Redirects::Follow })
}

/// The keys of `redirects` in its long form.
const REDIRECT_KEYS: &[Key] = &[key("until", "the address to stop at, without asking for it").is(Shape::Text).needed()];

fn redirects(node: &Node, reader: &mut Reader<'_>) -> Option<Redirects> {
    if !matches!(node.data, Data::Map(_)) {
        return redirects_by_word(node, reader);
    }
    let fields = reader.fields(node, REDIRECT_KEYS, "`redirects`")?;
    let until = reader.need(fields, node, "until", "`redirects`")?;
    reader.word(until)?;
    Some(Redirects::Until(until.clone()))
}

/// Reads one step or a list of steps, as schemes hold them.
pub fn one_or_more_steps(node: &Node, reader: &mut Reader<'_>) -> Vec<StepSpec> {
    reader
        .one_or_more(node)
        .iter()
        .filter_map(|item| {
            let fields = reader.fields(item, STEP_KEYS, "a step")?;
            step(item, fields, reader)
        })
        .collect()
}

/// Reads a bare request line as a step, as `ready` has it.
pub fn request_step(node: &Node, reader: &mut Reader<'_>) -> Option<StepSpec> {
    request(node, reader).map(|request| bare(node, AskSpec::Request(request)))
}

/// Reads the address of a page as a step that goes where it leads.
pub fn page_step(node: &Node, reader: &mut Reader<'_>) -> Option<StepSpec> {
    let request = page(node, reader)?;
    Some(StepSpec { redirects: Some(Redirects::Follow), ..bare(node, AskSpec::Request(request)) })
}

/// Reads what `request` may say alone as a step.
pub(super) fn line_step(node: &Node, reader: &mut Reader<'_>) -> Option<StepSpec> {
    line(node, reader).map(|ask| bare(node, ask))
}

impl StepSpec {
    /// Stands in for a step that somebody gives.
    pub fn something(node: &Node) -> Self {
        let node = &Node { data: Data::Text("/".into()), ..node.clone() };
        bare(node, AskSpec::placeholder(node))
    }
}

fn bare(node: &Node, ask: AskSpec) -> StepSpec {
    StepSpec {
        span: node.span,
        name: None,
        caller: None,
        ask,
        headers: None,
        query: None,
        payload: None,
        cookies: None,
        expect: None,
        capture: None,
        redirects: None,
        timeout: None,
        pause: None,
        handshake: Handshake::On,
        retry: None,
        repeat: None,
        together: None,
        condition: None,
        credential: None,
        alone: None,
        premise: None,
        with: None,
    }
}
