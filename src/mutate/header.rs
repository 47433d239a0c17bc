//! Where the credential stands and how it is written: the header level.

use super::due::{Basis, Due, Heard, Said};
use super::forged::{Forged, Unfit};
use super::presented::{Presented, length, put_query, raw_head};
use super::{Attacks, Challenge, Expect, Family, Mutation, Severity};
use crate::http::{FORM, Request};

/// Mutations of the credential's place and spelling.
pub(super) const FAMILY: Family =
    Family { name: "header", title: "Placement and syntax of the credential", rows: ROWS };

const REFUSED_OR_400: Expect = Expect::Refused(&[401, 400], Challenge::Some);
const NOT_SEEN: Expect = Expect::Refused(&[401], Challenge::Bare);
const NOT_SEEN_OR_400: Expect = Expect::Refused(&[401, 400], Challenge::Bare);

const BASE: Mutation = Mutation { expect: NOT_SEEN, ..super::BASE };

const ROWS: &[Mutation] = &[
    Mutation {
        id: "hdr-missing",
        about: "the request without its credential",
        explain: "The operation is open to anybody. Put the check in front of it, best as a default that routes opt out of.",
        refs: &["RFC 9110 section 11.4", "RFC 6750 section 3", "ASVS 8.3.1", "API2:2023", "CWE-306"],
        severity: Severity::Critical,
        ..BASE
    },
    Mutation {
        id: "hdr-empty",
        about: "the credential's header field with an empty value",
        explain: "An empty value was taken for a credential. Check for the scheme and a token, not for the field's presence.",
        refs: &["RFC 9110 section 11.6.2", "CWE-287"],
        severity: Severity::Critical,
        expect: NOT_SEEN_OR_400,
        apply: |p, _| Ok(Forged::new(p.with_field("")?, "the field is empty")),
        ..BASE
    },
    Mutation {
        id: "hdr-scheme-only",
        about: "the scheme word with nothing behind it",
        explain: "The scheme word alone opened the door. Refuse whatever is not followed by a token.",
        refs: &["RFC 6750 section 2.1", "CWE-287"],
        severity: Severity::Critical,
        expect: NOT_SEEN_OR_400,
        apply: |p, _| Ok(Forged::new(p.with_field(p.scheme()?.to_owned())?, "the scheme word stands alone")),
        ..BASE
    },
    Mutation {
        id: "hdr-scheme-space",
        about: "the scheme word with a blank and nothing behind it",
        explain: "The scheme word alone opened the door. Refuse whatever is not followed by a token.",
        refs: &["RFC 6750 section 2.1", "CWE-287"],
        severity: Severity::Critical,
        expect: NOT_SEEN_OR_400,
        apply: |p, _| {
            let head = raw_head(p.request, |name, value| {
                let scheme = p.field().is_ok_and(|(own, _)| own.eq_ignore_ascii_case(name));
                if scheme { format!("{} ", p.scheme().unwrap_or_default()).into_bytes() } else { value.to_vec() }
            });
            let forged =
                Forged::new(p.with_field(p.scheme()?.to_owned())?, "a blank follows the scheme word, and no token");
            Ok(Forged { head: Some(head), ..forged })
        },
        ..BASE
    },
    Mutation {
        id: "hdr-no-scheme",
        about: "the credential without the scheme word in front of it",
        explain: "The server reads the field without looking at the scheme; another scheme's credential may be taken for this one. Parse the scheme, then the token.",
        refs: &["RFC 9110 section 11.4", "RFC 6750 section 2.1"],
        severity: Severity::Low,
        expect: REFUSED_OR_400,
        apply: |p, _| {
            p.scheme()?;
            Ok(Forged::new(p.with_field(p.token()?.to_owned())?, "the scheme word is gone"))
        },
        ..BASE
    },
    Mutation {
        id: "hdr-wrong-scheme",
        about: "the credential behind the word of another scheme",
        explain: "The server does not look at the scheme word. Compare it, without case, with the schemes that the route takes.",
        refs: &["RFC 9110 section 11.1", "CWE-287"],
        severity: Severity::Low,
        expect: Expect::Refused(&[401, 400], Challenge::Bare),
        apply: |p, _| {
            let other = if p.scheme()?.eq_ignore_ascii_case("token") { "Foo" } else { "Token" };
            Ok(Forged::new(p.with_field(format!("{other} {}", p.token()?))?, format!("the scheme word is `{other}`")))
        },
        ..BASE
    },
    Mutation {
        id: "hdr-lowercase-scheme",
        about: "the scheme word in lower case: it has to be taken",
        explain: "Scheme words are compared without case. A server that refuses this refuses correct clients.",
        refs: &["RFC 9110 section 11.1"],
        severity: Severity::Low,
        expect: Expect::Taken,
        apply: |p, _| {
            let word = p.scheme()?;
            let other = if word.to_lowercase() == word { word.to_uppercase() } else { word.to_lowercase() };
            Ok(Forged::new(p.with_field(format!("{other} {}", p.token()?))?, format!("the scheme word is `{other}`")))
        },
        ..BASE
    },
    Mutation {
        id: "hdr-double-space",
        about: "two blanks between the scheme word and the credential",
        explain: "The grammar allows more than one blank, many servers do not; only a crash is wrong.",
        refs: &["RFC 9110 section 11.4", "RFC 6750 section 2.1"],
        severity: Severity::Low,
        expect: Expect::Either,
        apply: |p, _| {
            Ok(Forged::new(
                p.with_field(format!("{}  {}", p.scheme()?, p.token()?))?,
                "two blanks follow the scheme word",
            ))
        },
        ..BASE
    },
    Mutation {
        id: "hdr-tab-sep",
        about: "a tab between the scheme word and the credential",
        explain: "A tab is no separator here. Two parsers that see it differently can be played against each other.",
        refs: &["RFC 9110 section 11.4", "CWE-436"],
        severity: Severity::Low,
        expect: REFUSED_OR_400,
        apply: |p, _| {
            Ok(Forged::new(p.with_field(format!("{}\t{}", p.scheme()?, p.token()?))?, "a tab follows the scheme word"))
        },
        ..BASE
    },
    Mutation {
        id: "hdr-double-bearer",
        about: "the scheme word twice",
        explain: "The server searches the field for something that looks like a token. Parse it by the grammar.",
        refs: &["RFC 6750 section 2.1"],
        severity: Severity::Low,
        expect: REFUSED_OR_400,
        apply: |p, _| {
            let word = p.scheme()?;
            Ok(Forged::new(p.with_field(format!("{word} {word} {}", p.token()?))?, "the scheme word stands twice"))
        },
        ..BASE
    },
    Mutation {
        id: "hdr-quoted",
        about: "the credential in quotes",
        explain: "The server strips quotes that belong to no grammar. Take the token as it stands.",
        refs: &["RFC 6750 section 2.1"],
        severity: Severity::Low,
        expect: REFUSED_OR_400,
        apply: |p, _| {
            Ok(Forged::new(
                p.with_field(format!("{} \"{}\"", p.scheme()?, p.token()?))?,
                "the credential stands in quotes",
            ))
        },
        ..BASE
    },
    Mutation {
        id: "hdr-trailing-ws",
        about: "blanks behind the credential: they are no part of the value",
        explain: "Blanks around a field's value are dropped by every HTTP parser. A server that refuses this reads the raw line.",
        refs: &["RFC 9110 section 5.5"],
        severity: Severity::Low,
        expect: Expect::Taken,
        apply: |p, _| {
            let (field, _) = p.field()?;
            let head = raw_head(p.request, |name, value| {
                if field.eq_ignore_ascii_case(name) { [value, b"  "].concat() } else { value.to_vec() }
            });
            Ok(Forged { head: Some(head), ..Forged::new(p.request.clone(), "two blanks follow the value") })
        },
        ..BASE
    },
    Mutation {
        id: "hdr-inner-newline",
        about: "a line break inside the credential's header field",
        explain: "The server unfolds or splits the field, so that what stands behind the break becomes a field of its own. Answer 400 to it.",
        refs: &["RFC 9110 section 5.5", "RFC 9112 section 5.2", "ASVS 4.2.4", "CWE-113"],
        severity: Severity::Medium,
        attacks: Attacks::Yes,
        expect: Expect::Refused(&[400, 401], Challenge::Some),
        apply: |p, _| inside(p, b"\r\n ", "a line break stands in front of the credential's last characters"),
        ..BASE
    },
    Mutation {
        id: "hdr-nul-ctl",
        about: "a NUL byte inside the credential's header field",
        explain: "A NUL ends the text for some parsers and not for others. Answer 400 to it.",
        refs: &["RFC 9110 section 5.5", "CWE-158"],
        severity: Severity::Medium,
        attacks: Attacks::Yes,
        expect: Expect::Refused(&[400, 401], Challenge::Some),
        apply: |p, _| inside(p, b"\0", "a NUL byte stands in front of the credential's last characters"),
        ..BASE
    },
    Mutation {
        id: "hdr-nonascii",
        about: "a letter outside ASCII behind the credential",
        explain: "The server drops characters that it does not know, so that two texts are one token. Compare the bytes.",
        refs: &["RFC 6750 section 2.1"],
        severity: Severity::Low,
        expect: REFUSED_OR_400,
        apply: |p, _| Ok(Forged::new(p.with_token(&format!("{}é", p.token()?))?, "an `é` follows the credential")),
        ..BASE
    },
    Mutation {
        id: "hdr-comma-list",
        about: "the credential and a wrong one in one field, with a comma",
        explain: "`Authorization` is no list. A server that picks one of several can be shown one credential and its gateway another.",
        refs: &["RFC 9110 section 5.3", "CWE-436"],
        severity: Severity::Medium,
        attacks: Attacks::Yes,
        expect: REFUSED_OR_400,
        apply: |p, _| {
            let word = p.scheme()?;
            Ok(Forged::new(
                p.with_field(format!("{word} {}, {word} wrong", p.token()?))?,
                "a second, wrong credential follows a comma",
            ))
        },
        ..BASE
    },
    Mutation {
        id: "hdr-duplicate-good-bad",
        about: "the credential's header field twice: the good one, then a wrong one",
        explain: "The server takes the first line. If its gateway takes the last, each sees another caller. Answer 400 to a repeated field.",
        refs: &["RFC 9110 section 5.3", "CWE-436", "CWE-444"],
        severity: Severity::Medium,
        attacks: Attacks::Yes,
        expect: REFUSED_OR_400,
        apply: |p, _| twice(p, true),
        ..BASE
    },
    Mutation {
        id: "hdr-duplicate-bad-good",
        about: "the credential's header field twice: a wrong one, then the good one",
        explain: "The server takes the last line. If its gateway takes the first, each sees another caller. Answer 400 to a repeated field.",
        refs: &["RFC 9110 section 5.3", "CWE-436", "CWE-444"],
        severity: Severity::Medium,
        attacks: Attacks::Yes,
        expect: REFUSED_OR_400,
        apply: |p, _| twice(p, false),
        ..BASE
    },
    Mutation {
        id: "hdr-alt-name",
        about: "the credential in `X-Auth-Token` instead of its own header field",
        explain: "There is a second, undocumented way in, which gateways, logs and tests do not know. Read the credential at one place.",
        refs: &["ASVS 6.3.4", "CWE-1390"],
        severity: Severity::Medium,
        apply: |p, _| elsewhere(p, "x-auth-token", ""),
        ..BASE
    },
    Mutation {
        id: "hdr-alt-authorization",
        about: "the credential in `X-Authorization` instead of its own header field",
        explain: "There is a second, undocumented way in, which gateways, logs and tests do not know. Read the credential at one place.",
        refs: &["ASVS 6.3.4", "CWE-1390"],
        severity: Severity::Medium,
        apply: |p, _| {
            let (_, before) = p.field()?;
            elsewhere(p, "x-authorization", before)
        },
        ..BASE
    },
    Mutation {
        id: "hdr-alt-proxy",
        about: "the credential in `Proxy-Authorization` instead of its own header field",
        explain: "What is meant for a proxy was taken for the server's own. Read `Authorization` alone.",
        refs: &["RFC 9110 section 11.7.2", "ASVS 6.3.4", "CWE-1390"],
        severity: Severity::Medium,
        apply: |p, _| {
            let (_, before) = p.field()?;
            elsewhere(p, "proxy-authorization", before)
        },
        ..BASE
    },
    Mutation {
        id: "hdr-underscore-name",
        about: "the credential's header field with `_` in place of `-` in its name",
        explain: "A gateway folds `_` and `-` together, so that fields which it filters come in by another name. Drop names with underscores.",
        refs: &["CWE-436"],
        severity: Severity::Medium,
        apply: |p, _| {
            let (name, before) = p.field()?;
            if !name.contains('-') {
                return Err(Unfit::not_here("the name of the credential's field has no hyphen"));
            }
            let (other, before) = (name.replace('-', "_"), before.to_owned());
            elsewhere(p, &other, &before)
        },
        ..BASE
    },
    Mutation {
        id: "hdr-oversize",
        about: "a credential of 20 KB",
        explain: "A huge field has to be refused early: 431, 400 or 401, and never with a crash.",
        refs: &["RFC 6585 section 5", "ASVS 4.2.5"],
        severity: Severity::Medium,
        expect: Expect::Refused(&[401, 400, 431, 413], Challenge::Any),
        apply: |p, _| {
            Ok(Forged::new(
                p.with_token(&format!("{}{}", p.token()?, "a".repeat(20_000)))?,
                "20 000 letters follow the credential",
            ))
        },
        ..BASE
    },
    Mutation {
        id: "loc-query",
        about: "the credential as `?access_token=` instead of its own place",
        explain: "Query strings end in logs, histories and referrers. OAuth 2.1 forbids it; read the header alone.",
        refs: &["RFC 6750 section 2.3", "RFC 9700 section 4.3", "ASVS 14.2.1", "API2:2023", "CWE-598"],
        severity: Severity::Medium,
        expect: NOT_SEEN_OR_400,
        apply: |p, _| {
            p.field()?;
            let mut request = p.moved()?;
            put_query(&mut request, "access_token", Some(p.token()?))?;
            Ok(Forged::new(request, "the credential stands in the query"))
        },
        ..BASE
    },
    Mutation {
        id: "loc-form",
        about: "the credential as `access_token` in a form in the body instead of its own place",
        explain: "Bodies end in logs and are built by pages of anybody. RFC 6750 allows this place only where no other one will do; read the header alone.",
        refs: &["RFC 6750 section 2.2", "RFC 9700 section 4.3", "ASVS 6.3.4", "CWE-1390"],
        severity: Severity::Medium,
        expect: NOT_SEEN_OR_400,
        apply: |p, _| {
            p.field()?;
            let mut request = p.moved()?;
            put_form(&mut request, "access_token", p.token()?)?;
            Ok(Forged::new(request, "the credential stands in the form"))
        },
        ..BASE
    },
    Mutation {
        id: "loc-cookie",
        about: "the credential as a cookie `access_token` instead of its own place",
        explain: "Cookies travel by themselves, so this way in is open to cross-site requests. Read the header alone.",
        refs: &["ASVS 6.3.4", "CWE-352"],
        severity: Severity::Medium,
        apply: |p, _| {
            p.field()?;
            let mut request = p.moved()?;
            request.headers.put_cookie("access_token", Some(p.token()?));
            Ok(Forged::new(request, "the credential stands in a cookie"))
        },
        ..BASE
    },
    Mutation {
        id: "loc-multi",
        about: "the credential in its own place and as `?access_token=` as well",
        explain: "A server that reads both places has to refuse two credentials in one request (400 `invalid_request`): what stands in front of it may have looked at the other one. One that reads no token from the query passes over it, and need not do more.",
        refs: &["RFC 6750 section 3.1", "CWE-436"],
        severity: Severity::Low,
        expect: Expect::Says(&Due {
            words: "a refusal, 400 by the RFC; a server that does not read the second place passes over it",
            fault: "two credentials in one request are answered with something else",
            basis: Basis::Nothing,
            judge: two,
        }),
        apply: |p, _| {
            if !p.is_bearer() {
                return Err(Unfit::not_here("the query has no place for a credential of this kind"));
            }
            let mut request = p.request.clone();
            put_query(&mut request, "access_token", Some(p.token()?))?;
            Ok(Forged::new(request, "the credential stands in the query as well"))
        },
        ..BASE
    },
];

