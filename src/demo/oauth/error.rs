//! The refusals of the authorization server (RFC 6749 §5.2) and of what it protects (RFC 6750 §3).

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::demo::error::ApiError;

/// The protection space of every challenge of the authorization server.
pub(crate) const REALM: &str = "authspec demo oauth";

/// A refusal: a status, a code, a sentence for people, and the headers that belong to it.
#[derive(Debug)]
pub(crate) struct OAuthError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) description: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What a handler of the authorization server gives back.
pub(crate) type Reply = Result<Response, OAuthError>;

impl OAuthError {
    /// A 400 with that code; the description is free of quotes and backslashes (RFC 6749 §5.2).
    pub(crate) fn new(code: &'static str, description: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, description: description.into(), headers: Vec::new() }
    }

    pub(crate) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    pub(crate) fn invalid_grant(description: impl Into<String>) -> Self {
        Self::new("invalid_grant", description)
    }

    pub(crate) fn invalid_scope(description: impl Into<String>) -> Self {
        Self::new("invalid_scope", description)
    }

    pub(crate) fn invalid_target(description: impl Into<String>) -> Self {
        Self::new("invalid_target", description)
    }

    /// The 401 for a client that is not who it says; the challenge is due when it tried Basic (RFC 6749 §5.2).
    pub(crate) fn invalid_client(tried: Tried) -> Self {
        let mut error = Self::new("invalid_client", "the client is unknown, or its authentication failed");
        error.status = StatusCode::UNAUTHORIZED;
        match tried {
            Tried::Header => {
                error.with(header::WWW_AUTHENTICATE, &format!("Basic realm=\"{REALM}\", charset=\"UTF-8\""))
            }
            Tried::Body => error,
        }
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Adds a header; a value that is not legal in a header is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }
}

/// Where a client put its credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tried {
    Header,
    Body,
}

/// What goes wrong below the authorization server keeps its status and its sentence.
impl From<ApiError> for OAuthError {
    fn from(error: ApiError) -> Self {
        let code = if error.status().is_server_error() { "server_error" } else { "invalid_request" };
        let status = match error.status() {
            StatusCode::UNSUPPORTED_MEDIA_TYPE => StatusCode::BAD_REQUEST,
            other => other,
        };
        Self { status, code, description: error.message().replace(['"', '\\', '`'], "'"), headers: Vec::new() }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = axum::Json(json!({ "error": self.code, "error_description": self.description }));
        let mut response = (self.status, body).into_response();
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}
