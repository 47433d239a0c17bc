//! Fields that say who asks, from where and by what way, as a proxy of the server's own would write them. Anybody can
//! write them too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::forged::{Forged, Unfit};
use super::presented::{Presented, retarget};
use super::{Family, Kit, Mutation, Needs, bypass};

/// Fields that only a proxy should be believed.
pub(super) const FAMILY: Family = Family { name: "trust", title: "Fields that only a proxy should write", rows: ROWS };

const FIELD: &str =
    "A field that anybody can write decides who gets in. Take it from your own proxy alone, and drop it at the edge.";

const BASE: Mutation = Mutation { explain: FIELD, refs: &["ASVS 4.1.3", "CWE-290"], ..bypass::BASE };

/// A row whose field says that the request comes from the machine itself.
macro_rules! from_here {
    ($id:literal, $name:literal, $value:literal) => {
        Mutation {
            id: $id,
            about: concat!("`", $name, ": ", $value, "`, as if the request came from the server itself"),
            refs: &["ASVS 4.1.3", "WSTG-ATHZ-02", "CWE-290", "CWE-348"],
            apply: |p, _| Ok(field(p, $name, $value)),
            ..BASE
        }
    };
}

/// A row whose field names somebody who is allowed: whom the case names, or `admin`.
macro_rules! says_who {
    ($id:literal, $name:literal, $lead:literal) => {
        Mutation {
            id: $id,
            about: concat!("`", $name, "` with the name of somebody who is allowed"),
            needs: Needs::Name,
            apply: |p, kit| Ok(field(p, $name, &format!("{}{}", $lead, who(kit)))),
            ..BASE
        }
    };
}

/// A row whose field has the real path, beside the path `/`.
macro_rules! path_in {
    ($id:literal, $name:literal) => {
        Mutation {
            id: $id,
            about: concat!("the path `/`, with the real one in `", $name, "`"),
            refs: &["WSTG-ATHZ-02", "ASVS 4.1.3", "CWE-290"],
            apply: |p, _| {
                let mut request = p.request.clone();
                retarget(&mut request, "/")?;
                request.headers.set($name.to_ascii_lowercase(), p.request.address.target().to_owned());
                Ok(Forged::new(request, concat!("the path stands in `", $name, "`")))
            },
            ..BASE
        }
    };
}

const ROWS: &[Mutation] = &[
    path_in!("az-x-original-url", "X-Original-URL"),
    path_in!("az-x-rewrite-url", "X-Rewrite-URL"),
    from_here!("az-x-forwarded", "X-Forwarded-For", "127.0.0.1"),
    from_here!("az-forwarded", "Forwarded", "for=127.0.0.1"),
    from_here!("az-x-real-ip", "X-Real-IP", "127.0.0.1"),
    from_here!("az-x-client-ip", "X-Client-IP", "127.0.0.1"),
    from_here!("az-true-client-ip", "True-Client-IP", "127.0.0.1"),
    from_here!("az-cf-connecting-ip", "CF-Connecting-IP", "127.0.0.1"),
    from_here!("az-x-custom-ip", "X-Custom-IP-Authorization", "127.0.0.1"),
    from_here!("az-x-forwarded-host", "X-Forwarded-Host", "localhost"),
    Mutation {
        id: "az-x-forwarded-prefix",
        about: "`X-Forwarded-Prefix: /authspec`, as if a proxy had cut that off the path",
        explain: "The guard reads the path with a prefix in front that anybody can write, and the application the one without. Take the field from your own proxy alone, and drop it at the edge.",
        refs: &["ASVS 4.1.3", "WSTG-ATHZ-02", "CWE-290"],
        apply: |p, _| Ok(field(p, "X-Forwarded-Prefix", "/authspec")),
        ..BASE
    },
    Mutation {
        id: "az-host-override",
        about: "`Host: localhost`, as if the request were for the server's own site",
        refs: &["WSTG-INPV-17", "CWE-290"],
        apply: |p, _| match p.request.address.url().host_str() {
            Some("localhost") => Err(Unfit::not_here("the host is `localhost`")),
            _ => Ok(field(p, "Host", "localhost")),
        },
        ..BASE
    },
    says_who!("az-x-user", "X-User", ""),
    says_who!("az-x-user-id", "X-User-Id", ""),
    says_who!("az-x-remote-user", "X-Remote-User", ""),
    says_who!("az-x-forwarded-user", "X-Forwarded-User", ""),
    says_who!("az-x-authenticated-user", "X-Authenticated-User", ""),
    says_who!("az-x-amzn-oidc-identity", "X-Amzn-Oidc-Identity", ""),
    says_who!("az-x-goog-user", "X-Goog-Authenticated-User-Email", "accounts.google.com:"),
    Mutation {
        id: "az-x-ms-principal",
        about: "`X-MS-CLIENT-PRINCIPAL` with the name of somebody who is allowed",
        needs: Needs::Name,
        apply: |p, kit| {
            let name = who(kit);
            let claims = serde_json::json!({ "auth_typ": "aad", "claims": [{ "typ": "name", "val": name }] });
            let mut request = p.request.clone();
            request.headers.set("x-ms-client-principal", STANDARD.encode(claims.to_string()));
            request.headers.set("x-ms-client-principal-name", name);
            Ok(Forged::new(request, "`X-MS-CLIENT-PRINCIPAL` is added, with its name beside it"))
        },
        ..BASE
    },
    Mutation { id: "az-x-roles", about: "`X-Roles: admin`", apply: |p, _| Ok(field(p, "X-Roles", "admin")), ..BASE },
    Mutation { id: "az-x-role", about: "`X-Role: admin`", apply: |p, _| Ok(field(p, "X-Role", "admin")), ..BASE },
    Mutation {
        id: "az-referer",
        about: "a `Referer` of the folder that the path lies in, as if a page of the guarded area linked there",
        refs: &["CWE-293"],
        apply: |p, _| {
            let address = &p.request.address;
            let (folder, _) = address.path().rsplit_once('/').unwrap_or_default();
            if folder.is_empty() {
                return Err(Unfit::not_here("the path lies in no folder"));
            }
            Ok(field(p, "Referer", &format!("{}{folder}", address.base())))
        },
        ..BASE
    },
];

