//! The functions templates can call. Each also works as a filter on its first argument.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use md5::Digest as _;
use minijinja::value::{Rest, Value, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::tokens;

/// Begins the detail of errors whose wording is ours and holds no value.
pub(super) const OWN: &str = "authspec: ";

/// A function of the language.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// How it is called and what it gives, one sentence.
    pub about: &'static str,
    /// A call that a test evaluates.
    pub example: &'static str,
    /// Whether it gives something new each time.
    pub is_new: bool,
    call: Call,
}

/// How a function is called.
#[derive(Debug)]
enum Call {
    /// With arguments by place.
    Plain(fn(&[Value]) -> Result<Value, Error>),
    /// With arguments by place and by name.
    Named(fn(&[Value]) -> Result<Value, Error>),
    /// With the scope it is called in, too.
    Within(fn(&State<'_, '_>, &[Value]) -> Result<Value, Error>),
}

/// All functions, by name.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "base64",
        about: "spells text or bytes in Base64 with padding",
        example: "base64('a:b')",
        is_new: false,
        call: Call::Plain(|a| encode(a, |b| STANDARD.encode(b))),
    },
    Function {
        name: "base64url",
        about: "spells text or bytes in the URL-safe Base64 of JWTs, without padding",
        example: "base64url('a?')",
        is_new: false,
        call: Call::Plain(|a| encode(a, |b| URL_SAFE_NO_PAD.encode(b))),
    },
    Function {
        name: "file",
        about: "gives the content of a file below the project's folder, else the suite's",
        example: "file('README.md')",
        is_new: false,
        call: Call::Within(tokens::file),
    },
    Function {
        name: "hex",
        about: "spells text or bytes in lower-case hexadecimal",
        example: "hex('a')",
        is_new: false,
        call: Call::Plain(|a| encode(a, |bytes| hex::encode(bytes))),
    },
    Function {
        name: "hmac",
        about: "gives the HMAC as bytes: `hmac('sha256', key, message)`; also sha1, sha384, sha512",
        example: "hex(hmac('sha256', 'key', 'message'))",
        is_new: false,
        call: Call::Plain(keyed),
    },
    Function {
        name: "jwk_thumbprint",
        about: "gives the thumbprint of a JWK (RFC 7638), a map or JSON text",
        example: "jwk_thumbprint({'kty': 'oct', 'k': 'AQAB'})",
        is_new: false,
        call: Call::Plain(tokens::jwk_thumbprint),
    },
    Function {
        name: "jwt",
        about: "signs claims: `jwt(claims, key)`, the key a secret, PEM or a JWK; by name `alg`, `kid` and `header`",
        example: "jwt({'sub': 'ann', 'exp': now(60)}, 'secret', alg='HS256')",
        is_new: true,
        call: Call::Named(tokens::jwt),
    },
    Function {
        name: "md5",
        about: "gives the MD5 hash as bytes, for old protocols",
        example: "hex(md5('a'))",
        is_new: false,
        call: Call::Plain(|a| hash(a, |b| md5::Md5::digest(b).to_vec())),
    },
    Function {
        name: "now",
        about: "gives the time in seconds since 1970, shifted by an optional number of seconds",
        example: "now(60)",
        is_new: true,
        call: Call::Plain(now),
    },
    Function {
        name: "pkce",
        about: "gives the S256 challenge of a verifier; without one, a new pair with `verifier`, `challenge` and `method`",
        example: "pkce('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk')",
        is_new: true,
        call: Call::Plain(tokens::pkce),
    },
    Function {
        name: "random",
        about: "gives a text of that many random letters and digits",
        example: "random(12)",
        is_new: true,
        call: Call::Plain(random),
    },
    Function {
        name: "sha1",
        about: "gives the SHA-1 hash as bytes, for what is old and still asks for it",
        example: "hex(sha1('a'))",
        is_new: false,
        call: Call::Plain(|a| hash(a, |b| digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, b).as_ref().to_vec())),
    },
    Function {
        name: "sha256",
        about: "gives the SHA-256 hash as bytes",
        example: "base64url(sha256('a'))",
        is_new: false,
        call: Call::Plain(|a| hash(a, |b| digest::digest(&digest::SHA256, b).as_ref().to_vec())),
    },
    Function {
        name: "sha384",
        about: "gives the SHA-384 hash as bytes",
        example: "hex(sha384('a'))",
        is_new: false,
        call: Call::Plain(|a| hash(a, |b| digest::digest(&digest::SHA384, b).as_ref().to_vec())),
    },
    Function {
        name: "sha512",
        about: "gives the SHA-512 hash as bytes",
        example: "hex(sha512('a'))",
        is_new: false,
        call: Call::Plain(|a| hash(a, |b| digest::digest(&digest::SHA512, b).as_ref().to_vec())),
    },
    Function {
        name: "totp",
        about: "gives the one-time password of a Base32 secret, never one twice: the step waits for the next; by name `digits`, `algorithm` and `step`",
        example: "totp('JBSWY3DPEHPK3PXP', digits=6)",
        is_new: true,
        call: Call::Named(tokens::totp),
    },
    Function {
        name: "unique_email",
        about: "gives a new address below example.com, from an optional prefix",
        example: "unique_email('ann')",
        is_new: true,
        call: Call::Plain(unique_email),
    },
    Function {
        name: "urlencode",
        about: "percent-encodes text for a query or form value",
        example: "urlencode('a b&c')",
        is_new: false,
        call: Call::Plain(|a| Ok(Value::from(url_encode(&text(a, 0)?)))),
    },
    Function {
        name: "uuid",
        about: "gives a new random UUID",
        example: "uuid()",
        is_new: true,
        call: Call::Plain(|_| Ok(Value::from(uuid::Uuid::new_v4().to_string()))),
    },
];

