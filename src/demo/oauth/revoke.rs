//! Giving a token back (RFC 7009). A refresh token takes the access tokens of its grant with it (§2.1).

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::post;

use super::client_auth::authenticate;
use super::clients::Client;
use super::error::{OAuthError, Reply};
use super::mint;
use super::params::Posted;
use crate::demo::state::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/oauth/revoke", post(revoke)).route("/oauth/mtls/revoke", post(revoke))
}

async fn revoke(State(app): State<App>, posted: Posted) -> Reply {
    let client = authenticate(&app, &posted)?;
    let token = posted.params.need("token")?;
    let keys = app.oauth.keys().await?;
    let claims = mint::verify_access(&app, &keys, token).ok();
    let mut books = app.oauth.books();
    if let Some(claims) = claims {
        its_own(client, &claims.client_id)?;
        books.revoke_access(&claims.jti);
    } else {
        let owner = books.refresh_owner(token).map(|(family, grant)| (family.to_owned(), grant.client));
        // A token that means nothing here is as good as revoked (RFC 7009 §2.2).
        if let Some((family, owner)) = owner {
            its_own(client, owner)?;
            books.end(&family, "its refresh token was revoked");
        }
    }
    Ok(StatusCode::OK.into_response())
}

/// A client revokes only what it was given (RFC 7009 §2.1).
fn its_own(client: &Client, owner: &str) -> Result<(), OAuthError> {
    if client.id == owner {
        return Ok(());
    }
    Err(OAuthError::invalid_grant("the token was given to another client"))
}
