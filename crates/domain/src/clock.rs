//! The one place where time comes from.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// The present moment, passed to whatever needs it.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Now, in UTC, with microseconds at best.
    fn now(&self) -> Timestamp;
}

/// The system's clock plus an offset that only moves when told to: the demo and the tests jump over a
/// 24-hour window with it; a production server never moves it.
#[derive(Debug, Default)]
pub struct MovableClock {
    offset_micros: AtomicI64,
}

impl MovableClock {
    /// Moves the clock by `by` (forward when positive) for everybody who shares it.
    pub fn advance(&self, by: SignedDuration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX / 4);
        self.offset_micros.fetch_add(micros, Ordering::SeqCst);
    }

    /// How far the clock is from the system's.
    pub fn offset(&self) -> SignedDuration {
        SignedDuration::from_micros(self.offset_micros.load(Ordering::SeqCst))
    }
}

impl Clock for MovableClock {
    #[allow(clippy::disallowed_methods, reason = "this is the place")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        let micros = now.as_microsecond().saturating_add(self.offset_micros.load(Ordering::SeqCst));
        Timestamp::from_microsecond(micros).unwrap_or(now)
    }
}

/// A clock that stands still until it is set: for tests of rules.
#[derive(Debug)]
pub struct FrozenClock(AtomicI64);

impl FrozenClock {
    /// Stands at `at`.
    pub fn at(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.as_microsecond()))
    }

    /// Moves by `by`.
    pub fn advance(&self, by: SignedDuration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap_or(0), Ordering::SeqCst);
    }
}

impl Clock for FrozenClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}
