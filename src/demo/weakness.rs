//! The deliberate weaknesses the demo can be started with, to prove that a suite notices them.
//!
//! Each is one small mistake that was made somewhere for real, at the place where a developer would make it.

use super::state::State;

/// A deliberate defect the demo can be started with.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Weakness {
    /// The name by which it is asked for.
    pub id: &'static str,
    /// What the weakened server does wrong, in one sentence.
    pub about: &'static str,
    /// The mutations that notice it, by their ids; none where plain cases do.
    pub caught_by: &'static [&'static str],
}

const fn row(id: &'static str, about: &'static str, caught_by: &'static [&'static str]) -> Weakness {
    Weakness { id, about, caught_by }
}

/// Every weakness the demo knows; the strict server has none of them.
#[rustfmt::skip]
pub const WEAKNESSES: &[Weakness] = &[
    // Signatures of tokens: token/lax.rs
    row("no-signature-check", "decodes access tokens without looking at their signature", &["jwt-payload-tamper", "jwt-sig-bitflip", "jwt-sig-stripped", "jwt-empty-header", "jwt-trailing-dot", "jwt-alg-swap-family", "jwt-alg-null", "jwt-alg-empty", "jwt-alg-array"]),
    row("alg-none", "takes a token for good whose header says that it is not signed", &["jwt-alg-none"]),
    row("alg-none-any-case", "refuses `none`, and takes `None` for it", &["jwt-alg-none-case", "jwt-alg-none-title", "jwt-alg-none-upper"]),
    row("key-confusion", "verifies HS256 with the public key of RS256 as the secret", &["jwt-alg-confusion", "jwt-alg-confusion-trimmed", "jwt-alg-confusion-pkcs1", "jwt-alg-confusion-der", "jwt-alg-confusion-jwk"]),
    row("weak-hmac-secret", "signs access tokens with the secret `secret`", &["jwt-hs-weak-key"]),
    row("empty-hmac-secret", "verifies HS256 with a secret that nobody set", &["jwt-hs-empty-key"]),
    row("psychic-signature", "takes an ES256 signature of zeros for good", &["jwt-es-psychic", "jwt-es-psychic-der"]),
    row("embedded-jwk", "verifies a token with the key that it brings along", &["jwt-embedded-jwk"]),
    row("embedded-x5c", "verifies a token with the certificate that it brings along", &["jwt-x5c-self"]),
    row("kid-path", "reads the key from the file that `kid` names", &["jwt-kid-path", "jwt-kid-path-root"]),
    row("kid-sqli", "looks the key up with `kid` pasted into the query", &["jwt-kid-sqli"]),
    row("lenient-base64", "decodes tokens in other alphabets and with padding", &["jwt-b64-std-alphabet", "jwt-b64-plus-slash"]),
    // Claims: token.rs, oauth/resource.rs
    row("ignores-exp", "accepts access tokens that have expired", &["token-expired"]),
    row("hour-of-leeway", "accepts access tokens for an hour after they have expired", &["token-expired"]),
    row("exp-optional", "accepts access tokens that never expire", &["claim-exp-missing"]),
    row("exp-as-text", "reads an `exp` that is a text", &["claim-exp-text"]),
    row("ignores-nbf", "accepts access tokens before they are valid", &["token-not-yet-valid"]),
    row("ignores-aud", "accepts access tokens that are meant for another audience", &["token-wrong-audience", "claim-aud-array-without"]),
    row("aud-optional", "accepts access tokens that name no audience", &["claim-aud-missing", "claim-aud-empty"]),
    row("aud-any-shape", "looks at the audience only where it is text or a list", &["claim-aud-null", "claim-aud-object"]),
    row("aud-by-prefix", "compares only the beginning of the audience", &["claim-aud-prefix"]),
    row("aud-no-lists", "refuses access tokens for several audiences", &["claim-aud-array-with"]),
    row("ignores-iss", "accepts access tokens whatever issuer they name", &["token-wrong-issuer"]),
    row("iss-ignores-slash", "does not look at a slash at the end of the issuer", &["claim-iss-slash"]),
    row("sub-optional", "accepts access tokens that are about nobody", &["claim-sub-missing"]),
    row("ignores-typ", "accepts any kind of JWT as an access token", &["claim-typ-wrong"]),
    row("ignores-crit", "passes over extensions that a token calls critical", &["jwt-crit-unknown", "jwt-b64-false"]),
    row("scope-substring", "finds a scope in the middle of another", &["claim-scope-superstring"]),
    row("scope-unchecked", "does not look at the scope of a token", &["claim-scope-missing"]),
    row("roles-from-token", "believes the roles that were in the token at login", &[]),
    // Kinds of tokens: bearer.rs, routes/login.rs, oauth/resource.rs
    row("id-token-as-access", "accepts an ID token as an access token", &["life-id-as-access"]),
    row("refresh-token-as-access", "accepts a refresh token as an access token", &["life-refresh-as-access"]),
    row("access-as-refresh", "accepts an access token as a refresh token", &[]),
    row("dpop-as-bearer", "accepts a token that is bound to a key without the proof", &[]),
    // Where the credential stands: bearer/lax.rs, gateway.rs
    row("token-in-query", "takes the token from the query", &["loc-query"]),
    row("token-in-form", "takes the token from a form", &["loc-form"]),
    row("token-in-cookie", "takes the token from a cookie", &["loc-cookie"]),
    row("token-in-other-header", "takes the token from headers that nobody documented", &["hdr-alt-name"]),
    row("raw-token", "takes a token without the word Bearer", &["hdr-no-scheme"]),
    row("any-scheme", "takes the token behind any word", &["hdr-wrong-scheme"]),
    row("case-sensitive-scheme", "refuses `bearer`, which means the same", &["hdr-lowercase-scheme"]),
    row("believes-placeholders", "takes the words that broken clients send for the token of its test user", &["tok-placeholder", "tok-placeholder-null", "tok-placeholder-none", "tok-placeholder-false", "tok-placeholder-object", "tok-placeholder-template"]),
    row("strips-quotes", "takes a token in quotes", &["hdr-quoted"]),
    row("first-of-list", "takes the first of several credentials in one line", &["hdr-comma-list"]),
    row("first-authorization-wins", "takes the first of two Authorization lines", &["hdr-duplicate-good-bad"]),
    row("last-authorization-wins", "takes the last of two Authorization lines", &["hdr-duplicate-bad-good"]),
    // What is answered: bearer.rs, outer.rs
    row("crashes-on-garbage", "answers 500 to a token that is none", &["tok-garbage"]),
    row("crashes-on-odd-kid", "answers 500 to a `kid` that is no short text", &["jwt-kid-type", "jwt-kid-array", "jwt-kid-object", "jwt-kid-long"]),
    row("no-challenge", "answers 401 without WWW-Authenticate", &["resp-401-challenge"]),
    row("challenge-without-error", "does not say that the token is what it refuses", &["tok-garbage"]),
    row("forbids-strangers", "answers 403 to a request without a credential", &["hdr-missing"]),
    row("login-for-forbidden", "answers 401 to somebody who is known and may not", &[]),
    row("leaks-token", "repeats the token in its refusal", &[]),
    row("cacheable-tokens", "lets caches keep the answer that carries tokens", &[]),
    row("cacheable-account", "lets caches share what it tells one person", &[]),
    // Ways round the guard: gateway.rs, bearer/lax.rs
    row("trusts-user-header", "believes a header that says who is asking", &["az-x-user", "az-x-user-id", "az-x-remote-user", "az-x-forwarded-user", "az-x-authenticated-user", "az-x-amzn-oidc-identity", "az-x-goog-user", "az-x-ms-principal"]),
    row("trusts-forwarded-for", "lets in whoever says that they ask from the machine itself", &["az-x-forwarded", "az-forwarded", "az-x-real-ip", "az-x-client-ip", "az-true-client-ip", "az-cf-connecting-ip", "az-x-custom-ip"]),
    row("trusts-original-url", "guards one path and serves that of X-Original-URL", &["az-x-original-url", "az-x-rewrite-url"]),
    row("trusts-path-prefix", "guards a path with what X-Forwarded-Prefix puts in front", &["az-x-forwarded-prefix"]),
    row("trusts-role-parameter", "believes `?admin=true`", &["az-param-role", "az-param-admin"]),
    row("trusts-role-cookie", "believes a cookie that says what the caller may do", &["az-cookie-role"]),
    row("method-override", "guards one method and runs that of X-HTTP-Method-Override", &["az-method-override", "az-method-override-short", "az-method-override-query"]),
    row("head-unguarded", "guards GET and not HEAD", &["az-verb-head"]),
    row("unknown-method-unguarded", "serves methods that nobody knows without a guard", &["az-verb-arbitrary"]),
    row("merges-slashes", "guards /admin and serves //admin", &["az-path-dslash", "az-path-dslash-inner"]),
    row("resolves-dots", "guards /admin and serves /./admin", &["az-path-dot"]),
    row("decodes-paths", "guards /admin and serves /%61dmin", &["az-path-enc", "az-path-enc-slash"]),
    row("trims-slash", "guards a path and serves the same with a slash at its end", &["az-path-slash"]),
    row("ignores-path-case", "guards /admin and serves /ADMIN", &["az-path-case", "az-path-case-last"]),
    row("drops-path-parameters", "guards a path and serves the same with ;a=b behind it", &["az-path-matrix", "az-path-matrix-last"]),
    row("drops-suffix", "guards a path and serves the same with .json behind it", &["az-path-suffix"]),
    row("cuts-at-nul", "guards a path and serves the same with %00 behind it", &["az-path-nul"]),
    row("cuts-at-question-mark", "guards a path and serves the same with %3f behind it", &["az-path-query-tail"]),
    row("cuts-at-number-sign", "guards a path and serves the same with %23 behind it", &["az-path-fragment-tail"]),
    row("trims-blanks", "guards a path and serves the same with %20 behind it", &["az-path-space-tail"]),
    row("turns-backslashes", "guards /admin/users and serves /admin\\users", &["az-path-backslash"]),
    row("folds-width", "guards /admin and serves the same in full-width letters", &["az-path-unicode"]),
    row("steps-over-semicolons", "guards /admin and serves /x/..;/admin", &["az-path-semicolon-dotdot"]),
    row("guards-origin-form", "guards a path and not the same in a whole URL", &["az-absolute-form"]),
    row("answers-trace", "repeats what it was sent with TRACE", &["az-verb-trace"]),
    row("trusts-host-name", "lets in whoever asks for the site of the machine itself", &["az-host-override", "az-x-forwarded-host"]),
    row("trusts-roles-header", "believes a header that says what the caller may do", &["az-x-roles", "az-x-role"]),
    row("trusts-referer", "lets in whoever says that a page of the admin area sent them", &["az-referer"]),
    // Who may what: bearer.rs, routes/
    row("admin-reads-unguarded", "shows the admin area to whoever is logged in", &[]),
    row("admin-writes-unguarded", "lets whoever is logged in act in the admin area", &[]),
    row("bola-read", "shows a note to whoever knows its id", &[]),
    row("bola-write", "lets whoever knows its id change a note", &[]),
    row("bola-delete", "lets whoever knows its id delete a note", &[]),
    row("bola-account", "shows an account to whoever knows its id", &[]),
    row("bola-transfer", "lets whoever knows its id move money out of an account", &[]),
    row("lists-everybody", "puts the notes of all into everybody's list", &[]),
    row("refuses-after-writing", "changes a note, then refuses to", &[]),
    row("existence-oracle", "answers 403 where there is a note and 404 where there is none", &[]),
    row("mass-assignment", "lets people register themselves as admins", &[]),
    row("revoked-key-lives", "accepts API keys that were revoked", &[]),
    row("key-ignores-case", "compares API keys without their case", &["tok-case"]),
    row("key-by-form", "takes whatever has the form of an API key", &["key-bitflip"]),
    row("key-in-query", "takes an API key from the query, too", &["key-in-query", "key-in-query-short", "key-in-query-field"]),
    row("key-in-other-fields", "takes an API key as a Bearer token, as a user name and from a cookie, too", &["key-as-bearer", "key-as-basic", "key-in-cookie"]),
    row("reading-key-writes", "lets an API key write that may only read", &[]),
    // Sessions: routes/, sessions.rs, web.rs
    row("logout-keeps-token", "leaves the access token alive at logout", &[]),
    row("logout-keeps-refresh", "leaves the refresh token alive at logout", &[]),
    row("logout-keeps-cookie", "takes the cookie back at logout and leaves its session alive", &[]),
    row("revoked-token-lives", "accepts access tokens that were revoked", &[]),
    row("disabled-user-lives", "accepts tokens of users who were disabled since", &[]),
    row("password-change-keeps-sessions", "leaves other sessions alive when the password changes", &[]),
    row("old-password-unchecked", "changes the password without asking for the old one", &[]),
    row("refresh-reusable", "`/refresh` takes a refresh token as often as it comes", &[]),
    row("reuse-not-detected", "refuses a used refresh token and lets its family live", &[]),
    row("refresh-race", "gives tokens to both of two refreshes at once", &[]),
    row("session-fixation", "keeps the session id of before the login", &[]),
    row("session-by-prefix", "knows a session by the first letters of its id", &["sess-bitflip", "sess-truncated"]),
    row("session-in-query", "takes the session id from the query", &["sess-param"]),
    row("session-in-path", "takes the session id from a path parameter", &["sess-in-url"]),
    row("session-unverified", "lets in whoever brings a session cookie, whatever is in it", &["sess-garbage", "sess-bitflip", "sess-truncated"]),
    row("session-optional", "lets in who brings no session cookie, as a guest", &["sess-none"]),
    row("cookie-without-httponly", "lets scripts read the session cookie", &[]),
    row("cookie-without-samesite", "lets other sites send the session cookie", &[]),
    row("cookie-without-secure", "lets the session cookie travel over http", &[]),
    row("csrf-unchecked", "does not look at the CSRF token", &["csrf-missing", "csrf-empty", "csrf-wrong"]),
    row("csrf-only-when-sent", "looks at the CSRF token only when there is one", &["csrf-missing", "csrf-empty"]),
    row("foreign-origin-posts", "accepts forms that another site's page sent", &["csrf-origin-foreign"]),
    row("json-by-any-type", "takes JSON for a change whatever its type and origin", &["csrf-simple-ct"]),
    row("open-redirect", "sends people on to any address after login", &[]),
    // Logging in: routes/login.rs, signin.rs
    row("no-lockout", "lets passwords be guessed without end", &[]),
    row("tells-users-by-status", "answers 404 where there is no such user", &[]),
    row("tells-users-by-body", "says in words that there is no such user", &[]),
    row("tells-users-by-headers", "counts the guesses that are left in a field only where there is such a user", &[]),
    row("tells-users-by-time", "takes its time to refuse only where there is such a user", &[]),
    row("password-operators", "hands an object in place of the password to its database", &[]),
    row("password-ignores-case", "takes a password in capitals", &["basic-password-case"]),
    row("password-by-prefix", "compares only the first eight characters of a password", &["basic-short-password"]),
    row("password-empty", "takes an empty password, as a directory takes one", &["basic-empty-password"]),
    row("password-unchecked", "asks for the name alone with Basic", &["basic-wrong-password"]),
    // Pages of other origins: cors.rs
    row("cors-reflects-origin", "lets pages of every origin read with credentials", &["cors-reflect", "cors-origin-foreign"]),
    row("cors-localhost", "lets any page on the visitor's own machine read with credentials", &["cors-localhost"]),
    row("cors-null-origin", "lets pages without an origin read with credentials", &["cors-null"]),
    row("cors-origin-prefix", "lets origins read that begin like a known one", &["cors-suffix"]),
    row("cors-origin-suffix", "lets origins read that end like a known one", &["cors-prefix", "cors-subdomain"]),
    row("cors-any-scheme", "lets pages read that came unencrypted from a known host", &["cors-scheme"]),
    row("cors-any-port", "lets pages of a known host read whatever its port", &["cors-port"]),
    row("cors-dots-unescaped", "takes the dots of a known origin for any letter", &["cors-dot-escape"]),
    row("cors-not-on-errors", "hides its refusals from pages of known origins", &["cors-on-error"]),
    row("cors-without-vary", "does not tell caches that answers depend on the origin", &["cors-vary"]),
    row("cors-only-preflights", "answers preflights and hides what they ask for", &["cors-origin-allowed"]),
    row("cors-preflight-guarded", "wants a token of preflights, which carry none", &["cors-preflight-noauth"]),
    row("cors-preflight-for-all", "answers preflights of every origin alike", &["cors-preflight-foreign"]),
    row("cors-headers-star", "lists `*` for fields, which does not cover Authorization", &["cors-allow-authorization"]),
    row("cors-methods-missing", "does not list all methods that it has", &["cors-allow-method"]),
    row("cors-star-credentials", "allows every origin together with credentials", &["cors-star-cred"]),
    row("cors-credentials-case", "allows credentials with `True`, which no browser reads", &["cors-cred-case"]),
    row("cors-hides-fields", "does not let pages read the challenge of a refusal", &["cors-expose"]),
    // The authorization server: oauth/
    row("code-replay", "trades an authorization code as often as it comes", &[]),
    row("code-replay-keeps-tokens", "leaves the tokens alive whose code came again", &[]),
    row("pkce-not-verified", "does not hold the verifier against the challenge", &[]),
    row("pkce-only-when-sent", "trades a code without the verifier that belongs to it", &[]),
    row("pkce-optional", "lets public clients do without a challenge", &[]),
    row("redirect-not-compared", "trades a code whatever redirect URI comes with it", &[]),
    row("redirect-by-prefix", "sends codes to addresses that begin like the registered one", &[]),
    row("client-secret-unchecked", "takes any secret of a client", &[]),
    row("refresh-for-any-client", "refreshes tokens that were given to another client", &[]),
    row("refresh-widens-scope", "gives more scope at a refresh than was granted", &[]),
    row("introspection-open", "tells anybody what a token is worth", &[]),
    row("introspects-dead-tokens", "calls tokens active that were revoked", &[]),
    // Signed requests: digest.rs, hmac.rs, aws.rs
    row("digest-counter-unchecked", "accepts a Digest answer as often as it comes", &["digest-nc-replay"]),
    row("digest-any-nonce", "accepts a Digest answer to a nonce that it never gave", &["digest-stale"]),
    row("digest-uri-not-compared", "accepts a Digest answer that was made for another target", &["digest-uri"]),
    row("digest-qop-optional", "accepts a Digest answer without qop", &["digest-qop-strip"]),
    row("digest-any-realm", "hashes a Digest answer for the realm that the client names", &["digest-other-realm"]),
    row("digest-any-algorithm", "accepts a Digest answer by MD5 where it asked for better", &["digest-alg-downgrade"]),
    row("digest-unproven", "says back to a Digest client what is no proof that it knows the password", &[]),
    row("hmac-time-unchecked", "accepts signed requests however old they are", &["hmac-stale", "hmac-future"]),
    row("hmac-nonce-reusable", "accepts a signed request as often as it comes", &["hmac-replay"]),
    row("hmac-compares-beginning", "compares a signature as far as it goes", &["hmac-truncated", "hmac-empty"]),
    row("hmac-signature-unchecked", "looks at time and nonce of a signed request, and not at the signature", &["hmac-bad", "hmac-other-key", "hmac-path", "hmac-query", "hmac-method", "hmac-header-swap"]),
    row("hmac-any-key-id", "takes the first key where the key id is unknown", &["hmac-unknown-key"]),
    row("sigv4-scope-unchecked", "takes signatures for any region and service", &["sigv4-region", "sigv4-service"]),
    row("sigv4-day-unchecked", "takes keys of any day", &["sigv4-date-scope"]),
    row("sigv4-payload-unchecked", "believes the hash of the body that the sender names", &["hmac-body"]),
    row("hmac-body-optional", "accepts signatures that leave the body out", &[]),
    row("sigv4-date-unchecked", "accepts requests signed at any time", &["sigv4-skew", "sigv4-skew-ahead"]),
    row("sigv4-unsigned-payload", "accepts requests whose body is not signed", &["sigv4-unsigned-payload"]),
];

/// The names of all weaknesses.
pub const WEAKNESS_IDS: &[&str] = &{
    let mut ids = [""; WEAKNESSES.len()];
    let mut at = 0;
    while at < ids.len() {
        ids[at] = WEAKNESSES[at].id;
        at += 1;
    }
    ids
};

/// The weaknesses of one demo.
#[derive(Debug, Default)]
pub(crate) struct Weak(Vec<&'static Weakness>);

impl Weak {
    pub(crate) fn new(weak: Vec<&'static Weakness>) -> Self {
        Self(weak)
    }

    /// Whether the weakness of that id is one of them.
    pub(crate) fn is(&self, id: &str) -> bool {
        debug_assert!(self.0.is_empty() || WEAKNESSES.iter().any(|w| w.id == id), "no weakness is called {id}");
        self.0.iter().any(|w| w.id == id)
    }

    /// Whether any of these is one of them.
    pub(crate) fn any(&self, ids: &[&str]) -> bool {
        ids.iter().any(|id| self.is(id))
    }
}

impl State {
    /// Whether the demo was started with the weakness of that id.
    pub(crate) fn is_weak(&self, id: &str) -> bool {
        self.weak.is(id)
    }
}
