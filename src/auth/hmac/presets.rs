//! Ways of signing that have a name, each with a published example that a test holds it to.
//!
//! To add one: a row in [`PRESETS`], and its example in the tests.

use super::Spelling;

/// A way of signing that has a name.
#[derive(Debug)]
pub(super) struct Preset {
    /// The word.
    pub(super) name: &'static str,
    /// How the key is spelt.
    pub(super) key: Spelling,
    /// What is signed.
    pub(super) string: &'static str,
    /// The fields that travel.
    pub(super) headers: &'static [(&'static str, &'static str)],
}

/// All of them; each signs with SHA-256.
pub(super) const PRESETS: &[Preset] = &[
    // "Validating webhook deliveries" of GitHub.
    Preset {
        name: "github",
        key: Spelling::Text,
        string: "{{ request.body }}",
        headers: &[("X-Hub-Signature-256", "sha256={{ hex(signature) }}")],
    },
    // "Verifying requests from Slack".
    Preset {
        name: "slack",
        key: Spelling::Text,
        string: "v0:{{ request.headers['X-Slack-Request-Timestamp'] }}:{{ request.body }}",
        headers: &[("X-Slack-Request-Timestamp", "{{ timestamp }}"), ("X-Slack-Signature", "v0={{ hex(signature) }}")],
    },
    // "Standard Webhooks", symmetric signatures.
    Preset {
        name: "standard-webhooks",
        key: Spelling::Whsec,
        string: "{{ request.headers['webhook-id'] }}.{{ request.headers['webhook-timestamp'] }}.{{ request.body }}",
        headers: &[
            ("webhook-id", "msg_{{ nonce }}"),
            ("webhook-timestamp", "{{ timestamp }}"),
            ("webhook-signature", "v1,{{ base64(signature) }}"),
        ],
    },
];

/// Their names.
pub(super) const NAMES: &[&str] = &["github", "slack", "standard-webhooks"];
