//! The rules of a tenant.

use domain::alerts::Severity;
use domain::alerts::rules::{Rule, RuleKind};
use domain::{TenantId, Timestamp};
use ports::StoreError;

use super::Alerts;
use crate::faults::Faults;

/// A rule, and when the tenant changed it; `None`: it is as usual.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantRule {
    pub kind: RuleKind,
    pub rule: Rule,
    pub updated_at: Option<Timestamp>,
}

/// What to change; `None` leaves as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RulePatch {
    pub enabled: Option<bool>,
    pub severity: Option<Severity>,
    pub threshold: Option<f64>,
    pub margin: Option<f64>,
    pub window_hours: Option<u32>,
    pub settle_hours: Option<u32>,
    pub minimum: Option<i64>,
    pub good_evaluations: Option<u32>,
}

impl RulePatch {
    fn over(self, rule: Rule) -> Rule {
        Rule {
            enabled: self.enabled.unwrap_or(rule.enabled),
            severity: self.severity.unwrap_or(rule.severity),
            threshold: self.threshold.unwrap_or(rule.threshold),
            margin: self.margin.unwrap_or(rule.margin),
            window_hours: self.window_hours.unwrap_or(rule.window_hours),
            settle_hours: self.settle_hours.unwrap_or(rule.settle_hours),
            minimum: self.minimum.unwrap_or(rule.minimum),
            good_evaluations: self.good_evaluations.unwrap_or(rule.good_evaluations),
        }
    }
}

/// How changing a rule fails.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    #[error("there is no such rule")]
    NotFound,
    #[error(transparent)]
    Invalid(#[from] Faults),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Alerts {
    /// Every rule of a tenant, by id.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn rules(&self, tenant: TenantId) -> Result<Vec<TenantRule>, StoreError> {
        let changed = self.deps.store.changed_rules(tenant).await?;
        let rule = |kind: RuleKind| match changed.iter().find(|changed| changed.kind == kind) {
            Some(changed) => {
                TenantRule { kind, rule: changed.rule.clone(), updated_at: Some(changed.updated_at) }
            }
            None => TenantRule { kind, rule: kind.usual(), updated_at: None },
        };
        Ok(RuleKind::ALL.into_iter().map(rule).collect())
    }

    /// Changes a rule; it counts from the next look on.
    ///
    /// # Errors
    /// [`RuleError::NotFound`], [`RuleError::Invalid`], or the store's.
    pub async fn change_rule(
        &self,
        tenant: TenantId,
        id: i64,
        patch: RulePatch,
    ) -> Result<TenantRule, RuleError> {
        let kind = RuleKind::of_id(id).ok_or(RuleError::NotFound)?;
        let known = self.rules(tenant).await?.into_iter().find(|rule| rule.kind == kind);
        let rule = patch.over(known.map_or_else(|| kind.usual(), |known| known.rule));
        let mut faults = Faults::default();
        for (member, problem) in rule.faults(kind) {
            faults.add(format!("/{member}"), problem);
        }
        faults.check()?;
        let now = self.deps.clock.now();
        self.deps.store.save_rule(tenant, kind, &rule, now).await?;
        Ok(TenantRule { kind, rule, updated_at: Some(now) })
    }
}
