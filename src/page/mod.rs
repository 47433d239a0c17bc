//! An HTML page as a browser uses it: its forms, and the request that a filled form makes. Pure: nothing is sent here.
//!
//! Sections named in this module are those of the HTML standard. [`Page::read`] reads a page once into plain data;
//! [`Page::choose`] finds a form, [`Page::submit`] makes its request. What a page does by itself (a form that a script
//! sends, a refresh) and what it says about itself (an error, a CSRF token) is in [`Signs`].

use encoding_rs::{Encoding, UTF_8};
use scraper::Selector;
use url::Url;

use crate::http::{Address, Request, Response};

mod asked;
mod encode;
mod entrance;
mod fill;
mod form;
mod login;
mod parse;
mod signs;
mod submit;
#[cfg(test)]
mod tests;
mod words;

pub use entrance::{is_way_in, leads_in, parts};
pub use form::{Button, Choice, Control, Form, Kind};
pub use login::{Agree, Guide, Known, Turn};
pub use parse::decode;
pub use signs::{MetaToken, Refresh, Signs};
pub use submit::ACCEPT;

/// The longest page that is read for its forms.
const LONGEST: usize = 1 << 20;

/// A page that was received.
#[derive(Debug, Clone)]
pub struct Page {
    address: Address,
    base: Url,
    encoding: &'static Encoding,
    policy: submit::Policy,
    text: String,
    /// Its forms, in the order they stand there.
    pub forms: Vec<Form>,
    /// What it does and says.
    pub signs: Signs,
}

/// What is wrong with what was asked of a page: one sentence, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub message: String,
    /// What is there instead.
    pub help: Vec<String>,
}

/// How a form is filled and sent.
#[derive(Debug, Clone, Default)]
pub struct Filling {
    /// Fields by name.
    pub fields: Vec<(String, Fill)>,
    /// The button that is pressed.
    pub button: Pick,
}

/// What goes into a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fill {
    /// Nothing: the input is not sent.
    Drop,
    /// A text, or the box or option with this value.
    Text(String),
    /// A box, ticked or cleared.
    Tick(bool),
    /// Several values.
    Several(Vec<String>),
}

/// Which button is pressed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Pick {
    /// The only one there is.
    #[default]
    Only,
    /// None, as a script does that sends the form.
    None,
    /// The one that says this.
    Text(String),
    /// The one with this name, and this value if one is given.
    Named(String, Option<String>),
}

/// A request that a form makes, and remarks on what a reader would not expect.
#[derive(Debug)]
pub struct Submission {
    /// The request, without cookies and credential.
    pub request: Request,
    /// The remarks.
    pub notes: Vec<String>,
}

impl Page {
    /// Reads an answer; `None` when it is no page.
    pub fn read(response: &Response, address: &Address) -> Option<Self> {
        if !is_page(response) || response.body.len() > LONGEST {
            return None;
        }
        let content_type = response.headers.text("content-type").unwrap_or_default();
        let (text, encoding) = parse::decode(&response.body, &content_type);
        let parsed = parse::parse(&text);
        let (forms, _) = form::read(&parsed, None);
        let base = signs::base(&parsed.html, address.url());
        let signs = Signs::read(&parsed.html, &forms, response, &base);
        let policy = submit::Policy::read(response, &parsed.html);
        drop(parsed);
        Some(Self { address: address.clone(), base, encoding, policy, text, forms, signs })
    }

    /// Where it came from.
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Finds a form: the one that a selector matches, or the only one.
    pub fn choose(&self, selector: Option<&str>) -> Result<&Form, Fault> {
        let found = match selector {
            None => (0..self.forms.len()).collect(),
            Some(selector) => self.matching(selector)?,
        };
        let there: Vec<String> = self.forms.iter().map(Form::title).collect();
        let there = crate::term::list(&there, "and");
        match found.as_slice() {
            [one] => Ok(&self.forms[*one]),
            [] if self.forms.is_empty() => {
                let title = self.signs.title.as_ref().map_or_else(String::new, |t| format!(" \"{t}\""));
                Err(Fault { message: format!("the page{title} has no form"), help: Vec::new() })
            }
            [] => {
                let message = format!("the page has no form `{}`", selector.unwrap_or_default());
                Err(Fault { message, help: vec![format!("it has {there}")] })
            }
            several => {
                let message = match selector {
                    None => format!("the page has {} forms", several.len()),
                    Some(selector) => format!("`{selector}` matches {} forms", several.len()),
                };
                Err(Fault {
                    message,
                    help: vec![format!("say which with `form:` and a CSS selector; there are {there}")],
                })
            }
        }
    }

    /// The places of the forms that a selector matches.
    fn matching(&self, selector: &str) -> Result<Vec<usize>, Fault> {
        let selector = read_selector(selector).map_err(|message| Fault { message, help: Vec::new() })?;
        Ok(form::read(&parse::parse(&self.text), Some(&selector)).1)
    }

    /// Fills a form and makes the request that a browser would send.
    pub fn submit(&self, form: &Form, filling: &Filling) -> Result<Submission, Fault> {
        submit::submit(self, form, filling)
    }

    /// A request for another page that this one leads to, as a browser sends it.
    pub fn visit(&self, address: Address) -> Request {
        submit::visit(&self.policy, &self.address, address)
    }
}

/// A request for a page that nobody led to.
pub fn open(address: Address) -> Request {
    let mut headers = crate::http::Headers::default();
    headers.add("accept", ACCEPT);
    Request { method: "GET".to_owned(), address, headers, body: bytes::Bytes::new() }
}

/// Reads a CSS selector; the sentence says what is wrong with it.
pub fn read_selector(text: &str) -> Result<Selector, String> {
    Selector::parse(text).map_err(|_| format!("`{text}` is no CSS selector"))
}

/// Tells whether an answer is a page: it says so, or says nothing and looks like one.
pub fn is_page(response: &Response) -> bool {
    let media = response.media_type();
    if media.is_empty() {
        let start = &response.body[..response.body.len().min(200)];
        let start = UTF_8.decode(start).0.trim_start().to_ascii_lowercase();
        return start.starts_with("<!doctype html") || start.starts_with("<html");
    }
    media == "text/html" || media == "application/xhtml+xml"
}
