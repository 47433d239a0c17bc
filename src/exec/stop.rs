//! Stopping a run: once lets what runs finish for a while, twice cuts it off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::event::Stopped;

/// How long running cases may go on after an interrupt.
pub(super) const GRACE: Duration = Duration::from_secs(5);

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
    /// 0 goes on, 1–3 soon, 11–13 now.
    level: AtomicU8,
    changed: Notify,
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
        let _ = self.0.level.compare_exchange(0, number(why), Ordering::SeqCst, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }

    /// Cuts off what runs.
    pub fn now(&self, why: Stopped) {
        let _ = self.0.level.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |l| (l < 10).then(|| 10 + number(why)));
        self.0.changed.notify_waiters();
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

    /// Waits until nothing new may start.
    pub(super) async fn soon_or_now(&self) -> Stopped {
        self.wait(|s| match s {
            Stop::No => None,
            Stop::Soon(why) | Stop::Now(why) => Some(why),
        })
        .await
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
