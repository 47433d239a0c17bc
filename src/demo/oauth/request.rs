//! An authorization request and what is wrong with one (RFC 6749 §4.1.1, §4.1.2.1; OpenID Connect Core §3.1.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::clients::{self, Client, Grant};
use super::error::OAuthError;
use super::params::Params;
use super::scope;
use crate::demo::state::App;

/// Where the answer to an authorization request goes, and how.
#[derive(Debug, Clone)]
pub(crate) struct Back {
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
    pub(crate) mode: Mode,
}

/// How the answer travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Query,
    FormPost,
}

/// Whom a request asks to be shown what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Prompt {
    pub(crate) none: bool,
    pub(crate) login: bool,
    pub(crate) consent: bool,
}

/// An authorization request that is in order.
#[derive(Debug, Clone)]
pub(crate) struct AuthRequest {
    pub(crate) client: &'static Client,
    pub(crate) back: Back,
    pub(crate) scope: Vec<String>,
    pub(crate) audience: String,
    pub(crate) challenge: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) prompt: Prompt,
    pub(crate) max_age: Option<u64>,
    pub(crate) login_hint: String,
    /// The key a code is bound to from the start (RFC 9449 §10).
    pub(crate) jkt: Option<String>,
}

/// Why an authorization request is refused, and to whom that is told.
#[derive(Debug)]
pub(crate) enum Fault {
    /// To the person, on a page: where to send them cannot be trusted.
    Page(OAuthError),
    /// To the client, by a redirect.
    Redirect(Box<Back>, OAuthError),
}

/// The client and the redirect URI of a request; nobody is sent anywhere before both are known.
pub(crate) fn addressee(app: &App, params: &Params) -> Result<(&'static Client, String), OAuthError> {
    let client = clients::find(params.need("client_id")?);
    let client = client.ok_or_else(|| OAuthError::invalid_request("the client is not known here"))?;
    let uri = params.need("redirect_uri")?;
    if !client.redirects.iter().any(|r| registered(app, r, uri)) {
        return Err(OAuthError::invalid_request("the redirect_uri is not registered for the client"));
    }
    Ok((client, uri.to_owned()))
}

/// Redirect URIs are compared letter for letter (RFC 9700 §2.1); the port of a loopback address is free (RFC 8252 §7.3).
fn registered(app: &App, registered: &str, asked: &str) -> bool {
    if registered.starts_with('/') {
        return asked.strip_prefix(app.url.as_str()) == Some(registered);
    }
    let begins = registered.rsplit_once('/').is_some_and(|(folder, _)| asked.starts_with(folder));
    registered == asked || (begins && app.is_weak("redirect-by-prefix")) || same_but_for_the_port(registered, asked)
}

fn same_but_for_the_port(registered: &str, asked: &str) -> bool {
    const LOOPBACK: &str = "http://127.0.0.1";
    let (Some(path), Some(rest)) = (registered.strip_prefix(LOOPBACK), asked.strip_prefix(LOOPBACK)) else {
        return false;
    };
    let Some((port, after)) = rest.strip_prefix(':').and_then(|r| r.split_once('/')) else { return false };
    path.strip_prefix('/') == Some(after) && port.parse::<u16>().is_ok() && port.bytes().all(|b| b.is_ascii_digit())
}

/// Reads a request to its end.
pub(crate) fn read(app: &App, params: &Params, pushed: bool) -> Result<AuthRequest, Fault> {
    let (client, redirect_uri) = addressee(app, params).map_err(Fault::Page)?;
    let state = params.get("state").map(str::to_owned);
    let mut back = Back { redirect_uri, state, mode: Mode::Query };
    let mode = mode(params).map_err(|e| Fault::Redirect(Box::new(back.clone()), e))?;
    back.mode = mode;
    rest(app, client, &back, params, pushed).map_err(|e| Fault::Redirect(Box::new(back), e))
}

fn mode(params: &Params) -> Result<Mode, OAuthError> {
    match params.get("response_mode") {
        None | Some("query") => Ok(Mode::Query),
        Some("form_post") => Ok(Mode::FormPost),
        Some(_) => Err(OAuthError::invalid_request("the response_mode is not known here")),
    }
}

