//! Ways around a refusal: paths, methods and header fields that one layer reads otherwise than the next.

use super::forged::{Forged, Unfit};
use super::presented::{Presented, put_query, raw_line, retarget};
use super::{Aim, Attacks, Challenge, Class, Expect, Family, Mutation, Severity};
use crate::http::Request;

/// Ways around a refusal.
pub(super) const FAMILY: Family = Family { name: "bypass", title: "Ways around a refusal", rows: ROWS };

pub(super) const BASE: Mutation = Mutation {
    aim: Aim::Bypass,
    attacks: Attacks::Yes,
    expect: Expect::Refused(&[401, 403, 404, 400, 405, 501], Challenge::Any),
    ..super::BASE
};

const PATH: &str = "The layer that guards the path reads it otherwise than the one that serves it. Normalise the path once, in front of every check, and guard in the application itself.";
const METHOD: &str = "The guard stands before some methods only. Guard the route, and say which methods it has.";
const OVERRIDE: &str = "The guard looks at one method, and the application runs another. Resolve the method once, in front of every check, or do not let it be overridden.";

/// What another method brings in does what that one does.
const OVERRIDDEN: Mutation =
    Mutation { explain: OVERRIDE, refs: &["WSTG-CONF-06", "CWE-650"], class: Class::Destructive, ..BASE };

/// Something beside the credential that says what the caller may do.
const ROLE: Mutation = Mutation {
    explain: "What anybody can write decides what the caller may do. Take roles from the credential alone.",
    refs: &["CWE-472", "CWE-302"],
    ..BASE
};

