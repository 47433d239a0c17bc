//! Who calls: the Bearer credential of a request (RFC 6750), and the roles a route demands.

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::clock;
use super::error::{ApiError, insufficient_scope, invalid_token, many_credentials, no_token};
use super::sessions::End;
use super::state::App;
use super::token::Claims;
use super::users::{Role, Standing, User};

mod lax;

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
    fn of(user: &User, sid: String, exp: u64) -> Self {
        Self { id: user.id.clone(), name: user.name.clone(), roles: user.roles.clone(), sid, exp }
    }

    pub(crate) fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// May pass with any of the roles; the refusal names the first, which is the least that suffices.
    fn require(&self, app: &App, roles: &[Role]) -> Result<(), ApiError> {
        if roles.iter().any(|r| self.has(*r)) {
            return Ok(());
        }
        if app.is_weak("login-for-forbidden") {
            return Err(no_token());
        }
        Err(insufficient_scope(roles.first().map_or("user", |r| r.name())))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let forbids = app.is_weak("forbids-strangers");
        let refuse = || if forbids { ApiError::forbidden("this is not for you") } else { no_token() };
        identify(parts, app).await?.ok_or_else(refuse)
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
        if !app.is_weak("admin-reads-unguarded") && !by_parameter(parts, app) {
            caller.require(app, &[Role::Auditor, Role::Admin])?;
        }
        Ok(Self)
    }
}

impl FromRequestParts<App> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, app).await?;
        if !app.is_weak("admin-writes-unguarded") {
            caller.require(app, &[Role::Admin])?;
        }
        Ok(Self(caller))
    }
}

/// Whether a parameter says that the caller is an admin, and is believed.
fn by_parameter(parts: &Parts, app: &App) -> bool {
    let query = parts.uri.query().unwrap_or_default();
    let said = query.split('&').any(|pair| ["admin=true", "admin=1", "role=admin"].contains(&pair));
    let cookies = parts.headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let kept = cookies.flat_map(|line| line.split("; ")).any(|pair| pair == "role=admin");
    (said && app.is_weak("trusts-role-parameter")) || (kept && app.is_weak("trusts-role-cookie"))
}

/// The caller, nobody when the request brings no Bearer credential, or the refusal of a bad one.
async fn identify(parts: &Parts, app: &App) -> Result<Option<Caller>, ApiError> {
    if let Some(name) = lax::believed(parts, app) {
        return Ok(app.store().users.get(&name).map(|user| Caller::of(user, String::new(), u64::MAX)));
    }
    let found = lax::token(parts, app);
    let token = match &found {
        Some(token) => Some(token.as_str()),
        None => token(parts, app)?,
    };
    let Some(token) = token else { return Ok(None) };
    if let Some(caller) = by_refresh_token(app, token) {
        return Ok(Some(caller));
    }
    let keys = app.keys.get().await?;
    let claims = keys.verify(&app.weak, &app.url, token, clock::now_ms()).map_err(|why| flawed(app, token, &why))?;
    alive(app, claims).map(Some)
}

/// The holder of a refresh token, for a demo that looks up all of its tokens in one table.
fn by_refresh_token(app: &App, token: &str) -> Option<Caller> {
    if !app.is_weak("refresh-token-as-access") {
        return None;
    }
    let store = app.store();
    let session = store.sessions.of_refresh(token)?;
    store.users.get(&session.user).map(|user| Caller::of(user, String::new(), u64::MAX))
}

/// The refusal of a token that is not good by itself.
fn flawed(app: &App, token: &str, why: &str) -> ApiError {
    let crashes = (app.is_weak("crashes-on-garbage") && token.split('.').count() != 3)
        || (app.is_weak("crashes-on-odd-kid") && has_odd_kid(token));
    if crashes {
        return ApiError::internal();
    }
    if app.is_weak("leaks-token") { invalid_token(&format!("{why}: {token}")) } else { invalid_token(why) }
}

/// Whether the `kid` of the header is there and no short text.
fn has_odd_kid(token: &str) -> bool {
    let header = token.split('.').next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let header: Option<serde_json::Value> = header.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let is_short = |kid: &serde_json::Value| kid.as_str().is_some_and(|text| text.len() < 1024);
    header.is_some_and(|h| h.get("kid").is_some_and(|kid| !is_short(kid)))
}

/// The caller of claims that are good by themselves, if session and person still are.
fn alive(app: &App, claims: Claims) -> Result<Caller, ApiError> {
    let store = app.store();
    let session =
        store.sessions.get(&claims.sid).ok_or_else(|| invalid_token("the session of the token is unknown"))?;
    let forgiven = match session.ended {
        Some(End::LoggedOut) => app.is_weak("logout-keeps-token"),
        None | Some(End::Revoked) => app.is_weak("revoked-token-lives"),
        Some(End::Disabled) => app.is_weak("disabled-user-lives"),
        Some(_) => false,
    };
    if let Some(why) = session.refusal(&claims.jti).filter(|_| !forgiven) {
        return Err(invalid_token(&why));
    }
    let user = store
        .users
        .get(&session.user)
        .filter(|u| u.id == claims.sub || (claims.sub.is_empty() && app.is_weak("sub-optional")));
    let user = user.ok_or_else(|| invalid_token("the subject of the token is unknown"))?;
    if user.standing == Standing::Disabled && !app.is_weak("disabled-user-lives") {
        return Err(invalid_token("the token was revoked: the account was disabled"));
    }
    let mut caller = Caller::of(user, claims.sid, claims.exp);
    if app.is_weak("roles-from-token") {
        caller.roles = Role::ALL.iter().filter(|r| claims.roles.iter().any(|c| c == r.name())).copied().collect();
    }
    Ok(caller)
}

/// The token of the request, if it brings exactly one in the header.
fn token<'a>(parts: &'a Parts, app: &App) -> Result<Option<&'a str>, ApiError> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let first = values.next();
    // A token in the query is never accepted (RFC 9700 §4.3.2), but beside one in the header it is a contradiction.
    if values.next().is_some() || (first.is_some() && has_query_token(parts)) {
        return Err(many_credentials());
    }
    let Some(value) = first else { return Ok(None) };
    let value = value.to_str().map_err(|_| invalid_token("the token is malformed"))?.trim();
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") || (scheme != "Bearer" && app.is_weak("case-sensitive-scheme")) {
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
