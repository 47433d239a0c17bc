//! The device flow (RFC 8628): a device shows a code, its person types it here and decides.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use super::client_auth::authenticate;
use super::clients::{Client, Grant};
use super::error::{OAuthError, Reply};
use super::interaction::{enter, person};
use super::params::Posted;
use super::{pages, scope};
use crate::demo::body::Form;
use crate::demo::error::ApiError;
use crate::demo::routes::web::{see_other, with_cookie};
use crate::demo::state::App;
use crate::demo::web::{self, IDLE};
use crate::demo::{clock, cookie, random};

/// How many seconds a device must wait between two questions.
const INTERVAL: u64 = 1;
/// How long a person may take at most, in seconds.
const LONGEST: u64 = 300;
/// The letters of a user code: no vowels, so that it spells nothing (RFC 8628 §6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// What the person said.
#[derive(Debug, Clone)]
pub(crate) enum Decision {
    Open,
    Denied,
    Allowed { user: String, auth_time: u64 },
}

/// A device that waits for its person.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) client: &'static Client,
    user_code: String,
    pub(crate) scope: Vec<String>,
    pub(crate) audience: String,
    pub(crate) decision: Decision,
    pub(crate) until_ms: u64,
    pub(crate) interval: u64,
    /// When the device asked last.
    pub(crate) asked_ms: Option<u64>,
    pub(crate) used: bool,
}

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/oauth/device_authorization", post(authorize))
        .route("/oauth/mtls/device_authorization", post(authorize))
        .route("/oauth/device", get(page).post(decide))
        .route("/oauth/device/login", post(login))
}

/// Gives a device its codes (RFC 8628 §3.2).
async fn authorize(State(app): State<App>, posted: Posted) -> Reply {
    let client = authenticate(&app, &posted)?;
    if !client.may(Grant::Device) {
        return Err(OAuthError::new("unauthorized_client", "the client may not use the device flow"));
    }
    let life = client.refresh_lifetime.min(LONGEST);
    let (device_code, user_code) = (random::secret(), user_code());
    let device = Device {
        client,
        user_code: user_code.clone(),
        scope: scope::wanted(client, posted.params.get("scope"))?,
        audience: scope::audience(&app, &posted.params)?,
        decision: Decision::Open,
        until_ms: clock::now_ms() + life * 1000,
        interval: INTERVAL,
        asked_ms: None,
        used: false,
    };
    app.oauth.books().devices.insert(random::fingerprint(&device_code), device);
    let uri = format!("{}/device", app.oauth.issuer);
    let body = json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": uri,
        "verification_uri_complete": format!("{uri}?user_code={user_code}"),
        "expires_in": life,
        "interval": INTERVAL,
    });
    Ok((StatusCode::OK, axum::Json(body)).into_response())
}

fn user_code() -> String {
    let letters: Vec<char> =
        random::bytes::<8>().iter().map(|b| char::from(LETTERS[usize::from(*b) % LETTERS.len()])).collect();
    let (first, second) = letters.split_at(4);
    first.iter().chain(&['-']).chain(second).collect()
}

/// People type codes in small letters, with and without the hyphen.
fn normal(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_uppercase()).collect()
}

#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    user_code: String,
}

/// The login, then the field for the code, then the question.
async fn page(State(app): State<App>, headers: HeaderMap, Query(typed): Query<Typed>) -> Response {
    let code = typed.user_code;
    let Some(person) = person(&app, &headers) else {
        return login_page(&app, &headers, &code);
    };
    if code.is_empty() {
        return pages::user_code(None);
    }
    match waiting(&app, &code) {
        Some(device) => pages::device(&person, &device.user_code, device.client.about, &device.scope),
        None => wrong_code(),
    }
}

fn wrong_code() -> Response {
    (StatusCode::BAD_REQUEST, pages::user_code(Some("The code is wrong, was used before or has expired.")))
        .into_response()
}

fn login_page(app: &App, headers: &HeaderMap, code: &str) -> Response {
    const ACTION: &str = "/oauth/device/login";
    let hidden = [("user_code", code)];
    if let Some((_, session)) = web::current(app, headers) {
        return pages::login(ACTION, &session.csrf, &hidden, "", None);
    }
    let (id, session) = app.store().web.open(None, IDLE, clock::now_ms());
    with_cookie(pages::login(ACTION, &session.csrf, &hidden, "", None), cookie::set(app, &id))
}

/// The device of a user code that nobody has decided about.
fn waiting(app: &App, code: &str) -> Option<Device> {
    let (code, now) = (normal(code), clock::now_ms());
    let books = app.oauth.books();
    let open = |d: &&Device| normal(&d.user_code) == code && d.until_ms > now && matches!(d.decision, Decision::Open);
    books.devices.values().find(open).cloned()
}

async fn login(State(app): State<App>, headers: HeaderMap, form: Form) -> Response {
    let code = form.get("user_code");
    match enter(&app, &headers, &form, "/oauth/device/login", &[("user_code", code)]).await {
        Ok(session) => {
            let code: String = url::form_urlencoded::byte_serialize(code.as_bytes()).collect();
            let next = see_other(&format!("/oauth/device?user_code={code}")).unwrap_or_else(ApiError::into_response);
            with_cookie(next, cookie::set(&app, &session))
        }
        Err(page) => *page,
    }
}

async fn decide(State(app): State<App>, headers: HeaderMap, form: Form) -> Response {
    let Some(person) = person(&app, &headers) else {
        return pages::refusal(StatusCode::BAD_REQUEST, "log in first");
    };
    if let Err(error) = web::guard(&app, &headers, &person.csrf, form.get("csrf_token")) {
        return pages::refusal(error.status(), error.message());
    }
    let decision = match form.get("decision") {
        "allow" => Decision::Allowed { user: person.name.clone(), auth_time: person.since },
        "deny" => Decision::Denied,
        _ => return pages::refusal(StatusCode::BAD_REQUEST, "the decision is to allow or to deny"),
    };
    let Some(device) = waiting(&app, form.get("user_code")) else { return wrong_code() };
    let text = match decision {
        Decision::Allowed { .. } => "The device may go on; you can close this page.",
        _ => "The device gets nothing; you can close this page.",
    };
    let mut books = app.oauth.books();
    if let Some(entry) = books.devices.values_mut().find(|d| d.user_code == device.user_code) {
        entry.decision = decision;
    }
    pages::message("Done", text)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_user_code_can_be_typed_as_people_type() {
        let code = super::user_code();
        assert_eq!(code.len(), 9, "{code}");
        assert_eq!(super::normal(&code), super::normal(&code.to_lowercase().replace('-', " ")));
    }
}
