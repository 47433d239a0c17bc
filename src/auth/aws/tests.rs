use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::auth::Memory;
use crate::http::{Address, Headers};
use crate::source::Span;
use crate::template::Scope;

fn aws(service: &str, payload: Payload) -> Aws {
    let word = |text: &str| Template::literal(text, Span::NONE);
    Aws { service: word(service), region: word("us-east-1"), payload }
}

fn request(line: &str, fields: &[(&str, &str)], body: &'static str) -> Request {
    let (method, address) = line.split_once(' ').unwrap();
    let mut headers = Headers::default();
    fields.iter().for_each(|(n, v)| headers.add(*n, (*v).to_owned()));
    let address = Address::parse(address).unwrap();
    Request { method: method.to_owned(), address, headers, body: Bytes::from_static(body.as_bytes()) }
}

/// Signs at a moment as the example user of the documents, and gives the request.
fn signed(scheme: &Aws, at: &str, token: &str, mut request: Request) -> Request {
    let field = |name: &str, value: &str| (Arc::from(name), value.to_owned());
    let identity = [
        field("key_id", "AKIAIOSFODNN7EXAMPLE"),
        field("secret_key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        field("session_token", token),
    ];
    let (scope, memory) = (Scope::default(), Memory::default());
    let seal = Seal { scope: &scope, identity: &identity, memory: &memory, now: at.parse().unwrap() };
    scheme.sign(&seal, &mut request).unwrap();
    request
}

fn authorization_of(request: &Request) -> String {
    request.headers.text("authorization").unwrap()
}

const DAY: &str = "2013-05-24T00:00:00Z";

/// The examples of "Signature Calculations for the Authorization Header" in the API reference of S3.
#[test]
fn the_published_examples_of_s3() {
    let s3 = aws("s3", Payload::Signed);
    let host = "https://examplebucket.s3.amazonaws.com";
    let get = |target: &str, fields: &[(&str, &str)]| request(&format!("GET {host}{target}"), fields, "");
    let put = [("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")];
    for (request, signature) in [
        (
            get("/test.txt", &[("Range", "bytes=0-9")]),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            request(&format!("PUT {host}/test$file.text"), &put, "Welcome to Amazon S3."),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (get("/?lifecycle", &[]), "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (get("/?max-keys=2&prefix=J", &[]), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ] {
        let target = request.address.target().to_owned();
        let value = authorization_of(&signed(&s3, DAY, "", request));
        assert!(value.ends_with(signature), "{target}: {value}");
    }
    let whole =
        signed(&s3, DAY, "", get("/test.txt", &[("Range", "bytes=0-9"), ("User-Agent", "x"), ("Accept", "*/*")]));
    assert_eq!(
        authorization_of(&whole),
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
         SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
         Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        "what the way changes is not signed"
    );
}

/// "Create a signed AWS API request" in the user guide of IAM.
#[test]
fn the_published_example_of_iam() {
    let fields = [
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("host", "iam.amazonaws.com"),
        ("x-amz-date", "20150830T123600Z"),
    ];
    let fields = fields.map(|(n, v)| (n.to_owned(), v.as_bytes().to_vec()));
    let (query, payload) = ("Action=ListUsers&Version=2010-05-08", sign::sha256(b""));
    let asked = Asked { method: "GET", path: "/", query, fields: &fields, payload: &payload };
    let (canonical, _) = sign::canonical(asked, PathStyle::Normal);
    assert_eq!(sign::sha256(&canonical), "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59");
    let terms = Terms { date: "20150830T123600Z", day: "20150830", region: "us-east-1", service: "iam" };
    let string = sign::string_to_sign(terms, &canonical);
    let signature = hex::encode(sign::signature("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", terms, &string));
    assert_eq!(signature, "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

#[test]
fn what_a_step_writes_is_signed_as_it_stands() {
    let scheme = aws("service", Payload::Signed);
    let own = [("X-Amz-Date", "20150830T123600Z"), ("x-amz-content-sha256", "abc"), ("Host", "other")];
    let request = signed(&scheme, DAY, "", request("POST http://h/", &own, "body"));
    assert_eq!(request.headers.text("x-amz-date").unwrap(), "20150830T123600Z");
    assert_eq!(request.headers.text("x-amz-content-sha256").unwrap(), "abc");
    let value = authorization_of(&request);
    assert!(value.contains("/20150830/us-east-1/service/"), "{value}");
    assert!(value.contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date"), "{value}");
    assert_eq!(request.headers.all("host").count(), 1);
}

#[test]
fn a_session_token_travels_signed_and_a_body_may_stay_unsigned() {
    let scheme = aws("s3", Payload::Unsigned);
    let request = signed(&scheme, DAY, "token", request("PUT http://h/a", &[], "body"));
    assert_eq!(request.headers.text("x-amz-security-token").unwrap(), "token");
    assert_eq!(request.headers.text("x-amz-content-sha256").unwrap(), "UNSIGNED-PAYLOAD");
    assert!(authorization_of(&request).contains("x-amz-date;x-amz-security-token,"));
}

#[test]
fn what_is_read_back_is_what_was_signed() {
    let scheme = aws("execute-api", Payload::Signed);
    let request = signed(&scheme, DAY, "token", request("POST http://h/a/../b?c=d", &[("X-Own", "1  2")], "body"));
    let told = Scheme::signed(&scheme, &Memory::default(), &request);
    let [canonical, string] = &told[..] else { panic!("{told:?}") };
    assert!(canonical.text.starts_with("POST\n/b\nc=d\nhost:h\n"), "{}", canonical.text);
    assert!(string.text.ends_with(&sign::sha256(canonical.text.as_bytes())));
    let terms = Terms { date: "20130524T000000Z", day: "20130524", region: "us-east-1", service: "execute-api" };
    let again = hex::encode(sign::signature("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", terms, &string.text));
    assert!(authorization_of(&request).ends_with(&again));
}

#[test]
fn paths_and_queries_are_spelt_by_one_rule() {
    let line = |path: &str, query: &str, style| {
        let asked = Asked { method: "GET", path, query, fields: &[], payload: "" };
        let (text, _) = sign::canonical(asked, style);
        String::from_utf8(text).unwrap().lines().skip(1).take(2).map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let normal = |path: &str, query: &str| line(path, query, PathStyle::Normal);
    assert_eq!(normal("/a%20b/../c//d/.", "b=2&a=x%2f&a=1&A&&c=x+y"), ["/c/d/", "A=&a=1&a=x%2F&b=2&c=x%20y"]);
    assert_eq!(normal("/", "r=a+b%2Bc%2bd%20e")[1], "r=a%20b%2Bc%2Bd%20e", "a plus is written in three bytes");
    assert_eq!(normal("/a%20b", "")[0], "/a%2520b", "encoded once more");
    assert_eq!(line("/a%20b//../c+%zz%", "", PathStyle::Exact)[0], "/a%20b//../c%2B%25zz%25");
    assert_eq!(line("/a%2fb%7E~$", "", PathStyle::Exact)[0], "/a%2fb%7E~%24");
    assert_eq!(["/..", "/.", "//", "/a/../"].map(|p| normal(p, "")[0].clone()), ["/", "/", "/", "/"]);
}

/// The cases of awslabs/aws-c-auth, `tests/aws-signing-test-suite/v4`, read from `$AUTHSPEC_VECTORS/sigv4`.
#[test]
fn the_suite_of_aws() {
    let Some(root) = std::env::var_os("AUTHSPEC_VECTORS") else {
        eprintln!("skipped: AUTHSPEC_VECTORS names no folder with sigv4");
        return;
    };
    let folder = PathBuf::from(root).join("sigv4");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let mut faults = Vec::new();
    for case in &cases {
        judge(case, &mut faults);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(cases.len(), 38);
}

fn judge(case: &Path, faults: &mut Vec<String>) {
    let read = |name: &str| std::fs::read_to_string(case.join(name)).unwrap();
    let context: serde_json::Value = serde_json::from_str(&read("context.json")).unwrap();
    let text = |pointer: &str| context.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or_default();
    let raw = read("request.txt");
    let (head, body) = raw.split_once("\n\n").unwrap_or((&raw, ""));
    let (line, lines) = head.split_once('\n').unwrap();
    // A line that begins with a blank goes on with the one before it.
    let lines = lines.replace("\n ", " ");
    let (method, rest) = line.split_once(' ').unwrap();
    let target = rest.strip_suffix(" HTTP/1.1").unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let payload = sign::sha256(body.as_bytes());
    let pairs = lines.lines().filter(|l| !l.is_empty()).map(|l| l.split_once(':').unwrap());
    let mut fields: Vec<(String, Vec<u8>)> = pairs.map(|(n, v)| (n.to_owned(), v.as_bytes().to_vec())).collect();
    let date: Timestamp = text("/timestamp").parse().unwrap();
    let date = stamp(date);
    let mut add = |name: &str, value: &str| fields.push((name.to_owned(), value.as_bytes().to_vec()));
    add(DATE, &date);
    if context["sign_body"] == true {
        add(PAYLOAD, &payload);
    }
    if context["omit_session_token"] != true && !text("/credentials/token").is_empty() {
        add(TOKEN, text("/credentials/token"));
    }
    let style = if context["normalize"] == true { PathStyle::Normal } else { PathStyle::Exact };
    let asked = Asked { method, path, query, fields: &fields, payload: &payload };
    let (canonical, names) = sign::canonical(asked, style);
    let terms = Terms { date: &date, day: &date[..8], region: text("/region"), service: text("/service") };
    let string = sign::string_to_sign(terms, &canonical);
    let signature = hex::encode(sign::signature(text("/credentials/secret_access_key"), terms, &string));
    let signed = format!("SignedHeaders={names}, Signature={signature}");
    for (file, ours) in [
        ("header-canonical-request.txt", String::from_utf8(canonical).unwrap()),
        ("header-string-to-sign.txt", string),
        ("header-signature.txt", signature),
    ] {
        let theirs = read(file);
        if theirs.trim_end() != ours {
            faults.push(format!("{} {file}:\n{theirs}\n--- is\n{ours}\n", case.display()));
        }
    }
    if !read("header-signed-request.txt").contains(&signed) {
        faults.push(format!("{}: {signed}", case.display()));
    }
}

/// What is other than it should be is all that is: the rest is signed as whoever means it would.
#[test]
fn a_defect_is_signed_rightly() {
    let fields = [("key_id", "AKID"), ("secret_key", "secret")].map(|(n, v)| (Arc::from(n), v.to_owned()));
    let (scope, memory) = (Scope::default(), Memory::default());
    let at = |now: &str| Seal { scope: &scope, identity: &fields, memory: &memory, now: now.parse().unwrap() };
    let plain = || request("GET https://api.example/report", &[], "");
    let bent = |scheme: &Aws, bend: Bend| {
        let mut request = plain();
        scheme.bend(&at(DAY), bend, "", &mut request).unwrap();
        request
    };
    let straight = |service: &str, region: &str, now: &str| {
        let word = |text: &str| Template::literal(text, Span::NONE);
        let mut request = plain();
        let scheme = Aws { service: word(service), region: word(region), payload: Payload::Signed };
        scheme.sign(&at(now), &mut request).unwrap();
        request
    };
    let own = aws("execute-api", Payload::Signed);
    assert_eq!(bent(&own, Bend::Nothing), straight("execute-api", "us-east-1", DAY));
    assert_eq!(bent(&own, Bend::Region), straight("execute-api", "eu-west-1", DAY));
    assert_eq!(bent(&own, Bend::Service), straight("sts", "us-east-1", DAY));
    assert_eq!(bent(&own, Bend::Time(-3600)), straight("execute-api", "us-east-1", "2013-05-23T23:00:00Z"));
    assert!(authorization_of(&bent(&own, Bend::Day)).contains("AKID/20150830/us-east-1"));
    assert_eq!(bent(&own, Bend::Payload).headers.text(PAYLOAD).as_deref(), Some(UNSIGNED));
    let s3 = aws("s3", Payload::Signed);
    assert_eq!(bent(&s3, Bend::Payload), bent(&s3, Bend::Nothing), "to S3 that is no defect");
}
