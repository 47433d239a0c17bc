//! The public half of a key as files of it look: DER and PEM of SPKI (RFC 5280, section 4.1) and PKCS #1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use yasna::models::ObjectIdentifier;
use yasna::{DERWriter, construct_der};

use super::Key;
use super::jwk::Material;

/// A public key in one of the forms that it is handed around in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `SubjectPublicKeyInfo`, as `openssl pkey -pubout` writes it.
    Spki,
    /// PKCS #1, of RSA keys only.
    Pkcs1,
}

impl Key {
    /// Gives the public half in DER; nothing for secrets and forms that its kind does not have.
    pub fn public_der(&self, form: Form) -> Option<Vec<u8>> {
        match (&self.material, form) {
            (Material::Rsa { n, e }, Form::Pkcs1) => Some(rsa(n, e)),
            (Material::Rsa { n, e }, Form::Spki) => {
                let key = rsa(n, e);
                Some(spki(&[1, 2, 840, 113_549, 1, 1, 1], |w: DERWriter<'_>| w.write_null(), &key))
            }
            (Material::Ec { curve, point }, Form::Spki) => {
                let curve: &[u64] = match *curve {
                    "P-256" => &[1, 2, 840, 10045, 3, 1, 7],
                    "P-384" => &[1, 3, 132, 0, 34],
                    _ => &[1, 3, 132, 0, 35],
                };
                let curve = |w: DERWriter<'_>| w.write_oid(&ObjectIdentifier::from_slice(curve));
                Some(spki(&[1, 2, 840, 10045, 2, 1], curve, point))
            }
            (Material::Okp { x }, Form::Spki) => Some(construct_der(|w| {
                w.write_sequence(|w| {
                    let algorithm = ObjectIdentifier::from_slice(&[1, 3, 101, 112]);
                    w.next().write_sequence(|w| w.next().write_oid(&algorithm));
                    w.next().write_bitvec_bytes(x, x.len() * 8);
                });
            })),
            (Material::Secret(_), _) | (Material::Ec { .. } | Material::Okp { .. }, Form::Pkcs1) => None,
        }
    }

    /// Gives the public half in PEM, with a line break at its end (RFC 7468).
    pub fn public_pem(&self, form: Form) -> Option<String> {
        let label = match form {
            Form::Spki => "PUBLIC KEY",
            Form::Pkcs1 => "RSA PUBLIC KEY",
        };
        let text = STANDARD.encode(self.public_der(form)?);
        let mut pem = format!("-----BEGIN {label}-----\n");
        for line in text.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        Some(format!("{pem}-----END {label}-----\n"))
    }
}

fn rsa(n: &[u8], e: &[u8]) -> Vec<u8> {
    construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_bigint_bytes(n, true);
            w.next().write_bigint_bytes(e, true);
        });
    })
}

fn spki(algorithm: &[u64], parameters: impl FnOnce(DERWriter<'_>), key: &[u8]) -> Vec<u8> {
    construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_sequence(|w| {
                w.next().write_oid(&ObjectIdentifier::from_slice(algorithm));
                parameters(w.next());
            });
            w.next().write_bitvec_bytes(key, key.len() * 8);
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Algorithm;

    #[test]
    fn what_is_written_is_read_as_the_same_key() {
        for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa] {
            let key = Key::generate(algorithm).unwrap();
            for form in [Form::Spki, Form::Pkcs1] {
                let Some(pem) = key.public_pem(form) else {
                    assert!(form == Form::Pkcs1 && algorithm != Algorithm::Rs256);
                    continue;
                };
                let read = Key::from_text(&pem).unwrap();
                assert_eq!(read.public_jwk().unwrap(), key.public_jwk().unwrap(), "{pem}");
            }
        }
        assert_eq!(Key::secret(b"secret").unwrap().public_pem(Form::Spki), None);
    }

    /// Written with `openssl pkey -in key.pem -pubout`; of the same key, as a JWK.
    #[test]
    fn it_is_byte_for_byte_what_openssl_writes() {
        let pem = include_str!("../../tests/weak/keys/dev-public.pem");
        assert_eq!(Key::from_text(pem).unwrap().public_pem(Form::Spki).unwrap(), pem);
    }
}
