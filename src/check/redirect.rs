//! `redirect`: where the answer that is judged points to.

use crate::http::{Address, is_redirect};
use crate::spec::{Data, Def, Key, Node, Reader, Shape, key};
use crate::template::Template;

use super::operand::{Moment, Why, describe_operand, text_of};
use super::operator::{Expectation, Fit};
use super::value::{Actual, Kind, describe_text};
use super::{Check, Checked, Placed, Seen, StatusSet, status};

/// The keys of `redirect`.
pub(super) const KEYS: &[Key] = &[
    key("to", "path and query on the same origin, an absolute URL, or operators for either")
        .is(Shape::Either(&[Shape::Text, Shape::The(Def::Operators)])),
    key("status", "the status of the redirect, such as 303").is(Shape::STATUS),
];

#[derive(Debug)]
enum Redirect {
    /// Exactly this address, or with any query where it has none.
    To(Template, Query),
    /// An address for which operators hold.
    ToLike(Expectation),
    /// A redirect with such a status.
    Status(StatusSet),
}

/// What the query of an address may be that is written without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Query {
    None,
    Any,
}

/// Reads the row `redirect`.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    let Some(fields) = reader.fields(node, KEYS, "`redirect`") else { return };
    if let Some(to) = fields.get("to") {
        let by_operators = matches!(to.data, Data::Map(_));
        let check = if by_operators {
            Expectation::read(to, Kind::Lines, reader).map(Redirect::ToLike)
        } else {
            reader.word(to).and_then(|_| reader.template(to)).map(|to| Redirect::To(to, Query::None))
        };
        out.extend(check.map(|check| placed(check, to)));
    }
    if let Some(node) = fields.get("status") {
        out.extend(status::read_set(node, reader).map(|set| placed(Redirect::Status(set), node)));
    }
}

fn placed(check: Redirect, node: &Node) -> Placed {
    Placed { check: Box::new(check), span: node.span, subject: "redirect".to_owned() }
}

/// Where an answer points to, resolved against the address that answered.
struct Target {
    absolute: String,
    /// Path and query; only on the origin that answered, or a path would stand for any host's.
    local: Option<String>,
    /// With its `#`; empty when there is none.
    fragment: String,
}

impl Target {
    fn of(seen: &Seen<'_>) -> Result<Self, String> {
        let status = seen.response.status;
        if !is_redirect(status) {
            return Err(format!("status {status}, no redirect"));
        }
        let location = seen.response.headers.text("location").ok_or(format!("status {status} without a `Location`"))?;
        let from = seen.trail.hops.last().map(|hop| &hop.request.address);
        let to = from.and_then(|from| from.join(&location).ok().map(|to| (from, to)));
        let (from, to) =
            to.ok_or_else(|| format!("a `Location` that is no http address: {}", describe_text(&location)))?;
        let local = (to.origin() == from.origin()).then(|| to.target().to_owned());
        let fragment = location.find('#').map_or("", |at| &location[at..]).to_owned();
        Ok(Self { absolute: to.to_string(), local, fragment })
    }

    /// Compares with an address as written; the fragment counts only when one is asked for.
    fn is(&self, wanted: &str, query: Query) -> bool {
        let (address, fragment) = wanted.find('#').map_or((wanted, None), |at| (&wanted[..at], Some(&wanted[at..])));
        if fragment.is_some_and(|f| f != self.fragment) {
            return false;
        }
        let own = |own: &'_ str| match query {
            Query::Any if !address.contains('?') => own.split('?').next().unwrap_or_default().to_owned(),
            Query::Any | Query::None => own.to_owned(),
        };
        if is_path(address) {
            return self.local.as_deref().map(own).as_deref() == Some(address);
        }
        Address::parse(address).is_ok_and(|wanted| wanted.to_string() == own(&self.absolute))
    }

    /// The address without its query and fragment.
    fn page(&self, wanted: &str) -> Option<&str> {
        let own = if is_path(wanted) { self.local.as_deref()? } else { &self.absolute };
        own.split('?').next()
    }

    /// The spellings that operators see.
    fn spellings(&self) -> Vec<String> {
        [Some(&self.absolute), self.local.as_ref()]
            .into_iter()
            .flatten()
            .map(|s| format!("{s}{}", self.fragment))
            .collect()
    }

    fn told(&self) -> String {
        let address = self.local.as_ref().unwrap_or(&self.absolute);
        format!("redirect to {}", describe_text(&format!("{address}{}", self.fragment)))
    }
}

/// Tells whether an address stands for one of the origin that answered.
fn is_path(address: &str) -> bool {
    address.starts_with('/') && !address.starts_with("//")
}

impl Redirect {
    fn fit(&self, target: &Target, seen: &Seen<'_>) -> Result<Fit, Why> {
        match self {
            Self::To(wanted, query) => Ok(Fit::from(target.is(&text_of(wanted, seen.moment())?, *query))),
            Self::ToLike(expectation) => expectation.fit(Actual::Lines(&target.spellings()), seen.moment()),
            Self::Status(set) => Ok(Fit::from(set.matches(seen.response.status))),
        }
    }

