//! What explains an outcome: a cause with its evidence and what to do about it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// One cause that a rule of `diagnose` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The rule's code; `authspec explain` describes it.
    pub code: Cow<'static, str>,
    /// How sure it is.
    pub certainty: Certainty,
    /// One sentence, a lower-case fragment without a full stop.
    pub cause: String,
    /// What shows it, each a few words with values.
    pub evidence: Vec<String>,
    /// What to do next, each one sentence.
    pub next: Vec<String>,
    /// Index into the outcome's steps of the step it is about.
    pub step: Option<usize>,
}

/// How sure an explanation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// The bytes that were sent or received show it, or the server says it.
    Certain,
    /// It fits everything that was seen, and something else could fit as well.
    Likely,
    /// Worth a look.
    Possible,
}

impl Certainty {
    /// The word that reports put before the cause.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Certain => "cause",
            Self::Likely => "likely",
            Self::Possible => "maybe",
        }
    }

    /// The word of the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Possible => "possible",
        }
    }
}
