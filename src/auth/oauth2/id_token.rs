//! ID tokens (`OpenID` Connect Core 1.0, section 3.1.3.7): believed only when all of it holds.

use aws_lc_rs::digest;
use jiff::Timestamp;
use serde_json::Value;

use crate::auth::Refused;
use crate::jose::{self, Algorithm, Family, Jwks, Token};
use crate::term::list;

/// How far the server's clock may be from ours, in seconds.
const SLACK: i64 = 60;

/// What an ID token has to say.
#[derive(Debug)]
pub(super) struct Expected<'a> {
    pub(super) issuer: Option<&'a str>,
    pub(super) client: &'a str,
    pub(super) nonce: Option<&'a str>,
    /// The person of the session before a refresh (section 12.2).
    pub(super) subject: Option<&'a str>,
    /// The nonce of that session's ID token: a refreshed one need not have it, and has no other (section 12.2).
    pub(super) nonce_before: Option<&'a str>,
    pub(super) access_token: &'a str,
    /// The algorithms that the metadata list; none when they do not.
    pub(super) algorithms: Vec<&'a str>,
    pub(super) now: Timestamp,
}

/// Verifies an ID token. Without keys its signature is not looked at: it came by TLS from the token endpoint itself,
/// which is enough (section 3.1.3.7, number 6).
pub(super) fn verify(text: &str, keys: Option<&Jwks>, expected: &Expected<'_>) -> Result<(), Refused> {
    check(text, keys, expected).map_err(|why| Refused {
        message: format!("the ID token is not to be trusted: {why}"),
        help: vec![if is_encrypted(text) { ENCRYPTED } else { UNTRUSTED }.to_owned()],
    })
}

const UNTRUSTED: &str = "a client has to refuse it (OpenID Connect Core, section 3.1.3.7)";
const ENCRYPTED: &str = "encrypted ID tokens are not read here: switch the encryption off for this client (`id_token_encrypted_response_alg`)";

/// Tells whether it has the five parts of an encrypted token (RFC 7516, section 7.1).
fn is_encrypted(text: &str) -> bool {
    text.split('.').count() == 5
}

/// Tells whether it is signed with the secret of the client (section 10.1).
pub(super) fn is_secret_signed(text: &str) -> bool {
    Token::parse(text).ok().and_then(|t| t.algorithm().ok()).is_some_and(|a| a.family() == Family::Secret)
}

fn check(text: &str, keys: Option<&Jwks>, expected: &Expected<'_>) -> Result<(), String> {
    let token = Token::parse(text).map_err(|fault| fault.0)?;
    let algorithm = token.algorithm().map_err(|fault| fault.0)?;
    if !expected.algorithms.is_empty() && !expected.algorithms.contains(&algorithm.name()) {
        let listed: Vec<String> = expected.algorithms.iter().map(|a| format!("`{a}`")).collect();
        return Err(format!(
            "it is signed with `{}`, and the metadata list {}",
            algorithm.name(),
            list(&listed, "and")
        ));
    }
    if let Some(keys) = keys {
        keys.verify(&token).map_err(|fault| fault.0)?;
    }
    let claims = token.claims().map_err(|fault| fault.0)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    match (text("iss"), expected.issuer) {
        (None, _) => return Err("it names no issuer (`iss`)".to_owned()),
        (Some(said), Some(issuer)) if said != issuer => {
            return Err(format!("its `iss` is `{said}`, and the issuer is `{issuer}`"));
        }
        (Some(_), _) => {}
    }
    audience(&claims, expected.client)?;
    times(&claims, expected.now)?;
    let subject = text("sub").filter(|s| !s.is_empty()).ok_or("it names nobody (`sub`)")?;
    if expected.subject.is_some_and(|before| before != subject) {
        return Err("its `sub` is another than that of the session before the refresh".to_owned());
    }
    match (text("nonce"), expected.nonce) {
        (said, Some(nonce)) if said != Some(nonce) => {
            let what = if said.is_some() { "another `nonce` than it was given" } else { "no `nonce`" };
            Err(format!("it has {what}, so it may belong to another login"))
        }
        (Some(said), None) if expected.nonce_before.is_some_and(|before| before != said) => {
            Err("its `nonce` is another than that of the session before the refresh (section 12.2)".to_owned())
        }
        _ => match text("at_hash") {
            Some(said) if said != half_hash(algorithm, expected.access_token) => {
                Err("its `at_hash` is not that of the access token beside it".to_owned())
            }
            _ => Ok(()),
        },
    }
}