/// Names the functions that give something new each time and that a template uses as filters, which its engine does not
/// name: `{{ 8 | random }}`.
pub(super) fn new_filters(source: &str) -> impl Iterator<Item = &'static str> {
    let after_bars: Vec<&str> = source.split('|').skip(1).map(str::trim_start).collect();
    let is_used = move |name: &str| {
        let begins = |text: &&str| {
            let rest = text.strip_prefix(name);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        };
        after_bars.iter().any(begins)
    };
    FUNCTIONS.iter().filter(|function| function.is_new).map(|function| function.name).filter(move |name| is_used(name))
}

/// Makes all functions known, as functions and as filters.
pub(super) fn register(engine: &mut Environment<'static>) {
    for function in FUNCTIONS {
        engine.add_function(function.name, |state: &State<'_, '_>, args: Rest<ValueOrKwargs>| {
            function.call(state, &args.into_values())
        });
        engine.add_filter(function.name, |state: &State<'_, '_>, args: Rest<ValueOrKwargs>| {
            function.call(state, &args.into_values())
        });
    }
}

impl Function {
    fn call(&self, state: &State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        match self.call {
            Call::Plain(_) | Call::Within(_) if args.iter().any(Value::is_kwargs) => {
                Err(own(&format!("`{}` takes no arguments by name", self.name)))
            }
            Call::Plain(call) | Call::Named(call) => call(args),
            Call::Within(call) => call(state, args),
        }
    }
}

pub(super) fn own(message: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{OWN}{message}"))
}

pub(super) fn bytes(args: &[Value], index: usize) -> Result<Vec<u8>, Error> {
    let value = args.get(index).ok_or_else(|| own("a function is called with too few arguments"))?;
    match value.as_bytes() {
        Some(bytes) => Ok(bytes.to_vec()),
        None => super::print(value).map(String::into_bytes).map_err(own),
    }
}

pub(super) fn text(args: &[Value], index: usize) -> Result<String, Error> {
    String::from_utf8(bytes(args, index)?).map_err(|_| own("text is needed here, not bytes"))
}

fn number(args: &[Value], index: usize, default: i64) -> Result<i64, Error> {
    match args.get(index) {
        None => Ok(default),
        Some(value) => i64::try_from(value.clone()).map_err(|_| own("a whole number is needed here")),
    }
}

fn encode(args: &[Value], spell: impl Fn(&[u8]) -> String) -> Result<Value, Error> {
    Ok(Value::from(spell(&bytes(args, 0)?)))
}

fn hash(args: &[Value], digest: impl Fn(&[u8]) -> Vec<u8>) -> Result<Value, Error> {
    Ok(Value::from_bytes(digest(&bytes(args, 0)?)))
}

fn keyed(args: &[Value]) -> Result<Value, Error> {
    let algorithm = match text(args, 0)?.to_ascii_lowercase().replace('-', "").as_str() {
        "sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => hmac::HMAC_SHA256,
        "sha384" => hmac::HMAC_SHA384,
        "sha512" => hmac::HMAC_SHA512,
        _ => return Err(own("`hmac` knows sha1, sha256, sha384 and sha512")),
    };
    let key = hmac::Key::new(algorithm, &bytes(args, 1)?);
    Ok(Value::from_bytes(hmac::sign(&key, &bytes(args, 2)?).as_ref().to_vec()))
}

fn now(args: &[Value]) -> Result<Value, Error> {
    let shift = number(args, 0, 0)?;
    Ok(Value::from(jiff::Timestamp::now().as_second().saturating_add(shift)))
}

/// Letters and digits from the system's random source, without bias.
pub(super) fn random_text(length: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut out = String::with_capacity(length);
    while out.len() < length {
        for byte in uuid::Uuid::new_v4().as_bytes().iter().take(6) {
            if out.len() < length {
                out.push(char::from(ALPHABET[usize::from(byte % 32)]));
            }
        }
    }
    out
}

fn random(args: &[Value]) -> Result<Value, Error> {
    let length = usize::try_from(number(args, 0, 16)?).ok().filter(|n| (1..=4096).contains(n));
    length.map(|n| Value::from(random_text(n))).ok_or_else(|| own("`random` takes a length from 1 to 4096"))
}

fn unique_email(args: &[Value]) -> Result<Value, Error> {
    let prefix = if args.is_empty() { "user".to_owned() } else { text(args, 0)? };
    Ok(Value::from(format!("{prefix}-{}@example.com", random_text(10))))
}

fn url_encode(text: &str) -> String {
    const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, UNRESERVED).to_string()
}
