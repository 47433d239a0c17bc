//! Refresh tokens (RFC 6749 §6): each is good once, and one that comes again ends its grant (RFC 9700 §4.14.2).

use super::{Issue, Request};
use crate::demo::clock;
use crate::demo::oauth::books::{Grant as Allowed, NotRefreshed};
use crate::demo::oauth::error::{OAuthError, Reply};
use crate::demo::oauth::scope;

pub(super) fn answer(request: &Request<'_>) -> Reply {
    let token = request.need("refresh_token")?;
    let now = clock::now_ms();
    of_this_client(request, token)?;
    let known = request.app.oauth.books().peek_refresh(token, now).map_err(refused)?;
    let scope = scope::narrowed(request.app, &known.grant.scope, request.get("scope"))?;
    scope::same_audience(request.app, &known.grant.audience, &request.posted.params)?;
    of_this_key(request, &known.grant)?;
    request.still_enabled(&known.grant)?;

    let next = {
        let mut books = request.app.oauth.books();
        books.spend_refresh(token);
        // The next one keeps the end and the scope of the first, whatever this request asks for (RFC 6749 §6).
        books.issue_refresh(&known.family, known.until_ms)
    };
    let mut grant = known.grant;
    grant.jkt.clone_from(&request.jkt);
    // The nonce was for the login; a refreshed ID token need not have it (OpenID Connect Core §12.2).
    grant.nonce = None;
    request.issue(Issue { scope: &scope, ..Issue::of(&known.family, &grant, Some(next)) })
}

fn of_this_client(request: &Request<'_>, token: &str) -> Result<(), OAuthError> {
    match request.app.oauth.books().refresh_owner(token) {
        Some((_, grant)) if grant.client != request.client.id && !request.app.is_weak("refresh-for-any-client") => {
            Err(OAuthError::invalid_grant("the refresh token was given to another client"))
        }
        _ => Ok(()),
    }
}

/// The refresh token of a public client is bound to the key of its first proof (RFC 9449 §5).
fn of_this_key(request: &Request<'_>, grant: &Allowed) -> Result<(), OAuthError> {
    if grant.jkt.is_none() || !request.client.is_public() || grant.jkt == request.jkt {
        return Ok(());
    }
    Err(OAuthError::invalid_grant("the refresh token is bound to another key"))
}

fn refused(why: NotRefreshed) -> OAuthError {
    OAuthError::invalid_grant(match why {
        NotRefreshed::Unknown => "the refresh token is not known here".to_owned(),
        NotRefreshed::Expired => "the refresh token has expired".to_owned(),
        NotRefreshed::Reused => "the refresh token was used before, so all tokens of its grant were revoked".to_owned(),
        NotRefreshed::Ended(why) => format!("the refresh token was revoked: {why}"),
    })
}
