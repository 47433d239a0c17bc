//! The admin area: auditors look, admins act.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::json;
use crate::demo::bearer::{Admin, Reader};
use crate::demo::body::{Input, Shape};
use crate::demo::clock;
use crate::demo::error::{Answer, ApiError};
use crate::demo::sessions::End;
use crate::demo::state::App;
use crate::demo::store::Store;
use crate::demo::users::{Role, Standing, User};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/users", get(list))
        .route("/admin/users/{name}", get(one))
        .route("/admin/users/{name}/disable", post(disable))
        .route("/admin/users/{name}/enable", post(enable))
        .route("/admin/users/{name}/unlock", post(unlock))
        .route("/admin/users/{name}/roles", post(roles))
}

fn view(store: &Store, user: &User) -> Value {
    json!({
        "id": user.id,
        "username": user.name,
        "roles": user.roles,
        "disabled": user.standing == Standing::Disabled,
        "locked": store.lockout.seconds_left(&user.name, clock::now_ms()).is_some(),
    })
}

fn missing() -> ApiError {
    ApiError::not_found("there is no such user; GET /admin/users lists them")
}

/// The user of that name as the admin area shows them.
fn shown(store: &Store, name: &str) -> Answer {
    let user = store.users.get(name).ok_or_else(missing)?;
    Ok(json(StatusCode::OK, &view(store, user)))
}

async fn list(State(app): State<App>, _: Reader) -> Answer {
    let store = app.store();
    let users: Vec<Value> = store.users.all().map(|user| view(&store, user)).collect();
    Ok(json(StatusCode::OK, &users))
}

async fn one(State(app): State<App>, _: Reader, Path(name): Path<String>) -> Answer {
    shown(&app.store(), &name)
}

/// Disables a user; all their tokens and sessions die at once and stay dead.
async fn disable(State(app): State<App>, Admin(admin): Admin, Path(name): Path<String>) -> Answer {
    if admin.name == name {
        return Err(ApiError::conflict("yourself", "you cannot disable yourself; ask another admin"));
    }
    app.oauth.books().end_user(&name, End::Disabled.why());
    let mut store = app.store();
    store.users.get_mut(&name).ok_or_else(missing)?.standing = Standing::Disabled;
    store.sessions.end_all(&name, None, End::Disabled);
    store.web.end_all(&name);
    shown(&store, &name)
}

async fn enable(State(app): State<App>, _: Admin, Path(name): Path<String>) -> Answer {
    let mut store = app.store();
    store.users.get_mut(&name).ok_or_else(missing)?.standing = Standing::Enabled;
    shown(&store, &name)
}

async fn unlock(State(app): State<App>, _: Admin, Path(name): Path<String>) -> Answer {
    let mut store = app.store();
    store.users.get(&name).ok_or_else(missing)?;
    store.lockout.clear(&name);
    shown(&store, &name)
}

#[derive(Deserialize)]
struct NewRoles {
    roles: Vec<Role>,
}

impl Shape for NewRoles {
    const SHAPE: &'static str = "{\"roles\": list of \"user\", \"auditor\", \"admin\"}";
}

/// Replaces a user's roles; tokens that are out already count with the new ones.
async fn roles(
    State(app): State<App>,
    Admin(admin): Admin,
    Path(name): Path<String>,
    Input(new): Input<NewRoles>,
) -> Answer {
    if admin.name == name && !new.roles.contains(&Role::Admin) {
        return Err(ApiError::conflict("yourself", "you cannot take the role admin from yourself; ask another admin"));
    }
    let mut store = app.store();
    store.users.get_mut(&name).ok_or_else(missing)?.roles = new.roles;
    shown(&store, &name)
}
