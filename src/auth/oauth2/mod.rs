//! `OAuth` 2.0 (RFC 6749) and `OpenID` Connect: a token from an authorization server, by any of its grants.
//!
//! The flow is a state machine over what was heard ([`flow`]); what is configured is read once ([`read`]), endpoints
//! come from there or from discovery ([`metadata`]), and every request names its parameters before it is made
//! ([`post`]), so that it can be made anew where a proof in it may be used only once.

use std::sync::Arc;

use super::dpop::{self, Talk as Proving};
use super::form::Pages;
use super::{Credential, Exchanges, Flow, Handshake, ReadScheme, Scheme, SchemeKind, Seal, troubles};
use crate::http::{ClientCertificate, Request};
use crate::source::Span;
use crate::spec::{Fields, Key, Node, Shape, Talk, key};
use crate::template::{Scope, Template, TemplateError, print};

mod believe;
mod bind;
mod client;
mod code;
mod constant;
mod device;
mod diags;
mod exchange;
mod flow;
mod id_token;
mod leave;
mod metadata;
mod parameters;
mod post;
mod read;
mod read_client;
mod refused;
mod spent;
mod token;
mod unspoken;

#[cfg(test)]
mod tests;

pub use code::{PUSH, speaks_of_pushing};
pub use device::approver;
pub use metadata::metadata_places;
pub use parameters::PARAMETERS;

use client::{CLIENT_KEYS, Client, Proof};
use exchange::Trade;
use leave::{Leave, Leaving};
use metadata::Endpoint;
use post::POSTED;
use read::Grant;

pub(super) const KIND: SchemeKind = SchemeKind {
    name: "oauth2",
    about: "a token of an authorization server, by a grant of OAuth 2.0 (RFC 6749); endpoints are found by `issuer` or named",
    keys: KEYS,
    needs: &[],
    logs_in: true,
    look: client::look,
    example: include_str!("../examples/oauth2.yaml"),
    troubles: troubles::OAUTH2,
    read,
};

const KEYS: &[Key] = &[
    key("issuer", "the issuer, an absolute URL or a path of the target; its metadata name the endpoints (OpenID Connect Discovery, else RFC 8414), and have to name exactly this issuer")
        .is(Shape::Text),
    key("grant", "how the token is got").is(Shape::Words(read::GRANTS)).needed(),
    key("client", "who asks: `id`, and how it proves that").is(Shape::Keys(CLIENT_KEYS)).needed(),
    key("scope", "the scopes that are asked for: a list, or text with blanks between them").is(Shape::TEXTS),
    key("audience", "the parameter `audience`, one or several").is(Shape::TEXTS),
    key("resource", "the API that the token is for, one or several (RFC 8707); a path is one of the target").is(Shape::TEXTS),
    key("redirect_uri", "where the server sends the browser back to, as it is registered; it is never asked for, and `http://127.0.0.1:9/cb` when nothing is said")
        .is(Shape::Text).usually("`http://127.0.0.1:9/cb`"),
    key("form", "a CSS selector of the login form; by itself it is the one with the password input").is(Shape::Text).usually("the one with the password input"),
    key("fields", "what is filled in on the pages, by the names of the inputs; by itself `username` and `password`")
        .is(Shape::FIELDS).usually("`username`, `password`"),
    key("button", "the button that is pressed, if there are several").is(Shape::Any).usually("the only one, or the one that agrees"),
    key("pages", "steps that take the place of all this: `[ { submit: … }, { submit: { button: Allow } } ]`; by themselves forms are filled, and what asks for consent is agreed to")
        .is(Shape::STEPS).usually("forms are filled by themselves"),
    key("par", "`true`: the authorization request is pushed first (RFC 9126); by itself when the server demands it")
        .is(Shape::Flag).usually("`false`, unless the server demands it"),
    key("dpop", "`true`: tokens are bound to a key of the session, a new one for each, and every request proves that it is held (RFC 9449); `{ alg, key }` says which algorithm, or which key")
        .is(Shape::Either(&[Shape::Flag, Shape::Keys(bind::DPOP_KEYS)])).usually("`false`"),
    key("approved_by", "the identity who approves a device on the server's pages, in the browser that it logged in with; the device's own identity when nothing is said. `identity.*` of `pages` and `fields` are that one's")
        .is(Shape::Text).usually("the identity itself"),
    key("device_url", "the device authorization endpoint").is(Shape::Text),
    key("revoke_url", "the revocation endpoint, which `request: logout` asks (RFC 7009)").is(Shape::Text),
    key("logout", "what `request: logout` does: `revoke` the tokens, as it does by itself, `end_session` at the server's own page, or both as a list")
        .is(Shape::TEXTS).usually("`revoke`"),
    key("end_session_url", "the end-session endpoint, for `logout: end_session`").is(Shape::Text),
    key("post_logout_redirect_uri", "where the server sends the browser after `end_session`, as it is registered; that the browser comes there shows that the logout worked")
        .is(Shape::Text),
    key("authorize_url", "the authorization endpoint").is(Shape::Text),
    key("par_url", "the endpoint for pushed authorization requests").is(Shape::Text),
    key("token_url", "the token endpoint: a path below the target, or an absolute URL").is(Shape::Text),
    key("refresh_token", "the token that the grant `refresh_token` begins with").is(Shape::Text),
    key("subject", "whom the assertion of the grant `jwt_bearer` is about; the client itself when nothing is said")
        .is(Shape::Text).usually("the client"),
    key("subject_token", "the token that `token_exchange` exchanges: `\"{{ sessions.NAME.access_token }}\"` of another identity, which logs in first, or a field of this one")
        .is(Shape::Text),
    key("subject_token_type", "what it is: `access_token` when nothing is said, `id_token`, `refresh_token`, `jwt`, `saml1`, `saml2`, or a URN")
        .is(Shape::Text).usually("`access_token`"),
    key("actor_token", "the token of whoever acts for that person (RFC 8693, section 1.1)").is(Shape::Text),
    key("actor_token_type", "what it is, in the same words").is(Shape::Text).usually("`access_token`"),
    key("requested_token_type", "what is to come of it, in the same words; the server has to say that it did")
        .is(Shape::Text),
    key("cert", "a client certificate of the identity's own connections, PEM, as a file: it proves the client with `auth: tls`, and servers bind tokens to it whatever `auth` is")
        .is(Shape::Text),
    key("key", "the file with its private key, PEM; `cert` may hold it too").is(Shape::Text).usually("the key in `cert`"),
    key("extra", "parameters beside or in place of the usual ones, by the name of the request: `{ token: { tenant: blue } }`; `null` leaves one out")
        .is(Shape::Map(&Shape::FIELDS)),
];

