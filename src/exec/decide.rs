//! Decides what the refusals of each case prove, at once or when the run is over.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use super::actor::{Actor, Ownership};
use super::case::{self, CaseDone};
use super::cast::Cast;
use super::done::Done;
use super::exchange::StepRun;
use super::ledger::{Access, Asked, Refusal, RequestKey, Sender, Shown};
use super::login::ask;
use super::observe::{WAITING, may_be_explained_later, recall, server_output};
use super::session::Session;
use super::settle::undecided;
use super::uses::{Trace, Within, retrace};
use super::world::WorldRun;
use super::{OnFailure, RequireProof, Shared, leak, matrix, record, relogin, spare, xfail};
use crate::check::UNVERIFIED;
use crate::event::{Event, Outcome, Phase, Reason, RefusalProof, Stopped, Tally, Verdict};
use crate::source::Span;
use crate::step::{Caller, IdentityId, StepsId};
use crate::template::Scope;

/// What is decided so far, and what is held back.
#[derive(Debug, Default)]
pub(super) struct Decided {
    pub(super) tally: Tally,
    held: Vec<CaseDone>,
    /// Failed cases that the rest of the run may explain.
    failed: Vec<CaseDone>,
    /// Cases decided since what is held was looked at.
    since: usize,
    /// The indices of the outcomes that were told.
    told: HashSet<u32>,
}

/// A page that an identity was allowed, to be asked for once more: as itself, or as nobody.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) case: usize,
    /// The way to the step in its case, with what each step on it was rendered with.
    pub(super) trace: Trace,
}

/// Answers the questions that held refusals hang on: whether the identity's session was alive, and
/// whether what it was allowed is anything that nobody would not be allowed as well.
pub(super) async fn check_alive(shared: &Arc<Shared>) {
    let refusals: Vec<Refusal> = {
        let decided = shared.decided.lock().unwrap_or_else(PoisonError::into_inner);
        decided.held.iter().flat_map(|d| d.refusals.clone()).collect()
    };
    relogin::ask(shared, &refusals, |_| true).await;
    let mut asked = HashSet::new();
    for refusal in &refusals {
        let Sender::Identity { id, session: number, .. } = refusal.sender else { continue };
        let Some(session) = shared.sessions.made(id) else { continue };
        let ended = session.credential.expires.is_some_and(|at| at <= jiff::Timestamp::now());
        let is_its_own = session.number == number;
        if is_its_own && shared.ledger.wants_life(refusal) && !ended && asked.insert((id, Asked::Plainly)) {
            ask_as_itself(shared, id, &session).await;
        }
        // What proves nothing already cannot be overturned.
        let stands = !matches!(shared.ledger.shown(refusal), Shown::Never | Shown::Died);
        if stands && !shared.ledger.is_surely_somebody(id) && asked.insert((id, Asked::Whoami)) {
            ask_as_nobody(shared, id, &session).await;
        }
    }
}

/// Before a case takes identities for itself: what their shared sessions are worth is asked now, since
/// afterwards they have others.
pub(super) async fn settle(shared: &Arc<Shared>, ids: &[IdentityId]) {
    let held: Vec<Refusal> = {
        let decided = shared.decided.lock().unwrap_or_else(PoisonError::into_inner);
        decided.held.iter().flat_map(|d| d.refusals.clone()).collect()
    };
    relogin::ask(shared, &held, |id| ids.contains(&id)).await;
    let refusals = held.iter().filter(|r| shared.ledger.wants_life(r));
    let wanting: HashSet<IdentityId> = refusals
        .filter_map(|r| match r.sender {
            Sender::Identity { id, .. } => Some(id),
            Sender::Anonymous | Sender::Somebody => None,
        })
        .collect();
    for id in ids.iter().filter(|id| wanting.contains(id)) {
        if let Some(session) = shared.sessions.made(*id) {
            Box::pin(ask_as_itself(shared, *id, &session)).await;
        }
    }
}

