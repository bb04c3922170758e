//! Templates by name, remembered for a moment: a thousand sends a second name the same few.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use domain::{ConnectionId, TenantId};
use moka::future::Cache;
use ports::templates::Template;
use ports::{Store, StoreResult};

/// For how long a row may be older than the store's. The gate reads the template's state anew in the transaction
/// that accepts, and the parameters are bound anew when it is sent.
const MOMENT: Duration = Duration::from_millis(300);

/// The number counts the changes of the tenant's templates that were made on this node.
type Key = (TenantId, u64, ConnectionId, String, Option<String>);

/// The memory; clones share it.
#[derive(Clone)]
pub(super) struct Lookup {
    store: Arc<dyn Store>,
    known: Cache<Key, Arc<Vec<Template>>>,
    changes: Arc<DashMap<TenantId, u64>>,
}

impl Lookup {
    /// Empty.
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        let known = Cache::builder().max_capacity(1_000).time_to_live(MOMENT).build();
        Self { store, known, changes: Arc::default() }
    }

    /// Templates of this tenant were changed: what was read before does not count any more, nor does what is being
    /// read now.
    pub(super) fn forget(&self, tenant: TenantId) {
        *self.changes.entry(tenant).or_default() += 1;
    }

    /// Every language of the name, or the one asked for. What is not there is not remembered.
    pub(super) async fn templates(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        name: &str,
        language: Option<&str>,
    ) -> StoreResult<Arc<Vec<Template>>> {
        let changes = self.changes.get(&tenant).map_or(0, |changes| *changes);
        let key = (tenant, changes, connection, name.to_owned(), language.map(str::to_owned));
        if let Some(known) = self.known.get(&key).await {
            return Ok(known);
        }
        let rows = Arc::new(self.store.templates_named(tenant, connection, name, language).await?);
        if !rows.is_empty() {
            self.known.insert(key, Arc::clone(&rows)).await;
        }
        Ok(rows)
    }
}
