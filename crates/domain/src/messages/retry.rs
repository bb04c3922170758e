//! What to do with the outcome of an attempt.
//!
//! One pure function: the lane calls Meta, hands the outcome in and does what the answer says. Rules of the house:
//! a throttle costs no attempt, an answer that was lost is never resent blindly, and what Meta refuses for good is
//! not asked again. Source of the kinds: Meta, "Error codes".

use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::pacing::pair_delay;

/// Attempts in all that a message gets for faults at Meta's side.
pub const MAX_ATTEMPTS: u32 = 8;
/// Pause after the first fault; doubled with each further one.
const BASE: SignedDuration = SignedDuration::from_secs(1);
/// The longest pause between two attempts.
const LONGEST: SignedDuration = SignedDuration::from_mins(15);
/// How long a message that never left the house is tried.
const NOT_SENT_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Meta's own advice for 131049: not before a day has passed.
const MARKETING_PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// Whose limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThrottleScope {
    /// The sending number's throughput (130429).
    Number,
    /// This number towards this one recipient (131056).
    Pair,
    /// The WhatsApp Business Account (80007).
    Account,
    /// The app (4).
    App,
}

/// What a refusal means, as the gateway classified it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum FailureKind {
    /// Too fast; the same request passes later.
    Throttled { scope: ThrottleScope },
    /// A fault at Meta's side; the same request may pass later.
    Retryable,
    /// The recipient cannot be reached on WhatsApp (131026).
    RecipientUnreachable,
    /// Free-form outside the 24-hour window (131047).
    WindowClosed,
    /// The template is missing, paused, disabled or not allowed here.
    TemplateUnusable,
    /// The parameters do not fit the template.
    TemplateParams,
    /// Token, permission or registration: nothing of this connection works until somebody repairs it.
    ConnectionBroken,
    /// Meta restricts the account or the number.
    AccountRestricted,
    /// Nothing is delivered until the billing at Meta is in order.
    PaymentRequired,
    /// Meta holds marketing to this recipient back for now (131049).
    MarketingLimited,
    /// The recipient stopped marketing from this business (131050).
    MarketingStopped,
    /// The media file was refused or could not be fetched (131053).
    MediaFault,
    /// Any other refusal: the same request is refused again.
    Rejected,
}

impl FailureKind {
    /// A word for breakdowns and metrics; scopes of a throttle are not told apart.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttled { .. } => "rate_limited",
            Self::Retryable => "meta_unavailable",
            Self::RecipientUnreachable => "not_on_whatsapp",
            Self::WindowClosed => "window_closed",
            Self::TemplateUnusable => "template_unusable",
            Self::TemplateParams => "template_params",
            Self::ConnectionBroken => "connection_broken",
            Self::AccountRestricted => "account_restricted",
            Self::PaymentRequired => "payment_required",
            Self::MarketingLimited => "marketing_limited",
            Self::MarketingStopped => "marketing_stopped",
            Self::MediaFault => "media_fault",
            Self::Rejected => "rejected",
        }
    }
}

impl FromStr for FailureKind {
    type Err = String;

    /// Reads [`FailureKind::as_str`]; a throttle comes back as the number's.
    fn from_str(text: &str) -> Result<Self, String> {
        [
            Self::Throttled { scope: ThrottleScope::Number },
            Self::Retryable,
            Self::RecipientUnreachable,
            Self::WindowClosed,
            Self::TemplateUnusable,
            Self::TemplateParams,
            Self::ConnectionBroken,
            Self::AccountRestricted,
            Self::PaymentRequired,
            Self::MarketingLimited,
            Self::MarketingStopped,
            Self::MediaFault,
            Self::Rejected,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or_else(|| format!("\"{text}\" is not a kind of failure"))
    }
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Meta took it; `held` for quality assessment, to be released or dropped later by a status.
    Accepted { wamid: String, held: bool },
    /// Meta said no.
    Refused { kind: FailureKind, code: i64, subcode: Option<i64> },
    /// The request certainly did not reach Meta.
    NotSent(String),
    /// The request may have been accepted.
    Unknown(String),
}

/// What else the decision rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    /// A template needs no window, so 131047 on one means that the recipient cannot be reached.
    pub is_template: bool,
    /// Calls made for this message in all, those that cost no attempt included; the present one too.
    pub tries: u32,
    /// Throttles of this number (or account, or app) in a row, the present one not included.
    pub throttles_in_a_row: u32,
    /// 131056 for this contact in a row, the present one not included.
    pub pair_refusals: u32,
    /// Since the message was due for the first time.
    pub age: SignedDuration,
    /// In `[0, 1)`, from [`crate::Entropy::fraction`]: spreads the pauses.
    pub jitter: f64,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            is_template: true,
            tries: 1,
            throttles_in_a_row: 0,
            pair_refusals: 0,
            age: SignedDuration::ZERO,
            jitter: 0.5,
        }
    }
}

