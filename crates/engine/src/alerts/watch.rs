//! The watch: once a minute every tenant's figures are read and judged, by one node for all.

use std::collections::HashMap;
use std::sync::MutexGuard;
use std::time::Duration;

use domain::alerts::rules::{RuleKind, Step, Streak, Verdict};
use domain::{SignedDuration, TenantId, Timestamp};
use ports::StoreError;
use ports::alerts::{Alert, NewAlert};
use ports::duties::Duty;
use tokio_util::sync::CancellationToken;

use super::readings::{Reader, Seen};
use super::rules::TenantRule;
use super::{Alerts, kinds};

/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How often figures are.
const ROUND: SignedDuration = SignedDuration::from_secs(60);

/// How long the watch is this node's after each look: another one takes over when two were missed.
const TURN: SignedDuration = SignedDuration::from_secs(150);

/// Good looks in a row, of alerts that are open. Lost with the node: an alert then ends a few minutes later.
pub(super) type Streaks = HashMap<(TenantId, RuleKind, String), Streak>;

impl Alerts {
    /// Judges until `stop`.
    pub(super) async fn watch(self, stop: CancellationToken) {
        let mut last: Option<Timestamp> = None;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tick.tick() => {}
            }
            let now = self.deps.clock.now();
            if last.is_some_and(|last| now.duration_since(last).abs() < ROUND) {
                continue;
            }
            last = Some(now);
            if let Err(error) = self.turn().await {
                tracing::warn!(%error, "the figures were not judged");
            }
        }
        // Another node need not wait until the time is over.
        if let Err(error) = self.deps.store.release_duty(Duty::AlertWatch, &self.deps.settings.node).await {
            tracing::warn!(%error, "the watch was not given back");
        }
    }

    /// Looks when the watch is this node's, or nobody's any more; false: another node looks.
    ///
    /// # Errors
    /// As [`Alerts::look`].
    pub async fn turn(&self) -> Result<bool, StoreError> {
        let now = self.deps.clock.now();
        let until = now.saturating_add(TURN).unwrap_or(Timestamp::MAX);
        if !self.deps.store.take_duty(Duty::AlertWatch, &self.deps.settings.node, now, until).await? {
            // Whatever was counted here is old when the watch comes back.
            self.streaks().clear();
            return Ok(false);
        }
        self.look().await?;
        Ok(true)
    }

    /// Looks at every tenant once, whoever else does; one that cannot be read does not keep the others from it.
    ///
    /// # Errors
    /// The store's, when the tenants cannot be told.
    pub async fn look(&self) -> Result<(), StoreError> {
        let now = self.deps.clock.now();
        for tenant in self.deps.store.tenants().await? {
            if let Err(error) = self.look_at(tenant.id, now).await {
                tracing::warn!(tenant.id = %tenant.id, %error, "the figures of a tenant were not judged");
            }
        }
        Ok(())
    }

    async fn look_at(&self, tenant: TenantId, now: Timestamp) -> Result<(), StoreError> {
        let watched: Vec<&str> =
            RuleKind::ALL.iter().map(|kind| kind.as_str()).chain(kinds::OF_MARKS).collect();
        let open = self.deps.store.open_alerts(tenant, &watched).await?;
        let reader = Reader { deps: &self.deps, tenant, now };
        for rule in self.rules(tenant).await? {
            let open: Vec<&Alert> = open.iter().filter(|alert| alert.kind == rule.kind.as_str()).collect();
            let seen = if rule.rule.enabled { reader.read(rule.kind, &rule.rule).await? } else { Vec::new() };
            self.judge(tenant, &rule, seen, &open, now).await?;
        }
        self.compare(tenant, &open, now).await
    }

    async fn judge(
        &self,
        tenant: TenantId,
        rule: &TenantRule,
        seen: Vec<Seen>,
        open: &[&Alert],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let kind = rule.kind.as_str();
        // What there is no figure of any more is an alert about nothing; a rule that is off has none.
        for alert in open.iter().filter(|alert| seen.iter().all(|one| one.subject != alert.subject)) {
            let step = match rule.rule.enabled {
                true => self.step(tenant, rule, &alert.subject, true, Verdict::Unknown),
                false => Step::Resolve,
            };
            if step == Step::Resolve {
                self.deps.store.resolve_alert(tenant, kind, &alert.subject, now).await?;
            }
        }
        for one in seen {
            let is_open = open.iter().any(|alert| alert.subject == one.subject);
            let verdict = rule.rule.judge(rule.kind, one.reading);
            match self.step(tenant, rule, &one.subject, is_open, verdict) {
                Step::Stay => {}
                Step::Resolve => {
                    self.deps.store.resolve_alert(tenant, kind, &one.subject, now).await?;
                }
                Step::Open => {
                    let Seen { subject, message, details, .. } = one;
                    let severity = rule.rule.severity;
                    // Another node may have seen it in the same minute: it is one occurrence.
                    self.deps
                        .store
                        .escalate_alert(NewAlert {
                            tenant_id: tenant,
                            kind: kind.to_owned(),
                            subject,
                            severity,
                            message,
                            details,
                            at: now,
                            count: 1,
                        })
                        .await?;
                }
            }
        }
        Ok(())
    }

    fn streaks(&self) -> MutexGuard<'_, Streaks> {
        self.streaks.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn step(&self, tenant: TenantId, rule: &TenantRule, subject: &str, open: bool, verdict: Verdict) -> Step {
        let mut streaks = self.streaks();
        let key = (tenant, rule.kind, subject.to_owned());
        if !open {
            streaks.remove(&key);
            return Streak::default().look(false, verdict, &rule.rule);
        }
        let step = streaks.entry(key.clone()).or_default().look(true, verdict, &rule.rule);
        if step == Step::Resolve {
            streaks.remove(&key);
        }
        step
    }
}
