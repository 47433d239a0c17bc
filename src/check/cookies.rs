//! `cookies`: what the step's answers set, on any hop; of several with one name the last counts.
//!
//! A cookie that no client would keep (a `__Host-` name without `Secure`, a foreign `Domain`) fails
//! every expectation and tells why. One that was refused only because the answer came over plain
//! http is judged by what it says: that is the test's own address, not the server's fault.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::http::Trail;
use crate::http::jar::{Deletion, ParsedSetCookie, RefuseReason, SameSite, StoreOutcome, Stored};
use crate::spec::{Data, Def, Fields, Key, Node, Reader, Shape, key};

use super::operator::Expectation;
use super::value::{Actual, Kind, Missing};
use super::{Check, Checked, Placed, Seen, diags};

/// The keys of a cookie under `cookies`.
pub(super) const KEYS: &[Key] = &[
    key("value", "its value, as sent").is(Shape::The(Def::Value)),
    key("http_only", "whether scripts are kept from it").is(Shape::Flag),
    key("secure", "whether it is for secure protocols only").is(Shape::Flag),
    key("same_site", "`Strict`, `Lax` or `None`, as sent").is(Shape::The(Def::Value)),
    key("path", "its `Path`, as sent").is(Shape::The(Def::Value)),
    key("domain", "its `Domain`, in lower case, without a leading dot").is(Shape::The(Def::Value)),
    key("max_age", "its `Max-Age` in seconds").is(Shape::The(Def::Value)),
    key("expires", "its `Expires` as RFC 3339, or what a `Max-Age` beside it makes of that: `{ within: 30d }`")
        .is(Shape::The(Def::Value)),
    key("session", "whether it ends with the client: neither `Max-Age` nor `Expires`").is(Shape::Flag),
    key("exists", "whether it was set in this step; a deletion does not count").is(Shape::Flag),
    key("deleted", "`true`: it was expired, and nothing of that name stays in the jar").is(Shape::Flag),
];

#[derive(Debug)]
struct CookieCheck {
    name: String,
    wish: Wish,
    /// What the other keys are asked of.
    about: About,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Living,
    Deletion,
}

#[derive(Debug)]
enum Wish {
    Attribute(Attribute, Expectation),
    Flag(Flag, bool),
    Exists,
    Missing,
    Deleted,
}

#[derive(Debug, Clone, Copy)]
enum Attribute {
    Value,
    SameSite,
    Path,
    Domain,
    MaxAge,
    Expires,
}

#[derive(Debug, Clone, Copy)]
enum Flag {
    HttpOnly,
    Secure,
    Session,
}

/// Reads the row `cookies`.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    let Some(cookies) = reader.map(node) else { return };
    for entry in cookies.iter() {
        let name = &*entry.key;
        let subject = format!("cookie {name}");
        if matches!(entry.value.data, Data::Map(_)) {
            let Some(fields) = reader.fields(&entry.value, KEYS, "a cookie") else { continue };
            if fields.iter().next().is_none() {
                reader
                    .fault(diags::no_checks(entry.value.span, "nothing is asked of this cookie, so it could not fail"));
            }
            cookie(name, fields, reader, out);
        } else if let Some(expectation) = Expectation::read(&entry.value, Kind::Text, reader) {
            expectation.place(&subject, out, |e| check(name, Wish::Attribute(Attribute::Value, e), About::Living));
        }
    }
}

fn check(name: &str, wish: Wish, about: About) -> Box<dyn Check> {
    Box::new(CookieCheck { name: name.to_owned(), wish, about })
}

