//! The breaker: a broadcast in which something is wrong for everybody stops before it has gone to everybody.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::reasons::StopCode;

/// When it stops by itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// So many failures one after the other; 0: never.
    pub consecutive_failures: u32,
    /// This share (0 to 1) of the last [`window`](Self::window) outcomes failed; 0: never.
    pub failure_share: f64,
    /// Outcomes looked at for the share; the share counts once there are so many.
    pub window: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { consecutive_failures: 50, failure_share: 0.5, window: 200 }
    }
}

/// The last outcomes of one broadcast.
#[derive(Debug, Clone)]
pub struct Breaker {
    limits: Limits,
    in_a_row: u32,
    last: VecDeque<bool>,
    failed: u32,
}

impl Breaker {
    /// With no outcomes yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, in_a_row: 0, last: VecDeque::new(), failed: 0 }
    }

    /// Takes in an outcome; answers why to stop, when it is time.
    pub fn note(&mut self, failed: bool) -> Option<StopCode> {
        self.in_a_row = if failed { self.in_a_row + 1 } else { 0 };
        self.last.push_back(failed);
        self.failed += u32::from(failed);
        while self.last.len() > self.limits.window as usize {
            self.failed -= u32::from(self.last.pop_front() == Some(true));
        }
        let full = self.limits.window > 0 && self.last.len() == self.limits.window as usize;
        let share = f64::from(self.failed) / f64::from(self.limits.window.max(1));
        if self.limits.consecutive_failures > 0 && self.in_a_row >= self.limits.consecutive_failures {
            Some(StopCode::ConsecutiveFailures)
        } else if full && self.limits.failure_share > 0.0 && failed && share >= self.limits.failure_share {
            Some(StopCode::FailureShare)
        } else {
            None
        }
    }

    /// Forgets what was: the broadcast was resumed by somebody who knows.
    pub fn reset(&mut self) {
        *self = Self::new(self.limits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(limits: Limits, outcomes: impl IntoIterator<Item = bool>) -> Option<(usize, StopCode)> {
        let mut breaker = Breaker::new(limits);
        outcomes.into_iter().enumerate().find_map(|(index, failed)| Some((index + 1, breaker.note(failed)?)))
    }

    #[test]
    fn so_many_failures_in_a_row_stop_it_and_one_success_starts_the_count_anew() {
        let limits = Limits { consecutive_failures: 3, failure_share: 0.0, window: 0 };
        assert_eq!(run(limits, [true, true, true]), Some((3, StopCode::ConsecutiveFailures)));
        assert_eq!(run(limits, [true, true, false, true, true]), None);
    }

    #[test]
    fn a_share_counts_only_once_there_are_enough_outcomes() {
        let limits = Limits { consecutive_failures: 0, failure_share: 0.5, window: 10 };
        assert_eq!(run(limits, (0..9).map(|n| n % 2 == 0)), None);
        let outcomes = (0..10).map(|n| n % 2 == 1);
        assert_eq!(run(limits, outcomes), Some((10, StopCode::FailureShare)));
        assert_eq!(run(limits, (0..1_000).map(|n| n % 3 == 0)), None);
    }

    #[test]
    fn nothing_stops_a_broadcast_whose_limits_are_off() {
        let limits = Limits { consecutive_failures: 0, failure_share: 0.0, window: 0 };
        assert_eq!(run(limits, [true; 1_000]), None);
    }
}
