//! The HTML pages of the web area.

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse as _, Response};

/// What a browser may do with the pages: nothing but show them and send their forms here.
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");

/// The login page, with the error of the last try if there was one.
pub(super) fn login(csrf: &str, next: &str, username: &str, error: Option<&str>) -> Response {
    let error = error.map(|e| format!("<p class=\"error\">{}</p>", escape(e))).unwrap_or_default();
    let next = if next.is_empty() {
        String::new()
    } else {
        format!("<input type=\"hidden\" name=\"next\" value=\"{}\">", escape(next))
    };
    page(
        "Log in",
        "",
        &format!(
            "<h1>Log in</h1>{error}<form id=\"login\" method=\"post\" action=\"/web/login\">\
             <input type=\"hidden\" name=\"csrf_token\" value=\"{csrf}\">{next}\
             <label>User name <input type=\"text\" name=\"username\" value=\"{}\" autocomplete=\"username\"></label>\
             <label>Password <input type=\"password\" name=\"password\" autocomplete=\"current-password\"></label>\
             <button type=\"submit\" name=\"action\" value=\"login\">Log in</button></form>",
            escape(username)
        ),
    )
}

/// The page of whoever is logged in, with the forms to change something.
pub(super) fn account(csrf: &str, name: &str, display_name: &str) -> Response {
    let hidden = format!("<input type=\"hidden\" name=\"csrf_token\" value=\"{csrf}\">");
    page(
        "Account",
        &format!("<meta name=\"csrf-token\" content=\"{csrf}\">"),
        &format!(
            "<h1>Account</h1><p>Logged in as <strong id=\"username\">{}</strong></p>\
             <form id=\"profile\" method=\"post\" action=\"/web/profile\">{hidden}\
             <label>Shown as <input type=\"text\" name=\"display_name\" value=\"{}\"></label>\
             <button type=\"submit\">Save</button></form>\
             <form id=\"logout\" method=\"post\" action=\"/web/logout\">{hidden}\
             <button type=\"submit\">Log out</button></form>",
            escape(name),
            escape(display_name)
        ),
    )
}

/// A page with a script of its own, which its policy allows and nothing else.
pub(super) fn scripted(body: &str) -> Response {
    let policy = HeaderValue::from_static("default-src 'none'; script-src 'unsafe-inline'; form-action 'self'");
    let mut response = page("One moment", "", body);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// A page that may do nothing but be shown and send its forms here.
pub(crate) fn page(title: &str, head: &str, body: &str) -> Response {
    let html = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>{head}</head>\
         <body>{body}</body></html>"
    );
    let own = HeaderValue::from_static("same-origin");
    ([(header::CONTENT_SECURITY_POLICY, POLICY), (header::REFERRER_POLICY, own)], Html(html)).into_response()
}

/// Text as it may stand in HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_people_typed_cannot_become_markup() {
        assert_eq!(super::escape("\"><b a='&'>"), "&quot;&gt;&lt;b a=&#39;&amp;&#39;&gt;");
    }
}
