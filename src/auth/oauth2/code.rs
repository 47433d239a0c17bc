//! The authorization code (RFC 6749, section 4.1) with PKCE (RFC 7636): what is asked for in the browser, and what the
//! server sends the browser back with.

use std::sync::Arc;

use aws_lc_rs::digest;

use super::metadata::{Endpoint, Metadata};
use super::post::{Post, address, asked, extend, render};
use super::refused::{coded, sentence};
use super::{Config, random};
use crate::auth::{Agree, Browser, Ctx, Exchange, Opening, PageScript, Refused};
use crate::http::{Address, Headers, Request};
use crate::jose;
use crate::term::list;

/// Where the browser is sent back to when nothing is said: nothing listens there, and nothing is asked there.
pub(super) const REDIRECT: &str = "http://127.0.0.1:9/cb";

/// What to do where a server takes nothing but pushed requests.
pub const PUSH: &str = "the server takes only requests that were pushed to it before (RFC 9126): add `par: true`";

/// Tells whether what a server says is about pushed authorization requests; it may be a page full of other words.
pub fn speaks_of_pushing(said: &str) -> bool {
    const WORDS: &[&str] =
        &["pushed authorization", "pushed request", "pushed_authorization", "be pushed", "push its", "request_uri"];
    let lower = said.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
        || said.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "PAR")
}

/// An authorization that was asked for.
#[derive(Debug, Clone)]
pub(super) struct Authorization {
    pub(super) redirect: String,
    pub(super) verifier: String,
    pub(super) state: String,
    /// Only asked for with the scope `openid`.
    pub(super) nonce: Option<String>,
    /// The thumbprint of the key that the code is bound to (RFC 9449, section 10).
    pub(super) jkt: Option<String>,
    /// Whether the request was pushed (RFC 9126).
    pub(super) pushed: bool,
}

