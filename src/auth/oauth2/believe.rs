//! What came with a token is believed when the server's keys say so: finds them, and holds the ID token against them.

use super::flow::{Aim, Run, Stage, common, get};
use super::id_token::{self, Expected};
use super::metadata::Endpoint;
use super::token::Parts;
use crate::auth::{Ctx, Move, Refused};
use crate::http::Response;
use crate::jose::{Jwks, Key, Token, unverified_claims};

impl Run {
    /// Finds the keys for an ID token, where one was given.
    pub(super) fn identify(&mut self, parts: Parts, cx: &Ctx<'_>) -> Result<Move, Refused> {
        let Some(text) = get(&parts, "id_token") else {
            self.must_have(&parts)?;
            return Ok(self.ready(parts, cx));
        };
        if id_token::is_secret_signed(text) {
            let key = Key::secret(self.config.client.secret(cx)?.as_bytes());
            let keys = Jwks::of(key.map_err(|fault| Refused { message: fault.0, help: Vec::new() })?);
            return self.believe(parts, Some(&keys), cx);
        }
        match self.metadata.find(Endpoint::Jwks, cx)? {
            None => self.believe(parts, None, cx),
            Some(place) => {
                self.stage = Stage::Keys(parts);
                Ok(Move::Send(common("jwks", place)))
            }
        }
    }

    /// Whoever asks for the scope `openid` on behalf of a person gets an ID token (`OpenID` Connect Core 1.0, section
    /// 3.1.3.3), unless the server says that it does not give that scope (RFC 6749, section 5.1). A refresh may do
    /// without (section 12.2).
    fn must_have(&self, parts: &Parts) -> Result<(), Refused> {
        let asked = self.authorization.as_ref().is_some_and(|authorization| authorization.nonce.is_some());
        let given = get(parts, "scope").is_none_or(|scope| scope.split(' ').any(|scope| scope == "openid"));
        if !(matches!(self.aim, Aim::Login) && asked && given) {
            return Ok(());
        }
        let message = "the answer of the token endpoint has no `id_token`, although `openid` was asked for".to_owned();
        let help = "an OpenID provider has to give one (OpenID Connect Core, section 3.1.3.3), which shows who logged in; a server that is none knows no `openid`: drop it from `scope`";
        Err(Refused { message, help: vec![help.to_owned()] })
    }

    /// Looks whether the key that the ID token names is known; a key that is new to a server is only in a new answer
    /// (`OpenID` Connect Core 1.0, section 10.1.1).
    pub(super) fn known_keys(&mut self, parts: Parts, answer: &Response, cx: &Ctx<'_>) -> Result<Move, Refused> {
        let keys = read_keys(answer)?;
        let token = get(&parts, "id_token").and_then(|text| Token::parse(text).ok());
        let place = self.metadata.find(Endpoint::Jwks, cx)?;
        match (token, place) {
            (Some(token), Some(place)) if !keys.knows(&token) => {
                self.stage = Stage::NewKeys(parts);
                Ok(Move::Renew(common("jwks", place)))
            }
            _ => self.believe(parts, Some(&keys), cx),
        }
    }

    /// Takes the keys of a new answer, whatever they are.
    pub(super) fn new_keys(&mut self, parts: Parts, answer: &Response, cx: &Ctx<'_>) -> Result<Move, Refused> {
        self.believe(parts, Some(&read_keys(answer)?), cx)
    }

    /// Believes an ID token, or refuses all that came with it.
    fn believe(&mut self, parts: Parts, keys: Option<&Jwks>, cx: &Ctx<'_>) -> Result<Move, Refused> {
        let before = match &self.aim {
            Aim::Login | Aim::Leave(_) => None,
            Aim::Refresh(_, before) => get(before, "id_token").and_then(unverified_claims),
        };
        let said = |name: &str| before.as_ref().and_then(|claims| claims.get(name)?.as_str());
        let expected = Expected {
            issuer: self.metadata.issuer.as_deref(),
            client: &self.config.client.id(cx)?,
            nonce: self.authorization.as_ref().and_then(|a| a.nonce.as_deref()),
            subject: said("sub"),
            nonce_before: said("nonce"),
            access_token: get(&parts, "access_token").unwrap_or_default(),
            algorithms: self.metadata.list("id_token_signing_alg_values_supported"),
            now: cx.now,
        };
        let token = get(&parts, "id_token").unwrap_or_default();
        if let Err(why) = id_token::verify(token, keys, &expected) {
            return Ok(Move::Distrusted(why, token.to_owned()));
        }
        Ok(self.ready(parts, cx))
    }
}

fn read_keys(answer: &Response) -> Result<Jwks, Refused> {
    let refuse = |message: String| {
        let help = "the ID token cannot be verified without them; see `jwks_url`".to_owned();
        Refused { message, help: vec![help] }
    };
    if answer.status != 200 {
        return Err(refuse(format!("asked for its keys, the server answered {}", answer.status)));
    }
    Jwks::parse(&answer.text()).map_err(|fault| refuse(format!("the server's keys cannot be used: {fault}")))
}
