//! Access tokens (RFC 9068) and ID tokens (OpenID Connect Core §2): how they are made and how they are verified.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::books::Grant;
use super::clients::Client;
use super::error::OAuthError;
use super::keys::{Keys, SigningKey};
use crate::demo::state::App;
use crate::demo::{clock, random};

/// The media type of an access token in its header (RFC 9068 §2.1).
const ACCESS_TYPE: &str = "at+jwt";
/// Where a token says which certificate it is bound to.
const X5T: &str = "x5t#S256";
/// The media type of an ID token.
const ID_TYPE: &str = "JWT";

/// The claims of an access token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) aud: Vec<String>,
    pub(crate) client_id: String,
    pub(crate) scope: String,
    pub(crate) iat: u64,
    pub(crate) exp: u64,
    pub(crate) jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth_time: Option<u64>,
    /// Who acts for the subject (RFC 8693 §4.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) act: Option<Value>,
    /// The key the token is bound to (RFC 9449 §6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cnf: Option<Value>,
}

impl Claims {
    /// The thumbprint of the key the token is bound to.
    pub(crate) fn jkt(&self) -> Option<&str> {
        self.cnf.as_ref()?.get("jkt")?.as_str()
    }

    /// The thumbprint of the certificate the token is bound to (RFC 8705 §3.1).
    pub(crate) fn x5t(&self) -> Option<&str> {
        self.cnf.as_ref()?.get(X5T)?.as_str()
    }

    /// Binds the token to a certificate, beside a key if there is one.
    pub(crate) fn bind(&mut self, x5t: Option<&str>) {
        if let Some(x5t) = x5t {
            self.cnf.get_or_insert_with(|| json!({}))[X5T] = x5t.into();
        }
    }

    /// The claims that a resource makes of an ID token which it takes for an access token.
    pub(crate) fn of_id_token(claims: &Map<String, Value>, audience: &str, scope: &str) -> Self {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            iss: text("iss"),
            sub: text("sub"),
            aud: vec![audience.to_owned()],
            client_id: text("azp"),
            scope: scope.to_owned(),
            iat: 0,
            exp: 0,
            jti: String::new(),
            auth_time: None,
            act: None,
            cnf: None,
        }
    }

    pub(crate) fn has(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|s| s == scope)
    }
}

/// The subject that a person is.
pub(crate) fn person(name: &str) -> String {
    format!("u-{name}")
}

/// The audience that the userinfo endpoint is.
pub(crate) fn userinfo_audience(app: &App) -> String {
    format!("{}/userinfo", app.oauth.issuer)
}

/// The claims of a new access token of a grant, for those scopes. It lives to the end of its last second.
pub(crate) fn claims(app: &App, client: &Client, grant: &Grant, scope: &[String]) -> Claims {
    let now = clock::now_ms();
    let mut aud = vec![grant.audience.clone()];
    if scope.iter().any(|s| s == "openid") {
        aud.push(userinfo_audience(app));
    }
    Claims {
        iss: app.oauth.issuer.clone(),
        sub: grant.subject.clone(),
        aud,
        client_id: client.id.to_owned(),
        scope: scope.join(" "),
        iat: now / 1000,
        exp: (now + client.lifetime * 1000).div_ceil(1000),
        jti: random::name("jti"),
        auth_time: grant.auth_time,
        act: grant.actor.as_ref().map(|sub| json!({ "sub": sub })),
        cnf: grant.jkt.as_ref().map(|jkt| json!({ "jkt": jkt })),
    }
}

/// Signs the claims of an access token.
pub(crate) fn access_token(keys: &Keys, client: &Client, claims: &Claims) -> Result<String, OAuthError> {
    keys.for_alg(client.alg)?.sign(ACCESS_TYPE, claims)
}

/// Makes the ID token that goes with an access token.
pub(crate) fn id_token(
    app: &App,
    keys: &Keys,
    client: &Client,
    grant: &Grant,
    access_token: &str,
) -> Result<String, OAuthError> {
    let now = clock::now_ms() / 1000;
    let mut claims = json!({
        "iss": app.oauth.issuer,
        "sub": grant.subject,
        "aud": client.id,
        "azp": client.id,
        "iat": now,
        "exp": now + client.lifetime.max(60),
        "at_hash": half_hash(access_token),
    });
    if let Some(at) = grant.auth_time {
        claims["auth_time"] = at.into();
    }
    if let Some(nonce) = &grant.nonce {
        claims["nonce"] = nonce.as_str().into();
    }
    keys.for_alg(client.alg)?.sign(ID_TYPE, &claims)
}

