//! Starting: by hand, at a time, again and again.

use domain::broadcasts::schedule::{self, Recurrence, Schedule};
use domain::broadcasts::{Plan, State, Step, StopCode, StopReason};
use domain::{BroadcastId, TenantId, Timestamp};
use ports::StoreResult;
use ports::alerts::Severity;
use ports::broadcasts::{Broadcast, BroadcastPatch, LiveBroadcast, Move, NewBroadcast};
use serde_json::json;

use super::stop::Fault;
use super::{BroadcastError, Broadcasts, moved};
use crate::alerts::{Alerts, Condition, broadcast_subject, kinds};

impl Broadcasts {
    /// Writes down what the plan comes to now, and starts it.
    pub(super) async fn start(
        &self,
        tenant: TenantId,
        id: BroadcastId,
        plan: &Plan,
        category: Option<domain::templates::Category>,
    ) -> Result<Broadcast, BroadcastError> {
        let fixed = self.fixed(tenant, plan).await?;
        let at = self.deps.clock.now();
        if fixed != *plan {
            let patch = BroadcastPatch { plan: Some(fixed), name: None };
            let done = self.deps.store.update_broadcast(tenant, id, patch, at).await?;
            moved(done, Step::Start.from())?;
        }
        let step = Move { step: Step::Start, reason: None, starts_at: None, category, at };
        let started = moved(self.deps.store.move_broadcast(tenant, id, step).await?, Step::Start.from())?;
        tracing::info!(tenant.id = %tenant, broadcast.id = %id, "a broadcast started");
        self.board.wake();
        Ok(started)
    }

    /// A scheduled broadcast is due: it starts, or its turn is made.
    pub(super) async fn time_has_come(&self, live: &LiveBroadcast) -> Result<(), BroadcastError> {
        let Some(broadcast) = self.deps.store.broadcast(live.tenant_id, live.id).await? else {
            return Ok(());
        };
        let Some(due) = broadcast.starts_at.filter(|_| broadcast.state == State::Scheduled) else {
            return Ok(());
        };
        if let Schedule::Recurring { recurrence } = &broadcast.plan.schedule {
            return Ok(self.make_turn(&broadcast, recurrence, due).await?);
        }
        let started = self.start_scheduled(&broadcast).await;
        match started {
            // Another node was quicker, or somebody took it back.
            Err(BroadcastError::InvalidState { .. } | BroadcastError::NotFound) => Ok(()),
            other => other,
        }
    }

    /// Nobody is there to read an error: what keeps it from being sent pauses it with its reason.
    async fn start_scheduled(&self, broadcast: &Broadcast) -> Result<(), BroadcastError> {
        let (tenant, id, plan) = (broadcast.tenant_id, broadcast.id, &broadcast.plan);
        let outlook = match self.check_ready(tenant, plan).await {
            Ok(outlook) => outlook,
            Err(BroadcastError::Store(error)) => return Err(error.into()),
            Err(why) => return self.start_and_stop(broadcast, &why).await,
        };
        self.start(tenant, id, plan, outlook.category()).await.map(|_| ())
    }

    async fn start_and_stop(
        &self,
        broadcast: &Broadcast,
        why: &BroadcastError,
    ) -> Result<(), BroadcastError> {
        let (tenant, id) = (broadcast.tenant_id, broadcast.id);
        let outlook = self.outlook(tenant, &broadcast.plan).await.ok();
        let category = outlook.as_ref().and_then(super::plan::Outlook::category);
        let code = match why {
            BroadcastError::ConnectionBroken { token_expired_at: Some(end), .. }
                if *end <= self.deps.clock.now() =>
            {
                StopCode::TokenExpired
            }
            BroadcastError::ConnectionBroken { .. } => StopCode::AccountRestricted,
            BroadcastError::ConnectionNotFound(_)
            | BroadcastError::ConnectionDisabled(_)
            | BroadcastError::NotConfigured => StopCode::ConnectionGone,
            _ => StopCode::TemplateUnusable,
        };
        let at = self.deps.clock.now();
        let step = Move { step: Step::Start, reason: None, starts_at: None, category, at };
        moved(self.deps.store.move_broadcast(tenant, id, step).await?, Step::Start.from())?;
        let message = format!("It could not start at its time: {why}. Mend that, then resume.");
        self.stop(tenant, id, Fault { code, message, meta_error_code: None }).await?;
        Ok(())
    }

    /// Makes the turn that is due, once among all nodes.
    async fn make_turn(
        &self,
        parent: &Broadcast,
        recurrence: &Recurrence,
        due: Timestamp,
    ) -> StoreResult<()> {
        let tenant = parent.tenant_id;
        let settings = self.settings_of(tenant).await?;
        let zone = settings.time_zone.as_deref();
        let now = self.deps.clock.now();
        let turns = schedule::turns_between(recurrence, due, now, zone);
        let local = schedule::zone(recurrence.time_zone.as_deref().or(zone)).to_datetime(turns.latest);
        let turn = NewBroadcast {
            name: format!("{} ({})", parent.name, local.strftime("%Y-%m-%d %H:%M")),
            plan: Plan { schedule: Schedule::Now, ..parent.plan.clone() },
            recurs_from: Some(parent.id),
            created_by: parent.created_by,
            at: now,
        };
        let made = self.deps.store.make_turn(tenant, parent.id, due, turn, turns.next).await?;
        let Some(made) = made else { return Ok(()) };
        tracing::info!(tenant.id = %tenant, broadcast.id = %parent.id, turn.id = %made.id, "a turn was made");
        self.board.wake();
        if turns.missed > 0 {
            self.tell_of_missed(parent, &made, turns.missed).await?;
        }
        Ok(())
    }

    async fn tell_of_missed(&self, parent: &Broadcast, made: &Broadcast, missed: i64) -> StoreResult<()> {
        let message = format!(
            "{missed} earlier turn(s) of \"{}\" were missed while no server ran; only the latest is made up for, as \
             \"{}\"",
            parent.name, made.name
        );
        tracing::warn!(tenant.id = %parent.tenant_id, broadcast.id = %parent.id, missed, "turns were missed");
        let condition = Condition {
            kind: kinds::BROADCAST_TURNS_MISSED,
            subject: broadcast_subject(parent.id),
            severity: Severity::Warning,
            message,
            details: json!({ "broadcast_id": parent.id, "turn_id": made.id, "missed": missed }),
        };
        Alerts::new(self.deps.clone()).raise(parent.tenant_id, condition).await?;
        Ok(())
    }

    /// Somebody did it by hand.
    pub(super) fn by_hand(&self, what: &str) -> Option<StopReason> {
        Some(StopReason {
            code: StopCode::ByUser,
            message: what.to_owned(),
            meta_error_code: None,
            at: self.deps.clock.now(),
        })
    }
}
