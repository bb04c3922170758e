//! Calls per clock hour.

use std::collections::HashMap;

const HOUR_MS: i64 = 3_600_000;

#[derive(Default)]
pub(crate) struct Hourly {
    counts: HashMap<String, (i64, u32)>,
}

impl Hourly {
    pub(crate) fn take(&mut self, key: &str, limit: u32, now_ms: i64) -> bool {
        let hour = now_ms / HOUR_MS;
        if !self.counts.contains_key(key) {
            self.counts.insert(key.to_owned(), (hour, 0));
        }
        let Some(count) = self.counts.get_mut(key) else { return true };
        if count.0 != hour {
            *count = (hour, 0);
        }
        count.1 += 1;
        count.1 <= limit
    }

    pub(crate) fn used(&self, key: &str, now_ms: i64) -> u32 {
        self.counts.get(key).filter(|(hour, _)| *hour == now_ms / HOUR_MS).map_or(0, |(_, count)| *count)
    }
}
