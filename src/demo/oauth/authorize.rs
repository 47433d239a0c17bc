//! The authorization endpoint: reads the request, and sends the browser to its login and consent, or straight back.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use url::form_urlencoded::Serializer;

use super::error::OAuthError;
use super::interaction::{self, Pending};
use super::params::{Asked, Params};
use super::request::{self, AuthRequest, Back, Fault, Mode};
use super::token::code;
use super::{pages, par};
use crate::demo::routes::web::{see_other, with_cookie};
use crate::demo::state::App;
use crate::demo::web::{self, IDLE};
use crate::demo::{clock, cookie, random};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/oauth/authorize", get(authorize).post(authorize))
}

async fn authorize(State(app): State<App>, Asked(params, headers, query): Asked) -> Response {
    match request(&app, params, &query) {
        Ok(request) => begin(&app, &headers, request).unwrap_or_else(|e| pages::refusal(e.status, &e.description)),
        Err(Fault::Page(error)) => pages::refusal(error.status, &error.description),
        Err(Fault::Redirect(back, error)) => answer(&app, &back, &error_fields(&error)),
    }
}

/// The request of the parameters, or of the push that they name (RFC 9126 §4).
fn request(app: &App, params: Result<Params, OAuthError>, query: &str) -> Result<AuthRequest, Fault> {
    let params = match params {
        Ok(params) => params,
        Err(error) => return Err(twice(app, error, query)),
    };
    match params.get("request_uri") {
        Some(uri) if uri.starts_with(par::PREFIX) => par::redeem(app, &params, uri).map_err(Fault::Page),
        _ => request::read(app, &params, false),
    }
}

/// A parameter that is there twice is told to the client, unless it is one that says where the client is.
fn twice(app: &App, error: OAuthError, query: &str) -> Fault {
    let names = ["client_id", "redirect_uri"];
    let times = |name: &str| url::form_urlencoded::parse(query.as_bytes()).filter(|(n, _)| n == name).count();
    if names.iter().any(|n| times(n) != 1) {
        return Fault::Page(error);
    }
    let mut clean = Serializer::new(String::new());
    for name in names {
        clean.append_pair(name, &Params::first_of(query, name).unwrap_or_default());
    }
    let addressee = Params::of_query(&clean.finish()).and_then(|p| request::addressee(app, &p));
    match addressee {
        Ok((_, redirect_uri)) => {
            let state = if times("state") == 1 { Params::first_of(query, "state") } else { None };
            Fault::Redirect(Box::new(Back { redirect_uri, state, mode: Mode::Query }), error)
        }
        Err(error) => Fault::Page(error),
    }
}

/// Starts the way of a person to their answer: what must be asked is asked on pages.
fn begin(app: &App, headers: &HeaderMap, request: AuthRequest) -> Result<Response, OAuthError> {
    let (session, cookie) = if let Some((id, _)) = web::current(app, headers) {
        (id, None)
    } else {
        let (id, _) = app.store().web.open(None, IDLE, clock::now_ms());
        let cookie = cookie::set(app, &id);
        (id, Some(cookie))
    };
    let person = interaction::person(app, headers);
    let pending = Pending::new(request, session);
    let login = pending.needs_login(person.as_ref());
    let consent = person.as_ref().is_none_or(|p| pending.needs_consent(app, p));
    let response = if pending.request.prompt.none && (login || consent) {
        let code = if login { "login_required" } else { "consent_required" };
        let error = OAuthError::new(code, "the person must be asked, and prompt=none forbids that");
        return Ok(answer(app, &pending.request.back, &error_fields(&error)));
    } else if let (Some(person), false, false) = (&person, login, consent) {
        return Ok(grant(app, &pending.request, person));
    } else {
        let id = random::secret();
        let to = format!("/oauth/interaction/{id}");
        app.oauth.books().pending.insert(id, pending);
        see_other(&to)?
    };
    Ok(match cookie {
        Some(cookie) => with_cookie(response, cookie),
        None => response,
    })
}

/// Gives the client its code.
pub(super) fn grant(app: &App, request: &AuthRequest, person: &interaction::Person) -> Response {
    let code = code::issue(app, request, person);
    answer(app, &request.back, &[("code", code)])
}

/// Tells the client that the person said no.
pub(super) fn deny(app: &App, request: &AuthRequest) -> Response {
    answer(app, &request.back, &error_fields(&OAuthError::new("access_denied", "the person did not allow it")))
}

fn error_fields(error: &OAuthError) -> [(&'static str, String); 2] {
    [("error", error.code.to_owned()), ("error_description", error.description.clone())]
}

/// The answer to an authorization request, with the state and with who answers (RFC 9207).
fn answer(app: &App, back: &Back, fields: &[(&'static str, String)]) -> Response {
    let mut fields: Vec<(&str, String)> = fields.to_vec();
    if let Some(state) = &back.state {
        fields.push(("state", state.clone()));
    }
    fields.push(("iss", app.oauth.issuer.clone()));
    match back.mode {
        Mode::FormPost => pages::form_post(&back.redirect_uri, &fields),
        Mode::Query => {
            let Ok(mut to) = url::Url::parse(&back.redirect_uri) else {
                return pages::refusal(StatusCode::BAD_REQUEST, "the redirect_uri is no URL");
            };
            to.query_pairs_mut().extend_pairs(&fields);
            // 303, so that what was posted here is not posted there (RFC 9700 §4.12).
            see_other(to.as_str()).unwrap_or_else(IntoResponse::into_response)
        }
    }
}
