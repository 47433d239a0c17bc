//! One key: read from a JWK (RFC 7517), from PEM, or a secret as it is.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rsa::KeyPairComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{Algorithm, Family, JoseFault, decode};

/// The curves with the bytes of a coordinate and how to sign on them.
pub(super) const CURVES: &[(&str, usize, &EcdsaSigningAlgorithm)] = &[
    ("P-256", 32, &ECDSA_P256_SHA256_FIXED_SIGNING),
    ("P-384", 48, &ECDSA_P384_SHA384_FIXED_SIGNING),
    ("P-521", 66, &ECDSA_P521_SHA512_FIXED_SIGNING),
];

/// A key with what it says of itself.
#[derive(Clone)]
pub struct Key {
    /// Its id, `kid`.
    pub id: Option<String>,
    /// The algorithm it is for, when it says so.
    pub(super) algorithm: Option<String>,
    /// What it may be used for.
    pub(super) usage: Use,
    /// Whether a secret has to be as long as the RFC demands.
    pub(super) strict: bool,
    pub(super) material: Material,
    pub(super) private: Option<Private>,
}

/// What a key says it may be used for (RFC 7517, sections 4.2 and 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Signatures, or it does not say.
    Signatures,
    /// Something else.
    Other,
}

#[derive(Clone)]
pub(super) enum Material {
    Secret(Zeroizing<Vec<u8>>),
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { curve: &'static str, point: Vec<u8> },
    Okp { x: Vec<u8> },
}

#[derive(Clone)]
pub(super) enum Private {
    Secret(Zeroizing<Vec<u8>>),
    Rsa(Arc<RsaKeyPair>),
    Ec(Arc<EcdsaKeyPair>),
    Okp(Arc<Ed25519KeyPair>),
}

impl fmt::Debug for Key {
    /// Shows no part of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.family().describe(), self.id)
    }
}

impl Key {
    pub(super) fn of(material: Material, private: Option<Private>) -> Self {
        Self { id: None, algorithm: None, usage: Use::Signatures, strict: false, material, private }
    }

    /// Makes a key of a secret that both sides hold, however short it is.
    pub fn secret(bytes: &[u8]) -> Result<Self, JoseFault> {
        if bytes.is_empty() {
            return Err(JoseFault::new("the secret is empty"));
        }
        let secret = Zeroizing::new(bytes.to_vec());
        Ok(Self::of(Material::Secret(secret.clone()), Some(Private::Secret(secret))))
    }

    /// Reads a key from text: a JWK, or PEM.
    pub fn from_text(text: &str) -> Result<Self, JoseFault> {
        let text = text.trim();
        if text.is_empty() {
            return Err(JoseFault::new("the key is empty"));
        }
        if text.starts_with('{') {
            let jwk =
                serde_json::from_str(text).map_err(|_| JoseFault::new("the key begins like a JWK and is no JSON"))?;
            return Self::from_jwk(&jwk);
        }
        super::pem::read(text)
    }

    /// Reads the key of whoever signs with an algorithm: a JWK, PEM, or the bare secret of HMAC.
    pub fn of_signer(text: &str, algorithm: Algorithm) -> Result<Self, JoseFault> {
        match algorithm.family() {
            Family::Secret if !Self::is_written(text) => Self::secret(text.trim().as_bytes()),
            _ => Self::from_text(text),
        }
    }

    /// Tells whether a text is a key in a form of its own, a JWK or PEM, and no bare secret.
    pub fn is_written(text: &str) -> bool {
        text.trim_start().starts_with('{') || text.contains("-----BEGIN ")
    }

