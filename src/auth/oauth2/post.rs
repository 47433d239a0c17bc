//! Requests to an authorization server: a form of named parameters, made anew each time it is sent.

use std::sync::Arc;
use std::time::Duration;

use super::Config;
use super::client::Proof;
use super::metadata::{Endpoint, Metadata};
use crate::auth::{Ctx, Exchange, Refused, Spelled, Waits};
use crate::http::{Address, FORM, Headers, Request, Response};
use crate::template::Template;

/// The longest that a server may make a login wait by `Retry-After`, all waits together.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// The labels of these requests.
pub(super) const POSTED: &[&str] = &["device", "par", "refresh", "revoke", "token"];

/// A request to an endpoint that the client proves itself to.
#[derive(Debug, Clone)]
pub(super) struct Post {
    /// What it is called.
    pub(super) label: &'static str,
    pub(super) to: Endpoint,
    /// Its parameters, without those of the client.
    pub(super) parameters: Vec<(String, String)>,
    /// How it has waited for a server that was asked too often.
    waits: Waits,
    /// Whether this try has the nonce that the server gave in answer to the one before.
    pub(super) again: bool,
}

impl Post {
    pub(super) fn new(label: &'static str, to: Endpoint) -> Self {
        Self { label, to, parameters: Vec::new(), waits: Waits::default(), again: false }
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.parameters.push((name.to_owned(), value.into()));
        self
    }

    /// Adds what the scheme asks for: scopes, audiences, resources, and further parameters.
    pub(super) fn asking(mut self, config: &Config, cx: &Ctx<'_>) -> Result<Self, Refused> {
        self.parameters.extend(asked(config, cx)?);
        Ok(self)
    }

    /// Adds what the token is for, where its scopes were settled before (RFC 8707, section 2.2).
    pub(super) fn aimed(mut self, config: &Config, cx: &Ctx<'_>) -> Result<Self, Refused> {
        self.parameters.extend(asked(config, cx)?.into_iter().filter(|(name, _)| name == "resource"));
        Ok(self)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.parameters.iter().any(|(n, _)| n == name)
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Makes the request, with a fresh proof of the client; gives what of it may be used once.
    pub(super) fn exchange(
        &self,
        config: &Config,
        metadata: &Metadata,
        cx: &Ctx<'_>,
    ) -> Result<(Exchange, Option<String>), Refused> {
        let address = metadata.endpoint(self.to, cx)?;
        if config.client.proof == Proof::Tls && address.url().scheme() == "http" {
            let message = format!("`client.auth: tls` shows a certificate, and nobody sees one at {}", address.base());
            let help = format!("name {} by its https address", self.to.title());
            return Err(Refused { message, help: vec![help] });
        }
        let mut parameters = self.parameters.clone();
        let mut headers = Headers::default();
        headers.add("accept", "application/json");
        headers.add("content-type", FORM);
        let assertion = config.client.prove(&mut parameters, &mut headers, metadata, cx)?;
        extend(&mut parameters, self.label, config, cx)?;
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(&parameters);
        let body = body.finish().into();
        let request = Request { method: "POST".to_owned(), address, headers, body };
        let raw = config.client.proof == Proof::BasicRaw;
        let signs = assertion.is_some() || self.has("assertion");
        let signer = if signs { Some(Arc::new(config.client.signer(cx)?)) } else { None };
        let spelled = if raw { Spelled::Raw } else { Spelled::Encoded };
        Ok((Exchange { signer, spelled, ..Exchange::plain(self.label, request) }, assertion))
    }

    /// How long a server that was asked too often was waited for.
    pub(super) const fn waited(&self) -> Duration {
        self.waits.all()
    }

    /// How long to wait before it is sent again, when the server was asked too often (RFC 6585, section 4): it did
    /// not act on the request, so nothing is spent by another one. A 503 may come from something before the server that
    /// gave up waiting for it, so that what may be good once is not sent again on the chance.
    pub(super) fn patience(&mut self, response: &Response, cx: &Ctx<'_>) -> Option<Duration> {
        let once = response.status == 503 && (self.has("refresh_token") || self.has("code"));
        let asked = response.asks_to_wait(cx.now).filter(|_| cx.waits && !once)?;
        self.waits.next(asked, PATIENCE)
    }
}

/// The parameters that say what the token is for.
pub(super) fn asked(config: &Config, cx: &Ctx<'_>) -> Result<Vec<(String, String)>, Refused> {
    let mut parameters = Vec::new();
    let scopes = config.scope.iter().map(|s| render(s, cx)).collect::<Result<Vec<String>, _>>()?;
    if !scopes.is_empty() {
        parameters.push(("scope".to_owned(), scopes.join(" ")));
    }
    for (name, values) in [("audience", &config.audience), ("resource", &config.resource)] {
        for value in values {
            let value = render(value, cx)?;
            // A resource is an absolute URI (RFC 8707, section 2): a path is one of the target.
            let of_target = name == "resource" && value.starts_with('/');
            let base = if of_target { cx.base.trim_end_matches('/') } else { "" };
            parameters.push((name.to_owned(), format!("{base}{value}")));
        }
    }
    Ok(parameters)
}

/// Puts the parameters that `extra` names for a request beside or in place of its own.
pub(super) fn extend(
    parameters: &mut Vec<(String, String)>,
    label: &str,
    config: &Config,
    cx: &Ctx<'_>,
) -> Result<(), Refused> {
    for extra in config.extra.iter().filter(|e| e.label == label) {
        let at = parameters.iter().position(|(n, _)| *n == *extra.name).unwrap_or(parameters.len());
        parameters.retain(|(n, _)| *n != *extra.name);
        for (i, value) in extra.values.iter().enumerate() {
            parameters.insert((at + i).min(parameters.len()), (extra.name.to_string(), render(value, cx)?));
        }
    }
    Ok(())
}

/// Renders a value of the scheme.
pub(super) fn render(template: &Template, cx: &Ctx<'_>) -> Result<String, Refused> {
    template.render(cx.scope).map_err(|error| Refused {
        message: format!("a value of the scheme cannot be rendered: {}", error.message),
        help: Vec::new(),
    })
}

/// Reads an address; a path is one below the target.
pub(super) fn address(text: &str, what: &str, cx: &Ctx<'_>) -> Result<Address, Refused> {
    let whole =
        if text.starts_with('/') { format!("{}{text}", cx.base.trim_end_matches('/')) } else { text.to_owned() };
    Address::parse(&whole)
        .map_err(|why| Refused { message: format!("`{what}` is no address: {why}"), help: Vec::new() })
}
