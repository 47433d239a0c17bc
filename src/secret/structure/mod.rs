//! Masks what stands where credentials stand, whether or not the value is known.
//!
//! Pure functions, one file per notation. What is masked is decided by names only, in `keys`; what is shown instead, here. To
//! add a name see `keys`; to add a notation write a function from text to text and call it in [`mask_as`].

mod form;
mod header;
mod html;
mod json;
mod jwt;
mod keys;
mod plain;

use std::borrow::Cow;

use aws_lc_rs::digest;

pub use form::{mask_form, mask_url};
pub use header::mask_header;
pub use html::mask_html;
pub use json::{mask_json, mask_json_text};
pub use jwt::mask_jwts;
pub use plain::mask_plain;

use keys::Kind;

/// Tells whether a credential stands behind a name.
pub fn is_credential_name(name: &str) -> bool {
    keys::kind_of(name).is_some_and(|kind| kind != Kind::Code)
}

/// Tells whether a credential may stand behind a name inside of what is named like one: `secret: { value: … }`.
pub fn is_inner_name(name: &str) -> bool {
    keys::is_inner(name)
}

/// What a text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// Anything: log lines, headers, messages.
    Plain,
    /// JSON, also broken or cut.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// HTML.
    Html,
    /// One address, absolute or relative.
    Url,
}

/// Values of at least this many bytes are named by a fingerprint; shorter ones could be guessed from it.
const FINGERPRINTED: usize = 16;

/// What may be left beside a name of a known secret without being masked in its turn.
const NEGLIGIBLE: usize = 6;

/// Passes over a text; the second changes something in made-up texts only.
const ROUNDS: usize = 4;

/// Schemes that may stand before a credential.
const SCHEMES: [&str; 8] = ["Bearer", "Basic", "DPoP", "Token", "JWT", "Negotiate", "NTLM", "ApiKey"];

/// Masks a whole text.
pub fn mask_as(kind: TextKind, text: &str) -> String {
    settle(text, |text| mask_once(kind, text)).into_owned()
}

/// Masks until masking again would change nothing: what one rule has left may be clearer to another.
fn settle(text: &str, mask: impl Fn(&str) -> String) -> Cow<'_, str> {
    let mut settled = Cow::Borrowed(text);
    for _ in 0..ROUNDS {
        let masked = mask(&settled);
        if masked == settled {
            break;
        }
        settled = Cow::Owned(masked);
    }
    settled
}

fn mask_once(kind: TextKind, text: &str) -> String {
    let masked = match kind {
        TextKind::Plain => mask_plain(text),
        TextKind::Json => mask_json_text(text),
        TextKind::Form => mask_form(text),
        TextKind::Html => mask_html(text),
        TextKind::Url => mask_url(text),
    };
    mask_jwts(&masked).into_owned()
}

/// Gives what is shown instead of a credential; nothing if it may stay: it is empty, masked already, or a template
/// in a line of somebody's file. A scheme before it stays.
fn stand_in(value: &str, kind: Kind) -> Option<String> {
    let value = value.trim();
    match value.split_once(' ') {
        Some((scheme, credential)) if SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)) => {
            let kind = if scheme.eq_ignore_ascii_case("basic") { Kind::Password } else { kind };
            shown(credential.trim(), kind).map(|shown| format!("{scheme} {shown}"))
        }
        Some(_) | None => shown(value, kind),
    }
}

fn shown(value: &str, kind: Kind) -> Option<String> {
    match kind {
        _ if value.is_empty() || value.starts_with("{{") || is_masked(value) => None,
        // `credentials: true` says that there are some, not which.
        _ if matches!(value, "true" | "false") => None,
        Kind::Code if is_code_word(value) => None,
        Kind::Token | Kind::Code if value.len() >= FINGERPRINTED => Some(fingerprint(value)),
        Kind::Password | Kind::Token | Kind::Code => Some("‹masked›".to_owned()),
    }
}

/// Names a value by eight hexadecimal digits of its SHA-256: enough to tell two apart.
fn fingerprint(value: &str) -> String {
    let hash = digest::digest(&digest::SHA256, value.as_bytes());
    let start = hash.as_ref().iter().take(4).fold(0_u32, |start, byte| start << 8 | u32::from(*byte));
    format!("‹masked:{start:08x}›")
}

/// Tells whether a value consists of names of secrets, but for a negligible rest.
fn is_masked(value: &str) -> bool {
    let without = without_names(value);
    without.len() < value.len() && without.trim().len() < NEGLIGIBLE
}

/// Takes the names of secrets out of a text.
fn without_names(text: &str) -> String {
    let mut out = String::new();
    let mut begun = Vec::new();
    for c in text.chars() {
        if c == '‹' {
            begun.push(out.len());
        }
        match begun.pop_if(|_| c == '›') {
            Some(start) => out.truncate(start),
            None => out.push(c),
        }
    }
    out
}

/// Tells an error or status code from an authorization code: a short number, or a word of one case without digits.
fn is_code_word(value: &str) -> bool {
    let number = value.len() <= 4 && value.bytes().all(|b| b.is_ascii_digit());
    let word = |letter: fn(&u8) -> bool| {
        value.len() <= 32 && value.bytes().all(|b| letter(&b) || matches!(b, b'_' | b'-' | b'.'))
    };
    number || word(u8::is_ascii_lowercase) || word(u8::is_ascii_uppercase)
}

/// Replaces parts of a text; `changes` are in order and do not overlap.
fn replace_all(text: &str, changes: Vec<(std::ops::Range<usize>, String)>) -> Cow<'_, str> {
    if changes.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (at, shown) in changes {
        out.push_str(&text[done..at.start]);
        out.push_str(&shown);
        done = at.end;
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}