/// The name of somebody who is allowed.
fn who(kit: &Kit<'_>) -> String {
    kit.allowed.clone().unwrap_or_else(|| "admin".to_owned())
}

fn field(p: &Presented<'_>, name: &str, value: &str) -> Forged {
    let mut request = p.request.clone();
    request.headers.set(name.to_ascii_lowercase(), value.to_owned());
    Forged::new(request, format!("`{name}: {value}` is added"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{get, kit};
    use super::super::{Forged, Kit, Presented, Unfit, mutation};
    use super::FAMILY;
    use crate::http::Request;

    fn forge(id: &str, target: &str, allowed: Option<&str>) -> Result<Request, Unfit> {
        let request = get(target, &[("accept", "*/*")]);
        let kit = Kit { allowed: allowed.map(ToOwned::to_owned), ..kit() };
        let forged: Result<Forged, Unfit> =
            (mutation(id).unwrap().apply)(&Presented::new(&request, &[], &[], &[]), &kit);
        forged.map(|f| f.request)
    }

    fn text(id: &str, name: &str) -> String {
        forge(id, "/admin/users?a=1", Some("root")).unwrap().headers.text(name).unwrap()
    }

    #[test]
    fn each_adds_its_field_and_changes_nothing_else() {
        let plain = get("/admin/users?a=1", &[("accept", "*/*")]);
        for row in FAMILY.rows {
            let mut forged = forge(row.id, "/admin/users?a=1", None).unwrap();
            let added: Vec<String> =
                forged.headers.iter().map(|(n, _)| n.to_owned()).filter(|n| n != "accept").collect();
            assert!(!added.is_empty(), "{}", row.id);
            added.iter().for_each(|name| forged.headers.remove(name));
            if !row.id.ends_with("-url") {
                assert_eq!(forged, plain, "{}", row.id);
            }
        }
    }

    #[test]
    fn fields_say_where_and_who() {
        assert_eq!(text("az-x-forwarded", "x-forwarded-for"), "127.0.0.1");
        assert_eq!(text("az-forwarded", "forwarded"), "for=127.0.0.1");
        assert_eq!(text("az-x-forwarded-prefix", "x-forwarded-prefix"), "/authspec");
        assert_eq!(text("az-host-override", "host"), "localhost");
        assert_eq!(text("az-x-user", "x-user"), "root");
        assert_eq!((text("az-x-role", "x-role"), text("az-x-roles", "x-roles")), ("admin".into(), "admin".into()));
        assert_eq!(text("az-x-goog-user", "x-goog-authenticated-user-email"), "accounts.google.com:root");
        assert_eq!(text("az-x-ms-principal", "x-ms-client-principal-name"), "root");
        assert_eq!(text("az-referer", "referer"), "http://api.example/admin");
        let original = forge("az-x-rewrite-url", "/admin?a=1", None).unwrap();
        assert_eq!(
            (original.address.target(), original.headers.text("x-rewrite-url").as_deref()),
            ("/", Some("/admin?a=1"))
        );
        let nobody = forge("az-x-user", "/a", None).unwrap();
        assert_eq!(nobody.headers.text("x-user").unwrap(), "admin", "where nobody is named");
        assert!(forge("az-referer", "/admin", None).is_err(), "no folder");
    }
}
