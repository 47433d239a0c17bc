//! `jwt`: what a token says, and whether its signature holds.
//!
//! A token is read as it is, also one that a server must never issue. Only `verify` says that a key
//! stands behind it; claims that are read without are reported as unverified.

use jiff::Timestamp;

use crate::jose::{Jwks, Key, Token};
use crate::jsonpath::Path;
use crate::spec::{self, Def, Fields, Node, Reader, Shape, key};
use crate::template::Template;

use super::operator::Expectation;
use super::value::{Actual, Kind, Missing};
use super::{Check, Checked, Placed, Seen, diags};

/// The keys of `jwt`.
pub(super) const KEYS: &[spec::Key] = &[
    key("from", "the token: a JSONPath on the body, or a template").is(Shape::Like(r"^\$|\{\{")),
    key("header", "members of its header by name").is(Shape::Map(&Shape::The(Def::Value))),
    key("claims", "its claims by name or JSONPath").is(Shape::Map(&Shape::The(Def::Value))),
    key("verify", "what its signature has to hold under").is(Shape::Keys(VERIFY_KEYS)),
];

/// The keys of `verify`.
const VERIFY_KEYS: &[spec::Key] = &[
    key("jwks", "the address of a key set, or its path below the target; it is fetched without any credential")
        .is(Shape::Text),
    key("key", "a public key: PEM, a JWK or a key set, such as `{{ file('public.pem') }}`").is(Shape::Text),
    key("secret", "the secret of an HMAC").is(Shape::Text),
];

/// The note of a step that read claims without `verify`.
pub const UNVERIFIED: &str = "claims of a token were read without verifying its signature";

#[derive(Debug, Clone)]
enum From {
    Path(Path),
    Template(Template),
}

#[derive(Debug, Clone)]
enum Trust {
    Jwks(Template),
    Key(Template),
    Secret(Template),
}

#[derive(Debug)]
struct Jwt {
    from: From,
    about: About,
}

#[derive(Debug)]
enum About {
    /// That there is a token at all, which is how it always begins.
    Token,
    Header(String, Expectation),
    Claim(String, Option<Path>, Expectation, Proof),
    Signature(Trust),
    /// That a token whose signature is verified is valid now (RFC 7519, sections 4.1.4 and 4.1.5).
    Time(Limit),
}

/// A claim that limits when a token is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    End,
    Start,
}

/// How far the clock of the server may be from ours, in seconds.
const LEEWAY: f64 = 5.0;

const LIMITS: &[(&str, Limit)] = &[("exp", Limit::End), ("nbf", Limit::Start)];

/// Whether the same expectation has the signature verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    Verified,
    Unverified,
}

/// Reads the row `jwt`.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    let Some(fields) = reader.fields(node, KEYS, "`jwt`") else { return };
    if fields.iter().next().is_none() {
        return;
    }
    let Some(source) = reader.need(fields, node, "from", "`jwt`") else { return };
    let Some(from) = from(source, reader) else { return };
    let before = out.len();
    let mut add = |about: About, span, subject: &str| {
        let check = Box::new(Jwt { from: from.clone(), about });
        out.push(Placed { check, span, subject: format!("jwt {subject}").trim_end().to_owned() });
    };
    let proof = if fields.get("verify").is_some() { Proof::Verified } else { Proof::Unverified };
    let mut faulty = false;
    if let Some(node) = fields.get("verify") {
        match trust(node, reader) {
            Some(trust) => {
                add(About::Signature(trust), node.span, "signature");
                let claims = fields.get("claims").and_then(|n| reader.map(n));
                for (name, limit) in LIMITS.iter().filter(|(name, _)| !claims.is_some_and(|c| speaks_of(c, name))) {
                    add(About::Time(*limit), node.span, &format!("claim {name}"));
                }
            }
            None => faulty = true,
        }
    }
    for entry in fields.get("header").and_then(|n| reader.map(n)).iter().flat_map(Fields::iter) {
        match Expectation::read(&entry.value, Kind::Json, reader) {
            Some(wanted) => {
                let name = entry.key.to_string();
                add(About::Header(name, wanted), entry.value.span, &format!("header {}", entry.key));
            }
            None => faulty = true,
        }
    }
    for entry in fields.get("claims").and_then(|n| reader.map(n)).iter().flat_map(Fields::iter) {
        let path = if entry.key.starts_with('$') { Path::parse(&entry.key).map(Some) } else { Ok(None) };
        let path = path.map_err(|fault| {
            let written = reader.sources.slice(entry.key_span);
            reader.fault(diags::bad_path(entry.key_span, &entry.key, written, &fault));
        });
        match (path, Expectation::read(&entry.value, Kind::Json, reader)) {
            (Ok(path), Some(wanted)) => {
                let about = About::Claim(entry.key.to_string(), path, wanted, proof);
                add(about, entry.value.span, &format!("claim {}", entry.key));
            }
            _ => faulty = true,
        }
    }
    if out.len() == before && !faulty {
        out.push(Placed {
            check: Box::new(Jwt { from, about: About::Token }),
            span: source.span,
            subject: "jwt".to_owned(),
        });
    }
}

