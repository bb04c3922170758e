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
//! A caller who wakes at most τ late finds t ≤ TAT, so TAT advances by exactly T: the whole rate is reached.
//!
//! All this is about the times at which messages leave; Meta counts when they arrive, and one takes longer than another.
//! So T = (P + τ + σ)/N: a window of N messages may shrink by σ on the way. Together τ = σ = P/128 cost 1.5 % of the
//! rate, and forgive 8 ms each at 80 per second. What opens a connection (a name looked up, two handshakes) is later by
//! more than that, so the messages of a beginning draw closer to those after them. A burst therefore begins at four fifths
//! of the rate: larger T once more.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Rate;

/// The part of the period by which a caller may be late without losing its place.
const TOLERANCE_PARTS: i64 = 128;
/// However often it was throttled, a number tries again at least this often.
const SLOWEST_MICROS: i64 = 60_000_000;
/// Throttles that come within this time are answers to the same burst and slow the number once.
const SAME_BURST_MICROS: i64 = 1_000_000;
/// After so long without a message the next one begins a burst: few connections are open still.
const STILL_MICROS: i64 = 1_000_000;
/// For how long a burst begins. Connections to Meta are opened for about as long as a call takes, which is less than half
/// of it; the rest is for the windows that begin in that time.
const BEGINNING_MICROS: i64 = 2_000_000;
/// By how much a message may arrive later than one that finds a connection open.
const LATEST_MICROS: i64 = 250_000;
/// What one throttle among many messages that passed leaves of the rate: two messages came too close on their way. The
/// next soon after shows that the rate is wrong.
const AFTER_ONE: f64 = 0.9;
/// What each further throttle leaves.
const AFTER_MORE: f64 = 0.5;
/// In how long a time it is counted how much of the rate is used.
const WINDOW_MICROS: i64 = 60_000_000;
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
    /// When the burst began.
    #[serde(default)]
    began_at: i64,
    /// Pauses of the account in a row.
    #[serde(default)]
    account_pauses: u32,
    /// When the window began in which messages are counted.
    #[serde(default)]
    window_at: i64,
    /// Messages of the window before, and of this one.
    #[serde(default)]
    used: [u32; 2],
}

impl Pacer {
    /// Idle, at its full rate.
    pub fn new(rate: Rate) -> Self {
        Self {
            rate,
            tat: i64::MIN,
            factor: 1.0,
            factor_at: i64::MIN,
            paused_until: i64::MIN,
            began_at: i64::MIN,
            account_pauses: 0,
            window_at: 0,
            used: [0; 2],
        }
    }

