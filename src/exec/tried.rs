//! A defect that was sent, with all that its answer is judged by.

use std::sync::Arc;

use super::access::{Said, said};
use super::bad::Lent;
use super::control::Probe;
use super::detour::Reached;
use super::hollow;
use super::mutant::{Controlled, Trial};
use super::observed::{Observed, digest};
use super::otherwise::Otherwise;
use super::wary::Refused;
use crate::check::{Expectations, StatusSet, Word};
use crate::http::{HttpError, Request, Trail};
use crate::mutate::{Aim, Answered, Expect, Grade, Graded, Presented};
use crate::plan::Wanted;
use crate::step::Prepared;

/// A defect that was sent, with all that it is judged by.
pub(super) struct Tried<'a> {
    pub(super) trial: Trial<'a>,
    /// What the step asks for, before the credential is on it.
    pub(super) prepared: &'a Prepared,
    /// The request as it would have left.
    pub(super) presented: &'a Presented<'a>,
    pub(super) trail: &'a Trail,
    /// In what its request line is another one than the step's.
    pub(super) line: Otherwise,
    /// Whether the same was sent before it, and allowed.
    pub(super) repeats: bool,
    /// Whether it left as no HTTP library sends it.
    pub(super) verbatim: bool,
    pub(super) controlled: &'a Controlled,
    /// Where a way around a refusal led.
    pub(super) reached: Option<Reached>,
    /// The word by which `outcomes` declares the answer as a refusal.
    pub(super) denial: Option<Word>,
    /// Whether it is the redirect that nobody gets as well.
    pub(super) away: bool,
    /// Whether the redirect brings a session that lets in.
    pub(super) led_in: bool,
    /// Where the bad token came from, if it was not made here.
    pub(super) lent: Option<Lent>,
    /// What asks whether somebody else is allowed, where the case names one.
    pub(super) allowed: Option<Arc<Probe>>,
    /// How it was refused, if it was.
    pub(super) again: Arc<Refused>,
    /// What the control is answered as well where a gateway answered the defect.
    pub(super) down: Option<String>,
}

/// Whom a page that is there for everybody took the sender of a defect for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TakenFor {
    /// Nobody: it shows what anonymous gets.
    Nobody,
    /// The owner of the credential.
    Owner,
}

