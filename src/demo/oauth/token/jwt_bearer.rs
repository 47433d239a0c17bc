//! A signed assertion instead of a login (RFC 7523 §2.1): a registered key speaks for itself or for a person.

use super::{Issue, Request};
use crate::demo::clock;
use crate::demo::oauth::clients::{self, Client, Grant, Method};
use crate::demo::oauth::error::{OAuthError, Reply};
use crate::demo::oauth::params::Posted;
use crate::demo::oauth::{assertion, mint, scope};

/// The client that only the assertion names, if the request brings nothing else.
pub(super) fn client(posted: &Posted) -> Option<&'static Client> {
    let named = ["client_id", "client_secret", "client_assertion"].iter().any(|n| posted.params.get(n).is_some());
    if named || posted.headers.contains_key(axum::http::header::AUTHORIZATION) {
        return None;
    }
    let client = clients::find(&assertion::issuer(posted.params.get("assertion")?)?)?;
    (client.method == Method::None && client.may(Grant::JwtBearer)).then_some(client)
}

pub(super) fn answer(request: &Request<'_>) -> Reply {
    let token = request.need("assertion")?;
    let scope = scope::wanted(request.client, request.get("scope"))?;
    let audience = scope::audience(request.app, &request.posted.params)?;
    let assertion =
        assertion::verify(request.app, request.client, token, "grant").map_err(OAuthError::invalid_grant)?;
    let mut grant = request.own_grant(scope, audience);
    if assertion.subject != request.client.id {
        let name = assertion.subject.strip_prefix("u-").unwrap_or(&assertion.subject);
        grant.subject = mint::person(name);
        grant.user = Some(name.to_owned());
        request.still_enabled(&grant).map_err(|_| OAuthError::invalid_grant("the subject is not known here"))?;
    }
    let family = request.app.oauth.books().open(grant.clone(), clock::now_ms());
    request.issue(Issue::of(&family, &grant, None))
}
