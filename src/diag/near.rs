//! Names that look like the name of a credential that is misspelt.

use crate::term::distance;

/// Names of the language that hold credentials, without punctuation.
const NAMES: &[&str] = &[
    "password",
    "passphrase",
    "secret",
    "clientsecret",
    "secretkey",
    "signingkey",
    "privatekey",
    "key",
    "apikey",
    "accesskey",
    "token",
    "accesstoken",
    "refreshtoken",
    "subjecttoken",
    "actortoken",
    "assertion",
    "credentials",
];

/// Names that only look so.
const OTHERS: &[&str] = &["credential", "kty", "secure", "keyid", "accesskeyid", "assertions", "assert", "access"];

/// Tells whether a name, in small letters and without punctuation, is nearly that of a credential.
pub(super) fn is_near(name: &str) -> bool {
    if OTHERS.contains(&name) || name.len() < 2 {
        return false;
    }
    NAMES.iter().any(|known| {
        let limit = (known.len().min(name.len()) / 3).clamp(1, 3);
        known.len().abs_diff(name.len()) <= limit && distance(name, known) <= limit
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_near_and_other_words_are_not() {
        for name in
            ["keys", "pasword", "passwrod", "secrt", "secert", "kye", "ky", "clientsecrt", "singingkey", "privatkey"]
        {
            assert!(is_near(name), "{name}");
        }
        for name in ["kty", "kid", "scope", "request", "header", "keyencoding", "user", "password-less", "sent", "as"] {
            assert!(!is_near(name), "{name}");
        }
    }
}
