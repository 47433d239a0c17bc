//! Hands out the cases of a plan within its limits, and ends the run.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, mpsc::UnboundedSender};
use tokio::task::JoinSet;

use super::alive::check_alive;
use super::codes::Codes;
use super::common::Common;
use super::control::Controls;
use super::decide::decide_rest;
use super::doing::Doings;
use super::keep::{Keepers, Place};
use super::later::Later;
use super::ledger::Ledger;
use super::order::Order;
use super::renewed::Renewed;
use super::serve::{Printed, Serving};
use super::session::Sessions;
use super::stop::Stop;
use super::undisturbed::Undisturbed;
use super::visits::Visits;
use super::{Prepared, RunOptions, Shared, Stopper, later, record, suite};
use crate::demo::Demo;
use crate::event::{Event, RunInfo, Stopped, SuiteInfo, Summary, Verdict, Warning};
use crate::http::Request;
use crate::plan::{DemoPlan, Plan};
use crate::secret::SecretSet;
use crate::source::SourceMap;
use crate::verdict::{OnInconclusive, exit_code};

/// How much runs at once.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Requests in flight.
    slots: Semaphore,
    /// Requests in flight by host.
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
    per_host: Option<usize>,
    jobs: usize,
    /// Cases that were started and not finished: more than requests, so that waiting costs nothing.
    open: Arc<Semaphore>,
    /// Cases that went on after a wait although no place was free; so many places are not given again.
    owed: AtomicUsize,
    /// Requests of setups and teardowns, and for the keys of servers, which no outcome counts.
    extra: AtomicUsize,
}

/// The right to send one request.
#[derive(Default)]
pub(crate) struct Slot<'a> {
    _slot: Option<SemaphorePermit<'a>>,
    _host: Option<OwnedSemaphorePermit>,
}

impl Limits {
    /// Limits of a run that took so many requests before its first case.
    fn new(options: &RunOptions, before: u32) -> Self {
        let jobs = options.jobs.clamp(1, 10_000);
        // One job means one case after another, as its user expects.
        let open = if jobs == 1 { 1 } else { jobs * 4 };
        Self {
            slots: Semaphore::new(jobs),
            hosts: Mutex::default(),
            per_host: options.per_host,
            jobs,
            open: Arc::new(Semaphore::new(open)),
            owed: AtomicUsize::new(0),
            extra: AtomicUsize::new(before as usize),
        }
    }

    /// Waits for the right to send a request.
    pub(crate) async fn slot(&self, request: &Request) -> Slot<'_> {
        let host = match self.per_host {
            None => None,
            Some(limit) => {
                let host = request.address.base().to_owned();
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
        loop {
            let permit = Arc::clone(&self.open).acquire_owned().await.ok()?;
            let less = |owed: usize| owed.checked_sub(1);
            if self.owed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_err() {
                return Some(permit);
            }
            permit.forget();
        }
    }

    /// Lets time pass in a case. Its place goes to another one meanwhile, so that waiting costs a
    /// timer and nothing else; with one job the order is kept instead.
    ///
    /// Only for steps of cases: a login has no place to give, and whoever waits for it may hold the last.
    pub(super) async fn pass_time(&self, time: Duration) {
        self.meanwhile(tokio::time::sleep(time)).await;
    }

    /// Waits for something, and gives the place to another case meanwhile unless it is there at once.
    ///
    /// A case that was started never waits for its place: others may hold all of them and wait for what it has, such as
    /// the answer to a control. It goes on, and the next case waits in its stead.
    pub(super) async fn meanwhile<T>(&self, waiting: impl Future<Output = T>) -> T {
        if self.jobs == 1 {
            return waiting.await;
        }
        let mut waiting = std::pin::pin!(waiting);
        tokio::select! {
            biased;
            done = &mut waiting => return done,
            () = std::future::ready(()) => {}
        }
        self.open.add_permits(1);
        let done = waiting.await;
        match self.open.try_acquire() {
            Ok(permit) => permit.forget(),
            Err(_) => {
                self.owed.fetch_add(1, Ordering::Relaxed);
            }
        }
        done
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
    demos: Vec<(DemoPlan, Demo)>,
    /// The commands of targets, for as long.
    serving: Serving,
}

/// What weakens or changes a run, its order included.
fn noticed(mut notices: Vec<String>, options: &RunOptions) -> Vec<String> {
    if let Order::Shuffled(seed) = options.order {
        notices.push(format!("suites and cases were started in the order of `--shuffle {seed}`"));
    }
    notices
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
        let notices = noticed(prepared.notices, &options);
        let info = RunInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: jiff::Timestamp::now().to_string(),
            targets: prepared.targets.iter().map(|t| secrets.mask_text(crate::secret::TextKind::Url, t)).collect(),
            suites: plan.suites.iter().map(told).collect(),
            cases: plan.cases.len(),
            filtered_out: plan.filtered_out,
            excluded_files: plan.excluded_files,
            notices,
        };
        let shared = Shared {
            limits: Limits::new(&options, prepared.requests),
            keepers: Keepers::of(&plan),
            controls: Controls::of(&plan),
            undisturbed: Undisturbed::default(),
            plan,
            options,
            sources,
            secrets,
            own: super::own::Own::default(),
            events,
            worlds: prepared.worlds,
            servers: prepared.serving.servers(),
            sessions: Sessions::default(),
            entrance: super::entrance::Entrance::default(),
            certified: Mutex::default(),
            common: Common::default(),
            published: Common::default(),
            browsers: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            busy: super::busy::Busy::default(),
            lanes: super::lanes::Lanes::default(),
            codes: Codes::default(),
            newest: crate::auth::Newest::default(),
            redeeming: tokio::sync::Mutex::default(),
            spent: super::spent::Spent::default(),
            worked: super::waited::Worked::default(),
            homes: super::homes::Homes::default(),
            ledger: Ledger::default(),
            renewed: Renewed::default(),
            visits: Visits::default(),
            suspects: super::suspects::Suspects::default(),
            spills: super::spill::Spills::default(),
            later: Later::default(),
            kept_told: super::kept::Told::default(),
            matrix: super::matrix::Matrix::default(),
            decided: Mutex::default(),
            doing: Doings::default(),
            stop,
        };
        Self {
            shared: Arc::new(shared),
            info,
            started: Instant::now(),
            demos: prepared.demos,
            serving: prepared.serving,
        }
    }

