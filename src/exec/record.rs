//! Turns what happened into masked records. Nothing raw leaves this layer but through here.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Shared;
use super::access::carriers;
use super::ledger::Ender;
use crate::auth::{Memory, Scheme, Signed, members, tokens};
use crate::event::{
    BODY_KEPT, BodyKind, BodyRecord, Carried, HopRecord, MessageRecord, Phase, Reason, SentRecord, SignedRecord,
    StepRecord, reason_code,
};
use crate::http::jar::{JarMove, StoreOutcome};
use crate::http::{Exchange, Headers, Request, Trail};
use crate::jose;
use crate::secret::TextKind;
use crate::source::{Place, Span};
use crate::step::{IdentityId, Step};
use crate::term::{quote, shorten};

/// What a step's record is made with beside its trail.
pub(super) struct Subject<'a> {
    pub(super) phase: Phase,
    pub(super) caller: Option<String>,
    pub(super) role: Option<String>,
    /// Whether the caller's credential is made anew for each request.
    pub(super) per_request: bool,
    /// What signs the caller's requests, and what it remembers of them.
    pub(super) signer: Option<(&'a dyn Scheme, &'a Memory)>,
    /// Whether the exchanges are kept.
    pub(super) whole: bool,
    pub(super) held: usize,
    pub(super) broken: usize,
}

/// Masks a text of no known form.
pub(super) fn text(shared: &Shared, text: &str) -> String {
    shared.secrets.mask_text(TextKind::Plain, text)
}

/// Characters of what is told that quotes a server.
pub(super) const LONGEST: usize = 400;

/// Masks a text that quotes a server, and only then cuts it: half a secret is not recognised.
pub(super) fn quoted(shared: &Shared, quote: &str, most: usize) -> String {
    shorten(&text(shared, quote), most)
}

/// Masks what a case or a login is called by: events go together by it.
pub(super) fn label(shared: &Shared, label: &Arc<str>) -> Arc<str> {
    match shared.secrets.mask(label) {
        Cow::Borrowed(_) => Arc::clone(label),
        Cow::Owned(masked) => masked.into(),
    }
}

/// Makes a place of the user's file; their own line may hold a password written out.
pub(super) fn place(shared: &Shared, span: Span) -> Place {
    let place = shared.sources.place(span);
    let text = |text: &str| shared.own.mask(&shared.secrets, text);
    let masked = text(&place.text);
    let part = |from: usize, count: usize| text(&place.text.chars().skip(from).take(count).collect::<String>());
    let end = place.start + place.width;
    let parts = [part(0, place.start), part(place.start, place.width), part(end, usize::MAX)];
    // What is masked may stand across a border of the part that is meant; then that is left where it was.
    let (start, width) = if parts.concat() == masked {
        (parts[0].chars().count(), parts[1].chars().count())
    } else {
        (place.start, place.width)
    };
    Place { text: masked, start, width, ..place }
}

/// Makes a reason at a place of the user's file.
pub(super) fn reason(shared: &Shared, code: &'static str, message: &str, span: Span, help: Vec<String>) -> Reason {
    debug_assert!(reason_code(code).is_some(), "`{code}` has no row");
    Reason {
        code,
        message: text(shared, message),
        place: place(shared, span),
        expected: None,
        actual: None,
        step: None,
        help: help.iter().map(|h| text(shared, h)).collect(),
        shared_cause: None,
    }
}

/// The key of a cause that lies with a whole target and not with whoever meets it.
pub(super) fn dead_target(what: &str) -> Option<Arc<str>> {
    Some(format!("target:{what}").into())
}

/// Takes over what a reason shares with others, where that is a whole target: every login and every setup would
/// tell it again.
pub(super) fn share_target(mut reason: Reason, first: Option<&Arc<str>>) -> Reason {
    if let Some(key) = first.filter(|key| key.starts_with("target:")) {
        reason.shared_cause = Some(Arc::clone(key));
    }
    reason
}

/// Names the case that ended a session under others.
pub(super) fn disturbed(shared: &Shared, id: IdentityId, ender: &Ender, span: Span) -> Reason {
    let name = &shared.plan.identities[id.0 as usize].name;
    let message = format!("the shared session of `{name}` was ended by `{}` with `{}`", ender.case, ender.line);
    let help = format!("give `{}` a login of its own with `session: fresh`", ender.case);
    reason(shared, "session-disturbed", &message, span, vec![help])
}

