//! Holding on to a lane, and letting go of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::connections::ConnectionState;
use domain::{SignedDuration, Timestamp};
use tokio::sync::OwnedMutexGuard;

use super::Lane;

/// For how long a lane is held without renewing. A node that died is followed by another after this time.
pub const LEASE: SignedDuration = SignedDuration::from_secs(15);
/// The lease is renewed when less than this is left.
const RENEW_BELOW: SignedDuration = SignedDuration::from_secs(10);
/// How long calls in flight are waited for when the lane stops.
const PATIENCE: Duration = Duration::from_secs(20);

impl Lane {
    /// Renews the lease when it is time, and takes over a changed rate. False when the lane is lost.
    ///
    /// Sending goes on meanwhile: a commit takes longer than the pace forgives. Only with a lease that ran out, when
    /// nothing may be sent anyway, is it waited for.
    pub(super) async fn hold(self: &Arc<Self>) -> bool {
        self.follow_connection();
        let left = self.lease().until.duration_since(self.now());
        if left <= RENEW_BELOW
            && !self.lost.load(Ordering::SeqCst)
            && let Ok(only) = Arc::clone(&self.renewing).try_lock_owned()
        {
            // Among the calls, as these are waited for before the lane is given back.
            let renewal = self.calls.spawn(Arc::clone(self).renew(only));
            if left <= SignedDuration::ZERO {
                let _ = renewal.await;
            }
        }
        !self.lost.load(Ordering::SeqCst)
    }

    async fn renew(self: Arc<Self>, _only: OwnedMutexGuard<()>) {
        let lease = self.lease().clone();
        let until = self.now().saturating_add(LEASE).unwrap_or(Timestamp::MAX);
        match self.shared.deps.store.renew_lane(&lease, until, &self.pace()).await {
            Ok(true) => self.lease().until = until,
            Ok(false) => {
                tracing::warn!(connection.id = %self.connection, "another node took the lane");
                self.lost.store(true, Ordering::SeqCst);
            }
            // Without the store nothing is claimed; whether the lane is lost will be seen when it is back.
            Err(error) => {
                tracing::warn!(%error, connection.id = %self.connection, "could not renew the lane");
            }
        }
    }

    /// Takes over a changed rate; a connection that was repaired starts anew, whatever Meta asked for before.
    pub(super) fn follow_connection(&self) {
        let listing = self.shared.directory.listing();
        let Some(entry) = listing.of_tenant(self.tenant, self.connection) else { return };
        let broken = entry.connection.state != ConnectionState::Active;
        let repaired = self.broken.swap(broken, Ordering::SeqCst) && !broken;
        let mut pacer = self.pacer();
        if repaired {
            pacer.resume();
        }
        if pacer.rate() != entry.connection.rate {
            pacer.set_rate(entry.connection.rate, self.now());
        }
        drop(pacer);
        self.heed_siblings(&entry.connection);
    }

    fn pace(&self) -> serde_json::Value {
        serde_json::to_value(&*self.pacer()).unwrap_or_default()
    }

    /// Lets calls in flight end and their outcomes be recorded, then gives the lane back.
    pub(super) async fn finish(&self, recorder: tokio::task::JoinHandle<()>) {
        self.calls.close();
        if tokio::time::timeout(PATIENCE, self.calls.wait()).await.is_err() {
            tracing::warn!(connection.id = %self.connection, "calls to Meta are still open: their messages will be in doubt");
        }
        let recorded = async {
            self.end_of_reports().await;
            let _ = recorder.await;
        };
        if tokio::time::timeout(PATIENCE, recorded).await.is_err() {
            tracing::warn!(connection.id = %self.connection, "outcomes could not be recorded in time");
        }
        let lease = self.lease().clone();
        if let Err(error) = self.shared.deps.store.release_lane(&lease, &self.pace()).await {
            tracing::warn!(%error, connection.id = %self.connection, "could not give the lane back");
        }
    }
}
