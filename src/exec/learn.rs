//! Makes what proves somebody known to the masks as it comes along: by its name, its looks, or where it was used.

use std::borrow::Cow;
use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Shared;
use crate::capture::Taken;
use crate::http::{Request, Trail};
use crate::secret::SecretSet;
use crate::secret::structure::is_credential_name;
use crate::term::shorten;

/// Makes a part of a credential known to the masks, whatever it is called: each text in it that is not too short.
pub(super) fn secret(shared: &Shared, label: &str, value: &serde_json::Value) {
    let know = |text: &str| {
        if text.len() >= 6 {
            shared.secrets.add(label, text);
        }
    };
    match value {
        serde_json::Value::String(text) => know(text),
        serde_json::Value::Number(number) => know(&number.to_string()),
        serde_json::Value::Array(all) => all.iter().for_each(|value| secret(shared, label, value)),
        serde_json::Value::Object(all) => all.values().for_each(|value| secret(shared, label, value)),
        serde_json::Value::Null | serde_json::Value::Bool(_) => {}
    }
}

/// Makes a captured value known to the masks when it is a credential by its name or its looks.
pub(super) fn capture(shared: &Shared, owner: String, capture: &str, taken: &Taken) {
    let Some(value) = taken.value.as_str() else { return };
    if looks_secret(capture) || looks_secret(&taken.key) || crate::jose::unverified_claims(value).is_some() {
        shared.secrets.add(&format!("{owner}.{capture}"), value);
    }
}

/// Makes what a request of a flow proves somebody with known to the masks, before it is sent: the parameters of its
/// form, and the secret of a client in Basic.
pub(super) fn request(shared: &Shared, owner: &str, request: &Request) {
    if request.is_form() {
        for (name, value) in url::form_urlencoded::parse(&request.body) {
            parameter(shared, owner, &name, &value);
        }
    }
    let header = request.headers.text("authorization").unwrap_or_default();
    let basic = header.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok());
    let pair = basic.and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some((_, secret)) = pair.as_deref().and_then(|pair| pair.split_once(':')) {
        shared.secrets.add(&format!("{owner}.client_secret"), &form_decoded(secret));
    }
}

/// Makes the credentials that a step of the user writes out known to the masks, before it is sent: a server may repeat
/// them in any spelling. Words of a language are left alone, as `password: incorrect` is what the server says, too.
pub(super) fn written(shared: &Shared, owner: &str, request: &Request) {
    let fields = fields_of(request);
    // Beside a password that is known stands the one that takes its place.
    let is_change = fields.iter().any(|(name, _)| names_another(name))
        && fields.iter().any(|(_, value)| shared.secrets.mask(value) != value.as_str());
    for (name, value) in fields {
        let is_credential = is_credential_name(&name) || is_change && names_another(&name);
        if is_credential && SecretSet::is_telling(&value) {
            shared.secrets.add(&format!("{owner}.{}", shorten(&name, 40)), &value);
        }
    }
}

/// The fields of a form, or the texts that are members of a JSON object.
pub(super) fn fields_of(request: &Request) -> Vec<(String, String)> {
    if request.is_form() {
        return url::form_urlencoded::parse(&request.body).into_owned().collect();
    }
    let Ok(serde_json::Value::Object(members)) = serde_json::from_slice(&request.body) else { return Vec::new() };
    let text = |(name, value): (String, serde_json::Value)| Some((name, value.as_str()?.to_owned()));
    members.into_iter().filter_map(text).collect()
}

/// Tells whether a name is one that a form for another password has.
fn names_another(name: &str) -> bool {
    const WORDS: &[&str] = &["new", "confirm", "repeat", "again", "retype", "verify"];
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.starts_with(word))
}

/// What was form-encoded, where that is what it is: a secret that is sent as it is may look like it in parts.
fn form_decoded(text: &str) -> String {
    let value = percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8().ok().map(Cow::into_owned);
    let same = |value: &String| url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>() == text;
    value.filter(same).unwrap_or_else(|| text.to_owned())
}

/// Makes the credentials in an answer to a flow known to the masks.
pub(super) fn answer(shared: &Shared, owner: &str, trail: &Trail) {
    let Some(response) = trail.response().filter(|r| r.status < 400) else { return };
    let Ok(serde_json::Value::Object(members)) = serde_json::from_slice(&response.body) else { return };
    for (name, value) in members {
        if let Some(value) = value.as_str() {
            parameter(shared, owner, &name, value);
        }
    }
}

