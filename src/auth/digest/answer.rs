//! The answer to a Digest challenge: which one to take, and what to send for it (RFC 7616, section 3.4). Pure.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, SHA512, SHA512_256, digest};
use md5::{Digest as _, Md5};

use crate::http::challenge::Challenge;

/// The hashes of RFC 7616, section 6.1, strongest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    /// MD5, for old devices.
    Md5,
    /// SHA-256.
    Sha256,
    /// SHA-512/256 (FIPS 180-4).
    Sha512_256,
    /// SHA-512 cut to its first half, as the example of RFC 7616, section 3.9.2, was computed and some servers do.
    Sha512Cut,
}

impl Hash {
    /// The hash in lower-case hexadecimal.
    fn hex(self, text: &[u8]) -> String {
        let bytes = match self {
            Self::Md5 => Md5::digest(text).to_vec(),
            Self::Sha256 => digest(&SHA256, text).as_ref().to_vec(),
            Self::Sha512_256 => digest(&SHA512_256, text).as_ref().to_vec(),
            Self::Sha512Cut => digest(&SHA512, text).as_ref()[..32].to_vec(),
        };
        hex::encode(bytes)
    }
}

/// How the server knows what it protects (RFC 7616, section 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Qop {
    /// As RFC 2069 had it: no counter, no nonce of ours.
    None,
    /// The request line.
    Auth,
    /// The request line and the body.
    AuthInt,
}

/// What the suite asks of the answers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wish {
    /// Only challenges with this algorithm are answered.
    pub(super) algorithm: Option<&'static str>,
    /// This protection is taken, where it is offered.
    pub(super) qop: Option<Qop>,
    /// What `SHA-512-256` means.
    pub(super) sha512: Option<Hash>,
}

/// Names of algorithms as servers spell them (RFC 7616, section 3.3).
pub(super) const ALGORITHMS: &[(&str, &str)] = &[
    ("MD5", "MD5"),
    ("MD5-sess", "MD5-sess"),
    ("SHA-256", "SHA-256"),
    ("SHA-256-sess", "SHA-256-sess"),
    ("SHA-512-256", "SHA-512-256"),
    ("SHA-512-256-sess", "SHA-512-256-sess"),
];

/// A challenge that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) realm: String,
    pub(super) nonce: String,
    pub(super) opaque: Option<String>,
    /// As the server spelt it; it is echoed.
    pub(super) algorithm: Option<String>,
    pub(super) hash: Hash,
    pub(super) session: bool,
    pub(super) qop: Qop,
    pub(super) userhash: bool,
    /// Where the nonce is good for; everywhere on the server when it is empty (RFC 7616, section 3.3: `domain`).
    pub(super) domain: Vec<String>,
    /// The nonce was good once: the password is not in doubt.
    pub(super) stale: bool,
}

impl Terms {
    /// Takes the first challenge that can be answered: servers list them by preference.
    pub(super) fn choose(challenges: &[Challenge], wish: &Wish) -> Option<Self> {
        challenges.iter().filter(|c| c.is("digest")).find_map(|c| Self::of(c, wish))
    }

    fn of(challenge: &Challenge, wish: &Wish) -> Option<Self> {
        let algorithm = challenge.param("algorithm").map(str::trim);
        let named = algorithm.unwrap_or("MD5");
        if wish.algorithm.is_some_and(|only| !only.eq_ignore_ascii_case(named)) {
            return None;
        }
        let lower = named.to_ascii_lowercase();
        let (base, session) = lower.strip_suffix("-sess").map_or((lower.as_str(), false), |base| (base, true));
        let hash = match base {
            "md5" => Hash::Md5,
            "sha-256" => Hash::Sha256,
            "sha-512-256" => wish.sha512.unwrap_or(Hash::Sha512_256),
            _ => return None,
        };
        let qop = Self::qop(challenge.param("qop"), wish)?;
        Some(Self {
            realm: challenge.param("realm")?.to_owned(),
            nonce: challenge.param("nonce")?.to_owned(),
            opaque: challenge.param("opaque").map(ToOwned::to_owned),
            algorithm: algorithm.map(ToOwned::to_owned),
            hash,
            session,
            qop,
            userhash: challenge.param("userhash").is_some_and(|v| v.eq_ignore_ascii_case("true")),
            domain: challenge
                .param("domain")
                .map_or_else(Vec::new, |d| d.split_whitespace().map(ToOwned::to_owned).collect()),
            stale: challenge.param("stale").is_some_and(|v| v.eq_ignore_ascii_case("true")),
        })
    }

