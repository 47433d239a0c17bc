//! The functions about tokens, keys and files: `jwt`, `jwk_thumbprint`, `pkce`, `totp` and `file`.

use aws_lc_rs::{digest, hmac};
use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Error, State};

use super::functions::{bytes, own, random_text, text};
use super::{to_json, totp};
use crate::files::read_file;
use crate::jose;

/// The name under which a scope holds the folder that `file` reads below.
pub(super) const FOLDER: &str = "folder of files";

/// Begins the detail of an error that goes away with time; the second follows.
pub(super) const WAIT: &str = "authspec wait: ";

/// Takes the named arguments off the end.
fn named(args: &[Value]) -> Result<(&[Value], Kwargs), Error> {
    match args.split_last() {
        Some((last, before)) if last.is_kwargs() => Ok((before, Kwargs::try_from(last.clone())?)),
        _ => Ok((args, std::iter::empty::<(String, Value)>().collect())),
    }
}

fn settled(options: &Kwargs, function: &str, known: &str) -> Result<(), Error> {
    options.assert_all_used().map_err(|_| own(&format!("`{function}` takes {known} by name, and nothing else")))
}

fn option(options: &Kwargs, name: &str) -> Result<Option<String>, Error> {
    let value: Option<Value> = options.get(name).map_err(|_| own(&format!("`{name}` cannot be read")))?;
    value.map(|value| text(&[value], 0)).transpose()
}

fn json(value: &Value) -> Result<serde_json::Value, Error> {
    to_json(value).map_err(own)
}

fn object(value: &Value) -> Result<serde_json::Map<String, serde_json::Value>, Error> {
    match json(value)? {
        serde_json::Value::Object(map) => Ok(map),
        serde_json::Value::String(text) => {
            serde_json::from_str(&text).map_err(|_| own("a map is needed here, or text that is a JSON object"))
        }
        _ => Err(own("a map is needed here, or text that is a JSON object")),
    }
}

/// `jwt(claims, key, alg='RS256', kid='k', header={…})`.
pub(super) fn jwt(args: &[Value]) -> Result<Value, Error> {
    let (args, options) = named(args)?;
    let [claims, key] = args else { return Err(own("`jwt` takes claims and a key")) };
    let fault = |fault: jose::JoseFault| own(&format!("the token cannot be signed: {fault}"));
    let key = key_of(key).map_err(fault)?;
    let mut header = serde_json::Map::new();
    header.insert("alg".to_owned(), "".into());
    header.insert("typ".to_owned(), "JWT".into());
    let extra: Option<Value> = options.get("header").map_err(|_| own("`header` cannot be read"))?;
    for (name, value) in extra.map(|extra| object(&extra)).transpose()?.unwrap_or_default() {
        header.insert(name, value);
    }
    if let Some(id) = option(&options, "kid")? {
        header.insert("kid".to_owned(), id.into());
    }
    let algorithm = match option(&options, "alg")? {
        None => key.usual_algorithm(),
        Some(name) => {
            jose::Algorithm::named(&name).ok_or_else(|| own(&format!("`{name}` is no algorithm that signs")))?
        }
    };
    settled(&options, "jwt", "`alg`, `kid` and `header`")?;
    let claims = serde_json::Value::Object(object(claims)?).to_string();
    jose::sign(algorithm, header, claims.as_bytes(), &key).map(Value::from).map_err(fault)
}

/// A JWK as map or text, PEM, or else a secret.
fn key_of(value: &Value) -> Result<jose::Key, jose::JoseFault> {
    if value.kind() == ValueKind::Map {
        return jose::Key::from_jwk(&to_json(value).unwrap_or_default());
    }
    let bytes = bytes(std::slice::from_ref(value), 0).unwrap_or_default();
    let looks = |text: &str| text.trim_start().starts_with(['{']) || text.contains("-----BEGIN ");
    match std::str::from_utf8(&bytes) {
        Ok(text) if looks(text) => jose::Key::from_text(text),
        Ok(_) | Err(_) => jose::Key::secret(&bytes),
    }
}

/// `jwk_thumbprint(jwk)`.
pub(super) fn jwk_thumbprint(args: &[Value]) -> Result<Value, Error> {
    let [jwk] = args else { return Err(own("`jwk_thumbprint` takes one key")) };
    let jwk = serde_json::Value::Object(object(jwk)?);
    jose::thumbprint(&jwk).map(Value::from).map_err(|fault| own(&fault.0))
}

/// `pkce(verifier)` gives the S256 challenge (RFC 7636, section 4.2); `pkce()` a new pair.
pub(super) fn pkce(args: &[Value]) -> Result<Value, Error> {
    let challenge = |verifier: &str| jose::encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
    if args.is_empty() {
        let verifier = random_text(64);
        let pair = [("challenge", challenge(&verifier)), ("verifier", verifier), ("method", "S256".to_owned())];
        return Ok(Value::from_pairs(pair));
    }
    Ok(Value::from(challenge(&text(args, 0)?)))
}

/// `totp(secret, digits=6, algorithm='sha1', step=30)`.
pub(super) fn totp(args: &[Value]) -> Result<Value, Error> {
    let (args, options) = named(args)?;
    let secret =
        totp::base32(&text(args, 0)?).ok_or_else(|| own("`totp` takes a secret in Base32, as a QR code holds it"))?;
    let algorithm = match option(&options, "algorithm")?.map(|a| a.to_ascii_lowercase().replace('-', "")).as_deref() {
        None | Some("sha1") => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Some("sha256") => hmac::HMAC_SHA256,
        Some("sha512") => hmac::HMAC_SHA512,
        Some(_) => return Err(own("`totp` knows sha1, sha256 and sha512")),
    };
    let digits = small(&options, "digits", 6, 6..=8)?;
    let step = small(&options, "step", 30, 1..=300)?;
    settled(&options, "totp", "`digits`, `algorithm` and `step`")?;
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    match totp::take(&secret, now, u64::from(step)) {
        Ok(count) => Ok(Value::from(totp::code(&secret, count, totp::Method { algorithm, digits }))),
        // Nobody waits for a clock that was set back.
        Err(until) if until > now + 2 * u64::from(step) => {
            Err(own("the next one-time password is too far away: was the clock set back?"))
        }
        Err(until) => Err(Error::new(minijinja::ErrorKind::InvalidOperation, format!("{WAIT}{until}"))),
    }
}

fn small(options: &Kwargs, name: &str, usual: u32, range: std::ops::RangeInclusive<u32>) -> Result<u32, Error> {
    let given = option(options, name)?.map(|text| text.parse().ok().filter(|n| range.contains(n)));
    match given {
        None => Ok(usual),
        Some(Some(n)) => Ok(n),
        Some(None) => Err(own(&format!("`{name}` is a number from {} to {}", range.start(), range.end()))),
    }
}

/// `file(path)`: text where the file is text, else its bytes.
pub(super) fn file(state: &State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let path = text(args, 0)?;
    let folder = state.lookup(FOLDER).filter(|v| v.kind() == ValueKind::String);
    let folder = folder.ok_or_else(|| own("files can be read in suites only"))?;
    let folder = std::path::Path::new(folder.as_str().unwrap_or_default());
    match read_file(folder, folder, &path) {
        Ok(bytes) => {
            Ok(String::from_utf8(bytes.to_vec()).map_or_else(|e| Value::from_bytes(e.into_bytes()), Value::from))
        }
        Err(why) => Err(own(&format!("the file `{path}` cannot be used: {why}"))),
    }
}
