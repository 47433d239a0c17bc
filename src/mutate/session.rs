//! Session cookies: what is left of one, and the id in places where it does not belong.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::forged::{Forged, Unfit};
use super::presented::{Presented, retarget};
use super::{Challenge, Expect, Family, Mutation, Severity};
use crate::http::Request;

/// Mutations of session cookies.
pub(super) const FAMILY: Family = Family { name: "session", title: "Session cookies", rows: ROWS };

/// A 401, or the way to the login page, as applications for browsers refuse.
const REFUSED: Expect = Expect::Refused(&[401, 302, 303, 307], Challenge::Any);

const BASE: Mutation = Mutation { severity: Severity::Critical, expect: REFUSED, ..super::BASE };

const UNKNOWN: &str = "An id that was never given out is let in: the session is not looked up by the whole of it. Look ids up exactly, on the server, and take none that is not known.";
const ADDRESS: &str = "Addresses end in logs, histories and referrers, and can be sent to a victim with an id that the sender knows. Take the session from the cookie alone, and switch the framework's rewriting of URLs off.";

const ROWS: &[Mutation] = &[
    Mutation {
        id: "sess-none",
        about: "the request without any cookie of its session",
        explain: "The page is open to anybody. Put the check in front of it, best as a default that routes opt out of.",
        refs: &["ASVS 7.2.1", "WSTG-SESS-01", "CWE-306"],
        apply: |p, _| {
            p.cookie()?;
            Ok(Forged::new(p.bare()?, "the cookies of the session are left out"))
        },
        ..BASE
    },
    Mutation {
        id: "sess-garbage",
        about: "a word in place of the session id",
        explain: UNKNOWN,
        refs: &["ASVS 7.2.1", "WSTG-SESS-01", "CWE-287"],
        apply: |p, _| cookie(p, |_| Some("abc".to_owned()), "the session id is `abc`"),
        ..BASE
    },
    Mutation {
        id: "sess-truncated",
        about: "the session id without its last characters",
        explain: UNKNOWN,
        refs: &["ASVS 7.2.1", "WSTG-SESS-01", "CWE-287"],
        apply: |p, _| cookie(p, truncated, "the last characters of the session id are gone"),
        ..BASE
    },
    Mutation {
        id: "sess-bitflip",
        about: "the session id with another character in its middle",
        explain: UNKNOWN,
        refs: &["ASVS 7.2.1", "WSTG-SESS-01", "CWE-287"],
        apply: |p, _| cookie(p, flipped, "one character of the session id is another"),
        ..BASE
    },
    Mutation {
        id: "sess-param",
        about: "the session id as a query parameter of the cookie's name, without the cookie",
        explain: ADDRESS,
        refs: &["WSTG-SESS-04", "ASVS 14.2.1", "CWE-598"],
        severity: Severity::Medium,
        apply: |p, _| {
            let (name, id) = p.cookie()?;
            let (mut request, address) = (p.bare()?, &p.request.address);
            let before = if address.query().is_empty() { String::new() } else { format!("{}&", address.query()) };
            retarget(&mut request, &format!("{}?{before}{name}={}", address.path(), in_address(id)))?;
            Ok(Forged::new(request, "the session id stands in the query"))
        },
        ..BASE
    },
    Mutation {
        id: "sess-in-url",
        about: "the session id as a path parameter, `;jsessionid=` or the cookie's name, without the cookie",
        explain: ADDRESS,
        refs: &["ASVS 14.2.1", "WSTG-SESS-04", "CWE-598"],
        severity: Severity::Medium,
        expect: Expect::Refused(&[401, 302, 303, 307, 404, 400], Challenge::Any),
        apply: |p, _| {
            let (_, id) = p.cookie()?;
            Ok(Forged::new(in_path(p, id)?, "the session id stands in the path"))
        },
        ..BASE
    },
];

/// What is encoded of an id in an address: escapes in it are those of its server, which reads both alike.
const IN_ADDRESS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'%')
    .remove(b'!')
    .remove(b'*')
    .remove(b'(')
    .remove(b')')
    .remove(b':')
    .remove(b'@')
    .remove(b',')
    .remove(b'/')
    .remove(b'=');

/// A cookie's value as it stands in an address.
fn in_address(id: &str) -> String {
    utf8_percent_encode(id, IN_ADDRESS).to_string()
}

/// The request with the id of a session in its path, as servlet containers write it.
fn in_path(p: &Presented<'_>, id: &str) -> Result<Request, Unfit> {
    let (name, _) = p.cookie()?;
    let name = if name.eq_ignore_ascii_case("jsessionid") { "jsessionid" } else { name };
    let mut request = p.bare()?;
    let query = match p.request.address.query() {
        "" => String::new(),
        query => format!("?{query}"),
    };
    retarget(&mut request, &format!("{};{name}={}{query}", p.request.address.path(), in_address(id)))?;
    Ok(request)
}

/// The request with another value of the session cookie.
fn cookie(p: &Presented<'_>, other: fn(&str) -> Option<String>, change: &str) -> Result<Forged, Unfit> {
    let (_, id) = p.cookie()?;
    let other = other(id).filter(|other| other != id);
    let other = other.ok_or_else(|| Unfit::not_here("the session id is too short to be changed"))?;
    Ok(Forged::new(p.with_token(&other)?, change))
}

