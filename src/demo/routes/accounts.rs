//! Accounts: read by their owner, auditors and admins, moved by their owner alone.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use super::json;
use crate::demo::bearer::Caller;
use crate::demo::body::{Input, Shape};
use crate::demo::error::{Answer, ApiError};
use crate::demo::random;
use crate::demo::state::App;
use crate::demo::store::Account;
use crate::demo::users::Role;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/accounts", get(own))
        .route("/accounts/{id}", get(one))
        .route("/accounts/{id}/transfer", post(transfer))
}

async fn own(State(app): State<App>, caller: Caller) -> Answer {
    let store = app.store();
    let accounts: Vec<&Account> = store.accounts.iter().filter(|a| a.owner == caller.name).collect();
    Ok(json(StatusCode::OK, &accounts))
}

async fn one(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    let store = app.store();
    Ok(json(StatusCode::OK, &store.accounts[visible(&app, &store.accounts, &caller, &id)?]))
}

/// The place of an account the caller may see; one that is hidden is answered like one that is missing.
fn visible(app: &App, accounts: &[Account], caller: &Caller, id: &str) -> Result<usize, ApiError> {
    let found = accounts.iter().position(|a| a.id == id);
    let sees_all =
        app.weak.any(&["bola-account", "bola-transfer"]) || caller.has(Role::Auditor) || caller.has(Role::Admin);
    found
        .filter(|at| sees_all || accounts[*at].owner == caller.name)
        .ok_or_else(|| ApiError::not_found("there is no such account among those you may see"))
}

#[derive(Deserialize)]
struct Transfer {
    to: String,
    amount: u64,
}

impl Shape for Transfer {
    const SHAPE: &'static str = "{\"to\": account id, \"amount\": whole number above 0}";
}

async fn transfer(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Input(wanted): Input<Transfer>,
) -> Answer {
    let mut store = app.store();
    let accounts = &mut store.accounts;
    let from = visible(&app, accounts, &caller, &id)?;
    if accounts[from].owner != caller.name && !app.is_weak("bola-transfer") {
        return Err(ApiError::forbidden("only the owner may move money out of this account"));
    }
    if wanted.amount == 0 || wanted.to == id {
        return Err(ApiError::bad_request("amount must be above 0, and `to` another account"));
    }
    let Some(to) = accounts.iter().position(|a| a.id == wanted.to) else {
        return Err(ApiError::bad_request("`to` names no account"));
    };
    let left = accounts[from].balance.checked_sub(wanted.amount);
    let more = accounts[to].balance.checked_add(wanted.amount);
    let (Some(left), Some(more)) = (left, more) else {
        return Err(ApiError::conflict("insufficient_funds", "the account holds less than that; move less"));
    };
    accounts[from].balance = left;
    accounts[to].balance = more;
    let body = json!({
        "id": random::name("transfer"),
        "from": id,
        "to": wanted.to,
        "amount": wanted.amount,
        "balance": left,
    });
    Ok(json(StatusCode::CREATED, &body))
}
