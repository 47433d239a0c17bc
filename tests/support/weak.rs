//! The suites of `tests/weak`: one for each weakness of the demo, red against it and green against the strict demo.

use std::fs;
use std::path::{Path, PathBuf};

use authspec::demo::WEAKNESSES;

/// What else fires against a demo: a weakness, and the other suites that are red because of it. Anything beyond that
/// is a fault, of the demo or of the suite.
pub(crate) const IMPLIED: &[(&str, &[&str])] = &[
    (
        "admin-reads-unguarded",
        &[
            "answers-trace",
            "cuts-at-nul",
            "cuts-at-number-sign",
            "cuts-at-question-mark",
            "decodes-paths",
            "drops-path-parameters",
            "drops-suffix",
            "folds-width",
            "guards-origin-form",
            "head-unguarded",
            "ignores-path-case",
            "login-for-forbidden",
            "merges-slashes",
            "resolves-dots",
            "roles-from-token",
            "steps-over-semicolons",
            "trims-blanks",
            "trims-slash",
            "trusts-forwarded-for",
            "trusts-host-name",
            "trusts-original-url",
            "trusts-path-prefix",
            "trusts-referer",
            "trusts-role-cookie",
            "trusts-role-parameter",
            "trusts-roles-header",
            "trusts-user-header",
            "turns-backslashes",
            "unknown-method-unguarded",
        ],
    ),
    ("admin-writes-unguarded", &["method-override"]),
    ("any-scheme", &["first-authorization-wins"]),
    ("aud-any-shape", &["aud-optional"]),
    ("aud-optional", &["aud-any-shape"]),
    ("bola-account", &["bola-transfer"]),
    ("bola-read", &["existence-oracle"]),
    ("bola-transfer", &["bola-account"]),
    ("bola-write", &["refuses-after-writing"]),
    ("code-replay", &["code-replay-keeps-tokens"]),
    ("cors-not-on-errors", &["cors-hides-fields"]),
    // Where no origin is allowed, that others are not says nothing.
    (
        "cors-only-preflights",
        &[
            "cors-any-port",
            "cors-any-scheme",
            "cors-credentials-case",
            "cors-dots-unescaped",
            "cors-hides-fields",
            "cors-localhost",
            "cors-not-on-errors",
            "cors-null-origin",
            "cors-origin-prefix",
            "cors-origin-suffix",
            "cors-reflects-origin",
            "cors-star-credentials",
            "cors-without-vary",
        ],
    ),
    ("cors-origin-prefix", &["cors-any-port"]),
    ("cors-origin-suffix", &["cors-any-scheme", "cors-dots-unescaped"]),
    ("cors-preflight-guarded", &["cors-headers-star", "cors-methods-missing", "cors-preflight-for-all"]),
    (
        "cors-reflects-origin",
        &[
            "cors-any-port",
            "cors-any-scheme",
            "cors-dots-unescaped",
            "cors-localhost",
            "cors-null-origin",
            "cors-origin-prefix",
            "cors-origin-suffix",
            "cors-preflight-for-all",
        ],
    ),
    ("cors-star-credentials", &["cors-not-on-errors"]),
    (
        "crashes-on-garbage",
        &[
            "believes-placeholders",
            "challenge-without-error",
            "leaks-token",
            "no-challenge",
            "no-signature-check",
            "refresh-token-as-access",
        ],
    ),
    ("csrf-only-when-sent", &["csrf-unchecked"]),
    ("csrf-unchecked", &["csrf-only-when-sent", "foreign-origin-posts"]),
    ("decodes-paths", &["cuts-at-number-sign", "cuts-at-question-mark"]),
    ("empty-hmac-secret", &["kid-path"]),
    ("existence-oracle", &["bola-delete", "bola-read", "bola-write", "refuses-after-writing"]),
    ("exp-optional", &["exp-as-text"]),
    ("folds-width", &["cuts-at-number-sign", "cuts-at-question-mark", "decodes-paths"]),
    (
        "forbids-strangers",
        &[
            "any-scheme",
            "cors-hides-fields",
            "cors-not-on-errors",
            "no-challenge",
            "token-in-cookie",
            "token-in-form",
            "token-in-other-header",
            "token-in-query",
        ],
    ),
    ("hmac-signature-unchecked", &["hmac-body-optional", "hmac-compares-beginning"]),
    ("hour-of-leeway", &["ignores-exp"]),
    ("ignores-aud", &["aud-any-shape", "aud-by-prefix", "aud-optional"]),
    ("ignores-exp", &["hour-of-leeway"]),
    ("ignores-iss", &["iss-ignores-slash"]),
    (
        "login-for-forbidden",
        &[
            "admin-reads-unguarded",
            "admin-writes-unguarded",
            "head-unguarded",
            "roles-from-token",
            "trusts-forwarded-for",
            "trusts-role-parameter",
            "trusts-user-header",
        ],
    ),
    // A logout that is held to all of the session finds either.
    ("logout-keeps-refresh", &["logout-keeps-token"]),
    ("logout-keeps-token", &["logout-keeps-refresh"]),
    (
        "no-challenge",
        &[
            "challenge-without-error",
            "cors-hides-fields",
            "digest-any-algorithm",
            "digest-any-nonce",
            "digest-any-realm",
            "digest-counter-unchecked",
            "digest-qop-optional",
            "digest-unproven",
            "digest-uri-not-compared",
        ],
    ),
    (
        "no-signature-check",
        &[
            "alg-none",
            "alg-none-any-case",
            "crashes-on-odd-kid",
            "embedded-jwk",
            "embedded-x5c",
            "empty-hmac-secret",
            "ignores-crit",
            "ignores-typ",
            "key-confusion",
            "kid-path",
            "kid-sqli",
            "lenient-base64",
            "weak-hmac-secret",
        ],
    ),
    // Where no password is asked for, none is wrong.
    ("password-unchecked", &["password-by-prefix", "password-empty", "password-ignores-case"]),
    ("pkce-not-verified", &["pkce-only-when-sent"]),
    ("pkce-only-when-sent", &["pkce-not-verified"]),
    ("refresh-reusable", &["refresh-race", "reuse-not-detected"]),
    ("refuses-after-writing", &["bola-write"]),
    ("scope-unchecked", &["scope-substring"]),
    ("session-by-prefix", &["session-unverified"]),
    // Who is nobody is a guest then, so that nothing is refused for want of a session.
    ("session-optional", &["logout-keeps-cookie", "session-in-path", "session-in-query"]),
    ("session-unverified", &["logout-keeps-cookie", "session-by-prefix", "session-fixation"]),
    ("steps-over-semicolons", &["resolves-dots"]),
    ("tells-users-by-body", &["tells-users-by-headers"]),
    ("tells-users-by-status", &["tells-users-by-body", "tells-users-by-headers"]),
    ("unknown-method-unguarded", &["answers-trace"]),
    // It signs with a secret of its own, so that the suites' key makes nothing.
    (
        "weak-hmac-secret",
        &[
            "aud-any-shape",
            "aud-by-prefix",
            "aud-no-lists",
            "aud-optional",
            "exp-as-text",
            "exp-optional",
            "ignores-aud",
            "ignores-crit",
            "ignores-exp",
            "ignores-iss",
            "ignores-nbf",
            "ignores-typ",
            "iss-ignores-slash",
            "key-confusion",
            "sub-optional",
        ],
    ),
];

