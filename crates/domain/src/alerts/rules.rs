//! Rules: which figure is watched, from where on it is bad, and when it is good again.
//!
//! A rule that has opened its alert resolves it only when the figure has come back *beyond* the threshold by the
//! margin, or was on the good side for several looks in a row: a figure that hovers around the threshold opens one
//! alert, not a hundred.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Severity;

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleKind {
    /// Of the messages that Meta took, those that arrived.
    DeliveryRateLow,
    /// Of the messages that arrived, those that were read.
    ReadRateLow,
    /// Of those whom a broadcast reached, those who said STOP to it.
    OptOutRateHigh,
    /// Of the calls to Meta that send, those that it refused or did not answer.
    ApiErrorRateHigh,
    /// Of the templates that Meta judged, those that it rejected.
    TemplateRejectionRateHigh,
    /// Minutes without any webhook while messages went out.
    WebhookSilence,
    /// Minutes that the oldest message which is due has been waiting.
    QueueDelayed,
    /// Messages of which nobody knows whether Meta took them, for longer than the window.
    InDoubtWaiting,
}

/// On which side of the threshold it is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    Below,
    Above,
}

/// What a threshold counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// 0 to 1.
    Share,
    Minutes,
    Messages,
}

impl RuleKind {
    /// Every one, by id.
    pub const ALL: [Self; 8] = [
        Self::DeliveryRateLow,
        Self::ReadRateLow,
        Self::OptOutRateHigh,
        Self::ApiErrorRateHigh,
        Self::TemplateRejectionRateHigh,
        Self::WebhookSilence,
        Self::QueueDelayed,
        Self::InDoubtWaiting,
    ];

    /// The rule's id, the same for every tenant.
    pub fn id(self) -> i64 {
        self as i64 + 1
    }

    /// The one with this id.
    pub fn of_id(id: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.id() == id)
    }

    /// Its name, which is the kind of its alerts too.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeliveryRateLow => "delivery_rate_low",
            Self::ReadRateLow => "read_rate_low",
            Self::OptOutRateHigh => "opt_out_rate_high",
            Self::ApiErrorRateHigh => "api_error_rate_high",
            Self::TemplateRejectionRateHigh => "template_rejection_rate_high",
            Self::WebhookSilence => "webhook_silence",
            Self::QueueDelayed => "queue_delayed",
            Self::InDoubtWaiting => "in_doubt_waiting",
        }
    }

    /// On which side it is bad.
    pub fn bad(self) -> Bad {
        match self {
            Self::DeliveryRateLow | Self::ReadRateLow => Bad::Below,
            _ => Bad::Above,
        }
    }

    /// What its threshold counts.
    pub fn unit(self) -> Unit {
        match self {
            Self::WebhookSilence | Self::QueueDelayed => Unit::Minutes,
            Self::InDoubtWaiting => Unit::Messages,
            _ => Unit::Share,
        }
    }

    /// The rule that a tenant has until it changes it: the thresholds are those of the product's monitoring table.
    pub fn usual(self) -> Rule {
        let rule = Rule {
            enabled: true,
            severity: Severity::Warning,
            threshold: 0.0,
            margin: 0.0,
            window_hours: 24,
            settle_hours: 0,
            minimum: 50,
            good_evaluations: 15,
        };
        match self {
            // A telephone that is switched off for an hour is no fault.
            Self::DeliveryRateLow => {
                Rule { threshold: 0.90, margin: 0.02, settle_hours: 1, severity: Severity::Critical, ..rule }
            }
            // Nobody reads everything at once.
            Self::ReadRateLow => {
                Rule { threshold: 0.50, margin: 0.05, window_hours: 72, settle_hours: 24, ..rule }
            }
            Self::OptOutRateHigh => Rule { threshold: 0.05, margin: 0.01, window_hours: 168, ..rule },
            Self::ApiErrorRateHigh => {
                Rule { threshold: 0.02, margin: 0.005, window_hours: 1, severity: Severity::Critical, ..rule }
            }
            Self::TemplateRejectionRateHigh => {
                Rule { threshold: 0.20, margin: 0.05, window_hours: 720, minimum: 5, ..rule }
            }
            Self::WebhookSilence => Rule {
                threshold: 60.0,
                window_hours: 48,
                minimum: 10,
                good_evaluations: 1,
                severity: Severity::Critical,
                ..rule
            },
            Self::QueueDelayed => {
                Rule { threshold: 15.0, margin: 5.0, minimum: 1, good_evaluations: 5, ..rule }
            }
            Self::InDoubtWaiting => {
                Rule { threshold: 0.0, window_hours: 1, minimum: 1, good_evaluations: 1, ..rule }
            }
        }
    }
}

/// A rule as a tenant has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    pub enabled: bool,
    pub severity: Severity,
    /// In the unit of its kind; exactly on it is good.
    pub threshold: f64,
    /// By how much more than good a figure must be to resolve at once.
    pub margin: f64,
    /// How far back it looks, in whole hours; the hour under way comes on top when nothing has to settle.
    pub window_hours: u32,
    /// Messages younger than this are not judged yet: they had no time to arrive or be read.
    pub settle_hours: u32,
    /// With fewer cases nothing is said.
    pub minimum: i64,
    /// So many good looks in a row resolve, margin or not. One look a minute.
    pub good_evaluations: u32,
}

