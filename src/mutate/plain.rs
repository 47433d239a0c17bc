//! Passwords and keys that travel as they are: well-formed ones that are wrong, and keys in other places.
//!
//! What only has the wrong form is refused by every parser, and says nothing about whether anything is compared.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::forged::{Forged, Unfit};
use super::presented::{Presented, put_query};
use super::session::flipped;
use super::token::{case_swapped, cased, is_made};
use super::{Challenge, Expect, Family, Kit, Mutation, Severity};
use crate::http::Request;

/// Mutations of passwords and keys.
pub(super) const FAMILY: Family = Family { name: "plain", title: "Passwords and keys", rows: ROWS };

const BASE: Mutation =
    Mutation { severity: Severity::Critical, expect: Expect::Refused(&[401], Challenge::Some), ..super::BASE };

/// The fewest characters of a name and a password together of which one may be left out.
const SHORTEST: usize = 8;

const NOT_COMPARED: &str = "The name is looked up, and the password is not compared, or not the whole of it. Verify it with a password hash such as argon2id, and refuse whatever is not exactly it.";
/// A key in the address.
const IN_QUERY: Mutation = Mutation {
    explain: "Query strings end in logs, histories and referrers, and links with a key in them are passed on. Read the key from its header field alone.",
    refs: &["ASVS 14.2.1", "API2:2023", "CWE-598"],
    severity: Severity::Medium,
    expect: Expect::Refused(&[401, 400], Challenge::Any),
    ..BASE
};

/// A key in another header field.
const ELSEWHERE: Mutation = Mutation {
    explain: "What stands in front looks at one field, to count, to log and to block, and the application takes the key from another as well. Where both are meant, leave this row out with `except`; else read the key from its own field alone.",
    refs: &["ASVS 6.3.4", "CWE-1390"],
    severity: Severity::Low,
    expect: Expect::Refused(&[401, 400], Challenge::Any),
    ..BASE
};

const ROWS: &[Mutation] = &[
    Mutation {
        id: "basic-wrong-password",
        about: "the right user name with another password",
        explain: NOT_COMPARED,
        refs: &["RFC 7617 section 2", "ASVS 6.3.4", "API2:2023", "CWE-287"],
        apply: |p, _| password(p, "the password is another one", |_| Ok("not-the-password-0".to_owned())),
        ..BASE
    },
    Mutation {
        id: "basic-empty-password",
        about: "the right user name with an empty password",
        explain: "An empty password was taken for good, as a directory takes it for a bind of nobody (RFC 4513 section 5.1.2). Refuse it before anything is asked.",
        refs: &["RFC 7617 section 2", "RFC 4513 section 6.3.1", "API2:2023", "CWE-287"],
        apply: |p, _| password(p, "the password is empty", |_| Ok(String::new())),
        ..BASE
    },
    Mutation {
        id: "basic-short-password",
        about: "the right user name with the password without its last character",
        explain: "Only a part of the password is compared: old hashes look at eight characters. Use one that takes the whole, and refuse passwords that are longer than it takes.",
        refs: &["RFC 7617 section 2", "ASVS 6.2.8", "CWE-287"],
        apply: |p, _| {
            password(p, "the last character of the password is gone", |whole| {
                let mut rest = whole.to_owned();
                rest.pop().filter(|_| !rest.is_empty()).ok_or_else(|| Unfit::not_here("the password is too short"))?;
                Ok(rest)
            })
        },
        ..BASE
    },
    Mutation {
        id: "basic-password-case",
        about: "the right user name with the password in capitals for its small letters, and the other way round",
        explain: "The password is compared without case, so that far fewer have to be guessed. Verify it exactly as it was received.",
        refs: &["ASVS 6.2.8", "CWE-178", "CWE-521"],
        severity: Severity::Medium,
        apply: |p, _| {
            password(p, "capital and small letters of the password are swapped", |whole| {
                let other = case_swapped(whole);
                if other == whole { Err(Unfit::not_here("the password has no letters")) } else { Ok(other) }
            })
        },
        ..BASE
    },
    Mutation {
        id: "key-bitflip",
        about: "an opaque token or key with another character in its middle",
        explain: "A key that was never given out is let in: its form is looked at, and not whether anybody has it. Look keys up by the whole of them.",
        refs: &["ASVS 7.2.1", "API2:2023", "CWE-287"],
        apply: |p, kit| {
            let key = opaque(p, kit)?;
            let other = flipped(key).ok_or_else(|| Unfit::not_here("the credential has no letter or digit"))?;
            Ok(Forged::new(p.with_token(&other)?, "one character in the middle is another"))
        },
        ..BASE
    },
    Mutation {
        id: "tok-case",
        about: "an opaque credential with small letters for its capitals, and capitals for its small ones",
        explain: "The server compares it without case: one credential has many spellings, of which lists of revoked ones and limits know one, and there are far fewer to guess. Compare byte by byte; many databases compare text without case unless the column says otherwise.",
        refs: &["CWE-178", "CWE-287"],
        severity: Severity::Medium,
        apply: |p, kit| {
            let token = cased(p, kit)?;
            Ok(Forged::new(p.with_token(&case_swapped(token))?, "capital and small letters are swapped"))
        },
        ..BASE
    },
    Mutation {
        id: "key-in-query",
        about: "the key as `?api_key=` instead of its header field",
        apply: |p, _| in_query(p, |_| "api_key".to_owned()),
        ..IN_QUERY
    },
    Mutation {
        id: "key-in-query-short",
        about: "the key as `?key=` instead of its header field",
        apply: |p, _| in_query(p, |_| "key".to_owned()),
        ..IN_QUERY
    },
    Mutation {
        id: "key-in-query-field",
        about: "the key as a query parameter with the name of its header field, such as `?x-api-key=`",
        apply: |p, _| in_query(p, str::to_ascii_lowercase),
        ..IN_QUERY
    },
    Mutation {
        id: "key-as-bearer",
        about: "the key as `Authorization: Bearer` instead of its own header field",
        apply: |p, _| {
            let (mut request, key) = taken(p)?;
            request.headers.set("authorization", format!("Bearer {key}"));
            Ok(Forged::new(request, "the key stands behind `Bearer`"))
        },
        ..ELSEWHERE
    },
    Mutation {
        id: "key-as-basic",
        about: "the key as the user name of `Authorization: Basic`, with an empty password",
        apply: |p, _| {
            let (mut request, key) = taken(p)?;
            request.headers.set("authorization", format!("Basic {}", STANDARD.encode(format!("{key}:"))));
            Ok(Forged::new(request, "the key stands as a user name behind `Basic`"))
        },
        ..ELSEWHERE
    },
    Mutation {
        id: "key-in-cookie",
        about: "the key as a cookie `api_key` instead of its header field",
        explain: "Cookies travel by themselves, so this way in is open to pages of anybody. Read the key from its header field alone.",
        refs: &["ASVS 6.3.4", "CWE-352"],
        severity: Severity::Medium,
        apply: |p, _| {
            let (mut request, key) = taken(p)?;
            request.headers.put_cookie("api_key", Some(key));
            Ok(Forged::new(request, "the key stands in a cookie"))
        },
        ..ELSEWHERE
    },
];

