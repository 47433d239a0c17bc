//! Tokens bound to a key (RFC 9449): the proofs, and the nonces that show a proof is fresh.

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::clients::{Client, Demand};
use super::error::OAuthError;
use super::params::Posted;
use crate::demo::state::App;
use crate::demo::{clock, random};

/// The algorithms of proofs.
const ALGORITHMS: &[Algorithm] = &[Algorithm::ES256, Algorithm::RS256];
/// The same as the challenge names them.
pub(super) const ALGS: &str = "ES256 RS256";
/// How old a proof may be, in seconds.
const OLDEST: u64 = 60;
/// How far a client's clock may be ahead, in seconds.
const AHEAD: u64 = 5;
/// How long a nonce is the newest, in milliseconds; it is good for as long again.
const NONCE_MS: u64 = 60_000;

pub(super) const PROOF: HeaderName = HeaderName::from_static("dpop");
pub(super) const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Who asks for a nonce: the token endpoint and the API each have their own (RFC 9449 §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Token,
    Resource,
}

/// The nonces of both places.
#[derive(Debug, Default)]
pub(super) struct Nonces {
    token: Nonce,
    resource: Nonce,
}

#[derive(Debug, Default)]
struct Nonce {
    newest: String,
    before: String,
    born_ms: u64,
}

impl Nonces {
    fn of(&mut self, place: Place, now_ms: u64) -> &Nonce {
        let nonce = match place {
            Place::Token => &mut self.token,
            Place::Resource => &mut self.resource,
        };
        if nonce.newest.is_empty() || nonce.born_ms + NONCE_MS <= now_ms {
            nonce.before = std::mem::replace(&mut nonce.newest, random::secret());
            nonce.born_ms = now_ms;
        }
        nonce
    }
}

/// The newest nonce of a place.
pub(super) fn nonce(app: &App, place: Place) -> String {
    app.oauth.nonces().of(place, clock::now_ms()).newest.clone()
}

/// What is wrong with a proof.
#[derive(Debug)]
pub(super) enum Flaw {
    /// It has no nonce, or an old one (RFC 9449 §8).
    Nonce,
    Invalid(String),
}

/// What a proof must fit.
pub(super) struct Expected<'a> {
    pub(super) method: &'a str,
    /// The path below the demo's URL.
    pub(super) path: &'a str,
    pub(super) place: Place,
    /// The access token that comes with it.
    pub(super) token: Option<&'a str>,
}

/// The thumbprint of the key of a request's proof, if it has one (RFC 9449 §4.3).
pub(super) fn proven(app: &App, headers: &HeaderMap, expected: &Expected<'_>) -> Result<Option<String>, Flaw> {
    let mut proofs = headers.get_all(PROOF).iter();
    let Some(proof) = proofs.next() else { return Ok(None) };
    if proofs.next().is_some() {
        return Err(Flaw::Invalid("there is more than one proof".to_owned()));
    }
    let proof = proof.to_str().unwrap_or_default();
    let (jkt, claims) = signed(proof).map_err(Flaw::Invalid)?;
    for_this_request(app, &claims, expected).map_err(Flaw::Invalid)?;
    fresh(&claims).map_err(Flaw::Invalid)?;
    for_this_token(&claims, expected.token).map_err(Flaw::Invalid)?;
    with_our_nonce(app, &claims, expected.place)?;
    once(app, &jkt, &claims).map_err(Flaw::Invalid)?;
    Ok(Some(jkt))
}

/// The thumbprint of the key in the header, and the claims that it signed.
fn signed(proof: &str) -> Result<(String, Map<String, Value>), String> {
    let header = decode_header(proof).map_err(|_| "the proof is malformed")?;
    if header.typ.as_deref() != Some("dpop+jwt") {
        return Err("the type of the proof is not dpop+jwt".to_owned());
    }
    if !ALGORITHMS.contains(&header.alg) {
        return Err("the proof is signed with an algorithm that is not taken here".to_owned());
    }
    if header.crit.is_some() {
        return Err("the proof demands extensions that are not understood here".to_owned());
    }
    only_the_public_half(proof)?;
    let jwk: Jwk = header.jwk.ok_or("the proof has no key")?;
    let key = DecodingKey::from_jwk(&jwk).map_err(|_| "the key of the proof is malformed")?;
    let mut rules = Validation::new(header.alg);
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules.set_required_spec_claims::<&str>(&[]);
    let data = decode(proof, &key, &rules).map_err(|_| "the signature of the proof does not verify")?;
    let jkt = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| "the key of the proof is malformed")?;
    Ok((jkt, data.claims))
}

