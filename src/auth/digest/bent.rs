//! Terms with one thing other than the server named it, for answers that have to be refused.

use super::answer::{Hash, Qop, Terms};
use crate::http::challenge::Challenge;
use crate::mutate::{Bend, Unfit};

impl Terms {
    /// The terms of a challenge with a defect; `asked` is all that the server offered beside it.
    pub(super) fn bent(self, bend: Bend, asked: &[Challenge]) -> Result<Self, Unfit> {
        Ok(match bend {
            // The target is no term of the server's.
            Bend::Nothing | Bend::Uri => self,
            Bend::Unasked => Self { nonce: other(&self.nonce), ..self },
            Bend::Realm => Self { realm: format!("{} of somebody else", self.realm), ..self },
            Bend::Qop if self.qop == Qop::None => return Err(Unfit::not_here("the server asks for no `qop`")),
            Bend::Qop => Self { qop: Qop::None, ..self },
            Bend::Algorithm if asked.iter().any(is_md5) => return Err(Unfit::not_here("the server itself offers MD5")),
            Bend::Algorithm => Self { algorithm: Some("MD5".to_owned()), hash: Hash::Md5, session: false, ..self },
            _ => return Err(Unfit::not_here("an answer to a challenge has nothing of the kind")),
        })
    }
}

/// A challenge that names no algorithm means MD5 (RFC 7616, section 3.3).
fn is_md5(challenge: &Challenge) -> bool {
    let named = challenge.param("algorithm").unwrap_or("MD5").trim().to_ascii_lowercase();
    challenge.is("digest") && named.trim_end_matches("-sess") == "md5"
}

/// A nonce of the same looks: one digit in its middle is another. Servers that can tell their own from their looks look
/// at all of it.
fn other(nonce: &str) -> String {
    let middle = nonce.chars().count() / 2;
    let swap = |(at, own): (usize, char)| match own {
        _ if at != middle => own,
        '0' => '1',
        _ => '0',
    };
    if nonce.is_empty() { "0".to_owned() } else { nonce.chars().enumerate().map(swap).collect() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Digest, Wish, challenges};
    use super::*;
    use crate::auth::{Memory, Scheme, Seal};
    use crate::http::{Address, Headers, Request, Response};
    use crate::template::Scope;

    fn answer(challenge: &str, bend: Bend) -> Result<String, Unfit> {
        let fields: [(Arc<str>, String); 2] =
            [("username".into(), "Mufasa".into()), ("password".into(), "Circle of Life".into())];
        let (scope, memory) = (Scope::default(), Memory::default());
        let seal = Seal { scope: &scope, identity: &fields, memory: &memory, now: jiff::Timestamp::UNIX_EPOCH };
        let mut headers = Headers::default();
        headers.add("www-authenticate", challenge.to_owned());
        let question = Response { status: 401, version: "HTTP/1.1", headers, body: bytes::Bytes::new() };
        let address = Address::parse("http://h/dir/index.html").unwrap();
        let mut request =
            Request { method: "GET".into(), address, headers: Headers::default(), body: bytes::Bytes::new() };
        let scheme = Digest { wish: Wish::default() };
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        scheme.answer(&seal, &question, bend, cnonce, &mut request)?;
        assert!(challenges(&question).len() == 1);
        Ok(request.headers.text("authorization").unwrap())
    }

    fn part<'a>(header: &'a str, name: &str) -> &'a str {
        let at = header.find(&format!("{name}=")).unwrap() + name.len() + 1;
        header[at..].split(", ").next().unwrap().trim_matches('"')
    }

    fn asked(algorithm: &str, realm: &str, nonce: &str) -> String {
        format!("Digest realm=\"{realm}\", qop=\"auth\", algorithm={algorithm}, nonce=\"{nonce}\", opaque=\"o\"")
    }

    const NONCE: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    const REALM: &str = "http-auth@example.org";

    /// RFC 7616, section 3.9.1: without a defect the answer is that of the example, so that with one all else is right.
    #[test]
    fn without_a_defect_it_is_the_example_of_the_rfc() {
        let good = answer(&asked("SHA-256", REALM, NONCE), Bend::Nothing).unwrap();
        assert_eq!(part(&good, "response"), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
        let old = answer(&asked("MD5", REALM, NONCE), Bend::Nothing).unwrap();
        assert_eq!(part(&old, "response"), "8ca523f5e9506fed4657c9700eebdbec");
    }

    /// What is other is said, and the hash is right for what is said: the same as for a server that asked so.
    #[test]
    fn each_defect_is_hashed_as_if_it_had_been_asked_for() {
        let question = asked("SHA-256", REALM, NONCE);
        let bent = |bend: Bend| answer(&question, bend).unwrap();
        let strange = "7ypf/xlj9XXwfDPEoM4URr0/xwf94BcCAzFZH4GiTo0v";
        assert_eq!(bent(Bend::Unasked), answer(&asked("SHA-256", REALM, strange), Bend::Nothing).unwrap());
        let realm = format!("{REALM} of somebody else");
        assert_eq!(bent(Bend::Realm), answer(&asked("SHA-256", &realm, NONCE), Bend::Nothing).unwrap());
        assert_eq!(bent(Bend::Algorithm), answer(&asked("MD5", REALM, NONCE), Bend::Nothing).unwrap());
        let bare = question.replace("qop=\"auth\", ", "");
        assert_eq!(bent(Bend::Qop), answer(&bare, Bend::Nothing).unwrap());
        let elsewhere = bent(Bend::Uri);
        assert_eq!(part(&elsewhere, " uri"), "/authspec-other-path");
        assert_ne!(part(&elsewhere, "response"), part(&bent(Bend::Nothing), "response"));
    }

    #[test]
    fn what_is_not_asked_for_cannot_be_weakened() {
        assert!(answer(&asked("MD5", REALM, NONCE), Bend::Algorithm).is_err());
        assert!(answer(&asked("MD5-sess", REALM, NONCE), Bend::Algorithm).is_err());
        assert!(answer(&format!("Digest realm=\"r\", nonce=\"{NONCE}\""), Bend::Qop).is_err());
        assert!(answer("Basic realm=\"r\"", Bend::Nothing).is_err());
        assert!(answer(&asked("SHA-256", REALM, NONCE), Bend::Day).is_err());
    }
}