const ROWS: &[Mutation] = &[
    Mutation {
        id: "az-path-dslash",
        about: "the path with two slashes at its beginning",
        explain: PATH,
        refs: &["WSTG-ATHZ-02", "CWE-22"],
        apply: |p, _| path(p, |path| format!("/{path}"), "a second slash stands in front"),
        ..BASE
    },
    Mutation {
        id: "az-path-dslash-inner",
        about: "the path with its last slash doubled",
        explain: PATH,
        refs: &["WSTG-ATHZ-02", "CWE-22"],
        apply: |p, _| last(p, |folder, name| format!("{folder}//{name}"), "the last slash stands twice"),
        ..BASE
    },
    Mutation {
        id: "az-path-dot",
        about: "the path behind `/.`",
        explain: PATH,
        refs: &["WSTG-ATHZ-02", "CWE-22"],
        apply: |p, _| path(p, |path| format!("/.{path}"), "`/.` stands in front"),
        ..BASE
    },
    Mutation {
        id: "az-path-dotdot",
        about: "the path behind a made-up folder and `..`",
        explain: PATH,
        refs: &["WSTG-ATHZ-02", "CWE-22"],
        apply: |p, _| path(p, |path| format!("/x/..{path}"), "`/x/..` stands in front"),
        ..BASE
    },
    Mutation {
        id: "az-path-enc",
        about: "the first letter of the path percent-encoded",
        explain: PATH,
        refs: &["WSTG-ATHZ-02", "CWE-177"],
        apply: |p, _| encoded(p, "%"),
        ..BASE
    },
    Mutation {
        id: "az-path-enc-slash",
        about: "the last slash of the path percent-encoded",
        explain: PATH,
        refs: &["WSTG-ATHZ-02", "CWE-177"],
        apply: |p, _| last(p, |folder, name| format!("{folder}%2f{name}"), "the last slash is percent-encoded"),
        ..BASE
    },
    Mutation {
        id: "az-path-dblenc",
        about: "the first letter of the path percent-encoded twice",
        explain: PATH,
        refs: &["WSTG-ATHZ-02", "CWE-174"],
        apply: |p, _| encoded(p, "%25"),
        ..BASE
    },
    Mutation {
        id: "az-path-slash",
        about: "the path with a slash at its end, or without the one it has",
        explain: PATH,
        refs: &["WSTG-ATHZ-02"],
        apply: |p, _| {
            let other = |path: &str| path.strip_suffix('/').map_or_else(|| format!("{path}/"), ToOwned::to_owned);
            path(p, other, "the slash at the end is there or gone")
        },
        ..BASE
    },
    Mutation {
        id: "az-path-case",
        about: "the first segment of the path in capitals",
        explain: PATH,
        refs: &["WSTG-ATHZ-02", "CWE-178"],
        apply: |p, _| first(p, str::to_uppercase, "the first segment is in capitals"),
        ..BASE
    },
    Mutation {
        id: "az-path-case-last",
        about: "the last segment of the path in capitals",
        explain: PATH,
        refs: &["WSTG-ATHZ-02", "CWE-178"],
        apply: |p, _| {
            last(p, |folder, name| format!("{folder}/{}", name.to_uppercase()), "the last segment is in capitals")
        },
        ..BASE
    },
    Mutation {
        id: "az-path-matrix",
        about: "a path parameter (`;a=b`) behind the first segment",
        explain: PATH,
        refs: &["WSTG-ATHZ-02"],
        apply: |p, _| first(p, |segment| format!("{segment};a=b"), "`;a=b` follows the first segment"),
        ..BASE
    },
    Mutation {
        id: "az-path-matrix-last",
        about: "a path parameter (`;a=b`) behind the last segment",
        explain: PATH,
        refs: &["WSTG-ATHZ-02"],
        apply: |p, _| last(p, |folder, name| format!("{folder}/{name};a=b"), "`;a=b` follows the last segment"),
        ..BASE
    },
    Mutation {
        id: "az-path-suffix",
        about: "the path with `.json` at its end",
        explain: PATH,
        refs: &["WSTG-ATHZ-02"],
        apply: |p, _| path(p, |path| format!("{}.json", path.trim_end_matches('/')), "`.json` follows the path"),
        ..BASE
    },
    Mutation {
        id: "az-path-nul",
        about: "an encoded NUL (`%00`) behind the path",
        explain: PATH,
        refs: &["WSTG-ATHZ-02", "CWE-158"],
        apply: |p, _| behind(p, "%00"),
        ..BASE
    },
    Mutation {
        id: "az-path-query-tail",
        about: "an encoded question mark (`%3f`) behind the path",
        explain: PATH,
        refs: &["WSTG-ATHZ-02", "CWE-177"],
        apply: |p, _| behind(p, "%3f"),
        ..BASE
    },
    Mutation {
        id: "az-path-space-tail",
        about: "an encoded blank (`%20`) behind the path",
        explain: PATH,
        refs: &["WSTG-ATHZ-02", "CWE-41"],
        apply: |p, _| behind(p, "%20"),
        ..BASE
    },
    Mutation {
        id: "az-path-fragment-tail",
        about: "an encoded number sign (`%23`) behind the path",
        explain: PATH,
        refs: &["WSTG-ATHZ-02", "CWE-177"],
        apply: |p, _| behind(p, "%23"),
        ..BASE
    },
    Mutation {
        id: "az-path-backslash",
        about: "a backslash in place of the last slash of the path",
        explain: PATH,
        refs: &["WSTG-ATHZ-02", "CWE-41"],
        apply: |p, _| {
            let (folder, name) = p.request.address.path().rsplit_once('/').unwrap_or_default();
            if name.is_empty() {
                return Err(Unfit::not_here("the path ends with a slash"));
            }
            // The first byte of a request target has to be a slash, or no server would look at it.
            let lead = if folder.is_empty() { "/" } else { folder };
            verbatim(p, &format!("{lead}\\{name}"), "a backslash stands for the last slash")
        },
        ..BASE
    },
    Mutation {
        id: "az-path-unicode",
        about: "the first letter of the path as its full-width twin",
        explain: PATH,
        refs: &["WSTG-ATHZ-02", "CWE-176"],
        apply: |p, _| wide(p),
        ..BASE
    },
    Mutation {
        id: "az-path-semicolon-dotdot",
        about: "the path behind a made-up folder and `..;`",
        explain: PATH,
        refs: &["WSTG-ATHZ-02", "CWE-22"],
        apply: |p, _| path(p, |path| format!("/x/..;{path}"), "`/x/..;` stands in front"),
        ..BASE
    },
    Mutation {
        id: "az-absolute-form",
        about: "the whole URL as the request target, as a proxy is asked",
        explain: PATH,
        refs: &["RFC 9112 section 3.2.2", "CWE-436"],
        apply: |p, _| {
            let whole = format!("{}{}", p.request.address.base(), p.request.address.target());
            let head = raw_line(p.request, &whole);
            Ok(Forged { head: Some(head), ..Forged::new(p.request.clone(), "the target is the whole URL") })
        },
        ..BASE
    },
    Mutation {
        id: "az-verb-head",
        about: "HEAD in place of GET",
        explain: METHOD,
        refs: &["WSTG-CONF-06", "CWE-650"],
        severity: Severity::Medium,
        apply: |p, _| method(p, "HEAD"),
        ..BASE
    },
    Mutation {
        id: "az-verb-arbitrary",
        about: "a method that nobody knows",
        explain: METHOD,
        refs: &["WSTG-CONF-06", "CWE-650"],
        apply: |p, _| method(p, "FOO"),
        ..BASE
    },
    Mutation {
        id: "az-verb-trace",
        about: "TRACE in place of GET, which a server in use should not know",
        explain: "TRACE is answered: it repeats what it was sent, credentials included, or runs past the guard of the other methods. Turn it off.",
        refs: &["RFC 9110 section 9.3.8", "ASVS 13.4.4", "WSTG-CONF-06", "CWE-650"],
        severity: Severity::Medium,
        apply: |p, _| method(p, "TRACE"),
        ..BASE
    },
    Mutation {
        id: "az-method-override",
        about: "a harmless method, with the real one in `X-HTTP-Method-Override`",
        apply: |p, _| overridden(p, "x-http-method-override"),
        ..OVERRIDDEN
    },
    Mutation {
        id: "az-method-override-short",
        about: "a harmless method, with the real one in `X-Method-Override`",
        apply: |p, _| overridden(p, "x-method-override"),
        ..OVERRIDDEN
    },
    Mutation {
        id: "az-method-override-query",
        about: "a harmless method, with the real one as `?_method=`",
        apply: |p, _| {
            let mut request = carrier(p)?;
            put_query(&mut request, "_method", Some(&p.request.method))?;
            Ok(Forged::new(request, "the method stands in the query, as `_method`"))
        },
        ..OVERRIDDEN
    },
    Mutation {
        id: "az-param-role",
        about: "`?role=admin` beside what is asked for",
        apply: |p, _| parameter(p, "role", "admin"),
        ..ROLE
    },
    Mutation {
        id: "az-param-admin",
        about: "`?admin=true` beside what is asked for",
        apply: |p, _| parameter(p, "admin", "true"),
        ..ROLE
    },
    Mutation {
        id: "az-cookie-role",
        about: "a cookie `role=admin` beside what is sent",
        refs: &["CWE-565", "CWE-302"],
        apply: |p, _| {
            let mut request = p.request.clone();
            request.headers.put_cookie("role", Some("admin"));
            Ok(Forged::new(request, "a cookie says `role=admin`"))
        },
        ..ROLE
    },
];

