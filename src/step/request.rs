//! Renders a step into the request that leaves.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::multipart::Multipart;
use super::{Ask, LastPage, Redirects, Step, Tree, Unready};
use crate::http::{Address, AddressError, Follow, Headers, Request};
use crate::page::Submission;
use crate::source::Span;
use crate::spec::target_name;
use crate::template::{Scope, Template, TemplateError};

/// What a step writes beside the line of its request.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) headers: Vec<(Arc<str>, Field)>,
    pub(super) query: Vec<(Arc<str>, Field)>,
    pub(super) body: Body,
    pub(super) cookies: Cookies,
}

/// Cookies that a step writes itself.
#[derive(Debug)]
pub(super) enum Cookies {
    /// By their names.
    Named(Vec<(Arc<str>, Template)>),
    /// What a template gives.
    Whole(Template),
}

impl Default for Cookies {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

impl Cookies {
    fn render(&self, scope: &Scope) -> Result<Vec<(String, String)>, TemplateError> {
        match self {
            Self::Named(all) => all.iter().map(|(name, value)| Ok((name.to_string(), value.render(scope)?))).collect(),
            Self::Whole(template) => {
                let text = |value: &serde_json::Value| match value {
                    serde_json::Value::String(text) => Some(text.clone()),
                    serde_json::Value::Number(_) | serde_json::Value::Bool(_) => Some(value.to_string()),
                    _ => None,
                };
                let value = template.value(scope)?;
                let map = value.as_object().and_then(|map| {
                    map.iter().map(|(name, value)| Some((name.clone(), text(value)?))).collect::<Option<Vec<_>>>()
                });
                map.ok_or_else(|| {
                    TemplateError::new("`cookies` has to be a map of names and their values", template.span())
                })
            }
        }
    }
}

#[derive(Debug)]
pub(super) enum Field {
    /// The values, in order.
    Values(Vec<Template>),
    /// `null`: none, whatever else would add one.
    Removed,
}

impl Step {
    /// Where the value of a header field stands that the step writes itself.
    pub fn field_at(&self, name: &str) -> Option<Span> {
        let (_, field) = self.parts.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name))?;
        match field {
            Field::Values(values) => values.first().map(Template::span),
            Field::Removed => None,
        }
    }
}

#[derive(Debug, Default)]
pub(super) enum Body {
    #[default]
    None,
    Json(Tree),
    Form(Vec<(Arc<str>, Field)>),
    Multipart(Multipart),
    Text(Template),
    File(Bytes),
}

/// A request ready to be dressed and sent.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The request, without credential and jar.
    pub request: Request,
    /// Cookies for this request only.
    pub cookies: Vec<(String, String)>,
    /// Header fields that the step says must not be there, also not from the scheme.
    pub removed: Vec<Arc<str>>,
    /// Remarks on what a reader would not expect.
    pub notes: Vec<String>,
    /// What redirects do.
    pub follow: Follow,
}

impl Step {
    /// Tells whether it only looks, whatever its method: a query of GraphQL, which most people post (GraphQL, section 2.3).
    pub fn only_looks(&self) -> bool {
        let Body::Json(tree) = &self.parts.body else { return self.is_safe() };
        let query = tree.fixed("query").and_then(serde_json::Value::as_str).map(str::trim_start);
        let is_query = |text: &str| {
            let begins = text.starts_with('{') || text.starts_with("query") || text.starts_with("fragment");
            begins && text.contains('{') && !text.contains("mutation") && !text.contains("subscription")
        };
        self.is_safe() || query.is_some_and(is_query)
    }

