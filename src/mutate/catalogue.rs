//! Every mutation that is known for the blocks this tool covers, and what became of it: built, or why not.

/// A mutation that is known.
#[derive(Debug)]
pub struct Entry {
    /// The block's heading.
    pub block: &'static str,
    /// Its id.
    pub id: &'static str,
    /// What became of it.
    pub standing: Standing,
}

/// What became of a known mutation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is a row of its own name.
    Built,
    /// It is there by other rows, named here.
    As(&'static [&'static str]),
    /// It is a row of its own name that sends one of the spellings that are known: which.
    Partly(&'static str),
    /// It has no sense for a tool of this kind: why.
    NotHere(&'static str),
    /// It is left out: why.
    LeftOut(&'static str),
}

const TOKEN: &str = "Token structure and signature";
const PURPOSE: &str = "Token purpose";
const CLAIMS: &str = "Claims and time";
const SESSION: &str = "Cookies, sessions and forged requests";
const CORS: &str = "Pages of other origins";
const RESPONSE: &str = "What a refusal says";
const ACCESS: &str = "Authorization";
const HEADER: &str = "Placement and syntax of the credential";

const fn built(block: &'static str, id: &'static str) -> Entry {
    Entry { block, id, standing: Standing::Built }
}

const fn partly(block: &'static str, id: &'static str, what: &'static str) -> Entry {
    Entry { block, id, standing: Standing::Partly(what) }
}

const fn also(block: &'static str, id: &'static str, rows: &'static [&'static str]) -> Entry {
    Entry { block, id, standing: Standing::As(rows) }
}

const fn not_here(block: &'static str, id: &'static str, why: &'static str) -> Entry {
    Entry { block, id, standing: Standing::NotHere(why) }
}

const fn left_out(block: &'static str, id: &'static str, why: &'static str) -> Entry {
    Entry { block, id, standing: Standing::LeftOut(why) }
}

/// All that are known, by block.
pub const CATALOGUE: &[Entry] = &[
    built(HEADER, "hdr-missing"),
    built(HEADER, "hdr-empty"),
    built(HEADER, "hdr-scheme-only"),
    built(HEADER, "hdr-scheme-space"),
    built(HEADER, "hdr-no-scheme"),
    built(HEADER, "hdr-wrong-scheme"),
    built(HEADER, "hdr-lowercase-scheme"),
    built(HEADER, "hdr-double-space"),
    built(HEADER, "hdr-tab-sep"),
    built(HEADER, "hdr-double-bearer"),
    built(HEADER, "hdr-quoted"),
    built(HEADER, "hdr-trailing-ws"),
    built(HEADER, "hdr-inner-newline"),
    built(HEADER, "hdr-nul-ctl"),
    built(HEADER, "hdr-nonascii"),
    built(HEADER, "hdr-comma-list"),
    built(HEADER, "hdr-duplicate-good-bad"),
    built(HEADER, "hdr-duplicate-bad-good"),
    left_out(HEADER, "hdr-two-principals", "it takes two identities in one request"),
    left_out(HEADER, "hdr-two-schemes", "it takes credentials of two schemes in one request"),
    also(HEADER, "hdr-alt-name", &["hdr-alt-name", "hdr-alt-authorization", "hdr-alt-proxy"]),
    built(HEADER, "hdr-underscore-name"),
    built(HEADER, "hdr-oversize"),
    not_here(HEADER, "hdr-h2-uppercase", "the raw way speaks HTTP/1.1 alone"),
    built(HEADER, "loc-query"),
    left_out(HEADER, "loc-form", "a request with a body of its own has no room for it"),
    built(HEADER, "loc-cookie"),
    built(HEADER, "loc-multi"),
    left_out(HEADER, "loc-multi-diff", "it takes two identities in one request"),
    left_out(HEADER, "hop-by-hop-strip", "it takes a gateway to mean anything"),
    left_out(HEADER, "te-trailer-auth", "trailers are not written"),
    not_here(HEADER, "userinfo-url", "a URL with a user name in it is a fault of the suite"),
    built(TOKEN, "tok-garbage"),
    also(
        TOKEN,
        "tok-placeholder",
        &[
            "tok-placeholder",
            "tok-placeholder-null",
            "tok-placeholder-none",
            "tok-placeholder-false",
            "tok-placeholder-object",
            "tok-placeholder-template",
        ],
    ),
    built(TOKEN, "tok-truncated"),
    built(TOKEN, "jwt-four-parts"),
    built(TOKEN, "jwt-leading-dot"),
    built(TOKEN, "jwt-empty-payload"),
    built(TOKEN, "jwt-payload-tamper"),
    built(TOKEN, "jwt-header-tamper"),
    built(TOKEN, "jwt-sig-bitflip"),
    built(TOKEN, "jwt-sig-truncated"),
    built(TOKEN, "jwt-sig-stripped"),
    built(TOKEN, "jwt-sig-removed-nodot"),
    built(TOKEN, "jwt-sig-zero"),
    partly(TOKEN, "jwt-es-psychic", "the raw form, not DER"),
    also(TOKEN, "jwt-b64-std-alphabet", &["jwt-b64-std-alphabet", "jwt-b64-plus-slash"]),
    built(TOKEN, "jwt-b64-unused-bits"),
    built(TOKEN, "jwt-b64-whitespace"),
    built(TOKEN, "jwt-json-serialization"),
    built(TOKEN, "jwt-alg-none"),
    also(TOKEN, "jwt-alg-none-case", &["jwt-alg-none-case", "jwt-alg-none-title", "jwt-alg-none-upper"]),
    built(TOKEN, "jwt-alg-none-keepsig"),
    built(TOKEN, "jwt-alg-missing"),
    built(TOKEN, "jwt-alg-unknown"),
    built(TOKEN, "jwt-hs-empty-key"),
    built(TOKEN, "jwt-embedded-jwk"),
    built(TOKEN, "jwt-kid-unknown"),
    partly(TOKEN, "jwt-kid-path", "with an empty secret alone"),
    built(TOKEN, "jwt-kid-sqli"),
    also(TOKEN, "jwt-kid-type", &["jwt-kid-type", "jwt-kid-array", "jwt-kid-object", "jwt-kid-long"]),
    also(TOKEN, "jwt-alg-number", &["jwt-alg-type"]),
    built(TOKEN, "jwt-alg-null"),
    built(TOKEN, "jwt-alg-empty"),
    built(TOKEN, "jwt-alg-array"),
    also(TOKEN, "jwt-one-dot", &["jwt-sig-removed-nodot"]),
    built(TOKEN, "jwt-trailing-dot"),
    built(TOKEN, "jwt-empty-header"),
    left_out(TOKEN, "jwt-sig-swap", "one login seldom gives two tokens that are signed alike"),
    built(TOKEN, "jwt-alg-swap-family"),
    left_out(TOKEN, "jwt-alg-confusion", "it takes the public key of the server, which is not gathered"),
    left_out(TOKEN, "jwt-hs-weak-key", "it takes a list of words"),
    left_out(TOKEN, "jwt-jku-foreign", "without a listener nothing shows that the address was asked"),
    left_out(TOKEN, "jwt-jku-trick", "without a listener nothing shows that the address was asked"),
    left_out(TOKEN, "jwt-x5u-foreign", "without a listener nothing shows that the address was asked"),
    left_out(TOKEN, "jwt-x5c-self", "it takes a certificate of the sender's own"),
    left_out(TOKEN, "jwt-kid-missing", "without the signing key it is a broken signature"),
    left_out(TOKEN, "jwt-kid-cmd", "a payload that sleeps harms a server that is weak"),
    left_out(TOKEN, "jwt-kid-other-purpose", "it takes the signing key"),
    left_out(TOKEN, "jwt-json-dup-claim", "it takes the signing key"),
    left_out(TOKEN, "jwt-crit-unknown", "it takes the signing key"),
    left_out(TOKEN, "jwt-b64-false", "it takes the signing key"),
    left_out(TOKEN, "jwt-zip-bomb", "it takes the signing key"),
    left_out(TOKEN, "jwt-jwe-instead", "encrypted tokens are not made"),
    left_out(TOKEN, "jwt-nested-sign", "it takes the signing key"),
    left_out(TOKEN, "jwt-cross-alg-list", "it takes the signing key"),
    left_out(TOKEN, "jwt-type-fuzz", "it takes the signing key"),
    built(PURPOSE, "life-id-as-access"),
    built(PURPOSE, "life-refresh-as-access"),
    also(CLAIMS, "claim-exp-past", &["token-expired"]),
    also(CLAIMS, "claim-nbf-future", &["token-not-yet-valid"]),
    also(CLAIMS, "claim-aud-wrong", &["token-wrong-audience"]),
    also(CLAIMS, "claim-iss-wrong", &["token-wrong-issuer"]),
    built(ACCESS, "az-path-dslash"),
    built(ACCESS, "az-path-dot"),
    built(ACCESS, "az-path-dotdot"),
    built(ACCESS, "az-path-enc"),
    built(ACCESS, "az-path-dblenc"),
    built(ACCESS, "az-path-slash"),
    built(ACCESS, "az-path-case"),
    built(ACCESS, "az-path-matrix"),
    built(ACCESS, "az-path-suffix"),
    built(ACCESS, "az-verb-head"),
    built(ACCESS, "az-verb-arbitrary"),
    partly(ACCESS, "az-x-original-url", "not `X-Rewrite-URL`"),
    partly(ACCESS, "az-x-forwarded", "`X-Forwarded-For` alone"),
    built(ACCESS, "az-param-role"),
    not_here(ACCESS, "az-anon", "a cell of the access matrix"),
    not_here(ACCESS, "az-wrong-role", "a cell of the access matrix"),
    not_here(ACCESS, "az-right-role", "a cell of the access matrix"),
    not_here(ACCESS, "az-bola-read", "a cell of the access matrix"),
    not_here(ACCESS, "az-bola-write", "a cell of the access matrix"),
    not_here(ACCESS, "az-bola-delete", "a cell of the access matrix"),
    not_here(ACCESS, "az-bola-list", "a cell of the access matrix"),
    not_here(ACCESS, "az-existence-oracle", "`hidden` with `missing` in the access matrix"),
    not_here(ACCESS, "az-401-on-forbidden", "a finding of the access matrix"),
    not_here(ACCESS, "az-403-on-anon", "a finding of the access matrix"),
    left_out(ACCESS, "az-path-nul", "no row yet"),
    left_out(ACCESS, "az-path-backslash", "no row yet"),
    left_out(ACCESS, "az-path-unicode", "no row yet"),
    left_out(ACCESS, "az-path-semicolon-dotdot", "no row yet"),
    left_out(ACCESS, "az-path-query-tail", "no row yet"),
    left_out(ACCESS, "az-absolute-form", "no row yet"),
    left_out(ACCESS, "az-verb-options", "a preflight has to be answered to anybody"),
    left_out(ACCESS, "az-verb-trace", "no row yet"),
    left_out(ACCESS, "az-method-override", "no row yet"),
    left_out(ACCESS, "az-identity-header", "the names differ from product to product"),
    left_out(ACCESS, "az-host-override", "it takes the name of an internal host"),
    left_out(ACCESS, "az-referer", "it takes the page that links"),
    left_out(ACCESS, "az-tenant-header", "it takes two tenants"),
    left_out(ACCESS, "az-cross-tenant", "it takes two tenants"),
    built(SESSION, "sess-none"),
    built(SESSION, "sess-garbage"),
    built(SESSION, "sess-truncated"),
    built(SESSION, "sess-bitflip"),
    partly(SESSION, "sess-param", "as a query parameter, not in a form"),
    partly(SESSION, "sess-in-url", "whether it is taken, not whether pages carry it"),
    left_out(SESSION, "sess-fixation", "it takes a login; written as steps"),
    left_out(SESSION, "sess-fixation-elev", "it takes a second login; written as steps"),
    left_out(SESSION, "sess-logout-server", "it takes a logout; written as steps"),
    not_here(SESSION, "sess-logout-clears", "`cookies: { NAME: { deleted: true } }` of the logout's own answer"),
    left_out(SESSION, "sess-logout-get", "it takes a logout; written as steps"),
    left_out(SESSION, "sess-entropy", "it takes many logins"),
    left_out(SESSION, "sess-static", "it takes a second login; written as steps"),
    not_here(SESSION, "ck-secure", "`cookies: { NAME: { secure: true } }` of the login's own answer"),
    not_here(SESSION, "ck-httponly", "`cookies: { NAME: { http_only: true } }` of the login's own answer"),
    not_here(SESSION, "ck-samesite", "`cookies: { NAME: { same_site: Lax } }` of the login's own answer"),
    not_here(SESSION, "ck-prefix", "the name under `cookies` of the login's own answer"),
    not_here(SESSION, "ck-domain-wide", "`cookies: { NAME: { domain: … } }` of the login's own answer"),
    not_here(SESSION, "ck-path", "`cookies: { NAME: { path: … } }` of the login's own answer"),
    not_here(SESSION, "ck-persistent", "`cookies: { NAME: { expires: … } }` of the login's own answer"),
    not_here(SESSION, "ck-4096", "a cookie that browsers refuse is not kept, and the run says why"),
    left_out(SESSION, "ck-over-http", "it takes a second target"),
    left_out(SESSION, "ck-serialized-tamper", "no row yet"),
    left_out(SESSION, "csrf-missing", "no row yet"),
    left_out(SESSION, "csrf-empty", "no row yet"),
    left_out(SESSION, "csrf-wrong", "no row yet"),
    left_out(SESSION, "csrf-no-cookie-pair", "no row yet"),
    left_out(SESSION, "csrf-other-session", "it takes a second session; written as steps"),
    left_out(SESSION, "csrf-old", "it takes a second login; written as steps"),
    left_out(SESSION, "csrf-method-switch", "what a GET changed does not show in its answer"),
    left_out(SESSION, "csrf-origin-foreign", "no row yet"),
    left_out(SESSION, "csrf-referer-none", "requests carry no `Referer` that could be taken away"),
    left_out(SESSION, "csrf-simple-ct", "no row yet"),
    left_out(SESSION, "sess-puzzling", "it takes a flow of the application's own"),
    left_out(SESSION, "sess-parallel-users", "it takes two identities on one connection"),
    not_here(SESSION, "ws-handshake-noauth", "no WebSocket is opened"),
    not_here(SESSION, "ws-foreign-origin", "no WebSocket is opened"),
    built(CORS, "cors-preflight-noauth"),
    built(CORS, "cors-allow-authorization"),
    built(CORS, "cors-allow-method"),
    also(CORS, "cors-preflight-redirect", &["cors-preflight-noauth"]),
    built(CORS, "cors-on-error"),
    built(CORS, "cors-expose"),
    built(CORS, "cors-origin-allowed"),
    also(CORS, "cors-origin-foreign", &["cors-origin-foreign", "cors-preflight-foreign"]),
    built(CORS, "cors-reflect"),
    built(CORS, "cors-null"),
    built(CORS, "cors-suffix"),
    built(CORS, "cors-prefix"),
    built(CORS, "cors-subdomain"),
    partly(CORS, "cors-scheme", "where the good origin is `https`"),
    built(CORS, "cors-port"),
    built(CORS, "cors-dot-escape"),
    built(CORS, "cors-star-cred"),
    built(CORS, "cors-cred-case"),
    built(CORS, "cors-vary"),
    not_here(CORS, "cors-private-net", "a draft that browsers gave up"),
    built(RESPONSE, "resp-401-challenge"),
];
