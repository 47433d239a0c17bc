//! Cookie sessions: an id made anew at login, a CSRF token per session, an idle and an absolute timeout.

use std::collections::HashMap;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};

use super::error::{ApiError, REALM};
use super::state::App;
use super::users::Standing;
use super::{clock, cookie, cors, random};

/// The idle timeout of a session unless the login asks for another, in seconds; also the longest.
pub(crate) const IDLE: u64 = 900;
/// How long a session lives at most however busy it is, in milliseconds: eight hours.
const ABSOLUTE_MS: u64 = 8 * 3600 * 1000;
/// How many sessions are opened between two clean-ups.
const CLEAN_EVERY: usize = 256;

/// A browser's session, before or after login.
#[derive(Debug, Clone)]
pub(crate) struct WebSession {
    /// The person, once logged in.
    pub(crate) user: Option<String>,
    pub(crate) csrf: String,
    pub(crate) display_name: String,
    idle: u64,
    touched: u64,
    born: u64,
}

impl WebSession {
    fn until(&self) -> u64 {
        (self.touched + self.idle * 1000).min(self.born + ABSOLUTE_MS)
    }

    /// When the session began, which for a person is their login, in milliseconds.
    pub(crate) fn since_ms(&self) -> u64 {
        self.born
    }

    /// The seconds this session has left unless it is used again, rounded up.
    pub(crate) fn seconds_left(&self, now: u64) -> u64 {
        self.until().saturating_sub(now).div_ceil(1000)
    }
}

/// All cookie sessions, by id.
#[derive(Debug, Default)]
pub(crate) struct WebSessions {
    by_id: HashMap<String, WebSession>,
    opened: usize,
}

impl WebSessions {
    /// Opens a session under a fresh id: for a login form, or for a person who just logged in.
    pub(crate) fn open(&mut self, user: Option<&str>, idle: u64, now: u64) -> (String, WebSession) {
        self.opened += 1;
        if self.opened.is_multiple_of(CLEAN_EVERY) {
            self.by_id.retain(|_, s| s.until() > now);
        }
        let session = WebSession {
            user: user.map(str::to_owned),
            csrf: random::secret(),
            display_name: user.unwrap_or_default().to_owned(),
            idle,
            touched: now,
            born: now,
        };
        let id = random::secret();
        self.by_id.insert(id.clone(), session.clone());
        (id, session)
    }

    /// The living session of that id, which using it keeps alive; an unknown id is never adopted.
    pub(crate) fn touch(&mut self, id: &str, now: u64) -> Option<&mut WebSession> {
        if self.by_id.get(id)?.until() <= now {
            self.by_id.remove(id);
            return None;
        }
        let session = self.by_id.get_mut(id)?;
        session.touched = now;
        Some(session)
    }

    /// Notes who logged in, under the id that was there before.
    pub(crate) fn adopt(&mut self, id: &str, user: &str) -> bool {
        let Some(session) = self.by_id.get_mut(id) else { return false };
        session.user = Some(user.to_owned());
        user.clone_into(&mut session.display_name);
        true
    }

    /// The id that begins like this one.
    fn id_like(&self, id: &str) -> Option<String> {
        let start = id.get(..8)?;
        self.by_id.keys().find(|known| known.starts_with(start)).cloned()
    }

    pub(crate) fn end(&mut self, id: &str) {
        self.by_id.remove(id);
    }

    /// Ends every session of a person.
    pub(crate) fn end_all(&mut self, user: &str) {
        self.by_id.retain(|_, s| s.user.as_deref() != Some(user));
    }
}

/// The session a request's cookie stands for, whether or not somebody is logged in.
pub(crate) fn current(app: &App, headers: &HeaderMap) -> Option<(String, WebSession)> {
    touched(app, cookie::session_id(headers)?)
}

fn touched(app: &App, id: &str) -> Option<(String, WebSession)> {
    let mut store = app.store();
    let whole = if app.is_weak("session-by-prefix") { store.web.id_like(id)? } else { id.to_owned() };
    let session = store.web.touch(&whole, clock::now_ms())?.clone();
    Some((whole, session))
}

