//! Signature Version 4 as a service of AWS checks it, written from "Create a signed AWS API request" (IAM user guide)
//! and "Authenticating Requests" (API reference of S3).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;

use super::weakness::Weak;
use super::{clock, random};

/// The region that the demo stands in.
const REGION: &str = "demo-1";

/// How far the date of a request may be away, in seconds.
const WINDOW: u64 = 15 * 60;

/// Somebody who may sign.
#[derive(Debug)]
pub(crate) struct Signer {
    pub(crate) name: &'static str,
    id: &'static str,
    secret: &'static str,
    /// What comes with temporary keys.
    token: Option<&'static str>,
    pub(crate) may_write: bool,
}

const SIGNERS: &[Signer] = &[
    Signer { name: "reader", id: "AKIDEMOREADER", secret: "r3aD/demo+secret", token: None, may_write: false },
    Signer { name: "writer", id: "AKIDEMOWRITER", secret: "wr1Te/demo+secret", token: None, may_write: true },
    Signer {
        name: "guest",
        id: "ASIDEMOGUEST",
        secret: "gu3St/demo+secret",
        token: Some("FwoDemoSessionToken=="),
        may_write: false,
    },
];

/// The signers as the front page tells them.
pub(crate) fn credentials() -> impl Iterator<Item = String> {
    SIGNERS.iter().map(|signer| {
        let token = signer.token.map_or_else(String::new, |token| format!(", session_token: {token}"));
        format!("account: {}, key_id: {}, secret_key: {}{token}", signer.name, signer.id, signer.secret)
    })
}

/// The request as it came.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    /// Names in lower case.
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: &'a [u8],
}

/// Why a request is refused: the code of AWS for it, and a sentence.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) &'static str, pub(crate) &'static str);

impl Asked<'_> {
    /// All lines of one field, joined.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let lines: Vec<_> = self.fields.iter().filter(|(n, _)| n == name).map(|(_, v)| squeezed(v)).collect();
        (!lines.is_empty()).then(|| lines.join(","))
    }
}

