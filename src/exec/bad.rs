//! Correctly signed bad tokens where no signing key makes one (docs/language.md, "What a refusal proves"): the token of another identity.
//!
//! A refusal of such a token counts only for what the row is about. Whatever else may have caused it is found out: what
//! else differs, what the server names as its reason, and whether the token lived at all.

use jiff::Timestamp;

use super::access::{Said, said};
use super::actor::{Actor, Ownership};
use super::exchange::StepRun;
use super::kit::Holder;
use super::ledger::{Asked, Refusal, Sender, Weight};
use super::mutant::Trial;
use super::session::{Session, SessionId};
use super::tried::Tried;
use crate::evidence::{self, Word};
use crate::mutate::{Bad, Forged, Presented, Unfit, differs};
use crate::step::IdentityId;
use crate::term::list;

/// Where a bad token that was not made here came from.
#[derive(Debug, Clone)]
pub(super) struct Lent {
    source: Source,
    bad: Bad,
    /// What else differs from the good one.
    also: Vec<&'static str>,
}

/// Where a bad token comes from.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// Another identity was given it, in this session.
    Donor(IdentityId, SessionId),
    /// It is the sender's own of an earlier run; and whether another one shows that it was refused for its age.
    Kept(bool),
    /// It is the sender's own, waited for; and how many sessions the sender had when it was allowed last.
    Aged(IdentityId, Option<u64>),
}

/// What the session calls its credential, the likeliest first.
const LIKELY: &[&str] = &["access_token", "token", "jwt"];

/// What servers say that refuse a token for a reason of its own.
const REASONS: &[(Word, &str)] = &[
    (Word::Expired, "that the token is expired"),
    (Word::NotYet, "that the token is not valid yet"),
    (Word::Signature, "its signature or key"),
    (Word::Malformed, "that it cannot be read"),
    (Word::Audience, "its audience"),
    (Word::Issuer, "its issuer"),
    (Word::Revoked, "that it was revoked"),
    (Word::Kind, "that it is of another kind"),
    (Word::Missing, "that no credential came"),
    (Word::Account, "the account"),
    (Word::Locked, "that the account is locked"),
    (Word::Dependency, "a part of its own that is down"),
];

impl Bad {
    /// What a server says that refuses a token for this.
    const fn due(self) -> &'static [Word] {
        match self {
            Self::Over => &[Word::Expired],
            Self::Audience => &[Word::Audience],
            // A foreign issuer's keys are not known here.
            Self::Issuer => &[Word::Issuer, Word::Signature],
        }
    }
}

impl StepRun<'_> {
    /// Finds a bad token where none could be made; `unfit` is why not.
    pub(super) async fn lent(
        &self,
        trial: &Trial<'_>,
        actor: &Actor,
        presented: &Presented<'_>,
        unfit: Unfit,
    ) -> Result<(Forged, Lent), Unfit> {
        let (Some(bad), Unfit::Unavailable { why, mut add }) = (trial.mutant.row.bad, unfit.clone()) else {
            return Err(unfit);
        };
        let Some((_, own)) = actor.who.session() else { return Err(unfit) };
        let mut found: Option<(Forged, Lent)> = None;
        let mut faults = Vec::new();
        for id in trial.mutant.donors.iter().filter(|_| bad.is_elsewhere()) {
            match self.donated(bad, *id, own, presented).await {
                Ok((forged, lent)) => {
                    let better = found.as_ref().is_none_or(|(_, known)| lent.also.len() < known.also.len());
                    found = if better { Some((forged, lent)) } else { found };
                }
                Err(fault) => faults.push(fault),
            }
        }
        if let Some(found) = found {
            return Ok(found);
        }
        if bad.is_elsewhere() && trial.mutant.donors.is_empty() {
            let these = trial.mutant.row.id;
            add.push(format!("or name an identity of another client: `with: {{ these: {these}, donor: NAME }}`"));
        }
        let why = match &faults[..] {
            [] if bad.is_elsewhere() => format!("{why}, and nobody lends a token that is for somebody else"),
            [] => why,
            _ => faults.join("; "),
        };
        Err(Unfit::Unavailable { why, add })
    }

    /// The request with the token of another identity, which is wrong here in that way.
    async fn donated(
        &self,
        bad: Bad,
        donor: IdentityId,
        own: &Session,
        presented: &Presented<'_>,
    ) -> Result<(Forged, Lent), String> {
        let name = &self.shared.plan.identities[donor.0 as usize].name;
        let session = self.shared.sessions.fresh_enough(self.shared, donor).await;
        let session = session.map_err(|failure| format!("`{name}` could not log in: {}", failure.reason.message))?;
        let words = |unfit| match unfit {
            Unfit::NotApplicable(why) | Unfit::Unavailable { why, .. } | Unfit::Held(why) | Unfit::Broken(why) => why,
        };
        let good = presented.token().map_err(words)?;
        let token = token_of(own, &session, good).ok_or_else(|| format!("the session of `{name}` holds no token"))?;
        let differs =
            differs(bad, good, &token, Timestamp::now()).map_err(|why| format!("the token of `{name}` {why}"))?;
        let mut request = presented.with_token(&token).map_err(words)?;
        // A token that is bound to a key is good together with that one alone.
        Holder::new(self.shared, Some((donor, &*session))).prove_again(presented, &mut request);
        let change = format!("the token of `{name}` in its place, {}", differs.how);
        Ok((
            Forged::new(request, change),
            Lent { source: Source::Donor(donor, session.number), bad, also: differs.also },
        ))
    }
}

