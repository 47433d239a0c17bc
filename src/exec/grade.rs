//! Judges the answer to a deliberate defect, and notes what has yet to be shown of it.

use std::sync::Arc;

use jiff::Timestamp;

use super::actor::Actor;
use super::control::{Claim, Probe};
use super::detour::Reached;
use super::done::{Done, Ended};
use super::exchange::StepRun;
use super::ledger::{Asked, Refusal, Sender, Shown, Weight};
use super::mutant::Trial;
use super::observed::Observed;
use super::tried::{Answer, Tried};
use super::{busy, doubt, judge, leak, record, weigh};
use crate::check::{Fetched, Placed, Seen, Stance};
use crate::event::{MutantRecord, Reason};
use crate::http::{HttpError, is_limit};
use crate::mutate::{Aim, Basis, Expect, Grade, Graded, Unfit};
use crate::plan::{self};

impl StepRun<'_> {
    /// Judges what came back.
    pub(super) fn grade(&self, tried: &Tried<'_>, actor: &mut Actor) -> Done {
        let Tried { trial, trail, .. } = *tried;
        let graded = match tried.graded() {
            Answer::Graded(graded) => graded,
            Answer::Idle(why) => {
                let mut done = self.unfit(&trial, actor, Unfit::NotApplicable(why));
                if done.ended == Ended::Inconclusive {
                    let mut record = self.record(trial.step, actor, Some(trail), Ended::Inconclusive, 0, 0);
                    record.with = Some(trial.mutant.row.id.to_owned());
                    done.records = vec![record];
                }
                return done;
            }
            Answer::None => return self.unanswered(tried, actor),
        };
        let mut graded = Graded { actual: record::text(self.shared, &graded.actual), ..graded };
        let (ended, reasons) = if let Some(found) = tried.leaks(self.shared, &self.names(actor)) {
            graded.grade = Grade::Accepted;
            let message = leak::message(tried.trail.response().map_or(0, |r| r.status), &found);
            (Ended::Failed, vec![self.about(&trial, leak::CODE, &message, &graded)])
        } else if let Some(reason) = self.doubtful(tried, actor, &graded) {
            (Ended::Inconclusive, vec![reason])
        } else {
            let broken = self.broken(tried, actor, &graded);
            if broken.is_empty() && graded.grade == Grade::Accepted && tried.is_own_refusal() {
                graded.grade = Grade::DeniedExact;
            }
            (if broken.is_empty() { Ended::Held } else { Ended::Failed }, broken)
        };
        let (held, broken) = (usize::from(ended == Ended::Held), usize::from(ended == Ended::Failed));
        let mut record = self.record(trial.step, actor, Some(trail), ended, held, broken);
        record.with = Some(trial.mutant.row.id.to_owned());
        record.grade = Some(graded.grade);
        let mut done = Done { reasons, ..Done::of(ended, record) };
        let refused = matches!(graded.grade, Grade::DeniedExact | Grade::DeniedOther);
        if ended == Ended::Held && refused && trial.mutant.row.expect.is_refusal() {
            self.claim(tried, actor, &mut done);
        }
        let blames = ended == Ended::Failed && refused && tried.is_to_be_let_in();
        if blames || (ended == Ended::Held && trial.mutant.row.expect.stands_on() != Basis::Nothing) {
            let probe = tried.controlled.before.as_ref().map(|(probe, _)| Arc::clone(probe));
            done.claims.push(Claim { blames, ..Claim::new(self.shared.ledger.tick(), probe) });
        }
        done.mutant = Some(Box::new(told(&trial, Some(graded))));
        done
    }

    /// A defect to which no answer came that could be judged: an error, unless that is what is wanted.
    fn unanswered(&self, tried: &Tried<'_>, actor: &Actor) -> Done {
        let Tried { trial, trail, .. } = *tried;
        let error = trail.error.clone().unwrap_or(HttpError::Closed);
        let (ended, reasons) = match tried.own().and_then(|own| own.error) {
            None => {
                let reason = self.reason(error.code(), &error.to_string(), trial.mutant.span, error.help());
                (Ended::Errored, vec![reason])
            }
            Some(wanted) => match judge::reason(self.shared, wanted.span, "error", wanted.judge(&error)) {
                None => (Ended::Held, Vec::new()),
                Some(reason) => (Ended::Failed, vec![reason]),
            },
        };
        let (held, broken) = (usize::from(ended == Ended::Held), usize::from(ended == Ended::Failed));
        let mut record = self.record(trial.step, actor, Some(trail), ended, held, broken);
        record.with = Some(trial.mutant.row.id.to_owned());
        Done { reasons, mutant: Some(Box::new(told(&trial, None))), ..Done::of(ended, record) }
    }

    /// Why the answer says nothing, if it does not.
    fn doubtful(&self, tried: &Tried<'_>, actor: &Actor, graded: &Graded) -> Option<Reason> {
        let row = tried.trial.mutant.row;
        let status = tried.trail.response().map_or(0, |r| r.status);
        // Who wants the defect let in has nothing to show.
        let wanted = tried.own().and_then(|own| own.status.as_ref()).is_some_and(|own| own.matches(status));
        let taken = wanted && graded.grade == Grade::Accepted;
        let open = tried.controlled.without.as_ref().is_some_and(|o| o.granted);
        let public = open && !taken && tried.taken_for().is_none();
        // That anonymous gets in is what this row is about, and a 401 is about the credential in any case.
        let about_it = ["hdr-missing", "sess-none"].contains(&row.id)
            || !row.expect.is_refusal() && row.expect != Expect::Taken
            || status == 401;
        if tried.trail.response().is_some_and(|response| is_limit(status, &response.headers)) {
            let message = format!("the server is asked too often ({status}), which refuses nothing");
            return Some(self.about(&tried.trial, busy::CODE, &message, graded));
        }
        if let Some((code, message)) = tried.undue(graded, status) {
            return Some(self.about(&tried.trial, code, &message, graded));
        }
        let (code, message) = match status {
            401 if doubt::proves_in_vain(tried.trail) => ("other-cause", doubt::UNHEARD),
            404 | 410 if self.may_be_gone(tried) => ("other-cause", doubt::GONE),
            _ if tried.lets_in_beside() && graded.grade == Grade::Accepted => {
                ("unclear-answer", if tried.presented.cookie().is_ok() { doubt::BY_OTHER } else { doubt::BY_COOKIE })
            }
            _ if self.is_unaccepted(tried, actor, graded) => ("control-change", weigh::UNACCEPTED),
            _ if graded.grade == Grade::Accepted && !taken && tried.is_login_page() => {
                ("unclear-answer", doubt::LOGIN_PAGE)
            }
            _ if public && !about_it => ("public", "anonymous is allowed the same request"),
            _ if tried.reached == Some(Reached::Unclear) && status / 100 == 3 => {
                ("unclear-answer", "it cannot be told whether this leads on to what is guarded")
            }
            _ if tried.reached == Some(Reached::Unclear) => {
                ("unclear-answer", "paths that do not exist are answered as well, so it cannot be told where this led")
            }
            _ if tried.reached == Some(Reached::Unseen) => ("unclear-answer", doubt::UNSEEN),
            _ => return self.other_cause(tried, graded),
        };
        let mut reason = self.about(&tried.trial, code, message, graded);
        if message == doubt::LOGIN_PAGE {
            reason.help.extend(doubt::AS_PAGE.map(str::to_owned));
        } else {
            reason.help.extend(self.way_out(tried, code, message));
        }
        if code == "public" || message == doubt::LOGIN_PAGE {
            reason.shared_cause = Some(format!("{code}:{message}:{}", tried.trial.step.line()).into());
        }
        Some(reason)
    }

    /// What helps where an answer says nothing.
    fn way_out(&self, tried: &Tried<'_>, code: &str, message: &str) -> Option<String> {
        let help = match code {
            "other-cause" if message == doubt::GONE => {
                "leave those out with `except`, for a case of their own, or make what is asked for in a step before it"
            }
            "control-change" => weigh::help(code),
            "unclear-answer" if message == doubt::BY_COOKIE => {
                "try the defects as an identity whose scheme has no `cookies: keep`, and the cookie as one that sends it alone"
            }
            "unclear-answer" if message == doubt::BY_OTHER => {
                let names: Vec<String> =
                    tried.controlled.by_cookie.iter().map(|name| format!("{name}: none")).collect();
                return Some(format!(
                    "write `cookies: {{ {} }}` on the step, which breaks what else lets in; that is tried by a step which breaks this one",
                    record::text(self.shared, &names.join(", "))
                ));
            }
            "unclear-answer" if message == doubt::UNSEEN && !tried.trial.mutant.allowed.is_empty() => {
                "leave it out with `except`, or let `outcomes` tell the refusal by its status or a header field"
            }
            "unclear-answer" if tried.trial.mutant.allowed.is_empty() => {
                "name somebody who is allowed with `control: NAME`: their answer is compared"
            }
            _ => return None,
        };
        Some(help.to_owned())
    }

    /// Tells whether a defect that makes no difference was refused where the request itself was not the control, and nobody
    /// was seen being allowed it: then that may be what is refused.
    fn is_unaccepted(&self, tried: &Tried<'_>, actor: &Actor, graded: &Graded) -> bool {
        let row = tried.trial.mutant.row;
        // Where any answer will do, it need not be accepted.
        let is_wanted = !row.expect.is_refusal() && row.expect != Expect::Either;
        let refused = matches!(graded.grade, Grade::DeniedExact | Grade::DeniedOther) && is_wanted;
        let shown = |(probe, _): &(Arc<Probe>, Observed)| probe.is_same() || probe.is_replay();
        if !refused || row.aim != Aim::Credential || tried.controlled.before.as_ref().is_none_or(shown) {
            return false;
        }
        let key = self.key_of(tried.trial.step, actor, &tried.prepared.request, Asked::Plainly);
        let (status, at) = (tried.trail.response().map_or(0, |r| r.status), self.shared.ledger.tick());
        let refusal = Refusal::new((key, Sender::Somebody), at, status, Weight::Change);
        self.shared.ledger.shown(&refusal) == Shown::Unaccepted
    }

    /// Why the refusal of a token that was not made here may have another cause than its defect.
    fn other_cause(&self, tried: &Tried<'_>, graded: &Graded) -> Option<Reason> {
        let refused = matches!(graded.grade, Grade::DeniedExact | Grade::DeniedOther);
        let doubt = tried.lent.as_ref().filter(|_| refused)?.doubt(self, tried)?;
        Some(self.about(&tried.trial, "other-cause", &format!("the refusal may have another cause: {doubt}"), graded))
    }

    /// Notes what has yet to be shown of a defect that was refused.
    fn claim(&self, tried: &Tried<'_>, actor: &Actor, done: &mut Done) {
        let at = self.shared.ledger.tick();
        let (row, prepared) = (tried.trial.mutant.row, tried.prepared);
        let probe = tried.controlled.before.as_ref().map(|(probe, _)| Arc::clone(probe));
        let replayed = probe.as_ref().is_some_and(|probe| probe.is_replay());
        let same = replayed || tried.repeats || probe.as_ref().is_none_or(|probe| probe.is_same());
        let refused = Some(Arc::clone(&tried.again));
        if row.aim == Aim::Credential {
            self.shared.controls.refused.keep(&tried.again);
        }
        match row.aim {
            Aim::Credential | Aim::Change => {
                done.claims.push(Claim { whole: same, refused, ..Claim::new(at, probe) });
            }
            // Whoever is allowed has to be allowed when all ways around are tried.
            Aim::Bypass if tried.allowed.is_some() => {
                done.claims.push(Claim { refused, ..Claim::new(at, tried.allowed.clone()) });
            }
            Aim::Bypass | Aim::Origin => {}
        }
        done.refused.extend(tried.lent.as_ref().and_then(|lent| lent.life(self, (tried, actor), at)));
        // Where the request itself was not the control, somebody has to be seen being allowed it.
        if !replayed && (row.aim != Aim::Credential || !same) {
            let key = self.key_of(tried.trial.step, actor, &prepared.request, Asked::Plainly);
            let sender = if row.aim == Aim::Bypass { self.sender(prepared, actor) } else { Sender::Somebody };
            let status = tried.trail.response().map_or(0, |r| r.status);
            let case = &self.shared.plan.cases[tried.trial.case];
            let closed = self.shared.plan.row_of(case).is_some_and(|row| row.closed);
            let weight = match row.aim {
                Aim::Change => Weight::Change,
                // That nobody may is said.
                _ if closed => Weight::Remark,
                Aim::Credential | Aim::Bypass | Aim::Origin => Weight::Claim,
            };
            let (earlier, alike) = (actor.allowed.clone(), self.alike(tried.trial.step, actor));
            let row = alike.and_then(|row| self.handed_alike(actor, row, tried.trail));
            let handed = leak::all_within(key, row, tried.trail);
            // A page of another place is nobody's refusal.
            let is_page = status / 100 == 2 && tried.denial.is_none();
            let reply = if is_page { None } else { self.reply(actor, tried.trail) };
            done.refused.push(Refusal {
                alike,
                earlier,
                handed,
                reply,
                ..Refusal::new((key, sender), at, status, weight)
            });
        }
    }

    /// What is wrong with the answer, as the table, the step or `with` wants it.
    fn broken(&self, tried: &Tried<'_>, actor: &Actor, graded: &Graded) -> Vec<Reason> {
        let trail = tried.trail;
        if let (Some(own), Some(response)) = (tried.own(), trail.response()) {
            let scope = self.scope_of(actor);
            let fetched = Fetched::new();
            let mut seen = Seen::new(trail, response, &scope, &fetched, Timestamp::now());
            seen.stance = match tried.trial.mutant.row.aim {
                // A credential that is none is nobody's, whoever made it.
                Aim::Credential => Stance::Former,
                Aim::Bypass | Aim::Change | Aim::Origin => self.stance(tried.trial.step, actor, trail),
            };
            seen.denied |= tried.denial.is_some();
            // That a step without a status wants one below 400 is not said of what must be refused.
            let (ends, implied) = (own.says_how_it_ends(), |placed: &Placed| placed.check.status().is_some());
            let checks = own.checks.iter().filter(|placed| ends || !implied(placed)).filter_map(|placed| {
                judge::reason(self.shared, placed.span, &placed.subject, placed.check.judge(&seen))
            });
            let mut broken: Vec<Reason> = checks.collect();
            // What the step says of its own request line says nothing of another one that nobody knows, and what it says
            // of a body nothing of an answer without one.
            let is_other = tried.line.is_unknown(response.status) || tried.reached == Some(Reached::AsRefused);
            if is_other && graded.held && tried.wants_refusal() {
                broken.clear();
            }
            if !ends || tried.led_in {
                broken.extend(self.broken_row(tried, graded));
            }
            return broken;
        }
        self.broken_row(tried, graded).into_iter().collect()
    }

    /// What is wrong with the answer, as the table wants it.
    fn broken_row(&self, tried: &Tried<'_>, graded: &Graded) -> Option<Reason> {
        let row = tried.trial.mutant.row;
        let (code, message) = match (graded.grade, graded.held) {
            (Grade::Crashed, _) => ("mutant-crashed", format!("the server broke on `{}`", row.id)),
            (Grade::Accepted, false) => ("mutant-accepted", format!("`{}` was let in{}", row.id, tried.likeness())),
            (Grade::DeniedOther, true) if tried.trial.mutant.strict => {
                ("mutant-inexact", format!("`{}` was refused in another way than the one that is due", row.id))
            }
            (Grade::DeniedExact | Grade::DeniedOther, false) => {
                ("mutant-refused", format!("`{}` was refused, and it has to make no difference", row.id))
            }
            (Grade::Amiss, held) if !held || tried.trial.mutant.strict => ("mutant-amiss", row.expect.fault(row.id)),
            (Grade::DeniedExact | Grade::DeniedOther | Grade::Accepted, true) | (Grade::AsDue | Grade::Amiss, _) => {
                return None;
            }
        };
        Some(self.about(&tried.trial, code, &message, graded))
    }

    fn about(&self, trial: &Trial<'_>, code: &'static str, message: &str, graded: &Graded) -> Reason {
        let mut reason = self.reason(code, message, trial.mutant.span, Vec::new());
        reason.expected = Some(graded.expected.clone());
        reason.actual = Some(graded.actual.clone());
        reason
    }
}

/// What is told of the defect of a case.
pub(super) fn told(trial: &Trial<'_>, graded: Option<Graded>) -> MutantRecord {
    let row = trial.mutant.row;
    let (grade, actual) = graded.map(|g| (g.grade, g.actual)).unzip();
    let pack = match trial.mutant.asked {
        plan::Asked::ByName => None,
        plan::Asked::ByPack(name) => Some(name.to_owned()),
    };
    let (id, severity, class, expected) = (row.id.to_owned(), row.severity, row.class, row.expect.describe());
    MutantRecord { id, severity, class, pack, change: None, verbatim: false, grade, expected, actual }
}
