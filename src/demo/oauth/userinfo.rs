//! Who the person of a token is (OpenID Connect Core §5.3).

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse as _;
use axum::routing::get;
use serde_json::json;

use super::error::Reply;
use super::mint;
use super::resource::{Demanded, Head, admit};
use crate::demo::state::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/oauth/userinfo", get(userinfo).post(userinfo))
}

async fn userinfo(State(app): State<App>, head: Head) -> Reply {
    let demanded = Demanded { audience: &mint::userinfo_audience(&app), scope: "openid" };
    let claims = admit(&app, &head, &demanded).await?;
    let name = claims.sub.strip_prefix("u-").unwrap_or(&claims.sub);
    let mut body = json!({ "sub": claims.sub });
    if claims.has("profile") {
        body["name"] = name.into();
        body["preferred_username"] = name.into();
    }
    if claims.has("email") {
        body["email"] = format!("{name}@example.com").into();
        body["email_verified"] = true.into();
    }
    Ok(axum::Json(body).into_response())
}
