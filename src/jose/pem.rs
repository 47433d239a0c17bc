//! Keys in PEM (RFC 7468): public ones as SPKI, PKCS #1 or in a certificate, private ones as PKCS #8,
//! PKCS #1 or SEC 1.

use std::sync::Arc;

use aws_lc_rs::signature::{EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::JoseFault;
use super::jwk::{CURVES, Key, Material, Private, check_rsa};

/// Reads the first key of a PEM text.
pub(super) fn read(text: &str) -> Result<Key, JoseFault> {
    let (label, der) = block(text)?;
    match label {
        "PUBLIC KEY" => spki(&der).unwrap_or_else(|| Err(unsound())),
        "RSA PUBLIC KEY" => rsa_public(&der).unwrap_or_else(|| Err(unsound())),
        "CERTIFICATE" => certificate(&der).unwrap_or_else(|| Err(unsound())),
        "PRIVATE KEY" => pkcs8(&der),
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der).map_err(|_| unfit_rsa(&der)).and_then(rsa),
        "EC PRIVATE KEY" => ec(|signing| EcdsaKeyPair::from_private_key_der(signing, &der).ok()),
        "ENCRYPTED PRIVATE KEY" => Err(encrypted()),
        other => Err(JoseFault::new(format!("PEM of the kind `{other}` is not known"))),
    }
}

fn unsound() -> JoseFault {
    JoseFault::new("the PEM holds no key that can be used")
}

fn encrypted() -> JoseFault {
    JoseFault::new("the private key is encrypted; it is needed in the clear")
}

/// Why an `RSAPrivateKey` (RFC 8017, appendix A.1.2) was not taken.
fn unfit_rsa(der: &[u8]) -> JoseFault {
    let modulus = || {
        let (numbers, _) = expect(SEQUENCE, der)?;
        let (_, rest) = expect(INTEGER, numbers)?;
        let (n, rest) = expect(INTEGER, rest)?;
        Some((n, expect(INTEGER, rest)?.0))
    };
    modulus().and_then(|(n, e)| check_rsa(plain(n), plain(e)).err()).unwrap_or_else(unsound)
}

/// The `RSAPrivateKey` in PKCS #8 (RFC 5958, section 2).
fn rsa_in_pkcs8(der: &[u8]) -> Option<&[u8]> {
    let (info, _) = expect(SEQUENCE, der)?;
    let (_, rest) = expect(INTEGER, info)?;
    let (algorithm, rest) = expect(SEQUENCE, rest)?;
    let (oid, _) = expect(OID, algorithm)?;
    let (key, _) = expect(OCTETS, rest)?;
    (oid == RSA).then_some(key)
}

fn block(text: &str) -> Result<(&str, Vec<u8>), JoseFault> {
    let no_pem = || JoseFault::new("the key is neither a JWK nor PEM");
    let (_, rest) = text.split_once("-----BEGIN ").ok_or_else(no_pem)?;
    let (label, rest) = rest.split_once("-----").ok_or_else(no_pem)?;
    let (body, _) = rest.split_once("-----END ").ok_or_else(|| JoseFault::new("the PEM has no end"))?;
    if body.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(encrypted());
    }
    if body.contains("\\n") {
        return Err(JoseFault::new("the line breaks of the PEM are spelt `\\n`, and have to be line breaks"));
    }
    let body: String = body.split_whitespace().collect();
    Ok((label, STANDARD.decode(body).map_err(|_| JoseFault::new("the PEM is not Base64"))?))
}

fn rsa(pair: RsaKeyPair) -> Result<Key, JoseFault> {
    let public = rsa_public(pair.public_key().as_ref()).unwrap_or_else(|| Err(unsound()))?;
    Ok(Key { private: Some(Private::Rsa(Arc::new(pair))), ..public })
}

