//! What a JSON Web Token or Basic credentials say of themselves; nothing here trusts them.

use serde_json::Value;

use super::Fault;

/// A JSON Web Token, read and not verified (RFC 7519).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Token {
    /// `alg` of its header.
    pub alg: String,
    /// `typ` of its header or its claims, in lower case.
    pub kind: Option<String>,
    /// When it ends.
    pub exp: Option<i64>,
    /// From when on it is good.
    pub nbf: Option<i64>,
    /// When it was issued.
    pub iat: Option<i64>,
    /// The host that `iss` names, if it is an address.
    pub issuer: Option<String>,
    /// How many audiences it names.
    pub audiences: usize,
    /// The scopes it holds.
    pub scopes: Option<Vec<String>>,
    /// It holds claims that only ID tokens have (`OpenID` Connect Core, section 2).
    pub id_claims: bool,
    /// It is bound to a key that its sender has to prove (`cnf.jkt`, RFC 9449, section 6).
    pub bound: bool,
    /// Its signature is empty.
    pub unsigned: bool,
}

/// Basic credentials as they decode, without their values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Basic {
    /// A colon stands between user and password.
    pub colon: bool,
    /// They end in a line break.
    pub newline: bool,
    /// They hold characters beyond ASCII.
    pub beyond_ascii: bool,
    /// The user name is empty.
    pub no_user: bool,
    /// The password is empty.
    pub no_password: bool,
}

impl Basic {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let colon = bytes.iter().position(|b| *b == b':');
        Self {
            colon: colon.is_some(),
            newline: bytes.last().is_some_and(|b| matches!(b, b'\n' | b'\r')),
            beyond_ascii: !bytes.is_ascii(),
            no_user: colon == Some(0),
            no_password: colon.is_some_and(|at| at + 1 == bytes.len()),
        }
    }
}

/// Reads a token.
pub(super) fn read(text: &str) -> Option<Token> {
    let parsed = crate::jose::Token::parse(text).ok()?;
    let (header, claims) = (Value::Object(parsed.header().clone()), parsed.claims().ok()?);
    let word = |from: &Value, name: &str| from.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let time = |name: &str| {
        #[expect(clippy::cast_possible_truncation, reason = "a time with a fraction is cut to its second")]
        let whole = |n: f64| n as i64;
        claims.get(name).and_then(|v| v.as_i64().or_else(|| v.as_f64().map(whole)))
    };
    let kind = ["typ", "token_use", "token_type", "type"].iter().find_map(|name| word(&claims, name));
    let kind = kind.or_else(|| word(&header, "typ").filter(|t| !t.eq_ignore_ascii_case("jwt")));
    let scope = claims.get("scope").or_else(|| claims.get("scp"));
    let scopes = scope.map(|s| match s {
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
        other => other.as_str().unwrap_or_default().split_whitespace().map(ToOwned::to_owned).collect(),
    });
    Some(Token {
        alg: word(&header, "alg").unwrap_or_default().chars().take(20).collect(),
        kind: kind.map(|k| k.to_ascii_lowercase().chars().take(20).collect()),
        exp: time("exp"),
        nbf: time("nbf"),
        iat: time("iat"),
        issuer: word(&claims, "iss")
            .and_then(|iss| url::Url::parse(&iss).ok())
            .and_then(|u| u.host_str().map(ToOwned::to_owned)),
        audiences: match claims.get("aud") {
            None | Some(Value::Null) => 0,
            Some(Value::Array(list)) => list.len(),
            Some(_) => 1,
        },
        scopes,
        id_claims: claims.get("at_hash").is_some() || claims.get("nonce").is_some(),
        bound: claims.pointer("/cnf/jkt").is_some(),
        unsigned: parsed.signature().is_empty(),
    })
}

/// Says what is wrong with a text that begins like a token, and can be read as one or not.
pub(super) fn fault(text: &str, readable: impl FnOnce() -> bool) -> Option<Fault> {
    if !text.starts_with("eyJ") {
        return None;
    }
    let parts = text.split('.').count();
    match parts {
        5 => Some(Fault::Encrypted),
        3 if readable() => None,
        _ => Some(Fault::Broken { parts }),
    }
}

impl Token {
    /// Tells whether it is meant for another use than to open an API.
    pub fn wrong_kind(&self) -> Option<&'static str> {
        match self.kind.as_deref() {
            Some("refresh" | "refresh_token" | "rt+jwt") => Some("a refresh token"),
            Some("id" | "id_token") => Some("an ID token"),
            _ if self.id_claims => Some("an ID token"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.c2ln", B64.encode(header), B64.encode(claims))
    }

    #[test]
    fn a_token_says_what_it_is() {
        let text = token(
            r#"{"alg":"RS256","typ":"JWT"}"#,
            r#"{"exp":10.5,"nbf":5,"iss":"https://id.test/realm","aud":["a","b"],"scope":"read write"}"#,
        );
        let token = read(&text).unwrap();
        assert_eq!((token.exp, token.nbf, token.iat, token.audiences), (Some(10), Some(5), None, 2));
        assert_eq!((token.alg.as_str(), token.issuer.as_deref()), ("RS256", Some("id.test")));
        assert_eq!(token.scopes.as_deref(), Some(&["read".to_owned(), "write".to_owned()][..]));
        assert!(token.wrong_kind().is_none() && !token.unsigned);
    }

    #[test]
    fn kinds_are_known_by_their_claims() {
        let kind = |header: &str, claims: &str| read(&token(header, claims)).unwrap().wrong_kind();
        assert_eq!(kind(r#"{"alg":"x"}"#, r#"{"typ":"Refresh"}"#), Some("a refresh token"));
        assert_eq!(kind(r#"{"alg":"x"}"#, r#"{"token_use":"id"}"#), Some("an ID token"));
        assert_eq!(kind(r#"{"alg":"x"}"#, r#"{"at_hash":"h"}"#), Some("an ID token"));
        assert_eq!(kind(r#"{"alg":"x","typ":"at+jwt"}"#, r#"{"token_use":"access"}"#), None);
    }

    #[test]
    fn basic_credentials_are_described_and_not_told() {
        let of = |text: &str| Basic::of(text.as_bytes());
        assert!(of("alice:pw").colon && !of("alice:pw").newline);
        assert!(!of("alicepw").colon && of("a:b\n").newline && of("ä:b").beyond_ascii);
        assert!(of(":b").no_user && of("a:").no_password);
    }
}