/// Two credentials are refused, or one of them is not looked at.
fn two(heard: &Heard<'_>) -> Said {
    match heard.response.status {
        status @ 200..=299 => Said::Lax(format!("{status}: one of the two is passed over")),
        status => Said::Due(status.to_string()),
    }
}

/// Adds a field to a form, or makes one of a body that is none (RFC 6750, section 2.2: never of a GET).
fn put_form(request: &mut Request, name: &str, value: &str) -> Result<(), Unfit> {
    if matches!(&*request.method, "GET" | "HEAD") {
        return Err(Unfit::not_here("the method has no place for a form"));
    }
    let no_form = || Unfit::not_here("the body is none that a field could be added to");
    if !request.body.is_empty() && !request.is_form() {
        return Err(no_form());
    }
    let before = std::str::from_utf8(&request.body).map_err(|_| no_form())?;
    let pair = url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
    request.body = if before.is_empty() { pair } else { format!("{before}&{pair}") }.into();
    if !request.is_form() {
        request.headers.set("content-type", FORM);
    }
    length(request);
    Ok(())
}

/// Puts bytes in front of the credential's last four characters, which no HTTP library would send.
fn inside(p: &Presented<'_>, bytes: &[u8], change: &str) -> Result<Forged, Unfit> {
    let (field, before) = p.field()?;
    let token = p.token()?;
    let at = token.len().saturating_sub(4);
    let (Some(first), Some(last)) = (token.get(..at), token.get(at..)) else {
        return Err(Unfit::not_here("the credential is not plain ASCII"));
    };
    let head = raw_head(p.request, |name, value| {
        if field.eq_ignore_ascii_case(name) {
            [before.as_bytes(), first.as_bytes(), bytes, last.as_bytes()].concat()
        } else {
            value.to_vec()
        }
    });
    let shown = p.with_token(&format!("{first}{}{last}", bytes.escape_ascii()))?;
    Ok(Forged { head: Some(head), ..Forged::new(shown, change) })
}

