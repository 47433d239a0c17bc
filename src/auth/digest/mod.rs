//! HTTP Digest (RFC 7616): the server asks with a nonce, and the password itself never travels.
//!
//! Each request in flight has a nonce lane of its own, so that counters never cross; lanes that are
//! free are used again, which saves the question.

use std::sync::PoisonError;

use super::{After, AtOnce, Flow, Handshake, Memory, ReadScheme, Scheme, SchemeKind, Seal, fields, troubles};
use crate::http::challenge::{Challenge, parse_challenges};
use crate::http::{Request, Response};
use crate::mutate::{Bend, Unfit};
use crate::spec::{Fields, Node, Shape, key};
use crate::template::TemplateError;
use crate::term::list;

mod answer;
mod back;
mod bent;

pub(in crate::auth) use answer::Lane;
use answer::{ALGORITHMS, Asked, Hash, Person, Qop, Terms, Wish};

pub(super) const KIND: SchemeKind = SchemeKind {
    name: "digest",
    about: "user and password, proven by hashes of the server's nonce (RFC 7616)",
    keys: &[
        key(
            "algorithm",
            "answer only challenges with this one: `MD5`, `SHA-256`, `SHA-512-256`, each also with `-sess`; the first that is known by default",
        )
        .is(Shape::Words(&["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"])).usually("the first of the server's that is known"),
        key("qop", "`auth` or `auth-int`, which covers the body too; what the server offers by default")
            .is(Shape::Words(&["auth", "auth-int"])).usually("what the server offers, `auth` before `auth-int`"),
        key("sha-512-256", "`truncated` for servers that cut SHA-512 instead of hashing with SHA-512/256")
            .is(Shape::Words(&["truncated"])).usually("SHA-512/256"),
    ],
    needs: &["username", "password"],
    logs_in: false,
    look: fields::anything,
    example: include_str!("../examples/digest.yaml"),
    troubles: troubles::DIGEST,
    read,
};

#[derive(Debug)]
struct Digest {
    wish: Wish,
}

fn read(fields: Fields<'_>, _: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Box<dyn Scheme>> {
    let reader = &mut *cx.compile.reader;
    let algorithm = fields.get("algorithm").and_then(|n| reader.one_of(n, "an algorithm of Digest", ALGORITHMS));
    let qop = fields
        .get("qop")
        .and_then(|n| reader.one_of(n, "a quality of protection", &[("auth", Qop::Auth), ("auth-int", Qop::AuthInt)]));
    let sha512 = fields
        .get("sha-512-256")
        .and_then(|n| reader.one_of(n, "a reading of SHA-512/256", &[("truncated", Hash::Sha512Cut)]));
    Some(Box::new(Digest { wish: Wish { algorithm, qop, sha512 } }))
}

impl Scheme for Digest {
    fn begin(&self) -> Box<dyn Flow> {
        Box::new(AtOnce)
    }

    fn sign(&self, _: &Seal<'_>, _: &mut Request) -> Result<(), TemplateError> {
        // Without a challenge there is nothing to answer; see `handshake`.
        Ok(())
    }

    fn handshake(&self) -> Option<Box<dyn Handshake + '_>> {
        Some(Box::new(Talk { wish: &self.wish, lane: None, kept: false }))
    }

    fn answer(
        &self,
        seal: &Seal<'_>,
        question: &Response,
        bend: Bend,
        cnonce: &str,
        request: &mut Request,
    ) -> Result<(), Unfit> {
        if request.headers.has("authorization") {
            return Err(Unfit::not_here("the step answers itself"));
        }
        let asked = challenges(question);
        let terms = Terms::choose(&asked, &self.wish).filter(|_| question.status == 401);
        let terms = terms.ok_or_else(|| Unfit::not_here("the server asks no question of Digest"))?;
        let elsewhere = bend == Bend::Uri;
        let mut lane = Lane::new(terms.bent(bend, &asked)?, cnonce.to_owned());
        let uri = if elsewhere { "/authspec-other-path" } else { request.address.target() };
        let value = lane.authorization(person(seal), Asked { method: &request.method, uri, body: &request.body });
        request.headers.set("authorization", value);
        Ok(())
    }

    fn fields(&self) -> Vec<String> {
        vec!["authorization".to_owned()]
    }
}

/// One request and the answer to its challenge.
struct Talk<'a> {
    wish: &'a Wish,
    lane: Option<Lane>,
    /// The lane was not asked for by this request's own answer.
    kept: bool,
}

impl Memory {
    fn lease(&self, base: &str, target: &str) -> Option<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let free = lanes.get_mut(base)?;
        let fits = free.iter().rposition(|lane| lane.terms.covers(base, target))?;
        Some(free.swap_remove(fits))
    }

    fn give_back(&self, base: String, lane: Lane) {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).entry(base).or_default().push(lane);
    }
}

