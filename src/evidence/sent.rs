//! The credentials of a request: where each stood and what is wrong with how it looks.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::token::{self, Basic, Token};
use crate::http::Request;
use crate::secret::{SecretSet, is_invisible};

/// A credential as it left, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Where it stood.
    pub place: Place,
    /// The word before it.
    pub word: Word68,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
    /// Its bytes, without the word.
    pub length: usize,
    /// What it says of itself, if it is a JSON Web Token.
    pub token: Option<Token>,
    /// What it decodes to, if it is Basic.
    pub basic: Option<Basic>,
}

/// Where a credential stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A header field, in lower case.
    Header(String),
    /// A query parameter.
    Query(String),
    /// A cookie.
    Cookie(String),
}

/// The scheme word in front of a credential (RFC 9110, section 11.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word68 {
    /// None.
    Missing,
    /// One that is known, as it was spelled.
    Known(String),
    /// Some other word; it may be a part of the secret.
    Other,
}

/// What is wrong with how a credential looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing stands behind the scheme word.
    Empty,
    /// The scheme word stands twice.
    DoubleWord,
    /// It stands in quotes.
    Quoted,
    /// It is a JSON text.
    Json,
    /// It is the text of a value that was not there, such as `undefined`.
    Nothing(&'static str),
    /// It is a template that was not filled in, such as `{{ token }}`.
    Template,
    /// It holds a blank or a control character.
    Blank,
    /// It holds a character that cannot be seen, such as a byte order mark.
    Invisible,
    /// It is percent-encoded.
    Percent,
    /// It begins like a JSON Web Token and has not three readable parts.
    Broken {
        /// How many parts it has.
        parts: usize,
    },
    /// It has the five parts of an encrypted token (RFC 7516).
    Encrypted,
    /// It is Basic, and no base64.
    NotBase64,
    /// It is Basic in the alphabet of URLs (RFC 4648, section 5).
    UrlAlphabet,
}

/// Scheme words that are surely no part of a secret.
const KNOWN: &[&str] = &[
    "basic",
    "bearer",
    "digest",
    "dpop",
    "token",
    "jwt",
    "apikey",
    "api-key",
    "negotiate",
    "ntlm",
    "hawk",
    "hmac",
    "signature",
    "key",
    "aws4-hmac-sha256",
    "privatetoken",
    "oauth",
    "gnap",
];

/// Values that stand where something was not there.
const NOTHINGS: &[&str] =
    &["undefined", "null", "none", "nil", "nan", "[object object]", "changeme", "placeholder", "todo", "your-token"];

/// Query parameters that carry credentials.
const PARAMETERS: &[&str] = &["access_token", "token", "api_key", "apikey", "api-key", "key", "auth", "jwt"];

/// Lists the credential fields of a request, in lower case.
pub(super) fn fields(request: &Request, promised: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for (name, _) in request.headers.iter() {
        let name = name.to_ascii_lowercase();
        if (is_credential(&name) || promised.iter().any(|p| p.eq_ignore_ascii_case(&name)) || name == "cookie")
            && !all.contains(&name)
        {
            all.push(name);
        }
    }
    all
}

/// Tells whether a field is one that carries a credential; a CSRF token is none.
fn is_credential(name: &str) -> bool {
    let known = ["authorization", "proxy-authorization", "x-access-token", "x-auth", "x-auth-token"].contains(&name);
    let like = ["api-key", "apikey", "api_key", "auth", "token", "secret"].iter().any(|w| name.contains(w));
    (known || like) && !["csrf", "xsrf"].iter().any(|w| name.contains(w))
}

/// Reads all credentials of a request.
pub(super) fn all(request: &Request, promised: &[String], secrets: &SecretSet) -> Vec<Sent> {
    let mut all = Vec::new();
    let is_known = |value: &str| secrets.mask(value) != value;
    for name in fields(request, promised).iter().filter(|n| *n != "cookie") {
        for value in request.headers.all(name) {
            all.push(read(Place::Header(name.clone()), &String::from_utf8_lossy(value)));
        }
    }
    let query = request.address.target().split_once('?').map_or("", |(_, q)| q);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if name == "id_token_hint" {
            // It says whose session is meant, and lets nobody in (OpenID Connect RP-Initiated Logout 1.0, section 2).
            continue;
        }
        if PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) || is_known(&value) {
            all.push(read(Place::Query(name.into_owned()), &value));
        }
    }
    for value in request.headers.all("cookie") {
        let text = String::from_utf8_lossy(value).into_owned();
        for pair in text.split("; ") {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            all.push(read(Place::Cookie(name.to_owned()), value));
        }
    }
    // Kept for every refusal until the end of the run.
    all.shrink_to_fit();
    all
}