    /// Reads a JWK; with its private part it can sign.
    pub fn from_jwk(jwk: &Value) -> Result<Self, JoseFault> {
        let Some(members) = jwk.as_object() else { return Err(JoseFault::new("a JWK is a JSON object")) };
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let part = |name: &str| -> Result<Vec<u8>, JoseFault> {
            let text = text(name).ok_or_else(|| JoseFault::new(format!("the key has no `{name}`")))?;
            decode(text).map_err(|fault| JoseFault::new(format!("the key's `{name}` is not Base64url: {fault}")))
        };
        let is_private = members.contains_key("d");
        let kind = text("kty").ok_or_else(|| JoseFault::new("the key has no `kty`"))?;
        let (material, private) = match kind {
            "oct" => {
                let secret = Self::secret(&part("k")?)?;
                (secret.material, secret.private)
            }
            "RSA" => {
                let (n, e) = (part("n")?, part("e")?);
                check_rsa(&n, &e)?;
                let private = if is_private { Some(rsa_pair(&n, &e, &part)?) } else { None };
                (Material::Rsa { n, e }, private)
            }
            "EC" => {
                let (curve, width, signing) = curve_of(text("crv"))?;
                let point = point(width, &part("x")?, &part("y")?)?;
                let private = if is_private { Some(ec_pair(signing, &part("d")?, &point)?) } else { None };
                (Material::Ec { curve, point }, private)
            }
            "OKP" if text("crv") == Some("Ed25519") => {
                let x = part("x")?;
                if x.len() != 32 {
                    return Err(JoseFault::new("the key's `x` does not have 32 bytes"));
                }
                let private = if is_private { Some(okp_pair(&part("d")?, &x)?) } else { None };
                (Material::Okp { x }, private)
            }
            "OKP" => return Err(JoseFault::new("of the `OKP` keys only Ed25519 is known")),
            other => return Err(JoseFault::new(format!("the key type `{other}` is not known"))),
        };
        let id = text("kid").map(ToOwned::to_owned);
        let algorithm = text("alg").map(ToOwned::to_owned);
        Ok(Self { id, algorithm, usage: usage(members), strict: true, material, private })
    }

    /// Gives the kind of key.
    pub const fn family(&self) -> Family {
        match self.material {
            Material::Secret(_) => Family::Secret,
            Material::Rsa { .. } => Family::Rsa,
            Material::Ec { .. } => Family::Ec,
            Material::Okp { .. } => Family::Okp,
        }
    }

    /// Tells whether it can sign.
    pub const fn can_sign(&self) -> bool {
        self.private.is_some()
    }

    /// Gives the algorithm that it signs with when nothing is said: its own `alg`, or the usual one of its kind.
    pub fn usual_algorithm(&self) -> Algorithm {
        let own = self.algorithm.as_deref().and_then(Algorithm::named);
        own.unwrap_or(match &self.material {
            Material::Secret(_) => Algorithm::Hs256,
            Material::Rsa { .. } => Algorithm::Rs256,
            Material::Ec { curve: "P-384", .. } => Algorithm::Es384,
            Material::Ec { curve: "P-521", .. } => Algorithm::Es512,
            Material::Ec { .. } => Algorithm::Es256,
            Material::Okp { .. } => Algorithm::EdDsa,
        })
    }

    /// Refuses an algorithm that is not the key's: by its kind, its curve, what it says it is for, and
    /// for secrets of a JWK by its length.
    pub(super) fn fits(&self, algorithm: Algorithm) -> Result<(), JoseFault> {
        let name = algorithm.name();
        if self.family() != algorithm.family() {
            let kind = self.family().describe();
            return Err(JoseFault::new(format!("it says `{name}`, and the key is {kind}")));
        }
        if let Material::Ec { curve, .. } = &self.material
            && algorithm.curve() != Some(curve)
        {
            return Err(JoseFault::new(format!("it says `{name}`, and the key is on the curve {curve}")));
        }
        if let Some(own) = &self.algorithm
            && own != name
        {
            return Err(JoseFault::new(format!("it says `{name}`, and the key is for `{own}`")));
        }
        if self.usage == Use::Other {
            return Err(JoseFault::new("the key is not for signatures"));
        }
        match &self.material {
            Material::Secret(secret) if self.strict && secret.len() < algorithm.least_secret() => {
                let least = algorithm.least_secret();
                Err(JoseFault::new(format!("the key is too short for `{name}`, which needs {least} bytes")))
            }
            Material::Secret(_) | Material::Rsa { .. } | Material::Ec { .. } | Material::Okp { .. } => Ok(()),
        }
    }
}