/// Asks `whoami` once more, or what the identity was allowed when its scheme has none: the session
/// may have died before it was refused. What nobody is allowed as well tells nothing, so of a page that
/// was never asked for as nobody that is found out first.
async fn ask_as_itself(shared: &Arc<Shared>, id: IdentityId, session: &Arc<Session>) {
    let mut cast = Cast::alone(Actor::of(id, session, Ownership::Still));
    let mut statuses = Vec::new();
    let mut asked = false;
    if let Some((world, whoami)) = whoami_of(shared, id) {
        if shared.ledger.whoami_access(id) == Access::Unknown {
            whoami_as_nobody(shared, id, session).await;
        }
        if shared.ledger.whoami_access(id) != Access::Public {
            let done = ask(shared, world, id, whoami, &world.scope, &mut cast).await;
            if done.held() {
                return;
            }
            asked = true;
            statuses.extend(last_status(&done));
        }
    }
    // A `whoami` that fails for the identity itself needs no second opinion.
    let samples = if asked { Vec::new() } else { shared.ledger.samples(id) };
    for (key, sample) in samples {
        if shared.ledger.access(key) == Access::Unknown {
            repeat_as_nobody(shared, id, (key, &sample), session).await;
        }
        if shared.ledger.access(key) == Access::Public {
            continue;
        }
        let Some(done) = repeat(shared, &sample, &mut cast).await else { continue };
        if done.held() {
            return;
        }
        asked = true;
        statuses.extend(last_status(&done));
    }
    if asked {
        shared.ledger.dead(session.number, statuses);
    }
}

/// Asks once more with a session that a case has for itself: its `whoami`, or one of the pages that it was allowed
/// before. Gives the answer when it does not hold.
pub(super) async fn ask_after(
    shared: &Arc<Shared>,
    id: IdentityId,
    earlier: &[RequestKey],
    cast: &mut Cast,
) -> Option<u16> {
    let done = if let Some((world, whoami)) = whoami_of(shared, id) {
        ask(shared, world, id, whoami, &world.scope, cast).await
    } else {
        let (_, sample) = shared.ledger.samples(id).into_iter().find(|(key, _)| earlier.contains(key))?;
        repeat(shared, &sample, cast).await?
    };
    if done.held() { None } else { last_status(&done) }
}

fn last_status(done: &Done) -> Option<u16> {
    done.records.last().and_then(|r| r.status)
}

/// Sends a page's step once more.
async fn repeat(shared: &Arc<Shared>, sample: &Sample, cast: &mut Cast) -> Option<Done> {
    let case = &shared.plan.cases[sample.case];
    let world = shared.worlds[shared.plan.suites[case.suite].world].as_ref()?;
    let stand_in = Caller::Nobody;
    let (step, used, is_last) = retrace(&case.shape.steps, &sample.trace)?;
    let within = Within { used: &used, is_last, ..Within::default() };
    let (phase, label, (_, scope), talking) = (Phase::Case, &case.id, sample.trace.last()?, None);
    let run =
        StepRun { shared, world, phase, label, scope, stand_in, case: None, last: None, within, talking, cookies: &[] };
    let done = run.run(step, cast).await;
    shared.limits.count(done.requests);
    Some(done)
}

/// Asks as nobody for what the identity was allowed, until something is refused: a login page with
/// status 200, or a `whoami` that holds for anybody, shows nothing about a credential.
async fn ask_as_nobody(shared: &Arc<Shared>, id: IdentityId, session: &Session) {
    whoami_as_nobody(shared, id, session).await;
    for (key, sample) in shared.ledger.samples(id) {
        if shared.ledger.is_surely_somebody(id) {
            return;
        }
        repeat_as_nobody(shared, id, (key, &sample), session).await;
    }
}

/// Tells whether nobody passes an identity's `whoami` as well.
pub(super) async fn whoami_is_public(shared: &Arc<Shared>, id: IdentityId, session: &Session) -> bool {
    whoami_as_nobody(shared, id, session).await;
    shared.ledger.whoami_access(id) == Access::Public
}

async fn whoami_as_nobody(shared: &Arc<Shared>, id: IdentityId, session: &Session) {
    if let Some((world, whoami)) = whoami_of(shared, id)
        && shared.ledger.may_ask_as_nobody(id, None)
    {
        let scope = with_fields(&world.scope, session);
        ask(shared, world, id, whoami, &scope, &mut Cast::alone(Actor::anonymous())).await;
    }
}

async fn repeat_as_nobody(
    shared: &Arc<Shared>,
    id: IdentityId,
    (key, sample): (RequestKey, &Sample),
    session: &Session,
) {
    if !shared.ledger.may_ask_as_nobody(id, Some(key)) {
        return;
    }
    let trace = sample.trace.iter().map(|(number, scope)| (*number, with_fields(scope, session))).collect();
    repeat(shared, &Sample { trace, ..*sample }, &mut Cast::alone(Actor::anonymous())).await;
}

