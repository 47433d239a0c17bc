//! Checking a name and a password, in the same time for every name, and slowing down guesses.

use super::clock;
use super::error::{ApiError, bearer_challenge};
use super::password;
use super::state::App;
use super::store::Store;
use super::users::{Standing, User};
use axum::http::StatusCode;

/// Why somebody may not in.
pub(crate) enum Refused {
    /// Too many wrong passwords; the seconds left.
    Locked(u64),
    /// No such person, a wrong password or a disabled account: never told apart.
    Wrong,
}

impl Refused {
    /// The refusal as a JSON API gives it, with the challenge of the credential a login would have given.
    pub(crate) fn into_error(self) -> ApiError {
        match self {
            Self::Locked(seconds) => ApiError::locked(seconds),
            Self::Wrong => wrong().challenge(&bearer_challenge()),
        }
    }
}

/// The 401 for a wrong name or password, still without a challenge.
pub(crate) fn wrong() -> ApiError {
    let message = "the user name or the password is wrong";
    ApiError::new(StatusCode::UNAUTHORIZED, "invalid_credentials", message)
}

/// The person of that name and password; wrong passwords are counted against the name.
pub(crate) async fn check(app: &App, name: &str, password: &str) -> Result<User, Refused> {
    let locked = |store: &Store, now| store.lockout.seconds_left(name, now).filter(|_| !app.is_weak("no-lockout"));
    if let Some(seconds) = locked(&app.store(), clock::now_ms()) {
        return Err(Refused::Locked(seconds));
    }
    let user = verified(app, name, password).await;
    let now = clock::now_ms();
    let mut store = app.store();
    // Guesses sent at once must not slip past the lock while their hashes are computed.
    if let Some(seconds) = locked(&store, now) {
        return Err(Refused::Locked(seconds));
    }
    let unchanged = |u: &User| store.users.get(name).is_some_and(|now| now.phc == u.phc && now.standing == u.standing);
    if let Some(user) = user.filter(unchanged) {
        store.lockout.clear(name);
        Ok(user)
    } else {
        store.lockout.failed(name, now);
        Err(Refused::Wrong)
    }
}

/// The enabled person of that name and password, with one hash computed whatever the outcome.
pub(crate) async fn verified(app: &App, name: &str, password: &str) -> Option<User> {
    let user = app.store().users.get(name).cloned();
    let phc = user.as_ref().map_or_else(|| password::NOBODY.to_owned(), |u| u.phc.clone());
    let mut right = password::verify(phc.clone(), password.to_owned()).await;
    if app.is_weak("password-ignores-case") {
        right |= password::verify(phc, password.to_lowercase()).await;
    }
    if app.is_weak("password-by-prefix") {
        right |= password::begins_like(name, password);
    }
    right |= password.is_empty() && app.is_weak("password-empty");
    user.filter(|u| right && u.standing == Standing::Enabled)
}
