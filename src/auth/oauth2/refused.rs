//! What a server's refusal means: its own words, and the parameter that is the likely cause (RFC 6749, section 5.2).

use jiff::Timestamp;
use serde_json::Value;

use super::client::Proof;
use super::metadata::Metadata;
use super::post::Post;
use super::read::{DEVICE, EXCHANGE, JWT_BEARER};
use super::{Config, bind, unspoken};
use crate::auth::Refused;
use crate::http::Response;
use crate::jose::{Algorithm, Token};
use crate::term::list;

/// What a cause is judged by.
pub(super) struct Asked<'a> {
    pub(super) post: &'a Post,
    /// What the client signed to show who it is.
    pub(super) assertion: Option<&'a str>,
    pub(super) config: &'a Config,
    pub(super) metadata: &'a Metadata,
    pub(super) now: Timestamp,
}

/// Says what is likely, by what was asked and by the server's own sentence.
type Cause = fn(&Asked<'_>, &str) -> Vec<String>;

/// Error codes and what they say about what was sent.
const CAUSES: &[(&str, Cause)] = &[
    ("invalid_client", client),
    ("invalid_grant", grant),
    ("unauthorized_client", not_enabled),
    ("unsupported_grant_type", not_enabled),
    ("invalid_scope", scope),
    ("invalid_target", target),
    ("invalid_request", request),
    ("access_denied", denied),
    ("expired_token", late),
    ("invalid_dpop_proof", bind::refused_proof),
    // Whether the answer gave a nonce, the rule `proof-nonce-unanswered` tells.
    ("use_dpop_nonce", |_, _| Vec::new()),
];

/// Makes a refusal of an error answer.
pub(super) fn by_endpoint(asked: &Asked<'_>, response: &Response) -> Refused {
    let said: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let text = |name: &str| said.get(name).and_then(Value::as_str);
    let title = asked.post.to.title();
    let Some(code) = text("error") else {
        return unspoken::refused(asked.post, response, asked.now);
    };
    let cause = CAUSES.iter().find(|(c, _)| *c == code);
    // A code of another kind says less than the status does.
    let mut help = cause.map_or_else(
        || unspoken::meaning(asked.post.to, response.status, false),
        |(_, cause)| cause(asked, text("error_description").unwrap_or_default()),
    );
    if response.status == 429 {
        help = unspoken::too_often(asked.post, response, asked.now);
    }
    help.extend(text("error_uri").map(|uri| format!("the server points to {uri}")));
    Refused { message: sentence(title, code, text("error_description")), help }
}

/// What a server said, in one sentence.
pub(super) fn sentence(title: &str, code: &str, description: Option<&str>) -> String {
    format!("{title} says {}", coded(code, description))
}

/// A code, and what the server says about it.
pub(super) fn coded(code: &str, description: Option<&str>) -> String {
    match description.filter(|d| !d.trim().is_empty()) {
        Some(description) => format!("`{code}`: {}", description.trim()),
        None => format!("`{code}`"),
    }
}

/// The ways of proving that the server takes, when it says so and the one that was used is not among them.
fn other_proofs(asked: &Asked<'_>) -> Option<String> {
    let taken = asked.metadata.list("token_endpoint_auth_methods_supported");
    let own = asked.config.client.proof.registered();
    if taken.is_empty() || taken.contains(&own) {
        return None;
    }
    let taken: Vec<String> = taken.iter().map(|t| format!("`{t}`")).collect();
    Some(format!("`{own}` was used, and the server takes {}", list(&taken, "and")))
}

fn client(asked: &Asked<'_>, said: &str) -> Vec<String> {
    let word = asked.config.client.proof.word();
    let first = match asked.config.client.proof {
        Proof::Basic => {
            "check `client.id` and `client.secret`; a server that wants them in the body needs `client.auth: post`, one that does not decode them `basic-raw`"
        }
        Proof::BasicRaw => "check `client.id` and `client.secret`; `client.auth: basic` encodes both, as the RFC says",
        Proof::Post => {
            "check `client.id` and `client.secret`; a server that wants them in `Authorization` needs `client.auth: basic`"
        }
        Proof::PrivateKey | Proof::SecretKey => {
            return other_proofs(asked)
                .into_iter()
                .chain(other_algorithm(asked))
                .chain(signed(asked.assertion, asked, said))
                .collect();
        }
        Proof::Nothing if asked.config.client.key.is_some() => {
            "the key signs the assertion alone, and the client proves nothing beside it: a server that wants a proof as well needs `client.auth: private_key_jwt`"
        }
        Proof::Nothing => {
            "`client.auth` is `none`: a client that is not public needs its `client.secret` or `client.key`"
        }
        Proof::Tls => {
            "the client certificate of `client.cert`, or of `tls:`, must be the one that is registered for `client.id`, with those that signed it behind it; a proxy before the server must ask for it and pass it on"
        }
    };
    let mut help: Vec<String> = other_proofs(asked).into_iter().collect();
    help.push(if help.is_empty() { first.to_owned() } else { format!("set `client.auth`, which is `{word}` now") });
    help
}

fn grant(asked: &Asked<'_>, said: &str) -> Vec<String> {
    let one = |text: &str| vec![text.to_owned()];
    match asked.post.value("grant_type") {
        Some("password") => one("check `username` and `password` of the identity against the account"),
        Some("refresh_token") => one(
            "the refresh token is over, was revoked, belongs to another client, or was used before: one that rotates may be used once",
        ),
        Some(DEVICE) => one("the device code is over, was used before, or belongs to another client"),
        Some("authorization_code") => one(
            "the code is over, was used before, or belongs to another client; `redirect_uri` and `code_verifier` must be those it was asked with",
        ),
        Some(JWT_BEARER) => signed(asked.post.value("assertion"), asked, said),
        _ => Vec::new(),
    }
}

/// What a server may not take of an assertion (RFC 7523, section 3), that first of which it speaks itself.
fn signed(assertion: Option<&str>, asked: &Asked<'_>, said: &str) -> Vec<String> {
    let Some(token) = assertion.and_then(|text| Token::parse(text).ok()) else { return Vec::new() };
    let claims = token.claims().unwrap_or_default();
    let claim = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let algorithm = token.algorithm().map_or("none", Algorithm::name);
    let key = if asked.config.client.key.is_some() {
        let under = token.key_id().map_or_else(
            || "without a `kid`, which `client.kid` would name".to_owned(),
            |kid| format!("under `kid: {kid}`"),
        );
        format!(
            "it was signed with `{algorithm}` {under}: the server must know the public part of `client.key` as a key of this client, by the same `kid`"
        )
    } else {
        format!(
            "it was signed with `{algorithm}` and `client.secret`: is it the secret of this client, and is it registered for that algorithm?"
        )
    };
    let audience = format!(
        "the assertion is for `aud: {}`: the server may want to be called by its issuer, or by the address of its token endpoint; `client.audience` says which",
        claim("aud")
    );
    let subject = format!(
        "it speaks for `sub: {}`, in the name of `iss: {}`: both have to be known there",
        claim("sub"),
        claim("iss")
    );
    let time = "it is good for a minute, and once: see that the clocks agree, and that it was not sent before";
    let mut all = vec![
        (&["aud", "audience"][..], audience),
        (&["key", "kid", "signature", "signed", "jwks", "alg", "algorithm", "verify", "verification"], key),
        (
            &["exp", "expired", "iat", "nbf", "jti", "clock", "time", "used", "once", "replay", "replayed"],
            time.to_owned(),
        ),
    ];
    if claim("sub") != claim("iss") {
        all.push((&["sub", "subject", "user", "iss", "issuer"], subject));
    }
    let said = said.to_ascii_lowercase();
    let spoken: Vec<&str> = said.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let is_meant = |words: &[&str]| words.iter().any(|word| spoken.contains(word));
    if all.iter().any(|(words, _)| is_meant(words)) {
        all.retain(|(words, _)| is_meant(words));
    }
    all.into_iter().map(|(_, text)| text).collect()
}

/// The algorithm of an assertion that proves a client, where the server's metadata list others (RFC 8414, section 2).
fn other_algorithm(asked: &Asked<'_>) -> Option<String> {
    let token = asked.assertion.and_then(|text| Token::parse(text).ok())?;
    let algorithm = token.algorithm().map_or("none", Algorithm::name);
    let taken = asked.metadata.list("token_endpoint_auth_signing_alg_values_supported");
    (!taken.is_empty() && !taken.contains(&algorithm)).then(|| {
        let taken: Vec<String> = taken.iter().map(|t| format!("`{t}`")).collect();
        format!(
            "it was signed with `{algorithm}`, and the server's metadata list {}: set `client.alg`",
            list(&taken, "and")
        )
    })
}

fn not_enabled(asked: &Asked<'_>, _: &str) -> Vec<String> {
    let grant = asked.post.value("grant_type").unwrap_or_default().to_owned();
    let known = asked.metadata.list("grant_types_supported");
    let enable = format!("enable the grant `{grant}` for the client at the server, or log in by another `grant`");
    if known.is_empty() || known.contains(&grant.as_str()) {
        return vec![enable];
    }
    let known: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
    vec![format!("the server's metadata list {}", list(&known, "and"))]
}

fn scope(asked: &Asked<'_>, _: &str) -> Vec<String> {
    let Some(sent) = asked.post.value("scope") else {
        return vec!["no scope was asked for; the server may want one: add `scope`".to_owned()];
    };
    let known = asked.metadata.list("scopes_supported");
    let unknown: Vec<String> =
        sent.split(' ').filter(|s| !known.is_empty() && !known.contains(s)).map(|s| format!("`{s}`")).collect();
    if unknown.is_empty() {
        return vec![format!("`scope` was `{sent}`: may the client ask for all of it?")];
    }
    vec![format!("the server's metadata do not list the scope {}", list(&unknown, "or"))]
}

fn target(asked: &Asked<'_>, _: &str) -> Vec<String> {
    let sent = ["resource", "audience"].into_iter().find(|name| asked.post.has(name));
    match sent {
        Some(name) => {
            let value = asked.post.value(name).unwrap_or_default();
            vec![format!("does the server know `{name}: {value}`, and may the client ask for it?")]
        }
        None => vec!["the server may want to be told what the token is for: add `resource` or `audience`".to_owned()],
    }
}

fn request(asked: &Asked<'_>, _: &str) -> Vec<String> {
    let mut help: Vec<String> = other_proofs(asked).into_iter().collect();
    if asked.post.value("grant_type") == Some(EXCHANGE) {
        // RFC 8693, section 2.2.2, has this code for a token that is not good.
        help.push(
            "the `subject_token` or `actor_token` may be over, revoked, of another type or of another server"
                .to_owned(),
        );
    }
    let sent: Vec<String> = asked.post.parameters.iter().map(|(name, _)| format!("`{name}`")).collect();
    if !sent.is_empty() {
        help.push(format!(
            "sent were {}; what else the server wants goes under `extra:`, at `{}`",
            list(&sent, "and"),
            asked.post.label
        ));
    }
    help
}

fn late(_: &Asked<'_>, _: &str) -> Vec<String> {
    vec!["the device code ended before somebody agreed: is its lifetime long enough for the pages?".to_owned()]
}

fn denied(_: &Asked<'_>, _: &str) -> Vec<String> {
    vec!["somebody said no, or a rule of the server did: see what the client may ask for".to_owned()]
}
