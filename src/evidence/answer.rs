//! What an answer says: its challenges, its words, and who may have given it in the API's place.

use super::words::{self, Word};
use crate::http::challenge::{Challenge, parse_challenges};
use crate::http::{Request, Response};
use crate::page::is_way_in;
use crate::secret::{SecretSet, TextKind};
use crate::term::shorten;

/// Bytes of a body that are searched for words.
const SEARCHED: usize = 16 * 1024;

/// An answer as rules see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// What kind of page it is.
    pub page: Page,
    /// The challenges of `WWW-Authenticate`, masked.
    pub challenges: Vec<Challenge>,
    /// Whether `Proxy-Authenticate` is there.
    pub proxy_challenge: bool,
    /// What it says in words.
    pub words: Vec<Word>,
    /// Its own sentence and its code, masked.
    pub said: Said,
    /// Where it points to, masked.
    pub location: Option<String>,
    /// The path it points to looks like a login page.
    pub to_login: bool,
    /// Header fields that its text names, such as `X-Api-Key`.
    pub names: Vec<String>,
    /// `Retry-After`, in words.
    pub retry_after: Option<String>,
    /// Seconds it was kept by a cache.
    pub age: Option<u64>,
    /// A cache says that it answered.
    pub cached: bool,
    /// `Server` and `Via`, in lower case.
    pub server: String,
    /// A field by which the operator finds the request in the log.
    pub trace: Option<(String, String)>,
    /// `Allow`, where methods are told.
    pub allow: Option<String>,
    /// It calls a token inactive (RFC 7662, section 2.2).
    pub is_inactive: bool,
    /// A page may read it: `Access-Control-Allow-Origin` is there.
    pub cors: bool,
}

/// The kind of page an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Nothing.
    Empty,
    /// JSON.
    Json,
    /// JSON that says that it is an error, whatever the status.
    JsonError,
    /// A page with a password field.
    Login,
    /// Another HTML page.
    Html,
    /// Something else.
    Other,
}

/// What a server says about an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The sentence.
    pub sentence: Option<String>,
    /// The code, such as `invalid_grant`.
    pub code: Option<String>,
    /// The names of the fields that it complains about.
    pub fields: Vec<String>,
}

/// Fields that name a request for its operator.
const TRACES: &[&str] =
    &["x-request-id", "x-correlation-id", "x-amzn-requestid", "x-amz-cf-id", "cf-ray", "traceparent", "x-trace-id"];

pub(super) fn read(request: &Request, response: &Response, secrets: &SecretSet) -> Answer {
    let lines: Vec<Vec<u8>> = response.headers.all("www-authenticate").map(|v| v.to_vec()).collect();
    let challenges = parse_challenges(lines.iter().map(Vec::as_slice));
    let field = |name: &str| response.headers.text(name);
    let mask = |text: &str| secrets.mask_text(TextKind::Plain, text);
    let body = String::from_utf8_lossy(&response.body[..response.body.len().min(SEARCHED)]).into_owned();
    let json: Option<serde_json::Value> = serde_json::from_slice(&response.body).ok();
    let page = page(response, json.as_ref(), &body);
    let mut text = if matches!(page, Page::Html | Page::Login) { without_tags(&body) } else { body };
    for challenge in &challenges {
        text.extend(challenge.params.iter().map(|(_, value)| format!("\n{value}")));
    }
    let lower = text.to_lowercase();
    let searched = response.status >= 400 || page == Page::JsonError;
    let mut said = json.as_ref().map(|json| said(json, &mask)).unwrap_or_default();
    let described = || challenges.iter().find_map(|c| c.param("error_description")).map(|d| shorten(&mask(d), 160));
    said.sentence = said.sentence.take().or_else(described);
    let location = field("location");
    let mut challenges: Vec<Challenge> = challenges.into_iter().map(|c| masked(c, &mask)).collect();
    challenges.shrink_to_fit();
    Answer {
        status: response.status,
        page,
        proxy_challenge: response.headers.has("proxy-authenticate"),
        words: if searched { words::find(&lower) } else { Vec::new() },
        names: if searched { header_names(&text) } else { Vec::new() },
        said,
        to_login: location
            .as_ref()
            .and_then(|l| request.address.join(l).ok())
            .is_some_and(|to| is_way_in(&request.address, &to)),
        location: location.map(|l| secrets.mask_text(TextKind::Url, &l)),
        retry_after: field("retry-after").map(|v| shorten(&mask(&v), 40)),
        age: field("age").and_then(|v| v.trim().parse().ok()),
        cached: ["x-cache", "cf-cache-status", "x-cache-status"]
            .iter()
            .filter_map(|name| field(name))
            .any(|v| v.to_ascii_lowercase().contains("hit")),
        server: [field("server"), field("via")].into_iter().flatten().collect::<Vec<_>>().join(" ").to_lowercase(),
        trace: TRACES.iter().find_map(|name| Some(((*name).to_owned(), shorten(&mask(&field(name)?), 80)))),
        allow: field("allow"),
        is_inactive: json.as_ref().is_some_and(|json| json.get("active") == Some(&serde_json::Value::Bool(false))),
        cors: response.headers.has("access-control-allow-origin"),
        challenges,
    }
}

