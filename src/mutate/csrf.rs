//! Forged requests: what a page of somebody else can make a browser send, with the victim's cookie and without what only
//! the site's own pages know.
//!
//! They start from a request that changes something and is accepted as it is. Nothing else can stand in for that: a
//! request that is refused for its fields, or its path, is refused with any token.

use super::forged::{Forged, Unfit};
use super::presented::{Presented, is_csrf, length};
use super::session::flipped;
use super::{Aim, Challenge, Class, Expect, Family, Mutation, Severity};
use crate::http::{Request, is_safe};

/// Mutations of what a site's own pages send along.
pub(super) const FAMILY: Family = Family { name: "csrf", title: "Forged requests", rows: ROWS };

const BASE: Mutation = Mutation {
    aim: Aim::Change,
    class: Class::Destructive,
    severity: Severity::High,
    expect: Expect::Refused(&[403, 419, 422, 400], Challenge::Any),
    explain: "Any page can make its visitors send this, and their cookies travel along. Refuse a change that does not carry the token of its session.",
    refs: &["ASVS 3.5.1", "WSTG-SESS-05", "CWE-352"],
    ..super::BASE
};

/// Where foreign pages are.
const ELSEWHERE: &str = "https://authspec-elsewhere.example";

const ROWS: &[Mutation] = &[
    Mutation {
        id: "csrf-missing",
        about: "the change without the token that the site's own pages send along",
        apply: |p, _| changed(p, |_| None, "the token against forged requests is left out"),
        ..BASE
    },
    Mutation {
        id: "csrf-empty",
        about: "the change with an empty token",
        apply: |p, _| changed(p, |_| Some(String::new()), "the token against forged requests is empty"),
        ..BASE
    },
    Mutation {
        id: "csrf-wrong",
        about: "the change with a token of which one character is another",
        apply: |p, _| changed(p, flipped, "one character of the token against forged requests is another"),
        ..BASE
    },
    Mutation {
        id: "csrf-origin-foreign",
        about: "the change with the `Origin` of a foreign page, everything else as it was",
        explain: "Browsers say where a request comes from, and the server does not look. A token does the same; where there is none, refuse a change whose `Origin` is not your own.",
        refs: &["ASVS 3.5.1", "ASVS 3.5.3", "CWE-352"],
        severity: Severity::Medium,
        apply: |p, _| {
            let mut request = change(p)?.clone();
            request.headers.remove("referer");
            request.headers.set("Origin", ELSEWHERE);
            request.headers.set("Sec-Fetch-Site", "cross-site");
            Ok(Forged::new(request, format!("the origin is `{ELSEWHERE}`")))
        },
        ..BASE
    },
    Mutation {
        id: "csrf-simple-ct",
        about: "the change as the form of a foreign page can send it: JSON as `text/plain`, without fields that take a script",
        explain: "A form sends JSON as `text/plain` without asking for leave, with the visitor's cookies. Where no token is wanted, take JSON as `application/json` only: browsers ask before they send that to another site.",
        refs: &["ASVS 3.5.2", "WSTG-SESS-05", "CWE-352"],
        expect: Expect::Refused(&[415, 403, 400, 419, 422], Challenge::Any),
        severity: Severity::Medium,
        apply: |p, _| by_form(p),
        ..BASE
    },
];

/// Types that a form of any page can send (Fetch, "CORS-safelisted request-header").
const SIMPLE: &[&str] = &["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];

/// Fields that the browser writes itself, or that any page may write.
const PLAIN: &[&str] = &["accept", "accept-language", "content-length", "content-type", "cookie", "user-agent"];

/// The request as a form of a foreign page sends it.
fn by_form(p: &Presented<'_>) -> Result<Forged, Unfit> {
    let mut request = change(p)?.clone();
    if request.method != "POST" {
        return Err(Unfit::not_here(format!("no form sends `{}`", request.method)));
    }
    let kind = request.headers.text("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if request.body.is_empty() || SIMPLE.iter().any(|simple| simple.eq_ignore_ascii_case(kind)) {
        return Err(Unfit::not_here(
            "a form can send this as it is; `csrf-origin-foreign` asks whether its origin is looked at",
        ));
    }
    let names: Vec<String> = request.headers.iter().map(|(name, _)| name.to_owned()).collect();
    for name in names.iter().filter(|name| !PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(name))) {
        request.headers.remove(name);
    }
    request.headers.set("Content-Type", "text/plain");
    request.headers.set("Origin", ELSEWHERE);
    request.headers.set("Sec-Fetch-Site", "cross-site");
    Ok(Forged::new(request, format!("it is sent as `text/plain` from `{ELSEWHERE}`")))
}

/// The request, if it changes something in the name of whoever holds the cookie.
fn change<'a>(p: &Presented<'a>) -> Result<&'a Request, Unfit> {
    p.cookie()?;
    if is_safe(&p.request.method) {
        return Err(Unfit::not_here(format!("`{}` changes nothing", p.request.method)));
    }
    Ok(p.request)
}

/// The request with another token in each of its places, or without.
fn changed(p: &Presented<'_>, other: fn(&str) -> Option<String>, what: &str) -> Result<Forged, Unfit> {
    let mut request = change(p)?.clone();
    let fields: Vec<String> = request.headers.iter().map(|(n, _)| n.to_owned()).filter(|n| is_csrf(n)).collect();
    for name in &fields {
        let value = request.headers.text(name).unwrap_or_default();
        match other(&value) {
            Some(value) => request.headers.set(name.clone(), value),
            None => request.headers.remove(name),
        }
    }
    in_form(&mut request, other);
    if request == *p.request {
        return Err(Unfit::not_here(
            "the request carries no token against forged requests in a field or form; `csrf-origin-foreign` asks whether its origin is looked at",
        ));
    }
    Ok(Forged::new(request, what))
}

