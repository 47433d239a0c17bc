//! The deliberate weaknesses the demo can be started with, to prove that a suite notices them.

/// A deliberate defect the demo can be started with.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Weakness {
    /// The name by which it is asked for.
    pub id: &'static str,
    /// What the weakened server does wrong, in one sentence.
    pub about: &'static str,
}

/// Every weakness the demo knows; the strict server has none of them.
pub const WEAKNESSES: &[Weakness] = &[];
