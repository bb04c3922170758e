//! Rules of a tenant, and what is remembered of things that rules compare with themselves.

use async_trait::async_trait;
use domain::alerts::rules::{Rule, RuleKind};
use domain::{TenantId, Timestamp};

use crate::StoreResult;

/// A rule that a tenant changed.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangedRule {
    pub kind: RuleKind,
    pub rule: Rule,
    pub updated_at: Timestamp,
}

/// Something that is compared with what it was: what about, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub subject: String,
    pub mark: String,
}

/// Verbs on rules.
#[async_trait]
pub trait RuleStore: Send + Sync {
    /// Those that were changed; all others are as usual.
    async fn changed_rules(&self, tenant: TenantId) -> StoreResult<Vec<ChangedRule>>;
    /// Keeps a rule in place of the one before.
    async fn save_rule(
        &self,
        tenant: TenantId,
        kind: RuleKind,
        rule: &Rule,
        at: Timestamp,
    ) -> StoreResult<()>;
    /// What is remembered.
    async fn marks(&self, tenant: TenantId) -> StoreResult<Vec<Mark>>;
    /// Remembers these in place of those of the same subjects; one commit.
    async fn save_marks(&self, tenant: TenantId, marks: Vec<Mark>) -> StoreResult<()>;
}
