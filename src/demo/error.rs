//! The refusals of the demo: one JSON shape, and challenges by RFC 9110 §11.6.1 and RFC 6750 §3.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// The protection space of every challenge.
pub(crate) const REALM: &str = "authspec demo";

/// A refusal: a status, a code for programs, a sentence for people, and the headers that belong to it.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What a handler gives back.
pub(crate) type Answer = Result<Response, ApiError>;

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), headers: Vec::new() }
    }

    /// A 400 whose message says what to send instead.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    /// A 404; the message must be the same for what is missing and for what is hidden.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(crate) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// A 403 for a person who is known and may not; no role would help, so it carries no challenge.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// A 500 that tells nothing of the inside.
    pub(crate) fn internal() -> Self {
        let message = "the demo could not do this; please report it as a bug";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// A 429 for an account that is locked for `seconds` more.
    pub(crate) fn locked(seconds: u64) -> Self {
        let message = format!("too many wrong passwords for this user; try again in {seconds} s");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "locked", message).with(header::RETRY_AFTER, &seconds.to_string())
    }

    /// Adds a header; a value that is not legal in a header is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// Adds a challenge.
    pub(crate) fn challenge(self, value: &str) -> Self {
        self.with(header::WWW_AUTHENTICATE, value)
    }

    /// The status of the refusal.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The sentence for people.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The headers of the refusal.
    pub(crate) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = axum::Json(json!({ "error": self.code, "message": self.message }));
        let mut response = (self.status, body).into_response();
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

/// The Bearer challenge, without an error code when no credential was sent (RFC 6750 §3.1).
pub(crate) fn bearer_challenge() -> String {
    format!("Bearer realm=\"{REALM}\"")
}

/// The 401 for a request that brought no credential.
pub(crate) fn no_token() -> ApiError {
    let message = "this needs an access token: log in with POST /login and send `Authorization: Bearer <access_token>`";
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message).challenge(&bearer_challenge())
}

/// The 401 for a token that is not good; `why` is free of quotes and backslashes (RFC 6750 §3).
pub(crate) fn invalid_token(why: &str) -> ApiError {
    let challenge = format!("{}, error=\"invalid_token\", error_description=\"{why}\"", bearer_challenge());
    ApiError::new(StatusCode::UNAUTHORIZED, "invalid_token", format!("{why}; log in again")).challenge(&challenge)
}

/// The 400 for a request whose credentials contradict each other (RFC 6750 §3.1).
pub(crate) fn many_credentials() -> ApiError {
    let why = "the request carries more than one credential";
    let challenge = format!("{}, error=\"invalid_request\", error_description=\"{why}\"", bearer_challenge());
    ApiError::bad_request(format!("{why}; send exactly one")).challenge(&challenge)
}

/// The 403 for a token whose holder lacks a role (RFC 6750 §3.1).
pub(crate) fn insufficient_scope(role: &str) -> ApiError {
    let why = format!("this needs the role {role}");
    let challenge =
        format!("{}, error=\"insufficient_scope\", error_description=\"{why}\", scope=\"{role}\"", bearer_challenge());
    let message = format!("{why}; ask an admin for it");
    ApiError::new(StatusCode::FORBIDDEN, "insufficient_scope", message).challenge(&challenge)
}