/// The templates may name the identity; only the credential stays away.
fn with_fields(base: &Arc<Scope>, session: &Session) -> Arc<Scope> {
    let mut scope = Scope::above(base);
    session.scope.local().for_each(|(name, value)| scope.set(Arc::clone(name), value.clone()));
    Arc::new(scope)
}

/// The `whoami` of an identity, and the world it is asked in.
fn whoami_of(shared: &Shared, id: IdentityId) -> Option<(&WorldRun, StepsId)> {
    let identity = &shared.plan.identities[id.0 as usize];
    Some((shared.worlds[identity.world].as_ref()?, identity.login.whoami?))
}

/// Tells whether nothing that comes later can change what a refusal proves. Whether a session was
/// alive is asked at the end, so that the order of cases decides nothing.
fn is_settled(shared: &Shared, refusal: &Refusal) -> bool {
    shared.ledger.is_settled(refusal) && !shared.ledger.wants_life(refusal)
}

/// Decides a case now if its refusals can be judged, else later or at the end of the run.
pub(super) fn decide(shared: &Shared, mut done: CaseDone) {
    let settled = |done: &CaseDone| {
        let passed = matches!(done.outcome.verdict, Verdict::Passed | Verdict::Flaky);
        !passed || done.refusals.iter().all(|r| is_settled(shared, r))
    };
    let mut ready = Vec::new();
    {
        let mut decided = shared.decided.lock().unwrap_or_else(PoisonError::into_inner);
        if decided.failed.len() < WAITING && may_be_explained_later(&done) {
            stop_early_if_asked(shared, &done.outcome);
            decided.failed.push(done);
        } else if settled(&done) {
            ready.push(done);
        } else {
            // Whatever is unproven waits until the end of the run.
            done.outcome.steps.shrink_to_fit();
            decided.held.push(done);
        }
        decided.since += 1;
        // What was held is looked at now and then, seldom enough to cost little when much is held.
        if decided.since > decided.held.len() / 8 {
            decided.since = 0;
            ready.extend(decided.held.extract_if(.., |d| settled(d)));
        }
    }
    ready.into_iter().for_each(|done| finish(shared, done));
}

pub(super) fn decide_rest(shared: &Shared) {
    for mut done in shared.controls.held() {
        undecided(shared, &mut done, 0);
        finish(shared, done);
    }
    let mut held = {
        let mut decided = shared.decided.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = std::mem::take(&mut decided.held);
        all.append(&mut decided.failed);
        all
    };
    held.sort_by_key(|d| d.outcome.index);
    for done in held {
        finish(shared, done);
    }
    tell_lost(shared);
}

/// Tells the cases that nothing was told of: what ran them went wrong. A run that loses a case is not green.
fn tell_lost(shared: &Shared) {
    let lost: Vec<usize> = {
        let decided = shared.decided.lock().unwrap_or_else(PoisonError::into_inner);
        let is_told = |index: &usize| u32::try_from(*index).is_ok_and(|index| decided.told.contains(&index));
        (0..shared.plan.cases.len()).filter(|index| !is_told(index)).collect()
    };
    for index in lost {
        finish(shared, case::went_wrong(shared, index, "authspec went wrong around this case, which is not decided"));
    }
}

/// Judges the refusals of a case and emits its outcome.
fn finish(shared: &Shared, done: CaseDone) {
    let CaseDone { mut outcome, refusals, .. } = done;
    if matches!(outcome.verdict, Verdict::Passed | Verdict::Flaky) {
        match refusals.iter().find(|refusal| shared.ledger.leaks(refusal)) {
            Some(refusal) => leak::fail(shared, &mut outcome, refusal),
            None => refusals.iter().for_each(|refusal| judge(shared, &mut outcome, refusal)),
        }
        if outcome.verdict != Verdict::Failed && outcome.proof.unproven > 0 && shared.options.proof == RequireProof::Yes
        {
            outcome.verdict = Verdict::Inconclusive;
        }
    }
    matrix::finish(shared, &mut outcome);
    xfail::turn(shared, &mut outcome);
    if matches!(outcome.verdict, Verdict::Inconclusive | Verdict::Skipped) {
        outcome.proof.proven = 0;
    }
    outcome.spared = spare::is_spared(shared, &outcome);
    stop_if_asked(shared, &outcome);
    let unverified = outcome.steps.iter().filter(|s| s.notes.iter().any(|note| note == UNVERIFIED)).count();
    outcome.proof.unverified = u32::try_from(unverified).unwrap_or(u32::MAX);
    recall(shared, &mut outcome);
    outcome.server = server_output(shared, &outcome);
    {
        let mut decided = shared.decided.lock().unwrap_or_else(PoisonError::into_inner);
        decided.tally.add(&outcome);
        decided.told.insert(outcome.index);
    }
    shared.emit(Event::CaseFinished(Box::new(outcome)));
}

