//! Whether deliberate defects may cost data: what `allow_destructive` says at its places.

use super::world::Layers;
use crate::source::{Span, Spanned};
use crate::spec::Shared;

/// What may become of the data of a suite's target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Losses {
    /// Somebody said that it may be lost.
    Allowed,
    /// Nobody said anything.
    Unsaid,
    /// Somebody said that it may not, here.
    Forbidden(Span),
}

impl Losses {
    /// What the layers say. An environment goes over the project; what these forbid no suite allows, for it does not know
    /// where it is run.
    pub(super) fn of(layers: &Layers<'_>) -> Self {
        let said = |layer: &Shared| layer.destructive.clone();
        let outer = [layers.environment, layers.project].into_iter().flatten().find_map(said);
        let all = [outer, layers.suite.and_then(said)];
        let forbids = |said: &&Spanned<bool>| !said.value;
        match all.iter().flatten().find(forbids) {
            Some(no) => Self::Forbidden(no.span),
            None if all.iter().any(Option::is_some) => Self::Allowed,
            None => Self::Unsaid,
        }
    }
}