/// Changes the tokens in a form.
fn in_form(request: &mut Request, other: fn(&str) -> Option<String>) {
    if !request.is_form() {
        return;
    }
    let Ok(body) = std::str::from_utf8(&request.body) else { return };
    let one = |pair: &str| -> Option<String> {
        let (name, value) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
        if !is_csrf(&name) {
            return Some(pair.to_owned());
        }
        let value = other(&value)?;
        Some(url::form_urlencoded::Serializer::new(String::new()).append_pair(&name, &value).finish())
    };
    request.body = body.split('&').filter_map(one).collect::<Vec<_>>().join("&").into();
    length(request);
}

#[cfg(test)]
mod tests {
    use super::super::testing::{get, kit};
    use super::super::{Forged, Unfit, mutation};
    use super::{FAMILY, Presented};
    use crate::http::Request;

    fn post(fields: &[(&str, &str)], body: &str) -> Request {
        let mut request = get("/profile", fields);
        request.method = "POST".to_owned();
        request.body = body.to_owned().into();
        request
    }

    fn forge(id: &str, request: &Request) -> Result<Forged, Unfit> {
        let cookies = ["sid".to_owned(), "csrftoken".to_owned()];
        (mutation(id).unwrap().apply)(&Presented::new(request, &[], &[], &cookies), &kit())
    }

    const COOKIE: (&str, &str) = ("cookie", "csrftoken=c-1; sid=77");
    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

    #[test]
    fn the_token_is_changed_wherever_it_stands() {
        let field = post(&[COOKIE, ("X-CSRFToken", "ab2cd")], "a=1");
        let sent = |id: &str| forge(id, &field).unwrap().request;
        assert!(!sent("csrf-missing").headers.has("x-csrftoken"));
        assert_eq!(sent("csrf-empty").headers.text("x-csrftoken").unwrap(), "");
        assert_eq!(sent("csrf-wrong").headers.text("x-csrftoken").unwrap(), "ab7cd");
        for id in ["csrf-missing", "csrf-empty", "csrf-wrong"] {
            assert_eq!((sent(id).headers.text("cookie"), sent(id).body), (field.headers.text("cookie"), "a=1".into()));
        }
        let form = post(&[COOKIE, FORM, ("content-length", "27")], "a=%20x&_csrf=a%2B2cd&b=&_csrf");
        let body = |id: &str| {
            let request = forge(id, &form).unwrap().request;
            assert_eq!(request.headers.text("content-length").unwrap(), request.body.len().to_string());
            String::from_utf8(request.body.to_vec()).unwrap()
        };
        assert_eq!(body("csrf-missing"), "a=%20x&b=");
        assert_eq!(body("csrf-empty"), "a=%20x&_csrf=&b=&_csrf=");
        assert_eq!(body("csrf-wrong"), "a=%20x&_csrf=a%2B7cd&b=");
    }

    #[test]
    fn a_foreign_page_has_an_origin_of_its_own() {
        let sent =
            forge("csrf-origin-foreign", &post(&[COOKIE, ("origin", "https://a"), ("referer", "https://a/x")], ""));
        let headers = sent.unwrap().request.headers;
        assert!(headers.text("origin").unwrap().contains("elsewhere") && !headers.has("referer"));
        assert_eq!(headers.text("sec-fetch-site").unwrap(), "cross-site");
    }

    #[test]
    fn a_form_sends_json_as_text() {
        const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
        let request = post(
            &[COOKIE, JSON, ("X-Requested-With", "app"), ("X-CSRFToken", "ab2cd"), ("referer", "https://a/x")],
            "{}",
        );
        let sent = forge("csrf-simple-ct", &request).unwrap().request;
        let text = |name: &str| sent.headers.text(name).unwrap_or_default();
        assert_eq!((text("content-type"), text("cookie")), ("text/plain".to_owned(), COOKIE.1.to_owned()));
        assert!(text("origin").contains("elsewhere") && text("sec-fetch-site") == "cross-site");
        assert!(!["x-requested-with", "x-csrftoken", "referer"].iter().any(|name| sent.headers.has(name)));
        assert_eq!(sent.body, request.body);
        // A form can send these as they are, or not at all.
        for (fields, body) in
            [(&[COOKIE, FORM][..], "a=1"), (&[COOKIE, ("content-type", "Text/Plain")], "{}"), (&[COOKIE, JSON], "")]
        {
            assert!(matches!(forge("csrf-simple-ct", &post(fields, body)), Err(Unfit::NotApplicable(_))), "{body}");
        }
        let mut put = post(&[COOKIE, JSON], "{}");
        put.method = "PUT".to_owned();
        assert!(matches!(forge("csrf-simple-ct", &put), Err(Unfit::NotApplicable(_))));
    }

    #[test]
    fn only_changes_by_cookie_can_be_forged() {
        for row in FAMILY.rows {
            let no = |request: &Request| matches!(forge(row.id, request), Err(Unfit::NotApplicable(_)));
            assert!(no(&get("/profile", &[COOKIE, ("X-CSRFToken", "ab2cd")])), "{}", row.id);
            assert!(no(&post(&[("authorization", "Bearer 77"), ("X-CSRFToken", "ab2cd")], "")), "{}", row.id);
        }
        assert!(forge("csrf-missing", &post(&[COOKIE, FORM], "a=1&scrf=2")).is_err(), "there is none");
        assert!(forge("csrf-missing", &post(&[COOKIE], "_csrf=2")).is_err(), "a body of another type is no form");
    }
}
