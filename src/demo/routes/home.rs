//! The front page, which names every route, and the health check.

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use serde_json::json;

use super::keys;
use super::pages::escape;
use crate::demo::oauth::clients::CLIENTS;
use crate::demo::password::SEEDED;
use crate::demo::state::App;
use crate::demo::users::Standing;
use crate::demo::{aws, digest, hmac};

/// Every route and what it is for, as the front page tells it.
pub(super) const ROUTES: &[(&str, &str)] = &[
    ("GET /", "this page"),
    ("GET /openapi.json", "these routes as an API document, for `authspec cover`"),
    ("GET /health", "whether the demo is up"),
    ("POST /register", "a new user: {username, password}"),
    ("POST /login", "tokens for {username, password, lifetime?, refresh_lifetime?}"),
    ("POST /refresh", "new tokens for {refresh_token}"),
    ("POST /logout", "ends the session of the access token"),
    ("POST /revoke", "revokes {token}"),
    ("GET /.well-known/jwks.json", "the public key of the access tokens"),
    ("GET /me", "who am I"),
    ("PUT /me/password", "a new password: {old, new}"),
    ("DELETE /me/sessions", "ends all my sessions"),
    ("GET /accounts", "my accounts"),
    ("GET /accounts/{id}", "one account: its owner, an auditor or an admin"),
    ("POST /accounts/{id}/transfer", "{to, amount}: its owner only"),
    ("GET /notes", "my notes"),
    ("POST /notes", "a new note: {title, text, shared?}"),
    ("GET /notes/{id}", "one note: its owner or an admin"),
    ("PUT /notes/{id}", "changes a note: its owner only"),
    ("DELETE /notes/{id}", "deletes a note: its owner or an admin"),
    ("GET /notes/shared", "the notes everyone may read"),
    ("GET /admin/users", "all users: auditors and admins"),
    ("GET /admin/users/{name}", "one user: auditors and admins"),
    ("POST /admin/users/{name}/disable", "disables a user: admins only"),
    ("POST /admin/users/{name}/enable", "enables a user: admins only"),
    ("POST /admin/users/{name}/unlock", "ends a lockout: admins only"),
    ("POST /admin/users/{name}/roles", "new {roles}: admins only"),
    ("GET /web/login", "the login page, for browsers"),
    ("POST /web/login", "where its form goes"),
    ("POST /web/api/login", "a cookie session for {username, password}"),
    ("GET /web/account", "the page of whoever is logged in"),
    ("GET /web/session", "the cookie session as JSON"),
    ("POST /web/profile", "a new display_name; needs the CSRF token"),
    ("POST /web/settings", "the same by JSON, which other sites' pages cannot send; needs no CSRF token"),
    ("POST /web/logout", "ends the cookie session; needs the CSRF token"),
    ("GET /forms/meta", "a login page with its CSRF token in a meta element, sent as X-CSRF-Token"),
    ("POST /forms/meta", "where its form goes"),
    ("GET /forms/cookie", "a login page with its CSRF token in a cookie, sent as X-XSRF-TOKEN"),
    ("POST /forms/cookie", "where its form goes"),
    ("GET /forms/steps", "a login page that asks for the name, then for the password"),
    ("POST /forms/steps", "where both forms go"),
    ("GET /forms/auto", "a login page that ends at a form a script sends"),
    ("POST /forms/auto", "where its form goes"),
    ("GET /forms/refresh", "a login page that ends at a page that leads on"),
    ("POST /forms/refresh", "where its form goes"),
    ("GET /forms/finish", "the end of both: a cookie session for ?ticket="),
    ("POST /forms/finish", "the same for a form"),
    ("GET /basic/report", "Basic credentials of any user"),
    ("GET /basic/admin", "Basic credentials of an admin"),
    ("GET /keys/report", "an X-Api-Key that may read"),
    ("POST /keys/report", "an X-Api-Key that may write"),
    ("GET /gate", "a client certificate, where the demo serves https"),
    ("POST /gate/{name}/open", "the client certificate of that gate"),
    ("GET /keys/query", "the API key as ?api_key="),
    (
        "GET /digest/{corner}/report",
        "Digest: any, md5, md5-sess, sha-256, sha-256-sess, sha-512-256, body, hashed, once, next, old",
    ),
    ("POST /digest/{corner}/report", "the same with a body"),
    ("GET /digest/{corner}/settings", "Digest of the device that manages the others"),
    ("GET /aws/{service}/{*path}", "signed with AWS Signature Version 4 for execute-api or s3 in demo-1"),
    ("POST /aws/{service}/{*path}", "the same by the writer"),
    ("PUT /aws/{service}/{*path}", "the same by the writer"),
    ("GET /hmac/report", "signed by X-Signature: HMAC-SHA256 of method, target, time, nonce and body hash"),
    ("POST /hmac/report", "the same by the writer"),
    ("POST /hooks/{sender}", "a webhook signed as github, slack or standard do"),
    ("GET /greeting", "a token is welcome and not needed"),
    ("GET /old/me", "moved to /me"),
    ("GET /hop/{n}", "redirects to /me in n steps"),
    ("POST /submit-307", "redirects to /notes and keeps the body"),
    ("POST /uploads", "tells the parts of a multipart body"),
    ("GET /oauth/.well-known/openid-configuration", "the authorization server, and where it has what"),
    ("GET /.well-known/oauth-authorization-server/oauth", "the same where RFC 8414 looks for it"),
    ("GET /.well-known/oauth-protected-resource/oauth/api", "which authorization server the API below it trusts"),
    ("GET /oauth/jwks", "the public keys of its tokens"),
    ("GET /oauth/authorize", "a code for a client, after login and consent"),
    ("POST /oauth/par", "a pushed authorization request"),
    ("POST /oauth/token", "tokens for every grant of the clients below"),
    ("POST /oauth/mtls/token", "the same for clients that show a certificate; so have par, revoke and others"),
    ("POST /oauth/device_authorization", "the codes of a device"),
    ("GET /oauth/device", "where a person types the code of a device"),
    ("POST /oauth/introspect", "what a {token} is worth"),
    ("POST /oauth/revoke", "revokes a {token}"),
    ("GET /oauth/userinfo", "the person of a token with the scope openid"),
    ("GET /oauth/logout", "ends the browser session and what came of it"),
    ("GET /oauth/api/orders", "a token with the scope orders.read"),
    ("POST /oauth/api/orders", "a new order {item}: a token with the scope orders.write"),
    ("GET /oauth/billing", "a token with the scope billing.read and resource={issuer}/billing"),
    ("GET /oauth/demo/client-key.pem", "the ES256 key of the clients that sign"),
    ("GET /oauth/demo/client-key-rsa.pem", "their RS256 key"),
    ("GET /oauth/demo/callback", "a redirect URI that shows what came"),
    ("GET /oauth/demo/goodbye", "the same after a logout"),
    ("GET /slow", "answers after ?ms="),
    ("GET /flaky", "fails ?fail= times for a ?key="),
    ("GET /jobs/{id}", "done at the third look"),
];

