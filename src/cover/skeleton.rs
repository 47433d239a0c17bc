//! Writes a project from an API document: who there is, and an access matrix with a row for each operation.
//!
//! What only a person can know is marked `FILL-IN`; the rest is what the document says.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Document, KeyPlace, Operation, SchemeKind, Security};
use super::missing::{FILL_IN, scalar, with_vars};

/// The roles of a document that names none.
const ROLES: &[&str] = &["user", "admin"];

/// The texts of a project.
#[derive(Debug)]
pub struct Skeleton {
    /// `authspec.yaml`.
    pub project: String,
    /// The suite with the matrix.
    pub access: String,
}

/// Writes a project; without a target the document's first server is it.
pub fn write(document: &Document, target: Option<&str>) -> Skeleton {
    let declared: BTreeSet<&str> =
        document.operations.iter().filter_map(|o| o.roles.as_ref()).flatten().map(String::as_str).collect();
    let named = !declared.is_empty();
    let mut roles: Vec<&str> = if named { declared.into_iter().collect() } else { ROLES.to_vec() };
    // Where only some operations name a role, there are people without one.
    let open = document.operations.iter().any(|o| o.roles.is_none() && o.is_protected());
    if open && !roles.contains(&ROLES[0]) {
        roles.push(ROLES[0]);
    }
    Skeleton { project: project(document, &roles, target), access: access(document, &roles) }
}

fn project(document: &Document, roles: &[&str], target: Option<&str>) -> String {
    let server = document.servers.iter().find(|url| url.starts_with("http")).map(|url| origin(url));
    let (target, mark) = match target.or(server) {
        Some(url) => (url, String::new()),
        None => ("http://localhost:8080", format!(" # {FILL_IN}")),
    };
    let (scheme, fields) = auth(document);
    let mut out = format!(
        "# Made from {}. {FILL_IN} stands for what only you know.\ntarget: {}{mark}\n\nauth:\n  api:\n{scheme}\nidentities:\n",
        document.file,
        scalar(target)
    );
    for role in roles {
        for n in 1..=2 {
            let name = scalar(&format!("{role}-{n}"));
            out.push_str(&format!("  {name}: {{ auth: api, role: {}, {fields} }}\n", scalar(role)));
        }
    }
    out
}

/// Scheme, host and port of a URL.
fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    url[start..].find('/').map_or(url, |end| &url[..start + end])
}

/// How people log in, and the fields that they have for it: by the first scheme that an operation asks for.
fn auth(document: &Document) -> (String, String) {
    let mut asked = document.operations.iter().flat_map(|o| o.security.alternatives()).flat_map(|r| &r.schemes);
    let kind = asked.find_map(|(name, _)| document.scheme(name)).map(|s| &s.kind);
    // A secret is masked wherever it stands, so it is not spelt like what is filled in elsewhere.
    let person = format!("username: {FILL_IN}, password: {FILL_IN}-PASSWORD");
    let key = format!("key: {FILL_IN}-KEY");
    match kind {
        Some(SchemeKind::Http(word)) if word == "basic" || word == "digest" => {
            (format!("    scheme: {word}\n"), person)
        }
        Some(SchemeKind::ApiKey(KeyPlace::Header, name)) => {
            (format!("    scheme: api-key\n    header: {}\n", scalar(name)), key)
        }
        Some(SchemeKind::ApiKey(KeyPlace::Query, name)) => {
            (format!("    scheme: api-key\n    query: {}\n", scalar(name)), key)
        }
        Some(_) | None => {
            let login = format!(
                "    scheme: login\n    login:\n      request: POST /login # {FILL_IN}\n      json: {{ username: \"{{{{ identity.username }}}}\", password: \"{{{{ identity.password }}}}\" }}\n      capture: {{ access_token: $.access_token }} # {FILL_IN}\n    send: {{ bearer: access_token }}\n"
            );
            (login, person)
        }
    }
}

fn access(document: &Document, roles: &[&str]) -> String {
    let mut vars: BTreeMap<String, String> = BTreeMap::new();
    let mut rows = String::new();
    for op in &document.operations {
        let (path, names) = with_vars(&op.path);
        for name in names {
            vars.entry(name).or_insert_with(|| op.name());
        }
        let request = format!("{} {}{path}", op.method, op.prefixes.first().map_or("", String::as_str));
        let (cells, mark) = cells(op);
        if op.body {
            let body = format!("      # json: {{ }} # {FILL_IN}: a body that the operation takes");
            rows.push_str(&format!("    {}:\n{body}\n      expect: {cells}{mark}\n", scalar(&request)));
        } else {
            rows.push_str(&format!("    {}: {cells}{mark}\n", scalar(&request)));
        }
    }
    let mut out = format!(
        "# A row for each operation of {}, a column for each role. Who is not named is refused.\nname: Who gets in\n",
        document.file
    );
    if !vars.is_empty() {
        out.push_str("vars:\n");
        for (name, about) in vars {
            out.push_str(&format!("  {name}: {FILL_IN} # of {about}\n"));
        }
    }
    let columns: Vec<String> = roles.iter().map(|r| scalar(r)).collect();
    out.push_str(&format!("\naccess:\n  columns: [anonymous, {}]\n  rows:\n{rows}", columns.join(", ")));
    out
}

/// Who may, and a remark where only a person can say.
fn cells(op: &Operation) -> (String, String) {
    let guess = "{ anonymous: 401, others: allow }".to_owned();
    match (&op.security, &op.roles) {
        (Security::Public | Security::Optional(_), _) => ("{ everyone: allow }".to_owned(), String::new()),
        (Security::Undeclared, _) => (guess, format!(" # {FILL_IN}: the document does not say whether it is public")),
        (Security::Required(_), Some(roles)) if !roles.is_empty() => {
            let allowed: Vec<String> = roles.iter().map(|r| format!("{}: allow", scalar(r))).collect();
            (format!("{{ anonymous: 401, {} }}", allowed.join(", ")), String::new())
        }
        (Security::Required(_), _) => (guess, format!(" # {FILL_IN}: who may")),
    }
}
