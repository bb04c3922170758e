//! What to do with the outcome of a call to Meta. Pure: the lane acts on the decision.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::pacing::{account_pause, pair_delay};

/// Whom a throttle concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThrottleScope {
    /// The phone number's throughput (130429).
    Number,
    /// This number and this contact (131056).
    Pair,
    /// The WhatsApp Business Account (80007, 131048).
    Account,
    /// The app (4).
    App,
}

/// What kind of no it was. Mirrors Meta's codes by what follows from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Too fast; the same request is good later.
    Throttled { scope: ThrottleScope },
    /// Meta's own trouble; the same request is good later.
    Retryable,
    /// 131026 and its like.
    RecipientUnreachable,
    /// 131047.
    WindowClosed,
    /// Unknown, paused, disabled template.
    TemplateUnusable,
    /// Parameters do not fit the template.
    TemplateParams,
    /// Token or permission: nothing can be sent until somebody acts.
    ConnectionBroken,
    /// Account locked or restricted.
    AccountRestricted,
    /// No valid payment.
    PaymentRequired,
    /// 131049: Meta holds back marketing for this person; at the earliest again after 24 h.
    MarketingLimited,
    /// 131050: the person stopped marketing.
    MarketingStopped,
    /// The file could not be used.
    MediaFault,
    /// Any other no: the same request stays wrong.
    Rejected,
}

/// How a call to Meta ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Meta took it.
    Accepted,
    /// Meta said no.
    Refused { kind: FailureKind, code: i64, is_template: bool },
    /// The request certainly did not leave.
    NotSent,
    /// It may have been accepted.
    Unknown,
}

/// What is known besides the outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    /// Calls made so far that count, this one included.
    pub attempt: u32,
    /// 131056 answers in a row for this contact before this one.
    pub pair_throttles: u32,
    /// For how long Meta has not been reached for this message: since it was accepted, or since the last answer of
    /// Meta to anything, whichever is later. A message that waited for days behind a broken token is not given up
    /// at the first failed connection.
    pub unreached: SignedDuration,
    /// How often in a row Meta told this account to pause (131048, 80007), before this answer.
    pub account_pauses: u32,
    /// Meta throttled this number before, and it is not back at its rate.
    pub slowed: bool,
    /// In `[0, 1)`.
    pub jitter: f64,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Done.
    Sent,
    /// Try again after this time.
    Retry { after: SignedDuration, costs_attempt: bool },
    /// Slow the whole number down and try again after this time; costs no attempt.
    SlowDown { after: SignedDuration },
    /// Only this contact waits; costs no attempt.
    DelayContact { after: SignedDuration },
    /// Stop the connection; the message keeps its place.
    Halt,
    /// Final.
    Fail {
        /// Flag the contact for review.
        flag_contact: bool,
        /// Record that the person stopped marketing.
        marketing_stop: bool,
        /// No new attempt before this time.
        not_before: Option<SignedDuration>,
    },
    /// Wait for a status webhook to tell.
    InDoubt,
}

/// Calls to Meta for one message when Meta has trouble of its own.
pub const MAX_ATTEMPTS: u32 = 8;
/// How long a message is tried while Meta cannot be reached at all.
pub const UNREACHABLE_FOR: SignedDuration = SignedDuration::from_hours(24);
/// First wait after a failure; doubles each time.
const BASE: SignedDuration = SignedDuration::from_secs(1);
/// Longest wait between two tries.
const LONGEST: SignedDuration = SignedDuration::from_mins(15);
/// Longest wait between two tries while Meta cannot be reached: everything goes out soon after it is back.
const LONGEST_UNREACHED: SignedDuration = SignedDuration::from_secs(30);

