//! What a protected resource asks of a token (RFC 6750, RFC 9449 §7): that it is good, meant for it, and enough.

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};

use super::books::Grant;
use super::dpop::{self, Expected, Flaw, Place};
use super::error::{OAuthError, REALM};
use super::mint::{self, Claims};
use crate::demo::state::App;
use crate::demo::tls::Shown;
use crate::demo::users::Standing;

/// The head of a request, for a resource that wants to see its token.
pub(super) struct Head(Parts);

impl FromRequestParts<App> for Head {
    type Rejection = OAuthError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, OAuthError> {
        Ok(Self(parts.clone()))
    }
}

/// What a resource demands.
pub(super) struct Demanded<'a> {
    pub(super) audience: &'a str,
    pub(super) scope: &'static str,
}

/// A credential as it came.
struct Presented<'a> {
    scheme: &'static str,
    token: &'a str,
}

/// The claims of the request's token, if it is all that the resource demands.
pub(super) async fn admit(app: &App, head: &Head, demanded: &Demanded<'_>) -> Result<Claims, OAuthError> {
    let parts = &head.0;
    let presented = presented(app, parts)?;
    let scheme = presented.scheme;
    let keys = app.oauth.keys().await?;
    let bad = |why: String| refused(app, scheme, "invalid_token", &why);
    if app.is_weak("id-token-as-access")
        && let Ok(claims) = mint::verify_hint(app, &keys, presented.token)
    {
        // A JWT of our issuer is good enough; whom it is for and what it is for, nobody asks.
        return Ok(Claims::of_id_token(&claims, demanded.audience, demanded.scope));
    }
    let claims = mint::verify_access(app, &keys, presented.token).map_err(bad)?;
    for_this_audience(app, &claims, demanded.audience).map_err(bad)?;
    living(app, &claims).map_err(bad)?;
    by_its_holder(app, parts, &presented, &claims)?;
    by_its_certificate(parts, &claims).map_err(bad)?;
    enough(app, scheme, &claims, demanded.scope)?;
    Ok(claims)
}

/// The one credential of the request.
fn presented<'a>(app: &App, parts: &'a Parts) -> Result<Presented<'a>, OAuthError> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let first = values.next();
    let query = parts.uri.query().unwrap_or_default();
    let in_query = query.split('&').any(|pair| pair.split('=').next() == Some("access_token"));
    // A token in the query is never taken (RFC 9700 §4.3.2), but beside one in the header it is a contradiction.
    if values.next().is_some() || (first.is_some() && in_query) {
        let challenge = format!("Bearer realm=\"{REALM}\", error=\"invalid_request\"");
        let error = OAuthError::invalid_request("the request carries more than one credential");
        return Err(error.with(WWW_AUTHENTICATE, &challenge));
    }
    let value = first.and_then(|v| v.to_str().ok()).unwrap_or_default().trim();
    let (word, token) = value.split_once(' ').unwrap_or((value, ""));
    let token = token.trim_start_matches(' ');
    let scheme = ["Bearer", "DPoP"].into_iter().find(|s| s.eq_ignore_ascii_case(word));
    match scheme {
        Some(scheme) if !token.is_empty() => Ok(Presented { scheme, token }),
        _ => Err(no_credential(app, &parts.headers)),
    }
}

/// A token counts only where it was meant to go (RFC 9068 §4).
fn for_this_audience(app: &App, claims: &Claims, audience: &str) -> Result<(), String> {
    if app.is_weak("ignores-aud") || claims.aud.iter().any(|aud| aud == audience) {
        return Ok(());
    }
    Err("the token is meant for another audience".to_owned())
}

/// The grant of a token that nobody has revoked, and its name.
pub(super) fn living(app: &App, claims: &Claims) -> Result<(String, Grant), String> {
    let (family, grant) = {
        let books = app.oauth.books();
        let (family, grant) = books.access(&claims.jti)?;
        (family.to_owned(), grant.clone())
    };
    let enabled = |name: &String| app.store().users.get(name).is_some_and(|user| user.standing == Standing::Enabled);
    if grant.user.as_ref().is_none_or(enabled) {
        return Ok((family, grant));
    }
    Err("the token was revoked: the account was disabled".to_owned())
}

