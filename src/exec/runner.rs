//! Hands out the cases of a plan, decides what their refusals prove, and ends the run.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, mpsc::UnboundedSender};
use tokio::task::JoinSet;

use super::actor::{Actor, Ended, Ownership};
use super::case::CaseDone;
use super::ledger::{Asked, Ledger, Refusal, Sender, Shown};
use super::session::{Sessions, ask};
use super::stop::Stop;
use super::{OnFailure, Prepared, RequireProof, RunOptions, Shared, Stopper, record, suite};
use crate::demo::Demo;
use crate::event::{Event, Reason, RunInfo, Stopped, SuiteInfo, Summary, Tally, Verdict};
use crate::http::Request;
use crate::plan::Plan;
use crate::secret::SecretSet;
use crate::source::SourceMap;
use crate::step::{IdentityId, StepsId};
use crate::template::Scope;
use crate::verdict::{OnInconclusive, exit_code};

/// How much runs at once.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Requests in flight.
    slots: Semaphore,
    /// Requests in flight by host.
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
    per_host: Option<usize>,
    /// Cases that were started and not finished: more than requests, so that waiting costs nothing.
    open: Arc<Semaphore>,
    /// Requests of setups and teardowns, which no outcome counts.
    extra: AtomicUsize,
    /// Decided so far, and held back until the end.
    decided: Mutex<Decided>,
}

#[derive(Debug, Default)]
struct Decided {
    tally: Tally,
    held: Vec<CaseDone>,
    /// Cases decided since what is held was looked at.
    since: usize,
}

/// The right to send one request.
pub(crate) struct Slot<'a> {
    _slot: Option<SemaphorePermit<'a>>,
    _host: Option<OwnedSemaphorePermit>,
}

impl Limits {
    fn new(options: &RunOptions) -> Self {
        let jobs = options.jobs.clamp(1, 10_000);
        // One job means one case after another, as its user expects.
        let open = if jobs == 1 { 1 } else { jobs * 4 };
        Self {
            slots: Semaphore::new(jobs),
            hosts: Mutex::default(),
            per_host: options.per_host,
            open: Arc::new(Semaphore::new(open)),
            extra: AtomicUsize::new(0),
            decided: Mutex::default(),
        }
    }

    /// Waits for the right to send a request.
    pub(crate) async fn slot(&self, request: &Request) -> Slot<'_> {
        let host = match self.per_host {
            None => None,
            Some(limit) => {
                let host = request.address.base();
                let semaphore = {
                    let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
                    Arc::clone(hosts.entry(host).or_insert_with(|| Arc::new(Semaphore::new(limit.max(1)))))
                };
                semaphore.acquire_owned().await.ok()
            }
        };
        Slot { _slot: self.slots.acquire().await.ok(), _host: host }
    }

    /// Waits for the right to start a case.
    pub(super) async fn open(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.open).acquire_owned().await.ok()
    }

    /// Counts requests that belong to no case.
    pub(super) fn count(&self, requests: u32) {
        self.extra.fetch_add(requests as usize, Ordering::Relaxed);
    }
}

/// Runs a plan.
pub struct Runner {
    shared: Arc<Shared>,
    info: RunInfo,
    started: Instant,
    /// Lives as long as the run.
    demo: Option<Demo>,
}

