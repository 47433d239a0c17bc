//! What a token is worth (RFC 7662): told only to clients that proved who they are.

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse as _;
use axum::routing::post;
use serde_json::{Value, json};

use super::client_auth::authenticate;
use super::clients::{self, Client, Demand};
use super::error::{OAuthError, Reply, Tried};
use super::mint;
use super::params::Posted;
use super::resource;
use crate::demo::clock;
use crate::demo::error::ApiError;
use crate::demo::state::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/oauth/introspect", post(introspect)).route("/oauth/mtls/introspect", post(introspect))
}

async fn introspect(State(app): State<App>, posted: Posted) -> Reply {
    let client = match authenticate(&app, &posted).and_then(only_confidential) {
        Err(_) if app.is_weak("introspection-open") => clients::find("gateway").ok_or_else(ApiError::internal)?,
        client => client?,
    };
    let token = posted.params.need("token")?;
    let keys = app.oauth.keys().await?;
    // A token that is not good is told in the same way, whatever is wrong with it (RFC 7662 §2.2).
    let body = match mint::verify_access(&app, &keys, token) {
        Ok(claims) => access(&app, client, &claims),
        Err(_) => refresh(&app, client, token),
    };
    Ok(axum::Json(body.unwrap_or_else(|| json!({ "active": false }))).into_response())
}

/// Nobody may search for tokens unseen (RFC 7662 §2.1).
fn only_confidential(client: &'static Client) -> Result<&'static Client, OAuthError> {
    if client.is_public() {
        return Err(OAuthError::invalid_client(Tried::Body));
    }
    Ok(client)
}

/// A client learns of its own tokens, a resource server of all.
fn may_know(client: &Client, owner: &str) -> bool {
    client.must(Demand::Introspects) || client.id == owner
}

fn access(app: &App, client: &Client, claims: &mint::Claims) -> Option<Value> {
    let living = resource::living(app, claims);
    if living.is_err() && app.is_weak("introspects-dead-tokens") {
        return Some(json!({ "active": true, "client_id": claims.client_id, "sub": claims.sub }));
    }
    let (_, grant) = living.ok()?;
    if !may_know(client, &claims.client_id) {
        return None;
    }
    let mut body = serde_json::to_value(claims).ok()?;
    body["active"] = true.into();
    body["token_type"] = if claims.jkt().is_some() { "DPoP" } else { "Bearer" }.into();
    if let Some(name) = grant.user {
        body["username"] = name.into();
    }
    Some(body)
}

fn refresh(app: &App, client: &Client, token: &str) -> Option<Value> {
    let books = app.oauth.books();
    let (grant, exp) = books.living_refresh(token, clock::now_ms())?;
    if grant.client != client.id {
        return None;
    }
    let scope = grant.scope.join(" ");
    Some(json!({ "active": true, "client_id": grant.client, "scope": scope, "sub": grant.subject, "exp": exp }))
}
