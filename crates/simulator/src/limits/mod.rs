//! Meta's limits: throughput per number, calls per hour, customers per portfolio and day.

mod hourly;
mod portfolio;
mod throughput;

use std::sync::{Mutex, PoisonError};

use crate::faults::Faults;
use hourly::Hourly;
use portfolio::Portfolio;
use throughput::Throughput;

/// All counters. Each lock is held for a few instructions.
#[derive(Default)]
pub(crate) struct Limits {
    throughput: Mutex<Throughput>,
    hourly: Mutex<Hourly>,
    portfolio: Mutex<Portfolio>,
}

impl Limits {
    /// Counts a message of a number; false when its window is full. `own` is the number's limit per second.
    pub(crate) fn take_throughput(&self, phone: u32, own: u32, faults: &Faults, now_us: i64) -> bool {
        let count = faults.throughput_count.or(faults.throughput_per_second).unwrap_or(own);
        let per_second = faults.throughput_count.is_none() && faults.throughput_period_seconds <= 0.0;
        let seconds = if per_second { 1.0 } else { faults.throughput_period_seconds };
        let period_us = (seconds * 1e6) as i64;
        count == 0 || lock(&self.throughput).take(phone, count as usize, period_us, now_us)
    }

    /// Counts a call of this hour under `key`; false when `limit` (0: none) is used up.
    pub(crate) fn take_hourly(&self, key: &str, limit: u32, now_ms: i64) -> bool {
        limit == 0 || lock(&self.hourly).take(key, limit, now_ms)
    }

    /// Percentage of an hourly limit that is used.
    pub(crate) fn used_percent(&self, key: &str, limit: u32, now_ms: i64) -> u32 {
        (lock(&self.hourly).used(key, now_ms) * 100).checked_div(limit).unwrap_or(0).min(100)
    }

    /// Counts a customer reached outside a window; false when the tier of the portfolio is used up.
    pub(crate) fn take_customer(&self, business_id: &str, tier: &str, user: u64, now_ms: i64) -> bool {
        match portfolio::tier_limit(tier) {
            None => true,
            Some(limit) => lock(&self.portfolio).take(business_id, limit, user, now_ms),
        }
    }

    pub(crate) fn clear(&self) {
        *lock(&self.throughput) = Throughput::default();
        *lock(&self.hourly) = Hourly::default();
        *lock(&self.portfolio) = Portfolio::default();
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