impl Runner {
    /// Joins a plan and its worlds.
    pub fn new(
        plan: Plan,
        prepared: Prepared,
        options: RunOptions,
        sources: Arc<SourceMap>,
        secrets: SecretSet,
        events: UnboundedSender<Event>,
        stop: Stopper,
    ) -> Self {
        let info = RunInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: jiff::Timestamp::now().to_string(),
            targets: prepared.targets.iter().map(|t| secrets.mask_text(crate::secret::TextKind::Url, t)).collect(),
            suites: plan
                .suites
                .iter()
                .map(|s| SuiteInfo {
                    id: s.id.clone(),
                    name: s.name.clone(),
                    file: Arc::clone(&s.file),
                    cases: s.cases.len(),
                })
                .collect(),
            cases: plan.cases.len(),
            filtered_out: plan.filtered_out,
            excluded_files: plan.excluded_files,
            notices: prepared.notices,
        };
        let limits = Limits::new(&options);
        let shared = Shared {
            plan,
            options,
            sources,
            secrets,
            events,
            worlds: prepared.worlds,
            sessions: Sessions::default(),
            ledger: Ledger::default(),
            limits,
            stop,
        };
        Self { shared: Arc::new(shared), info, started: Instant::now(), demo: prepared.demo }
    }

    /// Runs all cases; the last event is the summary, which is also returned.
    pub async fn run(self) -> Summary {
        let shared = self.shared;
        shared.emit(Event::RunStarted(self.info));
        let watch = tokio::spawn(suite::enforce(Arc::clone(&shared)));
        let deadline = shared.options.deadline.map(|time| {
            let stop = shared.stop.clone();
            tokio::spawn(async move {
                tokio::time::sleep(time).await;
                stop.now(Stopped::Deadline);
            })
        });
        dispatch(&shared).await;
        tokio::select! {
            () = check_alive(&shared) => {}
            _ = shared.stop.cut_off() => {}
        }
        decide_rest(&shared);
        watch.abort();
        deadline.inspect(tokio::task::JoinHandle::abort);
        let (logins, login_requests) = shared.sessions.counted();
        let mut tally = shared.limits.decided.lock().unwrap_or_else(PoisonError::into_inner).tally.clone();
        tally.logins = logins;
        tally.requests += login_requests + shared.limits.extra.load(Ordering::Relaxed);
        let stopped = match shared.stop.state() {
            Stop::No => None,
            Stop::Soon(why) | Stop::Now(why) => Some(why),
        };
        let policy = shared.options.policy;
        let tolerated = match policy.inconclusive {
            OnInconclusive::Tolerate if tally.of(Verdict::Inconclusive) > 0 => vec![Verdict::Inconclusive],
            OnInconclusive::Tolerate | OnInconclusive::Stop => Vec::new(),
        };
        let exit = exit_code(&tally, stopped, policy);
        let summary = Summary { tally, elapsed: self.started.elapsed(), exit, stopped, tolerated };
        shared.emit(Event::RunFinished(Box::new(summary.clone())));
        drop(self.demo);
        summary
    }
}

