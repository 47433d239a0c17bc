//! Writes the cases that are missing, as a suite that `authspec check` accepts.
//!
//! What only a person can know is marked `FILL-IN`; what cannot be written yet stands as a comment with what it needs.

use std::collections::BTreeMap;

use super::document::{Document, KeyPlace, Operation, SchemeKind, Security};
use super::grid::{Grid, Row};
use super::maker::{Maker, maker};
use super::report::matters;
use super::stance::{Stance, State, Want};
use super::written::{FILL_IN, Names, block_scalar, body, ends_session, remark, scalar, with_vars};
use crate::source::SourceMap;

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
        Writing { document, grid, bases, vars: BTreeMap::new(), names: Names::default(), cases: 0, comments: 0 };
    let mut body = String::new();
    for (op, row) in document.operations.iter().zip(&grid.rows) {
        let part = writing.operation(op, row);
        if !part.is_empty() {
            body.push_str(&format!(
                "\n  # {}   {}\n{part}",
                remark(&op.name()),
                remark(&sources.place(op.span).to_string())
            ));
        }
    }
    if writing.cases == 0 {
        return None;
    }
    let mut text = format!(
        "# Cases that `authspec cover` found missing in {}. Read each before it runs.\n# {FILL_IN} stands for what only you know. All have the tag `todo`; `--tag '!todo'` leaves them out.\n",
        remark(&document.file)
    );
    text.push_str(&format!("name: {}\ntags: [todo]\n", scalar(&format!("Missing in {}", document.title))));
    if !writing.vars.is_empty() {
        text.push_str("vars:\n");
        for (name, about) in &writing.vars {
            text.push_str(&format!("  {name}: {FILL_IN} # of {}\n", remark(about)));
        }
    }
    text.push_str(&format!("\ncases:{body}"));
    Some(Missing { text, cases: writing.cases, comments: writing.comments })
}

struct Writing<'d> {
    document: &'d Document,
    grid: &'d Grid,
    bases: &'d [String],
    /// Variables with the operation that first needs them.
    vars: BTreeMap<String, String>,
    /// Names of cases.
    names: Names,
    cases: usize,
    comments: usize,
}

