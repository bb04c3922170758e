//! Every fault and setting by name. All are optional in `PUT /_sim/faults`; an unknown name is refused.

use serde::{Deserialize, Serialize};

use super::odds::{Latency, PairLimit, odds};

/// What goes wrong from now on, and how quickly the simulated world moves. Rates are odds from 0 to 1 and may
/// be written as true or false; times are milliseconds unless the name says otherwise.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    // --- the Graph API's answers ---
    /// Time until the API answers (after a message was accepted).
    pub latency_ms: u64,
    /// Spread of the latency.
    pub latency_jitter_ms: u64,
    /// `uniform`, `exponential` or `lognormal`.
    pub latency_distribution: Latency,
    /// Odds that a send is refused with `error_code` (nothing is accepted).
    #[serde(deserialize_with = "odds")]
    pub error_rate: f64,
    /// Meta's code for `error_rate`; 131000 unless told.
    pub error_code: i64,
    /// HTTP status for `error_rate`; Meta's own for the code unless told.
    pub error_status: Option<u16>,
    /// `messages` (default) or `all` calls are hit by `error_rate`.
    pub error_on: String,
    /// Odds that the connection is closed without an answer *after* the message was accepted.
    #[serde(deserialize_with = "odds")]
    pub cut_after_accept_rate: f64,
    /// Odds that the connection is closed without an answer and nothing was accepted.
    #[serde(deserialize_with = "odds")]
    pub cut_before_accept_rate: f64,
    /// Odds that a send is accepted and then never answered (for an hour).
    #[serde(deserialize_with = "odds")]
    pub hang_rate: f64,
    /// Odds that an accepted send is answered by a broken body.
    #[serde(deserialize_with = "odds")]
    pub garbled_answer_rate: f64,

    // --- limits ---
    /// Messages per second and number; 0 is no limit. Unset: what the number has (80, or 1,000 when HIGH).
    pub throughput_per_second: Option<u32>,
    /// Messages per `throughput_period_seconds`, instead of per second.
    pub throughput_count: Option<u32>,
    /// Length of the throughput's window.
    pub throughput_period_seconds: f64,
    /// true (Meta's 45 at once, then one in 6 s), false, a burst, or `{burst, period_seconds}`.
    pub pair_limit: PairLimit,
    /// Calls per hour and app before code 4 (sends included); 0 is no limit.
    pub app_calls_per_hour: u32,
    /// Sends per hour and WABA before 80007; 0 is no limit.
    pub waba_calls_per_hour: u32,
    /// Management calls per hour, app and WABA before 80008 (Meta: 5,000 with a registered number).
    pub management_calls_per_hour: u32,
    /// TIER_250, TIER_2K, TIER_10K, TIER_100K or TIER_UNLIMITED for every portfolio; unset: its own.
    pub tier: Option<String>,
    /// Where the tier limit shows: `once` or `status` (131048).
    pub tier_error_at: String,

    // --- rules ---
    /// Where a closed window shows: `status` (as Meta usually does) or `once`.
    pub window_error_at: String,
    /// Accept unknown template names, media ids, message ids and upload handles.
    pub lenient_references: bool,
    /// The marketing endpoint answers 134101 for templates younger than 10 minutes.
    pub marketing_sync: bool,

    // --- what becomes of accepted messages ---
    /// false: no status is ever sent.
    pub statuses: bool,
    /// Time to `sent`.
    pub sent_ms: u64,
    /// Time from `sent` to `delivered`.
    pub delivered_ms: u64,
    /// Time from `delivered` to `read`.
    pub read_ms: u64,
    /// Even spread added to each of the three.
    pub status_jitter_ms: u64,
    /// Odds that a customer without own odds reads.
    #[serde(deserialize_with = "odds")]
    pub read_rate: f64,
    /// Odds that a customer answers with a text.
    #[serde(deserialize_with = "odds")]
    pub reply_rate: f64,
    /// Odds that a customer taps a button or list row when there is one.
    #[serde(deserialize_with = "odds")]
    pub tap_rate: f64,
    /// Odds that a customer writes STOP.
    #[serde(deserialize_with = "odds")]
    pub stop_rate: f64,
    /// Odds that an accepted message fails later with `failure_code`.
    #[serde(deserialize_with = "odds")]
    pub failure_rate: f64,
    /// Code for `failure_rate`; 131026 unless told.
    pub failure_code: i64,
    /// Share of customers who are not on WhatsApp (131026). A customer is or is not: another message does not change
    /// it, the seed does. Customers who were set, and magic numbers, are what they are.
    #[serde(deserialize_with = "odds")]
    pub not_on_whatsapp_rate: f64,
    /// Where that shows: `once`, `status`, or `either`, half of them so and half so.
    pub not_on_whatsapp_at: String,
    /// Odds that a message stays at `sent` for ever.
    #[serde(deserialize_with = "odds")]
    pub never_delivered_rate: f64,
    /// Odds that `read` comes without `delivered`.
    #[serde(deserialize_with = "odds")]
    pub read_without_delivered_rate: f64,
    /// Odds that `failed` follows `delivered` (a second device of the customer).
    #[serde(deserialize_with = "odds")]
    pub delivered_and_failed_rate: f64,
    /// Odds that a marketing template is held for quality assessment.
    #[serde(deserialize_with = "odds")]
    pub held_rate: f64,
    /// How long a held message is held.
    pub held_ms: u64,
    /// What becomes of held messages: `release` or `drop` (failed 132015).
    pub held_outcome: String,

    // --- webhooks ---
    /// Odds that a POST is sent twice.
    #[serde(deserialize_with = "odds")]
    pub webhook_duplicate_rate: f64,
    /// Odds that an item is moved out of its order (true: all are).
    #[serde(deserialize_with = "odds")]
    pub webhook_reorder: f64,
    /// How far `webhook_reorder` moves an item at most.
    pub webhook_reorder_ms: u64,
    /// Odds that a POST is lost for good.
    #[serde(deserialize_with = "odds")]
    pub webhook_loss_rate: f64,
    /// Delay of every POST.
    pub webhook_delay_ms: u64,
    /// Odds that a POST comes late by `webhook_late_ms`.
    #[serde(deserialize_with = "odds")]
    pub webhook_late_rate: f64,
    /// See `webhook_late_rate`.
    pub webhook_late_ms: u64,
    /// `good`, `wrong`, `missing`, `sha1`, `truncated` or `foreign` (signed with another app's secret).
    pub webhook_signature: String,
    /// How long items are gathered into one POST.
    pub webhook_batch_ms: u64,
    /// Most items in one POST (Meta: 1,000).
    pub webhook_batch_max: usize,
    /// First wait before a POST is repeated; doubles each time.
    pub webhook_retry_base_ms: u64,
    /// Longest wait before a POST is repeated.
    pub webhook_retry_cap_ms: u64,
    /// How long an answer to a webhook is waited for.
    pub webhook_timeout_ms: u64,
    /// Send raw UTF-8 instead of escaped unicode (signed as sent).
    pub webhook_raw_utf8: bool,
    /// `v24` (no `conversation`) or `v23`.
    pub dialect: String,
    /// Business-scoped user ids in webhooks and answers.
    pub bsuid: bool,
    /// false leaves the `contacts` array out.
    pub webhook_contacts: bool,
    /// Adds fields that no documentation knows.
    pub webhook_unknown_fields: bool,

    // --- bookkeeping ---
    /// false keeps no bodies in the ledger.
    pub ledger_bodies: bool,
    /// How new and edited templates are reviewed.
    pub review: Review,
}