fn audience(claims: &Value, client: &str) -> Result<(), String> {
    let audience: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !audience.contains(&client) {
        return Err(format!("it is not for the client `{client}` (`aud`)"));
    }
    match claims.get("azp").and_then(Value::as_str) {
        Some(party) if party != client => Err(format!("it was given to `{party}` (`azp`)")),
        None if audience.len() > 1 => Err("it is for several and does not say to whom it was given (`azp`)".to_owned()),
        _ => Ok(()),
    }
}

fn times(claims: &Value, now: Timestamp) -> Result<(), String> {
    #[expect(clippy::cast_possible_truncation, reason = "a time with a fraction is cut to its second")]
    let seconds = |name: &str| claims.get(name).and_then(Value::as_f64).map(|s| s as i64);
    let now = now.as_second();
    for name in ["exp", "iat", "nbf"] {
        if claims.get(name).is_some_and(|time| !time.is_number() && !time.is_null()) {
            return Err(format!("its `{name}` is no number, as times are"));
        }
    }
    let end = seconds("exp").ok_or("it does not say when it ends (`exp`)")?;
    let issued = seconds("iat").ok_or("it does not say when it was issued (`iat`)")?;
    if end <= issued {
        return Err("it ended before it was issued".to_owned());
    }
    if end + SLACK < now {
        return Err(format!("it ended {} s ago", now - end));
    }
    if issued > now + SLACK {
        return Err(format!("it says it was issued {} s from now; do the clocks agree?", issued - now));
    }
    if seconds("nbf").is_some_and(|begin| begin > now + SLACK) {
        return Err("it is not valid yet (`nbf`)".to_owned());
    }
    Ok(())
}