/// Decides.
pub fn decide(outcome: &Outcome, facts: Facts) -> Decision {
    match outcome {
        Outcome::Accepted => Decision::Sent,
        Outcome::Unknown => Decision::InDoubt,
        Outcome::NotSent if facts.unreached >= UNREACHABLE_FOR => fail(),
        // No call was made, so it costs no attempt: those are for Meta's own trouble, which often follows.
        Outcome::NotSent => {
            Decision::Retry { after: unreached_delay(facts.unreached, facts.jitter), costs_attempt: false }
        }
        Outcome::Refused { kind, is_template, .. } => refused(*kind, *is_template, facts),
    }
}

fn refused(kind: FailureKind, is_template: bool, facts: Facts) -> Decision {
    match kind {
        FailureKind::Throttled { scope: ThrottleScope::Pair } => {
            Decision::DelayContact { after: pair_delay(facts.pair_throttles) }
        }
        FailureKind::Throttled { scope } => Decision::SlowDown { after: throttle_delay(scope, facts) },
        FailureKind::Retryable if facts.attempt >= MAX_ATTEMPTS => fail(),
        FailureKind::Retryable => {
            Decision::Retry { after: backoff(facts.attempt, facts.jitter), costs_attempt: true }
        }
        FailureKind::ConnectionBroken | FailureKind::AccountRestricted | FailureKind::PaymentRequired => {
            Decision::Halt
        }
        FailureKind::RecipientUnreachable => flagged(),
        // A template needs no window: for one, this code means that the person cannot be reached.
        FailureKind::WindowClosed if is_template => flagged(),
        FailureKind::MarketingLimited => Decision::Fail {
            flag_contact: false,
            marketing_stop: false,
            not_before: Some(SignedDuration::from_hours(24)),
        },
        FailureKind::MarketingStopped => {
            Decision::Fail { flag_contact: false, marketing_stop: true, not_before: None }
        }
        FailureKind::WindowClosed
        | FailureKind::TemplateUnusable
        | FailureKind::TemplateParams
        | FailureKind::MediaFault
        | FailureKind::Rejected => fail(),
    }
}

fn fail() -> Decision {
    Decision::Fail { flag_contact: false, marketing_stop: false, not_before: None }
}

fn flagged() -> Decision {
    Decision::Fail { flag_contact: true, marketing_stop: false, not_before: None }
}

