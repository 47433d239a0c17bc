//! The AWS area: what a client of others signs opens it, and nothing else does. The clock is real, so the signatures
//! are made here, for a GET without anything that would need rules.

use aws_lc_rs::{digest, hmac};

use super::Api;
use crate::demo::clock;

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn moment(shift: i64) -> String {
    let seconds = i64::try_from(clock::now_ms() / 1000).unwrap() + shift;
    jiff::Timestamp::from_second(seconds).unwrap().strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// `Authorization` of a GET with an empty body and no query.
fn signed(api: &Api, path: &str, date: &str, (id, secret): (&str, &str)) -> String {
    let host = api.base.trim_start_matches("http://");
    let names = "host;x-amz-content-sha256;x-amz-date";
    let request =
        format!("GET\n{path}\n\nhost:{host}\nx-amz-content-sha256:{EMPTY}\nx-amz-date:{date}\n\n{names}\n{EMPTY}");
    let hashed = hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
    let scope = format!("{}/demo-1/execute-api/aws4_request", &date[..8]);
    let mac =
        |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec();
    let key = scope.split('/').fold(format!("AWS4{secret}").into_bytes(), |key, part| mac(&key, part));
    let signature = hex(&mac(&key, &format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashed}")));
    format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}")
}

const READER: (&str, &str) = ("AKIDEMOREADER", "r3aD/demo+secret");

#[tokio::test]
async fn a_signature_opens_what_it_was_made_for_and_nothing_else() {
    let api = Api::shared();
    let date = moment(0);
    let good = signed(&api, "/aws/execute-api/report", &date, READER);
    let with = |authorization: &str, date: &str| {
        [
            ("authorization", authorization.to_owned()),
            ("x-amz-date", date.to_owned()),
            ("x-amz-content-sha256", EMPTY.to_owned()),
        ]
    };
    let ask = async |line: &str, fields: &[(&str, String)]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        api.ask(line, &fields).await
    };
    let line = "GET /aws/execute-api/report";
    assert_eq!(ask(line, &with(&good, &date)).await.is(200).text("/signer"), "reader");
    ask("GET /aws/execute-api/other", &with(&good, &date)).await.refused(403, "SignatureDoesNotMatch");
    ask("GET /aws/execute-api/report?a=1", &with(&good, &date)).await.refused(403, "SignatureDoesNotMatch");
    ask("POST /aws/execute-api/report", &with(&good, &date)).await.refused(403, "SignatureDoesNotMatch");
    ask("GET /aws/s3/report", &with(&good, &date)).await.refused(403, "InvalidCredentialScope");
    let mut more = with(&good, &date).to_vec();
    more.push(("x-amz-meta", "1".to_owned()));
    ask(line, &more).await.refused(403, "SignatureDoesNotMatch");
    ask(line, &[]).await.refused(403, "MissingAuthenticationToken");
    ask(line, &with("Bearer x", &date)).await.refused(400, "IncompleteSignature");
    ask(line, &with(&good, &date)[..2]).await.refused(403, "SignatureDoesNotMatch");
    let fields = [("authorization", good.as_str()), ("x-amz-date", &date), ("x-amz-content-sha256", EMPTY)];
    api.send(line, &fields, "x").await.refused(400, "XAmzContentSHA256Mismatch");
}

#[tokio::test]
async fn who_signs_and_when_counts() {
    let api = Api::shared();
    let path = "/aws/execute-api/report";
    for (shift, who, code) in [
        (0, ("AKIDEMOREADER", "wrong"), "SignatureDoesNotMatch"),
        (0, ("AKIDNOBODY", "wrong"), "InvalidClientTokenId"),
        (-901, READER, "RequestTimeTooSkewed"),
        (930, READER, "RequestTimeTooSkewed"),
        (0, ("ASIDEMOGUEST", "gu3St/demo+secret"), "InvalidClientTokenId"),
    ] {
        let date = moment(shift);
        let value = signed(&api, path, &date, who);
        let fields = [("authorization", value.as_str()), ("x-amz-date", &date), ("x-amz-content-sha256", EMPTY)];
        api.ask(&format!("GET {path}"), &fields).await.refused(403, code);
    }
}
