//! The token as a text: its parts, their spelling, and what they say under a signature that is not theirs.

use serde_json::{Map, Value, json};

use super::forged::{Forged, Unfit};
use super::{Family, Kit, Mutation, Presented, Severity};
use crate::jose::{Token, encode};

/// Mutations of the token's form.
pub(super) const FAMILY: Family = Family { name: "token", title: "Token structure", rows: ROWS };

/// What rows of tokens are.
pub(super) const BASE: Mutation = Mutation { severity: Severity::Critical, ..super::BASE };

const UNVERIFIED: &str = "The signature is not verified, so that anybody writes the token they like. Verify it before anything in it is believed, with a library and a fixed algorithm.";
const LENIENT: &str = "The reader is lenient, so that one token has many spellings: lists of revoked tokens and caches miss the others. Read Base64url strictly.";

const ROWS: &[Mutation] = &[
    Mutation {
        id: "tok-garbage",
        about: "a word in place of the credential",
        explain: "Any text is let in: the credential is not verified at all.",
        refs: &["RFC 6750 section 3.1", "API2:2023", "CWE-287"],
        apply: |p, _| Ok(Forged::new(p.with_token("abc")?, "the credential is `abc`")),
        ..BASE
    },
    Mutation {
        id: "tok-placeholder",
        about: "`undefined` in place of the credential, as a broken client sends it",
        explain: "Any text is let in: the credential is not verified at all.",
        refs: &["CWE-287"],
        apply: |p, _| Ok(Forged::new(p.with_token("undefined")?, "the credential is `undefined`")),
        ..BASE
    },
    Mutation {
        id: "tok-placeholder-null",
        about: "`null` in place of the credential, as a script sends a variable that was never set",
        explain: "Any text is let in: the credential is not verified at all.",
        refs: &["CWE-287"],
        apply: |p, _| Ok(Forged::new(p.with_token("null")?, "the credential is `null`")),
        ..BASE
    },
    Mutation {
        id: "tok-placeholder-none",
        about: "`None` in place of the credential, as a script in Python sends it",
        explain: "Any text is let in: the credential is not verified at all.",
        refs: &["CWE-287"],
        apply: |p, _| Ok(Forged::new(p.with_token("None")?, "the credential is `None`")),
        ..BASE
    },
    Mutation {
        id: "tok-placeholder-false",
        about: "`false` in place of the credential, as a script sends the answer to a failed login",
        explain: "Any text is let in: the credential is not verified at all.",
        refs: &["CWE-287"],
        apply: |p, _| Ok(Forged::new(p.with_token("false")?, "the credential is `false`")),
        ..BASE
    },
    Mutation {
        id: "tok-placeholder-object",
        about: "`[object Object]` in place of the credential, as a script sends what is no text",
        explain: "Any text is let in: the credential is not verified at all.",
        refs: &["CWE-287"],
        apply: |p, _| Ok(Forged::new(p.with_token("[object Object]")?, "the credential is `[object Object]`")),
        ..BASE
    },
    Mutation {
        id: "tok-placeholder-template",
        about: "`{{token}}` in place of the credential, as a client sends a variable that it did not replace",
        explain: "Any text is let in: the credential is not verified at all.",
        refs: &["CWE-287"],
        apply: |p, _| Ok(Forged::new(p.with_token("{{token}}")?, "the credential is `{{token}}`")),
        ..BASE
    },
    Mutation {
        id: "tok-truncated",
        about: "the credential without its last ten characters",
        explain: "A part of a credential is enough. Compare or verify the whole of it.",
        refs: &["RFC 7515 section 5.2", "CWE-287"],
        apply: |p, _| {
            let token = p.token()?;
            let end = token.len().checked_sub(10).filter(|n| *n > 0 && token.is_char_boundary(*n));
            let end = end.ok_or_else(|| Unfit::not_here("the credential is too short to be cut"))?;
            Ok(Forged::new(p.with_token(&token[..end])?, "the last ten characters are gone"))
        },
        ..BASE
    },
    Mutation {
        id: "jwt-four-parts",
        about: "a fourth part behind the signature",
        explain: "The token is cut at dots and what is too much ignored. A signed token has three parts.",
        refs: &["RFC 7515 section 7.1"],
        severity: Severity::Low,
        apply: |p, _| {
            let (token, _) = p.jwt()?;
            Ok(Forged::new(p.with_token(&format!("{token}.e30"))?, "a fourth part follows"))
        },
        ..BASE
    },
    Mutation {
        id: "jwt-leading-dot",
        about: "a dot in front of the token",
        explain: "The token is cut at dots and empty parts ignored. A signed token has three parts.",
        refs: &["RFC 7515 section 7.1"],
        severity: Severity::Low,
        apply: |p, _| {
            let (token, _) = p.jwt()?;
            Ok(Forged::new(p.with_token(&format!(".{token}"))?, "a dot stands in front"))
        },
        ..BASE
    },
    Mutation {
        id: "jwt-trailing-dot",
        about: "a dot behind the token",
        explain: "The token is cut at dots and empty parts ignored. A signed token has three parts.",
        refs: &["RFC 7515 section 7.1"],
        severity: Severity::Low,
        apply: |p, _| {
            let (token, _) = p.jwt()?;
            Ok(Forged::new(p.with_token(&format!("{token}."))?, "a dot follows"))
        },
        ..BASE
    },
    Mutation {
        id: "jwt-empty-header",
        about: "the token without its header, the dots kept",
        explain: UNVERIFIED,
        refs: &["RFC 7515 section 7.1", "CWE-347"],
        apply: |p, _| {
            let (token, _) = p.jwt()?;
            let [_, payload, signature] = segments(token)?;
            Ok(Forged::new(p.with_token(&format!(".{payload}.{signature}"))?, "the header is gone"))
        },
        ..BASE
    },
    Mutation {
        id: "jwt-empty-payload",
        about: "the token without its claims, the dots kept",
        explain: UNVERIFIED,
        refs: &["RFC 7515 section 7.1", "CWE-347"],
        apply: |p, _| {
            let (token, _) = p.jwt()?;
            let [header, _, signature] = segments(token)?;
            Ok(Forged::new(p.with_token(&format!("{header}..{signature}"))?, "the claims are gone"))
        },
        ..BASE
    },
    Mutation {
        id: "jwt-payload-tamper",
        about: "other claims under the old signature: an end that is far away",
        explain: UNVERIFIED,
        refs: &["ASVS 9.1.1", "API2:2023", "CWE-347", "WSTG-SESS-10"],
        apply: |p, _| {
            let (token, read) = p.jwt()?;
            let [header, _, signature] = segments(token)?;
            let payload = tampered(&read)?;
            Ok(Forged::new(
                p.with_token(&format!("{header}.{payload}.{signature}"))?,
                "a claim is another, the signature the old one",
            ))
        },
        ..BASE
    },
    Mutation {
        id: "jwt-header-tamper",
        about: "another `typ` in the header under the old signature",
        explain: UNVERIFIED,
        refs: &["ASVS 9.1.1", "CWE-347"],
        apply: |p, _| {
            let (token, read) = p.jwt()?;
            let [_, payload, signature] = segments(token)?;
            let header = with_header(&read, |h| {
                h.insert("typ".to_owned(), "tampered+jwt".into());
            });
            Ok(Forged::new(
                p.with_token(&format!("{header}.{payload}.{signature}"))?,
                "`typ` is another, the signature the old one",
            ))
        },
        ..BASE
    },
    Mutation {
        id: "jwt-json-serialization",
        about: "the token in the JSON form of a signature instead of the compact one",
        explain: "A second form of the token is understood, which gateways and logs in front do not know. A JWT is in compact form.",
        refs: &["RFC 7519 section 1", "RFC 7515 section 7.2"],
        severity: Severity::Low,
        apply: |p, _| {
            let (token, _) = p.jwt()?;
            let [header, payload, signature] = segments(token)?;
            let form = json!({ "payload": payload, "protected": header, "signature": signature });
            Ok(Forged::new(p.with_token(&form.to_string())?, "the token is a JSON object"))
        },
        ..BASE
    },
    Mutation {
        id: "jwt-b64-std-alphabet",
        about: "padding behind the token, as the other Base64 has it",
        explain: LENIENT,
        refs: &["RFC 7515 section 2", "RFC 4648 section 5"],
        severity: Severity::Low,
        apply: |p, _| {
            let (token, _) = p.jwt()?;
            let [_, _, signature] = segments(token)?;
            let padding = match signature.len() % 4 {
                2 => "==",
                3 => "=",
                _ => return Err(Unfit::not_here("the signature needs no padding")),
            };
            Ok(Forged::new(p.with_token(&format!("{token}{padding}"))?, format!("`{padding}` follows the token")))
        },
        ..BASE
    },
    Mutation {
        id: "jwt-b64-plus-slash",
        about: "`+` and `/` in the signature for `-` and `_`, as the other Base64 has them",
        explain: LENIENT,
        refs: &["RFC 7515 section 2", "RFC 4648 section 5"],
        severity: Severity::Low,
        apply: |p, _| {
            let (token, _) = p.jwt()?;
            let [header, payload, signature] = segments(token)?;
            let other = signature.replace('-', "+").replace('_', "/");
            if other == signature {
                return Err(Unfit::not_here("the signature has no letter that the other Base64 spells otherwise"));
            }
            Ok(Forged::new(
                p.with_token(&format!("{header}.{payload}.{other}"))?,
                "the signature is in the other Base64",
            ))
        },
        ..BASE
    },
    Mutation {
        id: "jwt-b64-unused-bits",
        about: "the unused bits of the signature's last character set",
        explain: LENIENT,
        refs: &["RFC 4648 section 3.5"],
        severity: Severity::Low,
        apply: |p, _| {
            const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let (token, _) = p.jwt()?;
            let [_, _, signature] = segments(token)?;
            let last = signature.bytes().last().and_then(|b| ALPHABET.iter().position(|a| *a == b));
            let (Some(last), 2 | 3) = (last, signature.len() % 4) else {
                return Err(Unfit::not_here("the signature's last character has no unused bits"));
            };
            let other = char::from(ALPHABET[last | 1]);
            Ok(Forged::new(
                p.with_token(&format!("{}{other}", &token[..token.len() - 1]))?,
                "an unused bit of the last character is set",
            ))
        },
        ..BASE
    },
    Mutation {
        id: "jwt-b64-whitespace",
        about: "a blank inside the signature",
        explain: LENIENT,
        refs: &["RFC 7515 section 2"],
        severity: Severity::Low,
        apply: |p, _| {
            let (token, _) = p.jwt()?;
            let [header, payload, signature] = segments(token)?;
            // Not in what is signed: there it would be refused for the signature alone.
            let (first, last) = signature.split_at(signature.len() / 2);
            Ok(Forged::new(
                p.with_token(&format!("{header}.{payload}.{first} {last}"))?,
                "a blank stands inside the signature",
            ))
        },
        ..BASE
    },
];

