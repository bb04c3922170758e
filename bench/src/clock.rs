//! The only place that reads the clock.

use std::time::{Duration, Instant, SystemTime};

/// For spans.
#[allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// For timestamps in bodies, in seconds.
#[allow(clippy::disallowed_methods, reason = "customers write now")]
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}
