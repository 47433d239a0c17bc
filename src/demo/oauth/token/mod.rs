//! The token endpoint: which grant, which client, and the answer (RFC 6749 §3.2, §5).
//!
//! To add a grant: a row in `clients::GRANTS`, a file beside this one, and its arm in `answer`.

pub(crate) mod code;
mod credentials;
mod device;
mod exchange;
mod jwt_bearer;
mod password;
mod refresh;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use serde_json::{Value, json};

use super::books::{Books, Grant as Allowed};
use super::client_auth::{authenticate, certificate};
use super::clients::{Client, GRANTS, Grant, Method};
use super::error::{OAuthError, Reply};
use super::keys::Keys;
use super::params::Posted;
use super::{dpop, mint};
use crate::demo::clock;
use crate::demo::state::App;
use crate::demo::users::Standing;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/oauth/token", post(token)).route("/oauth/mtls/token", post(token))
}

async fn token(State(app): State<App>, posted: Posted) -> Response {
    let response = answer(&app, &posted).await.into_response();
    dpop::with_token_nonce(&app, &posted, response)
}

async fn answer(app: &App, posted: &Posted) -> Reply {
    let name = posted.params.need("grant_type")?;
    let grant = GRANTS.iter().find(|(_, n)| *n == name).map(|(g, _)| *g);
    // A robot's assertion says who it is; no other client is needed (RFC 7523 §3.1).
    let client = match (grant, jwt_bearer::client(posted)) {
        (Some(Grant::JwtBearer), Some(client)) => client,
        _ => authenticate(app, posted)?,
    };
    let grant = grant.ok_or_else(|| OAuthError::new("unsupported_grant_type", "the grant_type is not known here"))?;
    allowed(client, grant)?;
    let jkt = dpop::at_token(app, client, posted)?;
    let keys = app.oauth.keys().await?;
    let request = Request { app, keys: &keys, client, posted, jkt };
    match grant {
        Grant::ClientCredentials => credentials::answer(&request),
        Grant::Password => password::answer(&request).await,
        Grant::Code => code::answer(&request),
        Grant::Refresh => refresh::answer(&request),
        Grant::Device => device::answer(&request),
        Grant::Exchange => exchange::answer(&request),
        Grant::JwtBearer => jwt_bearer::answer(&request),
    }
}

/// A client gets only the grants it is registered for.
fn allowed(client: &Client, grant: Grant) -> Result<(), OAuthError> {
    if client.may(grant) {
        return Ok(());
    }
    Err(OAuthError::new("unauthorized_client", "the client may not use this grant_type"))
}

/// A token request whose client is known.
struct Request<'a> {
    app: &'a App,
    keys: &'a Keys,
    client: &'static Client,
    posted: &'a Posted,
    /// The thumbprint of the key of its DPoP proof.
    jkt: Option<String>,
}

/// What a token request leads to.
struct Issue<'a> {
    family: &'a str,
    grant: &'a Allowed,
    scope: &'a [String],
    refresh_token: Option<String>,
    /// What the answer has beyond the usual.
    more: Value,
    /// No later than this second, where another token sets the end.
    until: Option<u64>,
}

impl<'a> Issue<'a> {
    /// All that a grant allows, and no more.
    fn of(family: &'a str, grant: &'a Allowed, refresh_token: Option<String>) -> Self {
        Self { family, grant, scope: &grant.scope, refresh_token, more: Value::Null, until: None }
    }
}

impl Request<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.posted.params.get(name)
    }

    fn need(&self, name: &str) -> Result<&str, OAuthError> {
        self.posted.params.need(name)
    }

    /// The certificate to which the tokens of a client are bound that is known by one (RFC 8705 §3).
    fn x5t(&self) -> Option<&str> {
        let shown = certificate(self.posted).filter(|_| matches!(self.client.method, Method::Tls(_)));
        shown.map(|shown| shown.thumbprint.as_str())
    }

    /// A grant to the client itself.
    fn own_grant(&self, scope: Vec<String>, audience: String) -> Allowed {
        Allowed {
            client: self.client.id,
            subject: self.client.id.to_owned(),
            user: None,
            scope,
            audience,
            auth_time: None,
            nonce: None,
            jkt: self.jkt.clone(),
            session: None,
            actor: None,
        }
    }

    /// Opens a family of tokens, with a refresh token where the client may have one.
    fn open(&self, books: &mut Books, grant: &Allowed) -> (String, Option<String>) {
        let now = clock::now_ms();
        let family = books.open(grant.clone(), now);
        let until = now + self.client.refresh_lifetime * 1000;
        let token = self.client.may(Grant::Refresh).then(|| books.issue_refresh(&family, until));
        (family, token)
    }

    /// Makes the tokens and the answer that carries them (RFC 6749 §5.1).
    fn issue(&self, issue: Issue<'_>) -> Reply {
        let mut claims = mint::claims(self.app, self.client, issue.grant, issue.scope);
        claims.exp = claims.exp.min(issue.until.unwrap_or(u64::MAX));
        claims.bind(self.x5t());
        self.app.oauth.books().note_access(&claims.jti, issue.family, claims.exp);
        let access_token = mint::access_token(self.keys, self.client, &claims)?;
        let mut body = json!({
            "access_token": access_token,
            "token_type": if issue.grant.jkt.is_some() { "DPoP" } else { "Bearer" },
            "expires_in": claims.exp.saturating_sub(claims.iat).min(self.client.lifetime),
            "scope": issue.scope.join(" "),
        });
        if let Some(token) = issue.refresh_token {
            body["refresh_token"] = token.into();
        }
        if issue.grant.user.is_some() && issue.scope.iter().any(|s| s == "openid") {
            body["id_token"] = mint::id_token(self.app, self.keys, self.client, issue.grant, &access_token)?.into();
        }
        if let Value::Object(more) = issue.more {
            more.into_iter().for_each(|(name, value)| body[name] = value);
        }
        let keep = if self.app.is_weak("cacheable-tokens") { "private, max-age=300" } else { "no-store" };
        let no_store = [
            (header::CACHE_CONTROL, HeaderValue::from_static(keep)),
            (header::PRAGMA, HeaderValue::from_static("no-cache")),
        ];
        Ok((StatusCode::OK, no_store, axum::Json(body)).into_response())
    }

    /// A person who was disabled since gets nothing more.
    fn still_enabled(&self, grant: &Allowed) -> Result<(), OAuthError> {
        let Some(name) = &grant.user else { return Ok(()) };
        if self.app.store().users.get(name).is_some_and(|u| u.standing == Standing::Enabled) {
            return Ok(());
        }
        Err(OAuthError::invalid_grant("the account of the person was disabled"))
    }
}