/// A text with small letters for its capitals, and capitals for its small ones.
pub(super) fn case_swapped(text: &str) -> String {
    let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    text.chars().map(swap).collect()
}

/// Whether the credential is what a scheme makes of others: an encoded pair, or a signature.
pub(super) fn is_made(p: &Presented<'_>, kit: &Kit<'_>) -> bool {
    const MADE: &[&str] = &["basic", "digest", "hmac", "aws-sigv4"];
    let by_word = p.scheme().is_ok_and(|word| MADE.contains(&word.to_ascii_lowercase().as_str()));
    by_word || kit.resign.is_some_and(|own| MADE.contains(&own.kind))
}

/// A credential that is one word, of which case is a part: not what is signed or encoded, which says something else in
/// another case, and no number in hexadecimal, which is the same one in both.
pub(super) fn cased<'p>(p: &'p Presented<'_>, kit: &Kit<'_>) -> Result<&'p str, Unfit> {
    let token = p.token()?;
    if p.jwt().is_ok() || is_made(p, kit) {
        return Err(Unfit::not_here("what is signed or encoded says something else in another case"));
    }
    if token.bytes().all(|b| b.is_ascii_hexdigit() || !b.is_ascii_alphabetic()) {
        return Err(Unfit::not_here("the credential is a number, which is the same one in capitals"));
    }
    Ok(token)
}