async fn dispatch(shared: &Arc<Shared>) {
    let mut tasks = JoinSet::new();
    for (index, plan) in shared.plan.suites.iter().enumerate() {
        let simple = plan.setup.is_empty() && plan.teardown.is_empty() && !plan.serial;
        if !simple {
            if let Some(permit) = shared.limits.open().await {
                tasks.spawn(suite::run(Arc::clone(shared), index, permit));
            }
            continue;
        }
        let ground = suite::plain_ground(shared, index);
        for case in plan.cases.clone() {
            let permit = shared.limits.open().await;
            let (shared, ground) = (Arc::clone(shared), ground.clone());
            tasks.spawn(async move {
                let _permit = permit;
                suite::run_case(shared, case, ground).await;
            });
        }
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
}

/// Asks `whoami` again where a refusal hangs on it: as the identity, whose session may have died before
/// it was refused; and as nobody, since a `whoami` that holds for anybody shows nothing.
async fn check_alive(shared: &Arc<Shared>) {
    let refusals: Vec<Refusal> = {
        let decided = shared.limits.decided.lock().unwrap_or_else(PoisonError::into_inner);
        decided.held.iter().flat_map(|d| d.refusals.clone()).collect()
    };
    let mut asked = HashSet::new();
    for refusal in &refusals {
        let Some((id, whoami)) = whoami_of(shared, refusal) else { continue };
        let world = shared.worlds[shared.plan.identities[id.0 as usize].world].as_ref();
        let (Some(world), Some(session)) = (world, shared.sessions.made(id)) else { continue };
        let ended = session.credential.expires.is_some_and(|at| at <= jiff::Timestamp::now());
        if shared.ledger.wants_life(refusal) && !ended && asked.insert((id, Asked::Plainly)) {
            let mut actor = Actor::of(id, &session, Ownership::Still);
            let done = ask(shared, world, id, whoami, &world.scope, &mut actor).await;
            if let Some(last) = done.last().filter(|d| d.ended != Ended::Held) {
                shared.ledger.dead(id, last.record.status);
            }
        }
        if !shared.ledger.is_surely_somebody(id) && asked.insert((id, Asked::Whoami)) {
            // Its templates may name the identity; only the credential stays away.
            let mut scope = Scope::above(&world.scope);
            session.scope.local().for_each(|(name, value)| scope.set(Arc::clone(name), value.clone()));
            ask(shared, world, id, whoami, &Arc::new(scope), &mut Actor::anonymous()).await;
        }
    }
}

/// The identity that was refused, and its `whoami`.
fn whoami_of(shared: &Shared, refusal: &Refusal) -> Option<(IdentityId, StepsId)> {
    let Sender::Identity { id, .. } = refusal.sender else { return None };
    Some((id, shared.plan.identities[id.0 as usize].login.whoami?))
}

/// Tells whether nothing that comes later can change what a refusal proves.
fn is_settled(shared: &Shared, refusal: &Refusal) -> bool {
    shared.ledger.is_settled(refusal) && !(shared.ledger.wants_life(refusal) && whoami_of(shared, refusal).is_some())
}

/// Decides a case now if its refusals can be judged, else later or at the end of the run.
pub(super) fn decide(shared: &Shared, done: CaseDone) {
    let settled = |done: &CaseDone| {
        let passed = matches!(done.outcome.verdict, Verdict::Passed | Verdict::Flaky);
        !passed || done.refusals.iter().all(|r| is_settled(shared, r))
    };
    let mut ready = Vec::new();
    {
        let mut decided = shared.limits.decided.lock().unwrap_or_else(PoisonError::into_inner);
        if settled(&done) {
            ready.push(done);
        } else {
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

fn decide_rest(shared: &Shared) {
    let mut held = std::mem::take(&mut shared.limits.decided.lock().unwrap_or_else(PoisonError::into_inner).held);
    held.sort_by_key(|d| d.outcome.index);
    for done in held {
        finish(shared, done);
    }
}

/// Judges the refusals of a case and emits its outcome.
fn finish(shared: &Shared, mut done: CaseDone) {
    if matches!(done.outcome.verdict, Verdict::Passed | Verdict::Flaky) {
        for refusal in &done.refusals {
            match shared.ledger.shown(refusal) {
                Shown::Proven => done.outcome.proof.proven += 1,
                Shown::Fine => {}
                Shown::Unproven => {
                    done.outcome.proof.unproven += 1;
                    let message =
                        "nobody was allowed the same request in this run, so the refusal may have another cause";
                    push(shared, &mut done.outcome, "unproven", message, refusal.step);
                }
                shown @ (Shown::Never | Shown::Died) => {
                    let name = match refusal.sender {
                        Sender::Identity { id, .. } => &*shared.plan.identities[id.0 as usize].name,
                        Sender::Anonymous | Sender::Somebody => "",
                    };
                    let message = if shown == Shown::Died {
                        format!(
                            "`{name}` was not seen being allowed anything with this credential around the refusal, so it may just have been dead"
                        )
                    } else {
                        format!(
                            "`{name}` was never allowed anything in this run that nobody else was, so its refusals prove nothing"
                        )
                    };
                    push(shared, &mut done.outcome, "never-allowed", &message, refusal.step);
                    if let (Shown::Died, Sender::Identity { id, .. }) = (shown, refusal.sender)
                        && let Some(ender) = shared.ledger.ender(id)
                    {
                        let place = done.outcome.steps.get(refusal.step).map(|s| s.place.clone());
                        let named = record::disturbed(shared, id, &ender, crate::source::Span::NONE);
                        let place = place.unwrap_or_else(|| named.place.clone());
                        done.outcome.reasons.push(Reason { place, step: Some(refusal.step), ..named });
                    }
                    done.outcome.verdict = Verdict::Inconclusive;
                }
            }
        }
        if done.outcome.proof.unproven > 0
            && shared.options.proof == RequireProof::Yes
            && done.outcome.verdict != Verdict::Inconclusive
        {
            done.outcome.verdict = Verdict::Inconclusive;
        }
    }
    if done.outcome.verdict == Verdict::Inconclusive {
        done.outcome.proof.proven = 0;
    }
    let stop = shared.options.on_failure == OnFailure::Stop && done.outcome.verdict.needs_attention();
    if stop {
        shared.stop.soon(Stopped::FailFast);
    }
    shared.limits.decided.lock().unwrap_or_else(PoisonError::into_inner).tally.add(&done.outcome);
    shared.emit(Event::CaseFinished(Box::new(done.outcome)));
}

fn push(shared: &Shared, outcome: &mut crate::event::Outcome, code: &'static str, message: &str, step: usize) {
    let help = match code {
        "unproven" => "add a case in which somebody is allowed this method and target",
        _ => {
            "add a case in which this identity is allowed something that anonymous is not, or a `whoami` to its scheme"
        }
    };
    let place = outcome.steps.get(step).map_or_else(|| outcome.place.clone(), |s| s.place.clone());
    let mut reason: Reason = record::reason(shared, code, message, crate::source::Span::NONE, vec![help.to_owned()]);
    reason.place = place;
    reason.step = Some(step);
    // Several cases of one identity have one cause; every unproven refusal stands for itself.
    if code == "never-allowed" {
        reason.shared_cause = Some(format!("{code}:{message}").into());
    }
    outcome.reasons.push(reason);
}
