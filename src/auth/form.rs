//! A login by an HTML page, as a browser does it (HTML, section 4.10.21): the page is fetched, its form found, filled
//! and sent, and what the pages do by themselves is done. `exec::pages` drives it with [`crate::page::Guide`].

use std::sync::Arc;

use super::{
    Agree, Browser, Cookies, Credential, Csrf, CsrfSource, Ctx, Exchanges, Flow, Heard, Move, Opening, PageScript,
    ReadScheme, Refused, Scheme, SchemeKind, Seal, field_name, fields, troubles,
};
use crate::http::Request;
use crate::spec::{Data, Fields, Key, Node, SUBMIT_KEYS, Shape, Talk, key};
use crate::step::{StepsId, Submit};
use crate::template::TemplateError;

pub(super) const KIND: SchemeKind = SchemeKind {
    name: "form",
    about: "an HTML login page, used as a browser uses it: hidden inputs, CSRF tokens, redirects and cookies travel without being written down",
    keys: &[
        key("page", "the login page: a path below the target, or an absolute URL").is(Shape::Text).needed(),
        key("form", "a CSS selector of the form; by itself it is the one with the password input").is(Shape::Text).usually("the one with the password input"),
        key("fields", "what is filled in, by the names of the inputs, on one page or on several in a row; by itself `username` and `password`")
            .is(Shape::FIELDS).usually("`username`, `password`"),
        key("button", "the button that is pressed, if there are several").is(Shape::Any).usually("the only one"),
        key("pages", "steps that take the place of all this, for what else the pages ask: `[ { submit: … }, { submit: { button: Allow } } ]`")
            .is(Shape::STEPS).usually("forms are filled by themselves"),
        key("csrf", "how the CSRF token travels with unsafe requests of the session: `{ cookie: …, header: … }`, or `{ meta: true, header: … }` from the head of the last page")
            .is(Shape::Keys(CSRF_KEYS)).usually("none travels"),
        key("logout", "the step or steps that end the session; a case that asks the same must say `session: fresh`")
            .is(Shape::STEPS).usually("none"),
    ],
    needs: &["username", "password"],
    logs_in: true,
    look: fields::anything,
    example: include_str!("examples/form.yaml"),
    troubles: troubles::FORM,
    read,
};

const CSRF_KEYS: &[Key] = &[
    key("cookie", "the cookie that holds the token, URL-decoded before it is sent").is(Shape::Text),
    key("meta", "`true`: the token stands in a meta element, such as `csrf-token` or `_csrf`").is(Shape::Flag),
    key("header", "the field it travels in").is(Shape::Text).needed(),
];

/// The part of a session that holds the token of a meta element.
const TOKEN: &str = "csrf_token";

/// The way through the pages of a login: found, or told.
#[derive(Debug)]
pub(super) struct Pages {
    /// The steps that the user wrote down.
    pub(super) pages: Option<StepsId>,
    /// What the user says about the form.
    pub(super) fill: Submit,
    /// Whether the user says what goes into which field.
    pub(super) named: bool,
}

impl Pages {
    /// Reads `pages`, or `form`, `fields` and `button`.
    pub(super) fn read(fields: Fields<'_>, node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Self> {
        let filled = |name: &str| SUBMIT_KEYS.iter().any(|k| k.name == name);
        if let (Some(pages), Some(other)) = (fields.entry("pages"), fields.iter().find(|e| filled(&e.key))) {
            cx.compile.reader.fault(super::diags::pages_and(other.key_span, &other.key, pages.key_span));
            return None;
        }
        let own: Vec<_> = fields.iter().filter(|e| filled(&e.key)).cloned().collect();
        let named = fields.get("fields").is_some();
        let spec = crate::spec::submit(&Node { data: Data::Map(own.into()), ..node.clone() }, cx.compile.reader)?;
        let fill = cx.compile.submit(&spec)?;
        let pages = match fields.get("pages") {
            None => None,
            Some(node) => Some(cx.following(node)?.0),
        };
        Some(Self { pages, fill, named })
    }

