//! Digest access authentication as a server does it (RFC 7616): nonces, counters, and the check of an answer.

use std::collections::HashMap;
use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, SHA512_256, digest};
use md5::{Digest as _, Md5};

use super::weakness::Weak;
use super::{clock, random};

/// The protection space of the Digest area.
pub(crate) const REALM: &str = "authspec demo devices";

/// How long a nonce is good, in milliseconds.
const NONCE_MS: u64 = 300_000;

/// How many nonces are kept; beyond that the old ones are forgotten.
const MOST_NONCES: usize = 10_000;

/// The devices that may log in: name, password, and whether it is the one that manages the others.
const DEVICES: &[(&str, &str, bool)] =
    &[("camera", "lens-cap-4", false), ("gate", "open-sesame-5", true), ("küche", "töpfe-6", false)];

/// The devices as the front page tells them.
pub(crate) fn credentials() -> impl Iterator<Item = String> {
    DEVICES.iter().map(|(name, password, _)| format!("username: {name}, password: {password}"))
}

/// A corner of the area, with what it asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Corner {
    /// Its name in the path.
    pub(crate) name: &'static str,
    /// The algorithms it offers, best first.
    pub(crate) algorithms: &'static [&'static str],
    /// What it protects; empty is RFC 2069.
    pub(crate) qop: &'static str,
    /// Whether names travel hashed.
    pub(crate) userhash: bool,
    /// How often a nonce may be used.
    pub(crate) uses: u32,
    /// Whether each answer names the next nonce.
    pub(crate) next: bool,
}

const PLAIN: Corner = Corner { name: "", algorithms: &[], qop: "auth", userhash: false, uses: u32::MAX, next: false };

/// All corners.
pub(crate) const CORNERS: &[Corner] = &[
    Corner { name: "any", algorithms: &["SHA-512-256", "SHA-256", "MD5"], qop: "auth, auth-int", ..PLAIN },
    Corner { name: "md5", algorithms: &["MD5"], ..PLAIN },
    Corner { name: "md5-sess", algorithms: &["MD5-sess"], ..PLAIN },
    Corner { name: "sha-256", algorithms: &["SHA-256"], ..PLAIN },
    Corner { name: "sha-256-sess", algorithms: &["SHA-256-sess"], ..PLAIN },
    Corner { name: "sha-512-256", algorithms: &["SHA-512-256"], ..PLAIN },
    Corner { name: "sha-512-256-sess", algorithms: &["SHA-512-256-sess"], ..PLAIN },
    Corner { name: "body", algorithms: &["SHA-256"], qop: "auth-int", ..PLAIN },
    Corner { name: "hashed", algorithms: &["SHA-256"], userhash: true, ..PLAIN },
    Corner { name: "once", algorithms: &["SHA-256"], uses: 1, ..PLAIN },
    Corner { name: "next", algorithms: &["SHA-256"], uses: 1, next: true, ..PLAIN },
    Corner { name: "old", algorithms: &["MD5"], qop: "", ..PLAIN },
];

/// A nonce that was given out.
#[derive(Debug)]
struct Nonce {
    corner: &'static str,
    born: u64,
    /// The highest counter seen; counters only grow (RFC 7616, section 3.4).
    count: u32,
    uses: u32,
}

/// The nonces of a demo.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    by_value: HashMap<String, Nonce>,
}

impl Nonces {
    /// Gives out a nonce.
    pub(crate) fn fresh(&mut self, corner: &'static str) -> String {
        let now = clock::now_ms();
        if self.by_value.len() >= MOST_NONCES {
            self.by_value.retain(|_, n| n.born + NONCE_MS > now);
        }
        if self.by_value.len() >= MOST_NONCES {
            self.by_value.clear();
        }
        let value = random::secret();
        self.by_value.insert(value.clone(), Nonce { corner, born: now, count: 0, uses: 0 });
        value
    }

    /// Counts a use in; false when the nonce is unknown, too old, used up, or its counter was seen before.
    fn count(&mut self, weak: &Weak, value: &str, corner: &Corner, count: Option<u32>) -> bool {
        let Some(nonce) = self.by_value.get_mut(value) else { return weak.is("digest-any-nonce") };
        let young = nonce.born + NONCE_MS > clock::now_ms();
        let fits = nonce.corner == corner.name && young && nonce.uses < corner.uses;
        // Without a counter (RFC 2069) there is nothing that could tell a replay.
        let ahead = count.is_none_or(|c| c > nonce.count) || weak.is("digest-counter-unchecked");
        if fits && ahead {
            nonce.uses += 1;
            nonce.count = count.unwrap_or(nonce.count);
        }
        fits && ahead
    }
}

