//! The parameters of a request: each at most once, and one without a value counts as left out (RFC 6749 §3.1, §3.2).

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Method};

use super::error::OAuthError;
use crate::demo::body::Form;
use crate::demo::state::App;
use crate::demo::tls::Shown;

/// Parameters by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    /// A parameter that has a value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// A parameter that must be there.
    pub(crate) fn need(&self, name: &str) -> Result<&str, OAuthError> {
        self.get(name).ok_or_else(|| OAuthError::invalid_request(format!("the parameter {name} is missing")))
    }

    /// Puts a value in the place of what was sent.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// The parameters of a query; a name that is there twice is an error.
    pub(crate) fn of_query(query: &str) -> Result<Self, OAuthError> {
        let mut params = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if params.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(OAuthError::invalid_request("a parameter is there twice; send each once"));
            }
        }
        Ok(Self(params))
    }

    /// The value of a parameter, even where the others are not in order: the first of that name.
    pub(crate) fn first_of(query: &str, name: &str) -> Option<String> {
        url::form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
    }
}

impl From<Form> for Params {
    fn from(form: Form) -> Self {
        Self(form.0)
    }
}

/// A form that was posted to an endpoint for programs, with the headers it came with.
pub(crate) struct Posted {
    pub(crate) headers: HeaderMap,
    pub(crate) params: Params,
    /// The path below the demo's URL.
    pub(crate) path: String,
    /// The certificate that the connection showed.
    pub(crate) shown: Option<Shown>,
}

impl FromRequest<App> for Posted {
    type Rejection = OAuthError;

    async fn from_request(request: Request, app: &App) -> Result<Self, OAuthError> {
        let headers = request.headers().clone();
        let path = request.uri().path().to_owned();
        let shown = Shown::of(request.extensions());
        not_in_the_query(request.uri().query())?;
        let form = Form::from_request(request, app).await?;
        Ok(Self { headers, params: form.into(), path, shown })
    }
}

/// Secrets do not belong into a URL, so an endpoint for programs reads none from there (RFC 6749 §2.3.1, §3.2).
fn not_in_the_query(query: Option<&str>) -> Result<(), OAuthError> {
    match query {
        Some(query) if !query.is_empty() => {
            Err(OAuthError::invalid_request("parameters belong into the body, not into the URL"))
        }
        _ => Ok(()),
    }
}

/// The parameters of a page, of its query or of a form that was posted to it, with the headers and the raw query.
pub(crate) struct Asked(pub(crate) Result<Params, OAuthError>, pub(crate) HeaderMap, pub(crate) String);

impl FromRequest<App> for Asked {
    type Rejection = OAuthError;

    async fn from_request(request: Request, app: &App) -> Result<Self, OAuthError> {
        let headers = request.headers().clone();
        if request.method() == Method::POST {
            let form = Form::from_request(request, app).await;
            return Ok(Self(form.map(Params::from).map_err(OAuthError::from), headers, String::new()));
        }
        let query = request.uri().query().unwrap_or_default().to_owned();
        Ok(Self(Params::of_query(&query), headers, query))
    }
}