fn read(place: Place, whole: &str) -> Sent {
    let in_authorization = matches!(&place, Place::Header(n) if n.ends_with("authorization"));
    let (word, value) = split(whole, in_authorization);
    let mut faults = Vec::new();
    let (again, inner) = split(value, in_authorization);
    if matches!((&word, &again), (Word68::Known(_), Word68::Known(_))) && !inner.is_empty() {
        faults.push(Fault::DoubleWord);
    }
    // Parameters of a scheme such as Digest are no token with faults of its own.
    let plain = !matches!(&word, Word68::Known(w) if ["digest", "hawk", "signature", "aws4-hmac-sha256"]
        .contains(&w.to_ascii_lowercase().as_str()));
    let is_basic = matches!(&word, Word68::Known(w) if w.eq_ignore_ascii_case("basic"));
    let bare = if faults.is_empty() { value.trim_matches(['"', '\'']) } else { inner };
    let token = token::read(bare);
    let mut basic = None;
    if is_basic && !faults.contains(&Fault::DoubleWord) {
        basic = read_basic(value, &mut faults);
    } else if plain {
        let readable = |text: &str| if text == bare { token.is_some() } else { token::read(text).is_some() };
        look(if faults.is_empty() { value } else { inner }, readable, &mut faults);
    }
    if matches!(place, Place::Cookie(_)) {
        // A cookie may hold anything; only what surely stands for nothing is a fault.
        faults.retain(|f| matches!(f, Fault::Nothing(_) | Fault::Template));
    }
    Sent { place, word, faults, length: value.len(), token, basic }
}

/// Splits the scheme word off.
fn split(whole: &str, in_authorization: bool) -> (Word68, &str) {
    let (first, rest) = whole.split_once(' ').unwrap_or((whole, ""));
    if KNOWN.contains(&first.to_ascii_lowercase().as_str()) && (in_authorization || !rest.is_empty()) {
        return (Word68::Known(first.to_owned()), rest.trim_start_matches(' '));
    }
    let other = in_authorization && !rest.is_empty() && first.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if other { (Word68::Other, rest.trim_start_matches(' ')) } else { (Word68::Missing, whole) }
}

/// Notes what is wrong with a token or key; `readable` tells whether a text is a token.
fn look(value: &str, readable: impl Fn(&str) -> bool, faults: &mut Vec<Fault>) {
    if value.is_empty() {
        faults.push(Fault::Empty);
        return;
    }
    if let Some(fault) = stand_in(value) {
        faults.push(fault);
        return;
    }
    let trimmed = value.trim();
    if trimmed.starts_with('{') || trimmed.starts_with('[') {
        faults.push(Fault::Json);
        return;
    }
    let quoted = |q: char| value.starts_with(q) || value.ends_with(q);
    if quoted('"') || quoted('\'') {
        faults.push(Fault::Quoted);
    }
    if value.chars().any(is_invisible) {
        faults.push(Fault::Invisible);
    }
    if value.chars().any(|c| c.is_ascii_whitespace() || c.is_ascii_control()) {
        faults.push(Fault::Blank);
    }
    let upper = value.to_ascii_uppercase();
    if ["%2B", "%2F", "%3D", "%2E", "%20"].iter().any(|e| upper.contains(e)) {
        faults.push(Fault::Percent);
    }
    let bare = value.trim_matches(|c: char| c == '"' || c == '\'' || c.is_ascii_whitespace());
    faults.extend(token::fault(bare, || readable(bare)));
}

/// Tells whether a value only stands in for one.
fn stand_in(value: &str) -> Option<Fault> {
    let lower = value.trim_matches(['"', '\'', ' ']).to_ascii_lowercase();
    if let Some(nothing) = NOTHINGS.iter().find(|n| **n == lower) {
        return Some(Fault::Nothing(nothing));
    }
    let shell = value.strip_prefix('$').is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    });
    let marked = ["{{", "}}", "${", "%7b%7b", "{%"].iter().any(|m| lower.contains(m));
    let angled = lower.starts_with('<') && lower.ends_with('>');
    (shell || marked || angled).then_some(Fault::Template)
}

