//! The demo's clock: milliseconds since 1970, and the spelling of a moment for people.

use std::time::{SystemTime, UNIX_EPOCH};

/// The milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The seconds since 1970, spelled by RFC 3339 (`2026-01-31T12:00:00Z`).
pub(crate) fn rfc3339(seconds: u64) -> String {
    let moment = i64::try_from(seconds).ok().and_then(|s| jiff::Timestamp::from_second(s).ok());
    moment.map_or_else(|| format!("{seconds}"), |m| m.to_string())
}
