//! The pages between an authorization request and its answer: login, then consent.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use super::request::AuthRequest;
use super::{authorize, pages};
use crate::demo::body::Form;
use crate::demo::error::ApiError;
use crate::demo::routes::web::{see_other, with_cookie};
use crate::demo::signin::{self, Refused};
use crate::demo::state::App;
use crate::demo::users::Standing;
use crate::demo::web::{self, IDLE};
use crate::demo::{clock, cookie};

/// How long a person may take, in milliseconds.
const PATIENCE_MS: u64 = 600_000;

/// An authorization request that waits for a person.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) request: AuthRequest,
    /// The browser session it came from; no other may go on with it.
    session: String,
    /// Whether the person logged in for this request.
    logged_in: bool,
    pub(crate) until_ms: u64,
}

/// A person who is logged in with a browser.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) session: String,
    pub(crate) csrf: String,
    /// When they logged in, in seconds.
    pub(crate) since: u64,
}

/// The person of a request's cookie, if somebody is logged in and still may.
pub(crate) fn person(app: &App, headers: &HeaderMap) -> Option<Person> {
    let (id, session) = web::current(app, headers)?;
    let since = session.since_ms() / 1000;
    let name = session.user?;
    let enabled = app.store().users.get(&name).is_some_and(|u| u.standing == Standing::Enabled);
    enabled.then_some(Person { name, session: id, csrf: session.csrf, since })
}

impl Pending {
    pub(crate) fn new(request: AuthRequest, session: String) -> Self {
        Self { request, session, logged_in: false, until_ms: clock::now_ms() + PATIENCE_MS }
    }

    /// Whether somebody must log in first: nobody has, or the request wants it fresh.
    pub(crate) fn needs_login(&self, person: Option<&Person>) -> bool {
        let Some(person) = person else { return true };
        if self.logged_in {
            return false;
        }
        let age = (clock::now_ms() / 1000).saturating_sub(person.since);
        // An age of 0 asks for a login now, whatever the clock rounds to (OpenID Connect Core §3.1.2.1).
        let too_old = self.request.max_age.is_some_and(|max| max == 0 || age > max);
        self.request.prompt.login || too_old
    }

    /// Whether the person must be asked: they are once per browser session, client and scope. A program on a
    /// person's machine may be any program, so for it they always are (RFC 8252 §8.6).
    pub(crate) fn needs_consent(&self, app: &App, person: &Person) -> bool {
        if self.request.prompt.consent || self.request.client.is_public() {
            return true;
        }
        let books = app.oauth.books();
        let given =
            |scope: &String| books.consents.contains(&(person.session.clone(), self.request.client.id, scope.clone()));
        !self.request.scope.iter().all(given)
    }
}

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/oauth/interaction/{id}", get(show))
        .route("/oauth/interaction/{id}/login", post(login))
        .route("/oauth/interaction/{id}/consent", post(consent))
}

/// The request of that id, if this browser began it.
fn mine(app: &App, headers: &HeaderMap, id: &str) -> Option<Pending> {
    let session = cookie::session_id(headers)?;
    let books = app.oauth.books();
    books.pending.get(id).filter(|p| p.session == session && p.until_ms > clock::now_ms()).cloned()
}

fn gone() -> Response {
    pages::refusal(StatusCode::BAD_REQUEST, "this login has ended or was begun in another browser")
}

async fn show(State(app): State<App>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let Some(pending) = mine(&app, &headers, &id) else { return gone() };
    let person = person(&app, &headers);
    match person {
        Some(person) if !pending.needs_login(Some(&person)) => pages::consent(&id, &person, &pending.request),
        _ => {
            let csrf = web::current(&app, &headers).map(|(_, s)| s.csrf).unwrap_or_default();
            let action = format!("/oauth/interaction/{id}/login");
            pages::login(&action, &csrf, &[], &pending.request.login_hint, None)
        }
    }
}

async fn login(State(app): State<App>, headers: HeaderMap, Path(id): Path<String>, form: Form) -> Response {
    let Some(mut pending) = mine(&app, &headers, &id) else { return gone() };
    let action = format!("/oauth/interaction/{id}/login");
    let session = match enter(&app, &headers, &form, &action, &[]).await {
        Ok(session) => session,
        Err(page) => return *page,
    };
    pending.session.clone_from(&session);
    pending.logged_in = true;
    app.oauth.books().pending.insert(id.clone(), pending);
    let next = see_other(&format!("/oauth/interaction/{id}")).unwrap_or_else(ApiError::into_response);
    with_cookie(next, cookie::set(&app, &session))
}

/// Logs a person in by a form of this server: the id of a fresh session, or the page that says what was wrong.
pub(super) async fn enter(
    app: &App,
    headers: &HeaderMap,
    form: &Form,
    action: &str,
    hidden: &[(&str, &str)],
) -> Result<String, Box<Response>> {
    let csrf = web::current(app, headers).map(|(_, s)| s.csrf).unwrap_or_default();
    web::guard(app, headers, &csrf, form.get("csrf_token"))
        .map_err(|e| Box::new(pages::refusal(e.status(), e.message())))?;
    let name = form.get("username");
    if let Err(refused) = signin::check(app, name, form.get("password")).await {
        let error = match refused {
            Refused::Locked(seconds) => ApiError::locked(seconds),
            Refused::Wrong => signin::wrong(),
        };
        let page = pages::login(action, &csrf, hidden, name, Some(error.message()));
        // A page for people has no scheme a program could answer with, so this is no 401.
        let status = if error.status() == StatusCode::UNAUTHORIZED { StatusCode::OK } else { error.status() };
        return Err(Box::new((status, page).into_response()));
    }
    let old = cookie::session_id(headers).unwrap_or_default();
    let new = {
        let mut store = app.store();
        store.web.end(old);
        store.web.open(Some(name), IDLE, clock::now_ms()).0
    };
    app.oauth.books().rename_session(old, &new, name);
    Ok(new)
}

async fn consent(State(app): State<App>, headers: HeaderMap, Path(id): Path<String>, form: Form) -> Response {
    let Some(pending) = mine(&app, &headers, &id) else { return gone() };
    let Some(person) = person(&app, &headers).filter(|p| !pending.needs_login(Some(p))) else {
        return pages::refusal(StatusCode::BAD_REQUEST, "log in first");
    };
    if let Err(error) = web::guard(&app, &headers, &person.csrf, form.get("csrf_token")) {
        return pages::refusal(error.status(), error.message());
    }
    let allowed = match form.get("decision") {
        "allow" => true,
        "deny" => false,
        _ => return pages::refusal(StatusCode::BAD_REQUEST, "the decision is to allow or to deny"),
    };
    {
        // Whoever takes the request out answers it; a second click finds nothing.
        let mut books = app.oauth.books();
        if books.pending.remove(&id).is_none() {
            return pages::refusal(StatusCode::BAD_REQUEST, "this was answered before");
        }
        if allowed {
            for scope in &pending.request.scope {
                books.consents.insert((person.session.clone(), pending.request.client.id, scope.clone()));
            }
        }
    }
    if allowed { authorize::grant(&app, &pending.request, &person) } else { authorize::deny(&app, &pending.request) }
}