fn usage(members: &serde_json::Map<String, Value>) -> Use {
    let signs = members.get("use").is_none_or(|u| u == "sig");
    let may = members
        .get("key_ops")
        .and_then(Value::as_array)
        .is_none_or(|ops| ops.iter().any(|op| op == "verify" || op == "sign"));
    if signs && may { Use::Signatures } else { Use::Other }
}

fn curve_of(name: Option<&str>) -> Result<(&'static str, usize, &'static EcdsaSigningAlgorithm), JoseFault> {
    let name = name.ok_or_else(|| JoseFault::new("the key has no `crv`"))?;
    let found = CURVES.iter().find(|(n, ..)| *n == name).copied();
    found.ok_or_else(|| JoseFault::new(format!("the curve `{name}` is not known")))
}

/// An uncompressed point (SEC 1, section 2.3.3); each coordinate has its whole width (RFC 7518, section 6.2.1.2).
fn point(width: usize, x: &[u8], y: &[u8]) -> Result<Vec<u8>, JoseFault> {
    if x.len() != width || y.len() != width {
        return Err(JoseFault::new(format!("a coordinate of the key does not have the {width} bytes of its curve")));
    }
    Ok([&[4], x, y].concat())
}

/// Refuses what no sound signature can come from: a tiny exponent, an even modulus, the ROCA weakness.
pub(super) fn check_rsa(n: &[u8], e: &[u8]) -> Result<(), JoseFault> {
    if e.is_empty() || e.iter().all(|b| *b == 0) || e == [1] || e.last().is_some_and(|b| b % 2 == 0) {
        return Err(JoseFault::new("the exponent of the RSA key is no sound one"));
    }
    if n.len() < 256 {
        return Err(JoseFault::new("the RSA key is shorter than 2048 bits"));
    }
    if is_roca(n) {
        return Err(JoseFault::new("the RSA key bears the mark of a broken generator (ROCA, CVE-2017-15361)"));
    }
    Ok(())
}

/// Whether a modulus has the fingerprint of CVE-2017-15361: modulo each small prime it is a power of 65537.
fn is_roca(n: &[u8]) -> bool {
    const PRIMES: [u32; 17] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
    PRIMES.iter().all(|p| {
        let rest = n.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % p);
        let mut power = 1;
        (0..*p).any(|_| {
            power = power * (65537 % p) % p;
            power == rest
        })
    })
}

type Part<'a> = dyn Fn(&str) -> Result<Vec<u8>, JoseFault> + 'a;

fn rsa_pair(n: &[u8], e: &[u8], part: &Part<'_>) -> Result<Private, JoseFault> {
    let components = KeyPairComponents {
        public_key: RsaPublicKeyComponents { n: n.to_vec(), e: e.to_vec() },
        d: part("d")?,
        p: part("p")?,
        q: part("q")?,
        dP: part("dp")?,
        dQ: part("dq")?,
        qInv: part("qi")?,
    };
    let pair = RsaKeyPair::from_components(&components);
    pair.map(|pair| Private::Rsa(Arc::new(pair))).map_err(|_| JoseFault::new("the private RSA key is not sound"))
}

fn ec_pair(signing: &'static EcdsaSigningAlgorithm, d: &[u8], point: &[u8]) -> Result<Private, JoseFault> {
    let pair = EcdsaKeyPair::from_private_key_and_public_key(signing, d, point);
    let pair = pair.map_err(|_| JoseFault::new("the private elliptic-curve key is not sound"))?;
    Ok(Private::Ec(Arc::new(pair)))
}

fn okp_pair(d: &[u8], x: &[u8]) -> Result<Private, JoseFault> {
    let pair = Ed25519KeyPair::from_seed_and_public_key(d, x);
    let pair = pair.map_err(|_| JoseFault::new("the private Ed25519 key is not sound"))?;
    Ok(Private::Okp(Arc::new(pair)))
}
