//! The breaker: a broadcast in which something is wrong for everybody stops before it has gone to everybody.
//!
//! What is wrong with one recipient alone (not on WhatsApp, held back by Meta for this person) says nothing of the
//! next one, so it neither counts for the failures in a row nor ends them; but a list of which half is like that is a
//! bad list, so it counts for the share. What our own gate refused at the last moment (a STOP in between) is no failure
//! at all and is not told to the breaker.

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

/// How it went with one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Meta took it.
    Passed,
    /// It failed for a reason that may hold for everybody.
    Failed,
    /// It failed for a reason that lies with this recipient.
    RecipientFailed,
    /// Nobody knows whether Meta took it: the answer was lost. Where all answers are, a whole list is written off.
    Unknown,
    /// It had passed, and then a status said that it failed.
    FailedLate,
}

/// The last outcomes of one broadcast.
#[derive(Debug, Clone)]
pub struct Breaker {
    limits: Limits,
    row: Tally,
    last: VecDeque<Outcome>,
    share: Tally,
}

/// Failures, and how many of these are answers that were lost.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    failed: u32,
    unknown: u32,
}

impl Tally {
    fn add(&mut self, outcome: Outcome) {
        self.failed += u32::from(outcome != Outcome::Passed);
        self.unknown += u32::from(outcome == Outcome::Unknown);
    }

    fn remove(&mut self, outcome: Outcome) {
        self.failed -= u32::from(outcome != Outcome::Passed);
        self.unknown -= u32::from(outcome == Outcome::Unknown);
    }

    /// `code`, unless most of them are answers that were lost.
    fn or_unknown(self, code: StopCode) -> StopCode {
        if self.unknown * 2 > self.failed { StopCode::OutcomeUnknown } else { code }
    }
}

impl Breaker {
    /// With no outcomes yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, row: Tally::default(), last: VecDeque::new(), share: Tally::default() }
    }

    /// Takes in an outcome; answers why to stop, when it is time.
    pub fn note(&mut self, outcome: Outcome) -> Option<StopCode> {
        match outcome {
            Outcome::Passed => self.row = Tally::default(),
            Outcome::Failed | Outcome::Unknown => self.row.add(outcome),
            Outcome::RecipientFailed | Outcome::FailedLate => {}
        }
        // It was counted when it passed: that one turns round.
        let turned = outcome == Outcome::FailedLate && self.turn_one_round();
        if !turned {
            self.last.push_back(outcome);
            self.share.add(outcome);
        }
        while self.last.len() > self.limits.window as usize {
            if let Some(first) = self.last.pop_front() {
                self.share.remove(first);
            }
        }
        self.verdict(outcome != Outcome::Passed)
    }

    fn turn_one_round(&mut self) -> bool {
        let Some(passed) = self.last.iter_mut().find(|outcome| **outcome == Outcome::Passed) else {
            return false;
        };
        *passed = Outcome::FailedLate;
        self.share.add(Outcome::FailedLate);
        true
    }

    fn verdict(&self, failed: bool) -> Option<StopCode> {
        let full = self.limits.window > 0 && self.last.len() == self.limits.window as usize;
        let share = f64::from(self.share.failed) / f64::from(self.limits.window.max(1));
        if self.limits.consecutive_failures > 0 && self.row.failed >= self.limits.consecutive_failures {
            Some(self.row.or_unknown(StopCode::ConsecutiveFailures))
        } else if full && self.limits.failure_share > 0.0 && failed && share >= self.limits.failure_share {
            Some(self.share.or_unknown(StopCode::FailureShare))
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
        let of = |failed| if failed { Outcome::Failed } else { Outcome::Passed };
        run_all(limits, outcomes.into_iter().map(of))
    }

    fn run_all(limits: Limits, outcomes: impl IntoIterator<Item = Outcome>) -> Option<(usize, StopCode)> {
        let mut breaker = Breaker::new(limits);
        outcomes
            .into_iter()
            .enumerate()
            .find_map(|(index, outcome)| Some((index + 1, breaker.note(outcome)?)))
    }

    #[test]
    fn dead_numbers_are_no_row_of_failures_and_yet_a_bad_list() {
        let row = Limits { consecutive_failures: 3, failure_share: 0.0, window: 0 };
        assert_eq!(run_all(row, [Outcome::RecipientFailed; 100]), None);
        let mixed = [Outcome::Failed, Outcome::Failed, Outcome::RecipientFailed, Outcome::Failed];
        assert_eq!(run_all(row, mixed), Some((4, StopCode::ConsecutiveFailures)));
        let share = Limits { consecutive_failures: 3, failure_share: 0.5, window: 10 };
        assert_eq!(run_all(share, [Outcome::RecipientFailed; 100]), Some((10, StopCode::FailureShare)));
    }

    #[test]
    fn what_fails_after_it_had_passed_is_counted_once_and_as_a_failure() {
        let limits = Limits { consecutive_failures: 3, failure_share: 1.0, window: 10 };
        let outcomes = std::iter::repeat_n(Outcome::Passed, 10).chain([Outcome::FailedLate; 10]);
        assert_eq!(run_all(limits, outcomes), Some((20, StopCode::FailureShare)));
    }

    #[test]
    fn so_many_failures_in_a_row_stop_it_and_one_success_starts_the_count_anew() {
        let limits = Limits { consecutive_failures: 3, failure_share: 0.0, window: 0 };
        assert_eq!(run(limits, [true, true, true]), Some((3, StopCode::ConsecutiveFailures)));
        assert_eq!(run(limits, [true, true, false, true, true]), None);
    }

    #[test]
    fn answers_that_are_lost_stop_it_like_failures_and_by_their_own_name() {
        let row = Limits { consecutive_failures: 3, failure_share: 0.0, window: 0 };
        assert_eq!(run_all(row, [Outcome::Unknown; 3]), Some((3, StopCode::OutcomeUnknown)));
        let mixed = [Outcome::Unknown, Outcome::Failed, Outcome::Failed];
        assert_eq!(run_all(row, mixed), Some((3, StopCode::ConsecutiveFailures)));
        let between = [Outcome::Unknown, Outcome::Unknown, Outcome::Passed, Outcome::Unknown];
        assert_eq!(run_all(row, between), None);
        let share = Limits { consecutive_failures: 0, failure_share: 0.5, window: 4 };
        let every_other = [Outcome::Unknown, Outcome::Passed, Outcome::Unknown, Outcome::Passed];
        assert_eq!(run_all(share, every_other), None, "the last one passed");
        let outcomes = every_other.into_iter().chain([Outcome::Unknown]);
        assert_eq!(run_all(share, outcomes), Some((5, StopCode::OutcomeUnknown)));
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