fn twice(p: &Presented<'_>, good_first: bool) -> Result<Forged, Unfit> {
    let (name, before) = p.field()?;
    let (good, bad) = (format!("{before}{}", p.token()?), format!("{before}wrong"));
    let (first, second) = if good_first { (good, bad) } else { (bad, good) };
    let mut request = p.with_field(first)?;
    request.headers.add(name, second);
    Ok(Forged::new(request, if good_first { "a second line is wrong" } else { "the first of two lines is wrong" }))
}

fn elsewhere(p: &Presented<'_>, name: &str, before: &str) -> Result<Forged, Unfit> {
    let (own, _) = p.field()?;
    if own.eq_ignore_ascii_case(name) {
        return Err(Unfit::not_here(format!("the credential stands in `{name}` anyway")));
    }
    let mut request = p.without()?;
    request.headers.add(name, format!("{before}{}", p.token()?));
    Ok(Forged::new(request, format!("the credential stands in `{name}`")))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::super::testing::{get, kit};
    use super::super::{Answered, Forged, Grade, Unfit, mutation};
    use super::Presented;
    use crate::http::{Headers, Response};

    fn forge(id: &str, name: &str, value: &str) -> Result<Forged, Unfit> {
        let request = get("/me", &[(name, value)]);
        let known = [("access_token".into(), json!("secret-token"))];
        let presented = Presented::new(&request, &known, &[name.to_owned()], &[]);
        (mutation(id).unwrap().apply)(&presented, &kit())
    }

    fn field(id: &str) -> String {
        forge(id, "authorization", "Bearer secret-token")
            .unwrap()
            .request
            .headers
            .text("authorization")
            .unwrap_or_default()
    }

    #[test]
    fn each_row_changes_what_it_says() {
        assert_eq!(field("hdr-missing"), "");
        assert_eq!(field("hdr-scheme-only"), "Bearer");
        assert_eq!(field("hdr-no-scheme"), "secret-token");
        assert_eq!(field("hdr-wrong-scheme"), "Token secret-token");
        assert_eq!(field("hdr-lowercase-scheme"), "bearer secret-token");
        assert_eq!(field("hdr-double-bearer"), "Bearer Bearer secret-token");
        assert_eq!(field("hdr-tab-sep"), "Bearer\tsecret-token");
        assert_eq!(field("hdr-quoted"), "Bearer \"secret-token\"");
        let twice = forge("hdr-duplicate-bad-good", "authorization", "Bearer secret-token").unwrap().request;
        let lines: Vec<_> = twice.headers.all("authorization").collect();
        assert_eq!(lines, ["Bearer wrong", "Bearer secret-token"]);
        let query = forge("loc-query", "authorization", "Bearer secret-token").unwrap().request;
        assert_eq!(
            (query.address.target(), query.headers.has("authorization")),
            ("/me?access_token=secret-token", false)
        );
    }

    #[test]
    fn a_server_that_does_not_read_the_query_passes_over_it() {
        let row = mutation("loc-multi").unwrap();
        let sent = forge("loc-multi", "authorization", "Bearer secret-token").unwrap().request;
        assert_eq!(sent.address.target(), "/me?access_token=secret-token");
        let grade = |status: u16| {
            let response = Response { status, version: "HTTP/1.1", headers: Headers::default(), body: Bytes::new() };
            let answered = Answered {
                sent: &sent,
                response: &response,
                good: None,
                sent_away: false,
                bearer: true,
                challenged: true,
            };
            row.expect.grade(answered).map(|graded| (graded.grade, graded.held)).unwrap()
        };
        assert_eq!(grade(400), (Grade::AsDue, true));
        assert_eq!(grade(200), (Grade::Amiss, true));
        assert_eq!(grade(500), (Grade::Crashed, false));
    }

    #[test]
    fn a_form_takes_the_credential_where_there_is_room_for_it() {
        const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
        let sent = |method: &str, fields: &[(&str, &str)], body: &str| {
            let bearer = ("authorization", "Bearer secret-token");
            let mut request = get("/me", &[&[bearer][..], fields].concat());
            (request.method, request.body) = (method.to_owned(), body.to_owned().into());
            let known = [("access_token".into(), json!("secret-token"))];
            let presented = Presented::new(&request, &known, &["authorization".to_owned()], &[]);
            (mutation("loc-form").unwrap().apply)(&presented, &kit()).map(|forged| forged.request)
        };
        let empty = sent("POST", &[], "").unwrap();
        assert_eq!((&empty.body[..], empty.headers.has("authorization")), (&b"access_token=secret-token"[..], false));
        assert_eq!(empty.headers.text("content-type").unwrap(), FORM.1);
        let more = sent("POST", &[FORM, ("content-length", "3")], "a=1").unwrap();
        assert_eq!(&more.body[..], b"a=1&access_token=secret-token");
        assert_eq!(more.headers.text("content-length").unwrap(), more.body.len().to_string());
        assert!(sent("GET", &[], "").is_err(), "a GET has no form");
        assert!(sent("POST", &[("content-type", "application/json")], "{}").is_err(), "JSON is no form");
    }

    /// What stands twice has to be a token by RFC 6750: another scheme's server knows no `access_token`.
    #[test]
    fn only_a_bearer_token_can_stand_in_the_query_as_well() {
        assert!(forge("loc-multi", "authorization", "Bearer secret-token").is_ok());
        assert!(forge("loc-multi", "authorization", "Basic secret-token").is_err());
        assert!(forge("loc-multi", "x-key", "secret-token").is_err());
    }

    #[test]
    fn what_a_library_would_refuse_goes_out_raw() {
        let forged = forge("hdr-nul-ctl", "authorization", "Bearer secret-token").unwrap();
        let head = String::from_utf8(forged.head.unwrap().to_vec()).unwrap();
        assert_eq!(head, "GET /me HTTP/1.1\r\nhost: api.example\r\nauthorization: Bearer secret-t\0oken\r\n\r\n");
    }

    #[test]
    fn what_has_no_sense_for_the_credential_does_not_apply() {
        for id in ["hdr-scheme-only", "hdr-no-scheme", "hdr-lowercase-scheme"] {
            assert!(matches!(forge(id, "x-key", "secret-token"), Err(Unfit::NotApplicable(_))), "{id}");
        }
        assert!(forge("hdr-underscore-name", "authorization", "Bearer secret-token").is_err());
        assert!(forge("hdr-underscore-name", "x-key", "secret-token").unwrap().request.headers.has("x_key"));
    }
}
