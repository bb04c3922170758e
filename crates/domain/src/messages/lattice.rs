//! How a message's status moves.
//!
//! Statuses come in any order, any number of times, so what is kept is the highest seen on one line:
//! `queued < sending < in_doubt < sent < failed < delivered < read`. Taking the higher of two is the same in every
//! order and with every repeat, and the line says the rest: a failure after `sent` counts, a failure never hides a
//! delivery (with several devices both are reported, and delivery is the truth), `read` implies `delivered`, and
//! any word from Meta settles a doubt. Source: Meta, "messages webhook, statuses".

use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a message stands. A scheduled message is `queued` with a `send_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Durable, waits for its turn.
    Queued,
    /// An attempt is on its way; committed before the call.
    Sending,
    /// Meta may or may not have taken it. Never resent blindly.
    InDoubt,
    /// Meta took it.
    Sent,
    /// It will not arrive.
    Failed,
    /// On the customer's phone.
    Delivered,
    /// The customer saw it.
    Read,
    /// Taken back before it was sent. Final.
    Cancelled,
    /// Inbound: the customer wrote it. Final.
    Received,
}

/// All of them, in the order of their rank.
pub const STATUSES: [Status; 9] = [
    Status::Queued,
    Status::Sending,
    Status::InDoubt,
    Status::Sent,
    Status::Failed,
    Status::Delivered,
    Status::Read,
    Status::Cancelled,
    Status::Received,
];

impl Status {
    /// The word used on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::InDoubt => "in_doubt",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Cancelled => "cancelled",
            Self::Received => "received",
        }
    }

    /// The place on the line, for stores that merge in their own language: a status from Meta applies when its
    /// rank is greater than the one kept. Stable; written into databases.
    pub fn rank(self) -> i16 {
        match self {
            Self::Queued => 0,
            Self::Sending => 10,
            Self::InDoubt => 20,
            Self::Sent => 30,
            Self::Failed => 40,
            Self::Delivered => 50,
            Self::Read => 60,
            Self::Cancelled => 90,
            Self::Received => 100,
        }
    }

    /// Meta's word in a status webhook. `played` (a voice note) counts as read. `None` for words that are no step
    /// of a message (`deleted`, `warning`, whatever comes next).
    pub fn from_meta(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "sent" => Some(Self::Sent),
            "delivered" => Some(Self::Delivered),
            "read" | "played" => Some(Self::Read),
            "failed" => Some(Self::Failed),
            _ => None,
        }
    }

    /// Whether Meta is the one who says it.
    pub fn is_metas(self) -> bool {
        matches!(self, Self::Sent | Self::Failed | Self::Delivered | Self::Read)
    }

    /// Whether Meta took the message and has not taken that back.
    pub fn went_out(self) -> bool {
        matches!(self, Self::Sent | Self::Delivered | Self::Read)
    }

    /// Whether it arrived; `read` implies it.
    pub fn arrived(self) -> bool {
        matches!(self, Self::Delivered | Self::Read)
    }

    /// Whether our own side may move a message so. What Meta reports goes through [`merge`] instead.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Queued => matches!(next, Self::Sending | Self::Cancelled | Self::Failed),
            // Back to the queue when certainly nothing left the house.
            Self::Sending => matches!(next, Self::Queued | Self::InDoubt | Self::Sent | Self::Failed),
            // Back to the queue only by the operator's or the tenant's decision.
            Self::InDoubt => matches!(next, Self::Queued | Self::Sent | Self::Failed),
            Self::Failed => next == Self::Queued,
            Self::Sent | Self::Delivered | Self::Read | Self::Cancelled | Self::Received => false,
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        STATUSES
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| format!("\"{text}\" is not a message status"))
    }
}

/// The status after Meta reported `incoming` for a message that is `current`. What is not Meta's to say changes
/// nothing, and neither does anything about a message that was cancelled or received.
pub fn merge(current: Status, incoming: Status) -> Status {
    if incoming.is_metas() && incoming.rank() > current.rank() { incoming } else { current }
}

/// When each level was reached: the first report of it counts, in whatever order reports come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Times {
    /// Meta took it.
    pub sent_at: Option<Timestamp>,
    /// It arrived, as reported; see [`Times::delivered`].
    pub delivered_at: Option<Timestamp>,
    /// It was seen.
    pub read_at: Option<Timestamp>,
    /// It was given up.
    pub failed_at: Option<Timestamp>,
}

impl Times {
    /// Notes a report. Statuses that have no time of their own change nothing.
    pub fn note(&mut self, status: Status, at: Timestamp) {
        let slot = match status {
            Status::Sent => &mut self.sent_at,
            Status::Delivered => &mut self.delivered_at,
            Status::Read => &mut self.read_at,
            Status::Failed => &mut self.failed_at,
            _ => return,
        };
        *slot = earliest(*slot, Some(at));
    }

    /// The earlier of both, level by level.
    pub fn merge(self, other: Self) -> Self {
        Self {
            sent_at: earliest(self.sent_at, other.sent_at),
            delivered_at: earliest(self.delivered_at, other.delivered_at),
            read_at: earliest(self.read_at, other.read_at),
            failed_at: earliest(self.failed_at, other.failed_at),
        }
    }

    /// When it arrived: Meta may report `read` without `delivered`, then the time it was read.
    pub fn delivered(self) -> Option<Timestamp> {
        earliest(self.delivered_at, self.read_at)
    }
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const METAS: [Status; 4] = [Status::Sent, Status::Failed, Status::Delivered, Status::Read];

    fn settled(start: Status, reports: &[Status]) -> Status {
        reports.iter().fold(start, |current, report| merge(current, *report))
    }

    #[test]
    fn delivery_wins_over_failure_both_ways() {
        assert_eq!(settled(Status::Sent, &[Status::Failed, Status::Delivered]), Status::Delivered);
        assert_eq!(settled(Status::Sent, &[Status::Delivered, Status::Failed]), Status::Delivered);
        assert_eq!(settled(Status::Sent, &[Status::Failed, Status::Read]), Status::Read);
    }

    #[test]
    fn a_failure_after_sent_counts_and_a_late_sent_does_not_hide_it() {
        assert_eq!(settled(Status::Sent, &[Status::Failed]), Status::Failed);
        assert_eq!(settled(Status::Sending, &[Status::Failed, Status::Sent]), Status::Failed);
    }

    #[test]
    fn any_word_from_meta_settles_a_doubt() {
        for report in METAS {
            assert_eq!(merge(Status::InDoubt, report), report);
            assert_eq!(merge(Status::Sending, report), report);
        }
    }

    #[test]
    fn cancelled_and_received_are_final_and_our_own_words_are_not_merged() {
        for report in STATUSES {
            assert_eq!(merge(Status::Cancelled, report), Status::Cancelled);
            assert_eq!(merge(Status::Received, report), Status::Received);
            if !report.is_metas() {
                assert_eq!(merge(Status::Queued, report), Status::Queued);
            }
        }
    }

    #[test]
    fn metas_words_are_read_and_a_played_voice_note_was_read() {
        assert_eq!(Status::from_meta("played"), Some(Status::Read));
        assert_eq!(Status::from_meta("DELIVERED"), Some(Status::Delivered));
        assert_eq!(Status::from_meta("in_orbit"), None);
        for status in STATUSES {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }

    #[test]
    fn ranks_grow_along_the_line() {
        assert!(STATUSES.windows(2).all(|pair| pair[0].rank() < pair[1].rank()));
    }

    #[test]
    fn a_message_that_left_the_house_is_not_queued_again() {
        for gone in [Status::Sent, Status::Delivered, Status::Read, Status::Cancelled] {
            assert!(STATUSES.iter().all(|next| !gone.may_become(*next)), "{gone}");
        }
        assert!(
            Status::Queued.may_become(Status::Cancelled) && !Status::Sending.may_become(Status::Cancelled)
        );
    }

    type Reports = Vec<(Status, i64)>;

    fn reports() -> impl Strategy<Value = (Reports, Reports)> {
        proptest::collection::vec((proptest::sample::select(&METAS[..]), 0..1000i64), 1..8).prop_flat_map(
            |reports| {
                let repeated: Vec<_> = reports.iter().chain(&reports).copied().collect();
                (Just(reports), Just(repeated).prop_shuffle())
            },
        )
    }

    proptest! {
        #[test]
        fn the_result_is_the_same_in_every_order_and_number_of_repeats(
            (once, shuffled) in reports(), start in proptest::sample::select(&STATUSES[..]),
        ) {
            let run = |reports: &[(Status, i64)]| {
                let mut times = Times::default();
                let mut status = start;
                for (report, second) in reports {
                    status = merge(status, *report);
                    times.note(*report, Timestamp::from_second(*second).unwrap());
                }
                (status, times, times.delivered())
            };
            prop_assert_eq!(run(&once), run(&shuffled));
        }

        #[test]
        fn halves_merged_apart_give_the_whole((once, _) in reports(), cut in 0..8usize) {
            let cut = cut.min(once.len());
            let times = |reports: &[(Status, i64)]| {
                let mut times = Times::default();
                for (report, second) in reports {
                    times.note(*report, Timestamp::from_second(*second).unwrap());
                }
                times
            };
            prop_assert_eq!(times(&once[..cut]).merge(times(&once[cut..])), times(&once));
        }

        #[test]
        fn a_status_never_moves_down(start in proptest::sample::select(&STATUSES[..]), report in proptest::sample::select(&STATUSES[..])) {
            prop_assert!(merge(start, report).rank() >= start.rank());
        }
    }
}