/// The session that the query names.
fn in_query(app: &App, parts: &Parts) -> Option<(String, WebSession)> {
    let pairs = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let (_, id) = pairs.into_iter().find(|(name, _)| name == cookie::NAME)?;
    touched(app, &id).filter(|_| app.is_weak("session-in-query"))
}

/// What a demo lets in that does not look sessions up: a guest without a cookie, or whoever brings any.
fn anybodys(app: &App, parts: &Parts) -> Option<(String, WebSession)> {
    let open = match cookie::session_id(&parts.headers) {
        None => app.is_weak("session-optional"),
        Some(_) => app.is_weak("session-unverified"),
    };
    open.then(|| app.store().web.open(Some("dora"), IDLE, clock::now_ms()))
}

/// A person with a living cookie session.
pub(crate) struct WebCaller {
    pub(crate) session_id: String,
    pub(crate) session: WebSession,
    pub(crate) name: String,
}

impl FromRequestParts<App> for WebCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let found = current(app, &parts.headers).or_else(|| in_query(app, parts)).or_else(|| anybodys(app, parts));
        let Some((session_id, session)) = found else {
            return Err(match cookie::session_id(&parts.headers) {
                Some(_) => no_session("session_expired", "the session has ended or never was; log in again"),
                None => no_session("no_session", "this needs a session: log in at /web/login and send its cookie"),
            });
        };
        let enabled = |name: &String| app.store().users.get(name).is_some_and(|u| u.standing == Standing::Enabled);
        match session.user.clone().filter(enabled) {
            Some(name) => Ok(Self { session_id, session, name }),
            None => Err(no_session("no_session", "nobody is logged in here; log in at /web/login")),
        }
    }
}

/// A 401 of the cookie world. No registered scheme fits, so the challenge names the cookie and the form.
pub(crate) fn no_session(code: &'static str, message: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, code, message).challenge(&challenge())
}

/// The challenge of the cookie world.
pub(crate) fn challenge() -> String {
    format!("Cookie realm=\"{REALM}\", form-action=\"/web/login\", cookie-name=\"{}\"", cookie::NAME)
}

/// Refuses a change that this person's own pages did not send: a foreign origin, or no or a wrong CSRF token.
pub(crate) fn guard(app: &App, headers: &HeaderMap, expected: &str, field: &str) -> Result<(), ApiError> {
    let refusal = |message: &str| Err(ApiError::new(StatusCode::FORBIDDEN, "csrf", message));
    if app.is_weak("csrf-unchecked") {
        return Ok(());
    }
    own_page(app, headers)?;
    let header = headers.get("x-csrf-token").and_then(|v| v.to_str().ok());
    let sent = header.unwrap_or(field);
    if sent.is_empty() && app.is_weak("csrf-only-when-sent") {
        return Ok(());
    }
    if sent.is_empty() {
        return refusal("the CSRF token is missing; send the form's csrf_token, or the header X-CSRF-Token");
    }
    if !random::same(sent, expected) {
        return refusal("the CSRF token is not that of this session; load the page again");
    }
    Ok(())
}

/// Refuses a change that a page of another site sent.
pub(crate) fn own_page(app: &App, headers: &HeaderMap) -> Result<(), ApiError> {
    if is_foreign(app, headers) && !app.is_weak("foreign-origin-posts") {
        let message = "the request comes from another site; send it from the demo's own pages";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "csrf", message));
    }
    Ok(())
}

/// Whether a browser says that another site sent the request.
fn is_foreign(app: &App, headers: &HeaderMap) -> bool {
    if let Some(origin) = headers.get(header::ORIGIN) {
        let own = own_origins(app);
        return !own.iter().any(|o| o.as_bytes() == origin.as_bytes()) && !cors::allows(origin);
    }
    headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site")
}

/// The demo's own origin, by address and by name.
fn own_origins(app: &App) -> [String; 2] {
    [app.url.clone(), app.url.replacen("127.0.0.1", "localhost", 1)]
}