/// A device that proved that it knows its password.
#[derive(Debug)]
pub(crate) struct Proven {
    pub(crate) name: &'static str,
    pub(crate) manages: bool,
    pub(crate) algorithm: &'static str,
    pub(crate) qop: String,
    count: String,
    cnonce: String,
    uri: String,
    secret: String,
    nonce: String,
}

/// Why an answer is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is none.
    Missing,
    /// It is no answer to a challenge of this corner; a 400.
    Malformed(&'static str),
    /// Name or password are wrong.
    Wrong,
    /// The password is right, the nonce is not good any more.
    Stale,
}

/// The request as it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) authorization: Option<&'a str>,
}

/// Checks an answer (RFC 7616, section 3.4).
pub(crate) fn check(weak: &Weak, nonces: &mut Nonces, corner: &Corner, asked: Asked<'_>) -> Result<Proven, Refused> {
    let value = asked.authorization.unwrap_or_default().trim();
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("digest") {
        return Err(Refused::Missing);
    }
    let given = params(rest).ok_or(Refused::Malformed("the parameters cannot be read"))?;
    let get = |name: &str| given.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let need = |name: &str, why: &'static str| get(name).ok_or(Refused::Malformed(why));
    let (realm, nonce) = (need("realm", "`realm` is missing")?, need("nonce", "`nonce` is missing")?);
    let (uri, response) = (need("uri", "`uri` is missing")?, need("response", "`response` is missing")?);
    let here = realm == REALM || weak.is("digest-any-realm");
    if !here || get("opaque") != Some(corner.name) {
        // An answer to another corner's question is none to this one's.
        return Err(Refused::Missing);
    }
    if uri != asked.uri && !weak.is("digest-uri-not-compared") {
        return Err(Refused::Malformed("`uri` is not the target of the request"));
    }
    let named = get("algorithm").unwrap_or("MD5");
    let any: &[&str] = if weak.is("digest-any-algorithm") { &["MD5"] } else { &[] };
    let algorithm = corner.algorithms.iter().chain(any).find(|a| a.eq_ignore_ascii_case(named));
    let algorithm = algorithm.ok_or(Refused::Malformed("`algorithm` was not offered"))?;
    let qop = get("qop").unwrap_or_default();
    let without = qop.is_empty() && weak.is("digest-qop-optional");
    if !without && !corner.qop.split(", ").any(|q| q == qop) {
        return Err(Refused::Malformed("`qop` was not offered"));
    }
    let (count, cnonce) = (get("nc").unwrap_or_default(), get("cnonce").unwrap_or_default());
    if !qop.is_empty() && (count.len() != 8 || cnonce.is_empty()) {
        return Err(Refused::Malformed("`nc` has eight digits and `cnonce` is not empty"));
    }
    let number = u32::from_str_radix(count, 16).ok();
    let hash = Hash::of(algorithm);
    let device = find(&given, corner, hash).ok_or(Refused::Wrong)?;
    let mut secret = hash.hex(format!("{}:{realm}:{}", device.0, device.1).as_bytes());
    if algorithm.ends_with("-sess") {
        secret = hash.hex(format!("{secret}:{nonce}:{cnonce}").as_bytes());
    }
    let proven = Proven {
        name: device.0,
        manages: device.2,
        algorithm,
        qop: qop.to_owned(),
        count: count.to_owned(),
        cnonce: cnonce.to_owned(),
        uri: uri.to_owned(),
        secret,
        nonce: nonce.to_owned(),
    };
    if !random::same(&proven.response(asked.method, asked.body), response) {
        return Err(Refused::Wrong);
    }
    if nonces.count(weak, nonce, corner, number) { Ok(proven) } else { Err(Refused::Stale) }
}

/// The device that `username`, `username*` or the hash of a name means.
fn find(given: &[(String, String)], corner: &Corner, hash: Hash) -> Option<(&'static str, &'static str, bool)> {
    let get = |name: &str| given.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let hashed = get("userhash") == Some("true");
    if hashed && !corner.userhash {
        return None;
    }
    let extended = get("username*").and_then(|v| v.strip_prefix("UTF-8''")).map(percent_decoded);
    let sent = get("username").map(|v| v.as_bytes().to_vec()).or(extended)?;
    let spelt = |name: &str| if hashed { hash.hex(format!("{name}:{REALM}").as_bytes()) } else { name.to_owned() };
    let matches = |name: &str| spelt(name).as_bytes() == sent;
    DEVICES.iter().find(|(name, ..)| matches(name)).copied()
}

