//! What servers say in words, known by pieces of their sentences.
//!
//! Wording drifts, so pieces are loose and in lower case, and no piece decides a verdict: it only
//! lets a rule say what the server said.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// Something that servers say about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Word {
    /// The token is expired.
    Expired,
    /// The token is not valid yet.
    NotYet,
    /// Its signature does not hold, or its key is unknown.
    Signature,
    /// The signature of the request is another than the server computes.
    Unmatched,
    /// The signature is for another region, service or day.
    Scope,
    /// The time that the request was signed at is too far from the server's.
    Skewed,
    /// It cannot be read.
    Malformed,
    /// It is for another audience.
    Audience,
    /// It is from another issuer.
    Issuer,
    /// It was revoked, or its session ended.
    Revoked,
    /// It is of another kind.
    Kind,
    /// No credential arrived.
    Missing,
    /// The user name or password is wrong.
    Password,
    /// The account is locked, or there were too many tries.
    Locked,
    /// The account is disabled, unverified or not set up.
    Account,
    /// A second factor is wanted.
    Factor,
    /// The token against request forgery is missing or wrong.
    Forgery,
    /// Too many requests.
    Rate,
    /// A quota or plan is used up.
    Quota,
    /// A firewall or bot filter stepped in.
    Firewall,
    /// A gateway knows no such route.
    Route,
    /// A gateway wants a signed request.
    Signing,
    /// A service mesh has a policy against it.
    Mesh,
    /// A client certificate is wanted.
    Certificate,
    /// The header fields are too large.
    Large,
    /// Plain HTTP came where TLS is spoken.
    PlainHttp,
    /// The origin of the page is not allowed.
    Origin,
    /// A part that the check of credentials needs is down.
    Dependency,
    /// The sender's address is not allowed.
    Address,
}

