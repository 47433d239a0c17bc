//! How a client proves who it is (RFC 6749, section 2.3).

use super::metadata::Metadata;
use super::post::render;
use crate::auth::{Ctx, Refused};
use crate::http::Headers;
use crate::spec::{Key, Shape, key};
use crate::template::Template;

/// The keys of `client`.
pub(super) const CLIENT_KEYS: &[Key] = &[
    key("id", "its id at the server").is(Shape::Text).needed(),
    key("secret", "its secret").is(Shape::Text),
    key("auth", "how it proves itself: `basic` when it has a secret, `none` when it has none; `basic-raw` for servers that take id and secret of Basic as they are, `post` puts both into the body, `tls` leaves it to the client certificate of `target.tls`")
        .is(Shape::Words(&["basic", "basic-raw", "post", "none", "tls"])),
];

/// A way to prove who one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// `client_secret_basic`, both parts form-encoded first.
    Basic,
    /// The same without the encoding.
    BasicRaw,
    /// `client_secret_post`.
    Post,
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
    ("none", Proof::Nothing),
    ("tls", Proof::Tls),
];

/// A client of the server.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: Template,
    pub(super) secret: Option<Template>,
    pub(super) proof: Proof,
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
            Self::Nothing => "none",
            Self::Tls => "tls_client_auth",
        }
    }
}

impl Client {
    /// Whether it signs an assertion with each request.
    pub(super) const fn asserts(&self) -> bool {
        false
    }

    pub(super) fn id(&self, cx: &Ctx<'_>) -> Result<String, Refused> {
        render(&self.id, cx)
    }

    /// The secret; one with a line break at its end is the usual slip of a file.
    pub(super) fn secret(&self, cx: &Ctx<'_>) -> Result<String, Refused> {
        let secret = self.secret.as_ref().map(|s| render(s, cx)).transpose()?.unwrap_or_default();
        if secret.is_empty() || secret.ends_with(['\n', '\r']) {
            let what = if secret.is_empty() { "is empty" } else { "ends with a line break" };
            let help = "take it from `secrets:`, which trims what a file or a command gives".to_owned();
            return Err(Refused { message: format!("the client's secret {what}"), help: vec![help] });
        }
        Ok(secret)
    }

    /// Adds what proves the client; gives an assertion, which may be used once.
    pub(super) fn prove(
        &self,
        parameters: &mut Vec<(String, String)>,
        headers: &mut Headers,
        _: &Metadata,
        cx: &Ctx<'_>,
    ) -> Result<Option<String>, Refused> {
        let id = self.id(cx)?;
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
            Proof::Nothing | Proof::Tls => say("client_id", id),
        }
        Ok(None)
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
