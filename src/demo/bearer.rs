//! Who calls: the Bearer credential of a request (RFC 6750), and the roles a route demands.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::clock;
use super::error::{ApiError, insufficient_scope, invalid_token, many_credentials, no_token};
use super::state::App;
use super::users::{Role, Standing};

/// A person whose access token is good, with the roles they have now.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) roles: Vec<Role>,
    pub(crate) sid: String,
    /// When the access token expires, in seconds.
    pub(crate) exp: u64,
}

/// A caller who may read what concerns others: an auditor or an admin.
pub(crate) struct Reader;

/// A caller who is an admin.
pub(crate) struct Admin(pub(crate) Caller);

/// A caller, or a stranger; a bad token is refused all the same.
pub(crate) struct MaybeCaller(pub(crate) Option<Caller>);

impl Caller {
    pub(crate) fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// May pass with any of the roles; the refusal names the first, which is the least that suffices.
    fn require(&self, roles: &[Role]) -> Result<(), ApiError> {
        if roles.iter().any(|r| self.has(*r)) {
            return Ok(());
        }
        Err(insufficient_scope(roles.first().map_or("user", |r| r.name())))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        identify(parts, app).await?.ok_or_else(no_token)
    }
}

impl FromRequestParts<App> for MaybeCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        identify(parts, app).await.map(Self)
    }
}

impl FromRequestParts<App> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, app).await?;
        caller.require(&[Role::Auditor, Role::Admin])?;
        Ok(Self)
    }
}

impl FromRequestParts<App> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, app).await?;
        caller.require(&[Role::Admin])?;
        Ok(Self(caller))
    }
}

/// The caller, nobody when the request brings no Bearer credential, or the refusal of a bad one.
async fn identify(parts: &Parts, app: &App) -> Result<Option<Caller>, ApiError> {
    let Some(token) = token(parts)? else {
        return Ok(None);
    };
    let keys = app.keys.get().await?;
    let claims = keys.verify(&app.url, token, clock::now_ms()).map_err(|why| invalid_token(&why))?;
    let store = app.store();
    let session =
        store.sessions.get(&claims.sid).ok_or_else(|| invalid_token("the session of the token is unknown"))?;
    if let Some(why) = session.refusal(&claims.jti) {
        return Err(invalid_token(&why));
    }
    let user = store.users.get(&session.user).filter(|u| u.id == claims.sub);
    let user = user.ok_or_else(|| invalid_token("the subject of the token is unknown"))?;
    if user.standing == Standing::Disabled {
        return Err(invalid_token("the token was revoked: the account was disabled"));
    }
    Ok(Some(Caller {
        id: user.id.clone(),
        name: user.name.clone(),
        roles: user.roles.clone(),
        sid: claims.sid,
        exp: claims.exp,
    }))
}

/// The token of the request, if it brings exactly one in the header.
fn token(parts: &Parts) -> Result<Option<&str>, ApiError> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let first = values.next();
    // A token in the query is never accepted (RFC 9700 §4.3.2), but beside one in the header it is a contradiction.
    if values.next().is_some() || (first.is_some() && has_query_token(parts)) {
        return Err(many_credentials());
    }
    let Some(value) = first else { return Ok(None) };
    let value = value.to_str().map_err(|_| invalid_token("the token is malformed"))?.trim();
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        if rest.is_empty() && scheme.contains('.') {
            return Err(invalid_token("the word Bearer is missing before the token"));
        }
        return Ok(None);
    }
    let token = rest.trim_start_matches(' ');
    if token.is_empty() {
        return Ok(None);
    }
    if !is_b64token(token) {
        return Err(invalid_token("the token is malformed"));
    }
    Ok(Some(token))
}

fn has_query_token(parts: &Parts) -> bool {
    let query = parts.uri.query().unwrap_or_default();
    query.split('&').any(|pair| pair.split('=').next() == Some("access_token"))
}

/// The `b64token` of RFC 6750 §2.1.
fn is_b64token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
}
