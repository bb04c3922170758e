//! Pacing: how fast one phone number may send.

mod pacer;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

pub use pacer::Pacer;

/// So many messages in any period of that length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rate {
    /// Messages; at least 1.
    pub count: u32,
    /// The period in milliseconds; at least 1.
    pub period_ms: u64,
}

impl Default for Rate {
    /// Meta's standard throughput of a number. Source: Meta, "Throughput".
    fn default() -> Self {
        Self::per_second(80)
    }
}

impl Rate {
    /// `count` per second.
    pub fn per_second(count: u32) -> Self {
        Self { count, period_ms: 1_000 }
    }

    /// `count` per minute.
    pub fn per_minute(count: u32) -> Self {
        Self { count, period_ms: 60_000 }
    }

    /// Whether it can be kept to: a count and a period of at least 1, a period of at most a day.
    pub fn is_valid(self) -> bool {
        self.count >= 1 && (1..=86_400_000).contains(&self.period_ms)
    }

    /// The period in words: `1 minute`, `10 seconds`, `500 milliseconds`.
    pub fn period_label(self) -> String {
        let (amount, unit) = match self.period_ms {
            ms if ms > 0 && ms.is_multiple_of(3_600_000) => (ms / 3_600_000, "hour"),
            ms if ms > 0 && ms.is_multiple_of(60_000) => (ms / 60_000, "minute"),
            ms if ms > 0 && ms.is_multiple_of(1_000) => (ms / 1_000, "second"),
            ms => (ms, "millisecond"),
        };
        if amount == 1 { format!("1 {unit}") } else { format!("{amount} {unit}s") }
    }

    fn count(self) -> i64 {
        i64::from(self.count.max(1))
    }

    fn period_micros(self) -> i64 {
        i64::try_from(self.period_ms.clamp(1, 86_400_000)).unwrap_or(1).saturating_mul(1_000)
    }
}

/// Refusals by the pair limit after which the pause stops growing: 4^6 s is over an hour.
const LONGEST_PAIR_EXPONENT: u32 = 6;

/// The pause for one contact after `refusals` earlier refusals by the pair limit in a row: 4^x seconds, as Meta
/// advises for 131056. Source: Meta, "Error codes".
pub fn pair_delay(refusals: u32) -> SignedDuration {
    SignedDuration::from_secs(4i64.pow(refusals.min(LONGEST_PAIR_EXPONENT)))
}

/// The pause of a whole account after `pauses` earlier ones in a row: 1, 5, 15, then 60 minutes. Meta names no time;
/// the limit on spam (131048) lasts hours, and every try counts against it.
pub fn account_pause(pauses: u32) -> SignedDuration {
    SignedDuration::from_mins(match pauses {
        0 => 1,
        1 => 5,
        2 => 15,
        _ => 60,
    })
}

/// The pair limit of one contact: how long to leave that contact alone, growing until a message passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PairBackoff {
    /// Refusals in a row.
    pub refusals: u32,
}

impl PairBackoff {
    /// Refused once more: the pause from now on.
    pub fn refused(&mut self) -> SignedDuration {
        let pause = pair_delay(self.refusals);
        self.refusals = self.refusals.saturating_add(1);
        pause
    }

    /// A message passed.
    pub fn passed(&mut self) {
        self.refusals = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_said_in_its_largest_whole_unit() {
        let label = |period_ms| Rate { count: 80, period_ms }.period_label();
        let labels = [1_000, 10_000, 60_000, 300_000, 3_600_000, 7_200_000, 1_500, 1].map(label);
        assert_eq!(
            labels,
            [
                "1 second",
                "10 seconds",
                "1 minute",
                "5 minutes",
                "1 hour",
                "2 hours",
                "1500 milliseconds",
                "1 millisecond"
            ]
        );
    }

    #[test]
    fn a_contact_is_left_alone_longer_each_time_until_a_message_passes() {
        let mut pair = PairBackoff::default();
        let pauses: Vec<_> = (0..8).map(|_| pair.refused().as_secs()).collect();
        assert_eq!(pauses, [1, 4, 16, 64, 256, 1_024, 4_096, 4_096]);
        pair.passed();
        assert_eq!(pair.refused().as_secs(), 1);
    }
}