/// What a scheme says, compiled for one identity.
#[derive(Debug)]
struct Config {
    grant: Grant,
    issuer: Option<Template>,
    given: Vec<(Endpoint, Template)>,
    client: Client,
    scope: Vec<Template>,
    audience: Vec<Template>,
    resource: Vec<Template>,
    refresh_token: Option<Template>,
    subject: Option<Template>,
    trade: Option<Trade>,
    redirect: Option<Template>,
    pages: Pages,
    /// Whether another identity approves the login, on these pages.
    approved: bool,
    par: bool,
    dpop: Option<bind::Dpop>,
    leaving: Leaving,
    extra: Vec<Extra>,
}

/// Parameters beside or in place of the usual ones.
#[derive(Debug)]
struct Extra {
    label: &'static str,
    name: Arc<str>,
    /// None: the parameter is left out.
    values: Vec<Template>,
}

#[derive(Debug)]
struct OAuth {
    config: Arc<Config>,
}

fn read(fields: Fields<'_>, node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Box<dyn Scheme>> {
    Some(Box::new(OAuth { config: Arc::new(read::config(fields, node, cx)?) }))
}

impl Scheme for OAuth {
    fn begin(&self) -> Box<dyn Flow> {
        Box::new(flow::Run::login(Arc::clone(&self.config)))
    }

    /// A refresh token that rotates is good once (RFC 9700, section 2.2.2).
    fn begins_once(&self) -> bool {
        self.config.grant == Grant::RefreshToken
    }

    /// By a refresh token, where the server gave one; a client that needs none asks anew.
    fn refresh(&self, credential: &Credential) -> Option<Box<dyn Flow>> {
        let token = part(credential, "refresh_token")?.to_owned();
        Some(Box::new(flow::Run::refresh(Arc::clone(&self.config), token, credential)))
    }

    fn parts(&self) -> Vec<Arc<str>> {
        let mut parts: Vec<Arc<str>> =
            ["access_token", "token_type", "refresh_token", "id_token", "scope", "expires_in"].map(Arc::from).to_vec();
        if self.config.grant == Grant::AuthorizationCode {
            parts.extend(["code", "code_verifier", "state", "nonce", "request_uri"].map(Arc::from));
        }
        if self.config.grant == Grant::DeviceCode {
            parts.extend(["device_code", "user_code"].map(Arc::from));
        }
        if self.config.grant == Grant::JwtBearer {
            parts.push("assertion".into());
        }
        if self.config.grant == Grant::TokenExchange {
            parts.push("issued_token_type".into());
        }
        if self.config.client.asserts() {
            parts.push("client_assertion".into());
        }
        if self.config.dpop.is_some() {
            parts.extend(["dpop_jkt", "dpop_proof"].map(Arc::from));
        }
        parts
    }

