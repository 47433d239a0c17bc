//! Signed requests as a server checks them: those of the demo's own partners, and webhooks by the documents of their
//! senders.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::weakness::Weak;
use super::{clock, random};

/// How far the time of a request may be away, in seconds.
const WINDOW: u64 = 300;

/// Those who may sign: name, key, and whether they may write.
const PARTNERS: &[(&str, &str, bool)] =
    &[("reader", "hmac-reader-1a2b3c4d", false), ("writer", "hmac-writer-5e6f7a8b", true)];

/// The secrets of the webhooks.
const HOOKS: &[(&str, &str)] = &[
    ("github", "hook-github-9c0d1e2f"),
    ("slack", "hook-slack-3a4b5c6d"),
    ("standard", "whsec_aG9vay1zdGFuZGFyZC03ZThmOWEwYg=="),
];

/// The partners as the front page tells them.
pub(crate) fn credentials() -> impl Iterator<Item = String> {
    PARTNERS.iter().map(|(name, key, _)| format!("key_id: {name}, key: {key}"))
}

/// The senders of webhooks, in the same way.
pub(crate) fn hook_credentials() -> impl Iterator<Item = String> {
    HOOKS.iter().map(|(name, key)| format!("/hooks/{name}: key: {key}"))
}

/// The request as it came.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) field: &'a dyn Fn(&str) -> Option<String>,
    pub(crate) body: &'a [u8],
}

/// Somebody who proved to have a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Partner {
    pub(crate) name: &'static str,
    pub(crate) may_write: bool,
}

/// Why a request is refused: a code, and a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) &'static str, pub(crate) &'static str);

/// Checks a request of a partner; `used` tells whether a nonce was seen before.
pub(crate) fn partner(weak: &Weak, asked: &Asked<'_>, used: impl FnOnce(&str) -> bool) -> Result<Partner, Refused> {
    let field = |name: &str| (asked.field)(name);
    let signature = field("x-signature").ok_or(Refused("missing_signature", "the request is not signed"))?;
    let incomplete = || Refused("incomplete_signature", "X-Key-Id, X-Timestamp and X-Nonce belong to a signature");
    let id = field("x-key-id").ok_or_else(incomplete)?;
    let (time, nonce) = (field("x-timestamp").ok_or_else(incomplete)?, field("x-nonce").ok_or_else(incomplete)?);
    let known = PARTNERS.iter().find(|(name, ..)| *name == id);
    let known = known.or_else(|| PARTNERS.first().filter(|_| weak.is("hmac-any-key-id")));
    let row = known.ok_or(Refused("unknown_key", "nobody has this key id"))?;
    if !weak.is("hmac-time-unchecked") {
        near(&time)?;
    }
    let hashed = hex(digest(&SHA256, asked.body).as_ref());
    let lines = [asked.method, asked.target, &time, &nonce, &hashed].join("\n");
    let wanted = hex(&mac(row.1.as_bytes(), lines.as_bytes()));
    let lax = weak.is("hmac-compares-beginning") && wanted.starts_with(&signature);
    if !lax && !weak.is("hmac-signature-unchecked") {
        let bare = [asked.method, asked.target, &time, &nonce].join("\n");
        let bare = hex(&mac(row.1.as_bytes(), bare.as_bytes()));
        same(if weak.is("hmac-body-optional") && bare == signature { &bare } else { &wanted }, &signature)?;
    }
    if !weak.is("hmac-nonce-reusable") && used(&format!("{id} {nonce}")) {
        return Err(Refused("nonce_used", "the nonce was used before"));
    }
    Ok(Partner { name: row.0, may_write: row.2 })
}

/// Checks a webhook.
pub(crate) fn hook(sender: &str, asked: &Asked<'_>) -> Result<(), Refused> {
    let secret = HOOKS.iter().find(|(name, _)| *name == sender).map_or("", |(_, secret)| secret);
    let field = |name: &str| (asked.field)(name).ok_or(Refused("missing_signature", "the webhook is not signed"));
    match sender {
        "github" => {
            let wanted = format!("sha256={}", hex(&mac(secret.as_bytes(), asked.body)));
            same(&wanted, &field("x-hub-signature-256")?)
        }
        "slack" => {
            let (time, signature) = (field("x-slack-request-timestamp")?, field("x-slack-signature")?);
            near(&time)?;
            let signed = [b"v0:", time.as_bytes(), b":", asked.body].concat();
            same(&format!("v0={}", hex(&mac(secret.as_bytes(), &signed))), &signature)
        }
        _ => {
            let (id, time) = (field("webhook-id")?, field("webhook-timestamp")?);
            let signatures = field("webhook-signature")?;
            near(&time)?;
            let key = STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap_or_default();
            let signed = [id.as_bytes(), b".", time.as_bytes(), b".", asked.body].concat();
            let wanted = format!("v1,{}", STANDARD.encode(mac(&key, &signed)));
            // While a secret is renewed there is one signature for each.
            signatures.split(' ').map(|given| same(&wanted, given)).find(Result::is_ok).unwrap_or_else(|| Err(wrong()))
        }
    }
}

fn near(time: &str) -> Result<(), Refused> {
    let sent: u64 = time.parse().map_err(|_| Refused("bad_timestamp", "the time is no number of seconds"))?;
    if sent.abs_diff(clock::now_ms() / 1000) > WINDOW {
        return Err(Refused("timestamp_skewed", "the request was signed more than 5 minutes ago or ahead"));
    }
    Ok(())
}

fn same(wanted: &str, given: &str) -> Result<(), Refused> {
    if random::same(wanted, given) { Ok(()) } else { Err(wrong()) }
}

fn wrong() -> Refused {
    Refused("invalid_signature", "the signature is not that of this request")
}

fn mac(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    sign(&Key::new(HMAC_SHA256, key), bytes).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
