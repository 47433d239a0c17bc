//! Which connections may be used again, so that a server that closes an idle one costs no case.
//!
//! A pooled connection can be closed by the server while a request is on its way to it. Nobody can
//! tell whether that request was handled, so:
//! - an idempotent one is sent once more on a new connection (RFC 9110, section 9.2.2), and only
//!   when the connection that failed is known to have been used before;
//! - any other one is never sent twice. It takes a pooled connection only where the origin has shown
//!   that it keeps them, and a new one otherwise.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

/// Remembers that many origins, and that many connections of each; to forget is always safe.
const REMEMBERED: usize = 512;

/// Whether sending a request again changes anything (RFC 9110, section 9.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// The method is idempotent.
    Harmless,
    /// It is not, or nobody knows.
    Never,
}

impl Repeat {
    pub(super) fn of(method: &str) -> Self {
        match method {
            "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE" => Self::Harmless,
            _ => Self::Never,
        }
    }
}

/// What is known of the origins a transport has talked to.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<String, Origin>>);

#[derive(Debug, Default)]
struct Origin {
    /// The local ends of connections that have carried an answer.
    used: HashSet<SocketAddr>,
    habit: Habit,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// Too little was seen.
    #[default]
    Unknown,
    /// A connection has carried more than one answer.
    Keeps,
    /// A connection was closed without a word while it was kept.
    Closes,
}

impl Memory {
    /// Notes an answer that came over the connection with this local end.
    pub(super) fn answered(&self, origin: &str, local: SocketAddr) {
        self.with(origin, |known| {
            if known.used.len() >= REMEMBERED {
                known.used.clear();
            }
            if !known.used.insert(local) && known.habit == Habit::Unknown {
                known.habit = Habit::Keeps;
            }
        });
    }

    /// Notes that a connection broke before an answer; tells whether it had been used before.
    pub(super) fn broke(&self, origin: &str, local: SocketAddr) -> bool {
        self.with(origin, |known| {
            let reused = known.used.remove(&local);
            if reused {
                known.habit = Habit::Closes;
            }
            reused
        })
    }

    /// Tells whether the origin has shown that it keeps connections.
    pub(super) fn keeps(&self, origin: &str) -> bool {
        self.with(origin, |known| known.habit == Habit::Keeps)
    }

    fn with<T>(&self, origin: &str, f: impl FnOnce(&mut Origin) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get_mut(origin) {
            return f(known);
        }
        if all.len() >= REMEMBERED {
            all.clear();
        }
        f(all.entry(origin.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_is_earned_and_lost() {
        let memory = Memory::default();
        let (a, b) = ("127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap());
        assert!(!memory.broke("o", a), "a new connection was not used before");
        memory.answered("o", a);
        memory.answered("o", b);
        assert!(!memory.keeps("o"), "two connections say nothing");
        memory.answered("o", b);
        assert!(memory.keeps("o"));
        assert!(!memory.keeps("other"));
        assert!(memory.broke("o", a));
        memory.answered("o", b);
        assert!(!memory.keeps("o"), "once broken, never trusted");
    }
}
