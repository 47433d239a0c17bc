//! What a mutation needs beside the request: parts of the session, and the key that the server signs with.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::Shared;
use super::published::published;
use super::session::Session;
use super::world::WorldRun;
use crate::auth::{Part, Seal, SigningKey};
use crate::http::jar::Cookie;
use crate::http::{Address, Request, Response};
use crate::jose::{Algorithm, Jwks, Key, Token};
use crate::mutate::{Bend, Forged, Kit, Mutation, Needs, Presented, Published, Resign, Unfit, is_csrf, signed_anew};
use crate::plan::Identity;
use crate::step::{IdentityId, Prepared};

/// What a request is made of that is signed once more.
#[derive(Clone, Copy)]
pub(super) struct Again<'a> {
    /// What the step asks for.
    pub(super) prepared: &'a Prepared,
    /// What the server answers whoever sends no credential, where a row needs that.
    pub(super) question: Option<&'a Response>,
}

/// Whose credential a request carries.
#[derive(Clone, Copy)]
pub(super) struct Holder<'a> {
    shared: &'a Shared,
    who: Option<(&'a Identity, &'a Session)>,
}

impl<'a> Holder<'a> {
    pub(super) fn new(shared: &'a Shared, who: Option<(IdentityId, &'a Session)>) -> Self {
        Self { shared, who: who.map(|(id, session)| (&shared.plan.identities[id.0 as usize], session)) }
    }

    /// Finds the credential in a request.
    pub(super) fn presented<'r>(&self, request: &'r Request) -> Presented<'r> {
        let Some((identity, session)) = self.who else { return Presented::new(request, &[], &[], &[]) };
        let mut known = session.credential.parts.clone();
        let secret = |name: &str| !crate::auth::is_name(name);
        known.extend(session.fields.iter().filter(|(n, _)| secret(n)).map(|(n, v)| (Arc::clone(n), v.as_str().into())));
        let name = |cookie: &Cookie| String::from_utf8_lossy(cookie.name.as_bytes()).into_owned();
        let cookies = session.jar.iter(Timestamp::now());
        let mut cookies: Vec<(bool, String)> = cookies.map(|cookie| (cookie.http_only, name(cookie))).collect();
        // Scripts need no session id, and have to read the token that their own page is known by.
        cookies.sort_by_key(|(http_only, name)| (is_csrf(name), !http_only));
        let cookies: Vec<String> = cookies.into_iter().map(|(_, name)| name).collect();
        let scheme = &identity.login.scheme;
        let written = scheme.travels().into_iter().filter_map(|part| match part {
            Part::Cookie(name) => Some(name.to_string()),
            Part::Field(_) | Part::Parameter(_) => None,
        });
        let written: Vec<String> = written.collect();
        Presented::new(request, &known, &scheme.fields(), &cookies).with_written(&written)
    }

    /// What of a credential nobody may read: all of a token, and no more of a signed request than its hashes, since the
    /// words around these stand in other places too.
    pub(super) fn secrets<'p>(&self, presented: &'p Presented<'_>) -> Vec<&'p str> {
        const HASH: usize = 32;
        let Ok(token) = presented.token() else { return Vec::new() };
        if !self.who.is_some_and(|(identity, _)| identity.login.scheme.is_per_request()) {
            return vec![token];
        }
        token.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() >= HASH).collect()
    }

    /// Makes a defect in a request.
    pub(super) async fn forge(
        &self,
        row: &Mutation,
        world: &WorldRun,
        presented: &Presented<'_>,
        allowed: Option<String>,
        again: Option<Again<'_>>,
    ) -> Result<Forged, Unfit> {
        let mut forged = self.with_kit(row.needs, world, presented, (allowed, again), row.apply).await?;
        // Refused for its proof, it would show nothing of the defect.
        if let Some((before, after)) = self.prove_again(presented, &mut forged.request) {
            forged.head = forged.head.map(|head| replaced(&head, &before, &after));
        }
        Ok(forged)
    }

    /// Proves a request by the key of this session as it is now, where one made of it was proven.
    pub(super) fn prove_again(&self, presented: &Presented<'_>, request: &mut Request) -> Option<(String, String)> {
        let (identity, session) = self.who?;
        identity.login.scheme.prove_again(&session.seal(), presented.token().ok()?, request)
    }

    /// Makes the proof of a request anew that is sent again, and of its head where that leaves byte for byte.
    pub(super) fn renew_proof(&self, request: &mut Request, head: &mut Option<Bytes>) {
        let Some((identity, session)) = self.who else { return };
        if let Some((before, after)) = identity.login.scheme.renew_proof(&session.seal(), request) {
            *head = head.take().map(|head| replaced(&head, &before, &after));
        }
    }

    /// Makes the proof of a request anew that goes elsewhere: each is good once, for one address.
    pub(super) fn renew_proof_here(&self, request: &mut Request) {
        if let Some((identity, session)) = self.who {
            identity.login.scheme.renew_proof_here(&session.seal(), request);
        }
    }

    /// Signs the token of a request anew, with nothing wrong.
    pub(super) async fn sign_anew(&self, world: &WorldRun, presented: &Presented<'_>) -> Result<String, Unfit> {
        self.with_kit(Needs::Nothing, world, presented, (None, None), signed_anew).await
    }

    /// Fills a kit, and makes something with it.
    async fn with_kit<T>(
        &self,
        needs: Needs,
        world: &WorldRun,
        presented: &Presented<'_>,
        (allowed, again): (Option<String>, Option<Again<'_>>),
        make: fn(&Presented<'_>, &Kit<'_>) -> Result<T, Unfit>,
    ) -> Result<T, Unfit> {
        let published = match needs {
            Needs::Nothing | Needs::Name | Needs::Question => Err(Unfit::not_here("nobody asked for a public key")),
            Needs::PublicKey => {
                let of_targets = world.targets.iter().filter_map(|base| Some(Address::parse(base).ok()?.origin()));
                let of_login = self.who.into_iter().flat_map(|(_, session)| session.origins.iter().cloned());
                let trusted: Vec<_> = world.origins.iter().cloned().chain(of_targets).chain(of_login).collect();
                let of = self.who.map_or_else(|| Arc::from(""), |(identity, _)| Arc::clone(&identity.name));
                published(self.shared, world, presented, (&of, self.declared_keys()?), &trusted).await
            }
        };
        let sender = self.who;
        let part = |name: &str| {
            let mut parts = sender?.1.credential.parts.iter();
            parts.find(|(n, _)| &**n == name).and_then(|(_, v)| v.as_str()).map(ToOwned::to_owned)
        };
        let named = |word: &str| {
            let mut names = sender?.1.credential.parts.iter().map(|(name, _)| name);
            names.find(|name| name.to_ascii_lowercase().contains(word)).map(ToString::to_string)
        };
        let signer = || {
            let own =
                sender.and_then(|(identity, session)| Some((identity.login.signing_key.as_ref()?, identity, session)));
            let (own, identity, session) = own.ok_or_else(|| Unfit::Unavailable {
                why: "no key is known that the server trusts".to_owned(),
                add: vec!["add `signing_key: { file: dev.pem }` to the scheme".to_owned()],
            })?;
            self.signer(own, identity, session, presented)
        };
        // Whoever holds the key that signs holds its public half.
        let half = || {
            let (key, _) = signer().ok()?;
            let jwk = key.public_jwk().ok()?;
            Some(Published { jwk, key })
        };
        let public = || published.clone().or_else(|lacking| half().ok_or(lacking));
        let (now, nonce) = (Timestamp::now(), uuid::Uuid::new_v4().simple().to_string());
        let sign = |request: &Request, bend: Bend| self.signed(request, bend, (now, &nonce), again);
        let resign = sender.zip(again).map(|((identity, _), again)| Resign {
            kind: identity.login.kind.name,
            plain: unsigned(presented.request, &identity.login.scheme.fields(), again.prepared),
            sign: &sign,
        });
        let kit =
            Kit { now, part: &part, named: &named, allowed, resign: resign.as_ref(), signer: &signer, public: &public };
        make(presented, &kit)
    }

    /// Where the scheme says that the keys are which verify its tokens.
    fn declared_keys(&self) -> Result<Option<String>, Unfit> {
        let Some((identity, session)) = self.who else { return Ok(None) };
        let place = identity.login.jwks.as_ref().map(|place| place.render(&session.scope)).transpose();
        place.map_err(|error| Unfit::Unavailable {
            why: format!("`jwks_url` of `{}` cannot be used: {}", identity.name, error.message),
            add: Vec::new(),
        })
    }

    /// Signs a request with one thing other than it should be.
    fn signed(
        &self,
        request: &Request,
        bend: Bend,
        (now, nonce): (Timestamp, &str),
        again: Option<Again<'_>>,
    ) -> Result<Request, Unfit> {
        let (identity, session) = self.who.ok_or_else(|| Unfit::not_here("nobody signs the request"))?;
        let seal = Seal { now, ..session.seal() };
        let mut request = request.clone();
        match again.and_then(|again| again.question) {
            Some(question) => identity.login.scheme.answer(&seal, question, bend, nonce, &mut request)?,
            None => identity.login.scheme.bend(&seal, bend, nonce, &mut request)?,
        }
        again.iter().flat_map(|again| &again.prepared.removed).for_each(|name| request.headers.remove(name));
        Ok(request)
    }

    /// Reads the key that the server signs with, and the algorithm that the token itself is signed with.
    fn signer(
        &self,
        own: &SigningKey,
        identity: &Identity,
        session: &Session,
        presented: &Presented<'_>,
    ) -> Result<(Key, Algorithm), Unfit> {
        let unusable = |why: &str| Unfit::Unavailable {
            why: format!("the signing key of `{}` cannot be used: {why}", identity.name),
            add: Vec::new(),
        };
        let text = match own {
            SigningKey::File(text) => text.expose().to_owned(),
            SigningKey::Text(template) => template.render(&session.scope).map_err(|e| unusable(&e.message))?,
        };
        self.shared.secrets.declare(&format!("{}.signing_key", identity.name), &text);
        let (_, token) = presented.jwt()?;
        key_of(&text, &token).map_err(|why| unusable(&why))
    }
}