    fn certificate(&self, scope: &Scope) -> Option<Result<ClientCertificate, String>> {
        self.config.client.certificate.as_ref().map(|source| source.certificate(scope))
    }

    fn uncertified(&self) -> Option<Span> {
        let client = &self.config.client;
        let is_named = client.proof != Proof::Tls || client.certificate.is_some();
        (!is_named).then_some(client.proof_at)
    }

    fn proves(&self, exchange: &str) -> bool {
        self.config.dpop.is_some() && bind::PROVEN.contains(&exchange)
    }

    fn prove_again(&self, seal: &Seal<'_>, proven_with: &str, request: &mut Request) -> Option<(String, String)> {
        seal.memory.bound.as_ref()?.prove_again(request, proven_with, seal.now)
    }

    fn renew_proof(&self, seal: &Seal<'_>, request: &mut Request) -> Option<(String, String)> {
        seal.memory.bound.as_ref()?.renew(request, seal.now)
    }

    fn renew_proof_here(&self, seal: &Seal<'_>, request: &mut Request) {
        seal.memory.bound.as_ref().and_then(|bound| bound.renew_here(request, seal.now));
    }

    fn signs(&self, exchange: &str, parameter: &str) -> bool {
        let is_own = match parameter {
            "client_assertion" => self.config.client.asserts() && POSTED.contains(&exchange),
            "assertion" => self.config.grant == Grant::JwtBearer && exchange == "token",
            _ => false,
        };
        // What stands in its place is the user's own.
        is_own && !self.config.extra.iter().any(|extra| extra.label == exchange && &*extra.name == parameter)
    }

    fn constant(&self, exchange: &str, parameter: &str) -> Option<String> {
        constant::constant(&self.config, exchange, parameter)
    }

    /// Revokes the refresh token, and with it all that came of it, or else the access token (RFC 7009, section 2.1);
    /// and goes to the server's page, where the scheme says so.
    fn leave(&self, credential: &Credential) -> Option<Box<dyn Flow>> {
        let Leaving { revoke, end, .. } = self.config.leaving;
        let mut names = ["refresh_token", "access_token"].into_iter().filter(|_| revoke);
        let revoke = names.find_map(|name| Some((name, part(credential, name)?.to_owned())));
        let hint = part(credential, "id_token").map(ToOwned::to_owned);
        let is_something = end || revoke.is_some();
        let leave = Leave { revoke, end, hint, ..Leave::default() };
        is_something.then(|| Box::new(flow::Run::leave(Arc::clone(&self.config), leave)) as Box<dyn Flow>)
    }

    fn exchanges(&self, talk: Talk) -> Exchanges {
        let labels = match talk {
            Talk::Login => self.config.grant.exchanges(),
            // Whether there will be a refresh token is for the server to say.
            Talk::Refresh => vec!["refresh"],
            Talk::Logout => self.config.leaving.labels(),
        };
        let steps = self.config.pages.pages.filter(|_| talk == Talk::Login);
        Exchanges { labels, steps: steps.into_iter().collect() }
    }

    fn handshake(&self) -> Option<Box<dyn Handshake + '_>> {
        self.config.dpop.as_ref().map(|_| Box::<Proving>::default() as Box<dyn Handshake>)
    }

    fn sign(&self, seal: &Seal<'_>, request: &mut Request) -> Result<(), TemplateError> {
        if self.config.dpop.is_some() {
            return Proving::default().put(seal, request);
        }
        let missing = || TemplateError::new("the session has no access token", crate::source::Span::NONE);
        let session = seal.scope.get("session").ok_or_else(missing)?;
        let token = session.get_attr("access_token").ok().and_then(|v| print(&v).ok()).ok_or_else(missing)?;
        request.headers.set("authorization", format!("Bearer {token}"));
        Ok(())
    }

    fn fields(&self) -> Vec<String> {
        let proof = self.config.dpop.as_ref().map(|_| dpop::PROOF.to_owned());
        std::iter::once("authorization".to_owned()).chain(proof).collect()
    }
}

fn part<'a>(credential: &'a Credential, name: &str) -> Option<&'a str> {
    credential.parts.iter().find(|(n, _)| &**n == name).and_then(|(_, v)| v.as_str())
}

/// 256 random bits, as a text that may stand in a URL.
fn random() -> String {
    let mut bytes = [0; 32];
    // The system's source fails only where nothing else works either.
    aws_lc_rs::rand::fill(&mut bytes).map_or_else(
        |_| uuid::Uuid::new_v4().simple().to_string() + &uuid::Uuid::new_v4().simple().to_string(),
        |()| crate::jose::encode(bytes),
    )
}