fn person<'a>(seal: &'a Seal<'_>) -> Person<'a> {
    Person { username: seal.field("username"), password: seal.field("password") }
}

impl Handshake for Talk<'_> {
    fn sign(&mut self, seal: &Seal<'_>, request: &mut Request) -> Result<(), TemplateError> {
        if self.lane.is_none() {
            self.lane = seal.memory.lease(request.address.base(), request.address.target());
            self.kept = self.lane.is_some();
        }
        if let Some(lane) = &mut self.lane {
            let asked = Asked { method: &request.method, uri: request.address.target(), body: &request.body };
            let value = lane.authorization(person(seal), asked);
            request.headers.set("authorization", value);
        }
        Ok(())
    }

    fn after(&mut self, seal: &Seal<'_>, request: &Request, response: &Response) -> After {
        let answered = self.lane.take();
        if response.status == 401 {
            let terms = Terms::choose(&challenges(response), self.wish);
            return match (terms, answered) {
                (Some(terms), None) => self.again(terms, "sent again with the answer to the server's Digest challenge"),
                // A nonce that was kept may be too old or another area's; that says nothing of the password.
                (Some(terms), Some(lane)) if (terms.stale || self.kept) && terms.nonce != lane.terms.nonce => {
                    self.again(terms, "sent again with a new nonce: the server does not take the one that was kept")
                }
                (Some(_), Some(_)) => After::Done(None),
                (None, _) => After::Done(unmet(self.wish, &challenges(response))),
            };
        }
        let Some(mut lane) = answered else { return After::Done(None) };
        let mut unproven = None;
        if let Some(info) = info(response) {
            if lane.is_disproven(&info, person(seal), request.address.target(), response) {
                let why = "the server's proof that it knows the password is wrong: `rspauth` in `Authentication-Info`";
                unproven = Some(why.to_owned());
            }
            if let Some(next) = info.param("nextnonce") {
                lane = Lane::new(lane.terms.with_nonce(next), nonce());
            }
        }
        seal.memory.give_back(request.address.base().to_owned(), lane);
        unproven.map_or(After::Done(None), After::Unproven)
    }
}

impl Talk<'_> {
    fn again(&mut self, terms: Terms, why: &str) -> After {
        self.lane = Some(Lane::new(terms, nonce()));
        self.kept = false;
        After::Again(why.to_owned())
    }
}

/// Why none of the server's Digest challenges is answered; none when there is none.
fn unmet(wish: &Wish, challenges: &[Challenge]) -> Option<String> {
    let mut asked = challenges.iter().filter(|challenge| challenge.is("digest"));
    let offered: Vec<String> = asked.clone().map(Challenge::offer).collect();
    let qop = match wish.qop {
        Some(Qop::Auth) => Some("`qop: auth`".to_owned()),
        Some(Qop::AuthInt) => Some("`qop: auth-int`".to_owned()),
        Some(Qop::None) | None => None,
    };
    let wanted: Vec<String> =
        wish.algorithm.map(|only| format!("`algorithm: {only}`")).into_iter().chain(qop).collect();
    let offers = (!offered.is_empty()).then(|| list(&offered, "and"))?;
    // Without them there is nothing to answer, whatever else is offered.
    let what = if asked.all(Challenge::is_short) {
        "which nobody can answer".to_owned()
    } else if wanted.is_empty() {
        "which is not known here".to_owned()
    } else {
        format!("and the scheme says {}", list(&wanted, "and"))
    };
    Some(format!("the server's Digest challenge was not answered: it offers {offers}, {what}"))
}

fn challenges(response: &Response) -> Vec<Challenge> {
    parse_challenges(response.headers.all("www-authenticate").map(|v| &v[..]))
}

/// `Authentication-Info` has the parameters of a challenge without its scheme (RFC 7616, section 3.5).
fn info(response: &Response) -> Option<Challenge> {
    let line = response.headers.text("authentication-info")?;
    parse_challenges([format!("Digest {line}").as_bytes()]).into_iter().next()
}