fn masked(challenge: Challenge, mask: &dyn Fn(&str) -> String) -> Challenge {
    Challenge {
        // A token that stands where a scheme is expected may be anything.
        scheme: mask(&challenge.scheme),
        token68: None,
        params: challenge.params.into_iter().map(|(n, v)| (n, shorten(&mask(&v), 160))).collect(),
        problems: Vec::new(),
    }
}

fn page(response: &Response, json: Option<&serde_json::Value>, body: &str) -> Page {
    if response.body.is_empty() {
        return Page::Empty;
    }
    if let Some(json) = json.filter(|j| j.is_object() || j.is_array()) {
        return if is_error(json) { Page::JsonError } else { Page::Json };
    }
    let start = body.trim_start().to_ascii_lowercase();
    if response.media_type().contains("html") || start.starts_with("<!doctype html") || start.starts_with("<html") {
        let compact = body.to_ascii_lowercase().replace(['"', '\'', ' '], "");
        return if compact.contains("type=password") { Page::Login } else { Page::Html };
    }
    Page::Other
}

/// Tells whether a JSON text says that something went wrong, as GraphQL and RPC do with status 200.
fn is_error(json: &serde_json::Value) -> bool {
    use serde_json::Value;
    let full = |v: &Value| match v {
        Value::Null | Value::Bool(false) => false,
        Value::String(s) => !s.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::Object(_) => true,
    };
    let failed = json.get("success") == Some(&Value::Bool(false)) || json.get("ok") == Some(&Value::Bool(false));
    failed || ["error", "errors"].iter().filter_map(|n| json.get(n)).any(full)
}

/// Takes the sentence, the code and the fields out of an error in JSON.
fn said(json: &serde_json::Value, mask: &dyn Fn(&str) -> String) -> Said {
    use serde_json::Value;
    let first = |list: &Value| list.as_array().and_then(|l| l.first()).cloned();
    let inner = [json.get("error"), json.get("errors"), json.get("detail")].into_iter().flatten();
    let nested: Vec<Value> = inner.filter_map(|v| if v.is_object() { Some(v.clone()) } else { first(v) }).collect();
    let places: Vec<&Value> = std::iter::once(json).chain(&nested).collect();
    let text = |names: &[&str]| {
        let found = names.iter().flat_map(|n| places.iter().filter_map(move |p| p.get(n)?.as_str()));
        found.filter(|t| !t.trim().is_empty()).map(|t| shorten(&mask(t), 160)).next()
    };
    let is_code = |t: &String| t.len() <= 60 && !t.contains(' ');
    let sentence = text(&["error_description", "message", "detail", "msg", "title", "reason"]);
    let plain = nested.is_empty().then(|| json.as_str()).flatten().map(|t| shorten(&mask(t), 160));
    let code = text(&["error", "code", "error_code", "errorCode"]).filter(is_code);
    let sentence = sentence.or_else(|| text(&["error"])).or(plain);
    // FastAPI: `detail: [{ loc: [body, username], msg }]`.
    let located = |v: &Value| Some(v.get("loc")?.as_array()?.last()?.as_str()?.to_owned());
    let lists = json.get("detail").and_then(Value::as_array).into_iter().flatten();
    Said { sentence, code, fields: lists.filter_map(located).take(5).collect() }
}

