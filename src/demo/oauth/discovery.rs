//! The metadata of the server (OpenID Connect Discovery §3, RFC 8414 §2) and its keys, which anybody may keep for a while.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::clients::{self, GRANTS, SCOPES};
use super::error::Reply;
use crate::demo::state::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        // Discovery appends its path to the issuer; RFC 8414 puts its own before the issuer's path.
        .route("/oauth/.well-known/openid-configuration", get(metadata))
        .route("/.well-known/oauth-authorization-server/oauth", get(metadata))
        .route("/.well-known/oauth-protected-resource/oauth/api", get(resource))
        .route("/oauth/jwks", get(jwks))
        .route("/oauth/demo/client-key.pem", get(async || pem(clients::CLIENT_KEY)))
        .route("/oauth/demo/client-key-rsa.pem", get(async || pem(clients::CLIENT_KEY_RSA)))
}

fn document(app: &App) -> Value {
    let issuer = &app.oauth.issuer;
    let at = |path: &str| format!("{issuer}/{path}");
    let confidential = ["client_secret_basic", "client_secret_post", "private_key_jwt", "client_secret_jwt"];
    let with_none: Vec<&str> = confidential.iter().copied().chain(["none"]).collect();
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "jwks_uri": at("jwks"),
        "userinfo_endpoint": at("userinfo"),
        "pushed_authorization_request_endpoint": at("par"),
        "device_authorization_endpoint": at("device_authorization"),
        "introspection_endpoint": at("introspect"),
        "revocation_endpoint": at("revoke"),
        "end_session_endpoint": at("logout"),
        "scopes_supported": SCOPES,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": GRANTS.iter().map(|(_, name)| *name).collect::<Vec<_>>(),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "token_endpoint_auth_methods_supported": with_none,
        "token_endpoint_auth_signing_alg_values_supported": ["ES256", "RS256", "HS256"],
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": ["ES256", "RS256", "HS256"],
        "revocation_endpoint_auth_methods_supported": with_none,
        "revocation_endpoint_auth_signing_alg_values_supported": ["ES256", "RS256", "HS256"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": ["iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "at_hash", "name",
            "preferred_username", "email", "email_verified"],
        "authorization_response_iss_parameter_supported": true,
        "require_pushed_authorization_requests": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "dpop_signing_alg_values_supported": ["ES256", "RS256"],
    });
    if app.is_https() {
        certified(&mut document, issuer);
    }
    document
}

/// What whoever shows a certificate has to know (RFC 8705 §3.3, §5).
fn certified(document: &mut Value, issuer: &str) {
    document["tls_client_certificate_bound_access_tokens"] = true.into();
    for (endpoint, path) in [
        ("token_endpoint", "token"),
        ("pushed_authorization_request_endpoint", "par"),
        ("device_authorization_endpoint", "device_authorization"),
        ("introspection_endpoint", "introspect"),
        ("revocation_endpoint", "revoke"),
    ] {
        document["mtls_endpoint_aliases"][endpoint] = format!("{issuer}/mtls/{path}").into();
    }
    for of in ["token", "introspection", "revocation"] {
        if let Some(methods) = document[format!("{of}_endpoint_auth_methods_supported")].as_array_mut() {
            methods.push("tls_client_auth".into());
        }
    }
}

async fn metadata(State(app): State<App>) -> Response {
    keepable("application/json", document(&app).to_string())
}

/// What a client learns from the API itself (RFC 9728 §2).
async fn resource(State(app): State<App>) -> Response {
    let document = json!({
        "resource": super::scope::api(&app),
        "authorization_servers": [app.oauth.issuer],
        "scopes_supported": ["orders.read", "orders.write"],
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": ["ES256", "RS256"],
    });
    keepable("application/json", document.to_string())
}

async fn jwks(State(app): State<App>) -> Reply {
    Ok(keepable("application/jwk-set+json", app.oauth.keys().await?.jwks.clone()))
}

fn pem(text: &'static str) -> Response {
    keepable("application/x-pem-file", text)
}

fn keepable(media: &'static str, body: impl Into<axum::body::Body>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
    ];
    (headers, body.into()).into_response()
}
