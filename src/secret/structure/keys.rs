//! The names under which credentials stand, in any notation.
//!
//! Names are compared without case and punctuation: `access_token`, `accessToken` and `Access-Token` are one. To add a
//! name: a row in [`PARTS`] if every longer name with it is secret too, otherwise in [`WHOLE`].

/// How guessable a value is decides what is shown of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Chosen by people or short: nothing is shown, a fingerprint would confirm a guess.
    Password,
    /// Made by machines: a fingerprint is shown.
    Token,
    /// An authorization code, unless it reads like an error code.
    Code,
}

/// Names that are secret wherever they are part of a name.
const PARTS: [(&str, Kind); 17] = [
    ("password", Kind::Password),
    ("passwd", Kind::Password),
    ("passphrase", Kind::Password),
    ("passcode", Kind::Password),
    ("recoverycode", Kind::Password),
    ("backupcode", Kind::Password),
    ("totp", Kind::Password),
    ("secret", Kind::Token),
    ("token", Kind::Token),
    ("apikey", Kind::Token),
    ("accesskey", Kind::Token),
    ("privatekey", Kind::Token),
    ("assertion", Kind::Token),
    ("csrf", Kind::Token),
    ("xsrf", Kind::Token),
    ("authorization", Kind::Token),
    ("sessionid", Kind::Token),
];

/// Names that are secret when they are the whole name.
const WHOLE: [(&str, Kind); 34] = [
    ("pwd", Kind::Password),
    ("pass", Kind::Password),
    ("pw", Kind::Password),
    ("pin", Kind::Password),
    ("otp", Kind::Password),
    ("otpcode", Kind::Password),
    ("mfacode", Kind::Password),
    ("verificationcode", Kind::Password),
    ("usercode", Kind::Password),
    ("credentials", Kind::Password),
    ("newpass", Kind::Password),
    ("code", Kind::Code),
    ("authcode", Kind::Code),
    ("authorizationcode", Kind::Code),
    ("codeverifier", Kind::Token),
    ("devicecode", Kind::Token),
    ("session", Kind::Token),
    ("sessionkey", Kind::Token),
    ("sid", Kind::Token),
    ("phpsessid", Kind::Token),
    ("connectsid", Kind::Token),
    ("cookie", Kind::Token),
    ("setcookie", Kind::Token),
    ("auth", Kind::Code),
    ("bearer", Kind::Token),
    ("jwt", Kind::Token),
    ("dpop", Kind::Token),
    ("samlresponse", Kind::Token),
    ("samlrequest", Kind::Token),
    ("ticket", Kind::Token),
    ("signature", Kind::Token),
    ("sig", Kind::Token),
    ("xamzsignature", Kind::Token),
    ("authenticity", Kind::Token),
];

/// Endings of names that speak about a credential without holding it.
const ABOUT: [&str; 36] = [
    "type",
    "typehint",
    "endpoint",
    "endpoints",
    "expires",
    "expiresin",
    "expiresat",
    "expiry",
    "expired",
    "exp",
    "ttl",
    "lifetime",
    "length",
    "policy",
    "url",
    "uri",
    "supported",
    "method",
    "methods",
    "alg",
    "algs",
    "algorithm",
    "required",
    "enabled",
    "count",
    "name",
    "field",
    "error",
    "message",
    "description",
    "status",
    "issuer",
    "format",
    "createdat",
    "updatedat",
    "changedat",
];

/// Tells what a name holds, if it holds a credential.
pub(super) fn kind_of(name: &str) -> Option<Kind> {
    let name = plain(name);
    if ABOUT.iter().any(|end| name.ends_with(end)) {
        return None;
    }
    let whole = WHOLE.iter().find(|(known, _)| *known == name);
    whole.or_else(|| PARTS.iter().find(|(part, _)| name.contains(part))).map(|(_, kind)| *kind)
}

/// Names a value may have inside an object that is itself named like a credential: `session: { id: … }`.
pub(super) fn is_inner(name: &str) -> bool {
    matches!(plain(name).as_str(), "id" | "value" | "key" | "raw" | "data")
}

/// Reduces a name to what is compared; of `user[pw]` and `user.pw` the last part counts when it is a name of its own.
fn plain(name: &str) -> String {
    let last = name.rsplit(['.', '[']).next().unwrap_or(name);
    let reduce = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let reduced = reduce(last);
    if WHOLE.iter().any(|(known, _)| *known == reduced) { reduced } else { reduce(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_credentials_are_known_in_any_writing() {
        for name in [
            "password",
            "Passwd",
            "new_password",
            "user[password]",
            "user[pw]",
            "pwd",
            "client_secret",
            "clientSecret",
            "access_token",
            "Refresh-Token",
            "id_token",
            "subject_token",
            "X-Api-Key",
            "apikey",
            "Authorization",
            "code",
            "code_verifier",
            "client_assertion",
            "assertion",
            "session",
            "session_id",
            "JSESSIONID",
            "sid",
            "connect.sid",
            "_csrf",
            "csrfmiddlewaretoken",
            "__RequestVerificationToken",
            "otp",
            "totp_secret",
            "private_key",
            "jwt",
            "device_code",
            "user_code",
            "SAMLResponse",
            "X-Amz-Signature",
        ] {
            assert!(kind_of(name).is_some(), "{name}");
        }
    }

    #[test]
    fn names_about_credentials_are_not_masked() {
        for name in [
            "token_type",
            "token_type_hint",
            "subject_token_type",
            "expires_in",
            "token_endpoint",
            "token_expires_in",
            "password_min_length",
            "token_endpoint_auth_methods_supported",
            "username",
            "sub",
            "state",
            "nonce",
            "iss",
            "client_id",
            "code_challenge",
            "code_challenge_method",
            "error_code",
            "status_code",
            "country_code",
            "sessions",
            "author",
            "authenticated",
            "pinned",
            "csrf_header_name",
            "password_changed_at",
            "",
        ] {
            assert_eq!(kind_of(name), None, "{name}");
        }
    }
}