/// The donor's token: what has the name there that the good one has here.
fn token_of(own: &Session, donor: &Session, good: &str) -> Option<String> {
    let part = |name: &str| {
        let mut parts = donor.credential.parts.iter();
        parts.find(|(n, _)| &**n == name).and_then(|(_, value)| value.as_str()).map(str::to_owned)
    };
    let same = own.credential.parts.iter().find(|(_, value)| value.as_str() == Some(good));
    let field = donor.fields.iter().find(|(name, _)| &**name == "token").map(|(_, value)| value.clone());
    same.and_then(|(name, _)| part(name)).or_else(|| LIKELY.iter().find_map(|name| part(name))).or(field)
}

/// Tells whether a part of a session is what requests carry, and no refresh or ID token.
pub(super) fn is_access_token(name: &str) -> bool {
    LIKELY.contains(&name) || name.contains("access")
}

impl Lent {
    /// A token of an earlier run.
    pub(super) const fn kept(witnessed: bool) -> Self {
        Self { source: Source::Kept(witnessed), bad: Bad::Over, also: Vec::new() }
    }

    /// A token that was waited for.
    pub(super) const fn aged(id: IdentityId, generation: Option<u64>) -> Self {
        Self { source: Source::Aged(id, generation), bad: Bad::Over, also: Vec::new() }
    }

    /// Why a refusal may have another cause than the one that the row is about; nothing when it has that one.
    pub(super) fn doubt(&self, run: &StepRun<'_>, tried: &Tried<'_>) -> Option<String> {
        let response = tried.trail.response()?;
        let words = tried
            .trail
            .request()
            .map_or_else(Vec::new, |request| evidence::words_of(request, response, &run.shared.secrets));
        let due = self.bad.due();
        if words.iter().any(|word| due.contains(word)) {
            return None;
        }
        if let Some((_, reason)) = REASONS.iter().find(|(word, _)| words.contains(word)) {
            return Some(format!("the server names another reason: {reason}"));
        }
        let refused = response.status == 401 || said(tried.trial.step, tried.trail) == Said::SentAway;
        if !refused {
            return Some(format!("a {} may be about rights, not about the token", response.status));
        }
        let unseen = match self.source {
            Source::Donor(..) => None,
            Source::Aged(id, before) => {
                let same = before.is_some() && before == run.shared.sessions.generation(id);
                (!same).then_some("a newer session was made meanwhile")
            }
            Source::Kept(witnessed) => {
                (!witnessed).then_some("no other token of an earlier run, not over yet, is seen being allowed")
            }
        };
        if let Some(unseen) = unseen {
            return Some(format!("the server says no reason, and {unseen}"));
        }
        let also: Vec<String> = self.also.iter().map(ToString::to_string).collect();
        let differ = if also.len() == 1 { "differs" } else { "differ" };
        (!also.is_empty()).then(|| format!("the server says no reason, and {} {differ} as well", list(&also, "and")))
    }

    /// What has yet to be shown of a refusal: that the token lived.
    pub(super) fn life(&self, run: &StepRun<'_>, (tried, actor): (&Tried<'_>, &Actor), at: u64) -> Option<Refusal> {
        let (id, session) = match self.source {
            Source::Donor(id, session) => (id, session),
            // The same token was allowed before.
            Source::Aged(..) | Source::Kept(_) => return None,
        };
        let status = tried.trail.response().map_or(0, |r| r.status);
        let sender = Sender::Identity { id, session, ownership: Ownership::Still };
        let key = run.key_of(tried.trial.step, actor, &tried.prepared.request, Asked::Plainly);
        Some(Refusal::new((key, sender), at, status, Weight::Remark))
    }
}
