//! The place of a case in an access matrix, and what became of it.

use serde::{Deserialize, Serialize};

/// A cell of a matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessCell {
    /// The row's name.
    pub row: String,
    /// The identity, or `anonymous`.
    pub column: String,
    /// The identity's role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The row's place in its matrix, from 0.
    pub row_number: u32,
    /// The column's place, from 0.
    pub column_number: u32,
    /// The id of the deliberate defect that it was sent with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
    /// What was expected, in a few words: `deny`, `401`, `200 or 204`.
    pub want: String,
    /// The status of the answer, if one came.
    pub got: Option<u16>,
    /// Of somebody who got in where a refusal was expected: what came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Loot>,
    /// Whether it was refused, and with the status that is meant for the other kind of caller.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub odd: bool,
}

/// What somebody got who should not have got in, beside what those get who may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loot {
    /// How it compares.
    pub is: Likeness,
    /// Whose body it was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
    /// Its length.
    pub bytes: usize,
}

/// How two bodies compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likeness {
    /// They are the same, but for what `given` made for each.
    Same,
    /// They differ.
    Differs,
    /// There is none.
    Empty,
    /// Nobody who may got one.
    Alone,
}
