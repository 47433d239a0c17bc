//! Reads what a scheme says; what cannot work is told where it is written.

use std::sync::Arc;

use super::client::Proof;
use super::device::APPROVED_BY;
use super::exchange::{EXCHANGE_KEYS, Trade};
use super::leave::Leaving;
use super::metadata::Endpoint;
use super::{Config, Extra, bind, diags, read_client};
use crate::auth::form::Pages;
use crate::auth::{ReadScheme, address, diags as common, one_line};
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::spec::{Data, Fields, Node};
use crate::template::Template;

/// How a token is got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grant {
    AuthorizationCode,
    ClientCredentials,
    DeviceCode,
    JwtBearer,
    Password,
    RefreshToken,
    TokenExchange,
}

/// A grant as it is written and as servers know it.
#[derive(Debug)]
struct Row {
    grant: Grant,
    /// The word of `grant`.
    word: &'static str,
    /// The registered `grant_type`.
    registered: &'static str,
    /// The endpoints it cannot do without.
    endpoints: &'static [Endpoint],
    /// The keys that only it and its like have a use for.
    keys: &'static [&'static str],
}

const ROWS: &[Row] = &[
    Row {
        grant: Grant::AuthorizationCode,
        word: "authorization_code",
        registered: "authorization_code",
        endpoints: &[Endpoint::Authorize, Endpoint::Token],
        keys: &["authorize_url", "par_url", "par", "redirect_uri", "pages", "form", "fields", "button"],
    },
    Row {
        grant: Grant::ClientCredentials,
        word: "client_credentials",
        registered: "client_credentials",
        endpoints: &[Endpoint::Token],
        keys: &[],
    },
    Row {
        grant: Grant::DeviceCode,
        word: "device_code",
        registered: DEVICE,
        endpoints: &[Endpoint::Device, Endpoint::Token],
        keys: &["approved_by", "device_url", "pages", "form", "fields", "button"],
    },
    Row {
        grant: Grant::JwtBearer,
        word: "jwt_bearer",
        registered: JWT_BEARER,
        endpoints: &[Endpoint::Token],
        keys: &["subject"],
    },
    Row { grant: Grant::Password, word: "password", registered: "password", endpoints: &[Endpoint::Token], keys: &[] },
    Row {
        grant: Grant::RefreshToken,
        word: "refresh_token",
        registered: "refresh_token",
        endpoints: &[Endpoint::Token],
        keys: &["refresh_token"],
    },
    Row {
        grant: Grant::TokenExchange,
        word: "token_exchange",
        registered: EXCHANGE,
        endpoints: &[Endpoint::Token],
        keys: EXCHANGE_KEYS,
    },
];

/// The words of `grant`.
pub(super) const GRANTS: &[&str] = &[
    "authorization_code",
    "client_credentials",
    "device_code",
    "jwt_bearer",
    "password",
    "refresh_token",
    "token_exchange",
];

/// The registered name of the grant `device_code` (RFC 8628, section 3.4).
pub(super) const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The registered name of the grant `jwt_bearer` (RFC 7523, section 2.1).
pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The registered name of the grant `token_exchange` (RFC 8693, section 2.1).
pub(super) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The keys that only some grants have a use for.
const OWN_KEYS: &[&str] = &[
    "approved_by",
    "authorize_url",
    "button",
    "device_url",
    "fields",
    "form",
    "pages",
    "par",
    "par_url",
    "redirect_uri",
    "refresh_token",
    "subject",
];

/// The words of `grant` with what they mean.
pub(super) fn words() -> impl Iterator<Item = (&'static str, Grant)> {
    ROWS.iter().map(|row| (row.word, row.grant))
}

impl Grant {
    fn row(self) -> &'static Row {
        ROWS.iter().find(|row| row.grant == self).unwrap_or(&ROWS[0])
    }

    /// Its word.
    pub(super) fn word(self) -> &'static str {
        self.row().word
    }

    /// What servers call it.
    pub(super) fn registered(self) -> &'static str {
        self.row().registered
    }

    /// The endpoints it cannot do without.
    pub(super) fn endpoints(self) -> &'static [Endpoint] {
        self.row().endpoints
    }

    /// The names of the requests that it makes of parameters.
    pub(super) fn labels(self) -> Vec<&'static str> {
        self.exchanges()
            .into_iter()
            .filter(|label| !matches!(*label, "page" | "form" | "consent"))
            .chain(["refresh", "revoke", "end_session"])
            .collect()
    }

    /// The names of the exchanges of its login.
    pub(super) fn exchanges(self) -> Vec<&'static str> {
        match self {
            Self::AuthorizationCode => vec!["par", "authorize", "form", "consent", "token"],
            Self::DeviceCode => vec!["device", "page", "form", "consent", "token"],
            Self::ClientCredentials | Self::JwtBearer | Self::Password | Self::RefreshToken | Self::TokenExchange => {
                vec!["token"]
            }
        }
    }
}