/// The request with one more query parameter.
fn parameter(p: &Presented<'_>, name: &str, value: &str) -> Result<Forged, Unfit> {
    let mut request = p.request.clone();
    put_query(&mut request, name, Some(value))?;
    Ok(Forged::new(request, format!("`{name}={value}` stands in the query")))
}

/// The request with another path, its query kept.
fn path(p: &Presented<'_>, other: impl FnOnce(&str) -> String, change: &str) -> Result<Forged, Unfit> {
    let address = &p.request.address;
    if address.path() == "/" {
        return Err(Unfit::not_here("the path is the root"));
    }
    let query = if address.query().is_empty() { String::new() } else { format!("?{}", address.query()) };
    let mut request = p.request.clone();
    retarget(&mut request, &format!("{}{query}", other(address.path())))?;
    if request.address == p.request.address {
        return Err(Unfit::not_here("it makes no other path"));
    }
    Ok(Forged::new(request, change))
}

/// The request with another first segment.
fn first(p: &Presented<'_>, other: impl FnOnce(&str) -> String, change: &str) -> Result<Forged, Unfit> {
    path(
        p,
        |path| {
            let (segment, rest) = path[1..].split_once('/').map_or((&path[1..], None), |(s, r)| (s, Some(r)));
            let rest = rest.map(|rest| format!("/{rest}")).unwrap_or_default();
            format!("/{}{rest}", other(segment))
        },
        change,
    )
}

