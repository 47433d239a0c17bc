//! The header fields of an answer beside those of another one.

use std::collections::BTreeSet;

use super::leads::sent;
use super::value::describe_text;
use crate::http::Trail;

/// Fields that differ from answer to answer by their nature, or follow from what is compared elsewhere.
const VOLATILE: [&str; 5] = ["date", "age", "etag", "content-length", "set-cookie"];

/// Fields that belong to the connection, or are compared by where they lead.
const ELSEWHERE: [&str; 4] = ["connection", "keep-alive", "transfer-encoding", "location"];

/// A field in lower case with its value.
type Field = (String, String);

/// How the fields of two answers differ.
pub(super) fn difference(there: &Trail, here: &Trail, ignored: &[String]) -> Option<String> {
    let all = |trail: &Trail| {
        let mut all: Vec<Field> = fields(trail, ignored).collect();
        all.sort();
        all
    };
    let (there, here) = (all(there), all(here));
    let odd = there
        .iter()
        .find(|f| !here.contains(f))
        .map(|f| (f, "there"))
        .or_else(|| here.iter().find(|f| !there.contains(f)).map(|f| (f, "here")));
    odd.map(|((name, value), place)| format!("the header field {name}: {} only {place}", describe_text(value)))
}

/// How the fields of an answer differ from those of two that should be the same: what these have both has to be there,
/// and nothing that neither has. Values count where these two agree, but for what was sent; of cookies their names.
pub(super) fn steady_difference(those: [&Trail; 2], here: &Trail, ignored: &[String]) -> Option<String> {
    let [first, second] = those.map(|trail| steady(trail, ignored));
    let other = steady(here, ignored);
    let names = |all: &BTreeSet<Field>| -> BTreeSet<String> { all.iter().map(|(name, _)| name.clone()).collect() };
    let (in_first, in_second, in_here) = (names(&first), names(&second), names(&other));
    if let Some(name) = in_first.intersection(&in_second).find(|name| !in_here.contains(*name)) {
        return Some(format!("{name}: only there"));
    }
    if let Some(name) = in_here.iter().find(|name| !in_first.contains(*name) && !in_second.contains(*name)) {
        return Some(format!("{name}: only here"));
    }
    if let Some(told) = lengths(those, here, ignored) {
        return Some(told);
    }
    let values = |all: &BTreeSet<Field>, name: &str| -> Vec<String> {
        all.iter().filter(|(own, _)| own == name).map(|(_, value)| value.clone()).collect()
    };
    in_first.intersection(&in_second).find_map(|name| {
        let (there, here) = (values(&first, name), values(&other, name));
        let differs = there == values(&second, name) && !is_like(&there, &here);
        let told = |all: &[String]| describe_text(&all.join(", "));
        differs.then(|| format!("{name}: {} there, {} here", told(&there), told(&here)))
    })
}

/// How the length of a body differs from that of two which are equal, where the body differs by more than what is made
/// anew.
fn lengths(those: [&Trail; 2], here: &Trail, ignored: &[String]) -> Option<String> {
    const FIELD: &str = "content-length";
    let length = |trail: &Trail| trail.response()?.headers.text(FIELD);
    let (first, second, other) = (length(those[0])?, length(those[1])?, length(here)?);
    let is_ignored = ignored.iter().any(|name| name == FIELD);
    let differs = first == second && first != other && !is_ignored;
    let is_told = differs && matches!(super::steady::difference(those, here, &[]), Ok(Some(_)));
    is_told.then(|| format!("the header field {FIELD}: {first} there, {other} here"))
}

/// Tells whether values are the same, or those of another moment: their words are the same, and their numbers as near as
/// the seconds of two times.
fn is_like(there: &[String], here: &[String]) -> bool {
    const NEAR: u64 = 60;
    let words = |all: &[String]| -> Vec<String> {
        let all = all.join("\n");
        all.split(|c: char| !c.is_alphanumeric()).map(ToOwned::to_owned).collect()
    };
    let near = |(a, b): (&String, &String)| match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => a.abs_diff(b) <= NEAR,
        _ => a == b,
    };
    let (there, here) = (words(there), words(here));
    there.len() == here.len() && there.iter().zip(&here).all(near)
}