/// The pieces by which each is known; the first that fits is enough.
pub const WORDS: &[(Word, &[&str])] = &[
    (
        Word::Expired,
        &[
            "jwt expired",
            "jwt is expired",
            "token expired",
            "token is expired",
            "token has expired",
            "token was expired",
            "the token expired",
            "signature has expired",
            "session expired",
            "session has expired",
            "expiredtoken",
            "expired_token",
            "token_expired",
            "expired access token",
            "the token is no longer valid",
        ],
    ),
    (
        Word::NotYet,
        &[
            "not yet valid",
            "not valid yet",
            "jwt not active",
            "not valid before",
            "immature signature",
            "issued in the future",
        ],
    ),
    (
        Word::Signature,
        &[
            "invalid signature",
            "signature verification failed",
            "signature is invalid",
            "jwt verification fails",
            "signature key was not found",
            "signature does not",
            "no matching key",
            "doesn't have key to match",
            "unknown signing key",
            "another algorithm expected",
        ],
    ),
    (
        Word::Unmatched,
        &[
            "signaturedoesnotmatch",
            "invalidsignatureexception",
            "invalid_signature",
            "signature we calculated",
            "signature mismatch",
            "signature is not that of",
            "no matching signature",
        ],
    ),
    (
        Word::Scope,
        &[
            "credential should be scoped",
            "invalidcredentialscope",
            "credential is for another day, region or service",
            "authorizationheadermalformed",
            "is wrong; expecting",
        ],
    ),
    (
        Word::Skewed,
        &[
            "requesttimetooskewed",
            "requestexpired",
            "request has expired",
            "signature expired",
            "signature not yet current",
            "timestamp is too old",
            "timestamp too old",
            "timestamp too new",
            "timestamp outside the tolerance",
            "timestamp is outside",
            "clock skew",
        ],
    ),
    (
        Word::Malformed,
        &[
            "jwt malformed",
            "malformed token",
            "token is malformed",
            "malformed jwt",
            "not enough segments",
            "bad authorization header",
            "compacttoken parsing failed",
            "token could not be decoded",
            "invalid token format",
        ],
    ),
    (
        Word::Audience,
        &[
            "invalid audience",
            "audience invalid",
            "jwt audience",
            "audiences in jwt",
            "wrong audience",
            "audience is invalid",
            "audience doesn't match",
            "audience validation failed",
            "another audience",
            "aud claim",
            "aud\" claim",
        ],
    ),
    (
        Word::Issuer,
        &[
            "invalid issuer",
            "issuer invalid",
            "jwt issuer",
            "wrong issuer",
            "issuer is invalid",
            "issuer is not configured",
            "issuer doesn't match",
            "issuer validation failed",
            "another issuer",
            "issued by somebody else",
            "iss claim",
            "iss\" claim",
        ],
    ),
    (
        Word::Revoked,
        &[
            "revoked",
            "was logged out",
            "blacklisted",
            "blocklisted",
            "token is not active",
            "session not active",
            "stale token",
            "session is unknown",
            "session of the token is unknown",
        ],
    ),
    (
        Word::Kind,
        &[
            "only non-refresh tokens",
            "only refresh tokens",
            "only access tokens are allowed",
            "wrong token type",
            "not an access token",
            "token has wrong type",
            "a refresh token is not",
        ],
    ),
    (
        Word::Missing,
        &[
            "missing authorization",
            "authorization header is missing",
            "authorization header missing",
            "no authorization",
            "no token provided",
            "no auth token",
            "no api key",
            "api key is missing",
            "missing api key",
            "api key missing",
            "credentials were not provided",
            "not authenticated",
            "jwt is missing",
            "access token is missing",
            "missing access token",
            "missing token",
            "this needs an access token",
            "this needs an api key",
            "this needs a user name",
            "format is authorization: bearer",
        ],
    ),
    (
        Word::Password,
        &[
            "invalid credentials",
            "invalid_credentials",
            "bad credentials",
            "incorrect password",
            "wrong password",
            "invalid password",
            "password is incorrect",
            "password is wrong",
            "incorrect username",
            "incorrect email",
            "invalid username",
            "invalid email or password",
            "invalid user credentials",
            "wrong email or password",
            "cannot find user",
            "user not found",
            "login_bad_credentials",
            "e0000004",
            "aadsts50126",
            "no active account found with the given credentials",
        ],
    ),
    (
        Word::Locked,
        &[
            "account is locked",
            "account locked",
            "account has been locked",
            "temporarily locked",
            "user is locked",
            "too many wrong",
            "too many failed",
            "too many login",
            "too many attempts",
            "too_many_attempts",
            "\"locked\"",
        ],
    ),
    (
        Word::Account,
        &[
            "account is disabled",
            "account disabled",
            "account was disabled",
            "user is disabled",
            "user is inactive",
            "inactive user",
            "account is inactive",
            "account suspended",
            "account is suspended",
            "email not verified",
            "email is not verified",
            "verify your email",
            "login_user_not_verified",
            "account is not fully set up",
            "must accept the terms",
            "password must be changed",
            "passwordresetrequired",
        ],
    ),
    (
        Word::Factor,
        &[
            "mfa_required",
            "mfa required",
            "two-factor",
            "2fa",
            "second factor",
            "one-time code",
            "otp required",
            "aadsts50076",
            "aadsts50079",
        ],
    ),
    (
        Word::Forgery,
        &[
            "csrf",
            "xsrf",
            "invalidauthenticitytoken",
            "authenticity token",
            "antiforgery",
            "anti-forgery",
            "cross-site request forgery",
            "request forgery",
        ],
    ),
    (
        Word::Rate,
        &[
            "rate limit",
            "ratelimit",
            "rate_limit",
            "too many requests",
            "e0000047",
            "error code: 1015",
            "slow down",
            "throttl",
        ],
    ),
    (
        Word::Quota,
        &[
            "quota",
            "plan limit",
            "payment required",
            "upgrade your plan",
            "subscription required",
            "no active subscription",
        ],
    ),
    (
        Word::Firewall,
        &[
            "just a moment",
            "error code: 1020",
            "incapsula incident",
            "_incapsula_resource",
            "the requested url was rejected",
            "generated by cloudfront",
            "mod_security",
            "modsecurity",
            "web application firewall",
            "attention required! | cloudflare",
        ],
    ),
    (Word::Route, &["missing authentication token"]),
    (
        Word::Signing,
        &["not a valid key=value pair", "missing equal-sign", "security token included in the request is invalid"],
    ),
    (Word::Mesh, &["rbac: access denied", "jwks doesn't have key", "audiences in jwt are not allowed"]),
    (
        Word::Certificate,
        &[
            "no required ssl certificate",
            "the ssl certificate error",
            "client certificate required",
            "client certificate is required",
        ],
    ),
    (
        Word::Large,
        &[
            "request header or cookie too large",
            "request header fields too large",
            "header too large",
            "request header is too large",
        ],
    ),
    (
        Word::PlainHttp,
        &[
            "plain http request was sent to https port",
            "speaking plain http to an ssl",
            "client sent an http request to an https server",
        ],
    ),
    (
        Word::Origin,
        &[
            "invalid cors request",
            "origin not allowed",
            "not allowed by cors",
            "origin is not allowed",
            "disallowed cors origin",
            "cors policy",
        ],
    ),
    (
        Word::Dependency,
        &[
            "jwks",
            "introspection failed",
            "introspection endpoint",
            "could not fetch keys",
            "discovery document",
            "openid-configuration",
            "identity provider is not available",
        ],
    ),
    (
        Word::Address,
        &[
            "ip address is not allowed",
            "ip not allowed",
            "ip is not allowed",
            "your ip",
            "not whitelisted",
            "not in the allow list",
        ],
    ),
];