    /// Renders the request. `base` is the target that paths are appended to, byte for byte; `last` is the page
    /// whose form may be sent.
    pub fn prepare(&self, scope: &Scope, base: &str, last: Option<&LastPage>) -> Result<Prepared, Unready> {
        let follow = self.follow(scope, base)?;
        match &self.ask {
            Ask::Request(line) => {
                let address = address(&line.target, scope, base)?;
                let bare = Request {
                    method: line.method.to_string(),
                    address,
                    headers: Headers::default(),
                    body: Bytes::new(),
                };
                Ok(Prepared { follow, ..self.parts.prepare(bare, scope)? })
            }
            // A talk is made of requests of its own.
            Ask::Talk(talk, _) => {
                Err(TemplateError::new(format!("`{}` is no single request", talk.word()), self.span).into())
            }
            Ask::Submit(form) => {
                let Submission { request, notes } = form.request(scope, last)?;
                Ok(Prepared { notes, follow, ..self.parts.prepare(request, scope)? })
            }
            Ask::Use(_) => Err(TemplateError::new("a flow sends nothing itself, its steps do", self.span).into()),
        }
    }

    /// What it asks for beside method and target: its body and the fields that `matters` names, as far as they are the same
    /// each time; `is_new` tells which names are not. What a page or a scheme makes says nothing.
    pub fn outline(&self, scope: &Scope, is_new: &dyn Fn(&str) -> bool, matters: &dyn Fn(&str) -> bool) -> String {
        match &self.ask {
            Ask::Request(_) => self.parts.outline(scope, is_new, matters),
            Ask::Submit(_) | Ask::Use(_) | Ask::Talk(..) => String::new(),
        }
    }

    /// Adds the fields that every step has to a request that a page made.
    pub fn dress(&self, request: Request, scope: &Scope) -> Result<Prepared, TemplateError> {
        let follow = if matches!(self.redirects, Redirects::Stay) { Follow::No } else { Follow::Yes };
        Ok(Prepared { follow, ..self.parts.prepare(request, scope)? })
    }

    /// Renders the cookies that it writes itself.
    pub fn cookies(&self, scope: &Scope) -> Result<Vec<(String, String)>, TemplateError> {
        self.parts.cookies.render(scope)
    }

    /// Renders the header fields that it writes itself.
    pub fn headers(&self, scope: &Scope) -> Result<Vec<(Arc<str>, String)>, TemplateError> {
        each(&self.parts.headers).map(|(name, value)| Ok((Arc::clone(name), value.render(scope)?))).collect()
    }

    fn follow(&self, scope: &Scope, base: &str) -> Result<Follow, TemplateError> {
        Ok(match &self.redirects {
            Redirects::Stay => Follow::No,
            Redirects::Follow => Follow::Yes,
            Redirects::Until(end) => Follow::Until(address(end, scope, base)?),
        })
    }
}

/// Makes a whole address: a path is appended to the target, `name:/path` to that entry of `targets:`, byte for byte.
pub fn whole(text: String, scope: &Scope, base: &str) -> String {
    if text.starts_with('/') {
        return format!("{}{text}", base.trim_end_matches('/'));
    }
    let named = target_name(&text).and_then(|(name, path)| {
        let url = scope.get("targets")?.get_attr(name).ok()?;
        Some(format!("{}{path}", url.as_str()?.trim_end_matches('/')))
    });
    named.unwrap_or(text)
}

fn address(target: &Template, scope: &Scope, base: &str) -> Result<Address, TemplateError> {
    let text = whole(target.render(scope)?, scope, base);
    Address::parse(&text).map_err(|e: AddressError| TemplateError::new(e.to_string(), target.span()))
}