/// What is wrong with a rule: the member, and the problem.
pub type RuleFault = (&'static str, String);

impl Rule {
    /// Everything that is wrong with it.
    pub fn faults(&self, kind: RuleKind) -> Vec<RuleFault> {
        let highest = match kind.unit() {
            Unit::Share => 1.0,
            Unit::Minutes => 10_080.0,
            Unit::Messages => 1_000_000.0,
        };
        let mut faults = Vec::new();
        let mut must = |holds: bool, member, problem: String| {
            if !holds {
                faults.push((member, problem));
            }
        };
        let within = |figure: f64| figure.is_finite() && (0.0..=highest).contains(&figure);
        must(within(self.threshold), "threshold", format!("must be from 0 to {highest}"));
        must(within(self.margin), "margin", format!("must be from 0 to {highest}"));
        must((1..=2_160).contains(&self.window_hours), "window_hours", "must be from 1 to 2160".into());
        must(self.settle_hours <= 168, "settle_hours", "must be from 0 to 168".into());
        must((1..=1_000_000).contains(&self.minimum), "minimum", "must be from 1 to 1000000".into());
        must(
            (1..=1_440).contains(&self.good_evaluations),
            "good_evaluations",
            "must be from 1 to 1440".into(),
        );
        faults
    }

    /// The hours that count now, as `[from, until)` in hours since 1970.
    pub fn hours(&self, now: Timestamp) -> (i64, i64) {
        let hour = hour_of(now);
        let (window, settle) = (i64::from(self.window_hours), i64::from(self.settle_hours));
        if settle == 0 { (hour - window, hour + 1) } else { (hour - settle - window, hour - settle) }
    }

    /// Judges a figure.
    pub fn judge(&self, kind: RuleKind, reading: Reading) -> Verdict {
        if reading.sample < self.minimum {
            return Verdict::Unknown;
        }
        // How far on the bad side.
        let excess = match kind.bad() {
            Bad::Below => self.threshold - reading.value,
            Bad::Above => reading.value - self.threshold,
        };
        if excess > 0.0 {
            return Verdict::Bad;
        }
        // No figure comes further than to the end of its scale.
        let best = match (kind.bad(), kind.unit()) {
            (Bad::Below, Unit::Share) => 1.0 - self.threshold,
            (Bad::Below, _) => f64::INFINITY,
            (Bad::Above, _) => self.threshold,
        };
        if -excess >= self.margin.min(best) { Verdict::Good } else { Verdict::Better }
    }
}

/// The hour of an instant, counted from 1970.
pub fn hour_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3_600)
}

/// A figure, and out of how many cases it was made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    pub value: f64,
    pub sample: i64,
}

impl Reading {
    /// The share of `part` in `whole`; 0 of nothing.
    pub fn share(part: i64, whole: i64) -> Self {
        let value = if whole > 0 { part as f64 / whole as f64 } else { 0.0 };
        Self { value, sample: whole.max(0) }
    }
}

/// What a figure says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Bad,
    /// On the good side, but not by the margin.
    Better,
    Good,
    /// Too few cases.
    Unknown,
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Stay,
    Open,
    Resolve,
}

/// Good looks in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Streak(u32);

