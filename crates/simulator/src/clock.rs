//! The simulator's clock. Windows, tokens, throttles and timestamps follow it, so a test moves a day in a
//! call; delays given in milliseconds (latency, statuses, webhook retries) run on the runtime's own timer.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;
type Advance = Arc<dyn Fn(SignedDuration) + Send + Sync>;

/// A clock that can be read and moved; cloned, it stays the same clock.
///
/// The demo builds one over the server's clock, so that both sides agree when `POST /_sim/clock` moves it.
#[derive(Clone)]
pub struct SimClock {
    now: Now,
    advance: Advance,
}

impl SimClock {
    /// A clock made of two closures: what time it is, and how to move it on.
    pub fn new(
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        advance: impl Fn(SignedDuration) + Send + Sync + 'static,
    ) -> Self {
        Self { now: Arc::new(now), advance: Arc::new(advance) }
    }

    /// The machine's time plus what it was advanced by.
    pub fn system() -> Self {
        let offset = Arc::new(AtomicI64::new(0));
        let moved = offset.clone();
        Self::new(
            move || shifted(system_now(), offset.load(Ordering::Relaxed)),
            move |by| {
                moved.fetch_add(millis(by), Ordering::Relaxed);
            },
        )
    }

    /// A clock that stands still at `start` until it is advanced.
    pub fn manual(start: Timestamp) -> Self {
        let passed = Arc::new(AtomicI64::new(0));
        let moved = passed.clone();
        Self::new(
            move || shifted(start, passed.load(Ordering::Relaxed)),
            move |by| {
                moved.fetch_add(millis(by), Ordering::Relaxed);
            },
        )
    }

    /// The simulated time.
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// The simulated time in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.now().as_millisecond()
    }

    /// Moves the clock on.
    pub fn advance(&self, by: SignedDuration) {
        (self.advance)(by);
    }
}

impl std::fmt::Debug for SimClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SimClock").field(&self.now()).finish()
    }
}

fn millis(by: SignedDuration) -> i64 {
    i64::try_from(by.as_millis()).unwrap_or(i64::MAX)
}

fn shifted(from: Timestamp, by_ms: i64) -> Timestamp {
    from.saturating_add(SignedDuration::from_millis(by_ms)).unwrap_or(Timestamp::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the one place where this crate asks the machine for the time")]
fn system_now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let start = Timestamp::from_second(1_700_000_000).unwrap();
        let clock = SimClock::manual(start);
        assert_eq!(clock.now(), start);
        clock.clone().advance(SignedDuration::from_hours(25));
        assert_eq!(clock.now_ms(), start.as_millisecond() + 25 * 3_600_000);
    }
}
