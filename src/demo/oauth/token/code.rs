//! Authorization codes (RFC 6749 §4.1.3): for one use, by their client, with their redirect URI and verifier.

use super::{Issue, Request};
use crate::demo::oauth::books::Grant as Allowed;
use crate::demo::oauth::error::{OAuthError, Reply};
use crate::demo::oauth::interaction::Person;
use crate::demo::oauth::request::AuthRequest;
use crate::demo::oauth::{mint, scope};
use crate::demo::state::App;
use crate::demo::{clock, random};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// How long a code is good, in milliseconds.
const LIFE_MS: u64 = 60_000;

/// A code and what it was given for.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    redirect_uri: String,
    challenge: Option<String>,
    grant: Allowed,
    pub(crate) until_ms: u64,
    /// The grant that it was traded for.
    used: Option<String>,
}

/// Makes the code of a request that a person allowed.
pub(crate) fn issue(app: &App, request: &AuthRequest, person: &Person) -> String {
    let code = random::secret();
    let grant = Allowed {
        client: request.client.id,
        subject: mint::person(&person.name),
        user: Some(person.name.clone()),
        scope: request.scope.clone(),
        audience: request.audience.clone(),
        auth_time: Some(person.since),
        nonce: request.nonce.clone(),
        jkt: request.jkt.clone(),
        session: Some(person.session.clone()),
        actor: None,
    };
    let entry = Code {
        redirect_uri: request.back.redirect_uri.clone(),
        challenge: request.challenge.clone(),
        grant,
        until_ms: clock::now_ms() + LIFE_MS,
        used: None,
    };
    app.oauth.books().codes.insert(random::fingerprint(&code), entry);
    code
}

pub(super) fn answer(request: &Request<'_>) -> Reply {
    let key = random::fingerprint(request.need("code")?);
    let now = clock::now_ms();
    let unknown = || OAuthError::invalid_grant("the code is not known here");
    let code = request.app.oauth.books().codes.get(&key).cloned().ok_or_else(unknown)?;
    of_this_client(request, &code)?;
    once(request, &code)?;
    in_time(&code, now)?;
    same_redirect(request, &code, request.need("redirect_uri")?)?;
    verified(request, &code, request.get("code_verifier"))?;
    scope::same_audience(request.app, &code.grant.audience, &request.posted.params)?;
    of_this_key(request, &code)?;
    request.still_enabled(&code.grant)?;

    let mut grant = code.grant;
    grant.jkt.clone_from(&request.jkt);
    let (family, refresh_token) = {
        let mut books = request.app.oauth.books();
        // Nothing above waits, so no other request can have taken the code since it was looked at.
        let (family, token) = request.open(&mut books, &grant);
        if let Some(entry) = books.codes.get_mut(&key) {
            entry.used = Some(family.clone());
        }
        (family, token)
    };
    request.issue(Issue::of(&family, &grant, refresh_token))
}

fn of_this_client(request: &Request<'_>, code: &Code) -> Result<(), OAuthError> {
    if code.grant.client == request.client.id {
        return Ok(());
    }
    Err(OAuthError::invalid_grant("the code was given to another client"))
}

/// A code that comes again was stolen, by the first or by the second: what came of it ends (RFC 6749 §4.1.2).
fn once(request: &Request<'_>, code: &Code) -> Result<(), OAuthError> {
    let Some(family) = code.used.as_ref().filter(|_| !request.app.is_weak("code-replay")) else { return Ok(()) };
    if request.app.is_weak("code-replay-keeps-tokens") {
        return Err(OAuthError::invalid_grant("the code was used before"));
    }
    request.app.oauth.books().end(family, "its code was used twice");
    Err(OAuthError::invalid_grant("the code was used before, so the tokens it was traded for were revoked"))
}

fn in_time(code: &Code, now: u64) -> Result<(), OAuthError> {
    if code.until_ms > now {
        return Ok(());
    }
    Err(OAuthError::invalid_grant("the code has expired"))
}

/// The redirect URI is the one that the code was sent to (RFC 6749 §4.1.3).
fn same_redirect(request: &Request<'_>, code: &Code, redirect_uri: &str) -> Result<(), OAuthError> {
    if code.redirect_uri == redirect_uri || request.app.is_weak("redirect-not-compared") {
        return Ok(());
    }
    Err(OAuthError::invalid_grant("the redirect_uri is not the one of the authorization request"))
}

/// The verifier fits the challenge (RFC 7636 §4.6); one without a challenge is a downgrade (RFC 9700 §4.8).
fn verified(request: &Request<'_>, code: &Code, verifier: Option<&str>) -> Result<(), OAuthError> {
    if request.app.is_weak("pkce-not-verified") {
        return Ok(());
    }
    match (&code.challenge, verifier) {
        (Some(_), None) if request.app.is_weak("pkce-only-when-sent") => Ok(()),
        (None, None) => Ok(()),
        (None, Some(_)) => Err(OAuthError::invalid_grant("there is a code_verifier, but there was no code_challenge")),
        (Some(_), None) => Err(OAuthError::invalid_grant("the code_verifier is missing")),
        (Some(_), Some(verifier)) if !is_verifier(verifier) => {
            Err(OAuthError::invalid_grant("the code_verifier is not 43 to 128 unreserved characters"))
        }
        (Some(challenge), Some(verifier)) => {
            let computed = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
            if random::same(&computed, challenge) {
                return Ok(());
            }
            Err(OAuthError::invalid_grant("the code_verifier does not fit the code_challenge"))
        }
    }
}

/// The shape of a verifier (RFC 7636 §4.1).
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}

/// A code that was bound to a key is traded only with a proof of that key (RFC 9449 §10).
fn of_this_key(request: &Request<'_>, code: &Code) -> Result<(), OAuthError> {
    if code.grant.jkt.is_none() || code.grant.jkt == request.jkt {
        return Ok(());
    }
    Err(OAuthError::invalid_grant("the code is bound to the key of dpop_jkt"))
}