/// Makes the record of a step.
pub(super) fn step(shared: &Shared, step: &Step, subject: &Subject<'_>, trail: Option<&Trail>) -> StepRecord {
    let request = trail.and_then(Trail::request).map_or_else(
        || step.line(),
        |r| format!("{} {}", r.method, shared.secrets.mask_text(TextKind::Url, r.address.target())),
    );
    let mut notes: Vec<String> = Vec::new();
    let mut hops = Vec::new();
    if let Some(trail) = trail {
        notes.extend(trail.notes.iter().map(|n| quoted(shared, n, LONGEST)));
        notes.extend(refused_cookies(trail).iter().map(|n| text(shared, n)));
        if subject.whole {
            notes.extend(withheld_cookies(trail).iter().map(|n| text(shared, n)));
            hops = trail.hops.iter().map(|h| hop(shared, subject.signer, h)).collect();
        }
    }
    StepRecord {
        name: step.name.as_ref().map(ToString::to_string),
        phase: subject.phase,
        number: String::new(),
        skipped: false,
        flows: Vec::new(),
        caller: subject.caller.clone(),
        role: subject.role.clone(),
        with: None,
        grade: None,
        request,
        sent: trail.and_then(|t| sent(shared, step, subject, t)),
        ran: None,
        status: trail.and_then(Trail::response).map(|r| r.status),
        refusal: None,
        place: shared.sources.place(step.span),
        elapsed: trail.map(Trail::elapsed).unwrap_or_default(),
        held: subject.held,
        broken: subject.broken,
        hops,
        notes,
        facts: None,
    }
}

/// Makes the record of a program that was run for a login.
pub(super) fn program(shared: &Shared, phase: Phase, name: &str, span: Span, ran: Ran) -> StepRecord {
    let words: Vec<String> = ran.words.iter().map(|word| quote(&text(shared, word))).collect();
    StepRecord {
        name: Some("command".to_owned()),
        phase,
        number: String::new(),
        skipped: false,
        flows: Vec::new(),
        caller: Some(text(shared, name)),
        role: None,
        with: None,
        grade: None,
        request: words.join(" "),
        sent: None,
        ran: Some(text(shared, &ran.became)),
        status: None,
        refusal: None,
        place: shared.sources.place(span),
        elapsed: ran.elapsed,
        held: 0,
        broken: 0,
        hops: Vec::new(),
        notes: Vec::new(),
        facts: None,
    }
}

/// A program that was run.
pub(super) struct Ran {
    pub(super) words: Vec<String>,
    pub(super) became: String,
    pub(super) elapsed: Duration,
}

/// What left first, by name. Whose credential it was, the ledger knows better: until then it may be anybody's.
fn sent(shared: &Shared, step: &Step, subject: &Subject<'_>, trail: &Trail) -> Option<SentRecord> {
    let first = trail.request()?;
    let before = &trail.hops[..trail.hops.len().saturating_sub(1)];
    // Names alone: no credential stands where one would be looked for. Every step of a run has these.
    let mask = |name: &str| shared.secrets.mask(name).into_owned();
    Some(SentRecord {
        origin: mask(first.address.base()),
        credential: Carried::Other,
        carries: carriers(&first.headers).iter().map(|c| mask(c)).collect(),
        followed: before.iter().filter_map(|h| h.response.as_ref().ok()).map(|r| r.status).collect(),
        paused: step.pause.is_some(),
        per_request: subject.per_request,
    })
}

/// Every hop of a trail with the time it was sent.
pub(super) fn exchanged(shared: &Shared, trail: &Trail) -> (Vec<HopRecord>, Vec<String>) {
    trail.hops.iter().map(|h| (hop(shared, None, h), h.started.to_string())).unzip()
}

/// The cookies that were not taken, with their reasons: a server that sets one means something by it.
fn refused_cookies(trail: &Trail) -> Vec<String> {
    trail
        .jar
        .stored()
        .filter_map(|stored| match &stored.outcome {
            StoreOutcome::Refused(why) => {
                Some(format!("the cookie `{}` was refused: {}", name(stored.name().as_bytes()), why.why()))
            }
            _ => None,
        })
        .collect()
}

/// The cookies that were not sent, with their reasons.
fn withheld_cookies(trail: &Trail) -> Vec<String> {
    let mut notes = Vec::new();
    for movement in &trail.jar.moves {
        if let JarMove::Requested { selection, .. } = movement {
            for cookie in &selection.withheld {
                notes.push(format!("the cookie `{}` was not sent: {}", name(cookie.name.as_bytes()), cookie.why()));
            }
        }
    }
    notes
}

