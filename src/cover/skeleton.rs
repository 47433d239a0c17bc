//! Writes a project from an API document: who there is, and an access matrix with a row for each operation.
//!
//! What only a person can know is marked `FILL-IN`; the rest is what the document says.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Document, Operation, Security};
use super::maker::maker;
use super::read::path_of;
use super::written::{FILL_IN, Names, block_scalar, body, ends_session, fields, remark, scalar, with_vars};
use crate::spec::{EVERYONE, OTHERS, is_row_key};

mod auth;
mod login;
use auth::{auth, origin};

/// The roles of a document that names none.
const ROLES: &[&str] = &["user", "admin"];

/// Tells whether a role cannot be called by its name in a matrix, where that means something else.
fn is_taken(role: &str) -> bool {
    ["anonymous", EVERYONE, OTHERS].contains(&role) || is_row_key(role) || role.is_empty()
}

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
    let (taken, declared): (BTreeSet<&str>, BTreeSet<&str>) = declared.into_iter().partition(|role| is_taken(role));
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
    let people = people(&roles);
    let project = project(document, &people, (target, &mark), &bases);
    let matrix = Matrix { document, roles: &roles, people: &people, taken: &taken, bases: &bases };
    Skeleton { project, access: matrix.text() }
}

/// Two people of each role: their names, which hold what names hold and are no role's.
fn people<'a>(roles: &[&'a str]) -> Vec<(String, &'a str)> {
    let mut all: Vec<(String, &str)> = Vec::new();
    for role in roles {
        let words = role.split(|c: char| !c.is_alphanumeric() && !"_.".contains(c)).filter(|word| !word.is_empty());
        let stem = words.collect::<Vec<_>>().join("-");
        let stem = if stem.is_empty() { "role" } else { &stem };
        for n in 1..=2 {
            let mut name = format!("{stem}-{n}");
            while roles.contains(&&*name) || all.iter().any(|(other, _)| *other == name) {
                name.push_str("-x");
            }
            all.push((name, role));
        }
    }
    all
}

fn project(document: &Document, people: &[(String, &str)], (target, mark): (&str, &str), bases: &[String]) -> String {
    let (scheme, fields) = auth(document, target, bases);
    let mut out = format!(
        "# Made from {}. {FILL_IN} stands for what only you know.\ntarget: {}{mark}\n\nauth:\n  api:\n{scheme}\nidentities:\n",
        remark(&document.file),
        scalar(target)
    );
    for (name, role) in people {
        out.push_str(&format!("  {}: {{ auth: api, role: {}{fields} }}\n", scalar(name), scalar(role)));
    }
    out
}

/// What the matrix is made of.
struct Matrix<'a> {
    document: &'a Document,
    roles: &'a [&'a str],
    people: &'a [(String, &'a str)],
    /// Roles that cannot be columns.
    taken: &'a BTreeSet<&'a str>,
    bases: &'a [String],
}

