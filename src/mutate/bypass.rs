//! Ways around a refusal: paths, methods and header fields that one layer reads otherwise than the next.

use super::presented::{Forged, Presented, Unfit, put_query, retarget};
use super::{Aim, Attacks, Challenge, Expect, Family, Mutation, Severity};

/// Ways around a refusal.
pub(super) const FAMILY: Family = Family { name: "bypass", title: "Ways around a refusal", rows: ROWS };

const BASE: Mutation = Mutation {
    aim: Aim::Bypass,
    attacks: Attacks::Yes,
    expect: Expect::Refused(&[401, 403, 404, 400, 405, 501], Challenge::Any),
    ..super::BASE
};

const PATH: &str = "The layer that guards the path reads it otherwise than the one that serves it. Normalise the path once, in front of every check, and guard in the application itself.";
const METHOD: &str = "The guard stands before some methods only. Guard the route, and say which methods it has.";
const FIELD: &str =
    "A field that anybody can write decides who gets in. Take it from your own proxy alone, and drop it at the edge.";

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
        id: "az-path-matrix",
        about: "a path parameter (`;a=b`) behind the first segment",
        explain: PATH,
        refs: &["WSTG-ATHZ-02"],
        apply: |p, _| first(p, |segment| format!("{segment};a=b"), "`;a=b` follows the first segment"),
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
        id: "az-x-original-url",
        about: "the path `/`, with the real one in `X-Original-URL`",
        explain: FIELD,
        refs: &["WSTG-ATHZ-02", "ASVS 4.1.3", "CWE-290"],
        apply: |p, _| {
            let mut request = p.request.clone();
            retarget(&mut request, "/")?;
            request.headers.set("x-original-url", p.request.address.target().to_owned());
            Ok(Forged::new(request, "the path stands in `X-Original-URL`"))
        },
        ..BASE
    },
    Mutation {
        id: "az-x-forwarded",
        about: "`X-Forwarded-For: 127.0.0.1`, as if the request came from the server itself",
        explain: FIELD,
        refs: &["ASVS 4.1.3", "WSTG-ATHZ-02", "CWE-290", "CWE-348"],
        apply: |p, _| field(p, "x-forwarded-for", "127.0.0.1"),
        ..BASE
    },
    Mutation {
        id: "az-param-role",
        about: "`?role=admin` beside what is asked for",
        explain: "A parameter that anybody can write decides what the caller may do. Take roles from the credential alone.",
        refs: &["CWE-472", "CWE-302"],
        apply: |p, _| {
            let mut request = p.request.clone();
            put_query(&mut request, "role", Some("admin"))?;
            Ok(Forged::new(request, "`role=admin` stands in the query"))
        },
        ..BASE
    },
];

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

fn field(p: &Presented<'_>, name: &str, value: &str) -> Result<Forged, Unfit> {
    let mut request = p.request.clone();
    request.headers.set(name, value.to_owned());
    Ok(Forged::new(request, format!("`{name}: {value}` is added")))
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
        assert_eq!(target("az-path-suffix"), "/admin/users.json?a=1");
        assert_eq!(target("az-param-role"), "/admin/users?a=1&role=admin");
        assert_eq!(target("az-x-original-url"), "/");
        assert_eq!(forge("az-verb-head", "/a").unwrap().request.method, "HEAD");
        let forwarded = forge("az-x-forwarded", "/a").unwrap().request;
        assert_eq!(forwarded.headers.text("x-forwarded-for").unwrap(), "127.0.0.1");
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
