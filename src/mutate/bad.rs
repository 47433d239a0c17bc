//! Tokens that are correctly signed and wrong all the same, where no key is at hand to make them: what a token that
//! somebody else was given has to be, to stand in for one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::jose::Token;
use crate::term::list;

/// What is wrong with a correctly signed token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// It is over.
    Over,
    /// It is for another audience.
    Audience,
    /// It is of another issuer.
    Issuer,
}

/// How a token that stands in for a bad one differs from the good one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differs {
    /// What makes it the wrong one, in words.
    pub how: String,
    /// What else is another: a refusal may have that cause.
    pub also: Vec<&'static str>,
}

impl Bad {
    /// Tells whether the token of another client or issuer is one.
    pub const fn is_elsewhere(self) -> bool {
        matches!(self, Self::Audience | Self::Issuer)
    }
}

/// Tells how a donor's token differs from the good one, or why it is not wrong in the way that is asked for.
pub fn differs(bad: Bad, good: &str, donor: &str, now: Timestamp) -> Result<Differs, String> {
    if good == donor {
        return Err("is the same token".to_owned());
    }
    let good = Token::parse(good).map_err(|_| "has nothing to be held against: the good one is no JWT".to_owned())?;
    let donor = Token::parse(donor).map_err(|_| "is no JWT, so nobody can tell whom it is for".to_owned())?;
    let (Ok(Value::Object(own)), Ok(Value::Object(other))) = (good.claims(), donor.claims()) else {
        return Err("has no claims to be held against".to_owned());
    };
    let seconds = |name: &str| other.get(name).and_then(Value::as_f64);
    #[expect(clippy::cast_precision_loss, reason = "a second more or less")]
    let now = now.as_second() as f64;
    if seconds("exp").is_some_and(|end| end <= now) {
        return Err("is over itself".to_owned());
    }
    if seconds("nbf").is_some_and(|start| start > now + 60.0) {
        return Err("is not valid yet".to_owned());
    }
    let (mine, theirs) = (audience(&own), audience(&other));
    let (issuer, foreign) = (text(&own, "iss"), text(&other, "iss"));
    let mut also = Vec::new();
    let how = match bad {
        Bad::Over => return Err("is not over".to_owned()),
        Bad::Audience => {
            if mine.is_empty() || theirs.is_empty() {
                let which = if mine.is_empty() { "the good token" } else { "it" };
                return Err(format!("shows nothing: {which} names no audience"));
            }
            if let Some(both) = mine.intersection(&theirs).next() {
                return Err(format!("is for `{both}`, too"));
            }
            also.extend((issuer != foreign).then_some("its issuer"));
            also.extend((good.key_id() != donor.key_id()).then_some("its key"));
            also.extend((good.header().get("alg") != donor.header().get("alg")).then_some("its algorithm"));
            let names: Vec<String> = theirs.iter().map(|name| format!("`{name}`")).collect();
            format!("which is for {}", list(&names, "and"))
        }
        Bad::Issuer => {
            let (Some(issuer), Some(foreign)) = (issuer, foreign) else {
                return Err("shows nothing: it, or the good token, names no issuer".to_owned());
            };
            if issuer == foreign {
                return Err(format!("is of `{issuer}`, too"));
            }
            also.extend((mine != theirs && mine.is_disjoint(&theirs)).then_some("its audience"));
            format!("which is of `{foreign}`")
        }
    };
    also.extend((text(&own, "sub") != text(&other, "sub")).then_some("its subject"));
    also.extend((kind(&good) != kind(&donor)).then_some("its type"));
    let bound = own.contains_key("cnf") || other.contains_key("cnf");
    also.extend(bound.then_some("the key that it is bound to"));
    Ok(Differs { how, also })
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// Whom a token is for (RFC 7519, section 4.1.3): one name or several.
fn audience(claims: &Map<String, Value>) -> BTreeSet<&str> {
    match claims.get("aud") {
        Some(Value::String(one)) => BTreeSet::from([&**one]),
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => BTreeSet::new(),
    }
}

/// The type in the header, as it is compared (RFC 7515, section 4.1.9).
fn kind(token: &Token) -> String {
    let word = token.header().get("typ").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    word.trim_start_matches("application/").to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jose::{Algorithm, Key, sign};

    const NOW: i64 = 1_700_000_000;

    fn token(header: &Value, claims: Value) -> String {
        let key = Key::secret(&[7; 32]).unwrap();
        sign(Algorithm::Hs256, header.as_object().unwrap().clone(), claims.to_string().as_bytes(), &key).unwrap()
    }

    fn held(bad: Bad, good: Value, donor: Value) -> Result<Differs, String> {
        let header = json!({ "kid": "k" });
        differs(bad, &token(&header, good), &token(&header, donor), Timestamp::from_second(NOW).unwrap())
    }

    #[test]
    fn a_token_for_somebody_else_stands_in_for_one() {
        let good = json!({ "iss": "i", "sub": "s", "aud": "orders" });
        let donor = json!({ "iss": "i", "sub": "s", "aud": ["billing"], "exp": NOW + 60 });
        let found = held(Bad::Audience, good.clone(), donor).unwrap();
        assert_eq!((&*found.how, found.also.len()), ("which is for `billing`", 0));
        let donor = json!({ "iss": "j", "sub": "s", "aud": "orders" });
        let found = held(Bad::Issuer, good, donor).unwrap();
        assert_eq!((&*found.how, found.also.len()), ("which is of `j`", 0));
    }

    #[test]
    fn what_is_not_wrong_in_that_way_is_no_donor() {
        let good = json!({ "iss": "i", "aud": ["orders", "stock"] });
        for (bad, donor, why) in [
            (Bad::Audience, json!({ "iss": "i", "aud": ["billing", "stock"] }), "is for `stock`, too"),
            (Bad::Audience, json!({ "iss": "i" }), "names no audience"),
            (Bad::Audience, json!({ "iss": "i", "aud": "billing", "exp": NOW }), "is over itself"),
            (Bad::Audience, json!({ "iss": "i", "aud": "billing", "nbf": NOW + 600 }), "not valid yet"),
            (Bad::Issuer, json!({ "iss": "i", "aud": "billing" }), "is of `i`, too"),
            (Bad::Issuer, json!({ "aud": "billing" }), "names no issuer"),
            (Bad::Over, json!({ "iss": "j" }), "is not over"),
        ] {
            let found = held(bad, good.clone(), donor).unwrap_err();
            assert!(found.contains(why), "{found}");
        }
        let now = Timestamp::from_second(NOW).unwrap();
        assert_eq!(differs(Bad::Audience, "a", "a", now).unwrap_err(), "is the same token");
        assert!(
            differs(Bad::Audience, "opaque", &token(&json!({}), good.clone()), now).unwrap_err().contains("good one")
        );
        assert!(differs(Bad::Audience, &token(&json!({}), good), "opaque", now).unwrap_err().contains("no JWT"));
    }

    #[test]
    fn whatever_else_is_another_is_told() {
        let good = json!({ "iss": "i", "sub": "s", "aud": "orders" });
        let other = json!({ "iss": "j", "sub": "t", "aud": "billing", "cnf": { "jkt": "x" } });
        let key = "the key that it is bound to";
        assert_eq!(held(Bad::Audience, good.clone(), other.clone()).unwrap().also, ["its issuer", "its subject", key]);
        assert_eq!(held(Bad::Issuer, good.clone(), other).unwrap().also, ["its audience", "its subject", key]);
        let now = Timestamp::from_second(NOW).unwrap();
        let donor = token(&json!({ "kid": "l", "typ": "JWT" }), json!({ "iss": "i", "sub": "s", "aud": "billing" }));
        let found = differs(Bad::Audience, &token(&json!({ "kid": "k", "typ": "at+jwt" }), good), &donor, now).unwrap();
        assert_eq!(found.also, ["its key", "its type"]);
    }
}
