//! From a filled form to its request (sections 4.10.21.3 and 4.10.18.6), with the fields that a browser adds.

use bytes::Bytes;
use scraper::{Html, Selector};
use url::Url;

use super::encode::{self, Enctype};
use super::fill::{Filled, fill};
use super::form::Form;
use super::{Fault, Filling, Page, Submission};
use crate::http::{Address, Headers, Request, Response};

/// What a browser accepts when it asks for a page.
pub const ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

pub(super) fn submit(page: &Page, form: &Form, filling: &Filling) -> Result<Submission, Fault> {
    let encoding = charset(page, form);
    let Filled { entries, button, mut notes } = fill(form, filling, encoding.name())?;
    let action = button.and_then(|b| b.action.as_ref()).or(form.action.as_ref());
    let method = button.and_then(|b| b.method.as_ref()).or(form.method.as_ref());
    let enctype = button.and_then(|b| b.enctype.as_ref()).or(form.enctype.as_ref());
    let address = address(page, action.map_or("", String::as_str))?;
    let method = method.map(|m| m.trim().to_ascii_lowercase()).unwrap_or_default();
    if method == "dialog" {
        let message = "the form has `method=dialog`: it closes a dialog and sends nothing".to_owned();
        return Err(Fault { message, help: Vec::new() });
    }
    if method != "post" {
        // "Mutate action URL": what the form says takes the place of the query, also when it says nothing.
        let query = encode::urlencoded(&entries, encoding);
        let text = format!("{}{}?{query}", address.base(), address.path());
        let address = Address::parse(&text).map_err(|error| unfit(&text, &error.to_string()))?;
        return Ok(Submission { request: visit(&page.policy, &page.address, address), notes });
    }
    let (body, kind): (Bytes, String) = match enctype.map_or(Enctype::Urlencoded, |e| Enctype::read(e)) {
        Enctype::Urlencoded => {
            (encode::urlencoded(&entries, encoding).into(), "application/x-www-form-urlencoded".to_owned())
        }
        Enctype::Plain => (encode::plain(&entries, encoding).into(), "text/plain".to_owned()),
        Enctype::Multipart => {
            let (body, boundary) = encode::multipart(&entries, encoding);
            (body.into(), format!("multipart/form-data; boundary={boundary}"))
        }
    };
    if page.address.url().scheme() == "https" && address.url().scheme() == "http" {
        notes.push(format!("the form sends what was filled in to {} in clear text", address.base()));
    }
    let mut request = visit(&page.policy, &page.address, address);
    "POST".clone_into(&mut request.method);
    request.body = body;
    request.headers.add("content-type", kind);
    request.headers.add("origin", page.policy.origin(&page.address, &request.address));
    Ok(Submission { request, notes })
}

/// A request that a page leads to.
pub(super) fn visit(policy: &Policy, from: &Address, to: Address) -> Request {
    let mut headers = Headers::default();
    headers.add("accept", ACCEPT);
    if let Some(referrer) = policy.referrer(from, &to) {
        headers.add("referer", referrer);
    }
    Request { method: "GET".to_owned(), address: to, headers, body: Bytes::new() }
}

/// The encoding that a form is sent in (section 4.10.21.5, "picking an encoding for the form").
fn charset(page: &Page, form: &Form) -> &'static encoding_rs::Encoding {
    let own = form.accept_charset.as_ref().and_then(|labels| {
        labels.split_ascii_whitespace().find_map(|label| encoding_rs::Encoding::for_label(label.as_bytes()))
    });
    own.unwrap_or(page.encoding).output_encoding()
}

/// Where a form goes: an empty action is the page itself, not its base.
fn address(page: &Page, action: &str) -> Result<Address, Fault> {
    let action = action.trim_matches([' ', '\t', '\n', '\r', '\x0c']);
    if action.is_empty() {
        return Ok(page.address.clone());
    }
    resolve(&page.base, action)
}

/// Resolves a URL of a page against its base.
pub(super) fn resolve(base: &Url, text: &str) -> Result<Address, Fault> {
    let url = base.join(text).map_err(|error| unfit(text, &error.to_string()))?;
    Address::parse(url.as_str()).map_err(|error| unfit(text, &error.to_string()))
}

fn unfit(action: &str, why: &str) -> Fault {
    let message = format!("the form goes to `{action}`, where nothing can be sent: {why}");
    Fault { message, help: Vec::new() }
}

/// What a page lets others know of where somebody came from (Referrer Policy, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// `no-referrer`.
    Nothing,
    /// `same-origin`.
    SameOrigin,
    /// `origin` and `strict-origin`.
    Origin,
    /// `strict-origin-when-cross-origin`, the default.
    Strict,
    /// `unsafe-url`, `no-referrer-when-downgrade`.
    Whole,
}

impl Policy {
    /// The last policy that is known, of the field or of a meta element.
    pub(super) fn read(response: &Response, html: &Html) -> Self {
        let field = response.headers.all("referrer-policy").map(|v| String::from_utf8_lossy(v).into_owned());
        let meta = Selector::parse("meta[name=referrer i][content]").ok();
        let said = meta.iter().flat_map(|s| html.select(s)).filter_map(|e| e.attr("content").map(ToOwned::to_owned));
        let words: Vec<String> = field.chain(said).collect();
        let mut known = words.iter().flat_map(|w| w.split(',')).filter_map(|word| Self::of(word.trim()));
        known.next_back().unwrap_or(Self::Strict)
    }

    fn of(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "no-referrer" | "never" => Some(Self::Nothing),
            "same-origin" => Some(Self::SameOrigin),
            "origin" | "strict-origin" => Some(Self::Origin),
            "strict-origin-when-cross-origin" | "origin-when-cross-origin" | "default" => Some(Self::Strict),
            "unsafe-url" | "no-referrer-when-downgrade" | "always" => Some(Self::Whole),
            _ => None,
        }
    }

    /// The `Referer` of a request from one place to another.
    fn referrer(self, from: &Address, to: &Address) -> Option<String> {
        let same = from.origin() == to.origin();
        let downgrade = from.url().scheme() == "https" && to.url().scheme() == "http";
        match self {
            Self::Nothing => None,
            Self::SameOrigin => same.then(|| from.to_string()),
            Self::Origin | Self::Strict | Self::Whole if downgrade => None,
            Self::Origin => Some(format!("{}/", from.base())),
            Self::Strict if same => Some(from.to_string()),
            Self::Strict => Some(format!("{}/", from.base())),
            Self::Whole => Some(from.to_string()),
        }
    }

    /// The `Origin` of a form sent from one place to another (Fetch, "append a request `Origin` header").
    fn origin(self, from: &Address, to: &Address) -> String {
        let hidden = match self {
            Self::Nothing => true,
            Self::SameOrigin => from.origin() != to.origin(),
            Self::Origin | Self::Strict | Self::Whole => from.url().scheme() == "https" && to.url().scheme() == "http",
        };
        if hidden { "null".to_owned() } else { from.base().to_owned() }
    }
}