/// What the lane does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Done, as far as sending goes.
    Sent,
    /// Back to the queue, due after this; the attempt counts or not.
    RetryAt { after: SignedDuration, costs_attempt: bool },
    /// Back to the queue; the whole number waits this long and slows down. Costs no attempt.
    SlowNumber { after: SignedDuration },
    /// Back to the queue; messages to this contact wait this long, others go on. Costs no attempt.
    DelayContact { after: SignedDuration },
    /// Back to the queue; nothing of this connection is sent until it is reconnected. Costs no attempt.
    HaltConnection,
    /// Failed for good.
    Fail {
        /// The contact waits for a review and is left out until then.
        flag_contact: bool,
        /// The contact's marketing is stopped.
        marketing_stop: bool,
        /// Nobody may send it again before this has passed.
        not_before: Option<SignedDuration>,
    },
    /// Nobody knows; a status webhook, the operator or the tenant's policy will settle it.
    InDoubt,
}

impl Decision {
    const FAIL: Self = Self::Fail { flag_contact: false, marketing_stop: false, not_before: None };
    const NOT_ON_WHATSAPP: Self = Self::Fail { flag_contact: true, marketing_stop: false, not_before: None };
}

/// Decides. `attempt` counts from 1, the present one included, throttled ones not.
pub fn decide(outcome: &Outcome, attempt: u32, facts: &Facts) -> Decision {
    match outcome {
        Outcome::Accepted { .. } => Decision::Sent,
        Outcome::Unknown(_) => Decision::InDoubt,
        Outcome::NotSent(_) if facts.age < NOT_SENT_FOR => {
            Decision::RetryAt { after: backoff(facts.tries, facts.jitter), costs_attempt: false }
        }
        Outcome::NotSent(_) => Decision::FAIL,
        Outcome::Refused { kind, .. } => refused(*kind, attempt, facts),
    }
}

fn refused(kind: FailureKind, attempt: u32, facts: &Facts) -> Decision {
    match kind {
        FailureKind::Throttled { scope } => throttled(scope, facts),
        FailureKind::Retryable if attempt < MAX_ATTEMPTS => {
            Decision::RetryAt { after: backoff(attempt, facts.jitter), costs_attempt: true }
        }
        // A link that could not be fetched is worth one more try, a wrong file is not; Meta has one code for both.
        FailureKind::MediaFault if attempt == 1 => {
            Decision::RetryAt { after: backoff(3, facts.jitter), costs_attempt: true }
        }
        FailureKind::RecipientUnreachable => Decision::NOT_ON_WHATSAPP,
        FailureKind::WindowClosed if facts.is_template => Decision::NOT_ON_WHATSAPP,
        FailureKind::ConnectionBroken | FailureKind::AccountRestricted | FailureKind::PaymentRequired => {
            Decision::HaltConnection
        }
        FailureKind::MarketingLimited => {
            Decision::Fail { flag_contact: false, marketing_stop: false, not_before: Some(MARKETING_PAUSE) }
        }
        FailureKind::MarketingStopped => {
            Decision::Fail { flag_contact: false, marketing_stop: true, not_before: None }
        }
        FailureKind::Retryable
        | FailureKind::MediaFault
        | FailureKind::WindowClosed
        | FailureKind::TemplateUnusable
        | FailureKind::TemplateParams
        | FailureKind::Rejected => Decision::FAIL,
    }
}

fn throttled(scope: ThrottleScope, facts: &Facts) -> Decision {
    match scope {
        ThrottleScope::Number => Decision::SlowNumber {
            after: grown(BASE, facts.throttles_in_a_row, SignedDuration::from_mins(1), facts.jitter),
        },
        // These limits are counted by the hour, so the first pause is longer.
        ThrottleScope::Account | ThrottleScope::App => Decision::SlowNumber {
            after: grown(SignedDuration::from_secs(30), facts.throttles_in_a_row, LONGEST, facts.jitter),
        },
        ThrottleScope::Pair => Decision::DelayContact { after: pair_delay(facts.pair_refusals) },
    }
}

/// The pause after the `attempt`th failure (from 1): doubled each time, at most 15 minutes, the upper half of it
/// spread by the jitter so that messages which failed together do not come back together.
pub fn backoff(attempt: u32, jitter: f64) -> SignedDuration {
    grown(BASE, attempt.saturating_sub(1), LONGEST, jitter)
}