impl Parts {
    /// Adds what the step writes to a request that is bare or made by a form.
    fn prepare(&self, mut request: Request, scope: &Scope) -> Result<Prepared, TemplateError> {
        for (name, value) in each(&self.query) {
            request.address.add_query(name, &value.render(scope)?);
        }
        let mut headers = Headers::default();
        for (name, value) in each(&self.headers) {
            headers.add(&**name, value.render(scope)?.into_bytes());
        }
        let removed: Vec<Arc<str>> =
            self.headers.iter().filter(|(_, f)| matches!(f, Field::Removed)).map(|(n, _)| Arc::clone(n)).collect();
        let gone = |name: &str| removed.iter().any(|r| r.eq_ignore_ascii_case(name));
        for (name, value) in request.headers.iter() {
            if !headers.has(name) && !gone(name) {
                headers.add(name, value.clone());
            }
        }
        let body = self.render_body(scope, &mut headers, &removed)?;
        if !body.is_empty() {
            request.body = body;
        }
        for (name, value) in [("user-agent", concat!("authspec/", env!("CARGO_PKG_VERSION"))), ("accept", "*/*")] {
            if !headers.has(name) && !gone(name) {
                headers.add(name, value);
            }
        }
        let cookies = self.cookies.render(scope)?;
        Ok(Prepared {
            request: Request { headers, ..request },
            cookies,
            removed,
            notes: Vec::new(),
            follow: Follow::No,
        })
    }

    fn render_body(&self, scope: &Scope, headers: &mut Headers, removed: &[Arc<str>]) -> Result<Bytes, TemplateError> {
        let (body, kind): (Bytes, Option<Cow<'static, str>>) = match &self.body {
            Body::None => return Ok(Bytes::new()),
            Body::Json(tree) => (tree.value(scope)?.to_string().into(), Some("application/json".into())),
            Body::Form(fields) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                for (name, value) in each(fields) {
                    form.append_pair(name, &value.render(scope)?);
                }
                (form.finish().into(), Some("application/x-www-form-urlencoded".into()))
            }
            Body::Multipart(parts) => {
                let (body, kind) = parts.render(scope)?;
                (body, Some(kind.into()))
            }
            Body::Text(text) => (text.render(scope)?.into(), Some("text/plain; charset=utf-8".into())),
            Body::File(bytes) => (bytes.clone(), None),
        };
        if let Some(kind) = kind
            && !headers.has("content-type")
            && removed.iter().all(|r| !r.eq_ignore_ascii_case("content-type"))
        {
            headers.add("content-type", kind.into_owned());
        }
        Ok(body)
    }

    /// Writes down what is the same each time of the body, and of the fields that matter.
    fn outline(&self, scope: &Scope, is_new: &dyn Fn(&str) -> bool, matters: &dyn Fn(&str) -> bool) -> String {
        let mut out = String::new();
        for (name, value) in each(&self.headers).filter(|(name, _)| matters(name)) {
            out.push_str(&format!("{}: {}\n", name.to_ascii_lowercase(), value.outline(scope, is_new)));
        }
        match &self.body {
            Body::None => {}
            Body::Json(tree) => tree.outline(scope, is_new, &mut out),
            Body::Form(fields) => {
                each(fields).for_each(|(name, t)| out.push_str(&format!("{name}={}\n", t.outline(scope, is_new))));
            }
            Body::Multipart(parts) => out.push_str(&parts.outline(scope, is_new)),
            Body::Text(text) => out.push_str(&text.outline(scope, is_new)),
            Body::File(bytes) => out.push_str(&bytes.escape_ascii().to_string()),
        }
        out
    }

    /// The value of a parameter of the body that is written out.
    pub(super) fn constant(&self, name: &str) -> Option<serde_json::Value> {
        match &self.body {
            Body::Json(tree) => tree.fixed(name).cloned(),
            Body::Form(fields) => {
                let mut all = each(fields).filter(|(key, _)| ***key == *name);
                let (Some((_, value)), None) = (all.next(), all.next()) else { return None };
                value.as_literal().map(|text| text.to_string().into())
            }
            Body::None | Body::Multipart(_) | Body::Text(_) | Body::File(_) => None,
        }
    }

    /// Tells whether an expression in the body begins with a name.
    pub(super) fn body_uses(&self, name: &str) -> bool {
        match &self.body {
            Body::None | Body::File(_) => false,
            Body::Json(tree) => tree.uses(name),
            Body::Form(fields) => each(fields).any(|(_, t)| t.uses(name)),
            Body::Multipart(parts) => parts.uses(name),
            Body::Text(text) => text.uses(name),
        }
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
