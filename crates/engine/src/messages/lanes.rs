//! The lanes of this node: takes those that nobody holds, lets go of those whose connection is gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use domain::connections::ConnectionState;
use domain::pacing::Pacer;
use domain::{ConnectionId, Timestamp};
use futures::StreamExt;
use ports::operator::Wake;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::lane::{LEASE, Lane, Shared, Standing};
use crate::directory::Entry;

/// How often lanes that somebody else holds are asked for again.
const ROUND: Duration = Duration::from_secs(1);
/// After so long without a round something is wrong.
const LONGEST_ROUND: Duration = Duration::from_secs(20);

struct Held {
    lane: Arc<Lane>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// All lanes of this node; clones share them.
#[derive(Clone)]
pub struct Lanes {
    shared: Shared,
    held: Arc<RwLock<HashMap<ConnectionId, Held>>>,
    /// When the last round ended; `None` before the first and after the last.
    turned: Arc<Mutex<Option<Instant>>>,
}

impl Lanes {
    /// None yet: [`run`](Self::run) takes them.
    pub fn new(shared: Shared) -> Self {
        Self { shared, held: Arc::default(), turned: Arc::default() }
    }

    /// Something may be due on this connection. When another node holds the lane, the store wakes that one.
    pub fn wake(&self, connection: ConnectionId) {
        if let Some(held) = self.read().get(&connection) {
            held.lane.wake();
        }
    }

    /// How the lane stands; `None` when another node holds it.
    pub fn standing(&self, connection: ConnectionId, now: Timestamp) -> Option<Standing> {
        self.read().get(&connection).map(|held| held.lane.standing(now))
    }

    /// The pace of a lane that this node holds.
    pub fn pacer(&self, connection: ConnectionId) -> Option<Pacer> {
        self.read().get(&connection).map(|held| held.lane.pacer().clone())
    }

    /// The pace of every lane that this node holds.
    pub fn pacers(&self) -> Vec<(ConnectionId, Pacer)> {
        self.read().iter().map(|(connection, held)| (*connection, held.lane.pacer().clone())).collect()
    }

    /// Whether rounds are made.
    pub fn turn(&self) -> bool {
        let turned = *self.turned.lock().unwrap_or_else(PoisonError::into_inner);
        turned.is_some_and(|at| at.elapsed() < LONGEST_ROUND)
    }

    fn turned(&self, at: Option<Instant>) {
        *self.turned.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// How many lanes this node holds.
    pub fn count(&self) -> usize {
        self.read().len()
    }

    /// Takes and keeps lanes until `stop`; then lets calls in flight end and gives all lanes back.
    pub async fn run(self, stop: CancellationToken) {
        let wakes = tokio::spawn(self.clone().pass_on_wakes());
        let mut changes = self.shared.directory.changes();
        while !stop.is_cancelled() {
            if let Err(error) = self.shared.directory.refresh().await {
                tracing::warn!(%error, "could not read the connections");
            }
            self.let_go();
            self.take_free().await;
            self.turned(Some(Instant::now()));
            tokio::select! {
                () = stop.cancelled() => {}
                _ = changes.changed() => self.wake_all(),
                () = tokio::time::sleep(ROUND) => {}
            }
        }
        wakes.abort();
        self.turned(None);
        let held: Vec<Held> = self.write().drain().map(|(_, held)| held).collect();
        for held in &held {
            held.stop.cancel();
        }
        futures::future::join_all(held.into_iter().map(|held| held.task)).await;
    }

    async fn take_free(&self) {
        let listing = self.shared.directory.listing();
        let wanted = listing.all().filter(|entry| {
            entry.connection.state != ConnectionState::Disabled
                && !self.read().contains_key(&entry.connection.id)
        });
        let wanted: Vec<Arc<Entry>> = wanted.map(Arc::clone).collect();
        for entry in wanted {
            self.take(&entry).await;
        }
    }

    async fn take(&self, entry: &Entry) {
        let (tenant, connection) = (entry.connection.tenant_id, entry.connection.id);
        let now = self.shared.deps.clock.now();
        let until = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
        let holder = &self.shared.deps.settings.node;
        match self.shared.deps.store.take_lane(tenant, connection, holder, now, until).await {
            Ok(Some(taken)) => {
                if !taken.in_doubt.is_empty() {
                    tracing::warn!(
                        connection.id = %connection,
                        count = taken.in_doubt.len(),
                        "messages were being sent when the last holder stopped: they are in doubt until a webhook settles them"
                    );
                }
                let stop = CancellationToken::new();
                let (lane, task) = Lane::start(self.shared.clone(), taken, entry, stop.clone());
                lane.wake();
                self.write().insert(connection, Held { lane, stop, task });
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, connection.id = %connection, "could not take the lane");
            }
        }
    }

    /// Forgets lanes that ended (their lease was lost), stops those whose connection was removed or disabled.
    fn let_go(&self) {
        let listing = self.shared.directory.listing();
        self.write().retain(|connection, held| {
            let wanted = listing
                .entry(*connection)
                .is_some_and(|entry| entry.connection.state != ConnectionState::Disabled);
            if !wanted {
                held.stop.cancel();
            }
            !held.task.is_finished()
        });
    }

    fn wake_all(&self) {
        for held in self.read().values() {
            held.lane.wake();
        }
    }

    async fn pass_on_wakes(self) {
        let mut wakes = self.shared.deps.store.wakes();
        while let Some(wake) = wakes.next().await {
            match wake {
                Wake::Lane(connection) => self.wake(connection),
                Wake::Restrained(connection) => {
                    if let Some(held) = self.read().get(&connection) {
                        held.lane.restrain();
                    }
                }
                Wake::Throttled { connection, scope, until } => {
                    if let Some(entry) = self.shared.directory.listing().entry(connection) {
                        let now = self.shared.deps.clock.now();
                        self.shared.restraints.heed(&entry.connection, scope, now, until);
                    }
                }
                Wake::Inbox => {}
            }
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<ConnectionId, Held>> {
        self.held.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<ConnectionId, Held>> {
        self.held.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
