//! How a client proves who it is (RFC 6749, section 2.3).

use serde_json::{Map, json};

use super::metadata::{Endpoint, Metadata};
use super::post::render;
use super::random;
use crate::auth::fields::{is_broken, whole};
use crate::auth::mtls::Source;
use crate::auth::{Ctx, FieldFault, Refused, Signer, asks_for};
use crate::http::Headers;
use crate::jose::{self, Algorithm, JoseFault, Key};
use crate::source::Span;
use crate::spec::{self, Node, Shape, key};
use crate::template::Template;

/// The keys of `client`.
pub(super) const CLIENT_KEYS: &[spec::Key] = &[
    key("id", "its id at the server").is(Shape::Text).needed(),
    key("secret", "its secret").is(Shape::Text),
    key("auth", "how it proves itself: `basic` with a secret, `private_key_jwt` with a key, `none` with neither; `basic-raw` for servers that take id and secret of Basic as they are, `post` puts both into the body, `client_secret_jwt` signs with the secret, `tls` shows a client certificate (RFC 8705): that of `cert`, else that of `tls:`")
        .is(Shape::Words(&["basic", "basic-raw", "post", "private_key_jwt", "client_secret_jwt", "none", "tls"])).usually("`basic` with a secret, `private_key_jwt` with a key, else `none`"),
    key("key", "its private key: `{ file: path }`, or PEM or a JWK as text; for `tls` the file with the key of `cert`, which may hold it too")
        .is(Shape::Any),
    key("cert", "for `tls`: a file with the certificate, those that signed it behind it, PEM").is(Shape::Text),
    key("pkcs12", "for `tls`: a file with both, PKCS#12 (`.p12`, `.pfx`)").is(Shape::Text),
    key("password", "the password of the PKCS#12 file").is(Shape::Text),
    key("alg", "the algorithm it signs with; the usual one of the key, or HS256 with the secret").is(Shape::Text).usually("the usual one of the key; `HS256`"),
    key("kid", "the id of its key; the key's own by itself").is(Shape::Text).usually("the key's own"),
    key("audience", "whom its assertions are for; the issuer, or the token endpoint where no issuer is known")
        .is(Shape::Text).usually("the issuer, else the token endpoint"),
];

/// How long an assertion is good for, in seconds.
const LIFETIME: i64 = 60;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A way to prove who one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// `client_secret_basic`, both parts form-encoded first.
    Basic,
    /// The same without the encoding.
    BasicRaw,
    /// `client_secret_post`.
    Post,
    /// `private_key_jwt` (RFC 7523, section 2.2).
    PrivateKey,
    /// `client_secret_jwt`.
    SecretKey,
    /// A public client.
    Nothing,
    /// `tls_client_auth`, `self_signed_tls_client_auth` (RFC 8705, section 2).
    Tls,
}

/// The words of `auth`.
pub(super) const PROOFS: &[(&str, Proof)] = &[
    ("basic", Proof::Basic),
    ("basic-raw", Proof::BasicRaw),
    ("post", Proof::Post),
    ("private_key_jwt", Proof::PrivateKey),
    ("client_secret_jwt", Proof::SecretKey),
    ("none", Proof::Nothing),
    ("tls", Proof::Tls),
];

/// A client of the server.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: Template,
    pub(super) secret: Option<Template>,
    pub(super) proof: Proof,
    /// Where it says how it proves itself.
    pub(super) proof_at: Span,
    pub(super) key: Option<KeySource>,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) key_id: Option<Template>,
    pub(super) audience: Option<Template>,
    /// What its connections show, where that is not what all connections of the run show.
    pub(super) certificate: Option<Source>,
}

/// Where a private key comes from.
#[derive(Debug)]
pub(super) enum KeySource {
    /// It was read when the plan was made.
    Read(Key),
    /// A text that is rendered.
    Text(Template),
}

impl Proof {
    /// The word of `auth`.
    pub(super) fn word(self) -> &'static str {
        PROOFS.iter().find(|(_, proof)| *proof == self).map_or("", |(word, _)| word)
    }

    /// What servers call it in `token_endpoint_auth_methods_supported`.
    pub(super) const fn registered(self) -> &'static str {
        match self {
            Self::Basic | Self::BasicRaw => "client_secret_basic",
            Self::Post => "client_secret_post",
            Self::PrivateKey => "private_key_jwt",
            Self::SecretKey => "client_secret_jwt",
            Self::Nothing => "none",
            Self::Tls => "tls_client_auth",
        }
    }
}

