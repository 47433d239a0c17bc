//! What the jar did during a step: which cookies stayed behind or were never taken, and why.

use crate::http::jar::{JarMove, JarTrail, StoreOutcome, WithholdReason};

/// What cookies did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cookies {
    /// The names that the last request took along, one for each cookie.
    pub sent: Vec<String>,
    /// Those that the last request did not take along.
    pub withheld: Vec<Withheld>,
    /// Those that an answer set and the jar did not take.
    pub refused: Vec<Kept>,
    /// The names of those that an answer set.
    pub set: Vec<String>,
    /// The names of those that an answer deleted.
    pub deleted: Vec<String>,
}

/// A cookie that was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    /// Its name.
    pub name: String,
    /// The most fundamental reason.
    pub reason: WithholdReason,
}

/// A cookie with a sentence about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub name: String,
    /// Why it was not taken.
    pub why: String,
    /// It was not taken because it is `Secure` and came without TLS.
    pub insecure: bool,
}

pub(super) fn read(trail: &JarTrail) -> Cookies {
    let mut cookies = Cookies::default();
    for movement in &trail.moves {
        match movement {
            JarMove::Requested { selection, .. } => {
                cookies.sent = selection.sent.iter().map(|c| c.name.to_string()).collect();
                cookies.withheld = selection
                    .withheld
                    .iter()
                    .filter_map(|c| Some(Withheld { name: c.name.to_string(), reason: c.why.first()?.clone() }))
                    .collect();
            }
            JarMove::Received { stored, .. } => {
                let name = stored.name().to_string();
                match &stored.outcome {
                    StoreOutcome::Refused(why) => cookies.refused.push(Kept {
                        name,
                        why: why.why(),
                        insecure: matches!(why, crate::http::jar::RefuseReason::SecureFromInsecure { .. }),
                    }),
                    StoreOutcome::Deleted(_) => cookies.deleted.push(name),
                    StoreOutcome::Stored | StoreOutcome::Replaced | StoreOutcome::Renewed => cookies.set.push(name),
                }
            }
        }
    }
    cookies
}