/// A proof that shows its private key proves nothing (RFC 9449 §4.3, check 7).
fn only_the_public_half(proof: &str) -> Result<(), String> {
    let header = proof.split('.').next().and_then(|h| URL_SAFE_NO_PAD.decode(h).ok());
    let header: Option<Value> = header.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    if header.is_some_and(|h| private.iter().any(|name| h.pointer(&format!("/jwk/{name}")).is_some())) {
        return Err("the proof shows its private key".to_owned());
    }
    Ok(())
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> &'a str {
    claims.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The proof names the method and the URL, without query and fragment.
fn for_this_request(app: &App, claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), String> {
    if text(claims, "htm") != expected.method {
        return Err("htm of the proof is not the method of the request".to_owned());
    }
    let bare = |text: &str| {
        let mut url = url::Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    let here = bare(&format!("{}{}", app.url, expected.path));
    if here.is_some() && bare(text(claims, "htu")) == here {
        return Ok(());
    }
    Err("htu of the proof is not the URL of the request".to_owned())
}

fn fresh(claims: &Map<String, Value>) -> Result<(), String> {
    let now = clock::now_ms() / 1000;
    let iat = claims.get("iat").and_then(Value::as_u64).ok_or("the proof lacks iat")?;
    if iat + OLDEST < now {
        return Err("the proof is too old".to_owned());
    }
    if iat > now + AHEAD {
        return Err("the proof comes from the future".to_owned());
    }
    Ok(())
}

/// Beside an access token the proof carries its hash.
fn for_this_token(claims: &Map<String, Value>, token: Option<&str>) -> Result<(), String> {
    let Some(token) = token else { return Ok(()) };
    if text(claims, "ath") == URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes())) {
        return Ok(());
    }
    Err("ath of the proof is not the hash of the access token".to_owned())
}

fn with_our_nonce(app: &App, claims: &Map<String, Value>, place: Place) -> Result<(), Flaw> {
    let sent = text(claims, "nonce");
    let mut nonces = app.oauth.nonces();
    let nonce = nonces.of(place, clock::now_ms());
    if !sent.is_empty() && (sent == nonce.newest || sent == nonce.before) {
        return Ok(());
    }
    Err(Flaw::Nonce)
}

/// A proof is good for one request.
fn once(app: &App, jkt: &str, claims: &Map<String, Value>) -> Result<(), String> {
    let jti = text(claims, "jti");
    if jti.is_empty() {
        return Err("the proof lacks jti".to_owned());
    }
    let now = clock::now_ms() / 1000;
    if app.oauth.books().first_time(&format!("dpop {jkt} {jti}"), now + OLDEST + AHEAD, now) {
        return Ok(());
    }
    Err("the proof was used before".to_owned())
}

/// The key that the tokens of a token request are to be bound to (RFC 9449 §5).
pub(super) fn at_token(app: &App, client: &Client, posted: &Posted) -> Result<Option<String>, OAuthError> {
    let jkt = at_server(app, posted)?;
    if jkt.is_none() && client.must(Demand::Dpop) {
        return Err(OAuthError::new("invalid_dpop_proof", "the client must prove that it holds a key"));
    }
    Ok(jkt)
}

/// The key that the code of a pushed request is to be bound to, by its proof or by `dpop_jkt` (RFC 9449 §10.1).
pub(super) fn at_push(app: &App, posted: &Posted, named: Option<&str>) -> Result<Option<String>, OAuthError> {
    let jkt = at_server(app, posted)?;
    match (&jkt, named) {
        (Some(jkt), Some(named)) if jkt != named => {
            Err(OAuthError::new("invalid_dpop_proof", "dpop_jkt is not the key of the proof"))
        }
        _ => Ok(jkt.or_else(|| named.map(str::to_owned))),
    }
}

fn at_server(app: &App, posted: &Posted) -> Result<Option<String>, OAuthError> {
    let expected = Expected { method: "POST", path: &posted.path, place: Place::Token, token: None };
    match proven(app, &posted.headers, &expected) {
        Ok(jkt) => Ok(jkt),
        Err(Flaw::Nonce) => Err(OAuthError::new("use_dpop_nonce", "the proof needs the nonce of this server")),
        Err(Flaw::Invalid(why)) => Err(OAuthError::new("invalid_dpop_proof", why)),
    }
}

/// Gives whoever came with a proof the nonce for the next one (RFC 9449 §8.2).
pub(super) fn with_token_nonce(app: &App, posted: &Posted, mut response: Response) -> Response {
    if posted.headers.contains_key(PROOF)
        && let Ok(value) = HeaderValue::try_from(nonce(app, Place::Token))
    {
        response.headers_mut().insert(NONCE, value);
    }
    response
}
