//! Writes a project from an API document: who there is, and an access matrix with a row for each operation.
//!
//! What only a person can know is marked `FILL-IN`; the rest is what the document says.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Document, Operation, Security};
use super::missing::{FILL_IN, body, ends_session, scalar, with_vars};
use super::read::path_of;

use crate::spec::{EVERYONE, OTHERS};

mod auth;
use auth::{auth, origin};

/// The roles of a document that names none.
const ROLES: &[&str] = &["user", "admin"];

/// Words of a matrix that no role can be called by there.
const TAKEN: &[&str] = &["anonymous", EVERYONE, OTHERS];

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
    let declared: BTreeSet<&str> = declared.into_iter().filter(|role| !TAKEN.contains(role)).collect();
    let named = !declared.is_empty();
    let mut roles: Vec<&str> = if named { declared.into_iter().collect() } else { ROLES.to_vec() };
    // Where only some operations name a role, there are people without one.
    let open = document.operations.iter().any(|o| o.roles.is_none() && o.is_protected());
    if open && !roles.contains(&ROLES[0]) {
        roles.push(ROLES[0]);
    }
    let server = document.servers.iter().find(|url| url.starts_with("http")).map(|url| origin(url));
    let (target, mark) = match target.or(server) {
        Some(url) => (url, String::new()),
        None => ("http://localhost:8080", format!(" # {FILL_IN}")),
    };
    // What the target ends in already stands before every path.
    let bases = [path_of(target)];
    let project = project(document, &roles, (target, &mark), &bases);
    Skeleton { project, access: access(document, &roles, &bases) }
}

fn project(document: &Document, roles: &[&str], (target, mark): (&str, &str), bases: &[String]) -> String {
    let (scheme, fields) = auth(document, target, bases);
    let mut out = format!(
        "# Made from {}. {FILL_IN} stands for what only you know.\ntarget: {}{mark}\n\nauth:\n  api:\n{scheme}\nidentities:\n",
        document.file,
        scalar(target)
    );
    for role in roles {
        for n in 1..=2 {
            let name = scalar(&format!("{role}-{n}"));
            out.push_str(&format!("  {name}: {{ auth: api, role: {}{fields} }}\n", scalar(role)));
        }
    }
    out
}

fn access(document: &Document, roles: &[&str], bases: &[String]) -> String {
    let mut vars: BTreeMap<String, String> = BTreeMap::new();
    let mut rows = String::new();
    for op in &document.operations {
        let (path, names) = with_vars(&op.written_path(bases));
        for name in names {
            vars.entry(name).or_insert_with(|| op.name());
        }
        let request = scalar(&format!("{} {path}", op.method));
        let (cells, mark) = cells(op);
        let mut more = String::new();
        if ends_session(op) {
            more.push_str("      session: fresh\n");
        }
        if let Some(key) = op.body {
            more.push_str(&format!("      {}", body(key)));
        }
        if more.is_empty() {
            rows.push_str(&format!("    {request}: {cells}{mark}\n"));
        } else {
            rows.push_str(&format!("    {request}:\n{more}      expect: {cells}{mark}\n"));
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
        // Strangers and everybody cannot be roles, so what is meant by that has to be said.
        (Security::Required(_), Some(roles)) if !roles.iter().any(|r| TAKEN.contains(&&**r)) => {
            let allowed: Vec<String> = roles.iter().map(|r| format!("{}: allow", scalar(r))).collect();
            (format!("{{ anonymous: 401, {} }}", allowed.join(", ")), String::new())
        }
        (Security::Required(_), _) => (guess, format!(" # {FILL_IN}: who may")),
    }
}