/// Wait after the `attempt`th failure: doubles from 1 s to 15 min, of which a random half is kept, so that messages that failed
/// together do not come back together.
pub fn backoff(attempt: u32, jitter: f64) -> SignedDuration {
    let doublings = attempt.saturating_sub(1).min(20);
    let full = BASE.saturating_mul(1 << doublings).min(LONGEST);
    full.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

/// Wait after a try that did not reach Meta: grows with the outage, from half a second to half a minute.
fn unreached_delay(unreached: SignedDuration, jitter: f64) -> SignedDuration {
    (unreached / 4).clamp(BASE, LONGEST_UNREACHED).mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

fn throttle_delay(scope: ThrottleScope, facts: Facts) -> SignedDuration {
    let base = match scope {
        // Two messages may have come too close on their way: a reply that comes now shall not wait for long.
        ThrottleScope::Number if !facts.slowed => SignedDuration::from_millis(500),
        ThrottleScope::Number | ThrottleScope::Pair => SignedDuration::from_secs(1),
        ThrottleScope::Account => account_pause(facts.account_pauses),
        ThrottleScope::App => SignedDuration::from_secs(30),
    };
    base.mul_f64(1.0 + 0.5 * facts.jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(attempt: u32) -> Facts {
        Facts {
            attempt,
            pair_throttles: 0,
            unreached: SignedDuration::ZERO,
            account_pauses: 0,
            slowed: false,
            jitter: 0.0,
        }
    }

    fn refusal(kind: FailureKind, is_template: bool) -> Decision {
        decide(&Outcome::Refused { kind, code: 1, is_template }, facts(1))
    }

    #[test]
    fn each_kind_of_refusal_has_its_consequence() {
        use FailureKind as Kind;
        let table = [
            (Kind::ConnectionBroken, true, Decision::Halt),
            (Kind::AccountRestricted, true, Decision::Halt),
            (Kind::PaymentRequired, true, Decision::Halt),
            (Kind::RecipientUnreachable, true, flagged()),
            (Kind::WindowClosed, true, flagged()),
            (Kind::WindowClosed, false, fail()),
            (Kind::TemplateUnusable, true, fail()),
            (Kind::TemplateParams, true, fail()),
            (Kind::MediaFault, false, fail()),
            (Kind::Rejected, false, fail()),
            (
                Kind::MarketingStopped,
                true,
                Decision::Fail { flag_contact: false, marketing_stop: true, not_before: None },
            ),
            (
                Kind::MarketingLimited,
                true,
                Decision::Fail {
                    flag_contact: false,
                    marketing_stop: false,
                    not_before: Some(SignedDuration::from_hours(24)),
                },
            ),
        ];
        for (kind, is_template, expected) in table {
            assert_eq!(refusal(kind, is_template), expected, "{kind:?}");
        }
    }

    #[test]
    fn a_throttle_costs_no_attempt_and_a_pair_throttle_delays_the_contact_alone() {
        let number = FailureKind::Throttled { scope: ThrottleScope::Number };
        let slow_down = |millis| Decision::SlowDown { after: SignedDuration::from_millis(millis) };
        assert_eq!(refusal(number, true), slow_down(500));
        let again = Outcome::Refused { kind: number, code: 130_429, is_template: true };
        assert_eq!(decide(&again, Facts { slowed: true, ..facts(1) }), slow_down(1_000));
        let pair = FailureKind::Throttled { scope: ThrottleScope::Pair };
        let outcome = Outcome::Refused { kind: pair, code: 131_056, is_template: true };
        for (before, seconds) in [(0, 1), (1, 4), (2, 16), (3, 64), (60, 4096)] {
            assert_eq!(
                decide(&outcome, Facts { pair_throttles: before, ..facts(1) }),
                Decision::DelayContact { after: SignedDuration::from_secs(seconds) }
            );
        }
    }

    #[test]
    fn metas_own_trouble_is_retried_with_growing_waits_and_given_up_at_last() {
        let outcome = Outcome::Refused { kind: FailureKind::Retryable, code: 131_000, is_template: true };
        let waits: Vec<_> = (1..MAX_ATTEMPTS)
            .map(|attempt| match decide(&outcome, facts(attempt)) {
                Decision::Retry { after, costs_attempt: true } => after,
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(waits.windows(2).all(|pair| pair[0] < pair[1]), "{waits:?}");
        assert_eq!(decide(&outcome, facts(MAX_ATTEMPTS)), fail());
        assert!(backoff(60, 0.99) <= LONGEST);
    }

    #[test]
    fn an_unreachable_meta_is_tried_for_a_day() {
        let after = |hours| {
            let unreached = SignedDuration::from_hours(hours);
            match decide(&Outcome::NotSent, Facts { unreached, jitter: 1.0, ..facts(50) }) {
                Decision::Retry { after, costs_attempt: false } => after,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!((after(0).as_secs(), after(1).as_secs(), after(23).as_secs()), (1, 30, 30));
        let old = Facts { unreached: UNREACHABLE_FOR, ..facts(50) };
        assert_eq!(decide(&Outcome::NotSent, old), fail());
    }

    #[test]
    fn an_account_that_is_told_to_pause_again_pauses_longer() {
        let account = FailureKind::Throttled { scope: ThrottleScope::Account };
        let outcome = Outcome::Refused { kind: account, code: 131_048, is_template: true };
        for (before, minutes) in [(0, 1), (1, 5), (2, 15), (3, 60), (30, 60)] {
            assert_eq!(
                decide(&outcome, Facts { account_pauses: before, ..facts(1) }),
                Decision::SlowDown { after: SignedDuration::from_mins(minutes) }
            );
        }
    }

    #[test]
    fn a_lost_answer_is_never_sent_again() {
        assert_eq!(decide(&Outcome::Unknown, facts(1)), Decision::InDoubt);
    }
}
