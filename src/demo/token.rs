//! Access tokens: RS256 JWTs of the profile of RFC 9068, verified by `jsonwebtoken`.

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation, decode, decode_header};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;

use super::clock;
use super::error::ApiError;
use super::random;
use super::sessions::{LONGEST_ACCESS, Opened};
use super::users::User;
use super::weakness::Weak;

mod lax;

const MALFORMED: &str = "the token is malformed";

/// The audience of every access token.
pub(crate) const AUDIENCE: &str = "authspec-demo";
/// The media type of an access token in its header (RFC 9068 §2.1).
const TYPE: &str = "at+jwt";

/// The claims of an access token.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    /// A text, or a list of which one member suffices (RFC 7519 §4.1.3).
    #[serde(default)]
    aud: serde_json::Value,
    /// The strict verifier demands it before it gets here.
    #[serde(default)]
    pub(crate) sub: String,
    pub(crate) username: String,
    pub(crate) roles: Vec<String>,
    pub(crate) iat: u64,
    pub(crate) nbf: u64,
    /// The strict verifier demands it before it gets here.
    #[serde(default = "never", deserialize_with = "lax::seconds")]
    pub(crate) exp: u64,
    pub(crate) jti: String,
    pub(crate) sid: String,
}

fn never() -> u64 {
    u64::MAX
}

/// The secret of the demo that signs with one that can be guessed.
const WEAK_SECRET: &[u8] = b"secret";

/// The signing key, its public half, and the key set that tells it to the world (RFC 7517).
pub(crate) struct Keys {
    kid: String,
    alg: Algorithm,
    /// The encoded header of every token.
    header: String,
    signing: RsaKeyPair,
    decoding: DecodingKey,
    /// The public half in the forms that libraries take it in: PEM and DER, alone and as PKCS #1, and the JWK.
    public_forms: Vec<Vec<u8>>,
    pub(crate) jwks: Bytes,
}

/// The keys, awaited by whoever needs them first.
pub(crate) struct KeyRing(watch::Receiver<Option<Arc<Keys>>>);

impl KeyRing {
    /// Begins to make a key pair on a thread of its own unless one is given; that takes about 130 ms.
    pub(crate) fn start(given: Option<Rsa>, weak: &Weak) -> Self {
        let (sender, receiver) = watch::channel(None);
        let alg = if weak.is("weak-hmac-secret") { Algorithm::HS256 } else { Algorithm::RS256 };
        let work = move || {
            if let Some(keys) = given.or_else(Rsa::generate).and_then(|key| Keys::of(key, alg)) {
                sender.send_replace(Some(Arc::new(keys)));
            }
        };
        // If no thread can be had, the sender is dropped and every wait ends with an error.
        let _ = std::thread::Builder::new().name("demo-key".to_owned()).spawn(work);
        Self(receiver)
    }

    /// The keys, as soon as they are there.
    pub(crate) async fn get(&self) -> Result<Arc<Keys>, ApiError> {
        let mut receiver = self.0.clone();
        let keys = receiver.wait_for(Option::is_some).await.map_err(|_| ApiError::internal())?;
        keys.clone().ok_or_else(ApiError::internal)
    }
}

/// A private RSA key.
#[derive(Clone)]
pub(crate) struct Rsa(pub(crate) EncodingKey);

impl Rsa {
    /// Reads PEM: PKCS#1 or PKCS#8.
    pub(crate) fn of_pem(pem: &str) -> Option<Self> {
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).ok()?;
        RsaKeyPair::from_der(key.as_bytes()).ok().map(|_| Self(key))
    }

    /// Makes one; takes about 130 ms.
    pub(crate) fn generate() -> Option<Self> {
        Self::of_pem(&KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).ok()?.serialize_pem())
    }
}

