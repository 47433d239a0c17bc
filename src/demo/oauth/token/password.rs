//! A person's name and password through the client (RFC 6749 §4.3): for old applications only (RFC 9700 §2.4).

use super::{Issue, Request};
use crate::demo::clock;
use crate::demo::oauth::error::{OAuthError, Reply};
use crate::demo::oauth::{mint, scope};
use crate::demo::signin::{self, Refused};

pub(super) async fn answer(request: &Request<'_>) -> Reply {
    let (name, password) = (request.need("username")?, request.need("password")?);
    let scope = scope::wanted(request.client, request.get("scope"))?;
    let audience = scope::audience(request.app, &request.posted.params)?;
    let user = signin::check(request.app, name, password).await.map_err(|refused| match refused {
        Refused::Locked(seconds) => {
            OAuthError::invalid_grant(format!("too many wrong passwords for this user, try again in {seconds} s"))
        }
        Refused::Wrong => OAuthError::invalid_grant("the user name or the password is wrong"),
    })?;
    let now = clock::now_ms();
    let mut grant = request.own_grant(scope, audience);
    grant.subject = mint::person(&user.name);
    grant.user = Some(user.name);
    grant.auth_time = Some(now / 1000);
    let (family, refresh_token) = request.open(&mut request.app.oauth.books(), &grant);
    request.issue(Issue::of(&family, &grant, refresh_token))
}
