//! What results of `authspec run --json` say was really sent.

use serde::Deserialize;

use crate::event::{Carried, RefusalProof, SentRecord, Verdict};
use crate::http::challenge::parse_challenges;

/// What is needed of a JSON report.
#[derive(Debug, Deserialize)]
pub struct Results {
    /// Its schema.
    #[serde(default)]
    pub schema: String,
    /// Where requests went: URLs, the first of which suites append their paths to.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Its cases.
    #[serde(default)]
    pub cases: Vec<CaseResult>,
}

/// A case.
#[derive(Debug, Deserialize)]
pub struct CaseResult {
    /// Its stable id.
    pub id: String,
    /// How it ended.
    pub verdict: Verdict,
    /// The number of its suite.
    #[serde(default)]
    pub suite: usize,
    /// The cell of an access matrix that it is.
    #[serde(default)]
    pub access: Option<CellResult>,
    /// What its refusals prove.
    #[serde(default)]
    pub proof: ProofResult,
    /// The steps that ran.
    #[serde(default)]
    pub steps: Vec<StepResult>,
}

/// A cell of an access matrix.
#[derive(Debug, Deserialize)]
pub struct CellResult {
    /// Its row.
    pub row_number: u32,
}

/// Where something is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub struct At {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

/// What of the refusals of a case is not proven.
#[derive(Debug, Default, Deserialize)]
pub struct ProofResult {
    /// Those with `control: off`.
    #[serde(default)]
    pub uncontrolled: u32,
}

/// A step.
#[derive(Debug, Clone, Deserialize)]
pub struct StepResult {
    /// The identity, `anonymous` or nobody.
    pub caller: Option<String>,
    /// Its role.
    pub role: Option<String>,
    /// The mutation that it was sent with.
    pub with: Option<String>,
    /// How a mutation was answered.
    pub grade: Option<String>,
    /// Method and target.
    pub request: String,
    /// What left.
    pub sent: Option<SentRecord>,
    /// The last status.
    pub status: Option<u16>,
    /// What its refusal proves.
    pub refusal: Option<RefusalProof>,
    /// Where it is written.
    #[serde(default)]
    pub place: Option<At>,
    /// How many expectations did not hold.
    #[serde(default)]
    pub broken: usize,
    /// The flows it is a step of.
    #[serde(default)]
    pub flows: Vec<FlowResult>,
    /// What was sent and came back.
    #[serde(default)]
    pub hops: Vec<HopResult>,
}

/// A flow that a step belongs to.
#[derive(Debug, Clone, Deserialize)]
pub struct FlowResult {
    /// Its name.
    pub name: String,
}

/// One request and its answer.
#[derive(Debug, Clone, Deserialize)]
pub struct HopResult {
    /// The answer, if one came.
    #[serde(default)]
    pub response: Option<AnswerResult>,
}

/// An answer.
#[derive(Debug, Clone, Deserialize)]
pub struct AnswerResult {
    /// Its fields.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
}

impl StepResult {
    /// Method and target.
    pub fn line(&self) -> (&str, &str) {
        self.request.split_once(' ').unwrap_or((&self.request, ""))
    }

    /// The path of its target.
    pub fn path(&self) -> &str {
        self.line().1.split('?').next().unwrap_or_default()
    }

    /// Tells whether its query has a parameter.
    pub fn has_query(&self, name: &str) -> bool {
        let query = self.line().1.split_once('?').map_or("", |(_, query)| query);
        query.split('&').any(|pair| pair.split('=').next() == Some(name))
    }

    /// The status of the first answer: redirects that were followed lead elsewhere.
    pub fn first_status(&self) -> Option<u16> {
        self.sent.as_ref().and_then(|s| s.followed.first().copied()).or(self.status)
    }

    /// The scopes that its first answer says are lacking (RFC 6750, section 3.1): nothing where it does not say that
    /// any is, and an empty list where it names none.
    pub fn lacking(&self) -> Option<Vec<String>> {
        let answer = self.hops.first()?.response.as_ref()?;
        let lines = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("www-authenticate"));
        let challenges = parse_challenges(lines.map(|(_, value)| value.as_bytes()));
        let lacks = challenges.iter().find(|c| c.param("error") == Some("insufficient_scope"))?;
        Some(lacks.param("scope").unwrap_or_default().split_whitespace().map(ToOwned::to_owned).collect())
    }

    /// Tells whether it was sent with the credential of its caller.
    pub fn is_own(&self) -> bool {
        self.sent.as_ref().is_some_and(|s| s.credential == Carried::Own)
    }
}

/// Reads results; the error is a sentence about the file.
pub fn parse(name: &str, text: &[u8], schema: &str) -> Result<Results, String> {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(format!("{name} is empty: it is no result of `authspec run --json`"));
    }
    let place = |e: serde_json::Error| {
        let (line, column) = (e.line(), e.column());
        if e.is_eof() {
            return format!("{name} ends in the middle (line {line}, column {column}): it is no whole result");
        }
        format!("{name} is no result of `authspec run --json` (line {line}, column {column})")
    };
    let results: Results = serde_json::from_slice(text).map_err(place)?;
    if results.schema != schema {
        let found = if results.schema.is_empty() {
            "it has no schema".to_owned()
        } else {
            format!("its schema is `{}`", results.schema)
        };
        return Err(format!("{name} is no result of `authspec run --json`: {found}, not `{schema}`"));
    }
    let mut answered = results.cases.iter().flat_map(|c| &c.steps).filter(|s| s.status.is_some()).peekable();
    if answered.peek().is_some() && answered.all(|s| s.sent.is_none()) {
        return Err(format!("{name} does not say what was sent: it was written by an older version; run again"));
    }
    Ok(results)
}