/// The three parts of a token as they are spelt.
pub(super) fn segments(token: &str) -> Result<[&str; 3], Unfit> {
    let parts: Vec<&str> = token.split('.').collect();
    parts.try_into().map_err(|_| Unfit::not_here("the credential is no signed JWT"))
}

/// The header with something changed, spelt.
pub(super) fn with_header(token: &Token, change: impl FnOnce(&mut Map<String, Value>)) -> String {
    let mut header = token.header().clone();
    change(&mut header);
    encode(Value::Object(header).to_string())
}

/// The beginning of the year 2100.
const FAR: i64 = 4_102_444_800;

/// Claims that give more than the old ones, spelt: an end that is far away or, without one, another subject. A subject
/// that nobody knows would be refused for that.
pub(super) fn tampered(token: &Token) -> Result<String, Unfit> {
    let Ok(Value::Object(mut claims)) = token.claims() else {
        return Err(Unfit::not_here("the token has no claims"));
    };
    match claims
        .get("sub")
        .and_then(Value::as_str)
        .filter(|_| !claims.contains_key("exp"))
        .map(|sub| format!("{sub}-2"))
    {
        Some(other) => claims.insert("sub".to_owned(), other.into()),
        // Tokens for tests are often made until that very second.
        None if claims.get("exp").and_then(Value::as_i64) == Some(FAR) => {
            claims.insert("exp".to_owned(), (FAR + 3600).into())
        }
        None => claims.insert("exp".to_owned(), FAR.into()),
    };
    Ok(encode(Value::Object(claims).to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{get, kit};
    use super::super::{Presented, Unfit, mutation};

    /// What becomes of the case of a credential.
    fn swapped(token: &str) -> Result<String, Unfit> {
        let request = get("/me", &[("x-api-key", token)]);
        let known = [("key".into(), json!(token))];
        let presented = Presented::new(&request, &known, &["x-api-key".to_owned()], &[]);
        let forged = (mutation("tok-case").unwrap().apply)(&presented, &kit())?;
        Ok(forged.request.headers.text("x-api-key").unwrap())
    }

    #[test]
    fn only_what_has_a_case_is_written_in_another() {
        assert_eq!(swapped("Key-7aB9-wxyZ").ok().as_deref(), Some("kEY-7Ab9-WXYz"));
        assert!(swapped("1c0e3f5a-9d2b-4c6e-8f10-2a4b6c8d0e1f").is_err(), "a UUID is a number");
        assert!(swapped("eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl").is_err(), "a JWT is signed as it is written");
        assert!(swapped("1234-5678").is_err(), "there are no letters");
    }
}
