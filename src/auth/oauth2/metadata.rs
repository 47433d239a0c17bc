//! Endpoints: those that are named, and those of the server's own metadata (`OpenID` Connect Discovery 1.0, section 4;
//! RFC 8414, section 3).

use serde_json::Value;

use super::Config;
use super::post::{address, render};
use crate::auth::{Ctx, Refused};
use crate::http::{Address, Response};

/// An endpoint of an authorization server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    Authorize,
    Device,
    EndSession,
    Jwks,
    Par,
    Revoke,
    Token,
}

/// Endpoints: the key that names one, its member of the metadata, and what it is called.
const ENDPOINTS: &[(Endpoint, &str, &str, &str)] = &[
    (Endpoint::Authorize, "authorize_url", "authorization_endpoint", "the authorization endpoint"),
    (Endpoint::Device, "device_url", "device_authorization_endpoint", "the device authorization endpoint"),
    (Endpoint::EndSession, "end_session_url", "end_session_endpoint", "the end-session endpoint"),
    (Endpoint::Jwks, "jwks_url", "jwks_uri", "the server's keys"),
    (
        Endpoint::Par,
        "par_url",
        "pushed_authorization_request_endpoint",
        "the endpoint for pushed authorization requests",
    ),
    (Endpoint::Revoke, "revoke_url", "revocation_endpoint", "the revocation endpoint"),
    (Endpoint::Token, "token_url", "token_endpoint", "the token endpoint"),
];

impl Endpoint {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        ENDPOINTS.iter().map(|(endpoint, ..)| *endpoint)
    }

    fn row(self) -> (&'static str, &'static str, &'static str) {
        let row = ENDPOINTS.iter().find(|(endpoint, ..)| *endpoint == self);
        row.map_or(("", "", ""), |(_, key, member, title)| (key, member, title))
    }

    /// The key of a scheme that names it.
    pub(super) fn key(self) -> &'static str {
        self.row().0
    }

    /// Whether a client asks it by itself, and no browser does.
    pub(super) const fn is_for_clients(self) -> bool {
        matches!(self, Self::Device | Self::Par | Self::Revoke | Self::Token)
    }

    /// What it is called in sentences.
    pub(super) fn title(self) -> &'static str {
        self.row().2
    }
}

/// What is known of a server.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    pub(super) issuer: Option<String>,
    named: Vec<(Endpoint, Address)>,
    /// The metadata; null where none were asked for.
    document: Value,
    /// Whether the client shows a certificate.
    is_certified: bool,
}

impl Metadata {
    /// Takes what the scheme itself says.
    pub(super) fn configured(config: &Config, cx: &Ctx<'_>) -> Result<Self, Refused> {
        let issuer = config.issuer.as_ref().map(|issuer| render(issuer, cx)).transpose()?;
        // A path is one of the target, as everywhere.
        let issuer = issuer.map(|text| match text.strip_prefix('/') {
            Some(path) => format!("{}/{path}", cx.base.trim_end_matches('/')),
            None => text,
        });
        let mut named = Vec::new();
        for (endpoint, template) in &config.given {
            named.push((*endpoint, address(&render(template, cx)?, endpoint.key(), cx)?));
        }
        Ok(Self { issuer, named, document: Value::Null, is_certified: config.client.is_certified() })
    }

    /// Where the metadata may be, most likely first.
    pub(super) fn places(&self, cx: &Ctx<'_>) -> Result<Vec<Address>, Refused> {
        let Some(issuer) = &self.issuer else { return Ok(Vec::new()) };
        let places = metadata_places(&address(issuer, "issuer", cx)?);
        places.iter().map(|text| address(text, "issuer", cx)).collect()
    }

    /// Takes in the metadata that the server gave (RFC 8414, section 3.3: the issuer must be identical).
    pub(super) fn learn(&mut self, response: &Response, from: &Address) -> Result<(), Refused> {
        let document: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        if !document.is_object() {
            let help = "is `issuer` the issuer of an authorization server?".to_owned();
            return Err(Refused { message: format!("the metadata at {from} are no JSON object"), help: vec![help] });
        }
        let said = document.get("issuer").and_then(Value::as_str);
        let wanted = self.issuer.as_deref().unwrap_or_default();
        match said {
            Some(said) if said == wanted => {}
            Some(said) => {
                let message = format!("the metadata are those of the issuer `{said}`, and `issuer` is `{wanted}`");
                let help = if said.trim_end_matches('/') == wanted.trim_end_matches('/') {
                    format!("issuers are compared as they are written, so write `issuer: {said}`")
                } else {
                    format!("either the server is set up for another address, or `issuer: {said}` is meant")
                };
                return Err(Refused { message, help: vec![help] });
            }
            None => {
                return Err(Refused { message: format!("the metadata at {from} name no issuer"), help: Vec::new() });
            }
        }
        self.document = document;
        Ok(())
    }

    /// Gives an endpoint: the one that the scheme names, else the one of the metadata.
    pub(super) fn endpoint(&self, endpoint: Endpoint, cx: &Ctx<'_>) -> Result<Address, Refused> {
        self.find(endpoint, cx)?.ok_or_else(|| {
            let (key, member, title) = endpoint.row();
            let message = format!("the server's metadata do not name {title} (`{member}`)");
            Refused { message, help: vec![format!("does the server have one? then name it with `{key}`")] }
        })
    }

    /// Gives an endpoint if there is one.
    pub(super) fn find(&self, endpoint: Endpoint, cx: &Ctx<'_>) -> Result<Option<Address>, Refused> {
        if let Some((_, address)) = self.named.iter().find(|(named, _)| *named == endpoint) {
            return Ok(Some(address.clone()));
        }
        let (_, member, _) = endpoint.row();
        let alias = self.alias(endpoint).map(|url| address(url, "mtls_endpoint_aliases", cx));
        alias.or_else(|| self.text(member).map(|url| address(url, member, cx))).transpose()
    }

    /// Where whoever shows a certificate finds an endpoint, if that is elsewhere (RFC 8705, section 5).
    fn alias(&self, endpoint: Endpoint) -> Option<&str> {
        let aliases = self.document.get("mtls_endpoint_aliases").filter(|_| self.is_certified)?;
        aliases.get(endpoint.row().1).filter(|_| endpoint.is_for_clients())?.as_str()
    }

    /// Tells whether the scheme itself names an endpoint.
    pub(super) fn names(&self, endpoint: Endpoint) -> bool {
        self.named.iter().any(|(named, _)| *named == endpoint)
    }

    /// Tells whether the metadata say yes to something.
    pub(super) fn says(&self, member: &str) -> bool {
        self.document.get(member) == Some(&Value::Bool(true))
    }

    fn text(&self, member: &str) -> Option<&str> {
        self.document.get(member).and_then(Value::as_str)
    }

    /// Gives a list of the metadata; empty when it is not there.
    pub(super) fn list(&self, member: &str) -> Vec<&str> {
        let list = self.document.get(member).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

/// Where the metadata of an issuer may be, most likely first: `OpenID` Connect Discovery (section 4) appends to the path
/// of the issuer, RFC 8414 (section 3.1) puts its own path before it.
pub fn metadata_places(issuer: &Address) -> [String; 2] {
    let (base, path) = (issuer.base(), issuer.path().trim_end_matches('/'));
    [
        format!("{base}{path}/.well-known/openid-configuration"),
        format!("{base}/.well-known/oauth-authorization-server{path}"),
    ]
}
