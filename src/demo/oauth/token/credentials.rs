//! The client acts for itself (RFC 6749 §4.4). There is no refresh token: it can ask again at any time.

use super::{Issue, Request};
use crate::demo::clock;
use crate::demo::oauth::error::Reply;
use crate::demo::oauth::scope;

pub(super) fn answer(request: &Request<'_>) -> Reply {
    let scope = scope::wanted(request.client, request.get("scope"))?;
    let audience = scope::audience(request.app, &request.posted.params)?;
    let grant = request.own_grant(scope, audience);
    let family = request.app.oauth.books().open(grant.clone(), clock::now_ms());
    request.issue(Issue::of(&family, &grant, None))
}