    /// What its tasks share.
    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Gives what the commands of targets print, to be told at the end.
    pub fn printed(&self) -> Printed {
        self.serving.printed()
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
            () = async {
                check_alive(&shared).await;
                later::ask(&shared, Place::None).await;
            } => {}
            _ = shared.stop.cut_off() => {}
        }
        shared.sessions.end();
        decide_rest(&shared);
        tell_ended(&shared);
        watch.abort();
        deadline.inspect(tokio::task::JoinHandle::abort);
        let (logins, login_requests) = shared.sessions.counted();
        let mut tally = shared.decided.lock().unwrap_or_else(PoisonError::into_inner).tally.clone();
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
        let summary =
            Summary { tally, elapsed: self.started.elapsed(), exit, stopped, tolerated, fail_on: policy.severity };
        shared.emit(Event::RunFinished(Box::new(summary.clone())));
        drop((self.demos, self.serving));
        summary
    }
}

/// What is said of a suite before it runs.
fn told(suite: &crate::plan::SuitePlan) -> SuiteInfo {
    let cases = suite.cases.len();
    SuiteInfo { id: suite.id.clone(), name: suite.name.clone(), file: Arc::clone(&suite.file), cases }
}

/// Warns of commands that served a target and ended before the run did.
fn tell_ended(shared: &Shared) {
    let ready = |at: usize| shared.worlds.iter().flatten().any(|w| w.served == Some(at) && w.not_ready.is_none());
    for (_, how, span) in shared.servers.gone().into_iter().filter(|(at, ..)| ready(*at)) {
        let message = record::text(shared, &format!("{how} by itself while cases were running"));
        shared.emit(Event::Warning(Warning {
            code: "target-ended",
            message,
            place: Some(record::place(shared, span)),
        }));
    }
}

/// Lets what waits for seconds begin first, so that the run need not wait for it at its end. One job, and whoever has the
/// order shuffled, keep the order.
fn longest_first(shared: &Shared, mut all: Vec<usize>, cases: impl Fn(usize) -> Range<usize>) -> Vec<usize> {
    if shared.options.jobs > 1 && shared.options.order == Order::Written {
        let seconds = |case: usize| shared.plan.cases[case].shape.waits().as_secs();
        all.sort_by_cached_key(|one| Reverse(cases(*one).map(seconds).max().unwrap_or(0)));
    }
    all
}

async fn dispatch(shared: &Arc<Shared>) {
    let mut tasks = JoinSet::new();
    let order = shared.options.order;
    let suites = order.of(0..shared.plan.suites.len());
    for index in longest_first(shared, suites, |suite| shared.plan.suites[suite].cases.clone()) {
        let plan = &shared.plan.suites[index];
        let simple = plan.setup.is_empty() && plan.teardown.is_empty() && !plan.serial && plan.access.is_none();
        if !simple {
            if let Some(permit) = shared.limits.open().await {
                tasks.spawn(suite::run(Arc::clone(shared), index, permit));
            }
            continue;
        }
        let ground = suite::plain_ground(shared, index);
        for case in longest_first(shared, order.of(plan.cases.clone()), |case| case..case + 1) {
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
