//! Pushed authorization requests (RFC 9126): the request goes from server to server, the browser carries its name.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use serde_json::json;

use super::client_auth::authenticate;
use super::clients::Client;
use super::dpop;
use super::error::{OAuthError, Reply};
use super::params::{Params, Posted};
use super::request::{self, AuthRequest, Fault};
use crate::demo::state::App;
use crate::demo::{clock, random};

/// How the name of a pushed request begins.
pub(super) const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// How many seconds a pushed request is kept.
const LIFE: u64 = 60;

/// A request that waits for its browser.
#[derive(Debug)]
pub(crate) struct Pushed {
    request: AuthRequest,
    pub(crate) until_ms: u64,
}

pub(super) fn routes() -> Router<App> {
    Router::new().route("/oauth/par", post(push)).route("/oauth/mtls/par", post(push))
}

async fn push(State(app): State<App>, posted: Posted) -> Response {
    let response = answer(&app, &posted).into_response();
    dpop::with_token_nonce(&app, &posted, response)
}

fn answer(app: &App, posted: &Posted) -> Reply {
    let client = authenticate(app, posted)?;
    if posted.params.get("request_uri").is_some() {
        return Err(OAuthError::invalid_request("a pushed request names no other request"));
    }
    same_client(client, posted.params.get("client_id"))?;
    let params = with_client(&posted.params, client);
    let mut request = request::read(app, &params, true).map_err(|fault| match fault {
        Fault::Page(error) | Fault::Redirect(_, error) => error,
    })?;
    request.jkt = dpop::at_push(app, posted, request.jkt.as_deref())?;
    let uri = format!("{PREFIX}{}", random::secret());
    let pushed = Pushed { request, until_ms: clock::now_ms() + LIFE * 1000 };
    app.oauth.books().pushed.insert(uri.clone(), pushed);
    let body = axum::Json(json!({ "request_uri": uri, "expires_in": LIFE }));
    Ok((StatusCode::CREATED, body).into_response())
}

/// A client pushes only its own requests.
fn same_client(client: &Client, named: Option<&str>) -> Result<(), OAuthError> {
    if named.is_none_or(|n| n == client.id) {
        return Ok(());
    }
    Err(OAuthError::invalid_request("client_id names another client than the one that authenticated"))
}

fn with_client(params: &Params, client: &Client) -> Params {
    let mut params = params.clone();
    params.set("client_id", client.id);
    params
}

/// Takes a pushed request out: it is good for one browser, for its client, and for a minute (RFC 9126 §2.2, §4).
pub(super) fn redeem(app: &App, params: &Params, uri: &str) -> Result<AuthRequest, OAuthError> {
    let refusal = |why: &str| OAuthError::new("invalid_request_uri", why);
    let client = params.need("client_id")?;
    let mut books = app.oauth.books();
    let of_another = books.pushed.get(uri).is_some_and(|p| p.request.client.id != client);
    if of_another {
        return Err(refusal("the request_uri belongs to another client"));
    }
    let pushed = books.pushed.remove(uri).ok_or_else(|| refusal("the request_uri is unknown or was used before"))?;
    if pushed.until_ms <= clock::now_ms() {
        return Err(refusal("the request_uri has expired"));
    }
    Ok(pushed.request)
}