    /// Whether name and password are filled in where pages ask for them.
    pub(super) const fn are_found(&self) -> bool {
        self.pages.is_none() && !self.named
    }
}

#[derive(Debug)]
struct Form {
    script: Arc<PageScript>,
    csrf: Option<Csrf>,
    logout: Option<StepsId>,
}

fn read(fields: Fields<'_>, node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Box<dyn Scheme>> {
    let page = cx.compile.reader.need(fields, node, "page", "the scheme `form`")?;
    let open = crate::spec::page_step(page, cx.compile.reader)?;
    let (open, _) = cx.compiled(&[open])?;
    let Pages { pages, fill, named } = Pages::read(fields, node, cx)?;
    let csrf = match fields.get("csrf") {
        None => None,
        Some(node) => Some(read_csrf(node, cx)?),
    };
    let parts = csrf.as_ref().map_or_else(Vec::new, Csrf::parts);
    let logout = match fields.get("logout") {
        None => None,
        Some(node) => Some(cx.with_session(&parts, |cx| cx.steps(node))?.0),
    };
    Some(Box::new(Form {
        script: Arc::new(PageScript {
            open: Opening::Step(open),
            until: None,
            pages,
            fill,
            named,
            agree: Agree::ToNothing,
            browser: Browser::Own,
            user_code: None,
        }),
        csrf,
        logout,
    }))
}

fn read_csrf(node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Csrf> {
    let fields = cx.compile.reader.fields(node, CSRF_KEYS, "`csrf`")?;
    let header = cx.compile.reader.need(fields, node, "header", "`csrf`")?;
    let header = cx.compile.reader.word(header)?;
    field_name(header.span, &header.value, cx);
    let (header, reader) = (header.value, &mut *cx.compile.reader);
    let source = match (fields.get("cookie"), fields.get("meta")) {
        (Some(cookie), None) => CsrfSource::Cookie(reader.word(cookie)?.value),
        (None, Some(meta)) if reader.flag(meta)? => CsrfSource::Part(TOKEN),
        _ => {
            reader.fault(super::diags::one_token(node.span));
            return None;
        }
    };
    Some(Csrf { source, header })
}

impl Csrf {
    fn parts(&self) -> Vec<Arc<str>> {
        match self.source {
            CsrfSource::Cookie(_) => Vec::new(),
            CsrfSource::Part(name) => vec![name.into()],
        }
    }
}

struct Run {
    script: Arc<PageScript>,
    token: bool,
}

impl Flow for Run {
    fn next(&mut self, heard: Heard, cx: &Ctx<'_>) -> Move {
        match heard {
            Heard::Start => Move::Pages(Arc::clone(&self.script)),
            Heard::Steps(parts) => {
                let parts = parts.into_iter().filter(|(name, _)| self.token || &**name != TOKEN).collect();
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

impl Scheme for Form {
    fn begin(&self) -> Box<dyn Flow> {
        let token = matches!(&self.csrf, Some(Csrf { source: CsrfSource::Part(_), .. }));
        Box::new(Run { script: Arc::clone(&self.script), token })
    }

    fn parts(&self) -> Vec<Arc<str>> {
        self.csrf.as_ref().map_or_else(Vec::new, Csrf::parts)
    }

    fn exchanges(&self, talk: Talk) -> Exchanges {
        match talk {
            Talk::Login => Exchanges { labels: vec!["page", "form"], steps: self.script.pages.into_iter().collect() },
            Talk::Refresh => Exchanges::default(),
            Talk::Logout => Exchanges::of_steps(self.logout),
        }
    }

    fn logout(&self) -> Option<StepsId> {
        self.logout
    }

    fn cookies(&self) -> Cookies {
        Cookies::Keep
    }

    fn csrf(&self) -> Option<&Csrf> {
        self.csrf.as_ref()
    }

    /// Cookies travel by themselves, and the token is put beside them.
    fn sign(&self, _: &Seal<'_>, _: &mut Request) -> Result<(), TemplateError> {
        Ok(())
    }

    fn fields(&self) -> Vec<String> {
        Vec::new()
    }
}