fn rest(
    app: &App,
    client: &'static Client,
    back: &Back,
    params: &Params,
    pushed: bool,
) -> Result<AuthRequest, OAuthError> {
    if client.must(clients::Demand::Par) && !pushed {
        return Err(OAuthError::invalid_request("the client must push its requests"));
    }
    for (name, code) in [("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")] {
        if params.get(name).is_some() {
            return Err(OAuthError::new(code, format!("the parameter {name} is not supported here")));
        }
    }
    if params.need("response_type")? != "code" {
        return Err(OAuthError::new("unsupported_response_type", "only the response_type code is supported"));
    }
    if !client.may(Grant::Code) {
        return Err(OAuthError::new("unauthorized_client", "the client may not ask for a code"));
    }
    let max_age = params
        .get("max_age")
        .map(|text| text.parse().map_err(|_| OAuthError::invalid_request("max_age is a number of seconds")));
    Ok(AuthRequest {
        client,
        back: back.clone(),
        scope: scope::wanted(client, params.get("scope"))?,
        audience: scope::audience(app, params)?,
        challenge: challenge(app, client, params)?,
        nonce: params.get("nonce").map(str::to_owned),
        prompt: prompt(params.get("prompt").unwrap_or_default())?,
        max_age: max_age.transpose()?,
        login_hint: params.get("login_hint").unwrap_or_default().to_owned(),
        jkt: params.get("dpop_jkt").map(str::to_owned),
    })
}

/// The PKCE challenge (RFC 7636 §4.3), which a public client must send.
fn challenge(app: &App, client: &Client, params: &Params) -> Result<Option<String>, OAuthError> {
    let Some(challenge) = params.get("code_challenge") else {
        if params.get("code_challenge_method").is_some() {
            return Err(OAuthError::invalid_request("the code_challenge is missing"));
        }
        pkce_is_a_must(app, client)?;
        return Ok(None);
    };
    only_s256(params.get("code_challenge_method"))?;
    let decoded = URL_SAFE_NO_PAD.decode(challenge).map_err(|_| ());
    if decoded.is_ok_and(|bytes| bytes.len() == 32) {
        return Ok(Some(challenge.to_owned()));
    }
    Err(OAuthError::invalid_request("the code_challenge is no SHA-256 in base64url"))
}

/// A public client proves nothing else when it redeems its code (RFC 9700 §2.1.1).
fn pkce_is_a_must(app: &App, client: &Client) -> Result<(), OAuthError> {
    if client.is_public() && !app.is_weak("pkce-optional") {
        return Err(OAuthError::invalid_request("a public client must send a code_challenge"));
    }
    Ok(())
}

/// `plain` shows the verifier to whoever sees the request; it is also what a missing method means (RFC 7636 §4.3).
fn only_s256(method: Option<&str>) -> Result<(), OAuthError> {
    if method == Some("S256") {
        return Ok(());
    }
    Err(OAuthError::invalid_request("the code_challenge_method must be S256"))
}

fn prompt(text: &str) -> Result<Prompt, OAuthError> {
    let mut prompt = Prompt::default();
    let mut words = 0;
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        words += 1;
        match word {
            "none" => prompt.none = true,
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            _ => return Err(OAuthError::invalid_request("the prompt is not known here")),
        }
    }
    if prompt.none && words > 1 {
        return Err(OAuthError::invalid_request("the prompt none stands alone"));
    }
    Ok(prompt)
}

#[cfg(test)]
mod tests {
    use super::same_but_for_the_port;

    #[test]
    fn only_the_port_of_a_loopback_address_is_free() {
        let free = |asked| same_but_for_the_port("http://127.0.0.1/callback", asked);
        assert!(free("http://127.0.0.1:1/callback") && free("http://127.0.0.1:65535/callback"));
        for asked in [
            "http://127.0.0.1:/callback",
            "http://127.0.0.1:65536/callback",
            "http://127.0.0.1:+80/callback",
            "http://127.0.0.1:80@evil.example/callback",
            "http://127.0.0.1.evil.example:80/callback",
            "http://127.0.0.1:80/callback/",
            "http://127.0.0.1:80/callback?x=1",
            "http://localhost:80/callback",
            "https://127.0.0.1:80/callback",
        ] {
            assert!(!free(asked), "{asked}");
        }
        assert!(!same_but_for_the_port("https://web.example.com/callback", "https://web.example.com:1/callback"));
    }
}
