//! Messages per number in any window of a given length. The log of the window is kept, so that no window
//! anywhere, aligned or not, holds more than the limit.

use std::collections::{HashMap, VecDeque};

#[derive(Default)]
pub(crate) struct Throughput {
    taken: HashMap<u32, VecDeque<i64>>,
}

impl Throughput {
    pub(crate) fn take(&mut self, phone: u32, count: usize, period_us: i64, now_us: i64) -> bool {
        let log = self.taken.entry(phone).or_default();
        while log.front().is_some_and(|first| now_us - first >= period_us) {
            log.pop_front();
        }
        if log.len() >= count {
            return false;
        }
        log.push_back(now_us);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_window_holds_more_than_the_limit() {
        let mut throughput = Throughput::default();
        let mut taken = Vec::new();
        for at in (0..5_000_000).step_by(3_333) {
            if throughput.take(0, 80, 1_000_000, at) {
                taken.push(at);
            }
        }
        assert!(taken.len() >= 400);
        for window in taken.windows(81) {
            assert!(window[80] - window[0] >= 1_000_000);
        }
    }

    #[test]
    fn numbers_do_not_share_their_limit() {
        let mut throughput = Throughput::default();
        assert!(throughput.take(0, 1, 1_000, 0));
        assert!(!throughput.take(0, 1, 1_000, 999));
        assert!(throughput.take(1, 1, 1_000, 999));
        assert!(throughput.take(0, 1, 1_000, 1_000));
    }
}
