//! The lattice of statuses: statuses come in any order, any number of times, and the result is always the same.
//!
//! Outbound: `queued < sending < in_doubt < sent < failed < delivered < read`. `failed` stands between `sent` and
//! `delivered`, because Meta may report both a failure on one device and a delivery on another, and then the
//! delivery is the truth; a failure after `sent` is the usual asynchronous refusal. Source: Meta, "Status
//! messages webhook".

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Outbound, accepted by us, waits for its turn (or for its `send_at`).
    Queued,
    /// Outbound, its attempt is committed, the call to Meta runs.
    Sending,
    /// Outbound, Meta may or may not have accepted it.
    InDoubt,
    /// Outbound, accepted by Meta.
    Sent,
    /// Outbound, will not arrive.
    Failed,
    /// Outbound, arrived on a device.
    Delivered,
    /// Outbound, was seen (or played).
    Read,
    /// Outbound, called back before it was sent.
    Cancelled,
    /// Inbound.
    Received,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Sending,
        Self::InDoubt,
        Self::Sent,
        Self::Failed,
        Self::Delivered,
        Self::Read,
        Self::Cancelled,
        Self::Received,
    ];

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

    fn rank(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Cancelled => 1,
            Self::Sending => 2,
            Self::InDoubt => 3,
            Self::Sent => 4,
            Self::Failed => 5,
            Self::Delivered => 6,
            Self::Read => 7,
            Self::Received => 8,
        }
    }

    /// Nothing more is expected of it (a delivered message may still be read).
    pub fn is_final(self) -> bool {
        matches!(self, Self::Failed | Self::Read | Self::Cancelled | Self::Received)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|status| status.as_str()).collect();
            format!("\"{text}\" is not a message status; use one of {}", known.join(", "))
        })
    }
}

/// What a message is after Meta reported `incoming`: the higher of the two. A report by Meta outranks what we only
/// believe, so a message that we called failed for want of news (an `in_doubt` ruled on) comes back to life with
/// its delivery.
pub fn merge(current: Status, incoming: Status) -> Status {
    if incoming.rank() > current.rank() { incoming } else { current }
}

/// The first time each level was reached. Times that Meta reports for the same level differ when a webhook is
/// repeated by another device: the earliest stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Times {
    pub sent: Option<Timestamp>,
    pub delivered: Option<Timestamp>,
    pub read: Option<Timestamp>,
    pub failed: Option<Timestamp>,
}

impl Times {
    /// Notes that `status` was reached at `at`. A read message was delivered by then at the latest, whether or not
    /// Meta says so.
    pub fn note(&mut self, status: Status, at: Timestamp) {
        match status {
            Status::Sent => earliest(&mut self.sent, at),
            Status::Delivered => earliest(&mut self.delivered, at),
            Status::Read => {
                earliest(&mut self.delivered, at);
                earliest(&mut self.read, at);
            }
            Status::Failed => earliest(&mut self.failed, at),
            _ => {}
        }
    }
}

fn earliest(slot: &mut Option<Timestamp>, at: Timestamp) {
    *slot = Some(slot.map_or(at, |known| known.min(at)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reported() -> impl Strategy<Value = Status> {
        prop_oneof![Just(Status::Sent), Just(Status::Delivered), Just(Status::Read), Just(Status::Failed)]
    }

    proptest! {
        #[test]
        fn any_order_and_any_number_of_repeats_give_the_same_status_and_times(
            reports in prop::collection::vec((reported(), 0i64..1_000), 1..8),
            order in prop::collection::vec(any::<prop::sample::Index>(), 8..32),
        ) {
            let run = |sequence: &mut dyn Iterator<Item = &(Status, i64)>| {
                let (mut status, mut times) = (Status::Sending, Times::default());
                for (report, second) in sequence {
                    status = merge(status, *report);
                    times.note(*report, Timestamp::from_second(*second).unwrap());
                }
                (status, times)
            };
            let straight = run(&mut reports.iter());
            let shuffled = order.iter().map(|index| index.get(&reports)).chain(reports.iter().rev());
            prop_assert_eq!(straight, run(&mut shuffled.into_iter()));
        }

        #[test]
        fn merging_is_associative_and_commutative(a in 0usize..9, b in 0usize..9, c in 0usize..9) {
            let [a, b, c] = [a, b, c].map(|n| Status::ALL[n]);
            prop_assert_eq!(merge(a, b), merge(b, a));
            prop_assert_eq!(merge(merge(a, b), c), merge(a, merge(b, c)));
        }
    }

    #[test]
    fn a_delivery_wins_over_a_failure_in_both_orders() {
        assert_eq!(merge(Status::Failed, Status::Delivered), Status::Delivered);
        assert_eq!(merge(Status::Delivered, Status::Failed), Status::Delivered);
        assert_eq!(merge(Status::Sent, Status::Failed), Status::Failed);
        assert_eq!(merge(Status::InDoubt, Status::Sent), Status::Sent);
    }

    #[test]
    fn words_come_back_as_the_status_they_stand_for() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert!("in_orbit".parse::<Status>().is_err());
    }
}