/// The automatic template review.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Review {
    /// Time until the verdict; null: the template stays PENDING until `POST /_sim/templates/{name}/review`.
    pub delay_ms: Option<u64>,
    /// APPROVED or REJECTED.
    pub verdict: String,
    /// `rejected_reason` when the verdict is REJECTED.
    pub reason: String,
}

impl Default for Review {
    fn default() -> Self {
        Self { delay_ms: Some(15_000), verdict: "APPROVED".into(), reason: "INVALID_FORMAT".into() }
    }
}

impl Faults {
    pub(crate) fn latency(&self, entropy: &crate::entropy::Entropy) -> u64 {
        self.latency_distribution.draw(self.latency_ms, self.latency_jitter_ms, entropy)
    }

    /// Sets the pair limit: messages at once (0: no limit) and seconds per further message.
    pub fn with_pair_limit(mut self, burst: u32, period_seconds: f64) -> Self {
        self.pair_limit = PairLimit { burst, period_seconds };
        self
    }

    /// No throughput, pair or hourly limit: for load tests.
    pub fn without_limits(mut self) -> Self {
        self.throughput_per_second = Some(0);
        self.management_calls_per_hour = 0;
        self.tier = Some("TIER_UNLIMITED".into());
        self.with_pair_limit(0, 6.0)
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            latency_ms: 0,
            latency_jitter_ms: 0,
            latency_distribution: Latency::Uniform,
            error_rate: 0.0,
            error_code: 131000,
            error_status: None,
            error_on: "messages".into(),
            cut_after_accept_rate: 0.0,
            cut_before_accept_rate: 0.0,
            hang_rate: 0.0,
            garbled_answer_rate: 0.0,
            throughput_per_second: None,
            throughput_count: None,
            throughput_period_seconds: 1.0,
            pair_limit: PairLimit::default(),
            app_calls_per_hour: 0,
            waba_calls_per_hour: 0,
            management_calls_per_hour: 5_000,
            tier: None,
            tier_error_at: "status".into(),
            window_error_at: "status".into(),
            lenient_references: false,
            marketing_sync: false,
            statuses: true,
            sent_ms: 5,
            delivered_ms: 15,
            read_ms: 40,
            status_jitter_ms: 0,
            read_rate: 1.0,
            reply_rate: 0.0,
            tap_rate: 0.0,
            stop_rate: 0.0,
            failure_rate: 0.0,
            failure_code: 131026,
            not_on_whatsapp_rate: 0.0,
            not_on_whatsapp_at: "status".into(),
            never_delivered_rate: 0.0,
            read_without_delivered_rate: 0.0,
            delivered_and_failed_rate: 0.0,
            held_rate: 0.0,
            held_ms: 1_000,
            held_outcome: "release".into(),
            webhook_duplicate_rate: 0.0,
            webhook_reorder: 0.0,
            webhook_reorder_ms: 200,
            webhook_loss_rate: 0.0,
            webhook_delay_ms: 0,
            webhook_late_rate: 0.0,
            webhook_late_ms: 2_000,
            webhook_signature: "good".into(),
            webhook_batch_ms: 5,
            webhook_batch_max: 1_000,
            webhook_retry_base_ms: 200,
            webhook_retry_cap_ms: 10_000,
            webhook_timeout_ms: 10_000,
            webhook_raw_utf8: false,
            dialect: "v24".into(),
            bsuid: true,
            webhook_contacts: true,
            webhook_unknown_fields: false,
            ledger_bodies: true,
            review: Review::default(),
        }
    }
}
