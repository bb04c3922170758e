//! The projector: turns raw bodies into contacts, messages, windows, consent and statuses.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::consent::ConsentWords;
use domain::{InboxId, SignedDuration, TenantId, Timestamp};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use graph::webhook::parse;
use ports::operator::Wake;
use ports::webhooks::{AsideReason, Change, PendingWebhook, Projected, Projection, SetAside, Source};
use ports::{StoreError, StoreResult};
use tokio_util::sync::CancellationToken;

use super::Webhooks;
use super::changes::Reader;
use super::rush::Rush;
use crate::directory::Listing;

/// Most bodies in one round.
const LARGEST_BATCH: u32 = 512;
/// For how long bodies are taken. A node that died is followed by another after this time.
const TAKEN_FOR: SignedDuration = SignedDuration::from_secs(20);
/// How often bodies that were taken are tried while the store has trouble; all tries together end before others may
/// take them.
const TRIES: u32 = 60;
const BETWEEN_TRIES: Duration = Duration::from_millis(200);
/// How often the inbox is looked at although nobody knocked.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);

impl Webhooks {
    /// Projects until `stop`.
    pub(super) async fn project_all(self, stop: CancellationToken) {
        let knocks = tokio::spawn(self.clone().pass_on_wakes());
        let mut rush = Rush::new(self.arrivals.clone());
        while !stop.is_cancelled() {
            rush.step_back().await;
            match self.project_some().await {
                // There was as much as fits: there may be more.
                Ok(count) if count >= LARGEST_BATCH as usize => continue,
                Ok(_) => rush.caught_up(),
                Err(error) => {
                    tracing::warn!(%error, "webhooks wait: the store does not take them now");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    continue;
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.projector_wake.notified() => {}
                () = tokio::time::sleep(LOOK_ANYWAY) => {}
            }
        }
        knocks.abort();
    }

    async fn pass_on_wakes(self) {
        let mut wakes = self.deps.store.wakes();
        while let Some(wake) = wakes.next().await {
            if wake == Wake::Inbox {
                self.projector_wake.notify_one();
            }
        }
    }

    /// One round: answers how many bodies were taken.
    async fn project_some(&self) -> StoreResult<usize> {
        let now = self.deps.clock.now();
        let until = now.saturating_add(TAKEN_FOR).unwrap_or(Timestamp::MAX);
        let node = &self.deps.settings.node;
        let taken = self.deps.store.take_webhooks(node, LARGEST_BATCH, now, until).await?;
        let count = taken.len();
        let mut by_tenant: BTreeMap<TenantId, Vec<PendingWebhook>> = BTreeMap::new();
        for pending in taken {
            by_tenant.entry(pending.webhook.tenant_id).or_default().push(pending);
        }
        for (tenant, pending) in by_tenant {
            self.project_patiently(tenant, &pending).await;
        }
        Ok(count)
    }

    /// What was taken is not given out again for a while, so trouble of the store is sat out here; and the trouble of
    /// one tenant's bodies is not that of the next.
    async fn project_patiently(&self, tenant: TenantId, pending: &[PendingWebhook]) {
        for patience in (0..TRIES).rev() {
            match self.project_tenant(tenant, pending).await {
                Ok(()) => return,
                Err(error) if patience == 0 || matches!(error, StoreError::Internal(_)) => {
                    tracing::error!(%error, tenant.id = %tenant, bodies = pending.len(), "webhooks could not be applied: they are taken again");
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, tenant.id = %tenant, "webhooks wait: the store does not take them now");
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
            }
        }
    }

    async fn project_tenant(&self, tenant: TenantId, pending: &[PendingWebhook]) -> StoreResult<()> {
        let settings = self.settings_of(tenant).await?;
        let words = ConsentWords::new(&settings.opt_out_words, &settings.opt_in_words);
        let now = self.deps.clock.now();
        let mut listing = self.directory.listing();
        let read = |listing: &Listing| -> Vec<Change> {
            let reader = Reader { tenant, settings: &settings, words: &words, listing, now };
            pending.iter().flat_map(|body| changes_of(&reader, body)).collect()
        };
        let mut changes = read(&listing);
        if changes.iter().any(|change| matches!(change, Change::Aside(item) if item.connection_id.is_none()))
        {
            // Another node may have linked the number a moment ago.
            self.directory.refresh().await?;
            let known = std::mem::replace(&mut listing, self.directory.listing());
            if !Arc::ptr_eq(&known, &listing) {
                changes = read(&listing);
            }
        }
        let done: Vec<InboxId> = pending.iter().map(|body| body.id).collect();
        self.apply(pending, Projection { tenant_id: tenant, done, changes, at: now }).await
    }

    /// Applies changes in one commit; when that fails, in halves, until the one that fails stands alone and is set
    /// aside. The last part marks the bodies done: a crash in between applies parts again, and every change may be
    /// applied again.
    fn apply<'a>(
        &'a self,
        pending: &'a [PendingWebhook],
        projection: Projection,
    ) -> BoxFuture<'a, StoreResult<()>> {
        async move {
            match self.deps.store.project(projection.clone()).await {
                Ok(projected) => {
                    crate::telemetry::projected(&projection);
                    self.pass_on(projection.tenant_id, projected).await;
                    Ok(())
                }
                Err(StoreError::Internal(why)) if projection.changes.len() == 1 => {
                    tracing::error!(
                        tenant.id = %projection.tenant_id, why,
                        "a webhook item could not be applied and was set aside"
                    );
                    self.set_aside(pending, projection, why).await
                }
                Err(StoreError::Internal(_)) if projection.changes.len() > 1 => {
                    let mut first = projection;
                    let rest = first.changes.split_off(first.changes.len() / 2);
                    let last = Projection { changes: rest, done: std::mem::take(&mut first.done), ..first };
                    self.apply(pending, first).await?;
                    self.apply(pending, last).await
                }
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    /// Keeps the item that failed with its reason; when even that fails, with what can be kept in any case. Whatever
    /// happens to it, its neighbours go on.
    async fn set_aside(
        &self,
        pending: &[PendingWebhook],
        projection: Projection,
        why: String,
    ) -> StoreResult<()> {
        let full = poisoned(pending, projection, why);
        let bare = Projection { changes: full.changes.iter().cloned().map(bare).collect(), ..full.clone() };
        let none = Projection { changes: Vec::new(), ..full.clone() };
        for attempt in [full, bare, none] {
            match self.deps.store.project(attempt).await {
                Err(StoreError::Internal(why)) => {
                    tracing::error!(why, "an item could not be set aside as it is");
                }
                other => return other.map(|_| ()),
            }
        }
        Err(StoreError::Internal("bodies could not be marked as done".into()))
    }

    /// Tells the lanes (and, later, whoever listens) what is new.
    pub(super) async fn pass_on(&self, tenant: TenantId, projected: Projected) {
        for connection in &projected.wake {
            (self.hooks.wake_lane)(*connection);
        }
        if !projected.templates.is_empty() {
            (self.hooks.templates_changed)(tenant);
        }
        if !projected.media.is_empty() {
            self.media.arrived();
        }
        (self.hooks.moved)(tenant, &projected.moved);
        for failure in projected.broadcast_failures {
            (self.hooks.broadcast_failed)(tenant, failure);
        }
        if !projected.broken.is_empty()
            && let Err(error) = self.directory.refresh().await
        {
            // The lanes see it with the next change at the latest.
            tracing::warn!(%error, "could not read the connections");
        }
    }
}

fn changes_of(reader: &Reader<'_>, pending: &PendingWebhook) -> Vec<Change> {
    match parse(&pending.webhook.body) {
        Ok(envelope) => {
            let posted_to = pending.webhook.connection_id;
            envelope.items.iter().flat_map(|item| reader.changes(pending.id, posted_to, item)).collect()
        }
        Err(not_json) => vec![Change::Aside(SetAside {
            source: Source { inbox_id: pending.id, pointer: String::new() },
            connection_id: pending.webhook.connection_id,
            field: String::new(),
            reason: AsideReason::Unrecognised,
            why: not_json.to_string(),
            raw: serde_json::Value::String(String::from_utf8_lossy(&pending.webhook.body).into_owned()),
            at: reader.now,
        })],
    }
}

/// The same projection with its only change set aside.
fn poisoned(pending: &[PendingWebhook], projection: Projection, why: String) -> Projection {
    let changes = projection
        .changes
        .iter()
        .map(|change| {
            let (source, field, connection_id) = describe(change);
            let raw = raw_item(pending, &source);
            let reason = AsideReason::Poison;
            let aside = SetAside {
                source,
                connection_id,
                field: field.into(),
                reason,
                why: why.clone(),
                raw,
                at: projection.at,
            };
            Change::Aside(aside)
        })
        .collect();
    Projection { changes, ..projection }
}

/// The item with nothing of what Meta sent but its place: the body itself stays in the inbox.
fn bare(change: Change) -> Change {
    match change {
        Change::Aside(item) => Change::Aside(SetAside {
            raw: serde_json::Value::Null,
            why: item.why.chars().filter(|character| !character.is_control()).collect(),
            ..item
        }),
        other => other,
    }
}

/// The item again, for whoever looks at it or drives it again.
fn raw_item(pending: &[PendingWebhook], source: &Source) -> serde_json::Value {
    let body = pending.iter().find(|body| body.id == source.inbox_id);
    let items = body.and_then(|body| parse(&body.webhook.body).ok()).map(|envelope| envelope.items);
    let item = items.into_iter().flatten().find(|item| item.pointer == source.pointer);
    item.map(|item| item.raw_value()).unwrap_or_default()
}

fn describe(change: &Change) -> (Source, &'static str, Option<domain::ConnectionId>) {
    match change {
        Change::Inbound(it) => (it.source.clone(), "messages", Some(it.connection_id)),
        Change::Status(it) => (it.source.clone(), "messages", Some(it.connection_id)),
        Change::Template(it) => (it.source.clone(), "message_template_status_update", None),
        Change::Preference(it) => (it.source.clone(), "user_preferences", Some(it.connection_id)),
        Change::Identity(it) => (it.source.clone(), "messages", None),
        Change::Connection(it) => (it.source.clone(), "account_update", Some(it.connection_id)),
        Change::Aside(it) => (it.source.clone(), "", it.connection_id),
    }
}
