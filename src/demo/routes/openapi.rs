//! The demo as an API document, made of the front page's routes: OpenAPI 3.1.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::home::ROUTES;
use crate::demo::cookie;
use crate::demo::state::App;

/// Whom a route wants to know: its alternatives, each a scheme, and the roles that may; everything else is public.
struct Guard {
    /// The beginning of its method and path, or the whole of it when it ends at `$`.
    route: &'static str,
    schemes: &'static [&'static str],
    roles: &'static [&'static str],
}

const fn guard(route: &'static str, schemes: &'static [&'static str]) -> Guard {
    Guard { route, schemes, roles: &[] }
}

/// The guards, the first that fits counts.
const GUARDS: &[Guard] = &[
    guard("POST /logout$", &["token"]),
    guard("GET /me$", &["token"]),
    guard("PUT /me/password$", &["token"]),
    guard("DELETE /me/sessions$", &["token"]),
    guard("GET /accounts", &["token"]),
    guard("POST /accounts", &["token"]),
    guard("GET /notes", &["token"]),
    guard("POST /notes", &["token"]),
    guard("PUT /notes", &["token"]),
    guard("DELETE /notes", &["token"]),
    Guard { route: "GET /admin", schemes: &["token"], roles: &["admin", "auditor"] },
    Guard { route: "POST /admin", schemes: &["token"], roles: &["admin"] },
    guard("GET /greeting$", &["", "token"]),
    guard("GET /web/account$", &["session"]),
    guard("GET /web/session$", &["session"]),
    guard("POST /web/profile$", &["session"]),
    guard("POST /web/settings$", &["session"]),
    guard("POST /web/logout$", &["session"]),
    Guard { route: "GET /basic/admin$", schemes: &["password"], roles: &["admin"] },
    guard("GET /basic/report$", &["password"]),
    guard("GET /keys/query$", &["key-in-query"]),
    guard("GET /keys/report$", &["key"]),
    guard("POST /keys/report$", &["key"]),
    guard("GET /gate$", &["certificate"]),
    guard("POST /gate", &["certificate"]),
    guard("GET /digest", &["digest"]),
    guard("POST /digest", &["digest"]),
    guard("GET /aws", &["aws-signature"]),
    guard("POST /aws", &["aws-signature"]),
    guard("PUT /aws", &["aws-signature"]),
    guard("GET /hmac", &["signature"]),
    guard("POST /hmac", &["signature"]),
    guard("POST /hooks", &["github", "slack", "standard"]),
    guard("POST /oauth/par$", &["client"]),
    guard("POST /oauth/device_authorization$", &["client"]),
    guard("POST /oauth/introspect$", &["client"]),
    guard("POST /oauth/revoke$", &["client"]),
    guard("GET /oauth/userinfo$", &["oauth"]),
    guard("GET /oauth/api", &["oauth"]),
    guard("POST /oauth/api", &["oauth"]),
    guard("GET /oauth/billing$", &["oauth"]),
];

pub(super) fn routes() -> Router<App> {
    Router::new().route("/openapi.json", get(serve))
}

async fn serve(State(app): State<App>) -> Response {
    super::json(StatusCode::OK, &document(&app.url))
}

fn schemes(url: &str) -> Value {
    let key = |place: &str, name: &str| json!({ "type": "apiKey", "in": place, "name": name });
    let scopes = json!({ "openid": "who it is", "orders.read": "to see orders", "orders.write": "to make them" });
    json!({
        "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
        "session": key("cookie", cookie::NAME),
        "password": { "type": "http", "scheme": "basic" },
        "client": { "type": "http", "scheme": "basic", "description": "a client of the authorization server" },
        "digest": { "type": "http", "scheme": "digest" },
        "key": key("header", "X-Api-Key"),
        "key-in-query": key("query", "api_key"),
        "certificate": { "type": "mutualTLS" },
        "aws-signature": key("header", "Authorization"),
        "signature": key("header", "X-Signature"),
        "github": key("header", "X-Hub-Signature-256"),
        "slack": key("header", "X-Slack-Signature"),
        "standard": key("header", "Webhook-Signature"),
        "oauth": { "type": "oauth2", "flows": { "authorizationCode": {
            "authorizationUrl": format!("{url}/oauth/authorize"),
            "tokenUrl": format!("{url}/oauth/token"),
            "scopes": scopes,
        } } },
    })
}

/// The whole document.
fn document(url: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for (route, about) in ROUTES {
        let Some((method, path)) = route.split_once(' ') else { continue };
        // A path that swallows all segments has no other spelling in OpenAPI.
        let path = path.replace("{*", "{");
        let item = paths.entry(path.clone()).or_insert_with(|| json!({}));
        item[method.to_ascii_lowercase()] = operation(route, about, &path);
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "authspec demo", "version": env!("CARGO_PKG_VERSION") },
        "servers": [{ "url": url }],
        "components": { "securitySchemes": schemes(url) },
        "paths": paths,
    })
}

fn operation(route: &str, about: &str, path: &str) -> Value {
    let names = path.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name);
    let parameters: Vec<Value> = names.map(parameter).collect();
    let fits = |guard: &&Guard| guard.route.strip_suffix('$').map_or(route.starts_with(guard.route), |r| r == route);
    let guard = GUARDS.iter().find(fits);
    let alternative = |name: &&str| if name.is_empty() { json!({}) } else { json!({ *name: [] }) };
    let security: Vec<Value> = guard.iter().flat_map(|g| g.schemes).map(alternative).collect();
    let mut responses = json!({ "2XX": { "description": "what came of it" }, "default": { "description": "why not" } });
    if guard.is_some() {
        responses["401"] = json!({ "description": "no usable credential" });
        responses["403"] = json!({ "description": "a good credential that may not" });
    }
    let mut operation =
        json!({ "summary": about, "parameters": parameters, "security": security, "responses": responses });
    if let Some(guard) = guard.filter(|g| !g.roles.is_empty()) {
        operation["x-required-roles"] = json!(guard.roles);
    }
    operation
}

/// A parameter of a path; the corners of the Digest area are a few words and no objects.
fn parameter(name: &str) -> Value {
    let schema = match name {
        "corner" => json!({ "type": "string", "enum": ["any", "md5", "sha-256", "next", "once"] }),
        "sender" => json!({ "type": "string", "enum": ["github", "slack", "standard"] }),
        "service" => json!({ "type": "string", "enum": ["execute-api", "s3"] }),
        _ => json!({ "type": "string" }),
    };
    json!({ "name": name, "in": "path", "required": true, "schema": schema })
}
