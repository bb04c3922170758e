//! One thread between a business number and a customer: its window, its pair limit, its last messages.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::UserKey;

const SHARDS: u64 = 16;
const DAY_MS: i64 = 24 * 3_600_000;

/// What is remembered of a pair. Kept small: a load test makes millions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    /// The customer's last message (milliseconds), which opens the window for 24 h.
    pub(crate) last_inbound_ms: i64,
    /// Theoretical arrival time of the pair limit (milliseconds).
    pub(crate) busy_until_ms: i64,
    pub(crate) last_out: u64,
    pub(crate) last_in: u64,
}

impl Pair {
    const NEW: Self = Self { last_inbound_ms: i64::MIN, busy_until_ms: i64::MIN, last_out: 0, last_in: 0 };

    /// Whether free-form messages are allowed: less than 24 h since the customer wrote.
    pub(crate) fn window_open(&self, now_ms: i64) -> bool {
        self.last_inbound_ms != i64::MIN && now_ms - self.last_inbound_ms < DAY_MS
    }

    /// Takes one message from the pair's allowance; false when it has none.
    pub(crate) fn take(&mut self, now_ms: i64, burst: u32, period_ms: i64) -> bool {
        if burst == 0 {
            return true;
        }
        let busy = self.busy_until_ms.max(now_ms);
        if (busy - now_ms).saturating_add(period_ms) > i64::from(burst).saturating_mul(period_ms) {
            return false;
        }
        self.busy_until_ms = busy.saturating_add(period_ms);
        true
    }
}

type Shard = Mutex<HashMap<(u32, UserKey), Pair>>;

pub(crate) struct Conversations(Vec<Shard>);

impl Conversations {
    pub(crate) fn new() -> Self {
        Self((0..SHARDS).map(|_| Shard::default()).collect())
    }

    /// Reads or changes a pair under its shard's lock.
    pub(crate) fn with<T>(&self, phone: u32, user: UserKey, act: impl FnOnce(&mut Pair) -> T) -> T {
        let shard =
            &self.0[(user.number().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as usize % self.0.len()];
        let mut pairs = shard.lock().unwrap_or_else(PoisonError::into_inner);
        act(pairs.entry((phone, user)).or_insert(Pair::NEW))
    }

    pub(crate) fn clear(&self) {
        for shard in &self.0 {
            shard.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// Customers with whom the number has a thread, most recent first, at most `limit`.
    pub(crate) fn recent(&self, phone: u32, limit: usize) -> Vec<(UserKey, Pair)> {
        let mut found = Vec::new();
        for shard in &self.0 {
            let pairs = shard.lock().unwrap_or_else(PoisonError::into_inner);
            found.extend(
                pairs.iter().filter(|((at, _), _)| *at == phone).map(|((_, user), pair)| (*user, *pair)),
            );
        }
        found.sort_by_key(|(_, pair)| std::cmp::Reverse((pair.last_in, pair.last_out)));
        found.truncate(limit);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_45_borrows_from_the_future() {
        let mut pair = Pair::NEW;
        let taken = (0..60).filter(|_| pair.take(0, 45, 6_000)).count();
        assert_eq!(taken, 45);
        assert!(!pair.take(5_999, 45, 6_000));
        assert!(pair.take(6_000, 45, 6_000));
        assert!(!pair.take(6_001, 45, 6_000));
    }

    #[test]
    fn the_window_closes_after_24_hours() {
        let pair = Pair { last_inbound_ms: 1_000, ..Pair::NEW };
        assert!(pair.window_open(1_000 + DAY_MS - 1));
        assert!(!pair.window_open(1_000 + DAY_MS));
        assert!(!Pair::NEW.window_open(0));
    }
}