/// Tries the curves one after another: each reader takes its own only.
fn ec(read: impl Fn(&'static EcdsaSigningAlgorithm) -> Option<EcdsaKeyPair>) -> Result<Key, JoseFault> {
    let mut found = CURVES.iter().filter_map(|(curve, _, signing)| Some((*curve, read(signing)?)));
    let (curve, pair) = found.next().ok_or_else(unsound)?;
    let point = pair.public_key().as_ref().to_vec();
    Ok(Key::of(Material::Ec { curve, point }, Some(Private::Ec(Arc::new(pair)))))
}

fn pkcs8(der: &[u8]) -> Result<Key, JoseFault> {
    if let Ok(pair) = RsaKeyPair::from_pkcs8(der) {
        return rsa(pair);
    }
    if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
        let x = pair.public_key().as_ref().to_vec();
        return Ok(Key::of(Material::Okp { x }, Some(Private::Okp(Arc::new(pair)))));
    }
    if let Some(key) = rsa_in_pkcs8(der) {
        return Err(unfit_rsa(key));
    }
    ec(|signing| EcdsaKeyPair::from_pkcs8(signing, der).ok())
}

type Read = Option<Result<Key, JoseFault>>;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BITS: u8 = 0x03;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;

/// `rsaEncryption` (RFC 8017, appendix A.1).
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// Takes one value of DER (X.690, section 8.1): its tag, its content, and what follows.
fn take(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (length.iter().fold(0, |sum, byte| sum * 256 + usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// Takes one value that must have a tag.
fn expect(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = take(der)?;
    (found == tag).then_some((content, rest))
}

/// A number without the leading zero that keeps it positive and is no part of it.
fn plain(number: &[u8]) -> &[u8] {
    number.strip_prefix(&[0]).unwrap_or(number)
}

/// `RSAPublicKey` (RFC 8017, appendix A.1.1).
fn rsa_public(der: &[u8]) -> Read {
    let (numbers, _) = expect(SEQUENCE, der)?;
    let (n, rest) = expect(INTEGER, numbers)?;
    let (e, _) = expect(INTEGER, rest)?;
    let (n, e) = (plain(n).to_vec(), plain(e).to_vec());
    Some(check_rsa(&n, &e).map(|()| Key::of(Material::Rsa { n, e }, None)))
}

/// `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7).
fn spki(der: &[u8]) -> Read {
    let (info, _) = expect(SEQUENCE, der)?;
    let (algorithm, rest) = expect(SEQUENCE, info)?;
    let (bits, _) = expect(BITS, rest)?;
    // The first byte counts unused bits, of which a key has none.
    let key = bits.strip_prefix(&[0])?;
    let (oid, parameters) = expect(OID, algorithm)?;
    match oid {
        RSA => rsa_public(key),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] => {
            let (curve, _) = expect(OID, parameters)?;
            let curve = match curve {
                [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07] => "P-256",
                [0x2b, 0x81, 0x04, 0x00, 0x22] => "P-384",
                [0x2b, 0x81, 0x04, 0x00, 0x23] => "P-521",
                _ => return Some(Err(JoseFault::new("the curve of the key is not known"))),
            };
            Some(Ok(Key::of(Material::Ec { curve, point: key.to_vec() }, None)))
        }
        [0x2b, 0x65, 0x70] => Some(Ok(Key::of(Material::Okp { x: key.to_vec() }, None))),
        _ => Some(Err(JoseFault::new("the kind of the key is not known"))),
    }
}

/// The key in a certificate (RFC 5280, section 4.1); nothing else of it is looked at.
fn certificate(der: &[u8]) -> Read {
    let (whole, _) = expect(SEQUENCE, der)?;
    let (mut fields, _) = expect(SEQUENCE, whole)?;
    if fields.first() == Some(&0xa0) {
        fields = take(fields)?.2;
    }
    // Serial number, algorithm, issuer, validity, subject.
    for _ in 0..5 {
        fields = take(fields)?.2;
    }
    spki(fields)
}
