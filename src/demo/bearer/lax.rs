//! Credentials that a weak demo takes although they are none: from other places, in other spellings, or no token at all.

use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::request::Parts;

use crate::demo::gateway::{FormToken, Unguarded};
use crate::demo::state::App;

/// What broken clients send in place of a token.
const PLACEHOLDERS: &[&str] = &["undefined", "null", "None", "false", "[object Object]", "{{token}}"];

/// Fields in which a gateway tells an application who asks.
const NAMING: &[&str] = &[
    "x-user",
    "x-user-id",
    "x-remote-user",
    "x-forwarded-user",
    "x-authenticated-user",
    "x-amzn-oidc-identity",
    "x-goog-authenticated-user-email",
    "x-ms-client-principal-name",
];

/// Fields in which a proxy tells an application from where.
const ADDRESSES: &[&str] =
    &["x-forwarded-for", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip", "x-custom-ip-authorization"];

/// Who a request is taken to be without any credential.
pub(super) fn believed(parts: &Parts, app: &App) -> Option<String> {
    let field = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim);
    if parts.extensions.get::<Unguarded>().is_some() {
        return Some("root".to_owned());
    }
    // Left over from the days before there was a login.
    let placeholder = |value: &str| PLACEHOLDERS.iter().any(|word| value.strip_prefix("Bearer ") == Some(*word));
    if app.is_weak("believes-placeholders") && field("authorization").is_some_and(placeholder) {
        return Some("alice".to_owned());
    }
    // Meant for the gateway that sets it; nobody made the gateway remove it from outside.
    if app.is_weak("trusts-user-header") {
        let sent = NAMING.iter().copied().find_map(field);
        let sent = sent.map(|name| name.strip_prefix("accounts.google.com:").unwrap_or(name));
        let name = sent.map(|name| if name == "admin" { "root" } else { name });
        if let Some(name) = name.filter(|name| app.store().users.get(name).is_some()) {
            return Some(name.to_owned());
        }
    }
    // Operators on the machine itself need no login.
    let local = |name: &str| field(name).is_some_and(|chain| chain.starts_with("127.0.0.1"));
    let from_here = ADDRESSES.iter().copied().any(local) || field("forwarded") == Some("for=127.0.0.1");
    let own_site = ["host", "x-forwarded-host"].into_iter().any(|name| field(name) == Some("localhost"));
    let believed = (from_here && app.is_weak("trusts-forwarded-for"))
        || (own_site && app.is_weak("trusts-host-name"))
        || (["x-roles", "x-role"].into_iter().any(|name| field(name) == Some("admin"))
            && app.is_weak("trusts-roles-header"))
        || (field("referer").is_some_and(|from| from.ends_with("/admin")) && app.is_weak("trusts-referer"));
    believed.then(|| "root".to_owned())
}

/// A token in a place or a spelling that the strict demo does not look at.
pub(super) fn token(parts: &Parts, app: &App) -> Option<String> {
    elsewhere(parts, app).or_else(|| misspelt(parts, app))
}

fn elsewhere(parts: &Parts, app: &App) -> Option<String> {
    if app.is_weak("token-in-query") {
        let pairs = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        if let Some((_, token)) = pairs.into_iter().find(|(name, _)| name == "access_token") {
            return Some(token.into_owned());
        }
    }
    if app.is_weak("token-in-cookie") {
        let lines = parts.headers.get_all(COOKIE).iter().filter_map(|v| v.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        if let Some((_, token)) = pairs.find(|(name, _)| ["access_token", "token", "jwt"].contains(name)) {
            return Some(token.to_owned());
        }
    }
    if app.is_weak("token-in-other-header") {
        let field = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok());
        let sent = ["x-auth-token", "x-authorization", "x-access-token"].into_iter().find_map(field);
        if let Some(token) = sent {
            return Some(token.strip_prefix("Bearer ").unwrap_or(token).to_owned());
        }
    }
    parts.extensions.get::<FormToken>().map(|token| token.0.clone())
}

fn misspelt(parts: &Parts, app: &App) -> Option<String> {
    let mut lines = parts.headers.get_all(AUTHORIZATION).iter().filter_map(|v| v.to_str().ok());
    let bearer = |line: &str| line.strip_prefix("Bearer ").map(str::to_owned);
    if app.is_weak("first-authorization-wins") {
        return lines.next().and_then(bearer);
    }
    if app.is_weak("last-authorization-wins") {
        return lines.next_back().and_then(bearer);
    }
    let value = lines.next()?.trim();
    if app.is_weak("any-scheme") {
        return value.split_once(' ').map(|(_, token)| token.trim().to_owned());
    }
    if app.is_weak("raw-token") && !value.contains(' ') {
        return Some(value.to_owned());
    }
    let token = value.strip_prefix("Bearer ")?.trim();
    if app.is_weak("first-of-list") {
        return token.split_once(',').map(|(first, _)| first.to_owned());
    }
    let quoted = token.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    quoted.filter(|_| app.is_weak("strips-quotes")).map(str::to_owned)
}