/// The request with another password of the same user.
fn password(p: &Presented<'_>, change: &str, other: impl Fn(&str) -> Result<String, Unfit>) -> Result<Forged, Unfit> {
    let none = || Unfit::not_here("the credential is no `Basic` name and password");
    if !p.scheme()?.eq_ignore_ascii_case("basic") {
        return Err(none());
    }
    let pair = STANDARD.decode(p.token()?).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(none)?;
    let (name, password) = pair.split_once(':').ok_or_else(none)?;
    let other = other(password)?;
    // What is left of a short one would be most of it.
    if !other.is_empty() && pair.len() < SHORTEST {
        return Err(Unfit::not_here("the name and the password are too short"));
    }
    Ok(Forged::new(p.with_token(&STANDARD.encode(format!("{name}:{other}")))?, change))
}

/// A token or key of which every character counts: not what is signed or encoded, and no session cookie, for which there
/// are rows of their own.
fn opaque<'p>(p: &'p Presented<'_>, kit: &Kit<'_>) -> Result<&'p str, Unfit> {
    let key = p.token()?;
    if p.cookie().is_ok() || p.jwt().is_ok() || is_made(p, kit) || key.len() < SHORTEST {
        return Err(Unfit::not_here("the credential is no opaque token or key"));
    }
    Ok(key)
}

/// A key that has a header field to itself, and the request without it.
fn taken<'p>(p: &'p Presented<'_>) -> Result<(Request, &'p str), Unfit> {
    p.field()?;
    if p.scheme().is_ok() || p.jwt().is_ok() {
        return Err(Unfit::not_here("the credential is no key in a header field of its own"));
    }
    Ok((p.moved()?, p.token()?))
}

