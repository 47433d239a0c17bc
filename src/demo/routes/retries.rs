//! Routes for what goes slow, wrong or elsewhere: redirects, delays, failures, jobs.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use super::json;
use crate::demo::error::{Answer, ApiError};
use crate::demo::state::App;

/// The longest delay of `/slow`, in milliseconds.
const LONGEST_MS: u64 = 5_000;
/// The longest chain of `/hop/{n}`.
const MOST_HOPS: u32 = 50;
/// How often a job is looked at before it is done.
const PENDING: u64 = 2;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/old/me", get(old_me))
        .route("/hop/{n}", get(hop))
        .route("/submit-307", post(submit))
        .route("/slow", get(slow))
        .route("/flaky", get(flaky))
        .route("/jobs/{id}", get(job))
}

fn redirect(status: StatusCode, to: &str) -> Answer {
    let location = HeaderValue::try_from(to).map_err(|_| ApiError::internal())?;
    Ok((status, [(header::LOCATION, location)]).into_response())
}

async fn old_me() -> Answer {
    redirect(StatusCode::MOVED_PERMANENTLY, "/me")
}

/// Redirects n times, then once more to `/me`.
async fn hop(Path(n): Path<u32>) -> Answer {
    match n {
        0 => redirect(StatusCode::FOUND, "/me"),
        1..=MOST_HOPS => redirect(StatusCode::FOUND, &format!("/hop/{}", n - 1)),
        _ => Err(ApiError::bad_request(format!("at most {MOST_HOPS} hops"))),
    }
}

async fn submit() -> Answer {
    redirect(StatusCode::TEMPORARY_REDIRECT, "/notes")
}

#[derive(Deserialize)]
struct Delay {
    #[serde(default)]
    ms: u64,
}

async fn slow(Query(delay): Query<Delay>) -> Answer {
    if delay.ms > LONGEST_MS {
        return Err(ApiError::bad_request(format!("ms must be at most {LONGEST_MS}")));
    }
    tokio::time::sleep(Duration::from_millis(delay.ms)).await;
    Ok(json(StatusCode::OK, &json!({ "waited_ms": delay.ms })))
}

#[derive(Deserialize)]
struct Flaky {
    #[serde(default)]
    key: String,
    #[serde(default)]
    fail: u64,
}

async fn flaky(State(app): State<App>, Query(flaky): Query<Flaky>) -> Answer {
    let tries = app.store().count(format!("flaky {}", flaky.key));
    if tries > flaky.fail {
        return Ok(json(StatusCode::OK, &json!({ "tries": tries })));
    }
    let message = format!("try {tries} of {} that fail; try again", flaky.fail);
    let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message);
    Err(error.with(header::RETRY_AFTER, "0"))
}

async fn job(State(app): State<App>, Path(id): Path<String>) -> Response {
    let looks = app.store().count(format!("job {id}"));
    let state = if looks > PENDING { "done" } else { "pending" };
    json(StatusCode::OK, &json!({ "id": id, "state": state, "looks": looks }))
}
