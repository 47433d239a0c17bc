//! The pages of the authorization server.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::interaction::Person;
use super::request::AuthRequest;
use crate::demo::routes::pages::{escape, page};

/// A refusal that a person sees.
pub(super) fn refusal(status: StatusCode, why: &str) -> Response {
    (status, page("Not possible", "", &format!("<h1>Not possible</h1><p role=\"alert\">{}</p>", escape(why))))
        .into_response()
}

/// A page with a sentence.
pub(super) fn message(title: &str, text: &str) -> Response {
    page(title, "", &format!("<h1>{}</h1><p>{}</p>", escape(title), escape(text)))
}

fn hidden(fields: &[(&str, &str)]) -> String {
    let input = |(name, value): &(&str, &str)| {
        format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
    };
    fields.iter().map(input).collect()
}

/// The login page.
pub(super) fn login(action: &str, csrf: &str, more: &[(&str, &str)], username: &str, error: Option<&str>) -> Response {
    let error = error.map(|e| format!("<p role=\"alert\">{}</p>", escape(e))).unwrap_or_default();
    let body = format!(
        "<h1>Log in</h1>{error}<form id=\"login\" method=\"post\" action=\"{}\">{}{}\
         <label>User name <input type=\"text\" name=\"username\" value=\"{}\" autocomplete=\"username\"></label>\
         <label>Password <input type=\"password\" name=\"password\" autocomplete=\"current-password\"></label>\
         <button type=\"submit\">Log in</button></form>",
        escape(action),
        hidden(&[("csrf_token", csrf)]),
        hidden(more),
        escape(username)
    );
    page("Log in", "", &body)
}

fn scopes(scope: &[String]) -> String {
    scope.iter().map(|s| format!("<li>{}</li>", escape(s))).collect()
}

/// Two buttons of one form: the answer is `decision`.
fn decision(action: &str, fields: &[(&str, &str)]) -> String {
    format!(
        "<form id=\"consent\" method=\"post\" action=\"{}\">{}\
         <button type=\"submit\" name=\"decision\" value=\"allow\">Allow</button>\
         <button type=\"submit\" name=\"decision\" value=\"deny\">Deny</button></form>",
        escape(action),
        hidden(fields)
    )
}

/// Asks a person whether a client may have what it asks for.
pub(super) fn consent(id: &str, person: &Person, request: &AuthRequest) -> Response {
    let body = format!(
        "<h1>Allow {}?</h1><p>{} asks for this in the name of <strong id=\"username\">{}</strong>:</p><ul>{}</ul>{}",
        escape(request.client.id),
        escape(request.client.about),
        escape(&person.name),
        scopes(&request.scope),
        decision(&format!("/oauth/interaction/{id}/consent"), &[("csrf_token", &person.csrf)])
    );
    leads_to(page("Allow?", "", &body), &request.back.redirect_uri)
}

/// Asks a person for the code that a device shows.
pub(super) fn user_code(error: Option<&str>) -> Response {
    let error = error.map(|e| format!("<p role=\"alert\">{}</p>", escape(e))).unwrap_or_default();
    let body = format!(
        "<h1>Connect a device</h1>{error}<form id=\"device\" method=\"get\" action=\"/oauth/device\">\
         <label>Code <input type=\"text\" name=\"user_code\" autocomplete=\"off\"></label>\
         <button type=\"submit\">Next</button></form>"
    );
    page("Connect a device", "", &body)
}

/// Asks a person whether the device they hold may have what it asks for.
pub(super) fn device(person: &Person, code: &str, about: &str, scope: &[String]) -> Response {
    let body = format!(
        "<h1>Allow this device?</h1><p>Code {}: {} asks for this in the name of \
         <strong id=\"username\">{}</strong>:</p><ul>{}</ul>{}",
        escape(code),
        escape(about),
        escape(&person.name),
        scopes(scope),
        decision("/oauth/device", &[("csrf_token", &person.csrf), ("user_code", code)])
    );
    page("Allow this device?", "", &body)
}

/// Asks a person whether they want to log out.
pub(super) fn logout(csrf: &str, next: &str) -> Response {
    let body = format!(
        "<h1>Log out?</h1><form id=\"logout\" method=\"post\" action=\"/oauth/logout/confirm\">{}{}\
         <button type=\"submit\">Log out</button></form>",
        hidden(&[("csrf_token", csrf)]),
        hidden(&[("next", next)])
    );
    leads_to(page("Log out?", "", &body), next)
}

/// A page that posts the answer to the client by itself (OAuth 2.0 Form Post Response Mode §2).
pub(super) fn form_post(to: &str, fields: &[(&str, String)]) -> Response {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let body = format!(
        "<form id=\"answer\" method=\"post\" action=\"{}\">{}<noscript><button type=\"submit\">Go on</button>\
         </noscript></form><script>document.forms[0].submit()</script>",
        escape(to),
        hidden(&fields)
    );
    let mut response = leads_to(page("One moment", "", &body), to);
    let policy = response.headers().get(header::CONTENT_SECURITY_POLICY).and_then(|p| p.to_str().ok());
    let policy = policy.map(|p| format!("{p}; script-src 'unsafe-inline'"));
    if let Some(Ok(policy)) = policy.map(HeaderValue::try_from) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Lets the form of a page end at another site, which browsers check also after redirects.
fn leads_to(mut response: Response, uri: &str) -> Response {
    let origin = url::Url::parse(uri).map(|u| u.origin().ascii_serialization()).unwrap_or_default();
    let policy = format!("default-src 'none'; form-action 'self' {origin}; base-uri 'none'; frame-ancestors 'none'");
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
