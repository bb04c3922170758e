//! The pacer of one number: a GCRA whose bound holds in *every* window.
//!
//! Plain spacing (one message every P/N) keeps the bound but loses whatever a caller loses by waking late; a token
//! bucket catches up but lets up to twice N through in one window. Here a little lateness τ is made good, and the
//! spacing T is stretched to pay for it.
//!
//! A message passes at time t when t ≥ TAT − τ; then TAT becomes max(TAT, t) + T. Take n messages that pass at
//! t₁ ≤ … ≤ tₙ within one half-open window of length P, so tₙ − t₁ < P. After the first, TAT ≥ t₁ + T; each of the
//! next adds at least T; so before the nth TAT ≥ t₁ + (n−1)·T, and as it passed, tₙ ≥ t₁ + (n−1)·T − τ. Hence
//! (n−1)·T < P + τ. With T = (P + τ)/N, rounded up, that is n − 1 < N: never more than N, whatever the times. A
//! slowed pacer only makes T larger, and a pause only makes t later, so both keep the bound.
//!
//! A caller who wakes at most τ late finds t ≤ TAT, so TAT advances by exactly T: the whole rate N/(P + τ) is
//! reached. τ = P/64 costs 1.5 % of the rate and forgives 15 ms at 80 per second.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Rate;

/// The part of the period by which a caller may be late without losing its place.
const TOLERANCE_PARTS: i64 = 64;
/// However often it was throttled, a number tries again at least this often.
const SLOWEST_MICROS: i64 = 60_000_000;
/// Throttles that come within this time are answers to the same burst and slow the number once.
const SAME_BURST_MICROS: i64 = 1_000_000;
/// Time of success in which a wholly slowed number is back at its rate.
const RECOVERY_MICROS: f64 = 60_000_000.0;

/// Paces one phone number. All times are microseconds; the state can be kept and taken up by another node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pacer {
    rate: Rate,
    /// Theoretical arrival time: when the next message would come, were all evenly spaced.
    tat: i64,
    /// In (0, 1]: what throttling left of the rate.
    factor: f64,
    /// When the factor last changed.
    factor_at: i64,
    paused_until: i64,
}

impl Pacer {
    /// Idle, at its full rate.
    pub fn new(rate: Rate) -> Self {
        Self { rate, tat: i64::MIN, factor: 1.0, factor_at: i64::MIN, paused_until: i64::MIN }
    }

    /// The rate it keeps to.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Another rate from now on; what was sent already still counts.
    pub fn set_rate(&mut self, rate: Rate) {
        self.rate = rate;
    }

    /// Takes a place at `now` if there is one; else says when to ask again, and takes nothing. The bound holds for
    /// the times of the calls that answered `Ok`, so call it right before sending.
    ///
    /// # Errors
    /// The earliest time at which the next call can succeed.
    pub fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let now = now.as_microsecond();
        let earliest = self.earliest();
        if now < earliest {
            return Err(timestamp(earliest));
        }
        self.advance(now);
        Ok(())
    }

    /// Takes the next place there is, now or later, and answers its time. The bound holds for these times; whoever
    /// sends later than its place may come closer to the next one, so prefer [`Pacer::take`].
    pub fn next_slot(&mut self, now: Timestamp) -> Timestamp {
        let slot = now.as_microsecond().max(self.earliest());
        self.advance(slot);
        timestamp(slot)
    }

    /// When the next place is, without taking it.
    pub fn peek(&self, now: Timestamp) -> Timestamp {
        timestamp(now.as_microsecond().max(self.earliest()))
    }

    /// How long a message waits that finds `queued` others before it.
    pub fn wait_behind(&self, now: Timestamp, queued: u64) -> SignedDuration {
        let queue = self.spacing().saturating_mul(i64::try_from(queued).unwrap_or(i64::MAX));
        let first = self.peek(now).as_microsecond() - now.as_microsecond();
        SignedDuration::from_micros(first.saturating_add(queue))
    }

    /// Meta throttled this number: half the rate from here, but never slower than one message per period, nor than
    /// one a minute.
    pub fn throttled(&mut self, now: Timestamp) {
        let now = now.as_microsecond();
        if self.factor < 1.0 && now.saturating_sub(self.factor_at) < SAME_BURST_MICROS {
            return;
        }
        let slowest = self.rate.period_micros().min(SLOWEST_MICROS).max(self.nominal_spacing());
        let least = self.nominal_spacing() as f64 / slowest as f64;
        self.factor = (self.factor / 2.0).max(least);
        self.factor_at = now;
    }

    /// A message passed: the rate grows back by the time that passed since the last step, the whole of it within
    /// about a minute. Idle time does not count.
    pub fn recovered(&mut self, now: Timestamp) {
        if self.factor >= 1.0 {
            return;
        }
        let now = now.as_microsecond();
        let longest = self.spacing().max(SAME_BURST_MICROS);
        let passed = now.saturating_sub(self.factor_at).clamp(0, longest);
        self.factor = (self.factor + passed as f64 / RECOVERY_MICROS).min(1.0);
        self.factor_at = now;
    }

    /// What throttling left of the rate, in (0, 1].
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// Whether it is slower than its rate, or paused.
    pub fn is_slowed(&self, now: Timestamp) -> bool {
        self.factor < 1.0 || now.as_microsecond() < self.paused_until
    }

    /// Nothing passes before `until`. Never shortens a longer pause.
    pub fn pause_until(&mut self, until: Timestamp) {
        self.paused_until = self.paused_until.max(until.as_microsecond());
    }

    /// Ends a pause and a slow-down: the connection was repaired.
    pub fn resume(&mut self) {
        self.paused_until = i64::MIN;
        self.factor = 1.0;
    }

    fn earliest(&self) -> i64 {
        self.tat.saturating_sub(self.tolerance()).max(self.paused_until)
    }

    fn advance(&mut self, at: i64) {
        self.tat = self.tat.max(at).saturating_add(self.spacing());
    }

    fn tolerance(&self) -> i64 {
        self.rate.period_micros() / TOLERANCE_PARTS
    }

    /// T of the proof: (P + τ)/N, rounded up.
    fn nominal_spacing(&self) -> i64 {
        let total = self.rate.period_micros() + self.tolerance();
        let count = self.rate.count();
        total / count + i64::from(total % count != 0)
    }

    fn spacing(&self) -> i64 {
        if self.factor >= 1.0 {
            return self.nominal_spacing();
        }
        (self.nominal_spacing() as f64 / self.factor).ceil() as i64
    }
}

fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_800_000_000_000_000;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_microsecond(START + micros).unwrap()
    }

    /// The most sends in any half-open window of the period: it is enough to look at windows that begin at a send.
    fn busiest_window(sends: &[i64], period: i64) -> usize {
        let mut end = 0;
        let mut most = 0;
        for (begin, first) in sends.iter().enumerate() {
            while end < sends.len() && sends[end] < first + period {
                end += 1;
            }
            most = most.max(end - begin);
        }
        most
    }

    /// A caller with an endless queue who wakes `late[i]` after the time it was told.
    fn send_for(pacer: &mut Pacer, until: i64, late: &[i64]) -> Vec<i64> {
        let (mut now, mut sends, mut wakes) = (0, Vec::new(), 0);
        while now < until {
            match pacer.take(at(now)) {
                Ok(()) => sends.push(now),
                Err(next) => {
                    now = (next.as_microsecond() - START) + late[wakes % late.len()];
                    wakes += 1;
                }
            }
        }
        sends
    }

    fn rate() -> impl Strategy<Value = Rate> {
        (1..300u32, proptest::sample::select(&[1_000u64, 1_500, 10_000, 60_000][..]))
            .prop_map(|(count, period_ms)| Rate { count, period_ms })
    }

    #[test]
    fn a_caller_who_wakes_a_few_milliseconds_late_still_reaches_98_percent() {
        for (count, late) in [(80, 2_000), (80, 15_000), (20, 10_000), (1_000, 5_000), (1, 10_000)] {
            let mut pacer = Pacer::new(Rate::per_second(count));
            let sends = send_for(&mut pacer, 100_000_000, &[late, late / 2, 0]);
            let share = sends.len() as f64 / (f64::from(count) * 100.0);
            assert!((0.98..=1.0).contains(&share), "{count}/s, {late} µs late: {share}");
        }
    }

    #[test]
    fn eighty_per_minute_are_not_eighty_at_once_after_an_idle_hour() {
        let mut pacer = Pacer::new(Rate::per_minute(80));
        pacer.take(at(0)).unwrap();
        let hour = 3_600_000_000;
        let at_once = (0..80).filter(|_| pacer.take(at(hour)).is_ok()).count();
        assert!(at_once <= 3, "{at_once}");
    }

    #[test]
    fn peeking_takes_nothing_and_reserving_does() {
        let mut pacer = Pacer::new(Rate { count: 1, period_ms: 64 });
        assert_eq!((pacer.peek(at(0)), pacer.peek(at(0))), (at(0), at(0)));
        assert_eq!(pacer.next_slot(at(0)), at(0));
        assert_eq!(pacer.peek(at(0)), at(64_000));
        assert_eq!(pacer.take(at(63_999)), Err(at(64_000)));
        assert_eq!(pacer.wait_behind(at(0), 2), SignedDuration::from_micros(64_000 + 2 * 65_000));
    }

    #[test]
    fn throttles_halve_the_rate_once_a_burst_down_to_one_a_period() {
        let mut pacer = Pacer::new(Rate::per_second(80));
        pacer.throttled(at(0));
        pacer.throttled(at(10_000));
        assert_eq!(pacer.factor(), 0.5);
        for second in 2..30 {
            pacer.throttled(at(second * 1_000_000));
        }
        let slowest = pacer.peek(at(100_000_000));
        pacer.take(slowest).unwrap();
        let gap = pacer.peek(slowest).as_microsecond() - slowest.as_microsecond();
        assert!((900_000..=1_000_000).contains(&gap), "{gap}");
    }

    #[test]
    fn a_rate_counted_by_the_hour_is_never_slower_than_one_a_minute() {
        let mut pacer = Pacer::new(Rate { count: 600, period_ms: 3_600_000 });
        for second in 0..40 {
            pacer.throttled(at(second * 2_000_000));
        }
        let first = pacer.next_slot(at(100_000_000));
        let second = pacer.next_slot(first);
        let third = pacer.next_slot(second);
        assert!(third.as_microsecond() - second.as_microsecond() <= SLOWEST_MICROS);
    }

    #[test]
    fn a_minute_of_success_brings_the_rate_back_and_idleness_does_not() {
        let mut pacer = Pacer::new(Rate::per_second(80));
        pacer.throttled(at(0));
        pacer.recovered(at(3_600_000_000));
        assert!(pacer.factor() < 0.55, "an idle hour is no success");
        for tenth in 1..600 {
            pacer.recovered(at(3_600_000_000 + tenth * 100_000));
        }
        assert_eq!(pacer.factor(), 1.0);
        assert!(!pacer.is_slowed(at(3_700_000_000)));
    }

    #[test]
    fn nothing_passes_during_a_pause_and_resuming_ends_it() {
        let mut pacer = Pacer::new(Rate::per_second(80));
        pacer.pause_until(at(5_000_000));
        pacer.pause_until(at(1_000_000));
        assert_eq!(pacer.take(at(4_999_999)), Err(at(5_000_000)));
        assert!(pacer.is_slowed(at(0)));
        pacer.resume();
        assert_eq!(pacer.take(at(1)), Ok(()));
    }

    #[test]
    fn another_node_takes_up_where_this_one_stopped() {
        let mut pacer = Pacer::new(Rate::per_minute(80));
        pacer.take(at(0)).unwrap();
        pacer.throttled(at(5));
        let kept = serde_json::to_string(&pacer).unwrap();
        assert_eq!(serde_json::from_str::<Pacer>(&kept).unwrap(), pacer);
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_the_count(
            rate in rate(), late in proptest::collection::vec(0..40_000i64, 1..50),
        ) {
            let period = rate.period_micros();
            let sends = send_for(&mut Pacer::new(rate), period * 4, &late);
            prop_assert!(busiest_window(&sends, period) <= rate.count as usize);
        }

        #[test]
        fn nor_with_arrivals_pauses_throttles_and_recoveries_at_random(
            rate in rate(), steps in proptest::collection::vec((0..5u8, 0..60_000i64, 1..40u8), 1..200),
        ) {
            let period = rate.period_micros();
            let (mut pacer, mut now, mut sends) = (Pacer::new(rate), 0i64, Vec::new());
            for (action, gap, burst) in steps {
                now += gap;
                match action {
                    0 => pacer.throttled(at(now)),
                    1 => pacer.recovered(at(now)),
                    2 => pacer.pause_until(at(now + gap)),
                    _ => {}
                }
                for _ in 0..burst {
                    if pacer.take(at(now)).is_ok() {
                        sends.push(now);
                    }
                }
            }
            prop_assert!(busiest_window(&sends, period) <= rate.count as usize);
        }

        #[test]
        fn reserved_places_keep_the_bound_too(rate in rate(), gaps in proptest::collection::vec(0..30_000i64, 1..400)) {
            let (mut pacer, mut now) = (Pacer::new(rate), 0);
            let slots: Vec<i64> = gaps
                .iter()
                .map(|gap| {
                    now += gap;
                    pacer.next_slot(at(now)).as_microsecond() - START
                })
                .collect();
            prop_assert!(slots.is_sorted());
            prop_assert!(busiest_window(&slots, rate.period_micros()) <= rate.count as usize);
        }
    }
}
