//! What is known of a login's pages before they are seen, and what a refusal by one of them most often means.

use jiff::Timestamp;

use super::{CONSENT_FORM, LOGIN_FORM, LOGOUT_FORM};
use crate::auth::{Exchange, PUSH, PageScript, speaks_of_pushing};
use crate::exec::exchange::StepRun;
use crate::http::jar::Jar;
use crate::http::{Request, is_token, percent_decoded};
use crate::page::{Form, Kind, Known, Page};
use crate::template::{Scope, Value};

/// What of an exchange with a page is the likely cause, when it is refused by its status.
pub(super) fn likely((label, request): (&str, &str), status: u16, said: &str) -> Option<&'static str> {
    let is_pushed = request.contains("request_uri=");
    match (label, status) {
        ("authorize", 400..=403) if is_pushed => Some(
            "the request was pushed before, and this one refers to it by its `request_uri`: that is good once and not for long (RFC 9126, section 2.2), for the client that pushed it",
        ),
        ("authorize", 400..=403) if speaks_of_pushing(said) => Some(PUSH),
        ("authorize", 400..=404) => Some(
            "before it sends a browser anywhere, a server looks at `client.id` and `redirect_uri`: both are as they are registered, to the last character",
        ),
        (LOGIN_FORM, 400 | 401 | 422) => {
            Some("check the identity's `username` and `password`, or what `fields:` fills in")
        }
        (LOGIN_FORM | CONSENT_FORM | LOGOUT_FORM, 403 | 419) => Some(
            "the page's CSRF token or the cookie that it goes with was not taken: `authspec login IDENTITY -v` shows both",
        ),
        _ => None,
    }
}

/// What a case changed the code of a device to in the address of its page, if it did.
pub(super) fn retyped(run: &StepRun<'_>, open: &Exchange, code: &str) -> Option<serde_json::Value> {
    let mut pairs = url::form_urlencoded::parse(open.request.address.query().as_bytes());
    let (name, _) = pairs.find(|(_, value)| value == code)?;
    let variation = run.talking?.variations.iter().find(|v| v.path() == format!("{}.{name}", open.label))?;
    Some(variation.value().clone())
}

/// What is known of the person and of the page.
pub(super) fn known(script: &PageScript, scope: &Scope) -> Result<Known, crate::template::TemplateError> {
    let identity = scope.get("identity");
    let field = |name: &str| {
        let value = identity.as_ref().and_then(|i| i.get_attr(name).ok());
        value.as_ref().and_then(Value::as_str).map(ToOwned::to_owned)
    };
    let filling = script.fill.filling(scope)?;
    Ok(Known {
        form: script.fill.form.as_ref().map(|f| f.render(scope)).transpose()?,
        fields: script.named.then_some(filling.fields),
        button: filling.button,
        username: field("username"),
        password: field("password"),
        agree: script.agree,
        user_code: script.user_code.clone(),
    })
}

/// Cookies whose value a script of the page sends back in a field.
const DOUBLE_SUBMIT: &[(&str, &str)] = &[("XSRF-TOKEN", "X-XSRF-TOKEN"), ("csrftoken", "X-CSRFToken")];

/// A form without a token of its own is one that a script sends, with the token of a meta element or a cookie.
pub(super) fn carry_token(request: &mut Request, page: &Page, form: &Form, jar: &Jar) {
    const WORDS: &[&str] = &["csrf", "xsrf", "token", "verification"];
    let is_guard = |name: &str| WORDS.iter().any(|w| name.to_ascii_lowercase().contains(w));
    let own = form.inputs().any(|c| c.kind == Kind::Hidden && is_guard(&c.name));
    if own || request.method != "POST" || request.address.origin() != page.address().origin() {
        return;
    }
    if let Some(token) = &page.signs.token {
        let header = token.header.clone().unwrap_or_else(|| "X-CSRF-Token".to_owned());
        if is_token(&header) {
            request.headers.set(header, token.value.replace(['\r', '\n'], ""));
        }
        return;
    }
    for (cookie, header) in DOUBLE_SUBMIT {
        if let Some(found) = jar.find(cookie, Timestamp::now()).next() {
            request.headers.set(*header, percent_decoded(found.value.text().as_bytes()));
        }
    }
}