fn stop_if_asked(shared: &Shared, outcome: &Outcome) {
    let stops = outcome.verdict.needs_attention() && !spare::is_spared(shared, outcome);
    if shared.options.on_failure == OnFailure::Stop && stops {
        shared.stop.soon(Stopped::FailFast);
    }
}

/// The same for a failed case that is decided later: what is expected to fail stops nothing.
fn stop_early_if_asked(shared: &Shared, outcome: &Outcome) {
    if shared.options.on_failure == OnFailure::Stop {
        let mut turned = outcome.clone();
        xfail::turn(shared, &mut turned);
        stop_if_asked(shared, &turned);
    }
}

/// Counts what one refusal proves; one that proves nothing makes its case inconclusive.
fn judge(shared: &Shared, outcome: &mut Outcome, refusal: &Refusal) {
    let identity = match refusal.sender {
        Sender::Identity { id, .. } => Some(id),
        Sender::Anonymous | Sender::Somebody => None,
    };
    let unreached = shared.plan.cases.get(outcome.index as usize).and_then(|case| matrix::unreached(shared, case));
    let name = identity.map_or("", |id| &shared.plan.identities[id.0 as usize].name);
    let shown = shared.ledger.shown(refusal);
    if let Some(step) = outcome.steps.get_mut(refusal.step) {
        step.refusal = match shown {
            Shown::Proven => Some(RefusalProof::Proven),
            Shown::Unproven => Some(RefusalProof::Unproven),
            Shown::Never | Shown::Died | Shown::Unaccepted | Shown::LockedOut | Shown::Unsent => {
                Some(RefusalProof::Nothing)
            }
            Shown::Fine => None,
        };
    }
    let (code, message) = match (shown, &unreached) {
        (Shown::Proven, _) => {
            outcome.proof.proven += 1;
            return;
        }
        (Shown::Fine, _) => return,
        (Shown::Unproven, Some((why, _))) => ("row-unreached", why.clone()),
        _ => lacking(shared, refusal, shown, name),
    };
    outcome.proof.unproven += u32::from(code == "unproven");
    let otherwise = code == "unproven" && shared.ledger.is_allowed_otherwise(refusal);
    let own_help = if otherwise { OTHERWISE } else { help(code) };
    let of_talk = relogin::help(shared, refusal).filter(|_| matches!(code, "unproven" | "control-after"));
    let own_help = of_talk.unwrap_or(own_help);
    let help = unreached.filter(|_| code == "row-unreached").map_or(own_help, |(_, help)| help);
    push(shared, outcome, (code, &message, help), refusal.step);
    if code == "unproven" {
        return;
    }
    outcome.verdict = Verdict::Inconclusive;
    if let Some((id, ender)) = identity.and_then(|id| Some((id, shared.ledger.ender(id)?))) {
        let named = record::disturbed(shared, id, &ender, Span::NONE);
        let place = outcome.steps.get(refusal.step).map_or_else(|| named.place.clone(), |s| s.place.clone());
        outcome.reasons.push(Reason { place, step: Some(refusal.step), ..named });
    }
}

