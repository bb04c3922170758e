//! Starting: by hand, at a time, again and again.

use domain::broadcasts::schedule::{self, Recurrence, Schedule};
use domain::broadcasts::{Plan, State, Step, StopCode, StopReason};
use domain::templates::Category;
use domain::{BroadcastId, TenantId, Timestamp};
use ports::alerts::Severity;
use ports::broadcasts::{Broadcast, LiveBroadcast, NewBroadcast, Start};
use ports::{StoreError, StoreResult};
use serde_json::json;

use super::plan::starts_at;
use super::stop::{Fault, without_stop};
use super::{BroadcastError, Broadcasts, TRIES, moved};
use crate::alerts::{Alerts, Condition, broadcast_subject, kinds};

impl Broadcasts {
    /// Starts one that never began, or gives it the time of its plan.
    pub(super) async fn launch(
        &self,
        tenant: TenantId,
        id: BroadcastId,
    ) -> Result<Broadcast, BroadcastError> {
        for _ in 0..TRIES {
            let known = self.standing(tenant, id, Step::Start).await?;
            match self.try_to_launch(&known).await {
                Err(BroadcastError::Overtaken) => {}
                other => return other,
            }
        }
        Err(BroadcastError::Overtaken)
    }

    async fn try_to_launch(&self, known: &Broadcast) -> Result<Broadcast, BroadcastError> {
        let (tenant, plan) = (known.tenant_id, &known.plan);
        let outlook = self.check_ready(known).await?;
        let zone = outlook.settings.time_zone.as_deref();
        let at = match starts_at(&plan.schedule, self.deps.clock.now(), zone) {
            // Its time came while something kept it from starting.
            Err(_) if known.is_held() && goes_at_once(&plan.schedule) => None,
            other => other?,
        };
        let launched = match at {
            None => self.start(known, outlook.category()).await?,
            Some(at) => self.schedule(known, at).await?,
        };
        if known.is_held() {
            self.call_off_alert(tenant, known.id).await;
        }
        Ok(launched)
    }

    /// Settles what the plan comes to now, and starts it: one commit, of the plan that was read alone.
    async fn start(
        &self,
        known: &Broadcast,
        category: Option<Category>,
    ) -> Result<Broadcast, BroadcastError> {
        let (tenant, id) = (known.tenant_id, known.id);
        let (plan, meant) = self.fixed(tenant, &known.plan).await?;
        let start = Start { plan, meant, category, seen: known.version, at: self.deps.clock.now() };
        let started = moved(self.deps.store.start_broadcast(tenant, id, start).await?, Step::Start.from())?;
        tracing::info!(tenant.id = %tenant, broadcast.id = %id, "a broadcast started");
        self.board.wake();
        Ok(started)
    }

    /// A scheduled broadcast is due: it starts, or its turn is made. Nobody is there to read an error: what keeps it from
    /// that holds it with its reason, and only a store that has trouble is asked again.
    pub(super) async fn time_has_come(&self, live: &LiveBroadcast) -> StoreResult<()> {
        let Some(broadcast) = self.deps.store.broadcast(live.tenant_id, live.id).await? else {
            return Ok(());
        };
        let Some(due) = broadcast.starts_at.filter(|_| broadcast.state == State::Scheduled) else {
            return Ok(());
        };
        let done = match &broadcast.plan.schedule {
            Schedule::Recurring { recurrence } => {
                self.make_turn(&broadcast, recurrence, due).await.map_err(BroadcastError::from)
            }
            _ => self.start_scheduled(&broadcast).await,
        };
        match done {
            Ok(()) => Ok(()),
            // Another node was quicker, or somebody took it back or changed it.
            Err(
                BroadcastError::InvalidState { .. } | BroadcastError::NotFound | BroadcastError::Overtaken,
            ) => Ok(()),
            Err(BroadcastError::Store(error @ StoreError::Unavailable(_))) => Err(error),
            Err(why) => self.hold(&broadcast, why_not(&why)).await,
        }
    }

    async fn start_scheduled(&self, broadcast: &Broadcast) -> Result<(), BroadcastError> {
        let outlook = self.check_ready(broadcast).await?;
        self.start(broadcast, outlook.category()).await.map(|_| ())
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

/// What was held at this time goes at once when it is resumed.
pub(super) fn goes_at_once(schedule: &Schedule) -> bool {
    !matches!(schedule, Schedule::Recurring { .. })
}

/// What kept it from starting at its time.
fn why_not(why: &BroadcastError) -> Fault {
    let code = match why {
        BroadcastError::ConnectionBroken(broken) => broken.code,
        BroadcastError::ConnectionNotFound(_)
        | BroadcastError::ConnectionDisabled(_)
        | BroadcastError::NotConfigured => StopCode::ConnectionGone,
        BroadcastError::TemplateNotFound { .. }
        | BroadcastError::TemplateNotApproved { .. }
        | BroadcastError::ParamsMismatch { .. } => StopCode::TemplateUnusable,
        BroadcastError::SegmentNotFound(_) => StopCode::SegmentGone,
        BroadcastError::ListEmpty => StopCode::ListEmpty,
        _ => StopCode::PlanUnusable,
    };
    let meta_error_code = match why {
        BroadcastError::ConnectionBroken(broken) => broken.meta_error_code,
        _ => None,
    };
    let message = format!(
        "It could not start at its time: {}. Nobody got it. Mend that (the broadcast can be changed), then resume.",
        without_stop(&words(why))
    );
    Fault { code, message, meta_error_code }
}

/// What is wrong, for somebody who sees neither a request nor the log.
pub(super) fn words(why: &BroadcastError) -> String {
    match why {
        BroadcastError::Faults(faults) => {
            let words = faults.iter().map(|fault| format!("{}: {}", fault.pointer, fault.problem));
            words.collect::<Vec<_>>().join("; ")
        }
        BroadcastError::Store(error) => {
            tracing::error!(%error, "a broadcast could not start at its time");
            "the server failed, its log says how".to_owned()
        }
        other => other.to_string(),
    }
}
