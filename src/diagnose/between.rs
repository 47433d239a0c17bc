//! Proxies, gateways and caches: answers that the API itself never gave.

use super::{Family, Found, Link, Rule, rfc};
use crate::event::Certainty::{Certain, Likely, Possible};
use crate::evidence::{Answer, Facts, Page, Word};

pub(super) const FAMILY: Family = Family {
    title: "What stands between",
    rules: &[
        Rule {
            code: "proxy-login",
            about: "a proxy on the way wants a credential, not the API",
            explain: "A 407 and `Proxy-Authenticate` come from a proxy. Write its user and password into the `proxy:` address, or go around it (`NO_PROXY`).",
            link: rfc("RFC 9110, section 15.5.8", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.8"),
            certainty: Certain,
            find: proxy,
        },
        Rule {
            code: "http-to-https-port",
            about: "plain http was sent to a port that speaks TLS",
            explain: "The server says that it got plain HTTP where it expects TLS. Write `https://` into the target.",
            link: rfc("RFC 9110, section 4.2.2", "https://www.rfc-editor.org/rfc/rfc9110#section-4.2.2"),
            certainty: Certain,
            find: plain,
        },
        Rule {
            code: "header-too-large",
            about: "the header fields of the request are too large for the server",
            explain: "Tokens with many roles or groups and jars with many cookies grow beyond what a server reads, often 8 KiB. Ask for a smaller scope, or raise the buffers of the server.",
            link: rfc("RFC 6585, section 5", "https://www.rfc-editor.org/rfc/rfc6585#section-5"),
            certainty: Certain,
            find: large,
        },
        Rule {
            code: "gateway-knows-no-route",
            about: "a gateway answers 403 because it knows no such route",
            explain: "AWS API Gateway says `Missing Authentication Token` for paths, methods and stages that do not exist; it is seldom about a token. Check path, stage and method.",
            link: Link {
                title: "AWS, API Gateway: missing authentication token",
                url: "https://repost.aws/knowledge-center/api-gateway-authentication-token-errors",
            },
            certainty: Certain,
            find: route,
        },
        Rule {
            code: "gateway-wants-signature",
            about: "a gateway read the `Authorization` field as a signature and could not",
            explain: "AWS says `not a valid key=value pair (missing equal-sign)` when a Bearer token reaches a route that wants a signed request, or that does not exist. Check the path first, then the kind of authorization of the route.",
            link: Link {
                title: "AWS, Signature Version 4",
                url: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html",
            },
            certainty: Certain,
            find: signing,
        },
        Rule {
            code: "mesh-policy",
            about: "a policy of the service mesh refuses the request",
            explain: "`RBAC: access denied` and its like come from Envoy or Istio in front of the application, which never saw the request. Look at the authorization policies of the namespace.",
            link: Link {
                title: "Istio, Authorization Policy",
                url: "https://istio.io/latest/docs/reference/config/security/authorization-policy/",
            },
            certainty: Certain,
            find: mesh,
        },
        Rule {
            code: "firewall",
            about: "a firewall or bot filter answered in place of the API",
            explain: "The page is that of a filter in front of the application, which never saw the request. Put the runner's address on its list, or test behind it.",
            link: rfc("RFC 9110, section 15.5.4", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.4"),
            certainty: Certain,
            find: firewall,
        },
        Rule {
            code: "cached-refusal",
            about: "the refusal comes out of a cache",
            explain: "`Age` or the cache's own field says that the answer is older than the request. It may have been given to somebody else. Refusals should carry `Cache-Control: no-store`; ask again with another query to see the difference.",
            link: rfc("RFC 9111, section 5.1", "https://www.rfc-editor.org/rfc/rfc9111#section-5.1"),
            certainty: Likely,
            find: cached,
        },
        Rule {
            code: "address-not-allowed",
            about: "the server does not allow the address that the request comes from",
            explain: "The answer speaks of the sender's address. Runners in a pipeline have other addresses than people in an office: put theirs on the list.",
            link: rfc("RFC 9110, section 15.5.4", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.4"),
            certainty: Likely,
            find: address,
        },
        Rule {
            code: "answered-by-gateway",
            about: "an HTML page with a 401 or 403 came from an API that speaks JSON to others",
            explain: "An error page in HTML without a challenge often comes from a server in front of the application. Compare the `server` and `via` fields of good answers with those of this one.",
            link: rfc("RFC 9110, section 7.6.3", "https://www.rfc-editor.org/rfc/rfc9110#section-7.6.3"),
            certainty: Possible,
            find: gateway,
        },
    ],
};

fn said(facts: &Facts, word: Word) -> Option<&Answer> {
    facts.surprise().filter(|a| a.status >= 400 && a.says(word))
}

fn shown(answer: &Answer) -> String {
    answer.quoted().unwrap_or_else(|| format!("{} with a page that says so", answer.status))
}

fn proxy(facts: &Facts) -> Option<Found> {
    let told = facts.answer.as_ref().filter(|a| a.status == 407 || a.proxy_challenge && a.status >= 400);
    let failed = facts
        .leg()
        .and_then(|l| l.error.as_ref())
        .map(ToString::to_string)
        .filter(|e| e.contains("the proxy asks for"));
    if told.is_none() && failed.is_none() {
        return None;
    }
    Some(
        Found::new("a proxy on the way wants a user and a password")
            .seen(failed.or_else(|| told.map(|a| format!("{} in the answer", a.status))).unwrap_or_default())
            .next(
                "write them into `proxy:` (`http://user:password@host:port`), or go around the proxy with `NO_PROXY`",
            ),
    )
}

fn plain(facts: &Facts) -> Option<Found> {
    let answer = said(facts, Word::PlainHttp)?;
    let leg = facts.leg().filter(|l| !l.tls)?;
    Some(
        Found::new("plain http was sent to a port that speaks TLS")
            .seen(shown(answer))
            .next(format!("write `target: {}`", leg.base.replacen("http:", "https:", 1))),
    )
}

fn large(facts: &Facts) -> Option<Found> {
    let answer =
        facts.surprise().filter(|a| matches!(a.status, 431 | 494) || a.status >= 400 && a.says(Word::Large))?;
    let leg = facts.leg()?;
    let largest = facts.sent.iter().max_by_key(|s| s.length);
    Some(
        Found::new(format!(
            "the header fields are too large for the server: {} bytes",
            crate::term::grouped(leg.head as u64)
        ))
        .seen(format!("{} in the answer", answer.status))
        .seen_if(largest.map(|s| format!("{} has {} bytes", s.place.words(), crate::term::grouped(s.length as u64))))
        .next("ask for a smaller token (scope, groups), or raise the buffers of the server"),
    )
}

fn route(facts: &Facts) -> Option<Found> {
    let answer = said(facts, Word::Route).filter(|a| a.status == 403)?;
    let leg = facts.leg()?;
    Some(
        Found::new(format!("the gateway knows no route {} {}", leg.method, leg.path))
            .seen(shown(answer))
            .next("check path, stage and method; this answer is seldom about a token"),
    )
}

fn signing(facts: &Facts) -> Option<Found> {
    let answer = said(facts, Word::Signing)?;
    Some(
        Found::new("the gateway wants a signed request, or knows no such route")
            .seen(shown(answer))
            .next("check path and stage first, then whether the route wants a signature or a token"),
    )
}

fn mesh(facts: &Facts) -> Option<Found> {
    let answer = said(facts, Word::Mesh)?;
    Some(
        Found::new("a policy of the service mesh refuses the request before the application sees it")
            .seen(shown(answer))
            .next("look at the authorization policies of the mesh for this route and caller"),
    )
}

fn firewall(facts: &Facts) -> Option<Found> {
    let answer = said(facts, Word::Firewall).filter(|a| matches!(a.status, 403 | 406 | 429 | 503))?;
    Some(
        Found::new("a firewall or bot filter answered, and the API never saw the request")
            .seen(shown(answer))
            .seen_if((!answer.server.is_empty()).then(|| format!("answered by {}", answer.server)))
            .next("put the address of this runner on the filter's list, or test behind it"),
    )
}

fn cached(facts: &Facts) -> Option<Found> {
    let answer = facts.denied().filter(|a| a.age.is_some_and(|age| age > 0) || a.cached)?;
    let age = answer.age.map_or("a cache says that it answered".to_owned(), |age| format!("`Age` is {age} s"));
    Some(
        Found::new("the refusal comes out of a cache, and may have been given to somebody else")
            .seen(age)
            .next("let refusals carry `Cache-Control: no-store`; ask once more with another query to compare"),
    )
}

fn address(facts: &Facts) -> Option<Found> {
    let answer = facts.denied().filter(|a| a.says(Word::Address))?;
    Some(
        Found::new("the server does not allow the address that the request comes from")
            .seen(shown(answer))
            .next("put the address of this runner on the server's list"),
    )
}

fn gateway(facts: &Facts) -> Option<Found> {
    let answer = facts.denied().filter(|a| a.page == Page::Html && a.challenges.is_empty())?;
    Some(
        Found::new("an error page in HTML came, which may be that of a server in front of the API")
            .seen(format!("{} without a challenge", answer.status))
            .seen_if((!answer.server.is_empty()).then(|| format!("answered by {}", answer.server)))
            .next("compare `server` and `via` with those of a good answer; ask the API directly"),
    )
}