impl Keys {
    fn of(Rsa(encoding): Rsa, alg: Algorithm) -> Option<Self> {
        let mut jwk = Jwk::from_encoding_key(&encoding, Algorithm::RS256).ok()?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).ok()?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let header = json!({ "alg": alg, "typ": TYPE, "kid": kid }).to_string();
        let signing = RsaKeyPair::from_der(encoding.as_bytes()).ok()?;
        let decoding = match alg {
            Algorithm::HS256 => DecodingKey::from_secret(WEAK_SECRET),
            _ => DecodingKey::from_jwk(&jwk).ok()?,
        };
        Some(Self {
            kid,
            alg,
            header: URL_SAFE_NO_PAD.encode(header),
            public_forms: public_forms(&signing, &jwk)?,
            signing,
            decoding,
            jwks: serde_json::to_vec(&json!({ "keys": [jwk] })).ok()?.into(),
        })
    }

    /// Makes an access token for a session. It lives at least as long as asked, to the end of that second, and
    /// never longer than 15 minutes.
    pub(crate) fn mint(&self, issuer: &str, user: &User, opened: &Opened, now: u64) -> Result<String, ApiError> {
        let iat = now / 1000;
        let exp = (now + opened.lives.access * 1000).div_ceil(1000).min(iat + LONGEST_ACCESS);
        let claims = Claims {
            iss: issuer.to_owned(),
            aud: AUDIENCE.into(),
            sub: user.id.clone(),
            username: user.name.clone(),
            roles: user.roles.iter().map(|r| r.name().to_owned()).collect(),
            iat,
            nbf: iat,
            exp,
            jti: random::name("jti"),
            sid: opened.sid.clone(),
        };
        self.sign(&claims).ok_or_else(ApiError::internal)
    }

    /// Puts a token together (RFC 7515 §3.1). `jsonwebtoken` would read the private key anew for
    /// every token, which takes twice as long as signing; it verifies what is made here.
    fn sign(&self, claims: &Claims) -> Option<String> {
        self.seal(&serde_json::to_vec(claims).ok()?)
    }

    fn seal(&self, payload: &[u8]) -> Option<String> {
        let mut token = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(payload));
        if self.alg == Algorithm::HS256 {
            let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, WEAK_SECRET), token.as_bytes());
            return Some(format!("{token}.{}", URL_SAFE_NO_PAD.encode(mac)));
        }
        let mut signature = vec![0; self.signing.public_modulus_len()];
        let random = SystemRandom::new();
        let signed = self.signing.sign(&RSA_PKCS1_SHA256, &random, token.as_bytes(), &mut signature);
        signed.ok()?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Some(token)
    }

    /// The claims of a token that is good by itself, or why it is not, in words fit for a challenge.
    pub(crate) fn verify(&self, weak: &Weak, issuer: &str, token: &str, now: u64) -> Result<Claims, String> {
        let trusted = lax::trusted(self, weak, token);
        let token = trusted.as_deref().unwrap_or(token);
        self.check_header(weak, token)?;
        let claims: Claims = match decode(token, &self.decoding, &rules(weak, self.alg, issuer)) {
            Ok(data) => data.claims,
            Err(e) => return Err(flaw(e.kind()).unwrap_or_else(|| MALFORMED.to_owned())),
        };
        in_time(weak, &claims, now / 1000)?;
        for_us(weak, &claims.aud)?;
        Ok(claims)
    }

    fn check_header(&self, weak: &Weak, token: &str) -> Result<(), String> {
        let header = decode_header(token).map_err(|_| MALFORMED)?;
        if header.alg != self.alg {
            return Err(format!("the token is not signed with {:?}", self.alg));
        }
        if !header.typ.as_deref().is_some_and(is_access_token_type) && !weak.is("ignores-typ") {
            return Err(format!("the type of the token is not {TYPE}"));
        }
        if header.crit.is_some() && !weak.is("ignores-crit") {
            return Err("the token demands extensions that are not understood here".to_owned());
        }
        if header.kid.as_deref() != Some(self.kid.as_str()) {
            return Err("the token names a key that is not known here".to_owned());
        }
        Ok(())
    }
}