/// Tells of what an address may not have, where it is written out.
fn lacks(key: &str, node: &Node, address: &Template, cx: &mut ReadScheme<'_, '_, '_>) {
    let has = |mark: char| address.as_literal().is_some_and(|text| text.contains(mark));
    let forbidden = match key {
        // An issuer has nothing but a path (OpenID Connect Discovery, section 3, and RFC 8414, section 2).
        "issuer" if has('?') => ("a query", '?', "RFC 8414 (section 2)"),
        "issuer" if has('#') => ("a fragment", '#', "RFC 8414 (section 2)"),
        "redirect_uri" if has('#') => ("a fragment", '#', "RFC 6749 (section 3.1.2)"),
        "resource" if has('#') => ("a fragment", '#', "RFC 8707 (section 2)"),
        _ => return,
    };
    cx.compile.reader.fault(diags::forbidden(node.span, key, forbidden));
}

/// Reads an address that may not have everything that addresses have.
fn plain_address(fields: Fields<'_>, key: &str, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Template> {
    let read = address(fields, key, cx)?;
    lacks(key, fields.get(key)?, &read, cx);
    Some(read)
}

/// Reads the keys of a scheme.
pub(super) fn config(fields: Fields<'_>, node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Config> {
    let grant = cx.compile.reader.need(fields, node, "grant", "the scheme `oauth2`");
    let client = cx.compile.reader.need(fields, node, "client", "the scheme `oauth2`");
    let (grant_node, client_node) = (grant?, client?);
    let words: Vec<(&str, Grant)> = words().collect();
    let grant = cx.compile.reader.one_of(grant_node, "a grant", &words);
    let client = read_client::client((fields, node), client_node, grant, cx);
    let grant = grant?;
    let issuer = plain_address(fields, "issuer", cx);
    let given = Endpoint::all().filter_map(|e| Some((e, address(fields, e.key(), cx)?))).collect::<Vec<_>>();
    named(fields, (grant, grant_node.span), cx);
    match client.as_ref().map(|client| client.proof) {
        Some(Proof::Tls) => seen(fields, client_node.span, cx),
        Some(Proof::Nothing) if grant == Grant::ClientCredentials && is_bare(client_node) => {
            cx.compile.reader.fault(diags::proves_nothing(client_node.span));
        }
        _ => {}
    }
    useful(fields, grant, grant_node.span, cx);
    if grant == Grant::Password {
        person(&["username", "password"], (grant_node.span, None), cx);
    }
    if grant == Grant::RefreshToken {
        cx.compile.reader.need(fields, node, "refresh_token", "the grant `refresh_token`")?;
    }
    let refresh_token = fields.get("refresh_token").and_then(|node| cx.compile.reader.template(node));
    let subject = fields.get("subject").and_then(|node| line(node, "subject", cx));
    let trade = if grant == Grant::TokenExchange { Some(Trade::read(fields, node, cx)?) } else { None };
    let redirect = plain_address(fields, "redirect_uri", cx);
    let approved = fields.get(APPROVED_BY).inspect(|node| drop(cx.compile.reader.word(node))).is_some();
    let pages = cx.as_approver(|cx| Pages::read(fields, node, cx))?;
    // Who approves the login of another may be known by a session, and be asked nothing.
    let has_pages = matches!(grant, Grant::AuthorizationCode | Grant::DeviceCode) && !approved;
    if has_pages && pages.are_found() {
        let other = (grant == Grant::DeviceCode).then_some("or name another identity by `approved_by`");
        person(&["username", "password"], (grant_node.span, other), cx);
    }
    let dpop = fields.get("dpop").and_then(|node| bind::read(node, cx));
    let leaving = Leaving::read(fields, grant, cx)?;
    let par = pushed(fields, grant, cx);
    let (scope, audience) = (texts(fields, "scope", cx), texts(fields, "audience", cx));
    let resource = texts(fields, "resource", cx);
    let extra = fields.get("extra").map_or_else(|| Some(Vec::new()), |node| extra(node, &grant.labels(), cx));
    Some(Config {
        grant,
        issuer,
        given,
        client: client?,
        scope: scope?,
        audience: audience?,
        resource: resource?,
        refresh_token,
        subject,
        trade,
        redirect,
        pages,
        approved,
        par,
        dpop,
        leaving,
        extra: extra?,
    })
}