pub(super) fn routes() -> Router<App> {
    Router::new().route("/", get(home)).route("/health", get(health))
}

async fn home() -> Response {
    let mut page = String::from(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>authspec demo</title></head>\
         <body><h1>authspec demo</h1><dl>",
    );
    for (route, about) in ROUTES {
        page.push_str(&format!("<dt><code>{route}</code></dt><dd>{about}</dd>"));
    }
    page.push_str("</dl><h2>Clients of the authorization server</h2><ul>");
    for client in CLIENTS {
        let secret = if client.secret.is_empty() { String::new() } else { format!(" with {}", escape(client.secret)) };
        let back: Vec<String> = client.redirects.iter().map(|uri| format!("<kbd>{uri}</kbd>")).collect();
        let back = if back.is_empty() { String::new() } else { format!("; back to {}", back.join(" or ")) };
        page.push_str(&format!(
            "<li><b>{}</b>: {}, {}{secret}{back}; may ask for {}</li>",
            client.id,
            client.about,
            client.method.name(),
            client.scopes.join(" ")
        ));
    }
    page.push_str("</ul><h2>Who may get in elsewhere</h2>");
    for (area, who) in credentials() {
        page.push_str(&format!("<h3>{area}</h3><ul>"));
        who.iter().for_each(|one| page.push_str(&format!("<li><kbd>{}</kbd></li>", escape(one))));
        page.push_str("</ul>");
    }
    page.push_str("</body></html>");
    let cacheable = [(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"))];
    (cacheable, Html(page)).into_response()
}

/// The credentials of every area but the authorization server, as an identity of authspec has them.
fn credentials() -> Vec<(&'static str, Vec<String>)> {
    let people = SEEDED.iter().map(|seed| {
        let standing = if seed.standing == Standing::Enabled { "" } else { ", disabled" };
        format!("username: {}, password: {} ({}{standing})", seed.name, seed.password, seed.role.name())
    });
    vec![
        ("People: /login, /web/login, /forms, /basic, /oauth", people.collect()),
        ("API keys: /keys", keys::credentials().collect()),
        ("Devices: /digest", digest::credentials().collect()),
        ("Partners: /hmac", hmac::credentials().collect()),
        ("Webhooks: /hooks", hmac::hook_credentials().collect()),
        ("Signers: /aws, in the region demo-1", aws::credentials().collect()),
    ]
}

async fn health() -> Response {
    super::json(StatusCode::OK, &json!({ "status": "ok" }))
}