/// The text of a page without its tags, scripts and styles.
fn without_tags(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        out.push_str(&rest[..open]);
        let tag = &rest[open..];
        let name: String = tag[1..].chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        let end = match name.as_str() {
            "script" | "style" => tag.to_ascii_lowercase().find(&format!("</{name}")),
            _ => tag.find('>').map(|i| i + 1),
        };
        out.push(' ');
        rest = end.map_or("", |end| &tag[end.max(1)..]);
    }
    out.push_str(rest);
    out
}

/// Header fields for credentials that a text names.
fn header_names(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_') {
        let lower = word.to_ascii_lowercase();
        let is_name = (lower.starts_with("x-") && lower.len() > 4)
            || ["authorization", "api-key", "apikey", "api_key"].contains(&lower.as_str());
        if is_name && names.iter().all(|n| n.to_ascii_lowercase() != lower) && names.len() < 4 {
            names.push(word.to_owned());
        }
    }
    names
}

impl Answer {
    /// Tells whether it says this.
    pub fn says(&self, word: Word) -> bool {
        self.words.contains(&word)
    }

    /// Gives the error code of its challenge (RFC 6750, section 3.1).
    pub fn challenge_error(&self) -> Option<&str> {
        self.challenges.iter().find_map(|c| c.param("error"))
    }

    /// Tells whether its error code is this one, in the challenge or the body.
    pub fn has_code(&self, code: &str) -> bool {
        self.challenge_error() == Some(code) || self.said.code.as_deref() == Some(code)
    }

    /// The error that it sends the browser back to the client with (RFC 6749, section 4.1.2.1).
    pub fn sent_back(&self) -> Option<String> {
        let location = self.location.as_ref().filter(|_| (300..400).contains(&self.status))?;
        let (_, parameters) = location.split_once(['?', '#'])?;
        let mut all = parameters.split(['&', '?', '#']);
        let code = all.find_map(|pair| pair.strip_prefix("error=")).filter(|code| !code.is_empty())?;
        Some(shorten(code, 60))
    }

    /// Quotes the server's own sentence.
    pub fn quoted(&self) -> Option<String> {
        let text = self.said.sentence.as_ref().or(self.said.code.as_ref())?;
        Some(format!("the server says \"{text}\""))
    }

    /// The scheme words of its challenges, each once.
    pub fn schemes(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        for challenge in self.challenges.iter().filter(|c| !c.scheme.is_empty()) {
            if all.iter().all(|s| !challenge.is(s)) {
                all.push(&challenge.scheme);
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Said {
        said(&serde_json::from_str(json).unwrap(), &|t| t.to_owned())
    }

    #[test]
    fn the_servers_own_sentence_is_found_in_many_shapes() {
        for (json, sentence, code) in [
            (r#"{"error":"invalid_grant","error_description":"no such code"}"#, "no such code", Some("invalid_grant")),
            (r#"{"message":"jwt expired"}"#, "jwt expired", None),
            (r#"{"detail":"Not authenticated"}"#, "Not authenticated", None),
            (r#"{"error":{"code":"X1","message":"gone"}}"#, "gone", Some("X1")),
            (r#"{"errors":[{"message":"no"}]}"#, "no", None),
            (r#"{"error":"all went wrong here"}"#, "all went wrong here", None),
            (r#""Missing authorization header""#, "Missing authorization header", None),
        ] {
            let said = of(json);
            assert_eq!((said.sentence.as_deref(), said.code.as_deref()), (Some(sentence), code), "{json}");
        }
        let fields = of(r#"{"detail":[{"loc":["body","username"],"msg":"Field required"}]}"#);
        assert_eq!((fields.fields, fields.sentence.as_deref()), (vec!["username".to_owned()], Some("Field required")));
    }

    #[test]
    fn errors_with_status_200_are_seen() {
        let error = |json: &str| is_error(&serde_json::from_str(json).unwrap());
        assert!(error(r#"{"error":"x"}"#) && error(r#"{"errors":[1]}"#) && error(r#"{"success":false}"#));
        assert!(!error(r#"{"error":null}"#) && !error(r#"{"errors":[]}"#) && !error(r#"{"success":true}"#));
    }

    #[test]
    fn pages_lose_their_tags_and_fields_are_named() {
        assert_eq!(without_tags("<p>CSRF <b>failed</b></p><script>a<b</script>!").replace(' ', ""), "CSRFfailed!");
        assert_eq!(header_names("send X-Api-Key or Authorization; x-api-key"), ["X-Api-Key", "Authorization"]);
    }
}
