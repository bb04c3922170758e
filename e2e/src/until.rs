//! Waiting for a condition, never for a time.

use std::time::{Duration, Instant};

/// Waits up to a minute until `look` finds something.
///
/// # Panics
/// When the time is over, naming what was waited for.
pub fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    eventually_within(Duration::from_secs(60), what, look)
}

/// Waits until `look` finds something, at most so long.
///
/// # Panics
/// When the time is over, naming what was waited for.
#[allow(clippy::disallowed_methods, reason = "a deadline of the test run itself")]
pub fn eventually_within<T>(most: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + most;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited {most:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(25));
    }
}
