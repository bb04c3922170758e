//! Telling somebody of alerts: together, again when it failed, and not for ever.

use jiff::{SignedDuration, Timestamp};

/// What happens within this time after the first is told in the same message.
pub const GATHER: SignedDuration = SignedDuration::from_secs(30);
/// How long it is tried.
pub const PATIENCE: SignedDuration = SignedDuration::from_hours(24);
/// The first wait after a failure; each is twice the one before it.
const FIRST: i64 = 30;
/// The longest wait.
const LONGEST: i64 = 3_600;

/// When to try again after `attempts` failures (at least one) of something that happened at `since`; `None`: no more.
pub fn again(attempts: u32, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let wait = FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(LONGEST);
    let next = now.saturating_add(SignedDuration::from_secs(wait)).ok()?;
    let end = since.saturating_add(PATIENCE).ok()?;
    (next <= end).then_some(next)
}

/// Telephone numbers in a text made unreadable but for their ends, for whatever leaves this server by mail or hook:
/// every run of seven digits or more behind a `+`.
pub fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('+') {
        let (before, number) = rest.split_at(start + 1);
        masked.push_str(before);
        let length = number.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(number.len());
        let (digits, behind) = number.split_at(length);
        if digits.len() < 7 {
            masked.push_str(digits);
        } else {
            masked.push_str(&digits[..2]);
            masked.extend(std::iter::repeat_n('•', digits.len() - 4));
            masked.push_str(&digits[digits.len() - 2..]);
        }
        rest = behind;
    }
    masked.push_str(rest);
    masked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn it_is_tried_for_a_day_and_never_longer() {
        let (mut now, mut attempts) = (at(0), 0);
        while let Some(next) = again(attempts + 1, at(0), now) {
            assert!(next > now && next <= at(86_400));
            (now, attempts) = (next, attempts + 1);
        }
        assert!(now > at(86_400 - 3_600), "gave up early, at {now}");
        assert!((20..60).contains(&attempts), "{attempts}");
    }

    #[test]
    fn a_number_keeps_its_ends_alone() {
        assert_eq!(masked("to +15551234567, +4912"), "to +15•••••••67, +4912");
        assert_eq!(masked("1 + 2 = 3"), "1 + 2 = 3");
    }

    proptest! {
        #[test]
        fn no_long_run_of_digits_behind_a_plus_survives(text in "[+0-9 a-z]{0,60}") {
            let masked = masked(&text);
            for piece in masked.split('+').skip(1) {
                let digits = piece.chars().take_while(char::is_ascii_digit).count();
                prop_assert!(digits < 7, "{masked}");
            }
        }
    }
}