/// The S256 challenge of a verifier (RFC 7636, section 4.2).
fn challenge(verifier: &str) -> String {
    jose::encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

impl Authorization {
    /// Begins an authorization with fresh values.
    pub(super) fn new(config: &Config, jkt: Option<String>, cx: &Ctx<'_>) -> Result<Self, Refused> {
        let redirect = config.redirect.as_ref().map_or_else(|| Ok(REDIRECT.to_owned()), |r| render(r, cx))?;
        let redirect =
            if redirect.starts_with('/') { address(&redirect, "redirect_uri", cx)?.to_string() } else { redirect };
        let scopes = asked(config, cx)?;
        let openid = scopes.iter().any(|(n, v)| n == "scope" && v.split(' ').any(|s| s == "openid"));
        Ok(Self { redirect, verifier: random(), state: random(), nonce: openid.then(random), jkt, pushed: false })
    }

    /// The parameters of the authorization request.
    pub(super) fn parameters(&self, config: &Config, cx: &Ctx<'_>) -> Result<Vec<(String, String)>, Refused> {
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut all = vec![
            own("response_type", "code"),
            own("client_id", &config.client.id(cx)?),
            own("redirect_uri", &self.redirect),
        ];
        all.extend(asked(config, cx)?);
        all.push(own("state", &self.state));
        all.extend(self.nonce.as_ref().map(|nonce| own("nonce", nonce)));
        all.push(own("code_challenge", &challenge(&self.verifier)));
        all.push(own("code_challenge_method", "S256"));
        all.extend(self.jkt.as_ref().map(|jkt| own("dpop_jkt", jkt)));
        extend(&mut all, "authorize", config, cx)?;
        Ok(all)
    }

    /// The pages that the browser goes through, from the authorization endpoint to the redirect URI.
    pub(super) fn pages(
        &self,
        parameters: &[(String, String)],
        config: &Config,
        metadata: &Metadata,
        cx: &Ctx<'_>,
    ) -> Result<Arc<PageScript>, Refused> {
        let mut to = metadata.endpoint(Endpoint::Authorize, cx)?;
        for (name, value) in parameters {
            to.add_query(name, value);
        }
        let headers = Headers::default();
        let request = Request { method: "GET".to_owned(), address: to, headers, body: bytes::Bytes::new() };
        let open = Opening::Request(Box::new(Exchange::plain("authorize", request)));
        let until = Some(address(&self.redirect, "redirect_uri", cx)?);
        let pages = config.pages.pages;
        Ok(Arc::new(PageScript {
            open,
            until,
            pages,
            fill: config.pages.fill.clone(),
            named: config.pages.named,
            agree: Agree::ToConsent,
            browser: Browser::Own,
            user_code: None,
        }))
    }

    /// Takes the code out of the address that the browser was sent to, once it is sure who sent it there.
    pub(super) fn code(&self, landed: &Address, metadata: &Metadata) -> Result<String, Refused> {
        let query = landed.target().split_once('?').map_or("", |(_, query)| query);
        let all: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let get = |name: &str| all.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let refuse = |message: String, help: &str| Err(Refused { message, help: vec![help.to_owned()] });
        if all.iter().any(|(name, _)| all.iter().filter(|(n, _)| n == name).count() > 1) {
            return refuse(
                "the server sent the browser back with a parameter twice".to_owned(),
                "each may stand once (RFC 6749, section 3.1)",
            );
        }
        match (get("iss"), &metadata.issuer) {
            (Some(said), Some(issuer)) if said != issuer => {
                return refuse(
                    format!("the browser was sent back by the issuer `{said}`, and `{issuer}` was asked"),
                    "a client that goes on here can be made to send the code to another server (RFC 9207)",
                );
            }
            (None, _) if !all.is_empty() && metadata.says("authorization_response_iss_parameter_supported") => {
                return refuse(
                    "the browser was sent back without `iss`, which the server's metadata promise".to_owned(),
                    "whoever sent it there may be another server (RFC 9207, section 2.4)",
                );
            }
            _ => {}
        }
        match get("state") {
            Some(state) if state == self.state => {}
            Some(_) => {
                return refuse(
                    "the server sent the browser back with another `state` than it was given".to_owned(),
                    "it has to come back unchanged (RFC 6749, section 4.1.2); a client that goes on can be given another's code",
                );
            }
            None => return Err(self.without_state(&all)),
        }
        if let Some(error) = get("error") {
            let message = sentence("the authorization endpoint", error, get("error_description"));
            let said = get("error_description").unwrap_or_default();
            let cause = if self.wants_pushing(error, said) { Some(PUSH) } else { cause(error) };
            return Err(Refused { message, help: cause.into_iter().map(ToOwned::to_owned).collect() });
        }
        match get("code") {
            Some(code) if !code.is_empty() => Ok(code.to_owned()),
            _ => refuse(
                "the server sent the browser back with neither a code nor an error".to_owned(),
                "`response_type` has to be `code`, and `response_mode` `query` or `form_post`",
            ),
        }
    }

    /// Tells whether a refusal is about a request that was not pushed before (RFC 9126, section 5).
    fn wants_pushing(&self, error: &str, said: &str) -> bool {
        error == "invalid_request" && !self.pushed && speaks_of_pushing(said)
    }

    /// The browser came back without its `state`: with what else, says what most likely happened.
    fn without_state(&self, all: &[(String, String)]) -> Refused {
        let get = |name: &str| all.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let names: Vec<String> = all.iter().map(|(name, _)| format!("`{name}`")).collect();
        let came =
            if names.is_empty() { "with nothing".to_owned() } else { format!("with {} alone", list(&names, "and")) };
        let mut message = format!("the server sent the browser back {came}: without the `state` that it was given");
        let must = "a server that is given a `state` has to send it back (RFC 6749, section 4.1.2), also with an error (section 4.1.2.1); without it nobody knows whose answer this is, so it is not used";
        let mut help = Vec::new();
        if let Some(error) = get("error") {
            let said = get("error_description");
            message = format!("{message}; it says {}", coded(error, said));
            help.extend(if self.wants_pushing(error, said.unwrap_or_default()) { Some(PUSH) } else { cause(error) });
        }
        if all.is_empty() {
            help.push("what stands behind a `#` reaches no server and is not read: `response_mode` has to be `query` or `form_post`, and `response_type` to be `code`");
        }
        help.push(must);
        Refused { message, help: help.into_iter().map(ToOwned::to_owned).collect() }
    }

    /// The request that exchanges the code.
    pub(super) fn exchange(&self, code: &str) -> Post {
        let post = Post::new("token", Endpoint::Token).with("grant_type", "authorization_code");
        post.with("code", code)
            .with("redirect_uri", self.redirect.as_str())
            .with("code_verifier", self.verifier.as_str())
    }
}

/// What an error of the authorization endpoint most often means (RFC 6749, section 4.1.2.1; `OpenID` Connect Core,
/// section 3.1.2.6).
fn cause(error: &str) -> Option<&'static str> {
    Some(match error {
        "access_denied" => "somebody said no on a page, or a rule of the server did; `pages:` says what is pressed",
        "login_required" | "interaction_required" | "account_selection_required" => {
            "the request has `prompt=none`, and nobody is logged in; leave it out under `extra: { authorize: … }`"
        }
        "consent_required" => "the request has `prompt=none`, and nobody agreed yet",
        "unauthorized_client" => "enable the grant `authorization_code` for the client at the server",
        "unsupported_response_type" => "the server does not give codes to this client",
        "invalid_scope" => "does the server know each `scope`, and may the client ask for it?",
        "invalid_target" => "does the server know the `resource`, and may the client ask for it?",
        "invalid_request" => {
            "compare what was sent with what the server wants; more goes under `extra: { authorize: … }`"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!((43..=128).contains(&random().len()) && random() != random());
    }
}