/// All pieces in one automaton, since every refusal of a run is read for them; and the row of each.
static PIECES: LazyLock<(AhoCorasick, Vec<usize>)> = LazyLock::new(|| {
    let rows = WORDS.iter().enumerate().flat_map(|(row, (_, pieces))| pieces.iter().map(move |_| row)).collect();
    let pieces = WORDS.iter().flat_map(|(_, pieces)| *pieces);
    (AhoCorasick::new(pieces).expect("constant pieces"), rows)
});

/// Finds what a text in lower case says.
pub(crate) fn find(text: &str) -> Vec<Word> {
    let (pieces, row_of) = &*PIECES;
    let mut said = [false; WORDS.len()];
    for found in pieces.find_overlapping_iter(text) {
        said[row_of[found.pattern().as_usize()]] = true;
    }
    WORDS.iter().zip(said).filter(|(_, said)| *said).map(|((word, _), _)| *word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_answers_say_what_they_mean() {
        for (text, word) in [
            ("jwt expired", Word::Expired),
            ("an error occurred while attempting to decode the jwt: jwt expired at 2024", Word::Expired),
            ("signature has expired", Word::Expired),
            ("the token is not yet valid (iat)", Word::NotYet),
            ("jwks doesn't have key to match kid or alg from jwt", Word::Signature),
            ("signed jwt rejected: another algorithm expected, or no matching key(s) found", Word::Signature),
            ("not enough segments", Word::Malformed),
            ("audiences in jwt are not allowed", Word::Audience),
            ("unexpected \"aud\" claim value", Word::Audience),
            ("idx10214: audience validation failed.", Word::Audience),
            ("the iss claim is not valid", Word::Issuer),
            ("the token is meant for another audience", Word::Audience),
            ("the token was issued by somebody else", Word::Issuer),
            ("jwt issuer is not configured", Word::Issuer),
            ("the token was revoked: its session was logged out", Word::Revoked),
            ("only non-refresh tokens are allowed", Word::Kind),
            ("authentication credentials were not provided.", Word::Missing),
            ("no api key found in request", Word::Missing),
            ("{\"detail\":\"login_bad_credentials\"}", Word::Password),
            ("no active account found with the given credentials", Word::Password),
            ("too many wrong passwords for this user; try again in 5 s", Word::Locked),
            ("account is not fully set up", Word::Account),
            ("mfa_required", Word::Factor),
            ("csrf verification failed. request aborted.", Word::Forgery),
            ("ebadcsrftoken", Word::Forgery),
            ("api rate limit exceeded", Word::Rate),
            ("you have exceeded your quota", Word::Quota),
            ("error code: 1020", Word::Firewall),
            ("{\"message\":\"missing authentication token\"}", Word::Route),
            ("<code>signaturedoesnotmatch</code>", Word::Unmatched),
            (
                "the authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'",
                Word::Scope,
            ),
            ("signature expired: 20150830t123600z is now earlier than", Word::Skewed),
            ("not a valid key=value pair (missing equal-sign) in authorization header", Word::Signing),
            ("rbac: access denied", Word::Mesh),
            ("400 no required ssl certificate was sent", Word::Certificate),
            ("400 request header or cookie too large", Word::Large),
            ("the plain http request was sent to https port", Word::PlainHttp),
            ("invalid cors request", Word::Origin),
            ("introspection endpoint answered 503", Word::Dependency),
            ("your ip is not in the list", Word::Address),
        ] {
            assert!(find(text).contains(&word), "{text}: {:?}", find(text));
        }
    }

    #[test]
    fn other_sentences_say_nothing() {
        for text in [
            "your password expires in 3 days",
            "{\"id\":7,\"title\":\"the lockpicking audience\",\"missing\":false}",
            "not found",
            "you may not do this",
            "signature dish",
        ] {
            let found = find(text);
            assert_eq!(found, [], "{text}");
        }
    }

    #[test]
    fn every_word_has_pieces_in_lower_case() {
        for (word, pieces) in WORDS {
            assert!(!pieces.is_empty(), "{word:?}");
            assert!(pieces.iter().all(|p| *p == p.to_lowercase() && p.len() > 2), "{word:?}");
            assert_eq!(WORDS.iter().filter(|(w, _)| w == word).count(), 1, "{word:?}");
        }
    }
}
