//! JWTs that clients sign: to authenticate (RFC 7523 §2.2), or as a grant (RFC 7523 §2.1). The rules are those of §3.

use jsonwebtoken::{Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::clients::Client;
use crate::demo::clock;
use crate::demo::state::App;

/// How far a client's clock may be ahead of ours, in seconds.
const AHEAD: u64 = 5;
/// How long an assertion may live at most, in seconds.
const LONGEST: u64 = 3600;

/// What an assertion says.
pub(crate) struct Assertion {
    pub(crate) issuer: String,
    pub(crate) subject: String,
}

/// The issuer an assertion names, before anything is verified: it tells which key must verify it.
pub(crate) fn issuer(token: &str) -> Option<String> {
    let data = jsonwebtoken::dangerous::insecure_decode::<Map<String, Value>>(token).ok()?;
    data.claims.get("iss")?.as_str().map(str::to_owned)
}

/// Verifies an assertion that this client must have signed; `purpose` keeps the ids of the two uses apart.
pub(crate) fn verify(app: &App, client: &Client, token: &str, purpose: &str) -> Result<Assertion, String> {
    let claims = signed_by(client, token)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let issuer = text("iss").ok_or("the assertion lacks iss")?;
    if issuer != client.id {
        return Err("iss of the assertion is not the client".to_owned());
    }
    let subject = text("sub").ok_or("the assertion lacks sub")?;
    for_us(app, claims.get("aud"))?;
    let exp = in_time(&claims)?;
    let jti = text("jti").filter(|j| !j.is_empty()).ok_or("the assertion lacks jti")?;
    once(app, &format!("{purpose} {} {jti}", client.id), exp)?;
    Ok(Assertion { issuer, subject })
}

/// The claims, if the client's own key and algorithm made the signature.
fn signed_by(client: &Client, token: &str) -> Result<Map<String, Value>, String> {
    let (alg, key) = client.key().ok_or("the client has no key")?;
    let header = decode_header(token).map_err(|_| "the assertion is no JWT")?;
    if header.alg != alg {
        return Err("the assertion is signed with another algorithm than the client is registered for".to_owned());
    }
    if header.crit.is_some() {
        return Err("the assertion demands extensions that are not understood here".to_owned());
    }
    let mut rules = Validation::new(alg);
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules.set_required_spec_claims::<&str>(&[]);
    let data = decode(token, &key, &rules).map_err(|_| "the signature of the assertion does not verify")?;
    Ok(data.claims)
}

/// The audience is this server alone: its issuer, or its token endpoint.
fn for_us(app: &App, aud: Option<&Value>) -> Result<(), String> {
    let ours = [app.oauth.issuer.clone(), format!("{}/token", app.oauth.issuer)];
    let one = match aud {
        Some(Value::String(one)) => Some(one.as_str()),
        Some(Value::Array(list)) if list.len() == 1 => list.first().and_then(Value::as_str),
        _ => None,
    };
    if one.is_some_and(|one| ours.iter().any(|o| o == one)) {
        return Ok(());
    }
    Err("aud of the assertion is not this server alone".to_owned())
}

/// The second in which the assertion expires, if that is neither past nor far away.
fn in_time(claims: &Map<String, Value>) -> Result<u64, String> {
    let now = clock::now_ms() / 1000;
    let exp = claims.get("exp").and_then(Value::as_f64).ok_or("the assertion lacks exp")?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
    let exp = exp as u64;
    if exp <= now {
        return Err("the assertion has expired".to_owned());
    }
    if exp > now + LONGEST {
        return Err(format!("the assertion lives longer than {LONGEST} s"));
    }
    let ahead = |name: &str| claims.get(name).and_then(Value::as_u64).is_some_and(|at| at > now + AHEAD);
    if ahead("iat") || ahead("nbf") {
        return Err("the assertion is not valid yet".to_owned());
    }
    Ok(exp)
}

/// An assertion is good for one request (RFC 7523 §3, rule 7).
fn once(app: &App, id: &str, exp: u64) -> Result<(), String> {
    if app.oauth.books().first_time(id, exp, clock::now_ms() / 1000) {
        return Ok(());
    }
    Err("the assertion was used before".to_owned())
}
