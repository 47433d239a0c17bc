//! What the server means: refusals that are about something else than the credential.

use super::{Family, Found, Link, Rule, rfc};
use crate::event::Certainty::{Certain, Likely, Possible};
use crate::evidence::{Facts, Page, Purpose, Sender, Word};

pub(super) const FAMILY: Family = Family {
    title: "What the server means",
    rules: &[
        Rule {
            code: "csrf-token-missing",
            about: "the server wants a token against request forgery",
            explain: "Servers with cookie sessions take a write only with a token that their own page gave, in a field of the form or in a header, often together with a cookie. This is no lack of rights. Fetch the page first, capture the token and send it along, with `Origin` or `Referer` where the server asks for them.",
            link: CSRF,
            certainty: Certain,
            find: csrf,
        },
        Rule {
            code: "rate-limited",
            about: "too many requests were sent in a short time",
            explain: "A 429 is no refusal: the same request may be allowed a moment later. Send fewer at once (`--jobs`, `--jobs-per-host`), wait for `Retry-After`, or raise the limit of the test environment.",
            link: rfc("RFC 6585, section 4", "https://www.rfc-editor.org/rfc/rfc6585#section-4"),
            certainty: Certain,
            find: rate,
        },
        Rule {
            code: "login-page",
            about: "a login page came in place of an answer",
            explain: "Web applications refuse by showing the login page or the way to it, often with status 200 or 302. The caller is not logged in here: the session's cookie did not travel, or has ended. Ask for JSON (`Accept: application/json`) to get a 401 where the server knows the difference.",
            link: rfc("RFC 9110, section 15.4.3", "https://www.rfc-editor.org/rfc/rfc9110#section-15.4.3"),
            certainty: Likely,
            find: login_page,
        },
        Rule {
            code: "error-with-200",
            about: "the answer says that it failed, although its status does not",
            explain: "GraphQL, RPC and some older APIs answer 200 with an error in the body. Expect something of the body, such as `json: { $.errors: { exists: false } }`, wherever such an API is asked.",
            link: rfc("RFC 9110, section 15.3.1", "https://www.rfc-editor.org/rfc/rfc9110#section-15.3.1"),
            certainty: Likely,
            find: error_with_200,
        },
        Rule {
            code: "preflight-refused",
            about: "the server wants a credential for the request that browsers send before the real one",
            explain: "Browsers ask with `OPTIONS` whether a page may send a request, and never add a credential to that. A server that refuses it cannot be used from another origin. Let CORS be answered before the check of credentials.",
            link: Link { title: "Fetch, CORS preflight", url: "https://fetch.spec.whatwg.org/#cors-preflight-fetch" },
            certainty: Certain,
            find: preflight,
        },
        Rule {
            code: "origin-refused",
            about: "the server refuses the `Origin` of the request",
            explain: "The answer speaks of CORS or of an origin that is not allowed. Send the origin of the real front end, or none, or add it to the server's list.",
            link: Link { title: "Fetch, CORS protocol", url: "https://fetch.spec.whatwg.org/#http-cors-protocol" },
            certainty: Likely,
            find: origin,
        },
        Rule {
            code: "quota-used-up",
            about: "a quota or a plan is used up",
            explain: "The credential is good, and its plan does not cover the request. Use an account with another plan, or wait for the next period.",
            link: rfc("RFC 9110, section 15.5.3", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.3"),
            certainty: Likely,
            find: quota,
        },
        Rule {
            code: "client-certificate-wanted",
            about: "the server wants a client certificate",
            explain: "The answer or the handshake says that a certificate is missing or not accepted. Name it with `tls: { cert: …, key: … }`, whole chain included, and see whether the server trusts its authority.",
            link: rfc("RFC 8705, section 2", "https://www.rfc-editor.org/rfc/rfc8705#section-2"),
            certainty: Certain,
            find: certificate,
        },
        Rule {
            code: "auth-crashed",
            about: "the server broke while it looked at the credential",
            explain: "Without a credential the request is refused, with one the server answers 5xx: what reads the credential crashed or cannot reach something it needs, such as a key set, a token store or the issuer. Look into its log.",
            link: rfc("RFC 9110, section 15.6.1", "https://www.rfc-editor.org/rfc/rfc9110#section-15.6.1"),
            certainty: Likely,
            find: crashed,
        },
        Rule {
            code: "header-underscore",
            about: "the credential stands in a header field with `_`, which some servers drop",
            explain: "nginx and others drop fields with an underscore in their name unless told otherwise, because CGI cannot tell `_` from `-`. Name the field with `-`, or switch `underscores_in_headers` on.",
            link: Link {
                title: "nginx, underscores_in_headers",
                url: "https://nginx.org/en/docs/http/ngx_http_core_module.html#underscores_in_headers",
            },
            certainty: Possible,
            find: underscore,
        },
        Rule {
            code: "credential-dropped",
            about: "the credential was sent, and the server says that none arrived",
            explain: "Something between client and application takes `Authorization` away: a proxy or gateway that does not pass it on, or CGI and WSGI servers that must be told to (`CGIPassAuth On`, `WSGIPassAuthorization On`). Ask the application directly and compare.",
            link: Link {
                title: "Apache, CGIPassAuth",
                url: "https://httpd.apache.org/docs/2.4/mod/core.html#cgipassauth",
            },
            certainty: Likely,
            find: dropped,
        },
    ],
};

const CSRF: Link = Link {
    title: "OWASP, Cross-Site Request Forgery Prevention",
    url: "https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html",
};

fn quoted_or(facts: &Facts, otherwise: &str) -> String {
    facts.answer.as_ref().and_then(crate::evidence::Answer::quoted).unwrap_or_else(|| otherwise.to_owned())
}

fn csrf(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|a| matches!(a.status, 400 | 401 | 403 | 419 | 422))?;
    if !answer.says(Word::Forgery) && answer.status != 419 {
        return None;
    }
    let leg = facts.leg()?;
    let header = leg.fields.iter().find(|f| f.contains("csrf") || f.contains("xsrf"));
    let cookie = facts
        .cookies
        .sent
        .iter()
        .any(|c| c.to_ascii_lowercase().contains("csrf") || c.to_ascii_lowercase().contains("xsrf"));
    let found = match header {
        Some(name) if !cookie => Found::new(format!(
            "the server refuses the token against request forgery: `{name}` was sent, and no cookie that goes with it"
        )),
        Some(name) => {
            Found::new(format!("the server refuses the token against request forgery that was sent in `{name}`"))
        }
        None => Found::new("the server wants a token against request forgery (CSRF), and does not find the right one"),
    };
    let found = found
        .seen(format!("{} in the answer to {} {}", answer.status, leg.method, leg.path))
        .seen(quoted_or(facts, "its text is about request forgery"));
    Some(match header {
        Some(_) => found
            .next("read the token again after the login, from the page or cookie of the same session")
            .next("some servers also want `Origin` or `Referer`"),
        None => found.next(
            "fetch the page first, capture its token and send it as the form field or header that the server documents",
        ),
    })
}

