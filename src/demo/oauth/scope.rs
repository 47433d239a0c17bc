//! Scopes and audiences: what a client may ask for, and what a later request may still have of it.

use super::clients::{Client, SCOPES};
use super::error::OAuthError;
use super::params::Params;
use crate::demo::state::App;

/// What a client gets that names no scope (RFC 6749 §3.3).
const DEFAULT: &str = "orders.read";

/// The scopes a client asks for, each once, or its default.
pub(crate) fn wanted(client: &Client, asked: Option<&str>) -> Result<Vec<String>, OAuthError> {
    let asked = asked.unwrap_or(DEFAULT);
    let scopes = split(asked);
    for scope in &scopes {
        if !SCOPES.contains(&scope.as_str()) {
            return Err(OAuthError::invalid_scope("a scope is not known here"));
        }
        may_have(client, scope)?;
    }
    Ok(scopes)
}

/// A client gets only the scopes it is registered for.
fn may_have(client: &Client, scope: &str) -> Result<(), OAuthError> {
    if client.scopes.contains(&scope) {
        return Ok(());
    }
    Err(OAuthError::invalid_scope("the client may not have one of the scopes"))
}

/// The scopes a later request asks for, which must not be more than were granted (RFC 6749 §6).
pub(crate) fn narrowed(app: &App, granted: &[String], asked: Option<&str>) -> Result<Vec<String>, OAuthError> {
    let Some(asked) = asked else { return Ok(granted.to_vec()) };
    let scopes = split(asked);
    if scopes.iter().all(|s| granted.contains(s)) || app.is_weak("refresh-widens-scope") {
        return Ok(scopes);
    }
    Err(OAuthError::invalid_scope("the scope is more than was granted"))
}

fn split(text: &str) -> Vec<String> {
    let mut scopes: Vec<String> = Vec::new();
    for scope in text.split(' ').filter(|s| !s.is_empty()) {
        if !scopes.iter().any(|s| s == scope) {
            scopes.push(scope.to_owned());
        }
    }
    scopes
}

/// The protected API: the audience of a token unless its request names another.
pub(crate) fn api(app: &App) -> String {
    format!("{}/api", app.oauth.issuer)
}

/// The audience a request names by `resource` (RFC 8707 §2) or `audience` (RFC 8693 §2.1), or the API.
pub(crate) fn audience(app: &App, params: &Params) -> Result<String, OAuthError> {
    let api = api(app);
    let known = [api.clone(), format!("{}/billing", app.oauth.issuer)];
    let named: Vec<&str> = ["resource", "audience"].iter().filter_map(|n| params.get(n)).collect();
    match named.as_slice() {
        [] => Ok(api),
        [one] | [one, ..] if named.iter().all(|n| n == one) => {
            let known = known.into_iter().find(|k| k == one);
            known.ok_or_else(|| OAuthError::invalid_target("the resource is not known here"))
        }
        _ => Err(OAuthError::invalid_target("resource and audience name different targets")),
    }
}

/// The audience a later request names, which must be the one that was granted (RFC 8707 §2.2).
pub(crate) fn same_audience(app: &App, granted: &str, params: &Params) -> Result<(), OAuthError> {
    if params.get("resource").is_none() && params.get("audience").is_none() {
        return Ok(());
    }
    if audience(app, params)? == granted {
        return Ok(());
    }
    Err(OAuthError::invalid_target("the resource was not granted"))
}
