//! Signing and verifying bytes with one key.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, RsaEncoding, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};
use aws_lc_rs::{hmac, signature::VerificationAlgorithm};
use serde_json::{Map, Value};

use super::jwk::{Key, Material, Private};
use super::{Algorithm, JoseFault, encode};

/// Makes a token in compact form of a header and a payload. The header's `alg` is set to the
/// algorithm, its `kid` to the key's when it has none.
pub fn sign(
    algorithm: Algorithm,
    mut header: Map<String, Value>,
    payload: &[u8],
    key: &Key,
) -> Result<String, JoseFault> {
    header.insert("alg".to_owned(), algorithm.name().into());
    if let (Some(id), false) = (&key.id, header.contains_key("kid")) {
        header.insert("kid".to_owned(), id.as_str().into());
    }
    let signed = format!("{}.{}", encode(Value::Object(header).to_string()), encode(payload));
    let signature = sign_bytes(algorithm, signed.as_bytes(), key)?;
    Ok(format!("{signed}.{}", encode(signature)))
}

/// Signs any bytes.
pub fn sign_bytes(algorithm: Algorithm, bytes: &[u8], key: &Key) -> Result<Vec<u8>, JoseFault> {
    key.fits(algorithm)?;
    let failed = |_| JoseFault::new("the key cannot sign with this algorithm");
    match &key.private {
        None => Err(JoseFault::new("a public key cannot sign; the private one is needed")),
        Some(Private::Secret(secret)) => {
            let key = hmac::Key::new(hmac_of(algorithm)?, secret);
            Ok(hmac::sign(&key, bytes).as_ref().to_vec())
        }
        Some(Private::Rsa(pair)) => {
            let mut out = vec![0; pair.public_modulus_len()];
            pair.sign(padding(algorithm)?, &SystemRandom::new(), bytes, &mut out).map_err(failed)?;
            Ok(out)
        }
        Some(Private::Ec(pair)) => Ok(pair.sign(&SystemRandom::new(), bytes).map_err(failed)?.as_ref().to_vec()),
        Some(Private::Okp(pair)) => Ok(pair.sign(bytes).as_ref().to_vec()),
    }
}

/// Verifies a signature with one key, whose kind the algorithm has to fit.
pub(super) fn verify_bytes(algorithm: Algorithm, bytes: &[u8], signature: &[u8], key: &Key) -> Result<(), JoseFault> {
    key.fits(algorithm)?;
    let wrong = |_| JoseFault::new("its signature does not fit the key");
    match &key.material {
        Material::Secret(secret) => {
            let key = hmac::Key::new(hmac_of(algorithm)?, secret);
            hmac::verify(&key, bytes, signature).map_err(wrong)
        }
        Material::Rsa { n, e } => {
            RsaPublicKeyComponents { n, e }.verify(rsa_of(algorithm)?, bytes, signature).map_err(wrong)
        }
        Material::Ec { point, .. } => {
            UnparsedPublicKey::new(ec_of(algorithm)?, point).verify(bytes, signature).map_err(wrong)
        }
        Material::Okp { x } => UnparsedPublicKey::new(&signature::ED25519, x).verify(bytes, signature).map_err(wrong),
    }
}

fn misfit(algorithm: Algorithm) -> JoseFault {
    JoseFault::new(format!("`{}` does not go with this key", algorithm.name()))
}

fn hmac_of(algorithm: Algorithm) -> Result<hmac::Algorithm, JoseFault> {
    match algorithm {
        Algorithm::Hs256 => Ok(hmac::HMAC_SHA256),
        Algorithm::Hs384 => Ok(hmac::HMAC_SHA384),
        Algorithm::Hs512 => Ok(hmac::HMAC_SHA512),
        _ => Err(misfit(algorithm)),
    }
}

fn padding(algorithm: Algorithm) -> Result<&'static dyn RsaEncoding, JoseFault> {
    Ok(match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
        _ => return Err(misfit(algorithm)),
    })
}

fn rsa_of(algorithm: Algorithm) -> Result<&'static RsaParameters, JoseFault> {
    match algorithm {
        Algorithm::Rs256 => Ok(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Ok(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Ok(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Ok(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Ok(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Ok(&signature::RSA_PSS_2048_8192_SHA512),
        _ => Err(misfit(algorithm)),
    }
}

fn ec_of(algorithm: Algorithm) -> Result<&'static dyn VerificationAlgorithm, JoseFault> {
    Ok(match algorithm {
        Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
        _ => return Err(misfit(algorithm)),
    })
}
