//! Trading a token for one that is meant for somebody else (RFC 8693).

use serde_json::json;

use super::{Issue, Request};
use crate::demo::oauth::books::Grant as Allowed;
use crate::demo::oauth::error::{OAuthError, Reply};
use crate::demo::oauth::mint::{self, Claims};
use crate::demo::oauth::{resource, scope};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

pub(super) fn answer(request: &Request<'_>) -> Reply {
    if let Some(wanted) = request.get("requested_token_type")
        && ![ACCESS_TOKEN, JWT].contains(&wanted)
    {
        return Err(OAuthError::invalid_request("only access tokens are given"));
    }
    let (subject, family, granted) = token_of(request, "subject_token")?;
    let actor = match (request.get("actor_token"), request.get("actor_token_type")) {
        (Some(_), _) => token_of(request, "actor_token")?.0.sub,
        (None, Some(_)) => return Err(OAuthError::invalid_request("there is no actor_token of that type")),
        (None, None) => request.client.id.to_owned(),
    };
    let audience = scope::audience(request.app, &request.posted.params)?;
    let held: Vec<String> = subject.scope.split(' ').map(str::to_owned).collect();
    let scope = no_more(request, &held)?;
    let grant = Allowed {
        client: request.client.id,
        audience,
        scope,
        jkt: request.jkt.clone(),
        nonce: None,
        actor: Some(actor),
        ..granted
    };
    // The new token belongs to the grant of the old one, and ends with it.
    let more = json!({ "issued_token_type": ACCESS_TOKEN });
    request.issue(Issue { more, until: Some(subject.exp), ..Issue::of(&family, &grant, None) })
}

/// The scopes of the new token: no more than the old one has, and only what the client may have.
fn no_more(request: &Request<'_>, held: &[String]) -> Result<Vec<String>, OAuthError> {
    let scope = scope::narrowed(request.app, held, request.get("scope"))?;
    let mine: Vec<String> = scope.into_iter().filter(|s| request.client.scopes.contains(&s.as_str())).collect();
    if mine.is_empty() {
        return Err(OAuthError::invalid_scope("the client may not have any of the scopes"));
    }
    Ok(mine)
}

/// A living access token of this issuer that a parameter carries (RFC 8693 §2.1).
fn token_of(request: &Request<'_>, name: &str) -> Result<(Claims, String, Allowed), OAuthError> {
    let bad = |why: &str| OAuthError::invalid_request(format!("the {name} is not good: {why}"));
    let token = request.need(name)?;
    let typ = request.need(&format!("{name}_type"))?;
    if ![ACCESS_TOKEN, JWT].contains(&typ) {
        return Err(OAuthError::invalid_request(format!("a {name} of that type is not taken here")));
    }
    let claims = mint::verify_access(request.app, request.keys, token).map_err(|why| bad(&why))?;
    let (family, grant) = resource::living(request.app, &claims).map_err(|why| bad(&why))?;
    Ok((claims, family, grant))
}