fn cookie(name: &str, fields: Fields<'_>, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    let about = if fields.get("deleted").is_some() { About::Deletion } else { About::Living };
    for entry in fields.iter() {
        let (node, subject) = (&entry.value, format!("cookie {name} {}", entry.key));
        let attribute = match &*entry.key {
            "value" => Some((Attribute::Value, Kind::Text)),
            "same_site" => Some((Attribute::SameSite, Kind::MaybeText)),
            "path" => Some((Attribute::Path, Kind::MaybeText)),
            "domain" => Some((Attribute::Domain, Kind::MaybeText)),
            "max_age" => Some((Attribute::MaxAge, Kind::Json)),
            "expires" => Some((Attribute::Expires, Kind::MaybeText)),
            _ => None,
        };
        if let Some((attribute, kind)) = attribute {
            if matches!(attribute, Attribute::SameSite) && !same_site_is_known(node, reader) {
                continue;
            }
            let Some(expectation) = Expectation::read(node, kind, reader) else { continue };
            expectation.place(&subject, out, |e| check(name, Wish::Attribute(attribute, e), about));
        } else if let Some(wish) = flag(&entry.key, node, fields, reader) {
            out.push(Placed { check: check(name, wish, about), span: node.span, subject });
        }
    }
}

fn flag(key: &str, node: &Node, fields: Fields<'_>, reader: &mut Reader<'_>) -> Option<Wish> {
    let flag = match key {
        "http_only" => Some(Flag::HttpOnly),
        "secure" => Some(Flag::Secure),
        "session" => Some(Flag::Session),
        "exists" | "deleted" => None,
        // Told by the reader already.
        _ => return None,
    };
    let wanted = reader.flag(node)?;
    if let Some(flag) = flag {
        return Some(Wish::Flag(flag, wanted));
    }
    let alone = fields.iter().count() == 1;
    match (key, wanted) {
        ("exists", true) if fields.get("deleted").is_none() => Some(Wish::Exists),
        ("exists", false) if alone => Some(Wish::Missing),
        ("exists", _) => {
            let message = "a cookie that is not there or was deleted cannot have what else is asked of it";
            reader.fault(diags::misplaced_operator(node.span, message));
            None
        }
        (_, true) => Some(Wish::Deleted),
        (_, false) => {
            reader.fault(diags::misplaced_operator(node.span, "write `exists: true` for a cookie that must stay"));
            None
        }
    }
}

/// Tells whether a plain `same_site` is one of the three words; operators are free.
fn same_site_is_known(node: &Node, reader: &mut Reader<'_>) -> bool {
    let known = [("Strict", ()), ("Lax", ()), ("None", ())];
    match &node.data {
        Data::Text(text) if !text.contains("{{") => reader.one_of(node, "a value of `SameSite`", &known).is_some(),
        Data::Text(_) | Data::Null | Data::Bool(_) | Data::Number(..) | Data::List(_) | Data::Map(_) => true,
    }
}

