//! The refresh tokens that took the place of others. A login that begins with one that is configured may find it used up
//! by an earlier login of the run, and a server that sees one twice ends all that came of it (RFC 9700, section 4.14.2).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// What came in the place of each, for all of a run.
#[derive(Default)]
pub struct Newest(Mutex<HashMap<String, String>>);

impl fmt::Debug for Newest {
    /// Shows no content: these are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the newest refresh tokens")
    }
}

impl Newest {
    /// Gives the token that is good by now in place of another one, or the same.
    pub fn of(&self, token: &str) -> String {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut newest = token;
        // A server that gives an old one again makes a circle.
        for _ in 0..all.len() {
            let Some(next) = all.get(newest) else { break };
            newest = next;
        }
        newest.to_owned()
    }

    /// Notes what was given for a token that was used.
    pub fn put(&self, used: &str, given: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if used != given {
            all.remove(given);
            all.insert(used.to_owned(), given.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stands_for_all_before_it() {
        let newest = Newest::default();
        assert_eq!(newest.of("a"), "a");
        newest.put("a", "b");
        newest.put("b", "c");
        newest.put("c", "c");
        assert_eq!([newest.of("a"), newest.of("b"), newest.of("c")], ["c", "c", "c"]);
        newest.put("c", "a");
        assert_eq!([newest.of("a"), newest.of("b")], ["a", "a"], "one that comes again is good again");
    }
}