/// The left half of a hash by the algorithm of the signature (section 3.1.3.6).
fn half_hash(algorithm: Algorithm, text: &str) -> String {
    let name = algorithm.name();
    let hash = match (&name[2..], name) {
        ("384", _) => &digest::SHA384,
        ("512", _) | (_, "EdDSA") => &digest::SHA512,
        _ => &digest::SHA256,
    };
    let whole = digest::digest(hash, text.as_bytes());
    jose::encode(&whole.as_ref()[..whole.as_ref().len() / 2])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jose::Key;

    const NOW: i64 = 1_000_000;

    fn expected() -> Expected<'static> {
        Expected {
            issuer: Some("https://id.test"),
            client: "web",
            nonce: Some("n1"),
            subject: Some("ann"),
            nonce_before: None,
            access_token: "at-1",
            algorithms: vec!["HS256"],
            now: Timestamp::from_second(NOW).unwrap(),
        }
    }

    fn good() -> Value {
        json!({"iss": "https://id.test", "aud": "web", "sub": "ann", "nonce": "n1", "iat": NOW, "exp": NOW + 60,
            "at_hash": half_hash(Algorithm::Hs256, "at-1")})
    }

    fn why(claims: &Value) -> String {
        let key = Key::secret(b"secret-1").unwrap();
        let token = jose::sign(Algorithm::Hs256, serde_json::Map::new(), claims.to_string().as_bytes(), &key).unwrap();
        let keys = Jwks::of(key);
        verify(&token, Some(&keys), &expected()).map_or_else(|refused| refused.message, |()| String::new())
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = good();
        claims[name] = value;
        claims
    }

    #[test]
    fn each_claim_is_held_against_what_it_has_to_say() {
        assert_eq!(why(&good()), "");
        assert_eq!(why(&with("aud", json!(["web"]))), "");
        for (name, value, part) in [
            ("iss", json!("https://id.test/"), "`iss`"),
            ("iss", Value::Null, "no issuer"),
            ("aud", json!("other"), "`aud`"),
            ("aud", json!(["web", "other"]), "`azp`"),
            ("azp", json!("other"), "`azp`"),
            ("exp", json!(NOW - 61), "before it was issued"),
            ("exp", Value::Null, "does not say when it ends"),
            ("exp", json!((NOW + 60).to_string()), "`exp` is no number"),
            ("iat", json!(NOW + 3600), "ended before"),
            ("iat", Value::Null, "`iat`"),
            ("nbf", json!(NOW + 3600), "`nbf`"),
            ("nonce", json!("n2"), "another `nonce`"),
            ("nonce", Value::Null, "no `nonce`"),
            ("sub", json!("bob"), "`sub`"),
            ("sub", Value::Null, "`sub`"),
            ("at_hash", json!("x"), "`at_hash`"),
        ] {
            let told = why(&with(name, value.clone()));
            assert!(told.contains(part), "{name} = {value}: {told}");
        }
        let mut late = with("exp", json!(NOW - 61));
        late["iat"] = json!(NOW - 100);
        assert!(why(&late).contains("ended 61 s ago"));
        late["exp"] = json!(NOW + 9000);
        late["iat"] = json!(NOW + 3600);
        assert!(why(&late).contains("do the clocks agree"));
    }

    #[test]
    fn a_refreshed_one_has_the_nonce_of_the_login_or_none() {
        let key = Key::secret(b"secret-1").unwrap();
        let keys = Jwks::of(key.clone());
        let refreshed = Expected { nonce: None, nonce_before: Some("n1"), ..expected() };
        let told = |claims: &Value| {
            let text = claims.to_string();
            let token = jose::sign(Algorithm::Hs256, serde_json::Map::new(), text.as_bytes(), &key).unwrap();
            verify(&token, Some(&keys), &refreshed).map_or_else(|refused| refused.message, |()| String::new())
        };
        assert_eq!((told(&good()), told(&with("nonce", Value::Null))), (String::new(), String::new()));
        assert!(told(&with("nonce", json!("n2"))).contains("before the refresh (section 12.2)"));
    }

    #[test]
    fn an_encrypted_one_is_not_called_untrustworthy_by_the_standard() {
        let refused = verify("a.b.c.d.e", None, &expected()).unwrap_err();
        assert!(refused.message.contains("encrypted token") && refused.help == [ENCRYPTED], "{refused:?}");
    }

    #[test]
    fn a_signature_has_to_be_there_and_of_a_listed_algorithm() {
        let key = Key::secret(b"secret-1").unwrap();
        let body = good().to_string();
        let signed = |algorithm| jose::sign(algorithm, serde_json::Map::new(), body.as_bytes(), &key).unwrap();
        let told = |token: &str| verify(token, Some(&Jwks::of(key.clone())), &expected()).unwrap_err().message;
        assert!(told(&signed(Algorithm::Hs384)).contains("the metadata list `HS256`"));
        let none = format!("{}.{}.", jose::encode("{\"alg\":\"none\"}"), jose::encode(&body));
        assert!(told(&none).contains("not signed at all"));
        let other = Key::secret(b"secret-2").unwrap();
        let foreign = jose::sign(Algorithm::Hs256, serde_json::Map::new(), body.as_bytes(), &other).unwrap();
        assert!(told(&foreign).contains("does not fit the key"));
    }

    #[test]
    fn the_hash_of_the_access_token_is_that_of_the_standard() {
        // OpenID Connect Core 1.0, appendix A.3.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(half_hash(Algorithm::Rs256, token), "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
