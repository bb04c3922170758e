//! Waiting for Meta's answer.

use std::time::Duration;

use domain::connections::ConnectionState;
use domain::messages::{Priority, Status};
use domain::{MessageId, SignedDuration, TenantId, Timestamp};
use ports::messages::{Accepted, Failure};

use super::{SendOutcome, Sent};
use crate::directory::Entry;
use crate::messages::waiters::{News, Waiter};
use crate::messages::{Messages, failure, news_of};

/// How often a call looks how things stand: whether its connection broke meanwhile, and what became of its message when
/// another node holds the lane.
const LOOK: Duration = Duration::from_millis(250);

/// What a look showed.
enum Looked {
    /// The connection broke while the message waited.
    Broken(SendOutcome),
    News(Option<News>),
}

impl Messages {
    pub(super) async fn follow(
        &self,
        tenant: TenantId,
        entry: &Entry,
        accepted: Accepted,
        scheduled: Option<Timestamp>,
        wait: Duration,
    ) -> Sent {
        let outcome = if scheduled.is_some() || wait.is_zero() {
            self.lanes.wake(accepted.connection_id);
            SendOutcome::Queued { send_at: scheduled }
        } else {
            let mut news = self.waiters.wait_for(accepted.message_id);
            self.lanes.wake(accepted.connection_id);
            self.wait(tenant, entry, accepted.message_id, &mut news, wait).await
        };
        Sent {
            message_id: accepted.message_id,
            contact_id: accepted.contact_id,
            conversation_id: accepted.conversation_id,
            connection_id: accepted.connection_id,
            outcome,
        }
    }

    async fn wait(
        &self,
        tenant: TenantId,
        entry: &Entry,
        message: MessageId,
        news: &mut Waiter,
        wait: Duration,
    ) -> SendOutcome {
        if let Some(outcome) = self.hopeless(tenant, entry, message, wait).await {
            return outcome;
        }
        let deadline = tokio::time::Instant::now() + wait;
        let mut last = None;
        loop {
            let heard = tokio::select! {
                heard = news.recv() => heard,
                () = tokio::time::sleep_until(deadline) => break,
                () = tokio::time::sleep(LOOK) => match self.look(tenant, entry, message).await {
                    Looked::Broken(outcome) => return outcome,
                    Looked::News(news) => news,
                },
            };
            match heard {
                Some(News::Sent { wamid, at }) => return SendOutcome::Sent { wamid, at },
                Some(News::Failed(failure)) => return SendOutcome::Failed(failure),
                Some(News::Refused(refusal)) => return SendOutcome::Refused(refusal),
                Some(News::InDoubt(failure)) => return SendOutcome::InDoubt(failure),
                Some(News::Halted(failure)) => return self.halted(entry, failure),
                Some(News::Throttled { until }) => {
                    return SendOutcome::Throttled(self.throttle(entry, Some(until)).await);
                }
                Some(News::Retrying { unreachable, why }) => last = Some((unreachable, why)),
                None => {}
            }
        }
        match last {
            Some((true, why)) => SendOutcome::Unreachable(why),
            _ => self.still_queued(entry).await,
        }
    }

    async fn look(&self, tenant: TenantId, entry: &Entry, message: MessageId) -> Looked {
        let elsewhere = self.standing(entry).is_none();
        let broken = self.broken(entry);
        if !elsewhere && broken.is_none() {
            return Looked::News(None);
        }
        let found = self.get(tenant, message).await.ok().flatten();
        match broken {
            // What is on its way already is answered yet.
            Some(outcome) if found.as_ref().is_some_and(|found| found.status == Status::Queued) => {
                Looked::Broken(outcome)
            }
            _ => Looked::News(found.as_ref().filter(|_| elsewhere).and_then(news_of)),
        }
    }

    /// Meta takes nothing from this connection any more.
    fn broken(&self, entry: &Entry) -> Option<SendOutcome> {
        let listing = self.directory.listing();
        let entry = listing.entry(entry.connection.id)?;
        let broken = entry.connection.state == ConnectionState::Error;
        broken.then(|| self.halted(entry, halted_before(entry, self.deps.clock.now())))
    }

    /// What is known beforehand not to end within the wait: a broken connection, a pause, a queue too long.
    async fn hopeless(
        &self,
        tenant: TenantId,
        entry: &Entry,
        message: MessageId,
        wait: Duration,
    ) -> Option<SendOutcome> {
        if let Some(outcome) = self.broken(entry) {
            return Some(outcome);
        }
        let standing = self.standing(entry)?;
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        let behind = standing.wait > wait && !self.overtakes(tenant, message).await;
        if behind || standing.paused_until.is_some() {
            return Some(SendOutcome::Throttled(self.throttle(entry, standing.paused_until).await));
        }
        None
    }

    /// A reply goes before the queue that the wait was counted from.
    async fn overtakes(&self, tenant: TenantId, message: MessageId) -> bool {
        let found = self.get(tenant, message).await.ok().flatten();
        found.is_some_and(|message| message.priority == Priority::Reply)
    }

    async fn still_queued(&self, entry: &Entry) -> SendOutcome {
        let now = self.deps.clock.now();
        match self.standing(entry) {
            Some(standing) if standing.paused_until.is_some_and(|until| until > now) => {
                SendOutcome::Throttled(self.throttle(entry, standing.paused_until).await)
            }
            Some(standing) if standing.wait > SignedDuration::from_secs(1) => {
                SendOutcome::Throttled(self.throttle(entry, None).await)
            }
            _ => SendOutcome::Queued { send_at: None },
        }
    }

    /// The time that Meta told beforehand, else that at which Meta refused the token.
    fn halted(&self, entry: &Entry, failure: Failure) -> SendOutcome {
        let listing = self.directory.listing();
        let known = listing.entry(entry.connection.id).and_then(|entry| entry.connection.token_expires_at);
        let now = self.deps.clock.now();
        let token_expired_at = Some(known.filter(|at| *at <= now).unwrap_or(now));
        SendOutcome::Halted { failure, token_expired_at }
    }
}

fn halted_before(entry: &Entry, now: Timestamp) -> Failure {
    let reason = entry.connection.state_reason.as_deref().unwrap_or("Meta refuses this connection");
    let token_is_over = entry.connection.token_expires_at.is_some_and(|end| end <= now);
    failure::plain(
        if token_is_over { "TOKEN_EXPIRED" } else { "META_REJECTED" },
        reason,
        None,
        "Reconnect WhatsApp in Settings: the queue then goes on where it stopped.",
    )
}
