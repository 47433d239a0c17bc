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
        let Some(text) = get(&parts, "id_token") else { return Ok(self.ready(parts, cx)) };
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
        let subject = match &self.aim {
            Aim::Login | Aim::Leave(_) => None,
            Aim::Refresh(_, before) => get(before, "id_token")
                .and_then(unverified_claims)
                .and_then(|claims| claims.get("sub").and_then(|s| s.as_str().map(ToOwned::to_owned))),
        };
        let expected = Expected {
            issuer: self.metadata.issuer.as_deref(),
            client: &self.config.client.id(cx)?,
            nonce: self.authorization.as_ref().and_then(|a| a.nonce.as_deref()),
            subject: subject.as_deref(),
            access_token: get(&parts, "access_token").unwrap_or_default(),
            algorithms: self.metadata.list("id_token_signing_alg_values_supported"),
            now: cx.now,
        };
        id_token::verify(get(&parts, "id_token").unwrap_or_default(), keys, &expected)?;
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
