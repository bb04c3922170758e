//! The directory: every connection with its secrets, in memory.
//!
//! Verifying a webhook and choosing a number to send from happen thousands of times a second; connections change
//! a few times a day. The store keeps a version that moves with every change, which is looked at every second and
//! after every change made on this node.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use domain::{ConnectionId, TenantId};
use ports::connections::{Connection, ConnectionSecrets};
use ports::gateway::Access;
use ports::{Store, StoreResult};
use tokio::sync::{Mutex, watch};

/// A connection as it was at the last look.
#[derive(Debug)]
pub struct Entry {
    pub connection: Connection,
    pub secrets: ConnectionSecrets,
}

impl Entry {
    /// What a call to Meta needs.
    pub fn access(&self) -> Access {
        Access {
            graph_url: self.connection.graph_url.clone(),
            phone_number_id: self.connection.phone_number_id.clone(),
            waba_id: self.connection.waba_id.clone(),
            app_id: self.connection.app_id.clone(),
            token: self.secrets.access_token.clone(),
        }
    }
}

/// All connections at one version.
#[derive(Debug, Default)]
pub struct Listing {
    entries: HashMap<ConnectionId, Arc<Entry>>,
    by_number: HashMap<String, ConnectionId>,
    by_account: HashMap<String, Vec<ConnectionId>>,
    defaults: HashMap<TenantId, ConnectionId>,
}

impl Listing {
    pub(crate) fn of(rows: Vec<(Connection, ConnectionSecrets)>) -> Self {
        let mut listing = Self::default();
        for (connection, secrets) in rows {
            let id = connection.id;
            listing.by_number.insert(connection.phone_number_id.clone(), id);
            listing.by_account.entry(connection.waba_id.clone()).or_default().push(id);
            if connection.is_default {
                listing.defaults.insert(connection.tenant_id, id);
            }
            listing.entries.insert(id, Arc::new(Entry { connection, secrets }));
        }
        listing.by_account.values_mut().for_each(|ids| ids.sort_unstable());
        listing
    }

    /// One, of any tenant.
    pub fn entry(&self, id: ConnectionId) -> Option<&Arc<Entry>> {
        self.entries.get(&id)
    }

    /// One of this tenant.
    pub fn of_tenant(&self, tenant: TenantId, id: ConnectionId) -> Option<&Arc<Entry>> {
        self.entry(id).filter(|entry| entry.connection.tenant_id == tenant)
    }

    /// The tenant's default.
    pub fn default_of(&self, tenant: TenantId) -> Option<&Arc<Entry>> {
        self.entry(*self.defaults.get(&tenant)?)
    }

    /// By Meta's phone number id.
    pub fn by_number(&self, phone_number_id: &str) -> Option<&Arc<Entry>> {
        self.entry(*self.by_number.get(phone_number_id)?)
    }

    /// By WhatsApp Business Account id: every connection on it, of any tenant, oldest first.
    pub fn by_account<'a>(&'a self, waba_id: &str) -> impl Iterator<Item = &'a Arc<Entry>> {
        self.by_account.get(waba_id).into_iter().flatten().filter_map(|id| self.entry(*id))
    }

    /// Every one.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.values()
    }
}

struct Inner {
    store: Arc<dyn Store>,
    listing: RwLock<Arc<Listing>>,
    /// The version that was read last; held while reading so that looks do not overlap.
    version: Mutex<Option<i64>>,
    changed: watch::Sender<u64>,
}

/// The directory; clones share it.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

impl Directory {
    /// Empty until the first [`refresh`](Self::refresh).
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(Arc::new(Inner {
            store,
            listing: RwLock::default(),
            version: Mutex::default(),
            changed: watch::Sender::new(0),
        }))
    }

    /// What was seen at the last look.
    pub fn listing(&self) -> Arc<Listing> {
        Arc::clone(&self.0.listing.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Looks whether anything changed, and if so reads it. Call it after changing a connection on this node.
    pub async fn refresh(&self) -> StoreResult<()> {
        let mut known = self.0.version.lock().await;
        // The version is read before the rows: a change in between is then read twice, never missed.
        let version = self.0.store.connections_version().await?;
        if *known == Some(version) {
            return Ok(());
        }
        let listing = Arc::new(Listing::of(self.0.store.all_connections().await?));
        *self.0.listing.write().unwrap_or_else(std::sync::PoisonError::into_inner) = listing;
        *known = Some(version);
        self.0.changed.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Wakes whenever the listing changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }
}
