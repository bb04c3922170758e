//! The audit trail: sealing what was done into its chain, and looking at it.

mod export;
mod witness;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::TenantId;
use domain::audit::verify::{Known, Verdict};
use domain::audit::{Found, NewEntry};
use ports::alerts::Severity;
use ports::audit::{AuditFilter, Sealed};
use ports::{Page, Paging, StoreError};
use tokio_util::sync::CancellationToken;

use crate::Deps;
use crate::alerts::Condition;
use witness::Witness;

pub use export::{line, parsed};

/// How long an entry waits for its place in the chain, at most, while the server runs.
const ROUND: Duration = Duration::from_millis(500);
/// Commits that are sealed together.
const LARGEST_BATCH: u32 = 500;
/// The kind of the alert.
const TAMPERED: &str = "audit_trail_tampered";

/// Use cases on the audit trail.
#[derive(Clone)]
pub struct Audit {
    deps: Deps,
    witness: Arc<Witness>,
}

impl Audit {
    /// Over these parts.
    pub fn new(deps: Deps) -> Self {
        let witness = Arc::new(Witness::read(deps.settings.audit_heads.clone()));
        Self { deps, witness }
    }

    /// Notes something that changes nothing in the store, such as an export, as done by whoever is acting.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn note(&self, tenant: TenantId, entry: NewEntry) -> Result<(), StoreError> {
        note(&self.deps, tenant, entry).await
    }

    /// Newest first; all that was done before this call is in it.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn list(
        &self,
        tenant: TenantId,
        filter: &AuditFilter,
        paging: &Paging,
    ) -> Result<Page<Found>, StoreError> {
        if paging.cursor.is_none() {
            self.seal(Some(tenant)).await?;
        }
        self.deps.store.audit(tenant, filter, paging).await
    }

    /// Whether the whole chain is as it was sealed. `known` is the end of the chain as somebody noted it earlier; this
    /// node knows one itself (see [`Settings::audit_heads`](crate::Settings)).
    ///
    /// # Errors
    /// The store's alone.
    pub async fn verify(&self, tenant: TenantId, known: Option<Known>) -> Result<Verdict, StoreError> {
        self.seal(Some(tenant)).await?;
        let known = known.or_else(|| self.witness.known(tenant));
        self.deps.store.verify_audit(tenant, known).await
    }

    /// Seals every half second until told to stop, then once more.
    pub async fn run(self, stop: CancellationToken) {
        let mut stuck = HashSet::new();
        let mut tick = tokio::time::interval(ROUND);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tick.tick() => self.round(&mut stuck).await,
            }
        }
        self.round(&mut stuck).await;
        self.witness.write(true);
    }

    async fn round(&self, stuck: &mut HashSet<TenantId>) {
        match self.seal(None).await {
            Ok(found) => {
                for (tenant, why) in found {
                    if stuck.insert(tenant) {
                        self.alert(tenant, &why).await;
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "the audit trail was not sealed"),
        }
        self.witness.write(false);
    }

    /// Until nothing waits; answers the chains that cannot go on, and why.
    async fn seal(&self, tenant: Option<TenantId>) -> Result<Vec<(TenantId, String)>, StoreError> {
        let mut stuck = Vec::new();
        loop {
            let mut fresh = [0; 32];
            self.deps.entropy.fill(&mut fresh);
            let now = self.deps.clock.now();
            let sealed = self.deps.store.seal_audit(tenant, fresh, now, LARGEST_BATCH).await?;
            let mut moved = false;
            for one in sealed {
                match one {
                    Sealed::Head(tenant, head) => {
                        moved = true;
                        self.witness.saw(tenant, head);
                    }
                    Sealed::Stuck(tenant, why) => stuck.push((tenant, why)),
                }
            }
            if !moved {
                stuck.sort_unstable();
                stuck.dedup();
                return Ok(stuck);
            }
        }
    }

    async fn alert(&self, tenant: TenantId, why: &str) {
        tracing::error!(tenant.id = %tenant, why, "the audit trail cannot go on");
        let condition = Condition {
            kind: TAMPERED,
            subject: "audit".to_owned(),
            severity: Severity::Critical,
            message: format!("The audit trail cannot go on: {why}. See GET /audit/verify"),
            details: serde_json::json!({ "reason": why }),
        };
        let alert = condition.alert(tenant, self.deps.clock.now());
        if let Err(error) = self.deps.store.raise_alerts(vec![alert]).await {
            tracing::warn!(%error, "an alert was not raised");
        }
    }
}

/// Notes something that changes nothing in the store.
pub(crate) async fn note(deps: &Deps, tenant: TenantId, entry: NewEntry) -> Result<(), StoreError> {
    let entry = NewEntry { at: entry.at.or_else(|| Some(deps.clock.now())), ..entry };
    deps.store.record_audit(tenant, vec![entry]).await
}
