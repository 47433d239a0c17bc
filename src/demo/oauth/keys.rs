//! The keys of the issuer: RS256 and ES256, made when they are first needed, and the key set that publishes them.

use axum::body::Bytes;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde::Serialize;
use serde_json::json;

use super::error::OAuthError;
use crate::demo::error::ApiError;
use crate::demo::token::Rsa;

/// One key pair of the issuer.
pub(crate) struct SigningKey {
    pub(crate) alg: Algorithm,
    pub(crate) kid: String,
    pub(crate) decoding: DecodingKey,
    encoding: EncodingKey,
    jwk: Jwk,
}

/// All keys of the issuer.
pub(crate) struct Keys {
    all: [SigningKey; 2],
    /// The key set as it is published (RFC 7517 §5).
    pub(crate) jwks: Bytes,
}

impl SigningKey {
    fn of(alg: Algorithm, encoding: EncodingKey) -> Option<Self> {
        let mut jwk = Jwk::from_encoding_key(&encoding, alg).ok()?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).ok()?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let decoding = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self { alg, kid, decoding, encoding, jwk })
    }

    /// Signs claims as a JWT of that type.
    pub(crate) fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, OAuthError> {
        let mut header = Header::new(self.alg);
        header.typ = Some(typ.to_owned());
        header.kid = Some(self.kid.clone());
        encode(&header, claims, &self.encoding).map_err(|_| ApiError::internal().into())
    }
}

impl Keys {
    /// Makes both key pairs; the RSA one takes about 130 ms unless it was given.
    pub(crate) fn generate(given: Option<Rsa>) -> Option<Self> {
        let rsa = given.or_else(Rsa::generate)?;
        let ec = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).ok()?;
        let all = [
            SigningKey::of(Algorithm::RS256, rsa.0)?,
            SigningKey::of(Algorithm::ES256, EncodingKey::from_ec_pem(ec.serialize_pem().as_bytes()).ok()?)?,
        ];
        let jwks = json!({ "keys": all.each_ref().map(|k| k.jwk.clone()) });
        let jwks = serde_json::to_vec(&jwks).ok()?.into();
        Some(Self { all, jwks })
    }

    /// The key that signs with that algorithm.
    pub(crate) fn for_alg(&self, alg: Algorithm) -> Result<&SigningKey, OAuthError> {
        self.all.iter().find(|k| k.alg == alg).ok_or_else(|| ApiError::internal().into())
    }

    /// The key of that id.
    pub(crate) fn by_kid(&self, kid: &str) -> Option<&SigningKey> {
        self.all.iter().find(|k| k.kid == kid)
    }
}
