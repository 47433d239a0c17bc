//! Stopping a run: once lets what runs finish for a while, then cuts it off; twice cuts teardowns off too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::event::Stopped;

/// How long running cases may go on after an interrupt.
pub const GRACE: Duration = Duration::from_secs(5);

/// How long teardowns may take after an interrupt.
pub(super) const TEARDOWN: Duration = Duration::from_secs(10);

/// How far a run is from going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It goes on.
    No,
    /// Nothing new starts; what runs may finish.
    Soon(Stopped),
    /// What runs is cut off.
    Now(Stopped),
}

/// Shared by everybody who may stop the run.
#[derive(Debug, Clone, Default)]
pub struct Stopper(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// 0 goes on, 1–3 soon, 11–13 now, 21–23 now and without teardowns.
    level: AtomicU8,
    changed: Notify,
    /// How many cases run.
    running: AtomicUsize,
}

/// Held by a case that runs.
pub(super) struct Running(Stopper);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

const fn number(stopped: Stopped) -> u8 {
    match stopped {
        Stopped::FailFast => 1,
        Stopped::Deadline => 2,
        Stopped::Interrupted => 3,
    }
}

impl Stopper {
    /// Lets nothing new start.
    pub fn soon(&self, why: Stopped) {
        self.raise(number(why));
    }

    /// Cuts off what runs.
    pub fn now(&self, why: Stopped) {
        self.raise(10 + number(why));
    }

    /// Cuts off what runs, teardowns too.
    pub fn leave(&self, why: Stopped) {
        self.raise(20 + number(why));
    }

    /// A run is stopped more and more, never less: an interrupt counts also after `--fail-fast`.
    fn raise(&self, level: u8) {
        self.0.level.fetch_max(level, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }

    /// Counts a case among those that run, as long as what is given lives.
    pub(super) fn enter(&self) -> Running {
        self.0.running.fetch_add(1, Ordering::SeqCst);
        Running(self.clone())
    }

    /// How many cases run.
    pub fn running(&self) -> usize {
        self.0.running.load(Ordering::SeqCst)
    }

    /// Tells how things are.
    pub fn state(&self) -> Stop {
        let level = self.0.level.load(Ordering::SeqCst);
        let why = match level % 10 {
            0 => return Stop::No,
            1 => Stopped::FailFast,
            2 => Stopped::Deadline,
            _ => Stopped::Interrupted,
        };
        if level > 10 { Stop::Now(why) } else { Stop::Soon(why) }
    }

    /// Waits until time is short: for anything but `--fail-fast`, after which whatever runs has its time.
    pub async fn hurried(&self) -> Stopped {
        self.wait(|s| match s {
            Stop::No | Stop::Soon(Stopped::FailFast) => None,
            Stop::Soon(why) | Stop::Now(why) => Some(why),
        })
        .await
    }

    /// Waits until not even teardowns may go on.
    pub(super) async fn left(&self) {
        loop {
            let changed = self.0.changed.notified();
            if self.0.level.load(Ordering::SeqCst) > 20 {
                return;
            }
            changed.await;
        }
    }

    /// Waits until what runs is cut off.
    pub(super) async fn cut_off(&self) -> Stopped {
        self.wait(|s| match s {
            Stop::No | Stop::Soon(_) => None,
            Stop::Now(why) => Some(why),
        })
        .await
    }

    async fn wait(&self, test: impl Fn(Stop) -> Option<Stopped>) -> Stopped {
        loop {
            let changed = self.0.changed.notified();
            if let Some(why) = test(self.state()) {
                return why;
            }
            changed.await;
        }
    }
}