/// What became of a name in this step.
enum State<'a> {
    Unset,
    Living(&'a ParsedSetCookie),
    /// Refused for what the cookie itself says.
    Unusable(&'a RefuseReason),
    Deleted(&'a Stored),
}

impl<'a> State<'a> {
    fn of(trail: &'a Trail, name: &str, now: Timestamp) -> Self {
        let Some(stored) = trail.jar.stored().filter(|s| *s.name() == *name).last() else { return Self::Unset };
        let parsed = &stored.parsed;
        // The same order as the jar's: `Max-Age` beats `Expires`.
        let expired = parsed.max_age().map_or_else(|| parsed.expires().is_some_and(|at| at <= now), |s| s <= 0);
        match &stored.outcome {
            StoreOutcome::Deleted(_) => Self::Deleted(stored),
            StoreOutcome::Refused(_) if expired => Self::Deleted(stored),
            StoreOutcome::Refused(RefuseReason::SecureFromInsecure { .. } | RefuseReason::SecureOverlay { .. })
            | StoreOutcome::Stored
            | StoreOutcome::Replaced
            | StoreOutcome::Renewed => Self::Living(parsed),
            StoreOutcome::Refused(reason) => Self::Unusable(reason),
        }
    }

    fn told(&self) -> String {
        match self {
            Self::Unset => "nothing (not set in this step)".to_owned(),
            Self::Living(_) => "a cookie".to_owned(),
            Self::Unusable(reason) => format!("a cookie that clients refuse: {}", reason.why()),
            Self::Deleted(stored) => format!("a deletion: {}", stored.why()),
        }
    }
}

impl Check for CookieCheck {
    fn judge(&self, seen: &Seen<'_>) -> Checked {
        let state = State::of(seen.trail, &self.name, seen.now);
        let verdict = |holds: bool, expected: &str| {
            if holds {
                return Checked::Held;
            }
            Checked::Broken { expected: expected.to_owned(), actual: state.told() }
        };
        let parsed = match (&state, self.about) {
            (State::Living(parsed), About::Living) => Some(*parsed),
            (State::Deleted(stored), About::Deletion) => Some(&stored.parsed),
            (State::Unset | State::Unusable(_) | State::Living(_) | State::Deleted(_), _) => None,
        };
        match (&self.wish, parsed) {
            (Wish::Exists, _) => verdict(matches!(state, State::Living(_)), "a cookie"),
            (Wish::Missing, _) => verdict(matches!(state, State::Unset | State::Deleted(_)), "no cookie"),
            (Wish::Deleted, _) => verdict(is_gone(&state), "a deletion that leaves none of that name"),
            (Wish::Flag(flag, wanted), Some(parsed)) if flag.of(parsed) == *wanted => Checked::Held,
            (Wish::Flag(flag, wanted), Some(_)) => {
                Checked::Broken { expected: flag.told(*wanted), actual: flag.told(!wanted) }
            }
            (Wish::Flag(flag, wanted), None) => verdict(false, &flag.told(*wanted)),
            (Wish::Attribute(attribute, expectation), Some(parsed)) => {
                judge_attribute(*attribute, expectation, parsed, seen)
            }
            (Wish::Attribute(_, expectation), None) => verdict(false, &expectation.expected(seen.moment())),
        }
    }
}

/// A deletion for another scope than the stored cookie's leaves that one in place.
fn is_gone(state: &State<'_>) -> bool {
    match state {
        State::Deleted(Stored { outcome: StoreOutcome::Deleted(deletion), .. }) => match deletion {
            Deletion::Removed => true,
            Deletion::NothingThere { left } => left.is_empty(),
        },
        State::Deleted(_) | State::Unset | State::Living(_) | State::Unusable(_) => false,
    }
}

impl Flag {
    fn of(self, cookie: &ParsedSetCookie) -> bool {
        match self {
            Self::HttpOnly => cookie.http_only(),
            Self::Secure => cookie.secure(),
            Self::Session => cookie.max_age().is_none() && cookie.expires().is_none(),
        }
    }

    fn told(self, there: bool) -> String {
        let (with, without) = match self {
            Self::HttpOnly => ("`HttpOnly`", "no `HttpOnly`"),
            Self::Secure => ("`Secure`", "no `Secure`"),
            Self::Session => ("neither `Max-Age` nor `Expires`", "`Max-Age` or `Expires`"),
        };
        if there { with } else { without }.to_owned()
    }
}

fn judge_attribute(what: Attribute, wanted: &Expectation, cookie: &ParsedSetCookie, seen: &Seen<'_>) -> Checked {
    let at = seen.moment();
    let text = match what {
        Attribute::Value => Some(cookie.value.text().into_owned()),
        Attribute::SameSite => cookie.same_site().map(|s| spelled(s).to_owned()),
        Attribute::Path => cookie.path().map(str::to_owned),
        Attribute::Domain => cookie.domain(),
        Attribute::Expires => cookie.expires().map(|at| ends(cookie, at, seen).to_string()),
        Attribute::MaxAge => {
            let seconds = cookie.max_age().map(Value::from);
            let source = seconds.as_ref().map_or(Actual::Missing(Missing::Absent("no `Max-Age`")), Actual::Json);
            return wanted.judge(source, at);
        }
    };
    let missing = Actual::Missing(Missing::Absent("the cookie has no such attribute"));
    wanted.judge(text.as_deref().map_or(missing, Actual::Text), at)
}

/// When a cookie with an `Expires` ends: where a `Max-Age` stands beside it, that wins (RFC 6265bis, section 5.6).
fn ends(cookie: &ParsedSetCookie, expires: Timestamp, seen: &Seen<'_>) -> Timestamp {
    let Some(seconds) = cookie.max_age() else { return expires };
    seen.now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(expires)
}

const fn spelled(same_site: SameSite) -> &'static str {
    match same_site {
        SameSite::Strict => "Strict",
        SameSite::Lax => "Lax",
        SameSite::None => "None",
    }
}

#[cfg(test)]
mod tests;
