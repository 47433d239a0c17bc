//! What a document says badly about access, and what the results contradict.
//!
//! To add a finding: a row in [`FINDINGS`], and where it is found in [`lint`].

use super::document::{Document, KeyPlace, Operation, SchemeKind, Security};
use super::grid::Grid;
use crate::http::is_loopback;
use crate::source::{SourceMap, Span};
use crate::term::plural;

/// A kind of finding.
#[derive(Debug)]
pub struct FindingKind {
    /// Its name.
    pub name: &'static str,
    /// What it means, one fragment.
    pub about: &'static str,
}

/// All kinds of findings, the most telling first.
pub const FINDINGS: &[FindingKind] = &[
    FindingKind {
        name: "open-operation",
        about: "a stranger was let in where the document does not say that anybody may",
    },
    FindingKind {
        name: "shared-object",
        about: "two people of one role were let in to the same object, which may be one's own",
    },
    FindingKind { name: "undeclared-security", about: "nothing says whether the operation is public: add `security`" },
    FindingKind {
        name: "undocumented-route",
        about: "a stranger was let in to a route that the document does not have",
    },
    FindingKind { name: "key-in-query", about: "an API key in the query ends in logs and histories" },
    FindingKind { name: "basic-over-http", about: "`http: basic` sends passwords, and a server is plain `http:`" },
    FindingKind { name: "weak-flow", about: "the implicit and the password flow of OAuth are no longer to be used" },
    FindingKind { name: "undocumented-refusal", about: "the operation is protected and documents neither 401 nor 403" },
    FindingKind { name: "unused-scheme", about: "no operation asks for the scheme" },
];

/// One thing that was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// A row of [`FINDINGS`].
    pub kind: &'static str,
    /// What it is about: an operation, a scheme, a route.
    pub subject: String,
    /// Where it stands: `api.yaml:12`.
    pub place: Option<String>,
}

/// Looks at a document and what was found out about it.
pub fn lint(document: &Document, grid: &Grid, sources: &SourceMap) -> Vec<Found> {
    let mut out = Vec::new();
    let mut found = |kind: &'static str, subject: String, span: Span| {
        let place = span.is_some().then(|| sources.place(span).to_string());
        out.push(Found { kind, subject, place });
    };
    for (op, row) in document.operations.iter().zip(&grid.rows) {
        if row.open && op.is_protected() {
            found("open-operation", op.name(), op.span);
        }
        if row.shared {
            found("shared-object", op.name(), op.span);
        }
        if op.security == Security::Undeclared && !op.is_preflight() {
            found("undeclared-security", op.name(), op.span);
        }
        if matches!(op.security, Security::Required(_)) && op.is_protected() && !documents_refusal(op) {
            found("undocumented-refusal", op.name(), op.span);
        }
    }
    // Other servers that cases talk to, such as one that issues tokens, have documents of their own.
    let ours = |origin: &str| grid.origins.contains(origin);
    for ((_, method, path), seen) in grid.elsewhere.iter().filter(|((o, ..), seen)| seen.open > 0 && ours(o)) {
        found("undocumented-route", format!("{method} {path} ({})", plural(seen.open, "time")), Span::NONE);
    }
    let plain = document.servers.iter().any(|url| url.starts_with("http://") && !is_local(url));
    for scheme in &document.schemes {
        match &scheme.kind {
            SchemeKind::ApiKey(KeyPlace::Query, _) => found("key-in-query", scheme.name.clone(), scheme.span),
            SchemeKind::Http(word) if word == "basic" && plain => {
                found("basic-over-http", scheme.name.clone(), scheme.span);
            }
            SchemeKind::OAuth2(flows) if flows.iter().any(|f| matches!(&*f.name, "implicit" | "password")) => {
                found("weak-flow", scheme.name.clone(), scheme.span);
            }
            SchemeKind::Http(_)
            | SchemeKind::ApiKey(..)
            | SchemeKind::OAuth2(_)
            | SchemeKind::OpenId(_)
            | SchemeKind::MutualTls => {}
        }
        let asked = document.operations.iter().flat_map(|o| o.security.alternatives()).flat_map(|r| &r.schemes);
        if asked.into_iter().all(|(name, _)| *name != scheme.name) {
            found("unused-scheme", scheme.name.clone(), scheme.span);
        }
    }
    let rank = |kind: &str| FINDINGS.iter().position(|f| f.name == kind);
    out.sort_by_key(|f| rank(f.kind));
    out
}

fn documents_refusal(op: &Operation) -> bool {
    op.statuses.iter().any(|s| matches!(&*s.to_ascii_uppercase(), "401" | "403" | "4XX"))
}

/// A server on the machine of whoever tries it sends nothing over a network.
fn is_local(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| is_loopback(&url))
}