impl Streak {
    /// One more look; `open` tells whether the alert is. When there is nothing to judge any more, an alert ends as by a
    /// figure that is just good: nobody could ever prove the opposite.
    pub fn look(&mut self, open: bool, verdict: Verdict, rule: &Rule) -> Step {
        match (open, verdict) {
            (false, Verdict::Bad) => {
                self.0 = 0;
                Step::Open
            }
            (false, _) => Step::Stay,
            (true, Verdict::Bad) => {
                self.0 = 0;
                Step::Stay
            }
            (true, Verdict::Good) => {
                self.0 = 0;
                Step::Resolve
            }
            (true, Verdict::Better | Verdict::Unknown) => {
                self.0 += 1;
                if self.0 < rule.good_evaluations {
                    return Step::Stay;
                }
                self.0 = 0;
                Step::Resolve
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reading(value: f64) -> Reading {
        Reading { value, sample: 1_000 }
    }

    #[test]
    fn the_thresholds_are_those_of_the_monitoring_table() {
        let table = RuleKind::ALL.map(|kind| (kind.as_str(), kind.bad(), kind.usual().threshold));
        assert_eq!(
            table[..5],
            [
                ("delivery_rate_low", Bad::Below, 0.90),
                ("read_rate_low", Bad::Below, 0.50),
                ("opt_out_rate_high", Bad::Above, 0.05),
                ("api_error_rate_high", Bad::Above, 0.02),
                ("template_rejection_rate_high", Bad::Above, 0.20),
            ]
        );
        for kind in RuleKind::ALL {
            assert_eq!(kind.usual().faults(kind), [], "{kind:?}");
            assert_eq!(RuleKind::of_id(kind.id()), Some(kind));
        }
    }

    #[test]
    fn exactly_on_the_threshold_is_good_but_not_by_the_margin() {
        let (kind, rule) = (RuleKind::DeliveryRateLow, RuleKind::DeliveryRateLow.usual());
        assert_eq!(rule.judge(kind, reading(0.899)), Verdict::Bad);
        assert_eq!(rule.judge(kind, reading(0.90)), Verdict::Better);
        assert_eq!(rule.judge(kind, reading(0.93)), Verdict::Good);
        assert_eq!(rule.judge(kind, Reading { value: 0.0, sample: 49 }), Verdict::Unknown);
    }

    #[test]
    fn a_margin_that_no_figure_can_reach_is_reached_at_the_end_of_the_scale() {
        let rule = Rule { margin: 0.5, ..RuleKind::DeliveryRateLow.usual() };
        assert_eq!(rule.judge(RuleKind::DeliveryRateLow, reading(1.0)), Verdict::Good);
        let rule = Rule { margin: 0.5, ..RuleKind::ApiErrorRateHigh.usual() };
        assert_eq!(rule.judge(RuleKind::ApiErrorRateHigh, reading(0.0)), Verdict::Good);
    }

    #[test]
    fn what_has_to_settle_is_judged_hours_later_and_the_rest_at_once() {
        let now: Timestamp = "2026-11-22T10:59:59Z".parse().unwrap();
        let hour = hour_of(now);
        assert_eq!(RuleKind::ApiErrorRateHigh.usual().hours(now), (hour - 1, hour + 1));
        assert_eq!(RuleKind::DeliveryRateLow.usual().hours(now), (hour - 25, hour - 1));
    }

    #[test]
    fn a_figure_that_hovers_opens_one_alert() {
        let (kind, rule) = (RuleKind::ApiErrorRateHigh, RuleKind::ApiErrorRateHigh.usual());
        let (mut streak, mut open, mut opened) = (Streak::default(), false, 0);
        for look in 0..1_000 {
            let verdict = rule.judge(kind, reading(if look % 2 == 0 { 0.021 } else { 0.019 }));
            match streak.look(open, verdict, &rule) {
                Step::Open => (open, opened) = (true, opened + 1),
                Step::Resolve => open = false,
                Step::Stay => {}
            }
        }
        assert_eq!(opened, 1);
    }

    fn rules() -> impl Strategy<Value = (RuleKind, Rule)> {
        (0..RuleKind::ALL.len(), 0.0..1.0f64, 0.0..1.0f64, 1i64..100, 1u32..20).prop_map(
            |(kind, threshold, margin, minimum, good_evaluations)| {
                let kind = RuleKind::ALL[kind];
                (kind, Rule { threshold, margin, minimum, good_evaluations, ..kind.usual() })
            },
        )
    }

    proptest! {
        #[test]
        fn a_figure_that_stays_never_flaps(
            (kind, rule) in rules(), value in 0.0..1.0f64, sample in 0i64..200, begins_open: bool,
        ) {
            let (mut streak, mut open, mut moves) = (Streak::default(), begins_open, 0);
            for _ in 0..200 {
                match streak.look(open, rule.judge(kind, Reading { value, sample }), &rule) {
                    Step::Stay => {}
                    Step::Open => { prop_assert!(!open); open = true; moves += 1; }
                    Step::Resolve => { prop_assert!(open); open = false; moves += 1; }
                }
            }
            prop_assert!(moves <= 1, "{moves} moves");
            // And it comes to rest where the figure says.
            let bad = rule.judge(kind, Reading { value, sample }) == Verdict::Bad;
            prop_assert_eq!(open, bad);
        }

        #[test]
        fn an_alert_opens_on_bad_alone_and_never_resolves_on_bad(
            (kind, rule) in rules(), figures in proptest::collection::vec((0.0..1.0f64, 0i64..200), 1..200),
        ) {
            let (mut streak, mut open) = (Streak::default(), false);
            for (value, sample) in figures {
                let verdict = rule.judge(kind, Reading { value, sample });
                match streak.look(open, verdict, &rule) {
                    Step::Stay => {}
                    Step::Open => { prop_assert_eq!(verdict, Verdict::Bad); open = true; }
                    Step::Resolve => { prop_assert_ne!(verdict, Verdict::Bad); open = false; }
                }
            }
        }

        #[test]
        fn a_better_figure_is_never_judged_worse((kind, rule) in rules(), a in 0.0..1.0f64, b in 0.0..1.0f64) {
            let rank = |value| match rule.judge(kind, reading(value)) {
                Verdict::Bad => 0,
                Verdict::Better => 1,
                Verdict::Good => 2,
                Verdict::Unknown => unreachable!("a thousand cases are enough"),
            };
            let (low, high) = (a.min(b), a.max(b));
            match kind.bad() {
                Bad::Below => prop_assert!(rank(high) >= rank(low)),
                Bad::Above => prop_assert!(rank(low) >= rank(high)),
            }
        }
    }
}
