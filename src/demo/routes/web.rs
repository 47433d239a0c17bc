//! The web area: a login page, and what a browser does after it.

use axum::Router;
use axum::extract::{FromRequest as _, FromRequestParts as _, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use super::{empty, json, pages};
use crate::demo::body::{Form, Input, Shape};
use crate::demo::error::{Answer, ApiError};
use crate::demo::signin::{self, Refused};
use crate::demo::state::App;
use crate::demo::web::{self, IDLE, WebCaller};
use crate::demo::{clock, cookie};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/web/login", get(login_page).post(login))
        .route("/web/api/login", post(api_login))
        .route("/web/account", get(account))
        .route("/web/session", get(session))
        .route("/web/profile", post(profile))
        .route("/web/settings", post(settings))
        .route("/web/logout", post(logout))
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

/// Shows the form. A browser without a session gets one, so that the form's CSRF token belongs to somebody.
async fn login_page(State(app): State<App>, headers: HeaderMap, Query(Next { next }): Query<Next>) -> Response {
    if let Some((_, session)) = web::current(&app, &headers) {
        return pages::login(&session.csrf, local(&app, &next), "", None);
    }
    let (id, session) = app.store().web.open(None, IDLE, clock::now_ms());
    with_cookie(pages::login(&session.csrf, local(&app, &next), "", None), cookie::set(&app, &id))
}

/// A path of this site to go on to, or nothing: a login must not send people elsewhere.
fn local<'a>(app: &App, next: &'a str) -> &'a str {
    if app.is_weak("open-redirect") {
        return next;
    }
    let elsewhere = next.starts_with("//") || next.contains(['\\', '\r', '\n', '\t']);
    if next.starts_with('/') && !elsewhere { next } else { "" }
}

/// An answer that also sets or clears a cookie.
pub(crate) fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

/// Sends the browser on with GET.
pub(crate) fn see_other(to: &str) -> Result<Response, ApiError> {
    let location = HeaderValue::try_from(to).map_err(|_| ApiError::bad_request("next is no path"))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

/// The idle timeout a login asks for, in seconds.
fn idle(asked: &str) -> Result<u64, ApiError> {
    if asked.is_empty() {
        return Ok(IDLE);
    }
    let seconds = asked.parse().ok().filter(|s| (1..=IDLE).contains(s));
    seconds.ok_or_else(|| ApiError::bad_request(format!("lifetime must be from 1 to {IDLE} seconds")))
}

/// Logs in by the form. The session id is made anew, so an id that was planted before is worth nothing.
async fn login(State(app): State<App>, headers: HeaderMap, form: Form) -> Answer {
    let before = web::current(&app, &headers);
    let expected = before.as_ref().map(|(_, s)| s.csrf.as_str()).unwrap_or_default();
    web::guard(&app, &headers, expected, form.get("csrf_token"))?;
    let idle = idle(form.get("lifetime"))?;
    let (username, next) = (form.get("username"), local(&app, form.get("next")));
    if let Err(refused) = signin::check(&app, username, form.get("password")).await {
        let error = match refused {
            Refused::Locked(seconds) => ApiError::locked(seconds),
            Refused::Wrong => signin::wrong().challenge(&web::challenge()),
        };
        let page = pages::login(expected, next, username, Some(error.message()));
        let mut response = (error.status(), page).into_response();
        for (name, value) in error.headers() {
            response.headers_mut().append(name, value.clone());
        }
        return Ok(response);
    }
    let response = see_other(if next.is_empty() { "/web/account" } else { next })?;
    Ok(with_cookie(response, enter(&app, &headers, username, idle)))
}

/// Opens the session of a person who proved who they are, and gives its cookie.
fn enter(app: &App, headers: &HeaderMap, name: &str, idle: u64) -> HeaderValue {
    let mut store = app.store();
    if let Some(old) = cookie::session_id(headers) {
        if app.is_weak("session-fixation") && store.web.adopt(old, name) {
            return cookie::set(app, old);
        }
        store.web.end(old);
    }
    let (id, _) = store.web.open(Some(name), idle, clock::now_ms());
    cookie::set(app, &id)
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
    lifetime: Option<u64>,
}

impl Shape for Login {
    const SHAPE: &'static str = "{\"username\": text, \"password\": text}, and may have \"lifetime\" in seconds";
}

/// Logs in without a page. It needs no CSRF token: another site's page cannot send JSON here unasked.
async fn api_login(State(app): State<App>, headers: HeaderMap, Input(login): Input<Login>) -> Answer {
    let idle = idle(&login.lifetime.map(|s| s.to_string()).unwrap_or_default())?;
    let checked = signin::check(&app, &login.username, &login.password).await;
    checked.map_err(|refused| match refused {
        Refused::Locked(seconds) => ApiError::locked(seconds),
        Refused::Wrong => signin::wrong().challenge(&web::challenge()),
    })?;
    Ok(with_cookie(empty(), enter(&app, &headers, &login.username, idle)))
}

/// Shows the account page; a browser without a session is sent to the login page, a program gets its 401.
async fn account(State(app): State<App>, request: Request) -> Answer {
    let (mut parts, _) = request.into_parts();
    let mut response = match WebCaller::from_request_parts(&mut parts, &app).await {
        Ok(caller) => pages::account(&caller.session.csrf, &caller.name, &caller.session.display_name),
        Err(_) if wants_html(&parts.headers) => see_other("/web/login?next=%2Fweb%2Faccount")?,
        Err(error) => error.into_response(),
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept, Cookie"));
    Ok(response)
}

fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|a| a.to_str().ok()).unwrap_or_default();
    accepted.to_ascii_lowercase().contains("text/html")
}