/// A head with another text in the place of one.
fn replaced(head: &[u8], before: &str, after: &str) -> Bytes {
    match head.windows(before.len()).position(|text| text == before.as_bytes()) {
        Some(at) => [&head[..at], after.as_bytes(), &head[at + before.len()..]].concat().into(),
        None => head.to_vec().into(),
    }
}

/// A request without what its scheme wrote; what the step wrote itself stays.
pub(super) fn unsigned(request: &Request, fields: &[String], prepared: &Prepared) -> Request {
    let mut plain = request.clone();
    let own = |name: &String| prepared.request.headers.has(name);
    fields.iter().filter(|name| !own(name)).for_each(|name| plain.headers.remove(name));
    plain
}

/// The key in a text, if it is the one that signed a token: signed with another one, every token would be refused for
/// that, and prove nothing.
fn key_of(text: &str, token: &Token) -> Result<(Key, Algorithm), String> {
    let algorithm = token.algorithm().map_err(|fault| fault.to_string())?;
    let key = Key::of_signer(text, algorithm).map_err(|fault| fault.to_string())?;
    Jwks::of(key.clone()).verify(token).map_err(|_| "the token of the login was not signed with it".to_owned())?;
    Ok((key, algorithm))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(algorithm: Algorithm, key: &Key) -> Token {
        Token::parse(&crate::jose::sign(algorithm, serde_json::Map::new(), b"{}", key).unwrap()).unwrap()
    }

    #[test]
    fn only_the_key_that_signed_the_token_signs_others() {
        let secret = "a secret of forty characters, or so many";
        let good = token(Algorithm::Hs256, &Key::secret(secret.as_bytes()).unwrap());
        assert!(key_of(&format!("{secret}\n"), &good).is_ok());
        assert!(key_of("another secret of forty characters, so..", &good).unwrap_err().contains("not signed with it"));
        let pair = token(Algorithm::Es256, &Key::generate(Algorithm::Es256).unwrap());
        assert!(key_of(secret, &pair).is_err());
    }
}