/// Reads `base64(user:password)` (RFC 7617, section 2).
fn read_basic(value: &str, faults: &mut Vec<Fault>) -> Option<Basic> {
    if value.is_empty() {
        faults.push(Fault::Empty);
        return None;
    }
    if let Some(fault) = stand_in(value) {
        faults.push(fault);
        return None;
    }
    let decoded = STANDARD.decode(value).or_else(|_| STANDARD_NO_PAD.decode(value));
    let Ok(bytes) = decoded else {
        let mended = value.replace('-', "+").replace('_', "/");
        let in_urls = STANDARD.decode(&mended).or_else(|_| STANDARD_NO_PAD.decode(&mended)).is_ok();
        faults.push(if in_urls { Fault::UrlAlphabet } else { Fault::NotBase64 });
        return None;
    };
    let text = String::from_utf8_lossy(&bytes);
    if let Some((user, password)) = text.split_once(':') {
        faults.extend(stand_in(user).or_else(|| stand_in(password)));
    }
    Some(Basic::of(&bytes))
}

impl Place {
    /// Says where, as a sentence does.
    pub fn words(&self) -> String {
        match self {
            Self::Header(name) => format!("`{name}`"),
            Self::Query(name) => format!("the query parameter `{name}`"),
            Self::Cookie(name) => format!("the cookie `{name}`"),
        }
    }
}

impl Sent {
    /// Tells whether the word before it is this one, in any case.
    pub fn is(&self, word: &str) -> bool {
        matches!(&self.word, Word68::Known(w) if w.eq_ignore_ascii_case(word))
    }

    /// Tells whether it stood in `Authorization`.
    pub fn in_authorization(&self) -> bool {
        matches!(&self.place, Place::Header(name) if name == "authorization")
    }

    /// Finds a fault.
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(value: &str) -> Sent {
        read(Place::Header("authorization".to_owned()), value)
    }

    #[test]
    fn faults_are_seen_in_how_a_credential_looks() {
        for (value, fault) in [
            ("Bearer ", Fault::Empty),
            ("Bearer", Fault::Empty),
            ("Bearer Bearer abc", Fault::DoubleWord),
            ("bearer Token abc", Fault::DoubleWord),
            ("Bearer \"abc\"", Fault::Quoted),
            ("Bearer {\"access_token\":\"abc\"}", Fault::Json),
            ("Bearer undefined", Fault::Nothing("undefined")),
            ("Bearer null", Fault::Nothing("null")),
            ("Bearer [object Object]", Fault::Nothing("[object object]")),
            ("Bearer {{ token }}", Fault::Template),
            ("Bearer ${TOKEN}", Fault::Template),
            ("Bearer $TOKEN", Fault::Template),
            ("Bearer <token>", Fault::Template),
            ("Bearer ab cd", Fault::Blank),
            ("Bearer abc\u{feff}", Fault::Invisible),
            ("Bearer abc%3D%3D", Fault::Percent),
            ("Bearer eyJhbGciOiJub25lIn0.e30", Fault::Broken { parts: 2 }),
            ("Bearer eyJhbGciOiJub25lIn0.a.b.c.d", Fault::Encrypted),
            ("Basic a-_b", Fault::UrlAlphabet),
            ("Basic alice:secret", Fault::NotBase64),
            ("Basic dW5kZWZpbmVkOnB3", Fault::Nothing("undefined")),
        ] {
            assert!(header(value).has(fault), "{value}: {:?}", header(value));
        }
    }

    #[test]
    fn a_good_credential_has_no_fault() {
        for value in [
            "Bearer abc.def-ghi_~+/==",
            "Basic YWxpY2U6c2VjcmV0",
            "Digest username=\"a\", realm=\"b\"",
            "Token 12345",
            "Bearer eyJhbGciOiJub25lIn0.e30.",
            "Bearer nullified",
            "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=c",
        ] {
            assert_eq!(header(value).faults, [], "{value}");
        }
        let cookie = read(Place::Cookie("prefs".to_owned()), "{\"a\": 1}");
        assert_eq!(cookie.faults, []);
    }

    #[test]
    fn an_unknown_word_is_not_kept() {
        assert_eq!(header("hunter2 hunter3").word, Word68::Other);
        assert_eq!(header("hunter2").word, Word68::Missing);
        assert_eq!(header("BEARER x").word, Word68::Known("BEARER".to_owned()));
    }
}
