//! How a credential made of parts travels: `send`.

use std::sync::Arc;

use super::{Part, ReadScheme, Seal, diags, header_pairs, pairs};
use crate::http::Request;
use crate::source::Span;
use crate::spec::{Key, Node, Shape, key};
use crate::template::{Template, TemplateError, print};

/// The keys of `send`.
pub(super) const SEND_KEYS: &[Key] = &[
    key("bearer", "the captured part that is sent as `Authorization: Bearer`").is(Shape::Text),
    key("header", "a map of a field to its value").is(Shape::FIELDS),
    key("cookie", "a map of a cookie to its value").is(Shape::FIELDS),
    key("query", "a map of a parameter to its value").is(Shape::FIELDS),
];

/// Where the parts of a credential are put.
#[derive(Debug, Default)]
pub(super) struct Send {
    bearer: Option<(Arc<str>, Span)>,
    headers: Vec<(Arc<str>, Template)>,
    cookies: Vec<(Arc<str>, Template)>,
    query: Vec<(Arc<str>, Template)>,
}

impl Send {
    /// A part that is sent as `Authorization: Bearer`.
    pub(super) fn bearer(part: Arc<str>, span: Span) -> Self {
        Self { bearer: Some((part, span)), ..Self::default() }
    }

    /// Reads `send` of a credential that has these parts.
    pub(super) fn read(node: &Node, parts: &[Arc<str>], cx: &mut ReadScheme<'_, '_, '_>) -> Option<Self> {
        let fields = cx.compile.reader.fields(node, SEND_KEYS, "`send`")?;
        let bearer = fields.get("bearer").and_then(|n| cx.compile.reader.word(n)).map(|w| (w.value, w.span));
        if let Some((part, span)) = &bearer
            && !parts.contains(part)
        {
            cx.compile.reader.fault(diags::unknown_part(*span, part, parts));
            return None;
        }
        let headers = fields.get("header").map_or_else(Vec::new, |n| header_pairs(n, cx));
        let mut map = |name: &str| fields.get(name).map_or_else(Vec::new, |n| pairs(n, cx));
        Some(Self { bearer, headers, cookies: map("cookie"), query: map("query") })
    }

    /// Puts the parts on a request.
    pub(super) fn sign(&self, seal: &Seal<'_>, request: &mut Request) -> Result<(), TemplateError> {
        if let Some((part, span)) = &self.bearer {
            let missing =
                |why: &str| TemplateError::new(format!("the session's `{part}` cannot be sent: {why}"), *span);
            let session = seal.scope.get("session").ok_or_else(|| missing("there is none"))?;
            let value = session.get_attr(part).map_err(|_| missing("there is none"))?;
            request.headers.set("authorization", format!("Bearer {}", print(&value).map_err(missing)?));
        }
        for (name, value) in &self.headers {
            request.headers.set(&**name, value.render(seal.scope)?);
        }
        for (name, value) in &self.cookies {
            request.headers.put_cookie(name, Some(&value.render(seal.scope)?));
        }
        for (name, value) in &self.query {
            request.address.add_query(name, &value.render(seal.scope)?);
        }
        Ok(())
    }

    /// Where it says what stands in a header field.
    pub(super) fn field_at(&self, name: &str) -> Option<Span> {
        let header = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        let bearer = self.bearer.as_ref().filter(|_| name.eq_ignore_ascii_case("authorization"));
        header.map(|(_, value)| value.span()).or_else(|| bearer.map(|(_, span)| *span))
    }

    /// Tells whether a part of the session travels.
    pub(super) fn carries(&self, part: &str) -> bool {
        let name = format!("session.{part}");
        let mut templates = self.headers.iter().chain(&self.cookies).chain(&self.query);
        self.bearer.as_ref().is_some_and(|(bearer, _)| &**bearer == part)
            || templates.any(|(_, value)| value.uses(&name))
    }

    /// What it puts on requests.
    pub(super) fn travels(&self) -> Vec<Part> {
        let bearer = self.bearer.iter().map(|_| Part::Field("authorization".into()));
        let headers = self.headers.iter().map(|(name, _)| Part::Field(name.to_ascii_lowercase().into()));
        let cookies = self.cookies.iter().map(|(name, _)| Part::Cookie(Arc::clone(name)));
        let query = self.query.iter().map(|(name, _)| Part::Parameter(Arc::clone(name)));
        bearer.chain(headers).chain(cookies).chain(query).collect()
    }

    /// The header fields that it writes.
    pub(super) fn fields(&self) -> Vec<String> {
        let bearer = self.bearer.iter().map(|_| "authorization".to_owned());
        bearer.chain(self.headers.iter().map(|(n, _)| n.to_string())).collect()
    }
}
