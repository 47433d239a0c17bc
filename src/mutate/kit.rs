//! What a mutation may need beside the request; the runner fills it.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Unfit;
use super::presented::Presented;
use crate::http::Request;
use crate::jose::{self, Algorithm, Key};

/// What a row asks the runner for before it is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The server's public keys, a JWKS.
    Keys,
    /// The credential of a second login of the same identity.
    Second,
    /// The credential of another identity of the same scheme.
    Other,
    /// A correctly signed token with one claim wrong.
    Honest(Honest),
    /// The request signed anew, with one thing changed first: a scheme that signs each request.
    Resign,
}

/// Which honestly bad token is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Honest {
    /// One that can only be made with the signing key.
    Made,
    /// One that is over: made, kept from an earlier run, or waited for.
    Expired,
    /// One of another audience: made, or that of a donor identity.
    Audience,
    /// One of another issuer: made, or that of a donor identity.
    Issuer,
    /// One without the scope or the role: made, or that of a donor identity.
    Rights,
}

/// What a row may use.
pub struct Kit<'a> {
    /// The id of the row.
    pub id: &'static str,
    /// The time.
    pub now: Timestamp,
    /// Makes random bytes.
    pub random: &'a dyn Fn(usize) -> Vec<u8>,
    /// A part of the sender's session by name: `id_token`, `refresh_token`.
    pub part: &'a dyn Fn(&str) -> Option<String>,
    /// The server's public keys as JSON.
    pub keys: Option<&'a Value>,
    /// The credential of a second login.
    pub second: Option<&'a str>,
    /// The credential of another identity.
    pub other: Option<&'a str>,
    /// The key that the server trusts, and the algorithm it signs with.
    pub signer: Option<(&'a Key, Algorithm)>,
    /// An honestly bad token from elsewhere than the signing key, and how it was had.
    pub honest: Option<(&'a str, &'a str)>,
    /// Why there is none, and what to add.
    pub lacking: Option<&'a Unfit>,
    /// Signs the request anew, changed as the tweak says; none where the scheme signs no request.
    pub resign: Option<Resign<'a>>,
}

impl std::fmt::Debug for Kit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kit").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Signs a request anew.
pub type Resign<'a> = &'a dyn Fn(&Tweak) -> Result<Request, String>;

/// What is changed before a request is signed anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tweak {
    /// The time that it is signed for.
    pub now: Option<Timestamp>,
    /// The request that is signed in place of that which is sent.
    pub request: Option<Request>,
}

impl Kit<'_> {
    /// The parts of a token that another one takes the place of: header and claims may be changed, and the key that the
    /// server trusts signs them.
    pub fn signed(
        &self,
        presented: &Presented<'_>,
        change: impl FnOnce(&mut Map<String, Value>, &mut Map<String, Value>),
    ) -> Result<String, Unfit> {
        let (_, token) = presented.jwt()?;
        let (key, algorithm) = self.signer.ok_or_else(|| self.no_token())?;
        let mut header = token.header().clone();
        let Ok(Value::Object(mut claims)) = token.claims() else {
            return Err(Unfit::not_here("the token has no claims"));
        };
        change(&mut header, &mut claims);
        let payload = Value::Object(claims).to_string();
        jose::sign(algorithm, header, payload.as_bytes(), key).map_err(|fault| Unfit::Unavailable {
            why: format!("the signing key does not sign it: {fault}"),
            add: Vec::new(),
        })
    }

    /// A correctly signed token with one thing changed: from elsewhere when the runner has one, else made with the key.
    pub fn honest(
        &self,
        presented: &Presented<'_>,
        change: impl FnOnce(&mut Map<String, Value>, &mut Map<String, Value>),
    ) -> Result<(String, String), Unfit> {
        if self.signer.is_some() {
            return Ok((self.signed(presented, change)?, "signed with the signing key".to_owned()));
        }
        match self.honest {
            Some((token, how)) => Ok((token.to_owned(), how.to_owned())),
            None => Err(self.no_token()),
        }
    }

    fn no_token(&self) -> Unfit {
        self.lacking.cloned().unwrap_or_else(|| Unfit::Unavailable {
            why: "no key is known that the server trusts".to_owned(),
            add: vec!["add `signing_key: { file: dev.pem }` to the scheme".to_owned()],
        })
    }
}