/// A secret that an identity gives to its client has one line, and a key can sign.
pub(super) fn look(scheme: Option<&Node>, name: &str, value: &str) -> Option<FieldFault> {
    let scheme = scheme?;
    let client = &scheme.get("client")?.value;
    if is_broken(value) && client.get("secret").is_some_and(|entry| asks_for(&entry.value, name)) {
        return Some(FieldFault::LineBreak);
    }
    // Beside a certificate the key is the path of a file.
    let signer = Some(client).filter(|client| client.get("cert").is_none() && client.get("pkcs12").is_none());
    let dpop = scheme.get("dpop").map(|entry| &entry.value);
    let mut keys = signer.into_iter().chain(dpop).filter_map(|owner| owner.get("key"));
    let is_key = keys.any(|entry| whole(&entry.value, "identity.") == Some(name));
    if is_key { signing(value).err().map(|fault| FieldFault::NoKey(fault.0)) } else { None }
}

/// Reads a private key.
pub(super) fn signing(text: &str) -> Result<Key, JoseFault> {
    let key = Key::from_text(text)?;
    if key.can_sign() { Ok(key) } else { Err(JoseFault("it is the public part, which cannot sign".to_owned())) }
}

impl Client {
    /// Whether it signs an assertion with each request.
    pub(super) const fn asserts(&self) -> bool {
        matches!(self.proof, Proof::PrivateKey | Proof::SecretKey)
    }

    /// Whether it is known by its connections, or may be: then it goes where a server has them shown (RFC 8705,
    /// section 5).
    pub(super) const fn is_certified(&self) -> bool {
        matches!(self.proof, Proof::Tls) || self.certificate.is_some()
    }

    pub(super) fn id(&self, cx: &Ctx<'_>) -> Result<String, Refused> {
        render(&self.id, cx)
    }

    /// The secret; one with a line break is the usual slip of a file.
    pub(super) fn secret(&self, cx: &Ctx<'_>) -> Result<String, Refused> {
        let secret = self.secret.as_ref().map(|s| render(s, cx)).transpose()?.unwrap_or_default();
        if secret.is_empty() || secret.contains(['\n', '\r']) {
            let what = if secret.is_empty() { "is empty" } else { "has a line break in it" };
            let help = "it is one line: `secrets:` trims one newline at the end of what a file or a command gives, and nothing else".to_owned();
            return Err(Refused { message: format!("the client's secret {what}"), help: vec![help] });
        }
        Ok(secret)
    }

    /// Sees that it can prove itself, before anything is sent: a secret or key that is no good is nobody's answer.
    pub(super) fn check(&self, cx: &Ctx<'_>) -> Result<(), Refused> {
        match (self.proof, &self.key) {
            (Proof::BasicRaw, _) if self.id(cx)?.contains(':') => Err(Refused {
                message: "the client's id has a colon in it, where Basic ends it".to_owned(),
                help: vec!["`client.auth: basic` encodes it (RFC 6749, section 2.3.1)".to_owned()],
            }),
            (Proof::Basic | Proof::BasicRaw | Proof::Post | Proof::SecretKey, _) => self.secret(cx).map(drop),
            (_, Some(KeySource::Text(text))) => {
                let key = Key::from_text(&render(text, cx)?).map_err(unsigned)?;
                let algorithm = self.algorithm.unwrap_or_else(|| key.usual_algorithm());
                jose::sign_bytes(algorithm, b"", &key).map(drop).map_err(unsigned)
            }
            (Proof::PrivateKey | Proof::Nothing | Proof::Tls, _) => Ok(()),
        }
    }

