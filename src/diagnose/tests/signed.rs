//! Proofs of keys and signatures of requests.

use super::{Example, example, rules};
use crate::evidence::testing::{NOW, Try, get, jwt};
use crate::evidence::{Facts, Sender};

fn signed(scheme: &'static str) -> Try {
    let fields = vec!["authorization".into()];
    let sender = Sender::Identity { name: "job".into(), scheme, refreshes: false, fields, refused: Vec::new() };
    get("https://api.test/report").by(sender).with("authorization", "AWS4-HMAC-SHA256 Credential=AKID/x").gets(403)
}

fn bearer(claims: &str) -> Try {
    let token = jwt(r#"{"alg":"RS256"}"#, claims);
    get("https://api.test/me").with("authorization", &format!("Bearer {token}")).gets(401)
}

fn proven() -> Try {
    get("https://api.test/me").with("authorization", "DPoP s3cr3t").with("dpop", "e30.e30.c2ln").gets(401)
}

fn refusing(said: &str) -> Try {
    let challenge = format!("DPoP error=\"invalid_dpop_proof\", error_description=\"{said}\"");
    proven().says("www-authenticate", &challenge)
}

/// `Date` that many seconds ahead.
fn dated(it: Try, ahead: i64) -> Try {
    let date = jiff::Timestamp::from_second(NOW + ahead).unwrap();
    it.says("date", &date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

const OLD: &str = r#"{"error":"RequestTimeTooSkewed","message":"The difference is too large."}"#;
const OTHER: &str = "<Error><Code>SignatureDoesNotMatch</Code></Error>";

const SCOPE: &str = r#"{"message":"Credential should be scoped to a valid region, not 'eu-1'. The request signature we calculated does not match"}"#;

/// A server that wants Digest, asked by somebody whose scheme is that, and who sent nothing.
fn asked_by_digest(scheme: &'static str) -> Try {
    let fields = vec!["authorization".into()];
    let sender = Sender::Identity { name: "job".into(), scheme, refreshes: false, fields, refused: Vec::new() };
    let challenge = "Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=MD5";
    get("https://api.test/report").by(sender).gets(401).says("www-authenticate", challenge)
}

/// The same, answered.
fn answered() -> Try {
    asked_by_digest("digest").with("authorization", "Digest username=\"job\", response=\"0123\"")
}

const STALE: &str = "Digest realm=\"r\", nonce=\"n2\", qop=\"auth\", stale=true";

pub(super) fn examples() -> Vec<Example> {
    vec![
        example("bound-token-as-bearer", bearer(r#"{"cnf":{"jkt":"x"}}"#), bearer(r#"{"cnf":{"x5t#S256":"x"}}"#)),
        example(
            "bound-token-as-bearer",
            get("https://api.test/me")
                .bearer()
                .gets(401)
                .text(r#"{"error":"invalid_token","error_description":"this needs the DPoP scheme"}"#),
            get("https://api.test/me").bearer().gets(401).text(r#"{"error":"invalid_token"}"#),
        ),
        example(
            "proof-nonce-unanswered",
            proven().says("www-authenticate", "DPoP error=\"use_dpop_nonce\""),
            proven().says("www-authenticate", "DPoP error=\"invalid_token\""),
        ),
        example("proof-refused", dated(refusing("too old"), 90), proven().gets(403)),
        example("proof-refused", refusing("htu is another"), proven().says("www-authenticate", "DPoP algs=\"ES256\"")),
        example(
            "proof-refused",
            get("https://api.test/me")
                .with("authorization", "DPoP s3cr3t")
                .gets(400)
                .text(r#"{"error":"invalid_dpop_proof"}"#),
            get("https://api.test/me")
                .with("authorization", "DPoP s3cr3t")
                .gets(400)
                .text(r#"{"error":"invalid_request"}"#),
        ),
        example("signature-too-old", signed("aws-sigv4").text(OLD), signed("aws-sigv4").text(OTHER)),
        example(
            "signature-too-old",
            dated(signed("hmac").text(r#"{"message":"timestamp is too old"}"#), 900),
            get("https://api.test/me").bearer().gets(401).text(r#"{"message":"timestamp is too old"}"#),
        ),
        example("signature-mismatch", signed("aws-sigv4").text(OTHER), signed("aws-sigv4").text(OLD)),
        example("signature-mismatch", signed("aws-sigv4").text(OTHER), signed("aws-sigv4").text(SCOPE)),
        example("signature-scope", signed("aws-sigv4").text(SCOPE), signed("aws-sigv4").text(OTHER)),
        example("digest-unanswered", asked_by_digest("digest"), answered()),
        example("digest-unanswered", asked_by_digest("digest"), asked_by_digest("basic")),
        example("digest-stale", answered().says("www-authenticate", STALE), answered()),
        example("digest-refused", answered(), answered().says("www-authenticate", STALE)),
        example("digest-refused", answered(), asked_by_digest("digest")),
        example(
            "signature-mismatch",
            signed("hmac").text(r#"{"error":"invalid_signature"}"#),
            get("https://api.test/me").bearer().gets(401).text(r#"{"error":"invalid_signature"}"#),
        ),
    ]
}

#[test]
fn a_nonce_that_is_asked_for_and_not_given_is_told() {
    let asked = || proven().says("www-authenticate", "DPoP error=\"use_dpop_nonce\"");
    let told = |facts: Facts| {
        let found = rules().find(|rule| rule.code == "proof-nonce-unanswered").and_then(|rule| (rule.find)(&facts));
        format!("{:?}", found.unwrap())
    };
    assert!(told(asked().facts()).contains("gives none"), "{}", told(asked().facts()));
    let given = told(asked().says("dpop-nonce", "n-1").facts());
    assert!(given.contains("did not get one that it takes") && !given.contains("gives none"), "{given}");
}
