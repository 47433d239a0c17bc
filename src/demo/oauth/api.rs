//! A small API that takes the tokens of the authorization server, and a second one with an audience of its own.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::{OAuthError, Reply};
use super::resource::{Demanded, Head, admit};
use super::scope;
use crate::demo::body::{Input, Shape};
use crate::demo::random;
use crate::demo::state::App;

/// How many orders are kept.
const MOST: usize = 10_000;

/// An order.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Order {
    id: String,
    item: String,
    /// The subject of the token that made it.
    owner: String,
}

#[derive(Deserialize)]
struct Wanted {
    item: String,
}

impl Shape for Wanted {
    const SHAPE: &'static str = "{\"item\": text}";
}

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/oauth/api/orders", get(orders).post(order))
        .route("/oauth/billing", get(billing))
        .route("/oauth/demo/callback", get(shown).post(posted))
        .route("/oauth/demo/goodbye", get(shown))
}

fn json(status: StatusCode, body: &Value) -> Response {
    (status, axum::Json(body)).into_response()
}

async fn orders(State(app): State<App>, head: Head) -> Reply {
    let demanded = Demanded { audience: &scope::api(&app), scope: "orders.read" };
    let claims = admit(&app, &head, &demanded).await?;
    let books = app.oauth.books();
    let mine: Vec<&Order> = books.orders.iter().filter(|o| o.owner == claims.sub).collect();
    Ok(json(StatusCode::OK, &json!({ "sub": claims.sub, "client_id": claims.client_id, "orders": mine })))
}

async fn order(State(app): State<App>, head: Head, request: axum::extract::Request) -> Reply {
    let demanded = Demanded { audience: &scope::api(&app), scope: "orders.write" };
    let claims = admit(&app, &head, &demanded).await?;
    let Input(wanted) = <Input<Wanted> as axum::extract::FromRequest<App>>::from_request(request, &app).await?;
    let order = Order { id: random::name("order"), item: wanted.item, owner: claims.sub };
    let mut books = app.oauth.books();
    if books.orders.len() >= MOST {
        return Err(OAuthError::invalid_request("the demo keeps no more orders"));
    }
    books.orders.push(order.clone());
    Ok(json(StatusCode::CREATED, &json!(order)))
}

async fn billing(State(app): State<App>, head: Head) -> Reply {
    let audience = format!("{}/billing", app.oauth.issuer);
    let claims = admit(&app, &head, &Demanded { audience: &audience, scope: "billing.read" }).await?;
    let body = json!({ "sub": claims.sub, "client_id": claims.client_id, "act": claims.act, "due": 0 });
    Ok(json(StatusCode::OK, &body))
}

/// Shows what a browser brought back, for people who try the flow by hand.
async fn shown(axum::extract::RawQuery(query): axum::extract::RawQuery) -> Response {
    told(query.unwrap_or_default().as_bytes())
}

async fn posted(body: axum::body::Bytes) -> Response {
    told(&body)
}

fn told(fields: &[u8]) -> Response {
    let fields: serde_json::Map<String, Value> =
        url::form_urlencoded::parse(fields).map(|(n, v)| (n.into_owned(), v.into_owned().into())).collect();
    json(StatusCode::OK, &Value::Object(fields))
}
