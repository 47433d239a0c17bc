//! Runs a plan: order, limits, sessions, controls, retries, waiting, stopping. Emits events and
//! talks to nobody but the servers under test.
//!
//! [`prepare`] brings the worlds to life (targets, variables, secrets); [`Runner::run`] runs the
//! cases. Waiting costs a timer, never a worker: `--jobs` counts requests in flight.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::event::Event;
use crate::http::Transport;
use crate::plan::Plan;
use crate::secret::{Secret, SecretSet};
use crate::source::SourceMap;
use crate::step::IdentityId;
use crate::verdict::{OnFlaky, OnInconclusive, Policy};

mod access;
mod actor;
mod aged;
mod alive;
mod alone;
mod anew;
mod answered;
mod astray;
mod bad;
mod before;
mod beside;
mod bodiless;
mod busy;
mod canonical;
mod case;
mod cast;
mod codes;
mod common;
mod confirm;
mod control;
mod decide;
mod denied;
mod detour;
mod doing;
mod done;
mod doubt;
mod dress;
mod drive;
mod entrance;
mod exchange;
mod fetch;
mod forgery;
mod frame;
mod given;
mod grade;
mod hollow;
mod homes;
mod idle;
mod judge;
mod keep;
mod kept;
mod kit;
mod lanes;
mod later;
mod leak;
mod learn;
mod ledger;
mod lend;
mod login;
mod matrix;
mod mutant;
mod observe;
mod observed;
mod once;
mod order;
mod origin;
mod otherwise;
mod own;
mod pages;
mod pairs;
mod permit;
mod person;
mod play;
mod present;
mod program;
mod published;
mod race;
mod ready;
mod record;
mod relogin;
mod renew;
mod renewed;
mod replay;
mod rounds;
mod runner;
mod scheme;
mod serve;
mod session;
mod settle;
mod spare;
mod spent;
mod spill;
mod stop;
mod suite;
mod suspects;
mod talked;
mod travel;
mod tried;
mod twice;
mod undisturbed;
mod uses;
mod value;
mod variation;
mod vault;
mod visits;
mod waited;
mod wary;
mod weigh;
mod witness;
mod words;
mod world;
mod xfail;

pub use order::Order;
pub use present::{Presented, Unpresented};
pub use runner::Runner;
pub use serve::Printed;
pub use stop::{GRACE, Stop, Stopper};
pub use value::CODES;
pub use world::{Prepared, prepare};

/// How a run is done.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Requests in flight at the most.
    pub jobs: usize,
    /// Requests in flight to one host at the most.
    pub per_host: Option<usize>,
    /// The order in which suites and cases start.
    pub order: Order,
    /// What the first case that did not pass does.
    pub on_failure: OnFailure,
    /// How often a case that failed is run again.
    pub retries: u32,
    /// The time of an exchange whose step says none.
    pub timeout: Duration,
    /// The time of the whole run.
    pub deadline: Option<Duration>,
    /// How long a case may wait for a real token to expire.
    pub max_wait: Option<Duration>,
    /// What seals the tokens that are kept for later runs; without it none is kept.
    pub keep_key: Option<Secret>,
    /// What an unproven refusal is.
    pub proof: RequireProof,
    /// What is kept of steps that passed.
    pub keep: Keep,
    /// Whether every exchange is told as it happens.
    pub wire: Wire,
    /// The most bytes of a body that are read.
    pub max_body: usize,
    /// What the run's verdict tolerates.
    pub policy: Policy,
}

impl RunOptions {
    /// One request after another, with all exchanges kept: for commands that send something once.
    pub fn one_by_one() -> Self {
        Self {
            jobs: 1,
            per_host: None,
            on_failure: OnFailure::GoOn,
            order: Order::Written,
            retries: 0,
            timeout: Duration::from_secs(30),
            deadline: None,
            max_wait: None,
            keep_key: None,
            proof: RequireProof::No,
            keep: Keep::Exchanges,
            wire: Wire::Untold,
            max_body: 10 * 1024 * 1024,
            policy: Policy { flaky: OnFlaky::Pass, inconclusive: OnInconclusive::Stop, severity: None },
        }
    }
}

/// What the first case that did not pass does to the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// Nothing.
    GoOn,
    /// No further case is started.
    Stop,
}

/// What a refusal is for which nobody was seen being allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequireProof {
    /// Passed, counted as unproven.
    No,
    /// Inconclusive.
    Yes,
}

/// What is kept of steps that passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Their lines.
    Lines,
    /// The whole exchange.
    Exchanges,
}

/// Whether every exchange is an event of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// It is not.
    Untold,
    /// It is, logins and setups included.
    Told,
}

/// What everything in a run shares.
struct Shared {
    plan: Plan,
    options: RunOptions,
    sources: Arc<SourceMap>,
    secrets: SecretSet,
    /// What suites write for parameters that they change.
    own: own::Own,
    events: UnboundedSender<Event>,
    worlds: Vec<Option<world::WorldRun>>,
    /// The commands that serve targets.
    servers: Arc<serve::Servers>,
    sessions: session::Sessions,
    /// Lets in who logs in, a few at a time.
    entrance: entrance::Entrance,
    /// Connections that show a client certificate, by identity.
    certified: Mutex<HashMap<IdentityId, Arc<Transport>>>,
    /// Answers that are the same for everybody, by address.
    common: common::Common<crate::http::Response>,
    /// The browsers in which identities approve the logins of others: servers keep in a session what its last page
    /// asked, so that each browser does one thing after the other.
    browsers: Mutex<HashMap<IdentityId, Arc<tokio::sync::Mutex<()>>>>,
    /// Whoever holds it is alone among the logins that are made again for a nonce.
    turn: tokio::sync::Mutex<()>,
    /// Where requests that prove a key are sent one after the other.
    lanes: lanes::Lanes,
    /// Keys and metadata that servers publish, by address, as far as they were asked for.
    published: common::Common<Result<String, String>>,
    /// What logins by a code redeemed.
    codes: codes::Codes,
    /// What took the place of refresh tokens that were used.
    newest: crate::auth::Newest,
    /// Whoever holds it is alone among those whose logins begin with a refresh token.
    redeeming: tokio::sync::Mutex<()>,
    /// What logins used up.
    spent: spent::Spent,
    /// What credentials were good for, in cases that wait.
    worked: waited::Worked,
    /// Where the credentials of sessions may go.
    homes: homes::Homes,
    ledger: ledger::Ledger,
    /// Cookies that answers gave anew.
    renewed: renewed::Renewed,
    visits: visits::Visits,
    /// What may have ended sessions.
    suspects: suspects::Suspects,
    /// What those got who are allowed.
    spills: spill::Spills,
    /// What is asked again when somebody was allowed it.
    later: later::Later,
    /// What was said about kept tokens.
    kept_told: kept::Told,
    matrix: matrix::Matrix,
    controls: control::Controls,
    undisturbed: undisturbed::Undisturbed,
    limits: runner::Limits,
    /// What servers said that are asked too often.
    busy: busy::Busy,
    keepers: keep::Keepers,
    decided: Mutex<decide::Decided>,
    doing: doing::Doings,
    stop: Stopper,
}

impl Shared {
    /// Emits an event; a closed channel means that nobody listens any more.
    fn emit(&self, event: Event) {
        let _ = self.events.send(event);
    }
}
