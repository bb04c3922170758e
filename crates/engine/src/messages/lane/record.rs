//! Recording outcomes: in batches, and before anybody is told.

use std::sync::Arc;
use std::time::Duration;

use domain::{ContactId, MessageId};
use futures::FutureExt;
use futures::future::BoxFuture;
use ports::StoreError;
use ports::lanes::{Claimed, Outcome, Settlement};
use tokio::sync::mpsc;

use super::Lane;
use crate::messages::failure;
use crate::messages::waiters::News;

/// Most outcomes in one commit.
const LARGEST_BATCH: usize = 512;

/// An outcome and what to tell of it; `None` ends the recorder.
pub(super) type Report = Option<(Outcome, Option<News>)>;

impl Lane {
    /// Hands an outcome to the recorder; waits when it is behind.
    pub(super) async fn report(&self, claimed: &Claimed, settlement: Settlement, news: Option<News>) {
        self.shared.tap.settled(self.tenant, claimed, &settlement);
        self.report_on((claimed.message_id, claimed.contact_id), settlement, news).await;
    }

    pub(super) async fn report_on(
        &self,
        (message_id, contact_id): (MessageId, ContactId),
        settlement: Settlement,
        news: Option<News>,
    ) {
        let outcome = Outcome { message_id, contact_id, settlement, at: self.now() };
        // The recorder lives as long as the lane.
        let _ = self.outcomes.send(Some((outcome, news))).await;
    }

    pub(super) async fn end_of_reports(&self) {
        let _ = self.outcomes.send(None).await;
    }

    /// The recorder: drains what has come, commits it, tells the waiters.
    pub(super) async fn record(self: Arc<Self>, mut reports: mpsc::Receiver<Report>) {
        let mut batch = Vec::with_capacity(LARGEST_BATCH);
        loop {
            if reports.recv_many(&mut batch, LARGEST_BATCH).await == 0 {
                return;
            }
            let last = batch.iter().any(Option::is_none);
            let (outcomes, news): (Vec<Outcome>, Vec<Option<News>>) = batch.drain(..).flatten().unzip();
            if !outcomes.is_empty() {
                let told: Vec<(MessageId, News)> = outcomes
                    .iter()
                    .zip(news)
                    .filter_map(|(outcome, news)| Some((outcome.message_id, news?)))
                    .collect();
                let requeued = outcomes.iter().any(|outcome| {
                    matches!(
                        outcome.settlement,
                        Settlement::Requeue { .. } | Settlement::DelayContact { .. } | Settlement::Unsent
                    )
                });
                self.commit(outcomes, 1).await;
                self.shared.waiters.tell(told);
                if requeued {
                    self.wake();
                }
            }
            if last {
                return;
            }
        }
    }

    /// Tries as long as the store is not there: an outcome that got lost would leave its message on its way for
    /// ever. (Meanwhile the calls keep their places, so the lane stops by itself; when it is stopped, nobody waits
    /// longer than its patience.) What the store cannot take is parted until it stands alone.
    fn commit(&self, outcomes: Vec<Outcome>, depth: u32) -> BoxFuture<'_, ()> {
        async move {
            let mut wait = Duration::from_millis(20);
            loop {
                let lease = self.lease().clone();
                match self.shared.deps.store.record_outcomes(&lease, outcomes.clone()).await {
                    Ok(moved) => {
                        self.shared.bulletin.tell(self.tenant, moved);
                        let mut under_way = self.under_way();
                        outcomes.iter().for_each(|outcome| {
                            under_way.remove(&outcome.message_id);
                        });
                        return;
                    }
                    Err(StoreError::Internal(why)) => return self.part(outcomes, &why, depth).await,
                    Err(error) => {
                        tracing::warn!(%error, connection.id = %self.connection, "recording outcomes failed, trying again");
                        tokio::time::sleep(wait).await;
                        wait = (wait * 2).min(Duration::from_secs(2));
                    }
                }
            }
        }
        .boxed()
    }

    async fn part(&self, mut outcomes: Vec<Outcome>, why: &str, depth: u32) {
        if outcomes.len() > 1 {
            let rest = outcomes.split_off(outcomes.len() / 2);
            self.commit(outcomes, depth).await;
            self.commit(rest, depth).await;
            return;
        }
        let Some(outcome) = outcomes.pop() else { return };
        tracing::error!(why, connection.id = %self.connection, message.id = %outcome.message_id,
            "an outcome could not be recorded: its message is in doubt");
        if depth == 0 {
            // It stays under way, so that nobody takes it for a claim that was never answered and sends it again.
            return;
        }
        let why = failure::plain(
            "SEND_OUTCOME_UNKNOWN",
            "What Meta answered could not be kept",
            None,
            "Wait for a status webhook to settle it; it is never sent again blindly.",
        );
        let outcome = Outcome { settlement: Settlement::InDoubt { why }, ..outcome };
        self.commit(vec![outcome], depth - 1).await;
    }
}