impl Matrix<'_> {
    fn text(&self) -> String {
        let mut vars: BTreeMap<String, String> = BTreeMap::new();
        let (mut rows, mut names, mut given) = (String::new(), Names::default(), false);
        let all_are = self.document.operations.iter().all(Operation::is_preflight);
        for op in &self.document.operations {
            if op.is_preflight() && !all_are {
                let why = "browsers ask it before they send any credential";
                rows.push_str(&format!("    # {}: {why}\n", remark(&op.name())));
                continue;
            }
            let (path, of) = with_vars(&op.written_path(self.bases));
            for name in of {
                vars.entry(name).or_insert_with(|| op.name());
            }
            let hint = self.given(op);
            given |= hint.is_some();
            rows.push_str(&row(op, &path, &hint.unwrap_or_default(), &mut names));
        }
        let mut out = format!(
            "# A row for each operation of {}, a column for each role. Who is not named is refused.\n",
            remark(&self.document.file)
        );
        if given {
            out.push_str(&self.about_given());
        }
        for role in self.taken {
            let why = "which means something else in a row, so it has no column";
            out.push_str(&format!("# {FILL_IN}: a role of the document is called `{}`, {why}.\n", remark(role)));
        }
        out.push_str("name: Who gets in\n");
        if !vars.is_empty() {
            out.push_str("vars:\n");
            for (name, about) in vars {
                out.push_str(&format!("  {name}: {FILL_IN} # of {}\n", remark(&about)));
            }
        }
        let columns: Vec<String> = self.roles.iter().map(|r| scalar(r)).collect();
        out.push_str(&format!("\naccess:\n  columns: [anonymous, {}]\n  rows:\n{rows}", columns.join(", ")));
        out
    }

    /// The line that makes an object anew for each cell, where the document shows what makes one.
    fn given(&self, op: &Operation) -> Option<String> {
        let made = maker(self.document, op)?;
        let (owner, _) = self.owner(made.op)?;
        let (path, _) = with_vars(&made.op.written_path(self.bases));
        let body = made.op.body.as_ref().filter(|b| b.key == "json" || b.key == "form");
        let body = body
            .map(|b| format!("{}: {}, ", b.key, fields(b).unwrap_or_else(|| format!("{{ {FILL_IN}: {FILL_IN} }}"))));
        let mark = if made.id.is_some() { String::new() } else { format!(" # {FILL_IN}: where the answer names it") };
        Some(format!(
            "      # given: [ {{ as: {}, request: {}, {}capture: {{ {}: {} }} }} ]{mark}\n",
            scalar(owner),
            scalar(&format!("POST {path}")),
            body.unwrap_or_default(),
            made.var,
            made.id.unwrap_or("$.id")
        ))
    }

    /// Two people of one role, the first of whom may do something as far as that is known.
    fn owner(&self, op: &Operation) -> Option<(&str, &str)> {
        let may = |role: &str| op.roles.as_ref().is_none_or(|roles| roles.iter().any(|r| r == role));
        let of = |role: &str| self.people.iter().filter(|(_, r)| *r == role).map(|(name, _)| name.as_str()).collect();
        let roles = || self.roles.iter().copied().filter(|role| may(role));
        let role = roles().find(|role| *role == ROLES[0]).or_else(|| roles().next())?;
        let pair: Vec<&str> = of(role);
        Some((*pair.first()?, *pair.get(1)?))
    }

    fn about_given(&self) -> String {
        let made = self.document.operations.iter().find_map(|op| maker(self.document, op));
        let Some((owner, peer)) = made.and_then(|made| self.owner(made.op)) else { return String::new() };
        let cells = format!("{{ anonymous: 401, {}: allow, {}: 404 }}", scalar(owner), scalar(peer));
        format!(
            "# `given` makes an object for each cell, in place of its variable. Uncomment it, and say whose the object is:\n# `expect: {cells}` shows that nobody else gets at it.\n"
        )
    }
}

/// A row, under a name that no other row has.
fn row(op: &Operation, path: &str, hint: &str, names: &mut Names) -> String {
    let request = format!("{} {path}", op.method);
    let name = names.free(&request);
    let (cells, mark) = cells(op);
    let mut more = hint.to_owned();
    if name != request {
        more.push_str(&format!("      request: {}\n", block_scalar(&request)));
    }
    if ends_session(op) {
        more.push_str("      session: fresh\n");
    }
    if let Some(taken) = &op.body {
        more.push_str(&format!("      {}", body(taken)));
    }
    let name = block_scalar(&name);
    if more.is_empty() {
        format!("    {name}: {cells}{mark}\n")
    } else {
        format!("    {name}:\n{more}      expect: {cells}{mark}\n")
    }
}

/// Who may, and a remark where only a person can say.
fn cells(op: &Operation) -> (String, String) {
    let guess = "{ anonymous: 401, others: allow }".to_owned();
    match (&op.security, &op.roles) {
        _ if op.is_preflight() => ("{ everyone: allow }".to_owned(), String::new()),
        (Security::Public | Security::Optional(_), _) => ("{ everyone: allow }".to_owned(), String::new()),
        (Security::Undeclared, _) => (guess, format!(" # {FILL_IN}: the document does not say whether it is public")),
        // Strangers and everybody cannot be roles, so what is meant by that has to be said.
        (Security::Required(_), Some(roles)) if !roles.iter().any(|r| is_taken(r)) => {
            let allowed: Vec<String> = roles.iter().map(|r| format!("{}: allow", scalar(r))).collect();
            (format!("{{ anonymous: 401, {} }}", allowed.join(", ")), String::new())
        }
        (Security::Required(_), _) => (guess, format!(" # {FILL_IN}: who may")),
    }
}