    /// Tells whether a request target of the challenging server lies in the protection space.
    pub(super) fn covers(&self, base: &str, target: &str) -> bool {
        let within = |uri: &String| {
            let path = uri.strip_prefix(base).unwrap_or(uri);
            path.starts_with('/') && target.starts_with(path)
        };
        self.domain.is_empty() || self.domain.iter().any(within)
    }

    /// The same with another nonce, as `nextnonce` gives one.
    pub(super) fn with_nonce(self, nonce: &str) -> Self {
        Self { nonce: nonce.to_owned(), ..self }
    }

    fn qop(offered: Option<&str>, wish: &Wish) -> Option<Qop> {
        let Some(offered) = offered else { return Some(Qop::None) };
        let offers = |name: &str| offered.split(',').any(|o| o.trim().eq_ignore_ascii_case(name));
        match wish.qop {
            Some(Qop::AuthInt) => offers("auth-int").then_some(Qop::AuthInt),
            Some(Qop::Auth) => offers("auth").then_some(Qop::Auth),
            // A list without anything known in it cannot be answered.
            Some(Qop::None) | None if offers("auth") => Some(Qop::Auth),
            Some(Qop::None) | None => offers("auth-int").then_some(Qop::AuthInt),
        }
    }
}

/// Who answers, with the password.
#[derive(Debug, Clone, Copy)]
pub(super) struct Person<'a> {
    pub(super) username: &'a str,
    pub(super) password: &'a str,
}

/// The request that is answered for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    /// The request target exactly as it is sent.
    pub(super) uri: &'a str,
    pub(super) body: &'a [u8],
}

/// A nonce of the server in use: each request in flight has one of its own.
#[derive(Debug, Clone)]
pub(in crate::auth) struct Lane {
    pub(super) terms: Terms,
    /// Our own nonce; one for the whole lane, as the `-sess` variants want it.
    pub(super) cnonce: String,
    /// How often the nonce was used.
    pub(super) count: u32,
}

impl Lane {
    pub(super) const fn new(terms: Terms, cnonce: String) -> Self {
        Self { terms, cnonce, count: 0 }
    }

    /// Gives the value of `Authorization` for the next request on this lane.
    pub(super) fn authorization(&mut self, who: Person<'_>, asked: Asked<'_>) -> String {
        self.count += 1;
        let terms = &self.terms;
        let mut out = String::from("Digest ");
        if terms.userhash {
            let hashed = terms.hash.hex(format!("{}:{}", who.username, terms.realm).as_bytes());
            let _ = write!(out, "username=\"{hashed}\"");
        } else if who.username.is_ascii() {
            let _ = write!(out, "username=\"{}\"", quoted(who.username));
        } else {
            // RFC 8187: what is not ASCII travels percent-encoded.
            let _ = write!(out, "username*=UTF-8''{}", extended(who.username));
        }
        let (realm, nonce) = (quoted(&terms.realm), quoted(&terms.nonce));
        let _ = write!(out, ", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{}\"", quoted(asked.uri));
        if let Some(algorithm) = &terms.algorithm {
            let _ = write!(out, ", algorithm={algorithm}");
        }
        let _ = write!(out, ", response=\"{}\"", self.response(who, asked.method, asked));
        if terms.qop != Qop::None {
            let _ = write!(out, ", qop={}, nc={:08x}, cnonce=\"{}\"", self.qop_word(), self.count, self.cnonce);
        } else if terms.session {
            let _ = write!(out, ", cnonce=\"{}\"", self.cnonce);
        }
        if let Some(opaque) = &terms.opaque {
            let _ = write!(out, ", opaque=\"{}\"", quoted(opaque));
        }
        if terms.userhash {
            out.push_str(", userhash=true");
        }
        out
    }