fn rate(facts: &Facts) -> Option<Found> {
    let answer =
        facts.surprise().filter(|a| a.status == 429 || matches!(a.status, 401 | 403 | 503) && a.says(Word::Rate))?;
    // A lock of an account is told as such.
    if answer.says(Word::Locked) {
        return None;
    }
    let wait = answer.retry_after.as_ref().map(|t| format!("`Retry-After` is {t}"));
    Some(
        Found::new("the server takes no more requests for now: there were too many in a short time")
            .seen(format!("{} in the answer", answer.status))
            .seen_if(wait)
            .seen_if(answer.quoted())
            .next("send fewer at once (`--jobs`, `--jobs-per-host`), or raise the limit in the test environment"),
    )
}

/// What to do where a login page is what refuses.
const AS_REFUSAL: &str = "if that is how it refuses, say what `deny` means under `outcomes`, such as `{ status: 200, html: { \"input[type=password]\": { exists: true } } }`";

fn login_page(facts: &Facts) -> Option<Found> {
    // What is declared as a refusal of nobody has its own words.
    if facts.purpose == Purpose::Login || (facts.wanted.refusal && facts.session.as_nobody) {
        return None;
    }
    let answer = facts.answer.as_ref()?;
    let led = facts.legs.len() > 1 && answer.page == Page::Login;
    let away = answer.to_login && (300..400).contains(&answer.status);
    // A page with a password field may be what was asked for.
    let asked = facts
        .legs
        .first()
        .is_some_and(|l| l.path.to_ascii_lowercase().contains("log") || l.path.to_ascii_lowercase().contains("sign"));
    if asked || !(led || away || answer.page == Page::Login) {
        return None;
    }
    let who = facts.name().map_or("the caller".to_owned(), |n| format!("`{n}`"));
    let what = if away {
        format!("{} points to {}", answer.status, answer.location.as_deref().unwrap_or("the login page"))
    } else {
        format!("the answer is a page with a password field, status {}", answer.status)
    };
    let found =
        Found::new(format!("{who} is not logged in here: the server shows the way to its login page")).seen(what);
    let found = match facts.cookies.sent.as_slice() {
        [] if facts.sent.is_empty() => found.seen("neither cookie nor other credential was sent"),
        [] => found.seen("no cookie was sent, and a page like this usually wants one"),
        names => found
            .seen(format!("sent: {}", names.iter().take(4).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", "))),
    };
    let found = if facts.wanted.refusal && answer.status / 100 == 2 { found.next(AS_REFUSAL) } else { found };
    Some(match &facts.sender {
        Sender::Identity { .. } => found
            .next("see whether the login really logs in: give its scheme a `whoami`")
            .next("send `Accept: application/json`, which many servers answer with a plain 401"),
        Sender::Nobody | Sender::Anonymous | Sender::Entering { .. } => {
            found.next("say who sends it with `as:`, or expect the redirect if nobody should get in")
        }
    })
}

