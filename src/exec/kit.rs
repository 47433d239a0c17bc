//! Gathers what a mutation needs beside the request: keys, second logins, honestly bad tokens.

use jiff::Timestamp;

use super::actor::Actor;
use super::exchange::StepRun;
use crate::mutate::{Forged, Kit, Mutation, Unfit};

/// What was gathered for one row.
#[derive(Debug, Default)]
pub(super) struct Supplies {}

/// Gathers what a row needs.
pub(super) fn gather(_: &StepRun<'_>, _: &Mutation, _: &Actor) -> Supplies {
    Supplies::default()
}

impl Supplies {
    /// Makes a kit of it.
    pub(super) fn with(
        &self,
        row: &Mutation,
        part: &dyn Fn(&str) -> Option<String>,
        apply: impl FnOnce(&Kit<'_>) -> Result<Forged, Unfit>,
    ) -> Result<Forged, Unfit> {
        let random = |n: usize| {
            let mut bytes = vec![0; n];
            // Should the system have no randomness, zeros are as wrong a signature as any.
            let _ = aws_lc_rs::rand::fill(&mut bytes);
            bytes
        };
        apply(&Kit {
            id: row.id,
            now: Timestamp::now(),
            random: &random,
            part,
            keys: None,
            second: None,
            other: None,
            signer: None,
            honest: None,
            lacking: None,
            resign: None,
        })
    }
}