impl Proven {
    fn response(&self, method: &str, body: &[u8]) -> String {
        let hash = Hash::of(self.algorithm);
        let mut request = format!("{method}:{}", self.uri);
        if self.qop == "auth-int" {
            let _ = write!(request, ":{}", hash.hex(body));
        }
        let request = hash.hex(request.as_bytes());
        let (secret, nonce) = (&self.secret, &self.nonce);
        let text = if self.qop.is_empty() {
            format!("{secret}:{nonce}:{request}")
        } else {
            format!("{secret}:{nonce}:{}:{}:{}:{request}", self.count, self.cnonce, self.qop)
        };
        hash.hex(text.as_bytes())
    }

    /// `Authentication-Info` of the answer with this body: it proves that the server knows the password too.
    pub(crate) fn info(&self, weak: &Weak, body: &[u8], next: Option<&str>) -> String {
        let method = if weak.is("digest-unproven") { "GET" } else { "" };
        let mut info = format!("rspauth=\"{}\"", self.response(method, body));
        if !self.qop.is_empty() {
            let _ = write!(info, ", qop={}, nc={}, cnonce=\"{}\"", self.qop, self.count, self.cnonce);
        }
        if let Some(next) = next {
            let _ = write!(info, ", nextnonce=\"{next}\"");
        }
        info
    }
}

/// The challenges of a corner, one for each algorithm.
pub(crate) fn challenges(nonces: &mut Nonces, corner: &Corner, stale: bool) -> Vec<String> {
    let mut all = Vec::new();
    for algorithm in corner.algorithms {
        let nonce = nonces.fresh(corner.name);
        let mut challenge = format!("Digest realm=\"{REALM}\"");
        if !corner.qop.is_empty() {
            let _ = write!(challenge, ", qop=\"{}\"", corner.qop);
        }
        let _ =
            write!(challenge, ", algorithm={algorithm}, nonce=\"{nonce}\", opaque=\"{}\", charset=UTF-8", corner.name);
        let _ = write!(challenge, ", domain=\"/digest/{}/\"", corner.name);
        if corner.userhash {
            challenge.push_str(", userhash=true");
        }
        if stale {
            challenge.push_str(", stale=true");
        }
        all.push(challenge);
    }
    all
}

#[derive(Debug, Clone, Copy)]
enum Hash {
    Md5,
    Sha256,
    Sha512_256,
}

impl Hash {
    fn of(algorithm: &str) -> Self {
        match algorithm.trim_end_matches("-sess") {
            "SHA-256" => Self::Sha256,
            "SHA-512-256" => Self::Sha512_256,
            _ => Self::Md5,
        }
    }

    fn hex(self, bytes: &[u8]) -> String {
        let out = match self {
            Self::Md5 => Md5::digest(bytes).to_vec(),
            Self::Sha256 => digest(&SHA256, bytes).as_ref().to_vec(),
            Self::Sha512_256 => digest(&SHA512_256, bytes).as_ref().to_vec(),
        };
        let mut text = String::new();
        for byte in out {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

/// Reads `name=value` and `name="value"` pairs; names in lower case.
fn params(text: &str) -> Option<Vec<(String, String)>> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let value;
        if let Some(quoted) = after.strip_prefix('"') {
            let mut taken = String::new();
            let mut letters = quoted.char_indices();
            let end = loop {
                match letters.next()? {
                    (_, '\\') => taken.push(letters.next()?.1),
                    (at, '"') => break at,
                    (_, letter) => taken.push(letter),
                }
            };
            value = taken;
            rest = &quoted[end + 1..];
        } else {
            let end = after.find(',').unwrap_or(after.len());
            value = after[..end].trim().to_owned();
            rest = &after[end..];
        }
        out.push((name.trim().to_ascii_lowercase(), value));
        rest = rest.trim_start().trim_start_matches(',').trim_start();
    }
    Some(out)
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%').and_then(|h| u8::from_str_radix(h, 16).ok());
        out.push(hex.unwrap_or(bytes[at]));
        at += if hex.is_some() { 3 } else { 1 };
    }
    out
}
