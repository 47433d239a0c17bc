//! A login of the user's own: steps that end in captures, and a rule how these travel.

use std::sync::Arc;

use serde_json::Value;

use super::{
    Cookies, Credential, Ctx, Exchanges, Flow, Heard, Move, ReadScheme, Refused, Scheme, SchemeKind, Seal, diags,
    is_name, pairs, set_cookie,
};
use crate::http::Request;
use crate::source::Span;
use crate::spec::{Fields, Key, Node, Shape, Talk, key};
use crate::step::StepsId;
use crate::template::{Template, TemplateError, print};

pub(super) const KIND: SchemeKind = SchemeKind {
    name: "login",
    about: "steps of your own that log in; what they capture is the credential",
    keys: &[
        key("login", "a step or a list of steps; `identity.*` is in scope").is(Shape::STEPS).needed(),
        key("refresh", "a step or steps that make a new credential from `session.*`").is(Shape::STEPS),
        key("logout", "the step or steps that end the session; a case that asks the same must say `session: fresh`").is(Shape::STEPS),
        key("send", "how the credential travels: `{ bearer: part }`, `{ header | cookie | query: { name: value } }`; the login's cookies without it").is(Shape::Keys(SEND_KEYS)),
        key("cookies", "`keep` lets the login's cookies travel beside `send`").is(Shape::Words(&["keep", "drop"])),
    ],
    needs: &[],
    example: "{ scheme: login, login: { request: POST /login, json: { user: ann }, capture: { token: $.token } }, send: { bearer: token } }",
    read,
};

/// The keys of `send`.
const SEND_KEYS: &[Key] = &[
    key("bearer", "the captured part that is sent as `Authorization: Bearer`").is(Shape::Text),
    key("header", "a map of a field to its value").is(Shape::FIELDS),
    key("cookie", "a map of a cookie to its value").is(Shape::FIELDS),
    key("query", "a map of a parameter to its value").is(Shape::FIELDS),
];

#[derive(Debug)]
struct Login {
    login: StepsId,
    refresh: Option<StepsId>,
    logout: Option<StepsId>,
    parts: Vec<Arc<str>>,
    send: Option<Send>,
    cookies: Cookies,
}

#[derive(Debug, Default)]
struct Send {
    bearer: Option<(Arc<str>, Span)>,
    headers: Vec<(Arc<str>, Template)>,
    cookies: Vec<(Arc<str>, Template)>,
    query: Vec<(Arc<str>, Template)>,
}

fn read(fields: Fields<'_>, node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Box<dyn Scheme>> {
    let login = cx.compile.reader.need(fields, node, "login", "the scheme `login`");
    let (login, parts) = login.and_then(|n| cx.steps(n))?;
    let refresh = match fields.get("refresh") {
        None => None,
        Some(node) => {
            let (id, renewed) = cx.with_session(&parts, |cx| cx.steps(node))?;
            for name in renewed.iter().filter(|n| !parts.contains(n)) {
                cx.compile.reader.fault(diags::unknown_part(node.span, name, &parts));
            }
            if renewed.is_empty() && !parts.is_empty() {
                cx.compile.reader.fault(diags::refresh_captures_nothing(node.span, &parts));
            }
            Some(id)
        }
    };
    let logout = match fields.get("logout") {
        None => None,
        Some(node) => Some(cx.with_session(&parts, |cx| cx.steps(node))?.0),
    };
    let send = match fields.get("send") {
        None => None,
        Some(node) => Some(cx.with_session(&parts, |cx| read_send(node, &parts, cx))?),
    };
    let keep = fields.get("cookies").and_then(|n| {
        cx.compile.reader.one_of(
            n,
            "a way to treat the login's cookies",
            &[("keep", Cookies::Keep), ("drop", Cookies::Drop)],
        )
    });
    let cookies = keep.unwrap_or(if send.is_some() { Cookies::Drop } else { Cookies::Keep });
    Some(Box::new(Login { login, refresh, logout, parts, send, cookies }))
}

