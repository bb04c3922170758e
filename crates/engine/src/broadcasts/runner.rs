//! The runner: on every node one task looks after all broadcasts, and each one that is sending has a worker.
//!
//! A worker does what concerns the lanes that its node holds. Freezing is done where the lane of the first active
//! number is; should two nodes take themselves for that for a moment, the store's verbs let nothing happen twice.

use std::collections::HashMap;
use std::time::Duration;

use domain::broadcasts::{State, StopCode};
use domain::templates::Category;
use domain::{BroadcastId, TenantId};
use ports::broadcasts::{Broadcast, LiveBroadcast};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::feed::Held;
use super::freeze::{due_times, screen_of};
use super::plan::Outlook;
use super::start::words;
use super::stop::{Fault, warn};
use super::{BroadcastError, Broadcasts};
use crate::messages::Told;

/// How often is looked although nobody woke it: a broadcast that was started on another node begins here within this
/// time, and a pause is seen.
const LOOK_ANYWAY: Duration = Duration::from_millis(200);
/// And at least this often, however long the store has had trouble.
const LOOK_ANYWAY_IN_TROUBLE: Duration = Duration::from_secs(5);
/// Outcomes taken in at once.
const TOLD_AT_ONCE: usize = 1_024;

/// What is known of one broadcast while it is worked on.
struct Worker {
    broadcasts: Broadcasts,
    tenant: TenantId,
    id: BroadcastId,
    stop: CancellationToken,
    held: Option<Held>,
    freezing: Option<JoinHandle<()>>,
    /// Rounds in a row in which the store had trouble.
    troubles: u32,
}

/// What to do after a round.
enum Next {
    AtOnce,
    Later,
    /// The store had trouble, which was told.
    AfterTrouble,
    End,
}

/// How long to wait after so much trouble in a row: each time is told, and a store that is gone or a row that cannot be read
/// would fill the log.
fn patience(troubles: u32) -> Duration {
    (LOOK_ANYWAY * 2_u32.pow(troubles.min(8))).min(LOOK_ANYWAY_IN_TROUBLE)
}

impl Broadcasts {
    /// Works on broadcasts until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let breaker = tokio::spawn(self.clone().listen(stop.clone()));
        let mut workers: HashMap<BroadcastId, JoinHandle<()>> = HashMap::new();
        let mut troubles = 0;
        while !stop.is_cancelled() {
            match self.deps.store.live_broadcasts().await {
                Ok(live) => {
                    troubles = 0;
                    self.look_after(live, &mut workers, &stop).await;
                }
                Err(error) => {
                    troubles = u32::saturating_add(troubles, 1);
                    tracing::warn!(%error, "could not read the broadcasts");
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.board.woken() => {}
                () = tokio::time::sleep(patience(troubles)) => {}
            }
        }
        futures::future::join_all(workers.into_values()).await;
        breaker.abort();
    }

    async fn look_after(
        &self,
        live: Vec<LiveBroadcast>,
        workers: &mut HashMap<BroadcastId, JoinHandle<()>>,
        stop: &CancellationToken,
    ) {
        workers.retain(|_, worker| !worker.is_finished());
        let now = self.deps.clock.now();
        for one in live {
            if one.state == State::Scheduled {
                if one.starts_at.is_some_and(|at| at <= now)
                    && let Err(error) = self.time_has_come(&one).await
                {
                    tracing::warn!(%error, broadcast.id = %one.id, "could not start a broadcast at its time");
                }
            } else {
                workers.entry(one.id).or_insert_with(|| tokio::spawn(self.worker(&one, stop).run()));
            }
        }
    }

    fn worker(&self, live: &LiveBroadcast, stop: &CancellationToken) -> Worker {
        Worker {
            broadcasts: self.clone(),
            tenant: live.tenant_id,
            id: live.id,
            stop: stop.clone(),
            held: None,
            freezing: None,
            troubles: 0,
        }
    }

    /// Takes in what lanes and webhooks tell, and stops what must be stopped.
    async fn listen(self, stop: CancellationToken) {
        let mut told = Vec::with_capacity(TOLD_AT_ONCE);
        let mut hear = self.told.lock().await;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                count = hear.recv_many(&mut told, TOLD_AT_ONCE) => if count == 0 { return },
            }
            for one in told.drain(..) {
                self.weigh(one).await;
            }
        }
    }

    async fn weigh(&self, told: Told) {
        if !self.board.works_on(told.broadcast) {
            return;
        }
        let tripped = self.board.note(told.broadcast, told.outcome);
        let at_once = Fault::at_once(&told);
        let Some(fault) = at_once.or_else(|| tripped.map(|code| Fault::tripped(code, &told))) else { return };
        // A store that has trouble now does not let more go out either.
        if let Err(error) = self.stop(told.tenant, told.broadcast, fault).await {
            warn(told.broadcast, &error, "could not stop a broadcast");
        }
    }

    /// It is over; whether it reached nobody was told in the same commit.
    async fn ended(&self, broadcast: &Broadcast) {
        tracing::info!(
            tenant.id = %broadcast.tenant_id, broadcast.id = %broadcast.id, state = broadcast.state.as_str(),
            sent = broadcast.counts.sent, failed = broadcast.counts.failed, "a broadcast ended"
        );
        self.board.stands(broadcast.id);
        if broadcast.state != State::Failed {
            self.call_off_alert(broadcast.tenant_id, broadcast.id).await;
        }
    }
}