    /// The rate it keeps to.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Another rate from now on; what was sent already still counts. A higher rate shortens the wait that the lower
    /// one left: m messages since t₁ leave TAT ≥ t₁ + m·T, and as TAT − now shrinks by T′/T, at least t₁ + m·T′ is
    /// left, on which the proof stands with T′.
    pub fn set_rate(&mut self, rate: Rate, now: Timestamp) {
        let before = self.spacing();
        self.rate = rate;
        let after = self.spacing();
        let ahead = self.tat.saturating_sub(now.as_microsecond());
        if after < before && ahead > 0 {
            let left = i128::from(ahead) * i128::from(after) / i128::from(before) + 1;
            self.tat = now.as_microsecond().saturating_add(i64::try_from(left).unwrap_or(ahead));
        }
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

    /// How many places there are from `now` until `within` has passed, without taking one. While a burst begins and the
    /// next places are further apart, these count as so far apart to the end.
    pub fn places(&self, now: Timestamp, within: SignedDuration) -> u64 {
        let now = now.as_microsecond();
        let first = now.max(self.earliest());
        let until = now.saturating_add(micros(within));
        match until.checked_sub(first) {
            Some(left) if left >= 0 => 1 + (left / self.step(first)).unsigned_abs(),
            _ => 0,
        }
    }

    /// How long a message waits that finds `queued` others before it.
    pub fn wait_behind(&self, now: Timestamp, queued: u64) -> SignedDuration {
        let queue = self.spacing().saturating_mul(i64::try_from(queued).unwrap_or(i64::MAX));
        let first = self.peek(now).as_microsecond() - now.as_microsecond();
        SignedDuration::from_micros(first.saturating_add(queue))
    }

    /// Meta throttled this number: a tenth less from here when it went at its rate, half when it was slowed already; but
    /// never slower than one message per period, nor than one a minute.
    pub fn throttled(&mut self, now: Timestamp) {
        let now = now.as_microsecond();
        if self.factor < 1.0 && now.saturating_sub(self.factor_at) < SAME_BURST_MICROS {
            return;
        }
        let slowest = self.rate.period_micros().min(SLOWEST_MICROS).max(self.nominal_spacing());
        let least = self.nominal_spacing() as f64 / slowest as f64;
        let left = if self.factor < 1.0 { AFTER_MORE } else { AFTER_ONE };
        self.factor = (self.factor * left).max(least);
        self.factor_at = now;
    }

    /// How often in a row Meta told the account to pause.
    pub fn account_pauses(&self) -> u32 {
        self.account_pauses
    }

    /// Meta told the account to pause. Answers that come while it pauses belong to the same burst: they change
    /// nothing.
    pub fn pause_account(&mut self, now: Timestamp, until: Timestamp) {
        if now.as_microsecond() < self.paused_until && self.account_pauses > 0 {
            return;
        }
        self.account_pauses = self.account_pauses.saturating_add(1);
        self.pause_until(until);
    }

    /// A message passed: the rate grows back by the time that passed since the last step, the whole of it within
    /// about a minute. Idle time does not count. It ends the row of pauses of the account, unless it is the answer
    /// to a call made before the pause.
    pub fn recovered(&mut self, now: Timestamp) {
        if now.as_microsecond() >= self.paused_until {
            self.account_pauses = 0;
        }
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

    /// Until when nothing passes, when that is later than `now`.
    pub fn paused_until(&self, now: Timestamp) -> Option<Timestamp> {
        (now.as_microsecond() < self.paused_until).then(|| timestamp(self.paused_until))
    }

    /// The share of the rate that was used lately (in the last minute, or period when that is longer), in [0, 1].
    pub fn in_use(&self, now: Timestamp) -> f64 {
        let window = self.window();
        let mut counted = self.clone();
        counted.turn_window(now.as_microsecond());
        let passed = now.as_microsecond().saturating_sub(counted.window_at).clamp(0, window) as f64;
        let share = 1.0 - passed / window as f64;
        let used = f64::from(counted.used[0]) * share + f64::from(counted.used[1]);
        let allowed = self.rate.count() as f64 * window as f64 / self.rate.period_micros() as f64;
        (used / allowed).clamp(0.0, 1.0)
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
        self.account_pauses = 0;
    }

    fn earliest(&self) -> i64 {
        self.tat.saturating_sub(self.tolerance()).max(self.paused_until)
    }

    fn window(&self) -> i64 {
        self.rate.period_micros().max(WINDOW_MICROS)
    }

    fn turn_window(&mut self, at: i64) {
        let window = self.window();
        match at.saturating_sub(self.window_at) / window {
            ..=0 => {}
            1 => {
                self.used = [self.used[1], 0];
                self.window_at += window;
            }
            _ => {
                self.used = [0; 2];
                self.window_at = at;
            }
        }
    }

    fn advance(&mut self, at: i64) {
        self.turn_window(at);
        self.used[1] = self.used[1].saturating_add(1);
        let step = self.step(at);
        if self.was_still(at) {
            self.began_at = at;
        }
        self.tat = self.tat.max(at).saturating_add(step);
    }

    /// From a message at this time to the next: the spacing, stretched while a burst begins.
    fn step(&self, at: i64) -> i64 {
        let begins = self.was_still(at) || at.saturating_sub(self.began_at) < BEGINNING_MICROS;
        let nominal = self.nominal_spacing();
        let least = if begins { nominal + (nominal / 4).min(LATEST_MICROS) } else { 0 };
        self.spacing().max(least)
    }

    fn was_still(&self, at: i64) -> bool {
        at.saturating_sub(self.tat) >= STILL_MICROS
    }

    fn tolerance(&self) -> i64 {
        self.rate.period_micros() / TOLERANCE_PARTS
    }

    /// T of the proof: (P + τ + σ)/N, rounded up.
    fn nominal_spacing(&self) -> i64 {
        let total = self.rate.period_micros() + 2 * self.tolerance();
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

fn micros(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
mod tests;