/// What a refusal lacks that proves nothing: the code of the reason, and its sentence.
fn lacking(shared: &Shared, refusal: &Refusal, shown: Shown, name: &str) -> (&'static str, String) {
    match shown {
        Shown::Proven | Shown::Fine | Shown::Unproven => {
            let nobody = "nobody was allowed the same request in this run, so the refusal may have another cause";
            ("unproven", relogin::untold(refusal).unwrap_or_else(|| nobody.to_owned()))
        }
        Shown::Unaccepted => (
            "control-change",
            "the request was not accepted as it is in this run, so its refusal may have another cause".to_owned(),
        ),
        Shown::LockedOut => ("control-after", relogin::told(shared, refusal)),
        Shown::Unsent => {
            ("not-sent", format!("the credential of `{name}` was not sent with the request, so nobody's was refused"))
        }
        Shown::Never => (
            "never-allowed",
            format!(
                "`{name}` was never allowed anything in this run that anonymous is not, so its refusals prove nothing"
            ),
        ),
        Shown::Died => (
            "not-alive",
            format!(
                "`{name}` was not seen being allowed anything with this credential around the refusal, so it may have been dead"
            ),
        ),
    }
}

/// What to do where another request to the same address was allowed.
const OTHERWISE: &str = "somebody was allowed this method and target with another body or other fields: add a case that allows these, or name \
     what is allowed as the case's `control`";

/// What to do about a refusal that proves nothing.
fn help(code: &str) -> &'static str {
    match code {
        "unproven" => "add a case in which somebody is allowed this method and target",
        "control-change" => "add `none` to its `with`: the request as it is is sent as well, and has to be accepted",
        "not-sent" => "ask for an address that the credential is for; `-vv` shows what was sent and what was kept back",
        "not-alive" => {
            "add a `whoami` to its scheme, or a step to this case in which the identity is allowed something"
        }
        _ => {
            "add a case in which this identity is allowed something that anonymous is not, or a `whoami` to its scheme"
        }
    }
}

fn push(shared: &Shared, outcome: &mut Outcome, (code, message, help): (&'static str, &str, &str), step: usize) {
    let place = outcome.steps.get(step).map_or_else(|| outcome.place.clone(), |s| s.place.clone());
    let mut reason: Reason = record::reason(shared, code, message, Span::NONE, vec![help.to_owned()]);
    reason.place = place;
    reason.step = Some(step);
    // Several cases of one identity have one cause; every unproven refusal stands for itself.
    if matches!(code, "never-allowed" | "not-alive" | "row-unreached") {
        reason.shared_cause = Some(format!("{code}:{message}").into());
    }
    outcome.reasons.push(reason);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Diagnostics, Severity};
    use crate::event::Verdict;
    use crate::exec::{RunOptions, Runner, Stopper, prepare};
    use crate::plan::{Commands, Plan, PlanOptions, Selection};
    use crate::secret::SecretSet;
    use crate::source::SourceMap;
    use crate::spec::{Input, load};

    const SUITE: &str =
        "target: http://127.0.0.1:9\ncases:\n  - { name: a, request: GET /a }\n  - { name: b, request: GET /b }\n";

    #[tokio::test]
    async fn a_case_that_nothing_was_told_of_is_errored() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("s.yaml"), SUITE).unwrap();
        let (mut sources, mut diags, secrets) = (SourceMap::default(), Diagnostics::default(), SecretSet::new());
        let input = Input { paths: vec!["s.yaml".into()], stdin: None, folder: folder.path().to_owned(), at: None };
        let suites = load(&input, &mut sources, &mut diags);
        let how = PlanOptions {
            environment: None,
            target: None,
            vars: Vec::new(),
            variables: std::collections::BTreeMap::default(),
            unset: Severity::Error,
            commands: Commands::Run,
            selection: Selection::default(),
            now: jiff::Timestamp::UNIX_EPOCH,
        };
        let plan = Plan::from_suites(&suites, &how, &sources, &mut diags);
        let prepared = prepare(&plan, &RunOptions::one_by_one(), &secrets, &mut diags).await;
        assert_eq!(diags.errors(), 0);
        let (events, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let runner = Runner::new(
            plan,
            prepared,
            RunOptions::one_by_one(),
            Arc::new(sources),
            secrets,
            events,
            Stopper::default(),
        );
        let shared = runner.shared();
        // One case is decided as always, and what runs the other one falls over.
        decide(&shared, case::not_run(&shared, 0, Verdict::Passed, "internal", ""));
        decide_rest(&shared);
        decide_rest(&shared);
        drop((runner, shared));
        let mut told = Vec::new();
        while let Some(event) = heard.recv().await {
            if let Event::CaseFinished(outcome) = event {
                told.push((outcome.index, outcome.verdict));
            }
        }
        assert_eq!(told, [(0, Verdict::Passed), (1, Verdict::Errored)]);
    }
}
