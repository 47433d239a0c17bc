//! What a server says back to show that it knows the password, too (RFC 7616, section 3.5).

use super::answer::{Asked, Lane, Person, Qop, Terms};
use crate::http::Response;
use crate::http::challenge::Challenge;

impl Lane {
    /// Tells whether the `rspauth` of an answer is wrong. It is a hash as that of the request, without the method, and with
    /// `auth-int` of the answer's body. A server should go by the quality of the request, and says so where it goes by
    /// another one. Of a body that came packed only the unpacked one is at hand, so that nothing is said of it.
    pub(super) fn is_disproven(&self, info: &Challenge, who: Person<'_>, uri: &str, answer: &Response) -> bool {
        let Some(said) = info.param("rspauth") else { return false };
        let qop = match info.param("qop") {
            Some(word) if self.terms.qop != Qop::None && word.eq_ignore_ascii_case("auth-int") => Qop::AuthInt,
            Some(word) if self.terms.qop != Qop::None && word.eq_ignore_ascii_case("auth") => Qop::Auth,
            _ => self.terms.qop,
        };
        if qop == Qop::AuthInt && answer.headers.has("content-encoding") {
            return false;
        }
        let terms = Terms { qop, ..self.terms.clone() };
        let back = Self { terms, cnonce: self.cnonce.clone(), count: self.count };
        let due = back.response(who, "", Asked { method: "", uri, body: &answer.body });
        !said.eq_ignore_ascii_case(&due)
    }
}
