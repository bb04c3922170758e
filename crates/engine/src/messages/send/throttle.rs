//! How far a number is behind its rate.

use domain::{SignedDuration, Timestamp};

use crate::directory::Entry;
use crate::messages::Messages;
use crate::messages::lane::Standing;

/// A rate limit as the product owner's document prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throttle {
    /// Messages per period that this number may send.
    pub limit: u32,
    /// E.g. `1 minute`.
    pub period: String,
    pub retry_after_seconds: i64,
    pub messages_queued: i64,
}

impl Messages {
    pub(super) fn standing(&self, entry: &Entry) -> Option<Standing> {
        self.lanes.standing(entry.connection.id, self.deps.clock.now())
    }

    /// The rate limit of a number that Meta throttles at this moment. Of a lane that another node holds it is what that
    /// node kept when it last prolonged its lease.
    pub(crate) async fn throttled(&self, entry: &Entry) -> Option<Throttle> {
        let standing = match self.standing(entry) {
            Some(standing) => standing,
            None => self.standing_elsewhere(entry).await?,
        };
        if !standing.slowed {
            return None;
        }
        Some(self.throttle(entry, standing.paused_until).await)
    }

    async fn standing_elsewhere(&self, entry: &Entry) -> Option<Standing> {
        let (tenant, connection) = (entry.connection.tenant_id, entry.connection.id);
        let kept = self.deps.store.kept_pace(tenant, connection).await.ok().flatten()?;
        let pacer: domain::pacing::Pacer = serde_json::from_value(kept).ok()?;
        Some(Standing::of(&pacer, 0, self.deps.clock.now()))
    }

    pub(super) async fn throttle(&self, entry: &Entry, until: Option<Timestamp>) -> Throttle {
        let now = self.deps.clock.now();
        let connection = &entry.connection;
        let stats = self.deps.store.queue_stats(connection.tenant_id, connection.id, now).await;
        let pause = until.map_or(SignedDuration::ZERO, |until| until.duration_since(now));
        let wait = self.standing(entry).map_or(pause, |standing| standing.wait.max(pause));
        Throttle {
            limit: connection.rate.count,
            period: connection.rate.period_label(),
            retry_after_seconds: (wait.as_millis() as i64).div_euclid(1000).max(0) + 1,
            messages_queued: stats.map_or(1, |stats| stats.queued.max(1)),
        }
    }
}