/// A text of one line.
pub(super) fn line(node: &Node, key: &str, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Template> {
    let template = cx.compile.reader.template(node)?;
    one_line(node, key, &template, cx);
    Some(template)
}

/// One text or several; none when the key is not there.
fn texts(fields: Fields<'_>, key: &str, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Vec<Template>> {
    let Some(node) = fields.get(key) else { return Some(Vec::new()) };
    let nodes = cx.compile.reader.one_or_more(node);
    let read = |node: &Node| line(node, key, cx).inspect(|text| lacks(key, node, text, cx));
    nodes.iter().map(read).collect()
}

/// Tells whether of a client only its id is written.
fn is_bare(client: &Node) -> bool {
    matches!(&client.data, Data::Map(entries) if entries.len() == 1)
}

/// The endpoints of a grant are named, or found by the issuer.
fn named(fields: Fields<'_>, (grant, at): (Grant, Span), cx: &mut ReadScheme<'_, '_, '_>) {
    let missing: Vec<Endpoint> = grant.endpoints().iter().copied().filter(|e| fields.get(e.key()).is_none()).collect();
    if fields.get("issuer").is_none() && !missing.is_empty() {
        cx.compile.reader.fault(diags::no_endpoint(at, grant.word(), &missing));
    }
}

/// Whether the request is pushed, for which there has to be an endpoint.
fn pushed(fields: Fields<'_>, grant: Grant, cx: &mut ReadScheme<'_, '_, '_>) -> bool {
    let Some(node) = fields.get("par") else { return false };
    let par = cx.compile.reader.flag(node).unwrap_or_default();
    let is_named = fields.get("issuer").is_some() || fields.get(Endpoint::Par.key()).is_some();
    if par && grant == Grant::AuthorizationCode && !is_named {
        cx.compile.reader.fault(diags::nowhere_to_push(node.span, Endpoint::Par.key(), Endpoint::Par.title()));
    }
    par
}

/// A certificate is seen where TLS is spoken alone: at the endpoints that a client asks by itself, as far as they are
/// written out. Where the issuer is to say where they are, nobody who listens on the way may have a word in it.
fn seen(fields: Fields<'_>, client: Span, cx: &mut ReadScheme<'_, '_, '_>) {
    let base = cx.base.clone();
    let plain = |key: &str| {
        let node = fields.get(key)?;
        let text = node.scalar().filter(|text| !text.contains("{{"))?;
        let whole = match (text.strip_prefix('/'), &base) {
            (Some(path), Some(base)) => format!("{}/{path}", base.trim_end_matches('/')),
            (Some(_), None) => return None,
            (None, _) => text.to_string(),
        };
        whole.starts_with("http://").then_some((node.span, whole))
    };
    for endpoint in Endpoint::all().filter(|endpoint| endpoint.is_for_clients()) {
        if let Some((span, address)) = plain(endpoint.key()) {
            cx.compile.reader.fault(diags::shown_to_nobody(span, client, endpoint.title(), &address));
        }
    }
    if let (None, Some((span, address))) = (fields.get(Endpoint::Token.key()), plain("issuer")) {
        cx.compile.reader.fault(diags::shown_to_no_issuer(span, client, &address));
    }
}

/// A key that belongs to other grants says nothing.
fn useful(fields: Fields<'_>, grant: Grant, at: Span, cx: &mut ReadScheme<'_, '_, '_>) {
    let owned = |key: &str| OWN_KEYS.contains(&key) || EXCHANGE_KEYS.contains(&key);
    for entry in fields.iter().filter(|e| owned(&e.key) && !grant.row().keys.contains(&&*e.key)) {
        cx.compile.reader.fault(diags::useless(entry.key_span, &entry.key, grant.word(), at));
    }
}

/// The fields that somebody who logs in must have.
fn person(names: &[&str], (grant, other): (Span, Option<&str>), cx: &mut ReadScheme<'_, '_, '_>) {
    let Some(place) = cx.identity else { return };
    for name in names {
        if cx.fields.iter().all(|(field, _)| &**field != *name) {
            let others: Vec<_> = cx.fields.iter().filter(|(n, _)| !names.contains(&&**n)).collect();
            let fault = common::missing_field(place, name, ("oauth2", grant), &others);
            cx.compile.reader.fault(other.into_iter().fold(fault, Diagnostic::help));
        }
    }
}

fn extra(node: &Node, labels: &[&'static str], cx: &mut ReadScheme<'_, '_, '_>) -> Option<Vec<Extra>> {
    let mut all = Vec::new();
    for request in cx.compile.reader.map(node)?.iter() {
        let Some(label) = labels.iter().copied().find(|label| *label == &*request.key) else {
            cx.compile.reader.fault(diags::no_request(request.key_span, &request.key, labels));
            continue;
        };
        for entry in cx.compile.reader.map(&request.value)?.iter() {
            let values = if matches!(entry.value.data, Data::Null) {
                Vec::new()
            } else {
                let nodes = cx.compile.reader.one_or_more(&entry.value);
                nodes.iter().map(|n| cx.compile.reader.template(n)).collect::<Option<Vec<Template>>>()?
            };
            all.push(Extra { label, name: Arc::clone(&entry.key), values });
        }
    }
    Some(all)
}