    /// Adds what proves the client; gives an assertion, which may be used once.
    pub(super) fn prove(
        &self,
        parameters: &mut Vec<(String, String)>,
        headers: &mut Headers,
        metadata: &Metadata,
        cx: &Ctx<'_>,
    ) -> Result<Option<String>, Refused> {
        let id = self.id(cx)?;
        if self.asserts() {
            parameters.retain(|(name, _)| name != "client_id");
            let assertion = self.assertion(&id, metadata, cx)?;
            parameters.push(("client_id".to_owned(), id));
            parameters.push(("client_assertion_type".to_owned(), ASSERTION_TYPE.to_owned()));
            parameters.push(("client_assertion".to_owned(), assertion.clone()));
            return Ok(Some(assertion));
        }
        let signed = parameters.iter().any(|(name, _)| name == "assertion");
        let mut say = |name: &str, value: String| {
            if parameters.iter().all(|(n, _)| n != name) {
                parameters.push((name.to_owned(), value));
            }
        };
        match self.proof {
            Proof::Basic | Proof::BasicRaw => {
                let secret = self.secret(cx)?;
                headers.add("authorization", basic(&id, &secret, self.proof));
            }
            Proof::Post => {
                say("client_id", id);
                say("client_secret", self.secret(cx)?);
            }
            // Whoever signed an assertion is named in it (RFC 7521, section 4.1).
            Proof::Nothing if signed => {}
            Proof::Nothing | Proof::Tls | Proof::PrivateKey | Proof::SecretKey => say("client_id", id),
        }
        Ok(None)
    }

    /// Signs who it is, or whom it speaks for (RFC 7523, section 3): for a minute, and with an id of its own each time.
    ///
    /// Servers differ in whom it has to be for. The issuer names one server, whatever its endpoints are called, and
    /// newer texts want nothing else; so the token endpoint is named only where no issuer is known.
    pub(super) fn assertion(&self, subject: &str, metadata: &Metadata, cx: &Ctx<'_>) -> Result<String, Refused> {
        let Signer { key, algorithm } = self.signer(cx)?;
        let audience = match (&self.audience, &metadata.issuer) {
            (Some(audience), _) => render(audience, cx)?,
            (None, Some(issuer)) => issuer.clone(),
            (None, None) => metadata.endpoint(Endpoint::Token, cx)?.to_string(),
        };
        let now = cx.now.as_second();
        let claims = json!({ "iss": self.id(cx)?, "sub": subject, "aud": audience, "jti": random(), "iat": now, "exp": now + LIFETIME });
        let mut header = Map::new();
        header.insert("typ".to_owned(), "JWT".into());
        if let Some(key_id) = &self.key_id {
            header.insert("kid".to_owned(), render(key_id, cx)?.into());
        }
        jose::sign(algorithm, header, claims.to_string().as_bytes(), &key).map_err(unsigned)
    }

    /// By what it signs assertions.
    pub(super) fn signer(&self, cx: &Ctx<'_>) -> Result<Signer, Refused> {
        let key = match (&self.key, self.proof) {
            (Some(KeySource::Read(key)), Proof::PrivateKey | Proof::Nothing) => key.clone(),
            (Some(KeySource::Text(text)), Proof::PrivateKey | Proof::Nothing) => {
                Key::from_text(&render(text, cx)?).map_err(unsigned)?
            }
            _ => Key::secret(self.secret(cx)?.as_bytes()).map_err(unsigned)?,
        };
        let algorithm = self.algorithm.unwrap_or_else(|| key.usual_algorithm());
        Ok(Signer::new(key, algorithm))
    }
}

fn unsigned(fault: JoseFault) -> Refused {
    Refused {
        message: format!("the client's assertion cannot be signed: {fault}"),
        help: vec!["check `client.key` and `client.alg`".to_owned()],
    }
}

/// `Authorization` for a client (RFC 6749, section 2.3.1: both parts are form-encoded before they are joined).
fn basic(id: &str, secret: &str, proof: Proof) -> String {
    use base64::Engine as _;
    let part = |text: &str| match proof {
        Proof::BasicRaw => text.to_owned(),
        _ => url::form_urlencoded::byte_serialize(text.as_bytes()).collect(),
    };
    let joined = format!("{}:{}", part(id), part(secret));
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(joined))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_and_secret_are_form_encoded_before_basic_unless_raw() {
        use base64::Engine as _;
        let read = |proof| {
            let header = basic("job:1", "a+b %/ü", proof);
            let bytes = base64::engine::general_purpose::STANDARD.decode(&header["Basic ".len()..]).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(read(Proof::Basic), "job%3A1:a%2Bb+%25%2F%C3%BC");
        assert_eq!(read(Proof::BasicRaw), "job:1:a+b %/ü");
    }
}
