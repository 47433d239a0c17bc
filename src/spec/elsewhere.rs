//! What other tools and the RFCs call our keys: who writes such a word is told ours.
//!
//! A row answers only where the key it names may stand, so that `url` means one thing in a suite and another in a step.

/// A word of elsewhere, and what stands for it here.
pub(super) struct Elsewhere {
    /// What people write.
    pub written: &'static [&'static str],
    /// The key that must be possible at the place.
    pub ours: &'static str,
    /// What to say; without it the word is another name of the key, and can be put right by it.
    pub say: Option<&'static str>,
}

const fn name(ours: &'static str, written: &'static [&'static str]) -> Elsewhere {
    Elsewhere { written, ours, say: None }
}

const fn hint(ours: &'static str, written: &'static [&'static str], say: &'static str) -> Elsewhere {
    Elsewhere { written, ours, say: Some(say) }
}

/// All of them. A key that is possible at its place is never looked up here.
pub(super) const ELSEWHERE: &[Elsewhere] = &[
    // Suites.
    name("cases", &["tests", "scenarios", "testcases", "test_cases", "requests", "stages"]),
    name("target", &["base_url", "baseUrl", "baseurl", "url", "host", "server", "servers"]),
    name("identities", &["users", "accounts", "principals", "personas", "actors"]),
    name("access", &["matrix", "permissions", "authorization"]),
    name("vars", &["variables", "globals"]),
    name("setup", &["before", "before_all", "beforeAll"]),
    name("teardown", &["after", "after_all", "afterAll", "cleanup"]),
    // Steps.
    hint(
        "request",
        &["url", "uri", "path", "method", "endpoint"],
        "method and path stand in one line: `request: GET /path`",
    ),
    name("expect", &["assert", "asserts", "assertions", "response", "checks", "check", "test", "verify"]),
    hint(
        "expect",
        &["status", "status_code", "statusCode"],
        "what must come back stands under `expect`: `expect: 200`",
    ),
    hint(
        "as",
        &["auth", "user", "identity", "identities", "token", "bearer"],
        "who asks is `as: alice`; how alice logs in stands once, under `identities`",
    ),
    hint(
        "with",
        &["except", "exclude", "mutations", "mutate", "defects", "packs"],
        "defects and what is left out of them stand in `with`: `with: { these: pack.bearer, except: [loc-query] }`",
    ),
    name("query", &["params", "parameters", "query_params", "querystring"]),
    hint("json", &["data", "payload", "content"], "a body is one of `json`, `form`, `multipart` and `body`"),
    name("capture", &["captures", "extract", "save", "register", "store"]),
    name("pause", &["wait", "delay", "sleep", "delay_before", "delay_after"]),
    // Schemes. RFC 8414, section 2, and OpenID Connect Discovery 1.0, section 3, name the endpoints so.
    name("token_url", &["token_endpoint", "access_token_url"]),
    name("authorize_url", &["authorization_endpoint", "authorization_url", "auth_url"]),
    name("device_url", &["device_authorization_endpoint", "device_authorization_url"]),
    name("revoke_url", &["revocation_endpoint", "revocation_url"]),
    name("par_url", &["pushed_authorization_request_endpoint"]),
    name("end_session_url", &["end_session_endpoint"]),
    name("jwks_url", &["jwks_uri", "jwks"]),
    name("issuer", &["iss", "discovery_url", "well_known", "openid_configuration"]),
    name("grant", &["grant_type", "flow"]),
    name("scope", &["scopes"]),
    hint(
        "client",
        &["client_id", "client_secret", "client_auth"],
        "the client stands in a map of its own: `client: { id: …, secret: … }`",
    ),
    hint(
        "whoami",
        &["username", "user", "password"],
        "who logs in stands beside the `auth` of an identity: `alice: { auth: …, username: …, password: … }`",
    ),
    name("id", &["client_id"]),
    name("secret", &["client_secret"]),
    name("auth", &["token_endpoint_auth_method", "auth_method", "authentication"]),
    name("alg", &["algorithm", "signing_alg", "token_endpoint_auth_signing_alg"]),
    name("algorithm", &["alg", "hash", "digest"]),
];

/// Finds what stands here for a word of elsewhere, where only some keys may stand.
pub(super) fn meant(written: &str, known: &[&str]) -> Option<&'static Elsewhere> {
    ELSEWHERE.iter().find(|row| row.written.contains(&written) && known.contains(&row.ours))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::case::CASE_KEYS;
    use crate::spec::load::SUITE_KEYS;
    use crate::spec::shared::SHARED_KEYS;
    use crate::spec::step::STEP_KEYS;

    #[test]
    fn a_word_means_what_its_place_makes_of_it() {
        let ours = |written, known: &[&str]| meant(written, known).map(|row| row.ours);
        let suite: Vec<&str> = SUITE_KEYS.iter().chain(SHARED_KEYS).map(|k| k.name).collect();
        let step: Vec<&str> = CASE_KEYS.iter().chain(STEP_KEYS).map(|k| k.name).collect();
        assert_eq!(ours("url", &suite), Some("target"));
        assert_eq!(ours("url", &step), Some("request"));
        assert_eq!(ours("except", &step), Some("with"));
        assert_eq!(ours("client_id", &["client", "scope"]), Some("client"));
        assert_eq!(ours("client_id", &["id", "secret"]), Some("id"));
        assert_eq!(ours("url", &["name"]), None);
        assert_eq!(ours("colour", &suite), None);
    }

    #[test]
    fn no_word_stands_in_two_rows_of_one_key() {
        for (i, row) in ELSEWHERE.iter().enumerate() {
            for later in &ELSEWHERE[i + 1..] {
                let twice = row.ours == later.ours && row.written.iter().any(|w| later.written.contains(w));
                assert!(!twice, "{}", row.ours);
            }
            assert!(!row.written.contains(&row.ours), "{} is its own other name", row.ours);
        }
    }
}
