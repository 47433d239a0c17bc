//! Deliberate defects in good credentials and requests: one row per mutation, pure functions on bytes.
//!
//! A row takes a request as it would leave and gives it back with exactly one thing changed. It sends nothing and knows
//! neither schemes nor the run; what it needs beside the request lies in its [`Kit`], which the runner fills.
//!
//! To add a mutation: 1. its row in the table of its family (`src/mutate/<family>.rs`), with its sentence, references,
//! severity and expected answer; `apply` names the function that makes the defect. Copy the credential through
//! [`Presented`], never rebuild the request. 2. two unit tests beside it: what it changes, and when it cannot apply.
//! 3. its id in [`CATALOGUE`], as built. 4. a weakness of the demo that it catches. Tests over the whole table
//! hold ids, the catalogue, the documents and the packs together.

use serde::{Deserialize, Serialize};

mod bad;
mod bypass;
mod catalogue;
mod claims;
mod confusion;
mod cors;
mod csrf;
mod digest;
mod due;
mod expect;
mod forged;
mod header;
mod kit;
mod packs;
mod plain;
mod presented;
mod purpose;
mod response;
mod session;
mod signature;
mod signed;
mod signing;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod token;
mod trust;

pub use bad::{Bad, Differs, differs};
pub use catalogue::{CATALOGUE, Entry, Standing};
pub use claims::LEEWAY;
pub use cors::shares;
pub use due::{Basis, Due, Heard, Said};
pub use expect::{Answered, Challenge, Expect, Grade, Graded};
pub use forged::{Forged, Unfit};
pub use kit::{Bend, Kit, Published, Resign, Signer};
pub use packs::{DEFAULT_PACK, PACKS, Pack, Wants};
pub use presented::{Place, Presented, Spot, is_csrf};
pub use signed::signed_anew;

/// One deliberate defect.
#[derive(Debug)]
pub struct Mutation {
    /// The stable, kebab-case name.
    pub id: &'static str,
    /// What is sent, one sentence: a lower-case fragment.
    pub about: &'static str,
    /// What it means when the server takes it, and what to do about that, a few sentences.
    pub explain: &'static str,
    /// Where it is written: `RFC 6750 section 2.1`, `ASVS 9.1.1`, `API2:2023`, `CWE-347`, `WSTG-SESS-10`.
    pub refs: &'static [&'static str],
    /// How bad it is when the server takes it.
    pub severity: Severity,
    /// What it starts from, and so what proves its result.
    pub aim: Aim,
    /// Whether it attacks rather than asks: such rows are sent only to hosts that are permitted.
    pub attacks: Attacks,
    /// What it costs to send it: such as destroy are sent only where data may be lost.
    pub class: Class,
    /// What has to be gathered before it can be made.
    pub needs: Needs,
    /// What the server should answer.
    pub expect: Expect,
    /// What is wrong with the token where it has to be correctly signed all the same: others than the row itself may
    /// have one.
    pub bad: Option<Bad>,
    /// Makes the defect.
    pub apply: fn(&Presented<'_>, &Kit<'_>) -> Result<Forged, Unfit>,
}

impl Mutation {
    /// What is to be known before it is sent, as words: `attacks`, and its class unless that is harmless.
    pub fn marks(&self) -> Vec<&'static str> {
        let attacks = (self.attacks == Attacks::Yes).then_some("attacks");
        let class = Some(self.class).filter(|class| !class.is_harmless()).map(Class::word);
        attacks.into_iter().chain(class).collect()
    }
}

/// What most rows are: about a credential, such as a broken client sends, and refused as no good token. A row says what
/// it is beside that.
const BASE: Mutation = Mutation {
    id: "",
    about: "",
    explain: "",
    refs: &[],
    severity: Severity::High,
    aim: Aim::Credential,
    attacks: Attacks::No,
    class: Class::Harmless,
    needs: Needs::Nothing,
    expect: Expect::Refused(&[401], Challenge::InvalidToken),
    bad: None,
    apply: |p, _| Ok(Forged::new(p.bare()?, "the credential is left out")),
};

/// How bad it is when a defect is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It should be known.
    Info,
    /// A lapse that hurts together with others.
    Low,
    /// A lapse that hurts.
    Medium,
    /// Somebody gets what is not theirs, under conditions.
    High,
    /// Anybody gets in.
    Critical,
}

impl Severity {
    /// All, from the mildest.
    pub const ALL: &[Self] = &[Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word of tables and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What a mutation starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// A credential that is allowed: with the defect it must be refused.
    Credential,
    /// A request that is refused: the detour must not let it in.
    Bypass,
    /// A request that changes something and is accepted: with the defect it must be refused, good as the credential is.
    Change,
    /// A request that names a good origin: what its answer tells browsers.
    Origin,
}

/// Whether a mutation attacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attacks {
    /// It is what a broken client might send.
    No,
    /// It tries to get in.
    Yes,
}

/// What it costs to send a mutation, whatever comes of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Nothing: a server that takes it gives away what it should not, and no more.
    #[default]
    Harmless,
    /// Time: where no bad token is at hand, one has to end first.
    Waits,
    /// Data: a server that takes it does what the request asks for, where that writes or deletes.
    Destructive,
}

impl Class {
    /// The word of tables and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Harmless => "harmless",
            Self::Waits => "waits",
            Self::Destructive => "destructive",
        }
    }

    /// Tells whether there is nothing to know.
    pub const fn is_harmless(&self) -> bool {
        matches!(self, Self::Harmless)
    }
}

/// What has to be gathered before a mutation can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing but the request and its sender.
    Nothing,
    /// The public key of the server that made the token.
    PublicKey,
    /// What the server asks of whoever sends no credential: a challenge that nobody answered yet.
    Question,
    /// The name of somebody who is allowed what is asked for.
    Name,
}

/// Mutations of one kind.
#[derive(Debug)]
pub struct Family {
    /// The word that the family's pack has, and documents use.
    pub name: &'static str,
    /// What they break, as a heading.
    pub title: &'static str,
    /// The rows.
    pub rows: &'static [Mutation],
}

/// All mutations.
pub const MUTATIONS: &[Family] = &[
    header::FAMILY,
    token::FAMILY,
    plain::FAMILY,
    signature::FAMILY,
    confusion::FAMILY,
    purpose::FAMILY,
    claims::FAMILY,
    signed::FAMILY,
    session::FAMILY,
    csrf::FAMILY,
    bypass::FAMILY,
    cors::FAMILY,
    trust::FAMILY,
    signing::FAMILY,
    digest::FAMILY,
    response::FAMILY,
];

/// Lists all mutations in their order.
pub fn mutations() -> impl Iterator<Item = &'static Mutation> {
    MUTATIONS.iter().flat_map(|family| family.rows)
}

/// Finds a mutation by its id.
pub fn mutation(id: &str) -> Option<&'static Mutation> {
    mutations().find(|m| m.id == id)
}