/// Whether claims say something about one by its name or path.
fn speaks_of(claims: Fields<'_>, name: &str) -> bool {
    let bare = |key: &str| key.trim_start_matches('$').trim_matches(['.', '[', ']', '\'', '"']).to_owned();
    claims.iter().any(|entry| bare(&entry.key) == name)
}

fn from(node: &Node, reader: &mut Reader<'_>) -> Option<From> {
    let text = reader.word(node)?.value;
    if text.contains("{{") {
        return reader.template(node).map(From::Template);
    }
    match Path::parse(&text) {
        Ok(path) if path.is_singular() => Some(From::Path(path)),
        Ok(_) => {
            reader
                .fault(diags::misplaced_operator(node.span, "one token is read, and this path can name several nodes"));
            None
        }
        Err(fault) => {
            let written = reader.sources.slice(node.span);
            let diagnostic = diags::bad_path(node.span, &text, written, &fault);
            reader.fault(diagnostic.help("a token is found by a JSONPath such as `$.access_token`, or by a template"));
            None
        }
    }
}

fn trust(node: &Node, reader: &mut Reader<'_>) -> Option<Trust> {
    let fields = reader.fields(node, VERIFY_KEYS, "`verify`")?;
    let mut entries = fields.iter();
    let (Some(entry), None) = (entries.next(), entries.next()) else {
        reader.fault(diags::misplaced_operator(node.span, "`verify` takes one of `jwks`, `key` and `secret`"));
        return None;
    };
    reader.word(&entry.value)?;
    let template = reader.template(&entry.value)?;
    match &*entry.key {
        "jwks" => Some(Trust::Jwks(template)),
        "key" => {
            match template.as_literal().map(|text| Jwks::parse(text).or_else(|_| Key::from_text(text).map(Jwks::of))) {
                Some(Err(fault)) => {
                    let help = "a file is read by `key: \"{{ file('public.pem') }}\"`";
                    reader.fault(diags::misplaced_operator(entry.value.span, fault.0).help(help));
                    None
                }
                Some(Ok(_)) | None => Some(Trust::Key(template)),
            }
        }
        "secret" => Some(Trust::Secret(template)),
        _ => None,
    }
}

impl From {
    fn token(&self, seen: &Seen<'_>) -> Result<Token, Checked> {
        let nothing = |actual: String| Checked::Broken { expected: "a JWT".to_owned(), actual };
        let text = match self {
            Self::Path(path) => match seen.json() {
                Err(why) => return Err(nothing(format!("nothing ({why})"))),
                Ok(body) => match path.find(body).first() {
                    Some(serde_json::Value::String(text)) => text.clone(),
                    Some(other) => return Err(nothing(super::value::describe(other))),
                    None => return Err(nothing("nothing (no such node)".to_owned())),
                },
            },
            Self::Template(template) => match template.render(seen.scope) {
                Ok(text) => text,
                Err(error) => {
                    return Err(Checked::Unjudgeable { why: format!("its token cannot be found: {}", error.message) });
                }
            },
        };
        // A whole `Authorization` field will do.
        let token = text.trim().rsplit(' ').next().unwrap_or_default();
        Token::parse(token).map_err(|fault| nothing(format!("no JWT: {fault}")))
    }
}

impl Trust {
    fn keys(&self, seen: &Seen<'_>) -> Result<Jwks, String> {
        let render = |template: &Template| template.render(seen.scope).map_err(|e| e.message);
        match self {
            Self::Jwks(template) => {
                let address = render(template)?;
                let fetched = seen.fetched.get(&address).ok_or("the keys were not fetched")?;
                let text = fetched.as_ref().map_err(Clone::clone)?;
                Jwks::parse(text).map_err(|fault| format!("the key set at {address} cannot be used: {fault}"))
            }
            Self::Key(template) => {
                let text = render(template)?;
                let keys = if text.trim_start().starts_with('{') {
                    Jwks::parse(&text)
                } else {
                    Key::from_text(&text).map(Jwks::of)
                };
                keys.map_err(|fault| format!("the key cannot be used: {fault}"))
            }
            Self::Secret(template) => Key::secret(render(template)?.as_bytes()).map(Jwks::of).map_err(|fault| fault.0),
        }
    }

