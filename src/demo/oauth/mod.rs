//! A small authorization server below one path, and an API that it protects: OAuth 2.0 with the rules of its
//! best current practice (RFC 9700), OpenID Connect, and what of both a login can consist of.
//!
//! It is strict, so that it can judge clients: every rule stands in one small place that is named after it, which is
//! also where a weakness would let go, and has its refusal in `tests/oauth`. Signatures are verified by
//! `jsonwebtoken`; the rest is written from the RFCs. It was judged by the clients `oauth4webapi`, `openid-client` and
//! `Authlib`, which get through all of its flows, and by Chromium, which gets through its pages.
//!
//! To add an endpoint: a file with its `routes()`, a line in `routes` below, its name in `discovery`, its line on the
//! front page. To add a grant, see `token`; a client is a row of `clients::CLIENTS`.

mod api;
mod assertion;
mod authorize;
mod books;
mod client_auth;
pub(crate) mod clients;
mod device;
mod discovery;
mod dpop;
mod error;
mod interaction;
mod introspect;
mod keys;
mod logout;
mod mint;
mod pages;
mod par;
mod params;
mod request;
mod resource;
mod revoke;
mod scope;
mod token;
mod userinfo;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use tokio::sync::OnceCell;

use self::books::Books;
use self::dpop::Nonces;
use self::error::OAuthError;
use self::keys::Keys;
use super::error::ApiError;
use super::state::App;
use super::token::Rsa;

/// The authorization server of one demo.
pub(crate) struct Server {
    /// The demo's URL and `/oauth`.
    pub(crate) issuer: String,
    /// The RSA key that was given to the demo.
    given: Option<Rsa>,
    keys: OnceCell<Arc<Keys>>,
    books: Mutex<Books>,
    nonces: Mutex<Nonces>,
}

impl Server {
    /// A server that has given nothing yet.
    pub(crate) fn new(url: &str, given: Option<Rsa>) -> Self {
        Self {
            issuer: format!("{url}/oauth"),
            given,
            keys: OnceCell::new(),
            books: Mutex::default(),
            nonces: Mutex::default(),
        }
    }

    /// The keys of the issuer, made on a thread that may block when they are first needed.
    pub(crate) async fn keys(&self) -> Result<Arc<Keys>, OAuthError> {
        let make = async || {
            let given = self.given.clone();
            let made = tokio::task::spawn_blocking(|| Keys::generate(given)).await;
            made.ok().flatten().map(Arc::new).ok_or_else(ApiError::internal)
        };
        Ok(Arc::clone(self.keys.get_or_try_init(make).await?))
    }

    /// The memory of the server; no lock is ever held while waiting.
    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The DPoP nonces of the server and of what it protects.
    fn nonces(&self) -> MutexGuard<'_, Nonces> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every route of the server.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .merge(discovery::routes())
        .merge(authorize::routes())
        .merge(interaction::routes())
        .merge(token::routes())
        .merge(par::routes())
        .merge(device::routes())
        .merge(introspect::routes())
        .merge(revoke::routes())
        .merge(userinfo::routes())
        .merge(logout::routes())
        .merge(api::routes())
}