/// A value without its last ten characters, or without half of them.
fn truncated(id: &str) -> Option<String> {
    let keep = if id.len() > 20 { id.len() - 10 } else { id.len() / 2 };
    id.get(..keep).filter(|rest| !rest.is_empty()).map(ToOwned::to_owned)
}

/// A value with another character of the same kind, the nearest to its middle that is no part of an escape: whatever
/// alphabet the id is written in, and whatever bits its last character wastes, it is another id.
pub(super) fn flipped(value: &str) -> Option<String> {
    let mut bytes = value.as_bytes().to_vec();
    let middle = bytes.len() / 2;
    let escaped = |at: usize| (1..=2).any(|back| at >= back && bytes[at - back] == b'%');
    let fits = |at: &usize| bytes.get(*at).is_some_and(u8::is_ascii_alphanumeric) && !escaped(*at);
    let at = (0..=middle).flat_map(|off| [middle + off, middle - off]).find(fits)?;
    bytes[at] = match bytes[at] {
        digit @ b'0'..=b'9' => (digit - b'0' + 5) % 10 + b'0',
        hex @ b'a'..=b'f' => (hex - b'a' + 3) % 6 + b'a',
        hex @ b'A'..=b'F' => (hex - b'A' + 3) % 6 + b'A',
        letter @ b'g'..=b'z' => (letter - b'g' + 10) % 20 + b'g',
        letter => (letter - b'G' + 10) % 20 + b'G',
    };
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{get, kit};
    use super::super::{Forged, Unfit, mutation};
    use super::{FAMILY, Presented, flipped, truncated};

    fn forge(id: &str, target: &str, cookies: &str) -> Result<Forged, Unfit> {
        let request = get(target, &[("cookie", cookies), ("accept", "*/*")]);
        let names = ["sid".to_owned(), "JSESSIONID".to_owned(), "csrftoken".to_owned()];
        (mutation(id).unwrap().apply)(&Presented::new(&request, &[], &[], &names), &kit())
    }

    fn sent(id: &str, cookies: &str) -> (String, Option<String>) {
        let request = forge(id, "/me?a=1", cookies).unwrap().request;
        (request.address.target().to_owned(), request.headers.text("cookie"))
    }

    #[test]
    fn each_row_changes_the_session_cookie_alone() {
        let jar = "csrftoken=c-1; sid=a1b2c3; theme=dark";
        let at_home = |cookies: &str| ("/me?a=1".to_owned(), Some(cookies.to_owned()));
        assert_eq!(sent("sess-none", jar), at_home("theme=dark"));
        assert_eq!(sent("sess-garbage", jar), at_home("csrftoken=c-1; sid=abc; theme=dark"));
        assert_eq!(sent("sess-truncated", jar), at_home("csrftoken=c-1; sid=a1b; theme=dark"));
        assert_eq!(sent("sess-bitflip", jar), at_home("csrftoken=c-1; sid=a1b7c3; theme=dark"));
        assert_eq!(sent("sess-param", "sid=a1b2c3"), ("/me?a=1&sid=a1b2c3".to_owned(), None));
        let escaped = ("/me?a=1&sid=s%3Aa%2Bb==".to_owned(), None);
        assert_eq!(sent("sess-param", "sid=s%3Aa+b=="), escaped, "its own escapes stay");
        assert_eq!(sent("sess-in-url", "sid=a1b2c3"), ("/me;sid=a1b2c3?a=1".to_owned(), None));
        assert_eq!(sent("sess-in-url", "JSESSIONID=A1.node0"), ("/me;jsessionid=A1.node0?a=1".to_owned(), None));
    }

    #[test]
    fn an_id_is_cut_and_changed_whatever_it_is_written_in() {
        assert_eq!(truncated("s%3AabcdefghijklmnopqrstuvwxyzABC").unwrap(), "s%3Aabcdefghijklmnopqrs");
        assert_eq!((truncated("ab").unwrap(), truncated("a")), ("a".to_owned(), None));
        for id in ["0", "zZ", "s%3Aab", "%3A%3A9", "a-b", "9f86d081-884c-7d65", "Zm9vYmFyLWJhei1xdXV4Cg=="] {
            let other = flipped(id).unwrap();
            let differ: Vec<_> = id.bytes().zip(other.bytes()).filter(|(a, b)| a != b).collect();
            assert_eq!((other.len(), differ.len()), (id.len(), 1), "{id}: {other}");
            let (was, is) = differ[0];
            assert!(!was.eq_ignore_ascii_case(&is) && was.is_ascii_digit() == is.is_ascii_digit(), "{id}: {other}");
        }
        assert!(flipped("%3A").is_none() && flipped("--").is_none() && flipped("").is_none());
    }

    #[test]
    fn what_is_no_cookie_is_no_session_cookie() {
        let request = get("/me", &[("authorization", "Bearer a1b2c3"), ("cookie", "theme=dark")]);
        let presented = Presented::new(&request, &[], &[], &[]);
        for row in FAMILY.rows {
            assert!(matches!((row.apply)(&presented, &kit()), Err(Unfit::NotApplicable(_))), "{}", row.id);
        }
    }
}
