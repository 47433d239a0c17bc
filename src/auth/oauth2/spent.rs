//! What a login sends that is good once: kept as parts of the session, so that a case can send it once more, and until
//! when it would be taken if nobody had used it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::token::Parts;
use crate::jose::expiry;

/// How long is surely taken what a server ends whenever it likes: a code, or the proof of a key. Servers know no shorter
/// time for either.
const SURELY: SignedDuration = SignedDuration::from_secs(30);

/// What was used up.
#[derive(Debug, Default)]
pub(super) struct Spent {
    pub(super) parts: Parts,
    pub(super) ends: Vec<(Arc<str>, Timestamp)>,
}

/// When something ends that is good once.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    /// As the token itself says.
    Own,
    /// As the server says by a number of seconds, if it does.
    In(Option<i64>),
    /// At this time.
    At(Timestamp),
    /// With something else.
    None,
}

impl Spent {
    /// Keeps a part in place of the one before.
    pub(super) fn keep(&mut self, name: &str, value: &str, end: End, now: Timestamp) {
        self.parts.retain(|(n, _)| &**n != name);
        self.ends.retain(|(n, _)| &**n != name);
        self.parts.push((name.into(), value.into()));
        let end = match end {
            End::Own => expiry(value).and_then(|seconds| Timestamp::from_second(seconds).ok()),
            End::In(seconds) => now.checked_add(seconds.map_or(SURELY, SignedDuration::from_secs)).ok(),
            End::At(end) => Some(end),
            End::None => None,
        };
        self.ends.extend(end.map(|end| (name.into(), end)));
    }
}
