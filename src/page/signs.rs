//! What a page does by itself and says about itself, as far as a login needs to know.

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::form::Form;
use super::submit::resolve;
use super::words;
use crate::http::{Address, Response};

/// What was found on a page.
#[derive(Debug, Clone, Default)]
pub struct Signs {
    /// Its title.
    pub title: Option<String>,
    /// The text of what it marks as an error, on one line.
    pub error: Option<String>,
    /// The page it goes on to by itself.
    pub refresh: Option<Refresh>,
    /// The form that it sends by itself.
    pub sends_itself: Option<usize>,
    /// The CSRF token that a meta element holds for scripts.
    pub token: Option<MetaToken>,
}

/// A page that leads to another one after a time (section 4.2.5.3, "shared declarative refresh steps").
#[derive(Debug, Clone)]
pub struct Refresh {
    /// Where it leads.
    pub to: Address,
    /// After which time.
    pub after: Duration,
}

/// A CSRF token in the head of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaToken {
    /// The token.
    pub value: String,
    /// The header field that the page names for it.
    pub header: Option<String>,
}

/// Elements by which pages say that something went wrong, the plainest first.
const ERRORS: &[&str] = &[
    "[role=alert]",
    ".errornote",
    ".errorlist",
    ".error",
    ".errors",
    ".alert-danger",
    ".alert-error",
    ".invalid-feedback",
    "[aria-live=assertive]",
    "#error",
    "#error-message",
    "[class*=error]",
    ".alert",
    ".flash",
    ".message",
];

/// Names of meta elements that hold a CSRF token, lower case.
const TOKENS: &[&str] = &["csrf-token", "csrf_token", "csrftoken", "_csrf", "csrf", "xsrf-token", "_token"];
/// Names of meta elements that name the field it travels in.
const HEADERS: &[&str] = &["_csrf_header", "csrf-header", "csrf_header", "_csrf-header"];

static SENDS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?i)submit\s*\(").expect("a constant pattern"));

impl Signs {
    pub(super) fn read(html: &Html, forms: &[Form], response: &Response, base: &Url) -> Self {
        let title = select(html, "title").first().map(|t| words::line(&words::text(**t))).filter(|t| !t.is_empty());
        Self {
            title,
            error: error(html),
            refresh: refresh(html, response, base),
            sends_itself: sends_itself(html, forms),
            token: token(html),
        }
    }
}

/// The URL that others on the page start from (section 4.2.3): the first `base` with an `href` that can be used.
pub(super) fn base(html: &Html, page: &Url) -> Url {
    let first = select(html, "base[href]").first().and_then(|b| b.attr("href")).map(ToOwned::to_owned);
    let found = first.and_then(|href| page.join(href.trim()).ok());
    found.filter(|url| !matches!(url.scheme(), "data" | "javascript")).unwrap_or_else(|| page.clone())
}

fn select<'h>(html: &'h Html, selector: &str) -> Vec<ElementRef<'h>> {
    let Ok(selector) = Selector::parse(selector) else { return Vec::new() };
    let in_template =
        |e: &ElementRef<'_>| e.ancestors().any(|a| a.value().as_element().is_some_and(|a| a.name() == "template"));
    html.select(&selector).filter(|e| !in_template(e)).collect()
}

fn error(html: &Html) -> Option<String> {
    ERRORS.iter().find_map(|selector| {
        let found = select(html, selector);
        // A form or an input in a state of error says nothing itself.
        let texts = found.iter().filter(|e| !matches!(e.value().name(), "html" | "body" | "form" | "input" | "script"));
        let mut texts = texts.map(|e| words::line(&words::text(**e)));
        texts.find(|t| !t.is_empty())
    })
}

fn refresh(html: &Html, response: &Response, base: &Url) -> Option<Refresh> {
    let field = response.headers.text("refresh");
    let meta = || {
        let found = select(html, "meta[http-equiv=refresh i][content]");
        found.first().and_then(|m| m.attr("content")).map(ToOwned::to_owned)
    };
    read_refresh(&field.or_else(meta)?, base)
}

/// Reads `5; url=/there`. Without a URL a page only loads itself again, which leads nowhere.
fn read_refresh(text: &str, base: &Url) -> Option<Refresh> {
    let text = text.trim_start();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (time, rest) = text.split_at(digits);
    if time.is_empty() {
        return None;
    }
    let after = Duration::from_secs(time.split('.').next().and_then(|t| t.parse().ok()).unwrap_or(0));
    let rest = rest.trim_start().trim_start_matches([';', ',']).trim_start();
    let named = rest
        .get(..3)
        .filter(|n| n.eq_ignore_ascii_case("url"))
        .and_then(|_| rest[3..].trim_start().strip_prefix('=').map(str::trim_start));
    let url = named.unwrap_or(rest);
    let url = match url.chars().next() {
        Some(quote @ ('"' | '\'')) => url[1..].split(quote).next().unwrap_or(""),
        _ => url,
    };
    let url = url.trim();
    if url.is_empty() { None } else { Some(Refresh { to: resolve(base, url).ok()?, after }) }
}

/// A form without anything to fill in or press, and a script that sends it. A page whose script lies elsewhere is
/// taken for one when nobody else could send its only form.
fn sends_itself(html: &Html, forms: &[Form]) -> Option<usize> {
    let hidden: Vec<usize> = forms
        .iter()
        .enumerate()
        .filter(|(_, f)| f.inputs().all(|c| c.kind == super::Kind::Hidden))
        .map(|(at, _)| at)
        .collect();
    let scripts = select(html, "script");
    let mut code: String = scripts.iter().map(|s| words::raw(**s)).collect();
    for holder in select(html, "[onload]") {
        code.push_str(holder.attr("onload").unwrap_or_default());
    }
    let names = |form: &Form| {
        let own = [form.id.as_deref(), form.name.as_deref()];
        own.into_iter().flatten().any(|n| !n.is_empty() && code.contains(n))
    };
    if SENDS.is_match(&code) {
        return hidden.iter().find(|at| names(&forms[**at])).or_else(|| hidden.first()).copied();
    }
    let outside = scripts.iter().any(|s| s.attr("src").is_some());
    match (forms, hidden.as_slice()) {
        ([form], [0]) if outside && !form.controls.is_empty() && form.is_hidden() => Some(0),
        _ => None,
    }
}

fn token(html: &Html) -> Option<MetaToken> {
    let metas = select(html, "meta[name][content]");
    let find = |names: &[&str]| {
        metas.iter().find_map(|m| {
            let name = m.attr("name")?.to_ascii_lowercase();
            let content = m.attr("content").filter(|c| !c.is_empty())?;
            names.contains(&name.as_str()).then(|| content.to_owned())
        })
    };
    Some(MetaToken { value: find(TOKENS)?, header: find(HEADERS) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_is_read_as_a_browser_reads_it() {
        let base = Url::parse("http://a.test/x/y").unwrap();
        let read = |text: &str| read_refresh(text, &base).map(|r| (r.to.to_string(), r.after.as_secs()));
        assert_eq!(read("0; url=/b"), Some(("http://a.test/b".into(), 0)));
        assert_eq!(read(" 3 ;URL = 'z?q=1' "), Some(("http://a.test/x/z?q=1".into(), 3)));
        assert_eq!(read("1.5,\"http://c.test/\""), Some(("http://c.test/".into(), 1)));
        assert_eq!(read("0 /b"), Some(("http://a.test/b".into(), 0)));
        for none in ["5", "", "; url=/b", "url=/b", "0; url=javascript:x", "0; url="] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
