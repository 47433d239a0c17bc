//! What stands before the routes of a weak demo: a gateway that guards `/admin` by the path and the method as they were
//! sent, while the application behind it is laxer. What it lets by has no guard left.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use super::state::App;
use super::{body, cookie};

/// What the gateway let by: nobody looks at it any more.
#[derive(Clone, Copy)]
pub(crate) struct Unguarded;

/// A token that came in a form.
#[derive(Clone)]
pub(crate) struct FormToken(pub(crate) String);

/// How the application spells a path.
type Spelling = fn(&str) -> String;

/// The spellings in which the gateway does not recognise a path.
const SPELLINGS: &[(&str, Spelling)] = &[
    ("merges-slashes", |path| path.replace("//", "/")),
    ("resolves-dots", resolved),
    ("decodes-paths", decoded),
    ("trims-slash", |path| path.trim_end_matches('/').to_owned()),
    ("ignores-path-case", |path| path.to_ascii_lowercase()),
    ("drops-path-parameters", without_parameters),
    ("cuts-at-nul", |path| before_mark(path, "%00")),
    ("cuts-at-question-mark", |path| before_mark(path, "%3f")),
    ("cuts-at-number-sign", |path| before_mark(path, "%23")),
    ("trims-blanks", |path| path.trim_end_matches("%20").to_owned()),
    ("turns-backslashes", |path| path.replace('\\', "/")),
    ("folds-width", narrow),
    ("steps-over-semicolons", |path| resolved(&path.replace("/..;/", "/../"))),
    ("drops-suffix", |path| path.strip_suffix(".json").unwrap_or(path).to_owned()),
];

/// What else it gets wrong.
const OTHERS: &[&str] = &[
    "trusts-original-url",
    "method-override",
    "head-unguarded",
    "unknown-method-unguarded",
    "token-in-form",
    "guards-origin-form",
    "answers-trace",
    "session-in-path",
    "trusts-path-prefix",
];

/// Puts the gateway before the routes of a demo that has one.
pub(crate) fn before(routes: Router, app: &App) -> Router {
    if !app.weak.any(OTHERS) && !SPELLINGS.iter().any(|(id, _)| app.is_weak(id)) {
        return routes;
    }
    Router::new().fallback_service(routes).layer(from_fn_with_state(App::clone(app), pass))
}

async fn pass(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut request = match body::buffer(request).await {
        Ok(request) => request,
        Err(error) => return axum::response::IntoResponse::into_response(error),
    };
    if app.is_weak("token-in-form") {
        request = with_form_token(request).await;
    }
    if app.is_weak("session-in-path") {
        with_session_of_path(&mut request);
    }
    if request.method() == Method::TRACE && app.is_weak("answers-trace") {
        return echo(&request);
    }
    let path = request.uri().path().to_owned();
    let meant = meant(&app, request.headers(), &path);
    let method = meant_method(&app, &request);
    let by_path = is_admin(&meant) && meant != path;
    let whole = request.uri().scheme().is_some() && app.is_weak("guards-origin-form");
    let prefix = request.headers().get("x-forwarded-prefix").filter(|prefix| prefix.as_bytes().len() > 1);
    let prefixed = prefix.is_some() && app.is_weak("trusts-path-prefix");
    if by_path || (is_admin(&meant) && (whole || prefixed || method.is_some())) {
        request.extensions_mut().insert(Unguarded);
    }
    if let Some(method) = method {
        *request.method_mut() = method;
    }
    let query = request.uri().query().map(|q| format!("?{q}")).unwrap_or_default();
    if let Ok(uri) = format!("{meant}{query}").parse::<Uri>()
        && by_path
    {
        *request.uri_mut() = uri;
    }
    next.run(request).await
}

fn is_admin(path: &str) -> bool {
    path.starts_with("/admin/")
}

/// The path that the application takes the request to be for.
fn meant(app: &App, headers: &HeaderMap, path: &str) -> String {
    if app.is_weak("trusts-original-url") {
        let told = ["x-original-url", "x-rewrite-url"].into_iter().find_map(|name| headers.get(name));
        if let Some(told) = told.and_then(|v| v.to_str().ok()) {
            return told.to_owned();
        }
    }
    let spelling = SPELLINGS.iter().find(|(id, _)| app.is_weak(id));
    spelling.map_or_else(|| path.to_owned(), |(_, spell)| spell(path))
}

/// The method under which the application runs a request, when the gateway guards another or none such.
fn meant_method(app: &App, request: &Request) -> Option<Method> {
    let method = request.method();
    if app.is_weak("method-override") {
        let names = ["x-http-method-override", "x-method-override", "x-http-method"];
        let told = names.into_iter().find_map(|name| request.headers().get(name)).map(HeaderValue::as_bytes);
        let mut pairs = request.uri().query().unwrap_or_default().split('&');
        let asked = pairs.find_map(|pair| pair.strip_prefix("_method=")).map(str::as_bytes);
        return told.or(asked).and_then(|v| Method::from_bytes(v).ok());
    }
    if method == Method::HEAD && app.is_weak("head-unguarded") {
        return Some(Method::HEAD);
    }
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    (!known.contains(method) && app.is_weak("unknown-method-unguarded")).then_some(Method::GET)
}

/// The request as TRACE repeats it.
fn echo(request: &Request) -> Response {
    let mut text = format!("TRACE {} HTTP/1.1\r\n", request.uri());
    for (name, value) in request.headers() {
        text.push_str(name.as_str());
        text.push_str(": ");
        text.push_str(&String::from_utf8_lossy(value.as_bytes()));
        text.push_str("\r\n");
    }
    axum::response::IntoResponse::into_response(([(header::CONTENT_TYPE, "message/http")], text))
}

fn before_mark(path: &str, mark: &str) -> String {
    path.split(mark).next().unwrap_or_default().to_owned()
}

/// Full-width letters as the plain ones that look like them.
fn narrow(path: &str) -> String {
    let plain = |c: char| match u32::from(c) {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0).unwrap_or(c),
        _ => c,
    };
    decoded(path).chars().map(plain).collect()
}

fn resolved(path: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    format!("/{}", out.join("/"))
}

fn decoded(path: &str) -> String {
    percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
}

fn without_parameters(path: &str) -> String {
    path.split('/').map(|part| part.split(';').next().unwrap_or_default()).collect::<Vec<_>>().join("/")
}

/// Takes the session id out of the path, as servlet containers do for browsers without cookies.
fn with_session_of_path(request: &mut Request) {
    let Some((path, id)) = request.uri().path().split_once(&format!(";{}=", cookie::NAME)) else { return };
    let query = request.uri().query().map(|q| format!("?{q}")).unwrap_or_default();
    let cookie = HeaderValue::try_from(format!("{}={id}", cookie::NAME));
    if let (Ok(uri), Ok(cookie)) = (format!("{path}{query}").parse::<Uri>(), cookie) {
        *request.uri_mut() = uri;
        request.headers_mut().insert(header::COOKIE, cookie);
    }
}

/// Takes the token out of a form (RFC 6750 §2.2).
async fn with_form_token(request: Request) -> Request {
    let form = request.headers().get(header::CONTENT_TYPE).is_some_and(|t| t == "application/x-www-form-urlencoded");
    if !form {
        return request;
    }
    let (mut parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let token = url::form_urlencoded::parse(&bytes).find(|(name, _)| name == "access_token");
    if let Some((_, token)) = token {
        parts.extensions.insert(FormToken(token.into_owned()));
    }
    Request::from_parts(parts, bytes.into())
}
