//! Redirects: what stayed behind, and what became of the request on its way.

use super::{Family, Found, Link, Rule, rfc};
use crate::event::Certainty::{Certain, Likely};
use crate::evidence::{Facts, Leg};

pub(super) const FAMILY: Family = Family {
    title: "Redirects",
    rules: &[
        Rule {
            code: "credential-left-at-https",
            about: "the target is `http://`, its server redirects to `https://`, and the credential stayed behind",
            explain: "`http` and `https` are two origins, so the credential is not carried over. It has already travelled in the clear, once: write `https://` into the target, and change the credential if it is a real one.",
            link: FETCH,
            certainty: Certain,
            find: upgraded,
        },
        Rule {
            code: "credential-left-behind",
            about: "a redirect led to another origin, and the credential stayed behind on purpose",
            explain: "A credential goes to the origins it is bound to and no other, as browsers and the Fetch standard have it; otherwise a redirect could steal it. Point the target at the address that answers in the end, or name the other origin under `origins:` if it may see the credential.",
            link: FETCH,
            certainty: Certain,
            find: left_behind,
        },
        Rule {
            code: "method-rewritten",
            about: "a redirect turned the request into a GET without its body",
            explain: "After 301, 302 and 303 clients repeat a POST as GET. An API that redirects writes should answer 307 or 308. Send the request to the address where it ends.",
            link: rfc("RFC 9110, section 15.4", "https://www.rfc-editor.org/rfc/rfc9110#section-15.4"),
            certainty: Likely,
            find: rewritten,
        },
        Rule {
            code: "slash-redirect",
            about: "the server redirects for a slash at the end of the path",
            explain: "Frameworks redirect `/notes` to `/notes/` or back. What arrives then may be another method, another scheme or a request without its credential. Write the path as the server has it.",
            link: rfc("RFC 9110, section 15.4", "https://www.rfc-editor.org/rfc/rfc9110#section-15.4"),
            certainty: Likely,
            find: slash,
        },
    ],
};

const FETCH: Link =
    Link { title: "Fetch, HTTP-redirect fetch", url: "https://fetch.spec.whatwg.org/#http-redirect-fetch" };

/// The two requests between which credential fields got lost.
fn lost(facts: &Facts) -> Option<(&Leg, &Leg, Vec<String>)> {
    facts.surprise().filter(|a| a.status >= 400)?;
    facts.legs.windows(2).find_map(|pair| {
        let gone: Vec<String> = pair[0].carried.iter().filter(|n| !pair[1].carried.contains(n)).cloned().collect();
        (pair[0].base != pair[1].base && !gone.is_empty()).then(|| (&pair[0], &pair[1], gone))
    })
}

fn quote(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    crate::term::list(&quoted, "and")
}

fn upgraded(facts: &Facts) -> Option<Found> {
    let (from, to, gone) = lost(facts)?;
    if from.tls || !to.tls || from.host != to.host {
        return None;
    }
    Some(
        Found::new(format!("the server redirects to https, and {} stayed behind on the way", quote(&gone)))
            .seen(format!("{} redirects to {}", from.base, to.base))
            .next(format!("write `target: {}`", to.base))
            .next("the credential went over the wire unprotected: change it if it is a real one"),
    )
}

fn left_behind(facts: &Facts) -> Option<Found> {
    let (from, to, gone) = lost(facts)?;
    if !from.tls && to.tls && from.host == to.host {
        return None;
    }
    Some(
        Found::new(format!("{} stayed behind when {} redirected to {}", quote(&gone), from.base, to.base))
            .seen(format!("{} {} carried it, {} {} did not", from.method, from.base, to.method, to.base))
            .next(format!("send the request to {} directly", to.base))
            .next(format!("if {} may see the credential, name it under `origins:`", to.base)),
    )
}

fn rewritten(facts: &Facts) -> Option<Found> {
    facts.surprise().filter(|a| matches!(a.status, 400 | 404 | 405 | 411 | 415 | 422))?;
    let pair = facts.legs.windows(2).find(|p| p[0].method != p[1].method)?;
    let status = pair[0].status?;
    Some(
        Found::new(format!("{} became {} on the way, after a {status}", pair[0].method, pair[1].method))
            .seen(format!("{} {} was redirected to {} {}", pair[0].method, pair[0].path, pair[1].method, pair[1].path))
            .next(format!(
                "send the request to `{}` directly; an API should redirect writes with 307 or 308",
                pair[1].path
            )),
    )
}

fn slash(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise()?;
    let differ = |a: &str, b: &str| a != b && a.trim_end_matches('/') == b.trim_end_matches('/');
    let (from, to) = if let Some(pair) = facts.legs.windows(2).find(|p| differ(&p[0].path, &p[1].path)) {
        (pair[0].path.clone(), pair[1].path.clone())
    } else {
        let leg = facts.leg()?;
        let location = answer.location.as_ref().filter(|_| (300..400).contains(&answer.status))?;
        let path = location
            .split_once("://")
            .map_or(location.as_str(), |(_, rest)| rest.find('/').map_or("/", |i| &rest[i..]));
        let path = path.split(['?', '#']).next().unwrap_or_default().to_owned();
        if !differ(&leg.path, &path) {
            return None;
        }
        (leg.path.clone(), path)
    };
    Some(
        Found::new(format!("the server knows this path as `{to}` and redirects to it from `{from}`"))
            .seen("both paths differ in a slash at their end only")
            .next(format!("write the path as `{to}`")),
    )
}
