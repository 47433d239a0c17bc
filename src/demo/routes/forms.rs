//! Login pages of other kinds: where the CSRF token stands, how many pages there are, what leads on by itself.
//!
//! Each begins with GET at its own path and ends in a cookie session, like `/web/login`.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::Deserialize;

use super::pages::{escape, page, scripted};
use super::web::{see_other, with_cookie};
use crate::demo::body::Form;
use crate::demo::error::{Answer, ApiError};
use crate::demo::state::App;
use crate::demo::web::{self, IDLE};
use crate::demo::{clock, cookie, random, signin};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/forms/meta", get(meta_page).post(meta))
        .route("/forms/cookie", get(cookie_page).post(cookie_login))
        .route("/forms/steps", get(steps_page).post(steps))
        .route("/forms/auto", get(auto_page).post(auto))
        .route("/forms/refresh", get(refresh_page).post(refresh))
        .route("/forms/finish", get(finish_link).post(finish_form))
}

const FIELDS: &str = "<label>User name <input name=\"username\"></label>\
    <label>Password <input type=\"password\" name=\"password\"></label><button>Log in</button>";

/// A login form; the error of the last try stands above it.
fn login_form(path: &str, head: &str, inputs: &str, error: Option<&str>) -> Response {
    let error = error.map(|e| format!("<p role=\"alert\">{}</p>", escape(e))).unwrap_or_default();
    page("Log in", head, &format!("{error}<form method=\"post\" action=\"{path}\">{inputs}</form>"))
}

/// The session of a browser that is not logged in yet, opened when it has none.
fn guest(app: &App, headers: &HeaderMap) -> (String, Option<HeaderValue>) {
    if let Some((_, session)) = web::current(app, headers) {
        return (session.csrf, None);
    }
    let (id, session) = app.store().web.open(None, IDLE, clock::now_ms());
    (session.csrf, Some(cookie::set(app, &id)))
}

/// Opens a session, or gives the error to show.
async fn enter(app: &App, form: &Form) -> Result<String, &'static str> {
    let name = form.get("username");
    signin::check(app, name, form.get("password")).await.map_err(|_| "Wrong user name or password.")?;
    Ok(app.store().web.open(Some(name), IDLE, clock::now_ms()).0)
}

/// A failed login is a page with 200 here, as with many frameworks.
async fn logged_in(app: &App, form: &Form, again: impl FnOnce(&str) -> Response) -> Answer {
    match enter(app, form).await {
        Ok(id) => Ok(with_cookie(see_other("/web/account")?, cookie::set(app, &id))),
        Err(error) => Ok(again(error)),
    }
}

fn meta_head(csrf: &str) -> String {
    format!("<meta name=\"csrf-token\" content=\"{csrf}\">")
}

/// The token stands in a meta element, and a script would send it as `X-CSRF-Token`.
async fn meta_page(State(app): State<App>, headers: HeaderMap) -> Response {
    let (csrf, cookie) = guest(&app, &headers);
    let page = login_form("/forms/meta", &meta_head(&csrf), FIELDS, None);
    match cookie {
        Some(cookie) => with_cookie(page, cookie),
        None => page,
    }
}

async fn meta(State(app): State<App>, headers: HeaderMap, form: Form) -> Answer {
    let (csrf, _) = guest(&app, &headers);
    web::guard(&app, &headers, &csrf, "")?;
    logged_in(&app, &form, |e| login_form("/forms/meta", &meta_head(&csrf), FIELDS, Some(e))).await
}

/// The token stands in a cookie that scripts can read, and comes back as `X-XSRF-TOKEN`.
async fn cookie_page(State(app): State<App>) -> Response {
    let token = format!("{}%3D", random::secret());
    let secure = if app.url.starts_with("https") { "; Secure" } else { "" };
    let page = login_form("/forms/cookie", "", FIELDS, None);
    match HeaderValue::try_from(format!("XSRF-TOKEN={token}; Path=/; SameSite=Lax{secure}")) {
        Ok(cookie) => with_cookie(page, cookie),
        Err(_) => page,
    }
}

async fn cookie_login(State(app): State<App>, headers: HeaderMap, form: Form) -> Answer {
    double_submit(&headers)?;
    logged_in(&app, &form, |e| login_form("/forms/cookie", "", FIELDS, Some(e))).await
}

/// Holds the cookie against the field, decoded.
fn double_submit(headers: &HeaderMap) -> Result<(), ApiError> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    let own = lines.flat_map(|l| l.split("; ")).find_map(|pair| pair.strip_prefix("XSRF-TOKEN="));
    let sent = headers.get("x-xsrf-token").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let fits = own.is_some_and(|own| !sent.is_empty() && random::same(sent, &own.replace("%3D", "=")));
    let why = "the field X-XSRF-TOKEN must hold the value of the cookie XSRF-TOKEN";
    if fits { Ok(()) } else { Err(ApiError::new(StatusCode::FORBIDDEN, "csrf", why)) }
}

const NAME_ONLY: &str = "<label>E-mail or user name <input name=\"username\"></label><button>Next</button>";

/// First the name, then the password.
async fn steps_page() -> Response {
    login_form("/forms/steps", "", NAME_ONLY, None)
}

async fn steps(State(app): State<App>, form: Form) -> Answer {
    let second = |error: Option<&str>| {
        let inputs = format!(
            "<input type=\"hidden\" name=\"username\" value=\"{}\">\
             <label>Password <input type=\"password\" name=\"password\"></label><button>Log in</button>",
            escape(form.get("username"))
        );
        login_form("/forms/steps", "", &inputs, error)
    };
    if form.get("password").is_empty() {
        return Ok(second(None));
    }
    logged_in(&app, &form, |e| second(Some(e))).await
}

/// The login ends at a page whose script sends the next form.
async fn auto_page() -> Response {
    login_form("/forms/auto", "", FIELDS, None)
}

async fn auto(State(app): State<App>, form: Form) -> Answer {
    Ok(match enter(&app, &form).await {
        Ok(id) => scripted(&format!(
            "<form id=\"on\" method=\"post\" action=\"/forms/finish\"><input type=\"hidden\" name=\"ticket\" value=\"{id}\">\
             <noscript><button>Continue</button></noscript></form><script>document.getElementById('on').submit()</script>"
        )),
        Err(error) => login_form("/forms/auto", "", FIELDS, Some(error)),
    })
}

/// The login ends at a page that leads on by itself.
async fn refresh_page() -> Response {
    login_form("/forms/refresh", "", FIELDS, None)
}

async fn refresh(State(app): State<App>, form: Form) -> Answer {
    Ok(match enter(&app, &form).await {
        Ok(id) => {
            let head = format!("<meta http-equiv=\"refresh\" content=\"0; url=/forms/finish?ticket={id}\">");
            page("One moment", &head, "<p>You are being logged in.</p>")
        }
        Err(error) => login_form("/forms/refresh", "", FIELDS, Some(error)),
    })
}

#[derive(Deserialize)]
struct Ticket {
    ticket: String,
}

async fn finish_link(State(app): State<App>, Query(Ticket { ticket }): Query<Ticket>) -> Answer {
    finish(&app, &ticket)
}

async fn finish_form(State(app): State<App>, form: Form) -> Answer {
    finish(&app, form.get("ticket"))
}

fn finish(app: &App, ticket: &str) -> Answer {
    if app.store().web.touch(ticket, clock::now_ms()).is_none() {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "ticket", "this ticket is not known; log in again"));
    }
    Ok(with_cookie(see_other("/web/account")?, cookie::set(app, ticket)).into_response())
}