/// The path with its last segment, behind a folder, written otherwise.
fn last(p: &Presented<'_>, other: impl FnOnce(&str, &str) -> String, change: &str) -> Result<Forged, Unfit> {
    let parts =
        p.request.address.path().rsplit_once('/').filter(|(folder, name)| !folder.is_empty() && !name.is_empty());
    let (folder, name) = parts.ok_or_else(|| Unfit::not_here("the path has no last segment behind a folder"))?;
    let changed = other(folder, name);
    if changed == p.request.address.path() {
        return Err(Unfit::not_here("the last segment is written so already"));
    }
    path(p, |_| changed, change)
}

fn encoded(p: &Presented<'_>, lead: &str) -> Result<Forged, Unfit> {
    let letter = p.request.address.path().as_bytes().get(1).copied().filter(u8::is_ascii_alphanumeric);
    let letter = letter.ok_or_else(|| Unfit::not_here("the path begins with no letter"))?;
    path(p, |path| format!("/{lead}{letter:02x}{}", &path[2..]), "the first letter is percent-encoded")
}

fn method(p: &Presented<'_>, method: &str) -> Result<Forged, Unfit> {
    if p.request.method != "GET" {
        return Err(Unfit::not_here("the request is no GET"));
    }
    let mut request = p.request.clone();
    method.clone_into(&mut request.method);
    Ok(Forged::new(request, format!("the method is `{method}`")))
}

fn behind(p: &Presented<'_>, tail: &str) -> Result<Forged, Unfit> {
    path(p, |path| format!("{path}{tail}"), &format!("`{tail}` follows the path"))
}

/// The first letter as it stands in the block of full-width forms, which some readers fold back.
fn wide(p: &Presented<'_>) -> Result<Forged, Unfit> {
    let letter = p.request.address.path().as_bytes().get(1).copied().filter(u8::is_ascii_alphanumeric);
    let letter = letter.ok_or_else(|| Unfit::not_here("the path begins with no letter"))?;
    let twin = char::from_u32(u32::from(letter) + 0xfee0).map(String::from).unwrap_or_default();
    let twin: String = twin.bytes().map(|b| format!("%{b:02X}")).collect();
    path(p, |path| format!("/{twin}{}", &path[2..]), "the first letter is full-width")
}

/// The request with a path that no URL library leaves as it is.
fn verbatim(p: &Presented<'_>, path: &str, change: &str) -> Result<Forged, Unfit> {
    let query = p.request.address.query();
    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    Ok(Forged { head: Some(raw_line(p.request, &target)), ..Forged::new(p.request.clone(), change) })
}

/// The request with a method that does nothing, or less, until somebody runs another in its place: the one that the
/// step asks for anyway.
fn carrier(p: &Presented<'_>) -> Result<Request, Unfit> {
    let method = match &*p.request.method {
        "POST" => "GET",
        // Most who listen for another method do so in POST alone.
        "PUT" | "PATCH" | "DELETE" => "POST",
        _ => return Err(Unfit::not_here("the request changes nothing")),
    };
    let mut request = p.request.clone();
    method.clone_into(&mut request.method);
    Ok(request)
}

