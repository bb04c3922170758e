//! Keeping in step with Meta's list: read to its end, page by page; what is gone there is marked `deleted` here.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use domain::connections::ConnectionState;
use domain::templates::Status;
use domain::{ConnectionId, SignedDuration, TenantId, Timestamp};
use ports::gateway::{GatewayError, MetaTemplate};
use ports::templates::{NewTemplate, SyncCounts, TemplateFilter};
use ports::{Paging, StoreError};
use tokio_util::sync::CancellationToken;

use super::{Account, TemplateError, Templates};

/// How often each account's list is read. Management calls are limited to 200 an hour and account (Meta, "Rate
/// limits"), and webhooks tell of changes at once; this catches those that were lost.
const EVERY: SignedDuration = SignedDuration::from_hours(1);
/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// Meta's answer to a cursor that is bad or too old ("Error codes").
const BAD_CURSOR: i64 = 131_059;

/// What a sync did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Synced {
    pub counts: SyncCounts,
    /// Rows of Meta's list that could not be read, with why; while there are any, nothing is marked `deleted`.
    pub unreadable: Vec<String>,
}

impl Templates {
    /// Reads the whole list of an account: that of the connection named, else of the default one.
    ///
    /// # Errors
    /// [`TemplateError::NoConnection`], [`TemplateError::ConnectionNotFound`], [`TemplateError::Gateway`], or the
    /// store's. Pages read before an error are kept.
    pub async fn sync(
        &self,
        tenant: TenantId,
        connection: Option<ConnectionId>,
    ) -> Result<Synced, TemplateError> {
        let account = self.account(tenant, connection).await?;
        self.sync_account(tenant, &account).await
    }

    pub(super) async fn sync_account(
        &self,
        tenant: TenantId,
        account: &Account,
    ) -> Result<Synced, TemplateError> {
        let waba_id = &account.connection.waba_id;
        // What is submitted, or found by another reading, while the list is read may be missing from it without being
        // gone.
        let began = self.deps.clock.now();
        let before = self.submitted(tenant, waba_id).await?;
        let mut reading = Reading::default();
        let mut restarted = false;
        loop {
            match self.read_page(tenant, account, &mut reading).await {
                Ok(true) => break,
                Ok(false) => {}
                Err(TemplateError::Gateway(error)) if is_bad_cursor(&error) && !restarted => {
                    restarted = true;
                    reading = Reading { synced: reading.synced, ..Reading::default() };
                }
                Err(TemplateError::Gateway(error)) => {
                    return Err(self.refused(tenant, account, error).await?);
                }
                Err(error) => return Err(error),
            }
        }
        let Reading { mut synced, mut listed, .. } = reading;
        if synced.unreadable.is_empty() {
            let after = self.submitted(tenant, waba_id).await?;
            listed.extend(after.into_iter().filter(|meta_id| !before.contains(meta_id)));
            let listed: Vec<String> = listed.into_iter().collect();
            synced.counts.removed +=
                self.deps.store.remove_templates_missing(tenant, waba_id, &listed, began).await?;
            (self.changed)(tenant);
        }
        Ok(synced)
    }

    /// True after the last page.
    async fn read_page(
        &self,
        tenant: TenantId,
        account: &Account,
        reading: &mut Reading,
    ) -> Result<bool, TemplateError> {
        let page = self.deps.gateway.list_templates(&account.access, reading.after.as_deref()).await?;
        reading.listed.extend(page.templates.iter().map(|row| row.meta_id.clone()));
        let waba_id = &account.connection.waba_id;
        let rows = page.templates.into_iter().map(|row| new_row(waba_id, row)).collect();
        let counts = self.deps.store.sync_templates(tenant, rows, self.deps.clock.now()).await?;
        (self.changed)(tenant);
        reading.synced.counts.added += counts.added;
        reading.synced.counts.updated += counts.updated;
        reading.synced.counts.unchanged += counts.unchanged;
        reading.synced.unreadable.extend(page.unreadable);
        if page.after.is_some() && page.after == reading.after {
            // A cursor that leads nowhere new would never end.
            reading.synced.unreadable.push("Meta's list did not end".to_owned());
            return Ok(true);
        }
        reading.after = page.after;
        Ok(reading.after.is_none())
    }

    /// Meta's ids of the account's templates.
    async fn submitted(&self, tenant: TenantId, waba_id: &str) -> Result<HashSet<String>, StoreError> {
        let filter = TemplateFilter { waba_id: Some(waba_id.to_owned()), ..TemplateFilter::default() };
        let mut paging = Paging { page: 1, page_size: 100, cursor: None };
        let mut ids = HashSet::new();
        loop {
            let page = self.deps.store.templates(tenant, &filter, &paging).await?;
            let seen = paging.offset() + page.items.len() as u64;
            let last = page.items.is_empty() || seen >= page.total;
            ids.extend(page.items.into_iter().filter_map(|template| template.meta_id));
            if last {
                return Ok(ids);
            }
            paging.page += 1;
        }
    }

    /// Syncs every account of every tenant, each once an hour, until told to stop.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut schedule = Schedule::default();
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = tick.tick() => {}
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                outcome = self.sync_due(&mut schedule) => {
                    if let Err(error) = outcome {
                        tracing::warn!(%error, "templates were not synced");
                    }
                }
            }
        }
    }

    async fn sync_due(&self, schedule: &mut Schedule) -> Result<(), StoreError> {
        let version = self.deps.store.connections_version().await?;
        let now = self.deps.clock.now();
        if schedule.version == Some(version) && schedule.due.values().all(|next| *next > now) {
            return Ok(());
        }
        let connections = self.deps.store.all_connections().await?;
        schedule.version = Some(version);
        schedule.due.retain(|_, next| *next > now);
        for (connection, secrets) in connections {
            let key = (connection.tenant_id, connection.waba_id.clone());
            if connection.state != ConnectionState::Active || schedule.due.contains_key(&key) {
                continue;
            }
            schedule.due.insert(key, now.saturating_add(EVERY).unwrap_or(Timestamp::MAX));
            let tenant = connection.tenant_id;
            let account = Account { access: crate::connections::access(&connection, &secrets), connection };
            match self.sync_account(tenant, &account).await {
                Ok(synced) => {
                    tracing::debug!(tenant.id = %tenant, waba.id = %account.connection.waba_id, ?synced, "templates synced");
                }
                Err(error) => {
                    tracing::warn!(tenant.id = %tenant, waba.id = %account.connection.waba_id, %error, "templates were not synced");
                }
            }
        }
        Ok(())
    }
}

/// When which account is due next; one that is not here is due now.
#[derive(Default)]
struct Schedule {
    version: Option<i64>,
    due: HashMap<(TenantId, String), Timestamp>,
}

/// How far a list was read.
#[derive(Default)]
struct Reading {
    synced: Synced,
    listed: HashSet<String>,
    after: Option<String>,
}

fn new_row(waba_id: &str, row: MetaTemplate) -> NewTemplate {
    NewTemplate {
        waba_id: waba_id.to_owned(),
        name: row.name,
        language: row.language,
        category: row.category,
        status: Status::from_meta(&row.status),
        // Meta writes NONE where there is no reason.
        rejection_reason: row.rejected_reason.filter(|reason| !reason.is_empty() && reason != "NONE"),
        quality: row.quality,
        meta_id: Some(row.meta_id),
        parameter_format: row.parameter_format,
        components: row.components,
        param_names: Vec::new(),
    }
}

fn is_bad_cursor(error: &GatewayError) -> bool {
    matches!(error, GatewayError::Refused(refusal) if refusal.code == BAD_CURSOR)
}
