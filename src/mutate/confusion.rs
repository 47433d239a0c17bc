//! Keys that anybody has: the server's own public key in place of a secret, a certificate of the sender's own, and
//! secrets that can be guessed.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::forged::{Forged, Unfit};
use super::presented::Presented;
use super::signature::hs256;
use super::token::{BASE, segments, with_header};
use super::{Attacks, Family, Kit, Mutation, Needs};
use crate::jose::{Algorithm, Form, Key, encode, sign_bytes};

/// Mutations with keys that anybody has.
pub(super) const FAMILY: Family = Family { name: "keys", title: "Keys that anybody has", rows: ROWS };

const CONFUSED: &str = "The token's header turns the server's public key into the secret of HMAC, so that anybody signs. Fix the algorithm for each issuer, and give the library a key of a type, not a text.";
const REFS: &[&str] = &["RFC 8725 section 2.1", "ASVS 9.1.2", "WSTG-SESS-10", "CWE-347", "CWE-327"];

/// What all rows of confusion are.
const CONFUSION: Mutation =
    Mutation { explain: CONFUSED, refs: REFS, attacks: Attacks::Yes, needs: Needs::PublicKey, ..BASE };

const ROWS: &[Mutation] = &[
    Mutation {
        id: "jwt-alg-confusion",
        about: "HS256 with the server's public key as the secret: PEM, as a file of it looks",
        refs: &["RFC 8725 section 2.1", "ASVS 9.1.2", "API2:2023", "WSTG-SESS-10", "CWE-347", "CWE-327"],
        apply: |p, kit| confused(p, kit, "its PEM", |_, key| key.public_pem(Form::Spki).map(String::into_bytes)),
        ..CONFUSION
    },
    Mutation {
        id: "jwt-alg-confusion-trimmed",
        about: "the same, without the line break at the end of the PEM",
        apply: |p, kit| {
            confused(p, kit, "its PEM without the last line break", |_, key| {
                Some(key.public_pem(Form::Spki)?.trim_end().as_bytes().to_vec())
            })
        },
        ..CONFUSION
    },
    Mutation {
        id: "jwt-alg-confusion-pkcs1",
        about: "the same with the PEM of PKCS #1 (`RSA PUBLIC KEY`)",
        apply: |p, kit| {
            confused(p, kit, "its PEM of PKCS #1", |_, key| key.public_pem(Form::Pkcs1).map(String::into_bytes))
        },
        ..CONFUSION
    },
    Mutation {
        id: "jwt-alg-confusion-der",
        about: "the same with the bytes of the public key (DER)",
        apply: |p, kit| confused(p, kit, "its DER", |_, key| key.public_der(Form::Spki)),
        ..CONFUSION
    },
    Mutation {
        id: "jwt-alg-confusion-jwk",
        about: "the same with the text of the JWK",
        apply: |p, kit| confused(p, kit, "its JWK", |jwk, _| Some(jwk.to_string().into_bytes())),
        ..CONFUSION
    },
    Mutation {
        id: "jwt-alg-confusion-x5c",
        about: "the same with the certificate that the key set has for the key, as PEM",
        apply: |p, kit| {
            confused(p, kit, "its certificate", |jwk, _| {
                let text = jwk.get("x5c")?.get(0)?.as_str()?;
                let lines: Vec<String> =
                    text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
                let body = lines.join("\n");
                Some(format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n").into_bytes())
            })
        },
        ..CONFUSION
    },
    Mutation {
        id: "jwt-x5c-self",
        about: "a certificate of the sender's own in the header (`x5c`), whose key signs the token",
        explain: "A certificate that the token brings along is trusted, whoever made it. Verify its chain up to an authority of yours, or take keys from your own configuration alone.",
        refs: &["RFC 7515 section 4.1.6", "ASVS 9.1.3", "CWE-347", "CWE-295"],
        attacks: Attacks::Yes,
        apply: |p, _| {
            let (_, read) = p.jwt()?;
            let unmade = |why: String| Unfit::not_here(format!("no certificate could be made: {why}"));
            let pair = rcgen::KeyPair::generate().map_err(|e| unmade(e.to_string()))?;
            let made = rcgen::CertificateParams::new(vec!["authspec.example".to_owned()]);
            let certificate = made.and_then(|made| made.self_signed(&pair)).map_err(|e| unmade(e.to_string()))?;
            let key = Key::from_text(&pair.serialize_pem()).map_err(|fault| unmade(fault.to_string()))?;
            let head = with_header(&read, |h| {
                h.remove("kid");
                h.insert("alg".to_owned(), Algorithm::Es256.name().into());
                h.insert("x5c".to_owned(), json!([STANDARD.encode(certificate.der())]));
            });
            let [_, payload, _] = segments(p.token()?)?;
            let text = format!("{head}.{payload}");
            let signature =
                sign_bytes(Algorithm::Es256, text.as_bytes(), &key).map_err(|fault| unmade(fault.to_string()))?;
            Ok(Forged::new(
                p.with_token(&format!("{text}.{}", encode(signature)))?,
                "the header brings a certificate along, whose key signs the token",
            ))
        },
        ..BASE
    },
    Mutation {
        id: "jwt-hs-weak-key",
        about: "secrets that others use, tried on the login's own token; nothing is sent",
        explain: "The secret that signs tokens is in every list of guesses, so that anybody signs. Take 32 random bytes, and revoke what was signed with the old one.",
        refs: &["RFC 8725 section 3.5", "WSTG-SESS-10", "CWE-521", "CWE-798"],
        apply: |p, _| {
            let (_, read) = p.jwt()?;
            let algorithm = match read.header().get("alg").and_then(Value::as_str) {
                Some("HS256") => hmac::HMAC_SHA256,
                Some("HS384") => hmac::HMAC_SHA384,
                Some("HS512") => hmac::HMAC_SHA512,
                _ => return Err(Unfit::not_here("the token is not signed with a secret")),
            };
            let names = names(p);
            let tried = || GUESSES.iter().copied().chain(names.iter().map(String::as_str));
            let signs = |guess: &str| {
                hmac::verify(&hmac::Key::new(algorithm, guess.as_bytes()), read.signed(), read.signature()).is_ok()
            };
            Err(match tried().position(signs) {
                Some(at) => Unfit::Broken(format!(
                    "number {} of the {} secrets that anybody would try signed this token",
                    at + 1,
                    tried().count()
                )),
                None => {
                    Unfit::Held(format!("none of the {} secrets that anybody would try signed it", tried().count()))
                }
            })
        },
        ..BASE
    },
];

/// What is tried first: words of tutorials, defaults of products, and what people type.
const GUESSES: &[&str] = &[
    "secret",
    "your-256-bit-secret",
    "your-secret-key",
    "your_secret_key",
    "secretkey",
    "secret-key",
    "secret_key",
    "mysecret",
    "my-secret",
    "mysecretkey",
    "my-secret-key",
    "my_secret_key",
    "jwtsecret",
    "jwt-secret",
    "jwt_secret",
    "JWT_SECRET",
    "jwt",
    "jwtkey",
    "jwt-key",
    "supersecret",
    "super-secret",
    "super_secret",
    "supersecretkey",
    "super-secret-key",
    "topsecret",
    "verysecret",
    "shhhhh",
    "shhhh",
    "changeme",
    "change-me",
    "change_me",
    "changeit",
    "changethis",
    "password",
    "Password1",
    "passw0rd",
    "p@ssw0rd",
    "letmein",
    "qwerty",
    "123456",
    "12345678",
    "123456789",
    "1234567890",
    "0123456789",
    "abc123",
    "admin",
    "root",
    "user",
    "guest",
    "test",
    "testing",
    "test-secret",
    "test_secret",
    "testsecret",
    "dev",
    "development",
    "dev-secret",
    "dev_secret",
    "devsecret",
    "local",
    "localhost",
    "default",
    "demo",
    "example",
    "sample",
    "foo",
    "bar",
    "foobar",
    "key",
    "private",
    "privatekey",
    "private-key",
    "private_key",
    "token",
    "tokensecret",
    "token-secret",
    "accesstoken",
    "access-token-secret",
    "ACCESS_TOKEN_SECRET",
    "refreshtoken",
    "auth",
    "authsecret",
    "auth-secret",
    "session",
    "sessionsecret",
    "session-secret",
    "keyboard cat",
    "keyboardcat",
    "appsecret",
    "app-secret",
    "app_secret",
    "APP_SECRET",
    "SECRET_KEY",
    "SECRET",
    "s3cr3t",
    "s3cret",
    "hello",
    "helloworld",
    "hello-world",
    "node",
    "express",
    "nestjs",
    "django-insecure",
    "flask",
    "spring",
    "laravel",
    "rails",
    "undefined",
    "null",
    "None",
    "string",
    "SECRETKEY",
    "9a4f2c8d3b7a1e6f45c8a0b3f267d8b1d4e6f3c8a9d2b5f8e3a9c8b5f6v8a3d9",
    "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
    "gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr9C",
    // What a variable that is not set leaves.
    "",
];

/// The words that the address of the server is made of, alone and with what people add to them.
fn names(p: &Presented<'_>) -> Vec<String> {
    let host = p.request.address.url().host_str().unwrap_or_default().to_ascii_lowercase();
    let words = host.split(['.', '-']).filter(|word| word.len() > 2 && !word.bytes().all(|b| b.is_ascii_digit()));
    let with =
        |word: &str| ["", "-secret", "_secret", "secret", "-jwt", "-key", "123"].map(|end| format!("{word}{end}"));
    words.chain(std::iter::once(&*host).filter(|h| !h.is_empty())).flat_map(with).collect()
}

/// The token signed with HS256 and the server's public key, in some form, as the secret.
fn confused(
    p: &Presented<'_>,
    kit: &Kit<'_>,
    form: &str,
    secret: impl FnOnce(&Value, &Key) -> Option<Vec<u8>>,
) -> Result<Forged, Unfit> {
    let (_, read) = p.jwt()?;
    if read.header().get("alg").and_then(Value::as_str).is_none_or(|alg| alg.starts_with("HS")) {
        return Err(Unfit::not_here("the token is not signed with a key pair"));
    }
    let public = (kit.public)()?;
    let secret = secret(&public.jwk, &public.key)
        .ok_or_else(|| Unfit::not_here("the server's public key does not come in this form"))?;
    let kid = read.key_id().map(ToOwned::to_owned);
    hs256(p, &secret, kid, &format!("signed with HS256, the secret is the server's public key: {form}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::super::testing::{get, kit};
    use super::super::{Kit, Presented, Published, Unfit, mutation};
    use super::*;
    use crate::http::Request;
    use crate::jose::{Jwks, Token, sign};

    fn bearer(token: &str) -> Request {
        get("/me", &[("authorization", &format!("Bearer {token}"))])
    }

    fn forge(id: &str, token: &str, kit: &Kit<'_>) -> Result<Token, Unfit> {
        let request = bearer(token);
        let forged = (mutation(id).unwrap().apply)(&Presented::new(&request, &[], &[], &[]), kit)?;
        let text = forged.request.headers.text("authorization").unwrap().clone();
        Ok(Token::parse(text.trim_start_matches("Bearer ")).unwrap())
    }

    #[test]
    fn the_public_key_signs_as_a_secret_in_each_of_its_forms() {
        let key = Key::generate(Algorithm::Rs256).unwrap();
        let mut jwk = key.public_jwk().unwrap();
        jwk["x5c"] = json!(["TUlJQg=="]);
        let header = Map::from_iter([("kid".to_owned(), json!("k1"))]);
        let token = sign(Algorithm::Rs256, header, br#"{"sub":"alice"}"#, &key).unwrap();
        let published = Published { jwk: jwk.clone(), key: Key::from_jwk(&jwk).unwrap() };
        let public = || Ok(published.clone());
        let kit = Kit { public: &public, ..kit() };
        let pem = key.public_pem(Form::Spki).unwrap();
        let x5c = "-----BEGIN CERTIFICATE-----\nTUlJQg==\n-----END CERTIFICATE-----\n".to_owned();
        for (id, secret) in [
            ("jwt-alg-confusion", pem.clone().into_bytes()),
            ("jwt-alg-confusion-trimmed", pem.trim_end().as_bytes().to_vec()),
            ("jwt-alg-confusion-pkcs1", key.public_pem(Form::Pkcs1).unwrap().into_bytes()),
            ("jwt-alg-confusion-der", key.public_der(Form::Spki).unwrap()),
            ("jwt-alg-confusion-jwk", jwk.to_string().into_bytes()),
            ("jwt-alg-confusion-x5c", x5c.into_bytes()),
        ] {
            let made = forge(id, &token, &kit).unwrap();
            assert_eq!((made.header()["alg"].as_str(), made.key_id()), (Some("HS256"), Some("k1")), "{id}");
            Jwks::of(Key::secret(&secret).unwrap()).verify(&made).unwrap();
            Jwks::of(key.clone()).verify(&made).unwrap_err();
        }
    }

    #[test]
    fn without_a_public_key_or_with_a_secret_there_is_nothing_to_confuse() {
        let pair = Key::generate(Algorithm::Es256).unwrap();
        let token = sign(Algorithm::Es256, Map::new(), b"{}", &pair).unwrap();
        assert!(matches!(forge("jwt-alg-confusion", &token, &kit()), Err(Unfit::Unavailable { .. })));
        let token = sign(Algorithm::Hs256, Map::new(), b"{}", &Key::secret(&[7; 32]).unwrap()).unwrap();
        assert!(matches!(forge("jwt-alg-confusion", &token, &kit()), Err(Unfit::NotApplicable(_))));
    }

    #[test]
    fn a_secret_that_anybody_would_try_is_found_and_not_told() {
        let signed = |secret: &[u8]| sign(Algorithm::Hs256, Map::new(), b"{}", &Key::secret(secret).unwrap()).unwrap();
        let Err(Unfit::Broken(told)) = forge("jwt-hs-weak-key", &signed(b"keyboard cat"), &kit()) else { panic!() };
        assert!(told.starts_with("number ") && !told.contains("keyboard"), "{told}");
        // The host is api.example.
        assert!(matches!(forge("jwt-hs-weak-key", &signed(b"example-secret"), &kit()), Err(Unfit::Broken(_))));
        assert!(matches!(forge("jwt-hs-weak-key", &signed(&[7; 32]), &kit()), Err(Unfit::Held(_))));
        let text = signed(b"x").rsplit_once('.').map(|(text, _)| text.to_owned()).unwrap();
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b""), text.as_bytes());
        let by_nothing = format!("{text}.{}", encode(tag.as_ref()));
        assert!(matches!(forge("jwt-hs-weak-key", &by_nothing, &kit()), Err(Unfit::Broken(_))));
        let pair = Key::generate(Algorithm::Es256).unwrap();
        let token = sign(Algorithm::Es256, Map::new(), b"{}", &pair).unwrap();
        assert!(matches!(forge("jwt-hs-weak-key", &token, &kit()), Err(Unfit::NotApplicable(_))));
    }

    #[test]
    fn the_key_of_the_certificate_signs_the_token_that_brings_it_along() {
        let pair = Key::generate(Algorithm::Rs256).unwrap();
        let token = sign(Algorithm::Rs256, Map::new(), br#"{"sub":"alice"}"#, &pair).unwrap();
        let made = forge("jwt-x5c-self", &token, &kit()).unwrap();
        let der = made.header()["x5c"][0].as_str().unwrap();
        let pem = format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n");
        Jwks::of(Key::from_text(&pem).unwrap()).verify(&made).unwrap();
        assert_eq!(made.claims().unwrap(), json!({ "sub": "alice" }));
    }
}
