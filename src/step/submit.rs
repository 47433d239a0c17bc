//! Compiles `submit`, and fills the form of the caller's last page with what it says.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::Compile;
use crate::http::{Address, Response};
use crate::page::{Fault, Fill, Filling, Page, Pick, Submission};
use crate::source::Span;
use crate::spec::{BUTTON_KEYS, Data, Node, SubmitSpec};
use crate::template::{Scope, Template, TemplateError};

/// A form to fill and send.
#[derive(Debug, Clone)]
pub struct Submit {
    /// A CSS selector of the form.
    pub form: Option<Template>,
    /// What goes into its fields, by name.
    pub fields: Vec<(Arc<str>, Span, Input)>,
    /// The button that is pressed.
    pub button: Button,
    pub(super) span: Span,
}

/// What goes into a field.
#[derive(Debug, Clone)]
pub enum Input {
    /// `null`: the input is dropped.
    Drop,
    /// A box, ticked or cleared.
    Tick(bool),
    /// A text.
    Value(Template),
    /// Several.
    Several(Vec<Template>),
}

/// The button that is pressed.
#[derive(Debug, Clone)]
pub enum Button {
    /// The only one.
    Only,
    /// `none`.
    None,
    /// The one that says this.
    Text(Template),
    /// The one that sends this.
    Named(Template, Option<Template>),
}

/// The last page that a caller got.
#[derive(Debug, Clone)]
pub struct LastPage {
    /// The answer.
    pub response: Response,
    /// Where it came from.
    pub address: Address,
}

/// Why a step cannot be sent.
#[derive(Debug)]
pub struct Unready {
    /// The code of the reason.
    pub code: &'static str,
    /// What is wrong, one sentence.
    pub message: String,
    /// Where it is written.
    pub span: Span,
    /// What to do.
    pub help: Vec<String>,
    /// When it is worth trying again, if that helps.
    pub ready_at: Option<Timestamp>,
}

impl From<TemplateError> for Unready {
    fn from(error: TemplateError) -> Self {
        let TemplateError { message, span, ready_at } = error;
        Self { code: "template", message, span, help: Vec::new(), ready_at }
    }
}

impl Compile<'_, '_> {
    /// Compiles a form to fill.
    pub fn submit(&mut self, spec: &SubmitSpec) -> Option<Submit> {
        let form = match &spec.form {
            None => None,
            Some(node) => Some(self.reader.template(node)?),
        };
        let fields: Vec<Option<_>> = spec
            .fields
            .iter()
            .map(|entry| Some((Arc::clone(&entry.key), entry.key_span, self.input(&entry.value)?)))
            .collect();
        let button = spec.button.as_ref().map_or(Some(Button::Only), |node| self.button(node))?;
        Some(Submit { form, fields: fields.into_iter().collect::<Option<_>>()?, button, span: spec.node.span })
    }

    fn input(&mut self, node: &Node) -> Option<Input> {
        Some(match &node.data {
            Data::Null => Input::Drop,
            Data::Bool(ticked) => Input::Tick(*ticked),
            Data::List(items) => {
                let items: Vec<Option<Template>> = items.iter().map(|n| self.reader.template(n)).collect();
                Input::Several(items.into_iter().collect::<Option<_>>()?)
            }
            Data::Number(..) | Data::Text(_) | Data::Map(_) => Input::Value(self.reader.template(node)?),
        })
    }

    fn button(&mut self, node: &Node) -> Option<Button> {
        match &node.data {
            Data::Text(text) if &**text == "none" => Some(Button::None),
            Data::Map(_) => {
                let keys = self.reader.fields(node, BUTTON_KEYS, "`button`")?;
                let name = self.reader.need(keys, node, "name", "`button`").and_then(|n| self.reader.template(n))?;
                let value = match keys.get("value") {
                    None => None,
                    Some(node) => Some(self.reader.template(node)?),
                };
                Some(Button::Named(name, value))
            }
            _ => self.reader.template(node).map(Button::Text),
        }
    }
}

