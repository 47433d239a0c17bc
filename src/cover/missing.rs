//! Writes the cases that are missing, as a suite that `authspec check` accepts.
//!
//! What only a person can know is marked `FILL-IN`; what cannot be written yet stands as a comment with what it needs.

use std::collections::{BTreeMap, HashSet};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::document::{Document, KeyPlace, Operation, SchemeKind, Security};
use super::grid::{Grid, Row};
use super::report::matters;
use super::stance::{Stance, State, Want};
use crate::capture::name_fault;
use crate::source::SourceMap;

/// What a person has to put in place of.
pub const FILL_IN: &str = "FILL-IN";

/// A suite of missing cases.
#[derive(Debug)]
pub struct Missing {
    /// Its text.
    pub text: String,
    /// How many cases it has.
    pub cases: usize,
    /// How many stand as comments.
    pub comments: usize,
}

/// Writes a case for every cell that no case has checked; nothing when none is missing. `bases` are the paths that the
/// targets of the results end in.
pub fn write(document: &Document, grid: &Grid, sources: &SourceMap, bases: &[String]) -> Option<Missing> {
    let mut writing =
        Writing { document, grid, bases, vars: BTreeMap::new(), names: HashSet::new(), cases: 0, comments: 0 };
    let mut body = String::new();
    for (op, row) in document.operations.iter().zip(&grid.rows) {
        let part = writing.operation(op, row);
        if !part.is_empty() {
            body.push_str(&format!("\n  # {}   {}\n{part}", op.name(), sources.place(op.span)));
        }
    }
    if writing.cases == 0 {
        return None;
    }
    let mut text = format!(
        "# Cases that `authspec cover` found missing in {}. Read each before it runs.\n# {FILL_IN} stands for what only you know. All have the tag `todo`; `--tag '!todo'` leaves them out.\n",
        document.file
    );
    text.push_str(&format!("name: {}\ntags: [todo]\n", scalar(&format!("Missing in {}", document.title))));
    if !writing.vars.is_empty() {
        text.push_str("vars:\n");
        for (name, about) in &writing.vars {
            text.push_str(&format!("  {name}: {FILL_IN} # of {about}\n"));
        }
    }
    text.push_str(&format!("\ncases:{body}"));
    Some(Missing { text, cases: writing.cases, comments: writing.comments })
}

struct Writing<'a> {
    document: &'a Document,
    grid: &'a Grid,
    bases: &'a [String],
    /// Variables with the operation that first needs them.
    vars: BTreeMap<String, String>,
    /// Names of cases, as ids spell them.
    names: HashSet<String>,
    cases: usize,
    comments: usize,
}

