//! Live news for whoever listens: what this node moved, and what happened to alerts and broadcasts on any node.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::broadcasts::State;
use domain::messages::Status;
use domain::{BroadcastId, MessageId, TenantId};
use ports::alerts::{Alert, AlertEvent};
use ports::broadcasts::{Broadcast, BroadcastFilter, Counts};
use ports::{Paging, StoreError};
use tokio::sync::broadcast;

use crate::Deps;

/// How many changes a slow listener may be behind before it loses the oldest.
const BACKLOG: usize = 4_096;
/// Alerts' events in one look.
const MOST_EVENTS: u32 = 200;
/// An event may come after one with a higher id when several nodes write at once: so many ids are looked at again.
const OVERLAP: i64 = 100;

/// A message that moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    pub tenant: TenantId,
    pub message: MessageId,
    pub status: Status,
}

/// Where lanes and projectors of this node tell what they moved; clones share it. Costs nothing while nobody listens.
#[derive(Debug, Clone)]
pub struct Bulletin(broadcast::Sender<Moved>);

impl Default for Bulletin {
    fn default() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }
}

impl Bulletin {
    /// Tells those who listen.
    pub fn tell(&self, tenant: TenantId, moved: impl IntoIterator<Item = (MessageId, Status)>) {
        if self.0.receiver_count() > 0 {
            for (message, status) in moved {
                let _ = self.0.send(Moved { tenant, message, status });
            }
        }
    }
}

/// Use cases on live news.
#[derive(Clone)]
pub struct Events {
    deps: Deps,
    bulletin: Bulletin,
}

impl Events {
    /// Over these parts.
    pub fn new(deps: Deps, bulletin: Bulletin) -> Self {
        Self { deps, bulletin }
    }

    /// Listens to a tenant from now on.
    ///
    /// # Errors
    /// The store's.
    pub async fn listen(&self, tenant: TenantId) -> Result<Listener, StoreError> {
        let moved = self.bulletin.0.subscribe();
        let last = self.deps.store.last_alert_event(tenant).await?;
        Ok(Listener {
            deps: self.deps.clone(),
            tenant,
            moved,
            last,
            known: HashSet::new(),
            first: true,
            sending: HashMap::new(),
        })
    }
}

/// What is new since the last look.
#[derive(Debug, Default)]
pub struct News {
    /// What happened to alerts, in its order.
    pub alerts: Vec<(AlertEvent, Alert)>,
    /// Broadcasts that are being sent and moved, and those that have just stopped being sent.
    pub broadcasts: Vec<Broadcast>,
    /// Messages that this node moved, and where each stands now.
    pub messages: BTreeMap<MessageId, Status>,
    /// Some messages are left out: there were too many. Whoever shows them reads them again.
    pub messages_lost: bool,
}

/// Somebody who listens to a tenant.
pub struct Listener {
    deps: Deps,
    tenant: TenantId,
    moved: broadcast::Receiver<Moved>,
    last: i64,
    /// Events above `last - OVERLAP` that were told.
    known: HashSet<i64>,
    first: bool,
    /// Broadcasts that were being sent at the last look.
    sending: HashMap<BroadcastId, Counts>,
}

impl Listener {
    /// What is new.
    ///
    /// # Errors
    /// The store's.
    pub async fn look(&mut self) -> Result<News, StoreError> {
        let (alerts, broadcasts) = (self.alerts().await?, self.broadcasts().await?);
        let mut news = News { alerts, broadcasts, ..News::default() };
        loop {
            match self.moved.try_recv() {
                Ok(moved) if moved.tenant == self.tenant => {
                    news.messages.insert(moved.message, moved.status);
                }
                Ok(_) => {}
                Err(broadcast::error::TryRecvError::Lagged(_)) => news.messages_lost = true,
                Err(_) => return Ok(news),
            }
        }
    }

    async fn alerts(&mut self) -> Result<Vec<(AlertEvent, Alert)>, StoreError> {
        let start = self.last - OVERLAP;
        if self.first {
            // What was there before is not news.
            let old = self.deps.store.alert_events(self.tenant, start, MOST_EVENTS).await?;
            self.known = old.iter().map(|(event, _)| event.id).filter(|id| *id <= self.last).collect();
            self.first = false;
        }
        let mut found = self.deps.store.alert_events(self.tenant, start, MOST_EVENTS).await?;
        found.retain(|(event, _)| self.known.insert(event.id));
        self.last = found.iter().map(|(event, _)| event.id).fold(self.last, i64::max);
        let floor = self.last - OVERLAP;
        self.known.retain(|id| *id > floor);
        Ok(found)
    }

    async fn broadcasts(&mut self) -> Result<Vec<Broadcast>, StoreError> {
        let store = &self.deps.store;
        let paging = Paging { page: 1, page_size: 100, cursor: None };
        let filter = BroadcastFilter { state: Some(State::Sending), ..BroadcastFilter::default() };
        let mut before = std::mem::take(&mut self.sending);
        let mut moved = Vec::new();
        for broadcast in store.broadcasts(self.tenant, &filter, &paging).await?.items {
            let known = before.remove(&broadcast.id);
            self.sending.insert(broadcast.id, broadcast.counts);
            if known.as_ref() != Some(&broadcast.counts) {
                moved.push(broadcast);
            }
        }
        for stopped in before.into_keys() {
            moved.extend(store.broadcast(self.tenant, stopped).await?);
        }
        Ok(moved)
    }
}