/// Makes the code that a browser is sent back with known to the masks.
pub(super) fn landing(shared: &Shared, owner: &str, trail: &Trail) {
    if trail.stray.is_none() && trail.until.as_ref().is_none_or(|until| !until.reached) {
        return;
    }
    let location = trail.response().and_then(|r| r.headers.text("location")).unwrap_or_default();
    location.split(['?', '#']).skip(1).for_each(|part| fields(shared, owner, part.as_bytes()));
}

/// Makes those fields of a form or a query known that are credentials by their names.
pub(super) fn fields(shared: &Shared, owner: &str, pairs: &[u8]) {
    for (name, value) in url::form_urlencoded::parse(pairs) {
        parameter(shared, owner, &name, &value);
    }
}

/// Makes one parameter known when it is a credential by its name. A challenge is there to be seen, and so is an address.
fn parameter(shared: &Shared, owner: &str, name: &str, value: &str) {
    let open = name.contains("challenge") || value.is_empty() || value.starts_with("http");
    if looks_secret(name) && !open {
        shared.secrets.add(&format!("{owner}.{}", shorten(name, 40)), value);
    }
}

/// Makes a part of a session known to the masks when its name or its looks say that it is a credential.
pub(super) fn part(shared: &Shared, owner: &str, name: &str, value: &serde_json::Value) {
    let Some(value) = value.as_str() else { return };
    if looks_secret(name) || crate::jose::unverified_claims(value).is_some() {
        shared.secrets.add(&format!("{owner}.{name}"), value);
    }
}

/// Notes what a defect makes of a credential, which may still hold much of it: words that share a piece with it, in
/// whatever case, and Basic credentials.
pub(super) fn defect(shared: &Shared, owner: &str, secret: &str, forged: &Request) {
    const SHORTEST: usize = 8;
    if secret.len() < SHORTEST {
        return;
    }
    // A change in the middle leaves nearly a half on either side.
    let piece = (secret.len() / 2).min(SHORTEST);
    let whole = secret.to_ascii_lowercase();
    let pieces: HashSet<&[u8]> = whole.as_bytes().windows(piece).collect();
    let shares = |word: &[u8]| word.to_ascii_lowercase().windows(piece).any(|part| pieces.contains(part));
    let field = forged.headers.text("authorization");
    let basic = field.as_deref().and_then(|field| field.strip_prefix("Basic "));
    if let Some(basic) = basic.filter(|basic| basic.len() >= SHORTEST) {
        shared.secrets.add(&format!("{owner}.defect"), basic);
    }
    let is_word = |b: &u8| b.is_ascii_alphanumeric() || b"._~+/=-".contains(b);
    let texts = forged.headers.iter().map(|(_, value)| &value[..]);
    for text in texts.chain([forged.address.target().as_bytes(), &forged.body[..]]) {
        for word in text.split(|b| !is_word(b)).filter(|word| *word != secret.as_bytes()) {
            // The name of a cookie or parameter may be read.
            let named = word.iter().position(|b| *b == b'=').map(|at| word.split_at(at + 1));
            let word = match named {
                Some((name, value)) if !shares(name) => value,
                Some(_) | None => word,
            };
            // What is shorter is too little of it to matter.
            if word.len() >= SHORTEST && shares(word) {
                shared.secrets.add(&format!("{owner}.defect"), &String::from_utf8_lossy(word));
            }
        }
    }
}

/// Makes the session cookies of a step known to the masks.
pub(super) fn cookies(shared: &Shared, trail: &Trail, owner: String) {
    for stored in trail.jar.stored() {
        let name = String::from_utf8_lossy(stored.name().as_bytes()).into_owned();
        let value = stored.value().text();
        // A cookie that is taken back is often said to be `""`.
        if !value.trim_matches('"').is_empty() && (stored.parsed.http_only() || looks_secret(&name)) {
            shared.secrets.add(&format!("{owner}.cookie.{}", shorten(&name, 40)), &value);
        }
    }
}

/// Tells whether a name is one that credentials have.
pub(super) fn looks_secret(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "token",
        "secret",
        "password",
        "passwd",
        "session",
        "sess",
        "sid",
        "jwt",
        "csrf",
        "xsrf",
        "auth",
        "key",
        "code",
        "otp",
        "ticket",
        "nonce",
        "verifier",
        "assertion",
    ];
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|w| name.contains(w)) && !name.ends_with("_type") && !name.starts_with("expires")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_basic_is_known_as_it_was_before_it_was_encoded() {
        assert_eq!(form_decoded("a%2Bb+%25%2F%C3%BC%3D%26c"), "a+b %/ü=&c");
        // As `basic-raw` sends them.
        for raw in ["abcdefgh=+%a%&Tail1234=", "obcd/fgh+Tail1234==", "lbcdefgh%41%42Tail", "plain-1"] {
            assert_eq!(form_decoded(raw), raw);
        }
    }
}