    fn expected(&self, at: Moment<'_>) -> String {
        match self {
            Self::To(wanted, _) => format!("redirect to {}", describe_operand(wanted, at)),
            Self::ToLike(expectation) => format!("redirect to {}", expectation.expected(at)),
            Self::Status(set) => format!("redirect with status {}", set.describe()),
        }
    }

    fn actual(&self, target: &Target, seen: &Seen<'_>) -> String {
        match self {
            Self::To(..) | Self::ToLike(_) => target.told(),
            Self::Status(_) => format!("redirect with status {}", seen.response.status),
        }
    }
}

impl Check for Redirect {
    fn says_where(&self) -> bool {
        matches!(self, Self::To(..) | Self::ToLike(_))
    }

    fn leave_query_open(&mut self) {
        if let Self::To(_, query) = self {
            *query = Query::Any;
        }
    }

    fn help(&self, seen: &Seen<'_>) -> Option<String> {
        let Self::To(wanted, _) = self else { return None };
        let (target, wanted) = (Target::of(seen).ok()?, text_of(wanted, seen.moment()).ok()?);
        let page = wanted.split(['?', '#']).next().filter(|page| !page.is_empty())?;
        let is_query = !target.is(&wanted, Query::None) && target.page(&wanted) == Some(page);
        is_query.then(|| {
            let like = regex::escape(page);
            format!("the page is the right one, and its query another: write it as well, or `to: {{ matches: '^{like}(\\?|$)' }}` where it may be any")
        })
    }

    fn judge(&self, seen: &Seen<'_>) -> Checked {
        let expected = || self.expected(seen.moment());
        let target = match Target::of(seen) {
            Ok(target) => target,
            Err(actual) => return Checked::Broken { expected: expected(), actual },
        };
        match self.fit(&target, seen) {
            Ok(Fit::Yes) => Checked::Held,
            Ok(Fit::No | Fit::Unfit) => Checked::Broken { expected: expected(), actual: self.actual(&target, seen) },
            Err(why) => Checked::Unjudgeable { why },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Answer, faults};

    fn to(location: &str) -> Answer {
        Answer::status(302).header("Location", location.to_owned())
    }

    #[test]
    fn a_path_means_this_origin_and_is_exact() {
        for location in ["/login?a=1", "http://api.test:8080/login?a=1", "login?a=1", "//api.test:8080/login?a=1"] {
            assert!(to(location).holds("redirect: { to: /login?a=1, status: [302, 303] }"), "{location}");
            assert!(to(location).holds("redirect: { to: http://API.test:8080/login?a=1 }"), "{location}");
        }
        for elsewhere in
            ["https://api.test:8080/login", "http://evil.test/login", "http://api.test/login", "//evil.test/login"]
        {
            assert!(!to(elsewhere).holds("redirect: { to: /login }"), "{elsewhere}");
        }
        for other in ["/login/", "/Login", "/login?next=/", "/loginx"] {
            assert!(!to(other).holds("redirect: { to: /login }"), "{other}");
        }
        let broken = to("http://evil.test/login").broken("redirect: { to: /login }");
        assert_eq!(
            broken[0],
            ("redirect to text \"/login\"".into(), "redirect to text \"http://evil.test/login\"".into())
        );
    }

    #[test]
    fn operators_see_both_spellings_and_negations_hold_for_both() {
        let answer = to("/login?next=/me#top");
        assert!(answer.holds("redirect: { to: { starts_with: /login } }"));
        assert!(answer.holds("redirect: { to: { starts_with: \"http://api.test:8080/\", ends_with: \"#top\" } }"));
        assert!(!answer.holds("redirect: { to: { not: { starts_with: /login } } }"));
        assert!(answer.holds("redirect: { to: { not: { contains: evil } } }"));
        assert!(!to("http://evil.test/login").holds("redirect: { to: { starts_with: /login } }"));
        assert!(
            to("/cb#t=1").holds("redirect: { to: \"/cb#t=1\" }")
                && !to("/cb#t=1").holds("redirect: { to: \"/cb#t=2\" }")
        );
        assert!(to("/cb#t=1").holds("redirect: { to: /cb }"));
    }

    #[test]
    fn what_is_no_redirect_is_broken() {
        assert_eq!(Answer::ok().broken("redirect: { to: /login }")[0].1, "status 200, no redirect");
        assert_eq!(Answer::status(304).broken("redirect: { status: 304 }")[0].1, "status 304, no redirect");
        assert_eq!(Answer::status(302).broken("redirect: { to: { not: /a } }")[0].1, "status 302 without a `Location`");
        assert!(to("javascript:alert(1)").broken("redirect: { to: { not: x } }")[0].1.contains("no http address"));
        assert_eq!(to("/a").broken("redirect: { status: 303 }")[0].1, "redirect with status 302");
        assert_eq!(to("/a").unjudgeable("redirect: { to: \"{{ nothing }}\" }").len(), 1);
    }

    #[test]
    fn faults_are_told() {
        for (written, words) in [
            ("redirect: /login", "a map"),
            ("redirect: { too: /login }", "no key called `too`"),
            ("redirect: {}", "could not fail"),
            ("redirect: { to: [a] }", "text"),
        ] {
            let found = faults(written);
            assert!(found.len() == 1 && found[0].contains(words), "{written}: {found:?}");
        }
    }
}
