//! Credentials that a file of the user writes out. They are looked for in the text itself: a file with
//! faults has to be shown, and then nobody knows yet what its values mean.

use std::sync::LazyLock;

use regex::Regex;

use super::SecretSet;
use super::structure::is_credential_name;

/// `name: value` in block or flow style; the value ends with its line, a comma, a bracket or a comment.
static ENTRY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?m)(?:^|[\s{,\[-])["']?([A-Za-z_][A-Za-z0-9_-]*)["']?[ \t]*:[ \t]+("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s"'{}\[\],#&*!|>%@`][^,}\]\n]*)"#)
        .expect("a constant pattern")
});

/// The values of `secrets:`, in flow style on one line or in block style below it.
static SECRETS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^([ \t]*)secrets:[ \t]*(\{[^\n]*|\n(?:[ \t]+[^\n]*(?:\n|$))*)").expect("a constant pattern")
});

/// Keys of the language that sound like credentials.
const KEYS: &[&str] = &["session", "sessions", "bearer", "cookie", "cookies", "csrf", "token"];

/// Words that stand behind names of credentials and are none.
const WORDS: &[&str] = &["true", "false", "null", "none"];

impl SecretSet {
    /// Makes the credentials known that a file writes out, whatever else is wrong with it.
    pub fn declare_written(&self, text: &str) {
        for found in ENTRY.captures_iter(text) {
            if is_credential_name(&found[1]) && !KEYS.contains(&&found[1]) {
                self.declare_value(&found[1], &found[2]);
            }
        }
        for region in SECRETS.captures_iter(text) {
            for found in ENTRY.captures_iter(&region[2]) {
                let source = matches!(&found[1], "env" | "file" | "command" | "json" | "expires");
                if !source {
                    self.declare_value(&found[1], &found[2]);
                }
            }
        }
    }

    fn declare_value(&self, name: &str, written: &str) {
        let value = written.split(" #").next().unwrap_or_default().trim();
        let quoted = value.len() > 1 && value.starts_with(['"', '\'']) && value.ends_with(['"', '\'']);
        let value = if quoted { &value[1..value.len() - 1] } else { value };
        // A template or a path says where a credential comes from.
        let elsewhere = value.contains("{{") || value.starts_with(['$', '/', '.']) || value.contains(": ");
        if !elsewhere && !WORDS.contains(&value) {
            self.declare(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let set = SecretSet::new();
        set.declare_written(text);
        set.mask(text).into_owned()
    }

    #[test]
    fn credentials_are_known_before_a_file_is_understood() {
        for line in [
            "alice: { auht: api, username: alice, password: wonderland-7 }",
            "alice: { auth: { scheme: bassic }, password: 'wonderland-7' }",
            "  password: wonderland-7   # for now",
            "  json: { username: alice, password: \"wonderland-7\" }",
            "secrets: { s: wonderland-7 }",
            "secrets:\n  s: wonderland-7\n",
            "    \"password\": wonderland-7",
        ] {
            assert!(!masked(line).contains("wonderland"), "{}", masked(line));
        }
    }

    #[test]
    fn what_says_where_a_credential_comes_from_is_none() {
        for line in [
            "password: \"{{ secrets.alice }}\"",
            "capture: { access_token: $.access_token }",
            "session: exclusiv",
            "send: { bearer: acess_token }",
            "secrets: { s: { env: ALICE_PASSWORD } }",
            "secrets:\n  s: { file: /run/secrets/alice }\n",
            "request: POST /token",
        ] {
            assert_eq!(masked(line), line);
        }
    }
}