/// The request with the key in its query.
fn in_query(p: &Presented<'_>, name: fn(&str) -> String) -> Result<Forged, Unfit> {
    let (mut request, key) = taken(p)?;
    let name = name(p.field()?.0);
    put_query(&mut request, &name, Some(key))?;
    Ok(Forged::new(request, format!("the key stands in the query, as `{name}`")))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{get, kit};
    use super::super::{Forged, Presented, Unfit, mutation};
    use super::*;

    fn forge(id: &str, field: &str, value: &str, token: &str) -> Result<Forged, Unfit> {
        let request = get("/me?a=1", &[(field, value), ("accept", "*/*")]);
        let known = [("key".into(), serde_json::json!(token))];
        let presented = Presented::new(&request, &known, &[field.to_owned()], &[]);
        (mutation(id).unwrap().apply)(&presented, &kit())
    }

    /// The name and password that a row makes of these.
    fn basic(id: &str, pair: &str) -> Option<String> {
        let encoded = STANDARD.encode(pair);
        let forged = forge(id, "authorization", &format!("Basic {encoded}"), &encoded).ok()?;
        let field = forged.request.headers.text("authorization").unwrap();
        let decoded = STANDARD.decode(field.strip_prefix("Basic ").unwrap()).unwrap();
        Some(String::from_utf8(decoded).unwrap())
    }

    fn key(id: &str, key: &str) -> Option<(String, Option<String>)> {
        let request = forge(id, "X-Api-Key", key, key).ok()?.request;
        Some((request.address.target().to_owned(), request.headers.text("x-api-key")))
    }

    #[test]
    fn a_wrong_password_is_a_well_formed_one() {
        let of = |id: &str| basic(id, "alice:wonder:Land-7").unwrap();
        assert_eq!(of("basic-wrong-password"), "alice:not-the-password-0");
        assert_eq!(of("basic-empty-password"), "alice:");
        assert_eq!(of("basic-short-password"), "alice:wonder:Land-");
        assert_eq!(of("basic-password-case"), "alice:WONDER:lAND-7");
    }

    #[test]
    fn what_has_no_password_has_none_to_be_wrong() {
        for row in ROWS.iter().filter(|row| row.id.starts_with("basic-")) {
            let bearer = forge(row.id, "authorization", "Bearer opaque-token", "opaque-token");
            assert!(matches!(bearer, Err(Unfit::NotApplicable(_))), "{}", row.id);
        }
        assert_eq!(basic("basic-password-case", "alice:1234-5678"), None, "no letters");
        assert_eq!(basic("basic-short-password", "a:bcd"), None, "most of it would be left");
        assert_eq!(basic("basic-wrong-password", "no colon at all"), None);
    }

    #[test]
    fn a_key_is_changed_or_moved() {
        let at_home = |key: &str| Some(("/me?a=1".to_owned(), Some(key.to_owned())));
        assert_eq!(key("key-bitflip", "demo-key-reader-1a2b"), at_home("demo-key-rbader-1a2b"));
        let moved = |name: &str| Some((format!("/me?a=1&{name}=demo-key-reader-1a2b"), None));
        assert_eq!(key("key-in-query", "demo-key-reader-1a2b"), moved("api_key"));
        assert_eq!(key("key-in-query-short", "demo-key-reader-1a2b"), moved("key"));
        assert_eq!(key("key-in-query-field", "demo-key-reader-1a2b"), moved("x-api-key"));
        let elsewhere = |id: &str, field: &str| {
            let headers =
                forge(id, "X-Api-Key", "demo-key-reader-1a2b", "demo-key-reader-1a2b").unwrap().request.headers;
            assert_eq!(headers.text("x-api-key"), None, "{id}");
            headers.text(field).unwrap()
        };
        assert_eq!(elsewhere("key-as-bearer", "authorization"), "Bearer demo-key-reader-1a2b");
        let basic = format!("Basic {}", STANDARD.encode("demo-key-reader-1a2b:"));
        assert_eq!(elsewhere("key-as-basic", "authorization"), basic);
        assert_eq!(elsewhere("key-in-cookie", "cookie"), "api_key=demo-key-reader-1a2b");
    }

    #[test]
    fn what_is_no_key_stays_where_it_is() {
        assert_eq!(key("key-bitflip", "1234567"), None, "too short");
        assert!(forge("key-bitflip", "authorization", "Bearer opaque-token", "opaque-token").is_ok());
        for id in ROWS.iter().map(|row| row.id).filter(|id| id.starts_with("key-") && *id != "key-bitflip") {
            let bearer = forge(id, "authorization", "Bearer opaque-token", "opaque-token");
            assert!(matches!(bearer, Err(Unfit::NotApplicable(_))), "{id}");
        }
        let encoded = STANDARD.encode("alice:wonderland-7");
        let basic = forge("key-bitflip", "authorization", &format!("Basic {encoded}"), &encoded);
        assert!(matches!(basic, Err(Unfit::NotApplicable(_))));
    }
}