/// 128 random bits (RFC 7616, section 3.4: `cnonce`).
fn nonce() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::http::{Address, Headers};
    use crate::template::Scope;

    fn request() -> Request {
        let address = Address::parse("http://h/report?x=1").unwrap();
        Request { method: "GET".into(), address, headers: Headers::default(), body: bytes::Bytes::new() }
    }

    fn response(status: u16, fields: &[(&str, &str)]) -> Response {
        let mut headers = Headers::default();
        fields.iter().for_each(|(n, v)| headers.add(*n, v.to_string()));
        Response { status, version: "HTTP/1.1", headers, body: bytes::Bytes::new() }
    }

    fn with<T>(run: impl FnOnce(&Digest, &Seal<'_>) -> T) -> T {
        let fields: Vec<(Arc<str>, String)> =
            vec![("username".into(), "ann".into()), ("password".into(), "secret".into())];
        let scope = Scope::default();
        let digest = Digest { wish: Wish::default() };
        run(
            &digest,
            &Seal { scope: &scope, identity: &fields, memory: &Memory::default(), now: jiff::Timestamp::UNIX_EPOCH },
        )
    }

    fn sent(talk: &mut dyn Handshake, seal: &Seal<'_>) -> Option<String> {
        let mut request = request();
        talk.sign(seal, &mut request).unwrap();
        request.headers.text("authorization")
    }

    const CHALLENGE: (&str, &str) = ("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n1\", qop=\"auth\"");
    const STALE: (&str, &str) = ("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n2\", qop=\"auth\", stale=true");

    #[test]
    fn a_challenge_is_answered_once_and_its_nonce_used_again() {
        with(|digest, seal| {
            let mut talk = digest.handshake().unwrap();
            assert_eq!(sent(talk.as_mut(), seal), None, "nothing is sent unasked");
            assert!(matches!(talk.after(seal, &request(), &response(401, &[CHALLENGE])), After::Again(_)));
            assert!(sent(talk.as_mut(), seal).unwrap().contains("nc=00000001"));
            assert_eq!(talk.after(seal, &request(), &response(200, &[])), After::Done(None));
            let mut next = digest.handshake().unwrap();
            assert!(sent(next.as_mut(), seal).unwrap().contains("nc=00000002"));
            let mut other = digest.handshake().unwrap();
            assert_eq!(sent(other.as_mut(), seal), None, "the lane is taken while the request is in flight");
        });
    }

    #[test]
    fn a_refused_answer_is_the_answer_unless_the_nonce_was_stale() {
        with(|digest, seal| {
            let mut talk = digest.handshake().unwrap();
            talk.after(seal, &request(), &response(401, &[CHALLENGE]));
            sent(talk.as_mut(), seal);
            assert_eq!(talk.after(seal, &request(), &response(401, &[CHALLENGE])), After::Done(None));
            let mut talk = digest.handshake().unwrap();
            talk.after(seal, &request(), &response(401, &[CHALLENGE]));
            sent(talk.as_mut(), seal);
            assert!(matches!(talk.after(seal, &request(), &response(401, &[STALE])), After::Again(_)));
            assert!(sent(talk.as_mut(), seal).unwrap().contains("nonce=\"n2\""));
            assert_eq!(talk.after(seal, &request(), &response(401, &[STALE])), After::Done(None), "the same nonce");
        });
    }

    #[test]
    fn a_challenge_that_is_not_answered_is_told_with_what_was_offered() {
        let told = |wish: Wish, challenge: &str| {
            let field = ("WWW-Authenticate", challenge);
            unmet(&wish, &challenges(&response(401, &[field]))).unwrap_or_default()
        };
        let only = |algorithm| Wish { algorithm: Some(algorithm), ..Wish::default() };
        let md5 = "Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=MD5";
        assert_eq!(
            told(only("SHA-256"), md5),
            "the server's Digest challenge was not answered: it offers `MD5` with `qop=auth`, and the scheme says `algorithm: SHA-256`"
        );
        let unknown = "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-3";
        assert!(told(Wish::default(), unknown).contains("it offers `SHA-3`, which is not known here"));
        assert!(told(Wish { qop: Some(Qop::AuthInt), ..Wish::default() }, md5).contains("`qop: auth-int`"));
        assert_eq!(told(Wish::default(), "Basic realm=\"r\""), "", "it did not ask by Digest");
        assert_eq!(
            told(only("SHA-256"), "Digest realm=\"r\", qop=\"auth\""),
            "the server's Digest challenge was not answered: it offers `MD5` with `qop=auth` and without a `nonce`, which nobody can answer"
        );
        let wish = only("SHA-256");
        let mut talk = Talk { wish: &wish, lane: None, kept: false };
        let after = with(|_, seal| talk.after(seal, &request(), &response(401, &[CHALLENGE])));
        assert!(matches!(after, After::Done(Some(_))), "{after:?}");
    }

    #[test]
    fn the_next_nonce_is_taken_and_a_wrong_rspauth_told() {
        with(|digest, seal| {
            let mut talk = digest.handshake().unwrap();
            talk.after(seal, &request(), &response(401, &[CHALLENGE]));
            sent(talk.as_mut(), seal);
            let info = ("Authentication-Info", "rspauth=\"0123\", nextnonce=\"n9\"");
            let After::Unproven(why) = talk.after(seal, &request(), &response(200, &[info])) else { panic!() };
            assert!(why.contains("rspauth"));
            let mut next = digest.handshake().unwrap();
            let header = sent(next.as_mut(), seal).unwrap();
            assert!(header.contains("nonce=\"n9\"") && header.contains("nc=00000001"), "{header}");
        });
    }
}