impl Writing<'_> {
    fn operation(&mut self, op: &Operation, row: &Row) -> String {
        let mut out = String::new();
        for ((stance, cell), want) in self.grid.stances.iter().zip(&row.cells).zip(&row.wants) {
            if matches!(cell, State::Untested | State::Vacuous) && matters(stance, *want) {
                out.push_str(&self.case(op, row, (stance, *want)));
            }
        }
        out
    }

    fn case(&mut self, op: &Operation, row: &Row, (stance, want): (&Stance, Want)) -> String {
        let refused = match op.security {
            Security::Undeclared => format!("401 # {FILL_IN}: or 2xx, where it is public: the document does not say"),
            Security::Public | Security::Optional(_) | Security::Required(_) => "401".to_owned(),
        };
        match stance {
            Stance::Anonymous if want == Want::Allowed => {
                self.written(op, "lets strangers in", ("anonymous", ""), "2xx")
            }
            Stance::Anonymous => self.written(op, "refuses strangers", ("anonymous", ""), &refused),
            Stance::Invalid => match invalid(self.document, op) {
                Some(fields) => self.written(op, "refuses an invalid credential", ("anonymous", &fields), &refused),
                None => {
                    self.comment(op, "an invalid credential", "a client certificate that its authority did not sign")
                }
            },
            Stance::Expired => self.expired(op, row),
            Stance::Role(role) => {
                let Some(person) = self.people(role).first().copied() else {
                    return self.comment(op, role, &format!("an identity with `role: {role}`"));
                };
                let who = (&*scalar(person), fresh(op));
                match want {
                    Want::Allowed => self.written(op, &format!("lets {role} in"), who, "2xx"),
                    Want::Denied => self.written(op, &format!("refuses {role}"), who, "403"),
                    Want::Open | Want::Nothing => {
                        let expect = format!("403 # {FILL_IN}: or 2xx, where {role} may");
                        self.written(op, &format!("refuses {role}"), who, &expect)
                    }
                }
            }
            Stance::Peer => self.peer(op),
        }
    }

    /// Those of a role, whoever was seen most first.
    fn people(&self, role: &str) -> Vec<&str> {
        let mut all: Vec<(&String, &usize)> = self.grid.people.get(role).into_iter().flatten().collect();
        all.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
        all.into_iter().map(|(name, _)| name.as_str()).collect()
    }

    /// A token that is over is a defect. Another credential has to be one that was good once, so somebody has to bring it.
    fn expired(&mut self, op: &Operation, row: &Row) -> String {
        if has_token(self.document, op) {
            // Somebody who may, as far as that is known.
            let roles = self.grid.stances.iter().zip(&row.wants).filter_map(|(stance, want)| match stance {
                Stance::Role(role) => Some((*want != Want::Allowed, role.as_str())),
                Stance::Anonymous | Stance::Invalid | Stance::Expired | Stance::Peer => None,
            });
            let known = roles.filter(|(_, role)| !self.people(role).is_empty()).min_by_key(|(may_not, _)| *may_not);
            if let Some(person) = known.and_then(|(_, role)| self.people(role).first().copied().map(scalar)) {
                return self.written(op, "refuses an expired token", (&person, "    with: token-expired\n"), "401");
            }
        }
        let needs = "`as:` somebody with a short session, a `pause` beyond its end, then 401";
        self.comment(op, "an expired credential", needs)
    }

    fn peer(&mut self, op: &Operation) -> String {
        let pair = self.grid.people.keys().find_map(|role| match self.people(role)[..] {
            [owner, peer, ..] => Some((scalar(owner), scalar(peer))),
            _ => None,
        });
        let Some((owner, peer)) = pair else {
            return self.comment(op, "a peer of the owner", "two identities of one role, and an object of one of them");
        };
        let who = format!("{peer} # not the owner: {FILL_IN} an object of {owner}");
        self.written(op, "refuses a peer of the owner", (&who, fresh(op)), "[403, 404]")
    }

    /// A case of somebody, with what else it says.
    fn written(&mut self, op: &Operation, what: &str, (who, more): (&str, &str), expect: &str) -> String {
        self.cases += 1;
        let name = self.name(op, what);
        let request = format!("{} {}", op.method, self.path(op));
        let mut out = format!("  - name: {}\n    as: {who}\n    request: {}\n{more}", scalar(&name), scalar(&request));
        if let Some(key) = op.body {
            out.push_str(&format!("    {}", body(key)));
        }
        out.push_str(&format!("    expect: {expect}\n"));
        out
    }

    fn comment(&mut self, op: &Operation, who: &str, needs: &str) -> String {
        self.comments += 1;
        format!("  # {FILL_IN}: {} and {who}: it takes {needs}\n", op.name())
    }

    /// A name that no other case has, also when it is spelt as an id.
    fn name(&mut self, op: &Operation, what: &str) -> String {
        let name = format!("{} {what}", op.name());
        let mut tried = name.clone();
        for n in 2.. {
            if self.names.insert(id(&tried)) {
                break;
            }
            tried = format!("{name} ({n})");
        }
        tried
    }

    /// The path with a variable for each parameter.
    fn path(&mut self, op: &Operation) -> String {
        let (path, vars) = with_vars(&op.written_path(self.bases));
        for var in vars {
            self.vars.entry(var).or_insert_with(|| op.name());
        }
        path
    }
}

/// A remark where the body of an operation belongs.
pub(super) fn body(key: &str) -> String {
    let empty = if key == "body" { "\"\"" } else { "{ }" };
    format!("# {key}: {empty} # {FILL_IN}: a body that the operation takes\n")
}

/// Tells whether a credential of an operation is a token that may say itself when it is over.
fn has_token(document: &Document, op: &Operation) -> bool {
    let mut schemes = op.security.alternatives().iter().flat_map(|r| &r.schemes);
    schemes.any(|(name, _)| match document.scheme(name).map(|s| &s.kind) {
        Some(SchemeKind::Http(word)) => word == "bearer",
        Some(SchemeKind::OAuth2(_) | SchemeKind::OpenId(_)) => true,
        Some(SchemeKind::ApiKey(..) | SchemeKind::MutualTls) | None => false,
    })
}

/// What may end the session it is sent with gets one of its own.
fn fresh(op: &Operation) -> &'static str {
    if ends_session(op) { "    session: fresh\n" } else { "" }
}