/// What weak demos think of an audience; the strict one has it judged by `jsonwebtoken`.
fn for_us(weak: &Weak, audience: &serde_json::Value) -> Result<(), String> {
    let names: Vec<&str> = match audience {
        serde_json::Value::String(name) => vec![name],
        serde_json::Value::Array(names) if !weak.is("aud-no-lists") => {
            names.iter().filter_map(|n| n.as_str()).collect()
        }
        _ if weak.is("aud-any-shape") => return Ok(()),
        _ => Vec::new(),
    };
    let ours = names.iter().any(|name| *name == AUDIENCE || (weak.is("aud-by-prefix") && name.starts_with(AUDIENCE)));
    if ours || weak.is("ignores-aud") || (names.is_empty() && weak.is("aud-optional")) {
        return Ok(());
    }
    Err("the token is meant for another audience".to_owned())
}

/// Whether a token is good at that second.
fn in_time(weak: &Weak, claims: &Claims, seconds: u64) -> Result<(), String> {
    let leeway = if weak.is("hour-of-leeway") { 3600 } else { 0 };
    if claims.exp == never() && !weak.is("exp-optional") {
        return Err("the token lacks the claim exp".to_owned());
    }
    if claims.exp.saturating_add(leeway) <= seconds && !weak.is("ignores-exp") {
        return Err(format!("the token expired at {}", clock::rfc3339(claims.exp)));
    }
    if claims.nbf.max(claims.iat) > seconds && !weak.is("ignores-nbf") {
        return Err(format!("the token is not valid before {}", clock::rfc3339(claims.nbf.max(claims.iat))));
    }
    Ok(())
}

/// The public half as `openssl` writes it (RFC 7468 §13), as other files of it look, and as the key set has it.
fn public_forms(pair: &RsaKeyPair, jwk: &Jwk) -> Option<Vec<Vec<u8>>> {
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
    let whole = pem("PUBLIC KEY", spki.as_ref());
    let trimmed = whole.trim_end().to_owned();
    // Of an RSA key this is PKCS #1.
    let bare = pem("RSA PUBLIC KEY", pair.public_key().as_ref());
    let texts = [whole, trimmed, bare, serde_json::to_value(jwk).ok()?.to_string()];
    Some(texts.into_iter().map(String::into_bytes).chain([spki.as_ref().to_vec()]).collect())
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Media types are compared without case, and `application/` may be left out (RFC 7515 §4.1.9).
fn is_access_token_type(typ: &str) -> bool {
    typ.eq_ignore_ascii_case(TYPE) || typ.eq_ignore_ascii_case("application/at+jwt")
}

/// What `jsonwebtoken` must enforce. The times are compared by us: it accepts a token in the very second it expires.
fn rules(weak: &Weak, alg: Algorithm, issuer: &str) -> Validation {
    let mut rules = Validation::new(alg);
    rules.leeway = 0;
    rules.validate_exp = false;
    rules.set_audience(&[AUDIENCE]);
    rules.set_issuer(&[issuer]);
    let mut required = vec!["exp", "nbf", "aud", "iss", "sub"];
    if weak.is("ignores-aud") {
        rules.validate_aud = false;
        required.retain(|claim| *claim != "aud");
    }
    if weak.any(&["aud-by-prefix", "aud-optional", "aud-any-shape"]) {
        rules.validate_aud = false;
        required.retain(|claim| *claim != "aud" || !weak.any(&["aud-optional", "aud-any-shape"]));
    }
    if weak.is("iss-ignores-slash") {
        rules.set_issuer(&[issuer.to_owned(), format!("{issuer}/")]);
    }
    if weak.is("sub-optional") {
        required.retain(|claim| *claim != "sub");
    }
    if weak.is("ignores-iss") {
        rules.iss = None;
    }
    if weak.any(&["exp-optional", "exp-as-text"]) {
        required.retain(|claim| *claim != "exp");
    }
    rules.set_required_spec_claims(&required);
    rules
}

fn flaw(kind: &ErrorKind) -> Option<String> {
    match kind {
        ErrorKind::InvalidSignature => Some("the signature does not verify".to_owned()),
        ErrorKind::InvalidIssuer => Some("the token was issued by somebody else".to_owned()),
        ErrorKind::InvalidAudience => Some("the token is meant for another audience".to_owned()),
        ErrorKind::MissingRequiredClaim(claim) => Some(format!("the token lacks the claim {claim}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
