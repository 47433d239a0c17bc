//! Who the client is (RFC 6749 §2.3): each has one way to prove it, and a request uses one way.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::assertion;
use super::clients::{self, Client, Method};
use super::error::{OAuthError, Tried};
use super::params::Posted;
use crate::demo::random;
use crate::demo::state::App;
use crate::demo::tls::Shown;

/// The type of a client assertion that is a JWT (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Below which the endpoints are that ask for a certificate.
pub(super) const MTLS: &str = "/oauth/mtls/";

/// What a request brings to prove who its client is.
enum Proof {
    Basic { id: String, secret: String },
    Post { id: String, secret: String },
    Assertion { id: String, token: String },
    Certificate { id: String, name: String },
    Nothing { id: String },
}

/// The client of a request, if it proves who it is in the way it is registered for.
///
/// A further way is a further `Proof`, read in `proof` and judged in `holds`.
pub(crate) fn authenticate(app: &App, posted: &Posted) -> Result<&'static Client, OAuthError> {
    one_way(posted)?;
    let proof = proof(posted)?;
    let tried = if matches!(proof, Proof::Basic { .. }) { Tried::Header } else { Tried::Body };
    let client = clients::find(proof.id()).ok_or_else(|| OAuthError::invalid_client(tried))?;
    if registered_for(client, &proof) && holds(app, client, &proof) {
        return Ok(client);
    }
    Err(OAuthError::invalid_client(tried))
}

impl Proof {
    fn id(&self) -> &str {
        match self {
            Self::Basic { id, .. }
            | Self::Post { id, .. }
            | Self::Assertion { id, .. }
            | Self::Certificate { id, .. }
            | Self::Nothing { id } => id,
        }
    }
}

/// A request must not prove it twice (RFC 6749 §2.3).
fn one_way(posted: &Posted) -> Result<(), OAuthError> {
    let in_body = ["client_secret", "client_assertion"].iter().filter(|n| posted.params.get(n).is_some()).count();
    if in_body + posted.headers.get_all(AUTHORIZATION).iter().count() > 1 {
        return Err(OAuthError::invalid_request("the request authenticates its client in more than one way"));
    }
    Ok(())
}

fn proof(posted: &Posted) -> Result<Proof, OAuthError> {
    let params = &posted.params;
    let named = params.get("client_id");
    if posted.headers.contains_key(AUTHORIZATION) {
        let (id, secret) = basic(&posted.headers).ok_or_else(|| OAuthError::invalid_client(Tried::Header))?;
        if named.is_some_and(|n| n != id) {
            return Err(OAuthError::invalid_request("client_id names another client than the header"));
        }
        return Ok(Proof::Basic { id, secret });
    }
    if let Some(token) = params.get("client_assertion") {
        if params.need("client_assertion_type")? != JWT_BEARER {
            return Err(OAuthError::invalid_request("the client_assertion_type is not known here"));
        }
        let issuer = assertion::issuer(token).ok_or_else(|| OAuthError::invalid_client(Tried::Body))?;
        // The parameter may be left out, but must not name another client (RFC 7521 §4.2).
        if named.is_some_and(|n| n != issuer) {
            return Err(OAuthError::invalid_client(Tried::Body));
        }
        return Ok(Proof::Assertion { id: issuer, token: token.to_owned() });
    }
    let id = named.ok_or_else(|| OAuthError::invalid_client(Tried::Body))?.to_owned();
    match (params.get("client_secret"), certificate(posted)) {
        (Some(secret), _) => Ok(Proof::Post { id, secret: secret.to_owned() }),
        (None, Some(shown)) => Ok(Proof::Certificate { id, name: shown.name.clone() }),
        (None, None) => Ok(Proof::Nothing { id }),
    }
}

/// The certificate of the connection, where the server looks at one: at its endpoints for that (RFC 8705 §5).
pub(super) fn certificate(posted: &Posted) -> Option<&Shown> {
    posted.shown.as_ref().filter(|_| posted.path.starts_with(MTLS))
}

/// The id and the secret of the header. Both are form-encoded before Base64 (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim_start_matches(' ')).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?))
}

/// Undoes `application/x-www-form-urlencoded`; what cannot have been encoded that way is no credential.
fn form_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                let digits = std::str::from_utf8(&digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
                decoded.push(u8::from_str_radix(digits, 16).ok()?);
            }
            byte if byte.is_ascii_alphanumeric() || b"-._~*".contains(&byte) => decoded.push(byte),
            _ => return None,
        }
    }
    String::from_utf8(decoded).ok()
}

/// Another way than the registered one proves nothing.
fn registered_for(client: &Client, proof: &Proof) -> bool {
    match proof {
        Proof::Basic { .. } => client.method == Method::Basic,
        Proof::Post { .. } => client.method == Method::Post,
        Proof::Assertion { .. } => matches!(client.method, Method::PrivateKeyJwt(_) | Method::SecretJwt),
        // A public client may show one, too (RFC 8705 §4).
        Proof::Certificate { .. } => matches!(client.method, Method::Tls(_) | Method::None),
        Proof::Nothing { .. } => client.method == Method::None,
    }
}

/// Whether the proof is right.
fn holds(app: &App, client: &Client, proof: &Proof) -> bool {
    match proof {
        Proof::Basic { secret, .. } | Proof::Post { secret, .. } => {
            random::same(secret, client.secret) || app.is_weak("client-secret-unchecked")
        }
        Proof::Assertion { token, .. } => {
            let assertion = assertion::verify(app, client, token, "client");
            assertion.is_ok_and(|a| a.subject == client.id && a.issuer == client.id)
        }
        // That it was signed by the demo's authority for clients was verified in the handshake.
        Proof::Certificate { name, .. } => match client.method {
            Method::Tls(registered) => registered == name,
            _ => client.is_public(),
        },
        Proof::Nothing { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use super::form_decoded;

    #[test]
    fn credentials_are_form_encoded() {
        assert_eq!(form_decoded("a+b%25%3A%C3%BC-._~*").as_deref(), Some("a b%:ü-._~*"));
        for raw in ["a b", "a:b", "a%", "a%2", "a%zz", "a%+1", "%ff", "ü"] {
            assert_eq!(form_decoded(raw), None, "{raw}");
        }
    }
}