    fn judge(&self, token: &Token, seen: &Seen<'_>) -> Checked {
        // Before any key is asked for: what is not signed is refused under every key.
        let expected = || "a signature that holds".to_owned();
        if let Err(fault) = token.algorithm() {
            return Checked::Broken { expected: expected(), actual: format!("none that does: {fault}") };
        }
        match self.keys(seen) {
            Err(why) => Checked::Unjudgeable { why },
            Ok(keys) => match keys.verify(token) {
                Ok(()) => Checked::Held,
                Err(fault) => Checked::Broken { expected: expected(), actual: format!("none that does: {fault}") },
            },
        }
    }
}

impl Limit {
    /// Judges the claim; a token need not have it.
    fn judge(self, token: &Token, now: Timestamp) -> Checked {
        let name = LIMITS.iter().find(|(_, l)| *l == self).map_or("", |(name, _)| *name);
        let expected = match self {
            Self::End => "a token that has not expired",
            Self::Start => "a token that is valid already",
        };
        let broken = |actual: String| Checked::Broken { expected: expected.to_owned(), actual };
        let claims = match token.claims() {
            Ok(claims) => claims,
            Err(fault) => return broken(fault.0),
        };
        let Some(claim) = claims.get(name) else { return Checked::Held };
        let Some(at) = claim.as_f64() else {
            return broken(format!("`{name}` is no time: {}", super::value::describe(claim)));
        };
        let ahead = at - now.as_duration().as_secs_f64();
        let holds = match self {
            Self::End => ahead > -LEEWAY,
            Self::Start => ahead <= LEEWAY,
        };
        if holds {
            return Checked::Held;
        }
        let seconds = ahead.abs().round();
        broken(match self {
            Self::End => format!("`exp` was {seconds} s ago"),
            Self::Start => format!("`nbf` is in {seconds} s"),
        })
    }
}

impl Check for Jwt {
    fn judge(&self, seen: &Seen<'_>) -> Checked {
        let token = match self.from.token(seen) {
            Ok(token) => token,
            Err(checked) => return checked,
        };
        let at = seen.moment();
        match &self.about {
            About::Token => Checked::Held,
            About::Signature(trust) => trust.judge(&token, seen),
            About::Time(limit) => limit.judge(&token, seen.now),
            About::Header(name, expectation) => {
                let missing = Actual::Missing(Missing::Absent("no such member of the header"));
                expectation.judge(token.header().get(name).map_or(missing, Actual::Json), at)
            }
            About::Claim(name, path, expectation, _) => {
                let claims = match token.claims() {
                    Ok(claims) => claims,
                    Err(fault) => return Checked::Broken { expected: expectation.expected(at), actual: fault.0 },
                };
                let found = match path {
                    Some(path) => path.find(&claims).first().copied(),
                    None => claims.get(name),
                };
                let missing = Actual::Missing(Missing::Absent("no such claim"));
                expectation.judge(found.map_or(missing, Actual::Json), at)
            }
        }
    }

    fn needs(&self) -> Option<&Template> {
        match &self.about {
            About::Signature(Trust::Jwks(address)) => Some(address),
            About::Signature(Trust::Key(_) | Trust::Secret(_))
            | About::Token
            | About::Time(_)
            | About::Header(..)
            | About::Claim(..) => None,
        }
    }

