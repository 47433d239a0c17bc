//! The front page, which names every route, and the health check.

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use serde_json::json;

use crate::demo::state::App;

/// Every route and what it is for, as the front page tells it.
const ROUTES: &[(&str, &str)] = &[
    ("GET /health", "whether the demo is up"),
    ("POST /register", "a new user: {username, password}"),
    (
        "POST /login",
        "tokens for {username, password, lifetime?, refresh_lifetime?}",
    ),
    ("POST /refresh", "new tokens for {refresh_token}"),
    ("POST /logout", "ends the session of the access token"),
    ("POST /revoke", "revokes {token}"),
    (
        "GET /.well-known/jwks.json",
        "the public key of the access tokens",
    ),
    ("GET /me", "who am I"),
    ("PUT /me/password", "a new password: {old, new}"),
    ("DELETE /me/sessions", "ends all my sessions"),
    ("GET /accounts", "my accounts"),
    (
        "GET /accounts/{id}",
        "one account: its owner, an auditor or an admin",
    ),
    (
        "POST /accounts/{id}/transfer",
        "{to, amount}: its owner only",
    ),
    (
        "GET, POST /notes",
        "my notes; a new note: {title, text, shared?}",
    ),
    (
        "GET, PUT, DELETE /notes/{id}",
        "one note: its owner; an admin may read and delete",
    ),
    ("GET /notes/shared", "the notes everyone may read"),
    ("GET /admin/users", "all users: auditors and admins"),
    ("GET /admin/users/{name}", "one user: auditors and admins"),
    (
        "POST /admin/users/{name}/disable",
        "admins only; likewise enable, unlock and roles {roles}",
    ),
    ("GET, POST /web/login", "the login page, for browsers"),
    (
        "POST /web/api/login",
        "a cookie session for {username, password}",
    ),
    ("GET /web/account", "the page of whoever is logged in"),
    ("GET /web/session", "the cookie session as JSON"),
    (
        "POST /web/profile, /web/logout",
        "changes that need the CSRF token",
    ),
    (
        "GET /basic/report, /basic/admin",
        "Basic credentials; the second for admins",
    ),
    (
        "GET, POST /keys/report",
        "an X-Api-Key that may read, or write",
    ),
    ("GET /keys/query", "the API key as ?api_key="),
    ("GET /greeting", "a token is welcome and not needed"),
    (
        "GET /old/me, /hop/{n}",
        "redirects to /me, in one step or in n",
    ),
    ("POST /submit-307", "redirects to /notes and keeps the body"),
    ("GET /slow", "answers after ?ms="),
    ("GET /flaky", "fails ?fail= times for a ?key="),
    ("GET /jobs/{id}", "done at the third look"),
];

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(home))
        .route("/health", get(health))
}

async fn home() -> Response {
    let mut page = String::from(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>authspec demo</title></head>\
         <body><h1>authspec demo</h1><dl>",
    );
    for (route, about) in ROUTES {
        page.push_str(&format!("<dt><code>{route}</code></dt><dd>{about}</dd>"));
    }
    page.push_str("</dl></body></html>");
    let cacheable = [(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=60"),
    )];
    (cacheable, Html(page)).into_response()
}

async fn health() -> Response {
    super::json(StatusCode::OK, &json!({ "status": "ok" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_page_names_every_route_file() {
        let named: Vec<&str> = ROUTES.iter().map(|(route, _)| *route).collect();
        for start in [
            "/me",
            "/notes",
            "/accounts",
            "/admin/users",
            "/web/login",
            "/basic/",
            "/keys/",
            "/hop/",
        ] {
            assert!(named.iter().any(|route| route.contains(start)), "{start}");
        }
    }
}