fn read_send(node: &Node, parts: &[Arc<str>], cx: &mut ReadScheme<'_, '_, '_>) -> Option<Send> {
    let fields = cx.compile.reader.fields(node, SEND_KEYS, "`send`")?;
    let bearer = fields.get("bearer").and_then(|n| cx.compile.reader.word(n)).map(|w| (w.value, w.span));
    if let Some((part, span)) = &bearer
        && !parts.contains(part)
    {
        cx.compile.reader.fault(diags::unknown_part(*span, part, parts));
        return None;
    }
    let mut map = |name: &str| fields.get(name).map_or_else(Vec::new, |n| pairs(n, cx));
    Some(Send { bearer, headers: map("header"), cookies: map("cookie"), query: map("query") })
}

struct Run {
    steps: StepsId,
    /// The credential before a refresh; parts that the refresh does not capture stay.
    before: Vec<(Arc<str>, Value)>,
}

impl Flow for Run {
    fn next(&mut self, heard: Heard, cx: &Ctx<'_>) -> Move {
        match heard {
            Heard::Start => Move::Steps(self.steps),
            Heard::Steps(captured) => {
                let mut parts = captured;
                let kept: Vec<_> = self
                    .before
                    .drain(..)
                    .filter(|(n, _)| parts.iter().all(|(p, _)| p != n) && !n.starts_with("expires_"))
                    .collect();
                parts.extend(kept);
                let mut credential = Credential { parts, ..Credential::default() };
                credential.set_expiry(cx.now);
                Move::Ready(credential)
            }
            Heard::Answer(_) | Heard::Landed(_) | Heard::Waited => Move::Refused(Refused::unasked()),
        }
    }
}

impl Scheme for Login {
    fn begin(&self) -> Box<dyn Flow> {
        Box::new(Run { steps: self.login, before: Vec::new() })
    }

    fn refresh(&self, credential: &Credential) -> Option<Box<dyn Flow>> {
        let steps = self.refresh?;
        Some(Box::new(Run { steps, before: credential.parts.clone() }))
    }

    fn exchanges(&self, talk: Talk) -> Exchanges {
        Exchanges::of_steps(match talk {
            Talk::Login => Some(self.login),
            Talk::Refresh => self.refresh,
            Talk::Logout => self.logout,
        })
    }

    fn logout(&self) -> Option<StepsId> {
        self.logout
    }

    fn refresh_steps(&self) -> Option<StepsId> {
        self.refresh
    }

    fn parts(&self) -> Vec<Arc<str>> {
        self.parts.clone()
    }

    fn cookies(&self) -> Cookies {
        self.cookies
    }

    fn sign(&self, seal: &Seal<'_>, request: &mut Request) -> Result<(), TemplateError> {
        let Some(send) = &self.send else { return Ok(()) };
        if let Some((part, span)) = &send.bearer {
            let missing =
                |why: &str| TemplateError::new(format!("the session's `{part}` cannot be sent: {why}"), *span);
            let session = seal.scope.get("session").ok_or_else(|| missing("there is none"))?;
            let value = session.get_attr(part).map_err(|_| missing("there is none"))?;
            request.headers.set("authorization", format!("Bearer {}", print(&value).map_err(missing)?));
        }
        for (name, value) in &send.headers {
            request.headers.set(&**name, value.render(seal.scope)?);
        }
        for (name, value) in &send.cookies {
            set_cookie(request, name, &value.render(seal.scope)?);
        }
        for (name, value) in &send.query {
            request.address.add_query(name, &value.render(seal.scope)?);
        }
        Ok(())
    }

    fn fields(&self) -> Vec<String> {
        let Some(send) = &self.send else { return Vec::new() };
        let bearer = send.bearer.iter().map(|_| "authorization".to_owned());
        bearer.chain(send.headers.iter().map(|(n, _)| n.to_string())).collect()
    }

    fn is_secret(&self, field: &str) -> bool {
        !is_name(field)
    }
}
