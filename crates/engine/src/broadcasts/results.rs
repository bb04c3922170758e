//! How a broadcast goes, and how it went.

use domain::broadcasts::State;
use domain::{BroadcastId, SignedDuration, TenantId, Timestamp};
use ports::broadcasts::{Broadcast, Results};

use super::limit::Portfolio;
use super::plan::Outlook;
use super::{BroadcastError, Broadcasts};
use crate::messages::Throttle;

/// Everything that there is to know of a broadcast.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub broadcast: Broadcast,
    pub results: Results,
    pub motion: Motion,
}

/// What is only known of a broadcast that is on its way.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Motion {
    /// While Meta throttles one of its numbers: the one that waits longest.
    pub rate_limit: Option<Throttle>,
    pub progress: Progress,
    /// Why it does not go on at this moment.
    pub waiting_for: Option<Waiting>,
}

/// How fast it goes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Progress {
    /// Recipients that got their end (sent, failed, in doubt) per second, over the last seconds.
    pub per_second: f64,
    /// Until nobody waits any more; `None`: not sending, or nobody can say.
    pub seconds_left: Option<i64>,
}

/// What a broadcast waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub what: WaitingFor,
    /// When it goes on, if that is known.
    pub until: Option<Timestamp>,
}

/// Kinds of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitingFor {
    /// Meta's limit of new contacts in 24 hours is used up.
    MessagingLimit,
    /// Meta throttles the number.
    RateLimit,
    /// Nobody's time has come: local times, quiet hours, messages that were put off.
    DueTime,
    /// The template may not be sent at this moment.
    Template,
}

impl WaitingFor {
    /// The word used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MessagingLimit => "messaging_limit",
            Self::RateLimit => "rate_limit",
            Self::DueTime => "due_time",
            Self::Template => "template",
        }
    }
}

impl Broadcasts {
    /// Results, rate limit and progress.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], or the store's.
    pub async fn results(&self, tenant: TenantId, broadcast: BroadcastId) -> Result<Report, BroadcastError> {
        let known = self.get(tenant, broadcast).await?;
        let results = self.deps.store.broadcast_results(tenant, broadcast).await?;
        let results = results.ok_or(BroadcastError::NotFound)?;
        let motion = self.motion(&known).await?;
        Ok(Report { broadcast: known, results, motion })
    }

    /// How it goes at this moment, out of the counts that were read with it.
    ///
    /// # Errors
    /// The store's.
    pub async fn motion(&self, broadcast: &Broadcast) -> Result<Motion, BroadcastError> {
        if broadcast.state != State::Sending {
            return Ok(Motion::default());
        }
        let outlook = self.outlook(broadcast.tenant_id, &broadcast.plan).await?;
        let rate_limit = self.rate_limit(broadcast, &outlook).await;
        let waiting_for = self.waiting_for(broadcast, &outlook, rate_limit.as_ref()).await?;
        let progress = self.progress(broadcast, &outlook, waiting_for);
        Ok(Motion { rate_limit, progress, waiting_for })
    }

    /// Of the numbers that Meta throttles the one that waits longest, with everybody who waits behind it.
    async fn rate_limit(&self, broadcast: &Broadcast, outlook: &Outlook) -> Option<Throttle> {
        let throttles = outlook.active().map(|entry| self.messages.throttled(entry));
        let throttles = futures::future::join_all(throttles).await.into_iter().flatten();
        let longest = throttles.max_by_key(|throttle| throttle.retry_after_seconds)?;
        let waiting = broadcast.counts.pending + broadcast.counts.queued;
        Some(Throttle { messages_queued: longest.messages_queued.max(waiting), ..longest })
    }

    fn progress(&self, broadcast: &Broadcast, outlook: &Outlook, waiting: Option<Waiting>) -> Progress {
        let per_second = self.board.speed(broadcast.id, &broadcast.counts);
        let left = broadcast.counts.pending + broadcast.counts.queued;
        // Before anything was measured: as fast as the numbers may.
        let expected = if per_second > 0.0 { per_second } else { outlook.per_second().unwrap_or(0.0) };
        let now = self.deps.clock.now();
        let wait = match waiting.and_then(|waiting| waiting.until) {
            Some(until) => until.duration_since(now).as_secs().max(0),
            None => 0,
        };
        let known = broadcast.frozen && expected > 0.0;
        let sending = (left as f64 / expected.max(f64::MIN_POSITIVE)).ceil();
        Progress { per_second, seconds_left: known.then(|| (sending as i64).saturating_add(wait)) }
    }

    /// Found out anew each time, so that every node answers alike.
    async fn waiting_for(
        &self,
        broadcast: &Broadcast,
        outlook: &Outlook,
        rate_limit: Option<&Throttle>,
    ) -> Result<Option<Waiting>, BroadcastError> {
        let now = self.deps.clock.now();
        let counts = &broadcast.counts;
        if outlook.blocked().is_some() {
            return Ok(Some(Waiting { what: WaitingFor::Template, until: None }));
        }
        if broadcast.frozen && counts.pending + counts.queued > 0 {
            let due = self.deps.store.next_recipient_due(broadcast.tenant_id, broadcast.id).await?;
            if let Some(until) = due.filter(|due| *due > now) {
                return Ok(Some(Waiting { what: WaitingFor::DueTime, until: Some(until) }));
            }
        }
        if counts.pending > 0
            && counts.queued == 0
            && broadcast.frozen
            && let Some(until) = self.limit_used_up(broadcast, outlook, now).await?
        {
            return Ok(Some(Waiting { what: WaitingFor::MessagingLimit, until: Some(until) }));
        }
        Ok(rate_limit.map(|throttle| {
            let wait = SignedDuration::from_secs(throttle.retry_after_seconds);
            Waiting { what: WaitingFor::RateLimit, until: now.checked_add(wait).ok() }
        }))
    }

    /// Until when every account's limit is used up.
    async fn limit_used_up(
        &self,
        broadcast: &Broadcast,
        outlook: &Outlook,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, BroadcastError> {
        let (store, tenant) = (self.deps.store.as_ref(), broadcast.tenant_id);
        let listing = self.directory.listing();
        let mut first: Option<Timestamp> = None;
        for entry in outlook.active() {
            let portfolio = Portfolio::of(&listing, tenant, &entry.connection.waba_id);
            let Some(portfolio) = portfolio else { return Ok(None) };
            if portfolio.used(store, tenant, now).await? < portfolio.limit {
                return Ok(None);
            }
            let wanted = broadcast.counts.pending.min(portfolio.worth());
            let until = portfolio.room_at(store, tenant, now, wanted).await?;
            first = Some(first.map_or(until, |first| first.min(until)));
        }
        Ok(first)
    }
}
