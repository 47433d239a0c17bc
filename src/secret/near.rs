//! Names that look like the name of a credential that is misspelt.

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
        known.len().abs_diff(name.len()) <= limit && edits(name.as_bytes(), known.as_bytes()) <= limit
    })
}

/// Counts the edits (insert, drop, replace, swap of neighbours) between two words.
pub(super) fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut rows = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
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
