//! The corner of signed requests, asked with signatures that are made here.

use aws_lc_rs::{digest, hmac};

use super::Api;
use crate::demo::clock;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn mac(key: &str, text: &str) -> String {
    hex(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), text.as_bytes()).as_ref())
}

fn now() -> u64 {
    clock::now_ms() / 1000
}

/// The fields of a signed request without a body.
fn signed(line: &str, (id, key): (&str, &str), time: u64, nonce: &str) -> Vec<(&'static str, String)> {
    let empty = hex(digest::digest(&digest::SHA256, b"").as_ref());
    let string = format!("{}\n{time}\n{nonce}\n{empty}", line.replacen(' ', "\n", 1));
    vec![
        ("x-key-id", id.to_owned()),
        ("x-timestamp", time.to_string()),
        ("x-nonce", nonce.to_owned()),
        ("x-signature", mac(key, &string)),
    ]
}

async fn ask(api: &Api, line: &str, fields: &[(&'static str, String)], body: &'static str) -> super::Got {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    api.send(line, &fields, body).await
}

const READER: (&str, &str) = ("reader", "hmac-reader-1a2b3c4d");

#[tokio::test]
async fn a_signature_is_good_once_and_for_one_request() {
    let api = Api::shared();
    let line = "GET /hmac/report?day=1";
    let good = signed(line, READER, now(), "once");
    assert_eq!(ask(&api, line, &good, "").await.is(200).text("/partner"), "reader");
    ask(&api, line, &good, "").await.refused(401, "nonce_used");
    let good = signed(line, READER, now(), "tampered");
    ask(&api, "GET /hmac/report?day=2", &good, "").await.refused(401, "invalid_signature");
    ask(&api, "POST /hmac/report?day=1", &good, "").await.refused(401, "invalid_signature");
    ask(&api, line, &good, "x").await.refused(401, "invalid_signature");
    ask(&api, line, &good[..3], "").await.refused(401, "missing_signature");
    ask(&api, line, &good[1..], "").await.refused(401, "incomplete_signature");
    let twice = [good.clone(), good[3..].to_vec()].concat();
    ask(&api, line, &twice, "").await.refused(401, "missing_signature");
    ask(&api, line, &good, "").await.is(200);
}

#[tokio::test]
async fn who_signs_and_when_counts() {
    let api = Api::shared();
    let line = "GET /hmac/report";
    for (who, time, code) in [
        (("reader", "wrong"), now(), "invalid_signature"),
        (("nobody", "wrong"), now(), "unknown_key"),
        (READER, now() - 302, "timestamp_skewed"),
        (READER, now() + 310, "timestamp_skewed"),
    ] {
        ask(&api, line, &signed(line, who, time, "n"), "").await.refused(401, code);
    }
    let line = "POST /hmac/report";
    ask(&api, line, &signed(line, READER, now(), "post"), "").await.refused(403, "forbidden");
}

#[tokio::test]
async fn webhooks_are_taken_as_their_senders_sign_them() {
    let api = Api::shared();
    let body = "{\"a\":1}";
    let github = format!("sha256={}", mac("hook-github-9c0d1e2f", body));
    let line = "POST /hooks/github";
    ask(&api, line, &[("x-hub-signature-256", github.clone())], body).await.is(200);
    ask(&api, line, &[("x-hub-signature-256", github)], "{}").await.refused(401, "invalid_signature");
    ask(&api, line, &[], body).await.refused(401, "missing_signature");
    ask(&api, "POST /hooks/nobody", &[], body).await.refused(404, "not_found");
    let slack = |time: u64| {
        let signature = format!("v0={}", mac("hook-slack-3a4b5c6d", &format!("v0:{time}:{body}")));
        [("x-slack-request-timestamp", time.to_string()), ("x-slack-signature", signature)]
    };
    ask(&api, "POST /hooks/slack", &slack(now()), body).await.is(200);
    ask(&api, "POST /hooks/slack", &slack(now() - 400), body).await.refused(401, "timestamp_skewed");
}