async fn session(caller: WebCaller) -> Response {
    let body = json!({
        "username": caller.name,
        "csrf_token": caller.session.csrf,
        "expires_in": caller.session.seconds_left(clock::now_ms()),
    });
    json(StatusCode::OK, &body)
}

async fn profile(State(app): State<App>, caller: WebCaller, headers: HeaderMap, form: Form) -> Answer {
    web::guard(&app, &headers, &caller.session.csrf, form.get("csrf_token"))?;
    let mut shown = caller.session.display_name.clone();
    if let Some(wanted) = form.0.get("display_name") {
        shown = named(&app, &caller, wanted)?;
    }
    Ok(json(StatusCode::OK, &json!({ "username": caller.name, "display_name": shown })))
}

#[derive(Deserialize)]
struct Settings {
    display_name: String,
}

impl Shape for Settings {
    const SHAPE: &'static str = "{\"display_name\": text}";
}

/// The same change by JSON. It needs no CSRF token: another site's page cannot send JSON here unasked.
async fn settings(State(app): State<App>, caller: WebCaller, mut request: Request) -> Answer {
    if app.is_weak("json-by-any-type") {
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    } else {
        web::own_page(&app, request.headers())?;
    }
    let Input(wanted): Input<Settings> = Input::from_request(request, &app).await?;
    let shown = named(&app, &caller, &wanted.display_name)?;
    Ok(json(StatusCode::OK, &json!({ "username": caller.name, "display_name": shown })))
}

/// Gives a person another name to be shown.
fn named(app: &App, caller: &WebCaller, wanted: &str) -> Result<String, ApiError> {
    if wanted.is_empty() || wanted.len() > 100 {
        return Err(ApiError::bad_request("display_name has 1 to 100 bytes"));
    }
    if let Some(session) = app.store().web.touch(&caller.session_id, clock::now_ms()) {
        wanted.clone_into(&mut session.display_name);
    }
    Ok(wanted.to_owned())
}

/// Ends the session here and takes the cookie back.
async fn logout(State(app): State<App>, caller: WebCaller, headers: HeaderMap, form: Form) -> Answer {
    web::guard(&app, &headers, &caller.session.csrf, form.get("csrf_token"))?;
    if !app.is_weak("logout-keeps-cookie") {
        app.store().web.end(&caller.session_id);
    }
    app.oauth.books().end_session(&caller.session_id);
    Ok(with_cookie(see_other("/web/login")?, cookie::clear(&app)))
}
