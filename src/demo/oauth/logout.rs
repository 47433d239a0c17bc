//! Logging out at the request of a client (OpenID Connect RP-Initiated Logout 1.0).

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use super::clients::{self, CLIENTS, Client};
use super::error::OAuthError;
use super::interaction::{Person, person};
use super::params::{Asked, Params};
use super::{mint, pages};
use crate::demo::body::Form;
use crate::demo::cookie;
use crate::demo::error::ApiError;
use crate::demo::routes::web::{see_other, with_cookie};
use crate::demo::state::App;
use crate::demo::web;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/oauth/logout", get(logout).post(logout)).route("/oauth/logout/confirm", post(confirm))
}

async fn logout(State(app): State<App>, Asked(params, headers, _): Asked) -> Response {
    match decide(&app, &headers, params).await {
        Ok(response) => response,
        Err(error) => pages::refusal(error.status, &error.description),
    }
}

async fn decide(app: &App, headers: &HeaderMap, params: Result<Params, OAuthError>) -> Result<Response, OAuthError> {
    let params = params?;
    let (client, hinted) = asks(app, &params).await?;
    let to = next(app, &params, client)?;
    let Some(person) = person(app, headers) else {
        return Ok(gone(to));
    };
    // Without a hint any page could log people out, so they are asked (§2, §6).
    if hinted.is_some_and(|sub| sub == mint::person(&person.name)) {
        return Ok(end(app, &person, to));
    }
    Ok(pages::logout(&person.csrf, &to.unwrap_or_default()))
}

/// The client that asks, and the subject of the ID token that it brings as a hint.
async fn asks(app: &App, params: &Params) -> Result<(Option<&'static Client>, Option<String>), OAuthError> {
    let named = params.get("client_id");
    let client = named.and_then(clients::find);
    if named.is_some() && client.is_none() {
        return Err(OAuthError::invalid_request("the client is not known here"));
    }
    let Some(hint) = params.get("id_token_hint") else { return Ok((client, None)) };
    let keys = app.oauth.keys().await?;
    let claims = mint::verify_hint(app, &keys, hint)
        .map_err(|why| OAuthError::invalid_request(format!("the id_token_hint is not good: {why}")))?;
    let text = |name: &str| claims.get(name).and_then(serde_json::Value::as_str);
    if named.is_some_and(|id| text("aud") != Some(id)) {
        return Err(OAuthError::invalid_request("the id_token_hint was given to another client"));
    }
    Ok((text("aud").and_then(clients::find), text("sub").map(str::to_owned)))
}

/// Where to go afterwards: only to what is registered for the client, letter for letter (§3).
fn next(app: &App, params: &Params, client: Option<&Client>) -> Result<Option<String>, OAuthError> {
    let Some(uri) = params.get("post_logout_redirect_uri") else { return Ok(None) };
    if !client.is_some_and(|c| registered(app, c, uri)) {
        return Err(OAuthError::invalid_request("the post_logout_redirect_uri is not registered for the client"));
    }
    let mut to = url::Url::parse(uri).map_err(|_| OAuthError::invalid_request("that is no URL"))?;
    if let Some(state) = params.get("state") {
        to.query_pairs_mut().append_pair("state", state);
    }
    Ok(Some(to.to_string()))
}

fn registered(app: &App, client: &Client, uri: &str) -> bool {
    let own = |r: &str| r.starts_with('/') && uri.strip_prefix(app.url.as_str()) == Some(r);
    client.after_logout.iter().any(|r| *r == uri || own(r))
}

async fn confirm(State(app): State<App>, headers: HeaderMap, form: Form) -> Response {
    let Some(person) = person(&app, &headers) else { return gone(None) };
    if let Err(error) = web::guard(&app, &headers, &person.csrf, form.get("csrf_token")) {
        return pages::refusal(error.status(), error.message());
    }
    let to = form.get("next");
    let bare = to.split('?').next().unwrap_or_default();
    if !to.is_empty() && !CLIENTS.iter().any(|c| registered(&app, c, bare)) {
        return pages::refusal(StatusCode::BAD_REQUEST, "that page is not registered");
    }
    end(&app, &person, (!to.is_empty()).then(|| to.to_owned()))
}

/// Ends the session of the browser, and every grant that came of it.
fn end(app: &App, person: &Person, to: Option<String>) -> Response {
    app.store().web.end(&person.session);
    app.oauth.books().end_session(&person.session);
    with_cookie(gone(to), cookie::clear(app))
}

fn gone(to: Option<String>) -> Response {
    match to {
        Some(to) => see_other(&to).unwrap_or_else(ApiError::into_response),
        None => pages::message("Logged out", "You are logged out."),
    }
}