/// A token bound to a key comes as `DPoP`, with a proof by that key; no other comes so (RFC 9449 §7.1, §7.2).
fn by_its_holder(app: &App, parts: &Parts, presented: &Presented<'_>, claims: &Claims) -> Result<(), OAuthError> {
    let scheme = presented.scheme;
    let bound = claims.jkt();
    match (scheme, bound) {
        ("Bearer", None) => return Ok(()),
        ("Bearer", Some(_)) if app.is_weak("dpop-as-bearer") => return Ok(()),
        ("Bearer", Some(_)) => return Err(refused(app, scheme, "invalid_token", "the token is bound to a key")),
        (_, None) => return Err(refused(app, scheme, "invalid_token", "the token is not bound to a key")),
        (_, Some(_)) => {}
    }
    let expected = Expected {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        place: Place::Resource,
        token: Some(presented.token),
    };
    match dpop::proven(app, &parts.headers, &expected) {
        Ok(Some(jkt)) if Some(jkt.as_str()) == bound => Ok(()),
        Ok(Some(_)) => Err(refused(app, scheme, "invalid_token", "the token is bound to another key")),
        Ok(None) => Err(refused(app, scheme, "invalid_dpop_proof", "the proof is missing")),
        Err(Flaw::Nonce) => Err(refused(app, scheme, "use_dpop_nonce", "the proof needs the nonce of this server")),
        Err(Flaw::Invalid(why)) => Err(refused(app, scheme, "invalid_dpop_proof", &why)),
    }
}

/// A token bound to a certificate comes by a connection that shows it (RFC 8705 §3).
fn by_its_certificate(parts: &Parts, claims: &Claims) -> Result<(), String> {
    let Some(bound) = claims.x5t() else { return Ok(()) };
    match Shown::of(&parts.extensions) {
        Some(shown) if shown.thumbprint == bound => Ok(()),
        Some(_) => Err("the token is bound to another certificate".to_owned()),
        None => Err("the token is bound to a certificate, and the connection showed none".to_owned()),
    }
}

/// The token has the scope (RFC 6750 §3.1).
fn enough(app: &App, scheme: &str, claims: &Claims, scope: &'static str) -> Result<(), OAuthError> {
    let loosely = app.is_weak("scope-unchecked") || (claims.scope.contains(scope) && app.is_weak("scope-substring"));
    if claims.has(scope) || loosely {
        return Ok(());
    }
    let why = format!("this needs the scope {scope}");
    let challenge = format!(
        "{scheme} realm=\"{REALM}\", error=\"insufficient_scope\", error_description=\"{why}\", scope=\"{scope}\""
    );
    let error = OAuthError::new("insufficient_scope", why).with_status(StatusCode::FORBIDDEN);
    Err(error.with(WWW_AUTHENTICATE, &challenge))
}

/// The 401 for a request without a credential: no error code (RFC 6750 §3.1), but where to learn more (RFC 9728 §5.1).
fn no_credential(app: &App, headers: &HeaderMap) -> OAuthError {
    let metadata = format!("{}/.well-known/oauth-protected-resource/oauth/api", app.url);
    let error = OAuthError::new("unauthorized", "this needs an access token").with_status(StatusCode::UNAUTHORIZED);
    let error = error
        .with(WWW_AUTHENTICATE, &format!("Bearer realm=\"{REALM}\", resource_metadata=\"{metadata}\""))
        .with(WWW_AUTHENTICATE, &format!("DPoP realm=\"{REALM}\", algs=\"{}\"", dpop::ALGS));
    if headers.contains_key(dpop::PROOF) {
        return error.with(dpop::NONCE, &dpop::nonce(app, Place::Resource));
    }
    error
}

/// The 401 for a credential that is not good; `why` is free of quotes and backslashes (RFC 6750 §3).
fn refused(app: &App, scheme: &str, code: &'static str, why: &str) -> OAuthError {
    let algs = if scheme == "DPoP" { format!(", algs=\"{}\"", dpop::ALGS) } else { String::new() };
    let challenge = format!("{scheme} realm=\"{REALM}\", error=\"{code}\", error_description=\"{why}\"{algs}");
    let error = OAuthError::new(code, why).with_status(StatusCode::UNAUTHORIZED).with(WWW_AUTHENTICATE, &challenge);
    if scheme == "DPoP" {
        return error.with(dpop::NONCE, &dpop::nonce(app, Place::Resource));
    }
    error
}