impl Tried<'_> {
    /// Tells whether a login page came with a status that refuses nothing, where the good credential gets something else.
    pub(super) fn is_login_page(&self) -> bool {
        let came = self.trail.response().filter(|r| r.status / 100 == 2 && self.trial.mutant.row.expect.is_refusal());
        let is_other = came.is_some_and(|r| self.controlled.good_body() != Some(digest(&r.body)));
        is_other && hollow::end(self.trail) == Some(hollow::End::LoginPage)
    }

    /// What the step or `with` wants in place of the table.
    pub(super) fn own(&self) -> Option<&Expectations> {
        self.trial.mutant.own(self.trial.step)
    }

    /// Grades the answer; a connection that is closed refuses too.
    pub(super) fn graded(&self) -> Answer {
        let (row, trail) = (self.trial.mutant.row, self.trail);
        let graded = |grade, held, actual: &str| {
            Answer::Graded(Graded { grade, held, expected: row.expect.describe(), actual: actual.to_owned() })
        };
        match (&trail.error, trail.response(), self.reached) {
            (None, Some(response), _) if row.expect.is_refusal() && self.led_in => {
                graded(Grade::Accepted, false, &format!("{} with a session that lets in", response.status))
            }
            (None, Some(response), _) if row.expect.is_refusal() && response.status < 400 && self.denial.is_some() => {
                let word = self.denial.map_or("", Word::name);
                graded(Grade::DeniedExact, true, &format!("{}, which `outcomes` calls `{word}`", response.status))
            }
            (None, Some(response), Some(Reached::Elsewhere)) if response.status / 100 == 2 => {
                graded(Grade::DeniedOther, true, &format!("{}, as any made-up path gets it", response.status))
            }
            (None, Some(response), Some(Reached::AsRefused)) => {
                graded(Grade::DeniedOther, true, &format!("{}, with the fields of the plain refusal", response.status))
            }
            (None, Some(response), _) if row.expect.is_refusal() && self.taken_for() == Some(TakenFor::Nobody) => {
                graded(Grade::DeniedOther, true, &format!("{}, as anonymous gets it", response.status))
            }
            (None, Some(response), Some(Reached::Refused(end))) => {
                graded(Grade::DeniedOther, true, &format!("{} to a page that refuses ({end})", response.status))
            }
            (None, Some(response), _) => {
                let field = self.presented.field();
                let challenged = field.is_ok_and(|(name, _)| name.eq_ignore_ascii_case("authorization"));
                let sent_away = self.away || said(self.trial.step, trail) == Said::SentAway;
                let bearer = self.presented.is_bearer();
                let good = self.controlled.before.as_ref().and_then(|(_, before)| before.headers.as_ref());
                let sent = trail.request().unwrap_or(self.presented.request);
                let answered = Answered { sent, response, good, sent_away, bearer, challenged };
                row.expect.grade(answered).map_or_else(Answer::Idle, Answer::Graded)
            }
            // Whoever wants something of the answer wants one.
            (Some(_), ..) if self.own().is_some() => Answer::None,
            // Whatever takes HTTP takes this: that nothing came is no refusal, and may be a worker that died of it.
            (Some(HttpError::Closed), ..) if row.aim == Aim::Credential && self.is_plain_http() => Answer::None,
            (Some(HttpError::Closed), ..) if row.expect.is_refusal() || row.expect == Expect::Either => {
                graded(Grade::DeniedOther, true, "the connection was closed without an answer")
            }
            (Some(HttpError::Timeout(_)), ..) => {
                graded(Grade::Crashed, false, "no answer in time: the server hangs on it")
            }
            (Some(_) | None, ..) => Answer::None,
        }
    }

    /// Whether what was sent is no more than what every server has to read.
    pub(super) fn is_plain_http(&self) -> bool {
        const MOST: usize = 8 * 1024;
        let fields = |request: &Request| request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        !self.verbatim && self.trail.request().map_or(0, fields) < MOST
    }

    /// Whether the step itself says what a refusal looks like.
    pub(super) fn wants_refusal(&self) -> bool {
        let is_step = matches!(self.trial.mutant.wanted, Wanted::Step);
        let refused =
            |own: &Expectations| own.status.as_ref().is_none_or(|own| own.means_refusal() || !own.matches(200));
        is_step && self.trial.mutant.row.expect.is_refusal() && self.own().is_some_and(refused)
    }

    /// Whether the defect makes no difference: by the table, or by what the step itself wants of it.
    pub(super) fn is_to_be_let_in(&self) -> bool {
        let lets_in = |own: &Expectations| own.status.as_ref().map(|own| own.matches(200) && !own.means_refusal());
        self.own().and_then(lets_in).unwrap_or_else(|| !self.trial.mutant.row.expect.is_refusal())
    }

    /// Whether what the suite itself wants of a refusal came, where the table would call it let in: a redirect to a page
    /// of its own, or whatever `outcomes` calls a denial.
    pub(super) fn is_own_refusal(&self) -> bool {
        let redirected = self.trail.response().is_some_and(|r| r.status / 100 == 3);
        let denial = |own: &Expectations| own.status.as_ref().is_some_and(StatusSet::means_refusal);
        !self.led_in
            && self.trial.mutant.row.expect.is_refusal()
            && self.own().is_some_and(|own| redirected || denial(own))
    }

    /// Why a defect that failed did not fail for what it is: a gateway answers the control so as well, or the plain request
    /// got the same refusal, which is not the one that is wanted.
    pub(super) fn undue(&self, graded: &Graded, status: u16) -> Option<(&'static str, String)> {
        if let Some(down) = self.down.as_ref().filter(|_| graded.grade == Grade::Crashed) {
            return Some(("control-after", format!("a gateway answered {status}, and the control as well ({down})")));
        }
        let refused = matches!(graded.grade, Grade::DeniedExact | Grade::DeniedOther);
        let (probe, before) = self.controlled.before.as_ref().filter(|_| refused)?;
        let wanted = self.own()?.status.as_ref()?;
        if let Some(down) = &self.down {
            let message = format!(
                "`{}` is answered {down} to the plain request by now as well, where {} is wanted: nothing is shown of the defect",
                probe.name(),
                wanted.describe()
            );
            return Some(("control-after", message));
        }
        let is_plain = self.trial.mutant.row.aim == Aim::Bypass && before.status == Some(status);
        let is_said = (self.denial.is_some() || self.reached == Some(Reached::AsRefused))
            && wanted.word().is_some_and(|word| word != Word::Allow);
        (is_plain && !is_said && !wanted.matches(status)).then(|| {
            let message = format!(
                "`{}` was answered {status} to the plain request too, where {} is wanted: nothing is shown of the defect",
                probe.name(),
                wanted.describe()
            );
            ("control-refused", message)
        })
    }

    /// Whom a page that is there for everybody took the sender for; nothing when it looks the same to all.
    pub(super) fn taken_for(&self) -> Option<TakenFor> {
        let body = |observed: Option<&Observed>| observed.filter(|o| o.granted).and_then(|o| o.body);
        let good = body(self.controlled.before.as_ref().map(|(_, before)| before))?;
        let nobody = body(self.controlled.without.as_ref())?;
        let came = self.trail.response().filter(|r| r.status / 100 == 2).map(|r| digest(&r.body))?;
        match came {
            // That the credential may be left out is what these rows are about.
            _ if good == nobody || ["hdr-missing", "sess-none"].contains(&self.trial.mutant.row.id) => None,
            came if came == nobody => Some(TakenFor::Nobody),
            came if came == good => Some(TakenFor::Owner),
            _ => None,
        }
    }

    /// Whether what travels beside the credential is let in by itself.
    pub(super) const fn lets_in_beside(&self) -> bool {
        !self.controlled.by_cookie.is_empty()
    }

    /// Whether what was let in got what the good credential gets.
    pub(super) fn likeness(&self) -> &'static str {
        if self.led_in {
            return ", by a session that the redirect brings";
        }
        let before = self.controlled.before.as_ref().filter(|(_, before)| before.granted);
        let came = self.trail.response().map(|r| digest(&r.body));
        match (before.and_then(|(_, before)| before.body), came) {
            (Some(good), Some(came)) if good == came => ", with the same body as the good credential gets",
            (Some(_), Some(_)) => ", with another body than the good credential gets",
            _ => "",
        }
    }
}

/// What came of a defect.
pub(super) enum Answer {
    /// An answer that could be graded.
    Graded(Graded),
    /// An answer that says nothing of what the row asks, and why.
    Idle(String),
    /// None that could be judged.
    None,
}