/// The left half of the SHA-256, which fits RS256 and ES256 alike (OpenID Connect Core §3.1.3.6).
fn half_hash(token: &str) -> String {
    let hash = digest(&SHA256, token.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
}

/// The claims of an access token whose signature, type, issuer and times are right, or why it is not good.
pub(crate) fn verify_access(app: &App, keys: &Keys, token: &str) -> Result<Claims, String> {
    let claims = verify(app, keys, token, &[ACCESS_TYPE, "application/at+jwt"])?;
    let claims: Claims =
        serde_json::from_value(Value::Object(claims)).map_err(|_| "the token is no access token".to_owned())?;
    in_time(app, claims.exp)?;
    Ok(claims)
}

/// A token is dead from the second in which it expires.
fn in_time(app: &App, exp: u64) -> Result<(), String> {
    if app.is_weak("ignores-exp") || exp > clock::now_ms() / 1000 {
        return Ok(());
    }
    Err(format!("the token expired at {}", clock::rfc3339(exp)))
}

/// The claims of an ID token of this issuer, even of one that has expired: as a hint it may be old.
pub(crate) fn verify_hint(app: &App, keys: &Keys, token: &str) -> Result<Map<String, Value>, String> {
    verify(app, keys, token, &[ID_TYPE])
}

/// The claims of a JWT that this issuer signed as that type.
fn verify(app: &App, keys: &Keys, token: &str, types: &[&str]) -> Result<Map<String, Value>, String> {
    const MALFORMED: &str = "the token is malformed";
    let header = decode_header(token).map_err(|_| MALFORMED)?;
    if !header.typ.as_deref().is_some_and(|typ| types.iter().any(|t| t.eq_ignore_ascii_case(typ))) {
        return Err(format!("the type of the token is not {}", types.first().unwrap_or(&"")));
    }
    if header.crit.is_some() {
        return Err("the token demands extensions that are not understood here".to_owned());
    }
    let key = header.kid.as_deref().and_then(|kid| keys.by_kid(kid));
    let key = key.ok_or("the token names a key that is not known here")?;
    if header.alg != key.alg {
        return Err("the token is signed with another algorithm than its key is for".to_owned());
    }
    let psychic = app.is_weak("psychic-signature").then(|| psychic(key, types, token)).flatten();
    let token = psychic.as_deref().unwrap_or(token);
    let mut rules = Validation::new(key.alg);
    rules.validate_exp = false;
    rules.validate_nbf = !app.is_weak("ignores-nbf");
    rules.validate_aud = false;
    rules.set_issuer(&[&app.oauth.issuer]);
    rules.set_required_spec_claims(&["exp", "iss", "sub"]);
    match decode::<Map<String, Value>>(token, &key.decoding, &rules) {
        Ok(data) => Ok(data.claims),
        Err(e) => Err(match e.kind() {
            ErrorKind::InvalidSignature => "the signature does not verify".to_owned(),
            ErrorKind::ImmatureSignature => "the token is not valid yet".to_owned(),
            ErrorKind::InvalidIssuer => "the token was issued by somebody else".to_owned(),
            ErrorKind::MissingRequiredClaim(claim) => format!("the token lacks the claim {claim}"),
            _ => MALFORMED.to_owned(),
        }),
    }
}

/// The token that a strict verifier would have seen, when an ECDSA signature of zeros is taken for good: the equation
/// holds for every message if nobody refuses r = s = 0.
fn psychic(key: &SigningKey, types: &[&str], token: &str) -> Option<String> {
    let (_, signature) = token.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    // In their whole width, or as DER has them.
    let zeros = signature.iter().all(|b| *b == 0) || signature == [0x30, 6, 2, 1, 0, 2, 1, 0];
    let claims: Map<String, Value> = insecure_decode_claims(token).ok()?;
    (zeros && key.alg == Algorithm::ES256).then(|| key.sign(types.first()?, &claims).ok()).flatten()
}