impl Worker {
    async fn run(mut self) {
        while !self.stop.is_cancelled() {
            let next = match self.broadcasts.deps.store.broadcast(self.tenant, self.id).await {
                Ok(Some(broadcast)) if broadcast.state == State::Sending => {
                    // Each time: it may have been stopped and resumed since the last round.
                    self.broadcasts.board.begin(self.id, broadcast.plan.breaker);
                    self.round(&broadcast).await
                }
                Ok(_) => Next::End,
                Err(error) => {
                    warn(self.id, &error, "could not read a broadcast");
                    Next::AfterTrouble
                }
            };
            self.troubles =
                if matches!(next, Next::AfterTrouble) { self.troubles.saturating_add(1) } else { 0 };
            match next {
                Next::AtOnce => {}
                Next::Later | Next::AfterTrouble => tokio::select! {
                    () = self.stop.cancelled() => {}
                    () = tokio::time::sleep(patience(self.troubles)) => {}
                },
                Next::End => break,
            }
        }
        if let Some(freezing) = self.freezing.take() {
            freezing.abort();
        }
        self.broadcasts.board.end(self.id);
    }

    /// One round; what the store cannot do now is tried again in the next.
    async fn round(&mut self, broadcast: &Broadcast) -> Next {
        self.broadcasts.board.speed(self.id, &broadcast.counts);
        match self.work(broadcast).await {
            Ok(next) => next,
            Err(BroadcastError::Store(error)) => {
                warn(self.id, &error, "a broadcast waits for the store");
                Next::AfterTrouble
            }
            // The plan was good when it was started: what is in it cannot be read any more.
            Err(error) => {
                let message = format!("It cannot go on: {}. Cancel it, and plan it anew.", words(&error));
                let fault = Fault::new(StopCode::PlanUnusable, message);
                match self.broadcasts.stop(self.tenant, self.id, fault).await {
                    Ok(()) => Next::End,
                    Err(error) => {
                        warn(self.id, &error, "could not stop a broadcast");
                        Next::AfterTrouble
                    }
                }
            }
        }
    }

    async fn work(&mut self, broadcast: &Broadcast) -> Result<Next, BroadcastError> {
        let broadcasts = self.broadcasts.clone();
        let mut outlook = broadcasts.outlook(self.tenant, &broadcast.plan).await?;
        let mut fault = broadcasts.fault(broadcast, &outlook).await?;
        if fault.is_some() {
            // Another node may have made or repaired a number a moment ago.
            broadcasts.directory.refresh().await?;
            outlook = broadcasts.outlook(self.tenant, &broadcast.plan).await?;
            fault = broadcasts.fault(broadcast, &outlook).await?;
        }
        if let Some(fault) = fault {
            broadcasts.stop(self.tenant, self.id, fault).await?;
            return Ok(Next::End);
        }
        if broadcast.frozen && broadcast.counts.is_through() {
            return self.finish().await;
        }
        if !broadcast.frozen && self.leads(&outlook) {
            self.freeze(broadcast, &outlook);
        }
        let fed = broadcasts.feed(broadcast, &outlook, &mut self.held).await?;
        Ok(match fed {
            fed if fed.stopped => Next::End,
            fed if fed.moved > 0 => Next::AtOnce,
            _ => Next::Later,
        })
    }

    async fn finish(&self) -> Result<Next, BroadcastError> {
        let at = self.broadcasts.deps.clock.now();
        let ended = self.broadcasts.deps.store.finish_broadcast(self.tenant, self.id, at).await?;
        if let Some(ended) = ended {
            self.broadcasts.ended(&ended).await;
        }
        Ok(Next::Later)
    }

    /// Freezing is this node's: it holds the lane of the first number that sends.
    fn leads(&self, outlook: &Outlook) -> bool {
        let first = outlook.active().next();
        first.is_some_and(|entry| self.broadcasts.messages.holds(entry.connection.id))
    }

    fn freeze(&mut self, broadcast: &Broadcast, outlook: &Outlook) {
        if self.freezing.as_ref().is_some_and(|freezing| !freezing.is_finished()) {
            return;
        }
        let Some(meant) = &broadcast.meant else { return };
        let now = self.broadcasts.deps.clock.now();
        let category = broadcast.category.clone().or_else(|| outlook.category());
        let category = category.unwrap_or(Category::Marketing);
        let screen = screen_of(&broadcast.plan, meant, Some(self.id), outlook, &category, now);
        let due = due_times(&broadcast.plan, &outlook.settings, &category, now);
        let freezing = self.broadcasts.clone().freeze(broadcast.clone(), screen, due, self.stop.clone());
        self.freezing = Some(tokio::spawn(freezing));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_that_lasts_is_told_ever_more_rarely() {
        assert_eq!(patience(0), LOOK_ANYWAY);
        assert_eq!(patience(1), LOOK_ANYWAY * 2);
        assert_eq!(patience(4), LOOK_ANYWAY * 16);
        assert_eq!(patience(5), LOOK_ANYWAY_IN_TROUBLE);
        assert_eq!(patience(u32::MAX), LOOK_ANYWAY_IN_TROUBLE);
    }
}