    fn note(&self) -> Option<&'static str> {
        match self.about {
            About::Claim(_, _, _, Proof::Unverified) => Some(UNVERIFIED),
            About::Claim(_, _, _, Proof::Verified)
            | About::Token
            | About::Header(..)
            | About::Signature(_)
            | About::Time(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::super::testing::{Answer, NOW, faults};
    use crate::jose::{Algorithm, Key, encode, sign};

    const SECRET: &str = "a secret that is long enough for HS256";

    fn answer(claims: &serde_json::Value) -> Answer {
        let key = Key::secret(SECRET.as_bytes()).unwrap();
        let token = sign(Algorithm::Hs256, Map::new(), claims.to_string().as_bytes(), &key).unwrap();
        Answer::ok().json(&json!({ "token": token, "number": 1, "opaque": "abc" }))
    }

    #[test]
    fn header_and_claims_are_compared_with_their_types() {
        let answer = answer(&json!({"sub": "1", "exp": NOW + 600, "aud": ["a", "b"], "realm": {"roles": ["admin"]}}));
        let holds = |wanted: &str| answer.holds(&format!("jwt: {{ from: $.token, {wanted} }}"));
        assert!(holds("header: { alg: HS256, kid: { exists: false } }, claims: { sub: \"1\", exp: { within: 15m } }"));
        assert!(holds("claims: { aud: { contains: a }, $.realm.roles: { any: admin }, nbf: { exists: false } }"));
        assert!(
            !holds("claims: { sub: 1 }")
                && !holds("claims: { exp: { within: 5m } }")
                && !holds("claims: { x: { not: 1 } }")
        );
        assert!(answer.holds("jwt: { from: $.token }") && answer.holds("jwt: { from: \"{{ response.json.token }}\" }"));
        for from in ["$.nope", "$.number", "$.opaque"] {
            let broken = answer.broken(&format!("jwt: {{ from: {from}, claims: {{ sub: {{ exists: false }} }} }}"));
            assert_eq!(broken[0].0, "a JWT", "{from}");
        }
    }

    #[test]
    fn a_signature_has_to_hold_under_the_key() {
        let answer = answer(&json!({"sub": "1"}));
        let verify = |with: &str| format!("jwt: {{ from: $.token, verify: {{ {with} }} }}");
        assert!(answer.holds(&verify(&format!("secret: {SECRET}"))));
        let broken = answer.broken(&verify("secret: another"));
        assert_eq!(broken[0].1, "none that does: its signature does not fit the key");
        let jwk = format!("key: '{{\"kty\":\"oct\",\"k\":\"{}\"}}'", encode(SECRET));
        assert!(answer.holds(&verify(&jwk)));
        let keys = json!({"keys": [{"kty": "oct", "k": encode(SECRET)}]}).to_string();
        let fetched = answer.fetched("/jwks.json", Ok(keys));
        assert!(fetched.holds(&verify("jwks: /jwks.json")));
        assert!(fetched.unjudgeable(&verify("jwks: /other.json"))[0].contains("not fetched"));
        let failed = fetched.fetched("/down.json", Err("it answered 500".to_owned()));
        assert_eq!(failed.unjudgeable(&verify("jwks: /down.json")), ["it answered 500"]);
    }

    #[test]
    fn a_verified_token_is_valid_now() {
        let verify = |claims: &str| format!("jwt: {{ from: $.token, verify: {{ secret: {SECRET} }}{claims} }}");
        for (claims, holds) in [
            (json!({"exp": NOW + 1, "nbf": NOW}), true),
            (json!({"exp": NOW - 4, "nbf": NOW + 4}), true),
            (json!({"exp": NOW - 6}), false),
            (json!({"nbf": NOW + 6}), false),
            (json!({"exp": "tomorrow"}), false),
            (json!({"exp": null}), false),
        ] {
            assert_eq!(answer(&claims).holds(&verify("")), holds, "{claims}");
        }
        let old = answer(&json!({"exp": NOW - 600}));
        let broken = old.broken(&verify(""));
        assert_eq!(broken, [("a token that has not expired".to_owned(), "`exp` was 600 s ago".to_owned())]);
        for said in ["exp: { exists: true }", "$.exp: { below: 9999999999 }", "\"$['exp']\": { exists: true }"] {
            assert!(old.holds(&verify(&format!(", claims: {{ {said} }}"))), "{said}");
        }
        assert!(!old.holds(&verify(", claims: { nbf: { exists: false } }")));
        assert!(old.holds("jwt: { from: $.token }"), "without `verify` it is read as it is");
    }

    #[test]
    fn a_token_without_a_signature_is_refused_under_every_key() {
        let token = format!("{}.{}.", encode("{\"alg\":\"none\"}"), encode("{\"sub\":\"1\"}"));
        let answer = Answer::ok().json(&json!({ "token": token }));
        assert!(answer.holds("jwt: { from: $.token, header: { alg: none } }"));
        let broken = answer.broken("jwt: { from: $.token, verify: { jwks: /down.json } }");
        assert!(broken[0].1.contains("not signed at all"), "{broken:?}");
    }

    #[test]
    fn faults_are_told() {
        for (written, words) in [
            ("jwt: { claims: { sub: x } }", "needs `from`"),
            ("jwt: { from: token }", "begins with `$`"),
            ("jwt: { from: \"$..token\" }", "several nodes"),
            ("jwt: { from: $.t, verify: {} }", "one of `jwks`"),
            ("jwt: { from: $.t, verify: { secret: a, jwks: /b } }", "one of `jwks`"),
            ("jwt: { from: $.t, verify: { keys: a } }", "no key called `keys`"),
            ("jwt: { from: $.t, verify: { key: public.pem } }", "file("),
            ("jwt: { from: $.t, claims: { sub: { is: x } } }", "no operator"),
            ("jwt: { from: $.t, claims: { \"$.a[\": x } }", "too early"),
            ("jwt: {}", "could not fail"),
        ] {
            let found = faults(written);
            assert!(found.len() == 1 && found[0].contains(words), "{written}: {found:?}");
        }
    }
}