fn name(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What was signed of a request, masked as a whole.
fn signed(shared: &Shared, signer: Option<(&dyn Scheme, &Memory)>, request: &Request) -> Vec<SignedRecord> {
    let strings = signer.map(|(scheme, memory)| scheme.signed(memory, request)).unwrap_or_default();
    let all = strings.into_iter().chain(tokens(request));
    all.map(|Signed { what, text: signed }| SignedRecord { what: what.to_owned(), text: text(shared, &signed) })
        .collect()
}

/// What a token that was given says, masked as what it is and line by line; nothing when it is none.
pub(super) fn says(shared: &Shared, what: &str, token: &str) -> Option<SignedRecord> {
    let token = jose::Token::parse(token).ok()?;
    let masked = |part: &serde_json::Value| {
        let part: serde_json::Value =
            serde_json::from_str(&shared.secrets.mask_text(TextKind::Json, &part.to_string())).ok()?;
        part.as_object().map(members)
    };
    let parts = (masked(&token.header().clone().into())?, masked(&token.claims().ok()?)?);
    Some(SignedRecord { what: what.to_owned(), text: text(shared, &format!("{}\n\n{}", parts.0, parts.1)) })
}

fn hop(shared: &Shared, signer: Option<(&dyn Scheme, &Memory)>, exchange: &Exchange) -> HopRecord {
    let request = &exchange.request;
    let version = exchange.response.as_ref().map_or("HTTP/1.1", |r| r.version);
    let target = shared.secrets.mask_text(TextKind::Url, request.address.target());
    let sent = MessageRecord {
        line: format!("{} {target} {version}", request.method),
        headers: headers(shared, &request.headers),
        body: body(shared, &request.headers, &request.body),
    };
    let (response, error) = match &exchange.response {
        Ok(r) => {
            let reason = http::StatusCode::from_u16(r.status).ok().and_then(|s| s.canonical_reason()).unwrap_or("");
            let line = format!("{} {} {reason}", r.version, r.status).trim_end().to_owned();
            (
                Some(MessageRecord {
                    line,
                    headers: headers(shared, &r.headers),
                    body: body(shared, &r.headers, &r.body),
                }),
                None,
            )
        }
        Err(error) => (None, Some(text(shared, &error.to_string()))),
    };
    HopRecord {
        url: shared.secrets.mask_text(TextKind::Url, &request.address.to_string()),
        request: sent,
        signed: signed(shared, signer, request),
        response,
        says: None,
        error,
        elapsed: exchange.elapsed,
    }
}

fn headers(shared: &Shared, headers: &Headers) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = shared.secrets.mask_header(name, &String::from_utf8_lossy(value));
            (shared.secrets.mask(name).into_owned(), value)
        })
        .collect()
}

fn body(shared: &Shared, headers: &Headers, bytes: &Bytes) -> BodyRecord {
    let length = bytes.len() as u64;
    if bytes.is_empty() {
        return BodyRecord { kind: BodyKind::Empty, text: String::new(), bytes: 0 };
    }
    let media = headers.text("content-type").unwrap_or_default().to_ascii_lowercase();
    let Ok(whole) = std::str::from_utf8(bytes) else {
        return BodyRecord { kind: BodyKind::Binary, text: String::new(), bytes: length };
    };
    let start = whole.trim_start();
    let (kind, form) = if media.contains("json") || start.starts_with(['{', '[']) {
        (BodyKind::Json, TextKind::Json)
    } else if media.contains("html") || start.to_ascii_lowercase().starts_with("<!doctype html") {
        (BodyKind::Html, TextKind::Html)
    } else if media.contains("x-www-form-urlencoded") {
        (BodyKind::Form, TextKind::Form)
    } else {
        (BodyKind::Text, TextKind::Plain)
    };
    // Masked before it is cut: half a secret is not recognised.
    let masked = shared.secrets.mask_text(form, whole);
    BodyRecord { kind, text: cut(masked), bytes: length }
}

/// How far from the end of what is kept of a body a better place to cut is looked for.
const NEAR: usize = 256;

fn cut(mut text: String) -> String {
    if text.len() > BODY_KEPT {
        let end = text.floor_char_boundary(BODY_KEPT);
        // Between two values or words, where one ends near by.
        let near = text.floor_char_boundary(end.saturating_sub(NEAR));
        let gap = text[near..end].rfind(['\n', ',', '>', ' ', '&']).map_or(end, |at| near + at + 1);
        text.truncate(gap);
        text.push('…');
    }
    text
}