/// Suites that are red against another weak demo when chance has it so.
const BY_CHANCE: &[(&str, &str)] = &[
    // One in four signatures of HS256 has no letter that the other alphabet of Base64 writes otherwise, and there the
    // defect does not apply; those of RS256 are too long for that.
    ("weak-hmac-secret", "lenient-base64"),
];

/// Tells whether chance decides if a suite is red against a demo with that weakness.
pub(crate) fn by_chance(id: &str, suite: &str) -> bool {
    BY_CHANCE.contains(&(id, suite))
}

/// Where the suites are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/weak")
}

/// The suites that are red against a demo with that weakness besides its own.
pub(crate) fn implied(id: &str) -> &'static [&'static str] {
    IMPLIED.iter().find(|(weakness, _)| *weakness == id).map_or(&[], |(_, suites)| suites)
}

/// The text of a suite.
pub(crate) fn suite(id: &str) -> String {
    let path = folder().join(format!("{id}.yaml"));
    fs::read_to_string(&path).unwrap_or_else(|_| panic!("{} is missing", path.display()))
}

/// The names of the suites that are there.
pub(crate) fn suites() -> Vec<String> {
    let names = fs::read_dir(folder()).expect("the folder").map(|e| e.expect("a file").path());
    let names = names.filter(|p| p.extension().is_some_and(|e| e == "yaml") && !p.ends_with("authspec.yaml"));
    let mut names: Vec<String> = names.map(|p| p.file_stem().expect("a name").to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The names of the cases of a suite, each of which is red against the weak demo.
pub(crate) fn cases(id: &str) -> Vec<String> {
    let suite: serde_yaml::Value = serde_yaml::from_str(&suite(id)).expect("a suite");
    let cases = suite["cases"].as_sequence().expect("cases").iter();
    cases.map(|case| case["name"].as_str().unwrap_or_else(|| panic!("{id}: a case has no name")).to_owned()).collect()
}

/// The page that says which weakness is noticed by what.
pub(crate) fn table() -> String {
    let mut text = "| weakness | the server | noticed by | also red |\n|---|---|---|---|\n".to_owned();
    for weakness in WEAKNESSES {
        let cases = cases(weakness.id).join("<br>");
        let also: Vec<String> = implied(weakness.id).iter().map(|id| format!("`{id}`")).collect();
        let row = format!("| `{}` | {} | {cases} | {} |\n", weakness.id, weakness.about, also.join(", "));
        text.push_str(&row);
    }
    text
}