/// Checks a request to a service; `s3` keeps paths as they are, and takes bodies that are not signed.
pub(crate) fn check(weak: &Weak, service: &str, asked: &Asked<'_>) -> Result<&'static Signer, Refused> {
    let refuse = |code, why| Err(Refused(code, why));
    let Some(authorization) = asked.field("authorization") else {
        return refuse("MissingAuthenticationToken", "the request is not signed");
    };
    let parts = parts(&authorization).ok_or(Refused("IncompleteSignature", "this is no AWS4-HMAC-SHA256"))?;
    let [credential, names, signature] = &parts;
    let scope: Vec<&str> = credential.split('/').collect();
    let [id, day, region, for_service, "aws4_request"] = scope[..] else {
        return refuse("IncompleteSignature", "the Credential has five parts");
    };
    let Some(signer) = SIGNERS.iter().find(|s| s.id == id) else {
        return refuse("InvalidClientTokenId", "nobody has this key id");
    };
    let date = asked.field("x-amz-date").ok_or(Refused("IncompleteSignature", "X-Amz-Date is missing"))?;
    let sent = seconds(&date).ok_or(Refused("IncompleteSignature", "X-Amz-Date is no date"))?;
    let today = date.starts_with(day) || weak.is("sigv4-day-unchecked");
    let here = (region == REGION && for_service == service) || weak.is("sigv4-scope-unchecked");
    if !today || !here {
        return refuse("InvalidCredentialScope", "the Credential is for another day, region or service");
    }
    if sent.abs_diff(clock::now_ms() / 1000) > WINDOW && !weak.is("sigv4-date-unchecked") {
        return refuse("RequestTimeTooSkewed", "the request was signed more than 15 minutes ago or ahead");
    }
    let names: Vec<&str> = names.split(';').collect();
    covered(asked, &names)?;
    let payload = payload(weak, service, asked)?;
    let good = expected(service, asked, &names, &payload, (signer, &date, &format!("{day}/{region}/{for_service}")));
    if !random::same(&good, signature) {
        return refuse("SignatureDoesNotMatch", "the signature is not that of this request with the secret key");
    }
    if signer.token != asked.field("x-amz-security-token").as_deref() {
        return refuse("InvalidClientTokenId", "the session token is not that of the key");
    }
    Ok(signer)
}

/// `Credential`, `SignedHeaders` and `Signature`, each once.
fn parts(authorization: &str) -> Option<[String; 3]> {
    let rest = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let mut found = [const { None }; 3];
    for part in rest.split(',') {
        let (name, value) = part.trim().split_once('=')?;
        let at = ["Credential", "SignedHeaders", "Signature"].iter().position(|n| *n == name)?;
        if found[at].replace(value.to_owned()).is_some() {
            return None;
        }
    }
    let [credential, names, signature] = found;
    Some([credential?, names?, signature?])
}

/// Everything that must be signed is: the host, the media type, and all that AWS reads.
fn covered(asked: &Asked<'_>, names: &[&str]) -> Result<(), Refused> {
    let refuse = |why| Err(Refused("SignatureDoesNotMatch", why));
    if !names.is_sorted() {
        return refuse("the SignedHeaders are not sorted");
    }
    if names.iter().any(|n| asked.field(n).is_none()) {
        return refuse("a field of SignedHeaders is not there");
    }
    let must = |n: &str| n == "host" || n == "content-type" || n.starts_with("x-amz-");
    if asked.fields.iter().any(|(n, _)| must(n) && !names.contains(&n.as_str())) {
        return refuse("host, content-type and all x-amz fields must be signed");
    }
    Ok(())
}

/// The hash of the body that was signed, which must be that of the body that came.
fn payload(weak: &Weak, service: &str, asked: &Asked<'_>) -> Result<String, Refused> {
    let missing = Refused("MissingSecurityHeader", "X-Amz-Content-Sha256 is missing");
    let said = asked.field("x-amz-content-sha256").ok_or(missing)?;
    let unsigned_is_fine = service == "s3" || weak.is("sigv4-unsigned-payload");
    if said == hex(digest(&SHA256, asked.body).as_ref()) || (unsigned_is_fine && said == "UNSIGNED-PAYLOAD") {
        return Ok(said);
    }
    if said.len() == 64 && weak.is("sigv4-payload-unchecked") {
        return Ok(said);
    }
    Err(Refused("XAmzContentSHA256Mismatch", "X-Amz-Content-Sha256 is not the hash of the body"))
}

fn expected(
    service: &str,
    asked: &Asked<'_>,
    names: &[&str],
    payload: &str,
    (signer, date, scope): (&Signer, &str, &str),
) -> String {
    let path = if service == "s3" { asked.path.replace('+', "%2B") } else { escaped(&tidied(asked.path), '/') };
    let mut request = vec![asked.method.to_owned(), path, sorted(asked.query)];
    request.extend(names.iter().map(|n| format!("{n}:{}", asked.field(n).unwrap_or_default())));
    request.extend([String::new(), names.join(";"), payload.to_owned()]);
    let hashed = hex(digest(&SHA256, request.join("\n").as_bytes()).as_ref());
    let string = format!("AWS4-HMAC-SHA256\n{date}\n{scope}/aws4_request\n{hashed}");
    let mac =
        |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec();
    let mut key = format!("AWS4{}", signer.secret).into_bytes();
    for part in scope.split('/').chain(["aws4_request"]) {
        key = mac(&key, part);
    }
    hex(&mac(&key, &string))
}

/// The path without `.`, `..` and empty segments, still encoded.
fn tidied(path: &str) -> Vec<u8> {
    let mut out: Vec<&str> = vec![];
    let mut last = "";
    for part in path.split('/') {
        last = part;
        if part == ".." {
            out.pop();
        } else if !part.is_empty() && part != "." {
            out.push(part);
        }
    }
    let slash = if !out.is_empty() && ["", ".", ".."].contains(&last) { "/" } else { "" };
    format!("/{}{slash}", out.join("/")).into_bytes()
}

fn sorted(query: &str) -> String {
    let spell = |text: &str| escaped(&unescaped(&text.replace('+', "%20")), '~');
    let mut pairs = vec![];
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        let mut halves = pair.splitn(2, '=');
        let (name, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
        pairs.push((spell(name), spell(value)));
    }
    pairs.sort();
    pairs.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("&")
}

fn escaped(bytes: &[u8], also: char) -> String {
    let spell = |b: &u8| match char::from(*b) {
        c if c.is_ascii_alphanumeric() || "-._~".contains(c) || c == also => c.to_string(),
        _ => format!("%{b:02X}"),
    };
    bytes.iter().map(spell).collect()
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let pair = after.get(..2).filter(|_| *first == b'%').and_then(|p| std::str::from_utf8(p).ok());
        let byte = pair.filter(|p| !p.starts_with('+')).and_then(|p| u8::from_str_radix(p, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    out
}

fn squeezed(value: &[u8]) -> String {
    String::from_utf8_lossy(value).split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The seconds since 1970 of `20150830T123600Z`.
fn seconds(date: &str) -> Option<u64> {
    if date.len() != 16 || !date.is_ascii() || &date[8..9] != "T" || !date.ends_with('Z') {
        return None;
    }
    let (day, time) = (&date[..8], &date[9..15]);
    let spelt = format!("{}-{}-{}T{}:{}:{}Z", &day[..4], &day[4..6], &day[6..], &time[..2], &time[2..4], &time[4..]);
    spelt.parse::<jiff::Timestamp>().ok().and_then(|t| u64::try_from(t.as_second()).ok())
}
