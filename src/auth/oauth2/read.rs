//! Reads what a scheme says; what cannot work is told where it is written.

use std::sync::Arc;

use super::client::{CLIENT_KEYS, Client, PROOFS, Proof};
use super::metadata::Endpoint;
use super::{Config, Extra, diags};
use crate::auth::form::Pages;
use crate::auth::{ReadScheme, diags as common};
use crate::http::Address;
use crate::source::Span;
use crate::spec::{Data, Fields, Node};
use crate::template::Template;

/// How a token is got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grant {
    AuthorizationCode,
    ClientCredentials,
    Password,
    RefreshToken,
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
        keys: &["authorize_url", "par_url", "jwks_url", "par", "redirect_uri", "pages", "form", "fields", "button"],
    },
    Row {
        grant: Grant::ClientCredentials,
        word: "client_credentials",
        registered: "client_credentials",
        endpoints: &[Endpoint::Token],
        keys: &[],
    },
    Row { grant: Grant::Password, word: "password", registered: "password", endpoints: &[Endpoint::Token], keys: &[] },
    Row {
        grant: Grant::RefreshToken,
        word: "refresh_token",
        registered: "refresh_token",
        endpoints: &[Endpoint::Token],
        keys: &["refresh_token"],
    },
];

/// The words of `grant`.
pub(super) const GRANTS: &[&str] = &["authorization_code", "client_credentials", "password", "refresh_token"];

/// The keys that only some grants have a use for.
const OWN_KEYS: &[&str] = &[
    "authorize_url",
    "button",
    "fields",
    "form",
    "jwks_url",
    "pages",
    "par",
    "par_url",
    "redirect_uri",
    "refresh_token",
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
        self.exchanges().into_iter().filter(|label| !matches!(*label, "form" | "consent")).chain(["refresh"]).collect()
    }

    /// The names of the exchanges of its login.
    pub(super) fn exchanges(self) -> Vec<&'static str> {
        match self {
            Self::AuthorizationCode => vec!["par", "authorize", "form", "consent", "token"],
            Self::ClientCredentials | Self::Password | Self::RefreshToken => vec!["token"],
        }
    }
}

/// Reads the keys of a scheme.
pub(super) fn config(fields: Fields<'_>, node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Config> {
    let grant = cx.compile.reader.need(fields, node, "grant", "the scheme `oauth2`");
    let client = cx.compile.reader.need(fields, node, "client", "the scheme `oauth2`");
    let (grant_node, client_node) = (grant?, client?);
    let words: Vec<(&str, Grant)> = words().collect();
    let grant = cx.compile.reader.one_of(grant_node, "a grant", &words);
    let client = read_client(client_node, cx);
    let grant = grant?;
    let issuer = url(fields, "issuer", cx);
    let given = Endpoint::all().filter_map(|e| Some((e, url(fields, e.key(), cx)?))).collect::<Vec<_>>();
    for endpoint in grant.endpoints() {
        if fields.get("issuer").is_none() && fields.get(endpoint.key()).is_none() {
            let fault = diags::no_endpoint(grant_node.span, grant.word(), endpoint.key(), endpoint.title());
            cx.compile.reader.fault(fault);
        }
    }
    useful(fields, grant, grant_node.span, cx);
    if grant == Grant::Password {
        person(&["username", "password"], grant_node.span, cx);
    }
    let refresh_token = match fields.get("refresh_token") {
        Some(node) => Some(cx.compile.reader.template(node)?),
        None if grant == Grant::RefreshToken => {
            cx.compile.reader.need(fields, node, "refresh_token", "the grant `refresh_token`")?;
            None
        }
        None => None,
    };
    let redirect = url(fields, "redirect_uri", cx);
    let pages = Pages::read(fields, node, cx)?;
    if grant == Grant::AuthorizationCode && pages.are_found() {
        person(&["username", "password"], grant_node.span, cx);
    }
    let par = fields.get("par").is_some_and(|n| cx.compile.reader.flag(n).unwrap_or_default());
    let mut texts = |name: &str| match fields.get(name) {
        None => Some(Vec::new()),
        Some(node) => {
            let nodes = cx.compile.reader.one_or_more(node);
            nodes.iter().map(|n| cx.compile.reader.template(n)).collect::<Option<Vec<Template>>>()
        }
    };
    let (scope, audience, resource) = (texts("scope"), texts("audience"), texts("resource"));
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
        redirect,
        pages,
        par,
        extra: extra?,
    })
}

/// A key that belongs to other grants says nothing.
fn useful(fields: Fields<'_>, grant: Grant, at: Span, cx: &mut ReadScheme<'_, '_, '_>) {
    for entry in fields.iter().filter(|e| OWN_KEYS.contains(&&*e.key) && !grant.row().keys.contains(&&*e.key)) {
        cx.compile.reader.fault(diags::useless(entry.key_span, &entry.key, grant.word(), at));
    }
}

/// The fields that somebody who logs in must have.
fn person(names: &[&str], grant: Span, cx: &mut ReadScheme<'_, '_, '_>) {
    let Some(place) = cx.identity else { return };
    for name in names {
        if cx.fields.iter().all(|(field, _)| &**field != *name) {
            let others: Vec<_> = cx.fields.iter().filter(|(n, _)| !names.contains(&&**n)).collect();
            let fault = common::missing_field(place, name, ("oauth2", grant), &others);
            cx.compile.reader.fault(fault);
        }
    }
}

/// An absolute address, or a path below the target.
fn url(fields: Fields<'_>, key: &str, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Template> {
    let node = fields.get(key)?;
    cx.compile.reader.word(node)?;
    let template = cx.compile.reader.template(node)?;
    let literal = template.as_literal().filter(|text| !text.starts_with('/'));
    if let Some(Err(why)) = literal.map(|text| Address::parse(text)) {
        cx.compile.reader.fault(diags::no_address(node.span, key, &why.to_string()));
        return None;
    }
    Some(template)
}

fn read_client(node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Client> {
    let reader = &mut *cx.compile.reader;
    let fields = reader.fields(node, CLIENT_KEYS, "`client`")?;
    let id = reader.need(fields, node, "id", "`client`").and_then(|n| reader.template(n));
    let secret = fields.get("secret").and_then(|n| Some((n, reader.template(n)?)));
    if let Some((node, template)) = &secret
        && template.as_literal().is_some_and(|text| text.contains(['\n', '\r']))
    {
        reader.fault(diags::broken_secret(node.span));
    }
    let proof = match fields.get("auth") {
        Some(node) => reader.one_of(node, "a way for a client to prove itself", PROOFS)?,
        None if fields.get("secret").is_some() => Proof::Basic,
        None => Proof::Nothing,
    };
    match (proof, fields.entry("secret")) {
        (Proof::Basic | Proof::BasicRaw | Proof::Post, None) => {
            reader.fault(diags::no_proof(node.span, proof.word(), "secret"));
        }
        (Proof::Nothing | Proof::Tls, Some(entry)) => {
            reader.fault(diags::idle_proof(entry.key_span, "secret", proof.word()));
        }
        (Proof::Basic | Proof::BasicRaw | Proof::Post, Some(_)) | (Proof::Nothing | Proof::Tls, None) => {}
    }
    Some(Client { id: id?, secret: secret.map(|(_, t)| t), proof })
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