fn grown(base: SignedDuration, doublings: u32, longest: SignedDuration, jitter: f64) -> SignedDuration {
    let whole = base.saturating_mul(1i32 << doublings.min(20)).min(longest);
    let half = whole / 2;
    let spread = i64::try_from(half.as_millis()).unwrap_or(0) as f64 * jitter.clamp(0.0, 1.0);
    whole - half + SignedDuration::from_millis(spread as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(kind: FailureKind) -> Outcome {
        Outcome::Refused { kind, code: 1, subcode: None }
    }

    fn throttle(scope: ThrottleScope) -> FailureKind {
        FailureKind::Throttled { scope }
    }

    fn secs(seconds: i64) -> SignedDuration {
        SignedDuration::from_secs(seconds)
    }

    #[test]
    fn every_kind_of_refusal_has_its_answer() {
        let facts = Facts { jitter: 0.999_999_9, ..Facts::default() };
        let fail = Decision::FAIL;
        let cases = [
            (throttle(ThrottleScope::Pair), Decision::DelayContact { after: secs(1) }),
            (FailureKind::RecipientUnreachable, Decision::NOT_ON_WHATSAPP),
            (FailureKind::WindowClosed, Decision::NOT_ON_WHATSAPP),
            (FailureKind::TemplateUnusable, fail),
            (FailureKind::TemplateParams, fail),
            (FailureKind::ConnectionBroken, Decision::HaltConnection),
            (FailureKind::AccountRestricted, Decision::HaltConnection),
            (FailureKind::PaymentRequired, Decision::HaltConnection),
            (
                FailureKind::MarketingLimited,
                Decision::Fail {
                    flag_contact: false,
                    marketing_stop: false,
                    not_before: Some(SignedDuration::from_hours(24)),
                },
            ),
            (
                FailureKind::MarketingStopped,
                Decision::Fail { flag_contact: false, marketing_stop: true, not_before: None },
            ),
            (FailureKind::Rejected, fail),
        ];
        for (kind, expected) in cases {
            assert_eq!(decide(&refusal(kind), 1, &facts), expected, "{kind:?}");
        }
    }

    #[test]
    fn a_free_form_message_outside_the_window_fails_without_blaming_the_contact() {
        let facts = Facts { is_template: false, ..Facts::default() };
        assert_eq!(decide(&refusal(FailureKind::WindowClosed), 1, &facts), Decision::FAIL);
    }

    #[test]
    fn faults_at_metas_side_are_tried_eight_times() {
        for attempt in 1..8 {
            let decision = decide(&refusal(FailureKind::Retryable), attempt, &Facts::default());
            assert!(matches!(decision, Decision::RetryAt { costs_attempt: true, .. }), "{attempt}");
        }
        assert_eq!(decide(&refusal(FailureKind::Retryable), 8, &Facts::default()), Decision::FAIL);
    }

    #[test]
    fn a_media_fault_is_tried_once_more() {
        let decision = decide(&refusal(FailureKind::MediaFault), 1, &Facts::default());
        assert!(matches!(decision, Decision::RetryAt { costs_attempt: true, .. }));
        assert_eq!(decide(&refusal(FailureKind::MediaFault), 2, &Facts::default()), Decision::FAIL);
    }

    #[test]
    fn a_throttle_costs_no_attempt_however_often_it_comes() {
        for attempt in [1, 8, 1_000] {
            for scope in [ThrottleScope::Number, ThrottleScope::Account, ThrottleScope::App] {
                let facts = Facts { throttles_in_a_row: attempt, ..Facts::default() };
                let decision = decide(&refusal(throttle(scope)), attempt, &facts);
                assert!(matches!(decision, Decision::SlowNumber { .. }), "{scope:?} {attempt}");
            }
        }
    }

    #[test]
    fn the_contact_alone_waits_four_to_the_power_of_its_refusals() {
        let waits: Vec<_> = (0..5)
            .map(|pair_refusals| {
                let facts = Facts { pair_refusals, ..Facts::default() };
                decide(&refusal(throttle(ThrottleScope::Pair)), 1, &facts)
            })
            .collect();
        let expected: Vec<_> =
            [1, 4, 16, 64, 256].map(|s| Decision::DelayContact { after: secs(s) }).into_iter().collect();
        assert_eq!(waits, expected);
    }

    #[test]
    fn a_lost_answer_is_in_doubt_and_never_retried() {
        assert_eq!(decide(&Outcome::Unknown("reset".into()), 1, &Facts::default()), Decision::InDoubt);
    }

    #[test]
    fn what_never_left_the_house_is_tried_for_a_day_at_no_cost() {
        let outcome = Outcome::NotSent("no route".into());
        let young = Facts { tries: 500, age: SignedDuration::from_hours(23), ..Facts::default() };
        assert!(matches!(
            decide(&outcome, 1, &young),
            Decision::RetryAt { costs_attempt: false, after } if after <= LONGEST
        ));
        let old = Facts { age: SignedDuration::from_hours(24), ..young };
        assert_eq!(decide(&outcome, 1, &old), Decision::FAIL);
    }

    #[test]
    fn kinds_are_read_back_from_their_words() {
        for word in ["not_on_whatsapp", "rate_limited", "rejected", "marketing_stopped"] {
            assert_eq!(FailureKind::from_str(word).map(FailureKind::as_str), Ok(word));
        }
        let throttled = serde_json::to_value(throttle(ThrottleScope::Pair)).unwrap();
        assert_eq!(throttled, serde_json::json!({"kind": "throttled", "scope": "pair"}));
    }

    proptest! {
        #[test]
        fn pauses_grow_and_stay_within_half_and_whole(attempt in 1..100u32, jitter in 0.0..1.0f64) {
            let whole = BASE.saturating_mul(1i32 << (attempt - 1).min(20)).min(LONGEST);
            let pause = backoff(attempt, jitter);
            prop_assert!(pause >= whole / 2 && pause <= whole);
            prop_assert!(backoff(attempt + 1, jitter) >= pause);
        }
    }
}
