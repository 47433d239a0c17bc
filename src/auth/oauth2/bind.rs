//! Tokens that are bound to a key (RFC 9449): what the scheme says of it, and the proofs of requests to the server.
//!
//! Proven are the requests that give tokens or prepare that: those to the token endpoint (section 5) and those that
//! push an authorization request (section 10.1). Nothing else of a server asks for a proof.

use std::sync::Arc;

use super::client::KeySource;
use super::flow::{Aim, Run};
use super::metadata::Endpoint;
use super::post::{Post, render};
use super::refused::Asked;
use super::{diags, read_client};
use crate::auth::dpop::{self, Bound, Side};
use crate::auth::{Ctx, Exchange, ReadScheme, Refused};
use crate::http::Response;
use crate::jose::{ALGORITHMS, Algorithm, Family, JoseFault, Key, sign_bytes};
use crate::spec::{self, Data, Handshake, Node, Shape, key};
use crate::term::list;

/// The keys of `dpop`.
pub(super) const DPOP_KEYS: &[spec::Key] = &[
    key("alg", "the algorithm of the proofs; `ES256`, or the usual one of the key").is(Shape::Text).usually("`ES256`"),
    key("key", "the private key in place of a new one for each session: `{ file: path }`, or PEM or a JWK as text")
        .is(Shape::Any)
        .usually("a new one for each session"),
];

/// What a scheme says of the key that tokens are bound to.
#[derive(Debug)]
pub(super) struct Dpop {
    pub(super) algorithm: Option<Algorithm>,
    pub(super) key: Option<KeySource>,
}

/// Reads `dpop`; `false` is as if it were not there.
pub(super) fn read(node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Dpop> {
    if !matches!(node.data, Data::Map(_)) {
        let flag = cx.compile.reader.flag(node)?;
        return flag.then_some(Dpop { algorithm: None, key: None });
    }
    let fields = cx.compile.reader.fields(node, DPOP_KEYS, "`dpop`")?;
    let algorithm = fields.get("alg").and_then(|n| cx.compile.reader.one_of(n, "an algorithm", ALGORITHMS));
    let key = match fields.get("key") {
        Some(node) => Some(read_client::key(node, "the key of `dpop`", cx)?),
        None => None,
    };
    let place = fields.get("alg").or_else(|| fields.get("key")).map_or(node.span, |n| n.span);
    let misfit = match (&key, algorithm) {
        (_, Some(algorithm)) if algorithm.family() == Family::Secret => {
            Some(format!("`{}` signs with a secret, and a proof needs a key pair", algorithm.name()))
        }
        (Some(KeySource::Read(key)), _) if key.family() == Family::Secret => {
            Some("the key is a secret, and a proof needs a key pair".to_owned())
        }
        (Some(KeySource::Read(key)), Some(algorithm)) => sign_bytes(algorithm, b"", key).err().map(|fault| fault.0),
        _ => None,
    };
    if let Some(why) = misfit {
        cx.compile.reader.fault(diags::misfit(place, &why));
    }
    Some(Dpop { algorithm, key })
}

impl Dpop {
    /// The key of a session: the one that the scheme names, or a new one.
    pub(super) fn bound(&self, cx: &Ctx<'_>) -> Result<Bound, Refused> {
        let refuse = |fault: JoseFault| Refused {
            message: format!("the key for proofs cannot be used: {fault}"),
            help: vec!["check `dpop.key` and `dpop.alg`".to_owned()],
        };
        let key = match &self.key {
            Some(KeySource::Read(key)) => key.clone(),
            Some(KeySource::Text(text)) => Key::from_text(&render(text, cx)?).map_err(refuse)?,
            None => Key::generate(self.algorithm.unwrap_or(Algorithm::Es256)).map_err(refuse)?,
        };
        let algorithm = self.algorithm.unwrap_or_else(|| key.usual_algorithm());
        Bound::new(key, algorithm).map_err(refuse)
    }
}

/// The labels of the requests that are proven.
pub(super) const PROVEN: &[&str] = &["par", "refresh", "token"];

/// Tells whether requests to an endpoint are proven.
pub(super) const fn is_proven(to: Endpoint) -> bool {
    matches!(to, Endpoint::Token | Endpoint::Par)
}

/// Puts a proof on a request, a new one for each try, and gives it.
pub(super) fn prove(bound: &Arc<Bound>, exchange: &mut Exchange, cx: &Ctx<'_>) -> Result<String, Refused> {
    let request = &mut exchange.request;
    let nonce = bound.nonce(Side::Server, request.address.base());
    let proof = bound.prove(request, None, nonce.as_deref(), cx.now).map_err(|fault| Refused {
        message: format!("the request cannot be proven: {fault}"),
        help: vec!["check `dpop.key` and `dpop.alg`".to_owned()],
    })?;
    request.headers.set(dpop::PROOF, proof.clone());
    exchange.bound = Some(Arc::clone(bound));
    Ok(proof)
}

/// Keeps the nonce that a server gave, and tells whether the request is to be sent once more with it (section 8).
pub(super) fn asks_back(bound: &Bound, again: bool, at: &str, answer: &Response, cx: &Ctx<'_>) -> bool {
    let given = bound.learn(Side::Server, at, answer).is_some();
    given && !again && cx.answers == Handshake::On && dpop::wants_nonce(answer)
}

/// What is likely wrong with a proof that was refused.
pub(super) fn refused_proof(asked: &Asked<'_>, _: &str) -> Vec<String> {
    if asked.config.dpop.is_none() {
        return vec!["the server wants a proof that the client holds a key: add `dpop: true`".to_owned()];
    }
    let taken = asked.metadata.list("dpop_signing_alg_values_supported");
    let own = asked.config.dpop.as_ref().and_then(|d| d.algorithm).map_or("ES256", Algorithm::name);
    if !taken.is_empty() && !taken.contains(&own) {
        let taken: Vec<String> = taken.iter().map(|t| format!("`{t}`")).collect();
        return vec![format!("the proof is signed with `{own}`, and the server takes {}", list(&taken, "and"))];
    }
    vec!["see that the clocks agree, and that the server knows by which address it is asked: behind a proxy it may compare `htu` with another scheme, host or port".to_owned()]
}

impl Run {
    /// Keeps the nonce of an answer, and tells whether the request is to be proven and sent once more with it.
    pub(super) fn asked_back(&self, post: &Post, answer: &Response, cx: &Ctx<'_>) -> Result<bool, Refused> {
        let Some(bound) = self.bound.as_ref().filter(|_| is_proven(post.to)) else { return Ok(false) };
        let at = self.metadata.endpoint(post.to, cx)?;
        Ok(asks_back(bound, post.again, at.base(), answer, cx))
    }

    /// Makes the key of a new session, where its tokens are to be bound to one.
    pub(super) fn bind(&mut self, cx: &Ctx<'_>) -> Result<(), Refused> {
        let new = matches!(self.aim, Aim::Login).then_some(self.config.dpop.as_ref()).flatten();
        if let Some(dpop) = new {
            self.bound = Some(Arc::new(dpop.bound(cx)?));
        }
        Ok(())
    }
}
