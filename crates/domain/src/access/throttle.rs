//! Throttling of guesses: a few are free, then each costs a pause that doubles up to a longest one.

use jiff::{SignedDuration, Timestamp};

/// How guesses are slowed down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// Tries without a pause.
    pub free: u32,
    /// The pause after the first try that is not free; each further one doubles it.
    pub first: SignedDuration,
    pub longest: SignedDuration,
    /// After so long without a try all are forgotten.
    pub forget: SignedDuration,
}

impl Throttle {
    /// Logins to one account, from wherever.
    pub const LOGIN_ACCOUNT: Self = Self {
        free: 5,
        first: SignedDuration::from_secs(30),
        longest: SignedDuration::from_mins(15),
        forget: SignedDuration::from_hours(24),
    };
    /// Logins from one address, to whichever account: an office shares one.
    pub const LOGIN_ADDRESS: Self =
        Self { free: 30, forget: SignedDuration::from_hours(2), ..Self::LOGIN_ACCOUNT };
    /// Letters to one account that set a new password.
    pub const RESET_ACCOUNT: Self = Self {
        free: 3,
        first: SignedDuration::from_mins(15),
        longest: SignedDuration::from_hours(4),
        forget: SignedDuration::from_hours(24),
    };
    /// Such letters asked for from one address.
    pub const RESET_ADDRESS: Self = Self { free: 20, ..Self::RESET_ACCOUNT };

    /// How long nothing is admitted after so many tries.
    pub fn pause(&self, tries: u32) -> SignedDuration {
        let Some(over) = tries.checked_sub(self.free + 1) else { return SignedDuration::ZERO };
        let factor = 1_i32.checked_shl(over.min(30)).unwrap_or(i32::MAX);
        self.first.checked_mul(factor).unwrap_or(self.longest).min(self.longest)
    }
}

/// The tries of one subject so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    pub count: u32,
    pub last_at: Timestamp,
    /// Nothing is admitted before.
    pub blocked_until: Option<Timestamp>,
}

impl Tries {
    /// Counts one more try, before it is known whether it is a good one; `Err`: it is not admitted before then, and
    /// is not counted.
    ///
    /// # Errors
    /// The end of the pause.
    pub fn admit(known: Option<Self>, rule: &Throttle, now: Timestamp) -> Result<Self, Timestamp> {
        let known = known.filter(|tries| now.duration_since(tries.last_at) < rule.forget);
        if let Some(end) = known.and_then(|tries| tries.blocked_until).filter(|end| *end > now) {
            return Err(end);
        }
        let count = known.map_or(0, |tries| tries.count).saturating_add(1);
        let pause = rule.pause(count);
        let blocked_until = pause.is_positive().then(|| now.saturating_add(pause).unwrap_or(Timestamp::MAX));
        Ok(Self { count, last_at: now, blocked_until })
    }

    /// Takes back a try that was a good one.
    #[must_use]
    pub fn forgive(self, rule: &Throttle) -> Self {
        let count = self.count.saturating_sub(1);
        // What others are paused for stays.
        let blocked_until = self.blocked_until.filter(|_| count > rule.free);
        Self { count, blocked_until, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Throttle = Throttle::LOGIN_ACCOUNT;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_few_tries_are_free_and_then_pauses_double_up_to_the_longest() {
        let seconds = |tries| RULE.pause(tries).as_secs();
        assert_eq!([1, 5, 6, 7, 8, 9, 10, 11, 1_000].map(seconds), [0, 0, 30, 60, 120, 240, 480, 900, 900]);
        assert_eq!(RULE.pause(u32::MAX).as_secs(), 900);
    }

    #[test]
    fn a_hundred_thousand_tries_a_second_apart_are_refused_but_for_a_few() {
        let (mut tries, mut admitted) = (None, 0);
        for second in 0..100_000 {
            if let Ok(next) = Tries::admit(tries, &RULE, at(second)) {
                tries = Some(next);
                admitted += 1;
            }
        }
        assert!((100..130).contains(&admitted), "{admitted} in 28 hours");
    }

    #[test]
    fn a_pause_ends_and_all_is_forgotten_after_a_day() {
        let mut tries = None;
        for _ in 0..6 {
            tries = Some(Tries::admit(tries, &RULE, at(0)).unwrap());
        }
        assert_eq!(Tries::admit(tries, &RULE, at(29)), Err(at(30)));
        assert_eq!(Tries::admit(tries, &RULE, at(30)).unwrap().count, 7);
        assert_eq!(Tries::admit(tries, &RULE, at(86_400)).unwrap().count, 1);
    }

    #[test]
    fn a_good_try_is_taken_back_but_not_the_pause_of_the_bad_ones() {
        let tries = Tries { count: 6, last_at: at(0), blocked_until: Some(at(30)) };
        assert_eq!(tries.forgive(&RULE), Tries { count: 5, last_at: at(0), blocked_until: None });
        let many = Tries { count: 9, ..tries };
        assert_eq!(many.forgive(&RULE).blocked_until, Some(at(30)));
    }
}