fn overridden(p: &Presented<'_>, name: &str) -> Result<Forged, Unfit> {
    let mut request = carrier(p)?;
    request.headers.set(name, p.request.method.clone());
    Ok(Forged::new(request, format!("the method stands in `{name}`")))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{get, kit};
    use super::super::{Forged, Unfit, mutation};
    use super::{FAMILY, Presented};

    fn forge(id: &str, target: &str) -> Result<Forged, Unfit> {
        let request = get(target, &[]);
        (mutation(id).unwrap().apply)(&Presented::new(&request, &[], &[], &[]), &kit())
    }

    #[test]
    fn each_way_is_the_same_resource_written_otherwise() {
        let target = |id: &str| forge(id, "/admin/users?a=1").unwrap().request.address.target().to_owned();
        assert_eq!(target("az-path-dslash"), "//admin/users?a=1");
        assert_eq!(target("az-path-dot"), "/./admin/users?a=1");
        assert_eq!(target("az-path-dotdot"), "/x/../admin/users?a=1");
        assert_eq!(target("az-path-enc"), "/%61dmin/users?a=1");
        assert_eq!(target("az-path-dblenc"), "/%2561dmin/users?a=1");
        assert_eq!(target("az-path-slash"), "/admin/users/?a=1");
        assert_eq!(target("az-path-case"), "/ADMIN/users?a=1");
        assert_eq!(target("az-path-matrix"), "/admin;a=b/users?a=1");
        assert_eq!(target("az-path-dslash-inner"), "/admin//users?a=1");
        assert_eq!(target("az-path-enc-slash"), "/admin%2fusers?a=1");
        assert_eq!(target("az-path-case-last"), "/admin/USERS?a=1");
        assert_eq!(target("az-path-matrix-last"), "/admin/users;a=b?a=1");
        for id in ["az-path-dslash-inner", "az-path-enc-slash", "az-path-case-last", "az-path-matrix-last"] {
            assert!(forge(id, "/users").is_err() && forge(id, "/users/").is_err(), "{id}");
        }
        assert!(forge("az-path-case-last", "/a/1").is_err());
        assert_eq!(target("az-param-admin"), "/admin/users?a=1&admin=true");
        let cookies = |id: &str| forge(id, "/admin").unwrap().request.headers.text("cookie");
        assert_eq!(cookies("az-cookie-role").as_deref(), Some("role=admin"));
        assert_eq!(target("az-path-suffix"), "/admin/users.json?a=1");
        assert_eq!(target("az-param-role"), "/admin/users?a=1&role=admin");
        assert_eq!(target("az-path-nul"), "/admin/users%00?a=1");
        assert_eq!(target("az-path-query-tail"), "/admin/users%3f?a=1");
        assert_eq!(target("az-path-space-tail"), "/admin/users%20?a=1");
        assert_eq!(target("az-path-fragment-tail"), "/admin/users%23?a=1");
        assert_eq!(target("az-path-unicode"), "/%EF%BD%81dmin/users?a=1");
        assert_eq!(target("az-path-semicolon-dotdot"), "/x/..;/admin/users?a=1");
        assert_eq!(forge("az-verb-head", "/a").unwrap().request.method, "HEAD");
        assert_eq!(forge("az-verb-trace", "/a").unwrap().request.method, "TRACE");
    }

    #[test]
    fn what_no_library_sends_stands_in_the_head() {
        let line = |id: &str, target: &str| {
            let head = forge(id, target).unwrap().head.unwrap();
            let text = String::from_utf8(head.to_vec()).unwrap();
            assert!(text.contains("\r\nhost: api.example\r\n") && text.ends_with("\r\n\r\n"), "{text}");
            text.lines().next().unwrap().to_owned()
        };
        assert_eq!(line("az-path-backslash", "/admin/users?a=1"), r"GET /admin\users?a=1 HTTP/1.1");
        assert_eq!(line("az-path-backslash", "/admin"), r"GET /\admin HTTP/1.1");
        assert_eq!(line("az-absolute-form", "/admin?a=1"), "GET http://api.example/admin?a=1 HTTP/1.1");
        assert!(forge("az-path-backslash", "/admin/").is_err());
    }

    #[test]
    fn a_method_is_overridden_by_the_one_that_the_step_asks_for() {
        let of = |id: &str, method: &str| {
            let request = crate::http::Request { method: method.to_owned(), ..get("/a", &[]) };
            let forged = (mutation(id).unwrap().apply)(&Presented::new(&request, &[], &[], &[]), &kit());
            forged.map(|f| f.request)
        };
        let delete = of("az-method-override", "DELETE").unwrap();
        assert_eq!(
            (&*delete.method, delete.headers.text("x-http-method-override").as_deref()),
            ("POST", Some("DELETE"))
        );
        let post = of("az-method-override-short", "POST").unwrap();
        assert_eq!((&*post.method, post.headers.text("x-method-override").as_deref()), ("GET", Some("POST")));
        let query = of("az-method-override-query", "PATCH").unwrap();
        assert_eq!((&*query.method, query.address.target()), ("POST", "/a?_method=PATCH"));
        assert!(of("az-method-override", "GET").is_err(), "what changes nothing needs no other method");
    }

    #[test]
    fn the_root_has_no_other_path() {
        for row in FAMILY.rows.iter().filter(|r| r.id.starts_with("az-path")) {
            assert!(forge(row.id, "/").is_err(), "{}", row.id);
        }
        assert_eq!(forge("az-path-slash", "/a/").unwrap().request.address.target(), "/a");
        assert!(forge("az-path-enc", "/-a").is_err());
    }
}