impl<'d> Writing<'d> {
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
                let (person, may) = (scalar(person), format!("lets {role} in"));
                let who = (&*person, fresh(op));
                let own = self.own(op, role).filter(|_| want != Want::Denied);
                match (want, own) {
                    (Want::Allowed, None) => self.written(op, &may, who, "2xx"),
                    (Want::Allowed, Some(made)) => self.made(op, &made, &may, &[(&person, "2xx"), (&person, "2xx")]),
                    (Want::Open | Want::Nothing, Some(made)) => {
                        let expect = format!("2xx # {FILL_IN}: or 403, where {} may not", remark(role));
                        self.made(op, &made, &may, &[(&person, "2xx"), (&person, &expect)])
                    }
                    (Want::Denied, _) => self.written(op, &format!("refuses {role}"), who, "403"),
                    (Want::Open | Want::Nothing, None) => {
                        let expect = format!("403 # {FILL_IN}: or 2xx, where {} may", remark(role));
                        self.written(op, &format!("refuses {role}"), who, &expect)
                    }
                }
            }
            Stance::Peer => self.peer(op, row),
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
            let known = self.roles(row).into_iter().find_map(|role| self.people(role).first().copied().map(scalar));
            if let Some(person) = known {
                let more = format!("    with: token-expired\n{}", fresh(op));
                return self.written(op, "refuses an expired token", (&person, &more), "401");
            }
        }
        let needs = "`as:` somebody with a short session, a `pause` beyond its end, then 401";
        self.comment(op, "an expired credential", needs)
    }

    fn peer(&mut self, op: &Operation, row: &Row) -> String {
        let pair = self.roles(row).into_iter().find_map(|role| match self.people(role)[..] {
            [owner, peer, ..] => Some((scalar(owner), scalar(peer))),
            _ => None,
        });
        let Some((owner, peer)) = pair else {
            return self.comment(op, "a peer of the owner", "two identities of one role, and an object of one of them");
        };
        if let Some(made) = maker(self.document, op) {
            let people = [(&*owner, "2xx"), (&*peer, "[403, 404]"), (&*owner, "2xx")];
            return self.made(op, &made, "refuses a peer of the owner", &people);
        }
        let who = format!("{peer} # not the owner: {FILL_IN} an object of {owner}");
        self.written(op, "refuses a peer of the owner", (&who, fresh(op)), "[403, 404]")
    }

    /// What makes an object of an operation, where somebody of a role may do that.
    fn own(&self, op: &Operation, role: &str) -> Option<Maker<'d>> {
        let may = |made: &Maker<'_>| made.op.roles.as_ref().is_none_or(|roles| roles.iter().any(|r| r == role));
        maker(self.document, op).filter(may)
    }

    /// A case in which the first of several people makes an object, and then each of the others asks for it.
    fn made(&mut self, op: &Operation, made: &Maker<'_>, what: &str, people: &[(&str, &str)]) -> String {
        let [(owner, made_as), asking @ ..] = people else { return String::new() };
        self.cases += 1;
        let name = self.names.free(&format!("{} {what}", op.name()));
        let line = |op: &Operation, path: String| block_scalar(&format!("{} {path}", op.method));
        let (make, ask) = (line(made.op, self.path(made.op)), line(op, self.path(op)));
        let taken = |op: &Operation| op.body.as_ref().map(|b| format!("        {}", body(b))).unwrap_or_default();
        let mark = if made.id.is_some() { String::new() } else { format!(" # {FILL_IN}: where the answer names it") };
        let mut out = format!("  - name: {}\n{}    steps:\n", block_scalar(&name), fresh(op));
        out.push_str(&format!(
            "      - as: {owner}\n        request: {make}\n{}        expect: {made_as}\n        capture: {{ {}: {} }}{mark}\n",
            taken(made.op),
            made.var,
            made.id.unwrap_or("$.id")
        ));
        for (who, expect) in asking {
            out.push_str(&format!(
                "      - as: {who}\n        request: {ask}\n{}        expect: {expect}\n",
                taken(op)
            ));
        }
        out
    }

    /// The roles that somebody was seen with, those that may call an operation, as far as that is known, before others.
    fn roles(&self, row: &Row) -> Vec<&str> {
        let roles = self.grid.stances.iter().zip(&row.wants).filter_map(|(stance, want)| match stance {
            Stance::Role(role) => Some((*want != Want::Allowed, role.as_str())),
            Stance::Anonymous | Stance::Invalid | Stance::Expired | Stance::Peer => None,
        });
        let mut known: Vec<(bool, &str)> = roles.filter(|(_, role)| !self.people(role).is_empty()).collect();
        known.sort_by_key(|(may_not, _)| *may_not);
        known.into_iter().map(|(_, role)| role).collect()
    }

    /// A case of somebody, with what else it says.
    fn written(&mut self, op: &Operation, what: &str, (who, more): (&str, &str), expect: &str) -> String {
        self.cases += 1;
        let name = self.names.free(&format!("{} {what}", op.name()));
        let request = format!("{} {}", op.method, self.path(op));
        let (name, request) = (block_scalar(&name), block_scalar(&request));
        let mut out = format!("  - name: {name}\n    as: {who}\n    request: {request}\n{more}");
        if let Some(taken) = &op.body {
            out.push_str(&format!("    {}", body(taken)));
        }
        out.push_str(&format!("    expect: {expect}\n"));
        out
    }

    fn comment(&mut self, op: &Operation, who: &str, needs: &str) -> String {
        self.comments += 1;
        remark(&format!("  # {FILL_IN}: {} and {who}: it takes {needs}", op.name())) + "\n"
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

#[cfg(test)]
mod tests;