    const fn qop_word(&self) -> &'static str {
        match self.terms.qop {
            Qop::AuthInt => "auth-int",
            Qop::Auth | Qop::None => "auth",
        }
    }

    pub(super) fn response(&self, who: Person<'_>, method: &str, asked: Asked<'_>) -> String {
        let Terms { hash, realm, nonce, .. } = &self.terms;
        let mut secret = hash.hex(format!("{}:{realm}:{}", who.username, who.password).as_bytes());
        if self.terms.session {
            secret = hash.hex(format!("{secret}:{nonce}:{}", self.cnonce).as_bytes());
        }
        let request = match self.terms.qop {
            Qop::AuthInt => format!("{method}:{}:{}", asked.uri, hash.hex(asked.body)),
            Qop::Auth | Qop::None => format!("{method}:{}", asked.uri),
        };
        let request = hash.hex(request.as_bytes());
        let middle = match self.terms.qop {
            Qop::None => nonce.clone(),
            Qop::Auth | Qop::AuthInt => format!("{nonce}:{:08x}:{}:{}", self.count, self.cnonce, self.qop_word()),
        };
        hash.hex(format!("{secret}:{middle}:{request}").as_bytes())
    }
}

fn quoted(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"")
}

/// `ext-value` without its head (RFC 8187, section 3.2).
fn extended(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::challenge::parse_challenges;

    const MUFASA: Person<'_> = Person { username: "Mufasa", password: "Circle of Life" };
    const INDEX: Asked<'_> = Asked { method: "GET", uri: "/dir/index.html", body: b"" };

    fn terms(lines: &[&str], wish: &Wish) -> Option<Terms> {
        Terms::choose(&parse_challenges(lines.iter().map(|l| l.as_bytes())), wish)
    }

    fn answered(lines: &[&str], wish: &Wish, cnonce: &str, who: Person<'_>, asked: Asked<'_>) -> String {
        Lane::new(terms(lines, wish).unwrap(), cnonce.to_owned()).authorization(who, asked)
    }

    fn part<'a>(header: &'a str, name: &str) -> &'a str {
        let at = header.find(&format!(" {name}=")).unwrap() + name.len() + 2;
        header[at..].split(", ").next().unwrap().trim_matches('"')
    }

    /// RFC 7616, section 3.9.1.
    #[test]
    fn the_examples_of_the_rfc() {
        let challenge = |algorithm: &str| {
            format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            )
        };
        let (sha, md5) = (challenge("SHA-256"), challenge("MD5"));
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let both = [sha.as_str(), md5.as_str()];
        let first = answered(&both, &Wish::default(), cnonce, MUFASA, INDEX);
        assert_eq!(part(&first, "response"), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
        assert_eq!(
            first,
            "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", uri=\"/dir/index.html\", algorithm=SHA-256, \
             response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", qop=auth, nc=00000001, \
             cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", \
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        );
        let wish = Wish { algorithm: Some("MD5"), ..Wish::default() };
        let old = answered(&both, &wish, cnonce, MUFASA, INDEX);
        assert_eq!(part(&old, "response"), "8ca523f5e9506fed4657c9700eebdbec");
    }

    /// RFC 7616, section 3.9.2, whose numbers are SHA-512 cut short; and the same with SHA-512/256 proper.
    #[test]
    fn a_hashed_user_name_and_both_readings_of_sha_512_256() {
        let line = "Digest realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, \
                    nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", \
                    opaque=\"HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS\", charset=UTF-8, userhash=true";
        let who = Person { username: "J\u{e4}s\u{f8}n Doe", password: "Secret, or not?" };
        let asked = Asked { method: "GET", uri: "/doe.json", body: b"" };
        let cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v";
        let proper = answered(&[line], &Wish::default(), cnonce, who, asked);
        assert_eq!(part(&proper, "username"), "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b");
        assert_eq!(part(&proper, "response"), "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5");
        assert!(proper.ends_with(", userhash=true"));
        let wish = Wish { sha512: Some(Hash::Sha512Cut), ..Wish::default() };
        let cut = answered(&[line], &wish, cnonce, who, asked);
        assert!(part(&cut, "username").starts_with("488869477bf2"), "{cut}");
        assert!(part(&cut, "response") == "ae66e67d6b427bd3f120414a82e4acff38e8ecd9101d6c861229025f607a79dd", "{cut}");
    }

    /// RFC 2069 as corrected by its erratum, and the well-known example of RFC 2617, section 3.5.
    #[test]
    fn older_servers_are_answered_as_they_ask() {
        let lines = ["Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
                      nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""];
        let who = Person { username: "Mufasa", password: "Circle Of Life" };
        let header = answered(&lines, &Wish::default(), "0a4f113b", who, INDEX);
        assert_eq!(part(&header, "response"), "6629fae49393a05397450978507c4ef1");
        assert!(!header.contains("algorithm"), "what was not said is not echoed");
        let bare = answered(&["Digest realm=\"r\", nonce=\"n\""], &Wish::default(), "c", who, INDEX);
        assert!(!bare.contains("cnonce") && !bare.contains("nc="));
    }

    #[test]
    fn the_counter_grows_with_the_nonce_and_the_session_key_keeps_our_nonce() {
        let lines = ["Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=MD5-sess"];
        let mut lane = Lane::new(terms(&lines, &Wish::default()).unwrap(), "c".to_owned());
        let (first, second) = (lane.authorization(MUFASA, INDEX), lane.authorization(MUFASA, INDEX));
        assert_eq!((part(&first, "nc"), part(&second, "nc")), ("00000001", "00000002"));
        assert_eq!(part(&first, "cnonce"), part(&second, "cnonce"));
        assert_ne!(part(&first, "response"), part(&second, "response"));
        let key = Hash::Md5.hex(b"Mufasa:r:Circle of Life");
        let key = Hash::Md5.hex(format!("{key}:n:c").as_bytes());
        let request = Hash::Md5.hex(b"GET:/dir/index.html");
        assert_eq!(part(&first, "response"), Hash::Md5.hex(format!("{key}:n:00000001:c:auth:{request}").as_bytes()));
    }

    #[test]
    fn only_what_can_be_answered_is_chosen() {
        let known = "Digest realm=\"r\", nonce=\"n\", algorithm=MD5, qop=\"auth\"";
        let unknown = "Digest realm=\"r\", nonce=\"m\", algorithm=SHA-3, qop=\"auth\"";
        assert_eq!(terms(&[unknown, "Basic realm=\"r\"", known], &Wish::default()).unwrap().nonce, "n");
        assert_eq!(terms(&[unknown], &Wish::default()), None);
        assert_eq!(terms(&["Digest realm=\"r\", nonce=\"n\", qop=\"x\""], &Wish::default()), None);
        assert_eq!(terms(&["Digest realm=\"r\""], &Wish::default()), None);
        let int = Wish { qop: Some(Qop::AuthInt), ..Wish::default() };
        assert_eq!(terms(&[known], &int), None, "what was wished for is not offered");
    }

    #[test]
    fn a_nonce_is_good_where_its_domain_says() {
        let of = |domain: &str| {
            let line = format!("Digest realm=\"r\", nonce=\"n\", domain=\"{domain}\"");
            terms(&[&line], &Wish::default()).unwrap()
        };
        let covers = |domain: &str, target: &str| of(domain).covers("http://h", target);
        assert!(covers("/a/ http://h/b/", "/a/x") && covers("/a/ http://h/b/", "/b/y"));
        assert!(!covers("/a/", "/c") && !covers("http://other/a/", "/a/x"));
        assert!(terms(&["Digest realm=\"r\", nonce=\"n\""], &Wish::default()).unwrap().covers("http://h", "/x"));
    }

    #[test]
    fn the_body_counts_with_auth_int_alone() {
        let header = |qop: &str, body: &'static [u8]| {
            let line = format!("Digest realm=\"r\", nonce=\"n\", qop=\"{qop}\"");
            let asked = Asked { body, ..INDEX };
            part(&answered(&[&line], &Wish::default(), "c", MUFASA, asked), "response").to_owned()
        };
        assert_eq!(header("auth", b"a"), header("auth", b"b"));
        assert_ne!(header("auth-int", b"a"), header("auth-int", b"b"));
    }

    #[test]
    fn names_and_realms_are_quoted_and_echoed() {
        let line = r#"Digest realm="a \"b\" c", nonce="n\\", qop="auth""#;
        let who = Person { username: "J\u{e4}s\u{f8}n", password: "p" };
        let header = answered(&[line], &Wish::default(), "c", who, INDEX);
        assert!(header.contains(r#"realm="a \"b\" c""#) && header.contains(r#"nonce="n\\""#), "{header}");
        assert!(header.contains("username*=UTF-8''J%C3%A4s%C3%B8n"), "{header}");
    }
}
