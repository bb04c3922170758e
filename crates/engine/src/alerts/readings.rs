//! Reading the figures that rules judge.

use domain::alerts::rules::{Reading, Rule, RuleKind, hour_of};
use domain::analytics::Metric;
use domain::{SignedDuration, TenantId, Timestamp};
use ports::analytics::Figure;
use ports::broadcasts::BroadcastFilter;
use ports::{Paging, StoreResult};
use serde_json::{Value, json};

use super::{broadcast_subject, connection_subject};
use crate::Deps;

/// A figure about something, and how to say it.
pub(super) struct Seen {
    pub(super) subject: String,
    pub(super) reading: Reading,
    pub(super) message: String,
    pub(super) details: Value,
}

/// The subject of figures about all of a tenant's messages.
const MESSAGES: &str = "messages";
/// Broadcasts that are looked at, the newest: more are not sent within a week by hand.
const BROADCASTS: u32 = 100;

/// What a rule looks at, read now.
pub(super) struct Reader<'a> {
    pub(super) deps: &'a Deps,
    pub(super) tenant: TenantId,
    pub(super) now: Timestamp,
}

impl Reader<'_> {
    /// Everything that this rule is to judge.
    pub(super) async fn read(&self, kind: RuleKind, rule: &Rule) -> StoreResult<Vec<Seen>> {
        match kind {
            RuleKind::DeliveryRateLow => {
                self.rate(rule, Metric::Delivered, Metric::Sent, "messages that Meta took were delivered")
                    .await
            }
            RuleKind::ReadRateLow => {
                self.rate(rule, Metric::Read, Metric::Delivered, "messages that were delivered were read")
                    .await
            }
            RuleKind::ApiErrorRateHigh => {
                self.rate(rule, Metric::CallErrors, Metric::Calls, "calls to Meta that send failed").await
            }
            RuleKind::OptOutRateHigh => self.opt_outs(rule).await,
            RuleKind::TemplateRejectionRateHigh => self.rejections(rule).await,
            RuleKind::WebhookSilence => self.silence(rule).await,
            RuleKind::QueueDelayed => self.queues(rule).await,
            RuleKind::InDoubtWaiting => self.doubts(rule).await,
        }
    }

    async fn rate(&self, rule: &Rule, part: Metric, whole: Metric, what: &str) -> StoreResult<Vec<Seen>> {
        let (from, until) = rule.hours(self.now);
        let figures = self.deps.store.figures(self.tenant, from, until).await?;
        let (part_count, whole_count) = (sum(&figures, part), sum(&figures, whole));
        let reading = Reading::share(part_count, whole_count);
        let mut details = json!({
            "rate": rounded(reading.value), "threshold": rule.threshold, "count": part_count, "of": whole_count,
            "from": instant(from), "until": instant(until).min(self.now),
        });
        let by_code = if part == Metric::CallErrors { Metric::CallErrors } else { Metric::Errors };
        let errors = largest(&figures, by_code);
        if !errors.is_empty() {
            details["errors"] = json!(errors);
        }
        let message = format!(
            "{} % of {whole_count} {what}; the rule's threshold is {} %",
            percent(reading.value),
            percent(rule.threshold)
        );
        Ok(vec![Seen { subject: MESSAGES.to_owned(), reading, message, details }])
    }

    async fn opt_outs(&self, rule: &Rule) -> StoreResult<Vec<Seen>> {
        let paging = Paging { page: 1, page_size: BROADCASTS, cursor: None };
        let since = self.before(SignedDuration::from_hours(i64::from(rule.window_hours)));
        let page = self.deps.store.broadcasts(self.tenant, &BroadcastFilter::default(), &paging).await?;
        let recent = page.items.into_iter().filter(|one| one.started_at.is_some_and(|at| at >= since));
        Ok(recent
            .map(|one| {
                // Who answers has got it, whether or not the status says so yet.
                let reached = one.counts.delivered.max(one.counts.opted_out);
                let reading = Reading::share(one.counts.opted_out, reached);
                Seen {
                    subject: broadcast_subject(one.id),
                    reading,
                    message: format!(
                        "{} % of {reached} people whom the broadcast \"{}\" reached opted out; the rule's threshold is {} %",
                        percent(reading.value),
                        one.name,
                        percent(rule.threshold)
                    ),
                    details: json!({
                        "broadcast_id": one.id, "broadcast_name": one.name, "rate": rounded(reading.value),
                        "threshold": rule.threshold, "count": one.counts.opted_out, "of": reached,
                    }),
                }
            })
            .collect())
    }

    async fn rejections(&self, rule: &Rule) -> StoreResult<Vec<Seen>> {
        let since = self.before(SignedDuration::from_hours(i64::from(rule.window_hours)));
        let templates = self.deps.store.template_marks(self.tenant).await?;
        let judged: Vec<_> = templates
            .iter()
            .filter(|one| one.updated_at >= since && !matches!(one.status.as_str(), "draft" | "pending"))
            .collect();
        let rejected: Vec<_> = judged.iter().filter(|one| one.status == "rejected").collect();
        let reading = Reading::share(rejected.len() as i64, judged.len() as i64);
        let names: Vec<&str> = rejected.iter().take(20).map(|one| one.name.as_str()).collect();
        let message = format!(
            "Meta rejected {} % of {} templates that it judged; the rule's threshold is {} %",
            percent(reading.value),
            judged.len(),
            percent(rule.threshold)
        );
        let details = json!({
            "rate": rounded(reading.value), "threshold": rule.threshold, "count": rejected.len(),
            "of": judged.len(), "rejected": names,
        });
        Ok(vec![Seen { subject: "templates".to_owned(), reading, message, details }])
    }

    /// Messages that Meta took after the last webhook, and long enough ago to have had one.
    async fn silence(&self, rule: &Rule) -> StoreResult<Vec<Seen>> {
        let connections = self.deps.store.connections(self.tenant).await?;
        let heard = connections.iter().map(|one| one.last_webhook_at.unwrap_or(one.created_at)).max();
        let Some(heard) = heard else { return Ok(Vec::new()) };
        let patience = SignedDuration::from_secs_f64(rule.threshold * 60.0);
        let until = hour_of(self.before(patience));
        let from = Ord::max(hour_of(heard) + 1, until - i64::from(rule.window_hours));
        let sent = match from < until {
            true => sum(&self.deps.store.figures(self.tenant, from, until).await?, Metric::Sent),
            false => 0,
        };
        let minutes = self.now.duration_since(heard).as_mins().max(0);
        Ok(vec![Seen {
            subject: "webhooks".to_owned(),
            reading: Reading { value: minutes as f64, sample: sent },
            message: format!(
                "Nothing has come from Meta for {minutes} minutes, though it took {sent} messages meanwhile: no status, \
                 no answer of a customer. Is the webhook subscribed, and does its URL lead here? Diagnose the connection."
            ),
            details: json!({ "last_webhook_at": heard, "sent_since": sent, "threshold": rule.threshold }),
        }])
    }

    async fn queues(&self, rule: &Rule) -> StoreResult<Vec<Seen>> {
        let backlog = self.deps.store.backlog(self.tenant, self.now).await?;
        Ok(backlog
            .oldest_due
            .into_iter()
            .map(|(connection, due)| {
                let minutes = self.now.duration_since(due).as_mins().max(0);
                Seen {
                    subject: connection_subject(connection),
                    reading: Reading { value: minutes as f64, sample: i64::MAX },
                    message: format!("The oldest message that is due has been waiting for {minutes} minutes"),
                    details: json!({
                        "connection_id": connection, "oldest_due_at": due, "minutes": minutes,
                        "threshold": rule.threshold,
                    }),
                }
            })
            .collect())
    }

    async fn doubts(&self, rule: &Rule) -> StoreResult<Vec<Seen>> {
        let before = self.before(SignedDuration::from_hours(i64::from(rule.window_hours)));
        let count = self.deps.store.backlog(self.tenant, before).await?.in_doubt;
        Ok(vec![Seen {
            subject: MESSAGES.to_owned(),
            reading: Reading { value: count as f64, sample: i64::MAX },
            message: format!(
                "{count} messages have been in doubt for more than {} hours: Meta's answer was lost, and no status came. \
                 Decide on them one by one, or let the tenant's policy do it.",
                rule.window_hours
            ),
            details: json!({ "count": count, "in_doubt_before": before, "threshold": rule.threshold }),
        }])
    }

    fn before(&self, age: SignedDuration) -> Timestamp {
        self.now.saturating_sub(age).unwrap_or(Timestamp::MIN)
    }
}

fn sum(figures: &[Figure], metric: Metric) -> i64 {
    figures.iter().filter(|figure| figure.metric == metric).map(|figure| figure.count).sum()
}

/// The five most frequent of Meta's codes.
fn largest(figures: &[Figure], metric: Metric) -> Vec<Value> {
    let mut of: Vec<&Figure> = figures.iter().filter(|figure| figure.metric == metric).collect();
    of.sort_by_key(|figure| (-figure.count, figure.key));
    of.iter().take(5).map(|figure| json!({ "meta_error_code": figure.key, "count": figure.count })).collect()
}

fn instant(hour: i64) -> Timestamp {
    Timestamp::from_second(hour.saturating_mul(3_600)).unwrap_or(Timestamp::MAX)
}

fn rounded(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}

fn percent(share: f64) -> f64 {
    (share * 1_000.0).round() / 10.0
}
