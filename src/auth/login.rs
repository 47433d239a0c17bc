//! A login of the user's own: steps that end in captures, and a rule how these travel.

use std::sync::Arc;

use serde_json::Value;

use super::send::{SEND_KEYS, Send};
use super::{
    Cookies, Credential, Ctx, Exchanges, Flow, Heard, Move, Part, ReadScheme, Refused, Scheme, SchemeKind, Seal, diags,
    fields, troubles,
};
use crate::http::Request;
use crate::source::Span;
use crate::spec::{Fields, Node, Shape, Talk, key};
use crate::step::StepsId;
use crate::template::TemplateError;

pub(super) const KIND: SchemeKind = SchemeKind {
    name: "login",
    about: "steps of your own that log in; what they capture is the credential",
    keys: &[
        key("login", "a step or a list of steps; `identity.*` is in scope").is(Shape::STEPS).needed(),
        key("refresh", "a step or steps that make a new credential from `session.*`").is(Shape::STEPS).usually("another login"),
        key("logout", "the step or steps that end the session; a case that asks the same must say `session: fresh`").is(Shape::STEPS).usually("none"),
        key("send", "how the credential travels: `{ bearer: part }`, `{ header | cookie | query: { name: value } }`; the login's cookies without it").is(Shape::Keys(SEND_KEYS)).usually("the login's cookies"),
        key("cookies", "`keep` lets the login's cookies travel beside `send`").is(Shape::Words(&["keep", "drop"])).usually("`drop` with `send`"),
    ],
    needs: &[],
    logs_in: true,
    look: fields::anything,
    example: include_str!("examples/login.yaml"),
    troubles: troubles::LOGIN,
    read,
};

#[derive(Debug)]
struct Login {
    login: StepsId,
    refresh: Option<StepsId>,
    logout: Option<StepsId>,
    parts: Vec<Arc<str>>,
    /// The parts that a refresh makes anew.
    renewed: Vec<Arc<str>>,
    send: Option<Send>,
    cookies: Cookies,
}

fn read(fields: Fields<'_>, node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Box<dyn Scheme>> {
    let login = cx.compile.reader.need(fields, node, "login", "the scheme `login`");
    let (login, parts) = login.and_then(|n| cx.steps(n))?;
    let (refresh, renewed) = match fields.get("refresh") {
        None => (None, Vec::new()),
        Some(node) => {
            let (id, renewed) = cx.with_session(&parts, |cx| cx.steps(node))?;
            for name in renewed.iter().filter(|n| !parts.contains(n)) {
                cx.compile.reader.fault(diags::unknown_part(node.span, name, &parts));
            }
            if renewed.is_empty() && !parts.is_empty() {
                cx.compile.reader.fault(diags::refresh_captures_nothing(node.span, &parts));
            }
            (Some(id), renewed)
        }
    };
    let logout = match fields.get("logout") {
        None => None,
        Some(node) => Some(cx.with_session(&parts, |cx| cx.steps(node))?.0),
    };
    let send = match fields.get("send") {
        None => None,
        Some(node) => Some(cx.with_session(&parts, |cx| Send::read(node, &parts, cx))?),
    };
    let keep = fields.get("cookies").and_then(|n| {
        cx.compile.reader.one_of(
            n,
            "a way to treat the login's cookies",
            &[("keep", Cookies::Keep), ("drop", Cookies::Drop)],
        )
    });
    let cookies = keep.unwrap_or(if send.is_some() { Cookies::Drop } else { Cookies::Keep });
    Some(Box::new(Login { login, refresh, logout, parts, renewed, send, cookies }))
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
            Heard::Answer(_) | Heard::Landed(_) | Heard::Waited | Heard::Printed(_) => {
                Move::Refused(Refused::unasked())
            }
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

    fn is_secret(&self, part: &str) -> bool {
        self.send.as_ref().is_some_and(|send| send.carries(part)) || self.renewed.iter().any(|own| &**own == part)
    }

    fn field_at(&self, name: &str) -> Option<Span> {
        self.send.as_ref().and_then(|send| send.field_at(name))
    }

    fn sign(&self, seal: &Seal<'_>, request: &mut Request) -> Result<(), TemplateError> {
        self.send.as_ref().map_or(Ok(()), |send| send.sign(seal, request))
    }

    fn fields(&self) -> Vec<String> {
        self.send.as_ref().map_or_else(Vec::new, Send::fields)
    }

    fn travels(&self) -> Vec<Part> {
        self.send.as_ref().map_or_else(Vec::new, Send::travels)
    }
}