impl Submit {
    /// A form of which nothing is said.
    pub const fn untold(span: Span) -> Self {
        Self { form: None, fields: Vec::new(), button: Button::Only, span }
    }

    /// Makes the request: the form of the page, filled.
    pub fn request(&self, scope: &Scope, last: Option<&LastPage>) -> Result<Submission, Unready> {
        let Some(last) = last else {
            let help = "first ask for the page that holds the form, as the same caller in the same case";
            return Err(self.unready("there is no page yet whose form could be sent".to_owned(), vec![help.to_owned()]));
        };
        let Some(page) = Page::read(&last.response, &last.address) else {
            let message = format!("the page at {} is too long to be read for its forms", last.address);
            return Err(self.unready(message, Vec::new()));
        };
        self.fill(scope, &page)
    }

    /// Fills a form of a page.
    pub fn fill(&self, scope: &Scope, page: &Page) -> Result<Submission, Unready> {
        let selector = self.form.as_ref().map(|f| f.render(scope)).transpose()?;
        let at = |fault: Fault, span: Span| Unready {
            code: "form",
            message: fault.message,
            span,
            help: fault.help,
            ready_at: None,
        };
        let form = page
            .choose(selector.as_deref())
            .map_err(|f| at(f, self.form.as_ref().map_or(self.span, Template::span)))?;
        let filling = self.filling(scope)?;
        page.submit(form, &filling).map_err(|fault| {
            let named = |span: &&(Arc<str>, Span, Input)| fault.message.ends_with(&format!("`{}`", span.0));
            let field = self.fields.iter().find(named).map(|(_, span, _)| *span);
            let button = || self.button_span().filter(|_| fault.message.contains("button"));
            let span = field.or_else(button).unwrap_or(self.span);
            at(fault, span)
        })
    }

    /// What is filled in, rendered.
    pub fn filling(&self, scope: &Scope) -> Result<Filling, TemplateError> {
        let mut fields = Vec::new();
        for (name, _, input) in &self.fields {
            let fill = match input {
                Input::Drop => Fill::Drop,
                Input::Tick(ticked) => Fill::Tick(*ticked),
                Input::Several(values) => {
                    Fill::Several(values.iter().map(|v| v.render(scope)).collect::<Result<_, _>>()?)
                }
                Input::Value(template) => match template.value(scope)? {
                    Value::Bool(ticked) => Fill::Tick(ticked),
                    _ => Fill::Text(template.render(scope)?),
                },
            };
            fields.push((name.to_string(), fill));
        }
        let button = match &self.button {
            Button::Only => Pick::Only,
            Button::None => Pick::None,
            Button::Text(text) => Pick::Text(text.render(scope)?),
            Button::Named(name, value) => {
                Pick::Named(name.render(scope)?, value.as_ref().map(|v| v.render(scope)).transpose()?)
            }
        };
        Ok(Filling { fields, button })
    }

    fn button_span(&self) -> Option<Span> {
        match &self.button {
            Button::Only | Button::None => None,
            Button::Text(text) | Button::Named(text, _) => Some(text.span()),
        }
    }

    fn unready(&self, message: String, help: Vec<String>) -> Unready {
        Unready { code: "form", message, span: self.span, help, ready_at: None }
    }

    /// The step as its user reads it.
    pub(super) fn line(&self) -> String {
        let button = match &self.button {
            Button::Text(text) => Some(text.source()),
            Button::Only | Button::None | Button::Named(..) => None,
        };
        let what = self.form.as_ref().map(Template::source).or(button);
        what.map_or_else(|| "submit the form".to_owned(), |what| format!("submit {what}"))
    }

    /// Tells whether an expression in it begins with a name.
    pub(super) fn uses(&self, name: &str) -> bool {
        self.fields.iter().any(|(.., input)| match input {
            Input::Drop | Input::Tick(_) => false,
            Input::Value(template) => template.uses(name),
            Input::Several(templates) => templates.iter().any(|t| t.uses(name)),
        })
    }
}
