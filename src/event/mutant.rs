//! What a case with a deliberate defect showed, and what proves it.

use serde::{Deserialize, Serialize};

use crate::mutate::{Class, Grade, Severity};

/// The defect of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MutantRecord {
    /// The row's id.
    pub id: String,
    /// How bad it is when it is taken.
    pub severity: Severity,
    /// What it costs to send it.
    #[serde(default, skip_serializing_if = "Class::is_harmless")]
    pub class: Class,
    /// The pack it came in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
    /// What was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// Whether it left as bytes that no HTTP library would send; the request in the hop is written as one would.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verbatim: bool,
    /// How near the answer came; nothing when it was never sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// What should have come.
    pub expected: String,
    /// What came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
}

/// A request that shows what a refusal is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlRecord {
    /// When it was sent, and as whom.
    pub when: When,
    /// The identity, `anonymous`, or what was asked in place of the request.
    pub who: String,
    /// The status, when an answer came.
    pub status: Option<u16>,
    /// Whether it was as it has to be.
    pub held: bool,
}

/// When a control was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Before the defect, with the good credential.
    Before,
    /// Without any credential.
    Without,
    /// Beside it, as somebody who has to be allowed.
    Beside,
    /// After it, with the good credential.
    After,
    /// With the token of the good credential signed anew, and nothing wrong with it.
    Signed,
}