fn error_with_200(facts: &Facts) -> Option<Found> {
    let answer = facts.answer.as_ref().filter(|a| a.status < 300 && a.page == Page::JsonError)?;
    let found = Found::new("the answer says that it failed, although its status is that of success")
        .seen(quoted_or(facts, "its body has an `error`"))
        .seen(format!("{} in the answer", answer.status));
    // What a scheme asks by itself is judged by it already.
    Some(if facts.made {
        found.next("the server's log says why it failed; clients go by the status, so let it answer 4xx or 5xx")
    } else {
        found.next("expect something of the body as well: `json: { $.errors: { exists: false } }`")
    })
}

fn preflight(facts: &Facts) -> Option<Found> {
    let answer = facts.denied()?;
    let leg = facts.leg().filter(|l| l.method == "OPTIONS")?;
    let asks = leg.fields.iter().any(|f| f == "access-control-request-method");
    asks.then(|| {
        Found::new("the preflight is refused for lack of a credential, and browsers never send one with it")
            .seen(format!("OPTIONS {} answered {}", leg.path, answer.status))
            .next("let the server answer CORS before it checks credentials")
    })
}

fn origin(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|a| matches!(a.status, 400 | 401 | 403) && a.says(Word::Origin))?;
    let leg = facts.leg().filter(|l| l.fields.iter().any(|f| f == "origin"))?;
    Some(
        Found::new("the server does not allow the `Origin` that was sent")
            .seen(quoted_or(facts, "its text is about the origin"))
            .seen(format!("{} in the answer to {} {}", answer.status, leg.method, leg.path))
            .next("send the origin of the real front end, or none; or add it to the server's list"),
    )
}

fn quota(facts: &Facts) -> Option<Found> {
    let answer =
        facts.surprise().filter(|a| a.status == 402 || matches!(a.status, 403 | 429) && a.says(Word::Quota))?;
    Some(
        Found::new("the credential is good, and its quota or plan does not cover the request")
            .seen(format!("{} in the answer", answer.status))
            .seen_if(answer.quoted())
            .next("use an account with another plan, or wait for the next period"),
    )
}

fn certificate(facts: &Facts) -> Option<Found> {
    let told = facts.surprise().filter(|a| a.status >= 400 && a.says(Word::Certificate));
    let failed = facts.leg().and_then(|l| l.error.as_ref()).map(ToString::to_string);
    let failed = failed.filter(|e| e.contains("client certificate"));
    if told.is_none() && failed.is_none() {
        return None;
    }
    Some(
        Found::new("the server wants a client certificate, and none that it accepts was sent")
            .seen(failed.unwrap_or_else(|| quoted_or(facts, "its text is about the certificate")))
            .next("name certificate and key with `tls: { cert: …, key: … }`")
            .next("see whether the server trusts the authority that signed it"),
    )
}

fn crashed(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|a| matches!(a.status, 500 | 502..=504))?;
    let depends = answer.says(Word::Dependency);
    if facts.sent.is_empty() || !(facts.memory.guarded || depends) {
        return None;
    }
    let found = Found::new("the server broke while it looked at the credential")
        .seen(format!("{} with a credential", answer.status));
    let found =
        if facts.memory.guarded { found.seen("without one the same request was refused in this run") } else { found };
    Some(
        found
            .seen_if(answer.quoted())
            .next("look into the server's log; see whether it reaches its key set, token store and issuer"),
    )
}

fn underscore(facts: &Facts) -> Option<Found> {
    let answer = facts.denied()?;
    let leg = facts.leg()?;
    let name = leg.carried.iter().find(|f| f.contains('_'))?;
    (answer.challenge_error().is_none()).then(|| {
        Found::new(format!("the field `{name}` has a `_` in its name, and a server on the way may drop it"))
            .seen(format!("{} in the answer, as if no credential had arrived", answer.status))
            .seen_if((!answer.server.is_empty()).then(|| format!("answered by {}", answer.server)))
            .next("name the field with `-`, or switch `underscores_in_headers` on")
    })
}

fn dropped(facts: &Facts) -> Option<Found> {
    let answer = facts.denied().filter(|a| a.says(Word::Missing) && a.challenge_error().is_none())?;
    let sent = facts.keys().find(|s| s.in_authorization() && s.faults.is_empty())?;
    let asked = answer.schemes();
    let crate::evidence::Word68::Known(word) = &sent.word else { return None };
    // Another scheme than it asks for, or another field than it names, is a plainer cause.
    let other = !asked.is_empty() && asked.iter().all(|s| !s.eq_ignore_ascii_case(word));
    let elsewhere = answer.names.iter().any(|n| !n.eq_ignore_ascii_case("authorization"));
    if other || elsewhere || facts.crossed() {
        return None;
    }
    let between = (!answer.server.is_empty()).then(|| format!("answered by {}", answer.server));
    Some(
        Found::new("`authorization` was sent, and the application says that none arrived")
            .seen(quoted_or(facts, "its text says so"))
            .seen_if(between)
            .next("ask the application directly and compare: a proxy, gateway, CGI or WSGI server may not pass the field on")
            .next("see whether the application wants another scheme word"),
    )
}
