//! Gathers what a mutation needs beside the request: keys, second logins, honestly bad tokens.

use jiff::Timestamp;

use super::actor::{Actor, Who};
use super::exchange::StepRun;
use super::session::Session;
use crate::auth::SigningKey;
use crate::jose::{Algorithm, Jwks, Key, Token};
use crate::mutate::{Forged, Kit, Mutation, Need, Unfit};

/// What was gathered for one row.
#[derive(Debug, Default)]
pub(super) struct Supplies {
    signer: Option<(Key, Algorithm)>,
    lacking: Option<Unfit>,
}

/// Gathers what a row needs; `token` is the credential that it breaks.
pub(super) fn gather(run: &StepRun<'_>, row: &Mutation, actor: &Actor, token: Option<&str>) -> Supplies {
    let wants = row.needs.iter().any(|need| matches!(need, Need::Honest(_)));
    let (true, Who::Identity(id, session, _)) = (wants, &actor.who) else { return Supplies::default() };
    let identity = &run.shared.plan.identities[id.0 as usize];
    let Some(own) = &identity.login.signing_key else { return Supplies::default() };
    match signer(own, session, token) {
        Ok((key, algorithm, text)) => {
            run.shared.secrets.declare(&format!("{}.signing_key", identity.name), &text);
            Supplies { signer: Some((key, algorithm)), lacking: None }
        }
        Err(why) => {
            let why = format!("the signing key of `{}` cannot be used: {why}", identity.name);
            Supplies { signer: None, lacking: Some(Unfit::Unavailable { why, add: Vec::new() }) }
        }
    }
}

/// Reads the key, and the algorithm that the token itself is signed with.
fn signer(own: &SigningKey, session: &Session, token: Option<&str>) -> Result<(Key, Algorithm, String), String> {
    let text = match own {
        SigningKey::File(text) => text.expose().to_owned(),
        SigningKey::Text(template) => template.render(&session.scope).map_err(|e| e.message)?,
    };
    let key = Key::from_text(&text).map_err(|fault| fault.to_string())?;
    let Some(read) = token.and_then(|token| Token::parse(token).ok()) else {
        // The row itself says that there is no token to change.
        let algorithm = key.usual_algorithm();
        return Ok((key, algorithm, text));
    };
    let algorithm = read.algorithm().map_err(|fault| fault.to_string())?;
    // Signed with another key, every token would be refused for that, and prove nothing.
    let mine = Key::from_text(&text).map_err(|fault| fault.to_string())?;
    Jwks::of(mine).verify(&read).map_err(|_| "the token of the login was not signed with it".to_owned())?;
    Ok((key, algorithm, text))
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
            signer: self.signer.as_ref().map(|(key, algorithm)| (key, *algorithm)),
            honest: None,
            lacking: self.lacking.as_ref(),
            resign: None,
        })
    }
}