/// The fields of an answer without what is another each time, and the names of its cookies.
fn steady(trail: &Trail, ignored: &[String]) -> BTreeSet<Field> {
    let said = trail.request().map(sent).unwrap_or_default();
    let own = |value: String| {
        let long = said.iter().filter(|text| text.len() > 2);
        long.fold(value, |value, text| value.replace(text.as_str(), "‹sent›"))
    };
    let all = fields(trail, ignored).filter(|(name, _)| !ELSEWHERE.contains(&name.as_str()));
    let cookies = trail.response().into_iter().flat_map(|response| response.headers.all("set-cookie"));
    let names = cookies.filter_map(|cookie| {
        let text = String::from_utf8_lossy(cookie);
        Some(text.split_once('=')?.0.trim().to_owned())
    });
    let names = names.filter(|_| !ignored.iter().any(|name| name == "set-cookie"));
    all.map(|(name, value)| (format!("the header field {name}"), own(value)))
        .chain(names.map(|name| (format!("the cookie `{name}`"), String::new())))
        .collect()
}

fn fields<'a>(trail: &'a Trail, ignored: &'a [String]) -> impl Iterator<Item = Field> + 'a {
    let headers = trail.response().into_iter().flat_map(|response| response.headers.iter());
    headers
        .map(|(name, value)| (name.to_ascii_lowercase(), String::from_utf8_lossy(value).into_owned()))
        .filter(|(name, _)| !VOLATILE.contains(&name.as_str()) && !ignored.iter().any(|other| other == name))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Answer;

    #[test]
    fn what_differs_between_equal_answers_may_differ() {
        let answer = |id: &'static str, more: &[(&'static str, &'static str)]| {
            let first = Answer::status(401).header("X-Request-Id", id).header("Server", "one");
            more.iter().fold(first, |answer, (name, value)| answer.header(name, *value))
        };
        let same = "same_as: { step: earlier, again: unknown user, in: headers }";
        let told = |here: Answer, those: [&[(&'static str, &'static str)]; 2]| {
            let here = here.after("earlier", answer("1", those[0])).after("unknown user", answer("2", those[1]));
            here.broken(same).first().map(|(_, actual)| actual.clone())
        };
        assert_eq!(told(answer("3", &[]), [&[], &[]]), None);
        let lost = told(answer("3", &[]), [&[("X-Left", "4")], &[("X-Left", "3")]]).unwrap();
        assert_eq!(lost, "a difference in the header field x-left: only there");
        let new = told(answer("3", &[("X-Hint", "join")]), [&[], &[]]).unwrap();
        assert_eq!(new, "a difference in the header field x-hint: only here");
        let other = told(answer("3", &[("X-Kind", "b")]), [&[("X-Kind", "a")], &[("X-Kind", "a")]]).unwrap();
        assert_eq!(other, "a difference in the header field x-kind: text \"a\" there, text \"b\" here");
        // The answer of another second.
        let at = |time: &'static str| ("Expires", time);
        let then = at("Fri, 27 Nov 2026 09:00:59 GMT");
        assert_eq!(told(answer("3", &[at("Fri, 27 Nov 2026 09:01:00 GMT")]), [&[then], &[then]]), None);
        // What one of the two has is no sign of anybody.
        assert_eq!(told(answer("3", &[("X-Node", "c")]), [&[("X-Node", "a")], &[]]), None);
        // Of cookies the names count.
        let cookie = |value: &'static str| ("Set-Cookie", value);
        assert_eq!(told(answer("3", &[cookie("a=3")]), [&[cookie("a=1")], &[cookie("a=2")]]), None);
        let named = told(answer("3", &[cookie("b=3")]), [&[cookie("a=1")], &[cookie("a=2")]]).unwrap();
        assert_eq!(named, "a difference in the cookie `a`: only there");
    }
}
