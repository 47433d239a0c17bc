//! New key pairs, and the public half of a pair as a JWK (RFC 7517; RFC 7518, section 6; RFC 8037, section 2).

use std::sync::Arc;

use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::jwk::{CURVES, Key, Material, Private};
use super::{Algorithm, Family, JoseFault, encode};

impl Key {
    /// Makes a new key pair for an algorithm; the system's source of randomness has to work.
    pub fn generate(algorithm: Algorithm) -> Result<Self, JoseFault> {
        let failed = |_| JoseFault::new("no key could be made");
        match algorithm.family() {
            Family::Secret => {
                Err(JoseFault::new(format!("`{}` signs with a secret, not a key pair", algorithm.name())))
            }
            Family::Rsa => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
                let public = pair.public_key();
                let n = public.modulus().big_endian_without_leading_zero().to_vec();
                let e = public.exponent().big_endian_without_leading_zero().to_vec();
                Ok(Self::of(Material::Rsa { n, e }, Some(Private::Rsa(Arc::new(pair)))))
            }
            Family::Ec => {
                let curve = CURVES.iter().find(|(name, ..)| Some(*name) == algorithm.curve());
                let (curve, _, signing) = curve.ok_or_else(|| JoseFault::new("the curve is not known"))?;
                let pair = EcdsaKeyPair::generate(signing).map_err(failed)?;
                let point = pair.public_key().as_ref().to_vec();
                Ok(Self::of(Material::Ec { curve, point }, Some(Private::Ec(Arc::new(pair)))))
            }
            Family::Okp => {
                let pair = Ed25519KeyPair::generate().map_err(failed)?;
                let x = pair.public_key().as_ref().to_vec();
                Ok(Self::of(Material::Okp { x }, Some(Private::Okp(Arc::new(pair)))))
            }
        }
    }

    /// Gives the public half as a JWK, with what makes the key and nothing else; a secret has none.
    pub fn public_jwk(&self) -> Result<Value, JoseFault> {
        match &self.material {
            Material::Secret(_) => Err(JoseFault::new("a secret has no public half")),
            Material::Rsa { n, e } => Ok(json!({ "kty": "RSA", "n": encode(n), "e": encode(e) })),
            Material::Ec { curve, point } => {
                // An uncompressed point: a byte that says so, and both coordinates in their whole width.
                let (x, y) = point[1..].split_at(point.len() / 2);
                Ok(json!({ "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) }))
            }
            Material::Okp { x } => Ok(json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(x) })),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::jose::{ALGORITHMS, Jwks, Token, sign};

    #[test]
    fn a_new_pair_signs_and_its_public_half_verifies() {
        for (name, algorithm) in ALGORITHMS.iter().filter(|(_, a)| a.family() != Family::Secret) {
            let key = Key::generate(*algorithm).unwrap();
            let jwk = key.public_jwk().unwrap();
            assert!(jwk.get("d").is_none(), "{name}");
            let token = Token::parse(&sign(*algorithm, Map::new(), b"{}", &key).unwrap()).unwrap();
            Jwks::from_json(&jwk).unwrap().verify(&token).unwrap();
        }
        assert!(Key::generate(Algorithm::Hs256).is_err());
        assert!(Key::secret(b"x").unwrap().public_jwk().is_err());
    }

    #[test]
    fn two_pairs_differ() {
        let new = || Key::generate(Algorithm::Es256).unwrap().public_jwk().unwrap();
        assert_ne!(new(), new());
    }
}