/// Tells whether a request may end the session that it is sent with.
pub(super) fn ends_session(op: &Operation) -> bool {
    const ENDS: &[&str] = &["logout", "signout", "logoff", "signoff", "refresh", "revoke", "session", "password"];
    let path = op.path.to_ascii_lowercase().replace(['-', '_'], "");
    !op.is_safe() && ENDS.iter().any(|word| path.contains(word))
}

/// A path with a template in place of each parameter, and the names of the variables, which say what they name:
/// `notes_id` for `/notes/{id}`.
pub(super) fn with_vars(path: &str) -> (String, Vec<String>) {
    let (mut out, mut vars) = (String::new(), Vec::new());
    let mut of = String::new();
    for segment in path.split('/').skip(1) {
        out.push('/');
        let mut rest = segment;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            let var = variable(&of, name);
            out.push_str(&format!("{}{{{{ {var} }}}}", literal(before)));
            vars.push(var);
            rest = after;
        }
        out.push_str(&literal(rest));
        if !segment.contains('{') {
            segment.clone_into(&mut of);
        }
    }
    (out, vars)
}

/// What is encoded of a piece of a path as it travels (RFC 3986, section 3.3): documents write blanks and letters as they
/// are, and what is encoded already stays.
const IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

fn literal(piece: &str) -> String {
    utf8_percent_encode(piece, IN_PATH).to_string()
}

fn variable(of: &str, name: &str) -> String {
    let word = |text: &str| {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        text.chars().map(plain).collect::<String>().trim_matches('_').to_owned()
    };
    let joined =
        [word(of), word(name)].iter().filter(|w| !w.is_empty()).map(String::as_str).collect::<Vec<_>>().join("_");
    if name_fault(&joined).is_some() { format!("v_{joined}") } else { joined }
}

/// A credential that nobody issued, where the first alternative has its credential.
fn invalid(document: &Document, op: &Operation) -> Option<String> {
    const GARBAGE: &str = "not-a-credential";
    let mut fields: BTreeMap<(&str, String), String> = BTreeMap::new();
    let mut put = |key: &'static str, name: &str, value: String| {
        // Two schemes that look at one place get one credential.
        let name = if key == "headers" { name.to_ascii_lowercase() } else { name.to_owned() };
        fields.entry((key, name)).or_insert(value);
    };
    let authorization = |word: &str| format!("Authorization: {word} {GARBAGE}");
    if op.security == Security::Undeclared {
        put("headers", "authorization", authorization("Bearer"));
    }
    for (name, _) in op.security.alternatives().first().into_iter().flat_map(|r| &r.schemes) {
        match &document.scheme(name)?.kind {
            // `nobody:nothing`
            SchemeKind::Http(word) if word == "basic" => {
                put("headers", "authorization", "Authorization: Basic bm9ib2R5Om5vdGhpbmc=".into());
            }
            SchemeKind::Http(word) => {
                let mut word = scalar_word(word);
                word[..1].make_ascii_uppercase();
                put("headers", "authorization", authorization(&word));
            }
            SchemeKind::OAuth2(_) | SchemeKind::OpenId(_) => put("headers", "authorization", authorization("Bearer")),
            SchemeKind::ApiKey(place, name) => {
                let key = match place {
                    KeyPlace::Header => "headers",
                    KeyPlace::Query => "query",
                    KeyPlace::Cookie => "cookies",
                };
                put(key, name, format!("{}: {GARBAGE}", scalar(name)));
            }
            SchemeKind::MutualTls => {}
        }
    }
    let mut out = String::new();
    for key in ["headers", "query", "cookies"] {
        let all: Vec<&str> = fields.iter().filter(|((k, _), _)| *k == key).map(|(_, v)| v.as_str()).collect();
        if !all.is_empty() {
            out.push_str(&format!("    {key}: {{ {} }}\n", all.join(", ")));
        }
    }
    (!out.is_empty()).then_some(out)
}

/// The word of an authentication scheme; anything that is none would not stand in a header.
fn scalar_word(word: &str) -> String {
    let word: String = word.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    if word.is_empty() { "bearer".to_owned() } else { word }
}

/// A text as YAML: plain where that is safe, else in quotes.
pub(super) fn scalar(text: &str) -> String {
    let safe = |c: char| c.is_alphanumeric() || " /{}_.-()".contains(c);
    let plain = text.starts_with(|c: char| c.is_alphabetic() || c == '/')
        && text.chars().all(safe)
        && !text.ends_with(' ')
        && !matches!(&*text.to_ascii_lowercase(), "true" | "false" | "null");
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// A name as the ids of cases spell it.
fn id(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if !out.ends_with('-') {
            out.push('-');
        }
    }
    out
}

#[cfg(test)]
mod tests;
