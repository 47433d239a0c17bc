//! Slowing down guesses: five wrong passwords within 30 s lock a name for 5 s.

use std::collections::HashMap;

/// How many wrong passwords lock a name.
const FAILURES: usize = 5;
/// Within how many milliseconds they must fall.
const WINDOW_MS: u64 = 30_000;
/// How many milliseconds the lock holds.
const LOCK_MS: u64 = 5_000;
/// The number of names kept before those that no longer matter are dropped.
const MOST_NAMES: usize = 10_000;

#[derive(Debug, Default)]
struct Attempts {
    failed_at: Vec<u64>,
    locked_until: u64,
}

/// The failed attempts of every name, whether or not a person bears it: a lock must not tell who exists.
#[derive(Debug, Default)]
pub(crate) struct Lockout(HashMap<String, Attempts>);

impl Lockout {
    /// The seconds a name stays locked, rounded up; `None` when it is not.
    pub(crate) fn seconds_left(&self, name: &str, now: u64) -> Option<u64> {
        let until = self.0.get(name)?.locked_until;
        (until > now).then(|| (until - now).div_ceil(1000))
    }

    /// Notes a wrong password.
    pub(crate) fn failed(&mut self, name: &str, now: u64) {
        if self.0.len() >= MOST_NAMES {
            self.0.retain(|_, a| a.locked_until > now || a.failed_at.iter().any(|at| at + WINDOW_MS > now));
        }
        let attempts = self.0.entry(name.to_owned()).or_default();
        attempts.failed_at.retain(|at| at + WINDOW_MS > now);
        attempts.failed_at.push(now);
        if attempts.failed_at.len() >= FAILURES {
            attempts.failed_at.clear();
            attempts.locked_until = now + LOCK_MS;
        }
    }

    /// Forgets a name's failures, after a right password or by an admin.
    pub(crate) fn clear(&mut self, name: &str) {
        self.0.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_after_five_and_opens_again() {
        let mut lockout = Lockout::default();
        for at in 0..4 {
            lockout.failed("lara", at);
        }
        assert_eq!(lockout.seconds_left("lara", 4), None);
        lockout.failed("lara", 4);
        assert_eq!(lockout.seconds_left("lara", 4), Some(5));
        assert_eq!(lockout.seconds_left("lara", 4_500), Some(1));
        assert_eq!(lockout.seconds_left("lara", 5_004), None);
        lockout.failed("lara", 5_005);
        assert_eq!(lockout.seconds_left("lara", 5_005), None);
        assert_eq!(lockout.seconds_left("bob", 4), None);
    }

    #[test]
    fn old_failures_do_not_count() {
        let mut lockout = Lockout::default();
        for at in [0, 10_000, 20_000, 29_000, 30_000] {
            lockout.failed("lara", at);
        }
        assert_eq!(lockout.seconds_left("lara", 30_000), None);
    }
}
